"""Plex on this Linux machine: its process, its systemd unit, and what can be done here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil

from keeper.ports import Commands
from keeper.rules.types import Ability, Acted, Action, Fact
from keeper.world.clock import SystemClock
from keeper.world.hosts.networks import Networks
from keeper.world.hosts.packages import updating
from keeper.world.hosts.processes import Processes, facts_of
from keeper.world.hosts.recipes import Doer, Recipe, Step, not_known, own_command, refused, systemd_runs
from keeper.world.hosts.rights import Rights
from keeper.world.hosts.settings import HostSettings, is_service_name
from keeper.world.hosts.units import (
    USUAL_UNITS,
    Unit,
    ask_units,
    is_known,
    is_of_plex,
    read_cgroup,
    service_facts,
    unit_of,
)

ELSEWHERE = "Plex runs on another machine; this one cannot see or restart it."
SET_COMMAND = "Set PLEX_RESTART_COMMAND to a command that restarts Plex."
INSIDE = "This program runs in a container; network and power are the business of the machine around it."


class LinuxMachine:
    """The Machine port. `root` is where /proc, /sys, /run and /etc are found; `inside` = we live in a container.

    `remembered` names the interface that had the default route while all was well: what can be done is asked just when
    the route is gone, and then nothing else tells which one counts.
    """

    name = "linux"

    def __init__(
        self,
        commands: Commands,
        settings: HostSettings,
        root: Path = Path("/"),
        rights: Rights | None = None,
        inside: bool = False,
        remembered: Callable[[], str] = lambda: "",
    ) -> None:
        self._commands, self._settings, self._root, self._inside = commands, settings, root, inside
        self._doer = Doer(commands, rights or Rights(commands))
        self._networks = Networks(commands, root, settings.interface)
        self._processes = Processes()
        self._unit = _with_suffix(settings.plex_service)
        self._remembered = remembered

    # ---- looking -------------------------------------------------------------------------------------

    def look(self) -> dict[str, Fact]:
        """Facts of Plex and of the machine. One `systemctl show` of at most 3 s, the rest is read."""
        if not self._settings.is_local():
            return unseen() | self.boot_facts()
        facts = self.boot_facts() | self.process_facts() | self._service()
        return facts | {"updating": self.updating("")}

    def boot_facts(self) -> dict[str, Fact]:
        """uptime_s and boot_id of this machine."""
        return {"uptime_s": Fact(_uptime(self._root)), "boot_id": Fact(_boot_id(self._root))}

    def process_facts(self) -> dict[str, Fact]:
        """process, and what can be told of a living one. That none is seen proves nothing where we cannot see all."""
        process = self._processes.main()
        if process is not None:
            return facts_of(process, SystemClock().uptime())
        if self._processes.was_seen or self._sees_all():
            return {"process": Fact(False, "gone")}
        return {"process": Fact(None, "hidden")}

    def updating(self, image: str) -> Fact:
        """Whether Plex is being updated; `image` = that of its container."""
        found = updating(self._root, image)
        return found if found.value is not False or self._sees_all() else Fact(None, "hidden")

    def main_process(self) -> psutil.Process | None:
        return self._processes.main()

    def _sees_all(self) -> bool:
        """Whether processes of other users are shown to us at all (hidepid= of /proc, ProtectProc= of our unit)."""
        return not self._inside and (self._root / "proc/1/stat").exists()

    def _service(self) -> dict[str, Fact]:
        if not systemd_runs(self._root):
            return {"service": Fact(None, "no_service_manager")}
        unit = self._find_unit()
        return {"service": Fact(None, "no_answer")} if unit is None else service_facts(unit)

    def _find_unit(self) -> Unit | None:
        """What systemd says of Plex's unit; {} = none is known, None = no answer.

        It is the one that the owner named, that was found before, that the running process belongs to, or a usual one.
        Once found it is kept: when Plex is dead, no process shows it any more.
        """
        process = None if self._unit else self._processes.main()
        own = unit_of(read_cgroup(self._root, process.pid)) if process else ""
        names = [name for name in ((self._unit,) if self._unit else (own, *USUAL_UNITS)) if is_service_name(name)]
        units = ask_units(self._commands, names) if names else []
        if units is None:
            return None
        idle: Unit = {}
        for unit in filter(is_known, units):
            if process and unit.get("Id") == own and not is_of_plex(unit, process.pid):
                continue
            if unit.get("ActiveState") != "inactive":
                self._unit = self._unit or unit.get("Id", "")
                return unit
            idle = idle or unit  # perhaps left over from another way of installing; a later look may find better
        return idle

    # ---- acting --------------------------------------------------------------------------------------

    def abilities(self) -> dict[Action, Ability]:
        """What can be done and why not. Asks systemd, the network manager and sudo; half a minute at the very worst."""
        return self._doer.abilities(self.recipe)

    def act(self, action: Action, interface: str) -> Acted:
        """Does it, within the limits of its steps."""
        return self._doer.carry_out(self.recipe(action, interface))

    def recipe(self, action: Action, interface: str) -> Recipe:
        if action is Action.RESTART_PLEX:
            return self._restart()
        if action is Action.REBOOT:
            return self._reboot()
        make = {
            Action.NET_SOFT: self._networks.soft,
            Action.NET_HARD: self._networks.hard,
            Action.DNS_RESET: self._networks.dns,
        }.get(action)
        if make is None:
            return not_known(action)
        return refused(INSIDE) if self._inside else make(interface or self._remembered())

    def _restart(self) -> Recipe:
        if self._settings.restart_command:
            return own_command(self._settings.restart_command, 120)
        if not self._settings.is_local():
            return refused(ELSEWHERE, SET_COMMAND)
        if not systemd_runs(self._root):
            return refused("No systemd runs here, so there is no unit of Plex to restart.", SET_COMMAND)
        unit = (self._find_unit() or {}).get("Id", "")
        if not is_service_name(unit):
            return refused("No systemd unit of Plex was found.", f"Set PLEX_SERVICE to its name. Or: {SET_COMMAND}")
        return (  # a unit that hit its start limit refuses to start until that is forgotten
            Step(("systemctl", "reset-failed", unit), 10, optional=True),
            Step(("systemctl", "--no-block", "restart", unit), 20),
        )

    def _reboot(self) -> Recipe:
        if self._settings.reboot_command:
            return own_command(self._settings.reboot_command, 60)
        if not self._settings.is_local():
            return refused("Plex runs on another machine; restarting this one would not help it.")
        if self._inside:
            return refused(INSIDE)
        if not systemd_runs(self._root):
            return refused("No systemd runs here that could restart the machine.", "Set REBOOT_COMMAND.")
        return (Step(("systemctl", "reboot"), 30),)


def unseen() -> dict[str, Fact]:
    """What is known of a Plex on another machine."""
    return dict.fromkeys(("process", "service", "updating"), Fact(None, "elsewhere"))


def _with_suffix(name: str) -> str:
    return name if not name or name.endswith(".service") else f"{name}.service"


def _uptime(root: Path) -> float | None:
    try:
        return float((root / "proc/uptime").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _boot_id(root: Path) -> str | None:
    try:
        return (root / "proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip() or None
    except OSError:
        return None
