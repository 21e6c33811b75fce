"""What the limits still allow, as pages show it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from keeper.rules import reboot
from keeper.rules.budgets import budgets
from keeper.rules.types import Action, Budget, Cause, Incident, Moment, Reason, Taken, Watch, WatchLimits

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


def test_a_reboot_of_two_days_ago_is_not_of_today_although_the_clock_was_set_back_since():
    """The gate would not count it either, so the page must not show a limit that does not hold."""
    set_back = Moment(NOON, "a", at(2 * 86_400).uptime)
    watch = Watch(taken=(Taken(Action.REBOOT, at(0), 1),))
    assert reboot.refusal(watch.taken, LIMITS, set_back, UTC) is None
    assert budgets(watch, LIMITS, set_back, UTC)[2] == Budget(Action.REBOOT, 0, 1, None)


@pytest.mark.parametrize("hours", [0.5, 11.9, 12.1, 24.9, 25.1, 48])
def test_the_page_counts_the_reboots_of_today_as_the_gate_does(hours: float):
    limits = replace(LIMITS, reboot_pause=0.0)
    watch = Watch(taken=(Taken(Action.REBOOT, at(0), 1),))
    now = at(hours * 3600)
    (shown,) = (each for each in budgets(watch, limits, now, UTC) if each.action is Action.REBOOT)
    refused = reboot.refusal(watch.taken, limits, now, UTC)
    assert (shown.used >= shown.allowed) == (refused is not None and refused.reason is Reason.REBOOT_LIMIT)
