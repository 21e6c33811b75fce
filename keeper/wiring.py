"""The only place that knows which real thing stands behind which port. Reads like a list."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs import DAILY, ENGINE, Brake, Jobs, Limits, Tools, check_preferences, due_day, next_scheduled, options_of
from keeper import config
from keeper.config import Settings
from keeper.demo.breaking import DemoHost
from keeper.demo.machine import TROUBLE
from keeper.demo.process import DemoPlex
from keeper.engine import Duty, Engine
from keeper.errors import KeeperError, RunError, StoreError
from keeper.house.eventbook import EventBook, csv_line
from keeper.house.figures import Books
from keeper.house.folders import Folder
from keeper.house.postroom import Desk, Postroom
from keeper.house.postroom import OutletCard as OutletCard  # for the pages
from keeper.house.rehearsal import EXAMPLES
from keeper.house.speedroom import SpeedDesk, Speedroom
from keeper.house.watchtower import WatchReader, Watchtower
from keeper.ports import Plex, Stop
from keeper.rules.types import (
    Ability,
    Action,
    Armed,
    Budget,
    Check,
    ItemFilter,
    Preferences,
    RunStatus,
    ScanOptions,
    Section,
    Server,
    Source,
)
from keeper.store.checks import Checks
from keeper.store.cleaner import StoredCleaner
from keeper.store.db import Database
from keeper.store.events import Events
from keeper.store.folders import StoredFolders
from keeper.store.items import Items
from keeper.store.memory import StoredMemory
from keeper.store.runs import Runs
from keeper.store.speed_views import SpeedViews
from keeper.store.views import Views
from keeper.store.watching import StoredWatch
from keeper.world.clock import SystemClock
from keeper.world.cron import CronLines
from keeper.world.host import LocalHost
from keeper.world.logs import ScanLogs, set_up_logging
from keeper.world.loopback import OwnAddress
from keeper.world.plex import PlexClient
from keeper.world.probe import Loopback, PlexLook
from keeper.world.redactor import Redactor

if TYPE_CHECKING:
    from auth import Doorkeeper

log = logging.getLogger(__name__)

HOUSEKEEPING_SECONDS = 1.0
QUEUE_SECONDS = 1.0
STREAMED_ROWS = 500


class House:
    """The built house: what pages and commands may use. Building it opens the store and starts nothing."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SystemClock()
        self.host = LocalHost()
        self.cron = CronLines()
        self.redactor = Redactor(settings.secrets)
        self.database = Database(settings.db_path, self.redactor.clean)
        self.database.migrate()
        self.runs = Runs(self.database, self.clock)
        self.items = Items(self.database, self.clock)
        self.memory = StoredMemory(self.database, self.clock)
        self.checks = Checks(self.database)
        self.cleaner = StoredCleaner(self.database, settings.watch_interval)
        self.logs = ScanLogs(settings.log_dir, self.clock, self.redactor)
        self.address = Address(settings)
        self.demo = self._demo() if settings.demo else None
        self.views = Views(self.database, self.clock, lambda: self.runs.pinned_server(self.address.name))
        self.jobs = Jobs(self._tools(), _limits(settings))
        self.probe_brake = Brake()
        self.probe = self._probe()
        self.watch_memory = StoredWatch(self.database)
        self.watch = WatchReader(self.database, self.clock, settings.watch_interval, self.watch_memory)
        self.watchtower = self._watchtower()
        self.monitor = self.watchtower.monitor
        self.speed = Speedroom(self._speed_desk())
        self.postroom = Postroom(self._desk())
        self.eventbook = EventBook(Events(self.database), self.postroom.deliveries)
        self.doorkeeper: Doorkeeper | None = None
        self._look_now, self._work_now = threading.Event(), threading.Event()
        self._file_lost = False
        self.page_runs, self._counting = 0, threading.Lock()
        self.engine = Engine(self._duties(), before_stop=self._before_stop, after_stop=self._after_stop)

    # ------------------------------------------------------------------ life

    def set_up_logging(self, quiet: bool = False) -> None:
        set_up_logging(self.settings.log_dir, self.redactor, quiet)

    def close(self) -> None:
        self.watchtower.close()
        self.address.close()
        self.database.close()

    # ------------------------------------------------------------------ what a person does

    def start_scan(self, options: ScanOptions, by: str, source: str = "manual") -> str:
        """Queues a scan. Raises RunError when one is queued or running already."""
        job_id = self.runs.enqueue_when_idle(Source(source), options, by)
        self._work_now.set()
        return job_id

    def retry(self, keys: Sequence[str], by: str) -> str:
        """A scan of just these items, whether they have rested or not."""
        if not keys:
            raise RunError("No item was chosen.")
        options = replace(options_of(self.memory.preferences(), keys=tuple(keys)), libraries=())
        return self.start_scan(options, by, Source.RETRY.value)

    def resume(self, job_id: str, by: str) -> None:
        self.runs.requeue(job_id, by)
        self._work_now.set()

    def cancel(self, job_id: str, by: str) -> None:
        self.runs.request_cancel(job_id)
        log.info("cancel of run %s asked for by %s", job_id, by)

    def ignore(self, keys: Sequence[str], on: bool, by: str) -> int:
        log.info("%d items %s by %s", len(keys), "ignored" if on else "no longer ignored", by)
        return self.items.ignore(self.views.server_id(), keys, on)

    def save_preferences(self, preferences: Preferences, by: str) -> None:
        """Saves as a whole. A time of today that has passed already counts as done, so saving starts nothing."""
        check_preferences(preferences, self.cron, self.clock)
        if preferences.zone:
            config.zone(preferences.zone)
        before = self.memory.preferences()
        self.memory.save_preferences(preferences, by)
        moved = (before.schedule_enabled, before.schedule, before.zone)
        if preferences.schedule_enabled and moved != (True, preferences.schedule, preferences.zone):
            while day := due_day(preferences, self.clock, self.memory, self.cron):
                self.memory.mark(DAILY, day)

    def check_now(self, by: str) -> None:
        log.info("look asked for by %s", by)
        self._look_now.set()

    def arm(self, armed: frozenset[Armed], by: str) -> None:
        self.watchtower.arm(armed, by)

    def hold(self, until: datetime | None, by: str) -> None:
        self.watchtower.hold(until, by)
        self._look_now.set()

    def forget_actions(self, by: str) -> None:
        """For emergencies: earlier restarts and reboots limit nothing any more. Told as an event."""
        self.watchtower.forget_actions(by)

    def accept_folder(self, path: str, by: str) -> str:
        """A library folder is right as it is now; its path as it is called here. Raises RunError."""
        found = self.watchtower.accept_folder(path, by)
        self._look_now.set()
        return found

    def act(self, action: Action, by: str) -> None:
        """Has the engine's watchdog do it, by the same way as its own actions. Raises RunError."""
        if not self.jobs.holds_engine:
            raise RunError("No watchdog runs in this process; the service does that.")
        self.watchtower.wish(action, by)
        self._look_now.set()

    def demo_break(self, name: str, by: str) -> None:
        """One of `demo_faults`, or 'mend' for the end of them all. Raises RunError, always when this is no demo."""
        if self.demo is None:
            raise RunError("This is not the demo: a real server is not broken on purpose.")
        if not self.jobs.holds_engine:
            raise RunError("Another process watches over a demo server of its own; stop it, then break this one.")
        log.warning("demo: %r asked for by %s", name, by)
        try:
            self.demo.break_(name)
        except TROUBLE as problem:
            raise RunError(f"The simulated Plex server could not be told: {problem}") from problem
        self._look_now.set()

    # ------------------------------------------------------------------ what pages show

    def demo_faults(self) -> dict[str, bool]:
        """What can be broken in the demo, and whether it is; empty when this is no demo."""
        return self.demo.faults() if self.demo else {}

    def abilities(self) -> Mapping[Action, Ability] | None:
        """What this machine can do, as the watchdog last found out; None = not yet."""
        return self.monitor.abilities() or None

    def folders(self, look: bool = False) -> list[Folder]:
        """The library folders as the last look saw them; with `look` as they are now, which takes up to 3 s."""
        return self.watchtower.folders(look)

    def budgets(self) -> list[Budget]:
        return self.watchtower.budgets()

    def simulate(self, script: str, armed: frozenset[Armed] | None = None) -> dict[str, Any]:
        """A scripted outage through the watchdog's own rules. Raises RunError for one that cannot be read."""
        return self.watchtower.simulate(script, armed)

    def simulation_examples(self) -> dict[str, str]:
        return dict(EXAMPLES)

    def count_page_run(self) -> None:
        """Pages run in threads of their own, and `+=` alone would lose some."""
        with self._counting:
            self.page_runs += 1

    def health(self) -> dict[str, Any]:
        """What /healthz tells: whether the engine lives and the data file answers, and seconds since the last look."""
        try:
            check = self.checks.last()
        except StoreError:
            return {"ok": False, "last_tick_seconds": None}
        age = round((self.clock.now() - check.at).total_seconds(), 1) if check else None
        return {"ok": self.engine.running and self.database.in_place, "last_tick_seconds": age}

    def obstacle(self) -> str:
        """Why the watchdog of this process wants scans to wait; '' = it does not, or none runs here."""
        return self.monitor.obstacle if self.engine.running else ""

    def next_scan(self) -> datetime | None:
        return next_scheduled(self.memory.preferences(), self.clock, self.memory, self.cron)

    def engine_holder(self) -> str | None:
        """Who runs the engine when it is somebody else; None when it is us or nobody."""
        if self.jobs.holds_engine or not self.engine.running:
            return None
        lease = self.memory.lease(ENGINE)
        return lease.holder if lease else None

    def log_tail(self, job_id: str, lines: int = 200) -> str:
        return self.logs.tail(job_id, lines)

    def log_file(self, job_id: str) -> Path | None:
        path = self.logs.path(job_id)
        return path if path.is_file() else None

    def log_size(self, job_id: str) -> int:
        path = self.log_file(job_id)
        return path.stat().st_size if path else 0

    def run_items_csv(self, job_id: str) -> str:
        return "".join(self._csv_lines(job_id))

    def plex_web_link(self, item_key: str) -> str | None:
        """The item's page in Plex's own web app; None in the demo."""
        server = self.runs.pinned_server(self.address.name)
        if self.settings.demo or not server:
            return None
        return (
            f"{self.settings.plex_url}/web/index.html#!/server/{server[1].id}/details"
            f"?key=%2Flibrary%2Fmetadata%2F{item_key}"
        )

    # ------------------------------------------------------------------ the world

    @contextmanager
    def open_plex(self, stop: Stop) -> Iterator[Plex]:
        client = self.open_client(self.settings.plex_timeout, stop)
        try:
            yield client
        finally:
            client.close()

    def open_client(self, deadline: float, stop: Stop) -> PlexClient:
        url, token = self.address.url_and_token()
        return PlexClient(url, token, deadline, self.clock, stop)

    def pin_server(self, server: Server) -> int:
        return self.runs.pin_server(self.address.name, server)

    def probe_sections(self) -> list[Section] | None:
        """The libraries as the last look of this process saw them."""
        seen = self.probe.sections()
        return seen[1] if seen else None

    def _probe(self) -> PlexLook:
        return PlexLook(
            lambda: self.address.url_and_token()[0],
            self.clock,
            self.probe_brake,
            lambda deadline: self.open_client(deadline, self.probe_brake),
            self.pin_server,
            loopback=self._loopback(),
        )

    def _loopback(self) -> Loopback:
        """Where PLEX_URL is this machine's own address, Plex is asked over the loopback while that is lost."""

        def open_client(url: str, deadline: float) -> PlexClient:
            return PlexClient(url, self.address.url_and_token()[1], deadline, self.clock, self.probe_brake)

        def pinned() -> str:
            known = self.runs.pinned_server(self.address.name)
            return known[1].id if known else ""

        memory, key = self.memory, "watch.own_address"
        own = OwnAddress(lambda: memory.noted(key), lambda host: memory.note(key, host, "watchdog"))
        return Loopback(own, open_client, pinned)

    def _watchtower(self) -> Watchtower:
        return Watchtower(
            self.settings,
            self.clock,
            self.host.me(),
            StoredFolders(self.database),
            self.watch_memory,
            self.checks,
            self.probe,
            self.views.server_id,
            self.open_client,
            self.probe_brake,
            self.demo,
            measuring=lambda since: self.speed.is_measuring(since),
        )

    def _speed_desk(self) -> SpeedDesk:
        interval = self.settings.watch_interval
        return SpeedDesk(
            settings=self.settings,
            clock=self.clock,
            host=self.host,
            database=self.database,
            moment=self.watchtower.moment,
            holds_engine=lambda: self.jobs.holds_engine,
            address=lambda: self.address.url_and_token()[0],
            open_client=self.open_client,
            probe=self.probe,
            last_check=self.checks.last,
            is_stale=lambda check: is_stale(check, self.clock.now(), interval),
            watch=self.watch_memory.load,
            is_scanning=self._is_scanning,
        )

    def _is_scanning(self) -> bool:
        run = self.runs.active()
        return run is not None and run.status is RunStatus.RUNNING

    def _desk(self) -> Desk:
        return Desk(
            settings=self.settings,
            clock=self.clock,
            host=self.host,
            database=self.database,
            memory=self.memory,
            redactor=self.redactor,
            books=Books(self.watch, self.runs, SpeedViews(self.database)),
            last_check=self.checks.last,
            holds_engine=lambda: self.jobs.holds_engine,
        )

    def _demo(self) -> DemoHost:
        return DemoHost(self.address.demo_plex, lambda: self.clock.now().timestamp(), self.clock.uptime)

    def _tools(self) -> Tools:
        return Tools(
            runs=self.runs,
            items=self.items,
            memory=self.memory,
            cleaner=self.cleaner,
            logs=self.logs,
            host=self.host,
            clock=self.clock,
            cron=self.cron,
            open_plex=self.open_plex,
            pin=self.pin_server,
            obstacle=self.obstacle,
            mark=self.database.mark,
        )

    def _duties(self) -> list[Duty]:
        return [
            Duty("housekeeping", self._keep_house, lambda: HOUSEKEEPING_SECONDS, threading.Event()),
            Duty("scans", self.jobs.work, lambda: QUEUE_SECONDS, self._work_now),
            Duty("monitor", self._look, self._until_next_look, self._look_now),
            *self.postroom.duties(),
            *self.speed.duties(),
        ]

    def _keep_house(self) -> None:
        """Nothing is worked on in a file that nobody will ever find again."""
        if self.database.in_place:
            self.jobs.tick()
        elif not self._file_lost:
            self._file_lost = True
            log.error("the data file %s was removed or replaced while in use; restart the service", self.database.path)
            self.jobs.stop()

    def _look(self) -> None:
        if self.jobs.holds_engine:
            self.watchtower.tick()

    def _until_next_look(self) -> float:
        return self.monitor.interval if self.jobs.holds_engine else HOUSEKEEPING_SECONDS

    def _before_stop(self) -> None:
        self.jobs.stop()
        self.postroom.stop()
        self.speed.stop()
        self.probe_brake.interrupt()

    def _after_stop(self) -> None:
        self.postroom.let_go()
        self.jobs.let_go()

    def _csv_lines(self, job_id: str) -> Iterator[str]:
        yield csv_line(
            "rating_key", "library", "kind", "title", "parent", "year", "missing", "outcome", "why", "judged_at"
        )
        offset = 0
        while rows := self.views.run_items(job_id, ItemFilter(), STREAMED_ROWS, offset)[0]:
            for row in rows:
                yield csv_line(
                    row.key, row.section_title, row.kind, row.title, row.parent, row.year, " ".join(row.missing),
                    row.outcome or "", row.why, row.changed_at or "",
                )  # fmt: skip
            offset += len(rows)


