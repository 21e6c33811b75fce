"""The daily scan: on or off, when, in which zone. Saved by its button and by nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from zoneinfo import available_timezones

import streamlit as st

from keeper.rules.types import Preferences
from keeper.ui import parts, state
from keeper.ui.state import house, tongue

_ON, _HOW, _TIME, _CRON, _ZONE = "daily-on", "daily-how", "daily-time", "daily-cron", "daily-zone"


def show() -> None:
    t, saved = tongue(), house().memory.preferences()
    if _ON not in st.session_state:
        _fill_in(saved)
    with parts.card("daily"):
        _next()
        st.toggle(t.say("daily_on"), key=_ON, persist_state="page")
        _when()
        _keep(saved, _wished(saved))


def _fill_in(saved: Preferences) -> None:
    memory, clock = st.session_state, _clock(saved.schedule)
    memory[_ON], memory[_ZONE] = saved.schedule_enabled, saved.zone
    memory[_HOW] = "time" if clock else "cron"
    memory[_TIME] = clock or time(3, 30)
    memory[_CRON] = "30 3 * * *" if clock else saved.schedule


def _clock(schedule: str) -> time | None:
    """The time of day of 'HH:MM'; None for a cron line."""
    try:
        return time.fromisoformat(schedule)
    except ValueError:
        return None


def _wished(saved: Preferences) -> Preferences:
    memory = st.session_state
    clock = memory[_TIME] or time(3, 30)
    schedule = f"{clock:%H:%M}" if memory[_HOW] == "time" else (memory[_CRON] or "").strip()
    return replace(saved, schedule_enabled=memory[_ON], schedule=schedule, zone=memory[_ZONE])


def _next() -> None:
    t, upcoming, now = tongue(), house().next_scan(), house().clock.now()
    if upcoming is None:
        st.markdown(f":gray[:material/schedule:] {t.say('next_scan_off')}")
        return
    said = t.say("next_scan_at", moment=t.moment(upcoming, now), when=t.ago(upcoming, now))
    st.markdown(f":material/schedule: **{said}**")
    st.caption(t.say("daily_what"))


def _when() -> None:
    t, off = tongue(), not st.session_state[_ON]
    how = st.segmented_control(
        t.say("schedule_how"),
        ["time", "cron"],
        format_func=lambda name: t.say(f"schedule_{name}"),
        key=_HOW,
        required=True,
        disabled=off,
        persist_state="page",
    )
    left, right = st.columns(2)
    if how == "time":
        left.time_input(t.say("time"), key=_TIME, step=300, disabled=off, persist_state="page", required=True)
    else:
        left.text_input(
            t.say("cron"), key=_CRON, help=t.say("cron_help"), disabled=off, persist_state="page", max_chars=80
        )
    right.selectbox(
        t.say("zone"),
        _zones(),
        key=_ZONE,
        format_func=lambda name: name or t.say("zone_machine"),
        disabled=off,
        persist_state="page",
    )


def _zones() -> list[str]:
    """This machine's zone first, then the names people know; a saved one is always among them."""
    names = {
        name
        for name in available_timezones()
        if "/" in name and not name.startswith(("Etc/", "SystemV/", "posix", "right"))
    }
    return ["", *sorted(names | {"UTC", st.session_state[_ZONE]} - {""})]


def _keep(saved: Preferences, wished: Preferences) -> None:
    t, changed = tongue(), saved != wished
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            t.say("save"),
            type="primary",
            icon=":material/save:",
            key="daily-save",
            disabled=not changed,
            on_click=_save,
        )
        if changed:
            st.button(t.say("discard"), type="tertiary", key="daily-discard", on_click=_discard)
            st.badge(t.say("unsaved"), color="orange", icon=":material/edit:")
    parts.show_error("daily")


def _save() -> None:
    keeper, said = house(), tongue().say("saved")
    wished = _wished(keeper.memory.preferences())
    state.attempt("daily", lambda: keeper.save_preferences(wished, state.user()), lambda _: said)


def _discard() -> None:
    _fill_in(house().memory.preferences())
