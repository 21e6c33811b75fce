"""The history of the line: download, upload and ping over one line of time, with the days that brought no result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import groupby, pairwise

import streamlit as st

from keeper.rules.types import Aspect, SpeedDay, SpeedPoint, SpeedSource, SpeedUsual, SpeedWishes
from keeper.ui import charts, parts, plots, rates, state, tales_speed
from keeper.ui.state import house, tongue
from keeper.ui.words import MONTHS, WEEKDAYS

RANGES = {7: "sp_days_7", 30: "sp_days_30", 90: "sp_days_90", 365: "sp_days_365"}
SIZES = {7: 8.5, 30: 7.5, 90: 5.0, 365: 3.4}  # of dots: the more days, the smaller
USUALLY_SHOWN = 30
ENOUGH = 5  # results, before anything is called usual
MOST_POINTS = 1000
_RANGE = "speed-range"


@dataclass(frozen=True, slots=True)
class Span:
    """The days that are shown: whole local dates of the zone of the speed test, today's the last."""

    today: date
    days: int
    zone: tzinfo

    @property
    def first(self) -> date:
        return self.today - timedelta(days=self.days - 1)

    def midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    @property
    def begins(self) -> datetime:
        """A little before the first day, so that its dot is seen whole."""
        return self.midnight(self.first) - timedelta(days=self.days / 90)

    @property
    def ends(self) -> datetime:
        return self.midnight(self.today + timedelta(days=1))

    def place(self, moment: datetime) -> float:
        """From 0 to 1."""
        return min(1.0, max(0.0, (moment - self.begins) / (self.ends - self.begins)))

    def day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()


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
    usual = next((one for one in speed.views.usual(span.begins) if one.results >= ENOUGH), None)
    gaps = [gap for gap in _gaps(span, known, days) if gap.ends > 0]
    panels = [_panel(aspect, points, span, usual, speed.wishes()) for aspect in Aspect]
    label = _label(points, span, gaps)
    picture = plots.multiples(panels, [*gaps, *_spots(points, span)], _ticks(span), label)
    st.html(picture + charts.legend(_legend(points, panels, gaps)))
    if not points:
        st.caption(t.say("sp_none_in_range"))


# --- lines ---


def _panel(
    aspect: Aspect, points: Sequence[SpeedPoint], span: Span, usual: SpeedUsual | None, wishes: SpeedWishes
) -> plots.Panel:
    t, values = tongue(), [value(point, aspect) for point in points]
    limit = {
        Aspect.DOWNLOAD: wishes.least_download,
        Aspect.UPLOAD: wishes.least_upload,
        Aspect.PING: wishes.most_ping,
    }[aspect]
    middle = value(usual, aspect) if usual else 0.0
    top = plots.ceiling(values, limit, middle)
    digits = 0 if top >= 10 else 1 if top >= 1 else 2
    ticks = [(part * top, t.number(part * top, digits if part * top % 1 else 0)) for part in (0.0, 0.5, 1.0)]
    said = [t.say("sp_usual", value=rates.bare(middle))] if middle else []
    if limit:
        said.append(t.say("sp_at_most" if aspect is Aspect.PING else "sp_at_least", value=rates.wish(limit)))
    unit = "ms" if aspect is Aspect.PING else "Mbit/s"
    dots = list(_dots(aspect, points, span))
    return plots.Panel(f"{t.word(aspect)}, {unit}", " · ".join(said), dots, top, ticks, limit, middle, SIZES[span.days])


def value(point: SpeedPoint | SpeedUsual, aspect: Aspect) -> float:
    return {
        Aspect.DOWNLOAD: point.download_mbps,
        Aspect.UPLOAD: point.upload_mbps,
        Aspect.PING: point.ping_ms,
    }[aspect]


def _dots(aspect: Aspect, points: Sequence[SpeedPoint], span: Span) -> Iterator[plots.Dot]:
    """A line leads only from day to day, and only between results of one provider: others measure in other ways."""
    joined = [False, *(_is_next(before, after, span) for before, after in pairwise(points))]
    for point, leads in zip(points, joined, strict=True):
        pale = point.source is not SpeedSource.SCHEDULE
        yield plots.Dot(span.place(point.at), value(point, aspect), leads, aspect in point.low, pale)


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


