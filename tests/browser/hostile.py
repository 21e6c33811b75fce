"""A client that means no good: raw requests and websocket handshakes, with every cookie one could try."""

from __future__ import annotations

import http.client
import re
import socket
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock
from urllib.parse import urlencode

import jwt
import yaml
from serving import PASSWORD, Service

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
SPELLINGS = (
    "{0}", "/{0}", "{0}/", "/.{0}", "/login/..{0}", "/healthz/..{0}", "/login;{0}", "{0}?x=/login", "/x/%2e%2e{0}",
    "http://127.0.0.1{0}",
)  # fmt: skip
COOKIE = "plex_keeper"


def streamlit_paths() -> list[str]:
    """Every route Streamlit itself would answer, read from the installed release, parameters filled in."""
    from streamlit.web.server.starlette.starlette_app import create_streamlit_routes

    routes = create_streamlit_routes(MagicMock())
    paths = {re.sub(r"\{[^}]*\}", "x", route.path) or "/" for route in routes}  # type: ignore[attr-defined]
    assert {"/_stcore/health", "/_stcore/stream", "/_stcore/host-config"} <= paths
    return sorted(paths)


OURS = [
    *("/", "/overview", "/watchdog", "/library", "/runs", "/account"),
    *("/metrics", "/status", "/healthz/x", "/static/js/x.js"),
]
GUESSED = ["/.env", "/auth.yaml", "/app.py", "/refresh_state.db", "/static/../auth.yaml", "/logs/keeper.log"]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Hostile:
    """Speaks to one service, from an address of its own on the loopback net."""

    def __init__(self, service: Service, source: str = "127.0.0.1") -> None:
        self.port, self.source = service.port, source

    def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
        """One request as it is written, without any tidying of the path; headers of one name on lines of their own."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10, source_address=(self.source, 0))
        try:
            line.putrequest(method, target, skip_accept_encoding=True)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                line.putheader(name.replace("_", "-"), value)
            line.endheaders(body or None)
            answer = line.getresponse()
            headers: dict[str, str] = {}
            for name, value in answer.getheaders():
                before = headers.get(name.lower())
                headers[name.lower()] = f"{before}\n{value}" if before else value
            return Answer(answer.status, headers, answer.read())
        finally:
            line.close()

    def log_in(self, password: str = PASSWORD, name: str = "admin", **headers: str) -> Answer:
        form = urlencode({"username": name, "password": password}).encode()
        return self.ask("POST", "/login", form, Content_Type="application/x-www-form-urlencoded", **headers)

    def handshake(self, path: str, **headers: str) -> int:
        """The status of a websocket handshake; 101 = it was opened."""
        asked = {
            "Host": f"127.0.0.1:{self.port}", "Upgrade": "websocket", "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": b64encode(b"0123456789abcdef").decode(), **headers,
        }  # fmt: skip
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items()), "", ""]
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as line:
            line.sendall("\r\n".join(lines).encode())
            return int(line.recv(4096).split(b" ")[1])


def session_cookie(answer: Answer) -> str:
    """The token in the session cookie of a login."""
    return _cookie(answer, COOKIE)


def device_cookie(answer: Answer) -> str:
    return _cookie(answer, f"{COOKIE}_device")


def _cookie(answer: Answer, name: str) -> str:
    found = re.search(rf"^{name}=([\w.-]+);", answer.headers.get("set-cookie", ""), re.MULTILINE)
    assert found, answer
    return found[1]


def bad_cookies(service: Service, home: Path) -> dict[str, str]:
    """name of the trick -> value of the Cookie header."""
    hostile = Hostile(service)
    living, latest = hostile.log_in(), hostile.log_in()
    revoked = session_cookie(latest)
    hostile.ask("GET", "/auth/logout", Cookie=f"{COOKIE}={revoked}")
    key = yaml.safe_load((home / "auth.yaml").read_text())["cookie"]["key"]
    claims: dict[str, Any] = jwt.decode(session_cookie(living), key, algorithms=["HS256"])
    made = {
        "forged": "eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
        "unsigned": jwt.encode(claims, "", algorithm="none"),
        "signed with another key": jwt.encode(claims, "f" * 64, algorithm="HS256"),
        "expired": jwt.encode({**claims, "exp_date": 1.0}, key, algorithm="HS256"),
        "of a session nobody opened": jwt.encode({**claims, "sid": "x" * 43}, key, algorithm="HS256"),
        "revoked": revoked,
        "the device's": device_cookie(latest),
        "very long": "a" * 6_000,
    }
    return {"none": "", **{trick: f"{COOKIE}={token}" for trick, token in made.items()}}
