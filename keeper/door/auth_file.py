"""auth.yaml: who exists and the key of their cookies, in the format of streamlit-authenticator.

Private from its first byte, written all or nothing, read again when somebody changed it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import shlex
import stat
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from keeper.config import Settings
from keeper.errors import AuthFileError, SettingsError

log = logging.getLogger(__name__)

MIN_KEY_LENGTH = 32  # a shorter key can be guessed offline from one token
USERNAME = re.compile(r"[a-z0-9ß-öø-ÿ._@+-]{1,80}")  # what a Latin-1 header can carry
_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1\d|2\d|3[01])\$[./A-Za-z0-9]{53}")
_OR_NEW = "or remove the file and start again: a new one is made, with GUI_PASSWORD if that is set."
_COOKIE_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


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
        _write(self.path, {"credentials": {"usernames": users}, "cookie": cookie}, first=True)

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
    if found.st_uid != os.geteuid():
        raise AuthFileError(
            f"{path} belongs to another user (uid {found.st_uid}), who could change who may come in. "
            f"Run: chown {os.geteuid()} {shlex.quote(str(path))}"
        )
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
    if not USERNAME.fullmatch(lowered):
        raise AuthFileError(f"In {path}, the user name {str(name)[:80]!r} may hold letters, digits and . _ @ + - only.")
    return lowered


def _hash(name: object, entry: object, path: Path) -> str:
    hashed = entry.get("password") if isinstance(entry, dict) else None
    if not isinstance(hashed, str) or not _BCRYPT.fullmatch(hashed):
        raise AuthFileError(
            f"In {path}, the password of {str(name)[:80]!r} is not a bcrypt hash. Put one there, {_OR_NEW}"
        )
    return hashed


def _claim(path: Path) -> None:
    """Makes the empty file, private, which only one of two programs can. Raises FileExistsError, OSError."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _write(path: Path, document: Mapping[str, Any], first: bool = False) -> None:
    """All or nothing, and private from the first byte: mkstemp makes the file 0600, the rename is atomic.

    `first`: of two programs that start for the first time at once, one writes the file and the other gets the error.
    """
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
        if first:
            _claim(path)
        os.replace(temporary, path)
    except FileExistsError:
        os.unlink(temporary)
        raise AuthFileError(f"{path} was made by another program a moment ago. Start again.") from None
    except OSError as problem:
        with suppress(OSError):
            os.unlink(temporary)
        raise AuthFileError(f"{path} cannot be written ({problem.strerror}). Mount its folder, not the file.") from None
