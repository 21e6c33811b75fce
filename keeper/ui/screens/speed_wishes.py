"""What is wished of the line, saved by its button and by nothing else; and what the tests of this month cost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import streamlit as st

from keeper.rules.types import SpeedWishes
from keeper.ui import charts, parts, rates, state, tales_speed
from keeper.ui.screens import speed_now
from keeper.ui.state import house, tongue

_DAILY, _DOWN, _UP, _PING = "speed-daily", "speed-down", "speed-up", "speed-ping"
_SHARE, _AFTER, _OF = "speed-share", "speed-after", "speed-of"
_RATES, _COUNTS = (_DOWN, _UP, _PING), (_AFTER, _OF)
FASTEST, SLOWEST, MOST_RESULTS = 1_000_000, 60_000, 100  # what can be meant
PLACE = "speed-wishes"


def show() -> None:
    saved = house().speed.wishes()
    if _DAILY not in st.session_state:
        _fill_in(saved)
    left, right = st.columns([2, 1])
    with left, parts.card("speed-wishes"):
        _form()
        _keep(saved, _wished())
    with right, parts.card("speed-budget"):
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
    t = tongue()
    st.markdown(f"**{t.say('sp_wishes')}**")
    st.toggle(t.say("sp_daily"), key=_DAILY, persist_state="page")
    st.caption(t.say("sp_daily_text", hour=_hour(), n=house().speed.plan.attempts))
    for column, key in zip(st.columns(3), _RATES, strict=True):
        with column:
            _number(key, 1.0 if key == _UP else 5.0)
    st.caption(t.say("sp_wish_zero"))
    st.slider(t.say("sp_wish_share"), 0, 100, step=5, format="%d %%", key=_SHARE, persist_state="page")
    for column, key in zip(st.columns(2), _COUNTS, strict=True):
        with column:
            _number(key, 1)


def _number(key: str, step: float) -> None:
    """Without limits of its own: a browser only marks what lies outside of them, and nothing says what is wrong."""
    phrase, shown = _FIELDS[key][0], "%g" if isinstance(step, float) else "%d"
    st.number_input(tongue().say(phrase), value=None, step=step, format=shown, key=key, persist_state="page")


def _hour() -> str:
    """When the daily test is due, by the clocks of its zone and, where they differ, by those of the reader."""
    t, speed = tongue(), house().speed
    today: datetime = house().clock.now().astimezone(speed.zone)
    due = today.replace(hour=speed.plan.hour, minute=0, second=0, microsecond=0)
    zone = parts.plain(getattr(speed.zone, "key", "") or t.say("zone_machine"))
    hour, yours = f"{due:%H:%M}", t.clock(due)
    if yours == hour:
        return t.say("sp_hour", hour=hour, zone=zone)
    return t.say("sp_hour_yours", hour=hour, zone=zone, yours=yours)


def _problem(wished: SpeedWishes) -> str:
    t = tongue()
    for key, (phrase, least, most) in _FIELDS.items():
        value = float(st.session_state[key] or 0)
        if not least <= value <= most:  # what is no number lies within nothing
            return t.say("sp_wish_range", what=t.say(phrase), least=least, most=most)
    return t.say("sp_wish_alarm_wrong") if wished.alarm_after > wished.alarm_of else ""


_FIELDS: Mapping[str, tuple[str, int, int]] = {
    _DOWN: ("sp_wish_down", 0, FASTEST),
    _UP: ("sp_wish_up", 0, FASTEST),
    _PING: ("sp_wish_ping", 0, SLOWEST),
    _AFTER: ("sp_wish_after", 1, MOST_RESULTS),
    _OF: ("sp_wish_of", 1, MOST_RESULTS),
}


def _keep(saved: SpeedWishes, wished: SpeedWishes) -> None:
    t, changed, problem = tongue(), saved != wished, _problem(wished)
    if problem:
        st.markdown(f":orange[:material/warning: {problem}]")
    elif not any((wished.least_download, wished.least_upload, wished.most_ping, wished.share)):
        st.caption(t.say("sp_wish_nothing"))
    with st.container(horizontal=True, vertical_alignment="center"):
        clicked = st.button(
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
    if clicked and state.error_at(PLACE) is None:
        st.rerun(scope="app")  # limits in the history, the next test and the alarm stand outside of this fragment


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
        st.markdown(t.say("sp_budget_used", used=rates.size(used)))
        st.caption(t.say("sp_budget_none"))
        if cost:
            st.caption(t.say("sp_budget_daily", each=rates.size(cost), month=rates.size(cost * 30)))
        return
    said = t.say("sp_budget_of", used=rates.size(used), all=rates.size(allowed))
    st.markdown(said)
    st.html(charts.used(min(1.0, used / allowed), said))
    left = rates.size(max(0, allowed - used))
    st.caption(t.say("sp_budget_left", left=left, date=tales_speed.day(speed_now.next_month().isoformat())))
    if cost:
        st.caption(t.say("sp_budget_daily", each=rates.size(cost), month=rates.size(cost * 30)))
    st.caption(t.say("sp_budget_setting"))
