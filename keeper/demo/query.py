"""What a listing was asked for: type, order, page, filters, and what may be left out."""

from __future__ import annotations

import operator
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from keeper.demo.library import KIND_BY_NUMBER, Item, Sort, Test, Tests
from keeper.demo.pages import Variant

DAY = 86400
UNITS = {"s": 1, "m": 60, "h": 3600, "d": DAY, "w": 7 * DAY, "mon": 30 * DAY, "y": 365 * DAY}


class UnknownFilter(Exception):
    """The real server's answer to an unknown filter is not known, so nobody may rely on one."""


@dataclass(frozen=True)
class Field:
    """Something one can filter by. `fixed` fields never change during the life of an item."""

    kind: str  # integer | date | string | boolean
    title: str
    read: Callable[[Item], Any]
    fixed: bool = False
    listed: bool = True  # does includeMeta=1 speak of it?


def _day(item: Item) -> int | None:
    if item.released is None:
        return None
    return int(time.mktime(time.strptime(item.released, "%Y-%m-%d")))


FIELDS: dict[str, Field] = {
    "title": Field("string", "Title", lambda item: item.title),
    "studio": Field("string", "Studio", lambda item: item.studio or ""),
    "year": Field("integer", "Year", lambda item: item.year),
    "addedAt": Field("date", "Date Added", lambda item: item.added_at, fixed=True),
    "originallyAvailableAt": Field("date", "Release Date", _day),
    "unmatched": Field("boolean", "Unmatched", lambda item: item.unmatched),
    "trash": Field("boolean", "Trash", lambda item: item.trashed),
    "duplicate": Field("boolean", "Duplicate", lambda item: False),
    "unwatched": Field("boolean", "Unplayed", lambda item: True),
    "inProgress": Field("boolean", "In Progress", lambda item: False),
    "lastViewedAt": Field("date", "Last Played", lambda item: None),
    "guid": Field("guid", "Guid", lambda item: item.guid, listed=False),
    "id": Field("integer", "Rating Key", lambda item: item.key, fixed=True, listed=False),
    "index": Field("integer", "Number", lambda item: item.index, fixed=True, listed=False),
    "updatedAt": Field("date", "Date Updated", lambda item: item.updated_at, listed=False),
}
SORTS: dict[str, tuple[str, Callable[[Item], Any], bool]] = {
    "titleSort": ("Title", lambda item: item.title.removeprefix("The ").casefold(), True),
    "addedAt": ("Date Added", lambda item: (item.added_at, item.key), False),
    "year": ("Year", lambda item: item.year or 0, True),
    "originallyAvailableAt": ("Release Date", lambda item: item.released or "", True),
    "duration": ("Duration", lambda item: item.duration or 0, False),
    "updatedAt": ("Date Updated", lambda item: (item.updated_at, item.key), True),
    "id": ("Rating Key", lambda item: item.key, False),
    "index": ("Number", lambda item: item.index or 0, False),
    "guid": ("Guid", lambda item: item.guid, True),
    "summary": ("Summary", lambda item: item.summary, True),
}

_NO_FILTER = re.compile(
    r"X-Plex-|include|exclude|type$|sort$|limit$|checkFiles$|asyncCheckFiles$|skipRefresh$|async|nocache$|group$|having$"
)
_FILTER = re.compile(r"(?:(\w+)\.)?(\w+?)(>>|<<|!=|!|=|<|>)?$")
_NUMBERS: dict[str, Callable[[Any, Any], bool]] = {
    ">>": operator.gt,
    "<<": operator.lt,
    "": operator.eq,
    "!": operator.ne,
}
_STRINGS: dict[str, Callable[[str, str], bool]] = {
    "": lambda text, part: part in text,
    "!": lambda text, part: part not in text,
    "=": operator.eq,
    "!=": operator.ne,
    "<": str.startswith,
    ">": str.endswith,
}


@dataclass(frozen=True)
class Query:
    """One listing request, understood."""

    kind: str
    sort: Sort
    tests: Tests
    start: int
    size: int | None  # None = not paged
    limit: int | None
    variant: Variant
    guids: bool
    meta: bool


