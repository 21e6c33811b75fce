"""Logins, sessions and the lockout, without a browser."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import bcrypt
import jwt
import pytest
from door_world import KEY, PASSWORD, World

import auth
from keeper.errors import PasswordRefused

LogIn = Callable[..., str]


def test_the_right_password_opens_a_session_that_is_stored_without_its_secret(
    world: World, door: auth.Doorkeeper, log_in: LogIn
) -> None:
    token = log_in()
    secret = jwt.decode(token, KEY, algorithms=["HS256"])["sid"]
    session = door.who(token)
    assert session and session.username == "admin"
    assert session.expires_at == world.clock.now() + timedelta(days=30)
    assert secret not in repr(session)
    assert secret.encode() not in b"".join(path.read_bytes() for path in world.folder.glob("state.db*"))


def test_the_token_has_the_form_streamlit_authenticator_reads(door: auth.Doorkeeper, log_in: LogIn) -> None:
    claims = jwt.decode(log_in(), KEY, algorithms=["HS256"])
    assert set(claims) == {"username", "exp_date", "sid"}


@pytest.mark.parametrize("name", ["Admin", " admin "])
def test_the_user_name_is_taken_kindly(door: auth.Doorkeeper, name: str) -> None:
    assert door.log_in(name, PASSWORD, "192.0.2.1", "").token


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD + " ", PASSWORD.upper()])
def test_a_wrong_password_opens_nothing(door: auth.Doorkeeper, password: str) -> None:
    assert door.log_in("admin", password, "192.0.2.1", "") == auth.Entry()


def test_a_stranger_costs_exactly_the_hash_work_of_a_known_name(
    door: auth.Doorkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: list[bytes] = []
    real = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", lambda pw, hashed: (costs.append(hashed[:7]), real(pw, hashed))[1])
    for name, password in (("admin", "wrong"), ("stranger", PASSWORD), ("admin", "x" * 73)):
        assert not door.log_in(name, password, name + password[:1], "").token
    assert costs == [b"$2b$04$"] * 3


def test_an_over_long_password_is_simply_wrong_and_counted(world: World, door: auth.Doorkeeper) -> None:
    long = "ä" * 36
    door.set_password(long)
    assert door.log_in("admin", long, "192.0.2.1", "").token
    assert not door.log_in("admin", long + "x", "192.0.2.2", "").token
    assert world.sessions.failures(world.clock.now()) == 1


@pytest.mark.parametrize("password", ["", "short", "ä" * 37])
def test_a_password_that_cannot_be_kept_is_refused_with_a_sentence(
    world: World, door: auth.Doorkeeper, password: str
) -> None:
    before = world.file.read_bytes()
    with pytest.raises(PasswordRefused, match=r"empty|8 characters|72 bytes"):
        door.set_password(password)
    assert world.file.read_bytes() == before


def test_a_password_for_nobody_is_refused(door: auth.Doorkeeper) -> None:
    with pytest.raises(PasswordRefused, match="no user"):
        door.set_password("another one", username="stranger")


def test_too_many_failures_lock_the_address_even_for_the_right_password_until_time_is_up(
    world: World, door: auth.Doorkeeper, log_in: LogIn
) -> None:
    for _ in range(3):
        assert not log_in("wrong")
    assert door.log_in("admin", PASSWORD, "192.0.2.1", "").wait == 900
    world.clock.forward(minutes=14, seconds=59)
    assert door.log_in("admin", PASSWORD, "192.0.2.1", "").wait == 1
    world.clock.forward(seconds=1)
    assert log_in()


def test_trying_while_locked_does_not_make_it_longer(world: World, door: auth.Doorkeeper, log_in: LogIn) -> None:
    for _ in range(20):
        log_in("wrong")
    assert world.sessions.failures(world.clock.now()) == 3


def test_the_lock_outlives_a_restart(world: World, log_in: LogIn) -> None:
    for _ in range(3):
        log_in("wrong")
    again = world.doorkeeper()
    again.open()
    assert again.log_in("admin", PASSWORD, "192.0.2.1", "").wait == 900


def test_a_locked_address_locks_no_other(door: auth.Doorkeeper, log_in: LogIn) -> None:
    for _ in range(3):
        log_in("wrong", address="203.0.113.5")
    assert log_in(address="192.0.2.1")


def test_unlocking_forgives_at_once(door: auth.Doorkeeper, log_in: LogIn) -> None:
    for _ in range(3):
        log_in("wrong")
    assert door.unlock() == 3
    assert log_in()


def test_a_login_forgives_earlier_slips(world: World, door: auth.Doorkeeper, log_in: LogIn) -> None:
    log_in("wrong")
    log_in("wrong")
    assert log_in()
    assert world.sessions.failures(world.clock.now()) == 0


def test_a_clock_set_back_does_not_make_a_lock_longer(world: World, door: auth.Doorkeeper, log_in: LogIn) -> None:
    for _ in range(3):
        log_in("wrong")
    world.clock.forward(hours=-5)
    assert door.log_in("admin", PASSWORD, "192.0.2.1", "").wait == 900


def test_guessing_from_many_addresses_slows_down_more_and_more(world: World, door: auth.Doorkeeper) -> None:
    pauses = []
    for number in range(24):
        address = f"203.0.113.{number}"
        entry = door.log_in("admin", "wrong", address, "")
        pauses.append(entry.wait)
        world.clock.forward(seconds=entry.wait)
        if entry.wait:
            assert door.log_in("admin", "wrong", address, "") == auth.Entry()
    assert pauses[:12] == [0.0] * 12
    assert pauses[12:] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_a_siege_does_not_slow_a_browser_that_logged_in_before(world: World, door: auth.Doorkeeper) -> None:
    device = door.log_in("admin", PASSWORD, "192.0.2.1", "").device
    for number in range(20):
        door.log_in("admin", "wrong", f"203.0.113.{number}", "")
    assert door.log_in("admin", PASSWORD, "192.0.2.1", "").wait > 0
    assert door.log_in("admin", PASSWORD, "198.51.100.7", "", device).token


def test_a_known_browser_has_only_a_handful_of_tries_too(world: World, door: auth.Doorkeeper) -> None:
    device = door.log_in("admin", PASSWORD, "192.0.2.1", "").device
    for number in range(3):
        assert door.log_in("admin", "wrong", f"203.0.113.{number}", "", device) == auth.Entry()
    assert door.log_in("admin", PASSWORD, "192.0.2.1", "", device).wait == 900


def test_a_device_counts_only_for_its_own_user(world: World) -> None:
    world.write("anna", "bert")
    door = world.doorkeeper()
    device = door.log_in("anna", PASSWORD, "192.0.2.1", "").device
    for _ in range(3):
        door.log_in("bert", "wrong", "192.0.2.9", "", device)
    assert door.log_in("bert", PASSWORD, "192.0.2.9", "", device).wait == 900
    assert door.log_in("anna", PASSWORD, "192.0.2.9", "", device).token


def test_after_a_new_password_a_known_browser_is_a_stranger_again(world: World, door: auth.Doorkeeper) -> None:
    device = door.log_in("admin", PASSWORD, "192.0.2.1", "").device
    assert door.knows(device, "Admin ")
    door.set_password("another one")
    assert not door.knows(device, "admin")
    for number in range(20):
        door.log_in("admin", "wrong", f"203.0.113.{number}", "", device)
    assert door.log_in("admin", "another one", "192.0.2.1", "", device).wait > 0


def test_the_login_of_one_user_does_not_forgive_guesses_at_another(world: World) -> None:
    world.write("anna", "bert")
    door = world.doorkeeper()
    looked = 0
    for _ in range(10):
        looked += door.log_in("anna", "guess", "203.0.113.5", "") == auth.Entry()
        door.log_in("bert", PASSWORD, "203.0.113.5", "")
    assert looked == 3


def test_a_clock_that_was_years_ahead_locks_nobody_out_for_years(
    world: World, door: auth.Doorkeeper, log_in: LogIn
) -> None:
    world.clock.forward(days=3650)
    for _ in range(3):
        log_in("wrong")
    world.clock.forward(days=-3650)
    assert door.log_in("admin", PASSWORD, "192.0.2.1", "").wait == 900
    world.clock.forward(minutes=15)
    assert log_in()


def test_an_attempt_that_never_came_to_an_end_counts(
    world: World, door: auth.Doorkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> bool:
        raise SystemExit

    monkeypatch.setattr(bcrypt, "checkpw", killed)
    for _ in range(3):
        with pytest.raises(SystemExit):
            door.log_in("admin", "guess", "192.0.2.1", "")
    assert door.log_in("admin", "guess", "192.0.2.1", "").wait == 900


def test_many_guesses_at_the_same_moment_in_two_processes_do_not_slip_past_the_count(
    world: World, door: auth.Doorkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []
    real = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", lambda pw, hashed: (looked.append(pw), real(pw, hashed))[1])
    doors = [door, world.doorkeeper()]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: doors[n % 2].log_in("admin", "wrong", "192.0.2.1", ""), range(40)))
    assert len(looked) == 3


def test_logins_and_failures_are_told(world: World, door: auth.Doorkeeper, log_in: LogIn) -> None:
    door.log_in(
        "admin", PASSWORD, "192.0.2.1", "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
    )
    for _ in range(3):
        log_in("wrong", address="203.0.113.5")
    door.log_in("my secret typed here", "x", "203.0.113.6", "")
    door.unlock()
    kinds = [event.kind for event in reversed(world.events())]
    assert kinds == ["Login", *["Login Failed"] * 3, "Login Locked", "Login Failed", "Login Unlocked"]
    login, *_, locked, stranger, _ = reversed(world.events())
    assert login.message == "admin logged in from 192.0.2.1 (Firefox 153 on Linux)."
    assert locked.message == "Too many failed logins: 203.0.113.5 has to wait, up to 15 min."
    assert stranger.message.startswith("Login failed for an unknown name from 203.0.113.6")


def _forged(world: World, token: str, **changes: object) -> str:
    claims = jwt.decode(token, KEY, algorithms=["HS256"])
    return jwt.encode({**claims, **changes}, KEY, algorithm="HS256")


def test_only_our_own_unchanged_tokens_count(world: World, door: auth.Doorkeeper, log_in: LogIn) -> None:
    token = log_in()
    claims = jwt.decode(token, KEY, algorithms=["HS256"])
    strange = [
        "",
        "x",
        "a.b.c",
        token[:-4] + "AAAA",
        jwt.encode(claims, "f" * 64, algorithm="HS256"),
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, KEY * 2, algorithm="HS512"),
        _forged(world, token, sid="guessed"),
        _forged(world, token, sid=None),
        _forged(world, token, sid=["x"]),
        _forged(world, token, username="somebody"),
        _forged(world, token, exp_date=0),
        _forged(world, token, exp_date="later"),
    ]
    assert [door.who(each) for each in strange] == [None] * len(strange)
    assert door.who(token)


def test_a_session_ends_when_it_is_not_used_and_lives_longer_when_it_is(
    world: World, door: auth.Doorkeeper, log_in: LogIn
) -> None:
    token = log_in()
    world.clock.forward(days=29)
    session = door.who(token)
    assert session and session.expires_at == world.clock.now() + timedelta(days=30)
    longer = door.renewed(token, session)
    world.clock.forward(days=29)
    assert door.who(token) is None, "the token of the first day has run out"
    assert door.who(longer)
    world.clock.forward(days=31)
    assert door.who(longer) is None
    assert not door.is_alive(session.id)


def test_a_session_ends_at_last_however_much_it_is_used(world: World) -> None:
    world.write()
    door = world.doorkeeper(psr_session_max_days=40)
    token = door.log_in("admin", PASSWORD, "192.0.2.1", "").token
    began = world.clock.now()
    while session := door.who(token):
        token = door.renewed(token, session) or token
        world.clock.forward(days=5)
    assert world.clock.now() - began == timedelta(days=40)


def test_a_page_that_is_open_counts_as_use(world: World, door: auth.Doorkeeper, log_in: LogIn) -> None:
    session = door.who(log_in())
    assert session
    for _ in range(35):
        world.clock.forward(days=1)
        assert door.is_alive(session.id)


def test_a_session_is_written_at_most_once_a_minute(world: World, door: auth.Doorkeeper, log_in: LogIn) -> None:
    token = log_in()
    begin = world.clock.now()
    seen = []
    for _ in range(5):
        world.clock.forward(seconds=25)
        session = door.who(token)
        assert session
        seen.append((session.last_seen_at - begin).total_seconds())
    assert seen == [0, 0, 75, 75, 75]


def test_an_ended_session_cannot_be_replayed(door: auth.Doorkeeper, log_in: LogIn) -> None:
    token, other = log_in(), log_in()
    session = door.who(token)
    door.log_out(token)
    assert door.who(token) is None
    assert session and not door.is_alive(session.id)
    assert door.who(other)
    door.log_out("nonsense")


def test_a_session_ended_here_is_ended_in_every_process(world: World, door: auth.Doorkeeper, log_in: LogIn) -> None:
    token = log_in()
    elsewhere = world.doorkeeper()
    assert elsewhere.who(token)
    door.log_out(token)
    assert elsewhere.who(token) is None


def test_a_new_password_without_a_session_to_keep_ends_them_all(door: auth.Doorkeeper, log_in: LogIn) -> None:
    token = log_in()
    door.set_password("another one")
    assert door.who(token) is None
    assert door.sessions_of("admin") == []


def test_a_removed_user_is_out(world: World, door: auth.Doorkeeper, log_in: LogIn) -> None:
    token = log_in()
    world.write("somebody")
    assert door.who(token) is None


def test_logging_out_everywhere_can_spare_this_browser(door: auth.Doorkeeper, log_in: LogIn) -> None:
    tokens = [log_in() for _ in range(3)]
    here = door.who(tokens[0])
    assert here
    assert door.log_out_everywhere("admin", keep=here.id) == 2
    assert [bool(door.who(token)) for token in tokens] == [True, False, False]
    assert door.log_out_everywhere("admin") == 1


def test_one_session_can_be_ended_from_another_but_not_by_another_user(
    world: World, door: auth.Doorkeeper, log_in: LogIn
) -> None:
    here, there = log_in(), log_in()
    row = door.who(there)
    assert row
    assert not door.end_session(row.id, "somebody")
    assert door.end_session(row.id, "admin")
    assert not door.end_session(row.id, "admin")
    assert door.who(there) is None
    assert door.who(here)


def test_the_owner_changes_the_password_by_proving_the_old_one(
    world: World, door: auth.Doorkeeper, log_in: LogIn
) -> None:
    mine, other = log_in(), log_in()
    session = door.who(mine)
    assert session
    door.change_password(session.id, PASSWORD, "another one")
    assert door.who(mine)
    assert door.who(other) is None
    assert [each.id for each in door.sessions_of("admin")] == [session.id]
    assert not log_in(PASSWORD)
    assert log_in("another one")
    assert world.file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("wrong", "another one", "password_wrong"),
        (PASSWORD, "short", "password_short"),
        (PASSWORD, "", "password_empty"),
        (PASSWORD, "ä" * 40, "password_long"),
    ],
)
def test_a_password_is_not_changed_without_reason(
    world: World, door: auth.Doorkeeper, log_in: LogIn, old: str, new: str, code: str
) -> None:
    session, before = door.who(log_in()), world.file.read_bytes()
    assert session
    with pytest.raises(PasswordRefused) as refused:
        door.change_password(session.id, old, new)
    assert refused.value.code == code
    assert world.file.read_bytes() == before


def test_the_old_password_cannot_be_guessed_in_an_open_session(door: auth.Doorkeeper, log_in: LogIn) -> None:
    session = door.who(log_in())
    assert session
    for _ in range(3):
        with pytest.raises(PasswordRefused, match="wrong"):
            door.change_password(session.id, "guess", "another one")
    with pytest.raises(PasswordRefused, match="try again in 900 s") as refused:
        door.change_password(session.id, PASSWORD, "another one")
    assert refused.value.seconds == 900


def test_an_ended_session_changes_no_password(door: auth.Doorkeeper, log_in: LogIn) -> None:
    token = log_in()
    session = door.who(token)
    assert session
    door.log_out(token)
    with pytest.raises(PasswordRefused, match="ended"):
        door.change_password(session.id, PASSWORD, "another one")
    assert door.log_in("admin", PASSWORD, "192.0.2.3", "").token
    assert door.who(token) is None


def test_no_secret_reaches_a_log_or_a_printed_object(
    world: World, door: auth.Doorkeeper, log_in: LogIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = log_in()
    log_in("wr0ng-secret")
    door.log_in("typed-my-passw0rd-here", "x", "192.0.2.8", "")
    door.set_password("n3w-secret")
    shown = caplog.text + repr(auth.Entry(token)) + repr(auth.Opening("n3w-secret")) + repr(door._file.book())
    stored = repr(door.sessions_of("admin"))
    for secret in (token, PASSWORD, "wr0ng-secret", "typed-my-passw0rd-here", "n3w-secret", KEY):
        assert secret not in shown + stored
    assert b"typed-my-passw0rd-here" not in b"".join(path.read_bytes() for path in world.folder.glob("state.db*"))
