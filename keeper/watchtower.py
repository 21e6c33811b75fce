"""What the watchdog is built of: its eyes, its machine, its memory; and what a person may tell it.

Part of the wiring: it knows which real thing stands behind which port. Nothing here decides.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import psutil

from keeper import rehearsal
from keeper.config import Settings
from keeper.errors import KeeperError, RunError, SettingsError
from keeper.ports import Sight, Stop
from keeper.rules.budgets import budgets
from keeper.rules.types import (
    Acted,
    Action,
    Armed,
    Budget,
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
from keeper.store.memory import StoredMemory
from keeper.store.watch_views import WatchViews
from keeper.store.watching import StoredWatch
from keeper.world.clock import SystemClock
from keeper.world.commands import SystemCommands
from keeper.world.eyes import Eyes
from keeper.world.files import FilesLook, Known, path_map
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
        memory: StoredMemory,
        store: StoredWatch,
        checks: Checks,
        probe: PlexLook,
        server_id: Callable[[], int],
        open_client: Callable[[float, Stop], PlexClient],
        brake: Stop,
    ) -> None:
        self._settings, self._clock, self._boot = settings, clock, me.boot
        self.watch, self._checks, self._server_id = store, checks, server_id
        self._open_client, self._brake = open_client, brake
        commands = SystemCommands(clock)
        self.machine = choose(commands, _host_settings(settings), clock)
        self._files = FilesLook(self._paths, self._disks, clock, _Folders(memory), settings.mount_anchor)
        self.limits = WatchLimits(
            address=settings.plex_url or "demo",
            interval=settings.check_interval,
            max_restarts=settings.max_retries,
            network_rounds=settings.network_restart_attempts,
            reboots_a_day=settings.max_reboot_attempts,
            reboot_pause=settings.reboot_cycle_pause,
        )
        sights = self._sights(probe, commands)
        senses = Senses(Eyes(sights, clock), probe, self.machine, store, self.moment, self._map_port_again)
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
        """The demo pretends a Plex server and nothing else, so nothing else is looked at there."""
        sights: dict[str, Sight] = {"plex": probe, "host": HostLook(self._clock, self._boot)}
        if self._settings.demo:
            return sights
        sights |= {"machine": self.machine, "files": self._files}
        if self._settings.endpoints:
            sights["network"] = self._network(commands)
        return sights

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

    def _paths(self) -> list[str]:
        """The folders of the libraries as last seen, by their names on this machine."""
        ours = path_map(self._settings.mount_map)
        return [ours(path) for section in self._checks.sections(self._server_id()) for path in section.locations]

    def _disks(self) -> dict[str, str]:
        named = {"data": self._settings.plex_data_dir, "transcode": self._settings.plex_transcode_dir}
        return {label: str(path) for label, path in named.items() if path}

    def _map_port_again(self) -> Acted:
        client = self._open_client(self._settings.plex_timeout, self._brake)
        try:
            client.map_port_again()
        except KeeperError as problem:
            return Acted(False, problem.sentence)
        finally:
            client.close()
        return Acted(True, "Plex was asked to map its port again.")


class WatchReader(WatchViews):
    """What pages and commands may read of the watchdog."""

    def __init__(self, database: Database, clock: SystemClock, interval: float, store: StoredWatch) -> None:
        super().__init__(database, clock, interval)
        self.armed, self.held_until = store.armed, store.held_until


class _Folders(MutableMapping[str, Known]):
    """What is known of the library folders, in the store: a mount that is missing after a reboot is no new library."""

    KEY = "watch.folders"

    def __init__(self, memory: StoredMemory) -> None:
        self._memory = memory
        self._known: dict[str, Known] | None = None

    def __getitem__(self, path: str) -> Known:
        return self._all()[path]

    def __setitem__(self, path: str, known: Known) -> None:
        self._write({**self._all(), path: known})

    def __delitem__(self, path: str) -> None:
        self._write({name: known for name, known in self._all().items() if name != path})

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, Known]:
        if self._known is None:
            self._known = _folders(self._memory.noted(self.KEY))
        return self._known

    def _write(self, known: dict[str, Known]) -> None:
        self._memory.note(self.KEY, json.dumps(known), "watchdog")
        self._known = known


def _folders(text: str) -> dict[str, Known]:
    """What cannot be read is forgotten: the folders are then learnt anew, as at the first start."""
    try:
        return {path: Known(*row) for path, row in json.loads(text or "{}").items()}
    except (ValueError, TypeError, AttributeError):
        log.error("what was known of the library folders cannot be read and is learnt anew")
        return {}


def _is_here(host: str) -> bool:
    """Whether an address of Plex is one of this machine's own."""
    own = {row.address for rows in psutil.net_if_addrs().values() for row in rows}
    return host in HERE or host in own or host == socket.gethostname()


def _host_settings(settings: Settings) -> HostSettings:
    host = urlsplit(settings.plex_url).hostname or ""
    return HostSettings(
        kind="none" if settings.demo else settings.host_kind,
        local=_is_here(host),
        plex_service=settings.plex_service,
        restart_command=settings.restart_command,
        interface=settings.network_interface,
        reboot_command=settings.reboot_argv,
    )
