"""`doctor`: is everything set up, and how is what is not mended.

Here what a person sets up (settings, files, door, Plex); the watchdog and the network have files of their own.
"""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from keeper.config import ROOT
from keeper.doctor import network, outlets, speed, watchdog
from keeper.doctor.watchdog import Finding
from keeper.errors import KeeperError
from keeper.rules.types import Cause, Check
from keeper.wiring import House

LITTLE_SPACE = 500 << 20
Examination = Callable[[House], Iterator[Finding]]


def examine(house: House) -> list[Finding]:
    """All findings, in the order in which they should be mended. Looks once, for all that need a look."""
    parts: tuple[Examination, ...] = (_python, _settings, _data_file, _logs, _space, _door, _zone)
    findings = [finding for part in parts for finding in _examined(part.__name__, partial(part, house))]
    try:
        check = house.monitor.look()
    except KeeperError as problem:
        return [*findings, Finding("plex", False, problem.sentence)]
    for seen in (
        _plex, network.address, _libraries, watchdog.folders, watchdog.disks,
        network.network, network.proxies, network.clock,
        watchdog.engine, watchdog.allowed, watchdog.actions,
        outlets.outlets, speed.speed,
    ):  # fmt: skip
        findings += _examined(seen.__name__, partial(seen, house, check))
    return findings


def _examined(name: str, examination: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """What an examination found; that it could not be done is a finding too."""
    try:
        return list(examination())
    except KeeperError as problem:
        return [Finding(name.strip("_"), False, problem.sentence)]


def _python(_house: House) -> Iterator[Finding]:
    fine = sys.version_info >= (3, 11)
    yield Finding(
        "python", fine, f"Python {platform.python_version()}.", "" if fine else "Python 3.11 or newer is needed."
    )


def _settings(house: House) -> Iterator[Finding]:
    if house.settings.demo:
        yield Finding("settings", None, "Demo mode: no PLEX_URL is set.", "Put PLEX_URL and PLEX_TOKEN into .env.")
        return
    yield Finding("settings", True, f"PLEX_URL is {house.settings.plex_url}.")
    env = Path(os.environ.get("KEEPER_ENV_FILE", ROOT / ".env"))
    if env.is_file() and stat.S_IMODE(env.stat().st_mode) & 0o077:
        yield Finding("settings file", False, f"{env} holds the token and is readable by others.", f"chmod 600 {env}")


def _data_file(house: House) -> Iterator[Finding]:
    said = house.database.integrity()
    mend = "" if said == "ok" else "Stop the service, move the file aside, start again."
    yield Finding("data file", said == "ok", f"{house.settings.db_path}: {said}.", mend)


def _logs(house: House) -> Iterator[Finding]:
    folder = house.settings.log_dir
    fine = folder.is_dir() and os.access(folder, os.W_OK)
    yield Finding("logs", fine, f"{folder}.", "" if fine else "Make the folder, writable for this user.")


def _space(house: House) -> Iterator[Finding]:
    free = shutil.disk_usage(house.settings.db_path.parent).free
    fine = free > LITTLE_SPACE
    yield Finding("disk", fine, f"{free >> 20} MB free beside the data file.", "" if fine else "Free some space there.")


def _plex(_house: House, check: Check) -> Iterator[Finding]:
    mends = {
        Cause.DOWN: "Start Plex, or correct PLEX_URL.",
        Cause.UNAUTHORIZED: "In Plex Web open an item, 'View XML'; put X-Plex-Token of the address into PLEX_TOKEN.",
        Cause.NO_NAME: "Correct the name in PLEX_URL.",
        Cause.HUNG: "Restart Plex.",
        Cause.UNKNOWN: "Look at PLEX_URL once more; does the server's own page open at that address?",
        Cause.NOT_PLEX: "Correct PLEX_URL; if this is the right server now: python -m keeper doctor --trust-server",
    }
    fine = check.cause is Cause.OK
    yield Finding("plex", fine, check.sentence, mends.get(check.cause, ""))


def _libraries(house: House, _check: Check) -> Iterator[Finding]:
    seen = house.probe_sections()
    if seen is None:
        yield Finding("libraries", None, "The libraries could not be read.")
    else:
        names = ", ".join(section.title for section in seen)
        yield Finding("libraries", bool(seen), f"{len(seen)} libraries: {names}." if seen else "Plex shows no library.")


def _door(house: House) -> Iterator[Finding]:
    path = house.settings.psr_auth_config
    if not path.exists():
        yield Finding("login", None, f"{path} does not exist yet; the first start makes it and prints a password.")
        return
    open_to_others = bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
    mend = f"chmod 600 {path}" if open_to_others else ""
    yield Finding(
        "login", not open_to_others, f"{path} is {'readable by others' if open_to_others else 'private'}.", mend
    )


def _zone(house: House) -> Iterator[Finding]:
    zone = house.clock.local_zone()
    named = getattr(zone, "key", None)
    mend = "" if named else "Set TZ, or a zone in the page, so that daylight saving time is known."
    yield Finding("time zone", True if named else None, f"{named or 'UTC, because this machine names none'}.", mend)
