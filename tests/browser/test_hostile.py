"""Somebody who means no good, in front of the real service: nothing answers him, and no page script runs for him."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile import (
    GUESSED,
    METHODS,
    OURS,
    SPELLINGS,
    Hostile,
    bad_cookies,
    device_cookie,
    session_cookie,
    streamlit_paths,
)
from serving import PASSWORD, ROOT, Service, until

OPEN = {"/login", "/healthz", "/auth/logout"}
BUDGET = 20 + 10  # 4 x MAX_LOGIN_ATTEMPTS in a day, then pauses of 1, 2, 4 ... seconds


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("hostile")
    with Service(home) as running:
        yield running


@pytest.fixture(scope="module")
def cookies(service: Service) -> dict[str, str]:
    return bad_cookies(service, service.home)


def page_runs(service: Service) -> int:
    """How often a page script has begun, as the service itself counts it."""
    shown = Hostile(service).ask("GET", "/metrics").body.decode()
    return int(float(next(line.split()[1] for line in shown.splitlines() if line.startswith("keeper_page_runs_total"))))


def is_turned_away(status: int, location: str) -> bool:
    return status == 401 or (status == 303 and location.startswith("/login"))


def test_no_route_answers_a_stranger_however_it_is_asked_for_and_no_page_runs(
    service: Service, cookies: dict[str, str]
) -> None:
    hostile, before = Hostile(service), page_runs(service)
    paths = [path for path in {*streamlit_paths(), *OURS, *GUESSED} if path not in OPEN | {"/metrics"}]
    let_in = []
    for cookie in cookies.values():
        for path in paths:
            spellings = [spelling.format(path) for spelling in SPELLINGS] if not cookie else [path]
            for target in spellings:
                answer = hostile.ask("GET", target, Cookie=cookie, Accept="text/html")
                if not is_turned_away(answer.status, answer.headers.get("location", "")):
                    let_in.append((target, cookie[:40], answer.status))
    assert let_in == []
    assert page_runs(service) == before


def test_no_method_opens_a_route(service: Service, cookies: dict[str, str]) -> None:
    hostile = Hostile(service)
    let_in = [
        (method, path, trick, answer.status)
        for method in METHODS
        for path in ("/", "/_stcore/upload_file/x/x", "/media/x", "/_stcore/agent/interact", "/component/x/x")
        for trick, cookie in cookies.items()
        if (answer := hostile.ask(method, path, b"x" * 100, Cookie=cookie)).status != 401
    ]
    assert let_in == []


def test_the_open_routes_do_no_more_than_they_should(service: Service) -> None:
    hostile = Hostile(service)
    for method in METHODS:
        for path in OPEN:
            answer = hostile.ask(method, path, b"x=1", X_Keeper_User="admin")
            assert answer.status in (200, 303, 401, 405, 400), (method, path, answer)
            assert b"Plex server" not in answer.body
    health = hostile.ask("GET", "/healthz")
    assert set(json.loads(health.body)) == {"ok", "last_tick_seconds"}


def test_no_websocket_opens_for_a_stranger(service: Service, cookies: dict[str, str]) -> None:
    hostile, before = Hostile(service), page_runs(service)
    statuses = {
        (path, trick): hostile.handshake(path, Cookie=cookie, **{"X-Keeper-User": "admin", "Origin": origin})
        for path in ("/_stcore/stream", "//_stcore/stream", "/stream", "/", "/login", "/healthz", "/x/_stcore/stream")
        for trick, cookie in cookies.items()
        for origin in ("http://evil.example", f"http://127.0.0.1:{service.port}")
    }
    assert set(statuses.values()) <= {403, 404, 400, 431}, statuses
    assert 403 in statuses.values()
    assert page_runs(service) == before


def test_with_a_session_the_same_requests_do_answer(service: Service) -> None:
    """Or all of the above would prove nothing."""
    hostile = Hostile(service)
    cookie = f"plex_keeper={session_cookie(hostile.log_in())}"
    assert hostile.ask("GET", "/", Cookie=cookie).status == 200
    assert hostile.ask("GET", "/_stcore/health", Cookie=cookie).status == 200
    origin = f"http://127.0.0.1:{service.port}"
    assert hostile.handshake("/_stcore/stream", Cookie=cookie, Origin=origin) == 101


def test_another_site_cannot_open_a_websocket_even_with_the_cookie(service: Service) -> None:
    hostile = Hostile(service)
    cookie = f"plex_keeper={session_cookie(hostile.log_in())}"
    assert hostile.handshake("/_stcore/stream", Cookie=cookie, Origin="http://evil.example") == 403


def test_five_hundred_guesses_buy_a_handful_of_looks_and_the_owner_still_comes_in(tmp_path: Path) -> None:
    """50 addresses, 20 browsers, three restarts, a forged X-Forwarded-For each time."""
    service = Service(tmp_path).start()
    device = f"plex_keeper_device={device_cookie(Hostile(service).log_in())}"
    answers: list[int] = []
    for number in range(500):
        if number and number % 125 == 0:
            service.stop()
            service.start()
        hostile = Hostile(service, source=f"127.0.{1 + number % 50}.1")
        guess = hostile.log_in(
            f"guess {number}", User_Agent=f"Browser/{number % 20}", X_Forwarded_For=f"203.0.113.{number % 250}",
            X_Forwarded_Proto="https", X_Real_IP="192.0.2.1",
        )  # fmt: skip
        answers.append(guess.status)
    try:
        assert set(answers) == {401, 429}
        checked = failed_logins(service)
        assert checked == answers.count(401) <= BUDGET
        assert Hostile(service, "127.0.99.1").log_in().status == 429, "a new browser has to wait, the owner's too"
        assert Hostile(service, "127.0.99.1").log_in(Cookie=device).status == 303, "a known browser need not"
        environment = service.environment
        subprocess.run([sys.executable, "-m", "keeper", "unlock"], cwd=ROOT, env=environment, check=True)
        assert Hostile(service, "127.0.99.2").log_in().status == 303, "after unlocking anybody who knows the password"
    finally:
        service.stop()


def failed_logins(service: Service) -> int:
    with sqlite3.connect(service.store) as store:
        return int(store.execute("SELECT count(*) FROM events WHERE kind = 'Login Failed'").fetchone()[0])


def test_the_right_password_works_when_the_documented_time_is_over(tmp_path: Path) -> None:
    with Service(tmp_path, LOGIN_LOCKOUT_MINUTES="0.05", MAX_LOGIN_ATTEMPTS="2") as service:
        hostile = Hostile(service)
        assert [hostile.log_in("wrong").status for _ in range(2)] == [401, 401]
        locked = hostile.log_in(PASSWORD)
        assert (locked.status, locked.headers["retry-after"]) == (429, "3")
        until(lambda: hostile.log_in(PASSWORD).status == 303, 4)
