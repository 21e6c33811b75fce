"""The Watch as JSON, exactly: what is read is equal to what was written, to the microsecond and the last bit.

The records' own type hints say what belongs where. A field that is not there has its default (the record grew since),
one that is not known any more is left out, and one that is spoiled is named instead of guessed. Spoiled is also what
no clock and no counter ever says (NaN, the year 1): the rules would fail on it at every look, for ever.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from keeper.rules.types import Moment, Watch

#: Seconds and GB stay far below it; whole numbers are counts, or milliseconds since 1970 at the very most.
BIGGEST = {float: 1e12, int: 2**53}
FIRST_YEAR, LAST_YEAR = 1900, 2200
SPOILED = (ValueError, TypeError, RecursionError, OverflowError)

R = TypeVar("R")


def write_watch(watch: Watch) -> str:
    return json.dumps(_plain(watch))


def read_watch(text: str) -> tuple[dict[str, Any], list[str]]:
    """(the fields of Watch that could be read, the names of those that could not). Never raises."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        tree = None
    kinds = _kinds(Watch)
    if not isinstance(tree, dict):
        return {}, list(kinds)
    good: dict[str, Any] = {}
    spoiled = []
    for name in kinds.keys() & tree.keys():
        try:
            good[name] = _read(kinds[name], tree[name])
        except SPOILED:
            spoiled.append(name)
    return good, sorted(spoiled)


def read_record(kind: type[R], **cells: Any) -> R | None:
    """A record from the cells of a table's row, by the same rules; None when somebody spoiled one by hand."""
    try:
        record: R = _read(kind, cells)
    except SPOILED:
        return None
    return record


def boot_alone(text: str) -> str:
    """The boot of a moment. Earlier versions wrote 'machine:boot', and a machine may change its name within a boot."""
    return text.rpartition(":")[2]


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.value if isinstance(value, Enum) else value


@functools.cache
def _kinds(record: type) -> Mapping[str, Any]:
    return get_type_hints(record)


def _read(kind: Any, value: Any) -> Any:
    """Raises ValueError or TypeError when the value is not of that kind."""
    if isinstance(kind, UnionType):
        return None if value is None else _read(next(each for each in get_args(kind) if each is not type(None)), value)
    if get_origin(kind) is tuple:
        return tuple(_read(get_args(kind)[0], each) for each in _of(list, value))
    if is_dataclass(kind):
        hints = _kinds(kind)  # type: ignore[arg-type]
        known = {name: _read(hints[name], each) for name, each in _of(dict, value).items() if name in hints}
        record = kind(**known)  # type: ignore[operator]
        return replace(record, boot=boot_alone(record.boot)) if isinstance(record, Moment) else record
    if kind is datetime:
        return _possible(value if isinstance(value, datetime) else datetime.fromisoformat(_of(str, value)))
    if issubclass(kind, Enum):
        return kind(value)
    if kind is str:
        _of(str, value).encode()  # half a character can neither be stored in a table nor given to a command
    _bounded(kind, value)
    return value if kind is float and type(value) is int else _of(kind, value)


def _of(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{type(value).__name__} instead of {kind.__name__}")
    return value


def _bounded(kind: type, value: Any) -> None:
    if kind in BIGGEST and not abs(value) < BIGGEST[kind]:  # NaN is not below anything
        raise ValueError("a number that nothing here can have")


def _possible(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    if not FIRST_YEAR <= moment.astimezone(UTC).year <= LAST_YEAR:
        raise ValueError("a time in which this program never ran")
    return moment
