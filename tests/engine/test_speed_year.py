"""A year of daily speed tests, with everything that happens in a year.

Chance makes up the life: people watch, providers break, lie and recover, the machine sleeps, loses its power, has its
clock set by hours or days, the service ends at any point and is away for days, the owner asks for tests and cancels
them. True time is kept here, apart from every clock that the surveyor sees. What is promised is held at every step.
"""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from speed_home import CLI, HTTP, MB, OOKLA, Clock, FakeMeter, Home, Killed, MemorySpeed, flawed, result

from keeper.errors import Cancelled, Interrupted, RunError
from keeper.overseer import LOOK_SECONDS, PULSE_SECONDS
from keeper.rules import speed_schedule, volume
from keeper.rules.types import Flaw, Hindrance, Moment, SpeedPlan, SpeedSource, SpeedStatus, SpeedWishes

NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
ZONES = {"new-york": NEW_YORK, "berlin": BERLIN}
BEGINS = datetime(2026, 1, 1, 3, tzinfo=UTC)
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
SEEDS = int(os.environ.get("SPEED_YEAR_SEEDS", "3"))
LIES = (
    {"ping": 1_800_000.0, "down": 0.0, "up": 0.0}, {"up": 0.0}, {"down": 0.0}, {"ping": float("nan")},
    {"down": float("inf")},
)  # fmt: skip


@pytest.fixture(autouse=True)
def untraced():
    """Measuring the coverage of the same lines a million times would only cost time."""
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)


class Witness(MemorySpeed):
    """The store, which sees every beginning in true time; dead once its process was killed."""

    def __init__(self) -> None:
        super().__init__()
        self.clock: Clock | None = None
        self.watched = lambda: False
        self.dead = False
        self.begun: list[tuple[str, datetime]] = []  # scheduled: local date, true time
        self.disturbed: list[datetime] = []

    def start(self, source, by, local_date, anyway, owner, holder, now):
        test = super().start(source, by, local_date, anyway, owner, holder, now)
        if source is SpeedSource.SCHEDULE:
            self.begun.append((local_date, self.clock.true))
            self.disturbed += [self.clock.true] if self.watched() else []
        return test

    def _tell(self, notices, marks):
        self.alive()
        super()._tell(notices, marks)

    def _change(self, test_id, **what):
        self.alive()
        return super()._change(test_id, **what)

    def alive(self) -> None:
        if self.dead:
            raise Killed


