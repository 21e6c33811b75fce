"""Runs: every scan, newest first. `?job=ID` shows one of them."""

from __future__ import annotations

import streamlit as st

from keeper.rules.types import Run
from keeper.ui import jobcard, parts, state
from keeper.ui.screens import run_detail
from keeper.ui.state import house, tongue

PAGE = "runs-page"


def show() -> None:
    job_id = st.query_params.get("job")
    if job_id:
        run_detail.show(job_id)
    else:
        st.title(tongue().say("runs"), anchor=False)
        parts.live(_list, jobcard.is_active, quick=3, calm=15)


def _list() -> None:
    t, views = tongue(), house().views
    rows, total = parts.fetch(PAGE, lambda limit, skip: (views.runs(limit, skip), views.run_count()))
    if not total:
        with parts.card("runs-none"):
            parts.empty(t.say("runs_none"), t.say("runs_none_text"), ":material/history:")
            with st.container(horizontal=True, horizontal_alignment="center"):
                st.page_link(
                    state.page("library"), label=t.say("to_library"), icon=":material/video_library:", width="content"
                )
        return
    with parts.card("runs"):
        for run in rows:
            _row(run)
    parts.pages(total, PAGE)


def _row(run: Run) -> None:
    t, now = tongue(), house().clock.now()
    begun = run.started_at or run.created_at
    with st.container(gap=None, key=f"run-{run.job_id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                t.moment(begun, now),
                key=f"open-{run.job_id}",
                type="tertiary",
                icon=":material/chevron_right:",
                icon_position="right",
                help=t.exact(begun),
                on_click=run_detail.choose,
                args=(run.job_id,),
            )
            parts.run_badge(run)
            st.caption(_what(run), width="content")
        st.caption(" · ".join(_figures(run)))


def _figures(run: Run) -> list[str]:
    """What came of it and how long it took, or where it is."""
    t = tongue()
    said = [parts.result(run) if run.status.ended else t.word(run.progress.phase)]
    if run.started_at:
        said.append(t.duration(run_detail.working_time(run)))
    return list(filter(None, said))


def _what(run: Run) -> str:
    t = tongue()
    said = t.word(run.source)
    return f"{said} · {t.say('dry_run')}" if run.options.dry_run else said
