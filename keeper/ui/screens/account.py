"""Account: from where this person is logged in, their password, and what happened at the door."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from html import escape
from itertools import groupby

import streamlit as st

from auth import Doorkeeper, browser_name
from keeper.errors import KeeperError, PasswordRefused
from keeper.rules.types import Event, SessionRow
from keeper.ui import parts, state, tales
from keeper.ui.state import house, tongue

PAGE = "account-page"
LOGINS_READ, LOGINS_SHOWN = 200, 10  # read more than shown: the same again and again is one row

_OLD, _NEW, _AGAIN = "password-old", "password-new", "password-again"
_PHONES = ("on iOS", "on Android")
_ICONS = {
    "Login": "login",
    "Login Failed": "gpp_maybe",
    "Login Locked": "lock_clock",
    "Login Unlocked": "lock_open",
    "Password Changed": "key",
    "Logged Out Everywhere": "logout",
    "Logged Out Elsewhere": "logout",
}


def show() -> None:
    t = tongue()
    with st.container(gap=None, key="account-who"):
        st.title(t.say("account"), anchor=False)
        st.markdown(t.say("logged_in_as", name=parts.plain(state.user())))
    if house().doorkeeper is None:
        with parts.card("no-door"):
            parts.empty(t.say("no_door"), t.say("no_door_text"), ":material/no_accounts:")
    else:
        left, right = st.columns([3, 2])
        with left, parts.card("browsers", "stretch"):
            st.fragment(_browsers, run_every=10)()
        with right, parts.card("password", "stretch"):
            _password()
    with parts.card("logins"):
        st.fragment(_logins, run_every=10)()


def _door() -> Doorkeeper:
    found = house().doorkeeper
    if found is None:
        raise KeeperError("Nobody can log in here.")
    return found


# --- where one is logged in ---


def _browsers() -> None:
    state.show_toasts()
    t, here = tongue(), state.session_id()
    living = sorted(_door().sessions_of(state.user()), key=lambda session: session.id != here)
    st.markdown(f"**{t.say('browsers')}**")
    if not living:
        parts.empty(t.say("browsers_none"), icon=":material/devices:")
    rows, total = parts.fetch(PAGE, lambda limit, skip: (living[skip : skip + limit], len(living)))
    for session in rows:
        _browser(session, session.id == here)
    parts.pages(total, PAGE)
    parts.show_error("browsers")
    _everywhere(sum(session.id != here for session in living))


def _browser(session: SessionRow, here: bool) -> None:
    t, key = tongue(), session.id[:16]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False, key=f"browser-{key}"):
        st.markdown(f":gray[{_device(session.browser)}]", width="content")
        with st.container(gap=None):
            with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"line-{key}"):
                st.markdown(f"**{parts.plain(_named(session.browser))}**", width="content")
                if here:
                    st.badge(t.say("this_browser"), color="green", icon=":material/check_circle:")
            st.html(_when_and_where(session, here))
        if not here:
            st.button(t.say("log_out"), key=f"end-{key}", width="content", on_click=_end_one, args=(session,))


def _when_and_where(session: SessionRow, here: bool) -> str:
    """Two lines of small print, in HTML."""
    t, now = tongue(), house().clock.now()
    seen = parts.time_said(now if here else session.last_seen_at, prefix=t.say("seen", when="").strip() + " ")
    span = t.say("logged_in_span", since=t.moment(session.created_at, now), until=_end(session, now))
    return f'<div class="keeper-facts">{escape(session.address)} · {seen}<br>{escape(span)}</div>'


def _named(user_agent: str) -> str:
    """'Firefox 153 on Linux', in this person's language."""
    t = tongue()
    browser, _, system = browser_name(user_agent).partition(" on ")
    known = t.say("browser_unknown") if browser == "Unknown browser" else browser
    return t.say("browser_on", browser=known, system=system) if system else known


def _device(user_agent: str) -> str:
    return f":material/{'smartphone' if browser_name(user_agent).endswith(_PHONES) else 'computer'}:"


def _end(session: SessionRow, now: datetime) -> str:
    """When it ends: to the minute when that is soon, else the day."""
    t, end = tongue(), session.expires_at
    return t.moment(end, now) if (end - now).days < 2 else t.day(end, now)


def _end_one(session: SessionRow) -> None:
    t, name = tongue(), parts.plain(_named(session.browser))
    state.attempt(
        "browsers",
        lambda: _door().end_session(session.id, state.user()),
        lambda ended: t.say("end_done" if ended else "end_late", browser=name),
    )


