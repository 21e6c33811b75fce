"""When a delivery that did not arrive is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from keeper.rules.types import Answer, Parcel, Result

AGAIN = (Result.LATER, Result.UNCERTAIN, Result.BLOCKED)


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


def silence(answer: Answer) -> float:
    """Seconds for which the service asked to be left alone; 0 = it did not."""
    return max((receipt.after or 0.0 for receipt in answer.receipts), default=0.0)
