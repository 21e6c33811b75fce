"""A monthly number of calls, spent so that it lasts: a lone event goes at once, many of them travel together.

The allowance grows with the month. A batch that is full may run ahead of it, because nothing is saved by waiting; a
smaller one waits until the allowance has caught up, or until it is full. Errors never wait while a call is left.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import ceil

BURST = 0.05  # of the budget, free at the beginning of a month
EARLY_DAYS = 2.0  # before that, a month tells nothing about its end


def month_of(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m")


def month_begins(now: datetime) -> datetime:
    return _month(now)[0]


def wait_until(used: int, budget: int, pending: int, batch: int, urgent: bool, now: datetime) -> datetime | None:
    """None = a call may be made now; else not before that time. `budget` 0 = none is set."""
    if not budget:
        return None
    begins, ends = _month(now)
    if used >= budget:
        return ends
    if urgent or pending >= batch:
        return None
    share = (now - begins) / (ends - begins)
    if used < budget * (BURST + (1 - BURST) * share):
        return None
    needed = (used / budget - BURST) / (1 - BURST)
    return min(ends, begins + (ends - begins) * needed + timedelta(seconds=1))


def shortfall(used: int, budget: int, pending: int, batch: int, events: int, now: datetime) -> int:
    """How many calls will be missing at the end of the month if it goes on like this, however well events are batched;
    0 = it is enough, or too early to tell. `events` = those of this month so far, waiting ones included."""
    if not budget:
        return 0
    begins, ends = _month(now)
    certain = used + ceil(pending / batch) - budget
    passed = (now - begins) / timedelta(days=1)
    if passed < EARLY_DAYS:
        return max(0, certain)
    still = events / passed * ((ends - now) / timedelta(days=1))
    return max(0, certain, used + ceil((pending + still) / batch) - budget)


def _month(now: datetime) -> tuple[datetime, datetime]:
    begins = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return begins, (begins + timedelta(days=32)).replace(day=1)
