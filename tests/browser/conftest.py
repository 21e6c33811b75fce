"""The real service in a child process, in demo mode, and a real browser in front of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from proxy import Proxy, Way, lacks
from serving import PASSWORD, Service

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
Browser, BrowserContext = playwright.Browser, playwright.BrowserContext
Page, expect = playwright.Page, playwright.expect

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

expect.set_options(timeout=15_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = pytest.mark.skip(reason="no Chromium found: install the package chromium to run the browser tests")
    for item in items:
        if Path(item.path).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None and "CI" not in os.environ:  # in CI a missing browser is a failure
                item.add_marker(missing)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the running service, in demo mode."""
    with Service(tmp_path_factory.mktemp("service")) as running:
        yield running.address


@pytest.fixture(scope="session")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    with Service(tmp_path_factory.mktemp("straight")) as running:
        yield Way(running)


@pytest.fixture(scope="session")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """With the shipped site of nginx and TLS in front of it."""
    if lacks() and "CI" not in os.environ:
        pytest.skip(lacks())
    home = tmp_path_factory.mktemp("proxied")
    with (
        Service(home, TRUSTED_PROXIES="127.0.0.1") as running,
        Proxy(home / "nginx", running.port) as nginx,
    ):
        yield Way(running, nginx)


@pytest.fixture(params=["straight", "proxied"])
def way(request: pytest.FixtureRequest) -> Way:
    """Both ways to a service, one after the other. Its sessions are the test's: it may end them all."""
    found: Way = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts services of the test's own; they end with it."""
    started: list[Service] = []

    def start(folder: str = "home", **settings: str) -> Service:
        started.append(Service(tmp_path / folder, **settings).start())
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with playwright.sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def browser_of(browser: Browser) -> Callable[[Path], BrowserContext]:
    """Starts a browser with a profile on disk, as people have it: what it kept is there when it starts again."""

    def started(profile: Path) -> BrowserContext:
        return browser.browser_type.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=CHROMIUM_ARGS, locale="en-GB", ignore_https_errors=True
        )

    return started


@pytest.fixture(scope="session")
def logged_in(service: str, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cookie of somebody who came in by the login page, once for all tests."""
    context = browser.new_context(locale="en-GB")
    _log_in(context.new_page(), service)
    state = tmp_path_factory.mktemp("browser") / "state.json"
    context.storage_state(path=state)
    context.close()
    return state


def _log_in(page: Page, service: str) -> None:
    page.goto(service)
    page.get_by_role("textbox", name="User name").fill("admin")
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Plex")


@pytest.fixture(scope="session")
def log_in() -> Callable[[Page, str], None]:
    return _log_in


Visit = Callable[..., Page]


@pytest.fixture
def visit(service: str, browser: Browser, logged_in: Path) -> Iterator[Visit]:
    """Opens a page; at the end no console error, no exception and no request to another host may have happened."""
    pages: list[Page] = []
    complaints: list[str] = []

    def opened(path: str = "/", width: int = 1280, height: int = 900, locale: str = "en-GB", **more: object) -> Page:
        context = browser.new_context(
            storage_state=logged_in,
            viewport={"width": width, "height": height},
            locale=locale,
            timezone_id="Europe/Berlin",
            **more,
        )
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if _is_trouble(message) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: complaints.append(asked.url) if _is_foreign(asked.url, service) else None)
        page.goto(service + path)
        pages.append(page)
        return page

    yield opened
    shown = [page.get_by_test_id("stException").count() for page in pages]
    for page in pages:
        page.context.close()
    assert complaints == []
    assert not any(shown)


def _is_trouble(message: object) -> bool:
    """Deep links make the page look for the server below their own path first; that 404 means nothing."""
    place = message.location.get("url", "")  # type: ignore[attr-defined]
    return message.type == "error" and "/_stcore/" not in place  # type: ignore[attr-defined]


def _is_foreign(url: str, service: str) -> bool:
    return not url.startswith((service, "data:", "blob:", service.replace("http", "ws")))
