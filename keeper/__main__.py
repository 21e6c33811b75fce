"""python -m keeper ...: the house without a window. Exit code 0 = fine, 1 = not fine, 2 = wrong use or settings."""

from __future__ import annotations

import argparse
import sys

try:
    from keeper import cli, cli_events, cli_folders, cli_watch
except ModuleNotFoundError as missing:
    sys.exit(f"keeper: {missing.name} is not installed here. Run `make run` once, then .venv/bin/python -m keeper ...")
from keeper.errors import KeeperError, SettingsError


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        return int(options.command(options))
    except SettingsError as problem:
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

    scan = commands.add_parser("scan", help="find and mend missing metadata now, in this very process")
    scan.set_defaults(command=cli.scan)
    scan.add_argument("--library", action="append", default=[], metavar="NAME", help="only this library (repeatable)")
    scan.add_argument("--kind", action="append", default=[], metavar="KIND", choices=cli.KINDS,
                      help="movie, show, season, episode, artist, album (repeatable)")  # fmt: skip
    scan.add_argument(
        "--days", type=cli.at_least_zero, metavar="N", help="only what was added in the last N days; 0 = all"
    )
    scan.add_argument("--max-items", type=cli.at_least_zero, metavar="N", help="at most N items of each library")
    scan.add_argument("--all", action="store_true", help="everything, however old")
    scan.add_argument("--dry-run", action="store_true", help="only tell what would be refreshed")
    _json(scan)

    runs = commands.add_parser("runs", help="the latest scans")
    runs.set_defaults(command=cli.runs)
    runs.add_argument("--limit", type=cli.at_least_zero, default=20, metavar="N")
    _json(runs)

    for name, command, text in (
        ("cancel", cli.cancel, "end a queued or running scan"),
        ("resume", cli.resume, "queue an interrupted, failed or cancelled scan again; it does only the rest"),
    ):
        one = commands.add_parser(name, help=text)
        one.set_defaults(command=command)
        one.add_argument("job_id", metavar="JOB_ID")

    check = commands.add_parser("check", help="look once and name the cause")
    check.set_defaults(command=cli.check)
    _json(check)

    cli_watch.add_to(commands, _json)
    cli_folders.add_to(commands, _json)
    cli_events.add_to(commands, _json)

    doctor = commands.add_parser("doctor", help="is everything set up, and how to mend what is not")
    doctor.set_defaults(command=cli.doctor)
    doctor.add_argument(
        "--trust-server", action="store_true", help="accept the server that answers now as the right one"
    )
    _json(doctor)

    password = commands.add_parser("set-password", help="a new password for the page; all browsers are logged out")
    password.set_defaults(command=cli.set_password)
    commands.add_parser("unlock", help="forget failed logins").set_defaults(command=cli.unlock)
    return parser


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")


if __name__ == "__main__":
    sys.exit(main())
