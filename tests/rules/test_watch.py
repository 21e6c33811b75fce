"""What the watchdog decides, look by look: the documented decisions, one after the other."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from lifetime import (
    ABLE,
    CAPABLE,
    DAY,
    EVERYTHING,
    HOUR,
    MINUTE,
    NOON,
    Life,
    Scene,
    moment,
    nobody,
    reasons,
    silence,
)

from keeper.rules import watch as rules
from keeper.rules.ladder import VERIFY
from keeper.rules.types import Action, Armed, Cause, Incident, Reason, Stream, Taken, Watch, WatchLimits

OK, DOWN, HUNG, UNKNOWN = Cause.OK, Cause.DOWN, Cause.HUNG, Cause.UNKNOWN
RESTART, REBOOT = Action.RESTART_PLEX, Action.REBOOT
ROUNDS = [Action.NET_SOFT, Action.NET_HARD] * 3

# ------------------------------------------------------------------------------- every cause and what may be done

#: The first thing done when everything is armed and nobody watches, and after how many seconds of that cause.
FIRST = {
    DOWN: (RESTART, 20),
    HUNG: (RESTART, 180),
    Cause.LINK_ADMIN_DOWN: (Action.NET_SOFT, 40),
    Cause.NO_ADDRESS: (Action.NET_SOFT, 40),
    Cause.NO_ROUTE: (Action.NET_SOFT, 40),
    Cause.LINK_DOWN: (Action.NET_HARD, 900),
    Cause.GATEWAY_DOWN: (Action.NET_HARD, 900),
    Cause.DNS_STUB: (Action.DNS_RESET, 40),
    Cause.DNS_DOWN: (Action.DNS_RESET, 40),
    Cause.INTERNET_DOWN: (REBOOT, 1800),
    Cause.REMOTE_ACCESS_LOST: (Action.REACHABILITY, 60),
}
#: Everything ever done within three hours of that cause.
ALL = {
    DOWN: [RESTART] * 2,
    HUNG: [RESTART] * 2,
    Cause.LINK_ADMIN_DOWN: [*ROUNDS, REBOOT, *ROUNDS],
    Cause.NO_ADDRESS: [*ROUNDS, REBOOT, *ROUNDS],
    Cause.NO_ROUTE: [*ROUNDS, REBOOT, *ROUNDS],
    Cause.LINK_DOWN: [Action.NET_HARD, REBOOT, Action.NET_HARD],
    Cause.GATEWAY_DOWN: [Action.NET_HARD, REBOOT, Action.NET_HARD],
    Cause.DNS_STUB: [Action.DNS_RESET],
    Cause.DNS_DOWN: [Action.DNS_RESET],
    Cause.INTERNET_DOWN: [REBOOT],
    Cause.REMOTE_ACCESS_LOST: [Action.REACHABILITY],
}


@pytest.mark.parametrize("cause", Cause)
def test_each_cause_leads_to_its_documented_actions_or_to_none(cause: Cause):
    life = Life()
    life.live(3 * HOUR, cause)
    assert [action for _, action in life.done] == ALL.get(cause, [])
    assert life.done[:1] == ([(FIRST[cause][1], FIRST[cause][0])] if cause in FIRST else [])


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause not in FIRST])
def test_where_nothing_helps_nothing_is_wanted_either(cause: Cause):
    expected = {
        OK: [Reason.FINE],
        UNKNOWN: [Reason.CONFIRMING],
        Cause.STOPPED_BY_OWNER: [Reason.CONFIRMING, Reason.OWNER],
    }
    told = Life().live(HOUR, cause)
    assert {decision.wanted for decision in told} == {Action.NONE}
    assert reasons(told) == expected.get(cause, [Reason.CONFIRMING, Reason.NOTHING_HELPS])


@pytest.mark.parametrize("cause", FIRST)
def test_one_look_alone_changes_nothing(cause: Cause):
    for before in (OK, UNKNOWN, Cause.STARTING):
        life = Life()
        life.see(OK, before, before)
        assert life.tick(cause).action is Action.NONE


# ------------------------------------------------------------------------------------------- somebody is watching


def plays(seconds: float):
    return [Stream("1", "playing", int(seconds * 1000))], 0


def paused(seconds: float):
    return [Stream("1", "paused", 5)], 0


def ghost(seconds: float):
    return [Stream("1", "playing", 5)], 0


def live_tv(seconds: float):
    return [Stream("1", "playing", 0, live=True)], 0


def recording(seconds: float):
    return [], 1


def recordings_unknown(seconds: float):
    return [], None


def leaves(seconds: float):
    return plays(seconds) if seconds < 50 * MINUTE else nobody(seconds)


DISRUPTIVE = [HUNG, Cause.NO_ROUTE, Cause.LINK_DOWN, Cause.DNS_STUB, Cause.INTERNET_DOWN]  # one for each action
NEVER = float("inf")


@pytest.mark.parametrize("cause", DISRUPTIVE)
@pytest.mark.parametrize(
    ("scene", "earliest", "reason"),
    [
        (nobody, 0, None),
        (plays, NEVER, Reason.IN_USE),
        (leaves, 50 * MINUTE, Reason.IN_USE),
        (paused, 10 * MINUTE, Reason.IN_USE),
        (ghost, MINUTE, Reason.IN_USE),
        (live_tv, NEVER, Reason.IN_USE),
        (recording, NEVER, Reason.IN_USE),
        (recordings_unknown, NEVER, Reason.IN_USE_UNKNOWN),
        (silence, NEVER, Reason.IN_USE_UNKNOWN),
    ],
)
def test_nothing_disruptive_is_done_while_somebody_may_be_watching(
    cause: Cause, scene: Scene, earliest: float, reason: Reason | None
):
    life = Life()
    told = life.live(HOUR, cause, scene)
    action, confirmed = FIRST[cause]
    if cause is HUNG and reason is Reason.IN_USE_UNKNOWN:
        earliest = 5 * MINUTE
    due = max(confirmed, earliest)
    assert life.done[:1] == ([(due, action)] if due < HOUR else [])
    if due > confirmed:
        waiting = [decision for decision in told if decision.reason is reason]
        assert waiting and all(decision.wanted is action for decision in waiting)


@pytest.mark.parametrize("scene", [plays, paused, live_tv, recording, recordings_unknown, silence])
def test_what_does_not_run_cannot_be_watched(scene: Scene):
    life = Life()
    life.live(5 * MINUTE, DOWN, scene)
    assert life.when(RESTART) == [20]


@pytest.mark.parametrize("scene", [plays, silence])
def test_asking_plex_to_map_its_port_again_disturbs_nobody(scene: Scene):
    life = Life()
    life.live(5 * MINUTE, Cause.REMOTE_ACCESS_LOST, scene)
    assert life.when(Action.REACHABILITY) == [60]


def test_after_five_minutes_a_hung_plex_is_restarted_although_nobody_can_be_asked():
    life = Life()
    told = life.live(5 * MINUTE + 20, HUNG, silence)
    assert reasons(told) == [Reason.CONFIRMING, Reason.IN_USE_UNKNOWN, Reason.ACT]
    assert life.when(RESTART) == [300]
    assert reasons(life.live(5 * MINUTE, OK)) == [Reason.FINE]
    assert life.watch.incident is None and life.watch.taken[-1].helped is True


def test_the_override_is_no_budget_of_its_own():
    life = Life()
    life.live(13 * HOUR, HUNG, silence)
    assert life.when(RESTART) == [300, 600, 600 + 6 * HOUR, 600 + 12 * HOUR]


def test_a_hung_plex_that_still_tells_of_a_stream_is_left_alone():
    life = Life()
    life.live(HOUR, HUNG, plays)
    assert life.done == []


# ---------------------------------------------------------------------------------------------------- confirming


def test_down_needs_two_looks_a_while_apart():
    life = Life(replace(EVERYTHING, interval=5))
    told = life.see(OK, DOWN, DOWN, DOWN, DOWN)
    assert [decision.reason for decision in told] == [Reason.FINE, *[Reason.CONFIRMING] * 3, Reason.ACT]
    assert life.when(RESTART) == [20]  # the fourth look, 15 s after the first


def test_what_the_service_manager_mends_by_itself_is_left_to_it():
    life = Life()
    life.see(OK, DOWN, OK, DOWN, OK, OK)
    assert life.done == []


def test_another_cause_in_between_starts_the_count_anew():
    life = Life()
    life.live(160, HUNG)
    life.see(DOWN)
    life.live(160, HUNG)
    assert life.done == []


def test_an_unknown_look_proves_nothing_in_either_direction():
    life = Life()
    life.see(DOWN, UNKNOWN)
    assert life.watch.incident is None
    life.see(DOWN)
    assert life.when(RESTART) == [40]


def test_a_run_of_looks_does_not_outlive_a_long_time_of_unknown_ones():
    life = Life()
    life.live(40, HUNG, silence)
    life.live(HOUR, UNKNOWN, silence)
    began = life.seconds
    life.live(10 * MINUTE, HUNG, silence)
    assert life.when(RESTART)[0] == began + 300


def test_every_look_is_remembered_as_the_last_one_whatever_it_told():
    life = Life()
    for cause in (OK, UNKNOWN, DOWN, UNKNOWN):
        now = life.now
        life.tick(cause)
        assert life.watch.last == now
        assert (life.watch.told == now) is (cause is not UNKNOWN)


def test_what_was_seen_before_the_machine_slept_says_nothing_about_the_time_after():
    life = Life()
    life.live(40, HUNG)
    life.seconds += HOUR
    assert life.tick(HUNG).reason is Reason.CONFIRMING
    assert life.watch.looks == 1


def test_what_was_seen_before_a_boot_says_nothing_about_the_time_after():
    life = Life()
    life.live(40, HUNG)
    life.reboot(takes=1)
    life.tick(HUNG)
    assert life.watch.looks == 1


@pytest.mark.parametrize("interval", [5, 20, 60, 300, 86_400])
def test_whatever_the_interval_a_dead_plex_is_restarted_within_a_minute_of_the_first_bad_look(interval: float):
    life = Life(replace(EVERYTHING, interval=interval))
    life.see(OK)
    life.live(MINUTE, DOWN)
    assert len(life.when(RESTART)) == 1


# -------------------------------------------------------------------------------------------- incidents open and close


def test_an_incident_opens_with_the_second_bad_look_and_closes_with_the_second_good_one():
    life = Life()
    assert [life.tick(cause) and life.watch.incident is not None for cause in (OK, DOWN, DOWN, OK, OK)] == [
        False, False, True, True, False,
    ]  # fmt: skip
    assert life.watch.incidents == 1


def test_two_bad_looks_of_different_causes_open_one_too():
    life = Life()
    life.see(DOWN, Cause.STARTING)
    assert life.watch.incident is not None and life.watch.incident.cause is Cause.STARTING


def test_one_good_look_between_bad_ones_opens_nothing():
    life = Life()
    life.see(DOWN, OK, DOWN, OK, DOWN, OK)
    assert life.watch.incidents == 0


def test_an_incident_that_changes_its_cause_stays_the_same_incident():
    life = Life()
    life.see(DOWN, DOWN, Cause.STARTING, Cause.NO_ROUTE, OK, DOWN)
    assert life.watch.incident is not None
    assert (life.watch.incident.number, life.watch.incident.cause) == (1, DOWN)


def test_unknown_looks_between_the_good_ones_do_not_keep_an_incident_open():
    life = Life()
    life.see(DOWN, DOWN, OK, UNKNOWN, UNKNOWN, OK)
    assert life.watch.incident is None


def test_while_only_unknown_is_seen_an_incident_stays_open():
    life = Life()
    life.see(DOWN, DOWN)
    life.live(HOUR, UNKNOWN)
    assert life.watch.incident is not None


def test_numbers_are_never_used_again():
    life, numbers = Life(), []
    for _ in range(5):
        life.see(DOWN, DOWN)
        numbers.append(life.watch.incident.number if life.watch.incident else 0)
        life.see(OK, OK)
    assert numbers == [1, 2, 3, 4, 5]


def test_the_last_action_of_an_incident_is_what_helped():
    life = Life()
    life.see(DOWN, DOWN, OK, OK)
    assert life.watch.taken[-1].helped is True


def test_what_was_judged_already_or_done_in_another_incident_is_not_judged_again():
    mine, other = Taken(RESTART, moment(0), 1, helped=False), Taken(RESTART, moment(0), 0)
    for taken in ((), (mine,), (other,)):
        life = Life(watch=Watch(incident=Incident(1, DOWN, moment(0)), incidents=1, bad_looks=2, taken=taken))
        life.see(OK, OK)
        assert life.watch.incident is None and life.watch.taken == taken


# ------------------------------------------------------------------------------------------------------- giving up


def episodes(told: Sequence[rules.Decision]) -> int:
    """How often it would be said that it was given up: once for each incident."""
    return min(1, sum(decision.reason is Reason.GAVE_UP for decision in told))


def test_a_restart_that_does_not_help_ends_in_giving_up_and_a_try_every_six_hours():
    life = Life()
    told = life.live(2 * DAY, DOWN, silence)
    again = [320 + n * 6 * HOUR for n in range(1, 8)]
    assert life.when(RESTART) == [20, 320, *again]
    wall = [Reason.CONFIRMING, Reason.ACT, Reason.VERIFYING, Reason.PAUSE, Reason.ACT, Reason.VERIFYING, Reason.GAVE_UP]
    assert reasons(told)[:7] == wall
    assert reasons(told)[7:] == [Reason.ACT, Reason.VERIFYING, Reason.GAVE_UP] * len(again)
    assert episodes(told) == 1 and life.watch.incidents == 1


def test_no_24_hours_see_more_than_six_restarts_even_when_each_one_helps_for_a_minute():
    life = Life()
    while life.seconds < 2 * DAY:
        life.live(100, DOWN, silence)
        life.live(100, OK)
    times = life.when(RESTART)
    assert len(times) == 12
    assert all(later - earlier >= DAY for earlier, later in zip(times, times[6:], strict=False))


def test_recovery_after_giving_up_closes_the_incident_once_and_the_next_one_starts_afresh():
    life = Life()
    life.live(HOUR, DOWN)
    states = [life.tick(OK) and life.watch.incident is not None for _ in range(50)]
    assert states == [True] + [False] * 49
    life.live(MINUTE, DOWN)
    assert len(life.when(RESTART)) == 3  # no pause is left over from the incident before


def test_that_it_gave_up_is_remembered_as_long_as_the_incident_lasts():
    life = Life()
    life.live(HOUR, DOWN)
    assert life.watch.incident is not None
    life.watch = replace(life.watch, incident=replace(life.watch.incident, gave_up=True))
    life.see(Cause.STARTING, DOWN, UNKNOWN, OK)
    assert life.watch.incident is not None and life.watch.incident.gave_up is True
    life.see(OK, DOWN, DOWN)
    assert life.watch.incident is not None and life.watch.incident.gave_up is False


def test_what_its_owner_stopped_stays_stopped_for_days():
    life = Life()
    told = life.live(2 * DAY, Cause.STOPPED_BY_OWNER, silence)
    assert life.done == []
    assert reasons(told) == [Reason.CONFIRMING, Reason.OWNER]


def test_a_restart_that_led_to_a_wrong_token_is_not_called_a_failed_try():
    life = Life()
    life.see(DOWN, DOWN)
    under_way = life.tick(Cause.UNAUTHORIZED)
    assert (under_way.reason, under_way.wanted) == (Reason.VERIFYING, Action.NONE)
    life.live(3 * MINUTE, Cause.UNAUTHORIZED)
    assert life.tick(Cause.UNAUTHORIZED).reason is Reason.NOTHING_HELPS


def test_while_our_own_restart_is_under_way_nobody_is_told_that_nothing_helps():
    life = Life()
    life.see(DOWN, DOWN)
    assert life.tick(Cause.STARTING).reason is Reason.VERIFYING


def test_what_was_done_in_an_earlier_incident_is_no_reason_to_wait_in_this_one():
    life = Life()
    life.by_hand(Action.RESTART_PLEX)
    assert life.see(Cause.UNAUTHORIZED, Cause.UNAUTHORIZED)[-1].reason is Reason.NOTHING_HELPS


def test_who_may_not_act_promises_nothing_while_it_confirms():
    life = Life(limits=replace(EVERYTHING, armed=frozenset()))
    told = life.live(5 * MINUTE, Cause.HUNG)
    waiting = [each for each in told if each.reason is Reason.CONFIRMING and each.wanted is not Action.NONE]
    assert waiting and all(each.data["barred"] == "not_armed" for each in waiting)
    assert told[-1].reason is Reason.NOT_ARMED


def test_where_no_rung_can_be_done_and_no_reboot_is_allowed_it_is_told_what_this_machine_cannot_do():
    limits = replace(EVERYTHING, armed=frozenset({Armed.NETWORK}))
    life = Life(limits=limits)
    life.host = replace(life.host, able={})
    told = life.live(5 * MINUTE, Cause.NO_ROUTE)
    assert (told[-1].wanted, told[-1].reason) == (Action.NET_SOFT, Reason.NOT_ABLE)


def test_dns_is_reset_once_in_an_incident_then_it_is_told():
    life = Life()
    told = life.live(2 * HOUR, Cause.DNS_STUB)
    assert [action for _, action in life.done] == [Action.DNS_RESET]
    assert reasons(told) == [Reason.CONFIRMING, Reason.ACT, Reason.TRIED]


# ------------------------------------------------------------------------------------- what the owner has not allowed


@pytest.mark.parametrize(
    ("cause", "missing"),
    [
        (DOWN, Armed.RESTART),
        (HUNG, Armed.RESTART),
        (Cause.NO_ROUTE, Armed.NETWORK),
        (Cause.LINK_DOWN, Armed.NETWORK),
        (Cause.DNS_STUB, Armed.DNS),
        (Cause.INTERNET_DOWN, Armed.REBOOT),
        (Cause.INTERNET_DOWN, Armed.OUTAGE_REBOOT),
    ],
)
def test_what_is_not_armed_is_told_and_not_done(cause: Cause, missing: Armed):
    life = Life(replace(EVERYTHING, armed=frozenset(Armed) - {missing}))
    told = life.live(2 * HOUR, cause)
    assert life.done == []
    assert reasons(told) == [Reason.CONFIRMING, Reason.NOT_ARMED]
    assert told[-1].wanted is FIRST[cause][0]


@pytest.mark.parametrize(
    ("cause", "missing"),
    [(Cause.NO_ROUTE, Armed.REBOOT), (Cause.LINK_DOWN, Armed.OUTAGE_REBOOT), (Cause.GATEWAY_DOWN, Armed.REBOOT)],
)
def test_the_last_rung_needs_its_own_permission(cause: Cause, missing: Armed):
    life = Life(replace(EVERYTHING, armed=frozenset(Armed) - {missing}))
    told = life.live(2 * HOUR, cause)
    assert life.when(REBOOT) == [] and life.done
    assert (told[-1].wanted, told[-1].reason) == (REBOOT, Reason.NOT_ARMED)


def test_a_switched_off_interface_needs_no_permission_for_outages():
    life = Life(replace(EVERYTHING, armed=frozenset(Armed) - {Armed.OUTAGE_REBOOT}))
    life.live(2 * HOUR, Cause.LINK_ADMIN_DOWN)
    assert len(life.when(REBOOT)) == 1


def test_from_the_start_only_the_restart_of_plex_is_armed():
    for cause in FIRST:
        life = Life(WatchLimits())
        life.live(2 * HOUR, cause)
        assert {action for _, action in life.done} <= {RESTART, Action.REACHABILITY}


@pytest.mark.parametrize("cause", FIRST)
def test_while_it_is_held_nothing_is_done_and_afterwards_it_goes_on(cause: Cause):
    until = NOON + timedelta(hours=1)
    life = Life(replace(EVERYTHING, held_until=until))
    told = life.live(HOUR, cause)
    assert life.done == []
    held = [decision for decision in told if decision.reason is Reason.HELD]
    assert {(decision.wanted, decision.until) for decision in held} == {(FIRST[cause][0], until)}
    life.live(MINUTE, cause)
    assert life.done[0] == (HOUR, FIRST[cause][0])


@pytest.mark.parametrize("cause", FIRST)
def test_an_onlooker_only_says_what_it_would_have_done(cause: Cause):
    life = Life(host=rules.Host(ABLE, acting=False))
    told = life.live(HOUR, cause)
    assert life.done == []
    assert (told[-1].wanted, told[-1].reason) == (FIRST[cause][0], Reason.ONLOOKER)


@pytest.mark.parametrize("cause", [DOWN, HUNG, Cause.DNS_STUB, Cause.INTERNET_DOWN, Cause.REMOTE_ACCESS_LOST])
def test_what_this_machine_cannot_do_is_told(cause: Cause):
    for able in (ABLE | {FIRST[cause][0]: False}, {}):
        life = Life(host=rules.Host(able))
        told = life.live(HOUR, cause)
        assert life.done == []
        assert (told[-1].wanted, told[-1].reason) == (FIRST[cause][0], Reason.NOT_ABLE)


def test_a_machine_without_a_soft_reset_begins_with_the_hard_one():
    life = Life(host=rules.Host(ABLE | {Action.NET_SOFT: False}))
    life.live(20 * MINUTE, Cause.NO_ROUTE)
    times = life.when(Action.NET_HARD)
    assert [action for _, action in life.done] == [Action.NET_HARD] * 3
    assert all(later - earlier >= 165 for earlier, later in itertools.pairwise(times))


# ------------------------------------------------------------------------------------------------------- the ladder


def test_the_network_ladder_climbs_with_a_look_after_each_rung_and_ends_at_the_gate():
    life = Life()
    life.live(HOUR, Cause.NO_ROUTE)
    assert life.done[:7] == [
        (40, Action.NET_SOFT),
        (80, Action.NET_HARD),
        (260, Action.NET_SOFT),
        (300, Action.NET_HARD),
        (480, Action.NET_SOFT),
        (520, Action.NET_HARD),
        (1800, REBOOT),
    ]


def test_what_the_soft_reset_mended_gets_no_hard_one():
    life = Life()
    life.live(60, Cause.NO_ROUTE)
    life.live(HOUR, OK)
    assert [action for _, action in life.done] == [Action.NET_SOFT]


@pytest.mark.parametrize("rounds", [0, 1])
def test_with_fewer_rounds_the_reboot_comes_no_earlier(rounds: int):
    life = Life(replace(EVERYTHING, network_rounds=rounds))
    life.live(HOUR, Cause.NO_ROUTE)
    assert life.when(REBOOT) == [1800]


@pytest.mark.parametrize("before", [Cause.DISK_FULL, Cause.PLEX_TV_DOWN, Cause.UNAUTHORIZED])
def test_an_incident_that_was_something_else_for_hours_does_not_hasten_the_reboot(before: Cause):
    life = Life(replace(EVERYTHING, network_rounds=0))
    life.live(2 * HOUR, before)
    began = life.seconds
    life.live(HOUR, Cause.NO_ROUTE)
    assert life.when(REBOOT) == [began + 1800]


def test_a_sleep_in_the_middle_of_an_incident_does_not_hasten_the_reboot():
    life = Life()
    life.live(20 * MINUTE, Cause.NO_ROUTE)
    life.seconds += 8 * HOUR
    woke = life.seconds
    life.live(HOUR, Cause.NO_ROUTE)
    assert life.when(REBOOT) == [woke + 1800]


def test_after_a_reboot_the_ladder_begins_anew_and_the_next_reboot_is_a_day_away():
    life = Life()
    life.live(2 * HOUR, Cause.NO_ROUTE)
    life.seconds += 22 * HOUR
    life.live(2 * HOUR, Cause.NO_ROUTE)
    first, second = life.when(REBOOT)
    assert second - first >= DAY
    assert [action for _, action in life.done] == [*ROUNDS, REBOOT, *ROUNDS, REBOOT, *ROUNDS]


def test_a_reboot_that_was_written_down_and_never_came_is_not_tried_again_for_a_day():
    life = Life()
    while not life.when(REBOOT):
        before = copy.deepcopy(life)
        life.tick(Cause.NO_ROUTE)
    before.watch = copy.deepcopy(life.watch)  # killed between 'remember' and 'act': the memory, and the same boot
    before.seconds += 20
    before.live(2 * HOUR, Cause.NO_ROUTE)
    before.seconds += 21 * HOUR
    before.live(HOUR - 60, Cause.NO_ROUTE)
    assert before.when(REBOOT) == []
    before.live(HOUR, Cause.NO_ROUTE)
    assert len(before.when(REBOOT)) == 1


@pytest.mark.parametrize("action", [action for action in Action if action not in (Action.NONE, REBOOT)])
def test_after_any_action_its_effect_is_awaited_whoever_did_it(action: Action):
    life = Life()
    life.by_hand(action)
    told = life.live(5 * MINUTE, DOWN)
    assert Reason.VERIFYING in reasons(told) or VERIFY[action] <= 20
    assert life.when(RESTART)[0] >= VERIFY[action]


def test_actions_by_hand_within_an_incident_count_as_tried():
    life = Life()
    life.see(Cause.DNS_STUB, Cause.DNS_STUB)
    life.by_hand(Action.DNS_RESET)
    assert life.live(HOUR, Cause.DNS_STUB)[-1].reason is Reason.TRIED
    assert life.done == []


def test_an_incident_goes_from_the_network_to_plex_and_back_without_doing_a_rung_twice():
    life = Life()
    life.live(2 * MINUTE, Cause.NO_ROUTE)
    life.live(10 * MINUTE, DOWN)
    life.live(20 * MINUTE, Cause.NO_ROUTE)
    network = [action for _, action in life.done if action is not RESTART]
    assert network == ROUNDS and len(life.when(RESTART)) == 2 and life.watch.incidents == 1


# --------------------------------------------------------------------------------------------------- the next look


@pytest.mark.parametrize("interval", [5, 20, 300, 86_400])
def test_looks_are_frequent_while_something_is_wrong_and_never_rarer_than_the_interval(interval: float):
    life = Life(replace(EVERYTHING, interval=interval))
    gaps = []
    for cause in (OK, UNKNOWN, OK, DOWN, DOWN, UNKNOWN, OK, OK, OK):
        before = life.seconds
        life.tick(cause)
        gaps.append(life.seconds - before)
    short = min(interval, 20)
    assert gaps == [interval] * 3 + [short] * 4 + [interval] * 2


# ------------------------------------------------------------------------------------------------------- the memory


def test_old_actions_are_forgotten_after_some_weeks():
    life = Life()
    life.see(DOWN, DOWN, OK, OK)
    life.seconds += 39 * DAY
    life.see(OK)
    assert len(life.watch.taken) == 1
    life.seconds += 2 * DAY
    life.see(OK)
    assert life.watch.taken == ()


def test_a_reboot_is_not_forgotten_because_the_clock_jumped_ahead():
    """A clock that starts in the future after a boot once made the last reboot look years old."""
    life = Life()
    life.live(31 * MINUTE, Cause.NO_ROUTE)
    assert len(life.when(REBOOT)) == 1
    limits, now = replace(EVERYTHING, network_rounds=0), life.now
    for minutes in range(40):
        ahead = replace(now, at=now.at + timedelta(days=5000, minutes=minutes), uptime=HOUR + minutes * 60)
        look = rules.Look(ahead, Cause.NO_ROUTE, (), 0)
        life.watch = rules.observe(life.watch, look, limits)
        decision = rules.decide(life.watch, look, limits, CAPABLE)
        assert decision.action is Action.NONE
    assert decision.reason is Reason.REBOOT_PAUSE


def test_however_much_is_done_by_hand_no_limit_is_forgotten():
    life = Life(replace(EVERYTHING, network_rounds=0))
    life.live(31 * MINUTE, Cause.NO_ROUTE)
    for _ in range(500):
        life.by_hand(Action.DNS_RESET)
        life.by_hand(RESTART)
    life.see(OK)
    assert len(life.watch.taken) == 2 * rules.KEPT + 1
    life.live(2 * HOUR, Cause.NO_ROUTE)
    assert len(life.when(REBOOT)) == 1


def test_the_memory_of_a_year_of_trouble_stays_small():
    watch = Watch(taken=tuple(Taken(action, moment(n), 1) for n in range(500) for action in (RESTART, Action.NET_SOFT)))
    watch = rules.observe(watch, rules.Look(moment(600), OK, (), 0), EVERYTHING)
    assert len(watch.taken) == 2 * rules.KEPT
    assert list(watch.taken) == sorted(watch.taken, key=lambda each: each.at.uptime)


def test_nothing_is_changed_in_place():
    life = Life()
    life.see(DOWN)
    before = copy.deepcopy(life.watch)
    kept = life.watch
    life.see(DOWN, OK, OK)
    assert kept == before


def test_every_until_is_in_utc():
    life = Life()
    told = life.live(2 * HOUR, Cause.NO_ROUTE) + life.live(HOUR, DOWN)
    assert {decision.until.tzinfo for decision in told if decision.until} == {UTC}


def test_a_plex_that_never_answered_at_its_address_is_not_restarted_for_a_typo():
    life = Life(limits=replace(EVERYTHING, address="http://plex:32400"))
    told = life.live(HOUR, DOWN, silence)
    assert life.done == []
    assert (told[-1].wanted, told[-1].reason) == (RESTART, Reason.NEVER_SEEN)
    life.live(10 * MINUTE, OK)
    life.live(HOUR, DOWN, silence)
    assert [action for _, action in life.done] == [RESTART, RESTART]
