"""The speedroom of a real house: what a person may do, who is asked before, and what the watchdog makes of it."""

from __future__ import annotations

import csv
import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from keeper.config import Settings
from keeper.demo.process import DemoPlex
from keeper.errors import RunError, WrongUse
from keeper.house.speedroom import LONGEST, PULSE
from keeper.rules.speed_schedule import SINCE
from keeper.rules.types import (
    Ability,
    Cause,
    Check,
    Fact,
    Flaw,
    Hindrance,
    Measured,
    ScanOptions,
    Source,
    SpeedEnd,
    SpeedProgress,
    SpeedProvider,
    SpeedRun,
    SpeedSource,
    SpeedStatus,
    SpeedTest,
    SpeedWishes,
    Step,
    StepKind,
)
from keeper.wiring import House

PAUSE = threading.Event()  # nobody sets it
SOON = 30.0
QUIET = SpeedWishes(daily=False)
LINE = ("internet", "dns", "dns_local", "dns_public", "plex_tv")
OWN_SIDE = ("link_up", "carrier", "address", "route", "gateway")


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


def settings(folder: Path, plex: DemoPlex, **more: object) -> Settings:
    line = f"{plex.url}/keeper-demo/speed"
    usual = {
        "plex_url": plex.url, "plex_token": SecretStr(plex.token), "psr_db_path": folder / "keeper.db",
        "host_kind": "none", "network_test_endpoints": "none", "speed_test_providers": "http", "speed_test_http_mb": 4,
        "speed_test_download_url": f"{line}/down?bytes={{bytes}}", "speed_test_upload_url": f"{line}/up",
    }  # fmt: skip
    return Settings(_env_file=None, **(usual | more))


@pytest.fixture
def house(tmp_path: Path, plex: DemoPlex) -> Iterator[House]:
    with closing(House(settings(tmp_path, plex))) as built:
        built.speed.save_wishes(QUIET, "test")
        yield built


def until(condition: Callable[[], object], seconds: float = SOON) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        PAUSE.wait(0.01)


@contextmanager
def measuring(house: House, plex: DemoPlex) -> Iterator[list[SpeedTest]]:
    """A test of this house that is under way for some seconds; ended by a cancel at the end."""
    plex.set(line_down=4, line_up=4)
    ended: list[SpeedTest] = []
    thread = threading.Thread(target=lambda: ended.append(house.speed.measure_here("test", anyway=True)))
    thread.start()
    until(lambda: (test := house.speed.store.active()) and test.progress.receiving_mbps)
    try:
        yield ended
    finally:
        house.speed.cancel("test")
        thread.join(SOON)
    assert not thread.is_alive()


# ------------------------------------------------------------------------------------------------ what a person may do


@pytest.mark.parametrize(
    "wishes",
    [
        replace(QUIET, least_download=-1), replace(QUIET, least_upload=float("nan")), replace(QUIET, most_ping=1e9),
        replace(QUIET, least_download=float("inf")), replace(QUIET, share=101), replace(QUIET, share=-1),
        replace(QUIET, alarm_after=0), replace(QUIET, alarm_after=4, alarm_of=3), replace(QUIET, alarm_of=1_000),
    ],
)  # fmt: skip
def test_wishes_that_cannot_be_meant_are_refused_with_a_sentence(house: House, wishes: SpeedWishes) -> None:
    with pytest.raises(WrongUse) as caught:
        house.speed.save_wishes(wishes, "ada")
    assert caught.value.sentence.endswith(".")
    assert house.speed.wishes() == QUIET


def test_wishes_are_saved_told_and_still_there_after_a_restart(house: House) -> None:
    wished = SpeedWishes(daily=False, least_download=50.0, most_ping=40.0, share=0, alarm_after=3, alarm_of=5)
    house.speed.save_wishes(wished, "ada")
    with closing(House(house.settings)) as restarted:
        assert restarted.speed.wishes() == wished
    assert [event.kind for event in house.views.events(1)] == ["Speed Wishes Changed"]


def test_a_test_is_queued_once_and_can_be_cancelled_while_it_waits(house: House) -> None:
    number = house.speed.run("ada", anyway=False)
    with pytest.raises(RunError):
        house.speed.run("ada", anyway=False)
    assert house.speed.cancel("ada") is True
    assert house.speed.store.get(number).cancel_requested
    house.speed.surveyor.tick()
    assert house.speed.store.get(number).status is SpeedStatus.CANCELLED
    assert house.speed.cancel("ada") is False


