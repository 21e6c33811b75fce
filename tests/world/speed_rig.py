"""What the tests of the providers share: a bench, a brake, a way to look for what is left of a child."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from keeper.errors import Cancelled
from keeper.rules.types import SpeedProgress
from keeper.world.clock import SystemClock
from keeper.world.commands import SystemCommands
from keeper.world.speed.child import Bench
from keeper.world.speed.traffic import Count, Counters, Traffic


def bench(counters: Counters | None = None) -> Bench:
    """Real commands; the interfaces count nothing unless a test says otherwise."""
    clock = SystemClock()
    traffic = Traffic(counters or (lambda: {"eth0": Count()}), Path("/nowhere"))
    return Bench(SystemCommands(clock), clock, traffic)


class Brake:
    """The Stop port. Pulled by hand; waiting takes no time and is written down."""

    def __init__(self) -> None:
        self.pulled, self.waits = threading.Event(), list[float]()
        self.pull_when_waited_for = False

    def check(self) -> None:
        if self.pulled.is_set():
            raise Cancelled("The test was ended.")

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        if self.pull_when_waited_for:
            self.pulled.set()
        self.check()


class Progress(list[SpeedProgress]):
    """Keeps every report; pulls the brake at the first one that `enough` is true of, and remembers when."""

    def __init__(self, brake: Brake | None = None, enough: Callable[[SpeedProgress], bool] = lambda _: True) -> None:
        super().__init__()
        self._brake, self._enough, self.pulled_at = brake, enough, 0.0

    def __call__(self, progress: SpeedProgress) -> None:
        self.append(progress)
        if self._brake and not self.pulled_at and self._enough(progress):
            self._brake.pulled.set()
            self.pulled_at = time.monotonic()

    def seconds_since(self) -> float:
        assert self.pulled_at, "the brake was never pulled"
        return time.monotonic() - self.pulled_at


def is_gone(pid: int) -> bool:
    """Ended; in a container nobody may collect an orphan, so a zombie counts as gone."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def my_children() -> set[int]:
    return {child.pid for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE}


@contextmanager
def nothing_left() -> Iterator[None]:
    """Whatever child was started inside is gone at the end, without waiting for it."""
    before = my_children()
    yield
    assert my_children() <= before


def put_program(folder: Path, name: str, *lines: str) -> Path:
    """A small program written in Python onto a path of programs."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text("\n".join((f"#!{sys.executable}", *lines, "")), encoding="utf-8")
    program.chmod(0o755)
    return program
