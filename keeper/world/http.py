"""One HTTP session for one server: a total deadline per call, a brake, and faults named as our errors.

requests' own timeout counts per read, so a server that trickles a byte now and then holds a call for ever.
Here every call runs in a helper thread while the caller waits for whichever comes first: the answer, the deadline
or the brake. On the latter two the socket is shut down, which ends the helper thread at once.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from keeper.errors import (
    PlexForbidden,
    PlexGarbled,
    PlexNotFound,
    PlexOverloaded,
    PlexRejected,
    PlexSilent,
    PlexStarting,
    PlexUnauthorized,
    PlexUnreachable,
)
from keeper.ports import Clock, Stop

BRAKE_EVERY = 0.1  # seconds between two looks at the brake
BIGGEST_ANSWER = 64 << 20

T = TypeVar("T")


class Sockets:
    """The open sockets of one session, so that another thread can cut them."""

    def __init__(self) -> None:
        self._open: set[socket.socket] = set()
        self.opened = 0
        self._lock = threading.Lock()

    def add(self, original: socket.socket) -> socket.socket:
        """Keeps a second handle on the same connection: it stays valid whatever TLS does with the first."""
        handle = original.dup()
        with self._lock:
            self._open.add(handle)
            self.opened += 1
        return handle

    def forget(self, handle: socket.socket) -> None:
        with self._lock:
            self._open.discard(handle)
        handle.close()

    def cut(self) -> None:
        """Shuts down every connection; whoever reads from one gets an end of file."""
        with self._lock:
            for handle in self._open:
                with suppress(OSError):  # already gone
                    handle.shutdown(socket.SHUT_RDWR)


def _cuttable(base: type[HTTPConnection], sockets: Sockets) -> type[HTTPConnection]:
    class Connection(base):  # type: ignore[misc, valid-type]
        """A connection that reports its socket."""

        _handle: socket.socket | None = None

        def _new_conn(self) -> socket.socket:
            fresh: socket.socket = super()._new_conn()
            fresh.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._handle = sockets.add(fresh)
            return fresh

        def close(self) -> None:
            super().close()
            if self._handle is not None:
                handle, self._handle = self._handle, None
                sockets.forget(handle)

    return Connection


class CuttableAdapter(HTTPAdapter):
    """Makes its pools of cuttable connections."""

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        super().__init__(pool_connections=1, pool_maxsize=2)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        plain = type("Pool", (HTTPConnectionPool,), {"ConnectionCls": _cuttable(HTTPConnection, self._sockets)})
        secure = type("Pool", (HTTPSConnectionPool,), {"ConnectionCls": _cuttable(HTTPSConnection, self._sockets)})
        self.poolmanager.pool_classes_by_scheme = {"http": plain, "https": secure}


class BoundedSession(requests.Session):
    """A requests session with a deadline in seconds for each whole call. Not to be shared between threads.

    `clean` takes out of every body what the server must not say: it may echo the token, and what is read here is
    stored, logged and shown.
    """

    def __init__(self, clock: Clock, stop: Stop, deadline: float, clean: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self._clock, self._stop, self._deadline, self._clean = clock, stop, deadline, clean
        self._sockets = Sockets()
        for scheme in ("http://", "https://"):
            self.mount(scheme, CuttableAdapter(self._sockets))
        self.trust_env = False  # a proxy of the environment is no way to one's own server

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """Raises PlexError for every fault and every status but 2xx, Stopped when the brake is pulled."""
        return self.bounded(lambda: self.exchange(method, url, *args, **kwargs))

    def bounded(self, call: Callable[[], T]) -> T:
        """Runs `call` in a helper thread under deadline and brake."""
        return self.await_answer(Answer(call))

    def await_answer(self, answer: Answer[T]) -> T:
        """Waits for a call that was started before, under deadline and brake."""
        ends = self._clock.monotonic() + self._deadline
        try:
            while not answer.done.wait(BRAKE_EVERY):
                self._stop.check()
                if self._clock.monotonic() >= ends:
                    raise PlexSilent(f"Plex did not answer within {self._deadline:g} s.")
        except BaseException:
            self._sockets.cut()
            raise
        return answer.result()

    @property
    def connections(self) -> int:
        """How many connections were opened so far."""
        return self._sockets.opened

    def cut(self) -> None:
        """Ends whatever is under way."""
        self._sockets.cut()

    def exchange(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        """One request in the calling thread, with requests' own timeouts only. Raises PlexError."""
        kwargs.update(timeout=(self._deadline, self._deadline), stream=True, allow_redirects=False)
        try:
            response = super().request(method, url, *args, **kwargs)
            _read_all(response)
            response._content = self._clean(response.content)
        except requests.exceptions.ReadTimeout as problem:
            raise PlexSilent(f"Plex did not answer within {self._deadline:g} s.") from problem
        except requests.exceptions.ConnectTimeout as problem:
            raise PlexUnreachable(f"No connection to Plex within {self._deadline:g} s.") from problem
        except requests.exceptions.ChunkedEncodingError as problem:
            raise PlexGarbled("The answer of Plex was cut off in the middle.") from problem
        except requests.exceptions.RequestException as problem:
            raise _unreachable(problem) from problem
        _raise_for_status(response)
        return response


