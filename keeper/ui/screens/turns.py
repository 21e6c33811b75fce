"""The ledger of starts and stops of Plex: each with who did it, newest first; older ones page by page."""

from __future__ import annotations

import streamlit as st

from keeper.rules.types import Agent, Turn, Turning
from keeper.ui import parts
from keeper.ui.parts import Colour
from keeper.ui.state import house, tongue

PAGE = 8
_BEFORE = "turns-before"  # the id that the page shown stands before; None = the newest page
_LOOK: dict[Turning, tuple[Colour, str]] = {
    Turning.STARTED: ("green", "play_circle"),
    Turning.STOPPED: ("gray", "stop_circle"),
}


def show() -> None:
    t, before = tongue(), st.session_state.get(_BEFORE)
    st.markdown(f"**{t.say('turns')}**")
    found = house().watch.turns(PAGE + 1, before)
    if not found and before is None:
        parts.empty(t.say("turns_none"), t.say("turns_none_text"), ":material/power:")
        return
    for turned in found[:PAGE]:
        _row(turned.id, turned.turn)
    parts.leaf("turns", _BEFORE, found[PAGE - 1].id if len(found) > PAGE else None)


def _row(number: int, turn: Turn) -> None:
    colour, icon = _look(turn)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False, key=f"turn-{number}"):
        st.markdown(f":{colour}[:material/{icon}:] {parts.plain(told(turn))}", width="stretch")
        parts.when(turn.at)


def _look(turn: Turn) -> tuple[Colour, str]:
    """An end that nobody wanted stands out; starts and stops differ by their picture, not by colour alone."""
    crashed = turn.what is Turning.STOPPED and turn.by is Agent.CRASH
    return ("red", "error") if crashed else _LOOK[turn.what]


def told(turn: Turn) -> str:
    """'Crashed after 3 h': what happened, who did it, and how long Plex had run. Plain text."""
    t = tongue()
    after = "" if turn.lived is None else t.say("turn_after", span=t.rough(turn.lived))
    who = "person" if turn.by is Agent.US and turn.person else turn.by.value
    return t.say(f"turn_{turn.what}_{who}", person=turn.person, after=after)
