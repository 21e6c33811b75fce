"""What a page needs before it can show anything: the house, the person, and what their tab remembers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from keeper.errors import KeeperError
from keeper.ui.words import LANGUAGES, Tongue, language_of
from keeper.wiring import House, current_house

LANGUAGE = "language"
_TOASTS, _ERRORS, _PAGES = "toasts", "errors", "pages"
T = TypeVar("T")


def house() -> House:
    return current_house()


def tongue() -> Tongue:
    """The language of this tab and the zone of this browser."""
    return Tongue(st.session_state.get(LANGUAGE) or "en", _zone())


def settle_language() -> None:
    """Decided once a tab: the link's ?lang=, else what was chosen before, else what the browser speaks."""
    if st.session_state.get(LANGUAGE) in LANGUAGES:
        return
    wishes = (st.query_params.get("lang"), house().memory.preferences().language)
    chosen = next((wish for wish in wishes if wish in LANGUAGES), None)
    st.session_state[LANGUAGE] = chosen or language_of(st.context.locale)


def keep_language() -> None:
    """The switch was clicked: this tab has it already; remember it for the next visit."""
    chosen = st.session_state[LANGUAGE]
    attempt(
        "language", lambda: house().save_preferences(replace(house().memory.preferences(), language=chosen), user())
    )


def _zone() -> ZoneInfo:
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def user() -> str:
    return str(st.user.get("name") or "?")


def session_id() -> str:
    return str(st.user.get("sid") or "")


def attempt(place: str, action: Callable[[], T], done: Callable[[T], str] | None = None) -> bool:
    """Does what a click asked for. Success is a toast, failure stays visible at `place` until the next try."""
    errors: dict[str, KeeperError] = st.session_state.setdefault(_ERRORS, {})
    errors.pop(place, None)
    try:
        result = action()
    except KeeperError as problem:
        errors[place] = problem
        return False
    if done:
        st.session_state.setdefault(_TOASTS, []).append(done(result))
    return True


def error_at(place: str) -> KeeperError | None:
    found: KeeperError | None = st.session_state.get(_ERRORS, {}).get(place)
    return found


def show_toasts() -> None:
    """Toasts asked for by callbacks. Called by the frame and by every fragment that has buttons."""
    for text in st.session_state.pop(_TOASTS, []):
        st.toast(text, icon=":material/check_circle:")


def remember_pages(pages: dict[str, StreamlitPage]) -> None:
    st.session_state[_PAGES] = pages


def page(name: str) -> StreamlitPage:
    """The page of that name, for links from one screen to another."""
    found: StreamlitPage = st.session_state[_PAGES][name]
    return found
