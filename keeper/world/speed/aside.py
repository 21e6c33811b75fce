"""What a measurement calls that is not its own: the brake, and whoever shows its progress.

Both may hang behind a data file that is locked. So they are called in threads of their own, and the deadline and the
limit of bytes never wait for them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from keeper.errors import Stopped
from keeper.ports import Stop
from keeper.rules.types import SpeedProgress

Report = Callable[[SpeedProgress], None]

CHECK_EVERY = 0.1  # seconds between two questions to the brake
LAST_WAIT = 0.1  # seconds for both to come back in the end; whoever hangs is left behind


class Aside:
    """Of one measurement."""

    def __init__(self, stop: Stop, report: Report) -> None:
        self._stop, self._report = stop, report
        self._over, self._stopped, self._news = threading.Event(), threading.Event(), threading.Event()
        self._progress = SpeedProgress()
        self._broke: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), name=f"speed-{name}", daemon=True)
            for name, work in (("brake", self._ask), ("report", self._pass_on))
        ]

    def start(self) -> None:
        """Raises RuntimeError where no thread can be started."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Raises what one of the two raised."""
        self._over.set()
        self._news.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(LAST_WAIT)
        self._raise()

    def is_stopped(self) -> bool:
        """Whether somebody pulled the brake. Raises what one of the two raised."""
        self._raise()
        return self._stopped.is_set()

    def tell(self, progress: SpeedProgress) -> None:
        """Is passed on as soon as the one before has been taken."""
        self._progress = progress
        self._news.set()

    def _raise(self) -> None:
        if self._broke is not None:
            raise self._broke

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as problem:  # noqa: BLE001 - handed to the thread of the measurement, not swallowed
            self._broke = problem

    def _ask(self) -> None:
        while not self._over.wait(CHECK_EVERY):
            try:
                self._stop.check()
            except Stopped:
                self._stopped.set()
                return

    def _pass_on(self) -> None:
        while self._news.wait() and not self._over.is_set():
            self._news.clear()
            self._report(self._progress)
