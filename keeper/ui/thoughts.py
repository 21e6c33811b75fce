"""What the watchdog thinks and did, as sentences in a person's language.

Plain text: whoever shows it escapes it. What a newer program wrote and this one does not know is shown as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from keeper.rules.types import Action, Armed, Cause, Event, IncidentSeen, Reason, Step, StepKind
from keeper.ui.lexicon_watch import FINE_WHEN_FALSE
from keeper.ui.state import house, tongue

Member = TypeVar("Member", bound=StrEnum)
Data = Mapping[str, Any]
#: Causes that pass by themselves: nobody has to look after them.
_PASSING = (Cause.STARTING, Cause.UPDATING)


# ---------------------------------------------------------------------------- decisions


def wanted(decision: Data) -> Action:
    """What would be done if nothing spoke against it."""
    return member(Action, decision.get("wanted")) or Action.NONE


def sentence(cause: Cause, decision: Data) -> str:
    """What is done or not done, and why; '' when nothing was decided."""
    t, reason, action = tongue(), member(Reason, decision.get("reason")), wanted(decision)
    if reason is None:
        return str(decision.get("sentence") or "")
    if reason is Reason.CONFIRMING and action is Action.NONE:
        return t.say("look_failed" if cause is Cause.UNKNOWN else "seen_once")
    if reason is Reason.NOTHING_HELPS and cause in _PASSING:
        return t.say("passes")
    if reason is Reason.VERIFYING and action is Action.NONE:
        return t.say("showing_effect", until=_until(decision))
    if barred := _barred(decision):
        return t.word(barred).format(wanted=t.word(action), until="")
    return t.word(reason).format(wanted=t.word(action), until=_until(decision))


def present(cause: Cause, decision: Data) -> str:
    """The same for a decision that stands at this moment: an action of ours that is under way is called by its name."""
    t, action = tongue(), under_way(decision)
    return t.say("under_way", action=t.word(action), until=_until(decision)) if action else sentence(cause, decision)


def under_way(decision: Data) -> Action | None:
    """The action that is being done, or whose effect is awaited; None = there is none, or nobody knows which."""
    reason = member(Reason, decision.get("reason"))
    if reason is Reason.ACT:
        return wanted(decision) if wanted(decision) is not Action.NONE else None
    if reason is not Reason.VERIFYING:
        return None
    last = next(iter(house().watch.actions(1)), None)
    return last.taken.action if last else None


def may_be_hastened(decision: Data) -> bool:
    """Whether it makes sense to offer the action at once: not while one is being done already."""
    return wanted(decision) is not Action.NONE and decision.get("reason") not in (Reason.ACT, Reason.VERIFYING)


def _barred(decision: Data) -> Reason | None:
    """Why it would not be done even after it was confirmed: then nobody shall count on it."""
    return member(Reason, decision.get("barred")) if decision.get("reason") == Reason.CONFIRMING else None


def coming(decision: Data, now: datetime) -> list[str]:
    """What happens next, and in how long: the action that waits for a time, and the next look."""
    t, until, look = tongue(), moment(decision.get("until")), moment(decision.get("next_look"))
    said = []
    if until and until > now and may_be_hastened(decision) and not _barred(decision):
        span = t.rough((until - now).total_seconds())
        said.append(t.say("possible_in", action=t.word(wanted(decision)), span=span))
    if look and look > now:
        said.append(t.say("next_look_in", span=t.rough((look - now).total_seconds())))
    elif look:
        said.append(t.say("look_due"))
    return said


def moment(value: object) -> datetime | None:
    """A stored time; None for none, and for what is none."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found and found.tzinfo else None


def _until(data: Data) -> str:
    t, until = tongue(), moment(data.get("until"))
    return t.say("until", moment=t.by(until, house().clock.now())) if until else ""


def member(kind: type[Member], value: object) -> Member | None:
    try:
        return kind(str(value))
    except ValueError:
        return None


# ---------------------------------------------------------------------------- the story of an incident


def told(step: Step) -> str:
    """One line of a story."""
    return _TOLD[step.kind](step)


def small_print(step: Step) -> str:
    """The evidence behind the line: what was seen, or what the command answered."""
    facts = step.data.get("facts")
    if isinstance(facts, Mapping):
        return " · ".join(evidence(facts))
    return str(step.data.get("said") or "")


def evidence(facts: Data) -> list[str]:
    """'the router is silent (no arp)': what was seen to be wrong, each with its detail."""
    t, said = tongue(), []
    for name, detail in facts.items():
        if name not in FINE_WHEN_FALSE:
            more = "" if detail in ("no", "", None) else f" ({str(detail).replace('_', ' ')})"
            said.append(t.evidence(name) + more)
    return said


def named(seen: IncidentSeen) -> Cause:
    """What an incident is called: the cause it began with. The last one is often but the way back to health."""
    return seen.causes[0] if seen.causes else seen.cause


def later(seen: IncidentSeen) -> str:
    """'then: Plex does not answer': what else it was, in the order it came; '' = nothing else."""
    t = tongue()
    others = [t.word(cause) for cause in dict.fromkeys(seen.causes) if cause is not named(seen)]
    return t.say("incident_then", causes=", ".join(others)) if others else ""


