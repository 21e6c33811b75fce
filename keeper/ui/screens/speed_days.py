"""The days of the history: what each says when it is pointed at, which have no result and why, who measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import groupby, pairwise

from keeper.rules.types import Aspect, SpeedDay, SpeedPoint
from keeper.ui import plots, rates, tales_speed
from keeper.ui.state import tongue

MOST_TOLD = 5  # results of one day: a longer list would leave the screen


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


# --- what is said when it is pointed at ---


def spots(points: Sequence[SpeedPoint], span: Span) -> Iterator[plots.Spot]:
    """Each day with all of its results."""
    before: SpeedPoint | None = None
    for day, group in groupby(points, lambda point: span.day(point.at)):
        found = list(group)
        begins, ends = span.midnight(day), span.midnight(day + timedelta(days=1))
        said = _told(found)
        if before and before.provider is not found[0].provider:
            said += f"\n{tongue().say('sp_other')}"
        yield plots.Spot(span.place(begins), span.place(ends), said)
        before = found[-1]


def _told(found: Sequence[SpeedPoint]) -> str:
    """One result in full, several in a line each; of very many the latest."""
    t = tongue()
    if len(found) == 1:
        return "\n".join([t.exact(found[0].at), *_words(found[0])])
    latest = found[-MOST_TOLD:]
    left = len(found) - len(latest)
    said = [t.date(found[-1].at), t.say("sp_earlier", n=left) if left else "", *map(_line, latest)]
    return "\n".join(filter(None, said))


def _words(point: SpeedPoint) -> Iterator[str]:
    t = tongue()
    yield f"{t.word(Aspect.DOWNLOAD)} {rates.rate(point.download_mbps)}"
    yield f"{t.word(Aspect.UPLOAD)} {rates.rate(point.upload_mbps)}"
    yield f"{t.word(Aspect.PING)} {rates.milliseconds(point.ping_ms)}"
    yield f"{t.word(point.provider)} · {t.word(point.source)}"
    if point.low:
        yield rates.capital(rates.too_slow(point.low))


def _line(point: SpeedPoint) -> str:
    """'14:32 ↓ 93.4 ↑ 24.1 Mbit/s ⇄ 12.3 ms · Own HTTP test · Started by hand · ↑ too slow'."""
    t, signs = tongue(), rates.ARROWS
    figures = (
        f"{signs[Aspect.DOWNLOAD]} {rates.bare(point.download_mbps)} {signs[Aspect.UPLOAD]} "
        f"{rates.rate(point.upload_mbps)} {signs[Aspect.PING]} {rates.milliseconds(point.ping_ms)}"
    )
    said = (f"{t.clock(point.at)} {figures}", t.word(point.provider), t.word(point.source), rates.marked(point.low))
    return " · ".join(filter(None, said))


def changes(span: Span, points: Sequence[SpeedPoint]) -> Iterator[float]:
    """Where another provider went on from one day to the next: no line leads over it, yet nothing is missing there."""
    for before, after in pairwise(points):
        if before.provider is not after.provider and (span.day(after.at) - span.day(before.at)).days <= 1:
            yield span.place(before.at + (after.at - before.at) / 2)


# --- days without a result ---


def gaps(span: Span, known: Sequence[SpeedPoint], days: Mapping[str, SpeedDay]) -> Iterator[plots.Spot]:
    """Neighbouring days with the same reason are one gap. Before the first test ever nobody expected anything."""
    measured = {span.day(point.at) for point in known}
    began = min([*measured, *(date.fromisoformat(day) for day in days)])
    every = [max(began, span.first) + timedelta(days=n) for n in range((span.today - max(began, span.first)).days + 1)]
    missing = [(day, why) for day in every if day not in measured and (why := _why(day, days, span.today))]
    numbered = ((number, day, why) for number, (day, why) in enumerate(missing))
    for (_, why), group in groupby(numbered, lambda one: (one[1].toordinal() - one[0], one[2])):
        first, *_, last = [day for _, day, _ in group] * 2
        begins, ends = span.midnight(first), span.midnight(last + timedelta(days=1))
        hatch = _hatch(span, known, first, last)
        yield plots.Spot(span.place(begins), span.place(ends), f"{_dates(first, last)}\n{why}", hatch)


def _hatch(span: Span, known: Sequence[SpeedPoint], first: date, last: date) -> tuple[float, float]:
    """From the last result of the day before to the first one of the day after; nothing in between is left blank."""
    day_before, day_after = first - timedelta(days=1), last + timedelta(days=1)
    before = [point.at for point in known if span.day(point.at) == day_before]
    after = [point.at for point in known if span.day(point.at) == day_after]
    begins = max(before, default=span.midnight(first))
    return span.place(begins), span.place(min(after, default=span.midnight(day_after)))


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
