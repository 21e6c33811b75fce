"""Whether a date is surely over, when the wall clock says so.

A clock that was set wrong for a day, or by years, would close the day that is still open, and nobody could open it
again. So the uptime has to agree: it must have come as far as the end of that date lay away when the date was last
today. Of a date that this program never saw as today, the clock has to say the same thing for a while.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo

from keeper.rules.schedule import moment_of
from keeper.rules.types import Moment

SAME_SECONDS = 600.0  # for which the clock has to say that a date is over which was never seen as today


class Nightfall:
    """For one thread, and for the life of one process, which is one boot."""

    def __init__(self) -> None:
        self._ends: dict[str, float] = {}  # by local date: the uptime at which it may count as over

    def sees(self, now: Moment, zone: tzinfo) -> None:
        """To be told at every round. Among different words of the clock about today, the latest end counts."""
        today = now.at.astimezone(zone).date()
        left = (_end_of(today, zone) - now.at).total_seconds()
        day = today.isoformat()
        self._ends[day] = max(self._ends.get(day, 0.0), now.uptime + left)

    def is_over(self, day: str, now: Moment) -> bool:
        """Of a date that lies before today, as the clock says."""
        return now.uptime >= self._ends.setdefault(day, now.uptime + SAME_SECONDS)

    def forget(self, day: str) -> None:
        """It is closed."""
        self._ends.pop(day, None)


def _end_of(day: date, zone: tzinfo) -> datetime:
    return moment_of(day + timedelta(days=1), time(0), zone)


__all__ = ["SAME_SECONDS", "Nightfall"]
