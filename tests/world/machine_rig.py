"""Commands that only pretend, and a made-up root of a machine, for the tests of the hosts."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from keeper.rules.types import Ran

ROUTES = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
DEFAULT_ROUTE = "{}\t00000000\t010A000A\t0003\t0\t0\t{}\t00000000\t0\t0\t0\n"


class FakeCommands:
    """Answers by the beginning of the command line; the longest beginning that fits counts. Keeps what was run."""

    def __init__(self, **answers: Ran) -> None:
        self.answers: dict[str, Ran] = dict(answers)
        self.ran: list[tuple[str, ...]] = []
        self.limits: list[float] = []

    def on(self, beginning: str, out: str = "", code: int | None = 0, err: str = "", timed_out: bool = False) -> None:
        self.answers[beginning] = Ran(code, out, err, 0.1, timed_out)

    def run(self, argv: Sequence[str], seconds: float) -> Ran:
        self.ran.append(tuple(argv))
        self.limits.append(seconds)
        line = " ".join(argv)
        fitting = sorted((known for known in self.answers if line.startswith(known)), key=len)
        return self.answers[fitting[-1]] if fitting else Ran(None, err=f"{argv[0]} is not installed")

    @property
    def lines(self) -> list[str]:
        return [" ".join(argv) for argv in self.ran]

    def acted(self) -> list[str]:
        """What was run beside questions."""
        asking = ("show", "inspect", "-getinfo", "-listnetworkserviceorder", "get", "ps", "-l", "-g", "print")
        return [" ".join(argv) for argv in self.ran if not any(word in argv[1:5] for word in asking)]


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 5, 5, 12, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    def local_zone(self) -> object:
        return UTC


def show(*units: str, **properties: str) -> str:
    """What `systemctl show` prints for units, all alike: show('a.service', ActiveState='active')."""
    known = {"LoadState": "loaded", "ActiveState": "active", "NRestarts": "0", "MainPID": "0", "Job": "0"} | properties
    return "\n\n".join("\n".join((f"Id={unit}", *(f"{k}={v}" for k, v in known.items()))) for unit in units)


def make_root(folder: Path, *interfaces: str, route: str = "", systemd: bool = True, seen: bool = True) -> Path:
    """A machine of files: interfaces with hardware, the default route of one of them, systemd or not."""
    for number, name in enumerate(interfaces, 2):
        (folder / "sys/class/net" / name / "device").mkdir(parents=True)
        (folder / "sys/class/net" / name / "ifindex").write_text(f"{number}\n")
    for place in ("proc/net", "proc/sys/kernel/random", "etc/network", "dev", *(["proc/1"] if seen else [])):
        (folder / place).mkdir(parents=True, exist_ok=True)
    if seen:
        (folder / "proc/1/stat").write_text("1 (init)")
    (folder / "proc/net/route").write_text(ROUTES + (DEFAULT_ROUTE.format(route, 100) if route else ""))
    (folder / "proc/uptime").write_text("5000.25 9000.00\n")
    (folder / "proc/sys/kernel/random/boot_id").write_text("c0ffee\n")
    if systemd:
        (folder / "run/systemd/system").mkdir(parents=True)
    return folder


def networkd_manages(root: Path, number: int, state: str = "configured") -> None:
    links = root / "run/systemd/netif/links"
    links.mkdir(parents=True, exist_ok=True)
    (links / str(number)).write_text(f"# This is private data.\nADMIN_STATE={state}\nOPER_STATE=routable\n")


def program(folder: Path, name: str) -> Path:
    """A real program of that name that waits: a copy of `sleep`."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / name
    if not copy.exists():
        shutil.copy2(os.path.realpath(shutil.which("sleep") or "/bin/sleep"), copy)
    return copy


def start(path: Path, *arguments: str, called: str = "") -> subprocess.Popen[bytes]:
    """Starts a program; `called` is what it calls itself."""
    return subprocess.Popen([called or str(path), *(arguments or ("300",))], executable=str(path))
