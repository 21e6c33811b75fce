"""`python -m keeper check --json` beside a real process called 'Plex Media Server': killed, stopped, crashing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from plex_machine import PlexMachine, Ticks, need_machine

GRACE = 400.0  # seconds; more than any start is given


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[PlexMachine]:
    need_machine()
    with PlexMachine(tmp_path) as made:
        made.ages(GRACE)  # the machine itself started long ago
        yield made


def test_a_plex_that_runs_is_well_and_seen_as_the_process_it_is(machine: PlexMachine) -> None:
    machine.start()
    machine.ages(GRACE)
    looked = machine.check()
    assert (looked.cause, looked.code) == ("ok", 0), looked.told
    assert looked.fact("process") == (True, "running")
    assert looked.fact("service") == (True, "active")
    assert GRACE < looked.fact("plex_age_s")[0] < 3 * GRACE
    assert not machine.asked.exists(), "a look asks the service manager and tells it nothing"


def test_killed_it_is_down_and_when_its_service_manager_starts_it_again_it_is_starting(machine: PlexMachine) -> None:
    machine.start()
    machine.ages(GRACE)
    machine.kill()
    machine.unit(ActiveState="failed", SubState="failed", Result="signal", ExecMainStatus="9")
    looked = machine.check()
    assert (looked.cause, looked.code) == ("down", 1), looked.told
    assert (looked.fact("process"), looked.fact("service")) == ((False, "gone"), (False, "failed"))
    machine.unit(ActiveState="activating", SubState="auto-restart", Result="signal", ExecMainStatus="9", NRestarts="1")
    assert machine.check().cause == "starting"


def test_killed_where_no_service_manager_answers_it_is_down_all_the_same(machine: PlexMachine) -> None:
    machine.start()
    machine.ages(GRACE)
    machine.kill()
    machine.unit(LoadState="not-found", ActiveState="inactive", SubState="dead")
    looked = machine.check()
    assert looked.cause == "down", looked.told


def test_stopped_by_a_signal_it_is_hung_and_the_word_tells_why(machine: PlexMachine) -> None:
    machine.start()
    machine.ages(GRACE)
    machine.stop()
    looked = machine.check()
    assert (looked.cause, looked.code) == ("hung", 1), looked.told
    assert looked.fact("port") == (True, "")  # the kernel accepts in its name
    assert looked.fact("process") == (True, "stopped_by_signal")
    machine.go_on()
    assert machine.check().cause == "ok"


def test_stopped_by_a_signal_soon_after_its_start_it_is_no_plex_that_starts(machine: PlexMachine) -> None:
    machine.ages(-GRACE)
    machine.start()
    machine.stop()
    looked = machine.check()
    assert looked.fact("plex_age_s")[0] < GRACE / 2
    assert looked.cause == "hung", looked.told


def test_stopped_by_its_owner_it_is_left_alone_and_a_stop_under_way_too(machine: PlexMachine) -> None:
    machine.start()
    machine.ages(GRACE)
    machine.quit()
    machine.unit(ActiveState="deactivating", SubState="stop-sigterm")
    assert machine.check().cause == "starting"  # the service manager is at it
    machine.unit(ActiveState="inactive", SubState="dead", Result="success")
    looked = machine.check()
    assert (looked.cause, looked.code) == ("stopped_by_owner", 1), looked.told
    assert looked.fact("service") == (False, "inactive")


def test_starting_is_what_it_says_itself_and_what_a_closed_port_means_soon_after_a_start(machine: PlexMachine) -> None:
    machine.ages(-GRACE)
    machine.start("refused")
    looked = machine.check()
    assert looked.cause == "starting", looked.told
    assert (looked.fact("port"), looked.fact("process")) == ((False, "refused"), (True, "running"))
    machine.ages(GRACE)
    assert machine.check().cause == "down"  # it runs since long and listens to nobody
    machine.plex.mode("starting")
    assert machine.check().cause == "starting"  # 503 Maintenance, however old


def test_a_plex_that_crashes_soon_after_every_start_is_down_and_not_starting_for_ever(machine: PlexMachine) -> None:
    machine.ages(-GRACE)
    with Ticks(machine) as watchdog:
        for number in range(3):
            machine.running_unit(restarts=number)
            machine.start()
            assert watchdog.look() == "ok"
            machine.kill()
            machine.unit(ActiveState="activating", SubState="auto-restart", Result="signal", NRestarts=str(number + 1))
            watchdog.look()
    looked = machine.check()
    assert looked.fact("crashing")[0] is True, looked.told
    assert (looked.cause, looked.code) == ("down", 1), looked.told


def test_crashes_are_counted_also_where_no_service_manager_counts_them(machine: PlexMachine) -> None:
    machine.ages(-GRACE)
    machine.unit(LoadState="not-found", ActiveState="inactive", SubState="dead")
    with Ticks(machine) as watchdog:
        for _ in range(3):
            machine.start("refused")  # some script starts it, and it never comes as far as to listen
            assert watchdog.look() == "starting"
            machine.kill()
            watchdog.look()
    machine.start("refused")
    looked = machine.check()
    assert looked.fact("crashing")[0] is True, looked.told
    assert (looked.cause, looked.fact("process")) == ("down", (True, "running")), looked.told


def test_one_crash_is_no_loop(machine: PlexMachine) -> None:
    machine.ages(-GRACE)
    with Ticks(machine) as watchdog:
        machine.start()
        assert watchdog.look() == "ok"
        machine.kill()
        machine.unit(ActiveState="activating", SubState="auto-restart", Result="signal", NRestarts="1")
        assert watchdog.look() == "starting"
        machine.running_unit(restarts=1)
        machine.start()
        assert watchdog.look() == "ok"
    assert machine.check().fact("crashing")[0] is False
