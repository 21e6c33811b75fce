"""The watchdog. One tick: look, diagnose, decide, remember. Acting and verifying come with the next step of the house.

So far it keeps its eyes on Plex alone: every look is stored with its cause, so that pages show the last known
state and its age without ever asking Plex themselves.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from keeper.ports import CheckStore, Clock, PlexProbe
from keeper.rules.causes import SENTENCES, diagnose
from keeper.rules.types import Cause, Check

log = logging.getLogger("keeper.monitor")

TROUBLED_INTERVAL = 20.0


class Monitor:
    """Looks at Plex and remembers what it saw."""

    def __init__(self, probe: PlexProbe, checks: CheckStore, clock: Clock, interval: float) -> None:
        self._probe, self._checks, self._clock, self._interval = probe, checks, clock, interval
        self._last_cause: Cause | None = None

    @property
    def interval(self) -> float:
        """Seconds until the next look: shorter while something is wrong."""
        fine = self._last_cause in (None, Cause.OK)
        return self._interval if fine else min(self._interval, TROUBLED_INTERVAL)

    def tick(self) -> Check:
        """1. Look. 2. Diagnose. 3. Decide (nothing yet). 4. Remember."""
        check = self.look()
        self._checks.remember(check, self._probe.sections())
        if check.cause is not self._last_cause:
            log.info("Plex: %s. %s", check.cause.value, check.sentence)
        self._last_cause = check.cause
        return check

    def look(self) -> Check:
        """One look with its diagnosis, remembered by nobody."""
        facts = self._probe.look()
        cause = diagnose(facts)
        self._last_cause, before = cause, self._last_cause
        now = self._clock.now()
        decision = {
            "action": "none",
            "reason": "watching_only",
            "sentence": "Looking only; nothing is armed.",
            "next_look": (now + timedelta(seconds=self.interval)).isoformat(timespec="seconds"),
        }
        self._last_cause = before
        milliseconds = facts["response_ms"].value if "response_ms" in facts else None
        return Check(
            now, cause, SENTENCES[cause], facts, decision, milliseconds if isinstance(milliseconds, float) else None
        )
