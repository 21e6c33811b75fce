"""How much time has passed, whatever the wall clock says."""

from datetime import timedelta

from lifetime import DAY, HOUR, NOON, moment

from keeper.rules.elapsed import elapsed, surely_elapsed
from keeper.rules.types import Moment


def test_within_one_boot_the_wall_clock_is_not_believed():
    then = moment(0)
    now = Moment(NOON + timedelta(days=400), then.boot, then.uptime + 30)
    assert elapsed(then, now) == surely_elapsed(then, now) == 30


def test_two_moments_in_the_wrong_order_are_no_time_apart():
    assert elapsed(moment(10), moment(0)) == surely_elapsed(moment(10), moment(0)) == 0


def test_across_boots_the_wall_clock_tells_and_only_the_uptime_proves():
    then, now = moment(0), moment(DAY, "b", booted=DAY - HOUR)
    assert elapsed(then, now) == DAY
    assert surely_elapsed(then, now) == HOUR


def test_across_boots_a_clock_that_went_back_leaves_at_least_the_uptime():
    then, now = moment(0), Moment(NOON - timedelta(days=20_000), "b", 500.0)
    assert elapsed(then, now) == surely_elapsed(then, now) == 500
