"""Rehearsals: a scripted outage, written in YAML, played through the watchdog's own rules.

days: 5                       # how long to play; also hours:
start: 2026-03-01T12:00:00    # optional, UTC when it names no zone
uptime_hours: 720             # optional: how long the machine has been running
armed: [restart, network]     # optional: what is allowed
troubles:
  - {at: 1h, for: 4d, cause: no_route, mended_by: [reboot]}
plays:                        # optional: when somebody watches
  - {at: 90m, for: 2h, paused: false}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

import yaml

from keeper.errors import WrongUse
from keeper.rules.simulate import Play, Script, Timeline, Trouble, simulate
from keeper.rules.types import Action, Armed, Cause, WatchLimits
from keeper.rules.watch import Host

EXAMPLES: Mapping[str, str] = {
    "four_days_without_a_route": "days: 5\ntroubles:\n  - {at: 1h, for: 4d, cause: no_route}\n",
    "plex_hangs_for_a_day": "days: 2\ntroubles:\n  - {at: 1h, for: 1d, cause: hung}\n",
    "router_dead_for_an_hour": "hours: 3\ntroubles:\n  - {at: 30m, for: 1h, cause: gateway_down}\n",
    "somebody_watches": (
        "hours: 4\ntroubles:\n  - {at: 30m, for: 3h, cause: no_address, mended_by: [net_soft]}\n"
        "plays:\n  - {at: 0m, for: 2h}\n"
    ),
}
LONGEST = 60 * 86_400.0
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
Member = TypeVar("Member", bound=StrEnum)


def rehearse(text: str, limits: WatchLimits, host: Host, armed: frozenset[Armed] | None = None) -> dict[str, Any]:
    """Plays a script; plain data as `simulate --json` prints it. Raises WrongUse for a script that cannot be read."""
    document = _document(text)
    script = _script(document)
    allowed = armed if armed is not None else _armed(document, limits)
    told = simulate(script, replace(limits, armed=allowed, held_until=None, address=""), host)
    return _plain(told, script.start)


def _document(text: str) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        mark = getattr(problem, "problem_mark", None)
        raise WrongUse(f"This is not valid YAML{f' (line {mark.line + 1})' if mark else ''}.") from None
    if not isinstance(found, dict):
        raise WrongUse("A script is a list of 'name: value' lines: days, troubles, plays, armed.")
    return found


def _script(document: Mapping[str, Any]) -> Script:
    seconds = _number(document, "days", 0) * 86_400.0 + _number(document, "hours", 0) * 3600.0
    if not 0 < seconds <= LONGEST:
        raise WrongUse("Say how long to play: days: or hours:, together at most 60 days.")
    return Script(
        _start(document.get("start")),
        seconds,
        tuple(_trouble(row) for row in _rows(document, "troubles")),
        tuple(_play(row) for row in _rows(document, "plays")),
        _number(document, "uptime_hours", 720) * 3600.0,
    )


def _trouble(row: Mapping[str, Any]) -> Trouble:
    mended = row.get("mended_by") or []
    if not isinstance(mended, list):
        raise WrongUse("mended_by: is a list, such as [reboot].")
    actions = frozenset(_member(Action, name, "mended_by") for name in mended)
    return Trouble(_span(row, "at"), _span(row, "for"), _member(Cause, row.get("cause"), "cause"), actions)


def _play(row: Mapping[str, Any]) -> Play:
    return Play(_span(row, "at"), _span(row, "for"), bool(row.get("paused", False)))


def _rows(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = document.get(name) or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise WrongUse(f"{name}: is a list of entries such as {{at: 1h, for: 2h, ...}}.")
    return rows


def _armed(document: Mapping[str, Any], limits: WatchLimits) -> frozenset[Armed]:
    if "armed" not in document:
        return limits.armed
    names = document["armed"] or []
    if not isinstance(names, list):
        raise WrongUse("armed: is a list, such as [restart, network].")
    return frozenset(_member(Armed, name, "armed") for name in names)


def _member(kind: type[Member], name: object, where: str) -> Member:
    try:
        return kind(str(name))
    except ValueError:
        raise WrongUse(f"{where}: {str(name)[:40]!r} is unknown; known are {', '.join(kind)}.") from None


def _span(row: Mapping[str, Any], name: str) -> float:
    """'90m', '4d', or a number of seconds."""
    text = str(row.get(name, ""))
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)\s*([smhd]?)", text)
    if not found:
        raise WrongUse(f"{name}: {text[:40]!r} is no time span; write 30s, 15m, 2h or 4d.")
    return float(found[1]) * _UNITS[found[2] or "s"]


def _number(document: Mapping[str, Any], name: str, otherwise: float) -> float:
    value = document.get(name, otherwise)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e7:
        raise WrongUse(f"{name}: {str(value)[:40]!r} is no number that fits.")
    return float(value)


def _start(given: object) -> datetime:
    if given is None:
        return datetime(2026, 3, 1, 12, tzinfo=UTC)
    try:
        found = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    except ValueError:
        raise WrongUse(f"start: {str(given)[:40]!r} is no time such as 2026-03-01T12:00:00.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _plain(told: Timeline, start: datetime) -> dict[str, Any]:
    incidents: list[dict[str, Any]] = []
    for entry in told.entries:
        if entry.what == "opened":
            incidents.append({"cause": entry.cause.value, "began_at": _iso(entry.at), "closed_at": None})
        elif entry.what == "closed" and incidents:
            incidents[-1]["closed_at"] = _iso(entry.at)
    return {
        "start": _iso(start),
        "ticks": told.ticks,
        "longest_gap_seconds": told.longest_gap,
        "actions": [
            {"at": _iso(entry.at), "action": entry.decision.action.value, "reason": entry.decision.reason.value}
            for entry in told.actions
        ],
        "incidents": incidents,
        "entries": [
            {
                "at": _iso(entry.at), "what": entry.what, "cause": entry.cause.value,
                "action": entry.decision.action.value, "wanted": entry.decision.wanted.value,
                "reason": entry.decision.reason.value, "barred": entry.decision.data.get("barred", ""),
            }
            for entry in told.entries
        ],
    }  # fmt: skip


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
