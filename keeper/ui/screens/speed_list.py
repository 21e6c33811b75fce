"""Every speed test, newest first; each opens to show its single measurements. And all of them as a file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from keeper.rules.types import Aspect, Flaw, Measured, SpeedRun, SpeedSource, SpeedStatus, SpeedTest
from keeper.ui import parts, rates, state
from keeper.ui.rates import ARROWS
from keeper.ui.state import house, tongue

PAGE = "speed-page"
TONES = {
    SpeedStatus.SUCCESS: "fine",
    SpeedStatus.FAILED: "bad",
    SpeedStatus.INTERRUPTED: "odd",
    SpeedStatus.RUNNING: "busy",
}

#: Flaws of which the provider's own words say more than ours. The rest is told whole by our word for it.
TELLING = (Flaw.BROKEN, Flaw.BLOCKED, Flaw.NO_SERVER, Flaw.GARBLED, Flaw.ABSURD)


def show() -> None:
    """One picture for all rows: a container for each would make the page slow."""
    state.show_toasts()
    t, views = tongue(), house().speed.views
    rows, total = parts.fetch(PAGE, lambda limit, skip: (views.tests(limit, skip), views.count()))
    if not total:
        return
    with parts.card("speed-tests"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{t.say('sp_tests')}**", width="content")
            _take_away()
        runs = views.runs_of_all([row.id for row in rows])
        st.html(f'<div class="keeper-tests">{"".join(_test(row, runs.get(row.id, [])) for row in rows)}</div>')
        parts.pages(total, PAGE)


def _take_away() -> None:
    """A plain link, so that the browser takes the file piece by piece as it is made."""
    link = f'<a class="keeper-take" href="export/speed.csv" download>{escape(tongue().say("ev_csv"))}</a>'
    st.html(f'<div class="keeper-takes">{link}</div>', width="content")


def _test(test: SpeedTest, runs: Sequence[SpeedRun]) -> str:
    """A row that opens by a click or a key; the browser does that alone."""
    t, now = tongue(), house().clock.now()
    begun = test.began_at or test.created_at
    tone = "low" if test.low else TONES.get(test.status, "")
    status = t.say("sp_slow") if test.low else t.word(test.status)
    return (
        f'<details><summary><time title="{escape(t.exact(begun))}">{escape(t.moment(begun, now))}</time>'
        f'<span class="state {tone}">{escape(status)}</span>{_values(test)}'
        f'<span class="who">{escape(t.word(test.source))}</span>'
        f'<span class="cost">{escape(rates.size(test.bytes)) if test.bytes else ""}</span></summary>'
        f"{_inside(test, runs)}</details>"
    )


def _values(test: SpeedTest) -> str:
    """Its three figures, or why there are none."""
    measured = test.result.measured if test.result else None
    if measured is None:
        why = rates.capital(rates.reason(test)) if test.status.ended else ""
        return f'<span class="why">{escape(why)}</span>'
    return f'<span class="values">{_three(measured, test.low)}</span>'


def _three(measured: Measured, low: Sequence[Aspect] = ()) -> str:
    shown = {
        Aspect.DOWNLOAD: rates.bare(measured.download_mbps),
        Aspect.UPLOAD: rates.rate(measured.upload_mbps),
        Aspect.PING: rates.milliseconds(measured.ping_ms),
    }
    return "".join(
        f"<span{' class=low' if aspect in low else ''}>{ARROWS[aspect]} {escape(value)}</span>"
        for aspect, value in shown.items()
    )


def _inside(test: SpeedTest, runs: Sequence[SpeedRun]) -> str:
    t = tongue()
    has_begun = bool(runs) or test.seconds >= 0.5
    said = [
        t.say("asked_by", name=test.requested_by) if test.source is not SpeedSource.SCHEDULE else "",
        t.say("took", span=t.duration(test.seconds)) if has_begun and test.seconds else "",
        t.say("sp_anyway") if has_begun and test.anyway else "",
        rates.capital(rates.too_slow(test.low)),
    ]
    facts = f"<p>{escape(' · '.join(filter(None, said)))}</p>"
    rows = "".join(map(_run, runs)) or f"<li>{escape(t.say('sp_no_runs'))}</li>"
    return f"<div>{facts}<ol>{rows}</ol></div>"


def _run(run: SpeedRun) -> str:
    t = tongue()
    measured = run.measured
    figures = f'<span class="values">{_three(measured)}</span>' if measured else ""
    flaw = escape(rates.capital(t.word(run.flaw))) if run.flaw else ""
    server = escape(measured.server_name or measured.server) if measured else ""
    cost = " · ".join(filter(None, (rates.size(run.bytes) if run.bytes else "", t.duration(run.seconds))))
    said = f"<small>{escape(run.said)}</small>" if run.said and run.flaw in TELLING else ""
    words = " · ".join(filter(None, (f"<b>{escape(t.word(run.provider))}</b>", server, flaw)))
    return f"<li><span>{words}</span>{figures}<i>{escape(cost)}</i>{said}</li>"
