"""outlets and outlet_calls: who is told, how far, and what is in the way. Functions within the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, literal_column, select, update

from keeper.rules.types import DeliveryStatus, OutletState
from keeper.store.schema import deliveries, events, outlet_calls, outlets

#: No service asks for more, not even for the next month. What waits for longer was written by a clock that was wrong.
LONGEST_WAIT = timedelta(days=32)
#: Written out, not bound: SQLite uses the small indexes of what is pending only when it sees the word.
PENDING = deliveries.c.status == literal_column(f"'{DeliveryStatus.PENDING.value}'")
#: When something does not say why.
NO_REASON = "It did not say why."


def has_to_wait(until: datetime | None, now: datetime) -> bool:
    return until is not None and now < until <= now + LONGEST_WAIT


def find(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(outlets).where(outlets.c.name == name)).first()


def add(connection: Connection, name: str, fingerprint: str, now: datetime) -> None:
    """Its cursor stands behind the newest event: it is told nothing of the past."""
    newest = connection.execute(select(func.max(events.c.id))).scalar() or 0
    row = {"name": name, "fingerprint": fingerprint, "cursor": newest, "registered_at": now}
    connection.execute(insert(outlets).values(**row))


def advance(connection: Connection, name: str, seen: int, to: int) -> bool:
    """Moves the cursor; False = somebody else has moved it since it was `seen`."""
    mine = update(outlets).where(outlets.c.name == name, outlets.c.cursor == seen)
    return connection.execute(mine.values(cursor=to)).rowcount == 1


def block(connection: Connection, name: str, why: str, now: datetime) -> None:
    """The time is that of the first sentence, as long as it is blocked."""
    this = outlets.c.name == name
    connection.execute(update(outlets).where(this, outlets.c.blocked_at.is_(None)).values(blocked_at=now))
    connection.execute(update(outlets).where(this).values(blocked=why or NO_REASON))


def free(connection: Connection, name: str, keep_silence: bool = False) -> None:
    """Nothing is in the way any more: neither a block nor a silence, and what failed is due at once."""
    nothing = {"blocked": "", "blocked_at": None} | ({} if keep_silence else {"paused_until": None})
    connection.execute(update(outlets).where(outlets.c.name == name).values(**nothing))
    make_due(connection, [name])


def make_due(connection: Connection, names: Sequence[str]) -> None:
    """What waits for its next try waits no longer; what is held for quiet hours still does."""
    failed = PENDING & deliveries.c.next_at.is_not(None) & deliveries.c.outlet.in_(names)
    connection.execute(update(deliveries).where(failed).values(next_at=None))


def count_calls(connection: Connection, name: str, now: datetime, calls: int) -> None:
    month = month_of(now)
    this = (outlet_calls.c.name == name, outlet_calls.c.month == month)
    more = update(outlet_calls).where(*this).values(calls=outlet_calls.c.calls + calls)
    if connection.execute(more).rowcount == 0:
        connection.execute(insert(outlet_calls).values(name=name, month=month, calls=calls))


def calls_of(connection: Connection, name: str, month: str) -> int:
    wanted = select(outlet_calls.c.calls).where(outlet_calls.c.name == name, outlet_calls.c.month == month)
    return int(connection.execute(wanted).scalar() or 0)


def count(connection: Connection, name: str, status: DeliveryStatus) -> int:
    """Costs as much as there is of that status, however many others there are."""
    wanted = select(func.count()).where(deliveries.c.outlet == name, deliveries.c.status == status.value)
    return int(connection.execute(wanted).scalar_one())


def state(connection: Connection, name: str, now: datetime) -> OutletState:
    """Also of one that was never registered: nothing is known of it."""
    row = find(connection, name)
    pending = count(connection, name, DeliveryStatus.PENDING)
    failed = count(connection, name, DeliveryStatus.FAILED)
    calls = calls_of(connection, name, month_of(now))
    if row is None:
        return OutletState(name, pending, failed=failed, calls=calls)
    paused = row.paused_until if has_to_wait(row.paused_until, now) else None
    return OutletState(name, pending, row.blocked, row.blocked_at, paused, row.last_sent_at, failed, calls)


def names_with_deliveries(connection: Connection) -> list[str]:
    """Of outlets that are no more, too. One step through the index for each, however many rows it has."""
    names: list[str] = []
    while True:
        following = select(func.min(deliveries.c.outlet)).where(deliveries.c.outlet > (names[-1] if names else ""))
        name = connection.execute(following).scalar()
        if name is None:
            return names
        names.append(name)


def month_of(now: datetime) -> str:
    return f"{now.astimezone(UTC):%Y-%m}"
