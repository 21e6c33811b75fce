"""What is going on: activities, sessions, and the push channels that tell of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from keeper.demo.answers import HEADERS, answer, done, error
from keeper.demo.nodes import container
from keeper.demo.push import Listener
from keeper.demo.world import World


class ActivityRoutes:
    """One method for each route; the table of routes is in app.py."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def activities(self, request: Request) -> Response:
        return answer(request, container({}, self.world.activities.nodes()))

    async def sessions(self, request: Request) -> Response:
        return answer(request, container({}, self.world.sessions.nodes()))

    async def live_sessions(self, request: Request) -> Response:
        return answer(request, container({}, self.world.sessions.live_nodes()))

    async def transcodes(self, request: Request) -> Response:
        return answer(request, container({}, self.world.sessions.transcodes()))

    async def terminate(self, request: Request) -> Response:
        """Takes the id of the Session element, not the sessionKey."""
        key = request.query_params.get("sessionId", "").removeprefix("demo-session-")
        stopped = key.isdigit() and self.world.sessions.stop(int(key))
        return done(request, old=self.world.settings.old_action_bodies) if stopped else error(404)

    # ---- push ----------------------------------------------------------------------------------------

    async def event_source(self, request: Request) -> Response:
        return StreamingResponse(self._frames(self._listen(request, "sse")), 200, HEADERS, "text/event-stream")

    def _listen(self, request: HTTPConnection, spelling: str) -> Listener:
        """From now on nothing is missed; what was told before is not told again."""
        listener = Listener(spelling, request.query_params.get("filters", "-log"))
        self.world.push.listeners.add(listener)
        return listener

    async def _frames(self, listener: Listener) -> AsyncIterator[str]:
        try:
            while (frame := await listener.queue.get()) is not None:
                yield frame
        finally:
            self.world.push.listeners.discard(listener)

    async def web_socket(self, socket: WebSocket) -> None:
        listener = self._listen(socket, "ws")
        await socket.accept()
        gone = asyncio.create_task(_until_gone(socket))
        try:
            while (frame := await _next(listener, gone)) is not None:
                await socket.send_text(frame)
            if not gone.done():
                await socket.close(1001)
        finally:
            gone.cancel()
            self.world.push.listeners.discard(listener)


async def _until_gone(socket: WebSocket) -> None:
    """Read and forget what the client says until it leaves."""
    try:
        while True:
            await socket.receive_text()
    except (WebSocketDisconnect, KeyError):
        return


async def _next(listener: Listener, gone: asyncio.Task[None]) -> str | None:
    """The next frame, or None when either side hangs up."""
    frame = asyncio.create_task(listener.queue.get())
    await asyncio.wait({frame, gone}, return_when=asyncio.FIRST_COMPLETED)
    if frame.done():
        return frame.result()
    frame.cancel()
    return None
