"""What outlets have in common: where an address leads, what of it is a secret, how long a service wants silence."""

from __future__ import annotations

import hashlib
import re
import unicodedata
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
LONGEST_WORD = 500  # characters of what is stored of a service's words
_HOME = (".local", ".lan", ".home", ".internal", ".home.arpa", ".fritz.box", ".localhost")
_UNFIT = ("Cc", "Cs", "Zl", "Zp")  # Unicode's names of control characters, half characters and line breaks
_WORD = re.compile(r"[/@?&=:#,;+]+")
_HOST = re.compile(r"(localhost|([a-z0-9_-]+\.)+([a-z]{2,15}|xn--[a-z0-9-]+))\.?(:\d+)?", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z]?[a-z]*([-_. ][A-Za-z]?[a-z]*)*[-_]?\d{0,2}")
_LONGEST_PLAIN = 13  # characters of what may be a word of everyday speech
_SECRET_SETTINGS = re.compile(r"pass|pwd|token|key|secret|auth|sig", re.IGNORECASE)


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
        return (moment - now).total_seconds() if moment.tzinfo else 0.0
    except (ValueError, TypeError, OverflowError):
        return 0.0


def secrets_of(address: str, masked: str) -> Iterator[str]:
    """What must never be shown of an address: the whole, passwords, and every longer word that its masked form leaves
    out, unless everybody may use it: to blacken those would make all else unreadable."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        return
    yield address
    shown, known = _words(masked.partition("://")[2]), set(_passwords(rest))
    place, _, query = rest.partition("?")
    asked = {word for setting in query.split("&") for word in _words(setting.partition("=")[2]) if not word.isalpha()}
    hidden = (_words(place) | asked) - shown
    known |= {word for word in hidden if not is_a_host(word) and not is_plain(word)}
    yield from (word for word in known if len(word) >= LONG_ENOUGH and word.lower() != scheme.lower())


def _passwords(rest: str) -> Iterator[str]:
    """They are secrets even where they are ordinary words. `rest`: what follows the scheme."""
    place, _, query = rest.partition("?")
    who, at, _ = place.partition("/")[0].rpartition("@")
    found = [who.partition(":")[2]] if at else []
    settings = (setting.partition("=") for setting in query.split("&"))
    found += [value for name, _, value in settings if _SECRET_SETTINGS.search(name) and "file" not in name.lower()]
    for value in found:
        if value and not is_a_host(value) and "@" not in unquote(value):
            yield from (value, unquote(value))


def is_a_host(word: str) -> bool:
    """Whether it can only be the name or the number of a computer; a port may follow."""
    bare = word[1 : word.find("]")] if word.startswith("[") else word
    for each in (bare, bare.rpartition(":")[0]):
        try:
            ip_address(each)
        except ValueError:
            continue
        return True
    return _HOST.fullmatch(word) is not None


def is_plain(word: str) -> bool:
    """Whether it looks like a word of everyday speech, such as 'films', 'alerts-2' or 'homeassistant'."""
    bare = word.partition(":")[0]
    return len(bare) <= _LONGEST_PLAIN and _PLAIN.fullmatch(bare) is not None


def _words(text: str) -> set[str]:
    return {*_WORD.split(text), *_WORD.split(unquote(text))}


def tidy(text: str, most: int = LONGEST_WORD) -> str:
    """Words of others as they can be stored, logged and shown: one line, no control characters, no halves of
    characters, and not longer than `most`."""
    signs = text[: 4 * most]
    return "".join(" " if unicodedata.category(sign) in _UNFIT else sign for sign in signs).strip()[:most]


def shortened(text: str, most: int) -> str:
    """Visibly, when it is longer than the service takes. Counted as most do, in UTF-16 units: an emoji is two."""
    if _units(text) <= most:
        return text
    note = f"… [shortened, {len(text)} characters]"
    kept = text.encode("utf-16-le", "surrogatepass")[: 2 * max(0, most - _units(note))]
    return kept.decode("utf-16-le", "ignore") + note


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
