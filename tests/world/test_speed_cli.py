"""The unmodified speedtest-cli as a child, against our own fake of what it talks to."""

from __future__ import annotations

import sys
import time

import psutil
import pytest

from keeper.rules.belief import flaw_of
from keeper.rules.types import Flaw, SpeedProvider, SpeedRun
from keeper.world.speed.speedtest_cli import MOST_BYTES, PAUSE, SpeedtestCli
from keeper.world.speed.traffic import Count
from tests.world.fake_speedtest import (
    ALWAYS,
    CONFIG,
    DEAD,
    FAR,
    LOGIN_PAGE,
    NEAR,
    FakeSpeedtest,
    Faults,
    make_certificate,
)
from tests.world.speed_rig import Brake, Progress, bench, nothing_left


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def fake(certificate, monkeypatch):
    """The fake, and an environment in which speedtest.net is reached through it."""
    with FakeSpeedtest(certificate) as server:
        for name, value in server.environment().items():
            monkeypatch.delenv(name.upper(), raising=False)
            monkeypatch.setenv(name, value)
        yield server


def measure(server="", brake=None, seconds=40.0, counters=None, most_bytes=None, report=None) -> SpeedRun:
    meter = SpeedtestCli(bench(counters), server, seconds)
    with nothing_left():
        return meter.measure(brake or Brake(), most_bytes, Progress() if report is None else report)


def refusal(run: SpeedRun) -> Flaw | None:
    """What the meter itself, or else the rules, have against it."""
    if run.flaw is not None:
        return run.flaw
    flaw = flaw_of(run)
    return flaw and flaw[0]


# ------------------------------------------------------------------------------------------------ all is well


def test_it_completes_over_tls_with_plausible_figures_on_the_pinned_server(fake):
    reports = Progress()
    run = measure(FAR, report=reports)
    told = run.measured
    assert refusal(run) is None and run.said == "" and run.provider is SpeedProvider.SPEEDTEST_CLI
    assert told.server == FAR and told.server_name == "Far Sponsor, Far, Nowhere"
    assert told.download_mbps == pytest.approx(80, rel=0.25)
    assert told.upload_mbps == pytest.approx(50, rel=0.25)
    assert 0 < told.ping_ms < 500
    assert run.bytes == told.received + told.sent > 10_000_000
    assert 2 < run.seconds < 30 and len(reports) >= 2.5 * run.seconds
    assert "www.speedtest.net:443" in fake.asked, "the configuration was not asked for by TLS"


def test_without_a_pinned_server_it_takes_the_quickest_near_one(fake):
    run = measure()
    assert refusal(run) is None and run.measured.server in (NEAR, FAR)


def test_warnings_made_errors_do_not_reach_it(fake, monkeypatch):
    """Newer Pythons warn of what its threads do; as errors those would end them."""
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    fake.faults.upload_status = 503
    seen: list[str] = []

    def look(_progress) -> None:
        seen.extend(" ".join(child.cmdline()) for child in psutil.Process().children())

    assert measure(NEAR, report=look).measured.download_mbps == pytest.approx(80, rel=0.25)
    assert any("-W ignore -m speedtest --json --secure --no-pre-allocate" in line for line in seen)


def test_it_is_ready_where_the_package_is_installed(monkeypatch):
    meter = SpeedtestCli(bench())
    assert meter.ready().can and meter.most_bytes == MOST_BYTES
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "speedtest", raising=False)
    assert meter.ready().can is False and "pip install" in meter.ready().mend


# ------------------------------------------------------------------------------------------------ refusals


def test_a_403_that_passes_is_tried_again_five_seconds_later(fake):
    fake.faults.config_403, fake.faults.upload_status = 1, 503
    brake = Brake()
    run = measure(NEAR, brake)
    assert run.flaw is None and run.measured.server == NEAR
    assert brake.waits == [PAUSE] and fake.times("/speedtest-config.php") == 2


def test_a_403_that_stays_is_a_blocked_provider_after_two_tries(fake):
    fake.faults.config_403 = ALWAYS
    run = measure()
    assert run.flaw is Flaw.BLOCKED and "403" in run.said and run.measured is None
    assert fake.times("/speedtest-config.php") == 2


def test_an_unknown_pinned_server_is_named_with_what_to_do_and_no_other_is_measured(fake):
    brake = Brake()
    run = measure("31337", brake)
    assert run.flaw is Flaw.NO_SERVER and "31337" in run.said and "SPEED_TEST_SERVER" in run.said
    assert brake.waits == [PAUSE] and not fake.times("/speedtest/"), "another server was measured"


def test_a_list_that_is_kept_back_leaves_a_pinned_server_unknown(fake):
    fake.faults.servers_403 = ALWAYS
    assert measure(NEAR).flaw is Flaw.NO_SERVER


