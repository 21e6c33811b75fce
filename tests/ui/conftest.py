"""A page under test: the real frame and screens on a fake house."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

sys.path.insert(0, str(Path(__file__).parent))
from ui_house import FakeHouse, Open, lived_in


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeHouse:
    """Things have happened in this house; tests change what they need."""
    house = lived_in()
    monkeypatch.setattr("keeper.ui.state.current_house", lambda: house)
    return house


@pytest.fixture
def bare(fake: FakeHouse, monkeypatch: pytest.MonkeyPatch) -> FakeHouse:
    """The very first minute: nothing is known yet."""
    house = FakeHouse()
    monkeypatch.setattr("keeper.ui.state.current_house", lambda: house)
    return house


@pytest.fixture
def open_page() -> Open:
    """Opens a screen by name, as an English person in Berlin unless told otherwise."""

    def opened(name: str = "overview", locale: str = "en-GB", zone: str = "Europe/Berlin", **query: str) -> AppTest:
        def script(screen: str) -> None:
            from keeper.ui import frame

            frame.main(screen)

        page = AppTest.from_function(script, args=(name,), default_timeout=30)
        page.user = {"name": "ada", "sid": "s1"}
        page.context = {"locale": locale, "timezone": zone}
        for key, value in query.items():
            page.query_params[key] = value
        return page.run()

    return opened
