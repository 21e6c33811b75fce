"""The frames around library answers: what every container of a section carries, and how pages are counted."""

from __future__ import annotations

from keeper.demo.answers import HEADERS
from keeper.demo.library import Item, Section
from keeper.demo.nodes import Attrs, Node
from keeper.demo.query import Query

PLUGIN = "com.plexapp.plugins.library"
MEDIA_TAGS: Attrs = {
    "identifier": PLUGIN,
    "mediaTagPrefix": "/system/bundle/media/flags/",
    "mediaTagVersion": 1786540085,
}


def section_node(section: Section) -> Node:
    attrs: Attrs = {
        "allowSync": True,
        "art": f"/:/resources/{section.kind}-fanart.jpg",
        "composite": f"/library/sections/{section.key}/composite/{section.updated_at}",
        "filters": True,
        "refreshing": section.refreshing,
        "thumb": f"/:/resources/{section.kind}.png",
        "key": str(section.key),
        "type": section.kind,
        "title": section.title,
        "agent": section.agent,
        "scanner": section.scanner,
        "language": section.language,
        "metadataAgentProviderGroupId": section.key if section.is_modern else None,
        "uuid": section.uuid,
        "updatedAt": section.updated_at,
        "createdAt": section.created_at,
        "scannedAt": section.scanned_at,
        "content": True,
        "directory": True,
        "contentChangedAt": section.content_changed_at,
        "hidden": 0,
    }
    places = [
        Node("Location", {"id": section.key * 10 + number, "path": path}) for number, path in enumerate(section.paths)
    ]
    return Node("Directory", attrs, places)


def home(section: Section) -> Attrs:
    return {
        "librarySectionID": section.key,
        "librarySectionTitle": section.title,
        "librarySectionUUID": section.uuid,
    }


def section_attrs(section: Section) -> Attrs:
    """What every container of a section carries; its rows do not repeat it."""
    return {
        "allowSync": True,
        "art": f"/:/resources/{section.kind}-fanart.jpg",
        **MEDIA_TAGS,
        **home(section),
        "thumb": f"/:/resources/{section.kind}.png",
        "title1": section.title,
        "title2": f"All {section.title}",
        "viewMode": 65592,
    }


def cut_out(items: list[Item], asked: Query, cap: int) -> list[Item]:
    """The page that was asked for, or a shorter one if the server is in the mood."""
    if asked.limit is not None:
        items = items[: asked.limit]
    if asked.size is None:
        return items[:cap] if cap else items
    size = min(asked.size, cap) if cap else asked.size
    return items[asked.start : asked.start + size]


def paging(asked: Query, total: int) -> Attrs:
    """How many there are and where the page begins: told only to those who page."""
    return {} if asked.size is None else {"totalSize": total, "offset": asked.start}


def paging_headers(attrs: Attrs) -> dict[str, str]:
    if "totalSize" not in attrs:
        return HEADERS
    return {
        "X-Plex-Container-Start": str(attrs["offset"]),
        "X-Plex-Container-Total-Size": str(attrs["totalSize"]),
    }
