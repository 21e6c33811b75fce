"""Speed tests in the data file: one at a time, nothing lost, nothing twice, whatever was spoiled by hand."""

from __future__ import annotations

import json
import logging
import math
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speed_store_rig import (
    BOOT,
    DAY,
    HTTP,
    OOKLA,
    OWNER,
    START,
    TOLD,
    begin,
    measure,
    moment,
    over,
    run,
    shell,
    success,
)
from sqlalchemy import event

from keeper.errors import RunError, StoreRefused
from keeper.rules.types import (
    Aspect,
    Flaw,
    Hindrance,
    Measured,
    Moment,
    Notice,
    Severity,
    SpeedAttempt,
    SpeedDay,
    SpeedEnd,
    SpeedProgress,
    SpeedSource,
    SpeedStatus,
    SpeedTest,
    SpeedWishes,
)
from keeper.store import speed_rows
from keeper.store.db import Database
from keeper.store.events import Events
from keeper.store.speed import StoredSpeed
from keeper.store.speed_wishes import read_wishes, write_wishes
from keeper.world.host import LocalHost
from keeper.world.redactor import Redactor

HERE = Path(__file__).parent
FULL, NORMAL = 2, 1
NO_NUMBERS = (math.nan, math.inf, -math.inf, -1.0, 1e300)
MANUAL, SCHEDULE = SpeedSource.MANUAL, SpeedSource.SCHEDULE


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed_rows, "_complained", set())


@pytest.fixture
def store(database: Database) -> StoredSpeed:
    return StoredSpeed(database)


def queue(store: StoredSpeed, **more: Any) -> int:
    return store.enqueue(MANUAL, more.get("by", "ada"), DAY, more.get("anyway", False), START)


def claim(store: StoredSpeed, seconds: float = 0.0) -> SpeedTest | None:
    return store.claim_next(OWNER, "pid 4711 on nas", moment(seconds))


def kinds(database: Database) -> list[str]:
    return [event.kind for event in Events(database).latest(100)]


def status(store: StoredSpeed, number: int) -> SpeedStatus:
    test = store.get(number)
    assert test is not None
    return test.status


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


# ------------------------------------------------------------------------------------------------ wishes

NUMBERS = st.floats() | st.integers(-5, 10**7) | st.booleans() | st.text(max_size=3) | st.none()
TREES = st.dictionaries(st.sampled_from([*SpeedWishes.__dataclass_fields__, "new"]), NUMBERS)


def test_until_something_is_wished_the_usual_wishes_count(store: StoredSpeed) -> None:
    assert store.wishes() == SpeedWishes()


def test_what_is_wished_comes_back_and_is_told(store: StoredSpeed, database: Database) -> None:
    wishes = SpeedWishes(False, 50.0, 10.0, 80.0, 40, 3, 5)
    store.save_wishes(wishes, "ada", START)
    assert store.wishes() == wishes
    (told,) = Events(database).latest(5)
    assert (told.kind, told.severity) == ("Speed Wishes Changed", Severity.INFO)
    assert told.data == {
        "by": "ada",
        "changed": [
            ["daily", True, False], ["least_download", 0.0, 50.0], ["least_upload", 0.0, 10.0],
            ["most_ping", 0.0, 80.0], ["share", 50, 40], ["alarm_after", 2, 3], ["alarm_of", 3, 5],
        ],
    }  # fmt: skip
    assert told.message.startswith(
        "ada changed what the line has to bring: daily test: on, now off; "
        "least download (Mbit/s): not asked for, now 50; "
    )


def test_only_what_is_changed_is_told(store: StoredSpeed, database: Database) -> None:
    store.save_wishes(SpeedWishes(), "ada", START)
    assert kinds(database) == []
    store.save_wishes(SpeedWishes(share=0), "ada", START)
    store.save_wishes(SpeedWishes(share=0), "eve", START)
    (told,) = Events(database).latest(5)
    assert told.data["changed"] == [["share", 50, 0]]
    assert told.message.endswith("least share of what is usual (%): 50, now not asked for.")


