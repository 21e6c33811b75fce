"""`doctor` on the speed test: who can measure, whether results can be compared, how old the last one is, the bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from keeper.doctor.speed import budget_finding, providers_finding, result_finding, server_findings
from keeper.rules.types import (
    Ability,
    Measured,
    SpeedPoint,
    SpeedProgress,
    SpeedProvider,
    SpeedRun,
    SpeedSource,
    SpeedStatus,
    SpeedTest,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
YES, NO = Ability(True, "It is there."), Ability(False, "It is not installed.", "Install it.")
PERHAPS = Ability(None, "It cannot be told.")


def points(provider: SpeedProvider, *servers: str) -> list[SpeedPoint]:
    return [SpeedPoint(NOW, provider, server, 10.0, 90.0, 20.0, (), SpeedSource.SCHEDULE) for server in servers]


def result(age: timedelta) -> SpeedTest:
    run = SpeedRun(SpeedProvider.HTTP, Measured("s", "S", 10.0, 90.0, 20.0, 1, 1))
    return SpeedTest(
        1, SpeedStatus.SUCCESS, SpeedSource.SCHEDULE, "keeper", "2026-11-21", False, NOW - age, NOW - age, NOW - age,
        False, run, (), 2, 20.0, "", "", SpeedProgress(), None,
    )  # fmt: skip


def test_one_provider_that_works_is_enough_and_the_others_say_why_they_do_not() -> None:
    found = providers_finding([(SpeedProvider.SPEEDTEST_CLI, YES), (SpeedProvider.OOKLA, NO)])
    assert found.ok is True
    assert "by speedtest-cli." in found.sentence and "ookla cannot: It is not installed." in found.sentence


def test_one_that_cannot_be_told_without_trying_may_work() -> None:
    assert providers_finding([(SpeedProvider.LIBRESPEED, PERHAPS)]).ok is True


def test_nobody_who_can_measure_is_a_finding_with_a_mend() -> None:
    found = providers_finding([(SpeedProvider.OOKLA, NO)])
    assert (found.ok, found.mend) == (False, "Install it.")
    assert providers_finding([(SpeedProvider.OOKLA, Ability(False, "No."))]).mend


@pytest.mark.parametrize(
    ("seen", "pinned", "found"),
    [
        (points(SpeedProvider.SPEEDTEST_CLI, "1", "2", "2", "3"), "", True),
        (points(SpeedProvider.SPEEDTEST_CLI, "1", "2", "2", "3"), "2", False),
        (points(SpeedProvider.SPEEDTEST_CLI, "1", "2", "2", "1"), "", False),
        (points(SpeedProvider.HTTP, "a", "b", "c"), "", False),
        ([*points(SpeedProvider.SPEEDTEST_CLI, "1", "2"), *points(SpeedProvider.OOKLA, "3", "4")], "", False),
        ([], "", False),
    ],
    ids=["three servers", "pinned since", "two servers", "nothing to pin", "two of each provider", "no results"],
)
def test_pinning_is_advised_where_results_come_from_many_servers(
    seen: list[SpeedPoint], pinned: str, found: bool
) -> None:
    findings = list(server_findings(seen, pinned))
    assert bool(findings) is found
    assert all(each.mend.startswith("SPEED_TEST_SERVER=2 ") for each in findings), "the one that is met most often"


@pytest.mark.parametrize(
    ("age", "daily", "ok", "says"),
    [
        (timedelta(hours=5), True, True, "5 h old"), (timedelta(hours=71), True, True, "71 h old"),
        (timedelta(days=4), True, False, "4 days old"), (timedelta(days=40), False, True, "switched off"),
        (timedelta(hours=-2), True, True, "just now"), (timedelta(seconds=50), True, True, "just now"),
        (timedelta(minutes=12, seconds=40), True, True, "12 minutes old"), (timedelta(hours=2), True, True, "2 h old"),
    ],
)  # fmt: skip
def test_an_old_result_is_a_trouble_where_there_should_be_one_each_day(
    age: timedelta, daily: bool, ok: bool, says: str
) -> None:
    found = result_finding(result(age), daily, NOW)
    assert found.ok is ok and says in found.sentence
    assert bool(found.mend) is not ok


def test_a_line_that_was_never_measured_is_left_to_the_owner() -> None:
    assert result_finding(None, True, NOW).ok is None


@pytest.mark.parametrize(
    ("used", "ok"), [(0, True), (1_599_999_999, True), (1_600_000_000, None), (2_100_000_000, None)]
)
def test_a_budget_that_is_nearly_used_up_is_said(used: int, ok: bool | None) -> None:
    found = budget_finding(used, 2_000_000_000, 0)
    assert found.ok is ok and "of 2000 MB" in found.sentence
    assert bool(found.mend) is (ok is None)


def test_a_month_that_allows_less_than_one_test_is_a_trouble() -> None:
    found = budget_finding(0, 100_000_000, 215_100_000)
    assert found.ok is False and "none is ever made" in found.sentence
    assert "up to 216 MB" in found.sentence and found.mend == "Raise SPEED_TEST_MONTHLY_MB to 216 at least."


def test_what_is_left_of_the_month_and_is_not_enough_is_said_in_figures() -> None:
    found = budget_finding(895_000_000, 1_000_000_000, 216_000_000)
    assert found.ok is None and found.mend
    assert "105 of 1000 MB are left this month, and a test may need up to 216 MB" in found.sentence
    assert "left" not in budget_finding(784_000_000, 1_000_000_000, 216_000_000).sentence, "it just fits"