def test_a_list_that_is_kept_back_leaves_none_to_choose_from(fake):
    fake.faults.servers_403 = ALWAYS
    run = measure()
    assert run.flaw is Flaw.NO_SERVER and "no server" in run.said


def test_a_list_that_is_kept_back_once_does_no_harm(fake):
    fake.faults.servers_403, fake.faults.upload_status = 4, 503  # it asks four addresses before it gives up
    assert measure(NEAR).measured.server == NEAR


def test_the_second_try_can_be_called_off(fake):
    fake.faults.config_403 = ALWAYS
    brake = Brake()
    brake.pull_when_waited_for = True
    assert measure(brake=brake).flaw is Flaw.STOPPED
    assert fake.times("/speedtest-config.php") == 1


# ------------------------------------------------------------------------------------------------ lies with code 0


@pytest.mark.parametrize(
    ("faults", "server", "expected"),
    [
        (Faults(upload_seconds=0), NEAR, Flaw.NO_UPLOAD),
        (Faults(download_status=503), NEAR, Flaw.NO_DOWNLOAD),
        (Faults(upload_status=403), NEAR, Flaw.ABSURD),
        (Faults(latency_status=503, download_status=503, upload_status=503), NEAR, Flaw.NO_PING),
        (Faults(), DEAD, Flaw.NO_PING),
    ],
    ids=["zero upload", "zero download", "upload 403", "everything 503", "dead server"],
)
def test_what_it_says_with_exit_code_0_and_is_not_so_is_refused(fake, faults, server, expected):
    fake.faults = faults
    run = measure(server)
    assert run.flaw is None and run.measured.server == server, run
    assert refusal(run) is expected


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (Faults(config=LOGIN_PAGE), "login page"),
        (Faults(servers=LOGIN_PAGE), "speedtest"),
        (Faults(config="\0\1garbage"), "login page"),
        (Faults(config="<settings><client/></settings>"), "login page"),
        (Faults(config=CONFIG.format(download_seconds="ten", upload_seconds=10)), "ten"),
    ],
    ids=["login page", "login page as list", "garbage", "parts missing", "words for numbers"],
)
def test_answers_that_are_none_make_it_break_and_not_slow(fake, faults, words):
    fake.faults = faults
    run = measure(NEAR)
    assert run.flaw in (Flaw.BROKEN, Flaw.NO_SERVER) and words in run.said and run.measured is None
    assert "\n" not in run.said


# ------------------------------------------------------------------------------------------------ ending it


@pytest.mark.parametrize("faults", [Faults(config_stalls=True), Faults(blackhole_after=2_000_000)],
                         ids=["at the configuration", "in mid-download"])  # fmt: skip
def test_what_hangs_is_ended_at_its_deadline(fake, faults):
    fake.faults = faults
    began = time.monotonic()
    run = measure(NEAR, seconds=3.0)
    assert run.flaw is Flaw.TOO_LATE and "3 seconds" in run.said
    assert time.monotonic() - began < 4.0


def test_it_ends_within_a_second_when_told_to_in_the_middle_of_the_download(fake):
    counters = seen_by(fake)
    brake = Brake()
    reports = Progress(brake, lambda progress: progress.receiving_mbps > 10)
    run = measure(NEAR, brake, counters=counters, report=reports)
    assert reports.seconds_since() < 1.0
    assert run.flaw is Flaw.STOPPED and run.measured is None
    assert 300_000 < run.bytes <= counters()["eth0"].all, "what it cost so far is not known"


def test_it_is_ended_before_it_has_cost_more_than_it_may(fake):
    run = measure(NEAR, counters=seen_by(fake), most_bytes=9_000_000)
    assert run.flaw is Flaw.TOO_MANY_BYTES and "9 MB" in run.said
    assert 300_000 < run.bytes <= 9_000_000
    assert fake.down.passed + fake.up.passed <= 9_000_000


def test_where_bytes_cannot_be_counted_it_does_not_begin_with_too_few_of_them(fake):
    run = measure(counters=dict, most_bytes=MOST_BYTES - 1)
    assert run.flaw is Flaw.TOO_MANY_BYTES and run.bytes == 0 and not fake.asked
    assert measure(most_bytes=0).flaw is Flaw.TOO_MANY_BYTES and not fake.asked


def test_where_bytes_cannot_be_counted_an_early_end_is_reckoned_as_the_most_it_can_cost(fake):
    brake = Brake()
    run = measure(NEAR, brake, counters=dict, report=Progress(brake))
    assert run.flaw is Flaw.STOPPED and run.bytes == MOST_BYTES


def seen_by(fake: FakeSpeedtest):
    """An interface over which nothing passes but what the fake sends and takes."""
    return lambda: {"eth0": Count(fake.down.passed, fake.up.passed)}
