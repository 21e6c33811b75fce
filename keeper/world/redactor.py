"""What must never be written or shown, found in any of the forms in which it could turn up, and blackened."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import threading
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any
from urllib.parse import quote, quote_plus

from keeper.rules import types

MASK = "***"
SHORTEST = 4
SHORTEST_NUMBER = 8  # a PIN is a part of too many dates and sizes
SHORTEST_BASE64 = 8
_ENUMS = [kind for kind in vars(types).values() if isinstance(kind, type) and issubclass(kind, StrEnum)]
#: Words our own sentences are made of. Blackening one would make the logs unreadable, and tell what the word is.
OUR_WORDS = {
    "admin", "changeme", "false", "keeper", "localhost", "none", "null", "password", "plex", "secret", "token", "true",
    "your-token", *(word.value for kind in _ENUMS for word in kind),
}  # fmt: skip
_TOKEN_IN_TEXT = re.compile(
    r"(?i)(x-plex-token[\"']?(?:[=:]|%3d)\s*[\"']?|authtoken[\"']?[=:]\s*[\"']?|token=)[^\s&\"'<>,]+"
)
_NOT_FORMATTED = (TypeError, ValueError, LookupError, AttributeError)


def can_be_hidden(secret: str) -> bool:
    """Not what is too short or too common: an 'admin' or '1' that is missing everywhere hides nothing."""
    enough = SHORTEST_NUMBER if secret.isdecimal() else SHORTEST
    return len(secret) >= enough and secret.lower() not in OUR_WORDS


def spellings(secret: str) -> set[str]:
    """The secret as it is, in an address, in JSON, in a Python literal and in HTML."""
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    in_address = {quote(raw := _raw(secret)), quote(raw, safe=""), quote_plus(raw)}
    small = {re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in in_address}
    return {secret, html.escape(secret), html.escape(secret, quote=False), *escaped, *in_address, *small}


def _raw(text: str) -> bytes:
    """Half a character, as a file may hold it, must not keep the rest from being hidden."""
    return text.encode("utf-8", "surrogatepass")


def encodings(secret: str) -> Iterator[str]:
    """The secret in base64: alone, and what is certain of it wherever it stands in a longer text."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        raw = _raw(secret)
        yield encode(raw).decode()
        for before in range(3):
            bits = 8 * (before + len(raw))
            certain = encode(b"\0" * before + raw).decode()[-(-8 * before // 6) : bits // 6]
            if len(certain) >= SHORTEST_BASE64:
                yield certain


class Redactor:
    """Replaces known secrets, and whatever looks like a Plex token."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._hidden: set[str] = set()
        self._learning = threading.Lock()
        self._known, self._bytes = re.compile(r"(?!)"), list[bytes]()
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """From now on these are hidden as well: secrets that a person adds while the program runs."""
        with self._learning:
            fresh = {secret for secret in secrets if can_be_hidden(secret)} - self._hidden
            if fresh:
                self._prepare(self._hidden | fresh)
                self._hidden |= fresh

    def _prepare(self, hidden: Iterable[str]) -> None:
        spelt = {form for secret in hidden for form in spellings(secret)}
        encoded = {form for secret in hidden for form in encodings(secret)}
        # The longest first: one secret may be a part of another.
        self._known = re.compile("|".join(map(re.escape, sorted(spelt | encoded, key=len, reverse=True))) or r"(?!)")
        self._bytes = [_raw(form) for form in sorted(spelt, key=len, reverse=True)]

    def clean(self, text: str) -> str:
        text = self._known.sub(MASK, text)
        return _TOKEN_IN_TEXT.sub(r"\1" + MASK, text) if "token" in text.lower() else text

    def clean_bytes(self, body: bytes) -> bytes:
        """The same for an answer as it came, quickly and only for what is known: nothing but the secret changes."""
        for form in self._bytes:
            body = body.replace(form, MASK.encode())
        return body

    def record(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """The record factory of `logging`: whatever is logged, by whomever and to whichever handler, is born clean."""
        record = logging.LogRecord(*args, **kwargs)
        self._clean_message(record)
        self._clean_traces(record)
        return record

    def _clean_message(self, record: logging.LogRecord) -> None:
        try:
            if self.clean(said := record.getMessage()) == said:
                return
            if isinstance(record.args, tuple):  # kept one by one: uvicorn's formatter looks into them
                record.args = tuple(self.clean(part) if isinstance(part, str) else part for part in record.args)
            if self.clean(said := record.getMessage()) != said:
                record.msg, record.args = self.clean(said), None
        except _NOT_FORMATTED:  # logging itself would print message and arguments as they are
            record.msg, record.args = self.clean(f"{record.msg} {record.args}"), None

    def _clean_traces(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            trace = logging.Formatter().formatException(record.exc_info)
            record.exc_text = self.clean(trace)
            if record.exc_text != trace:
                record.exc_info = None  # a handler that formats by itself must not see it either
        if record.stack_info:
            record.stack_info = self.clean(record.stack_info)
