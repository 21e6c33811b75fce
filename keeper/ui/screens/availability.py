"""How available Plex was: a day in hours, a week in quarters of a day, a quarter of a year in days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

import streamlit as st

from keeper.rules.types import Cause, Hour
from keeper.ui import charts
from keeper.ui.state import house, tongue

LEAST_SECONDS, LEAST_SHARE = 3600.0, 0.02  # of a period, below which it gets no percentage
HOUR, QUARTER, DAY = timedelta(hours=1), timedelta(hours=6), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A row: `count` bars of one `step` each, up to now."""

    phrase: str
    step: timedelta
    count: int

    def ends(self, now: datetime) -> list[datetime]:
        """Where the bars begin and end; the last one ends with the hour, or the day of UTC, that is running."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        last = hour.replace(hour=0) + DAY if self.step is DAY else hour + HOUR
        return [last - back * self.step for back in range(self.count, -1, -1)]


SPANS = (Span("span_day", HOUR, 24), Span("span_week", QUARTER, 28), Span("span_quarter", DAY, 90))


def show() -> None:
    t, now, watch = tongue(), house().clock.now(), house().watch
    st.markdown(f"**{t.say('availability')}**")
    hours, days = watch.hours(SPANS[1].ends(now)[0]), watch.days(SPANS[2].ends(now)[0])
    seen: set[str] = set()
    for span, column in zip(SPANS, st.columns(len(SPANS), gap="medium"), strict=True):
        with column:
            bars = _row(span, days if span.step is DAY else hours, now)
        seen |= {name for bar in bars for name, part in zip(("ok", "trouble", "unknown"), bar, strict=False) if part}
    st.html(charts.legend([(name, t.say(f"legend_{name}")) for name in ("ok", "trouble", "unknown") if name in seen]))


def _row(span: Span, hours: Sequence[Hour], now: datetime) -> list[charts.Bar]:
    ends = span.ends(now)
    bars = charts.spans(hours, ends, now)
    told = [bar._replace(hover=_hover(bar, span, begins, hours)) for bar, begins in zip(bars, ends, strict=False)]
    share, rest = _said(bars)
    if _is_too_little(bars):
        share = tongue().say("little_watched")
    name = tongue().say(span.phrase)
    st.html(
        f'<div class="keeper-span"><span>{escape(name)}</span><b>{escape(share)}</b></div>'
        f"{charts.availability(told, ' · '.join(filter(None, (name, share, rest))))}"
        f'<div class="keeper-ends"><span>{escape(rest)}</span></div>'
    )
    return bars


def _said(bars: Iterable[charts.Bar]) -> tuple[str, str]:
    """The share of the watched time that was fine, and how long it was not, or nobody looked."""
    t, rows = tongue(), list(bars)
    good, bad, unknown = (sum(column) for column in zip(*(bar[:3] for bar in rows), strict=True))
    if good + bad < 1:
        return t.say("nothing_watched"), ""
    said = []
    if bad >= 1:
        said.append(t.say("bad_for", span=t.duration(bad)))
    if unknown >= 60:
        said.append(t.say("unseen_for", span=t.duration(unknown)))
    return t.percent(int(good), int(good + bad)), " · ".join(said)


def _is_too_little(bars: Sequence[charts.Bar]) -> bool:
    """Something is known, but a percentage of it would tell of minutes as if they were months."""
    known, whole = sum(bar.good + bar.bad for bar in bars), sum(sum(bar[:3]) for bar in bars)
    return known >= 1 and known < max(LEAST_SECONDS, LEAST_SHARE * whole)


def _hover(bar: charts.Bar, span: Span, begins: datetime, hours: Sequence[Hour]) -> str:
    t, ends = tongue(), begins + span.step
    share, rest = _said([bar])
    causes: Counter[str] = Counter()
    for hour in hours if bar.bad else ():
        if begins <= hour.begins < ends:
            causes.update({cause: int(seconds) for cause, seconds in hour.causes.items()})
    why = t.known(Cause, causes.most_common(1)[0][0]) if causes else ""
    if span.step is DAY:
        when = t.date(begins + DAY / 2)  # a day of UTC is called what most of it is here
    else:
        when = f"{t.date(begins, with_year=False)}, {t.clock(begins)}-{t.clock(ends)}"
    return " · ".join(filter(None, (f"{when}: {share}", rest, why)))
