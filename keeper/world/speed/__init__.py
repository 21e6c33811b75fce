"""The ways to measure the line, one file each: what stands behind the SpeedMeter port.

Every provider is a program of its own (`child`), which can be ended at any moment with all that it started; what it
costs is counted on this machine's interfaces as well (`traffic`), because what is ended early tells nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keeper.ports import Clock, SpeedMeter
from keeper.rules.types import SpeedProvider
from keeper.world.commands import SystemCommands
from keeper.world.speed.child import Bench
from keeper.world.speed.http import HttpTest
from keeper.world.speed.librespeed import LibreSpeed
from keeper.world.speed.ookla import Ookla
from keeper.world.speed.speedtest_cli import SpeedtestCli
from keeper.world.speed.traffic import Traffic

__all__ = ["SpeedOptions", "meters"]


@dataclass(frozen=True, slots=True)
class SpeedOptions:
    """What the settings say about the providers."""

    server: str = ""  # pinned, by its number at speedtest.net
    download_url: str = ""
    upload_url: str = ""
    http_mb: int = 100  # per direction, at most


def meters(order: Sequence[str], options: SpeedOptions, commands: SystemCommands, clock: Clock) -> list[SpeedMeter]:
    """The providers in that order, whether they can be used here or not. Made once and kept: they remember what they
    found out about programs of this machine."""
    bench = Bench(commands, clock, Traffic())
    made: dict[SpeedProvider, SpeedMeter] = {
        SpeedProvider.SPEEDTEST_CLI: SpeedtestCli(bench, options.server),
        SpeedProvider.OOKLA: Ookla(bench, options.server),
        SpeedProvider.LIBRESPEED: LibreSpeed(bench),
        SpeedProvider.HTTP: HttpTest(bench, options.download_url, options.upload_url, options.http_mb),
    }
    return [made[SpeedProvider(name)] for name in dict.fromkeys(order)]
