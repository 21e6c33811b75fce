"""How often Plex may be restarted: a few times per incident with growing pauses, a few times per day, then rarely."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from keeper.rules.elapsed import elapsed
from keeper.rules.types import Action, Decision, Moment, Reason, Taken, WatchLimits

PAUSES = (0.0, 300.0, 900.0)  # before the first, second, third and every further try of an incident
A_DAY = 6
DAY = 86_400.0
AFTER_GIVING_UP = 6 * 3600.0


def refusal(taken: Sequence[Taken], incident: int, limits: WatchLimits, now: Moment) -> Decision | None:
    """Why Plex may not be restarted now; None = it may."""
    if limits.max_restarts < 1:
        return Decision(Action.NONE, Action.RESTART_PLEX, Reason.NOT_ARMED)
    restarts = [each for each in taken if each.action is Action.RESTART_PLEX and not each.by]
    today = [each for each in restarts if elapsed(each.at, now) < DAY]
    if len(today) >= A_DAY:
        return _wait(Reason.DAY_LIMIT, DAY - elapsed(today[-A_DAY].at, now), now, count=A_DAY)
    mine = [each for each in restarts if each.incident == incident]
    if not mine:
        return None
    since = elapsed(mine[-1].at, now)
    if len(mine) >= limits.max_restarts:
        return _wait(Reason.GAVE_UP, AFTER_GIVING_UP - since, now, count=len(mine))
    return _wait(Reason.PAUSE, PAUSES[min(len(mine), len(PAUSES) - 1)] - since, now, count=len(mine))


def _wait(reason: Reason, seconds: float, now: Moment, count: int) -> Decision | None:
    if seconds <= 0:
        return None
    until = now.at + timedelta(seconds=seconds)
    return Decision(Action.NONE, Action.RESTART_PLEX, reason, until, {"count": count, "seconds": seconds})