class Answer(Generic[T]):
    """The outcome of a call that runs in its own daemon thread."""

    def __init__(self, call: Callable[[], T]) -> None:
        self.done = threading.Event()
        self._call = call
        self._value: T | None = None
        self._problem: BaseException | None = None
        threading.Thread(target=self._run, name="plex-call", daemon=True).start()

    def result(self) -> T:
        """Only after `done`."""
        if self._problem is not None:
            raise self._problem
        return self._value  # type: ignore[return-value]

    def _run(self) -> None:
        try:
            self._value = self._call()
        except BaseException as problem:  # noqa: BLE001 - handed to the waiting thread, not swallowed
            self._problem = problem
        finally:
            self.done.set()


def _read_all(response: requests.Response) -> None:
    """Takes the whole body, within reason."""
    parts, size = [], 0
    for part in response.iter_content(1 << 16):
        size += len(part)
        if size > BIGGEST_ANSWER:
            raise PlexGarbled("The answer of Plex was absurdly large.")
        parts.append(part)
    expected = response.headers.get("Content-Length", "")
    response._content = b"".join(parts)
    response.encoding = "utf-8"
    if expected.isdigit() and "Content-Encoding" not in response.headers and size < int(expected):
        raise PlexGarbled("The answer of Plex was cut off in the middle.")


def _unreachable(problem: requests.exceptions.RequestException) -> Exception:
    said = str(problem)
    if "refused" in said:
        return PlexUnreachable("Plex is not reachable: nothing listens at PLEX_URL.")
    if "resolve" in said or "getaddrinfo" in said:
        return PlexUnreachable("Plex is not reachable: the name in PLEX_URL is not known.")
    if isinstance(problem, requests.exceptions.SSLError):
        return PlexGarbled("Plex does not speak https at PLEX_URL with a certificate that is accepted; try http://.")
    if isinstance(problem, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return PlexUnreachable("Plex is not reachable: PLEX_URL is not an address.")
    return PlexUnreachable("The connection to Plex broke off.")


def _raise_for_status(response: requests.Response) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    body = response.text[:2000]
    if status == 503 and "maintenance" in body.lower():
        raise PlexStarting("Plex is starting or migrating its database.")
    if status == 400 and "still starting up" in body:
        raise PlexStarting("Plex is still starting up and takes no changes yet.")
    if status in (429, 502, 503, 504):
        raise PlexOverloaded(f"Plex (or a proxy in front of it) is overloaded: status {status}.")
    if status == 401:
        raise PlexUnauthorized("Plex does not accept the token. Put a new one into PLEX_TOKEN and start again.")
    if status == 403:
        raise PlexForbidden(
            "The token is valid but not the owner's: Plex refuses this to shared users. Use the owner's."
        )
    if status == 404:
        raise PlexNotFound("Plex does not know this item or address.")
    if 300 <= status < 400:
        raise PlexGarbled("PLEX_URL answers with a redirection; it must be the address of the server itself.")
    raise PlexRejected(f"Plex answered with status {status}.", status)
