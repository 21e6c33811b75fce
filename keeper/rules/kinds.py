"""Which group an event belongs to, and whether an outlet is to tell it, and when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from keeper.rules.types import Choice, Event, Group, Severity, Telling

#: Names are kept from the older watchdog where it had one: automations hang on them. Any other name is the owner's own.
GROUPS: Mapping[str, Group] = {
    **dict.fromkeys(
        ("Trouble", "Trouble Over", "Gave Up", "Takes Long", "Plex Crash", "Disk Filling", "Watchdog Blind",
         "Watchdog Sees Again", "Delivery Blocked",
         "Delivery Budget"),
        Group.TROUBLE,
    ),
    **dict.fromkeys(
        ("Plex Restart", "Plex Restart Success", "Network Restart", "Network Restart Success", "DNS Reset",
         "DNS Reset Success", "System Reboot", "Reboot Cycle", "Remote Access Retry", "Would Have Acted", "Cannot Act"),
        Group.ACTION,
    ),
    **dict.fromkeys(("Plex Update", "System Startup"), Group.UPDATE),
    **dict.fromkeys(("Scan Success", "Scan Failed", "Scan Cancelled", "Scan Interrupted"), Group.SCAN),
    **dict.fromkeys(
        ("Network Speed Test", "Speed Test Failed", "Speed Test Skipped", "Line Slow", "Line Fine Again",
         "New Usual Speed", "No Speed Results", "Speed Test Budget"),
        Group.SPEED,
    ),
    **dict.fromkeys(
        ("Login", "Login Failed", "Login Locked", "Login Unlocked", "Logged Out Elsewhere", "Logged Out Everywhere",
         "Password Changed"),
        Group.DOOR,
    ),
    **dict.fromkeys(
        ("Watchdog Armed", "Watchdog Held", "Watchdog Released", "Limits Reset", "Folder Accepted", "Telling Changed",
         "Outlet Added", "Outlet Removed", "Speed Wishes Changed"),
        Group.OWNER,
    ),
    **dict.fromkeys(("Daily Digest", "Weekly Digest"), Group.DIGEST),
}  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
#: Of these only what is a warning at least, until a person asks for more.
_SOFT = (Group.SCAN, Group.DOOR, Group.OWNER)
_RANK = {severity: number for number, severity in enumerate(Severity)}


def group_of(kind: str) -> Group:
    return GROUPS.get(kind, Group.OWN)


def plain(text: str, allowed: str = "") -> str:
    """A space for each control character that is not allowed: what services and old files say must neither forge a
    line of the log nor steer a terminal. Half characters count as such."""
    return _CONTROL.sub(lambda found: found[0] if found[0] in allowed else " ", text)


def wants(event: Event, outlet: str, choice: Choice) -> bool:
    """Whether this outlet is to tell it. What is said of an outlet itself is told by the others."""
    if not choice.enabled or event.data.get("outlet") == outlet or not reaches(event.severity, choice.least):
        return False
    group = group_of(event.kind)
    if choice.groups is not None:
        return group in choice.groups
    return group not in _SOFT or reaches(event.severity, Severity.WARNING)


def reaches(severity: Severity, least: Severity) -> bool:
    return _RANK[severity] >= _RANK[least]


def tell_at(event: Event, outlet: str, telling: Telling, now: datetime, zone: tzinfo) -> datetime | bool:
    """False = not by this outlet, True = at once, a time = when the quiet hours are over. Errors know no quiet."""
    choice = telling.choices.get(outlet, Choice())
    if not wants(event, outlet, choice):
        return False
    if not choice.quiet or event.severity is Severity.ERROR:
        return True
    return quiet_until(telling.quiet_from, telling.quiet_to, now, zone) or True


def quiet_until(begins: str, ends: str, now: datetime, zone: tzinfo) -> datetime | None:
    """The end (UTC) of the quiet hours that it is in now; None = it is not quiet. Across midnight, and in local time:
    quiet until seven is until seven on the wall, also in a night in which the clocks are changed."""
    if not begins or not ends or begins == ends:
        return None
    first, last = time.fromisoformat(begins), time.fromisoformat(ends)
    here = now.astimezone(zone)
    wall = here.time().replace(tzinfo=None)
    quiet = first <= wall < last if first < last else wall >= first or wall < last
    if not quiet:
        return None
    day = here.date() + timedelta(days=int(wall >= last))
    return _moment_of(day, last, now, zone)


def _moment_of(day: date, wall: time, now: datetime, zone: tzinfo) -> datetime:
    """When (UTC) clocks on the wall reach that time, after now. One that the change of clocks leaves out is reached
    when they jump over it; one that comes twice, the next time that it comes."""
    first, second = (datetime.combine(day, wall.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1))
    if first.astimezone(zone).time() == wall:
        return first if first > now else second
    while second.astimezone(zone).replace(tzinfo=None) < datetime.combine(day, wall):  # it lies before the jump
        second += timedelta(minutes=1)
    return second
