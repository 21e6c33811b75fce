"""A Linux machine with a Plex on it whose process is a real one, to be killed, stopped and started again.

The machine is a process and a mount namespace of its own, so that the list of processes holds nothing but what was
started there, however many tests and Plexes run beside it. Only two things are pretended: systemd (the folder by which
programs know it, and a `systemctl show` that prints what was recorded of a real one), and the age of everything (for
the programs that look, the kernel's clock is ahead by as much as the test wants to have passed, and /proc/uptime too).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import site
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from command_rig import ROOT, Looked, check_apart, settings_of

from keeper.demo.process import DemoPlex
from tests.world.fuse_mounts import until
from tests.world.machine_rig import show

MAIN = "Plex Media Server"
UNIT = "plexmediaserver.service"
TOOLS = ("unshare", "nsenter", "mount")
_USER = () if os.geteuid() == 0 else ("--user", "--map-root-user")
_ENTER_USER = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
_SETUP = """
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && mount --bind "$1" /proc/uptime && echo ready && exec cat
"""
#: Read by Python itself when it starts, if it is found on its path.
_CLOCK = """
import time
from pathlib import Path

real, ahead = time.clock_gettime, Path(__file__).with_name("ahead")
time.clock_gettime = lambda which: real(which) + float(ahead.read_text())
"""
_SYSTEMCTL = '#!/bin/sh\ncase "$1" in\nshow) cat "{answer}" ;;\n*) echo "$*" >> "{log}" ;;\nesac\n'


def why_not() -> str:
    """Why no such machine can be made here; '' = it can."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing or sys.platform != "linux":
        return f"a machine of its own needs Linux and {', '.join(TOOLS)} (package util-linux)"
    trial = subprocess.run(
        ["unshare", *_USER, "--mount", "--pid", "--fork", "--mount-proc", "true"], capture_output=True, text=True
    )
    return f"namespaces cannot be made here: {trial.stderr.strip()}" if trial.returncode else ""


def need_machine() -> None:
    if problem := why_not():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(problem)


