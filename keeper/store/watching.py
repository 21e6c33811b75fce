"""What the watchdog remembers, and what its owner allows it. The WatchStore on the database.

Whatever limits the watchdog is written with `lasting`: the action that is about to be done, an incident that opens or
closes, what an action brought, what the owner said. A reboot that a power cut made us forget would be done again.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from keeper.rules.types import (
    Action,
    Armed,
    Notice,
    Section,
    Severity,
    Step,
    StepKind,
    Tick,
    Watch,
    WatchLimits,
)
from keeper.store import incidents
from keeper.store.checks import note_check
from keeper.store.db import Database
from keeper.store.events import write_notice
from keeper.store.schema import settings, watch_memory
from keeper.store.turns import note_turns
from keeper.store.watch_json import read_watch, write_watch

log = logging.getLogger(__name__)

ARMED, HELD = "watch.armed", "watch.held_until"
_TURNS = (StepKind.OPENED, StepKind.CLOSED)


class _Reader(threading.local):
    """What a thread last read or wrote, to see what is new in what it brings. Each for itself: a page that loads the
    memory to show it does not make the watchdog know more."""

    known: Watch | None = None
    top = 0  # of the ledger


class StoredWatch:
    """The WatchStore port."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reader = _Reader()
        self._complained: set[str] = set()

    # ------------------------------------------------------------------ the memory

    def load(self) -> Watch:
        """The memory as it was last stored; a fresh one the first time. Raises StoreError.

        A memory that is damaged, or of a newer program, neither stops the watchdog nor frees it of its limits: what
        can be read of it counts, the rest is rebuilt from the tables (see incidents.rebuilt), loudly. So the limits
        hold as long as the ledger does, which is written in the same transaction.
        """
        with self._database.read() as connection:
            stored = connection.execute(select(watch_memory.c.watch_json)).scalar()
            good, spoiled = read_watch(stored) if stored is not None else ({}, [])
            whole = all(field.name in good for field in fields(Watch))
            watch = replace(Watch() if whole else incidents.rebuilt(connection), **good)
            self._reader.known, self._reader.top = watch, incidents.top(connection)
        if spoiled:
            told = "the watchdog's memory in the data file cannot be read (%s): rebuilt from the ledger of %d actions"
            log.error(told, ", ".join(spoiled), len(watch.taken))
        return watch

    def remember(self, tick: Tick, sections: tuple[int, list[Section]] | None) -> None:
        """All of a look or nothing of it. Raises StoreError."""
        at = tick.check.at
        with self._database.write(lasting=self._matters(tick)) as connection:
            note_check(self._database, connection, tick.check, sections)
            top = self._keep(connection, tick.watch, at)
            incident = incidents.note_incident(connection, tick.watch, at)
            incidents.note_steps(connection, incident, tick.steps)
            note_turns(connection, tick.turns)
            _tell(connection, at, tick.notices)
        self._reader.known, self._reader.top = tick.watch, top

    def concluded(self, watch: Watch, step: Step, notices: Sequence[Notice]) -> None:
        """What became of the last action; `said` of the step's data goes into the ledger too. Raises StoreError."""
        last = watch.taken[-1] if watch.taken else None
        incident = watch.incident.number if watch.incident else last.incident if last else 0
        with self._database.write(lasting=True) as connection:
            top = self._keep(connection, watch, step.at)
            if last is not None and step.data.get("said"):
                incidents.note_said(connection, last, str(step.data["said"]))
            incidents.note_steps(connection, incident, [step])
            _tell(connection, step.at, notices)
        self._reader.known, self._reader.top = watch, top

    def _matters(self, tick: Tick) -> bool:
        """Whether something is in it that limits us later on, and so has to survive a power cut."""
        known, watch = self._reader.known, tick.watch
        if known is None or tick.decision.action is not Action.NONE:
            return True
        turned = any(step.kind in _TURNS for step in tick.steps) or _stage(known) != _stage(watch)
        return turned or known.taken != watch.taken

    def _keep(self, connection: Connection, watch: Watch, at: datetime) -> int:
        """Memory and ledger. Returns how far our reader knows the ledger now.

        Should another process have acted meanwhile (ours was suspended, and lost its lease), its actions count: they
        are added to what is remembered, and to whoever loads it next.
        """
        taken = watch.taken
        known, top = self._reader.known, self._reader.top
        if known is None or taken != known.taken or incidents.top(connection) != top:
            taken = incidents.note_taken(connection, taken, top)
        row = {"id": 1, "saved_at": at, "watch_json": write_watch(replace(watch, taken=taken))}
        self._database.upsert(connection, watch_memory, [row], update=["saved_at", "watch_json"])
        return incidents.top(connection) if taken == watch.taken else top

    # ------------------------------------------------------------------ what the owner says

    def armed(self) -> frozenset[Armed]:
        """What may be done. Until the owner has said something, what WatchLimits says; nothing at all, loudly, when
        what he said cannot be read. Words of a newer program are left out."""
        stored = self._setting(ARMED)
        if stored is None:
            return WatchLimits().armed
        known = {each.value for each in Armed}
        try:
            words = json.loads(stored)
            return frozenset(Armed(word) for word in words if word in known)
        except (ValueError, TypeError):
            self._complain(ARMED, stored, "nothing is armed until it is saved again")
            return frozenset()

    def arm(self, armed: frozenset[Armed], by: str, now: datetime) -> None:
        before = self.armed()
        words, more, less = (sorted(each) for each in (armed, armed - before, before - armed))
        message = f"{by} allows the watchdog: {', '.join(words) or 'nothing'}."
        data = {"by": by, "armed": words, "more": more, "less": less}
        self._order(ARMED, json.dumps(words), now, Notice("Watchdog Armed", Severity.INFO, message, data))

    def held_until(self) -> datetime | None:
        """The moment that was named last, also when it has passed; None = nobody holds the watchdog."""
        stored = self._setting(HELD)
        if stored in (None, "null"):
            return None
        try:
            until = datetime.fromisoformat(str(stored).strip('"'))
        except ValueError:
            self._complain(HELD, str(stored), "the watchdog is not held")
            return None
        return until if until.tzinfo else until.replace(tzinfo=UTC)

    def hold(self, until: datetime | None, by: str, now: datetime) -> None:
        if until is None:
            notice = Notice("Watchdog Released", Severity.INFO, f"{by} lets the watchdog act again.", {"by": by})
        else:
            utc = until.astimezone(UTC)
            message = f"{by} tells the watchdog to do nothing until {utc:%Y-%m-%d %H:%M} UTC."
            data = {"by": by, "until": utc.isoformat(timespec="seconds")}
            notice = Notice("Watchdog Held", Severity.WARNING, message, data)
        self._order(HELD, json.dumps(until and until.astimezone(UTC).isoformat()), now, notice)

    def _order(self, key: str, value: str, now: datetime, notice: Notice) -> None:
        """What was said, the event that tells it, and a line in the story of the incident that is open."""
        row = {"key": key, "value": value, "changed_at": now, "changed_by": str(notice.data["by"])}
        with self._database.write(lasting=True) as connection:
            self._database.upsert(connection, settings, [row], update=["value", "changed_at", "changed_by"])
            write_notice(connection, now, notice)
            incident = incidents.open_incident(connection)
            if incident is not None:
                step = Step(StepKind.OWNER, now, incident.cause, {"did": notice.kind, **notice.data})
                incidents.note_steps(connection, incident.number, [step])

    def _setting(self, key: str) -> str | None:
        with self._database.read() as connection:
            value: str | None = connection.execute(select(settings.c.value).where(settings.c.key == key)).scalar()
        return value

    def _complain(self, key: str, stored: str, so: str) -> None:
        """Once for every wrong text: this is read at every look."""
        if stored not in self._complained:
            self._complained.add(stored)
            log.error("setting %s in the data file cannot be read (%r): %s", key, stored, so)


def _stage(watch: Watch) -> tuple[int, bool] | None:
    return (watch.incident.number, watch.incident.gave_up) if watch.incident else None


def _tell(connection: Connection, at: datetime, notices: Sequence[Notice]) -> None:
    for notice in notices:
        write_notice(connection, at, notice)
