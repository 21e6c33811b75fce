"""Retention: what is too old goes, in small batches that never lock the page out."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, delete, select
from sqlalchemy.engine import Connection

from keeper.rules.types import RunStatus
from keeper.store.db import Database
from keeper.store.schema import checks, events, login_failures, scan_items, scan_runs, sessions

CHECK_DAYS, EVENT_DAYS, LOGIN_DAYS = 90, 365, 30
_ENDED = [status.value for status in RunStatus if status.ended]


class StoredCleaner:
    """The Cleaner port on the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def prune(self, now: datetime, run_days: int, run_count: int, batch: int) -> int:
        with self._database.write() as connection:
            gone = (
                _prune_runs(connection, now - timedelta(days=run_days), run_count, batch)
                or _prune(connection, checks, checks.c.at < now - timedelta(days=CHECK_DAYS), batch)
                or _prune(connection, events, events.c.at < now - timedelta(days=EVENT_DAYS), batch)
                or _prune(connection, sessions, sessions.c.expires_at < now - timedelta(days=LOGIN_DAYS), batch)
                or _prune(connection, login_failures, login_failures.c.at < now - timedelta(days=LOGIN_DAYS), batch)
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


def _prune(connection: Connection, table: Table, condition: ColumnElement[bool], batch: int) -> int:
    key = list(table.primary_key)[-1]
    doomed = select(key).where(condition).limit(batch)
    return connection.execute(delete(table).where(condition, key.in_(doomed))).rowcount
