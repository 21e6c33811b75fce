"""How long somebody has to wait before the next password is looked at.

Two counters, both of failures only. Each place (a browser that logged in before, or an address) has a handful of
tries, then rests. All strangers together have a few more per day; after that each failure doubles the pause for
every stranger. So many addresses, new browsers and forged headers buy nothing, and a browser that the owner has
logged in with before is never slowed down by what strangers do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from keeper.rules.types import Tally

CROWD_WINDOW = timedelta(days=1)
CROWD_TIMES = 4  # strangers together have this many times the tries of one place


@dataclass(frozen=True, slots=True)
class Limits:
    """MAX_LOGIN_ATTEMPTS and LOGIN_LOCKOUT_MINUTES."""

    attempts: int
    lockout: timedelta


def pause(tally: Tally, limits: Limits, now: datetime, stranger: bool) -> float:
    """Seconds to wait; 0 = the password may be looked at."""
    waits = [0.0]
    if tally.place >= limits.attempts:
        waits.append(_rest(tally.place_last, limits.lockout.total_seconds(), now))
    if stranger:
        waits.append(_rest(tally.crowd_last, _growing(tally.crowd, limits), now))
    return max(waits)


def locks(tally: Tally, limits: Limits, stranger: bool) -> bool:
    """Whether one more failure after this tally is the one that begins a lock, or the slowing down of strangers."""
    return tally.place + 1 == limits.attempts or (stranger and tally.crowd + 1 == CROWD_TIMES * limits.attempts)


def most_checks_a_day(limits: Limits) -> int:
    """The budget: no 24 hours see more passwords of strangers looked at than this, whatever they do."""
    longest = limits.lockout.total_seconds()
    free = CROWD_TIMES * limits.attempts
    doublings = max(0, math.ceil(math.log2(longest)))
    return free + doublings + math.ceil(CROWD_WINDOW.total_seconds() / longest)


def _growing(failures: int, limits: Limits) -> float:
    """1, 2, 4 ... seconds, at most the lockout."""
    beyond = failures - CROWD_TIMES * limits.attempts
    return min(2.0 ** min(beyond, 20), limits.lockout.total_seconds()) if beyond >= 0 else 0.0


def _rest(last: datetime | None, seconds: float, now: datetime) -> float:
    """What is left of a pause that began at `last`. A clock that was set back does not make it longer."""
    return 0.0 if last is None else min(max(0.0, seconds - (now - last).total_seconds()), seconds)
