"""What a person may have done, each asked for twice; and the ledger of all that was done."""

from __future__ import annotations

import streamlit as st

from keeper.rules.types import Action, Taken
from keeper.ui import parts, state
from keeper.ui.parts import Colour
from keeper.ui.state import house, tongue

#: The mild ones first.
OFFERED = (
    Action.RESTART_PLEX,
    Action.REACHABILITY,
    Action.DNS_RESET,
    Action.NET_SOFT,
    Action.NET_HARD,
    Action.REBOOT,
)
ICONS = {
    Action.NONE: "circle",
    Action.RESTART_PLEX: "restart_alt",
    Action.REACHABILITY: "public",
    Action.DNS_RESET: "dns",
    Action.NET_SOFT: "lan",
    Action.NET_HARD: "settings_ethernet",
    Action.REBOOT: "power_settings_new",
}
SHOWN = 10


def show() -> None:
    state.show_toasts()
    t = tongue()
    st.caption(t.say("by_hand_text"))
    parts.show_error("act", t.say("act_refused"))
    with st.grid(3, min_column_width=240, gap="small"):
        for action in OFFERED:
            with st.container(gap="xsmall", key=f"hand-{action.value}"):
                button(action, t.word(action), f"act-{action.value}", stretched=True)
                st.caption(t.say(f"act_text_{action.value}"))


def button(action: Action, label: str, key: str, primary: bool = False, stretched: bool = False) -> None:
    """Asks before it does anything. What this machine cannot do cannot be clicked."""
    able = (house().abilities() or {}).get(action)
    impossible = able is not None and able.can is False
    clicked = st.button(
        label,
        type="primary" if primary else "secondary",
        icon=f":material/{ICONS[action]}:",
        key=key,
        disabled=impossible,
        help=tongue().say("able_no") if impossible else None,
        width="stretch" if stretched else "content",
    )
    if clicked:
        name = tongue().word(action)
        st.dialog(tongue().say("act_title", action=name), width="small")(_confirm)(
            action, "watch" if primary else "act"
        )


def _confirm(action: Action, place: str) -> None:
    """What it does, what it interrupts, who is watching."""
    t = tongue()
    st.markdown(t.say(f"act_text_{action.value}"))
    breaks = t.say(f"act_breaks_{action.value}")
    st.markdown(f":orange[:material/warning:] {breaks}")
    if action is not Action.REACHABILITY and (watching := _watching()):
        st.markdown(f":orange[:material/play_circle:] {watching}")
    sure = st.button(
        t.say("act_yes"),
        type="primary",
        icon=f":material/{ICONS[action]}:",
        key="act-yes",
        width="stretch",
        on_click=_act,
        args=(action, place),
    )
    if st.button(t.say("act_no"), key="act-no", width="stretch") or sure:
        st.rerun()


def _watching() -> str:
    """Who watches, as the last look saw it; '' for nobody, or when Plex was not looked at."""
    check = house().views.last_check()
    if check is None:
        return ""
    fact = check.facts.get("sessions")
    if fact is None or not isinstance(fact.value, int | float):
        return tongue().say("act_watching_unknown")
    return tongue().say("act_watching", n=int(fact.value)) if fact.value else ""


def _act(action: Action, place: str) -> None:
    keeper, t = house(), tongue()
    said = t.say("act_asked", action=t.word(action))
    state.attempt(place, lambda: keeper.act(action, state.user()), lambda _: said)


# --- the ledger ---


def ledger() -> None:
    t, found = tongue(), house().watch.actions(SHOWN)
    st.markdown(f"**{t.say('ledger')}**")
    if not found:
        parts.empty(t.say("ledger_none"), icon=":material/checklist:")
    for deed in found:
        _deed(deed.taken, deed.said)


def _deed(taken: Taken, said: str) -> None:
    t = tongue()
    colour, icon, word = _result(taken)
    who = parts.plain(taken.by or t.say("by_watchdog"))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        with st.container(gap=None):
            name = t.word(taken.action)
            st.markdown(f":{colour}[:material/{icon}:] **{name}** · {who} · {t.say(word)}")
            if said:
                st.caption(parts.plain(said))
        parts.when(taken.at.at)


def _result(taken: Taken) -> tuple[Colour, str, str]:
    """Look and phrase: whether it was carried out, and whether it helped."""
    if taken.done is False:
        return "red", "cancel", "deed_undone"
    if taken.helped is not None:
        return (
            ("green", "check_circle", "deed_helped")
            if taken.helped
            else ("orange", "do_not_disturb_on", "deed_useless")
        )
    return ("blue", "done", "deed_done") if taken.done else ("gray", "help", "deed_unknown")
