"""The ward: who was asked to be refreshed, who is being worked on, who is done. Pure bookkeeping.

A patient is admitted, asked for, taken up by the server ('began'), processed, and discharged with a verdict.
Push messages tell 'began' and 'processed'; reads tell the truth. Without push messages reads and the server's
own queue size have to do. Times are seconds of a monotonic clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from keeper.rules.types import Hint, Outcome, Suspect, Why

READ_GAP = 0.5  # between two batched reads at least
BLIND_READ_GAP = 2.0  # the same without push messages
STALE_READ_GAP = 3.0  # with push messages: how long a patient may go unread (a message may have been lost)
SETTLE = 1.0  # after 'processed': fields of a late write are given this long
LOST_AFTER = 3.0  # not begun by then: ask the server whether it is still busy
ASK_QUEUE_GAP = 1.0
STUCK_AFTER = 180.0  # nothing at all moves over there
MOST_TRIES = 2


@dataclass(slots=True)
class Patient:
    """One suspect under treatment."""

    suspect: Suspect
    tries: int = 0
    asked_at: float | None = None
    began_at: float | None = None
    processed_at: float | None = None
    idle_at: float | None = None  # the server had nothing left to do, and this one was not taken up
    read_at: float = float("-inf")


@dataclass(frozen=True, slots=True)
class Discharge:
    """The end of a treatment."""

    suspect: Suspect
    outcome: Outcome
    missing: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a batched read told of one item: what it lacks now, and whether the server touched it."""

    missing: tuple[str, ...]
    touched: bool


