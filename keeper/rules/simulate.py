"""The same rules on a made-up or remembered outage, at any speed: what would have been done, when, and why.

A pretended machine stands in for the real one: its troubles come and go at given times, some actions mend them, a
reboot takes a minute and begins a new boot. Nothing here decides anything: `watch` does, as in earnest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from keeper.rules import watch as rules
from keeper.rules.types import Action, Cause, Decision, Moment, Reason, Stream, Watch, WatchLimits

REBOOT_SECONDS = 60.0
MOST_TICKS = 3_000_000
#: Causes in which nobody can be asked who watches.
MUTE = (Cause.DOWN, Cause.HUNG, Cause.STARTING, Cause.STOPPED_BY_OWNER, Cause.UPDATING, Cause.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One cause that reigns from `begins` for `lasts` seconds, unless one of `mended_by` ends it earlier."""

    begins: float  # seconds after the start of the simulation
    lasts: float
    cause: Cause
    mended_by: frozenset[Action] = frozenset()


@dataclass(frozen=True, slots=True)
class Play:
    """Somebody watches from `begins` for `lasts` seconds."""

    begins: float
    lasts: float
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A whole outage. `uptime` is how long the machine has been running at the start."""

    start: datetime
    seconds: float
    troubles: tuple[Trouble, ...] = ()
    plays: tuple[Play, ...] = ()
    uptime: float = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Entry:
    """Something worth a line on the timeline."""

    at: datetime
    what: str  # opened, changed, decided, closed
    cause: Cause
    decision: Decision


@dataclass(slots=True)
class Timeline:
    ticks: int = 0
    entries: list[Entry] = field(default_factory=list)
    longest_gap: float = 0.0  # seconds between two looks while the machine was running

    @property
    def actions(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.decision.action is not Action.NONE]

    @property
    def incidents(self) -> int:
        return sum(entry.what == "opened" for entry in self.entries)


class _Machine:
    """The pretended machine: what reigns at a time, and what an action does to it."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._ended: set[Trouble] = set()
        self.boots, self._booted_at = 1, -script.uptime

    def moment(self, seconds: float) -> Moment:
        at = self._script.start + timedelta(seconds=seconds)
        return Moment(at, f"boot {self.boots}", seconds - self._booted_at)

    def look(self, seconds: float) -> rules.Look:
        trouble = self._trouble(seconds)
        cause = trouble.cause if trouble else Cause.OK
        asked = cause not in MUTE
        streams = tuple(self._streams(seconds)) if asked else None
        return rules.Look(self.moment(seconds), cause, streams, 0 if asked else None)

    def act(self, action: Action, seconds: float) -> float:
        """Carries it out; the seconds it takes."""
        trouble = self._trouble(seconds)
        if trouble and action in trouble.mended_by:
            self._ended.add(trouble)
        if action is not Action.REBOOT:
            return 0.0
        self.boots, self._booted_at = self.boots + 1, seconds + REBOOT_SECONDS
        return REBOOT_SECONDS

    def _trouble(self, seconds: float) -> Trouble | None:
        for trouble in self._script.troubles:
            if trouble.begins <= seconds < trouble.begins + trouble.lasts and trouble not in self._ended:
                return trouble
        return None

    def _streams(self, seconds: float) -> list[Stream]:
        return [
            Stream(str(number), "paused" if play.paused else "playing", 0 if play.paused else int(seconds * 1000))
            for number, play in enumerate(self._script.plays)
            if play.begins <= seconds < play.begins + play.lasts
        ]


def simulate(script: Script, limits: WatchLimits, host: rules.Host, before: Watch | None = None) -> Timeline:
    """Plays the whole script tick by tick. Bounded by MOST_TICKS."""
    machine, watch, told = _Machine(script), before or Watch(), Timeline()
    seconds, shown = 0.0, Decision(Action.NONE, Action.NONE, Reason.FINE)
    while seconds < script.seconds and told.ticks < MOST_TICKS:
        look, was = machine.look(seconds), watch
        watch = rules.observe(watch, look, limits)
        decision = rules.decide(watch, look, limits, host)
        told.ticks += 1
        told.entries += _entries(was, watch, look, decision, shown)
        shown, took = decision, 0.0
        if decision.action is not Action.NONE:
            watch = rules.remember_action(watch, decision, look.now)
            took = machine.act(decision.action, seconds)
        wait = rules.next_look(watch, decision, limits)
        told.longest_gap = max(told.longest_gap, wait)
        seconds += wait + took
    return told


def _entries(was: Watch, watch: Watch, look: rules.Look, decision: Decision, shown: Decision) -> Sequence[Entry]:
    def entry(what: str) -> Entry:
        return Entry(look.now.at, what, look.cause, decision)

    if was.incident and not watch.incident:
        return [entry("closed")]
    if watch.incident and not was.incident:
        return [entry("opened")]
    if watch.incident and was.incident and watch.incident.cause is not was.incident.cause:
        return [entry("changed")]
    news = decision.action is not Action.NONE or (decision.reason, decision.wanted) != (shown.reason, shown.wanted)
    return [entry("decided")] if news and watch.incident else []
