"""Which action could mend a cause, and when it may be tried: rungs from mild to hard, pauses, and how often.

The table was tried out on real faults: a flush of the resolver mends no missing address, a reset of the interface no
dead resolver, and nothing of ours mends the line of the provider. What cannot help is not done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keeper.rules.types import Action, Armed, Cause

ARMED_BY: Mapping[Action, Armed] = {
    Action.RESTART_PLEX: Armed.RESTART,
    Action.NET_SOFT: Armed.NETWORK,
    Action.NET_HARD: Armed.NETWORK,
    Action.DNS_RESET: Armed.DNS,
    Action.REBOOT: Armed.REBOOT,
}
NETWORK_ACTIONS = (Action.NET_SOFT, Action.NET_HARD, Action.DNS_RESET)
#: Seconds in which an action shows what it did, before anything else is decided.
VERIFY: Mapping[Action, float] = {
    Action.RESTART_PLEX: 120.0,
    Action.NET_SOFT: 30.0,
    Action.NET_HARD: 45.0,
    Action.DNS_RESET: 15.0,
    Action.REBOOT: 300.0,
    Action.REACHABILITY: 60.0,
}
ROUND_PAUSE = 120.0  # between two rounds of the network ladder


@dataclass(frozen=True, slots=True)
class Confirm:
    """How often in a row, and over how many seconds, a cause must have been seen before anything is done."""

    looks: int
    seconds: float


CONFIRM: Mapping[Cause, Confirm] = {
    Cause.DOWN: Confirm(2, 15),  # the service manager may bring it back by itself
    Cause.HUNG: Confirm(3, 180),
    Cause.LINK_ADMIN_DOWN: Confirm(2, 40),
    Cause.NO_ADDRESS: Confirm(2, 40),
    Cause.NO_ROUTE: Confirm(2, 40),
    Cause.LINK_DOWN: Confirm(3, 900),
    Cause.GATEWAY_DOWN: Confirm(3, 900),
    Cause.DNS_STUB: Confirm(2, 40),
    Cause.DNS_DOWN: Confirm(2, 40),
    Cause.INTERNET_DOWN: Confirm(3, 1800),
    Cause.REMOTE_ACCESS_LOST: Confirm(2, 60),
}
_ROUND = (Action.NET_SOFT, Action.NET_HARD)


@dataclass(frozen=True, slots=True)
class Plan:
    """The rungs in order; `reboot` is what must be armed for the last one (None = no reboot for this cause)."""

    rungs: tuple[Action, ...]
    reboot: Armed | None = None


def plan(cause: Cause, rounds: int) -> Plan | None:
    """What may be tried against a cause; None = nothing of ours helps."""
    if cause in (Cause.LINK_ADMIN_DOWN, Cause.NO_ADDRESS, Cause.NO_ROUTE):
        return Plan(_ROUND * rounds, Armed.REBOOT)
    if cause in (Cause.LINK_DOWN, Cause.GATEWAY_DOWN):
        return Plan((Action.NET_HARD,), Armed.OUTAGE_REBOOT)
    if cause is Cause.INTERNET_DOWN:
        return Plan((), Armed.OUTAGE_REBOOT)
    if cause in (Cause.DNS_STUB, Cause.DNS_DOWN):
        return Plan((Action.DNS_RESET,))
    if cause is Cause.REMOTE_ACCESS_LOST:
        return Plan((Action.REACHABILITY,))
    return None


def next_rung(made: Plan, tried: Sequence[Action], able: Mapping[Action, bool]) -> Action | None:
    """The first rung not tried yet that this machine can do; then REBOOT if there is one; None = nothing is left.

    Where no rung can be done and no reboot is planned, the first one all the same: it is told what would be done.
    `tried` are the actions of this incident since its last reboot.
    """
    left = list(made.rungs)
    for action in tried:
        if action in left:
            del left[: left.index(action) + 1]
    for rung in left:
        if able.get(rung, False):
            return rung
    if made.reboot:
        return Action.REBOOT
    return left[0] if left else None


def pause_before(rung: Action, tried: Sequence[Action]) -> float:
    """Seconds after the last action before this rung: its effect is awaited, and rounds have a rest between them."""
    if not tried:
        return 0.0
    verify = VERIFY[tried[-1]]
    before = [action for action in tried if action in _ROUND]
    begins_round = rung in _ROUND and before and _ROUND.index(rung) <= _ROUND.index(before[-1])
    return verify + (ROUND_PAUSE if begins_round else 0.0)