class PlexMachine:
    """`with PlexMachine(folder) as machine`. Plex does not run yet; its port and its data file stay the same."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, _free_port()
        self.settings = settings_of(
            f"http://127.0.0.1:{self.port}", "demo-token", folder / "keeper.db", HOST_KIND="linux",
            PATH=f"{folder / 'bin'}:{os.environ['PATH']}", PYTHONPATH=f"{folder / 'clock'}:{ROOT}",
        )  # fmt: skip
        self._uptime, self._answer, self.asked = folder / "uptime", folder / "unit", folder / "systemctl.log"
        self._holder: subprocess.Popen[bytes] | None = None
        self._plex: subprocess.Popen[bytes] | None = None
        self.plex = DemoPlex()
        self._ahead = 0.0

    # ---- life ----------------------------------------------------------------------------------------

    def __enter__(self) -> PlexMachine:
        self._install()
        self.ages(0)
        command = ["unshare", *_USER, "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", _SETUP]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._holder = subprocess.Popen([*command, "sh", str(self._uptime)], **pipes)
        assert self._holder.stdout and self._holder.stdout.readline() == b"ready\n", "the machine could not be made"
        return self

    def __exit__(self, *_: object) -> None:
        if self._plex is not None and self._plex.poll() is None:
            self.kill()
        if self._holder is not None:
            _close(self._holder)

    @property
    def inside(self) -> list[str]:
        """What stands before a command that is to run there."""
        (first,) = psutil.Process(self._holder.pid).children() if self._holder else ()
        return ["nsenter", "--target", str(first.pid), *_ENTER_USER, "--mount", "--pid", "--"]

    def ages(self, seconds: float) -> None:
        """So much time has passed, as far as the ages of processes tell."""
        self._ahead += seconds
        real = float(Path("/proc/uptime").read_text().split()[0])
        self._uptime.write_text(f"{real + self._ahead:.2f} 0.00\n")
        (self.folder / "clock" / "ahead").write_text(str(self._ahead))

    # ---- the service manager -------------------------------------------------------------------------

    def unit(self, **properties: str) -> None:
        """What systemd says of Plex's unit from now on: unit(ActiveState='failed', Result='signal')."""
        self._answer.write_text(show(UNIT, **properties))

    def running_unit(self, restarts: int = 0) -> None:
        self.unit(ActiveState="active", SubState="running", NRestarts=str(restarts))

    # ---- Plex ----------------------------------------------------------------------------------------

    def start(self, mode: str = "ready") -> None:
        """A new process of Plex on the same port; it listens when this returns, save in mode 'refused'."""
        command = [*self.inside, str(self.folder / "lib" / MAIN), "-m", "keeper.demo", "--print-json"]
        command += ["--exit-with-parent", "--library", "movies:3:0", "--port", str(self.port), "--mode", mode]
        packages = os.pathsep.join([str(ROOT), *site.getsitepackages()])
        environment = {**os.environ, "PYTHONHOME": sys.base_prefix, "PYTHONPATH": packages}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._plex = subprocess.Popen(command, env=environment, **pipes)
        assert self._plex.stdout is not None
        self.plex.control_url = json.loads(self._plex.stdout.readline())["control"]
        assert self.process.exe() == str(self.folder / "lib" / MAIN)

    @property
    def process(self) -> psutil.Process:
        """Plex itself; what we started is the door into its machine."""
        (plex,) = psutil.Process(self._plex.pid).children() if self._plex else ()
        return plex

    def kill(self) -> None:
        """Like the kernel when memory runs out, also one that is stopped."""
        self.process.kill()
        self._collect()

    def quit(self) -> None:
        """In good order, as a service manager asks for it."""
        self.process.terminate()
        self._collect()

    def stop(self) -> None:
        """nsenter stops itself with its child, and wakes it when it is woken."""
        assert self._plex is not None
        door = psutil.Process(self._plex.pid)
        self.process.send_signal(signal.SIGSTOP)
        until(lambda: self.process.status() == door.status() == psutil.STATUS_STOPPED)

    def go_on(self) -> None:
        assert self._plex is not None
        self._plex.send_signal(signal.SIGCONT)
        until(lambda: self.process.status() != psutil.STATUS_STOPPED)

    def _collect(self) -> None:
        if self._plex is not None:
            self._plex.send_signal(signal.SIGCONT)
            _close(self._plex)
            self._plex = None

    # ---- looking -------------------------------------------------------------------------------------

    def check(self) -> Looked:
        """`python -m keeper check --json`, there."""
        return check_apart(self.settings, self.inside)

    def _install(self) -> None:
        (self.folder / "lib").mkdir(parents=True)
        shutil.copy2(os.path.realpath(sys.executable), self.folder / "lib" / MAIN)
        (self.folder / "bin").mkdir()
        (self.folder / "clock").mkdir()
        (self.folder / "clock" / "sitecustomize.py").write_text(_CLOCK)
        systemctl = self.folder / "bin" / "systemctl"
        systemctl.write_text(_SYSTEMCTL.format(answer=self._answer, log=self.asked))
        systemctl.chmod(0o755)
        self.running_unit()


class Ticks:
    """The watchdog of a service there: its looks are remembered, and it looks when it is told to."""

    def __init__(self, machine: PlexMachine) -> None:
        command = [*machine.inside, sys.executable, str(Path(__file__).with_name("watch_ticks.py"))]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **machine.settings}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._child = subprocess.Popen(command, env=environment, text=True, **pipes)

    def __enter__(self) -> Ticks:
        return self

    def __exit__(self, *_: object) -> None:
        _close(self._child)

    def look(self) -> str:
        """The cause that the next look comes to."""
        assert self._child.stdin and self._child.stdout
        self._child.stdin.write("look\n")
        self._child.stdin.flush()
        cause = self._child.stdout.readline().strip()
        assert cause, "the watchdog has ended"
        return cause


def _close(child: subprocess.Popen) -> None:
    """It ends when its input ends."""
    child.stdin.close()
    child.stdout.close()
    try:
        child.wait(30)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
