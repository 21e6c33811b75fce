"""`python -m keeper speedtest` in a process of its own, against the simulated Plex and the line it brings along."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from command_rig import ROOT, run, settings_of

from keeper.commands.common import who
from keeper.demo.process import DemoPlex
from keeper.rules.types import Aspect, SpeedSource, SpeedStatus, SpeedWishes
from keeper.store.db import Database
from keeper.store.speed import StoredSpeed
from keeper.store.speed_views import SpeedViews
from keeper.world.clock import SystemClock
from tests.world.fake_speedtest import FAR, FakeSpeedtest, make_certificate

KEYS = {
    "status", "provider", "server", "server_name", "ping_ms", "download_mbps", "upload_mbps", "bytes", "low", "seconds",
    "error", "tries",
}  # fmt: skip
PAUSE = threading.Event()  # nobody sets it
SOON = 30.0  # seconds, for what takes one or two on an idle machine
WITHIN = 1.0  # second, in which a test that is ended has to be over


@pytest.fixture(scope="module")
def running() -> Iterator[DemoPlex]:
    with DemoPlex(library="small") as plex:
        yield plex


@pytest.fixture
def plex(running: DemoPlex) -> Iterator[DemoPlex]:
    running.mode("ready")
    running.sessions(clear=True)
    running.set(line_down=80, line_up=20)
    yield running
    running.mode("ready")


@pytest.fixture
def settings(plex: DemoPlex, tmp_path: Path) -> dict[str, str]:
    line = f"{plex.url}/keeper-demo/speed"
    return settings_of(
        plex.url, plex.token, tmp_path / "keeper.db", SPEED_TEST_PROVIDERS="http", SPEED_TEST_HTTP_MB="4",
        SPEED_TEST_DOWNLOAD_URL=f"{line}/down?bytes={{bytes}}", SPEED_TEST_UPLOAD_URL=f"{line}/up",
        PSR_LOG_DIR=str(tmp_path / "logs"),
    )  # fmt: skip


@pytest.fixture
def database(settings: dict[str, str]) -> Iterator[Database]:
    opened = Database(Path(settings["PSR_DB_PATH"]))
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def views(database: Database) -> SpeedViews:
    return SpeedViews(database)


def until(condition: Callable[[], Any], seconds: float = SOON) -> float:
    """How long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        PAUSE.wait(0.01)
    return time.monotonic() - began


def slow(plex: DemoPlex, settings: dict[str, str]) -> dict[str, str]:
    """A line that it takes some ten seconds to measure."""
    plex.set(line_down=4, line_up=4)
    return settings | {"SPEED_TEST_HTTP_MB": "100"}


