"""Library: how whole it is, what lacks something, and scans to mend it."""

from __future__ import annotations

import streamlit as st

from keeper.rules.types import LibraryHealth
from keeper.ui import charts, jobcard, parts, state
from keeper.ui.screens import daily, findings, wishes
from keeper.ui.state import house, tongue

VIEW = "library-view"
VIEWS = {"items": findings.show, "scan": wishes.show, "daily": daily.show}


def show() -> None:
    t = tongue()
    st.title(t.say("library"), anchor=False)
    parts.live(_health_and_job, jobcard.is_active, quick=2, calm=None)
    st.session_state.setdefault(VIEW, "items" if house().views.health() else "scan")
    view = st.segmented_control(
        t.say("view"),
        list(VIEWS),
        format_func=lambda name: t.say(f"view_{name}"),
        key=VIEW,
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    VIEWS[view or "items"]()


def _health_and_job() -> None:
    state.show_toasts()
    run = house().views.active_run()
    if run:
        with parts.card("job"):
            jobcard.show(run)
    _health()


def _health() -> None:
    t, libraries = tongue(), house().views.health()
    last = next((run for run in house().views.runs(5) if run.finished_at), None)
    if libraries and last and last.finished_at:
        parts.when(last.finished_at, prefix=t.say("as_of", when=""))
    if not libraries:
        with parts.card("health-none"):
            parts.empty(t.say("health_none"), t.say("health_none_text"), ":material/video_library:")
        return
    with st.grid(3, min_column_width=260, gap="small"):
        for library in libraries:
            _card(library)


def _card(library: LibraryHealth) -> None:
    t = tongue()
    whole = library.known - library.flawed
    complete = t.say("card_complete", part=t.percent(whole, library.known))
    with st.container(border=True, height="stretch", gap="xsmall", key=f"card-library-{library.section_key}"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", wrap=False):
            st.markdown(f"**{parts.plain(library.title)}**", width="stretch", wrap=False)
            st.caption(complete, width="content", wrap=False)
        st.html(charts.share(whole / library.known if library.known else 1.0, complete))
        with st.container(horizontal=True, gap="xsmall"):
            _count(library, "", "card_known", library.known)
            _count(library, "flawed", "card_flawed", library.flawed)
            _count(library, "resting", "card_resting", library.resting)
            _count(library, "ignored", "card_ignored", library.ignored)


def _count(library: LibraryHealth, wanted: str, phrase: str, number: int) -> None:
    """A figure that opens the list behind it."""
    if number:
        st.button(
            tongue().say(phrase, n=number),
            key=f"count-{library.section_key}-{wanted or 'all'}",
            type="tertiary",
            help=tongue().say("card_help"),
            on_click=_open_list,
            args=(library.section_key, wanted),
        )


def _open_list(section_key: str, wanted: str) -> None:
    st.session_state[VIEW] = "items"
    findings.FILTER.set(section=section_key, state=wanted)
    st.rerun(scope="app")  # the list stands outside this fragment