def test_while_somebody_watches_a_person_has_to_say_anyway(house: House, plex: DemoPlex) -> None:
    plex.sessions("movie")
    house.monitor.tick()
    assert house.speed.in_use() is True
    assert house.speed.hindrance_now() is Hindrance.IN_USE
    with pytest.raises(RunError, match="watching"):
        house.speed.run("ada", anyway=False)
    assert house.speed.store.get(house.speed.run("ada", anyway=True)).anyway


def test_before_the_first_look_it_is_not_known_who_watches_and_the_test_itself_asks(
    house: House, plex: DemoPlex
) -> None:
    assert house.speed.in_use() is None
    number = house.speed.run("ada", anyway=False)
    plex.sessions("movie")
    house.speed.surveyor.tick()
    test = house.speed.store.get(number)
    assert (test.status, test.error_code) == (SpeedStatus.PUT_OFF, Hindrance.IN_USE)
    assert house.speed.views.runs_of(number) == []


def test_the_engine_measures_what_was_queued_and_ends_what_runs_when_it_stops(house: House, plex: DemoPlex) -> None:
    first = house.speed.run("ada", anyway=True)
    house.engine.start()
    until(lambda: house.speed.store.get(first).status.ended)
    assert house.speed.store.get(first).status is SpeedStatus.SUCCESS, house.speed.store.get(first).error
    plex.set(line_down=4, line_up=4)
    second = house.speed.run("ada", anyway=True)
    until(lambda: house.speed.store.get(second).progress.receiving_mbps)
    assert house.engine.stop(), "all threads end in time"
    assert house.speed.store.get(second).status is SpeedStatus.INTERRUPTED


def test_who_does_not_hold_the_engine_measures_nothing(house: House) -> None:
    number = house.speed.run("ada", anyway=True)
    (duty,) = house.speed.duties()
    duty.tick()
    assert house.speed.store.get(number).status is SpeedStatus.QUEUED


# ------------------------------------------------------------------------------------------------ what hinders


def test_the_house_asks_plex_afresh(house: House, plex: DemoPlex) -> None:
    house.monitor.tick()
    afresh = house.speed.hindrances.afresh
    assert afresh(False) is None
    plex.sessions("paused")
    assert afresh(False) is Hindrance.IN_USE
    plex.mode("hang")
    began = time.monotonic()
    assert afresh(False) is Hindrance.IN_USE_UNKNOWN
    assert time.monotonic() - began < 3.0
    assert afresh(True) is None


def test_a_ghost_that_the_watchdog_knows_hinders_nobody(house: House, plex: DemoPlex) -> None:
    plex.sessions("ghost")
    house.monitor.tick()
    assert house.speed.hindrances.afresh(False) is Hindrance.IN_USE, "it may have begun just now"
    watch = house.watch_memory.load()
    since = watch.streams[0].since
    older = replace(since, at=since.at - timedelta(seconds=90), uptime=since.uptime - 90)
    grown = replace(watch, streams=(replace(watch.streams[0], since=older),))
    step = Step(StepKind.OWNER, since.at, Cause.OK, {})
    house.watch_memory.concluded(grown, step, ())
    assert house.speed.hindrances.afresh(False) is None


def test_a_plex_that_is_known_to_be_down_and_refuses_is_watched_by_nobody(house: House, plex: DemoPlex) -> None:
    plex.mode("refused")
    assert house.speed.hindrances.afresh(False) is Hindrance.IN_USE_UNKNOWN, "nobody has looked yet"
    look = house.monitor.look()
    assert look.cause is Cause.DOWN
    house.checks.remember(replace(look, decision={}), None)
    assert house.speed.hindrances.afresh(False) is None


