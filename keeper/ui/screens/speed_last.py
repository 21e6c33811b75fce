"""The last result of the line, big, with what it is to be judged by, and whether there is an alarm."""

from __future__ import annotations

from html import escape

import streamlit as st

from keeper.rules.types import Aspect, SpeedTest, SpeedWishes
from keeper.ui import parts, rates
from keeper.ui.rates import ARROWS
from keeper.ui.screens import speed_usual
from keeper.ui.screens.speed_usual import Usual
from keeper.ui.state import house, tongue


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
    usual, wishes = speed_usual.of(latest), house().speed.wishes()
    values = dict(zip(Aspect, (measured.download_mbps, measured.upload_mbps, measured.ping_ms), strict=True))
    shown = "".join(_figure(aspect, values[aspect], latest, usual, wishes) for aspect in Aspect)
    st.html(f'<div class="keeper-speed">{shown}</div>')
    st.caption(_alarm_sentence(wishes))
    if wishes.share and usual and usual.missing:
        st.caption(t.say("sp_usual_missing", n=usual.missing))
    _origin(latest)


def _figure(aspect: Aspect, value: float, test: SpeedTest, usual: Usual | None, wishes: SpeedWishes) -> str:
    """One of the three, big; below it what it is to be judged by."""
    t, limit = tongue(), limit_of(wishes, aspect)
    unit = "ms" if aspect is Aspect.PING else "Mbit/s"
    middle = usual.values.get(aspect, 0.0) if usual else 0.0
    small = [t.say("sp_usual", value=rates.bare(middle))] if middle else []
    if limit:
        small.append(t.say("sp_at_most" if aspect is Aspect.PING else "sp_at_least", value=rates.wish(limit)))
    small = [said.replace(" ", rates.JOIN) for said in small]
    was_low = aspect in test.low
    is_low = was_low and _is_still_low(aspect, value, limit, middle, wishes.share)
    if was_low and not is_low:
        small.append(t.say("sp_slow_then"))
    low = f"<em>{escape(t.say('sp_slow'))}</em>" if is_low else ""
    return (
        f"<div{' class=low' if is_low else ''}><span>{ARROWS[aspect]} {escape(t.word(aspect))}</span>"
        f"<b>{escape(rates.bare(value))}<i>{unit}</i></b>{low}<small>{escape(' · '.join(small))}</small></div>"
    )


def limit_of(wishes: SpeedWishes, aspect: Aspect) -> float:
    """0 = not asked for."""
    return (wishes.least_download, wishes.least_upload, wishes.most_ping)[list(Aspect).index(aspect)]


def _is_still_low(aspect: Aspect, value: float, limit: float, middle: float, share: int) -> bool:
    """What was too slow then may be fine by the wishes of today. Where that cannot be told, the verdict stands."""
    by_share = bool(share and middle)
    if aspect is Aspect.PING:
        return by_share or bool(limit and value > limit)
    return value < max(limit, middle * share / 100 if by_share else 0.0)


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
    """What the latest results together say of the line, and what comes of it."""
    t, lows = tongue(), house().speed.store.lows(wishes.alarm_of)
    after, among, low, of = wishes.alarm_after, wishes.alarm_of, sum(lows), len(lows)
    if _is_alarmed():
        return f"{_alarm_now(low, of)} {t.say('sp_alarm_ends', n=after)}"
    if not low:
        said = t.say("sp_alarm_far", n=of)
    else:
        said = t.say("sp_alarm_off_only") if of == 1 else t.say("sp_alarm_off", n=low, of=of)
    return f"{said} {t.say('sp_alarm_tells_each') if among == 1 else t.say('sp_alarm_tells', n=after, among=among)}"


def _alarm_now(low: int, of: int) -> str:
    t = tongue()
    if not low:  # fine ones came, but too few in a row
        return t.say("sp_alarm_stays")
    return t.say("sp_alarm_on_only") if of == 1 else t.say("sp_alarm_on", n=low, of=of)
