"""Chats, mail and push services, through apprise: some 170 of them, each named by an address of apprise's own form.

apprise says only yes or no. Why it was no stands in what it logs, so that is listened to while it works; nothing of it
is shown or stored, because it speaks of addresses. Whatever may have arrived is sent again, with a mark: a message that
comes twice is better than an alarm that is lost.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from keeper.errors import Stopped
from keeper.ports import Clock, Stop
from keeper.rules.types import Answer, Event, Parcel, Receipt, Result, Severity
from keeper.world.outlets.fence import Fence, fenced
from keeper.world.outlets.places import (
    LONGEST_SILENCE,
    OutOfTime,
    bounded,
    fingerprint,
    host_of,
    is_a_host,
    is_near,
    is_plain,
    secrets_of,
    shortened,
)

if TYPE_CHECKING:
    from apprise import NotifyBase

CONNECT, READ = 5.0, 20.0  # seconds, for what apprise does over HTTP
DEADLINE = 60.0  # of one message, pauses that the service wants included
LATE = timedelta(minutes=5)  # after which a message says of when it is
TWICE = "(perhaps sent twice)"
SIGNS = {Severity.INFO: "ℹ️", Severity.WARNING: "⚠️", Severity.ERROR: "🛑"}
TELEGRAM = "telegram"
_LONGEST_NAME = 8  # of a part of an address that is shown as it is

#: What third-party code for 170 services may raise.
BROKEN = (OSError, ValueError, TypeError, LookupError, AttributeError, RuntimeError, ArithmeticError, ImportError)


class TargetRefused(Exception):
    """An address that apprise cannot use; its text is a sentence that does not quote it."""


class ChatOutlet:
    """The Outlet port of one target. apprise is imported when it is first needed."""

    batch, pace = 1, 1.0  # Telegram wants no more than one message a second in a chat
    examined_calls = 0

    def __init__(self, name: str, url: str, clock: Clock, endpoint: str = "", deadline: float = DEADLINE) -> None:
        """`endpoint` = another address of Telegram's interface. `deadline` in seconds."""
        self._name, self._url, self._endpoint = name, url, endpoint
        self._clock, self._deadline = clock, deadline
        self._service: NotifyBase | None = None
        self._under_way = threading.Event()  # a call that was given up on and has not ended yet

    @property
    def name(self) -> str:
        return self._name

    @property
    def label(self) -> str:
        try:
            return label_of(self._plugin())
        except TargetRefused:
            return "a target that cannot be used"

    @property
    def fingerprint(self) -> str:
        return fingerprint(self._name, self._url, self._endpoint)

    @property
    def local(self) -> bool:
        """Where apprise keeps a token as the host, nothing can be told from it."""
        if self._endpoint:
            return is_near(host_of(self._endpoint))
        try:
            host = str(getattr(self._plugin(), "host", "") or "")
        except TargetRefused:
            return False
        return is_near(host) and ("." in host or ":" in host or host == "localhost")

    def send(self, parcels: Sequence[Parcel], stop: Stop) -> Answer:
        """One message for the first of them; `batch` says that there is only one."""
        return Answer(tuple(self._deliver(parcel, stop) for parcel in parcels[: self.batch]), calls=1)

    def examine(self) -> list[tuple[bool | None, str, str]]:
        """Only a message shows whether one arrives; that is not written here."""
        try:
            label = label_of(self._plugin())
        except TargetRefused as problem:
            return [(False, str(problem), "Remove it in the page, and add it again.")]
        mend = f"Send a test: python -m keeper deliver --test {self._name}"
        return [(None, f"{label}: whether messages arrive shows when one is sent.", mend)]

    # ------------------------------------------------------------------ one message

    def _deliver(self, parcel: Parcel, stop: Stop) -> Receipt:
        if self._under_way.is_set():
            return Receipt(parcel.id, Result.LATER, "An earlier message is still under way.")
        try:
            service = self._plugin()
        except TargetRefused as problem:
            return Receipt(parcel.id, Result.BLOCKED, str(problem))
        title, body = self._text(service, parcel)
        self._under_way.set()
        fence = Fence()
        try:
            said = bounded(
                lambda: self._notify(service, fence, parcel.event, title, body), self._deadline, self._clock, stop
            )
        except Stopped:
            fence.shut()
            raise
        except OutOfTime:
            fence.shut()
            return Receipt(parcel.id, Result.UNCERTAIN, f"No answer within {self._deadline:g} s.")
        except BROKEN as problem:
            why = f"{service.service_name} broke with a {type(problem).__name__}; it may have been sent."
            return Receipt(parcel.id, Result.UNCERTAIN, why)
        return Receipt(parcel.id, said.result, said.why, after=said.after)

    def _notify(self, service: NotifyBase, fence: Fence, event: Event, title: str, body: str) -> Said:
        from apprise import Apprise, NotifyFormat, NotifyType

        kinds = {Severity.WARNING: NotifyType.WARNING, Severity.ERROR: NotifyType.FAILURE}
        kind = kinds.get(event.severity, NotifyType.INFO)
        try:
            with listening() as lines, fenced(fence):
                messenger = Apprise(service, asset=service.asset)  # it makes text of what only looks like markup
                done = messenger.notify(body=body, title=title, notify_type=kind, body_format=NotifyFormat.TEXT)
        finally:
            self._under_way.clear()
        return Said(Result.DONE) if done else verdict(str(service.service_name), lines)

    def _text(self, service: NotifyBase, parcel: Parcel) -> tuple[str, str]:
        """(title, body), not longer than what the service takes."""
        event = parcel.event
        title = shortened(f"{SIGNS[event.severity]} {event.kind}", service.title_maxlen or 250)
        notes = [TWICE] if parcel.uncertain else []
        if self._clock.now() - event.at > LATE:
            notes.insert(0, f"(of {event.at.astimezone(self._clock.local_zone()):%Y-%m-%d %H:%M})")
        end = "".join(f"\n{note}" for note in notes)
        room = service.body_maxlen - len(end) - 2 * len(title) - 8  # where a title has no place it goes into the body
        return title, shortened(event.message, max(40, room)) + end

    def _plugin(self) -> NotifyBase:
        if self._service is None:
            service = instantiate(self._url)
            if self._endpoint:
                setattr(service, "notify_url", f"{self._endpoint.rstrip('/')}/bot")  # noqa: B010 - of Telegram's alone
            self._service = service
        return self._service


