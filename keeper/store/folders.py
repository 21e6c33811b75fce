"""What is known of the library folders from when they were well, and what their owner says about them.

One row of the settings holds it all. Service and commands change it beside each other, so every change reads and writes
within one transaction, and nobody keeps a copy.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from keeper.rules.types import Cause, Notice, Step, StepKind
from keeper.store import incidents
from keeper.store.db import Database
from keeper.store.events import write_notice
from keeper.store.schema import settings

log = logging.getLogger(__name__)

KEY = "watch.folders"
Row = Sequence[Any]  # what is known of one folder; the meaning of its cells is the looker's
Rows = dict[str, Row]


class StoredFolders:
    """Rows by the path of the folder. All methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._complained = ""

    def all(self) -> Mapping[str, Row]:
        """As it is in the store now."""
        with self._database.read() as connection:
            return self._stored(connection)

    def learn(self, path: str, row: Row, now: datetime) -> None:
        """What a look came to know of one folder; the others stay as they are."""
        with self._database.write() as connection:
            self._change(connection, lambda rows: {**rows, path: list(row)}, now, "watchdog")

    def forget(self, path: str, notice: Notice, now: datetime) -> None:
        """On the word of the person whom `notice` names: told as an event, and in the story of the open incident."""
        with self._database.write(lasting=True) as connection:
            self._change(connection, lambda rows: _without(rows, path), now, str(notice.data["by"]))
            write_notice(connection, now, notice)
            incident = incidents.open_incident(connection)
            if incident is not None:
                step = Step(StepKind.OWNER, now, Cause(incident.cause), {"did": notice.kind, **notice.data})
                incidents.note_steps(connection, incident.number, [step])

    def _change(self, connection: Connection, change: Callable[[Rows], Rows], now: datetime, by: str) -> None:
        value = json.dumps(change(self._stored(connection)))
        row = {"key": KEY, "value": value, "changed_at": now, "changed_by": by}
        self._database.upsert(connection, settings, [row], update=["value", "changed_at", "changed_by"])

    def _stored(self, connection: Connection) -> Rows:
        """What cannot be read is forgotten: the folders are then learnt anew, as at the first start."""
        text = str(connection.execute(select(settings.c.value).where(settings.c.key == KEY)).scalar() or "{}")
        try:
            return {str(path): list(row) for path, row in json.loads(text).items()}
        except (ValueError, TypeError, AttributeError):
            if text != self._complained:  # once: this is read at every look
                log.error("what was known of the library folders cannot be read and is learnt anew")
            self._complained = text
            return {}


def _without(rows: Rows, path: str) -> Rows:
    return {name: row for name, row in rows.items() if name != path}
