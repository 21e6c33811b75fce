"""Who may come in: the first password, logins, sessions, lockout.

The Doorkeeper decides; everything he needs for it stands in keeper/door: the file that names the users, passwords,
cookies, the gate in front of everything the server answers, and the login page. streamlit-authenticator supplies the
format of auth.yaml, the hashing and the format of the token; everything it cannot do (ending a session, counting
failures, refusing uploads of strangers) is done here, before Streamlit sees the request.
"""

from __future__ import annotations

import logging
import secrets
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from keeper.config import Settings
from keeper.door import passwords, tokens
from keeper.door.auth_file import USERNAME, AuthFile, Book
from keeper.door.browsers import browser_name
from keeper.door.deadline import bounded
from keeper.door.gate import Gate
from keeper.door.headers import page_policy
from keeper.door.login_page import routes
from keeper.door.metrics_access import may_read
from keeper.errors import PasswordRefused, SettingsError, StoreError
from keeper.ports import Clock, Sessions
from keeper.rules import lockout
from keeper.rules.types import Notice, SessionRow, Severity, Tally

log = logging.getLogger(__name__)

TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Opening:
    """What the start has to tell: a password to show once, warnings for the log; mostly neither."""

    password: str = field(default="", repr=False)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """Answer to a login: tokens of session and browser; or nothing (wrong); or the seconds to wait before trying."""

    token: str = field(default="", repr=False)
    device: str = field(default="", repr=False)
    wait: float = 0.0


