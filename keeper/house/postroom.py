"""The postroom: which ways to the outside there are, who carries to them, and what a person may do about it.

Part of the wiring: it knows what really stands behind each outlet. When something is told, and how often it is tried,
is decided in keeper/rules; the courier does the work.
"""

from __future__ import annotations

import logging
import random
import threading
import unicodedata
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

from jobs import Brake, zone_of
from keeper.config import Settings
from keeper.courier import Courier, Satchel, examined_calls
from keeper.engine import Duty, guarded
from keeper.errors import RunError, WrongUse
from keeper.house.figures import Books, figures
from keeper.house.oldqueue import Record
from keeper.ports import Clock, Host, Outlet
from keeper.rules import digest
from keeper.rules.causes import NO_LINE
from keeper.rules.delivery import Backoff, plainly
from keeper.rules.types import (
    Answer,
    Check,
    Choice,
    Event,
    EventFilter,
    Notice,
    OutletState,
    Parcel,
    Receipt,
    Result,
    Severity,
    Telling,
)
from keeper.store.db import Database
from keeper.store.deliveries import StoredDeliveries
from keeper.store.events import Events
from keeper.store.memory import StoredMemory
from keeper.world.outlets.airtable import AirtableOutlet
from keeper.world.outlets.airtable_line import AIRTABLE, Account, Manners, Turnstile
from keeper.world.outlets.chat import TELEGRAM, ChatOutlet, telegram_url
from keeper.world.outlets.ping import HealthPing
from keeper.world.outlets.targets import Targets
from keeper.world.outlets.webhook import WebhookOutlet
from keeper.world.redactor import Redactor

log = logging.getLogger(__name__)

LEASE = "courier"
LEASE_SECONDS = 60.0
RENEW_SECONDS = 20.0
PAUSE_SECONDS = 2.0
ABSENT_SECONDS = 3600.0  # between two looks for outlets that are set up no more
TARGETS_FILE = "outlets.json"
STORE_ID = "store.id"
LONGEST_KIND = 80
LONGEST_MESSAGE = 100_000
TEST = "Test"
ABSENT = "outlet.absent."
ABSENT_DAYS = 30
IMPORTED = "imported"  # in the data of an event: the key of the old record
SLACK = timedelta(seconds=1)  # the store keeps milliseconds


class OutletCard(NamedTuple):
    """A way to the outside as people see it. `kind`: airtable, telegram, webhook or chat. `budget`: calls a month, 0 =
    without limit. `removable`: added in the page, and not by a setting."""

    state: OutletState
    label: str
    kind: str
    choice: Choice
    budget: int
    removable: bool


@dataclass(frozen=True, slots=True)
class Desk:
    """What the postroom is given of the house."""

    settings: Settings
    clock: Clock
    host: Host
    database: Database
    memory: StoredMemory
    redactor: Redactor
    books: Books
    last_check: Callable[[], Check | None]
    holds_engine: Callable[[], bool]
    backoff: Backoff = field(default_factory=Backoff)


