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
DAY = 86_400.0
WARN_DAYS, CALM_DAYS = 3.0, 6.0


def observe(
    levels: Sequence[Level], facts: Mapping[str, Fact], now: datetime
) -> tuple[tuple[Level, ...], list[Notice]]:
    """(the levels to remember, what is to be told of them). A disk is warned of once, until it has room again."""
    by_disk: dict[str, list[Level]] = defaultdict(list)
    for level in levels:
        if level.at <= now:  # the clock was set back: what it says of the time between means nothing
            by_disk[level.disk].append(level)
    notices: list[Notice] = []
    for name, fact in facts.items():
        disk = name.removeprefix(PREFIX)
        if disk == name or not isinstance(fact.value, int | float):
            continue
        known = by_disk[disk]
        if known and (now - known[-1].at).total_seconds() < STEP:
            continue
        known.append(Level(disk, now, float(fact.value), bool(known) and known[-1].warned))
        by_disk[disk] = known = known[-LEVELS:]
        notices += _judged(known)
    newest = sorted(by_disk.values(), key=lambda known: known[-1].at if known else now)[-DISKS:]
    return tuple(level for known in newest for level in known), notices


def loss(known: Sequence[Level]) -> float | None:
    """GB a day that get lost, without the largest single loss: one big film is no trend. None = seen for less than a
    day."""
    if len(known) < 3 or (known[-1].at - known[0].at).total_seconds() < DAY:
        return None
    steps = [(first.free - second.free, (second.at - first.at).total_seconds()) for first, second in pairwise(known)]
    usual = sorted(steps)[:-1]
    seconds = sum(seconds for _, seconds in usual)
    return sum(lost for lost, _ in usual) / seconds * DAY if seconds else None


def _judged(known: list[Level]) -> list[Notice]:
    """Marks the newest level with what was told, and tells it."""
    rate, newest = loss(known), known[-1]
    if rate is None:
        return []
    days = newest.free / rate if rate > 0 else float("inf")
    if days > CALM_DAYS:
        known[-1] = replace(newest, warned=False)
    if days > WARN_DAYS or newest.warned:
        return []
    known[-1] = replace(newest, warned=True)
    message = (
        f"The disk of {newest.disk} has {newest.free:.0f} GB left and loses {rate:.0f} GB a day: "
        f"it will be full in about {_span(days)}."
    )
    data = {"disk": newest.disk, "free_gb": newest.free, "gb_a_day": round(rate, 1), "days": round(days, 1)}
    return [Notice("Disk Filling", Severity.WARNING, message, data)]


def _span(days: float) -> str:
    return f"{days:.0f} days" if days >= 1.5 else f"{max(1.0, days * 24):.0f} hours"