class Address:
    """Where Plex is. In demo mode that is a simulated server, started when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._demo: DemoPlex | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """What the server's identity is pinned to."""
        return self._settings.plex_url or "demo"

    def url_and_token(self) -> tuple[str, str]:
        if not self._settings.demo:
            return self._settings.plex_url, self._settings.plex_token.get_secret_value()
        demo = self.demo_plex()
        return demo.url, demo.token

    def demo_plex(self) -> DemoPlex:
        """The simulated server, running. Raises RuntimeError when it cannot be started."""
        with self._lock:
            if self._demo is None:
                demo = DemoPlex(library="demo")
                demo.start()
                self._demo = demo
            return self._demo

    def close(self) -> None:
        with self._lock:
            if self._demo is not None:
                self._demo.stop()
                self._demo = None


_house: House | None = None
_lock = threading.Lock()


def build(settings: Settings | None = None) -> House:
    """The house of these settings. Raises SettingsError, StoreError."""
    return House(settings or config.load())


def current_house() -> House:
    """The process-wide house: the service's, or (under AppTest) one that is built now and starts no engine."""
    global _house
    with _lock:
        if _house is None:
            _house = build()
        return _house


def is_stale(check: Check, now: datetime, interval: float) -> bool:
    """Three missed looks: what was seen then says nothing about now."""
    return (now - check.at).total_seconds() > 3 * interval + 60


