"""check_hours and check_days: what remains of the looks when they are thrown away.

An hour is always reckoned anew from all its looks, and a day from its hours, so doing it twice, in other batches, or
again after a crash gives the same. One mark, moved in the same transaction, tells which looks have been counted. It is
the number of a look and no time: a clock that jumps cannot make it skip or repeat anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select

from keeper.rules.types import Hour
from keeper.store.db import Database
from keeper.store.hours import DAY, HOUR, Look, Summed, day_of, hour_of, hours_of, together, touched
from keeper.store.schema import check_days, check_hours, checks, settings

MARK = "checks.rolled_up"
PATIENCE = 2.5  # of the usual interval: so long a look stands when no other follows
_COLUMNS = ["seconds", "good", "bad", "looks", "causes_json", "response_ms", "answered", "figures_json"]


class Rollup:
    """`interval` is the usual time between two looks, in seconds."""

    def __init__(self, database: Database, interval: float) -> None:
        self._database = database
        self._patience = timedelta(seconds=PATIENCE * interval)

    def batch(self, limit: int) -> int:
        """Counts up to `limit` looks that have not been counted yet; how many. Raises StoreError."""
        with self._database.write() as connection:
            rows = _waiting(connection, limit)
            if rows:
                changed = self._hours(connection, self._touched(rows), None)
                _store(self._database, connection, check_hours, changed)
                days = sorted({day_of(each.hour.begins) for each in changed})
                whole = [together(_stored(connection, check_hours, day, day + DAY), day) for day in days]
                _store(self._database, connection, check_days, whole)
                _move_mark(self._database, connection, rows[-1])
        return len(rows)

    def hours(self, since: datetime, now: datetime, waiting: int = 500) -> list[Hour]:
        """The hours from the one of `since` up to now, in order; the present one as far as it has come. Hours of which
        nothing is known are left out. Looks not counted yet (the first `waiting` of them) are counted here."""
        first = hour_of(since)
        with self._database.read() as connection:
            found = _by_time(_stored(connection, check_hours, first, now))
            _renew(found, (each for each in self._live(connection, now, waiting) if each.hour.begins >= first))
        return _told(found)

    def days(self, since: datetime, now: datetime, waiting: int = 500) -> list[Hour]:
        """The same for days of UTC."""
        first = day_of(since)
        with self._database.read() as connection:
            found = _by_time(_stored(connection, check_days, first, now))
            live = self._live(connection, now, waiting)
            days = {day_of(now), *(day_of(each.hour.begins) for each in live)}
            for day in (day for day in days if first <= day < now):
                hours = _by_time(_stored(connection, check_hours, day, min(now, day + DAY)))
                _renew(hours, (each for each in live if day_of(each.hour.begins) == day))
                _renew(found, [together(hours.values(), day, now)])
        return _told(found)

    def _live(self, connection: Connection, now: datetime, waiting: int) -> list[Summed]:
        """What the stored hours do not tell yet: those of waiting looks, and the present one as far as it has come."""
        hours = {*self._touched(_waiting(connection, waiting)), hour_of(now)}
        return self._hours(connection, sorted(hour for hour in hours if hour < now), now)

    def _touched(self, rows: Sequence[Row[Any]]) -> list[datetime]:
        return sorted({hour for row in rows for hour in touched(row.at, self._patience)})

    def _hours(self, connection: Connection, hours: Sequence[datetime], until: datetime | None) -> list[Summed]:
        found: list[Summed] = []
        for first, end in _stretches(hours):
            looks = _looks(connection, first - self._patience, end)
            wanted = [look for look in looks if until is None or look.at < until]
            found += hours_of(wanted, first, end, self._patience, until)
        return found


def counted(connection: Connection) -> int:
    """The number of the last look that has been counted; 0 = none. Looks behind it may not be thrown away."""
    mark = connection.execute(select(settings.c.value).where(settings.c.key == MARK)).scalar()
    last = connection.execute(select(func.max(checks.c.id))).scalar() or 0
    # Numbers that begin anew (somebody emptied the table) must not hide behind an old mark: counting twice is harmless.
    return int(mark) if mark and mark.isdecimal() and int(mark) <= last else 0


def _waiting(connection: Connection, limit: int) -> list[Row[Any]]:
    wanted = select(checks.c.id, checks.c.at).where(checks.c.id > counted(connection))
    return list(connection.execute(wanted.order_by(checks.c.id).limit(limit)))


def _move_mark(database: Database, connection: Connection, last: Row[Any]) -> None:
    row = {"key": MARK, "value": str(last.id), "changed_at": last.at, "changed_by": "keeper"}
    database.upsert(connection, settings, [row], update=["value", "changed_at"])


def _stretches(hours: Sequence[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Sorted hours as stretches without a gap: (first, end)."""
    first = end = None
    for hour in hours:
        if first is None or hour != end:
            if first is not None and end is not None:
                yield first, end
            first = hour
        end = hour + HOUR
    if first is not None and end is not None:
        yield first, end


def _looks(connection: Connection, since: datetime, before: datetime) -> list[Look]:
    wanted = select(checks.c.at, checks.c.cause, checks.c.milliseconds, checks.c.facts_json)
    inside = wanted.where(checks.c.at >= since, checks.c.at < before)
    return [Look(*row) for row in connection.execute(inside.order_by(checks.c.at, checks.c.id))]


def _stored(connection: Connection, table: Table, first: datetime, before: datetime) -> Iterator[Summed]:
    wanted = select(table).where(table.c.begins_at >= first, table.c.begins_at < before)
    for row in connection.execute(wanted.order_by(table.c.begins_at)):
        figures = json.loads(row.figures_json)
        means = {name: mean for name, (mean, _) in figures.items()}
        causes = json.loads(row.causes_json)
        hour = Hour(row.begins_at, row.seconds, row.good, row.bad, row.looks, causes, row.response_ms, means)
        yield Summed(hour, row.answered, {name: number for name, (_, number) in figures.items()})


def _by_time(parts: Iterable[Summed]) -> dict[datetime, Summed]:
    return {part.hour.begins: part for part in parts}


def _renew(known: dict[datetime, Summed], parts: Iterable[Summed]) -> None:
    """Puts in what knows at least as many looks: after a clock came back from far ahead, some looks of an hour may have
    been thrown away before the others were made."""
    for part in parts:
        before = known.get(part.hour.begins)
        if before is None or part.hour.looks >= before.hour.looks:
            known[part.hour.begins] = part


def _told(found: dict[datetime, Summed]) -> list[Hour]:
    """In order, without those of which nothing is known."""
    hours = (found[begins].hour for begins in sorted(found))
    return [hour for hour in hours if hour.looks or hour.good or hour.bad or hour.causes]


def _store(database: Database, connection: Connection, table: Table, found: Sequence[Summed]) -> None:
    begins = [each.hour.begins for each in found]
    if begins:
        known = _by_time(_stored(connection, table, min(begins), max(begins) + timedelta(microseconds=1)))
        _renew(known, found)
        database.upsert(connection, table, [_row(known[each]) for each in begins], _COLUMNS)


def _row(summed: Summed) -> dict[str, Any]:
    hour = summed.hour
    figures = {name: [mean, summed.counts[name]] for name, mean in hour.figures.items()}
    return {
        "begins_at": hour.begins, "seconds": hour.seconds, "good": hour.good, "bad": hour.bad, "looks": hour.looks,
        "causes_json": json.dumps(dict(hour.causes)), "response_ms": hour.response_ms, "answered": summed.answered,
        "figures_json": json.dumps(figures),
    }  # fmt: skip
