"""Small pictures as plain HTML: bars of availability, lines of time with their stories, sparklines.

They are drawn by hand because a chart engine would cost a phone a quarter of a megabyte. Whatever words get into them
are escaped here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from html import escape
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import quote

from keeper.rules.types import Hour

WIDTH, HEIGHT = 200, 36
FINE, ACCENT, PALE = "#2a9d6f", "#d99a1c", "rgba(128,132,140,0.35)"  # they suit light and dark
LEAST = 0.14  # of the height of a bar: trouble is seen, however short it was
APART = 0.075  # of the width of a line of time: closer pins would cover one another's numbers


class Bar(NamedTuple):
    """A stretch of time: seconds that were fine, in trouble, and unseen; and what to say of it."""

    good: float
    bad: float
    unknown: float
    hover: str = ""


class Stretch(NamedTuple):
    """A part of a line of time, from 0 to 1: a word in it, and a tone (red, orange, blue, green, gray)."""

    begins: float
    ends: float
    tone: str
    word: str


class Pin(NamedTuple):
    """A point on a line of time: the number of the line that tells about it, and a look (did, good, bad, owner)."""

    at: float
    number: int
    look: str
    hover: str


class Line(NamedTuple):
    """A line of a story. `when` is HTML, the others are plain text; the look is that of its pin, '' = a plain one."""

    number: int
    look: str
    kind: str
    when: str
    text: str
    small: str = ""


def spans(hours: Iterable[Hour], ends: Sequence[datetime], now: datetime) -> list[Bar]:
    """One bar between each two of `ends`; the hours, or days, belong to the bar they begin in. Time that no hour tells
    of, up to now, is unknown: nobody has seen it."""
    good, bad = [0.0] * (len(ends) - 1), [0.0] * (len(ends) - 1)
    for hour in hours:
        place = bisect_right(ends, hour.begins) - 1
        if 0 <= place < len(good):
            good[place] += hour.good
            bad[place] += hour.bad
    lengths = [max(0.0, (min(b, now) - a).total_seconds()) for a, b in pairwise(ends)]
    rows = zip(good, bad, lengths, strict=True)
    return [Bar(fine, poor, max(0.0, whole - fine - poor)) for fine, poor, whole in rows]


def availability(bars: Sequence[Bar], label: str) -> str:
    """Bars that are filled with how it was: trouble from below, what nobody saw from above."""
    drawn = "".join(f'<i title="{escape(bar.hover, quote=True)}">{_filling(bar)}</i>' for bar in bars)
    return f'<div class="keeper-bars" role="img" aria-label="{escape(label, quote=True)}">{drawn}</div>'


def _filling(bar: Bar) -> str:
    whole = bar.good + bar.bad + bar.unknown
    if not whole:
        return '<b class="unknown" style="height:100%"></b>'
    bad = max(LEAST, bar.bad / whole) if bar.bad else 0.0
    unknown = min(1.0 - bad, max(LEAST, bar.unknown / whole)) if bar.unknown / whole > 0.02 else 0.0
    parts = (("unknown", unknown), ("ok", 1.0 - bad - unknown), ("trouble", bad))
    return "".join(f'<b class="{name}" style="height:{100 * part:.1f}%"></b>' for name, part in parts if part > 0.001)


def legend(rows: Sequence[tuple[str, str]]) -> str:
    """What the fillings (state, word) mean."""
    colours = "".join(f'<span><i class="{state}"></i>{escape(word)}</span>' for state, word in rows)
    return f'<div class="keeper-legend">{colours}</div>'


def timeline(stretches: Sequence[Stretch], pins: Sequence[Pin], label: str, ends: tuple[str, str]) -> str:
    """What reigned when, and what was done. Pins are numbered where there is room for it."""
    parts = "".join(
        f'<span class="{part.tone}" style="left:{100 * part.begins:.2f}%;width:{100 * (part.ends - part.begins):.2f}%"'
        f' title="{escape(part.word, quote=True)}">{escape(part.word)}</span>'
        for part in stretches
    )
    left, right = (f"<span>{escape(end)}</span>" for end in ends)
    return (
        f'<div class="keeper-line" role="img" aria-label="{escape(label, quote=True)}">'
        f'<div class="pins">{"".join(_pins(pins))}</div><div class="parts">{parts}</div></div>'
        f'<div class="keeper-ends">{left}{right}</div>'
    )


def _pins(pins: Sequence[Pin]) -> Iterator[str]:
    last = -1.0
    for pin in pins:
        room = pin.at - last >= APART
        last = pin.at if room else last
        look = pin.look if room else f"{pin.look} small"
        number = pin.number if room else ""
        yield f'<b class="{look}" style="left:{100 * pin.at:.2f}%" title="{escape(pin.hover, quote=True)}">{number}</b>'


def story(lines: Sequence[Line]) -> str:
    """Numbered lines, as a list that screen readers read as one."""
    rows = "".join(
        f'<li><b class="{line.look}">{line.number}</b><div><small>{escape(line.kind)} · {line.when}</small>'
        f"<p>{escape(line.text)}</p>{f'<small>{escape(line.small)}</small>' if line.small else ''}</div></li>"
        for line in lines
    )
    return f'<ol class="keeper-story">{rows}</ol>'


def spark(values: Sequence[float | None], label: str, kind: str = "line") -> str:
    """A sparkline; None leaves a gap. It is an image because drawings inside a page's HTML are filtered out."""
    known = [v for v in values if v is not None]
    drawn = (_bars(values) if kind == "bar" else _line(values)) if known else ""
    frame = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none"'
    picture = f"<svg {frame}>{drawn}</svg>"
    return f'<img class="keeper-spark" alt="{escape(label, quote=True)}" src="data:image/svg+xml,{quote(picture)}">'


def share(part: float, label: str) -> str:
    """A bar filled to `part` of one."""
    return (
        f'<div class="keeper-share" role="img" aria-label="{escape(label, quote=True)}">'
        f'<i style="width:{100 * part:.2f}%"></i></div>'
    )


def used(part: float, label: str) -> str:
    """How much of a limit is used, 0 to 1; from nine tenths on it warns."""
    tone = "much" if part >= 0.9 else "fine"
    return (
        f'<div class="keeper-used" role="img" aria-label="{escape(label, quote=True)}">'
        f'<i class="{tone}" style="width:{100 * part:.1f}%"></i></div>'
    )


def _bars(values: Sequence[float | None]) -> str:
    top = max((v for v in values if v), default=1.0)
    step = WIDTH / len(values)
    heights = [1.5 if not v else 3 + (HEIGHT - 3) * v / top for v in values]
    return "".join(
        f'<rect x="{i * step + step * 0.15:.1f}" y="{HEIGHT - h:.1f}" width="{step * 0.7:.1f}" height="{h:.1f}" rx="1"'
        f' fill="{ACCENT if values[i] else PALE}"/>'
        for i, h in enumerate(heights)
    )


def _line(values: Sequence[float | None]) -> str:
    """Scaled to the 95th percentile, so that one slow answer does not flatten all the others."""
    known = sorted(v for v in values if v is not None)
    top = known[int(0.95 * (len(known) - 1))] * 1.4 or 1.0
    step = WIDTH / max(1, len(values) - 1)
    path, pen = "", "M"
    for i, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        path += f"{pen}{i * step:.1f} {HEIGHT - 1.5 - (HEIGHT - 3) * min(value, top) / top:.1f}"
        pen = "L"
    look = f'fill="none" stroke="{FINE}" stroke-width="1.6" stroke-linejoin="round" vector-effect="non-scaling-stroke"'
    return f'<path d="{path}" {look}/>'