class Life:
    """A home in which chance has its way."""

    def __init__(self, seed: int, zone: ZoneInfo, jumps: bool = True) -> None:
        self.dice, self.jumps = random.Random(seed), jumps
        self.store = Witness()
        self.health = {CLI: 0.6, OOKLA: 0.6, HTTP: 0.7}
        self.meters = [self._meter(provider) for provider in (CLI, OOKLA, HTTP)]
        self.home = Home(self.store, self.meters, SpeedPlan(hour=self.dice.choice([0, 2, 2, 2, 13, 23])), zone)
        self.clock = self.home.clock
        self.clock.true = BEGINS
        self.clock.booted = BEGINS - timedelta(days=2)
        self.store.clock, self.store.watched = self.clock, lambda: self.home.watched
        self.store.wanted = SpeedWishes(least_download=40.0)
        self.away = False  # the service is not running
        self.became_due: set[str] = set()
        self.happened: Counter[str] = Counter()

    def _meter(self, provider) -> FakeMeter:
        meter = FakeMeter(result(provider))
        meter.script = Endless(lambda stop, most, report: self._measure(meter, stop))
        return meter

    # ------------------------------------------------------------------ one measurement

    def _measure(self, meter: FakeMeter, stop):
        """Twenty seconds, in which anything may come up."""
        assert not self.home.watched or self.store.active().anyway, "it measures while somebody watches"
        self.happened["measured"] += 1
        chance = self.dice.random()
        try:
            if chance < 0.05:
                self._is_interrupted_by(stop, Hindrance.IN_USE)
            elif chance < 0.08:
                self._is_interrupted_by(stop, Hindrance.NO_LINE)
            elif chance < 0.10:
                self._is_cancelled(stop)
            elif chance < 0.12:
                self.home.surveyor.stop()
                self.happened["stopped"] += 1
            elif chance < 0.15:
                self._dies()
            elif chance < 0.17:
                self.clock.sleep(self.dice.uniform(MINUTE, 10 * HOUR))
            self.clock.forward(20)
            stop.check()
        except (Cancelled, Interrupted):
            return flawed(meter.provider, Flaw.STOPPED, "", 40 * MB)
        return self._figures(meter.provider)

    def _is_interrupted_by(self, stop, why: Hindrance) -> None:
        if why is Hindrance.IN_USE and self.store.active().anyway:
            return
        self.happened["interrupted"] += 1
        self.home.watched, self.home.hindrance = why is Hindrance.IN_USE, why
        self.clock.forward(LOOK_SECONDS + 0.1)
        self._is_ended_by(stop)

    def _is_cancelled(self, stop) -> None:
        self.happened["cancelled"] += 1
        self.store.request_cancel(self.store.active().id)
        self.clock.forward(PULSE_SECONDS)
        self._is_ended_by(stop)

    def _is_ended_by(self, stop) -> None:
        """It is asked in a thread of its own, which takes a real moment."""
        for _ in range(2000):
            stop.wait(0.005)
        raise AssertionError("nobody asked")

    def _dies(self) -> None:
        self.happened["killed"] += 1
        self.store.dead = True
        raise Killed

    def _figures(self, provider):
        if self.dice.random() < self.health[provider]:
            return result(provider, down=self.dice.choice([100.0, 95.0, 90.0, 30.0]))
        if self.dice.random() < 0.5:
            return result(provider, **self.dice.choice(LIES))
        return flawed(provider, self.dice.choice([Flaw.BROKEN, Flaw.BLOCKED, Flaw.TOO_LATE]))

    # ------------------------------------------------------------------ time

    def live(self, days: int) -> None:
        end = self.clock.true + timedelta(days=days)
        while self.clock.true < end:
            self.clock.forward(self.dice.choice([1.0, MINUTE, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE, HOUR]))
            self._something_happens()
            if not self.away:
                self._tick()
            self._holds()

    def _tick(self) -> None:
        try:
            self.home.surveyor.tick()
        except Killed:
            self._starts_again()
            return
        if self.home.surveyor._stopping.is_set():
            self._starts_again()
            return
        here = self.clock.now().astimezone(self.home.zone)
        if self.clock.now() >= speed_schedule.moment_of(here.date(), time(self.home.plan.hour), self.home.zone):
            self.became_due.add(here.date().isoformat())

    def _starts_again(self) -> None:
        self.store.dead = False
        self.home.restart()

    def _something_happens(self) -> None:
        dice, home = self.dice, self.home
        if self.away and dice.random() < 0.01:
            self._back()
        if dice.random() < 0.05:
            home.watched = dice.random() < 0.4
            home.hindrance = dice.choice(
                [None] * 12 + [Hindrance.IN_USE_UNKNOWN, Hindrance.UPDATING, Hindrance.NO_LINE]
            )
        if dice.random() < 0.004:
            self.health = {provider: dice.choice([0.0, 0.1, 0.5, 1.0]) for provider in self.health}
        if dice.random() > 0.02:
            return
        what = dice.choice(["restart", "sleep", "reboot", "away", "asked", "asked", "jump", "jump back", "trip"])
        self.happened[what] += 1
        getattr(self, "_" + what.replace(" ", "_"))()

    def _restart(self) -> None:
        self.home.restart()

    def _sleep(self) -> None:
        self.clock.sleep(self.dice.choice([MINUTE, HOUR, 9 * HOUR]))

    def _reboot(self) -> None:
        self.clock.reboot(self.dice.choice([MINUTE, 20 * MINUTE, 5 * HOUR]))
        self.home.restart()

    def _away(self) -> None:
        self.home.surveyor.stop()
        self.away = True

    def _back(self) -> None:
        self.away = False
        self.home.restart()

    def _trip(self) -> None:
        """The machine is switched off for days."""
        if self.dice.random() < 0.2:
            self.clock.reboot(self.dice.uniform(1, 6) * DAY)
            self._back()

    def _asked(self) -> None:
        try:
            self.home.ask(anyway=self.dice.random() < 0.3)
        except RunError:
            self.happened["asked twice"] += 1

    def _jump(self) -> None:
        if self.jumps:
            hours = self.dice.choice([-30.0, -5.0, -1.0, 1.0, 2.0, 7.0, 50.0])
            self.clock.offset = timedelta(hours=hours)

    def _jump_back(self) -> None:
        self.clock.offset = timedelta(0)

    # ------------------------------------------------------------------ what is promised

    def _holds(self) -> None:
        assert not self.store.disturbed, "begun while somebody watched"
        if len(self.store.begun) >= 2:
            (_, before), (_, last) = self.store.begun[-2:]
            assert last - before >= timedelta(hours=1), f"two beginnings {last - before} apart"

    def settle(self) -> None:
        """Every clock right, nobody in the way, and two days more, so that what is open is closed."""
        self.jumps = False
        self.clock.offset = timedelta(0)
        self.live(2)
        self._back()
        for _ in range(5):  # a process that has just begun believes its clock after a while
            self.clock.forward(10 * MINUTE)
            self._tick()

    def check(self) -> None:
        store = self.store
        scheduled = [test for test in store.tests.values() if test.source is SpeedSource.SCHEDULE]
        tries = Counter(test.local_date for test in scheduled)
        assert max(tries.values()) <= 4
        accepted = Counter(test.local_date for test in scheduled if test.status is SpeedStatus.SUCCESS)
        assert max(accepted.values()) == 1
        told = [event for event in store.notices if event.kind in ("Speed Test Failed", "Speed Test Skipped")]
        lost = Counter(event.data["date"] for event in told if event.data.get("source", "schedule") == "schedule")
        today = self.home.today()
        over = {day for day in self.became_due | set(store.days) if day < today}
        assert {day: accepted[day] + lost[day] for day in over} == dict.fromkeys(over, 1)
        assert {day for day in over if accepted[day]} == {
            day for day in over if store.days[day].outcome == speed_schedule.SUCCESS
        }
        assert len(over) > 200  # it was a year, and the service was there for most of it


