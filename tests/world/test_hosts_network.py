"""Resetting network and name service of a Linux machine: by whoever manages the interface, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from machine_rig import DEFAULT_ROUTE, ROUTES, FakeCommands, make_root, networkd_manages, show

from keeper.rules.types import Action
from keeper.world.hosts import HostSettings
from keeper.world.hosts.linux import LinuxMachine
from keeper.world.hosts.networks import Networks
from keeper.world.hosts.rights import Rights

NM, NETWORKD, RESOLVED = "NetworkManager.service", "systemd-networkd.service", "systemd-resolved.service"


@pytest.fixture
def fake() -> FakeCommands:
    commands = FakeCommands()
    for program in ("systemctl", "nmcli", "networkctl", "ip", "ifdown", "ifup", "resolvectl", "nscd"):
        commands.on(program)
    return commands


def active(fake: FakeCommands, *units: str) -> None:
    """These run, all others do not exist."""
    fake.on("systemctl show", show(*units) if units else show("none.service", LoadState="not-found"))


def machine(fake: FakeCommands, root: Path, interface: str = "") -> LinuxMachine:
    return LinuxMachine(fake, HostSettings(interface=interface), root, Rights(fake, lambda: True))


# ---------------------------------------------------------------------------------------------- which interface


def test_the_interface_is_the_configured_one_then_that_of_the_route(fake, tmp_path):
    root = make_root(tmp_path, "eth0", "wlan0", route="wlan0")
    assert Networks(fake, root, "eth0").interface("wlan0") == "eth0"
    assert Networks(fake, root, "").interface("eth0") == "wlan0"
    (root / "proc/net/route").write_text(
        ROUTES + DEFAULT_ROUTE.format("wlan0", 600) + DEFAULT_ROUTE.format("eth0", 100)
    )
    assert Networks(fake, root, "").interface() == "eth0"


def test_without_a_route_the_last_good_one_counts_then_the_only_one_with_hardware(fake, tmp_path):
    one, two = make_root(tmp_path / "one", "eth0"), make_root(tmp_path / "two", "eth0", "eth1")
    (one / "sys/class/net/docker0").mkdir()
    assert Networks(fake, two, "").interface("eth1") == "eth1"
    assert Networks(fake, two, "").interface("gone9") == ""
    assert Networks(fake, two, "").interface() == "" and Networks(fake, one, "").interface() == "eth0"


@pytest.mark.parametrize(
    "text", ["", "garbage", ROUTES + "eth0\t00000000\n", ROUTES + "eth0\t0000A8C0\t0\t1\t0\t0\t0\t00FFFFFF\n"]
)
def test_a_table_without_default_route_names_no_interface(fake, tmp_path, text):
    root = make_root(tmp_path, "eth0", "eth1")
    (root / "proc/net/route").write_text(text)
    assert Networks(fake, root, "").interface() == ""


# ---------------------------------------------------------------------------------------------- who manages it


def test_networkmanager_applies_again_or_connects_anew(fake, tmp_path):
    active(fake, NM)
    fake.on("nmcli -g", "100 (connected)")
    here = machine(fake, make_root(tmp_path, "eth0", route="eth0"))
    assert here.act(Action.NET_SOFT, "").done is True
    assert here.act(Action.NET_HARD, "").done is True
    assert fake.acted() == [
        "nmcli --wait 45 device reapply eth0",
        "ip link set dev eth0 up",
        "nmcli --wait 45 device connect eth0",
    ]


def test_networkd_configures_again_or_goes_down_and_always_up(fake, tmp_path):
    active(fake, NETWORKD)
    root = make_root(tmp_path, "eth0", route="eth0")
    networkd_manages(root, 2)
    here = machine(fake, root)
    assert here.act(Action.NET_SOFT, "").done is True
    fake.on("networkctl down", code=None, timed_out=True)
    assert here.act(Action.NET_HARD, "").done is True
    assert fake.acted() == [
        "networkctl reconfigure eth0",
        "networkctl down eth0",
        "networkctl up eth0",
        "networkctl reconfigure eth0",
    ]


def test_networkmanager_leaves_what_it_does_not_manage_to_the_other(fake, tmp_path):
    active(fake, NM, NETWORKD)
    fake.on("nmcli -g", "10 (unmanaged)")
    root = make_root(tmp_path, "eth0", route="eth0")
    networkd_manages(root, 2, "unmanaged")
    here = machine(fake, root)
    assert here.abilities()[Action.NET_SOFT].can is False
    networkd_manages(root, 2, "configuring")
    assert "networkctl" in here.abilities()[Action.NET_SOFT].sentence


@pytest.mark.parametrize("file", ["interfaces", "interfaces.d/wired"])
def test_ifupdown_has_the_hard_way_only(fake, tmp_path, file):
    active(fake)
    root = make_root(tmp_path, "eth0", route="eth0")
    (root / "etc/network" / file).parent.mkdir(exist_ok=True)
    (root / "etc/network" / file).write_text("auto eth0\niface eth0 inet dhcp\n")
    here = machine(fake, root)
    assert here.act(Action.NET_SOFT, "").done is False
    assert here.act(Action.NET_HARD, "").done is True
    assert fake.acted() == ["ifdown --force eth0", "ifup eth0"]


def test_where_nobody_would_put_the_routes_back_nothing_is_taken_down(fake, tmp_path):
    active(fake)
    root = make_root(tmp_path, "eth0", "eth00", route="eth0")
    (root / "etc/network/interfaces").write_text("iface eth00 inet dhcp\n")
    can = machine(fake, root).abilities()
    for action in (Action.NET_SOFT, Action.NET_HARD):
        assert can[action].can is False and "routes" in can[action].sentence
        assert machine(fake, root).act(action, "eth0").done is False
    assert fake.acted() == []


def test_what_can_be_done_is_known_also_when_the_route_is_gone_and_there_are_two_interfaces(fake, tmp_path):
    """It is asked just then: when an incident opens."""
    active(fake, NETWORKD)
    root = make_root(tmp_path, "eth0", "eth1")
    networkd_manages(root, 3)
    assert machine(fake, root).abilities()[Action.NET_SOFT].can is False
    here = LinuxMachine(fake, HostSettings(), root, Rights(fake, lambda: True), remembered=lambda: "eth1")
    assert here.abilities()[Action.NET_SOFT].can is True
    assert here.act(Action.NET_SOFT, "").done is True
    assert fake.acted() == ["networkctl reconfigure eth1"]


def test_an_interface_that_is_unknown_or_not_there_is_refused_with_a_cure(fake, tmp_path):
    active(fake, NM)
    root = make_root(tmp_path, "eth0", "eth1")
    for name in ("", "eth7", "-x", "../../etc", "a" * 16):
        can = machine(fake, root, name).abilities()[Action.NET_HARD]
        assert can.can is False and "NETWORK_INTERFACE" in can.mend
    assert fake.acted() == []


# ---------------------------------------------------------------------------------------------- name service


def test_the_resolver_is_emptied_cleaned_and_then_restarted(fake, tmp_path):
    active(fake, RESOLVED, NETWORKD)
    root = make_root(tmp_path, "eth0", route="eth0")
    networkd_manages(root, 2)
    assert machine(fake, root).act(Action.DNS_RESET, "").done is True
    assert fake.acted() == [
        "resolvectl flush-caches",
        "resolvectl revert eth0",
        f"systemctl restart {RESOLVED}",
    ]


def test_servers_that_nobody_would_hand_out_again_are_left_alone(fake, tmp_path):
    active(fake, RESOLVED)
    assert machine(fake, make_root(tmp_path, "eth0", route="eth0")).act(Action.DNS_RESET, "").done is True
    assert fake.acted() == ["resolvectl flush-caches", f"systemctl restart {RESOLVED}"]


def test_a_hung_resolver_holds_up_the_restart_for_a_few_seconds_only(fake, tmp_path):
    active(fake, RESOLVED)
    fake.on("resolvectl", code=None, timed_out=True)
    acted = machine(fake, make_root(tmp_path)).act(Action.DNS_RESET, "")
    assert acted.done is True and fake.limits[fake.lines.index("resolvectl flush-caches")] == 3


def test_a_dead_resolver_is_started_when_the_machine_relies_on_it(fake, tmp_path):
    fake.on("systemctl show", show(RESOLVED, ActiveState="inactive"))
    root = make_root(tmp_path)
    assert machine(fake, root).abilities()[Action.DNS_RESET].can is False
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.53\n")
    assert machine(fake, root).act(Action.DNS_RESET, "").done is True


def test_other_caches_are_emptied_too(fake, tmp_path):
    active(fake, "nscd.service", "dnsmasq.service")
    assert machine(fake, make_root(tmp_path)).act(Action.DNS_RESET, "").done is True
    assert fake.acted() == ["nscd -i hosts", "systemctl kill -s HUP dnsmasq.service"]


@pytest.mark.parametrize("state", [{}, {"ActiveState": "failed", "Result": "signal"}])
def test_a_dnsmasq_that_this_machine_asks_is_restarted_also_when_it_crashed(fake, tmp_path, state):
    fake.on("systemctl show", show("dnsmasq.service", **state))
    root = make_root(tmp_path)
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    assert machine(fake, root).act(Action.DNS_RESET, "").done is True
    assert fake.acted() == ["systemctl restart dnsmasq.service"]


@pytest.mark.parametrize("state", [{"ActiveState": "inactive"}, {"ActiveState": "failed", "Result": "exit-code"}])
def test_a_dnsmasq_that_was_stopped_or_could_not_start_is_left_alone(fake, tmp_path, state):
    """Another resolver may have its port, and would not get it back."""
    fake.on("systemctl show", show("dnsmasq.service", **state))
    root = make_root(tmp_path)
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    assert machine(fake, root).abilities()[Action.DNS_RESET].can is False


def test_without_any_local_name_service_there_is_nothing_to_reset(fake, tmp_path):
    active(fake)
    can = machine(fake, make_root(tmp_path)).abilities()[Action.DNS_RESET]
    assert can.can is False and "nothing to reset" in can.sentence
    fake.on("systemctl show", code=None, timed_out=True)
    assert machine(fake, tmp_path).act(Action.DNS_RESET, "").done is False


def test_a_reboot_is_asked_of_systemd(fake, tmp_path):
    assert machine(fake, make_root(tmp_path / "a")).act(Action.REBOOT, "").done is True
    assert fake.lines == ["systemctl reboot"]
    can = machine(fake, make_root(tmp_path / "b", systemd=False)).abilities()[Action.REBOOT]
    assert can.can is False and "REBOOT_COMMAND" in can.mend
