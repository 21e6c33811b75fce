"""The way to Airtable, against a simulated one over real HTTP. Nothing waits: the clock goes on when somebody waits."""

import itertools
import json
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from fake_airtable import ALL_SCOPES, BASE, OLD_FIELDS, TABLE, TOKEN, FakeAirtable, Formula, Refusal
from receiver import Receiver, endless, status

from keeper.errors import Interrupted, StoreError
from keeper.rules.types import Event, Parcel, Result, Severity
from keeper.world.clock import SystemClock
from keeper.world.outlets.airtable import AirtableOutlet
from keeper.world.outlets.airtable_line import Account, Manners, Turnstile, Unbraked
from keeper.world.outlets.airtable_rows import formula_for, shortened

NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2026, 11, 21, 17, 0, 0, tzinfo=UTC)
AWKWARD = "\"double\" 'single' \\back\\ {curly} [square] (round), line one\nline two\ttab; 𝒳 🎬 \N{FAMILY} — ''' \"\"\""


class TestClock:
    """Its time goes on when somebody waits, or when it is told to."""

    __test__ = False

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds - 1000.0)

    def monotonic(self) -> float:
        return self.seconds

    def local_zone(self):
        return UTC


class PatientStop:
    """The Stop port that waits in no time; `on_check` is called wherever the brake is looked at."""

    def __init__(self, clock: TestClock) -> None:
        self.clock, self.waited = clock, []
        self.on_check = lambda: None

    def check(self) -> None:
        self.on_check()

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.clock.seconds += seconds


class Desk:
    """One simulated Airtable, one outlet that writes there, and what the store would remember."""

    def __init__(self, airtable: FakeAirtable) -> None:
        self.airtable, self.clock = airtable, TestClock()
        self.stop = PatientStop(self.clock)
        self.delivered: set[str] = set()
        self.outlet = self.fresh()

    def fresh(self, **changes) -> AirtableOutlet:
        """As after a new start."""
        settings = {
            "token": TOKEN, "base": BASE, "table": TABLE, "zone": NEW_YORK, "store_id": "s1",
            "endpoint": self.airtable.url,
        } | changes  # fmt: skip
        self.outlet = AirtableOutlet(
            Account(**settings), self.clock, lambda ids: self.delivered & set(ids), Manners(), self.stop
        )
        return self.outlet

    def send(self, *parcels: Parcel):
        answer = self.outlet.send(parcels, self.stop)
        assert [receipt.parcel for receipt in answer.receipts] == [parcel.id for parcel in parcels]
        self.delivered |= {one.remote_id for one in answer.receipts if one.result is Result.DONE}
        return answer

    def results(self, *parcels: Parcel) -> list[Result]:
        return [receipt.result for receipt in self.send(*parcels).receipts]


@pytest.fixture
def desk():
    with FakeAirtable(with_id=True, a_second=None) as airtable:
        yield Desk(airtable)


@pytest.fixture
def old_desk():
    """The table of the older watchdog: without 'Event ID'."""
    with FakeAirtable(with_id=False, a_second=None) as airtable:
        yield Desk(airtable)


@pytest.fixture(params=[True, False], ids=["with the field", "without the field"])
def each_desk(request):
    with FakeAirtable(with_id=request.param, a_second=None) as airtable:
        yield Desk(airtable)


def parcel(number: int = 1, message: str | None = None, uncertain: bool = False, kind: str = "Plex Restart", at=NOON):
    said = f"message {number}" if message is None else message
    return Parcel(1000 + number, Event(number, at, kind, Severity.INFO, said, {}), int(uncertain), uncertain)


def parcels(count: int, first: int = 1) -> list[Parcel]:
    return [parcel(number) for number in range(first, first + count)]


# ------------------------------------------------------------------------------------------------ what arrives


def test_an_event_becomes_a_record_with_the_fields_of_the_older_watchdog(desk):
    answer = desk.send(parcel(7, "It is back."))
    stored = desk.airtable.records[0]
    assert stored.fields == {
        "Name": "Plex Restart",
        "Time": "2026-11-21 12:00:00",
        "Message": "It is back.",
        "Script": "plex_keeper",
        "Event ID": "s1-7",
    }
    assert answer.receipts[0].result is Result.DONE
    assert answer.receipts[0].remote_id == stored.id


def test_without_the_field_event_id_the_other_four_are_written(old_desk):
    assert old_desk.results(parcel(7)) == [Result.DONE]
    assert set(old_desk.airtable.records[0].fields) == set(OLD_FIELDS)


def test_ten_events_are_one_call_and_stay_in_order(each_desk):
    each_desk.send(parcel(0))
    answer = each_desk.send(*parcels(10))
    assert answer.calls == 1
    assert each_desk.airtable.messages()[1:] == [f"message {number}" for number in range(1, 11)]


