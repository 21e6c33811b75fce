"""events: what is worth telling, written inside the transaction of what it tells, and read newest first.

A list of events costs the same whether there are ten thousand of them or a million, whatever it is narrowed to. What
an index can answer (kinds, severity, a period, a state of delivery) is walked along that index; what only reading the
rows can answer (a search for text, and odd combinations) looks at SCANNED rows at most and then says where to go on.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    exists,
    func,
    insert,
    literal,
    literal_column,
    select,
    tuple_,
    type_coerce,
)

from keeper.rules.types import DeliveryStatus, Event, EventFilter, Notice, Severity
from keeper.store.db import Database
from keeper.store.outlets import names_with_deliveries
from keeper.store.schema import deliveries, events, utc_text

SCANNED = 20_000  # rows that one page may look at in search of those that fit
MOST_KINDS = 500
LONGEST_SEARCH = 200  # characters
_LEAF = 1_000  # rows an export reads at once
_TOGETHER = 500  # events that are written in one transaction
_SEVERITIES = tuple(Severity)  # from the least on
_FEW = (DeliveryStatus.PENDING, DeliveryStatus.FAILED, DeliveryStatus.DROPPED)


class EventPage(NamedTuple):
    """Events, newest first. The next page goes on at `before_id`; None = there is nothing older. While something is
    searched for, a page may be short, or empty, and yet not be the last."""

    events: list[Event]
    before_id: int | None


#: What a list is sorted by: (id,), or (time, id) within a period.
Key = tuple[Any, ...]


class Lane(NamedTuple):
    """Keys that an index has together and in order, and what else a row has to fulfil."""

    keys: Select[Any]
    sieve: tuple[ColumnElement[bool], ...]


class Found(NamedTuple):
    """Of one lane: the keys that fit, and down to which key that is all; None = to the end."""

    keys: list[Key]
    floor: Key | None


def write_event(
    connection: Connection, at: datetime, kind: str, severity: Severity, message: str, data: Mapping[str, Any]
) -> None:
    """Adds one event to the caller's transaction."""
    row = {
        "at": at, "kind": _storable(kind), "severity": severity.value, "message": _storable(message),
        "data_json": json.dumps(json.loads(_storable(json.dumps(dict(data), ensure_ascii=False)))),
    }  # fmt: skip
    connection.execute(insert(events).values(**row))


def write_notice(connection: Connection, at: datetime, notice: Notice) -> None:
    write_event(connection, at, notice.kind, notice.severity, notice.message, notice.data)


