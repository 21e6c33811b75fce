"""How much of each limit is used, for people: the same rules that `decide` asks, asked beforehand."""

from __future__ import annotations

from datetime import tzinfo

from keeper.rules import ladder, reboot, restart
from keeper.rules.elapsed import elapsed
from keeper.rules.types import Action, Budget, Moment, Reason, Watch, WatchLimits


def budgets(watch: Watch, limits: WatchLimits, now: Moment, zone: tzinfo) -> list[Budget]:
    """Restarts within 24 hours, network resets of the present incident, reboots of this local day."""
    return [_restarts(watch, limits, now), _resets(watch, limits), _reboots(watch, limits, now, zone)]


def _restarts(watch: Watch, limits: WatchLimits, now: Moment) -> Budget:
    mine = [each for each in watch.taken if each.action is Action.RESTART_PLEX and not each.by]
    used = sum(elapsed(each.at, now) < restart.DAY for each in mine)
    refused = restart.refusal(watch.taken, watch.incident.number if watch.incident else 0, limits, now)
    return Budget(Action.RESTART_PLEX, used, restart.A_DAY, refused.until if refused else None)


def _resets(watch: Watch, limits: WatchLimits) -> Budget:
    number = watch.incident.number if watch.incident else None
    used = sum(each.incident == number and each.action in ladder.NETWORK_ACTIONS for each in watch.taken)
    return Budget(Action.NET_SOFT, used, 2 * limits.network_rounds, None)


def _reboots(watch: Watch, limits: WatchLimits, now: Moment, zone: tzinfo) -> Budget:
    used = reboot.today(watch.taken, now, zone)
    refused = reboot.refusal(watch.taken, limits, now, zone)
    counts = refused is not None and refused.reason is not Reason.JUST_BOOTED
    return Budget(Action.REBOOT, used, limits.reboots_a_day, refused.until if refused and counts else None)