class Postroom:
    """Building it opens nothing and sends nothing."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._settings, self._clock = desk, desk.settings, desk.clock
        self.deliveries = StoredDeliveries(desk.database, desk.clock)
        self._events = Events(desk.database)
        folder = desk.settings.db_path.parent
        self.targets = Targets(folder / TARGETS_FILE, desk.clock, desk.redactor.learn)
        self.budgets: Mapping[str, int] = {AirtableOutlet.name: desk.settings.airtable_monthly_calls}
        self._brake = Brake()
        self._outlets: dict[str, Outlet] = {}  # those that are in use, by name
        self._making = threading.Lock()
        self._turnstile = Turnstile(desk.clock, Manners())  # tests and doctor call the same base as the courier
        self._wake = threading.Event()
        self._holds, self._renew_at, self._mind_absent_at = False, 0.0, 0.0
        self.courier = Courier(self._satchel())
        self._ping = self._health_ping()

    # ------------------------------------------------------------------ the engine

    def duties(self) -> list[Duty]:
        found = [Duty("courier", self._deliver, lambda: PAUSE_SECONDS, self._wake)]
        if self._ping:
            found.append(Duty("health ping", self._send_ping, lambda: PAUSE_SECONDS, threading.Event()))
        return found

    def stop(self) -> None:
        """Ends whatever is under way within a moment; it is looked for later."""
        self._brake.interrupt()

    def let_go(self) -> None:
        """Gives the lease back, so that another process can deliver at once."""
        self.courier.wait()
        if self._holds:
            self._desk.memory.release_lease(LEASE, self._desk.host.me())
            self._holds = False

    def deliver_now(self) -> dict[str, Counter[Result]]:
        """What is due now, in this thread's time; what became of it, by outlet. Raises RunError while another process
        delivers, StoreError."""
        if not self._keep_lease():
            lease = self._desk.memory.lease(LEASE)
            who = lease.holder if lease else "another process"
            raise RunError(f"{who} delivers already, and goes on by itself. Nothing needs to be done here.")
        try:
            self.courier.tick()
            self.courier.wait()
        except KeyboardInterrupt:
            self.stop()
            raise
        finally:
            self.let_go()
        return self.courier.results

    def _deliver(self) -> None:
        """Two that deliver would send things twice: only who holds the engine does, and only with the lease."""
        if not self._desk.holds_engine():
            self.let_go()
        elif self._keep_lease():
            if self._clock.monotonic() >= self._mind_absent_at:
                self._mind_absent_at = self._clock.monotonic() + ABSENT_SECONDS
                self._mind_the_absent()
            self.courier.tick()

    def _mind_the_absent(self) -> None:
        """An outlet whose settings were taken away keeps what waits for it, and so the events, for some weeks: it may
        come back. Then it is forgotten, and that is told."""
        memory, now = self._desk.memory, self._clock.now()
        present = {outlet.name for outlet in self._present()}
        for name in self.deliveries.registered():
            before = memory.noted(ABSENT + name)
            if name in present:
                if before:
                    memory.note(ABSENT + name, "", "keeper")
                continue
            days, seen = absence_with(before, now.astimezone(self._zone()).date())
            if seen != before:
                memory.note(ABSENT + name, seen, "keeper")
            if days > ABSENT_DAYS:
                self.deliveries.forget(name)
                memory.note(ABSENT + name, "", "keeper")
                message = f"{name} is not set up any more for {ABSENT_DAYS} days: what it was still to tell is dropped."
                self.deliveries.note(Notice("Outlet Removed", Severity.WARNING, message, {"outlet": name}), now)

    def _keep_lease(self) -> bool:
        now = self._clock.monotonic()
        if self._holds and now < self._renew_at:
            return True
        host = self._desk.host
        self._holds = self._desk.memory.take_lease(LEASE, host.me(), host.describe(), LEASE_SECONDS, host.is_alive)
        self._renew_at = now + RENEW_SECONDS
        return self._holds

    def _send_ping(self) -> None:
        if self._ping and self._desk.holds_engine():
            self._ping.tick()

    # ------------------------------------------------------------------ what people see

    def outlets(self) -> list[OutletCard]:
        """All of them, those of the settings first."""
        built = self._present()
        states = self.deliveries.states([outlet.name for outlet in built])
        choices = self.telling().choices
        added = {target.name for target in self.targets.all()}
        return [
            OutletCard(
                state, outlet.label, outlet.name.partition("-")[0], choices.get(outlet.name, Choice()),
                self.budgets.get(outlet.name, 0), outlet.name in added,
            )
            for outlet, state in zip(built, states, strict=True)
        ]  # fmt: skip

    def blocked(self) -> list[tuple[str, str]]:
        """(label, why) of the outlets that take nothing at present."""
        return [(card.label, card.state.blocked) for card in self.outlets() if card.state.blocked]

    def telling(self) -> Telling:
        return self.deliveries.telling()

    def examine(self) -> list[tuple[str, bool | None, str, str]]:
        """(outlet, ok, sentence, how to mend) of everything that can be asked without writing anything there."""
        return [(outlet.name, *finding) for outlet in self._fresh() for finding in outlet.examine()]

    # ------------------------------------------------------------------ what people do

    def tell(self, telling: Telling, by: str) -> None:
        """Saves what is told, when and where, as a whole. A digest whose time has passed already counts as written, so
        saving sends none."""
        before, now = self.telling(), self._clock.now()
        marks = self.deliveries.noted(digest.MARK)
        day = digest.due_day(telling, now, self._zone(), marks)
        if day and (before.digest, before.digest_at) != (telling.digest, telling.digest_at):
            self._desk.memory.note(digest.MARK, digest.marks_with(day, marks), by)
        self.deliveries.tell(telling, by, now)
        self.wake()

    def add_target(self, url: str, by: str) -> str:
        """A chat, mail or push target by apprise's address of it; its name. Raises TargetError (a KeeperError)."""
        target = self.targets.add(url, by)
        log.info("outlet %s added by %s", target.name, by)
        self._note_owner("Outlet Added", f"{by} added a target: {self._label(target.name)}.", by)
        self.deliveries.register(target.name, self._outlet(target.name).fingerprint, self._clock.now())
        self.wake()
        return target.name

    def remove_target(self, name: str, by: str) -> None:
        """What it was still to tell is dropped. Raises TargetError, StoreError."""
        label = self._label(name)
        self.targets.remove(name)
        with self._making:
            self._outlets.pop(name, None)
        self.deliveries.forget(name)
        log.info("outlet %s removed by %s", name, by)
        self._note_owner("Outlet Removed", f"{by} removed a target: {label}.", by)
        self.wake()

    def test_outlet(self, name: str, by: str) -> Receipt:
        """Sends one message there at once, past everything that waits, and says what happened. Raises RunError."""
        outlet = next((each for each in self._fresh() if each.name == name), None)
        if outlet is None:
            raise WrongUse(self._no_such(name))
        now = self._clock.now()
        number = -int(now.timestamp())  # no event of the store has it: nothing is mistaken for this one
        message = f"A test of Plex Keeper, asked for by {by}. If you can read this, it works."
        event = Event(number, now, TEST, Severity.INFO, message, {"test": True, "by": by})
        answer = plainly(outlet.send([Parcel(0, event)], Brake()))
        self.deliveries.conclude(name, replace(answer, receipts=()), {}, now)  # a call is a call
        receipt = answer.receipts[0]
        log.info("test of %s by %s: %s %s", name, by, receipt.result.value, receipt.why)
        if receipt.result is Result.DONE:  # it shows that nothing blocks; a silence that was asked for is still one
            self.deliveries.unblock(name, keep_silence=True)
            self.wake()
        return receipt

    def retry(self, event_id: int, outlet: str) -> bool:
        """One event once more; False = there is nothing to send again."""
        found = self.deliveries.retry(event_id, outlet)
        self.wake()
        return found

    def retry_failed(self, outlet: str) -> int:
        """All that its service refused; the number of them."""
        number = self.deliveries.retry_failed(outlet)
        self.wake()
        return number

    def unblock(self, outlet: str) -> None:
        """Somebody says that it is repaired: what waits there is due at once. Raises RunError when a look at it shows
        that it is not; the block stays then, and nobody is told again."""
        fresh = next((each for each in self._fresh() if each.name == outlet), None)
        if fresh is None:
            raise WrongUse(self._no_such(outlet))
        findings = fresh.examine()
        self.deliveries.conclude(outlet, Answer((), examined_calls(fresh)), {}, self._clock.now())
        for ok, sentence, mend in findings:
            if ok is False:
                raise RunError(f"It is not repaired yet: {sentence} {mend}".strip())
        self.courier.try_again(fresh)
        self.wake()

    def drop_pending(self, outlet: str, by: str) -> int:
        """Gives up what waits, of one outlet or ('') of all; the number. Raises RunError for one that is not there."""
        if outlet and outlet not in self.names():
            raise WrongUse(self._no_such(outlet))
        number = self.deliveries.drop_pending(f"given up by {by}", outlet)
        log.warning("%d waiting deliveries of %s given up by %s", number, outlet or "all outlets", by)
        return number

    def emit(self, kind: str, message: str, severity: Severity, by: str) -> None:
        """An event of one's own. Raises RunError for what cannot be one."""
        kind, message = kind.strip(), message.strip()
        check_own(kind, message)
        self._events.add(Notice(kind, severity, message, {"by": by}), self._clock.now())
        self.wake()

    def take_over(self, records: Sequence[Record]) -> int:
        """Events of the older watchdog, each with its own time, told like all others; those that were taken over before
        are left out. The number of new ones."""
        now = self._clock.now()
        for outlet in self._present():  # one that is registered later is told nothing of the past
            self.deliveries.register(outlet.name, outlet.fingerprint, now)
        if not records:
            return 0
        times = [record.at for record in records]
        known = self._events.noted_in_data(IMPORTED, min(times) - SLACK, max(times) + SLACK)
        fresh = [record for record in records if record.key not in known]
        self._events.add_all((record.at, _imported(record)) for record in fresh)
        self.wake()
        return len(fresh)

    def events(self, wanted: EventFilter, limit: int) -> list[Event]:
        """Newest first."""
        return self._events.page(wanted, limit).events

    def wake(self) -> None:
        """Something is to be done, or may be."""
        self.courier.look_again()
        self._wake.set()

    def names(self) -> list[str]:
        return [outlet.name for outlet in self._present()]

    def _note_owner(self, kind: str, message: str, by: str) -> None:
        self.deliveries.note(Notice(kind, Severity.INFO, message, {"by": by}), self._clock.now())

    def _no_such(self, name: str) -> str:
        known = ", ".join(self.names())
        return f"There is no outlet called {name!r}. " + (f"There are: {known}." if known else "None is set up yet.")

    # ------------------------------------------------------------------ the outlets

    def _present(self) -> list[Outlet]:
        """Those that are in use. Each is made once, because it keeps its connection."""
        with self._making:
            makers = self._makers()
            self._outlets = {name: self._outlets.get(name) or make() for name, make in makers.items()}
            return list(self._outlets.values())

    def _fresh(self) -> list[Outlet]:
        """The same made anew, for whoever is not the courier: an outlet is for one thread at a time."""
        return [make() for make in self._makers().values()]

    def _outlet(self, name: str) -> Outlet:
        return next(outlet for outlet in self._present() if outlet.name == name)

    def _label(self, name: str) -> str:
        return next((outlet.label for outlet in self._present() if outlet.name == name), name)

    def _makers(self) -> dict[str, Callable[[], Outlet]]:
        settings, makers = self._settings, dict[str, Callable[[], Outlet]]()
        if settings.airtable_token.get_secret_value():
            makers[AirtableOutlet.name] = self._airtable
        if settings.telegram_bot_token.get_secret_value():
            makers[TELEGRAM] = self._telegram
        if settings.webhook_url.get_secret_value():
            makers[WebhookOutlet.name] = self._webhook
        for target in self.targets.all():
            makers[target.name] = lambda target=target: ChatOutlet(target.name, target.url, self._clock)  # type: ignore[misc]
        return makers

    def _airtable(self) -> Outlet:
        settings = self._settings
        account = Account(
            settings.airtable_token.get_secret_value(), settings.airtable_base, settings.airtable_table,
            settings.airtable_zone or self._clock.local_zone(), self._store_id(),
            settings.airtable_endpoint_url or AIRTABLE,
        )  # fmt: skip
        name = AirtableOutlet.name
        return AirtableOutlet(
            account, self._clock, lambda ids: self.deliveries.arrived_as(name, ids), turnstile=self._turnstile
        )

    def _telegram(self) -> Outlet:
        settings = self._settings
        url = telegram_url(settings.telegram_bot_token.get_secret_value(), settings.telegram_chat_id.get_secret_value())
        return ChatOutlet(TELEGRAM, url, self._clock, settings.telegram_endpoint_url)

    def _webhook(self) -> Outlet:
        url, secret = self._settings.webhook_url, self._settings.webhook_secret
        return WebhookOutlet(url.get_secret_value(), secret.get_secret_value(), self._store_id(), self._clock)

    def _store_id(self) -> str:
        """Names this data file to those who are told: the same number of an event in another one is another event."""
        known = self._desk.memory.noted(STORE_ID)
        if not known:
            self._desk.memory.note(STORE_ID, uuid.uuid4().hex[:12], "keeper")
            known = self._desk.memory.noted(STORE_ID)
        return known

    # ------------------------------------------------------------------ what the courier is given

    def _satchel(self) -> Satchel:
        return Satchel(
            store=self.deliveries,
            outlets=self._present,
            clock=self._clock,
            stop=self._brake,
            zone=self._zone,
            dice=random.random,
            line=self._line,
            figures=lambda since, until: figures(self._desk.books, since, until, self._undelivered()),
            guard=guarded,
            budgets=self.budgets,
            backoff=self._desk.backoff,
            mark=self._desk.database.mark,
        )

    def _zone(self) -> tzinfo:
        return zone_of(self._desk.memory.preferences(), self._clock)

    def _line(self) -> bool:
        """False = the last look knows that there is none. What was seen long ago says nothing about now."""
        check = self._desk.last_check()
        if check is None or check.cause not in NO_LINE:
            return True
        return self._clock.now() - check.at > timedelta(seconds=3 * self._settings.watch_interval + 60)

    def _undelivered(self) -> int:
        return sum(state.failed for state in self.deliveries.states(self.names()))

    def _health_ping(self) -> HealthPing | None:
        url = self._settings.health_ping_url.get_secret_value()
        if not url:
            return None
        return HealthPing(url, self._clock, self._brake, self._last_look, self._settings.watch_interval)

    def _last_look(self) -> datetime | None:
        check = self._desk.last_check()
        return check.at if check else None


