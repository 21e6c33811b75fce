"""Watchdog: what it thinks now, what it may do, what it did, and what it would do. `?incident=N` tells one story."""

from __future__ import annotations

from datetime import datetime, timedelta

import streamlit as st

from keeper.rules.types import Cause, Check, IncidentSeen
from keeper.ui import parts, state, thoughts
from keeper.ui.screens import (
    by_hand,
    demo_faults,
    folders,
    incident,
    incidents,
    overview,
    permissions,
    simulator,
    turns,
)
from keeper.ui.state import house, tongue

MORNING = 8  # until when the watchdog is held 'until tomorrow'


def show() -> None:
    number = st.query_params.get("incident")
    if number:
        incident.show(number)
        return
    st.title(tongue().say("watchdog"), anchor=False)
    with parts.card("watch"):
        parts.live(_now, _is_troubled, quick=5, calm=5 if house().settings.demo else 15)
    st.fragment(folders.show, run_every=15)()
    demo_faults.show()
    left, right = st.columns([3, 2])
    with left, parts.card("permissions", "stretch"):
        st.fragment(permissions.show, run_every=15)()
    with right, parts.card("incidents", "stretch"):
        st.fragment(incidents.show, run_every=15)()
    with parts.card("ledger"):
        st.fragment(by_hand.ledger, run_every=15)()
    with parts.card("turns"):
        st.fragment(turns.show, run_every=15)()
    with st.expander(tongue().say("by_hand"), icon=":material/back_hand:", key="by-hand"):
        st.fragment(by_hand.show)()
    with st.expander(tongue().say("simulator"), icon=":material/science:", key="simulator"):
        st.fragment(simulator.show)()


def _is_troubled() -> bool:
    return incidents.open_one() is not None


# --- what it thinks ---


def _now() -> None:
    state.show_toasts()
    check, now = house().views.last_check(), house().clock.now()
    fresh = check is not None and not overview.is_stale(check, now)
    _headline(check if fresh else None)
    if check and fresh:
        _decision(check, now)
    elif check:
        t = tongue()
        age = t.rough((now - check.at).total_seconds())
        st.markdown(t.say("stale_text", span=age, cause=t.word(check.cause)))
    else:
        st.markdown(tongue().say("not_looked_text"))
    _held(now)
    _buttons(check if fresh else None, now)
    parts.show_error("watch", tongue().say("act_refused"))


def _headline(check: Check | None) -> None:
    t, cause = tongue(), check.cause if check else Cause.UNKNOWN
    colour, icon = parts.CAUSE_LOOK[cause]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="line-watch"):
        st.subheader(f":{colour}[:material/{icon}:] {t.word(cause)}", anchor=False, width="content")
        if check and (trouble := incidents.open_one()):
            st.caption(_lasted(check, trouble), width="content")
        if check:
            parts.when(check.at, prefix=t.say("looked", when="").strip() + " ")


def _lasted(check: Check, trouble: IncidentSeen) -> str:
    """'for 12 min': how long the trouble goes on; once Plex is fine again, how long that is so."""
    t, now = tongue(), house().clock.now()
    if check.cause is not Cause.OK:
        return t.say("incident_since", span=t.rough((now - trouble.began_at).total_seconds()))
    return overview.since(check, house().views.recent_checks(24), now)


def _decision(check: Check, now: datetime) -> None:
    """The decision in words, and what comes next."""
    if said := thoughts.present(check.cause, check.decision):
        st.markdown(parts.plain(said))
    if coming := thoughts.coming(check.decision, now):
        st.markdown(f":gray[:material/timer:] {parts.plain(' · '.join(coming))}")


def _held(now: datetime) -> None:
    until = house().watch.held_until()
    if until and until > now:
        said = tongue().say("held_badge", moment=tongue().by(until, now))
        st.badge(parts.plain(said), icon=":material/pan_tool:", color="orange")


def _buttons(check: Check | None, now: datetime) -> None:
    t, until = tongue(), house().watch.held_until()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="watch-buttons"):
        if check and thoughts.may_be_hastened(check.decision):
            wanted = thoughts.wanted(check.decision)
            label = t.say("do_now", action=t.word(wanted))
            by_hand.button(wanted, label, "do-now", primary=True)
        st.button(t.say("check_now"), icon=":material/refresh:", key="check-now", on_click=_check_now)
        if until and until > now:
            st.button(t.say("release"), icon=":material/lock_open:", key="release", on_click=_release)
            return
        st.button(t.say("hold_hour"), icon=":material/pan_tool:", key="hold-1", on_click=_hold, args=(1,))
        choices = {4: t.say("hold_four"), 0: t.say("hold_tomorrow")}
        st.menu_button(
            t.say("hold_longer"),
            list(choices),
            format_func=choices.__getitem__,
            key="hold-longer",
            on_click=_hold_longer,
        )


def _check_now() -> None:
    keeper, said = house(), tongue().say("look_asked")
    state.attempt("watch", lambda: keeper.check_now(state.user()), lambda _: said)


def _hold_longer() -> None:
    _hold(st.session_state["hold-longer"])


def _hold(hours: int) -> None:
    """For so many hours; 0 = until tomorrow morning."""
    keeper, t = house(), tongue()
    now = keeper.clock.now()
    until = now + timedelta(hours=hours) if hours else _tomorrow(now)
    said = t.say("held_done", moment=t.by(until, now))
    state.attempt("watch", lambda: keeper.hold(until, state.user()), lambda _: said)


def _tomorrow(now: datetime) -> datetime:
    """Tomorrow morning where this person is."""
    here = now.astimezone(tongue().zone) + timedelta(days=1)
    return here.replace(hour=MORNING, minute=0, second=0, microsecond=0).astimezone(now.tzinfo)


def _release() -> None:
    keeper, said = house(), tongue().say("released_done")
    state.attempt("watch", lambda: keeper.hold(None, state.user()), lambda _: said)
