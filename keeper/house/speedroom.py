"""The speedroom: who measures the line here, what is remembered of it, and what a person may do about it.

Part of the wiring: it knows what really stands behind each port of the surveyor. When the line is measured and what is
believed is decided in keeper/rules; the surveyor does the work.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import islice

from jobs import Brake
from keeper.config import Settings
from keeper.engine import Duty
from keeper.errors import RunError, StoreError, WrongUse
from keeper.house.eventbook import csv_line
from keeper.house.hindrances import Hindrances, Signs
from keeper.ports import Host, SpeedMeter, Stop
from keeper.purse import Purse
from keeper.rules import speed_schedule, volume
from keeper.rules.types import (
    Ability,
    Check,
    Hindrance,
    Moment,
    SpeedPlan,
    SpeedProvider,
    SpeedSource,
    SpeedStatus,
    SpeedTest,
    SpeedWishes,
    Stream,
    Watch,
)
from keeper.store.db import Database
from keeper.store.speed import StoredSpeed
from keeper.store.speed_views import SpeedViews
from keeper.store.speed_wishes import MOST_PING, MOST_RATE, MOST_RESULTS, MOST_SHARE
from keeper.surveyor import Instruments, Surveyor
from keeper.world.clock import SystemClock
from keeper.world.commands import SystemCommands
from keeper.world.plex import PlexClient
from keeper.world.probe import PlexLook
from keeper.world.speed import SpeedOptions, meters
from keeper.world.usage import UsageLook

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
PULSE = timedelta(seconds=10)  # a test that was not heard of for so long is no reason to doubt a look
LONGEST = timedelta(minutes=10)  # nor is one that should have ended long ago, whatever its process says
_CHUNK = 500  # rows that are handed out at once
_COLUMNS = (
    "began_at", "source", "requested_by", "status", "provider", "server", "server_name", "ping_ms", "download_mbps",
    "upload_mbps", "low", "bytes", "seconds", "anyway", "error_code", "error",
)  # fmt: skip
IN_USE = "Somebody is watching, and a speed test would disturb them. Start it anyway, or wait until they are done."


@dataclass(frozen=True, slots=True)
class SpeedDesk:
    """What the speedroom is given of the house."""

    settings: Settings
    clock: SystemClock
    host: Host
    database: Database
    moment: Callable[[], Moment]
    holds_engine: Callable[[], bool]
    address: Callable[[], str]  # of Plex; in the demo also of those who are measured with
    open_client: Callable[[float, Stop], PlexClient]
    probe: PlexLook
    last_check: Callable[[], Check | None]
    is_stale: Callable[[Check], bool]
    watch: Callable[[], Watch]
    is_scanning: Callable[[], bool]


class Speedroom:
    """Building it starts nothing and measures nothing."""

    def __init__(self, desk: SpeedDesk) -> None:
        self._desk, self._settings, self._clock = desk, desk.settings, desk.clock
        self.store = StoredSpeed(desk.database)
        self.views = SpeedViews(desk.database)
        self.zone: tzinfo = desk.settings.airtable_zone or desk.clock.local_zone()
        self.plan = SpeedPlan(
            hour=desk.settings.speed_test_hour,
            attempts=desk.settings.max_speed_test_attempts,
            retry_delay=desk.settings.speed_test_retry_delay,
            budget=desk.settings.speed_budget,
        )
        self._brake = Brake()
        self._commands = SystemCommands(desk.clock)
        self._wake = threading.Event()
        self._making = threading.Lock()
        self._meters: list[SpeedMeter] = []
        self._has_begun = False
        self.hindrances = Hindrances(self._signs())
        self.surveyor = Surveyor(self._instruments(), self.plan)
        self._purse = Purse(self.store, self.meters, desk.clock, lambda: self.zone, self.plan)

    # ------------------------------------------------------------------ the engine

    def duties(self) -> list[Duty]:
        return [Duty("speed", self._tick, lambda: PAUSE_SECONDS, self._wake)]

    def stop(self) -> None:
        """Ends what is under way within a moment; a test that runs becomes interrupted. The programs that measure are
        ended from here as well: the thread that waits for them may itself wait for a data file that is locked."""
        self.surveyor.stop()
        self._end()

    def cancel_here(self) -> None:
        """The same for whoever sits at the terminal of this very process: a test that runs becomes cancelled, even when
        the data file does not answer. Nothing is measured in this process any more."""
        self.surveyor.cancel()
        self._end()

    def _end(self) -> None:
        self._brake.interrupt()
        self._commands.end_all()

    def _tick(self) -> None:
        """Two that measure at once would measure each other: only who holds the engine does."""
        if not self._desk.holds_engine():
            return
        if not self._has_begun:
            self._begin()
        self.surveyor.tick()

    def _begin(self) -> None:
        """The very first time on this data file."""
        if speed_schedule.SINCE not in self.store.book(()).marks:
            self._daily_from_now_on()
        self._has_begun = True

    def _daily_from_now_on(self) -> None:
        now = self._clock.now()
        self.store.note((), {speed_schedule.SINCE: now.isoformat()}, now)

    def is_measuring(self, since: float | None = None) -> bool:
        """Whether a test of ours fills the line now, in this process or in another one, whose word is taken for a
        while only; or in this process at any moment `since` then (monotonic). For the watchdog, which must be able to
        look even when the data file does not answer."""
        if self.surveyor.measuring or (since is not None and self.surveyor.measured_since(since)):
            return True
        try:
            test = self.store.active()
        except StoreError as problem:
            log.warning("it cannot be told whether a speed test is running: %s", problem.sentence)
            return False
        if test is None or test.status is not SpeedStatus.RUNNING:
            return False
        now = self._clock.now()
        return _is_within(test.progress_at, PULSE, now) and _is_within(test.began_at, LONGEST, now)

    # ------------------------------------------------------------------ what people see

    def wishes(self) -> SpeedWishes:
        return self.store.wishes()

    def in_use(self) -> bool | None:
        """Whether somebody was watching at the last look; None = cannot be told. Cheap."""
        return self.hindrances.in_use_as_last_seen()

    def hindrance_now(self) -> Hindrance | None:
        """What would hinder a test, as of the last look. Cheap."""
        return self.hindrances.as_last_seen()

    def next_time(self) -> datetime | None:
        return self.surveyor.next_time()

    def budget(self) -> tuple[int, int]:
        """(bytes used this month, bytes allowed); 0 allowed = without limit."""
        since, until = volume.month(self._clock.now(), self.zone)
        return self.views.bytes_between(since, until), self.plan.budget

    def fits(self) -> tuple[bool, int]:
        """(Whether a test by hand fits into what is left of the month, bytes that it may need), of the way that needs
        least; 0 bytes = nobody can measure here. The same sum as the surveyor's."""
        needed = self._purse.cheapest()
        used, allowed = self.budget()
        return volume.fits(allowed, used, needed, False, self._clock.now(), self.zone), needed

    def providers(self) -> list[tuple[SpeedProvider, Ability]]:
        """Who measures, in the order of the setting, and whether they can here."""
        return [(meter.provider, meter.ready()) for meter in self.meters()]

    def csv(self) -> Iterator[str]:
        """All tests that ended as one file, in pieces, the oldest first."""
        rows = self.views.csv_rows()
        yield csv_line(*_COLUMNS) + "".join(map(_as_csv, islice(rows, _CHUNK)))
        while piece := "".join(map(_as_csv, islice(rows, _CHUNK))):
            yield piece

    # ------------------------------------------------------------------ what people do

    def save_wishes(self, wishes: SpeedWishes, by: str) -> None:
        """Told as an event. Raises WrongUse for what cannot be meant."""
        check_wishes(wishes)
        if wishes.daily and not self.store.wishes().daily:
            self._daily_from_now_on()
        self.store.save_wishes(wishes, by, self._clock.now())
        log.info("what is wished of the line was changed by %s", by)
        self._wake.set()

    def run(self, by: str, anyway: bool) -> int:
        """Queues a test for the engine; its number. Raises RunError when one is queued or running, and while somebody
        is watching unless `anyway`."""
        if not anyway and self.in_use():
            raise RunError(IN_USE)
        now = self._clock.now()
        number = self.store.enqueue(SpeedSource.MANUAL, by, speed_schedule.today(now, self.zone), anyway, now)
        log.info("speed test %d asked for by %s", number, by)
        self._wake.set()
        return number

    def measure_here(self, by: str, anyway: bool) -> SpeedTest:
        """A test in this very thread, for the command line. Raises RunError when one is queued or running."""
        return self.surveyor.run_now(SpeedSource.CLI, by, anyway)

    def cancel(self, by: str) -> bool:
        """Ends the test that runs or waits, whoever started it; False = there is none."""
        test = self.store.active()
        if test is None or not self.store.request_cancel(test.id):
            return False
        log.info("cancel of speed test %d asked for by %s", test.id, by)
        self._wake.set()
        return True

    # ------------------------------------------------------------------ the parts

    def meters(self) -> list[SpeedMeter]:
        """Made when they are first needed: in the demo that starts the simulated server."""
        with self._making:
            if not self._meters:
                order, options = self._measured_with()
                self._meters = meters(order, options, self._commands, self._clock)
            return self._meters

    def _measured_with(self) -> tuple[tuple[str, ...], SpeedOptions]:
        """In the demo nothing leaves this machine: the simulated server is measured with."""
        settings = self._settings
        most = settings.speed_test_http_mb
        if settings.demo:
            base = f"{self._desk.address()}/keeper-demo/speed"
            there = SpeedOptions(download_url=f"{base}/down?bytes={{bytes}}", upload_url=f"{base}/up", http_mb=most)
            return (SpeedProvider.HTTP.value,), there
        return settings.speed_providers, SpeedOptions(
            server=settings.speed_test_server,
            download_url=settings.speed_test_download_url,
            upload_url=settings.speed_test_upload_url,
            http_mb=most,
        )

    def _instruments(self) -> Instruments:
        desk = self._desk
        return Instruments(
            store=self.store,
            meters=self.meters,
            clock=desk.clock,
            moment=desk.moment,
            zone=lambda: self.zone,
            owner=desk.host.me(),
            holder=desk.host.describe(),
            is_alive=desk.host.is_alive,
            hindrance=self.hindrances.afresh,
            mark=desk.database.mark,
        )

    def _signs(self) -> Signs:
        desk = self._desk
        asking = UsageLook(desk.address, desk.clock, self._brake, desk.open_client, desk.probe)
        return Signs(
            moment=desk.moment,
            last_check=desk.last_check,
            is_stale=desk.is_stale,
            watch=desk.watch,
            last_streams=self._own_streams,
            is_scanning=desk.is_scanning,
            ask_plex=asking.ask,
        )

    def _own_streams(self) -> tuple[Stream, ...] | None:
        return self._desk.probe.watching()[0] if self._desk.holds_engine() else None