def test_what_nobody_could_read_is_mended_by_saving_it(
    store: StoredSpeed, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    shell(database, "insert into settings values ('speed.wishes', '{', '2026-01-01', 'me')")
    store.save_wishes(SpeedWishes(), "ada", START)
    caplog.clear()
    assert (store.wishes(), said(caplog), kinds(database)) == (SpeedWishes(), [], [])


@pytest.mark.parametrize(
    ("text", "wishes", "named"),
    [
        ('{"share": 5000, "least_upload": 5}', SpeedWishes(least_upload=5.0), "share"),
        ('{"least_download": NaN, "daily": false}', SpeedWishes(daily=False), "least_download"),
        ('{"most_ping": -1, "share": 0}', SpeedWishes(share=0), "most_ping"),
        ('{"alarm_after": 4, "alarm_of": 3, "share": 20}', SpeedWishes(share=20), "alarm_after, alarm_of"),
        ('{"alarm_after": 9}', SpeedWishes(), "alarm_after, alarm_of"),
        ('{"daily": "no", "least_upload": "5"}', SpeedWishes(), "daily, least_upload"),
        ("[]", SpeedWishes(), "all of it"),
        ("{", SpeedWishes(), "all of it"),
        ("[" * 100_000, SpeedWishes(), "all of it"),
    ],
)
def test_a_part_that_cannot_be_read_counts_as_not_said(
    text: str, wishes: SpeedWishes, named: str, store: StoredSpeed, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    shell(database, "insert into settings values ('speed.wishes', ?, '2026-01-01', 'me')", text)
    assert [store.wishes() for _ in range(3)] == [wishes] * 3
    assert len(said(caplog)) == 1
    assert f"({named})" in said(caplog)[0]


@settings(deadline=None)
@given(TREES.map(json.dumps) | st.text(max_size=20))
def test_whatever_stands_there_what_is_read_could_have_been_written(text: str) -> None:
    wishes, _ = read_wishes(text)
    assert read_wishes(write_wishes(wishes)) == (wishes, [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"share": 5000}, {"share": -1}, {"least_download": math.nan}, {"least_upload": math.inf}, {"most_ping": -3.0},
        {"alarm_after": 3, "alarm_of": 2}, {"alarm_after": 0},
    ],
)  # fmt: skip
def test_what_nobody_can_mean_is_not_stored(wrong: dict[str, Any], store: StoredSpeed, database: Database) -> None:
    with pytest.raises(StoreRefused, match=next(iter(wrong))):
        store.save_wishes(SpeedWishes(**wrong), "ada", START)
    assert (store.wishes(), kinds(database)) == (SpeedWishes(), [])


# ------------------------------------------------------------------------------------------------ the queue


def test_what_is_asked_for_waits_until_it_is_claimed(store: StoredSpeed) -> None:
    number = queue(store, anyway=True)
    waiting = store.active()
    assert waiting is not None
    assert (waiting.id, waiting.status, waiting.requested_by, waiting.anyway) == (number, "queued", "ada", True)
    assert (waiting.began_at, waiting.source, waiting.local_date, waiting.created_at) == (None, MANUAL, DAY, START)
    claimed = claim(store, 5.0)
    assert claimed == replace(
        waiting, status=SpeedStatus.RUNNING, began_at=moment(5).at, progress_at=moment(5).at
    ) == store.active()  # fmt: skip
    assert claim(store) is None


def test_nobody_is_queued_behind_another(store: StoredSpeed) -> None:
    number = queue(store)
    with pytest.raises(RunError, match=r"asked for by ada is waiting already\. Wait for it, or cancel it"):
        queue(store, by="eve")
    claim(store)
    with pytest.raises(RunError, match="running already, by pid 4711 on nas"):
        queue(store, by="eve")
    store.finish(number, success(), START)
    assert queue(store, by="eve") == number + 1


def test_what_was_cancelled_while_it_waited_ends_and_frees_the_queue(store: StoredSpeed) -> None:
    first = queue(store)
    assert store.request_cancel(first)
    assert claim(store, 3.0) is None
    ended = store.get(first)
    assert ended is not None
    assert (ended.status, ended.finished_at, ended.began_at) == (SpeedStatus.CANCELLED, moment(3).at, None)
    second = queue(store)
    store.request_cancel(second)
    third = queue(store)  # without anybody having looked at the second one
    assert [status(store, number).value for number in (second, third)] == ["cancelled", "queued"]
    assert not store.request_cancel(second)


def test_what_waits_does_not_begin_while_another_one_runs(store: StoredSpeed) -> None:
    number = queue(store)
    running = begin(store)
    assert claim(store) is None
    store.request_cancel(number)
    assert claim(store) is None
    assert status(store, number) is SpeedStatus.CANCELLED, "it does not wait for the other one's end"
    assert store.active() == running


def test_rows_that_a_person_writes_are_honoured(store: StoredSpeed, database: Database) -> None:
    insert = "insert into speed_tests (status, source, requested_by, local_date, created_at) values (?, ?, ?, ?, ?)"
    with closing(sqlite3.connect(database.path)) as by_hand, by_hand:
        by_hand.execute(insert, ("queued", "manual", "me", DAY, "2026-05-05 02:00:00"))
        by_hand.execute(insert, ("queued", "manual", "me", DAY, "2026-05-05 02:00:01"))
        by_hand.execute("UPDATE speed_tests SET cancel_requested=1 WHERE id=1")
    claimed = claim(store)
    assert claimed is not None
    assert (claimed.id, claimed.requested_by, claimed.created_at) == (2, "me", START + timedelta(seconds=1))
    assert status(store, 1) is SpeedStatus.CANCELLED
    with closing(sqlite3.connect(database.path)) as by_hand, by_hand:
        by_hand.execute("UPDATE speed_tests SET cancel_requested=1")
    assert store.pulse(2, SpeedProgress(), START) is True


def test_a_request_that_nobody_can_read_holds_up_no_other(
    store: StoredSpeed, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    insert = "insert into speed_tests (status, source, requested_by, local_date, created_at) values (?, ?, ?, ?, ?)"
    shell(database, insert, "queued", "moon", "me", DAY, "2026-05-05 02:00:00")
    shell(database, insert, "queued", "manual", "me", DAY, "2026-05-05 02:00:00")
    claimed = claim(store)
    assert claimed is not None and claimed.id == 2
    (row,) = shell(database, "select status, error, began_at from speed_tests where id = 1")
    assert row == ("cancelled", "This request cannot be read in the data file. Ask for the speed test again.", None)
    assert len(said(caplog)) == 1
    assert store.book([DAY]).attempts == ()


@pytest.mark.parametrize("seconds", [601.0, -601.0, 11 * 86_400.0])
def test_what_waited_too_long_is_dropped_with_a_sentence(seconds: float, store: StoredSpeed) -> None:
    number = queue(store, anyway=True)
    assert claim(store, seconds) is None
    dropped = store.get(number)
    assert dropped is not None
    assert (dropped.status, dropped.began_at, dropped.finished_at) == (SpeedStatus.CANCELLED, None, moment(seconds).at)
    assert dropped.error == (
        "Nobody could begin this speed test within ten minutes, so it was dropped. Ask for it again."
    )


def test_what_waits_is_claimed_for_ten_minutes(store: StoredSpeed) -> None:
    queue(store)
    claimed = claim(store, 599.0)
    assert claimed is not None and claimed.status is SpeedStatus.RUNNING


def test_a_request_that_is_too_old_holds_up_no_new_one(store: StoredSpeed) -> None:
    old = queue(store)
    new = store.enqueue(MANUAL, "eve", DAY, False, moment(700).at)
    assert (status(store, old), status(store, new)) == (SpeedStatus.CANCELLED, SpeedStatus.QUEUED)
    claimed = claim(store, 700)
    assert claimed is not None and claimed.id == new


# ------------------------------------------------------------------------------------------------ a running one


def test_a_test_that_starts_at_once_is_running_and_opens_its_day(store: StoredSpeed) -> None:
    test = begin(store)
    assert (test.status, test.source, test.began_at) == (SpeedStatus.RUNNING, SCHEDULE, START)
    assert store.book([]).days == {DAY: SpeedDay(DAY)}
    with pytest.raises(RunError, match="running already, by pid 4711 on nas"):
        begin(store, source=SpeedSource.CLI)


def test_a_clock_that_was_never_set_hinders_nobody(store: StoredSpeed) -> None:
    unset = Moment(datetime(1970, 1, 1, 0, 0, 9, tzinfo=UTC), BOOT, 9.0)
    test = store.start(SCHEDULE, "engine", "1970-01-01", False, OWNER, "here", unset)
    assert store.finish(test.id, success(day=over("success", "1970-01-01")), unset.at)
    assert store.book(["1970-01-01"]).attempts == (SpeedAttempt("1970-01-01", unset, SpeedStatus.SUCCESS),)


def test_one_that_a_person_asked_for_opens_no_day(store: StoredSpeed) -> None:
    begin(store, source=MANUAL)
    assert store.book([DAY]) == type(store.book([]))(attempts=(), days={}, barren=0, marks={})


@pytest.mark.parametrize("outcome", ["success", "failed", "skipped"])
def test_a_settled_day_sees_no_other_scheduled_test(outcome: str, store: StoredSpeed, database: Database) -> None:
    store.settle(over(outcome), (), {}, START)
    with pytest.raises(RunError, match="2026-05-05 is settled already"):
        begin(store)
    assert shell(database, "select count(*) from speed_tests") == [(0,)]
    assert begin(store, source=MANUAL).status is SpeedStatus.RUNNING


def test_progress_comes_back_as_it_was_told(store: StoredSpeed) -> None:
    test = begin(store)
    progress = SpeedProgress(OOKLA, True, 3.5, 20.0, 88.125, 1.5)
    assert store.pulse(test.id, progress, moment(4).at) is False
    seen = store.get(test.id)
    assert seen is not None
    assert (seen.progress, seen.progress_at) == (progress, moment(4).at)


def test_a_cancel_is_heard_with_the_next_pulse(store: StoredSpeed) -> None:
    test = begin(store)
    assert store.request_cancel(test.id)
    assert store.pulse(test.id, SpeedProgress(), START) is True
    store.finish(test.id, SpeedEnd(SpeedStatus.CANCELLED), START)
    assert store.pulse(test.id, SpeedProgress(), START) is None
    assert not store.request_cancel(test.id)
    assert not store.request_cancel(99)


def test_an_end_brings_everything_that_follows_from_it(store: StoredSpeed, database: Database) -> None:
    test = begin(store)
    store.note_run(test.id, run(bytes=700), moment(20).at)
    store.note_run(test.id, run(bytes=800), moment(40).at)
    day = over("success")
    end = success(run(), (Aspect.DOWNLOAD, Aspect.PING), day=day, notices=(TOLD,), marks={"alarm": "1"})
    assert store.finish(test.id, end, moment(50).at)
    ended = store.get(test.id)
    assert ended is not None and ended.result is not None
    assert ended.result.measured == Measured("7", "Town 7", 11.0, 90.0, 24.0, 0, 0)
    assert (ended.result.provider, ended.result.bytes, ended.bytes, ended.seconds) == (HTTP, 1_500, 1_500, 30.0)
    assert (ended.low, ended.status, ended.finished_at) == (
        (Aspect.DOWNLOAD, Aspect.PING), SpeedStatus.SUCCESS, moment(50).at,
    )  # fmt: skip
    book = store.book([DAY])
    assert (book.days, book.marks) == ({DAY: day}, {"alarm": "1"})
    assert book.attempts == (SpeedAttempt(DAY, moment(), SpeedStatus.SUCCESS),)
    assert kinds(database) == ["Network Speed Test"]


def test_what_has_ended_ends_once(store: StoredSpeed, database: Database) -> None:
    test = begin(store)
    failed = SpeedEnd(SpeedStatus.FAILED, error="Nobody answered.", error_code="broken", notices=(TOLD,))
    assert store.finish(test.id, failed, START)
    before = store.get(test.id)
    assert not store.finish(test.id, success(notices=(TOLD,), marks={"alarm": "1"}, day=over("success")), START)
    assert store.get(test.id) == before
    assert before is not None
    assert (before.error, before.error_code, before.result) == ("Nobody answered.", "broken", None)
    assert (kinds(database), store.book([DAY]).marks) == (["Network Speed Test"], {})


def test_half_an_end_is_none(store: StoredSpeed, database: Database) -> None:
    test = begin(store)
    unspeakable = Notice("Network Speed Test", Severity.INFO, "It", {"odd": object()})
    with pytest.raises(TypeError):
        store.finish(test.id, success(notices=(TOLD, unspeakable), day=over("success")), START)
    assert store.get(test.id) == test
    assert (kinds(database), store.book([DAY]).days) == ([], {DAY: SpeedDay(DAY)})


@pytest.mark.parametrize("wrong", NO_NUMBERS)
@pytest.mark.parametrize("figure", ["down", "up", "ping"])
def test_a_result_that_is_no_number_is_refused_and_the_test_goes_on(
    figure: str, wrong: float, store: StoredSpeed, database: Database
) -> None:
    test = begin(store)
    with pytest.raises(StoreRefused, match="no figure"):
        store.finish(test.id, success(run(**{figure: wrong})), START)
    with pytest.raises(StoreRefused, match="no figure"):
        store.note_run(test.id, run(**{figure: wrong}), START)
    assert store.get(test.id) == test
    assert shell(database, "select count(*) from speed_runs") == [(0,)]


@pytest.mark.parametrize("wrong", NO_NUMBERS)
def test_other_figures_that_are_none_are_refused_as_well(wrong: float, store: StoredSpeed) -> None:
    test = begin(store)
    refused: tuple[Callable[[], object], ...] = (
        lambda: store.note_run(test.id, run(seconds=wrong), START),
        lambda: store.finish(test.id, replace(success(), seconds=wrong), START),
    )
    for each in refused:
        with pytest.raises(StoreRefused) as refusal:
            each()
        assert not refusal.value.retry, "whoever tries again until it is stored would never end"
    assert store.get(test.id) == test


@pytest.mark.parametrize("wrong", NO_NUMBERS)
def test_a_cancel_is_heard_whatever_the_progress_says(wrong: float, store: StoredSpeed) -> None:
    test = begin(store)
    assert store.pulse(test.id, SpeedProgress(HTTP, receiving_mbps=wrong, sending_mbps=3.0), START) is False
    seen = store.get(test.id)
    assert seen is not None and seen.progress == SpeedProgress(HTTP, sending_mbps=3.0)
    store.request_cancel(test.id)
    assert store.pulse(test.id, SpeedProgress(seconds=wrong), START) is True


@pytest.mark.parametrize(("told", "kept"), [(-1, 0), (2**70, 10**15), (10**16, 10**15)])
def test_a_measurement_that_says_a_cost_beyond_everything_is_kept_and_so_is_its_test(
    told: int, kept: int, store: StoredSpeed
) -> None:
    test = begin(store)
    store.note_run(test.id, run(bytes=told, flaw=Flaw.ABSURD), START)
    assert store.bytes_between(START, moment(1).at) == kept
    store.note_run(test.id, run(bytes=told), START)
    assert store.finish(test.id, success(), START)
    ended = store.get(test.id)
    assert ended is not None and ended.bytes == kept


@pytest.mark.parametrize("result", [None, run(flaw=Flaw.ABSURD), run(measured=None)])
def test_there_is_no_success_without_a_result(result: Any, store: StoredSpeed) -> None:
    test = begin(store)
    with pytest.raises(StoreRefused, match="without"):
        store.finish(test.id, SpeedEnd(SpeedStatus.SUCCESS, result), START)
    assert status(store, test.id) is SpeedStatus.RUNNING


@pytest.mark.parametrize("figure", [math.nan, math.inf, 1e300])
def test_a_measurement_that_is_refused_is_kept_with_what_it_cost(
    figure: float, store: StoredSpeed, database: Database
) -> None:
    test = begin(store)
    store.note_run(test.id, run(figure, flaw=Flaw.ABSURD, said="1e300\nMbit/s \ud800"), START)
    assert shell(database, "select download_mbps, upload_mbps, flaw, said, bytes from speed_runs") == [
        (None, 24.0, "absurd", "1e300 Mbit/s", 1_500)
    ]
    assert store.bytes_between(START, moment(1).at) == 1_500


def test_what_was_measured_counts_although_the_test_has_ended(store: StoredSpeed) -> None:
    number = measure(store)
    store.note_run(number, run(bytes=50), moment(60).at)
    store.note_run(4_711, run(bytes=7), moment(60).at)
    ended = store.get(number)
    assert ended is not None and ended.bytes == 1_550
    assert store.bytes_between(START, moment(100).at) == 1_557


def test_names_are_one_line_and_not_longer_than_their_column(store: StoredSpeed, database: Database) -> None:
    long = run(server="7\n\x1b[31m" + "x" * 900)
    measure(store, result=long)
    ((server,),) = shell(database, "select server from speed_tests")
    assert server.startswith("7 [31mxxx") and len(server) == 200
    assert store.usual(HTTP, long.measured.server if long.measured else "", 5) == [(11.0, 90.0, 24.0)]


def test_the_shell_shows_them_readably(store: StoredSpeed, database: Database) -> None:
    measure(store, low=(Aspect.UPLOAD,))
    shown = "select began_at, status, provider, download_mbps, low, progress_json from speed_tests"
    assert shell(database, shown) == [("2026-05-05T02:00:00.000Z", "success", "http", 90.0, "upload", "{}")]
    test = begin(store, 60)
    store.pulse(test.id, SpeedProgress(HTTP, seconds=1 / 3), START)
    ((told,),) = shell(database, "select progress_json from speed_tests where status = 'running'")
    assert json.loads(told) == {
        "provider": "http", "confirming": False, "seconds": 0.333, "expected": 0.0, "receiving_mbps": 0.0,
        "sending_mbps": 0.0,
    }  # fmt: skip


def test_what_is_said_holds_no_secret(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "clean.db", Redactor(["s3cr3t-word"]).clean)) as database:
        database.migrate()
        store = StoredSpeed(database)
        test = begin(store)
        store.note_run(test.id, run(flaw=Flaw.BROKEN, said="GET /?key=s3cr3t-word"), START)
        store.finish(test.id, SpeedEnd(SpeedStatus.FAILED, error="It said s3cr3t-word."), START)
        ended = store.get(test.id)
        assert ended is not None and ended.error == "It said ***."
        assert shell(database, "select said from speed_runs") == [("GET /?key=***",)]


# ------------------------------------------------------------------------------------------------ days


def test_a_day_that_is_put_off_says_until_when_and_why(store: StoredSpeed) -> None:
    day = SpeedDay(DAY, hindrance=Hindrance.IN_USE, again=Moment(moment(600).at, BOOT, 1_600.25))
    store.put_off(day)
    assert store.book([]).days == {DAY: day}
    store.put_off(SpeedDay(DAY, hindrance=Hindrance.SCANNING))
    assert store.book([]).days == {DAY: SpeedDay(DAY, hindrance=Hindrance.SCANNING)}


def test_a_day_is_settled_once(store: StoredSpeed, database: Database) -> None:
    skipped = over("skipped", hindrance=Hindrance.NO_LINE)
    assert store.settle(skipped, [TOLD], {"budget": "2026-05"}, START)
    assert not store.settle(over("failed"), [TOLD], {"budget": "2026-06"}, START)
    store.put_off(SpeedDay(DAY, hindrance=Hindrance.IN_USE))
    book = store.book([DAY])
    assert (book.days, book.marks, kinds(database)) == ({DAY: skipped}, {"budget": "2026-05"}, [TOLD.kind])
    assert store.book([]).days == {}
    assert shell(database, "select settled_at from speed_days") == [("2026-05-05T02:00:00.000Z",)]


def test_the_end_of_a_test_does_not_unsettle_its_day(store: StoredSpeed) -> None:
    test = begin(store)
    store.settle(over("skipped"), (), {}, START)
    assert store.finish(test.id, success(day=over("success")), START)
    assert store.book([DAY]).days[DAY].outcome == "skipped"


def test_something_is_told_together_with_the_mark_that_it_was(store: StoredSpeed, database: Database) -> None:
    store.note([TOLD, TOLD], {"alarm": "", "budget": "2026-05"}, START)
    assert (kinds(database), store.book([]).marks) == ([TOLD.kind] * 2, {"alarm": "", "budget": "2026-05"})
    store.note((), {"alarm": "1"}, START)
    assert store.book([]).marks == {"alarm": "1", "budget": "2026-05"}


# ------------------------------------------------------------------------------------------------ the book


def test_attempts_are_the_scheduled_ones_of_the_dates_and_the_newest_of_all(store: StoredSpeed) -> None:
    for number, day in enumerate(("2026-05-01", "2026-05-02", "2026-05-03", "2026-05-02")):
        test = begin(store, 3_600.0 * number, day=day)
        store.finish(test.id, SpeedEnd(SpeedStatus.FAILED), START)
    measure(store, 20_000)
    begin(store, 21_000, SpeedSource.CLI)
    third, fourth = moment(3_600 * 2), moment(3_600 * 3)
    newest = SpeedAttempt("2026-05-02", fourth, SpeedStatus.FAILED)
    assert store.book([]).attempts == store.book(["2026-04-01"]).attempts == (newest,)
    assert store.book(["2026-05-03"]).attempts == (SpeedAttempt("2026-05-03", third, SpeedStatus.FAILED), newest)
    assert [each.began for each in store.book(["2026-05-02", "2026-05-03"]).attempts] == [moment(3_600), third, fourth]


@pytest.mark.parametrize("end", [each for each in SpeedStatus if each.ended and each is not SpeedStatus.SUCCESS])
def test_whatever_became_of_it_a_begun_test_is_an_attempt(end: SpeedStatus, store: StoredSpeed) -> None:
    test = begin(store)
    assert store.book([DAY]).attempts == (SpeedAttempt(DAY, moment(), SpeedStatus.RUNNING),)
    store.finish(test.id, SpeedEnd(end), START)
    assert store.book([DAY]).attempts == (SpeedAttempt(DAY, moment(), end),)


NO_BYTES = Hindrance.BUDGET


@pytest.mark.parametrize(
    ("outcomes", "barren"),
    [
        ([], 0),
        (["failed", "skipped", "success"], 0),
        (["success", "failed", "skipped"], 2),
        (["failed", NO_BYTES, NO_BYTES, "skipped"], 2),
        ([NO_BYTES] * 5, 0),
        (["success", "failed", ""], 1),
        (["failed"] * 40, 30),
        (["failed"] * 20 + [NO_BYTES] * 20, 10),
        (["nonsense", "failed"], 2),
    ],
)
def test_days_without_a_result_are_counted_back_to_the_last_one(
    outcomes: list[str], barren: int, store: StoredSpeed, database: Database
) -> None:
    """Oldest first, as they came."""
    for number, outcome in enumerate(outcomes):
        day = (START + timedelta(days=number)).date().isoformat()
        values = ("skipped", "budget") if outcome is NO_BYTES else (outcome, None)
        shell(database, "insert into speed_days (local_date, outcome, hindrance) values (?, ?, ?)", day, *values)
    assert store.book([]).barren == barren


def test_a_day_that_a_clock_ahead_of_its_time_settled_ends_no_days_without_a_result(store: StoredSpeed) -> None:
    for number in range(3):
        store.settle(over("failed", f"2026-05-0{number + 2}"), (), {}, START)
    store.settle(over("success", "2030-01-01"), (), {}, START)
    assert store.book(["2026-05-04", "2026-05-05", "2026-05-03"]).barren == 3
    assert store.book(["2026-05-03"]).barren == 2
    assert store.book(["2030-01-02"]).barren == 0


LATEST = Moment(moment(90).at, BOOT, moment().uptime)  # the latest time of the row, and the uptime as it was
SPOILT_ATTEMPTS = {
    "status='moon'": SpeedAttempt(DAY, moment(), SpeedStatus.FAILED),
    "source='moon'": SpeedAttempt(DAY, moment(), SpeedStatus.SUCCESS),
    "began_at='yesterday'": SpeedAttempt(DAY, LATEST, SpeedStatus.SUCCESS),
    "began_at=NULL": SpeedAttempt(DAY, LATEST, SpeedStatus.SUCCESS),
    "began_at='x', created_at='y', progress_at=NULL": SpeedAttempt(DAY, LATEST, SpeedStatus.SUCCESS),
    "uptime='long'": SpeedAttempt(DAY, Moment(START, "", 0.0), SpeedStatus.SUCCESS),
    "boot=x'00ff'": SpeedAttempt(DAY, Moment(START, "", 0.0), SpeedStatus.SUCCESS),
    "download_mbps='fast', low='colour', provider=NULL": SpeedAttempt(DAY, moment(), SpeedStatus.SUCCESS),
}


@pytest.mark.parametrize("spoilt", SPOILT_ATTEMPTS)
def test_an_attempt_that_cannot_be_read_is_one_still(
    spoilt: str, store: StoredSpeed, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    test = begin(store)
    store.finish(test.id, success(), moment(90).at)
    shell(database, f"update speed_tests set {spoilt}")
    for _ in range(3):
        assert store.book([DAY]).attempts == store.book([]).attempts == (SPOILT_ATTEMPTS[spoilt],)
    assert len(said(caplog)) <= 1


def test_an_attempt_without_any_readable_time_is_one_still(store: StoredSpeed, database: Database) -> None:
    begin(store)
    shell(database, "update speed_tests set began_at='x', created_at='x', progress_at='x', status='success'")
    (attempt,) = store.book([DAY]).attempts
    assert (attempt.date, attempt.began.at.year, attempt.began.boot) == (DAY, 1970, BOOT)


SPOILT_DAYS = {
    "outcome='moon'": {DAY: over("skipped", hindrance=Hindrance.IN_USE, again=moment(600))},
    "hindrance='moon'": {DAY: SpeedDay(DAY)},
    "again_at='soon'": {DAY: SpeedDay(DAY, hindrance=Hindrance.IN_USE)},
    "again_uptime='x'": {DAY: SpeedDay(DAY, "", Hindrance.IN_USE, Moment(moment(600).at, "", 0.0))},
    "local_date='someday'": {},
    "local_date='20260505'": {},
}


@pytest.mark.parametrize("spoilt", SPOILT_DAYS)
def test_a_day_that_cannot_be_read_breaks_nothing(
    spoilt: str, store: StoredSpeed, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    store.put_off(SpeedDay(DAY, hindrance=Hindrance.IN_USE, again=moment(600)))
    shell(database, f"update speed_days set {spoilt}")
    assert [store.book([DAY]).days for _ in range(3)] == [SPOILT_DAYS[spoilt]] * 3
    assert len(said(caplog)) <= 1


def test_a_day_that_ended_as_nobody_knows_sees_no_other_test(store: StoredSpeed, database: Database) -> None:
    store.put_off(SpeedDay(DAY))
    shell(database, "update speed_days set outcome='moon'")
    with pytest.raises(RunError, match="settled"):
        begin(store)
    assert not store.settle(over("failed"), [TOLD], {}, START)
    assert kinds(database) == []


# ------------------------------------------------------------------------------------------------ bytes and figures


def test_a_month_costs_what_was_measured_in_it(store: StoredSpeed) -> None:
    may, june = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    moments = {may - timedelta(seconds=1): 1, may: 10, START: 100, june - timedelta(seconds=1): 1_000, june: 10_000}
    for at, cost in moments.items():
        store.note_run(1, run(bytes=cost, flaw=Flaw.BROKEN if cost == 100 else None), at)
    assert store.bytes_between(may, june) == 1_110
    assert store.bytes_between(june, june + timedelta(days=30)) == 10_000
    assert store.bytes_between(june + timedelta(days=30), june + timedelta(days=60)) == 0


@pytest.mark.parametrize(("spoilt", "total"), [("'many'", 1_500), ("-5", 1_500), ("9e999", 10**18), ("9e18", None)])
def test_bytes_that_were_spoiled_by_hand_break_no_sum(
    spoilt: str, total: int | None, store: StoredSpeed, database: Database
) -> None:
    for _ in range(4):
        store.note_run(1, run(), START)
    shell(database, f"update speed_runs set bytes = {spoilt} where id > 1")
    used = store.bytes_between(START, moment(1).at)
    assert used == total if total is not None else used >= 10**18


def test_costs_are_those_of_the_latest_believable_measurements(store: StoredSpeed) -> None:
    for number in range(4):
        store.note_run(1, run(bytes=number, seconds=number / 2), START)
    store.note_run(1, run(bytes=99, flaw=Flaw.NO_UPLOAD), START)
    store.note_run(1, run(bytes=98, provider=OOKLA), START)
    assert store.costs(HTTP, 3) == [(3, 1.5), (2, 1.0), (1, 0.5)]
    assert store.costs(OOKLA, 3) == [(98, 12.5)]


def test_usual_is_what_that_provider_and_server_brought_lately(store: StoredSpeed) -> None:
    for number in range(4):
        measure(store, 100.0 * number, run(80.0 + number))
    measure(store, 500, run(1.0, server="8"))
    measure(store, 600, run(2.0, provider=OOKLA))
    failed = begin(store, 700)
    store.note_run(failed.id, run(3.0), START)
    store.finish(failed.id, SpeedEnd(SpeedStatus.FAILED), START)
    assert store.usual(HTTP, "7", 3) == [(11.0, 83.0, 24.0), (11.0, 82.0, 24.0), (11.0, 81.0, 24.0)]
    assert store.usual(HTTP, "9", 3) == []


def test_low_results_make_nothing_usual(store: StoredSpeed) -> None:
    for number in range(6):
        measure(store, 100.0 * number, run(80.0 + number), low=(Aspect.DOWNLOAD,) if number % 2 else ())
    assert [down for _, down, _ in store.usual(HTTP, "7", 5)] == [84.0, 82.0, 80.0]


NO_TEXT = "cast(x'ff41' as text)"
CELLS = (
    "requested_by", "local_date", "server", "server_name", "error", "error_code", "progress_json", "holder", "boot",
)  # fmt: skip


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_that_is_no_text_breaks_no_question(cell: str, store: StoredSpeed, database: Database) -> None:
    number = measure(store)
    shell(database, f"update speed_tests set {cell} = {NO_TEXT}")
    shell(database, f"insert into settings values ('speed.wishes', {NO_TEXT}, '2026-01-01', 'me')")
    shell(database, f"insert into settings values ('speed.marks.alarm', {NO_TEXT}, '2026-01-01', 'me')")
    ended = store.get(number)
    assert ended is not None and ended.status is SpeedStatus.SUCCESS
    assert (store.wishes(), store.lows(3)) == (SpeedWishes(), [False])
    assert store.book([DAY]).marks == {"alarm": "\ufffdA"}


def test_lows_are_told_newest_first(store: StoredSpeed) -> None:
    for number, low in enumerate(((), (Aspect.PING,), (), (Aspect.UPLOAD, Aspect.DOWNLOAD))):
        measure(store, 100.0 * number, low=low)
    begin(store, 900)
    assert store.lows(3) == [True, False, True]
    assert store.lows(9) == [True, False, True, False]


# ------------------------------------------------------------------------------------------------ orphans


@pytest.mark.parametrize(("alive", "silent", "gone"), [
    (True, 170, False), (True, 190, True), (True, -190, True), (False, 0, True),
    (None, 190, False), (None, 3_600, True), (None, -3_600, True),
])  # fmt: skip
def test_a_test_whose_process_is_gone_is_interrupted(
    alive: bool | None, silent: float, gone: bool, store: StoredSpeed, database: Database
) -> None:
    test = begin(store)
    store.pulse(test.id, SpeedProgress(), moment(30).at)
    asked: list[object] = []

    def is_alive(owner: object) -> bool | None:
        asked.append(owner)
        return alive

    assert store.interrupt_orphans(is_alive, moment(30 + silent).at) == ([test.id] if gone else [])
    assert asked == [OWNER]
    assert status(store, test.id) is (SpeedStatus.INTERRUPTED if gone else SpeedStatus.RUNNING)
    assert store.pulse(test.id, SpeedProgress(), START) is (None if gone else False)
    assert kinds(database) == []


SPOILT = (
    "owner='who?'", "owner=NULL", "owner=cast(x'ff' as text)", "owner=x'ff00'", "source='moon'", "began_at='soon'",
    "source=cast(x'ff' as text)", "bytes='many'", "progress_at='x'", "progress_at=x'ff'",
)  # fmt: skip


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_spoilt_row_does_not_stay_in_the_way(spoilt: str, store: StoredSpeed, database: Database) -> None:
    """Although its process lives: nobody could see or cancel it, and nothing else could begin."""
    test = begin(store)
    shell(database, f"update speed_tests set {spoilt}")
    with pytest.raises(RunError, match="running already"):
        begin(store)
    assert store.interrupt_orphans(lambda _: True, START) == [test.id]
    assert store.pulse(test.id, SpeedProgress(), START) is None
    assert begin(store, day="2026-05-06").id == test.id + 1


# ------------------------------------------------------------------------------------------------ what must last


def test_what_limits_the_next_test_is_on_the_disk_before_it_returns(store: StoredSpeed, database: Database) -> None:
    levels: list[int] = []

    @event.listens_for(database.engine, "commit")
    def look(connection: Any) -> None:
        if connection.get_execution_options().get("keeper_write"):
            levels.append(connection.exec_driver_sql("pragma synchronous").scalar())

    test = begin(store)
    store.note_run(test.id, run(), START)
    store.finish(test.id, success(), START)
    store.settle(over("success"), (), {}, START)
    store.save_wishes(SpeedWishes(), "ada", START)
    queued = queue(store)
    assert levels == [FULL] * 5 + [NORMAL]
    claim(store)
    store.pulse(queued, SpeedProgress(), START)
    store.request_cancel(queued)
    assert levels[6:] == [FULL, NORMAL, NORMAL]


def test_idle_looks_take_no_write_lock(store: StoredSpeed, database: Database) -> None:
    with database.write():
        assert claim(store) is None
        assert store.interrupt_orphans(lambda _: True, START) == []
        assert store.book([DAY]).barren == 0


@pytest.mark.parametrize("attempt", range(5))
def test_of_many_threads_one_starts(attempt: int, store: StoredSpeed, database: Database) -> None:
    won: list[object] = []
    lost: list[str] = []
    gate = threading.Barrier(8)

    def race(number: int) -> None:
        gate.wait()
        try:
            won.append(store.start(SCHEDULE, f"thread {number}", DAY, False, OWNER, "here", moment()))
        except RunError as problem:
            lost.append(problem.sentence)

    _together(race, 8)
    assert (len(won), len(lost)) == (1, 7)
    assert shell(database, "select status from speed_tests") == [("running",)]


def test_of_many_threads_one_claims(store: StoredSpeed, database: Database) -> None:
    queue(store)
    got: list[SpeedTest | None] = []
    gate = threading.Barrier(8)

    def race(_: int) -> None:
        gate.wait()
        got.append(claim(store))

    _together(race, 8)
    assert [each.id for each in got if each] == [1]
    assert len(got) == 8


def _together(work: Callable[[int], None], number: int) -> None:
    threads = [threading.Thread(target=work, args=(each,)) for each in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("task", ["claim", "start"])
def test_of_two_processes_one_wins(task: str, store: StoredSpeed, database: Database) -> None:
    if task == "claim":
        queue(store)
    children = [_child(task, database.path) for _ in range(2)]
    try:
        assert [_heard(child) for child in children] == ["ready"] * 2
        for child in children:
            _tell(child)
        answers = sorted(_heard(child) for child in children)
    finally:
        for child in children:
            child.kill()
            child.communicate()
    assert answers[0] == "0" if task == "claim" else "running already, by another" in answers[1]
    assert "1" in answers
    assert shell(database, "select id, status, holder from speed_tests") == [(1, "running", "another")]


def test_a_killed_test_is_interrupted_counts_as_an_attempt_and_has_cost_what_it_cost(
    store: StoredSpeed, database: Database
) -> None:
    chance, kills, known = random.Random(6), 3, 0
    for number in range(1, kills + 1):
        known += _begin_and_kill(database.path, chance.randrange(2, 9))
        assert shell(database, "pragma integrity_check") == [("ok",)]
        assert status(store, number) is SpeedStatus.RUNNING
        assert [each.status for each in store.book([DAY]).attempts][-1] is SpeedStatus.RUNNING
        assert store.interrupt_orphans(LocalHost().is_alive, START) == [number]
        used = store.bytes_between(START - timedelta(days=1), START + timedelta(days=1))
        assert used >= known * 1_500
        assert used == shell(database, "select sum(bytes) from speed_tests")[0][0]
        known = used // 1_500
    assert [each.status for each in store.book([DAY]).attempts] == [SpeedStatus.INTERRUPTED] * kills
    assert begin(store).id == kills + 1


def _begin_and_kill(path: Path, measured: int) -> int:
    """Lets another process begin a test and measure so often; the number of measurements that it said it had."""
    child = _child("begin", path)
    try:
        assert _heard(child) == "ready"
        _tell(child)
        heard = [_heard(child) for _ in range(1 + measured)]
    finally:
        child.kill()
        rest, _ = child.communicate()
    return int([*heard, *rest.split()][-1])


def _child(task: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "speed_store_process.py"), task, str(path)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env={"PYTHONPATH": str(HERE.parents[1])})


def _heard(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def _tell(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("go\n")
    child.stdin.flush()
