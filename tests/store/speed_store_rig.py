"""Speed tests as they are asked for, measured and ended, for the tests of their tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from keeper.rules.types import (
    Aspect,
    Measured,
    Moment,
    Notice,
    Owner,
    Severity,
    SpeedDay,
    SpeedEnd,
    SpeedProvider,
    SpeedRun,
    SpeedSource,
    SpeedStatus,
    SpeedTest,
)
from keeper.store.db import Database
from keeper.store.schema import utc_text
from keeper.store.speed import StoredSpeed

START = datetime(2026, 5, 5, 2, tzinfo=UTC)
DAY = "2026-05-05"
OWNER, BOOT = Owner("boot-1", 4711, 99), "boot-1"
HTTP, OOKLA = SpeedProvider.HTTP, SpeedProvider.OOKLA
TOLD = Notice("Network Speed Test", Severity.INFO, "90 down, 24 up.", {"download_mbps": 90.0})


def moment(seconds: float = 0.0, boot: str = BOOT) -> Moment:
    return Moment(START + timedelta(seconds=seconds), boot, 1_000.0 + seconds)


def run(down: float = 90.0, up: float = 24.0, ping: float = 11.0, **more: Any) -> SpeedRun:
    server = more.pop("server", "7")
    measured = Measured(server, f"Town {server}", ping, down, up, 1_000, 500)
    return SpeedRun(**{"provider": HTTP, "measured": measured, "bytes": 1_500, "seconds": 12.5, **more})


def begin(
    store: StoredSpeed, seconds: float = 0.0, source: SpeedSource = SpeedSource.SCHEDULE, **more: Any
) -> SpeedTest:
    day = more.pop("day", DAY)
    return store.start(source, "ada", day, False, OWNER, "pid 4711 on nas", moment(seconds))


def success(result: SpeedRun | None = None, low: tuple[Aspect, ...] = (), **more: Any) -> SpeedEnd:
    return SpeedEnd(SpeedStatus.SUCCESS, result or run(), low, 30.0, **more)


def measure(store: StoredSpeed, seconds: float = 0.0, result: SpeedRun | None = None, **more: Any) -> int:
    """A whole test of a person: begun, measured, believed."""
    result = result or run()
    test = begin(store, seconds, SpeedSource.MANUAL)
    store.note_run(test.id, result, moment(seconds + 20).at)
    assert store.finish(test.id, success(result, **more), moment(seconds + 30).at)
    return test.id


def over(outcome: str, day: str = DAY, **more: Any) -> SpeedDay:
    return SpeedDay(day, outcome, **more)


def shell(database: Database, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """What a person does by hand, in the words of the sqlite3 command."""
    with database.write() as connection:
        found = connection.exec_driver_sql(statement, values)
        return [tuple(row) for row in found] if found.returns_rows else []


def fill(database: Database, days: int, until: datetime = START) -> None:
    """A result for every day before `until`, each by two measurements of which the first was refused."""
    numbers = range(days)
    began = [utc_text(until - timedelta(days=days - number)) for number in numbers]
    tests = [
        (
            "success", "schedule", "engine", at[:10], at, at, at, "http", str(number % 3), "Town", 11.0,
            80.0 + number % 20, 24.0, "download" if number % 50 == 0 else "", 3_000, 40.0,
        )
        for number, at in zip(numbers, began, strict=True)
    ]  # fmt: skip
    columns = ("status, source, requested_by, local_date, created_at, began_at, finished_at, provider, server,"
               " server_name, ping_ms, download_mbps, upload_mbps, low, bytes, seconds")  # fmt: skip
    insert_all(database, "speed_tests", columns, tests)
    flaws = ("no_upload", None)
    runs = [
        (number + 1, at, "http", flaw, 1_500, 12.0, 11.0, 80.0, 24.0)
        for number, at in zip(numbers, began, strict=True)
        for flaw in flaws
    ]
    columns = "test_id, at, provider, flaw, bytes, seconds, ping_ms, download_mbps, upload_mbps"
    insert_all(database, "speed_runs", columns, runs)
    settled = [(at[:10], "skipped" if number % 90 == 0 else "success", at) for number, at in enumerate(began)]
    insert_all(database, "speed_days", "local_date, outcome, settled_at", settled)


def insert_all(database: Database, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * len(columns.split(",")))
    with database.write() as connection:
        connection.exec_driver_sql(f"insert into {table} ({columns}) values ({marks})", list(rows))
