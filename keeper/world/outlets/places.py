"""What outlets have in common: where an address leads, what of it is a secret, how long a service wants silence."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from keeper.ports import Clock, Stop
from keeper.world.http import BRAKE_EVERY, Answer

T = TypeVar("T")
LONG_ENOUGH = 8  # characters of a part of an address, to be a secret by itself
LONGEST_SILENCE = 86_400.0
_HOME = (".local", ".lan", ".home", ".internal", ".home.arpa", ".fritz.box", ".localhost")
_WORD = re.compile(r"[/@?&=:#,;+]+")


class OutOfTime(Exception):
    """A call that was under way for too long."""


def bounded(call: Callable[[], T], seconds: float, clock: Clock, stop: Stop) -> T:
    """Runs `call` in a thread of its own, however often it waits in there. Raises OutOfTime, Cancelled, Interrupted and
    whatever the call raises; the thread of one that is given up on ends by itself, some time."""
    answer, ends = Answer(call), clock.monotonic() + seconds
    while not answer.done.wait(BRAKE_EVERY):
        stop.check()
        if clock.monotonic() >= ends:
            raise OutOfTime
    return answer.result()


def is_near(host: str) -> bool:
    """Whether it is this machine or one of this house, so that no internet is needed to reach it."""
    host = host.strip("[]").lower()
    try:
        return ip_address(host).is_private
    except ValueError:
        return bool(host) and ("." not in host or host.endswith(_HOME))


def fingerprint(*settings: str) -> str:
    """Another one means that a setting changed. None of them can be read from it."""
    return hashlib.sha256("\0".join(settings).encode()).hexdigest()[:24]


def host_of(address: str) -> str:
    """Of an http address; '' = it has none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def seconds_of(retry_after: str, now: datetime) -> float | None:
    """Retry-After is a number of seconds or a date; None = neither."""
    try:
        seconds = float(retry_after)
    except ValueError:
        seconds = _until(retry_after, now)
    return min(seconds, LONGEST_SILENCE) if seconds > 0 else None


def _until(date: str, now: datetime) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return 0.0
    return (moment - now).total_seconds() if moment.tzinfo else 0.0


def secrets_of(address: str, masked: str) -> Iterator[str]:
    """What must never be shown of an address: the whole, what is left out in its masked form, and every longer word
    that does not say where it leads."""
    yield address
    shown = _words(masked)
    place, _, query = address.partition("?")
    asked = {word for word in _words(query) if not word.isalpha()}  # not format=markdown
    for word in _words(place) | asked:
        if len(word) >= LONG_ENOUGH and word not in shown:
            yield word


def _words(text: str) -> set[str]:
    return {*_WORD.split(text), *_WORD.split(unquote(text))}


def shortened(text: str, most: int) -> str:
    """Visibly, when it is longer than the service takes. Counted as most do, in UTF-16 units: an emoji is two."""
    if _units(text) <= most:
        return text
    note = f"… [shortened, {len(text)} characters]"
    kept = text.encode("utf-16-le", "surrogatepass")[: 2 * max(0, most - _units(note))]
    return kept.decode("utf-16-le", "ignore") + note


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
