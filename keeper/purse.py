"""What measurements cost: who can measure, whether it fits into the month, and what one cost that nobody counted.

A part of the surveyor, which measures; the sums are made in keeper/rules/volume.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from math import isfinite

from keeper.errors import StoreError
from keeper.ports import Clock, SpeedMeter, SpeedStore
from keeper.rules import speed_story, volume
from keeper.rules.types import Flaw, SpeedBook, SpeedPlan, SpeedProgress, SpeedRun

LEAST_LOST = 20  # of the reserve, one part in so many: what a killed measurement cost at least
_BYTES = 125_000  # of one Mbit


class Purse:
    """Raises StoreError."""

    def __init__(
        self, store: SpeedStore, meters: Callable[[], Sequence[SpeedMeter]], clock: Clock, zone: Callable[[], tzinfo],
        plan: SpeedPlan,
    ) -> None:  # fmt: skip
        self._store, self._meters, self._clock, self._zone, self._plan = store, meters, clock, zone, plan
        self._unwritten: list[tuple[int, SpeedRun, datetime]] = []

    def ready(self) -> list[SpeedMeter]:
        """Those that can be used here, or may be: unknown is not no."""
        return [meter for meter in self._meters() if meter.ready().can is not False]

    def fits(self, meter: SpeedMeter, spread: bool) -> bool:
        now, zone = self._clock.now(), self._zone()
        return volume.fits(self._plan.budget, self._used(), self._needed(meter), spread, now, zone)

    def cheapest(self) -> int:
        """Bytes that the next measurement may need, by the way that needs least; 0 = nobody can measure."""
        return min((self._needed(meter) for meter in self.ready()), default=0)

    def limit(self) -> int | None:
        """Bytes at which the next measurement is ended; None = without limit."""
        return volume.limit(self._plan.budget, self._used())

    def spent(self, test_id: int, run: SpeedRun) -> None:
        """To be written as soon as the store takes it."""
        self._unwritten.append((test_id, run, self._clock.now()))

    def write(self) -> None:
        """What was spent. What the store does not take now is kept for the next time; what it never will is not."""
        while self._unwritten:
            spent = self._unwritten.pop(0)
            try:
                self._store.note_run(*spent)
            except StoreError as problem:
                if problem.retry:
                    self._unwritten.insert(0, spent)
                raise

    def count_lost(self, test_id: int) -> None:
        """What a measurement cost whose program was killed in the middle is not known: what its rates came to when it
        was last heard of, but not more than it might have, and not nothing."""
        test = self._store.get(test_id)
        meter = next((each for each in self._meters() if test and each.provider is test.progress.provider), None)
        if test is None or meter is None:
            return
        most = self._needed(meter)
        cost = min(max(_told(test.progress, most), most // LEAST_LOST), most)
        lost = SpeedRun(meter.provider, flaw=Flaw.STOPPED, said=speed_story.LOST, bytes=cost)
        self._store.note_run(test_id, lost, self._clock.now())

    def warn(self, book: SpeedBook) -> None:
        """Once a month, when most of it is used or nothing can be measured any more."""
        now = self._clock.now()
        if not self._plan.budget:
            return
        told = speed_story.budget_warning(self._plan, self._used(), self.cheapest(), book, now, self._zone())
        if told is not None:
            self._store.note([told[0]], told[1], now)

    def _used(self) -> int:
        if not self._plan.budget:
            return 0
        return self._store.bytes_between(*volume.month(self._clock.now(), self._zone()))

    def _needed(self, meter: SpeedMeter) -> int:
        costs = [cost for cost, _ in self._store.costs(meter.provider, volume.COSTS)]
        return volume.reserve(costs, meter.most_bytes, meter.provider)


def _told(progress: SpeedProgress, most: int) -> int:
    """Bytes; where the figures are spoilt, all that it can have been."""
    told = (progress.receiving_mbps + progress.sending_mbps) * progress.seconds * _BYTES
    return int(told) if isfinite(told) else most


__all__ = ["Purse"]
