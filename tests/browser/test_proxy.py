"""The nginx site that is shipped: what it lets through, what it changes on the way, what it refuses."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2 as httpx
import pytest
from proxy import HOST, Proxy, Way, lacks
from serving import PASSWORD

if lacks() and "CI" not in os.environ:
    pytest.skip(lacks(), allow_module_level=True)

Visitor = Callable[[str], httpx.Client]
HTML = {"accept": "text/html"}
TOO_MUCH = b"x" * 2_000_000


@pytest.fixture
def visitor(proxied: Way) -> Iterator[Visitor]:
    """Somebody at nginx's door, who comes from the address that is named (all of 127.0.0.0/8 is this machine)."""
    clients: list[httpx.Client] = []

    def came(address: str = HOST) -> httpx.Client:
        way_in = httpx.HTTPTransport(verify=False, local_address=address)
        clients.append(httpx.Client(base_url=proxied.address, transport=way_in, timeout=20))
        return clients[-1]

    yield came
    for client in clients:
        client.close()


def log_in(client: httpx.Client, password: str = PASSWORD, **headers: str) -> httpx.Response:
    return client.post("/login", data={"username": "admin", "password": password}, headers=headers)


def is_nginx_speaking(answer: httpx.Response) -> bool:
    return "<center>nginx</center>" in answer.text


def test_nginx_likes_the_file(tmp_path: Path) -> None:
    said = Proxy(tmp_path, 8501).check()
    assert "test is successful" in said
    assert "[warn]" not in said


def test_plain_http_leads_to_https_of_the_sites_own_name(proxied: Way) -> None:
    assert proxied.proxy is not None
    answer = httpx.get(proxied.proxy.plain + "/library?x=1", headers={"host": "evil.example"})
    assert (answer.status_code, answer.headers["location"]) == (301, f"https://{HOST}/library?x=1")


def test_plain_http_answers_what_lets_encrypt_asks(proxied: Way) -> None:
    assert proxied.proxy is not None
    assert httpx.get(proxied.proxy.plain + "/.well-known/acme-challenge/none").status_code == 404


@pytest.mark.parametrize("host", [HOST, "::1"])
def test_it_speaks_http_2_over_tls_1_2_and_1_3_on_both_addresses(proxied: Way, host: str) -> None:
    if host == "::1" and not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    assert proxied.proxy is not None
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=str(proxied.proxy.home / "fullchain.pem"))
        context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(["h2"])
        with (
            socket.create_connection((host, proxied.proxy.port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=HOST) as secured,
        ):
            assert secured.selected_alpn_protocol() == "h2"


def _has_ipv6() -> bool:
    return Path("/proc/net/if_inet6").exists()


def test_every_answer_has_each_protecting_header_once_and_no_version(visitor: Visitor) -> None:
    for path in ("/login", "/", "/healthz", "/metrics"):
        answer = visitor(HOST).get(path)
        assert answer.headers.get_list("strict-transport-security") == ["max-age=31536000"], path
        assert answer.headers.get_list("server") == ["nginx"], path
    for name in ("content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy"):
        assert len(visitor(HOST).get("/login").headers.get_list(name)) == 1, name


def test_the_visitors_own_word_on_where_he_comes_from_does_not_count(proxied: Way, visitor: Visitor) -> None:
    forged = {"X-Forwarded-For": "6.6.6.6", "X-Real-IP": "6.6.6.6", "Forwarded": "for=6.6.6.6", "User-Agent": "forger"}
    assert log_in(visitor("127.0.0.2"), **forged).status_code == 303
    assert [address for address, browser in proxied.sessions() if browser == "forger"] == ["127.0.0.2"]


def test_what_arrives_says_who_asks_and_nothing_a_visitor_made_up(tmp_path: Path) -> None:
    forged = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Port": "1",
        "X-Real-IP": "6.6.6.6",
        "Forwarded": "for=6.6.6.6",
        "X-Keeper-User": "admin",
        "X-Keeper-Sid": "1",
        "x_keeper_user": "admin",
        "Cookie": "a=1",
    }
    with _Listener() as listener, Proxy(tmp_path, listener.port) as nginx:
        httpx.get(nginx.address, headers=forged, verify=False)
    heard = listener.heard
    assert heard.pop("host") == f"{HOST}:{nginx.port}"
    assert heard.pop("x-forwarded-for") == HOST
    assert heard.pop("x-forwarded-proto") == "https"
    assert heard.pop("cookie") == "a=1"
    assert set(heard) == {"accept", "accept-encoding", "user-agent"}


class _Listener:
    """Stands in the service's place and remembers the headers of the last request."""

    def __init__(self) -> None:
        listener = self
        self.heard: dict[str, str] = {}

        class Ear(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                listener.heard = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer((HOST, 0), Ear)
        self.port = self._server.server_address[1]

    def __enter__(self) -> _Listener:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.parametrize("path", ["/", "/login", "/_stcore/upload_file/session/file"])
def test_a_large_body_is_refused_before_anybody_reads_it(visitor: Visitor, path: str) -> None:
    answer = visitor(HOST).put(path, content=TOO_MUCH)
    assert answer.status_code == 413
    assert is_nginx_speaking(answer)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/metrics"),
        ("GET", "/_stcore/metrics"),
        ("GET", "/_stcore/metrics/"),
        ("GET", "/%5fstcore/metrics"),
        ("GET", "/x/../_stcore//metrics"),
        ("GET", "/_stcore/agent/openapi.json"),
        ("POST", "/_stcore/agent/interact"),
        ("POST", "/library/_stcore/agent/mcp"),
        ("PUT", "/_stcore/upload_file/session/file"),
    ],
)
def test_inner_doors_are_shut_whoever_asks(visitor: Visitor, method: str, path: str) -> None:
    answer = visitor(HOST).request(method, path)
    assert answer.status_code == 404
    assert is_nginx_speaking(answer)


def test_of_thirty_logins_at_once_most_do_not_reach_the_door_and_the_form_stays_open(visitor: Visitor) -> None:
    guesser = visitor("127.0.0.3")
    answers = [log_in(guesser, "wrong") for _ in range(30)]
    refused = [answer for answer in answers if is_nginx_speaking(answer)]
    assert {answer.status_code for answer in refused} == {429}
    assert len(refused) >= 14  # eleven get through at once, and one more every six seconds
    assert [answer.status_code for answer in answers[:6]] == [401, 401, 401, 401, 401, 429]  # the door's own limit
    assert {guesser.get("/login").status_code for _ in range(30)} == {200}
    assert log_in(visitor("127.0.0.4")).status_code == 303


def test_scripts_are_sent_small(visitor: Visitor) -> None:
    insider = visitor("127.0.0.5")
    log_in(insider)
    page = insider.get("/", headers=HTML).text
    script = page.partition('src="./')[2].partition('"')[0]
    assert script.endswith(".js")
    answer = insider.get("/" + script)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.num_bytes_downloaded < len(answer.content) / 2
