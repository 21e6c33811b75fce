"""Histories as small multiples: one panel below the other on a common line of time, drawn by hand like other charts.

The lines are a picture that stretches with the page; words, grounds and places to hover stand in HTML around it.
Whatever words get into it are escaped here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import floor, log10
from typing import NamedTuple
from urllib.parse import quote

WIDE, HIGH = 1000, 100  # of a picture, before it is stretched
LINE, HAND, LOW, GREY, LIMIT = "#4084d6", "#a672e0", "#e0801f", "#80848c", "#d9534f"  # they suit light and dark
STEPS = (1.0, 1.2, 1.6, 2.0, 2.4, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)  # their halves are round as well


class Dot(NamedTuple):
    """A value at a time (0 to 1). `joined`: a line leads to it from the dot before; `by_hand`: of another colour."""

    at: float
    value: float
    joined: bool
    low: bool = False
    by_hand: bool = False


class Panel(NamedTuple):
    """One line with its scale. `ticks` are values with their words; limit 0 = there is none, and the usual value is
    drawn only over the stretches of time (0 to 1) that it belongs to."""

    name: str
    note: str
    dots: Sequence[Dot]
    top: float
    ticks: Sequence[tuple[float, str]]
    limit: float = 0.0
    usual: float = 0.0
    usually: Sequence[tuple[float, float]] = ()
    size: float = 5.0  # of its dots, in points of the screen


class Spot(NamedTuple):
    """A stretch of time (0 to 1) that says something when it is pointed at; what is given as its gap is hatched in all
    panels, from the result before it to the one after it."""

    begins: float
    ends: float
    words: str
    gap: tuple[float, float] | None = None


class Tick(NamedTuple):
    """A mark on the line of time; a spare one is left out where there is little room."""

    at: float
    word: str
    spare: bool = False


def ceiling(values: Sequence[float], *others: float) -> float:
    """The end of a scale that shows all of it, save for outliers that would flatten everything else."""
    known = sorted(values)
    most = min(known[-1], 2.5 * known[int(0.9 * (len(known) - 1))]) if known else 0.0
    wanted = 1.04 * max(most, *others, 0.001)
    unit = 10.0 ** floor(log10(wanted))
    return next(step * unit for step in STEPS if step * unit >= wanted * 0.999)


def decimals(value: float) -> int:
    """As many as it takes to say a round figure exactly: 1 for 12.5."""
    return len(f"{value:.6g}".partition(".")[2])


def multiples(
    panels: Sequence[Panel], spots: Sequence[Spot], ticks: Sequence[Tick], label: str, marks: Sequence[float] = ()
) -> str:
    """`marks` are times at which something else begins: a fine line across all panels."""
    gaps = "".join(f'<u style="{_stretch(*spot.gap)}"></u>' for spot in spots if spot.gap)
    gaps += "".join(f'<s style="left:{100 * at:.2f}%"></s>' for at in marks)
    drawn = "".join(_panel(panel, gaps, ticks) for panel in panels)
    words = "".join(
        f'<span{" class=spare" if tick.spare else ""} style="left:{100 * tick.at:.2f}%">{escape(tick.word)}</span>'
        for tick in ticks
    )
    return (
        f'<div class="keeper-plot"><div role="img" aria-label="{escape(label, quote=True)}">{drawn}'
        f'<div class="x">{words}</div></div>'
        f'<div class="spots" aria-hidden="true">{"".join(map(_spot, spots))}</div></div>'
    )


def _spot(spot: Spot) -> str:
    """It can be tapped as well: what has the focus says its words too. Near an edge they stand beside it."""
    middle = (spot.begins + spot.ends) / 2
    side = "left" if middle < 0.25 else "right" if middle > 0.75 else "middle"
    words = escape(spot.words, quote=True)
    return f'<i class="{side}" tabindex="-1" style="{_stretch(spot.begins, spot.ends)}" data-words="{words}"></i>'


def _stretch(begins: float, ends: float) -> str:
    return f"left:{100 * begins:.2f}%;width:{100 * (ends - begins):.2f}%"


def _panel(panel: Panel, gaps: str, ticks: Sequence[Tick]) -> str:
    scale = "".join(
        f'<span style="bottom:{100 * value / panel.top:.1f}%">{escape(word)}</span>' for value, word in panel.ticks
    )
    picture = "".join((*_frame(panel, ticks), *_lines(panel), *_dots(panel)))
    size = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none"'
    drawn = quote(f"<svg {size}>{picture}</svg>", safe="/:=' ,()")
    return (
        f'<div class="panel"><p><b>{escape(panel.name)}</b><span>{escape(panel.note)}</span></p>'
        f'<div class="area"><div class="y">{scale}</div>{gaps}<img alt="" src="data:image/svg+xml,{drawn}"></div></div>'
    )


def _path(way: str, colour: str, width: float, more: str = "") -> str:
    """Lines keep their width however the picture is stretched."""
    return f"<path d='{way}' stroke='{colour}' stroke-width='{width}' vector-effect='non-scaling-stroke' {more}/>"


def _frame(panel: Panel, ticks: Sequence[Tick]) -> Iterator[str]:
    """The scale, the usual value, the limit."""
    across = "".join(f"M0 {_y(panel, value):.1f}H{WIDE}" for value, _ in panel.ticks)
    down = "".join(f"M{WIDE * tick.at:.1f} 0V{HIGH}" for tick in ticks)
    yield _path(across, GREY, 1, "stroke-opacity='.28'")
    yield _path(down, GREY, 1, "stroke-opacity='.14'")
    if panel.usual and panel.usually:
        height = _y(panel, panel.usual)
        way = "".join(f"M{WIDE * begins:.1f} {height:.1f}H{WIDE * ends:.1f}" for begins, ends in panel.usually)
        yield _path(way, GREY, 1.2, "stroke-opacity='.85'")
    if panel.limit:
        yield _path(f"M0 {_y(panel, panel.limit):.1f}H{WIDE}", LIMIT, 1.4, "stroke-dasharray='6 5'")


def _lines(panel: Panel) -> Iterator[str]:
    """Line by line; a dot that is joined to nothing has none."""
    for dots in _strokes(panel.dots):
        way = "L".join(f"{_x(dot):.1f} {_y(panel, dot.value):.1f}" for dot in dots)
        yield _path(f"M{way}", LINE, 1.6, "fill='none' stroke-linejoin='round' stroke-opacity='.75'")


def _strokes(dots: Sequence[Dot]) -> Iterator[list[Dot]]:
    """Dots that are joined to one another, in groups of two at least."""
    group: list[Dot] = []
    for dot in dots:
        if not dot.joined:
            if len(group) > 1:
                yield group
            group = []
        group.append(dot)
    if len(group) > 1:
        yield group


def _dots(panel: Panel) -> Iterator[str]:
    """A dot is a line of no length with round ends: it stays round in a picture that is stretched."""
    for colour in (LINE, HAND, LOW):
        way = "".join(f"M{_x(dot):.1f} {_y(panel, dot.value):.1f}h.1" for dot in panel.dots if colour_of(dot) == colour)
        if way:
            size = max(panel.size, 5.5) + 2 if colour == LOW else panel.size
            yield _path(way, colour, size, "stroke-linecap='round'")


def colour_of(dot: Dot) -> str:
    """That it is low matters more than who asked for it."""
    return LOW if dot.low else HAND if dot.by_hand else LINE


def _x(dot: Dot) -> float:
    return WIDE * dot.at


def _y(panel: Panel, value: float) -> float:
    return HIGH * (1 - min(1.0, value / panel.top))
