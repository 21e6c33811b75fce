"""One incident: a line of time, and its story from the evidence to the proof."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from keeper.rules.types import Action, IncidentSeen, Step, StepKind
from keeper.ui import charts, parts, thoughts
from keeper.ui.screens import incidents
from keeper.ui.state import house, tongue

_PINNED = (StepKind.ACTED, StepKind.PROVED, StepKind.OWNER)


def show(given: str) -> None:
    t = tongue()
    st.button(
        t.say("all_incidents"),
        icon=":material/arrow_back:",
        type="tertiary",
        key="back",
        on_click=incidents.choose,
        args=(None,),
    )
    number = int(given) if given.isdecimal() and len(given) < 10 else -1
    seen = house().watch.incident(number)
    if seen is None:
        with parts.card("incident-unknown"):
            parts.empty(t.say("incident_unknown"), t.say("incident_unknown_text"), ":material/search_off:")
        return

    def is_open() -> bool:
        found = house().watch.incident(number)
        return found is not None and found.closed_at is None

    parts.live(lambda: _story(number), is_open, quick=5, calm=None)


def _story(number: int) -> None:
    t, seen, steps = tongue(), house().watch.incident(number), house().watch.story(number)
    if seen is None:
        return
    name = thoughts.named(seen)
    colour, icon = parts.CAUSE_LOOK[name]
    st.title(f":{colour}[:material/{icon}:] {t.word(name)}", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="line-incident"):
        incidents.badge(seen)
        if seen.closed_at and seen.gave_up:
            st.badge(t.say("gave_up"), color="orange", icon=":material/front_hand:")
        st.caption(parts.plain(incidents.course(seen)), width="content")
    with parts.card("line"):
        st.html(_drawn(seen, steps))
    with parts.card("story"):
        st.markdown(f"**{t.say('story')}**")
        if not steps:
            parts.empty(t.say("story_none"), icon=":material/history_edu:")
        numbered = list(enumerate(steps, 1))
        shown, total = parts.fetch(
            incidents.STORY_PAGE, lambda limit, skip: (numbered[skip : skip + limit], len(numbered))
        )
        st.html(charts.story([_line(number, step) for number, step in shown]))
        parts.pages(total, incidents.STORY_PAGE)


# --- the line of time ---


def _drawn(seen: IncidentSeen, steps: Sequence[Step]) -> str:
    t, now = tongue(), house().clock.now()
    end = seen.closed_at or now
    length = max(1.0, (end - seen.began_at).total_seconds())

    def place(at: datetime) -> float:
        return min(1.0, max(0.0, (at - seen.began_at).total_seconds() / length))

    turns = [(place(step.at), step.cause) for step in steps if step.kind in (StepKind.OPENED, StepKind.CHANGED)]
    causes = [(0.0, turns[0][1] if turns else seen.causes[0] if seen.causes else seen.cause), *turns[1:]]
    ends = [*(begins for begins, _ in causes[1:]), 1.0]
    stretches = [
        charts.Stretch(begins, ends, parts.CAUSE_LOOK[cause][0], t.word(cause))
        for (begins, cause), ends in zip(causes, ends, strict=True)
    ]
    pins = [
        charts.Pin(place(step.at), number, look(step), f"{t.clock(step.at)}: {thoughts.told(step)}")
        for number, step in enumerate(steps, 1)
        if step.kind in _PINNED
    ]
    label = t.say("timeline_label", causes=", ".join(part.word for part in stretches), n=len(pins))
    last = t.by(seen.closed_at, now) if seen.closed_at else t.say("now")
    return charts.timeline(stretches, pins, label, (t.by(seen.began_at, now), last))


def look(step: Step) -> str:
    """How the pin of a step looks: 'did', 'good', 'bad', 'owner' or '' for what was only seen or thought."""
    if step.kind is StepKind.ACTED:
        return "bad" if step.data.get("done") is False else "did"
    if step.kind is StepKind.PROVED:
        return {True: "good", False: "bad"}.get(step.data.get("helped") is True, "")
    if step.kind is StepKind.DECIDED:
        return "did" if step.data.get("action", Action.NONE) != Action.NONE else ""
    return {StepKind.OWNER: "owner", StepKind.CLOSED: "good", StepKind.OPENED: "bad"}.get(step.kind, "")


# --- the story ---


def _line(number: int, step: Step) -> charts.Line:
    when = parts.time_said(step.at, f"{tongue().by(step.at, house().clock.now())} · ")
    kind = tongue().word(step.kind)
    return charts.Line(number, look(step), kind, when, thoughts.told(step), thoughts.small_print(step))
