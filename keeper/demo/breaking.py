"""What a visitor of the demo may break, to see what the watchdog makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from keeper.demo.machine import FOLDERS, DemoFolders, DemoMachine, State
from keeper.demo.process import DemoPlex

MEND = "mend"
FILM, FOLDER = "film", "folder"


class Mode(NamedTuple):
    """A fault of the server itself: its mode in faults.py, with parameters."""

    name: str
    params: Mapping[str, float] = {}


#: Of these only one can be on. A start ends by itself, as starts do; a slow answer is slower than a look waits.
MODES: Mapping[str, Mode] = {
    "crash": Mode("refused"),
    "hang": Mode("hang"),
    "starting": Mode("starting", {"seconds": 90.0}),
    "database": Mode("dbslow", {"delay": 8.0}),
}
FAULTS = (*MODES, FILM, FOLDER)


class DemoHost:
    """The machine of the simulated server and its folders, with everything that may be broken there."""

    def __init__(self, plex: Callable[[], DemoPlex], now: Callable[[], float], uptime: Callable[[], float]) -> None:
        self.machine = DemoMachine(plex, now, uptime)
        self.folders = DemoFolders()

    def faults(self) -> dict[str, bool]:
        """Every fault by name, and whether it was on at the last look or click. Asks nobody."""
        state = self.machine.state or State("ready")
        mode = "" if state.mode == "refused" and state.passing else state.mode
        on = {name: mode == fault.name for name, fault in MODES.items()}
        return on | {FILM: state.sessions > 0, FOLDER: bool(self.folders.gone)}

    def break_(self, name: str) -> None:
        """Makes one of FAULTS true, or none of them any more (MEND). Raises ValueError for another name.

        Raises OSError or RuntimeError when the simulated server does not answer or cannot be started.
        """
        if name == MEND:
            self._mend()
        elif name == FOLDER:
            self.folders.gone = frozenset(FOLDERS[:1])
        elif name == FILM:
            self.machine.play()
        elif name in MODES:
            self.machine.turn(MODES[name].name, **MODES[name].params)
        else:
            raise ValueError(f"{name!r} is no fault of the demo; known are {', '.join((*FAULTS, MEND))}.")
        self.machine.ask()

    def _mend(self) -> None:
        self.folders.gone = frozenset()
        self.machine.revive()
