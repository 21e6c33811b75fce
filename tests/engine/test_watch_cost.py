"""What the watchdog may cost: nothing that grows with its looks, and next to nothing in a second without news."""

from __future__ import annotations

import gc
import logging
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from bench.tower import TROUBLE_EVERY, Tower
from keeper.config import Settings
from keeper.demo.process import DemoPlex
from keeper.rules.types import Owner, Preferences, RunStatus, ScanOptions, Source
from keeper.wiring import House

LOOKS, STRETCHES = 300, 5
FEW = 0.5  # a look: memory blocks, threads, open files. Keeping one of each look would be 1 at the very least
STATEMENTS_OF_A_LOOK = 30  # BEGIN counts too


@pytest.fixture
def tower(tmp_path: Path) -> Iterator[Tower]:
    """Silent: what it logs is kept by pytest, and would look like something that the loop keeps."""
    tower = Tower(tmp_path / "keeper.db", 1200.0)
    logging.disable()
    yield tower
    logging.disable(logging.NOTSET)
    tower.close()


@pytest.fixture
def house(tmp_path: Path, serve: Callable[..., DemoPlex], monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Its clock stands still, and its lease lasts longer than any test: both would be news."""
    plex = serve()
    settings = Settings(
        _env_file=None, plex_url=plex.url, plex_token=plex.token, psr_db_path=tmp_path / "keeper.db",
        host_kind="none", network_test_endpoints="none", psr_orphan_grace_minutes=60,
    )  # fmt: skip
    house = House(settings)
    now = house.clock.now()
    monkeypatch.setattr(house.clock, "now", lambda: now)
    yield house
    house.engine.stop()
    house.close()


class Counted:
    """The statements that go to a data file, BEGIN included."""

    def __init__(self, house: House) -> None:
        self._seen: list[str] = []
        event.listen(house.database.engine, "before_cursor_execute", self._note)

    def _note(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        self._seen.append(statement)

    def during(self, step: Callable[[], object]) -> list[str]:
        self._seen.clear()
        step()
        return list(self._seen)


def second(house: House) -> None:
    """What the engine does in a second in which no look is due."""
    duties = {duty.name: duty for duty in house.engine.duties}
    duties["housekeeping"].tick()
    duties["scans"].tick()


def settle(house: House) -> None:
    """Lease, retention and the first look at the queue are behind us."""
    for _ in range(3):
        second(house)


def written_elsewhere(house: House, statement: str, *values: object) -> None:
    """As the sqlite3 command would."""
    connection = sqlite3.connect(house.database.path, timeout=10)
    with connection:
        assert connection.execute(statement, values).rowcount == 1
    connection.close()


def status(house: House, job_id: str) -> RunStatus:
    run = house.runs.get(job_id)
    assert run is not None
    return run.status


def open_files() -> int:
    return len(os.listdir("/dev/fd"))


def threads_come_down_to(number: float) -> bool:
    """Helpers end a moment after they gave their answer."""
    waiting, deadline = threading.Event(), time.monotonic() + 5
    while threading.active_count() > number and time.monotonic() < deadline:
        waiting.wait(0.01)
    return threading.active_count() <= number


def blocks_kept(tower: Tower) -> int:
    """Memory blocks that are there after LOOKS more looks, and were not before."""
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(LOOKS):
        tower.tick()
    gc.collect()
    return sys.getallocatedblocks() - before


def test_the_loop_does_not_grow_with_its_looks(tower: Tower) -> None:
    """What is made once (a cache, a first crash) is made in one stretch; what is kept of each look grows in all."""
    while tower.seconds < 4 * TROUBLE_EVERY:  # each trouble was there once, and old looks are being thrown away
        tower.tick()
    files, threads, acted = open_files(), threading.active_count(), tower.acted
    grown = [blocks_kept(tower) for _ in range(STRETCHES)]
    assert tower.acted > acted, "there was trouble on the way"
    assert min(grown) < FEW * LOOKS, grown
    assert open_files() <= files
    assert threads_come_down_to(threads)


def test_an_idle_second_asks_the_data_file_nothing(house: House) -> None:
    counted = Counted(house)
    settle(house)
    assert counted.during(lambda: [second(house) for _ in range(10)]) == []


def test_a_schedule_costs_a_question_a_minute_and_not_a_second(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    monkeypatch.setattr(house.clock, "now", lambda: now)
    preferences = Preferences(schedule_enabled=True, schedule="20:00", zone="UTC")
    house.memory.save_preferences(preferences, "test")
    counted = Counted(house)
    settle(house)
    assert counted.during(lambda: [second(house) for _ in range(10)]) == []
    now += timedelta(minutes=1)
    asked = counted.during(lambda: [second(house) for _ in range(10)])
    assert len([each for each in asked if "day_marks" in each]) == 1


def test_after_somebody_wrote_the_queue_is_looked_at_once(house: House) -> None:
    counted = Counted(house)
    settle(house)
    house.memory.note("anything", "new", "test")
    assert "scan_runs" in " ".join(counted.during(lambda: second(house)))
    assert counted.during(lambda: second(house)) == []


def test_a_look_costs_a_bounded_number_of_statements(house: House) -> None:
    counted = Counted(house)
    settle(house)
    house.monitor.tick()
    asked = counted.during(house.monitor.tick)
    assert len(asked) <= STATEMENTS_OF_A_LOOK, asked
    assert sum("IMMEDIATE" in each for each in asked) == 1, "one look takes the write lock once"


def test_looks_leave_no_threads_and_no_open_files_behind(house: House) -> None:
    house.monitor.tick()
    threads, files, looks = threading.active_count(), open_files(), 40
    for _ in range(looks):
        house.monitor.tick()
    assert threads_come_down_to(threads)
    assert open_files() - files < FEW * looks, "the pool of connections may have filled, no more"


def test_a_scan_cancelled_with_sqlite3_while_it_waits_is_seen_in_the_next_second(house: House) -> None:
    settle(house)
    job_id = house.runs.enqueue(Source.MANUAL, ScanOptions(), "test")
    written_elsewhere(house, "update scan_runs set cancel_requested=1 where job_id=?", job_id)
    second(house)
    assert status(house, job_id) is RunStatus.CANCELLED


def test_a_scan_queued_by_another_program_starts_in_the_next_second(house: House) -> None:
    settle(house)
    job_id = house.runs.enqueue(Source.MANUAL, ScanOptions(dry_run=True), "test")
    written_elsewhere(house, "update scan_runs set requested_by='another program' where job_id=?", job_id)
    second(house)
    assert status(house, job_id) is RunStatus.SUCCESS


def test_a_run_whose_owner_dies_without_a_word_is_found_though_nothing_is_written(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(house)
    other = Owner(house.host.me().boot, 4_000_000, 1)
    alive = True
    monkeypatch.setattr(house.host, "is_alive", lambda owner: alive)
    run = house.runs.start(Source.CLI, ScanOptions(), "test", other, "another program", 600)
    for _ in range(3):
        second(house)
    assert status(house, run.job_id) is RunStatus.RUNNING
    alive = False
    second(house)
    assert status(house, run.job_id) is RunStatus.INTERRUPTED


def test_the_daily_scan_is_queued_in_its_minute_though_nothing_is_written(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 3, 1, 3, 29, 58, tzinfo=UTC)
    monkeypatch.setattr(house.clock, "now", lambda: now)
    house.memory.save_preferences(Preferences(schedule_enabled=True, schedule="03:30", zone="UTC"), "test")
    settle(house)
    assert house.runs.count() == 0
    now += timedelta(seconds=1)
    second(house)
    assert house.runs.count() == 0
    now += timedelta(seconds=1)
    second(house)
    assert house.runs.count() == 1


def test_the_mark_of_the_store_tells_writing_by_us_and_by_others_and_nothing_else(house: House) -> None:
    mark, database = house.database.mark, house.database
    first = mark()
    assert mark() == first
    with database.read() as connection:
        connection.exec_driver_sql("select count(*) from scan_runs").scalar()
    assert mark() == first, "reading is no change"
    house.memory.note("anything", "new", "test")
    second_mark = mark()
    assert second_mark != first
    written_elsewhere(house, "update settings set value='newer' where key='anything'")
    assert mark() != second_mark


def test_a_mark_that_cannot_be_told_is_like_no_other(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    first = house.database.mark()
    house.database.close()  # a connection opened anew counts from the start, and must not seem unchanged
    assert house.database.mark() != first
    house.database.close()
    monkeypatch.setattr(house.database, "path", house.database.path / "nowhere")
    assert house.database.mark() != house.database.mark()
