"""The surveyor with meters that do as they are told, on the real store and on the one in memory."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

import pytest
from speed_home import CLI, DEADLINE, HTTP, MB, OOKLA, FakeMeter, Home, MemorySpeed, flawed, result, until_stopped

from keeper.errors import Cancelled, Interrupted, RunError, StoreError, StoreRefused
from keeper.house.watchtower import Forbearing
from keeper.nightfall import SAME_SECONDS
from keeper.overseer import LATE_SECONDS, LOOK_SECONDS, Overseer
from keeper.rules import own_load, speed_story
from keeper.rules.types import (
    Aspect,
    EventFilter,
    Fact,
    Flaw,
    Hindrance,
    Owner,
    SpeedPlan,
    SpeedProgress,
    SpeedSource,
    SpeedStatus,
    SpeedWishes,
)
from keeper.store.db import Database
from keeper.store.events import Events
from keeper.store.speed import StoredSpeed
from keeper.surveyor import MOST_SECONDS

NIGHT = datetime(2026, 7, 16, 1, 59, tzinfo=UTC)  # a minute before the daily test
HOUR = 3600.0
DAY = "2026-07-16"
LOW = SpeedWishes(least_download=50.0)


class FileHome(Home):
    """The same on the real store."""

    def __init__(self, database: Database, **more) -> None:
        self.database = database
        super().__init__(StoredSpeed(database), mark=database.mark, **more)


@pytest.fixture(params=["memory", "file"])
def home(request, tmp_path):
    """Builds homes; all of them without a daily test, which a test that wants one switches on."""
    databases = []

    def build(*meters: FakeMeter, daily: bool = False, **more) -> Home:
        more |= {"meters": list(meters) or [FakeMeter()]}
        if request.param == "memory":
            made = Home(MemorySpeed(), **more)
        else:
            databases.append(Database(tmp_path / f"keeper{len(databases)}.db"))
            databases[-1].migrate()
            made = FileHome(databases[-1], **more)
        made.store.save_wishes(SpeedWishes(daily=daily), "test", made.clock.now())
        return made

    yield build
    for each in databases:
        each.close()


def told(home: Home, *kinds: str):
    """The events so far, oldest first: (kind, severity, data)."""
    if isinstance(home, FileHome):
        events = Events(home.database).page(EventFilter(), 500).events[::-1]
    else:
        events = home.store.notices
    return [event for event in events if event.kind != "Speed Wishes Changed" and (not kinds or event.kind in kinds)]


def names(home: Home) -> list[str]:
    return [event.kind for event in told(home)]


def wish(home: Home, **what) -> None:
    home.store.save_wishes(replace(home.store.wishes(), **what), "test", home.clock.now())


def in_background(work) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def joined(thread: threading.Thread, seconds: float = DEADLINE) -> bool:
    thread.join(seconds)
    return not thread.is_alive()


# ---------------------------------------------------------------------------- by hand


def test_a_result_that_can_be_believed_counts_and_is_told(home):
    here = home()
    test = here.measured()
    assert test.status is SpeedStatus.SUCCESS and test.result.measured.download_mbps == 100 and test.low == ()
    assert test.bytes == 200 * MB
    [event] = told(here)
    assert event.kind == "Network Speed Test" and event.severity == "info"
    assert dict(event.data) == {
        "provider": "speedtest-cli", "server": "4711", "download_mbps": 100.0, "upload_mbps": 20.0, "ping_ms": 12.0,
        "low": [], "source": "manual",
    }  # fmt: skip


def test_the_first_provider_that_brings_a_believable_result_is_the_last_one_asked(home):
    lying = FakeMeter(result(CLI, ping=1_800_000.0))
    absent, good, never = FakeMeter(result(HTTP)), FakeMeter(result(OOKLA)), FakeMeter(result(HTTP))
    absent.able = False
    here = home(lying, absent, good, never)
    test = here.measured()
    assert test.result.provider is OOKLA
    assert (len(lying.given), len(absent.given), len(good.given), len(never.given)) == (1, 0, 1, 0)


def test_a_provider_of_which_it_cannot_be_told_is_tried(home):
    meter = FakeMeter()
    meter.able = None
    assert home(meter).measured().status is SpeedStatus.SUCCESS


def test_when_nobody_can_be_believed_the_test_failed_and_says_why(home):
    here = home(FakeMeter(flawed(CLI, Flaw.BLOCKED, "HTTP Error 403")), FakeMeter(result(HTTP, up=0.0)))
    test = here.measured()
    assert test.status is SpeedStatus.FAILED and test.error_code == "blocked"
    assert "HTTP Error 403" in test.error and "http: It measured an upload of zero" in test.error
    [event] = told(here)
    assert (event.kind, event.severity) == ("Speed Test Failed", "info")
    assert dict(event.data) == {
        "attempts": 1, "error_code": "blocked", "provider": "speedtest-cli", "source": "manual", "date": "2026-07-15",
    }  # fmt: skip


def test_where_nobody_can_measure_that_is_said(home):
    meter = FakeMeter()
    meter.able = False
    test = home(meter).measured()
    assert (test.status, test.error_code) == (SpeedStatus.FAILED, "not_installed")


def test_a_low_result_is_measured_again_and_a_fine_second_one_counts(home):
    here = home(FakeMeter(result(down=100.0), result(down=20.0)))
    wish(here, least_download=50.0)
    test = here.measured()
    assert test.result.measured.download_mbps == 100 and test.low == ()
    assert told(here)[-1].severity == "info"


def test_two_low_results_are_a_slow_line(home):
    here = home(FakeMeter(result(), result(down=30.0), result(down=20.0)))
    wish(here, least_download=50.0)
    test = here.measured()
    assert test.low == (Aspect.DOWNLOAD,) and test.result.measured.download_mbps == 30
    [event] = told(here)
    assert event.severity == "warning" and event.data["low"] == ["download"]


def test_a_low_result_that_cannot_be_confirmed_is_no_result(home):
    other = FakeMeter(result(HTTP))
    here = home(FakeMeter(flawed(said="it broke"), result(down=20.0)), other)
    wish(here, least_download=50.0)
    test = here.measured()
    assert (test.status, test.error_code, test.result) == (SpeedStatus.FAILED, "unconfirmed", None)
    assert "it broke" in test.error and other.given == []
    assert told(here)[-1].data["error_code"] == "unconfirmed"


def test_what_is_usual_is_told_by_earlier_results_of_that_provider_and_server(home):
    meter = FakeMeter(result(server="a", down=100.0))
    here = home(meter)
    assert [here.measured().low for _ in range(5)] == [()] * 5
    meter.usual = result(server="b", down=20.0)
    assert here.measured().low == ()  # nothing is known of that server yet
    meter.usual = result(server="a", down=20.0)
    assert here.measured().low == (Aspect.DOWNLOAD,)


def test_the_page_sees_who_measures_and_that_it_is_done_again(home):
    seen = []

    def shown(stop, is_wanted):
        """It is written in a thread of its own, which takes a real moment."""
        for _ in range(2000):
            here.clock.forward(0.25)
            stop.wait(0.005)
            if is_wanted(here.store.active().progress):
                return here.store.active().progress
        raise AssertionError("it is not shown")

    def speaking(figures):
        def measure(stop, most_bytes, report):
            for rate in (1.0, 2.0):
                here.clock.forward(1)
                report(SpeedProgress(seconds=1.0, receiving_mbps=rate))
            seen.append(shown(stop, lambda progress: progress.receiving_mbps == 2.0))
            return figures

        return measure

    here = home(FakeMeter(result(), result(), speaking(result(down=20.0)), speaking(result(down=25.0))))
    here.measured()
    wish(here, least_download=50.0)
    here.measured()
    first, second = seen
    assert (first.provider, first.confirming, second.confirming) == (CLI, False, True)
    assert first.receiving_mbps == 2.0 and first.expected == 20.0


# ---------------------------------------------------------------------------- ended before it is done


def test_a_cancel_is_honoured_within_a_second(home):
    began = threading.Event()
    here = home(FakeMeter(result(), until_stopped(began)))
    here.clock.monotonic = time.monotonic
    number = here.ask()
    work = in_background(here.tick)
    assert began.wait(DEADLINE) and here.surveyor.measuring
    asked = here.clock.monotonic()
    assert here.store.request_cancel(number)
    assert joined(work) and here.clock.monotonic() - asked < 1.0
    test = here.store.get(number)
    assert (test.status, test.error, test.bytes) == (SpeedStatus.CANCELLED, "", 50 * MB)
    assert told(here) == [] and not here.surveyor.measuring


def test_a_cancel_does_not_wait_for_plex(home):
    """Plex hangs while it is asked whether somebody is watching."""
    here, asked, answer = home(), threading.Event(), threading.Event()

    def hang(anyway):
        asked.set()
        answer.wait(DEADLINE)

    here.look = hang
    here.restart()
    here.clock.monotonic = time.monotonic
    number = here.ask()
    work = in_background(here.tick)
    assert asked.wait(DEADLINE)
    before = here.clock.monotonic()
    here.store.request_cancel(number)
    assert joined(work) and here.clock.monotonic() - before < 1.0
    assert here.store.get(number).status is SpeedStatus.CANCELLED
    answer.set()


def test_while_plex_hangs_it_is_asked_once_at_a_time(home):
    here, answer, asking, most = home(), threading.Event(), [], []

    def hang(anyway):
        asking.append(1)
        most.append(len(asking))
        answer.wait(DEADLINE)
        asking.pop()

    here.look = hang
    here.restart()
    here.clock.monotonic = time.monotonic
    for _ in range(3):
        number, before = here.ask(), here.surveyor._overseer
        work = in_background(here.tick)
        waiting = threading.Event()
        while (brake := here.surveyor._overseer) is before or brake._wanted_at == inf:
            waiting.wait(0.01)
        here.store.request_cancel(number)
        assert joined(work)
    answer.set()
    assert max(most) == 1


def test_one_that_was_cancelled_while_it_waited_is_never_begun(home):
    here = home()
    number = here.ask()
    here.store.request_cancel(number)
    here.tick()
    assert here.store.get(number).status is SpeedStatus.CANCELLED and here.meters[0].given == []


def hindered_in_the_middle(here: Home, why: Hindrance):
    """A measurement in which something comes up; it is told so within two looks."""

    def measure(stop, most_bytes, report):
        here.hindrance = why
        here.clock.forward(LOOK_SECONDS + 0.1)
        return until_stopped(threading.Event(), cost=70 * MB)(stop, most_bytes, report)

    return measure


def test_what_comes_up_in_the_middle_puts_it_off(home):
    here = home(FakeMeter())
    here.meters[0].script = [hindered_in_the_middle(here, Hindrance.NO_LINE)]
    test = here.measured()
    assert (test.status, test.error_code) == (SpeedStatus.PUT_OFF, "no_line")
    assert test.error == speed_story.HINDRANCES[Hindrance.NO_LINE] and test.bytes == 70 * MB
    assert told(here) == []


def test_somebody_watching_puts_it_off_unless_it_is_wanted_anyway(home):
    here = home()
    here.watched = True
    assert here.measured().error_code == "in_use" and here.meters[0].given == []
    assert here.measured(anyway=True).status is SpeedStatus.SUCCESS


def test_who_begins_to_watch_after_a_low_result_is_not_disturbed_by_a_second_one(home):
    def watched_then(stop, most_bytes, report):
        here.watched = True
        here.clock.forward(3)
        return result(down=20.0)

    here = home(FakeMeter(result(), watched_then))
    wish(here, least_download=50.0)
    test = here.measured()
    assert (test.status, test.error_code) == (SpeedStatus.PUT_OFF, "in_use") and len(here.meters[0].given) == 1


def test_a_house_that_cannot_be_asked_counts_as_somebody_watching(home):
    here = home()

    def broken(anyway):
        raise StoreError("The data file is locked.")

    here.look = broken
    here.restart()
    assert here.measured().error_code == "in_use_unknown"
    assert here.measured(anyway=True).status is SpeedStatus.SUCCESS


@pytest.mark.parametrize("daily", [False, True])
def test_a_fault_in_the_thread_of_a_look_comes_out_and_ends_the_test(home, daily):
    here = home(daily=daily)

    def broken(anyway):
        raise ZeroDivisionError

    here.look = broken
    here.restart()
    number = None if daily else here.ask()
    with pytest.raises(ZeroDivisionError):
        here.tick()
    if number:
        assert (here.store.get(number).status, here.store.get(number).error_code) == (SpeedStatus.FAILED, "internal")
    assert here.store.active() is None and not here.surveyor.measuring


def test_a_fault_in_a_meter_leaves_no_test_behind_that_runs_for_ever(home):
    def breaks(stop, most_bytes, report):
        raise ZeroDivisionError

    here = home(FakeMeter(result(), breaks))
    number = here.ask()
    with pytest.raises(ZeroDivisionError):
        here.tick()
    test = here.store.get(number)
    assert test.status is SpeedStatus.FAILED and "logs/keeper_error.log" in test.error
    assert here.measured().status is SpeedStatus.SUCCESS


def test_when_the_service_stops_the_test_is_interrupted(home):
    began = threading.Event()
    here = home(FakeMeter(result(), until_stopped(began)))
    number = here.ask()
    work = in_background(here.tick)
    assert began.wait(DEADLINE)
    here.surveyor.stop()
    assert joined(work)
    assert here.store.get(number).status is SpeedStatus.INTERRUPTED and told(here) == []
    here.ask()
    here.tick()
    assert len(here.meters[0].given) == 1  # it has stopped


def test_when_the_service_stops_while_it_asks_the_daily_test_has_not_begun(home):
    here, asked = home(daily=True), threading.Event()
    answer = threading.Event()

    def hang(anyway):
        asked.set()
        answer.wait(DEADLINE)

    here.look = hang
    here.restart()
    here.clock.true = NIGHT + timedelta(minutes=2)
    work = in_background(here.tick)
    assert asked.wait(DEADLINE)
    here.surveyor.stop()
    assert joined(work)
    answer.set()
    assert here.store.active() is None and here.meters[0].given == []


def test_a_test_that_somebody_else_ended_stays_as_it_was_ended(home):
    def ended_outside(stop, most_bytes, report):
        here.store.interrupt_orphans(lambda owner: False, here.clock.now())
        here.clock.forward(1)
        with pytest.raises(Interrupted):
            stop.wait(DEADLINE)
        return flawed(flaw=Flaw.STOPPED)

    here = home(FakeMeter(result(), ended_outside))
    assert here.measured().status is SpeedStatus.INTERRUPTED and told(here) == []


def test_what_a_dead_program_left_behind_ends_and_makes_room(home):
    here = home()
    dead = Owner("another boot", 1, 1)
    left = here.store.start(SpeedSource.CLI, "tester", "2026-07-15", False, dead, "dead", here.clock.moment())
    here.tick()
    assert here.store.get(left.id).status is SpeedStatus.INTERRUPTED
    assert here.measured().status is SpeedStatus.SUCCESS


@pytest.mark.parametrize(
    ("seconds", "rate", "cost"),
    [(0.0, 0.0, 30 * MB), (1.0, 8.0, 30 * MB), (10.0, 80.0, 110 * MB), (600.0, 900.0, 600 * MB)],
)
def test_what_a_killed_measurement_may_have_cost_is_counted_by_what_it_said_last(home, seconds, rate, cost):
    """Not less than a twentieth of what it might cost, and not more than that."""
    here = home()
    dead = Owner("another boot", 1, 1)
    left = here.store.start(SpeedSource.CLI, "tester", "2026-07-15", False, dead, "dead", here.clock.moment())
    said = SpeedProgress(CLI, seconds=seconds, receiving_mbps=rate, sending_mbps=rate / 10)
    here.store.pulse(left.id, said, here.clock.now())
    here.tick()
    since, until = here.clock.now() - timedelta(hours=1), here.clock.now() + timedelta(hours=1)
    assert here.store.bytes_between(since, until) == cost


def test_a_running_test_that_nobody_can_read_is_looked_for_at_every_round(home, monkeypatch):
    """The real store passes such a row over when it is asked what runs, and starts no other one beside it."""
    here = home(daily=True)
    here.clock.true = NIGHT
    here.tick()
    dead = Owner("another boot", 1, 1)
    left = here.store.start(SpeedSource.CLI, "tester", "2026-07-15", False, dead, "dead", here.clock.moment())
    monkeypatch.setattr(here.store, "active", lambda: None)
    here.tick(60)
    assert here.store.get(left.id).status is SpeedStatus.INTERRUPTED and len(here.meters[0].given) == 1


def test_while_such_a_test_is_in_the_way_it_is_tried_again_soon(home, monkeypatch):
    here, other = home(daily=True), Owner("this boot", 99, 1)
    here.clock.true = NIGHT
    alive = [True]
    here.surveyor._with = replace(here.surveyor._with, is_alive=lambda owner: alive[0])
    left = here.store.start(SpeedSource.CLI, "tester", "2026-07-15", False, other, "cli", here.clock.moment())
    monkeypatch.setattr(here.store, "active", lambda: None)
    here.tick(60)
    here.tick()
    assert here.store.get(left.id).status is SpeedStatus.RUNNING
    alive[0] = False  # without a word in the store
    here.tick(5)
    assert len(here.meters[0].given) == 1


def test_what_the_store_will_never_take_is_given_up(home, monkeypatch):
    here = home()

    def refuse(*_arguments):
        raise StoreRefused("No number.")

    monkeypatch.setattr(here.store, "note_run", refuse)
    test = here.measured()
    assert (test.status, test.error) == (SpeedStatus.FAILED, "No number.")


def test_while_another_program_measures_it_is_waited_for(home):
    here, other = home(daily=True), Owner("this boot", 99, 1)
    here.clock.true = NIGHT
    here.tick()
    alive = [True]
    here.surveyor._with = replace(here.surveyor._with, is_alive=lambda owner: alive[0] if owner == other else True)
    left = here.store.start(SpeedSource.CLI, "tester", "2026-07-15", True, other, "cli", here.clock.moment())
    here.clock.forward(HOUR)
    here.store.pulse(left.id, SpeedProgress(CLI), here.clock.now())
    here.tick()
    assert here.meters[0].given == [] and here.store.get(left.id).status is SpeedStatus.RUNNING
    alive[0] = False  # without a word in the store
    here.tick(10)
    here.tick(1)
    assert here.store.get(left.id).status is SpeedStatus.INTERRUPTED and len(here.meters[0].given) == 1


def test_of_one_that_somebody_else_ended_no_other_measurement_is_made(home):
    """The program was asleep for minutes, and was taken for dead. It finds out before it fills the line again."""

    def ended_meanwhile(stop, most_bytes, report):
        here.store.interrupt_orphans(lambda owner: False, here.clock.now())
        return flawed()

    other = FakeMeter(result(HTTP))
    here = home(FakeMeter(result(), ended_meanwhile), other)
    assert here.measured().status is SpeedStatus.INTERRUPTED and other.given == []


def test_a_progress_that_cannot_be_stored_hides_no_cancel(home):
    began = threading.Event()

    def spoilt(stop, most_bytes, report):
        report(SpeedProgress(seconds=float("nan"), receiving_mbps=-1.0))
        return until_stopped(began)(stop, most_bytes, report)

    here = home(FakeMeter(result(), spoilt))
    real = here.store.pulse

    def pulse(test_id, progress, now):
        if progress.receiving_mbps < 0:
            raise StoreRefused("No rate.")
        return real(test_id, progress, now)

    here.store.pulse = pulse
    here.clock.monotonic = time.monotonic
    number = here.ask()
    work = in_background(here.tick)
    assert began.wait(DEADLINE)
    here.store.request_cancel(number)
    assert joined(work) and here.store.get(number).status is SpeedStatus.CANCELLED


# ---------------------------------------------------------------------------- a house or a store that hangs


@pytest.mark.parametrize("anyway", [False, True])
def test_a_look_that_hangs_in_the_middle_counts_as_not_to_be_told(home, anyway):
    asked, answer = threading.Event(), threading.Event()

    def hangs_then(stop, most_bytes, report):
        here.look = hang
        here.clock.forward(LOOK_SECONDS + 0.1)
        stop.check()
        assert asked.wait(DEADLINE)
        here.clock.forward(LATE_SECONDS + 0.1)
        try:
            stop.check()
        except Cancelled:
            return flawed(flaw=Flaw.STOPPED)
        return result()

    def hang(anyway):
        asked.set()
        answer.wait(DEADLINE)

    here = home(FakeMeter(result(), hangs_then))
    here.surveyor._with = replace(here.surveyor._with, hindrance=lambda anyway: here.look(anyway))
    test = here.measured(anyway)
    answer.set()
    assert (test.status, test.error_code) == (
        (SpeedStatus.SUCCESS, "") if anyway else (SpeedStatus.PUT_OFF, "in_use_unknown")
    )


def test_a_store_that_does_not_answer_delays_no_brake(home):
    """A pulse waits ten seconds for a file that is locked; the meter, which asks ten times a second whether to go on,
    has to end its child in time all the same."""
    began, answer = threading.Event(), threading.Event()
    pulses, most, waits = [], [], []

    def hang(test_id, progress, now):
        pulses.append(1)
        most.append(len(pulses))
        answer.wait(DEADLINE)
        pulses.pop()
        return False

    def measure(stop, most_bytes, report):
        here.store.pulse = hang
        while True:
            before = time.monotonic()
            here.clock.forward(0.5)
            report(SpeedProgress(seconds=1.0))
            try:
                stop.check()
            except Interrupted:
                return flawed(flaw=Flaw.STOPPED)
            finally:
                waits.append(time.monotonic() - before)
                began.set() if most else None

    here = home(FakeMeter(result(), measure))
    number = here.ask()
    work = in_background(here.tick)
    assert began.wait(DEADLINE)
    here.surveyor.stop()
    assert joined(work, 5.0) and max(waits) < 1.0 and max(most) == 1
    answer.set()
    assert here.store.get(number).status is SpeedStatus.INTERRUPTED


@pytest.mark.parametrize("seconds", [20.0, MOST_SECONDS])
def test_the_line_counts_as_filled_only_while_it_is_measured(home, monkeypatch, seconds):
    """A full disk may keep a test from being written down for days; nothing is blamed on it meanwhile."""
    monkeypatch.setattr("keeper.surveyor.RETRY_SECONDS", 0.01)
    seen = []

    def measure(stop, most_bytes, report):
        seen.append(here.surveyor.measuring)
        here.clock.forward(seconds)
        seen.append(here.surveyor.measuring)
        return result()

    here = home(FakeMeter(result(), measure))
    for method in ("note_run", "finish"):
        real = getattr(here.store, method)
        times = [2]

        def fails(*arguments, real=real, times=times):
            seen.append(here.surveyor.measuring)
            times[0] -= 1
            if times[0] >= 0:
                raise StoreError("The disk is full.")
            return real(*arguments)

        setattr(here.store, method, fails)
    assert here.measured().status is SpeedStatus.SUCCESS
    assert seen == [True, seconds < MOST_SECONDS] + [False] * 6


def test_a_test_shorter_than_a_look_excuses_it_as_well(home):
    here = home()

    class Eyes:
        def look(self):
            here.clock.forward(1)
            during()
            here.clock.forward(1)
            return {"internet": Fact(False, "silent")}

    watching = Forbearing(Eyes(), here.clock, here.surveyor.measured_since, 5.0)
    during = here.measured
    assert watching.look() == {"internet": Fact(None, own_load.DETAIL)}
    here.clock.forward(1)
    during = lambda: None  # noqa: E731
    assert watching.look() == {"internet": Fact(False, "silent")}


# ---------------------------------------------------------------------------- the command line


def test_a_command_measures_in_its_own_thread(home):
    here = home()
    test = here.surveyor.run_now(SpeedSource.CLI, "me", anyway=False)
    assert (test.status, test.source, test.local_date) == (SpeedStatus.SUCCESS, SpeedSource.CLI, "2026-07-15")
    assert told(here)[0].data["source"] == "cli"


def test_a_command_is_told_who_is_in_the_way(home):
    here = home()
    here.store.start(SpeedSource.CLI, "x", "2026-07-15", True, here.owner, "somebody", here.clock.moment())
    with pytest.raises(RunError):
        here.surveyor.run_now(SpeedSource.CLI, "me", anyway=False)


def test_control_c_cancels(home):
    def presses(stop, most_bytes, report):
        raise KeyboardInterrupt

    here = home(FakeMeter(result(), presses))
    with pytest.raises(KeyboardInterrupt):
        here.surveyor.run_now(SpeedSource.CLI, "me", anyway=False)
    assert here.store.get(1).status is SpeedStatus.CANCELLED


@pytest.mark.parametrize("method", ["note_run", "finish"])
@pytest.mark.parametrize("by_key", [False, True])
def test_who_wants_to_go_waits_for_no_disk(home, method, by_key):
    """By Ctrl-C, or as the command says it when it was given a signal."""
    here, tried = home(), threading.Event()
    failing(here, method, 10**9, tried=tried)
    ended = []

    def command():
        try:
            here.surveyor.run_now(SpeedSource.CLI, "me", anyway=False)
        except (StoreError, KeyboardInterrupt) as problem:
            ended.append(type(problem))

    if by_key:
        here.meters[0].script = [lambda stop, most, report: (_ for _ in ()).throw(KeyboardInterrupt)]
        failing(here, "finish", 10**9, tried=tried)
    work = in_background(command)
    assert tried.wait(DEADLINE)
    if not by_key:
        here.surveyor.cancel()
    assert joined(work, 3.0) and ended


def test_a_measurement_that_was_cancelled_on_a_full_disk_is_still_written_at_the_end(home):
    here = home()
    left = failing(here, "note_run", 1)
    real_pause = Overseer.pause

    def cancelled(self, seconds):
        self.end(speed_story.CANCELLED)
        real_pause(self, seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Overseer, "pause", cancelled)
        test = here.measured()
    assert (test.status, test.bytes, left) == (SpeedStatus.CANCELLED, 200 * MB, [0])


def test_an_end_that_the_store_will_never_take_is_given_up(home, monkeypatch):
    here = home()

    def refuse(*_arguments):
        raise StoreRefused("Not readable.")

    monkeypatch.setattr(here.store, "finish", refuse)
    here.ask()
    with pytest.raises(StoreRefused):
        here.tick()


# ---------------------------------------------------------------------------- a store that fails


def failing(here: Home, method: str, times: int, error: str = "The disk is full.", tried=None):
    """The next calls of that method fail."""
    real, left = getattr(here.store, method), [times]

    def call(*args, **kwargs):
        if left[0]:
            left[0] -= 1
            if tried:
                tried.set()
            raise StoreError(error)
        return real(*args, **kwargs)

    setattr(here.store, method, call)
    return left


@pytest.mark.parametrize("method", ["note_run", "finish"])
def test_a_full_disk_only_delays_what_must_not_be_lost(home, method, monkeypatch):
    monkeypatch.setattr("keeper.surveyor.RETRY_SECONDS", 0.01)
    here = home()
    failing(here, method, 3)
    test = here.measured()
    assert test.status is SpeedStatus.SUCCESS and test.bytes == 200 * MB and names(here) == ["Network Speed Test"]


def test_when_the_service_stops_before_the_end_could_be_stored_the_next_one_finds_it(home):
    here = home()
    number = here.ask()
    left = failing(here, "finish", 10**9)
    here.look = lambda anyway: None
    here.restart()
    pausing = here.surveyor._stopping
    real_wait, waits = pausing.wait, threading.Event()
    pausing.wait = lambda seconds: waits.set() or real_wait(seconds)
    ended = []

    def work():
        try:
            here.surveyor.tick()
        except StoreError as problem:
            ended.append(problem)

    thread = in_background(work)
    assert waits.wait(DEADLINE)
    here.surveyor.stop()
    assert joined(thread) and ended and not here.surveyor.measuring
    left[0] = 0
    here.restart()
    here.tick()
    assert here.store.get(number).status is SpeedStatus.INTERRUPTED


def test_a_store_that_does_not_answer_in_the_middle_ends_the_test_with_its_sentence(home):
    here = home()
    failing(here, "costs", 1, "The data file is locked.")
    test = here.measured()
    assert (test.status, test.error, test.error_code) == (SpeedStatus.FAILED, "The data file is locked.", "store")


def test_a_pulse_that_fails_does_not_end_the_test(home):
    here = home()
    failing(here, "pulse", 1)
    assert here.measured().status is SpeedStatus.SUCCESS


# ---------------------------------------------------------------------------- every day


def test_the_daily_test_is_made_once_at_its_hour(home):
    here = home(daily=True)
    here.clock.true = NIGHT
    here.tick()
    assert here.meters[0].given == [] and here.surveyor.next_time() == NIGHT + timedelta(minutes=1)
    here.tick(60)
    for _ in range(30):
        here.tick(600)
    assert len(here.meters[0].given) == 1
    [event] = told(here)
    assert event.data["source"] == "schedule"
    assert here.surveyor.next_time() == NIGHT + timedelta(days=1, minutes=1)


def test_a_restart_in_between_makes_no_second_one(home):
    here = home(daily=True)
    here.clock.true = NIGHT + timedelta(minutes=1)
    here.tick()
    here.restart()
    here.clock.reboot()
    here.restart()
    here.tick(2 * HOUR)
    assert len(here.meters[0].given) == 1


def test_what_failed_is_tried_again_an_hour_later_and_then_told_once(home):
    here = home(FakeMeter(flawed()), daily=True, plan=SpeedPlan(attempts=3))
    here.clock.true = NIGHT
    began = []
    for _ in range(12 * 60):
        here.tick(60)
        if len(here.meters[0].given) > len(began):
            began.append(here.clock.true)
    assert [moment - began[0] for moment in began] == [timedelta(0), timedelta(hours=1), timedelta(hours=2)]
    [event] = told(here)
    assert (event.kind, event.severity) == ("Speed Test Failed", "warning")
    assert dict(event.data) == {
        "attempts": 3, "error_code": "blocked", "provider": "speedtest-cli", "source": "schedule", "date": DAY,
    }  # fmt: skip


def test_who_watches_is_never_disturbed_and_the_day_ends_with_the_reason(home):
    here = home(daily=True)
    here.clock.true, here.watched = NIGHT, True
    for _ in range(23 * 6):
        here.tick(600)
    assert here.meters[0].given == [] and here.store.book([DAY]).attempts == ()
    assert 100 < here.looks < 150  # every ten minutes
    [event] = told(here)
    assert (event.kind, event.severity, dict(event.data)) == (
        "Speed Test Skipped", "info", {"date": DAY, "hindrance": "in_use"},
    )  # fmt: skip


def test_it_is_looked_again_ten_minutes_after_it_was_put_off(home):
    here = home(daily=True)
    here.clock.true, here.hindrance = NIGHT, Hindrance.NO_LINE
    here.tick(60)
    here.hindrance = None
    here.tick(599)
    assert here.meters[0].given == []
    here.tick(1)
    assert len(here.meters[0].given) == 1 and names(here) == ["Network Speed Test"]


def test_what_was_put_off_in_the_middle_counts_as_an_attempt(home):
    here = home(FakeMeter(), daily=True)
    here.meters[0].script = [hindered_in_the_middle(here, Hindrance.IN_USE)]
    here.clock.true = NIGHT
    here.tick(60)
    here.hindrance = None
    here.tick(HOUR - 60)
    assert len(here.meters[0].given) == 1
    here.tick(60)
    assert len(here.meters[0].given) == 2
    assert [attempt.status for attempt in here.store.book([DAY]).attempts] == [SpeedStatus.PUT_OFF, SpeedStatus.SUCCESS]
    assert names(here) == ["Network Speed Test"]


def test_attempts_that_were_all_put_off_are_no_failure(home):
    here = home(FakeMeter(), daily=True, plan=SpeedPlan(attempts=2))
    here.clock.true = NIGHT
    for _ in range(2):
        here.hindrance = None
        here.meters[0].script = [hindered_in_the_middle(here, Hindrance.IN_USE)]
        here.tick(HOUR + 60)
    [event] = told(here)
    assert (event.kind, event.data["hindrance"]) == ("Speed Test Skipped", "in_use")


def test_the_last_attempt_may_end_with_its_process_and_the_day_is_told_all_the_same(home):
    here = home(daily=True, plan=SpeedPlan(attempts=1))
    here.clock.true = NIGHT + timedelta(minutes=1)
    dead = Owner("this boot", 77, 1)
    here.store.start(SpeedSource.SCHEDULE, "schedule", DAY, False, dead, "dead", here.clock.moment())
    here.tick()
    here.tick(60)
    [event] = told(here)
    assert (event.kind, event.data["hindrance"]) == ("Speed Test Skipped", "failed")
    assert here.meters[0].given == []


def test_a_day_that_was_open_when_the_service_ended_is_told_when_it_is_back(home):
    here = home(daily=True)
    here.clock.true, here.watched = NIGHT + timedelta(minutes=1), True
    here.tick()
    here.clock.forward(3 * 86_400)
    here.watched = False
    here.restart()
    here.tick()
    here.tick(SAME_SECONDS)
    assert names(here) == ["Network Speed Test", "Speed Test Skipped"]  # of the days between, nothing is said
    assert told(here)[1].data["date"] == DAY


def test_who_wants_no_daily_tests_any_more_hears_nothing_of_the_open_day(home):
    here = home(daily=True)
    here.clock.true, here.watched = NIGHT + timedelta(minutes=1), True
    here.tick()
    wish(here, daily=False)
    here.watched = False
    for _ in range(40):
        here.tick(HOUR)
    assert told(here) == [] and here.meters[0].given == [] and here.surveyor.next_time() is None
    assert here.store.book([DAY]).days[DAY].outcome == "skipped"


@pytest.mark.parametrize("hours", [24.0, 50.0, 24.0 * 365 * 4])
def test_a_clock_that_is_wrong_for_a_while_finds_its_day_still_open(home, hours):
    here = home(daily=True)
    here.clock.true, here.watched = NIGHT + timedelta(minutes=1), True
    here.tick()
    here.clock.offset = timedelta(hours=hours)
    for _ in range(12):
        here.tick(600)
    assert told(here, "Speed Test Skipped", "Speed Test Failed") == []
    assert here.store.book([DAY]).days[DAY].outcome == ""
    here.clock.offset, here.watched = timedelta(0), False
    for _ in range(8):
        here.tick(600)
    assert names(here) == ["Network Speed Test"] and here.store.book([DAY]).days[DAY].outcome == "success"


def test_a_day_is_closed_when_the_uptime_agrees_whatever_became_of_the_clock(home):
    here = home(daily=True)
    here.clock.true, here.watched = NIGHT + timedelta(minutes=1), True
    here.tick()
    here.clock.offset = timedelta(hours=30)
    here.tick(21 * HOUR)
    assert told(here) == []
    here.tick(2 * HOUR)
    assert [event.data["date"] for event in told(here)] == [DAY]


def test_a_program_that_begins_with_a_wrong_clock_closes_nothing_at_once(home):
    here = home(daily=True)
    here.clock.true, here.watched = NIGHT + timedelta(minutes=1), True
    here.tick()
    here.restart()
    here.clock.offset = timedelta(hours=50)
    here.tick()
    here.tick(SAME_SECONDS - 1)
    assert told(here) == []
    here.clock.offset, here.watched = timedelta(0), False
    here.tick(SAME_SECONDS)
    assert names(here) == ["Network Speed Test"]


def test_one_that_somebody_asked_for_goes_first_and_the_daily_one_follows(home):
    here = home(daily=True)
    here.clock.true = NIGHT + timedelta(minutes=1)
    here.ask()
    here.tick()
    here.tick(1)
    assert [event.data["source"] for event in told(here)] == ["manual", "schedule"]


def test_a_day_that_ends_while_it_is_looked_is_not_begun_any_more(home):
    here = home(daily=True, plan=SpeedPlan(hour=23))
    here.clock.true = datetime(2026, 7, 15, 23, 59, 58, tzinfo=UTC)

    def slow(anyway):
        here.clock.forward(3)

    here.look = slow
    here.restart()
    here.tick()
    assert here.meters[0].given == []
    here.tick(1)
    [event] = told(here)
    assert dict(event.data) == {"date": "2026-07-15", "hindrance": ""} and "no time left" in event.message


def test_somebody_who_was_quicker_is_no_attempt(home):
    here = home(daily=True)
    here.clock.true = NIGHT + timedelta(minutes=1)
    other = Owner("this boot", 99, 1)
    alive = [True]

    def quicker(anyway):
        here.store.start(SpeedSource.CLI, "me", DAY, True, other, "cli", here.clock.moment())

    here.look = quicker
    here.restart()
    here.surveyor._with = replace(here.surveyor._with, is_alive=lambda owner: alive[0])
    here.tick()
    assert here.meters[0].given == [] and here.store.book([DAY]).attempts == ()


@pytest.mark.parametrize(
    ("zone", "night", "begins"),
    [
        ("America/New_York", datetime(2026, 3, 8, 6, 0, tzinfo=UTC), datetime(2026, 3, 8, 7, 0, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 5, 0, tzinfo=UTC), datetime(2026, 11, 1, 7, 0, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 3, 29, 0, 0, tzinfo=UTC), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 24, 23, 0, tzinfo=UTC), datetime(2026, 10, 25, 0, 0, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_on_the_nights_in_which_clocks_change_it_begins_once_at_the_right_moment(home, zone, night, begins):
    """02:00 that is left out is 03:00; of a 02:00 that comes twice (Berlin), the first counts."""
    here = home(daily=True, zone=ZoneInfo(zone))
    here.clock.true = night
    began = []
    for _ in range(12 * 10):
        here.tick(300)
        if len(here.meters[0].given) > len(began):
            began.append(here.clock.true)
    assert began == [begins]


# ---------------------------------------------------------------------------- what was told is not told again


def test_an_alarm_begins_and_ends_once(home):
    meter = FakeMeter()
    here = home(meter)
    wish(here, least_download=50.0)
    for down in (100, 20, 100, 20, 20, 20, 100, 20, 100, 100, 100):
        meter.usual = result(down=float(down))
        here.measured()
    alarms = told(here, "Line Slow", "Line Fine Again")
    assert [event.kind for event in alarms] == ["Line Slow", "Line Fine Again"]
    assert dict(alarms[0].data) == {
        "low_count": 2, "of": 3, "aspects": ["download"], "download_mbps": 20.0, "upload_mbps": 20.0,
    }  # fmt: skip
    assert (alarms[0].severity, alarms[1].severity) == ("warning", "info") and alarms[1].data["aspects"] == []
    kinds = names(here)
    assert kinds.index("Line Slow") == 4 and len(kinds) == 13  # after the fourth result
    assert here.store.book([]).marks["alarm"] == ""


def test_three_days_without_a_result_are_told_once_until_there_is_one(home):
    meter = FakeMeter(flawed())
    here = home(meter, daily=True, plan=SpeedPlan(attempts=1))
    here.clock.true = NIGHT + timedelta(minutes=1)

    def live(days):
        for _ in range(days):
            here.tick(86_400)

    here.tick()
    live(5)
    assert names(here).count("No Speed Results") == 1
    assert dict(told(here, "No Speed Results")[0].data) == {"days": 3}
    meter.usual = result()
    live(1)
    assert here.store.book([]).marks["barren"] == ""
    meter.usual = flawed()
    live(4)
    assert names(here).count("No Speed Results") == 2


# ---------------------------------------------------------------------------- what it may cost


def test_a_provider_that_does_not_fit_is_passed_over_for_one_that_does(home):
    dear, cheap = FakeMeter(result(CLI), most_bytes=600 * MB), FakeMeter(result(HTTP, cost=50 * MB), most_bytes=60 * MB)
    here = home(dear, cheap, plan=SpeedPlan(budget=500 * MB))
    test = here.measured()
    assert test.result.provider is HTTP and dear.given == [] and cheap.given == [500 * MB]


def test_when_nothing_fits_a_test_is_put_off_and_that_is_told_once_a_month(home):
    here = home(FakeMeter(most_bytes=200 * MB), plan=SpeedPlan(budget=600 * MB))
    assert [here.measured().status for _ in range(3)] == [SpeedStatus.SUCCESS] * 2 + [SpeedStatus.PUT_OFF]
    assert here.measured().error_code == "budget"
    [event] = told(here, "Speed Test Budget")
    assert dict(event.data) == {"used_mb": 400, "budget_mb": 600, "month": "2026-07"} and event.severity == "warning"
    here.clock.forward(31 * 86_400)
    assert here.measured().status is SpeedStatus.SUCCESS


def test_a_low_result_that_the_budget_does_not_let_confirm_is_put_off(home):
    here = home(FakeMeter(result(down=20.0), most_bytes=200 * MB), plan=SpeedPlan(budget=300 * MB))
    wish(here, least_download=50.0)
    test = here.measured()
    assert (test.status, test.error_code, test.bytes) == (SpeedStatus.PUT_OFF, "budget", 200 * MB)


def test_the_daily_test_leaves_something_for_the_rest_of_the_month(home):
    """2 GB and 200 MB a test: the first at once, the next when its share of the month has come."""
    here = home(FakeMeter(most_bytes=200 * MB), daily=True, plan=SpeedPlan(budget=2000 * MB))
    here.clock.true = datetime(2026, 7, 1, 1, 59, tzinfo=UTC)
    days = []
    for _ in range(31 * 4):
        before = len(here.meters[0].given)
        here.tick(6 * HOUR)
        days += [here.clock.true.day] * (len(here.meters[0].given) - before)
    assert days[0] == 1 and days[1] == 7 and 8 <= len(days) <= 9 and max(days) >= 28
    skipped = told(here, "Speed Test Skipped")
    assert {event.data["hindrance"] for event in skipped} == {"budget"} and not told(here, "No Speed Results")
    assert len(told(here, "Speed Test Budget")) == 1


# ---------------------------------------------------------------------------- at rest


def test_an_idle_tick_asks_the_store_nothing(home):
    here = home(daily=True)
    here.tick()
    here.tick()
    here.surveyor._with = replace(here.surveyor._with, store=None)  # whoever asks it breaks
    for _ in range(250):
        here.tick(1)
    with pytest.raises(AttributeError):
        here.tick(60)


def test_it_wakes_up_for_what_is_asked_what_is_due_and_a_clock_that_is_set(home):
    here = home(daily=True)
    here.clock.true = NIGHT
    here.tick()
    here.clock.sleep(61)  # the monotonic clock stood still
    here.tick()
    assert len(here.meters[0].given) == 1
    here.tick()
    here.ask()
    here.tick()
    assert len(here.meters[0].given) == 2
    here.tick()
    here.clock.offset = timedelta(hours=22)
    here.tick(1)
    assert here.meters[0].given[2:] == []  # it is tomorrow's date, but not its hour
    here.clock.offset = timedelta(hours=24)
    here.tick(1)
    here.tick(HOUR)
    assert len(here.meters[0].given) == 3


def test_after_a_round_that_failed_it_rests_a_little(home):
    here = home()
    here.tick()
    left = failing(here, "active", 10**9)
    wish(here, share=40)
    with pytest.raises(StoreError):
        here.tick()
    here.tick(1)
    with pytest.raises(StoreError):
        here.tick(10)
    left[0] = 0
    assert here.measured().status is SpeedStatus.SUCCESS
