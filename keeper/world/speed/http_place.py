"""One address that is measured and the way there, for `http_child`: standard library only, and nothing of ours.

A proxy of the environment is used as urllib would; nothing is unpacked, and no redirection is followed: the figures
would be those of another place.
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

PATIENCE = 5.0  # seconds for a connection, and for each answer to begin
BYTES = "{bytes}"  # stands in an address for the size that is asked for
_REFUSALS = (401, 403, 429, 451)
MOST_HEAD = 32_768  # bytes of the head of one answer, with everything that says "continue" before it
_AT_ONCE = struct.pack("ii", 1, 0)  # hang up without sending what is left, and without taking it
_FEWEST = 1000  # bytes; whoever sends less of many has no data to measure with


class Fault(Exception):
    """Why there is no result. `flaw` is a word of the program's own list."""

    def __init__(self, flaw: str, said: str) -> None:
        super().__init__(said)
        self.flaw, self.said = flaw, said


class Place:
    """An address, and how it is asked."""

    def __init__(self, url: str, setting: str) -> None:
        parts = urlsplit(url)
        self.setting, self.host, self.secure = setting, parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if self.secure else 80)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._user = _basic(parts.username, parts.password)
        proxy = "" if proxy_bypass(self.host) else getproxies().get(parts.scheme, "")
        self._proxy = urlsplit(proxy if "://" in proxy or not proxy else f"http://{proxy}")
        self.sized = BYTES in self._path
        self.sends_more = False  # than it is asked for, as was seen

    def connection(self) -> http.client.HTTPConnection:
        """Not yet opened."""
        near = self._proxy.hostname or self.host
        port = (self._proxy.port or 80) if self._proxy.hostname else self._port
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        connection = kind(near, port, timeout=PATIENCE)
        connection.response_class = _Answer
        if self.secure and self._proxy.hostname:
            connection.set_tunnel(self.host, self._port, self._for_proxy())
        return connection

    def target(self, size: int) -> str:
        """What is asked for in a request."""
        path = self._path.replace(BYTES, str(size))
        if self.secure or not self._proxy.hostname:
            return path
        bracketed = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{bracketed}:{self._port}{path}"

    def headers(self) -> dict[str, str]:
        given = {"User-Agent": "plex-keeper speed test", "Accept": "*/*", "Accept-Encoding": "identity"}
        given |= {"Cache-Control": "no-cache, no-store"}
        if self._user:
            given["Authorization"] = self._user
        return given if self.secure else given | self._for_proxy()

    def _for_proxy(self) -> dict[str, str]:
        who = _basic(self._proxy.username, self._proxy.password)
        return {"Proxy-Authorization": who} if who else {}


