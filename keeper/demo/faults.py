"""Everything that can go wrong with a server, as seen from outside. One fault at a time, switched while it runs.

A fault may be limited to some requests (`paths`), to the next few of them (`count`) or to a time (`seconds`).
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keeper.demo.answers import BAD_GATEWAY, NO_BACKEND, error, html, maintenance, unauthorized

LIBRARY_CALLS = r"/library/sections/\d+/(all|collections)|/library/metadata|/status/sessions"
WRITES = r"^(PUT|POST|DELETE) |^GET /library/sections/\d+/refresh"
NOT_IDENTITY = r"^(?!\w+ /identity\b)"
USUAL_PATHS = {"readonly": WRITES, "unauthorized": NOT_IDENTITY, "unclaimed": NOT_IDENTITY, "dbslow": LIBRARY_CALLS}


@dataclass
class Fault:
    """One mode with its parameters. `released` is set when the mode is switched away."""

    mode: str = "ready"
    paths: str = ""  # searched in 'METHOD /path?query start=N'
    count: int | None = None
    delay: float = 1.0
    code: int | None = None
    pause: float = 0.4
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def concerns(self, line: str) -> bool:
        """Is this one of the requests the fault was switched on for?"""
        return self.mode != "ready" and self.count != 0 and bool(re.search(self.paths, line))

    def meets(self, line: str) -> bool:
        """Does this request run into the fault?"""
        return self.concerns(line) and bool(re.search(USUAL_PATHS.get(self.mode, ""), line))

    def spend(self) -> None:
        if self.count is not None:
            self.count -= 1


@dataclass
class Exchange:
    """One request on its way into trouble."""

    fault: Fault
    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    reason: str
    kept: list[Message] = field(default_factory=list)  # read while waiting, still to be read by the server

    @property
    def transport(self) -> asyncio.Transport:
        transport: asyncio.Transport = self.scope["state"]["transport"]
        return transport

    async def go_on(self) -> None:
        await self.app(self.scope, self._replay, self.send)

    async def _replay(self) -> Message:
        return self.kept.pop(0) if self.kept else await self.receive()

    async def say(self, response: Response) -> None:
        await response(self.scope, self.receive, self.send)

    async def abort(self) -> None:
        """Drop the connection and wait until it is gone."""
        self.transport.abort()
        await self.wait_for_end()

    async def wait_for_end(self) -> None:
        while (message := await self.receive())["type"] not in {"http.disconnect", "websocket.disconnect"}:
            self.kept.append(message)

    async def stay(self, seconds: float | None = None) -> bool:
        """Wait for a time, or for ever; False when the other side or the mode has gone meanwhile."""
        waits = {asyncio.create_task(self.fault.released.wait()), asyncio.create_task(self.wait_for_end())}
        done, pending = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        return not done

    async def overhear(self) -> tuple[bytes, bytes]:
        """The head and the body of the answer that would have been given."""
        start: Message = {"status": 200, "headers": []}
        body = bytearray()

        async def listen(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            body.extend(message.get("body", b""))

        await self.app(self.scope, self._replay, listen)
        lines = [b"HTTP/1.1 %d Simulated" % start["status"]]
        lines += [name + b": " + value for name, value in start["headers"]]
        return b"\r\n".join(lines) + b"\r\n\r\n", bytes(body)


# ---- the faults ------------------------------------------------------------------------------------------


async def other_server(x: Exchange) -> None:
    """Everything works, but it is not the server one had before; see routes_system.py."""
    await x.go_on()


async def starting(x: Exchange) -> None:
    await x.say(maintenance(HTTPConnection(x.scope), x.reason))


async def readonly(x: Exchange) -> None:
    await x.say(error(400, "The server is still starting up. Please retry later"))


async def overload(x: Exchange) -> None:
    await x.say(html(503, NO_BACKEND))


async def proxy502(x: Exchange) -> None:
    await x.say(html(502, BAD_GATEWAY))


async def unauthorised(x: Exchange) -> None:
    await x.say(unauthorized())


async def status(x: Exchange) -> None:
    await x.say(error(x.fault.code or 500))


async def empty200(x: Exchange) -> None:
    await x.say(Response(b"", 200))


async def html200(x: Exchange) -> None:
    await x.say(html(200, "<!DOCTYPE html><html><body><p>Please sign in to the guest network.<br></body></html>"))


async def hang(x: Exchange) -> None:
    """Accepts and never answers."""
    await x.stay()
    await x.abort()


async def slow(x: Exchange) -> None:
    if await x.stay(x.fault.delay):
        await x.go_on()
    else:
        await x.abort()


async def dbslow(x: Exchange) -> None:
    """The web server answers, but whatever needs the database is slow; with code=500 it also fails."""
    if not await x.stay(x.fault.delay):
        await x.abort()
    elif x.fault.code is not None:
        await x.say(error(x.fault.code))
    else:
        await x.go_on()


async def reset(x: Exchange) -> None:
    """Lets the kernel send a RST: no linger, then close."""
    sock = x.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await x.abort()


async def cut(x: Exchange) -> None:
    """Promises the whole answer, sends half of it, and closes."""
    head, body = await x.overhear()
    x.transport.write(head + body[: len(body) // 2])
    x.transport.close()
    await x.wait_for_end()


async def badxml(x: Exchange) -> None:
    """A whole HTTP answer with half an XML document in it."""
    _, body = await x.overhear()
    await x.say(Response(body[: max(20, len(body) // 2)] + b"\x00<&", 200, media_type="text/xml;charset=utf-8"))


async def echo(x: Exchange) -> None:
    """An error page that repeats the request, its token included, as proxies and debugging servers do."""
    said = "<br>".join(f"{name}: {value}" for name, value in HTTPConnection(x.scope).headers.items())
    await x.say(html(x.fault.code or 500, f"<html><body><h1>Your request</h1>{said}</body></html>"))


async def parrot(x: Exchange) -> None:
    """The right answer, but every title, and the name of the server, begins with the token it was asked with."""
    head, body = await x.overhear()
    token = HTTPConnection(x.scope).headers.get("x-plex-token", "").encode()
    body = re.sub(rb'\b(?:title|friendlyName)"?[=:] ?"', lambda found: found[0] + token + b" ", body)
    language = "application/json" if body.startswith(b"{") else "text/xml;charset=utf-8"
    await x.say(Response(body, int(head.split()[1]), media_type=language))


async def trickle(x: Exchange) -> None:
    """The right answer, one byte at a time."""
    head, body = await x.overhear()
    x.transport.write(head)
    for at in range(len(body)):
        x.transport.write(body[at : at + 1])
        if not await x.stay(x.fault.pause):
            break
    await x.abort()


FAULTS: dict[str, Callable[[Exchange], Awaitable[None]]] = {
    "other_server": other_server,
    "starting": starting,
    "readonly": readonly,
    "overload": overload,
    "proxy502": proxy502,
    "unauthorized": unauthorised,
    "unclaimed": unauthorised,
    "status": status,
    "empty200": empty200,
    "html200": html200,
    "hang": hang,
    "slow": slow,
    "dbslow": dbslow,
    "reset": reset,
    "cut": cut,
    "badxml": badxml,
    "trickle": trickle,
    "echo": echo,
    "parrot": parrot,
}
MODES = ("ready", "refused", *FAULTS)
NEEDS_ANSWER = {"cut", "badxml", "trickle", "parrot"}  # these spoil an answer, so an endless stream is just dropped
MASKED = {"other_server", "unclaimed"}  # here the server itself says something else than usual
