"""events, emit, deliver, import-queue: as a person or a script runs them, with a real webhook at the other end."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from command_rig import run, settings_of

from keeper.__main__ import main
from keeper.config import Settings
from keeper.errors import RunError
from keeper.house.oldqueue import MOST_DEEP, MOST_OPEN, _Quick, read_queue
from keeper.house.postroom import absence_with
from keeper.rules import digest
from keeper.rules.types import Cause, Check, Notice, Preferences, Result, Severity, Telling
from keeper.wiring import House
from tests.world.receiver import Receiver, nobody, status

SECRET = "a-secret-of-the-webhook"
RECORD = {"Name": "System Reboot", "Time": "2024-03-10 04:00:00", "Message": 'He said "no"', "Script": "plex_guard"}


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture
def keeper(monkeypatch, tmp_path, capsys, receiver):
    """Runs a command in this process: (exit code, what it printed, what it complained of)."""
    settings = settings_of(f"http://{nobody()}", "t0ken-of-plex", tmp_path / "keeper.db")
    settings |= {"WEBHOOK_URL": f"{receiver.url}/private-path", "WEBHOOK_SECRET": SECRET, "PSR_LOG_DIR": str(tmp_path)}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    def command(*arguments: str):
        capsys.readouterr()
        try:
            code = main([*arguments])
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return code, said.out, said.err

    command("deliver")  # registers: nothing of the past is told
    return command


def listed(keeper, *more):
    return json.loads(keeper("events", "--json", *more)[1])


def test_an_event_of_ones_own_is_written_listed_and_delivered(keeper, receiver):
    assert keeper("emit", "Backup Done", 'all "fine"\n🎬 [x]', "--severity", "warning")[:2] == (
        0, "Written. It goes to: webhook.\n"
    )  # fmt: skip
    (row,) = listed(keeper)
    assert (row["kind"], row["severity"], row["message"]) == ("Backup Done", "warning", 'all "fine"\n🎬 [x]')
    assert row["deliveries"] == [] and {"id", "at"} <= row.keys()
    code, out, _ = keeper("deliver", "--json")
    document = json.loads(out)
    assert code == 0 and document["outlets"][0]["sent"] == 1 and document["outlets"][0]["waiting"] == 0
    assert receiver.got[0].json["message"] == 'all "fine"\n🎬 [x]'
    (delivery,) = listed(keeper)[0]["deliveries"]
    assert (delivery["outlet"], delivery["status"], delivery["attempts"]) == ("webhook", "sent", 1)


def test_a_long_message_comes_by_standard_input(keeper, receiver, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("🎬" * 100_000))
    assert keeper("emit", "Long", "-")[0] == 0
    keeper("deliver")
    assert receiver.got[0].json["message"] == "🎬" * 100_000


@pytest.mark.parametrize(
    ("kind", "message", "sentence"),
    [
        ("", "x", "1 to 80 characters"), ("k" * 81, "x", "1 to 80 characters"), ("a\tb", "x", "1 to 80 characters"),
        ("Backup", "", "message is empty"), ("Backup", "  \n", "message is empty"),
        ("Backup", "a\x07b", "control characters"), ("Backup", "x" * 100_001, "100000 are the limit"),
    ],
)  # fmt: skip
def test_what_cannot_be_an_event_is_refused_with_a_sentence(keeper, kind, message, sentence):
    code, _, complaint = keeper("emit", kind, message)
    assert code == 2 and sentence in complaint
    assert listed(keeper) == []


def test_events_are_narrowed_to_kinds_and_a_number(keeper):
    for number in range(3):
        keeper("emit", "Backup Done", f"number {number}")
    keeper("emit", "Other", "x")
    assert [row["message"] for row in listed(keeper, "--kind", "Backup Done", "--limit", "2")] == [
        "number 2",
        "number 1",
    ]
    assert "Backup Done: number 2" in keeper("events")[1]


def test_deliver_tells_what_stands_in_the_way(keeper, receiver):
    receiver.script = [status(401)]
    keeper("emit", "Backup Done", "x")
    code, out, _ = keeper("deliver")
    assert code == 1 and "does not accept the message (401)" in out and "1 waiting" in out
    assert "private-path" not in out and SECRET not in out


def test_a_test_goes_past_what_waits_and_lifts_the_block(keeper, receiver):
    receiver.script = [status(401)]
    keeper("emit", "Backup Done", "x")
    keeper("deliver")
    assert keeper("deliver", "--test", "webhook")[:2] == (0, "webhook: the test message arrived.\n")
    assert receiver.got[-1].json["kind"] == "Test" and receiver.got[-1].json["event"] < 0
    keeper("deliver")
    assert [got.json["message"] for got in receiver.got if got.json["kind"] == "Backup Done"] == ["x", "x"]


def test_a_test_says_what_is_wrong(keeper, receiver):
    receiver.script = [status(404)]
    code, out, _ = keeper("deliver", "--test", "webhook")
    assert code == 1 and "nothing at that address (404)" in out
    code, _, complaint = keeper("deliver", "--test", "nowhere")
    assert code == 2 and "There are: webhook." in complaint


def test_what_waits_is_given_up_only_after_a_typed_yes(keeper, receiver, monkeypatch):
    receiver.script = [status(401)]
    keeper("emit", "Backup Done", "x")
    keeper("deliver")
    monkeypatch.setattr(sys, "stdin", io.StringIO("no\n"))
    assert keeper("deliver", "--drop-pending")[0] == 1
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    code, out, _ = keeper("deliver", "--drop-pending", "webhook")
    assert code == 0 and out.startswith("1 deliveries")
    rows = listed(keeper, "--kind", "Backup Done")
    assert rows[0]["deliveries"][0]["status"] == "dropped" and "given up" in rows[0]["deliveries"][0]["why"]
    assert keeper("deliver", "--drop-pending", "nowhere", "--yes")[0] == 2


def test_only_one_process_delivers_at_a_time(keeper, receiver, tmp_path):
    with_lease = House(Settings())
    try:
        assert with_lease.postroom._keep_lease()
        keeper("emit", "Backup Done", "x")
        ran = run(dict(os.environ), "deliver", "--json")
        document = json.loads(ran.stdout)
        assert ran.returncode == 0 and "delivers already" in document["elsewhere"] and receiver.got == []
        with_lease.postroom.let_go()
        ran = run(dict(os.environ), "deliver", "--json")
        assert json.loads(ran.stdout)["outlets"][0]["sent"] == 1
    finally:
        with_lease.close()


def test_an_event_is_written_while_the_service_runs_and_the_service_delivers_it(keeper, receiver):
    house = House(Settings())
    house.engine.start()
    try:
        assert run(dict(os.environ), "emit", "Backup Done", "from a script").returncode == 0
        waiting = threading.Event()
        for _ in range(1000):
            if any(got.json["message"] == "from a script" for got in receiver.got):
                break
            waiting.wait(0.02)
        else:
            raise AssertionError("the service did not deliver it within 20 s")
    finally:
        assert house.engine.stop()
        house.close()
    assert House(Settings()).memory.lease("courier") is None


def test_the_doctor_speaks_of_outlets(keeper, receiver):
    receiver.script = [status(401)]
    keeper("emit", "Backup Done", "x")
    keeper("deliver")
    findings = [row for row in json.loads(keeper("doctor", "--json")[1]) if row["name"] == "outlet webhook"]
    assert any(row["ok"] is False and "401" in row["sentence"] and "--test webhook" in row["mend"] for row in findings)


# ------------------------------------------------------------------------------------------------ the page's methods


@pytest.fixture
def house(keeper):
    built = House(Settings())
    yield built
    built.close()


def test_a_target_is_added_tested_listed_and_removed(house, receiver):
    name = house.postroom.add_target(f"json://{receiver.place}/secret-path-here", "me")
    card = next(card for card in house.postroom.outlets() if card.state.name == name)
    assert (card.kind, card.removable, card.budget) == ("chat", True, 0)
    assert "secret-path-here" not in card.label and card.label.startswith("JSON (json://127.0.0.1")
    assert house.postroom.test_outlet(name, "me").result is Result.DONE
    assert receiver.got[-1].json["title"] == "ℹ️ Test"
    house.postroom.emit("Backup Done", "x", Severity.INFO, "me")
    house.postroom.deliver_now()
    assert receiver.got[-1].path in ("/secret-path-here", "/private-path") and len(receiver.got) == 3
    house.postroom.remove_target(name, "me")
    assert name not in house.postroom.names()
    told = [event.kind for event in house.views.events(10)]
    assert "Outlet Added" in told and "Outlet Removed" in told


def test_outlets_json_lies_beside_the_data_file(house, receiver, tmp_path):
    house.postroom.add_target(f"json://{receiver.place}/secret-path-here", "me")
    file = tmp_path / "outlets.json"
    assert file.stat().st_mode & 0o777 == 0o600
    everything = [each.read_bytes() for each in tmp_path.iterdir() if each.is_file() and each != file]
    assert not any(b"secret-path-here" in content for content in everything)


def test_without_a_line_nothing_is_tried_and_old_news_of_it_does_not_count(house):
    check = Check(house.clock.now(), Cause.INTERNET_DOWN, "", {}, {}, 1.0)
    house.postroom._desk = replace(house.postroom._desk, last_check=lambda: check)
    assert house.postroom._line() is False
    old = replace(check, at=check.at.replace(year=2020))
    house.postroom._desk = replace(house.postroom._desk, last_check=lambda: old)
    assert house.postroom._line() is True


def test_figures_of_a_new_house_are_nothing(house):
    figures = house.postroom._satchel().figures(house.clock.now().replace(year=2025), house.clock.now())
    assert (figures.good, figures.bad, figures.incidents, figures.undelivered) == (0, 0, 0, 0) and figures.unknown > 0


# ------------------------------------------------------------------------------------------------ the old queue


def write(tmp_path: Path, content: str | bytes) -> str:
    file = tmp_path / "airtable_queue.json"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(file)


FORMS = {
    "a list": json.dumps([{"fields": RECORD}, {"fields": RECORD | {"Name": "Reboot Cycle"}}]),
    "with records": json.dumps({"records": [{"fields": RECORD}, RECORD | {"Name": "Reboot Cycle"}]}),
    "json lines": f"{json.dumps(RECORD)}\n{json.dumps({'fields': RECORD | {'Name': 'Reboot Cycle'}})}\n",
    "glued together": json.dumps({"fields": RECORD}) + json.dumps(RECORD | {"Name": "Reboot Cycle"}),
    "texts in a list": json.dumps([json.dumps({"fields": RECORD}), json.dumps(RECORD | {"Name": "Reboot Cycle"})]),
    "with a mark in front": b"\xef\xbb\xbf" + json.dumps([RECORD, RECORD | {"Name": "Reboot Cycle"}]).encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_the_old_queue_is_taken_over_once(keeper, receiver, tmp_path, form):
    file = write(tmp_path, FORMS[form])
    before = Path(file).read_bytes()
    code, out, _ = keeper("import-queue", file, "--json")
    assert (code, json.loads(out)) == (0, {"taken": 2, "known": 0, "refused": []})
    assert json.loads(keeper("import-queue", file, "--json")[1]) == {"taken": 0, "known": 2, "refused": []}
    rows = listed(keeper)
    assert [row["kind"] for row in rows] == ["Reboot Cycle", "System Reboot"]
    assert rows[0]["at"] == "2024-03-10T08:00:00+00:00", "04:00 in New York, where summer time had just begun"
    assert rows[0]["message"] == 'He said "no"' and rows[1]["severity"] == "warning"
    keeper("deliver")
    assert [got.json["kind"] for got in receiver.got] == ["System Reboot", "Reboot Cycle"]
    assert Path(file).read_bytes() == before


def test_a_broken_queue_is_rescued_as_far_as_it_can_be_read(keeper, tmp_path):
    quote = '{"fields": {"Name": "Plex Restart", "Time": "2024-03-10 05:00:00", "Message": "it said "hung" twice"}}'
    cut = '{"fields": {"Name": "Plex Update", "Time": "2024-03-10 06:00:00", "Message": "half a sen'
    lost = '{"fields": {"Name": "Plex Upd'
    content = "[" + json.dumps({"fields": RECORD}) + "," + quote + ",\n" + json.dumps({"fields": {"Name": "No Time"}})
    code, out, _ = keeper("import-queue", write(tmp_path, content + "," + cut + "," + lost), "--json")
    document = json.loads(out)
    assert code == 1 and document["taken"] == 3
    assert [each["why"] for each in document["refused"]] == ["it has no Time", "it has no Name"]
    messages = {row["kind"]: row["message"] for row in listed(keeper)}
    assert messages["Plex Restart"] == 'it said "hung" twice'
    assert messages["Plex Update"] == "half a sen,… [cut off in the queue]"


@pytest.mark.parametrize("content", ["", "nothing of the kind", "[[[[", "{}", "[]", '"x"', b"\xff\xfe\x00{", "[" * 999])
def test_what_is_no_queue_breaks_nothing(keeper, tmp_path, content):
    code, out, _ = keeper("import-queue", write(tmp_path, content), "--json")
    assert code in (0, 1) and json.loads(out)["taken"] == 0
    assert listed(keeper) == []


def test_two_that_happened_alike_in_one_second_are_two(keeper, tmp_path):
    file = write(tmp_path, json.dumps([RECORD, RECORD]))
    assert json.loads(keeper("import-queue", file, "--json")[1])["taken"] == 2
    assert json.loads(keeper("import-queue", file, "--json")[1])["known"] == 2


@pytest.mark.parametrize("when", ["0024-11-21 10:00:00", "1999-06-01 12:00:00", "2999-01-01 12:00:00"])
def test_a_time_that_no_watchdog_can_have_written_is_refused_and_stops_nothing(keeper, receiver, tmp_path, when):
    file = write(tmp_path, json.dumps([RECORD | {"Time": when}, RECORD]))
    code, out, _ = keeper("import-queue", file, "--json")
    (refused,) = json.loads(out)["refused"]
    assert code == 1 and refused["why"] == f"its Time '{when}' is not between the year 2000 and tomorrow"
    assert keeper("deliver")[0] == 0
    assert [got.json["kind"] for got in receiver.got] == ["System Reboot"]


def test_control_characters_of_an_old_queue_neither_forge_lines_nor_steer_the_terminal(keeper, tmp_path):
    record = RECORD | {"Name": "Plex\nRestart \x1b[2J\x9b", "Message": "a\nb \x9b2J"}
    keeper("import-queue", write(tmp_path, json.dumps([record])))
    (row,) = listed(keeper)
    assert (row["kind"], row["message"]) == ("Plex Restart [2J", "a\nb  2J")


def test_what_is_in_the_store_already_does_not_steer_the_terminal(keeper):
    house = House(Settings())
    house.postroom.deliveries.note(Notice("Odd\n\x1b[2J", Severity.INFO, "x\x9b2J", {}), house.clock.now())
    house.close()
    out = keeper("events")[1]
    assert "Odd  [2J: x 2J" in out and not any(sign in out for sign in "\x1b\x9b")


def test_only_a_file_of_a_sensible_size_is_read(keeper, tmp_path, monkeypatch):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for place in ("/dev/zero", str(pipe), str(tmp_path)):
        code, _, complaint = keeper("import-queue", place)
        assert code == 1 and f"{place} is no file" in complaint
    monkeypatch.setattr("keeper.commands.events.BIGGEST_QUEUE", 1 << 20)
    code, _, complaint = keeper("import-queue", write(tmp_path, b" " * ((1 << 20) + 1)))
    assert code == 1 and "more than 1 MB" in complaint


def test_three_thousand_twins_are_known_the_second_time_by_one_look(keeper, house, monkeypatch):
    zone = house.clock.local_zone()
    records, _ = read_queue(json.dumps([RECORD] * 3000).encode(), zone, house.clock.now())
    assert house.postroom.take_over(records) == 3000
    looks = []
    real = house.postroom._events.noted_in_data
    monkeypatch.setattr(house.postroom._events, "noted_in_data", lambda *them: (looks.append(1), real(*them))[1])
    monkeypatch.setattr(house.postroom._events, "stream", None)
    assert house.postroom.take_over(records) == 0 and looks == [1]
    assert house.postroom.take_over([]) == 0


def test_lists_without_an_end_are_not_tried_for_ever(monkeypatch):
    tried = []

    class Counting(json.JSONDecoder):
        def raw_decode(self, *them):
            tried.append(1)
            return super().raw_decode(*them)

    monkeypatch.setattr("keeper.house.oldqueue.json.JSONDecoder", Counting)
    raw = b"[" * 80_000 + json.dumps(RECORD).encode()
    taken, refused = read_queue(raw, UTC, datetime(2026, 1, 1, tzinfo=UTC))
    assert [record.name for record in taken] == ["System Reboot"] and refused == [] and len(tried) == MOST_OPEN + 1


def test_nests_without_measure_are_given_up_and_faults_are_not_counted_line_by_line():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert len(read_queue(b'{"Name":' * 80_000, UTC, now)[1]) == MOST_DEEP
    assert len(read_queue(b'{"Name":"x"' * 2_000, UTC, now)[1]) == 2_000
    with pytest.raises(json.JSONDecodeError) as fault:
        json.JSONDecoder().raw_decode(_Quick("\n\n{"), 2)
    assert fault.value.lineno == 1, "nobody counted"


def test_a_message_that_is_no_text_is_refused_with_a_sentence(keeper, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9"), encoding="utf-8"))
    code, _, complaint = keeper("emit", "Backup", "-")
    assert code == 2 and "no text in UTF-8" in complaint and "Traceback" not in complaint
    assert listed(keeper) == []


def test_a_queue_that_is_not_there_is_said(keeper, tmp_path):
    code, _, complaint = keeper("import-queue", str(tmp_path / "nothing.json"))
    assert code == 1 and "cannot be read: No such file" in complaint


# --- outlets that are set up no more ---


def test_an_outlet_that_is_set_up_no_more_is_forgotten_after_a_month_and_not_before(house):
    house.postroom.deliveries.register("airtable", "an old setting", house.clock.now())
    house.postroom.emit("Backup Done", "x", Severity.INFO, "me")
    real = house.clock.now()
    for days in range(31):
        for hours in (0, 1):
            look_for_the_absent(house, real + timedelta(days=days, hours=hours))
        assert ("airtable" in house.postroom.deliveries.registered()) is (days < 30)
    told = [event for event in house.views.events(10) if event.kind == "Outlet Removed"]
    assert len(told) == 1 and "airtable is not set up any more for 30 days" in told[0].message


def look_for_the_absent(house, now: datetime) -> None:
    clock = SimpleNamespace(now=lambda: now, monotonic=house.clock.monotonic, local_zone=lambda: UTC)
    house.postroom._clock = clock
    house.postroom._mind_the_absent()


def test_a_clock_that_was_years_wrong_at_the_start_makes_no_month_of_absence(house):
    house.postroom.deliveries.register("airtable", "an old setting", house.clock.now())
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    for now in (noon.replace(year=2020), noon, noon + timedelta(hours=1)):
        look_for_the_absent(house, now)
    assert "airtable" in house.postroom.deliveries.registered()
    assert house.memory.noted("outlet.absent.airtable") == "2 2026-07-01"


def test_absence_that_an_older_program_noted_begins_anew():
    assert absence_with("2020-01-01T00:00:00+00:00", date(2026, 7, 1)) == (1, "1 2026-07-01")


def test_a_digest_whose_time_has_passed_today_is_not_sent_by_saving_it(house, receiver):
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    house.memory.save_preferences(Preferences(zone="UTC"), "me")
    house.postroom._clock = SimpleNamespace(now=lambda: noon, monotonic=house.clock.monotonic)
    house.postroom.tell(Telling(digest="daily", digest_at="08:00"), "me")
    marks = house.postroom.deliveries.noted(digest.MARK)
    assert digest.due_day(house.postroom.telling(), noon, UTC, marks) is None
    assert digest.due_day(house.postroom.telling(), noon + timedelta(days=1), UTC, marks) == date(2026, 7, 2)


def test_saving_other_wishes_does_not_swallow_a_digest_that_is_due(house):
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    house.memory.save_preferences(Preferences(zone="UTC"), "me")
    told = Telling(digest="daily", digest_at="08:00")
    house.postroom.deliveries.tell(told, "me", noon)
    house.postroom._clock = SimpleNamespace(now=lambda: noon, monotonic=house.clock.monotonic)
    house.postroom.tell(replace(told, quiet_from="22:00", quiet_to="07:00"), "me")
    assert house.postroom.deliveries.noted(digest.MARK) == ""


# --- what a person says is repaired ---


def blocked_house(house, *findings):
    """A webhook that is blocked, and whose looks say this."""
    house.postroom.emit("Backup Done", "x", Severity.INFO, "me")
    house.postroom.deliver_now()
    assert house.postroom.blocked()
    made = house.postroom._webhook

    def make():
        outlet = made()
        outlet.examine = lambda: list(findings)
        outlet.examined_calls = 2
        return outlet

    house.postroom._webhook = make


def test_what_is_not_repaired_is_not_taken_for_repaired_and_nobody_is_told_again(house, receiver):
    receiver.script = [status(401), status(401)]
    blocked_house(house, (True, "It answers.", ""), (False, "The token is wrong.", "Set another one."))
    with pytest.raises(RunError, match=r"It is not repaired yet: The token is wrong\. Set another one\."):
        house.postroom.unblock("webhook")
    assert house.postroom.blocked() and len(receiver.got) == 1
    assert house.postroom.outlets()[0].state.calls >= 2, "a look costs calls as well"
    with pytest.raises(RunError, match="no outlet called"):
        house.postroom.unblock("nowhere")


def test_what_cannot_be_asked_is_tried_and_that_it_is_blocked_still_is_not_told_again(house, receiver):
    receiver.script = [status(401), status(401)]
    blocked_house(house, (None, "Nobody can say.", ""))
    house.postroom.unblock("webhook")
    house.postroom.deliver_now()
    assert len(receiver.got) == 2 and house.postroom.blocked()
    assert len([event for event in house.views.events(20) if event.kind == "Delivery Blocked"]) == 1
    house.postroom.unblock("webhook")
    house.postroom.deliver_now()
    assert not house.postroom.blocked() and len(receiver.got) == 3


def test_a_test_that_arrives_does_not_end_the_silence_that_a_service_asked_for(house, receiver):
    receiver.script = [status(429, Retry_After="600")]
    house.postroom.emit("Backup Done", "x", Severity.INFO, "me")
    house.postroom.deliver_now()
    assert house.postroom.test_outlet("webhook", "me").result is Result.DONE
    house.postroom.deliver_now()
    assert [got.json["kind"] for got in receiver.got] == ["Backup Done", "Test"]
    assert house.postroom.outlets()[0].state.paused_until is not None


def test_an_outlet_that_comes_back_has_its_month_anew(house):
    house.postroom._mind_the_absent()
    house.memory.note("outlet.absent.webhook", "2020-01-01T00:00:00+00:00", "keeper")
    house.postroom._mind_the_absent()
    assert house.memory.noted("outlet.absent.webhook") == "" and "webhook" in house.postroom.deliveries.registered()
