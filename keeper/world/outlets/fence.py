"""What an outlet has open towards the outside, behind a fence: an answer has an end, and who is given up on stays out.

apprise makes sessions of its own wherever it needs one and reads whatever comes. Within `fenced`, all of them use our
connections; outside of it, and in other threads, nothing is different.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import ProxyManager

from keeper.world.http import CuttableAdapter, Sockets

BIGGEST_ANSWER = 1 << 20  # bytes; what services say is a line or two
_PIECE = 1 << 14


class Fence(Sockets):
    """Connections that end together when their owner gives up, and after which none is opened any more: a call that is
    still looking for an address would send its message when nobody expects it."""

    def __init__(self) -> None:
        super().__init__()
        self._is_shut = False

    def add(self, original: socket.socket) -> socket.socket:
        """Raises ConnectionAbortedError once it is shut; nothing was sent then."""
        handle = super().add(original)
        if self._is_shut:
            self.forget(handle)
            original.close()
            raise ConnectionAbortedError("This call was given up on.")
        return handle

    def shut(self) -> None:
        """For good. Said before the cut: who comes in between sees it."""
        self._is_shut = True
        self.cut()


class FencedAdapter(CuttableAdapter):
    """Reads an answer as a whole, up to `most` bytes of it; the rest is cut off."""

    def __init__(self, fence: Fence, most: int = BIGGEST_ANSWER) -> None:
        self._most = most
        super().__init__(fence)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        response = super().send(request, *args, **kwargs)
        _read_up_to(response, self._most)
        return response

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """A way through a proxy can be cut as well."""
        manager = super().proxy_manager_for(*args, **kwargs)
        if type(manager) is ProxyManager:
            manager.pool_classes_by_scheme = self.poolmanager.pool_classes_by_scheme
        return manager


def _read_up_to(response: requests.Response, most: int) -> None:
    """Raises what requests raises when the connection breaks off in the middle."""
    parts, size = [], 0
    for part in response.iter_content(_PIECE):
        parts.append(part)
        size += len(part)
        if size > most:
            response.close()
            break
    response._content = b"".join(parts)[:most]


# ---------------------------------------------------------------------------- other people's sessions

_here = threading.local()  # .adapter: of the call that this thread is making


@contextlib.contextmanager
def fenced(fence: Fence) -> Iterator[None]:
    """All that this thread asks for over requests goes through the fence."""
    _watch_sessions()
    _here.adapter = FencedAdapter(fence)
    try:
        yield
    finally:
        _here.adapter.close()
        _here.adapter = None


def _watch_sessions() -> None:
    """Once in a process. A session with an adapter of its own keeps it: it has a reason."""
    usual = requests.Session.get_adapter
    if getattr(usual, "minds_the_fence", False):
        return

    def get_adapter(session: requests.Session, url: str) -> Any:
        found = usual(session, url)
        return getattr(_here, "adapter", None) or found if type(found) is HTTPAdapter else found

    get_adapter.minds_the_fence = True  # type: ignore[attr-defined]
    setattr(requests.Session, "get_adapter", get_adapter)  # noqa: B010 - of somebody else's class, and meant so
