"""What is said of speed tests, and what follows from the end of one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from keeper.rules import speed_story as story
from keeper.rules.kinds import GROUPS
from keeper.rules.types import (
    Aspect,
    Flaw,
    Group,
    Hindrance,
    Measured,
    Moment,
    Severity,
    SpeedAttempt,
    SpeedBook,
    SpeedDay,
    SpeedPlan,
    SpeedProgress,
    SpeedProvider,
    SpeedRun,
    SpeedSource,
    SpeedStatus,
    SpeedTest,
    SpeedWishes,
)

NOW = datetime(2026, 7, 16, 2, tzinfo=UTC)
TODAY = "2026-07-16"
CLI, HTTP = SpeedProvider.SPEEDTEST_CLI, SpeedProvider.HTTP
TOLD = Measured("4711", "A place", 12.3, 98.76, 19.9, 120_000_000, 27_000_000)
RUN = SpeedRun(CLI, TOLD, bytes=150_000_000, seconds=21.0)
DAILY = SpeedTest(
    1, SpeedStatus.RUNNING, SpeedSource.SCHEDULE, "schedule", TODAY, False, NOW, NOW, None, False, None, (), 0, 0.0, "",
    "", SpeedProgress(), None,
)  # fmt: skip
BY_HAND = replace(DAILY, source=SpeedSource.MANUAL)
ONCE = SpeedPlan(attempts=1)
BROKE = SpeedRun(CLI, flaw=Flaw.BROKEN, said="Errno 104")


def book(*statuses: SpeedStatus, hindrance: Hindrance | None = None, barren: int = 0, **marks: str) -> SpeedBook:
    began = Moment(NOW, "a", 1.0)
    attempts = tuple(SpeedAttempt(TODAY, began, status) for status in statuses)
    return SpeedBook(attempts, {TODAY: SpeedDay(TODAY, hindrance=hindrance)}, barren, marks)


RUNNING = book(SpeedStatus.RUNNING)


def end(outcome: story.Outcome, test=DAILY, plan=SpeedPlan(), wishes=SpeedWishes(), known=RUNNING, lows=()):  # noqa: B008
    return story.end_of(test, outcome, plan, wishes, known, lows, 30.0)


def kinds(notices) -> list[str]:
    return [notice.kind for notice in notices]


@pytest.mark.parametrize("words", [story.HINDRANCES, story.FLAWS])
def test_each_of_them_has_its_sentence(words):
    assert set(words) == set(type(next(iter(words))))
    assert all(sentence.endswith(".") for sentence in words.values())


def test_a_test_that_waits_or_runs_has_not_ended():
    assert [status for status in SpeedStatus if not status.ended] == [SpeedStatus.QUEUED, SpeedStatus.RUNNING]


# ---------------------------------------------------------------------------- outcomes


def test_whoever_brought_nothing_is_named_with_his_own_words():
    outcome = story.failed(
        [SpeedRun(CLI, flaw=Flaw.BLOCKED, said="HTTP Error 403"), SpeedRun(HTTP, flaw=Flaw.TOO_LATE)]
    )
    assert (outcome.status, outcome.error_code, outcome.hindrance) == (SpeedStatus.FAILED, "blocked", None)
    assert outcome.error == (
        "speedtest-cli: The provider refuses to serve it (403). (HTTP Error 403); "
        "http: It was not done in time, and was ended."
    )


def test_where_nobody_could_be_asked_that_is_the_reason():
    assert story.failed([]).error_code == "not_installed" and story.failed([]).error == story.NO_PROVIDER


def test_an_unconfirmed_result_says_what_was_wrong_with_the_second_one():
    outcome = story.unconfirmed(RUN, BROKE)
    assert outcome.error_code == "unconfirmed" and "Errno 104" in outcome.error


def test_being_put_off_has_a_sentence_and_a_code():
    assert story.hindered(Hindrance.IN_USE).error == story.HINDRANCES[Hindrance.IN_USE]
    assert story.hindered(Hindrance.BUDGET).error_code == "budget"


def test_a_measurement_in_one_line():
    assert story.line_of(RUN) == "98.8/19.9 Mbit/s, 150 MB in 21 s"
    assert story.line_of(BROKE) == "It ended with an error. (Errno 104) (0 MB in 0 s)"


# ---------------------------------------------------------------------------- a result


def test_a_result_settles_the_day_and_is_told():
    done = end(story.succeeded(RUN))
    assert (done.status, done.result, done.low, done.seconds) == (SpeedStatus.SUCCESS, RUN, (), 30.0)
    assert done.day == SpeedDay(TODAY, "success") and done.marks == {}
    [notice] = done.notices
    assert notice.message == "Download 98.8 Mbit/s, upload 19.9 Mbit/s, ping 12 ms (speedtest-cli, A place)."
    assert notice.severity is Severity.INFO


def test_a_server_without_a_name_is_left_out():
    [notice] = end(story.succeeded(replace(RUN, measured=TOLD._replace(server_name="")))).notices
    assert notice.message.endswith("(speedtest-cli).")


def test_a_low_result_says_what_is_low():
    low = (Aspect.DOWNLOAD, Aspect.UPLOAD, Aspect.PING)
    [notice] = end(story.succeeded(RUN, low)).notices
    assert notice.severity is Severity.WARNING and notice.data["low"] == ["download", "upload", "ping"]
    assert notice.message.endswith("download is too slow, upload is too slow, the ping takes too long.")


def test_a_test_by_hand_belongs_to_no_day():
    assert end(story.succeeded(RUN), BY_HAND).day is None


def test_an_alarm_is_told_when_it_begins_and_when_it_ends_and_not_between():
    low = story.succeeded(RUN, (Aspect.UPLOAD,))
    first = end(low, lows=[True, False, False])
    assert kinds(first.notices) == ["Network Speed Test", "Line Slow"] and first.marks == {"alarm": "1"}
    assert first.notices[1].message == (
        "The line is slow: 2 of the last 3 results were too low; upload is too slow. "
        "Download 98.8 Mbit/s, upload 19.9 Mbit/s."
    )
    on = book(SpeedStatus.RUNNING, alarm="1")
    assert kinds(end(low, known=on, lows=[True, True]).notices) == ["Network Speed Test"]
    first_fine = end(story.succeeded(RUN), known=on, lows=[True, True])
    assert kinds(first_fine.notices) == ["Network Speed Test"] and first_fine.marks == {"clear": "1"}
    on = book(SpeedStatus.RUNNING, alarm="1", clear="1")
    assert end(low, known=on, lows=[False, True]).marks == {"clear": ""}
    over = end(story.succeeded(RUN), known=on, lows=[False, True])
    assert kinds(over.notices) == ["Network Speed Test", "Line Fine Again"] and over.marks == {"alarm": "", "clear": ""}
    assert over.notices[1].data["low_count"] == 1 and over.notices[1].severity is Severity.INFO


FAST, NOW_USUAL = [(12.0, 250.0, 40.0)] * 9, [(12.0, 98.0, 20.0)] * 9
BEFORE = "12.0 250.0 40.0 speedtest-cli 4711"


def test_what_was_usual_is_kept_while_there_is_an_alarm():
    low = story.succeeded(RUN, (Aspect.DOWNLOAD,))
    begun = story.end_of(DAILY, low, SpeedPlan(), SpeedWishes(), RUNNING, [True], 30.0, FAST)
    assert begun.marks == {"alarm": "1", "before": BEFORE}
    known = SpeedBook(RUNNING.attempts, RUNNING.days, 0, begun.marks)
    assert story.end_of(DAILY, low, SpeedPlan(), SpeedWishes(), known, [True], 30.0, NOW_USUAL).marks == {}


@pytest.mark.parametrize(
    ("before", "kind"),
    [
        (BEFORE, "New Usual Speed"),
        ("12.0 100.0 20.0 speedtest-cli 4711", "Line Fine Again"),
        ("12.0 250.0 40.0 http 4711", "Line Fine Again"),  # measured otherwise: the two cannot be compared
        ("12.0 250.0 40.0 speedtest-cli 12", "Line Fine Again"),
        ("12.0 a b speedtest-cli 4711", "Line Fine Again"),
        ("", "Line Fine Again"),
    ],
)
def test_a_line_that_is_as_slow_as_before_is_not_called_fine_again(before, kind):
    known = book(SpeedStatus.RUNNING, alarm="1", clear="1", before=before)
    over = story.end_of(DAILY, story.succeeded(RUN), SpeedPlan(), SpeedWishes(), known, [False], 30.0, NOW_USUAL)
    assert kinds(over.notices) == ["Network Speed Test", kind]
    assert over.marks == {"alarm": "", "clear": ""} | ({"before": ""} if before else {})
    if kind == "New Usual Speed":
        assert over.notices[1].message == (
            "The line is not as fast as it was, but it has been as it is for so long that this is usual now. "
            "Download 98.8 Mbit/s, upload 19.9 Mbit/s. Before: download 250.0 Mbit/s, upload 40.0 Mbit/s, ping 12 ms."
        )
        assert over.notices[1].data["before_download_mbps"] == 250.0


@pytest.mark.parametrize("spoilt", ["-1", "one", "1e3", "\u0661", "9" * 5_000, "1.5"])
def test_a_count_that_cannot_be_read_begins_anew(spoilt):
    known = book(SpeedStatus.RUNNING, alarm="1", clear=spoilt)
    assert end(story.succeeded(RUN), known=known).marks == {"clear": "1"}


# ---------------------------------------------------------------------------- without a result


def test_a_failed_attempt_is_not_told_while_others_are_left():
    done = end(story.failed([BROKE]))
    assert (done.day, done.notices, done.result) == (SpeedDay(TODAY), (), None)


def test_the_last_failed_attempt_is_told_with_its_reason():
    done = end(story.failed([BROKE]), plan=ONCE)
    [notice] = done.notices
    assert done.day == SpeedDay(TODAY, "failed") and notice.severity is Severity.WARNING
    assert notice.message == (
        f"No speed test result for {TODAY} after one attempt. speedtest-cli: It ended with an error. (Errno 104)"
    )
    four = end(story.failed([BROKE]), known=book(*[SpeedStatus.FAILED] * 3, SpeedStatus.RUNNING))
    assert "after 4 attempts" in four.notices[0].message


def test_a_day_that_failed_is_not_blamed_on_what_put_its_last_attempt_off():
    done = end(
        story.hindered(Hindrance.IN_USE), plan=SpeedPlan(attempts=2),
        known=book(SpeedStatus.FAILED, SpeedStatus.RUNNING),
    )  # fmt: skip
    [notice] = done.notices
    assert notice.message == f"No speed test result for {TODAY} after 2 attempts."
    assert (notice.data["error_code"], notice.data["provider"]) == ("", "")


def test_a_failed_test_by_hand_is_told_quietly():
    [notice] = end(story.failed([BROKE]), BY_HAND).notices
    assert notice.severity is Severity.INFO and notice.message.startswith("A speed test brought no result.")


@pytest.mark.parametrize("outcome", [story.CANCELLED, story.INTERRUPTED, story.hindered(Hindrance.IN_USE)])
@pytest.mark.parametrize("test", [DAILY, BY_HAND])
def test_what_was_ended_by_others_is_not_told(outcome, test):
    done = end(outcome, test)
    assert done.notices == () and done.status is outcome.status and done.error == outcome.error


def test_a_day_that_was_skipped_says_why():
    notices, marks = story.of_day(SpeedDay(TODAY, "skipped", Hindrance.NO_LINE), book())
    assert notices[0].message == f"The speed test of {TODAY} was left out. There is no internet." and marks == {}
    notices, _ = story.of_day(SpeedDay(TODAY, "skipped"), book())
    assert notices[0].message.endswith(story.NO_TIME) and notices[0].data["hindrance"] == ""


def test_the_third_day_without_a_result_is_told_and_the_fourth_is_not():
    day = SpeedDay(TODAY, "skipped", Hindrance.IN_USE)
    assert kinds(story.of_day(day, book(barren=1))[0]) == ["Speed Test Skipped"]
    notices, marks = story.of_day(day, book(barren=2))
    assert kinds(notices) == ["Speed Test Skipped", "No Speed Results"] and marks == {"barren": "1"}
    assert notices[1].data == {"days": 3}
    told = SpeedBook(barren=3, marks={"barren": "1"})
    assert kinds(story.of_day(day, told)[0]) == ["Speed Test Skipped"]


def test_days_for_want_of_budget_are_no_days_without_a_result():
    assert kinds(story.of_day(SpeedDay(TODAY, "skipped", Hindrance.BUDGET), book(barren=9))[0]) == [
        "Speed Test Skipped"
    ]


def test_the_next_daily_result_ends_the_days_without_and_one_by_hand_does_not():
    dry = SpeedBook(RUNNING.attempts, RUNNING.days, 4, {"barren": "1"})
    assert end(story.succeeded(RUN), known=dry).marks == {"barren": ""}
    assert end(story.succeeded(RUN), BY_HAND, known=dry).marks == {}


# ---------------------------------------------------------------------------- the budget


def warning(used: int, needed: int = 0, budget: int = 1_000_000_000):
    return story.budget_warning(SpeedPlan(budget=budget), used, needed, book(), NOW, ZoneInfo("Europe/Berlin"))


def test_a_budget_that_runs_out_is_told_once_a_month():
    notice, marks = warning(810_000_000)
    assert notice.data == {"used_mb": 810, "budget_mb": 1000, "month": "2026-07"} and marks == {"budget": "2026-07"}
    told = SpeedBook(marks={"budget": "2026-07"})
    zone = ZoneInfo("Europe/Berlin")
    assert story.budget_warning(SpeedPlan(budget=10**9), 810_000_000, 0, told, NOW, zone) is None
    assert story.budget_warning(SpeedPlan(budget=10**9), 810_000_000, 0, told, NOW.replace(month=8), zone) is not None


def test_it_is_told_when_no_test_fits_any_more_and_not_before():
    assert warning(500_000_000, 400_000_000) is None
    assert warning(500_000_000, 600_000_000) is not None
    assert warning(500_000_000, 600_000_000, budget=0) is None


def test_a_limit_smaller_than_one_test_is_named_as_such():
    notice, _ = warning(0, 1_200_000_000)
    assert notice.message.endswith("No test ever fits into that: raise SPEED_TEST_MONTHLY_MB.")


def test_every_event_belongs_to_the_group_of_speed():
    for kind in ("Network Speed Test", "Speed Test Failed", "Speed Test Skipped", "Line Slow", "Line Fine Again",
                 "New Usual Speed", "No Speed Results", "Speed Test Budget"):  # fmt: skip
        assert GROUPS[kind] is Group.SPEED
