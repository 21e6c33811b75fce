"""What an item owes, what it lacks, and how long it rests after a failed attempt."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from keeper.rules.types import AgentFamily, Item, Kind, Known, Missing, Section, Suspect, Why

LONGEST_REST = timedelta(days=30)
#: Providers fill placeholder titles in days, not hours.
PLACEHOLDER_FACTOR = 3

_SUMMARY_IS_NORMAL = frozenset({Kind.MOVIE, Kind.SHOW, Kind.EPISODE})  # '' is normal for seasons, artists, albums
_IDS_ARE_NORMAL = frozenset({Kind.MOVIE, Kind.SHOW, Kind.SEASON, Kind.EPISODE})
#: Locked fields by the name Plex gives them in <Field name="thumb" locked="1"/>.
_FIELD_OF = {Missing.POSTER: "thumb", Missing.SUMMARY: "summary", Missing.YEAR: "year", Missing.ART: "art"}


def agent_family(agent: str) -> AgentFamily:
    """Which of the four ways of an agent's identifier."""
    if agent.endswith(".none"):
        return AgentFamily.NONE
    if agent.startswith("tv.plex.agents.custom."):
        return AgentFamily.CUSTOM
    if agent.startswith("tv.plex.agents."):
        return AgentFamily.NEW
    return AgentFamily.LEGACY if agent.startswith("com.plexapp.agents.") else AgentFamily.CUSTOM


def lacks(item: Item, family: AgentFamily, optional: Collection[str] = ()) -> tuple[Missing, ...]:
    """What this item owes: its gaps, save those somebody locked by hand."""
    return unlocked(item, gaps(item, family, optional))


def unlocked(item: Item, missing: Collection[Missing]) -> tuple[Missing, ...]:
    """Locked fields are nobody's debt."""
    return tuple(what for what in missing if _FIELD_OF.get(what) not in item.locked)


def gaps(item: Item, family: AgentFamily, optional: Collection[str] = ()) -> tuple[Missing, ...]:
    """What this item lacks, by what is true for its agent and kind, locked or not."""
    if item.hidden_season:
        return ()
    found: list[Missing] = []
    if not item.thumb:
        found.append(Missing.POSTER)
    if not item.summary and item.kind in _SUMMARY_IS_NORMAL and family is not AgentFamily.NONE:
        found.append(Missing.SUMMARY)
    if identity := _identity_lacks(item, family):
        found.append(identity)
    if optional:
        found += _optional_lacks(item, optional)
    return tuple(found)


def _identity_lacks(item: Item, family: AgentFamily) -> Missing | None:
    """Unmatched, or matched by a new agent without ids. The item's own guid outranks the library's agent."""
    if family is AgentFamily.NONE:
        return None
    if item.guid.startswith("local://"):
        return Missing.MATCH
    is_new = family is AgentFamily.NEW and item.guid.startswith("plex://")
    return Missing.IDS if is_new and not item.has_ids and item.kind in _IDS_ARE_NORMAL else None


def _optional_lacks(item: Item, optional: Collection[str]) -> list[Missing]:
    wanted = ((Missing.YEAR, item.year, {Kind.MOVIE, Kind.SHOW}), (Missing.ART, item.art, {Kind.MOVIE, Kind.SHOW}))
    return [what for what, there, kinds in wanted if what.value in optional and item.kind in kinds and not there]


def reason_to_rest(item: Item, missing: Collection[Missing], known: Known | None, now: datetime) -> Why | None:
    """Why a lacking item is left alone this time; None = it may be refreshed.

    Refreshing an unmatched item that somebody edited by hand destroys the edits, so any lock on it counts.
    """
    if known and known.ignored:
        return Why.IGNORED
    if item.locked and (Missing.MATCH in missing or not unlocked(item, missing)):
        return Why.LOCKED
    if known and known.next_try_at and known.next_try_at > now:
        return Why.RESTING
    return None


def is_placeholder(title: str) -> bool:
    """'Episode 5', 'TBA': the provider has nothing yet."""
    words = title.casefold().split()
    return title.casefold() in ("tba", "tbd") or (len(words) == 2 and words[0] == "episode" and words[1].isdigit())


def rest_until(now: datetime, failed_before: int, backoff_hours: float, suspect: Suspect) -> datetime:
    """When to try again after one more failure: doubling from `backoff_hours`, at most 30 days."""
    factor = PLACEHOLDER_FACTOR if is_placeholder(suspect.title) else 1
    hours = backoff_hours * factor * 2 ** min(failed_before, 10)
    return now + min(timedelta(hours=hours), LONGEST_REST)


def can_be_judged(section: Section) -> bool:
    """Movie, show and music libraries; photos and playlists owe nothing."""
    return section.type in ("movie", "show", "artist")


class SeenKeys:
    """Rating keys met in one listing, small even for 100,000 of them: a sparse bitmap, a set for unusual keys."""

    def __init__(self) -> None:
        self._maps: dict[int, bytearray] = {}
        self._others: set[str] = set()

    def add(self, key: str) -> bool:
        """True when the key is new."""
        if not (key.isascii() and key.isdigit()) or key[0] == "0" or len(key) > 12:
            new = key not in self._others
            self._others.add(key)
            return new
        number = int(key)
        bitmap = self._maps.get(number >> 16)
        if bitmap is None:
            bitmap = self._maps[number >> 16] = bytearray(8192)  # 65,536 bits
        byte, bit = (number & 0xFFFF) >> 3, 1 << (number & 7)
        new = not bitmap[byte] & bit
        bitmap[byte] |= bit
        return new
