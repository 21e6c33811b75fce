"""What the tests of deliveries and events share: a store whose clock stands still, events, and answers of a service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event as sql_event

from keeper.rules.types import Answer, Event, Notice, Parcel, Receipt, Result, Severity
from keeper.store.db import Database
from keeper.store.deliveries import StoredDeliveries
from keeper.store.events import write_notice
from keeper.world.clock import SystemClock

NOW = datetime(2026, 5, 31, 23, 30, tzinfo=UTC)
AIRTABLE, CHAT = "airtable", "chat-3f2a"


class StillClock(SystemClock):
    def now(self) -> datetime:
        return NOW


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def store_of(database: Database) -> StoredDeliveries:
    """As a process of its own would have it."""
    return StoredDeliveries(database, StillClock())


def happen(
    database: Database, count: int = 1, kind: str = "Trouble", severity: Severity = Severity.INFO, at: datetime = NOW,
    data: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    with database.write() as connection:
        for number in range(count):
            write_notice(connection, at, Notice(kind, severity, f"{kind} {number}.", data or {}))


def everything(_event: Event) -> bool:
    return True


def waiting(
    database: Database, count: int = 1, names: Sequence[str] = (AIRTABLE,), held: datetime | None = None
) -> StoredDeliveries:
    """A store with so many events on their way to those outlets."""
    store = store_of(database)
    for name in names:
        store.register(name, "1", NOW)
    happen(database, count)
    for name in names:
        store.fan_out(name, (lambda _event: held) if held else everything, 1_000)
    return store


def numbers(parcels: Sequence[Parcel]) -> list[int]:
    return [parcel.event.id for parcel in parcels]


def answer(parcels: Sequence[Parcel], *results: Result, calls: int = 1, why: str = "It said so.") -> Answer:
    """A result for each parcel; the last one counts for all that follow."""
    padded = [*results, *[results[-1]] * len(parcels)]
    return Answer(
        tuple(
            Receipt(parcel.id, result, "" if result is Result.DONE else why, f"rec{parcel.event.id}")
            for parcel, result in zip(parcels, padded, strict=False)
        ),
        calls,
    )


def send(
    store: StoredDeliveries, *results: Result, name: str = AIRTABLE, limit: int = 10, now: datetime = NOW,
    again: float = 60.0, calls: int = 1, why: str = "It said so.",
) -> list[int]:  # fmt: skip
    """One call with these results; the events that were sent along."""
    parcels = store.due(name, now, limit)
    store.begin(name, parcels, now)
    told = answer(parcels, *results, calls=calls, why=why)
    tried = {each.parcel for each in told.receipts if each.result is not Result.DONE}
    store.conclude(name, told, dict.fromkeys(tried, now + timedelta(seconds=again)), now)
    return numbers(parcels)


def plans(database: Database, work: Callable[[], object]) -> list[str]:
    """How SQLite does each statement of `work`."""
    asked: list[tuple[str, object]] = []

    def note(_connection, _cursor, statement: str, parameters: object, *_more: object) -> None:
        asked.append((statement, parameters))

    sql_event.listen(database.engine, "before_cursor_execute", note)
    work()
    sql_event.remove(database.engine, "before_cursor_execute", note)
    with database.read() as connection:
        return [
            row[3]
            for statement, parameters in asked
            if not statement.startswith(("BEGIN", "PRAGMA", "INSERT"))
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
