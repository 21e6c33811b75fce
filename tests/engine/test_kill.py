"""kill -9 at random moments: nothing is lost, nobody is judged twice, and the rest is done after the next start."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

from keeper.rules.types import ScanOptions, Source
from keeper.store.db import Database
from keeper.store.runs import Runs
from keeper.world.clock import SystemClock

HERE = Path(__file__).parent
KILLS = 50
PAUSE = threading.Event()  # nobody sets it


class Engines:
    """Engines to be killed, one at a time; all are forked from one process that has everything imported."""

    def __init__(self, folder: Path, plex) -> None:
        settings = {
            **os.environ,
            "PYTHONPATH": str(HERE.parents[1]),
            "KEEPER_ENV_FILE": os.devnull,
            "NETWORK_TEST_ENDPOINTS": "none",
            "PLEX_URL": plex.url,
            "PLEX_TOKEN": plex.token,
            "PSR_DB_PATH": str(folder / "keeper.db"),
        }
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        command = [sys.executable, str(HERE / "engine_process.py")]
        self._forge = subprocess.Popen(command, env=settings, text=True, **pipes)
        self._engine = 0

    def start(self) -> None:
        self._forge.stdin.write("another\n")
        self._forge.stdin.flush()
        word, _, number = self._forge.stdout.readline().partition(" ")
        assert word == "ready"
        self._engine = int(number)

    def kill(self) -> None:
        os.kill(self._engine, signal.SIGKILL)
        until(self._is_gone, 5)

    def end(self) -> None:
        os.kill(self._engine, signal.SIGTERM)
        until(self._is_gone, 5)
        self._forge.stdin.close()
        assert self._forge.wait(5) == 0

    def _is_gone(self) -> bool:
        return not psutil.pid_exists(self._engine)


def until(condition, seconds: float) -> float:
    """How long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        PAUSE.wait(0.005)
    return time.monotonic() - began


def test_fifty_kills_lose_nothing_and_judge_nobody_twice(tmp_path, serve):
    chance = random.Random(20)
    plex = serve("movies:900:500", never_mend=0.1, refresh_seconds="0.12-0.28", agents=4)
    broken = {item["ratingKey"]: item for item in plex.items(flawed=True)}
    database = Database(tmp_path / "keeper.db")
    database.migrate()
    runs = Runs(database, SystemClock())
    job_id = runs.enqueue(Source.MANUAL, ScanOptions(days=0), "test")
    engine = Engines(tmp_path, plex)
    engine.start()
    verdicts: dict[str, tuple[str, str]] = {}
    kills = 0
    while kills < KILLS and runs.get(job_id).status != "success":
        until(lambda: runs.get(job_id).status != "queued", 5)
        PAUSE.wait(chance.uniform(0, 0.5))
        engine.kill()
        kills += 1
        verdicts = check_file(tmp_path / "keeper.db", verdicts)
        engine.start()
        if runs.get(job_id).status != "success":
            assert until(lambda: runs.get(job_id).status == "interrupted", 2.0) < 2.0
            runs.requeue(job_id, "test")
    plex.set(refresh_seconds=[0.05, 0.1])  # the rest has nothing to do with being killed
    until(lambda: runs.get(job_id).status in ("success", "failed"), 60)
    run = runs.get(job_id)
    engine.end()
    verdicts = check_file(tmp_path / "keeper.db", verdicts)
    assert kills == KILLS
    assert run.status == "success"
    mendable = {key for key, item in broken.items() if not item["never_mends"] and not item["locked"]}
    fixed = {key for key, (outcome, _) in verdicts.items() if outcome == "fixed"}
    still = {item["ratingKey"] for item in plex.items(keys=sorted(broken)) if item["missing"]}
    assert len(mendable) > 300
    assert fixed.isdisjoint(still)
    assert mendable <= fixed
    assert run.stats.fixed == len(fixed)
    asked = plex.stats()["refreshes"]
    assert sum(asked.values()) <= len(asked) + 4 * KILLS  # at most those in flight were asked again
    database.close()


def check_file(path: Path, before: dict) -> dict:
    """The file is whole, and whoever had a verdict has it still."""
    connection = sqlite3.connect(path, timeout=10)
    assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    judged = "select rating_key, outcome, judged_at from scan_items where outcome is not null"
    rows = connection.execute(judged).fetchall()
    connection.close()
    now = {key: (outcome, judged_at) for key, outcome, judged_at in rows}
    assert len(now) == len(rows)
    assert {key: now[key] for key in before} == before
    return now
