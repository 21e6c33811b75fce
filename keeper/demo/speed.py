"""The line of the demo: a place to download from and one to upload to, as fast as a real line and not as this machine.

It has nothing to do with Plex, so neither the token nor the faults of the simulated server concern it. All who measure
at the same time share the line; its speed wanders a little, so that two results are hardly ever the same.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from keeper.demo.answers import error
from keeper.demo.settings import Settings

PLACE = "/keeper-demo/speed"
DOWN, UP = f"{PLACE}/down", f"{PLACE}/up"
MOST = 10**9  # bytes of one request
CHUNK = 32 * 1024
SWAY, SWAY_SECONDS = 0.04, 11.0  # how far the speed goes up and down, and in what time
LEAST = 0.1  # Mbit/s; slower than that, nobody would wait for the end
BEHIND = 0.05  # seconds of traffic that a line which was idle, or waited too long, may make good
FILLING = random.Random(7).randbytes(CHUNK)  # nosec B311  # noqa: S311 - what does not compress, no secret


class Line:
    """One direction. Whoever sends over it waits until what was sent before has gone through."""

    def __init__(self) -> None:
        self._free_at = 0.0

    async def carry(self, size: int, mbps: float) -> None:
        now = asyncio.get_running_loop().time()
        seconds = size * 8 / (max(mbps, LEAST) * 1e6 * (1 + SWAY * math.sin(now * math.tau / SWAY_SECONDS)))
        self._free_at = max(self._free_at, now - BEHIND) + seconds
        await asyncio.sleep(self._free_at - now)


class SpeedLine:
    """Stands before everything else, and answers what is asked of the line."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._down, self._up = Line(), Line()
        self._routes = Starlette(
            routes=[
                Route(DOWN, self.download, methods=["GET"]),
                Route(UP, self.upload, methods=["POST"]),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and scope["path"].startswith(PLACE)
        await (self._routes if ours else self._app)(scope, receive, send)

    async def download(self, request: Request) -> Response:
        """So many bytes as are asked for."""
        wanted = request.query_params.get("bytes", "")
        if not (wanted.isascii() and wanted.isdigit() and len(wanted) <= len(str(MOST)) and int(wanted) <= MOST):
            return error(400, f"bytes is a number from 0 to {MOST}")
        await self._travel()
        headers = {"Content-Length": str(int(wanted)), "Cache-Control": "no-store"}
        return StreamingResponse(self._pieces(int(wanted)), 200, headers, "application/octet-stream")

    async def upload(self, request: Request) -> Response:
        """Reads no faster than the line is, so that the other side cannot send faster either."""
        read = 0
        with suppress(ClientDisconnect):  # nobody is left to be told
            async for piece in request.stream():
                read += len(piece)
                if read > MOST:
                    return error(413, f"not more than {MOST} bytes")
                await self._up.carry(len(piece), self._settings.line_up)
        await self._travel()
        return Response(b"", 200, {"Cache-Control": "no-store"})

    async def _pieces(self, left: int) -> AsyncIterator[bytes]:
        while left > 0:
            size = min(left, CHUNK)
            await self._down.carry(size, self._settings.line_down)
            yield FILLING[:size]
            left -= size

    async def _travel(self) -> None:
        await asyncio.sleep(self._settings.line_ping)
