"""Events as records of an Airtable base, each exactly once.

With a field 'Event ID' in the table, Airtable itself sees to it: an event that is sent again meets its own record.
Without, an event that may have arrived is looked for before it is sent again. Airtable stores a call's records together
or not at all; where it did not say which, nothing is taken for granted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from keeper.errors import StoreError
from keeper.ports import Clock, Stop
from keeper.rules.types import Answer, Parcel, Receipt, Result
from keeper.world.outlets import airtable_checks as checks
from keeper.world.outlets.airtable_faults import EVENT_ID, GARBLED, About, Failed, Fault
from keeper.world.outlets.airtable_line import Account, Line, Manners, Turnstile, Unbraked
from keeper.world.outlets.airtable_rows import Row, fields_of, fields_with_id, formula_for, match, rows_of
from keeper.world.outlets.places import tidy

if TYPE_CHECKING:
    from pyairtable import Table

T = TypeVar("T")
PAGES = 50  # of a hundred records: a look that finds more than that in the same seconds is given up
GO_NO_FURTHER = (401, 429)  # statuses after which no other question is answered either


@dataclass(slots=True)
class Errand:
    """One `send`: its brake, and the calls it has cost so far."""

    stop: Stop
    calls: int = 0


class AirtableOutlet:
    """The Outlet port. `delivered` says which of these record ids belong to deliveries that were concluded; it may
    raise StoreError. Those that write into the same base share a `turnstile`."""

    name = "airtable"
    batch = 10

    def __init__(
        self,
        account: Account,
        clock: Clock,
        delivered: Callable[[Collection[str]], Collection[str]],
        manners: Manners | None = None,
        patience: Stop | None = None,
        turnstile: Turnstile | None = None,
    ) -> None:
        self._account, self._manners, self._delivered = account, manners or Manners(), delivered
        self._line = Line(account, clock, self._manners, turnstile)
        self.examined_calls = 0  # what the last `examine` cost
        self._patience = patience or Unbraked()
        self._has_id: bool | None = None  # None = not known yet
        self._fields: checks.Fields | None = None  # None = the token may not ask

    @property
    def label(self) -> str:
        return f"Airtable ({self._account.table})"

    @property
    def fingerprint(self) -> str:
        account = self._account
        settings = [account.token, account.base, account.table, account.endpoint, str(account.zone)]
        return hashlib.sha256(json.dumps(settings).encode()).hexdigest()

    @property
    def pace(self) -> float:
        return self._manners.pace

    @property
    def local(self) -> bool:
        return self._account.is_near

    def examine(self) -> list[tuple[bool | None, str, str]]:
        """Up to three calls."""
        errand = Errand(self._patience)
        zone = str(self._account.zone)
        found = checks.examine(lambda action: self._ask(action, errand), self._account.table, zone)
        self.examined_calls = errand.calls
        return [(ok, tidy(sentence), mend) for ok, sentence, mend in found]

    def send(self, parcels: Sequence[Parcel], stop: Stop) -> Answer:
        """Raises nothing but Cancelled and Interrupted. The receipts stand in the order of the parcels."""
        errand = Errand(stop)
        receipts = {receipt.parcel: receipt for receipt in self._deliver(parcels, errand)}
        if any(receipt.result is Result.BLOCKED for receipt in receipts.values()):
            self._has_id = self._fields = None  # a person will change something over there: it is asked again
        return Answer(tuple(_tidied(receipts[parcel.id]) for parcel in parcels), errand.calls)

    # ------------------------------------------------------------------ the way of a batch

    def _deliver(self, parcels: Sequence[Parcel], errand: Errand) -> list[Receipt]:
        """1. Does the table have the field? 2. Without it: what has arrived already? 3. The rest is written."""
        try:
            self._learn(errand)
            found = {} if self._has_id else self._look([one for one in parcels if one.uncertain], errand)
        except Failed as problem:
            return [_not_written(parcel, problem.fault) for parcel in parcels]
        there = [Receipt(parcel, Result.DONE, remote_id=record) for parcel, record in found.items()]
        rest = [parcel for parcel in parcels if parcel.id not in found]
        return there + self._put(rest, errand) if rest else there

    def _put(self, parcels: Sequence[Parcel], errand: Errand) -> list[Receipt]:
        try:
            return self._write(parcels, errand)
        except Failed as problem:
            fault = problem.fault
        if self._has_id and self._speaks_against_the_id(fault):
            self._has_id = False
            return self._deliver(parcels, errand)
        if self._concerns_one(fault) and len(parcels) > 1:
            return self._put_singly(parcels, errand)
        return [_failed(parcel, self._judged(fault)) for parcel in parcels]

    def _put_singly(self, parcels: Sequence[Parcel], errand: Errand) -> list[Receipt]:
        """Nothing of the batch was stored. When none of them is taken, it is not the fault of one."""
        receipts: list[Receipt] = []
        faults: list[Fault] = []
        for number, parcel in enumerate(parcels):
            try:
                receipts += self._write([parcel], errand)
            except Failed as problem:
                if not self._concerns_one(problem.fault):
                    rest = [_not_written(later, problem.fault) for later in parcels[number + 1 :]]
                    return [*receipts, _failed(parcel, problem.fault), *rest]
                faults.append(problem.fault)
                receipts.append(_failed(parcel, problem.fault._replace(result=Result.REFUSED)))
        if len(faults) == len(parcels):
            return [_failed(parcel, faults[0]._replace(result=Result.BLOCKED)) for parcel in parcels]
        return receipts

    def _write(self, parcels: Sequence[Parcel], errand: Errand) -> list[Receipt]:
        """One call. Raises Failed."""
        account = self._account
        if self._has_id:
            rows = [{"fields": fields_with_id(parcel, account.zone, account.store_id)} for parcel in parcels]
            records = self._ask(lambda table: table.batch_upsert(rows, [EVENT_ID])["records"], errand)
        else:
            cells: list[dict[str, Any]] = [{**fields_of(parcel, account.zone)} for parcel in parcels]
            records = self._ask(lambda table: table.batch_create(cells), errand)
        if len(records) != len(parcels):
            raise Failed(GARBLED._replace(calls=0))
        return [
            Receipt(parcel.id, Result.DONE, remote_id=str(record["id"]))
            for parcel, record in zip(parcels, records, strict=True)
        ]

    # ------------------------------------------------------------------ what is known of the table

    def _learn(self, errand: Errand) -> None:
        """Asks for the fields, once. Who may not ask tries with the field and learns from the answer. Raises Failed."""
        if self._has_id is not None:
            return
        try:
            fields = self._ask(lambda table: checks.fields_in(checks.read_tables(table), self._account.table), errand)
        except Failed as problem:
            if not _tells_nothing_of_fields(problem):
                raise
            self._has_id = True
            return
        checks.demand_fields(fields, self._account.table)
        self._fields, self._has_id = fields, checks.takes_event_id(fields)

    def _speaks_against_the_id(self, fault: Fault) -> bool:
        """Nothing was stored then. Who does not know how to write by a key may know how to write."""
        if self._fields is None and fault.about is About.METHOD:
            return True
        return fault.about in (About.FIELD, About.VALUE) and fault.field == EVENT_ID

    def _concerns_one(self, fault: Fault) -> bool:
        """A field that does not take one value may take the next one, unless its type says that it cannot."""
        if fault.about is not About.VALUE:
            return fault.about is About.RECORD
        return self._fields is None or self._fields.get(fault.field) in checks.TEXT

    def _judged(self, fault: Fault) -> Fault:
        """Of a lone event, whose value is not taken by a field that takes text: it is its own fault."""
        is_its_own = fault.about is About.VALUE and self._fields is not None and self._concerns_one(fault)
        return fault._replace(result=Result.REFUSED) if is_its_own else fault

    # ------------------------------------------------------------------ looking before writing again

    def _look(self, parcels: Sequence[Parcel], errand: Errand) -> dict[int, str]:
        """{parcel: record} of those that have arrived. Raises Failed."""
        if not parcels:
            return {}
        errand.stop.wait(self._manners.settle)
        rows = self._search(formula_for(parcels, self._account.zone), errand)
        try:
            delivered = self._delivered([row.id for row in rows])
        except StoreError as problem:
            raise Failed(Fault(Result.LATER, problem.sentence)) from problem
        return match(parcels, rows, self._account.zone, delivered)

    def _search(self, formula: str, errand: Errand) -> list[Row]:
        rows: list[Row] = []
        options: dict[str, Any] = {"formula": formula, "fields": ["Name", "Time", "Message", "Script"]}
        for _ in range(PAGES):
            found, offset = self._ask(partial(_page, options=options), errand)
            rows += found
            if not offset:
                return rows
            options = options | {"offset": offset}
        raise Failed(Fault(Result.LATER, "Too many records of the same second to look for an event among them."))

    def _ask(self, action: Callable[[Table], T], errand: Errand) -> T:
        """One call, counted. Raises Failed."""
        try:
            answer = self._line.call(action, errand.stop)
        except Failed as problem:
            errand.calls += problem.fault.calls
            raise
        errand.calls += 1
        return answer


def _page(table: Table, options: dict[str, Any]) -> tuple[list[Row], str]:
    """One page of records and where the next one begins; pyairtable's own paging would not keep the pace."""
    urls = table.urls
    answer = table.api.request("GET", urls.records, fallback=("POST", urls.records_post), options=options)
    return rows_of(answer["records"]), str(answer.get("offset") or "")


def _tells_nothing_of_fields(problem: Failed) -> bool:
    """Whether others than the tables may be asked all the same: only this question was not answered."""
    response = getattr(problem.__cause__, "response", None)
    if response is None:
        return problem.fault is GARBLED
    return response.status_code not in GO_NO_FURTHER and response.status_code < 502


def _tidied(receipt: Receipt) -> Receipt:
    """It is stored and shown, and quotes what came from outside."""
    return replace(receipt, why=tidy(receipt.why), remote_id=tidy(receipt.remote_id))


def _not_written(parcel: Parcel, fault: Fault) -> Receipt:
    """Nothing was sent in this try; whether an earlier one has arrived is as unknown as before."""
    if fault.result is Result.BLOCKED:
        return _failed(parcel, fault)
    result = Result.UNCERTAIN if parcel.uncertain else Result.LATER
    return Receipt(parcel.id, result, fault.why, after=fault.after)


def _failed(parcel: Parcel, fault: Fault) -> Receipt:
    result = fault.result
    if result is Result.LATER and parcel.uncertain:
        result = Result.UNCERTAIN  # an earlier try may have arrived
    return Receipt(parcel.id, result, fault.why, after=fault.after)
