"""The machine of Plex on Linux: units, restarts, rights; and which machine it is. The commands only pretend."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from machine_rig import FakeCommands, FixedClock, make_root, networkd_manages, program, show, start

from keeper.rules.types import Action, Fact
from keeper.world.hosts import HostSettings, choose
from keeper.world.hosts.linux import LinuxMachine
from keeper.world.hosts.macos import MacMachine
from keeper.world.hosts.none import NoMachine
from keeper.world.hosts.recipes import ACTIONS
from keeper.world.hosts.rights import Rights
from keeper.world.hosts.units import is_of_plex, parse_show, service_facts, unit_of

UNIT = "plexmediaserver.service"


@pytest.fixture(autouse=True)
def no_processes(monkeypatch) -> None:
    """Only processes that a test starts itself count."""
    monkeypatch.setattr(psutil, "process_iter", lambda: iter(psutil.Process().children()))


@pytest.fixture
def fake() -> FakeCommands:
    commands = FakeCommands()
    commands.on("systemctl")
    commands.on("systemctl show", show(UNIT))
    return commands


def linux(fake: FakeCommands, root: Path, settings: HostSettings | None = None, root_user: bool = True) -> LinuxMachine:
    return LinuxMachine(fake, settings or HostSettings(), root, Rights(fake, lambda: root_user))


# ---------------------------------------------------------------------------------------------- systemd


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        ({"ActiveState": "active", "SubState": "running"}, (True, "active")),
        ({"ActiveState": "reloading"}, (True, "active")),
        ({"ActiveState": "failed", "Result": "start-limit-hit"}, (False, "failed")),
        ({"ActiveState": "inactive", "Result": "success"}, (False, "inactive")),
        ({"ActiveState": "inactive", "LoadState": "masked"}, (False, "inactive")),
        ({"ActiveState": "inactive", "Job": "4711"}, (None, "activating")),
        ({"ActiveState": "activating", "SubState": "auto-restart"}, (None, "activating")),
        ({"ActiveState": "deactivating"}, (None, "deactivating")),
        ({"ActiveState": "inactive", "LoadState": "not-found"}, (None, "unknown_unit")),
        ({"ActiveState": "of-tomorrow"}, (None, "unknown_unit")),
    ],
)
def test_the_words_of_systemd_become_a_fact(said, fact):
    assert service_facts(parse_show(show(UNIT, **said))[0])["service"] == fact


def test_restarts_by_systemd_are_counted():
    assert service_facts(parse_show(show(UNIT, NRestarts="7"))[0])["service_restarts"] == (7.0, "")
    assert "service_restarts" not in service_facts(parse_show(show(UNIT, NRestarts="[not set]"))[0])


def test_several_units_come_as_blocks_and_values_may_hold_signs():
    text = "Id=a.service\nExecStart={ path=/bin/x ; argv[]=x=y }\n\nId=b.service\nJob=\n"
    assert parse_show(text) == [
        {"Id": "a.service", "ExecStart": "{ path=/bin/x ; argv[]=x=y }"},
        {"Id": "b.service", "Job": ""},
    ]
    assert parse_show("") == [] and parse_show("garbage\n\n\n") == []


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/system.slice/plexmediaserver.service\n", UNIT),
        (
            "0::/system.slice/snap.plexmediaserver.plexmediaserver.service\n",
            "snap.plexmediaserver.plexmediaserver.service",
        ),
        ("12:pids:/x\n1:name=systemd:/system.slice/plexmediaserver.service\n0::/\n", UNIT),
        ("0::/system.slice/plex.service/libpod-payload-1\n", "plex.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/plex.service\n", ""),
        ("0::/user.slice/user-1000.slice/session-2.scope\n", ""),
        ("0::/system.slice/docker-" + "a" * 64 + ".scope\n", ""),
        ("0::/\n", ""),
        ("", ""),
    ],
)
def test_the_unit_of_a_process_stands_in_its_cgroup(cgroup, unit):
    assert unit_of(cgroup) == unit


def test_a_unit_that_plex_was_merely_started_from_is_not_its_own():
    assert is_of_plex({"Id": UNIT, "MainPID": "1"}, 9) and is_of_plex({"Id": "media.service", "MainPID": "9"}, 9)
    assert not is_of_plex({"Id": "cron.service", "MainPID": "5"}, 9)


def test_the_look_asks_systemd_once_and_briefly(fake, tmp_path):
    facts = linux(fake, make_root(tmp_path)).look()
    assert facts["service"] == (True, "active") and facts["service_restarts"] == (0.0, "")
    assert facts["uptime_s"].value == 5000.25 and facts["boot_id"].value == "c0ffee"
    assert facts["process"] == (False, "gone") and facts["updating"] == (False, "")
    assert len(fake.ran) == 1 and fake.limits == [3.0] and fake.ran[0][:2] == ("systemctl", "show")


def test_a_usual_unit_is_found_and_kept_and_a_named_one_is_asked_for_alone(fake, tmp_path):
    root = make_root(tmp_path)
    unknown = show("plexmediaserver.service", LoadState="not-found", ActiveState="inactive")
    fake.on("systemctl show", unknown + "\n\n" + show("snap.plexmediaserver.plexmediaserver.service"))
    machine = linux(fake, root)
    assert machine.look()["service"].value is True
    machine.look()
    assert fake.ran[-1][-1] == "snap.plexmediaserver.plexmediaserver.service" and UNIT not in fake.ran[-1]
    linux(fake, root, HostSettings(plex_service="media")).look()
    assert fake.ran[-1][4:] == ("media.service",)


def test_a_unit_left_over_from_another_installation_does_not_hide_the_real_one(fake, tmp_path):
    idle, snap = show(UNIT, ActiveState="inactive"), "snap.plexmediaserver.plexmediaserver.service"
    machine = linux(fake, make_root(tmp_path))
    fake.on("systemctl show", idle)
    assert machine.look()["service"] == (False, "inactive")
    fake.on("systemctl show", idle + "\n\n" + show(snap, ActiveState="failed"))
    assert machine.look()["service"] == (False, "failed")
    machine.look()
    assert fake.ran[-1][4:] == (snap,)


def test_the_unit_of_the_running_process_wins_over_the_usual_ones(fake, tmp_path):
    root = make_root(tmp_path / "root")
    plex = start(program(tmp_path, "Plex Media Server"))
    try:
        (root / f"proc/{plex.pid}").mkdir()
        (root / f"proc/{plex.pid}/cgroup").write_text("0::/system.slice/media.service\n")
        fake.on("systemctl show", show("media.service", MainPID=str(plex.pid)) + "\n\n" + show(UNIT))
        machine = linux(fake, root)
        _until_seen(machine)
        assert machine.look()["service"].value is True and "media.service" in fake.ran[-1]
    finally:
        plex.kill()
        plex.wait()
    machine.look()
    assert fake.ran[-1][4:] == ("media.service",)  # remembered although nothing shows it any more


def test_a_plex_started_by_another_service_does_not_have_that_one_restarted(fake, tmp_path):
    root = make_root(tmp_path / "root")
    plex = start(program(tmp_path, "Plex Media Server"))
    try:
        (root / f"proc/{plex.pid}").mkdir()
        (root / f"proc/{plex.pid}/cgroup").write_text("0::/system.slice/cron.service\n")
        fake.on("systemctl show", show("cron.service", MainPID="1") + "\n\n" + show(UNIT, LoadState="not-found"))
        machine = linux(fake, root)
        _until_seen(machine)
        assert machine.look()["service"] == (None, "unknown_unit")
        assert machine.abilities()[Action.RESTART_PLEX].can is False
    finally:
        plex.kill()
        plex.wait()


def test_without_systemd_or_its_answer_the_service_is_unknown(fake, tmp_path):
    assert linux(fake, make_root(tmp_path / "a", systemd=False)).look()["service"] == (None, "no_service_manager")
    assert fake.ran == []
    fake.on("systemctl show", code=None, timed_out=True)
    assert linux(fake, make_root(tmp_path / "b")).look()["service"] == (None, "no_answer")
    fake.on("systemctl show", code=1, err="Failed to connect to bus")
    assert linux(fake, make_root(tmp_path / "c")).look()["service"] == (None, "no_answer")


def test_a_name_that_would_be_an_option_is_never_passed_on(fake, tmp_path):
    machine = linux(fake, make_root(tmp_path), HostSettings(plex_service="--root=/tmp"))
    assert machine.look()["service"] == (None, "unknown_unit")
    assert machine.act(Action.RESTART_PLEX, "").done is False
    assert fake.ran == []


def test_plex_on_another_machine_is_unknown_and_not_restarted_from_here(fake, tmp_path):
    machine = linux(fake, make_root(tmp_path), HostSettings(local=False))
    facts = machine.look()
    assert all(facts[name] == Fact(None, "elsewhere") for name in ("process", "service", "updating"))
    assert facts["uptime_s"].value == 5000.25 and fake.ran == []
    can = machine.abilities()
    assert can[Action.RESTART_PLEX].can is False and can[Action.REBOOT].can is False
    own = linux(fake, tmp_path, HostSettings(local=False, restart_command=("ssh", "nas", "restart-plex")))
    fake.on("ssh")
    assert own.act(Action.RESTART_PLEX, "").done is True and fake.lines[-1] == "ssh nas restart-plex"


# ---------------------------------------------------------------------------------------------- actions


def test_a_restart_forgets_the_start_limit_and_does_not_wait(fake, tmp_path):
    acted = linux(fake, make_root(tmp_path)).act(Action.RESTART_PLEX, "")
    assert fake.acted() == [f"systemctl reset-failed {UNIT}", f"systemctl --no-block restart {UNIT}"]
    assert acted.done is True and "ok in" in acted.said and "\n" not in acted.said


def test_what_became_of_a_command_is_told(fake, tmp_path):
    machine = linux(fake, make_root(tmp_path))
    fake.on("systemctl reset-failed", code=1, err="not loaded")
    assert machine.act(Action.RESTART_PLEX, "").done is True  # that one may fail
    fake.on("systemctl --no-block restart", code=4, err="Unit is\nmasked.")
    acted = machine.act(Action.RESTART_PLEX, "")
    assert acted.done is False and acted.said.endswith("answered 4: Unit is masked.")
    fake.on("systemctl --no-block restart", code=None, timed_out=True)
    assert machine.act(Action.RESTART_PLEX, "").done is None
    fake.on("systemctl --no-block restart", code=None, err="systemctl is not installed")
    assert machine.act(Action.RESTART_PLEX, "").done is False


def test_the_owner_s_own_commands_win_and_show_no_arguments(fake, tmp_path):
    own = HostSettings(restart_command=("curl", "-H", "X-Key: hush"), reboot_command=("nas-reboot", "hush"))
    machine = linux(fake, make_root(tmp_path), own, root_user=False)
    fake.on("curl", code=7, err="refused")
    fake.on("nas-reboot")
    said = machine.act(Action.RESTART_PLEX, "").said + machine.act(Action.REBOOT, "").said
    assert fake.ran == [("curl", "-H", "X-Key: hush"), ("nas-reboot", "hush")]
    can = machine.abilities()
    assert can[Action.RESTART_PLEX].can and can[Action.REBOOT].can
    assert "hush" not in said + can[Action.RESTART_PLEX].sentence


def test_saying_what_can_be_done_does_nothing(fake, tmp_path):
    root = make_root(tmp_path, "eth0", route="eth0")
    networkd_manages(root, 2)
    fake.on("systemctl show -p", show(UNIT, "systemd-networkd.service", "systemd-resolved.service"))
    fake.on("sudo", "/usr/bin/something")
    for root_user in (True, False):
        can = linux(fake, root, root_user=root_user).abilities()
        assert set(can) == set(ACTIONS) and all(ability.sentence for ability in can.values())
    assert fake.acted() == []


def test_what_is_no_matter_of_the_machine_is_refused(fake, tmp_path):
    for machine in (
        linux(fake, make_root(tmp_path)),
        NoMachine(fake, HostSettings()),
        MacMachine(fake, HostSettings(), FixedClock()),
    ):
        assert machine.act(Action.REACHABILITY, "eth0").done is False
        assert machine.act(Action.NONE, "").done is False
    assert fake.acted() == []


# ---------------------------------------------------------------------------------------------- rights

LISTING = """Matching Defaults entries for keeper on nas:
    env_reset, secure_path=/usr/bin

