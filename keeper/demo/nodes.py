"""One model for both spellings: a tree of nodes that can be written as XML or as JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

Value = str | int | float | bool | None
Attrs = dict[str, Value]

PROLOG = b'<?xml version="1.0" encoding="UTF-8"?>\n'

_SPECIAL = re.compile(r'[&<>"\n\r\t]')
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#xA;", "\r": "&#xD;", "\t": "&#9;"}


@dataclass(slots=True)
class Node:
    """An element with attributes; an attribute that is None is absent.

    `name` is the JSON name where it differs from the tag (rows are 'Metadata' there), `single` marks an
    element that JSON shows as one object and not as a list, `ready` is the XML of a node that many rows share.
    """

    tag: str
    attrs: Attrs = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    name: str | None = None
    single: bool = False
    ready: str = ""


def container(attrs: Attrs, children: list[Node] | None = None) -> Node:
    """The root of nearly every answer. Plex counts the children in `size`."""
    rows = children or []
    return Node("MediaContainer", {"size": len(rows), **attrs}, rows)


def xml(node: Node) -> bytes:
    return xml_text(node).encode()


def shared(tag: str, attrs: Attrs) -> Node:
    """A node that never changes and is written only once."""
    node = Node(tag, attrs)
    node.ready = xml_text(node)
    return node


def xml_text(node: Node) -> str:
    if node.ready:
        return node.ready
    head = open_tag(node.tag, node.attrs)
    if not node.children:
        return head[:-1] + " />"
    inner = "".join([xml_text(child) for child in node.children])
    return f"{head}{inner}</{node.tag}>"


def open_tag(tag: str, attrs: Attrs) -> str:
    parts = [tag]
    parts += [f'{name}="{_xml_value(value)}"' for name, value in attrs.items() if value is not None]
    return f"<{' '.join(parts)}>"


def _xml_value(value: Value) -> str:
    if isinstance(value, str):
        return _SPECIAL.sub(_escape, value) if _SPECIAL.search(value) else value
    return str(int(value)) if isinstance(value, bool) else str(value)


def _escape(match: re.Match[str]) -> str:
    return _ESCAPES[match.group()]


def as_json(node: Node) -> dict[str, Any]:
    """Attributes keep their types; children are grouped in lists by their name."""
    out: dict[str, Any] = {name: value for name, value in node.attrs.items() if value is not None}
    for child in node.children:
        name = child.name or child.tag
        if child.single:
            out[name] = as_json(child)
        else:
            out.setdefault(name, []).append(as_json(child))
    return out
