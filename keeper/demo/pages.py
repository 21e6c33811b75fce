"""Listings as ready bytes: every row is written once and kept until its item changes."""

from __future__ import annotations

from collections import defaultdict

from keeper.demo import attributes, elements, rows
from keeper.demo.answers import compact
from keeper.demo.library import Item
from keeper.demo.nodes import PROLOG, Attrs, Node, as_json, open_tag, xml_text

KEPT_BYTES = 300_000_000

Variant = tuple[frozenset[str], frozenset[str]]  # excluded fields, excluded elements


class RowCache:
    """XML of rows without their Guids, by variant; the Guids of an item stand in a drawer of their own."""

    def __init__(self) -> None:
        self._rows: dict[Variant, dict[int, bytes]] = defaultdict(dict)
        self._guids: dict[int, bytes] = {}
        self._json: dict[tuple[Variant, bool], dict[int, bytes]] = defaultdict(dict)
        self._bytes = 0

    def forget(self, item: Item) -> None:
        self._guids.pop(item.key, None)
        for drawer in [*self._rows.values(), *self._json.values()]:
            self._bytes -= len(drawer.pop(item.key, b""))

    def row(self, item: Item, variant: Variant) -> bytes:
        """The row up to its closing tag."""
        drawer = self._rows[variant]
        found = drawer.get(item.key)
        return found if found is not None else self._write(item, variant)

    def json_row(self, item: Item, variant: Variant, *, guids: bool) -> bytes:
        """The same row as a JSON object, without its closing brace."""
        drawer = self._json[variant, guids]
        found = drawer.get(item.key)
        if found is None:
            (node,) = page_nodes([item], variant, guids=guids, locks=False)
            self._make_room()
            found = drawer[item.key] = compact(as_json(node))[:-1]
            self._bytes += len(found)
        return found

    def guids(self, item: Item) -> bytes:
        found = self._guids.get(item.key)
        if found is None:
            found = self._guids[item.key] = "".join([xml_text(node) for node in elements.guids(item)]).encode()
        return found

    def _write(self, item: Item, variant: Variant) -> bytes:
        no_fields, no_elements = variant
        attrs = attributes.head(item)
        for name in no_fields:
            attrs.pop(name, None)
        inside = "".join([xml_text(node) for node in elements.elements(item, no_elements)])
        text = (open_tag(attributes.tag_of(item), attrs) + inside).encode()
        self._make_room()
        self._rows[variant][item.key] = text
        self._bytes += len(text)
        return text

    def _make_room(self) -> None:
        if self._bytes > KEPT_BYTES:
            self._rows.clear()
            self._json.clear()
            self._bytes = 0


_CLOSE = {tag: f"</{tag}>\n".encode() for tag in ("Video", "Directory", "Track", "Photo")}


def page_xml(cache: RowCache, attrs: Attrs, items: list[Item], variant: Variant, *, guids: bool, locks: bool) -> bytes:
    """A whole MediaContainer with its rows."""
    parts = [PROLOG, open_tag("MediaContainer", attrs).encode(), b"\n"]
    for item in items:
        parts.append(cache.row(item, variant))
        if guids:
            parts.append(cache.guids(item))
        if locks and item.locked:
            parts += [xml_text(node).encode() for node in elements.fields(item)]
        parts.append(_CLOSE[attributes.tag_of(item)])
    parts.append(b"</MediaContainer>\n")
    return b"".join(parts)


def page_json(cache: RowCache, attrs: Attrs, items: list[Item], variant: Variant, *, guids: bool, locks: bool) -> bytes:
    """The same container as JSON."""
    told = {name: value for name, value in attrs.items() if value is not None}
    rows_ready = [cache.json_row(item, variant, guids=guids) + _json_end(item, locks) for item in items]
    listed = b',"Metadata":[' + b",".join(rows_ready) + b"]" if rows_ready else b""
    return b'{"MediaContainer":' + compact(told)[:-1] + listed + b"}}"


def _json_end(item: Item, locks: bool) -> bytes:
    if not (locks and item.locked):
        return b"}"
    return b',"Field":' + compact([as_json(node) for node in elements.fields(item)]) + b"}"


def page_nodes(items: list[Item], variant: Variant, *, guids: bool, locks: bool) -> list[Node]:
    """The same rows as nodes, for JSON."""
    no_fields, no_elements = variant
    nodes = []
    for item in items:
        node = rows.row(item, no_elements, with_guids=guids)
        node.children += elements.fields(item) if locks else []
        for name in no_fields:
            node.attrs.pop(name, None)
        nodes.append(node)
    return nodes
