"""When the daily speed test is due, when it may begin, and how its day ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.rules import speed_schedule as rules
from keeper.rules.types import Cause, Hindrance, Moment, SpeedAttempt, SpeedBook, SpeedDay, SpeedPlan, SpeedStatus

BERLIN, NEW_YORK, NUUK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("America/Nuuk")
PLAN, TODAY, TOMORROW = SpeedPlan(), "2026-07-16", "2026-07-17"
TWO = datetime(2026, 7, 16, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
FAILED, PUT_OFF, RUNNING = SpeedStatus.FAILED, SpeedStatus.PUT_OFF, SpeedStatus.RUNNING
EMPTY = SpeedBook()


def at(when: datetime, boot: str = "a", uptime: float | None = None) -> Moment:
    return Moment(when, boot, (when - TWO).total_seconds() + 1e6 if uptime is None else uptime)


def book(*attempts: SpeedAttempt, **more) -> SpeedBook:
    days = {day.date: day for day in more.pop("days", ())}
    return SpeedBook(attempts, days, **more)


def attempt(hours: float = 0.0, status: SpeedStatus = FAILED, day: str = TODAY) -> SpeedAttempt:
    return SpeedAttempt(day, at(TWO + hours * HOUR), status)


# ---------------------------------------------------------------------------- hindrances


@pytest.mark.parametrize(
    ("cause", "acting", "in_use", "scanning", "why"),
    [
        (Cause.OK, False, False, False, None),
        (None, False, False, False, None),
        (Cause.UPDATING, True, True, True, Hindrance.UPDATING),
        (Cause.STARTING, False, False, False, Hindrance.UPDATING),
        (Cause.INTERNET_DOWN, True, True, True, Hindrance.NO_LINE),
        (Cause.CAPTIVE_PORTAL, False, False, False, Hindrance.NO_LINE),
        (Cause.DOWN, True, True, True, Hindrance.ACTING),
        (Cause.OK, False, True, True, Hindrance.IN_USE),
        (Cause.OK, False, None, True, Hindrance.IN_USE_UNKNOWN),
        (None, False, None, False, Hindrance.IN_USE_UNKNOWN),
        (Cause.OK, False, False, True, Hindrance.SCANNING),
        (Cause.DOWN, False, False, False, None),
    ],
)
def test_what_is_in_the_way_is_named_by_its_weight(cause, acting, in_use, scanning, why):
    assert rules.hindrance(cause, acting, in_use, scanning) is why


# ---------------------------------------------------------------------------- due


def test_an_hour_that_had_passed_when_daily_tests_began_is_not_made_up_for():
    noon = TWO + 10 * HOUR
    begun = book(marks={rules.SINCE: noon.isoformat()})
    assert rules.due(PLAN, UTC, begun, at(noon)) is None
    assert rules.next_time(PLAN, True, UTC, begun, at(noon)) == TWO + 24 * HOUR
    assert rules.due(PLAN, UTC, begun, at(TWO + 34 * HOUR)) is not None


@pytest.mark.parametrize("mark", ["nonsense", "2026-07-15T09:00:00", "2099-01-01T00:00:00+00:00"])
def test_a_mark_that_no_right_clock_made_holds_nothing_up(mark):
    assert rules.due(PLAN, UTC, book(marks={rules.SINCE: mark}), at(TWO + 10 * HOUR)) == TODAY


def test_it_is_due_from_its_hour_until_midnight():
    assert rules.due(PLAN, UTC, EMPTY, at(TWO - timedelta(seconds=1))) is None
    assert rules.due(PLAN, UTC, EMPTY, at(TWO)) == TODAY
    assert rules.due(PLAN, UTC, EMPTY, at(TWO + 21.99 * HOUR)) == TODAY
    assert rules.due(PLAN, UTC, EMPTY, at(TWO + 22 * HOUR)) is None


@pytest.mark.parametrize("outcome", ["success", "failed", "skipped"])
def test_a_day_that_is_settled_is_due_no_more(outcome):
    assert rules.due(PLAN, UTC, book(days=[SpeedDay(TODAY, outcome)]), at(TWO)) is None
    assert rules.due(PLAN, UTC, book(days=[SpeedDay(TODAY)]), at(TWO)) == TODAY


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        (NEW_YORK, datetime(2026, 3, 8, 7, tzinfo=UTC), "2026-03-08"),  # 02:00 is left out: 03:00
        (BERLIN, datetime(2026, 3, 29, 1, tzinfo=UTC), "2026-03-29"),
        (BERLIN, datetime(2026, 10, 25, 0, tzinfo=UTC), "2026-10-25"),  # 02:00 comes twice: the first
        (NEW_YORK, datetime(2026, 11, 1, 7, tzinfo=UTC), "2026-11-01"),  # 01:00 comes twice, 02:00 once
    ],
)
def test_in_nights_in_which_clocks_change_it_is_due_once_at_the_right_moment(zone, moment, day):
    assert rules.due(PLAN, zone, EMPTY, at(moment - timedelta(seconds=1))) is None
    assert rules.due(PLAN, zone, EMPTY, at(moment)) == day


def test_the_dates_that_matter_are_yesterday_today_and_tomorrow():
    late = datetime(2026, 7, 15, 23, 30, tzinfo=UTC)
    assert rules.dates(late, BERLIN) == ["2026-07-15", TODAY, TOMORROW] and rules.today(late, BERLIN) == TODAY


# ---------------------------------------------------------------------------- waiting


def test_an_hour_lies_between_two_beginnings():
    tried = book(attempt(0))
    assert rules.wait(PLAN, EMPTY, TODAY, at(TWO)) == 0
    assert rules.wait(PLAN, tried, TODAY, at(TWO + HOUR / 4)) == 2700
    assert rules.wait(PLAN, tried, TODAY, at(TWO + HOUR)) == 0


def test_the_setting_can_only_make_that_longer():
    tried = book(attempt(0))
    assert rules.wait(SpeedPlan(retry_delay=7200.0), tried, TODAY, at(TWO + HOUR)) == 3600
    assert rules.wait(SpeedPlan(retry_delay=1.0), tried, TODAY, at(TWO)) == 3600


def test_also_when_midnight_lies_between_them():
    late = book(SpeedAttempt(TODAY, at(TWO), FAILED))
    assert rules.wait(SpeedPlan(hour=0), late, TOMORROW, at(TWO + HOUR / 2)) == 1800


def test_the_wall_clock_proves_nothing_about_the_time_that_has_passed():
    tried = book(attempt(0))
    ahead = Moment(TWO + 30 * HOUR, "a", at(TWO).uptime + 60)
    assert rules.wait(PLAN, tried, TODAY, ahead) == 3540
    assert rules.wait(PLAN, tried, TODAY, at(TWO + 30 * HOUR, "another boot", uptime=600.0)) == 3000
    assert rules.wait(PLAN, tried, TODAY, at(TWO - 30 * HOUR, "another boot", uptime=3600.0)) == 0


def test_what_was_put_off_is_looked_at_again_ten_minutes_later_or_after_a_boot():
    day = rules.put_off(TODAY, Hindrance.IN_USE, at(TWO))
    assert (day.outcome, day.hindrance) == ("", Hindrance.IN_USE)
    waiting = book(days=[day])
    assert rules.wait(PLAN, waiting, TODAY, at(TWO + timedelta(minutes=4))) == 360
    assert rules.wait(PLAN, waiting, TODAY, at(TWO + timedelta(minutes=10))) == 0
    assert rules.wait(PLAN, waiting, TODAY, at(TWO, "another boot", uptime=5.0)) == 0
    assert rules.wait(PLAN, waiting, TOMORROW, at(TWO)) == 0


# ---------------------------------------------------------------------------- how a day ends


def test_attempts_are_counted_by_date():
    tried = book(attempt(0), attempt(1), attempt(2, day=TOMORROW))
    assert len(rules.attempts(tried, TODAY)) == 2
    assert rules.is_used_up(SpeedPlan(attempts=2), tried, TODAY) and not rules.is_used_up(PLAN, tried, TODAY)


def test_days_that_are_over_are_closed_the_oldest_first():
    days = [SpeedDay(TODAY), SpeedDay("2026-07-14"), SpeedDay("2026-07-15"), SpeedDay("2026-07-13", "success")]
    closed = rules.over(book(days=days), True, UTC, TWO)
    assert [day.date for day in closed] == ["2026-07-14", "2026-07-15"]


def test_when_no_daily_tests_are_wanted_any_more_no_day_stays_open():
    assert [day.date for day in rules.over(book(days=[SpeedDay(TODAY)]), False, UTC, TWO)] == [TODAY]


def closed(*attempts: SpeedAttempt, hindrance: Hindrance | None = None, plan: SpeedPlan = PLAN):
    day = rules.closed(plan, book(*attempts, days=[SpeedDay(TODAY, hindrance=hindrance)]), TODAY)
    return day.outcome, day.hindrance


def test_a_day_without_a_result_failed_or_was_skipped_for_a_reason():
    two = SpeedPlan(attempts=2)
    assert closed(attempt(0), attempt(1), plan=two) == ("failed", None)
    assert closed(attempt(0), attempt(1, PUT_OFF), hindrance=Hindrance.IN_USE, plan=two) == ("failed", None)
    assert closed(attempt(0, PUT_OFF), attempt(1, PUT_OFF), hindrance=Hindrance.NO_LINE, plan=two) == (
        "skipped", Hindrance.NO_LINE,
    )  # fmt: skip
    assert closed(attempt(0)) == ("skipped", Hindrance.FAILED)
    assert closed(attempt(0, SpeedStatus.INTERRUPTED), hindrance=Hindrance.IN_USE) == ("skipped", Hindrance.IN_USE)
    assert closed(hindrance=Hindrance.BUDGET) == ("skipped", Hindrance.BUDGET)
    assert closed() == ("skipped", None)


def test_a_day_of_which_nothing_is_known_can_be_closed():
    assert rules.closed(PLAN, EMPTY, TODAY) == SpeedDay(TODAY, "skipped")


def after(status: SpeedStatus, *earlier: SpeedAttempt, why: Hindrance | None = None, known: Hindrance | None = None):
    now = book(*earlier, attempt(9, RUNNING), days=[SpeedDay(TODAY, hindrance=known)])
    return rules.after(SpeedPlan(attempts=2), now, TODAY, status, why)


def test_a_result_settles_the_day():
    assert after(SpeedStatus.SUCCESS) == SpeedDay(TODAY, "success")
    assert after(SpeedStatus.SUCCESS, attempt(0)) == SpeedDay(TODAY, "success")


def test_a_failure_leaves_the_day_open_while_attempts_are_left():
    assert after(FAILED, known=Hindrance.IN_USE) == SpeedDay(TODAY)
    assert after(FAILED, attempt(0)) == SpeedDay(TODAY, "failed")


def test_being_put_off_in_the_middle_is_remembered():
    assert after(PUT_OFF, why=Hindrance.IN_USE) == SpeedDay(TODAY, hindrance=Hindrance.IN_USE)
    assert after(PUT_OFF, attempt(0, PUT_OFF), why=Hindrance.UPDATING) == SpeedDay(TODAY, "skipped", Hindrance.UPDATING)


def test_a_cancel_changes_nothing_save_that_it_was_the_last_attempt():
    assert after(SpeedStatus.CANCELLED, known=Hindrance.IN_USE) is None
    assert after(SpeedStatus.CANCELLED, attempt(0, SpeedStatus.CANCELLED)) == SpeedDay(
        TODAY, "skipped", Hindrance.FAILED
    )


# ---------------------------------------------------------------------------- spoilt by hand

SPOILT = (1_000_000.1, 2e6, 9e11, 1e300)  # uptimes that this very boot has not reached


@pytest.mark.parametrize("uptime", SPOILT)
def test_an_uptime_that_the_boot_has_not_reached_holds_up_no_test(uptime):
    """The wall clock is asked instead; one that lies ahead, too, says nothing."""
    now = at(TWO, uptime=1e6)
    begun = [SpeedAttempt(TODAY, Moment(TWO - ago, "a", uptime), FAILED) for ago in (HOUR / 2, 3 * HOUR, -3 * HOUR)]
    assert [rules.wait(PLAN, book(each), TODAY, now) for each in begun] == [1800, 0, 0]
    assert [following(now, book(each)) for each in begun] == [TWO + HOUR / 2, TWO, TWO]


@pytest.mark.parametrize("uptime", [1_000_600.1, *SPOILT[1:]])
def test_nobody_is_put_off_for_longer_than_anybody_ever_is(uptime):
    put_off = SpeedDay(TODAY, again=Moment(TWO, "a", uptime))
    assert rules.wait(PLAN, book(days=[put_off]), TODAY, at(TWO, uptime=1e6)) == 0
    assert following(at(TWO, uptime=1e6), book(days=[put_off])) == TWO
    true = rules.put_off(TODAY, Hindrance.IN_USE, at(TWO, uptime=1e6))
    assert rules.wait(PLAN, book(days=[true]), TODAY, at(TWO, uptime=1e6)) == rules.PUT_OFF_SECONDS


@given(st.floats(0, 1e12), st.floats(0, 1e12), st.floats(-1e9, 1e9))
def test_whatever_stands_in_the_file_the_wait_is_bounded(begun, again, ago):
    known = book(
        SpeedAttempt(TODAY, Moment(TWO - timedelta(seconds=ago), "a", begun), FAILED),
        days=[SpeedDay(TODAY, again=Moment(TWO, "a", again))],
    )
    assert 0 <= rules.wait(PLAN, known, TODAY, at(TWO, uptime=5e5)) <= PLAN.retry_delay
    assert following(at(TWO, uptime=5e5), known) <= TWO + HOUR


# ---------------------------------------------------------------------------- the next one


def following(now: Moment, known: SpeedBook = EMPTY, plan: SpeedPlan = PLAN, zone=UTC):
    return rules.next_time(plan, True, zone, known, now)


def test_the_next_test_is_at_its_hour_today_or_tomorrow():
    assert following(at(TWO - HOUR)) == TWO
    assert following(at(TWO + HOUR), book(days=[SpeedDay(TODAY, "success")])) == TWO + timedelta(days=1)
    assert rules.next_time(PLAN, False, UTC, EMPTY, at(TWO)) is None


def test_while_one_is_due_the_next_is_now_or_when_it_may_begin():
    assert following(at(TWO + HOUR)) == TWO + HOUR
    assert following(at(TWO + HOUR / 2), book(attempt(0))) == TWO + HOUR
    put_off = rules.put_off(TODAY, Hindrance.IN_USE, at(TWO))
    assert following(at(TWO), book(days=[put_off])) == TWO + timedelta(minutes=10)


def test_when_the_attempts_are_used_up_or_no_time_is_left_it_is_tomorrow():
    assert following(at(TWO + HOUR), book(attempt(0)), SpeedPlan(attempts=1)) == TWO + timedelta(days=1)
    late = at(TWO + 21.5 * HOUR)
    assert following(late, book(attempt(21.4))) == TWO + timedelta(days=1)
    assert following(late, book(attempt(21.4)), SpeedPlan(hour=0)) == TWO + 22.4 * HOUR


def test_a_day_that_was_settled_while_the_clock_was_ahead_is_passed_over():
    known = book(days=[SpeedDay(TODAY, "success"), SpeedDay(TOMORROW, "skipped")])
    assert following(at(TWO), known) == TWO + timedelta(days=2)


def test_where_clocks_jump_over_midnight_a_date_without_that_hour_has_no_test():
    """In Greenland, 23:00 of the last Saturday in March is 00:00 of Sunday."""
    saturday = datetime(2026, 3, 28, 12, tzinfo=UTC)
    begins = following(at(saturday), plan=SpeedPlan(hour=23), zone=NUUK)
    assert begins.astimezone(NUUK).strftime("%a %H:%M") == "Sun 23:00"


@given(
    st.integers(0, 365 * 24 * 60),
    st.sampled_from([UTC, BERLIN, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Pacific/Apia")]),
    st.integers(0, 23),
    st.lists(st.floats(0, 2 * 86_400), max_size=4),
    st.booleans(),
)
def test_what_is_expected_next_is_what_happens_next(minute, zone, hour, ago, settled):
    """At that moment it is due and may begin, and at no moment before."""
    now = at(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute), uptime=1e7)
    plan = SpeedPlan(hour=hour)
    day = rules.today(now.at, zone)
    begun = [SpeedAttempt("2025-01-01", Moment(now.at, "a", now.uptime - seconds), FAILED) for seconds in ago]
    known = book(*begun, days=[SpeedDay(day, "success")] if settled else [])
    expected = rules.next_time(plan, True, zone, known, now)

    def begins(seconds: float) -> bool:
        then = Moment(now.at + timedelta(seconds=seconds), "a", now.uptime + seconds)
        due = rules.due(plan, zone, known, then)
        return due is not None and rules.wait(plan, known, due, then) <= 0.001

    left = (expected - now.at).total_seconds()
    assert begins(left)
    assert not any(begins(left * share) for share in (0.0, 0.3, 0.7, 0.99) if left * (1 - share) > 1)
