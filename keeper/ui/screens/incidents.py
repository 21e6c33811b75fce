"""The list of incidents, the open one first, then newest first; older ones page by page."""

from __future__ import annotations

import streamlit as st

from keeper.rules.types import IncidentSeen
from keeper.ui import parts, thoughts
from keeper.ui.parts import Colour
from keeper.ui.state import house, tongue

PAGE = 6
STORY_PAGE = "story-page"
_BEFORE = "incidents-before"  # the number that the page shown stands before; None = the newest page


def choose(number: int | None) -> None:
    """Shows that incident, or with None all of them; the address says which, so that it can be kept and shared."""
    if number is None:
        st.query_params.pop("incident", None)
    else:
        st.query_params["incident"] = str(number)
    st.session_state.pop(STORY_PAGE, None)
    st.rerun(scope="app")


def open_one() -> IncidentSeen | None:
    """The incident that goes on; there is never more than one, and it is the newest."""
    newest = next(iter(house().watch.incidents(1)), None)
    return newest if newest and newest.closed_at is None else None


def show() -> None:
    t, before = tongue(), st.session_state.get(_BEFORE)
    st.markdown(f"**{t.say('incidents')}**")
    found = house().watch.incidents(PAGE + 1, before)
    if not found and before is None:
        parts.empty(t.say("incidents_none"), t.say("incidents_none_text"), ":material/verified_user:")
        return
    rows = found[:PAGE]
    for seen in sorted(rows, key=lambda seen: seen.closed_at is not None):
        _row(seen)
    parts.leaf("incidents", _BEFORE, rows[-1].number if len(found) > PAGE else None)


def _row(seen: IncidentSeen) -> None:
    t = tongue()
    with st.container(gap=None, key=f"incident-{seen.number}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                t.word(thoughts.named(seen)),
                key=f"open-{seen.number}",
                type="tertiary",
                icon=":material/chevron_right:",
                icon_position="right",
                on_click=choose,
                args=(seen.number,),
            )
            badge(seen)
        st.caption(parts.plain(course(seen)))


def badge(seen: IncidentSeen) -> None:
    colour, icon, word = _look(seen)
    st.badge(tongue().say(word), color=colour, icon=f":material/{icon}:")


def _look(seen: IncidentSeen) -> tuple[Colour, str, str]:
    if seen.closed_at is not None:
        return "gray", "check_circle", "is_over"
    return ("red", "front_hand", "gave_up") if seen.gave_up else ("red", "error", "is_open")


def when(seen: IncidentSeen) -> str:
    """Since when it goes on, or when it was and how long it lasted."""
    t, now = tongue(), house().clock.now()
    span = t.duration(((seen.closed_at or now) - seen.began_at).total_seconds())
    if seen.closed_at is None:
        return t.say("incident_since", span=span)
    return t.say("incident_lasted", moment=t.moment(seen.began_at, now), span=span)


def course(seen: IncidentSeen) -> str:
    """When it was, what else it became, what was done, and how it ended."""
    return " · ".join(filter(None, (when(seen), thoughts.later(seen), ending(seen))))


def ending(seen: IncidentSeen) -> str:
    """What was done, and how it ended."""
    t, deeds = tongue(), thoughts.deeds(seen.actions)
    if seen.closed_at is None:
        return t.say("so_far", deeds=deeds or t.say("nothing_tried"))
    return t.say("ended_after", deeds=deeds) if deeds else t.say("ended_itself")
