"""The dead man's ping: each minute while the watchdog looks, silent as soon as it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from receiver import Receiver, nobody, reset, status

from jobs import Brake
from keeper.world.outlets.ping import HealthPing

INTERVAL = 300.0


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 7, 15, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def local_zone(self) -> tzinfo:
        return UTC


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture
def clock():
    return Clock()


def ping(url, clock, last=None):
    return HealthPing(url, clock, Brake(), last or clock.now, INTERVAL)


def test_a_ping_comes_each_minute_and_not_oftener(receiver, clock):
    one = ping(f"{receiver.url}/my-check", clock)
    for _ in range(61):
        one.tick()
        clock.seconds += 2
    assert [(got.method, got.path) for got in receiver.got] == [("GET", "/my-check")] * 3


@pytest.mark.parametrize(("age", "pings"), [(0, 1), (3 * INTERVAL - 1, 1), (3 * INTERVAL + 1, 0)])
def test_a_watchdog_that_does_not_look_any_more_stops_the_pings(receiver, clock, age, pings):
    last = clock.now() - timedelta(seconds=age)
    ping(receiver.url, clock, lambda: last).tick()
    assert len(receiver.got) == pings


def test_before_the_first_look_there_is_none(receiver, clock):
    ping(receiver.url, clock, lambda: None).tick()
    assert receiver.got == []


def test_a_failure_is_logged_once_for_as_long_as_it_lasts_and_so_is_its_end(receiver, clock, caplog):
    caplog.set_level("INFO")
    receiver.script = [status(404), status(404), status(200), reset]
    one = ping(f"{receiver.url}/private-check-id", clock)
    for _ in range(5):
        one.tick()
        clock.seconds += 60
    said = [record.getMessage() for record in caplog.records if "health ping" in record.getMessage()]
    assert said == [
        "health ping: answered with status 404; check HEALTH_PING_URL", "health ping: fine",
        "health ping: not reachable (ConnectionError)", "health ping: fine",
    ]  # fmt: skip
    assert "private-check-id" not in caplog.text


def test_where_nobody_listens_nothing_breaks(clock):
    ping(f"http://{nobody()}/x", clock).tick()
