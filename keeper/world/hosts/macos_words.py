"""What the network programs of macOS print, read into plain values. Pure: text in, values out."""

from __future__ import annotations

import re
from typing import NamedTuple


class NetworkService(NamedTuple):
    """One row of `networksetup -listnetworkserviceorder`. A VPN has no device."""

    name: str
    port: str  # 'Wi-Fi', 'Ethernet', ...
    device: str
    enabled: bool


_NAME = re.compile(r"\((\d+|\*)\)\s+(.+)")
_DEVICE = re.compile(r"\(Hardware Port: (.*), Device: (.*)\)")


def network_services(text: str) -> list[NetworkService]:
    """The services in their order. '(*)' instead of a number marks one that is switched off.

    (1) Ethernet
    (Hardware Port: Ethernet, Device: en0)
    """
    found: list[NetworkService] = []
    number = name = ""
    for line in text.splitlines():
        if device := _DEVICE.fullmatch(line.strip()):
            if name:
                found.append(NetworkService(name, device[1].strip(), device[2].strip(), number != "*"))
            number = name = ""
        elif named := _NAME.fullmatch(line.strip()):
            number, name = named[1], named[2]
    return found


def default_device(text: str) -> str:
    """The interface in the answer of `route -n get default`; '' = there is no default route."""
    found = re.search(r"^\s*interface:\s*(\S+)", text, re.MULTILINE)
    return found[1] if found else ""


def uses_dhcp(text: str) -> bool:
    """Whether `networksetup -getinfo SERVICE` speaks of an address by DHCP, and not of one set by hand."""
    return text.lstrip().startswith("DHCP Configuration")


def job_state(text: str) -> dict[str, str]:
    """The top level of `launchctl print DOMAIN/LABEL`: {'state': 'running', 'pid': '411', 'last exit code': '0'}."""
    return dict(re.findall(r"^\t(state|pid|runs|last exit code) = (.+)$", text, re.MULTILINE))
