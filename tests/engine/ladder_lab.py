"""The lab of tests/world with a watchdog living in its home: what breaks there, and what the data file says of it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from keeper.rules.types import Armed, IncidentSeen, StepKind, Taken
from keeper.store.db import Database
from keeper.store.events import Events
from keeper.store.watch_views import WatchViews
from keeper.world.clock import SystemClock

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "world"))  # where the lab is

from netlab import NetLab  # noqa: E402
from netlab import why_not as why_no_lab  # noqa: E402

TOOLS = {"networkctl": "systemd", "dbus-daemon": "dbus-daemon", "ifup": "ifupdown"}
ARMED = (Armed.RESTART, Armed.NETWORK, Armed.DNS)
HOME = str(HERE / "ladder_home.py")


def why_not() -> str:
    """Why the ladder cannot be tried here; '' = it can."""
    missing = [package for tool, package in TOOLS.items() if not shutil.which(tool)]
    return f"install {' and '.join(missing)}" if missing else why_no_lab()


class LadderLab:
    """`with LadderLab(folder) as lab`, then `begin` for each case. Faults are those of `lab.net`."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.net = folder, NetLab(folder)
        self._database: Database | None = None

    def __enter__(self) -> LadderLab:
        self.net.__enter__()
        try:
            self._start()
        except BaseException:
            self.net.__exit__()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._database:
            self._database.close()
        self.net.__exit__()

    def _start(self) -> None:
        """The service manager that `systemctl` stands in for comes first in the path of programs."""
        programs = self._folder / "programs"
        programs.mkdir()
        surroundings = (
            f"PATH={programs}:{os.environ['PATH']}", f"PYTHONPATH={HERE.parents[1]}", "PYTHONDONTWRITEBYTECODE=1",
        )  # fmt: skip
        with (self._folder / "home.log").open("w") as log:
            self._home = self.net.spawn(
                "home", "env", *surroundings, sys.executable, HOME, str(self._folder), errors=log
            )
        assert self._line() == "up\n"

    # ------------------------------------------------------------------ the watchdog

    def begin(
        self,
        folder: Path,
        manager: str = "networkd",
        armed: Iterable[Armed] = ARMED,
        probe_seconds: float = 1.2,
        before: Callable[[NetLab], object] = lambda _: None,
    ) -> None:
        """A sound network, and a new watchdog with a data file of its own that has seen it so once.

        `before` is done to the line before the interface is brought up.
        """
        if self._database:
            self._database.close()
        self.net.mend_line()
        before(self.net)
        self.ask("begin", folder=str(folder), manager=manager, armed=list(armed), probe_seconds=probe_seconds)
        self._database = Database(folder / "keeper.db")

    def ask(self, word: str, **arguments: Any) -> Any:
        """A word of `ladder_home.Home`."""
        assert self._home.stdin
        self._home.stdin.write(json.dumps([word, arguments]) + "\n")
        self._home.stdin.flush()
        answer, trouble = json.loads(self._line())
        assert not trouble, trouble
        return answer

    def local_resolver(self, unit: str, address: str) -> None:
        """This machine asks itself for names, at that address, and that service asks the router."""
        self.ask("resolver", unit=unit, address=address)
        self.net.resolvers(address)

    def look(self, after: float | None = None) -> dict[str, Any]:
        """One look; the next one is as much later as the watchdog asked for, or `after` seconds."""
        seen: dict[str, Any] = self.ask("tick", after=after)
        return seen

    def looks(self, count: int, after: float | None = None) -> list[dict[str, Any]]:
        return [self.look(after) for _ in range(count)]

    def until_acted(self, most: int = 10, after: float | None = None) -> list[dict[str, Any]]:
        """Looks until something was run."""
        seen = []
        for _ in range(most):
            seen.append(self.look(after))
            if seen[-1]["ran"]:
                return seen
        raise AssertionError(f"nothing was done: {seen}")

    def until_fine(self, most: int = 15) -> None:
        """Looks until the incident is closed. A question that hung while names were dead has to come back first."""
        for _ in range(most):
            if self.look()["cause"] == "ok" and self.incident.closed_at:
                return
        raise AssertionError(f"it is not over: {self.incident}")

    @property
    def ran(self) -> list[str]:
        """Every command that was no question."""
        return list(self.ask("ran"))

    # ------------------------------------------------------------------ what it left in its data file

    @property
    def incident(self) -> IncidentSeen:
        """The only one."""
        (only,) = self._views.incidents(10)
        return only

    def told(self) -> list[str]:
        """Kinds of events, in their order; what the test itself armed is left out."""
        events = reversed(Events(self._store).latest(200))
        return [event.kind for event in events if event.kind != "Watchdog Armed"]

    def story(self) -> list[StepKind]:
        return [step.kind for step in self._views.story(self.incident.number)]

    def ledger(self) -> list[Taken]:
        """Oldest first."""
        return [deed.taken for deed in reversed(self._views.actions(50))]

    @property
    def _views(self) -> WatchViews:
        return WatchViews(self._store, SystemClock(), 300)

    @property
    def _store(self) -> Database:
        assert self._database
        return self._database

    # ------------------------------------------------------------------ talking

    def _line(self) -> str:
        """What the home said; when it died, what it wrote last."""
        assert self._home.stdout
        line = self._home.stdout.readline()
        assert line, (self._folder / "home.log").read_text()[-4000:]
        return line
