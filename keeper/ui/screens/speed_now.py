"""The next speed test: when it comes, what became of the one before, and the button that has one made now."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from statistics import median

import streamlit as st

from keeper.rules.types import Hindrance, SpeedProvider, SpeedStatus, SpeedTest
from keeper.ui import parts, rates, state, tales_speed
from keeper.ui.screens import speed_card
from keeper.ui.screens.speed_card import LOOK, PLACE
from keeper.ui.state import house, tongue

#: What hinders every test, also one that somebody asked for and wants anyway.
HINDERS_ALL = (Hindrance.UPDATING, Hindrance.NO_LINE, Hindrance.ACTING)
FRESH = timedelta(minutes=15)  # how long the end of a test is news
COSTS = 5  # latest measurements of which the middle one says what the next one will cost


def is_active() -> bool:
    return house().speed.views.active() is not None


def show() -> None:
    state.show_toasts()
    active = house().speed.views.active()
    if active:
        speed_card.show(active)
    else:
        _idle()
    parts.show_error(PLACE, tongue().say("sp_refused"))


def _idle() -> None:
    t = tongue()
    st.markdown(f"**{t.say('sp_test')}**")
    _outcome()
    _next()
    st.space("stretch")
    _start()


def _outcome() -> None:
    """What became of the test that ended last: while it is news, or when it brought nothing."""
    t, now = tongue(), house().clock.now()
    newest = next(iter(house().speed.views.tests(1, 0)), None)
    if newest is None or newest.finished_at is None:
        return
    if newest.status in (SpeedStatus.SUCCESS, SpeedStatus.CANCELLED) and now - newest.finished_at > FRESH:
        return
    colour, icon = ("orange", ":material/warning:") if newest.low else LOOK[newest.status]
    with st.container(gap=None):
        st.markdown(f":{colour}[{icon}] {parts.plain(outcome(newest))}")
        st.caption(t.say("sp_ended", when=t.ago(newest.finished_at, now)))


def outcome(ended: SpeedTest) -> str:
    """How a test ended, in one sentence."""
    t, why = tongue(), rates.reason(ended)
    measured = ended.result.measured if ended.result else None
    if ended.status is SpeedStatus.SUCCESS and measured:
        said = rates.figures(measured.download_mbps, measured.upload_mbps, measured.ping_ms)
        low = rates.capital(rates.too_slow(ended.low))
        return t.say("sp_outcome_low", figures=said, low=low) if low else t.say("sp_outcome_fine", figures=said)
    bare = "" if why else "_bare"
    name = ended.status.value + (bare if t.has(f"sp_outcome_{ended.status.value}_bare") else "")
    return t.say(f"sp_outcome_{name}", why=why)


def _next() -> None:
    st.markdown(_upcoming())
    if said := _waiting():
        st.caption(parts.plain(said))


def _upcoming() -> str:
    t, speed, now = tongue(), house().speed, house().clock.now()
    moment, month = speed.next_time(), next_month()
    if not speed.wishes().daily:
        return f":gray[:material/schedule:] {t.say('sp_next_off')}"
    if not speed.fits()[0] and (moment is None or moment.astimezone(speed.zone).date() < month):
        return f":material/schedule: {t.say('sp_next_budget', date=tales_speed.day(month.isoformat()))}"
    if moment is None:
        return f":gray[:material/schedule:] {t.say('sp_next_unknown')}"
    if moment <= now:
        return f":material/schedule: {t.say('sp_next_due')}"
    return f":material/schedule: {t.say('sp_next', moment=t.moment(moment, now), when=t.ago(moment, now))}"


def next_month() -> date:
    """When the budget begins anew, in the zone of the speed test."""
    today: datetime = house().clock.now().astimezone(house().speed.zone)
    return date(today.year + today.month // 12, today.month % 12 + 1, 1)


def _waiting() -> str:
    """Why the daily test waits although it is due."""
    days = house().speed.store.book(()).days.values()
    waiting = next((day.hindrance for day in days if not day.outcome and day.hindrance), None)
    return tongue().say("sp_hindered", why=tongue().word(waiting)) if waiting else ""


def _start() -> None:
    speed, refusal = house().speed, _refusal()
    clicked = st.button(
        tongue().say("sp_start"),
        type="primary",
        icon=":material/speed:",
        key="speed-start",
        disabled=bool(refusal),
    )
    st.caption(refusal or _cost())
    if clicked and speed.in_use() is False:
        _begin(False)
        st.rerun(scope="app")
    if clicked:
        st.dialog(tongue().say("sp_ask_title"), width="small")(_ask)()


def _refusal() -> str:
    """Why nothing at all can be measured now, which no 'anyway' would change; markdown."""
    t, speed = tongue(), house().speed
    fits, need = speed.fits()
    if not fits and need:  # else nobody can measure here, and the test says so
        return _too_little(need)
    hindrance = speed.hindrance_now()
    return t.say("sp_hindered_all", why=parts.plain(t.word(hindrance))) if hindrance in HINDERS_ALL else ""


def _too_little(need: int) -> str:
    t, (used, allowed) = tongue(), house().speed.budget()
    if need > allowed:
        return t.say("sp_too_little_ever", need=rates.size(need), all=rates.size(allowed))
    left, again = rates.size(max(0, allowed - used)), tales_speed.day(next_month().isoformat())
    return t.say("sp_too_little", left=left, need=rates.size(need), date=again)


def _cost() -> str:
    """What it will cost, as far as earlier ones tell, and what the month has left."""
    t, (used, allowed) = tongue(), house().speed.budget()
    said = []
    if first := _first():
        cost = _usual_cost(first[0])
        said.append(t.say("sp_cost" if cost else "sp_cost_most", size=rates.size(cost or first[1])))
    if allowed:
        said.append(t.say("sp_left", left=rates.size(max(0, allowed - used)), all=rates.size(allowed)))
    return " · ".join(said)


def expected_cost() -> int:
    """Bytes, as the provider that is asked first has needed them lately; 0 = nobody knows yet."""
    first = _first()
    return _usual_cost(first[0]) if first else 0


def _usual_cost(provider: SpeedProvider) -> int:
    known = [cost for cost, _ in house().speed.store.costs(provider, COSTS)]
    return int(median(known)) if known else 0


def _first() -> tuple[SpeedProvider, int] | None:
    """Who is asked first, of those that can be used here, and the most bytes that it can cost."""
    meters = house().speed.meters()
    return next(((meter.provider, meter.most_bytes) for meter in meters if meter.ready().can is not False), None)


def _ask() -> None:
    """Somebody is watching, or nobody knows: it is their picture that would suffer."""
    t = tongue()
    watching = house().speed.in_use()
    st.markdown(t.say("sp_ask_watched" if watching else "sp_ask_unknown"))
    st.markdown(t.say("sp_ask_text"))
    st.caption(_cost())
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(t.say("sp_ask_no"), key="speed-no"):
            st.rerun()
        sure = st.button(
            t.say("sp_ask_yes"),
            type="primary",
            icon=":material/speed:",
            key="speed-yes",
            on_click=_begin,
            args=(True,),
        )
        if sure:
            st.rerun()


def _begin(anyway: bool) -> None:
    speed, said = house().speed, tongue().say("sp_started")
    state.attempt(PLACE, lambda: speed.run(state.user(), anyway), lambda _: said)
