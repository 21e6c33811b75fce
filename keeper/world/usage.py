"""Who uses Plex at this very moment: one question beside the looks of the watchdog, and never a long one."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from keeper.errors import Interrupted, KeeperError
from keeper.ports import Clock, Stop
from keeper.rules.types import Stream
from keeper.world import loopback
from keeper.world.patience import Deadline, Errands
from keeper.world.plex import PlexClient
from keeper.world.probe import PlexLook

T = TypeVar("T")

SECONDS = 2.5  # for the whole question, however many calls it takes


class Usage(NamedTuple):
    """None = could not be asked. `refused` = nothing listens at the address of Plex."""

    streams: tuple[Stream, ...] | None = None
    recordings: int | None = None
    refused: bool = False


class UsageLook:
    """Asks Plex afresh. The token goes to nobody who is not the known server: see PlexLook."""

    def __init__(
        self,
        address: Callable[[], str],
        clock: Clock,
        stop: Stop,
        open_client: Callable[[float, Stop], PlexClient],
        probe: PlexLook,
        seconds: float = SECONDS,
    ) -> None:
        self._address, self._clock, self._stop = address, clock, stop
        self._open_client, self._probe, self._seconds = open_client, probe, seconds

    def ask(self) -> Usage:
        """Raises nothing; whatever is not answered in time is unknown."""
        deadline = Deadline(self._clock, self._seconds)
        client = self._open_client(self._seconds, _Until(deadline, self._stop))
        try:
            if self._probe.is_known(client):
                return Usage(_asked(client.streams), _asked(client.recordings))
        finally:
            client.close()
        return Usage(refused=self._is_refused(deadline))

    def _is_refused(self, deadline: Deadline) -> bool:
        """In a thread of its own: asking for a name knows no timeout."""
        knock = Errands({"port": lambda: _refuses(self._address(), deadline)})
        return knock.gather(deadline).get("port", False)


class _Until:
    """The Stop port: ends every call when the time for all of them is over."""

    def __init__(self, deadline: Deadline, stop: Stop) -> None:
        self._deadline, self._stop = deadline, stop

    def check(self) -> None:
        self._stop.check()
        if not self._deadline.left():
            raise Interrupted("Plex did not say in time who is watching.")

    def wait(self, seconds: float) -> None:
        self._stop.wait(min(seconds, self._deadline.left()))
        self.check()


def _asked(question: Callable[[], T]) -> T | None:
    try:
        return question()
    except KeeperError:
        return None


def _refuses(address: str, deadline: Deadline) -> bool:
    try:
        socket.create_connection(loopback.place(address), timeout=deadline.timeout()).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
