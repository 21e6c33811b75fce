"""The machine that Plex runs on, in four kinds. `choose` says which one it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from keeper.ports import Clock, Commands, Machine
from keeper.world.hosts.docker import DockerMachine, ask_container, container_of, find_container
from keeper.world.hosts.linux import LinuxMachine
from keeper.world.hosts.macos import MacMachine
from keeper.world.hosts.none import NoMachine
from keeper.world.hosts.processes import Processes
from keeper.world.hosts.recipes import systemd_runs
from keeper.world.hosts.settings import KINDS, HostSettings, is_service_name
from keeper.world.hosts.units import USUAL_UNITS, ask_units, is_known

__all__ = ["KINDS", "HostSettings", "choose"]

_INSIDE = (".dockerenv", "run/.containerenv")  # Docker's mark, and that of Podman


def choose(
    commands: Commands,
    settings: HostSettings,
    clock: Clock,
    root: Path = Path("/"),
    platform: str = sys.platform,
    remembered: Callable[[], str] = lambda: "",
) -> Machine:
    """The machine of the kind that was set, or that it looks like. May ask Docker and systemd, up to 5 s each.

    `remembered` names the interface that had the default route while all was well; '' = unknown.
    """
    inside = any((root / mark).exists() for mark in _INSIDE)
    kind = settings.kind if settings.kind != "auto" else _kind(commands, settings, root, platform, inside)
    if kind == "linux":
        return LinuxMachine(commands, settings, root, remembered=remembered)
    if kind == "macos":
        return MacMachine(commands, settings, clock, root, remembered=remembered)
    if kind == "docker" and platform == "darwin":
        here = MacMachine(commands, settings, clock, root, remembered=remembered)
        return DockerMachine(commands, settings, here, root)
    if kind == "docker":
        return DockerMachine(
            commands, settings, LinuxMachine(commands, settings, root, inside=inside, remembered=remembered), root
        )
    return NoMachine(commands, settings)


def _kind(commands: Commands, settings: HostSettings, root: Path, platform: str, inside: bool) -> str:
    if platform == "darwin":
        return "macos"
    if not platform.startswith("linux"):
        return "none"
    return "docker" if inside or (settings.is_local() and _is_in_docker(commands, settings, root)) else "linux"


def _is_in_docker(commands: Commands, settings: HostSettings, root: Path) -> bool:
    """What the owner named is a container, or nothing was named and Plex runs in one, or only in one it could run."""
    name = settings.plex_service
    if not name:
        in_one = bool(container_of(Processes().main(), root))
        return in_one or (not _has_unit(commands, root, USUAL_UNITS) and bool(find_container(commands)))
    if name.endswith(".service") or not is_service_name(name):
        return False
    ran = ask_container(commands, name)
    there = ran.code is not None or ran.timed_out  # Docker itself; it may be down just now
    return ran.code == 0 or (there and not _has_unit(commands, root, (name,)))


def _has_unit(commands: Commands, root: Path, names: Sequence[str]) -> bool:
    units = ask_units(commands, names) if systemd_runs(root) else None
    return any(map(is_known, units or []))
