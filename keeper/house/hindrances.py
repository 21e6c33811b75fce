"""Why no speed test is made just now: what the last look saw, and what Plex says when it is asked afresh.

The last look is the latest in the store, whoever looked; one that is too old says nothing. Who is watching is asked
anew each time, because a look may be minutes old. Which of these things hinders is decided in keeper/rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from keeper.rules import inuse, speed_schedule
from keeper.rules.types import Action, Cause, Check, Hindrance, Moment, Reason, Stream, Watch
from keeper.world.usage import Usage

#: Plex does not run then. Together with a port that refuses, nobody can be watching.
_GONE = (Cause.DOWN, Cause.STOPPED_BY_OWNER, Cause.CRASHING)


@dataclass(frozen=True, slots=True)
class Signs:
    """Where it can be seen."""

    moment: Callable[[], Moment]
    last_check: Callable[[], Check | None]
    is_stale: Callable[[Check], bool]
    watch: Callable[[], Watch]  # the watchdog's memory
    last_streams: Callable[[], tuple[Stream, ...] | None]  # of the last look; None when another process looked
    is_scanning: Callable[[], bool]
    ask_plex: Callable[[], Usage]  # takes up to 3 s


class Hindrances:
    """Raises StoreError."""

    def __init__(self, signs: Signs) -> None:
        self._signs = signs

    def afresh(self, anyway: bool) -> Hindrance | None:
        """Asks Plex, unless something else hinders already or nobody wants to know; takes up to 3 s."""
        check = self._fresh_check()
        always = speed_schedule.hindrance(_cause(check), _is_acting(check), False, False)
        if anyway or always:
            return always
        in_use = self._in_use_now(_cause(check))
        return speed_schedule.hindrance(_cause(check), _is_acting(check), in_use, self._signs.is_scanning())

    def as_last_seen(self) -> Hindrance | None:
        """Cheap: from the last look alone."""
        check = self._fresh_check()
        return speed_schedule.hindrance(
            _cause(check), _is_acting(check), self.in_use_as_last_seen(), self._signs.is_scanning()
        )

    def in_use_as_last_seen(self) -> bool | None:
        """Whether somebody is watching or recording, as of the last look; None = cannot be told."""
        check = self._fresh_check()
        sessions = check.facts.get("sessions") if check else None
        if check is None or sessions is None or sessions.value is None:
            return None
        recordings = check.facts.get("recordings")
        recorded = recordings.value if recordings else None
        number = int(recorded) if isinstance(recorded, int | float) else None
        watch, own = self._signs.watch(), self._signs.last_streams()
        streams = own if own is not None else _as_remembered(watch)
        used = inuse.in_use(streams, number, watch.streams, self._signs.moment())
        if used is False and own is None and sessions.value:  # what stands still may be live television
            return None
        return used

    def _in_use_now(self, cause: Cause | None) -> bool | None:
        """Ghosts and who left are told by how long the watchdog's memory has seen them stand still."""
        used = self._signs.ask_plex()
        if used.refused and cause in _GONE:
            return False
        now = self._signs.moment()
        known = inuse.remember(self._signs.watch().streams, used.streams, now)
        return inuse.in_use(used.streams, used.recordings, known, now)

    def _fresh_check(self) -> Check | None:
        check = self._signs.last_check()
        return None if check is None or self._signs.is_stale(check) else check


def _as_remembered(watch: Watch) -> tuple[Stream, ...]:
    """The streams of a look by another process; which of them were live is not known."""
    return tuple(Stream(each.key, each.state, each.offset) for each in watch.streams)


def _cause(check: Check | None) -> Cause | None:
    return check.cause if check else None


def _is_acting(check: Check | None) -> bool:
    """Whether the watchdog has just done something, verifies it, or is about to do it; not what it would never do."""
    decided = check.decision if check else {}
    if decided.get("action", Action.NONE) != Action.NONE:
        return True
    coming = decided.get("wanted", Action.NONE) != Action.NONE and not decided.get("barred")
    return decided.get("reason") == Reason.VERIFYING or (coming and decided.get("reason") == Reason.CONFIRMING)
