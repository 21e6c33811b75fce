"""python -m keeper ...: the house without a window. Exit code 0 = fine, 1 = not fine, 2 = wrong use or settings."""

from __future__ import annotations

import argparse
import sys

try:
    from keeper.commands import events, folders, scans, service, speed, watchdog
except ModuleNotFoundError as missing:
    sys.exit(f"keeper: {missing.name} is not installed here. Run `make run` once, then .venv/bin/python -m keeper ...")
from keeper.errors import KeeperError, SettingsError, WrongUse


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        return int(options.command(options))
    except (SettingsError, WrongUse) as problem:
        print(f"keeper: {problem.sentence}", file=sys.stderr)
        return 2
    except KeeperError as problem:
        print(f"keeper: {problem.sentence}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print("keeper: ended; nothing was changed.", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="keeper", description="Plex Keeper without a window.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    for matter in (scans, watchdog, folders, speed, events, service):
        matter.add_to(commands, _json)
    return parser


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")


if __name__ == "__main__":
    sys.exit(main())
