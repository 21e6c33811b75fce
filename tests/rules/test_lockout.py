"""How long guessers wait: the pauses one by one, and what they add up to over days of attack."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeper.rules.lockout import CROWD_WINDOW, Limits, locks, most_checks_a_day, pause
from keeper.rules.types import Tally

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = Limits(5, timedelta(minutes=15))


def ago(seconds: float) -> datetime:
    return NOON - timedelta(seconds=seconds)


def test_the_first_tries_are_free():
    assert pause(Tally(), LIMITS, NOON, stranger=True) == 0
    assert pause(Tally(4, ago(0), 19, ago(0)), LIMITS, NOON, stranger=True) == 0


def test_a_place_with_too_many_failures_rests_from_the_last_one_on():
    assert pause(Tally(5, ago(60)), LIMITS, NOON, stranger=False) == 840
    assert pause(Tally(5, ago(900)), LIMITS, NOON, stranger=False) == 0


@pytest.mark.parametrize(("failures", "seconds"), [(20, 1), (21, 2), (25, 32), (29, 512), (30, 900), (5000, 900)])
def test_strangers_together_wait_twice_as_long_each_time_but_not_for_ever(failures: int, seconds: float):
    assert pause(Tally(0, None, failures, NOON), LIMITS, NOON, stranger=True) == seconds
    assert pause(Tally(0, None, failures, NOON), LIMITS, NOON, stranger=False) == 0


def test_the_longer_of_two_pauses_counts():
    assert pause(Tally(5, ago(890), 25, ago(2)), LIMITS, NOON, stranger=True) == 30
    assert pause(Tally(5, ago(10), 20, ago(0)), LIMITS, NOON, stranger=True) == 890


def test_a_clock_that_was_set_back_makes_no_pause_longer():
    assert pause(Tally(5, NOON + timedelta(hours=5)), LIMITS, NOON, stranger=False) == 900


def test_the_failure_that_begins_a_lock_is_known_once():
    assert [n for n in range(10) if locks(Tally(n), LIMITS, stranger=False)] == [4]
    assert [n for n in range(40) if locks(Tally(0, None, n), LIMITS, stranger=True)] == [19]
    assert not locks(Tally(0, None, 19), LIMITS, stranger=False)


def attack(limits: Limits, days: int, addresses: int, eager: float) -> tuple[int, float]:
    """Wrong passwords from many addresses, each tried as soon as it may be (or every `eager` seconds): (most passwords
    looked at in any 24 h, longest pause met)."""
    now, last = 0.0, {number: deque[float]() for number in range(addresses)}
    crowd: deque[float] = deque()
    most, longest, turn = 0, 0.0, 0
    while now < days * 86400:
        while crowd and crowd[0] < now - CROWD_WINDOW.total_seconds():
            crowd.popleft()
        place = last[turn % addresses]
        turn += 1
        while place and place[0] < now - limits.lockout.total_seconds():
            place.popleft()
        tally = Tally(
            len(place), _moment(place[-1]) if place else None, len(crowd), _moment(crowd[-1]) if crowd else None
        )
        wait = pause(tally, limits, _moment(now), stranger=True)
        longest = max(longest, wait)
        if wait == 0:
            place.append(now)
            crowd.append(now)
            most = max(most, len(crowd))
        now += max(eager, min(wait, 60.0))
    return most, longest


def _moment(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_week_of_guessing_from_a_thousand_addresses_stays_within_the_budget():
    most, longest = attack(LIMITS, 7, 1000, 0.5)
    assert most <= most_checks_a_day(LIMITS) == 126
    assert 890 < longest <= 900


@settings(deadline=None, max_examples=25)
@given(
    attempts=st.integers(1, 20),
    minutes=st.floats(0.5, 1440),
    addresses=st.integers(1, 50),
    eager=st.floats(1.0, 300.0),
)
def test_no_limits_and_no_number_of_addresses_break_the_budget(
    attempts: int, minutes: float, addresses: int, eager: float
):
    limits = Limits(attempts, timedelta(minutes=minutes))
    most, longest = attack(limits, 2, addresses, eager)
    assert most <= most_checks_a_day(limits)
    assert longest <= limits.lockout.total_seconds()