def test_whether_the_table_has_the_field_is_asked_once(each_desk):
    for number in range(3):
        each_desk.send(parcel(number))
    assert [asked.what for asked in each_desk.airtable.asked] == ["tables", "records", "records", "records"]


@pytest.mark.parametrize("message", [AWKWARD, "", " ", "x" * 100_000, "=1+1", "\\", "'", "{Name}"])
def test_a_message_arrives_as_it_is(each_desk, message):
    assert each_desk.results(parcel(1, message)) == [Result.DONE]
    assert each_desk.airtable.messages() == [message]


def test_a_message_over_the_limit_of_a_cell_is_visibly_shortened(each_desk):
    assert each_desk.results(parcel(1, "y" * 123_456)) == [Result.DONE]
    stored = each_desk.airtable.messages()[0]
    assert len(stored) == 100_000
    assert stored.endswith("yyy… [shortened, 123456 characters]")


def test_an_emoji_counts_twice_and_is_never_cut_in_half():
    text = "a" + "🎬" * 60_000
    short = shortened(text)
    assert len(short.encode("utf-16-le")) <= 200_000
    assert short.encode()  # no half character, which could not be encoded
    assert short.startswith("a🎬")
    assert short.endswith("🎬… [shortened, 60001 characters]")


def test_the_same_event_of_another_store_is_another_event(desk):
    desk.send(parcel(1))
    desk.fresh(store_id="s2")
    desk.send(parcel(1))
    assert [row.fields["Event ID"] for row in desk.airtable.records] == ["s1-1", "s2-1"]


# ------------------------------------------------------------------------------------------------ exactly once


@pytest.mark.parametrize("fault", ["reset stored", "hang stored", "500 stored", "503 stored", "garbled stored"])
def test_what_was_stored_without_an_answer_is_not_stored_again(each_desk, fault):
    each_desk.send(parcel(0))
    each_desk.airtable.fail(fault)
    each_desk.stop.on_check = lambda: jump_when_hanging(each_desk)
    assert each_desk.results(*parcels(10)) == [Result.UNCERTAIN] * 10
    again = [parcel(number, uncertain=True) for number in range(1, 11)]
    assert each_desk.results(*again) == [Result.DONE] * 10
    assert each_desk.airtable.messages() == [f"message {number}" for number in range(11)]


@pytest.mark.parametrize("fault", ["reset", "hang", "500", "502", "503"])
def test_what_was_not_stored_and_not_answered_arrives_with_the_next_try(each_desk, fault):
    each_desk.send(parcel(0))
    each_desk.airtable.fail(fault)
    each_desk.stop.on_check = lambda: jump_when_hanging(each_desk)
    assert each_desk.results(*parcels(10)) == [Result.UNCERTAIN] * 10
    again = [parcel(number, uncertain=True) for number in range(1, 11)]
    assert each_desk.results(*again) == [Result.DONE] * 10
    assert each_desk.airtable.messages() == [f"message {number}" for number in range(11)]


def jump_when_hanging(desk: Desk) -> None:
    """Hours pass as soon as the call has got stuck over there."""
    if desk.airtable.trouble.is_set():
        desk.airtable.trouble.clear()
        desk.clock.seconds += 3600


def test_a_receipt_tells_which_record_it_is_also_after_a_look(old_desk):
    old_desk.airtable.fail("reset stored")
    old_desk.send(parcel(1))
    answer = old_desk.send(parcel(1, uncertain=True))
    assert answer.receipts[0].remote_id == old_desk.airtable.records[0].id


def test_with_the_field_nothing_is_looked_for(desk):
    desk.send(parcel(1, uncertain=True))
    assert not desk.airtable.calls("GET")


def test_without_the_field_only_what_may_have_arrived_is_looked_for(old_desk):
    old_desk.send(*parcels(10))
    assert not old_desk.airtable.calls("GET")


def test_before_looking_it_waits_for_calls_that_are_still_worked_on_over_there(old_desk):
    old_desk.send(parcel(1))
    old_desk.stop.waited.clear()
    old_desk.send(parcel(2, uncertain=True))
    assert Manners().settle in old_desk.stop.waited


def test_two_events_alike_in_the_same_second_both_arrive(old_desk):
    """The first was delivered; of the second it is not known."""
    old_desk.send(parcel(1, "same"))
    old_desk.airtable.fail("reset")
    old_desk.send(parcel(2, "same"))
    assert old_desk.results(parcel(2, "same", uncertain=True)) == [Result.DONE]
    assert old_desk.airtable.messages() == ["same", "same"]


def test_of_two_events_alike_the_one_that_arrived_is_not_sent_again(old_desk):
    old_desk.send(parcel(1, "same"))
    old_desk.airtable.fail("reset stored")
    old_desk.send(parcel(2, "same"))
    assert old_desk.results(parcel(2, "same", uncertain=True)) == [Result.DONE]
    assert old_desk.airtable.messages() == ["same", "same"]


