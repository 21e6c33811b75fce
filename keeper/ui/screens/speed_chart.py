"""The history of the line: download, upload and ping over one line of time, with the days that brought no result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import groupby, pairwise

import streamlit as st

from keeper.rules.types import Aspect, SpeedDay, SpeedPoint, SpeedSource
from keeper.ui import charts, parts, plots, rates, state, tales_speed
from keeper.ui.screens import speed_days, speed_usual
from keeper.ui.screens.speed_days import Span
from keeper.ui.screens.speed_last import limit_of
from keeper.ui.screens.speed_usual import Usual
from keeper.ui.state import house, tongue
from keeper.ui.words import MONTHS, WEEKDAYS

RANGES = {7: "sp_days_7", 30: "sp_days_30", 90: "sp_days_90", 365: "sp_days_365"}
SIZES = {7: 8.5, 30: 7.5, 90: 5.0, 365: 3.4}  # of dots: the more days, the smaller
USUALLY_SHOWN = 30
MOST_POINTS = 1000
_RANGE = "speed-range"


def show() -> None:
    """Nothing while there is nothing to draw."""
    state.show_toasts()
    t, speed, now = tongue(), house().speed, house().clock.now()
    year = Span(now.astimezone(speed.zone).date(), 365, speed.zone)
    points = speed.views.points(year.begins, MOST_POINTS)
    if not points:
        return
    with parts.card("speed-history"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{t.say('sp_history')}**", width="content")
            chosen = _range()
        span = Span(year.today, chosen, speed.zone)
        _history(span, points, speed.views.days(year.first.isoformat()))


def _range() -> int:
    t = tongue()
    st.session_state.setdefault(_RANGE, USUALLY_SHOWN)
    return int(
        st.segmented_control(
            t.say("sp_range"),
            list(RANGES),
            format_func=lambda days: t.say(RANGES[days]),
            key=_RANGE,
            required=True,
            persist_state="page",
            label_visibility="collapsed",
        )
        or USUALLY_SHOWN
    )


def _history(span: Span, known: Sequence[SpeedPoint], days: Mapping[str, SpeedDay]) -> None:
    t, speed = tongue(), house().speed
    points = [point for point in known if point.at >= span.begins]
    usual, wishes = speed_usual.of(speed.views.latest()), speed.wishes()
    panels = [_panel(aspect, points, span, usual, limit_of(wishes, aspect)) for aspect in Aspect]
    gaps = [gap for gap in speed_days.gaps(span, known, days) if gap.ends > 0]
    marks = list(speed_days.changes(span, points))
    label = _label(points, span, gaps)
    picture = plots.multiples(panels, [*gaps, *speed_days.spots(points, span)], _ticks(span), label, marks)
    st.html(picture + charts.legend(_legend(panels, gaps, marks)))
    if not points:
        st.caption(t.say("sp_none_in_range"))


# --- lines ---


def _panel(aspect: Aspect, points: Sequence[SpeedPoint], span: Span, usual: Usual | None, limit: float) -> plots.Panel:
    t, values = tongue(), [value(point, aspect) for point in points]
    middle = usual.values.get(aspect, 0.0) if usual else 0.0
    top = plots.ceiling(values, limit, middle)
    ticks = [(part * top, t.number(part * top, plots.decimals(part * top))) for part in (0.0, 0.5, 1.0)]
    said = [t.say("sp_usual", value=rates.bare(middle))] if middle else []
    if limit:
        said.append(t.say("sp_at_most" if aspect is Aspect.PING else "sp_at_least", value=rates.wish(limit)))
    unit = "ms" if aspect is Aspect.PING else "Mbit/s"
    usually = list(_usually(points, span, usual)) if usual else []
    name, dots = f"{t.word(aspect)}, {unit}", list(_dots(aspect, points, span))
    return plots.Panel(name, " · ".join(said), dots, top, ticks, limit, middle, usually, SIZES[span.days])


def _usually(points: Sequence[SpeedPoint], span: Span, usual: Usual) -> Iterator[tuple[float, float]]:
    """From the first to the last day of each row of results of that provider and server: others it says nothing of."""
    for is_its, group in groupby(points, lambda point: usual.is_of(point.provider, point.server)):
        if is_its:
            first, *_, last = [span.day(point.at) for point in group] * 2
            yield span.place(span.midnight(first)), span.place(span.midnight(last + timedelta(days=1)))


def value(point: SpeedPoint, aspect: Aspect) -> float:
    return {
        Aspect.DOWNLOAD: point.download_mbps,
        Aspect.UPLOAD: point.upload_mbps,
        Aspect.PING: point.ping_ms,
    }[aspect]


def _dots(aspect: Aspect, points: Sequence[SpeedPoint], span: Span) -> Iterator[plots.Dot]:
    """A line leads only from day to day, and only between results of one provider: others measure in other ways."""
    joined = [False, *(_is_next(before, after, span) for before, after in pairwise(points))]
    for point, leads in zip(points, joined, strict=True):
        by_hand = point.source is not SpeedSource.SCHEDULE
        yield plots.Dot(span.place(point.at), value(point, aspect), leads, aspect in point.low, by_hand)


def _is_next(before: SpeedPoint, after: SpeedPoint, span: Span) -> bool:
    return before.provider is after.provider and (span.day(after.at) - span.day(before.at)).days <= 1


def _ticks(span: Span) -> list[plots.Tick]:
    """A week by its days, a month by its Mondays, more by halves of months and by months."""
    t, ticks = tongue(), []
    every = [span.first + timedelta(days=number) for number in range(span.days)]
    months = t.of(MONTHS).split()
    for day in every:
        at = span.place(span.midnight(day))
        if span.days == 7:
            number = f"{day.day}." if t.lang == "de" else day.day
            ticks.append(plots.Tick(at, f"{t.of(WEEKDAYS).split()[day.weekday()]} {number}"))
        elif (span.days == 30 and day.weekday() == 0) or (span.days == 90 and day.day in (1, 15)):
            ticks.append(plots.Tick(at, tales_speed.day(day.isoformat())))
        elif span.days == 365 and day.day == 1:
            ticks.append(plots.Tick(at, months[day.month - 1], spare=day.month % 2 == 0))
    return [tick for tick in ticks if tick.at < 0.97]


# --- words below and instead ---


def _legend(panels: Sequence[plots.Panel], gaps: Sequence[plots.Spot], marks: Sequence[float]) -> list[tuple[str, str]]:
    """Only what is really to be seen."""
    t, colours = tongue(), {plots.colour_of(dot) for panel in panels for dot in panel.dots}
    rows = (
        (plots.LINE in colours, "dot", t.say("sp_legend_daily")),
        (plots.HAND in colours, "dot hand", t.say("sp_legend_manual")),
        (plots.LOW in colours, "dot low", t.say("sp_legend_low")),
        (any(panel.usual and panel.usually for panel in panels), "line usual", t.say("sp_legend_usual")),
        (any(panel.limit for panel in panels), "line limit", t.say("sp_legend_limit")),
        (bool(marks), "line other", t.say("sp_legend_other")),
        (bool(gaps), "unknown", t.say("sp_legend_gap")),
    )
    return [(look, word) for is_shown, look, word in rows if is_shown]


def _label(points: Sequence[SpeedPoint], span: Span, gaps: Sequence[plots.Spot]) -> str:
    """The whole picture in words, for those who cannot see it."""
    t = tongue()
    said = [t.say("sp_alt", days=span.days, n=len(points))]
    for aspect in Aspect if points else ():
        values = [value(point, aspect) for point in points]
        unit = rates.milliseconds if aspect is Aspect.PING else rates.rate
        low = sum(aspect in point.low for point in points)
        said.append(t.say("sp_alt_one", what=t.word(aspect), least=unit(min(values)), most=unit(max(values)), low=low))
    if gaps:
        missing = sum(round((gap.ends - gap.begins) * span.days) for gap in gaps)
        said.append(t.say("sp_alt_gaps", n=missing))
    return " ".join(said)
