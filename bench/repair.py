"""Repairing 200 broken of 2,000 items, against what the server's agents need at best and against the older method.

The older method takes a quarter of an hour for all of them, so it mends a sample with the same share of items
that never mend, and its time is scaled up.
"""

from __future__ import annotations

import time

from bench.common import scan, store
from keeper.demo.process import DemoPlex
from keeper.rules.types import ItemFilter, ScanOptions

ITEMS, BROKEN, AGENTS = 2_000, 200, 4
SAMPLE = 20
LOOK_EVERY, GIVE_UP = 4.0, 20.0
SERVER = {"agents": AGENTS, "refresh_seconds": "0.5-1.5", "never_mend": 0.1}


def ours() -> tuple[float, dict[str, float]]:
    """The real repair; seconds of it, and what the server counted."""
    with DemoPlex(library="bench", items=ITEMS, broken=BROKEN, **SERVER) as plex, store() as (items, runs):
        began = time.perf_counter()
        board, run = scan(plex.url, plex.token, items, runs, ScanOptions(days=0))
        seconds = time.perf_counter() - began
        stats = plex.stats()
        asks = items.work_rows(run.job_id, ItemFilter(), 1_000, 0)[0]
        return seconds, {
            "fixed": board.stats.fixed,
            "failed": board.stats.failed,
            "best": stats["busy_seconds"] / AGENTS,
            "puts": sum(row.failed_count for row in asks),
            "twice": sum(row.failed_count > 1 for row in asks),
            "single_gets": sum(stats["single_reads"].values()),
            "reads": stats["multi_reads"],
        }


def older() -> float:
    """One item at a time: refresh, reload at once and every 4 s until mended or 20 s over; seconds for all."""
    from plexapi.server import PlexServer

    with DemoPlex(library="bench", items=ITEMS, broken=BROKEN, **SERVER) as demo:
        hopeless = {item["ratingKey"]: item["never_mends"] for item in demo.items(flawed=True)}
        never = [key for key, hopelessly in hopeless.items() if hopelessly][: SAMPLE // 10]
        sample = [key for key, hopelessly in hopeless.items() if not hopelessly][: SAMPLE - len(never)] + never
        plex = PlexServer(demo.url, demo.token)
        began = time.perf_counter()
        for key in sample:
            _mend_one(plex.fetchItem(int(key)))
        return (time.perf_counter() - began) / len(sample) * BROKEN


def _mend_one(item) -> None:  # type: ignore[no-untyped-def]
    item.refresh()
    asked = time.perf_counter()
    while True:
        item.reload()
        if item.thumb and item.guids and item.summary:
            return
        if time.perf_counter() - asked >= GIVE_UP:
            return
        time.sleep(LOOK_EVERY)


def main() -> None:
    """One line of figures and ratios."""
    seconds, told = ours()
    print(
        f"repair {BROKEN} of {ITEMS:,}: {seconds:.1f} s, the agents need {told['best']:.1f} s at best, "
        f"ratio {seconds / told['best']:.2f} (at most 1.25); fixed {told['fixed']}, failed {told['failed']}"
    )
    print(
        f"repair requests: {told['puts']} PUTs ({told['twice']} items asked twice), "
        f"{told['single_gets']} GETs of one item, {told['reads']} batched reads"
    )
    slow = older()
    print(f"repair: older method about {slow:.0f} s (sample of {SAMPLE}), {slow / seconds:.1f} x faster (at least 10)")


if __name__ == "__main__":
    main()
