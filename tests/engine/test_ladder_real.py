"""The network ladder against real faults: the watchdog lives in a home in network namespaces, and mends it or not.

Looks, commands, network manager, resolver and data file are real (see ladder_home); time moves when it is told to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from ladder_lab import LadderLab, why_not
from netlab import ROUTER

from keeper.rules.types import Action, Armed, Cause, StepKind, Taken

RECONFIGURE = ["networkctl reconfigure h0"]
DOWN_AND_UP = ["networkctl down h0", "networkctl up h0", *RECONFIGURE]
IFUPDOWN = ["ifdown --force h0", "ifup h0"]
MENDED = ["Trouble", "Network Restart", "Network Restart Success", "Trouble Over"]
RESTART_STUB = ["resolvectl flush-caches", "resolvectl revert h0", "systemctl restart systemd-resolved.service"]
RESTART_DNSMASQ = ["systemctl restart dnsmasq.service"]
STUB, DNSMASQ = ("systemd-resolved.service", "127.0.0.53"), ("dnsmasq.service", "127.0.0.1")


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LadderLab]:
    if reason := why_not():
        if "CI" in os.environ:  # there a missing tool is a failure
            pytest.fail(reason)
        pytest.skip(reason)
    with LadderLab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


Begin = Callable[..., LadderLab]


@pytest.fixture
def begin(standing: LadderLab, tmp_path: Path) -> Begin:
    """Begins a case: a sound network, managed and armed as the test says."""

    def began(*how: str, **options: object) -> LadderLab:
        standing.begin(tmp_path, *how, **options)
        return standing

    return began


def deeds(ledger: list[Taken]) -> list[tuple[Action, bool | None, bool | None]]:
    return [(taken.action, taken.done, taken.helped) for taken in ledger]


# ---------------------------------------------------------------------------------------------- what a rung mends

OWN_FAULTS = (
    ("link set h0 down", Cause.LINK_ADMIN_DOWN),
    ("addr flush dev h0", Cause.NO_ADDRESS),
    ("route del default", Cause.NO_ROUTE),
)


@pytest.mark.parametrize(("line", "cause"), OWN_FAULTS, ids=[cause.value for _, cause in OWN_FAULTS])
@pytest.mark.parametrize(
    ("manager", "action", "commands"),
    [("networkd", Action.NET_SOFT, RECONFIGURE), ("ifupdown", Action.NET_HARD, IFUPDOWN)],
)
def test_what_this_machine_lost_is_brought_back_by_its_manager_proved_and_told_once(
    begin: Begin, line: str, cause: Cause, manager: str, action: Action, commands: list[str]
):
    lab = begin(manager)
    lab.net.ip("home", line)
    seen = lab.until_acted()
    assert [look["cause"] for look in seen] == [cause.value] * 3, "named at once, acted upon when it was confirmed"
    lab.ask("await_address")
    lab.until_fine()
    assert lab.ran == commands
    assert deeds(lab.ledger()) == [(action, True, True)]
    assert (lab.incident.cause, lab.incident.actions) == (cause, (action,))
    assert (lab.story()[0], lab.story()[-1]) == (StepKind.OPENED, StepKind.CLOSED)
    assert lab.told() == MENDED


def test_the_harder_rung_follows_when_the_mild_one_mends_nothing(begin: Begin):
    """This networkd configures what is up, and switches nothing on."""
    lab = begin("networkd that leaves links alone")
    lab.net.ip("home", "link set h0 down")
    assert lab.until_acted()[-1]["ran"] == RECONFIGURE
    assert lab.until_acted()[-1]["ran"] == DOWN_AND_UP
    lab.ask("await_address")
    lab.until_fine()
    assert deeds(lab.ledger()) == [(Action.NET_SOFT, True, False), (Action.NET_HARD, True, True)]
    assert lab.told() == ["Trouble", "Network Restart", "Network Restart", "Network Restart Success", "Trouble Over"]


def test_the_interface_is_still_known_when_the_service_starts_in_the_middle_of_the_fault(begin: Begin):
    lab = begin()
    lab.net.ip("home", "route del default")
    lab.look()
    lab.ask("restart_service")
    lab.until_acted()
    lab.ask("await_address")
    lab.until_fine()
    assert lab.ran == RECONFIGURE


def test_an_address_that_nobody_hands_out_ends_the_ladder_after_three_rounds(begin: Begin, dhcp: list[str]):
    lab = begin("networkd with dhcp", before=lambda net: net.name_server(*dhcp))
    lab.net.name_server()
    lab.net.ip("home", "addr flush dev h0")
    seen = lab.looks(13, after=60)
    assert {look["cause"] for look in seen} == {"no_address"}
    assert lab.ran == [*RECONFIGURE, *DOWN_AND_UP] * 3
    assert {taken.helped for taken in lab.ledger()} == {False}
    assert lab.told() == ["Trouble", *["Network Restart"] * 6, "Would Have Acted"], "a reboot, which is not allowed"
    lab.net.name_server(*dhcp)
    lab.ask("await_address")
    lab.until_fine()
    assert lab.told()[-1] == "Trouble Over" and "Network Restart Success" not in lab.told()


# ---------------------------------------------------------------------------------------------- what nothing mends


class Fault(NamedTuple):
    name: str
    breaks: Callable[[LadderLab], object]
    cause: Cause


LINE_FAULTS = (
    Fault("black hole", lambda lab: lab.net.filter("internet", "here drop"), Cause.INTERNET_DOWN),
    Fault(
        "only plex.tv",
        lambda lab: lab.net.filter("router", "through ip daddr 198.51.100.10 meta l4proto tcp reject with tcp reset"),
        Cause.PLEX_TV_DOWN,
    ),
    Fault(
        "captive portal",
        lambda lab: lab.net.filter("router", "before tcp dport { 80, 443 } redirect to :8080"),
        Cause.CAPTIVE_PORTAL,
    ),
    Fault("clock slow", lambda lab: lab.net.certificate("not_yet"), Cause.CLOCK_WRONG),
    Fault("clock fast", lambda lab: lab.net.certificate("expired"), Cause.CLOCK_WRONG),
    Fault("cable", lambda lab: lab.net.ip("switch", "link set port-home down"), Cause.LINK_DOWN),
    Fault("router", lambda lab: switch_router_off(lab), Cause.GATEWAY_DOWN),
)


def switch_router_off(lab: LadderLab) -> None:
    lab.net.ip("switch", "link set port-router down")
    lab.net.ip("home", "neigh flush all")


@pytest.mark.parametrize("fault", LINE_FAULTS, ids=lambda fault: fault.name)
def test_what_nothing_here_can_mend_is_told_once_and_nothing_is_run(begin: Begin, fault: Fault):
    lab = begin()
    fault.breaks(lab)
    assert [look["cause"] for look in lab.looks(3, after=60)] == [fault.cause.value] * 3
    assert lab.told() == ["Trouble"]
    lab.net.mend_line()
    lab.until_fine()
    assert lab.ran == []
    assert lab.ledger() == []
    assert lab.told() == ["Trouble", "Trouble Over"]


@pytest.mark.parametrize("fault", LINE_FAULTS[-2:], ids=lambda fault: fault.name)
def test_a_dead_cable_or_router_gets_one_hard_reset_after_a_quarter_of_an_hour_and_no_more(begin: Begin, fault: Fault):
    lab = begin(probe_seconds=0.4)
    fault.breaks(lab)
    waited = lab.until_acted(most=20, after=60)
    assert len(waited) == 16, "seen for 900 s"
    assert waited[-1]["ran"] == DOWN_AND_UP
    if fault.cause is Cause.GATEWAY_DOWN:  # without a carrier its manager gives it no address before it is mended
        lab.ask("await_address")
    after = lab.looks(3, after=60)
    assert [(look["cause"], look["ran"]) for look in after] == [(fault.cause.value, [])] * 3
    lab.net.mend_line()
    lab.ask("await_address")
    lab.until_fine()
    assert deeds(lab.ledger()) == [(Action.NET_HARD, True, False)]
    assert lab.told() == ["Trouble", "Network Restart", "Would Have Acted", "Trouble Over"]


def test_where_no_manager_would_bring_it_back_the_interface_is_left_alone(begin: Begin):
    lab = begin("nobody")
    lab.net.ip("home", "route del default")
    assert lab.looks(5)[-1]["reason"] == "not_able", "that no reset is possible here is what the owner has to know"
    assert lab.ran == []
    assert lab.told() == ["Trouble", "Cannot Act"]


@pytest.mark.parametrize("line", ["route del default", "addr flush dev h0"])
def test_what_is_not_armed_is_told_once_and_not_done(begin: Begin, line: str):
    lab = begin(armed=[Armed.RESTART, Armed.DNS])
    lab.net.ip("home", line)
    seen = lab.looks(8)
    assert (seen[-1]["reason"], seen[-1]["wanted"]) == ("not_armed", "net_soft")
    assert lab.ran == []
    assert lab.told() == ["Trouble", "Would Have Acted"]


# ---------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize("sign", ["KILL", "STOP"])
@pytest.mark.parametrize(
    ("resolver", "cause", "commands"),
    [(STUB, Cause.DNS_STUB, RESTART_STUB), (DNSMASQ, Cause.DNS_DOWN, RESTART_DNSMASQ)],
    ids=["stub", "dnsmasq"],
)
def test_a_local_resolver_that_died_or_hangs_is_started_anew_once(
    begin: Begin, resolver: tuple[str, str], cause: Cause, commands: list[str], sign: str
):
    lab = begin()
    lab.local_resolver(*resolver)
    assert lab.look()["cause"] == "ok"
    lab.ask("signal", name=resolver[0], sign=sign)
    assert lab.until_acted()[-1]["cause"] == cause.value
    lab.until_fine()
    assert lab.ran == commands
    assert deeds(lab.ledger()) == [(Action.DNS_RESET, True, True)]
    assert lab.told() == ["Trouble", "DNS Reset", "DNS Reset Success", "Trouble Over"]


def test_a_reset_of_names_is_tried_once_where_the_servers_behind_the_resolver_are_dead(begin: Begin):
    lab = begin()
    lab.local_resolver(*STUB)
    lab.net.stop_name_server("router")
    seen = lab.looks(5, after=60)
    assert {look["cause"] for look in seen} == {"dns_down"}
    assert seen[-1]["reason"] == "tried"
    assert lab.ran == RESTART_STUB
    assert deeds(lab.ledger()) == [(Action.DNS_RESET, True, False)]
    assert lab.told() == ["Trouble", "DNS Reset"]


def test_where_no_resolver_runs_on_this_machine_a_dead_name_server_is_told_and_nothing_is_reset(begin: Begin):
    lab = begin()
    lab.net.stop_name_server("router")
    seen = lab.looks(3, after=60)
    assert (seen[-1]["cause"], seen[-1]["reason"]) == ("dns_down", "not_able")
    assert lab.ran == []
    assert lab.told() == ["Trouble", "Cannot Act"]


@pytest.fixture
def dhcp(tmp_path: Path) -> list[str]:
    """Options with which the router hands out addresses."""
    return [
        "--dhcp-range=192.168.77.50,192.168.77.60,1h", "--dhcp-authoritative", "--no-ping",
        f"--dhcp-option=option:router,{ROUTER}", f"--dhcp-leasefile={tmp_path}/leases",
    ]  # fmt: skip
