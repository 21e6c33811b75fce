"""The frame around every screen: name, language, pages, who is logged in, what one must know at once."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from keeper.rules.types import Cause
from keeper.ui import parts, state
from keeper.ui.screens import account, events, library, outlets, overview, runs, speed, watchdog
from keeper.ui.state import house, tongue

ASSETS = Path(__file__).parent / "assets"
SCREENS = (
    ("overview", overview.show, ":material/monitor_heart:"),
    ("watchdog", watchdog.show, ":material/shield:"),
    ("library", library.show, ":material/video_library:"),
    ("runs", runs.show, ":material/history:"),
    ("speed", speed.show, ":material/speed:"),
    ("events", events.show, ":material/list_alt:"),
    ("outlets", outlets.show, ":material/notifications:"),
    ("account", account.show, ":material/account_circle:"),
)


def main(first: str = "overview") -> None:
    """The page script, run for every click outside a fragment. `first` is shown at the bare address."""
    st.set_page_config(page_title="Plex Keeper", page_icon=str(ASSETS / "icon.png"), layout="wide")
    st.html(ASSETS / "keeper.css")
    st.html(f"<style>:root {{ color-scheme: {_theme()}; }}</style>")  # dialogs stand outside of what Streamlit colours
    house().count_page_run()
    state.settle_language()
    pages = _pages(first)
    state.remember_pages(pages)
    chosen = st.navigation(list(pages.values()))
    st.logo(str(ASSETS / f"name-{_theme()}.svg"), size="large", icon_image=str(ASSETS / "icon.png"))
    with st.sidebar:
        _sidebar()
    state.show_toasts()
    _banners()
    chosen.run()


def _pages(first: str) -> dict[str, StreamlitPage]:
    t = tongue()
    return {
        name: st.Page(
            show, title=t.say(name), icon=icon, url_path=name, default=name == first, help=t.say(f"{name}_help")
        )
        for name, show, icon in SCREENS
    }


def _theme() -> str:
    return "dark" if st.context.theme.type == "dark" else "light"


def _sidebar() -> None:
    t = tongue()
    st.fragment(_server_state, run_every=5)()
    st.space("small")
    st.segmented_control(
        t.say("language"),
        ["en", "de"],
        format_func={"en": "English", "de": "Deutsch"}.__getitem__,
        required=True,
        key=state.LANGUAGE,
        on_change=state.keep_language,
        label_visibility="collapsed",
        width="stretch",
    )
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="who"):
        st.page_link(state.page("account"), label=parts.plain(state.user()), icon=":material/person:", width="content")
        st.button(t.say("log_out"), icon=":material/logout:", type="tertiary", on_click=st.logout, key="log-out")


def _server_state() -> None:
    """The server's state, at a glance on every page."""
    keeper, t = house(), tongue()
    check = keeper.views.last_check()
    cause = Cause.UNKNOWN if check is None or overview.is_stale(check, keeper.clock.now()) else check.cause
    name = keeper.views.server_name() or t.say("demo_server" if keeper.settings.demo else "no_server_yet")
    colour, icon = parts.CAUSE_LOOK[cause]
    with st.container(gap=None, key="server-state"):
        st.markdown(f":{colour}[:material/{icon}:] **{parts.plain(name)}**")
        st.caption(t.word(cause))


def _banners() -> None:
    t, holder = tongue(), house().engine_holder()
    if house().settings.demo:
        _banner("demo", f":primary[:material/science:] {t.say('demo_banner')}")
    if holder:
        _banner("engine", f":primary[:material/dns:] {t.say('engine_elsewhere', holder=parts.plain(holder))}")


def _banner(key: str, text: str) -> None:
    with st.container(border=True, key=f"banner-{key}"):
        st.markdown(text)
