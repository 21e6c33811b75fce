"""The network as this machine sees it, step by step from its own interface to plex.tv. Needs no privilege, no ICMP.

Everything is asked at once, each question with its own deadline, and what answers is believed more than what is
inferred: a step that looks broken while the internet answers is unknown, and so is a 'no' behind a broken step.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from keeper.ports import Clock
from keeper.rules.types import Fact
from keeper.world import dns_query
from keeper.world.clock import SystemClock
from keeper.world.links import Links, OwnSide
from keeper.world.patience import FAIR, Answer, Deadline, Errands, SystemNames
from keeper.world.reach import http, is_numeric, is_v6, tcp, tls
from keeper.world.routes import neighbour
from keeper.world.verdicts import dns_fact, gateway_fact, internet_fact, plex_fact, servers_fact, settled

ENDPOINTS = ("1.1.1.1", "8.8.8.8", "9.9.9.9", "208.67.222.222")
RESOLVERS = ("1.1.1.1", "9.9.9.9")
BEHIND_STUBS = (Path("/run/systemd/resolve/resolv.conf"), Path("/run/NetworkManager/no-stub-resolv.conf"))
_GATEWAY_PORTS = (53, 80, 443)
_ENDPOINT_PORTS = (443, 53)
_HEAD_START = 0.6  # seconds TLS gets before plain http is asked as well: in good times nobody is asked for it
_MOST_ADDRESSES = 2  # of plex.tv, per family


@dataclass(frozen=True, slots=True)
class Targets:
    """Whom the look asks. An endpoint is a host, tried at 443 and 53, or host:port; IPv6 as [address]:port."""

    endpoints: tuple[str, ...] = ENDPOINTS
    resolvers: tuple[str, ...] = RESOLVERS
    plex_tv: str = "plex.tv:443"
    neutral_name: str = "example.com"  # reserved by RFC 2606, and always there
    resolv_conf: Path = Path("/etc/resolv.conf")
    behind_stubs: tuple[Path, ...] = BEHIND_STUBS


@dataclass(frozen=True, slots=True)
class _Asked:
    """The questions that are on their way."""

    gateway: Errands[str]
    internet: Errands[str]
    names: Errands[Answer]
    dns_local: Errands[str]
    dns_servers: Errands[str]
    dns_public: Errands[str]


def trusting_context() -> ssl.SSLContext:
    """Those the system trusts (a company's own among them), and those requests brings: some systems have none."""
    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


@dataclass(slots=True)
class NetworkLook:
    """The Sight port. A single question gets `probe_seconds`, the whole look ends after `look_seconds`.

    Raises ValueError when it is made, for an endpoint that is none; a look raises nothing.
    """

    targets: Targets = field(default_factory=Targets)
    links: Links = field(default_factory=Links)
    clock: Clock = field(default_factory=SystemClock)
    names: SystemNames = field(default_factory=SystemNames)
    tls_context: Callable[[], ssl.SSLContext] = trusting_context
    probe_seconds: float = 2.0
    look_seconds: float = 2.3
    _last_good: str = ""
    _context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        for text in (*self.targets.endpoints, self.targets.plex_tv):
            endpoint(text)

    def look(self) -> dict[str, Fact]:
        """interface, link_up, carrier, address, route, gateway, internet, dns…, plex_tv, captive."""
        end = Deadline(self.clock, self.look_seconds)
        own = self.links.look(self._last_good)
        probes = end.within(self.probe_seconds)
        servers = dns_query.configured(self.targets.resolv_conf)
        asked = self._ask(own, servers or (), probes)
        facts = {**own.facts, **self._plex(asked, probes, end), **self._heard(asked, own, servers, end)}
        facts = settled(facts)
        if facts["internet"].value is True and facts["interface"].detail == "route":
            self._last_good = own.interface
        return facts

    # ------------------------------------------------------------------ asking

    def _ask(self, own: OwnSide, servers: tuple[str, ...], probes: Deadline) -> _Asked:
        targets = self.targets
        behind = dns_query.behind_stub(servers, targets.behind_stubs)
        wanted = (targets.neutral_name, endpoint(targets.plex_tv)[0])
        return _Asked(
            gateway=Errands(self._at_the_gateway(own, probes)),
            internet=Errands(self._out_there(own, probes)),
            names=Errands({name: partial(self.names.ask, name, probes) for name in wanted}),
            dns_local=self._query(servers, probes),
            dns_servers=self._query(behind, probes),
            dns_public=self._query(targets.resolvers, probes),
        )

    def _query(self, servers: Iterable[str], probes: Deadline) -> Errands[str]:
        name = self.targets.neutral_name
        return Errands({server: partial(dns_query.query, server, name, probes) for server in servers})

    def _at_the_gateway(self, own: OwnSide, probes: Deadline) -> dict[str, Callable[[], str]]:
        gateway = own.routes[0].gateway if own.routes else ""
        if not gateway:
            return {}
        knocks: dict[str, Callable[[], str]] = {str(p): partial(tcp, gateway, p, probes) for p in _GATEWAY_PORTS}
        return knocks | {"dns": partial(dns_query.query, gateway, self.targets.neutral_name, probes)}

    def _out_there(self, own: OwnSide, probes: Deadline) -> dict[str, Callable[[], str]]:
        doors = [(host, port) for host, ports in map(endpoint, self.targets.endpoints) for port in ports]
        return {f"{host} {port}": partial(self._knock, host, port, own, probes) for host, port in doors}

    def _knock(self, host: str, port: int, own: OwnSide, probes: Deadline) -> str:
        """An address of the family that has no way out proves nothing: nobody was asked."""
        if not is_numeric(host):
            answer = self.names.ask(host, probes)
            if not answer.addresses:
                return "no_name"
            host = answer.addresses[0]
        word = tcp(host, port, probes)
        return "not_asked" if word == "no_route" and not own.leads_out(is_v6(host)) else word

    # ------------------------------------------------------------------ hearing

    def _heard(self, asked: _Asked, own: OwnSide, servers: tuple[str, ...] | None, end: Deadline) -> dict[str, Fact]:
        """Where one answer is enough, nobody waits for the others."""
        internet = asked.internet.gather(end, lambda back: "open" in back.values())
        gateway = asked.gateway.gather(end, lambda back: gateway_fact(back.values(), None).value is True)
        known = neighbour(own.routes[0], self.links.proc) if own.routes else None
        local = asked.dns_local.gather(end).values()
        public = asked.dns_public.gather(end, lambda back: "answers" in back.values())
        plex_tv, neutral = endpoint(self.targets.plex_tv)[0], self.targets.neutral_name
        names = asked.names.gather(end, lambda back: plex_tv in back and back[plex_tv].word == "known")
        return {
            "gateway": gateway_fact(gateway.values(), known),
            "internet": internet_fact(internet.values()),
            "dns": dns_fact(names.get(neutral), names.get(plex_tv)),
            "dns_local": Fact(False, "not_configured") if servers == () else servers_fact(local),
            "dns_servers": servers_fact(asked.dns_servers.gather(end).values()),
            "dns_public": servers_fact(public.values(), one_is_enough=True),
        }

    def _plex(self, asked: _Asked, probes: Deadline, end: Deadline) -> dict[str, Fact]:
        """The facts plex_tv and captive. A verified handshake proves that no portal stands in between."""
        name, (port, *_) = endpoint(self.targets.plex_tv)
        answer = asked.names.gather(probes, lambda back: name in back).get(name, Answer("late"))
        addresses, context = _few(answer.addresses), self._tls()
        if not addresses or context is None:
            return dict.fromkeys(("plex_tv", "captive"), Fact(None, "no_name" if context else "no_certificates"))
        fair = end.left() >= FAIR
        shakes = Errands({host: partial(tls, host, port, name, context, end) for host in addresses})
        if _is_open(shakes.gather(end.within(_HEAD_START), _is_open)):
            return {"plex_tv": Fact(True), "captive": Fact(False)}
        pages = Errands({host: partial(http, host, 80, name, end) for host in addresses})
        plex = plex_fact(shakes.gather(end, _is_open).values(), fair)
        if plex.value is True:
            return {"plex_tv": plex, "captive": Fact(False)}
        seen = pages.gather(end, lambda back: any(back.values())).values()
        captive = Fact(True) if "foreign" in seen else Fact(False) if "own" in seen else Fact(None, "silent")
        return {"plex_tv": plex, "captive": captive}

    def _tls(self) -> ssl.SSLContext | None:
        """Made once: reading 150 certificates takes longer than a handshake. None = they cannot be read."""
        if self._context is None:
            try:
                self._context = self.tls_context()
            except OSError:
                return None
        return self._context


def _is_open(back: Mapping[str, str]) -> bool:
    return "open" in back.values()


def _few(addresses: tuple[str, ...]) -> list[str]:
    """Some of each family: one dead address of many is nobody's outage, and IPv6 is broken in many a house."""
    return [
        address for v6 in (False, True) for address in [one for one in addresses if is_v6(one) is v6][:_MOST_ADDRESSES]
    ]


def endpoint(text: str) -> tuple[str, tuple[int, ...]]:
    """'1.1.1.1' -> host and ports to try; 'host:8443', '[2606:4700:4700::1111]:443', '2606:4700:4700::1111'."""
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        return text.strip("[]"), _ENDPOINT_PORTS
    if not host or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is neither host nor host:port")
    return host.strip("[]"), (int(port),)
