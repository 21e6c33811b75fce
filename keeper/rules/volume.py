"""A monthly number of bytes, spent so that it lasts, and never exceeded.

Before a measurement its cost is guessed with a margin. A guess may be wrong: what is left of the month is therefore
given to the measurement as a limit at which it is ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from math import ceil

from keeper.rules.schedule import moment_of
from keeper.rules.types import SpeedProvider

MARGIN = 1.25  # by which the next measurement may cost more than the dearest of the latest
COSTS = 5  # measurements that tell what the next one will cost
EARLY = 0.8  # of the budget; then it is told


def month(now: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Beginning and end of the calendar month there, in UTC."""
    first = now.astimezone(zone).date().replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return _midnight(first, zone), _midnight(following, zone)


def name_of(now: datetime, zone: tzinfo) -> str:
    """The month as people write it: 2026-07."""
    return now.astimezone(zone).strftime("%Y-%m")


def reserve(costs: Sequence[int], most_bytes: int, provider: SpeedProvider | None = None) -> int:
    """What the next measurement may cost: told by the latest ones, else by the provider. Our own provider moves what
    the settings allow and no more, whatever earlier ones cost."""
    guess = ceil(MARGIN * max(costs[:COSTS], default=0)) or most_bytes
    return min(guess, most_bytes) if provider is SpeedProvider.HTTP else guess


def fits(budget: int, used: int, needed: int, spread: bool, now: datetime, zone: tzinfo) -> bool:
    """Whether a measurement may be made. `spread` = the budget has to last for the month, so that each day adds its
    share; the first measurement of a month need not wait for it. `budget` 0 = none is set."""
    if not budget:
        return True
    allowed = _share(budget, now, zone) if spread and used else budget
    return used + needed <= allowed


def limit(budget: int, used: int) -> int | None:
    """Bytes at which a measurement is ended; None = without limit."""
    return max(0, budget - used) if budget else None


def is_running_out(budget: int, used: int, needed: int) -> bool:
    """Whether most of the month's bytes are used, or what is left is not enough for one more measurement."""
    return budget > 0 and (used >= EARLY * budget or used + needed > budget)


def _share(budget: int, now: datetime, zone: tzinfo) -> int:
    """What may be used up to the end of this local day."""
    today = now.astimezone(zone).date()
    days = (today.replace(day=1) + timedelta(days=32)).replace(day=1) - today.replace(day=1)
    return budget * today.day // days.days


def _midnight(day: date, zone: tzinfo) -> datetime:
    return moment_of(day, time(0), zone).astimezone(UTC)
