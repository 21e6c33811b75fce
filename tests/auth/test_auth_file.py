"""auth.yaml: made at the first start, private, and refused with a sentence when something is wrong with it."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import bcrypt
import pytest
import yaml
from door_world import KEY, PASSWORD, World

import auth
from keeper.errors import AuthFileError, SettingsError

ROOT = Path(auth.__file__).parent


def test_the_first_start_makes_a_private_file_and_a_password_that_opens_the_door(world: World) -> None:
    keeper = world.doorkeeper()
    opening = keeper.open()
    assert re.fullmatch(r"([a-z2-9]{5}-){3}[a-z2-9]{5}", opening.password)
    assert world.file.stat().st_mode & 0o777 == 0o600
    assert keeper.log_in("admin", opening.password, "192.0.2.1", "").token


def test_the_first_start_takes_the_given_password_and_has_nothing_to_show(world: World) -> None:
    keeper = world.doorkeeper(gui_password="given one", psr_auth_username="Anna")
    assert keeper.open() == auth.Opening()
    assert keeper.log_in("anna", "given one", "192.0.2.1", "").token


def test_the_second_start_shows_no_password_and_leaves_the_file_alone(world: World) -> None:
    world.doorkeeper().open()
    before = world.file.read_bytes()
    assert world.doorkeeper().open() == auth.Opening()
    assert world.file.read_bytes() == before


def test_the_new_file_has_the_format_of_streamlit_authenticator(world: World) -> None:
    world.doorkeeper(gui_password="given one", psr_cookie_key=KEY, psr_cookie_expiry_days=7).open()
    document = yaml.safe_load(world.file.read_text())
    admin = document["credentials"]["usernames"]["admin"]
    assert bcrypt.checkpw(b"given one", admin["password"].encode())
    assert document["cookie"] == {"name": "plex_keeper", "key": KEY, "expiry_days": 7}


def test_the_file_is_private_from_its_first_byte_whatever_the_umask(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (modes.append(os.fstat(fd).st_mode & 0o777), real(fd))[1])
    before = os.umask(0)
    try:
        world.doorkeeper().open()
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert [path.name for path in world.folder.glob("*auth*")] == ["auth.yaml"]


def test_a_failed_write_leaves_the_old_file_whole(
    world: World, door: auth.Doorkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = world.file.read_bytes()

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AuthFileError, match="No space left"):
        door.set_password("another one")
    assert world.file.read_bytes() == before
    assert not list(world.folder.glob(".auth*"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_others_can_read_or_write_stops_the_start_and_says_chmod(world: World, mode: int) -> None:
    world.write()
    world.file.chmod(mode)
    with pytest.raises(AuthFileError, match=r"chmod 600 .*auth\.yaml"):
        world.doorkeeper().open()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cookie: {key: topsecret", "not valid YAML"),
        ("a: b\n- c: topsecret", r"not valid YAML \(line 2\)"),
        ("just topsecret", "not valid YAML"),
        ("", "not valid YAML"),
        ("credentials: {usernames: {}}", "names no user"),
        ("credentials: topsecret", "names no user"),
        ("credentials: {usernames: {admin: {password: topsecret}}}", "not a bcrypt hash"),
        ("credentials: {usernames: {admin: topsecret}}", "not a bcrypt hash"),
        ("credentials: {usernames: {'a b\\n': {password: topsecret}}}", "user name"),
    ],
)
def test_a_broken_file_is_refused_with_a_sentence_that_quotes_none_of_its_secrets(
    world: World, text: str, said: str
) -> None:
    world.file.touch(mode=0o600)
    world.file.write_text(text)
    with pytest.raises(AuthFileError, match=said) as caught:
        world.doorkeeper().open()
    assert "topsecret" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("cookie", "said"),
    [
        ({"key": "short"}, "openssl rand"),
        ({"name": "a;b"}, r"cookie\.name"),
        ({"expiry_days": 0}, "expiry_days"),
        ({"expiry_days": True}, "expiry_days"),
    ],
)
def test_a_cookie_that_cannot_be_used_is_refused(world: World, cookie: dict[str, object], said: str) -> None:
    world.write(**cookie)
    with pytest.raises(AuthFileError, match=said):
        world.doorkeeper().open()


def test_a_folder_in_its_place_is_refused(world: World) -> None:
    world.file.mkdir()
    with pytest.raises(AuthFileError, match=r"auth\.yaml"):
        world.doorkeeper().open()


def test_settings_that_cannot_be_used_are_refused_without_being_shown(world: World) -> None:
    with pytest.raises(SettingsError, match="GUI_PASSWORD is '\\(hidden\\)'"):
        world.doorkeeper(gui_password="ä" * 37).open()
    with pytest.raises(SettingsError, match="PSR_COOKIE_KEY is '\\(hidden\\)'"):
        world.doorkeeper(psr_cookie_key="short").open()
    with pytest.raises(SettingsError, match="PSR_AUTH_USERNAME"):
        world.doorkeeper(psr_auth_username="a b").open()
    assert not world.file.exists()


def test_a_given_password_that_does_not_match_is_worth_a_warning_and_changes_nothing(world: World) -> None:
    world.write()
    before = world.file.read_bytes()
    keeper = world.doorkeeper(gui_password="another one")
    opening = keeper.open()
    (warning,) = opening.warnings
    assert "GUI_PASSWORD" in warning
    assert "set-password" in warning
    assert "another one" not in warning
    assert world.file.read_bytes() == before
    assert keeper.log_in("admin", PASSWORD, "192.0.2.1", "").token


def test_a_user_name_that_the_file_does_not_know_is_worth_a_warning(world: World) -> None:
    world.write("anna")
    (warning,) = world.doorkeeper(psr_auth_username="admin").open().warnings
    assert "PSR_AUTH_USERNAME 'admin'" in warning


def test_a_short_first_password_is_taken_with_a_warning(world: World) -> None:
    keeper = world.doorkeeper(gui_password="short")
    (warning,) = keeper.open().warnings
    assert "fewer than 8" in warning
    assert keeper.log_in("admin", "short", "192.0.2.1", "").token


def test_a_file_of_another_user_is_refused_with_what_to_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write()
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    with pytest.raises(AuthFileError, match=rf"belongs to another user .* chown {other} "):
        world.doorkeeper().open()


def test_a_given_password_that_matches_is_worth_no_word(world: World) -> None:
    world.write()
    assert world.doorkeeper(gui_password=PASSWORD).open() == auth.Opening()


def test_the_environment_wins_over_the_file_only_where_it_says_something(world: World) -> None:
    world.write(expiry_days=2)
    assert world.doorkeeper().cookie_seconds == 2 * 86400
    assert world.doorkeeper().cookie_name == "door"
    chosen = world.doorkeeper(psr_cookie_name="mine", psr_cookie_expiry_days=5)
    assert (chosen.cookie_name, chosen.cookie_seconds) == ("mine", 5 * 86400)


def test_a_file_that_breaks_while_in_use_keeps_its_last_good_content_and_says_so(
    world: World, door: auth.Doorkeeper, log_in, caplog: pytest.LogCaptureFixture
) -> None:
    token = log_in()
    world.file.write_text("credentials: {usernames:")
    assert door.who(token)
    assert door.who(token)
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 1


def test_a_password_changed_in_the_file_by_hand_counts_at_once(world: World, door: auth.Doorkeeper, log_in) -> None:
    token = log_in()
    hashed = bcrypt.hashpw(b"by hand", bcrypt.gensalt()).decode()
    document = yaml.safe_load(world.file.read_text())
    document["credentials"]["usernames"]["admin"]["password"] = hashed
    world.file.write_text(yaml.safe_dump(document))
    assert door.who(token) is None
    assert door.log_in("admin", "by hand", "192.0.2.9", "").token


def test_the_example_can_be_read_and_is_refused_as_it_stands(world: World) -> None:
    shutil.copy(ROOT / "auth.yaml.example", world.file)
    world.file.chmod(0o600)
    with pytest.raises(AuthFileError, match="not a bcrypt hash"):
        world.doorkeeper().open()


def test_hashing_outside_of_a_page_says_nothing(world: World) -> None:
    code = "from keeper.door.passwords import hashed, hasher; print(hasher().check_pw('x', hashed('x')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True\n", "")