def _is_within(moment: datetime | None, span: timedelta, now: datetime) -> bool:
    """A time to come was written by a clock that was wrong: it is as far away as it seems."""
    return moment is not None and abs(now - moment) <= span


def check_wishes(wishes: SpeedWishes) -> None:
    """Raises WrongUse for what cannot be meant."""
    limits: Mapping[str, tuple[float, float]] = {
        "The least download": (wishes.least_download, MOST_RATE),
        "The least upload": (wishes.least_upload, MOST_RATE),
        "The most ping": (wishes.most_ping, MOST_PING),
    }
    for name, (value, most) in limits.items():
        if not math.isfinite(value) or not 0 <= value <= most:
            raise WrongUse(f"{name} is a number from 0 (not asked for) to {most:g}.")
    if not 0 <= wishes.share <= MOST_SHARE:
        raise WrongUse(f"The share of what is usual is a number of percent from 0 (not asked for) to {MOST_SHARE}.")
    if not 1 <= wishes.alarm_after <= wishes.alarm_of <= MOST_RESULTS:
        limit = f"The latest {MOST_RESULTS} are the most that it can look at."
        raise WrongUse(f"An alarm needs 1 low result or more, among at least as many of the latest. {limit}")


def _as_csv(test: SpeedTest) -> str:
    result = test.result
    measured = result.measured if result else None
    figures = (
        (measured.server, measured.server_name, *(round(figure, 2) for figure in measured[2:5]))
        if measured
        else ("", "", "", "", "")
    )
    return csv_line(
        (test.began_at or test.created_at).isoformat(), test.source.value, test.requested_by, test.status.value,
        result.provider.value if result else "", *figures, " ".join(test.low), test.bytes, round(test.seconds, 1),
        "yes" if test.anyway else "no", test.error_code, test.error,
    )  # fmt: skip
