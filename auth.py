"""Who may come in: first password, auth.yaml, sessions, lockout.

Read from top to bottom: the file that says who exists (AuthFile), the one who decides (Doorkeeper), the gate in
front of everything the server answers (Gate), and the login page (routes). streamlit-authenticator supplies the
format of auth.yaml, the hashing and the format of the token; everything it cannot do (ending a session, counting
failures, refusing uploads of strangers) is done here, before Streamlit sees the request.
"""

from __future__ import annotations

import asyncio
import hashlib
import html
import ipaddress
import logging
import math
import os
import re
import secrets
import shlex
import stat
import tempfile
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

import anyio
import jwt
import yaml
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keeper.config import Settings
from keeper.errors import AuthFileError, KeeperError, SettingsError, StoreError
from keeper.ports import Clock, Sessions
from keeper.rules.types import SessionRow

if TYPE_CHECKING:
    from streamlit_authenticator.utilities.hasher import Hasher

log = logging.getLogger(__name__)

MAX_PASSWORD_BYTES = 72  # bcrypt reads no further: what comes after would not count
MIN_KEY_LENGTH = 32  # a shorter key can be guessed offline from one token
TOUCH_EVERY = timedelta(minutes=1)
CROWD_WINDOW = timedelta(hours=1)
CROWD_MAX_SECONDS = 30.0
MAX_BODY = 4096
BODY_SECONDS = 10.0
MAX_QUEUE = 8  # logins waiting for their turn; one bcrypt takes 0.3 s
_USERNAME = re.compile(r"[a-z0-9ß-öø-ÿ._@+-]{1,80}")  # what a Latin-1 header can carry
_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1\d|2\d|3[01])\$[./A-Za-z0-9]{53}")
_OR_NEW = "or remove the file and start again: a new one is made, with GUI_PASSWORD if that is set."
_COOKIE_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


class PasswordRefused(KeeperError):
    """A new password cannot be used; the sentence says why."""

    code = "password"


# ------------------------------------------------------------------------------------------------ auth.yaml


@dataclass(frozen=True, slots=True)
class Book:
    """What auth.yaml says, checked. Printing it shows no secret."""

    hashes: Mapping[str, str] = field(repr=False)
    cookie_name: str
    cookie_key: str = field(repr=False)
    days: float

    def mark(self, username: str) -> str:
        """Fingerprint of a user's present password hash; '' for a stranger. A session carries the one of its birth."""
        hashed = self.hashes.get(username)
        return hashlib.sha256(hashed.encode()).hexdigest() if hashed else ""


class AuthFile:
    """auth.yaml on disk: made private and whole, read again when somebody changed it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.path = settings.psr_auth_config.absolute()
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._book: Book | None = None

    def exists(self) -> bool:
        return _stamp(self.path) is not None

    def book(self) -> Book:
        """The content as of now. Raises AuthFileError as long as it was never readable.

        A file that breaks while in use (half-saved in an editor) neither opens the door nor throws everybody out:
        the last good content stays, and the log says so.
        """
        with self._lock:
            stamp = _stamp(self.path)
            if self._book is None:
                self._book = self._read()
            elif stamp != self._stamp:
                self._book = self._read_again(self._book)
            self._stamp = stamp
            return self._book

    def create(self, username: str, hashed: str) -> None:
        """Writes the first file."""
        wanted = self._settings
        days = wanted.psr_cookie_expiry_days
        cookie = {
            "name": wanted.psr_cookie_name,
            "key": _given_key(wanted) or secrets.token_hex(32),
            "expiry_days": int(days) if days == int(days) else days,
        }
        users = {username: {"name": username, "password": hashed}}
        _write(self.path, {"credentials": {"usernames": users}, "cookie": cookie})

    def set_hash(self, username: str, hashed: str) -> None:
        """Replaces one password; everything else in the file stays."""
        document = _parse(self.path)
        users = document["credentials"]["usernames"]
        written_as = next(name for name in users if str(name).lower() == username)
        users[written_as]["password"] = hashed
        _write(self.path, document)

    def _read(self) -> Book:
        document = _parse(self.path)
        return _checked(document, self._settings, self.path)

    def _read_again(self, last_good: Book) -> Book:
        try:
            return self._read()
        except AuthFileError as problem:
            log.error("%s Until then the last good content counts.", problem.sentence)
            return last_good


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_ctime_ns


def _parse(path: Path) -> dict[str, Any]:
    """The YAML of a private file. Error sentences never quote the content: it holds the key of the door."""
    try:
        with path.open("rb") as file:
            _demand_private(path, os.fstat(file.fileno()))
            raw = file.read()
    except OSError as problem:
        raise AuthFileError(
            f"{path} cannot be read ({problem.strerror}). It must belong to the service's user."
        ) from None
    document, line = _yaml(raw)
    if not isinstance(document, dict):
        where = f" (line {line})" if line else ""
        raise AuthFileError(f"{path} is not valid YAML{where}. Mend it, {_OR_NEW}")
    return document


def _demand_private(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise AuthFileError(f"{path} is not a regular file. PSR_AUTH_CONFIG must name a file.")
    if found.st_mode & 0o077:
        raise AuthFileError(f"{path} can be read or written by other users. Run: chmod 600 {shlex.quote(str(path))}")


def _yaml(raw: bytes) -> tuple[object, int]:
    """(document, 0), or (None, line of the mistake). The parser's own exception quotes the file, so it ends here."""
    try:
        return yaml.safe_load(raw), 0
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        mark = getattr(problem, "problem_mark", None)
        return None, mark.line + 1 if mark else 0