User keeper may run the following commands on nas:
"""
RESTART = f"/usr/bin/systemctl --no-block restart {UNIT}"


@pytest.mark.parametrize(
    ("rules", "can"),
    [
        (f"    (root) NOPASSWD: {RESTART}\n", True),
        (f"    (ALL : ALL) ALL\n    (root) NOPASSWD: /usr/bin/true, {RESTART}\n", True),
        ("    (ALL) NOPASSWD: ALL\n", True),
        (f"    (root) NOPASSWD: /usr/bin/true\n    (root) {RESTART}\n", None),
        ("    (root) NOPASSWD: /usr/bin/true\n    (ALL : ALL) ALL\n", None),
        ("    (root) NOPASSWD: /usr/bin/systemctl --no-block restart *\n", True),
        ("", None),
    ],
)
def test_sudo_is_asked_about_the_very_command_and_about_passwords(fake, tmp_path, rules, can):
    fake.on("sudo -n -l", LISTING + rules)
    fake.on("sudo -n -l systemctl", RESTART)
    fake.on("sudo -n systemctl")
    machine = linux(fake, make_root(tmp_path), root_user=False)
    assert machine.abilities()[Action.RESTART_PLEX].can is can
    assert ("sudo", "-n", "-l", "systemctl", "--no-block", "restart", UNIT) in fake.ran
    assert machine.act(Action.RESTART_PLEX, "").done is True
    assert fake.lines[-1] == f"sudo -n systemctl --no-block restart {UNIT}"


@pytest.mark.parametrize(
    ("code", "err", "word", "mend"),
    [
        (1, "sudo: a password is required", "without a password", "NOPASSWD: "),
        (1, 'sudo: The "no new privileges" flag is set', "NoNewPrivileges", "NoNewPrivileges"),
        (None, "sudo is not installed", "not to be had", "NOPASSWD: "),
    ],
)
def test_without_rights_nothing_is_run_and_the_cure_is_named(fake, tmp_path, code, err, word, mend):
    fake.on("sudo", code=code, err=err)
    machine = linux(fake, make_root(tmp_path), root_user=False)
    can = machine.abilities()[Action.RESTART_PLEX]
    assert can.can is False and word in can.sentence and mend in can.mend
    if mend == "NOPASSWD: ":
        assert f"systemctl reset-failed {UNIT}, " in can.mend and f"restart {UNIT}" in can.mend
    assert machine.act(Action.RESTART_PLEX, "").done is False and fake.acted() == []


# ---------------------------------------------------------------------------------------------- which machine


def test_the_machine_is_recognised(fake, tmp_path):
    def kind(root: Path, platform: str = "linux", **settings: object) -> str:
        return choose(fake, HostSettings(**settings), FixedClock(), root, platform).name

    plain, inside = make_root(tmp_path / "plain"), make_root(tmp_path / "inside", systemd=False)
    (inside / ".dockerenv").touch()
    assert kind(plain) == "linux" and kind(plain, "darwin") == "macos" and kind(plain, "win32") == "none"
    assert kind(inside) == "docker" and kind(inside, kind="none") == "none" and kind(inside, kind="linux") == "linux"
    assert kind(plain, kind="docker") == "docker" and kind(plain, kind="macos") == "macos"
    assert kind(plain, plex_service="plex") == "linux"  # there is no Docker
    fake.on("docker inspect", code=1, err="Cannot connect to the Docker daemon")
    assert kind(plain, plex_service="plex") == "linux"  # systemd knows it
    fake.on("systemctl show", show("plex.service", LoadState="not-found"))
    assert kind(plain, plex_service="plex") == "docker" and kind(plain, plex_service="plex.service") == "linux"
    assert kind(plain) == "linux"
    fake.on("docker ps", "media\tplexinc/pms-docker:latest\nweb\tnginx\n")
    assert kind(plain) == "docker" and kind(plain, local=False) == "linux"


@pytest.mark.parametrize(("kind", "platform"), [("linux", "linux"), ("docker", "linux"), ("macos", "darwin")])
def test_a_machine_is_told_which_interface_had_the_route_that_is_gone(fake, tmp_path, kind, platform):
    root = make_root(tmp_path, "en0", "en1")
    (root / "etc/network/interfaces").write_text("iface en1 inet dhcp\n")
    fake.on("networksetup -listnetworkserviceorder", "(1) Wi-Fi\n(Hardware Port: Wi-Fi, Device: en1)\n")
    for remembered in ("en1", ""):
        here = choose(fake, HostSettings(kind=kind), FixedClock(), root, platform, lambda name=remembered: name)
        assert ("en1" in here.abilities()[Action.NET_HARD].sentence) is (remembered == "en1")


def test_the_machine_of_nobody_knows_nothing_and_runs_only_what_the_owner_wrote(fake):
    machine = NoMachine(fake, HostSettings())
    assert {fact.value for fact in machine.look().values()} == {None}
    assert not any(ability.can for ability in machine.abilities().values())
    own = NoMachine(fake, HostSettings(restart_command=("synopkg", "restart", "PlexMediaServer")))
    fake.on("synopkg")
    assert own.act(Action.RESTART_PLEX, "").done is True and own.abilities()[Action.RESTART_PLEX].can is True


def _until_seen(machine: LinuxMachine) -> None:
    for _ in range(200):
        if machine.main_process() is not None:
            return
        subprocess.run([sys.executable, "-c", ""], check=False)
    pytest.fail("the process was not seen")
