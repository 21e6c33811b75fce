"""The login page as browsers, and people who mean no good, see it."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from door_world import PASSWORD, World
from starlette.testclient import TestClient

import auth
from keeper.door.desk import address_of
from keeper.door.login_words import WORDS
from keeper.errors import StoreError

Visit = Callable[..., TestClient]


def test_logging_in_leads_to_where_one_wanted_to_go(visit: Visit, submit) -> None:
    browser = visit()
    answer = submit(browser, next="/library?state=flawed")
    assert (answer.status_code, answer.headers["location"]) == (303, "/library?state=flawed")
    assert browser.get("/library").status_code == 200


def test_the_cookies_cannot_be_read_by_scripts_nor_sent_by_other_sites(visit: Visit, submit) -> None:
    session, device = submit(visit()).headers.get_list("set-cookie")
    assert re.fullmatch(r"door=[\w.-]+; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax", session)
    assert re.fullmatch(r"door_device=[\w.-]+; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax", device)


def test_what_a_browser_keeps_to_be_known_by_opens_nothing(visit: Visit, submit) -> None:
    device = submit(visit()).headers.get_list("set-cookie")[1].split(";")[0].removeprefix("door_device=")
    assert visit().get("/", headers={"cookie": f"door={device}"}).status_code == 401


def test_over_https_the_cookie_is_bound_to_this_very_host(visit: Visit, submit) -> None:
    browser = visit(scheme="https")
    cookie, device = submit(browser).headers.get_list("set-cookie")
    assert device.startswith("__Host-door_device=")
    assert cookie.startswith("__Host-door=")
    assert cookie.endswith("Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure")
    assert browser.get("/").status_code == 200
    planted = cookie.removeprefix("__Host-").split(";")[0]
    assert visit(scheme="https").get("/", headers={"cookie": planted}).status_code == 401


def test_over_https_under_a_base_path_the_cookie_is_secure(visit: Visit, submit) -> None:
    cookie = submit(visit(scheme="https", base="/keeper"), base="/keeper").headers.get_list("set-cookie")[0]
    assert cookie.startswith("door=")
    assert cookie.endswith("; Secure")


def test_a_wrong_password_is_answered_with_an_alert_and_without_a_cookie(visit: Visit, submit) -> None:
    answer = submit(visit(), "wrong")
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "set-cookie" not in answer.headers
    assert "wrong" not in re.sub(r'role="alert".*?</p>', "", answer.text)


def test_a_stranger_gets_the_same_page_as_a_wrong_password(visit: Visit, submit) -> None:
    known, unknown = submit(visit(), "wrong"), submit(visit(), "wrong", username="nobody")
    assert unknown.status_code == known.status_code
    assert unknown.text.replace('value="nobody"', 'value="admin"') == known.text


def test_a_locked_address_is_told_when_to_come_back(visit: Visit, submit, world: World) -> None:
    for _ in range(3):
        assert submit(visit(), "wrong").status_code == 401
    answer = submit(visit(), PASSWORD)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "900")
    assert "15 minutes" in answer.text
    assert submit(visit(address="192.0.2.2"), PASSWORD).status_code == 303
    world.clock.forward(minutes=15)
    assert submit(visit(), PASSWORD).status_code == 303


def test_a_browser_that_was_here_before_is_not_kept_out_by_others_at_its_address(visit: Visit, submit) -> None:
    mine = visit()
    submit(mine)
    mine.get("/auth/logout")
    for _ in range(3):
        submit(visit(), "wrong")
    assert submit(visit(), PASSWORD).status_code == 429
    assert submit(mine, PASSWORD).status_code == 303


def test_a_new_cookie_jar_does_not_start_a_new_count_and_neither_does_a_restart(
    visit: Visit, submit, world: World
) -> None:
    for _ in range(3):
        submit(visit(keeper=world.doorkeeper()), "wrong")
    assert submit(visit(keeper=world.doorkeeper()), PASSWORD).status_code == 429


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("strange", "unknown"),
    ],
)
def test_addresses_are_counted_by_who_owns_them(host: str, counted: str) -> None:
    assert address_of(SimpleNamespace(client=SimpleNamespace(host=host))) == counted


def test_an_unknown_address_is_counted_too() -> None:
    assert address_of(SimpleNamespace(client=None)) == "unknown"


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "library",
        "/auth/logout",
        "/auth/logout?x",
        "/auth/%6cogout",
        "/login",
        "/login/",
        "/" + "a" * 2001,
    ],
)
def test_nobody_is_led_to_another_site_or_straight_out_again(visit: Visit, submit, wanted: str) -> None:
    browser = visit()
    assert submit(browser, next=wanted).headers["location"] == "/"
    assert browser.get("/login", params={"next": wanted}).headers["location"] == "/"


def test_under_a_base_path_nobody_is_led_out_of_it(visit: Visit, submit) -> None:
    for wanted in ("/", "/keeperevil", "/other/app", "//keeper/"):
        answer = submit(visit(base="/keeper"), base="/keeper", next=wanted)
        assert answer.headers["location"] == "/keeper/"


def test_who_is_logged_in_does_not_see_the_form(visit: Visit, submit) -> None:
    browser = visit()
    submit(browser)
    assert browser.get("/login?next=/library").headers["location"] == "/library"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://["},
        {"origin": "http://testserver:8080"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_form_from_another_site_is_refused(visit: Visit, submit, headers: dict[str, str]) -> None:
    answer = submit(visit(), headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_strange_origin_is_no_fault_of_the_program_at_any_door(visit: Visit) -> None:
    assert visit().get("/auth/logout", headers={"origin": "http://["}).status_code == 403


def test_a_refused_body_ends_the_connection(visit: Visit) -> None:
    assert visit().post("/login", content=b"x" * 4097).headers["connection"] == "close"
    assert visit().post("/login", content=b"a=1&" * 20).headers["connection"] == "close"


def test_a_program_without_a_browser_may_log_in(visit: Visit) -> None:
    answer = visit().post("/login", data={"username": "admin", "password": PASSWORD})
    assert answer.status_code == 303


def test_another_site_cannot_log_anybody_out(visit: Visit, submit) -> None:
    browser = visit()
    submit(browser)
    assert browser.get("/auth/logout", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert browser.get("/").status_code == 200


def test_a_large_body_is_refused_before_it_is_read(visit: Visit) -> None:
    assert visit().post("/login", content=b"x" * 4097).status_code == 413


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"&&&", b"username=admin"])
def test_nonsense_is_a_wrong_password(visit: Visit, body: bytes) -> None:
    assert visit().post("/login", content=body).status_code == 401


def test_too_many_fields_are_not_a_login_form(visit: Visit) -> None:
    assert visit().post("/login", content=b"a=1&" * 20).status_code == 400


def test_logging_in_again_ends_the_session_before(visit: Visit, submit, door: auth.Doorkeeper) -> None:
    browser = visit()
    submit(browser)
    submit(browser)
    assert len(door.sessions_of("admin")) == 1


def test_without_a_writable_store_nobody_comes_in_and_the_page_says_so(
    visit: Visit, submit, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise StoreError("The disk of the data file is full.")

    monkeypatch.setattr(world.sessions, "admitted", broken)
    answer = submit(visit())
    assert answer.status_code == 503
    assert "set-cookie" not in answer.headers
    assert "not possible right now" in answer.text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "de"),
        ("en-US,en;q=0.9,de;q=0.8", "en"),
        ("fr,de;q=0.5,en;q=0.7", "en"),
        ("fr, de;q=0.3", "de"),
        ("de;q=0, fr", "en"),
        ("fr", "en"),
        ("", "en"),
        (";q=;;,de;q=x", "en"),
    ],
)
def test_the_page_speaks_the_language_of_the_browser(visit: Visit, accepted: str, language: str) -> None:
    answer = visit().get("/login", headers={"accept-language": accepted})
    assert f'<html lang="{language}">' in answer.text
    assert answer.headers["content-language"] == language
    assert ("Benutzername" in answer.text) == (language == "de")


def test_a_chosen_language_wins_and_stays(visit: Visit, submit) -> None:
    browser = visit()
    page = browser.get("/login?lang=de", headers={"accept-language": "en"}).text
    assert 'action="/login?lang=de"' in page
    wrong = browser.post("/login?lang=de", data={"username": "admin", "password": "x"}).text
    assert "Benutzername oder Passwort ist falsch." in wrong
    assert browser.get("/login?lang=xx", headers={"accept-language": "de"}).text.count("Benutzername") == 1


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["de"].keys() == WORDS["en"].keys()


def test_the_page_runs_no_script_and_cannot_be_framed_or_kept(visit: Visit) -> None:
    answer = visit().get("/login")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"


def test_what_a_visitor_typed_is_shown_as_text(visit: Visit, submit) -> None:
    answer = submit(visit(), "wrong", username='"><script>$alert', next='/"><b>')
    assert "<script" not in answer.text
    assert "<b>" not in answer.text
    assert "&quot;&gt;&lt;script&gt;$alert" in answer.text


def test_password_managers_and_screen_readers_find_their_way(visit: Visit) -> None:
    page = visit().get("/login").text
    fields = ('autocomplete="username"', 'autocomplete="current-password"')
    labels = ('<label for="username">', '<label for="password">')
    assert [needed for needed in (*fields, *labels) if needed not in page] == []
