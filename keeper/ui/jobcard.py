"""The card of a running scan: phase, progress, figures, time left, Cancel."""

from __future__ import annotations

from dataclasses import fields

import streamlit as st

from keeper.rules.types import Phase, Preferences, Run, RunStatus, ScanOptions
from keeper.ui import parts, state
from keeper.ui.state import house, tongue


def is_active() -> bool:
    return house().views.active_run() is not None


def show(run: Run, link: bool = True) -> None:
    """One run that waits or runs, as it stands now; `link` leads to its page."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{headline(run)}**", width="content")
        parts.run_badge(run)
    with st.container(gap="xsmall"):
        _progress(run)
    _buttons(run, link)
    parts.show_error(f"job-{run.job_id}")


def headline(run: Run) -> str:
    """'Dry run: Movies, Shows'."""
    t = tongue()
    name = "dry_run" if run.options.dry_run else "retry_run" if run.options.keys else "scan"
    titles = library_titles(run)
    return f"{t.say(name)}: {parts.plain(', '.join(titles))}" if titles else t.say(name)


def library_titles(run: Run) -> list[str]:
    """Titles of the chosen libraries; a library that is not known any more is named by its key."""
    known = {section.key: section.title for section in house().views.sections()}
    return [known.get(key, key) for key in run.options.libraries]


def _progress(run: Run) -> None:
    t, progress = tongue(), run.progress
    phase = t.word(progress.phase)
    if progress.total and progress.phase in (Phase.CONFIRMING, Phase.REPAIRING, Phase.WAITING):
        share = min(1.0, progress.done / progress.total)
        st.progress(share, text=f"{phase} · {t.say('done_of_total', done=progress.done, total=progress.total)}")
    else:
        st.progress(0.0, text=phase if run.status is RunStatus.QUEUED else f":shimmer[{phase} …]")
    st.caption(" · ".join(_line(run)), wrap=True)
    if progress.note and t.lang == "en":
        st.caption(f":orange[{parts.plain(progress.note)}]")
    elif progress.title:
        st.caption(parts.plain(progress.title), wrap=False)


def _line(run: Run) -> list[str]:
    """What is known so far, in short words."""
    t, stats, progress = tongue(), run.stats, run.progress
    said = []
    if progress.phase is Phase.COLLECTING:
        said.append(t.say("read_so_far", n=progress.done))
    else:
        said.append(
            t.say("n_would_fix", n=stats.would_fix) if run.options.dry_run else t.say("n_mended", n=stats.fixed)
        )
    if stats.failed:
        said.append(t.say("n_failed", n=stats.failed))
    if progress.eta_seconds is not None and progress.eta_seconds >= 2:
        said.append(t.say("eta_left", span=t.rough(progress.eta_seconds)))
    return said


def _buttons(run: Run, link: bool) -> None:
    t = tongue()
    st.space("stretch")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        if st.button(
            t.say("cancel"), icon=":material/stop:", key=f"cancel-{run.job_id}", disabled=run.cancel_requested
        ):
            st.dialog(t.say("cancel_title"))(_confirm_cancel)(run.job_id)
        if link:
            link_to(run)


def link_to(run: Run) -> None:
    st.page_link(
        state.page("runs"),
        label=tongue().say("open_run"),
        icon=":material/chevron_right:",
        icon_position="right",
        query_params={"job": run.job_id},
        width="content",
    )


def _confirm_cancel(job_id: str) -> None:
    t = tongue()
    st.write(t.say("cancel_text"))
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(t.say("cancel_no"), key="cancel-no"):
            st.rerun()
        sure = st.button(
            t.say("cancel_yes"),
            type="primary",
            icon=":material/stop:",
            key="cancel-yes",
            on_click=cancel,
            args=(job_id,),
        )
        if sure:
            st.rerun()


def cancel(job_id: str) -> None:
    keeper, done = house(), tongue().say("cancel_done")
    state.attempt(f"job-{job_id}", lambda: keeper.cancel(job_id, state.user()), lambda _: done)


def resume(job_id: str) -> None:
    keeper, done = house(), tongue().say("resume_done")
    state.attempt(f"job-{job_id}", lambda: keeper.resume(job_id, state.user()), lambda _: done)


def options_of(wishes: Preferences, dry_run: bool = False) -> ScanOptions:
    """The scan that the saved wishes describe."""
    shared = {field.name for field in fields(Preferences)} & {field.name for field in fields(ScanOptions)}
    return ScanOptions(dry_run=dry_run, **{name: getattr(wishes, name) for name in shared})
