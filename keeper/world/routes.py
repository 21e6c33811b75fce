"""Default routes and neighbours as the kernel shows them to everybody; macOS is asked by `route -n get default`."""

from __future__ import annotations

import socket
import sys
from ipaddress import IPv6Address
from pathlib import Path
from typing import NamedTuple

from keeper.ports import Commands

PROC = Path("/proc/net")
_UP, _REJECT = 0x1, 0x200  # RTF_UP, RTF_REJECT of linux/route.h
_COMPLETE = 0x2  # ATF_COM of linux/if_arp.h
_ROUTE_SECONDS = 0.3  # `route` only asks the kernel


class Route(NamedTuple):
    """One default route. `gateway` is '' where the line has no router (ppp, tunnels)."""

    interface: str
    gateway: str
    metric: int = 0
    v6: bool = False


def default_routes(commands: Commands | None, proc: Path = PROC) -> tuple[Route, ...] | None:
    """All default routes, the one that is used first, IPv4 before IPv6; None = cannot be told."""
    four, six = _text(proc / "route"), _text(proc / "ipv6_route")
    if four is None:
        return _by_command(commands) if commands else None
    try:  # IPv6 may be switched off altogether; then its file is missing
        return (*parse_proc_route(four), *parse_proc_ipv6_route(six or ""))
    except ValueError:
        return None


def parse_proc_route(text: str) -> tuple[Route, ...]:
    """/proc/net/route: addresses are the bytes of the network order, written as a number of this machine."""
    found = []
    for fields in (line.split() for line in text.splitlines()[1:]):
        if len(fields) >= 8 and fields[1] == fields[7] == "00000000" and _usable(int(fields[3], 16)):
            gateway = socket.inet_ntoa(_native(int(fields[2], 16)))
            found.append(Route(fields[0], "" if gateway == "0.0.0.0" else gateway, int(fields[6])))  # noqa: S104  # nosec B104  # compared, not bound
    return tuple(sorted(found, key=lambda route: route.metric))


def parse_proc_ipv6_route(text: str) -> tuple[Route, ...]:
    """/proc/net/ipv6_route: goal, its length, source, its length, next hop, metric, uses, uses, flags, interface."""
    found = []
    for fields in (line.split() for line in text.splitlines()):
        if len(fields) < 10 or set(fields[0] + fields[1]) != {"0"} or fields[9] == "lo":
            continue
        if _usable(int(fields[8], 16)):
            hop = IPv6Address(int(fields[4], 16))
            gateway = "" if hop.is_unspecified else f"{hop}%{fields[9]}" if hop.is_link_local else str(hop)
            found.append(Route(fields[9], gateway, int(fields[5], 16), v6=True))
    return tuple(sorted(found, key=lambda route: route.metric))


def parse_route_get(text: str, v6: bool = False) -> tuple[Route, ...]:
    """What `route -n get default` prints on macOS: 'name: value' lines. Without a route there is no interface."""
    values = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}
    interface, gateway = values.get("interface", ""), values.get("gateway", "")
    if not interface:
        return ()
    is_router = "." in gateway or (":" in gateway and "link#" not in gateway)
    return (Route(interface, gateway if is_router else "", v6=v6),)


def parse_arp(text: str, address: str, interface: str) -> bool | None:
    """/proc/net/arp: whether the neighbour's hardware address is known; None when it was not asked for lately."""
    for fields in (line.split() for line in text.splitlines()[1:]):
        if len(fields) >= 6 and fields[0] == address and fields[5] == interface:
            return bool(int(fields[2], 16) & _COMPLETE)
    return None


def neighbour(route: Route, proc: Path = PROC) -> bool | None:
    """Whether the router of this route answered ARP; None = unknown, as always for IPv6 and on macOS."""
    text = None if route.v6 else _text(proc / "arp")
    return parse_arp(text, route.gateway, route.interface) if text else None


def _by_command(commands: Commands) -> tuple[Route, ...] | None:
    found: list[Route] = []
    told = False
    for v6 in (False, True):
        family = ("-inet6",) if v6 else ()
        ran = commands.run(("/sbin/route", "-n", "get", *family, "default"), _ROUTE_SECONDS)
        told = told or ran.code is not None
        found += parse_route_get(ran.out, v6)
    return tuple(found) if told else None


def _usable(flags: int) -> bool:
    return bool(flags & _UP) and not flags & _REJECT


def _native(number: int) -> bytes:
    return number.to_bytes(4, sys.byteorder)


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
