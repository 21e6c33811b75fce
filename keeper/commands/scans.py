"""The commands of scans: scan, runs, cancel, resume."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import Any

from jobs import ENGINE, Brake, options_of
from keeper.commands.common import at_least_zero, house_of_command, iso, print_result, who
from keeper.rules.types import Kind, Run, RunStatus, ScanOptions
from keeper.wiring import House

KINDS = [kind.value for kind in Kind]


def scan(options: argparse.Namespace) -> int:
    """Runs a scan in this process; 0 only on success."""
    with house_of_command() as house:
        brake = Brake()
        with _ended_by_signals(house, brake), _progress_shown(house, quiet=options.json):
            run = house.jobs.start_now(_scan_options(house, options), who(), brake)
        print_result(scan_result(run) if options.json else _scan_sentence(run), as_json=options.json)
        return 0 if run.status is RunStatus.SUCCESS else 1


def runs(options: argparse.Namespace) -> int:
    """The latest scans, newest first."""
    with house_of_command() as house:
        latest = house.runs.latest(options.limit)
        print_result([run_row(run) for run in latest] if options.json else _run_lines(latest), as_json=options.json)
    return 0


def cancel(options: argparse.Namespace) -> int:
    """Sets the cancel flag; the scan ends within a second."""
    with house_of_command() as house:
        house.cancel(options.job_id, who())
        print_result(f"Cancel of {options.job_id} is asked for.")
    return 0


def resume(options: argparse.Namespace) -> int:
    """Queues a run again; the service carries it on."""
    with house_of_command() as house:
        house.resume(options.job_id, who())
        holder = house.memory.lease(ENGINE)
        then = f"the service ({holder.holder}) carries it on" if holder else "it starts as soon as the service runs"
        print_result(f"{options.job_id} is queued; {then}.")
    return 0


def add_to(commands: Any, json_flag: Any) -> None:
    """Adds these commands to the parser."""
    parser = commands.add_parser("scan", help="find and mend missing metadata now, in this very process")
    parser.set_defaults(command=scan)
    parser.add_argument("--library", action="append", default=[], metavar="NAME", help="only this library (repeatable)")
    parser.add_argument("--kind", action="append", default=[], metavar="KIND", choices=KINDS,
                        help="movie, show, season, episode, artist, album (repeatable)")  # fmt: skip
    parser.add_argument(
        "--days", type=at_least_zero, metavar="N", help="only what was added in the last N days; 0 = all"
    )
    parser.add_argument("--max-items", type=at_least_zero, metavar="N", help="at most N items of each library")
    parser.add_argument("--all", action="store_true", help="everything, however old")
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be refreshed")
    json_flag(parser)

    parser = commands.add_parser("runs", help="the latest scans")
    parser.set_defaults(command=runs)
    parser.add_argument("--limit", type=at_least_zero, default=20, metavar="N")
    json_flag(parser)

    for name, command, text in (
        ("cancel", cancel, "end a queued or running scan"),
        ("resume", resume, "queue an interrupted, failed or cancelled scan again; it does only the rest"),
    ):
        parser = commands.add_parser(name, help=text)
        parser.set_defaults(command=command)
        parser.add_argument("job_id", metavar="JOB_ID")


# ---------------------------------------------------------------------------- shapes


def scan_result(run: Run) -> dict[str, Any]:
    """The document of `scan --json`."""
    return {
        "job_id": run.job_id,
        "status": run.status.value,
        "stats": _stats(run),
        "seconds": round(run.seconds, 3),
        "error": run.error,
    }


def run_row(run: Run) -> dict[str, Any]:
    """One row of `runs --json`."""
    return {
        "job_id": run.job_id,
        "status": run.status.value,
        "source": run.source.value,
        "dry_run": run.options.dry_run,
        "created_at": iso(run.created_at),
        "started_at": iso(run.started_at),
        "finished_at": iso(run.finished_at),
        "cancel_requested": run.cancel_requested,
        "phase": run.progress.phase.value,
        "done": run.progress.done,
        "total": run.progress.total,
        "eta_seconds": run.progress.eta_seconds,
        "stats": _stats(run),
        "seconds": round(run.seconds, 3),
        "resumes": run.resumes,
        "holder": run.holder,
        "error": run.error,
    }


def _stats(run: Run) -> dict[str, Any]:
    stats = run.stats
    return {
        "checked": stats.checked, "fixed": stats.fixed, "would_fix": stats.would_fix, "failed": stats.failed,
        "skipped": stats.skipped, "gone": stats.gone, "libraries": stats.libraries,
    }  # fmt: skip


# ---------------------------------------------------------------------------- helpers


def _scan_options(house: House, asked: argparse.Namespace) -> ScanOptions:
    options = options_of(house.memory.preferences(), dry_run=asked.dry_run)
    if asked.library:
        options = replace(options, libraries=tuple(asked.library))
    if asked.kind:
        options = replace(options, kinds=tuple(asked.kind))
    if asked.max_items is not None:
        options = replace(options, max_items=asked.max_items)
    if asked.days is not None or asked.all:
        options = replace(options, days=0 if asked.all else asked.days)
    return options


@contextmanager
def _ended_by_signals(house: House, brake: Brake) -> Iterator[None]:
    """Ctrl-C cancels; SIGTERM interrupts, so that the scan can be resumed. Neither waits for a full disk."""

    def on_interrupt(_number: int, _frame: FrameType | None) -> None:
        brake.cancel()
        house.jobs.stop()

    def on_terminate(_number: int, _frame: FrameType | None) -> None:
        house.jobs.stop()

    before = signal.signal(signal.SIGINT, on_interrupt), signal.signal(signal.SIGTERM, on_terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


@contextmanager
def _progress_shown(house: House, quiet: bool) -> Iterator[None]:
    """One line on a terminal that follows the store, so that it shows just what the page shows."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    ended = threading.Event()
    line = threading.Thread(target=_show_progress, args=(house, ended), daemon=True)
    line.start()
    try:
        yield
    finally:
        ended.set()
        line.join()


def _show_progress(house: House, ended: threading.Event) -> None:
    while not ended.wait(0.5):
        run = house.runs.active()
        if run:
            p = run.progress
            eta = f", about {p.eta_seconds:.0f} s left" if p.eta_seconds else ""
            sys.stderr.write(f"\r\033[K{p.phase.value} {p.done}/{p.total}{eta} {p.note or p.title}"[:120])
            sys.stderr.flush()
    sys.stderr.write("\r\033[K")


def _scan_sentence(run: Run) -> str:
    s = run.stats
    figures = (
        f"checked {s.checked}, fixed {s.fixed}, would fix {s.would_fix}, "
        f"failed {s.failed}, skipped {s.skipped}, gone {s.gone}"
    )
    return f"{run.job_id} {run.status.value} in {run.seconds:.1f} s: {figures}." + (
        f" {run.error}" if run.error else ""
    )


def _run_lines(latest: Sequence[Run]) -> str:
    if not latest:
        return "No scan yet. Start one with: python -m keeper scan --dry-run"
    return "\n".join(f"{iso(run.started_at) or '-':25} {run.source.value:9} {_scan_sentence(run)}" for run in latest)
