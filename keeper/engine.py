"""The threads of the engine: one loop each, all the same shape, all ended by one event."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

STOP_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Duty:
    """Something done again and again. `pause` says how many seconds lie before the next time."""

    name: str
    tick: Callable[[], object]
    pause: Callable[[], float]
    wake: threading.Event


class Engine:
    """Runs the duties until it is stopped."""

    def __init__(self, duties: list[Duty], before_stop: Callable[[], None], after_stop: Callable[[], None]) -> None:
        self.duties = tuple(duties)
        self._before_stop, self._after_stop = before_stop, after_stop
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def running(self) -> bool:
        """Whether every duty has its living thread."""
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        """Once per process."""
        if self._threads:
            raise RuntimeError("the engine runs already")
        for duty in self.duties:
            thread = threading.Thread(target=self._loop, args=(duty,), name=duty.name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def announce_stop(self) -> None:
        """Tells all work to end, without waiting for it; safe inside a signal handler."""
        self._stopping.set()
        for duty in self.duties:
            duty.wake.set()
        self._before_stop()

    def stop(self) -> bool:
        """Ends all threads, in STOP_SECONDS altogether; whether they ended in time."""
        self.announce_stop()
        waiter = threading.Thread(target=self._wait_for_all, daemon=True)
        waiter.start()
        waiter.join(STOP_SECONDS)
        return not waiter.is_alive()

    def _wait_for_all(self) -> None:
        for thread in self._threads:
            thread.join()
        self._after_stop()

    def _loop(self, duty: Duty) -> None:
        while not self._stopping.is_set():
            guarded(duty.name, duty.tick)
            duty.wake.wait(duty.pause())
            duty.wake.clear()


def guarded(name: str, job: Callable[[], object]) -> bool:
    """Does a round of work; whether it came to its end. What nobody thought of is logged with its traceback, and ends
    no more than this round."""
    try:
        job()
    except Exception:
        log.exception("%s: this round failed; the next one comes", name)
        return False
    return True
