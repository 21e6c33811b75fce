"""From rows of Plex to the records of the house. Missing and odd attributes are normal.

Library rows are taken as JSON, which Plex writes beside XML from the same model: it parses in half the time and
cannot be spoiled by a control character in a title. JSON of Plex is loosely typed, so what is kept or reckoned with
is converted; of pictures and summaries only matters whether there are any.
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element  # nosec B405  # for its type; nothing is parsed here

from keeper.rules.types import Item, Section

NO_LOCKS: frozenset[str] = frozenset()


def to_item(row: dict[str, Any], section_key: str) -> Item:
    """One Metadata row of a listing or a detail.

    Raises KeyError, TypeError, AttributeError or ValueError for what is none.
    """
    key = str(row["ratingKey"])
    if not key or len(key) > 40:
        raise ValueError("no rating key")
    get = row.get
    kind, title, year, added = get("type"), get("title"), get("year"), get("addedAt")
    return Item(
        key,
        kind if type(kind) is str else "",
        title if type(title) is str and title.isascii() else _text(title),
        _parent(row) if kind in ("season", "episode", "album") else "",
        str(get("guid", "")),
        bool(get("Guid")),
        get("thumb") or "",
        get("art") or "",
        get("summary") or "",
        year if type(year) is int and 0 <= year < 10_000 else _int(year),
        added if type(added) is int else _int(added),
        _int(get("updatedAt")),
        str(row["librarySectionID"]) if "librarySectionID" in row else section_key,
        kind == "season" and "parentKey" not in row,
        _locked(row["Field"]) if row.get("Field") else NO_LOCKS,
    )


def to_section(row: Element) -> Section:
    """One Directory row of /library/sections, in XML."""
    return Section(
        key=row.get("key", ""),
        type=row.get("type", ""),
        title=row.get("title", ""),
        agent=row.get("agent", ""),
        uuid=row.get("uuid", ""),
        locations=tuple(location.get("path", "") for location in row if location.tag == "Location"),
        refreshing=row.get("refreshing") == "1",
    )


def whole_number(text: object) -> int | None:
    """None when it is absent or no number."""
    words = str(text)
    return int(words) if words.isascii() and words.isdigit() else None


def _text(value: object) -> str:
    """Half a surrogate pair, as a file name may leave it behind, could be stored nowhere."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _int(value: object) -> int:
    number = value if isinstance(value, int) else whole_number(value) or 0
    return number if 0 <= number < 1 << 53 else 0


def _locked(fields: list[dict[str, Any]]) -> frozenset[str]:
    return frozenset(field.get("name", "") for field in fields if str(field.get("locked")).lower() in ("true", "1"))


def _parent(row: dict[str, Any]) -> str:
    names = (_text(row.get("grandparentTitle")), _text(row.get("parentTitle")))
    return " · ".join(filter(None, names))
