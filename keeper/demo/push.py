"""Tells everybody who listens: the same news as server-sent events and over WebSocket, spelled differently."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

from keeper.demo.library import KINDS, Item
from keeper.demo.settings import Settings

WRAPPERS = {
    "timeline": "TimelineEntry",
    "activity": "ActivityNotification",
    "playing": "PlaySessionStateNotification",
    "update.statechange": "AutoUpdateNotification",
    "status": "StatusNotification",
    "reachability": "ReachabilityNotification",
    "preference": "Setting",
    "progress": "ProgressNotification",
    "account": "AccountUpdateNotification",
    "backgroundProcessingQueue": "BackgroundProcessingQueueEventNotification",
    "log": "LogNotification",
}
STATES = {0: "created", 1: "processing", 2: "matching", 3: "downloading", 4: "loading", 5: None, 9: "deleted"}
LIBRARY = "com.plexapp.plugins.library"
EPG = "tv.plex.providers.epg.cloud:2"


@dataclass(eq=False)
class Listener:
    """One open connection; its frames wait in the queue, None means 'hang up'."""

    spelling: str  # sse | ws
    filters: str = "-log"
    queue: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)

    def wants(self, kind: str) -> bool:
        """'activity,timeline' names what is wanted, '-log' what is not."""
        names = [name for name in self.filters.split(",") if name]
        wanted = [name for name in names if not name.startswith("-")]
        return f"-{kind}" not in names and (not wanted or kind in wanted)


def frame(spelling: str, kind: str, news: dict[str, Any]) -> str:
    """SSE shows a single object under its own name, WebSocket a list inside a container."""
    inner = WRAPPERS.get(kind, kind)
    if spelling == "sse":
        return f"event: {kind}\ndata: {json.dumps({inner: news})}\n\n"
    return json.dumps({"NotificationContainer": {"type": kind, "size": 1, inner: [news]}})


class Push:
    """The list of listeners, and the words for what can happen."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.listeners: set[Listener] = set()
        self._told = 0

    def tell(self, kind: str, news: dict[str, Any]) -> None:
        for listener in self.listeners:
            if listener.wants(kind):
                listener.queue.put_nowait(frame(listener.spelling, kind, news))

    def hang_up(self) -> None:
        for listener in self.listeners:
            listener.queue.put_nowait(None)

    def timeline(self, item: Item, state: int, *, media: str | None = None, waiting: int | None = None) -> None:
        """A step in the life of an item. State 5 without metadataState, mediaState and queueSize is the end."""
        if not self.listeners:
            return
        entry: dict[str, Any] = {
            "identifier": LIBRARY,
            "sectionID": item.section.key,
            "itemID": item.key,
            "type": KINDS[item.kind],
            "title": item.title,
            "state": state,
        }
        parent = item.parent
        if parent is not None:
            entry |= {"parentItemID": parent.key, "rootItemID": (parent.parent or parent).key}
        extra = {"metadataState": STATES[state], "mediaState": media, "queueSize": waiting}
        entry |= {name: value for name, value in extra.items() if value is not None}
        entry["updatedAt"] = int(time.time())
        self._noise(entry)
        self.tell("timeline", self._spell(entry))

    def activity(self, event: str, activity: dict[str, Any]) -> None:
        self.tell("activity", {"event": event, "uuid": activity["uuid"], "Activity": activity})

    def _noise(self, entry: dict[str, Any]) -> None:
        """Programme guides send entries of the same shape about numbers of their own: a trap for the careless."""
        self._told += 1
        if self._settings.epg_noise and self._told % 3 == 1:
            done = {name: value for name, value in entry.items() if name not in {"metadataState", "queueSize"}}
            self.tell("timeline", self._spell(done | {"identifier": EPG, "state": 5, "title": ""}))

    def _spell(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Older servers send ids as numbers, newer ones as strings."""
        if not self._settings.string_ids:
            return entry
        ids = {"sectionID", "itemID", "parentItemID", "rootItemID"}
        return {name: str(value) if name in ids else value for name, value in entry.items()}