def test_a_dead_line_an_update_and_a_scan_hinder(house: House) -> None:
    now = house.clock.now()
    for cause, hindrance in ((Cause.INTERNET_DOWN, Hindrance.NO_LINE), (Cause.UPDATING, Hindrance.UPDATING)):
        house.checks.remember(Check(now, cause, "", {}, {}, None), None)
        assert house.speed.hindrances.afresh(True) is house.speed.hindrance_now() is hindrance
    house.checks.remember(Check(now, Cause.OK, "", {}, {}, None), None)
    house.runs.enqueue(Source.MANUAL, ScanOptions(), "test")
    assert house.speed.hindrances.afresh(False) is None, "it only waits"
    house.runs.claim_next(house.host.me(), "here", 60)
    assert house.speed.hindrances.afresh(False) is Hindrance.SCANNING


# ------------------------------------------------------------------------------------------------ the watchdog


class Line:
    """The look of this house at a line on which nothing comes back, or all but some of it."""

    def __init__(self, eyes: object) -> None:
        self._eyes, self.silent = eyes, LINE

    def look(self) -> dict[str, Fact]:
        return self._eyes.look() | {name: Fact(True) for name in (*OWN_SIDE, *LINE)} | {
            name: Fact(False, "silent") for name in self.silent
        }  # fmt: skip


@pytest.fixture
def line(house: House) -> Line:
    forbearing = house.monitor._senses.eyes
    forbearing._eyes = Line(forbearing._eyes)
    return forbearing._eyes


def troubles(house: House) -> list[str]:
    return [event.kind for event in house.views.events(50) if event.kind.startswith("Trouble")]


def test_our_own_full_line_opens_no_incident_and_an_outage_that_outlasts_the_test_is_found(
    house: House, plex: DemoPlex, line: Line
) -> None:
    with measuring(house, plex) as ended:
        seen = [house.monitor.tick() for _ in range(3)]
        assert not ended, "the test was under way all the time"
    assert [check.cause for check in seen] == [Cause.OK] * 3
    assert {check.facts["internet"].detail for check in seen} == {"own speed test"}
    assert house.watch.incidents(5) == [] and troubles(house) == []
    found = [house.monitor.tick().cause for _ in range(2)]
    assert Cause.OK not in found and Cause.UNKNOWN not in found
    assert len(house.watch.incidents(5)) == 1


def test_an_incident_is_not_closed_by_looks_in_the_middle_of_a_test(house: House, plex: DemoPlex, line: Line) -> None:
    """Else each speed test would tell that plex.tv is back, and that it is gone again."""
    line.silent = ("plex_tv",)
    assert [house.monitor.tick().cause for _ in range(2)] == [Cause.PLEX_TV_DOWN] * 2
    assert house.watch.incidents(5)[0].closed_at is None
    with measuring(house, plex):
        assert [house.monitor.tick().cause for _ in range(3)] == [Cause.UNKNOWN] * 3
    assert house.watch.incidents(5)[0].closed_at is None
    line.silent = ()
    for _ in range(2):
        house.monitor.tick()
    assert house.watch.incidents(5)[0].closed_at is not None


def test_a_plex_that_goes_down_during_a_test_is_found_at_once(house: House, plex: DemoPlex) -> None:
    with measuring(house, plex):
        plex.mode("refused")
        assert house.monitor.tick().cause is Cause.DOWN


