"""The wire to Airtable: pyairtable's calls, never too many of them in a second, each of which can be ended."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import requests

from keeper.ports import Clock, Stop
from keeper.world.http import BRAKE_EVERY, Answer
from keeper.world.loopback import is_loopback
from keeper.world.outlets.airtable_faults import Failed, fault_of
from keeper.world.outlets.fence import Fence, FencedAdapter

if TYPE_CHECKING:
    from pyairtable import Api, Table

T = TypeVar("T")
AIRTABLE = "https://api.airtable.com"
BIGGEST_ANSWER = 16 << 20  # bytes: it hands back what was stored, ten records of 100,000 characters and more


@dataclass(frozen=True, slots=True)
class Account:
    """Where to write, and as whom. `table` is a name or an id; times are written in `zone`."""

    token: str = field(repr=False)
    base: str
    table: str
    zone: tzinfo
    store_id: str  # the same event of another store is another event
    endpoint: str = AIRTABLE

    @property
    def is_near(self) -> bool:
        """Whether the address is this machine's or the house's own, so that no internet is needed."""
        host = urlsplit(self.endpoint).hostname or ""
        try:
            return ip_address(host).is_private
        except ValueError:
            return is_loopback(host)


@dataclass(frozen=True, slots=True)
class Manners:
    """Seconds, and how many calls a second Airtable stands per base.

    `settle`: before an event that may have arrived is looked for, because a call whose sender has died is still worked
    on over there.
    """

    pace: float = 0.21
    a_second: int = 5
    settle: float = 5.0
    connect: int = 5
    read: int = 20  # for each piece of the answer
    longest: float = 30.0  # for a call as a whole


class Turnstile:
    """Never more than so many calls within any second, as the service counts them.

    It counts when they arrive, which is some time between beginning and end: so a call begins a second after the end of
    the fifth one before it. Only counting beginnings would let six arrive within a second when the first was slow.
    Several threads may share it: one of them is inside at a time, from `enter` to `leave`.
    """

    def __init__(self, clock: Clock, manners: Manners) -> None:
        self._clock, self._pace = clock, manners.pace
        self._ended: deque[float] = deque(maxlen=manners.a_second)
        self._inside = threading.Lock()
        self._began = clock.monotonic()  # another process may have called a moment ago

    def enter(self, stop: Stop) -> None:
        """Waits for one's turn. Raises Cancelled, Interrupted."""
        stop.check()
        while not self._inside.acquire(timeout=BRAKE_EVERY):
            stop.check()
        try:
            self._await_turn(stop)
        except BaseException:
            self._inside.release()
            raise

    def _await_turn(self, stop: Stop) -> None:
        ready = self._began + self._pace
        if len(self._ended) == self._ended.maxlen:
            ready = max(ready, self._ended[0] + 1.0)
        left = ready - self._clock.monotonic()
        if left > 0:
            stop.wait(left)
        self._began = self._clock.monotonic()

    def leave(self) -> None:
        self._ended.append(self._clock.monotonic())
        self._inside.release()


class Line:
    """Calls in the name of one account. Not for two threads."""

    def __init__(self, account: Account, clock: Clock, manners: Manners, turnstile: Turnstile | None = None) -> None:
        self._account, self._clock, self._manners = account, clock, manners
        self._turnstile = turnstile or Turnstile(clock, manners)
        self._fence = Fence()
        self._table: Table | None = None

    def call(self, action: Callable[[Table], T], stop: Stop) -> T:
        """One request. Raises Failed, and Cancelled or Interrupted as soon as the brake is pulled."""
        self._turnstile.enter(stop)
        try:
            if self._table is None:
                self._table = self._open()
            return self._bounded(Answer(_of(action, self._table)), stop)
        except (requests.exceptions.RequestException, ValueError, LookupError, TypeError, AttributeError) as problem:
            raise Failed(fault_of(problem, self._account.table, self._clock.now())) from problem
        finally:
            self._turnstile.leave()

    def _bounded(self, answer: Answer[T], stop: Stop) -> T:
        ends = self._clock.monotonic() + self._manners.longest
        try:
            while not answer.done.wait(BRAKE_EVERY):
                stop.check()
                if self._clock.monotonic() >= ends:
                    raise requests.exceptions.ReadTimeout
        except BaseException:
            self._give_up()
            raise
        return answer.result()

    def _give_up(self) -> None:
        """The call under way ends, and can begin nothing any more; the next one gets a session of its own."""
        self._fence.shut()
        self._fence, self._table = Fence(), None

    def _open(self) -> Table:
        """pyairtable costs a third of a second, so that it is imported when there is something to tell."""
        from pyairtable import Api

        api = Api(
            self._account.token,
            timeout=(self._manners.connect, self._manners.read),
            retry_strategy=None,  # the outbox owns the retries
            endpoint_url=self._account.endpoint.rstrip("/"),
        )
        self._prepare(api)
        return api.table(self._account.base, self._account.table)

    def _prepare(self, api: Api) -> None:
        for scheme in ("http://", "https://"):
            api.session.mount(scheme, FencedAdapter(self._fence, BIGGEST_ANSWER))
        api.session.max_redirects = 0  # Airtable has none: who redirects is somebody else
        if self._account.is_near:
            api.session.trust_env = False  # a proxy of the environment is no way to this machine


def _of(action: Callable[[Table], T], table: Table) -> Callable[[], T]:
    return lambda: action(table)


class Unbraked:
    """The Stop port of whoever is not stopped."""

    def check(self) -> None:
        """Nobody pulls."""

    def wait(self, seconds: float) -> None:
        threading.Event().wait(seconds)
