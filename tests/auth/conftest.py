"""A door on a real data file, with a clock that only moves when told to and cheap password hashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bcrypt
import httpx2
import pytest
from door_world import HEARD, PASSWORD, FakeClock, World
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

import auth
from keeper.store.db import Database
from keeper.store.sessions import StoredSessions


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    real = bcrypt.gensalt
    monkeypatch.setattr(bcrypt, "gensalt", lambda rounds=4, prefix=b"2b": real(4, prefix))
    for name in ("GUI_PASSWORD", "PSR_COOKIE_KEY", "PSR_COOKIE_NAME", "PSR_AUTH_USERNAME", "PSR_COOKIE_EXPIRY_DAYS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(tmp_path / "state.db")
    database.migrate()
    yield World(tmp_path, FakeClock(), StoredSessions(database))
    database.close()


@pytest.fixture
def door(world: World) -> auth.Doorkeeper:
    world.write()
    doorkeeper = world.doorkeeper()
    doorkeeper.open()
    return doorkeeper


@pytest.fixture
def log_in(door: auth.Doorkeeper) -> Callable[..., str]:
    """Logs in without a browser; the token."""

    def entering(password: str = PASSWORD, address: str = "192.0.2.1") -> str:
        return door.log_in("admin", password, address, "Firefox").token

    return entering


async def _who(request: Request) -> JSONResponse:
    shown = {name: request.headers.getlist(name) for name in ("x-keeper-user", "x-keeper-sid", "x_keeper_user")}
    return JSONResponse(shown)


async def _health(request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok " + request.headers.get("x-keeper-user", "nobody"))


async def _echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(socket.headers["x-keeper-user"])
    async for text in socket.iter_text():
        HEARD.append(text)
        await socket.send_text(text)


@pytest.fixture
def visit(door: auth.Doorkeeper) -> Callable[..., TestClient]:
    """A browser without cookies, looking at an application behind the gate."""

    def browser(
        base: str = "", scheme: str = "http", address: str = "192.0.2.1", keeper: auth.Doorkeeper = door, **gate: Any
    ) -> TestClient:
        inside = [
            Route(f"{base}/healthz", _health),
            WebSocketRoute(f"{base}/_stcore/stream", _echo),
            Route("/{path:path}", _who, methods=["GET", "POST", "PUT"]),
        ]
        app = Starlette(
            routes=[*auth.routes(keeper, base), *inside],
            middleware=[Middleware(auth.Gate, doorkeeper=keeper, base=base, **gate)],
        )
        return TestClient(app, base_url=f"{scheme}://testserver", follow_redirects=False, client=(address, 50000))

    return browser


@pytest.fixture
def submit() -> Callable[..., httpx2.Response]:
    """Fills in the login form."""

    def sending(browser: TestClient, password: str = PASSWORD, **more: Any) -> httpx2.Response:
        base = more.pop("base", "")
        fields = {"username": more.pop("username", "admin"), "password": password, "next": more.pop("next", "")}
        headers = {"origin": str(browser.base_url).rstrip("/"), **more.pop("headers", {})}
        return browser.post(f"{base}/login", data=fields, headers=headers, **more)

    return sending
