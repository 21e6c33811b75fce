"""Runs scans behind the visitor's back: queue, claim, lease, cancel, orphans, daily time, retention.

Two steps, each called by a loop of the engine:
    work()   claims the oldest queued run and carries it through to its end
    tick()   keeps the engine's lease, finds orphans, starts the daily scan, throws away what is too old

A run belongs to a process (boot id, pid, start time), not to a time span: whoever is dead loses it at once,
and only when that cannot be told does the lease decide.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import logic
from keeper.errors import Cancelled, Interrupted, KeeperError, RunError, StoreError
from keeper.ports import (
    Cleaner,
    Clock,
    Cron,
    Host,
    ItemStore,
    Memory,
    OpenPlex,
    RunLogs,
    RunStore,
    ScanLog,
)
from keeper.rules import schedule
from keeper.rules.types import Owner, Preferences, Run, RunStatus, ScanOptions, Server, Source

log = logging.getLogger("keeper.jobs")

ENGINE = "engine"
DAILY = "daily_scan"
PULSE_SECONDS = 0.4
RETENTION_EVERY = 3600.0  # seconds
BATCH_ROWS = 500


@dataclass(frozen=True, slots=True)
class Limits:
    """What the settings say about leases and retention."""

    lease_seconds: float = 60.0
    log_days: int = 30
    run_days: int = 90
    run_count: int = 500


class Brake:
    """The Stop port of one piece of work: pulled by a cancel, or by the end of the service."""

    def __init__(self) -> None:
        self._pulled = threading.Event()
        self._why: type[Cancelled] | type[Interrupted] = Interrupted

    def cancel(self) -> None:
        """The owner does not want it any more."""
        if not self._pulled.is_set():
            self._why = Cancelled
        self._pulled.set()

    def interrupt(self) -> None:
        """The service stops, or the run is no longer ours."""
        self._pulled.set()

    def check(self) -> None:
        if self._pulled.is_set():
            raise self._why("The scan was ended." if self._why is Cancelled else "The service stopped.")

    def wait(self, seconds: float) -> None:
        self._pulled.wait(seconds)
        self.check()


@dataclass(frozen=True, slots=True)
class Tools:
    """Everything jobs touch."""

    runs: RunStore
    items: ItemStore
    memory: Memory
    cleaner: Cleaner
    logs: RunLogs
    host: Host
    clock: Clock
    cron: Cron
    open_plex: OpenPlex
    pin: Callable[[Server], int]
    obstacle: Callable[[], str] = lambda: ""
    mark: Callable[[], object] = object  # equal to an earlier one only if nothing in the store has changed since


class Jobs:
    """The queue and its worker."""

    def __init__(self, tools: Tools, limits: Limits) -> None:
        self._t, self._limits = tools, limits
        self._brake: Brake | None = None
        self._stopping = threading.Event()
        self._holds = False
        self._at_work = False
        self._renew_at = 0.0
        self._clean_at = 0.0
        # The marks of the store at which there was nothing to do. Both steps come every second, and what costs is
        # asking; taken before the look, so that whatever is written during it is seen by the next one.
        self._none_under_way: object = None
        self._none_queued: object = None
        self._none_due: object = None

    @property
    def holds_engine(self) -> bool:
        """Whether this process is the one that works on this store."""
        return self._holds

    # ------------------------------------------------------------------ steps

    def tick(self) -> None:
        """1. Keep the lease. 2. Orphans. 3. Cancelled while queued. 4. The daily scan. 5. Retention."""
        now = self._t.clock.now()
        if not self._keep_lease():
            return
        self._mind_queue()
        self._start_daily(now)
        self._retain(now)

    def work(self) -> bool:
        """Carries the oldest queued run through; whether there was one."""
        if not self._holds or self._stopping.is_set():
            return False
        mark = self._t.mark()
        if mark == self._none_queued:
            return False
        self._at_work = True
        try:
            run = self._t.runs.claim_next(self._t.host.me(), self._t.host.describe(), self._limits.lease_seconds)
            self._none_queued = None if run else mark
            if run:
                self.carry_through(run, Brake())
            return run is not None
        finally:
            self._at_work = False

    def start_now(self, options: ScanOptions, by: str, brake: Brake) -> Run:
        """Runs a scan in this very thread (the CLI). Raises RunError naming who is in the way."""
        me, holder = self._t.host.me(), self._t.host.describe()
        self._t.runs.interrupt_orphans(self._t.host.is_alive)
        run = self._t.runs.start(Source.CLI, options, by, me, holder, self._limits.lease_seconds)
        self.carry_through(run, brake)
        return self._t.runs.get(run.job_id) or run

    def stop(self) -> None:
        """Ends what is under way within a moment; it can be resumed."""
        self._stopping.set()
        if self._brake:
            self._brake.interrupt()

    def let_go(self) -> None:
        """Gives the engine's lease back, so that another process can take over at once."""
        if self._holds:
            self._t.memory.release_lease(ENGINE, self._t.host.me())
            self._holds = False

    # ------------------------------------------------------------------ one run

    def carry_through(self, run: Run, brake: Brake) -> None:
        """One claimed run, from its claim to its end, whatever happens."""
        self._brake = brake
        if self._stopping.is_set():
            brake.interrupt()
        board = logic.Board()
        began = self._t.clock.monotonic()
        log.info("scan %s starts (%s)", run.job_id, run.source.value)
        with self._t.logs.open(run.job_id) as line:
            line(f"scan {run.job_id} starts ({run.source.value}, by {run.requested_by})")
            status, error, code = self._end_of(run, board, brake, line)
            line(f"scan ends: {status.value}" + (f": {error}" if error else ""))
            self._finish(run, status, board, self._t.clock.monotonic() - began, error, code)
        log.info("scan %s ends: %s %s", run.job_id, status.value, error or "")
        self._brake = None

    def _end_of(
        self, run: Run, board: logic.Board, brake: Brake, line: ScanLog
    ) -> tuple[RunStatus, str | None, str | None]:
        try:
            with self._pulse(run, board, brake), self._t.open_plex(brake) as plex:
                t = self._t
                around = logic.Surroundings(plex, t.items, t.clock, brake, line, t.pin, t.obstacle)
                logic.scan(run, around, board)
        except Cancelled as end:
            return RunStatus.CANCELLED, None, end.code
        except Interrupted as end:
            return RunStatus.INTERRUPTED, "The service stopped. Resume the scan to do the rest.", end.code
        except KeeperError as problem:
            return RunStatus.FAILED, problem.sentence, problem.code
        except Exception:
            log.exception("scan %s broke", run.job_id)
            return RunStatus.FAILED, "A fault in Plex Keeper itself; logs/keeper_error.log has the details.", "internal"
        return RunStatus.SUCCESS, None, None

    def _finish(
        self, run: Run, status: RunStatus, board: logic.Board, seconds: float, error: str | None, code: str | None
    ) -> None:
        """Writes the end down; a full disk or a locked file only delays it."""
        while True:
            try:
                self._t.runs.finish(run.job_id, self._t.host.me(), status, board.stats, seconds, error, code)
                return
            except StoreError as problem:
                log.error("the end of scan %s cannot be stored yet: %s", run.job_id, problem)
                if self._stopping.wait(5.0):
                    return

    @contextmanager
    def _pulse(self, run: Run, board: logic.Board, brake: Brake) -> Iterator[None]:
        """While the scan works, a second thread renews its lease, copies its board and watches the cancel flag."""
        ended = threading.Event()
        beats = threading.Thread(target=self._beat, args=(run, board, brake, ended), name="pulse", daemon=True)
        beats.start()
        try:
            yield
        finally:
            ended.set()
            beats.join()

    def _beat(self, run: Run, board: logic.Board, brake: Brake, ended: threading.Event) -> None:
        try:
            while not ended.wait(PULSE_SECONDS):
                self._beat_once(run, board, brake)
        except Exception:
            log.exception("the pulse of scan %s broke", run.job_id)
            brake.interrupt()  # without a pulse nobody could cancel it, and its lease would run out

    def _beat_once(self, run: Run, board: logic.Board, brake: Brake) -> None:
        me, lease = self._t.host.me(), self._limits.lease_seconds
        try:
            cancel = self._t.runs.pulse(run.job_id, me, board.progress, board.stats, lease)
        except StoreError as problem:  # a full disk or a locked file may pass
            log.error("pulse of scan %s: %s", run.job_id, problem)
            return
        if cancel is None:
            brake.interrupt()
        elif cancel:
            brake.cancel()

    # ------------------------------------------------------------------ the tick's parts

    def _works_on(self, owner: Owner) -> bool | None:
        """Whether that process still works on its run; of ourselves we know it better than the host does."""
        if owner == self._t.host.me() and not self._at_work:
            return False
        return self._t.host.is_alive(owner)

    def _keep_lease(self) -> bool:
        t = self._t
        if self._holds and t.clock.monotonic() < self._renew_at:
            return True
        seconds = self._limits.lease_seconds
        self._holds = t.memory.take_lease(ENGINE, t.host.me(), t.host.describe(), seconds, t.host.is_alive)
        self._renew_at = t.clock.monotonic() + seconds / 4
        return self._holds

    def _mind_queue(self) -> None:
        """Orphans, and what was cancelled while queued. A run under way is looked after at every tick: its owner may
        die, and its lease run out, without a word in the store."""
        mark = self._t.mark()
        if mark == self._none_under_way:
            return
        for job_id in self._t.runs.interrupt_orphans(self._works_on):
            log.warning("run %s was left behind by a program that ended; it can be resumed", job_id)
        self._t.runs.cancel_queued()
        self._none_under_way = None if self._t.runs.active() else mark

    def _start_daily(self, now: datetime) -> None:
        """Schedules name minutes: until the next one, or a change in the store, nothing new is due."""
        look = self._t.mark(), now.replace(second=0, microsecond=0)
        if look == self._none_due:
            return
        day = self._due_day()
        self._none_due = look if day is None else None
        if day is not None:
            self._queue_daily(day)

    def _due_day(self) -> str | None:
        t = self._t
        preferences = t.memory.preferences()
        return due_day(preferences, t.clock, t.memory, t.cron) if preferences.schedule_enabled else None

    def _queue_daily(self, day: str) -> None:
        preferences = self._t.memory.preferences()
        job_id = self._t.memory.mark_and_enqueue(DAILY, day, options_of(preferences), "schedule")
        if job_id:
            log.info("daily scan %s queued for %s", job_id, day)

    def _retain(self, now: datetime) -> None:
        if self._t.clock.monotonic() < self._clean_at:
            return
        if self._t.cleaner.prune(now, self._limits.run_days, self._limits.run_count, BATCH_ROWS):
            return  # the next tick does the next batch
        self._t.logs.remove_older_than(now - timedelta(days=self._limits.log_days))
        self._clean_at = self._t.clock.monotonic() + RETENTION_EVERY


