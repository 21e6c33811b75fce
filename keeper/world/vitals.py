"""How this host feels: processor, memory, load, warmth. Numbers only; nothing is judged and nothing is shelled out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from keeper.ports import Clock
from keeper.rules.types import Fact

#: Drivers of sensors in the processor itself, the telling ones first. Others are never asked: reading a disk's sensor
#: resets the timer by which it would fall asleep (kernel documentation, hwmon/drivetemp).
_CHIPS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "soc_thermal", "x86_pkg_temp", "cpu-thermal", "soc-thermal",
          "acpitz")  # fmt: skip


class HostLook:
    """The Sight port for this host. `boot` is its boot's identity, which cannot change while we live."""

    def __init__(self, clock: Clock, boot: str, sys_class: Path = Path("/sys/class")) -> None:
        self._clock, self._boot, self._sys_class = clock, boot, sys_class
        self._times: tuple[float, float] | None = None
        self._sensor: Path | None = None
        self._searched = False

    def look(self) -> dict[str, Fact]:
        """Percentages of 100, load of the last minute, degrees Celsius, seconds. None = there is none, or not known."""
        return {
            "cpu_percent": _number(self._cpu, "not yet known"),
            "memory_percent": _number(lambda: psutil.virtual_memory().percent),
            "swap_percent": _number(_swap, "no swap"),
            "load1": _number(lambda: os.getloadavg()[0]),
            "temperature_c": _number(self._temperature, "no sensor"),
            "uptime_s": _number(self._uptime),
            "boot_id": Fact(self._boot),
        }

    def _cpu(self) -> float | None:
        """Of the time since the last look. Reckoned here, because psutil keeps one memory for all who ask."""
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        # Linux counts the time of guests within `user` and `nice` as well.
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        before, self._times = self._times, (total, idle)
        if before is None or total <= before[0]:
            return None
        return min(100.0, max(0.0, 100 * (1 - (idle - before[1]) / (total - before[0]))))

    def _temperature(self) -> float | None:
        """Looks for the sensor once, and again when it went away: a driver that is loaded anew gets another number."""
        if not self._searched:
            self._searched, self._sensor = True, _sensor(self._sys_class)
        if self._sensor is None:
            return None
        try:
            return int(self._sensor.read_text(encoding="ascii")) / 1000
        except (OSError, ValueError):
            self._searched = False
            return None

    def _uptime(self) -> float:
        """Sleep counts; a clock that was set does not, where /proc tells."""
        file = Path("/proc/uptime")
        if file.is_file():
            return float(file.read_text(encoding="ascii").split()[0])
        return self._clock.now().timestamp() - psutil.boot_time()


def _number(read: Callable[[], float | None], none: str = "") -> Fact:
    """psutil reads what every kernel and container writes a little differently; one odd line spoils one fact."""
    try:
        value = read()
    except (OSError, ValueError, LookupError, RuntimeError, psutil.Error) as problem:
        return Fact(None, type(problem).__name__)
    return Fact(None, none) if value is None else Fact(round(value, 1))


def _swap() -> float | None:
    swap = psutil.swap_memory()
    return swap.percent if swap.total else None


def _sensor(sys_class: Path) -> Path | None:
    """The file with the processor's temperature in thousandths of a degree."""
    found: dict[str, Path] = {}
    for name, file in _sensors(sys_class):
        found.setdefault(name, file)
    return next((found[chip] for chip in _CHIPS if chip in found), None)


def _sensors(sys_class: Path) -> Iterator[tuple[str, Path]]:
    for label, value in (("hwmon/hwmon*/name", "temp1_input"), ("thermal/thermal_zone*/type", "temp")):
        for file in sorted(sys_class.glob(label)):
            try:
                name = file.read_text(encoding="utf-8", errors="replace").strip()
            except OSError:
                continue
            if file.with_name(value).is_file():
                yield name, file.with_name(value)
