"""The commands of telling: the latest events, an event of one's own, deliver, take over an old queue."""

from __future__ import annotations

import argparse
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keeper.commands.common import at_least_zero, house_of_command, iso, print_result, who
from keeper.errors import RunError
from keeper.house.oldqueue import Refused, read_queue
from keeper.house.postroom import LONGEST_MESSAGE, check_own
from keeper.rules.kinds import plain
from keeper.rules.types import DeliverySeen, Event, EventFilter, Result, Severity
from keeper.wiring import House

SEVERITIES = [each.value for each in Severity]
BIGGEST_QUEUE = 50 << 20
_SHOWN_REFUSALS = 20


def events(options: argparse.Namespace) -> int:
    """The latest events, newest first, with what became of each."""
    with house_of_command() as house:
        latest = house.postroom.events(EventFilter(kinds=tuple(options.kind)), options.limit)
        told = house.postroom.deliveries.of_events([event.id for event in latest])
        if options.json:
            print_result([_event_row(event, told[event.id]) for event in latest], as_json=True)
        elif not latest:
            print_result("Nothing has happened yet." if not options.kind else "No event of that kind.")
        else:
            print_result("\n".join(_event_line(event, told[event.id]) for event in latest))
    return 0


def emit(options: argparse.Namespace) -> int:
    """Writes an event; 2 for what cannot be one."""
    try:
        message = _standard_input() if options.message == "-" else options.message
        check_own(options.kind.strip(), message.strip())
    except RunError as problem:
        print_error(problem.sentence)
        return 2
    with house_of_command() as house:
        house.postroom.emit(options.kind, message, Severity(options.severity), who())
        names = house.postroom.names()
        way = f"It goes to: {', '.join(names)}." if names else "No outlet is set up, so nobody is told."
        print_result(f"Written. {way}")
    return 0


def deliver(options: argparse.Namespace) -> int:
    """Delivers what is due; 0 when nothing stands in the way of any outlet."""
    with house_of_command() as house:
        if options.test:
            return _test(house, options)
        if options.drop_pending is not None:
            return _drop(house, options)
        return _deliver(house, options)


def import_queue(options: argparse.Namespace) -> int:
    """Takes over what the older watchdog had still to tell; 0 when all of it could be read."""
    raw = _read(Path(options.file))
    with house_of_command() as house:
        zone = house.settings.airtable_zone or house.clock.local_zone()
        records, refused = read_queue(raw, zone, house.clock.now())
        taken = house.postroom.take_over(records)
        if options.json:
            rows = [{"at": each.at, "why": each.why} for each in refused]
            print_result({"taken": taken, "known": len(records) - taken, "refused": rows}, as_json=True)
        else:
            print_result(_import_lines(taken, len(records) - taken, refused))
    return 1 if refused else 0


def add_to(commands: Any, json_flag: Any) -> None:
    """Adds the commands to the parser."""
    listing = commands.add_parser("events", help="the latest events, and what became of them")
    listing.set_defaults(command=events)
    listing.add_argument("--limit", type=at_least_zero, default=20, metavar="N")
    listing.add_argument("--kind", action="append", default=[], metavar="KIND", help="only this kind (repeatable)")
    json_flag(listing)

    own = commands.add_parser("emit", help="write an event of your own, for scripts and cron jobs")
    own.set_defaults(command=emit)
    own.add_argument("kind", metavar="KIND", help="a name such as 'Backup Done'")
    own.add_argument("message", metavar="MESSAGE", help="what happened; - reads it from standard input")
    own.add_argument("--severity", choices=SEVERITIES, default=Severity.INFO.value)

    delivering = commands.add_parser("deliver", help="deliver now what is due, or try an outlet")
    delivering.set_defaults(command=deliver)
    what = delivering.add_mutually_exclusive_group()
    what.add_argument("--test", metavar="OUTLET", help="send one message there at once, past everything that waits")
    what.add_argument("--drop-pending", nargs="?", const="", metavar="OUTLET", help="give up what waits")
    delivering.add_argument("--yes", action="store_true", help="do not ask")
    json_flag(delivering)

    queue = commands.add_parser("import-queue", help="take over airtable_queue.json of the older watchdog")
    queue.set_defaults(command=import_queue)
    queue.add_argument("file", metavar="FILE")
    json_flag(queue)


# ---------------------------------------------------------------------------- deliver


