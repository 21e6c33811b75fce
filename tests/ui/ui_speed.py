"""The speedroom of a house without an engine: everything is a plain attribute that a test can set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from statistics import median
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from keeper.errors import KeeperError
from keeper.rules.types import (
    Ability,
    Aspect,
    Flaw,
    Hindrance,
    Measured,
    SpeedBook,
    SpeedDay,
    SpeedPlan,
    SpeedPoint,
    SpeedProgress,
    SpeedProvider,
    SpeedRun,
    SpeedSource,
    SpeedStatus,
    SpeedTest,
    SpeedUsual,
    SpeedWishes,
)

SERVERS = {"1234": "Telekom, Berlin", "5678": "Vodafone, Hamburg"}
BERLIN = ZoneInfo("Europe/Berlin")


@dataclass
class FakeSpeedViews:
    """What the data file would answer, of the tests that are given (newest first)."""

    tests_of: list[SpeedTest] = field(default_factory=list)
    runs: dict[int, list[SpeedRun]] = field(default_factory=dict)
    day_list: dict[str, SpeedDay] = field(default_factory=dict)
    trouble_list: list[tuple[SpeedProvider, Flaw, int, datetime]] = field(default_factory=list)
    broken: KeeperError | None = None

    def _results(self) -> list[SpeedTest]:
        if self.broken:
            raise self.broken
        return [test for test in self.tests_of if test.status is SpeedStatus.SUCCESS]

    def latest(self) -> SpeedTest | None:
        return next(iter(self._results()), None)

    def active(self) -> SpeedTest | None:
        return next((test for test in self.tests_of if not test.status.ended), None)

    def tests(self, limit: int, offset: int = 0) -> list[SpeedTest]:
        return self.tests_of[offset : offset + limit]

    def count(self) -> int:
        return len(self.tests_of)

    def runs_of_all(self, test_ids: Sequence[int]) -> dict[int, list[SpeedRun]]:
        return {number: self.runs[number] for number in test_ids if number in self.runs}

    def points(self, since: datetime, most: int = 1000) -> list[SpeedPoint]:
        points = [_point(test) for test in self._results() if test.began_at and test.began_at >= since]
        return points[:most][::-1]

    def days(self, since: str) -> dict[str, SpeedDay]:
        return {date: day for date, day in self.day_list.items() if date >= since}

    def usual(self, since: datetime) -> list[SpeedUsual]:
        groups: dict[tuple[SpeedProvider, str], list[SpeedPoint]] = {}
        for point in self.points(since):
            groups.setdefault((point.provider, point.server), []).append(point)
        return sorted((_usual(group) for group in groups.values()), key=lambda one: -one.results)

    def troubles(self, since: datetime) -> list[tuple[SpeedProvider, Flaw, int, datetime]]:
        return [row for row in self.trouble_list if row[3] >= since]


def _point(test: SpeedTest) -> SpeedPoint:
    assert test.result and test.result.measured and test.began_at
    found = test.result.measured
    return SpeedPoint(
        test.began_at, test.result.provider, found.server, found.ping_ms, found.download_mbps, found.upload_mbps,
        test.low, test.source,
    )  # fmt: skip


def _usual(points: Sequence[SpeedPoint]) -> SpeedUsual:
    last = points[-1]
    middles = [
        median(values) for values in zip(*((p.ping_ms, p.download_mbps, p.upload_mbps) for p in points), strict=True)
    ]
    name = SERVERS.get(last.server, last.server)
    return SpeedUsual(last.provider, last.server, name, len(points), *middles, last_at=last.at)


class FakeSpeedStore:
    def __init__(self, views: FakeSpeedViews) -> None:
        self._views = views
        self.marks: dict[str, str] = {}
        self.days: dict[str, SpeedDay] = {}

    def book(self, dates: Sequence[str]) -> SpeedBook:
        return SpeedBook(days=self.days, marks=self.marks)

    def lows(self, limit: int) -> list[bool]:
        return [bool(test.low) for test in self._views.tests_of if test.status is SpeedStatus.SUCCESS][:limit]

    def usual(self, provider: SpeedProvider, server: str, limit: int) -> list[tuple[float, float, float]]:
        return [
            (point.ping_ms, point.download_mbps, point.upload_mbps)
            for point in reversed(self._views.points(datetime.min.replace(tzinfo=UTC), 10_000))
            if (point.provider, point.server) == (provider, server)
        ][:limit]

    def costs(self, provider: SpeedProvider, limit: int) -> list[tuple[int, float]]:
        found = [test for test in self._views.tests_of if test.result and test.result.provider is provider]
        return [(test.bytes, test.seconds) for test in found[:limit]]


@dataclass
class FakeSpeed:
    """Clicks are written down by `act`, which may refuse them."""

    act: Callable[..., None]
    wished: SpeedWishes = field(default_factory=SpeedWishes)
    plan: SpeedPlan = field(default_factory=SpeedPlan)
    zone: tzinfo = BERLIN
    upcoming: datetime | None = None
    watched: bool | None = False
    hindered: Hindrance | None = None
    used: int = 0
    need: int = 216_000_000  # of the cheapest usable way
    able: list[tuple[SpeedProvider, Ability]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.views = FakeSpeedViews()
        self.store = FakeSpeedStore(self.views)

    def wishes(self) -> SpeedWishes:
        return self.wished

    def save_wishes(self, wishes: SpeedWishes, by: str) -> None:
        self.act("speed-wishes", wishes, by)
        self.wished = wishes

    def run(self, by: str, anyway: bool) -> int:
        self.act("speed", by, anyway)
        return 1

    def cancel(self, by: str) -> bool:
        self.act("speed-cancel", by)
        return self.views.active() is not None

    def in_use(self) -> bool | None:
        return self.watched

    def hindrance_now(self) -> Hindrance | None:
        return self.hindered

    def next_time(self) -> datetime | None:
        return self.upcoming

    def budget(self) -> tuple[int, int]:
        return self.used, self.plan.budget

    def fits(self) -> tuple[bool, int]:
        return not self.plan.budget or self.used + self.need <= self.plan.budget, self.need

    def providers(self) -> list[tuple[SpeedProvider, Ability]]:
        return self.able

    def meters(self) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(provider=provider, most_bytes=216_000_000, ready=lambda ability=ability: ability)
            for provider, ability in self.able
        ]

    def csv(self) -> Iterator[str]:
        yield "began_at\n"


def speed_test(number: int, at: datetime, status: SpeedStatus = SpeedStatus.SUCCESS, **more: Any) -> SpeedTest:
    """A test with plausible figures."""
    success = status is SpeedStatus.SUCCESS
    base = SpeedTest(
        id=number,
        status=status,
        source=SpeedSource.SCHEDULE,
        requested_by="",
        local_date=at.astimezone(BERLIN).date().isoformat(),
        anyway=False,
        created_at=at,
        began_at=at,
        finished_at=at + timedelta(seconds=31) if status.ended else None,
        cancel_requested=False,
        result=run_of() if success else None,
        low=(),
        bytes=142_000_000 if success else 0,
        seconds=31.0,
        error="",
        error_code="",
        progress=SpeedProgress(),
        progress_at=at,
    )
    return replace(base, **more)


def run_of(
    download: float = 93.4,
    upload: float = 24.1,
    ping: float = 12.3,
    provider: SpeedProvider = SpeedProvider.SPEEDTEST_CLI,
    server: str = "1234",
    **more: Any,
) -> SpeedRun:
    found = Measured(server, SERVERS.get(server, server), ping, download, upload, 120_000_000, 22_000_000)
    return replace(SpeedRun(provider, found, bytes=142_000_000, seconds=31.0), **more)


def measured_for_a_month(speed: FakeSpeed, now: datetime) -> None:
    """Forty days with a result in nearly each night; two that were slow, one that failed, two that were left out."""
    views, tests = speed.views, []
    for back in range(40):
        at = datetime(now.year, now.month, now.day, 1, 0, 20, tzinfo=UTC) - timedelta(days=back)
        date = at.astimezone(BERLIN).date().isoformat()
        if back in (6, 7):
            views.day_list[date] = SpeedDay(date, "skipped", Hindrance.IN_USE)
            continue
        if back == 14:
            views.day_list[date] = SpeedDay(date, "failed", Hindrance.FAILED)
            failed = {"error": "speedtest-cli answers 403.", "error_code": "blocked"}
            tests.append(speed_test(400 - back, at, SpeedStatus.FAILED, **failed))
            continue
        low = (Aspect.UPLOAD,) if back in (3, 20) else ()
        found = run_of(93.0 + back % 5, 9.5 if low else 24.0 + back % 3, 11.0 + back % 4)
        views.day_list[date] = SpeedDay(date, "success")
        tests.append(speed_test(400 - back, at, result=found, low=low))
    views.tests_of = tests
    views.runs[400] = [
        SpeedRun(SpeedProvider.OOKLA, None, Flaw.BLOCKED, "HTTP Error 403: Forbidden", 1200, 2.0),
        run_of(93.0, 24.0, 11.0),
    ]
    views.trouble_list = [(SpeedProvider.OOKLA, Flaw.BLOCKED, 3, now - timedelta(days=1))]
    speed.able = [
        (SpeedProvider.SPEEDTEST_CLI, Ability(True, "speedtest-cli 2.1.3.")),
        (SpeedProvider.LIBRESPEED, Ability(False, "librespeed-cli is not installed.", "Install librespeed-cli.")),
        (SpeedProvider.HTTP, Ability(True, "speed.cloudflare.com.")),
    ]
    speed.upcoming = now + timedelta(hours=12, minutes=25, seconds=4)
    speed.plan = SpeedPlan(budget=4_000_000_000)
    speed.used = 1_600_000_000


def running(speed: FakeSpeed, now: datetime, **progress: Any) -> SpeedTest:
    """Adds a test that somebody asked for, in the middle of its work."""
    shown = SpeedProgress(**{"provider": SpeedProvider.SPEEDTEST_CLI, "seconds": 12.4, "expected": 30.0,
                             "receiving_mbps": 91.7, "sending_mbps": 1.2, **progress})  # fmt: skip
    busy = speed_test(900, now - timedelta(seconds=13), SpeedStatus.RUNNING, source=SpeedSource.MANUAL, progress=shown,
                      requested_by="ada", seconds=0.0)  # fmt: skip
    speed.views.tests_of.insert(0, busy)
    return busy