def understand(params: Iterable[tuple[str, str]], headers: Mapping[str, str], usual_kind: str) -> Query:
    """Read a listing request. Headers and query arguments mean the same."""
    pairs = list(params)
    named = dict(pairs)
    paging = {name: named.get(name, headers.get(name)) for name in ("X-Plex-Container-Start", "X-Plex-Container-Size")}
    start, size = (_number(value) for value in paging.values())
    number = _number(named.get("type"))
    return Query(
        kind=usual_kind if number is None else KIND_BY_NUMBER.get(number, ""),
        sort=order(named.get("sort", "titleSort")),
        tests=tests([pair for pair in pairs if not _NO_FILTER.match(pair[0])]),
        start=start or 0,
        size=size,
        limit=_number(named.get("limit")),
        variant=variant(named),
        guids=named.get("includeGuids") == "1",
        meta=named.get("includeMeta") == "1",
    )


def variant(named: Mapping[str, str]) -> Variant:
    return _names(named.get("excludeFields")), _names(named.get("excludeElements"))


def _names(text: str | None) -> frozenset[str]:
    return frozenset(name for name in (text or "").split(",") if name)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


# ---- order -----------------------------------------------------------------------------------------------


def order(text: str) -> Sort:
    """'addedAt:desc', 'movie.titleSort', 'year:desc,titleSort:asc'."""
    keys, volatile = [], False
    for part in text.split(","):
        name, _, direction = part.partition(":")
        name = name.rpartition(".")[2]
        if name not in SORTS:
            raise UnknownFilter(f"sort={part}")
        _, key, moves = SORTS[name]
        keys.append((key, direction == "desc"))
        volatile |= moves
    return Sort(text, tuple(keys), volatile)


# ---- filters ---------------------------------------------------------------------------------------------


def tests(pairs: list[tuple[str, str]]) -> Tests:
    """Filters as one list of tests; all of them must hold, a comma in a value means 'or'."""
    now = int(time.time()) // 60 * 60  # whole minutes, so that the same filter stays the same view
    made, fixed = [], True
    for name, value in pairs:
        match = _FILTER.match(name)
        field = FIELDS.get(match[2]) if match else None
        if match is None or field is None:
            raise UnknownFilter(name)
        made.append(_test(field, match[3] or "", value, now))
        fixed &= field.fixed
    name = "&".join(f"{name}={value}" for name, value in pairs)
    return Tests(f"{name}@{now}" if "=-" in name else name, tuple(made), volatile=not fixed)


def _test(field: Field, op: str, value: str, now: int) -> Test:
    if value.startswith("=") and not op:  # title==X arrives as ('title', '=X')
        op, value = "=", value[1:]
    read = field.read
    if field.kind == "boolean":
        wanted = (value == "1") != (op == "!")
        return lambda item: bool(read(item)) == wanted
    if field.kind in {"string", "guid"}:
        return _string_test(read, op, value, exact=field.kind == "guid")
    return _number_test(field, op, value, now)


def _string_test(read: Callable[[Item], Any], op: str, value: str, *, exact: bool) -> Test:
    compare = _STRINGS["=" if exact and not op else op]
    choices = [choice.casefold() for choice in value.split(",")]
    return lambda item: any(compare(read(item).casefold(), choice) for choice in choices)


def _number_test(field: Field, op: str, value: str, now: int) -> Test:
    if op not in _NUMBERS:
        raise UnknownFilter(f"{field.title} {op}")
    compare, read = _NUMBERS[op], field.read
    numbers = [_moment(text, now) for text in value.split(",")]
    if len(numbers) == 1:
        number = numbers[0]
        return lambda item: (have := read(item)) is not None and compare(have, number)
    return lambda item: (have := read(item)) is not None and any(compare(have, number) for number in numbers)


def _moment(text: str, now: int) -> float:
    """A number, an epoch, or a relative date such as '-30d'."""
    relative = re.fullmatch(r"-(\d+)(mon|[smhdwy])", text)
    if relative:
        return now - int(relative[1]) * UNITS[relative[2]]
    try:
        return float(text)
    except ValueError:
        raise UnknownFilter(f"value {text}") from None
