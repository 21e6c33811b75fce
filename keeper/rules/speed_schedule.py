"""When the daily speed test is due, when it may begin, and what its end means for the day.

A test that was begun counts as an attempt, however it ended; being put off before it began does not. How long two
beginnings lie apart is counted in uptime, so that neither a clock that jumps nor a restart makes it shorter.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from keeper.rules.causes import NO_LINE
from keeper.rules.elapsed import surely_elapsed
from keeper.rules.schedule import moment_of
from keeper.rules.types import (
    Cause,
    Hindrance,
    Moment,
    SpeedAttempt,
    SpeedBook,
    SpeedDay,
    SpeedPlan,
    SpeedStatus,
)

LEAST_DELAY = 3600.0  # seconds between two beginnings, whatever the settings say
PUT_OFF_SECONDS = 600.0  # after which it is looked again whether the test may begin
SUCCESS, FAILED, SKIPPED = "success", "failed", "skipped"  # how a day ends
#: The mark of when daily tests began, or were wanted again, as ISO text: an hour that had passed by then is not made up
#: for, because nobody who has just installed something expects it to fill the line at once.
SINCE = "since"

_MIDNIGHT = time(0)


def hindrance(cause: Cause | None, acting: bool, in_use: bool | None, scanning: bool) -> Hindrance | None:
    """What is in the way now, the weightiest first. No cause = nobody has looked lately, which hinders nothing; not to
    know whether somebody is watching does."""
    if cause in (Cause.UPDATING, Cause.STARTING):
        return Hindrance.UPDATING
    if cause in NO_LINE:
        return Hindrance.NO_LINE
    if acting:
        return Hindrance.ACTING
    if in_use is not False:
        return Hindrance.IN_USE if in_use else Hindrance.IN_USE_UNKNOWN
    return Hindrance.SCANNING if scanning else None


def dates(now: datetime, zone: tzinfo) -> list[str]:
    """The local dates of which the questions below need to know, as ISO text."""
    day = _today(now, zone)
    return [(day + timedelta(days=distance)).isoformat() for distance in (-1, 0, 1)]


def today(now: datetime, zone: tzinfo) -> str:
    """The local date as ISO text."""
    return _today(now, zone).isoformat()


def due(plan: SpeedPlan, zone: tzinfo, book: SpeedBook, now: Moment) -> str | None:
    """The local date whose hour has come and whose test is not settled. It is due until midnight."""
    day = _today(now.at, zone)
    hour = _hour_of(day, plan, zone)
    return None if now.at < hour or _was_before(hour, book, now) or _is_settled(book, day) else day.isoformat()


def wait(plan: SpeedPlan, book: SpeedBook, day: str, now: Moment) -> float:
    """Seconds until the test of that date may begin, or may be looked at again; 0 = now."""
    return max(_rest(plan, book, now), _put_off(book.days.get(day), now))


def put_off(day: str, hindered: Hindrance, now: Moment) -> SpeedDay:
    """It could not even begin. That is no attempt."""
    later = Moment(now.at + timedelta(seconds=PUT_OFF_SECONDS), now.boot, now.uptime + PUT_OFF_SECONDS)
    return SpeedDay(day, hindrance=hindered, again=later)


def is_used_up(plan: SpeedPlan, book: SpeedBook, day: str) -> bool:
    """Whether that date has had all its attempts."""
    return len(attempts(book, day)) >= plan.attempts


def attempts(book: SpeedBook, day: str) -> list[SpeedAttempt]:
    return [attempt for attempt in book.attempts if attempt.date == day]


def over(book: SpeedBook, daily: bool, zone: tzinfo, now: datetime) -> list[SpeedDay]:
    """The days that are still open and should not be, the oldest first: their date is over, or nobody wants daily tests
    any more."""
    present = today(now, zone)
    open_days = [day for day in book.days.values() if not day.outcome and (day.date < present or not daily)]
    return sorted(open_days, key=lambda day: day.date)


def closed(plan: SpeedPlan, book: SpeedBook, day: str) -> SpeedDay:
    """How a day without a result ends. Failed = all attempts were used, and one at least was not ended by others."""
    made = attempts(book, day)
    known = book.days.get(day, SpeedDay(day))
    if len(made) >= plan.attempts and any(attempt.status is SpeedStatus.FAILED for attempt in made):
        return SpeedDay(day, FAILED)
    return SpeedDay(day, SKIPPED, known.hindrance or (Hindrance.FAILED if made else None))


def after(
    plan: SpeedPlan, book: SpeedBook, day: str, status: SpeedStatus, hindered: Hindrance | None
) -> SpeedDay | None:
    """What the end of a scheduled test means for its day; `book` knows it as the one that is running. None = nothing
    that was not known before."""
    if status is SpeedStatus.SUCCESS:
        return SpeedDay(day, SUCCESS)
    ended = _with_end(book, day, status, hindered)
    if is_used_up(plan, ended, day):
        return closed(plan, ended, day)
    return ended.days.get(day) if status in (SpeedStatus.FAILED, SpeedStatus.PUT_OFF) else None


def next_time(plan: SpeedPlan, daily: bool, zone: tzinfo, book: SpeedBook, now: Moment) -> datetime | None:
    """When the next scheduled test is expected to begin, in UTC; None = none is wanted."""
    if not daily:
        return None
    rested = now.at + timedelta(seconds=_rest(plan, book, now))
    day = _today(now.at, zone)
    while True:
        known = book.days.get(day.isoformat())
        again = now.at + timedelta(seconds=_put_off(known, now))
        hour = _hour_of(day, plan, zone)
        begins = max(hour, rested, again)
        is_open = not _is_settled(book, day) and not is_used_up(plan, book, day.isoformat())
        if is_open and not _was_before(hour, book, now) and _today(begins, zone) == day:
            return begins.astimezone(UTC)
        day += timedelta(days=1)


def _today(now: datetime, zone: tzinfo) -> date:
    return now.astimezone(zone).date()


def _hour_of(day: date, plan: SpeedPlan, zone: tzinfo) -> datetime:
    """An hour that the night leaves out comes when the clocks have jumped over it; of one that comes twice, the first
    counts. Where the clocks jump over midnight (Greenland), a date may have no such hour at all, and no test."""
    return moment_of(day, time(plan.hour), zone)


def _was_before(hour: datetime, book: SpeedBook, now: Moment) -> bool:
    """Whether it had passed when daily tests began. A mark of the future was made by a clock that was wrong."""
    try:
        since = datetime.fromisoformat(book.marks.get(SINCE, ""))
    except ValueError:
        return False
    return since.tzinfo is not None and hour < since <= now.at


def _is_settled(book: SpeedBook, day: date) -> bool:
    known = book.days.get(day.isoformat())
    return known is not None and known.outcome != ""


def _rest(plan: SpeedPlan, book: SpeedBook, now: Moment) -> float:
    """Seconds until the latest beginning is far enough away. Of another boot only the present uptime is proof."""
    delay = max(plan.retry_delay, LEAST_DELAY)
    passed = [_passed(attempt.began, now) for attempt in book.attempts]
    return max(0.0, delay - min(passed, default=delay))


def _passed(began: Moment, now: Moment) -> float:
    """Within a boot, no uptime lies ahead of the present one: such a one was spoilt, and the wall clock is asked. A
    wall clock that says nothing either must not stop the tests for good."""
    if began.boot != now.boot or began.uptime <= now.uptime:
        return surely_elapsed(began, now)
    told = (now.at - began.at).total_seconds()
    return min(told, now.uptime) if told >= 0 else now.uptime


def _put_off(day: SpeedDay | None, now: Moment) -> float:
    """Seconds until it is looked at again. After a boot that is at once: what was in the way may be gone. Further away
    than it ever is put off, it was spoilt."""
    if day is None or day.again is None or day.again.boot != now.boot:
        return 0.0
    left = day.again.uptime - now.uptime
    return left if 0 <= left <= PUT_OFF_SECONDS else 0.0


def _with_end(book: SpeedBook, day: str, status: SpeedStatus, hindered: Hindrance | None) -> SpeedBook:
    """The book once the running test has ended so. A test that failed says more than what hindered one before it."""
    made: Sequence[SpeedAttempt] = [
        attempt._replace(status=status) if attempt.date == day and attempt.status is SpeedStatus.RUNNING else attempt
        for attempt in book.attempts
    ]
    known = book.days.get(day, SpeedDay(day))
    told = SpeedDay(day, hindrance=None if status is SpeedStatus.FAILED else hindered or known.hindrance)
    return SpeedBook(tuple(made), {**book.days, day: told}, book.barren, book.marks)
