"""plex_turns: every start and stop of Plex, and who did it. Functions within the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, insert, select

from keeper.rules.types import Agent, Turn, Turning
from keeper.store.schema import plex_turns
from keeper.store.watch_json import read_record

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

    Rows that are neither a start nor a stop, or of no possible time, because somebody spoiled them by hand, are passed
    over while reading: a page that came back short would look like the last one.
    """
    wanted = select(plex_turns).where(plex_turns.c.what.in_(_KNOWN)).order_by(plex_turns.c.id.desc())
    if before is not None:
        wanted = wanted.where(plex_turns.c.id < before)
    whole = ((row.id, turn) for row in readable(connection, wanted) if (turn := _turn(row)))
    return [Turned(number, turn) for number, turn in islice(whole, limit)]


def latest_turns(connection: Connection) -> tuple[Turn, ...]:
    """As many as the rules remember, oldest first."""
    return tuple(each.turn for each in reversed(read_turns(connection, MOST_REBUILT)))


def readable(connection: Connection, wanted: Select[Any]) -> Iterator[Row[Any]]:
    """The rows one by one, without those in which the text of a time is none: they fail while they are fetched."""
    with connection.execute(wanted) as found:
        while True:
            try:
                row = found.fetchone()
            except (ValueError, TypeError):
                continue
            if row is None:
                return
            yield row


def _turn(row: Row[Any]) -> Turn | None:
    """An agent that this program does not know is nobody it could name. None for a row that was spoiled by hand."""
    by = _AGENTS.get(row.by_agent, Agent.UNKNOWN)
    return read_record(Turn, at=row.at, what=row.what, by=by, lived=row.lived, person=row.person)