# ---------------------------------------------------------------------------- targets


def telegram_url(token: str, chat_id: str) -> str:
    return f"tgram://{token}/{chat_id}/"


def chat_name(url: str, digits: int = 4) -> str:
    return f"chat-{fingerprint(url)[:digits]}"


def instantiate(url: str) -> NotifyBase:
    """The service behind an address. Raises TargetRefused."""
    import apprise

    _silence()
    asset = apprise.AppriseAsset(
        app_id="Plex Keeper", app_desc="Plex Keeper", app_url="", image_url_mask="", image_url_logo="",
        async_mode=False, service_timeout=0, interpret_emojis=False, interpret_escapes=False, http_redirects=False,
    )  # fmt: skip
    try:
        service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    except BROKEN:
        service = None
    if service is None:
        raise TargetRefused(_why_refused(url))
    if not service.enabled:
        raise TargetRefused(f"{service.service_name} needs a package that is not installed here.")
    service.retry = 0  # tries and their pauses are kept in the data file
    service.optional = False  # else a failure would count as a success
    if len(service) > 1:
        raise TargetRefused("That address names several receivers. Add each of them by itself.")
    service.redirects = False  # whatever the address says
    service.socket_connect_timeout, service.socket_read_timeout = CONNECT, READ
    return service


def _why_refused(url: str) -> str:
    import apprise

    scheme, separator, _ = url.strip().partition("://")
    if not separator:
        return "That is no address of a service: it begins with the service's name, such as tgram://, mailto:// or ntfy://."
    known = {word for each in apprise.Apprise().details()["schemas"] for word in _schemes(each)}
    if scheme.lower() not in known:
        return f"No service is called {scheme[:20]!r}. The list: https://github.com/caronc/apprise/wiki"
    return f"The address is not complete: it lacks something that {scheme[:20]}:// needs, or has it in the wrong place."


def _schemes(details: dict[str, object]) -> Iterator[str]:
    for key in ("protocols", "secure_protocols"):
        words = details.get(key)
        if isinstance(words, list | tuple | set | frozenset):
            yield from map(str, words)


def label_of(service: NotifyBase) -> str:
    """'Telegram (tgram://7...e/4...1)': apprise's masked form, of which longer parts are masked once more."""
    return f"{service.service_name} ({_masked(service)})"


def _masked(service: NotifyBase) -> str:
    address = str(service.url(privacy=True)).partition("?")[0].rstrip("/")  # type: ignore[no-untyped-call]
    scheme, _, rest = address.partition("://")
    place, *path = rest.split("/")
    who, at, where = place.rpartition("@")
    user, colon, password = who.partition(":")
    if not is_plain(user):
        user = _veiled(user)
    where = _place(where, always_a_host=all("{host}" in str(each) for each in service.templates or ("",)))
    return f"{scheme}://{'/'.join([user + colon + password + at + where, *map(_veiled, filter(None, path))])}"


def _place(where: str, always_a_host: bool) -> str:
    """Where others have the name of a computer, some services have a key, or a topic that only friends know."""
    if is_a_host(where) or (always_a_host and is_plain(where)):
        return where
    return _veiled(where)


def _veiled(part: str) -> str:
    return part if len(part) <= _LONGEST_NAME and not part.lstrip("-").isdecimal() else f"{part[0]}...{part[-1]}"


