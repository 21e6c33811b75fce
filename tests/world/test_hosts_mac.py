"""Plex on a Mac, with commands that only pretend: nobody had a Mac to try it on."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from machine_rig import FakeCommands, FixedClock, program, start

from keeper.rules.types import Action
from keeper.world.hosts import HostSettings
from keeper.world.hosts.macos import MacMachine
from keeper.world.hosts.macos_words import NetworkService, default_device, job_state, network_services, uses_dhcp
from keeper.world.hosts.rights import Rights

MAIN = "Plex Media Server"


@pytest.fixture(autouse=True)
def no_processes(monkeypatch) -> None:
    """Only processes that a test starts itself count."""
    monkeypatch.setattr(psutil, "process_iter", lambda: iter(psutil.Process().children()))


@pytest.fixture
def fake() -> FakeCommands:
    return FakeCommands()


ORDER = """An asterisk (*) denotes that a network service is disabled.
(1) USB 10/100/1000 LAN
(Hardware Port: USB 10/100/1000 LAN, Device: en7)

(2) Ethernet (old)
(Hardware Port: Ethernet, Device: en0)

(*) Bluetooth PAN
(Hardware Port: Bluetooth PAN, Device: en8)

(3) Wi-Fi
(Hardware Port: Wi-Fi, Device: en1)

