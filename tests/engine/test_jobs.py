"""The queue: one running scan, cancel in every phase, orphans, leases, resuming."""

import threading
import time
from dataclasses import replace

import pytest
from rig import EVERYTHING, Rig

import jobs
from keeper.errors import RunError
from keeper.rules.types import Owner, Phase, RunStatus, ScanOptions, Source


class OtherHost:
    """A host whose processes live or not as the test says."""

    def __init__(self, pid: int, alive: bool | None = True) -> None:
        self.pid, self.alive = pid, alive

    def me(self):
        return Owner("machine:boot", self.pid, 1)

    def describe(self):
        return f"pid {self.pid} on elsewhere"

    def is_alive(self, _owner):
        return self.alive


@pytest.fixture
def slow_rig(tmp_path, serve):
    """Refreshes take long enough to be caught in the middle."""
    rig = Rig(tmp_path, serve("movies:60:40", never_mend=0, refresh_seconds="0.3-0.6"))
    yield rig
    rig.database.close()


def test_only_one_scan_runs_at_a_time_and_the_second_is_told_who_is_in_the_way(slow_rig):
    scan = slow_rig.start()
    scan.until(lambda run: run.status is RunStatus.RUNNING)
    with pytest.raises(RunError, match=scan.job_id):
        slow_rig.scan()
    second = slow_rig.runs.enqueue(Source.MANUAL, EVERYTHING, "test")
    assert slow_rig.runs.claim_next(OtherHost(1).me(), "other", 60) is None
    assert slow_rig.run(second).status is RunStatus.QUEUED
    slow_rig.jobs.stop()
    scan.end()


def held(rig, fault, where):
    """The server hangs at one place, so that the scan is caught right there."""
    rig.deadline = 30
    rig.plex.mode(fault, paths=where)


@pytest.mark.parametrize(
    ("phase", "prepare"),
    [
        (Phase.CONNECTING, lambda rig: held(rig, "hang", "GET /$|GET / |GET /\\?")),
        (Phase.COLLECTING, lambda rig: held(rig, "hang", "/all")),
        (Phase.REPAIRING, lambda rig: held(rig, "hang", "PUT .*refresh")),
        (Phase.REPAIRING, lambda rig: held(rig, "hang", "GET /library/metadata/")),
        (Phase.REPAIRING, lambda rig: None),
        (Phase.WAITING, lambda rig: rig.plex.mode("starting")),
    ],
)
def test_a_flag_set_with_the_sqlite3_command_ends_the_scan_within_a_second_in_every_phase(slow_rig, phase, prepare):
    prepare(slow_rig)
    scan = slow_rig.start()
    scan.until(lambda run: run.progress.phase is phase)
    asked = time.monotonic()
    slow_rig.sql(f"UPDATE scan_runs SET cancel_requested=1 WHERE job_id='{scan.job_id}'")
    run = scan.end()
    assert time.monotonic() - asked < 1.0
    assert run.status is RunStatus.CANCELLED
    assert "open" in slow_rig.outcomes(run).values() or not slow_rig.outcomes(run)


def test_a_cancelled_item_gets_no_verdict_and_resuming_does_just_the_rest(slow_rig):
    scan = slow_rig.start()
    scan.until(lambda run: run.stats.fixed >= 3)
    slow_rig.runs.request_cancel(scan.job_id)
    cancelled = scan.end()
    before = slow_rig.outcomes(cancelled)
    assert "open" in before.values()
    done_before = {key: outcome for key, outcome in before.items() if outcome != "open"}
    judged_at = dict(slow_rig.sql("select rating_key, judged_at from scan_items where outcome is not null"))
    run = slow_rig.resume(scan.job_id)
    after = slow_rig.outcomes(run)
    assert (run.status, run.resumes) == (RunStatus.SUCCESS, 1)
    assert "open" not in after.values()
    assert {key: after[key] for key in done_before} == done_before
    again = dict(slow_rig.sql("select rating_key, judged_at from scan_items where outcome is not null"))
    assert {key: again[key] for key in judged_at} == judged_at
    assert run.stats.fixed == sum(outcome == "fixed" for outcome in after.values())


