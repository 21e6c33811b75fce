"""Ookla's own program `speedtest`, where somebody installed it.

speedtest-cli brings a script of the same name, often earlier in the path; so every `speedtest` there is asked who it
is. Rates come as bytes a second. On failure it writes an object of type 'log' on either output, beside plain lines.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keeper.ports import Stop
from keeper.rules.types import Ability, Flaw, Measured, Ran, SpeedProvider, SpeedRun
from keeper.world.commands import clean_environment
from keeper.world.speed.child import (
    Bench,
    Plan,
    Reading,
    Report,
    Trial,
    last_words,
    name_of,
    not_started,
    number,
    objects,
)

DEADLINE = 90.0  # it measures up to 15 s in each direction
MOST_BYTES = 1_000_000_000  # on a line of 250 Mbit/s both ways; what it really costs is known from the first time on
PATIENCE = 5.0  # seconds to say who it is
_ASK_AGAIN = 600.0  # seconds, after it did not say
_ARGUMENTS = ("--format=json", "--progress=no", "--accept-license", "--accept-gdpr")
_NO_SERVER = ("NoServers", "No servers defined", "Failed to find a working test server")
_BLOCKED = ("Limit reached", "Too many requests", "(403)", "(429)")

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

    def ready(self) -> Ability:
        found = self._program()
        if found is None:
            mend = "See https://www.speedtest.net/apps/cli for how to install it."
            return Ability(False, "Ookla's program `speedtest` is not installed.", mend)
        return Ability(True, f"Ookla's program is installed: {found}.")

    def measure(self, stop: Stop, most_bytes: int | None, report: Report) -> SpeedRun:
        return Trial(self._bench, self._plan, stop, most_bytes, report).measure(self._attempt)

    def _attempt(self, trial: Trial) -> Reading:
        program = self._program()
        if program is None:
            return Reading(None, Flaw.NOT_INSTALLED, "Ookla's program `speedtest` is not installed.")
        pinned = (f"--server-id={self._server}",) if self._server else ()
        return self._read(trial.run((program, *_ARGUMENTS, *pinned)))

    def _program(self) -> str | None:
        return next((path for stamp in _candidates() if self._is_ooklas(stamp) for path in stamp[:1]), None)

    def _is_ooklas(self, stamp: Stamp) -> bool:
        """Asked once of each program; one that did not answer in time is asked again later."""
        now = self._bench.clock.monotonic()
        if stamp not in self._known and now >= self._silent.get(stamp, now):
            ran = self._bench.commands.run((stamp[0], "--version"), PATIENCE)
            if ran.timed_out:
                self._silent[stamp] = self._bench.clock.monotonic() + _ASK_AGAIN
            else:
                self._known[stamp] = "Speedtest by Ookla" in ran.out
        return self._known.get(stamp, False)

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
        number_there = str(server["id"])
        if self._server and number_there != self._server:
            return Reading(None, Flaw.NO_SERVER, f"It measured server {number_there} instead of {self._server}.")
        name = name_of(server.get("name"), server.get("location"), server.get("country"))
        received, sent = (int(number(way["bytes"])) for way in (down, up))
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


def _error(ran: Ran) -> str:
    """The message of the last complaint; '' = none."""
    for text in (ran.out, ran.err):
        for answer in objects(text):
            if answer.get("level") == "error" and answer.get("message"):
                return str(answer["message"])
            if answer.get("error"):
                return str(answer["error"])
    return ""
