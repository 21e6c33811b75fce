"""incidents, incident_steps, actions: episodes of trouble, their stories, and the ledger of what was done.

Functions within the caller's transaction. The ledger only grows: what limits the watchdog is counted from it, so a
row is never taken back, and what is known of an action (done, helped) is never made unknown again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Text, func, insert, or_, select, type_coerce, update

from keeper.rules.types import Cause, Incident, Step, Taken, Watch
from keeper.store.schema import actions, incident_steps, incidents
from keeper.store.turns import latest_turns, readable
from keeper.store.watch_json import boot_alone, read_record

MOST_REBUILT = 400  # actions; the rules themselves keep fewer, and know best which
_CAUSES = {each.value: each for each in Cause}
_IS_OPEN = incidents.c.closed_at.is_(None)
#: With the time as the text that it is in the file: a row in which it is spoiled can still be read, and counted.
_ACTIONS = select(*(type_coerce(each, Text).label("at") if each.name == "at" else each for each in actions.c))


class Open(NamedTuple):
    """The incident that is open. A cause that this program does not know is UNKNOWN."""

    number: int
    cause: Cause


def note_incident(connection: Connection, watch: Watch, at: datetime) -> int:
    """Opens, changes and closes rows; the number of the incident that this look belongs to, 0 = none."""
    current = watch.incident
    number = current.number if current else None
    told = (incidents.c.number, incidents.c.cause, incidents.c.causes, incidents.c.gave_up, _IS_OPEN.label("is_open"))
    rows = connection.execute(select(*told).where(or_(_IS_OPEN, incidents.c.number == number))).all()
    over = [row.number for row in rows if row.is_open and row.number != number]
    if over:
        connection.execute(update(incidents).where(incidents.c.number.in_(over)).values(closed_at=at))
    if current is None:
        return max(over, default=0)
    row = next((row for row in rows if row.number == number), None)
    if row is None:
        connection.execute(insert(incidents).values(**_new_row(current, at)))
    else:
        _change(connection, row, current)
    return current.number


def _new_row(incident: Incident, at: datetime) -> dict[str, object]:
    began = incident.began
    return {
        "number": incident.number, "cause": incident.cause.value, "causes": incident.cause.value, "began_at": began.at,
        "began_boot": began.boot, "began_uptime": began.uptime, "opened_at": at, "gave_up": int(incident.gave_up),
    }  # fmt: skip


def _change(connection: Connection, row: Row[Any], incident: Incident) -> None:
    causes = row.causes.split(",")
    if incident.cause.value not in causes:
        causes.append(incident.cause.value)
    new = {"cause": incident.cause.value, "causes": ",".join(causes), "gave_up": int(incident.gave_up)}
    if not row.is_open or any(getattr(row, name) != value for name, value in new.items()):
        connection.execute(update(incidents).where(incidents.c.number == row.number).values(closed_at=None, **new))


def open_incident(connection: Connection) -> Open | None:
    wanted = select(incidents.c.number, incidents.c.cause).where(_IS_OPEN)
    row = connection.execute(wanted.order_by(incidents.c.number.desc()).limit(1)).first()
    return Open(row.number, _CAUSES.get(row.cause, Cause.UNKNOWN)) if row is not None else None


def note_steps(connection: Connection, incident: int, steps: Iterable[Step]) -> None:
    rows = [
        {
            "incident": incident, "at": step.at, "kind": step.kind.value, "cause": step.cause.value,
            "data_json": json.dumps(dict(step.data), default=_plain),
        }
        for step in steps
    ]  # fmt: skip
    if rows:
        connection.execute(insert(incident_steps), rows)


def _plain(value: object) -> object:
    """A story that cannot be written would keep the whole look from being remembered."""
    if isinstance(value, date):
        return value.isoformat()
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)


def top(connection: Connection) -> int:
    """The number of the last row of the ledger; 0 = it is empty."""
    return connection.execute(select(func.max(actions.c.id))).scalar() or 0


def note_taken(connection: Connection, taken: Sequence[Taken], known: int) -> tuple[Taken, ...]:
    """Writes what is new in `taken`, and what is known by now. Returns `taken`, with what others did meanwhile: rows
    after the number `known`, which the caller cannot have read, in the order of the ledger."""
    uptimes = {each.at.uptime for each in taken}
    wanted = _ACTIONS.where(or_(actions.c.id > known, actions.c.uptime.in_(uptimes))).order_by(actions.c.id)
    rows = {(boot_alone(row.boot), row.uptime, row.action): row for row in connection.execute(wanted)}
    mine = {_key(each): each for each in taken}
    for key, each in mine.items():
        if key not in rows:
            connection.execute(insert(actions).values(**_ledger_row(each)))
        else:
            _learn(connection, rows[key], each)
    others = [row for key, row in rows.items() if row.id > known and key not in mine][-MOST_REBUILT:]
    if not others:
        return tuple(taken)
    place = {key: row.id for key, row in rows.items()}
    every = [*filter(None, map(to_taken, others)), *taken]
    return tuple(sorted(every, key=lambda each: place.get(_key(each), float("inf"))))


def note_said(connection: Connection, taken: Taken, said: str) -> None:
    """What the command of an action answered, for people."""
    boot, uptime, action = _key(taken)
    in_boot = or_(actions.c.boot == boot, actions.c.boot.endswith(f":{boot}", autoescape=True))
    same = (in_boot, actions.c.uptime == uptime, actions.c.action == action)
    connection.execute(update(actions).where(*same).values(said=said))


def to_taken(row: Row[Any]) -> Taken | None:
    """None for a row that somebody spoiled by hand."""
    at = {"at": row.at, "boot": row.boot, "uptime": row.uptime}
    done, helped = _truth(row.done), _truth(row.helped)
    return read_record(Taken, action=row.action, at=at, incident=row.incident, by=row.by_whom, done=done, helped=helped)


def rebuilt(connection: Connection) -> Watch:
    """What the tables still tell of a memory that is lost: every limit, the open incident and the count of them, and
    the latest starts and stops of Plex. Not how long the present cause has lasted (it has to be confirmed anew) and
    what the streams were doing. Rows that somebody spoiled by hand are left out, each by itself."""
    newest = connection.execute(_ACTIONS.order_by(actions.c.id.desc()).limit(MOST_REBUILT))
    taken = tuple(filter(None, map(to_taken, reversed(newest.all()))))
    highest = connection.execute(select(func.max(incidents.c.number))).scalar() or 0
    count = max(highest, *(each.incident for each in taken), 0)
    return Watch(incident=_latest_open(connection), incidents=count, taken=taken, turns=latest_turns(connection))


def _latest_open(connection: Connection) -> Incident | None:
    """None also when its row is spoiled: the next look closes it, and opens another if there is still trouble."""
    open_ones = select(incidents).where(_IS_OPEN).order_by(incidents.c.number.desc())
    for row in readable(connection, open_ones):
        began = {"at": row.began_at, "boot": row.began_boot, "uptime": row.began_uptime}
        told = read_record(Incident, number=row.number, cause=row.cause, began=began, gave_up=bool(row.gave_up))
        if told is not None:
            return told
    return None


def _key(taken: Taken) -> tuple[str, float, str]:
    return taken.at.boot, taken.at.uptime, taken.action.value


def _ledger_row(taken: Taken) -> dict[str, object]:
    return {
        "action": taken.action.value, "at": taken.at.at, "boot": taken.at.boot, "uptime": taken.at.uptime,
        "incident": taken.incident, "by_whom": taken.by, "done": taken.done, "helped": taken.helped,
    }  # fmt: skip


def _learn(connection: Connection, row: Row[Any], taken: Taken) -> None:
    told = (("done", taken.done, row.done), ("helped", taken.helped, row.helped))
    news = {name: int(new) for name, new, old in told if new is not None and new is not _truth(old)}
    if news:
        connection.execute(update(actions).where(actions.c.id == row.id).values(**news))


def _truth(value: int | None) -> bool | None:
    return None if value is None else bool(value)
