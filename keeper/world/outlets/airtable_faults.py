"""What a failed call to Airtable means: whether something may have arrived, whom it concerns, and what a person can do.

No sentence quotes an exception: those of requests carry addresses and headers.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from keeper.rules.types import Result
from keeper.world.outlets.places import seconds_of, tidy

SILENCE = 30.0  # seconds that Airtable wants after a 429; it says so in its documents, not in its answers
QUOTA_SILENCE = 3600.0
QUOTA = "PUBLIC_API_BILLING_LIMIT_EXCEEDED"
EVENT_ID = "Event ID"
#: The fields of the older watchdog's base, and the type with which each is best created.
NEEDED = {
    "Name": "single line text",
    "Time": "single line text",
    "Message": "long text",
    "Script": "single line text",
}


class About(StrEnum):
    """Whom a fault concerns."""

    CALL = "call"  # every call
    FIELD = "field"  # the table has no field of that name
    VALUE = "value"  # a field of the table does not take a value: all of them, or only this one
    RECORD = "record"  # one of the records, if there are several
    METHOD = "method"  # this way of writing is not known there


class Fault(NamedTuple):
    """`calls` = how many the service counts for it; `after` = seconds of silence that it asks for."""

    result: Result
    why: str
    calls: int = 0
    after: float | None = None
    about: About = About.CALL
    field: str = ""


class Failed(Exception):
    """A call that did not do what it should."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.why)
        self.fault = fault


TOKEN_WRONG = Fault(
    Result.BLOCKED,
    "Airtable does not accept the token. Make a new one at airtable.com/create/tokens and put it into AIRTABLE_TOKEN.",
)
GARBLED = Fault(Result.UNCERTAIN, "Something answered for Airtable that could not be read.", calls=1)
SILENT = Fault(Result.UNCERTAIN, "Airtable did not answer in time; the events may have arrived all the same.", calls=1)
CUT = Fault(
    Result.UNCERTAIN, "The connection to Airtable broke off; the events may have arrived all the same.", calls=1
)
NO_WAY = Fault(Result.LATER, "Airtable cannot be reached: no connection.")
NO_NAME = Fault(Result.LATER, "Airtable cannot be reached: its name is not known to the name servers.")
REFUSED = Fault(Result.LATER, "Airtable cannot be reached: the connection was refused.")
NO_PROXY = Fault(Result.LATER, "Airtable cannot be reached: the proxy of this machine does not let it through.")
NOT_TRUSTED = Fault(
    Result.LATER,
    "The certificate shown for Airtable is not valid: the clock of this machine is wrong, or somebody else answers.",
)
REDIRECTED = Fault(Result.LATER, "Somebody else answers for Airtable (a login page of the network?).")
BAD_ADDRESS = Fault(
    Result.BLOCKED, "AIRTABLE_ENDPOINT_URL is no address. Leave it empty, or write something like https://host."
)
BAD_TOKEN = Fault(Result.BLOCKED, "AIRTABLE_TOKEN has characters that no token has. Copy it once more, as a whole.")

_PLAIN: tuple[tuple[type[Exception], Fault], ...] = (  # the first one that fits counts
    (requests.exceptions.ConnectTimeout, NO_WAY),
    (requests.exceptions.Timeout, SILENT),
    (requests.exceptions.TooManyRedirects, REDIRECTED),
    (requests.exceptions.InvalidHeader, BAD_TOKEN),
    (requests.exceptions.JSONDecodeError, GARBLED),
    (requests.exceptions.InvalidURL, BAD_ADDRESS),
    (requests.exceptions.MissingSchema, BAD_ADDRESS),
    (requests.exceptions.InvalidSchema, BAD_ADDRESS),
    (requests.exceptions.RequestException, CUT),
    (UnicodeError, BAD_TOKEN),
)


def fault_of(problem: Exception, table: str, now: datetime) -> Fault:
    """Of whatever pyairtable and requests raise. What is none of theirs was raised while reading the answer."""
    if isinstance(problem, Failed):
        return problem.fault
    if isinstance(problem, requests.exceptions.HTTPError) and problem.response is not None:
        return _answered(problem.response, table, now)
    if isinstance(problem, requests.exceptions.ConnectionError) and (never := _never_sent(problem)):
        return never
    return next((fault for kind, fault in _PLAIN if isinstance(problem, kind)), GARBLED)


def _never_sent(problem: requests.exceptions.ConnectionError) -> Fault | None:
    """When the connection did not even come about; None = it cannot be told."""
    inner = problem.args[0] if problem.args else None
    reason, said = getattr(inner, "reason", inner), str(problem)
    if isinstance(problem, requests.exceptions.SSLError):
        return NOT_TRUSTED if "CERTIFICATE_VERIFY_FAILED" in said or "WRONG_VERSION_NUMBER" in said else None
    if isinstance(problem, requests.exceptions.ProxyError):
        return NO_PROXY
    if not isinstance(reason, NewConnectionError | ConnectTimeoutError):
        return None
    if "refused" in said:
        return REFUSED
    return NO_NAME if "resolve" in said else NO_WAY


