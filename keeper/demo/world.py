"""One running server: its library, its workers, its listeners, and what happens when it is restarted."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Coroutine
from typing import Any

from keeper.demo.activities import Activities
from keeper.demo.agents import Agents
from keeper.demo.dice import digits
from keeper.demo.generate import Plan, build
from keeper.demo.library import Item, Section
from keeper.demo.nodes import Attrs
from keeper.demo.pages import RowCache
from keeper.demo.posters import Posters
from keeper.demo.push import Push
from keeper.demo.sessions import Sessions
from keeper.demo.settings import Settings
from keeper.demo.stats import Stats


class World:
    """Everything the routes speak about."""

    def __init__(self, plan: Plan, settings: Settings, agents: int) -> None:
        self.plan, self.settings = plan, settings
        self.library = build(plan)
        self.stats = Stats()
        self.push = Push(settings)
        self.activities = Activities(self.push)
        self.sessions = Sessions(self.library, self.push)
        self.posters = Posters()
        self.cache = RowCache()
        self.library.on_change.append(self.cache.forget)
        self.agents = Agents(self.library, settings, self.stats, self.push, self.activities)
        self._agents = agents
        self.prefs: dict[str, str] = {}
        self.machine_identifier = digits(plan.seed, "machine", 0, 40)
        self.other_identifier = digits(plan.seed, "machine", 1, 40)
        self.booted_at = int(time.time())
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        # The library stays as long as the program: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        self.agents.start(self._agents, self.plan.seed)
        self.later(self._tell_playing())

    async def restart(self) -> None:
        """What a restart of the server forgets: the queue, the sessions, the activities, the connections."""
        self.push.hang_up()
        await self.agents.stop()
        self.sessions.restart()
        self.activities.restart()
        for section in self.library.sections.values():
            section.refreshing = False
        self.booted_at = int(time.time())
        self.agents.start(self._agents, self.plan.seed)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something on the side, and remember it so that it is not lost."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self, key: int) -> list[Item]:
        """An item is gone, with all below it; Plex says 'deleted' for each."""
        gone = self.library.delete(key)
        for item in gone:
            self.cache.forget(item)
            self.push.timeline(item, 9)
        return gone

    async def scan(self, section: Section, *, force: bool) -> None:
        """A scan shows as 'refreshing' for a moment only; forced refreshes go on long after that."""
        section.refreshing = True
        context: Attrs = {"librarySectionID": str(section.key)}
        uuid = self.activities.start("library.update.section", f"Scanning {section.title}", "", -1, context)
        if force:
            tops = [item for item in self.library.items.values() if item.section is section and item.parent is None]
            await self.agents.refresh_all(tops)
        await asyncio.sleep(self.settings.section_refreshing_seconds)
        section.refreshing = False
        section.scanned_at = int(time.time())
        self.activities.end(uuid)

    async def opened(self, item: Item) -> None:
        """A client opened an item page: Plex looks after its files and says so."""
        context: Attrs = {"key": item.path}
        uuid = self.activities.start("library.refresh.items", "Refreshing", "", 0)
        steps = {"Checking files": 0, "Refreshing local metadata": 33, "Refreshing media analysis": 66}
        for step, progress in steps.items():
            self.activities.update(uuid, progress, step, context)
            await asyncio.sleep(0)
        self.activities.end(uuid, context | {"accessible": True, "analyzed": False, "exists": True, "refreshed": False})

    async def _tell_playing(self) -> None:
        while True:
            await asyncio.sleep(self.settings.playing_seconds)
            self.sessions.tell_progress()