def test_cancelling_a_queued_scan_ends_it_without_a_start(rig):
    job_id = rig.runs.enqueue(Source.MANUAL, EVERYTHING, "test")
    rig.runs.request_cancel(job_id)
    rig.jobs.tick()
    assert not rig.jobs.work()
    assert rig.run(job_id).status is RunStatus.CANCELLED


def test_what_has_ended_cannot_be_cancelled_and_what_succeeded_cannot_be_resumed(rig):
    run = rig.scan(ScanOptions(days=0, dry_run=True))
    with pytest.raises(RunError):
        rig.runs.request_cancel(run.job_id)
    with pytest.raises(RunError):
        rig.runs.requeue(run.job_id, "test")


def test_the_end_of_the_service_interrupts_the_scan_and_says_so(slow_rig):
    scan = slow_rig.start()
    scan.until(lambda run: run.stats.fixed >= 1)
    slow_rig.jobs.stop()
    run = scan.end(5)
    assert run.status is RunStatus.INTERRUPTED
    assert "Resume" in run.error


def test_a_run_of_a_dead_process_is_interrupted_at_once_however_young(rig):
    job_id = rig.runs.enqueue(Source.MANUAL, EVERYTHING, "test")
    dead = Owner(rig.jobs._t.host.me().boot, 2**22 + 1, 1)
    assert rig.runs.claim_next(dead, "a dead one", 3600) is not None
    rig.jobs.tick()
    run = rig.run(job_id)
    assert run.status is RunStatus.INTERRUPTED
    assert rig.sql("select kind from events") == [("Scan Interrupted",)]


def test_a_run_of_another_machine_lives_until_its_lease_runs_out(rig):
    job_id = rig.runs.enqueue(Source.MANUAL, EVERYTHING, "test")
    stranger = OtherHost(7).me()
    rig.runs.claim_next(stranger, "pid 7 on elsewhere", 3600)
    rig.jobs.tick()
    assert rig.run(job_id).status is RunStatus.RUNNING
    rig.sql("update scan_runs set lease_until='2020-01-01T00:00:00.000Z'")
    rig.jobs.tick()
    assert rig.run(job_id).status is RunStatus.INTERRUPTED


def test_who_lost_its_run_stops_working_on_it(slow_rig):
    scan = slow_rig.start()
    scan.until(lambda run: run.stats.fixed >= 1)
    slow_rig.sql("update scan_runs set status='interrupted', owner='somebody/1/1'")
    run = scan.end(5)
    assert (run.status, run.owner) == (RunStatus.INTERRUPTED, "somebody/1/1")


def test_of_two_services_one_works_and_the_other_takes_over_when_it_is_gone(tmp_path, serve):
    first_host, second_host = OtherHost(1), OtherHost(2)
    first = Rig(tmp_path, serve(), host=first_host)
    second = Rig(tmp_path, first.plex, host=second_host)
    first.jobs.tick()
    second.jobs.tick()
    assert (first.jobs.holds_engine, second.jobs.holds_engine) == (True, False)
    assert second.memory.lease("engine").holder == "pid 1 on elsewhere"
    first.runs.enqueue(Source.MANUAL, EVERYTHING, "test")
    assert not second.jobs.work()
    second_host.alive = False  # the first one is seen to be dead
    second.jobs.tick()
    assert second.jobs.holds_engine


def test_letting_go_frees_the_engine_at_once(tmp_path, serve):
    first = Rig(tmp_path, serve(), host=OtherHost(1))
    second = Rig(tmp_path, first.plex, host=OtherHost(2))
    first.jobs.tick()
    first.jobs.let_go()
    second.jobs.tick()
    assert second.jobs.holds_engine


def test_twenty_claims_at_the_same_moment_start_one_scan(rig):
    for _ in range(3):
        rig.runs.enqueue(Source.MANUAL, EVERYTHING, "test")
    gate, claimed = threading.Barrier(20), []

    def claim(number):
        gate.wait()
        if run := rig.runs.claim_next(Owner("b:1", number, number), str(number), 60):
            claimed.append(run.job_id)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == 1
    assert rig.sql("select count(*) from scan_runs where status='running'") == [(1,)]


