"""The command about the folders of the libraries: what is known of them, and 'this one is right as it is'."""

from __future__ import annotations

import argparse
from typing import Any

from keeper.commands.common import house_of_command, print_result, say_which_plex, who
from keeper.house.folders import Folder

_MARKS = {True: "[ok]", False: "[!!]", None: "[??]"}


def folders(options: argparse.Namespace) -> int:
    """Each folder with what was known of it and what is seen now; 1 when one is not well."""
    with house_of_command() as house:
        say_which_plex(house)
        accepted = [house.accept_folder(path, who()) for path in options.accept]
        found = house.folders(look=True)
        print_result([_row(each) for each in found] if options.json else _lines(found, accepted), options.json)
        return 1 if any(each.ok is False for each in found) else 0


def add_to(commands: Any, json_flag: Any) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser("folders", help="the library folders: what is known of them, and seen now")
    parser.set_defaults(command=folders)
    parser.add_argument("--accept", action="append", default=[], metavar="PATH",
                        help="this folder is right as it is: forget what it was like before (repeatable)")  # fmt: skip
    json_flag(parser)


def _row(folder: Folder) -> dict[str, Any]:
    return {
        "path": folder.path,
        "libraries": list(folder.libraries),
        "ok": folder.ok,
        "seen": folder.seen,
        "known": folder.known._asdict() if folder.known else None,
        "sentence": folder.sentence,
        "mend": folder.mend,
    }


def _lines(found: list[Folder], accepted: list[str]) -> str:
    lines = [f"{path}: what was known of it is forgotten; what it is like now counts." for path in accepted]
    for each in found:
        where = f" ({', '.join(each.libraries)})" if each.libraries else ""
        lines.append(f"{_MARKS[each.ok]} {each.path}{where}: {each.sentence} {_known(each)}")
        lines += [f"    -> {each.mend}"] if each.mend else []
    return "\n".join(lines) or "No folder is known yet: Plex names them at the first look that it answers."


def _known(folder: Folder) -> str:
    if folder.known is None:
        return "Nothing is known of it yet."
    parts = ["it had something in it" if folder.known.filled else "it was empty"]
    if folder.known.anchor:
        parts.append(f"with {folder.known.anchor} in it")
    if folder.known.mount:
        parts.append(f"on the file system at {folder.known.mount}")
    return f"Known: {', '.join(parts)}."