@contextmanager
def command(settings: dict[str, str], *arguments: str, measures: bool = True) -> Iterator[subprocess.Popen[str]]:
    """A command in the middle of a measurement; what is left of it and its children ends with the test."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    child = subprocess.Popen([sys.executable, "-m", "keeper", *arguments], env=environment, cwd=ROOT, **pipes)
    below: list[psutil.Process] = []
    try:
        if measures:
            until(lambda: measuring(child) or child.poll() is not None)
            below = measuring(child)
        yield child
    finally:
        for process in [*below, *([psutil.Process(child.pid)] if child.poll() is None else [])]:
            if process.is_running():
                process.kill()
        child.communicate()


def measuring(child: subprocess.Popen[str]) -> list[psutil.Process]:
    """The measuring programs of a command."""
    try:
        below = psutil.Process(child.pid).children(recursive=True)
        return [each for each in below if any("http_child" in word for word in each.cmdline())]
    except psutil.Error:
        return []


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


# ------------------------------------------------------------------------------------------------ measuring


def test_a_result_is_one_document_and_ends_with_0(settings: dict[str, str], views: SpeedViews) -> None:
    ran = run(settings, "speedtest", "--json")
    told = json.loads(ran.stdout)
    assert (ran.returncode, ran.stderr) == (0, ""), "no terminal: no progress"
    assert told.keys() == KEYS
    assert (told["status"], told["provider"], told["low"], told["error"]) == ("success", "http", [], "")
    assert 55 < told["download_mbps"] < 100 and 14 < told["upload_mbps"] < 27, "the line has 80 and 20"
    assert 0 < told["ping_ms"] < 500
    assert [each["flaw"] for each in told["tries"]] == [None]
    assert told["bytes"] == told["tries"][0]["bytes"] > 8_000_000 * 0.9
    test = views.latest()
    assert test is not None
    assert (test.source, test.anyway, test.result.measured.server) == (SpeedSource.CLI, False, told["server"])


def test_without_json_it_is_one_sentence(settings: dict[str, str]) -> None:
    ran = run(settings, "speedtest")
    assert ran.returncode == 0
    assert ran.stdout.startswith("Download ")
    assert "Mbit/s, ping" in ran.stdout and "by http with 127.0.0.1" in ran.stdout
    assert ran.stdout.count("\n") == 1


def test_a_line_that_is_too_slow_is_measured_twice_and_ends_with_1(
    settings: dict[str, str], database: Database, views: SpeedViews
) -> None:
    StoredSpeed(database).save_wishes(SpeedWishes(least_upload=500.0), "test", SystemClock().now())
    ran = run(settings, "speedtest", "--json")
    told = json.loads(ran.stdout)
    assert (ran.returncode, told["status"], told["low"]) == (1, "success", ["upload"])
    assert [each["flaw"] for each in told["tries"]] == [None, None]
    assert views.latest().low == (Aspect.UPLOAD,)


def test_nobody_who_brings_a_result_is_a_failure_and_each_try_says_why(settings: dict[str, str]) -> None:
    broken = settings | {
        "SPEED_TEST_PROVIDERS": "librespeed,http", "SPEED_TEST_DOWNLOAD_URL": "http://127.0.0.1:9/{bytes}",
    }  # fmt: skip
    ran = run(broken, "speedtest", "--json")
    told = json.loads(ran.stdout)
    assert (ran.returncode, told["status"]) == (1, "failed")
    assert (told["download_mbps"], told["upload_mbps"], told["ping_ms"]) == (None, None, None)
    assert told["error"]
    assert [each["provider"] for each in told["tries"]][-1:] == ["http"]
    assert all(each["flaw"] and each["said"] for each in told["tries"])
    assert run(broken, "speedtest").stdout.startswith("failed: ")


# ------------------------------------------------------------------------------------------------ in nobody's way


def test_while_somebody_watches_it_refuses_with_a_sentence(plex: DemoPlex, settings: dict[str, str]) -> None:
    plex.sessions("movie")
    ran = run(settings, "speedtest", "--json")
    told = json.loads(ran.stdout)
    assert (ran.returncode, told["status"], told["tries"], told["bytes"]) == (1, "put_off", [], 0)
    assert "watching" in told["error"]
    assert run(settings, "speedtest").stdout.startswith("not measured: Somebody is watching")
    anyway = run(settings, "speedtest", "--anyway", "--json")
    assert (anyway.returncode, json.loads(anyway.stdout)["status"]) == (0, "success")


def test_what_the_month_has_left_is_told_where_it_is_not_enough(settings: dict[str, str]) -> None:
    ran = run(settings | {"SPEED_TEST_MONTHLY_MB": "1"}, "speedtest")
    told = r"not measured: 1 of 1 MB are left this month, and a test may need up to [89] MB\.\n"
    assert ran.returncode == 1 and re.fullmatch(told, ran.stdout), ran.stdout


@pytest.mark.parametrize("mode", ["hang", "unauthorized", "refused"])
def test_a_plex_that_does_not_say_who_watches_counts_as_watched(
    plex: DemoPlex, settings: dict[str, str], mode: str
) -> None:
    plex.mode(mode)
    told = json.loads(run(settings, "speedtest", "--json").stdout)
    assert (told["status"], told["tries"]) == ("put_off", [])
    assert "cannot be told" in told["error"]


def test_a_server_that_is_not_the_known_one_is_shown_no_token(plex: DemoPlex, settings: dict[str, str]) -> None:
    assert run(settings, "check").returncode == 0, "which learns who this server is"
    plex.mode("other_server")
    plex.reset_stats()
    assert json.loads(run(settings, "speedtest", "--json").stdout)["status"] == "put_off"
    assert list(plex.stats()["requests"]) == ["GET /identity"]


def test_somebody_who_begins_to_watch_ends_it(plex: DemoPlex, settings: dict[str, str], views: SpeedViews) -> None:
    with command(slow(plex, settings), "speedtest", "--json") as child:
        below = measuring(child)
        plex.sessions("movie")
        took = until(lambda: all(map(is_gone, below)), 9)
        out, _ = child.communicate(timeout=SOON)
    told = json.loads(out)
    assert (child.returncode, told["status"]) == (1, "put_off"), told
    assert took < 8, "it is looked every 5 seconds"
    assert [each["flaw"] for each in told["tries"]] == ["stopped"]
    assert told["bytes"] > 0, "what was spent is counted"
    assert views.latest() is None


# ------------------------------------------------------------------------------------------------ ending it


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTSTP], ids=["ctrl-c", "ctrl-z"])
def test_ctrl_c_cancels_within_a_second_and_so_does_ctrl_z(
    plex: DemoPlex, settings: dict[str, str], views: SpeedViews, sign: signal.Signals
) -> None:
    """A measurement cannot be paused: its program would go on without anybody who watches it."""
    with command(slow(plex, settings), "speedtest", "--json") as child:
        below = measuring(child)
        assert below
        child.send_signal(sign)
        assert until(lambda: all(map(is_gone, below)), 5) < WITHIN
        out, _ = child.communicate(timeout=SOON)
    assert (child.returncode, json.loads(out)["status"]) == (1, "cancelled")
    assert views.tests(5)[0].status is SpeedStatus.CANCELLED


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_sigterm_or_a_terminal_that_is_closed_interrupts_it(
    plex: DemoPlex, settings: dict[str, str], views: SpeedViews, sign: signal.Signals
) -> None:
    with command(slow(plex, settings), "speedtest", "--json") as child:
        below = measuring(child)
        child.send_signal(sign)
        assert until(lambda: all(map(is_gone, below)), 5) < WITHIN
        child.communicate(timeout=SOON)
    assert child.returncode == 1
    assert views.tests(5)[0].status is SpeedStatus.INTERRUPTED


def test_under_nohup_it_outlives_its_terminal(plex: DemoPlex, settings: dict[str, str], views: SpeedViews) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # which children inherit
    try:
        with command(slow(plex, settings), "speedtest") as child:
            child.send_signal(signal.SIGHUP)
            assert run(settings, "speedtest", "--cancel").returncode == 0
            child.communicate(timeout=SOON)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert views.tests(5)[0].status is SpeedStatus.CANCELLED


def test_ctrl_c_ends_it_also_while_the_data_file_is_locked(
    plex: DemoPlex, settings: dict[str, str], views: SpeedViews
) -> None:
    with command(slow(plex, settings), "speedtest") as child:
        below = measuring(child)
        with closing(sqlite3.connect(settings["PSR_DB_PATH"])) as greedy:
            greedy.execute("BEGIN IMMEDIATE")
            child.send_signal(signal.SIGINT)
            assert until(lambda: all(map(is_gone, below)), 9) < WITHIN + 0.5
        child.communicate(timeout=SOON)
    assert child.returncode == 1
    assert views.tests(5)[0].status is SpeedStatus.CANCELLED


def test_a_cancel_that_nobody_answers_says_so(plex: DemoPlex, settings: dict[str, str], views: SpeedViews) -> None:
    with command(slow(plex, settings), "speedtest", "--json") as child:
        until(lambda: (test := views.active()) and test.progress.provider)
        child.send_signal(signal.SIGSTOP)
        asked = run(settings, "speedtest", "--cancel")
        assert asked.returncode == 1 and "does not answer" in asked.stdout, asked.stdout
        assert "running: http" in (listed := run(settings, "speedtest", "--history").stdout) and "told to end" in listed
        child.send_signal(signal.SIGCONT)
        assert json.loads(child.communicate(timeout=SOON)[0])["status"] == "cancelled"


def test_one_that_waits_is_cancelled_before_it_begins(settings: dict[str, str], database: Database) -> None:
    store = StoredSpeed(database)
    store.enqueue(SpeedSource.MANUAL, "ada", "2026-11-21", False, SystemClock().now())
    asked = run(settings, "speedtest", "--cancel")
    assert (asked.returncode, asked.stdout) == (0, "The speed test that was waiting will not be made.\n")


def test_another_process_cancels_it_and_a_second_one_is_refused_meanwhile(
    plex: DemoPlex, settings: dict[str, str], views: SpeedViews
) -> None:
    with command(slow(plex, settings), "speedtest") as child:
        below = measuring(child)
        second = run(settings, "speedtest", "--json")
        assert (second.returncode, second.stdout) == (1, "")
        assert second.stderr.startswith("keeper: A speed test") and f"pid {child.pid}" in second.stderr
        assert "cancel it: python -m keeper speedtest --cancel" in second.stderr
        assert f"asked for by {who()}" in second.stderr
        assert not any(map(is_gone, below)), "it is left alone"
        until(lambda: (test := views.active()) and test.progress.provider)
        assert re.search(r"running: http, \d+ s\.$", run(settings, "speedtest", "--history").stdout.strip())
        asked = run(settings, "speedtest", "--cancel")
        assert (asked.returncode, asked.stdout) == (0, "The speed test is over: cancelled.\n")
        out, _ = child.communicate(timeout=SOON)
    assert child.returncode == 1
    assert out.startswith("cancelled")
    assert run(settings, "speedtest", "--cancel").returncode == 1, "nothing runs any more"
    assert len(views.tests(5)) == 1


def test_setting_the_flag_in_the_data_file_is_a_cancel(
    plex: DemoPlex, settings: dict[str, str], database: Database
) -> None:
    with command(slow(plex, settings), "speedtest", "--json") as child:
        below = measuring(child)
        with database.write() as connection:
            connection.exec_driver_sql("UPDATE speed_tests SET cancel_requested=1 WHERE status IN ('queued','running')")
        assert until(lambda: all(map(is_gone, below)), 5) < WITHIN
        assert json.loads(child.communicate(timeout=SOON)[0])["status"] == "cancelled"


# ------------------------------------------------------------------------------------------------ the service


def test_kill_9_in_the_middle_leaves_an_interrupted_test_and_a_service_that_goes_on(
    plex: DemoPlex, settings: dict[str, str], database: Database, views: SpeedViews
) -> None:
    store, clock = StoredSpeed(database), SystemClock()
    store.save_wishes(SpeedWishes(daily=False), "test", clock.now())
    first = store.enqueue(SpeedSource.MANUAL, "test", "2026-11-21", False, clock.now())
    with command(slow(plex, settings), "watch") as service:
        assert measuring(service)
        service.kill()
        service.wait(SOON)
        assert store.get(first).status is SpeedStatus.RUNNING, "nobody could say that it ended"
    plex.set(line_down=80, line_up=20)
    with command(settings, "watch", measures=False) as again:
        until(lambda: store.get(first).status is SpeedStatus.INTERRUPTED)
        second = store.enqueue(SpeedSource.MANUAL, "test", "2026-11-21", False, clock.now())
        until(lambda: store.get(second).status.ended)
        assert store.get(second).status is SpeedStatus.SUCCESS, store.get(second).error
        again.terminate()
        again.communicate(timeout=SOON)
    assert again.returncode == 0
    assert [test.id for test in views.tests(5)] == [second, first]


def test_the_end_of_the_service_interrupts_a_test_in_good_order(
    plex: DemoPlex, settings: dict[str, str], database: Database
) -> None:
    store = StoredSpeed(database)
    number = store.enqueue(SpeedSource.MANUAL, "test", "2026-11-21", False, SystemClock().now())
    with command(slow(plex, settings), "watch") as service:
        below = measuring(service)
        service.terminate()
        assert until(lambda: all(map(is_gone, below)), 5) < WITHIN
        service.communicate(timeout=SOON)
    assert service.returncode == 0
    assert store.get(number).status is SpeedStatus.INTERRUPTED


# ------------------------------------------------------------------------------------------------ what was before


def test_the_history_lists_what_was_newest_first_and_as_a_table_oldest_first(
    plex: DemoPlex, settings: dict[str, str]
) -> None:
    empty = run(settings, "speedtest", "--history")
    assert (empty.returncode, empty.stdout) == (0, "No speed test yet. Make one with: python -m keeper speedtest\n")
    plex.sessions("movie")
    assert run(settings, "speedtest").returncode == 1
    plex.sessions(clear=True)
    assert run(settings, "speedtest").returncode == 0
    listed = json.loads(run(settings, "speedtest", "--history", "--json").stdout)
    assert [row["status"] for row in listed] == ["success", "put_off"]
    assert listed[1]["error_code"] == "in_use"
    table = list(csv.DictReader(io.StringIO(run(settings, "speedtest", "--history", "--csv").stdout)))
    assert [row["status"] for row in table] == ["put_off", "success"]
    assert float(table[1]["download_mbps"]) > 50 and table[0]["download_mbps"] == ""
    lines = run(settings, "speedtest", "--history", "--limit", "1").stdout.splitlines()
    assert len(lines) == 1 and "Download" in lines[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--csv",), ("--limit", "3"), ("--history", "--csv", "--json"), ("--history", "--anyway"),
        ("--cancel", "--history"), ("--history", "--limit", "-1"), ("--server", "1"),
        ("--history", "--limit", "0"), ("--history", "--csv", "--limit", "1"), ("--cancel", "--json"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_cannot_be_meant_ends_with_2(settings: dict[str, str], arguments: tuple[str, ...]) -> None:
    ran = run(settings, "speedtest", *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr


def test_a_wrong_setting_ends_with_2_and_names_it(settings: dict[str, str]) -> None:
    ran = run(settings | {"SPEED_TEST_PROVIDERS": "fast"}, "speedtest")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "SPEED_TEST_PROVIDERS is 'fast'" in ran.stderr


# ------------------------------------------------------------------------------------------------ the real package


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def fake(certificate: Path) -> Iterator[FakeSpeedtest]:
    with FakeSpeedtest(certificate) as server:
        yield server


def test_the_unmodified_speedtest_cli_measures_with_the_pinned_server(
    settings: dict[str, str], fake: FakeSpeedtest
) -> None:
    there = settings | fake.environment() | {"SPEED_TEST_PROVIDERS": "speedtest-cli", "SPEED_TEST_SERVER": FAR}
    ran = run(there, "speedtest", "--json")
    told = json.loads(ran.stdout)
    assert (ran.returncode, told["status"], told["provider"]) == (0, "success", "speedtest-cli"), told
    assert (told["server"], told["server_name"]) == (FAR, "Far Sponsor, Far, Nowhere")
    assert 40 < told["download_mbps"] < 100 and 25 < told["upload_mbps"] < 65, "of 80 and 50, on a machine that is busy"


def test_a_provider_that_lies_is_not_believed_and_the_next_one_counts(
    settings: dict[str, str], fake: FakeSpeedtest
) -> None:
    """An upload that is refused makes it say some thousand Mbit/s, with exit code 0."""
    fake.faults.upload_status = 403
    there = settings | fake.environment() | {"SPEED_TEST_PROVIDERS": "speedtest-cli,http"}
    ran = run(there, "speedtest", "--json")
    told = json.loads(ran.stdout)
    assert [each["provider"] for each in told["tries"]] == ["speedtest-cli", "http"]
    assert told["tries"][0]["flaw"] is not None and told["tries"][1]["flaw"] is None
    assert (ran.returncode, told["status"], told["provider"]) == (0, "success", "http")
    assert told["upload_mbps"] < 30