def _answered(response: requests.Response, table: str, now: datetime) -> Fault:
    status, (kind, message) = response.status_code, _said(response)
    if status == 401:
        return TOKEN_WRONG
    if status == 403:
        return _forbidden(table)
    if status in (404, 405, 501):
        return _unknown_there(status, table)
    if status == 429:
        return _too_many(kind, response.headers.get("Retry-After", ""), now)
    if status in (400, 413, 422):
        return _not_taken(kind, message, table)
    if status >= 500:
        return Fault(Result.UNCERTAIN, f"Airtable is in trouble (status {status}); it may have stored it.", calls=1)
    return Fault(Result.BLOCKED, f"Airtable refuses the events (status {status}{_quote(message)}).", calls=1)


def _said(response: requests.Response) -> tuple[str, str]:
    """(type, message) of Airtable's four ways of saying what is wrong."""
    try:
        body: Any = response.json()
    except ValueError:
        return "", ""
    error = body.get("error", body.get("errors")) if isinstance(body, dict) else None
    if isinstance(error, list):
        error = error[0] if error else None
    if isinstance(error, dict):
        return str(error.get("type") or error.get("error") or ""), str(error.get("message") or "")
    return str(error or ""), ""


def _forbidden(table: str) -> Fault:
    return Fault(
        Result.BLOCKED,
        f"The token may not use the table '{table}', or there is none in this base. Give the token the scopes "
        "data.records:write and data.records:read and access to the base at airtable.com/create/tokens, and compare "
        "AIRTABLE_BASE and AIRTABLE_TABLE.",
    )


def _unknown_there(status: int, table: str) -> Fault:
    sentence = (
        f"Airtable does not know the base or its table '{table}' (status {status}). Compare AIRTABLE_BASE (it begins "
        "with 'app') and AIRTABLE_TABLE with the address of the table in your browser."
    )
    return Fault(Result.BLOCKED, sentence, about=About.METHOD)


def _too_many(kind: str, retry_after: str, now: datetime) -> Fault:
    if kind == QUOTA:
        sentence = (
            "Airtable's monthly number of calls is used up. What waits is sent when it begins anew, or after a change "
            "to a larger plan."
        )
        return Fault(Result.LATER, sentence, after=max(QUOTA_SILENCE, _seconds(retry_after, now)))
    silence = max(SILENCE, _seconds(retry_after, now))
    return Fault(Result.LATER, f"Airtable asks for {silence:.0f} s of silence.", calls=1, after=silence)


def _seconds(retry_after: str, now: datetime) -> float:
    return seconds_of(retry_after, now) or 0.0


def _not_taken(kind: str, message: str, table: str) -> Fault:
    field = _field_in(message)
    if kind == "UNKNOWN_FIELD_NAME":
        return missing_fields(table, [field] if field else sorted(NEEDED), calls=1)
    if kind == "INVALID_FILTER_BY_FORMULA":  # ours speaks of these two alone
        return missing_fields(table, ["Name", "Time"], calls=1)
    if kind == "INVALID_VALUE_FOR_COLUMN":
        return unusable_field(table, field, calls=1)
    if kind == "INVALID_MULTIPLE_CHOICE_OPTIONS":
        return unusable_field(table, "Name", calls=1)
    if "limit" in message.lower() and "record" in message.lower():
        sentence = f"The base is full{_quote(message)}. Delete old records of '{table}', or change to a larger plan."
        return Fault(Result.BLOCKED, sentence, calls=1)
    sentence = f"Airtable does not take this event{_quote(message or kind)}."
    return Fault(Result.REFUSED, sentence, calls=1, about=About.RECORD)


def missing_fields(table: str, fields: list[str], calls: int = 0) -> Fault:
    """BLOCKED with what to create."""
    wanted = ", ".join(f"'{name}' ({NEEDED.get(name, 'single line text')})" for name in fields)
    sentence = f"The table '{table}' lacks a field. Create in Airtable: {wanted}."
    return Fault(Result.BLOCKED, sentence, calls, about=About.FIELD, field=fields[0])


def unusable_field(table: str, field: str, calls: int = 0) -> Fault:
    kind = NEEDED.get(field, "single line text")
    sentence = f"The field '{field}' of the table '{table}' does not take the value. Change its type to {kind}."
    return Fault(Result.BLOCKED, sentence, calls, about=About.VALUE, field=field)


def _field_in(message: str) -> str:
    """'Unknown field name: "Time"' -> Time."""
    found = re.search(r'"+([^"]+)"', message)
    return found[1] if found else ""


def _quote(message: str) -> str:
    said = tidy(message, 200)
    return f": {said}" if said else ""
