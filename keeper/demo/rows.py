"""An item as Plex shows it: one row of a listing, or its detail page."""

from __future__ import annotations

from keeper.demo import attributes, elements
from keeper.demo.library import Item
from keeper.demo.nodes import Attrs, Node


def row(item: Item, excluded: frozenset[str] = frozenset(), *, with_guids: bool = False) -> Node:
    inside = elements.elements(item, excluded) + (elements.guids(item) if with_guids else [])
    return Node(attributes.tag_of(item), attributes.head(item), inside, name="Metadata")


def detail(item: Item, excluded: frozenset[str] = frozenset(), *, check_files: bool = False) -> Node:
    """The page of one item: knows its section, always has its Guids, and shows what is locked."""
    section = item.section
    home: Attrs = {
        "librarySectionTitle": section.title,
        "librarySectionID": section.key,
        "librarySectionKey": f"/library/sections/{section.key}",
    }
    inside = elements.elements(item, excluded | {"Media"})
    if "Media" not in excluded:
        inside = elements.media(item, streams=True) + inside
    if check_files:
        for one in inside:
            for part in one.children:
                part.attrs |= {"accessible": True, "exists": True}
    extra = {"Guid": elements.guids, "Rating": elements.rating_nodes, "Field": elements.fields}
    inside += [node for name, make in extra.items() if name not in excluded for node in make(item)]
    return Node(attributes.tag_of(item), attributes.head(item) | home, inside, name="Metadata")
