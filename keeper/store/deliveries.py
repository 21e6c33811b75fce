"""deliveries: which event has to go where, and what became of it.

A row is begun before anything is sent. What was begun and never concluded may have arrived: it comes back as
uncertain. `attempts` counts the tries that were begun, so it also tells whether a row is still as somebody knew it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, delete, func, insert, or_, select, update

from keeper.errors import StoreError
from keeper.ports import Clock
from keeper.rules.types import (
    Answer,
    DeliverySeen,
    DeliveryStatus,
    Event,
    Notice,
    OutletState,
    Parcel,
    Receipt,
    Result,
    Severity,
    Telling,
)
from keeper.store import outlets
from keeper.store.db import Database
from keeper.store.events import to_event, write_notice
from keeper.store.outlets import LONGEST_WAIT, PENDING, has_to_wait
from keeper.store.schema import deliveries, events, settings
from keeper.store.schema import outlets as outlet_rows
from keeper.store.telling import read_telling, write_telling

log = logging.getLogger(__name__)

TELLING = "telling"
BATCH = 5_000  # rows that a person's word changes in one transaction, so that nobody waits long for the write lock
_LEAF = 500  # events asked about at once
_OVER = "The outlet is no more."
#: Once a try was begun and nobody said what became of it, only an arrival makes it certain again.
_MAY_HAVE_ARRIVED = case((deliveries.c.begun_at.is_not(None), 1), else_=deliveries.c.uncertain)


class StoredDeliveries:
    """The DeliveryStore port, and what people may ask and do. Raises StoreError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._tries: dict[int, tuple[int, datetime]] = {}  # by parcel: the try that this process has begun, and when
        self._complained: set[str] = set()

    # ------------------------------------------------------------------ what a person wants

    def telling(self) -> Telling:
        """What cannot be read counts as not set, loudly."""
        stored = self.noted(TELLING)
        if not stored:
            return Telling()
        telling, spoiled = read_telling(stored)
        if spoiled and stored not in self._complained:  # once: this is read at every tick
            self._complained.add(stored)
            told = "setting %s in the data file cannot be read (%s): not set until it is saved again"
            log.error(told, TELLING, ", ".join(sorted(spoiled)))
        return telling

    def tell(self, telling: Telling, by: str, now: datetime) -> None:
        notice = Notice("Telling Changed", Severity.INFO, f"{by} changed what is told, when and where.", {"by": by})
        with self._database.write(lasting=True) as connection:
            self._keep(connection, TELLING, write_telling(telling), by, now)
            write_notice(connection, now, notice)

    # ------------------------------------------------------------------ the courier: what has to go where

    def register(self, name: str, fingerprint: str, now: datetime) -> None:
        with self._database.read() as connection:
            row = outlets.find(connection, name)
        if row is not None and row.fingerprint == fingerprint:
            return  # as at every tick but the first: no write lock for that
        with self._database.write() as connection:
            known = outlets.find(connection, name)
            if known is None:
                outlets.add(connection, name, fingerprint, now)
            elif known.fingerprint != fingerprint:
                changed = update(outlet_rows).where(outlet_rows.c.name == name)
                connection.execute(changed.values(fingerprint=fingerprint))
                outlets.free(connection, name)

    def fan_out(self, name: str, wants: Callable[[Event], datetime | bool], limit: int) -> int:
        """Rows and cursor in one transaction, which begins only when there is something new. Should another process
        have been quicker, its rows count."""
        with self._database.read() as connection:
            cursor = self._cursor(connection, name)
            fresh = select(events).where(events.c.id > cursor).order_by(events.c.id).limit(limit)
            found = [to_event(row) for row in connection.execute(fresh)]
        if not found:
            return 0
        rows = [row for event in found if (row := _row_for(name, event, wants(event)))]
        with self._database.write() as connection:
            if outlets.advance(connection, name, cursor, found[-1].id):
                _insert_missing(connection, name, rows)
        return len(found)

    def due(self, name: str, now: datetime, limit: int) -> list[Parcel]:
        """Only the first one's wait counts: when it goes, those behind it travel along, so that a batch that failed
        stays a batch."""
        self._release(name, now, limit)
        with self._database.read() as connection:
            outlet = outlets.find(connection, name)
            if outlet is None or outlet.blocked or has_to_wait(outlet.paused_until, now):
                return []
            rows = connection.execute(_parcels_of(name, limit)).all()
        return [] if not rows or has_to_wait(rows[0].next_at, now) else [_to_parcel(row) for row in rows]

    def next_due(self, name: str, now: datetime) -> datetime | None:
        """Never before `now`. None also while the outlet is blocked: a person ends that, and no time."""
        with self._database.read() as connection:
            outlet = outlets.find(connection, name)
            if outlet is None or outlet.blocked:
                return None
            ready = connection.execute(_parcels_of(name, 1)).first()
            held = connection.execute(_held(name).limit(1)).first()
        waits = [row.next_at for row in (ready,) if row] + [row.held_until for row in (held,) if row]
        if not waits:
            return None
        earliest = min(at if has_to_wait(at, now) else now for at in waits)
        return max(earliest, outlet.paused_until) if has_to_wait(outlet.paused_until, now) else earliest

    # ------------------------------------------------------------------ the courier: what becomes of it

    def begin(self, name: str, parcels: Sequence[Parcel], now: datetime) -> None:
        """All of them or none: when somebody has sent or dropped one of them meanwhile, StoreError is raised, and what
        is due has to be asked anew."""
        with self._database.write(lasting=True) as connection:
            for parcel in parcels:
                as_known = (*_this(name, parcel.id), PENDING, deliveries.c.attempts == parcel.attempts)
                begun = {"attempts": parcel.attempts + 1, "begun_at": now, "uncertain": _MAY_HAVE_ARRIVED}
                if connection.execute(update(deliveries).where(*as_known).values(**begun)).rowcount != 1:
                    raise StoreError(
                        f"Event {parcel.event.id} does not wait for {name} any more: somebody else sends it, or it "
                        "was dropped. What is due is looked up again."
                    )
        self._tries.update({parcel.id: (parcel.attempts + 1, now) for parcel in parcels})

    def conclude(self, name: str, answer: Answer, next_at: Mapping[int, datetime], now: datetime) -> None:
        """A parcel that the answer leaves out stays uncertain. What somebody else has concluded, or begun anew, stays
        as it is, unless this says that it has arrived. Raises ValueError, before anything is written, when a time for
        the next try is missing."""
        again = {receipt.parcel for receipt in answer.receipts if receipt.result in (Result.LATER, Result.UNCERTAIN)}
        if missing := sorted(again - next_at.keys()):
            raise ValueError(f"no time for the next try of the parcels {missing}")
        with self._database.write(lasting=True) as connection:
            sent = sum(self._conclude_one(connection, name, receipt, next_at, now) for receipt in answer.receipts)
            blocked = [receipt.why for receipt in answer.receipts if receipt.result is Result.BLOCKED]
            if blocked:
                outlets.block(connection, name, blocked[0], now)
            if sent:
                this = update(outlet_rows).where(outlet_rows.c.name == name)
                connection.execute(this.values(last_sent_at=now))
            if answer.calls:
                outlets.count_calls(connection, name, now, answer.calls)
        for receipt in answer.receipts:
            self._tries.pop(receipt.parcel, None)

    def pause(self, name: str, until: datetime) -> None:
        with self._database.write() as connection:
            connection.execute(update(outlet_rows).where(outlet_rows.c.name == name).values(paused_until=until))

    def line_is_back(self, now: datetime) -> None:
        """Whoever asked for silence still has it."""
        with self._database.write() as connection:
            outlets.make_due(connection, outlets.names_with_deliveries(connection))

    # ------------------------------------------------------------------ the courier: figures and notes

    def calls(self, name: str, month: str) -> int:
        with self._database.read() as connection:
            return outlets.calls_of(connection, name, month)

    def count_pending(self, name: str) -> int:
        with self._database.read() as connection:
            return outlets.count(connection, name, DeliveryStatus.PENDING)

    def count_since(self, name: str, since: datetime) -> int:
        """Deliveries of the events since then, in whatever state."""
        first = select(events.c.id).where(events.c.at >= since).order_by(events.c.at, events.c.id).limit(1)
        with self._database.read() as connection:
            number = connection.execute(first).scalar()
            if number is None:
                return 0
            states = deliveries.c.status.in_([each.value for each in DeliveryStatus])
            mine = select(func.count()).where(deliveries.c.outlet == name, states, deliveries.c.event_id >= number)
            return int(connection.execute(mine).scalar_one())

    def arrived_as(self, name: str, remote_ids: Collection[str]) -> set[str]:
        """Those of these ids that the service gave to deliveries of which it is known that they have arrived."""
        mine = (deliveries.c.outlet == name, deliveries.c.status == DeliveryStatus.SENT.value)
        wanted, found = list(remote_ids), set[str]()
        with self._database.read() as connection:
            for start in range(0, len(wanted), _LEAF):
                some = deliveries.c.remote_id.in_(wanted[start : start + _LEAF])
                found.update(connection.execute(select(deliveries.c.remote_id).where(*mine, some)).scalars())
        return found

    def is_blocked(self, name: str) -> bool:
        with self._database.read() as connection:
            row = outlets.find(connection, name)
        return row is not None and row.blocked != ""

    def note(self, notice: Notice, now: datetime) -> None:
        with self._database.write() as connection:
            write_notice(connection, now, notice)

    def noted(self, key: str) -> str:
        """What stands behind that key; '' = nothing."""
        with self._database.read() as connection:
            return _noted(connection, key)

    def note_once(self, key: str, value: str, notice: Notice, now: datetime) -> bool:
        """Writes the event and, in the same transaction, the mark that it was written; False = the mark was there."""
        if self.noted(key) == value:
            return False
        with self._database.write() as connection:
            if _noted(connection, key) == value:
                return False
            self._keep(connection, key, value, "", now)
            write_notice(connection, now, notice)
        return True

    # ------------------------------------------------------------------ people: what they see

    def states(self, names: Sequence[str]) -> list[OutletState]:
        """In the order of the names."""
        now = self._clock.now()
        with self._database.read() as connection:
            return [outlets.state(connection, name, now) for name in names]

    def of_events(self, event_ids: Sequence[int]) -> dict[int, list[DeliverySeen]]:
        """By event, those of all outlets in the order of their names; an event that goes nowhere has none."""
        found: dict[int, list[DeliverySeen]] = {number: [] for number in event_ids}
        with self._database.read() as connection:
            for start in range(0, len(event_ids), _LEAF):
                some = deliveries.c.event_id.in_(event_ids[start : start + _LEAF])
                wanted = select(deliveries).where(some).order_by(deliveries.c.event_id, deliveries.c.outlet)
                for row in connection.execute(wanted):
                    found[row.event_id].append(_to_seen(row))
        return found

    # ------------------------------------------------------------------ people: what they may do

    def retry(self, event_id: int, outlet: str) -> bool:
        """At once, and as if for the first time, whatever it waits for. False = there is nothing to send again, it is
        being sent at this moment, or the outlet is no more."""
        unsent = (deliveries.c.status != DeliveryStatus.SENT.value, deliveries.c.begun_at.is_(None))
        this = (deliveries.c.event_id == event_id, deliveries.c.outlet == outlet, *unsent)
        with self._database.write() as connection:
            known = outlets.find(connection, outlet) is not None
            return known and connection.execute(update(deliveries).where(*this).values(**_ANEW)).rowcount > 0

    def retry_failed(self, outlet: str) -> int:
        """All that its service refused; the number of them."""
        with self._database.read() as connection:
            known = outlets.find(connection, outlet) is not None
        return self._change_all(outlet, DeliveryStatus.FAILED, _ANEW) if known else 0

    def unblock(self, outlet: str, keep_silence: bool = False) -> None:
        """A person has repaired something: what is pending is due at once, or after the silence that the service asked
        for, when that is kept."""
        with self._database.write() as connection:
            outlets.free(connection, outlet, keep_silence)

    def drop_pending(self, why: str, outlet: str = "") -> int:
        """Gives up what waits, of one outlet or of all; the rows stay and say why. The number of them."""
        with self._database.read() as connection:
            names = [outlet] if outlet else outlets.names_with_deliveries(connection)
        return sum(self._change_all(name, DeliveryStatus.PENDING, _dropped(why)) for name in names)

    def registered(self) -> list[str]:
        """All outlets that were ever served and not forgotten, in use or not."""
        with self._database.read() as connection:
            return list(connection.execute(select(outlet_rows.c.name).order_by(outlet_rows.c.name)).scalars())

    def forget(self, outlet: str) -> None:
        """An outlet that is no more: what it was still to tell is dropped, and it holds no event back any longer.
        Should it come again, it is a new one; its calls of this month stay counted."""
        self._change_all(outlet, DeliveryStatus.PENDING, _dropped(_OVER))
        with self._database.write() as connection:
            connection.execute(delete(outlet_rows).where(outlet_rows.c.name == outlet))
            mine = PENDING & (deliveries.c.outlet == outlet)
            connection.execute(update(deliveries).where(mine).values(**_dropped(_OVER)))

    # ------------------------------------------------------------------ inside

    def _cursor(self, connection: Connection, name: str) -> int:
        row = outlets.find(connection, name)
        if row is None:
            raise StoreError(f"The outlet {name} is not registered in the data file; start the service again.")
        return int(row.cursor)

    def _release(self, name: str, now: datetime, limit: int) -> None:
        """What was held until now is ready, the oldest first. At least as many as are taken: what is still held is
        then newer than all that are released, and overtakes nobody."""
        over = or_(deliveries.c.held_until <= now, deliveries.c.held_until > now + LONGEST_WAIT)
        oldest = _held(name).where(over)
        with self._database.read() as connection:
            if connection.execute(oldest.limit(1)).first() is None:
                return
        doomed = oldest.with_only_columns(deliveries.c.id).limit(max(limit, BATCH))
        with self._database.write() as connection:
            connection.execute(update(deliveries).where(deliveries.c.id.in_(doomed)).values(held_until=None))

    def _conclude_one(
        self, connection: Connection, name: str, receipt: Receipt, next_at: Mapping[int, datetime], now: datetime
    ) -> int:
        """1 = it has arrived, as far as anybody knew for the first time; else 0."""
        this = _this(name, receipt.parcel)
        if receipt.result is Result.DONE:
            unsent = deliveries.c.status != DeliveryStatus.SENT.value
            sent = _settled(DeliveryStatus.SENT, sent_at=now, remote_id=receipt.remote_id, uncertain=0)
            return connection.execute(update(deliveries).where(*this, unsent).values(**sent)).rowcount
        changes = _after(receipt, next_at.get(receipt.parcel))
        ours = self._as_begun(receipt.parcel)
        connection.execute(update(deliveries).where(*this, PENDING, *ours).values(**changes))
        return 0

    def _as_begun(self, parcel: int) -> tuple[ColumnElement[bool], ...]:
        """Only if nobody has begun it anew: whoever did knows better, and its try may arrive yet."""
        if parcel not in self._tries:
            return ()
        attempts, at = self._tries[parcel]
        return deliveries.c.attempts == attempts, deliveries.c.begun_at == at

    def _change_all(self, outlet: str, status: DeliveryStatus, changes: Mapping[str, Any]) -> int:
        """Changes all rows of that status to another one, in batches; what comes later on is left alone."""
        these = (deliveries.c.outlet == outlet, deliveries.c.status == status.value)
        with self._database.read() as connection:
            last = connection.execute(select(func.max(deliveries.c.event_id)).where(*these)).scalar() or 0
        some = select(deliveries.c.id).where(*these, deliveries.c.event_id <= last)
        some = some.order_by(deliveries.c.event_id).limit(BATCH)
        total, changed = 0, BATCH
        while changed == BATCH:
            with self._database.write() as connection:
                those = update(deliveries).where(deliveries.c.id.in_(some))
                changed = connection.execute(those.values(**changes)).rowcount
            total += changed
        return total

    def _keep(self, connection: Connection, key: str, value: str, by: str, now: datetime) -> None:
        row = {"key": key, "value": value, "changed_at": now, "changed_by": by}
        self._database.upsert(connection, settings, [row], update=["value", "changed_at", "changed_by"])


