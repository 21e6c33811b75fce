"""The attributes of an item as Plex shows them. What is missing is absent, but an empty summary is there."""

from __future__ import annotations

from keeper.demo.library import CONTAINERS, Item
from keeper.demo.nodes import Attrs
from keeper.demo.words import RATINGS

TAGS = {"movie": "Video", "episode": "Video", "clip": "Video", "track": "Track", "photo": "Photo"}


def tag_of(item: Item) -> str:
    return TAGS.get(item.kind, "Directory")


def thumb_url(item: Item) -> str | None:
    """A track shows the picture of its album, some seasons the one of their show."""
    if item.parent is not None and (item.kind == "track" or item.borrows_thumb):
        return thumb_url(item.parent)
    return f"{item.path}/thumb/{item.thumb}" if item.thumb is not None else None


def art_url(item: Item) -> str | None:
    """Seasons, episodes, albums and tracks show the background of the thing they belong to."""
    while item.parent is not None:
        item = item.parent
    return f"{item.path}/art/{item.art}" if item.art is not None else None


def head(item: Item) -> Attrs:
    """The attributes of the row; what is missing is absent, but an empty summary is there."""
    below = "/children" if item.kind in CONTAINERS else ""
    attrs: Attrs = {"ratingKey": str(item.key), "key": item.path + below}
    attrs |= _ancestors(item)
    attrs |= {
        "guid": item.guid,
        "slug": _slug(item),
        "studio": item.studio,
        "type": item.kind,
        "title": item.title,
    }
    if item.title.startswith("The "):
        attrs["titleSort"] = item.title[4:]
    if item.kind not in {"artist", "album", "track", "season"}:
        attrs["contentRating"] = RATINGS[item.key % len(RATINGS)]
    attrs |= {"summary": item.summary, "index": item.index, **ratings(item), "year": item.year}
    attrs |= {"thumb": thumb_url(item), "art": art_url(item), "duration": item.duration}
    attrs |= {"originallyAvailableAt": item.released, "addedAt": item.added_at, "updatedAt": item.updated_at}
    attrs |= _counts(item)
    return attrs


def _slug(item: Item) -> str | None:
    if item.kind not in {"movie", "show"} or not item.guid.startswith("plex://"):
        return None
    return "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in item.title.lower()).split()) or None


def ratings(item: Item) -> Attrs:
    if item.kind not in {"movie", "show", "episode"} or not item.guids:
        return {}
    rating = 40 + item.key * 7 % 58
    return {
        "rating": rating / 10,
        "audienceRating": (rating + 2) / 10,
        "audienceRatingImage": "themoviedb://image.rating",
        "ratingImage": "rottentomatoes://image.rating.ripe" if rating > 60 else "rottentomatoes://image.rating.rotten",
    }


def _ancestors(item: Item) -> Attrs:
    parent = item.parent
    if parent is None:
        return {}
    attrs: Attrs = {}
    above = parent.parent
    if above is not None:
        attrs |= _relative("grandparent", above) | {"grandparentArt": art_url(above)}
    if above is not None and above.flat:
        return attrs | {"parentIndex": parent.index, "skipParent": True}
    return attrs | _relative("parent", parent) | {"parentIndex": parent.index}


def _relative(who: str, item: Item) -> Attrs:
    return {
        f"{who}RatingKey": str(item.key),
        f"{who}Key": item.path,
        f"{who}Guid": item.guid,
        f"{who}Title": item.title,
        f"{who}Thumb": thumb_url(item),
    }


def _counts(item: Item) -> Attrs:
    if item.kind not in CONTAINERS:
        return {}
    counts: Attrs = {"leafCount": len(item.leaves()), "viewedLeafCount": 0}
    return counts if item.kind in {"season", "album"} else counts | {"childCount": len(item.children)}
