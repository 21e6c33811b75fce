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
from keeper.world.speed.aside import Aside, Report
from keeper.world.speed.traffic import Count, Traffic

Hear = Callable[[str], Count | None]  # what a child tells of its own bytes in what it has said so far

GRACE = 0.4  # seconds for a child to end by itself; with the looks before it that makes less than one
REPORT_EVERY = 0.25
RATE_OVER = 1.0  # seconds: for what may still come
SHOWN_OVER = 2.5  # seconds: what is sent goes in bursts, and shorter ones jump too much to be read
AHEAD = 0.5  # seconds of the present rate that may still come while a child is being ended
OVERHEAD = 1.25  # bytes on the line for each that was measured; what is beyond that was somebody else's
REFUSED_COST = 25_000_000  # bytes: more has not been moved by whoever was not let in; the rest was somebody else's
SHORTEST = 0.5  # seconds that bytes take at the rate they are told with; less, and they do not belong together
MOST_BYTES = 10**12  # of one measurement: whatever tells more does not know what it tells
LONGEST_NAME = 200
LONGEST_ID = 64
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
    is_strict: bool = False  # it never costs more than that, whatever the line can do
    bounds_itself: bool = False  # it is told how many bytes it has, and keeps to that unless it is lied to


class Reading(NamedTuple):
    """What the words of a provider come to."""

    measured: Measured | None = None
    flaw: Flaw | None = None
    said: str = ""


_REFUSALS = (Flaw.BLOCKED, Flaw.NO_SERVER, Flaw.NOT_INSTALLED)


class Ended(Exception):
    """The measurement is over before its time."""

    def __init__(self, flaw: Flaw, said: str) -> None:
        super().__init__(said)
        self.reading = Reading(None, flaw, said)


