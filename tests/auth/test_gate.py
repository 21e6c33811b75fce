"""The gate in front of everything, seen from outside."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from door_world import HEARD, World
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

import auth
from keeper.errors import StoreError

Visit = Callable[..., TestClient]
HTML = {"accept": "text/html,*/*"}


def test_a_stranger_looking_for_a_page_is_sent_to_the_login_page_and_back(visit: Visit) -> None:
    answer = visit().get("/library?state=flawed&x=1", headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Flibrary%3Fstate%3Dflawed%26x%3D1"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/_stcore/health"),
        ("GET", "/_stcore/metrics"),
        ("GET", "/media/abc.png"),
        ("PUT", "/_stcore/upload_file/session/file"),
        ("POST", "/anything"),
        ("OPTIONS", "/"),
        ("GET", "/login/"),
        ("GET", "//login"),
        ("GET", "/login/../media/abc.png"),
        ("GET", "/healthz/more"),
    ],
)
def test_everything_else_is_refused_to_a_stranger(visit: Visit, method: str, path: str) -> None:
    answer = visit().request(method, path)
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_stranger_cannot_post_by_asking_for_a_page(visit: Visit) -> None:
    assert visit().post("/", headers=HTML).status_code == 401


def test_health_is_open_to_everybody_even_without_a_readable_store(
    visit: Visit, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.sessions, "get", _broken)
    assert visit().get("/healthz", headers={"x-keeper-user": "admin"}).text == "ok nobody"


def test_who_is_logged_in_is_told_to_the_application(visit: Visit, submit, door: auth.Doorkeeper) -> None:
    browser = visit()
    submit(browser)
    shown = browser.get("/").json()
    assert shown["x-keeper-user"] == ["admin"]
    assert shown["x-keeper-sid"] == [door.sessions_of("admin")[0].id]


def test_identity_headers_from_outside_are_dropped(visit: Visit, submit) -> None:
    forged = {"X-Keeper-User": "root", "X-Keeper-Sid": "1", "x_keeper_user": "root"}
    assert visit().get("/", headers=forged).status_code == 401
    browser = visit()
    submit(browser)
    shown = browser.get("/", headers=forged).json()
    assert shown["x-keeper-user"] == ["admin"]
    assert len(shown["x-keeper-sid"]) == 1
    assert shown["x_keeper_user"] == []


def test_a_cookie_of_the_same_name_from_a_neighbour_does_not_lock_out(visit: Visit, log_in) -> None:
    cookies = f'other={{"a": 1}}; door=planted; door={log_in()}'
    assert visit().get("/", headers={"cookie": cookies}).status_code == 200


def test_a_forged_cookie_is_worth_nothing(visit: Visit) -> None:
    assert visit().get("/", headers={"cookie": "door=a.b.c"}).status_code == 401


def test_a_logged_out_cookie_is_worth_nothing(visit: Visit, submit) -> None:
    browser = visit()
    submit(browser)
    copied = browser.cookies["door"]
    answer = browser.get("/auth/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "door" not in browser.cookies
    assert visit().get("/", headers={"cookie": f"door={copied}"}).status_code == 401


def test_an_expired_session_is_sent_to_the_login_page(visit: Visit, submit, world: World) -> None:
    browser = visit()
    submit(browser)
    cookie = browser.cookies["door"]
    world.clock.forward(days=30)
    answer = visit().get("/", headers={**HTML, "cookie": f"door={cookie}"})
    assert answer.status_code == 303


def test_a_page_view_brings_the_longer_life_of_the_session_to_the_browser(visit: Visit, submit, world: World) -> None:
    browser = visit()
    submit(browser)
    world.clock.forward(hours=1)
    assert "set-cookie" not in browser.get("/", headers=HTML).headers
    world.clock.forward(days=10)
    assert "set-cookie" not in browser.get("/media/a.png").headers
    answer = browser.get("/", headers=HTML)
    assert answer.headers["set-cookie"].endswith("Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax")
    world.clock.forward(days=25)
    assert browser.get("/", headers=HTML).status_code == 200


def test_an_unreadable_store_lets_nobody_in_and_logs_nobody_out(
    visit: Visit, submit, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = visit()
    submit(browser)
    with monkeypatch.context() as patch:
        patch.setattr(world.sessions, "get", _broken)
        answer = browser.get("/", headers=HTML)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        with pytest.raises(WebSocketDisconnect), browser.websocket_connect("/_stcore/stream"):
            pass
    assert browser.get("/").status_code == 200


def test_a_websocket_of_a_stranger_is_refused(visit: Visit) -> None:
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        visit().websocket_connect("/_stcore/stream", headers={"x-keeper-user": "admin"}),
    ):
        pass
    assert refused.value.code == 4401


def test_a_websocket_to_an_open_path_is_refused_too(visit: Visit) -> None:
    with pytest.raises(WebSocketDisconnect), visit().websocket_connect("/healthz"):
        pass


def test_a_websocket_with_a_session_knows_its_user(visit: Visit, submit) -> None:
    browser = visit()
    submit(browser)
    with browser.websocket_connect("/_stcore/stream") as socket:
        assert socket.receive_text() == "admin"
        socket.send_text("hello")
        assert socket.receive_text() == "hello"


def test_a_live_websocket_is_sent_away_and_cut_off_when_its_session_ends(
    visit: Visit, submit, door: auth.Doorkeeper
) -> None:
    browser = visit(poll=0.001, grace=0.0, farewell=b"go to the way out")
    submit(browser)
    with browser.websocket_connect("/_stcore/stream") as socket:
        assert socket.receive_text() == "admin"
        door.log_out_everywhere("admin")
        assert socket.receive_bytes() == b"go to the way out"
        with pytest.raises(WebSocketDisconnect) as cut:
            socket.receive_text()
    assert cut.value.code == 4401


def test_not_one_message_of_an_ended_session_reaches_the_application(
    visit: Visit, submit, door: auth.Doorkeeper
) -> None:
    browser = visit(poll=3600, grace=0.0, farewell=b"go to the way out")
    submit(browser)
    with browser.websocket_connect("/_stcore/stream") as socket:
        assert socket.receive_text() == "admin"
        door.log_out_everywhere("admin")
        socket.send_text("one more click")
        assert socket.receive_bytes() == b"go to the way out"
        socket.send_text("and one more")
    assert "one more click" not in HEARD
    assert "and one more" not in HEARD


def test_a_live_page_learns_of_the_end_well_within_five_seconds(door: auth.Doorkeeper) -> None:
    assert auth.Gate(_nothing, door)._poll <= 2


def test_every_answer_tells_the_browser_what_to_refuse(visit: Visit, submit) -> None:
    browser = visit(policy="default-src 'self'")
    submit(browser)
    for answer in (browser.get("/"), visit(policy="default-src 'self'").get("/"), browser.get("/healthz")):
        assert answer.headers["content-security-policy"] == "default-src 'self'"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
    assert "default-src 'none'" in visit(policy="default-src 'self'").get("/login").headers["content-security-policy"]


def test_a_proxy_on_this_machine_that_nobody_named_is_told_once(visit: Visit, caplog: pytest.LogCaptureFixture) -> None:
    forwarded = {"x-forwarded-for": "203.0.113.9"}
    visit(address="127.0.0.1", proxies=["127.0.0.1"]).get("/", headers=forwarded)
    visit(address="192.0.2.1").get("/", headers=forwarded)
    assert "TRUSTED_PROXIES" not in caplog.text
    browser = visit(address="127.0.0.1")
    browser.get("/", headers=forwarded)
    browser.get("/", headers=forwarded)
    assert caplog.text.count("set TRUSTED_PROXIES=127.0.0.1") == 1


def test_the_policy_of_the_pages_allows_just_the_script_that_streamlit_writes_into_its_page(tmp_path) -> None:
    index = tmp_path / "index.html"
    index.write_text("<script>a=1</script><script src='x'></script>", encoding="utf-8")
    policy = auth.page_policy(index)
    assert "script-src 'self' 'sha256-wi/qXXQo5c9H72NUyXySI8ldbc3D4NIwD/eQVrH/PYU=';" in policy
    assert "unsafe-eval" not in policy


def test_everything_works_under_a_base_path(visit: Visit, submit, door: auth.Doorkeeper) -> None:
    browser = visit(base="/keeper")
    assert browser.get("/keeper/", headers=HTML).headers["location"] == "/keeper/login?next=%2Fkeeper%2F"
    assert browser.get("/login").status_code == 401
    assert browser.get("/keeper/healthz").status_code == 200
    answer = submit(browser, base="/keeper", next="/keeper/library")
    assert answer.headers["location"] == "/keeper/library"
    assert "Path=/keeper;" in answer.headers["set-cookie"]
    assert browser.get("/keeper/").status_code == 200
    with browser.websocket_connect("/keeper/_stcore/stream") as socket:
        assert socket.receive_text() == "admin"
    assert browser.get("/keeper/auth/logout").headers["location"] == "/keeper/login"
    assert door.sessions_of("admin") == []


async def _nothing(scope, receive, send) -> None:
    return None


def _broken(_session_id: str) -> None:
    raise StoreError("The data file is held by another program.")
