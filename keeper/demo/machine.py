"""The machine that the simulated server lives on, and the folders of its library, as the watchdog asks for them.

The server is real: whether it runs is looked at, and a restart restarts it. The machine around it is pretended to be
one with systemd that leaves a crashed Plex lying, so that there is something left to do for the watchdog.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from keeper.demo.generate import KINDS_OF_SECTION, folder_of
from keeper.demo.process import DemoPlex
from keeper.rules.types import Ability, Acted, Action, Fact

#: Closed ports and silence count as 'starting' for five minutes after a start. Nobody who tries things out waits that
#: long, so a Plex of the demo says that it started a while before it did.
HEAD_START = 270.0  # seconds
DOWN_SECONDS, STARTING_SECONDS = 2.0, 8.0  # of a restart
PATIENCE = 2.0  # seconds for one question to the back door
MEMORY_MB, MORE_MB = 240.0, 80.0  # at the start, and what comes with an hour
TROUBLE = (OSError, ValueError, RuntimeError)  # of a server that does not answer, answers nonsense, cannot be started
_IMPOSSIBLE = "Not possible in the demo: only its simulated Plex server can be restarted, this machine is left alone."
_CONNECT = "Connect a real server in .env, and the watchdog looks after its machine, too."


class State(NamedTuple):
    """What the server was doing when it was last asked. `passing` = that ends by itself, as a restart does."""

    mode: str  # one of faults.MODES; 'refused' also when the process has ended
    passing: bool = False
    sessions: int = 0

    @property
    def lies_dead(self) -> bool:
        return self.mode == "refused" and not self.passing


class DemoMachine:
    """The Machine port. `now` in epoch seconds, `uptime` in seconds since this machine started.

    `plex` gives the running server, or raises one of TROUBLE.
    """

    name = "demo"

    def __init__(
        self,
        plex: Callable[[], DemoPlex],
        now: Callable[[], float],
        uptime: Callable[[], float],
        down_seconds: float = DOWN_SECONDS,
        starting_seconds: float = STARTING_SECONDS,
    ) -> None:
        self._plex, self._now, self._uptime = plex, now, uptime
        self._down_seconds, self._starting_seconds = down_seconds, starting_seconds
        self._born: float | None = None  # by the uptime
        self._one_at_a_time = threading.Lock()
        self.state: State | None = None  # as last seen; None = not asked yet, or no answer

    # ---- looking -------------------------------------------------------------------------------------

    def look(self) -> dict[str, Fact]:
        """process, service, service_restarts, updating, uptime_s; of a living one also its age, start and memory."""
        state = self.ask()
        facts = {"uptime_s": Fact(round(self._uptime(), 1)), "updating": Fact(False)}
        if state is None:
            return facts | dict.fromkeys(("process", "service"), Fact(None, "no_answer"))
        facts["service_restarts"] = Fact(0.0)
        if state.lies_dead:
            return facts | {"process": Fact(False, "gone"), "service": Fact(False, "failed")}
        comes_up = state.mode == "refused"
        service = Fact(None, "activating") if comes_up else Fact(True, "active")
        return facts | {"process": Fact(True, "running"), "service": service} | self._life()

    def ask(self) -> State | None:
        """Asks the server itself; for at most 2 s. None = it does not answer."""
        try:
            self.state = _state(self._plex())
        except TROUBLE:
            self.state = None
        return self.state

    def _life(self) -> dict[str, Fact]:
        born = self._begin() if self._born is None else self._born
        age = max(0.0, self._uptime() - born)
        memory = MEMORY_MB + MORE_MB * min(1.0, age / 3600)
        return {
            "plex_age_s": Fact(round(age, 1)),
            "plex_started": Fact(round(self._now() - age, 1)),
            "plex_memory_mb": Fact(round(memory, 1)),
        }

    def _begin(self) -> float:
        self._born = self._uptime() - HEAD_START
        return self._born

    # ---- acting --------------------------------------------------------------------------------------

    def abilities(self) -> dict[Action, Ability]:
        refused = (Action.NET_SOFT, Action.NET_HARD, Action.DNS_RESET, Action.REBOOT)
        restart = Ability(True, "The simulated Plex server can be restarted.")
        return {Action.RESTART_PLEX: restart} | dict.fromkeys(refused, Ability(False, _IMPOSSIBLE, _CONNECT))

    def act(self, action: Action, interface: str) -> Acted:
        """Restarts the server: its port is closed, then it says for some seconds that it is starting."""
        if action is not Action.RESTART_PLEX:
            return Acted(False, _IMPOSSIBLE)
        try:
            with self._one_at_a_time:
                self._restart(self._plex())
        except TROUBLE as problem:
            return Acted(False, f"The simulated Plex server could not be restarted: {problem}")
        self.ask()
        return Acted(True, "The simulated Plex server was restarted.")

    def _restart(self, plex: DemoPlex) -> None:
        """A process that has really ended loses what was mended in its library; one that lives keeps all of that."""
        if not plex.is_running:
            plex.start_again()
        plex.restart(self._down_seconds, self._starting_seconds)
        self._begin()

    def revive(self) -> None:
        """A server without a fault and without viewers, whatever became of it. Raises one of TROUBLE."""
        with self._one_at_a_time:
            plex = self._plex()
            if not plex.is_running:
                plex.start_again()
                self._begin()
            plex.mode("ready")
            plex.sessions(clear=True)

    def turn(self, mode: str, **params: float) -> None:
        """Switches one of the modes of the server on. Raises one of TROUBLE."""
        self._plex().mode(mode, **params)

    def play(self) -> None:
        """Somebody begins to watch a film. Raises one of TROUBLE."""
        self._plex().sessions("movie", clear=True)


class DemoFolders:
    """The Sight port for the folders of the demo's library, which are nowhere but in its answers."""

    def __init__(self) -> None:
        self.gone: frozenset[str] = frozenset()

    def look(self) -> dict[str, Fact]:
        """`mounts` (the first missing one named) and `mount:<path>`."""
        missing = [path for path in FOLDERS if path in self.gone]
        whole = Fact(False, f"missing: {missing[0]}") if missing else Fact(True)
        each = {f"mount:{path}": Fact(False, "missing") if path in missing else Fact(True) for path in FOLDERS}
        return {"mounts": whole} | each


FOLDERS = tuple(folder_of(title) for _, title, *_ in KINDS_OF_SECTION.values())


def _state(plex: DemoPlex) -> State:
    if not plex.is_running:
        return State("refused")
    told = plex.control("GET", "/mode", timeout=PATIENCE)
    return State(told["mode"], told["passing"], told["sessions"])
