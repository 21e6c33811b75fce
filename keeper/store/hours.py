"""Looks become hours, hours become days: plain reckoning. Time is counted in whole milliseconds, so sums are exact.

A look stands for the time until the next one, but not for longer than a while (`patience`): what nobody saw is unknown,
and unknown is never counted as up. Looks are put in order by their time, so that wherever a clock was set back, a
stretch seen twice is counted once.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Any, NamedTuple

from keeper.rules.types import Cause, Hour

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_MS = timedelta(milliseconds=1)
FIGURES = ("cpu_percent", "memory_percent", "plex_memory_mb")

#: Whether Plex serves while this is the cause. True = good, False = bad, None = neither: it counts as unknown.
SERVES: Mapping[Cause, bool | None] = {
    Cause.OK: True,
    # Whoever wants to watch now cannot, whatever the reason.
    Cause.STARTING: False,  # a migration that takes an hour is an hour without Plex
    Cause.DOWN: False,
    Cause.HUNG: False,
    Cause.OVERLOADED: False,  # refused, or answered too late to be of use
    Cause.DB_TROUBLE: False,  # it answers, but shows no library
    Cause.UNCLAIMED: False,  # it belongs to nobody, so nobody's apps find it
    Cause.NOT_PLEX: False,  # something else answers in its place
    # Meant to be so: no merit and no failure.
    Cause.UPDATING: None,
    Cause.STOPPED_BY_OWNER: None,
    # Says nothing about Plex.
    Cause.NO_NAME: None,
    Cause.UNKNOWN: None,
    # Plex serves, and something else is wrong. The incident tells that; the share of good hours speaks of Plex alone.
    # Counted as good only where that very look saw it answer: a dead line may hide Plex from us.
    Cause.UNAUTHORIZED: True,  # only our token is refused
    Cause.MOUNT_MISSING: True,
    Cause.DISK_FULL: True,
    Cause.LINK_ADMIN_DOWN: True,
    Cause.LINK_DOWN: True,
    Cause.NO_ADDRESS: True,
    Cause.NO_ROUTE: True,
    Cause.GATEWAY_DOWN: True,
    Cause.DNS_STUB: True,
    Cause.DNS_DOWN: True,
    Cause.CAPTIVE_PORTAL: True,
    Cause.CLOCK_WRONG: True,
    Cause.INTERNET_DOWN: True,
    Cause.PLEX_TV_DOWN: True,
    Cause.REMOTE_ACCESS_LOST: True,
    Cause.MOVED: True,
    Cause.CRASHING: False,  # it is there for a moment at a time
    Cause.UNREACHABLE: False,
}
_NOT_TOLD = (Cause.OK, Cause.UNKNOWN)  # every other cause's seconds are told, whether they count as bad or not


class Look(NamedTuple):
    """A stored look, as far as it counts here."""

    at: datetime
    cause: str
    milliseconds: float | None
    facts_json: str


@dataclass(frozen=True, slots=True)
class Summed:
    """An hour or a day, with what is needed to sum it further: how many looks stand behind each mean."""

    hour: Hour
    answered: int
    counts: Mapping[str, int]


def hour_of(moment: datetime) -> datetime:
    """The beginning of its hour."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def day_of(moment: datetime) -> datetime:
    """The beginning of its day of UTC."""
    return hour_of(moment).replace(hour=0)


def touched(at: datetime, patience: timedelta) -> list[datetime]:
    """The hours that a look at this time can change: its own, and those that it may stand for."""
    hours, last = [hour_of(at)], hour_of(at + patience)
    while hours[-1] < last:
        hours.append(hours[-1] + HOUR)
    return hours


