"""librespeed-cli, where somebody installed it.

It chooses the server by itself: its numbers are others than those of speedtest.net. Up to version 1.0.9 it writes one
object, later a list of one; when the chosen server does not answer it writes `null` or nothing, with exit code 0.
"""

from __future__ import annotations

import os
import shutil
from typing import Any
from urllib.parse import urlsplit

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
    last_words,
    name_of,
    not_started,
    number,
    objects,
)

DEADLINE = 90.0  # it measures 15 s in each direction, after it has asked all its servers who is nearest
MOST_BYTES = 1_000_000_000  # on a line of 250 Mbit/s both ways; what it really costs is known from the first time on
PROGRAM = "librespeed-cli"
_ARGUMENTS = ("--json", "--secure")


class LibreSpeed:
    """The SpeedMeter port."""

    provider = SpeedProvider.LIBRESPEED
    most_bytes = MOST_BYTES

    def __init__(self, bench: Bench, seconds: float = DEADLINE) -> None:
        self._bench, self._plan = bench, Plan(self.provider, seconds, self.most_bytes)

    def ready(self) -> Ability:
        found = shutil.which(PROGRAM, path=clean_environment(os.environ)["PATH"])
        if found is None:
            return Ability(False, f"{PROGRAM} is not installed.", f"Install the package {PROGRAM}.")
        return Ability(True, f"{PROGRAM} is installed: {found}.")

    def measure(self, stop: Stop, most_bytes: int | None, report: Report) -> SpeedRun:
        trial = Trial(self._bench, self._plan, stop, most_bytes, report)
        return trial.measure(lambda trial: _read(trial.run((PROGRAM, *_ARGUMENTS))))


def _read(ran: Ran) -> Reading:
    if ran.code is None:
        return not_started(ran)
    if ran.code != 0:
        return _complaint(ran)
    for answer in objects(ran.out):
        try:
            return Reading(_result(answer))
        except (ValueError, LookupError, TypeError, OverflowError):
            continue
    if ran.out in ("", "null", "[]"):
        return Reading(None, Flaw.NO_SERVER, "The server that LibreSpeed chose does not answer.")
    return Reading(None, Flaw.GARBLED, f"What {PROGRAM} says cannot be read: {last_words(ran)}")


def _result(answer: dict[str, Any]) -> Measured:
    """Rates are Mbit/s, whatever its help says."""
    server = answer["server"]
    host = urlsplit(server["url"]).hostname or ""
    if not host:
        raise ValueError("no server is named")
    down, up, ping = (number(answer[key]) for key in ("download", "upload", "ping"))
    received, sent = (amount(answer[key]) for key in ("bytes_received", "bytes_sent"))
    return Measured(name_of(host), name_of(server.get("name") or host), ping, down, up, received, sent)


def _complaint(ran: Ran) -> Reading:
    """The last line is always 'Terminated due to error'; newer versions add the reason to it."""
    lines = [line for line in (ran.err or ran.out).splitlines() if line.strip()]
    told = [line for line in lines if not line.rstrip().endswith("Terminated due to error")]
    said = told[-1].strip() if told else last_words(ran)
    if "No server is currently available" in said:
        return Reading(None, Flaw.NO_SERVER, "None of LibreSpeed's servers can be reached.")
    blocked = "403" in said or "429" in said
    return Reading(None, Flaw.BLOCKED if blocked else Flaw.BROKEN, f"{PROGRAM}: {said}")
