"""The network of a Linux machine: which interface counts, who manages it, and what resets it.

Only the manager that set an interface up can do that again. Taking a link down and up by hand loses its routes and its
IPv6 addresses, and where no manager watches, nobody puts them back: then nothing is done at all.
"""

from __future__ import annotations

import re
from pathlib import Path

from keeper.ports import Commands
from keeper.world.dns_query import configured
from keeper.world.hosts.recipes import Recipe, Step, refused, systemd_runs
from keeper.world.hosts.settings import is_interface_name
from keeper.world.hosts.units import Unit, ask_units

_HANDS_OUT_DNS = ("NetworkManager", "networkd")
_NM_WAIT = "45"  # seconds that NetworkManager is given
_RESOLVED, _NSCD, _DNSMASQ = "systemd-resolved.service", "nscd.service", "dnsmasq.service"
_STUB = "127.0.0.53"  # where systemd-resolved listens
_SET_INTERFACE = "Set NETWORK_INTERFACE to the name that `ip link` shows."


class Networks:
    """Recipes for the interface and for the local name service. Finding out runs up to two commands of 3 and 5 s."""

    def __init__(self, commands: Commands, root: Path, configured: str) -> None:
        self._commands, self._root, self._configured = commands, root, configured

    def interface(self, last_good: str = "") -> str:
        """The one that counts; '' = cannot be told.

        The default route tells, but it is gone exactly when it is needed. So: what the owner said, the default route,
        the one that had it while all was well, the only one with real hardware.
        """
        if self._configured:
            return self._configured
        present = [name for name in (_default_route(self._root), last_good) if name and self._exists(name)]
        hardware = [path.parent.name for path in (self._root / "sys/class/net").glob("*/device")]
        return next(iter(present), hardware[0] if len(hardware) == 1 else "")

    def soft(self, last_good: str) -> Recipe:
        """Have the manager apply its configuration again; the link stays up."""
        name = self.interface(last_good)
        manager = self._manager(name)
        if manager == "NetworkManager":
            return (Step(("nmcli", "--wait", _NM_WAIT, "device", "reapply", name), 50),)
        if manager == "networkd":
            return (Step(("networkctl", "reconfigure", name), 20),)
        if manager == "ifupdown":
            return refused("ifupdown cannot set an interface up again without taking it down.")
        return self._unmanaged(name)

    def hard(self, last_good: str) -> Recipe:
        """Down and up again, by the manager."""
        name = self.interface(last_good)
        manager = self._manager(name)
        if manager == "NetworkManager":  # it does not switch on a link that somebody switched off
            return (
                Step(("ip", "link", "set", "dev", name, "up"), 10, optional=True),
                Step(("nmcli", "--wait", _NM_WAIT, "device", "connect", name), 50),
            )
        if manager == "networkd":
            return (
                Step(("networkctl", "down", name), 15, optional=True),
                Step(("networkctl", "up", name), 15),
                Step(("networkctl", "reconfigure", name), 20),
            )
        if manager == "ifupdown":
            return (Step(("ifdown", "--force", name), 30, optional=True), Step(("ifup", name), 90))
        return self._unmanaged(name)

    def dns(self, last_good: str) -> Recipe:
        """Whatever name service runs here is emptied, cleaned and restarted.

        A dnsmasq that all programs ask may hang, and then hears no signal; one that only serves others keeps running.
        The servers of the link are taken back before the restart: afterwards NetworkManager hands out the right ones
        again, and taking those back would leave none. Where no manager does that, they are left alone.
        """
        units = {unit.get("Id", ""): unit for unit in self._ask(_RESOLVED, _NSCD, _DNSMASQ)}
        steps: list[Step] = []
        if self._resolves(units.get(_RESOLVED, {})):
            name = self.interface(last_good)
            steps.append(Step(("resolvectl", "flush-caches"), 3, root=False, optional=True))
            if self._manager(name) in _HANDS_OUT_DNS:
                steps.append(Step(("resolvectl", "revert", name), 3, optional=True))
            steps.append(Step(("systemctl", "restart", _RESOLVED), 30))
        if _is_active(units.get(_NSCD, {})):
            steps.append(Step(("nscd", "-i", "hosts"), 10))
        dnsmasq = units.get(_DNSMASQ, {})
        if self._asks_here() and (_is_active(dnsmasq) or _has_crashed(dnsmasq)):
            steps.append(Step(("systemctl", "restart", _DNSMASQ), 30))
        elif _is_active(dnsmasq):
            steps.append(Step(("systemctl", "kill", "-s", "HUP", _DNSMASQ), 10))
        return tuple(steps) or refused("No local name service of a known kind runs here; there is nothing to reset.")

    def _resolves(self, unit: Unit) -> bool:
        """Whether systemd-resolved is the resolver of this machine, also while it is dead."""
        if _is_active(unit):
            return True
        return unit.get("LoadState") == "loaded" and _STUB in self._servers()

    def _asks_here(self) -> bool:
        """Whether programs ask a resolver on this machine that is not the stub of systemd."""
        return any(server != _STUB and (server.startswith("127.") or server == "::1") for server in self._servers())

    def _servers(self) -> tuple[str, ...]:
        return configured(self._root / "etc/resolv.conf") or ()

    def _manager(self, name: str) -> str:
        if not self._exists(name):
            return ""
        units = {unit.get("Id", ""): unit for unit in self._ask("NetworkManager.service", "systemd-networkd.service")}
        if _is_active(units.get("NetworkManager.service", {})) and self._nm_manages(name):
            return "NetworkManager"
        if _is_active(units.get("systemd-networkd.service", {})) and _networkd_manages(self._root, name):
            return "networkd"
        return "ifupdown" if _ifupdown_manages(self._root, name) else ""

    def _nm_manages(self, name: str) -> bool:
        ran = self._commands.run(("nmcli", "-g", "GENERAL.STATE", "device", "show", name), 5)
        return ran.code == 0 and bool(ran.out) and not ran.out.startswith("10 ")  # 10 (unmanaged)

    def _ask(self, *names: str) -> list[Unit]:
        return (ask_units(self._commands, names) if systemd_runs(self._root) else None) or []

    def _exists(self, name: str) -> bool:
        return is_interface_name(name) and (self._root / "sys/class/net" / name).exists()

    def _unmanaged(self, name: str) -> Recipe:
        if not name:
            return refused("It cannot be told which network interface counts.", _SET_INTERFACE)
        if not self._exists(name):
            return refused(f"There is no network interface {name!r}.", _SET_INTERFACE)
        return refused(
            f"No network manager looks after {name}: taken down and up again it would lose its routes for good.",
            "NetworkManager, systemd-networkd or ifupdown must manage it.",
        )