class Ward:
    """All patients of one run. `wait_total`: seconds the server gets per item, counted from when it began."""

    def __init__(self, wait_total: float) -> None:
        self._wait_total = wait_total
        self._waiting: deque[Patient] = deque()
        self._in_care: dict[str, Patient] = {}
        self._called: Patient | None = None
        self._pushed = False
        self._read_at = float("-inf")
        self._queue_asked_at = float("-inf")
        self._moved_at: float | None = None

    @property
    def waiting(self) -> int:
        """Patients not asked for yet."""
        return len(self._waiting)

    @property
    def empty(self) -> bool:
        return not self._waiting and not self._in_care

    @property
    def busy(self) -> int:
        """Patients the server owes work: asked for, and not known to be processed."""
        return sum(patient.processed_at is None for patient in self._in_care.values())

    def admit(self, suspect: Suspect, now: float) -> None:
        """A new patient; one that was asked for before a crash is looked at before it is asked for again."""
        patient = Patient(suspect)
        if suspect.asks:
            patient.asked_at = now
            self._in_care[suspect.key] = patient
        else:
            self._waiting.append(patient)

    def next(self) -> Suspect | None:
        """Whom to ask for now; the caller then says `asked`, or nothing when that one left without treatment."""
        self._called = self._waiting.popleft() if self._waiting else None
        return self._called.suspect if self._called else None

    def asked(self, now: float) -> None:
        """The patient called last has been asked for."""
        patient, self._called = self._called, None
        if patient is None:
            raise ValueError("nobody was called")
        patient.tries += 1
        patient.asked_at = now
        self._in_care[patient.suspect.key] = patient
        self._moved_at = max(self._moved_at or now, now)

    def hint(self, hint: Hint, now: float) -> None:
        """A push message; about strangers it means nothing."""
        patient = self._in_care.get(hint.key)
        if patient is None:
            return
        self._moved_at = now
        patient.idle_at = None
        if patient.began_at is None:
            patient.began_at = now
        if hint.what == "processed":
            patient.processed_at = now

    def suspects(self, keys: list[str]) -> dict[str, Suspect]:
        """Those of `keys` who are in care."""
        return {key: self._in_care[key].suspect for key in keys if key in self._in_care}

    def to_read(self, now: float, pushed: bool) -> list[str]:
        """Keys worth one batched read now; empty = not yet."""
        if now - self._read_at < (READ_GAP if pushed else BLIND_READ_GAP):
            return []
        if not pushed:
            return list(self._in_care)
        return [key for key, patient in self._in_care.items() if self._is_due(patient, now)]

    def read(self, now: float, keys: list[str], seen: Mapping[str, Seen]) -> list[Discharge]:
        """What the read told; those who are done are discharged."""
        self._read_at = now
        ended = [end for key in keys if (end := self._examine(self._in_care.get(key), now, seen.get(key)))]
        for end in ended:
            del self._in_care[end.suspect.key]
            self._moved_at = now
        for patient in [p for p in self._in_care.values() if p.idle_at is not None and p.read_at >= p.idle_at]:
            self._ask_again(patient)
        return ended

    def sections_to_ask(self, now: float) -> set[str]:
        """Sections whose queue size should be asked for, because patients were not taken up or finished in time."""
        if now - self._queue_asked_at < ASK_QUEUE_GAP:
            return set()
        return {p.suspect.section_key for p in self._in_care.values() if self._is_overdue(p, now) or _lingers(p, now)}

    def queue_told(self, section_key: str, size: int | None, now: float, pushed: bool) -> list[Discharge]:
        """The server's queue size (None = unknown). When it holds no more than those known to be worked on, who was
        not taken up is lost, unless the next read says otherwise; and who was taken up long ago is done, even where
        no message says so (libraries without an agent send none)."""
        self._queue_asked_at = now
        here = [p for p in self._in_care.values() if p.suspect.section_key == section_key]
        overdue = [p for p in here if self._is_overdue(p, now)]
        lingering = [p for p in here if _lingers(p, now)]
        at_work = sum(p.began_at is not None and p.processed_at is None for p in here) - len(lingering)
        if size is None or size > at_work:
            if size is None and not pushed:
                # Nobody tells anything: what was asked for long enough ago counts as taken up then.
                for patient in overdue:
                    patient.began_at = patient.asked_at if self._is_spent(patient, now) else None
                return []
            stuck = self._moved_at is not None and now - self._moved_at >= STUCK_AFTER
            return [self._discharge(p, Outcome.ERROR, Why.STUCK_QUEUE) for p in overdue] if stuck else []
        for patient in lingering:
            patient.processed_at = now
        for patient in overdue:
            patient.idle_at = now  # the next read decides: it may have been mended since the last one
        self._pushed = pushed
        return []

    def server_restarted(self) -> None:
        """Its queue is lost: everybody it owed work is asked for again, and that does not count as a try."""
        for patient in [p for p in self._in_care.values() if p.processed_at is None]:
            patient.tries = max(0, patient.tries - 1)
            self._ask_again(patient)

    def _ask_again(self, patient: Patient) -> None:
        del self._in_care[patient.suspect.key]
        patient.asked_at = patient.began_at = patient.processed_at = patient.idle_at = None
        self._waiting.appendleft(patient)

    def _discharge(self, patient: Patient, outcome: Outcome, why: Why) -> Discharge:
        del self._in_care[patient.suspect.key]
        return Discharge(patient.suspect, outcome, patient.suspect.missing, why.value)

    def _is_overdue(self, patient: Patient, now: float) -> bool:
        return (
            patient.began_at is None
            and patient.asked_at is not None
            and now - patient.asked_at >= LOST_AFTER
            and patient.read_at > patient.asked_at
        )

    def _is_spent(self, patient: Patient, now: float) -> bool:
        return patient.asked_at is not None and now - patient.asked_at >= self._wait_total

    def _is_due(self, patient: Patient, now: float) -> bool:
        if patient.idle_at is not None:
            return True
        if patient.processed_at is not None:
            first_look = patient.read_at < patient.processed_at
            return first_look or now >= patient.processed_at + SETTLE
        return now - max(patient.read_at, patient.asked_at or 0.0) >= STALE_READ_GAP

    def _examine(self, patient: Patient | None, now: float, seen: Seen | None) -> Discharge | None:
        if patient is None:
            return None
        patient.read_at = now
        if seen is None:
            return Discharge(patient.suspect, Outcome.GONE)
        if not seen.missing:
            return Discharge(patient.suspect, Outcome.FIXED)
        if seen.touched and patient.began_at is None:
            patient.began_at = patient.asked_at
        if patient.processed_at is not None and now >= patient.processed_at + SETTLE:
            return Discharge(patient.suspect, Outcome.STILL_MISSING, seen.missing, Why.NOTHING_CAME.value)
        if patient.began_at is not None and now - patient.began_at >= self._wait_total:
            return Discharge(patient.suspect, Outcome.STILL_MISSING, seen.missing, Why.TOO_SLOW.value)
        if patient.idle_at is not None and patient.tries >= MOST_TRIES:
            # Without push messages nobody saw whether it was taken up: what is known is that nothing came.
            end = (Outcome.ERROR, Why.LOST_TWICE) if self._pushed else (Outcome.STILL_MISSING, Why.NOTHING_CAME)
            return Discharge(patient.suspect, end[0], seen.missing, end[1].value)
        return None


def _lingers(patient: Patient, now: float) -> bool:
    """Taken up some time ago, and no word that it is done."""
    return patient.began_at is not None and patient.processed_at is None and now - patient.began_at >= LOST_AFTER
