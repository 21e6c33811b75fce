"""What is said of speed tests: the sentences, the events, and everything that follows from the end of a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from keeper.rules import belief, speed_schedule, volume
from keeper.rules.types import (
    Aspect,
    Flaw,
    Hindrance,
    Measured,
    Notice,
    Severity,
    SpeedBook,
    SpeedDay,
    SpeedEnd,
    SpeedPlan,
    SpeedRun,
    SpeedSource,
    SpeedStatus,
    SpeedTest,
    SpeedWishes,
)

UNCONFIRMED = "unconfirmed"
BARREN_DAYS = 3  # without a result in a row; then it is told
ALARM, BARREN, BUDGET = "alarm", "barren", "budget"  # marks: what was told already
CLEAR = "clear"  # mark: results in a row that count against the alarm
BEFORE = "before"  # mark: what was usual when the alarm began, and with whom

HINDRANCES: Mapping[Hindrance, str] = {
    Hindrance.IN_USE: "Somebody is watching, or something is being recorded.",
    Hindrance.IN_USE_UNKNOWN: "It cannot be told whether somebody is watching.",
    Hindrance.UPDATING: "Plex is being updated, or is just starting.",
    Hindrance.NO_LINE: "There is no internet.",
    Hindrance.ACTING: "The watchdog is about to mend something, or looks whether that helped.",
    Hindrance.SCANNING: "A scan is running.",
    Hindrance.BUDGET: "Not enough is left of the bytes that speed tests may use this month, or up to today.",
    Hindrance.FAILED: "Tests were made, but none brought a result.",
}
FLAWS: Mapping[Flaw, str] = {
    Flaw.NOT_INSTALLED: "It is not installed.",
    Flaw.BROKEN: "It ended with an error.",
    Flaw.BLOCKED: "The provider refuses to serve it (403).",
    Flaw.NO_SERVER: "No server to measure with was found.",
    Flaw.TOO_LATE: "It was not done in time, and was ended.",
    Flaw.GARBLED: "What it said cannot be read.",
    Flaw.NO_PING: "It never reached its server.",
    Flaw.NO_DOWNLOAD: "It measured a download of zero.",
    Flaw.NO_UPLOAD: "It measured an upload of zero.",
    Flaw.ABSURD: "It told figures that cannot be true.",
    Flaw.STOPPED: "It was ended before it was done.",
    Flaw.TOO_MANY_BYTES: "It was about to use more bytes than it was given, and was ended.",
}
NO_TIME = "There was no time left for it."
NO_PROVIDER = "Nobody can measure the line here."
FAULT = "A fault in Plex Keeper itself; logs/keeper_error.log has the details."
STOPPED = "The service stopped in the middle of it."
LOST = "The program that measured was killed; this is what the measurement may have cost."

_SLOW = {
    Aspect.DOWNLOAD: "download is too slow",
    Aspect.UPLOAD: "upload is too slow",
    Aspect.PING: "the ping takes too long",
}
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a test, before it is known what follows from it."""

    status: SpeedStatus
    result: SpeedRun | None = None
    low: tuple[Aspect, ...] = ()
    error: str = ""
    error_code: str = ""
    hindrance: Hindrance | None = None


INTERRUPTED = Outcome(SpeedStatus.INTERRUPTED, error=STOPPED)
CANCELLED = Outcome(SpeedStatus.CANCELLED)
FAULTY = Outcome(SpeedStatus.FAILED, error=FAULT, error_code="internal")


def succeeded(result: SpeedRun, low: tuple[Aspect, ...] = ()) -> Outcome:
    return Outcome(SpeedStatus.SUCCESS, result, low)


def hindered(why: Hindrance) -> Outcome:
    return Outcome(SpeedStatus.PUT_OFF, error=HINDRANCES[why], error_code=why.value, hindrance=why)


def failed(runs: Sequence[SpeedRun]) -> Outcome:
    """Nobody brought a result that can be believed. The first one, whom the owner trusts most, names the reason."""
    if not runs:
        return Outcome(SpeedStatus.FAILED, error=NO_PROVIDER, error_code=Flaw.NOT_INSTALLED.value)
    sentences = "; ".join(f"{run.provider.value}: {_said(run)}" for run in runs)
    return Outcome(SpeedStatus.FAILED, runs[0], error=sentences, error_code=_flaw(runs[0]).value)


def unconfirmed(first: SpeedRun, second: SpeedRun) -> Outcome:
    """A low result, and a second measurement that cannot be believed."""
    sentence = f"{first.provider.value}: the result was low, and a second measurement did not confirm it: "
    return Outcome(SpeedStatus.FAILED, second, error=sentence + _said(second), error_code=UNCONFIRMED)


def _flaw(run: SpeedRun) -> Flaw:
    return run.flaw or Flaw.BROKEN


def _said(run: SpeedRun) -> str:
    sentence = FLAWS[_flaw(run)]
    return f"{sentence} ({run.said})" if run.said else sentence


