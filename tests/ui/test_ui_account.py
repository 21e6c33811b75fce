"""The Account screen: who is logged in from where, the password, what happened at the door."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from streamlit.testing.v1 import AppTest
from test_ui_pages import text_of
from ui_house import HOSTILE, IPHONE, NOW, PASSWORD, REFUSAL, FakeDoor, FakeHouse, Open, at_the_door, session

from keeper.errors import PasswordRefused
from keeper.ui.lexicon import ERRORS
from keeper.ui.parts import plain

NEW = "a new and longer one"


@pytest.fixture
def door(fake: FakeHouse) -> FakeDoor:
    """ada is here with Firefox, at home with her phone, and somewhere with something; grace is here too."""
    assert fake.doorkeeper
    fake.doorkeeper.living = [
        session("s2", IPHONE, address="2001:db8:7:42::/64", last_seen_at=NOW - timedelta(seconds=30)),
        session("s1", created_at=NOW - timedelta(hours=3)),
        session("s3", HOSTILE, last_seen_at=NOW - timedelta(days=6), expires_at=NOW + timedelta(hours=20)),
        session("s4", username="grace"),
    ]
    return fake.doorkeeper


def browsers(page: AppTest) -> list[str]:
    """The names of the browsers, in the order shown."""
    said = [text.value for text in page.markdown]
    return [after.strip("*") for before, after in pairwise(said) if re.search("(computer|smartphone):]$", before)]


def type_passwords(page: AppTest, old: str = PASSWORD, new: str = NEW, again: str = NEW) -> AppTest:
    for name, value in (("old", old), ("new", new), ("again", again)):
        page.text_input(key=f"password-{name}").set_value(value)
    save = next(button for button in page.button if button.label in ("Change password", "Passwort ändern"))
    return save.click().run()


# --- where one is logged in ---


def test_every_browser_is_listed_this_one_first(door: FakeDoor, open_page: Open) -> None:
    page = open_page("account")
    said = text_of(page)
    assert "Logged in as **ada**" in said
    assert browsers(page) == ["Firefox 153 on Linux", "Mobile Safari 19 on iOS", "Unknown browser"]
    assert said.count("This browser") == 1
    assert "seen just now" in said and "seen 30 s ago" in said and "seen 6 d ago" in said
    assert "2001:db8:7:42::/64 · " in said
    assert "since today, 10:34 · until 19 Dec" in said
    assert "until tomorrow, 09:34" in said  # soon: the time is said too


def test_ending_one_ends_that_one_at_once(fake: FakeHouse, door: FakeDoor, open_page: Open) -> None:
    page = open_page("account")
    assert [button.key for button in page.button if str(button.key).startswith("end-")] == ["end-s2", "end-s3"]
    page.button(key="end-s2").click().run()
    assert fake.acts == [("end", "s2", "ada")]
    assert page.toast[0].value == "Mobile Safari 19 on iOS was logged out."
    assert browsers(page) == ["Firefox 153 on Linux", "Unknown browser"]


def test_one_that_had_ended_already_is_told_so(door: FakeDoor, open_page: Open) -> None:
    page = open_page("account")
    door.living = [living for living in door.living if living.id != "s2"]
    page.button(key="end-s2").click().run()
    assert page.toast[0].value == "Mobile Safari 19 on iOS was logged out already."


def test_a_refusal_is_told_beside_the_list(fake: FakeHouse, door: FakeDoor, open_page: Open) -> None:
    page = open_page("account")
    fake.refuse = REFUSAL
    page.button(key="end-s2").click().run()
    assert page.error[0].value == plain(REFUSAL.sentence)
    assert len(browsers(page)) == 3


def test_everywhere_else_asks_first_and_says_how_many(fake: FakeHouse, door: FakeDoor, open_page: Open) -> None:
    page = open_page("account")
    page.button(key="everywhere").click().run()
    assert "2 other browsers are logged out at once" in text_of(page)
    assert fake.acts == []
    page.button(key="everywhere-yes").click().run()
    assert fake.acts == [("everywhere", "ada", "s1")]
    assert page.toast[0].value == "2 other browsers were logged out."
    assert [living.id for living in door.living] == ["s1", "s4"]
    assert page.user == {"name": "ada", "sid": "s1"}


def test_everywhere_can_mean_here_too(fake: FakeHouse, door: FakeDoor, open_page: Open) -> None:
    page = open_page("account")
    page.button(key="everywhere").click().run()
    page.button(key="everywhere-too").click().run()
    assert fake.acts == [("everywhere", "ada", "")]
    assert page.user == {}


def test_everywhere_that_was_refused_ends_nothing(fake: FakeHouse, door: FakeDoor, open_page: Open) -> None:
    page = open_page("account")
    page.button(key="everywhere").click().run()
    fake.refuse = REFUSAL
    page.button(key="everywhere-too").click().run()
    assert page.error[0].value == plain(REFUSAL.sentence)
    assert page.user == {"name": "ada", "sid": "s1"}


def test_changing_ones_mind_changes_nothing(fake: FakeHouse, door: FakeDoor, open_page: Open) -> None:
    page = open_page("account")
    page.button(key="everywhere").click().run()
    page.button(key="everywhere-no").click().run()
    assert fake.acts == []
    assert len(browsers(page)) == 3


def test_one_other_browser_is_not_spoken_of_as_many(door: FakeDoor, open_page: Open) -> None:
    door.living = door.living[:2]
    page = open_page("account")
    page.button(key="everywhere").click().run()
    assert "1 other browser is logged out" in text_of(page)
    assert page.button(key="everywhere-yes").label == "Log out 1 other browser"


def test_alone_there_is_nothing_to_log_out(door: FakeDoor, open_page: Open) -> None:
    door.living = [session("s1")]
    page = open_page("account")
    keys = [str(button.key) for button in page.button]
    assert not any(key.startswith(("end-", "everywhere")) for key in keys)


def test_many_browsers_come_in_pages(door: FakeDoor, open_page: Open) -> None:
    door.living = [session(f"s{number}") for number in range(60)]
    page = open_page("account")
    assert len(browsers(page)) == 25
    assert "1 to 25 of 60" in text_of(page)


# --- the password ---


def test_a_changed_password_empties_the_fields_and_says_what_else_happened(
    fake: FakeHouse, door: FakeDoor, open_page: Open
) -> None:
    page = type_passwords(open_page("account"))
    assert fake.acts == [("password", "s1", NEW)]
    assert "All other browsers were logged out" in page.toast[0].value
    assert [page.text_input(key=f"password-{name}").value for name in ("old", "new", "again")] == ["", "", ""]
    assert browsers(page) == ["Firefox 153 on Linux"]
    assert not page.error


@pytest.mark.parametrize(
    ("typed", "english", "german"),
    [
        ({"old": "wrong"}, "current password is wrong", "jetzige Passwort stimmt nicht"),
        ({"old": ""}, "Type your current password", "dein jetziges Passwort"),
        ({"new": "", "again": ""}, "is empty", "ist leer"),
        ({"again": NEW + "!"}, "not the same", "nicht gleich"),
        ({"new": "seven77", "again": "seven77"}, "at least 8", "mindestens 8"),
        ({"new": "ä" * 37, "again": "ä" * 37}, "too long", "zu lang"),
    ],
)
def test_a_refused_password_says_why(
    typed: dict[str, str], english: str, german: str, fake: FakeHouse, door: FakeDoor, open_page: Open
) -> None:
    page = type_passwords(open_page("account"), **typed)
    assert english in page.error[0].value
    assert not page.toast
    page = type_passwords(open_page("account", locale="de-DE"), **typed)
    assert german in page.error[0].value
    assert page.text_input(key="password-old").value == typed.get("old", PASSWORD)
    assert fake.acts == []
    assert door.password == PASSWORD


def test_too_many_wrong_passwords_say_how_long_to_wait(door: FakeDoor, open_page: Open) -> None:
    door.wait = 95
    assert "1 min 35 s" in type_passwords(open_page("account")).error[0].value


def test_any_other_trouble_is_told_in_full(fake: FakeHouse, door: FakeDoor, open_page: Open) -> None:
    for trouble in (PasswordRefused("This login has ended; log in again."), REFUSAL):
        fake.refuse = trouble
        assert type_passwords(open_page("account")).error[0].value == plain(trouble.sentence)
        page = type_passwords(open_page("account", locale="de-DE"))
        assert page.error[0].value == ERRORS[trouble.code][1]
        assert plain(trouble.sentence) in text_of(page)


def test_the_fields_tell_a_password_manager_what_they_are(door: FakeDoor, open_page: Open) -> None:
    fields = [page_field.proto for page_field in open_page("account").text_input]
    assert [field.autocomplete for field in fields] == ["current-password", "new-password", "new-password"]
    assert {field.type for field in fields} == {fields[0].PASSWORD}


# --- what happened at the door ---


def test_what_happened_at_the_door_is_told_in_both_languages(fake: FakeHouse, door: FakeDoor, open_page: Open) -> None:
    fake.views.door_list = [
        at_the_door("Login", timedelta(minutes=4)),
        at_the_door("Login Locked", seconds=900.0, username=""),
        at_the_door("Login Failed", username="", address="203.0.113.9"),
        at_the_door("Password Changed", address="", browser=""),
        at_the_door("Logged Out Everywhere", address="", browser="", count=3),
        at_the_door("Login Unlocked", username="", address="", browser="", count=7),
    ]
    said = text_of(open_page("account"))
    for words in ("ada logged in", "to wait 15 min", "unknown name", "password of ada", "ada logged out 3 browsers"):
        assert words in said
    assert "forgiven on the machine itself" in said and "4 min ago" in said and "in English" not in said
    assert plain("Firefox 153 on Linux · 203.0.113.9") in said
    said = text_of(open_page("account", locale="de-DE"))
    for words in ("ada hat sich angemeldet", "15 min warten", "unbekanntem Namen", "Passwort von ada", "3 Browser"):
        assert words in said
    assert "in English" not in said


def test_what_is_not_understood_is_shown_as_it_was_written(fake: FakeHouse, door: FakeDoor, open_page: Open) -> None:
    strange = at_the_door("Login", username="")
    fake.views.door_list = [
        strange,
        replace(strange, kind="Login Locked", message=HOSTILE),
        replace(strange, kind="Passkey Added", message="A passkey was added."),
    ]
    said = text_of(open_page("account", locale="de-DE"))
    assert plain("Login, in English.") in said and plain(HOSTILE) in said and plain("A passkey was added.") in said


def test_the_same_again_and_again_is_one_row(fake: FakeHouse, door: FakeDoor, open_page: Open) -> None:
    failed = [at_the_door("Login Failed", timedelta(minutes=number)) for number in range(3, 20)]
    fake.views.door_list = [at_the_door("Login"), *failed, at_the_door("Login")]
    page = open_page("account")
    rows = [text.value for text in page.markdown if "ada" in text.value and "gray[" in text.value]
    assert [("17 times" in row) for row in rows] == [False, True, False]
    assert "3 min ago" in text_of(page)


# --- the page itself ---


def test_before_anything_has_happened(bare: FakeHouse, open_page: Open) -> None:
    page = open_page("account")
    assert not page.exception
    assert "Nothing has happened at the door yet" in text_of(page)
    assert "No living login" in text_of(page)
    bare.doorkeeper = None
    page = open_page("account")
    assert not page.exception
    assert "Nobody has to log in here" in text_of(page)
    assert not page.text_input


def test_german(door: FakeDoor, open_page: Open) -> None:
    page = open_page("account", locale="de-DE")
    said = text_of(page)
    assert page.title[0].value == "Konto"
    assert browsers(page) == ["Firefox 153 unter Linux", "Mobile Safari 19 unter iOS", "Unbekannter Browser"]
    assert "Dieser Browser" in said and "gesehen gerade eben" in said and "seit heute, 10:34 · bis 19. Dez." in said
    page.button(key="everywhere").click().run()
    assert "2 andere Browser werden sofort abgemeldet" in text_of(page)


def test_what_strangers_wrote_stays_text(fake: FakeHouse, door: FakeDoor, open_page: Open) -> None:
    fake.views.door_list = [at_the_door("Login Failed", username=HOSTILE, address=HOSTILE, browser=HOSTILE)]
    door.living = [session("s9", HOSTILE, address=HOSTILE)]
    page = open_page("account")
    read = [element.value for kind in (page.markdown, page.caption, page.title) for element in kind]
    assert any("bold" in said for said in read)
    assert not any(re.search(r":material/home:|\*\*bold|(?<!\\)<img|(?<!\\)\[click|www\.", said) for said in read)


def test_every_reason_to_refuse_a_password_has_its_own_words() -> None:
    codes = [f"password_{why}" for why in ("wrong", "short", "long", "empty", "missing", "differ", "wait")]
    words = sorted(ERRORS[code] for code in codes)
    assert all(one != other for one, other in pairwise(words))
