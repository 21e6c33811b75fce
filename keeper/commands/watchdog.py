"""The commands of the watchdog: run it, ask it why, rehearse, allow, hold."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any

from keeper.commands.common import (
    at_least_zero,
    house_of_command,
    iso,
    print_result,
    running_engine,
    say_which_plex,
    who,
)
from keeper.errors import WrongUse
from keeper.rules.causes import SENTENCES
from keeper.rules.story import ACTION_WORDS, sentence
from keeper.rules.types import Action, Agent, Armed, Cause, Decision, Reason, Taken, Turn, Turning
from keeper.wiring import House, build

ARMED = [each.value for each in Armed]
_TURNINGS = [each.value for each in Turning]
_UNITS = ((1, "s", 90), (60, "min", 5_400), (3_600, "h", 172_800))  # seconds, name, used below so many seconds


def watch(_options: argparse.Namespace) -> int:
    """The engine without a window, until SIGTERM or Ctrl-C: the watchdog, queued scans, the daily scan."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    house = build()
    house.set_up_logging()
    if holder := running_engine(house):
        sys.stderr.write(f"keeper: {holder} runs the engine on this data file and acts; this one only looks, and takes "
                         "over when that one is gone.\n")  # fmt: skip
    logging.getLogger("keeper").info("watching without a window; Ctrl-C ends it")
    house.engine.start()
    try:
        ended.wait()
    finally:
        house.engine.stop()
        house.close()
    return 0


def check(options: argparse.Namespace) -> int:
    """One look at Plex; 0 when all is well."""
    with house_of_command() as house:
        say_which_plex(house)
        look = house.monitor.look()
        facts = {name: {"value": fact.value, "detail": fact.detail} for name, fact in look.facts.items()}
        document = {
            "at": iso(look.at), "cause": look.cause.value, "sentence": look.sentence, "facts": facts,
            "decision": dict(look.decision),
        }  # fmt: skip
        print_result(document if options.json else f"{look.cause.value}: {look.sentence}", as_json=options.json)
        return 0 if look.cause is Cause.OK else 1


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
            print_result(f"Nothing was decided yet. {_who_looks(house)}")
        else:
            print_result("\n".join(f"{row['at']}  {row['cause']:18} {_because(row)}" for row in rows))
    return 0


def ledger(options: argparse.Namespace) -> int:
    """Starts and stops of Plex, each with who did it, and our own actions, on one line of time, newest first."""
    with house_of_command() as house:
        rows = _ledger_rows(house, options.limit)
        if options.json:
            print_result(rows, as_json=True)
        elif not rows:
            print_result(f"No start or stop of Plex was seen yet, and nothing was done. {_who_looks(house)}")
        else:
            print_result("\n".join(map(_ledger_line, rows)))
    return 0


