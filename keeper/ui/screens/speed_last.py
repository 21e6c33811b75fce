"""The last result of the line, big, with what it is to be judged by, and whether there is an alarm."""

from __future__ import annotations

from datetime import datetime, timedelta
from html import escape

import streamlit as st

from keeper.rules.types import Aspect, SpeedTest, SpeedUsual, SpeedWishes
from keeper.ui import parts, rates
from keeper.ui.rates import ARROWS
from keeper.ui.screens import speed_chart
from keeper.ui.state import house, tongue

USUAL_DAYS = 90


def show() -> None:
    t, views = tongue(), house().speed.views
    latest = views.latest()
    measured = latest.result.measured if latest and latest.result else None
    if latest is None or measured is None:
        hint = t.say("sp_never_text" if house().speed.wishes().daily else "sp_never_off")
        parts.empty(t.say("sp_never"), hint, ":material/network_check:")
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{t.say('sp_last')}**", width="content")
        _alarm_badge()
    usual = next((one for one in views.usual(_lately()) if _is_of(one, latest)), None)
    wishes = house().speed.wishes()
    values = dict(zip(Aspect, (measured.download_mbps, measured.upload_mbps, measured.ping_ms), strict=True))
    shown = "".join(_figure(aspect, values[aspect], latest, usual, wishes) for aspect in Aspect)
    st.html(f'<div class="keeper-speed">{shown}</div>')
    _origin(latest)
    st.space("stretch")
    st.caption(_alarm_sentence(wishes))


def _lately() -> datetime:
    return house().clock.now() - timedelta(days=USUAL_DAYS)


def _is_of(usual: SpeedUsual, test: SpeedTest) -> bool:
    run = test.result
    return bool(run and run.measured and (usual.provider, usual.server) == (run.provider, run.measured.server))


def _figure(aspect: Aspect, value: float, test: SpeedTest, usual: SpeedUsual | None, wishes: SpeedWishes) -> str:
    """One of the three, big; below it what it is to be judged by."""
    t, is_low = tongue(), aspect in test.low
    unit = "ms" if aspect is Aspect.PING else "Mbit/s"
    is_usual = usual is not None and usual.results >= speed_chart.ENOUGH
    small = [t.say("sp_usual", value=rates.bare(speed_chart.value(usual, aspect)))] if usual and is_usual else []
    limit = (wishes.least_download, wishes.least_upload, wishes.most_ping)[list(Aspect).index(aspect)]
    if limit:
        small.append(t.say("sp_at_most" if aspect is Aspect.PING else "sp_at_least", value=rates.wish(limit)))
    low = f"<em>{escape(t.say('sp_slow'))}</em>" if is_low else ""
    return (
        f"<div{' class=low' if is_low else ''}><span>{ARROWS[aspect]} {escape(t.word(aspect))}</span>"
        f"<b>{escape(rates.bare(value))}<i>{unit}</i></b>{low}<small>{escape(' · '.join(small))}</small></div>"
    )


def _origin(test: SpeedTest) -> None:
    """Who measured, against which server, when, and who asked for it."""
    t, run = tongue(), test.result
    if run is None or run.measured is None:
        return
    server = run.measured.server_name or run.measured.server
    said = " · ".join(filter(None, (t.word(run.provider), server, t.word(test.source))))
    when = test.finished_at or test.created_at
    st.html(f'<div class="keeper-facts">{escape(said)} · {parts.time_said(when)}</div>')


def _is_alarmed() -> bool:
    return bool(house().speed.store.book(()).marks.get("alarm"))


def _alarm_badge() -> None:
    if _is_alarmed():
        st.badge(tongue().say("sp_alarm"), color="orange", icon=":material/warning:")


def _alarm_sentence(wishes: SpeedWishes) -> str:
    """What the latest results together say of the line."""
    t = tongue()
    lows = house().speed.store.lows(wishes.alarm_of)
    after, among = wishes.alarm_after, wishes.alarm_of
    if _is_alarmed():
        return t.say("sp_alarm_on", low=sum(lows), n=len(lows), after=after)
    return t.say("sp_alarm_off" if any(lows) else "sp_alarm_far", low=sum(lows), n=len(lows), after=after, among=among)