def test_progress_reaches_the_store_at_least_once_a_second(slow_rig):
    scan = slow_rig.start()
    first = scan.until(lambda run: run.progress.phase is Phase.REPAIRING and run.progress.done > 0)
    later = scan.until(lambda run: run.progress_at > first.progress_at, seconds=1.0)
    assert later.progress.total >= later.progress.done > 0
    slow_rig.jobs.stop()
    scan.end()


def test_an_odd_event_loop_fault_in_the_scan_is_an_internal_failure_with_details_in_the_log(rig, caplog):
    broken = replace(rig.jobs._t, open_plex=lambda stop: 1 / 0)
    rig.jobs._t = broken
    run = rig.scan()
    assert (run.status, run.error_code) == (RunStatus.FAILED, "internal")
    assert "ZeroDivisionError" in caplog.text


def test_the_older_programs_sqlite3_command_works_unchanged(rig):
    run = rig.scan(ScanOptions(days=0, dry_run=True))
    rows = rig.sql(
        "SELECT job_id,status,started_at,finished_at,cancel_requested,error "
        "FROM scan_runs ORDER BY started_at DESC LIMIT 10;"
    )
    assert rows[0][:2] == (run.job_id, "success")
    assert rows[0][4:] == (0, None)


def test_retention_removes_old_runs_with_their_items_and_logs_in_small_batches(rig):
    old = [rig.scan(ScanOptions(days=0, dry_run=True)) for _ in range(3)]
    rig.sql(f"update scan_runs set created_at='2020-01-01T00:00:00.000Z' where job_id<>'{old[2].job_id}'")
    cleaner = rig.jobs._t.cleaner
    batches = 0
    while cleaner.prune(rig.clock.now(), 90, 500, 3):
        batches += 1
    assert batches > 2
    assert rig.sql("select count(*) from scan_runs") == [(1,)]
    assert rig.sql(f"select count(*) from scan_items where job_id<>'{old[2].job_id}'") == [(0,)]


def test_retention_keeps_only_so_many_runs(rig):
    for _ in range(4):
        rig.scan(ScanOptions(days=0, dry_run=True))
    while rig.jobs._t.cleaner.prune(rig.clock.now(), 90, 2, 500):
        pass
    assert rig.sql("select count(*) from scan_runs") == [(2,)]


def test_the_brake_tells_a_cancel_from_an_interruption():
    brake = jobs.Brake()
    brake.cancel()
    brake.interrupt()
    with pytest.raises(jobs.Cancelled):
        brake.check()


@pytest.mark.parametrize(
    "edit",
    [
        "owner='x'",
        "owner=NULL, lease_until=NULL",
        "status='odd'",
        "stats_json='{'",
        "options_json='[1]'",
        "phase='?', source='?'",
    ],
)
def test_a_run_spoiled_by_hand_breaks_neither_lists_nor_the_engine(rig, edit):
    rig.runs.enqueue(Source.MANUAL, EVERYTHING, "test")
    rig.runs.claim_next(OtherHost(1).me(), "x", 60)
    rig.sql(f"update scan_runs set {edit}")
    rig.jobs.tick()
    (run,) = rig.runs.latest(10)
    assert run.status.ended is ("owner" in edit or "status" in edit)
    assert rig.jobs.holds_engine


def test_a_second_click_is_told_about_the_first(rig):
    first = rig.runs.enqueue_when_idle(Source.MANUAL, EVERYTHING, "test")
    with pytest.raises(RunError, match=first):
        rig.runs.enqueue_when_idle(Source.MANUAL, EVERYTHING, "test")


def test_a_run_this_process_has_lost_sight_of_does_not_stay_running(rig):
    job_id = rig.runs.enqueue(Source.MANUAL, EVERYTHING, "test")
    host = rig.jobs._t.host
    rig.runs.claim_next(host.me(), host.describe(), 3600)
    rig.jobs.tick()
    assert rig.run(job_id).status is RunStatus.INTERRUPTED