class _Head:
    """Lines of the head of an answer, no more of them than are needed for any honest one."""

    def __init__(self, inner: Any) -> None:
        self.inner, self._left = inner, MOST_HEAD

    def readline(self, most: int) -> bytes:
        line: bytes = self.inner.readline(min(most, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise http.client.HTTPException("a head without end")
        return line

    def close(self) -> None:
        self.inner.close()


class _Answer(http.client.HTTPResponse):
    """One whose head has an end: everything before the data would cost without being counted."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.fp: Any = _Head(self.fp)

    def begin(self) -> None:
        super().begin()
        if isinstance(self.fp, _Head):
            self.fp = self.fp.inner

    def flush(self) -> None:
        """Called for whatever can be read; there is nothing to write."""


class Line:
    """One connection to a place, used for one request after the other."""

    def __init__(self, place: Place, window: int = 0) -> None:
        self._place, self._window = place, window  # bytes that may come unread; 0 = as the system has it
        self._connection: http.client.HTTPConnection | None = None

    def open(self) -> http.client.HTTPConnection:
        if self._connection is None:
            self._connection = self._place.connection()
        if self._connection.sock is None:
            self._connection.connect()
            held: Any = self._connection.sock
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            if self._window:
                held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._window)
        return self._connection

    def get(self, size: int) -> http.client.HTTPResponse:
        """The beginning of an answer that is checked. A place that has one size only is asked for a part of it."""
        headers = self._place.headers()
        if not self._place.sized:
            headers["Range"] = f"bytes=0-{size - 1}"
        connection = self.open()
        connection.request("GET", self._place.target(size), headers=headers)
        return self._checked(connection.getresponse())

    def post(self, pieces: Iterator[bytes], size: int) -> None:
        """Sends, and waits for the answer."""
        connection, headers = self.open(), self._place.headers()
        headers |= {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        try:
            connection.request("POST", self._place.target(size), pieces, headers)
        except (BrokenPipeError, ConnectionResetError):  # it may have said why before it hung up
            self._checked_upload(connection.getresponse())
            raise
        self.finish(self._checked_upload(connection.getresponse()), 1024)

    def finish(self, answer: http.client.HTTPResponse, most: int) -> None:
        """Reads a short rest, so that the connection can be used again; with a longer one it is given up."""
        if not answer.isclosed():
            answer.read(most + 1)
        if not answer.isclosed():
            self._place.sends_more = True
            self.close()

    def check_amount(self, answer: http.client.HTTPResponse, size: int, got: int) -> None:
        """Whether as much came as was announced, and as was asked for. Raises Fault."""
        host, announced = self._place.host, answer.headers.get("Content-Length", "")
        if announced.isdecimal() and got < min(size, int(announced)):
            raise Fault("broken", f"The connection to {host} broke off.")
        if got < min(size, _FEWEST):
            raise Fault("garbled", f"{host} sends {got} bytes at a time: too few to measure anything.")
        too_many = got == size and not answer.isclosed() and answer.read(1)
        if self._place.sized and too_many:
            raise Fault("garbled", f"{host} sends more bytes than it is asked for.")

    def cut(self) -> None:
        """From another thread: whoever waits for this connection wakes up. Past TLS, whose own way is not for two."""
        held = self._connection.sock if self._connection else None
        if held is not None:
            with suppress(OSError):
                socket.socket.shutdown(held, socket.SHUT_RDWR)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.close()

    def _checked_upload(self, answer: http.client.HTTPResponse) -> http.client.HTTPResponse:
        """Who takes data may answer with a page."""
        _check_status(answer, self._place)
        return answer

    def _checked(self, answer: http.client.HTTPResponse) -> http.client.HTTPResponse:
        host = self._place.host
        _check_status(answer, self._place)
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise Fault("garbled", f"{host} packs what it sends, unasked; that cannot be measured.")
        if "html" in answer.headers.get("Content-Type", "").lower():
            raise Fault("garbled", f"{host} answers with a page instead of data; a login page in the line?")
        return answer


def _check_status(answer: http.client.HTTPResponse, place: Place) -> None:
    status = answer.status
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        other = _host(answer.headers.get("Location", "")) or "another page"
        raise Fault("broken", f"{place.host} sends us on to {other}; {place.setting} has to be where the data is.")
    if status in _REFUSALS:
        raise Fault("blocked", f"{place.host} refuses to be measured ({status}).")
    if status == 404:
        raise Fault("broken", f"{place.host} does not know the address in {place.setting} (404).")
    raise Fault("broken", f"{place.host} answers with status {status}.")


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def named(problem: BaseException, place: Place) -> Fault:
    """What went wrong, in a sentence."""
    if isinstance(problem, Fault):
        return problem
    host = place.host
    if isinstance(problem, socket.gaierror):
        return Fault("broken", f"The name {host} is not known.")
    if isinstance(problem, ssl.SSLCertVerificationError):
        return Fault("broken", f"The certificate of {host} is not accepted; a login page in the line, a wrong clock?")
    if isinstance(problem, TimeoutError):
        return Fault("too_late", f"{host} does not answer.")
    if isinstance(problem, ConnectionRefusedError):
        return Fault("broken", f"{host} refuses the connection.")
    if isinstance(problem, OSError):
        return Fault("broken", f"The connection to {host} broke off ({type(problem).__name__}).")
    return Fault("garbled", f"{host} does not answer as a web server does ({type(problem).__name__}).")


def _basic(user: str | None, password: str | None) -> str:
    if not user and not password:
        return ""
    return "Basic " + base64.b64encode(f"{unquote(user or '')}:{unquote(password or '')}".encode()).decode()
