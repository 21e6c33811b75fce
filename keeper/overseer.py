"""The brake of a speed test: pulled by whoever cancels it, by the end of the service, or by something more important.

While a meter measures, it calls this brake from whatever threads it likes. The store is asked four times a second, by
the way; the house, whose answer may take seconds, in a thread of its own, so that it never delays a cancel.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from math import inf

from keeper.errors import Cancelled, Interrupted, KeeperError, StoreError
from keeper.ports import Clock, SpeedStore
from keeper.rules import speed_story
from keeper.rules.speed_story import Outcome
from keeper.rules.types import Hindrance, SpeedProgress, SpeedStatus, SpeedTest

log = logging.getLogger("keeper.surveyor")

PULSE_SECONDS = 0.25  # between two questions whether the test was cancelled
LOOK_SECONDS = 5.0  # between two looks for something more important, while it measures
FRESH_SECONDS = 1.0  # an answer as old as this still counts as just given
JOIN_SECONDS = 0.05


class Look(threading.Thread):
    """One look for something in the way."""

    def __init__(self, ask: Callable[[bool], Hindrance | None], anyway: bool) -> None:
        super().__init__(name="speed-look", daemon=True)
        self._ask, self._anyway = ask, anyway
        self.found: Hindrance | None = None
        self.broke: BaseException | None = None

    def run(self) -> None:
        try:
            self.found = self._ask(self._anyway)
        except KeeperError as problem:  # not to know is not 'nobody'
            log.warning("it cannot be told what is in the way of a speed test: %s", problem.sentence)
            self.found = None if self._anyway else Hindrance.IN_USE_UNKNOWN
        except BaseException as problem:  # noqa: BLE001 - handed to the thread of the test, not swallowed
            self.broke = problem


class Overseer:
    """The Stop port of one test, and what is shown of it meanwhile."""

    def __init__(
        self, store: SpeedStore, clock: Clock, ask: Callable[[bool], Hindrance | None], anyway: bool,
        earlier: Look | None = None,
    ) -> None:  # fmt: skip
        self._store, self._clock, self._ask, self._anyway = store, clock, ask, anyway
        self._earlier = earlier  # of the test before; it may hang, and two at once would be too much
        self._test_id: int | None = None
        self._asking = threading.Lock()
        self._pulled = threading.Event()
        self._progress = self._known = SpeedProgress()
        self._pulse_at, self._look_at, self._looked_at = 0.0, inf, -inf  # monotonic
        self.latest: Look | None = None
        self.outcome = speed_story.INTERRUPTED  # of a test that this brake ended
        self.broke: BaseException | None = None  # what nobody thought of, in the thread of a look

    # ------------------------------------------------------------------ the Stop port

    def check(self) -> None:
        self._mind()
        if self._pulled.is_set():
            interrupted = self.outcome.status is SpeedStatus.INTERRUPTED
            raise Interrupted("The service stopped.") if interrupted else Cancelled("The speed test was ended.")

    def wait(self, seconds: float) -> None:
        self.check()
        while seconds > 0:
            self._pulled.wait(min(seconds, PULSE_SECONDS))
            seconds -= PULSE_SECONDS
            self.check()

    def interrupt(self) -> None:
        """The service stops."""
        self._pull(speed_story.INTERRUPTED)

    # ------------------------------------------------------------------ the test

    def follow(self, test: SpeedTest) -> None:
        """It has begun; from now on it can be cancelled."""
        self._test_id = test.id

    def announce(self, known: SpeedProgress) -> None:
        """The next measurement, as far as it is known before the meter says anything."""
        self._progress = self._known = known

    def report(self, progress: SpeedProgress) -> None:
        """What the meter says of itself. Raises nothing."""
        known = self._known
        self._progress = replace(
            progress, provider=known.provider, confirming=known.confirming, expected=known.expected
        )
        self._mind()

    def look(self) -> None:
        """Asks whether something is in the way, unless that was answered just now. Raises like `check`."""
        while self._earlier is not None and self._earlier.is_alive():
            self._wait_for(self._earlier)
        self._wait_for_answer()
        if self._clock.monotonic() - self._looked_at > FRESH_SECONDS:
            with self._asking:
                self._begin_look()
        self._wait_for_answer()
        self.check()

    # ------------------------------------------------------------------ by the way

    def _wait_for_answer(self) -> None:
        while self.latest is not None:
            self._wait_for(self.latest)

    def _wait_for(self, look: Look) -> None:
        look.join(JOIN_SECONDS)
        self.check()

    def _mind(self) -> None:
        """Whatever is to be asked now; by one thread at a time, the others go on."""
        if self._pulled.is_set() or not self._asking.acquire(blocking=False):
            return
        try:
            now = self._clock.monotonic()
            if self._test_id is not None and now >= self._pulse_at:
                self._pulse_at = now + PULSE_SECONDS
                self._pulse(self._test_id)
            if self.latest is not None:
                self._take_answer(self.latest)
            elif now >= self._look_at:
                self._begin_look()
        finally:
            self._asking.release()

    def _pulse(self, test_id: int) -> None:
        try:
            cancel = self._store.pulse(test_id, self._progress, self._clock.now())
        except StoreError as problem:  # a full disk or a locked file may pass
            log.error("pulse of speed test %s: %s", test_id, problem)
            return
        if cancel is None:  # somebody else ended it
            self._pull(speed_story.INTERRUPTED)
        elif cancel:
            self._pull(speed_story.CANCELLED)

    def _begin_look(self) -> None:
        self._look_at = self._clock.monotonic() + LOOK_SECONDS
        self.latest = Look(self._ask, self._anyway)
        self.latest.start()

    def _take_answer(self, look: Look) -> None:
        if look.is_alive():
            return
        self.latest, self._looked_at = None, self._clock.monotonic()
        if look.broke is not None:
            self.broke = look.broke
            self._pull(speed_story.FAULTY)
        elif look.found is not None:
            self._pull(speed_story.hindered(look.found))

    def _pull(self, outcome: Outcome) -> None:
        """The first hand that pulls says why."""
        if not self._pulled.is_set():
            self.outcome = outcome
        self._pulled.set()
