"""speedtest-cli, the Python package: comes with this program, and is run as one of its own.

It is unmaintained and says many things that are not so with exit code 0; what can be told from its words is told
here, what only its figures give away is refused by the rules. Plain HTTP is answered 403 since 2022, hence --secure.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

from keeper.ports import Stop
from keeper.rules.types import Ability, Flaw, Measured, Ran, SpeedProvider, SpeedRun
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

DEADLINE = 90.0  # with a second try and the wait before it
PAUSE = 5.0  # before the second try
MOST_BYTES = 570_000_000  # 409 MB down and 152 MB up is what it stops at, however fast the line is
#: What speedtest.net says now and then to everybody, and no longer a few seconds later.
_PASSING = (Flaw.BLOCKED, Flaw.NO_SERVER)


class SpeedtestCli:
    """The SpeedMeter port."""

    provider = SpeedProvider.SPEEDTEST_CLI
    most_bytes = MOST_BYTES

    def __init__(self, bench: Bench, server: str = "", seconds: float = DEADLINE) -> None:
        self._bench, self._server = bench, server
        self._plan = Plan(self.provider, seconds, self.most_bytes, is_strict=True)

    def ready(self) -> Ability:
        if importlib.util.find_spec("speedtest") is None:
            return Ability(False, "The Python package speedtest-cli is not installed.", "pip install speedtest-cli")
        return Ability(True, "The Python package speedtest-cli is installed.")

    def measure(self, stop: Stop, most_bytes: int | None, report: Report) -> SpeedRun:
        return Trial(self._bench, self._plan, stop, most_bytes, report).measure(self._attempt)

    def _attempt(self, trial: Trial) -> Reading:
        reading = self._read(trial.run(self._argv()))
        if reading.flaw in _PASSING:
            trial.wait(PAUSE)
            reading = self._read(trial.run(self._argv()))
        return reading

    def _argv(self) -> tuple[str, ...]:
        """-W ignore: where warnings are made errors, its threads die of those of newer Pythons."""
        pinned = ("--server", self._server) if self._server else ()
        quiet = (sys.executable, "-W", "ignore", "-m", "speedtest")
        return (*quiet, "--json", "--secure", "--no-pre-allocate", "--timeout", "10", *pinned)

    def _read(self, ran: Ran) -> Reading:
        if ran.code is None:
            return not_started(ran)
        if ran.code != 0:
            return self._complaint(ran)
        for answer in objects(ran.out):
            try:
                return self._result(answer)
            except (ValueError, LookupError, TypeError, OverflowError):
                continue
        return Reading(None, Flaw.GARBLED, f"What speedtest-cli says cannot be read: {last_words(ran)}")

    def _result(self, answer: dict[str, Any]) -> Reading:
        server = answer["server"]
        number_there = id_of(server["id"])
        if self._server and number_there != self._server:
            return Reading(None, Flaw.NO_SERVER, f"It measured server {number_there} instead of {self._server}.")
        name = name_of(server.get("sponsor"), server.get("name"), server.get("country"))
        down, up = number(answer["download"]) / 1e6, number(answer["upload"]) / 1e6
        received, sent = (amount(answer[key]) for key in ("bytes_received", "bytes_sent"))
        return Reading(Measured(number_there, name, number(answer["ping"]), down, up, received, sent))

    def _complaint(self, ran: Ran) -> Reading:
        """It ends with a line that begins with ERROR, or with a traceback."""
        said = ran.err + ran.out
        if "No module named speedtest" in said:
            return Reading(None, Flaw.NOT_INSTALLED, "The Python package speedtest-cli is not installed.")
        if "No matched servers" in said:
            return Reading(None, Flaw.NO_SERVER, self._unknown_server())
        if "Unable to connect to servers to test latency" in said:
            return Reading(None, Flaw.NO_SERVER, "speedtest.net names no server that could be measured.")
        if "HTTP Error 403" in said:
            return Reading(None, Flaw.BLOCKED, "speedtest.net refuses to serve speedtest-cli just now (403).")
        if "ExpatError" in said or "Malformed speedtest.net" in said:
            return Reading(None, Flaw.BROKEN, "Something else than speedtest.net answered; a login page in the line?")
        return Reading(None, Flaw.BROKEN, f"speedtest-cli: {last_words(ran).removeprefix('ERROR: ')}")

    def _unknown_server(self) -> str:
        return (
            f"speedtest.net does not offer server {self._server} here. Put another number into SPEED_TEST_SERVER, or "
            "none: `python -m speedtest --list --secure` shows those near by."
        )
