"""What is remembered for the next decision about the daily speed test. Functions within the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from sqlalchemy import Connection, func, or_, select

from keeper.rules.types import Hindrance, SpeedAttempt, SpeedBook, SpeedDay, SpeedSource, SpeedStatus
from keeper.store.schema import settings, speed_days
from keeper.store.schema import speed_tests as tests
from keeper.store.speed_rows import DAYS, OPEN, QUEUED, SUCCESS, TESTS, to_attempt, to_day

MARKS = "speed.marks."
MOST_BARREN = 30  # days that are looked at for a row of failures
LEARNT = 30  # low results in a row, after which they are what is usual
LONGEST = 900  # results that are looked at, to find out what is usual
_WAS_BEGUN = or_(tests.c.began_at.is_not(None), tests.c.status.not_in([QUEUED, SpeedStatus.CANCELLED.value]))
_Result = TypeVar("_Result")
#: Also one of which nobody can read who asked for it: a test too few is better than one too many.
_SCHEDULED = _WAS_BEGUN & tests.c.source.not_in([SpeedSource.MANUAL.value, SpeedSource.CLI.value])


def read_book(connection: Connection, dates: Sequence[str]) -> SpeedBook:
    """Of these local dates (ISO), and of what is not over yet."""
    return SpeedBook(
        _attempts(connection, dates), _days(connection, dates), _barren(connection, dates), _marks(connection)
    )


def baseline(newest_first: Iterable[tuple[_Result, bool]], limit: int) -> list[_Result]:
    """With which of the results (and whether each is low) a new one is compared, newest first.

    Low ones are left out, else a line that became slow would soon be fine again without being any faster. A line that
    stays slow for good is learnt: so many low results in a row count, and whatever was before them is forgotten.
    """
    found: list[_Result] = []
    low: list[_Result] = []
    for result, is_low in newest_first:
        if not is_low:
            found.append(result)
        low = [*low, result] if is_low else []
        if len(low) == LEARNT:
            found.extend(low)
        if len(found) >= limit or len(low) == LEARNT:
            break
    return found[:limit]


def _attempts(connection: Connection, dates: Sequence[str]) -> tuple[SpeedAttempt, ...]:
    """Oldest first."""
    newest = select(func.max(tests.c.id)).where(_SCHEDULED).scalar_subquery()
    wanted = TESTS.where(_SCHEDULED, or_(tests.c.local_date.in_(dates), tests.c.id == newest))
    return tuple(to_attempt(row) for row in connection.execute(wanted.order_by(tests.c.id)))


def _days(connection: Connection, dates: Sequence[str]) -> dict[str, SpeedDay]:
    wanted = DAYS.where(or_(speed_days.c.local_date.in_(dates), speed_days.c.outcome == OPEN))
    days = (to_day(row) for row in connection.execute(wanted.order_by(speed_days.c.local_date)))
    return {day.date: day for day in days if day}


def _barren(connection: Connection, dates: Sequence[str]) -> int:
    """Of the days up to the newest of those dates: what a clock that was years ahead settled says nothing of today."""
    settled = select(speed_days.c.outcome, speed_days.c.hindrance).where(speed_days.c.outcome != OPEN)
    if dates:
        settled = settled.where(speed_days.c.local_date <= max(dates))
    barren = 0
    for outcome, hindrance in connection.execute(settled.order_by(speed_days.c.local_date.desc()).limit(MOST_BARREN)):
        if outcome == SUCCESS:
            break
        barren += hindrance != Hindrance.BUDGET.value
    return barren


def _marks(connection: Connection) -> dict[str, str]:
    wanted = select(settings.c.key, settings.c.value).where(settings.c.key.startswith(MARKS, autoescape=True))
    return {key.removeprefix(MARKS): str(value) for key, value in connection.execute(wanted)}
