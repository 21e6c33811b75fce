"""What `doctor` asks about the watchdog: what it may and can do, whether somebody runs it, the folders, the disks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import NamedTuple

from jobs import ENGINE
from keeper.rules.ladder import ARMED_BY
from keeper.rules.story import ACTION_WORDS
from keeper.rules.types import Ability, Action, Armed, Check, Fact, Lease, Owner
from keeper.wiring import House, is_stale

NETWORK_RESETS = (Action.NET_SOFT, Action.NET_HARD)


class Finding(NamedTuple):
    """ok: True, False, or None = cannot be told, or left to the owner."""

    name: str
    ok: bool | None
    sentence: str
    mend: str = ""


# ---------------------------------------------------------------------------- what it may do, and can


def actions(house: House, _check: Check) -> Iterator[Finding]:
    """What this machine can do, found out without trying, beside what is allowed."""
    able, armed = house.monitor.abilities(), house.watch.armed()
    yield from (action_finding(action, each, armed) for action, each in able.items() if action in ARMED_BY)
    yield from without_effect(armed, able, house.settings.network_restart_attempts)


def action_finding(action: Action, able: Ability, armed: frozenset[Armed]) -> Finding:
    """What is allowed has to be possible; what is not allowed is the owner's affair."""
    name, needed = f"action {action.value}", ARMED_BY[action]
    what = ACTION_WORDS[action][:1].upper() + ACTION_WORDS[action][1:]
    if needed not in armed:
        if able.can is False:
            return Finding(name, None, f"{what}: not allowed, and not possible. {able.sentence}", able.mend)
        mend = f"python -m keeper arm {needed.value}"
        return Finding(name, None, f"{what}: not allowed; it could be. {able.sentence}", mend)
    if able.can is False:
        mend = able.mend or f"python -m keeper disarm {needed.value}"
        return Finding(name, False, f"{what}: allowed, but not possible. {able.sentence}", mend)
    how = "allowed and possible" if able.can else "allowed; whether it is possible shows when it is tried"
    return Finding(name, able.can, f"{what}: {how}. {able.sentence}", able.mend)


def without_effect(armed: frozenset[Armed], able: Mapping[Action, Ability], rounds: int) -> Iterator[Finding]:
    """Permissions that come to nothing, because another one is missing."""
    if Armed.OUTAGE_REBOOT in armed and Armed.REBOOT not in armed:
        yield Finding(
            "permission outage_reboot", False, "outage_reboot is allowed, but has no effect without reboot.",
            "python -m keeper arm reboot, or: python -m keeper disarm outage_reboot",
        )  # fmt: skip
    resets = any(action in able and able[action].can for action in NETWORK_RESETS) and rounds > 0
    if Armed.REBOOT in armed and Armed.NETWORK not in armed and resets:
        yield Finding(
            "permission reboot", False,
            "A reboot is allowed, but for a lost address or route it comes only after the network resets, and those "
            "are not allowed.",
            "python -m keeper arm network",
        )  # fmt: skip


def allowed(house: House, _check: Check) -> Iterator[Finding]:
    """What is armed, and whether the watchdog is held."""
    armed, until = sorted(house.watch.armed()), house.watch.held_until()
    sentence = f"Allowed: {', '.join(armed)}." if armed else "Nothing is allowed: the watchdog only looks and tells."
    if until is not None and until > house.clock.now():
        said = f"{sentence} Its hands are off until {until.isoformat(timespec='minutes')}."
        yield Finding("watchdog", None, said, "python -m keeper hold 0 ends that.")
    else:
        yield Finding("watchdog", True if armed else None, sentence, "" if armed else "python -m keeper arm restart")


# ---------------------------------------------------------------------------- who looks


def engine(house: House, _check: Check) -> Iterator[Finding]:
    """Who holds the right to act on this data file, and when anybody looked last."""
    lease = house.memory.lease(ENGINE)
    runs = is_held(house, lease) if lease else None
    if lease is None:
        yield Finding("engine", None, "No service is running on this data file.", "Start it: make run")
    elif runs:
        yield Finding("engine", True, f"The engine is run by {lease.holder}; any other watchdog here only looks.")
    else:
        said = f"{lease.holder} ran the engine and is gone; nobody looks."
        yield Finding("engine", False, said, "Start it: make run")
    yield last_look(house, bool(runs))


def is_held(house: House, lease: Lease) -> bool:
    """Its process lives, or (on another machine) it was heard of in time."""
    try:
        alive = house.host.is_alive(Owner.parse(lease.owner))
    except ValueError:  # spoiled by hand: nobody can be its owner
        return False
    return alive if alive is not None else lease.until >= house.clock.now()


def last_look(house: House, runs: bool) -> Finding:
    """The last look that was stored; that of this very command is not."""
    last, now = house.checks.last(), house.clock.now()
    if last is None:
        return Finding("last look", None, "Nobody has looked yet.")
    ago = f"The last look was {timedelta(seconds=max(0, round((now - last.at).total_seconds())))} ago (h:mm:ss)"
    if not is_stale(last, now, house.settings.watch_interval):
        return Finding("last look", True, f"{ago}.")
    if not runs:
        return Finding("last look", None, f"{ago}; no service looks.", "Start it: make run")
    return Finding(
        "last look", False, f"{ago}, although the service runs.", "Read logs/keeper_error.log; restart the service."
    )


# ---------------------------------------------------------------------------- folders and disks


def folders(house: House, check: Check) -> Iterator[Finding]:
    """Each folder of the libraries that is not well, or all of them in one line."""
    named = [each for each in house.watchtower.folders_in(check.facts) if each.libraries]
    odd = [each for each in named if each.ok is not True]
    for each in odd:
        yield Finding(f"folder {each.path}", each.ok, each.sentence, each.mend)
    if not named:
        yield Finding(
            "folders", None, "No folder of a library is known yet; the first look of the service learns them."
        )
    elif not odd:
        yield Finding("folders", True, f"{len(named)} folders of the libraries are there.")


def disks(_house: House, check: Check) -> Iterator[Finding]:
    """The disks that must not run full, and how much is free on those of the libraries."""
    fact = check.facts.get("disk", Fact(None, "nobody looked at them"))
    free = [
        f"{name.partition(':')[2]} {each.value:g} GB {each.detail}"
        for name, each in check.facts.items()
        if name.startswith("disk_free_gb:") and isinstance(each.value, float | int)
    ]
    seen = f" Free: {', '.join(free)}." if free else ""
    if fact.value is False:
        yield Finding("disks", False, f"A disk that Plex needs is {fact.detail}.{seen}", "Free some space there.")
    elif fact.value is True:
        yield Finding("disks", True, f"The disks that Plex needs have room.{seen}")
    else:
        mend = "Set PLEX_DATA_DIR and PLEX_TRANSCODE_DIR to have them watched."
        yield Finding("disks", None, f"The disks that Plex needs: {fact.detail}.{seen}", mend)