def _deliver(house: House, options: argparse.Namespace) -> int:
    post, elsewhere = house.postroom, ""
    results: Mapping[str, Mapping[Result, int]] = {}
    try:
        results = post.deliver_now()
    except RunError as problem:  # the service does it: then what is to be told is how far it is
        elsewhere = problem.sentence
    rows = [_outlet_row(card, results.get(card.state.name, {})) for card in post.outlets()]
    if options.json:
        print_result({"elsewhere": elsewhere, "outlets": rows}, as_json=True)
    else:
        lines = [_outlet_line(row) for row in rows] or ["No outlet is set up: see 'telling others' in .env.example."]
        print_result("\n".join([elsewhere, *lines] if elsewhere else lines))
    return 1 if any(row["blocked"] or row["later"] or row["failed"] for row in rows) else 0


def _outlet_row(card: Any, results: Mapping[Result, int]) -> dict[str, Any]:
    later = sum(results.get(each, 0) for each in (Result.LATER, Result.UNCERTAIN))
    return {
        "outlet": card.state.name, "label": card.label, "sent": results.get(Result.DONE, 0), "later": later,
        "failed": results.get(Result.REFUSED, 0), "waiting": card.state.pending, "blocked": card.state.blocked,
    }  # fmt: skip


def _outlet_line(row: Mapping[str, Any]) -> str:
    line = f"{row['label']}: {row['sent']} sent, {row['waiting']} waiting"
    line += f", {row['failed']} refused" if row["failed"] else ""
    return f"{line}. {row['blocked']}" if row["blocked"] else f"{line}."


def _test(house: House, options: argparse.Namespace) -> int:
    receipt = house.postroom.test_outlet(options.test, who())
    fine = receipt.result is Result.DONE
    sentence = f"{options.test}: the test message arrived." if fine else f"{options.test}: {receipt.why}"
    document = {"outlet": options.test, "result": receipt.result.value, "why": receipt.why}
    print_result(document if options.json else sentence, as_json=options.json)
    return 0 if fine else 1


def _drop(house: House, options: argparse.Namespace) -> int:
    where = options.drop_pending or "all outlets"
    if not options.yes:
        print_error(f"What waits for {where} will never be delivered. Type yes to go on:", end=" ")
        if sys.stdin.readline().strip() != "yes":
            raise RunError("Nothing was changed.")
    number = house.postroom.drop_pending(options.drop_pending, who())
    document = {"outlet": options.drop_pending, "dropped": number}
    print_result(document if options.json else f"{number} deliveries to {where} are given up.", as_json=options.json)
    return 0


# ---------------------------------------------------------------------------- shapes


def _event_row(event: Event, deliveries: list[DeliverySeen]) -> dict[str, Any]:
    """One row of `events --json`."""
    return {
        "id": event.id, "at": iso(event.at), "kind": event.kind, "severity": event.severity.value,
        "message": event.message,
        "deliveries": [
            {
                "outlet": each.outlet, "status": each.status.value, "attempts": each.attempts,
                "next_at": iso(each.next_at), "sent_at": iso(each.sent_at), "why": each.why,
            }
            for each in deliveries
        ],
    }  # fmt: skip


def _event_line(event: Event, deliveries: list[DeliverySeen]) -> str:
    told = ", ".join(f"{each.outlet} {each.status.value}" for each in deliveries)
    kind, message = plain(event.kind), plain(event.message, "\n\t")  # a terminal obeys what it is shown
    line = f"{iso(event.at)}  {event.severity.value:7}  {kind}: {message}"
    return f"{line}  [{told}]" if told else line


def _import_lines(taken: int, known: int, refused: list[Refused]) -> str:
    lines = [f"{taken} events taken over, {known} were there already, {len(refused)} pieces could not be read."]
    lines += [f"  at character {each.at}: {each.why}" for each in refused[:_SHOWN_REFUSALS]]
    if len(refused) > _SHOWN_REFUSALS:
        lines.append(f"  and {len(refused) - _SHOWN_REFUSALS} more; --json names them all")
    return "\n".join([*lines, "The file is left as it is."])


def _read(path: Path) -> bytes:
    """Only a file: a device has no end, and a pipe may wait for ever. Raises RunError."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise RunError(f"{path} is no file. Name the file airtable_queue.json of the older watchdog.")
        with path.open("rb") as file:
            raw = file.read(BIGGEST_QUEUE + 1)
    except OSError as problem:
        raise RunError(f"{path} cannot be read: {problem.strerror}.") from None
    if len(raw) > BIGGEST_QUEUE:
        raise RunError(f"{path} has more than {BIGGEST_QUEUE >> 20} MB: that is no queue of the older watchdog.")
    return raw


def _standard_input() -> str:
    """Raises RunError for what is no text."""
    try:
        return sys.stdin.read(4 * LONGEST_MESSAGE)
    except UnicodeDecodeError:
        sentence = "What came by standard input is no text in UTF-8. Convert it first, for example with iconv."
        raise RunError(sentence) from None


def print_error(text: str, end: str = "\n") -> None:
    sys.stderr.write(text + end)
    sys.stderr.flush()
