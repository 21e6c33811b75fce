"""The brake of a speed test: pulled by whoever cancels it, by the end of the service, or by something more important.

While a meter measures, it calls this brake from whatever threads it likes. The store is asked four times a second
whether the test was cancelled, and the house every few seconds what is in the way: each in a thread of its own, one at
a time, because a locked file or a Plex that hangs must delay nobody who has to end a child in time.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from math import inf

from keeper.errors import Cancelled, Interrupted, KeeperError, StoreError, StoreRefused
from keeper.ports import Clock, SpeedStore
from keeper.rules import speed_story
from keeper.rules.speed_story import Outcome
from keeper.rules.types import Hindrance, SpeedProgress, SpeedStatus, SpeedTest

log = logging.getLogger("keeper.surveyor")

PULSE_SECONDS = 0.25  # between two questions whether the test was cancelled
LOOK_SECONDS = 5.0  # between two looks for something more important, while it measures
LATE_SECONDS = 4.0  # for one look; after that it counts as not to be told
FRESH_SECONDS = 1.0  # an answer as old as this still counts as just given
JOIN_SECONDS = 0.05


class Question(threading.Thread):
    """One question that may take its time. Whoever is told the answer is told by the question itself."""

    def __init__(self, name: str, ask: Callable[[], None], broke: Callable[[BaseException], None]) -> None:
        super().__init__(name=name, daemon=True)
        self._ask, self._tell = ask, broke
        self.broke: BaseException | None = None

    def run(self) -> None:
        try:
            self._ask()
        except BaseException as problem:  # noqa: BLE001 - handed to the thread of the test, not swallowed
            self.broke = problem
            self._tell(problem)


class Overseer:
    """The Stop port of one test, and what is shown of it meanwhile."""

    def __init__(
        self, store: SpeedStore, clock: Clock, ask: Callable[[bool], Hindrance | None], anyway: bool,
        earlier: Question | None = None,
    ) -> None:  # fmt: skip
        self._store, self._clock, self._ask, self._anyway = store, clock, ask, anyway
        self._test_id: int | None = None
        self._asking, self._pulling = threading.Lock(), threading.Lock()
        self._pulled = threading.Event()
        self._progress = self._known = SpeedProgress()
        self._pulse: Question | None = None
        self._earlier = earlier  # of the test before; it may hang, and two at once would be too much
        self.latest = earlier  # the look that is not answered yet
        self._pulse_at, self._look_at, self._looked_at = 0.0, inf, -inf  # monotonic
        self._wanted_at = inf  # monotonic: since when an answer of the house is waited for
        self.outcome = speed_story.INTERRUPTED  # of a test that this brake ended
        self.broke: BaseException | None = None  # what nobody thought of, in the thread of a question

    # ------------------------------------------------------------------ the Stop port

    def check(self) -> None:
        self._mind()
        self._heed()

    def wait(self, seconds: float) -> None:
        self.check()
        while seconds > 0:
            self._pulled.wait(min(seconds, PULSE_SECONDS))
            seconds -= PULSE_SECONDS
            self.check()

    def pause(self, seconds: float) -> None:
        """Between measurements: asks nobody, and ends as soon as the brake is pulled. Raises like `check`."""
        self._pulled.wait(seconds)
        self._heed()

    def end(self, outcome: Outcome) -> None:
        """Somebody in this very process wants it ended."""
        self._pull(outcome)

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
        """Asks whether the test is still ours and wanted, and whether something is in the way, unless the house
        answered that just now. Raises like `check`."""
        if self._test_id is not None:
            self._wait_for(self._pulse)  # it may have asked too early
            with self._asking:
                self._begin_pulse(self._test_id)
            self._wait_for(self._pulse)
        now = self._clock.monotonic()
        with self._asking:
            if self._wanted_at == inf and now - self._looked_at > FRESH_SECONDS:
                self._wanted_at = now
        self.check()
        while self._wanted_at < inf:
            if (look := self.latest) is not None:
                look.join(JOIN_SECONDS)
            self.check()

    # ------------------------------------------------------------------ by the way

    def _wait_for(self, question: Question | None) -> None:
        while question is not None and question.is_alive():
            question.join(JOIN_SECONDS)
            self.check()
        self.check()

    def _mind(self) -> None:
        """Whatever is to be asked now; by one thread at a time, the others go on."""
        if self._pulled.is_set() or not self._asking.acquire(blocking=False):
            return
        try:
            now = self._clock.monotonic()
            if self._test_id is not None and now >= self._pulse_at:
                self._begin_pulse(self._test_id)
            self._mind_house(now)
        finally:
            self._asking.release()

    def _begin_pulse(self, test_id: int) -> None:
        if self._pulse is None or not self._pulse.is_alive():
            self._pulse_at = self._clock.monotonic() + PULSE_SECONDS
            self._pulse = Question("speed-pulse", lambda: self._ask_store(test_id), self._break)
            self._pulse.start()

    def _mind_house(self, now: float) -> None:
        if self.latest is not None and not self.latest.is_alive():
            self._note_answer(self.latest, now)
        if now >= self._look_at and self._wanted_at == inf:
            self._wanted_at = now
        if self._wanted_at < inf and self.latest is None:
            self._look_at = now + LOOK_SECONDS
            self.latest = Question("speed-look", self._ask_house, self._break)
            self.latest.start()
        if now - self._wanted_at > LATE_SECONDS:
            self._do_without(now)

    def _note_answer(self, look: Question, now: float) -> None:
        self.latest = None
        if look is not self._earlier:  # that one answered somebody else
            self._looked_at, self._wanted_at = now, inf

    def _do_without(self, now: float) -> None:
        """The house does not answer. Not to know is not 'nobody'."""
        log.warning("nobody says in time what is in the way of a speed test")
        self._wanted_at, self._look_at = inf, now + LOOK_SECONDS
        if not self._anyway:
            self._pull(speed_story.hindered(Hindrance.IN_USE_UNKNOWN))

    # ------------------------------------------------------------------ in threads of their own

    def _ask_store(self, test_id: int) -> None:
        try:
            cancel = self._said_to(test_id)
        except StoreError as problem:  # a full disk or a locked file may pass
            log.error("pulse of speed test %s: %s", test_id, problem)
            return
        if cancel is None:  # somebody else ended it
            self._pull(speed_story.INTERRUPTED)
        elif cancel:
            self._pull(speed_story.CANCELLED)

    def _said_to(self, test_id: int) -> bool | None:
        """A progress that cannot be stored must not hide that somebody cancelled."""
        try:
            return self._store.pulse(test_id, self._progress, self._clock.now())
        except StoreRefused as problem:
            log.error("progress of speed test %s: %s", test_id, problem)
            return self._store.pulse(test_id, SpeedProgress(self._known.provider), self._clock.now())

    def _ask_house(self) -> None:
        try:
            found = self._ask(self._anyway)
        except KeeperError as problem:
            log.warning("it cannot be told what is in the way of a speed test: %s", problem.sentence)
            found = None if self._anyway else Hindrance.IN_USE_UNKNOWN
        if found is not None:
            self._pull(speed_story.hindered(found))

    # ------------------------------------------------------------------ the brake itself

    def _break(self, problem: BaseException) -> None:
        self.broke = problem
        self._pull(speed_story.FAULTY)

    def _pull(self, outcome: Outcome) -> None:
        """The first hand that pulls says why."""
        with self._pulling:
            if not self._pulled.is_set():
                self.outcome = outcome
            self._pulled.set()

    def _heed(self) -> None:
        if self._pulled.is_set():
            interrupted = self.outcome.status is SpeedStatus.INTERRUPTED
            raise Interrupted("The service stopped.") if interrupted else Cancelled("The speed test was ended.")
