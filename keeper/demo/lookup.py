"""What the path of a request speaks about. Nothing found is a 404."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

from keeper.demo.library import Item, Library, Section


def section_of(request: Request, library: Library) -> Section:
    key = request.path_params["section"]
    section = library.sections.get(int(key)) if key.isdigit() else None
    if section is None:
        raise HTTPException(404)
    return section


def items_of(request: Request, library: Library) -> list[Item]:
    """The items of '12' or '12,13,14'. The unknown ones are left out; it is only a 404 when none is left."""
    keys = request.path_params["ids"].split(",")
    found = [library.items[int(key)] for key in keys if key.isdigit() and int(key) in library.items]
    if not found:
        raise HTTPException(404)
    return found


def item_of(request: Request, library: Library) -> Item:
    return items_of(request, library)[0]


def needed(request: Request, name: str) -> str:
    """A query argument without which the call makes no sense."""
    value = request.query_params.get(name)
    if not value:
        raise HTTPException(400)
    return value
