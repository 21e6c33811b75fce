"""The way of a person through the pages, in a real browser, on the demo server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

expect = pytest.importorskip("playwright.sync_api").expect
PHONE = {"width": 390, "height": 844}


def scan_to_its_end(page: Any) -> None:
    """Starts the usual scan from the Overview and waits until it has ended."""
    page.get_by_role("button", name="Start scan").click()
    expect(page.get_by_text("No scan is running")).to_be_hidden()
    expect(page.get_by_text("No scan is running")).to_be_visible(timeout=40_000)


@pytest.fixture(scope="session")
def scanned(service: str, browser: Any, logged_in: Path) -> None:
    """One scan has run, so that lists have something in them."""
    context = browser.new_context(storage_state=logged_in, locale="en-GB")
    page = context.new_page()
    page.goto(service)
    scan_to_its_end(page)
    expect(page.get_by_text(re.compile("Scan done: [0-9]+ mended"))).to_be_visible()
    context.close()


def test_without_login_there_is_only_the_login_page(service: str, browser: Any) -> None:
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    page.goto(service + "/library")
    expect(page).to_have_url(re.compile("/login"))
    context.close()


def test_overview_says_how_plex_is(visit: Any) -> None:
    page = visit()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Plex is fine")
    expect(page.get_by_text("PLEX_URL")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("90 days.*not monitored"))).to_be_visible()
    page.get_by_role("button", name="Look now").click()
    expect(page.get_by_text("Plex is being looked at.")).to_be_visible()


def test_a_scan_from_the_library_is_watched_cancelled_and_found_in_runs(visit: Any) -> None:
    page = visit("/library")
    page.get_by_role("radio", name="Scan", exact=True).click()
    page.get_by_role("spinbutton", name="Added in the last").fill("0")
    page.get_by_role("spinbutton", name="Added in the last").press("Enter")
    expect(page.get_by_text("Not saved yet")).to_be_visible()
    page.get_by_role("button", name="Start scan").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Cancel this scan?")
    dialog.get_by_role("button", name="Cancel scan").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("progressbar")).to_be_hidden()
    page.get_by_role("link", name="Runs").click()
    expect(page.get_by_role("heading", level=1, name="Runs", exact=True)).to_be_visible()
    page.get_by_role("button", name=re.compile("today")).first.click()
    expect(page).to_have_url(re.compile("job="))
    expect(page.get_by_text("Cancelled").first).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.get_by_role("tab", name="Log").click()
    expect(page.get_by_text(re.compile("The last [0-9]+ lines"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Whole log").click()
    assert download.value.suggested_filename.endswith(".log")
    page.get_by_role("button", name="All runs").click()
    expect(page.get_by_role("heading", level=1, name="Runs", exact=True)).to_be_visible()


@pytest.mark.usefixtures("scanned")
def test_search_ignore_and_retry(visit: Any) -> None:
    page = visit("/library")
    boxes = page.get_by_role("checkbox", name=re.compile("^Select (?!all)"))
    expect(boxes.first).to_be_visible()
    page.get_by_role("searchbox").fill("no such title at all")
    expect(page.get_by_text("No item fits this filter.")).to_be_visible()
    page.get_by_role("searchbox").fill("")
    expect(boxes.first).to_be_visible()
    boxes.first.check(force=True)
    page.get_by_role("button", name="Ignore", exact=True).click()
    expect(page.get_by_text("1 item is ignored from now on.")).to_be_visible()
    boxes.first.check(force=True)
    page.get_by_role("button", name="Stop ignoring").click()
    expect(page.get_by_text("1 item counts again.")).to_be_visible()
    boxes.first.check(force=True)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("1 item is tried again.")).to_be_visible()
    expect(page.get_by_text("Second try").first).to_be_visible()


@pytest.mark.usefixtures("scanned")
def test_a_count_opens_its_list(visit: Any) -> None:
    page = visit("/library")
    page.get_by_role("button", name=re.compile("^[0-9,]+ items looked at$")).first.click()
    expect(page.get_by_role("button", name="Filter (1)")).to_be_visible()
    expect(page.get_by_role("checkbox", name=re.compile("^Select (?!all)")).first).to_be_visible()


@pytest.mark.usefixtures("scanned")
def test_figures_and_items_of_a_run(visit: Any) -> None:
    page = visit("/runs")
    page.get_by_role("button", name=re.compile("today")).last.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Scan")
    with page.expect_download() as download:
        page.get_by_role("button", name="Items as CSV").click()
    assert download.value.suggested_filename.endswith(".csv")
    page.get_by_role("tab", name="Facts").click()
    expect(page.get_by_text("Figures per library")).to_be_visible()


def test_language_is_the_browsers_and_can_be_switched(visit: Any) -> None:
    page = visit("/?lang=de", locale="en-GB")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Plex läuft")
    page = visit(locale="de-DE")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Plex läuft")
    page.get_by_role("radio", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Plex is fine")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Plex is fine")


@pytest.mark.usefixtures("scanned")
@pytest.mark.parametrize("path", ["/", "/watchdog", "/library", "/runs", "/events", "/outlets"])
@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_on_a_phone_nothing_scrolls_sideways(visit: Any, path: str, locale: str) -> None:
    page = visit(path, **PHONE, locale=locale)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text(re.compile("PLEX_URL"))).to_be_visible()
    wide = page.evaluate(
        "[document.documentElement, document.querySelector('[data-testid=stMain]')]"
        ".map(e => e.scrollWidth - e.clientWidth)"
    )
    assert wide == [0, 0]


def test_the_watchdog_is_held_and_asks_before_it_may_do_more(visit: Any) -> None:
    page = visit("/watchdog")
    expect(page.get_by_text("All is well, nothing is to be done.")).to_be_visible()
    page.get_by_role("button", name="Hold for 1 h").click()
    expect(page.get_by_text(re.compile("Hands off until"))).to_be_visible()
    page.get_by_role("button", name="Release").click()
    expect(page.get_by_role("button", name="Hold for 1 h")).to_be_visible()
    network = page.get_by_role("switch", name="Reset the network")
    page.get_by_text("Reset the network", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("cannot be reached from afar")
    expect(network).not_to_be_checked()
    dialog.get_by_role("button", name="Allow it", exact=True).click()
    expect(network).to_be_checked()
    expect(dialog).to_have_count(0)
    page.get_by_text("Reset the network", exact=True).click()
    expect(network).not_to_be_checked()
    expect(dialog).to_have_count(0)


def test_an_outage_is_played(visit: Any) -> None:
    page = visit("/watchdog")
    page.get_by_text("What would it do?").click()
    page.get_by_role("button", name="Play it").click()
    expect(page.get_by_role("img", name=re.compile("No way out of this machine"))).to_be_visible()
    expect(page.get_by_text(re.compile("not allowed on the page Watchdog")).first).to_be_visible()


def test_another_tab_leaves_when_this_one_logs_out(service: str, browser: Any, log_in: Any) -> None:
    """With a login of its own, so that the other tests stay in."""
    context = browser.new_context(locale="en-GB")
    one, two = context.new_page(), context.new_page()
    log_in(one, service)
    two.goto(service)
    expect(two.get_by_role("heading", level=1)).to_contain_text("Plex")
    one.get_by_role("button", name="Log out").click()
    expect(one).to_have_url(re.compile("/login"))
    expect(two).to_have_url(re.compile("/login"))
    context.close()
