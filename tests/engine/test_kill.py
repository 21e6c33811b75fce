"""kill -9 at random moments: nothing is lost, nobody is judged twice, and the rest is done after the next start."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from keeper.rules.types import ScanOptions, Source
from keeper.store.db import Database
from keeper.store.runs import Runs
from keeper.world.clock import SystemClock

HERE = Path(__file__).parent
KILLS = 50


class EngineProcess:
    """The engine, to be killed."""

    def __init__(self, folder: Path, plex) -> None:
        self._settings = {
            **os.environ,
            "PYTHONPATH": str(HERE.parents[1]),
            "KEEPER_ENV_FILE": os.devnull,
            "PLEX_URL": plex.url,
            "PLEX_TOKEN": plex.token,
            "PSR_DB_PATH": str(folder / "keeper.db"),
        }
        self._child = None

    def start(self) -> None:
        command = [sys.executable, str(HERE / "engine_process.py")]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._child = subprocess.Popen(command, env=self._settings, **pipes)
        assert self._child.stdout.readline() == b"ready\n"

    def kill(self) -> None:
        self._child.send_signal(signal.SIGKILL)
        self._child.wait()

    def end(self) -> None:
        self._child.stdin.close()
        assert self._child.wait(5) == 0


def until(condition, seconds: float) -> float:
    """How long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not happen in time"
    return time.monotonic() - began


def test_fifty_kills_lose_nothing_and_judge_nobody_twice(tmp_path, serve):
    chance = random.Random(20)
    plex = serve("movies:900:500", never_mend=0.1, refresh_seconds="0.15-0.35", agents=4)
    broken = {item["ratingKey"]: item for item in plex.items(flawed=True)}
    database = Database(tmp_path / "keeper.db")
    database.migrate()
    runs = Runs(database, SystemClock())
    job_id = runs.enqueue(Source.MANUAL, ScanOptions(days=0), "test")
    engine = EngineProcess(tmp_path, plex)
    engine.start()
    verdicts: dict[str, tuple[str, str]] = {}
    kills = 0
    while kills < KILLS and runs.get(job_id).status != "success":
        until(lambda: runs.get(job_id).status != "queued", 5)
        moment = time.monotonic() + chance.uniform(0, 0.9)
        until(lambda moment=moment: time.monotonic() >= moment, 2)
        engine.kill()
        kills += 1
        verdicts = check_file(tmp_path / "keeper.db", verdicts)
        engine.start()
        if runs.get(job_id).status != "success":
            assert until(lambda: runs.get(job_id).status == "interrupted", 2.0) < 2.0
            runs.requeue(job_id, "test")
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
