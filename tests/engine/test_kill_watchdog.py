"""kill -9 of the watchdog between 'remember' and 'act': an action is done once, or known as perhaps not done.

The restart command is a real one that leaves a line in a file whenever it runs. So the file knows what was done, the
ledger (table `actions`) what is remembered of it, and the file must never know of more.
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from command_rig import ROOT, settings_of

from keeper.rules.types import Cause, Incident, Moment, Step, StepKind, Watch
from keeper.store.db import Database
from keeper.store.watching import StoredWatch
from keeper.world.clock import SystemClock
from keeper.world.host import LocalHost
from tests.world import fuse_mounts

until = partial(fuse_mounts.until, seconds=30.0)  # by then it has happened on a busy machine too
KILLS = 6
PROCESS = str(Path(__file__).with_name("watch_to_kill.py"))
#: Writes its line, then waits while the file `wait` is there; it goes on living when its parent is killed.
COMMAND = (
    "import os, sys, time\nopen('{done}', 'a').write('done\\n')\nwhile os.path.exists('{wait}'): time.sleep(0.02)\n"
)


class Row(NamedTuple):
    """One line of the ledger. `done`: 1, 0, None = not known."""

    at: str
    action: str
    by: str
    done: int | None


class Service:
    """The service with its files; Plex is down, and the owner's own command restarts it."""

    def __init__(self, folder: Path) -> None:
        self.store, self._done, self.wait = folder / "keeper.db", folder / "done", folder / "wait"
        script = folder / "restart.py"
        script.write_text(COMMAND.format(done=self._done, wait=self.wait))
        own = f"{sys.executable} -I -S {script}"
        self.url = "http://127.0.0.1:9"  # the port of 'discard', where nobody listens
        self._settings = settings_of(self.url, "demo-token", self.store, PLEX_RESTART_COMMAND=own, CHECK_INTERVAL="5")
        self._child: subprocess.Popen[str] | None = None

    def seen_down_for_a_minute(self) -> None:
        """What a service remembers that has just looked several times; the next look decides to restart Plex."""
        clock, boot = SystemClock(), LocalHost().me().boot
        now = Moment(clock.now(), boot, clock.uptime())
        before = Moment(now.at - timedelta(seconds=60), boot, now.uptime - 60)
        watch = Watch(
            Incident(1, Cause.DOWN, before), 1, Cause.DOWN, since=before, looks=4, bad_looks=4, last=now, told=now,
            served=self.url,
        )  # fmt: skip
        database = Database(self.store)
        database.migrate()
        store = StoredWatch(database)
        store.load()
        store.concluded(watch, Step(StepKind.OPENED, before.at, Cause.DOWN, {}), ())
        database.close()

    def start(self, halting: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **self._settings}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._child = subprocess.Popen([sys.executable, PROCESS, halting], env=environment, text=True, **pipes)
        assert self._hears() == "ready"

    def comes_to_a_halt(self) -> None:
        assert self._hears() == "here"

    def kill(self) -> None:
        assert self._child is not None
        self._child.kill()
        self._child.communicate()

    def end(self) -> None:
        assert self._child is not None
        self._child.communicate()
        assert self._child.returncode == 0

    @property
    def commands(self) -> list[psutil.Process]:
        """The restart commands that run now."""
        return psutil.Process(self._child.pid).children() if self._child else []

    @property
    def lines(self) -> int:
        """How often the command was really run."""
        return len(self._done.read_text().splitlines()) if self._done.exists() else 0

    @property
    def ledger(self) -> list[Row]:
        return [Row(*row) for row in self._rows("select at, action, by_whom, done from actions order by id")]

    def looks(self) -> int:
        ((count,),) = self._rows("select count(*) from checks")
        return int(count)

    def is_whole(self) -> bool:
        return self._rows("pragma integrity_check") == [("ok",)]

    def _rows(self, statement: str) -> list[tuple]:
        connection = sqlite3.connect(self.store, timeout=10)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def _hears(self) -> str:
        assert self._child is not None and self._child.stdout is not None
        return self._child.stdout.readline().strip()


@pytest.fixture
def service(tmp_path: Path):
    made = Service(tmp_path)
    yield made
    made.wait.unlink(missing_ok=True)
    made.kill()


@pytest.mark.parametrize(("seam", "lines"), [("before", 0), ("after", 1)])
def test_killed_on_either_side_of_the_command_it_is_remembered_and_not_done_again(
    service: Service, seam: str, lines: int
) -> None:
    service.seen_down_for_a_minute()
    service.start(seam)
    service.comes_to_a_halt()
    service.kill()
    (row,) = service.ledger
    assert (row.action, row.by, row.done) == ("restart_plex", "", None), "written before it was done"
    assert service.lines == lines
    goes_on_without_another_restart(service, [row])


def test_killed_while_the_command_runs_the_command_comes_to_its_end_and_is_not_run_again(service: Service) -> None:
    service.wait.touch()
    service.seen_down_for_a_minute()
    service.start("never")
    until(lambda: service.lines == 1)
    (command,) = service.commands
    service.kill()
    assert command.is_running(), "a restart half done is worse than none"
    (row,) = service.ledger
    assert row.done is None
    service.wait.unlink()
    until(lambda: not command.is_running() or command.status() == psutil.STATUS_ZOMBIE)
    goes_on_without_another_restart(service, [row])


def test_not_killed_it_is_done_once_and_known_as_done(service: Service) -> None:
    service.seen_down_for_a_minute()
    service.start("never")
    until(lambda: [row.done for row in service.ledger] == [1])
    assert service.lines == 1
    service.end()
    assert len(service.ledger) == 1


def test_kills_at_any_moment_never_leave_a_command_that_the_ledger_does_not_know(service: Service) -> None:
    chance = random.Random(4)
    ledger: list[Row] = []
    for _ in range(KILLS):
        service.start("again")
        known = service.lines
        until(lambda known=known: service.lines >= known + 2)
        moment = time.monotonic() + chance.uniform(0, 0.1)
        until(lambda moment=moment: time.monotonic() >= moment)
        children = service.commands
        service.kill()
        psutil.wait_procs(children, 30)  # what was started before comes to its end
        assert service.is_whole()
        before, ledger = ledger, service.ledger
        assert ledger[: len(before)] == before, "the ledger never forgets"
        open_ends = sum(row.done is None for row in ledger)
        assert len(ledger) - open_ends <= service.lines <= len(ledger)
        assert open_ends <= KILLS
    assert len(ledger) > 2 * KILLS


def goes_on_without_another_restart(service: Service, ledger: list[Row]) -> None:
    """The next start looks again and waits for what the action, done or not, may still bring."""
    before, lines = service.looks(), service.lines
    service.start("never")
    until(lambda: service.looks() > before)
    assert (service.ledger, service.lines) == (ledger, lines)
    service.end()
