"""When the daily thing is due: exactly once per local date, caught up within some hours, right on DST nights."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

CATCH_UP = timedelta(hours=6)
_DAILY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def daily_time(text: str) -> time | None:
    """'03:30' as a time; None when it is not of that form (then it is a cron line)."""
    match = _DAILY.fullmatch(text.strip())
    return time(int(match[1]), int(match[2])) if match else None


def moment_of(day: date, at: time, zone: tzinfo) -> datetime:
    """The instant of that wall-clock time, in UTC. In a spring gap it is the first instant after the gap
    moved by the same distance (02:00 becomes 03:00); of a repeated hour it is the first pass."""
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def due_date(now: datetime, at: time, zone: tzinfo, marked: set[str]) -> date | None:
    """The local date whose daily run should start now; None = nothing is due.

    Yesterday's is looked at too: after a sleep over midnight it may still be within the catch-up time.
    """
    today = now.astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        planned = moment_of(day, at, zone)
        if planned <= now < planned + CATCH_UP and day.isoformat() not in marked:
            return day
    return None


def next_daily(now: datetime, at: time, zone: tzinfo, marked: set[str]) -> datetime:
    """The next planned instant whose date is not marked yet, in UTC."""
    day = now.astimezone(zone).date() - timedelta(days=1)
    while moment_of(day, at, zone) <= now or day.isoformat() in marked:
        day += timedelta(days=1)
    return moment_of(day, at, zone)


def dates_around(now: datetime, zone: tzinfo) -> list[str]:
    """The local dates whose marks `due_date` and `next_daily` need to know, as ISO text."""
    today = now.astimezone(zone).date()
    return [(today + timedelta(days=distance)).isoformat() for distance in range(-1, 4)]
