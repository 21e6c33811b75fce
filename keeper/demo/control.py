"""The back door: a second port without a token, by which tests switch faults and ask what really happened."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from keeper.demo import flaws, query
from keeper.demo.dice import shaker
from keeper.demo.faults import MODES
from keeper.demo.generate import Maker, Plan
from keeper.demo.library import NO_TESTS, Item, Library
from keeper.demo.sessions import KINDS
from keeper.demo.switch import Switch
from keeper.demo.world import World

HELP = {
    "GET /mode": "the fault that is on, whether it ends by itself, and how many sessions there are",
    "POST /mode": {
        "mode": list(MODES),
        "paths": "regex",
        "count": 1,
        "seconds": 5,
        "delay": 1,
        "code": 500,
        "pause": 0.4,
    },
    "POST /script": [{"mode": "refused", "seconds": 2}, {"mode": "starting", "seconds": 5}],
    "POST /restart": {"down_seconds": 1, "starting_seconds": 2, "readonly_seconds": 0},
    "GET /set": "all knobs with their values",
    "POST /set": {"page_cap": 40, "refresh_seconds": [0.1, 0.2]},
    "GET /stats": "what was asked and done",
    "POST /stats/reset": "start counting again",
    "GET /items": "the truth about every item; ?flawed=1 for the broken ones, ?keys=1,2",
    "POST /change": {
        "keys": [1001],
        "flaws": ["no_thumb"],
        "hopeless": False,
        "lock": ["thumb"],
        "trashed": True,
    },
    "POST /add": {"section": 1, "count": 3, "flaws": ["no_thumb"]},
    "POST /delete": {"keys": [1001]},
    "GET /sessions": "who watches",
    "POST /sessions": {"start": list(KINDS), "stop": [1], "clear": True},
    "GET /queue": "waiting and in flight; ?wait=30 waits until it is empty",
    "POST /push": {"type": "update.statechange", "news": {"state": "done"}},
    "POST /warm": "write all rows of all sections once, so that the first listing is as quick as the second",
}


class Control:
    """One method for each endpoint."""

    def __init__(self, world: World, switch: Switch) -> None:
        self._world, self._switch = world, switch

    def app(self) -> Starlette:
        table = {
            ("GET", "/"): self.help,
            ("GET", "/mode"): self.mode,
            ("POST", "/mode"): self.set_mode,
            ("POST", "/script"): self.script,
            ("POST", "/restart"): self.restart,
            ("GET", "/set"): self.settings,
            ("POST", "/set"): self.change_settings,
            ("GET", "/stats"): self.stats,
            ("POST", "/stats/reset"): self.reset_stats,
            ("GET", "/items"): self.items,
            ("POST", "/change"): self.change,
            ("POST", "/add"): self.add,
            ("POST", "/delete"): self.delete,
            ("GET", "/sessions"): self.sessions,
            ("POST", "/sessions"): self.change_sessions,
            ("GET", "/queue"): self.queue,
            ("POST", "/push"): self.push,
            ("POST", "/warm"): self.warm,
        }
        made = [Route(path, endpoint, methods=[method]) for (method, path), endpoint in table.items()]
        wrong = dict.fromkeys((KeyError, TypeError, ValueError), _bad_request)
        return Starlette(routes=made, exception_handlers={**wrong})

    async def help(self, request: Request) -> JSONResponse:
        return JSONResponse(HELP)

    # ---- faults --------------------------------------------------------------------------------------

    async def mode(self, request: Request) -> JSONResponse:
        fault = self._switch.fault
        told = {name: getattr(fault, name) for name in ("mode", "paths", "count", "delay", "code", "pause")}
        more = {"passing": self._switch.passing, "sessions": len(self._world.sessions.all)}
        return JSONResponse(told | more)

    async def set_mode(self, request: Request) -> JSONResponse:
        await self._switch.set(**await request.json())
        return await self.mode(request)

    async def script(self, request: Request) -> JSONResponse:
        await self._switch.stop_script()
        self._switch.play(await request.json())
        return JSONResponse({})

    async def restart(self, request: Request) -> JSONResponse:
        """Refused, starting, perhaps read-only, then ready. What was in the queue is lost behind the closed door."""
        wanted = await request.json()
        names = {"refused": "down_seconds", "starting": "starting_seconds", "readonly": "readonly_seconds"}
        steps = [{"mode": mode, "seconds": float(wanted.get(name) or 0)} for mode, name in names.items()]
        await self._switch.stop_script()
        self._switch.play([step for step in steps if step["seconds"] or step["mode"] == "refused"], self._world.restart)
        return JSONResponse({})

    # ---- knobs and counters --------------------------------------------------------------------------

    async def settings(self, request: Request) -> JSONResponse:
        return JSONResponse(self._world.settings.as_dict())

    async def change_settings(self, request: Request) -> JSONResponse:
        for name, value in (await request.json()).items():
            self._world.settings.change(name, value)
        return await self.settings(request)

    async def stats(self, request: Request) -> JSONResponse:
        jobs = self._world.agents.jobs
        now = {
            "waiting": jobs.waiting,
            "in_flight": jobs.in_flight,
            "listeners": len(self._world.push.listeners),
        }
        return JSONResponse(self._world.stats.as_dict() | now | {"time": time.time()})

    async def reset_stats(self, request: Request) -> JSONResponse:
        self._world.stats.reset()
        return JSONResponse({})

    async def queue(self, request: Request) -> JSONResponse:
        jobs, wait = self._world.agents.jobs, float(request.query_params.get("wait", 0))
        if wait:
            await asyncio.wait([asyncio.create_task(jobs.empty())], timeout=wait)
        return JSONResponse({"waiting": jobs.waiting, "in_flight": jobs.in_flight})

    async def push(self, request: Request) -> JSONResponse:
        wanted = await request.json()
        self._world.push.tell(wanted["type"], wanted["news"])
        return JSONResponse({})

    async def warm(self, request: Request) -> JSONResponse:
        """Write every row once and sort by date, as the first listing would."""
        params, world = await request.json(), self._world
        variant, newest = query.variant(params), query.order("addedAt:desc")
        for section_key, kind in world.library.members:
            world.library.view(world.library.sections[section_key], kind, newest, NO_TESTS)
        for number, item in enumerate(world.library.items.values()):
            world.cache.row(item, variant)
            world.cache.guids(item)
            if number % 500 == 0:
                await asyncio.sleep(0)
        return JSONResponse({})

    # ---- the library ---------------------------------------------------------------------------------

    async def items(self, request: Request) -> JSONResponse:
        params, known = request.query_params, self._world.library.items
        keys = [int(key) for key in params["keys"].split(",")] if "keys" in params else list(known)
        found = [known[key] for key in keys if key in known]
        return JSONResponse([truth(item) for item in found if item.flaws or params.get("flawed") != "1"])

    async def change(self, request: Request) -> JSONResponse:
        wanted = await request.json()
        items = [self._world.library.items[int(key)] for key in wanted["keys"]]
        for item in items:
            flaws.break_item(item, *wanted.get("flaws", []))
            item.hopeless = bool(wanted.get("hopeless", item.hopeless))
            item.locked = tuple(wanted.get("lock", item.locked))
            item.trashed = bool(wanted.get("trashed", item.trashed))
            self._world.library.changed(item)
        return JSONResponse([truth(item) for item in items])

    async def add(self, request: Request) -> JSONResponse:
        """New films (or shows) as the last thing that came in: at the top of every listing by date."""
        wanted = await request.json()
        section = self._world.library.sections[int(wanted.get("section", 1))]
        maker = _maker(self._world.plan, self._world.library)
        made = []
        for _ in range(int(wanted.get("count", 1))):
            item = maker.show(section, 1, 2) if section.kind == "show" else maker.movie(section)
            for one in item.family():
                one.added_at = one.updated_at = int(time.time())
            flaws.break_item(item, *wanted.get("flaws", []))
            self._world.library.changed(item)
            made.append(item)
            for state in (0, 1, 5) if section.has_agent else (0, 1):
                self._world.push.timeline(item, state)
        return JSONResponse([truth(item) for item in made])

    async def delete(self, request: Request) -> JSONResponse:
        gone = [one for key in (await request.json())["keys"] for one in self._world.forget(int(key))]
        return JSONResponse([item.key for item in gone])

    # ---- sessions ------------------------------------------------------------------------------------

    async def sessions(self, request: Request) -> JSONResponse:
        found = self._world.sessions.all.values()
        return JSONResponse([{"sessionKey": one.key, "kind": one.kind, "state": one.state} for one in found])

    async def change_sessions(self, request: Request) -> JSONResponse:
        wanted = await request.json()
        sessions = self._world.sessions
        if wanted.get("clear"):
            sessions.clear()
        for key in wanted.get("stop", []):
            sessions.stop(int(key))
        for one in wanted.get("start", []):
            sessions.start(**(one if isinstance(one, dict) else {"kind": one}))
        return await self.sessions(request)


def truth(item: Item) -> dict[str, Any]:
    """What no client of Plex can know: what was broken, what is still missing, and whether a refresh can help."""
    return {
        "ratingKey": str(item.key),
        "section": item.section.key,
        "type": item.kind,
        "title": item.title,
        "guid": item.guid,
        "flaws": list(item.flaws),
        "missing": flaws.missing(item),
        "unmatched": item.unmatched,
        "never_mends": item.hopeless,
        "locked": list(item.locked),
        "trashed": item.trashed,
        "addedAt": item.added_at,
        "updatedAt": item.updated_at,
        "parent": None if item.parent is None else str(item.parent.key),
    }


def _maker(plan: Plan, library: Library) -> Maker:
    """A maker that goes on where the first one stopped."""
    maker = Maker(plan, int(time.time()))
    maker.library = library
    maker.go_on(shaker(plan.seed, f"added:{library.next_key()}"))
    return maker


async def _bad_request(request: Request, exc: Exception) -> JSONResponse:
    return JSONResponse({"error": f"{type(exc).__name__}: {exc}"}, 400)