def _checked(document: dict[str, Any], settings: Settings, path: Path) -> Book:
    """A setting given in the environment wins over the file, the file over the built-in value."""
    cookie = document.get("cookie") or {}
    if not isinstance(cookie, dict):
        raise AuthFileError(f"In {path}, cookie: must hold name, key and expiry_days.")
    given = settings.model_fields_set
    name = settings.psr_cookie_name if "psr_cookie_name" in given else cookie.get("name", settings.psr_cookie_name)
    days = settings.psr_cookie_expiry_days if "psr_cookie_expiry_days" in given else cookie.get("expiry_days", 30)
    if not _COOKIE_NAME.fullmatch(str(name)):
        raise AuthFileError(f"In {path}, cookie.name may hold letters, digits, - and _ only.")
    if isinstance(days, bool) or not isinstance(days, int | float) or not 0 < days <= 3650:
        raise AuthFileError(f"In {path}, cookie.expiry_days must be a number of days above 0 and at most 3650.")
    return Book(_hashes(document, path), str(name), _key(cookie, settings, path), float(days))


def _given_key(settings: Settings) -> str:
    key = settings.psr_cookie_key.get_secret_value()
    if key and len(key) < MIN_KEY_LENGTH:
        raise SettingsError("PSR_COOKIE_KEY", "(hidden)", f"a random text of at least {MIN_KEY_LENGTH} characters")
    return key


def _key(cookie: Mapping[str, Any], settings: Settings, path: Path) -> str:
    key = _given_key(settings) or str(cookie.get("key") or "")
    if len(key) < MIN_KEY_LENGTH:
        raise AuthFileError(
            f"In {path}, cookie.key must be a random text of at least {MIN_KEY_LENGTH} characters. "
            "Make one with: openssl rand -hex 32"
        )
    return key


def _hashes(document: Mapping[str, Any], path: Path) -> dict[str, str]:
    credentials = document.get("credentials")
    users = credentials.get("usernames") if isinstance(credentials, dict) else None
    if not isinstance(users, dict) or not users:
        raise AuthFileError(f"{path} names no user under credentials.usernames. Add one, {_OR_NEW}")
    return {_username(name, path): _hash(name, entry, path) for name, entry in users.items()}


def _username(name: object, path: Path) -> str:
    lowered = str(name).lower()
    if not _USERNAME.fullmatch(lowered):
        raise AuthFileError(f"In {path}, the user name {str(name)[:80]!r} may hold letters, digits and . _ @ + - only.")
    return lowered


def _hash(name: object, entry: object, path: Path) -> str:
    hashed = entry.get("password") if isinstance(entry, dict) else None
    if not isinstance(hashed, str) or not _BCRYPT.fullmatch(hashed):
        raise AuthFileError(
            f"In {path}, the password of {str(name)[:80]!r} is not a bcrypt hash. Put one there, {_OR_NEW}"
        )
    return hashed


def _write(path: Path, document: Mapping[str, Any]) -> None:
    """All or nothing, and private from the first byte: mkstemp makes the file 0600, the rename is atomic."""
    path = path.resolve()  # a link stays a link
    text = "# Plex Keeper: who may come in (format of streamlit-authenticator). Keep it private: chmod 600\n"
    text += yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as problem:
        raise AuthFileError(f"{path} cannot be written ({problem.strerror}). Check the rights of its folder.") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as problem:
        with suppress(OSError):
            os.unlink(temporary)
        raise AuthFileError(f"{path} cannot be written ({problem.strerror}). Mount its folder, not the file.") from None


# ------------------------------------------------------------------------------------------------ passwords


