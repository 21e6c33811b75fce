"""A day or a week in a few lines: when it is due, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from keeper.rules.types import Notice, Severity, Telling

MARK = "digest"
LATE = 12 * 3600.0  # seconds after which a digest that was missed (the machine slept) is left out
DAYS = {"daily": 1, "weekly": 7}
MARKS = 3  # dates of the latest digests that are remembered


@dataclass(frozen=True, slots=True)
class Figures:
    """What a period came to. Seconds, except where named otherwise."""

    good: float
    bad: float
    unknown: float
    incidents: int = 0
    open_incidents: int = 0
    causes: Mapping[str, float] = field(default_factory=dict)
    actions: Mapping[str, int] = field(default_factory=dict)
    fixed: int = 0
    failed: int = 0
    download_mbps: float | None = None
    upload_mbps: float | None = None
    undelivered: int = 0


def due_day(telling: Telling, now: datetime, zone: tzinfo, marks: str) -> date | None:
    """The local date whose digest is to be written now; None = none is. That of yesterday may still be, shortly after
    midnight. `marks` = ISO dates that had theirs, as `marks_with` writes them."""
    today = now.astimezone(zone).date()
    last = _last(marks, today)
    for day in (today, today - timedelta(days=1)):
        if day.isoformat() > last and _is_due(telling, day, now, zone):
            return day
    return None


def marks_with(day: date, marks: str) -> str:
    """The marks and one more, the latest ones only."""
    return " ".join([*marks.split(), day.isoformat()][-MARKS:])


def _last(marks: str, today: date) -> str:
    """Only a later date than this one has a digest. Marks of a clock that went ahead do not count once it is back;
    those made before still do, so that no day has two."""
    tomorrow = (today + timedelta(days=1)).isoformat()
    return max((each for each in marks.split() if each <= tomorrow), default="")


def _is_due(telling: Telling, day: date, now: datetime, zone: tzinfo) -> bool:
    if telling.digest not in DAYS or (telling.digest == "weekly" and day.weekday() != 0):
        return False
    begins = datetime.combine(day, time.fromisoformat(telling.digest_at), zone).astimezone(UTC)
    return 0 <= (now - begins).total_seconds() < LATE


def since(telling: Telling, now: datetime) -> datetime:
    """The beginning of the period that a digest of now tells of."""
    return now - timedelta(days=DAYS[telling.digest])


def notice(telling: Telling, figures: Figures) -> Notice:
    """The event; each line is one thing, and what is nothing is left out."""
    weekly = telling.digest == "weekly"
    lines = [_served(figures), *_trouble(figures), *_work(figures), *_line(figures)]
    data = {
        "good": figures.good, "bad": figures.bad, "unknown": figures.unknown, "incidents": figures.incidents,
        "fixed": figures.fixed, "failed": figures.failed, "undelivered": figures.undelivered,
    }  # fmt: skip
    kind = "Weekly Digest" if weekly else "Daily Digest"
    title = f"Plex in the last {'7 days' if weekly else '24 hours'}:"
    return Notice(kind, Severity.INFO, "\n".join([title, *lines]), data)


def _served(figures: Figures) -> str:
    known = figures.good + figures.bad
    if not known:
        return "Nobody looked at it."
    unseen = f"; not monitored for {_span(figures.unknown)}" if figures.unknown >= 60 else ""
    return f"It was there for {100 * figures.good / known:.1f} % of the time{unseen}."


def _trouble(figures: Figures) -> list[str]:
    lines = []
    if figures.incidents:
        causes = ", ".join(f"{name} {_span(spent)}" for name, spent in figures.causes.items())
        still = f", {figures.open_incidents} not over" if figures.open_incidents else ""
        lines.append(f"Incidents: {figures.incidents}{still}{f' ({causes})' if causes else ''}.")
    else:
        lines.append("No incidents.")
    if figures.actions:
        lines.append("Done: " + ", ".join(f"{name} {count}" for name, count in figures.actions.items()) + ".")
    return lines


def _work(figures: Figures) -> list[str]:
    if not figures.fixed and not figures.failed:
        return []
    return [f"Items mended: {figures.fixed}; still lacking something: {figures.failed}."]


def _line(figures: Figures) -> list[str]:
    lines = []
    if figures.download_mbps is not None and figures.upload_mbps is not None:
        lines.append(f"Line: {figures.download_mbps:.0f} down, {figures.upload_mbps:.0f} up (Mbit/s, median).")
    if figures.undelivered:
        lines.append(f"Messages that could not be delivered: {figures.undelivered}.")
    return lines


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
