"""Rows of speed_tests, speed_runs and speed_days as records, and the other way round.

Nothing is written that is no number. A row that somebody spoiled by hand is passed over and said in the log, once: it
must stop neither a page nor the daily test. Where leaving it out would let more be done than is allowed (an attempt
that was begun, a day that is over), it counts as well as it can be read.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Float, Row, Select, String, case, cast, func, select, type_coerce
from sqlalchemy.sql.elements import ColumnElement

from keeper.errors import StoreRefused
from keeper.rules.types import (
    Aspect,
    Flaw,
    Hindrance,
    Measured,
    Moment,
    SpeedAttempt,
    SpeedDay,
    SpeedPoint,
    SpeedProgress,
    SpeedProvider,
    SpeedRun,
    SpeedSource,
    SpeedStatus,
    SpeedTest,
)
from keeper.store.schema import SPOILED, UtcText, speed_days, speed_runs, speed_tests

log = logging.getLogger(__name__)

RUNNING, QUEUED, SUCCESS = SpeedStatus.RUNNING.value, SpeedStatus.QUEUED.value, SpeedStatus.SUCCESS.value
ACTIVE = (QUEUED, RUNNING)
ENDED = [status.value for status in SpeedStatus if status.ended]
OPEN = ""  # the outcome of a day that is not over
OUTCOMES = (SUCCESS, "failed", "skipped")
BIGGEST, MOST_BYTES = 1e12, 10**15  # no line, no clock and no month comes near
LONGEST_NAME, LONGEST_LINE, LONGEST_SENTENCE = 200, 500, 2_000
FIRST_YEAR, LAST_YEAR = 1970, 2200  # a machine without a battery begins in 1970
MOST_COMPLAINTS = 20  # spoiled rows that are named in the log
_STATUSES = {status.value: status for status in SpeedStatus}
_UNREADABLE = (ValueError, TypeError, OverflowError)
_NO_PICTURE = (*_UNREADABLE, AttributeError, RecursionError)
_PICTURED = ("seconds", "expected", "receiving_mbps", "sending_mbps")
_complained: set[str] = set()


def _raw(*columns: Column[Any]) -> Select[Any]:
    """With the times as the text that they are in the file: a spoiled one can be told from a true one."""
    return select(
        *(type_coerce(each, String).label(each.name) if isinstance(each.type, UtcText) else each for each in columns)
    )


TESTS, RUNS, DAYS = (_raw(*table.c) for table in (speed_tests, speed_runs, speed_days))
#: What a chart and a median need of a test that succeeded.
_OF_RESULT = (
    "id", "began_at", "provider", "server", "server_name", "ping_ms", "download_mbps", "upload_mbps", "low", "source",
)  # fmt: skip
RESULTS = _raw(*(speed_tests.c[name] for name in _OF_RESULT))


# ------------------------------------------------------------------------------------------------ reading


def to_tests(rows: Iterable[Row[Any]]) -> Iterator[SpeedTest]:
    return (test for row in rows if (test := to_test(row)))


def to_test(row: Row[Any]) -> SpeedTest | None:
    """None for a row that was spoiled by hand."""
    try:
        return _test(row)
    except _UNREADABLE as problem:
        complain(f"row {row.id} of speed_tests cannot be read ({problem}): it is passed over")
        return None


def to_run(row: Row[Any]) -> SpeedRun | None:
    """The same. How its bytes divide into received and sent is not kept."""
    try:
        flaw = None if row.flaw is None else Flaw(row.flaw)
        measured = _measured(row) if flaw is None or _has_figures(row) else None
        cost = _count(row.bytes)
        return SpeedRun(SpeedProvider(row.provider), measured, flaw, _text(row.said), cost, _figure(row.seconds))
    except _UNREADABLE as problem:
        complain(f"row {row.id} of speed_runs cannot be read ({problem}): it is passed over")
        return None


def to_point(row: Row[Any]) -> SpeedPoint | None:
    """The same, of a test that succeeded."""
    try:
        found, provider, source = _measured(row), SpeedProvider(row.provider), SpeedSource(row.source)
        figures = (found.ping_ms, found.download_mbps, found.upload_mbps)
        return SpeedPoint(_time(row.began_at), provider, found.server, *figures, _low(row.low), source)
    except _UNREADABLE as problem:
        complain(f"row {row.id} of speed_tests cannot be read ({problem}): it is passed over")
        return None


def to_attempt(row: Row[Any]) -> SpeedAttempt:
    """Never passed over: whatever is unreadable in it, a test was begun. Where it does not say when, the latest time
    that it does say counts; where it does not say how it ended, it brought no result."""
    began, status = _time_or_none(row.began_at), _STATUSES.get(row.status)
    if began is None or status is None:
        complain(f"row {row.id} of speed_tests cannot be read: it counts as an attempt")
        others = map(_time_or_none, (row.created_at, row.progress_at, row.finished_at))
        began = began or max(filter(None, others), default=SPOILED)
    return SpeedAttempt(str(row.local_date), _moment(began, row.boot, row.uptime), status or SpeedStatus.FAILED)


def to_day(row: Row[Any]) -> SpeedDay | None:
    """A day that ended in a way that nobody knows has ended; one whose date is none is passed over."""
    try:
        day = _date(row.local_date)
    except _UNREADABLE as problem:
        complain(f"a row of speed_days cannot be read ({problem}): it is passed over")
        return None
    outcome, hindrance, again = row.outcome, None, None
    if outcome not in (OPEN, *OUTCOMES):
        complain(f"the outcome of {day} in speed_days cannot be read ({outcome!r:.40}): it counts as skipped")
        outcome = "skipped"
    try:
        hindrance = None if row.hindrance is None else Hindrance(row.hindrance)
        again = None if row.again_at is None else _moment(_time(row.again_at), row.again_boot, row.again_uptime)
    except _UNREADABLE as problem:
        complain(f"why or until when {day} was put off cannot be read in speed_days ({problem}): it waits no longer")
    return SpeedDay(day, outcome, hindrance, again)


def complain(sentence: str) -> None:
    """Once for everything that is wrong: it is read again and again."""
    if sentence not in _complained and len(_complained) < MOST_COMPLAINTS:
        _complained.add(sentence)
        log.error("in the data file, %s", sentence)


def bytes_between(connection: Connection, since: datetime, until: datetime) -> int:
    """From `since` up to, but not including, `until`. Added up as fractions: whole numbers written by hand could be
    too big for the sum."""
    cost = case((speed_runs.c.bytes > 0, cast(speed_runs.c.bytes, Float)), else_=0.0)
    wanted = select(func.sum(cost)).where(speed_runs.c.at >= since, speed_runs.c.at < until)
    return int(min(connection.execute(wanted).scalar() or 0.0, 1e18))


def _test(row: Row[Any]) -> SpeedTest:
    status = SpeedStatus(row.status)
    return SpeedTest(
        id=row.id,
        status=status,
        source=SpeedSource(row.source),
        requested_by=_text(row.requested_by),
        local_date=_text(row.local_date),
        anyway=bool(row.anyway),
        created_at=_time(row.created_at),
        began_at=None if row.began_at is None else _time(row.began_at),
        finished_at=None if row.finished_at is None else _time(row.finished_at),
        cancel_requested=row.cancel_requested != 0,
        result=_result(row) if status is SpeedStatus.SUCCESS else None,
        low=_low(row.low),
        bytes=_count(row.bytes),
        seconds=_figure(row.seconds),
        error=_text(row.error),
        error_code=_text(row.error_code),
        progress=read_progress(row.progress_json),
        progress_at=_time_or_none(row.progress_at),
    )


def _result(row: Row[Any]) -> SpeedRun:
    """Its bytes are those of the whole test: what it cost at the most. speed_runs has those of each measurement."""
    provider = SpeedProvider(row.provider)
    return SpeedRun(provider, _measured(row), bytes=_count(row.bytes), seconds=_figure(row.seconds))


def _measured(row: Row[Any]) -> Measured:
    figures = (_figure(row.ping_ms), _figure(row.download_mbps), _figure(row.upload_mbps))
    return Measured(_text(row.server), _text(row.server_name), *figures, 0, 0)


def _has_figures(row: Row[Any]) -> bool:
    return None not in (row.ping_ms, row.download_mbps, row.upload_mbps)


def _low(words: Any) -> tuple[Aspect, ...]:
    return tuple(Aspect(word) for word in _text(words).split())


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of text")
    return value


def _figure(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < BIGGEST:
        raise ValueError(f"{value!r:.40} is no figure")
    return float(value)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MOST_BYTES:
        raise ValueError(f"{value!r:.40} is no number of bytes")
    return value


def _date(text: Any) -> str:
    """Spelled otherwise, it would be another row's."""
    if date.fromisoformat(_text(text)).isoformat() != text:
        raise ValueError(f"{text!r:.40} is no date as it is written here")
    return _text(text)


