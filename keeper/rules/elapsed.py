"""How much time has really passed, whatever was done to the wall clock in between."""

from __future__ import annotations

from keeper.rules.types import Moment


def elapsed(then: Moment, now: Moment) -> float:
    """Seconds. Within one boot the uptime tells; across boots the wall clock, but at least the present uptime."""
    if then.boot == now.boot:
        return max(0.0, now.uptime - then.uptime)
    return max(now.uptime, (now.at - then.at).total_seconds())


def surely_elapsed(then: Moment, now: Moment) -> float:
    """Seconds that have passed for certain: across boots only the present uptime is proof."""
    return max(0.0, now.uptime - then.uptime) if then.boot == now.boot else now.uptime
