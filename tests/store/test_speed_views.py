"""What pages, exports and the digest read of the speed tests: quick, small, and whatever was spoiled by hand."""

from __future__ import annotations

import itertools
import logging
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pytest
from speed_store_rig import DAY, HTTP, OOKLA, OWNER, START, begin, fill, measure, moment, over, run, shell, success
from sqlalchemy import event

from keeper.house.figures import Books, figures
from keeper.rules.types import (
    Aspect,
    Flaw,
    Hindrance,
    Measured,
    SpeedAttempt,
    SpeedDay,
    SpeedEnd,
    SpeedPoint,
    SpeedSource,
    SpeedStatus,
    SpeedUsual,
)
from keeper.store import cleaner, speed_rows
from keeper.store.db import Database
from keeper.store.runs import Runs
from keeper.store.speed import StoredSpeed
from keeper.store.speed_views import LATEST_RESULTS, SpeedViews
from keeper.store.watch_views import WatchViews
from keeper.world.clock import SystemClock

YEARS = 10
#: Seconds of this thread's own work that a question about ten years may cost. The longest takes a third of it here.
MOST_WORK = 0.15
VALUES = (
    "cast(x'ff' as text)", "'moon'", "''", "-1", "9e999", "x'ff'", "1", "'2026-05-05'", "'2026-13-45T00:00:00.000Z'",
)  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed_rows, "_complained", set())


@pytest.fixture
def store(database: Database) -> StoredSpeed:
    return StoredSpeed(database)


