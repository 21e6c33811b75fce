"""Chance that repeats itself: the same seed gives the same library, the same flaws, the same losses."""

from __future__ import annotations

import random
from hashlib import blake2b


def shaker(seed: int, purpose: str) -> random.Random:
    """A stream of random numbers of its own for each purpose, so that one does not disturb the other."""
    return random.Random(f"{seed}:{purpose}")  # nosec B311  # noqa: S311 - a game, no secret


def chance(seed: int, purpose: str, key: int) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    digest = blake2b(f"{seed}:{purpose}:{key}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


def digits(seed: int, purpose: str, key: int, length: int) -> str:
    """A made-up hexadecimal identifier of a given length."""
    return blake2b(f"{seed}:{purpose}:{key}".encode(), digest_size=(length + 1) // 2).hexdigest()[:length]