class Trial:
    """The measurement while it is under way."""

    def __init__(self, bench: Bench, plan: Plan, stop: Stop, most_bytes: int | None, report: Report) -> None:
        self._bench, self._plan, self._stop, self._most = bench, plan, stop, most_bytes
        self._aside = Aside(stop, report)
        self._began = self._report_at = bench.clock.monotonic()
        self._meter = bench.traffic.meter()
        self._samples: deque[tuple[float, Count]] = deque()
        self._told: Count | None = None
        self._ran = False
        self._end: Ended | None = None

    def measure(self, attempt: Callable[[Trial], Reading]) -> SpeedRun:
        """Runs `attempt`, which calls `ask`, `run` and `wait`. Never raises, save what `report` raises."""
        try:
            reading = self._attempted(attempt)
        except Ended as end:
            reading = end.reading
        provider, said = self._plan.provider, one_line(reading.said)
        return SpeedRun(provider, reading.measured, reading.flaw, said, self._cost(reading), self._seconds())

    def _attempted(self, attempt: Callable[[Trial], Reading]) -> Reading:
        try:
            self._aside.start()
        except RuntimeError as problem:
            raise Ended(Flaw.BROKEN, f"This machine starts no more threads ({problem}).") from None
        try:
            self._check_means()
            return attempt(self)
        finally:
            self._aside.end()

    def ask(self, argv: Sequence[str], seconds: float) -> Ran:
        """A question to a program that moves no bytes. Raises Ended."""
        ran = self._bench.commands.run(argv, seconds, self._watch, GRACE, guest=True)
        self._check_end()
        return ran

    def run(self, argv: Sequence[str], given: str = "", hear: Hear | None = None) -> Ran:
        """One child, within what is left of the time. Raises Ended."""
        left = self._plan.seconds - self._seconds()
        if left <= 0:
            raise self._late()
        listen = (lambda text: self._listen(text, hear)) if hear else None
        ran = self._bench.commands.run(argv, left, self._watch, GRACE, given=given, hear=listen, guest=True)
        self._ran |= ran.code is not None or ran.timed_out or ran.seconds > 0
        if hear:
            self._listen(ran.out, hear)
        self._check_end()
        if ran.timed_out:
            raise self._late()
        return ran

    def wait(self, seconds: float) -> None:
        """Raises Ended as soon as somebody says stop."""
        try:
            self._stop.wait(seconds)
        except Stopped:
            raise _stopped() from None

    def _check_end(self) -> None:
        if self._end:
            raise self._end
        if self._bench.commands.is_over:
            raise _stopped()

    def _check_means(self) -> None:
        """A limit that cannot be watched is kept by not beginning."""
        if self._most is None or self._plan.bounds_itself:
            return  # a child that is told how many bytes it has is watched as well, where that is possible
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
        """Called ten times a second while a child runs; True = end it. The deadline waits behind it, so it waits for
        nobody."""
        now, count = self._bench.clock.monotonic(), self._counted()
        self._samples.append((now, count))
        while now - self._samples[0][0] > SHOWN_OVER:
            self._samples.popleft()
        self._end = self._why_to_end(count)
        if now >= self._report_at:
            self._report_at = max(self._report_at + REPORT_EVERY, now)
            self._aside.tell(self._progress())
        return self._end is not None

    def _why_to_end(self, count: Count) -> Ended | None:
        if self._aside.is_stopped():
            return _stopped()
        if self._most is None:
            return None
        soon = 0.0 if self._plan.bounds_itself else sum(self._rates(RATE_OVER)) * AHEAD
        if count.all + soon < self._most:
            return None
        return Ended(Flaw.TOO_MANY_BYTES, f"It was ended because it had {self._most / 1e6:.0f} MB and wanted more.")

    def _rates(self, over: float) -> tuple[float, float]:
        """Bytes a second, received and sent, of late. Another interface may have become the busiest one meanwhile:
        then a direction has fewer bytes than before."""
        last, now = self._samples[-1]
        first, before = next(sample for sample in self._samples if last - sample[0] <= over)
        took = max(last - first, REPORT_EVERY)
        return max(0, now.received - before.received) / took, max(0, now.sent - before.sent) / took

    def _progress(self) -> SpeedProgress:
        receiving, sending = (rate * 8 / 1e6 for rate in self._rates(SHOWN_OVER))
        return SpeedProgress(
            self._plan.provider, seconds=self._seconds(), receiving_mbps=receiving, sending_mbps=sending
        )

    def _cost(self, reading: Reading) -> int:
        """No more than can be, whatever was told and counted."""
        limits = [MOST_BYTES, *((self._plan.most_bytes,) if self._plan.is_strict else ())]
        if reading.measured is None and self._most is not None:
            limits.append(max(self._most, 0))
        if reading.flaw in _REFUSALS:
            limits.append(REFUSED_COST)
        return max(0, min(self._uncut_cost(reading.measured), *limits)) if self._ran else 0

    def _uncut_cost(self, measured: Measured | None) -> int:
        """What the interfaces counted is the most that it can have been; they count what others did as well, so where
        the provider knows its own bytes, only as much is added to them as may be its overhead."""
        seen = self._meter.count()
        if measured and measured.received > 0 and measured.sent > 0:
            own = measured.received + measured.sent
            most = round(own * OVERHEAD) if self._agree(measured) else MOST_BYTES
            return max(own, min(seen.all, most)) if seen else own
        if seen or self._told:
            return max(self._told.all if self._told else 0, seen.all if seen else 0)
        return self._plan.most_bytes

    def _agree(self, measured: Measured) -> bool:
        """Whether the bytes that were told are those of the rates: else they say nothing of what it cost."""
        if self._plan.bounds_itself:  # our own child counts right
            return True
        ways = ((measured.received, measured.download_mbps), (measured.sent, measured.upload_mbps))
        return all(rate > 0 and bytes_ * 8e-6 / rate >= SHORTEST for bytes_, rate in ways)


def _stopped() -> Ended:
    return Ended(Flaw.STOPPED, "It was ended before it was done.")


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


def amount(value: object) -> int:
    """The same for bytes, within what can be."""
    return int(min(max(number(value), 0.0), MOST_BYTES))


def id_of(value: object) -> str:
    """What a provider calls its server: a few letters or digits."""
    return tidy(str(value), LONGEST_ID)


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
