"""An event as a record of Airtable, and how records that may be there already are found again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

from keeper.rules.types import Parcel
from keeper.world.outlets.airtable_faults import EVENT_ID, NEEDED

SCRIPT = "plex_keeper"
LONGEST = 100_000  # characters that a cell holds, as JavaScript counts them: an emoji is two


class Row(NamedTuple):
    """A record that was found. White space does not count: Airtable trims it in some fields."""

    id: str
    time: str
    rest: tuple[str, str, str]


def fields_of(parcel: Parcel, zone: tzinfo) -> dict[str, str]:
    event = parcel.event
    return {
        "Name": shortened(event.kind),
        "Time": _wall_clock(event.at, zone),
        "Message": shortened(event.message),
        "Script": SCRIPT,
    }


def fields_with_id(parcel: Parcel, zone: tzinfo, store_id: str) -> dict[str, str]:
    return fields_of(parcel, zone) | {EVENT_ID: f"{store_id}-{parcel.event.id}"}


def shortened(text: str) -> str:
    """As it is, or visibly cut to what a cell holds."""
    if _length(text) <= LONGEST:
        return text
    mark = f"… [shortened, {len(text)} characters]"
    room = (LONGEST - _length(mark)) * 2
    return text.encode("utf-16-le")[:room].decode("utf-16-le", errors="ignore") + mark  # half an emoji falls away


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _wall_clock(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def times_of(parcel: Parcel, zone: tzinfo) -> tuple[str, ...]:
    """How the time may be read back: as it was written, or, from a date field, in UTC: meant so, or in our zone."""
    wall, instant = _wall_clock(parcel.event.at, zone), _wall_clock(parcel.event.at, UTC)
    return tuple(dict.fromkeys((wall, *(f"{text.replace(' ', 'T')}.000Z" for text in (wall, instant)))))


# ------------------------------------------------------------------ looking


def formula_for(parcels: Sequence[Parcel], zone: tzinfo) -> str:
    """Selects whatever might be one of them; what exactly is one is decided by `match`.

    Time and name are enough to get few records. A name with anything but plain characters is left out: how the formulas
    of Airtable read those is written nowhere, and a record that is overlooked would be written twice.
    """
    from pyairtable.formulas import AND, OR, Formula, quoted

    alternatives = {}
    for parcel in parcels:
        at = OR(*(Formula(f"{{Time}}&''={quoted(text)}") for text in times_of(parcel, zone)))
        name = parcel.event.kind
        wanted = AND(at, Formula(f"{{Name}}={quoted(name)}")) if _is_plain(name) else at
        alternatives[str(wanted)] = wanted
    return str(OR(*alternatives.values()))


def _is_plain(name: str) -> bool:
    return name.isprintable() and "\\" not in name and name == name.strip() and 0 < len(name) < 200


def rows_of(records: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Raises LookupError, TypeError, AttributeError when they are none."""
    return [Row(record["id"], str(record["fields"].get("Time", "")), _rest(record["fields"])) for record in records]


def match(parcels: Sequence[Parcel], rows: Iterable[Row], zone: tzinfo, delivered: Collection[str]) -> dict[int, str]:
    """{parcel: record} for the parcels that have arrived.

    Events with the same words in the same second exist, so finding a record is not enough. But every delivery that was
    concluded has the id of its record in the store. A record of ours that no concluded delivery owns can only come from
    a call whose answer got lost, that is from one of these parcels; and each record stands for one of them. Which one
    of several alike does not matter: they are alike.
    """
    free: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row.id not in delivered:
            free[row.rest].append(row)
    found = {}
    for parcel in parcels:
        candidates, times = free[_rest(fields_of(parcel, zone))], times_of(parcel, zone)
        arrived = next((row for row in candidates if row.time in times), None)
        if arrived is not None:
            candidates.remove(arrived)
            found[parcel.id] = arrived.id
    return found


def _rest(fields: Mapping[str, Any]) -> tuple[str, str, str]:
    name, message, script = (" ".join(str(fields.get(key, "")).split()) for key in NEEDED if key != "Time")
    return name, message, script
