"""A signed JSON message for each event, to an address of the owner's own.

The receiver checks `X-Keeper-Signature: sha256=<hex>`, the HMAC-SHA256 of "<X-Keeper-Timestamp>.<body>" with the
shared secret, and knows by `Idempotency-Key` what it has received before: what may have arrived is sent again with it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from keeper.errors import Stopped
from keeper.ports import Clock, Stop
from keeper.rules.types import Answer, Event, Parcel, Receipt, Result
from keeper.world.http import CuttableAdapter
from keeper.world.outlets.fence import Fence
from keeper.world.outlets.places import OutOfTime, bounded, fingerprint, host_of, is_near, seconds_of

log = logging.getLogger(__name__)

TIMES = (5.0, 20.0)  # seconds to connect, and between two bytes of the answer
DEADLINE = 30.0  # of a whole call
BEHIND = "It waits behind the one before."
PACE = 0.2  # seconds between two calls, in somebody else's house
ENOUGH = 4096  # of the answer's body is read, so that the connection can be used again
BLOCKED = {
    401: "the receiver does not accept the message (401). Check WEBHOOK_SECRET, and what it wants in WEBHOOK_URL.",
    403: "the receiver forbids it (403). Check its rights and WEBHOOK_URL.",
    404: "there is nothing at that address (404). Check WEBHOOK_URL.",
    410: "the receiver is gone for good (410). Put a new WEBHOOK_URL.",
}


class WebhookOutlet:
    """The Outlet port over HTTP."""

    name = "webhook"
    examined_calls = 0
    batch = 25  # sent one by one, but written down together: what lasts through a power cut costs a flush each

    def __init__(self, url: str, secret: str, store_id: str, clock: Clock, deadline: float = DEADLINE) -> None:
        self._url, self._secret, self._store_id = url, secret, store_id
        self._clock, self._deadline = clock, deadline
        self._host = host_of(url)
        self._session: requests.Session | None = None
        self._fence = Fence()
        self._call_at = 0.0  # monotonic: not before then

    @property
    def label(self) -> str:
        return f"Webhook ({self._host})"

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.name, self._url, self._secret)

    @property
    def local(self) -> bool:
        return is_near(self._host)

    @property
    def pace(self) -> float:
        return 0.0 if self.local else PACE

    def send(self, parcels: Sequence[Parcel], stop: Stop) -> Answer:
        """One call for each, in their order. Behind one that did not arrive nothing else is tried. Stopped on the way,
        it tells of those that were finished; the one under way and the rest have no receipt."""
        receipts: list[Receipt] = []
        for parcel in parcels:
            if receipts and receipts[-1].result not in (Result.DONE, Result.REFUSED):
                receipts.append(replace(_behind(receipts[-1]), parcel=parcel.id))
            else:
                try:
                    receipts.append(self._in_turn(parcel, stop))
                except Stopped:
                    if not receipts:
                        raise
                    break
        return Answer(tuple(receipts), calls=sum(receipt.why != BEHIND for receipt in receipts))

    def examine(self) -> list[tuple[bool | None, str, str]]:
        """Whether it is taken shows when something is sent: a webhook can be asked nothing."""
        mend = "Send a test: python -m keeper deliver --test webhook"
        return [(None, f"{self.label}: whether it takes messages shows when one is sent.", mend)]

    # ------------------------------------------------------------------ one call

    def _in_turn(self, parcel: Parcel, stop: Stop) -> Receipt:
        stop.check()
        left = self._call_at - self._clock.monotonic()
        if left > 0:
            stop.wait(left)
        self._call_at = self._clock.monotonic() + self.pace
        return self._deliver(parcel, stop)

    def _deliver(self, parcel: Parcel, stop: Stop) -> Receipt:
        body = json.dumps(self._document(parcel.event), ensure_ascii=False).encode("utf-8", "replace")
        headers = self._headers(parcel.event, body)
        session = self._session = self._session or self._open()
        try:
            status, after = bounded(lambda: self._post(session, body, headers), self._deadline, self._clock, stop)
        except OutOfTime:
            self._give_up()
            return Receipt(parcel.id, Result.UNCERTAIN, f"No complete answer within {self._deadline:g} s.")
        except Stopped:
            self._give_up()
            raise
        except requests.exceptions.RequestException as problem:
            return Receipt(parcel.id, *_unanswered(problem))
        return _receipt(parcel.id, status, seconds_of(after, self._clock.now()))

    def _give_up(self) -> None:
        """The call under way ends with its connection; the next one gets a session of its own."""
        self._fence.shut()
        self._session, self._fence = None, Fence()

    def _document(self, event: Event) -> dict[str, Any]:
        return {
            "event": event.id, "store": self._store_id, "at": event.at.isoformat(timespec="milliseconds"),
            "kind": event.kind, "severity": event.severity.value, "message": event.message, "data": dict(event.data),
        }  # fmt: skip

    def _headers(self, event: Event, body: bytes) -> dict[str, str]:
        at = str(int(self._clock.now().timestamp()))
        return {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Plex-Keeper",
            "Idempotency-Key": f"{self._store_id}-{event.id}",
            "X-Keeper-Timestamp": at,
            "X-Keeper-Signature": f"sha256={signature(self._secret, at, body)}",
        }

    def _open(self) -> requests.Session:
        session = requests.Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, CuttableAdapter(self._fence))
        session.trust_env = not self.local  # a proxy of the environment is no way to one's own house
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.auth = _as_it_is
        return session

    def _post(self, session: requests.Session, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        response = session.post(
            self._url, data=body, headers=headers, timeout=TIMES, allow_redirects=False, stream=True
        )
        _read_some(response)
        return response.status_code, response.headers.get("Retry-After", "")


def _behind(receipt: Receipt) -> Receipt:
    """What becomes of those that wait behind one that did not arrive."""
    if receipt.result is Result.BLOCKED or receipt.why == BEHIND:
        return receipt
    return Receipt(receipt.parcel, Result.LATER, BEHIND, after=receipt.after)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What the receiver computes as well, in hex."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Without it, requests would add a password from the service user's .netrc."""
    return request


