"""The watchdog's thinking: from one look and what is remembered to what is remembered next, and what is done now.

`observe` keeps the books: how long the present cause lasts, when an incident opens (two bad looks) and closes (two good
ones). `decide` asks one question after the other; the first 'no' is the reason why nothing is done. Neither of them
waits, sleeps or does anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, timedelta, tzinfo

from keeper.rules import inuse, ladder, reboot, restart
from keeper.rules.elapsed import elapsed, surely_elapsed
from keeper.rules.types import (
    Action,
    Cause,
    Decision,
    Incident,
    Moment,
    Reason,
    Stream,
    Taken,
    Watch,
    WatchLimits,
)

LOOKS_TO_OPEN = LOOKS_TO_CLOSE = 2
INTERVAL_IN_TROUBLE = 20.0
HUNG_OVERRIDE = 300.0  # hung this long, nobody can be watching, whatever cannot be asked
REBOOT_AFTER = 1800.0  # one cause this long without a break, with every milder rung tried, may end in a reboot
KEPT = 60  # remembered of each action, ours and the owner's apart: more than any limit counts
KEPT_SECONDS = 40 * 86_400.0


@dataclass(frozen=True, slots=True)
class Look:
    """What one look came to. `streams` and `recordings` None = could not be asked."""

    now: Moment
    cause: Cause
    streams: tuple[Stream, ...] | None = None
    recordings: int | None = None


# ---------------------------------------------------------------------------- keeping the books


def observe(before: Watch, look: Look, limits: WatchLimits) -> Watch:
    """What is remembered after this look, before anything is decided."""
    watch = replace(
        before,
        streams=inuse.remember(before.streams, look.streams, look.now),
        taken=_recent(before.taken, look.now),
        last=look.now,
        told=before.told if look.cause is Cause.UNKNOWN else look.now,
        served=before.served if look.streams is None else limits.address,
        blind=(before.blind or look.now) if look.cause is Cause.UNKNOWN else None,
        blind_told=before.blind_told and look.cause is Cause.UNKNOWN,
    )
    if look.cause is Cause.UNKNOWN:  # proves nothing in either direction; a run of looks outlives only a few of them
        return watch
    watch = _counted(watch, look, _is_unbroken(before, look, limits))
    if watch.incident is None:
        return _opened(watch, look) if watch.bad_looks >= LOOKS_TO_OPEN else watch
    if watch.good_looks >= LOOKS_TO_CLOSE:
        return replace(watch, incident=None, bad_looks=0, good_looks=0, taken=_helped(watch))
    if look.cause not in (watch.incident.cause, Cause.OK):
        return replace(watch, incident=replace(watch.incident, cause=look.cause))
    return watch


def _counted(watch: Watch, look: Look, unbroken: bool) -> Watch:
    """The run of looks with the same cause."""
    fine = look.cause is Cause.OK
    same = unbroken and watch.since is not None
    return replace(
        watch,
        cause=look.cause,
        since=watch.since if same else look.now,
        looks=watch.looks + 1 if same else 1,
        bad_looks=0 if fine else watch.bad_looks + 1,
        good_looks=watch.good_looks + 1 if fine else 0,
    )


def _is_unbroken(before: Watch, look: Look, limits: WatchLimits) -> bool:
    """Whether this look goes on with the run. Nobody looked for long (the machine slept, the service was away, the
    machine was started anew): then what was seen before says nothing about the time between."""
    if look.cause is not before.cause or before.told is None or before.told.boot != look.now.boot:
        return False
    usual = INTERVAL_IN_TROUBLE if before.bad_looks or before.incident else limits.interval
    return elapsed(before.told, look.now) <= 2 * max(usual, INTERVAL_IN_TROUBLE) + 30.0


def _opened(watch: Watch, look: Look) -> Watch:
    number = watch.incidents + 1
    began = watch.since or look.now
    return replace(watch, incidents=number, incident=Incident(number, look.cause, began), good_looks=0)


def _recent(taken: tuple[Taken, ...], now: Moment) -> tuple[Taken, ...]:
    """Without what is old. A reboot is old when the uptime proves it: a clock that jumped ahead must not forget it."""
    if len(taken) <= KEPT and (not taken or elapsed(taken[0].at, now) < KEPT_SECONDS):
        return taken
    kept: list[Taken] = []
    seen: Counter[tuple[Action, bool]] = Counter()
    for each in reversed(taken):
        kind = (each.action, bool(each.by))
        age = surely_elapsed(each.at, now) if each.action is Action.REBOOT else elapsed(each.at, now)
        if age < KEPT_SECONDS and seen[kind] < KEPT:
            seen[kind] += 1
            kept.append(each)
    return tuple(reversed(kept))


def _helped(watch: Watch) -> tuple[Taken, ...]:
    """The last action of an incident that closes is what helped, as far as anybody can tell."""
    last = watch.taken[-1] if watch.taken else None
    if last is None or watch.incident is None or last.incident != watch.incident.number or last.helped is not None:
        return watch.taken
    return (*watch.taken[:-1], replace(last, helped=True))


# ---------------------------------------------------------------------------- deciding


@dataclass(frozen=True, slots=True)
class Host:
    """What bears on a decision beside the look: abilities of this machine, its zone, whether we may act at all."""

    able: Mapping[Action, bool]
    zone: tzinfo = UTC
    acting: bool = True  # False = another watchdog of the same store acts


def decide(watch: Watch, look: Look, limits: WatchLimits, host: Host) -> Decision:
    """What is done now, or why nothing is. `watch` is what `observe` made of the same look."""
    if look.cause in (Cause.OK, Cause.UNKNOWN) or watch.incident is None:
        reason = Reason.FINE if look.cause is Cause.OK else Reason.CONFIRMING
        return Decision(Action.NONE, Action.NONE, reason)
    if look.cause is Cause.STOPPED_BY_OWNER:
        return Decision(Action.NONE, Action.NONE, Reason.OWNER)
    tried = _tried(watch.taken, watch.incident.number)
    wanted = _wanted(look.cause, tried, limits, host)
    if wanted is None:
        return _verifying(watch, look.now, Action.NONE) or _nothing_left(look.cause, limits)
    barred = _not_allowed(watch, look, wanted, limits, host)
    gates = (
        _not_confirmed(watch, look, wanted, barred),
        barred,
        _verifying(watch, look.now, wanted),
        _limits(watch, look.now, wanted, limits, host),
        _watched(watch, look, wanted),
    )
    return next((no for no in gates if no is not None), Decision(wanted, wanted, Reason.ACT))


def next_look(watch: Watch, decision: Decision, limits: WatchLimits) -> float:
    """Seconds until the next look: short while something is wrong or not yet confirmed."""
    calm = watch.incident is None and not watch.bad_looks and decision.action is Action.NONE
    return limits.interval if calm else min(limits.interval, INTERVAL_IN_TROUBLE)


def remember_action(watch: Watch, decision: Decision, now: Moment, by: str = "") -> Watch:
    """The action in the books, before it is done."""
    number = watch.incident.number if watch.incident else 0
    return replace(watch, taken=(*watch.taken, Taken(decision.action, now, number, by)))


def _tried(taken: Sequence[Taken], incident: int) -> list[Taken]:
    """The actions of this incident since its last reboot, which begins the ladder anew."""
    mine = [each for each in taken if each.incident == incident]
    for index in range(len(mine) - 1, -1, -1):
        if mine[index].action is Action.REBOOT:
            return mine[index + 1 :]
    return mine


def _wanted(cause: Cause, tried: Sequence[Taken], limits: WatchLimits, host: Host) -> Action | None:
    if cause in (Cause.DOWN, Cause.HUNG):
        return Action.RESTART_PLEX
    made = ladder.plan(cause, limits.network_rounds)
    if made is None:
        return None
    rung = ladder.next_rung(made, [each.action for each in tried], host.able)
    if rung is Action.REBOOT and not _armed(cause, rung, limits) and not any(map(host.able.get, made.rungs)):
        return made.rungs[0] if made.rungs else rung  # that this machine cannot do it is what the owner has to know
    return rung


def _nothing_left(cause: Cause, limits: WatchLimits) -> Decision:
    reason = Reason.TRIED if ladder.plan(cause, limits.network_rounds) else Reason.NOTHING_HELPS
    return Decision(Action.NONE, Action.NONE, reason)


def _not_confirmed(watch: Watch, look: Look, wanted: Action, barred: Decision | None) -> Decision | None:
    """`barred` in the data = why it would not be done afterwards either: nobody shall count on it."""
    need, lasted = ladder.CONFIRM[look.cause], _lasted(watch, look.now)
    if watch.looks >= need.looks and lasted >= need.seconds:
        return None
    waiting = _until(Reason.CONFIRMING, wanted, max(0.0, need.seconds - lasted), look.now)
    return replace(waiting, data={**waiting.data, "barred": barred.reason.value}) if barred else waiting


def _verifying(watch: Watch, now: Moment, wanted: Action) -> Decision | None:
    """After any action its effect is awaited, whoever did it."""
    if not watch.taken:
        return None
    last = watch.taken[-1]
    mine = [each.action for each in _tried(watch.taken, watch.incident.number if watch.incident else 0)]
    if wanted is Action.NONE and not mine:
        return None
    pause = max(ladder.VERIFY.get(last.action, 0.0), ladder.pause_before(wanted, mine) if mine else 0.0)
    left = pause - elapsed(last.at, now)
    return _until(Reason.VERIFYING, wanted, left, now) if left > 0 else None


def _not_allowed(watch: Watch, look: Look, wanted: Action, limits: WatchLimits, host: Host) -> Decision | None:
    if not host.acting:
        return Decision(Action.NONE, wanted, Reason.ONLOOKER)
    if limits.held_until and look.now.at < limits.held_until:
        return Decision(Action.NONE, wanted, Reason.HELD, limits.held_until)
    if not _armed(look.cause, wanted, limits):
        return Decision(Action.NONE, wanted, Reason.NOT_ARMED)
    if wanted is Action.RESTART_PLEX and watch.served != limits.address:  # a typo must not restart what is well
        return Decision(Action.NONE, wanted, Reason.NEVER_SEEN)
    if not host.able.get(wanted, False):
        return Decision(Action.NONE, wanted, Reason.NOT_ABLE)
    return None


def _armed(cause: Cause, wanted: Action, limits: WatchLimits) -> bool:
    """A reboot for a dead line needs its own permission beside that for reboots."""
    needed = {ladder.ARMED_BY[wanted]} if wanted in ladder.ARMED_BY else set()
    made = ladder.plan(cause, limits.network_rounds)
    if wanted is Action.REBOOT and made and made.reboot:
        needed.add(made.reboot)
    return needed <= limits.armed


def _limits(watch: Watch, now: Moment, wanted: Action, limits: WatchLimits, host: Host) -> Decision | None:
    if wanted is Action.RESTART_PLEX:
        return restart.refusal(watch.taken, watch.incident.number if watch.incident else 0, limits, now)
    if wanted is Action.REBOOT:
        lasted = _lasted(watch, now)  # of this cause: an incident may have been something else for days
        if lasted < REBOOT_AFTER:
            return _until(Reason.CONFIRMING, wanted, REBOOT_AFTER - lasted, now)
        return reboot.refusal(watch.taken, limits, now, host.zone)
    return None


def _watched(watch: Watch, look: Look, wanted: Action) -> Decision | None:
    """Never while somebody watches. What does not run cannot be watched, and what is hung for long neither."""
    if look.cause is Cause.DOWN or wanted is Action.REACHABILITY:
        return None
    used = inuse.in_use(look.streams, look.recordings, watch.streams, look.now)
    if used is False:
        return None
    if look.cause is Cause.HUNG and used is None:
        left = HUNG_OVERRIDE - _lasted(watch, look.now)
        return _until(Reason.IN_USE_UNKNOWN, wanted, left, look.now) if left > 0 else None
    return Decision(Action.NONE, wanted, Reason.IN_USE if used else Reason.IN_USE_UNKNOWN)


def _lasted(watch: Watch, now: Moment) -> float:
    """Seconds of the present unbroken run of looks."""
    return elapsed(watch.since, now) if watch.since else 0.0


def _until(reason: Reason, wanted: Action, seconds: float, now: Moment) -> Decision:
    return Decision(Action.NONE, wanted, reason, now.at + timedelta(seconds=seconds), {"seconds": seconds})
