"""What must not be blamed on the line or on Plex, because we ourselves fill the line just now: our own speed test.

A full line answers late or not at all. What answers all the same is believed; what does not is unknown, so that a look
in the middle of a speed test opens no incident. It closes none either: see `weighed`.
"""

from __future__ import annotations

from collections.abc import Mapping

from keeper.rules.types import Cause, Fact, Watch

DETAIL = "own speed test"
#: The line and what lies behind it. The machine's own side (interface, address, route) and the router are no part.
_LINE = ("internet", "dns", "dns_local", "dns_servers", "dns_public", "plex_tv", "mapping")
#: Said by somebody who did answer, or found out without asking anybody: true however full the line is.
_STANDS = {"certificate", "clock", "not_configured"}
#: Plex may be reached over that very line; these words say no more than that nothing came back.
_PLEX = ("port", "identity", "token", "count")
_NOTHING_CAME = {"silent", "unreachable", "dropped", "no_name", "TimeoutError", "OSError"}
_TIMES = ("response_ms", "count_ms")


def excused(facts: Mapping[str, Fact], slow: float) -> dict[str, Fact]:
    """The facts of a look during our own speed test. `slow` = seconds after which an answer counts as too slow."""
    return {name: Fact(None, DETAIL) if _is_excused(name, fact, slow) else fact for name, fact in facts.items()}


def weighed(cause: Cause, facts: Mapping[str, Fact], before: Watch) -> Cause:
    """While something is wrong, 'all is well' counts only when nothing had to be excused: what was excused may be the
    very thing that is wrong."""
    troubled = before.incident is not None or before.bad_looks > 0
    if cause is Cause.OK and troubled and any(fact.detail == DETAIL for fact in facts.values()):
        return Cause.UNKNOWN
    return cause


def _is_excused(name: str, fact: Fact, slow: float) -> bool:
    if name in _LINE:
        return fact.value is False and fact.detail not in _STANDS
    if name in _PLEX:
        return fact.value is not True and fact.detail in _NOTHING_CAME
    return name in _TIMES and isinstance(fact.value, int | float) and fact.value > slow * 1000
