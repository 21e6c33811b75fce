"""The surveyor: measures the line, once a day and whenever somebody asks, and never in anybody's way.

A door beside jobs, monitor and courier. One test runs at a time, in the thread that called: the engine's, or that of a
command. When a test is due, what can be believed, what is low, what the month's bytes allow and what follows from an
end is decided in keeper/rules (speed_schedule, belief, volume, speed_story). keeper/overseer is the brake, keeper/purse
knows what measurements cost, and keeper/nightfall whether a date is surely over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from math import inf
from typing import TypeVar

from keeper.errors import Cancelled, Interrupted, RunError, StoreError
from keeper.nightfall import Nightfall
from keeper.overseer import Overseer
from keeper.ports import Clock, SpeedMeter, SpeedStore
from keeper.purse import Purse
from keeper.rules import belief, speed_schedule, speed_story, volume
from keeper.rules.speed_story import Outcome
from keeper.rules.types import (
    Aspect,
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
MOST_SECONDS = 300.0  # of one measurement; after that nothing is blamed on it any more
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
        self._purse = Purse(instruments.store, instruments.meters, instruments.clock, instruments.zone, plan)
        self._nightfall = Nightfall()
        self._end = speed_story.INTERRUPTED  # of the test that is ended by `stop` or `cancel`
        self._filled = (-inf, -inf)  # monotonic: from when to when the latest measurement went on; to inf = it does
        self._seen: object = None  # the mark of the store at the last round
        self._round_at = 0.0  # monotonic: the next round, should nothing be written before
        self._rests_from = self._rests_to = END_OF_TIME  # on the wall clock; outside of it a round is due

    @property
    def measuring(self) -> bool:
        """Whether a measurement of this surveyor fills the line now."""
        began, ended = self._filled
        return ended == inf and self._with.clock.monotonic() - began < MOST_SECONDS

    def measured_since(self, since: float) -> bool:
        """Whether one did at any moment since then, on the monotonic clock."""
        began, ended = self._filled
        return min(ended, began + MOST_SECONDS) >= since

    def next_time(self) -> datetime | None:
        """When the next daily test is expected to begin. Raises StoreError."""
        now = self._with.moment()
        return speed_schedule.next_time(
            self._plan, self._with.store.wishes().daily, self._with.zone(), self._book(now.at), now
        )

    def stop(self) -> None:
        """Ends what is under way within a moment, for good; it counts as interrupted."""
        self._leave(speed_story.INTERRUPTED)

    def cancel(self) -> None:
        """The same for somebody at the terminal of this process, however the store is; it counts as cancelled."""
        self._leave(speed_story.CANCELLED)

    def _leave(self, outcome: Outcome) -> None:
        self._end = self._end if self._stopping.is_set() else outcome
        self._stopping.set()
        if self._overseer is not None:
            self._overseer.end(self._end)

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
        except (Cancelled, Interrupted):
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
        self._mind_orphans()
        active = t.store.active()
        if active is not None and active.status is SpeedStatus.RUNNING:
            return True
        daily = t.store.wishes().daily
        self._close_what_is_over(daily)
        day = self._due_day() if daily else None
        if active is not None:
            return not self._serve()
        return day is not None and not self._try_daily(day)

    def _mind_orphans(self) -> None:
        """At every round: a test that nobody can read blocks all others, too, though it is not seen as active."""
        for test_id in self._with.store.interrupt_orphans(self._with.is_alive, self._with.clock.now()):
            log.warning("speed test %s was left behind by a program that ended", test_id)
            self._purse.count_lost(test_id)

    def _close_what_is_over(self, daily: bool) -> None:
        """Days whose date is surely over; where nobody wants daily tests any more, every open one."""
        zone, now = self._with.zone(), self._with.moment()
        self._nightfall.sees(now, zone)
        for left in speed_schedule.over(self._book(now.at), daily, zone, now.at):
            if not daily or self._nightfall.is_over(left.date, now):
                self._close(left.date, told=daily)
                self._nightfall.forget(left.date)

    def _serve(self) -> bool:
        """The test that waits longest. False = it could not be had."""
        t = self._with
        test = t.store.claim_next(t.owner, t.holder, t.moment())
        if test is not None:
            self._carry_through(test, self._new_overseer(test.anyway))
        return test is not None

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

    def _try_daily(self, day: str) -> bool:
        """Begins it unless something is in the way. What was in the way before it began costs no attempt. False =
        somebody else measures."""
        meters = self._purse.ready()
        overseer = self._new_overseer(anyway=False)
        hindrance: Hindrance | None = Hindrance.BUDGET
        if meters and not any(self._purse.fits(meter, spread=True) for meter in meters):
            self._warn_of_budget()
        else:
            hindrance = self._hindrance(overseer)
        if hindrance is None:
            return self._begin_daily(day, overseer)
        log.info("the speed test of %s has to wait: %s", day, speed_story.HINDRANCES[hindrance])
        self._with.store.put_off(speed_schedule.put_off(day, hindrance, self._with.moment()))
        return True

    def _hindrance(self, overseer: Overseer) -> Hindrance | None:
        try:
            overseer.look()
        except Cancelled:
            if overseer.broke is not None:
                raise overseer.broke from None
        return overseer.outcome.hindrance

    def _begin_daily(self, day: str, overseer: Overseer) -> bool:
        t, now = self._with, self._with.moment()
        if speed_schedule.due(self._plan, t.zone(), self._book(now.at), now) != day:
            return True  # its date ended while it was looked whether it may begin
        try:
            test = t.store.start(SpeedSource.SCHEDULE, DAILY, day, False, t.owner, t.holder, now)
        except RunError as problem:  # somebody was quicker
            log.info("the speed test of %s has to wait: %s", day, problem.sentence)
            return False
        self._carry_through(test, overseer)
        return True

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
            self._overseer.end(self._end)
        return self._overseer

    def _carry_through(self, test: SpeedTest, overseer: Overseer) -> None:
        """One running test, to its end, whatever happens."""
        log.info("speed test %s begins (%s)", test.id, test.source.value)
        overseer.follow(test)
        began, outcome = self._with.clock.monotonic(), speed_story.FAULTY
        try:
            outcome = self._outcome_of(test, overseer)
        except KeyboardInterrupt:  # in the terminal of a command, where nobody wants to wait for a disk that is full
            outcome = speed_story.CANCELLED
            self.cancel()
            raise
        finally:
            self._finish(test, outcome, self._with.clock.monotonic() - began)

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
        meters = self._purse.ready()
        for meter in meters:
            if not self._purse.fits(meter, spread=test.source is SpeedSource.SCHEDULE and not flawed):
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
        if not self._purse.fits(meter, spread=False):
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
        run = self._run(meter, overseer)
        found = belief.flaw_of(run) if run.flaw is None else None
        if found is not None:
            run = replace(run, flaw=found[0], said=found[1])
        log.info("speed test %s: %s: %s", test.id, provider.value, speed_story.line_of(run))
        self._purse.spent(test.id, run)
        self._keep(self._purse.write, overseer)
        overseer.check()
        return run

    def _run(self, meter: SpeedMeter, overseer: Overseer) -> SpeedRun:
        """The line is filled meanwhile, and no moment longer."""
        most_bytes, began = self._purse.limit(), self._with.clock.monotonic()
        self._filled = (began, inf)
        try:
            return meter.measure(overseer, most_bytes, overseer.report)
        finally:
            self._filled = (began, self._with.clock.monotonic())

    def _low(self, run: SpeedRun) -> tuple[Aspect, ...]:
        told = run.measured
        return belief.low(told, self._with.store.wishes(), self._usual(run)) if told else ()

    def _usual(self, run: SpeedRun | None) -> belief.Usual:
        """What its provider and server brought before."""
        told = run.measured if run else None
        return self._with.store.usual(run.provider, told.server, belief.KEPT) if run and told else ()

    def _finish(self, test: SpeedTest, outcome: Outcome, seconds: float) -> None:
        """Writes the end down, and tells what follows from it."""
        store, clock = self._with.store, self._with.clock

        def write() -> bool:
            self._purse.write()
            wishes = store.wishes()
            book = self._book(clock.now(), test.local_date)
            lows = store.lows(max(wishes.alarm_of, wishes.alarm_after))
            usual = self._usual(outcome.result)
            end = speed_story.end_of(test, outcome, self._plan, wishes, book, lows, seconds, usual)
            return store.finish(test.id, end, clock.now())

        was_ours = self._keep(write)
        log.info(
            "speed test %s ends: %s %s%s", test.id, outcome.status.value, outcome.error,
            "" if was_ours else " (it had been ended before)",
        )  # fmt: skip
        self._keep(self._warn_of_budget)

    def _keep(self, write: Callable[[], T], overseer: Overseer | None = None) -> T:
        """Of what must not be lost: a full disk or a locked file only delays it, until the service stops or, in the
        middle of a test, until its brake is pulled."""
        while True:
            try:
                return write()
            except StoreError as problem:
                if not problem.retry:
                    raise
                log.error("what became of a speed test cannot be stored yet: %s", problem)
                if overseer is None and self._stopping.wait(RETRY_SECONDS):
                    raise
            if overseer is not None:
                overseer.pause(RETRY_SECONDS)

    def _warn_of_budget(self) -> None:
        self._purse.warn(self._book(self._with.clock.now()))


__all__ = ["Instruments", "Surveyor"]