def options_of(preferences: Preferences, *, dry_run: bool = False, keys: tuple[str, ...] = ()) -> ScanOptions:
    """What a scan does when a person said nothing else."""
    return ScanOptions(
        libraries=preferences.libraries,
        kinds=preferences.kinds,
        days=preferences.days,
        max_items=preferences.max_items,
        dry_run=dry_run,
        keys=keys,
        refresh_parallel=preferences.refresh_parallel,
        refresh_wait_total_seconds=preferences.refresh_wait_total_seconds,
        failed_backoff_hours=preferences.failed_backoff_hours,
        plex_wait_minutes=preferences.plex_wait_minutes,
        optional_rules=preferences.optional_rules,
    )


def zone_of(preferences: Preferences, clock: Clock) -> tzinfo:
    """The zone the schedule is meant in; this machine's when the chosen one does not exist (any more)."""
    try:
        return ZoneInfo(preferences.zone) if preferences.zone else clock.local_zone()
    except (ZoneInfoNotFoundError, ValueError):
        return clock.local_zone()


def due_day(preferences: Preferences, clock: Clock, memory: Memory, cron: Cron) -> str | None:
    """The local date (ISO) whose scheduled scan should start now. At most one a date, also for cron lines."""
    now, zone = clock.now(), zone_of(preferences, clock)
    marked = memory.marks(DAILY, schedule.dates_around(now, zone))
    at = schedule.daily_time(preferences.schedule)
    if at is not None:
        day = schedule.due_date(now, at, zone, marked)
        return day.isoformat() if day else None
    planned = cron.next_after(preferences.schedule, (now - schedule.CATCH_UP).astimezone(zone))
    while planned and planned <= now:
        if planned.date().isoformat() not in marked:
            return planned.date().isoformat()
        planned = cron.next_after(preferences.schedule, planned)
    return None


