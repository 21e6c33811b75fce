"""Connections that ask nothing whole, in front of a real uvicorn."""

from __future__ import annotations

import asyncio
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from keeper.door.deadline import bounded

LIMIT = 0.4


async def slow(_request: Request) -> PlainTextResponse:
    await asyncio.sleep(2 * LIMIT)
    return PlainTextResponse("done")


async def talk(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    app = Starlette(routes=[Route("/slow", slow), WebSocketRoute("/talk", talk)])
    config = uvicorn.Config(app, port=0, log_level="error", timeout_keep_alive=30)
    config.load()
    config.http_protocol_class = bounded(config.http_protocol_class, LIMIT)
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        running = threading.Thread(target=server.run, args=([listener],), daemon=True)
        running.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        running.join(10)


def dial(port: int, *parts: bytes) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port), timeout=5)
    for part in parts:
        line.sendall(part)
    return line


def test_half_a_request_is_closed(port: int) -> None:
    with dial(port, b"GET /slow HTTP/1.1\r\nHost: x\r\n") as line:
        assert line.recv(100) == b""


def test_silence_is_closed(port: int) -> None:
    with dial(port) as line:
        assert line.recv(100) == b""


def test_a_slow_answer_is_not(port: int) -> None:
    with dial(port, b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n") as line:
        assert line.recv(100).startswith(b"HTTP/1.1 200")


def test_half_a_second_request_is_closed_too(port: int) -> None:
    with dial(port, b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n") as line:
        answer = b""
        while not answer.endswith(b"\r\n\r\nNot Found"):  # head and body may come in two pieces
            part = line.recv(1000)
            assert part, answer
            answer += part
        assert answer.startswith(b"HTTP/1.1 404")
        line.sendall(b"GET /no")
        assert line.recv(1000) == b""


def test_a_websocket_lives_on_and_one_whose_handshake_gets_no_answer_does_not(port: int) -> None:
    key = b64encode(b"0123456789abcdef")
    asks = b"GET /talk HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + (
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n"
    )
    with dial(port, asks + b"\r\n") as line:
        assert b"101" in line.recv(1000)
        line.settimeout(3 * LIMIT)
        with pytest.raises(TimeoutError):
            line.recv(1000)
    with dial(port, asks + b"Cookie: " + b"a" * 9000 + b"\r\n\r\n") as line:
        assert line.recv(1000) == b""
