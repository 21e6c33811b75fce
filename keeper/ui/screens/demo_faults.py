"""Break something, and see what the watchdog makes of it. There is no such panel for a real server."""

from __future__ import annotations

import streamlit as st

from keeper.rules.types import Cause
from keeper.ui import parts, state
from keeper.ui.screens import incidents
from keeper.ui.state import house, tongue

MEND = "mend"
ICONS = {
    "crash": "heart_broken",
    "hang": "hourglass_disabled",
    "starting": "hourglass_top",
    "database": "database",
    "film": "play_circle",
    "folder": "folder_off",
}


def show() -> None:
    """Nothing at all outside of the demo."""
    if house().settings.demo:
        with parts.card("demo"):
            st.fragment(_panel, run_every=5)()


def _panel() -> None:
    state.show_toasts()
    t, faults = tongue(), house().demo_faults()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="line-demo"):
        st.markdown(f"**{t.say('demo_title')}**", width="content")
        st.badge(t.say("demo_badge"), icon=":material/science:", color="primary")
    _explained([name for name, on in faults.items() if on])
    with st.container(horizontal=True, gap="small", key="demo-buttons"):
        for name, on in faults.items():
            _button(name, disabled=on)
        if any(faults.values()):
            _button(MEND)
    parts.show_error("demo", t.say("demo_refused"))


def _explained(broken: list[str]) -> None:
    """What is broken now, and what to expect of the watchdog."""
    t = tongue()
    for name in broken:
        st.markdown(f":orange[:material/{ICONS[name]}:] **{t.say(f'break_{name}')}.** {t.say(f'break_text_{name}')}")
    if not broken:
        st.caption(t.say("demo_mended" if _is_troubled() else "demo_whole"))


def _is_troubled() -> bool:
    """Nothing is broken any more, but the watchdog's looks have not shown it yet, or Plex is still on its way back."""
    check = house().views.last_check()
    return incidents.open_one() is not None or (check is not None and check.cause is not Cause.OK)


def _button(name: str, disabled: bool = False) -> None:
    icon = "healing" if name == MEND else ICONS[name]
    st.button(
        tongue().say(f"break_{name}"),
        icon=f":material/{icon}:",
        key=f"break-{name}",
        disabled=disabled,
        on_click=_break,
        args=(name,),
    )


def _break(name: str) -> None:
    keeper, said = house(), tongue().say("demo_done")
    state.attempt("demo", lambda: keeper.demo_break(name, state.user()), lambda _: said)
