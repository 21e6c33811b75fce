"""How many bytes this machine has received and sent, from a moment on: what a measurement cost, at the most."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

_LOOPBACK = re.compile(r"lo\d*")


class Count(NamedTuple):
    """Bytes."""

    received: int = 0
    sent: int = 0

    @property
    def all(self) -> int:
        return self.received + self.sent

    def or_more(self, other: Count | None) -> Count:
        """Of each direction the greater one."""
        return Count(max(self.received, other.received), max(self.sent, other.sent)) if other else self


Counters = Callable[[], Mapping[str, Count]]


class Traffic:
    """The counters of this machine's real interfaces. They count everything, also what others do meanwhile."""

    def __init__(self, counters: Counters | None = None, sys_net: Path = Path("/sys/class/net")) -> None:
        self._counters, self._sys_net = counters or _system_counters, sys_net

    def meter(self) -> Meter:
        """Counts from now on."""
        return Meter(self._read)

    def _read(self) -> Mapping[str, Count] | None:
        """By interface; None = this machine does not tell, or has none."""
        try:
            counted = self._counters()
        except (OSError, ValueError, LookupError, RuntimeError, psutil.Error):
            return None
        real = self._real(counted)
        return {name: counted[name] for name in real} or None

    def _real(self, names: Collection[str]) -> list[str]:
        """Those with hardware behind them, where the system tells; else all but those that lead nowhere."""
        outside = [name for name in names if not _LOOPBACK.fullmatch(name)]
        return [name for name in outside if (self._sys_net / name / "device").exists()] or outside


class Meter:
    """What has passed since it was made, on the one interface where that was most: what goes through a bridge or a
    tunnel goes through the hardware as well, and would count twice."""

    def __init__(self, read: Callable[[], Mapping[str, Count] | None]) -> None:
        self._read, self._before = read, read()

    def count(self) -> Count | None:
        """None = not known."""
        now = self._read()
        if now is None or self._before is None:
            return None
        passed = [_passed(self._before.get(name, Count()), count) for name, count in now.items()]
        return max(passed, key=lambda count: count.all)


def _passed(before: Count, now: Count) -> Count:
    """An interface that was taken down and made anew counts from zero again."""
    if now.received < before.received or now.sent < before.sent:
        return now
    return Count(now.received - before.received, now.sent - before.sent)


def _system_counters() -> dict[str, Count]:
    """psutil takes care of counters of 32 bits that run over."""
    rows = psutil.net_io_counters(pernic=True)
    return {name: Count(row.bytes_recv, row.bytes_sent) for name, row in rows.items()}
