"""What stands inside the row of an item: its media, pictures, people, tags, ids and locks."""

from __future__ import annotations

from collections.abc import Callable

from keeper.demo.attributes import art_url, ratings, thumb_url
from keeper.demo.library import CONTAINERS, Item
from keeper.demo.nodes import Attrs, Node, Value, shared
from keeper.demo.words import COUNTRIES, FIRST_NAMES, GENRES, LAST_NAMES

_SPREAD = 2654435761  # spreads neighbouring keys over the tables below
_SHAPES = (  # bitrate, width, height, aspect ratio, codec, resolution
    (8967, 1920, 800, 2.35, "hevc", "1080"),
    (4676, 1920, 1080, 1.78, "h264", "1080"),
    (2210, 1280, 720, 1.78, "h264", "720"),
    (24100, 3840, 2160, 1.85, "hevc", "4k"),
)
_SHAPE_NAMES = ("bitrate", "width", "height", "aspectRatio", "videoCodec", "videoResolution")
_VIDEO: list[Attrs] = [
    {**dict(zip(_SHAPE_NAMES, shape, strict=True)), "videoFrameRate": "24p", "videoProfile": "main 10"}
    for shape in _SHAPES
]


def elements(item: Item, excluded: frozenset[str]) -> list[Node]:
    """What stands inside the row, without Guid (that is a matter of its own) and without what is excluded."""
    return [node for name, make in _ELEMENTS.items() if name not in excluded for node in make(item)]


def guids(item: Item) -> list[Node]:
    return [Node("Guid", {"id": guid}) for guid in item.guids]


def fields(item: Item) -> list[Node]:
    return [Node("Field", {"locked": True, "name": name}) for name in item.locked]


def rating_nodes(item: Item) -> list[Node]:
    if "rating" not in (known := ratings(item)):
        return []
    audience = known["audienceRating"]
    return [Node("Rating", {"image": "themoviedb://image.rating", "type": "audience", "value": audience})]


def media(item: Item, more: Attrs | None = None, streams: bool = False) -> list[Node]:
    if item.duration is None or item.kind in CONTAINERS:
        return []
    sound = item.kind == "track"
    picture: Attrs = {} if sound else _VIDEO[_pick(item, len(_VIDEO))]
    form, codec = ("mp3", "mp3") if sound else ("mkv", "eac3")
    attrs: Attrs = {
        "id": 100000 + item.key,
        "duration": item.duration,
        **picture,
        "audioChannels": 2 if sound else 6,
    }
    attrs |= {"audioCodec": codec, "container": form, "hasVoiceActivity": None if sound else False}
    part = Node("Part", _part(item, form))
    if streams:
        part.children = _streams(item)
    return [Node("Media", attrs | (more or {}), [part])]


def _part(item: Item, form: str) -> Attrs:
    folder = item.section.paths[0]
    safe = item.title.replace("/", "-")
    number = 500000 + item.key
    return {
        "id": number,
        "key": f"/library/parts/{number}/{item.added_at}/file.{form}",
        "duration": item.duration,
        "file": f"{folder}/{safe}/{safe}.{form}",
        "size": (item.duration or 0) * 1100,
        "container": form,
    }


def _streams(item: Item) -> list[Node]:
    number = 900000 + item.key * 2
    sound: Attrs = {
        "id": number + 1,
        "streamType": 2,
        "codec": "eac3",
        "index": 1,
        "channels": 6,
        "language": "English",
    }
    if item.kind == "track":
        return [Node("Stream", sound | {"codec": "mp3", "channels": 2, "displayTitle": "MP3 (Stereo)"})]
    picture: Attrs = {
        "id": number,
        "streamType": 1,
        "codec": "hevc",
        "index": 0,
        "displayTitle": "1080p (HEVC)",
    }
    return [
        Node("Stream", picture),
        Node("Stream", sound | {"selected": True, "displayTitle": "English (EAC3 5.1)"}),
    ]


def _images(item: Item) -> list[Node]:
    kind = "snapshot" if item.kind == "episode" else "coverPoster"
    root = item.parent.parent if item.kind == "episode" and item.parent is not None else None
    pictures = [("coverPoster", thumb_url(root))] if root is not None else []
    pictures += [(kind, thumb_url(item)), ("background", art_url(item))]
    return [Node("Image", {"alt": item.title, "type": name, "url": url}) for name, url in pictures if url is not None]


def _colors(item: Item) -> list[Node]:
    if item.kind == "track" or item.thumb is None:
        return []
    corners = zip(("topLeft", "topRight", "bottomRight", "bottomLeft"), colors(item), strict=True)
    return [Node("UltraBlurColors", dict[str, Value](corners), single=True)]


def colors(item: Item) -> tuple[str, str, str, str]:
    """Four dark, related colours for each item."""
    base = item.key * _SPREAD & 0x3F3F3F
    first, second, third, fourth = (
        f"{(base + shift) & 0x7F7F7F:06x}" for shift in (0x101820, 0x20140A, 0x182414, 0x0A1830)
    )
    return first, second, third, fourth


def _people(item: Item) -> list[Node]:
    if item.kind not in {"movie", "episode"} or not item.section.has_agent:
        return []
    return [_DIRECTORS[_pick(item, len(_DIRECTORS), 1)]]


def _writers(item: Item) -> list[Node]:
    return [_WRITERS[_pick(item, len(_WRITERS), 2)]] if _people(item) else []


def _roles(item: Item) -> list[Node]:
    if item.kind not in {"movie", "show", "episode"} or not item.section.has_agent:
        return []
    start = _pick(item, len(_ROLES) - 3, 3)
    return list(_ROLES[start : start + 3])


def _genres(item: Item) -> list[Node]:
    if item.kind in {"season", "episode", "track"} or not item.section.has_agent:
        return []
    start = _pick(item, len(_GENRES) - 2, 4)
    return list(_GENRES[start : start + 2])


def _countries(item: Item) -> list[Node]:
    wanted = item.kind in {"movie", "show", "artist"} and item.section.has_agent
    return [_COUNTRIES[_pick(item, len(_COUNTRIES), 5)]] if wanted else []


def _pick(item: Item, size: int, turn: int = 0) -> int:
    return (item.key * _SPREAD >> (3 * turn + 2)) % size


def _tags(tag: str, names: list[str]) -> list[Node]:
    return [shared(tag, {"tag": name}) for name in names]


_PEOPLE = [f"{first} {last}" for last in LAST_NAMES for first in FIRST_NAMES[::4]]
_DIRECTORS = _tags("Director", _PEOPLE[::3])
_WRITERS = _tags("Writer", _PEOPLE[1::3])
_ROLES = _tags("Role", _PEOPLE)
_GENRES = _tags("Genre", list(GENRES))
_COUNTRIES = _tags("Country", list(COUNTRIES))

_ELEMENTS: dict[str, Callable[[Item], list[Node]]] = {
    "Media": media,
    "Image": _images,
    "UltraBlurColors": _colors,
    "Genre": _genres,
    "Country": _countries,
    "Director": _people,
    "Writer": _writers,
    "Role": _roles,
}
