"""Overview: how Plex is, what runs now, what happened last."""

from __future__ import annotations

from datetime import datetime, timedelta
from html import escape
from statistics import median

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from keeper import wiring
from keeper.rules.types import Aspect, Cause, Check, IncidentSeen
from keeper.ui import charts, jobcard, parts, rates, seen, state, tales, thoughts
from keeper.ui.screens import availability
from keeper.ui.state import house, tongue

SPEED_DAYS = 30  # of the trend in its tile

_Looks = list[tuple[datetime, str, float | None]]


def show() -> None:
    st.fragment(_state_and_tiles, run_every=10)()
    with parts.card("job"):
        parts.live(_job, jobcard.is_active, quick=1, calm=10)
    with parts.card("availability"):
        st.fragment(availability.show, run_every=60)()
    st.fragment(_events, run_every=10)()


def _state_and_tiles() -> None:
    state.show_toasts()
    looks = house().views.recent_checks(24)
    check = house().views.last_check()
    _state(check, looks)
    _incident()
    _blocked()
    with st.grid(5, min_column_width=160, gap="small", key="tiles"):
        _tile_response(looks)
        _tile_library()
        _tile_mended()
        _tile_next()
        _tile_speed()


# --- the state in one sentence ---


def _state(check: Check | None, looks: _Looks) -> None:
    with st.container(gap=None, key="state"):
        _headline(check)
        _decision(check)
        _state_line(check, looks)


def _headline(check: Check | None) -> None:
    t, now = tongue(), house().clock.now()
    if check is None:
        _sentence("gray", "help", t.say("not_looked_yet"), t.say("not_looked_text"))
    elif is_stale(check, now):
        age = t.rough((now - check.at).total_seconds())
        said = t.say("stale_text", span=age, cause=t.word(check.cause))
        _sentence("gray", "help", t.say("stale"), said)
    else:
        colour, icon = parts.CAUSE_LOOK[check.cause]
        _sentence(colour, icon, t.word(check.cause), t.advice(check.cause))


def _decision(check: Check | None) -> None:
    """Why nothing is done, or what is; and what happens next. While all is well there is nothing to explain."""
    now = house().clock.now()
    if check is None or check.cause is Cause.OK or is_stale(check, now):
        return
    said = thoughts.present(check.cause, check.decision)
    if said:
        st.markdown(f":material/shield: {parts.plain(said)}")
    if coming := thoughts.coming(check.decision, now):
        st.caption(parts.plain(" · ".join(coming)))


def _incident() -> None:
    """The open incident; nothing while there is none."""
    t, newest = tongue(), next(iter(house().watch.incidents(1)), None)
    if newest is None or newest.closed_at is not None:
        return
    name = thoughts.named(newest)
    colour, icon = parts.CAUSE_LOOK[name]
    lasted = t.duration((house().clock.now() - newest.began_at).total_seconds())
    with (
        parts.card("incident"),
        st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"),
    ):
        with st.container(gap=None, width="content"):
            st.markdown(f":{colour}[:material/{icon}:] **{t.say('incident_open')}** · {t.word(name)}")
            so_far = t.say("incident_so_far", span=lasted, deeds=_deeds(newest))
            st.caption(parts.plain(" · ".join(filter(None, (thoughts.later(newest), so_far)))))
        parts.link("watchdog", t.say("incident_show"), incident=str(newest.number))


def _blocked() -> None:
    """One calm line while an outlet takes nothing: what is told there does not arrive, and waits."""
    t = tongue()
    blocked = [parts.plain(outlet.label) for outlet in house().postroom.outlets() if outlet.state.blocked]
    if not blocked:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="line-blocked"):
        st.markdown(f":orange[:material/notifications_off:] {t.say('post_blocked_line', outlets=', '.join(blocked))}")
        parts.link("outlets", t.say("outlets"))