def hours_of(
    looks: Sequence[Look], first: datetime, end: datetime, patience: timedelta, until: datetime | None = None
) -> list[Summed]:
    """The hours from `first` up to `end`, in order, that have anything to tell.

    `looks` are all those since `first - patience` and before `end`, by time. Nothing is counted after `until`.
    """
    sums: dict[datetime, _Sum] = defaultdict(_Sum)
    for look, following in zip_longest(looks, [other.at for other in looks[1:]]):
        facts = _facts(look.facts_json)
        cause, serves = _judged(look.cause, facts)
        ends = [look.at + patience, *(limit for limit in (following, until) if limit)]
        hour = hour_of(look.at)
        for begins, milliseconds in _split(look.at, min(ends), hour):
            if first <= begins < end:
                sums[begins].stand(cause, serves, milliseconds)
        if first <= hour < end:
            sums[hour].see(look.milliseconds, facts)
    return [sums[begins].summed(begins, _length(begins, HOUR, until)) for begins in sorted(sums)]


def together(parts: Iterable[Summed], begins: datetime, until: datetime | None = None) -> Summed:
    """The day that begins then, from its hours."""
    total = _Sum()
    for part in parts:
        total.add(part)
    return total.summed(begins, _length(begins, DAY, until))


def _length(begins: datetime, whole: timedelta, until: datetime | None) -> float:
    return (min(begins + whole, until) - begins if until else whole).total_seconds()


def _facts(text: str) -> Mapping[str, Any]:
    """{name: value}; what cannot be read tells nothing."""
    try:
        return {name: fact["value"] for name, fact in json.loads(text).items()}
    except (ValueError, TypeError, LookupError, AttributeError):
        return {}


def _judged(word: str, facts: Mapping[str, Any]) -> tuple[Cause, bool | None]:
    try:
        cause = Cause(word)
    except ValueError:  # spoiled by hand
        return Cause.UNKNOWN, None
    serves = SERVES[cause]
    unseen = cause is not Cause.OK and facts.get("identity") is not True
    return cause, None if serves and unseen else serves


def _split(begins: datetime, ends: datetime, hour: datetime) -> Iterator[tuple[datetime, int]]:
    """(hour, milliseconds within it) of a stretch of time that begins in `hour`."""
    while begins < ends:
        cut = min(ends, hour + HOUR)
        yield hour, (cut - begins) // _MS
        begins, hour = cut, hour + HOUR


@dataclass(slots=True)
class _Sum:
    """An hour or a day in the making. Times in milliseconds, figures as (sum, number)."""

    good: int = 0
    bad: int = 0
    looks: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    figures: dict[str, tuple[float, int]] = field(default_factory=dict)
    answers: tuple[float, int] = (0.0, 0)

    def stand(self, cause: Cause, serves: bool | None, milliseconds: int) -> None:
        self.good += milliseconds if serves is True else 0
        self.bad += milliseconds if serves is False else 0
        if cause not in _NOT_TOLD:
            self.causes[cause.value] += milliseconds

    def see(self, milliseconds: float | None, facts: Mapping[str, Any]) -> None:
        self.looks += 1
        if milliseconds is not None:
            self.answers = (self.answers[0] + milliseconds, self.answers[1] + 1)
        for name in FIGURES:
            value = facts.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                self._figure(name, float(value), 1)

    def add(self, part: Summed) -> None:
        hour = part.hour
        self.good += round(hour.good * 1000)
        self.bad += round(hour.bad * 1000)
        self.looks += hour.looks
        for cause, seconds in hour.causes.items():
            self.causes[cause] += round(seconds * 1000)
        if hour.response_ms is not None:
            self.answers = (self.answers[0] + hour.response_ms * part.answered, self.answers[1] + part.answered)
        for name, mean in hour.figures.items():
            self._figure(name, mean * part.counts[name], part.counts[name])

    def summed(self, begins: datetime, seconds: float) -> Summed:
        hour = Hour(
            begins, seconds, self.good / 1000, self.bad / 1000, self.looks,
            {cause: spent / 1000 for cause, spent in sorted(self.causes.items()) if spent},
            _mean(self.answers) if self.answers[1] else None,
            {name: _mean(figure) for name, figure in sorted(self.figures.items())},
        )  # fmt: skip
        return Summed(hour, self.answers[1], {name: number for name, (_, number) in self.figures.items()})

    def _figure(self, name: str, value: float, number: int) -> None:
        total, count = self.figures.get(name, (0.0, 0))
        self.figures[name] = (total + value, count + number)


def _mean(figure: tuple[float, int]) -> float:
    return round(figure[0] / figure[1], 3)
