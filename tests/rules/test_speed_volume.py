"""Bytes of a month: what a measurement may cost, and that the month lasts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.rules import volume

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
MB = 1_000_000
FIRST, LAST = datetime(2026, 7, 1, 2, tzinfo=UTC), datetime(2026, 7, 31, 20, tzinfo=UTC)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "zone", "begins", "ends"),
    [
        (LAST, UTC, utc(2026, 7, 1), utc(2026, 8, 1)),
        (utc(2026, 7, 31, 22, 30), BERLIN, utc(2026, 7, 31, 22), utc(2026, 8, 31, 22)),
        (utc(2026, 3, 10), NEW_YORK, utc(2026, 3, 1, 5), utc(2026, 4, 1, 4)),
        (utc(2026, 12, 31, 23, 59), UTC, utc(2026, 12, 1), utc(2027, 1, 1)),
        (utc(2028, 2, 29, 12), UTC, utc(2028, 2, 1), utc(2028, 3, 1)),
    ],
)
def test_a_month_is_that_of_the_wall_calendar(now, zone, begins, ends):
    assert volume.month(now, zone) == (begins, ends)


@given(st.integers(0, 20 * 366 * 24), st.sampled_from([UTC, BERLIN, NEW_YORK]))
def test_months_follow_one_another_without_a_gap(hours, zone):
    now = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    begins, ends = volume.month(now, zone)
    assert begins <= now < ends
    assert volume.month(begins, zone) == volume.month(ends - timedelta(seconds=1), zone) == (begins, ends)
    assert volume.month(ends, zone)[0] == ends
    assert volume.name_of(now, zone) == begins.astimezone(zone).strftime("%Y-%m")


def test_the_dearest_of_the_latest_measurements_says_with_a_margin_what_the_next_costs():
    assert volume.reserve([100, 200, 150], 600) == 250
    assert volume.reserve([100] * 5 + [900], 600) == 125


def test_where_nothing_is_known_the_provider_says_what_it_costs_at_most():
    assert volume.reserve([], 600) == volume.reserve([0, 0], 600) == 600


def test_without_a_budget_everything_fits_and_nothing_is_limited():
    assert volume.fits(0, 10**15, 10**12, True, FIRST, UTC) and volume.limit(0, 10**15) is None
    assert not volume.is_running_out(0, 10**15, 10**12)


def test_a_daily_test_waits_for_its_share_of_the_month_and_the_first_one_does_not():
    budget = 3100 * MB
    assert volume.fits(budget, 0, 3000 * MB, True, FIRST, UTC)
    assert not volume.fits(budget, 200 * MB, 250 * MB, True, FIRST, UTC)
    assert not volume.fits(budget, 200 * MB, 250 * MB, True, FIRST + timedelta(days=3), UTC)
    assert volume.fits(budget, 200 * MB, 250 * MB, True, FIRST + timedelta(days=4), UTC)
    assert volume.fits(budget, 2850 * MB, 250 * MB, True, LAST, UTC)
    assert not volume.fits(budget, 2851 * MB, 250 * MB, True, LAST, UTC)


def test_who_asks_for_a_test_may_use_what_is_left_of_the_month():
    assert volume.fits(1000 * MB, 700 * MB, 300 * MB, False, FIRST, UTC)
    assert not volume.fits(1000 * MB, 700 * MB, 301 * MB, False, FIRST, UTC)


def test_the_first_test_of_a_month_that_is_dearer_than_the_budget_is_not_made():
    assert not volume.fits(100 * MB, 0, 200 * MB, True, FIRST, UTC)


def test_a_measurement_is_ended_where_the_month_ends_for_it():
    assert volume.limit(1000, 400) == 600 and volume.limit(1000, 1400) == 0


def test_it_is_told_when_four_fifths_are_used_or_when_nothing_fits_any_more():
    assert volume.is_running_out(1000, 800, 0) and not volume.is_running_out(1000, 799, 200)
    assert volume.is_running_out(1000, 500, 501)


@given(st.lists(st.integers(1, 900), max_size=80), st.integers(1, 3000), st.integers(1, 900))
def test_what_fits_and_keeps_to_its_limit_never_exceeds_the_month(costs, budget, most):
    """Whatever each measurement would like to cost."""
    used, earlier = 0, []
    for day, cost in enumerate(costs):
        now = FIRST + timedelta(days=day % 30)
        if volume.fits(budget, used, volume.reserve(earlier[::-1], most), day % 2 == 0, now, UTC):
            spent = min(cost, volume.limit(budget, used))
            used += spent
            earlier.append(spent)
        assert used <= budget
