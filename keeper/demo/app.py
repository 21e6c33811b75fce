"""The front of the server: who may come in, what every route is called, and how busy it is."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from keeper.demo.answers import NO_BACKEND, TOO_LONG, error, html, unauthorized
from keeper.demo.routes_activity import ActivityRoutes
from keeper.demo.routes_items import ItemRoutes
from keeper.demo.routes_sections import SectionRoutes
from keeper.demo.routes_system import SystemRoutes
from keeper.demo.settings import Settings
from keeper.demo.speed import SpeedLine
from keeper.demo.switch import FaultLayer, Switch
from keeper.demo.world import World

REQUEST_LINE_LIMIT = 8190
SECTION, ITEM = "/library/sections/{section}", "/library/metadata/{ids}"
PUSH = ("/:/eventsource/", "/:/websocket")

Endpoint = Callable[[Request], Awaitable[Response]]
Entry = tuple[str, str, Endpoint]  # methods, path, what answers


def _admin(endpoint: Endpoint) -> Endpoint:
    """Only for the owner; a shared user is known but not allowed."""

    async def checked(request: Request) -> Response:
        return await endpoint(request) if request.state.role == "admin" else error(403)

    return checked


def routes(world: World) -> list[BaseRoute]:
    table = _for_everybody(world) + [(methods, path, _admin(answer)) for methods, path, answer in _for_the_owner(world)]
    push = ActivityRoutes(world).web_socket
    sockets = [WebSocketRoute(f"/:/{name}/notifications", push) for name in ("websocket", "websockets")]
    return [*sockets, *(Route(path, endpoint, methods=methods.split()) for methods, path, endpoint in table)]


def _for_everybody(world: World) -> list[Entry]:
    """What needs a token, but not the owner's (and /identity, which needs none)."""
    sections, items = SectionRoutes(world), ItemRoutes(world)
    activity, system = ActivityRoutes(world), SystemRoutes(world)
    return [
        ("GET", "/identity", system.identity),
        ("GET", "/", system.root),
        ("GET", "/web", system.web),
        ("GET", "/web/index.html", system.web_index),
        ("GET", "/library", sections.library),
        ("GET", "/library/sections", sections.sections),
        ("GET", SECTION, sections.section),
        ("GET", f"{SECTION}/all", sections.listing),
        ("GET", f"{SECTION}/collections", sections.collections),
        ("GET", f"{SECTION}/timeline", sections.timeline),
        ("GET", ITEM, items.items),
        ("DELETE", ITEM, items.delete),
        ("GET", f"{ITEM}/children", sections.children),
        ("GET", f"{ITEM}/allLeaves", sections.all_leaves),
        ("GET POST", f"{ITEM}/posters", items.posters),
        ("GET", ITEM + "/{kind}/{epoch}", items.picture),
        ("GET", SECTION + "/composite/{epoch}", system.resource),
        ("GET", "/:/resources/{name}", system.resource),
        ("GET", "/livetv/sessions", activity.live_sessions),
        ("GET", "/transcode/sessions", activity.transcodes),
        ("GET", "/:/eventsource/notifications", activity.event_source),
    ]


def _for_the_owner(world: World) -> list[Entry]:
    """Looking behind the scenes, and everything that sets work going or changes something."""
    sections, items = SectionRoutes(world), ItemRoutes(world)
    activity, system = ActivityRoutes(world), SystemRoutes(world)
    return [
        ("GET PUT POST DELETE", f"{SECTION}/refresh", sections.refresh),
        ("PUT", f"{SECTION}/emptyTrash", sections.empty_trash),
        ("PUT", "/library/optimize", system.accepted),
        ("PUT", "/library/clean/bundles", system.accepted),
        ("PUT", f"{ITEM}/refresh", items.refresh),
        ("PUT", f"{ITEM}/analyze", items.analyze),
        ("GET", f"{ITEM}/matches", items.matches),
        ("PUT", f"{ITEM}/match", items.match),
        ("PUT", f"{ITEM}/unmatch", items.unmatch),
        ("PUT", f"{ITEM}/poster", items.poster),
        ("GET", "/activities", activity.activities),
        ("GET", "/status/sessions", activity.sessions),
        ("GET POST", "/status/sessions/terminate", activity.terminate),
        ("GET", "/statistics/resources", system.resources),
        ("GET", "/butler", system.butler),
        ("POST", "/butler/{task}", system.butler_task),
        ("GET PUT", "/:/prefs", system.prefs),
        ("GET", "/myplex/account", system.account),
        ("PUT", "/myplex/refreshReachability", system.accepted),
        ("GET", "/updater/status", system.updater_status),
        ("PUT", "/updater/check", system.accepted),
        ("PUT", "/updater/apply", system.updater_apply),
        ("PUT POST", "/log", system.accepted),
    ]


async def _error_page(request: Request, exc: Exception) -> Response:
    return error(exc.status_code if isinstance(exc, HTTPException) else 500)


def build(world: World, switch: Switch) -> ASGIApp:
    """From the inside to the outside: routes, the token check, the faults, the front that counts, the line."""
    inner = Starlette(routes=routes(world), exception_handlers={HTTPException: _error_page, 500: _error_page})
    inner.router.redirect_slashes = False
    gate = Gate(inner, world.settings)
    return SpeedLine(Front(FaultLayer(gate, switch, world), world), world.settings)


class Gate:
    """Lets in who has a token. Only /identity is for everybody."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        role = self._role(connection)
        if self._settings.host_guard and not _known_host(connection.headers.get("host", "")):
            role = None
        elif scope["path"] == "/identity":
            role = role or "guest"
        if role is None:
            await unauthorized()(scope, receive, send)
            return
        scope["state"]["role"] = role
        await self._app(scope, receive, send)

    def _role(self, connection: HTTPConnection) -> str | None:
        token = connection.headers.get("x-plex-token") or connection.query_params.get("X-Plex-Token")
        if token == self._settings.token:
            return "admin"
        return "shared" if token in self._settings.shared_tokens else None


def _known_host(host: str) -> bool:
    """An unclaimed server answers to addresses and to localhost, not to any other name."""
    name = host.rsplit(":", 1)[0].strip("[]") if not host.endswith("]") else host.strip("[]")
    if name == "localhost" or name.endswith(".plex.direct"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Front:
    """Counts every request, and gets slow when too many come at once."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app, self._world = app, world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(PUSH):
            await self._app(scope, receive, send)
            return
        if scope["path"].endswith("/"):  # plexapi asks for /library/sections/ now and then
            scope["path"] = scope["path"].rstrip("/") or "/"
        stats = self._world.stats
        stats.arrive(scope["method"], scope["path"])
        try:
            await self._serve(scope, receive, send)
        finally:
            stats.leave()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        settings, parallel = self._world.settings, self._world.stats.parallel
        if settings.behind_nginx and _request_line_length(scope) > REQUEST_LINE_LIMIT:
            await html(414, TOO_LONG)(scope, receive, send)
            return
        if settings.busy_limit and parallel >= settings.busy_limit:
            await html(503, NO_BACKEND)(scope, receive, send)
            return
        delay = settings.latency
        if settings.busy_from:
            delay += settings.busy_step * max(0, parallel - settings.busy_from + 1)
        if delay:
            await asyncio.sleep(delay)
        await self._app(scope, receive, send)


def _request_line_length(scope: Scope) -> int:
    return len(scope["method"]) + len(scope["raw_path"]) + 1 + len(scope["query_string"]) + len(" HTTP/1.1")
