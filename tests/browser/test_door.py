"""The door as a person meets it in Chromium: straight, and through nginx with TLS."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from proxy import Way

expect = pytest.importorskip("playwright.sync_api").expect
LOGIN = re.compile("/login")
Person = Callable[..., Any]


@pytest.fixture
def person(browser: Any) -> Iterator[Person]:
    """A page in a browser without a past, or with the cookies of another one."""
    contexts: list[Any] = []

    def came(cookies: Any = ()) -> Any:
        contexts.append(browser.new_context(locale="en-GB", ignore_https_errors=True))
        contexts[-1].add_cookies(list(cookies))
        return contexts[-1].new_page()

    yield came
    for context in contexts:
        context.close()


def is_in(page: Any) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("Plex is fine")
    assert not LOGIN.search(page.url)


def is_out(page: Any, seconds: float = 10) -> None:
    expect(page).to_have_url(LOGIN, timeout=seconds * 1000)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_login_lasts_over_a_reload_and_a_new_start_of_the_browser(
    way: Way, browser_of: Any, log_in: Any, tmp_path: Path
) -> None:
    first = browser_of(tmp_path / "profile")
    page = first.pages[0]
    log_in(page, way.address)
    page.reload()
    is_in(page)
    first.close()
    second = browser_of(tmp_path / "profile")
    page = second.pages[0]
    page.goto(way.address)
    is_in(page)
    second.close()


def test_logging_out_makes_copies_of_the_cookie_worthless(way: Way, person: Person, log_in: Any) -> None:
    page = person()
    log_in(page, way.address)
    copied = page.context.cookies()
    thief = person(copied)
    thief.goto(way.address)
    is_in(thief)
    page.get_by_role("button", name="Log out").click()
    is_out(page)
    is_out(thief)
    page.go_back()
    is_out(page)
    late = person(copied)
    late.goto(way.address)
    is_out(late)


def test_logging_out_everywhere_sends_an_open_page_to_the_login_page_within_five_seconds(
    way: Way, person: Person, log_in: Any
) -> None:
    page = person()
    log_in(page, way.address)
    way.end_all_sessions()
    is_out(page, seconds=5)
    log_in(page, way.address)
    is_in(page)


def test_the_cookie_is_kept_from_scripts_from_other_sites_and_from_plain_connections(
    way: Way, person: Person, log_in: Any
) -> None:
    page = person()
    log_in(page, way.address)
    page.wait_for_function("() => document.cookie.includes('_streamlit_xsrf')")
    kept = {cookie["name"]: cookie for cookie in page.context.cookies()}
    secure = way.proxy is not None
    start = "__Host-" if secure else ""
    assert set(kept) == {f"{start}plex_keeper", f"{start}plex_keeper_device", "_streamlit_xsrf"}
    assert {cookie["secure"] for cookie in kept.values()} == {secure}
    assert {cookie["sameSite"] for cookie in kept.values()} == {"Lax"}
    assert kept.pop("_streamlit_xsrf")["httpOnly"] is False  # Streamlit's own script reads it
    assert {(cookie["httpOnly"], cookie["path"]) for cookie in kept.values()} == {(True, "/")}
    assert "plex_keeper" not in page.evaluate("document.cookie")


def test_the_live_page_comes_through_and_the_browser_has_nothing_to_complain_about(
    way: Way, person: Person, log_in: Any
) -> None:
    page = person()
    complaints: list[str] = []
    sockets: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("websocket", lambda opened: sockets.append(opened.url))
    log_in(page, way.address)
    page.get_by_role("button", name="Look now").click()
    expect(page.get_by_text("Plex is being looked at.")).to_be_visible()
    for name in ("Library", "Runs"):
        page.get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", level=1, name=name, exact=True)).to_be_visible()
    assert [url.partition("?")[0] for url in sockets] == [way.address.replace("http", "ws", 1) + "/_stcore/stream"]
    assert complaints == []