def test_a_test_of_another_process_fills_the_line_as_well(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    store, now = house.speed.store, house.watchtower.moment()
    monkeypatch.setattr(house.clock, "now", lambda: now.at)
    test = store.start(SpeedSource.CLI, "ada", "2026-11-21", False, house.host.me(), "there", now)
    assert house.speed.is_measuring() is True
    store.pulse(test.id, SpeedProgress(), now.at - PULSE + timedelta(seconds=1))
    assert house.speed.is_measuring() is True
    store.pulse(test.id, SpeedProgress(), now.at - PULSE - timedelta(seconds=1))
    assert house.speed.is_measuring() is False, "it may be dead"
    store.pulse(test.id, SpeedProgress(), now.at)
    store.finish(test.id, SpeedEnd(SpeedStatus.CANCELLED), now.at)
    assert house.speed.is_measuring() is False


@pytest.mark.parametrize(("earlier", "excused"), [(-60, True), (60, False)], ids=["nearly as long", "too long"])
def test_a_test_of_another_process_excuses_nothing_any_more_when_it_should_have_ended_long_ago(
    house: House, earlier: float, excused: bool
) -> None:
    """Its process may retry for ever on a full disk, while its child is long gone."""
    store, now = house.speed.store, house.watchtower.moment()
    began = replace(now, at=now.at - LONGEST - timedelta(seconds=earlier))
    test = store.start(SpeedSource.CLI, "ada", "2026-11-21", False, house.host.me(), "there", began)
    store.pulse(test.id, SpeedProgress(), now.at)
    assert house.speed.is_measuring() is excused


def test_the_end_of_the_house_ends_the_programs_that_measure_whatever_their_thread_waits_for(house: House) -> None:
    ended = threading.Event()
    begun = threading.Event()

    def measures() -> None:
        house.speed._commands.run(["sh", "-c", "echo begun; exec sleep 60"], 60, watch=lambda: False, hear=heard)
        ended.set()

    def heard(said: str) -> None:
        if "begun" in said:
            begun.set()

    threading.Thread(target=measures, daemon=True).start()
    assert begun.wait(SOON)
    house.speed.stop()
    assert ended.wait(5)


# ------------------------------------------------------------------------------------------------ what it shows


def test_the_bytes_of_this_month_count_against_the_budget(tmp_path: Path, plex: DemoPlex) -> None:
    with closing(House(settings(tmp_path, plex, speed_test_monthly_mb=500))) as house:
        test = house.speed.measure_here("test", anyway=True)
        assert test.status is SpeedStatus.SUCCESS, test.error
        assert house.speed.budget() == (test.bytes, 500_000_000)
        long_ago = house.clock.now() - timedelta(days=40)
        house.speed.store.note_run(test.id, SpeedRun(SpeedProvider.HTTP, None, Flaw.BROKEN, bytes=7_000_000), long_ago)
        assert house.speed.budget() == (test.bytes, 500_000_000)


def test_a_budget_that_is_too_small_for_one_test_measures_nothing(tmp_path: Path, plex: DemoPlex) -> None:
    with closing(House(settings(tmp_path, plex, speed_test_monthly_mb=1))) as house:
        test = house.speed.measure_here("test", anyway=True)
        assert (test.status, test.error_code, test.bytes) == (SpeedStatus.PUT_OFF, Hindrance.BUDGET, 0)


def test_it_is_told_beforehand_whether_a_test_fits_and_what_it_may_need(tmp_path: Path, plex: DemoPlex) -> None:
    with closing(House(settings(tmp_path, plex, speed_test_monthly_mb=12))) as house:
        (meter,) = house.speed.meters()
        assert house.speed.fits() == (True, meter.most_bytes)
        test = house.speed.measure_here("test", anyway=True)
        assert test.bytes > 12_000_000 - meter.most_bytes, test.error
        assert house.speed.fits()[0] is False
        refused = house.speed.measure_here("test", anyway=True)
        assert (refused.status, refused.error_code) == (SpeedStatus.PUT_OFF, Hindrance.BUDGET)
        (told,) = [event for event in house.views.events(9) if event.kind == "Speed Test Budget"]
    left = (12_000_000 - test.bytes) // 1_000_000
    need = -(-meter.most_bytes // 1_000_000)
    assert f"{left} of 12 MB are left" in told.message and f"a test may need up to {need} MB" in told.message
    assert "used up" not in told.message + refused.error, "there is something left"


def test_what_a_test_may_need_is_never_more_than_the_settings_allow(house: House) -> None:
    (meter,) = house.speed.meters()
    cost = house.speed.measure_here("test", anyway=True).bytes
    assert cost * 1.25 > meter.most_bytes, "else this shows nothing"
    assert house.speed.fits() == (True, meter.most_bytes)


def test_a_month_that_allows_less_than_one_test_is_told_as_that(tmp_path: Path, plex: DemoPlex) -> None:
    with closing(House(settings(tmp_path, plex, speed_test_monthly_mb=1))) as house:
        house.speed.measure_here("test", anyway=True)
        (told,) = [event for event in house.views.events(9) if event.kind == "Speed Test Budget"]
        assert "SPEED_TEST_MONTHLY_MB" in told.message and "next month" not in told.message
        assert house.speed.fits()[0] is False


def test_where_nobody_can_measure_nothing_is_needed(tmp_path: Path, plex: DemoPlex) -> None:
    with closing(House(settings(tmp_path, plex, speed_test_providers="librespeed"))) as house:
        house.speed.meters()[0].ready = lambda: Ability(False, "It is not installed.")
        assert house.speed.fits() == (True, 0)


def test_providers_are_shown_in_the_order_of_the_setting(tmp_path: Path, plex: DemoPlex) -> None:
    chosen = settings(tmp_path, plex, speed_test_providers="librespeed,http")
    with closing(House(chosen)) as house:
        found = house.speed.providers()
    assert [provider for provider, _ in found] == [SpeedProvider.LIBRESPEED, SpeedProvider.HTTP]
    assert found[1][1].can is True


def test_the_table_to_take_away_holds_no_formula(house: House) -> None:
    assert "".join(house.speed.csv()).count("\n") == 1, "the names of the columns alone"
    store, now = house.speed.store, house.watchtower.moment()
    test = store.start(SpeedSource.CLI, "=ada", "2026-11-21", False, house.host.me(), "there", now)
    store.finish(test.id, SpeedEnd(SpeedStatus.FAILED, error='=HYPERLINK("x")'), now.at)
    (row,) = csv.DictReader(io.StringIO("".join(house.speed.csv())))
    assert (row["status"], row["requested_by"], row["error"]) == ("failed", "'=ada", '\'=HYPERLINK("x")')


def test_the_table_to_take_away_is_one_for_people(house: House) -> None:
    store, now = house.speed.store, house.watchtower.moment()
    test = store.start(SpeedSource.CLI, "ada", "2026-11-21", True, house.host.me(), "there", now)
    measured = Measured("1", "There", 12.3456789, 87.65432109, 9.0, 10, 10)
    store.finish(test.id, SpeedEnd(SpeedStatus.SUCCESS, SpeedRun(SpeedProvider.HTTP, measured)), now.at)
    (row,) = csv.DictReader(io.StringIO("".join(house.speed.csv())))
    assert (row["ping_ms"], row["download_mbps"], row["upload_mbps"]) == ("12.35", "87.65", "9.0")
    assert row["anyway"] == "yes"


def test_the_next_test_is_at_the_hour_of_the_setting_in_its_zone(tmp_path: Path, plex: DemoPlex) -> None:
    chosen = settings(tmp_path, plex, speed_test_hour=23, speed_test_timezone="Asia/Kolkata")
    with closing(House(chosen)) as house:
        expected = house.speed.next_time()
        assert expected is not None
        here = expected.astimezone(house.speed.zone)
        assert here.hour == 23 and str(house.speed.zone) == "Asia/Kolkata"
        house.speed.save_wishes(QUIET, "ada")
        assert house.speed.next_time() is None


def test_the_demo_measures_with_its_own_simulated_server_and_with_nobody_else(tmp_path: Path) -> None:
    chosen = Settings(
        _env_file=None, psr_db_path=tmp_path / "demo.db", speed_test_http_mb=2,
        speed_test_providers="speedtest-cli,ookla", speed_test_download_url="http://198.51.100.1/{bytes}",
    )  # fmt: skip
    with closing(House(chosen)) as house:
        test = house.speed.measure_here("test", anyway=False)
        assert [provider for provider, _ in house.speed.providers()] == [SpeedProvider.HTTP]
    assert (test.status, test.error) == (SpeedStatus.SUCCESS, "")
    assert test.result.measured.server == "127.0.0.1"


# ---------------------------------------------------------------------------- the first day


def test_a_fresh_install_does_not_fill_the_line_at_once(house: House) -> None:
    """Its hour of today has passed: the first daily test is tomorrow's."""
    house.speed.store.save_wishes(SpeedWishes(), "test", house.clock.now())
    house.jobs.tick()
    house.speed.duties()[0].tick()
    assert house.speed.views.count() == 0 and house.speed.store.book(()).days == {}
    upcoming = house.speed.next_time()
    assert upcoming is not None and upcoming > house.clock.now()


def test_who_switches_daily_tests_on_again_is_not_measured_at_once(house: House) -> None:
    house.jobs.tick()
    house.speed.save_wishes(QUIET, "test")
    since = house.speed.store.book(()).marks.get(SINCE)
    house.speed.save_wishes(SpeedWishes(), "test")
    assert house.speed.store.book(()).marks[SINCE] != since