def _time(text: Any) -> datetime:
    """One without a zone is UTC, as the sqlite3 command writes it."""
    moment = datetime.fromisoformat(_text(text))
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"{text} is a time in which this program never ran")
    return moment


def _time_or_none(text: Any) -> datetime | None:
    try:
        return _time(text)
    except _UNREADABLE:
        return None


def _moment(at: datetime, boot: Any, uptime: Any) -> Moment:
    """Without a readable uptime it belongs to no boot, so that the wall clock is asked."""
    if isinstance(boot, str) and type(uptime) in (int, float) and 0 <= uptime < BIGGEST:
        return Moment(at, boot, float(uptime))
    return Moment(at, "", 0.0)


# ------------------------------------------------------------------------------------------------ writing


class Figures(NamedTuple):
    """The columns that a result has in both tables."""

    server: str
    server_name: str
    ping_ms: float | None
    download_mbps: float | None
    upload_mbps: float | None


def figures_of(measured: Measured | None, believed: bool) -> dict[str, Any]:
    """Raises StoreRefused where a result that is to be believed has figures that are none. Of one that is refused, such
    figures are left out: that it was made, and what it cost, must be kept."""
    if measured is None:
        if believed:
            raise StoreRefused("A speed test without figures cannot be stored as a result.")
        return Figures("", "", None, None, None)._asdict()
    names = (short(measured.server, LONGEST_NAME), short(measured.server_name, LONGEST_NAME))
    values = (measured.ping_ms, measured.download_mbps, measured.upload_mbps)
    if believed:
        return Figures(*names, *(number(value) for value in values))._asdict()
    return Figures(*names, *(float(value) if 0 <= value < BIGGEST else None for value in values))._asdict()


