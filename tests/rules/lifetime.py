"""A machine with a watchdog that lives at any speed: the tests tell what it sees, and read what it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from keeper.rules import watch as rules
from keeper.rules.types import Action, Armed, Cause, Decision, Moment, Reason, Stream, Watch, WatchLimits

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
ABLE = dict.fromkeys(Action, True)
CAPABLE = rules.Host(ABLE)
EVERYTHING = WatchLimits(armed=frozenset(Armed))
BOOTING = 60.0

#: What is being watched at a time: streams and recordings, either of them None when it cannot be asked.
Scene = Callable[[float], tuple[Sequence[Stream] | None, int | None]]


def moment(seconds: float, boot: str = "a", booted: float = -10 * DAY) -> Moment:
    return Moment(NOON + timedelta(seconds=seconds), boot, seconds - booted)


def nobody(seconds: float) -> tuple[Sequence[Stream] | None, int | None]:
    return (), 0


def silence(seconds: float) -> tuple[Sequence[Stream] | None, int | None]:
    return None, None


@dataclass
class Life:
    """Seconds are true time. `done` lists when the watchdog itself did what."""

    limits: WatchLimits = EVERYTHING
    host: rules.Host = CAPABLE
    watch: Watch = field(default_factory=Watch)
    seconds: float = 0.0
    boot: int = 1
    booted: float = -10 * DAY
    offset: float = 0.0  # of the wall clock
    done: list[tuple[float, Action]] = field(default_factory=list)

    @property
    def now(self) -> Moment:
        return moment(self.seconds, f"boot {self.boot}", self.booted)

    def tick(self, cause: Cause, scene: Scene = nobody) -> Decision:
        """One look and what follows from it; then the time until the next one passes."""
        streams, recordings = scene(self.seconds)
        look = rules.Look(self.now, cause, None if streams is None else tuple(streams), recordings)
        self.watch = rules.observe(self.watch, look, self.limits)
        decision = rules.decide(self.watch, look, self.limits, self.host)
        if decision.action is not Action.NONE:
            self.watch = rules.remember_action(self.watch, decision, look.now)
            self.done.append((self.seconds, decision.action))
        self.seconds += rules.next_look(self.watch, decision, self.limits)
        if decision.action is Action.REBOOT:
            self.reboot()
        return decision

    def live(self, seconds: float, cause: Cause, scene: Scene = nobody) -> list[Decision]:
        """Ticks for so long; one decision for each."""
        end, told = self.seconds + seconds, []
        while self.seconds < end:
            told.append(self.tick(cause, scene))
        return told

    def see(self, *causes: Cause) -> list[Decision]:
        return [self.tick(cause) for cause in causes]

    def reboot(self, takes: float = BOOTING) -> None:
        self.seconds += takes
        self.boot, self.booted = self.boot + 1, self.seconds

    def by_hand(self, action: Action, who: str = "owner") -> None:
        decision = Decision(action, action, Reason.ACT)
        self.watch = rules.remember_action(self.watch, decision, self.now, who)

    def when(self, action: Action) -> list[float]:
        return [seconds for seconds, each in self.done if each is action]


def reasons(decisions: Sequence[Decision]) -> list[Reason]:
    """Without repetitions."""
    told = [decision.reason for decision in decisions]
    return [reason for index, reason in enumerate(told) if index == 0 or told[index - 1] is not reason]
