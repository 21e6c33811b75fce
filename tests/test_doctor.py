"""`doctor`: what is not set up is found, said in a sentence, and has a mend."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from jobs import ENGINE
from keeper.__main__ import main
from keeper.config import Settings
from keeper.demo.process import DemoPlex
from keeper.doctor import network as line
from keeper.doctor import watchdog
from keeper.doctor.examination import examine
from keeper.doctor.network import clock_finding, seconds_ahead
from keeper.doctor.watchdog import Finding, action_finding, without_effect
from keeper.rules.types import Ability, Action, Armed, Cause, Check, Fact, Owner
from keeper.wiring import House

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
NAMES = {
    "python", "settings", "data file", "logs", "disk", "login", "time zone", "plex", "libraries", "folders", "disks",
    "network", "proxies", "clock", "engine", "last look", "watchdog", "action restart_plex", "action net_soft",
    "action net_hard", "action dns_reset", "action reboot", "outlets", "speed providers", "speed result",
}  # fmt: skip
SOUND: Mapping[str, Fact] = {
    "interface": Fact("eth7", "route"), "link_up": Fact(True), "carrier": Fact(True), "address": Fact(True),
    "route": Fact(True), "gateway": Fact(True), "internet": Fact(True), "dns": Fact(True), "dns_local": Fact(True),
    "plex_tv": Fact(True), "captive": Fact(False),
}  # fmt: skip


@pytest.fixture(scope="module")
def plex() -> Iterator[DemoPlex]:
    with DemoPlex(library="small") as running:
        yield running


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def settings(tmp_path: Path, plex: DemoPlex) -> Settings:
    return Settings(
        _env_file=None, plex_url=plex.url, plex_token=SecretStr(plex.token), psr_db_path=tmp_path / "keeper.db",
        psr_auth_config=tmp_path / "auth.yaml", host_kind="none", network_test_endpoints="none",
    )  # fmt: skip


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    house = House(settings)
    house.set_up_logging(quiet=True)
    yield house
    house.close()


def found(house: House) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(house)}


def check(**facts: Fact) -> Check:
    return Check(datetime.now(UTC), Cause.OK, "", facts, {}, None)


def test_everything_has_a_finding_and_whatever_is_wrong_has_a_mend(house: House) -> None:
    findings = found(house)
    assert findings.keys() == NAMES
    assert all(finding.sentence.endswith(".") for finding in findings.values())
    assert all(finding.mend for finding in findings.values() if finding.ok is False)
    assert findings["plex"].ok is True


def test_the_command_prints_the_same_as_one_document(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("plex_url", "psr_db_path", "psr_auth_config", "host_kind", "network_test_endpoints"):
        monkeypatch.setenv(name.upper(), str(getattr(settings, name)))
    monkeypatch.setenv("PLEX_TOKEN", settings.plex_token.get_secret_value())
    monkeypatch.setenv("KEEPER_ENV_FILE", "/dev/null")
    assert main(["doctor", "--json"]) == 1, "restarts are allowed, and this machine cannot do them"
    document = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in document} == NAMES
    assert {tuple(row) for row in document} == {("name", "ok", "sentence", "mend")}


def test_a_plex_that_is_down_is_found_and_the_rest_is_examined_all_the_same(house: House, plex: DemoPlex) -> None:
    plex.mode("refused")
    try:
        findings = found(house)
    finally:
        plex.mode("ready")
    assert (findings["plex"].ok, findings["plex"].mend) == (False, "Start Plex, or correct PLEX_URL.")
    assert findings["libraries"].ok is None
    assert findings.keys() >= NAMES


# ------------------------------------------------------------------------------------------------ actions

YES, NO, MAYBE = Ability(True, "It works.", ""), Ability(False, "No rights.", "Run as root."), Ability(None, "Perhaps.")


@pytest.mark.parametrize(
    ("able", "armed", "ok", "says", "mend"),
    [
        (YES, True, True, "allowed and possible", ""), (NO, True, False, "allowed, but not possible", "Run as root."),
        (MAYBE, True, None, "shows when it is tried", ""), (NO, False, None, "not possible", "Run as root."),
        (YES, False, None, "it could be", "python -m keeper arm reboot"),
        (Ability(False, "No."), True, False, "not possible", "python -m keeper disarm reboot"),
    ],
)  # fmt: skip
def test_what_is_allowed_has_to_be_possible(able: Ability, armed: bool, ok: bool | None, says: str, mend: str) -> None:
    finding = action_finding(Action.REBOOT, able, frozenset({Armed.REBOOT} if armed else ()))
    assert (finding.name, finding.ok, finding.mend) == ("action reboot", ok, mend)
    assert says in finding.sentence
    assert able.sentence in finding.sentence


def test_what_this_host_can_do_is_asked_of_the_host_itself(house: House, settings: Settings) -> None:
    assert found(house)["action restart_plex"].ok is False
    able = House(settings.model_copy(update={"plex_restart_command": "/bin/true"}))
    assert found(able)["action restart_plex"] == Finding(
        "action restart_plex", True, "Restart of Plex: allowed and possible. /bin/true (as this user)."
    )
    able.close()


ABLE = {Action.NET_SOFT: YES, Action.NET_HARD: YES, Action.REBOOT: YES}


@pytest.mark.parametrize(
    ("armed", "able", "rounds", "names"),
    [
        ({Armed.OUTAGE_REBOOT}, ABLE, 3, ["permission outage_reboot"]),
        ({Armed.OUTAGE_REBOOT, Armed.REBOOT, Armed.NETWORK}, ABLE, 3, []),
        ({Armed.REBOOT}, ABLE, 3, ["permission reboot"]),
        ({Armed.REBOOT, Armed.NETWORK}, ABLE, 3, []),
        ({Armed.REBOOT}, ABLE, 0, []),  # no rounds: nothing comes before the reboot
        ({Armed.REBOOT}, {Action.NET_SOFT: NO, Action.REBOOT: YES}, 3, []),  # what cannot be done is left out
    ],
)
def test_a_permission_that_comes_to_nothing_is_found(
    armed: set[Armed], able: dict[Action, Ability], rounds: int, names: list[str]
) -> None:
    findings = list(without_effect(frozenset(armed), able, rounds))
    assert [finding.name for finding in findings] == names
    assert all(finding.ok is False and "python -m keeper arm" in finding.mend for finding in findings)


def test_what_is_armed_and_held_is_told(house: House) -> None:
    assert found(house)["watchdog"] == Finding("watchdog", True, "Allowed: restart.")
    house.hold(house.clock.now() + timedelta(hours=1), "ada")
    held = found(house)["watchdog"]
    assert (held.ok, "hands are off until" in held.sentence) == (None, True)
    house.hold(house.clock.now() - timedelta(hours=1), "ada")
    assert found(house)["watchdog"].ok is True
    house.arm(frozenset(), "ada")
    assert found(house)["watchdog"].sentence.startswith("Nothing is allowed")


# ------------------------------------------------------------------------------------------------ who looks


def test_who_runs_the_engine_is_told_and_whether_he_lives(house: House) -> None:
    assert found(house)["engine"].ok is None
    me = house.host.me()
    house.memory.take_lease(ENGINE, me, "pid 1 on nas", 60, house.host.is_alive)
    assert found(house)["engine"].sentence.startswith("The engine is run by pid 1 on nas")
    house.memory.release_lease(ENGINE, me)
    house.memory.take_lease(ENGINE, me._replace(started=me.started - 50_000), "pid 2", 60, house.host.is_alive)
    dead = found(house)["engine"]
    assert (dead.ok, "is gone; nobody looks" in dead.sentence) == (False, True)


@pytest.mark.parametrize(("seconds", "ok"), [(60, True), (-60, False)])
def test_a_watchdog_on_another_machine_runs_as_long_as_it_is_heard_of(house: House, seconds: float, ok: bool) -> None:
    house.memory.take_lease(ENGINE, Owner("elsewhere:boot", 7, 7), "pid 7 on nas", seconds, house.host.is_alive)
    assert found(house)["engine"].ok is ok


def test_a_lease_that_was_spoiled_by_hand_is_nobodys(house: House) -> None:
    with house.database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO leases VALUES ('engine', 'spoiled', 'pid 9', '2099-01-01T00:00:00.000Z')"
        )
    assert found(house)["engine"].ok is False


def test_the_age_of_the_last_look_is_told(house: House) -> None:
    house.monitor.tick()
    assert found(house)["last look"].ok is True
    (last,) = [house.checks.last()]
    assert last is not None
    house.checks.remember(replace(last, at=last.at - timedelta(hours=3)), None)
    old = found(house)["last look"]
    assert (old.ok, old.mend) == (None, "Start it: make run")
    assert re.fullmatch(r"The last look was 3:00:\d\d ago \(h:mm:ss\); no service looks\.", old.sentence)
    house.memory.take_lease(ENGINE, house.host.me(), "pid 1", 60, house.host.is_alive)
    assert found(house)["last look"].ok is False


# ------------------------------------------------------------------------------------------------ folders, disks


def test_each_bad_folder_is_a_finding_of_its_own(house: House, tmp_path: Path) -> None:
    house.monitor.tick()  # Plex names the folders; on this machine there are none of that name
    findings = [finding for finding in examine(house) if finding.name.startswith("folder")]
    assert findings
    assert all((each.ok, "MOUNT_MAP" in each.mend) == (None, True) for each in findings)
    named = [each.path for each in house.folders()]
    facts = {f"mount:{path}": Fact(True) for path in named}
    (fine,) = watchdog.folders(house, check(**facts))
    assert (fine.name, fine.ok) == ("folders", True)
    (bad,) = watchdog.folders(house, check(**facts | {f"mount:{named[0]}": Fact(False, "empty")}))
    assert (bad.name, bad.ok) == (f"folder {named[0]}", False)
    assert f"python -m keeper folders --accept {named[0]}" in bad.mend


def test_disks_are_told_with_what_is_free(house: House) -> None:
    (full,) = watchdog.disks(house, check(disk=Fact(False, "full: /plex 0.2 GB of 9.0 GB free")))
    assert (full.ok, "full: /plex" in full.sentence) == (False, True)
    (fine,) = watchdog.disks(house, check(disk=Fact(True), **{"disk_free_gb:data": Fact(12.5, "of 90 GB")}))
    assert fine == Finding("disks", True, "The disks that Plex needs have room. Free: data 12.5 GB of 90 GB.")
    assert found(house)["disks"].ok is None


def test_a_real_disk_is_examined_when_it_is_named(settings: Settings, tmp_path: Path) -> None:
    house = House(settings.model_copy(update={"plex_data_dir": tmp_path}))
    finding = found(house)["disks"]
    house.close()
    assert finding.ok is not None
    assert "data " in finding.sentence


# ------------------------------------------------------------------------------------------------ network


def network(house: House, **facts: Fact) -> dict[str, Finding]:
    return {each.name: each for each in line.network(house, check(**{**SOUND, **facts}))}


def test_a_sound_network_has_only_good_findings(house: House) -> None:
    findings = network(house)
    assert {finding.ok for finding in findings.values()} == {True}
    assert findings["network interface"].sentence.startswith("eth7: up")


@pytest.mark.parametrize(
    ("fact", "name", "says"),
    [
        ("link_up", "network interface", "eth7 is switched off"), ("carrier", "network interface", "has no link"),
        ("address", "network interface", "no usable address"), ("route", "network interface", "no default route"),
        ("gateway", "router", "does not answer"), ("internet", "endpoints", "None of"),
        ("dns", "name service", "not found"), ("dns_local", "name servers", "do not answer"),
        ("plex_tv", "plex.tv", "as it should"),
    ],
)  # fmt: skip
def test_each_broken_step_is_named_and_mended_and_an_unknown_one_is_not_called_broken(
    house: House, fact: str, name: str, says: str
) -> None:
    broken, unknown = (network(house, **{fact: Fact(value, "so")})[name] for value in (False, None))
    assert (broken.ok, says in broken.sentence, bool(broken.mend)) == (False, True, True)
    assert (unknown.ok, "annot be told" in unknown.sentence) == (None, True)


def test_a_lost_address_of_plex_is_told_with_the_way_out(house: House) -> None:
    (lost,) = line.address(house, check(asked_over=Fact("loopback", "OSError")))
    assert (lost.ok, "PLEX_URL=http://127.0.0.1:" in lost.mend) == (False, True)
    assert list(line.address(house, check(asked_over=Fact(None, "refused")))) == []


# ------------------------------------------------------------------------------------------------ proxies


def proxies(house: House, **facts: Fact) -> Finding:
    (finding,) = line.proxies(house, check(**facts))
    return finding


def test_no_proxy_is_fine(house: House) -> None:
    assert proxies(house).ok is True


def test_a_proxy_that_would_take_calls_to_plex_is_told_without_its_password(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://ada:hush-hush@proxy.example:3128")
    finding = proxies(house)
    assert (finding.ok, finding.mend) == (None, "Add 127.0.0.1,plex.tv to NO_PROXY.")
    assert "HTTP_PROXY (proxy.example:3128)" in finding.sentence
    assert "hush-hush" not in str(finding)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert proxies(house).mend == "Add plex.tv to NO_PROXY."
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,plex.tv")
    assert proxies(house).ok is True


def test_where_nothing_answers_but_the_proxy_the_watchdog_is_to_ask_that(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://ada:hush-hush@proxy.example:3128")
    finding = proxies(house, internet=Fact(False, "silent"))
    assert (finding.ok, finding.mend.endswith("NETWORK_TEST_ENDPOINTS=proxy.example:3128")) == (False, True)
    assert "hush-hush" not in str(finding)


def test_plex_keeper_itself_goes_past_a_proxy(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    assert found(house)["plex"].ok is True


# ------------------------------------------------------------------------------------------------ the clock


@pytest.mark.parametrize(
    ("certificate", "apart", "ok", "says"),
    [
        (Fact(False, "clock"), 0.0, False, "not valid at the time of this machine"),
        (Fact(True), 2.0, True, "2 s ahead of"), (Fact(True), -61.0, False, "61 s behind"),
        (Fact(None, "late"), 3600.0, False, "One of the two"), (Fact(True), None, True, "certificate of plex.tv"),
        (Fact(None, "late"), None, None, "Nobody could be asked"),
        (Fact(False, "silent"), None, None, "Nobody could be asked"),
    ],
)  # fmt: skip
def test_the_clock_is_judged_by_whoever_can_tell(certificate: Fact, apart: float | None, ok: Any, says: str) -> None:
    finding = clock_finding(certificate, apart)
    assert (finding.ok, says in finding.sentence) == (ok, True)


def test_plex_on_the_same_machine_has_the_same_clock_and_proves_nothing(house: House) -> None:
    assert found(house)["clock"].ok is None


class Dated(BaseHTTPRequestHandler):
    """A Plex that says who it is and, as every web server, when."""

    date: str | None = None

    def do_GET(self) -> None:
        body = b'<MediaContainer claimed="1" machineIdentifier="abc" version="1.2"/>'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string() if self.date is None else self.date

    def log_message(self, *_: object) -> None:
        """The test says enough."""


@pytest.fixture
def dated(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house whose Plex sends a Date, and is taken for one on another machine."""
    monkeypatch.setattr(line, "is_here", lambda host: False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dated)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    house = House(settings.model_copy(update={"plex_url": f"http://127.0.0.1:{server.server_port}"}))
    yield house
    house.close()
    server.shutdown()
    server.server_close()


