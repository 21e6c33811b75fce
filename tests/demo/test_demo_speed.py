"""The line of the demo: as fast as it says, shared by all, and untouched by what happens to Plex."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import requests
from demo_client import Client
from starlette.types import Message

from keeper.demo import speed
from keeper.demo.process import DemoPlex
from keeper.demo.settings import Settings
from keeper.demo.speed import BEHIND, DOWN, SWAY, UP, SpeedLine

MBPS = 8.0  # slow enough for a busy machine to keep up with: 1 MB takes a second
SIZE = 600_000


@pytest.fixture
def line(plex: DemoPlex, stranger: Client) -> Iterator[Client]:
    """Without any token."""
    plex.set(line_down=MBPS, line_up=MBPS, line_ping=0.0)
    yield stranger


def download(line: Client, size: int = SIZE) -> requests.Response:
    return line(f"{DOWN}?bytes={size}", timeout=30)


def upload(line: Client, size: int = SIZE) -> requests.Response:
    return line(UP, "POST", data=b"x" * size, timeout=30)


def upload_in_pieces(line: Client) -> requests.Response:
    """As who does not say beforehand how much it will be."""
    return line(UP, "POST", data=(b"x" * 10_000 for _ in range(SIZE // 10_000)), timeout=30)


def seconds_of(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def least_seconds(size: int) -> float:
    return size * 8 / (MBPS * 1e6 * (1 + SWAY)) - BEHIND


@pytest.mark.parametrize("size", [0, 1, 32_768, 32_769, 100_000])
def test_as_many_bytes_come_as_were_asked_for(size: int, line: Client) -> None:
    answer = download(line, size)
    assert (answer.status_code, len(answer.content), answer.headers["Content-Length"]) == (200, size, str(size))
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("work", [download, upload, upload_in_pieces])
def test_nothing_is_faster_than_the_line_nor_much_slower(
    work: Callable[[Client], requests.Response], line: Client
) -> None:
    answers: list[requests.Response] = []
    taken = seconds_of(lambda: answers.append(work(line)))
    assert answers[0].status_code == 200
    assert least_seconds(SIZE) <= taken < 3 * least_seconds(SIZE)


def test_it_is_about_as_fast_as_it_says_to_begin_with(plex: DemoPlex, stranger: Client) -> None:
    assert (plex.settings()["line_down"], plex.settings()["line_up"]) == (90.0, 24.0)
    taken = seconds_of(lambda: upload(stranger, 3_000_000))
    assert 3_000_000 * 8 / (24e6 * (1 + SWAY)) - BEHIND <= taken < 4


def test_all_who_measure_share_the_line(line: Client, plex: DemoPlex) -> None:
    clients = [Client(plex) for _ in range(4)]
    threads = [threading.Thread(target=download, args=(client, SIZE // 4)) for client in clients]

    def together() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert seconds_of(together) >= least_seconds(SIZE)


def test_up_and_down_do_not_share(line: Client, plex: DemoPlex) -> None:
    other = threading.Thread(target=upload, args=(Client(plex),))

    def together() -> None:
        other.start()
        download(line)
        other.join()

    assert seconds_of(together) < 1.7 * least_seconds(SIZE)


def test_who_leaves_takes_nothing_of_the_line_any_more(line: Client) -> None:
    for _ in range(12):
        answer = line(f"{DOWN}?bytes=500000000", stream=True)
        answer.raw.read(10_000)
        answer.close()
    assert seconds_of(lambda: download(line)) < 4 * least_seconds(SIZE), "a thirteenth of the line would be left"


@pytest.mark.parametrize("wanted", ["", "many", "-1", "1.5", "1e6", "1000000001", "9" * 5_000, "²"])
def test_what_is_no_number_of_bytes_is_refused(wanted: str, line: Client) -> None:
    answer = line(f"{DOWN}?bytes={wanted}")
    assert (answer.status_code, "from 0 to 1000000000" in answer.text) == (400, True)


@pytest.mark.parametrize(("path", "method", "status"), [
    (DOWN, "POST", 405), (UP, "GET", 405), ("/keeper-demo/speed/sideways", "GET", 404), ("/keeper-demo", "GET", 401),
])  # fmt: skip
def test_other_questions_are_answered_as_everywhere(path: str, method: str, status: int, line: Client) -> None:
    assert line(path, method).status_code == status


@pytest.mark.parametrize("mode", ["hang", "starting", "unauthorized", "reset", "proxy502"])
def test_what_happens_to_plex_does_not_concern_the_line(mode: str, line: Client, plex: DemoPlex) -> None:
    plex.mode(mode)
    assert len(download(line, 1_000).content) == 1_000
    assert upload(line, 1_000).status_code == 200


def test_measuring_is_no_question_to_plex(line: Client, plex: DemoPlex) -> None:
    plex.reset_stats()
    download(line, 1_000)
    assert plex.stats()["requests"] == {}


# ------------------------------------------------------------------------------------------------ without a server


def asked(receive: Iterator[Message], path: str = UP) -> list[Message]:
    """What is sent in answer to an upload whose messages are these."""
    sent: list[Message] = []

    async def answer() -> None:
        async def get() -> Message:
            return next(receive)

        async def put(message: Message) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": [], "root_path": ""}
        await SpeedLine(nobody, Settings())(scope, get, put)

    asyncio.run(answer())
    return sent


async def nobody(*_: object) -> None:
    raise AssertionError("this is for the line")


def test_an_upload_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "MOST", 1_000)
    endless = ({"type": "http.request", "body": b"x" * 400, "more_body": True} for _ in range(10))
    assert asked(endless)[0]["status"] == 413
    assert len(list(endless)) == 7, "it reads no further than it has to"


def test_an_upload_that_breaks_off_breaks_nothing() -> None:
    messages: list[Message] = [{"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"}]
    assert asked(iter(messages))[0]["status"] == 200