def next_scheduled(preferences: Preferences, clock: Clock, memory: Memory, cron: Cron) -> datetime | None:
    """When the next scheduled scan starts, in UTC; None when the schedule is off."""
    if not preferences.schedule_enabled:
        return None
    now, zone = clock.now(), zone_of(preferences, clock)
    marked = memory.marks(DAILY, schedule.dates_around(now, zone))
    at = schedule.daily_time(preferences.schedule)
    if at is not None:
        return schedule.next_daily(now, at, zone, marked)
    planned = cron.next_after(preferences.schedule, now.astimezone(zone))
    while planned and planned.date().isoformat() in marked:
        planned = cron.next_after(preferences.schedule, planned)
    return planned.astimezone(UTC) if planned else None


def check_preferences(preferences: Preferences, cron: Cron, clock: Clock) -> None:
    """Raises RunError or SettingsError for what could not work."""
    if schedule.daily_time(preferences.schedule) is None:
        cron.next_after(preferences.schedule, clock.now())
    if not (1 <= preferences.refresh_parallel <= 16):
        raise RunError("At most 16 refreshes at once, at least 1.")
    if not (0 <= preferences.days <= 36_500 and 0 <= preferences.max_items <= 10_000_000):
        raise RunError("Days and the limit of items must be 0 (no limit) or more.")


__all__ = ["Brake", "Jobs", "Limits", "Tools", "check_preferences", "due_day", "next_scheduled", "options_of"]
