"""The posters one may choose from for each item, and the picture routes behind thumb and art."""

from __future__ import annotations

import time
from hashlib import sha1
from html import escape
from urllib.parse import quote

from keeper.demo.elements import colors
from keeper.demo.flaws import next_epoch
from keeper.demo.library import Item
from keeper.demo.nodes import Attrs, Node


class Posters:
    """Choices by item, made up when first asked for. The list lags a little behind a choice."""

    def __init__(self) -> None:
        self._selected: dict[int, str] = {}
        self._uploads: dict[int, list[str]] = {}

    def choices(self, item: Item) -> list[str]:
        grab = f"media://{item.key % 16:x}/{item.key:08x}.bundle/Contents/Thumbnails/thumb1.jpg"
        uploads = self._uploads.get(item.key, [])
        if not item.section.has_agent or item.unmatched:
            return [*uploads, grab]
        agent = f"metadata://posters/{item.section.agent}_{item.key:08x}"
        remote = f"https://image.example.invalid/t/p/original/{item.key}.jpg"
        return [agent, remote, *uploads, grab]

    def selected(self, item: Item) -> str | None:
        if item.thumb is None:
            return None
        choices = self.choices(item)
        return self._selected.get(item.key) or (choices[-1] if item.frame_grab else choices[0])

    def nodes(self, item: Item) -> list[Node]:
        chosen = self.selected(item)
        return [_photo(item, choice, choice == chosen) for choice in self.choices(item)]

    def add(self, item: Item, content: bytes) -> str:
        """Uploads are named by their content and never removed."""
        name = f"upload://posters/{sha1(content, usedforsecurity=False).hexdigest()}"
        uploads = self._uploads.setdefault(item.key, [])
        if name not in uploads:
            uploads.append(name)
        return name

    def select(self, item: Item, name: str) -> None:
        self._selected[item.key] = name
        item.thumb = next_epoch(item.thumb, int(time.time()))
        item.frame_grab = name.startswith("media://")
        item.cure.pop("thumb", None)


def _photo(item: Item, name: str, selected: bool) -> Node:
    inside = f"{item.path}/file?url={quote(name, safe='')}"
    remote = name.startswith("https://")
    provider = "tmdb" if remote else item.section.agent if name.startswith("metadata://") else None
    where = name if remote else inside
    attrs: Attrs = {"key": where, "ratingKey": name, "thumb": where, "selected": selected, "provider": provider}
    return Node("Photo", attrs, name="Metadata")


def picture(item: Item, *, wide: bool) -> str:
    """A drawn poster: two colours of the item and its title."""
    width, height = (640, 360) if wide else (300, 450)
    first, second, third, _ = colors(item)
    lines = _wrap(item.title, 16)
    spans = "".join(f'<tspan x="24" dy="30">{escape(line)}</tspan>' for line in lines)
    stops = f'<stop stop-color="#{first}"/><stop offset="1" stop-color="#{second}"/>'
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}><defs><linearGradient id="g" x2="1" y2="1">{stops}'
        f'</linearGradient></defs><rect width="100%" height="100%" fill="url(#g)"/>'
        f'<circle cx="{width * 3 // 4}" cy="{height // 3}" r="{height // 4}" fill="#{third}" opacity="0.7"/>'
        f'<text y="{height - 40 - 30 * len(lines)}" font-family="sans-serif" font-size="24" fill="#fff">{spans}</text>'
        "</svg>"
    )


def _wrap(title: str, width: int) -> list[str]:
    lines = [""]
    for word in title.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()[:24]
    return lines[:5]