def line_of(run: SpeedRun) -> str:
    """A measurement in one line of the log."""
    cost = f"{run.bytes / _MB:.0f} MB in {run.seconds:.0f} s"
    if run.flaw is not None or run.measured is None:
        return f"{_said(run)} ({cost})"
    return f"{run.measured.download_mbps:.1f}/{run.measured.upload_mbps:.1f} Mbit/s, {cost}"


# ---------------------------------------------------------------------------- what follows from an end


def end_of(
    test: SpeedTest,
    outcome: Outcome,
    plan: SpeedPlan,
    wishes: SpeedWishes,
    book: SpeedBook,
    lows: Sequence[bool],
    seconds: float,
    usual: belief.Usual = (),
) -> SpeedEnd:
    """The end of a test with its day, its events and what is remembered of them. `book` knows a scheduled test as the
    one that is running; `lows` are those of earlier results, newest first; `usual` is what the store tells of its
    provider and server."""
    day = None
    if test.source is SpeedSource.SCHEDULE:
        day = speed_schedule.after(plan, book, test.local_date, outcome.status, outcome.hindrance)
    notices: list[Notice] = []
    marks: dict[str, str] = {}
    result = outcome.result if outcome.status is SpeedStatus.SUCCESS else None
    if result and result.measured:
        notices, marks = _after_result(test, result, result.measured, outcome.low, book)
        told, more = _after_alarm(result, result.measured, outcome.low, wishes, book, lows, usual)
        notices, marks = notices + told, marks | more
    elif day is not None and day.outcome:
        notices, marks = of_day(day, book, outcome)
    elif outcome.status is SpeedStatus.FAILED and test.source is not SpeedSource.SCHEDULE:
        notices = [_failed(test.local_date, 1, Severity.INFO, test.source, outcome)]
    return SpeedEnd(
        outcome.status, result, outcome.low, seconds, outcome.error, outcome.error_code, day, tuple(notices), marks
    )


def _after_result(
    test: SpeedTest, result: SpeedRun, told: Measured, low: tuple[Aspect, ...], book: SpeedBook
) -> tuple[list[Notice], dict[str, str]]:
    """The days without a result are those without a daily one; that somebody measured by hand meanwhile does not end
    them."""
    marks = {BARREN: ""} if test.source is SpeedSource.SCHEDULE and book.marks.get(BARREN) else {}
    return [_measured(test, result.provider.value, told, low)], marks


def _after_alarm(
    result: SpeedRun,
    told: Measured,
    low: tuple[Aspect, ...],
    wishes: SpeedWishes,
    book: SpeedBook,
    lows: Sequence[bool],
    usual: belief.Usual,
) -> tuple[list[Notice], dict[str, str]]:
    """Whether an alarm begins or ends with this result, and what to remember until it ends."""
    known, before = belief.usual(usual), _usual_before(book, result, told)
    was_on = bool(book.marks.get(ALARM))
    is_clear = was_on and not low and belief.is_clear(told, wishes, known)
    clear = _number(book.marks.get(CLEAR, "")) + 1 if is_clear else 0
    latest = [bool(low), *lows]
    is_on = belief.alarm(latest, wishes, was_on, clear)
    marks = {ALARM: "1" if is_on else "", CLEAR: str(clear) if is_on and clear else "", BEFORE: ""}
    if is_on:
        marks[BEFORE] = book.marks.get(BEFORE, "") if was_on else _words_of(result, told, known)
    notices = []
    if is_on != was_on:
        learnt = before if before and not belief.is_clear(told, wishes, before) else None
        notices = [_alarm(is_on, told, low, latest[: wishes.alarm_of], learnt)]
    return notices, {name: value for name, value in marks.items() if value != book.marks.get(name, "")}


def _words_of(result: SpeedRun, told: Measured, known: belief.Figures | None) -> str:
    """What is usual with that provider and server, as it stands in a mark."""
    return " ".join([*map(repr, known), result.provider.value, told.server]) if known else ""


def _usual_before(book: SpeedBook, result: SpeedRun, told: Measured) -> belief.Figures | None:
    """What was usual there when the alarm began; None = that is not known, or was with another server."""
    words = book.marks.get(BEFORE, "").split(" ", 4)
    if words[3:] != [result.provider.value, told.server]:
        return None
    try:
        ping, down, up = map(float, words[:3])
    except ValueError:
        return None
    return ping, down, up


def _number(text: str) -> int:
    return int(text) if len(text) < 4 and text.isascii() and text.isdecimal() else 0


def of_day(day: SpeedDay, book: SpeedBook, last: Outcome | None = None) -> tuple[list[Notice], dict[str, str]]:
    """What is told of a day that ended without a result. `last` = what came of its last test, where it is known."""
    if day.outcome == speed_schedule.FAILED:
        made = len(speed_schedule.attempts(book, day.date))
        notices = [_failed(day.date, made, Severity.WARNING, SpeedSource.SCHEDULE, last)]
    else:
        notices = [_skipped(day)]
    barren = book.barren + 1
    if day.hindrance is Hindrance.BUDGET or barren < BARREN_DAYS or book.marks.get(BARREN):
        return notices, {}
    return [*notices, _barren(barren)], {BARREN: "1"}


