"""The queue of the agents: what waits, what is being worked on, and how much of it belongs to which section."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from keeper.demo.library import Item

SHUFFLE = 3  # a worker takes one of the first so many jobs: the order is not guaranteed


@dataclass(eq=False)
class Job:
    item: Item
    work: str = "refresh"  # refresh | analyze
    share: float = 1.0  # part of the usual time

    @property
    def name(self) -> tuple[int, str]:
        return self.item.key, self.work


class JobList:
    """Jobs wait here; the same job does not wait twice."""

    def __init__(self, rng: Random, seen: Callable[[int, int], None]) -> None:
        self._rng, self._seen = rng, seen
        self._waiting: list[Job] = []
        self._names: set[tuple[int, str]] = set()
        self._running: set[Job] = set()
        self._by_section: Counter[int] = Counter()
        self._moved = asyncio.Condition()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def in_flight(self) -> int:
        return len(self._running)

    def size(self, section_key: int) -> int:
        return self._by_section[section_key]

    async def add(self, jobs: list[Job], *, first: bool = False) -> None:
        fresh = [job for job in jobs if job.name not in self._names]
        async with self._moved:
            at = 0 if first else len(self._waiting)
            self._waiting[at:at] = fresh
            self._names.update(job.name for job in fresh)
            self._by_section.update(job.item.section.key for job in fresh)
            self._tell()

    async def take(self) -> Job:
        async with self._moved:
            await self._moved.wait_for(lambda: bool(self._waiting))
            job = self._waiting.pop(self._rng.randrange(min(SHUFFLE, len(self._waiting))))
            self._names.discard(job.name)
            self._running.add(job)
            self._tell()
            return job

    async def finish(self, job: Job) -> None:
        async with self._moved:
            self._running.discard(job)
            self._by_section[job.item.section.key] -= 1
            self._tell()

    async def clear(self) -> None:
        async with self._moved:
            for part in (self._waiting, self._names, self._running, self._by_section):
                part.clear()
            self._tell()

    async def empty(self) -> None:
        """Wait until nothing waits and nobody works."""
        async with self._moved:
            await self._moved.wait_for(lambda: not self._waiting and not self._running)

    def _tell(self) -> None:
        self._seen(len(self._waiting), len(self._running))
        self._moved.notify_all()
