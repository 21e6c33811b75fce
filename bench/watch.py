"""What the watchdog costs: `keeper watch` as a whole process, its loop with a made-up clock, and a year of looks.

`python -m bench.watch 600` measures the process for so many seconds. The machine should have nothing else to do: what
the watchdog does once a second it does with cold caches, and beside busy neighbours the same work takes twice as long.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.common import resident_mb
from bench.tower import Tower
from keeper.demo.process import DemoPlex
from keeper.store.checks import Checks
from keeper.store.db import Database

SECONDS = 120.0
INTERVAL, SHARE, MEGABYTES = 20, 0.5, 100.0  # seconds, percent of one core, resident
EARLY, LATE = 10_000, 100_000  # looks
YEAR_MB, YEAR = 50.0, 365 * 86_400.0


class Spent(NamedTuple):
    """CPU seconds: of the process and its living children, and of children that have ended."""

    own: float
    ended: float

    @property
    def all(self) -> float:
        return self.own + self.ended


def service(seconds: float) -> None:
    """The real process against the simulated server over HTTP, from its first look on."""
    with DemoPlex(library="small") as plex, tempfile.TemporaryDirectory() as folder, _watching(plex, folder) as process:
        _until_first_look(process, Path(folder) / "bench.db")
        start, began = _spent(process), time.monotonic()
        time.sleep(seconds)
        end, took = _spent(process), time.monotonic() - began
        share = 100 * (end.all - start.all) / took
        resident = process.memory_info().rss / 1e6
    print(
        f"watch: {share:.2f} % of a core over {took:.0f} s at CHECK_INTERVAL={INTERVAL}, ratio {share / SHARE:.2f} "
        f"(under 1); {100 * (end.own - start.own) / took:.2f} % itself, {100 * (end.ended - start.ended) / took:.2f} % "
        f"the commands it ran; the start took {start.all:.1f} CPU seconds; "
        f"{resident:.0f} MB resident, ratio {resident / MEGABYTES:.2f} (under 1)"
    )


@contextmanager
def _watching(plex: DemoPlex, folder: str) -> Iterator[psutil.Popen]:
    settings = {
        "PLEX_URL": plex.url, "PLEX_TOKEN": plex.token, "PSR_DB_PATH": f"{folder}/bench.db",
        "CHECK_INTERVAL": str(INTERVAL), "NETWORK_TEST_ENDPOINTS": "none", "KEEPER_ENV_FILE": os.devnull,
    }  # fmt: skip
    command = [sys.executable, "-m", "keeper", "watch"]
    process = psutil.Popen(command, env={**os.environ, **settings}, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def _until_first_look(process: psutil.Popen, file: Path) -> None:
    """Raises RuntimeError when it does not come."""
    for _ in range(600):
        time.sleep(0.1)
        if process.poll() is not None:
            break
        if file.exists() and _looked(file):
            return
    raise RuntimeError("`keeper watch` did not look; run it by hand to see why")


def _looked(file: Path) -> bool:
    database = Database(file)
    try:
        database.migrate()
        return Checks(database).last() is not None
    finally:
        database.close()


def _spent(process: psutil.Process) -> Spent:
    times = process.cpu_times()
    living = [child.cpu_times() for child in process.children(recursive=True)]
    own = times.user + times.system + sum(child.user + child.system for child in living)
    return Spent(own, times.children_user + times.children_system)


def loop() -> dict[str, float]:
    """A year of looks, five minutes apart and closer in trouble: memory at EARLY and LATE, file size along the way."""
    logging.disable(logging.WARNING)  # every restart is one
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.db"
        tower = Tower(file, 300.0)
        found: dict[str, float] = {}
        began = time.process_time()
        while tower.seconds < YEAR or tower.ticks < LATE:
            tower.tick()
            if tower.ticks in (EARLY, LATE):
                found[str(tower.ticks)] = resident_mb()
                found[f"mb_{tower.ticks}"] = _stored_mb(file)
        found |= {"ms": 1000 * (time.process_time() - began) / tower.ticks, "ticks": tower.ticks, "acted": tower.acted}
        tower.close()
        return found | {"mb": _stored_mb(file)}


def _stored_mb(file: Path) -> float:
    return sum(each.stat().st_size for each in file.parent.glob(f"{file.name}*")) / 1e6


def main(seconds: float = SECONDS) -> None:
    """Figures of the process, then of the loop in a process of its own."""
    service(seconds)
    command = [sys.executable, "-m", "bench.watch", "loop"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    early, late = found[str(EARLY)], found[str(LATE)]
    print(
        f"watch loop: {found['ms']:.1f} ms of CPU per look without the looking; {early:.0f} MB resident after "
        f"{EARLY:,} looks, {late - early:+.1f} MB after {LATE:,} (under 2)"
    )
    print(
        f"watch store: {found['mb']:.1f} MB after a year of 5-minute looks ({found['ticks']:,.0f} looks, "
        f"{found['acted']:.0f} actions), ratio {found['mb'] / YEAR_MB:.2f} (under 1); "
        f"{found[f'mb_{EARLY}']:.1f} MB with its journal after {EARLY:,}"
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["loop"]:
        print(json.dumps(loop()))
    else:
        main(*map(float, sys.argv[1:]))
