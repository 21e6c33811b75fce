"""The webhook: signed, once by its key, in order, and every answer means what it should. Over real HTTP."""

from __future__ import annotations

import hashlib
import hmac
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from receiver import Receiver, nobody, reset, silence, status, trickle

from jobs import Brake
from keeper.errors import Interrupted
from keeper.rules.types import Event, Parcel, Result, Severity
from keeper.world.clock import SystemClock
from keeper.world.outlets.webhook import WebhookOutlet

SECRET = "a-secret-of-the-webhook"
AT = datetime(2026, 7, 14, 4, 12, tzinfo=UTC)


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


def outlet(url: str, deadline: float = 5.0, secret: str = SECRET) -> WebhookOutlet:
    return WebhookOutlet(url, secret, "store1", SystemClock(), deadline)


def parcel(message: str = "Plex is back.", number: int = 7, **more) -> Parcel:
    return Parcel(100 + number, Event(number, AT, "Trouble Over", Severity.WARNING, message, {"cause": "down"}), **more)


def send(outlet: WebhookOutlet, one: Parcel | None = None):
    answer = outlet.send([one or parcel()], Brake())
    assert len(answer.receipts) == 1 and answer.receipts[0].parcel == (one or parcel()).id
    return answer.receipts[0]


def test_the_receiver_gets_everything_of_the_event_signed(receiver):
    assert send(outlet(f"{receiver.url}/in?key=1")).result is Result.DONE
    got = receiver.got[0]
    assert (got.method, got.path) == ("POST", "/in?key=1")
    assert got.json == {
        "event": 7, "store": "store1", "at": "2026-07-14T04:12:00.000+00:00", "kind": "Trouble Over",
        "severity": "warning", "message": "Plex is back.", "data": {"cause": "down"},
    }  # fmt: skip
    signed = got.headers["x-keeper-timestamp"].encode() + b"." + got.body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert got.headers["x-keeper-signature"] == f"sha256={expected}"
    assert got.headers["idempotency-key"] == "store1-7"


@pytest.mark.parametrize("message", ['say "hi" {[<b>', "line\nbreak", "🎬 ü ß", "x" * 100_000, "half \ud83c emoji"])
def test_a_message_arrives_as_it_is(receiver, message):
    assert send(outlet(receiver.url), parcel(message)).result is Result.DONE
    assert receiver.got[0].json["message"] == message.encode("utf-8", "replace").decode()


@pytest.mark.parametrize(
    ("code", "result"),
    [
        (200, Result.DONE), (201, Result.DONE), (204, Result.DONE), (301, Result.LATER), (302, Result.LATER),
        (400, Result.REFUSED), (401, Result.BLOCKED), (403, Result.BLOCKED), (404, Result.BLOCKED),
        (408, Result.UNCERTAIN), (410, Result.BLOCKED), (413, Result.REFUSED), (422, Result.REFUSED),
        (429, Result.LATER), (500, Result.UNCERTAIN), (502, Result.UNCERTAIN), (503, Result.LATER),
        (504, Result.UNCERTAIN),
    ],
)  # fmt: skip
def test_each_status_means_what_it_should(receiver, code, result):
    receiver.script = [status(code, Location="/elsewhere")]
    receipt = send(outlet(receiver.url))
    assert receipt.result is result
    assert receipt.result is Result.DONE or str(code) in receipt.why
    assert len(receiver.got) == 1, "a redirection was followed"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", None),
        ("soon", None),
        ("-5", None),
        ("1e99", 86_400),
        ("nan", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
    ],
)
def test_the_silence_that_is_asked_for_is_handed_on(receiver, header, seconds):
    receiver.script = [status(429, Retry_After=header)]
    assert send(outlet(receiver.url)).after == seconds


def test_the_silence_may_be_a_date(receiver):
    until = datetime.now(UTC) + timedelta(seconds=300)
    receiver.script = [status(503, Retry_After=format_datetime(until, usegmt=True))]
    after = send(outlet(receiver.url)).after
    assert after is not None and 290 < after <= 300


def test_where_nothing_listens_nothing_arrived():
    receipt = send(outlet(f"http://{nobody()}/secret-path"))
    assert receipt.result is Result.LATER and "secret-path" not in receipt.why


def test_a_connection_that_breaks_off_leaves_it_uncertain_and_the_next_try_has_the_same_key(receiver):
    receiver.script = [reset, status(200)]
    webhook = outlet(receiver.url)
    assert send(webhook).result is Result.UNCERTAIN
    assert send(webhook, parcel(attempts=1, uncertain=True)).result is Result.DONE
    assert [got.headers["idempotency-key"] for got in receiver.got] == ["store1-7", "store1-7"]


