"""kill -9 again and again, Airtable in all its moods, and a disk that is full for a while: every event arrives exactly
once and in order, whether the table has the field 'Event ID' or not."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from courier_process import FastClock

from keeper.errors import StoreError
from keeper.rules.types import Severity
from keeper.store.db import Database
from keeper.store.deliveries import StoredDeliveries
from keeper.store.events import write_event
from tests.world import fuse_mounts
from tests.world.fake_airtable import FakeAirtable

until = partial(fuse_mounts.until, seconds=60.0)  # by then it has happened on a busy machine too
EVENTS, KILLS = 2_000, 200
HERE = Path(__file__).parent
DISK = 24 << 20  # bytes; SQLite's journal alone grows to two thirds of that
FULL = range(90, 100)  # rounds during which the disk is full
GONE = range(140, 146)  # rounds during which nobody listens
MOODS = (
    "429",
    "500",
    "503",
    "reset",
    "hang",
    "500 stored",
    "503 stored",
    "reset stored",
    "hang stored",
    "garbled stored",
)


class Disk:
    """A small disk of its own where one can be mounted; else only the couriers' files cannot grow for a while."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "disk"
        self.folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(self.folder)]
        self.is_own = subprocess.run(mount, capture_output=True).returncode == 0
        self.store = self.folder / "keeper.db"
        self.limit = ""  # for the next courier

    def fill(self) -> None:
        if not self.is_own:
            self.limit = " 4096"
            return
        with suppress(OSError), (self.folder / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))

    def clear(self) -> None:
        self.limit = ""
        (self.folder / "ballast").unlink(missing_ok=True)

    def unmount(self) -> None:
        if self.is_own:
            subprocess.run(["umount", "-l", str(self.folder)], check=True)


class Couriers:
    """One after the other, each of which is killed."""

    def __init__(self, airtable: FakeAirtable, disk: Disk, log: Path) -> None:
        self._disk = disk
        settings = [str(disk.store), airtable.url, airtable.base, airtable.table, airtable.token]
        command = [sys.executable, str(HERE / "courier_process.py"), str(log), *settings]
        environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
        pipe = subprocess.PIPE
        self._nest = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1, env=environment)
        self._pid = 0

    def start(self) -> None:
        self._nest.stdin.write(f"start{self._disk.limit}\n")
        self._pid = int(self._nest.stdout.readline())

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        until(lambda: not is_alive(self._pid))

    def end(self) -> None:
        self._nest.stdin.close()
        self._nest.wait(10)
        self._nest.stdout.close()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Chronicle:
    """Writes the events, ten at a time and in one second; two of each ten are alike. What the full disk does not take
    is written later."""

    def __init__(self, database: Database) -> None:
        self._database, self.written, self.refused = database, 0, 0

    def write(self, upto: int, at: datetime) -> None:
        while self.written < upto:
            try:
                with self._database.write() as connection:
                    for number in range(self.written, self.written + 10):
                        write_event(connection, at, "Plex Restart", Severity.INFO, message(number), {})
            except StoreError:
                self.refused += 1
                return
            self.written += 10


def message(number: int) -> str:
    return f"event {number - number % 10 if number % 10 == 5 else number} 'of' \"many\" \\ {{🎬}}\nline 2"


class Chaos:
    """Everything that goes wrong, and when: thrown with one seeded dice."""

    def __init__(self, airtable: FakeAirtable, seed: int) -> None:
        self._dice, self.airtable = random.Random(seed), airtable
        self._arrived, self._awaited = threading.Event(), 0
        airtable.latency, airtable.dice = self._latency, self._mood
        self.moods: list[str] = []
        self.is_over = False

    def _latency(self) -> float:
        return self._dice.uniform(0, 0.004)

    def _mood(self, _method: str) -> str:
        """Asked for each call that is about records."""
        self._awaited -= 1
        if self._awaited == 0:
            self._arrived.set()
        mood = "" if self.is_over or self._dice.random() > 0.25 else self._dice.choice(MOODS)
        self.moods += [mood] if mood else []
        return mood

    def begin_round(self) -> None:
        self._arrived.clear()
        self._awaited = self._dice.choice((1, 1, 2))

    def wait_for_the_moment(self) -> None:
        """Some kills come at any time, most while a call is under way or while its answer is being noted."""
        if self._dice.random() < 0.8:
            self._arrived.wait(0.6)
            pause(self._dice.uniform(0, 0.025))
        else:
            pause(self._dice.uniform(0, 0.3))


