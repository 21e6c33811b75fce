"""One measurement by one provider, in a program of its own.

It has a deadline for everything together, ends within a second when somebody says stop, and before it costs more than
it may. What it cost is known in every case: told by the provider, counted on this machine's interfaces, or, where
neither is possible, reckoned as the most that it can cost.
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from keeper.errors import Stopped
from keeper.ports import Clock, Stop
from keeper.rules.types import Flaw, Measured, Ran, SpeedProgress, SpeedProvider, SpeedRun
from keeper.world.commands import SystemCommands
from keeper.world.outlets.places import tidy
from keeper.world.speed.traffic import Count, Traffic

Report = Callable[[SpeedProgress], None]
Hear = Callable[[str], Count | None]  # what a child tells of its own bytes in what it has said so far

GRACE = 0.4  # seconds for a child to end by itself; with the looks before it that makes less than one
REPORT_EVERY = 0.25
RATE_OVER = 1.0  # seconds: shorter ones jump too much to be read
AHEAD = 0.5  # seconds of the present rate that may still come while a child is being ended
OVERHEAD = 1.25  # bytes on the line for each that was measured; what is beyond that was somebody else's
LONGEST_NAME = 200
_SECRET_PARTS = re.compile(r"(?P<scheme>[a-z]://)[^\s/@]*@|\?\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Bench:
    """What every provider works with."""

    commands: SystemCommands
    clock: Clock
    traffic: Traffic


class Plan(NamedTuple):
    """How one provider is measured."""

    provider: SpeedProvider
    seconds: float  # for everything together
    most_bytes: int  # what it can cost
    bounds_itself: bool = False  # it is told how many bytes it has, and keeps to that


class Reading(NamedTuple):
    """What the words of a provider come to."""

    measured: Measured | None = None
    flaw: Flaw | None = None
    said: str = ""


class Ended(Exception):
    """The measurement is over before its time."""

    def __init__(self, flaw: Flaw, said: str) -> None:
        super().__init__(said)
        self.reading = Reading(None, flaw, said)


class Trial:
    """The measurement while it is under way."""

    def __init__(self, bench: Bench, plan: Plan, stop: Stop, most_bytes: int | None, report: Report) -> None:
        self._bench, self._plan, self._stop, self._most, self._report = bench, plan, stop, most_bytes, report
        self._began = self._report_at = bench.clock.monotonic()
        self._meter = bench.traffic.meter()
        self._samples: deque[tuple[float, Count]] = deque()
        self._told: Count | None = None
        self._ran = False
        self._end: Ended | None = None

    def measure(self, attempt: Callable[[Trial], Reading]) -> SpeedRun:
        """Runs `attempt`, which calls `run` and `wait`. Never raises, save what `report` raises."""
        try:
            self._check_means()
            reading = attempt(self)
        except Ended as end:
            reading = end.reading
        provider, said = self._plan.provider, one_line(reading.said)
        return SpeedRun(provider, reading.measured, reading.flaw, said, self._cost(reading.measured), self._seconds())

    def run(self, argv: Sequence[str], given: str = "", hear: Hear | None = None) -> Ran:
        """One child, within what is left of the time. Raises Ended."""
        left = self._plan.seconds - self._seconds()
        if left <= 0:
            raise self._late()
        listen = (lambda text: self._listen(text, hear)) if hear else None
        ran = self._bench.commands.run(argv, left, self._watch, GRACE, given=given, hear=listen)
        self._ran |= ran.code is not None or ran.timed_out or self._end is not None
        if hear:
            self._listen(ran.out, hear)
        if self._end:
            raise self._end
        if ran.timed_out:
            raise self._late()
        return ran

    def wait(self, seconds: float) -> None:
        """Raises Ended as soon as somebody says stop."""
        try:
            self._stop.wait(seconds)
        except Stopped:
            raise Ended(Flaw.STOPPED, "It was ended before it was done.") from None

    def _check_means(self) -> None:
        """A limit that cannot be watched is kept by not beginning."""
        if self._most is None or self._plan.bounds_itself:
            return
        if self._most <= 0:
            raise Ended(Flaw.TOO_MANY_BYTES, "No bytes are left for it.")
        if self._meter.count() is None and self._most < self._plan.most_bytes:
            why = (
                "This machine does not tell what passes its interfaces, and the bytes that are left may not be enough."
            )
            raise Ended(Flaw.TOO_MANY_BYTES, why)

    def _late(self) -> Ended:
        return Ended(Flaw.TOO_LATE, f"It was not done after {self._plan.seconds:g} seconds.")

    def _seconds(self) -> float:
        return self._bench.clock.monotonic() - self._began

    def _listen(self, text: str, hear: Hear) -> None:
        self._told = hear(text) or self._told

    def _counted(self) -> Count:
        return (self._told or Count()).or_more(self._meter.count())

    def _watch(self) -> bool:
        """Called ten times a second while a child runs; True = end it."""
        now, count = self._bench.clock.monotonic(), self._counted()
        self._samples.append((now, count))
        while now - self._samples[0][0] > RATE_OVER:
            self._samples.popleft()
        if now >= self._report_at:
            self._report_at = max(self._report_at + REPORT_EVERY, now)
            self._report(self._progress())
        self._end = self._why_to_end(count)
        return self._end is not None

    def _why_to_end(self, count: Count) -> Ended | None:
        try:
            self._stop.check()
        except Stopped:
            return Ended(Flaw.STOPPED, "It was ended before it was done.")
        if self._most is None or self._plan.bounds_itself:
            return None
        soon = sum(self._rates()) * AHEAD
        if count.all + soon < self._most:
            return None
        return Ended(Flaw.TOO_MANY_BYTES, f"It was ended because it had {self._most / 1e6:.0f} MB and wanted more.")

    def _rates(self) -> tuple[float, float]:
        """Bytes a second, received and sent, of late."""
        (first, before), (last, now) = self._samples[0], self._samples[-1]
        took = max(last - first, REPORT_EVERY)
        return (now.received - before.received) / took, (now.sent - before.sent) / took

    def _progress(self) -> SpeedProgress:
        receiving, sending = (rate * 8 / 1e6 for rate in self._rates())
        return SpeedProgress(
            self._plan.provider, seconds=self._seconds(), receiving_mbps=receiving, sending_mbps=sending
        )

    def _cost(self, measured: Measured | None) -> int:
        """What the interfaces counted is the most that it can have been; they count what others did as well, so where
        the provider knows its own bytes, only as much is added to them as may be its overhead."""
        if not self._ran:
            return 0
        seen = self._meter.count()
        if measured and measured.received > 0 and measured.sent > 0:
            own = measured.received + measured.sent
            return max(own, min(seen.all, round(own * OVERHEAD))) if seen else own
        told = self._told.all if self._told else 0
        if seen or self._told:
            return max(told, seen.all if seen else 0)
        most = self._plan.most_bytes
        return most if self._most is None else min(most, max(self._most, 0))


def objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in what a program said, the last line first; it may have said other things before them, may have
    written one over many lines, or put it into a list."""
    lines = text.splitlines()
    whole = text[text.find("{") :]
    for part in (*reversed(lines), whole):
        try:
            found = json.loads(part)
        except (ValueError, RecursionError):
            continue
        yield from (each for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict))


def number(value: object) -> float:
    """Raises ValueError for whatever is none, or has no end."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def name_of(*parts: object) -> str:
    """'One, Two' of what is there."""
    return tidy(", ".join(str(part) for part in parts if part), LONGEST_NAME)


def one_line(text: str) -> str:
    """Words of others as they can be shown: nothing of an address that may be a secret, no line breaks."""
    return tidy(" ".join(_SECRET_PARTS.sub(lambda found: found["scheme"] or "", text).split()), 300)


def last_words(ran: Ran) -> str:
    """What a program that failed said last; on its own output when it complained nowhere else."""
    lines = (ran.err or ran.out).strip().splitlines()
    return lines[-1].strip() if lines else "It said nothing."


def not_started(ran: Ran) -> Reading:
    """Of a program that could not be run at all."""
    missing = "not installed" in ran.err
    return Reading(None, Flaw.NOT_INSTALLED if missing else Flaw.BROKEN, ran.err)
