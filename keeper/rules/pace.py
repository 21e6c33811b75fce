"""How many refreshes may be in flight: additive growth while Plex answers quickly, halving when it does not."""

from __future__ import annotations

from dataclasses import dataclass

START = 2
QUICK_SECONDS = 1.5
SLOW_SECONDS = 4.0
QUICK_ANSWERS_TO_GROW = 2


@dataclass(slots=True)
class Pace:
    """The current limit, between 1 and `most`."""

    most: int
    limit: int = START
    _quick: int = 0

    def __post_init__(self) -> None:
        self.limit = max(1, min(START, self.most))

    def answered(self, seconds: float) -> None:
        """An answer took that long."""
        if seconds >= SLOW_SECONDS:
            self.strained()
        elif seconds <= QUICK_SECONDS:
            self._quick += 1
            if self._quick >= QUICK_ANSWERS_TO_GROW:
                self.limit, self._quick = min(self.most, self.limit + 1), 0
        else:
            self._quick = 0

    def strained(self) -> None:
        """Slowness, a fault or a restart."""
        self.limit, self._quick = max(1, self.limit // 2), 0


def remaining_seconds(done: int, total: int, elapsed: float) -> float | None:
    """Plain extrapolation; None until there is something to extrapolate from."""
    if done < 3 or elapsed < 1 or total <= done:
        return None
    return elapsed / done * (total - done)