def pause(seconds: float) -> None:
    threading.Event().wait(seconds)


@pytest.fixture(params=[True, False], ids=["with the field", "without the field"])
def airtable(request):
    with FakeAirtable(with_id=request.param, a_second=None) as fake:
        yield fake


@pytest.fixture
def disk(tmp_path):
    small = Disk(tmp_path)
    yield small
    small.unmount()


def test_two_hundred_kills_and_every_fault_and_each_event_arrives_once_and_in_order(airtable, disk, tmp_path):
    clock, chaos = FastClock(), Chaos(airtable, seed=5)
    database = Database(disk.store)
    database.migrate()
    store = StoredDeliveries(database, clock)
    store.register("airtable", "", clock.now())
    chronicle = Chronicle(database)
    couriers = Couriers(airtable, disk, tmp_path / "log")
    try:
        for number in range(KILLS):
            change_the_world(number, airtable, disk)
            chronicle.write((number + 1) * EVENTS // KILLS, clock.now())
            chaos.begin_round()
            couriers.start()
            chaos.wait_for_the_moment()
            couriers.kill()
            until(lambda: not airtable.is_at_work)  # what the dead one has sent is worked on before it is looked for
        chronicle.write(EVENTS, clock.now())
        chaos.is_over = True
        couriers.start()
        until(lambda: store.count_pending("airtable") == 0 and len(airtable.records) >= EVENTS)
        couriers.kill()
    finally:
        couriers.end()
        database.close()
    assert airtable.messages() == [message(number) for number in range(EVENTS)]
    assert_the_chaos_was_one(airtable, chaos, chronicle, disk)
    assert_the_store_knows(disk.store, airtable)
    assert "Traceback" not in (tmp_path / "log").read_text(encoding="utf-8")


def change_the_world(number: int, airtable: FakeAirtable, disk: Disk) -> None:
    changes: dict[int, Callable[[], None]] = {
        FULL.start: disk.fill, FULL.stop: disk.clear, GONE.start: airtable.go_away, GONE.stop: airtable.come_back,
    }  # fmt: skip
    changes.get(number, lambda: None)()


def assert_the_chaos_was_one(airtable: FakeAirtable, chaos: Chaos, chronicle: Chronicle, disk: Disk) -> None:
    """A test in which nothing went wrong would show nothing."""
    assert len(set(chaos.moods)) >= 6
    assert chronicle.refused > 0 or not disk.is_own
    looks, writes = airtable.calls("GET"), airtable.calls("POST", "PATCH")
    assert sum(call.records for call in writes if call.status == 200) >= EVENTS * 0.6
    if "Event ID" in airtable.fields:
        assert sum(call.records for call in writes) > EVENTS  # some were sent again, and met their own record
    else:
        assert sum(1 for look in looks if look.status == 200) > 20


def assert_the_store_knows(path: Path, airtable: FakeAirtable) -> None:
    """Each delivery has the number of its record, no two of them the same."""
    connection = sqlite3.connect(path)
    assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    rows = connection.execute("select status, remote_id, event_id from deliveries order by event_id").fetchall()
    connection.close()
    assert {status for status, _, _ in rows} == {"sent"}
    assert {remote for _, remote, _ in rows} == {record.id for record in airtable.records}
    assert len(rows) == EVENTS
