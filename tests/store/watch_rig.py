"""What the tests of the watchdog's memory share: moments, ticks, and a look at the tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from keeper.rules.types import (
    Action,
    Agent,
    Cause,
    Check,
    Decision,
    Fact,
    Incident,
    Moment,
    Notice,
    Reason,
    Severity,
    Step,
    StepKind,
    Taken,
    Tick,
    Turn,
    Turning,
    Watch,
)
from keeper.store.db import Database

START = datetime(2026, 3, 28, 12, tzinfo=UTC)
TABLES = ("checks", "watch_memory", "incidents", "incident_steps", "plex_turns", "actions", "events")


def moment(seconds: float, boot: str = "boot 1") -> Moment:
    return Moment(START + timedelta(seconds=seconds), boot, 10_000.0 + seconds)


def check(seconds: float, cause: Cause = Cause.OK, **decision: Any) -> Check:
    facts = {"identity": Fact(cause is Cause.OK, "word"), "cpu_percent": Fact(12.5)}
    return Check(START + timedelta(seconds=seconds), cause, "A sentence.", facts, decision, 5.0)


def quiet(seconds: float, watch: Watch | None = None) -> Tick:
    """A look at which nothing happens."""
    decision = Decision(Action.NONE, Action.NONE, Reason.FINE)
    return Tick(check(seconds, action="none", reason="fine"), watch or Watch(last=moment(seconds)), decision)


def restart(seconds: float, before: Watch, number: int = 1) -> Tick:
    """A look that noticed a crash and decides to start Plex again, in an incident that may just have opened."""
    now = moment(seconds)
    incident = before.incident or Incident(number, Cause.DOWN, moment(seconds - 20))
    taken = (*before.taken, Taken(Action.RESTART_PLEX, now, incident.number))
    watch = replace(before, incident=incident, incidents=incident.number, taken=taken, last=now)
    steps = [Step(StepKind.DECIDED, now.at, Cause.DOWN, {"action": "restart_plex", "reason": "act"})]
    if before.incident is None:
        steps.insert(0, Step(StepKind.OPENED, now.at, Cause.DOWN, {"facts": {"port": "refused"}}))
    notice = Notice("Plex Restart", Severity.WARNING, "Restart of Plex.", {"cause": "down"})
    decision = Decision(Action.RESTART_PLEX, Action.RESTART_PLEX, Reason.ACT)
    said = check(seconds, Cause.DOWN, action="restart_plex", reason="act")
    return Tick(said, watch, decision, tuple(steps), (notice,), (Turn(now.at, Turning.STOPPED, Agent.CRASH, 60.0),))


def over(seconds: float, before: Watch) -> Tick:
    """The look that closes the incident."""
    taken = (*before.taken[:-1], replace(before.taken[-1], helped=True)) if before.taken else ()
    tick = quiet(seconds, replace(before, incident=None, taken=taken, last=moment(seconds)))
    step = Step(StepKind.CLOSED, moment(seconds).at, Cause.OK, {"cause": "down"})
    return replace(tick, steps=(step,), notices=(Notice("Trouble Over", Severity.INFO, "All is well.", {}),))


def rows(database: Database, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with sqlite3.connect(database.path) as connection:
        found = connection.execute(statement, values).fetchall()
    connection.close()
    return found


def everything(database: Database, tables: Sequence[str] = TABLES) -> dict[str, list[tuple[Any, ...]]]:
    return {table: rows(database, f"select * from {table} order by 1") for table in tables}
