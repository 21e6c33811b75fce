"""The surveyor: measures the line, once a day and whenever somebody asks, and never in anybody's way.

A door beside jobs, monitor and courier. One test runs at a time, in the thread that called: the engine's, or that of a
command. When a test is due, what can be believed, what is low, what the month's bytes allow and what follows from an
end is decided in keeper/rules (speed_schedule, belief, volume, speed_story); keeper/overseer is the brake.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import TypeVar

from keeper.errors import Cancelled, Interrupted, RunError, StoreError
from keeper.overseer import Overseer
from keeper.ports import Clock, SpeedMeter, SpeedStore
from keeper.rules import belief, speed_schedule, speed_story, volume
from keeper.rules.speed_story import Outcome
from keeper.rules.types import (
    Aspect,
    Flaw,
    Hindrance,
    Moment,
    Owner,
    SpeedBook,
    SpeedDay,
    SpeedPlan,
    SpeedProgress,
    SpeedRun,
    SpeedSource,
    SpeedStatus,
    SpeedTest,
)

log = logging.getLogger("keeper.surveyor")

IDLE_SECONDS = 300.0  # between two rounds while nothing is written to the store and nothing becomes due
BUSY_SECONDS = 5.0  # the same while another process measures: it may die without a word
RETRY_SECONDS = 5.0  # until the store is asked once more to take what must not be lost
DAILY = "schedule"  # who asked for the daily test
END_OF_TIME = datetime.max.replace(tzinfo=UTC)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Instruments:
    """What the surveyor needs from outside."""

    store: SpeedStore
    meters: Callable[[], Sequence[SpeedMeter]]  # in the order in which they are asked
    clock: Clock
    moment: Callable[[], Moment]
    zone: Callable[[], tzinfo]
    owner: Owner
    holder: str
    is_alive: Callable[[Owner], bool | None]
    hindrance: Callable[[bool], Hindrance | None]  # argument: anyway; asks Plex afresh, which may take some seconds
    mark: Callable[[], object] = object  # equal to an earlier one only if nothing was written to the store since then


class Surveyor:
    """Claims what was asked for, begins what is due, and closes the days that are over."""

    def __init__(self, instruments: Instruments, plan: SpeedPlan) -> None:
        self._with, self._plan = instruments, plan
        self._stopping = threading.Event()
        self._overseer: Overseer | None = None  # of the test that runs, else of the last one
        self._measuring = False
        self._minded = False  # whether it was looked for tests that an earlier process left behind
        self._seen: object = None  # the mark of the store at the last round
        self._round_at = 0.0  # monotonic: the next round, should nothing be written before
        self._rests_from = self._rests_to = END_OF_TIME  # on the wall clock; outside of it a round is due

    @property
    def measuring(self) -> bool:
        """Whether a test of this surveyor is under way."""
        return self._measuring

    def next_time(self) -> datetime | None:
        """When the next daily test is expected to begin. Raises StoreError."""
        now = self._with.moment()
        return speed_schedule.next_time(
            self._plan, self._with.store.wishes().daily, self._with.zone(), self._book(now.at), now
        )

    def stop(self) -> None:
        """Ends what is under way within a moment; it counts as interrupted."""
        self._stopping.set()
        if self._overseer is not None:
            self._overseer.interrupt()

    # ------------------------------------------------------------------ rounds

    def tick(self) -> None:
        """1. What a dead process left behind. 2. The days that are over. 3. The oldest test that waits, else the daily
        one. Nothing at all while nobody has written to the store and nothing has become due."""
        mark, now, wall = self._with.mark(), self._with.clock.monotonic(), self._with.clock.now()
        resting = now < self._round_at and self._rests_from <= wall < self._rests_to
        if self._stopping.is_set() or (mark == self._seen and resting):
            return
        self._seen = mark  # before the round: whatever is written during it is seen by the next one
        self._rest(BUSY_SECONDS, None)  # should the round fail
        try:
            busy = self._round()
        except Interrupted:
            log.info("the service stops; the daily speed test has not begun yet")
            return
        self._rest(BUSY_SECONDS if busy else IDLE_SECONDS, self.next_time())

    def run_now(self, source: SpeedSource, by: str, anyway: bool) -> SpeedTest:
        """A test in this very thread (the CLI). Raises RunError naming who is in the way."""
        t, now = self._with, self._with.moment()
        self._mind_orphans()
        test = t.store.start(source, by, speed_schedule.today(now.at, t.zone()), anyway, t.owner, t.holder, now)
        self._carry_through(test, self._new_overseer(anyway))
        return t.store.get(test.id) or test

    def _rest(self, seconds: float, due: datetime | None) -> None:
        """Until something becomes due, as far as that is known. The wall clock ends the rest as well, and so it does
        when it is set back: the other one may stand still while the machine sleeps."""
        self._round_at = self._with.clock.monotonic() + seconds
        self._rests_from = self._with.clock.now()
        self._rests_to = due if due is not None and due > self._rests_from else END_OF_TIME

    def _round(self) -> bool:
        """Whether another process is measuring; then everything else has time."""
        t = self._with
        active = t.store.active()
        is_running = active is not None and active.status is SpeedStatus.RUNNING
        if is_running or not self._minded:
            self._mind_orphans()
        if is_running:
            return True
        wishes, now = t.store.wishes(), t.clock.now()
        for left in speed_schedule.over(self._book(now), wishes.daily, t.zone(), now):
            self._close(left.date, told=wishes.daily)
        day = self._due_day() if wishes.daily else None
        if active is not None:
            self._serve()
        elif day is not None:
            self._try_daily(day)
        return False

    def _mind_orphans(self) -> None:
        for test_id in self._with.store.interrupt_orphans(self._with.is_alive, self._with.clock.now()):
            log.warning("speed test %s was left behind by a program that ended", test_id)
            self._count_lost(test_id)
        self._minded = True

    def _count_lost(self, test_id: int) -> None:
        """What a measurement cost whose program was killed in the middle is not known: as much as it might have."""
        t, test = self._with, self._with.store.get(test_id)
        meter = next((each for each in t.meters() if test and each.provider is test.progress.provider), None)
        if meter is not None:
            lost = SpeedRun(meter.provider, flaw=Flaw.STOPPED, said=speed_story.LOST, bytes=self._needed(meter))
            t.store.note_run(test_id, lost, t.clock.now())

    def _serve(self) -> None:
        """The test that waits longest."""
        t = self._with
        test = t.store.claim_next(t.owner, t.holder, t.moment())
        if test is not None:
            self._carry_through(test, self._new_overseer(test.anyway))

    # ------------------------------------------------------------------ the daily test

    def _due_day(self) -> str | None:
        """The date whose test may be tried now. Once its hour has come, something is told of it, whatever follows."""
        now = self._with.moment()
        book = self._book(now.at)
        day = speed_schedule.due(self._plan, self._with.zone(), book, now)
        if day is None:
            return None
        if speed_schedule.is_used_up(self._plan, book, day):  # the last attempt ended with its process
            self._close(day, told=True)
            return None
        if day not in book.days:
            self._with.store.put_off(SpeedDay(day))
        return day if speed_schedule.wait(self._plan, book, day, now) <= 0 else None

    def _try_daily(self, day: str) -> None:
        """Begins it unless something is in the way. What was in the way before it began costs no attempt."""
        meters = self._ready()
        overseer = self._new_overseer(anyway=False)
        hindrance: Hindrance | None = Hindrance.BUDGET
        if meters and not any(self._fits(meter, spread=True) for meter in meters):
            self._warn_of_budget()
        else:
            hindrance = self._hindrance(overseer)
        if hindrance is None:
            self._begin_daily(day, overseer)
            return
        log.info("the speed test of %s has to wait: %s", day, speed_story.HINDRANCES[hindrance])
        self._with.store.put_off(speed_schedule.put_off(day, hindrance, self._with.moment()))

    def _hindrance(self, overseer: Overseer) -> Hindrance | None:
        try:
            overseer.look()
        except Cancelled:
            if overseer.broke is not None:
                raise overseer.broke from None
        return overseer.outcome.hindrance

    def _begin_daily(self, day: str, overseer: Overseer) -> None:
        t, now = self._with, self._with.moment()
        if speed_schedule.due(self._plan, t.zone(), self._book(now.at), now) != day:
            return  # its date ended while it was looked whether it may begin
        try:
            test = t.store.start(SpeedSource.SCHEDULE, DAILY, day, False, t.owner, t.holder, now)
        except RunError as problem:  # somebody was quicker
            log.info("the speed test of %s has to wait: %s", day, problem.sentence)
            return
        self._carry_through(test, overseer)

    def _close(self, day: str, told: bool) -> None:
        """A day ends without a result."""
        now = self._with.clock.now()
        book = self._book(now, day)
        closed = speed_schedule.closed(self._plan, book, day)
        notices, marks = speed_story.of_day(closed, book) if told else ([], {})
        self._with.store.settle(closed, notices, marks, now)

    def _book(self, now: datetime, *more: str) -> SpeedBook:
        return self._with.store.book([*speed_schedule.dates(now, self._with.zone()), *more])

    # ------------------------------------------------------------------ one test

    def _new_overseer(self, anyway: bool) -> Overseer:
        t = self._with
        earlier = self._overseer.latest if self._overseer else None
        self._overseer = Overseer(t.store, t.clock, t.hindrance, anyway, earlier)
        if self._stopping.is_set():
            self._overseer.interrupt()
        return self._overseer

    def _carry_through(self, test: SpeedTest, overseer: Overseer) -> None:
        """One running test, to its end, whatever happens."""
        log.info("speed test %s begins (%s)", test.id, test.source.value)
        overseer.follow(test)
        began, outcome = self._with.clock.monotonic(), speed_story.FAULTY
        self._measuring = True
        try:
            outcome = self._outcome_of(test, overseer)
        except KeyboardInterrupt:  # in the terminal of a command
            outcome = speed_story.CANCELLED
            raise
        finally:
            try:
                self._finish(test, outcome, self._with.clock.monotonic() - began)
            finally:
                self._measuring = False

    def _outcome_of(self, test: SpeedTest, overseer: Overseer) -> Outcome:
        try:
            return self._survey(test, overseer)
        except (Cancelled, Interrupted):
            if overseer.broke is not None:
                raise overseer.broke from None
            return overseer.outcome
        except StoreError as problem:
            return Outcome(SpeedStatus.FAILED, error=problem.sentence, error_code=problem.code)

    def _survey(self, test: SpeedTest, overseer: Overseer) -> Outcome:
        """The first believable result counts. A daily test begins only within its share of the month's bytes; once it
        has begun, it may use what it needs to come to a result."""
        flawed: list[SpeedRun] = []
        meters = self._ready()
        for meter in meters:
            if not self._fits(meter, spread=test.source is SpeedSource.SCHEDULE and not flawed):
                continue
            overseer.look()
            run = self._measure(meter, test, overseer)
            if run.flaw is not None:
                flawed.append(run)
                continue
            low = self._low(run)
            return self._confirm(meter, test, overseer, run, low) if low else speed_story.succeeded(run)
        return speed_story.hindered(Hindrance.BUDGET) if meters and not flawed else speed_story.failed(flawed)

    def _confirm(
        self, meter: SpeedMeter, test: SpeedTest, overseer: Overseer, first: SpeedRun, low: tuple[Aspect, ...]
    ) -> Outcome:
        """A low result counts only if a second measurement, by the same provider, does not contradict it."""
        if not self._fits(meter, spread=False):
            return speed_story.hindered(Hindrance.BUDGET)
        overseer.look()
        second = self._measure(meter, test, overseer, confirming=True)
        if second.flaw is not None:
            return speed_story.unconfirmed(first, second)
        return speed_story.succeeded(*belief.agreed(first, low, second, self._low(second)))

    def _measure(self, meter: SpeedMeter, test: SpeedTest, overseer: Overseer, confirming: bool = False) -> SpeedRun:
        """One measurement, which is written down with what it cost. Raises what ended it."""
        t, provider = self._with, meter.provider
        took = [seconds for _, seconds in t.store.costs(provider, volume.COSTS)]
        overseer.announce(SpeedProgress(provider, confirming, expected=belief.median(took) if took else 0.0))
        run = meter.measure(overseer, volume.limit(self._plan.budget, self._used()), overseer.report)
        found = belief.flaw_of(run) if run.flaw is None else None
        if found is not None:
            run = replace(run, flaw=found[0], said=found[1])
        log.info("speed test %s: %s: %s", test.id, provider.value, speed_story.line_of(run))
        self._keep(lambda: t.store.note_run(test.id, run, t.clock.now()))
        overseer.check()
        return run

    def _low(self, run: SpeedRun) -> tuple[Aspect, ...]:
        store, told = self._with.store, run.measured
        if told is None:
            return ()
        return belief.low(told, store.wishes(), store.usual(run.provider, told.server, belief.KEPT))

    def _finish(self, test: SpeedTest, outcome: Outcome, seconds: float) -> None:
        """Writes the end down, and tells what follows from it."""
        store, clock = self._with.store, self._with.clock

        def write() -> bool:
            wishes = store.wishes()
            book = self._book(clock.now(), test.local_date)
            lows = store.lows(max(wishes.alarm_of, wishes.alarm_after))
            end = speed_story.end_of(test, outcome, self._plan, wishes, book, lows, seconds)
            return store.finish(test.id, end, clock.now())

        was_ours = self._keep(write)
        log.info(
            "speed test %s ends: %s %s%s", test.id, outcome.status.value, outcome.error,
            "" if was_ours else " (it had been ended before)",
        )  # fmt: skip
        self._keep(self._warn_of_budget)

    def _keep(self, write: Callable[[], T]) -> T:
        """Of what must not be lost: a full disk or a locked file only delays it, until the service stops."""
        while True:
            try:
                return write()
            except StoreError as problem:
                if not problem.retry:
                    raise
                log.error("what became of a speed test cannot be stored yet: %s", problem)
                if self._stopping.wait(RETRY_SECONDS):
                    raise

    # ------------------------------------------------------------------ what a measurement may cost

    def _ready(self) -> list[SpeedMeter]:
        """Those that can be used here, or may be: unknown is not no."""
        return [meter for meter in self._with.meters() if meter.ready().can is not False]

    def _fits(self, meter: SpeedMeter, spread: bool) -> bool:
        now, zone = self._with.clock.now(), self._with.zone()
        return volume.fits(self._plan.budget, self._used(), self._needed(meter), spread, now, zone)

    def _used(self) -> int:
        if not self._plan.budget:
            return 0
        return self._with.store.bytes_between(*volume.month(self._with.clock.now(), self._with.zone()))

    def _needed(self, meter: SpeedMeter) -> int:
        costs = [cost for cost, _ in self._with.store.costs(meter.provider, volume.COSTS)]
        return volume.reserve(costs, meter.most_bytes)

    def _warn_of_budget(self) -> None:
        t, now = self._with, self._with.clock.now()
        if not self._plan.budget:
            return
        needed = min((self._needed(meter) for meter in self._ready()), default=0)
        told = speed_story.budget_warning(self._plan, self._used(), needed, self._book(now), now, t.zone())
        if told is not None:
            t.store.note([told[0]], told[1], now)


__all__ = ["Instruments", "Surveyor"]
