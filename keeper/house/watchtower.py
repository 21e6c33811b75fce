"""What the watchdog is built of: its eyes, its machine, its memory; and what a person may tell it.

Part of the wiring: it knows which real thing stands behind which port. Nothing here decides.
"""

from __future__ import annotations

import logging
import socket
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import psutil

from keeper.config import Settings
from keeper.demo.breaking import DemoHost
from keeper.errors import KeeperError, RunError, SettingsError
from keeper.house import rehearsal
from keeper.house.folders import Folder, Folders
from keeper.ports import Clock, Machine, Sight, Stop
from keeper.rules import own_load
from keeper.rules.budgets import budgets
from keeper.rules.types import (
    Acted,
    Action,
    Armed,
    Budget,
    Fact,
    Moment,
    Notice,
    Owner,
    Severity,
    Step,
    StepKind,
    WatchLimits,
)
from keeper.rules.watch import Host
from keeper.store.checks import Checks
from keeper.store.db import Database
from keeper.store.folders import StoredFolders
from keeper.store.watch_views import WatchViews
from keeper.store.watching import StoredWatch
from keeper.world.clock import SystemClock
from keeper.world.commands import SystemCommands
from keeper.world.eyes import Eyes
from keeper.world.files import FilesLook, path_map
from keeper.world.host import boot_alone
from keeper.world.hosts import HostSettings, choose
from keeper.world.links import Links
from keeper.world.network import NetworkLook, Targets
from keeper.world.plex import PlexClient
from keeper.world.probe import PlexLook
from keeper.world.vitals import HostLook
from monitor import Monitor, Senses

log = logging.getLogger(__name__)

HERE = {"localhost", "127.0.0.1", "::1"}