def deeds(actions: Iterable[Action]) -> str:
    """'2 × Restart of Plex' for what was carried out in an incident; '' for nothing."""
    t = tongue()
    counts: dict[Action, int] = {}
    for action in actions:
        counts[action] = counts.get(action, 0) + 1
    return ", ".join((f"{n} × " if n > 1 else "") + t.word(action) for action, n in counts.items())


def _opened(step: Step) -> str:
    return tongue().say("told_opened", cause=tongue().word(step.cause))


def _changed(step: Step) -> str:
    t = tongue()
    return t.say("told_changed", cause=t.word(step.cause), before=t.known(Cause, str(step.data.get("from") or "")))


def _decided(step: Step) -> str:
    return sentence(step.cause, step.data)


def _acted(step: Step) -> str:
    return tongue().say(f"acted_{_truth(step.data.get('done'))}", action=_action(step.data))


def _proved(step: Step) -> str:
    return tongue().say(f"proved_{_truth(step.data.get('helped'))}", action=_action(step.data))


def _closed(step: Step) -> str:
    return tongue().say("told_closed")


def _by_owner(step: Step) -> str:
    said = ordered(str(step.data.get("did") or ""), step.data)
    return said or tongue().say("owner_something", by=step.data.get("by") or "?")


def _action(data: Data) -> str:
    return tongue().known(Action, str(data.get("action") or ""))


def _truth(value: object) -> str:
    return {True: "yes", False: "no"}.get(value, "unknown") if isinstance(value, bool) else "unknown"


_TOLD: Mapping[StepKind, Callable[[Step], str]] = {
    StepKind.OPENED: _opened,
    StepKind.CHANGED: _changed,
    StepKind.DECIDED: _decided,
    StepKind.ACTED: _acted,
    StepKind.PROVED: _proved,
    StepKind.OWNER: _by_owner,
    StepKind.CLOSED: _closed,
}


# ---------------------------------------------------------------------------- events


def ordered(kind: str, data: Data) -> str:
    """What a person told the watchdog; '' when this is nothing of that kind."""
    t, by = tongue(), str(data.get("by") or "?")
    if kind == "Watchdog Armed":
        names = data.get("armed")
        allowed = ", ".join(t.known(Armed, str(name)) for name in names) if isinstance(names, list | tuple) else ""
        return t.say("owner_armed", by=by, allowed=allowed) if allowed else t.say("owner_disarmed", by=by)
    if kind == "Watchdog Held":
        return t.say("owner_held", by=by, until=_until(data))
    if kind == "Limits Reset" and isinstance(data.get("count"), int):
        return t.say("event_limits_reset", by=by, count=data["count"])
    if kind == "Watchdog Released":
        return t.say("owner_released", by=by)
    if kind == "Folder Accepted":
        return t.say("owner_accepted", by=by, path=str(data.get("path") or "?"))
    if member(Action, data.get("action")) and data.get("by"):
        return t.say("owner_acted", by=by, action=_action(data))
    return ""


def event(event: Event) -> str:
    """What the watchdog told, in this person's language; '' for other events and for what is not understood."""
    t, data = tongue(), event.data
    cause, seconds = member(Cause, data.get("cause")), data.get("seconds")
    if noticed := _noticed(event, cause, seconds):
        return noticed
    if event.kind in ("Trouble", "Plex Update") and cause and seconds is None:
        return t.word(cause)
    if event.kind == "Plex Update" and isinstance(seconds, int | float):
        return t.say("event_updated", span=t.rough(seconds))
    if event.kind == "Trouble Over" and isinstance(seconds, int | float):
        return t.say("event_over", span=t.rough(seconds))
    if event.kind == "System Startup" and isinstance(data.get("uptime"), int | float):
        return t.say("event_booted_ours" if data.get("ours") else "event_booted")
    if event.kind in ("Would Have Acted", "Cannot Act", "Gave Up", "Reboot Cycle") and cause and "reason" in data:
        return sentence(cause, data)
    if cause and data.get("reason") == Reason.ACT and wanted(data) is not Action.NONE:
        name = t.word(wanted(data))  # a person may ask for it while all is well
        return t.say("event_acts", action=name, cause=t.word(cause)) if cause is not Cause.OK else name
    if event.kind.endswith(" Success") and cause and member(Action, data.get("action")):
        return t.say("proved_yes", action=_action(data))
    return ordered(event.kind, data)


def _noticed(event: Event, cause: Cause | None, seconds: object) -> str:
    """What several looks together showed."""
    t, data = tongue(), event.data
    if event.kind == "Takes Long" and cause and isinstance(seconds, int | float):
        return t.say("event_takes_long", cause=t.word(cause), span=t.rough(seconds))
    if event.kind == "Watchdog Blind" and isinstance(seconds, int | float):
        return t.say("event_blind", span=t.rough(seconds))
    if event.kind == "Watchdog Sees Again" and cause:
        return t.say("event_sees", cause=t.word(cause))
    if event.kind == "Plex Crash" and isinstance(data.get("count"), int):
        return t.say("event_crashed" if data["count"] == 1 else "event_crashed_often", count=data["count"])
    if event.kind == "Disk Filling" and isinstance(data.get("days"), int | float):
        return t.say("event_disk_filling", disk=data.get("disk") or "?", span=t.rough(data["days"] * 86_400))
    return ""