class Doorkeeper:
    """Decides who is in. Safe to call from any thread; what it decides is in the store and survives a restart."""

    def __init__(self, settings: Settings, sessions: Sessions, clock: Clock) -> None:
        self._settings = settings
        self._sessions = sessions
        self._clock = clock
        self._file = AuthFile(settings)
        self._limits = lockout.Limits(settings.max_login_attempts, timedelta(minutes=settings.login_lockout_minutes))
        # A session kept over a password change must not look dead between the two writes.
        self._changing = threading.RLock()

    # ------------------------------------------------------------------ the first start, and every other

    def open(self) -> Opening:
        """Makes auth.yaml at the first start, reads it at every other. Raises AuthFileError, SettingsError."""
        wanted = self._settings.gui_password.get_secret_value()
        if not self._file.exists():
            return Opening(self._first_start(wanted), tuple(_short(wanted)))
        book = self._file.book()
        passwords.hasher()  # now, so that the first login does not wait for the import
        return Opening(warnings=tuple(self._differences(book, wanted)))

    def _first_start(self, given: str) -> str:
        """The password that was made up; '' when GUI_PASSWORD gave one."""
        name = self._wanted_name()
        if not USERNAME.fullmatch(name):
            raise SettingsError("PSR_AUTH_USERNAME", name, "1 to 80 letters, digits and . _ @ + -")
        if len(given.encode()) > passwords.MAX_BYTES:
            raise SettingsError("GUI_PASSWORD", "(hidden)", f"at most {passwords.MAX_BYTES} bytes long")
        password = given or passwords.made_up()
        self._file.create(name, passwords.hashed(password))
        self._file.book()
        return "" if given else password

    def _differences(self, book: Book, wanted: str) -> list[str]:
        """Settings that the file overrules, each with what to do."""
        said = []
        name = self._wanted_name()
        if "psr_auth_username" in self._settings.model_fields_set and name not in book.hashes:
            said.append(
                f"PSR_AUTH_USERNAME {name!r} is not in {self._file.path}; the file counts: log in with its name."
            )
        if wanted and not passwords.is_right(book.hashes, self._owner(book), wanted):
            said.append(
                f"GUI_PASSWORD is not the password in {self._file.path}; the file counts, GUI_PASSWORD is only used "
                "at the first start. To change the password: python -m keeper set-password. Then remove GUI_PASSWORD."
            )
        return said

    def _wanted_name(self) -> str:
        return self._settings.psr_auth_username.strip().lower()

    def _owner(self, book: Book) -> str:
        wanted = self._wanted_name()
        return wanted if wanted in book.hashes else next(iter(book.hashes))

    # ------------------------------------------------------------------ logging in

    def log_in(self, username: str, password: str, address: str, browser: str, device: str = "") -> Entry:
        """1. Too many failures? 2. Is the password right? 3. A session, or a failure that counts.

        `device` is what this browser was given when it logged in before: it is then counted by itself, so that
        neither strangers nor others behind the same address can lock it out.
        """
        name, book = username.strip().lower()[:80], self._file.book()
        known = tokens.read_device(self._key, device, name, book.mark(name))
        place = f"device {known[:24]}" if known else address
        # Only known names are kept: people type their password into the wrong field.
        said = {"username": name if name in book.hashes else "", "address": address, "browser": browser[:200]}
        tally, wait = self._claim(place, not known, said["username"])
        if wait > 0:
            return Entry(wait=wait)
        if not passwords.is_right(book.hashes, name, password):
            self._count_failure(tally, not known, said)
            return Entry()
        token, session = self._new_session(book, name, address, browser)
        notice = Notice("Login", Severity.INFO, f"{name} logged in from {_from(said)}.", said)
        self._sessions.admitted(place, name, session.created_at, notice, session)
        log.info("%s logged in from %s", name, address)
        return Entry(token, tokens.of_device(self._key, name, book.mark(name)))

    def knows(self, device: str, username: str) -> bool:
        """Whether this user logged in with this browser before, with the present password."""
        name = username.strip().lower()[:80]
        return bool(tokens.read_device(self._key, device, name, self._file.book().mark(name)))

    def _claim(self, place: str, stranger: bool, username: str) -> tuple[Tally, float]:
        """(failures before this attempt, seconds to wait); the attempt already counts when there is nothing to wait."""
        now = self._clock.now()
        windows = self._limits.lockout, lockout.CROWD_WINDOW
        rule = partial(lockout.pause, limits=self._limits, now=now, stranger=stranger)
        _, tally, wait = self._sessions.attempt(place, stranger, username, now, windows, rule)
        return tally, wait

    def _count_failure(self, tally: Tally, stranger: bool, said: dict[str, str]) -> None:
        who = said["username"] or "an unknown name"
        notices = [Notice("Login Failed", Severity.WARNING, f"Login failed for {who} from {_from(said)}.", said)]
        if lockout.locks(tally, self._limits, stranger):
            seconds = self._limits.lockout.total_seconds()
            alone = tally.place + 1 == self._limits.attempts
            whom = said["address"] if alone else "everybody who is not known"
            message = f"Too many failed logins: {whom} has to wait, up to {seconds / 60:.0f} min."
            notices.append(
                Notice("Login Locked", Severity.WARNING, message, {**said, "seconds": seconds, "everybody": not alone})
            )
        self._sessions.failed(self._clock.now(), notices)
        log.warning("login failed for %s from %s", who, said["address"])

    def _new_session(self, book: Book, name: str, address: str, browser: str) -> tuple[str, SessionRow]:
        """(token, row). Only the hash of its secret is stored: who reads the data file cannot log in with it."""
        secret, now = secrets.token_urlsafe(32), self._clock.now()
        expires = self._end(now, now)
        row = SessionRow(tokens.digest(secret), name, book.mark(name), now, now, expires, address, browser[:200], None)
        return tokens.of_session(self._key, name, secret, expires), row

    def unlock(self) -> int:
        """Forgives all failed logins; the number forgotten."""
        forgotten = self._sessions.forget_failures()
        message = f"The door was unlocked on the machine itself; {forgotten} failed logins are forgotten."
        self._sessions.note(self._clock.now(), Notice("Login Unlocked", Severity.INFO, message, {"count": forgotten}))
        return forgotten

    # ------------------------------------------------------------------ sessions

    def who(self, token: str) -> SessionRow | None:
        """Whose session the token opens; None when forged, expired, ended, or older than the password."""
        claims = tokens.read_session(self._key, token)
        if claims is None or claims.expires <= self._clock.now().timestamp():
            return None
        row = self._living(claims.session_id)
        if row is None or row.username != claims.username:
            return None
        return self._touched(row)

    def renewed(self, token: str, row: SessionRow) -> str:
        """A token for the longer life the session got by being used; '' while the present one is good enough."""
        claims = tokens.read_session(self._key, token)
        if claims is None or row.expires_at.timestamp() - claims.expires <= self.cookie_seconds / 20:
            return ""
        return tokens.of_session(self._key, row.username, claims.secret, row.expires_at)

    def is_alive(self, session_id: str) -> bool:
        """Whether this session (by the id of its row) may still act. Being asked counts as being used."""
        row = self._living(session_id)
        return row is not None and bool(self._touched(row))

    def sessions_of(self, user: str) -> list[SessionRow]:
        """The living sessions, the latest seen first."""
        return [row for row in self._sessions.active(user, self._clock.now()) if self._is_valid(row)]

    def log_out(self, token: str) -> None:
        """Ends the session of a token, even one that has expired."""
        claims = tokens.read_session(self._key, token)
        if claims:
            self._sessions.revoke(claims.session_id, self._clock.now())

    def end_session(self, session_id: str, by: str) -> bool:
        """Ends one session from another; False when it had ended already."""
        row = self._living(session_id)
        if row is None or row.username != by:
            return False
        now, said = self._clock.now(), {"username": by, "address": row.address, "browser": row.browser}
        self._sessions.revoke(session_id, now)
        message = f"{by} ended the login from {_from(said)}."
        self._sessions.note(now, Notice("Logged Out Elsewhere", Severity.INFO, message, said))
        return True

    def log_out_everywhere(self, user: str, keep: str = "") -> int:
        """Ends all sessions of a user except `keep`; the number ended."""
        now = self._clock.now()
        ended = self._sessions.revoke_all(user, now, keep=keep)
        said = {"username": user, "count": ended}
        message = f"{user} logged out everywhere{' else' if keep else ''}: {ended} browsers."
        self._sessions.note(now, Notice("Logged Out Everywhere", Severity.INFO, message, said))
        return ended

    # ------------------------------------------------------------------ passwords

    def change_password(self, session_id: str, old: str, new: str) -> None:
        """What the account page does: proves the old password, sets the new one, ends all other sessions.

        Raises PasswordRefused, with the code password_wrong, _short, _long, _empty, _wait or session_ended.
        """
        row = self._living(session_id)
        if row is None:
            raise PasswordRefused("This login has ended; log in again.", "session_ended")
        hashed = passwords.newly_chosen(new)
        place = f"session {session_id[:24]}"
        tally, wait = self._claim(place, False, row.username)
        if wait > 0:
            raise PasswordRefused(f"Too many failed attempts; try again in {wait:.0f} s.", "password_wait", wait)
        if not passwords.is_right(self._file.book().hashes, row.username, old):
            said = {"username": row.username, "address": row.address, "browser": row.browser}
            self._count_failure(tally, False, said)
            raise PasswordRefused("The current password is wrong; nothing was changed.", "password_wrong")
        self._replace_password(row.username, hashed, session_id, place)

    def set_password(self, new: str, username: str = "") -> None:
        """What the command does: replaces the password, ends all sessions of that user. Raises PasswordRefused."""
        name = username.lower() or self._owner(self._file.book())
        hashed = passwords.newly_chosen(new)
        if name not in self._file.book().hashes:
            raise PasswordRefused(f"There is no user {name!r} in {self._file.path}.")
        self._replace_password(name, hashed)

    def _replace_password(self, name: str, hashed: str, keep: str = "", place: str = "") -> None:
        """Ends all sessions of that user except `keep`, and forgives the failures of `place`."""
        with self._changing:
            kept = self._living(keep)
            kept = kept if kept and kept.username == name else None
            self._file.set_hash(name, hashed)
            if kept:
                self._sessions.create(replace(kept, password_mark=self._file.book().mark(name)))
            self._sessions.revoke_all(name, self._clock.now(), keep=kept.id if kept else "")
        notice = Notice("Password Changed", Severity.INFO, f"The password of {name} was changed.", {"username": name})
        self._sessions.admitted(place, name, self._clock.now(), notice)
        log.info("password of %s changed", name)

    # ------------------------------------------------------------------ cookies

    @property
    def cookie_name(self) -> str:
        return self._file.book().cookie_name

    @property
    def cookie_seconds(self) -> int:
        return int(self._file.book().days * 86400)

    @property
    def _key(self) -> str:
        return self._file.book().cookie_key

    def _living(self, session_id: str) -> SessionRow | None:
        with self._changing:
            row = self._sessions.get(session_id) if session_id else None
            return row if row and self._is_valid(row) else None

    def _is_valid(self, row: SessionRow) -> bool:
        if row.revoked_at is not None or row.expires_at <= self._clock.now():
            return False
        return row.password_mark == self._file.book().mark(row.username)

    def _end(self, created: datetime, used: datetime) -> datetime:
        """When a session ends that is not used any more; never later than its longest life allows."""
        sliding = used + timedelta(seconds=self.cookie_seconds)
        return min(sliding, created + timedelta(days=self._settings.psr_session_max_days))

    def _touched(self, row: SessionRow) -> SessionRow:
        """Being used lengthens a session; written at most once a minute."""
        now = self._clock.now()
        if now - row.last_seen_at < TOUCH_EVERY:
            return row
        expires = self._end(row.created_at, now)
        try:
            self._sessions.touch(row.id, now, expires)
        except StoreError as problem:  # the session was read and is valid; lengthening it can wait
            log.warning("session not renewed: %s", problem.sentence)
            return row
        return replace(row, last_seen_at=now, expires_at=expires)


def _short(password: str) -> list[str]:
    if not password or len(password) >= passwords.SHORTEST:
        return []
    few = f"GUI_PASSWORD has fewer than {passwords.SHORTEST} characters."
    return [f"{few} Choose a longer one: python -m keeper set-password"]


def _from(said: dict[str, str]) -> str:
    return f"{said['address']} ({browser_name(said['browser'])})"


__all__ = [
    "Doorkeeper", "Entry", "Gate", "Opening", "PasswordRefused", "bounded", "browser_name", "may_read", "page_policy",
    "routes",
]  # fmt: skip