class Watchtower:
    """The watchdog of one house. Building it starts nothing and asks nothing of Plex."""

    def __init__(
        self,
        settings: Settings,
        clock: SystemClock,
        me: Owner,
        folders: StoredFolders,
        store: StoredWatch,
        checks: Checks,
        probe: PlexLook,
        server_id: Callable[[], int],
        open_client: Callable[[float, Stop], PlexClient],
        brake: Stop,
        demo: DemoHost | None = None,
        measuring: Callable[[float], bool] = lambda since: False,
    ) -> None:
        """`measuring`: whether a speed test of ours filled the line at any moment since then (monotonic)."""
        self._settings, self._clock, self._boot = settings, clock, boot_alone(me)
        self.watch, self._checks = store, checks
        self._open_client, self._brake = open_client, brake
        commands = SystemCommands(clock)
        self._demo = demo
        self._probe = probe
        self.machine = demo.machine if demo else self._own_machine(commands)
        self._folders = Folders(folders, clock, lambda: checks.sections(server_id()), _path_map(settings))
        self._files = self._files_look()
        self.limits = WatchLimits(
            address=settings.plex_url or "demo",
            interval=settings.watch_interval,
            max_restarts=settings.max_retries,
            network_rounds=settings.network_restart_attempts,
            reboots_a_day=settings.max_reboot_attempts,
            reboot_pause=settings.reboot_cycle_pause,
            slow=settings.plex_slow_seconds,
        )
        sights = self._sights(probe, commands)
        eyes = Forbearing(Eyes(sights, clock), clock, measuring, self.limits.slow)
        senses = Senses(eyes, probe, self.machine, store, self.moment, self._map_port_again)
        self.monitor = Monitor(senses, self.limits, clock.local_zone())
        self._wishes: deque[tuple[Action, str]] = deque()

    def close(self) -> None:
        self._files.close()

    def moment(self) -> Moment:
        return Moment(self._clock.now(), self._boot, self._clock.uptime())

    # ------------------------------------------------------------------ what the engine does

    def tick(self) -> None:
        """What a person asked for first, then the look."""
        while self._wishes:
            action, by = self._wishes.popleft()
            self.monitor.do(action, by)
        self.monitor.tick()

    # ------------------------------------------------------------------ what a person may do

    def arm(self, armed: frozenset[Armed], by: str) -> None:
        self.watch.arm(armed, by, self._clock.now())

    def hold(self, until: datetime | None, by: str) -> None:
        self.watch.hold(until, by, self._clock.now())

    def forget_actions(self, by: str) -> None:
        now, watch = self._clock.now(), self.watch.load()
        message = f"{by} set back the limits: {len(watch.taken)} earlier actions count no more."
        notice = Notice("Limits Reset", Severity.WARNING, message, {"by": by, "count": len(watch.taken)})
        step = Step(StepKind.OWNER, now, watch.cause, {"action": "limits_reset", "by": by})
        self.watch.concluded(replace(watch, taken=()), step, (notice,))

    def folders(self, look: bool = False) -> list[Folder]:
        """The folders of the libraries, as the last look saw them, or (not those of the demo) as they are now.

        Looking takes up to 3 s. Raises StoreError.
        """
        return self.folders_in(self._seen_of_folders(look))

    def _seen_of_folders(self, look: bool) -> Mapping[str, Fact]:
        if self._demo or not look:
            last = self._checks.last()
            return last.facts if last else {}
        files = self._files_look()  # of its own: that of the watchdog is not for two at once
        try:
            return files.look()
        finally:
            files.close()

    def folders_in(self, facts: Mapping[str, Fact]) -> list[Folder]:
        """The folders of the libraries as a look saw them."""
        return self._folders.show(facts)

    def accept_folder(self, path: str, by: str) -> str:
        """What a folder was like before counts no more, on the word of `by`: it is learnt anew at the next look.

        The path as it is called here. Takes up to 3 s. Raises StoreError; RunError for one that no library has, and
        for one that is missing or does not answer.
        """
        found = self._folders.accept(path, by, self._seen_of_folders(look=True))
        log.info("folder %s accepted as it is by %s", found, by)
        return found

    def wish(self, action: Action, by: str) -> None:
        """Queues an action for the engine. Raises RunError when this machine cannot do it."""
        able = self.monitor.abilities().get(action)
        if action is Action.NONE or (able is not None and able.can is False):
            raise RunError(able.sentence if able else "There is nothing to do.")
        self._wishes.append((action, by))
        log.info("%s asked for by %s", action.value, by)

    def budgets(self) -> list[Budget]:
        """What the limits still allow, as the memory in the store says."""
        return budgets(self.watch.load(), self._present_limits(), self.moment(), self._clock.local_zone())

    def simulate(self, script: str, armed: frozenset[Armed] | None = None) -> dict[str, Any]:
        """Raises RunError for a script that cannot be read."""
        able = Host(dict.fromkeys(Action, True), self._clock.local_zone())
        return rehearsal.rehearse(script, self._present_limits(), able, armed)

    def _present_limits(self) -> WatchLimits:
        return replace(self.limits, armed=self.watch.armed(), held_until=self.watch.held_until())

    # ------------------------------------------------------------------ the parts

    def _sights(self, probe: PlexLook, commands: SystemCommands) -> Mapping[str, Sight]:
        """The demo pretends a Plex server, its machine and its folders, so nothing else is looked at there."""
        sights: dict[str, Sight] = {"plex": probe, "host": HostLook(self._clock, self._boot)}
        if self._demo:
            return sights | {"machine": self._demo.machine, "folders": self._demo.folders}
        sights |= {"machine": self.machine, "files": self._files}
        if self._settings.endpoints:
            sights["network"] = self._network(commands)
        return sights

    def _own_machine(self, commands: SystemCommands) -> Machine:
        settings = _host_settings(self._settings, self._is_local)
        return choose(commands, settings, self._clock, remembered=lambda: self.monitor.known_interface())

    def _is_local(self) -> bool:
        """Asked at each look: the address may come after we have started, and Plex stays here when it is lost."""
        host = urlsplit(self._settings.plex_url).hostname or ""
        return is_here(host) or self._probe.was_here(host)

    def _network(self, commands: SystemCommands) -> NetworkLook:
        links = Links(
            configured=self._settings.network_interface,
            remembered=lambda: self.monitor.known_interface(),
            commands=commands if sys.platform == "darwin" else None,
        )
        try:
            return NetworkLook(Targets(endpoints=self._settings.endpoints), links, self._clock)
        except ValueError as problem:
            given = self._settings.network_test_endpoints
            raise SettingsError(
                "NETWORK_TEST_ENDPOINTS", given, "host, host:port or [v6]:port with commas"
            ) from problem

    def _files_look(self) -> FilesLook:
        folders, anchor = self._folders, self._settings.mount_anchor
        return FilesLook(folders.paths, self._disks, self._clock, folders, anchor)

    def _disks(self) -> dict[str, str]:
        named = {"data": self._settings.plex_data_dir, "transcode": self._settings.plex_transcode_dir}
        return {label: str(path) for label, path in named.items() if path}

    def _map_port_again(self) -> Acted:
        client = self._open_client(self._settings.plex_timeout, self._brake)
        try:
            if not self._probe.is_known(client):
                return Acted(False, "The known Plex server does not answer at PLEX_URL, so nobody was asked.")
            client.map_port_again()
        except KeeperError as problem:
            return Acted(False, problem.sentence)
        finally:
            client.close()
        return Acted(True, "Plex was asked to map its port again.")


class Forbearing:
    """The whole look, which blames nobody for a line that we fill ourselves. The Sight port."""

    def __init__(self, eyes: Sight, clock: Clock, measuring: Callable[[float], bool], slow: float) -> None:
        self._eyes, self._clock, self._measuring, self._slow = eyes, clock, measuring, slow

    def look(self) -> dict[str, Fact]:
        """A test that began or ended during the look counts as well, be it that it did both."""
        began = self._clock.monotonic()
        before = self._measuring(began)
        facts = self._eyes.look()
        return own_load.excused(facts, self._slow) if before or self._measuring(began) else facts


class WatchReader(WatchViews):
    """What pages and commands may read of the watchdog."""

    def __init__(self, database: Database, clock: SystemClock, interval: float, store: StoredWatch) -> None:
        super().__init__(database, clock, interval)
        self.armed, self.held_until = store.armed, store.held_until


def _path_map(settings: Settings) -> Callable[[str], str]:
    try:
        return path_map(settings.mount_map)
    except ValueError as problem:
        raise SettingsError("MOUNT_MAP", settings.mount_map, str(problem)) from problem


def is_here(host: str) -> bool:
    """Whether an address of Plex is one of this machine's own."""
    own = {row.address for rows in psutil.net_if_addrs().values() for row in rows}
    return host in HERE or host in own or host == socket.gethostname()


def _host_settings(settings: Settings, is_local: Callable[[], bool]) -> HostSettings:
    return HostSettings(
        kind=settings.host_kind,
        ask_local=is_local,
        plex_service=settings.plex_service,
        restart_command=settings.restart_command,
        interface=settings.network_interface,
        reboot_command=settings.reboot_argv,
    )