def budget_warning(
    plan: SpeedPlan, used: int, needed: int, book: SpeedBook, now: datetime, zone: tzinfo
) -> tuple[Notice, dict[str, str]] | None:
    """Told once a month, and what to remember of it. `needed` = bytes of the cheapest next measurement."""
    name = volume.name_of(now, zone)
    if book.marks.get(BUDGET) == name or not volume.is_running_out(plan.budget, used, needed):
        return None
    data = {"used_mb": round(used / _MB), "budget_mb": round(plan.budget / _MB), "month": name}
    left = f"{max(0, plan.budget - used) // _MB} of {data['budget_mb']} MB are left for speed tests in {name}"
    follows = "When no test fits in any more, they go on next month."
    if needed > plan.budget:
        follows = "No test ever fits into that: raise SPEED_TEST_MONTHLY_MB."
    need = f", and a test may need up to {-(-needed // _MB)} MB" if needed else ""
    message = f"{left}{need}. {follows}"
    return Notice("Speed Test Budget", Severity.WARNING, message, data), {BUDGET: name}


# ---------------------------------------------------------------------------- the events


def _measured(test: SpeedTest, provider: str, told: Measured, low: tuple[Aspect, ...]) -> Notice:
    where = f", {told.server_name}" if told.server_name else ""
    message = (
        f"Download {told.download_mbps:.1f} Mbit/s, upload {told.upload_mbps:.1f} Mbit/s, "
        f"ping {told.ping_ms:.0f} ms ({provider}{where})."
    )
    if low:
        message += f" Confirmed by a second measurement: {_slow(low)}."
    data = {
        "provider": provider, "server": told.server, "download_mbps": told.download_mbps,
        "upload_mbps": told.upload_mbps, "ping_ms": told.ping_ms, "low": [aspect.value for aspect in low],
        "source": test.source.value,
    }  # fmt: skip
    return Notice("Network Speed Test", Severity.WARNING if low else Severity.INFO, message, data)


def _failed(day: str, made: int, severity: Severity, source: SpeedSource, last: Outcome | None) -> Notice:
    """Of a day only what the last test says of itself: that it was put off or cancelled is no reason of a failure."""
    known = last if last and last.status is SpeedStatus.FAILED else Outcome(SpeedStatus.FAILED)
    data = {
        "attempts": made, "error_code": known.error_code, "source": source.value, "date": day,
        "provider": known.result.provider.value if known.result else "",
    }  # fmt: skip
    message = f"No speed test result for {day} after {'one attempt' if made == 1 else f'{made} attempts'}."
    if source is not SpeedSource.SCHEDULE:
        message = "A speed test brought no result."
    return Notice("Speed Test Failed", severity, f"{message} {known.error}".rstrip(), data)


def _skipped(day: SpeedDay) -> Notice:
    why = HINDRANCES[day.hindrance] if day.hindrance else NO_TIME
    data = {"date": day.date, "hindrance": day.hindrance.value if day.hindrance else ""}
    return Notice("Speed Test Skipped", Severity.INFO, f"The speed test of {day.date} was left out. {why}", data)


def _alarm(
    on: bool, told: Measured, low: tuple[Aspect, ...], latest: Sequence[bool], before: belief.Figures | None
) -> Notice:
    """`before` = what was usual when the alarm began, where the line ends it without being as fast as that again."""
    data = {
        "low_count": sum(latest), "of": len(latest), "aspects": [aspect.value for aspect in low],
        "download_mbps": told.download_mbps, "upload_mbps": told.upload_mbps,
    }  # fmt: skip
    rates = f"Download {told.download_mbps:.1f} Mbit/s, upload {told.upload_mbps:.1f} Mbit/s."
    if on:
        counted = f"{sum(latest)} of the last {len(latest)} results were too low; {_slow(low)}"
        return Notice("Line Slow", Severity.WARNING, f"The line is slow: {counted}. {rates}", data)
    if before is None:
        return Notice("Line Fine Again", Severity.INFO, f"The line is as fast as it should be again. {rates}", data)
    ping, down, up = before
    message = (
        "The line is not as fast as it was, but it has been as it is for so long that this is usual now. "
        f"{rates} Before: download {down:.1f} Mbit/s, upload {up:.1f} Mbit/s, ping {ping:.0f} ms."
    )
    more = {"before_ping_ms": ping, "before_download_mbps": down, "before_upload_mbps": up}
    return Notice("New Usual Speed", Severity.INFO, message, data | more)


def _barren(days: int) -> Notice:
    message = f"The daily speed test has brought no result for {days} days."
    return Notice("No Speed Results", Severity.WARNING, message, {"days": days})


def _slow(low: tuple[Aspect, ...]) -> str:
    return ", ".join(_SLOW[aspect] for aspect in low)