@pytest.fixture
def views(database: Database) -> SpeedViews:
    return SpeedViews(database)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Ten years of daily tests."""
    with closing(Database(tmp_path_factory.mktemp("old") / "keeper.db")) as database:
        database.migrate()
        fill(database, YEARS * 365)
        yield database


def fail(store: StoredSpeed, seconds: float, *flaws: Flaw) -> int:
    test = begin(store, seconds, SpeedSource.MANUAL)
    for flaw in flaws:
        store.note_run(test.id, run(flaw=flaw, measured=None, said="It did not work."), moment(seconds).at)
    store.finish(test.id, SpeedEnd(SpeedStatus.FAILED, error_code=flaws[-1]), moment(seconds + 1).at)
    return test.id


# ------------------------------------------------------------------------------------------------ lists


def test_at_first_there_is_nothing(views: SpeedViews) -> None:
    assert (views.latest(), views.active(), views.tests(10, 0), views.count()) == (None, None, [], 0)
    assert (views.points(START), views.days(""), views.usual(START), views.troubles(START)) == ([], {}, [], [])
    assert (views.runs_of(1), views.bytes_between(START, moment(9).at), list(views.csv_rows())) == ([], 0, [])


def test_the_latest_is_the_newest_that_brought_a_result(store: StoredSpeed, views: SpeedViews) -> None:
    first, second = measure(store), measure(store, 100, run(50.0))
    fail(store, 200, Flaw.BROKEN)
    running = begin(store, 300)
    latest, active = views.latest(), views.active()
    assert latest is not None and active is not None
    assert (latest.id, active) == (second, running)
    assert [test.id for test in views.tests(10, 0)] == [running.id, second + 1, second, first]
    assert [test.id for test in views.tests(2, 1)] == [second + 1, second]
    assert (views.count(), views.tests(5, 4)) == (4, [])


def test_the_measurements_of_a_test_come_back_in_their_order(store: StoredSpeed, views: SpeedViews) -> None:
    test = begin(store)
    blocked = run(provider=OOKLA, measured=None, flaw=Flaw.BLOCKED, said="403", bytes=10)
    zero = run(up=0.0, flaw=Flaw.NO_UPLOAD)
    for each in (blocked, zero, run()):
        store.note_run(test.id, each, START)
    store.note_run(test.id + 1, run(), START)
    kept = Measured("7", "Town 7", 11.0, 90.0, 0.0, 0, 0)
    assert views.runs_of(test.id) == [
        blocked, replace(zero, measured=kept), run(measured=kept._replace(upload_mbps=24.0)),
    ]  # fmt: skip


def test_points_are_results_oldest_first_and_the_newest_of_them(store: StoredSpeed, views: SpeedViews) -> None:
    for number in range(4):
        measure(store, 100.0 * number, run(80.0 + number), low=(Aspect.PING,) if number == 3 else ())
    fail(store, 500, Flaw.BROKEN)
    assert [point.download_mbps for point in views.points(START)] == [80, 81, 82, 83]
    assert [point.download_mbps for point in views.points(moment(150).at)] == [82, 83]
    (last,) = views.points(START, most=1)
    assert last == SpeedPoint(moment(300).at, HTTP, "7", 11.0, 83.0, 24.0, (Aspect.PING,), SpeedSource.MANUAL)


def test_days_are_those_from_a_date_on(store: StoredSpeed, views: SpeedViews) -> None:
    skipped = over("skipped", "2026-05-04", hindrance=Hindrance.IN_USE)
    store.settle(over("success", "2026-05-03"), (), {}, START)
    store.settle(skipped, (), {}, START)
    store.put_off(SpeedDay(DAY))
    assert views.days("2026-05-04") == {"2026-05-04": skipped, DAY: SpeedDay(DAY)}
    assert list(views.days("")) == ["2026-05-03", "2026-05-04", DAY]


def test_usual_are_the_medians_of_each_provider_and_server(store: StoredSpeed, views: SpeedViews) -> None:
    for number, down in enumerate((10.0, 100.0, 40.0)):
        measure(store, 100.0 * number, run(down))
    measure(store, 400, run(5.0, provider=OOKLA))
    measure(store, 500, run(60.0, server="8"))
    measure(store, 600, run(70.0, server="8"))
    assert views.usual(START) == [
        SpeedUsual(HTTP, "7", "Town 7", 3, 11.0, 40.0, 24.0, moment(200).at, 3),
        SpeedUsual(HTTP, "8", "Town 8", 2, 11.0, 65.0, 24.0, moment(600).at, 2),
        SpeedUsual(OOKLA, "7", "Town 7", 1, 11.0, 5.0, 24.0, moment(400).at, 1),
    ]
    assert [usual.results for usual in views.usual(moment(450).at)] == [2]


def test_usual_is_what_was_brought_lately(store: StoredSpeed, views: SpeedViews) -> None:
    for number in range(60):
        measure(store, 100.0 * number, run(10.0 if number < 30 else 50.0))
    (usual,) = views.usual(START)
    assert (usual.results, usual.download_mbps) == (60, 50.0)


def test_usual_is_that_with_which_the_next_result_is_compared(store: StoredSpeed, views: SpeedViews) -> None:
    """Also where the page asks for the last days only, and those were all low."""
    for number in range(8):
        measure(store, 100.0 * number, run(90.0 + number))
    for number in range(8, 20):
        measure(store, 100.0 * number, run(20.0), low=(Aspect.DOWNLOAD,))
    (usual,) = views.usual(moment(1_000).at)
    pings, downs, ups = zip(*store.usual(HTTP, "7", LATEST_RESULTS), strict=True)
    assert (usual.ping_ms, usual.download_mbps, usual.upload_mbps) == (median(pings), median(downs), median(ups))
    assert (usual.download_mbps, usual.compared, usual.results) == (93.5, 8, 10)


def test_where_all_results_are_low_the_latest_are_shown_and_none_is_compared(
    store: StoredSpeed, views: SpeedViews
) -> None:
    for number in range(6):
        measure(store, 100.0 * number, run(20.0), low=(Aspect.DOWNLOAD,))
    (usual,) = views.usual(START)
    assert (usual.results, usual.compared, usual.download_mbps, store.usual(HTTP, "7", 30)) == (6, 0, 20.0, [])


def test_the_measurements_of_a_whole_page_come_by_one_question(
    store: StoredSpeed, views: SpeedViews, database: Database
) -> None:
    first, second = fail(store, 0, Flaw.BROKEN, Flaw.BLOCKED), measure(store, 100)
    third = begin(store, 200).id
    measured = {number: views.runs_of(number) for number in (first, second)}
    assert [len(runs) for runs in measured.values()] == [2, 1]
    asked: list[str] = []
    listen = event.listens_for(database.engine, "before_cursor_execute")
    listen(lambda _conn, _cursor, statement, *_: asked.append(statement))
    assert views.runs_of_all([first, second, third, 4_711]) == measured
    assert sum("speed_runs" in statement for statement in asked) == 1
    assert views.runs_of_all([second]) == {second: measured[second]}
    assert views.runs_of_all([]) == {}
    shell(database, f"update speed_runs set provider = 'moon' where test_id = {second}")
    assert views.runs_of_all([first, second]) == {first: measured[first]}


def test_troubles_are_counted_by_provider_and_flaw(store: StoredSpeed, views: SpeedViews) -> None:
    fail(store, 0, Flaw.BLOCKED)
    fail(store, 100, Flaw.BROKEN, Flaw.BLOCKED)
    fail(store, 200, Flaw.BLOCKED)
    measure(store, 300)
    assert views.troubles(START) == [
        (HTTP, Flaw.BLOCKED, 3, moment(200).at), (HTTP, Flaw.BROKEN, 1, moment(100).at),
    ]  # fmt: skip
    assert views.troubles(moment(150).at) == [(HTTP, Flaw.BLOCKED, 1, moment(200).at)]


def test_an_export_holds_all_that_ended_oldest_first(store: StoredSpeed, views: SpeedViews) -> None:
    first, second = measure(store), fail(store, 100, Flaw.BROKEN)
    queued = store.enqueue(SpeedSource.MANUAL, "ada", DAY, False, START)
    store.request_cancel(queued)
    begin(store, 300)
    assert [test.id for test in views.csv_rows()] == [first, second]


# ------------------------------------------------------------------------------------------------ spoilt rows

COLUMNS = {
    "speed_tests": (
        "status", "source", "requested_by", "local_date", "anyway", "created_at", "began_at", "boot", "uptime",
        "finished_at", "cancel_requested", "provider", "server", "server_name", "ping_ms", "download_mbps",
        "upload_mbps", "low", "bytes", "seconds", "error", "error_code", "progress_json", "progress_at", "owner",
    ),
    "speed_runs": (
        "test_id", "at", "provider", "server", "server_name", "ping_ms", "download_mbps", "upload_mbps", "flaw", "said",
        "bytes", "seconds",
    ),
    "speed_days": ("outcome", "hindrance", "again_at", "again_boot", "again_uptime", "settled_at"),
}  # fmt: skip
NULLABLE = (
    "began_at", "finished_at", "ping_ms", "download_mbps", "upload_mbps", "progress_at", "owner", "flaw", "hindrance",
    "again_at",
)  # fmt: skip
CELLS = [(table, column) for table, columns in COLUMNS.items() for column in columns]


def ask_everything(store: StoredSpeed, views: SpeedViews) -> None:
    since = START - timedelta(days=30)
    views.latest(), views.active(), views.tests(10, 0), views.count(), views.runs_of(1), list(views.csv_rows())
    views.points(since), views.days(""), views.usual(since), views.troubles(since), views.bytes_between(since, START)
    store.get(1), store.usual(HTTP, "7", 5), store.costs(HTTP, 5), store.lows(5)
    assert store.claim_next(OWNER, "here", moment()) is None


@pytest.mark.parametrize(("table", "column"), CELLS)
def test_no_word_in_any_cell_breaks_a_question(
    table: str, column: str, store: StoredSpeed, views: SpeedViews, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    measure(store)
    store.settle(over("skipped", hindrance=Hindrance.IN_USE, again=moment()), (), {}, START)
    running = begin(store, 60, day="2026-05-06")
    for value in (*VALUES, *(("NULL",) if column in NULLABLE else ())):
        shell(database, f"update {table} set {column} = {value} where rowid = 1")
        ask_everything(store, views)
        assert SpeedAttempt("2026-05-06", moment(60), SpeedStatus.RUNNING) in store.book([DAY]).attempts
        assert (store.active(), views.tests(1, 0)) == (running, [running])
    assert len({record.getMessage() for record in caplog.records}) == len(caplog.records), "said more than once"


def test_a_spoilt_result_is_passed_over_and_the_others_are_shown(
    store: StoredSpeed, views: SpeedViews, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        measure(store, 100.0 * number)
    shell(database, "update speed_tests set download_mbps = NULL where id = 3")
    shell(database, "update speed_tests set provider = 'moon' where id = 2")
    for _ in range(3):
        assert len(views.points(START)) == len(store.usual(HTTP, "7", 9)) == len(list(views.csv_rows())) == 1
        latest = views.latest()
        assert latest is not None and latest.id == 1
        assert views.count() == 3
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 2


def test_a_flaw_that_nobody_knows_does_not_make_a_measurement_believable(
    store: StoredSpeed, views: SpeedViews, database: Database
) -> None:
    fail(store, 0, Flaw.BROKEN)
    shell(database, "update speed_runs set flaw = 'of a newer program'")
    assert (views.runs_of(1), store.costs(HTTP, 5), views.troubles(START)) == ([], [], [])


# ------------------------------------------------------------------------------------------------ ten years

QUESTIONS: dict[str, Callable[[StoredSpeed, SpeedViews], object]] = {
    "book": lambda store, views: store.book([DAY, "2026-05-04", "2026-05-06"]),
    "points": lambda store, views: views.points(START - timedelta(days=365)),
    "usual": lambda store, views: views.usual(START - timedelta(days=365)),
    "usual of all": lambda store, views: views.usual(START - timedelta(days=3_650)),
    "usual of one": lambda store, views: store.usual(HTTP, "1", 30),
    "usual of none": lambda store, views: store.usual(OOKLA, "1", 30),
    "latest": lambda store, views: views.latest(),
    "lows": lambda store, views: store.lows(3),
    "costs": lambda store, views: store.costs(HTTP, 5),
    "bytes of a month": lambda store, views: views.bytes_between(START - timedelta(days=31), START),
    "troubles": lambda store, views: views.troubles(START - timedelta(days=90)),
    "days": lambda store, views: views.days("2025-05-05"),
    "tests": lambda store, views: views.tests(50, 0),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_after_ten_years_a_question_is_still_quick(name: str, old: Database) -> None:
    store, views = StoredSpeed(old), SpeedViews(old)
    assert views.count() == YEARS * 365
    work = []
    for _ in range(5):
        begun = time.thread_time()
        QUESTIONS[name](store, views)
        work.append(time.thread_time() - begun)
    assert min(work) < MOST_WORK


def test_an_export_of_ten_years_needs_little_memory(old: Database) -> None:
    rows = SpeedViews(old).csv_rows()
    next(rows)
    tracemalloc.start()
    try:
        number = sum(1 for _ in rows)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert number == YEARS * 365 - 1
    assert peak < 3_000_000


# ------------------------------------------------------------------------------------------------ retention


def keep(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(cleaner, "SPEED_KEPT", dict.fromkeys(cleaner.SPEED_KEPT, number))


def prune_all(database: Database, now: datetime, batch: int) -> list[int]:
    cleaning = cleaner.StoredCleaner(database)
    return list(itertools.takewhile(bool, (cleaning.prune(now, 90, 500, batch) for _ in range(10_000))))


def left(database: Database) -> list[int]:
    return [
        shell(database, f"select count(*) from {table}")[0][0] for table in ("speed_tests", "speed_runs", "speed_days")
    ]


def test_what_is_older_than_five_years_goes_in_small_batches(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(monkeypatch, 1)
    fill(database, 20, START - timedelta(days=5 * 365 - 11))
    gone = prune_all(database, START, batch=4)
    assert left(database) == [11, 22, 11]
    assert (max(gone), sum(gone)) == (4, 9 + 18 + 9)
    assert shell(database, "select min(id) from speed_tests") == [(10,)]


def test_the_newest_stay_whatever_their_age(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(monkeypatch, 3)
    fill(database, 20)
    prune_all(database, START + timedelta(days=20_000), batch=500)
    assert left(database) == [3, 3, 3]
    assert shell(database, "select max(id), min(id) from speed_tests") == [(20, 18)]


def test_a_clock_that_is_years_ahead_takes_no_limit_away(database: Database, store: StoredSpeed) -> None:
    fill(database, 399)
    begin(store)
    book, used = store.book([DAY]), store.bytes_between(START - timedelta(days=31), START)
    prune_all(database, START + timedelta(days=20_000), batch=500)
    assert left(database) == [400, 798, 400]
    assert (store.book([DAY]), store.bytes_between(START - timedelta(days=31), START)) == (book, used)


def test_what_has_not_ended_stays(database: Database, store: StoredSpeed, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(monkeypatch, 1)
    queued = store.enqueue(SpeedSource.MANUAL, "ada", "2001-01-01", False, START)
    running = begin(store, day="2001-01-01")
    fill(database, 3)
    prune_all(database, START + timedelta(days=20_000), batch=500)
    assert shell(database, "select id from speed_tests") == [(queued,), (running.id,), (5,)]
    assert list(store.book([]).days) == ["2001-01-01"]


# ------------------------------------------------------------------------------------------------ the digest


def test_a_digest_tells_the_medians_of_its_period(database: Database, store: StoredSpeed, views: SpeedViews) -> None:
    books = Books(WatchViews(database, SystemClock(), 300.0), Runs(database, SystemClock()), views)
    until = START + timedelta(days=1)
    nothing = figures(books, START, until, 0)
    assert (nothing.download_mbps, nothing.upload_mbps) == (None, None)
    measure(store, -3_600, run(1.0, 1.0))
    for number, (down, up) in enumerate([(90.0, 20.0), (10.0, 22.0), (80.0, 30.0)]):
        measure(store, 3_600.0 * number, run(down, up))
    fail(store, 40_000, Flaw.BROKEN)
    measure(store, 86_400, run(2.0, 2.0))
    told = figures(books, START, until, 0)
    assert (told.download_mbps, told.upload_mbps) == (80.0, 22.0)


def test_midnight_of_any_zone_is_a_border_of_bytes(store: StoredSpeed) -> None:
    test = begin(store)
    store.note_run(test.id, run(bytes=5), datetime(2026, 4, 30, 22, 30, tzinfo=UTC))
    store.finish(test.id, success(), START)
    berlin = datetime(2026, 4, 30, 22, tzinfo=UTC)
    assert store.bytes_between(berlin, berlin + timedelta(days=31)) == 5
    assert store.bytes_between(datetime(2026, 5, 1, tzinfo=UTC), berlin + timedelta(days=31)) == 0


def test_two_programs_see_the_same(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "keeper.db")) as mine, closing(Database(tmp_path / "keeper.db")) as yours:
        mine.migrate()
        number = measure(StoredSpeed(mine))
        assert SpeedViews(yours).latest() == StoredSpeed(mine).get(number)
