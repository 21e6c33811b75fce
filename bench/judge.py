"""Judging a library in a dry run, against the floor (requests + ElementTree over the same pages) and the older method.

Each side runs in a process of its own, so that memory is its own too; they follow one another in one run.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from xml.etree import ElementTree

import requests

from bench.common import resident_mb, scan, store
from keeper.demo.process import DemoPlex
from keeper.rules.types import Kind, ScanOptions, Section
from keeper.world.plex import listing_path

PAGE = 200
PAIRS = 5  # measured in turn, because machines are noisy


def ours(url: str, token: str) -> dict[str, float]:
    """The real scan with the real store."""
    import keeper.world.plex  # noqa: F401 - imported before memory is read

    with store() as (items, runs):
        scan(url, token, items, runs, ScanOptions(dry_run=True, days=1, max_items=1))
        before = resident_mb()
        began = time.perf_counter()
        board, _ = scan(url, token, items, runs, ScanOptions(dry_run=True, days=0))
        seconds = time.perf_counter() - began
        return {"seconds": seconds, "mb": resident_mb() - before, "items": board.stats.checked}


def floor(url: str, token: str) -> dict[str, float]:
    """The bare loop that cannot be beaten without asking for less."""
    session = requests.Session()
    section = Section("1", "movie", "Movies", "tv.plex.agents.movie")
    began, start = time.perf_counter(), 0
    while True:
        path = listing_path(section, Kind.MOVIE, start, PAGE)
        answer = session.get(url + path, headers={"X-Plex-Token": token}, timeout=30)
        rows = len(ElementTree.fromstring(answer.content))
        start += rows
        if rows < PAGE:
            return {"seconds": time.perf_counter() - began, "items": start}


def older(url: str, token: str) -> dict[str, float]:
    """List with plexapi objects, look at thumb, guids and summary of each."""
    from plexapi.server import PlexServer

    plex = PlexServer(url, token, timeout=60)
    began, start, lacking = time.perf_counter(), 0, 0
    while True:
        key = f"/library/sections/1/all?type=1&sort=addedAt:desc&includeGuids=1&X-Plex-Container-Start={start}"
        rows = plex.fetchItems(f"{key}&X-Plex-Container-Size={PAGE}", container_size=PAGE, maxresults=PAGE)
        lacking += sum(not row.thumb or not row.guids or not row.summary for row in rows)
        start += len(rows)
        if len(rows) < PAGE:
            return {"seconds": time.perf_counter() - began, "items": start, "lacking": lacking}


SIDES: dict[str, Callable[[str, str], dict[str, float]]] = {"ours": ours, "floor": floor, "older": older}


def _apart(side: str, plex: DemoPlex) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.judge", side, plex.url, plex.token]
    result: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return result


def main() -> None:
    """100,000 items against the floor, 20,000 against the older method, and memory at 10,000 and 100,000."""
    with _warm_server(10_000, "ours") as plex:
        small = _apart("ours", plex)
    with _warm_server(20_000, "ours") as plex:
        quick, slow = _apart("ours", plex)["seconds"], _apart("older", plex)["seconds"]
        print(f"judge 20,000: {quick:.1f} s, older method {slow:.1f} s, {slow / quick:.1f} x faster (at least 8)")
    with _warm_server(100_000, "ours", "floor") as plex:
        pairs = [(_apart("ours", plex), _apart("floor", plex)) for _ in range(PAIRS)]
    ratios = [one["seconds"] / bare["seconds"] for one, bare in pairs]
    print(
        f"judge 100,000: {pairs[0][0]['seconds']:.1f} s, floor {pairs[0][1]['seconds']:.1f} s, median ratio of {PAIRS} "
        f"pairs {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}; at most 1.5)"
    )
    large = statistics.median(one["mb"] for one, _ in pairs)
    print(
        f"judge memory: +{large:.0f} MB at 100,000 items (under 60), "
        f"{large - small['mb']:+.1f} MB from 10,000 to 100,000 (under 10)"
    )


@contextmanager
def _warm_server(items: int, *sides: str) -> Iterator[DemoPlex]:
    """A server that has written every row once already, as XML and JSON."""
    with DemoPlex(library="bench", items=items, broken=items // 100) as plex:
        for side in sides:
            _apart(side, plex)
        yield plex


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(SIDES[sys.argv[1]](sys.argv[2], sys.argv[3])))
    else:
        main()
