"""What has to go where, and what became of it: nothing is lost, nothing goes twice, and the order stays."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from delivery_rig import (
    AIRTABLE,
    CHAT,
    NOW,
    after,
    answer,
    everything,
    happen,
    numbers,
    plans,
    send,
    store_of,
    waiting,
)
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import event as sql_event
from watch_rig import rows

from keeper.errors import StoreError
from keeper.rules.types import (
    Answer,
    Choice,
    DeliveryStatus,
    Event,
    Group,
    Notice,
    OutletState,
    Parcel,
    Receipt,
    Result,
    Severity,
    Telling,
)
from keeper.store import cleaner, db, deliveries
from keeper.store.db import Database
from keeper.store.events import Events
from keeper.store.telling import read_telling, write_telling
from keeper.world.redactor import Redactor

DONE, LATER, UNCERTAIN, REFUSED, BLOCKED = Result.DONE, Result.LATER, Result.UNCERTAIN, Result.REFUSED, Result.BLOCKED


def statuses(database: Database, name: str = AIRTABLE) -> list[str]:
    wanted = f"select status from deliveries where outlet = '{name}' order by event_id"
    return [status for (status,) in rows(database, wanted)]


def locks_taken(database: Database, work: Callable[[], object]) -> int:
    """How often `work` took the write lock."""
    taken: list[str] = []

    def note(_connection, _cursor, statement: str, *_more: object) -> None:
        taken.extend([statement] if statement == "BEGIN IMMEDIATE" else [])

    sql_event.listen(database.engine, "before_cursor_execute", note)
    work()
    sql_event.remove(database.engine, "before_cursor_execute", note)
    return len(taken)


# ------------------------------------------------------------------------------------------------ what has to go


def test_a_new_outlet_is_told_nothing_of_the_past(database: Database) -> None:
    happen(database, 3)
    store = waiting(database, 2)
    assert numbers(store.due(AIRTABLE, NOW, 10)) == [4, 5]


def test_each_event_is_looked_at_once_for_each_outlet(database: Database) -> None:
    store = waiting(database, 5, (AIRTABLE, CHAT))
    assert store.fan_out(AIRTABLE, everything, 10) == 0
    happen(database, 5)
    assert [store.fan_out(AIRTABLE, everything, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert (store.count_pending(AIRTABLE), store.count_pending(CHAT)) == (10, 5)


def test_what_an_outlet_does_not_want_is_passed_over_and_never_asked_about_again(database: Database) -> None:
    store = waiting(database, 0)
    happen(database, 6)
    asked: list[int] = []

    def even(event: Event) -> bool:
        asked.append(event.id)
        return event.id % 2 == 0

    assert store.fan_out(AIRTABLE, even, 10) == 6
    assert store.fan_out(AIRTABLE, even, 10) == 0
    assert asked == [1, 2, 3, 4, 5, 6]
    assert numbers(store.due(AIRTABLE, NOW, 10)) == [2, 4, 6]


def test_a_choice_that_fails_moves_nothing(database: Database) -> None:
    store = waiting(database, 0)
    happen(database, 3)

    def break_down(event: Event) -> bool:
        if event.id == 2:
            raise RuntimeError("broken")
        return True

    with pytest.raises(RuntimeError, match="broken"):
        store.fan_out(AIRTABLE, break_down, 10)
    assert store.fan_out(AIRTABLE, everything, 10) == 3
    assert numbers(store.due(AIRTABLE, NOW, 10)) == [1, 2, 3]


def test_two_processes_that_look_at_the_same_events_make_one_delivery_of_each(database: Database) -> None:
    store = waiting(database, 0)
    happen(database, 4)

    def slower(_event: Event) -> bool:
        store_of(database).fan_out(AIRTABLE, everything, 2)
        return True

    store.fan_out(AIRTABLE, slower, 10)
    assert numbers(store.due(AIRTABLE, NOW, 10)) == [1, 2, 3, 4]
    assert len(statuses(database)) == 4


def test_a_cursor_that_was_set_back_by_hand_tells_nothing_twice(database: Database) -> None:
    store = waiting(database, 3)
    send(store, DONE)
    with database.write() as connection:
        connection.exec_driver_sql("update outlets set cursor = 0")
    assert store.fan_out(AIRTABLE, everything, 10) == 3
    assert statuses(database) == ["sent"] * 3


def test_an_outlet_that_nobody_registered_is_told(database: Database) -> None:
    with pytest.raises(StoreError, match="chat-3f2a is not registered"):
        store_of(database).fan_out(CHAT, everything, 10)
    assert store_of(database).due(CHAT, NOW, 10) == []
    assert store_of(database).next_due(CHAT, NOW) is None


def test_an_idle_courier_never_takes_the_write_lock(database: Database) -> None:
    store = waiting(database, 1)
    send(store, DONE)

    def tick() -> None:
        store.register(AIRTABLE, "1", NOW)
        store.fan_out(AIRTABLE, everything, 500)
        store.telling()
        store.due(AIRTABLE, NOW, 10)
        store.next_due(AIRTABLE, NOW)
        store.is_blocked(AIRTABLE)

    assert locks_taken(database, tick) == 0
    happen(database)
    assert locks_taken(database, tick) == 1


# ------------------------------------------------------------------------------------------------ when it goes


def test_they_go_in_the_order_of_the_events(database: Database) -> None:
    store = waiting(database, 5)
    assert send(store, DONE, limit=2) == [1, 2]
    assert send(store, DONE, limit=2) == [3, 4]
    assert send(store, DONE, limit=2) == [5]
    assert store.due(AIRTABLE, NOW, 2) == []


def test_none_goes_while_the_first_of_them_has_to_wait(database: Database) -> None:
    store = waiting(database, 3)
    send(store, LATER, limit=1, again=60)
    assert store.due(AIRTABLE, after(59), 10) == []
    assert store.next_due(AIRTABLE, after(59)) == after(60)
    assert numbers(store.due(AIRTABLE, after(60), 10)) == [1, 2, 3]
    assert store.next_due(AIRTABLE, after(61)) == after(61)


def test_a_batch_that_failed_stays_a_batch(database: Database) -> None:
    store = waiting(database, 3)
    parcels = store.due(AIRTABLE, NOW, 10)
    store.begin(AIRTABLE, parcels, NOW)
    times = {parcel.id: after(60 + number) for number, parcel in enumerate(parcels)}
    store.conclude(AIRTABLE, answer(parcels, LATER), times, NOW)
    assert numbers(store.due(AIRTABLE, after(60), 10)) == [1, 2, 3]


def test_what_is_held_for_quiet_hours_lets_the_others_pass_and_keeps_its_order(database: Database) -> None:
    store = waiting(database, 3, held=after(3600))
    happen(database, 2, severity=Severity.ERROR)
    store.fan_out(AIRTABLE, everything, 10)
    assert store.next_due(AIRTABLE, NOW) == NOW
    assert send(store, DONE) == [4, 5]
    assert store.due(AIRTABLE, NOW, 10) == []
    assert store.next_due(AIRTABLE, NOW) == after(3600)
    assert store.count_pending(AIRTABLE) == 3
    assert numbers(store.due(AIRTABLE, after(3600), 2)) == [1, 2]
    assert numbers(store.due(AIRTABLE, after(3600), 10)) == [1, 2, 3]


def test_more_than_one_release_keeps_the_order_too(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "BATCH", 4)
    store = waiting(database, 10, held=after(60))
    happen(database, 2)
    store.fan_out(AIRTABLE, everything, 10)
    went: list[int] = []
    while sent := send(store, DONE, limit=3, now=after(60)):
        went += sent
    assert went == list(range(1, 13))


def test_a_blocked_or_paused_outlet_takes_nothing_and_another_one_does(database: Database) -> None:
    store = waiting(database, 2, (AIRTABLE, CHAT))
    store.pause(AIRTABLE, after(30))
    assert store.due(AIRTABLE, after(29), 10) == []
    assert store.next_due(AIRTABLE, NOW) == after(30)
    assert numbers(store.due(AIRTABLE, after(30), 10)) == [1, 2]
    send(store, BLOCKED, now=after(30), why="The token is wrong.")
    assert store.is_blocked(AIRTABLE)
    assert store.due(AIRTABLE, after(10_000), 10) == []
    assert store.next_due(AIRTABLE, after(10_000)) is None
    assert send(store, DONE, name=CHAT) == [1, 2]
    assert not store.is_blocked(CHAT)


@pytest.mark.parametrize("column", ["next_at", "held_until"])
def test_nobody_waits_for_a_time_that_a_wrong_clock_wrote(database: Database, column: str) -> None:
    store = waiting(database, 2)
    with database.write() as connection:
        connection.exec_driver_sql(f"update deliveries set {column} = '2061-01-01T00:00:00.000Z'")
        connection.exec_driver_sql("update outlets set paused_until = '2061-01-01T00:00:00.000Z'")
    assert store.next_due(AIRTABLE, NOW) == NOW
    assert numbers(store.due(AIRTABLE, NOW, 10)) == [1, 2]


def test_when_the_line_is_back_what_failed_is_due_and_a_silence_asked_for_is_kept(database: Database) -> None:
    store = waiting(database, 1, (AIRTABLE, CHAT))
    send(store, LATER, again=3600)
    send(store, LATER, name=CHAT, again=3600)
    store.pause(CHAT, after(30))
    store.line_is_back(after(5))
    assert store.next_due(AIRTABLE, after(5)) == after(5)
    assert store.next_due(CHAT, after(5)) == after(30)


# ------------------------------------------------------------------------------------------------ what became of it


def test_what_arrived_is_sent_and_remembers_its_name_over_there(database: Database) -> None:
    store = waiting(database, 1)
    send(store, DONE)
    wanted = "select status, attempts, remote_id, sent_at, begun_at, next_at, uncertain from deliveries"
    assert rows(database, wanted) == [("sent", 1, "rec1", "2026-05-31T23:30:00.000Z", None, None, 0)]
    assert store.states([AIRTABLE])[0].last_sent_at == NOW


def test_what_was_begun_and_never_concluded_may_have_arrived(database: Database) -> None:
    store = waiting(database, 2)
    store.begin(AIRTABLE, store.due(AIRTABLE, NOW, 1), NOW)
    first, second = store_of(database).due(AIRTABLE, NOW, 10)
    assert (first.attempts, first.uncertain) == (1, True)
    assert (second.attempts, second.uncertain) == (0, False)


def test_a_doubt_lasts_until_it_has_arrived(database: Database) -> None:
    store = waiting(database, 1)
    store.begin(AIRTABLE, store.due(AIRTABLE, NOW, 1), NOW)
    again = store_of(database)
    send(again, LATER)
    (parcel,) = again.due(AIRTABLE, after(60), 1)
    assert (parcel.attempts, parcel.uncertain) == (2, True)
    send(again, DONE, now=after(60))
    assert rows(database, "select status, uncertain from deliveries") == [("sent", 0)]


def test_what_got_no_answer_is_tried_again_with_doubt(database: Database) -> None:
    store = waiting(database, 1)
    send(store, UNCERTAIN, again=15)
    assert store.due(AIRTABLE, NOW, 10) == []
    assert store.due(AIRTABLE, after(15), 10)[0].uncertain


def test_what_could_not_go_is_tried_again_without_doubt(database: Database) -> None:
    store = waiting(database, 1)
    send(store, LATER)
    (parcel,) = store.due(AIRTABLE, after(60), 10)
    assert (parcel.attempts, parcel.uncertain) == (1, False)


@pytest.mark.parametrize("result", [LATER, UNCERTAIN])
def test_a_next_try_needs_a_time_and_without_it_nothing_is_written(database: Database, result: Result) -> None:
    store = waiting(database, 2)
    parcels = store.due(AIRTABLE, NOW, 2)
    store.begin(AIRTABLE, parcels, NOW)
    with pytest.raises(ValueError, match="no time for the next try"):
        store.conclude(AIRTABLE, answer(parcels, DONE, result), {}, NOW)
    assert statuses(database) == ["pending", "pending"]


def test_what_is_refused_has_failed_and_the_next_one_goes(database: Database) -> None:
    store = waiting(database, 3)
    assert send(store, DONE, REFUSED, DONE, why="The text is too long.") == [1, 2, 3]
    assert statuses(database) == ["sent", "failed", "sent"]
    (seen,) = store.of_events([2])[2]
    assert (seen.status, seen.why, seen.attempts) == (DeliveryStatus.FAILED, "The text is too long.", 1)


def test_a_block_costs_no_try_and_loses_nothing(database: Database) -> None:
    store = waiting(database, 2)
    send(store, BLOCKED, why="The token is wrong.")
    send_again = store.due(AIRTABLE, NOW, 10)
    assert send_again == []
    assert rows(database, "select status, attempts, begun_at from deliveries") == [("pending", 0, None)] * 2
    state = store.states([AIRTABLE])[0]
    assert (state.pending, state.blocked, state.blocked_at) == (2, "The token is wrong.", NOW)
    store.unblock(AIRTABLE)
    assert store.states([AIRTABLE])[0].blocked_at is None
    assert [(each.event.id, each.uncertain) for each in store.due(AIRTABLE, NOW, 10)] == [(1, False), (2, False)]


def test_a_block_without_a_reason_is_one_all_the_same(database: Database) -> None:
    store = waiting(database, 1)
    send(store, BLOCKED, why="")
    assert store.is_blocked(AIRTABLE)


def test_other_settings_end_a_block_a_silence_and_every_wait_but_quiet_hours(database: Database) -> None:
    store = waiting(database, 1)
    send(store, LATER, again=3600)
    happen(database)
    store.fan_out(AIRTABLE, lambda _event: after(7200), 10)
    store.pause(AIRTABLE, after(3600))
    store.register(AIRTABLE, "1", NOW)
    assert store.due(AIRTABLE, NOW, 10) == []
    store.register(AIRTABLE, "2", NOW)
    assert numbers(store.due(AIRTABLE, NOW, 10)) == [1]
    send(store, BLOCKED)
    store.register(AIRTABLE, "3", NOW)
    assert numbers(store.due(AIRTABLE, NOW, 10)) == [1]
    assert store.count_pending(AIRTABLE) == 2


def test_a_parcel_that_the_answer_leaves_out_stays_uncertain(database: Database) -> None:
    store = waiting(database, 2)
    parcels = store.due(AIRTABLE, NOW, 2)
    store.begin(AIRTABLE, parcels, NOW)
    store.conclude(AIRTABLE, answer(parcels[:1], DONE), {}, NOW)
    assert [(each.event.id, each.uncertain) for each in store.due(AIRTABLE, NOW, 2)] == [(2, True)]


# ------------------------------------------------------------------------------------------------ two processes


def test_only_one_of_two_processes_begins_a_parcel(database: Database) -> None:
    first = waiting(database, 2)
    second = store_of(database)
    both = first.due(AIRTABLE, NOW, 2), second.due(AIRTABLE, NOW, 2)
    first.begin(AIRTABLE, both[0][1:], NOW)
    with pytest.raises(StoreError, match="Event 2 does not wait for airtable any more"):
        second.begin(AIRTABLE, both[1], NOW)
    assert rows(database, "select attempts from deliveries order by event_id") == [(0,), (1,)]


@pytest.mark.parametrize("late", [LATER, UNCERTAIN, REFUSED, BLOCKED, DONE])
def test_what_is_sent_stays_sent_whoever_comes_late(database: Database, late: Result) -> None:
    slow, quick = waiting(database, 1), store_of(database)
    parcels = slow.due(AIRTABLE, NOW, 1)
    slow.begin(AIRTABLE, parcels, NOW)
    send(quick, DONE, now=after(30))
    before = rows(database, "select * from deliveries")
    told = Answer(tuple(replace(each, remote_id="another") for each in answer(parcels, late).receipts), 1)
    slow.conclude(AIRTABLE, told, {parcels[0].id: after(99)}, after(60))
    assert rows(database, "select * from deliveries") == before
    assert slow.calls(AIRTABLE, "2026-05") + slow.calls(AIRTABLE, "2026-06") == 2  # both calls were made


@pytest.mark.parametrize("late", [LATER, REFUSED, BLOCKED])
def test_a_late_answer_does_not_end_the_doubt_about_a_newer_try(database: Database, late: Result) -> None:
    slow, quick = waiting(database, 1), store_of(database)
    parcels = slow.due(AIRTABLE, NOW, 1)
    slow.begin(AIRTABLE, parcels, NOW)
    quick.begin(AIRTABLE, quick.due(AIRTABLE, NOW, 1), NOW)
    slow.conclude(AIRTABLE, answer(parcels, late), {parcels[0].id: after(5)}, after(1))
    slow.unblock(AIRTABLE)
    (parcel,) = store_of(database).due(AIRTABLE, after(5), 1)
    assert (parcel.attempts, parcel.uncertain) == (2, True)


def test_a_call_is_begun_and_concluded_so_that_no_power_cut_takes_it_away(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = waiting(database, 1)
    parcels = store.due(AIRTABLE, NOW, 1)
    asked: list[bool] = []
    write = database.write

    def noted(lasting: bool = False):
        asked.append(lasting)
        return write(lasting)

    monkeypatch.setattr(database, "write", noted)
    store.begin(AIRTABLE, parcels, NOW)
    store.conclude(AIRTABLE, answer(parcels, DONE), {}, NOW)
    assert asked == [True, True]


# ------------------------------------------------------------------------------------------------ figures and notes


def test_calls_are_counted_by_the_month_of_utc(database: Database) -> None:
    store = waiting(database, 4)
    send(store, DONE, limit=1, calls=2)
    send(store, DONE, limit=1, calls=3)
    send(store, DONE, limit=1, calls=1, now=after(3600))
    send(store, DONE, limit=1, calls=0, now=after(3600))
    assert (store.calls(AIRTABLE, "2026-05"), store.calls(AIRTABLE, "2026-06")) == (5, 1)
    assert store.states([AIRTABLE])[0].calls == 5
    assert store.calls(CHAT, "2026-05") == 0


def test_deliveries_of_a_month_are_those_of_its_events_waiting_or_not(database: Database) -> None:
    store = waiting(database, 0)
    happen(database, 3, at=NOW - timedelta(days=40))
    happen(database, 4)
    store.fan_out(AIRTABLE, everything, 100)
    send(store, DONE, limit=5)
    assert store.count_since(AIRTABLE, NOW - timedelta(days=30)) == 4
    assert store.count_since(AIRTABLE, NOW - timedelta(days=50)) == 7
    assert store.count_since(AIRTABLE, after(1)) == store.count_since(CHAT, NOW) == 0


def test_states_tell_of_each_outlet_what_is_known(database: Database) -> None:
    store = waiting(database, 5)
    send(store, DONE, REFUSED, limit=2)
    store.pause(AIRTABLE, after(9))
    known, unknown = store.states([AIRTABLE, CHAT])
    assert known == OutletState(AIRTABLE, 3, paused_until=after(9), last_sent_at=NOW, failed=1, calls=1)
    assert unknown == OutletState(CHAT, 0)


def test_every_event_tells_what_became_of_it_at_each_outlet(database: Database) -> None:
    store = waiting(database, 2, (CHAT, AIRTABLE))
    send(store, LATER, limit=1, again=60, why="The line is down.")
    told = store.of_events([1, 2, 77])
    assert [(each.outlet, each.attempts, each.next_at, each.why) for each in told[1]] == [
        (AIRTABLE, 1, after(60), "The line is down."), (CHAT, 0, None, ""),
    ]  # fmt: skip
    assert [each.status for each in told[2]] == [DeliveryStatus.PENDING] * 2
    assert told[77] == []
    assert len(store.of_events(range(1, 3_000))) == 2_999


def test_what_is_said_once_is_said_once(database: Database) -> None:
    first, second = store_of(database), store_of(database)
    notice = Notice("Daily Digest", Severity.INFO, "All was well.", {})
    assert first.note_once("digest", "2026-05-31", notice, NOW)
    assert not second.note_once("digest", "2026-05-31", notice, NOW)
    assert second.note_once("digest", "2026-06-01", notice, NOW)
    assert first.noted("digest") == "2026-06-01"
    assert len(Events(database).latest(10)) == 2
    first.note(notice, NOW)
    assert len(Events(database).latest(10)) == 3


def test_a_reason_holds_no_secret(tmp_path: Path) -> None:
    database = Database(tmp_path / "masked.db", Redactor(["hunter2hunter2"]).clean)
    database.migrate()
    store = waiting(database, 2)
    send(store, LATER, limit=1, why="said hunter2hunter2")
    send(store, BLOCKED, now=after(60), why="hunter2hunter2 is wrong")
    assert store.of_events([1])[1][0].why == "*** is wrong"
    assert store.states([AIRTABLE])[0].blocked == "*** is wrong"
    database.close()


# ------------------------------------------------------------------------------------------------ what people do


def test_a_failed_delivery_is_tried_again_as_if_for_the_first_time(database: Database) -> None:
    store = waiting(database, 3)
    send(store, REFUSED, DONE)
    assert store.retry(1, AIRTABLE)
    (parcel,) = store.due(AIRTABLE, NOW, 10)
    assert (parcel.event.id, parcel.attempts, parcel.uncertain) == (1, 0, False)
    assert not store.retry(2, AIRTABLE)
    assert not store.retry(1, CHAT)


def test_a_retry_waits_for_nothing_and_forgets_no_doubt(database: Database) -> None:
    store = waiting(database, 1)
    send(store, UNCERTAIN, again=3600)
    assert store.retry(1, AIRTABLE)
    assert store.due(AIRTABLE, NOW, 1)[0].uncertain


def test_what_is_just_being_sent_is_not_sent_beside_that(database: Database) -> None:
    store = waiting(database, 1)
    store.begin(AIRTABLE, store.due(AIRTABLE, NOW, 1), NOW)
    assert not store.retry(1, AIRTABLE)


def test_all_that_failed_is_tried_again_in_batches(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "BATCH", 4)
    store = waiting(database, 12)
    send(store, *[REFUSED] * 8, DONE, limit=12)
    assert store.retry_failed(AIRTABLE) == 8
    assert numbers(store.due(AIRTABLE, NOW, 20)) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert store.retry_failed(AIRTABLE) == 0


def test_what_waits_can_be_given_up_and_says_why(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "BATCH", 4)
    store = waiting(database, 9, (AIRTABLE, CHAT))
    send(store, DONE, limit=1)
    assert store.drop_pending("Nobody wants these.", CHAT) == 9
    assert store.count_pending(AIRTABLE) == 8
    assert store.drop_pending("Enough.") == 8
    assert statuses(database) == ["sent"] + ["dropped"] * 8
    assert {each.why for each in store.of_events([5])[5]} == {"Nobody wants these.", "Enough."}
    assert store.next_due(AIRTABLE, NOW) is None
    assert store.retry(5, CHAT)
    assert numbers(store.due(CHAT, NOW, 10)) == [5]


def test_what_arrives_although_it_was_given_up_is_sent(database: Database) -> None:
    store = waiting(database, 2)
    parcels = store.due(AIRTABLE, NOW, 2)
    store.begin(AIRTABLE, parcels, NOW)
    store.drop_pending("Enough.")
    store.conclude(AIRTABLE, answer(parcels, DONE, LATER), {parcels[1].id: after(1)}, NOW)
    assert statuses(database) == ["sent", "dropped"]
    assert store.retry(2, AIRTABLE)
    assert store.due(AIRTABLE, NOW, 2)[0].uncertain


def test_an_outlet_that_is_no_more_is_forgotten_and_comes_back_as_a_new_one(database: Database) -> None:
    store = waiting(database, 3)
    send(store, DONE, limit=1)
    store.forget(AIRTABLE)
    happen(database)
    assert statuses(database) == ["sent", "dropped", "dropped"]
    assert not store.retry(2, AIRTABLE)
    assert store.retry_failed(AIRTABLE) == 0
    store.register(AIRTABLE, "1", NOW)
    assert store.fan_out(AIRTABLE, everything, 10) == 0
    assert store.calls(AIRTABLE, "2026-05") == 1
    happen(database)
    store.fan_out(AIRTABLE, everything, 10)
    assert numbers(store.due(AIRTABLE, NOW, 10)) == [5]


# ------------------------------------------------------------------------------------------------ what is wanted

TELLING = Telling(
    choices={
        AIRTABLE: Choice(groups=frozenset({Group.TROUBLE, Group.OWN}), least=Severity.WARNING),
        CHAT: Choice(enabled=False, groups=None, quiet=True),
        "webhook": Choice(groups=frozenset()),
    },
    quiet_from="22:00", quiet_to="07:00", digest="weekly", digest_at="09:30",
)  # fmt: skip


def test_what_is_wanted_comes_back_as_it_was_saved_and_is_told(database: Database) -> None:
    store = store_of(database)
    assert store.telling() == Telling()
    store.tell(TELLING, "ada", NOW)
    assert store_of(database).telling() == TELLING
    (event,) = Events(database).latest(5)
    assert (event.kind, event.data) == ("Telling Changed", {"by": "ada"})


@pytest.mark.parametrize(
    ("part", "value", "spoiled", "kept"),
    [
        ("quiet_from", "25:00", ["quiet_from"], replace(TELLING, quiet_from="")),
        ("quiet_to", "0700Z", ["quiet_to"], replace(TELLING, quiet_to="")),
        ("digest_at", "", ["digest_at"], replace(TELLING, digest_at="08:00")),
        ("digest", "hourly", ["digest"], replace(TELLING, digest="")),
        ("choices", [1], ["choices"], replace(TELLING, choices={})),
        ("choices", {AIRTABLE: 5}, ["choices.airtable"], replace(TELLING, choices={AIRTABLE: Choice()})),
        ("choices", {CHAT: {"groups": ["trouble", "of_a_newer_program"]}}, [],
         replace(TELLING, choices={CHAT: Choice(groups=frozenset({Group.TROUBLE}))})),
        ("choices", {CHAT: {"groups": "trouble", "least": "loud", "quiet": 1, "enabled": False}},
         ["choices.chat-3f2a.groups", "choices.chat-3f2a.least", "choices.chat-3f2a.quiet"],
         replace(TELLING, choices={CHAT: Choice(enabled=False)})),
        ("of_a_newer_program", 1, [], TELLING),
    ],
)  # fmt: skip
def test_a_part_that_cannot_be_read_counts_as_not_set(
    part: str, value: object, spoiled: list[str], kept: Telling
) -> None:
    tree = json.loads(write_telling(TELLING)) | {part: value}
    telling, named = read_telling(json.dumps(tree))
    assert (telling, sorted(named)) == (kept, spoiled)


@pytest.mark.parametrize("text", ["nonsense", "[]", "5", "null", "[" * 100_000])
def test_what_cannot_be_read_at_all_is_said_once(database: Database, text: str, caplog) -> None:
    store = store_of(database)
    store.tell(TELLING, "ada", NOW)
    with database.write() as connection:
        connection.exec_driver_sql("update settings set value = ? where key = 'telling'", (text,))
    assert [store.telling() for _ in range(3)] == [Telling()] * 3
    assert caplog.text.count("cannot be read (all of it)") == 1


# ------------------------------------------------------------------------------------------------ retention

OLD = NOW - timedelta(days=400)


def clean(database: Database, batch: int = 100) -> None:
    keeping = cleaner.StoredCleaner(database)
    for _ in range(50):
        if not keeping.prune(NOW, 90, 500, batch):
            return
    raise AssertionError("the cleaner never comes to an end")


def ids(database: Database) -> list[int]:
    return [number for (number,) in rows(database, "select id from events order by id")]


def test_deliveries_go_with_their_events_and_what_waits_never_goes(database: Database) -> None:
    store = waiting(database, 0)
    happen(database, 6, at=OLD)
    store.fan_out(AIRTABLE, everything, 100)
    happen(database, 1)
    store.fan_out(AIRTABLE, everything, 100)
    send(store, DONE, REFUSED, DONE, LATER, limit=4)
    clean(database, batch=2)
    assert ids(database) == [4, 5, 6, 7]
    assert [number for (number,) in rows(database, "select event_id from deliveries order by 1")] == [4, 5, 6, 7]


def test_what_an_outlet_has_not_looked_at_yet_never_goes(database: Database) -> None:
    store = waiting(database, 2, (AIRTABLE, CHAT))
    happen(database, 3, at=OLD)
    store.fan_out(AIRTABLE, lambda _event: False, 100)
    clean(database)
    assert ids(database) == [1, 2, 3, 4, 5]
    store.forget(CHAT)
    clean(database)
    assert ids(database) == [1, 2, 5]


def test_the_newest_event_stays_so_that_its_number_is_never_given_again(database: Database) -> None:
    happen(database, 4, at=OLD)
    store = waiting(database, 0)
    clean(database)
    assert ids(database) == [4]
    happen(database)
    store.fan_out(AIRTABLE, everything, 10)
    assert numbers(store.due(AIRTABLE, NOW, 10)) == [5]


def test_only_so_many_events_are_kept_and_those_that_wait(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cleaner.MOST_EVENTS == 1_000_000
    monkeypatch.setattr(cleaner, "MOST_EVENTS", 5)
    store = waiting(database, 20)
    send(store, *[DONE] * 2, LATER, DONE, limit=20)
    clean(database, batch=3)
    assert ids(database) == [3, 16, 17, 18, 19, 20]


# ------------------------------------------------------------------------------------------------ the plans


def test_no_question_of_the_courier_or_a_page_walks_through_a_table(database: Database) -> None:
    store = waiting(database, 30, held=after(60))
    happen(database, 3)
    store.fan_out(AIRTABLE, everything, 100)

    def ask() -> None:
        store.due(AIRTABLE, NOW, 10)
        store.due(AIRTABLE, after(60), 10)  # releases
        store.next_due(AIRTABLE, NOW)
        store.states([AIRTABLE])
        store.of_events([1, 2, 3])
        store.count_since(AIRTABLE, NOW)
        store.fan_out(AIRTABLE, everything, 10)
        store.line_is_back(NOW)
        store.register(AIRTABLE, "other", NOW)
        store.retry(1, AIRTABLE)
        store.retry_failed(AIRTABLE)
        store.drop_pending("Enough.")
        with database.write() as connection:
            cleaner._prune_events(connection, OLD, 500)

    told = plans(database, ask)
    assert len(told) > 30
    tables = ("SCAN events", "SCAN deliveries", "SCAN outlets")
    walks = [plan for plan in told if plan in tables or "TEMP B-TREE FOR ORDER" in plan]
    assert walks == [], "\n".join(told)


# ------------------------------------------------------------------------------------------------ whatever happens


@pytest.fixture(scope="module")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "keeper.db"
    database = Database(path)
    database.migrate()
    database.close()
    return path


def _no_gaps(results: list[Result]) -> list[Result]:
    """Who cannot take one just now takes none of those behind it either."""
    stops = [number for number, result in enumerate(results) if result in (LATER, UNCERTAIN, BLOCKED)]
    first = stops[0] if stops else len(results)
    return results[:first] + [results[each] for each in stops[:1]] * (len(results) - first)


class Journey(RuleBasedStateMachine):
    """Events on their way through kills and bad answers, against what the service over there really holds.

    The service looks before it takes something that may have arrived, as an outlet does.
    """

    empty: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(self.empty, self.folder / "keeper.db")
        self.now = NOW
        self.there: list[int] = []  # events, as they arrived
        self.refused: set[int] = set()
        self.held: set[int] = set()
        self.happened = 0
        self._start()
        self.store.register(AIRTABLE, "1", NOW)

    def _start(self) -> None:
        self.database = Database(self.folder / "keeper.db")
        self.store = store_of(self.database)

    # What may happen:

    @rule(count=st.integers(1, 5), held=st.sets(st.integers(1, 60), max_size=20), limit=st.integers(1, 5))
    def something_happens(self, count: int, held: set[int], limit: int) -> None:
        def wants(event: Event) -> datetime | bool:
            if event.id not in held:
                return True
            self.held.add(event.id)
            return self.now + timedelta(seconds=90)

        happen(self.database, count)  # and not all of them are seen at once
        self.happened += count
        assert self.store.fan_out(AIRTABLE, wants, limit) <= limit

    @rule(
        limit=st.integers(1, 4),
        arrive=st.booleans(),
        results=st.lists(st.sampled_from([DONE, LATER, UNCERTAIN, REFUSED, BLOCKED]), min_size=4, max_size=4),
    )
    def call(self, limit: int, arrive: bool, results: list[Result]) -> None:
        parcels = self._begin(limit)
        pairs = zip(parcels, _no_gaps(results), strict=False)
        receipts = tuple(self._taken(parcel, result, arrive) for parcel, result in pairs)
        again = {parcel.id: self.now + timedelta(seconds=30) for parcel in parcels}
        self.store.conclude(AIRTABLE, Answer(receipts, 1), again, self.now)

    @rule(limit=st.integers(1, 4), arrived=st.integers(0, 4))
    def call_that_is_killed(self, limit: int, arrived: int) -> None:
        """In the middle of it: so many of its parcels had arrived."""
        for parcel in self._begin(limit)[:arrived]:
            if not (parcel.uncertain and parcel.event.id in self.there):
                self._arrive(parcel)
        self.database.engine.dispose()
        self._start()

    @rule(seconds=st.sampled_from([1, 31, 91]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        if seconds > 90:  # somebody has repaired it meanwhile
            self.store.unblock(AIRTABLE)

    @rule()
    def the_line_is_back(self) -> None:
        self.store.line_is_back(self.now)

    def _begin(self, limit: int) -> list[Parcel]:
        """When nothing can go yet, somebody repairs it and time passes: else most calls would carry nothing."""
        parcels = self.store.due(AIRTABLE, self.now, limit)
        if not parcels:
            self.time_passes(91)
            parcels = self.store.due(AIRTABLE, self.now, limit)
        self.store.begin(AIRTABLE, parcels, self.now)
        return parcels

    def _arrive(self, parcel: Parcel) -> None:
        assert parcel.event.id not in self.there, "it arrives a second time, and nothing warned of that"
        self.there.append(parcel.event.id)

    def _taken(self, parcel: Parcel, result: Result, arrive: bool) -> Receipt:
        number = parcel.event.id
        known = parcel.uncertain and number in self.there
        if known and result in (DONE, REFUSED):  # the outlet could look, and there it is
            return Receipt(parcel.id, DONE, "", f"rec{number}")
        if not known and (result is DONE or (result is UNCERTAIN and arrive)):
            self._arrive(parcel)
        if result is REFUSED:
            self.refused.add(number)
        return Receipt(parcel.id, result, "It said so.", f"rec{number}" if result is DONE else "")

    @invariant()
    def what_is_sent_has_arrived(self) -> None:
        sent = rows(self.database, "select event_id, remote_id from deliveries where status = 'sent'")
        assert {number for number, _ in sent} <= set(self.there)
        assert all(remote == f"rec{number}" for number, remote in sent)

    @invariant()
    def none_overtakes_another_but_what_was_held(self) -> None:
        free = [number for number in self.there if number not in self.held]
        assert free == sorted(free)

    def teardown(self) -> None:
        """In the end everything works, and everything has arrived that was not refused."""
        self.store.unblock(AIRTABLE)
        self.now += timedelta(seconds=200)
        while self.store.fan_out(AIRTABLE, everything, 50):
            pass
        while parcels := self.store.due(AIRTABLE, self.now, 3):
            self.store.begin(AIRTABLE, parcels, self.now)
            receipts = tuple(self._taken(parcel, DONE, True) for parcel in parcels)
            self.store.conclude(AIRTABLE, Answer(receipts, 1), {}, self.now)
        assert sorted(self.there) == sorted(set(range(1, self.happened + 1)) - (self.refused - set(self.there)))
        assert set(statuses(self.database)) <= {"sent", "failed"}
        self.none_overtakes_another_but_what_was_held()
        self.database.close()
        shutil.rmtree(self.folder)


def test_whatever_happens_nothing_is_lost_or_told_twice_or_out_of_order(
    empty_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "_LASTING", db._QUICK)  # processes die here, the power stays
    Journey.empty = empty_file
    quick = settings(max_examples=50, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Journey, settings=quick)
