"""The panel of the demo that breaks something: there in the demo, and nowhere else."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest
from test_ui_pages import text_of
from ui_house import FakeHouse, Open

from keeper.demo.breaking import FAULTS, MEND
from keeper.errors import RunError
from keeper.rules.types import Cause
from keeper.ui.phrases import PHRASES
from keeper.ui.screens import demo_faults


def breakers(page: AppTest) -> dict[str, bool]:
    """Every button of the panel by its fault, and whether it can be clicked."""
    found = {str(button.key): not button.disabled for button in page.button}
    return {key.removeprefix("break-"): can for key, can in found.items() if key.startswith("break-")}


def read(page: AppTest) -> str:
    return re.sub(r"\\(?=[^\w\s])", "", text_of(page))


def test_the_demo_offers_every_fault_it_knows_in_plain_words(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    assert breakers(page) == dict.fromkeys(FAULTS, True)
    said = read(page)
    assert "Break something" in said and "Demo only" in said and "Nothing is broken" in said
    assert page.button(key="break-film").label == "Somebody plays a film"


def test_while_plex_is_on_its_way_back_nothing_is_called_whole(fake: FakeHouse, open_page: Open) -> None:
    assert fake.views.check
    fake.views.check = replace(fake.views.check, cause=Cause.DOWN)
    said = read(open_page("watchdog"))
    assert "Nothing is broken any more." in said and "Nothing is broken. Choose" not in said


def test_in_german(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog", locale="de-DE")
    said = read(page)
    assert "Etwas kaputt machen" in said and "Nur in der Demo" in said and "Nichts ist kaputt" in said
    page.button(key="break-folder").click().run()
    assert page.button(key="break-mend").label == "Alles heil machen"


def test_a_real_server_has_no_such_panel(fake: FakeHouse, open_page: Open) -> None:
    fake.demo = fake.settings.demo = False
    page = open_page("watchdog")
    assert breakers(page) == {}
    assert "Break something" not in read(page) and "Demo only" not in read(page)


def test_a_click_breaks_it_says_what_to_expect_and_can_be_mended(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    page.button(key="break-hang").click().run()
    assert fake.acts == [("break", "hang", "ada")]
    assert page.toast[0].value == "Done; the watchdog looks right away."
    assert breakers(page)["hang"] is False and breakers(page)["crash"] is True
    assert "Plex hangs. It accepts connections and never answers." in read(page).replace("**", "")
    page.button(key="break-mend").click().run()
    assert fake.acts[-1] == ("break", "mend", "ada")
    assert "Nothing is broken" in read(page) and MEND not in breakers(page)


def test_what_the_server_refuses_is_said_at_the_panel(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog", locale="de-DE")
    fake.refuse = RunError("The simulated Plex server could not be told: <b>gone</b>")
    page.button(key="break-crash").click().run()
    assert [error.value for error in page.error] == ["Das hat nicht geklappt."]
    assert "The simulated Plex server could not be told" in read(page)


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_has_its_words_and_its_picture(name: str) -> None:
    assert f"break_{name}" in PHRASES and f"break_text_{name}" in PHRASES
    assert name in demo_faults.ICONS
