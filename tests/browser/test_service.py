"""The service as systemd runs it: starts without a browser, stops in time, shares its file, hides its secrets."""

from __future__ import annotations

import re
import sqlite3
import time
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

import psutil
import pytest
from serving import PASSWORD, Service, until

from keeper.demo.process import DemoPlex
from keeper.rules.types import ScanOptions, Source
from keeper.store.db import Database
from keeper.store.runs import Runs
from keeper.world.clock import SystemClock
from tests import leaks

expect = pytest.importorskip("playwright.sync_api").expect
TOKEN = "tOpSeCrEtToKeN42"


@pytest.fixture(scope="module")
def plex() -> Any:
    with DemoPlex(library="movies:300:200", token=TOKEN, never_mend=0, lost=0, refresh_seconds="0.4-0.8") as server:
        yield server


@pytest.fixture
def real(plex: Any) -> dict[str, str]:
    """Settings of somebody with a server."""
    return {"PLEX_URL": plex.url, "PLEX_TOKEN": TOKEN, "CHECK_INTERVAL": "5"}


def rows(service: Any, statement: str) -> list[Any]:
    connection = sqlite3.connect(service.store, timeout=10)
    try:
        with connection:
            return connection.execute(statement).fetchall()
    finally:
        connection.close()


def enqueue(service: Any) -> str:
    """A scan, as another program would queue it."""
    database = Database(service.store)
    job_id = Runs(database, SystemClock()).enqueue(Source.MANUAL, ScanOptions(days=0), "test")
    database.close()
    return job_id


def status(service: Any, job_id: str) -> str:
    return str(rows(service, f"select status from scan_runs where job_id='{job_id}'")[0][0])


def test_the_engine_works_before_any_browser_comes(launch: Any, real: Any) -> None:
    service = launch(**real)
    job_id = enqueue(service)
    until(lambda: status(service, job_id) == "running", 5)
    until(lambda: rows(service, "select cause from checks") != [], 10)


def test_sigterm_ends_it_within_five_seconds_with_a_browser_connected_and_a_scan_running(
    launch: Any, real: Any, browser: Any, log_in: Any
) -> None:
    service = launch(**real)
    page = browser.new_context(locale="en-GB").new_page()
    log_in(page, service.address)
    job_id = enqueue(service)
    until(lambda: status(service, job_id) == "running", 5)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    assert service.stop() < 5
    assert status(service, job_id) == "interrupted"
    assert rows(service, "select * from leases") == []
    service.start()
    page.reload()
    page.goto(f"{service.address}/runs?job={job_id}")
    page.get_by_role("button", name="Resume").click()
    until(lambda: status(service, job_id) == "running", 5)
    page.context.close()


def test_two_services_on_one_file_have_one_engine_and_the_second_says_who_holds_it(
    launch: Any, real: Any, browser: Any, log_in: Any
) -> None:
    first = launch("first", **real)
    second = launch("second", **real, PSR_DB_PATH=str(first.store))
    holder = f"pid {first.child.pid} "
    job_id = enqueue(first)
    until(lambda: status(first, job_id) == "running", 5)
    assert rows(first, "select holder from scan_runs where status='running'")[0][0].startswith(holder)
    assert rows(first, "select holder from leases")[0][0].startswith(holder)
    page = browser.new_context(locale="en-GB").new_page()
    log_in(page, second.address)
    expect(page.get_by_text(re.compile(holder)).first).to_be_visible()
    page.context.close()
    first.kill()
    until(lambda: status(first, job_id) == "interrupted", 5)
    until(lambda: f"pid {second.child.pid} " in rows(first, "select holder from leases")[0][0], 5)


def test_while_plex_is_down_every_page_opens_at_once_shows_what_was_known_and_changes_nothing(
    launch: Any, real: Any, plex: Any, browser: Any, log_in: Any
) -> None:
    service = launch(**real)
    until(lambda: rows(service, "select cause from checks order by id desc limit 1") == [("ok",)], 10)
    until(lambda: rows(service, "select title from library_sections") == [("Movies",)], 5)
    page = browser.new_context(locale="en-GB").new_page()
    log_in(page, service.address)
    before = rows(service, "select * from settings") + rows(service, "select title from library_sections")
    plex.mode("hang")
    try:
        until(lambda: rows(service, "select cause from checks order by id desc limit 1") == [("hung",)], 30)
        for path in ("/", "/watchdog", "/library", "/runs"):
            began = time.monotonic()
            page.goto(service.address + path)
            expect(page.get_by_role("heading", level=1).first).to_be_visible()
            assert time.monotonic() - began < 5
        page.goto(service.address + "/library")
        page.get_by_text("Scan", exact=True).first.click()
        expect(page.get_by_text("Movies").first).to_be_visible()
    finally:
        plex.mode("ready")
    page.context.close()
    assert rows(service, "select * from settings") + rows(service, "select title from library_sections") == before


