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

from jobs import ENGINE
from keeper.doctor.watchdog import is_held
from keeper.wiring import House, build


@contextmanager
def house_of_command() -> Iterator[House]:
    house = build()
    house.set_up_logging(quiet=True)
    try:
        yield house
    finally:
        house.close()


def running_engine(house: House) -> str:
    """Who runs the engine on this data file, such as 'pid 4711 on nas'; '' = nobody does."""
    lease = house.memory.lease(ENGINE)
    return lease.holder if lease and is_held(house, lease) else ""


def say_which_plex(house: House) -> None:
    """In the demo every command has a pretended Plex of its own: what is seen is not what the service sees."""
    if house.settings.demo:
        sys.stderr.write("keeper: demo mode: this command started a simulated Plex server of its own and looks at that "
                         "one. The one of a service that runs may be another matter.\n")  # fmt: skip


def at_least_zero(text: str) -> int:
    """A whole number of at least 0, for argparse."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 0 or more")
    return int(text)


def at_least_one(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 1 or more")
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