def _noted(connection: Connection, key: str) -> str:
    return str(connection.execute(select(settings.c.value).where(settings.c.key == key)).scalar() or "")


def _this(name: str, parcel: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return deliveries.c.id == parcel, deliveries.c.outlet == name


def _parcels_of(name: str, limit: int) -> Any:
    """What is ready, in the order of the events."""
    ready = (deliveries.c.outlet == name, PENDING, deliveries.c.held_until.is_(None))
    columns = (deliveries.c[each] for each in ("attempts", "uncertain", "begun_at", "next_at"))
    wanted = select(deliveries.c.id.label("parcel"), *columns, events).select_from(deliveries)
    wanted = wanted.join(events, events.c.id == deliveries.c.event_id)
    return wanted.where(*ready).order_by(deliveries.c.event_id).limit(limit)


def _held(name: str) -> Any:
    """What waits for the end of the quiet hours, the earliest first."""
    mine = (deliveries.c.outlet == name, PENDING, deliveries.c.held_until.is_not(None))
    return select(deliveries.c.held_until).where(*mine).order_by(deliveries.c.held_until, deliveries.c.event_id)


def _row_for(name: str, event: Event, wanted: datetime | bool) -> dict[str, Any] | None:
    if wanted is False:
        return None
    held = None if wanted is True else wanted
    return {"event_id": event.id, "outlet": name, "status": DeliveryStatus.PENDING.value, "held_until": held}


def _insert_missing(connection: Connection, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """A cursor that was set back by hand tells nothing twice."""
    ids = [row["event_id"] for row in rows]
    there = select(deliveries.c.event_id).where(deliveries.c.outlet == name, deliveries.c.event_id.in_(ids))
    known = set(connection.execute(there).scalars())
    fresh = [dict(row) for row in rows if row["event_id"] not in known]
    if fresh:
        connection.execute(insert(deliveries), fresh)


def _to_parcel(row: Row[Any]) -> Parcel:
    return Parcel(row.parcel, to_event(row), row.attempts, bool(row.uncertain or row.begun_at))


def _to_seen(row: Row[Any]) -> DeliverySeen:
    waits = [at for at in (row.held_until, row.next_at) if at is not None]
    return DeliverySeen(
        row.outlet, DeliveryStatus(row.status), row.attempts, max(waits, default=None), row.sent_at, row.why
    )


def _settled(status: DeliveryStatus, **more: Any) -> dict[str, Any]:
    """A row that waits for nothing."""
    return {"status": status.value, "begun_at": None, "held_until": None, "next_at": None, "why": "", **more}


#: As if it had never been tried; that an earlier try may have arrived is not forgotten.
_ANEW = _settled(DeliveryStatus.PENDING, attempts=0)


def _dropped(why: str) -> dict[str, Any]:
    """Also of what is just being sent: should it arrive, it is sent."""
    return _settled(DeliveryStatus.DROPPED, why=why, uncertain=_MAY_HAVE_ARRIVED)


def _after(receipt: Receipt, next_at: datetime | None) -> dict[str, Any]:
    """What a row becomes that has not arrived for certain."""
    if receipt.result is Result.REFUSED:
        return _settled(DeliveryStatus.FAILED, why=receipt.why)
    if receipt.result is Result.BLOCKED:
        one_less = case((deliveries.c.attempts > 0, deliveries.c.attempts - 1), else_=0)
        return _settled(DeliveryStatus.PENDING, why=receipt.why, attempts=one_less)
    waits = _settled(DeliveryStatus.PENDING, why=receipt.why, next_at=next_at)
    return waits | {"uncertain": 1} if receipt.result is Result.UNCERTAIN else waits
