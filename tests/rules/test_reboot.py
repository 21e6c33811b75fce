"""The reboot gate."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from lifetime import DAY, EVERYTHING, HOUR, MINUTE, NOON, moment

from keeper.rules.reboot import LONGEST_DAY, UPTIME, refusal
from keeper.rules.types import Action, Decision, Moment, Reason, Taken

BERLIN = ZoneInfo("Europe/Berlin")
HASTY = replace(EVERYTHING, reboot_pause=0.0)


def reboots(*moments: Moment, by: str = "") -> tuple[Taken, ...]:
    return tuple(Taken(Action.REBOOT, each, 1, by) for each in moments)


def up(hours: float, at: datetime = NOON, boot: str = "b") -> Moment:
    return Moment(at, boot, hours * HOUR)


def why(told: Decision | None) -> Reason | None:
    if told is not None:
        assert (told.action, told.wanted) == (Action.NONE, Action.REBOOT)
    return told.reason if told else None


def test_a_machine_that_was_never_rebooted_may_be():
    assert refusal((), EVERYTHING, up(100), UTC) is None


def test_a_machine_that_started_a_short_while_ago_is_not_started_again():
    told = refusal((), EVERYTHING, Moment(NOON, "b", UPTIME - 60), UTC)
    assert why(told) is Reason.JUST_BOOTED
    assert told is not None and told.until == NOON + timedelta(seconds=60)
    assert refusal((), EVERYTHING, Moment(NOON, "b", UPTIME), UTC) is None


def test_the_pause_since_the_last_one_is_counted_in_uptime():
    taken = reboots(moment(0, "a"))
    told = refusal(taken, EVERYTHING, up(23, NOON + timedelta(days=9)), UTC)
    assert why(told) is Reason.REBOOT_PAUSE
    assert told is not None and told.data["seconds"] == HOUR
    assert refusal(taken, EVERYTHING, up(24, NOON + timedelta(days=9)), UTC) is None


def test_one_that_was_written_down_and_never_done_counts():
    then = up(50)
    assert why(refusal(reboots(then), EVERYTHING, up(73.9, NOON + timedelta(days=1)), UTC)) is Reason.REBOOT_PAUSE
    assert refusal(reboots(then), EVERYTHING, up(74, NOON + timedelta(days=1)), UTC) is None


def test_one_the_owner_asked_for_counts():
    assert why(refusal(reboots(moment(0), by="owner"), EVERYTHING, up(1), UTC)) is Reason.REBOOT_PAUSE


def test_other_actions_do_not_count():
    assert refusal((Taken(Action.RESTART_PLEX, up(1), 1),), EVERYTHING, up(1), UTC) is None


def test_the_youngest_of_many_counts_wherever_it_stands():
    taken = reboots(up(99, boot="b"), moment(0, "a"))
    assert why(refusal(taken, EVERYTHING, up(100), UTC)) is Reason.REBOOT_PAUSE


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_so_many_a_day_and_no_more(limit: int):
    limits = replace(HASTY, reboots_a_day=limit)
    taken = reboots(*(up(hour, NOON.replace(hour=hour)) for hour in range(1, limit + 1)))
    now = up(12, NOON)
    told = refusal(taken, limits, now, UTC)
    assert why(told) is Reason.REBOOT_LIMIT
    assert told is not None and told.until == datetime(2026, 3, 3, tzinfo=UTC) and told.data["count"] == limit
    assert refusal(taken[1:], limits, now, UTC) is None


def test_none_a_day_means_never():
    told = refusal((), replace(EVERYTHING, reboots_a_day=0), up(100), UTC)
    assert why(told) is Reason.REBOOT_LIMIT
    assert told is not None and told.until is None


def test_the_day_is_that_of_the_place():
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)  # already the 2nd of March in Berlin
    taken, now = reboots(up(1, late)), up(4, late + timedelta(hours=3))
    assert refusal(taken, HASTY, now, UTC) is None
    told = refusal(taken, HASTY, now, BERLIN)
    assert why(told) is Reason.REBOOT_LIMIT
    assert told is not None and told.until == datetime(2026, 3, 2, 23, tzinfo=UTC) and told.until.tzinfo is UTC


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_on_the_nights_of_the_clock_change_the_day_ends_when_it_ends(day: date, hours: int):
    begins = datetime.combine(day, time(), BERLIN).astimezone(UTC)
    last = begins + timedelta(hours=hours) - timedelta(minutes=1)
    taken = reboots(up(1, begins))
    told = refusal(taken, HASTY, up(1 + hours - 1 / 60, last), BERLIN)
    assert why(told) is Reason.REBOOT_LIMIT
    assert told is not None and told.until == begins + timedelta(hours=hours)
    assert refusal(taken, HASTY, up(1 + hours, begins + timedelta(hours=hours)), BERLIN) is None


def test_a_clock_that_starts_at_the_same_date_with_every_boot_does_not_shut_the_gate_for_ever():
    """Without a battery, and without a line to ask for the time, each boot lives through the same dates again."""
    second_of_january = datetime(1970, 1, 2, tzinfo=UTC)
    taken = reboots(up(24, second_of_january, "a"), up(24, second_of_january, "b"))
    now = Moment(second_of_january + timedelta(seconds=LONGEST_DAY - DAY), "c", LONGEST_DAY)
    assert why(refusal(taken, EVERYTHING, replace(now, uptime=DAY), UTC)) is Reason.REBOOT_LIMIT
    assert refusal(taken, EVERYTHING, now, UTC) is None


@pytest.mark.parametrize("days", [-20_000, -1, 1, 20_000])
def test_a_clock_that_jumped_opens_the_gate_not_a_minute_earlier(days: int):
    taken = reboots(moment(0, "a"))
    at = NOON + timedelta(days=days)
    for minutes in (15, 60, 600, 24 * 60 - 1):
        told = refusal(taken, EVERYTHING, Moment(at, "b", minutes * MINUTE), UTC)
        assert why(told) is Reason.REBOOT_PAUSE
