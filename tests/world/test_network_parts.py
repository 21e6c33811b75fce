"""The parts of the network look that need no network: reading, parsing, judging, waiting no longer than promised."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from keeper.errors import StoreError
from keeper.rules.types import Fact, Ran
from keeper.world import dns_query, verdicts
from keeper.world.clock import SystemClock
from keeper.world.links import Links, address_fact, link_facts
from keeper.world.network import NetworkLook, Targets, endpoint
from keeper.world.patience import Answer, Deadline, Errands, SystemNames
from keeper.world.reach import http, open_socket, page_word, tcp, tls, word_of
from keeper.world.routes import (
    Route,
    default_routes,
    neighbour,
    parse_arp,
    parse_proc_ipv6_route,
    parse_proc_route,
    parse_route_get,
)

PROC_ROUTE = """Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
wlan0	00000000	0101A8C0	0003	0	0	600	00000000	0	0	0
eth0	00000000	014DA8C0	0003	0	0	100	00000000	0	0	0
eth0	004DA8C0	00000000	0001	0	0	100	00FFFFFF	0	0	0
ppp0	00000000	00000000	0001	0	0	700	00000000	0	0	0
dead0	00000000	014DA8C0	0002	0	0	1	00000000	0	0	0
no0	00000000	00000000	0201	0	0	2	00000000	0	0	0
"""
PROC_IPV6_ROUTE = """\
fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000077 00000400 00000003 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000300 00000003 00000000 00000003     eth1
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
"""  # noqa: E501
PROC_ARP = """IP address       HW type     Flags       HW address            Mask     Device
192.168.77.1     0x1         0x2         02:fc:00:00:00:05     *        eth0
192.168.77.2     0x1         0x0         00:00:00:00:00:00     *        eth0
"""
ROUTE_GET = """   route to: default
destination: default
       mask: default
    gateway: 192.168.1.1
  interface: en0
      flags: <UP,GATEWAY,DONE,STATIC,PRCLONING,GLOBAL>
 recvpipe  sendpipe  ssthresh  rtt,msec    rttvar  hopcount      mtu     expire
       0         0         0         0         0         0      1500         0