class Endless(list):
    """A script that never ends."""

    def __init__(self, does) -> None:
        super().__init__([does])

    def pop(self, index=0):
        return self[index]


happened: Counter[str] = Counter()


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens_in_a_year_the_promises_hold(zone, seed):
    life = Life(seed, ZONES[zone], jumps=seed % 2 == 0)
    life.live(365)
    life.settle()
    life.check()
    happened.update(life.happened)
    kinds = Counter(event.kind for event in life.store.notices)
    assert kinds["Network Speed Test"] > 60 and kinds["Speed Test Skipped"] > 5
    for what in ("measured", "interrupted", "cancelled", "stopped", "killed", "sleep", "reboot", "asked"):
        assert life.happened[what] > 0, what


@pytest.mark.parametrize("zone", ZONES)
def test_in_a_year_without_trouble_every_date_has_its_result_at_its_hour(zone):
    """Both nights in which clocks change among them: 02:00 that is left out is 03:00, and of a 02:00 that comes twice
    the first counts."""
    store, place = Witness(), ZONES[zone]
    home = Home(store, zone=place)
    store.clock, home.clock.true = home.clock, datetime(2026, 1, 1, 12, tzinfo=UTC)
    home.clock.booted = home.clock.true - timedelta(days=1)
    for _ in range(365 * 24 * 2):
        home.tick(1800)
    dates = [day for day, _ in store.begun]
    assert len(dates) == len(set(dates)) == 366 and all(after > before for before, after in pairwise(dates))
    begun = {day: at.astimezone(place) for day, at in store.begun[1:]}
    odd = {day: at.strftime("%H:%M") for day, at in begun.items() if at.strftime("%H:%M") != "02:00"}
    assert odd == {"2026-03-08" if place is NEW_YORK else "2026-03-29": "03:00"}
    autumn = begun["2026-11-01" if place is NEW_YORK else "2026-10-25"]
    assert (autumn.strftime("%H:%M"), autumn.fold) == ("02:00", 0)
    assert Counter(event.kind for event in store.notices) == {"Network Speed Test": 366}


