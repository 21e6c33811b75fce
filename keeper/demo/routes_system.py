"""The server about itself: identity, account, updates, preferences, butler."""

from __future__ import annotations

import time

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from keeper.demo import about
from keeper.demo.answers import answer, done, error, html, svg
from keeper.demo.nodes import Attrs, Node, container
from keeper.demo.world import World

DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16"><rect width="16" height="16"/></svg>'
WEB_CLIENT = "<!DOCTYPE html><title>Plex</title><p>This is the demo server; it has no web client."


class SystemRoutes:
    """One method for each route; the table of routes is in app.py."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _done(self, request: Request) -> Response:
        return done(request, old=self.world.settings.old_action_bodies)

    # ---- who it is -----------------------------------------------------------------------------------

    async def identity(self, request: Request) -> Response:
        claimed = self.world.settings.claimed and _mask(request) != "unclaimed"
        attrs: Attrs = {"size": 0, "apiVersion": "1.2.2", "claimed": claimed}
        attrs |= {"machineIdentifier": self._machine(request), "version": about.VERSION}
        return answer(request, Node("MediaContainer", attrs))

    async def root(self, request: Request) -> Response:
        settings = self.world.settings
        attrs = about.root_attrs() | {
            "machineIdentifier": self._machine(request),
            "myPlexMappingState": settings.mapping_state,
            "myPlexSigninState": settings.signin_state,
            "transcoderActiveVideoSessions": len(self.world.sessions.transcodes()),
            "updatedAt": self.world.booted_at,
        }
        return answer(request, container(attrs, about.root_directories()))

    def _machine(self, request: Request) -> str:
        other = _mask(request) == "other_server"
        return self.world.other_identifier if other else self.world.machine_identifier

    async def account(self, request: Request) -> Response:
        """Holds the owner's authToken: whoever logs this answer leaks it."""
        settings = self.world.settings
        state: Attrs = {"mappingState": settings.mapping_state, "mappingError": settings.mapping_error}
        return answer(request, Node("MyPlex", about.ACCOUNT | state | {"signInState": settings.signin_state}))

    # ---- updates -------------------------------------------------------------------------------------

    async def updater_status(self, request: Request) -> Response:
        """No update is an empty container, or a Release that has the version one runs already."""
        settings = self.world.settings
        if settings.update == "none":
            return answer(request, container({}))
        version = about.NEWER_VERSION if settings.update == "newer" else about.VERSION
        release: Attrs = {"key": "https://example.invalid/updater/releases/9", "version": version, "added": ""}
        release |= {"fixed": "Summary of\nrelease notes", "downloadURL": about.DOWNLOAD, "state": settings.update_state}
        attrs: Attrs = {"canInstall": settings.can_install, "checkedAt": int(time.time())}
        attrs |= {"downloadURL": about.DOWNLOAD, "status": 0}
        return answer(request, container(attrs, [Node("Release", release)]))

    async def updater_apply(self, request: Request) -> Response:
        status = self.world.settings.apply_status
        return self._done(request) if status == 200 else error(status)

    # ---- preferences and work ------------------------------------------------------------------------

    async def prefs(self, request: Request) -> Response:
        """A PUT of an unknown name answers 200 like any other: only reading back tells."""
        prefs = self.world.prefs
        if request.method == "PUT":
            wanted = request.query_params.items()
            prefs.update({name: value for name, value in wanted if name in about.PREFERENCES})
            return self._done(request)
        return answer(request, container({}, [about.preference(name, prefs.get(name)) for name in about.PREFERENCES]))

    async def butler(self, request: Request) -> Response:
        return answer(request, about.butler_tasks())

    async def butler_task(self, request: Request) -> Response:
        known = request.path_params["task"] in about.BUTLER_TASKS
        return self._done(request) if known else error(404)

    async def resources(self, request: Request) -> Response:
        now = int(time.time()) // 6 * 6
        attrs: Attrs = {"timespan": 6, "hostCpuUtilization": 7.25, "hostMemoryUtilization": 41.5}
        attrs |= {"processCpuUtilization": 1.75, "processMemoryUtilization": 3.25}
        inside = [Node("StatisticsResources", {"at": now - 6 * ago, **attrs}) for ago in range(20)]
        return answer(request, container({}, inside))

    async def accepted(self, request: Request) -> Response:
        """Actions that are taken and change nothing here: look for updates, optimize, clean bundles, log."""
        return self._done(request)

    # ---- what a browser may ask for ------------------------------------------------------------------

    async def resource(self, request: Request) -> Response:
        return svg(DOT)

    async def web(self, request: Request) -> Response:
        return Response(b"", 301, {"Location": "/web/index.html"})

    async def web_index(self, request: Request) -> Response:
        return html(200, WEB_CLIENT)


def _mask(request: HTTPConnection) -> str:
    """Set by the fault layer when the server shall pretend to be another."""
    return str(request.scope["state"].get("mask", ""))
