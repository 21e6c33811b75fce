"""Which rung comes next, and how long before it."""

from dataclasses import replace

import pytest
from lifetime import ABLE

from keeper.rules.ladder import (
    ARMED_BY,
    CONFIRM,
    NETWORK_ACTIONS,
    ROUND_PAUSE,
    VERIFY,
    Plan,
    next_rung,
    pause_before,
    plan,
)
from keeper.rules.types import Action, Armed, Cause

SOFT, HARD, DNS, REBOOT = Action.NET_SOFT, Action.NET_HARD, Action.DNS_RESET, Action.REBOOT
LOCAL = (Cause.LINK_ADMIN_DOWN, Cause.NO_ADDRESS, Cause.NO_ROUTE)

#: What the table of causes allows at the most.
ALLOWED = {
    Cause.DOWN: {Action.RESTART_PLEX},
    Cause.HUNG: {Action.RESTART_PLEX},
    Cause.LINK_ADMIN_DOWN: {SOFT, HARD, REBOOT},
    Cause.NO_ADDRESS: {SOFT, HARD, REBOOT},
    Cause.NO_ROUTE: {SOFT, HARD, REBOOT},
    Cause.LINK_DOWN: {HARD, REBOOT},
    Cause.GATEWAY_DOWN: {HARD, REBOOT},
    Cause.DNS_STUB: {DNS},
    Cause.DNS_DOWN: {DNS},
    Cause.INTERNET_DOWN: {REBOOT},
    Cause.REMOTE_ACCESS_LOST: {Action.REACHABILITY},
}


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause not in (Cause.DOWN, Cause.HUNG)])
def test_a_plan_holds_what_the_table_allows_and_nothing_else(cause: Cause):
    made = plan(cause, 3)
    planned = {*made.rungs, *([REBOOT] if made.reboot else [])} if made else set()
    assert planned == ALLOWED.get(cause, set())


def test_every_cause_that_leads_to_an_action_must_be_confirmed_first():
    assert set(CONFIRM) == set(ALLOWED)
    assert all(need.looks >= 2 and need.seconds >= 15 for need in CONFIRM.values())


def test_every_action_is_verified_and_all_but_one_are_armed_each_by_itself():
    assert set(VERIFY) == set(Action) - {Action.NONE}
    assert set(ARMED_BY) == set(VERIFY) - {Action.REACHABILITY}
    assert all(ARMED_BY[action] in (Armed.NETWORK, Armed.DNS) for action in NETWORK_ACTIONS)


@pytest.mark.parametrize("cause", LOCAL)
@pytest.mark.parametrize("rounds", [0, 1, 3, 10])
def test_the_network_ladder_goes_soft_hard_so_many_rounds_then_to_the_reboot(cause: Cause, rounds: int):
    made, tried = plan(cause, rounds), []
    while (rung := next_rung(made, tried, ABLE)) is not REBOOT:
        tried.append(rung)
    assert tried == [SOFT, HARD] * rounds
    assert made.reboot is Armed.REBOOT


@pytest.mark.parametrize("cause", [Cause.LINK_DOWN, Cause.GATEWAY_DOWN])
def test_a_dead_cable_or_router_gets_one_hard_reset_and_a_reboot_only_with_its_own_permission(cause: Cause):
    made = plan(cause, 3)
    assert next_rung(made, [], ABLE) is HARD
    assert next_rung(made, [HARD], ABLE) is REBOOT
    assert made.reboot is Armed.OUTAGE_REBOOT


def test_a_dead_line_has_no_ladder():
    assert plan(Cause.INTERNET_DOWN, 3) == Plan((), Armed.OUTAGE_REBOOT)


@pytest.mark.parametrize(
    ("cause", "once"),
    [
        (Cause.DNS_STUB, DNS),
        (Cause.DNS_DOWN, DNS),
        (Cause.REMOTE_ACCESS_LOST, Action.REACHABILITY),
    ],
)
def test_what_is_done_once_is_not_done_again(cause: Cause, once: Action):
    made = plan(cause, 3)
    assert next_rung(made, [], ABLE) is once
    assert next_rung(made, [once], ABLE) is None


def test_what_was_tried_against_another_cause_of_the_same_incident_is_no_rung_of_this_one():
    made = plan(Cause.NO_ROUTE, 1)
    assert next_rung(made, [Action.RESTART_PLEX, DNS, SOFT, DNS], ABLE) is HARD


def test_a_rung_done_by_hand_counts_and_those_before_it_are_passed():
    assert next_rung(plan(Cause.NO_ROUTE, 2), [HARD], ABLE) is SOFT
    assert next_rung(plan(Cause.NO_ROUTE, 1), [HARD], ABLE) is REBOOT


def test_a_rung_this_machine_cannot_do_is_left_out():
    no_soft, no_hard = ABLE | {SOFT: False}, ABLE | {HARD: False}
    assert next_rung(plan(Cause.NO_ROUTE, 3), [], no_soft) is HARD
    assert next_rung(plan(Cause.NO_ROUTE, 1), [SOFT], no_hard) is REBOOT


def test_a_rung_nobody_said_anything_about_cannot_be_done_and_holds_nothing_up():
    assert next_rung(plan(Cause.NO_ROUTE, 1), [], {HARD: True}) is HARD


def test_a_machine_that_can_do_nothing_still_says_what_it_would_have_done():
    assert next_rung(plan(Cause.DNS_STUB, 1), [], {}) is DNS
    assert next_rung(plan(Cause.NO_ROUTE, 1), [], {}) is REBOOT


def test_nothing_is_waited_for_before_the_first_rung():
    assert pause_before(SOFT, []) == 0


def test_the_effect_of_the_last_action_is_awaited():
    assert pause_before(HARD, [SOFT]) == VERIFY[SOFT]
    assert pause_before(REBOOT, [SOFT, HARD]) == VERIFY[HARD]
    assert pause_before(SOFT, [Action.RESTART_PLEX]) == VERIFY[Action.RESTART_PLEX]


@pytest.mark.parametrize(
    ("able", "tried", "rung"),
    [
        ((SOFT, HARD), [SOFT, HARD], SOFT),
        ((SOFT,), [SOFT], SOFT),
        ((HARD,), [HARD], HARD),
        ((SOFT, HARD), [SOFT, HARD, DNS], SOFT),
    ],
)
def test_between_two_rounds_there_is_a_rest_whichever_rungs_there_are(able, tried, rung):
    host = dict.fromkeys(able, True)
    assert next_rung(plan(Cause.NO_ROUTE, 3), tried, host) is rung
    assert pause_before(rung, tried) == VERIFY[tried[-1]] + ROUND_PAUSE


def test_within_the_second_round_there_is_no_rest():
    assert pause_before(HARD, [SOFT, HARD, SOFT]) == VERIFY[SOFT]


def test_a_plan_cannot_be_changed_by_who_reads_it():
    made = plan(Cause.NO_ROUTE, 1)
    next_rung(made, [SOFT], ABLE)
    assert made == replace(made) == plan(Cause.NO_ROUTE, 1)
