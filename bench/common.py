"""What the benchmarks share: a store in a throw-away folder, memory in MB, the run of one scan."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

import logic
from jobs import Brake
from keeper.rules.types import Run, RunStatus, ScanOptions, Source
from keeper.store.db import Database
from keeper.store.items import Items
from keeper.store.runs import Runs
from keeper.world.clock import SystemClock
from keeper.world.host import LocalHost
from keeper.world.plex import PlexClient


def resident_mb() -> float:
    """Memory of this process now."""
    return psutil.Process().memory_info().rss / 1e6


@contextmanager
def store() -> Iterator[tuple[Items, Runs]]:
    """An empty store on disk."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "bench.db")
        database.migrate()
        yield Items(database, clock), Runs(database, clock)
        database.close()


def scan(url: str, token: str, items: Items, runs: Runs, options: ScanOptions) -> tuple[logic.Board, Run]:
    """One scan, without the pulse thread; its board and its run."""
    clock, brake, host = SystemClock(), Brake(), LocalHost()
    run = runs.start(Source.CLI, options, "bench", host.me(), host.describe(), 600)
    client = PlexClient(url, token, 30.0, clock, brake)
    board = logic.Board()
    around = logic.Surroundings(client, items, clock, brake, lambda text: None, lambda server: server.id)
    try:
        logic.scan(run, around, board)
    finally:
        client.close()
        runs.finish(run.job_id, host.me(), RunStatus.SUCCESS, board.stats, 0.0)
    return board, run
