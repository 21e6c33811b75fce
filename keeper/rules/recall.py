"""What earlier looks add to this one: facts that no single look can tell, and the books that they are told from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from keeper.rules import filling, lives, tempo
from keeper.rules.elapsed import elapsed
from keeper.rules.types import Agent, Cause, Fact, Moment, Notice, Severity, Turn, Turning, Watch, WatchLimits

FORGET_PACES = 3600.0  # answers before a pause this long say nothing about now
HUGE = 1e15  # no figure of ours is that large


@dataclass(frozen=True, slots=True)
class Recalled:
    """`facts` with `in_time`, `count_in_time`, `crashing`; `watch` = the memory, with the books of this look."""

    watch: Watch
    facts: dict[str, Fact]
    turns: tuple[Turn, ...]
    notices: tuple[Notice, ...]


def recall(before: Watch, facts: Mapping[str, Fact], now: Moment, limits: WatchLimits) -> Recalled:
    """Keeps the books of lives, answers and disks."""
    facts = {name: _sane(fact) for name, fact in facts.items()}
    life, turns = lives.observe(before.life, facts, before.taken, now)
    kept = lives.remember(before.turns, turns)
    gap = before.last is None or elapsed(before.last, now) > max(FORGET_PACES, 3 * limits.interval)
    paces = tempo.remember(() if gap else before.paces, facts, "response_ms", limits.slow)
    counts = tempo.remember(() if gap else before.counts, facts, "count_ms", limits.slow)
    levels, notices = filling.observe(before.levels, facts, now.at)
    added = {
        "in_time": _verdict(facts, "response_ms", paces, before.cause is Cause.OVERLOADED, limits.slow),
        "count_in_time": _verdict(facts, "count_ms", counts, before.cause is Cause.DB_TROUBLE, limits.slow),
        "crashing": _crashing(kept, facts, now),
    }
    watch = replace(before, life=life, turns=kept, paces=paces, counts=counts, levels=levels)
    if before.incident is None and not lives.is_looping(before.turns, now, facts.get("service")):  # it was told already
        notices = [*_crashed(turns), *notices]
    return Recalled(watch, {**facts, **added}, turns, tuple(notices))


def _sane(fact: Fact) -> Fact:
    """A figure that is none would spoil every book it is entered in."""
    if isinstance(fact.value, int | float) and not abs(fact.value) < HUGE:
        return Fact(None, "no figure")
    return fact


def _verdict(facts: Mapping[str, Fact], name: str, paces: Sequence[bool], was_slow: bool, limit: float) -> Fact:
    """Only with an answer in this very look: earlier ones must not outlive what has happened since."""
    answered = facts.get(name)
    return tempo.in_time(paces, was_slow, limit) if answered and answered.value is not None else Fact(None)


def _crashing(turns: tuple[Turn, ...], facts: Mapping[str, Fact], now: Moment) -> Fact:
    looping = lives.is_looping(turns, now, facts.get("service"))
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