def test_no_secret_is_in_anything_that_is_written_shown_or_visible_to_others(
    launch: Any, real: Any, plex: Any, browser: Any, log_in: Any, tmp_path: Any
) -> None:
    secrets = {**leaks.SECRETS, "PLEX_TOKEN": TOKEN, "GUI_PASSWORD": PASSWORD}
    env = leaks.env_file(tmp_path / "prepared.env", **secrets)
    service = launch(**real, KEEPER_ENV_FILE=str(env))
    job_id = enqueue(service)
    until(lambda: status(service, job_id) == "running", 5)
    plex.mode("status", code=599, paths="PUT .*refresh")
    until(lambda: status(service, job_id) == "failed", 20)
    for mode in ({"mode": "parrot"}, {"mode": "echo", "code": 500}):
        looks = len(rows(service, "select id from checks"))
        plex.mode(**mode)
        until(lambda looks=looks: len(rows(service, "select id from checks")) > looks, 30)
    plex.mode("ready")
    page = browser.new_context(locale="en-GB").new_page()
    log_in(page, service.address)
    shown = []
    for path in ("/", "/library", "/runs", f"/runs?job={job_id}"):
        page.goto(service.address + path)
        expect(page.get_by_role("heading", level=1).first).to_be_visible()
        expect(page.get_by_test_id("stSidebar")).to_be_visible()
        shown.append(page.content())
    page.context.close()
    sent = strangers_view(service, secrets)
    running = psutil.Process(service.child.pid)
    command_lines = [process.cmdline() for process in (running, *running.children(recursive=True))]
    service.stop()
    key_file = service.home / "auth.yaml"  # the one place where the key of the cookies must lie
    everything = [("a page", "".join(shown).encode()), ("the process list", str(command_lines).encode()), *sent]
    assert leaks.found([*everything, *leaks.files(service.home, key_file)], leaks.wanted(secrets)) == []
    assert not any(word in text for _, text in leaks.files(service.home) for word in (b"authToken", b"X-Plex-Token="))
    said = (service.home / "service.out").read_bytes()
    assert b"login failed for" in said and b"ends: failed" in said


def strangers_view(service: Any, secrets: dict[str, str]) -> list[tuple[str, bytes]]:
    """Whoever knows nothing asks for everything, and tries what he has found elsewhere."""
    answers = [
        urlopen_any(service.address + path) for path in ("/", "/login", "/healthz", "/metrics", "/.env", "/runs")
    ]
    for secret in secrets.values():
        urlopen_any(f"{service.address}/x?token={quote(secret)}", {"Authorization": f"Bearer {quote(secret)}"})
        form = urlencode({"username": secret, "password": secret[::-1]}).encode()
        urlopen_any(f"{service.address}/login", {"Origin": service.address}, form)
    return [("an answer to a stranger", answer) for answer in answers]


def urlopen_any(address: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> bytes:
    """Head and body of the answer, whatever its status."""
    try:
        with urlopen(Request(address, body, headers or {}), timeout=10) as answer:
            return bytes(str(answer.headers).encode() + answer.read())
    except HTTPError as refused:
        return bytes(str(refused.headers).encode() + refused.read())


def test_a_wrong_setting_ends_the_start_with_one_sentence(tmp_path: Any) -> None:
    service = Service(tmp_path, PLEX_URL="127.0.0.1:32400", PLEX_TOKEN=TOKEN)
    with pytest.raises(AssertionError):
        service.start()
    assert service.child is not None and service.child.wait(10) == 2
    assert "Plex Keeper cannot start: PLEX_URL is '127.0.0.1:32400'" in service.said()
    assert "Traceback" not in service.said()


def test_a_data_file_removed_while_in_use_is_told_by_health_and_log(launch: Any, real: Any) -> None:
    service = launch(**real)
    for file in service.home.glob("state.db*"):
        file.unlink()
    until(lambda: "removed or replaced" in service.said(), 10)
    assert "removed or replaced" in (service.home / "logs" / "keeper_error.log").read_text()
    with pytest.raises(HTTPError, match="503"):
        service.health()
