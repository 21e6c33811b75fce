"""Our own measurement by HTTP, against a server on loopback that has rates, and misbehaves when it is told to."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from keeper.rules.belief import flaw_of
from keeper.rules.types import Flaw, SpeedProvider, SpeedRun
from keeper.world.clock import SystemClock
from keeper.world.commands import SystemCommands
from keeper.world.speed import SpeedOptions, http, meters
from keeper.world.speed.http import HttpTest
from keeper.world.speed.traffic import Count
from tests.world.fake_speedtest import BLOCK, Bucket, FakeSpeedtest, QuietServer, make_certificate
from tests.world.speed_rig import Brake, Progress, bench, nothing_left

MB = 925_925  # bytes of data in a megabyte of the setting: the rest is for what comes on top of them
FILE = 300_000  # bytes of the file that has one size


class Place:
    """Gives as many bytes as it is asked for, and takes what it is given."""

    def __init__(self, download: float = 80.0, upload: float = 40.0) -> None:
        self.closing = threading.Event()
        self.down, self.up = Bucket(download, self.closing), Bucket(upload, self.closing)
        self.heads: list[tuple[str, str, dict[str, str]]] = []  # method, path and headers of every request

    def __enter__(self) -> Place:
        self._server = QuietServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"to": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def url(self, path: str, user: str = "") -> str:
        return f"http://{user}{self.place}/{path}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    to: Place

    def setup(self) -> None:
        """What waits in this machine's own memory has not been sent: little of it, so that counting says something."""
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32_768)
        super().setup()

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self.to.heads.append(("GET", self.path, dict(self.headers)))
        parts = urlsplit(self.path)
        asked = int(parse_qs(parts.query).get("bytes", ["1000000"])[0])
        getattr(self, f"get_{parts.path.strip('/')}")(asked)

    def do_POST(self) -> None:
        self.to.heads.append(("POST", self.path, dict(self.headers)))
        if urlsplit(self.path).path == "/refuses":
            self.close_connection = True
            self.head(403, 0)
            return
        left = int(self.headers["Content-Length"])
        while left and (piece := self.rfile.read1(min(len(BLOCK), left))):
            self.to.up.take(len(piece))
            left -= len(piece)
        if urlsplit(self.path).path == "/talks":
            self.close_connection = True
            self.head(200, 60_000_000)
            while not self.to.closing.is_set():
                self.push(BLOCK)
        if urlsplit(self.path).path == "/swallows":
            self.to.closing.wait(60)
        self.head(200, 2)
        self.wfile.write(b"ok")

    def get_down(self, asked: int) -> None:
        self.head(200, asked)
        self.send(asked)

    def get_file(self, _asked: int) -> None:
        """Understands parts of it."""
        last = int(self.headers["Range"].rpartition("-")[2]) if "Range" in self.headers else FILE
        size = min(FILE, last + 1)
        self.head(206, size)
        self.send(size)

    def get_stream(self, _asked: int) -> None:
        """Knows no parts, and has no end."""
        self.close_connection = True
        self.head(200, None, Connection="close")
        while not self.to.closing.is_set():
            self.send(len(BLOCK))

    def get_teapot(self, _asked: int) -> None:
        self.head(418, 0)

    def get_hesitant(self, _asked: int) -> None:
        self.to.closing.wait(0.5)
        self.head(403, 0)

    def get_forbidden(self, _asked: int) -> None:
        self.head(403, 0)

    def get_nowhere(self, _asked: int) -> None:
        self.head(404, 0)

    def get_page(self, _asked: int) -> None:
        self.head(200, 17, Content_Type="text/html; charset=utf-8")
        self.wfile.write(b"<html>hello</html"[:17])

    def get_away(self, _asked: int) -> None:
        self.head(302, 0, Location="https://user:hush@login.example.test/portal?token=hush")

    def get_bomb(self, asked: int) -> None:
        packed = gzip.compress(bytes(10 * asked))
        self.head(200, len(packed), Content_Encoding="gzip")
        self.wfile.write(packed)

    def get_more(self, asked: int) -> None:
        self.head(200, None, Transfer_Encoding="chunked")
        while not self.to.closing.is_set():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(BLOCK), BLOCK))

    def get_crumbs(self, _asked: int) -> None:
        self.head(200, 5)
        self.wfile.write(b"small")

    def get_stall(self, asked: int) -> None:
        self.head(200, asked)
        self.send(min(asked, 50_000))
        self.to.closing.wait(60 if asked > 50_000 else 0)

    def get_broken(self, asked: int) -> None:
        self.close_connection = True
        self.head(200, asked)
        self.send(asked // 2 or 1)

    def get_patience(self, _asked: int) -> None:
        """Says "continue" for ever, with much around it."""
        self.close_connection = True
        while not self.to.closing.is_set():
            self.push(b"HTTP/1.1 100 Continue\r\n" + b"X: " + b"a" * 60_000 + b"\r\n\r\n")

    def get_head(self, _asked: int) -> None:
        self.close_connection = True
        self.push(b"HTTP/1.1 200 OK\r\n")
        while not self.to.closing.is_set():
            self.push(b"X: " + b"a" * 60_000 + b"\r\n")

    def push(self, words: bytes) -> None:
        """As much as the other end takes."""
        while words:
            passed = self.connection.send(words)
            self.to.down.passed += passed
            words = words[passed:]

    def get_garbage(self, _asked: int) -> None:
        self.close_connection = True
        self.wfile.write(b"220 mail.example.test ESMTP\r\n\r\n")

    def head(self, status: int, length: int | None, **more: str) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def send(self, size: int) -> None:
        while size > 0:
            piece = BLOCK[:size]
            self.to.down.take(len(piece))
            self.wfile.write(piece)
            size -= len(piece)


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def place():
    with Place() as server:
        yield server


def measure(
    down: str, up: str, mb=4, brake=None, counters=None, most_bytes=None, report=None, seconds=30.0
) -> SpeedRun:
    meter = HttpTest(bench(counters), down, up, mb, seconds)
    with nothing_left():
        return meter.measure(brake or Brake(), most_bytes, Progress() if report is None else report)


# ------------------------------------------------------------------------------------------------ all is well


def test_it_measures_what_the_line_can_do(place):
    reports = Progress()
    run = measure(place.url("down?bytes={bytes}"), place.url("up"), report=reports)
    told = run.measured
    assert run.flaw is None and flaw_of(run) is None and run.provider is SpeedProvider.HTTP, run
    assert told.server == told.server_name == "127.0.0.1"
    assert told.download_mbps == pytest.approx(80, rel=0.25)
    assert told.upload_mbps == pytest.approx(40, rel=0.25)
    assert 0 < told.ping_ms < 200
    assert told.received == told.sent == int(4_000_000 / 1.08) and run.bytes == told.received + told.sent
    assert max(progress.receiving_mbps for progress in reports) > 20, "nothing of it was seen while it ran"
    assert max(progress.sending_mbps for progress in reports) > 10


def test_each_request_asks_for_the_size_it_wants_and_four_go_at_once(place):
    measure(place.url("down?bytes={bytes}"), place.url("up"), mb=2)
    asked = [path for method, path, _ in place.heads if method == "GET"]
    assert asked == ["/down?bytes=1"] * 5 + ["/down?bytes=462963"] * 3 + ["/down?bytes=462962"]


def test_an_address_with_one_size_is_fetched_again_and_again(place):
    run = measure(place.url("file"), place.url("up"), mb=2)
    assert run.flaw is None and run.measured.received == 2 * MB + 1
    assert place.down.passed <= 2 * MB + 6, "more was sent than was asked for"


def test_an_address_without_end_is_read_as_far_as_it_is_wanted(place):
    run = measure(place.url("stream"), place.url("up"), mb=2)
    assert run.flaw is None and run.measured.received == 2 * MB + 1


def test_it_costs_no_more_than_it_may(place):
    counters = seen_by(place)
    run = measure(place.url("down?bytes={bytes}"), place.url("up"), mb=50, most_bytes=4_000_000, counters=counters)
    assert run.flaw is None and run.measured.received == run.measured.sent < 2_000_000
    assert place.down.passed + place.up.passed <= 4_000_000 and run.bytes <= 4_000_000


def test_with_too_few_bytes_it_does_not_begin(place):
    run = measure(place.url("down?bytes={bytes}"), place.url("up"), most_bytes=400_000)
    assert run.flaw is Flaw.TOO_MANY_BYTES and run.bytes == 0 and not place.heads


def test_on_a_slow_line_time_ends_it_before_the_bytes_do():
    with Place(download=8, upload=6) as slow:
        task = {"download": slow.url("down?bytes={bytes}"), "upload": slow.url("up"), "most": 10**8, "seconds": 3}
        ran = SystemCommands(SystemClock()).run(http._COMMAND, 30, given=json.dumps(task))
    result = json.loads(ran.out.splitlines()[-1])["result"]
    assert result["download_mbps"] == pytest.approx(8, rel=0.25)
    assert result["upload_mbps"] == pytest.approx(6, rel=0.25)
    assert result["received"] < 4_000_000 and ran.seconds < 8


def test_a_proxy_of_the_environment_is_used(place, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://me:hush@{place.place}")
    run = measure("http://speed.example.test/down?bytes={bytes}", "http://speed.example.test:81/up", mb=1)
    assert run.flaw is None and run.measured.server == "speed.example.test"
    assert {path.partition("?")[0] for _, path, _ in place.heads} == {
        "http://speed.example.test:80/down", "http://speed.example.test:81/up",
    }  # fmt: skip
    assert place.heads[0][2]["Proxy-Authorization"] == "Basic " + base64.b64encode(b"me:hush").decode()


# ------------------------------------------------------------------------------------------------ what goes wrong


@pytest.mark.parametrize(
    ("path", "flaw", "words"),
    [
        ("forbidden", Flaw.BLOCKED, "refuses to be measured (403)"),
        ("nowhere", Flaw.BROKEN, "SPEED_TEST_DOWNLOAD_URL (404)"),
        ("teapot", Flaw.BROKEN, "status 418"),
        ("page?bytes={bytes}", Flaw.GARBLED, "login page"),
        ("away?bytes={bytes}", Flaw.BROKEN, "sends us on to login.example.test"),
        ("bomb?bytes={bytes}", Flaw.GARBLED, "packs"),
        ("more?bytes={bytes}", Flaw.GARBLED, "more bytes than it is asked for"),
        ("crumbs", Flaw.GARBLED, "too few to measure"),
        ("broken?bytes={bytes}", Flaw.BROKEN, "broke off"),
        ("garbage", Flaw.GARBLED, "as a web server does"),
    ],
)
def test_every_bad_answer_has_its_flaw_and_its_sentence(place, path, flaw, words):
    began = time.monotonic()
    run = measure(place.url(path), place.url("up"), mb=1)
    assert (run.flaw, run.measured) == (flaw, None) and words in run.said, run
    assert "127.0.0.1" in run.said and "hush" not in run.said
    assert time.monotonic() - began < 5


def test_a_line_that_falls_silent_is_not_a_slow_one(place):
    run = measure(place.url("stall?bytes={bytes}"), place.url("up"))
    assert run.flaw is Flaw.TOO_LATE and "no more bytes" in run.said and run.measured is None
    assert run.seconds < 7 and run.bytes >= 200_000


def test_nobody_there_and_a_name_that_nobody_has_are_told_apart(place):
    with Place() as closed:
        address = closed.url("down?bytes={bytes}")
    assert "refuses the connection" in measure(address, place.url("up")).said
    assert "name keeper.invalid is not known" in measure("http://keeper.invalid/", place.url("up")).said


def test_an_upload_that_is_refused_says_so_and_never_a_speed(place):
    run = measure(place.url("down?bytes={bytes}"), place.url("refuses"), mb=1)
    assert run.flaw is Flaw.BLOCKED and "403" in run.said and run.measured is None


def test_an_upload_that_is_swallowed_without_an_answer_is_no_upload(place):
    run = measure(place.url("down?bytes={bytes}"), place.url("swallows"), mb=1)
    assert run.flaw is Flaw.TOO_LATE and run.measured is None and run.bytes > MB


def test_tls_is_spoken_through_a_proxy_and_the_certificate_is_looked_at(tmp_path, monkeypatch):
    address = "https://www.speedtest.net/not-there?bytes={bytes}"
    with FakeSpeedtest(make_certificate(tmp_path)) as fake:
        monkeypatch.setenv("https_proxy", f"http://{fake.place}")
        assert "certificate of www.speedtest.net is not accepted" in measure(address, address).said
        monkeypatch.setenv("SSL_CERT_FILE", str(fake.certificate))
        assert "SPEED_TEST_DOWNLOAD_URL (404)" in measure(address, address).said
        assert "/not-there" in fake.asked


def test_nothing_secret_of_an_address_is_said_or_seen_in_the_list_of_processes(place):
    seen: list[str] = []

    def look(_progress) -> None:
        seen.extend(" ".join(child.cmdline()) for child in psutil.Process().children())

    run = measure(place.url("hesitant?token=hush-hush", "me:hush-hush@"), place.url("up"), report=look)
    assert run.flaw is Flaw.BLOCKED and "hush" not in run.said + run.measured.__repr__()
    assert place.heads[0][2]["Authorization"].startswith("Basic ") and place.heads[0][1] == "/hesitant?token=hush-hush"
    assert any("http_child" in line for line in seen) and not any("hush" in line for line in seen)


def test_it_is_ready_only_with_both_addresses():
    def ability(down: str, up: str):
        options = SpeedOptions(download_url=down, upload_url=up, http_mb=10)
        return meters(["http"], options, SystemCommands(SystemClock()), SystemClock())[0].ready()

    assert ability("http://a.test/{bytes}", "https://b.test/").can
    for down, up in (("", "http://b.test"), ("http://a.test", ""), ("ftp://hush@a.test", "http://b.test"),
                     ("http://[::1", "http://b.test"), ("http://a.test:99999", "http://b.test")):  # fmt: skip
        assert ability(down, up).can is False and "SPEED_TEST_" in ability(down, up).sentence
        assert "hush" not in str(ability(down, up))


def test_without_addresses_it_measures_nothing():
    assert measure("", "").flaw is Flaw.NOT_INSTALLED


# ------------------------------------------------------------------------------------------------ ending it


def test_it_ends_within_a_second_and_what_it_cost_so_far_is_known(place):
    brake = Brake()
    reports = Progress(brake, lambda progress: progress.receiving_mbps > 20)
    run = measure(place.url("down?bytes={bytes}"), place.url("up"), mb=50, brake=brake, report=reports)
    assert reports.seconds_since() < 1.0
    assert run.flaw is Flaw.STOPPED and run.bytes > 200_000


def test_it_is_ended_at_its_deadline(place):
    run = measure(place.url("down?bytes={bytes}"), place.url("up"), mb=50, seconds=1.5)
    assert run.flaw is Flaw.TOO_LATE and run.seconds < 2.5 and run.bytes > 200_000


def test_what_the_interfaces_counted_beyond_the_data_is_overhead_or_belongs_to_others(place):
    little = measure(place.url("down?bytes={bytes}"), place.url("up"), mb=1, counters=growing(by=100))
    much = measure(place.url("down?bytes={bytes}"), place.url("up"), mb=1, counters=growing(by=10**9))
    assert little.bytes == 2 * MB and much.bytes == 2_000_000, "no more than the setting allows"


def test_a_child_that_breaks_down_is_broken(monkeypatch, place):
    monkeypatch.setattr(http, "_COMMAND", (sys.executable, "-c", "import sys; sys.exit('the disk is full')"))
    run = measure(place.url("down"), place.url("up"))
    assert run.flaw is Flaw.BROKEN and "the disk is full" in run.said


def seen_by(place: Place):
    return lambda: {"eth0": Count(place.down.passed, place.up.passed)}


def growing(by: int):
    """An interface that counts on with every look."""
    looks: list[int] = []

    def look() -> dict[str, Count]:
        looks.append(by)
        return {"eth0": Count(sum(looks), 0)}

    return look


# ------------------------------------------------------------------------------------------------ places that push


@pytest.mark.parametrize("path", ["patience?bytes={bytes}", "head?bytes={bytes}"])
def test_a_head_without_end_is_not_read_to_the_end(place, path):
    run = measure(place.url(path), place.url("up"), most_bytes=1_000_000)
    assert run.flaw is Flaw.GARBLED and run.measured is None and run.seconds < 2
    assert place.down.passed < 1_000_000


def test_an_answer_to_an_upload_that_has_no_end_is_not_taken():
    with Place(download=400, upload=400) as place:
        run = measure(place.url("down?bytes={bytes}"), place.url("talks"), mb=2)
        pushed = place.down.passed - run.measured.received
        answered = sum(method == "POST" for method, *_ in place.heads)
    assert run.flaw is None and pushed < answered * 300_000, (pushed, answered)


def test_a_place_that_knows_no_parts_sends_little_beyond_what_is_wanted():
    with Place(download=4000, upload=400) as fast:
        run = measure(fast.url("stream"), fast.url("up"), mb=2)
        assert run.flaw is None and fast.down.passed < run.measured.received + 4_000_000


def test_what_passes_beyond_what_it_counts_ends_it_all_the_same(place):
    """Whatever a place thinks of to send past our own counting shows on the interface."""
    began = time.monotonic()
    flood = lambda: {"eth0": Count(round(10_000_000 * (time.monotonic() - began)), 0)}  # noqa: E731
    run = measure(place.url("down?bytes={bytes}"), place.url("swallows"), mb=50, most_bytes=8_000_000, counters=flood)
    assert run.flaw is Flaw.TOO_MANY_BYTES and run.seconds < 2 and run.bytes <= 8_000_000
