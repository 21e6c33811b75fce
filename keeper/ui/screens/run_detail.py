"""One run: how it goes or went, its items, its log, its facts."""

from __future__ import annotations

import streamlit as st

from keeper.rules.types import Kind, Missing, Outcome, Run, RunStatus, Stats
from keeper.ui import items, jobcard, parts, state
from keeper.ui.state import house, tongue

FILTER = items.Filter("run", states=False, outcomes=("open", *(outcome.value for outcome in Outcome)))
LOG_LINES = 200
RESUMABLE = (RunStatus.INTERRUPTED, RunStatus.FAILED, RunStatus.CANCELLED)


def choose(job_id: str) -> None:
    """Shows that run, or with '' all of them; the address says which, so that it can be kept and shared."""
    if job_id:
        st.query_params["job"] = job_id
    else:
        st.query_params.pop("job", None)
    st.rerun(scope="app")


def show(job_id: str) -> None:
    t = tongue()
    st.button(t.say("all_runs"), icon=":material/arrow_back:", type="tertiary", key="back", on_click=choose, args=("",))
    run = house().views.run(job_id)
    if run is None:
        with parts.card("run-unknown"):
            parts.empty(t.say("run_unknown"), t.say("run_unknown_text"), ":material/search_off:")
        return

    def is_busy() -> bool:
        now = house().views.run(job_id)
        return now is not None and not now.status.ended

    parts.live(lambda: _head(job_id), is_busy, quick=1, calm=None)
    names = [t.say("tab_items"), t.say("tab_log"), t.say("tab_facts")]
    item_tab, log_tab, fact_tab = st.tabs(names, key="run-tab", on_change="rerun")
    if item_tab.open:
        with item_tab:
            parts.live(lambda: _items(job_id), is_busy, quick=3, calm=None)
    if log_tab.open:
        with log_tab:
            parts.live(lambda: _log(job_id), is_busy, quick=2, calm=None)
    if fact_tab.open:
        with fact_tab:
            _facts(run)


def working_time(run: Run) -> float:
    """Seconds this run has worked; while it runs the time since its start says more than the last stored figure."""
    if run.status.ended or run.started_at is None or run.resumes:
        return run.seconds
    return (house().clock.now() - run.started_at).total_seconds()


def _head(job_id: str) -> None:
    state.show_toasts()
    t, run = tongue(), house().views.run(job_id)
    if run is None:
        return
    begun = run.started_at or run.created_at
    st.title(f"{jobcard.headline(run)}", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="line-run"):
        parts.run_badge(run)
        st.caption(f"{t.word(run.source)} {t.say('asked_by', name=parts.plain(run.requested_by))}", width="content")
        parts.when(begun, prefix=t.moment(begun, house().clock.now()) + " · ")
        if run.started_at:
            phrase = "took" if run.status.ended else "running_for"
            st.caption(t.say(phrase, span=t.duration(working_time(run))), width="content")
    if not run.status.ended:
        with parts.card("job"):
            jobcard.show(run, link=False)
        return
    parts.run_error(run)
    if said := parts.figures(run.stats):
        st.markdown(said)
    if run.status in RESUMABLE:
        st.button(t.say("resume"), icon=":material/play_arrow:", key="resume", on_click=jobcard.resume, args=(job_id,))
    parts.show_error(f"job-{job_id}")


# --- items ---


def _items(job_id: str) -> None:
    t, keeper = tongue(), house()
    page = FILTER.key("page")
    FILTER.show()
    wanted = FILTER.wanted()
    rows, total = parts.fetch(page, lambda limit, skip: keeper.views.run_items(job_id, wanted, limit, skip))
    if not rows:
        run = keeper.views.run(job_id)
        nothing = "items_run_none" if run and run.status is RunStatus.SUCCESS else "items_not_yet"
        parts.empty(t.say("items_none" if any(_set(wanted)) else nothing), icon=":material/inbox:")
        return
    with parts.card("run-items"):
        for item in rows:
            items.row(item, verdict=True)
    parts.pages(total, page)
    st.download_button(
        t.say("download_csv"),
        lambda: keeper.run_items_csv(job_id),
        f"scan_{job_id}.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="csv",
    )


def _set(wanted: object) -> list[str]:
    return [getattr(wanted, name) for name in ("section_key", "missing", "outcome", "search")]


# --- log ---


def _log(job_id: str) -> None:
    """The end of the log. Its cost does not grow with the file: only the last lines are read and sent."""
    t, keeper = tongue(), house()
    tail, path = keeper.log_tail(job_id, LOG_LINES), keeper.log_file(job_id)
    if not tail or path is None:
        parts.empty(t.say("log_none"), icon=":material/description:")
        return
    size = parts.size(keeper.log_size(job_id))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(t.say("log_tail", n=tail.count("\n") + 1, size=size), width="content")
        st.download_button(
            t.say("download_log"),
            path.read_bytes,
            path.name,
            "text/plain",
            icon=":material/download:",
            on_click="ignore",
            key="log-file",
        )
    with st.container(border=True, height=420, autoscroll=True, key="card-log"):
        st.text(tail)


# --- facts ---


def _facts(run: Run) -> None:
    st.table(_story(run) | _options(run), border="horizontal", width="content")
    if run.stats.libraries:
        st.markdown(f"**{tongue().say('per_library')}**")
        st.table(_per_library(run.stats), border="horizontal", width="content")


def _story(run: Run) -> dict[str, str]:
    t, now = tongue(), house().clock.now()
    told = {
        "fact_number": run.job_id,
        "fact_source": t.word(run.source),
        "fact_by": run.requested_by,
        "fact_created": t.moment(run.created_at, now),
        "fact_started": t.moment(run.started_at, now) if run.started_at else "",
        "fact_finished": t.moment(run.finished_at, now) if run.finished_at else "",
        "fact_seconds": t.duration(working_time(run)),
        "fact_resumes": t.number(run.resumes) if run.resumes else "",
    }
    return {t.say(name): parts.plain(value) for name, value in told.items() if value}


def _options(run: Run) -> dict[str, str]:
    t, options = tongue(), run.options
    kinds = ", ".join(t.known(Kind, kind) for kind in options.kinds)
    told = {
        "fact_dry": t.say("yes") if options.dry_run else "",
        "fact_keys": t.number(len(options.keys)) if options.keys else "",
        "fact_libraries": ", ".join(jobcard.library_titles(run)) or t.say("libraries_all"),
        "fact_kinds": kinds,
        "fact_days": t.say("fact_days_value", n=options.days) if options.days else t.say("fact_days_all"),
        "fact_max": t.number(options.max_items) if options.max_items else t.say("fact_max_none"),
        "fact_rules": ", ".join(t.known(Missing, rule) for rule in options.optional_rules),
    }
    return {t.say(name): parts.plain(value) for name, value in told.items() if value}


def _per_library(stats: Stats) -> dict[str, list[str]]:
    """One row a library; figures that are zero everywhere are left out."""
    t = tongue()
    names = [n for n in ("checked", "fixed", "would_fix", "failed", "skipped", "gone") if _any(stats, n)]
    columns = {t.say(f"figure_{name}"): [t.number(f.get(name, 0)) for f in stats.libraries.values()] for name in names}
    return {t.say("library_name"): [parts.plain(title) for title in stats.libraries], **columns}


def _any(stats: Stats, name: str) -> bool:
    return any(figures.get(name) for figures in stats.libraries.values())