def test_alike_events_of_one_uncertain_batch_are_counted(old_desk):
    old_desk.airtable.fail("reset stored")
    old_desk.send(parcel(1, "same"), parcel(2, "same"))
    again = [parcel(number, "same", uncertain=number < 3) for number in (1, 2, 3)]
    answer = old_desk.send(*again)
    assert [receipt.result for receipt in answer.receipts] == [Result.DONE] * 3
    assert len({receipt.remote_id for receipt in answer.receipts}) == 3
    assert old_desk.airtable.messages() == ["same"] * 3


def test_the_hour_that_comes_twice_in_autumn_hides_nothing(old_desk):
    """01:30 in New York, and 01:30 again an hour later, with the same words."""
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    old_desk.send(parcel(1, "same", at=first))
    old_desk.airtable.fail("503")
    old_desk.send(parcel(2, "same", at=first + timedelta(hours=1)))
    old_desk.send(parcel(2, "same", at=first + timedelta(hours=1), uncertain=True))
    assert [time for _, time, _ in old_desk.airtable.rows()] == ["2026-11-01 01:30:00"] * 2


def test_records_of_others_with_nearly_the_same_words_are_not_taken_for_ours(old_desk):
    ours = {"Name": "Plex Restart", "Time": "2026-11-21 12:00:00", "Message": "message 1", "Script": "plex_keeper"}
    for name, value in (
        ("Message", "message 11"),
        ("Script", "another"),
        ("Name", "Other"),
        ("Time", "2026-11-21 12:00:01"),
    ):
        old_desk.airtable.store(ours | {name: value})
    old_desk.send(parcel(1, uncertain=True))
    assert len(old_desk.airtable.records) == 5


@pytest.mark.parametrize(
    "kind", ["It's me", 'a "b" c', "back\\slash", "new\nline", " spaces ", "{x}", "', 'x", "🎬", ""]
)
@pytest.mark.parametrize("fault", ["reset stored", "reset"])
def test_events_with_awkward_names_and_messages_are_found_again(old_desk, kind, fault):
    old_desk.airtable.fail(fault)
    old_desk.send(parcel(1, AWKWARD, kind=kind))
    assert old_desk.results(parcel(1, AWKWARD, uncertain=True, kind=kind)) == [Result.DONE]
    assert old_desk.airtable.rows() == [(kind, "2026-11-21 12:00:00", AWKWARD)]


def test_a_shortened_message_is_found_again(old_desk):
    old_desk.airtable.fail("reset stored")
    old_desk.send(parcel(1, "z" * 200_000))
    old_desk.send(parcel(1, "z" * 200_000, uncertain=True))
    assert len(old_desk.airtable.records) == 1


def test_a_time_that_is_kept_as_a_date_is_found_again(old_desk):
    old_desk.airtable.fields["Time"] = "dateTime"
    old_desk.airtable.fail("reset stored")
    old_desk.send(parcel(1))
    old_desk.send(parcel(1, uncertain=True))
    assert [time for _, time, _ in old_desk.airtable.rows()] == ["2026-11-21T12:00:00.000Z"]


def test_a_look_goes_through_all_pages(old_desk):
    for number in range(250):
        old_desk.send(parcel(number, f"message {number}"))
    old_desk.airtable.fail("reset stored")
    old_desk.send(parcel(999))
    answer = old_desk.send(parcel(999, uncertain=True))
    assert answer.calls == 3
    assert len(old_desk.airtable.records) == 251


def test_while_it_cannot_be_looked_nothing_is_sent_and_nothing_is_forgotten(old_desk):
    old_desk.send(parcel(0))
    old_desk.airtable.fail("503", on=("GET",))
    results = old_desk.results(parcel(1, uncertain=True), parcel(2))
    assert results == [Result.UNCERTAIN, Result.LATER]
    assert old_desk.airtable.messages() == ["message 0"]


def test_a_data_file_that_cannot_be_asked_is_no_reason_to_send_twice(old_desk):
    def broken(_ids):
        raise StoreError("The data file is busy.")

    old_desk.outlet._delivered = broken
    answer = old_desk.send(parcel(1, uncertain=True), parcel(2))
    assert [receipt.result for receipt in answer.receipts] == [Result.UNCERTAIN, Result.LATER]
    assert answer.receipts[1].why == "The data file is busy."
    assert not old_desk.airtable.records


def test_a_field_that_goes_away_does_not_make_events_arrive_twice(desk):
    desk.send(parcel(0))
    desk.airtable.fail("reset stored")
    desk.send(parcel(1))
    del desk.airtable.fields["Event ID"]
    assert desk.results(parcel(1, uncertain=True), parcel(2)) == [Result.DONE] * 2
    assert desk.airtable.messages() == ["message 0", "message 1", "message 2"]


