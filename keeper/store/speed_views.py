"""What pages and commands read of the speed tests: quick questions, whatever was spoiled in the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from statistics import median
from typing import Any

from sqlalchemy import Select, func, select

from keeper.rules.types import Flaw, SpeedDay, SpeedPoint, SpeedProvider, SpeedRun, SpeedTest, SpeedUsual
from keeper.store import speed_rows as rows
from keeper.store.db import Database
from keeper.store.schema import speed_days, speed_runs
from keeper.store.schema import speed_tests as tests
from keeper.store.speed import StoredSpeed
from keeper.store.speed_book import LONGEST, baseline
from keeper.store.speed_rows import DAYS, ENDED, RESULTS, RUNS, SUCCESS, TESTS

LATEST_RESULTS = 30  # of a provider and server, that say what is usual there
_LEAF = 500  # tests that an export reads at once


class SpeedViews:
    """Read-only. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._store = StoredSpeed(database)

    def latest(self) -> SpeedTest | None:
        """The newest one that brought a result."""
        wanted = TESTS.where(tests.c.status == SUCCESS).order_by(tests.c.id.desc())
        with self._database.read() as connection:
            return next(rows.to_tests(connection.execute(wanted)), None)

    def active(self) -> SpeedTest | None:
        """The one that is running, else the oldest queued one."""
        return self._store.active()

    def tests(self, limit: int, offset: int = 0) -> list[SpeedTest]:
        """Newest first, those that have not ended as well."""
        wanted = TESTS.order_by(tests.c.id.desc()).limit(limit).offset(offset)
        with self._database.read() as connection:
            return list(rows.to_tests(connection.execute(wanted)))

    def count(self) -> int:
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(tests)).scalar_one())

    def runs_of(self, test_id: int) -> list[SpeedRun]:
        """The measurements of a test, in their order."""
        wanted = RUNS.where(speed_runs.c.test_id == test_id).order_by(speed_runs.c.id)
        with self._database.read() as connection:
            return [run for row in connection.execute(wanted) if (run := rows.to_run(row))]

    def runs_of_all(self, test_ids: Sequence[int]) -> dict[int, list[SpeedRun]]:
        """The same for a page full of tests, by one question."""
        wanted = RUNS.where(speed_runs.c.test_id.in_(test_ids)).order_by(speed_runs.c.id)
        found: dict[int, list[SpeedRun]] = {}
        with self._database.read() as connection:
            for row in connection.execute(wanted):
                if run := rows.to_run(row):
                    found.setdefault(row.test_id, []).append(run)
        return found

    def points(self, since: datetime, most: int = 1_000) -> list[SpeedPoint]:
        """The newest `most` results from `since` on, oldest first."""
        wanted = _results(since).order_by(tests.c.began_at.desc(), tests.c.id.desc()).limit(most)
        with self._database.read() as connection:
            points = [point for row in connection.execute(wanted) if (point := rows.to_point(row))]
        return points[::-1]

    def days(self, since: str) -> dict[str, SpeedDay]:
        """From that local date (ISO) on."""
        wanted = DAYS.where(speed_days.c.local_date >= since).order_by(speed_days.c.local_date)
        with self._database.read() as connection:
            days = [day for row in connection.execute(wanted) if (day := rows.to_day(row))]
        return {day.date: day for day in days}

    def usual(self, since: datetime) -> list[SpeedUsual]:
        """Of every provider and server that brought a result since then, the one with most results first. What is usual
        there are the results with which the next one is compared, also those from before."""
        found: dict[tuple[SpeedProvider, str], list[tuple[SpeedPoint, str]]] = {}
        with self._database.read() as connection:
            for row in connection.execute(RESULTS.where(tests.c.status == SUCCESS).order_by(tests.c.id.desc())):
                if point := rows.to_point(row):
                    found.setdefault((point.provider, point.server), []).append((point, row.server_name))
        usual = (_usual(each, since) for each in found.values())
        return sorted((each for each in usual if each.results), key=lambda each: -each.results)

    def troubles(self, since: datetime) -> list[tuple[SpeedProvider, Flaw, int, datetime]]:
        """The measurements that do not count: provider, flaw, how many, when last. The most frequent first."""
        number, last = func.count().label("number"), func.max(speed_runs.c.at).label("last")
        flawed = select(speed_runs.c.provider, speed_runs.c.flaw, number, last)
        flawed = flawed.where(speed_runs.c.at >= since, speed_runs.c.flaw.is_not(None))
        with self._database.read() as connection:
            found = connection.execute(flawed.group_by(speed_runs.c.provider, speed_runs.c.flaw)).all()
        known = [row for row in found if row.provider in _PROVIDERS and row.flaw in _FLAWS]
        told = [(SpeedProvider(row.provider), Flaw(row.flaw), row.number, row.last) for row in known]
        return sorted(told, key=lambda each: -each[2])

    def bytes_between(self, since: datetime, until: datetime) -> int:
        """What all measurements in that time cost."""
        return self._store.bytes_between(since, until)

    def csv_rows(self) -> Iterator[SpeedTest]:
        """All that have ended, oldest first, a page at a time: memory stays small, and nobody waits for the end."""
        after = 0
        while True:
            wanted = TESTS.where(tests.c.id > after, tests.c.status.in_(ENDED)).order_by(tests.c.id).limit(_LEAF)
            with self._database.read() as connection:
                page = connection.execute(wanted).all()
            yield from rows.to_tests(page)
            if len(page) < _LEAF:
                return
            after = page[-1].id


_PROVIDERS = {provider.value for provider in SpeedProvider}
_FLAWS = {flaw.value for flaw in Flaw}


def _results(since: datetime) -> Select[Any]:
    return RESULTS.where(tests.c.status == SUCCESS, tests.c.began_at >= since)


def _usual(newest_first: Sequence[tuple[SpeedPoint, str]], since: datetime) -> SpeedUsual:
    points = [point for point, _ in newest_first]
    compared = baseline(((point, bool(point.low)) for point in points[:LONGEST]), LATEST_RESULTS)
    latest = compared or points[:LATEST_RESULTS]
    (newest, name) = newest_first[0]
    return SpeedUsual(
        provider=newest.provider,
        server=newest.server,
        server_name=name,
        results=sum(point.at >= since for point in points),
        ping_ms=median(point.ping_ms for point in latest),
        download_mbps=median(point.download_mbps for point in latest),
        upload_mbps=median(point.upload_mbps for point in latest),
        last_at=newest.at,
        compared=len(compared),
    )