# ---------------------------------------------------------------------------- bytes


def spent_by_month(store: MemorySpeed, zone: ZoneInfo) -> Counter[str]:
    spent: Counter[str] = Counter()
    for _, run, at in store.runs:
        spent[volume.name_of(at, zone)] += run.bytes
    return spent


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("by_hand", [False, True])
def test_no_month_costs_more_than_its_budget_whatever_a_test_costs(seed, by_hand):
    """2 GB a month and 200 MB a test, which becomes 560 MB when that hurts most."""
    dice, budget = random.Random(seed), 2000 * MB

    def costs(stop, most_bytes, report):
        used = spent_by_month(home.store, BERLIN)[volume.name_of(home.clock.now(), BERLIN)]
        dear = used + 560 * MB > budget or dice.random() < 0.02
        return result(down=dice.choice([100.0, 100.0, 30.0]), cost=(560 if dear else 200) * MB)

    meter = FakeMeter(result(), most_bytes=200 * MB)
    meter.script = Endless(costs)
    other = FakeMeter(result(HTTP, cost=110 * MB), most_bytes=100 * MB)
    home = Home(MemorySpeed(), [meter, other] if by_hand else [meter], zone=BERLIN)
    home.plan = SpeedPlan(budget=budget)
    home.store.wanted = SpeedWishes(least_download=50.0)
    home.clock.true = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
    home.restart()
    for _ in range(180 * 24):
        home.tick(HOUR)
        if by_hand and dice.random() < 0.04:
            home.ask(anyway=True)
    spent = spent_by_month(home.store, BERLIN)
    assert len(spent) == 6 and max(spent.values()) <= budget
    assert min(spent.values()) > budget / 2  # and it is used
    assert any(run.flaw is Flaw.TOO_MANY_BYTES for _, run, _ in home.store.runs)  # which took some doing
    warned = [event.data["month"] for event in home.store.notices if event.kind == "Speed Test Budget"]
    assert len(warned) == len(set(warned)) >= 5
    limits = [limit for meter in home.meters for limit in meter.given]
    assert None not in limits and max(limits) == budget


def test_without_an_upper_bound_on_what_it_costs_the_budget_would_not_hold():
    """The law above is put to the test: a guess from earlier costs alone lets a month cost too much."""
    meter = FakeMeter(result(), most_bytes=200 * MB)
    home = Home(MemorySpeed(), [meter])
    home.plan = SpeedPlan(budget=2000 * MB)
    home.restart()
    for _ in range(8):
        home.measured(anyway=True)
    meter.usual = result(cost=560 * MB)
    meter.measure = lambda stop, most_bytes, report: meter.usual  # a meter that does not keep to its bytes
    home.measured(anyway=True)
    assert spent_by_month(home.store, ZoneInfo("UTC"))["2026-07"] > 2000 * MB


def test_a_moment_of_another_boot_is_proved_by_the_uptime_alone():
    """The clock jumps two hours ahead during a restart: an hour has not passed all the same."""
    home = Home(MemorySpeed(), [FakeMeter(flawed())])
    home.tick()
    assert len(home.meters[0].given) == 1
    home.clock.reboot()
    home.clock.offset = timedelta(hours=2)
    home.restart()
    home.tick(10 * MINUTE)
    assert len(home.meters[0].given) == 1
    home.tick(51 * MINUTE)
    assert len(home.meters[0].given) == 2
    assert isinstance(home.clock.moment(), Moment)
