"""The courier: carries every event to every outlet that is to tell it. Once, in order, however long it takes.

A door beside jobs and monitor. Each outlet has a thread of its own while something is due there, so that a dead one
holds up nobody. What is about to be sent is written down before; what was being sent when the process died may have
arrived, and the outlet looks before it sends that again. Pauses, choices and budgets are decided in keeper/rules
(delivery, kinds, calls, digest).
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from keeper.errors import Cancelled, Interrupted, StoreError
from keeper.ports import Clock, DeliveryStore, Outlet, Stop
from keeper.rules import calls, delivery, digest
from keeper.rules.delivery import Backoff
from keeper.rules.kinds import tell_at
from keeper.rules.types import Answer, Event, Notice, Parcel, Result, Severity

log = logging.getLogger("keeper.courier")

LEAF = 500  # events that are looked at in one transaction
LOOK_SECONDS = 30.0  # between two looks for work while nothing is written to the store
REST_SECONDS = 60.0  # for an outlet that broke in a way nobody thought of


@dataclass(frozen=True, slots=True)
class Satchel:
    """What the courier needs from outside."""

    store: DeliveryStore
    outlets: Callable[[], Sequence[Outlet]]
    clock: Clock
    stop: Stop
    zone: Callable[[], tzinfo]
    dice: Callable[[], float]  # from 0 to 1
    line: Callable[[], bool]  # False = it is known that there is no internet
    figures: Callable[[datetime, datetime], digest.Figures]  # of a period, for the digest
    guard: Callable[[str, Callable[[], object]], bool]  # does a round, and says whether it came to its end
    budgets: Mapping[str, int] = field(default_factory=dict)  # calls a month, by outlet
    backoff: Backoff = field(default_factory=Backoff)
    mark: Callable[[], object] = object  # equal to an earlier one only if nothing was written to the store since then


@dataclass(frozen=True, slots=True)
class Said:
    """What became of one call, as it is to be written down."""

    answer: Answer
    again: Mapping[int, datetime]  # by parcel: the next try
    at: datetime


class Courier:
    """Serves all outlets. `tick` is quick; what takes long happens in threads that `wait` waits for."""

    def __init__(self, satchel: Satchel) -> None:
        self._with = satchel
        self._rounds: dict[str, threading.Thread] = {}
        self._held: dict[str, tuple[datetime, int]] = {}  # by outlet: for the budget's sake, until then; so many waited
        self._examined: dict[str, tuple[float, int]] = {}  # by outlet: when (monotonic) it was last asked, how often
        self._on_trial: dict[str, str] = {}  # by outlet: it was blocked, and is tried with these settings once more
        self._resting: dict[str, float] = {}  # by outlet: until when (monotonic)
        self._unwritten: dict[str, Said] = {}  # by outlet: what the store did not take yet
        self._store_failures: Counter[str] = Counter()  # by outlet: in a row
        self._breaks: Counter[int] = Counter()  # by parcel: tries in which an outlet failed as nobody thought of
        self._alone: Counter[str] = Counter()  # by outlet: so many go one by one, to tell which of them breaks it
        self._line_was_up = True
        self._seen: object = None  # the mark of the store at the last look for work
        self._look_at = 0.0  # monotonic: the next look, should nothing be written before
        self.results: dict[str, Counter[Result]] = {}  # by outlet, since this courier began

    def tick(self) -> None:
        """1. The digest. 2. What fails for want of a line, when it is back. 3. A round for each outlet in need. Nothing
        at all while nobody has written to the store and nothing has become due."""
        mark, now = self._with.mark(), self._with.clock.monotonic()
        if mark == self._seen and now < self._look_at:
            return
        self._seen, self._look_at = mark, now  # before the look: whatever is written during it is seen by the next one
        self._look()
        self._look_at = now + self._seconds_to_next()

    def look_again(self) -> None:
        """Something changed of which the store knows nothing: the next tick looks."""
        self._seen = None

    def _look(self) -> None:
        self._write_digest()
        up = self._with.line()
        if up and not self._line_was_up:
            self._with.store.line_is_back(self._with.clock.now())
        self._line_was_up = up
        for outlet in self._with.outlets():
            if not self._is_at_work(outlet.name) and self._has_work(outlet):
                self._begin_round(outlet)

    def wait(self) -> None:
        """Until every round is over."""
        for thread in list(self._rounds.values()):
            thread.join()

    def _seconds_to_next(self) -> float:
        """Until something is due, as far as it is known now."""
        store, now = self._with.store, self._with.clock.now()
        dues = [due for outlet in self._with.outlets() if (due := store.next_due(outlet.name, now)) is not None]
        later = [(due - now).total_seconds() for due in dues if due > now]
        return min([LOOK_SECONDS, *later])

    # ------------------------------------------------------------------ one outlet

    def serve(self, outlet: Outlet) -> None:
        """Everything that is due there now, in the order of the events. Raises StoreError, Cancelled, Interrupted."""
        store, clock = self._with.store, self._with.clock
        self._write_down(outlet)
        while outlet.local or self._with.line():
            self._with.stop.check()
            parcels = store.due(outlet.name, clock.now(), 1 if self._alone[outlet.name] else outlet.batch)
            if not parcels or not self._may_call(outlet, parcels):
                return
            began = clock.monotonic()
            if not self._carry(outlet, parcels):
                return
            left = outlet.pace - (clock.monotonic() - began)
            if left > 0:
                self._with.stop.wait(left)

    def _carry(self, outlet: Outlet, parcels: list[Parcel]) -> bool:
        """One call and what became of it; whether the next one may follow at once. What the answer leaves out was on
        its way when the outlet was stopped, and stays so."""
        self._with.store.begin(outlet.name, parcels, self._with.clock.now())
        answer = delivery.plainly(self._send(outlet, parcels))
        now = self._with.clock.now()
        again = delivery.next_tries(parcels, answer, self._with.backoff, self._with.dice(), now)
        self._unwritten[outlet.name] = Said(answer, again, now)
        self._write_down(outlet)
        if len(answer.receipts) < len(parcels):
            self._rest(outlet.name, REST_SECONDS)  # the service ends; should it not, nothing is sent over and over
            return False
        return not again

    def _send(self, outlet: Outlet, parcels: list[Parcel]) -> Answer:
        """Whatever goes wrong in there, it ends with an answer: one event must not hold up all others for ever."""
        answers: list[Answer] = []
        stopped: list[Cancelled | Interrupted] = []

        def call() -> None:
            try:
                answers.append(outlet.send(parcels, self._with.stop))
            except (Cancelled, Interrupted) as end:  # the guard would take it for a fault
                stopped.append(end)

        came_through = self._with.guard(f"deliver-{outlet.name}", call)
        if stopped:
            raise stopped[0]
        if came_through:
            return answers[0]
        if len(parcels) == 1:  # of a batch, nobody knows which one it was
            self._breaks[parcels[0].id] += 1
        self._alone[outlet.name] = max(self._alone[outlet.name], len(parcels))
        return delivery.broken(parcels, self._breaks)

    def _write_down(self, outlet: Outlet) -> None:
        """What became of the last call. Nothing else is sent there before the store has taken it, because what is not
        written down would be sent again. Raises StoreError."""
        said = self._unwritten.get(outlet.name)
        if said is None:
            return
        if said.again and delivery.silence(said.answer):
            self._with.store.pause(outlet.name, max(said.again.values()))
        self._with.store.conclude(outlet.name, said.answer, said.again, said.at)
        del self._unwritten[outlet.name]
        tally = self.results.setdefault(outlet.name, Counter())
        tally.update(receipt.result for receipt in said.answer.receipts)
        settled = [each for each in said.answer.receipts if each.result in (Result.DONE, Result.REFUSED)]
        self._alone[outlet.name] = max(0, self._alone[outlet.name] - len(settled))
        for receipt in settled:
            self._breaks.pop(receipt.parcel, None)
        self._say(outlet, said.answer)

    def _may_call(self, outlet: Outlet, parcels: Sequence[Parcel]) -> bool:
        """Whether the budget of calls allows one now."""
        store, now = self._with.store, self._with.clock.now()
        budget = self._with.budgets.get(outlet.name, 0)
        if not budget:
            return True
        used = store.calls(outlet.name, calls.month_of(now))
        urgent = any(parcel.event.severity is Severity.ERROR for parcel in parcels)
        pending = store.count_pending(outlet.name)
        self._warn_early(outlet, used, budget, pending)
        until = calls.wait_until(used, budget, len(parcels), outlet.batch, urgent, now)
        if until is None:
            self._held.pop(outlet.name, None)
            return True
        self._held[outlet.name] = until, pending
        return False

    def _is_held(self, name: str) -> bool:
        """Whether the budget still says no: it was asked before, and nothing has come since then."""
        until, pending = self._held.get(name, (None, 0))
        return until is not None and self._with.clock.now() < until and pending == self._with.store.count_pending(name)

    def _warn_early(self, outlet: Outlet, used: int, budget: int, pending: int) -> None:
        """Once a month, while there is still time to choose fewer kinds of events."""
        store, now = self._with.store, self._with.clock.now()
        events = store.count_since(outlet.name, calls.month_begins(now))
        missing = calls.shortfall(used, budget, pending, outlet.batch, events, now)
        if not missing:
            return
        message = (
            f"{outlet.label}: this month's {budget} calls will not be enough; about {missing} will be missing. "
            "What is left over waits for the next month. Choose fewer kinds of events for it, or a larger plan."
        )
        notice = Notice(
            "Delivery Budget", Severity.WARNING, message, {"budget": budget, "used": used, "missing": missing}
        )
        if store.note_once(f"budget.{outlet.name}", calls.month_of(now), notice, now):
            log.warning("%s", message)

    # ------------------------------------------------------------------ rounds

    def _is_at_work(self, name: str) -> bool:
        thread = self._rounds.get(name)
        return thread is not None and thread.is_alive()

    def _has_work(self, outlet: Outlet) -> bool:
        store, now = self._with.store, self._with.clock.now()
        store.register(outlet.name, outlet.fingerprint, now)
        self._fan_out(outlet, now)
        if self._with.clock.monotonic() < self._resting.get(outlet.name, 0.0):
            return False
        if not self._with.line() and not outlet.local:
            return False
        due = store.next_due(outlet.name, now)
        is_due = due is not None and due <= now and not self._is_held(outlet.name)
        return is_due or outlet.name in self._unwritten or self._is_to_be_examined(outlet)

    def _fan_out(self, outlet: Outlet, now: datetime) -> None:
        telling, zone = self._with.store.telling(), self._with.zone()

        def wants(event: Event) -> datetime | bool:
            return tell_at(event, outlet.name, telling, now, zone)

        while self._with.store.fan_out(outlet.name, wants, LEAF) == LEAF:
            self._with.stop.check()

    def _begin_round(self, outlet: Outlet) -> None:
        thread = threading.Thread(target=self._round, args=(outlet,), name=f"deliver-{outlet.name}", daemon=True)
        self._rounds[outlet.name] = thread
        thread.start()

    def _round(self, outlet: Outlet) -> None:
        if not self._with.guard(f"deliver-{outlet.name}", lambda: self._examine_and_serve(outlet)):
            self._rest(outlet.name, REST_SECONDS)
        self.look_again()

    def _rest(self, name: str, seconds: float) -> None:
        self._resting[name] = self._with.clock.monotonic() + seconds

    def _examine_and_serve(self, outlet: Outlet) -> None:
        try:
            if self._is_to_be_examined(outlet):
                self._examine(outlet)
            self.serve(outlet)
            self._store_failures.pop(outlet.name, None)
        except (Cancelled, Interrupted):
            log.info("%s: stopped; what was on its way is looked for later", outlet.name)
        except StoreError as problem:
            self._store_failures[outlet.name] += 1
            pause = delivery.rest_of(self._store_failures[outlet.name])
            log.error("%s: nothing is delivered for %.0f s: %s", outlet.name, pause, problem.sentence)
            self._rest(outlet.name, pause)

    # ------------------------------------------------------------------ what is said of outlets

    def _is_to_be_examined(self, outlet: Outlet) -> bool:
        """A blocked outlet may have been repaired over there, where nobody tells us."""
        if not self._with.store.is_blocked(outlet.name):
            self._examined.pop(outlet.name, None)
            return False
        now = self._with.clock.monotonic()
        last, looks = self._examined.setdefault(outlet.name, (now, 0))
        return now - last >= delivery.examine_after(looks)

    def _examine(self, outlet: Outlet) -> None:
        """Where nothing is known to be wrong, one more try. The look costs calls as well."""
        _, looks = self._examined.get(outlet.name, (0.0, 0))
        self._examined[outlet.name] = self._with.clock.monotonic(), looks + 1
        findings = outlet.examine()
        self._with.store.conclude(outlet.name, Answer((), examined_calls(outlet)), {}, self._with.clock.now())
        if all(ok is not False for ok, _, _ in findings):
            log.info("%s: it may be repaired; deliveries are tried again", outlet.name)
            self.try_again(outlet)

    def try_again(self, outlet: Outlet) -> None:
        """It was blocked, and may be repaired: what waits there is due at once. That it is blocked all the same is not
        told once more. Raises StoreError."""
        self._on_trial[outlet.name] = outlet.fingerprint
        self._with.store.unblock(outlet.name)

    def _say(self, outlet: Outlet, answer: Answer) -> None:
        """Once for each block, by the other outlets and the pages; each other failure in the log alone."""
        blocked = next((receipt for receipt in answer.receipts if receipt.result is Result.BLOCKED), None)
        on_trial = self._on_trial.pop(outlet.name, "") == outlet.fingerprint
        if blocked is not None and on_trial:
            log.info("%s: still %s", outlet.name, blocked.why)
        elif blocked is not None:
            log.error("%s: %s", outlet.name, blocked.why)
            message = f"Nothing can be delivered to {outlet.label}: {blocked.why}"
            notice = Notice("Delivery Blocked", Severity.ERROR, message, {"outlet": outlet.name})
            self._with.store.note(notice, self._with.clock.now())
        for receipt in answer.receipts:
            if receipt.result in (Result.LATER, Result.UNCERTAIN, Result.REFUSED):
                log.warning("%s: %s (%s)", outlet.name, receipt.why, receipt.result.value)
                break

    def _write_digest(self) -> None:
        store, now, zone = self._with.store, self._with.clock.now(), self._with.zone()
        telling = store.telling()
        marks = store.noted(digest.MARK)
        day = digest.due_day(telling, now, zone, marks)
        if day is None:
            return
        figures = self._with.figures(digest.since(telling, now), now)
        store.note_once(digest.MARK, digest.marks_with(day, marks), digest.notice(telling, figures), now)


def examined_calls(outlet: Outlet) -> int:
    """How many calls its last look counts; none where the service counts nothing."""
    return int(getattr(outlet, "examined_calls", 0))
