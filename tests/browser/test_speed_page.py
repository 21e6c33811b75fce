"""Speed in a real browser: the line of the simulated server is really measured, watched, broken off."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from serving import Service, until

from keeper.demo.process import DemoPlex
from keeper.rules.types import SpeedWishes
from keeper.store.db import Database
from keeper.store.speed import StoredSpeed

expect = pytest.importorskip("playwright.sync_api").expect
CLICK_SECONDS = 1.0  # to the new picture on the screen; what the server needs of it is held by the tests of the page
CANCEL_SECONDS = 1.0
TOKEN = "tOpSeCrEtToKeN42"


@pytest.fixture(scope="module")
def plex() -> Iterator[DemoPlex]:
    with DemoPlex(library="movies:3:3", token=TOKEN) as server:
        yield server


@pytest.fixture(scope="module")
def place(plex: DemoPlex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a past of three months; its daily test is off, so that no test begins by itself."""
    line = f"{plex.url}/keeper-demo/speed"
    service = Service(
        tmp_path_factory.mktemp("speed"),
        PLEX_URL=plex.url, PLEX_TOKEN=TOKEN, CHECK_INTERVAL="5", SPEED_TEST_PROVIDERS="http", SPEED_TEST_HTTP_MB="4",
        SPEED_TEST_DOWNLOAD_URL=line + "/down?bytes={bytes}", SPEED_TEST_UPLOAD_URL=line + "/up",
    )  # fmt: skip
    remember(service.store)
    with service:
        yield service


def remember(store: Path) -> None:
    """A result for each of ninety days, the ninth of them slow."""
    database, now = Database(store), datetime.now(UTC)
    database.migrate()
    StoredSpeed(database).save_wishes(SpeedWishes(daily=False, least_download=50.0), "test", now)
    database.close()
    past = [now - timedelta(days=back, hours=1) for back in range(90, 0, -1)]
    rows = [
        (f"{at:%Y-%m-%d}", *[f"{at:%Y-%m-%dT%H:%M:%S}.000Z"] * 3, "download" * (n == 9)) for n, at in enumerate(past)
    ]
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.executemany(
            "insert into speed_tests (status,source,requested_by,local_date,created_at,began_at,finished_at,provider,"
            "server,server_name,ping_ms,download_mbps,upload_mbps,low,bytes,seconds) values ('success','schedule','',"
            "?,?,?,?,'http','127.0.0.1','127.0.0.1',9,93.5,24.1,?,8000000,4)",
            rows,
        )


@pytest.fixture(scope="module")
def tab(place: Service, browser: Any, log_in: Any) -> Iterator[Any]:
    """Somebody who has logged in."""
    opened = browser.new_context(locale="en-GB", timezone_id="Europe/Berlin").new_page()
    log_in(opened, place.address)
    yield opened
    opened.context.close()


@pytest.fixture
def page(tab: Any, place: Service, plex: DemoPlex) -> Iterator[Any]:
    """The page Speed, just opened, while nobody watches; the line is a slow one."""
    plex.set(line_down=4, line_up=4)
    until(lambda: watching(place) == 0, 15)
    tab.goto(f"{place.address}/speed")
    expect(tab.get_by_role("button", name="Measure now")).to_be_visible()
    yield tab
    if plex.sessions():
        plex.sessions(clear=True)
    with closing(sqlite3.connect(place.store, timeout=10)) as connection, connection:  # a test that failed leaves none
        connection.execute("update speed_tests set cancel_requested=1 where status in ('queued', 'running')")


def rows(service: Service, statement: str) -> list[Any]:
    with closing(sqlite3.connect(service.store, timeout=10)) as connection:
        return connection.execute(statement).fetchall()


def watching(service: Service) -> float | None:
    """How many watch, as the last look saw it."""
    found = rows(service, "select json_extract(facts_json, '$.sessions.value') from checks order by id desc limit 1")
    return found[0][0] if found else None


