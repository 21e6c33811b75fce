"""Figures of a line as a person says them: rates, pings, what is too slow, why there is none."""

from __future__ import annotations

from collections.abc import Iterable

from keeper.rules.types import Aspect, Flaw, Hindrance, SpeedTest
from keeper.ui import parts
from keeper.ui.state import tongue

ARROWS = {Aspect.DOWNLOAD: "\u2193", Aspect.UPLOAD: "\u2191", Aspect.PING: "\u21c4"}
JOIN = "\u00a0"  # between a figure and its unit
UNCONFIRMED = "unconfirmed"  # the first result was low, and the second measurement could not be believed


def bare(value: float) -> str:
    """A figure without its unit, rounded alike wherever it stands: three digits tell one line from another."""
    return tongue().number(value, 0 if value >= 99.95 else 1)


def rate(mbps: float) -> str:
    """'93.4 Mbit/s'; a unit never stands on a line without its figure."""
    return f"{bare(mbps)}{JOIN}Mbit/s"


def brief(mbps: float) -> str:
    """For a place with room for a few letters: '93 Mbit/s', '9.4 Mbit/s', '1.2 Gbit/s'."""
    t = tongue()
    if mbps >= 999.5:
        return f"{t.number(mbps / 1000, 1)}{JOIN}Gbit/s"
    return f"{t.number(mbps, 0 if mbps >= 9.95 else 1)}{JOIN}Mbit/s"


def wish(value: float) -> str:
    """A limit, as it was typed."""
    return tongue().number(value, 0 if value == int(value) else 1)


def milliseconds(value: float) -> str:
    return f"{bare(value)}{JOIN}ms"


def size(count: int) -> str:
    """Bytes: '142 MB'."""
    return parts.size(count).replace(" ", JOIN)


def figures(download: float, upload: float, ping: float) -> str:
    """'download 93.4 and upload 24.1 Mbit/s, ping 12.3 ms'."""
    return tongue().say("sp_figures", download=bare(download), upload=rate(upload), ping=milliseconds(ping))


def too_slow(low: Iterable[Aspect]) -> str:
    """'upload and ping too slow'; '' when nothing is."""
    t = tongue()
    given = tuple(low)
    names = [t.word(aspect) for aspect in Aspect if aspect in given]
    if t.lang == "en":
        names = [name.lower() for name in names]
    return t.say("sp_low", what=t.say("sp_and").join(names)) if names else ""


def marked(low: Iterable[Aspect]) -> str:
    """The same for a place with room for a few letters: '\u2191 \u21c4 too slow'."""
    given = tuple(low)
    signs = [ARROWS[aspect] for aspect in Aspect if aspect in given]
    return tongue().say("sp_low", what=" ".join(signs)) if signs else ""


def why(code: str) -> str:
    """What the error code of a test, or of a day, means; '' when nobody here knows it."""
    t = tongue()
    if code == UNCONFIRMED:
        return t.say("sp_unconfirmed")
    for kind in (Flaw, Hindrance):
        if code in tuple(kind):
            return t.word(kind(code))
    return ""


def reason(test: SpeedTest) -> str:
    """Why a test brought no result: in words of this language where there are some, else as it was written."""
    return why(test.error_code) or test.error.rstrip(".")


def capital(said: str) -> str:
    """At the beginning of a sentence."""
    return said[:1].upper() + said[1:]
