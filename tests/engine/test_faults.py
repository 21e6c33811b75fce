"""Every fault of the server, in the listing, in the repair and from the start: the right end and a clear sentence."""

import pytest
from rig import EVERYTHING, Rig

from jobs import Brake
from keeper.errors import StoreError
from keeper.rules.types import Phase, RunStatus, ScanOptions

PASSING = ["refused", "starting", "overload", "proxy502", "hang", "trickle", "reset", "slow"]
LISTING, REFRESH, DETAIL = "GET /library/sections/1/all", "PUT .*refresh", "GET /library/metadata/"


class Pauses:
    """Those before another try, as they were asked for (1 s, 2 s, 4 s ...); what is shorter is no such pause."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.share = 0.1  # of each is really waited: the faults that pass here do so after a second

    def wait(self, brake: Brake, seconds: float, really) -> None:
        if seconds >= 1:
            self.asked.append(seconds)
            seconds *= self.share
        really(brake, seconds)


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    made, really = Pauses(), Brake.wait
    monkeypatch.setattr(Brake, "wait", lambda brake, seconds: made.wait(brake, seconds, really))
    return made


@pytest.fixture
def rig(tmp_path, serve):
    rig = Rig(tmp_path, serve("movies:450:12", never_mend=0), deadline=0.7)
    yield rig
    rig.database.close()


@pytest.mark.parametrize("fault", [*PASSING, "dbslow"])
def test_what_passes_within_the_listing_is_waited_out(rig, pauses, fault):
    if fault == "refused":  # the port is closed from the start, and at the start there are three tries
        pauses.share = 1.0
    rig.plex.mode(fault, paths=f"{LISTING}.*start=200", seconds=1.2, delay=1.0)
    run = rig.scan(ScanOptions(days=0, dry_run=True))
    assert (run.status, run.stats.checked) == (RunStatus.SUCCESS, 450)


@pytest.mark.parametrize("fault", [*PASSING, "readonly"])
def test_what_passes_within_the_repair_is_waited_out(rig, pauses, fault):
    if fault == "refused":  # the port is closed from the start, and at the start there are three tries
        pauses.share = 1.0
    rig.plex.mode(fault, paths=REFRESH, seconds=1.0, delay=1.0)
    run = rig.scan()
    assert run.status is RunStatus.SUCCESS
    assert set(rig.outcomes(run).values()) <= {"fixed", "skipped", "still_missing"}
    assert run.stats.fixed > 0


@pytest.mark.parametrize("fault", ["cut", "empty200", "html200", "badxml", "status"])
@pytest.mark.parametrize("where", [f"{LISTING}.*start=200", DETAIL])
def test_one_bad_answer_is_asked_for_again(rig, fault, where):
    rig.plex.mode(fault, paths=where, count=2, code=500)
    run = rig.scan(ScanOptions(days=0, dry_run=True))
    assert (run.status, run.stats.checked) == (RunStatus.SUCCESS, 450)


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("cut", "plex_garbled", "cut off"),
        ("empty200", "plex_garbled", "not an answer"),
        ("html200", "plex_garbled", "not an answer"),
        ("badxml", "plex_garbled", "not an answer"),
        ("unauthorized", "plex_unauthorized", "PLEX_TOKEN"),
        ("status", "plex_rejected", "status 599"),
    ],
)
def test_what_does_not_pass_ends_as_failed_with_a_sentence(rig, pauses, fault, code, words):
    rig.plex.mode(fault, paths=f"{LISTING}.*start=200", code=599)
    run = rig.scan(ScanOptions(days=0, dry_run=True))
    assert (run.status, run.error_code) == (RunStatus.FAILED, code)
    assert words in run.error
    assert run.stats.checked == 200
    assert pauses.asked == ([] if code == "plex_unauthorized" else [1, 2, 4])


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("refused", "plex_unreachable"),
        ("reset", "plex_unreachable"),
        ("hang", "plex_silent"),
        ("trickle", "plex_silent"),
        ("cut", "plex_garbled"),
        ("empty200", "plex_garbled"),
        ("html200", "plex_garbled"),
        ("badxml", "plex_garbled"),
        ("unauthorized", "plex_unauthorized"),
        ("unclaimed", "plex_unauthorized"),
        ("status", "plex_rejected"),
    ],
)
def test_a_server_that_is_not_there_from_the_start_is_a_failure_never_a_success(rig, pauses, fault, code):
    rig.plex.mode(fault, code=599)
    run = rig.scan(EVERYTHING)
    assert (run.status, run.error_code) == (RunStatus.FAILED, code)
    assert len(run.error) > 20
    assert run.stats.checked == 0
    bad_answer, nobody = code in ("plex_garbled", "plex_rejected"), code in ("plex_unreachable", "plex_silent")
    assert pauses.asked == ([1, 2, 4] if bad_answer else [1, 2] if nobody else [])


def test_a_server_that_is_only_starting_is_waited_for(rig):
    rig.plex.mode("starting", seconds=1.5)
    assert rig.scan(ScanOptions(days=0, dry_run=True)).status is RunStatus.SUCCESS


def test_while_waiting_the_run_says_why(rig):
    rig.plex.mode("starting")
    scan = rig.start()
    run = scan.until(lambda run: run.progress.phase is Phase.WAITING)
    assert "starting" in run.progress.note
    rig.plex.mode("ready")
    assert scan.end().status is RunStatus.SUCCESS


def test_waiting_has_an_end(rig):
    options = ScanOptions(days=0, plex_wait_minutes=0.02)
    rig.plex.mode("starting")
    run = rig.scan(options)
    assert (run.status, run.error_code) == (RunStatus.FAILED, "plex_starting")


def test_a_shared_users_token_is_refused_with_a_sentence(rig, monkeypatch):
    monkeypatch.setattr(rig.plex, "token", "demo-shared-token")
    run = rig.scan()
    assert (run.status, run.error_code) == (RunStatus.FAILED, "plex_forbidden")
    assert "owner" in run.error


def test_a_restart_of_plex_in_the_middle_is_waited_out_and_its_lost_queue_asked_for_again(tmp_path, serve):
    rig = Rig(tmp_path, serve("movies:60:30", never_mend=0, refresh_seconds="0.3-0.6"), deadline=1.0)
    scan = rig.start()
    scan.until(lambda run: run.stats.fixed >= 3)
    rig.plex.restart(0.7, 0.7)
    run = scan.end()
    assert run.status is RunStatus.SUCCESS
    assert set(rig.outcomes(run).values()) <= {"fixed", "skipped", "still_missing"}
    still = {item["ratingKey"] for item in rig.plex.items(keys=list(rig.outcomes(run))) if item["missing"]}
    fixed = {key for key, outcome in rig.outcomes(run).items() if outcome == "fixed"}
    assert len(fixed) >= 15 and fixed.isdisjoint(still)


def test_another_server_at_the_same_address_is_noticed_before_anything_is_asked_of_it(rig):
    rig.scan(ScanOptions(days=0, dry_run=True))
    rig.plex.mode("other_server")
    run = rig.scan()
    assert (run.status, run.error_code) == (RunStatus.FAILED, "plex_other_server")
    assert "--trust-server" in run.error
    assert rig.puts() == {}


def test_refusing_every_refresh_is_a_failure_of_the_run(rig):
    rig.plex.mode("status", paths=REFRESH, code=500)
    run = rig.scan()
    assert (run.status, run.error_code) == (RunStatus.FAILED, "plex_rejected")
    assert "error" in rig.outcomes(run).values()


def test_what_was_known_is_not_overwritten_by_a_failure(rig):
    rig.scan()
    before = rig.sql("select rating_key, state, missing, outcome from media_state order by 1")
    for fault in ("refused", "hang", "html200", "unauthorized"):
        rig.plex.mode(fault)
        assert rig.scan().status is RunStatus.FAILED
    assert rig.sql("select rating_key, state, missing, outcome from media_state order by 1") == before


def test_no_token_reaches_log_error_or_store(rig):
    rig.plex.mode("status", paths=REFRESH, code=500)
    run = rig.scan()
    rig.plex.mode("unauthorized")
    rig.scan()
    everything = rig.log(run) + "".join(str(rig.sql(f"select * from {table}")) for table in ("scan_runs", "events"))
    assert rig.plex.token not in everything


def test_another_server_in_the_middle_of_a_repair_is_noticed_and_left_alone(tmp_path, serve):
    rig = Rig(tmp_path, serve("movies:60:40", never_mend=0, refresh_seconds="0.3-0.5"), deadline=1.0)
    scan = rig.start()
    scan.until(lambda run: run.stats.fixed >= 2)
    rig.plex.mode("other_server")
    run = scan.end()
    assert (run.status, run.error_code) == (RunStatus.FAILED, "plex_other_server")


@pytest.mark.parametrize("paths", ["", "GET /library/metadata|PUT"])
def test_a_server_that_suddenly_knows_nothing_turns_no_item_into_gone(tmp_path, serve, paths):
    rig = Rig(tmp_path, serve("movies:40:30", never_mend=0, refresh_seconds="0.3-0.5"), deadline=1.0)
    scan = rig.start()
    scan.until(lambda run: run.stats.fixed >= 2)
    rig.plex.mode("status", code=404, **({"paths": paths} if paths else {"paths": "^(?!.*identity)|identity"}))
    run = scan.end()
    assert run.status is RunStatus.FAILED
    assert "gone" not in rig.outcomes(run).values()


def test_a_log_folder_that_cannot_be_written_costs_the_log_and_not_the_scan(rig):
    (rig.folder / "logs").write_text("a file is in the way")
    run = rig.scan(ScanOptions(days=0, dry_run=True))
    assert run.status is RunStatus.SUCCESS


def test_a_data_file_held_by_somebody_for_a_while_is_waited_for(rig, monkeypatch):
    note, calls = rig.items.note_whole, []

    def held_at_first(*asked):
        calls.append(asked)
        if len(calls) < 3:
            raise StoreError("held by another program")
        note(*asked)

    monkeypatch.setattr(rig.items, "note_whole", held_at_first)
    monkeypatch.setattr("logic.STORE_PAUSE", 0.05)
    run = rig.scan(ScanOptions(days=0, dry_run=True))
    assert run.status is RunStatus.SUCCESS
    assert len(calls) == 3
