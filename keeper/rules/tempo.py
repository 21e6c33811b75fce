"""Whether Plex answers in time: judged by several answers, so that one slow moment is nobody's trouble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keeper.rules.types import Fact

LATE, OF = 3, 5  # so many late answers of so many make it slow
LATE_STILL = 1  # and so many let it stay slow: it is over when all are in time


def remember(paces: Sequence[bool], facts: Mapping[str, Fact], name: str, limit: float) -> tuple[bool, ...]:
    """The latest answers, oldest first: was it too slow? `name` of the fact with its milliseconds, `limit` in seconds.
    No answer is no slow one."""
    answered = facts.get(name)
    if answered is None or not isinstance(answered.value, int | float):
        return tuple(paces)
    return (*paces, answered.value > limit * 1000)[-OF:]


def in_time(paces: Sequence[bool], was_slow: bool, limit: float) -> Fact:
    """Whether it answers in time; unknown for one that has not answered."""
    if not paces:
        return Fact(None)
    late = sum(paces)
    if late < (LATE_STILL if was_slow else LATE):
        return Fact(True)
    return Fact(False, f"{late} of {len(paces)} answers took longer than {limit:g} s")
