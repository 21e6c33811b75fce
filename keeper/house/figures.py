"""What a digest tells of a period, counted from the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from keeper.rules.digest import Figures
from keeper.rules.story import ACTION_WORDS
from keeper.rules.types import Hour, IncidentSeen, Run
from keeper.store.runs import Runs
from keeper.store.speed_views import SpeedViews
from keeper.store.watch_views import WatchViews

_LEAF = 100  # rows that are read at once
MOST = 2_000  # rows of a kind that are looked at


@dataclass(frozen=True, slots=True)
class Books:
    """Where it is written."""

    watch: WatchViews
    runs: Runs
    speed: SpeedViews


def figures(books: Books, since: datetime, until: datetime, undelivered: int) -> Figures:
    """Of the period; `undelivered` = messages that no outlet took. Raises StoreError."""
    hours = [hour for hour in books.watch.hours(since) if hour.begins < until]
    good, bad = sum(hour.good for hour in hours), sum(hour.bad for hour in hours)
    incidents = [each for each in _incidents(books.watch) if each.closed_at is None or each.closed_at >= since]
    runs = [run for run in _runs(books.runs, since) if run.finished_at and run.finished_at >= since]
    results = [point for point in books.speed.points(since) if point.at < until]
    return Figures(
        good=good,
        bad=bad,
        unknown=max(0.0, (until - since).total_seconds() - good - bad),
        incidents=len(incidents),
        open_incidents=sum(each.closed_at is None for each in incidents),
        causes=_causes(hours),
        actions=_actions(books.watch, since),
        fixed=sum(run.stats.fixed for run in runs),
        failed=sum(run.stats.failed for run in runs),
        download_mbps=median(point.download_mbps for point in results) if results else None,
        upload_mbps=median(point.upload_mbps for point in results) if results else None,
        undelivered=undelivered,
    )


def _causes(hours: list[Hour]) -> dict[str, float]:
    """Seconds of each bad cause, the longest first."""
    spent: Counter[str] = Counter()
    for hour in hours:
        spent.update({name.replace("_", " "): round(seconds) for name, seconds in hour.causes.items()})
    return {name: float(seconds) for name, seconds in spent.most_common() if seconds}


def _actions(watch: WatchViews, since: datetime) -> dict[str, int]:
    taken = (deed.taken for deed in watch.actions(MOST))
    done = [each for each in taken if each.at.at >= since and each.done is not False]
    return dict(Counter(ACTION_WORDS[each.action] for each in done))


def _incidents(watch: WatchViews) -> Iterator[IncidentSeen]:
    """Newest first."""
    before: int | None = None
    for _ in range(MOST // _LEAF):
        page = watch.incidents(_LEAF, before)
        yield from page
        if len(page) < _LEAF:
            return
        before = page[-1].number


def _runs(runs: Runs, since: datetime) -> Iterator[Run]:
    """Newest first, down to those that were asked for long before."""
    for offset in range(0, MOST, _LEAF):
        page = runs.latest(_LEAF, offset)
        yield from page
        if len(page) < _LEAF or page[-1].created_at < since:
            return