def _read_some(response: requests.Response) -> None:
    """An answer that has ended leaves the connection open for the next call; a long one is not waited for, and one that
    breaks off has told its status."""
    size = 0
    try:
        for part in response.iter_content(ENOUGH):
            size += len(part)
            if size > ENOUGH:
                break
        else:
            return
    except requests.exceptions.RequestException as problem:
        log.debug("the answer of the webhook broke off: %s", type(problem).__name__)
    response.close()


def _receipt(parcel: int, status: int, after: float | None) -> Receipt:
    """What a status means for this event and the next ones."""
    if 200 <= status < 300:
        return Receipt(parcel, Result.DONE)
    if status in BLOCKED:
        return Receipt(parcel, Result.BLOCKED, BLOCKED[status])
    if status in (429, 503):
        return Receipt(parcel, Result.LATER, f"The receiver has no time just now (status {status}).", after=after)
    if status == 408 or status >= 500:
        why = f"The receiver is in trouble (status {status}); it may have taken it."
        return Receipt(parcel, Result.UNCERTAIN, why, after=after)
    if 300 <= status < 400:
        return Receipt(parcel, Result.LATER, f"The receiver leads to another address (status {status}): is it right?")
    return Receipt(parcel, Result.REFUSED, f"The receiver does not take this event (status {status}).")


def _unanswered(problem: requests.exceptions.RequestException) -> tuple[Result, str]:
    """Whether something may have arrived, and a sentence that quotes no address."""
    inner = problem.args[0] if problem.args else None
    reason, said = getattr(inner, "reason", inner), str(problem)
    if isinstance(problem, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in said:
        return Result.LATER, "The receiver's certificate is not valid."
    if isinstance(problem, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return Result.BLOCKED, "WEBHOOK_URL is no address that can be called."
    if isinstance(problem, requests.exceptions.ProxyError):
        return Result.LATER, "The proxy of this machine does not let it through."
    if isinstance(reason, NewConnectionError | ConnectTimeoutError):
        return Result.LATER, "The receiver cannot be reached: no connection."
    return Result.UNCERTAIN, "The connection broke off before the receiver had answered."
