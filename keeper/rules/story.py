"""What an incident's story says, and what is told of it: each thing once, however many looks see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from keeper.rules import ladder
from keeper.rules.causes import SENTENCES
from keeper.rules.elapsed import elapsed
from keeper.rules.lives import is_reboot_of_ours
from keeper.rules.types import (
    Action,
    Cause,
    Decision,
    Fact,
    Incident,
    Notice,
    Reason,
    Severity,
    Step,
    StepKind,
    Taken,
    Watch,
)
from keeper.rules.watch import Look

#: Names of events that the older watchdog used too; an existing automation may hang on them.
BEGUN: Mapping[Action, str] = {
    Action.RESTART_PLEX: "Plex Restart",
    Action.NET_SOFT: "Network Restart",
    Action.NET_HARD: "Network Restart",
    Action.DNS_RESET: "DNS Reset",
    Action.REBOOT: "System Reboot",
    Action.REACHABILITY: "Remote Access Retry",
}
WORKED: Mapping[Action, str] = {
    Action.RESTART_PLEX: "Plex Restart Success",
    Action.NET_SOFT: "Network Restart Success",
    Action.NET_HARD: "Network Restart Success",
    Action.DNS_RESET: "DNS Reset Success",
}
#: Reasons that are worth telling once in an incident, and under which name.
ONCE: Mapping[Reason, str] = {
    Reason.GAVE_UP: "Gave Up",
    Reason.NOT_ARMED: "Would Have Acted",
    Reason.NOT_ABLE: "Cannot Act",
    Reason.REBOOT_LIMIT: "Reboot Cycle",
    Reason.REBOOT_PAUSE: "Reboot Cycle",
}
#: Causes that pass by themselves; seconds after which it is told that they do not.
LONG: Mapping[Cause, float] = {Cause.STARTING: 1800.0, Cause.UPDATING: 2700.0}
BLIND = 1800.0  # seconds without a look that names a cause, after which that is told
#: Causes that nobody has to be called for.
_CALM = (Cause.UPDATING, Cause.STOPPED_BY_OWNER, Cause.STARTING)


@dataclass(frozen=True, slots=True)
class Story:
    """What one look adds; `watch` remembers what was said."""

    watch: Watch
    steps: tuple[Step, ...]
    notices: tuple[Notice, ...]


def tell(before: Watch, watch: Watch, look: Look, decision: Decision, facts: Mapping[str, Fact], news: bool) -> Story:
    """The story of one look. `news` = the decision differs from the one before."""
    watch, steps = _judged(watch, look)
    watch, of_sight = _sight(before, watch, look)
    notices = [*_startup(before, look), *of_sight]
    if before.incident and not watch.incident:
        steps += _proved(before.incident, watch, look)
        steps.append(_step(StepKind.CLOSED, look, {"cause": before.incident.cause.value}))
        notices += _over(before.incident, watch, look)
    elif watch.incident and not before.incident:
        steps.append(_step(StepKind.OPENED, look, {"facts": seen(facts)}))
        watch, told = _named(watch, watch.incident, look.cause)
        notices += told
    elif watch.incident and before.incident and watch.incident.cause is not before.incident.cause:
        steps.append(_step(StepKind.CHANGED, look, {"from": before.incident.cause.value, "facts": seen(facts)}))
        watch, told = _named(watch, watch.incident, look.cause)
        notices += told
    if watch.incident and news:
        steps.append(_step(StepKind.DECIDED, look, decided(decision)))
    if watch.incident:
        watch, told = _said_once(watch, watch.incident, look, decision)
        notices += told
    if watch.incident:
        watch, told = _said_of_long(watch, watch.incident, look)
        notices += told
    if decision.action is not Action.NONE:
        notices.append(_begun(look.cause, decision))
    return Story(watch, tuple(steps), tuple(notices))


#: Of these 'no' is the good news.
_GOOD = ("updating", "plex_updating", "captive", "crashing")


def seen(facts: Mapping[str, Fact]) -> dict[str, str]:
    """The evidence: what is not as it should be."""
    wrong = ((name, fact) for name, fact in facts.items() if fact.value is (name in _GOOD))
    return {name: fact.detail or ("yes" if name in _GOOD else "no") for name, fact in wrong}


def decided(decision: Decision) -> dict[str, str | float]:
    """A decision as plain data."""
    until = {"until": decision.until.isoformat(timespec="seconds")} if decision.until else {}
    said = {"action": decision.action.value, "wanted": decision.wanted.value, "reason": decision.reason.value}
    return {**said, **until, **decision.data}


def _step(kind: StepKind, look: Look, data: Mapping[str, object]) -> Step:
    return Step(kind, look.now.at, look.cause, data)


def _judged(watch: Watch, look: Look) -> tuple[Watch, list[Step]]:
    """An action whose time to show an effect is over, while the trouble goes on, did not help."""
    last = watch.taken[-1] if watch.taken else None
    if last is None or last.helped is not None or look.cause in (Cause.OK, Cause.UNKNOWN):
        return watch, []
    if watch.incident is None or elapsed(last.at, look.now) < ladder.VERIFY.get(last.action, 0.0):
        return watch, []
    judged = replace(last, helped=False)
    step = _step(StepKind.PROVED, look, {"action": last.action.value, "helped": False})
    return replace(watch, taken=(*watch.taken[:-1], judged)), [step]


def _startup(before: Watch, look: Look) -> Iterator[Notice]:
    if before.last is None or before.last.boot == look.now.boot:
        return
    ours = any(is_reboot_of_ours(each, before.last, look.now) for each in before.taken)
    message = f"This machine started {look.now.uptime:.0f} s ago{', as the watchdog asked it to' if ours else ''}."
    yield Notice("System Startup", Severity.INFO, message, {"ours": ours, "uptime": look.now.uptime})


def _sight(before: Watch, watch: Watch, look: Look) -> tuple[Watch, list[Notice]]:
    """That nothing can be told for long, and that it can be told again: each once."""
    if before.blind_told and look.cause is not Cause.UNKNOWN:
        message = f"The watchdog can tell again how it stands: {SENTENCES[look.cause]}"
        return watch, [Notice("Watchdog Sees Again", Severity.INFO, message, {"cause": look.cause.value})]
    if watch.blind is None or watch.blind_told or elapsed(watch.blind, look.now) < BLIND:
        return watch, []
    lasted = elapsed(watch.blind, look.now)
    message = f"For {_span(lasted)} the watchdog has not been able to tell how Plex is. The page says what it saw."
    notice = Notice("Watchdog Blind", Severity.WARNING, message, {"seconds": lasted})
    return replace(watch, blind_told=True), [notice]


def _named(watch: Watch, incident: Incident, cause: Cause) -> tuple[Watch, list[Notice]]:
    """Each trouble of an incident is told once. What passes by itself is told only when it is how things began."""
    key = f"cause:{cause.value}"
    if key in incident.told or (cause in _CALM and any(each.startswith("cause:") for each in incident.told)):
        return watch, []
    return replace(watch, incident=replace(incident, told=(*incident.told, key))), [_trouble(cause)]


def _trouble(cause: Cause) -> Notice:
    if cause is Cause.UPDATING:
        return Notice("Plex Update", Severity.INFO, SENTENCES[cause], {"cause": cause.value})
    severity = Severity.INFO if cause in _CALM else Severity.ERROR
    return Notice("Trouble", severity, SENTENCES[cause], {"cause": cause.value})


def _over(incident: Incident, watch: Watch, look: Look) -> Iterator[Notice]:
    seconds = elapsed(incident.began, look.now)
    said = {"cause": incident.cause.value, "seconds": seconds, "incident": incident.number}
    helped = _what_helped(incident, watch)
    if incident.cause is Cause.UPDATING:
        yield Notice("Plex Update", Severity.INFO, f"The update of Plex is over after {_span(seconds)}.", said)
        return
    if helped and helped.action in WORKED:
        message = f"It worked: all is well again after {_span(seconds)}."
        yield Notice(WORKED[helped.action], Severity.INFO, message, {**said, "action": helped.action.value})
    yield Notice("Trouble Over", Severity.INFO, f"All is well again after {_span(seconds)}.", said)


def _what_helped(incident: Incident, watch: Watch) -> Taken | None:
    last = watch.taken[-1] if watch.taken else None
    return last if last and last.incident == incident.number and last.helped else None


def _proved(incident: Incident, watch: Watch, look: Look) -> list[Step]:
    """The check that failed is fine again after the last action."""
    helped = _what_helped(incident, watch)
    return [_step(StepKind.PROVED, look, {"action": helped.action.value, "helped": True})] if helped else []


def _said_once(watch: Watch, incident: Incident, look: Look, decision: Decision) -> tuple[Watch, list[Notice]]:
    name = ONCE.get(decision.reason)
    key = f"{name}:{decision.wanted.value}" if name else ""
    if name is None or key in incident.told:
        return watch, []
    gave_up = incident.gave_up or decision.reason is Reason.GAVE_UP
    marked = replace(incident, told=(*incident.told, key), gave_up=gave_up)
    said = {"cause": look.cause.value, **decided(decision)}
    notice = Notice(name, Severity.WARNING, sentence(look.cause, decision), said)
    return replace(watch, incident=marked), [notice]


def _said_of_long(watch: Watch, incident: Incident, look: Look) -> tuple[Watch, list[Notice]]:
    """What should have passed by itself and did not, once."""
    key = f"long:{look.cause.value}"
    lasted = elapsed(watch.since, look.now) if watch.since else 0.0
    if look.cause not in LONG or lasted < LONG[look.cause] or key in incident.told:
        return watch, []
    message = f"{SENTENCES[look.cause]} That has gone on for {_span(lasted)} now."
    notice = Notice("Takes Long", Severity.WARNING, message, {"cause": look.cause.value, "seconds": lasted})
    return replace(watch, incident=replace(incident, told=(*incident.told, key))), [notice]


def _begun(cause: Cause, decision: Decision) -> Notice:
    message = f"{ACTION_WORDS[decision.action].capitalize()}: {SENTENCES[cause]}"
    return Notice(BEGUN[decision.action], Severity.WARNING, message, {"cause": cause.value, **decided(decision)})


ACTION_WORDS: Mapping[Action, str] = {
    Action.NONE: "nothing",
    Action.RESTART_PLEX: "restart of Plex",
    Action.NET_SOFT: "soft reset of the network",
    Action.NET_HARD: "hard reset of the network",
    Action.DNS_RESET: "reset of the name service",
    Action.REBOOT: "reboot of this machine",
    Action.REACHABILITY: "new try to be reachable from outside",
}
_WHY: Mapping[Reason, str] = {
    Reason.FINE: "All is well.",
    Reason.NOTHING_HELPS: "Nothing that this program may do can mend this.",
    Reason.ACT: "Now: {wanted}.",
    Reason.CONFIRMING: "No {wanted} yet: it has to be seen longer{until}.",
    Reason.OWNER: "Somebody stopped it in good order; that is respected.",
    Reason.HELD: "No {wanted}: hands off{until}.",
    Reason.NOT_ARMED: "Would have done: {wanted}. It is not allowed; allow it on the page Watchdog.",
    Reason.NOT_ABLE: "No {wanted}: this machine cannot do that. `python -m keeper doctor` says why.",
    Reason.VERIFYING: "No {wanted} yet: the effect of the last action is awaited{until}.",
    Reason.IN_USE: "No {wanted}: somebody is watching.",
    Reason.IN_USE_UNKNOWN: "No {wanted}: it cannot be told whether somebody is watching{until}.",
    Reason.PAUSE: "No {wanted}: a pause between two tries{until}.",
    Reason.DAY_LIMIT: "No {wanted}: done often enough within 24 hours{until}.",
    Reason.GAVE_UP: "Gave up the {wanted} for now: it did not help. Next try{until}.",
    Reason.TRIED: "Everything that could help was tried once.",
    Reason.NEVER_SEEN: "No {wanted}: Plex never answered at this address. Is PLEX_URL right?",
    Reason.JUST_BOOTED: "No {wanted}: this machine started a short while ago{until}.",
    Reason.REBOOT_LIMIT: "No {wanted}: as many today as allowed{until}.",
    Reason.REBOOT_PAUSE: "No {wanted}: the last one is too recent{until}.",
    Reason.ONLOOKER: "Another watchdog acts on this data file; this one only looks.",
}


def sentence(cause: Cause, decision: Decision) -> str:
    """The decision for people, in English; pages have their own words."""
    if decision.reason is Reason.CONFIRMING and decision.wanted is Action.NONE:
        return (
            "Seen once; it has to be seen again before it counts." if cause is not Cause.UNKNOWN else SENTENCES[cause]
        )
    if decision.reason is Reason.VERIFYING and decision.wanted is Action.NONE:
        return f"The effect of the last action is awaited, until {decision.until:%Y-%m-%d %H:%M:%S} UTC."
    barred = decision.data.get("barred")  # it is waited for, but would not be done afterwards either
    if barred:
        return _WHY[Reason(str(barred))].format(wanted=ACTION_WORDS[decision.wanted], until="")
    until = f", until {decision.until:%Y-%m-%d %H:%M:%S} UTC" if decision.until else ""
    return _WHY[decision.reason].format(wanted=ACTION_WORDS[decision.wanted], until=until)


def _span(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