def _everywhere(others: int) -> None:
    t = tongue()
    st.space("xxsmall")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(t.say("ends_unused"), width="content")
        if others and st.button(t.say("everywhere"), icon=":material/logout:", key="everywhere"):
            st.dialog(t.say("everywhere_title"), width="small")(_confirm_everywhere)(others)


def _confirm_everywhere(others: int) -> None:
    t = tongue()
    st.write(t.say("everywhere_text", n=others))
    sure = st.button(
        t.say("everywhere_yes", n=others),
        type="primary",
        icon=":material/logout:",
        key="everywhere-yes",
        width="stretch",
        on_click=_end_others,
    )
    surer = st.button(t.say("everywhere_too"), key="everywhere-too", width="stretch", on_click=_end_all)
    left_alone = st.button(t.say("everywhere_no"), type="tertiary", key="everywhere-no", width="stretch")
    if sure or surer or left_alone:
        st.rerun()


def _end_others() -> None:
    t = tongue()
    state.attempt(
        "browsers",
        lambda: _door().log_out_everywhere(state.user(), keep=state.session_id()),
        lambda ended: t.say("everywhere_done", n=ended),
    )


def _end_all() -> None:
    if state.attempt("browsers", lambda: _door().log_out_everywhere(state.user())):
        st.logout()


# --- the password ---


def _password() -> None:
    t = tongue()
    with st.form("password", border=False):
        st.markdown(f"**{t.say('password_title')}**")
        for key, label, kind in (
            (_OLD, "password_old", "current-password"),
            (_NEW, "password_new", "new-password"),
            (_AGAIN, "password_again", "new-password"),
        ):
            st.text_input(t.say(label), type="password", key=key, autocomplete=kind)
        _password_refused()
        st.caption(t.say("password_text"))
        st.form_submit_button(t.say("password_save"), icon=":material/key:", on_click=_change_password)


def _password_refused() -> None:
    t, problem = tongue(), state.error_at("password")
    if not isinstance(problem, PasswordRefused) or problem.code == PasswordRefused.code:
        parts.show_error("password")
    elif problem.seconds:
        st.error(t.say("password_wait_span", span=t.duration(problem.seconds)), icon=":material/error:")
    else:
        st.error(t.error(problem.code), icon=":material/error:")


def _change_password() -> None:
    """A callback: the fields as they stand at the click. They are emptied once the password is changed."""
    memory, said = st.session_state, tongue().say("password_done")
    if state.attempt("password", lambda: _replace(memory[_OLD], memory[_NEW], memory[_AGAIN]), lambda _: said):
        memory[_OLD] = memory[_NEW] = memory[_AGAIN] = ""


def _replace(old: str, new: str, again: str) -> None:
    """Slips of the keyboard are told here; they need not count as a wrong password."""
    if not old:
        raise PasswordRefused("The current password is missing.", "password_missing")
    if not new:
        raise PasswordRefused("The new password is empty.", "password_empty")
    if new != again:
        raise PasswordRefused("The two new passwords differ.", "password_differ")
    _door().change_password(state.session_id(), old, new)


# --- what happened at the door ---


def _logins() -> None:
    t, events = tongue(), house().views.door_events(LOGINS_READ)
    st.markdown(f"**{t.say('logins')}**")
    if not events:
        parts.empty(t.say("logins_none"), icon=":material/door_front:")
    for event, times in list(_alike(events))[:LOGINS_SHOWN]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
            colour, _ = parts.SEVERITY_LOOK[event.severity]
            icon = _ICONS.get(event.kind, "info")
            st.markdown(f":{colour}[:material/{icon}:] {_told(event, times)}", width="stretch")
            parts.when(event.at)


def _alike(events: list[Event]) -> Iterator[tuple[Event, int]]:
    """The newest of events that say the same one after the other, and how many there are."""
    for _, same in groupby(events, key=lambda event: (event.kind, event.message)):
        newest, *older = same
        yield newest, 1 + len(older)


def _told(event: Event, times: int) -> str:
    """The sentence, and in grey how often, with which browser, from where; markdown."""
    t, data = tongue(), event.data
    said = [t.say("n_times", n=times)] if times > 1 else []
    if data.get("browser"):
        said.append(_named(str(data["browser"])))
    if data.get("address"):
        said.append(str(data["address"]))
    more = parts.plain(" · ".join(said))
    sentence = parts.plain(tales.told(event))
    return f"{sentence} :gray[· {more}]" if more else sentence
