"""Whether this program may do what only root may, found out without doing it."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Iterable
from typing import NamedTuple

from keeper.ports import Commands
from keeper.world.commands import clean_environment

_SECONDS = 5.0  # for asking sudo; it may have to ask a directory server itself


class Way(NamedTuple):
    """How a command gets its rights: what stands before it, and whether that works (None = only trying tells)."""

    prefix: tuple[str, ...]
    works: bool | None
    sentence: str
    mend: str = ""  # what would make it work, when that is no line for sudoers


class Rights:
    """Root does it directly, everybody else by a sudo that asks no questions."""

    def __init__(self, commands: Commands, is_root: Callable[[], bool] = lambda: os.geteuid() == 0) -> None:
        self._commands, self._is_root = commands, is_root

    def way(self, argv: tuple[str, ...]) -> Way:
        """The way for exactly this command. Asks sudo, up to 2 x 5 s; nothing is run and no password is wanted."""
        if self._is_root():
            return Way((), True, "as root")
        allowed = self._commands.run(("sudo", "-n", "-l", *argv), _SECONDS)
        if allowed.code == 0:
            return self._without_password(allowed.out)
        why, mend = "sudo does not allow it without a password", ""
        if allowed.code is None:
            why = "sudo is not to be had"
        elif "no new privileges" in allowed.err:
            why, mend = "sudo cannot work in a service with NoNewPrivileges", "Take NoNewPrivileges out of its unit."
        return Way((), False, f"this needs the rights of root, and {why}", mend)

    def _without_password(self, command: str) -> Way:
        """sudo -l also says yes to what it would ask a password for; only the list of rules shows that.

        The last rule that fits counts. Rules with patterns do not show which commands they fit: then only trying tells.
        """
        listing = self._commands.run(("sudo", "-n", "-l"), _SECONDS).out
        rules = [line.strip() for line in listing.splitlines() if line.startswith("    (")]
        fitting = [rule for rule in rules if command in rule or rule.endswith(" ALL")]
        free = ["NOPASSWD:" in rule for rule in (fitting[-1:] or rules)]
        if free and all(free):
            return Way(("sudo", "-n"), True, "by sudo")
        return Way(("sudo", "-n"), None, "sudo allows it, perhaps only with a password")


def line_for_sudoers(commands: Iterable[tuple[str, ...]]) -> str:
    """What somebody has to write into sudoers for these commands."""
    path = clean_environment(os.environ)["PATH"]
    lines = [shlex.join((shutil.which(argv[0], path=path) or argv[0], *argv[1:])) for argv in commands]
    return f"With visudo, allow the user of this service: NOPASSWD: {', '.join(lines)}"
