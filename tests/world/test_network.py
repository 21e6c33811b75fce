"""The network part of the look, against real faults: a home, its router and its internet in network namespaces.

Every case breaks one thing, looks as an ordinary user without capabilities, and names the facts that differ from a
sound network. What stands behind a broken step has to be unknown there, never 'no'.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from netlab import HOME, ROUTER, NetLab, why_not
from netlab_inside import ANCHOR_V6, PLEX

LONGEST = 3.0  # seconds; the look itself promises 2.5 on a machine that is not busy with tests

SOUND: dict[str, Any] = {
    "interface": "h0", "link_up": True, "carrier": True, "address": True, "route": True, "gateway": True,
    "internet": True, "dns": True, "dns_local": True, "dns_servers": None, "dns_public": True, "plex_tv": True,
    "captive": False,
}  # fmt: skip
NO_PLEX = {"plex_tv": None, "captive": None}
NO_NAMES = {"dns": None, "dns_local": None, "dns_public": None, **NO_PLEX}
NO_INTERNET = {"internet": None, **NO_NAMES}
NOTHING = {"gateway": None, **NO_INTERNET}


class Case(NamedTuple):
    """`told` are the facts that differ; a pair names the detail as well. `options` are those of the look."""

    name: str
    breaks: Callable[[NetLab], object]
    told: dict[str, Any]
    options: dict[str, Any] = {}  # noqa: RUF012


def drops(*rules: str, at: str = "router") -> Callable[[NetLab], None]:
    return lambda lab: lab.filter(at, *rules)


def lines(place: str, *commands: str) -> Callable[[NetLab], None]:
    return lambda lab: lab.ip(place, *commands)


def all_of(*faults: Callable[[NetLab], object]) -> Callable[[NetLab], None]:
    return lambda lab: [fault(lab) for fault in faults] and None


ROUTER_OFF = lines("switch", "link set port-router down")
CASES = (
    Case("sound", lambda lab: None, {"interface": ("h0", "route")}),
    # ------------------------------------------------------------------ this machine
    Case("cable pulled", lines("switch", "link set port-home down"), {"carrier": (False, "no_carrier"), **NOTHING}),
    Case(
        "interface switched off",
        lines("home", "link set h0 down"),
        {"interface": "h0", "link_up": (False, "admin_down"), "carrier": None, "route": None, **NOTHING},
    ),
    Case(
        "no address",
        lines("home", f"addr del {HOME}/24 dev h0"),
        {"interface": ("h0", "configured"), "address": (False, "none"), "route": None, **NOTHING},
        {"configured": "h0", "remembered": ""},
    ),
    Case(
        "an address of its own making only",
        lines("home", f"addr del {HOME}/24 dev h0", "addr add 169.254.12.34/16 dev h0"),
        {"interface": ("h0", "remembered"), "address": (False, "link_local_only"), "route": None, **NOTHING},
    ),
    Case(
        "default route lost",  # the router is still asked for names, and knows them
        lines("home", "route del default"),
        {"route": (False, "none"), "gateway": None, "internet": None, "dns_public": None, **NO_PLEX},
    ),
    # ------------------------------------------------------------------ the router
    Case(
        "router off",
        all_of(ROUTER_OFF, lines("home", "neigh flush all")),
        {"gateway": (False, "no_arp"), **NO_INTERNET},
    ),
    Case(
        "router off a moment ago",  # its hardware address still counts as known: it cannot be told from a dead line
        all_of(lambda lab: lab.look(), ROUTER_OFF),
        {"gateway": (None, "silent"), "internet": (False, "silent"), **NO_NAMES},
    ),
    Case(
        "router hung, and getaddrinfo with it",
        drops("here drop", "through drop"),
        {"gateway": (None, "silent"), "internet": (False, "silent"), **NO_NAMES},
        {"resolver_hangs": True},
    ),
    Case(
        "router deaf for itself, but it forwards",
        all_of(drops("here drop"), lambda lab: lab.resolvers("9.9.9.9")),
        {"gateway": (None, "silent")},
    ),
    # ------------------------------------------------------------------ names
    Case(
        "name server of the router ended",
        lambda lab: lab.stop_name_server("router"),
        {"dns": False, "dns_local": (False, "refused"), **NO_PLEX},
    ),
    Case(
        "name server of the router hangs",
        lambda lab: lab.freeze_name_server("router"),
        {"dns": False, "dns_local": (False, "silent"), **NO_PLEX},
    ),
    Case(
        "name server of the router knows nothing",
        lambda lab: lab.name_server("--address=/example.com/", "--address=/plex.tv/"),
        {"dns": (False, "no_name"), "dns_local": (False, "failing"), **NO_PLEX},
    ),
    Case(
        "one name server of two is silent",
        lambda lab: lab.resolvers(ROUTER, "192.168.77.99"),
        {"dns_local": (True, "partly")},
    ),
    Case("no name server is configured", lambda lab: lab.resolvers(), {
        "dns": False, "dns_local": (False, "not_configured"), **NO_PLEX,
    }),
    Case("a local stub that works", lambda lab: lab.local_stub(), {"dns_servers": True}, {"behind_stub": "stub"}),
    Case(
        "a local stub that hangs",
        all_of(lambda lab: lab.local_stub(), lambda lab: lab.freeze_name_server("home")),
        {"dns": False, "dns_local": (False, "silent"), "dns_servers": True, **NO_PLEX},
        {"behind_stub": "stub"},
    ),
    Case(
        "all name service blocked",
        drops("here udp dport 53 drop", "through udp dport 53 drop", "through tcp dport 53 drop"),
        {"dns": False, "dns_local": (False, "silent"), "dns_public": (False, "silent"), **NO_PLEX},
    ),
    Case(
        "plex.tv hidden by a blocker",
        lambda lab: lab.name_server("--address=/plex.tv/0.0.0.0"),
        {"dns": (True, "plex_tv_unknown"), **NO_PLEX},
    ),
    # ------------------------------------------------------------------ the line
    Case("line of the router lost", lines("router", "link set wan0 down"), {
        "internet": (False, "unreachable"), **NO_NAMES,
    }),
    Case("black hole behind the router", drops("here drop", at="internet"), {
        "internet": (False, "silent"), **NO_NAMES,
    }),
    Case(
        "the provider forbids everything",
        drops("here reject with icmpx type admin-prohibited", at="internet"),
        {"internet": (False, "unreachable"), **NO_NAMES},
    ),
    Case("one address of the internet blocked", drops("through ip daddr 1.1.1.1 drop"), {}),
    Case("the internet is tried by a name", lambda lab: None, {}, {"endpoints": ["example.com:443"]}),
    Case(
        "the internet is tried by a name nobody knows any more",
        lambda lab: lab.stop_name_server("router"),
        {"internet": (None, "no_name"), "dns": False, "dns_local": (False, "refused"), **NO_PLEX},
        {"endpoints": ["example.com:443"]},
    ),
    Case("ping blocked everywhere", drops("through meta l4proto icmp drop", "here meta l4proto icmp drop"), {}),
    Case(
        "IPv6 only",
        lines(
            "home", f"addr del {HOME}/24 dev h0", "addr add fd77::10/64 dev h0 nodad",
            "route add default via fe80::77 dev h0",
        ),
        {"dns": False, "dns_local": None, "dns_public": None, **NO_PLEX},  # the lab knows names by IPv4 only
        {"endpoints": ["1.1.1.1", f"[{ANCHOR_V6}]:443"]},
    ),
    # ------------------------------------------------------------------ plex.tv
    Case("plex.tv blocked", drops(f"through ip daddr {PLEX} drop"), {"plex_tv": (False, "silent"), "captive": None}),
    Case(
        "plex.tv refuses",
        drops(f"through ip daddr {PLEX} meta l4proto tcp reject with tcp reset"),
        {"plex_tv": (False, "refused"), "captive": None},
    ),
    Case(
        "captive portal that answers for everybody",
        drops("before tcp dport { 80, 443 } redirect to :8080"),
        {"plex_tv": (False, "certificate"), "captive": True},
    ),
    Case(
        "captive portal that shows itself by http only",
        drops("before iifname lan0 tcp dport 80 redirect to :8080", "through drop"),
        {"internet": (False, "silent"), "captive": True, "dns_public": None, "plex_tv": None},
    ),
    Case("a stranger's certificate", lambda lab: lab.certificate("stranger"), {"plex_tv": (False, "certificate")}),
    Case("our clock is slow", lambda lab: lab.certificate("not_yet"), {"plex_tv": (False, "clock")}),
    Case("our clock is fast", lambda lab: lab.certificate("expired"), {"plex_tv": (False, "clock")}),
)  # fmt: skip


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetLab]:
    if reason := why_not():
        if "CI" in os.environ:  # there a missing tool is a failure
            pytest.fail(reason)
        pytest.skip(reason)
    with NetLab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def lab(standing: NetLab) -> NetLab:
    standing.mend()
    return standing


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_is_told_and_what_is_behind_it_stays_unknown(lab: NetLab, case: Case):
    case.breaks(lab)
    options = case.options | ({"behind_stub": str(lab.behind_stub)} if "behind_stub" in case.options else {})
    seen = lab.look(**options)
    wanted = {**SOUND, **case.told}
    shown = {name: seen.facts[name] if isinstance(wanted[name], tuple) else seen.facts[name][0] for name in seen.facts}
    assert shown == wanted, seen
    assert seen.seconds <= LONGEST
    assert not seen.capabilities


def test_a_resolver_that_never_comes_back_is_asked_once(lab: NetLab):
    """Two names are asked for, so two threads are left, however often one looks; the dead line adds none."""
    lab.filter("router", "here drop", "through drop")
    seen = lab.look(resolver_hangs=True, looks=2, rest=0.3)
    assert seen.threads == 2
    assert seen.seconds <= LONGEST
    assert seen.facts["internet"] == (False, "silent")


def test_a_router_that_has_gone_is_told_once_its_address_is_forgotten(lab: NetLab):
    """The kernel doubts an address half a minute after the last answer, and forgets it 3 seconds later."""
    lab.ip("switch", "link set port-router down")
    lab.ip("home", f"neigh replace {ROUTER} lladdr 02:00:00:00:00:01 dev h0 nud probe")
    seen = lab.look(looks=2)
    assert seen.facts["gateway"][0] is False
    assert seen.facts["internet"][0] is None


def test_what_answers_beats_what_is_inferred(lab: NetLab):
    """A default route in another table is no route to be seen, and leads out all the same."""
    lab.ip("home", "route del default", f"route replace default via {ROUTER} table 77", "rule add from all lookup 77")
    try:
        seen = lab.look()
    finally:
        lab.ip("home", "rule del lookup 77", "route flush table 77")
    assert seen.facts["internet"] == (True, "")
    assert seen.facts["route"] == (None, "internet answers")
    assert seen.facts["plex_tv"] == (True, "")