def secrets_in(url: str) -> list[str]:
    """What of an address must never be shown, as far as apprise understands it."""
    try:
        masked = _masked(instantiate(url))
    except TargetRefused:
        masked = ""
    return list(secrets_of(url, masked))


# ---------------------------------------------------------------------------- why it was no


class Said(NamedTuple):
    """What an answer of apprise means."""

    result: Result
    why: str = ""
    after: float | None = None


_STATUS = re.compile(r"error[=:] ?\(?(\d{3})\b|\(?\bstatus(?:_code)?[=: ]+(\d{3})\b")
_AFTER = re.compile(r"retry[_ -]after\W{1,6}(\d+(?:\.\d+)?)", re.IGNORECASE)
_NEVER_SENT = re.compile(
    r"NewConnectionError|ConnectTimeout|connect timeout|Connection refused|Failed to resolve|NameResolution|"
    r"Name or service not known|Temporary failure in name|nodename nor servname|No route to host|unreachable",
    re.IGNORECASE,
)
_NOT_TRUSTED = re.compile(r"CERTIFICATE_VERIFY_FAILED")
_LOGIN = re.compile(r"\(?\b53[045]\b|authentication failed|Unauthorized", re.IGNORECASE)
_NO_SUCH_CHAT = re.compile(
    r"chat not found|bot was (?:blocked|kicked)|user is deactivated|not a member|not enough rights|channel_not_found|"
    r"no_such|invalid_auth|unknown (?:channel|webhook)",
    re.IGNORECASE,
)


def verdict(service: str, lines: Sequence[str]) -> Said:
    """From what was said while a message was not taken. The words are never handed on, they may hold anything."""
    text = "\n".join(lines)
    statuses = [int(first or second) for first, second in _STATUS.findall(text)]
    if statuses:
        return _by_status(service, statuses[-1], text)
    if "raised an exception" in text:
        return Said(Result.UNCERTAIN, f"{service} broke; it may have been sent.")
    if "Socket Exception" in text:
        return _by_line(service, text)
    if _LOGIN.search(text):
        return Said(Result.BLOCKED, f"{service} does not accept the login. Remove the target and add it anew.")
    return Said(Result.LATER, f"{service} did not take it, and does not say why.")


def _by_status(service: str, status: int, text: str) -> Said:
    found = _AFTER.search(text)
    after = min(float(found[1]), LONGEST_SILENCE) if found else None
    if status in (401, 403, 404, 410) or (status in (400, 422) and _NO_SUCH_CHAT.search(text)):
        return Said(Result.BLOCKED, f"{service} {_meaning(status)} (status {status}). Correct token and address.")
    if status in (429, 503):
        return Said(Result.LATER, f"{service} has no time just now (status {status}).", after)
    if status == 408 or status >= 500:
        return Said(Result.UNCERTAIN, f"{service} is in trouble (status {status}); it may have taken it.", after)
    if status < 400:
        return Said(Result.LATER, f"Somebody else answers for {service} (status {status}): a login page?")
    return Said(Result.REFUSED, f"{service} does not take this message (status {status}).")


def _meaning(status: int) -> str:
    words = {401: "does not accept the token", 403: "forbids it", 404: "does not know this target or token"}
    return words.get(status, "does not know this receiver")


def _by_line(service: str, text: str) -> Said:
    if _NOT_TRUSTED.search(text):
        return Said(Result.LATER, f"The certificate shown for {service} is not valid.")
    if _NEVER_SENT.search(text) and "Read timed out" not in text:
        return Said(Result.LATER, f"{service} cannot be reached: no connection.")
    if _LOGIN.search(text):
        return Said(Result.BLOCKED, f"{service} does not accept the login. Remove the target and add it anew.")
    return Said(Result.UNCERTAIN, f"{service} broke off or did not answer in time; it may have taken it.")


#: Of what is said for debugging; the rest quotes the message itself, in which anything may stand.
_TELLING = ("Socket Exception", "Response Details")


class _Ear(logging.Handler):
    """Keeps what one thread logs."""

    def __init__(self, keep: Callable[[str], None]) -> None:
        super().__init__(logging.DEBUG)
        self._keep, self._thread = keep, threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage() if record.thread == self._thread else ""
        if message and (record.levelno >= logging.WARNING or message.startswith(_TELLING)):
            self._keep(message[:2000])


@contextlib.contextmanager
def listening() -> Iterator[list[str]]:
    """What apprise logs in this thread meanwhile."""
    lines: list[str] = []
    ear, logger = _Ear(lines.append), logging.getLogger("apprise")
    logger.addHandler(ear)
    try:
        yield lines
    finally:
        logger.removeHandler(ear)


def _silence() -> None:
    """apprise's own lines go to nobody but us: they quote addresses, and without a handler they end on the terminal."""
    logger = logging.getLogger("apprise")
    logger.setLevel(logging.DEBUG)
    if logger.propagate:
        logger.propagate = False
        logger.addHandler(logging.NullHandler())