def _limits(settings: Settings) -> Limits:
    return Limits(
        lease_seconds=settings.psr_orphan_grace_minutes * 60,
        log_days=settings.psr_log_retention_days,
        run_days=settings.psr_scan_run_retention_days,
        run_count=settings.psr_scan_run_retention_count,
    )


def open_house() -> tuple[House, Doorkeeper]:
    """The house and its door for the service. What cannot start says one sentence and leaves with exit code 2."""
    try:
        house = current_house()
        house.set_up_logging()
        return house, open_door(house)
    except KeeperError as problem:
        sys.stderr.write(f"\n  Plex Keeper cannot start: {problem.sentence}\n\n")
        sys.stderr.flush()
        os._exit(2)  # past the web server, which would bury the sentence under its own traceback


def open_door(house: House, announce: bool = True) -> Doorkeeper:
    """The doorkeeper of this house; a password that had to be made up is shown once, in the terminal only.

    Raises AuthFileError.
    """
    from auth import Doorkeeper
    from keeper.store.sessions import StoredSessions

    doorkeeper = Doorkeeper(house.settings, StoredSessions(house.database), house.clock)
    opening = doorkeeper.open()
    for warning in opening.warnings:
        log.warning("%s", warning)
    if opening.password and announce:
        name = house.settings.psr_auth_username
        sys.stderr.write(f"\n  First start: log in as '{name}' with the password  {opening.password}\n\n")
    house.doorkeeper = doorkeeper
    return doorkeeper
