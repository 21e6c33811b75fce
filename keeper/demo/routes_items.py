"""Items: their pages, and what one may do with them: refresh, analyze, match, choose a poster."""

from __future__ import annotations

import asyncio
import time

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from keeper.demo import query, rows
from keeper.demo.answers import answer, done, error, svg
from keeper.demo.containers import MEDIA_TAGS, home
from keeper.demo.library import Item
from keeper.demo.lookup import item_of, items_of, needed
from keeper.demo.nodes import Attrs, Node, container
from keeper.demo.posters import picture
from keeper.demo.world import World


class ItemRoutes:
    """One method for each route; the table of routes is in app.py."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _done(self, request: Request) -> Response:
        return done(request, old=self.world.settings.old_action_bodies)

    async def items(self, request: Request) -> Response:
        """One item, or many at once."""
        self._count_read(request.path_params["ids"].split(","))
        found, params = items_of(request, self.world.library), request.query_params
        if self.world.settings.open_activity and params.get("skipRefresh") != "1" and len(found) == 1:
            self.world.later(self.world.opened(found[0]))
        no_fields, no_elements = query.variant(params)
        inside = [rows.detail(item, no_elements, check_files=params.get("checkFiles") == "1") for item in found]
        for node in inside:
            node.attrs = {name: value for name, value in node.attrs.items() if name not in no_fields}
        attrs: Attrs = {"allowSync": True, **MEDIA_TAGS}
        if len({item.section.key for item in found}) == 1:
            attrs |= home(found[0].section)
        return answer(request, container(attrs, inside))

    def _count_read(self, keys: list[str]) -> None:
        stats = self.world.stats
        if len(keys) == 1:
            stats.single_reads[keys[0]] += 1
        else:
            stats.multi_reads += 1
            stats.multi_read_items += len(keys)

    async def refresh(self, request: Request) -> Response:
        for item in items_of(request, self.world.library):
            self.world.stats.refreshes[str(item.key)] += 1
            await self.world.agents.refresh(item)
        return self._done(request)

    async def analyze(self, request: Request) -> Response:
        for item in items_of(request, self.world.library):
            await self.world.agents.analyze(item)
        return self._done(request)

    async def delete(self, request: Request) -> Response:
        """Deleting media is switched off on this server, as it should be for a visitor."""
        return error(403)

    # ---- matching ------------------------------------------------------------------------------------

    async def matches(self, request: Request) -> Response:
        item = item_of(request, self.world.library)
        return answer(request, container({**MEDIA_TAGS}, _candidates(item, request.query_params.get("title"))))

    async def match(self, request: Request) -> Response:
        """A guid chosen by hand; a refresh by the agent follows by itself."""
        item, guid = item_of(request, self.world.library), needed(request, "guid")
        item.cure.pop("guid", None)
        item.guid, item.hopeless = guid, False
        item.title = request.query_params.get("name") or item.title
        self.world.library.changed(item)
        await self.world.agents.refresh(item)
        return self._done(request)

    async def unmatch(self, request: Request) -> Response:
        item = item_of(request, self.world.library)
        item.cure = {"guid": item.guid, "guids": item.guids, **item.cure}
        item.guid, item.guids = f"local://{item.key}", ()
        self.world.library.changed(item)
        return self._done(request)

    # ---- posters -------------------------------------------------------------------------------------

    async def posters(self, request: Request) -> Response:
        item, posters = item_of(request, self.world.library), self.world.posters
        if request.method == "GET":
            return answer(request, container({**MEDIA_TAGS}, posters.nodes(item)))
        content = request.query_params.get("url", "").encode() or await request.body()
        self.world.later(self._choose(item, posters.add(item, content)))
        return self._done(request)

    async def poster(self, request: Request) -> Response:
        item, name = item_of(request, self.world.library), needed(request, "url")
        self.world.later(self._choose(item, name))
        return self._done(request)

    async def _choose(self, item: Item, name: str) -> None:
        """The list of posters and the item follow a choice a moment later."""
        await asyncio.sleep(self.world.settings.poster_delay)
        self.world.posters.select(item, name)
        item.updated_at = int(time.time())
        self.world.library.changed(item)

    async def picture(self, request: Request) -> Response:
        item, kind = item_of(request, self.world.library), request.path_params["kind"]
        if kind not in {"thumb", "art"} or getattr(item, kind) is None:
            raise HTTPException(404)
        return svg(picture(item, wide=kind == "art"))


def _candidates(item: Item, title: str | None) -> list[Node]:
    """What the agent would match the item with. Manual answers of the new agents carry no score."""
    if not item.section.has_agent:
        return []
    name, year = item.cure.get("title", item.title), item.cure.get("year", item.year)
    guid = item.cure.get("guid", item.guid)
    first: Attrs = {"type": item.kind, "guid": guid, "name": title or name, "year": year, "lifespanEnded": False}
    second: Attrs = {"type": item.kind, "guid": f"{guid[:-4]}ffff", "name": f"{name} Returns", "lifespanEnded": False}
    found = [first, second] if item.key % 3 == 0 else [first]
    if not item.section.is_modern:
        found = [attrs | {"score": score} for attrs, score in zip(found, (106, 77), strict=False)]
    return [Node("SearchResult", attrs) for attrs in found]
