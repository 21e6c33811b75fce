"""Plex among the processes of this machine, by psutil: the server itself, and whoever is updating it.

A command line that merely contains the name proves nothing: plug-ins, transcoders, a `tail` on the log and this
program's own arguments do too. What counts is the file that runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from keeper.rules.types import Fact

MAIN = "Plex Media Server"
UPDATERS = ("Plex Updater", "Plex Media Server Updater")
_COMM = 15  # characters of a process name that the kernel keeps
_STARTED = 19  # of the fields of /proc/PID/stat behind the name: ticks between the boot and the start
_BLUR = 1.0  # seconds; ticks and times of day are rounded


class Seen(NamedTuple):
    """A process as the list shows it."""

    process: psutil.Process
    name: str


class Processes:
    """Looks for Plex. The process that was found is remembered with its start time, so that no other one with the
    same number can be taken for it."""

    def __init__(self) -> None:
        self._main: psutil.Process | None = None
        self.was_seen = False  # since this program started

    def main(self) -> psutil.Process | None:
        """The server's own process; None = there is none, or it is hidden. Reads the list only when it has to."""
        if self._main is None or not _lives(self._main):
            self._main = _find_main()
        self.was_seen = self.was_seen or self._main is not None
        return self._main


def facts_of(process: psutil.Process, uptime: float) -> dict[str, Fact]:
    """process, plex_pid, plex_memory_mb (of the server alone, MiB), plex_started (epoch seconds), plex_age_s.

    A process that a signal has stopped is there, and still accepts connections; the detail tells. `uptime` is that of
    the clock by which the kernel stamps processes (SystemClock.uptime): /proc/uptime of a container is another one.
    """
    try:
        stopped = process.status() == psutil.STATUS_STOPPED
        memory, started, age = process.memory_info().rss, process.create_time(), uptime - _born(process)
    except psutil.NoSuchProcess:
        return {"process": Fact(False, "gone")}
    except (FileNotFoundError, ProcessLookupError):  # it ended while its file was opened, or read
        return {"process": Fact(False, "gone")}
    except (psutil.Error, OSError, ValueError, IndexError) as problem:
        return {"process": Fact(None, type(problem).__name__)}
    return {
        "process": Fact(True, "stopped_by_signal" if stopped else "running"),
        "plex_pid": Fact(process.pid),
        "plex_memory_mb": Fact(round(memory / 2**20, 1)),
        "plex_started": Fact(round(started, 1)),
        "plex_age_s": _age(age, uptime),
    }


def _born(process: psutil.Process) -> float:
    """Uptime of the machine, in seconds, at which the process began.

    psutil tells a time of day, reckoned once from a start of the machine that moves with every correction of the
    clock. The kernel itself counts from the boot.
    """
    if not sys.platform.startswith("linux"):
        return process.create_time() - psutil.boot_time()
    line = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8", errors="replace")
    fields = line.rpartition(")")[2].split()  # the name before it may hold anything, brackets and spaces too
    return int(fields[_STARTED]) / os.sysconf("SC_CLK_TCK")


def _age(age: float, uptime: float) -> Fact:
    """Seconds. No process is older than its machine; where that comes out, two clocks were mixed up."""
    return Fact(round(max(0.0, age), 1)) if -_BLUR <= age <= uptime + _BLUR else Fact(None, "clock")


def updaters() -> list[str]:
    """Names of Plex's own updaters at work; the package managers are looked at elsewhere."""
    return [program for seen in listed(UPDATERS) if (program := program_of(seen.process)) in UPDATERS]


def listed(names: tuple[str, ...]) -> Iterator[Seen]:
    """Living processes whose name is one of these, as far as the kernel keeps it."""
    wanted = {name[:_COMM] for name in names}
    for process in psutil.process_iter():
        try:
            if _short_name(process) in wanted and process.status() != psutil.STATUS_ZOMBIE:
                yield Seen(process, process.name())
        except (psutil.Error, OSError):
            continue


def _short_name(process: psutil.Process) -> str:
    """As far as the kernel keeps it. Every process is asked at every look; psutil would read up to two files of each
    and make records of them, which took half of the time of a look."""
    if not sys.platform.startswith("linux"):
        return process.name()[:_COMM]
    file = os.open(f"/proc/{process.pid}/comm", os.O_RDONLY)
    try:
        return os.read(file, 4 * _COMM).decode("utf-8", "replace").rstrip("\n")[:_COMM]
    finally:
        os.close(file)


def program_of(process: psutil.Process) -> str:
    """The name of the file that runs, or what the process calls itself when the file is hidden; '' = unknown."""
    try:
        if path := process.exe():
            return os.path.basename(path)
    except (psutil.Error, OSError):
        pass
    return os.path.basename(next(iter(arguments_of(process)), ""))


def arguments_of(process: psutil.Process) -> list[str]:
    """The command line; empty when it cannot be read."""
    try:
        return process.cmdline()
    except (psutil.Error, OSError):
        return []


def _find_main() -> psutil.Process | None:
    """The oldest one: a child looks like its parent for a moment, before it becomes a transcoder."""
    found = [seen.process for seen in listed((MAIN,)) if program_of(seen.process) == MAIN]
    return min(found, key=_created, default=None)


def _created(process: psutil.Process) -> float:
    try:
        return process.create_time()
    except (psutil.Error, OSError):
        return float("inf")


def _lives(process: psutil.Process) -> bool:
    """The same process, still the same program, and not one that has ended without anybody collecting it."""
    try:
        same = process.is_running() and process.name()[:_COMM] == MAIN[:_COMM]
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False
