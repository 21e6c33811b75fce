"""When a delivery that did not arrive is tried again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from keeper.rules.kinds import plain
from keeper.rules.types import Answer, Parcel, Receipt, Result

FIRST_REST, LONGEST_REST = 30.0, 600.0  # seconds
FIRST_EXAMINE, LONGEST_EXAMINE = 3600.0, 86_400.0  # seconds: looks cost calls
AGAIN = (Result.LATER, Result.UNCERTAIN, Result.BLOCKED)
MOST_BREAKS = 20  # tries of one event in which our own program failed
_BROKE = "Plex Keeper failed while sending it, so it may have arrived; the log says how. It is tried again."
_BROKE_TOO_OFTEN = f"Plex Keeper failed {MOST_BREAKS} times while sending it; the log says how. It is given up."


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds: the first pause, how it grows, and its limit. Up to `jitter` of it is taken off by chance."""

    first: float = 15.0
    growth: float = 2.0
    longest: float = 3600.0
    jitter: float = 0.3


def pause(attempts: int, backoff: Backoff, dice: float) -> float:
    """Seconds before the next try, after so many (1 = the first has just failed). `dice` from 0 to 1."""
    grown = backoff.first * backoff.growth ** min(max(0, attempts - 1), 40)
    return min(backoff.longest, grown) * (1 - backoff.jitter * dice)


def next_tries(
    parcels: list[Parcel], answer: Answer, backoff: Backoff, dice: float, now: datetime
) -> dict[int, datetime]:
    """By parcel, for those that are tried again: when. Never before the service allows it. They wait together, so that
    none overtakes another."""
    asked = max((receipt.after or 0.0 for receipt in answer.receipts), default=0.0)
    again = {receipt.parcel for receipt in answer.receipts if receipt.result in AGAIN}
    attempts = max((parcel.attempts + 1 for parcel in parcels if parcel.id in again), default=1)
    at = now + timedelta(seconds=max(asked, pause(attempts, backoff, dice)))
    return dict.fromkeys(sorted(again), at)


def broken(parcels: Sequence[Parcel], breaks: Mapping[int, int]) -> Answer:
    """What an outlet would have said that failed in a way nobody thought of. `breaks` by parcel: how often it did."""
    return Answer(
        tuple(
            Receipt(parcel.id, Result.REFUSED, _BROKE_TOO_OFTEN)
            if breaks.get(parcel.id, 0) >= MOST_BREAKS
            else Receipt(parcel.id, Result.UNCERTAIN, _BROKE)
            for parcel in parcels
        )
    )


def plainly(answer: Answer) -> Answer:
    """The same in text that can be shown anywhere: what a service says comes from the internet."""
    return replace(answer, receipts=tuple(replace(each, why=plain(each.why)) for each in answer.receipts))


def rest_of(failures: int) -> float:
    """Seconds for which nothing is sent after the store has failed so often in a row (1 = the first time)."""
    return min(LONGEST_REST, FIRST_REST * 2.0 ** min(max(0, failures - 1), 40))


def examine_after(looks: int) -> float:
    """Seconds before the next look whether a blocked outlet takes something again, after so many looks."""
    return min(LONGEST_EXAMINE, FIRST_EXAMINE * 2.0 ** min(looks, 40))


def silence(answer: Answer) -> float:
    """Seconds for which the service asked to be left alone; 0 = it did not."""
    return max((receipt.after or 0.0 for receipt in answer.receipts), default=0.0)
