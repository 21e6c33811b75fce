"""Asking many at once, and asking what may never answer: nothing here waits longer than it is told to."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import ip_address
from typing import Generic, NamedTuple, TypeVar

from keeper.ports import Clock

FAIR = 1.0  # seconds; who was given less has not been silent, only asked too late

T = TypeVar("T")


class Deadline:
    """A moment by which something is over; shared by all steps that lead there."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._end = clock, clock.monotonic() + seconds

    def left(self) -> float:
        """Seconds, never below zero."""
        return max(0.0, self._end - self._clock.monotonic())

    def timeout(self) -> float:
        """The same for a socket, where zero would mean 'do not wait at all'."""
        return max(0.01, self.left())

    def within(self, seconds: float) -> Deadline:
        """A nearer moment, but never one behind this one."""
        return Deadline(self._clock, min(seconds, self.left()))


class Errands(Generic[T]):
    """Jobs that start at once, each in a daemon thread. Every job has to end by a deadline of its own."""

    def __init__(self, jobs: Mapping[str, Callable[[], T]]) -> None:
        self._answers: queue.SimpleQueue[tuple[str, T]] = queue.SimpleQueue()
        self._back: dict[str, T] = {}
        self._sent = sum(_started(partial(self._run, name, job)) for name, job in jobs.items())

    def _run(self, name: str, job: Callable[[], T]) -> None:
        self._answers.put((name, job()))

    def gather(self, deadline: Deadline, enough: Callable[[Mapping[str, T]], bool] = lambda _: False) -> dict[str, T]:
        """What is back when all are, when it is `enough`, or when the time is over. May be called again."""
        while len(self._back) < self._sent and not enough(self._back):
            try:
                name, answer = self._answers.get(timeout=deadline.left())
            except queue.Empty:
                break
            self._back[name] = answer
        return dict(self._back)


def _started(job: Callable[[], None]) -> bool:
    try:
        threading.Thread(target=job, name="look", daemon=True).start()
    except RuntimeError:  # no more threads: what is not asked stays unknown
        return False
    return True


class Answer(NamedTuple):
    """What the system says to a name: known, hidden, no_name, failed, silent; late = it had no fair chance."""

    word: str
    addresses: tuple[str, ...] = ()


class _Call:
    """One call of getaddrinfo on its way."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.answer = Answer("failed")


class SystemNames:
    """The system's resolver, which knows no timeout and may hang for ever. Of every name one call at most is out."""

    def __init__(self, resolve: Callable[[str], list[str]] | None = None) -> None:
        self._resolve = resolve or _resolve
        self._calls: dict[str, _Call] = {}
        self._lock = threading.Lock()

    def ask(self, name: str, deadline: Deadline) -> Answer:
        """A call left over from an earlier look is waited for first; what it brings is old, so it is asked again."""
        while True:
            given = deadline.left()
            call, fresh = self._out(name)
            if call is None or not call.done.wait(given):
                return Answer("late" if call is None or (fresh and given < FAIR) else "silent")
            if fresh:
                return call.answer

    def _out(self, name: str) -> tuple[_Call | None, bool]:
        """The call that is out, and whether it was sent just now; None when there is no thread for it."""
        with self._lock:
            call = self._calls.get(name)
            if call is not None and not call.done.is_set():
                return call, False
            call = _Call()
            if not _started(partial(self._fetch, name, call)):
                return None, False
            self._calls[name] = call
            return call, True

    def _fetch(self, name: str, call: _Call) -> None:
        try:
            call.answer = _answer(self._resolve(name))
        except socket.gaierror as problem:
            call.answer = Answer("no_name" if problem.errno in _NO_NAME else "failed")
        except (OSError, ValueError):  # ValueError: a name that cannot be written down
            call.answer = Answer("failed")
        finally:
            call.done.set()


_NO_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


def _resolve(name: str) -> list[str]:
    return [str(row[4][0]) for row in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]


def _answer(addresses: list[str]) -> Answer:
    """Blockers hide a name behind 0.0.0.0 or this very machine; whoever answers there is not the one asked for."""
    seen = [(text, ip_address(text.partition("%")[0])) for text in dict.fromkeys(addresses)]
    usable = tuple(text for text, address in seen if not address.is_unspecified and not address.is_loopback)
    return Answer("known", usable) if usable else Answer("hidden")
