"""Speed: how fast the line is, how fast it was, who measured it, and what is wished of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import streamlit as st

from keeper.errors import StoreError
from keeper.ui import parts
from keeper.ui.screens import speed_chart, speed_last, speed_list, speed_now, speed_sources, speed_wishes
from keeper.ui.state import tongue


def show() -> None:
    st.title(tongue().say("speed"), anchor=False)
    _calm(_page)()


def _page() -> None:
    left, right = st.columns([3, 2])
    with left, parts.card("speed-last", "stretch"):
        st.fragment(_calm(speed_last.show), run_every=30)()
    with right, parts.card("speed-test", "stretch"):
        parts.live(_calm(speed_now.show), speed_now.is_active, quick=1, calm=10)
    st.fragment(_calm(speed_chart.show))()
    with parts.card("speed-sources"):
        st.fragment(_calm(speed_sources.show), run_every=60)()
    st.fragment(_calm(speed_wishes.show))()
    st.fragment(_calm(speed_list.show))()


def _calm(body: Callable[[], None]) -> Callable[[], None]:
    """A data file that does not answer is said in its place, in words; the rest of the page stays."""

    @wraps(body)
    def shown() -> None:
        try:
            body()
        except StoreError as problem:
            t = tongue()
            st.error(t.error(problem.code), icon=":material/error:")
            st.caption(parts.plain(problem.sentence))

    return shown
