"""What all commands share: the house for the time of a command, who asks, and how a result is printed."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from keeper.wiring import House, build


@contextmanager
def house_of_command() -> Iterator[House]:
    house = build()
    house.set_up_logging(quiet=True)
    try:
        yield house
    finally:
        house.close()


def at_least_zero(text: str) -> int:
    """A whole number of at least 0, for argparse."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 0 or more")
    return int(text)


def who() -> str:
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container without a user entry
        return "cli"


def iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


def print_result(document: Any, as_json: bool = False) -> None:
    sys.stdout.write((json.dumps(document, ensure_ascii=False, indent=2) if as_json else str(document)) + "\n")