def simulate(options: argparse.Namespace) -> int:
    """Plays a scripted outage through the watchdog's own rules; nothing real is asked or done."""
    try:
        text = sys.stdin.read() if options.file == "-" else Path(options.file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise WrongUse(f"{options.file} cannot be read: {getattr(problem, 'strerror', None) or 'not UTF-8'}.") from None
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

    parser = commands.add_parser("check", help="look once and name the cause")
    parser.set_defaults(command=check)
    json_flag(parser)

    parser = commands.add_parser("why", help="the watchdog's latest decisions and their reasons")
    parser.set_defaults(command=why)
    parser.add_argument("--limit", type=int, default=20, metavar="N")
    json_flag(parser)

    parser = commands.add_parser("ledger", help="every start and stop of Plex, who did it, and what we did")
    parser.set_defaults(command=ledger)
    parser.add_argument("--limit", type=at_least_zero, default=20, metavar="N")
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


def _ledger_rows(house: House, limit: int) -> list[dict[str, Any]]:
    """The latest `limit` of both ledgers together. Each keeps its own order, also where the clock was set back."""
    turned = [(each.turn.at, _turn_row(each.turn)) for each in house.watch.turns(limit)]
    acted = [(each.taken.at.at, _deed_row(each.taken, each.said)) for each in house.watch.actions(limit)]
    both = merge(turned, acted, key=_time, reverse=True)
    return [row for _, row in islice(both, limit)]


def _time(entry: tuple[datetime, dict[str, Any]]) -> datetime:
    return entry[0]


def _turn_row(turn: Turn) -> dict[str, Any]:
    return {
        "at": iso(turn.at), "what": turn.what.value, "by": turn.by.value, "person": turn.person or None,
        "lived_seconds": turn.lived, "done": None, "helped": None, "said": "",
    }  # fmt: skip


def _deed_row(taken: Taken, said: str) -> dict[str, Any]:
    return {
        "at": iso(taken.at.at), "what": taken.action.value, "by": Agent.US.value, "person": taken.by or None,
        "lived_seconds": None, "done": taken.done, "helped": taken.helped, "said": said,
    }  # fmt: skip


def _ledger_line(row: dict[str, Any]) -> str:
    more = "" if row["lived_seconds"] is None else f"after {_span(row['lived_seconds'])}"
    if row["what"] not in _TURNINGS:
        said = _one_line(row["said"])
        more = _what_came(row["done"], row["helped"]) + (f": {said}" if said else "")
    return f"{row['at']}  {row['what']:13} {row['person'] or row['by']:10} {more}".rstrip()


def _what_came(done: bool | None, helped: bool | None) -> str:
    if done is False:
        return "not carried out"
    proof = {True: ", helped", False: ", did not help", None: ""}[helped]
    return ("carried out" if done else "whether it was carried out is not known") + proof


def _one_line(text: str) -> str:
    """What a command answered, without what would move the cursor of a terminal."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def _span(seconds: float) -> str:
    """One unit, as one says it."""
    size, unit = next(((size, unit) for size, unit, below in _UNITS if seconds < below), (86_400, "d"))
    return f"{seconds / size:.0f} {unit}"


def _who_looks(house: House) -> str:
    """Why there may be nothing to show."""
    holder = running_engine(house)
    return f"The engine is running ({holder}); it is written down as soon as there is something." if holder else (
        "Is the service running?"
    )  # fmt: skip


def _because(row: Mapping[str, Any]) -> str:
    """The sentence of a decision; what was written without one gets the words for its reason."""
    if row.get("barred"):
        return _reason(row["cause"], row.get("wanted"), row["barred"]) or str(row.get("sentence") or "")
    said = str(row.get("sentence") or "") or _reason(row["cause"], row.get("wanted"), row.get("reason"))
    return said or f"{SENTENCES[Cause(row['cause'])]} What was decided is not known here."


def _reason(cause: str, wanted: object, reason: object) -> str:
    """The rules' own sentence; '' for what is unknown here."""
    try:
        decision = Decision(Action.NONE, Action(str(wanted or "none")), Reason(str(reason)))
    except ValueError:
        return ""
    if decision.reason is Reason.VERIFYING and decision.wanted is Action.NONE:
        return "The effect of the last action is awaited."
    return sentence(Cause(cause), decision).removesuffix(" Next try.")  # that would name a time: not known here


def _timeline(played: dict[str, Any]) -> str:
    start = datetime.fromisoformat(played["start"])
    lines = [f"{_after(entry['at'], start):>18}  {_played(entry)}" for entry in played["entries"]]
    told = f"{played['ticks']} looks, {len(played['incidents'])} incidents, {len(played['actions'])} actions."
    return "\n".join([*lines, told])


def _played(entry: Mapping[str, Any]) -> str:
    """What was seen at that time of a rehearsal, where that is new, and what was done or not, and why."""
    if entry["what"] == "closed":
        return "All is well again, seen twice."
    seen = f"{SENTENCES[Cause(entry['cause'])]} " if entry["what"] in ("opened", "changed") else ""
    if entry["action"] != Action.NONE:
        done = ACTION_WORDS[Action(entry["action"])]
        return f"{seen}Done: {done} ({entry['action']})."
    return seen + _because(entry)


def _after(at: str, start: datetime) -> str:
    """'after 1 h 10 min'."""
    minutes, seconds = divmod(round((datetime.fromisoformat(at) - start).total_seconds()), 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((n for n, (number, _) in enumerate(parts) if number), 3)
    return "after " + " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number or first == 3)


def _limit_lines(shown: dict[str, Any]) -> str:
    lines = [f"Allowed: {', '.join(shown['armed']) or 'nothing'}."]
    if shown["held_until"]:
        lines.append(f"Hands off until {shown['held_until']}.")
    for each in shown["budgets"]:
        soonest = f", next {each['next_at']}" if each["next_at"] else ""
        lines.append(f"{each['action']}: {each['used']} of {each['allowed']} used{soonest}")
    return "\n".join(lines)
