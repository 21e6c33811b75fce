"""Whether somebody is using Plex right now. Not being able to ask is 'unknown', never 'no'.

Paused for ten minutes counts as left. A stream that says 'playing' and does not move for a minute is a ghost: such
sessions stay behind after a crash of a player and would block everything for ever.
"""

from __future__ import annotations

from collections.abc import Iterable

from keeper.rules.elapsed import elapsed
from keeper.rules.types import Moment, Stream, Watched

GHOST_SECONDS = 60.0
LEFT_SECONDS = 600.0


def remember(before: Iterable[Watched], streams: Iterable[Stream] | None, now: Moment) -> tuple[Watched, ...]:
    """What is known of each stream after this look; of those that could not be asked about, what was known before."""
    if streams is None:
        return tuple(before)
    known = {watched.key: watched for watched in before}
    return tuple(_watched(known.get(stream.key), stream, now) for stream in streams)


def in_use(
    streams: Iterable[Stream] | None, recordings: int | None, known: Iterable[Watched], now: Moment
) -> bool | None:
    """True / False / None = unknown. `known` is what `remember` made of the same look."""
    if streams is None:
        return None
    still = {watched.key: elapsed(watched.since, now) for watched in known}
    if recordings or any(_is_alive(stream, still.get(stream.key, 0.0)) for stream in streams):
        return True
    return None if recordings is None else False


def _watched(before: Watched | None, stream: Stream, now: Moment) -> Watched:
    same = before is not None and (before.state, before.offset) == (stream.state, stream.offset)
    if before is not None and same and before.since.boot == now.boot:  # another boot: what was still then says nothing
        return before
    return Watched(stream.key, stream.state, stream.offset, now)


def _is_alive(stream: Stream, still: float) -> bool:
    if stream.live:
        return True
    return still < (LEFT_SECONDS if stream.state == "paused" else GHOST_SECONDS)