def absence_with(before: str, today: date) -> tuple[int, str]:
    """(days on which it was seen absent, the same as it is noted). Dates are counted and no time is measured: a clock
    that was years wrong for a minute adds one day. `before` = the earlier note, '' = there is none."""
    count, _, last = before.partition(" ")
    days = int(count) if count.isdecimal() else 0  # an older program noted a time; its month begins anew
    if last == today.isoformat():
        return days, before
    return days + 1, f"{days + 1} {today.isoformat()}"


def _imported(record: Record) -> Notice:
    return Notice(record.name, record.severity, record.message, {IMPORTED: record.key, "script": record.script})


def check_own(kind: str, message: str) -> None:
    """Whether these can be an event of somebody's own. Raises RunError."""
    if not kind or len(kind) > LONGEST_KIND or _has_control(kind, ""):
        raise RunError(f"A kind is a name of 1 to {LONGEST_KIND} characters, such as 'Backup Done'.")
    if not message:
        raise RunError("The message is empty: say what happened.")
    if len(message) > LONGEST_MESSAGE:
        raise RunError(f"The message has {len(message)} characters; {LONGEST_MESSAGE} are the limit.")
    if _has_control(message, "\n\t"):
        raise RunError("The message holds control characters; only line breaks and tabs are text.")


def _has_control(text: str, allowed: str) -> bool:
    return any(unicodedata.category(sign) in ("Cc", "Cs") and sign not in allowed for sign in text)