# --- what is said when it is pointed at ---


def _spots(points: Sequence[SpeedPoint], span: Span) -> Iterator[plots.Spot]:
    """Each result has its day, or the part of it up to half-way to its neighbours."""
    for number, point in enumerate(points):
        day = span.day(point.at)
        begins, ends = span.midnight(day), span.midnight(day + timedelta(days=1))
        if number:
            begins = max(begins, _half_way(points[number - 1].at, point.at))
        if number + 1 < len(points):
            ends = min(ends, _half_way(point.at, points[number + 1].at))
        yield plots.Spot(span.place(begins), span.place(ends), _words(point))


def _half_way(first: datetime, second: datetime) -> datetime:
    return first + (second - first) / 2


def _words(point: SpeedPoint) -> str:
    t = tongue()
    said = [
        t.exact(point.at),
        f"{t.word(Aspect.DOWNLOAD)} {rates.rate(point.download_mbps)}",
        f"{t.word(Aspect.UPLOAD)} {rates.rate(point.upload_mbps)}",
        f"{t.word(Aspect.PING)} {rates.milliseconds(point.ping_ms)}",
        f"{t.word(point.provider)} · {t.word(point.source)}",
        rates.capital(rates.too_slow(point.low)),
    ]
    return "\n".join(filter(None, said))


# --- days without a result ---


def _gaps(span: Span, known: Sequence[SpeedPoint], days: Mapping[str, SpeedDay]) -> Iterator[plots.Spot]:
    """Neighbouring days with the same reason are one gap. Before the first test ever nobody expected anything."""
    measured = {span.day(point.at) for point in known}
    began = min([*measured, *(date.fromisoformat(day) for day in days)])
    every = [max(began, span.first) + timedelta(days=n) for n in range((span.today - max(began, span.first)).days + 1)]
    missing = [(day, why) for day in every if day not in measured and (why := _why(day, days, span.today))]
    numbered = ((number, day, why) for number, (day, why) in enumerate(missing))
    for (_, why), group in groupby(numbered, lambda one: (one[1].toordinal() - one[0], one[2])):
        first, *_, last = [day for _, day, _ in group] * 2
        begins, ends = span.midnight(first), span.midnight(last + timedelta(days=1))
        yield plots.Spot(span.place(begins), span.place(ends), f"{_dates(first, last)}\n{why}", gap=True)


def _dates(first: date, last: date) -> str:
    said = [tales_speed.day(day.isoformat()) for day in dict.fromkeys((first, last))]
    return tongue().say("sp_to").join(said)


def _why(day: date, days: Mapping[str, SpeedDay], today: date) -> str:
    """Why that day has no result; '' when there is nothing to explain."""
    t, known = tongue(), days.get(day.isoformat())
    if known is None:
        return t.say("sp_gap_none") if day < today else ""
    if known.outcome == "failed":
        return t.say("sp_gap_failed")
    if known.outcome == "skipped":
        return t.say("sp_gap_skipped", why=rates.why(known.hindrance.value) if known.hindrance else "?")
    return ""


# --- words below and instead ---


def _legend(
    points: Sequence[SpeedPoint], panels: Sequence[plots.Panel], gaps: Sequence[plots.Spot]
) -> list[tuple[str, str]]:
    """Only what is really to be seen."""
    t = tongue()
    shown = {
        "dot": bool(points),
        "dot pale": any(point.source is not SpeedSource.SCHEDULE for point in points),
        "dot low": any(point.low for point in points),
        "line usual": any(panel.usual for panel in panels),
        "line limit": any(panel.limit for panel in panels),
        "unknown": bool(gaps),
    }
    phrases = {
        "dot": "sp_legend_daily", "dot pale": "sp_legend_manual", "dot low": "sp_legend_low",
        "line usual": "sp_legend_usual", "line limit": "sp_legend_limit", "unknown": "sp_legend_gap",
    }  # fmt: skip
    return [(look, t.say(phrases[look])) for look, is_shown in shown.items() if is_shown]


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