# ------------------------------------------------------------------------------------------------ who may not ask


@pytest.mark.parametrize("scopes", [("data.records:write", "data.records:read"), ("data.records:write",)])
def test_a_token_that_may_not_see_the_fields_learns_from_the_answer(each_desk, scopes):
    each_desk.airtable.scopes = scopes
    assert each_desk.results(parcel(1)) == [Result.DONE]
    assert each_desk.results(parcel(2)) == [Result.DONE]
    assert each_desk.airtable.messages() == ["message 1", "message 2"]
    refused = [asked for asked in each_desk.airtable.calls() if asked.status == 422]
    assert len(refused) == (0 if "Event ID" in each_desk.airtable.fields else 1)


def test_a_server_that_knows_neither_metadata_nor_upserts_gets_plain_records(old_desk):
    old_desk.airtable.fail("404", on=("*",))
    old_desk.airtable.fail("405", on=("PATCH",))
    assert old_desk.results(*parcels(3)) == [Result.DONE] * 3
    assert old_desk.results(parcel(4)) == [Result.DONE]
    assert [asked.method for asked in old_desk.airtable.calls()] == ["PATCH", "POST", "POST"]


def test_a_token_that_may_not_look_is_told_what_it_lacks_before_anything_is_sent_twice(old_desk):
    old_desk.send(parcel(1))
    old_desk.airtable.scopes = ("data.records:write",)
    answer = old_desk.send(parcel(2, uncertain=True))
    assert answer.receipts[0].result is Result.BLOCKED
    assert "data.records:read" in answer.receipts[0].why
    assert len(old_desk.airtable.records) == 1


# ------------------------------------------------------------------------------------------------ what goes wrong


def test_a_wrong_token_is_said_at_the_first_try_and_costs_nothing(each_desk):
    each_desk.fresh(token="patWRONG.00")
    answer = each_desk.send(*parcels(3))
    assert {receipt.result for receipt in answer.receipts} == {Result.BLOCKED}
    assert "AIRTABLE_TOKEN" in answer.receipts[0].why
    assert answer.calls == 0
    assert len(each_desk.airtable.asked) == 1


@pytest.mark.parametrize(
    "changes", [{"table": "No Such Table"}, {"base": "appWRONG"}], ids=["wrong table", "wrong base"]
)
def test_a_wrong_base_or_table_is_said_with_what_to_compare(each_desk, changes):
    each_desk.fresh(**changes)
    answer = each_desk.send(parcel(1))
    assert answer.receipts[0].result is Result.BLOCKED
    assert "AIRTABLE_TABLE" in answer.receipts[0].why
    assert not each_desk.airtable.records


def test_a_token_without_the_right_to_write_is_told_the_scope(each_desk):
    each_desk.airtable.scopes = ("schema.bases:read", "data.records:read")
    answer = each_desk.send(parcel(1))
    assert answer.receipts[0].result is Result.BLOCKED
    assert "data.records:write" in answer.receipts[0].why
    assert answer.calls == 1  # for the fields; the refused one is free


@pytest.mark.parametrize("scopes", [ALL_SCOPES, ("data.records:write",)], ids=["sees the fields", "does not"])
@pytest.mark.parametrize("field, kind", [("Name", "single line text"), ("Message", "long text")])
def test_a_missing_field_is_named_with_the_type_to_create(each_desk, scopes, field, kind):
    each_desk.airtable.scopes = scopes
    del each_desk.airtable.fields[field]
    answer = each_desk.send(*parcels(3))
    assert {receipt.result for receipt in answer.receipts} == {Result.BLOCKED}
    assert f"'{field}' ({kind})" in answer.receipts[0].why
    each_desk.airtable.fields[field] = "singleLineText"
    assert each_desk.results(*parcels(3)) == [Result.DONE] * 3


def test_what_is_known_of_a_blocked_table_is_asked_again_because_a_person_changes_it(old_desk):
    old_desk.send(parcel(1))
    del old_desk.airtable.fields["Script"]
    assert old_desk.results(parcel(2)) == [Result.BLOCKED]
    old_desk.airtable.fields |= {"Script": "singleLineText", "Event ID": "singleLineText"}
    assert old_desk.results(parcel(2)) == [Result.DONE]
    assert old_desk.airtable.records[-1].fields["Event ID"] == "s1-2"


@pytest.mark.parametrize("scopes", [ALL_SCOPES, ("data.records:write",)], ids=["sees the fields", "does not"])
def test_a_field_of_a_useless_type_blocks_and_is_named(each_desk, scopes):
    each_desk.airtable.scopes = scopes
    each_desk.airtable.fields["Time"] = "number"
    answer = each_desk.send(*parcels(2))
    assert {receipt.result for receipt in answer.receipts} == {Result.BLOCKED}
    assert "'Time'" in answer.receipts[0].why
    assert "single line text" in answer.receipts[0].why


