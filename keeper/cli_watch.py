"""The commands of the watchdog: run it, ask it why, rehearse, allow, hold."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

from keeper.cli import house_of_command, iso, print_result, who
from keeper.errors import RunError
from keeper.rules.types import Armed
from keeper.wiring import build

ARMED = [each.value for each in Armed]


def watch(_options: argparse.Namespace) -> int:
    """The engine without a window, until SIGTERM or Ctrl-C: the watchdog, queued scans, the daily scan."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    house = build()
    house.set_up_logging()
    logging.getLogger("keeper").info("watching without a window; Ctrl-C ends it")
    house.engine.start()
    try:
        ended.wait()
    finally:
        house.engine.stop()
        house.close()
    return 0


def why(options: argparse.Namespace) -> int:
    """The latest decisions, newest first."""
    with house_of_command() as house:
        rows = [
            {"at": iso(each.at), "cause": each.cause.value, **dict(each.decision)}
            for each in house.watch.decisions(options.limit)
        ]
        if options.json:
            print_result(rows, as_json=True)
        elif not rows:
            print_result("Nothing was decided yet. Is the service running?")
        else:
            print_result("\n".join(f"{row['at']}  {row['cause']:18} {row.get('sentence', '')}" for row in rows))
    return 0


def simulate(options: argparse.Namespace) -> int:
    """Plays a scripted outage through the watchdog's own rules; nothing real is asked or done."""
    try:
        text = sys.stdin.read() if options.file == "-" else Path(options.file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise RunError(f"{options.file} cannot be read: {getattr(problem, 'strerror', None) or 'not UTF-8'}.") from None
    with house_of_command() as house:
        played = house.simulate(text)
        print_result(played if options.json else _timeline(played), as_json=options.json)
    return 0


def limits(options: argparse.Namespace) -> int:
    """What is allowed and what is left of it. --reset forgets what was done, for emergencies."""
    with house_of_command() as house:
        if options.reset:
            house.forget_actions(who())
        shown: dict[str, Any] = {
            "armed": sorted(each.value for each in house.watch.armed()),
            "held_until": iso(house.watch.held_until()),
            "budgets": [
                {"action": each.action.value, "used": each.used, "allowed": each.allowed, "next_at": iso(each.next_at)}
                for each in house.budgets()
            ],
        }
        print_result(shown if options.json else _limit_lines(shown), as_json=options.json)
    return 0


def arm(options: argparse.Namespace) -> int:
    """Allows or forbids actions, each by itself."""
    with house_of_command() as house:
        named = frozenset(Armed(name) for name in options.what)
        before = house.watch.armed()
        house.arm(before | named if options.allow else before - named, who())
        print_result("Allowed now: " + (", ".join(sorted(house.watch.armed())) or "nothing") + ".")
    return 0


def hold(options: argparse.Namespace) -> int:
    """Hands off for some hours; 0 ends it."""
    with house_of_command() as house:
        until = house.clock.now() + timedelta(hours=options.hours) if options.hours else None
        house.hold(until, who())
        print_result(f"Hands off until {iso(until)}." if until else "The watchdog may act again.")
    return 0


def hours(text: str) -> float:
    """A number of hours from 0 to a month, for argparse."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 744:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of hours from 0 to 744")
    return found


def add_to(commands: Any, json_flag: Any) -> None:
    """Adds these commands to the parser."""
    parser = commands.add_parser("watch", help="the watchdog, and scans, without a window; until Ctrl-C")
    parser.set_defaults(command=watch)

    parser = commands.add_parser("why", help="the watchdog's latest decisions and their reasons")
    parser.set_defaults(command=why)
    parser.add_argument("--limit", type=int, default=20, metavar="N")
    json_flag(parser)

    parser = commands.add_parser("simulate", help="play a scripted outage through the watchdog's rules")
    parser.set_defaults(command=simulate)
    parser.add_argument("file", metavar="FILE", help="YAML; - for standard input")
    json_flag(parser)

    parser = commands.add_parser("limits", help="what the watchdog may do, and what is left of it")
    parser.set_defaults(command=limits)
    parser.add_argument("--reset", action="store_true", help="forget earlier restarts and reboots")
    json_flag(parser)

    for name, allow, text in (("arm", True, "allow actions"), ("disarm", False, "forbid actions")):
        parser = commands.add_parser(name, help=f"{text}: {', '.join(ARMED)}")
        parser.set_defaults(command=arm, allow=allow)
        parser.add_argument("what", nargs="+", choices=ARMED)

    parser = commands.add_parser("hold", help="the watchdog keeps its hands off for some hours; 0 ends it")
    parser.set_defaults(command=hold)
    parser.add_argument("hours", type=hours, metavar="HOURS")


def _timeline(played: dict[str, Any]) -> str:
    lines = [
        f"{entry['at']}  {entry['what']:8} {entry['cause']:18} "
        + (f"-> {entry['action']}" if entry["action"] != "none" else f"{entry['reason']} ({entry['wanted']})")
        for entry in played["entries"]
    ]
    told = f"{played['ticks']} looks, {len(played['incidents'])} incidents, {len(played['actions'])} actions."
    return "\n".join([*lines, told])


def _limit_lines(shown: dict[str, Any]) -> str:
    lines = [f"Allowed: {', '.join(shown['armed']) or 'nothing'}."]
    if shown["held_until"]:
        lines.append(f"Hands off until {shown['held_until']}.")
    for each in shown["budgets"]:
        soonest = f", next {each['next_at']}" if each["next_at"] else ""
        lines.append(f"{each['action']}: {each['used']} of {each['allowed']}{soonest}")
    return "\n".join(lines)
