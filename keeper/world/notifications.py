"""The push channel of Plex: server-sent events over plain HTTP. Hints only; it may be absent, late or lose messages."""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import requests
import urllib3

from keeper.rules.types import Hint
from keeper.world.http import CuttableAdapter, Sockets

log = logging.getLogger(__name__)

LIBRARY = "com.plexapp.plugins.library"  # TV guides send the same shape under other identifiers
PROCESSED = 5
CONNECT_SECONDS, QUIET_SECONDS = 5.0, 90.0
LONGEST_PAUSE = 15.0
FIRST_WAIT = 1.0
LONGEST_LINE = 1 << 20


class Notifications:
    """The Hints port: a thread that listens, reconnects, and puts hints into a queue."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token
        self._queue: queue.SimpleQueue[Hint] = queue.SimpleQueue()
        self._connected = threading.Event()
        self._closed = threading.Event()
        self._sockets = Sockets()
        self._thread = threading.Thread(target=self._listen, name="plex-notifications", daemon=True)
        self._thread.start()
        self._connected.wait(FIRST_WAIT)

    @property
    def alive(self) -> bool:
        return self._connected.is_set()

    def take(self, seconds: float) -> list[Hint]:
        hints: list[Hint] = []
        with suppress(queue.Empty):
            hints.append(self._queue.get(timeout=seconds) if seconds else self._queue.get_nowait())
            while True:
                hints.append(self._queue.get_nowait())
        return hints

    def close(self) -> None:
        self._closed.set()
        self._sockets.cut()
        self._thread.join(1.0)

    def _listen(self) -> None:
        pause = 0.5
        while not self._closed.is_set():
            try:
                pause = self._listen_once() or pause
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as problem:
                log.debug("push channel: %s", type(problem).__name__)
            finally:
                self._connected.clear()
            self._closed.wait(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    def _listen_once(self) -> float | None:
        """One connection, to its end; the next pause when it was a good one."""
        with requests.Session() as session:
            session.trust_env = False
            for scheme in ("http://", "https://"):
                session.mount(scheme, CuttableAdapter(self._sockets))
            headers = {"X-Plex-Token": self._token, "Accept": "text/event-stream"}
            address = f"{self._url}/:/eventsource/notifications?filters=timeline"
            with session.get(address, headers=headers, stream=True, timeout=(CONNECT_SECONDS, QUIET_SECONDS)) as answer:
                if answer.status_code != 200 or "event-stream" not in answer.headers.get("Content-Type", ""):
                    return None
                self._connected.set()
                for line in _lines(answer.raw):
                    self._take_line(line)
                return 0.5

    def _take_line(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            with suppress(ValueError, OverflowError, RecursionError):  # half a line, or poison
                for hint in hints_in(json.loads(line[5:])):
                    self._queue.put(hint)


def _lines(raw: Any) -> Iterator[bytes]:
    """Lines as they arrive, whether the body is chunked or not."""
    rest = b""
    while piece := raw.read1(1 << 14):
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise ValueError("a line without end")
        yield from lines


def hints_in(message: Any) -> list[Hint]:
    """Hints in one push message; a single entry (SSE) and a list of them (WebSocket) are both understood."""
    if not isinstance(message, dict):
        return []
    inner = message.get("NotificationContainer", message)
    entries = inner.get("TimelineEntry", []) if isinstance(inner, dict) else []
    found = [_hint(entry) for entry in (entries if isinstance(entries, list) else [entries]) if isinstance(entry, dict)]
    return [hint for hint in found if hint]


def _hint(entry: dict[str, Any]) -> Hint | None:
    if entry.get("identifier") != LIBRARY or not entry.get("itemID"):
        return None
    try:
        state = int(entry.get("state", -1))
    except (TypeError, ValueError, OverflowError):
        return None
    key = str(entry["itemID"])
    if state == PROCESSED:
        settled = not (entry.get("metadataState") or entry.get("mediaState") or entry.get("queueSize"))
        return Hint(key, "processed") if settled else None
    return Hint(key, "began") if 1 <= state < PROCESSED else None
