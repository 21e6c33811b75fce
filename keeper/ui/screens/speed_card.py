"""The card of a speed test that waits or runs: who measures, how far it is, what goes through the line, Cancel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from keeper.rules.types import Aspect, SpeedStatus, SpeedTest
from keeper.ui import parts, rates, state
from keeper.ui.parts import Colour
from keeper.ui.rates import ARROWS
from keeper.ui.state import house, tongue

PLACE = "speed"  # where it is said that a click came to nothing
LOOK: Mapping[SpeedStatus, tuple[Colour, str]] = {
    SpeedStatus.QUEUED: ("gray", ":material/hourglass_empty:"),
    SpeedStatus.RUNNING: ("blue", ":material/sync:"),
    SpeedStatus.SUCCESS: ("green", ":material/check_circle:"),
    SpeedStatus.FAILED: ("red", ":material/error:"),
    SpeedStatus.PUT_OFF: ("gray", ":material/pause_circle:"),
    SpeedStatus.CANCELLED: ("gray", ":material/cancel:"),
    SpeedStatus.INTERRUPTED: ("orange", ":material/power_settings_new:"),
}


def show(active: SpeedTest) -> None:
    t, progress = tongue(), active.progress
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{t.say('sp_running')}** · {parts.plain(_who(active))}", width="content")
        _badge(active)
    _progress(active)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.html(_flow(progress.receiving_mbps, progress.sending_mbps), width="content")
        st.button(
            t.say("cancel"),
            icon=":material/stop:",
            key="speed-cancel",
            disabled=active.cancel_requested,
            on_click=_cancel,
        )
    st.caption(t.say("sp_confirming" if progress.confirming else "sp_whole_machine"))


def _progress(active: SpeedTest) -> None:
    """Against the time that it took lately; how long the first one takes nobody knows."""
    t, progress = tongue(), active.progress
    seconds = round(progress.seconds)
    if progress.expected:
        said = t.say("sp_elapsed_of", seconds=seconds, expected=t.rough(progress.expected))
        st.progress(min(0.99, progress.seconds / progress.expected), text=said)
        return
    waits = t.say("sp_waiting" if active.status is SpeedStatus.QUEUED else "sp_starting")
    st.progress(0.0, text=f":shimmer[{t.say('sp_elapsed', seconds=seconds) if seconds else waits} …]")


def _who(active: SpeedTest) -> str:
    """The provider, or while none is at work yet who asked for it."""
    t, provider = tongue(), active.progress.provider
    return t.word(provider or active.source)


def _badge(active: SpeedTest) -> None:
    t = tongue()
    if active.cancel_requested:
        st.badge(t.say("cancelling"), color="orange", icon=":material/stop_circle:")
    elif active.progress.confirming:
        st.badge(t.say("sp_second"), color="orange", icon=":material/repeat:")
    else:
        colour, icon = LOOK[active.status]
        st.badge(t.word(active.status), color=colour, icon=icon)


def _flow(receiving: float, sending: float) -> str:
    """What goes through the line at this moment."""
    t = tongue()
    rows: Sequence[tuple[Aspect, float]] = ((Aspect.DOWNLOAD, receiving), (Aspect.UPLOAD, sending))
    shown = "".join(
        f"<div><span>{ARROWS[aspect]} {escape(t.word(aspect))}</span>"
        f"<b>{escape(rates.bare(now))}<i>Mbit/s</i></b></div>"
        for aspect, now in rows
    )
    return f'<div class="keeper-speed flow">{shown}</div>'


def _cancel() -> None:
    speed, said = house().speed, tongue().say("sp_cancelled")
    state.attempt(PLACE, lambda: speed.cancel(state.user()), lambda done: said if done else tongue().say("sp_too_late"))
