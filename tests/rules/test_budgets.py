"""What the limits still allow, as pages show it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from keeper.rules.budgets import budgets
from keeper.rules.types import Action, Cause, Incident, Moment, Taken, Watch, WatchLimits

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = WatchLimits()


def at(seconds: float) -> Moment:
    return Moment(NOON + timedelta(seconds=seconds), "a", 1_000_000 + seconds)


def shown(watch: Watch, seconds: float = 0) -> list[tuple[Action, int, int, datetime | None]]:
    return [(b.action, b.used, b.allowed, b.next_at) for b in budgets(watch, LIMITS, at(seconds), UTC)]


def test_nothing_was_done_yet():
    assert shown(Watch()) == [
        (Action.RESTART_PLEX, 0, 6, None), (Action.NET_SOFT, 0, 6, None), (Action.REBOOT, 0, 1, None),
    ]  # fmt: skip


def test_what_was_done_is_counted_and_when_it_is_possible_again():
    taken = (Taken(Action.RESTART_PLEX, at(0), 1), Taken(Action.NET_SOFT, at(0), 1), Taken(Action.REBOOT, at(0), 1))
    watch = Watch(incident=Incident(1, Cause.NO_ROUTE, at(0)), taken=taken)
    restarts, resets, reboots = shown(watch, 60)
    assert restarts == (Action.RESTART_PLEX, 1, 6, at(300).at)
    assert resets[:3] == (Action.NET_SOFT, 1, 6)
    assert reboots == (Action.REBOOT, 1, 1, at(86_400).at)


def test_restarts_by_hand_are_not_on_the_watchdogs_account():
    assert shown(Watch(taken=(Taken(Action.RESTART_PLEX, at(0), 0, "ada"),)))[0] == (Action.RESTART_PLEX, 0, 6, None)


def test_a_machine_that_has_just_started_has_not_used_up_its_reboots():
    young = Moment(NOON, "b", 60.0)
    assert budgets(Watch(), LIMITS, young, UTC)[2].next_at is None
