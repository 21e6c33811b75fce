"""The metadata agents: a few workers that take their time with a queue of refreshes.

Asking for a refresh is answered at once; the work comes later, in about the order of asking. Three things can
happen to a job: it helps, it changes nothing (the provider has no data), or it is lost without a word.
"""

from __future__ import annotations

import asyncio
import time

from keeper.demo import flaws
from keeper.demo.activities import Activities
from keeper.demo.dice import chance, shaker
from keeper.demo.joblist import Job, JobList
from keeper.demo.library import Item, Library
from keeper.demo.nodes import Attrs
from keeper.demo.push import Push
from keeper.demo.settings import Settings
from keeper.demo.stats import Stats

ANALYSIS_SHARE = 0.3
ACTIVITIES = {"refresh": "library.update.item.metadata", "analyze": "media.generate.chapter.thumbs"}


class Agents:
    """N workers on one list of jobs."""

    def __init__(self, library: Library, settings: Settings, stats: Stats, push: Push, activities: Activities) -> None:
        self._library, self._settings, self._stats = library, settings, stats
        self._push, self._activities = push, activities
        self._seed = 0
        self._lost: set[int] = set()  # keys that have been lost already; it happens once to each
        self._workers: list[asyncio.Task[None]] = []
        self._tails: set[asyncio.Task[None]] = set()
        self.jobs = JobList(shaker(0, "order"), stats.queue_seen)

    def start(self, count: int, seed: int) -> None:
        self._seed = seed
        self._rng = shaker(seed, "agents")
        self.jobs = JobList(shaker(seed, "order"), self._stats.queue_seen)
        self._workers = [asyncio.create_task(self._work()) for _ in range(count)]

    async def stop(self) -> None:
        """Everything that waits or is under way is forgotten, as when the server is restarted."""
        tasks = [*self._workers, *self._tails]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._workers.clear()
        await self.jobs.clear()

    # ---- asking ----------------------------------------------------------------------------------

    async def refresh(self, item: Item) -> None:
        """Take a refresh into the queue, unless fate loses it or it waits there already."""
        if self._loses(item):
            self._stats.lost += 1
        else:
            await self.jobs.add([Job(item)])

    async def refresh_all(self, items: list[Item]) -> None:
        await self.jobs.add([Job(item) for item in items])

    async def analyze(self, item: Item) -> None:
        await self.jobs.add([Job(item, "analyze", ANALYSIS_SHARE)])

    def _loses(self, item: Item) -> bool:
        if item.key in self._lost:
            return False
        lost = item.key in self._settings.lose_keys
        lost |= chance(self._seed, "lost", item.key) < self._settings.lost
        if lost:
            self._lost.add(item.key)
        return lost

    # ---- working ---------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            job = await self.jobs.take()
            started = time.monotonic()
            try:
                await self._do(job)
            finally:
                self._stats.agent_worked(time.monotonic() - started)
            await self.jobs.finish(job)

    async def _do(self, job: Job) -> None:
        """One job from the first frame to the last."""
        item = job.item
        context: Attrs = {"key": item.path}
        uuid = self._activities.start(ACTIVITIES[job.work], "Refreshing metadata", item.title, -1, context)
        try:
            self._announce(job)
            await asyncio.sleep(self._rng.uniform(*self._settings.refresh_seconds) * job.share)
            if item.key in self._library.items:
                await self._finish(job)
        finally:
            self._activities.end(uuid)

    def _announce(self, job: Job) -> None:
        """The frames of a beginning. Without an agent there is nothing to match and nothing to load."""
        states = (1, 2, 3) if job.item.section.has_agent and job.work == "refresh" else (1,)
        for state in states:
            self._push.timeline(job.item, state, waiting=self._left(job.item) if state > 1 else None)

    def _left(self, item: Item) -> int:
        return self.jobs.size(item.section.key)

    async def _finish(self, job: Job) -> None:
        item, now = job.item, int(time.time())
        self._stats.processed += 1
        if await self._change(job, now) or self._settings.touch_unchanged:
            item.updated_at = flaws.next_epoch(item.updated_at, now)
            self._library.changed(item)
        if item.section.has_agent:
            self._push.timeline(item, 4, waiting=self._left(item))
            self._push.timeline(item, 5)
            tail = asyncio.create_task(self._tail(item))
            self._tails.add(tail)
            tail.add_done_callback(self._tails.discard)

    async def _change(self, job: Job, now: int) -> bool:
        """Do what the job is for; True if the item looks different now."""
        item = job.item
        if job.work == "analyze":
            return _analyze(item, now)
        # A refresh of a show goes on with its seasons, theirs with their episodes; these are quicker.
        share = self._settings.child_share
        await self.jobs.add([Job(child, share=share) for child in item.children], first=True)
        return item.section.has_agent and flaws.mend(item, now, may_match=self._settings.refresh_matches)

    async def _tail(self, item: Item) -> None:
        """After the end of the metadata work the media work is told; it ends with a plain state 5, too."""
        for media in ("analyzing", "thumbnailing", None):
            await asyncio.sleep(self._settings.media_tail_seconds)
            self._push.timeline(item, 5, media=media)


def _analyze(item: Item, now: int) -> bool:
    """Media analysis cuts a frame out of the video where a picture is missing; it knows nothing else."""
    if item.thumb is not None or "thumb" in item.locked or item.duration is None:
        return False
    item.thumb, item.frame_grab = now, True
    item.cure.pop("thumb", None)
    return True
