"""Events and notifications: what the pages show and ask for. The events are real ones, in a real data file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest
from ui_house import HOSTILE, NOW, REFUSAL, FakeHouse, Open, outlet

from keeper.house.eventbook import EventBook
from keeper.rules.types import (
    Answer,
    Choice,
    DeliveryStatus,
    EventFilter,
    Group,
    Receipt,
    Result,
    Severity,
    Telling,
)
from keeper.store.db import Database
from keeper.store.deliveries import StoredDeliveries
from keeper.store.events import Events, write_event

BERLIN = ZoneInfo("Europe/Berlin")
TOPIC = "ntfy://ntfy.example/a-topic-nobody-knows"


class Past:
    """What has happened in a house, as rows."""

    def __init__(self, database: Database, house: FakeHouse) -> None:
        self.database, self.house = database, house
        self.deliveries = StoredDeliveries(database, house.clock)
        self.book = EventBook(Events(database), self.deliveries)
        house.eventbook = self.book

    def add(self, kind: str, message: str, severity: Severity = Severity.INFO, ago: float = 5, **data: object) -> None:
        with self.database.write() as connection:
            write_event(connection, NOW - timedelta(minutes=ago), kind, severity, message, data)

    def send(self, name: str, *results: Result, why: str = "", after: timedelta = timedelta(minutes=7)) -> None:
        """Everything since it was registered goes to that outlet, and comes to this."""
        self.deliveries.fan_out(name, lambda event: True, 100)
        parcels = self.deliveries.due(name, NOW, 100)
        self.deliveries.begin(name, parcels, NOW)
        receipts = tuple(Receipt(one.id, result, why) for one, result in zip(parcels, results, strict=True))
        again = {one.id: NOW + after for one in parcels}
        self.deliveries.conclude(name, Answer(receipts, 1), again, NOW)


@pytest.fixture
def past(tmp_path: Path, fake: FakeHouse) -> Iterator[Past]:
    database = Database(tmp_path / "keeper.db")
    database.migrate()
    found = Past(database, fake)
    found.deliveries.register("telegram", "x", NOW)
    fake.postroom.cards.append(outlet("telegram", "Telegram (bot 12...9)"))
    yield found
    database.close()


def text_of(page: AppTest) -> str:
    kinds = (page.title, page.markdown, page.caption, page.text, page.error, page.html)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def asked(page: AppTest) -> dict[str, list[str]]:
    """What stands in its address."""
    return {name: [each] if isinstance(each, str) else list(each) for name, each in page.query_params.items()}


# --- events ---


def test_without_events_the_page_says_what_will_stand_there(past: Past, open_page: Open) -> None:
    assert "Nothing has happened yet" in text_of(open_page("events"))
    assert "Noch ist nichts passiert" in text_of(open_page("events", locale="de-DE"))


def test_events_are_told_in_the_persons_language_and_else_as_they_were_written(past: Past, open_page: Open) -> None:
    past.add("Trouble Over", "All is well again.", seconds=600)
    past.add("Login", "ada logged in.", username="ada")
    past.add("Telling Changed", "ada changed it.", by="ada")
    past.add("Delivery Blocked", "Nothing at all.", Severity.ERROR, outlet="telegram")
    past.add("Backup", "The photos are safe.")
    said = text_of(open_page("events", locale="de-DE"))
    for sentence in ("Nach 10 min ist alles wieder gut", "ada hat sich angemeldet", "An Telegram kann nichts"):
        assert sentence in said
    assert "The photos are safe" in said.replace("\\", "")


def test_a_severity_is_a_sign_and_a_word_and_no_mere_colour(past: Past, open_page: Open) -> None:
    past.add("Backup", "It failed", Severity.ERROR)
    past.add("Backup", "It was slow", Severity.WARNING)
    said = text_of(open_page("events"))
    assert ":red[:material/error:]" in said and "Error · Backup" in said
    assert ":orange[:material/warning:]" in said and "Warning · Backup" in said


def test_what_became_of_each_delivery_is_told(past: Past, open_page: Open) -> None:
    for kind in ("One", "Two", "Three", "Four"):
        past.add(kind, f"{kind} happened")
    past.send("telegram", Result.DONE, Result.REFUSED, Result.LATER, Result.LATER, why="The chat is *gone*.")
    said = text_of(open_page("events"))
    assert ":green-badge[:material/check: Telegram: sent]" in said
    assert ":red-badge[:material/error: Telegram: failed]" in said
    assert "waiting since 5 min, next try in 7 min" in said
    assert "The chat is \\*gone\\*" in said


def test_a_blocked_outlet_and_one_that_is_no_more_are_told_as_such(past: Past, open_page: Open) -> None:
    past.deliveries.register("chat-dead", "x", NOW)
    past.add("One", "One happened")
    past.send("telegram", Result.LATER)
    past.send("chat-dead", Result.LATER)
    past.deliveries.drop_pending("no more", "chat-dead")
    past.house.postroom.cards = [outlet("telegram", "Telegram (bot 12...9)", blocked="No token.")]
    said = text_of(open_page("events"))
    assert "Telegram: waiting since 5 min, blocked" in said
    assert ":gray-badge[:material/delete: chat\\-dead: given up]" in said


def test_trying_again_asks_for_that_delivery_alone(past: Past, open_page: Open) -> None:
    past.add("One", "One happened")
    past.add("Two", "Two happened")
    past.send("telegram", Result.DONE, Result.REFUSED)
    page = open_page("events")
    assert [button.key for button in page.button if str(button.key).startswith("again-")] == ["again-2-telegram"]
    page.button(key="again-2-telegram").click().run()
    assert past.house.acts == [("again", 2, "telegram")]
    assert page.toast
    past.house.refuse = REFUSAL
    page.button(key="again-2-telegram").click().run()
    assert page.error


def test_two_outlets_of_one_service_keep_their_whole_names(past: Past, open_page: Open) -> None:
    past.house.postroom.cards.append(outlet("chat-2", "Telegram (bot 77...3)"))
    past.add("One", "One happened")
    past.send("telegram", Result.DONE)
    assert "Telegram \\(bot 12\\.\\.\\.9\\): sent" in text_of(open_page("events"))


def test_hostile_messages_stay_text(past: Past, open_page: Open) -> None:
    past.add(HOSTILE, HOSTILE, Severity.ERROR)
    page = open_page("events")
    assert not page.exception
    said = [e.value for kind in (page.markdown, page.caption) for e in kind]
    assert any("bold" in each for each in said)
    assert not any("**bold" in each or ":material/home:" in each for each in said)


def test_a_long_message_is_shortened_and_can_be_read_whole(past: Past, open_page: Open) -> None:
    past.add("Backup", "A long story. " * 5000)
    page = open_page("events")
    assert "A long story" in text_of(page) and len(text_of(page)) < 20_000
    page.button(key="whole-1").click().run()
    assert page.text[0].value.strip() == ("A long story. " * 5000).strip()


def test_the_address_holds_what_was_chosen_and_brings_it_back(past: Past, open_page: Open) -> None:
    past.add("Disk", "The disk is low", Severity.WARNING)
    past.add("Disk", "The disk is fine")
    past.add("Backup", "The disk is backed up", Severity.ERROR)
    page = open_page("events")
    page.text_input(key="events-q").set_value("disk").run()
    page.selectbox(key="events-least").set_value("warning").run()
    page.multiselect(key="events-kind").set_value(["Disk"]).run()
    assert asked(page) == {"q": ["disk"], "least": ["warning"], "kind": ["Disk"]}
    assert "The disk is low" in text_of(page) and "backed up" not in text_of(page)
    again = open_page("events", q="disk", least="warning", kind="Disk")
    assert again.text_input(key="events-q").value == "disk"
    assert "The disk is low" in text_of(again) and "The disk is fine" not in text_of(again)
    again.button(key="events-clear").click().run()
    assert asked(again) == {}
    assert "The disk is fine" in text_of(again)


def test_days_groups_outlet_and_state_narrow_too(past: Past, open_page: Open) -> None:
    past.add("Trouble", "Plex is down", Severity.ERROR, ago=60 * 24 * 3)
    past.add("Backup", "It is done")
    past.send("telegram", Result.DONE, Result.REFUSED)
    for query, there, missing in (
        ({"group": "trouble"}, "Plex is down", "It is done"),
        ({"group": "own"}, "It is done", "Plex is down"),
        ({"group": "speed"}, "No event fits", "It is done"),
        ({"from": "2026-11-20"}, "It is done", "Plex is down"),
        ({"to": "2026-11-19"}, "Plex is down", "It is done"),
        ({"state": "failed"}, "It is done", "Plex is down"),
        ({"outlet": "webhook"}, "No event fits", "It is done"),
    ):
        said = text_of(open_page("events", **query))
        assert there in said and missing not in said, query


@pytest.mark.parametrize("name", ["q", "least", "group", "kind", "from", "to", "outlet", "state", "before"])
def test_nonsense_in_the_address_does_no_harm(past: Past, open_page: Open, name: str) -> None:
    past.add("Backup", "It is done")
    for nonsense in ("<b>'\"\\", "9999-12-31", "0001-01-01", "٣", "9" * 40, "-1"):
        assert not open_page("events", **{name: nonsense}).exception


def test_older_pages_are_reached_by_the_address(past: Past, open_page: Open) -> None:
    for number in range(60):
        past.add("Backup", f"Backup {number:02} done", ago=100 - number)
    page = open_page("events")
    assert "Backup 59" in text_of(page) and "Backup 34" not in text_of(page)
    page.button(key="events-older").click().run()
    assert asked(page) == {"before": ["36"]}
    assert "Backup 34" in text_of(page) and "Backup 59" not in text_of(page)
    page.button(key="events-older").click().run()
    assert page.button(key="events-older").disabled
    page.button(key="events-newest").click().run()
    assert asked(page) == {} and "Backup 59" in text_of(page)


def test_a_changed_filter_begins_at_the_newest(past: Past, open_page: Open) -> None:
    past.add("Backup", "It is done")
    page = open_page("events", before="1")
    assert "Nothing found up to here" in text_of(page)
    page.text_input(key="events-q").set_value("done").run()
    assert asked(page) == {"q": ["done"]} and "It is done" in text_of(page)


def test_the_links_take_away_what_is_shown(past: Past, open_page: Open) -> None:
    page = open_page("events", q='a "b" & c', least="error")
    link = next(each.value for each in page.html if "events.csv?" in each.value)
    query = parse_qs(link.split("events.csv?")[1].split('"')[0].replace("&amp;", "&"))
    assert query == {"q": ['a "b" & c'], "least": ["error"], "zone": ["Europe/Berlin"]}


# --- files ---


def test_csv_and_json_hold_what_was_asked_for_and_no_formula(past: Past) -> None:
    past.add("Backup", '=HYPERLINK("http://evil.example")\n"quoted", and more', Severity.WARNING, size=3)
    past.add("Disk", "It is low")
    past.send("telegram", Result.DONE, Result.REFUSED)
    rows = list(csv.DictReader(io.StringIO("".join(past.book.csv({"kind": ["Backup"]})))))
    assert [row["message"] for row in rows] == ['\'=HYPERLINK("http://evil.example")\n"quoted", and more']
    assert rows[0]["deliveries"] == "telegram: sent"
    told = json.loads("".join(past.book.json({})))
    assert [row["kind"] for row in told] == ["Disk", "Backup"]
    assert told[1]["data"] == {"size": 3} and told[0]["deliveries"] == {"telegram": "failed"}


def test_files_come_in_pieces_and_are_whole(past: Past) -> None:
    with past.database.write() as connection:
        for number in range(1203):
            write_event(connection, NOW, "Backup", Severity.INFO, f"done {number}", {})
    pieces = list(past.book.json({}))
    assert len(pieces) == 4 and len(json.loads("".join(pieces))) == 1203
    assert len(list(past.book.csv({}))) == 3
    assert json.loads("".join(past.book.json({"q": ["nothing of the kind"]}))) == []


def test_a_day_begins_and_ends_where_the_person_lives(past: Past) -> None:
    wanted = past.book.wanted({"from": ["2026-10-25"], "to": ["2026-10-25"]}, BERLIN)
    assert (wanted.since, wanted.until) == (
        datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC),
    )  # fmt: skip
    assert past.book.wanted({"to": ["9999-12-31"], "state": ["nonsense"]}, BERLIN) == EventFilter()
    assert past.book.wanted({"state": ["failed"]}, BERLIN).status is DeliveryStatus.FAILED


# --- notifications ---


def test_nobody_is_told_yet(fake: FakeHouse, open_page: Open) -> None:
    said = text_of(open_page("outlets"))
    assert "Nobody is told yet" in said
    assert "still missing: AIRTABLE\\_TOKEN" in said or "still missing: AIRTABLE_TOKEN" in said
    assert "Noch wird niemandem" in text_of(open_page("outlets", locale="de-DE"))


def test_each_outlet_says_how_it_does(fake: FakeHouse, open_page: Open) -> None:
    fake.postroom.cards = [
        outlet("airtable", "Airtable (Server Reboots)", 1000, calls=950, pending=7, failed=2, blocked="No *token*."),
        outlet("webhook", "Webhook (nas)", last_sent_at=NOW - timedelta(minutes=9), calls=3),
        outlet("telegram", "Telegram (bot 12...9)", paused_until=NOW + timedelta(minutes=2)),
        outlet("chat-1", "ntfy (nt...)"),
    ]
    fake.postroom.wish = Telling({"chat-1": Choice(enabled=False)})
    said = text_of(open_page("outlets"))
    for words in (
        "takes nothing", "No \\*token\\*", "7 waiting", "2 failed", "950 of 1,000 calls", "working",
        "last sent 9 min ago", "3 calls this month", "wants silence, goes on in 2 min", "switched off",
    ):  # fmt: skip
        assert words in said, words
    assert 'class="much" style="width:95.0%"' in said


def test_a_test_says_what_came_of_it(fake: FakeHouse, open_page: Open) -> None:
    fake.postroom.cards = [outlet("webhook", "Webhook (nas)")]
    page = open_page("outlets")
    page.button(key="test-webhook").click().run()
    assert fake.acts == [("test", "webhook", "ada")]
    assert "The test has arrived" in text_of(page)
    page.run()
    assert "only the test sent so far" in text_of(page) and "nothing sent yet" not in text_of(page)
    for result in Result:
        fake.postroom.receipt = Receipt(0, result, "So it *is*.")
        page.button(key="test-webhook").click().run()
        assert "So it \\*is\\*\\." in text_of(page) and not page.exception
    fake.refuse = REFUSAL
    page.button(key="test-webhook").click().run()
    assert page.error and "So it" not in text_of(page)


def test_what_is_repaired_or_failed_can_be_sent_on(fake: FakeHouse, open_page: Open) -> None:
    fake.postroom.cards = [outlet("webhook", "Webhook (nas)", blocked="Gone.", failed=3)]
    page = open_page("outlets")
    page.button(key="unblock-webhook").click().run()
    page.button(key="retry-webhook").click().run()
    assert fake.acts == [("unblock", "webhook"), ("again", "webhook")]
    assert page.toast


def test_only_what_was_added_here_can_be_removed_and_only_when_confirmed(fake: FakeHouse, open_page: Open) -> None:
    fake.postroom.cards = [outlet("webhook", "Webhook (nas)"), outlet("chat-1", "ntfy (nt...)", pending=4)]
    page = open_page("outlets")
    assert not any(button.key == "remove-webhook" for button in page.button)
    page.button(key="remove-chat-1").click().run()
    assert fake.acts == [] and "4 waiting messages are given up" in text_of(page)
    page.button(key="remove-yes").click().run()
    assert fake.acts == [("remove", "chat-1", "ada")]


def test_an_address_is_kept_once_and_never_shown_again(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("outlets")
    field = page.text_input(key="target-url")
    assert field.proto.type == field.proto.PASSWORD
    fake.refuse = REFUSAL
    field.set_value(TOPIC)
    page.button[[button.label for button in page.button].index("Add")].click().run()
    assert page.error and page.text_input(key="target-url").value == TOPIC
    fake.refuse = None
    page.button[[button.label for button in page.button].index("Add")].click().run()
    assert fake.acts == [("add", TOPIC, "ada")]
    assert page.text_input(key="target-url").value == ""
    assert TOPIC not in text_of(page)


def test_what_an_outlet_tells_is_saved_by_its_button_and_only_for_it(fake: FakeHouse, open_page: Open) -> None:
    other = Choice(least=Severity.ERROR)
    fake.postroom.cards = [outlet("webhook", "Webhook (nas)"), outlet("chat-1", "ntfy (nt...)")]
    fake.postroom.wish = Telling({"chat-1": other}, digest="daily")
    page = open_page("outlets")
    page.segmented_control(key="way-webhook").set_value("own").run()
    page.pills(key="groups-webhook").set_value(["trouble", "scan"]).run()
    page.selectbox(key="least-webhook").set_value("warning").run()
    page.toggle(key="quiet-webhook").set_value(True).run()
    assert fake.acts == []
    page.button(key="choice-webhook-save").click().run()
    wished = Choice(True, frozenset({Group.TROUBLE, Group.SCAN}), Severity.WARNING, True)
    assert fake.postroom.wish == Telling({"chat-1": other, "webhook": wished}, digest="daily")
    assert page.button(key="choice-webhook-save").disabled
    assert any("Troubles, Scans · Warnings and errors · with quiet hours" in each.label for each in page.expander)


def test_a_choice_can_be_taken_back_and_follows_what_others_save(fake: FakeHouse, open_page: Open) -> None:
    fake.postroom.cards = [outlet("webhook", "Webhook (nas)")]
    page = open_page("outlets")
    page.toggle(key="on-webhook").set_value(False).run()
    page.button(key="choice-webhook-discard").click().run()
    assert page.toggle(key="on-webhook").value is True and fake.acts == []
    fake.postroom.wish = Telling({"webhook": Choice(least=Severity.ERROR)})
    page.run()
    assert page.selectbox(key="least-webhook").value == "error"


def test_quiet_hours_and_digest_are_saved_together_and_explicitly(fake: FakeHouse, open_page: Open) -> None:
    choices = {"webhook": Choice(quiet=True)}
    fake.postroom.wish = Telling(choices)
    page = open_page("outlets")
    assert page.button(key="telling-save").disabled
    page.toggle(key="quiet").set_value(True).run()
    page.time_input(key="quiet-from").set_value(time(23, 30)).run()
    page.segmented_control(key="digest").set_value("weekly").run()
    assert fake.acts == []
    page.button(key="telling-save").click().run()
    assert fake.postroom.wish == Telling(choices, "23:30", "07:00", "weekly", "08:00")
    page.toggle(key="quiet").set_value(False).run()
    page.button(key="telling-discard").click().run()
    assert page.toggle(key="quiet").value is True
    page.toggle(key="quiet").set_value(False).run()
    page.button(key="telling-save").click().run()
    assert fake.postroom.wish == Telling(choices, "", "", "weekly", "08:00")


def test_looking_at_notifications_saves_nothing(fake: FakeHouse, open_page: Open) -> None:
    fake.postroom.cards = [outlet("webhook", "Webhook (nas)")]
    open_page("outlets").run()
    assert fake.acts == []


# --- overview ---


def test_a_blocked_outlet_is_said_on_the_overview(fake: FakeHouse, open_page: Open) -> None:
    fake.postroom.cards = [outlet("webhook", "Webhook (nas)")]
    assert "cannot be delivered" not in text_of(open_page())
    fake.postroom.cards = [fake.postroom.cards[0]._replace(state=replace(fake.postroom.cards[0].state, blocked="x"))]
    assert "Messages cannot be delivered to Webhook \\(nas\\) at present" in text_of(open_page())
    assert "kommen gerade nicht an" in text_of(open_page(locale="de-DE"))
