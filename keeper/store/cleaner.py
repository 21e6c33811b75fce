"""Retention: what is too old goes, in small batches that never lock the page out. Looks are summed up before they go.

What the watchdog must not forget, and what remains of the looks, goes by number and not by age: a clock that is years
ahead for an hour would otherwise empty it. Of the speed tests, both have to agree.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import cycle
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, delete, exists, func, select
from sqlalchemy.engine import Connection

from keeper.rules.types import RunStatus
from keeper.store.db import Database
from keeper.store.outlets import PENDING
from keeper.store.rollup import Rollup, counted
from keeper.store.schema import (
    actions,
    check_days,
    check_hours,
    checks,
    deliveries,
    events,
    incident_steps,
    incidents,
    login_failures,
    outlets,
    plex_turns,
    scan_items,
    scan_runs,
    sessions,
    speed_days,
    speed_runs,
    speed_tests,
)
from keeper.store.speed_rows import ENDED as SPEED_ENDED
from keeper.store.speed_rows import OPEN

CHECK_DAYS, EVENT_DAYS, LOGIN_DAYS = 3, 365, 30
MOST_EVENTS = 1_000_000
#: So many of the newest rows stay: hours of 100 days, days of ten years, and more trouble than a machine survives.
KEPT = (
    (check_hours, 2_500), (check_days, 3_653), (incident_steps, 50_000), (incidents, 5_000), (actions, 5_000),
    (plex_turns, 5_000),
)  # fmt: skip
SPEED_DAYS = 5 * 365
#: So many of the newest stay whatever their age: a year of days and tests, and what those of some months cost. They
#: limit the next test, also when the clock is five years ahead for an hour.
SPEED_KEPT = {speed_tests: 400, speed_runs: 1_000, speed_days: 400}
_ENDED = [status.value for status in RunStatus if status.ended]


class StoredCleaner:
    """The Cleaner port on the database. `interval` is the usual time between two looks, in seconds."""

    def __init__(self, database: Database, interval: float = 300.0) -> None:
        self._database = database
        self._rollup = Rollup(database, interval)
        self._turns = cycle(KEPT)  # one table a call: they grow slowly

    def prune(self, now: datetime, run_days: int, run_count: int, batch: int) -> int:
        """Sums up looks first. While many are waiting (the service was updated, or away), the call does only that and
        returns how many it summed up, so that the next one follows at once. Raises StoreError."""
        if (summed := self._rollup.batch(batch)) >= batch:
            return summed
        with self._database.write() as connection:
            gone = (
                _prune_runs(connection, now - timedelta(days=run_days), run_count, batch)
                or _prune(connection, checks, _seen_to(connection, now - timedelta(days=CHECK_DAYS)), batch)
                or _prune_events(connection, now - timedelta(days=EVENT_DAYS), batch)
                or _prune(connection, sessions, sessions.c.expires_at < now - timedelta(days=LOGIN_DAYS), batch)
                or _prune(connection, login_failures, login_failures.c.at < now - timedelta(days=LOGIN_DAYS), batch)
                or _prune_speed(connection, now - timedelta(days=SPEED_DAYS), batch)
                or _prune_beyond(connection, *next(self._turns), batch)
            )
        if gone:
            self._database.give_back()
        return gone


def _prune_runs(connection: Connection, before: datetime, keep: int, batch: int) -> int:
    """Items of the oldest superfluous run first, in batches; the run itself when it has none left."""
    newest = select(scan_runs.c.job_id).order_by(scan_runs.c.created_at.desc()).limit(keep)
    too_many = scan_runs.c.job_id.not_in(newest)
    too_old = scan_runs.c.created_at < before
    candidate = select(scan_runs.c.job_id).where(scan_runs.c.status.in_(_ENDED), too_old | too_many)
    job_id = connection.execute(candidate.order_by(scan_runs.c.created_at).limit(1)).scalar()
    if job_id is None:
        return 0
    gone = _prune(connection, scan_items, scan_items.c.job_id == job_id, batch)
    return gone or connection.execute(delete(scan_runs).where(scan_runs.c.job_id == job_id)).rowcount


def _seen_to(connection: Connection, before: datetime) -> ColumnElement[bool]:
    """Old looks that have been summed up. The last look of all stays, whatever its age: pages show it, and were its
    number given again, the mark of what is summed up would be wrong."""
    last = select(func.max(checks.c.id)).scalar_subquery()
    return (checks.c.at < before) & (checks.c.id <= counted(connection)) & (checks.c.id < last)


def _prune_events(connection: Connection, before: datetime, batch: int) -> int:
    """Old or superfluous events with what is known of their delivery; never one that is still to be told. The newest
    of all stays, whatever its age: were its number given again, outlets would take the new event for one they know."""
    newest = connection.execute(select(func.max(events.c.id))).scalar() or 0
    told_to = connection.execute(select(func.min(outlets.c.cursor))).scalar()  # by every outlet; None = there is none
    settled = min(newest - 1, newest if told_to is None else told_to)
    waiting = exists(select(deliveries.c.id).where(deliveries.c.event_id == events.c.id, PENDING))
    too_old = (events.c.at < before) & (events.c.id + 0 <= settled)  # + 0: along the index of times
    too_many = events.c.id <= min(settled, newest - MOST_EVENTS)
    return _prune_told(connection, too_old & ~waiting, batch) or _prune_told(connection, too_many & ~waiting, batch)


def _prune_told(connection: Connection, condition: ColumnElement[bool], batch: int) -> int:
    doomed = connection.execute(select(events.c.id).where(condition).limit(batch)).scalars().all()
    connection.execute(delete(deliveries).where(deliveries.c.event_id.in_(doomed)))
    return connection.execute(delete(events).where(events.c.id.in_(doomed))).rowcount


def _prune_speed(connection: Connection, before: datetime, batch: int) -> int:
    """Of the speed tests; none that waits or runs, and no day that is not over."""
    ended, over = speed_tests.c.status.in_(SPEED_ENDED), speed_days.c.outcome != OPEN
    return (
        _prune_old(connection, speed_tests, (speed_tests.c.created_at < before) & ended, batch)
        or _prune_old(connection, speed_runs, speed_runs.c.at < before, batch)
        or _prune_old(connection, speed_days, (speed_days.c.local_date < f"{before:%Y-%m-%d}") & over, batch)
    )


def _prune_old(connection: Connection, table: Table, condition: ColumnElement[bool], batch: int) -> int:
    key, oldest_kept = _oldest_kept(connection, table, SPEED_KEPT[table])
    return 0 if oldest_kept is None else _prune(connection, table, condition & (key < oldest_kept), batch)


def _prune_beyond(connection: Connection, table: Table, keep: int, batch: int) -> int:
    """What is older than the newest `keep` rows."""
    key, oldest_kept = _oldest_kept(connection, table, keep)
    return 0 if oldest_kept is None else _prune(connection, table, key < oldest_kept, batch)


def _oldest_kept(connection: Connection, table: Table, keep: int) -> tuple[Column[Any], Any]:
    """The key of the last of the newest `keep` rows; None = there are fewer."""
    (key,) = table.primary_key
    return key, connection.execute(select(key).order_by(key.desc()).offset(keep - 1).limit(1)).scalar()


def _prune(connection: Connection, table: Table, condition: ColumnElement[bool], batch: int) -> int:
    key = list(table.primary_key)[-1]
    doomed = select(key).where(condition).limit(batch)
    return connection.execute(delete(table).where(condition, key.in_(doomed))).rowcount