class Events:
    """Reading events, newest first; adding one that belongs to no other transaction. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, notice: Notice, now: datetime) -> None:
        """From whatever process: waits for its turn to write. Once it has returned, no power cut takes it away."""
        with self._database.write(lasting=True) as connection:
            write_notice(connection, now, notice)

    def add_all(self, notices: Iterable[tuple[datetime, Notice]]) -> None:
        """Many of them, each with its own time, and some hundreds in one transaction."""
        left = iter(notices)
        while some := list(islice(left, _TOGETHER)):
            with self._database.write(lasting=True) as connection:
                for at, notice in some:
                    write_notice(connection, at, notice)

    def noted_in_data(self, name: str, since: datetime, until: datetime) -> set[str]:
        """All that stands under that name in the data of the events of a period, both its ends included."""
        mentioned = type_coerce(events.c.data_json, Text).contains(json.dumps(name), autoescape=True)
        wanted = select(events.c.data_json).where(events.c.at >= since, events.c.at <= until, mentioned)
        with self._database.read() as connection:
            trees = [_read_data(text) for text in connection.execute(wanted).scalars()]
        return {str(tree[name]) for tree in trees if name in tree}

    def latest(self, limit: int, kinds: Collection[str] = ()) -> list[Event]:
        """Of these kinds only, when some are named."""
        return self.page(EventFilter(kinds=tuple(kinds)), limit).events

    def page(self, wanted: EventFilter, limit: int, before_id: int | None = None) -> EventPage:
        """What is narrowed to a period is sorted by time, everything else in the order in which it was written: a
        clock that was wrong shuffles nothing then."""
        with self._database.read() as connection:
            lanes = _lanes(connection, wanted, before_id)
            found = [_walk(connection, lane, limit, SCANNED // len(lanes)) for lane in lanes]
            keys, before = _merge(found, limit)
            return EventPage(_read(connection, [key[-1] for key in keys]), before)

    def kinds(self) -> list[str]:
        """All that occur, by name, up to MOST_KINDS. One step through the index for each."""
        kinds: list[str] = []
        with self._database.read() as connection:
            while len(kinds) < MOST_KINDS:
                following = select(func.min(events.c.kind)).where(events.c.kind > (kinds[-1] if kinds else ""))
                kind = connection.execute(following).scalar()
                if kind is None:
                    break
                kinds.append(kind)
        return kinds

    def count_between(self, since: datetime, until: datetime, kinds: Collection[str] = ()) -> int:
        """From `since` up to, but not including, `until`."""
        period = (events.c.at >= since, events.c.at < until)
        these = (events.c.kind.in_(kinds), events.c.severity.in_([each.value for each in _SEVERITIES])) if kinds else ()
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).where(*period, *these)).scalar_one())

    def count_by_kind(self, since: datetime, until: datetime) -> dict[str, int]:
        """The same for each kind that occurs."""
        period = (events.c.at >= since, events.c.at < until)
        wanted = select(events.c.kind, func.count()).where(*period).group_by(events.c.kind)
        with self._database.read() as connection:
            return {kind: int(number) for kind, number in connection.execute(wanted)}

    def stream(self, wanted: EventFilter) -> Iterator[Event]:
        """Everything that fits, newest first, a page at a time: memory stays small, and nobody waits for the end."""
        for page in self._pages(wanted):
            yield from page

    def rows(self, wanted: EventFilter) -> Iterator[dict[str, Any]]:
        """The same as plain values, for CSV or JSON: id, at (UTC text), kind, severity, message, data (a dict) and
        deliveries ({outlet: status})."""
        for page in self._pages(wanted):
            with self._database.read() as connection:
                told = _deliveries_of(connection, [event.id for event in page])
            for event in page:
                yield {
                    "id": event.id, "at": utc_text(event.at), "kind": event.kind, "severity": event.severity.value,
                    "message": event.message, "data": dict(event.data), "deliveries": told.get(event.id, {}),
                }  # fmt: skip

    def _pages(self, wanted: EventFilter) -> Iterator[list[Event]]:
        before: int | None = None
        while True:
            page, before = self.page(wanted, _LEAF, before)
            yield page
            if before is None:
                return


def to_event(row: Row[Any]) -> Event:
    """A row that was spoiled by hand is shown as it is, and stops nobody: what its severity is, nobody knows, so it is
    taken seriously."""
    severity = row.severity if row.severity in _SEVERITIES else Severity.ERROR
    return Event(row.id, row.at, row.kind, Severity(severity), row.message, _read_data(row.data_json))


def _read_data(text: str) -> Mapping[str, Any]:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        tree = None
    return tree if isinstance(tree, dict) else {"unreadable": text}


def _storable(text: str) -> str:
    """Bytes of a command line that are no text come as half characters, which no file takes: '?' for each."""
    return text.encode("utf-8", "replace").decode("utf-8")


# ------------------------------------------------------------------------------------------------ the lanes


def _lanes(connection: Connection, wanted: EventFilter, before_id: int | None) -> list[Lane]:
    """Along the deliveries when they are what narrows the list most, else along the events. Always at least one."""
    told = bool(wanted.outlet or wanted.status)
    narrow = bool(wanted.kinds or wanted.since or wanted.until or wanted.least is not Severity.INFO)
    if told and (wanted.status in _FEW or not narrow):
        names = [wanted.outlet] if wanted.outlet else names_with_deliveries(connection) or [""]
        statuses = [wanted.status] if wanted.status else list(DeliveryStatus)
        sieve = (*_event_conditions(wanted), *_search(wanted))
        return [_delivery_lane(name, status, before_id, sieve) for name in names for status in statuses]
    sieve = (*_search(wanted), *_told(wanted))
    return [
        Lane(_event_keys(connection, wanted, same, before_id), sieve)
        for same in _products(wanted.kinds, _reached(wanted.least))
    ]


def _delivery_lane(
    name: str, status: DeliveryStatus, before_id: int | None, sieve: tuple[ColumnElement[bool], ...]
) -> Lane:
    keys = select(deliveries.c.event_id.label("id"))
    keys = keys.where(deliveries.c.outlet == name, deliveries.c.status == status.value)
    if before_id is not None:
        keys = keys.where(deliveries.c.event_id < before_id)
    return Lane(keys.order_by(deliveries.c.event_id.desc()), sieve)


def _event_keys(
    connection: Connection, wanted: EventFilter, same: Sequence[ColumnElement[bool]], before_id: int | None
) -> Select[Any]:
    if wanted.since is None and wanted.until is None:
        keys = select(events.c.id).where(*same).order_by(events.c.id.desc())
        return keys if before_id is None else keys.where(events.c.id < before_id)
    keys = select(events.c.at, events.c.id).where(*same, *_period(wanted))
    if before_id is not None:
        keys = keys.where(*_earlier(connection, before_id))
    return keys.order_by(events.c.at.desc(), events.c.id.desc())


def _earlier(connection: Connection, before_id: int) -> tuple[ColumnElement[bool], ...]:
    """What comes after that event in a list by time. Should it have gone meanwhile, its elder neighbour stands in."""
    neighbour = select(events.c.at).where(events.c.id <= before_id).order_by(events.c.id.desc()).limit(1)
    at = connection.execute(neighbour).scalar()
    if at is None:
        return (events.c.id < before_id,)
    place = tuple_(literal(at, events.c.at.type), literal(before_id, events.c.id.type))
    return events.c.at <= at, tuple_(events.c.at, events.c.id) < place


def _products(kinds: Sequence[str], severities: Sequence[Severity] | None) -> list[tuple[ColumnElement[bool], ...]]:
    """Equalities, for each kind and each severity; the indexes begin with both, or with the severity."""
    if not kinds and severities is None:
        return [()]
    of_severity = [(events.c.severity == each.value,) for each in severities or _SEVERITIES]
    if not kinds:
        return [*of_severity]
    return [(events.c.kind == kind, *severity) for kind in dict.fromkeys(kinds) for severity in of_severity]


def _reached(least: Severity) -> Sequence[Severity] | None:
    """From that severity on; None = every one there is."""
    return None if least is _SEVERITIES[0] else _SEVERITIES[_SEVERITIES.index(least) :]


def _period(wanted: EventFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.since is not None:
        yield events.c.at >= wanted.since
    if wanted.until is not None:
        yield events.c.at < wanted.until


def _event_conditions(wanted: EventFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.kinds:
        yield events.c.kind.in_(wanted.kinds)
    if (severities := _reached(wanted.least)) is not None:
        yield events.c.severity.in_([each.value for each in severities])
    yield from _period(wanted)


def _search(wanted: EventFilter) -> Iterator[ColumnElement[bool]]:
    """Not cleaned of secrets on its way in: who types a guess must not see from the answer that it was right."""
    if text := wanted.search.strip()[:LONGEST_SEARCH]:
        yield type_coerce(events.c.message, Text).icontains(text, autoescape=True)


def _told(wanted: EventFilter) -> Iterator[ColumnElement[bool]]:
    if not wanted.outlet and not wanted.status:
        return
    there = deliveries.c.event_id == events.c.id
    if wanted.outlet:
        there &= deliveries.c.outlet == wanted.outlet
    if wanted.status:
        there &= deliveries.c.status == wanted.status.value
    yield exists(select(literal_column("1")).select_from(deliveries).where(there))


# ------------------------------------------------------------------------------------------------ walking them


def _walk(connection: Connection, lane: Lane, limit: int, scanned: int) -> Found:
    """One key more than a page has, so that it is known whether another page follows."""
    if not lane.sieve:
        keys = [tuple(row) for row in connection.execute(lane.keys.limit(limit + 1))]
        return Found(keys, keys[-1] if len(keys) > limit else None)
    scanned = max(scanned, limit + 1)
    seen = lane.keys.limit(scanned).subquery()
    order = [column.desc() for column in seen.c]
    fitting = select(*seen.c).join_from(seen, events, events.c.id == seen.c.id).where(*lane.sieve)
    keys = [tuple(row) for row in connection.execute(fitting.order_by(*order).limit(limit + 1))]
    if len(keys) > limit:
        return Found(keys, keys[-1])
    last = connection.execute(lane.keys.offset(scanned - 1).limit(1)).first()
    return Found(keys, tuple(last) if last else None)


def _merge(found: Sequence[Found], limit: int) -> tuple[list[Key], int | None]:
    """(the keys of the page, where the next one goes on). Below the highest floor, some lane may hold more."""
    floors = [each.floor for each in found if each.floor is not None]
    floor = max(floors, default=None)
    keys = {key for each in found for key in each.keys if floor is None or key >= floor}
    page = sorted(keys, reverse=True)
    if len(page) > limit:
        return page[:limit], page[limit - 1][-1]
    return page, None if floor is None else floor[-1]


def _read(connection: Connection, ids: Sequence[int]) -> list[Event]:
    rows = connection.execute(select(events).where(events.c.id.in_(ids))) if ids else ()
    by_id = {row.id: to_event(row) for row in rows}
    return [by_id[number] for number in ids if number in by_id]


def _deliveries_of(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    wanted = select(deliveries.c.event_id, deliveries.c.outlet, deliveries.c.status)
    told: dict[int, dict[str, str]] = {}
    for number, outlet, status in connection.execute(wanted.where(deliveries.c.event_id.in_(ids))) if ids else ():
        told.setdefault(number, {})[outlet] = status
    return told
