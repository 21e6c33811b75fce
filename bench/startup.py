"""`python -m keeper scan --dry-run` on 50 items, as a whole process."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

from keeper.demo.process import DemoPlex

RUNS = 7


def main() -> None:
    """Median of several runs."""
    with DemoPlex(library="small", items=50) as plex, tempfile.TemporaryDirectory() as folder:
        settings = {"PLEX_URL": plex.url, "PLEX_TOKEN": plex.token, "PSR_DB_PATH": f"{folder}/bench.db"}
        command = [sys.executable, "-m", "keeper", "scan", "--dry-run", "--all", "--json"]
        seconds = []
        for _ in range(RUNS):
            began = time.perf_counter()
            subprocess.run(command, env={**os.environ, **settings}, check=True, capture_output=True)
            seconds.append(time.perf_counter() - began)
    print(
        f"start-up: scan --dry-run of 50 items takes {statistics.median(seconds):.2f} s as a whole process "
        f"({min(seconds):.2f} to {max(seconds):.2f}; under 1.5)"
    )


if __name__ == "__main__":
    main()