def _default_route(root: Path) -> str:
    """The interface of the IPv4 default route with the lowest metric, from /proc/net/route; '' = there is none."""
    try:
        rows = [row.split() for row in (root / "proc/net/route").read_text(encoding="ascii").splitlines()[1:]]
    except (OSError, UnicodeDecodeError):
        return ""
    ways = [(int(row[6]), row[0]) for row in rows if len(row) > 7 and row[1] == row[7] == "00000000" and _is_up(row[3])]
    return min(ways)[1] if ways else ""


def _is_up(flags: str) -> bool:
    return int(flags, 16) & 1 == 1


def _networkd_manages(root: Path, name: str) -> bool:
    """/run/systemd/netif/links/INDEX says whether a .network file applies; it is readable by everybody."""
    try:
        index = (root / "sys/class/net" / name / "ifindex").read_text(encoding="ascii").strip()
        state = (root / "run/systemd/netif/links" / index).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    found = re.search(r"^ADMIN_STATE=(\w+)", state, re.MULTILINE)
    return found is not None and found[1] != "unmanaged"


def _ifupdown_manages(root: Path, name: str) -> bool:
    folder = root / "etc/network"
    line = re.compile(rf"^\s*iface\s+{re.escape(name)}\s", re.MULTILINE)
    for file in (folder / "interfaces", *sorted((folder / "interfaces.d").glob("*"))):
        try:
            if line.search(file.read_text(encoding="utf-8", errors="replace")):
                return True
        except OSError:
            continue
    return False


def _is_active(unit: Unit) -> bool:
    return unit.get("ActiveState") in ("active", "activating", "reloading")


def _has_crashed(unit: Unit) -> bool:
    """It ran and was ended from outside. One that could not start stays as it is: another resolver has its port."""
    return unit.get("ActiveState") == "failed" and unit.get("Result") in ("signal", "core-dump", "oom-kill", "watchdog")
