"""The courier with the real store and outlets that do what a test tells them: order, pauses, blocks, budgets, kills."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from jobs import Brake
from keeper.courier import LOOK_SECONDS, REST_SECONDS, Courier, Satchel
from keeper.engine import guarded
from keeper.errors import StoreError
from keeper.rules.delivery import FIRST_EXAMINE, MOST_BREAKS, Backoff
from keeper.rules.digest import Figures
from keeper.rules.types import Answer, Choice, EventFilter, Notice, Parcel, Receipt, Result, Severity, Telling
from keeper.store.db import Database
from keeper.store.deliveries import StoredDeliveries
from keeper.store.events import Events, write_notice
from keeper.world.clock import SystemClock
from keeper.world.outlets.webhook import WebhookOutlet
from tests.world.receiver import Receiver, status

NOON = datetime(2026, 7, 15, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


class FakeClock:
    """Stands still until it is put forward. Waiting (of the courier, by its brake) puts it forward."""

    def __init__(self, now: datetime = NOON) -> None:
        self._began = self._now = now

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._began).total_seconds()

    def local_zone(self) -> tzinfo:
        return UTC

    def forward(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


class Killed(BaseException):
    """The process dies here."""


class FakeOutlet:
    """Takes what it gets, unless the script says something else for the next calls."""

    label = "a fake"

    def __init__(self, name: str = "fake", batch: int = 1, local: bool = False) -> None:
        self.name, self.batch, self.pace, self.local, self.fingerprint = name, batch, 0.0, local, "first"
        self.got: list[Parcel] = []
        self.calls: list[list[int]] = []
        self.script: list[Callable[[Parcel], Receipt]] = []
        self.fixed: bool | None = False  # what `examine` says
        self.asked, self.examined_calls = 0, 0

    def send(self, parcels: Sequence[Parcel], stop) -> Answer:
        stop.check()
        self.calls.append([parcel.event.id for parcel in parcels])
        self.got += parcels
        answer = self.script.pop(0) if self.script else says(Result.DONE)
        receipts = tuple(answer(parcel) for parcel in parcels)
        return Answer(receipts, calls=1)

    def examine(self):
        self.asked += 1
        return [(self.fixed, "a sentence", "")]

    @property
    def messages(self) -> list[str]:
        return [parcel.event.message for parcel in self.got]


def says(result: Result, why: str = "it said so", after: float | None = None) -> Callable[[Parcel], Receipt]:
    return lambda parcel: Receipt(parcel.id, result, "" if result is Result.DONE else why, after=after)


def dies(_parcel: Parcel) -> Receipt:
    raise Killed


class Post:
    """A store, its courier, a clock."""

    def __init__(self, folder: Path, *outlets: FakeOutlet, **more) -> None:
        self.clock = FakeClock()
        self.database = Database(folder / "keeper.db")
        self.database.migrate()
        self.events, self.brake = Events(self.database), Brake()
        self.outlets, self.up, self.zone, self.more = list(outlets), True, UTC, more
        self.restart()
        self.courier.tick()  # registers: nothing of the past is told

    def restart(self) -> None:
        self.store = StoredDeliveries(self.database, self.clock)
        defaults = {"figures": lambda since, until: Figures(1.0, 0.0, 0.0), "backoff": Backoff(jitter=0.0)}
        self.courier = Courier(
            Satchel(
                store=self.store, outlets=lambda: self.outlets, clock=self.clock, stop=self.brake,
                zone=lambda: self.zone, dice=lambda: 0.5, line=lambda: self.up, guard=guarded, **(defaults | self.more),
            )
        )  # fmt: skip

    def happen(self, *messages: str, kind: str = "Trouble", severity: Severity = Severity.WARNING) -> None:
        for message in messages:
            self.events.add(Notice(kind, severity, message, {}), self.clock.now())

    def run(self, seconds: float = 0.0) -> None:
        """Puts the clock forward and lets everything happen that is due then."""
        self.clock.forward(seconds)
        self.courier.tick()
        self.courier.wait()

    def told(self, kind: str) -> list[str]:
        return [event.message for event in self.events.page(EventFilter(kinds=(kind,)), 100).events]

    def tell(self, telling: Telling) -> None:
        self.store.tell(telling, "test", self.clock.now())


@pytest.fixture
def post(tmp_path):
    made: list[Post] = []

    def make(*outlets: FakeOutlet, **more) -> Post:
        made.append(Post(tmp_path, *outlets, **more))
        return made[-1]

    yield make
    for each in made:
        each.database.close()


def test_events_arrive_once_and_in_their_order(post):
    outlet = FakeOutlet(batch=3)
    here = post(outlet)
    here.happen(*(f"event {number}" for number in range(10)))
    here.run()
    here.run(60)
    assert outlet.messages == [f"event {number}" for number in range(10)]
    assert [len(call) for call in outlet.calls] == [3, 3, 3, 1]


def test_what_happened_before_an_outlet_came_is_not_told(post):
    here = post()
    here.happen("long ago")
    here.outlets.append(outlet := FakeOutlet())
    here.courier.look_again()
    here.run()
    here.happen("now")
    here.run()
    assert outlet.messages == ["now"]


def test_a_dead_outlet_holds_up_nobody(post):
    class Hanging(FakeOutlet):
        def __init__(self) -> None:
            super().__init__("hanging")
            self.reached, self.go = threading.Event(), threading.Event()

        def send(self, parcels, stop):
            self.reached.set()
            assert self.go.wait(20)
            return super().send(parcels, stop)

    hanging, quick = Hanging(), FakeOutlet("quick")
    here = post(hanging, quick)
    here.happen("one")
    here.courier.tick()
    assert hanging.reached.wait(10)
    for number in range(3):
        here.happen(f"more {number}")
        here.courier.tick()
        deadline = threading.Event()
        for _ in range(500):
            if len(quick.got) == number + 2:
                break
            deadline.wait(0.02)
            here.courier.tick()
    assert quick.messages == ["one", "more 0", "more 1", "more 2"] and hanging.got == []
    hanging.go.set()
    here.courier.wait()
    here.run()
    assert hanging.messages == quick.messages


def test_pauses_grow_after_each_failure_up_to_a_limit(post):
    outlet = FakeOutlet()
    here = post(outlet)
    here.happen("one")
    outlet.script = [says(Result.LATER)] * 12
    pauses, last = [], 0.0
    here.run()
    while outlet.script:
        due = here.store.next_due("fake", here.clock.now())
        here.run((due - here.clock.now()).total_seconds() - 0.01)
        assert len(outlet.got) == 12 - len(outlet.script), "tried before its time"
        here.run(0.01)
        pauses.append(round(here.clock.monotonic() - last))
        last = here.clock.monotonic()
    assert pauses == [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_nothing_overtakes_what_waits_for_its_next_try(post):
    outlet = FakeOutlet()
    here = post(outlet)
    outlet.script = [says(Result.LATER)]
    here.happen("first")
    here.run()
    here.happen("second")
    here.run(1)
    assert outlet.messages == ["first"]
    here.run(15)
    assert outlet.messages == ["first", "first", "second"]


def test_the_silence_that_a_service_asks_for_is_kept_for_everything(post):
    outlet = FakeOutlet()
    here = post(outlet)
    outlet.script = [says(Result.LATER, after=300)]
    here.happen("first")
    here.run()
    here.happen("urgent", severity=Severity.ERROR)
    here.run(299)
    assert len(outlet.got) == 1
    here.run(2)
    assert outlet.messages == ["first", "first", "urgent"]


def test_what_is_refused_is_failed_and_the_next_one_goes_at_once(post):
    outlet = FakeOutlet()
    here = post(outlet)
    outlet.script = [says(Result.REFUSED, "too odd")]
    here.happen("odd", "fine")
    here.run()
    assert outlet.messages == ["odd", "fine"]
    assert here.store.states(["fake"])[0].failed == 1
    assert here.courier.results["fake"] == {Result.REFUSED: 1, Result.DONE: 1}


def test_a_block_is_told_once_by_the_others_and_ends_when_the_settings_change(post):
    blocked, other = FakeOutlet("blocked"), FakeOutlet("other")
    here = post(blocked, other)
    blocked.script = [says(Result.BLOCKED, "the token is wrong")]
    here.happen("one", "two")
    here.run()
    for _ in range(20):
        here.run(60)
    assert len(blocked.calls) == 1, "nothing is tried while it is blocked"
    assert here.told("Delivery Blocked") == ["Nothing can be delivered to a fake: the token is wrong"]
    assert "Nothing can be delivered to a fake: the token is wrong" in other.messages
    blocked.fingerprint = "another"
    here.run(60)
    assert blocked.messages == ["one", "one", "two"], "and nothing about itself"


def test_a_block_that_ends_over_there_is_noticed_within_the_hour(post):
    outlet = FakeOutlet()
    here = post(outlet)
    outlet.script = [says(Result.BLOCKED)]
    here.happen("one")
    here.run()
    here.run(LOOK_SECONDS)
    outlet.fixed = False
    here.run(FIRST_EXAMINE)
    assert outlet.asked == 1 and len(outlet.calls) == 1, "what is known to be wrong is not tried"
    outlet.fixed = True
    here.run(2 * FIRST_EXAMINE)
    assert outlet.asked == 2 and outlet.messages == ["one", "one"]


def test_looks_at_a_blocked_outlet_grow_rare_and_are_counted_as_calls(post):
    outlet = FakeOutlet()
    here = post(outlet)
    outlet.script, outlet.examined_calls = [says(Result.BLOCKED)], 3
    here.happen("one")
    here.run()
    looks = []
    for hour in range(1, 102):
        before = outlet.asked
        here.run(FIRST_EXAMINE)
        looks += [hour] * (outlet.asked - before)
    assert len(outlet.calls) == 1 and len(looks) == 7
    pauses = [later - earlier for earlier, later in pairwise(looks)]
    assert pauses == [2, 4, 8, 16, 24, 24]
    assert here.store.states(["fake"])[0].calls == 3 * 7 + len(here.told("Delivery Blocked"))


def test_where_nothing_can_be_asked_a_try_is_made_now_and_then_and_not_told_again(post):
    outlet = FakeOutlet()
    here = post(outlet)
    outlet.fixed = None
    outlet.script = [says(Result.BLOCKED)] * 4
    here.happen("one")
    here.run()
    here.run(LOOK_SECONDS)
    for hours in (1, 2, 4):
        here.run(hours * FIRST_EXAMINE)
        here.run(LOOK_SECONDS)
    assert len(outlet.calls) == 4
    assert len(here.told("Delivery Blocked")) == 1
    here.run(8 * FIRST_EXAMINE)
    assert outlet.messages[-1] == "one" and here.store.states(["fake"])[0].blocked == ""


def test_quiet_hours_hold_what_can_wait_and_let_errors_pass(post):
    outlet = FakeOutlet()
    here = post(outlet)
    here.tell(Telling(choices={"fake": Choice(quiet=True)}, quiet_from="13:00", quiet_to="15:00"))
    here.zone = BERLIN  # 14:00 there
    here.happen("can wait")
    here.happen("cannot", severity=Severity.ERROR)
    here.run()
    assert outlet.messages == ["cannot"]
    here.run(3599)
    assert outlet.messages == ["cannot"]
    here.run(2)
    assert outlet.messages == ["cannot", "can wait"]


def test_only_what_a_person_chose_is_told(post):
    outlet = FakeOutlet()
    here = post(outlet)
    here.tell(Telling(choices={"fake": Choice(least=Severity.ERROR)}))
    here.happen("a warning")
    here.happen("an error", severity=Severity.ERROR)
    here.run()
    assert outlet.messages == ["an error"]
    here.tell(Telling(choices={"fake": Choice(enabled=False)}))
    here.happen("another", severity=Severity.ERROR)
    here.run()
    assert outlet.messages == ["an error"]


def test_a_budget_makes_messages_travel_together_but_no_alarm_waits(post):
    outlet = FakeOutlet(batch=10)
    here = post(outlet, budgets={"fake": 20})
    for number in range(100):  # a day with an event every quarter of an hour
        here.happen(f"event {number}")
        here.run(900)
    events = [message for message in outlet.messages if message.startswith("event")]
    assert events == [f"event {number}" for number in range(len(events))]
    assert len(outlet.calls) < 21 and len(events) >= 90
    here.happen("alarm", severity=Severity.ERROR)
    here.run()
    assert outlet.messages[-1] == "alarm"


def test_a_budget_that_is_used_up_waits_for_the_next_month_and_says_so_once(post):
    outlet = FakeOutlet()
    here = post(outlet, budgets={"fake": 3})
    for number in range(5):
        here.happen(f"alarm {number}", severity=Severity.ERROR)
        here.run(3600)
    assert len(outlet.got) == 3
    assert len(here.told("Delivery Budget")) == 1
    here.run(timedelta(days=17).total_seconds())
    assert "alarm 4" in outlet.messages


def test_what_is_held_for_the_budget_is_not_asked_about_again_and_again(post, monkeypatch):
    outlet = FakeOutlet(batch=10)
    here = post(outlet, budgets={"fake": 10})
    for number in range(8):
        here.happen(f"event {number}")
        here.run()
    sent, rounds = len(outlet.calls), []
    begin = here.courier._begin_round
    monkeypatch.setattr(here.courier, "_begin_round", lambda each: (rounds.append(each), begin(each)))
    for _ in range(100):
        here.run(LOOK_SECONDS)
    assert len(outlet.calls) == sent and len(rounds) <= 1


def test_what_was_on_its_way_when_the_process_died_is_uncertain(post):
    outlet = FakeOutlet()
    here = post(outlet)
    outlet.script = [dies]
    here.happen("one", "two")
    here.courier._fan_out(outlet, here.clock.now())
    with pytest.raises(Killed):
        here.courier.serve(outlet)
    here.restart()
    here.run()
    assert [(p.event.message, p.uncertain) for p in outlet.got] == [("one", False), ("one", True), ("two", False)]


def breaks(_parcel: Parcel) -> Receipt:
    raise ZeroDivisionError


def test_an_outlet_that_breaks_in_an_unknown_way_is_tried_again_later_and_it_is_said_why(post, caplog):
    outlet, other = FakeOutlet(), FakeOutlet("other")
    here = post(outlet, other)
    outlet.script = [breaks]
    here.happen("one")
    here.run()
    here.run(14)
    assert len(outlet.calls) == 1 and other.messages == ["one"]
    assert any(record.exc_info and "fake" in record.getMessage() for record in caplog.records)
    (seen,) = [each for each in here.store.of_events([1])[1] if each.outlet == "fake"]
    assert "Plex Keeper failed while sending it" in seen.why and seen.next_at is not None
    here.run(LOOK_SECONDS)
    assert [(p.event.message, p.uncertain) for p in outlet.got] == [("one", False), ("one", True)]


def test_one_event_that_cannot_be_sent_is_given_up_in_the_end_and_takes_no_other_with_it(post):
    class Picky(FakeOutlet):
        def send(self, parcels, stop):
            if any(parcel.event.message == "poison" for parcel in parcels):
                self.calls.append([parcel.event.id for parcel in parcels])
                raise ValueError("year 24 is out of range")
            return super().send(parcels, stop)

    outlet = Picky(batch=10)
    here = post(outlet)
    here.happen("one", "poison", "two", "three")
    for _ in range(MOST_BREAKS * 130):
        here.run(LOOK_SECONDS)
    assert outlet.messages == ["one", "two", "three"]
    assert len(outlet.calls) == 1 + MOST_BREAKS + 3
    (seen,) = here.store.of_events([2])[2]
    assert seen.status.value == "failed" and f"failed {MOST_BREAKS} times" in seen.why
    here.happen(*(f"later {number}" for number in range(10)))
    here.run()
    assert len(outlet.calls[-1]) == 10, "they travel together again"


class FullDisk:
    """The real store, of which writing down what became of a call fails a few times."""

    def __init__(self, store: StoredDeliveries) -> None:
        self._store, self.left, self.tried = store, 0, 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    def conclude(self, *arguments):
        if self.left:
            self.left, self.tried = self.left - 1, self.tried + 1
            raise StoreError("The disk is full. Make room on it.")
        self._store.conclude(*arguments)


def test_what_arrived_while_the_disk_was_full_is_written_down_later_and_not_sent_again(post):
    outlet = FakeOutlet()
    here = post(outlet)
    here.store = FullDisk(here.store)
    here.courier._with = replace(here.courier._with, store=here.store)
    here.happen("one", "two")
    here.store.left = 6
    times = []
    for _ in range(1000):
        before = here.store.tried
        here.run(2)
        times += [here.clock.monotonic()] * (here.store.tried - before)
    assert outlet.messages == ["one", "two"] and not any(parcel.uncertain for parcel in outlet.got)
    pauses = [round(later - earlier) for earlier, later in pairwise(times)]
    assert pauses == [30, 60, 120, 240, 480]
    assert [each.status.value for number in (1, 2) for each in here.store.of_events([number])[number]] == ["sent"] * 2


def test_an_outlet_that_is_stopped_in_a_batch_says_what_arrived_and_only_the_rest_is_looked_for(post):
    class Stopped(FakeOutlet):
        def send(self, parcels, stop):
            whole = super().send(parcels, stop)
            here.brake.interrupt()
            return replace(whole, receipts=whole.receipts[:2])

    here = post(Stopped(batch=10))
    here.happen("one", "two", "three", "four")
    here.run()
    assert len(here.outlets[0].calls) == 1
    here.brake, here.outlets = Brake(), [FakeOutlet(batch=10)]
    here.restart()
    here.run()
    assert [(p.event.message, p.uncertain) for p in here.outlets[0].got] == [("three", True), ("four", True)]


def test_an_outlet_that_leaves_receipts_out_without_being_stopped_is_not_called_over_and_over(post):
    outlet = FakeOutlet()
    here = post(outlet)
    outlet.send = lambda parcels, stop: (outlet.calls.append([]), Answer((), 1))[1]
    here.happen("one")
    for _ in range(20):
        here.run(2)
    assert len(outlet.calls) == 1
    here.run(REST_SECONDS)
    assert len(outlet.calls) == 2


def test_a_silence_outlasts_the_event_for_which_it_was_asked(post):
    outlet = FakeOutlet()
    here = post(outlet)
    outlet.script = [says(Result.LATER, after=300)]
    here.happen("first")
    here.run()
    assert here.store.drop_pending("given up") == 1
    here.happen("second")
    here.run(290)
    assert outlet.messages == ["first"]
    here.run(LOOK_SECONDS)
    assert outlet.messages == ["first", "second"]


def test_what_a_service_says_can_be_shown_anywhere(post, caplog):
    outlet = FakeOutlet()
    here = post(outlet)
    outlet.script = [says(Result.REFUSED, "too odd\n2026 ERROR forged \x1b[2J\x9b2J")]
    here.happen("one")
    here.run()
    (seen,) = here.store.of_events([1])[1]
    assert seen.why == "too odd 2026 ERROR forged  [2J 2J"
    assert not any(sign in record.getMessage() for record in caplog.records for sign in "\n\x1b\x9b")


def test_while_there_is_no_line_only_what_is_near_is_told_and_the_rest_as_soon_as_it_is_back(post):
    near, far = FakeOutlet("near", local=True), FakeOutlet("far")
    here = post(near, far)
    far.script = [says(Result.LATER)] * 5
    here.happen("one")
    here.run()
    here.up = False
    for _ in range(10):
        here.run(600)
    assert near.messages == ["one"] and len(far.calls) == 1
    far.script = []
    here.up = True
    here.run(LOOK_SECONDS)
    assert far.messages == ["one", "one"]


def test_the_end_of_the_service_ends_a_round_and_loses_nothing(post):
    outlet = FakeOutlet()
    here = post(outlet)

    def ends(parcel):
        here.brake.interrupt()
        return says(Result.DONE)(parcel)

    outlet.script = [ends]
    here.happen("one", "two")
    here.run()
    assert outlet.messages == ["one"]
    here.brake = Brake()
    here.restart()
    here.run()
    assert outlet.messages == ["one", "two"]


def test_a_digest_is_written_once_a_day_and_told(post):
    outlet = FakeOutlet()
    here = post(outlet)
    here.tell(Telling(digest="daily", digest_at="13:00"))
    for _ in range(20):
        here.run(3600)
    here.restart()
    here.run(3600)
    assert len(here.told("Daily Digest")) == 1
    assert any("Plex in the last 24 hours" in message for message in outlet.messages)


def test_an_idle_courier_asks_the_store_nothing(post):
    outlet = FakeOutlet()
    here = post(outlet)
    here.more["mark"] = here.database.mark
    here.restart()
    here.happen("one")
    here.run()
    here.run()
    asked: list[str] = []
    real = here.courier._look
    here.courier._look = lambda: (asked.append("looked"), real())
    for _ in range(10):
        here.run(2)
    assert asked == []
    here.happen("two")
    here.run(2)
    assert outlet.messages == ["one", "two"] and asked


def test_a_wait_that_is_over_is_noticed_although_nobody_wrote_anything(post):
    outlet = FakeOutlet()
    here = post(outlet)
    here.more["mark"] = here.database.mark
    here.restart()
    outlet.script = [says(Result.LATER)]
    here.happen("one")
    here.run()
    for _ in range(9):
        here.run(2)
    assert outlet.messages == ["one", "one"]


def test_a_thousand_events_reach_a_webhook_in_order_over_one_connection(post):
    with Receiver() as receiver:
        webhook = WebhookOutlet(receiver.url, "a-secret-of-the-webhook", "store1", SystemClock())
        here = post(webhook)
        with here.database.write() as connection:
            for number in range(1000):
                write_notice(connection, NOON, Notice("Trouble", Severity.INFO, f"event {number}", {}))
        here.run()
        assert [got.json["message"] for got in receiver.got] == [f"event {number}" for number in range(1000)]
        assert receiver.connections == 1


def test_a_webhook_that_is_in_trouble_gets_the_same_event_again_under_the_same_key(post):
    with Receiver() as receiver:
        receiver.script = [status(500), status(429, Retry_After="40"), status(200)]
        here = post(WebhookOutlet(receiver.url, "a-secret-of-the-webhook", "store1", SystemClock()))
        here.happen("one")
        for _ in range(30):
            here.run(4)
        assert len(receiver.got) == 3 and len({got.headers["idempotency-key"] for got in receiver.got}) == 1


def test_nothing_is_sent_twice_by_two_couriers_of_one_store(post):
    """The lease keeps them apart; should it fail, the store still does."""
    outlet = FakeOutlet()
    here = post(outlet)
    here.happen("one")
    here.courier._fan_out(outlet, here.clock.now())
    (parcel,) = here.store.due("fake", here.clock.now(), 1)
    here.store.begin("fake", [parcel], here.clock.now())
    other = StoredDeliveries(here.database, here.clock)
    with pytest.raises(StoreError, match="does not wait"):
        other.begin("fake", [parcel], here.clock.now())
