"""settings, leases and day marks: what a person chose, who holds which right, what was done on which date."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from keeper.ports import Clock
from keeper.rules.types import Lease, Owner, Preferences, ScanOptions, Source
from keeper.store.db import Database
from keeper.store.runs import insert_queued
from keeper.store.schema import day_marks, leases, settings

log = logging.getLogger(__name__)


class StoredMemory:
    """The Memory port on the database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def preferences(self) -> Preferences:
        known = {field.name for field in fields(Preferences)}
        with self._database.read() as connection:
            stored = connection.execute(select(settings.c.key, settings.c.value)).all()
        return Preferences(**{row.key: _read(row.key, row.value) for row in stored if row.key in known})

    def save_preferences(self, preferences: Preferences, by: str) -> None:
        now = self._clock.now()
        rows = [
            {"key": key, "value": json.dumps(value), "changed_at": now, "changed_by": by}
            for key, value in asdict(preferences).items()
        ]
        with self._database.write() as connection:
            self._database.upsert(connection, settings, rows, update=["value", "changed_at", "changed_by"])

    def noted(self, key: str) -> str:
        """A short note by its key, as it was written; '' = there is none."""
        with self._database.read() as connection:
            found = connection.execute(select(settings.c.value).where(settings.c.key == key)).scalar()
        return str(found or "")

    def note(self, key: str, value: str, by: str) -> None:
        """Writes a short note of the program's own beside the settings, such as what folders looked like."""
        row = {"key": key, "value": value, "changed_at": self._clock.now(), "changed_by": by}
        with self._database.write() as connection:
            self._database.upsert(connection, settings, [row], update=["value", "changed_at", "changed_by"])

    def take_lease(
        self, name: str, owner: Owner, holder: str, seconds: float, is_alive: Callable[[Owner], bool | None]
    ) -> bool:
        """Takes or renews the named right; False while somebody else, not known to be dead, holds it."""
        now = self._clock.now()
        row = {"name": name, "owner": str(owner), "holder": holder, "until": now + timedelta(seconds=seconds)}
        with self._database.write() as connection:
            held = connection.execute(select(leases).where(leases.c.name == name)).first()
            if held and held.owner != str(owner) and not _is_free(held, now, is_alive):
                return False
            self._database.upsert(connection, leases, [row], update=["owner", "holder", "until"])
        return True

    def release_lease(self, name: str, owner: Owner) -> None:
        with self._database.write() as connection:
            connection.execute(delete(leases).where(leases.c.name == name, leases.c.owner == str(owner)))

    def lease(self, name: str) -> Lease | None:
        with self._database.read() as connection:
            row = connection.execute(select(leases).where(leases.c.name == name)).first()
        return Lease(row.name, row.owner, row.holder, row.until) if row else None

    def marks(self, name: str, dates: Sequence[str]) -> set[str]:
        wanted = select(day_marks.c.local_date).where(day_marks.c.name == name, day_marks.c.local_date.in_(dates))
        with self._database.read() as connection:
            return set(connection.execute(wanted).scalars())

    def mark(self, name: str, local_date: str) -> None:
        row = {"name": name, "local_date": local_date, "marked_at": self._clock.now()}
        with self._database.write() as connection:
            self._database.upsert(connection, day_marks, [row], update=[])

    def mark_and_enqueue(self, name: str, local_date: str, options: ScanOptions, by: str) -> str | None:
        now = self._clock.now()
        try:
            with self._database.write() as connection:
                connection.execute(insert(day_marks).values(name=name, local_date=local_date, marked_at=now))
                return insert_queued(connection, now, Source.SCHEDULER, options, by)
        except IntegrityError:  # this local date was marked already, by whomever
            return None


def _is_free(held: Any, now: Any, is_alive: Callable[[Owner], bool | None]) -> bool:
    try:
        alive = is_alive(Owner.parse(held.owner))
    except ValueError:  # spoiled by hand: nobody can be its owner
        return True
    return bool(held.until < now) if alive is None else not alive


def _read(key: str, text: str) -> Any:
    """A stored setting; one that somebody spoiled by hand counts as not set, loudly."""
    try:
        value = json.loads(text)
    except ValueError:
        log.error("setting %s in the data file is no JSON (%r); the default is used until it is saved again", key, text)
        return getattr(Preferences(), key)
    return tuple(value) if isinstance(value, list) else value
