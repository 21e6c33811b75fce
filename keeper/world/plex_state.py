"""What Plex says of itself beside its library: who watches, what is recorded, whether it updates, how it is reached.

Read from attributes alone; the answers also hold names of people, addresses and the owner's token, and none of that is
kept. Sources: recorded answers of /status/sessions, /activities, /updater/status and /myplex/account.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element  # nosec B405  # only for the type; plexapi has parsed it

from keeper.rules.types import Stream
from keeper.world.plex_rows import whole_number

_PREROLL = "-2"  # the library of advertisements before a film
_AT_WORK = {"downloading", "installing"}
_MAPPED = {"mapped", "waiting"}


def streams(sessions: Element) -> tuple[Stream, ...]:
    """Everything that is played. Live television names neither user nor player, and always counts as playing."""
    rows = (row for row in sessions if row.get("librarySectionID") != _PREROLL)
    return tuple(_stream(row) for row in rows)


def _stream(row: Element) -> Stream:
    player = row.find("Player")
    live = row.get("live") == "1"
    state = (player.get("state") if player is not None else None) or "playing"
    key = row.get("sessionKey") or row.get("key") or ""
    return Stream(key, state, whole_number(row.get("viewOffset")) or 0, live)


def recordings(activities: Element) -> int:
    """How many recordings of television are under way. An idle server may list other work for ever."""
    return sum((row.get("type") or "").startswith(("grabber.", "media.grab")) for row in activities)


def is_updating(updater: Element, running: str) -> bool:
    """Whether it is fetching or installing another version than the one that runs."""
    return any(
        row.get("state") in _AT_WORK and row.get("version") != running for row in updater if row.tag == "Release"
    )


def is_reachable(account: Element) -> bool | None:
    """Whether the router lets the world in; None when remote access is not wanted or nothing is said."""
    state = account.get("mappingState")
    if not state or state == "unknown":
        return None
    return state in _MAPPED and not account.get("mappingError")