def _deeds(incident: IncidentSeen) -> str:
    return thoughts.deeds(incident.actions) or tongue().say("nothing_tried")


def _state_line(check: Check | None, looks: _Looks) -> None:
    t, now = tongue(), house().clock.now()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="line-state"):
        if check and (lasted := since(check, looks, now)):
            st.caption(lasted, width="content")
        if check:
            parts.when(check.at, prefix=t.say("looked", when="").strip() + " ")
        st.button(t.say("look_now"), icon=":material/refresh:", type="tertiary", key="look-now", on_click=_look_now)
        if check and check.facts:
            with st.popover(t.say("what_was_seen"), type="tertiary"):
                _facts(check)


def is_stale(check: Check, now: datetime) -> bool:
    """Whether what was seen then says nothing about now."""
    return wiring.is_stale(check, now, house().settings.watch_interval)


def _sentence(colour: str, icon: str, headline: str, advice: str) -> None:
    st.title(f":{colour}[:material/{icon}:] {headline}", anchor=False)
    if advice:
        st.markdown(advice)


def since(check: Check, looks: _Looks, now: datetime) -> str:
    """How long it has been so, as far as the last day shows; '' while that is too short to tell.

    A look that failed proves nothing, and one odd look alone is no trouble: neither ends the time that was fine.
    """
    t = tongue()
    first = check.at
    told = [(at, cause) for at, cause, _ in reversed(looks) if cause != Cause.UNKNOWN or check.cause is Cause.UNKNOWN]
    for number, (at, cause) in enumerate(told):
        if cause != check.cause:
            before = next((earlier for _, earlier in told[number + 1 : number + 2]), None)
            if number and check.cause is Cause.OK and before == Cause.OK:
                continue
            return t.say("since", span=t.rough((now - first).total_seconds()))
        first = min(first, at)
    seconds = (now - first).total_seconds()
    return t.say("since_over", span=t.rough(seconds)) if seconds > 120 else ""


def _facts(check: Check) -> None:
    """Rows under the name of their group, as one picture: fifty containers would make the page slow."""
    groups = [f"<h4>{escape(name)}</h4>{''.join(map(_seen_row, rows))}" for name, rows in seen.grouped(check.facts)]
    st.html(f'<div class="keeper-seen">{"".join(groups)}</div>')


def _seen_row(row: seen.Row) -> str:
    small = f"<small>{escape(row.detail)}</small>" if row.detail else ""
    return f"<p><span>{escape(row.name)}</span><b>{escape(row.value)}</b>{small}</p>"


def _look_now() -> None:
    keeper, said = house(), tongue().say("look_asked")
    state.attempt("look", lambda: keeper.check_now(state.user()), lambda _: said)


# --- tiles ---


def _tile(key: str, label: str, icon: str, value: str | None, below: str, picture: str = "") -> None:
    with _box(key):
        st.metric(label, value, icon=f":material/{icon}:")
        st.caption(below)
        st.space("stretch")
        if picture:
            st.html(picture)


def _box(key: str) -> DeltaGenerator:
    return st.container(border=True, height="stretch", gap=None, key=f"card-tile-{key}")


def _tile_response(looks: _Looks) -> None:
    t = tongue()
    answers = [ms for _, _, ms in looks if ms is not None]
    last = looks[-1][2] if looks else None
    value = f"{t.number(last)} ms" if last is not None else None
    usual = t.say("tile_response_usual", ms=t.number(median(answers))) if answers else t.say("tile_response_none")
    below = usual if last is not None or not looks else t.say("tile_response_none")
    picture = charts.spark([ms for _, _, ms in looks[-96:]], t.say("tile_response_alt"))
    _tile("response", t.say("tile_response"), "speed", value, below, picture)


