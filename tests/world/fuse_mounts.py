"""Mounts that really die: bindfs processes that are stopped, continued or killed, always by their own pid."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

LIMIT = 10.0  # seconds for a mount to come and go


def need_fuse() -> None:
    """Where everything is tested, the tools must be there; a kernel without FUSE is nothing a test can install."""
    missing = [tool for tool in ("bindfs", "fusermount3") if not shutil.which(tool)]
    if missing:
        sentence = f"a mount that hangs needs {' and '.join(missing)} (packages fuse3, bindfs)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(sentence)
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("a mount that hangs needs /dev/fuse, which this machine does not lend")


class Mount:
    """`source` shown at `target` by a process of its own."""

    def __init__(self, source: Path, target: Path) -> None:
        self.target = target
        target.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(["bindfs", "-f", "-o", "nonempty", str(source), str(target)])
        until(lambda: self.is_mounted or self._process.poll() is not None)
        assert self.is_mounted, "bindfs could not mount"

    @property
    def is_mounted(self) -> bool:
        """By the kernel's list: asking the folder itself could hang."""
        return f" {self.target} " in Path("/proc/self/mounts").read_text()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def crash(self) -> None:
        self._process.kill()
        self._process.wait(LIMIT)

    def unmount(self) -> None:
        """Also what still hangs. Lazily at last, so that nothing of a failed test stays behind."""
        self.go()
        if self.is_mounted:
            ended = subprocess.run(["fusermount3", "-u", str(self.target)], capture_output=True, timeout=LIMIT)
            if ended.returncode:
                subprocess.run(["fusermount3", "-uz", str(self.target)], check=True, timeout=LIMIT)
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:  # another mount namespace of this machine may hold a copy of the mount
            self.crash()


def until(what, seconds: float = LIMIT) -> None:
    """Waits for something to have happened."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
