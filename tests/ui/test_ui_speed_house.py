"""The page Speed on a real house with a year of results: what it shows agrees with the data file, and it is quick."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, event
from streamlit.testing.v1 import AppTest
from ui_house import Open
from ui_speed import run_of

from keeper.config import Settings
from keeper.rules.types import (
    Moment,
    SpeedDay,
    SpeedEnd,
    SpeedProgress,
    SpeedProvider,
    SpeedSource,
    SpeedStatus,
    SpeedWishes,
)
from keeper.wiring import House

LIMIT_SECONDS = 0.3
MOST_STATEMENTS = 120
YEAR = 365


def build(store: Path) -> House:
    """Of somebody with a server that is not there; its engine is not started."""
    return House(
        Settings(
            _env_file=None, plex_url="http://127.0.0.1:9", plex_token=SecretStr("t"), psr_db_path=store,
            host_kind="none", speed_test_timezone="Europe/Berlin",
        )
    )  # fmt: skip


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data file with a result for each day, made by the ways of the program itself."""
    store = tmp_path_factory.mktemp("year") / "keeper.db"
    with closing(build(store)) as built:
        measured_for_a_year(built)
    return store


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with closing(build(tmp_path / "keeper.db")) as built:
        monkeypatch.setattr("keeper.ui.state.current_house", lambda: built)
        yield built


@pytest.fixture
def lived_in(tmp_path: Path, year: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """The same with that year behind it."""
    store = Path(shutil.copy(year, tmp_path / "year.db"))
    with closing(build(store)) as built:
        monkeypatch.setattr("keeper.ui.state.current_house", lambda: built)
        yield built


def measured_for_a_year(house: House) -> None:
    store, now, me = house.speed.store, house.clock.now(), house.host.me()
    for back in range(YEAR - 1, -1, -1):
        began = now - timedelta(days=back, minutes=10)
        day = began.astimezone(house.speed.zone).date().isoformat()
        test = store.start(SpeedSource.SCHEDULE, "schedule", day, False, me, "test", Moment(began, "boot", 1.0))
        found = run_of(90 + back % 7, 24, 12)
        store.note_run(test.id, found, began)
        end = SpeedEnd(SpeedStatus.SUCCESS, found, seconds=30.0, day=SpeedDay(day, "success"))
        assert store.finish(test.id, end, began + timedelta(seconds=30))


def begin(house: House) -> None:
    """A test that runs, as the engine would have it."""
    now = house.clock.now()
    moment = Moment(now, "boot", 1.0)
    test = house.speed.store.start(SpeedSource.MANUAL, "ada", "2026-01-01", True, house.host.me(), "test", moment)
    told = SpeedProgress(SpeedProvider.SPEEDTEST_CLI, seconds=9.0, expected=30.0, receiving_mbps=88.0)
    house.speed.store.pulse(test.id, told, now)


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that the data file is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


def seen(page: AppTest) -> str:
    assert not page.exception
    return "\n".join(str(element.value) for kind in (page.markdown, page.caption, page.html) for element in kind)


def test_what_was_measured_stands_on_the_page_and_in_the_tile(lived_in: House, open_page: Open) -> None:
    page = open_page("speed")
    assert re.search(r"<b>90\.0<i>Mbit/s</i></b><small>usually\s93\.0</small>", seen(page))
    assert "Telekom, Berlin" in seen(page) and "1 to 25 of 365" in seen(page)
    page.segmented_control(key="speed-range").set_value(YEAR).run()
    assert "Line speed of 365 days, 365 results." in seen(page)
    tile = next(metric for metric in open_page().metric if metric.label == "Line speed")
    assert tile.value == "90\u00a0Mbit/s"


def test_wishes_reach_the_data_file_and_nonsense_does_not(house: House, open_page: Open) -> None:
    page = open_page("speed")
    page.number_input(key="speed-up").set_value(20.0).run()
    page.button(key="speed-save").click().run()
    assert house.speed.wishes() == SpeedWishes(least_upload=20.0)


def test_a_click_queues_a_test_and_cancel_asks_for_its_end(house: House, open_page: Open) -> None:
    house.speed.save_wishes(SpeedWishes(daily=False), "test")
    page = open_page("speed")
    page.button(key="speed-start").click().run()  # nobody has looked yet, so nobody knows who watches
    assert house.speed.store.active() is None
    page.button(key="speed-yes").click().run()
    queued = house.speed.store.active()
    assert queued and (queued.source, queued.requested_by, queued.anyway) == (SpeedSource.MANUAL, "ada", True)
    page.button(key="speed-cancel").click().run()
    asked = house.speed.store.get(queued.id)
    assert asked and asked.cancel_requested


def test_while_a_test_runs_the_page_is_there_within_three_tenths_of_a_second(lived_in: House, open_page: Open) -> None:
    """The whole script, as a click outside of the fragments runs it; and it asks no row for itself."""
    begin(lived_in)
    page = open_page("speed")
    page.segmented_control(key="speed-range").set_value(YEAR).run()
    took = []
    with counted() as asked:
        for _ in range(5):
            began = time.perf_counter()
            page.run()
            took.append(time.perf_counter() - began)
    assert "88.0" in seen(page)
    assert min(took) < LIMIT_SECONDS, took
    assert len(asked) / 5 < MOST_STATEMENTS
