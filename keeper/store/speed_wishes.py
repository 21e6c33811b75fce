"""What a person wants of the line, as JSON: every part that can be read counts, the others are named instead of
guessed. What could not be read again is not written in the first place."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from keeper.errors import StoreRefused
from keeper.rules.types import SpeedWishes

MOST_RATE = 1_000_000.0  # Mbit/s
MOST_PING = 60_000.0  # milliseconds
MOST_SHARE = 100  # percent
MOST_RESULTS = 100  # that an alarm may look at
_ALARM = ("alarm_after", "alarm_of")
Change = tuple[str, Any, Any]  # which part, before, after
_WORDS: Mapping[str, str] = {
    "daily": "daily test",
    "least_download": "least download (Mbit/s)",
    "least_upload": "least upload (Mbit/s)",
    "most_ping": "longest ping (ms)",
    "share": "least share of what is usual (%)",
    "alarm_after": "low results before an alarm",
    "alarm_of": "results that an alarm looks at",
}


def changes(before: SpeedWishes, after: SpeedWishes) -> list[Change]:
    """In the order in which they stand in the page."""
    old, new = asdict(before), asdict(after)
    return [(name, old[name], new[name]) for name in old if old[name] != new[name]]


def in_words(changed: Sequence[Change]) -> str:
    return "; ".join(f"{_WORDS[name]}: {_word(before)}, now {_word(after)}" for name, before, after in changed)


def _word(value: Any) -> str:
    return ("off", "on")[value] if isinstance(value, bool) else f"{value:g}" if value else "not asked for"


def write_wishes(wishes: SpeedWishes) -> str:
    """Raises StoreRefused, naming the parts that nobody can mean."""
    text = json.dumps(asdict(wishes))
    spoiled = read_wishes(text)[1]
    if spoiled:
        raise StoreRefused(f"These wishes for the line cannot be stored: {', '.join(spoiled)} cannot be meant.")
    return text


def read_wishes(text: str) -> tuple[SpeedWishes, list[str]]:
    """(what could be read, the names of the parts that count as not said). Never raises."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        tree = None
    if not isinstance(tree, dict):
        return SpeedWishes(), ["all of it"]
    good: dict[str, Any] = {}
    spoiled = []
    for name in _READERS.keys() & tree.keys():
        try:
            good[name] = _READERS[name](tree[name])
        except (ValueError, TypeError):
            spoiled.append(name)
    wishes = SpeedWishes(**good)
    if wishes.alarm_after > wishes.alarm_of:  # 3 of 2: neither of them can be trusted
        spoiled.extend(_ALARM)
        wishes = SpeedWishes(**{name: value for name, value in good.items() if name not in _ALARM})
    return wishes, sorted(set(spoiled))


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return value


def _up_to(most: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        if type(value) not in (int, float) or not 0 <= value <= most:  # NaN is not within anything
            raise ValueError("no such figure")
        return float(value)

    return read


def _whole(least: int, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError("no such number")
        return value

    return read


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "daily": _yes_or_no,
    "least_download": _up_to(MOST_RATE),
    "least_upload": _up_to(MOST_RATE),
    "most_ping": _up_to(MOST_PING),
    "share": _whole(0, MOST_SHARE),
    "alarm_after": _whole(1, MOST_RESULTS),
    "alarm_of": _whole(1, MOST_RESULTS),
}
