"""The real clock. The only place that knows what time it is."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psutil


class SystemClock:
    """The Clock port."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def uptime(self) -> float:
        """Seconds since this machine started, sleep included; no correction of the wall clock touches it."""
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.time() - psutil.boot_time()  # macOS: its monotonic clock stands still while it sleeps

    def local_zone(self) -> tzinfo:
        """The named zone of this machine, because only a named one knows about DST; UTC when it has none."""
        for name in (os.environ.get("TZ", ""), _linked_zone()):
            try:
                if name:
                    return ZoneInfo(name.lstrip(":"))
            except (ZoneInfoNotFoundError, ValueError):
                continue
        return UTC


def _linked_zone() -> str:
    """/etc/localtime -> .../zoneinfo/Europe/Berlin, on Linux and macOS alike; else /etc/timezone."""
    link = Path("/etc/localtime")
    target = str(link.resolve()) if link.is_symlink() else ""
    if "zoneinfo/" in target:
        return target.rpartition("zoneinfo/")[2]
    named = Path("/etc/timezone")
    return named.read_text(encoding="utf-8").strip() if named.is_file() else ""
