"""Sections and listings: what libraries there are, and their rows page by page."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from keeper.demo import filtermeta, pages, query
from keeper.demo.answers import answer, done, ready_json, wants_json, xml_answer
from keeper.demo.containers import MEDIA_TAGS, cut_out, paging, paging_headers, section_attrs, section_node
from keeper.demo.library import Item, Section
from keeper.demo.lookup import item_of, section_of
from keeper.demo.nodes import Attrs, Node, container
from keeper.demo.world import World


class SectionRoutes:
    """One method for each route; the table of routes is in app.py."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _done(self, request: Request) -> Response:
        return done(request, old=self.world.settings.old_action_bodies)

    async def library(self, request: Request) -> Response:
        names = {"sections": "Library Sections", "recentlyAdded": "Recently Added Content", "onDeck": "On Deck Content"}
        inside = [Node("Directory", {"key": key, "title": title}) for key, title in names.items()]
        return answer(request, container({"allowSync": False, **MEDIA_TAGS, "title1": "Plex Library"}, inside))

    async def sections(self, request: Request) -> Response:
        inside = [section_node(section) for section in self.world.library.sections.values()]
        return answer(request, container({"allowSync": False, **MEDIA_TAGS, "title1": "Plex Library"}, inside))

    async def section(self, request: Request) -> Response:
        section = section_of(request, self.world.library)
        names = {"all": f"All {section.title}", "unwatched": "Unplayed", "newest": "Recently Released"}
        inside = [Node("Directory", {"key": key, "title": title}) for key, title in names.items()]
        return answer(request, container(section_attrs(section) | {"content": "secondary"}, inside))

    async def timeline(self, request: Request) -> Response:
        """Tells in updateQueueSize how many items are still being worked on."""
        section = section_of(request, self.world.library)
        attrs = section_attrs(section) | {"content": "secondary", "latestEntryTime": section.scanned_at}
        left = self.world.agents.jobs.size(section.key)
        return answer(request, container(attrs | {"updateQueueSize": left, "viewGroup": "secondary"}))

    async def refresh(self, request: Request) -> Response:
        section = section_of(request, self.world.library)
        if request.method not in {"GET", "DELETE"}:
            raise HTTPException(404)  # since 1.32.7; not 405, as one might think
        if request.method == "GET":
            self.world.later(self.world.scan(section, force=request.query_params.get("force") == "1"))
        return self._done(request)

    async def empty_trash(self, request: Request) -> Response:
        section = section_of(request, self.world.library)
        for item in [item for item in self.world.library.items.values() if item.trashed]:
            if item.section is section:
                self.world.forget(item.key)
        return self._done(request)

    async def collections(self, request: Request) -> Response:
        section = section_of(request, self.world.library)
        meta = request.query_params.get("includeMeta") == "1"
        inside = [filtermeta.collections_meta(section)] if meta else []
        return answer(request, Node("MediaContainer", {"size": 0, **section_attrs(section)}, inside))

    # ---- listings ------------------------------------------------------------------------------------

    async def listing(self, request: Request) -> Response:
        section = section_of(request, self.world.library)
        asked = self._understand(request, section.kind)
        found = self.world.library.view(section, asked.kind, asked.sort, asked.tests)
        return self._page(request, section, asked, found, {"viewGroup": asked.kind})

    async def children(self, request: Request) -> Response:
        parent = item_of(request, self.world.library)
        return self._family(request, parent, parent.children)

    async def all_leaves(self, request: Request) -> Response:
        parent = item_of(request, self.world.library)
        return self._family(request, parent, parent.leaves())

    def _family(self, request: Request, parent: Item, below: list[Item]) -> Response:
        attrs: Attrs = {"key": str(parent.key), "parentIndex": parent.index, "parentTitle": parent.title}
        attrs |= {"title2": parent.title, "viewGroup": below[0].kind if below else "season"}
        return self._page(request, parent.section, self._understand(request, ""), below, attrs)

    def _understand(self, request: Request, usual_kind: str) -> query.Query:
        try:
            return query.understand(request.query_params.multi_items(), request.headers, usual_kind)
        except query.UnknownFilter as unknown:
            self.world.stats.unknown_filters.append(str(unknown))
            raise HTTPException(400) from unknown

    def _page(self, request: Request, section: Section, asked: query.Query, found: list[Item], more: Attrs) -> Response:
        """The rows that were asked for, from the ready bytes where possible."""
        shown = cut_out(found, asked, self.world.settings.page_cap)
        self.world.stats.rows += len(shown)
        attrs = {"size": len(shown), **paging(asked, len(found)), **section_attrs(section), **more}
        headers, locks = paging_headers(attrs), self.world.settings.fields_in_rows
        if asked.meta:
            inside = [filtermeta.meta(section, asked.kind)]
            inside += pages.page_nodes(shown, asked.variant, guids=asked.guids, locks=locks)
            return answer(request, Node("MediaContainer", attrs, inside), headers=headers)
        if wants_json(request):
            ready = pages.page_json(self.world.cache, attrs, shown, asked.variant, guids=asked.guids, locks=locks)
            return ready_json(ready, headers)
        body = pages.page_xml(self.world.cache, attrs, shown, asked.variant, guids=asked.guids, locks=locks)
        return xml_answer(body, headers)
