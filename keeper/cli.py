"""The commands. Each prints for people or, with --json, one document whose shape is stable (README has the shapes)."""

from __future__ import annotations

import argparse
import getpass
import json
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from types import FrameType
from typing import Any

from jobs import ENGINE, Brake, options_of
from keeper.errors import KeeperError
from keeper.examination import examine
from keeper.rules.types import Cause, Kind, Run, RunStatus, ScanOptions
from keeper.wiring import House, build, open_door

KINDS = [kind.value for kind in Kind]


def at_least_zero(text: str) -> int:
    """A whole number of at least 0, for argparse."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 0 or more")
    return int(text)


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


def check(options: argparse.Namespace) -> int:
    """One look at Plex; 0 when all is well."""
    with house_of_command() as house:
        look = house.monitor.look()
        facts = {name: {"value": fact.value, "detail": fact.detail} for name, fact in look.facts.items()}
        document = {
            "at": iso(look.at), "cause": look.cause.value, "sentence": look.sentence, "facts": facts,
            "decision": dict(look.decision),
        }  # fmt: skip
        print_result(document if options.json else f"{look.cause.value}: {look.sentence}", as_json=options.json)
        return 0 if look.cause is Cause.OK else 1


def doctor(options: argparse.Namespace) -> int:
    """What is set up and what is not; 1 when something needs mending."""
    with house_of_command() as house:
        if options.trust_server:
            house.runs.forget_server(house.address.name)
        findings = examine(house)
        lines = [f"{_mark(f.ok)} {f.name}: {f.sentence}" + (f"\n    -> {f.mend}" if f.mend else "") for f in findings]
        print_result([f._asdict() for f in findings] if options.json else "\n".join(lines), as_json=options.json)
        return 1 if any(f.ok is False for f in findings) else 0


def set_password(_options: argparse.Namespace) -> int:
    """Asks twice on a terminal, reads one line otherwise."""
    with house_of_command() as house:
        doorkeeper = open_door(house, announce=False)
        if sys.stdin.isatty():
            new = getpass.getpass("New password: ")
            if new != getpass.getpass("Once more: "):
                raise KeeperError("The two passwords differ; nothing was changed.")
        else:
            new = sys.stdin.readline().rstrip("\n")
        doorkeeper.set_password(new)
        print_result("The password is changed; all browsers are logged out.")
    return 0


def unlock(_options: argparse.Namespace) -> int:
    """The owner on the machine can always open the door again."""
    with house_of_command() as house:
        open_door(house, announce=False).unlock()
        print_result("Failed logins are forgotten.")
    return 0


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


def iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


# ---------------------------------------------------------------------------- helpers


@contextmanager
def house_of_command() -> Iterator[House]:
    house = build()
    house.set_up_logging(quiet=True)
    try:
        yield house
    finally:
        house.close()


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


def who() -> str:
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container without a user entry
        return "cli"


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


def _mark(ok: bool | None) -> str:
    return {True: "[ok]", False: "[!!]", None: "[??]"}[ok]


def print_result(document: Any, as_json: bool = False) -> None:
    sys.stdout.write((json.dumps(document, ensure_ascii=False, indent=2) if as_json else str(document)) + "\n")
