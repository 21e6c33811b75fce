"""What earlier looks add to this one: slow answers, crash loops, disks that fill up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.rules import filling, tempo
from keeper.rules.recall import recall
from keeper.rules.types import Cause, Fact, Incident, Level, Moment, Severity, Watch, WatchLimits

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = WatchLimits()


def at(seconds: float) -> Moment:
    return Moment(NOON + timedelta(seconds=seconds), "a", 10_000 + seconds)


def answered(milliseconds: float) -> dict[str, Fact]:
    return {"response_ms": Fact(milliseconds)}


def in_time(*seconds: float, before: Cause = Cause.OK) -> object:
    watch = Watch(last=at(0))
    for number, each in enumerate(seconds):
        recalled = recall(watch, answered(each * 1000), at(20 * number), LIMITS)
        watch = replace(recalled.watch, last=at(20 * number), cause=before)
    return recalled.facts["in_time"].value


# --- slow answers ---


def test_three_late_answers_of_five_are_too_slow_and_one_is_not():
    assert in_time(0.1) is True
    assert in_time(0.1, 4, 4) is True
    assert in_time(4, 0.1, 4, 0.1, 4) is False
    assert in_time(4, 4, 4, 0.1, 0.1, 0.1) is True  # the first has been forgotten


def test_it_stays_slow_until_all_five_answers_are_in_time():
    assert in_time(4, 4, 0.1, 0.1, 0.1) is True
    assert in_time(4, 4, 0.1, 0.1, 0.1, before=Cause.OVERLOADED) is False
    assert in_time(4, 0.1, 0.1, 0.1, 0.1, before=Cause.OVERLOADED) is False
    assert in_time(4, 0.1, 0.1, 0.1, 0.1, 0.1, before=Cause.OVERLOADED) is True


def test_without_an_answer_in_this_look_earlier_ones_say_nothing():
    watch = Watch(last=at(0), paces=(True,) * 5, counts=(True,) * 5, cause=Cause.DB_TROUBLE)
    facts = recall(watch, {"port": Fact(None, "TimeoutError")}, at(20), LIMITS).facts
    assert facts["in_time"] == facts["count_in_time"] == Fact(None)


def test_who_looks_rarely_remembers_longer():
    watch = Watch(last=at(0), paces=(True, True))
    assert recall(watch, answered(9000), at(7200), replace(LIMITS, interval=7200)).facts["in_time"].value is False


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), -float("inf"), 10**400])
def test_a_figure_that_is_none_is_unknown(figure: float):
    facts = {"service_restarts": Fact(figure), "plex_age_s": Fact(figure), "process": Fact(True)}
    recalled = recall(Watch(), facts, at(0), LIMITS)
    assert recalled.facts["service_restarts"] == Fact(None, "no figure")
    assert recalled.watch.life is not None and recalled.watch.life.restarts is None


def test_no_answer_is_no_slow_answer():
    watch = Watch(last=at(0), paces=(True, True))
    assert recall(watch, {}, at(20), LIMITS).watch.paces == (True, True)
    assert recall(Watch(last=at(0)), {}, at(20), LIMITS).facts["in_time"] == Fact(None)
    assert recall(watch, {"response_ms": Fact(None)}, at(20), LIMITS).watch.paces == (True, True)


def test_answers_of_yesterday_say_nothing_about_now():
    watch = Watch(last=at(0), paces=(True, True, True))
    assert recall(watch, answered(10), at(7200), LIMITS).watch.paces == (False,)


def test_the_limit_is_the_owners():
    late = recall(Watch(paces=(True, True), last=at(0)), answered(600), at(1), replace(LIMITS, slow=0.5)).facts[
        "in_time"
    ]
    assert late == Fact(False, "3 of 3 answers took longer than 0.5 s")


@given(st.lists(st.booleans(), max_size=30), st.booleans())
def test_a_slow_one_never_needs_fewer_good_answers_than_a_quick_one(paces: list[bool], was_slow: bool):
    last = tuple(paces[-tempo.OF :])
    if tempo.in_time(last, False, 1).value is False:
        assert tempo.in_time(last, True, 1).value is False


def test_a_library_that_is_slow_three_times_of_five_is_told_apart_from_plex_itself():
    watch = Watch(last=at(0))
    for number in range(3):
        facts = {"response_ms": Fact(5.0), "count_ms": Fact(4000.0)}
        recalled = recall(watch, facts, at(20 * number), LIMITS)
        watch = replace(recalled.watch, last=at(20 * number))
    assert recalled.facts["in_time"].value is True and recalled.facts["count_in_time"].value is False


# --- crashes ---


def running(age: float, pid: int, restarts: float) -> dict[str, Fact]:
    return {
        "process": Fact(True), "plex_age_s": Fact(age), "plex_pid": Fact(pid), "service_restarts": Fact(restarts),
        "service": Fact(True, "active"),
    }  # fmt: skip


def test_a_crash_between_two_looks_is_told_although_plex_is_back():
    first = recall(Watch(), running(500, 1, 0), at(0), LIMITS)
    second = recall(first.watch, running(20, 2, 1), at(300), LIMITS)
    assert [(n.kind, n.severity, n.data) for n in second.notices] == [("Plex Crash", Severity.WARNING, {"count": 1})]
    assert len(second.turns) == 2 and second.facts["crashing"] == Fact(False)
    third = recall(second.watch, running(10, 3, 3), at(600), LIMITS)
    assert "2 times" in third.notices[0].message
    assert recall(third.watch, running(310, 3, 3), at(900), LIMITS).notices == ()


def test_many_crashes_between_two_looks_are_a_loop():
    first = recall(Watch(), running(500, 1, 0), at(0), LIMITS)
    second = recall(first.watch, running(5, 9, 6), at(300), LIMITS)
    assert second.facts["crashing"].value is True


def test_a_loop_that_goes_on_is_told_once_and_not_at_every_look():
    watch, told = Watch(), []
    for number in range(20):
        recalled = recall(watch, running(20, number, number), at(240 * number), LIMITS)
        watch = recalled.watch
        told += recalled.notices
    assert recalled.facts["crashing"].value is True
    assert [notice.kind for notice in told] == ["Plex Crash"] * 3  # the third one made it a loop


def test_within_an_incident_a_crash_is_not_told_apart():
    first = recall(Watch(incident=Incident(1, Cause.DOWN, at(0))), running(500, 1, 0), at(0), LIMITS)
    assert recall(first.watch, running(20, 2, 1), at(300), LIMITS).notices == ()


def test_one_that_is_not_back_is_an_incident_and_told_there():
    first = recall(Watch(), running(500, 1, 0), at(0), LIMITS)
    gone = {"process": Fact(False), "service": Fact(False, "failed")}
    second = recall(first.watch, gone, at(300), LIMITS)
    assert second.notices == () and len(second.turns) == 1


# --- disks ---


def days(*free: float, disk: str = "films", every: float = 6.0, seconds: float = 0.0) -> tuple[tuple[Level, ...], list]:
    """Levels seen every so many hours, and everything that was told."""
    levels: tuple[Level, ...] = ()
    told = []
    for number, each in enumerate(free):
        now = NOON + timedelta(hours=every * number, seconds=seconds)
        levels, notices = filling.observe(levels, {f"disk_free_gb:{disk}": Fact(each)}, now)
        told += notices
    return levels, told


def test_a_disk_that_fills_up_is_told_once_and_early():
    levels, (notice,) = days(100, 95, 90, 85, 80, 75, 70, 65, 60, 55, 50, 45)
    assert (notice.kind, notice.severity) == ("Disk Filling", Severity.WARNING)
    assert notice.data == {"disk": "films", "free_gb": 60, "gb_a_day": 20.0, "days": 3.0}
    assert "60 GB left and loses 20 GB a day: it will be full in about 3 days." in notice.message
    assert levels[-1].warned and len(levels) == filling.LEVELS


def test_when_it_is_nearly_over_hours_are_named():
    told = days(*(26 - 5 * number for number in range(5)), every=8)[1]
    assert "full in about 18 hours" in told[-1].message


def test_one_big_film_is_no_trend():
    assert days(100, 100, 100, 60, 60, 60, 60, 60)[1] == []


def test_less_than_a_day_of_looks_tells_nothing():
    assert days(100, 60, 20)[1] == [] and filling.loss([]) is None
    assert filling.loss([Level("a", NOON, 5), Level("a", NOON + timedelta(days=3), 2)]) is None


def test_it_is_told_again_when_there_was_room_meanwhile():
    falling = [100, 95, 90, 85, 80, 75, 70, 65, 60]
    assert len(days(*falling, *[900] * 9, *[900 - 100 * n for n in range(9)])[1]) == 2


def test_levels_are_kept_hours_apart_and_only_of_some_disks():
    levels, _ = days(*[100] * 50, every=0.1)
    assert len(levels) == 1
    many = {f"disk_free_gb:{number}": Fact(9) for number in range(40)}
    assert len(filling.observe((), many, NOON)[0]) == filling.DISKS
    assert filling.observe((), {"disk_free_gb:x": Fact(None), "disk": Fact(True)}, NOON) == ((), [])


def test_a_clock_that_was_set_back_starts_anew():
    ahead = Level("films", NOON + timedelta(days=900), 50)
    levels, _ = filling.observe((ahead,), {"disk_free_gb:films": Fact(70)}, NOON)
    assert levels == (Level("films", NOON, 70.0),)


def test_looks_at_the_same_instant_divide_nothing_by_zero():
    assert filling.loss([Level("a", NOON, 3), Level("a", NOON, 2), Level("a", NOON + timedelta(days=2), 0)]) is None


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40))
def test_a_disk_is_never_warned_of_twice_in_a_row(free: list[float]):
    levels: tuple[Level, ...] = ()
    warned = False
    for number, each in enumerate(free):
        levels, notices = filling.observe(levels, {"disk_free_gb:a": Fact(each)}, NOON + timedelta(hours=6 * number))
        assert not (warned and notices)
        warned = levels[-1].warned
