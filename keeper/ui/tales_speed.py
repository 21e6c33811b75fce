"""Events of the speed test as sentences in a person's language. Plain text: whoever shows it escapes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from keeper.rules.types import Aspect, Event, SpeedProvider, SpeedSource
from keeper.ui import rates
from keeper.ui.state import tongue
from keeper.ui.words import MONTHS

Data = Mapping[str, Any]


def told(event: Event) -> str:
    """'' for other events, and for what is not understood."""
    teller = _TOLD.get(event.kind)
    return teller(event.data) if teller else ""


def day(iso: str) -> str:
    """A local date as one says it: '21 Nov'; what is no date stays as it is."""
    try:
        found = date.fromisoformat(iso)
    except ValueError:
        return iso
    t = tongue()
    month = t.of(MONTHS).split()[found.month - 1]
    return f"{found.day}. {month}" if t.lang == "de" else f"{found.day} {month}"


def month(label: str) -> str:
    """'2026-11' as 'Nov 2026'."""
    try:
        begins = datetime.strptime(label, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        return label
    return f"{tongue().of(MONTHS).split()[begins.month - 1]} {begins.year}"


def aspects(names: object) -> list[Aspect]:
    """The known ones among stored names."""
    given = names if isinstance(names, list | tuple) else ()
    return [aspect for aspect in Aspect if aspect.value in given]


def _figure(data: Data, *names: str) -> list[float] | None:
    """All of these figures; None when one is missing."""
    found = [data.get(name) for name in names]
    return [float(one) for one in found if isinstance(one, int | float)] if all(map(_is_number, found)) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _measured(data: Data) -> str:
    found = _figure(data, "download_mbps", "upload_mbps", "ping_ms")
    if found is None:
        return ""
    provider = tongue().known(SpeedProvider, str(data.get("provider") or ""))
    said = tongue().say("sp_event_measured", figures=rates.figures(*found))
    return _joined(said, rates.too_slow(aspects(data.get("low"))), provider)


def _joined(*parts: str) -> str:
    return " · ".join(filter(None, parts))


def _failed(data: Data) -> str:
    t, why = tongue(), rates.why(str(data.get("error_code") or ""))
    if data.get("source") == SpeedSource.SCHEDULE and isinstance(data.get("attempts"), int) and data.get("date"):
        said = t.say("sp_event_day_failed", date=day(str(data["date"])), n=data["attempts"])
        return _joined(said, why)
    return t.say("sp_event_failed", why=why) if why else ""


def _skipped(data: Data) -> str:
    why = rates.why(str(data.get("hindrance") or ""))
    return tongue().say("sp_event_skipped", date=day(str(data.get("date") or "?")), why=why) if why else ""


def _slow(data: Data) -> str:
    t, low, of = tongue(), data.get("low_count"), data.get("of")
    if not isinstance(low, int) or not isinstance(of, int):
        return ""
    said = t.say("sp_event_slow_only") if of == 1 else t.say("sp_event_slow", n=low, of=of)
    return _joined(said, rates.too_slow(aspects(data.get("aspects"))))


def _fine_again(_data: Data) -> str:
    return tongue().say("sp_event_fine")


def _new_usual(data: Data) -> str:
    now = _figure(data, "download_mbps", "upload_mbps")
    before = _figure(data, "before_download_mbps", "before_upload_mbps", "before_ping_ms")
    if now is None or before is None:
        return ""
    down, up = now
    return tongue().say("sp_event_usual", down=rates.bare(down), up=rates.rate(up), before=rates.figures(*before))


def _none(data: Data) -> str:
    return tongue().say("sp_event_none", n=data["days"]) if isinstance(data.get("days"), int) else ""


def _budget(data: Data) -> str:
    found = _figure(data, "used_mb", "budget_mb")
    if found is None:
        return ""
    t = tongue()
    used, budget = (t.number(value) for value in found)
    return t.say("sp_event_budget", used=used, budget=budget, month=month(str(data.get("month") or "?")))


def _wishes(data: Data) -> str:
    """Who changed what; without the what, as long as one part of it is not understood."""
    t, by = tongue(), data.get("by")
    given = data.get("changed")
    changes = [_change(*row) if _is_change(row) else "" for row in given] if isinstance(given, list | tuple) else []
    if by and changes and all(changes):
        return t.say("sp_event_changed", by=by, what=" · ".join(changes))
    return t.say("sp_event_wishes", by=by) if by else ""


def _is_change(row: object) -> bool:
    return isinstance(row, list | tuple) and len(row) == 3 and isinstance(row[0], str)


def _change(name: str, before: object, after: object) -> str:
    """'least download 50 Mbit/s instead of not asked for'; '' for what is not understood."""
    t, (was, now) = tongue(), (_wished(name, value) for value in (before, after))
    if not was or not now:
        return ""
    return t.say("sp_change", name=t.say(f"sp_change_{name}"), before=was, after=now)


def _wished(name: str, value: object) -> str:
    t = tongue()
    if name == "daily" and isinstance(value, bool):
        return t.say("sp_change_on" if value else "sp_change_off")
    if name not in _UNITS or not _is_number(value):
        return ""
    figure = float(str(value))
    if not figure and _UNITS[name]:
        return t.say("sp_change_nothing")
    return rates.wish(figure) + _UNITS[name]


_UNITS = {
    "least_download": f"{rates.JOIN}Mbit/s",
    "least_upload": f"{rates.JOIN}Mbit/s",
    "most_ping": f"{rates.JOIN}ms",
    "share": f"{rates.JOIN}%",
    "alarm_after": "",
    "alarm_of": "",
}


_TOLD: Mapping[str, Callable[[Data], str]] = {
    "Network Speed Test": _measured,
    "Speed Test Failed": _failed,
    "Speed Test Skipped": _skipped,
    "Line Slow": _slow,
    "Line Fine Again": _fine_again,
    "New Usual Speed": _new_usual,
    "No Speed Results": _none,
    "Speed Test Budget": _budget,
    "Speed Wishes Changed": _wishes,
}
