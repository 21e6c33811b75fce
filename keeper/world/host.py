"""This host and its processes: who we are, and whether somebody else still lives."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from keeper.rules.types import Owner

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MAC_BOOT = "kern.bootsessionuuid"  # macOS 10.9 and later
_TOLERANCE = 0 if _BOOT_ID.is_file() else 5  # seconds, where only the wall clock is known


class LocalHost:
    """The Host port, by psutil."""

    def __init__(self) -> None:
        self._boot = _boot_identity()
        self._me = Owner(self._boot, os.getpid(), _started(psutil.Process()))

    def me(self) -> Owner:
        return self._me

    def describe(self) -> str:
        return f"pid {os.getpid()} on {socket.gethostname()}"

    def is_alive(self, owner: Owner) -> bool | None:
        """None for another machine's process. One of an earlier boot of this machine is dead for certain."""
        machine, _, _ = owner.boot.partition(":")
        if machine != self._boot.partition(":")[0]:
            return None
        if owner.boot != self._boot:
            return False
        try:
            process = psutil.Process(owner.pid)
            same = abs(_started(process) - owner.started) <= _TOLERANCE
            return process.status() != psutil.STATUS_ZOMBIE and same
        except psutil.NoSuchProcess:
            return False
        except psutil.Error:
            return None


def _boot_identity() -> str:
    """'machine:boot'. Without the machine's part, a file on a network drive would make two hosts look like one."""
    machine_file = Path("/etc/machine-id")
    machine = machine_file.read_text(encoding="utf-8").strip()[:12] if machine_file.is_file() else ""
    return f"{machine or socket.gethostname()}:{boot_of()}"


def boot_alone(owner: Owner) -> str:
    """The boot of an owner without his machine: within one boot a machine may change its name, and even its id."""
    return owner.boot.rpartition(":")[2]


def boot_of(
    platform: str = sys.platform, read_kernel: Callable[[str], str] | None = None, boot_id: Path = _BOOT_ID
) -> str:
    """What tells this boot from all others: what the kernel made up at its start, where it says so.

    The time of the boot is the last resort, because it moves with every correction of the wall clock.
    """
    if platform == "darwin":
        session = (read_kernel or _sysctl)(_MAC_BOOT)
    else:
        session = boot_id.read_text(encoding="utf-8").strip() if boot_id.is_file() else ""
    return session or str(int(psutil.boot_time()))


def _sysctl(name: str) -> str:
    """A text of the kernel of macOS by its name; '' where there is none."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        value, size = ctypes.create_string_buffer(64), ctypes.c_size_t(64)
        failed = libc.sysctlbyname(name.encode(), value, ctypes.byref(size), None, ctypes.c_size_t(0))
    except (OSError, AttributeError):  # a C library without that function
        return ""
    return "" if failed else value.value.decode("ascii", "replace")


def _started(process: psutil.Process) -> int:
    """When a process started, in ticks since boot where /proc says so, else in seconds of the wall clock.

    Wall-clock start times move with every correction of the clock, and a living process would look like another one.
    """
    stat = Path(f"/proc/{process.pid}/stat")
    try:
        return int(stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19])
    except FileNotFoundError:
        if _BOOT_ID.is_file():
            raise psutil.NoSuchProcess(process.pid) from None
        return int(process.create_time())
