"""The child process: its options, its end, and that the same seed gives the same world."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest
import requests
from websockets.sync.client import connect

from keeper.demo.generate import Plan, build
from keeper.demo.process import DemoPlex

NOW = 1_790_000_000


def picture_of(plan: Plan) -> list[tuple[object, ...]]:
    items = build(plan, NOW).items.values()
    return [(item.key, item.title, item.flaws, item.hopeless, item.added_at) for item in items]


@pytest.mark.parametrize("library", ["demo", "small", "bench", "movies:20:3,shows:1,music:1"])
def test_the_same_seed_gives_the_same_library(library):
    assert picture_of(Plan(library, seed=3)) == picture_of(Plan(library, seed=3))
    assert picture_of(Plan(library, seed=3)) != picture_of(Plan(library, seed=4))


def test_the_demo_library_is_large_varied_and_a_little_broken():
    library = build(Plan("demo"), NOW)
    items = list(library.items.values())
    flaws = Counter(flaw for item in items for flaw in item.flaws)
    assert 1000 <= len(items) <= 1400
    assert 50 <= sum(1 for item in items if item.flaws) <= 75
    assert len(flaws) == 10
    young = sum(1 for item in items if item.added_at > NOW - 30 * 86400)
    assert 0.12 < young / len(items) < 0.35
    assert any(item.flat for item in items)
    assert any("<b>" in item.title for item in items)


def test_a_bench_library_is_young_and_broken_as_ordered():
    items = build(Plan("bench", items=300, broken=30, section_items=(40, 20)), NOW).items.values()
    assert len(items) == 360
    assert sum(1 for item in items if item.flaws) == 30
    assert min(item.added_at for item in items) > NOW - 20 * 86400


def test_a_small_library_has_exactly_the_items_ordered():
    for count in (20, 50, 200):
        assert len(build(Plan("small", items=count), NOW).items) == count


def test_it_ends_at_once_even_with_open_streams_and_hung_requests():
    with DemoPlex(library="small", items=20) as plex:
        headers = {"X-Plex-Token": plex.token}
        stream = requests.get(plex.url + "/:/eventsource/notifications", headers=headers, stream=True, timeout=5)
        address = plex.url.replace("http", "ws") + f"/:/websockets/notifications?X-Plex-Token={plex.token}"
        channel = connect(address, proxy=None, legacy=True)
        plex.mode("hang")
        hung = threading.Thread(target=lambda: _swallow(plex.url + "/identity"))
        hung.start()
        while not plex.stats()["faulted"]:
            pass
        started = time.monotonic()
        os.kill(plex.pid, signal.SIGTERM)
        plex.stop()
        assert time.monotonic() - started < 1
        hung.join(5)
        stream.close()
        channel.close()


def _swallow(url: str) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)


def test_it_prints_one_line_of_json_and_ends_with_its_parent():
    command = [sys.executable, "-m", "keeper.demo", "--library", "small", "--print-json", "--exit-with-parent"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    facts = json.loads(child.stdout.readline())
    assert set(facts) == {"url", "control", "token", "pid", "machine_identifier"}
    assert requests.get(facts["url"] + "/identity", timeout=5).status_code == 200
    child.stdin.close()
    assert child.wait(5) == 0
    assert child.stdout.read() == b""
    child.stdout.close()


def test_it_takes_the_port_the_token_and_the_mode_it_is_told():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    plex = DemoPlex(library="small", port=port, token="other", shared_token="guest", mode="starting", page_cap=3)
    plex.start()
    try:
        assert plex.url == f"http://127.0.0.1:{port}"
        assert requests.get(plex.url + "/identity", timeout=5).status_code == 503
        plex.mode("ready")
        answer = requests.get(f"{plex.url}/library/sections/1/all?X-Plex-Token=guest", timeout=5)
        assert answer.text.count("<Video ") == 3
    finally:
        plex.stop()


def test_a_server_that_cannot_start_says_so(capfd):
    with pytest.raises(RuntimeError, match="did not start"):
        DemoPlex(library="small", port=1, host="203.0.113.1").start()
    assert "Error" in capfd.readouterr().err


def test_a_library_it_does_not_know_is_refused_with_a_sentence(capfd):
    with pytest.raises(RuntimeError):
        DemoPlex(library="moveis:20").start()
    assert "neither demo, small, bench nor a list like movies:100:5" in capfd.readouterr().err
