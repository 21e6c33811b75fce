"""Every event as a sentence in a person's language: of the watchdog, of scans, of the line, the door and deliveries.

Plain text: whoever shows it escapes it. What nobody here understands is told as it was written.
"""

from __future__ import annotations

from keeper.rules.types import Event, RunStatus, Stats
from keeper.ui import parts, tales_speed, thoughts
from keeper.ui.state import tongue

ENDS = tuple(status.value for status in RunStatus if status.ended)

LONGEST = 280  # characters of a sentence in a list


def told(event: Event) -> str:
    tellers = (thoughts.event, _scan, tales_speed.told, door, _post, _digest)
    return next((said for teller in tellers if (said := teller(event))), event.message)


def short(said: str) -> str:
    """For lists; the whole of it stands behind a button on the page Events."""
    return said if len(said) <= LONGEST else said[:LONGEST].rstrip() + " …"


def _scan(event: Event) -> str:
    """The end of a scan; '' for everything else."""
    status, raw = str(event.data.get("status")), event.data.get("stats")
    if not event.data.get("job_id") or status not in ENDS or not isinstance(raw, dict):
        return ""
    t = tongue()
    known = {name: value for name, value in raw.items() if name in Stats.__dataclass_fields__}
    word = t.word(RunStatus(status)).lower()
    figures = parts.figures(Stats(**known))
    said = t.say("event_scan" if figures else "event_scan_bare", status=word, figures=figures)
    code = event.data.get("error_code")
    return f"{said} · {t.error(str(code))}" if status == RunStatus.FAILED and code else said


def door(event: Event) -> str:
    """What happened at the door; '' for everything else, and for what is not understood."""
    t, data = tongue(), event.data
    name, count, seconds = str(data.get("username") or ""), data.get("count"), data.get("seconds")
    if event.kind == "Login" and name:
        return t.say("door_login", name=name)
    if event.kind == "Login Failed":
        return t.say("door_failed", name=name) if name else t.say("door_failed_unknown")
    if event.kind == "Login Locked" and isinstance(seconds, int | float):
        return t.say("door_locked_all" if data.get("everybody") else "door_locked", span=t.rough(seconds))
    if event.kind == "Login Unlocked":
        return t.say("door_unlocked")
    if event.kind == "Password Changed" and name:
        return t.say("door_password", name=name)
    if event.kind == "Logged Out Everywhere" and name and isinstance(count, int):
        return t.say("door_everywhere", name=name, n=count)
    if event.kind == "Logged Out Elsewhere" and name:
        return t.say("door_elsewhere", name=name)
    return ""


def _digest(event: Event) -> str:
    """A digest in one line; English readers get the whole of it as it was written."""
    t, data = tongue(), event.data
    figures = [data.get(name) for name in ("good", "bad", "incidents", "fixed")]
    if event.kind not in ("Daily Digest", "Weekly Digest") or t.lang == "en":
        return ""
    if not all(isinstance(figure, int | float) for figure in figures):
        return ""
    good, bad, incidents, fixed = (int(figure) for figure in figures if isinstance(figure, int | float))
    share = t.percent(good, good + bad)
    return t.say("event_digest" if good + bad else "event_digest_unseen", share=share, incidents=incidents, fixed=fixed)


def _post(event: Event) -> str:
    """What became of telling itself. The reason of a block is English: it stands with its outlet."""
    t, data = tongue(), event.data
    if event.kind == "Telling Changed" and data.get("by"):
        return t.say("post_changed", by=data["by"])
    if event.kind in ("Outlet Added", "Outlet Removed") and data.get("by"):
        label = event.message.partition(": ")[2].rstrip(".")
        phrase = "post_added" if event.kind == "Outlet Added" else "post_removed"
        return t.say(phrase, by=data["by"], label=f": {label}" if label else "")
    if event.kind == "Outlet Removed" and data.get("outlet"):
        return t.say("post_gone", outlet=data["outlet"])
    if event.kind == "Delivery Blocked" and data.get("outlet") and t.lang != "en":
        return t.say("post_blocked_event", outlet=str(data["outlet"]).partition("-")[0].capitalize())
    if event.kind == "Delivery Budget" and isinstance(data.get("budget"), int) and isinstance(data.get("missing"), int):
        return t.say("post_budget_event", budget=data["budget"], missing=data["missing"])
    return ""
