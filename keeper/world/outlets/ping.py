"""The dead man's ping: somebody outside is told each minute that the watchdog works, and tells the owner when it stops.

So it is only sent while the watchdog really looks: one that hangs, or a process that died, falls silent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

import requests

from keeper.ports import Clock, Stop
from keeper.world.http import CuttableAdapter, Sockets
from keeper.world.outlets.places import OutOfTime, bounded, host_of, is_near

log = logging.getLogger(__name__)

EVERY = 60.0  # seconds between two pings
TIMES = (5.0, 10.0)  # seconds to connect, and between two bytes of the answer
DEADLINE = 20.0
MISSED_LOOKS = 3


class HealthPing:
    """`last_look` = when the watchdog last looked, `interval` = how often it should, in seconds."""

    def __init__(
        self, url: str, clock: Clock, stop: Stop, last_look: Callable[[], datetime | None], interval: float
    ) -> None:
        self._url, self._clock, self._stop = url, clock, stop
        self._last_look, self._interval = last_look, interval
        self._next = 0.0  # monotonic
        self._state = "fine"

    def tick(self) -> None:
        """One ping, when it is time for one and the watchdog works. Raises Cancelled, Interrupted, StoreError."""
        if self._clock.monotonic() < self._next:
            return
        state = self._ping() if self._is_awake() else "the watchdog has not looked for a while; no ping is sent"
        self._next = self._clock.monotonic() + EVERY
        if state != self._state:  # once, not each minute
            log.log(logging.INFO if state == "fine" else logging.WARNING, "health ping: %s", state)
        self._state = state

    def _is_awake(self) -> bool:
        last = self._last_look()
        return last is not None and (self._clock.now() - last).total_seconds() < MISSED_LOOKS * self._interval

    def _ping(self) -> str:
        """'fine', or what went wrong; the address is nowhere in it."""
        sockets = Sockets()
        try:
            status = bounded(lambda: self._get(sockets), DEADLINE, self._clock, self._stop)
        except OutOfTime:
            return "no answer in time"
        except requests.exceptions.RequestException as problem:
            return f"not reachable ({type(problem).__name__})"
        finally:
            sockets.cut()
        return "fine" if 200 <= status < 300 else f"answered with status {status}; check HEALTH_PING_URL"

    def _get(self, sockets: Sockets) -> int:
        with requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, CuttableAdapter(sockets))
            session.trust_env = not is_near(host_of(self._url))
            headers = {"User-Agent": "Plex-Keeper"}
            with session.get(self._url, headers=headers, timeout=TIMES, allow_redirects=False, stream=True) as answer:
                return answer.status_code
