"""This machine's own side of the network: which interface counts, whether it is up, has a carrier, an address, a route.

Read, never asked of another machine, so it cannot hang. The flags come from the interface itself (SIOCGIFFLAGS):
/sys/class/net shows those of another network namespace inside some containers.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psutil

from keeper.errors import KeeperError
from keeper.ports import Commands
from keeper.rules.types import Fact
from keeper.world.routes import PROC, Route, default_routes

SYS_NET = Path("/sys/class/net")
_FAMILIES = (socket.AF_INET, socket.AF_INET6)


@dataclass(frozen=True, slots=True)
class OwnSide:
    """What is known without asking anybody. `routes` None = cannot be told."""

    facts: Mapping[str, Fact]
    routes: tuple[Route, ...] | None

    @property
    def interface(self) -> str:
        """'' = unknown."""
        return str(self.facts["interface"].value or "")

    def leads_out(self, v6: bool) -> bool:
        """Whether there is, or may be, a way out for this family."""
        return self.routes is None or any(route.v6 is v6 for route in self.routes)


@dataclass(frozen=True, slots=True)
class Links:
    """Looks at the interfaces. `configured` counts when no default route names one, then `remembered()`."""

    configured: str = ""
    remembered: Callable[[], str] = lambda: ""
    commands: Commands | None = None
    proc: Path = PROC
    sys_net: Path = SYS_NET

    def look(self, last_good: str = "") -> OwnSide:
        """The facts interface, link_up, carrier, address, route."""
        routes = default_routes(self.commands, self.proc)
        stats = _read(psutil.net_if_stats)
        interface = self._interface(routes or (), stats, last_good)
        name = str(interface.value or "")
        addresses = [row.address for row in _read(psutil.net_if_addrs).get(name, ()) if row.family in _FAMILIES]
        facts = {
            "interface": interface,
            **link_facts(stats.get(name)),
            "address": address_fact(addresses) if name in stats else Fact(None, "no_interface"),
            "route": Fact(None, "unreadable") if routes is None else Fact(True) if routes else Fact(False, "none"),
        }
        return OwnSide(facts, routes)

    def _interface(self, routes: tuple[Route, ...], stats: Mapping[str, Any], last_good: str) -> Fact:
        """Names of interfaces that are there; just when the route is lost, it is needed and cannot be read from it."""
        if routes:
            return Fact(routes[0].interface, "route")
        try:
            remembered = self.remembered()
        except KeeperError:
            remembered = ""
        physical = self._physical(stats)
        for name, how in (
            (self.configured, "configured"),
            (remembered, "remembered"),
            (last_good, "remembered"),
            (physical[0] if len(physical) == 1 else "", "only"),
        ):
            if name in stats:
                return Fact(name, how)
        return Fact(None, "unclear" if stats else "unreadable")

    def _physical(self, stats: Iterable[str]) -> list[str]:
        """Those with a device behind them; on macOS they are called en0, en1 and so on."""
        if self.sys_net.is_dir():
            return [name for name in stats if (self.sys_net / name / "device").exists()]
        return [name for name in stats if name.startswith("en")]


def link_facts(stat: Any) -> dict[str, Fact]:
    """link_up and carrier from psutil's line on one interface; None = there is no such line."""
    if stat is None:
        return dict.fromkeys(("link_up", "carrier"), Fact(None, "no_interface"))
    flags = stat.flags.split(",")
    up, running = "up" in flags, "running" in flags
    return {
        "link_up": Fact(True) if up else Fact(False, "admin_down"),
        "carrier": Fact(True) if running else Fact(False, "no_carrier"),
    }


def address_fact(addresses: Iterable[str]) -> Fact:
    """169.254.0.0/16 is what a machine gives itself when nobody gives it one (RFC 3927); fe80:: it always has."""
    found = [ip_address(text.partition("%")[0]) for text in addresses]
    if any(not address.is_link_local and not address.is_loopback for address in found):
        return Fact(True)
    return Fact(False, "link_local_only" if any(address.version == 4 for address in found) else "none")


def _read(reader: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """psutil's table; empty when this process may not read it (AF_NETLINK forbidden, for example)."""
    try:
        return reader()
    except (OSError, psutil.Error):
        return {}
