"""The answer to includeMeta=1: by which fields a section can be filtered and sorted."""

from __future__ import annotations

from keeper.demo.library import KINDS, Section
from keeper.demo.nodes import Attrs, Node
from keeper.demo.query import FIELDS, SORTS

TYPES = {"movie": ("movie",), "show": ("show", "season", "episode"), "artist": ("artist", "album", "track")}
_TITLES = {"movie": "Movies", "show": "TV Shows", "season": "Seasons", "episode": "Episodes"}
_TITLES |= {"artist": "Artists", "album": "Albums", "track": "Tracks", "collection": "Collections"}
_OPERATORS: dict[str, list[tuple[str, str]]] = {
    "tag": [("=", "is"), ("!=", "is not")],
    "integer": [("=", "is"), ("!=", "is not"), (">>=", "is greater than"), ("<<=", "is less than")],
    "string": [
        ("=", "contains"),
        ("!=", "does not contain"),
        ("==", "is"),
        ("!==", "is not"),
        ("<=", "begins with"),
        (">=", "ends with"),
    ],
    "boolean": [("=", "is true"), ("!=", "is false")],
    "date": [("<<=", "is before"), (">>=", "is after")],
}


def meta(section: Section, active: str) -> Node:
    """Types of the section with their Filters, Sorts and Fields, and the operators each FieldType knows."""
    types = [_type(section, kind, active) for kind in TYPES[section.kind]]
    return Node("Meta", {}, types + [_field_type(name) for name in _OPERATORS], single=True)


def collections_meta(section: Section) -> Node:
    """The same for the collections of a section."""
    key = f"/library/sections/{section.key}/collections"
    attrs: Attrs = {"key": f"{key}?type=18", "type": "collection", "title": "Collections", "active": True}
    return Node("Meta", {}, [Node("Type", attrs, [_sort("titleSort"), _sort("addedAt")])], single=True)


def _type(section: Section, kind: str, active: str) -> Node:
    base = f"/library/sections/{section.key}"
    shown = {name: field for name, field in FIELDS.items() if field.listed}
    filters = [
        Node(
            "Filter",
            {"filter": name, "filterType": field.kind, "key": f"{base}/{name}", "title": field.title},
        )
        for name, field in shown.items()
        if field.kind in {"boolean", "integer"}
    ]
    for one in filters:
        one.attrs["type"] = "filter"
    prefix = "" if kind == "movie" else f"{kind}."  # movies spell their fields bare, the others do not
    found = [
        Node("Field", {"key": prefix + name, "title": field.title, "type": field.kind}) for name, field in shown.items()
    ]
    sorts = [_sort(name) for name in ("titleSort", "year", "originallyAvailableAt", "addedAt", "duration")]
    attrs: Attrs = {
        "key": f"{base}/all?type={KINDS[kind]}",
        "type": kind,
        "title": _TITLES[kind],
        "active": kind == active,
    }
    return Node("Type", attrs, filters + sorts + found)


def _sort(name: str) -> Node:
    usual = "asc" if name == "titleSort" else "desc"
    attrs: Attrs = {"defaultDirection": usual, "descKey": f"{name}:desc", "key": name, "title": SORTS[name][0]}
    return Node("Sort", attrs)


def _field_type(name: str) -> Node:
    rows = [Node("Operator", {"key": key, "title": title}) for key, title in _OPERATORS[name]]
    return Node("FieldType", {"type": name}, rows)
