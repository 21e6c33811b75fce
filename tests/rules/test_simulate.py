"""The same rules on a scripted outage: the whole of it, at any speed."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from lifetime import CAPABLE, DAY, EVERYTHING, HOUR, MINUTE, NOON

from keeper.rules import simulate as simulator
from keeper.rules.simulate import Play, Script, Timeline, Trouble, simulate
from keeper.rules.types import Action, Armed, Cause, Reason, Watch, WatchLimits

OUTAGE = Script(NOON, 5 * DAY, (Trouble(HOUR, 4 * DAY, Cause.INTERNET_DOWN),))


def story(told: Timeline) -> list[tuple[str, Cause]]:
    return [(entry.what, entry.cause) for entry in told.entries if entry.what != "decided"]


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("cause", [Cause.INTERNET_DOWN, Cause.GATEWAY_DOWN, Cause.LINK_DOWN, Cause.NO_ROUTE])
def test_an_outage_of_four_days_gives_four_reboots_at_least_a_day_apart(cause: Cause):
    script = replace(OUTAGE, troubles=(Trouble(HOUR, 4 * DAY, cause),))
    told = simulate(script, EVERYTHING, CAPABLE)
    times = [entry.at for entry in told.actions if entry.decision.action is Action.REBOOT]
    assert len(times) == 4
    assert all(later - earlier >= timedelta(days=1) for earlier, later in itertools.pairwise(times))
    assert told.longest_gap <= EVERYTHING.interval
    assert story(told) == [("opened", cause), ("closed", Cause.OK)]


@pytest.mark.usefixtures("untraced")
def test_without_permission_it_gives_none_and_goes_on_looking():
    told = simulate(OUTAGE, replace(EVERYTHING, armed=frozenset(Armed) - {Armed.OUTAGE_REBOOT}), CAPABLE)
    assert told.actions == []
    assert told.longest_gap <= EVERYTHING.interval
    assert told.ticks >= 4 * DAY / 20
    assert [entry.decision.reason for entry in told.entries] == [
        Reason.CONFIRMING, Reason.NOT_ARMED, Reason.FINE, Reason.FINE,
    ]  # fmt: skip


@pytest.mark.usefixtures("untraced")
def test_a_year_of_calm_is_one_look_every_five_minutes():
    told = simulate(Script(NOON, 365 * DAY), WatchLimits(), CAPABLE)
    assert told.ticks == 365 * 288
    assert told.entries == [] and told.longest_gap == 300


def test_an_action_that_mends_ends_the_trouble():
    script = Script(NOON, DAY, (Trouble(HOUR, DAY, Cause.DOWN, frozenset({Action.RESTART_PLEX})),))
    told = simulate(script, WatchLimits(), CAPABLE)
    assert [entry.decision.action for entry in told.actions] == [Action.RESTART_PLEX]
    assert story(told) == [("opened", Cause.DOWN), ("closed", Cause.OK)]
    assert told.entries[-1].at - told.entries[0].at == timedelta(seconds=40)
    assert told.incidents == 1


def test_an_action_that_does_not_mend_changes_nothing():
    script = Script(NOON, DAY, (Trouble(HOUR, 2 * HOUR, Cause.NO_ROUTE, frozenset({Action.DNS_RESET})),))
    told = simulate(script, EVERYTHING, CAPABLE)
    assert story(told) == [("opened", Cause.NO_ROUTE), ("closed", Cause.OK)]
    assert told.entries[-1].at >= NOON + timedelta(hours=3)


def test_one_trouble_may_hide_another_and_each_change_is_told():
    script = Script(
        NOON,
        DAY,
        (Trouble(HOUR, 10 * MINUTE, Cause.STARTING), Trouble(HOUR, HOUR, Cause.DB_TROUBLE)),
    )
    told = simulate(script, EVERYTHING, CAPABLE)
    assert story(told) == [("opened", Cause.STARTING), ("changed", Cause.DB_TROUBLE), ("closed", Cause.OK)]
    assert told.actions == []


def test_who_watches_is_left_to_watch_to_the_end():
    trouble = Trouble(HOUR, 3 * HOUR, Cause.DNS_STUB, frozenset({Action.DNS_RESET}))
    script = Script(NOON, 6 * HOUR, (trouble,), (Play(0, 2 * HOUR),))
    told = simulate(script, EVERYTHING, CAPABLE)
    assert [entry.at for entry in told.actions] == [NOON + timedelta(hours=2)]
    assert Reason.IN_USE in {entry.decision.reason for entry in told.entries}


def test_who_went_away_in_a_pause_is_waited_for_ten_minutes():
    trouble = Trouble(HOUR, 3 * HOUR, Cause.DNS_STUB, frozenset({Action.DNS_RESET}))
    script = Script(NOON, 6 * HOUR, (trouble,), (Play(HOUR, 6 * HOUR, paused=True),))
    (done,) = simulate(script, EVERYTHING, CAPABLE).actions
    assert timedelta(minutes=10) <= done.at - (NOON + timedelta(hours=1)) <= timedelta(minutes=11)


@pytest.mark.parametrize("cause", simulator.MUTE)
def test_where_nobody_can_be_asked_nobody_is_said_to_be_away(cause: Cause):
    told = simulate(Script(NOON, HOUR, (Trouble(0, HOUR, cause),)), EVERYTHING, CAPABLE)
    first = [entry.at for entry in told.actions[:1]]
    expected = {Cause.DOWN: 20, Cause.HUNG: 300}
    assert first == [NOON + timedelta(seconds=expected[cause]) for cause in (cause,) if cause in expected]


def test_it_can_go_on_from_what_is_remembered():
    down = Script(NOON, MINUTE, (Trouble(0, DAY, Cause.DOWN),))
    told = simulate(down, EVERYTHING, CAPABLE, Watch(incidents=41))
    assert told.incidents == 1 and len(told.actions) == 1


def test_it_ends_even_if_the_script_does_not(monkeypatch):
    monkeypatch.setattr(simulator, "MOST_TICKS", 100)
    assert simulate(Script(NOON, float("inf")), EVERYTHING, CAPABLE).ticks == 100
