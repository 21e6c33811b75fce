"""What Prometheus reads at /metrics. Every figure costs one short question; what is unknown is left out, never 0."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import psutil
from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

import keeper.wiring
from keeper.rules.types import Cause
from keeper.wiring import House

__all__ = ["CONTENT_TYPE", "exposition"]

Labels = TypeVar("Labels", tuple[str], tuple[str, str])


def exposition(house: House) -> bytes:
    """The whole page in Prometheus' text format. Raises StoreError: half a page would be read as a whole one."""
    parts = (_service, _plex, _scans, _line, _door, _resources)
    return generate_latest(_Page([family for part in parts for family in part(house)]))


class _Page(Collector):
    """Families made beforehand, so that nothing of another page or library is mixed in."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _service(house: House) -> Iterator[Metric]:
    yield InfoMetricFamily("keeper", "The program that answers.", {"version": keeper.__version__})
    yield _gauge("keeper_engine_running", "Whether the engine's threads live in this process.", house.engine.running)
    runs = "How often the page script ran since the start, parts that refresh themselves not counted."
    yield CounterMetricFamily("keeper_page_runs", runs, house.page_runs)


def _plex(house: House) -> Iterator[Metric]:
    check, now = house.views.last_check(), house.clock.now()
    if check is None:
        return
    age = max(0.0, (now - check.at).total_seconds())  # the clock may have been set back
    yield _gauge("keeper_last_look_age_seconds", "How long ago Plex was looked at.", age)
    if not keeper.wiring.is_stale(check, now, house.settings.watch_interval):
        causes = {(cause.value,): cause is check.cause for cause in Cause}
        yield _gauges("keeper_plex_cause", "What the last look came to: 1 for that cause.", ("cause",), causes)


def _scans(house: House) -> Iterator[Metric]:
    counts = {(status.value,): number for status, number in house.views.run_counts().items()}
    yield _gauge("keeper_scan_running", "Whether a scan is running.", counts["running",])
    yield _gauges("keeper_scan_runs", "Runs that are kept in the data file, by status.", ("status",), counts)
    lacking = {(key, title): number for key, title, number in house.views.lacking()}
    known = "Items known to lack something, in libraries that were looked at."
    yield _gauges("keeper_items_lacking", known, ("section", "library"), lacking)


def _line(house: House) -> Iterator[Metric]:
    used, allowed = house.speed.budget()
    yield _gauge("keeper_speed_month_bytes", "What the speed tests of this calendar month cost.", used)
    if allowed:
        yield _gauge("keeper_speed_month_bytes_allowed", "What they may cost.", allowed)
    test = house.speed.views.latest()
    measured = test.result.measured if test and test.result else None
    if test is None or test.result is None or measured is None or test.finished_at is None:
        return
    age = max(0.0, (house.clock.now() - test.finished_at).total_seconds())
    by = (test.result.provider.value,)
    yield _gauge("keeper_speed_age_seconds", "How long ago the line was measured with a result.", age)
    yield _gauge("keeper_speed_low", "Whether that result was too slow, measured twice.", bool(test.low))
    figures = {
        "keeper_speed_download_bits_per_second": ("The last download.", measured.download_mbps * 1e6),
        "keeper_speed_upload_bits_per_second": ("The last upload.", measured.upload_mbps * 1e6),
        "keeper_speed_ping_seconds": ("The last ping.", measured.ping_ms / 1000),
    }
    for name, (about, value) in figures.items():
        yield _gauges(name, about, ("provider",), {by: value})


def _door(house: House) -> Iterator[Metric]:
    yield _gauge("keeper_sessions_active", "Logged-in browsers.", house.views.session_count())
    failed = "Logins with a wrong name or password within the last 24 hours."
    yield _gauge("keeper_login_failures_day", failed, house.views.failed_logins(hours=24))


def _resources(house: House) -> Iterator[Metric]:
    path = house.database.path
    in_place = "Whether the data file at its path is the one in use; 0 asks for a restart."
    yield _gauge("keeper_data_file_in_place", in_place, house.database.in_place)
    size = _size(path)
    if size is not None:
        log = _size(path.with_name(f"{path.name}-wal")) or 0  # there is none until something is written
        yield _gauge("keeper_data_file_bytes", "Size of the data file and its write-ahead log.", size + log)
    memory = psutil.Process().memory_info().rss
    yield _gauge("process_resident_memory_bytes", "Resident memory of the service.", memory)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, float(value))


def _gauges(name: str, about: str, labels: tuple[str, ...], values: Mapping[Labels, float]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=labels)
    for key, value in values.items():
        family.add_metric(key, float(value))
    return family


def _size(path: Path) -> int | None:
    """Bytes; None when there is no such file or it cannot be asked."""
    try:
        return path.stat().st_size
    except OSError:
        return None
