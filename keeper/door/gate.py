"""The gate in front of everything, http and websocket: strangers reach the login page and /healthz, nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from urllib.parse import quote, urlencode

import anyio
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keeper.door.desk import Desk, Doorkeeper
from keeper.door.headers import hardened
from keeper.errors import KeeperError
from keeper.rules.types import SessionRow

log = logging.getLogger(__name__)

USER_HEADER, SID_HEADER = b"x-keeper-user", b"x-keeper-sid"
_GONE: Message = {"type": "websocket.disconnect", "code": 4401, "reason": "session ended"}


class Gate:
    """ASGI middleware. Strangers reach only the open paths; who belongs here is named to what stands behind."""

    def __init__(
        self,
        app: ASGIApp,
        doorkeeper: Doorkeeper,
        base: str = "",
        policy: str = "",
        farewell: bytes = b"",
        proxies: Sequence[str] = (),
        poll: float = 1.0,
        grace: float = 4.0,
    ) -> None:
        """A live page of an ended session can do nothing more from that moment. Within `poll` seconds it is told to
        leave by the message `farewell`, and it is cut off `grace` seconds later. `policy` is the pages' CSP, `proxies`
        are those that TRUSTED_PROXIES names."""
        self.app = app
        self._doorkeeper = doorkeeper
        self._desk = Desk(doorkeeper, base)
        # /metrics has a rule of its own, see metrics_access.
        self._open = {self._desk.base + path for path in ("/login", "/healthz", "/auth/logout", "/metrics")}
        self._policy, self._farewell = policy, farewell
        self._poll, self._grace = poll, grace
        self._proxies, self._said = tuple(proxies), False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        scope = {**scope, "headers": [pair for pair in scope["headers"] if not _claims_identity(pair[0])]}
        self._notice_unnamed_proxy(scope)
        if scope["type"] == "http":
            send = hardened(send, self._policy)
            if scope["path"] in self._open:
                await self.app(scope, receive, send)
                return
        try:
            visitor = await self._desk.visitor(HTTPConnection(scope))
        except KeeperError as problem:  # nobody can be recognised now: nobody comes in, and nobody is logged out
            log.error("the door stays shut: %s", problem.sentence)
            await _refuse(scope, receive, send, PlainTextResponse("Please try again soon.", 503, {"Retry-After": "5"}))
            return
        if visitor is None:
            await _refuse(scope, receive, send, self._to_login(scope))
        else:
            await self._let_in(scope, receive, send, *visitor)

    def _notice_unnamed_proxy(self, scope: Scope) -> None:
        """A proxy on this machine that TRUSTED_PROXIES does not name makes all visitors look alike: told once."""
        if self._said or self._proxies or not scope.get("client") or scope["client"][0] not in ("127.0.0.1", "::1"):
            return
        if any(name == b"x-forwarded-for" for name, _ in scope["headers"]):
            self._said = True
            log.warning(
                "a proxy on this machine sends X-Forwarded-For, which is not believed; if it is yours, "
                "set TRUSTED_PROXIES=%s and restart",
                scope["client"][0],
            )

    def _to_login(self, scope: Scope) -> Response:
        headers = {"Cache-Control": "no-store"}
        accept = HTTPConnection(scope).headers.get("accept", "")
        if scope.get("method") not in ("GET", "HEAD") or "text/html" not in accept:
            return PlainTextResponse("Please log in.", 401, headers)
        query = scope.get("query_string", b"").decode("latin-1")
        wanted = quote(scope["path"]) + (f"?{query}" if query else "")
        return RedirectResponse(f"{self._desk.base}/login?{urlencode({'next': wanted})}", 303, headers)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send, row: SessionRow, token: str) -> None:
        identity = [(USER_HEADER, row.username.encode("latin-1")), (SID_HEADER, row.id.encode())]
        scope = {**scope, "headers": [*scope["headers"], *identity]}
        if scope["type"] == "http":
            await self.app(scope, receive, self._renewing(scope, send, row, token))
            return
        live = _LiveSocket(receive, send, lambda: self._is_alive(row.id), self._farewell)
        watch = asyncio.create_task(self._watch(live))
        try:
            await self.app(scope, live.receive, live.send)
        finally:
            watch.cancel()
        if live.ended:
            # The other side may have hung up already; then there is nobody left to tell.
            with suppress(RuntimeError, OSError), anyio.move_on_after(2):
                await send({"type": "websocket.close", "code": _GONE["code"], "reason": _GONE["reason"]})

    def _renewing(self, scope: Scope, send: Send, row: SessionRow, token: str) -> Send:
        """Page views are not kept, and carry the new end of a session that was used back to the browser."""
        connection = HTTPConnection(scope)
        asks_page = scope["method"] == "GET" and "text/html" in connection.headers.get("accept", "")
        if not asks_page:
            return send
        fresh = self._doorkeeper.renewed(token, row)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # A page kept by the browser would come back after logging out, and be dead.
                headers["cache-control"] = "no-store"
                if fresh:
                    headers.append("set-cookie", self._desk.cookie(connection, fresh))
            await send(message)

        return sending

    async def _watch(self, live: _LiveSocket) -> None:
        """Ends a live page some seconds after its session: the page itself gets the chance to leave properly."""
        while await live.may_act():
            await anyio.sleep(self._poll)
        await live.say_farewell()
        await anyio.sleep(self._grace)
        live.end()

    async def _is_alive(self, session_id: str) -> bool:
        try:
            return await anyio.to_thread.run_sync(self._doorkeeper.is_alive, session_id)
        except KeeperError:  # unknown is not 'ended'; the next look may know
            return True


class _LiveSocket:
    """A websocket whose every message from the page is checked, and that can be hung up from outside."""

    def __init__(self, receive: Receive, send: Send, is_alive: Callable[[], Awaitable[bool]], farewell: bytes) -> None:
        self._receive, self._send, self._is_alive = receive, send, is_alive
        self._farewell = farewell
        self._waiting = anyio.CancelScope()
        self._accepted = self._leaving = False
        self.ended = False

    async def may_act(self) -> bool:
        return not self._leaving and await self._is_alive()

    async def receive(self) -> Message:
        """The next message of somebody who may send one; what comes after the session's end is dropped."""
        while not self.ended:
            message = None
            with anyio.CancelScope() as self._waiting:
                message = await self._receive()
            if message is None:
                break
            if message["type"] != "websocket.receive" or await self.may_act():
                return message
            await self.say_farewell()
        return _GONE

    async def send(self, message: Message) -> None:
        self._accepted = self._accepted or message["type"] == "websocket.accept"
        if not self._leaving or message["type"] == "websocket.close":
            await self._send(message)

    async def say_farewell(self) -> None:
        """Tells the page to go to the login page. Once; after that it hears nothing more."""
        if self._accepted and not self._leaving and self._farewell:
            self._leaving = True
            with suppress(RuntimeError, OSError):  # it may be gone already
                await self._send({"type": "websocket.send", "bytes": self._farewell})

    def end(self) -> None:
        self.ended = True
        self._waiting.cancel()


def _claims_identity(name: bytes) -> bool:
    return name.lower().replace(b"_", b"-").startswith(b"x-keeper-")


async def _refuse(scope: Scope, receive: Receive, send: Send, answer: Response) -> None:
    if scope["type"] == "http":
        await answer(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.close", "code": 4401, "reason": "log in first"})  # before accept: handshake refused
