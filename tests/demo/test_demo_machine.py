"""The machine of the demo around a real simulated server: what it tells, what it restarts, what may be broken there."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from demo_client import until

from jobs import Brake
from keeper.config import Settings
from keeper.demo.breaking import FAULTS, DemoHost
from keeper.demo.generate import Plan, build
from keeper.demo.machine import FOLDERS, HEAD_START, DemoMachine
from keeper.demo.process import DemoPlex
from keeper.errors import RunError
from keeper.rules.causes import GRACE_SECONDS
from keeper.rules.types import Action, Fact
from keeper.wiring import House
from keeper.world.clock import SystemClock
from keeper.world.plex import PlexClient

BOOTED = 1_000_000.0  # seconds after which these machines are looked at first
NOW = 1_790_000_000.0


class Time:
    """Passes only when told to."""

    passed = 0.0

    def now(self) -> float:
        return NOW + self.passed

    def uptime(self) -> float:
        return BOOTED + self.passed


@pytest.fixture(scope="module")
def plex() -> Iterator[DemoPlex]:
    with DemoPlex(library="small", items=30) as running:
        yield running


@pytest.fixture
def time_of_demo() -> Time:
    return Time()


@pytest.fixture
def host(plex: DemoPlex, time_of_demo: Time) -> Iterator[DemoHost]:
    """A demo whose restarts take a moment only."""
    made = DemoHost(lambda: plex, time_of_demo.now, time_of_demo.uptime)
    made.machine = DemoMachine(lambda: plex, time_of_demo.now, time_of_demo.uptime, 0.1, 1.0)
    yield made
    made.break_("mend")


def mode_of(plex: DemoPlex) -> str:
    told: str = plex.control("GET", "/mode")["mode"]
    return told


def modes_until_ready(plex: DemoPlex) -> set[str]:
    seen: set[str] = set()

    def is_ready() -> bool:
        seen.add(mode_of(plex))
        return "ready" in seen

    until(is_ready)
    return seen


def identity(plex: DemoPlex) -> int:
    """The status of the answer; 0 = refused."""
    try:
        return requests.get(plex.url + "/identity", timeout=5).status_code
    except requests.ConnectionError:
        return 0


# --- looking ---


def test_a_healthy_plex_looks_as_under_systemd(host: DemoHost, time_of_demo: Time) -> None:
    facts = host.machine.look()
    assert facts["process"] == Fact(True, "running") and facts["service"] == Fact(True, "active")
    assert (facts["updating"].value, facts["service_restarts"].value) == (False, 0)
    assert facts["plex_age_s"].value == HEAD_START < GRACE_SECONDS
    assert facts["plex_started"].value == NOW - HEAD_START
    assert facts["uptime_s"].value == BOOTED
    time_of_demo.passed += 3600
    later = host.machine.look()
    assert later["plex_started"] == facts["plex_started"], "it is the same process still"
    assert later["plex_age_s"].value == HEAD_START + 3600
    assert later["uptime_s"].value == BOOTED + 3600
    assert float(later["plex_memory_mb"].value or 0) > float(facts["plex_memory_mb"].value or 0) > 100


def test_a_crashed_plex_has_no_process_and_its_service_failed(host: DemoHost, plex: DemoPlex) -> None:
    host.break_("crash")
    facts = host.machine.look()
    assert facts["process"] == Fact(False, "gone") and facts["service"] == Fact(False, "failed")
    assert "plex_age_s" not in facts and "plex_memory_mb" not in facts
    assert identity(plex) == 0


@pytest.mark.parametrize("name", ["hang", "starting", "database"])
def test_a_plex_that_is_merely_ill_has_its_process(host: DemoHost, name: str) -> None:
    host.break_(name)
    facts = host.machine.look()
    assert facts["process"].value is True and facts["service"].value is True


def test_a_port_that_is_closed_for_a_while_only_belongs_to_a_service_that_comes_up(
    host: DemoHost, plex: DemoPlex
) -> None:
    plex.mode("refused", seconds=60)
    facts = host.machine.look()
    assert facts["process"].value is True and facts["service"] == Fact(None, "activating")
    assert not any(host.faults().values())


def test_a_server_that_cannot_be_asked_is_unknown(time_of_demo: Time) -> None:
    def fails() -> DemoPlex:
        raise RuntimeError("the demo server did not start")

    machine = DemoMachine(fails, time_of_demo.now, time_of_demo.uptime)
    facts = machine.look()
    assert facts["process"] == facts["service"] == Fact(None, "no_answer")
    acted = machine.act(Action.RESTART_PLEX, "")
    assert acted.done is False and "did not start" in acted.said


# --- acting ---


def test_only_plex_can_be_restarted_and_the_rest_says_why_not(host: DemoHost) -> None:
    able = host.machine.abilities()
    assert able[Action.RESTART_PLEX].can is True
    others = [able[action] for action in (Action.NET_SOFT, Action.NET_HARD, Action.DNS_RESET, Action.REBOOT)]
    assert all(one.can is False and "Not possible in the demo" in one.sentence and one.mend for one in others)
    acted = host.machine.act(Action.REBOOT, "")
    assert acted.done is False and "Not possible in the demo" in acted.said


@pytest.mark.parametrize("name", ["crash", "hang", "starting", "database"])
def test_a_restart_brings_back_the_very_same_server_by_way_of_starting(
    host: DemoHost, plex: DemoPlex, time_of_demo: Time, name: str
) -> None:
    before = host.machine.look()
    url, who = plex.url, plex.machine_identifier
    (mended, *_) = plex.change([1001], flaws=["no_thumb"])
    host.break_(name)
    time_of_demo.passed += 100
    acted = host.machine.act(Action.RESTART_PLEX, "")
    assert acted.done is True
    assert modes_until_ready(plex) >= {"starting", "ready"}
    after = host.machine.look()
    assert float(after["plex_started"].value or 0) == float(before["plex_started"].value or 0) + 100
    answer = requests.get(f"{url}/identity", headers={"Accept": "application/json"}, timeout=5).json()
    assert answer["MediaContainer"]["machineIdentifier"] == who
    assert plex.items(keys=[1001]) == [mended], "what is in the library outlives the restart"


def test_a_restart_ends_what_somebody_watches(host: DemoHost, plex: DemoPlex) -> None:
    host.break_("film")
    host.machine.act(Action.RESTART_PLEX, "")
    until(lambda: plex.sessions() == [])


def test_a_server_that_was_killed_comes_back_at_the_same_address_with_the_same_identity(time_of_demo: Time) -> None:
    with DemoPlex(library="small", items=20) as plex:
        machine = DemoMachine(lambda: plex, time_of_demo.now, time_of_demo.uptime, 0.1, 0.1)
        url, control, who, items = plex.url, plex.control_url, plex.machine_identifier, plex.items()
        os.kill(plex.pid, signal.SIGKILL)
        until(lambda: not plex.is_running)
        assert machine.look()["process"] == Fact(False, "gone")
        assert machine.act(Action.RESTART_PLEX, "").done is True
        until(lambda: mode_of(plex) == "ready" and identity(plex) == 200)
        assert (plex.url, plex.control_url, plex.machine_identifier) == (url, control, who)
        known = [(item["ratingKey"], item["title"]) for item in items]
        assert [(item["ratingKey"], item["title"]) for item in plex.items()] == known


def test_mending_brings_back_a_server_that_was_killed(time_of_demo: Time) -> None:
    with DemoPlex(library="small", items=20) as plex:
        host = DemoHost(lambda: plex, time_of_demo.now, time_of_demo.uptime)
        os.kill(plex.pid, signal.SIGKILL)
        until(lambda: not plex.is_running)
        host.machine.look()
        assert host.faults()["crash"]
        host.break_("mend")
        assert identity(plex) == 200 and not any(host.faults().values())


# --- breaking ---


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_broken_is_told_and_mended(host: DemoHost, plex: DemoPlex, name: str) -> None:
    assert host.faults() == dict.fromkeys(FAULTS, False)
    host.break_(name)
    assert host.faults() == {**dict.fromkeys(FAULTS, False), name: True}
    host.break_("mend")
    assert host.faults() == dict.fromkeys(FAULTS, False)
    assert identity(plex) == 200


def test_a_film_goes_on_beside_another_fault_and_one_fault_of_the_server_replaces_the_other(host: DemoHost) -> None:
    for name in ("film", "folder", "hang", "crash"):
        host.break_(name)
    assert [name for name, on in host.faults().items() if on] == ["crash", "film", "folder"]


def test_a_restart_by_somebody_else_is_noticed_at_the_next_look(host: DemoHost, plex: DemoPlex) -> None:
    host.break_("hang")
    plex.restart(0.05, 0.05)
    until(lambda: mode_of(plex) == "ready")
    host.machine.look()
    assert not any(host.faults().values())


def test_a_fault_nobody_knows_is_refused_with_a_sentence(host: DemoHost) -> None:
    with pytest.raises(ValueError, match="'fire' is no fault of the demo; known are crash, hang"):
        host.break_("fire")


def test_the_folders_are_those_that_the_library_names(host: DemoHost) -> None:
    said = {path for section in build(Plan("demo"), int(NOW)).sections.values() for path in section.paths}
    assert set(FOLDERS) == said
    assert host.folders.look()["mounts"].value is True
    host.break_("folder")
    facts = host.folders.look()
    assert facts["mounts"] == Fact(False, "missing: /media/movies")
    assert facts["mount:/media/movies"].value is False and facts["mount:/media/music"].value is True


# --- the same server at every start ---


def test_days_later_it_is_the_same_library_so_that_what_was_remembered_holds() -> None:
    def told(now: int) -> list[tuple[object, ...]]:
        library = build(Plan("demo"), now)
        sections = [(one.key, one.uuid, one.title, one.paths) for one in library.sections.values()]
        items = [(item.key, item.title, item.guid, item.flaws, item.hopeless) for item in library.items.values()]
        return [*sections, *items]

    assert told(int(NOW)) == told(int(NOW) + 40 * 86_400 + 12_345)


def test_a_second_start_on_the_same_data_file_finds_the_server_it_knows(tmp_path: Path) -> None:
    """The identity is pinned in the data file; another one would be refused as another server."""
    pinned = []
    for _ in range(2):
        house = House(Settings(_env_file=None, psr_db_path=tmp_path / "demo.db"))
        try:
            client = house.open_client(10, Brake())
            assert isinstance(client, PlexClient)
            pinned.append(house.pin_server(client.server()))
            client.close()
        finally:
            house.close()
    assert pinned[0] == pinned[1]


# --- who may ---


def test_a_real_server_is_never_broken(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, plex_url="http://127.0.0.1:9", plex_token="t", psr_db_path=tmp_path / "real.db")
    house = House(settings)
    try:
        assert house.demo_faults() == {}
        for name in (*FAULTS, "mend"):
            with pytest.raises(RunError, match="not the demo"):
                house.demo_break(name, "ada")
    finally:
        house.close()


def test_the_demo_is_broken_only_where_its_watchdog_runs(tmp_path: Path) -> None:
    house = House(Settings(_env_file=None, psr_db_path=tmp_path / "demo.db"))
    try:
        assert set(house.demo_faults()) == set(FAULTS)
        with pytest.raises(RunError, match="Another process"):
            house.demo_break("hang", "ada")
        house.jobs.tick()  # takes the lease, as the engine does
        with pytest.raises(RunError, match="'fire' is no fault"):
            house.demo_break("fire", "ada")
        house.demo_break("hang", "ada")
        assert house.demo_faults()["hang"]
        able = house.watchtower.machine.abilities()
        assert able[Action.RESTART_PLEX].can and not able[Action.REBOOT].can
    finally:
        house.jobs.let_go()
        house.close()


# --- how often it looks ---


def test_the_demo_looks_every_twenty_seconds_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHECK_INTERVAL", raising=False)
    real = {"plex_url": "http://127.0.0.1:9", "plex_token": "t"}
    assert Settings(_env_file=None).watch_interval == 20
    assert Settings(_env_file=None, **real).watch_interval == 300
    assert Settings(_env_file=None, check_interval=300).watch_interval == 300
    monkeypatch.setenv("CHECK_INTERVAL", "60")
    assert Settings(_env_file=None).watch_interval == 60
    assert Settings(_env_file=None, **real).watch_interval == 60


def test_the_clock_of_the_program_fits_the_machine_of_the_demo(plex: DemoPlex) -> None:
    clock = SystemClock()
    facts = DemoMachine(lambda: plex, lambda: clock.now().timestamp(), clock.uptime).look()
    assert abs(float(facts["plex_started"].value or 0) + HEAD_START - clock.now().timestamp()) < 30
