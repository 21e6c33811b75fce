"""airtable_queue.json of the older watchdog: what it had still to tell when it was retired.

It was written by gluing texts together, so one quotation mark broke it, and a full disk cut it off. Each record is
looked for by itself: what can be read is taken, what cannot be is named with its place and the reason.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from keeper.rules.kinds import plain
from keeper.rules.types import Severity

LONGEST_NAME = 80
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # what claims to be older was written by a clock that was wrong
MOST_DEEP = 100  # records nested without measure; after that, the rest of the file is none
MOST_OPEN = 100  # lists without an end; beyond that only records are looked for, or hostile files would take hours
_FIELDS = "Name|Time|Message|Script"
_ENDS = rf'"\s*(?:,\s*"(?:{_FIELDS})"\s*:|\}})'  # of a value that holds quotation marks of its own
_BEGINS = re.compile(rf'\{{\s*(?:"fields"\s*:\s*\{{\s*)?"(?:{_FIELDS})"\s*:')
_OPENS = re.compile(r"[\[{]")
_CUT = "… [cut off in the queue]"
_BAD = ("Failed", "Restart", "Reboot", "Skipped")


@dataclass(frozen=True, slots=True)
class Record:
    """One event of the older watchdog. `key` is the same whenever it is read from a copy of the same queue."""

    at: datetime
    name: str
    message: str
    script: str
    key: str

    @property
    def severity(self) -> Severity:
        """The older watchdog had none."""
        bad = any(word in self.name for word in _BAD) and "Success" not in self.name
        return Severity.WARNING if bad else Severity.INFO


@dataclass(frozen=True, slots=True)
class Refused:
    """A piece that is no event. `at` = its first character in the file, from 1."""

    at: int
    why: str


def read_queue(raw: bytes, zone: tzinfo, now: datetime) -> tuple[list[Record], list[Refused]]:
    """All that can be read, in the order of the file. Times without a zone of their own are those of `zone`; none of
    them is long after `now`."""
    text = raw.decode("utf-8-sig", "replace").replace("\0", "")
    taken: list[Record] = []
    refused: list[Refused] = []
    twins: Counter[str] = Counter()
    for at, piece in _pieces(text):
        try:
            record = _record(piece, zone, now)
        except ValueError as problem:
            refused.append(Refused(at + 1, str(problem)))
            continue
        twins[record.key] += 1  # the same may have happened twice in one second
        taken.append(_numbered(record, twins[record.key]))
    return taken, refused


def _numbered(record: Record, number: int) -> Record:
    return Record(record.at, record.name, record.message, record.script, f"{record.key}-{number}")


# ---------------------------------------------------------------------------- finding the records


def _pieces(text: str) -> Iterator[tuple[int, Any]]:
    """(place, what stands there): a JSON value, or the text of a broken record."""
    text = _Quick(text)
    decoder, place, still_open, deep = json.JSONDecoder(), 0, 0, 0
    while (found := (_OPENS if still_open < MOST_OPEN else _BEGINS).search(text, place)) is not None:
        start = found.start()
        try:
            value, place = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as problem:
            if text[start] == "[":  # a list that does not end: what is in it may be whole
                place, still_open = start + 1, still_open + 1
                continue
            deep += isinstance(problem, RecursionError)
            place = _next_record(text, start) if deep < MOST_DEEP else len(text)
            yield start, text[start:place]
            continue
        yield from ((start, each) for each in _items(value))


class _Quick(str):
    """json counts all lines before a fault, for a message that nobody reads: with many faults that takes minutes."""

    __slots__ = ()

    def count(self, *_: Any) -> int:
        return 0

    def rfind(self, *_: Any) -> int:
        return -1


def _next_record(text: str, start: int) -> int:
    """Where the next record begins after a broken one; the end when there is none. A wrapper and the fields inside it
    are one record."""
    here = _BEGINS.match(text, start)
    following = _BEGINS.search(text, here.end() if here else start + 1)
    return following.start() if following else len(text)


def _items(value: Any) -> Iterator[Any]:
    """The records of a list, of {"records": [...]}, or the value itself."""
    if isinstance(value, dict) and isinstance(value.get("records"), list):
        value = value["records"]
    if isinstance(value, list):
        for each in value:
            yield from _items(each)
    else:
        yield value


# ---------------------------------------------------------------------------- reading one


def _record(piece: Any, zone: tzinfo, now: datetime) -> Record:
    """Raises ValueError with the reason."""
    fields = _fields(piece)
    name, message = " ".join(_plain(fields.get("Name")).split()), _plain(fields.get("Message"))
    if not name:
        raise ValueError("it has no Name")
    at = _time(_plain(fields.get("Time")), zone, now)
    kind = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
    script = _plain(fields.get("Script"))
    identity = json.dumps([name, at.isoformat(), message, script])
    return Record(at, kind, message or name, script, hashlib.sha256(identity.encode()).hexdigest()[:20])


def _fields(piece: Any) -> Mapping[str, Any]:
    if isinstance(piece, str):
        piece = _mended(piece)
    if isinstance(piece, dict):
        inner = piece.get("fields", piece)
        if isinstance(inner, dict):
            return inner
    raise ValueError("it is no record")


def _mended(text: str) -> Mapping[str, Any]:
    """The fields of a record that is no JSON, or that was written as a text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    return {name: found for name in _FIELDS.split("|") if (found := _value(text, name)) is not None}


def _value(text: str, name: str) -> str | None:
    """Up to the next field or the end of the record, whatever quotation marks are in it."""
    begins = re.search(rf'"{name}"\s*:\s*"', text)
    if begins is None:
        return None
    ends = re.compile(_ENDS).search(text, begins.end())
    if ends is None and name != "Message":
        return None  # half a time or half a name is none
    raw = text[begins.end() : ends.start()] if ends else text[begins.end() :].rstrip() + _CUT
    return raw.replace('\\"', '"').replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")


def _plain(value: Any) -> str:
    """Text without control characters, except line breaks and tabs."""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    return plain(text.encode("utf-8", "replace").decode(), "\n\t").strip()


def _time(text: str, zone: tzinfo, now: datetime) -> datetime:
    if not text:
        raise ValueError("it has no Time")
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        utc = aware.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"its Time {text[:40]!r} is none") from None
    if not EARLIEST <= utc <= now + timedelta(days=1):
        raise ValueError(f"its Time {text[:40]!r} is not between the year 2000 and tomorrow")
    return utc
