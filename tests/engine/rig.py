"""The engine without pages: real store, real client, real jobs, on a simulated server that speaks real HTTP."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import jobs
from keeper.rules.types import ItemFilter, Run, ScanOptions, Source
from keeper.store.cleaner import StoredCleaner
from keeper.store.db import Database
from keeper.store.items import Items
from keeper.store.memory import StoredMemory
from keeper.store.runs import Runs
from keeper.world.clock import SystemClock
from keeper.world.cron import CronLines
from keeper.world.host import LocalHost
from keeper.world.logs import ScanLogs
from keeper.world.plex import PlexClient
from keeper.world.redactor import Redactor

EVERYTHING = ScanOptions(days=0, kinds=("movie", "show", "season", "episode", "artist", "album"))


class Rig:
    """One store and one server."""

    def __init__(self, folder: Path, plex, deadline: float = 2.0, clock=None, host=None, limits=None) -> None:
        self.plex, self.deadline, self.folder = plex, deadline, folder
        self.clock = clock or SystemClock()
        self.path = folder / "keeper.db"
        self.database = Database(self.path)
        self.database.migrate()
        self.items = Items(self.database, self.clock)
        self.runs = Runs(self.database, self.clock)
        self.memory = StoredMemory(self.database, self.clock)
        self.logs = ScanLogs(folder / "logs", self.clock, Redactor([plex.token] if plex else []))
        self.obstacle = ""  # what the watchdog would say
        self.jobs = jobs.Jobs(
            jobs.Tools(
                runs=self.runs,
                items=self.items,
                memory=self.memory,
                cleaner=StoredCleaner(self.database),
                logs=self.logs,
                host=host or LocalHost(),
                clock=self.clock,
                cron=CronLines(),
                open_plex=self.open_plex,
                pin=lambda server: self.runs.pin_server("here", server),
                obstacle=lambda: self.obstacle,
                mark=self.database.mark,
            ),
            limits or jobs.Limits(),
        )

    @contextmanager
    def open_plex(self, stop):
        client = PlexClient(self.plex.url, self.plex.token, self.deadline, self.clock, stop)
        try:
            yield client
        finally:
            client.close()

    def scan(self, options: ScanOptions = EVERYTHING) -> Run:
        """A whole scan in this thread."""
        return self.jobs.start_now(options, "test", jobs.Brake())

    def resume(self, job_id: str) -> Run:
        """A run that ended too early, carried on in this thread."""
        self.runs.requeue(job_id, "test")
        self.jobs.tick()
        assert self.jobs.work()
        return self.run(job_id)

    def start(self, options: ScanOptions = EVERYTHING) -> Background:
        """A scan in another thread."""
        return Background(self, options)

    def run(self, job_id: str) -> Run:
        run = self.runs.get(job_id)
        assert run is not None
        return run

    def outcomes(self, run: Run) -> dict[str, str]:
        """{rating key: outcome (or 'open')} of one run."""
        rows, _ = self.items.work_rows(run.job_id, ItemFilter(), 10_000, 0)
        return {row.key: row.outcome or "open" for row in rows}

    def whys(self, run: Run) -> dict[str, str]:
        rows, _ = self.items.work_rows(run.job_id, ItemFilter(), 10_000, 0)
        return {row.key: row.why for row in rows}

    def log(self, run: Run) -> str:
        return self.logs.path(run.job_id).read_text(encoding="utf-8")

    def sql(self, statement: str) -> list[tuple]:
        """As the sqlite3 command would: another connection, no SQLAlchemy."""
        connection = sqlite3.connect(self.path, timeout=10)
        try:
            with connection:
                return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def puts(self) -> dict[str, int]:
        return self.plex.stats()["refreshes"]


class Background:
    """A scan under way."""

    def __init__(self, rig: Rig, options: ScanOptions) -> None:
        self.rig = rig
        self.job_id = rig.runs.enqueue(Source.MANUAL, options, "test")
        rig.jobs.tick()
        self._thread = threading.Thread(target=rig.jobs.work, daemon=True)
        self._thread.start()

    def until(self, condition: Callable[[Run], bool], seconds: float = 20) -> Run:
        """The run as soon as it fulfils the condition."""
        waiting = threading.Event()
        for _ in range(int(seconds / 0.02)):
            run = self.rig.run(self.job_id)
            if condition(run):
                return run
            waiting.wait(0.02)
        raise AssertionError(f"not within {seconds} s: {self.rig.run(self.job_id)}")

    def end(self, seconds: float = 60) -> Run:
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"still at it: {self.rig.run(self.job_id).progress}"
        return self.rig.run(self.job_id)
