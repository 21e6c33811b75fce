"""The reboot gate. Every condition must hold; what cannot be proved does not hold.

The pause since the last reboot is counted in running time, because after a reboot only the uptime is beyond doubt:
a wall clock may have jumped, and a machine without a battery for its clock starts in the past.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from keeper.rules.elapsed import surely_elapsed
from keeper.rules.types import Action, Decision, Moment, Reason, Taken, WatchLimits

UPTIME = 900.0  # a machine that started a short while ago is not started again
LONGEST_DAY = 25 * 3600.0  # the one on which summer time ends; what is older for certain was not today


def refusal(taken: Sequence[Taken], limits: WatchLimits, now: Moment, zone: tzinfo) -> Decision | None:
    """Why the machine may not be rebooted now; None = it may. Reboots that the owner asked for count as well."""
    if now.uptime < UPTIME:
        return _wait(Reason.JUST_BOOTED, UPTIME - now.uptime, now)
    reboots = [(each.at, surely_elapsed(each.at, now)) for each in taken if each.action is Action.REBOOT]
    passed = min((age for _, age in reboots), default=limits.reboot_pause)
    if passed < limits.reboot_pause:
        return _wait(Reason.REBOOT_PAUSE, limits.reboot_pause - passed, now)
    here = now.at.astimezone(zone)
    today = sum(age < LONGEST_DAY and at.at.astimezone(zone).date() == here.date() for at, age in reboots)
    if today < limits.reboots_a_day:
        return None
    until = _midnight_after(here) if today else None
    return Decision(Action.NONE, Action.REBOOT, Reason.REBOOT_LIMIT, until, {"count": limits.reboots_a_day})


def _midnight_after(here: datetime) -> datetime:
    return (here.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)).astimezone(UTC)


def _wait(reason: Reason, seconds: float, now: Moment) -> Decision:
    return Decision(Action.NONE, Action.REBOOT, reason, now.at + timedelta(seconds=seconds), {"seconds": seconds})
