"""plex_turns: every start and stop of Plex, and who did it. Functions within the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select

from keeper.rules.types import Agent, Turn, Turning
from keeper.store.schema import plex_turns

MOST_REBUILT = 20  # turns; the rules themselves remember no more
_KNOWN = [each.value for each in Turning]
_AGENTS = {each.value: each for each in Agent}


class Turned(NamedTuple):
    """A row of the ledger of starts and stops."""

    id: int
    turn: Turn


def note_turns(connection: Connection, turns: Iterable[Turn]) -> None:
    """Writes them in the order given, which is the one they are numbered in."""
    rows = [
        {
            "at": turn.at, "what": turn.what.value, "by_agent": turn.by.value, "lived": turn.lived,
            "person": turn.person,
        }
        for turn in turns
    ]  # fmt: skip
    if rows:
        connection.execute(insert(plex_turns), rows)


def read_turns(connection: Connection, limit: int, before: int | None = None) -> list[Turned]:
    """Newest first; the next page is the one `before` the last id of this one.

    Rows that are neither a start nor a stop, because somebody spoiled them by hand, are passed over while reading: a
    page that came back short would look like the last one.
    """
    wanted = select(plex_turns).where(plex_turns.c.what.in_(_KNOWN)).order_by(plex_turns.c.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(plex_turns.c.id < before)
    return [Turned(row.id, _turn(row)) for row in connection.execute(wanted)]


def latest_turns(connection: Connection) -> tuple[Turn, ...]:
    """As many as the rules remember, oldest first."""
    return tuple(each.turn for each in reversed(read_turns(connection, MOST_REBUILT)))


def _turn(row: Row[Any]) -> Turn:
    """An agent that this program does not know is nobody it could name."""
    return Turn(row.at, Turning(row.what), _AGENTS.get(row.by_agent, Agent.UNKNOWN), row.lived, row.person)
