"""The daily time: exactly once per local date, whatever clocks do."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeper.rules.schedule import CATCH_UP, daily_time, dates_around, due_date, moment_of, next_daily

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


@pytest.mark.parametrize(("text", "meant"), [("03:30", time(3, 30)), (" 7:05 ", time(7, 5)), ("23:59", time(23, 59))])
def test_times_are_read(text, meant):
    assert daily_time(text) == meant


@pytest.mark.parametrize("text", ["24:00", "3", "0 3 * * *", "", "03:60"])
def test_what_is_no_time_is_left_to_cron(text):
    assert daily_time(text) is None


def test_a_time_that_does_not_exist_moves_behind_the_gap():
    assert moment_of(date(2026, 3, 29), time(2, 0), BERLIN).astimezone(BERLIN).time() == time(3, 0)
    assert moment_of(date(2026, 3, 8), time(2, 30), NEW_YORK).astimezone(NEW_YORK).time() == time(3, 30)


def test_of_a_repeated_hour_the_first_pass_counts():
    assert moment_of(date(2026, 10, 25), time(2, 30), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_it_is_due_from_its_time_for_six_hours_and_once():
    at, day = time(3, 30), date(2026, 5, 5)
    planned = moment_of(day, at, BERLIN)
    assert due_date(planned - timedelta(seconds=1), at, BERLIN, set()) is None
    assert due_date(planned, at, BERLIN, set()) == day
    assert due_date(planned + CATCH_UP - timedelta(seconds=1), at, BERLIN, set()) == day
    assert due_date(planned + CATCH_UP, at, BERLIN, set()) is None
    assert due_date(planned, at, BERLIN, {day.isoformat()}) is None


def test_after_a_sleep_over_midnight_yesterdays_is_caught_up():
    assert due_date(datetime(2026, 5, 6, 1, tzinfo=UTC), time(23, 30), UTC, set()) == date(2026, 5, 5)


def test_next_is_tomorrow_when_today_is_done():
    now = datetime(2026, 5, 5, 2, tzinfo=UTC)
    assert next_daily(now, time(3, 30), UTC, set()) == datetime(2026, 5, 5, 3, 30, tzinfo=UTC)
    assert next_daily(now, time(3, 30), UTC, {"2026-05-05"}) == datetime(2026, 5, 6, 3, 30, tzinfo=UTC)


def test_the_dates_around_reach_from_yesterday_to_three_days_ahead():
    assert dates_around(datetime(2026, 5, 5, 23, tzinfo=UTC), BERLIN) == [
        "2026-05-05", "2026-05-06", "2026-05-07", "2026-05-08", "2026-05-09",
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from([BERLIN, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Pacific/Apia")]),
    hour=st.integers(0, 23),
    minute=st.sampled_from([0, 30, 59]),
    jumps=st.lists(st.tuples(st.integers(1, 300), st.integers(-40, 40)), max_size=20),
)
def test_whatever_the_clock_does_no_local_date_runs_twice(zone, hour, minute, jumps):
    """A year in quarter hours; at some of them the clock jumps by up to 40 quarter hours either way."""
    at, marked, started = time(hour, minute), set(), []
    now, jump_at = datetime(2026, 1, 1, tzinfo=UTC), dict(jumps)
    for quarter in range(366 * 96 // 24):
        now += timedelta(minutes=15 * 24 if quarter % 7 else 15)  # mostly long steps, so that a year is short
        now += timedelta(minutes=15 * jump_at.get(quarter, 0))
        if day := due_date(now, at, zone, marked):
            assert day.isoformat() not in marked
            marked.add(day.isoformat())
            started.append(day)
    assert len(started) == len(set(started))


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK])
@pytest.mark.parametrize("at", [time(0, 0), time(2, 0), time(2, 30), time(3, 30), time(23, 59)])
def test_a_year_of_minutes_runs_every_local_date_exactly_once_at_its_time(zone, at):
    marked: set[str] = set()
    now, end = datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2027, 1, 1, 12, tzinfo=UTC)
    while now < end:
        if day := due_date(now, at, zone, marked):
            marked.add(day.isoformat())
            on_time = now - moment_of(day, at, zone) < timedelta(minutes=10)
            assert on_time or len(marked) == 1  # the first one may be caught up
        now += timedelta(minutes=10)
    local_days = (end.astimezone(zone).date() - datetime(2026, 1, 1, 12, tzinfo=UTC).astimezone(zone).date()).days
    assert local_days <= len(marked) <= local_days + 1
