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
    passed = min((surely_elapsed(at, now) for at in _reboots(taken)), default=limits.reboot_pause)
    if passed < limits.reboot_pause:
        return _wait(Reason.REBOOT_PAUSE, limits.reboot_pause - passed, now)
    used = today(taken, now, zone)
    if used < limits.reboots_a_day:
        return None
    until = _midnight_after(now.at.astimezone(zone)) if used else None
    return Decision(Action.NONE, Action.REBOOT, Reason.REBOOT_LIMIT, until, {"count": limits.reboots_a_day})


def today(taken: Sequence[Taken], now: Moment, zone: tzinfo) -> int:
    """Reboots of this local day. One that is older for certain was not today, whatever a clock that jumped says."""
    date = now.at.astimezone(zone).date()
    young = (each for each in _reboots(taken) if surely_elapsed(each, now) < LONGEST_DAY)
    return sum(each.at.astimezone(zone).date() == date for each in young)


def _reboots(taken: Sequence[Taken]) -> list[Moment]:
    return [each.at for each in taken if each.action is Action.REBOOT]


def _midnight_after(here: datetime) -> datetime:
    return (here.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)).astimezone(UTC)


def _wait(reason: Reason, seconds: float, now: Moment) -> Decision:
    return Decision(Action.NONE, Action.REBOOT, reason, now.at + timedelta(seconds=seconds), {"seconds": seconds})
