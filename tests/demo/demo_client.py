"""A client for the simulated server, and how to wait without sleeping."""

from __future__ import annotations

import json
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests

from keeper.demo.process import DemoPlex

LIBRARY = "movies:60:8,shows:2,legacy:6,none:4,music:1"
MOVIES, SHOWS, LEGACY, NONE, MUSIC = range(1, 6)


def until(check: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Ask again and again until the answer is yes. Each question is a request, so this is no busy loop."""
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < deadline, "it did not happen in time"
    return answer


class Client:
    """`requests` with an address and a token."""

    def __init__(self, plex: DemoPlex, token: str | None = None) -> None:
        self.plex, self.session = plex, requests.Session()
        self.session.trust_env = False
        if token is not None:
            self.session.headers["X-Plex-Token"] = token

    def __call__(self, path: str, method: str = "GET", timeout: float = 5, **more: Any) -> requests.Response:
        return self.session.request(method, self.plex.url + path, timeout=timeout, **more)

    def put(self, path: str, **more: Any) -> requests.Response:
        return self(path, "PUT", **more)

    def xml(self, path: str, **more: Any) -> ET.Element:
        answer = self(path, **more)
        assert answer.status_code == 200, answer.text
        return ET.fromstring(answer.content)

    def json(self, path: str) -> Any:
        answer = self(path, headers={"Accept": "application/json"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def row(self, key: Any) -> ET.Element:
        return self.xml(f"/library/metadata/{key}?skipRefresh=1")[0]

    @contextmanager
    def news(self, query: str = "") -> Iterator[Iterator[tuple[str, dict[str, Any]]]]:
        """The event source as pairs of (type, news)."""
        path = f"/:/eventsource/notifications?{query}"
        with self.session.get(self.plex.url + path, stream=True, timeout=5) as answer:
            assert answer.status_code == 200
            yield _pairs(answer)


def _pairs(answer: requests.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    kind = ""
    for line in answer.iter_lines(chunk_size=1):
        if line.startswith(b"event: "):
            kind = line[7:].decode()
        if line.startswith(b"data: "):
            yield kind, json.loads(line[6:])