def number(value: float) -> float:
    """Raises StoreRefused for what is not finite, negative, or beyond everything."""
    if not 0 <= value < BIGGEST:
        raise StoreRefused(f"{value} is no figure that a speed test can have; it was not stored.")
    return float(value)


def cost(value: int) -> int:
    """The same for bytes, never refused: to forget a measurement because it says nonsense would make it free."""
    return int(min(max(value, 0), MOST_BYTES))


def total(so_far: ColumnElement[int], more: int) -> ColumnElement[int]:
    """What a test has cost with one measurement more; it stays a number that can be read again."""
    return case((so_far + more > MOST_BYTES, MOST_BYTES), else_=so_far + more)


def short(text: str, longest: int) -> str:
    """One line that can be printed: what a provider says may be anything."""
    plain = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(plain.split())[:longest]


def day_columns(day: SpeedDay, settled_at: datetime | None) -> dict[str, Any]:
    at, boot, uptime = (day.again.at, day.again.boot, day.again.uptime) if day.again else (None, "", 0.0)
    hindrance = day.hindrance.value if day.hindrance else None
    return {
        "outcome": day.outcome, "hindrance": hindrance, "again_at": at, "again_boot": boot, "again_uptime": uptime,
        "settled_at": settled_at,
    }  # fmt: skip


def write_progress(progress: SpeedProgress) -> str:
    """Short names: the row is read in the sqlite3 shell, too. A figure that is none is left out: the answer to a pulse
    is whether somebody cancelled, and must not be lost for a picture."""
    provider = progress.provider.value if progress.provider else None
    rates = {"receiving_mbps": progress.receiving_mbps, "sending_mbps": progress.sending_mbps}
    times = {"seconds": progress.seconds, "expected": progress.expected}
    told = {name: round(value, 3) for name, value in (times | rates).items() if 0 <= value < BIGGEST}
    return json.dumps({"provider": provider, "confirming": progress.confirming, **told})


def read_progress(text: Any) -> SpeedProgress:
    """Nothing but a picture for people: what cannot be read of it is not shown."""
    try:
        tree = json.loads(text)
        provider = tree.get("provider")
        figures = {name: _figure(tree.get(name, 0.0)) for name in _PICTURED}
        known = None if provider is None else SpeedProvider(provider)
        return SpeedProgress(provider=known, confirming=tree.get("confirming") is True, **figures)
    except _NO_PICTURE:
        return SpeedProgress()


def waited_within(row: Row[Any], now: datetime, patience: timedelta) -> bool:
    """Whether a test was asked for lately. The same of a time in the future; of one that cannot be read, nothing is
    said here."""
    asked = _time_or_none(row.created_at)
    return asked is None or abs(now - asked) <= patience


def heard_within(row: Row[Any], now: datetime, silence: timedelta) -> bool:
    """Whether a running test told its progress lately. A time in the future was written by a clock that was wrong."""
    heard = _time_or_none(row.progress_at)
    return heard is not None and abs(now - heard) <= silence
