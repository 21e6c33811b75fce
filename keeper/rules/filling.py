"""Disks that fill up: how fast, and when they will be full. Told before it is too late to do something about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from keeper.rules.types import Fact, Level, Notice, Severity

PREFIX = "disk_free_gb:"
STEP = 6 * 3600.0  # seconds between two levels that are remembered
LEVELS, DISKS = 9, 12  # of each disk: two days; of so many disks
HOUR, DAY = 3600.0, 86_400.0
FORGET = 14 * DAY  # a disk that was not seen for so long makes room for another one
WARN_DAYS, CALM_DAYS = 3.0, 6.0
ODD = 2  # losses that are no trend: two big films within two days
SOON = 0.5  # days; what has gone on for hours is believed to go on for as long again, and no longer


def observe(
    levels: Sequence[Level], facts: Mapping[str, Fact], now: datetime
) -> tuple[tuple[Level, ...], list[Notice]]:
    """(the levels to remember, what is to be told of them). A disk is warned of once, until it has room again.

    Of more disks than can be remembered, those that are known stay: a trend needs days to show.
    """
    by_disk = _known(levels, now)
    notices: list[Notice] = []
    for name, fact in facts.items():
        disk = name.removeprefix(PREFIX)
        if disk == name or not isinstance(fact.value, int | float) or (disk not in by_disk and len(by_disk) >= DISKS):
            continue
        known, free = by_disk.setdefault(disk, []), float(fact.value)
        if known and (now - known[-1].at).total_seconds() < STEP:
            notices += _warned(known, free, _pace_now(known, free, now))
            continue
        known.append(Level(disk, now, free, bool(known) and known[-1].warned))
        del known[:-LEVELS]
        notices += _judged(known)
    return tuple(level for known in by_disk.values() for level in known), notices


def loss(known: Sequence[Level]) -> float | None:
    """GB a day that get lost, without the largest losses: a big film or two are no trend. None = seen for less than a
    day."""
    if len(known) < 3 or (known[-1].at - known[0].at).total_seconds() < DAY:
        return None
    steps = [(first.free - second.free, (second.at - first.at).total_seconds()) for first, second in pairwise(known)]
    usual = sorted(steps)[:-ODD]
    seconds = sum(seconds for _, seconds in usual)
    return sum(lost for lost, _ in usual) / seconds * DAY if seconds else None


def _known(levels: Sequence[Level], now: datetime) -> dict[str, list[Level]]:
    """What is remembered of each disk. What a clock said that was set back means nothing."""
    by_disk: dict[str, list[Level]] = defaultdict(list)
    for level in levels:
        if level.at <= now:
            by_disk[level.disk].append(level)
    fresh = {disk: known for disk, known in by_disk.items() if (now - known[-1].at).total_seconds() < FORGET}
    return dict(list(fresh.items())[:DISKS])


def _pace_now(known: Sequence[Level], free: float, now: datetime) -> float:
    """GB a day of a flood: lost between the last two levels and, at about the same pace, since then. 0 = there is none.

    Whoever waits for days of evidence then, warns when the disk is full.
    """
    last = known[-1]
    since = (now - last.at).total_seconds()
    if len(known) < 2 or since < HOUR:
        return 0.0
    before = (known[-2].free - last.free) / max(1.0, (last.at - known[-2].at).total_seconds()) * DAY
    at_present = (last.free - free) / since * DAY
    slower, quicker = sorted((before, at_present))
    steady = slower > 0 and quicker <= 2 * slower
    return slower if steady and free / slower <= SOON else 0.0


def _judged(known: list[Level]) -> list[Notice]:
    """Of a new level: whether the disk is calm again, or filling up."""
    rate, newest = loss(known), known[-1]
    if rate is None:
        return []
    if rate <= 0 or newest.free / rate > CALM_DAYS:
        known[-1] = replace(newest, warned=False)
    return _warned(known, newest.free, rate)


def _warned(known: list[Level], free: float, rate: float) -> list[Notice]:
    """Tells it, unless it was told, and marks the newest level with that. `rate` in GB a day."""
    newest = known[-1]
    if newest.warned or rate <= 0 or free / rate > WARN_DAYS:
        return []
    known[-1], days = replace(newest, warned=True), free / rate
    message = (
        f"The disk of {newest.disk} has {_size(free)} GB left and loses {_size(rate)} GB a day: "
        f"it will be full in about {_span(days)}."
    )
    data = {"disk": newest.disk, "free_gb": free, "gb_a_day": max(0.001, round(rate, 3)), "days": round(days, 2)}
    return [Notice("Disk Filling", Severity.WARNING, message, data)]


def _size(gigabytes: float) -> str:
    """Never 0, which would contradict the rest of the sentence."""
    if gigabytes >= 9.95:
        return f"{gigabytes:.0f}"
    return f"{gigabytes:.1f}" if gigabytes >= 0.05 else "less than 0.1"


def _span(days: float) -> str:
    hours = max(1, round(days * 24))
    return f"{days:.0f} days" if days >= 1.5 else f"{hours} hours" if hours > 1 else "an hour"
