"""The command of the speed test: measure now, end the one that runs, list what was measured before."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import FrameType
from typing import Any

from keeper.commands.common import at_least_zero, house_of_command, iso, print_result, who
from keeper.errors import WrongUse
from keeper.rules.types import Aspect, SpeedSource, SpeedStatus, SpeedTest
from keeper.wiring import House

AGAIN_SECONDS = 0.1  # between two tries to cancel a test that may not have begun yet
_WORDS = {Aspect.DOWNLOAD: "download", Aspect.UPLOAD: "upload", Aspect.PING: "ping"}


def speedtest(options: argparse.Namespace) -> int:
    """0 only for a result that can be believed and is not low."""
    if (options.csv or options.limit is not None) and not options.history:
        raise WrongUse("--csv and --limit belong to --history.")
    if options.csv and options.json:
        raise WrongUse("--csv and --json are two forms of the same list: choose one.")
    with house_of_command() as house:
        if options.cancel:
            return _cancel(house)
        if options.history:
            return _history(house, options)
        return _measure(house, options)


def add_to(commands: Any, json_flag: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser("speedtest", help="measure the line now, in this very process")
    parser.set_defaults(command=speedtest)
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--anyway", action="store_true", help="also while somebody is watching")
    instead.add_argument("--cancel", action="store_true", help="end the test that runs, whoever started it")
    instead.add_argument("--history", action="store_true", help="earlier results, newest first")
    parser.add_argument("--csv", action="store_true", help="of --history: all of it as a table, oldest first")
    parser.add_argument("--limit", type=at_least_zero, metavar="N", help="of --history: so many (20)")
    json_flag(parser)


def _measure(house: House, options: argparse.Namespace) -> int:
    by = who()
    with _ended_by_signals(house, by), _progress_shown(house):
        test = house.speed.measure_here(by, options.anyway)
    document = {**test_result(test), "tries": _tries(house, test)}
    print_result(document if options.json else _sentence(test), as_json=options.json)
    return 0 if test.status is SpeedStatus.SUCCESS and not test.low else 1


def _cancel(house: House) -> int:
    asked = house.speed.cancel(who())
    print_result("The speed test ends within a second." if asked else "No speed test is running.")
    return 0 if asked else 1


def _history(house: House, options: argparse.Namespace) -> int:
    if options.csv:
        for piece in house.speed.csv():
            sys.stdout.write(piece)
        return 0
    tests = house.speed.views.tests(20 if options.limit is None else options.limit, 0)
    if options.json:
        print_result([test_row(test) for test in tests], as_json=True)
    elif not tests:
        print_result("No speed test yet. Make one with: python -m keeper speedtest")
    else:
        print_result("\n".join(f"{iso(_time(test))}  {test.source.value:8} {_sentence(test)}" for test in tests))
    return 0


# ---------------------------------------------------------------------------- shapes


def test_result(test: SpeedTest) -> dict[str, Any]:
    """The document of `speedtest --json`, without the tries; null = not measured."""
    measured = test.result.measured if test.result else None
    return {
        "status": test.status.value,
        "provider": test.result.provider.value if test.result else None,
        "server": measured.server if measured else None,
        "server_name": measured.server_name if measured else None,
        "ping_ms": round(measured.ping_ms, 2) if measured else None,
        "download_mbps": round(measured.download_mbps, 2) if measured else None,
        "upload_mbps": round(measured.upload_mbps, 2) if measured else None,
        "bytes": test.bytes,
        "low": [aspect.value for aspect in test.low],
        "seconds": round(test.seconds, 1),
        "error": test.error,
    }


def test_row(test: SpeedTest) -> dict[str, Any]:
    """One row of `speedtest --history --json`."""
    asked = {"id": test.id, "at": iso(_time(test)), "source": test.source.value, "by": test.requested_by}
    return {**asked, **test_result(test), "error_code": test.error_code}


def _tries(house: House, test: SpeedTest) -> list[dict[str, Any]]:
    return [
        {"provider": run.provider.value, "flaw": run.flaw.value if run.flaw else None, "said": run.said,
         "bytes": run.bytes}
        for run in house.speed.views.runs_of(test.id)
    ]  # fmt: skip


def _time(test: SpeedTest) -> datetime:
    return test.began_at or test.created_at


def _sentence(test: SpeedTest) -> str:
    measured = test.result.measured if test.result else None
    if test.status is not SpeedStatus.SUCCESS or test.result is None or measured is None:
        return f"{test.status.value.replace('_', ' ')}: {test.error}" if test.error else f"{test.status.value}."
    slow = f" Too slow, measured twice: {', '.join(_WORDS[aspect] for aspect in test.low)}." if test.low else ""
    where = measured.server_name or measured.server
    return (
        f"Download {measured.download_mbps:.1f} Mbit/s, upload {measured.upload_mbps:.1f} Mbit/s, "
        f"ping {measured.ping_ms:.0f} ms, by {test.result.provider.value}{f' with {where}' if where else ''}; "
        f"{test.bytes / 1e6:.0f} MB in {test.seconds:.0f} s.{slow}"
    )


# ---------------------------------------------------------------------------- while it runs


@contextmanager
def _ended_by_signals(house: House, by: str) -> Iterator[None]:
    """Ctrl-C cancels, SIGTERM interrupts. The handlers only wake a thread: they may come at any moment of this one."""
    asked, over, signals = threading.Event(), threading.Event(), list[int]()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signals.append(number)
        asked.set()

    ender = threading.Thread(target=_end, args=(house, by, signals, asked, over), name="ender", daemon=True)
    ender.start()
    before = [(number, signal.signal(number, on_signal)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
        over.set()
        asked.set()
        ender.join()


def _end(house: House, by: str, signals: list[int], asked: threading.Event, over: threading.Event) -> None:
    began = house.clock.now() - timedelta(seconds=1)  # the store keeps milliseconds only
    asked.wait()
    while not over.is_set():
        if signal.SIGTERM in signals:
            house.speed.stop()
        elif _is_ours(house.speed.store.active(), by, began):
            house.speed.cancel(by)
        over.wait(AGAIN_SECONDS)


def _is_ours(test: SpeedTest | None, by: str, began: datetime) -> bool:
    """Whether this process has made it; a test of the service, or of another terminal, is left alone."""
    return test is not None and (test.source, test.requested_by) == (SpeedSource.CLI, by) and test.created_at >= began


@contextmanager
def _progress_shown(house: House) -> Iterator[None]:
    """One line on a terminal that follows the store, so that it shows just what the page shows."""
    if not sys.stderr.isatty():
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
        test = house.speed.store.active()
        if test is not None and test.progress.provider is not None:
            p = test.progress
            again = ", once more because the first result was low" if p.confirming else ""
            of = f" of about {p.expected:.0f}" if p.expected else ""
            sys.stderr.write(
                f"\r\033[K{p.provider}{again}: {p.seconds:.0f}{of} s, down {p.receiving_mbps:.1f}, "
                f"up {p.sending_mbps:.1f} Mbit/s"[:120]
            )
            sys.stderr.flush()
    sys.stderr.write("\r\033[K")
