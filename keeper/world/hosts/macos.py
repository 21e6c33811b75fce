"""Plex on this Mac, where it is an app in the session of whoever is logged in at the screen.

Written after the manuals; there was no Mac to try it on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import psutil

from keeper.ports import Clock, Commands
from keeper.rules.types import Ability, Acted, Action, Fact
from keeper.world.hosts.linux import ELSEWHERE, SET_COMMAND, unseen
from keeper.world.hosts.macos_words import NetworkService, default_device, job_state, network_services, uses_dhcp
from keeper.world.hosts.packages import updating
from keeper.world.hosts.processes import MAIN, Processes, facts_of
from keeper.world.hosts.recipes import Doer, Recipe, Step, not_known, own_command, refused
from keeper.world.hosts.rights import Rights
from keeper.world.hosts.settings import HostSettings, is_interface_name, is_service_name

_SECONDS = 3.0
_QUIT_SECONDS = 15.0
_WIFI = ("Wi-Fi", "AirPort")


class MacMachine:
    """The Machine port. `root` is where /dev is found; `user` the number of the user we are; `remembered` names the
    interface that had the default route while all was well."""

    name = "macos"

    def __init__(
        self,
        commands: Commands,
        settings: HostSettings,
        clock: Clock,
        root: Path = Path("/"),
        rights: Rights | None = None,
        user: int | None = None,
        remembered: Callable[[], str] = lambda: "",
    ) -> None:
        self._commands, self._settings, self._clock, self._root = commands, settings, clock, root
        self._user = os.getuid() if user is None else user
        self._doer = Doer(commands, rights or Rights(commands, lambda: self._user == 0))
        self._processes = Processes()
        self._boot_id = ""
        self._remembered = remembered

    # ---- looking -------------------------------------------------------------------------------------

    def look(self) -> dict[str, Fact]:
        """Facts of Plex and of the machine. Runs launchctl when a label is set, and once sysctl; at most 3 s each."""
        if not self._settings.is_local():
            return unseen() | self.boot_facts()
        service = {"service": self._service()}
        return self.boot_facts() | self.process_facts() | service | {"updating": self.updating("")}

    def boot_facts(self) -> dict[str, Fact]:
        return {"uptime_s": Fact(self._uptime()), "boot_id": Fact(self._boot())}

    def process_facts(self) -> dict[str, Fact]:
        process = self._processes.main()
        return facts_of(process, self._uptime()) if process else {"process": Fact(False, "gone")}

    def updating(self, image: str) -> Fact:
        return updating(self._root, image)

    def main_process(self) -> psutil.Process | None:
        return self._processes.main()

    def _uptime(self) -> float:
        return round(max(0.0, self._clock.now().timestamp() - psutil.boot_time()), 1)

    def _boot(self) -> str:
        """The system's own name of this boot; the time of the boot would move with every correction of the clock."""
        if not self._boot_id:
            ran = self._commands.run(("sysctl", "-n", "kern.bootsessionuuid"), _SECONDS)
            self._boot_id = ran.out if ran.code == 0 and ran.out else str(int(psutil.boot_time()))
        return self._boot_id

    def _service(self) -> Fact:
        label = self._settings.plex_service
        if not is_service_name(label):
            return Fact(None, "no_service_manager")
        ran = self._commands.run(("launchctl", "print", self._job(label)), _SECONDS)
        if ran.code != 0:
            return Fact(None, "no_answer" if ran.code is None else "unknown_unit")
        job = job_state(ran.out)
        if job.get("state") == "running":
            return Fact(True, "active")
        ended_well = job.get("last exit code", "").startswith(("0", "(never"))
        return Fact(False, "inactive" if ended_well else "failed")

    def _job(self, label: str) -> str:
        return f"gui/{self._screen_user()}/{label}"

    def _screen_user(self) -> int:
        """The number of the user who is logged in at the screen; 0 = nobody."""
        try:
            return (self._root / "dev/console").stat().st_uid
        except OSError:
            return 0

    # ---- acting --------------------------------------------------------------------------------------

    def abilities(self) -> dict[Action, Ability]:
        """What can be done and why not. Asks the network programs and sudo, some seconds at the worst."""
        return self._doer.abilities(self.recipe)

    def act(self, action: Action, interface: str) -> Acted:
        """Does it. Before the app is opened again it is made sure that the old one has gone: up to 35 s more."""
        recipe = self.recipe(action, interface)
        if action is Action.RESTART_PLEX and recipe == self._reopen():
            self._quit()
        return self._doer.carry_out(recipe)

    def recipe(self, action: Action, interface: str) -> Recipe:
        if action is Action.RESTART_PLEX:
            return self._restart()
        if action is Action.REBOOT:
            return self._reboot()
        if action is Action.DNS_RESET:
            return (
                Step(("dscacheutil", "-flushcache"), 10, optional=True),
                Step(("killall", "-HUP", "mDNSResponder"), 10),
            )
        if action in (Action.NET_SOFT, Action.NET_HARD):
            return self._network(action is Action.NET_HARD, interface or self._remembered())
        return not_known(action)

    def _restart(self) -> Recipe:
        if self._settings.restart_command:
            return own_command(self._settings.restart_command, 120)
        if not self._settings.is_local():
            return refused(ELSEWHERE, SET_COMMAND)
        screen = self._screen_user()
        if not screen:
            return refused("Plex is an app, and nobody is logged in at the screen.", "Switch on automatic login.")
        if self._user not in (0, screen):
            return refused("Another user is logged in at the screen.", f"Run this service as that user. {SET_COMMAND}")
        label = self._settings.plex_service
        if is_service_name(label):
            return (Step(("launchctl", "kickstart", "-k", self._job(label)), 30, root=False),)
        return self._reopen()

    def _reopen(self) -> tuple[Step, ...]:
        return (Step(self._in_session("open", "-a", MAIN), 30, root=False),)

    def _in_session(self, *argv: str) -> tuple[str, ...]:
        """Root has no screen: it has to put the command into the session of the user who has one."""
        if self._user:
            return argv
        screen = str(self._screen_user())
        return ("launchctl", "asuser", screen, "sudo", "-u", f"#{screen}", *argv)

    def _quit(self) -> None:
        """Asks the app to quit; one that hangs does not hear it and is ended by signals."""
        process = self._processes.main()
        if process is None:
            return
        tell = ("osascript", "-e", f'tell application "{MAIN}" to quit')
        self._commands.run(self._in_session(*tell), _QUIT_SECONDS)
        for end in (None, process.terminate, process.kill):
            try:
                if end:
                    end()
                process.wait(_QUIT_SECONDS if end is None else 5.0)
                return
            except psutil.TimeoutExpired:
                continue
            except (psutil.Error, OSError):
                return

    def _reboot(self) -> Recipe:
        if self._settings.reboot_command:
            return own_command(self._settings.reboot_command, 60)
        if not self._settings.is_local():
            return refused("Plex runs on another machine; restarting this one would not help it.")
        return (Step(("shutdown", "-r", "now"), 30),)

    # ---- network -------------------------------------------------------------------------------------

    def _network(self, hard: bool, last_good: str) -> Recipe:
        """Only the service that carries the default route is touched, or carried it while all was well."""
        service = self._network_service(last_good)
        if service is None:
            return refused("It cannot be told which network service counts.", "Set NETWORK_INTERFACE, such as en0.")
        if not service.enabled:
            return refused(f"{service.name} is switched off in the settings of this Mac; its owner wanted that.")
        if hard:
            return _off_and_on(service)
        info = self._commands.run(("networksetup", "-getinfo", service.name), _SECONDS)
        if info.code != 0 or not uses_dhcp(info.out):
            return refused(f"The address of {service.name} is set by hand; there is none to ask for again.")
        return (Step(("ipconfig", "set", service.device, "DHCP"), 20),)

    def _network_service(self, last_good: str) -> NetworkService | None:
        route = self._commands.run(("route", "-n", "get", "default"), _SECONDS)
        device = self._settings.interface or default_device(route.out) or last_good
        if not is_interface_name(device):
            return None
        listing = self._commands.run(("networksetup", "-listnetworkserviceorder"), _SECONDS)
        return next((service for service in network_services(listing.out) if service.device == device), None)


def _off_and_on(service: NetworkService) -> Recipe:
    """What was switched off must be switched on again whatever happened, so that is tried twice."""
    if service.port in _WIFI:
        switch: tuple[str, ...] = ("networksetup", "-setairportpower", service.device)
    else:
        switch = ("networksetup", "-setnetworkserviceenabled", service.name)
    return (
        Step((*switch, "off"), 20, optional=True),
        Step((*switch, "on"), 20),
        Step((*switch, "on"), 20, otherwise=True),
    )
