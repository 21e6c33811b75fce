"""What is usual for the line: one answer for the whole page, over the same results that the rules go by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from keeper.rules.types import Aspect, SpeedProvider, SpeedTest
from keeper.ui.state import house

ENOUGH = 5  # results of a provider and server, before anything is called usual
KEPT = 30  # of the latest results that tell what is usual


@dataclass(frozen=True, slots=True)
class Usual:
    """Of one provider and server. No values while there are too few results."""

    provider: SpeedProvider
    server: str
    results: int
    values: Mapping[Aspect, float]

    @property
    def missing(self) -> int:
        return max(0, ENOUGH - self.results)

    def is_of(self, provider: SpeedProvider, server: str) -> bool:
        return (self.provider, self.server) == (provider, server)


def of(test: SpeedTest | None) -> Usual | None:
    """Where that result was measured, which is where the next one will most likely be compared."""
    run = test.result if test else None
    if run is None or run.measured is None:
        return None
    server = run.measured.server
    known = house().speed.store.usual(run.provider, server, KEPT)
    if len(known) < ENOUGH:
        return Usual(run.provider, server, len(known), {})
    ping, download, upload = (median(values) for values in zip(*known, strict=True))
    values = {Aspect.DOWNLOAD: download, Aspect.UPLOAD: upload, Aspect.PING: ping}
    return Usual(run.provider, server, len(known), values)
