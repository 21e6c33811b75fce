"""Which fault is on: switched by hand, for a time, or by a script of several; and the layer that lets it act."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from keeper.demo.faults import FAULTS, MASKED, MODES, NEEDS_ANSWER, Exchange, Fault
from keeper.demo.world import World

Step = dict[str, Any]


class Switch:
    """Holds the one fault that is on, and plays scripts of several."""

    def __init__(self, open_door: Callable[[], Awaitable[None]], close_door: Callable[[], Awaitable[None]]) -> None:
        self.fault = Fault()
        self._open_door, self._close_door = open_door, close_door
        self._script: asyncio.Task[None] | None = None

    @property
    def passing(self) -> bool:
        """Whether the fault that is on ends by itself, for a script is being played."""
        return self._script is not None and not self._script.done()

    async def set(self, mode: str, **params: Any) -> None:
        """Switch by hand: a script that is being played ends."""
        seconds = params.pop("seconds", None)
        await self.stop_script()
        if seconds is not None:
            self.play([{"mode": mode, "seconds": seconds, **params}])
        else:
            await self._turn(mode, params)

    def play(self, steps: list[Step], before: Callable[[], Awaitable[None]] | None = None) -> None:
        """Go through the steps, each for its `seconds`, then be ready again. `before` runs behind the closed door."""
        for step in steps:
            _known(str(step["mode"]))
        self._script = asyncio.create_task(self._play([dict(step) for step in steps], before))

    async def _play(self, steps: list[Step], before: Callable[[], Awaitable[None]] | None) -> None:
        for number, step in enumerate(steps):
            seconds = float(step.pop("seconds", 1.0))
            await self._turn(step.pop("mode"), step)
            if before is not None and number == 0:
                await before()
            await asyncio.sleep(seconds)
        await self._turn("ready", {})

    async def stop_script(self) -> None:
        if self._script is not None:
            self._script.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._script
            self._script = None

    async def _turn(self, mode: str, params: dict[str, Any]) -> None:
        _known(mode)
        fresh = Fault(mode, **params)
        re.compile(fresh.paths)
        old, self.fault = self.fault, fresh
        old.released.set()
        if mode == "refused":
            await self._close_door()
        elif old.mode == "refused":
            await self._open_door()


def _known(mode: str) -> None:
    if mode not in MODES:
        raise ValueError(f"unknown mode {mode!r}; known are {', '.join(MODES)}")


class FaultLayer:
    """Stands before the server: a request either passes or meets the fault that is on."""

    def __init__(self, app: ASGIApp, switch: Switch, world: World) -> None:
        self._app, self._switch, self._world = app, switch, world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault, line = self._switch.fault, request_line(scope)
        if fault.mode in MASKED and fault.concerns(line):
            scope["state"]["mask"] = fault.mode
        self._world.stats.not_ready += fault.mode != "ready"
        if not fault.meets(line):
            await self._app(scope, receive, send)
            return
        fault.spend()
        self._world.stats.faulted[fault.mode] += 1
        reason = self._world.settings.starting_reason
        await _trouble(Exchange(fault, self._app, scope, receive, send, reason))


async def _trouble(exchange: Exchange) -> None:
    mode = exchange.fault.mode
    endless = exchange.scope["type"] == "websocket" or "/eventsource/" in exchange.scope["path"]
    if endless and mode in NEEDS_ANSWER:
        await exchange.abort()
    else:
        await FAULTS[mode](exchange)


def request_line(scope: Scope) -> str:
    """'GET /library/sections/1/all?type=1 start=200': what the `paths` of a fault are searched in."""
    query = scope["query_string"].decode("latin-1")
    start = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-plex-container-start"), "")
    found = re.search(r"X-Plex-Container-Start=(\d+)", query)
    start = found[1] if found else start
    line = f"{scope.get('method', 'GET')} {scope['path']}"
    return line + (f"?{query}" if query else "") + (f" start={start}" if start else "")
