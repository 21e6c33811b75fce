"""A TCP port that can be closed and opened again while the program runs, with uvicorn's HTTP behind it."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

# Turning a WebSocket away with an answer is right; uvicorn takes it for an accident and says so.
logging.getLogger("uvicorn.error").addFilter(lambda record: "without completing handshake" not in str(record.msg))


class Protocol(H11Protocol):
    """uvicorn's protocol, with the transport handed on to the application in scope['state']."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Door:
    """Listens, hands requests to the application, and can drop everybody at once."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._config = Config(
            app,
            http=Protocol,
            ws="websockets-sansio",
            lifespan="off",
            access_log=False,
            proxy_headers=False,
            log_config=None,
            ws_ping_interval=None,
        )
        self._config.load()
        self._state = ServerState()
        self._host, self.port = host, port
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self.port}"

    async def open(self) -> None:
        """Listen; the port chosen first is kept for every later time."""
        if self._server is not None:
            return
        sock = _listening_socket(self._host, self.port)
        self.port = sock.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(self._protocol, sock=sock, backlog=1024)

    async def close(self) -> None:
        """Stop listening and cut every connection: whoever comes now is refused."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        self.cut_all()
        await asyncio.sleep(0)

    def cut_all(self) -> None:
        for connection in list(self._state.connections):
            connection.transport.abort()

    async def lock_up(self) -> None:
        """Close for good, and end every request that is still being served."""
        await self.close()
        if self._state.tasks:
            _, left = await asyncio.wait(self._state.tasks, timeout=0.2)
            for task in left:
                task.cancel()

    def _protocol(self, _loop: Any = None) -> asyncio.Protocol:
        return Protocol(self._config, self._state, {}, _loop)


def _listening_socket(host: str, port: int) -> socket.socket:
    """Named TCP on purpose: asyncio switches Nagle's delay off only where the protocol number says TCP."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.setblocking(False)
    return sock