def measuring(service: Service) -> list[psutil.Process]:
    """The children that measure."""
    assert service.child is not None
    children = psutil.Process(service.child.pid).children(recursive=True)
    return [child for child in children if is_measuring(child)]


def is_measuring(child: psutil.Process) -> bool:
    """One that has ended says nothing of itself any more."""
    try:
        return "http_child.py" in " ".join(child.cmdline())
    except psutil.NoSuchProcess:
        return False


def test_a_measurement_is_watched_live_and_the_page_stays_quick_and_cancel_ends_the_child(
    page: Any, place: Service
) -> None:
    page.get_by_role("button", name="Measure now").click()
    flow = page.locator(".keeper-speed.flow b").first
    expect(flow).to_have_text(re.compile(r"^[1-9]\.\dMbit/s"))
    expect(page.get_by_text(re.compile(r"^\d+ s( of about \d+ s| …)$"))).to_be_visible()
    assert len(measuring(place)) == 1
    took = []
    for days in (7, 90, 7, 90):
        began = time.monotonic()
        page.get_by_role("radio", name=f"{days} days").click()
        page.locator(f'.keeper-plot [aria-label^="Line speed of {days} days"]').wait_for()
        took.append(time.monotonic() - began)
    assert min(took) < CLICK_SECONDS, took
    page.get_by_role("button", name="Cancel").click()
    asked = "select cancel_requested from speed_tests order by id desc limit 1"
    until(lambda: rows(place, asked) == [(1,)], 5)
    began = time.monotonic()
    until(lambda: not measuring(place), 5)
    assert time.monotonic() - began < CANCEL_SECONDS
    expect(page.get_by_text("The last test was cancelled.")).to_be_visible()
    expect(page.get_by_role("button", name="Measure now")).to_be_enabled()


def test_a_result_appears_by_itself_everywhere(page: Any, place: Service, plex: DemoPlex) -> None:
    plex.set(line_down=80, line_up=20)
    page.get_by_role("button", name="Measure now").click()
    expect(page.get_by_text(re.compile(r"Measured: download [\d.]+ and upload [\d.]+\sMbit/s, ping"))).to_be_visible()
    ((measured,),) = rows(place, "select download_mbps from speed_tests order by id desc limit 1")
    assert 40 < measured < 120
    figure = f"{measured:.{0 if measured >= 99.95 else 1}f}"  # three digits, as everywhere on the page
    expect(page.locator(".keeper-speed").first).to_contain_text(f"{figure}Mbit/s")
    newest = page.locator(".keeper-tests details").first
    expect(newest).to_contain_text(re.compile("Measured.*Started by hand"))  # the row of its end, not of its running
    page.locator(".keeper-tests summary").first.click()
    expect(page.locator(".keeper-tests details").first.get_by_text("Own HTTP test")).to_be_visible()
    page.locator(".keeper-plot .spots i").last.hover()
    told = page.locator(".keeper-plot .spots i").last.evaluate("e => getComputedStyle(e, '::after').content")
    assert "Started by hand" in told
    file = page.request.get(f"{place.address}/export/speed.csv")
    lines = file.text().splitlines()
    assert file.ok and lines[0].startswith("began_at,") and ",success,http," in lines[-1]
    page.goto(place.address)
    expect(page.get_by_text("Line speed")).to_be_visible()


def test_who_watches_is_asked_about_first(page: Any, place: Service, plex: DemoPlex) -> None:
    plex.sessions("movie")
    until(lambda: watching(place) == 1, 15)
    before = rows(place, "select count(*) from speed_tests")
    page.get_by_role("button", name="Measure now").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Somebody is watching")
    dialog.get_by_role("button", name="Not now").click()
    expect(dialog).to_be_hidden()
    assert rows(place, "select count(*) from speed_tests") == before


def test_nobody_takes_the_results_without_a_login(place: Service, browser: Any) -> None:
    context = browser.new_context()
    answer = context.request.get(f"{place.address}/export/speed.csv", max_redirects=0)
    assert answer.status == 401
    context.close()