class _Quiet(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR


@contextmanager
def _hushed() -> Iterator[None]:
    """The package declares a Streamlit component at import; outside a page that logs five lines nobody can act on.

    Filters, not levels: Streamlit sets the level of a logger when it first makes it, which is during this import.
    """
    names = ("streamlit.runtime.caching.cache_data_api", "streamlit.runtime.scriptrunner_utils.script_run_context")
    quiet = _Quiet()
    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.addFilter(quiet)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(quiet)


def _hasher() -> type[Hasher]:
    """streamlit-authenticator's Hasher, imported when first needed: the import takes half a second."""
    with _hushed():
        from streamlit_authenticator.utilities.hasher import Hasher
    return Hasher


def _hashed(password: str) -> str:
    if not password:
        raise PasswordRefused("The password is empty.")
    if len(password.encode()) > MAX_PASSWORD_BYTES:
        raise PasswordRefused(f"The password is longer than {MAX_PASSWORD_BYTES} bytes. Choose a shorter one.")
    return _hasher().hash(password)


def _is_right(book: Book, username: str, password: str) -> bool:
    """Takes the same time for a stranger, a wrong and an over-long password: one bcrypt of the same cost."""
    nobody = next(iter(book.hashes.values()))[:7] + "." * 53
    raw = password.encode()
    shortened = raw[:MAX_PASSWORD_BYTES].decode(errors="ignore")
    matches = _hasher().check_pw(shortened, book.hashes.get(username, nobody))
    return matches and username in book.hashes and len(raw) <= MAX_PASSWORD_BYTES


def _new_password() -> str:
    """Twenty characters that cannot be mistaken for one another when copied from a terminal by hand: 99 bits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))


# ------------------------------------------------------------------------------------------------ the doorkeeper


@dataclass(frozen=True, slots=True)
class Opening:
    """What the start has to tell: a password to show once, a warning for the log; mostly neither."""

    password: str = field(default="", repr=False)
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """Answer to a login: a token; or nothing (wrong); or the seconds to wait before the next try."""

    token: str = field(default="", repr=False)
    wait: float = 0.0


class _Claims(NamedTuple):
    username: str
    expires: float
    session_id: str


class Doorkeeper:
    """Decides who is in. Safe to call from any thread; what it decides is in the store and survives a restart."""

    def __init__(self, settings: Settings, sessions: Sessions, clock: Clock) -> None:
        self._settings = settings
        self._sessions = sessions
        self._clock = clock
        self._file = AuthFile(settings)
        # A session kept over a password change must not look dead between the two writes.
        self._changing = threading.RLock()

    def open(self) -> Opening:
        """Makes auth.yaml at the first start, reads it at every other. Raises AuthFileError, SettingsError."""
        if not self._file.exists():
            return Opening(password=self._first_start())
        book, wanted = self._file.book(), self._settings.gui_password.get_secret_value()
        _hasher()  # now, so that the first login does not wait for the import
        if not wanted or _is_right(book, self._owner(book), wanted):
            return Opening()
        return Opening(
            warning=f"GUI_PASSWORD is not the password in {self._file.path}; the file counts. "
            "Remove GUI_PASSWORD, or remove the file and start again to use it."
        )

    def set_password(self, new: str, username: str = "", keep: str = "") -> None:
        """Replaces the password and ends all sessions of that user except `keep`. Raises PasswordRefused."""
        name = username.lower() or self._owner(self._file.book())
        hashed = _hashed(new)
        if name not in self._file.book().hashes:
            raise PasswordRefused(f"There is no user {name!r} in {self._file.path}.")
        with self._changing:
            kept = self._sessions.get(keep) if keep else None
            kept = kept if kept and self._is_valid(kept) and kept.username == name else None
            self._file.set_hash(name, hashed)
            if kept:
                self._sessions.create(replace(kept, password_mark=self._file.book().mark(name)))
            self._sessions.revoke_all(name, self._clock.now(), keep=kept.id if kept else "")
        log.info("password of %s changed", name)

    def log_in(self, username: str, password: str, address: str, browser: str) -> Entry:
        """1. Locked out? 2. Is the password right? 3. Remember the failure, or the session."""
        name, book = username.strip().lower()[:80], self._file.book()
        wait = self._wait(name, address)
        if wait > 0:
            return Entry(wait=wait)
        if not _is_right(book, name, password):
            # Only known names are kept: people type their password into the wrong field.
            known = name if name in book.hashes else ""
            self._sessions.note_failure(address, known, self._clock.now())
            log.warning("login failed for %s from %s", known or "an unknown name", address)
            return Entry()
        self._sessions.forget_failures(address)
        log.info("%s logged in from %s", name, address)
        return Entry(token=self._admit(book, name, address, browser))

    def who(self, token: str) -> SessionRow | None:
        """Whose session the token opens; None when forged, expired, ended, or older than the password."""
        claims = self._claims(token)
        now = self._clock.now()
        if claims is None or claims.expires <= now.timestamp():
            return None
        row = self._living(claims.session_id)
        if row is None or row.username != claims.username:
            return None
        return self._touched(row, now)

    def renewed(self, token: str, row: SessionRow) -> str:
        """A token for the longer life the session got by being used; '' while the present one is good enough."""
        with suppress(jwt.PyJWTError):
            claims = jwt.decode(token, self._file.book().cookie_key, algorithms=["HS256"])
            if row.expires_at.timestamp() - claims["exp_date"] > self.cookie_seconds / 20:
                return self._token(row.username, claims["sid"], row.expires_at)
        return ""

    def is_alive(self, session_id: str) -> bool:
        """Whether this session (by the id of its row) may still act."""
        return self._living(session_id) is not None

    def sessions_of(self, user: str) -> list[SessionRow]:
        """The living sessions, the latest seen first."""
        return [row for row in self._sessions.active(user, self._clock.now()) if self._is_valid(row)]

    def log_out(self, token: str) -> None:
        """Ends the session of a token, even one that has expired."""
        claims = self._claims(token)
        if claims:
            self._sessions.revoke(claims.session_id, self._clock.now())

    def log_out_everywhere(self, user: str, keep: str = "") -> int:
        """Ends all sessions of a user except `keep`; the number ended."""
        return self._sessions.revoke_all(user, self._clock.now(), keep=keep)

    def unlock(self) -> int:
        """Forgives all failed logins; the number forgotten."""
        return self._sessions.forget_failures()

    @property
    def cookie_name(self) -> str:
        return self._file.book().cookie_name

    @property
    def cookie_seconds(self) -> int:
        return int(self._file.book().days * 86400)

    def _first_start(self) -> str:
        """The password that was made up; '' when GUI_PASSWORD gave one."""
        given = self._settings.gui_password.get_secret_value()
        name = self._settings.psr_auth_username.strip().lower()
        if not _USERNAME.fullmatch(name):
            raise SettingsError("PSR_AUTH_USERNAME", name, "1 to 80 letters, digits and . _ @ + -")
        if len(given.encode()) > MAX_PASSWORD_BYTES:
            raise SettingsError("GUI_PASSWORD", "(hidden)", f"at most {MAX_PASSWORD_BYTES} bytes long")
        password = given or _new_password()
        self._file.create(name, _hashed(password))
        self._file.book()
        return "" if given else password

    def _owner(self, book: Book) -> str:
        wanted = self._settings.psr_auth_username.strip().lower()
        return wanted if wanted in book.hashes else next(iter(book.hashes))

    def _wait(self, name: str, address: str) -> float:
        """Seconds until this address may try again."""
        now, lockout = self._clock.now(), timedelta(minutes=self._settings.login_lockout_minutes)
        count, last = self._sessions.failures(now - lockout, address)
        if count >= self._settings.max_login_attempts:
            return _rest(last, lockout.total_seconds(), now)
        if any(row.address == address for row in self._sessions.active(name, now)):
            return 0.0  # the owner at home: a siege from elsewhere does not slow him down
        return self._crowd_wait(now)

    def _crowd_wait(self, now: datetime) -> float:
        """Against guessing from many addresses: a pause that doubles, but stays short, so it locks nobody out."""
        count, last = self._sessions.failures(now - CROWD_WINDOW)
        beyond = count - 4 * self._settings.max_login_attempts
        return _rest(last, min(2.0 ** min(beyond, 10), CROWD_MAX_SECONDS), now) if beyond >= 0 else 0.0

    def _admit(self, book: Book, name: str, address: str, browser: str) -> str:
        """A new session. Only the hash of its secret is stored: who reads the data file cannot log in with it."""
        secret, now = secrets.token_urlsafe(32), self._clock.now()
        expires = now + timedelta(days=book.days)
        self._sessions.create(
            SessionRow(_digest(secret), name, book.mark(name), now, now, expires, address, browser[:200], None)
        )
        return self._token(name, secret, expires)

    def _token(self, username: str, secret: str, expires: datetime) -> str:
        """The token format of streamlit-authenticator, plus the secret of the session."""
        claims = {"username": username, "exp_date": expires.timestamp(), "sid": secret}
        return jwt.encode(claims, self._file.book().cookie_key, algorithm="HS256")

    def _claims(self, token: str) -> _Claims | None:
        """What a token says if we signed it, expired or not."""
        try:
            said = jwt.decode(token, self._file.book().cookie_key, algorithms=["HS256"])
        except jwt.PyJWTError:
            return None
        name, expires, secret = said.get("username"), said.get("exp_date"), said.get("sid")
        if not isinstance(name, str) or not isinstance(secret, str) or not isinstance(expires, int | float):
            return None
        return _Claims(name, expires, _digest(secret))

    def _living(self, session_id: str) -> SessionRow | None:
        with self._changing:
            row = self._sessions.get(session_id) if session_id else None
            return row if row and self._is_valid(row) else None

    def _is_valid(self, row: SessionRow) -> bool:
        if row.revoked_at is not None or row.expires_at <= self._clock.now():
            return False
        return row.password_mark == self._file.book().mark(row.username)

    def _touched(self, row: SessionRow, now: datetime) -> SessionRow:
        """Being used lengthens a session; written at most once a minute."""
        if now - row.last_seen_at < TOUCH_EVERY:
            return row
        expires = now + timedelta(seconds=self.cookie_seconds)
        try:
            self._sessions.touch(row.id, now, expires)
        except StoreError as problem:  # the session was read and is valid; lengthening it can wait
            log.warning("session not renewed: %s", problem.sentence)
            return row
        return replace(row, last_seen_at=now, expires_at=expires)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _rest(last: datetime | None, seconds: float, now: datetime) -> float:
    """What is left of a pause that began at `last`. A clock that was set back does not make it longer."""
    return 0.0 if last is None else min(max(0.0, seconds - (now - last).total_seconds()), seconds)


# ------------------------------------------------------------------------------------------------ the gate

USER_HEADER, SID_HEADER = b"x-keeper-user", b"x-keeper-sid"
_GONE: Message = {"type": "websocket.disconnect", "code": 4401, "reason": "session ended"}


class _Desk:
    """Where requests and cookies meet: which cookie is ours, who sent it, how it is set and cleared."""

    def __init__(self, doorkeeper: Doorkeeper, base: str) -> None:
        self.doorkeeper = doorkeeper
        self.base = "/" + base.strip("/") if base.strip("/") else ""

    def tokens(self, connection: HTTPConnection) -> list[str]:
        """All values of our cookie: a neighbour on the same host may have set one of the same name."""
        prefix = self._name(connection) + "="
        pairs = (pair.strip() for line in connection.headers.getlist("cookie") for pair in line.split(";"))
        return [pair.removeprefix(prefix) for pair in pairs if pair.startswith(prefix)][:4]

    async def visitor(self, connection: HTTPConnection) -> tuple[SessionRow, str] | None:
        """(session, token) of who is asking. Asked anew for every request: an ended session ends at once."""
        for token in self.tokens(connection):
            row = await anyio.to_thread.run_sync(self.doorkeeper.who, token)
            if row:
                return row, token
        return None

    def cookie(self, connection: HTTPConnection, token: str) -> str:
        """The Set-Cookie line; an empty token clears it. Lax, not Strict: links in mails must lead inside."""
        age = self.doorkeeper.cookie_seconds if token else 0
        secure = "; Secure" if _is_secure(connection) else ""
        name = self._name(connection)
        return f"{name}={token}; Path={self.base or '/'}; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"

    def target(self, wanted: str) -> str:
        """Where to go after login: a path of this site, or home. Never another host, never straight out again."""
        # Browsers drop tabs and newlines and read a backslash as a slash, so '/\t/evil' would be '//evil'.
        clean = len(wanted) <= 2000 and not re.search(r"[\x00-\x20\x7f\\]", wanted)
        inside = wanted.startswith(f"{self.base}/") and not wanted.startswith("//")
        path = unquote(re.split(r"[?#]", wanted)[0]).rstrip("/")
        doors = (f"{self.base}/login", f"{self.base}/auth/logout")
        return wanted if clean and inside and path not in doors else f"{self.base}/"

    def _name(self, connection: HTTPConnection) -> str:
        """With __Host- the browser itself refuses a cookie planted over plain http or by a subdomain."""
        name = self.doorkeeper.cookie_name
        return f"__Host-{name}" if _is_secure(connection) and not self.base else name


def _is_secure(connection: HTTPConnection) -> bool:
    return connection.scope.get("scheme") in ("https", "wss")


class Gate:
    """ASGI middleware in front of everything, http and websocket. Strangers reach only the login page and /healthz."""

    def __init__(
        self, app: ASGIApp, doorkeeper: Doorkeeper, base: str = "", poll: float = 2.0, grace: float = 7.0
    ) -> None:
        """A live page of an ended session is noticed after `poll` seconds and cut off after `grace` more."""
        self.app = app
        self._doorkeeper = doorkeeper
        self._desk = _Desk(doorkeeper, base)
        self._open = {self._desk.base + path for path in ("/login", "/healthz", "/auth/logout")}
        self._poll, self._grace = poll, grace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        scope = {**scope, "headers": [pair for pair in scope["headers"] if not _claims_identity(pair[0])]}
        if scope["type"] == "http" and scope["path"] in self._open:
            await self.app(scope, receive, send)
            return
        try:
            visitor = await self._desk.visitor(HTTPConnection(scope))
        except KeeperError as problem:  # nobody can be recognised now: nobody comes in, and nobody is logged out
            log.error("the door stays shut: %s", problem.sentence)
            await _refuse(scope, receive, send, PlainTextResponse("Please try again soon.", 503, {"Retry-After": "5"}))
            return
        if visitor is None:
            await _refuse(scope, receive, send, self._to_login(scope))
        else:
            await self._let_in(scope, receive, send, *visitor)

    def _to_login(self, scope: Scope) -> Response:
        headers = {"Cache-Control": "no-store"}
        accept = HTTPConnection(scope).headers.get("accept", "")
        if scope.get("method") not in ("GET", "HEAD") or "text/html" not in accept:
            return PlainTextResponse("Please log in.", 401, headers)
        query = scope.get("query_string", b"").decode("latin-1")
        wanted = quote(scope["path"]) + (f"?{query}" if query else "")
        return RedirectResponse(f"{self._desk.base}/login?{urlencode({'next': wanted})}", 303, headers)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send, row: SessionRow, token: str) -> None:
        identity = [(USER_HEADER, row.username.encode("latin-1")), (SID_HEADER, row.id.encode())]
        scope = {**scope, "headers": [*scope["headers"], *identity]}
        if scope["type"] == "http":
            await self.app(scope, receive, self._renewing(scope, send, row, token))
            return
        live = _LiveSocket(receive)
        watch = asyncio.create_task(self._watch(row.id, live))
        try:
            await self.app(scope, live.receive, send)
        finally:
            watch.cancel()
        if live.ended:
            # The other side may have hung up already; then there is nobody left to tell.
            with suppress(RuntimeError, OSError), anyio.move_on_after(2):
                await send({"type": "websocket.close", "code": _GONE["code"], "reason": _GONE["reason"]})

    def _renewing(self, scope: Scope, send: Send, row: SessionRow, token: str) -> Send:
        """Page views are not kept, and carry the new end of a session that was used back to the browser."""
        connection = HTTPConnection(scope)
        asks_page = scope["method"] == "GET" and "text/html" in connection.headers.get("accept", "")
        if not asks_page:
            return send
        fresh = self._doorkeeper.renewed(token, row)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # A page kept by the browser would come back after logging out, and be dead.
                headers["cache-control"] = "no-store"
                if fresh:
                    headers.append("set-cookie", self._desk.cookie(connection, fresh))
            await send(message)

        return sending

    async def _watch(self, session_id: str, live: _LiveSocket) -> None:
        """Ends a live page some seconds after its session: the page itself gets the chance to leave properly."""
        while await self._is_alive(session_id):
            await anyio.sleep(self._poll)
        await anyio.sleep(self._grace)
        live.end()

    async def _is_alive(self, session_id: str) -> bool:
        try:
            return await anyio.to_thread.run_sync(self._doorkeeper.is_alive, session_id)
        except KeeperError:  # unknown is not 'ended'; the next look may know
            return True


class _LiveSocket:
    """The receiving side of a websocket that can be hung up from outside."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._waiting = anyio.CancelScope()
        self.ended = False

    async def receive(self) -> Message:
        if not self.ended:
            with anyio.CancelScope() as self._waiting:
                return await self._receive()
        return _GONE

    def end(self) -> None:
        self.ended = True
        self._waiting.cancel()


def _claims_identity(name: bytes) -> bool:
    return name.lower().replace(b"_", b"-").startswith(b"x-keeper-")


async def _refuse(scope: Scope, receive: Receive, send: Send, answer: Response) -> None:
    if scope["type"] == "http":
        await answer(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.close", "code": 4401, "reason": "log in first"})  # before accept: handshake refused


# ------------------------------------------------------------------------------------------------ the login page


def routes(doorkeeper: Doorkeeper, base: str = "") -> list[Route]:
    """GET and POST {base}/login, GET {base}/auth/logout (the address st.logout() sends the browser to)."""
    pages = _LoginPages(_Desk(doorkeeper, base))
    login, logout = f"{pages.desk.base}/login", f"{pages.desk.base}/auth/logout"
    return [
        Route(login, pages.show, methods=["GET"]),
        Route(login, pages.enter, methods=["POST"]),
        Route(logout, pages.leave, methods=["GET"]),
    ]


class _LoginPages:
    def __init__(self, desk: _Desk) -> None:
        self.desk = desk
        # One password at a time: no two guesses can slip past the same count, and bcrypt cannot eat the machine.
        self._turnstile = anyio.CapacityLimiter(1)

    async def show(self, request: Request) -> Response:
        with suppress(KeeperError):  # who cannot be recognised now gets the form
            if await self.desk.visitor(request):
                target = self.desk.target(request.query_params.get("next", ""))
                return RedirectResponse(target, 303, {"Cache-Control": "no-store"})
        return self._page(request, request.query_params.get("next", ""))

    async def enter(self, request: Request) -> Response:
        """1. From our own page? 2. Small and complete? 3. Ask the doorkeeper, one at a time."""
        if _is_foreign(request):
            return PlainTextResponse("This form was sent from another site.", 403)
        form = await _form(request)
        if isinstance(form, Response):
            return form
        if self._turnstile.statistics().tasks_waiting >= MAX_QUEUE:
            return self._page(request, form.get("next", ""), 429, "crowd", wait=5)
        try:
            return await self._answer(request, form)
        except KeeperError as problem:
            log.error("login impossible: %s", problem.sentence)
            return self._page(request, form.get("next", ""), 503, "trouble")

    async def leave(self, request: Request) -> Response:
        if _is_foreign(request):
            return PlainTextResponse("This link came from another site.", 403)
        await self._end_old(request)
        answer = RedirectResponse(f"{self.desk.base}/login", 303, {"Cache-Control": "no-store"})
        answer.headers.append("set-cookie", self.desk.cookie(request, ""))
        return answer

    async def _answer(self, request: Request, form: Mapping[str, str]) -> Response:
        name, wanted = form.get("username", ""), form.get("next", "")
        entry = await anyio.to_thread.run_sync(
            self.desk.doorkeeper.log_in,
            name,
            form.get("password", ""),
            address_of(request),
            request.headers.get("user-agent", ""),
            limiter=self._turnstile,
        )
        if entry.wait > 0:
            return self._page(request, wanted, 429, "wait", name, math.ceil(entry.wait))
        if not entry.token:
            return self._page(request, wanted, 401, "wrong", name)
        await self._end_old(request)
        answer = RedirectResponse(self.desk.target(wanted), 303, {"Cache-Control": "no-store"})
        answer.headers.append("set-cookie", self.desk.cookie(request, entry.token))
        return answer

    async def _end_old(self, request: Request) -> None:
        """What this browser was logged in as before is over, wherever the old cookie was copied to."""
        for token in self.desk.tokens(request):
            await anyio.to_thread.run_sync(self.desk.doorkeeper.log_out, token)

    def _page(
        self, request: Request, wanted: str, status: int = 200, problem: str = "", name: str = "", wait: int = 0
    ) -> Response:
        language = _language(request)
        words, other = WORDS[language], "en" if language == "de" else "de"
        login, chosen = f"{self.desk.base}/login", request.query_params.get("lang") == language
        sentence = words[problem].format(wait=_duration(wait, words)) if problem else ""
        shown = {
            **words,
            "language": language,
            "action": login + (f"?lang={language}" if chosen else ""),
            "next": self.desk.target(wanted),
            "username": name[:80],
            "sentence": sentence,
            "switch": f"{login}?{urlencode({'lang': other, 'next': self.desk.target(wanted)})}",
            "other": other,
            "invalid": "true" if problem == "wrong" else "false",
        }
        safe = {key: html.escape(text, quote=True) for key, text in shown.items()}
        alert = f'<p class="problem" role="alert" id="problem">{safe["sentence"]}</p>' if sentence else ""
        focus = {"focus_name": "" if name else " autofocus", "focus_password": " autofocus" if name else ""}
        body = PAGE.substitute(safe, alert=alert, style=STYLE, logo=LOGO, **focus)
        headers = {**PAGE_HEADERS, "Content-Language": language}
        if status in (429, 503):
            headers["Retry-After"] = str(wait or 5)
        return HTMLResponse(body, status, headers)


def address_of(request: HTTPConnection) -> str:
    """Who is counted: the IPv4 address, or the /64 an IPv6 subscriber owns (he can use any address in it)."""
    host = request.client.host if request.client else "unknown"
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return host[:80]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))


