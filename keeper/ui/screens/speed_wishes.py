"""What is wished of the line, saved by its button and by nothing else; and what the tests of this month cost."""

from __future__ import annotations

from datetime import date, datetime

import streamlit as st

from keeper.rules.types import SpeedWishes
from keeper.ui import charts, parts, state, tales_speed
from keeper.ui.screens import speed_now
from keeper.ui.state import house, tongue

_DAILY, _DOWN, _UP, _PING = "speed-daily", "speed-down", "speed-up", "speed-ping"
_SHARE, _AFTER, _OF = "speed-share", "speed-after", "speed-of"
FASTEST, SLOWEST, MOST_RESULTS = 1_000_000.0, 60_000.0, 20
PLACE = "speed-wishes"


def show() -> None:
    saved = house().speed.wishes()
    if _DAILY not in st.session_state:
        _fill_in(saved)
    left, right = st.columns([3, 2])
    with left, parts.card("speed-wishes", "stretch"):
        _form()
        _keep(saved, _wished())
    with right, parts.card("speed-budget", "stretch"):
        _budget()


def _fill_in(saved: SpeedWishes) -> None:
    """The widgets show what is saved."""
    st.session_state.update(
        {
            _DAILY: saved.daily,
            _DOWN: float(saved.least_download),
            _UP: float(saved.least_upload),
            _PING: float(saved.most_ping),
            _SHARE: saved.share,
            _AFTER: saved.alarm_after,
            _OF: saved.alarm_of,
        }
    )


def _wished() -> SpeedWishes:
    """What the widgets say now; an empty field asks for nothing."""
    memory = st.session_state
    return SpeedWishes(
        daily=bool(memory[_DAILY]),
        least_download=float(memory[_DOWN] or 0),
        least_upload=float(memory[_UP] or 0),
        most_ping=float(memory[_PING] or 0),
        share=int(memory[_SHARE] or 0),
        alarm_after=int(memory[_AFTER] or 0),
        alarm_of=int(memory[_OF] or 0),
    )


# --- the widgets ---


def _form() -> None:
    t, plan = tongue(), house().speed.plan
    st.markdown(f"**{t.say('sp_wishes')}**")
    st.toggle(t.say("sp_daily"), key=_DAILY, persist_state="page")
    zone = getattr(house().speed.zone, "key", "") or t.say("zone_machine")
    st.caption(t.say("sp_daily_text", hour=f"{plan.hour:02}:00", zone=parts.plain(zone), n=plan.attempts))
    down, up, ping = st.columns(3)
    down.number_input(t.say("sp_wish_down"), 0.0, FASTEST, step=5.0, format="%g", key=_DOWN, persist_state="page")
    up.number_input(t.say("sp_wish_up"), 0.0, FASTEST, step=1.0, format="%g", key=_UP, persist_state="page")
    ping.number_input(t.say("sp_wish_ping"), 0.0, SLOWEST, step=5.0, format="%g", key=_PING, persist_state="page")
    st.caption(t.say("sp_wish_zero"))
    st.slider(t.say("sp_wish_share"), 0, 100, step=5, format="%d %%", key=_SHARE, persist_state="page")
    after, among = st.columns(2)
    after.number_input(t.say("sp_wish_after"), 1, MOST_RESULTS, step=1, key=_AFTER, persist_state="page")
    among.number_input(t.say("sp_wish_of"), 1, MOST_RESULTS, step=1, key=_OF, persist_state="page")


def _problem(wished: SpeedWishes) -> str:
    if not 1 <= wished.alarm_after <= wished.alarm_of:
        return tongue().say("sp_wish_alarm_wrong")
    return ""


def _keep(saved: SpeedWishes, wished: SpeedWishes) -> None:
    t, changed, problem = tongue(), saved != wished, _problem(wished)
    if problem:
        st.caption(f":orange[:material/warning: {problem}]")
    elif not any((wished.least_download, wished.least_upload, wished.most_ping, wished.share)):
        st.caption(t.say("sp_wish_nothing"))
    st.space("stretch")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            t.say("save"),
            type="primary",
            icon=":material/save:",
            key="speed-save",
            disabled=not changed or bool(problem),
            on_click=_save,
        )
        if changed:
            st.button(t.say("discard"), type="tertiary", key="speed-discard", on_click=_discard)
            st.badge(t.say("unsaved"), color="orange", icon=":material/edit:")
    parts.show_error(PLACE)


def _save() -> None:
    """A callback: it reads the widgets as they stand at the click."""
    speed, said, wished = house().speed, tongue().say("saved"), _wished()
    if not _problem(wished):
        state.attempt(PLACE, lambda: speed.save_wishes(wished, state.user()), lambda _: said)


def _discard() -> None:
    _fill_in(house().speed.wishes())


# --- the month ---


def _budget() -> None:
    t, speed = tongue(), house().speed
    (used, allowed), cost = speed.budget(), speed_now.expected_cost()
    st.markdown(f"**{t.say('sp_budget')}**")
    if not allowed:
        st.markdown(t.say("sp_budget_used", used=parts.size(used)))
        st.caption(t.say("sp_budget_none"))
        if cost:
            st.caption(t.say("sp_budget_daily", each=parts.size(cost), month=parts.size(cost * 30)))
        return
    said = t.say("sp_budget_of", used=parts.size(used), all=parts.size(allowed))
    st.markdown(said)
    st.html(charts.used(min(1.0, used / allowed), said))
    left = parts.size(max(0, allowed - used))
    st.caption(t.say("sp_budget_left", left=left, date=tales_speed.day(_next_month().isoformat())))
    if cost:
        st.caption(t.say("sp_budget_daily", each=parts.size(cost), month=parts.size(cost * 30)))
    st.caption(t.say("sp_budget_setting"))


def _next_month() -> date:
    """When the budget begins anew, in the zone of the speed test."""
    today: datetime = house().clock.now().astimezone(house().speed.zone)
    return date(today.year + today.month // 12, today.month % 12 + 1, 1)
