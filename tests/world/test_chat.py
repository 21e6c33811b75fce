"""Chats through apprise, against real HTTP servers: its json:// service, and Telegram's own at another address."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
import requests
from receiver import Receiver, bomb, drip, endless, nobody, reset, silence, status

from jobs import Brake
from keeper.errors import Interrupted
from keeper.rules.types import Event, Parcel, Result, Severity
from keeper.world.clock import SystemClock
from keeper.world.outlets import chat
from keeper.world.outlets.chat import ChatOutlet, TargetRefused, chat_name, instantiate, secrets_in, telegram_url
from keeper.world.outlets.fence import Fence, FencedAdapter, fenced

TOKEN = "7316204958:AAFx9-kLmN0pQrStUvWxYz12345_abcde"
CHAT = "-1002003004005"


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


def parcel(message="Plex is down.", severity=Severity.ERROR, late=timedelta(0), uncertain=False) -> Parcel:
    event = Event(7, datetime.now(UTC) - late, "Trouble", severity, message, {})
    return Parcel(107, event, int(uncertain), uncertain)


def telegram(receiver: Receiver, **more) -> ChatOutlet:
    return ChatOutlet("telegram", telegram_url(TOKEN, CHAT), SystemClock(), endpoint=receiver.url, **more)


def json_chat(place: str, **more) -> ChatOutlet:
    url = f"json://{place}/secret-path-here"
    return ChatOutlet(chat_name(url), url, SystemClock(), **more)


def send(outlet: ChatOutlet, one: Parcel | None = None):
    (receipt,) = outlet.send([one or parcel()], Brake()).receipts
    return receipt


def test_a_message_reaches_telegram_as_its_bot_would_send_it(receiver):
    assert send(telegram(receiver)).result is Result.DONE
    got = receiver.got[0]
    assert got.path == f"/bot{TOKEN}/sendMessage"
    assert str(got.json["chat_id"]) == CHAT
    assert "Trouble" in got.json["text"] and "🛑" in got.json["text"] and "Plex is down." in got.json["text"]


def test_a_message_reaches_a_json_service_with_title_body_and_severity(receiver):
    assert send(json_chat(receiver.place)).result is Result.DONE
    got = receiver.got[0].json
    assert (got["title"], got["message"], got["type"]) == ("🛑 Trouble", "Plex is down.", "failure")


@pytest.mark.parametrize(
    "message",
    ['say "hi"', "line\nbreak\n\nand more", "[link](http://x) *bold* _it_ `code`", "🎬 :smile: ü", "a\\nb \\t"],
)
def test_what_looks_like_markup_arrives_as_text(receiver, message):
    assert send(json_chat(receiver.place), parcel(message)).result is Result.DONE
    assert receiver.got[0].json["message"] == message


def test_what_looks_like_html_is_text_for_telegram(receiver):
    assert send(telegram(receiver), parcel("<b>5 < 6 & 7 > 2</b>\nnext")).result is Result.DONE
    got = receiver.got[0].json
    assert got["parse_mode"] == "HTML"
    assert "&lt;b&gt;5 &lt; 6 &amp; 7 &gt; 2&lt;/b&gt;\nnext" in got["text"].replace("\r\n", "\n")


@pytest.mark.parametrize("sign", ["x", "🎬", "<", "word "])
def test_a_long_message_is_visibly_shortened_to_what_telegram_takes(receiver, sign):
    message = sign * 100_000
    assert send(telegram(receiver), parcel(message)).result is Result.DONE
    (got,) = receiver.got
    text = got.json["text"].replace("&nbsp;", " ").replace("&lt;", "<")
    assert len(text.encode("utf-16-le")) // 2 <= 4096
    assert f"… [shortened, {len(message)} characters]" in text
    assert text.count(sign) * len(sign) > 1000


def test_a_long_message_is_shortened_for_json_too_and_keeps_its_notes(receiver):
    assert send(json_chat(receiver.place), parcel("x" * 100_000, uncertain=True)).result is Result.DONE
    message = receiver.got[0].json["message"]
    assert len(message) <= 32_768
    assert message.endswith("… [shortened, 100000 characters]\n(perhaps sent twice)")


def test_what_may_have_arrived_says_so_when_it_is_sent_again(receiver):
    send(json_chat(receiver.place), parcel(uncertain=True))
    assert receiver.got[0].json["message"] == "Plex is down.\n(perhaps sent twice)"


def test_what_comes_late_says_of_when_it_is(receiver):
    one = parcel(late=timedelta(hours=3))
    send(json_chat(receiver.place), one)
    at = one.event.at.astimezone(SystemClock().local_zone())
    assert receiver.got[0].json["message"] == f"Plex is down.\n(of {at:%Y-%m-%d %H:%M})"


@pytest.mark.parametrize(
    ("code", "result"),
    [(302, Result.LATER), (400, Result.REFUSED), (401, Result.BLOCKED), (403, Result.BLOCKED), (404, Result.BLOCKED),
     (413, Result.REFUSED), (429, Result.LATER), (500, Result.UNCERTAIN), (502, Result.UNCERTAIN),
     (503, Result.LATER)],
)  # fmt: skip
@pytest.mark.parametrize("service", ["json", "telegram"])
def test_each_status_means_what_it_should(receiver, service, code, result):
    receiver.script = [status(code, Location=f"{receiver.url}/login")]
    outlet = telegram(receiver) if service == "telegram" else json_chat(receiver.place)
    receipt = send(outlet)
    assert receipt.result is result, receipt.why
    assert str(code) in receipt.why
    assert len(receiver.got) == 1


def test_a_status_in_the_message_itself_is_not_taken_for_one_of_the_service():
    receipt = send(json_chat(nobody()), parcel("it said error=401, status=404, 535 authentication failed"))
    assert receipt.result is Result.LATER


def test_a_chat_that_telegram_does_not_know_blocks_instead_of_losing_message_after_message(receiver):
    receiver.script = [status(400, '{"ok": false, "description": "Bad Request: chat not found"}')]
    assert send(telegram(receiver)).result is Result.BLOCKED


def test_the_silence_that_telegram_asks_for_is_handed_on(receiver):
    said = '{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":35}}'
    receiver.script = [status(429, said)]
    receipt = send(telegram(receiver))
    assert (receipt.result, receipt.after) == (Result.LATER, 35.0)


@pytest.mark.parametrize("make", [lambda: json_chat(nobody()), lambda: json_chat("does-not-exist.invalid")])
def test_where_there_is_no_connection_nothing_arrived(make):
    assert send(make()).result is Result.LATER


def test_a_connection_that_breaks_off_leaves_it_uncertain(receiver):
    receiver.script = [reset]
    assert send(json_chat(receiver.place)).result is Result.UNCERTAIN


def test_a_service_that_never_answers_holds_up_only_until_the_deadline(receiver):
    receiver.script = [silence]
    outlet = json_chat(receiver.place, deadline=0.4)
    assert send(outlet).result is Result.UNCERTAIN
    assert when_free(outlet).result is Result.DONE, "the call that hung is in the way of the next one"


def when_free(outlet: ChatOutlet):
    """The next receipt, as soon as the message before has ended."""
    ends = time.monotonic() + 5
    while (receipt := send(outlet)).why == "An earlier message is still under way.":
        assert time.monotonic() < ends, "the message before never ends"
    return receipt


def test_two_messages_of_one_service_are_never_under_way_at_once(monkeypatch, receiver):
    outlet, going_on = json_chat(receiver.place, deadline=0.3), threading.Event()
    monkeypatch.setattr(outlet._plugin(), "notify", lambda **_: going_on.wait(10))
    assert send(outlet).result is Result.UNCERTAIN
    assert send(outlet).why == "An earlier message is still under way."
    going_on.set()
    assert when_free(outlet).result is Result.DONE


def test_an_answer_without_end_is_read_up_to_a_megabyte(receiver):
    receiver.script = [endless]
    outlet = json_chat(receiver.place, deadline=20)
    assert send(outlet).result is Result.DONE
    assert receiver.sent < 20 << 20, "more than the buffers of a connection was taken"
    assert send(outlet).result is Result.DONE


def test_a_packed_answer_does_not_fill_the_memory(receiver):
    receiver.script = [bomb]
    outlet = json_chat(receiver.place, deadline=30)
    outlet.label  # noqa: B018 - apprise is loaded before it is measured
    tracemalloc.start()
    try:
        assert send(outlet).result is Result.DONE
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


def test_an_answer_that_drips_ends_at_the_deadline_with_its_connection(receiver):
    receiver.script = [drip]
    outlet = json_chat(receiver.place, deadline=0.4)
    assert send(outlet).result is Result.UNCERTAIN
    assert when_free(outlet).result is Result.DONE


def test_the_end_of_the_service_cuts_a_message_that_hangs(receiver):
    outlet, brake = json_chat(receiver.place), Brake()
    receiver.script = [lambda handler, got: (brake.interrupt(), silence(handler, got))]
    with pytest.raises(Interrupted):
        outlet.send([parcel()], brake)
    assert when_free(outlet).result is Result.DONE


def test_a_message_that_was_given_up_on_is_not_sent_afterwards(receiver, monkeypatch):
    outlet, answered, real = json_chat(receiver.place, deadline=0.3), threading.Event(), socket.getaddrinfo

    def slow(*args, **more):
        assert answered.wait(10)
        return real(*args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    assert send(outlet).result is Result.UNCERTAIN
    answered.set()
    ends = time.monotonic() + 5
    while outlet._under_way.is_set():
        assert time.monotonic() < ends
    assert receiver.got == []


def test_sessions_of_others_and_those_with_a_way_of_their_own_are_left_alone(receiver):
    own = requests.Session()
    own.mount("http://", adapter := type("Own", (requests.adapters.HTTPAdapter,), {})())
    with fenced(Fence()):
        inside = requests.Session().get_adapter(receiver.url)
        assert isinstance(inside, FencedAdapter) and own.get_adapter(receiver.url) is adapter
    with fenced(Fence()):
        assert requests.Session().get_adapter(receiver.url) is not inside
    assert type(requests.Session().get_adapter(receiver.url)) is requests.adapters.HTTPAdapter


@pytest.mark.parametrize("asked", ["", "?redirect=yes"])
def test_nobody_is_led_to_another_address_whatever_the_target_says(receiver, asked):
    receiver.script = [status(307, Location=f"{receiver.url}/elsewhere")]
    outlet = ChatOutlet("chat-1", f"json://{receiver.place}/secret-path-here{asked}", SystemClock())
    assert send(outlet).result is Result.LATER
    assert [got.path for got in receiver.got] == ["/secret-path-here"]


@pytest.fixture
def root_log():
    """What reaches the root logger, where the handlers of the program are; pytest's own sits elsewhere, too."""
    lines: list[str] = []
    handler = logging.Handler(logging.DEBUG)
    handler.emit = lambda record: lines.append(f"{record.name} {record.getMessage()}")
    logging.getLogger().addHandler(handler)
    yield lines
    logging.getLogger().removeHandler(handler)


