"""Figures of a line as a person says them: rates, pings, what is too slow, why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from keeper.rules.types import Aspect, Flaw, Hindrance, SpeedTest
from keeper.ui.state import tongue

ARROWS = {Aspect.DOWNLOAD: "\u2193", Aspect.UPLOAD: "\u2191", Aspect.PING: "\u21c4"}
UNCONFIRMED = "unconfirmed"  # the first result was low, and the second measurement could not be believed


def rate(mbps: float) -> str:
    """'93 Mbit/s', '9.4 Mbit/s', '1.2 Gbit/s': as much as one wants to know in a sentence."""
    t = tongue()
    if mbps >= 999.5:
        return f"{t.number(mbps / 1000, 1)} Gbit/s"
    return f"{t.number(mbps, 0 if mbps >= 9.95 else 1)} Mbit/s"


def bare(value: float) -> str:
    """A figure without its unit: three digits are enough to tell one line from another."""
    return tongue().number(value, 0 if value >= 99.5 else 1)


def wish(value: float) -> str:
    """A limit, as it was typed."""
    return tongue().number(value, 0 if value == int(value) else 1)


def milliseconds(value: float) -> str:
    return f"{tongue().number(value, 0 if value >= 9.95 else 1)} ms"


def figures(download: float, upload: float, ping: float) -> str:
    """'93 Mbit/s down, 24 Mbit/s up, 12 ms'."""
    return tongue().say("sp_figures", download=rate(download), upload=rate(upload), ping=milliseconds(ping))


def of(values: Mapping[Aspect, float], aspect: Aspect) -> str:
    return milliseconds(values[aspect]) if aspect is Aspect.PING else rate(values[aspect])


def too_slow(low: Iterable[Aspect]) -> str:
    """'upload and ping too slow'; '' when nothing is."""
    t = tongue()
    given = tuple(low)
    names = [t.word(aspect) for aspect in Aspect if aspect in given]
    if t.lang == "en":
        names = [name.lower() for name in names]
    return t.say("sp_low", what=t.say("sp_and").join(names)) if names else ""


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