@pytest.mark.parametrize("behaviour", [silence, trickle])
def test_no_call_lasts_longer_than_its_deadline(receiver, behaviour):
    receiver.script = [behaviour]
    webhook = outlet(receiver.url, deadline=0.4)
    assert send(webhook).result is Result.UNCERTAIN
    assert send(webhook).result is Result.DONE, "the call that hung is in the way of the next one"


def test_the_end_of_the_service_ends_a_call_at_once(receiver):
    receiver.script = [silence]
    brake, ended = Brake(), []

    def call():
        with pytest.raises(Interrupted):
            outlet(receiver.url, deadline=30).send([parcel()], brake)
        ended.append(True)

    thread = threading.Thread(target=call)
    thread.start()
    while not receiver.got:
        assert thread.is_alive()
        thread.join(0.01)
    brake.interrupt()
    thread.join(5)
    assert ended == [True]


def test_stopped_in_the_middle_of_a_batch_it_tells_of_those_that_were_finished(receiver):
    brake = Brake()
    receiver.script = [status(200), status(422), lambda handler, got: (brake.interrupt(), silence(handler, got))]
    answer = outlet(receiver.url).send([parcel(number=number) for number in range(5)], brake)
    assert [(one.parcel, one.result) for one in answer.receipts] == [(100, Result.DONE), (101, Result.REFUSED)]
    assert len(receiver.got) == 3


def test_stopped_before_anything_was_finished_it_has_nothing_to_tell(receiver):
    brake = Brake()
    brake.interrupt()
    with pytest.raises(Interrupted):
        outlet(receiver.url).send([parcel()], brake)
    assert receiver.got == []


class Recording(Brake):
    """Waits in no time, and knows how long it was to be."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)


@pytest.mark.parametrize("local", [True, False])
def test_a_receiver_elsewhere_gets_no_more_than_five_a_second(receiver, monkeypatch, local):
    monkeypatch.setattr(WebhookOutlet, "local", local)
    webhook, brake = outlet(receiver.url), Recording()
    webhook.send([parcel(number=number) for number in range(3)], brake)
    webhook.send([parcel(number=number) for number in range(3, 5)], brake)
    assert len(receiver.got) == 5 and webhook.pace == (0.0 if local else 0.2)
    assert len(brake.waited) == (0 if local else 4) and all(0 < seconds <= 0.2 for seconds in brake.waited)


def test_one_connection_is_enough_for_many(receiver):
    webhook = outlet(receiver.url)
    for number in range(20):
        assert send(webhook, parcel(number=number)).result is Result.DONE
    assert receiver.connections == 1
    assert [got.json["event"] for got in receiver.got] == list(range(20))


def test_behind_one_that_did_not_arrive_nothing_is_tried(receiver):
    receiver.script = [status(200), status(422), status(500)]
    answer = outlet(receiver.url).send([parcel(number=number) for number in range(5)], Brake())
    results = [receipt.result for receipt in answer.receipts]
    assert results == [Result.DONE, Result.REFUSED, Result.UNCERTAIN, Result.LATER, Result.LATER]
    assert [receipt.parcel for receipt in answer.receipts] == [100, 101, 102, 103, 104]
    assert [got.json["event"] for got in receiver.got] == [0, 1, 2] and answer.calls == 3


def test_a_block_is_one_for_all_that_wait(receiver):
    receiver.script = [status(401)]
    answer = outlet(receiver.url).send([parcel(number=number) for number in range(3)], Brake())
    assert {receipt.result for receipt in answer.receipts} == {Result.BLOCKED} and len(receiver.got) == 1


def test_no_password_of_this_machine_and_no_cookie_is_sent(receiver, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password p4ssw0rd\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    receiver.script = [status(200, Set_Cookie="a=b")]
    webhook = outlet(receiver.url)
    send(webhook)
    send(webhook)
    assert not any({"authorization", "cookie"} & got.headers.keys() for got in receiver.got)


def test_what_is_shown_of_it_holds_no_secret(receiver):
    webhook = outlet("https://me:p4ssw0rd@hooks.example/in/private-path?key=k3y-k3y")
    shown = f"{webhook.label} {webhook.fingerprint} {webhook.examine()}"
    assert "hooks.example" in shown
    assert not any(word in shown for word in ("p4ssw0rd", "private-path", "k3y-k3y", SECRET))


def test_another_address_or_secret_is_another_fingerprint():
    prints = {outlet(url, secret=secret).fingerprint for url in ("http://a", "http://b") for secret in ("x", "y")}
    assert len(prints) == 4
    assert outlet("http://a").fingerprint == outlet("http://a").fingerprint


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("192.168.1.5", True), ("nas", True), ("nas.local", True), ("[fd00::1]", True),
     ("hooks.example.org", False), ("8.8.8.8", False)],
)  # fmt: skip
def test_what_is_in_the_house_needs_no_internet(host, local):
    assert outlet(f"http://{host}:8080/x").local is local