def test_no_secret_in_what_is_said_or_logged(receiver, root_log, capfd):
    receiver.script = [status(401, f'{{"description": "Unauthorized {TOKEN}"}}'), reset]
    outlet = telegram(receiver)
    said = [send(outlet), send(outlet), outlet.label, outlet.fingerprint, outlet.examine()]
    captured = capfd.readouterr()
    everything = f"{said} {captured.out} {captured.err} {root_log}"
    assert said[0].result is Result.BLOCKED and said[1].result is Result.UNCERTAIN
    assert not any(secret in everything for secret in (TOKEN, TOKEN.partition(":")[2], CHAT))


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        (telegram_url(TOKEN, CHAT), ["AAFx9-kLmN0pQrStUvWxYz12345_abcde", CHAT]),
        ("discord://1184467123456789012/Jd8sKq-Wm3_xZt6Rv0", ["Jd8sKq-Wm3_xZt6Rv0", "1184467123456789012"]),
        ("mailto://me:p4ssw0rd%21@example.org?to=you@example.net", ["p4ssw0rd!", "p4ssw0rd%21"]),
        ("json://nas.local/secret-path-here?+X-Token=t0ken-t0ken", ["secret-path-here", "t0ken-t0ken"]),
        ("ntfys://tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2@ntfy.sh/my-topic-name", ["tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2"]),
    ],
)
def test_every_secret_of_an_address_is_known_and_masked(url, secrets):
    known, label = secrets_in(url), ChatOutlet("chat-1", url, SystemClock()).label
    assert url in known and set(secrets) <= set(known)
    assert not any(secret in label for secret in (*secrets, url)), label
    assert not {"markdown", "nas.local", "ntfy.sh", "example.org"} & set(known)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("synology://10.0.0.9/tokentokentoken12", {"tokentokentoken12"}),
        ("json://192.168.1.10", set()),
        ("json://192.168.1.10:18080/notifications", set()),
        ("lametric://abcdefgh4711@10.0.0.1", {"abcdefgh4711"}),
        ("json://homeassistant/films", set()),
        ("mailtos://me:synology@gmail.com?to=you@example.org&smtp=mail.example.org", {"synology"}),
        ("mailtos://example.org?user=me&pass=hunter22&smtp=mail.x.org", {"hunter22"}),
        ("ntfy://my-very-secret-topic", {"my-very-secret-topic"}),
        ("fcm://proj/tok?keyfile=/etc/passwd", set()),
    ],
)
def test_words_that_everybody_uses_are_no_secrets(url, words):
    assert set(secrets_in(url)) == {url, *words}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("ntfy://my-very-secret-topic", "ntfys://m...c"),
        ("bark://DEVICEKEY", "bark://D...Y"),
        ("bark://abcdefghijkl1234", "bark://a...4"),
        ("json://homeassistant:8123/x", "json://homeassistant:8123/x"),
        ("json://push.example.org/x", "json://push.example.org/x"),
        ("ntfys://ntfy.sh/my-very-secret-topic", "ntfys://ntfy.sh/m...c"),
    ],
)
def test_the_label_veils_what_stands_in_the_place_of_a_host_and_is_none(url, shown):
    assert ChatOutlet("chat-1", url, SystemClock()).label.partition(" (")[2] == f"{shown})"