"""
ROUTE_GET_V6 = ROUTE_GET.replace("192.168.1.1", "fe80::1%en0")
ROUTE_GET_TUNNEL = ROUTE_GET.replace("192.168.1.1", "link#18").replace("en0", "utun3")


def deadline(seconds: float = 1.0) -> Deadline:
    return Deadline(SystemClock(), seconds)


# ---------------------------------------------------------------------- routes and neighbours


def test_the_default_routes_of_linux_come_in_the_order_they_are_used():
    assert parse_proc_route(PROC_ROUTE) == (
        Route("eth0", "192.168.77.1", 100),
        Route("wlan0", "192.168.1.1", 600),
        Route("ppp0", "", 700),
    )
    assert parse_proc_ipv6_route(PROC_IPV6_ROUTE) == (
        Route("eth1", "fd00::1", 0x300, v6=True),
        Route("eth0", "fe80::77%eth0", 0x400, v6=True),
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (ROUTE_GET, (Route("en0", "192.168.1.1"),)),
        (ROUTE_GET_V6, (Route("en0", "fe80::1%en0"),)),
        (ROUTE_GET_TUNNEL, (Route("utun3", ""),)),
        ("route: writing to routing socket: not in table\n", ()),
        ("", ()),
    ],
)
def test_the_default_route_of_macos(text: str, wanted: tuple[Route, ...]):
    assert parse_route_get(text) == wanted


class Mac:
    """The Commands port of a Mac."""

    def __init__(self, four: Ran, six: Ran) -> None:
        self.four, self.six = four, six

    def run(self, argv: Sequence[str], seconds: float) -> Ran:
        assert argv[:3] == ("/sbin/route", "-n", "get")
        return self.six if "-inet6" in argv else self.four


def test_macos_is_asked_by_a_command_and_what_cannot_be_run_is_unknown(tmp_path: Path):
    gone = tmp_path / "no proc here"
    assert default_routes(Mac(Ran(0, ROUTE_GET), Ran(1, "", "not in table")), gone) == (Route("en0", "192.168.1.1"),)
    assert default_routes(Mac(Ran(1), Ran(0, ROUTE_GET_V6)), gone) == (Route("en0", "fe80::1%en0", v6=True),)
    assert default_routes(Mac(Ran(1), Ran(1)), gone) == ()
    assert default_routes(Mac(Ran(None), Ran(None)), gone) is None
    assert default_routes(None, gone) is None


def test_what_the_kernel_writes_in_another_way_is_unknown(tmp_path: Path):
    (tmp_path / "route").write_text("a\neth0 00000000 x y z 0 0 00000000\n")
    assert default_routes(None, tmp_path) is None


def test_a_neighbour_is_known_incomplete_or_was_never_asked_for(tmp_path: Path):
    assert parse_arp(PROC_ARP, "192.168.77.1", "eth0") is True
    assert parse_arp(PROC_ARP, "192.168.77.2", "eth0") is False
    assert parse_arp(PROC_ARP, "192.168.77.1", "wlan0") is None
    (tmp_path / "arp").write_text(PROC_ARP)
    assert neighbour(Route("eth0", "192.168.77.2"), tmp_path) is False
    assert neighbour(Route("eth0", "fe80::1%eth0", v6=True), tmp_path) is None


# ---------------------------------------------------------------------- this machine's own side


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Links]:
    """A machine with these interfaces and no default route; `physical` have a device behind them."""

    def make(names: str = "lo eth0 wlan0 docker0", physical: str = "eth0", **options: Any) -> Links:
        flags = "up,broadcast,running"
        monkeypatch.setattr(psutil, "net_if_stats", lambda: {n: SimpleNamespace(flags=flags) for n in names.split()})
        monkeypatch.setattr(psutil, "net_if_addrs", dict)
        (tmp_path / "route").write_text("Iface\n")
        for name in physical.split():
            (tmp_path / name / "device").mkdir(parents=True, exist_ok=True)
        return Links(proc=tmp_path, sys_net=tmp_path, **options)

    return make


def test_without_a_route_the_interface_is_the_configured_then_the_remembered_then_the_only_one(machine: Any):
    def chosen(last_good: str = "", **options: Any) -> Fact:
        return machine(**options).look(last_good).facts["interface"]

    assert chosen(configured="wlan0", remembered=lambda: "eth0") == Fact("wlan0", "configured")
    assert chosen(configured="gone0", remembered=lambda: "docker0") == Fact("docker0", "remembered")
    assert chosen("wlan0") == Fact("wlan0", "remembered")
    assert chosen() == Fact("eth0", "only")
    assert chosen(physical="eth0 wlan0") == Fact(None, "unclear")


def test_a_memory_that_cannot_be_read_is_none(machine: Any):
    def broken() -> str:
        raise StoreError("the data file is busy")

    assert machine(remembered=broken).look().facts["interface"] == Fact("eth0", "only")


def test_a_process_that_may_not_read_the_interfaces_knows_nothing_of_them(machine: Any, monkeypatch: Any):
    def refused() -> None:
        raise PermissionError("AF_NETLINK")

    links = machine()
    monkeypatch.setattr(psutil, "net_if_stats", refused)
    facts = links.look().facts
    assert facts["route"] == Fact(False, "none")
    assert {facts[name].value for name in ("interface", "link_up", "carrier", "address")} == {None}


def test_flags_and_addresses():
    assert link_facts(SimpleNamespace(flags="broadcast,multicast")) == {
        "link_up": Fact(False, "admin_down"),
        "carrier": Fact(False, "no_carrier"),
    }
    assert address_fact(["fe80::1%eth0", "169.254.3.4"]) == Fact(False, "link_local_only")
    assert address_fact(["fe80::1%eth0"]) == Fact(False, "none")
    assert address_fact(["169.254.3.4", "10.0.0.2"]) == address_fact(["fd00::2"]) == Fact(True)


# ---------------------------------------------------------------------- one question


def test_a_question_is_written_as_the_rfc_wants_it():
    assert dns_query.question("plex.tv", 0x1234).hex() == "123401000001000000000000" + "04706c6578027476" + "0000010001"
    for odd in ("", "a..b", "ä.de", "x" * 64 + ".de"):
        with pytest.raises(ValueError, match=r"no name|ascii"):
            dns_query.question(odd, 1)
    assert dns_query.query("127.0.0.1", "a..b", deadline()) == "failed"


def test_only_an_answer_to_this_question_is_one():
    asked = dns_query.question("plex.tv", 7)
    head = asked[:2]
    assert dns_query.answer_word(head + bytes.fromhex("81800001000100000000"), asked) == "answers"
    assert dns_query.answer_word(head + bytes.fromhex("81800001000000000000"), asked) == "failing"  # no record
    assert dns_query.answer_word(head + bytes.fromhex("81820001000000000000"), asked) == "failing"  # SERVFAIL
    assert dns_query.answer_word(b"xx" + bytes.fromhex("81800001000100000000"), asked) == ""
    assert dns_query.answer_word(asked, asked) == ""
    assert dns_query.answer_word(b"short", asked) == ""


def test_a_lost_datagram_is_asked_again_and_a_stranger_is_not_heard():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            server.recvfrom(512)
            asked, whom = server.recvfrom(512)
            server.sendto(b"xx" + bytes.fromhex("81800001000100000000"), whom)
            server.sendto(asked[:2] + bytes.fromhex("81800001000100000000"), whom)

        threading.Thread(target=serve, daemon=True).start()
        assert dns_query.query("127.0.0.1", "plex.tv", deadline(3), server.getsockname()[1]) == "answers"


def test_a_closed_and_a_silent_name_server_differ():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert dns_query.query("127.0.0.1", "plex.tv", deadline(0.2), port) == "silent"
    assert dns_query.query("127.0.0.1", "plex.tv", deadline(), port) == "refused"


def test_name_servers_are_read_as_the_resolver_reads_them(tmp_path: Path):
    file = tmp_path / "resolv.conf"
    file.write_text("# nameserver 9.9.9.9\nnameserver 127.0.0.53\nsearch lan\nnameserver\nnameserver fe80::1%eth0\n")
    assert dns_query.configured(file) == ("127.0.0.53", "fe80::1%eth0")
    file.write_text("".join(f"nameserver 10.0.0.{n}\n" for n in range(5)))
    assert len(dns_query.configured(file) or ()) == 3
    assert dns_query.configured(tmp_path / "none") is None
    assert dns_query.behind_stub(("127.0.0.53",), (tmp_path / "none", file)) == ("10.0.0.0", "10.0.0.1", "10.0.0.2")
    assert dns_query.behind_stub(("127.0.0.53", "9.9.9.9"), (file,)) == ()
    assert dns_query.behind_stub((), (file,)) == ()


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        ("HTTP/1.1 301 Moved\r\nLocation: https://www.plex.tv/\r\n\r\n", "own"),
        ("HTTP/1.1 302 Found\r\nlocation: http://login.hotel/\r\n\r\n", "foreign"),
        ("HTTP/1.1 302 Found\r\nLocation: http://notplex.tv/\r\n\r\n", "foreign"),
        ("HTTP/1.0 200 OK\r\n\r\nwelcome", "foreign"),
        ("HTTP/1.1 511 Network Authentication Required\r\n\r\n", "foreign"),
        ("HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", ""),
        ("HTTP/1.1 301 Moved\r\nLocation: http://[broken/\r\n\r\n", ""),
        ("HTTP/1.1 503 Busy\r\n\r\n", ""),
        ("SSH-2.0-OpenSSH", ""),
        ("", ""),
    ],
)
def test_a_page_is_plex_tvs_own_or_a_strangers(head: str, wanted: str):
    assert page_word(head, "plex.tv") == wanted


@contextmanager
def answering(said: bytes, every: float = 0.0, times: int = 1) -> Iterator[int]:
    """A port where somebody says that, and says it again and again."""
    ended = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        opened, _ = server.accept()
        with opened, suppress(OSError):  # whoever asked has gone
            for _ in range(times):
                opened.sendall(said)
                ended.wait(every)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        ended.set()
        server.close()


def test_a_server_that_trickles_holds_nobody():
    began = time.monotonic()
    with answering(b"x", every=0.05, times=60) as port:
        assert http("127.0.0.1", port, "plex.tv", deadline(0.4)) == ""
    assert time.monotonic() - began < 1


def test_what_answers_a_handshake_with_something_else_is_no_plex_tv():
    context = NetworkLook().tls_context()
    with answering(b"HTTP/1.0 200 OK\r\n\r\nlog in here") as port:
        assert tls("127.0.0.1", port, "plex.tv", context, deadline(2)) == "certificate"
    with answering(b"\x15\x03\x03\x00\x02\x02\x28") as port:  # the alert handshake_failure of a TLS server
        assert tls("127.0.0.1", port, "plex.tv", context, deadline(2)) == "refused"
    with answering(b"", every=5) as port:
        assert tls("127.0.0.1", port, "plex.tv", context, deadline(0.2)) == "silent"
    assert tls("127.0.0.1", port, "plex.tv", context, deadline(0.2)) == "refused"


def test_a_name_is_no_address_and_this_machines_own_rules_are_no_answer():
    with pytest.raises(OSError, match="no address"):
        open_socket("plex.tv", 443, socket.SOCK_STREAM, deadline())
    assert tcp("127.0.0.1", 1, deadline()) == "refused"
    assert word_of(PermissionError(1, "not permitted")) == "blocked"
    assert word_of(OSError("odd")) == "failed"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1.1.1.1", ("1.1.1.1", (443, 53))),
        ("host.example:8443", ("host.example", (8443,))),
        ("[2606:4700:4700::1111]:443", ("2606:4700:4700::1111", (443,))),
        ("[2606:4700:4700::1111]", ("2606:4700:4700::1111", (443, 53))),
        ("2606:4700:4700::1111", ("2606:4700:4700::1111", (443, 53))),
    ],
)
def test_an_endpoint_is_written_like_an_address_in_a_browser(text: str, wanted: tuple[str, tuple[int, ...]]):
    assert endpoint(text) == wanted


@pytest.mark.parametrize("text", ["host:https", "host:0", "host:65536", ":443"])
def test_an_endpoint_that_is_none_is_refused_before_the_first_look(text: str):
    with pytest.raises(ValueError, match=r"host|literal"):
        NetworkLook(Targets(endpoints=("1.1.1.1", text)))


# ---------------------------------------------------------------------- waiting


def test_a_name_that_hangs_is_asked_once_and_asked_anew_when_it_is_free():
    free, calls = threading.Event(), []

    def resolve(name: str) -> list[str]:
        calls.append(name)
        free.wait()
        return ["10.0.0.1"]

    names = SystemNames(resolve)
    assert names.ask("plex.tv", deadline(0.05)).word == "late"  # no fair chance yet
    assert names.ask("plex.tv", deadline(0.05)).word == "silent"  # still out since then
    assert calls == ["plex.tv"]
    free.set()
    assert names.ask("plex.tv", deadline(2)) == Answer("known", ("10.0.0.1",))
    assert calls == ["plex.tv", "plex.tv"]


def test_what_the_resolver_says_becomes_a_word():
    def raising(problem: Exception) -> Callable[[str], list[str]]:
        def resolve(_: str) -> list[str]:
            raise problem

        return resolve

    def word(resolve: Callable[[str], list[str]]) -> str:
        return SystemNames(resolve).ask("x", deadline(2)).word

    assert word(raising(socket.gaierror(socket.EAI_NONAME, ""))) == "no_name"
    assert word(raising(socket.gaierror(socket.EAI_AGAIN, ""))) == "failed"
    assert word(raising(UnicodeError())) == "failed"
    assert word(lambda _: ["0.0.0.0", "::"]) == "hidden"
    assert SystemNames(lambda _: ["127.0.0.1", "10.1.1.1", "10.1.1.1"]).ask("x", deadline(2)).addresses == ("10.1.1.1",)
    assert SystemNames().ask("localhost", deadline(2)).word == "hidden"


def test_errands_end_when_enough_are_back_or_the_time_is_over():
    never = threading.Event()
    errands = Errands({"quick": lambda: "yes", "never": lambda: str(never.wait(5))})
    began = time.monotonic()
    assert errands.gather(deadline(3), lambda back: "quick" in back) == {"quick": "yes"}
    assert errands.gather(deadline(0.1)) == {"quick": "yes"}
    assert time.monotonic() - began < 2
    never.set()
    assert set(errands.gather(deadline(3))) == {"quick", "never"}


def test_without_threads_everything_is_unknown_and_nothing_raises(machine: Any, monkeypatch: Any, tmp_path: Path):
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    look = NetworkLook(Targets(resolv_conf=tmp_path / "none"), machine())
    monkeypatch.setattr(threading.Thread, "start", refused)
    facts = look.look()
    asked = ("gateway", "internet", "dns", "dns_local", "dns_servers", "dns_public", "plex_tv", "captive")
    assert {facts[name].value for name in asked} == {None}
    assert set(facts) == {*asked, "interface", "link_up", "carrier", "address", "route"}


def test_without_certificates_plex_tv_is_unknown():
    def unreadable() -> Any:
        raise FileNotFoundError("no bundle")

    look = NetworkLook(Targets(endpoints=(), resolvers=()), names=SystemNames(lambda _: ["10.0.0.1"]))
    look.tls_context = unreadable
    assert look.look()["plex_tv"] == Fact(None, "no_certificates")


# ---------------------------------------------------------------------- judging


def test_a_router_lives_when_it_says_anything_at_all():
    assert verdicts.gateway_fact(["refused", "silent"], False) == Fact(True)
    assert verdicts.gateway_fact(["unreachable", "silent"], True) == Fact(True)  # it said that itself
    assert verdicts.gateway_fact(["unreachable", "silent"], None) == Fact(False, "unreachable")
    assert verdicts.gateway_fact(["silent"], False) == Fact(False, "no_arp")
    assert verdicts.gateway_fact(["silent"], True) == Fact(None, "silent")
    assert verdicts.gateway_fact([], None) == Fact(None, "unknown")


def test_one_answer_of_the_internet_is_enough_and_what_could_not_be_asked_is_unknown():
    assert verdicts.internet_fact(["silent", "open"]) == Fact(True)
    assert verdicts.internet_fact(["silent", "refused"]) == Fact(True, "refused")
    assert verdicts.internet_fact(["silent", "no_route"]) == Fact(False, "unreachable")
    assert verdicts.internet_fact(["silent", "blocked"]) == Fact(False, "silent")
    assert verdicts.internet_fact(["blocked"]) == Fact(None, "blocked")
    assert verdicts.internet_fact([]) == Fact(None, "unknown")


def test_names_are_known_hidden_or_the_service_is_dead():
    known, hidden, no_name = Answer("known", ("10.0.0.1",)), Answer("hidden"), Answer("no_name")
    assert verdicts.dns_fact(no_name, known) == Fact(True)
    assert verdicts.dns_fact(known, no_name) == verdicts.dns_fact(known, hidden) == Fact(True, "plex_tv_unknown")
    assert verdicts.dns_fact(Answer("silent"), no_name) == Fact(False, "silent")
    assert verdicts.dns_fact(Answer("late"), None) == Fact(None, "late")


def test_plex_tv_is_silent_only_after_a_fair_chance():
    assert verdicts.plex_fact(["silent"], True) == verdicts.plex_fact([], True) == Fact(False, "silent")
    assert verdicts.plex_fact(["silent"], False) == Fact(None, "late")
    assert verdicts.plex_fact(["refused", "certificate"], True) == Fact(False, "certificate")
    assert verdicts.plex_fact(["unreachable"], True) == Fact(False, "refused")
    assert verdicts.plex_fact(["no_route"], True) == Fact(None, "no_route")


def test_an_answer_of_plex_tv_proves_the_internet_and_a_strangers_answer_stands():
    sound = dict.fromkeys((*verdicts.LADDER, "dns", "dns_local", "dns_servers", "dns_public", "plex_tv"), Fact(True))
    assert verdicts.settled(sound | {"internet": Fact(False, "silent")})["internet"] == Fact(True, "plex_tv")
    intercepted = sound | {"internet": Fact(False, "silent"), "plex_tv": Fact(False, "certificate"), "dns": Fact(False)}
    settled = verdicts.settled(intercepted)
    assert settled["plex_tv"] == Fact(False, "certificate")
    assert settled["dns"] == Fact(None, "behind internet")
    unasked = sound | {"internet": Fact(None, "blocked"), "plex_tv": Fact(False, "silent")}
    assert verdicts.settled(unasked)["plex_tv"] == Fact(None, "behind internet")
