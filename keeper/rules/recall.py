"""What earlier looks add to this one: facts that no single look can tell, and the books that they are told from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from keeper.rules import filling, lives, tempo
from keeper.rules.elapsed import elapsed
from keeper.rules.types import Agent, Cause, Fact, Moment, Notice, Severity, Turn, Turning, Watch, WatchLimits

FORGET_PACES = 3600.0  # answers before a pause this long say nothing about now


@dataclass(frozen=True, slots=True)
class Recalled:
    """`facts` with `in_time`, `count_in_time`, `crashing`; `watch` = the memory, with the books of this look."""

    watch: Watch
    facts: dict[str, Fact]
    turns: tuple[Turn, ...]
    notices: tuple[Notice, ...]


def recall(before: Watch, facts: Mapping[str, Fact], now: Moment, limits: WatchLimits) -> Recalled:
    """Keeps the books of lives, answers and disks."""
    life, turns = lives.observe(before.life, facts, before.taken, now)
    kept = lives.remember(before.turns, turns)
    gap = before.last is None or elapsed(before.last, now) > FORGET_PACES
    paces = tempo.remember(() if gap else before.paces, facts, "response_ms", limits.slow)
    counts = tempo.remember(() if gap else before.counts, facts, "count_ms", limits.slow)
    levels, notices = filling.observe(before.levels, facts, now.at)
    added = {
        "in_time": tempo.in_time(paces, before.cause is Cause.OVERLOADED, limits.slow),
        "count_in_time": tempo.in_time(counts, before.cause is Cause.DB_TROUBLE, limits.slow),
        "crashing": _crashing(kept, now),
    }
    watch = replace(before, life=life, turns=kept, paces=paces, counts=counts, levels=levels)
    if before.incident is None:
        notices = [*_crashed(turns), *notices]
    return Recalled(watch, {**facts, **added}, turns, tuple(notices))


def _crashing(turns: tuple[Turn, ...], now: Moment) -> Fact:
    looping = lives.is_looping(turns, now.at)
    return Fact(looping, "it ended shortly after its start, several times" if looping else "")


def _crashed(turns: tuple[Turn, ...]) -> list[Notice]:
    """Only when nothing else tells it: an incident has its own story."""
    crashes = [turn for turn in turns if turn.by is Agent.CRASH and turn.what is Turning.STOPPED]
    back = turns and turns[-1].what is Turning.STARTED
    if not crashes or not back:
        return []
    times = f"{len(crashes)} times" if len(crashes) > 1 else "once"
    message = f"Plex crashed ({times} since the last look); its service manager brought it back."
    return [Notice("Plex Crash", Severity.WARNING, message, {"count": len(crashes)})]
