"""The scheduled scan over a simulated year, with sleeps, clock jumps and restarts; nobody opens a page."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from rig import Rig

import jobs
from keeper.rules.types import Preferences, Source

DAY = 86_400.0  # seconds
KEEP_ALL = jobs.Limits(run_days=3650, run_count=10_000)


@pytest.fixture(autouse=True)
def _retention_once_a_day(monkeypatch):
    """Hourly would be at every tick: twelve times a day for nothing, and most of the time these tests take."""
    monkeypatch.setattr(jobs, "RETENTION_EVERY", DAY)


class FakeClock:
    """Time that passes when the test says so."""

    def __init__(self, now: datetime, zone: ZoneInfo) -> None:
        self.time, self.mono, self.zone = now, 0.0, zone

    def now(self):
        return self.time

    def monotonic(self):
        return self.mono

    def local_zone(self):
        return self.zone

    def advance(self, step: timedelta) -> None:
        self.time += step
        self.mono += max(0.0, step.total_seconds())


def started_dates(rig):
    return [row[0] for row in rig.sql("select local_date from day_marks order by marked_at")]


def restarted(rig, folder, clock):
    rig.database.close()
    return Rig(folder, None, clock=clock, limits=KEEP_ALL)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("schedule", ["02:30", "0 3 * * *"])
def test_a_year_with_sleeps_jumps_and_restarts_runs_each_local_date_at_most_once(tmp_path, zone, schedule):
    chance = random.Random(f"{zone}{schedule}")
    clock = FakeClock(datetime(2026, 1, 1, 0, 0, tzinfo=UTC), ZoneInfo(zone))
    rig = Rig(tmp_path, None, clock=clock, limits=KEEP_ALL)
    rig.memory.save_preferences(Preferences(schedule_enabled=True, schedule=schedule), "test")
    disturbed: set[str] = set()
    end = datetime(2027, 1, 1, tzinfo=UTC)
    while clock.time < end:
        step, odd = _next_step(chance)
        if odd:
            today = clock.time.astimezone(clock.zone).date()
            disturbed |= {(today + timedelta(days=d)).isoformat() for d in range(-3, 4)}
        clock.advance(step)
        if chance.random() < 0.01:
            rig = restarted(rig, tmp_path, clock)
        before = rig.database.mark()
        rig.jobs.tick()
        if rig.database.mark() != before and rig.runs.active():
            rig.sql("update scan_runs set status='success' where status='queued'")
    dates = started_dates(rig)
    assert len(dates) == len(set(dates))
    runs = rig.sql(f"select count(*) from scan_runs where source='{Source.SCHEDULER.value}'")[0][0]
    assert runs == len(dates)
    calm = {(date(2026, 1, 2) + timedelta(days=d)).isoformat() for d in range(360)} - disturbed
    assert len(calm) > 100 and calm <= set(dates)


def _next_step(chance):
    """Mostly two hours; now and then the machine sleeps for hours, or its clock is set wrong."""
    throw = chance.random()
    if throw < 0.002:
        return timedelta(hours=chance.uniform(5, 40)), True
    if throw < 0.004:
        return timedelta(hours=chance.uniform(-30, 30)), True
    return timedelta(hours=2), False


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_on_both_dst_nights_it_runs_once_and_at_the_right_hour(tmp_path, zone):
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo(zone))
    rig = Rig(tmp_path, None, clock=clock)
    rig.memory.save_preferences(Preferences(schedule_enabled=True, schedule="02:30"), "test")
    for month, first, last in ((3, 6, 31), (10, 20, 31), (11, 1, 5)):
        clock.time = datetime(2026, month, first, tzinfo=UTC)
        while clock.time < datetime(2026, month, last, tzinfo=UTC):
            clock.advance(timedelta(minutes=30))
            before = rig.runs.count()
            rig.jobs.tick()
            if rig.runs.count() > before > 0:
                local = clock.time.astimezone(clock.zone)
                assert (local.hour, local.minute) in ((2, 30), (3, 30)) or local.day == first
    dates = started_dates(rig)
    assert len(dates) == len(set(dates))


def test_switching_the_schedule_on_starts_nothing_for_a_time_that_has_passed(tmp_path):
    clock = FakeClock(datetime(2026, 5, 5, 6, tzinfo=UTC), ZoneInfo("UTC"))
    rig = Rig(tmp_path, None, clock=clock)
    wanted = Preferences(schedule_enabled=True, schedule="03:30")
    assert jobs.due_day(wanted, clock, rig.memory, rig.jobs._t.cron) == "2026-05-05"
    rig.memory.mark(jobs.DAILY, "2026-05-05")
    assert jobs.due_day(wanted, clock, rig.memory, rig.jobs._t.cron) is None
    nxt = jobs.next_scheduled(wanted, clock, rig.memory, rig.jobs._t.cron)
    assert nxt == datetime(2026, 5, 6, 3, 30, tzinfo=UTC)


def test_a_schedule_that_is_off_names_no_next_time(tmp_path):
    clock = FakeClock(datetime(2026, 5, 5, 6, tzinfo=UTC), ZoneInfo("UTC"))
    rig = Rig(tmp_path, None, clock=clock)
    assert jobs.next_scheduled(Preferences(), clock, rig.memory, rig.jobs._t.cron) is None
