"""The commands around the service: doctor, set-password, unlock."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import Any

from keeper.commands.common import house_of_command, print_result
from keeper.doctor.examination import examine
from keeper.errors import KeeperError
from keeper.wiring import open_door


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


def add_to(commands: Any, json_flag: Any) -> None:
    """Adds these commands to the parser."""
    parser = commands.add_parser("doctor", help="is everything set up, and how to mend what is not")
    parser.set_defaults(command=doctor)
    parser.add_argument(
        "--trust-server", action="store_true", help="accept the server that answers now as the right one"
    )
    json_flag(parser)

    parser = commands.add_parser("set-password", help="a new password for the page; all browsers are logged out")
    parser.set_defaults(command=set_password)
    commands.add_parser("unlock", help="forget failed logins").set_defaults(command=unlock)


def _mark(ok: bool | None) -> str:
    return {True: "[ok]", False: "[!!]", None: "[??]"}[ok]
