"""Events and notifications in a real browser, with a webhook that really receives."""

from __future__ import annotations

import csv
import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from serving import Service, until

from keeper.rules.types import Answer, Receipt, Result, Severity
from keeper.store.db import Database
from keeper.store.deliveries import StoredDeliveries
from keeper.store.events import write_event
from keeper.world.clock import SystemClock

expect = pytest.importorskip("playwright.sync_api").expect
SECRET = "a-topic-that-nobody-guesses"
OLD, REFUSED = 60, "The backup of the photos was refused"


class Receiver:
    """A server that takes whatever is posted to it, and keeps the bodies."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []

        class Taker(BaseHTTPRequestHandler):
            def do_POST(taker) -> None:
                self.bodies.append(json.loads(taker.rfile.read(int(taker.headers["Content-Length"]))))
                taker.send_response(200)
                taker.send_header("Content-Length", "0")
                taker.end_headers()

            def log_message(taker, *_said: object) -> None:
                """Into nobody's terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.place = f"127.0.0.1:{self._server.server_address[1]}"

    def messages(self) -> list[str]:
        return [str(body.get("message")) for body in self.bodies]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


def seed(store: Path) -> None:
    """A past of two days, before anybody was told; then one event that the webhook once refused."""
    database, now = Database(store), datetime.now(UTC)
    database.migrate()
    with database.write() as connection:
        for number in range(OLD):
            at = now - timedelta(minutes=30 * (OLD - number))
            low = number % 3 == 0
            severity, said = (Severity.WARNING, "The disk is low") if low else (Severity.INFO, "The backup is done")
            write_event(connection, at, "Disk" if low else "Backup", severity, f"{said}, number {number}", {})
    deliveries = StoredDeliveries(database, SystemClock())
    deliveries.register("webhook", "once", now)
    with database.write() as connection:
        write_event(connection, now - timedelta(minutes=5), "Backup", Severity.ERROR, REFUSED, {})
    deliveries.fan_out("webhook", lambda _event: True, 10)
    parcels = deliveries.due("webhook", now, 1)
    deliveries.begin("webhook", parcels, now)
    why = "The receiver does not take this event (status 422)."
    deliveries.conclude("webhook", Answer((Receipt(parcels[0].id, Result.REFUSED, why),), 1), {}, now)
    database.close()


@pytest.fixture
def told(tmp_path: Path, receiver: Receiver) -> Iterator[Service]:
    settings = {"WEBHOOK_URL": f"http://{receiver.place}/in", "WEBHOOK_SECRET": "sixteen letters and more"}
    service = Service(tmp_path / "told", **settings)
    seed(service.store)
    with service:
        yield service


@pytest.fixture
def page(told: Service, browser: Any, log_in: Any) -> Iterator[Any]:
    context = browser.new_context(locale="en-GB", timezone_id="Europe/Berlin", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    log_in(page, told.address)
    yield page
    shown = page.get_by_test_id("stException").count()
    context.close()
    assert not shown


def test_a_person_finds_events_takes_them_away_and_sends_one_again(
    page: Any, told: Service, receiver: Receiver
) -> None:
    page.goto(told.address + "/events")
    _narrow_down(page)
    _go_back(page)
    _take_away(page)
    page.goto(told.address + "/events?state=failed")
    expect(page.get_by_text("does not take this event")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("It is tried again at once.")).to_be_visible()
    until(lambda: REFUSED in receiver.messages(), 30, told.said)
    page.goto(told.address + "/events?state=sent")
    expect(page.get_by_text(REFUSED)).to_be_visible()
    expect(page.get_by_text(re.compile("Webhook.*: sent")).first).to_be_visible()


def _narrow_down(page: Any) -> None:
    """By severity and words; a link brings the same view back."""
    page.get_by_role("combobox", name=re.compile("How serious")).click()
    page.get_by_role("option", name="Warnings and errors").click()
    expect(page).to_have_url(re.compile("least=warning"))
    expect(page.get_by_text("The backup is done")).to_have_count(0)
    page.get_by_role("searchbox").fill("number 57")
    expect(page).to_have_url(re.compile("q=number"))
    expect(page.get_by_text("The disk is low")).to_have_count(1)
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value("number 57")
    expect(page.get_by_text("The disk is low")).to_have_count(1)


def _go_back(page: Any) -> None:
    """Without words a few more fit; without any filter there are older pages."""
    page.get_by_role("button", name="Clear filter").click()
    expect(page).not_to_have_url(re.compile("least|q="))
    page.get_by_role("button", name="Older").click()
    expect(page).to_have_url(re.compile("before="))
    expect(page.get_by_text(re.compile("number 58$"))).to_have_count(0)
    page.get_by_role("button", name="Newest").click()
    expect(page.get_by_text(re.compile("number 58$"))).to_be_visible()


def _take_away(page: Any) -> None:
    """What the filter shows, all of it and nothing else."""
    page.get_by_role("searchbox").fill("disk is low")
    expect(page).to_have_url(re.compile("q=disk"))
    expect(page.get_by_role("link", name="as CSV")).to_have_attribute("href", re.compile("q=disk"))
    with page.expect_download() as table:
        page.get_by_role("link", name="as CSV").click()
    rows = list(csv.DictReader(Path(table.value.path()).read_text().splitlines()))
    assert [row["message"] for row in rows] == [f"The disk is low, number {n}" for n in range(OLD - 3, -1, -3)]
    with page.expect_download() as document:
        page.get_by_role("link", name="as JSON").click()
    assert len(json.loads(Path(document.value.path()).read_text())) == OLD // 3
    assert re.fullmatch(r"events_\d{4}-\d\d-\d\d\.json", document.value.suggested_filename)


def test_a_test_arrives_and_a_target_comes_and_goes(page: Any, told: Service, receiver: Receiver) -> None:
    page.goto(told.address + "/outlets")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("The test has arrived.")).to_be_visible()
    assert receiver.bodies[-1]["kind"] == "Test"
    field = page.get_by_role("textbox", name="Address in the form of apprise")
    expect(field).to_have_attribute("type", "password")
    field.fill(f"json://{receiver.place}/{SECRET}")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("The target was added. Send a test.")).to_be_visible()
    expect(page.get_by_role("button", name="Send a test")).to_have_count(2)
    expect(field).to_have_value("")
    assert SECRET not in page.content()
    page.get_by_role("button", name="Send a test").last.click()
    expect(page.get_by_text("The test has arrived.")).to_have_count(2)
    assert "test of Plex Keeper" in receiver.messages()[-1]
    page.get_by_role("button", name="Remove", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Remove this target?")
    dialog.get_by_role("button", name="Remove it").click()
    expect(page.get_by_role("button", name="Send a test")).to_have_count(1)
    assert SECRET not in told.said()


def test_a_stranger_gets_no_events(told: Service, browser: Any) -> None:
    context = browser.new_context()
    for form in ("csv", "json"):
        answer = context.request.get(f"{told.address}/export/events.{form}", max_redirects=0)
        assert answer.status == 401
        assert "backup" not in answer.text()
    context.close()