def _tile_library() -> None:
    t, health = tongue(), house().views.health()
    known, flawed = sum(h.known for h in health), sum(h.flawed for h in health)
    if not health:
        _tile("library", t.say("tile_library"), "broken_image", None, t.say("tile_library_never"))
        return
    whole = (known - flawed) / known if known else 1.0
    picture = charts.share(whole, t.say("tile_library_alt", part=t.percent(known - flawed, known)))
    _tile(
        "library", t.say("tile_library"), "broken_image", t.number(flawed), t.say("tile_library_of", n=known), picture
    )


def _tile_mended() -> None:
    t = tongue()
    days = [number for _, number in house().views.mended_per_day(14, t.zone)]
    picture = charts.spark(days, t.say("tile_mended_alt"), kind="bar")
    today = t.say("tile_mended_today", n=days[-1] if days else 0)
    _tile("mended", t.say("tile_mended"), "healing", t.number(sum(days)), today, picture)


def _tile_next() -> None:
    t, upcoming = tongue(), house().next_scan()
    if upcoming is None:
        _tile("next", t.say("tile_next"), "schedule", t.say("tile_next_off"), t.say("tile_next_off_text"))
        return
    now = house().clock.now()
    below = f"{t.day(upcoming, now)} · {t.ago(upcoming, now)}"
    _tile("next", t.say("tile_next"), "schedule", t.clock(upcoming), below)


def _tile_speed() -> None:
    """The last result and where it comes from; calm while there is none."""
    t, views = tongue(), house().speed.views
    latest = views.latest()
    measured = latest.result.measured if latest and latest.result else None
    if latest is None or measured is None:
        with _box("speed"):
            st.metric(t.say("tile_speed"), None, icon=":material/network_check:")
            parts.link("speed", t.say("tile_speed_never"))
        return
    with _box("speed"):
        st.metric(t.say("tile_speed"), rates.brief(measured.download_mbps), icon=":material/network_check:")
        upload = f"{rates.ARROWS[Aspect.UPLOAD]} {rates.bare(measured.upload_mbps)}"
        said = f"{upload} · {rates.milliseconds(measured.ping_ms)}"
        parts.link("speed", f":orange[{rates.marked(latest.low)}]" if latest.low else said)
        st.space("stretch")
        since = house().clock.now() - timedelta(days=SPEED_DAYS)
        downloads: list[float | None] = [point.download_mbps for point in views.points(since)]
        if len(downloads) > 1:
            st.html(charts.spark(downloads, t.say("tile_speed_alt")))


# --- the job ---


def _job() -> None:
    state.show_toasts()
    run = house().views.active_run()
    if run:
        jobcard.show(run)
    else:
        _idle()


def _idle() -> None:
    t = tongue()
    last = next(iter(house().views.runs(1, 0)), None)
    st.markdown(f"**{t.say('idle')}**")
    if last is None:
        st.caption(t.say("idle_never"))
    else:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="line-last"):
            parts.run_badge(last)
            st.caption(parts.result(last), width="content")
            parts.when(last.finished_at or last.created_at)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.button(t.say("start_scan"), type="primary", icon=":material/play_arrow:", key="start", on_click=_start)
        if last:
            jobcard.link_to(last)
    parts.show_error("start")


def _start() -> None:
    """Starts what the daily scan would do."""
    keeper, said = house(), tongue().say("scan_started")
    options = jobcard.options_of(keeper.memory.preferences())
    state.attempt("start", lambda: keeper.start_scan(options, state.user()), lambda _: said)


# --- events ---


def _events() -> None:
    t, events = tongue(), house().views.events(10)
    with parts.card("events"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{t.say('events_title')}**", width="content")
            parts.link("events", t.say("events_all"))
        if not events:
            parts.empty(t.say("events_none"), icon=":material/notifications_none:")
        for event in events:
            with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
                colour, icon = parts.SEVERITY_LOOK[event.severity]
                st.markdown(f":{colour}[{icon}] {parts.plain(tales.short(tales.told(event)))}", width="stretch")
                parts.when(event.at)
