"""The command of the speed test: measure now, end the one that runs, list what was measured before."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import FrameType
from typing import Any

from keeper.commands.common import at_least_one, house_of_command, iso, print_result, who
from keeper.config import MEGABYTE
from keeper.errors import RunError, StoreError, WrongUse
from keeper.rules.types import Aspect, Hindrance, SpeedSource, SpeedStatus, SpeedTest
from keeper.wiring import House

log = logging.getLogger(__name__)

AGAIN_SECONDS = 0.1  # between two looks at what became of a cancel, and between two tries of one
ANSWER_SECONDS = 2.0  # in which a test that was cancelled has to be over
#: A measurement cannot be paused, and a terminal that is gone cannot show it.
CANCELS = (signal.SIGINT, signal.SIGTSTP)
INTERRUPTS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_CANCEL = ": python -m keeper speedtest --cancel"
_WORDS = {Aspect.DOWNLOAD: "download", Aspect.UPLOAD: "upload", Aspect.PING: "ping"}


def speedtest(options: argparse.Namespace) -> int:
    """0 only for a result that can be believed and is not low."""
    if (options.csv or options.limit is not None) and not options.history:
        raise WrongUse("--csv and --limit belong to --history.")
    if options.csv and options.json:
        raise WrongUse("--csv and --json are two forms of the same list: choose one.")
    if options.csv and options.limit is not None:
        raise WrongUse("--csv is the whole table: --limit does not go with it.")
    if options.cancel and options.json:
        raise WrongUse("--cancel tells in one sentence and by its exit code; --json does not go with it.")
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
    parser.add_argument("--limit", type=at_least_one, metavar="N", help="of --history: so many (20)")
    json_flag(parser)


def _measure(house: House, options: argparse.Namespace) -> int:
    by = who()
    try:
        with _ended_by_signals(house), _progress_shown(house):
            test = house.speed.measure_here(by, options.anyway)
    except RunError as problem:
        raise RunError(_in_the_way(house, problem.sentence)) from None
    document = {**test_result(test), "tries": _tries(house, test)}
    print_result(document if options.json else _sentence(test, _why(house, test)), as_json=options.json)
    return 0 if test.status is SpeedStatus.SUCCESS and not test.low else 1


def _in_the_way(house: House, sentence: str) -> str:
    """Whose test it is, and how it can be ended from here."""
    test = house.speed.store.active()
    if test is None or not sentence.endswith("cancel it."):
        return sentence
    asked = "" if test.requested_by in sentence else f" It was asked for by {test.requested_by}."
    return f"{sentence.removesuffix('.')}{_CANCEL}{asked and '.'}{asked}"


def _why(house: House, test: SpeedTest) -> str:
    """Of a test that the month's bytes forbid: how many are left."""
    fits, needed = house.speed.fits()
    used, allowed = house.speed.budget()
    if test.error_code != Hindrance.BUDGET or fits:
        return test.error
    left = f"{max(0, allowed - used) // MEGABYTE} of {allowed // MEGABYTE} MB are left this month"
    return f"{left}, and a test may need up to {-(-needed // MEGABYTE)} MB."


def _cancel(house: House) -> int:
    """0 when it is over, or will not begin."""
    test = house.speed.store.active()
    if test is None or not house.speed.cancel(who()):
        print_result("No speed test is running.")
        return 1
    left = _awaited(house, test.id)
    if left is not None and left.status is SpeedStatus.RUNNING:
        print_result(
            f"The speed test asked for by {left.requested_by} was told to end, but the program that measures does not "
            "answer: it may be stopped, or hang. It ends as soon as that program goes on."
        )
        return 1
    if left is not None and left.status is SpeedStatus.QUEUED:
        print_result("The speed test that was waiting will not be made.")
    else:
        print_result(f"The speed test is over: {_sentence(left)}" if left else "The speed test is over.")
    return 0


def _awaited(house: House, test_id: int) -> SpeedTest | None:
    """The test when it has ended, or as it is after a while."""
    pause, ends = threading.Event(), house.clock.monotonic() + ANSWER_SECONDS
    while True:
        test = house.speed.store.get(test_id)
        if test is None or test.status.ended or house.clock.monotonic() >= ends:
            return test
        pause.wait(AGAIN_SECONDS)


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


def _sentence(test: SpeedTest, why: str = "") -> str:
    """`why` = what is said instead of the error."""
    measured = test.result.measured if test.result else None
    if test.status is SpeedStatus.RUNNING:
        return _under_way(test)
    if test.status is not SpeedStatus.SUCCESS or test.result is None or measured is None:
        why = why or test.error
        return f"{_word(test)}: {why}" if why else f"{_word(test)}."
    slow = f" Too slow, measured twice: {', '.join(_WORDS[aspect] for aspect in test.low)}." if test.low else ""
    where = measured.server_name or measured.server
    return (
        f"Download {measured.download_mbps:.1f} Mbit/s, upload {measured.upload_mbps:.1f} Mbit/s, "
        f"ping {measured.ping_ms:.0f} ms, by {test.result.provider.value}{f' with {where}' if where else ''}; "
        f"{test.bytes / 1e6:.0f} MB in {test.seconds:.0f} s.{slow}"
    )


def _word(test: SpeedTest) -> str:
    """What a person asked for is not made later by itself."""
    if test.status is SpeedStatus.PUT_OFF:
        return "put off" if test.source is SpeedSource.SCHEDULE else "not measured"
    return test.status.value


def _under_way(test: SpeedTest) -> str:
    now = test.progress
    where = f": {now.provider.value}, {now.seconds:.0f} s" if now.provider else ""
    return f"running{where}{', told to end' if test.cancel_requested else ''}."


# ---------------------------------------------------------------------------- while it runs


@contextmanager
def _ended_by_signals(house: House) -> Iterator[None]:
    """Ctrl-C and Ctrl-Z cancel; SIGTERM and its kin, and the end of the terminal, interrupt. The handlers only wake a
    thread: they may come at any moment of this one."""
    asked, over, signals = threading.Event(), threading.Event(), list[int]()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signals.append(number)
        asked.set()

    ender = threading.Thread(target=_end, args=(house, signals, asked, over), name="ender", daemon=True)
    ender.start()
    before = [(number, signal.signal(number, on_signal)) for number in (*CANCELS, *INTERRUPTS) if _is_heard(number)]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
        over.set()
        asked.set()
        ender.join()


def _is_heard(number: signal.Signals) -> bool:
    """Under nohup the end of the terminal is nobody's business."""
    return number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN


def _end(house: House, signals: list[int], asked: threading.Event, over: threading.Event) -> None:
    """Again and again: the test may not have begun yet."""
    asked.wait()
    while not over.is_set():
        if set(signals) <= set(CANCELS):
            house.speed.cancel_here()
        else:
            house.speed.stop()
        over.wait(AGAIN_SECONDS)


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
        test = _active(house)
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


def _active(house: House) -> SpeedTest | None:
    """A line that shows progress has no other use for a data file that does not answer just now."""
    try:
        return house.speed.store.active()
    except StoreError as problem:
        log.debug("the progress of the speed test cannot be read: %s", problem.sentence)
        return None
