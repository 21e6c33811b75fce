"""What pages and commands read of the watchdog. Every question costs the same however old the data file is."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, or_, select

from keeper.ports import Clock
from keeper.rules.types import Action, Cause, Hour, IncidentSeen, Step, StepKind, Taken
from keeper.store.db import Database
from keeper.store.incidents import to_taken
from keeper.store.rollup import Rollup
from keeper.store.schema import actions, checks, incident_steps, incidents
from keeper.store.turns import Turned, read_turns

_LEAF = 500  # looks read at once
MOST_LOOKS = 10_000  # searched for decisions


class Deed(NamedTuple):
    """A row of the ledger."""

    id: int
    taken: Taken
    said: str  # what the command answered


class Decided(NamedTuple):
    """A look at which the decision changed."""

    at: datetime
    cause: Cause
    decision: Mapping[str, Any]


class WatchViews:
    """Read-only. `interval` is the usual time between two looks, in seconds. All methods raise StoreError."""

    def __init__(self, database: Database, clock: Clock, interval: float) -> None:
        self._database = database
        self._clock = clock
        self._rollup = Rollup(database, interval)

    def incidents(self, limit: int, before: int | None = None) -> list[IncidentSeen]:
        """Newest first; the next page is the one `before` the last number of this one."""
        wanted = select(incidents).order_by(incidents.c.number.desc()).limit(limit)
        if before is not None:
            wanted = wanted.where(incidents.c.number < before)
        with self._database.read() as connection:
            return _seen(connection, connection.execute(wanted).all())

    def incident(self, number: int) -> IncidentSeen | None:
        with self._database.read() as connection:
            found = _seen(connection, connection.execute(select(incidents).where(incidents.c.number == number)).all())
        return found[0] if found else None

    def story(self, number: int, limit: int = 500) -> list[Step]:
        """The last `limit` lines of an incident's story, in the order in which they happened."""
        mine = select(incident_steps).where(incident_steps.c.incident == number)
        with self._database.read() as connection:
            rows = connection.execute(mine.order_by(incident_steps.c.id.desc()).limit(limit)).all()
        return [Step(StepKind(row.kind), row.at, Cause(row.cause), json.loads(row.data_json)) for row in reversed(rows)]

    def actions(self, limit: int, before: int | None = None) -> list[Deed]:
        """The ledger, newest first; the next page is the one `before` the last id of this one."""
        wanted = select(actions).order_by(actions.c.id.desc()).limit(limit)
        if before is not None:
            wanted = wanted.where(actions.c.id < before)
        with self._database.read() as connection:
            rows = connection.execute(wanted).all()
        return [Deed(row.id, taken, row.said) for row in rows if (taken := to_taken(row))]

    def turns(self, limit: int, before: int | None = None) -> list[Turned]:
        """Starts and stops of Plex, newest first; the next page is the one `before` the last id of this one."""
        with self._database.read() as connection:
            return read_turns(connection, limit, before)

    def decisions(self, limit: int) -> list[Decided]:
        """The looks at which cause, reason or action became what they are, newest first. As far as looks are kept,
        and not beyond the last MOST_LOOKS."""
        found: list[Decided] = []
        last: Decided | None = None
        for each in self._looks():
            if last is not None and _gist(last) != _gist(each):
                found.append(last)
                if len(found) == limit:
                    return found
            last = each
        return [*found, last] if last is not None else found

    def hours(self, since: datetime) -> list[Hour]:
        """The hours from the one of `since` up to now, in order. A missing hour is unknown."""
        return self._rollup.hours(since, self._clock.now())

    def days(self, since: datetime) -> list[Hour]:
        """The same for days of UTC."""
        return self._rollup.days(since, self._clock.now())

    def _looks(self) -> Iterable[Decided]:
        """Newest first, page by page."""
        wanted = select(checks.c.id, checks.c.at, checks.c.cause, checks.c.decision_json)
        newest = wanted.order_by(checks.c.id.desc()).limit(_LEAF)
        leaf = newest
        for _ in range(MOST_LOOKS // _LEAF):
            with self._database.read() as connection:
                rows = connection.execute(leaf).all()
            for row in rows:
                yield Decided(row.at, Cause(row.cause), json.loads(row.decision_json))
            if len(rows) < _LEAF:
                return
            leaf = newest.where(checks.c.id < rows[-1].id)


def _gist(decided: Decided) -> tuple[object, ...]:
    """What makes a decision another one; times in it change with every look."""
    return decided.cause, *(decided.decision.get(name) for name in ("action", "wanted", "reason"))


def _seen(connection: Connection, rows: Sequence[Row[Any]]) -> list[IncidentSeen]:
    done: dict[int, list[Action]] = defaultdict(list)
    tried = or_(actions.c.done.is_(None), actions.c.done == 1)
    wanted = select(actions).where(actions.c.incident.in_([row.number for row in rows]), tried)
    for row in connection.execute(wanted.order_by(actions.c.id)) if rows else ():
        if taken := to_taken(row):
            done[taken.incident].append(taken.action)
    return [
        IncidentSeen(
            row.number, row.began_at, row.closed_at, Cause(row.cause), tuple(map(Cause, row.causes.split(","))),
            tuple(done[row.number]), bool(row.gave_up),
        )
        for row in rows
    ]  # fmt: skip
