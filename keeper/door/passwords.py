"""Passwords: hashed and compared by streamlit-authenticator's Hasher (bcrypt), made up when none was given."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from keeper.errors import PasswordRefused

if TYPE_CHECKING:
    from streamlit_authenticator.utilities.hasher import Hasher

MAX_BYTES = 72  # bcrypt reads no further: what comes after would not count
SHORTEST = 8


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


def hasher() -> type[Hasher]:
    """streamlit-authenticator's Hasher, imported when first needed: the import takes half a second."""
    with _hushed():
        from streamlit_authenticator.utilities.hasher import Hasher
    return Hasher


def hashed(password: str) -> str:
    """The bcrypt hash. Raises PasswordRefused for what bcrypt cannot keep."""
    if not password:
        raise PasswordRefused("The password is empty.", "password_empty")
    if len(password.encode()) > MAX_BYTES:
        raise PasswordRefused(f"The password is longer than {MAX_BYTES} bytes. Choose a shorter one.", "password_long")
    return hasher().hash(password)


def newly_chosen(password: str) -> str:
    """The bcrypt hash of what a person chose. Raises PasswordRefused for what a person should not choose, too."""
    if password and len(password) < SHORTEST:
        raise PasswordRefused(
            f"A password needs at least {SHORTEST} characters; nothing was changed.", "password_short"
        )
    return hashed(password)


def is_right(hashes: Mapping[str, str], username: str, password: str) -> bool:
    """Takes the same time for a stranger, a wrong and an over-long password: one bcrypt of the same cost."""
    nobody = next(iter(hashes.values()))[:7] + "." * 53
    raw = password.encode()
    shortened = raw[:MAX_BYTES].decode(errors="ignore")
    matches = hasher().check_pw(shortened, hashes.get(username, nobody))
    return matches and username in hashes and len(raw) <= MAX_BYTES


def made_up() -> str:
    """Twenty characters that cannot be mistaken for one another when copied from a terminal by hand: 99 bits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))
