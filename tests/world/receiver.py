"""A real HTTP server on loopback that takes messages, keeps them, and misbehaves when it is told to."""

from __future__ import annotations

import json
import socket
import struct
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[["_Handler", "Got"], None]


@dataclass
class Got:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Answers 200, or what `script` says for the next requests; what it got stands in `got`, in order."""

    got: list[Got] = field(default_factory=list)
    script: list[Behaviour] = field(default_factory=list)
    connections: int = 0
    sent: int = 0  # bytes of answers that have no end
    released: threading.Event = field(default_factory=threading.Event)  # set: those that hang may go

    def __enter__(self) -> Receiver:
        handler = type("Handler", (_Handler,), {"receiver": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def place(self) -> str:
        """host:port"""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.place}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver
    disable_nagle_algorithm = True

    def setup(self) -> None:
        self.receiver.connections += 1
        super().setup()

    def _take(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        got = Got(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, self.rfile.read(length))
        behaviour = self.receiver.script.pop(0) if self.receiver.script else status(200)
        self.receiver.got.append(got)
        behaviour(self, got)

    do_POST = do_GET = do_PUT = do_PATCH = _take

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def status(code: int, body: str = "{}", **headers: str) -> Behaviour:
    def answer(handler: _Handler, _got: Got) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        raw = body.encode()
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)

    return answer


def reset(handler: _Handler, _got: Got) -> None:
    """Takes it, and cuts the connection instead of answering."""
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def silence(handler: _Handler, _got: Got) -> None:
    """Takes it, and never answers."""
    handler.receiver.released.wait(30)
    handler.close_connection = True


def trickle(handler: _Handler, _got: Got) -> None:
    """Sends the head of an answer a byte at a time, for ever."""
    handler.close_connection = True
    try:
        while not handler.receiver.released.wait(0.02):
            handler.wfile.write(b"H")
            handler.wfile.flush()
    except OSError:
        return


def endless(handler: _Handler, _got: Got) -> None:
    """An answer that goes on as long as somebody takes it."""
    _begin_answer(handler, {})
    _go_on(handler, b"x" * (1 << 16), 0)


def drip(handler: _Handler, _got: Got) -> None:
    """An answer of which a byte comes now and then."""
    _begin_answer(handler, {"Content-Length": "1000000"})
    _go_on(handler, b"x", 0.02)


def bomb(handler: _Handler, _got: Got) -> None:
    """A small answer that is 200 MB when it is unpacked."""
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    piece = bytes(1 << 20)
    packed = b"".join(packer.compress(piece) for _ in range(200)) + packer.flush()
    _begin_answer(handler, {"Content-Encoding": "gzip", "Content-Length": str(len(packed))})
    try:
        handler.wfile.write(packed)
    except OSError:
        return


def _begin_answer(handler: _Handler, headers: dict[str, str]) -> None:
    handler.close_connection = True
    handler.send_response(200)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()


def _go_on(handler: _Handler, piece: bytes, every: float) -> None:
    try:
        while not handler.receiver.released.wait(every):
            handler.wfile.write(piece)
            handler.wfile.flush()
            handler.receiver.sent += len(piece)
    except OSError:
        return


def nobody() -> str:
    """host:port at which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"
