"""What can be wrong with an item, how it gets that way, and what a refresh gives back."""

from __future__ import annotations

from collections.abc import Callable

from keeper.demo.library import Item
from keeper.demo.words import PLACEHOLDERS

MENDABLE = ("no_thumb", "no_summary", "no_guid")  # what a metadata refresh is good for
LOCKABLE = {"thumb": "thumb", "art": "art", "summary": "summary", "year": "year", "title": "title"}


def no_thumb(item: Item) -> None:
    _take(item, "thumb", None)


def no_art(item: Item) -> None:
    _take(item, "art", None)


def no_summary(item: Item) -> None:
    _take(item, "summary", "")


def no_guid(item: Item) -> None:
    """A fresh item of a new agent: matched already, but its external ids have not arrived."""
    _take(item, "guids", ())


def no_year(item: Item) -> None:
    _take(item, "year", None)
    _take(item, "released", None)


def generated_poster(item: Item) -> None:
    """Plex cut a frame out of the video because it had no poster."""
    _take(item, "frame_grab", True)


def unmatched(item: Item) -> None:
    _take(item, "guid", f"local://{item.key}")
    _take(item, "guids", ())


def locked_thumb(item: Item) -> None:
    """Somebody locked the poster field and left it empty; no refresh may fill it."""
    no_thumb(item)
    item.locked = (*item.locked, "thumb")
    item.hopeless = True


def locked_summary(item: Item) -> None:
    no_summary(item)
    item.locked = (*item.locked, "summary")
    item.hopeless = True


def placeholder(item: Item) -> None:
    """Announced but not yet described: no refresh today can help."""
    _take(item, "title", PLACEHOLDERS[item.key % len(PLACEHOLDERS)])
    no_summary(item)
    no_thumb(item)
    item.hopeless = True


FLAWS: dict[str, Callable[[Item], None]] = {
    flaw.__name__: flaw
    for flaw in (
        no_thumb,
        no_art,
        no_summary,
        no_guid,
        no_year,
        generated_poster,
        unmatched,
        locked_thumb,
        locked_summary,
        placeholder,
    )
}


def break_item(item: Item, *names: str) -> None:
    for name in names:
        FLAWS[name](item)
        item.flaws = (*item.flaws, name)


def mend(item: Item, now: int, *, may_match: bool) -> bool:
    """Give back what is missing, except what is locked. True if anything changed."""
    if item.hopeless or (item.unmatched and not may_match):
        return False
    given = {name: value for name, value in item.cure.items() if name not in item.locked}
    for name, value in given.items():
        setattr(item, name, next_epoch(getattr(item, name), now) if name in {"thumb", "art"} else value)
        del item.cure[name]
    if "frame_grab" in given and "thumb" not in item.locked:
        item.thumb = next_epoch(item.thumb, now)
    return bool(given)


def next_epoch(before: int | None, now: int) -> int:
    """A later time than before, even for two changes within one second."""
    return max(now, (before or 0) + 1)


def missing(item: Item) -> list[str]:
    """What a client sees missing at this moment (an absent guid list only where the agent gives one)."""
    seen = {
        "thumb": item.thumb is None and not item.borrows_thumb and item.kind != "track",
        "art": item.art is None and item.kind in {"movie", "show", "artist"},
        "summary": not item.summary and item.kind in {"movie", "show", "episode", "artist"},
        "guids": not item.guids and item.section.is_modern,
        "year": item.year is None and item.kind in {"movie", "show"},
    }
    return [name for name, absent in seen.items() if absent]


def _take(item: Item, name: str, nothing: object) -> None:
    item.cure.setdefault(name, getattr(item, name) if name != "frame_grab" else False)
    setattr(item, name, nothing)