def _is_foreign(request: Request) -> bool:
    """Whether another site made the browser send this. Programs without a browser send neither header."""
    origin = request.headers.get("origin")
    if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return True
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


async def _form(request: Request) -> dict[str, str] | Response:
    """The fields of a small urlencoded form, or the refusal."""
    try:
        with anyio.fail_after(BODY_SECONDS):
            body = await _body(request)
        if body is None:
            return PlainTextResponse("That is too much for a login.", 413)
        fields = parse_qs(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=10)
    except (ValueError, ClientDisconnect, TimeoutError):
        return PlainTextResponse("That is not a login form.", 400)
    return {name: values[0] for name, values in fields.items()}


async def _body(request: Request) -> bytes | None:
    """None when it is too large; the rest of it is never read."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return body


def _language(request: Request) -> str:
    """?lang= wins; then what the browser prefers; then English."""
    asked = request.query_params.get("lang", "")
    if asked in WORDS:
        return asked
    ranked: list[tuple[float, str]] = []
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, quality = part.strip().partition(";q=")
        with suppress(ValueError):
            ranked.append((-float(quality or 1), tag[:2].lower()))
    ranked.sort(key=lambda pair: pair[0])
    return next((tag for weight, tag in ranked if tag in WORDS and weight < 0), "en")


def _duration(seconds: int, words: Mapping[str, str]) -> str:
    amount, unit = (math.ceil(seconds / 60), "minute") if seconds > 90 else (seconds, "second")
    return f"{amount} {words[unit if amount == 1 else unit + 's']}"


WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Sign in",
        "lead": "Sign in to look after your server.",
        "name_label": "User name",
        "password_label": "Password",
        "button": "Sign in",
        "other_name": "Deutsch",
        "wrong": "User name or password is wrong.",
        "wait": "Too many failed attempts. Please try again in {wait}.",
        "crowd": "Many people are signing in right now. Please try again in {wait}.",
        "trouble": "Signing in is not possible right now. The reason is in the log of the service.",
        "second": "second",
        "seconds": "seconds",
        "minute": "minute",
        "minutes": "minutes",
    },
    "de": {
        "title": "Anmelden",
        "lead": "Melde dich an, um nach deinem Server zu sehen.",
        "name_label": "Benutzername",
        "password_label": "Passwort",
        "button": "Anmelden",
        "other_name": "English",
        "wrong": "Benutzername oder Passwort ist falsch.",
        "wait": "Zu viele Fehlversuche. Bitte versuche es in {wait} noch einmal.",
        "crowd": "Gerade melden sich viele an. Bitte versuche es in {wait} noch einmal.",
        "trouble": "Die Anmeldung ist gerade nicht möglich. Der Grund steht im Protokoll des Dienstes.",
        "second": "Sekunde",
        "seconds": "Sekunden",
        "minute": "Minute",
        "minutes": "Minuten",
    },
}

LOGO = (
    '<svg viewBox="0 0 48 48" width="48" height="48" aria-hidden="true" focusable="false">'
    '<path fill="#e5a00d" d="M24 3 42 9.5v13C42 33.6 34.4 41.4 24 45 13.6 41.4 6 33.6 6 22.5v-13z"/>'
    '<path fill="#1b1405" d="M18.5 15.6v16.8c0 .9 1 1.5 1.8 1l13.2-8.4c.7-.5.7-1.5 0-2L20.3 14.6c-.8-.5-1.8.1-1.8 1z"/>'
    "</svg>"
)

STYLE = """
:root{color-scheme:light dark;--page:#f6f5f2;--glow:#fbeccb;--card:#fff;--text:#1c1b18;--soft:#5f5b52;--line:#8b8678;
--edge:#e4e0d6;--field:#fff;--focus:#8a5a00;--bad:#b3261e;--badbg:#fdecea}
@media(prefers-color-scheme:dark){:root{--page:#111215;--glow:#2b2210;--card:#1a1c20;--text:#eeece6;--soft:#aba79c;
--line:#757268;--edge:#2c2e34;--field:#121317;--focus:#f2b632;--bad:#ffb4ab;--badbg:#3a1a17}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100dvh;display:grid;place-items:center;padding:24px 16px;color:var(--text);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
background:radial-gradient(60rem 32rem at 50% -8rem,var(--glow),transparent) var(--page)}
main{width:100%;max-width:380px}
.card{background:var(--card);border:1px solid var(--edge);border-radius:18px;padding:32px 28px;
box-shadow:0 1px 2px rgba(0,0,0,.05),0 16px 40px rgba(0,0,0,.08)}
header{display:flex;align-items:center;gap:14px;margin-bottom:22px}
h1{font-size:1.4rem;line-height:1.2;margin:0;letter-spacing:-.01em}
header svg{flex:none}
header p{margin:2px 0 0;color:var(--soft);font-size:.92rem}
form{display:grid;gap:16px}
label{display:block;font-weight:600;font-size:.9rem;margin-bottom:5px}
input{width:100%;font:inherit;color:inherit;background:var(--field);border:1px solid var(--line);border-radius:10px;
padding:11px 13px}
button{font:inherit;font-weight:700;padding:12px;margin-top:4px;border:0;border-radius:10px;background:#e5a00d;
color:#1b1405;cursor:pointer}
button:hover{background:#f2b632}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px}
.problem{margin:0;padding:10px 13px;border-radius:10px;background:var(--badbg);color:var(--bad);font-weight:600;
font-size:.92rem}
footer{text-align:center;margin-top:18px;font-size:.9rem}
a{display:inline-block;padding:6px 10px;color:var(--soft);border-radius:8px}
@media(max-width:420px){.card{padding:26px 20px}}
"""

PAGE = Template("""<!doctype html>
<html lang="$language"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>$title · Plex Keeper</title><meta name="robots" content="noindex"><link rel="icon" href="data:,">
<style>$style</style></head>
<body><main><div class="card">
<header>$logo<div><h1>Plex Keeper</h1><p>$lead</p></div></header>
<form method="post" action="$action">$alert
<div><label for="username">$name_label</label><input id="username" name="username" value="$username" required
 maxlength="80" autocomplete="username" autocapitalize="none" spellcheck="false"
 aria-invalid="$invalid"$focus_name></div>
<div><label for="password">$password_label</label><input id="password" name="password" type="password" required
 autocomplete="current-password" aria-invalid="$invalid"$focus_password></div>
<input type="hidden" name="next" value="$next"><button>$button</button></form></div>
<footer><a href="$switch" hreflang="$other" lang="$other">$other_name</a></footer></main></body></html>
""")

_STYLE_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
PAGE_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with that, browsers send the form's own POST with 'Origin: null'.
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Language",
}
