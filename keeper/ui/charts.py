"""Small pictures as plain HTML: a strip of half-hours and a sparkline.

They are drawn by hand because a chart engine would cost a phone a quarter of a megabyte. Everything
in them is made here from numbers and our own words; no text from outside gets in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import NamedTuple
from urllib.parse import quote

SLOT = timedelta(minutes=30)
WIDTH, HEIGHT = 200, 36
FINE, ACCENT, PALE = "#2a9d6f", "#d99a1c", "rgba(128,132,140,0.35)"  # they suit light and dark


_Worded = tuple[str, str]  # a state and what to say of it


class Slot(NamedTuple):
    """One half-hour: 'ok', 'trouble' or 'unknown' (nobody looked), and how it was."""

    start: datetime
    state: str
    looks: int
    bad: int


def slots(checks: Iterable[tuple[datetime, str, float | None]], now: datetime, hours: int = 24) -> list[Slot]:
    """The last `hours` in half-hours, oldest first; a slot without a look is unknown, not fine."""
    first = _floor(now) - timedelta(hours=hours) + SLOT
    looks = [0] * (hours * 2)
    bad = [0] * (hours * 2)
    for at, cause, _ in checks:
        place = int((at - first) // SLOT)
        if 0 <= place < len(looks) and cause != "unknown":
            looks[place] += 1
            bad[place] += cause != "ok"
    states = ["unknown" if not n else "trouble" if b else "ok" for n, b in zip(looks, bad, strict=True)]
    return [Slot(first + i * SLOT, states[i], looks[i], bad[i]) for i in range(len(looks))]


def _floor(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute // 30 * 30, second=0, microsecond=0)


def strip(row: Sequence[_Worded], label: str, ends: tuple[str, str], legend: Sequence[_Worded]) -> str:
    """Bars of (state, hover text), a sentence for screen readers, both ends in words, and what the colours mean."""
    bars = "".join(f'<i class="{state}" title="{escape(hover, quote=True)}"></i>' for state, hover in row)
    left, right = (f"<span>{escape(end)}</span>" for end in ends)
    colours = "".join(f'<span><i class="{state}"></i>{escape(word)}</span>' for state, word in legend)
    return (
        f'<div class="keeper-strip" role="img" aria-label="{escape(label, quote=True)}">{bars}</div>'
        f'<div class="keeper-ends">{left}{right}</div><div class="keeper-legend">{colours}</div>'
    )


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
