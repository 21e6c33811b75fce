"""events: what is worth telling, written inside the transaction of what it tells."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from keeper.rules.types import Event, Notice, Severity
from keeper.store.db import Database
from keeper.store.schema import events


def write_event(
    connection: Connection, at: datetime, kind: str, severity: Severity, message: str, data: Mapping[str, Any]
) -> None:
    """Adds one event to the caller's transaction."""
    row = {"at": at, "kind": kind, "severity": severity.value, "message": message, "data_json": json.dumps(dict(data))}
    connection.execute(insert(events).values(**row))


def write_notice(connection: Connection, at: datetime, notice: Notice) -> None:
    write_event(connection, at, notice.kind, notice.severity, notice.message, notice.data)


class Events:
    """Reading events, newest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, limit: int, kinds: Collection[str] = ()) -> list[Event]:
        """Of these kinds only, when some are named."""
        wanted = select(events).order_by(events.c.id.desc()).limit(limit)
        if kinds:
            wanted = wanted.where(events.c.kind.in_(kinds))
        with self._database.read() as connection:
            return [_to_event(row) for row in connection.execute(wanted)]


def _to_event(row: Row[Any]) -> Event:
    return Event(row.id, row.at, row.kind, Severity(row.severity), row.message, json.loads(row.data_json))