def test_a_list_of_choices_that_lacks_a_kind_blocks_and_is_named(each_desk):
    each_desk.airtable.fields["Name"] = "singleSelect"
    answer = each_desk.send(parcel(1))
    assert answer.receipts[0].result is Result.BLOCKED
    assert "'Name'" in answer.receipts[0].why


@pytest.mark.parametrize("spoiler", ["\x00", "\x01"], ids=["refused as a whole", "refused by its field"])
def test_one_event_that_is_not_taken_holds_up_no_other(each_desk, spoiler):
    batch = [parcel(1), parcel(2, f"bad {spoiler}"), parcel(3)]
    answer = each_desk.send(*batch)
    assert [receipt.result for receipt in answer.receipts] == [Result.DONE, Result.REFUSED, Result.DONE]
    assert each_desk.airtable.messages() == ["message 1", "message 3"]
    assert answer.receipts[1].why
    assert each_desk.results(parcel(4, f"alone {spoiler}")) == [Result.REFUSED]


def test_a_fault_while_sending_singly_leaves_the_rest_for_later(each_desk):
    each_desk.send(parcel(0))
    singles_fail_at(each_desk, 2)
    results = each_desk.results(parcel(1), parcel(2, "bad \x00"), parcel(3), parcel(4))
    assert results == [Result.DONE, Result.UNCERTAIN, Result.LATER, Result.LATER]
    assert each_desk.airtable.messages() == ["message 0", "message 1"]


def singles_fail_at(desk: Desk, number: int) -> None:
    """The batch is refused, and of the single ones that follow one breaks off."""
    calls = iter(range(-1, 100))
    desk.airtable.dice = lambda _method: "reset" if next(calls) == number - 1 else ""


def test_a_base_that_is_full_blocks_instead_of_refusing_one_event_after_the_other(each_desk):
    each_desk.airtable.full_at = 1
    assert each_desk.results(parcel(1)) == [Result.DONE]
    answer = each_desk.send(parcel(2))
    assert answer.receipts[0].result is Result.BLOCKED
    assert "full" in answer.receipts[0].why


