"""The watchdog. One tick: look, diagnose, decide, remember, act; the looks that follow verify.

A tick never sleeps and never waits for an effect: what was done is remembered with its time, and judged by the very
check that failed when its time is over. Everything is in the store before anything is done, so that no crash can make
the watchdog forget that it acted, and every limit survives. The thinking is in keeper/rules (causes, watch, ladder,
restart, reboot, inuse, story); this file says in which order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta, tzinfo

from keeper.errors import StoreError
from keeper.ports import Machine, PlexProbe, Sight, WatchStore
from keeper.rules.causes import HOLDS_SCANS, SENTENCES, diagnose, hidden
from keeper.rules.own_load import weighed
from keeper.rules.recall import Recalled, recall
from keeper.rules.story import ACTION_WORDS, decided, sentence, tell
from keeper.rules.types import (
    Ability,
    Acted,
    Action,
    Cause,
    Check,
    Decision,
    Fact,
    Moment,
    Reason,
    Step,
    StepKind,
    Tick,
    Watch,
    WatchLimits,
)
from keeper.rules.watch import Host, Look, decide, next_look, observe, remember_action

log = logging.getLogger("keeper.monitor")

MOST_UNTOLD = 50  # steps, events and turns each, that wait for a look that can be stored


@dataclass(frozen=True, slots=True)
class Senses:
    """What the watchdog needs from outside."""

    eyes: Sight  # the whole look, bounded
    plex: PlexProbe  # what the same look saw of libraries and streams
    machine: Machine
    store: WatchStore
    moment: Callable[[], Moment]
    map_port_again: Callable[[], Acted]  # the one action that Plex itself carries out


class Monitor:
    """One watchdog. `limits` are those of the settings; what is armed and held is asked of the store at every tick."""

    def __init__(self, senses: Senses, limits: WatchLimits, zone: tzinfo) -> None:
        self._senses, self._limits, self._zone = senses, limits, zone
        self._watch: Watch | None = None
        self._is_stored = True
        self._untold: Tick | None = None  # what the last looks had to tell, and could not be stored
        self._shown: tuple[Reason, Action] | None = None
        self._cause: Cause | None = None
        self._wait = limits.interval
        self._able: Mapping[Action, Ability] = {}
        self._troubled = False
        self._facts: Mapping[str, Fact] = {}
        self._obstacle = ""

    @property
    def interval(self) -> float:
        """Seconds until the next look: shorter while something is wrong."""
        return self._wait

    def tick(self) -> Check:
        """1. Look. 2. Diagnose. 3. Decide. 4. Remember. 5. Act. 6. Say when to look again."""
        before = self._remembered()
        limits = self._limits_now()
        recalled, look = self._see(before, limits)
        facts = recalled.facts
        observed = _noted(observe(recalled.watch, look, limits), facts)
        decision = decide(observed, look, limits, self._host(observed))
        news = (decision.reason, decision.wanted) != self._shown or decision.action is not Action.NONE
        story = tell(before, observed, look, decision, facts, news)
        acting = decision.action is not Action.NONE
        watch = remember_action(story.watch, decision, look.now) if acting else story.watch
        self._wait = next_look(watch, decision, limits)
        check = self._check(facts, look, decision)
        tick = Tick(check, watch, decision, story.steps, (*recalled.notices, *story.notices), recalled.turns)
        stored = self._is_stored = self._store(_late(self._untold, tick))
        if not stored and acting:  # nothing is done then, so nothing is told of it
            story = tell(before, observed, look, replace(decision, action=Action.NONE), facts, news=False)
            tick = replace(tick, steps=story.steps, notices=(*recalled.notices, *story.notices))
        self._watch, self._untold = (watch, None) if stored else (story.watch, _late(self._untold, tick))
        if look.cause is not Cause.UNKNOWN:
            self._obstacle = SENTENCES[look.cause] if look.cause in HOLDS_SCANS else ""
        self._say(check, decision, news)
        self._shown = (decision.reason, decision.wanted)
        if acting and stored:
            self._act(decision, look)
        return check

    def abilities(self) -> Mapping[Action, Ability]:
        """What this machine could do when it was last asked; empty = not asked yet."""
        return self._able

    @property
    def obstacle(self) -> str:
        """Why scans have to wait, as of the last look or action; '' = they need not."""
        return self._obstacle

    def known_interface(self) -> str:
        """The interface that carried the default route while there was one; '' = never seen."""
        return self._watch.interface if self._watch else ""

    def look(self) -> Check:
        """One look with its diagnosis and what would be decided now; remembered by nobody, and nothing is done."""
        before = self._remembered()
        limits = self._limits_now()
        recalled, look = self._see(before, limits)
        watch = observe(recalled.watch, look, limits)
        return self._check(recalled.facts, look, decide(watch, look, limits, self._host(watch)))

    def do(self, action: Action, by: str) -> Acted:
        """What a person asked for, by the same way: remembered first, then done. Raises StoreError."""
        now = self._senses.moment()
        decision = Decision(action, action, Reason.ACT)
        watch = remember_action(self._remembered(), decision, now, by)
        look = Look(now, watch.cause)
        story = tell(watch, watch, look, decision, {}, news=False)
        step = Step(StepKind.OWNER, now.at, watch.cause, {"action": action.value, "by": by})
        check = Check(now.at, watch.cause, SENTENCES[watch.cause], self._facts, {**decided(decision), "by": by}, None)
        self._senses.store.remember(Tick(check, watch, decision, (step,), story.notices), None)
        self._watch = watch
        return self._act(decision, look)

    # ------------------------------------------------------------------ looking

    def _remembered(self) -> Watch:
        """The memory, read anew for each look: a command may have changed it. What could not be stored, or cannot be
        read now, goes on in this process."""
        if self._watch is None or self._is_stored:
            try:
                self._watch = self._senses.store.load()
            except StoreError as problem:
                if self._watch is None:
                    raise
                log.error("the memory cannot be read, the last one counts: %s", problem.sentence)
        return self._watch

    def _see(self, before: Watch, limits: WatchLimits) -> tuple[Recalled, Look]:
        """One look, with what the earlier ones add to it."""
        facts, now = self._senses.eyes.look(), self._senses.moment()
        recalled = recall(before, facts, now, limits)
        cause = weighed(diagnose(recalled.facts), recalled.facts, before)
        streams, recordings = self._senses.plex.watching()
        self._facts = hidden(cause, recalled.facts)
        return replace(recalled, facts=dict(self._facts)), Look(now, cause, streams, recordings)

    def _limits_now(self) -> WatchLimits:
        store = self._senses.store
        return replace(self._limits, armed=store.armed(), held_until=store.held_until())

    def _host(self, watch: Watch) -> Host:
        """What this machine can do costs some commands, so it is asked at the start and when an incident opens."""
        troubled = watch.incident is not None
        if not self._able or (troubled and not self._troubled):
            self._able = self._senses.machine.abilities()
        self._troubled = troubled
        able = {action: ability.can is True for action, ability in self._able.items()}
        return Host({**able, Action.REACHABILITY: True}, self._zone)

    def _check(self, facts: Mapping[str, Fact], look: Look, decision: Decision) -> Check:
        answered = facts.get("response_ms")
        milliseconds = float(answered.value) if answered and isinstance(answered.value, int | float) else None
        upcoming = look.now.at + timedelta(seconds=self._wait)
        said = {
            **decided(decision),
            "sentence": sentence(look.cause, decision),
            "next_look": upcoming.isoformat(timespec="seconds"),
        }
        return Check(look.now.at, look.cause, SENTENCES[look.cause], facts, said, milliseconds)

    def _store(self, tick: Tick) -> bool:
        """Whether it is written down. When it cannot be (a full disk), it goes on looking and does nothing."""
        try:
            self._senses.store.remember(tick, self._senses.plex.sections())
        except StoreError as problem:
            log.error("this look is not stored, and nothing is done: %s", problem.sentence)
            return False
        return True

    # ------------------------------------------------------------------ acting

    def _act(self, decision: Decision, look: Look) -> Acted:
        """Carries out what is remembered already, and stores what became of the command: no evidence, but a line."""
        log.warning("%s: %s", decision.action.value, sentence(look.cause, decision))
        self._obstacle = f"The watchdog is at work: {ACTION_WORDS[decision.action]}."
        acted = self._carry_out(decision.action)
        watch = self._watch or self._remembered()
        result = replace(watch.taken[-1], done=acted.done)
        self._watch = replace(watch, taken=(*watch.taken[:-1], result))
        log.warning("%s: %s", decision.action.value, acted.said)
        step = Step(
            StepKind.ACTED, self._senses.moment().at, look.cause,
            {"action": decision.action.value, "done": acted.done, "said": acted.said},
        )  # fmt: skip
        try:
            self._senses.store.concluded(self._watch, step, ())
        except StoreError as problem:  # done is done; the next tick stores the memory again
            log.error("the result of %s is not stored: %s", decision.action.value, problem.sentence)
        return acted

    def _carry_out(self, action: Action) -> Acted:
        if action is Action.REACHABILITY:
            return self._senses.map_port_again()
        return self._senses.machine.act(action, self.known_interface())

    def _say(self, check: Check, decision: Decision, news: bool) -> None:
        if check.cause is not self._cause:
            log.info("%s. %s", check.cause.value, check.sentence)
        elif news:
            log.info("%s: %s", check.cause.value, sentence(check.cause, decision))
        self._cause = check.cause


def _late(untold: Tick | None, tick: Tick) -> Tick:
    """A look with what those before it had to tell in vain: told late, and not never. Of much, the latest."""
    if untold is None:
        return tick
    return replace(
        tick,
        steps=(*untold.steps[-MOST_UNTOLD:], *tick.steps),
        notices=(*untold.notices[-MOST_UNTOLD:], *tick.notices),
        turns=(*untold.turns[-MOST_UNTOLD:], *tick.turns),
    )


def _noted(watch: Watch, facts: Mapping[str, Fact]) -> Watch:
    """The interface is noted while it has the way out: when it is needed, nothing tells which one it was."""
    route, interface = facts.get("route"), facts.get("interface")
    known = interface.value if route and route.value is True and interface else None
    return replace(watch, interface=known) if isinstance(known, str) and known != watch.interface else watch
