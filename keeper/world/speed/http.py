"""Our own measurement: so many bytes from one address and to another, no more than are given.

For where the other providers are blocked, gone or not wanted; any web server with a file and a place to send to will
do. The work is done by `http_child`; the addresses are handed to it past the list of processes, for they may hold
passwords.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from keeper.ports import Stop
from keeper.rules.types import Ability, Flaw, Measured, Ran, SpeedProvider, SpeedRun
from keeper.world.speed.aside import Report
from keeper.world.speed.child import (
    Bench,
    Ended,
    Plan,
    Reading,
    Trial,
    amount,
    last_words,
    not_started,
    number,
    objects,
)
from keeper.world.speed.traffic import Count

DEADLINE = 45.0
SECONDS = 10.0  # of each direction
OVERHEAD = 1.08  # bytes on the line for each byte of data: headers of packets, TLS, what is sent twice
SLACK = 1.25  # bytes of a budget for each byte of data: others use the line as well, and count with it
FEWEST = 250_000  # bytes of each direction, for figures that say anything
_COMMAND = (sys.executable, "-I", "-S", str(Path(__file__).with_name("http_child.py")))


class HttpTest:
    """The SpeedMeter port."""

    provider = SpeedProvider.HTTP

    def __init__(
        self, bench: Bench, download_url: str, upload_url: str, megabytes: int, seconds: float = DEADLINE
    ) -> None:
        self._bench, self._download, self._upload = bench, download_url, upload_url
        self.most_bytes = 2 * megabytes * 1_000_000  # what the setting allows, with all that comes on top of data
        self._most = int(self.most_bytes / 2 / OVERHEAD)
        self._plan = Plan(self.provider, seconds, self.most_bytes, is_strict=True, bounds_itself=True)

    def ready(self) -> Ability:
        for setting, address in (
            ("SPEED_TEST_DOWNLOAD_URL", self._download),
            ("SPEED_TEST_UPLOAD_URL", self._upload),
        ):
            if not address:
                return Ability(False, f"{setting} is empty.", f"Put an address into {setting}.")
            if not _is_address(address):
                return Ability(False, f"{setting} is not an http address.", f"Put an address into {setting}.")
        return Ability(True, f"Bytes from {_host(self._download)} and to {_host(self._upload)}.")

    def measure(self, stop: Stop, most_bytes: int | None, report: Report) -> SpeedRun:
        trial = Trial(self._bench, self._plan, stop, most_bytes, report)
        return trial.measure(lambda trial: self._attempt(trial, most_bytes))

    def _attempt(self, trial: Trial, most_bytes: int | None) -> Reading:
        ability = self.ready()
        if not ability.can:
            return Reading(None, Flaw.NOT_INSTALLED, ability.sentence)
        most = self._most if most_bytes is None else min(self._most, int(most_bytes / 2 / SLACK))
        if most < FEWEST:
            raise Ended(Flaw.TOO_MANY_BYTES, "Too few bytes are left to measure anything.")
        task = {"download": self._download, "upload": self._upload, "most": most, "seconds": SECONDS}
        return self._read(trial.run(_COMMAND, json.dumps(task), _told))

    def _read(self, ran: Ran) -> Reading:
        if ran.code is None:
            return not_started(ran)
        for answer in objects(ran.out) if ran.code == 0 else ():
            try:
                return self._said(answer)
            except (ValueError, LookupError, TypeError, OverflowError):
                continue
        return Reading(None, Flaw.BROKEN, f"Our own measurement broke down: {last_words(ran)}")

    def _said(self, answer: dict[str, Any]) -> Reading:
        if "flaw" in answer:
            return Reading(None, Flaw(answer["flaw"]), str(answer["said"]))
        found, host = answer["result"], _host(self._download)
        ping, down, up = (number(found[key]) for key in ("ping_ms", "download_mbps", "upload_mbps"))
        received, sent = (amount(found[key]) for key in ("received", "sent"))
        return Reading(Measured(host, host, ping, down, up, received, sent))


def _told(text: str) -> Count | None:
    """The bytes so far; the last line may not be there in full."""
    for answer in objects(text):
        if "received" in answer:
            return Count(int(answer["received"]), int(answer["sent"]))
    return None


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _host(address: str) -> str:
    return (urlsplit(address).hostname or "")[:200]
