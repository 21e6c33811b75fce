"""Who uses Plex at this moment: asked of the simulated server, of strangers, and of what never answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from jobs import Brake
from keeper.demo.process import DemoPlex
from keeper.world.clock import SystemClock
from keeper.world.loopback import OwnAddress
from keeper.world.plex import PlexClient
from keeper.world.probe import Loopback, PlexLook
from keeper.world.usage import SECONDS, Usage, UsageLook

LONGEST = 3.0  # seconds: the surveyor asks in the middle of a test
UNKNOWN = Usage(None, None, False)


@pytest.fixture(scope="module")
def running() -> Iterator[DemoPlex]:
    with DemoPlex(library="small") as plex:
        yield plex


@pytest.fixture
def plex(running: DemoPlex) -> Iterator[DemoPlex]:
    running.mode("ready")
    running.sessions(clear=True)
    running.reset_stats()
    yield running
    running.mode("ready")


def asking(url: str, token: str = "t", pinned: Callable[[], str] = lambda: "", brake: Brake | None = None) -> UsageLook:
    clock, brake = SystemClock(), brake or Brake()

    def open_client(seconds: float, stop: object) -> PlexClient:
        return PlexClient(url, token, seconds, clock, stop)

    own = OwnAddress(lambda: "", lambda host: None)
    way = Loopback(own, lambda where, seconds: open_client(seconds, brake), pinned)
    probe = PlexLook(
        lambda: url, clock, brake, lambda seconds: open_client(seconds, brake), lambda server: 1, loopback=way
    )
    return UsageLook(lambda: url, clock, brake, open_client, probe)


def test_streams_and_recordings_are_told_as_they_are_now(plex: DemoPlex) -> None:
    look = asking(plex.url, plex.token)
    assert look.ask() == Usage((), 0, False)
    plex.sessions("movie", "livetv")
    used = look.ask()
    assert used.streams is not None
    assert sorted(stream.live for stream in used.streams) == [False, True]


def test_a_server_that_is_not_the_known_one_is_shown_no_token(plex: DemoPlex) -> None:
    assert asking(plex.url, plex.token, pinned=lambda: "another one").ask() == UNKNOWN
    assert list(plex.stats()["requests"]) == ["GET /identity"]


@pytest.mark.parametrize("mode", ["hang", "trickle", "starting", "overload", "html200", "unauthorized", "reset"])
def test_what_cannot_be_asked_is_unknown_and_asked_no_longer_than_three_seconds(plex: DemoPlex, mode: str) -> None:
    plex.mode(mode)
    began = time.monotonic()
    assert asking(plex.url, plex.token).ask() == UNKNOWN
    assert time.monotonic() - began < LONGEST


@pytest.mark.parametrize("mode", ["hang", "trickle"])
def test_all_its_calls_together_have_one_deadline(plex: DemoPlex, mode: str) -> None:
    """It says who it is at once, and then each further answer would take its time."""
    plex.mode("slow", delay=0.8)
    began = time.monotonic()
    used = asking(plex.url, plex.token).ask()
    assert time.monotonic() - began < LONGEST
    assert None in (used.streams, used.recordings)
    plex.mode(mode, paths="/status/sessions")
    began = time.monotonic()
    assert asking(plex.url, plex.token).ask().streams is None
    assert time.monotonic() - began < LONGEST


def test_a_port_that_refuses_is_told_apart_from_silence(plex: DemoPlex) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    assert asking(f"http://127.0.0.1:{port}").ask() == Usage(None, None, True)
    assert asking("http://name.invalid:32400").ask().refused is False


def test_the_end_of_the_service_ends_the_question(plex: DemoPlex) -> None:
    plex.mode("hang")
    brake, told = Brake(), list[Usage]()
    thread = threading.Thread(target=lambda: told.append(asking(plex.url, plex.token, brake=brake).ask()), daemon=True)
    thread.start()
    brake.interrupt()
    thread.join(1.0)
    assert told == [UNKNOWN], f"else it takes {SECONDS} s"
