"""Whatever happens to the machine in a year of its life, the promises of the watchdog hold.

Hypothesis makes up the life: troubles come and go, people watch, the machine sleeps, loses its power, starts with a
clock in the past or the future, has its clock set by days, the service is killed at any point, the owner allows,
forbids and does things by hand. True time is kept here, apart from every clock that the rules see.

What is promised, and what cannot be:

- Reboots keep REBOOT_CYCLE_PAUSE of true time between them, whatever any clock says: it is counted in uptime. A machine
  that is switched off every night therefore waits longer than the pause.
- Reboots of one calendar day, as the clock of this machine shows it, are never more than MAX_REBOOT_ATTEMPTS as long as
  that clock is not moved by hand, by the network or by a boot. A clock that is moved shows the same day again.
- Restarts of Plex are never more than six in any 24 hours of one boot, whatever the clock does. Across boots the clock
  is all there is, so there it must have been right.
- An incident is one episode of looks: what happened while nobody looked is not known, and not counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from lifetime import BOOTING, DAY, HOUR, MINUTE, NOON

from keeper.rules import watch as rules
from keeper.rules.types import Action, Armed, Cause, Decision, Moment, Reason, Stream, Watch, WatchLimits
from keeper.store.watch_json import read_watch, write_watch

NONE, RESTART, REBOOT = Action.NONE, Action.RESTART_PLEX, Action.REBOOT
DISRUPTIVE = [action for action in Action if action is not NONE]
SHORT = 1e-3  # seconds by which sums of floats may differ

#: What may be done against a cause at all, and what must be armed for it: written down a second time, on purpose.
NETWORK, DNS, HARD = {Armed.NETWORK}, {Armed.DNS}, Action.NET_HARD
LADDER = {Action.NET_SOFT: NETWORK, HARD: NETWORK, REBOOT: {Armed.REBOOT}}
OUTAGE = {REBOOT: {Armed.REBOOT, Armed.OUTAGE_REBOOT}}
RESOLVER = {Action.DNS_RESET: DNS}
DEAD_LINE = {HARD: NETWORK, **OUTAGE}
MAY: dict[Cause, dict[Action, set[Armed]]] = {
    Cause.DOWN: {RESTART: {Armed.RESTART}},
    Cause.HUNG: {RESTART: {Armed.RESTART}},
    Cause.LINK_ADMIN_DOWN: LADDER,
    Cause.NO_ADDRESS: LADDER,
    Cause.NO_ROUTE: LADDER,
    Cause.LINK_DOWN: DEAD_LINE,
    Cause.GATEWAY_DOWN: DEAD_LINE,
    Cause.INTERNET_DOWN: OUTAGE,
    Cause.DNS_STUB: RESOLVER,
    Cause.DNS_DOWN: RESOLVER,
    Cause.REMOTE_ACCESS_LOST: {Action.REACHABILITY: set()},
}
CAUSES = st.one_of(st.sampled_from(list(MAY)), st.sampled_from(list(Cause)))
FLICKERING = st.sampled_from([Cause.HUNG, Cause.UNKNOWN, Cause.OK])
MENDABLE = (Cause.DOWN, Cause.HUNG, Cause.NO_ROUTE, Cause.INTERNET_DOWN)
ZONES = [UTC, *(ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Pacific/Apia", "Asia/Kathmandu"))]
SPANS = st.sampled_from([MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, 23.5 * HOUR, DAY, 25 * HOUR, 7 * DAY, 41 * DAY])
MISHAPS = st.tuples(
    st.sampled_from([
        "", "clock ahead", "clock back", "clock slightly back", "clock right", "starts in 1970", "starts in 2038",
        "starts", "rebooted by hand",
    ]),
    st.sampled_from([0.0, HOUR, 12 * HOUR, 22.5 * HOUR, 23.5 * HOUR]),
)  # fmt: skip
EPOCHS = [datetime(1970, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC), datetime(2038, 1, 19, tzinfo=UTC)]

happened: Counter[str] = Counter()  # over all examples, to see that the law was put to the test


@dataclass(frozen=True)
class Done:
    """One action that was remembered, in true time."""

    action: Action
    seconds: float
    boot: int
    clock: int  # changes with every move of the wall clock
    day: str
    mine: bool


def restored(text: str) -> Watch:
    """The memory as the service finds it when it starts again."""
    good, spoiled = read_watch(text)
    assert not spoiled
    return Watch(**good)


class Life(RuleBasedStateMachine):
    """`seconds` are true time; `wall` is what has to be added to get the clock of the machine."""

    @initialize(
        interval=st.sampled_from([5.0, 20.0, 60.0, 300.0, 3600.0, 86_400.0]),
        zone=st.sampled_from(ZONES),
        restarts=st.integers(0, 5),
        rounds=st.integers(0, 4),
        a_day=st.integers(0, 3),
        pause=st.sampled_from([0.0, HOUR, DAY, DAY, 3 * DAY]),
    )
    def begin(self, interval, zone, restarts, rounds, a_day, pause) -> None:
        self.limits = WatchLimits(frozenset(Armed), None, interval, restarts, rounds, a_day, pause)
        self.host = rules.Host(dict.fromkeys(Action, True), zone)
        self.watch, self.seconds = Watch(), 0.0
        self.boot, self.booted, self.wall, self.clock = 1, -3 * HOUR, 0.0, 1
        self.cause, self.streams, self.recordings = Cause.OK, {}, 0
        self.done: list[Done] = []
        self.still: dict[str, tuple[Stream, float, int]] = {}
        self.hung: tuple[float, float] | None = None  # first and last telling look of an unbroken run of HUNG ones
        self.number = 0

    # ------------------------------------------------------------------------------------------- time and its clocks

    @property
    def now(self) -> Moment:
        at = NOON + timedelta(seconds=self.seconds + self.wall)
        return Moment(at, f"boot {self.boot}", self.seconds - self.booted)

    def set_clock(self, to: float) -> None:
        self.wall, self.clock = to, self.clock + 1

    def start_machine(self, takes: float) -> None:
        self.seconds += takes
        self.boot, self.booted = self.boot + 1, self.seconds
        self.hung = None

    @rule(seconds=st.sampled_from([-3 * DAY, -DAY, -HOUR, -2.0, 0.5, HOUR, DAY, 40 * DAY, 400 * DAY]))
    def the_clock_is_moved(self, seconds) -> None:
        self.set_clock(self.wall + seconds)

    @rule()
    def the_clock_is_set_right(self) -> None:
        if self.wall:
            self.set_clock(0.0)

    @rule(dark=SPANS, epoch=st.one_of(st.none(), st.sampled_from(EPOCHS)))
    def the_power_fails(self, dark, epoch) -> None:
        """Afterwards the clock is right, or starts at some date until somebody tells it better."""
        self.start_machine(dark)
        if epoch:
            self.set_clock((epoch - NOON).total_seconds() - self.seconds)

    @rule(seconds=SPANS)
    def nobody_looks(self, seconds) -> None:
        """The machine sleeps, or the service is stopped: the uptime goes on."""
        self.seconds += seconds

    # ------------------------------------------------------------------------------------------- what there is to see

    @rule(cause=CAUSES)
    def trouble(self, cause) -> None:
        self.cause = cause

    @rule(key=st.sampled_from("ab"), state=st.sampled_from(["playing", "paused", "stuck", "live", "gone"]))
    def somebody_watches(self, key, state) -> None:
        self.streams.pop(key, None)
        if state != "gone":
            self.streams[key] = state

    @rule(recordings=st.sampled_from([0, 0, 1, None]))
    def a_recording(self, recordings) -> None:
        self.recordings = recordings

    def look(self, cause: Cause) -> rules.Look:
        if cause in (Cause.DOWN, Cause.HUNG, Cause.STARTING, Cause.UPDATING, Cause.UNKNOWN, Cause.STOPPED_BY_OWNER):
            return rules.Look(self.now, cause)
        streams = [
            Stream(
                key,
                "paused" if state == "paused" else "playing",
                int(self.seconds * 1000) if state == "playing" else 7,
                state == "live",
            )
            for key, state in self.streams.items()
        ]
        return rules.Look(self.now, cause, tuple(streams), self.recordings)

    # -------------------------------------------------------------------------------------------- what the owner wants

    @rule(forbidden=st.frozensets(st.sampled_from(Armed), max_size=2))
    def arms_all_but(self, forbidden) -> None:
        self.limits = replace(self.limits, armed=frozenset(Armed) - forbidden)

    @rule(hours=st.sampled_from([0, 0, 1, 24]))
    def holds(self, hours) -> None:
        self.limits = replace(self.limits, held_until=self.now.at + timedelta(hours=hours) if hours else None)

    @rule(able=st.frozensets(st.sampled_from(DISRUPTIVE)), acting=st.sampled_from([True, True, False]))
    def the_host_can(self, able, acting) -> None:
        self.host = replace(self.host, able=dict.fromkeys(able, True), acting=acting)

    @rule()
    def the_host_can_everything(self) -> None:
        self.host = replace(self.host, able=dict.fromkeys(Action, True), acting=True)

    @rule(action=st.sampled_from(DISRUPTIVE))
    def does_by_hand(self, action) -> None:
        self.watch = rules.remember_action(self.watch, Decision(action, action, Reason.ACT), self.now, "owner")
        self.carry_out(action, mine=False)

    # ------------------------------------------------------------------------------------------------------- living

    @rule(minutes=st.sampled_from([1, 5, 40]))
    def life_goes_on(self, minutes) -> None:
        self.live(minutes * MINUTE)

    @rule(causes=st.lists(CAUSES | FLICKERING, min_size=2, max_size=4), seconds=st.sampled_from([0.0, 30.0]))
    def everything_flickers(self, causes, seconds) -> None:
        for _ in range(20):
            for self.cause in causes:
                self.tick()
                self.seconds += seconds
        self.cause = Cause.OK

    @rule(cause=st.sampled_from([*MAY, *MENDABLE]), mishaps=st.lists(MISHAPS, min_size=1, max_size=5))
    def a_trouble_lasts_for_days(self, cause, mishaps) -> None:
        """Most of the time nobody looks, so that a year fits into a test."""
        self.cause = cause
        for mishap, span in mishaps:
            self.live(45 * MINUTE)
            self.suffer(mishap, span)
        self.live(45 * MINUTE)

    @rule(mishaps=st.lists(MISHAPS, min_size=1, max_size=5))
    def plex_dies_again_and_again(self, mishaps) -> None:
        for mishap, span in mishaps:
            for self.cause in (Cause.DOWN, Cause.OK) * 3:
                self.live(90)
            self.suffer(mishap, min(span, 4 * HOUR))

    def suffer(self, mishap: str, span: float) -> None:
        """Something that must not open any gate, then some time without looks."""
        clocks = {"clock ahead": 400 * DAY, "clock back": -3 * DAY, "clock slightly back": -HOUR}
        epochs = {"starts in 1970": EPOCHS[0], "starts in 2038": EPOCHS[2], "starts": None}
        if mishap in clocks:
            self.the_clock_is_moved(clocks[mishap])
        if mishap in epochs:
            self.the_power_fails(MINUTE, epochs[mishap])
        if mishap == "rebooted by hand":
            self.does_by_hand(REBOOT)
        if mishap == "clock right":
            self.the_clock_is_set_right()
        self.seconds += span

    @rule(cause=st.sampled_from([Cause.DOWN, *MAY]), saved=st.booleans())
    def the_service_is_killed_in_the_act(self, cause, saved) -> None:
        """Between 'remember' and 'act' (saved), or before anything of that look was remembered."""
        self.cause = cause
        for _ in range(125):
            before, number, still, hung = write_watch(self.watch), self.number, dict(self.still), self.hung
            if self.tick(killed=True) is not NONE:
                break
        else:
            return
        if not saved:
            self.watch, self.number, self.still, self.hung = restored(before), number, still, hung
            self.done.pop()
        survived = restored(write_watch(self.watch))
        assert survived == self.watch
        self.watch = survived
        happened["killed"] += 1
        self.seconds += 5.0

    @precondition(lambda self: self.limits.max_restarts and self.limits.reboots_a_day)
    @rule(cause=st.sampled_from(MENDABLE))
    def with_everything_allowed_it_does_not_sit_still_for_ever(self, cause) -> None:
        """Whatever happened before: told when something is possible again, it is done then, or soon after."""
        self.limits = replace(self.limits, armed=frozenset(Armed), held_until=None)
        self.the_host_can_everything()
        self.cause, self.streams, self.recordings = cause, {}, 0
        end = self.seconds + max(self.limits.reboot_pause, DAY) + DAY + 2 * HOUR
        wanted = RESTART if cause in (Cause.DOWN, Cause.HUNG) else REBOOT
        while not (self.done and self.done[-1].action is wanted and self.done[-1].mine and self.fresh):
            assert self.seconds < end, "for ever"
            self.live(40 * MINUTE, until=wanted)
            until = self.decision.until
            ahead = (until - self.now.at).total_seconds() if until else 0.0
            self.seconds += max(0.0, ahead - 35 * MINUTE)
        happened["patience"] += 1

    fresh = False  # whether the last tick acted
    decision: Decision

    def live(self, seconds: float, until: Action = NONE) -> None:
        end = self.seconds + seconds
        for _ in range(200):
            acted = self.tick()
            if self.seconds >= end or (acted is until and acted is not NONE):
                return

    def tick(self, killed: bool = False) -> Action:
        look = self.look(self.cause)
        before = self.watch
        self.watch = rules.observe(before, look, self.limits)
        self.remember_truth(look)
        self.incidents_alternate(before.incident)
        self.decision = decision = rules.decide(self.watch, look, self.limits, self.host)
        self.fresh = decision.action is not NONE
        if self.fresh:
            self.may_be_done(look, decision)
            self.watch = rules.remember_action(self.watch, decision, look.now)
        wait = rules.next_look(self.watch, decision, self.limits)
        self.looks_again_soon(wait)
        if self.fresh:
            self.carry_out(decision.action, mine=True, killed=killed)
        self.seconds += wait
        return decision.action

    def carry_out(self, action: Action, mine: bool, killed: bool = False) -> None:
        day = self.now.at.astimezone(self.host.zone).date().isoformat()
        self.done.append(Done(action, self.seconds, self.boot, self.clock, day, mine))
        happened[action.value] += mine
        if action is REBOOT and not killed:
            self.start_machine(BOOTING)

    def remember_truth(self, look: rules.Look) -> None:
        """Since when each stream has stood still, and Plex has been hanging, in true time."""
        if look.streams is not None:
            known, self.still = self.still, {}
            for stream in look.streams:
                was = known.get(stream.key)
                same = was is not None and was[0] == stream and was[2] == self.boot
                self.still[stream.key] = was if same else (stream, self.seconds, self.boot)
        if look.cause is Cause.UNKNOWN:
            return
        if look.cause is not Cause.HUNG:
            self.hung = None
        elif self.hung is None or self.seconds - self.hung[1] > 70 + SHORT:
            self.hung = (self.seconds, self.seconds)
        else:
            self.hung = (self.hung[0], self.seconds)

    # ------------------------------------------------------------------------------------------------------- the law

    def may_be_done(self, look: rules.Look, decision: Decision) -> None:
        action = decision.action
        assert decision.wanted is action and decision.reason is Reason.ACT
        assert action in MAY.get(look.cause, {}), "not against this cause"
        assert MAY[look.cause][action] <= self.limits.armed, "not armed"
        assert self.host.acting, "an onlooker"
        assert self.host.able.get(action), "not able"
        assert self.limits.held_until is None or look.now.at >= self.limits.held_until, "held"
        assert self.watch.incident is not None
        self.nobody_is_disturbed(look, action)
        if action is RESTART:
            self.restarts_are_limited()
        if action is REBOOT:
            self.reboots_are_limited()

    def nobody_is_disturbed(self, look: rules.Look, action: Action) -> None:
        if look.cause is Cause.DOWN or action is Action.REACHABILITY:
            return
        if look.cause is Cause.HUNG and look.streams is None:
            assert self.hung is not None and self.seconds - self.hung[0] >= 300 - SHORT, "not hung for long enough"
            return
        assert look.streams is not None and look.recordings == 0, "nobody knows whether somebody is watching"
        for stream, since, _ in self.still.values():
            enough = 600 if stream.state == "paused" else 60
            assert not stream.live and self.seconds - since >= enough - SHORT, "somebody is watching"

    def restarts_are_limited(self) -> None:
        assert self.limits.max_restarts > 0
        today = [
            each for each in self.done
            if each.action is RESTART and each.mine and self.seconds - each.seconds < DAY - SHORT
        ]  # fmt: skip
        assert sum(each.boot == self.boot for each in today) < 6, "six restarts in this boot"
        assert sum(each.clock == self.clock for each in today) < 6, "six restarts with a clock nobody moved"

    def reboots_are_limited(self) -> None:
        assert self.seconds - self.booted >= 900 - SHORT, "only just booted"
        reboots = [each for each in self.done if each.action is REBOOT]
        assert all(self.seconds - each.seconds >= self.limits.reboot_pause - SHORT for each in reboots), "too soon"
        day = self.now.at.astimezone(self.host.zone).date().isoformat()
        today = sum((each.day, each.clock) == (day, self.clock) for each in reboots)
        assert today < self.limits.reboots_a_day, "too many for one day"

    def incidents_alternate(self, before) -> None:
        after = self.watch.incident
        if before is None and after is not None:
            assert after.number == self.number + 1 == self.watch.incidents
            self.number = after.number
        elif after is not None:
            assert (after.number, after.began) == (before.number, before.began)
            assert before.cause is after.cause or after.cause is self.cause
        assert self.watch.incidents == self.number
        assert after is None or after.cause not in (Cause.OK, Cause.UNKNOWN)

    def looks_again_soon(self, wait: float) -> None:
        assert 0 < wait <= self.limits.interval
        assert self.watch.incident is None or wait <= 20
        assert len(self.watch.taken) <= 2 * rules.KEPT * len(DISRUPTIVE)


TestTheLaw = pytest.mark.usefixtures("untraced")(Life.TestCase)
TestTheLaw.settings = settings(
    max_examples=120,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def test_the_law_was_put_to_the_test():
    """After the lives above: a law that nothing ever tried to break says nothing."""
    if not happened:
        pytest.skip("the lives were not lived in this process")
    assert set(happened) >= {*(action.value for action in DISRUPTIVE), "killed", "patience"}
    assert happened[REBOOT.value] >= 20 and happened[RESTART.value] >= 50
