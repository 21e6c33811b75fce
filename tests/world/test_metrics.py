"""What Prometheus reads, from a real house on a real data file, read back by Prometheus' own parser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from keeper import __version__
from keeper.config import Settings
from keeper.errors import StoreError
from keeper.metrics import CONTENT_TYPE, exposition
from keeper.rules.types import (
    Aspect,
    Cause,
    Check,
    Item,
    Measured,
    Notice,
    RunStatus,
    ScanOptions,
    Section,
    Server,
    SessionRow,
    Severity,
    Source,
    SpeedEnd,
    SpeedProvider,
    SpeedRun,
    SpeedSource,
    SpeedStatus,
    Stats,
)
from keeper.store.schema import scan_runs
from keeper.store.sessions import StoredSessions
from keeper.wiring import House

Figures = dict[tuple[str, ...], float]

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MOVIES, SHOWS, MUSIC = (
    Section(str(n), kind, title, "tv.plex.agents.x")
    for n, (kind, title) in enumerate([("movie", 'Movies "4K"'), ("show", "Shows"), ("artist", "Music")], 1)
)


class Noon:
    """It is noon, and stays so until told otherwise."""

    now_is = NOW

    def now(self) -> datetime:
        return self.now_is


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    settings = Settings(
        _env_file=None, plex_url="http://127.0.0.1:9", plex_token="t", psr_db_path=tmp_path / "state.db"
    )
    house = House(settings)
    house.clock = house.views._clock = Noon()
    yield house
    house.close()


@pytest.fixture
def figures(house: House) -> Callable[[], Figures]:
    """Reads the page as Prometheus would: {(name, label values …): figure}."""

    def read() -> Figures:
        found: Figures = {}
        for family in text_string_to_metric_families(exposition(house).decode("utf-8")):
            assert family.documentation, f"{family.name} says nothing about itself"
            assert family.type in ("gauge", "counter"), family.name
            for sample in family.samples:
                key = (sample.name, *(value for _, value in sorted(sample.labels.items())))
                assert key not in found, f"{key} stands there twice"
                found[key] = sample.value
        return found

    return read


def names(found: Figures) -> set[str]:
    return {name for name, *_ in found}


def look(house: House, cause: Cause, ago: float = 40.0) -> None:
    house.checks.remember(Check(NOW - timedelta(seconds=ago), cause, "", {}, {}, 20.0), None)


def scan(house: House, status: RunStatus, *looked_at: Section) -> None:
    """A run that ended, or is under way, having looked at these libraries."""
    owner = house.host.me()
    house.runs.enqueue(Source.MANUAL, ScanOptions(), "test")
    run = house.runs.claim_next(owner, "here", 60)
    assert run is not None
    stats = Stats(libraries={section.title: {"checked": 1} for section in looked_at})
    if status is not RunStatus.RUNNING:
        house.runs.finish(run.job_id, owner, status, stats, 1.0)


def flawed(house: House, section: Section, count: int) -> None:
    server = house.pin_server(Server("m1", "Home", "1"))
    house.items.note_sections(server, [MOVIES, SHOWS, MUSIC])
    for n in range(count):
        item = Item(f"{section.key}{n}", "movie", "T", "", "plex://1", True, "", "", "S", 1979, 1, 1, section.key)
        house.items.note_flawed(server, [(section, item, ("poster",))], "job")


def session(key: str, **changes: object) -> SessionRow:
    living = SessionRow(key, "ada", "", NOW, NOW, NOW + timedelta(days=1), "", "", None)
    return replace(living, **changes)


# ------------------------------------------------------------------------------------------------ the page


def test_the_first_minute_shows_what_is_known_and_nothing_else(figures: Callable[[], Figures]) -> None:
    assert names(figures()) == {
        "keeper_info", "keeper_engine_running", "keeper_page_runs_total", "keeper_scan_running", "keeper_scan_runs",
        "keeper_sessions_active", "keeper_login_failures_day", "keeper_data_file_in_place", "keeper_data_file_bytes",
        "keeper_speed_month_bytes", "process_resident_memory_bytes",
    }  # fmt: skip


def test_the_page_is_plain_prometheus_text(house: House, figures: Callable[[], Figures]) -> None:
    assert CONTENT_TYPE.startswith("text/plain; version=0.0.4")
    assert exposition(house).endswith(b"\n")
    assert figures()["keeper_info", __version__] == 1


def test_a_store_that_cannot_be_read_gives_no_half_page(house: House) -> None:
    with house.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE sessions")
    with pytest.raises(StoreError):
        exposition(house)


def test_two_houses_do_not_mix_their_figures(house: House, tmp_path: Path, figures: Callable[[], Figures]) -> None:
    other = House(Settings(_env_file=None, psr_db_path=tmp_path / "other.db"))
    other.count_page_run()
    exposition(other)
    other.close()
    assert figures()["keeper_page_runs_total",] == 0


# ------------------------------------------------------------------------------------------------ plex


def test_one_cause_is_one_and_all_others_are_nought(house: House, figures: Callable[[], Figures]) -> None:
    look(house, Cause.HUNG)
    causes = {labels[1]: value for labels, value in figures().items() if labels[0] == "keeper_plex_cause"}
    assert causes == {cause.value: float(cause is Cause.HUNG) for cause in Cause}


def test_an_old_look_tells_its_age_and_no_cause(house: House, figures: Callable[[], Figures]) -> None:
    look(house, Cause.OK, ago=3600)
    found = figures()
    assert found["keeper_last_look_age_seconds",] == 3600
    assert "keeper_plex_cause" not in names(found)


def test_a_clock_that_was_set_back_makes_no_negative_age(house: House, figures: Callable[[], Figures]) -> None:
    look(house, Cause.OK, ago=-90)
    assert figures()["keeper_last_look_age_seconds",] == 0


# ------------------------------------------------------------------------------------------------ scans


def test_runs_are_counted_by_status(house: House, figures: Callable[[], Figures]) -> None:
    for status in (RunStatus.SUCCESS, RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.RUNNING):
        scan(house, status)
    found = figures()
    runs = {labels[1]: value for labels, value in found.items() if labels[0] == "keeper_scan_runs"}
    assert runs == dict.fromkeys(RunStatus, 0) | {"success": 2, "failed": 1, "running": 1}
    assert found["keeper_scan_running",] == 1


def test_a_status_nobody_knows_breaks_nothing(house: House, figures: Callable[[], Figures]) -> None:
    house.runs.enqueue(Source.CLI, ScanOptions(), "test")
    with house.database.write() as connection:
        connection.execute(update(scan_runs).values(status="odd"))
    assert sum(value for (name, *_), value in figures().items() if name == "keeper_scan_runs") == 0


def test_items_are_counted_by_library_and_a_library_nobody_looked_at_is_left_out(
    house: House, figures: Callable[[], Figures]
) -> None:
    flawed(house, MOVIES, 3)
    scan(house, RunStatus.SUCCESS, MOVIES, SHOWS)
    found = {labels[1:]: value for labels, value in figures().items() if labels[0] == "keeper_items_lacking"}
    assert found == {('Movies "4K"', "1"): 3, ("Shows", "2"): 0}


def test_what_was_seen_on_another_server_is_not_nought_on_this_one(
    house: House, figures: Callable[[], Figures]
) -> None:
    flawed(house, SHOWS, 1)
    scan(house, RunStatus.SUCCESS, MOVIES, SHOWS)
    house.runs.forget_server(house.address.name)
    house.items.note_sections(house.pin_server(Server("m2", "New", "1")), [MOVIES, SHOWS])
    assert "keeper_items_lacking" not in names(figures())


# ------------------------------------------------------------------------------------------------ the line


def measured(house: House, low: tuple[Aspect, ...] = ()) -> None:
    store, now = house.speed.store, house.speed.surveyor._with.moment()
    test = store.start(SpeedSource.CLI, "test", "2026-11-21", False, house.host.me(), "here", now)
    run = SpeedRun(SpeedProvider.HTTP, Measured("s", "S", 12.5, 93.4, 24.0, 8_000_000, 2_000_000), bytes=10_000_000)
    store.note_run(test.id, run, now.at)
    store.finish(test.id, SpeedEnd(SpeedStatus.SUCCESS, run, low, 20.0), NOW - timedelta(hours=2))


def test_the_last_result_is_told_in_base_units_with_who_measured_it(
    house: House, figures: Callable[[], Figures]
) -> None:
    measured(house)
    found = figures()
    assert found["keeper_speed_download_bits_per_second", "http"] == pytest.approx(93.4e6)
    assert found["keeper_speed_upload_bits_per_second", "http"] == pytest.approx(24e6)
    assert found["keeper_speed_ping_seconds", "http"] == pytest.approx(0.0125)
    assert (found["keeper_speed_low",], found["keeper_speed_age_seconds",]) == (0, 7200)
    assert found["keeper_speed_month_bytes",] == 10_000_000
    assert "keeper_speed_month_bytes_allowed" not in names(found), "there is no limit"


def test_a_low_result_is_one(house: House, figures: Callable[[], Figures]) -> None:
    measured(house, (Aspect.UPLOAD,))
    assert figures()["keeper_speed_low",] == 1


def test_a_budget_is_told_where_there_is_one(tmp_path: Path) -> None:
    limited = Settings(_env_file=None, psr_db_path=tmp_path / "limited.db", speed_test_monthly_mb=2000)
    with closing(House(limited)) as house:
        assert b"keeper_speed_month_bytes_allowed 2e+09" in exposition(house)


# ------------------------------------------------------------------------------------------------ the door


def test_only_living_sessions_count(house: House, figures: Callable[[], Figures]) -> None:
    stored = StoredSessions(house.database)
    for row in (session("a"), session("b"), session("old", expires_at=NOW), session("out", revoked_at=NOW)):
        stored.create(row)
    assert figures()["keeper_sessions_active",] == 2


def test_failed_logins_count_for_a_day_even_when_the_door_has_forgiven_them(
    house: House, figures: Callable[[], Figures]
) -> None:
    stored = StoredSessions(house.database)
    for kind, hours in (("Login Failed", 1), ("Login Failed", 23), ("Login Failed", 25), ("Login", 1)):
        stored.failed(NOW - timedelta(hours=hours), [Notice(kind, Severity.WARNING, "", {})])
    stored.forget_failures()
    assert figures()["keeper_login_failures_day",] == 2


# ------------------------------------------------------------------------------------------------ this process


def test_the_engine_is_seen_to_live_and_to_stop(house: House, figures: Callable[[], Figures]) -> None:
    assert figures()["keeper_engine_running",] == 0
    house.engine.start()
    try:
        assert figures()["keeper_engine_running",] == 1
    finally:
        house.engine.stop()
    assert figures()["keeper_engine_running",] == 0


def test_no_page_run_gets_lost_among_threads(house: House, figures: Callable[[], Figures]) -> None:
    visits = [threading.Thread(target=lambda: [house.count_page_run() for _ in range(500)]) for _ in range(8)]
    for visit in visits:
        visit.start()
    for visit in visits:
        visit.join()
    assert figures()["keeper_page_runs_total",] == 4000


def test_sizes_are_those_of_file_and_process(house: House, figures: Callable[[], Figures]) -> None:
    found, path = figures(), house.database.path
    assert found["keeper_data_file_bytes",] == path.stat().st_size + Path(f"{path}-wal").stat().st_size
    assert found["process_resident_memory_bytes",] == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)


def test_a_data_file_that_was_taken_away_has_no_size(house: House, figures: Callable[[], Figures]) -> None:
    house.database.path.unlink()
    found = figures()
    assert found["keeper_data_file_in_place",] == 0
    assert "keeper_data_file_bytes" not in names(found)