def test_the_date_that_plex_sends_tells_how_far_the_clocks_are_apart(
    dated: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    (right,) = line.clock(dated, check())
    assert (right.ok, "By the Date it sends" in right.sentence) == (True, True)
    really = dated.clock.now
    monkeypatch.setattr(dated.clock, "now", lambda: really() + timedelta(minutes=10))
    (wrong,) = line.clock(dated, check())
    assert (wrong.ok, bool(wrong.mend)) == (False, True)
    apart = re.search(r"Plex is (\d+) s behind this machine", wrong.sentence)
    assert apart is not None
    assert 590 < int(apart[1]) < 610


def test_a_date_that_is_none_tells_no_time(dated: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dated, "date", "soon")
    (finding,) = line.clock(dated, check())
    assert finding.ok is None


def test_a_plex_that_does_not_answer_tells_no_time(
    house: House, plex: DemoPlex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "is_here", lambda host: False)
    plex.mode("refused")
    try:
        (finding,) = line.clock(house, check())
    finally:
        plex.mode("ready")
    assert finding.ok is None


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0), ("Sun, 01 Mar 2026 11:59:00 -0000", -60.0), ("", None), ("soon", None),
    ],
)  # fmt: skip
def test_a_date_header_is_read_or_is_none(date: str, seconds: float | None) -> None:
    assert seconds_ahead(date, datetime(2026, 3, 1, 12, tzinfo=UTC)) == seconds
