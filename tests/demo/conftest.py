"""One simulated server for all tests of this folder, put back in order after each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from demo_client import LIBRARY, MOVIES, Client
from plexapi.server import PlexServer

from keeper.demo.process import DemoPlex


@pytest.fixture(scope="session")
def server_process() -> Iterator[DemoPlex]:
    options = {"refresh_seconds": "0.02-0.04", "lost": 0, "never_mend": 0, "agents": 3}
    with DemoPlex(LIBRARY, **options) as plex:
        plex.set(media_tail_seconds=0.01, poster_delay=0.05, section_refreshing_seconds=0.1)
        yield plex


@pytest.fixture(scope="session")
def usual_settings(server_process: DemoPlex) -> dict[str, Any]:
    return server_process.settings()


@pytest.fixture
def plex(server_process: DemoPlex, usual_settings: dict[str, Any]) -> Iterator[DemoPlex]:
    yield server_process
    server_process.mode("ready")
    server_process.set(**usual_settings)
    server_process.sessions(clear=True)
    server_process.queue(wait=10)
    server_process.reset_stats()


@pytest.fixture
def owner(plex: DemoPlex) -> Client:
    return Client(plex, plex.token)


@pytest.fixture
def shared(plex: DemoPlex) -> Client:
    return Client(plex, "demo-shared-token")


@pytest.fixture
def stranger(plex: DemoPlex) -> Client:
    return Client(plex)


@pytest.fixture
def api(plex: DemoPlex) -> PlexServer:
    """The real plexapi, as the program uses it."""
    return PlexServer(plex.url, plex.token)


@pytest.fixture
def broken(plex: DemoPlex) -> Callable[..., str]:
    """Makes a broken item of one's own: broken('no_thumb') -> its ratingKey."""

    def make(*flaws: str, section: int = MOVIES) -> str:
        key: str = plex.add(section, 1, list(flaws))[0]["ratingKey"]
        return key

    return make