@pytest.mark.parametrize(
    "retry_after, seconds",
    [({}, 30.0), ({"Retry_After": "5"}, 30.0), ({"Retry_After": "120"}, 120.0), ({"Retry_After": "soon"}, 30.0),
     ({"Retry_After": "Sat, 21 Nov 2026 17:10:00 GMT"}, 600.0), ({"Retry_After": "1e9"}, 86_400.0),
     ({"Retry_After": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, 30.0)],
)  # fmt: skip
def test_after_429_it_is_silent_as_long_as_asked_and_thirty_seconds_at_least(each_desk, retry_after, seconds):
    each_desk.send(parcel(0))
    each_desk.airtable.fail("429", **retry_after)
    receipts = each_desk.send(*parcels(2)).receipts
    assert [receipt.result for receipt in receipts] == [Result.LATER] * 2
    assert receipts[0].after == pytest.approx(seconds, abs=1)
    assert each_desk.results(*parcels(2)) == [Result.DONE] * 2


def test_an_uncertain_event_that_meets_429_stays_uncertain(desk):
    desk.send(parcel(0))
    desk.airtable.fail("429")
    receipt = desk.send(parcel(1, uncertain=True)).receipts[0]
    assert (receipt.result, receipt.after) == (Result.UNCERTAIN, 30.0)


def test_a_used_up_monthly_quota_has_its_own_sentence_and_costs_nothing(each_desk):
    each_desk.send(parcel(0))
    each_desk.airtable.fail("quota")
    answer = each_desk.send(parcel(1))
    assert answer.receipts[0].result is Result.LATER
    assert "monthly" in answer.receipts[0].why
    assert answer.receipts[0].after >= 3600
    assert answer.calls == 0


def test_nobody_there_means_later_and_nothing_was_sent(each_desk):
    each_desk.send(parcel(0))
    each_desk.airtable.go_away()
    answer = each_desk.send(parcel(1))
    assert answer.receipts[0].result is Result.LATER
    assert answer.calls == 0
    each_desk.airtable.come_back()
    assert each_desk.results(parcel(1)) == [Result.DONE]
    assert each_desk.airtable.messages() == ["message 0", "message 1"]


def test_a_name_that_nobody_knows_means_later(each_desk):
    each_desk.fresh(endpoint="http://nobody.invalid")
    receipt = each_desk.send(parcel(1)).receipts[0]
    assert receipt.result is Result.LATER
    assert "name" in receipt.why


def test_an_address_that_is_none_blocks_with_the_name_of_the_setting(each_desk):
    each_desk.fresh(endpoint="nonsense")
    receipt = each_desk.send(parcel(1)).receipts[0]
    assert receipt.result is Result.BLOCKED
    assert "AIRTABLE_ENDPOINT_URL" in receipt.why


@pytest.mark.parametrize("token", ["pat\nwith a line", "patÄÖ€.1"])
def test_a_token_with_impossible_characters_blocks_and_is_not_quoted(each_desk, token):
    each_desk.fresh(token=token)
    receipt = each_desk.send(parcel(1)).receipts[0]
    assert receipt.result is Result.BLOCKED
    assert "AIRTABLE_TOKEN" in receipt.why
    assert token not in receipt.why


def test_the_brake_ends_a_call_that_hangs(each_desk):
    each_desk.send(parcel(0))
    each_desk.airtable.fail("hang")

    def brake() -> None:
        if each_desk.airtable.trouble.is_set():
            raise Interrupted("The service stopped.")

    each_desk.stop.on_check = brake
    with pytest.raises(Interrupted):
        each_desk.send(parcel(1))


def test_a_call_that_was_given_up_on_writes_nothing_afterwards(old_desk, monkeypatch):
    """It was still asking for the address of the service when the brake was pulled."""
    asking, answered, real = threading.Event(), threading.Event(), socket.getaddrinfo

    def slow(*args, **more):
        asking.set()
        assert answered.wait(10)
        return real(*args, **more)

    def brake() -> None:
        if asking.is_set():
            raise Interrupted("The service stopped.")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    outlet = old_desk.fresh()
    outlet._has_id, old_desk.stop.on_check = False, brake
    before = set(threading.enumerate())
    with pytest.raises(Interrupted):
        old_desk.send(parcel(1))
    answered.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(5 if thread.name == "plex-call" else 0)
    assert old_desk.airtable.calls("POST") == []
    old_desk.stop.on_check = lambda: None
    assert old_desk.results(parcel(1, uncertain=True)) == [Result.DONE]
    assert len(old_desk.airtable.records) == 1


def test_an_answer_without_end_is_given_up_after_some_megabytes(desk):
    with Receiver() as receiver:
        receiver.script = [endless] * 2
        outlet = desk.fresh(endpoint=receiver.url)
        outlet._has_id = True
        (receipt,) = outlet.send([parcel(1)], desk.stop).receipts
        assert receipt.result is Result.UNCERTAIN and receiver.sent < 40 << 20


def test_ten_long_events_of_signs_that_take_much_room_are_answered_completely(each_desk):
    assert each_desk.results(*(parcel(number, "🎬" * 50_000) for number in range(10))) == [Result.DONE] * 10


def answered_with(receiver: Receiver, desk: Desk, code: int, document: object):
    receiver.script = [status(code, json.dumps(document))]
    outlet = desk.fresh(endpoint=receiver.url)
    outlet._has_id = True
    (receipt,) = outlet.send([parcel(1)], desk.stop).receipts
    return receipt


@pytest.mark.parametrize(
    ("code", "kind", "result"), [(422, "X", Result.REFUSED), (402, "X", Result.BLOCKED), (418, "X", Result.BLOCKED),
                                 (422, "UNKNOWN_FIELD_NAME", Result.BLOCKED)],
)  # fmt: skip
def test_words_of_the_service_are_quoted_as_text_on_one_line(desk, code, kind, result):
    said = 'pay "\ud800\x1b[31m"\nERROR keeper: forged\u2028' + "x" * 5000
    with Receiver() as receiver:
        receipt = answered_with(receiver, desk, code, {"error": {"type": kind, "message": said}})
    assert receipt.result is result and len(receipt.why) <= 500
    assert receipt.why.encode() and receipt.why.isprintable()


def test_the_id_of_a_record_is_kept_as_text_of_a_reasonable_length(desk):
    record = {"id": "rec\ud800\n" + "x" * 5000, "fields": {}, "createdTime": "2026-11-21T17:00:00.000Z"}
    said = {"records": [record], "createdRecords": [], "updatedRecords": []}
    with Receiver() as receiver:
        receipt = answered_with(receiver, desk, 200, said)
    assert receipt.result is Result.DONE
    assert receipt.remote_id.startswith("rec") and len(receipt.remote_id) <= 500 and receipt.remote_id.isprintable()


# ------------------------------------------------------------------------------------------------ manners


def test_several_outlets_of_one_base_share_its_limit(desk):
    shared = Turnstile(desk.clock, Manners())
    outlets = [AirtableOutlet(outlet._account, desk.clock, lambda _: set(), Manners(), desk.stop, shared)
               for outlet in (desk.fresh(), desk.fresh())]  # fmt: skip
    for number in range(4):
        assert outlets[number % 2].send([parcel(number)], desk.stop).receipts[0].result is Result.DONE
    assert desk.clock.seconds >= 1001.0, "the sixth call was not a second behind the first"


def test_only_one_is_inside_the_turnstile_and_who_waits_there_can_be_stopped():
    clock = TestClock()
    stop, turnstile = PatientStop(clock), Turnstile(clock, Manners())
    turnstile.enter(stop)
    brake = PatientStop(clock)
    looks = iter([None, None, Interrupted("The service stopped.")])

    def look() -> None:
        if problem := next(looks):
            raise problem

    brake.on_check = look
    with pytest.raises(Interrupted):
        turnstile.enter(brake)
    turnstile.leave()
    turnstile.enter(stop)


def test_who_is_stopped_while_he_waits_for_his_turn_leaves_it_to_others():
    clock = TestClock()
    turnstile, stopped = Turnstile(clock, Manners()), PatientStop(clock)

    def interrupted(_seconds: float) -> None:
        raise Interrupted("The service stopped.")

    stopped.wait = interrupted
    with pytest.raises(Interrupted):
        turnstile.enter(stopped)
    turnstile.enter(PatientStop(clock))


def test_never_more_than_five_calls_arrive_within_a_second_however_slow_they_are():
    """A call may arrive at any time between its beginning and its end."""
    clock = TestClock()
    stop, turnstile = PatientStop(clock), Turnstile(clock, Manners())
    spans = []
    for seconds in [0.9, 0, 0, 0, 0, 0, 0, 0.5, 0, 0, 0.05] * 5 + [0] * 20:
        turnstile.enter(stop)
        began = clock.seconds
        clock.seconds += seconds
        turnstile.leave()
        spans.append((began, clock.seconds))
    for (_, earlier), (later, _) in zip(spans, spans[5:], strict=False):
        assert later - earlier >= 1.0 - 1e-9
    assert all(second[0] - first[0] >= 0.21 - 1e-9 for first, second in itertools.pairwise(spans))


def test_the_first_call_keeps_its_distance_to_those_of_a_process_that_died_a_moment_ago():
    clock = TestClock()
    stop = PatientStop(clock)
    Turnstile(clock, Manners()).enter(stop)
    assert stop.waited == [pytest.approx(0.21)]


def test_in_real_time_the_limit_of_the_base_is_never_touched():
    with FakeAirtable(with_id=False, a_second=5) as airtable:
        account = Account(TOKEN, BASE, TABLE, NEW_YORK, "s1", airtable.url)
        outlet = AirtableOutlet(account, SystemClock(), lambda _ids: set())
        for number in range(8):
            answer = outlet.send(parcels(10, first=10 * number), Unbraked())
            assert {receipt.result for receipt in answer.receipts} == {Result.DONE}
        assert airtable.too_fast == 0
        assert airtable.fastest() <= 5
        assert len(airtable.records) == 80


def test_calls_share_one_connection(desk):
    opened = []
    original = desk.airtable._server.get_request

    def counting():
        opened.append(1)
        return original()

    desk.airtable._server.get_request = counting
    for number in range(5):
        desk.send(parcel(number))
    assert len(opened) == 1


def test_pyairtable_is_not_imported_before_there_is_something_to_tell():
    code = (
        "import sys; from keeper.world.outlets import airtable; from keeper.world.clock import SystemClock;"
        "from datetime import UTC; from keeper.world.outlets.airtable_line import Account;"
        "outlet = airtable.AirtableOutlet(Account('t', 'b', 'x', UTC, 's'), SystemClock(), set);"
        "assert outlet.label and outlet.fingerprint and outlet.local is False; assert 'pyairtable' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "endpoint, near",
    [("https://api.airtable.com", False), ("http://127.0.0.1:9", True), ("http://localhost:9", True),
     ("http://192.168.1.5", True), ("http://[::1]:5", True), ("http://8.8.8.8", False), ("nonsense", False)],
)  # fmt: skip
def test_it_is_local_when_the_address_is_of_this_house(desk, endpoint, near):
    assert desk.fresh(endpoint=endpoint).local is near


def test_the_fingerprint_tells_a_change_of_any_setting_and_gives_nothing_away(desk):
    marks = {desk.fresh(**change).fingerprint for change in (
        {}, {"token": "other"}, {"base": "other"}, {"table": "other"}, {"endpoint": "http://h"}, {"zone": UTC},
    )}  # fmt: skip
    assert len(marks) == 6
    assert TOKEN not in "".join(marks) + desk.fresh().label + repr(Account(TOKEN, BASE, TABLE, UTC, "s"))


# ------------------------------------------------------------------------------------------------ doctor


def said(findings, part: str):
    """The verdict of the one finding that speaks of it, and its advice."""
    found = [(ok, mend) for ok, sentence, mend in findings if part in sentence]
    assert len(found) == 1, findings
    return found[0]


def test_a_base_as_it_should_be_is_found_to_be_so(desk):
    findings = desk.outlet.examine()
    assert {ok for ok, _, _ in findings} == {True}
    assert not desk.airtable.calls("POST", "PATCH")


def test_it_is_known_how_many_calls_an_examination_cost(desk):
    assert desk.outlet.examined_calls == 0
    desk.outlet.examine()
    assert desk.outlet.examined_calls == len(desk.airtable.asked) == 3
    desk.airtable.token = "another"
    desk.outlet.examine()
    assert desk.outlet.examined_calls == 0, "Airtable does not count what it does not let in"


def test_a_missing_event_id_is_no_fault_but_comes_with_advice(old_desk):
    ok, mend = said(old_desk.outlet.examine(), "'Event ID'")
    assert ok is None
    assert "single line text" in mend


@pytest.mark.parametrize(
    "kind, ok", [("number", False), ("singleSelect", None), ("richText", None), ("formula", False)]
)
def test_a_field_of_a_doubtful_type_is_found(desk, kind, ok):
    desk.airtable.fields["Name"] = kind
    verdict, mend = said(desk.outlet.examine(), "'Name'")
    assert verdict is ok
    assert "single line text" in mend


def test_a_missing_field_is_found(desk):
    del desk.airtable.fields["Script"]
    ok, mend = said(desk.outlet.examine(), "'Script'")
    assert ok is False
    assert "single line text" in mend


def test_a_date_field_is_doubtful_and_its_zone_is_named(desk):
    desk.airtable.fields["Time"] = "dateTime"
    findings = desk.outlet.examine()
    assert said(findings, "America/New_York")[0] is None


def test_a_missing_table_is_found_and_the_others_are_named(desk):
    desk.airtable.table = "Something Else"
    ok, mend = said(desk.outlet.examine(), "'Something Else'")
    assert ok is False
    assert TABLE in mend


def test_a_wrong_token_is_found(desk):
    desk.fresh(token="patWRONG.1")
    findings = desk.outlet.examine()
    assert [ok for ok, _, _ in findings] == [False]
    assert "AIRTABLE_TOKEN" in findings[0][2]


def test_a_base_that_is_not_there_is_found(desk):
    desk.fresh(base="appWRONG")
    findings = desk.outlet.examine()
    assert [ok for ok, _, _ in findings] == [False]


def test_a_line_that_is_down_is_found(desk):
    desk.airtable.go_away()
    findings = desk.outlet.examine()
    assert [ok for ok, _, _ in findings] == [False]
    assert findings[0][2]


def test_a_token_that_may_not_ask_for_the_fields_is_told_the_scope(desk):
    desk.airtable.scopes = ("data.records:read", "data.records:write")
    ok, mend = said(desk.outlet.examine(), "may not ask for its fields")
    assert ok is None
    assert "schema.bases:read" in mend


def test_a_token_that_may_not_write_is_found_where_airtable_tells_its_scopes(desk):
    desk.airtable.scopes = ("data.records:read", "schema.bases:read")
    assert said(desk.outlet.examine(), "data.records:write")[0] is False
    desk.airtable.tells_scopes = False
    assert said(desk.outlet.examine(), "data.records:write")[0] is None


# ------------------------------------------------------------------------------------------------ the fake sees


@pytest.mark.parametrize(
    "formula", ["{Name}='it's'", "{Name}='a\nb'", "{Nome}='x'", "AND({Name}='x'", "NOW()", "{Name}='a\\n'"]
)
def test_the_simulated_airtable_refuses_formulas_that_are_not_well_formed(formula):
    with pytest.raises(Refusal):
        Formula(formula, OLD_FIELDS)


def test_the_simulated_airtable_evaluates_what_is_sent():
    row = {"Name": "It's me", "Time": "2026-11-21 12:00:00"}
    wanted = Formula(formula_for([parcel(1, kind="It's me"), parcel(2, kind="other")], NEW_YORK), OLD_FIELDS)
    assert wanted.holds(row)
    assert wanted.holds(row | {"Name": "other"})
    assert not wanted.holds(row | {"Name": "third"})
    assert not wanted.holds(row | {"Time": "2026-11-21 12:00:01"})


def test_the_simulated_airtable_refuses_the_sixth_call_within_a_second():
    with FakeAirtable(a_second=5) as airtable:
        clock = TestClock()
        account = Account(TOKEN, BASE, TABLE, NEW_YORK, "s1", airtable.url)
        outlet = AirtableOutlet(account, clock, lambda _ids: set())
        answers = [outlet.send([parcel(number)], PatientStop(clock)) for number in range(6)]
        assert airtable.too_fast >= 1
        assert answers[-1].receipts[0].result is Result.LATER
