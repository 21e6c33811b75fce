"""The whole look: Plex, the network, the files and this machine at the same time, and never longer than it may take."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from keeper.ports import Clock, Sight
from keeper.rules.types import Fact
from keeper.world.patience import Deadline

WHOLE = 15.0  # seconds
STUCK = 1.0  # for a sight that hangs since an earlier look


@dataclass
class _Outlook:
    """One sight and what it is doing. Of every sight at most one look is out: who hangs is not asked again."""

    sight: Sight
    done: threading.Event = field(default_factory=threading.Event)
    facts: Mapping[str, Fact] = field(default_factory=dict)
    out: bool = False

    def begin(self, name: str) -> bool:
        """Whether a look began now; False = one is still out from before."""
        if self.out:
            return False
        self.done, self.facts, self.out = threading.Event(), {}, True
        threading.Thread(target=self._run, name=f"look-{name}", daemon=True).start()
        return True

    def _run(self) -> None:
        try:
            self.facts = self.sight.look()
        finally:
            self.out = False
            self.done.set()


class Eyes:
    """Asks all sights in parallel. What is not back in time is unknown, and named."""

    def __init__(self, sights: Mapping[str, Sight], clock: Clock, seconds: float = WHOLE) -> None:
        self._outlooks = {name: _Outlook(sight) for name, sight in sights.items()}
        self._clock, self._seconds = clock, seconds

    def look(self) -> dict[str, Fact]:
        """All facts by name. A sight that broke or is late adds nothing but 'late_<name>'."""
        deadline = Deadline(self._clock, self._seconds)
        fresh = {name: outlook.begin(name) for name, outlook in self._outlooks.items()}
        facts: dict[str, Fact] = {}
        for name, outlook in self._outlooks.items():
            left = deadline.left() if fresh[name] else min(deadline.left(), STUCK)
            if not outlook.done.wait(left):
                facts[f"late_{name}"] = Fact(None, f"no answer within {self._seconds:.0f} s")
            elif not outlook.facts:
                facts[f"late_{name}"] = Fact(None, "the look broke; the log says why")
            facts.update(outlook.facts if outlook.done.is_set() else {})
        return facts
