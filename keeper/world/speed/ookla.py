"""Ookla's own program `speedtest`, where somebody installed it.

speedtest-cli brings a script of the same name, often earlier in the path; so every `speedtest` there is asked who it
is. Rates come as bytes a second. On failure it writes an object of type 'log' on either output, beside plain lines.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from keeper.ports import Stop
from keeper.rules.types import Ability, Flaw, Measured, Ran, SpeedProvider, SpeedRun
from keeper.world.commands import clean_environment
from keeper.world.speed.aside import Report
from keeper.world.speed.child import (
    Bench,
    Plan,
    Reading,
    Trial,
    amount,
    id_of,
    last_words,
    name_of,
    not_started,
    number,
    objects,
)

DEADLINE = 90.0  # it measures up to 15 s in each direction
MOST_BYTES = 1_000_000_000  # on a line of 250 Mbit/s both ways; what it really costs is known from the first time on
PATIENCE = 1.0  # seconds to say who it is
_GRACE = 0.2
_HEAD = 2048  # bytes of a script in which it says whose it is
_NOT_OOKLAS = (b"speedtest-cli", b"import speedtest", b"from speedtest")
_ASK_AGAIN = 600.0  # seconds, after it did not say
_ARGUMENTS = ("--format=json", "--progress=no", "--accept-license", "--accept-gdpr")
_NO_SERVER = ("NoServers", "No servers defined", "Failed to find a working test server")
_BLOCKED = ("Limit reached", "Too many requests", "(403)", "(429)")

Ask = Callable[[tuple[str, ...]], Ran]
Stamp = tuple[str, int, int]  # path, time and size: another program has another one


class Ookla:
    """The SpeedMeter port."""

    provider = SpeedProvider.OOKLA
    most_bytes = MOST_BYTES

    def __init__(self, bench: Bench, server: str = "", seconds: float = DEADLINE) -> None:
        self._bench, self._server = bench, server
        self._plan = Plan(self.provider, seconds, self.most_bytes)
        self._known: dict[Stamp, bool] = {}
        self._silent: dict[Stamp, float] = {}
        self._asking = threading.Lock()

    def ready(self) -> Ability:
        """At once: a program that was not asked yet is asked meanwhile, in a thread of its own."""
        unknown = False
        for stamp in _candidates():
            unknown |= self._is_unknown(stamp)
            if self._known.get(stamp):
                return Ability(True, f"Ookla's program is installed: {stamp[0]}.")
        if unknown:
            self._ask_meanwhile()
            return Ability(None, "There is a program `speedtest`; whether it is Ookla's is being found out.")
        mend = "See https://www.speedtest.net/apps/cli for how to install it."
        return Ability(False, "Ookla's program `speedtest` is not installed.", mend)

    def measure(self, stop: Stop, most_bytes: int | None, report: Report) -> SpeedRun:
        return Trial(self._bench, self._plan, stop, most_bytes, report).measure(self._attempt)

    def _attempt(self, trial: Trial) -> Reading:
        program = self._program(lambda argv: trial.ask(argv, PATIENCE))
        if program is None:
            return Reading(None, Flaw.NOT_INSTALLED, "Ookla's program `speedtest` is not installed.")
        pinned = (f"--server-id={self._server}",) if self._server else ()
        return self._read(trial.run((program, *_ARGUMENTS, *pinned)))

    def _program(self, ask: Ask) -> str | None:
        """The first one in the path that is Ookla's; whichever was not asked yet is asked."""
        for stamp in _candidates():
            if self._is_unknown(stamp):
                self._ask(stamp, ask)
            if self._known.get(stamp):
                return stamp[0]
        return None

    def _is_unknown(self, stamp: Stamp) -> bool:
        """Each is asked once, and one that did not answer in time again later."""
        now = self._bench.clock.monotonic()
        return stamp not in self._known and now >= self._silent.get(stamp, now)

    def _ask(self, stamp: Stamp, ask: Ask) -> None:
        if _is_the_package(stamp[0]):
            self._known[stamp] = False
            return
        ran = ask((stamp[0], "--version"))
        if ran.timed_out:
            self._silent[stamp] = self._bench.clock.monotonic() + _ASK_AGAIN
        else:
            self._known[stamp] = "Speedtest by Ookla" in ran.out

    def _ask_meanwhile(self) -> None:
        """By one thread at a time."""
        if not self._asking.acquire(blocking=False):
            return
        try:
            threading.Thread(target=self._ask_all, name="speed-ookla", daemon=True).start()
        except RuntimeError:  # no more threads: it is asked when it measures
            self._asking.release()

    def _ask_all(self) -> None:
        try:
            self._program(lambda argv: self._bench.commands.run(argv, PATIENCE, grace=_GRACE, guest=True))
        finally:
            self._asking.release()

    def _read(self, ran: Ran) -> Reading:
        if ran.code is None:
            return not_started(ran)
        for answer in objects(ran.out) if ran.code == 0 else ():
            try:
                return self._result(answer)
            except (ValueError, LookupError, TypeError, OverflowError):
                continue
        return self._complaint(ran)

    def _result(self, answer: dict[str, Any]) -> Reading:
        if answer["type"] != "result":
            raise ValueError("not the result")
        server, down, up = answer["server"], answer["download"], answer["upload"]
        number_there = id_of(server["id"])
        if self._server and number_there != self._server:
            return Reading(None, Flaw.NO_SERVER, f"It measured server {number_there} instead of {self._server}.")
        name = name_of(server.get("name"), server.get("location"), server.get("country"))
        received, sent = (amount(way["bytes"]) for way in (down, up))
        down_rate, up_rate = (number(way["bandwidth"]) * 8 / 1e6 for way in (down, up))
        ping = number(answer["ping"]["latency"])
        return Reading(Measured(number_there, name, ping, down_rate, up_rate, received, sent))

    def _complaint(self, ran: Ran) -> Reading:
        said = _error(ran)
        if ran.code == 0 and not said:
            return Reading(None, Flaw.GARBLED, f"What Ookla's program says cannot be read: {last_words(ran)}")
        said = said or last_words(ran)
        if any(word in said for word in _NO_SERVER):
            return Reading(None, Flaw.NO_SERVER, self._no_server(said))
        blocked = any(word in ran.err + said for word in _BLOCKED)
        return Reading(None, Flaw.BLOCKED if blocked else Flaw.BROKEN, f"Ookla's program: {said}")

    def _no_server(self, said: str) -> str:
        if not self._server:
            return f"Ookla's program found no server: {said}"
        return (
            f"Ookla's program cannot use server {self._server}. Put another number into SPEED_TEST_SERVER, or none: "
            "`speedtest --servers` shows those near by."
        )


def _candidates() -> Iterator[Stamp]:
    """Every program `speedtest` in the path."""
    for folder in clean_environment(os.environ)["PATH"].split(os.pathsep):
        path = Path(folder, "speedtest")
        try:
            status = path.stat()
        except (OSError, ValueError):
            continue
        if path.is_file() and os.access(path, os.X_OK):
            yield str(path), status.st_mtime_ns, status.st_size


def _is_the_package(path: str) -> bool:
    """Whether it is the script of the Python package, as its first lines tell; that need not be asked."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return head.startswith(b"#!") and any(word in head for word in _NOT_OOKLAS)


def _error(ran: Ran) -> str:
    """The message of the last complaint; '' = none."""
    for text in (ran.out, ran.err):
        for answer in objects(text):
            if answer.get("level") == "error" and answer.get("message"):
                return str(answer["message"])
            if answer.get("error"):
                return str(answer["error"])
    return ""
