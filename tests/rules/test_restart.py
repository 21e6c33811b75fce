"""How often Plex is restarted."""

from dataclasses import replace
from datetime import timedelta

import pytest
from lifetime import DAY, EVERYTHING, HOUR, MINUTE, NOON, moment

from keeper.rules.restart import A_DAY, AFTER_GIVING_UP, PAUSES, refusal
from keeper.rules.types import Action, Moment, Reason, Taken


def restarts(*seconds: float, incident: int = 1, by: str = "") -> tuple[Taken, ...]:
    return tuple(Taken(Action.RESTART_PLEX, moment(each), incident, by) for each in seconds)


def refused(taken: tuple[Taken, ...], seconds: float, limit: int = 2) -> tuple[Reason, float] | None:
    """The reason and how long it stands, in whole seconds."""
    told = refusal(taken, 1, replace(EVERYTHING, max_restarts=limit), moment(seconds))
    if told is None:
        return None
    assert told.action is Action.NONE and told.wanted is Action.RESTART_PLEX and told.until is not None
    assert told.until == moment(seconds).at + timedelta(seconds=float(told.data["seconds"]))
    return told.reason, float(told.data["seconds"])


def test_the_first_restart_of_an_incident_waits_for_nothing():
    assert refused((), 0) is None
    assert refused(restarts(-20, incident=7), 0) is None


def test_the_second_one_waits_five_minutes_the_third_fifteen():
    assert refused(restarts(0), 100) == (Reason.PAUSE, 200)
    assert refused(restarts(0), 5 * MINUTE) is None
    assert refused(restarts(0, 300), 400, limit=3) == (Reason.PAUSE, 800)
    assert refused(restarts(0, 300), 300 + 15 * MINUTE, limit=3) is None


@pytest.mark.parametrize("limit", [4, 5, 100])
def test_every_further_one_waits_as_long_as_the_third(limit: int):
    assert refused(restarts(0, 300, 1200), 1200 + PAUSES[-1] - 1, limit) == (Reason.PAUSE, 1)
    assert refused(restarts(0, 300, 1200), 1200 + PAUSES[-1], limit) is None


def test_after_the_last_one_allowed_it_gives_up_and_tries_again_six_hours_later():
    assert refused(restarts(0, 300), 300) == (Reason.GAVE_UP, AFTER_GIVING_UP)
    assert refused(restarts(0, 300), 300 + 6 * HOUR) is None
    assert refused(restarts(0, 300, 300 + 6 * HOUR), 300 + 7 * HOUR) == (Reason.GAVE_UP, 5 * HOUR)


def test_with_one_allowed_it_gives_up_at_once():
    assert refused(restarts(0), 0, limit=1) == (Reason.GAVE_UP, AFTER_GIVING_UP)


def test_none_allowed_means_none():
    told = refusal((), 1, replace(EVERYTHING, max_restarts=0), moment(0))
    assert told is not None and (told.reason, told.until) == (Reason.NOT_ARMED, None)


def test_no_day_sees_more_than_six_whatever_the_incidents():
    taken = tuple(restart for n in range(A_DAY) for restart in restarts(n * HOUR, incident=n + 10))
    assert refused(taken, 5 * HOUR) == (Reason.DAY_LIMIT, DAY - 5 * HOUR)
    assert refused(taken, DAY - 1) == (Reason.DAY_LIMIT, 1)
    assert refused(taken, DAY) is None


def test_restarts_the_owner_asked_for_use_up_nothing():
    assert refused(restarts(*range(0, 100, 10), by="owner"), 100) is None


def test_other_actions_use_up_nothing():
    assert refused((Taken(Action.DNS_RESET, moment(0), 1),), 1) is None


def test_a_boot_in_between_does_not_reset_the_budget():
    now = moment(2 * HOUR, "b", booted=HOUR)
    told = refusal(restarts(*range(0, 600, 100), incident=9), 1, EVERYTHING, now)
    assert told is not None and told.reason is Reason.DAY_LIMIT


def test_a_clock_that_starts_in_1970_makes_no_pause_endless():
    taken = restarts(0, 300)
    early = Moment(NOON - timedelta(days=20_000), "b", 5 * HOUR)
    told = refusal(taken, 1, EVERYTHING, early)
    assert told is not None and told.reason is Reason.GAVE_UP
    assert refusal(taken, 1, EVERYTHING, replace(early, uptime=6 * HOUR)) is None
