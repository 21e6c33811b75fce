"""The events, for people: what an address asks for, a page of them with what became of each, and files to take away.

An address (the page's own, a bookmark, an export) names groups and kinds, a severity, words, days, an outlet and a
state of delivery. What it names and nobody knows is left out: it may come from a newer program, or from a slip of the
hand.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import islice
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from keeper.rules.kinds import group_of
from keeper.rules.types import DeliverySeen, DeliveryStatus, EventFilter, Group, Severity
from keeper.store.deliveries import StoredDeliveries
from keeper.store.events import EventPage, Events

#: What may stand in an address; those of SEVERAL more than once.
TEXT, GROUP, KIND, LEAST, FROM, TO, OUTLET, STATE, ZONE = (
    "q", "group", "kind", "least", "from", "to", "outlet", "state", "zone",
)  # fmt: skip
SEVERAL = (GROUP, KIND)
MOST_KINDS = 200  # of an address; each is looked for by itself
_CHUNK = 500  # rows that are handed out at once
_NONE = ("",)  # a kind that no event has
_COLUMNS = ("id", "at", "kind", "severity", "message", "deliveries")

Query = Mapping[str, Sequence[str]]
Member = TypeVar("Member", bound=StrEnum)


class EventBook:
    """Reads only. Raises StoreError."""

    def __init__(self, events: Events, deliveries: StoredDeliveries) -> None:
        self._events, self._deliveries = events, deliveries

    def page(self, query: Query, zone: tzinfo, limit: int, before: int | None = None) -> EventPage:
        """Newest first; days are those of the zone. See EventPage on going on."""
        return self._events.page(self.wanted(query, zone), limit, before)

    def deliveries(self, event_ids: Sequence[int]) -> dict[int, list[DeliverySeen]]:
        return self._deliveries.of_events(event_ids)

    def kinds(self) -> list[str]:
        """All that occur, by name."""
        return self._events.kinds()

    def wanted(self, query: Query, zone: tzinfo) -> EventFilter:
        """What an address asks for."""
        last = _day(_one(query, TO))
        return EventFilter(
            kinds=self._kinds(query),
            least=_member(Severity, _one(query, LEAST)) or Severity.INFO,
            search=_one(query, TEXT),
            since=_midnight(_day(_one(query, FROM)), zone),
            until=_midnight(last + timedelta(days=1) if last and last < date.max else None, zone),
            outlet=_one(query, OUTLET),
            status=_member(DeliveryStatus, _one(query, STATE)),
        )

    def csv(self, query: Query) -> Iterator[str]:
        """Everything that fits as one file, in pieces; its days are those of the zone that the query names."""
        rows = self._events.rows(self.wanted(query, _zone(query)))
        yield csv_line(*_COLUMNS) + "".join(map(_as_csv, islice(rows, _CHUNK)))
        while piece := "".join(map(_as_csv, islice(rows, _CHUNK))):
            yield piece

    def json(self, query: Query) -> Iterator[str]:
        """The same as one list of objects; with all that is known of each event."""
        rows = map(_as_json, self._events.rows(self.wanted(query, _zone(query))))
        yield "[\n" + ",\n".join(islice(rows, _CHUNK))
        while piece := ",\n".join(islice(rows, _CHUNK)):
            yield ",\n" + piece
        yield "\n]\n"

    def _kinds(self, query: Query) -> tuple[str, ...]:
        """Those of the groups, and those that are named besides. Of a group only what has occurred is looked for."""
        groups = {group for each in query.get(GROUP, ()) if (group := _member(Group, each))}
        named = [kind for kind in query.get(KIND, ()) if kind]
        if not groups:
            return tuple(dict.fromkeys(named))[:MOST_KINDS]
        of_groups = [kind for kind in self.kinds() if group_of(kind) in groups]
        return tuple(dict.fromkeys((*named, *of_groups)))[:MOST_KINDS] or _NONE


def csv_line(*cells: object) -> str:
    """One line of a table, which no spreadsheet takes for a formula."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow([_harmless(str(cell)) for cell in cells])
    return buffer.getvalue()


def _harmless(cell: str) -> str:
    """A text that begins like a formula must not become one in a spreadsheet."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else cell


def _as_csv(row: Mapping[str, Any]) -> str:
    told = ", ".join(f"{outlet}: {status}" for outlet, status in row["deliveries"].items())
    return csv_line(*(row[name] for name in _COLUMNS[:-1]), told)


def _as_json(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False)


def _one(query: Query, name: str) -> str:
    return next(iter(query.get(name, ())), "").strip()


def _member(kind: type[Member], value: str) -> Member | None:
    try:
        return kind(value)
    except ValueError:
        return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date | None, zone: tzinfo) -> datetime | None:
    """The beginning of that day; None also when no calendar has it in UTC."""
    try:
        return datetime.combine(day, time(), zone).astimezone(UTC) if day else None
    except OverflowError:
        return None


def _zone(query: Query) -> ZoneInfo:
    try:
        return ZoneInfo(_one(query, ZONE) or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
