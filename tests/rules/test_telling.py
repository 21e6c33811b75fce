"""What is told by whom and when: groups, quiet hours, pauses between tries, a monthly number of calls, digests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.rules import calls, delivery, digest
from keeper.rules.delivery import Backoff
from keeper.rules.digest import Figures
from keeper.rules.kinds import GROUPS, group_of, plain, quiet_until, tell_at, wants
from keeper.rules.story import BEGUN, ONCE, WORKED
from keeper.rules.types import Answer, Choice, Event, Group, Parcel, Receipt, Result, Severity, Telling

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def event(kind: str = "Trouble", severity: Severity = Severity.INFO, **data: object) -> Event:
    return Event(1, NOON, kind, severity, "Something.", data)


# --- groups ---


def test_every_event_of_the_watchdog_has_its_group():
    assert {*BEGUN.values(), *WORKED.values(), *ONCE.values()} <= GROUPS.keys()


def test_what_nobody_knows_is_the_owners_own():
    assert group_of("Backup Done") is Group.OWN


@pytest.mark.parametrize(
    ("kind", "severity", "told"),
    [
        ("Trouble", Severity.INFO, True),
        ("Backup Done", Severity.INFO, True),
        ("Login", Severity.INFO, False),
        ("Login Locked", Severity.WARNING, True),
        ("Scan Success", Severity.INFO, False),
        ("Scan Failed", Severity.ERROR, True),
    ],
)
def test_until_somebody_chooses_everyday_things_are_left_out(kind: str, severity: Severity, told: bool):
    assert wants(event(kind, severity), "airtable", Choice()) is told


def test_a_choice_is_kept_to():
    assert wants(event("Login"), "a", Choice(groups=frozenset({Group.DOOR})))
    assert not wants(event("Trouble"), "a", Choice(groups=frozenset({Group.DOOR})))
    assert not wants(event("Trouble", Severity.WARNING), "a", Choice(least=Severity.ERROR))
    assert not wants(event("Trouble", Severity.ERROR), "a", Choice(enabled=False))


def test_nobody_is_told_about_himself():
    blocked = event("Delivery Blocked", Severity.ERROR, outlet="airtable")
    assert not wants(blocked, "airtable", Choice()) and wants(blocked, "telegram", Choice())


# --- quiet hours ---


def berlin(hour: int, minute: int = 0, day: int = 10, month: int = 7) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (berlin(21, 59), None),
        (berlin(22), berlin(7, day=11)),
        (berlin(23, 30), berlin(7, day=11)),
        (berlin(0, 30), berlin(7)),
        (berlin(6, 59), berlin(7)),
        (berlin(7), None),
    ],
)
def test_quiet_hours_go_over_midnight(now: datetime, until: datetime | None):
    assert quiet_until("22:00", "07:00", now, BERLIN) == until


def test_quiet_hours_within_a_day_and_none():
    assert quiet_until("13:00", "15:00", berlin(14), BERLIN) == berlin(15)
    assert quiet_until("13:00", "15:00", berlin(12, 59), BERLIN) is None
    assert quiet_until("", "07:00", berlin(3), BERLIN) is None
    assert quiet_until("07:00", "07:00", berlin(3), BERLIN) is None


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 8), (10, 25, 10), (7, 10, 9)])
def test_quiet_until_seven_is_seven_on_the_wall_when_the_clocks_change(month: int, day: int, hours: int):
    begins = datetime(2026, month, day, 22, tzinfo=BERLIN) - timedelta(days=1)
    until = quiet_until("22:00", "07:00", begins.astimezone(UTC), BERLIN)
    assert until == begins.astimezone(UTC) + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ((3, 29, 1, 59, 0), "01:00"),  # two becomes three: half past two is passed over in that moment
        ((3, 29, 3, 5, 0), None),
        ((10, 25, 2, 10, 0), "00:30"),  # two to three comes twice
        ((10, 25, 2, 40, 0), None),
        ((10, 25, 2, 10, 1), "01:30"),
    ],
)
def test_quiet_until_half_past_two_ends_in_nights_in_which_the_clocks_change(now, until):
    month, day, hour, minute, fold = now
    moment = datetime(2026, month, day, hour, minute, tzinfo=BERLIN, fold=fold).astimezone(UTC)
    found = quiet_until("22:00", "02:30", moment, BERLIN)
    assert (found and f"{found:%H:%M}") == until
    if found:
        assert quiet_until("22:00", "02:30", found, BERLIN) is None or found > moment


def test_an_end_of_quiet_that_midnight_passes_over_is_found():
    santiago = ZoneInfo("America/Santiago")  # on 2026-09-06, 00:00 becomes 01:00
    evening = datetime(2026, 9, 5, 23, 40, tzinfo=santiago).astimezone(UTC)
    assert quiet_until("22:00", "00:30", evening, santiago) == datetime(2026, 9, 6, 4, tzinfo=UTC)


def test_an_error_knows_no_quiet_and_the_rest_waits_for_the_morning():
    telling = Telling({"a": Choice(quiet=True)}, "22:00", "07:00")
    assert tell_at(event(severity=Severity.ERROR), "a", telling, berlin(3), BERLIN) is True
    assert tell_at(event(severity=Severity.WARNING), "a", telling, berlin(3), BERLIN) == berlin(7)
    assert tell_at(event(), "a", telling, berlin(12), BERLIN) is True
    assert tell_at(event(), "b", telling, berlin(3), BERLIN) == berlin(7), "an outlet of which nobody said anything"
    loud = replace(telling, choices={"a": Choice(quiet=False)})
    assert tell_at(event(), "a", loud, berlin(3), BERLIN) is True
    assert tell_at(event("Login"), "a", telling, berlin(3), BERLIN) is False


# --- pauses ---


def test_pauses_grow_to_a_limit_and_are_never_all_the_same():
    backoff = Backoff()
    assert [delivery.pause(n, backoff, 0) for n in (1, 2, 3, 9, 4000)] == [15, 30, 60, 3600, 3600]
    assert delivery.pause(1, backoff, 1) == pytest.approx(10.5)
    assert delivery.pause(0, backoff, 0) == 15


def tried(*results: Result, after: float | None = None) -> Answer:
    return Answer(tuple(Receipt(n, result, after=after) for n, result in enumerate(results)))


def test_what_goes_wrong_together_waits_together():
    parcels = [Parcel(n, event(), attempts=n) for n in range(3)]
    again = delivery.next_tries(parcels, tried(Result.DONE, Result.LATER, Result.LATER), Backoff(), 0, NOON)
    assert again == {1: NOON + timedelta(seconds=60), 2: NOON + timedelta(seconds=60)}


def test_what_arrived_or_never_will_is_not_tried_again():
    parcels = [Parcel(0, event()), Parcel(1, event())]
    assert delivery.next_tries(parcels, tried(Result.DONE, Result.REFUSED), Backoff(), 0, NOON) == {}


def test_the_service_may_ask_for_more_silence_but_not_for_less():
    parcels = [Parcel(0, event(), attempts=3)]
    long, short = tried(Result.LATER, after=500.0), tried(Result.LATER, after=1.0)
    assert delivery.next_tries(parcels, long, Backoff(), 0, NOON)[0] == NOON + timedelta(seconds=500)
    assert delivery.next_tries(parcels, short, Backoff(), 0, NOON)[0] == NOON + timedelta(seconds=120)
    assert delivery.silence(long) == 500 and delivery.silence(tried(Result.LATER)) == 0


def test_pauses_after_the_store_failed_and_between_looks_grow_to_a_limit():
    assert [delivery.rest_of(n) for n in (0, 1, 2, 5, 6, 4000)] == [30, 30, 60, 480, 600, 600]
    assert [delivery.examine_after(n) / 3600 for n in (0, 1, 2, 4, 5, 4000)] == [1, 2, 4, 16, 24, 24]


def test_an_outlet_that_failed_may_have_sent_it_until_it_failed_too_often():
    parcels = [Parcel(1, event()), Parcel(2, event())]
    results = [each.result for each in delivery.broken(parcels, {2: delivery.MOST_BREAKS}).receipts]
    assert results == [Result.UNCERTAIN, Result.REFUSED]


def test_what_a_service_says_loses_its_control_characters_and_nothing_else():
    said = Answer((Receipt(1, Result.REFUSED, "no\x1b[2J", "rec1", 3.0),), 2)
    assert delivery.plainly(said) == Answer((Receipt(1, Result.REFUSED, "no [2J", "rec1", 3.0),), 2)


def test_control_characters_become_spaces():
    assert plain("a\x1b[2J\x9b\n\ud800é") == "a [2J   é" and plain("a\nb\t", "\n\t") == "a\nb\t"


# --- a monthly number of calls ---


def test_without_a_budget_nothing_waits():
    assert calls.wait_until(10**6, 0, 1, 10, False, NOON) is None and calls.shortfall(9, 0, 9, 10, 9, NOON) == 0


def test_a_lone_event_goes_at_once_until_the_allowance_is_used():
    assert calls.wait_until(49, 1000, 1, 10, False, NOON) is None
    until = calls.wait_until(80, 1000, 1, 10, False, NOON)
    assert until is not None and calls.wait_until(80, 1000, 1, 10, False, until) is None
    assert calls.wait_until(80, 1000, 10, 10, False, NOON) is None  # a full batch saves nothing by waiting
    assert calls.wait_until(80, 1000, 1, 10, True, NOON) is None


def test_when_the_month_is_spent_everything_waits_for_the_next():
    assert calls.wait_until(1000, 1000, 10, 10, True, NOON) == datetime(2026, 4, 1, tzinfo=UTC)
    december = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    assert calls.wait_until(1000, 1000, 1, 10, False, december) == datetime(2027, 1, 1, tzinfo=UTC)
    assert (calls.month_of(december), calls.month_begins(december).day) == ("2026-12", 1)


def months_end(events: list[float], budget: int = 1000) -> tuple[int, int]:
    """(calls used, events left over) at the end of a month of 30 days with events at these shares of it; the courier
    looks every ten minutes."""
    begins, arriving = datetime(2026, 4, 1, tzinfo=UTC), sorted(events)
    waiting = used = arrived = 0
    for step in range(6 * 24 * 30):
        now = begins + timedelta(minutes=10 * step)
        while arrived < len(arriving) and arriving[arrived] * 30 * 24 * 6 <= step:
            arrived, waiting = arrived + 1, waiting + 1
        while waiting and calls.wait_until(used, budget, min(10, waiting), 10, False, now) is None:
            used, waiting = used + 1, max(0, waiting - 10)
    return used, waiting


def test_five_thousand_events_fit_into_a_thousand_calls():
    spread = [(n + 0.5001) / 5000 for n in range(5000)]
    used, left = months_end(spread)
    assert used <= 1000 and left <= 10
    burst = [0.30003 + n / 1e7 for n in range(5000)]
    used, left = months_end(burst)
    assert used <= 600 and left <= 10


@given(st.integers(0, 5000), st.integers(1, 3000), st.integers(1, 100), st.integers(0, 29 * 86_400))
def test_a_budget_is_never_exceeded_and_never_waits_beyond_its_month(used: int, budget: int, pending: int, second: int):
    now = datetime(2026, 4, 1, tzinfo=UTC) + timedelta(seconds=second)
    until = calls.wait_until(used, budget, min(pending, 10), 10, False, now)
    if used >= budget:
        assert until == datetime(2026, 5, 1, tzinfo=UTC)
    elif until is not None:
        assert now < until <= datetime(2026, 5, 1, tzinfo=UTC)


def test_it_is_said_early_when_the_calls_will_not_be_enough():
    day = datetime(2026, 4, 5, tzinfo=UTC)
    assert calls.shortfall(133, 1000, 0, 10, 800, day) == 0
    assert calls.shortfall(400, 1000, 0, 10, 4000, day) == 400 + ceil(1000 * 26 / 10) - 1000
    assert calls.shortfall(990, 1000, 200, 10, 0, day) == 10
    first = datetime(2026, 4, 1, 6, tzinfo=UTC)
    assert calls.shortfall(20, 1000, 0, 10, 900, first) == 0  # one evening is no month
    assert calls.shortfall(20, 1000, 20_000, 10, 900, first) == 1020


# --- digests ---


MORNING = datetime(2026, 7, 13, 8, tzinfo=BERLIN)  # a Monday


@pytest.mark.parametrize(
    ("telling", "now", "due"),
    [
        (Telling(), MORNING, False),
        (Telling(digest="daily"), MORNING - timedelta(seconds=1), False),
        (Telling(digest="daily"), MORNING, True),
        (Telling(digest="daily"), MORNING + timedelta(hours=11), True),
        (Telling(digest="daily"), MORNING + timedelta(hours=12), False),  # of no interest any more
        (Telling(digest="weekly"), MORNING, True),
        (Telling(digest="weekly"), MORNING + timedelta(days=1), False),
        (Telling(digest="daily", digest_at="23:30"), MORNING, False),
    ],
)
def test_a_digest_is_due_from_its_time_for_half_a_day(telling: Telling, now: datetime, due: bool):
    assert digest.due_day(telling, now.astimezone(UTC), BERLIN, "2026-07-12") == (date(2026, 7, 13) if due else None)


def test_a_day_has_one_digest():
    assert digest.due_day(Telling(digest="daily"), MORNING.astimezone(UTC), BERLIN, "2026-07-13") is None


def test_a_digest_of_late_in_the_evening_is_written_after_midnight_too_and_once():
    evening = Telling(digest="daily", digest_at="23:30")
    night = datetime(2026, 7, 14, 0, 10, tzinfo=BERLIN).astimezone(UTC)
    assert digest.due_day(evening, night, BERLIN, "2026-07-12") == date(2026, 7, 13)
    assert digest.due_day(evening, night, BERLIN, "2026-07-13") is None
    assert digest.due_day(replace(evening, digest="weekly"), night, BERLIN, "") == date(2026, 7, 13), "a Monday"


def test_a_clock_that_goes_ahead_and_back_makes_no_second_digest_and_no_year_without_any():
    telling, marks, written = Telling(digest="daily"), "", []
    for now in (MORNING, MORNING.replace(year=2027), MORNING + timedelta(minutes=5), MORNING + timedelta(days=1)):
        day = digest.due_day(telling, now.astimezone(UTC), BERLIN, marks)
        if day:
            written.append(day.isoformat())
            marks = digest.marks_with(day, marks)
    assert written == ["2026-07-13", "2027-07-13", "2026-07-14"]


def test_a_zone_in_which_it_is_yesterday_again_makes_no_second_digest():
    assert digest.due_day(Telling(digest="daily"), MORNING.astimezone(UTC), BERLIN, "2026-07-14") is None


def test_only_the_latest_marks_are_kept():
    marks = ""
    for day in range(1, 9):
        marks = digest.marks_with(date(2026, 7, day), marks)
    assert marks == "2026-07-06 2026-07-07 2026-07-08"


@given(st.integers(0, 364 * 24 * 2))
def test_a_year_of_days_has_a_digest_each_whatever_the_clocks_do(half_hours: int):
    telling, sent, marks = Telling(digest="daily", digest_at="02:30"), set(), ""
    day = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=half_hours // 48)
    for step in range(48):
        due = digest.due_day(telling, day + timedelta(minutes=30 * step), BERLIN, marks)
        if due:
            assert due.isoformat() not in sent
            sent.add(due.isoformat())
            marks = digest.marks_with(due, marks)
    assert len(sent) in (1, 2)


def test_a_digest_tells_what_there_was_and_leaves_out_what_there_was_not():
    calm = digest.notice(Telling(digest="daily"), Figures(86_400, 0, 0))
    assert calm.kind == "Daily Digest" and calm.message.splitlines() == [
        "Plex in the last 24 hours:", "It was there for 100.0 % of the time.", "No incidents."
    ]  # fmt: skip
    full = Figures(
        good=500_000, bad=5_000, unknown=90_000, incidents=2, open_incidents=1, causes={"hung": 600.0, "down": 9000.0},
        actions={"restart of Plex": 2}, fixed=12, failed=3, download_mbps=94.6, upload_mbps=20.2, undelivered=4,
    )  # fmt: skip
    weekly = digest.notice(Telling(digest="weekly"), full)
    assert weekly.kind == "Weekly Digest"
    assert weekly.message.splitlines()[1:] == [
        "It was there for 99.0 % of the time; not monitored for 25.0 h.",
        "Incidents: 2, 1 not over (hung 10 min, down 2.5 h).",
        "Done: restart of Plex 2.",
        "Items mended: 12; still lacking something: 3.",
        "Line: 95 down, 20 up (Mbit/s, median).",
        "Messages that could not be delivered: 4.",
    ]
    nothing = digest.notice(Telling(digest="daily"), replace(full, good=0, bad=0, incidents=1, causes={}, actions={}))
    assert "Nobody looked at it." in nothing.message
    assert digest.since(Telling(digest="weekly"), NOON) == NOON - timedelta(days=7)
