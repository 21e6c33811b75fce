"""A home whose line is measured: clocks that a test sets, a store in memory, and meters that do as they are told.

`MemorySpeed` keeps the contract of the SpeedStore port without a file, so that a year of it takes seconds. The tests of
the surveyor run on it and on the real store, which is how it is known to keep the contract.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from math import isfinite

from keeper.errors import Cancelled, Interrupted, RunError
from keeper.ports import SpeedStore, Stop
from keeper.rules.types import (
    Ability,
    Flaw,
    Hindrance,
    Measured,
    Moment,
    Notice,
    Owner,
    Severity,
    SpeedAttempt,
    SpeedBook,
    SpeedDay,
    SpeedEnd,
    SpeedPlan,
    SpeedProgress,
    SpeedProvider,
    SpeedRun,
    SpeedSource,
    SpeedStatus,
    SpeedTest,
    SpeedWishes,
)
from keeper.surveyor import Instruments, Surveyor

NOON = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)
MB = 1_000_000
CLI, OOKLA, HTTP = SpeedProvider.SPEEDTEST_CLI, SpeedProvider.OOKLA, SpeedProvider.HTTP
DEADLINE = 10.0  # real seconds after which a test gives up waiting


class Killed(BaseException):
    """The process dies here: nothing that it would still have done is done."""


class Clock:
    """True time, and what the machine shows of it: a wall clock that may be set, an uptime that counts sleep, and a
    monotonic clock that does not."""

    def __init__(self, now: datetime = NOON) -> None:
        self.true = now
        self.offset = timedelta(0)  # of the wall clock
        self.boot, self.booted, self.slept = 1, now - timedelta(days=100), timedelta(0)

    def now(self) -> datetime:
        return self.true + self.offset

    def monotonic(self) -> float:
        return (self.true - self.booted - self.slept).total_seconds()

    def local_zone(self) -> tzinfo:
        return UTC

    def moment(self) -> Moment:
        return Moment(self.now(), f"boot {self.boot}", (self.true - self.booted).total_seconds())

    def forward(self, seconds: float) -> None:
        self.true += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        self.forward(seconds)
        self.slept += timedelta(seconds=seconds)

    def reboot(self, seconds: float = 60.0) -> None:
        self.forward(seconds)
        self.boot, self.booted, self.slept = self.boot + 1, self.true, timedelta(0)


class MemorySpeed:
    """The SpeedStore port. A pulse comes in a thread of its own, so whatever changes a test takes turns."""

    def __init__(self) -> None:
        self.turn = threading.RLock()
        self.tests: dict[int, SpeedTest] = {}
        self.began: dict[int, Moment] = {}
        self.owners: dict[int, Owner] = {}
        self.scheduled: dict[str, list[int]] = {}  # by date: those that were begun
        self.living: dict[int, None] = {}  # queued or running, in their order
        self.open: dict[str, None] = {}  # dates that are not settled
        self.runs: list[tuple[int, SpeedRun, datetime]] = []
        self.days: dict[str, SpeedDay] = {}
        self.marks: dict[str, str] = {}
        self.notices: list[Notice] = []
        self.wanted = SpeedWishes()
        self.version = 0  # grows with every write
        self.asked: Counter[str] = Counter()

    def mark(self) -> object:
        return self.version

    def wishes(self) -> SpeedWishes:
        self.asked["wishes"] += 1
        return self.wanted

    def save_wishes(self, wishes: SpeedWishes, by: str, now: datetime) -> None:
        self.wanted = wishes
        self._tell([Notice("Speed Wishes Changed", Severity.INFO, f"{by} changed them.", {"by": by})], {})

    def book(self, dates: Sequence[str]) -> SpeedBook:
        self.asked["book"] += 1
        newest = max((number for each in self.scheduled.values() for number in each[-1:]), default=0)
        wanted = {number for day in dates for number in self.scheduled.get(day, ())} | ({newest} if newest else set())
        attempts = tuple(
            SpeedAttempt(self.tests[each].local_date, self.began[each], self.tests[each].status)
            for each in sorted(wanted)
        )
        days = {day: self.days[day] for day in [*dates, *self.open] if day in self.days}
        return SpeedBook(attempts, days, self._barren(), dict(self.marks))

    def enqueue(self, source: SpeedSource, by: str, local_date: str, anyway: bool, now: datetime) -> int:
        if self._active() is not None:
            raise RunError("A speed test is waiting or running already.")
        return self._add(source, by, local_date, anyway, now, SpeedStatus.QUEUED).id

    def claim_next(self, owner: Owner, holder: str, now: Moment) -> SpeedTest | None:
        for test in [self.tests[each] for each in self.living]:
            if test.status is SpeedStatus.RUNNING:
                return None
            if test.cancel_requested:
                self._change(test.id, status=SpeedStatus.CANCELLED, finished_at=now.at)
            else:
                return self._begin(test.id, owner, now)
        return None

    def start(
        self, source: SpeedSource, by: str, local_date: str, anyway: bool, owner: Owner, holder: str, now: Moment
    ) -> SpeedTest:
        if any(self.tests[each].status is SpeedStatus.RUNNING for each in self.living):
            raise RunError("A speed test is running already.")
        if source is SpeedSource.SCHEDULE and not self._note_day(self.days.get(local_date, SpeedDay(local_date))):
            raise RunError("That day is settled.")
        test = self._add(source, by, local_date, anyway, now.at, SpeedStatus.RUNNING)
        return self._begin(test.id, owner, now)

    def pulse(self, test_id: int, progress: SpeedProgress, now: datetime) -> bool | None:
        with self.turn:
            self.asked["pulse"] += 1
            if self.tests[test_id].status is not SpeedStatus.RUNNING:
                return None
            return self._change(test_id, progress=progress, progress_at=now).cancel_requested

    def note_run(self, test_id: int, run: SpeedRun, now: datetime) -> None:
        with self.turn:
            self.runs.append((test_id, run, now))
            self._change(test_id, bytes=self.tests[test_id].bytes + run.bytes)

    def finish(self, test_id: int, end: SpeedEnd, now: datetime) -> bool:
        if self.tests[test_id].status is not SpeedStatus.RUNNING:
            return False
        self._change(
            test_id, status=end.status, finished_at=now, result=end.result, low=end.low, seconds=end.seconds,
            error=end.error, error_code=end.error_code,
        )  # fmt: skip
        if end.day is not None:
            self._note_day(end.day)
        self._tell(end.notices, end.marks)
        return True

    def put_off(self, day: SpeedDay) -> None:
        self.version += 1
        self._note_day(day)

    def settle(self, day: SpeedDay, notices: Sequence[Notice], marks: Mapping[str, str], now: datetime) -> bool:
        if not self._note_day(day):
            return False
        self._tell(notices, marks)
        return True

    def note(self, notices: Sequence[Notice], marks: Mapping[str, str], now: datetime) -> None:
        self._tell(notices, marks)

    def request_cancel(self, test_id: int) -> bool:
        if self.tests[test_id].status.ended:
            return False
        self._change(test_id, cancel_requested=True)
        return True

    def interrupt_orphans(self, is_alive: Callable[[Owner], bool | None], now: datetime) -> list[int]:
        self.asked["interrupt_orphans"] += 1
        running = [each for each in self.living if self.tests[each].status is SpeedStatus.RUNNING]
        orphans = [each for each in running if is_alive(self.owners[each]) is False]
        for each in orphans:
            self._change(each, status=SpeedStatus.INTERRUPTED, finished_at=now)
        return orphans

    def active(self) -> SpeedTest | None:
        self.asked["active"] += 1
        return self._active()

    def get(self, test_id: int) -> SpeedTest | None:
        return self.tests.get(test_id)

    def bytes_between(self, since: datetime, until: datetime) -> int:
        return sum(run.bytes for _, run, at in self.runs if since <= at < until)

    def costs(self, provider: SpeedProvider, limit: int) -> list[tuple[int, float]]:
        believed = [run for _, run, _ in self.runs if run.provider is provider and run.flaw is None]
        return [(run.bytes, run.seconds) for run in reversed(believed[-limit:])]

    def usual(self, provider: SpeedProvider, server: str, limit: int) -> list[tuple[float, float, float]]:
        told = [each.result.measured for each in self._results() if each.result.provider is provider]
        return [
            (each.ping_ms, each.download_mbps, each.upload_mbps)
            for each in told[-limit:][::-1]
            if each.server == server
        ]

    def lows(self, limit: int) -> list[bool]:
        return [bool(each.low) for each in self._results()[-limit:][::-1]] if limit else []

    # ------------------------------------------------------------------ inside

    def _note_day(self, day: SpeedDay) -> bool:
        """A day that is settled stays what it is."""
        if self.days.get(day.date, SpeedDay(day.date)).outcome:
            return False
        self.days[day.date] = day
        if day.outcome:
            self.open.pop(day.date, None)
        else:
            self.open[day.date] = None
        return True

    def _results(self) -> list[SpeedTest]:
        return [each for each in self.tests.values() if each.status is SpeedStatus.SUCCESS]

    def _active(self) -> SpeedTest | None:
        active = [self.tests[each] for each in self.living]
        return min(active, key=lambda test: (test.status is SpeedStatus.QUEUED, test.id), default=None)

    def _barren(self) -> int:
        barren = 0
        for date in sorted(self.days, reverse=True):
            if self.days[date].outcome == "success":
                break
            barren += date not in self.open and self.days[date].hindrance is not Hindrance.BUDGET
        return barren

    def _add(
        self, source: SpeedSource, by: str, local_date: str, anyway: bool, now: datetime, status: SpeedStatus
    ) -> SpeedTest:
        test = SpeedTest(
            len(self.tests) + 1, status, source, by, local_date, anyway, now, None, None, False, None, (), 0, 0.0, "",
            "", SpeedProgress(), None,
        )  # fmt: skip
        self.tests[test.id] = test
        self.living[test.id] = None
        self.version += 1
        return test

    def _begin(self, test_id: int, owner: Owner, now: Moment) -> SpeedTest:
        self.began[test_id], self.owners[test_id] = now, owner
        if self.tests[test_id].source is SpeedSource.SCHEDULE:
            self.scheduled.setdefault(self.tests[test_id].local_date, []).append(test_id)
        return self._change(test_id, status=SpeedStatus.RUNNING, began_at=now.at)

    def _change(self, test_id: int, **what: object) -> SpeedTest:
        with self.turn:
            self.version += 1
            self.tests[test_id] = replace(self.tests[test_id], **what)
            if self.tests[test_id].status.ended:
                self.living.pop(test_id, None)
            return self.tests[test_id]

    def _tell(self, notices: Sequence[Notice], marks: Mapping[str, str]) -> None:
        self.version += 1
        self.notices += notices
        self.marks |= marks


def bytes_of(rate: float) -> int:
    """In ten seconds; of what is no rate, some."""
    return int(rate * 10 * MB / 8) if isfinite(rate) else 100 * MB


def result(
    provider: SpeedProvider = CLI, down: float = 100.0, up: float = 20.0, ping: float = 12.0, server: str = "4711",
    cost: int = 200 * MB,
) -> SpeedRun:  # fmt: skip
    """A measurement of 20 s whose figures fit together."""
    told = Measured(server, "A place", ping, down, up, bytes_of(down), bytes_of(up))
    return SpeedRun(provider, told, bytes=cost, seconds=20.0)


def flawed(provider: SpeedProvider = CLI, flaw: Flaw = Flaw.BLOCKED, said: str = "403", cost: int = 0) -> SpeedRun:
    return SpeedRun(provider, None, flaw, said, cost, 1.0)


#: What one measurement does: it is given the meter's arguments and answers like it.
Does = Callable[[Stop, int | None, Callable[[SpeedProgress], None]], SpeedRun]


class FakeMeter:
    """Says what its script says next, else its usual. Keeps to its bytes, as the port wants it."""

    def __init__(self, usual: SpeedRun | None = None, *script: SpeedRun | Does, most_bytes: int = 600 * MB) -> None:
        self.usual = usual or result()
        self.provider, self.most_bytes = self.usual.provider, most_bytes
        self.script: list[SpeedRun | Does] = list(script)
        self.able: bool | None = True
        self.given: list[int | None] = []  # the limits in bytes, one for each measurement

    def ready(self) -> Ability:
        return Ability(self.able, "a fake")

    def measure(self, stop: Stop, most_bytes: int | None, report: Callable[[SpeedProgress], None]) -> SpeedRun:
        self.given.append(most_bytes)
        told = self.script.pop(0) if self.script else self.usual
        run = told if isinstance(told, SpeedRun) else told(stop, most_bytes, report)
        if most_bytes is not None and run.bytes > most_bytes:
            return flawed(self.provider, Flaw.TOO_MANY_BYTES, "", most_bytes)
        return run


def until_stopped(began: threading.Event, provider: SpeedProvider = CLI, cost: int = 50 * MB) -> Does:
    """A measurement that goes on until somebody ends it."""

    def measure(stop: Stop, most_bytes: int | None, report: Callable[[SpeedProgress], None]) -> SpeedRun:
        began.set()
        try:
            stop.wait(DEADLINE)
        except (Cancelled, Interrupted):
            return flawed(provider, Flaw.STOPPED, "", cost)
        raise AssertionError("nobody ended it")

    return measure


@dataclass
class Home:
    """A surveyor and everything around it."""

    store: SpeedStore = field(default_factory=MemorySpeed)
    meters: list[FakeMeter] = field(default_factory=lambda: [FakeMeter()])
    plan: SpeedPlan = field(default_factory=SpeedPlan)
    zone: tzinfo = UTC
    clock: Clock = field(default_factory=Clock)
    hindrance: Hindrance | None = None  # what is in the way, whoever asks
    watched: bool = False
    looks: int = 0
    pid: int = 1
    mark: Callable[[], object] | None = None
    surveyor: Surveyor = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    @property
    def owner(self) -> Owner:
        return Owner(f"boot {self.clock.boot}", self.pid, 1)

    def restart(self) -> None:
        """Another process; whatever the one before did not write is lost."""
        self.pid += 1
        self.surveyor = Surveyor(
            Instruments(
                store=self.store, meters=lambda: self.meters, clock=self.clock, moment=self.clock.moment,
                zone=lambda: self.zone, owner=self.owner, holder="a test", is_alive=lambda owner: owner == self.owner,
                hindrance=self.look, mark=self.mark or getattr(self.store, "mark", object),
            ),
            self.plan,
        )  # fmt: skip

    def look(self, anyway: bool) -> Hindrance | None:
        self.looks += 1
        if self.hindrance is not None:
            return self.hindrance
        return Hindrance.IN_USE if self.watched and not anyway else None

    def tick(self, seconds: float = 0.0) -> None:
        self.clock.forward(seconds)
        self.surveyor.tick()

    def today(self) -> str:
        return self.clock.now().astimezone(self.zone).date().isoformat()

    def ask(self, anyway: bool = False) -> int:
        return self.store.enqueue(SpeedSource.MANUAL, "tester", self.today(), anyway, self.clock.now())

    def measured(self, anyway: bool = False) -> SpeedTest:
        """A test by hand, from its beginning to its end."""
        number = self.ask(anyway)
        self.tick()
        test = self.store.get(number)
        assert test is not None and test.status.ended, test
        return test