def test_a_chat_gets_one_message_a_second():
    outlet = json_chat(nobody())
    assert (outlet.pace, outlet.batch, outlet.examined_calls) == (1.0, 1, 0)


def test_the_label_says_which_service_it_is():
    assert ChatOutlet("telegram", telegram_url(TOKEN, CHAT), SystemClock()).label.startswith("Telegram (tgram://7...e/")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("no address", "begins with the service's name"),
        ("nonsense://somewhere/token-token", "No service is called 'nonsense'"),
        ("tgram://token-token", "is not complete"),
        (f"tgram://{TOKEN}/123/456", "several receivers"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_quoting_it(url, sentence, capfd):
    with pytest.raises(TargetRefused, match=sentence) as caught:
        instantiate(url)
    captured = capfd.readouterr()
    assert "token-token" not in f"{caught.value}{captured.out}{captured.err}"
    assert TOKEN not in f"{caught.value}{captured.out}{captured.err}"


def test_an_outlet_whose_address_is_spoiled_is_blocked_and_breaks_nothing():
    outlet = ChatOutlet("chat-1", "nonsense://x", SystemClock())
    assert send(outlet).result is Result.BLOCKED
    assert outlet.examine()[0][0] is False and not outlet.local and outlet.label


def test_what_breaks_inside_apprise_is_uncertain_and_goes_no_further(monkeypatch, receiver):
    outlet = json_chat(receiver.place)
    service = outlet._plugin()
    monkeypatch.setattr(service, "notify", lambda **_: {}["missing"])
    receipt = send(outlet)
    assert (receipt.result, receipt.why) == (Result.UNCERTAIN, "JSON broke; it may have been sent.")
    monkeypatch.undo()
    assert send(outlet).result is Result.DONE


@pytest.mark.parametrize(
    ("lines", "result"),
    [
        (["Socket Exception: (535, b'5.7.8 Error: authentication failed')"], Result.BLOCKED),
        (["Socket Exception: [Errno 113] No route to host"], Result.LATER),
        (["Socket Exception: HTTPSConnectionPool: Read timed out. (read timeout=20.0)"], Result.UNCERTAIN),
        (["Socket Exception: SSLError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]')"], Result.LATER),
        (["There is nobody to notify"], Result.LATER),
        ([], Result.LATER),
    ],
)
def test_what_apprise_logs_is_understood(lines, result):
    said = chat.verdict("E-Mail", lines)
    assert said.result is result and said.why.startswith(("E-Mail", "The certificate"))


@pytest.mark.parametrize(
    ("url", "local"),
    [("json://127.0.0.1/x", True), ("json://192.168.1.4/x", True), ("gotify://nas.local/Aaaaaaaaaaaaaaa", True),
     (telegram_url(TOKEN, CHAT), False), ("json://hooks.example.org/x", False)],
)  # fmt: skip
def test_what_is_in_the_house_needs_no_internet(url, local):
    assert ChatOutlet("chat-1", url, SystemClock()).local is local


def test_apprise_is_not_loaded_before_something_is_sent():
    program = "import sys, keeper.world.outlets.chat, keeper.world.outlets.targets; sys.exit('apprise' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
