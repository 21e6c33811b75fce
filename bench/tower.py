"""A watchdog on a real data file, in a made-up world whose time only moves when a look is over.

Every two days something happens: Plex crashes, hangs, or the line outside is down. The engine's test of what must not
grow runs the same one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from keeper.rules.types import Ability, Acted, Action, Check, Fact, Moment, Section, Stream, WatchLimits
from keeper.store.cleaner import StoredCleaner
from keeper.store.db import Database
from keeper.store.watching import StoredWatch
from monitor import Monitor, Senses

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, DAY = 3600.0, 86_400.0
TROUBLE_EVERY, TROUBLE_LASTS = 2 * DAY, 1800.0
RUN_DAYS, RUN_COUNT, BATCH_ROWS = 90, 500, 500  # as the settings and jobs.py have them
SECTIONS = [
    Section(str(number), "movie", f"Films {number}", "tv.plex.agents.movie", f"uuid-{number}", (f"/media/{number}",))
    for number in range(6)
]
#: What a look of a machine with four endpoints, six libraries and two named disks brings, all being well.
WELL: Mapping[str, Fact] = {
    **dict.fromkeys(
        (
            "port", "identity", "claimed", "token", "same_server", "count", "mapping", "link_up", "carrier", "address",
            "gateway", "internet", "dns", "dns_local", "dns_servers", "dns_public", "plex_tv", "disk", "mounts",
            "in_time",
        ),
        Fact(True),
    ),
    "version": Fact("1.43.3.10812-0de300c0d"), "name": Fact("Demo Server"), "route": Fact(True),
    "interface": Fact("enp3s0", "route"), "captive": Fact(False), "clock_wrong": Fact(False),
    "process": Fact(True, "running"), "service": Fact(True, "active"), "updating": Fact(False),
    "plex_updating": Fact(False), "sessions": Fact(0.0), "recordings": Fact(0.0), "plex_memory_mb": Fact(412.5),
    "swap_percent": Fact(3.1), "memory_percent": Fact(41.7), "temperature_c": Fact(48.0), "boot_id": Fact("boot 1"),
    **{f"mount:/media/{number}": Fact(True) for number in range(6)},
    **{f"disk_free_gb:{label}": Fact(812.4) for label in ("data", "transcode", "/media")},
}  # fmt: skip
CRASHED = {"port": Fact(False, "refused"), "process": Fact(False, "gone"), "service": Fact(False, "failed")}
HUNG = {"identity": Fact(False, "silent")}
OFFLINE = {"internet": Fact(False, "silent"), "plex_tv": Fact(None, "behind internet"), "mapping": Fact(False)}
TROUBLES = (CRASHED, HUNG, OFFLINE)


class Tower:
    """Eyes, Plex and machine of one Monitor at once, and the hourly retention. `interval` is CHECK_INTERVAL."""

    name = "linux"

    def __init__(self, file: Path, interval: float) -> None:
        self.database = Database(file)
        self.database.migrate()
        self.seconds, self.ticks, self.acted = 0.0, 0, 0
        self._cleaner, self._clean_at = StoredCleaner(self.database, interval), HOUR
        self._mended, self._dice = -1, random.Random(7)
        senses = Senses(self, self, self, StoredWatch(self.database), self.moment, lambda: Acted(True, "asked"))
        self.monitor = Monitor(senses, WatchLimits(interval=interval), UTC)

    def tick(self) -> Check:
        """One look with all that follows it, and retention once an hour."""
        check = self.monitor.tick()
        self.ticks += 1
        self.seconds += self.monitor.interval
        if self.seconds >= self._clean_at:
            self._clean_at = self.seconds + HOUR
            while self._cleaner.prune(self.moment().at, RUN_DAYS, RUN_COUNT, BATCH_ROWS):
                pass  # the next batch
        return check

    def close(self) -> None:
        self.database.close()

    # ------------------------------------------------------------------ the made-up world

    def moment(self) -> Moment:
        return Moment(START + timedelta(seconds=self.seconds), "boot 1", 30 * DAY + self.seconds)

    def look(self) -> dict[str, Fact]:
        return {**WELL, **self._figures(), **self._trouble()}

    def _figures(self) -> dict[str, Fact]:
        """What is never twice the same."""
        throw = self._dice.uniform
        return {
            "response_ms": Fact(round(throw(3, 40), 1)), "cpu_percent": Fact(round(throw(2, 60), 1)),
            "load1": Fact(round(throw(0, 3), 1)), "uptime_s": Fact(round(30 * DAY + self.seconds, 1)),
            "plex_started": Fact(START.timestamp() - DAY), "plex_age_s": Fact(round(DAY + self.seconds, 1)),
        }  # fmt: skip

    def _trouble(self) -> Mapping[str, Fact]:
        number, since = divmod(self.seconds, TROUBLE_EVERY)
        reigns = number > 0 and since < TROUBLE_LASTS and number != self._mended
        return TROUBLES[int(number) % len(TROUBLES)] if reigns else {}

    def sections(self) -> tuple[int, list[Section]] | None:
        return 1, SECTIONS

    def watching(self) -> tuple[tuple[Stream, ...] | None, int | None]:
        return (), 0

    def abilities(self) -> dict[Action, Ability]:
        return {action: Ability(True, "made up") for action in Action}

    def act(self, action: Action, interface: str) -> Acted:
        self.acted += 1
        self._mended = int(self.seconds // TROUBLE_EVERY)
        return Acted(True, f"{action.value} {interface}")
