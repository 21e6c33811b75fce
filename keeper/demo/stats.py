"""What the server was asked and what it did, for tests that want to know."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_NUMBERS = re.compile(r"(?<=/)-?\d[\d,]*(?=/|$)")


@dataclass
class Stats:
    requests: Counter[str] = field(default_factory=Counter)  # 'GET /library/metadata/{id}' -> how often
    refreshes: Counter[str] = field(default_factory=Counter)  # PUT refresh by item
    single_reads: Counter[str] = field(default_factory=Counter)  # item pages asked for one by one
    multi_reads: int = 0
    multi_read_items: int = 0
    rows: int = 0  # rows sent in listings
    unknown_filters: list[str] = field(default_factory=list)
    not_ready: int = 0  # requests while any fault was on
    faulted: Counter[str] = field(default_factory=Counter)  # requests that met a fault, by mode
    parallel: int = 0
    max_parallel: int = 0
    max_waiting: int = 0
    max_in_flight: int = 0
    processed: int = 0
    lost: int = 0
    busy_seconds: float = 0.0
    first_agent_at: float | None = None
    last_agent_at: float | None = None

    def arrive(self, method: str, path: str) -> None:
        self.requests[f"{method} {_NUMBERS.sub('{id}', path)}"] += 1
        self.parallel += 1
        self.max_parallel = max(self.max_parallel, self.parallel)

    def leave(self) -> None:
        self.parallel -= 1

    def agent_worked(self, seconds: float) -> None:
        now = time.time()
        self.busy_seconds += seconds
        self.first_agent_at = self.first_agent_at or now - seconds
        self.last_agent_at = now

    def queue_seen(self, waiting: int, in_flight: int) -> None:
        self.max_waiting = max(self.max_waiting, waiting)
        self.max_in_flight = max(self.max_in_flight, in_flight)

    def reset(self) -> None:
        """Start counting again; requests that are under way stay counted as parallel."""
        parallel = self.parallel
        self.__init__()  # type: ignore[misc]
        self.parallel = self.max_parallel = parallel

    def as_dict(self) -> dict[str, Any]:
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in vars(self).items()}