(4) My VPN
(Hardware Port: com.wireguard.macos, Device: )
"""
ROUTE = (
    "   route to: default\ndestination: default\n    gateway: 192.168.1.1\n  interface: {}\n      flags: <UP,GATEWAY>\n"
)


def test_network_services_are_read_with_their_devices():
    services = network_services(ORDER)
    assert [service.device for service in services] == ["en7", "en0", "en8", "en1", ""]
    assert services[1] == NetworkService("Ethernet (old)", "Ethernet", "en0", True)
    assert services[2] == NetworkService("Bluetooth PAN", "Bluetooth PAN", "en8", False)
    assert network_services("") == network_services("(Hardware Port: Wi-Fi, Device: en1)\n(1) Lonely\n") == []


def test_the_default_device_and_the_way_of_the_address_are_read():
    assert default_device(ROUTE.format("en1")) == "en1"
    assert default_device("route: writing to routing socket: not in table\n") == ""
    assert uses_dhcp("DHCP Configuration\nIP address: 192.168.1.5\n") and not uses_dhcp("Manual Configuration\n")


def test_the_state_of_a_launchd_job_is_read_at_its_top_level():
    inner = "\tendpoints = {\n\t\tstate = other\n\t}\n"
    text = "gui/501/org.x = {\n\tactive count = 1\n\tstate = running\n\truns = 2\n\tpid = 411\n" + inner + "}"
    assert job_state(text) == {"state": "running", "runs": "2", "pid": "411"}


# ---------------------------------------------------------------------------------------------- macOS


class Mac(MacMachine):
    """With somebody at its screen."""

    screen = 501

    def _screen_user(self) -> int:
        return self.screen


def mac(fake: FakeCommands, root: Path, user: int = 501, **settings: Any) -> Mac:
    return Mac(fake, HostSettings(**settings), FixedClock(), root, Rights(fake, lambda: True), user)


def test_whoever_owns_the_console_is_at_the_screen(fake, tmp_path):
    machine = MacMachine(fake, HostSettings(), FixedClock(), tmp_path)
    assert machine._screen_user() == 0
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/console").touch()
    assert machine._screen_user() == os.getuid()


def test_a_mac_without_label_has_no_service_but_a_boot(fake, tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "boot_time", lambda: FixedClock().now().timestamp() - 1000)
    fake.on("sysctl -n kern.bootsessionuuid", "AA-BB")
    facts = mac(fake, tmp_path).look()
    assert facts["service"] == (None, "no_service_manager") and facts["process"] == (False, "gone")
    assert facts["boot_id"].value == "AA-BB" and facts["uptime_s"].value == 1000 and facts["updating"].value is False


@pytest.mark.parametrize(
    ("out", "code", "fact"),
    [
        ("x = {\n\tstate = running\n}", 0, (True, "active")),
        ("x = {\n\tstate = not running\n\tlast exit code = 0\n}", 0, (False, "inactive")),
        ("x = {\n\tstate = not running\n\tlast exit code = (never exited)\n}", 0, (False, "inactive")),
        ("x = {\n\tstate = not running\n\tlast exit code = 9: killed\n}", 0, (False, "failed")),
        ("Could not find service", 113, (None, "unknown_unit")),
        ("", None, (None, "no_answer")),
    ],
)
def test_a_label_is_asked_of_launchd(fake, tmp_path, out, code, fact):
    fake.on("launchctl print gui/501/tv.plex.server", out, code)
    assert mac(fake, tmp_path, plex_service="tv.plex.server").look()["service"] == fact


def test_a_labelled_plex_is_restarted_by_launchd(fake, tmp_path):
    fake.on("launchctl")
    assert mac(fake, tmp_path, plex_service="tv.plex.server").act(Action.RESTART_PLEX, "").done is True
    assert fake.lines == ["launchctl kickstart -k gui/501/tv.plex.server"]


def test_the_app_is_asked_to_quit_ended_if_it_hangs_and_opened_again(fake, tmp_path, monkeypatch):
    fake.on("open")
    fake.on("osascript", code=1, err="timed out")
    monkeypatch.setattr("keeper.world.hosts.macos._QUIT_SECONDS", 0.1)
    plex = start(program(tmp_path / "lib", MAIN))
    try:
        machine = mac(fake, tmp_path)
        while machine.main_process() is None:
            pass
        plex.send_signal(signal.SIGSTOP)
        acted = machine.act(Action.RESTART_PLEX, "")
    finally:
        plex.kill()
        plex.wait()
    assert acted.done is True
    assert fake.ran == [("osascript", "-e", f'tell application "{MAIN}" to quit'), ("open", "-a", MAIN)]
    fake.ran.clear()
    assert machine.act(Action.RESTART_PLEX, "").done is True and fake.ran == [("open", "-a", MAIN)]


def test_root_has_no_screen_and_borrows_the_session_of_who_has_one(fake, tmp_path):
    fake.on("launchctl asuser")
    assert mac(fake, tmp_path, user=0).act(Action.RESTART_PLEX, "").done is True
    assert fake.lines == [f"launchctl asuser 501 sudo -u #501 open -a {MAIN}"]


def test_without_a_session_an_app_cannot_be_opened(fake, tmp_path):
    assert mac(fake, tmp_path, user=502).abilities()[Action.RESTART_PLEX].can is False
    machine = mac(fake, tmp_path)
    machine.screen = 0
    can = machine.abilities()[Action.RESTART_PLEX]
    assert can.can is False and "logged in" in can.sentence
    assert machine.act(Action.RESTART_PLEX, "").done is False and "open" not in " ".join(fake.lines)


def test_only_the_service_of_the_default_route_is_reset(fake, tmp_path):
    fake.on("networksetup")
    fake.on("networksetup -listnetworkserviceorder", ORDER)
    fake.on("networksetup -getinfo", "DHCP Configuration\n")
    fake.on("route", ROUTE.format("en1"))
    fake.on("ipconfig")
    machine = mac(fake, tmp_path)
    assert machine.act(Action.NET_SOFT, "en0").done and machine.act(Action.NET_HARD, "en0").done
    fake.on("route", ROUTE.format("en0"))
    assert machine.act(Action.NET_HARD, "").done is True
    assert fake.acted()[-5:] == [
        "ipconfig set en1 DHCP",
        "networksetup -setairportpower en1 off",
        "networksetup -setairportpower en1 on",
        "networksetup -setnetworkserviceenabled Ethernet (old) off",
        "networksetup -setnetworkserviceenabled Ethernet (old) on",
    ]


def test_an_address_set_by_hand_a_disabled_service_and_a_tunnel_are_left_alone(fake, tmp_path):
    fake.on("networksetup -listnetworkserviceorder", ORDER)
    fake.on("networksetup -getinfo", "Manual Configuration\n")
    for device, action in (("en0", Action.NET_SOFT), ("en8", Action.NET_HARD), ("utun3", Action.NET_HARD)):
        fake.on("route", ROUTE.format(device))
        machine = mac(fake, tmp_path)
        assert machine.abilities()[action].can is False and machine.act(action, "en1").done is False
    assert not any("off" in argv for argv in fake.ran)


def test_switching_on_again_is_tried_twice(fake, tmp_path):
    fake.on("networksetup -listnetworkserviceorder", ORDER)
    fake.on("networksetup -setairportpower en1 off")
    fake.on("networksetup -setairportpower en1 on", code=5, err="busy")
    fake.on("route", code=1, err="not in table")
    assert mac(fake, tmp_path).act(Action.NET_HARD, "en1").done is False
    assert [argv[-1] for argv in fake.ran[-3:]] == ["off", "on", "on"]


def test_name_service_and_reboot_of_a_mac(fake, tmp_path):
    for name in ("dscacheutil", "killall", "shutdown"):
        fake.on(name)
    machine = mac(fake, tmp_path)
    assert machine.act(Action.DNS_RESET, "").done and machine.act(Action.REBOOT, "").done
    assert fake.lines == ["dscacheutil -flushcache", "killall -HUP mDNSResponder", "shutdown -r now"]
