"""The door as a person meets it in WebKitGTK, which has the engine of Safari: straight, and through nginx with TLS.

Its browser forgets everything when it closes, as long as a program drives it; so "closed and opened again" means here:
a new browser that is given the cookies the old one had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from proxy import Way
from serving import PASSWORD

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.remote.client_config import ClientConfig  # noqa: E402
from selenium.webdriver.remote.remote_connection import RemoteConnection  # noqa: E402
from selenium.webdriver.support import expected_conditions as becomes  # noqa: E402
from selenium.webdriver.support.wait import WebDriverWait  # noqa: E402

MISSING = [name for name in ("WebKitWebDriver", "Xvfb") if not shutil.which(name)]
if MISSING and "CI" not in os.environ:
    pytest.skip(f"{' and '.join(MISSING)} not found: install webkit2gtk-driver and xvfb", allow_module_level=True)

PROGRAM = "*/webkit2gtk-4.*/MiniBrowser"
PATIENCE = 30  # seconds, for one answer of the driver
HEADING, LOG_OUT = (By.TAG_NAME, "h1"), (By.XPATH, "//button[contains(., 'Log out')]")
SIGN_IN = (By.XPATH, "//button[contains(., 'Sign in')]")
Person = Callable[..., Any]


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A screen nobody sees, on whatever number is free."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
    child = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as said:
        number = said.readline().strip()
    try:
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        child.terminate()
        child.wait(10)


class MiniBrowser(webdriver.Remote):
    """WebKitGTK's own browser on that display. Selenium's own class would wait without end for a driver that hangs."""

    def __init__(self, display: str) -> None:
        surroundings = {**os.environ, "DISPLAY": display, "GDK_BACKEND": "x11", "LC_ALL": "C.UTF-8"}
        driver = shutil.which("WebKitWebDriver")
        self.service = webdriver.WebKitGTKService(driver, env=surroundings, log_output=subprocess.DEVNULL)
        self.service.start()
        options = webdriver.WebKitGTKOptions()
        options.binary_location = _program()
        options.add_argument("--automation")
        options.accept_insecure_certs = True
        options.timeouts = {"pageLoad": PATIENCE * 1000}
        try:
            config = ClientConfig(self.service.service_url, timeout=PATIENCE)
            super().__init__(RemoteConnection(client_config=config), options=options)
        except BaseException:
            self.service.stop()
            raise

    def quit(self) -> None:
        """Closes it; does nothing when it is closed."""
        if self.service.process.poll() is None:
            try:
                super().quit()
            finally:
                self.service.stop()


def _program() -> str:
    """It stands beside the libraries, in a folder with the name of the machine's kind."""
    return next(str(path) for root in ("/usr/lib", "/usr/libexec") for path in sorted(Path(root).glob(PROGRAM)))


@pytest.fixture
def person(display: str) -> Iterator[Person]:
    """A browser without a past, or with the cookies of another one."""
    drivers: list[MiniBrowser] = []

    def came(address: str = "", cookies: Any = ()) -> MiniBrowser:
        drivers.append(MiniBrowser(display))
        if cookies:
            drivers[-1].get(address + "/login")  # a cookie can only be given to the site that is open
        for cookie in cookies:
            drivers[-1].add_cookie(cookie)
        return drivers[-1]

    yield came
    for driver in drivers:
        driver.quit()


def log_in(driver: Any, address: str) -> None:
    driver.get(address)
    driver.find_element(By.NAME, "username").send_keys("admin")
    driver.find_element(By.NAME, "password").send_keys(PASSWORD)
    driver.find_element(*SIGN_IN).click()
    is_in(driver)


def is_in(driver: Any) -> None:
    WebDriverWait(driver, 20).until(becomes.text_to_be_present_in_element(HEADING, "Plex is fine"))


def is_out(driver: Any, seconds: float = 10) -> None:
    WebDriverWait(driver, seconds, 0.1).until(becomes.url_contains("/login"))
    WebDriverWait(driver, seconds, 0.1).until(becomes.visibility_of_element_located(SIGN_IN))


def assert_well_kept(cookies: list[Any], driver: MiniBrowser, secure: bool) -> None:
    """From scripts, from other sites and, with TLS, from plain connections."""
    session = next(one for one in cookies if one["name"] == ("__Host-plex_keeper" if secure else "plex_keeper"))
    assert (session["httpOnly"], session["sameSite"], session["secure"]) == (True, "Lax", secure)
    assert "plex_keeper" not in driver.execute_script("return document.cookie")


def test_a_login_lasts_over_a_reload_and_a_new_start_of_the_browser(way: Way, person: Person) -> None:
    first = person()
    log_in(first, way.address)
    first.refresh()
    is_in(first)
    kept = first.get_cookies()
    assert_well_kept(kept, first, secure=way.proxy is not None)
    first.quit()
    second = person(way.address, kept)
    second.get(way.address)
    is_in(second)


def test_logging_out_makes_copies_of_the_cookie_worthless(way: Way, person: Person) -> None:
    owner = person()
    log_in(owner, way.address)
    copied = owner.get_cookies()
    WebDriverWait(owner, 10).until(becomes.element_to_be_clickable(LOG_OUT)).click()
    is_out(owner)
    for cookie in copied:
        owner.add_cookie(cookie)
    owner.get(way.address)
    is_out(owner)


def test_logging_out_everywhere_sends_an_open_page_to_the_login_page_within_five_seconds(
    way: Way, person: Person
) -> None:
    driver = person()
    log_in(driver, way.address)
    way.end_all_sessions()
    is_out(driver, seconds=5)
