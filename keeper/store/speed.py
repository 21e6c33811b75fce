"""speed_tests, speed_runs, speed_days: asked for, begun, measured, ended. The SpeedStore on the database.

Every change is one conditional UPDATE whose row count tells. Whatever limits the next test is written with `lasting`:
that one was begun, what it cost, how it and its day ended. A test that a power cut made us forget would be made again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from keeper.errors import RunError, StoreError, StoreRefused
from keeper.rules.types import (
    Moment,
    Notice,
    Owner,
    Severity,
    SpeedBook,
    SpeedDay,
    SpeedEnd,
    SpeedProgress,
    SpeedProvider,
    SpeedRun,
    SpeedSource,
    SpeedStatus,
    SpeedTest,
    SpeedWishes,
)
from keeper.store import speed_rows as rows
from keeper.store.db import Database
from keeper.store.events import write_notice
from keeper.store.schema import settings, speed_days, speed_runs
from keeper.store.schema import speed_tests as tests
from keeper.store.speed_book import LONGEST, MARKS, baseline, read_book
from keeper.store.speed_rows import ACTIVE, LONGEST_NAME, OPEN, QUEUED, RESULTS, RUNNING, RUNS, SUCCESS, TESTS, short
from keeper.store.speed_wishes import Change, changes, in_words, read_wishes, write_wishes

WISHES = "speed.wishes"
#: A running test says something every second. Silent for so long, it has stopped although its process lives (Ctrl-Z,
#: a machine that slept); the longer silence counts where nobody can tell whether that process lives.
QUIET, SILENCE = timedelta(minutes=3), timedelta(minutes=15)
PATIENCE = timedelta(minutes=10)  # for which a request waits; whoever asked has long gone then, and others may watch
_ORPHANED = "The program ended while this speed test was running."
_TOO_OLD = "Nobody could begin this speed test within ten minutes, so it was dropped. Ask for it again."
_UNREADABLE = "This request cannot be read in the data file. Ask for the speed test again."
_IS_RUNNING = tests.c.status == RUNNING


class StoredSpeed:
    """The SpeedStore port. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ------------------------------------------------------------------ what a person wants

    def wishes(self) -> SpeedWishes:
        """What cannot be read counts as not said, loudly."""
        with self._database.read() as connection:
            return _wishes(connection)

    def save_wishes(self, wishes: SpeedWishes, by: str, now: datetime) -> None:
        """Tells nothing where nothing is changed."""
        text = write_wishes(wishes)
        with self._database.write(lasting=True) as connection:
            changed = changes(_wishes(connection), wishes)
            self._keep(connection, WISHES, text, by, now)
            if changed:
                write_notice(connection, now, _changed(changed, by))

    # ------------------------------------------------------------------ the next decision

    def book(self, dates: Sequence[str]) -> SpeedBook:
        with self._database.read() as connection:
            return read_book(connection, dates)

    def put_off(self, day: SpeedDay) -> None:
        with self._database.write() as connection:
            self._note_day(connection, day, None)

    def settle(self, day: SpeedDay, notices: Sequence[Notice], marks: Mapping[str, str], now: datetime) -> bool:
        with self._database.write(lasting=True) as connection:
            if not self._note_day(connection, day, now):
                return False
            self._tell(connection, notices, marks, now)
        return True

    def note(self, notices: Sequence[Notice], marks: Mapping[str, str], now: datetime) -> None:
        with self._database.write(lasting=True) as connection:
            self._tell(connection, notices, marks, now)

    # ------------------------------------------------------------------ the life of a test

    def enqueue(self, source: SpeedSource, by: str, local_date: str, anyway: bool, now: datetime) -> int:
        row = _asked(source, by, local_date, anyway, now) | {"status": QUEUED}
        with self._database.write() as connection:
            _end_unwanted(connection, now)
            if taken := _in_the_way(connection, ACTIVE):
                raise RunError(taken)
            return _insert(connection, row)

    def claim_next(self, owner: Owner, holder: str, now: Moment) -> SpeedTest | None:
        """One that nobody can read ends, too, so that it holds up no other."""
        with self._database.read() as connection:  # looked at often: no write lock without a reason
            waiting = connection.execute(TESTS.where(tests.c.status.in_(ACTIVE)).order_by(tests.c.id)).all()
        if any(row.status == QUEUED and not _is_wanted(row, now.at) for row in waiting):
            with self._database.write() as connection:
                _end_unwanted(connection, now.at)
        if any(row.status == RUNNING for row in waiting):
            return None
        wanted = (row.id for row in waiting if _is_wanted(row, now.at))
        return next((test for each in wanted if (test := self._claim(each, owner, holder, now))), None)

    def start(
        self, source: SpeedSource, by: str, local_date: str, anyway: bool, owner: Owner, holder: str, now: Moment
    ) -> SpeedTest:
        """Refuses a scheduled one on a date that is settled, too."""
        row = _asked(source, by, local_date, anyway, now.at) | _begun(owner, holder, now)
        try:
            with self._database.write(lasting=True) as connection:
                if source is SpeedSource.SCHEDULE:
                    self._open_day(connection, local_date)
                return _known(connection, _insert(connection, row))
        except IntegrityError:  # the partial unique index: another one is running
            raise RunError(self._who_is_in_the_way()) from None

    def pulse(self, test_id: int, progress: SpeedProgress, now: datetime) -> bool | None:
        picture = rows.write_progress(progress)
        change = update(tests).where(tests.c.id == test_id, _IS_RUNNING)
        with self._database.write() as connection:
            if connection.execute(change.values(progress_json=picture, progress_at=now)).rowcount == 0:
                return None
            wanted = select(tests.c.cancel_requested).where(tests.c.id == test_id)
            return bool(connection.execute(wanted).scalar())

    def note_run(self, test_id: int, run: SpeedRun, now: datetime) -> None:
        """Also of a test that has ended meanwhile, or whose row is gone: what was spent is spent."""
        cost = rows.cost(run.bytes)
        row = {
            "test_id": test_id, "at": now, "provider": run.provider.value, "flaw": run.flaw.value if run.flaw else None,
            "said": short(run.said, rows.LONGEST_LINE), "bytes": cost, "seconds": rows.number(run.seconds),
            **rows.figures_of(run.measured, believed=run.flaw is None),
        }  # fmt: skip
        with self._database.write(lasting=True) as connection:
            connection.execute(insert(speed_runs).values(**row))
            connection.execute(update(tests).where(tests.c.id == test_id).values(bytes=rows.total(tests.c.bytes, cost)))

    def finish(self, test_id: int, end: SpeedEnd, now: datetime) -> bool:
        change = update(tests).where(tests.c.id == test_id, _IS_RUNNING).values(**_ended(end, now))
        with self._database.write(lasting=True) as connection:
            if connection.execute(change).rowcount == 0:
                return False
            if end.day is not None:
                self._note_day(connection, end.day, now)
            self._tell(connection, end.notices, end.marks, now)
        return True

    def request_cancel(self, test_id: int) -> bool:
        active = (tests.c.id == test_id, tests.c.status.in_(ACTIVE))
        with self._database.write() as connection:
            return connection.execute(update(tests).where(*active).values(cancel_requested=1)).rowcount > 0

    def interrupt_orphans(self, is_alive: Callable[[Owner], bool | None], now: datetime) -> list[int]:
        with self._database.read() as connection:
            held = [row for row in connection.execute(TESTS.where(_IS_RUNNING)) if _is_orphan(row, is_alive, now)]
        return [row.id for row in held if self._interrupt(row.id, now)]

    def active(self) -> SpeedTest | None:
        wanted = TESTS.where(tests.c.status.in_(ACTIVE)).order_by(tests.c.status.desc(), tests.c.id)
        with self._database.read() as connection:
            return next(rows.to_tests(connection.execute(wanted)), None)

    def get(self, test_id: int) -> SpeedTest | None:
        """None for one that cannot be read, too."""
        with self._database.read() as connection:
            return next(rows.to_tests(connection.execute(TESTS.where(tests.c.id == test_id))), None)

    # ------------------------------------------------------------------ what earlier ones brought and cost

    def bytes_between(self, since: datetime, until: datetime) -> int:
        with self._database.read() as connection:
            return rows.bytes_between(connection, since, until)

    def costs(self, provider: SpeedProvider, limit: int) -> list[tuple[int, float]]:
        believable = (speed_runs.c.provider == provider.value, speed_runs.c.flaw.is_(None))
        wanted = RUNS.where(*believable).order_by(speed_runs.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            runs = [rows.to_run(row) for row in connection.execute(wanted)]
        return [(run.bytes, run.seconds) for run in runs if run]

    def usual(self, provider: SpeedProvider, server: str, limit: int) -> list[tuple[float, float, float]]:
        these = (tests.c.status == SUCCESS, tests.c.provider == provider.value)
        wanted = RESULTS.where(*these, tests.c.server == short(server, LONGEST_NAME)).order_by(tests.c.id.desc())
        with self._database.read() as connection:
            points = filter(None, map(rows.to_point, connection.execute(wanted.limit(LONGEST))))
            compared = baseline(((point, bool(point.low)) for point in points), limit)
        return [(point.ping_ms, point.download_mbps, point.upload_mbps) for point in compared]

    def lows(self, limit: int) -> list[bool]:
        wanted = select(tests.c.low).where(tests.c.status == SUCCESS).order_by(tests.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [low != "" for low in connection.execute(wanted).scalars()]

    # ------------------------------------------------------------------ inside

    def _claim(self, test_id: int, owner: Owner, holder: str, now: Moment) -> SpeedTest | None:
        unclaimed = (tests.c.id == test_id, tests.c.status == QUEUED, tests.c.cancel_requested == 0)
        try:
            with self._database.write(lasting=True) as connection:
                change = update(tests).where(*unclaimed).values(**_begun(owner, holder, now))
                if connection.execute(change).rowcount == 0:
                    return None
                row = connection.execute(TESTS.where(tests.c.id == test_id)).one()
                test = rows.to_test(row)
                if test is None:
                    never = _over(SpeedStatus.CANCELLED, now.at, _UNREADABLE) | {"began_at": None}
                    connection.execute(update(tests).where(tests.c.id == test_id).values(**never))
                return test
        except IntegrityError:  # the partial unique index: another one is running
            return None

    def _who_is_in_the_way(self) -> str:
        with self._database.read() as connection:
            return _in_the_way(connection, (RUNNING,)) or "Another speed test was running just now. Try again."

    def _interrupt(self, test_id: int, now: datetime) -> bool:
        """Whatever is its owner by now: one that has ended never runs again."""
        change = update(tests).where(tests.c.id == test_id, _IS_RUNNING)
        with self._database.write(lasting=True) as connection:
            return connection.execute(change.values(**_over(SpeedStatus.INTERRUPTED, now, _ORPHANED))).rowcount > 0

    def _open_day(self, connection: Connection, local_date: str) -> None:
        self._database.upsert(connection, speed_days, [{"local_date": local_date}], update=[])
        wanted = select(speed_days.c.outcome).where(speed_days.c.local_date == local_date)
        if connection.execute(wanted).scalar() != OPEN:
            raise RunError(f"The daily speed test of {local_date} is settled already; that day has no other one.")

    def _note_day(self, connection: Connection, day: SpeedDay, now: datetime | None) -> bool:
        """False when the day was settled before: it stays what it is."""
        self._database.upsert(connection, speed_days, [{"local_date": day.date}], update=[])
        is_open = (speed_days.c.local_date == day.date, speed_days.c.outcome == OPEN)
        columns = rows.day_columns(day, now if day.outcome != OPEN else None)
        return connection.execute(update(speed_days).where(*is_open).values(**columns)).rowcount > 0

    def _tell(self, connection: Connection, notices: Sequence[Notice], marks: Mapping[str, str], now: datetime) -> None:
        for notice in notices:
            write_notice(connection, now, notice)
        for name, value in marks.items():
            self._keep(connection, MARKS + name, value, "", now)

    def _keep(self, connection: Connection, key: str, value: str, by: str, now: datetime) -> None:
        row = {"key": key, "value": value, "changed_at": now, "changed_by": by}
        self._database.upsert(connection, settings, [row], update=["value", "changed_at", "changed_by"])


# ------------------------------------------------------------------------------------------------ the rows


def _asked(source: SpeedSource, by: str, local_date: str, anyway: bool, now: datetime) -> dict[str, Any]:
    return {
        "source": source.value, "requested_by": short(by, 80), "local_date": local_date, "anyway": int(anyway),
        "created_at": now,
    }  # fmt: skip


def _begun(owner: Owner, holder: str, now: Moment) -> dict[str, Any]:
    return {
        "status": RUNNING, "began_at": now.at, "boot": now.boot, "uptime": now.uptime, "owner": str(owner),
        "holder": short(holder, LONGEST_NAME), "progress_at": now.at,
    }  # fmt: skip


def _ended(end: SpeedEnd, now: datetime) -> dict[str, Any]:
    """Raises StoreRefused where a result is missing, or is none."""
    columns = _over(end.status, now, end.error) | {"error_code": end.error_code, "seconds": rows.number(end.seconds)}
    if end.status is not SpeedStatus.SUCCESS:
        return columns
    if end.result is None or end.result.flaw is not None:
        raise StoreRefused("A speed test without a result that can be believed cannot be stored as a success.")
    figures = rows.figures_of(end.result.measured, believed=True)
    return columns | figures | {"provider": end.result.provider.value, "low": " ".join(each.value for each in end.low)}


def _over(status: SpeedStatus, now: datetime, error: str = "") -> dict[str, Any]:
    return {"status": status.value, "finished_at": now, "error": short(error, rows.LONGEST_SENTENCE)}


def _insert(connection: Connection, row: Mapping[str, Any]) -> int:
    key = connection.execute(insert(tests).values(**row)).inserted_primary_key
    return int(key[0]) if key else 0


def _known(connection: Connection, test_id: int) -> SpeedTest:
    test = rows.to_test(connection.execute(TESTS.where(tests.c.id == test_id)).one())
    if test is None:
        raise StoreError("The speed test that was just written to the data file cannot be read there.")
    return test


def _end_unwanted(connection: Connection, now: datetime) -> None:
    """What was cancelled, or has become too old, while it waited."""
    for row in connection.execute(TESTS.where(tests.c.status == QUEUED)).all():
        if not _is_wanted(row, now):
            over = _over(SpeedStatus.CANCELLED, now, "" if row.cancel_requested else _TOO_OLD)
            connection.execute(update(tests).where(tests.c.id == row.id, tests.c.status == QUEUED).values(**over))


def _is_wanted(row: Any, now: datetime) -> bool:
    return not row.cancel_requested and rows.waited_within(row, now, PATIENCE)


def _wishes(connection: Connection) -> SpeedWishes:
    stored = connection.execute(select(settings.c.value).where(settings.c.key == WISHES)).scalar()
    if stored is None:
        return SpeedWishes()
    wishes, spoiled = read_wishes(stored)
    if spoiled:
        told = f"setting {WISHES} cannot be read ({', '.join(spoiled)}): not said until it is saved again"
        rows.complain(f"{told}: {stored!r:.200}")
    return wishes


def _changed(changed: Sequence[Change], by: str) -> Notice:
    message = f"{by} changed what the line has to bring: {in_words(changed)}."
    return Notice(
        "Speed Wishes Changed", Severity.INFO, message, {"by": by, "changed": [list(each) for each in changed]}
    )


def _in_the_way(connection: Connection, statuses: Sequence[str]) -> str:
    """A sentence about the test that is; '' = none is."""
    wanted = TESTS.where(tests.c.status.in_(statuses)).order_by(tests.c.status.desc(), tests.c.id).limit(1)
    row = connection.execute(wanted).first()
    if row is None:
        return ""
    if row.status == QUEUED:
        return f"A speed test asked for by {row.requested_by} is waiting already. Wait for it, or cancel it."
    return f"A speed test is running already, by {row.holder or 'nobody known'}. Wait for it, or cancel it."


def _is_orphan(row: Any, is_alive: Callable[[Owner], bool | None], now: datetime) -> bool:
    """Also one that nobody can read: it is seen by none, and would keep all others from beginning."""
    if rows.to_test(row) is None:
        return True
    try:
        alive = is_alive(Owner.parse(row.owner or ""))
    except (ValueError, TypeError):  # spoiled by hand: nobody can be its owner
        return True
    if alive is False:
        return True
    # None = another machine, or unreadable: only how long it has been silent can tell
    return not rows.heard_within(row, now, QUIET if alive else SILENCE)
