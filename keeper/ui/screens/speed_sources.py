"""Who measures the line: what each provider and server found, what went wrong with them, who cannot be used here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from html import escape

import streamlit as st

from keeper.rules.types import Ability, Aspect, Flaw, SpeedProvider, SpeedUsual
from keeper.ui import parts, rates
from keeper.ui.screens import speed_usual
from keeper.ui.state import house, tongue

DAYS = 90
COLUMNS = ("sp_col_source", "sp_col_results", "sp_col_download", "sp_col_upload", "sp_col_ping", "sp_col_last")
PINNED_BY_SETTING = (SpeedProvider.SPEEDTEST_CLI, SpeedProvider.OOKLA)  # which SPEED_TEST_SERVER tells where to go

#: Being ended by us is nobody's fault, and what is not installed says so by itself.
NO_TROUBLE = (Flaw.STOPPED, Flaw.NOT_INSTALLED)


def show() -> None:
    t, views = tongue(), house().speed.views
    since = house().clock.now() - timedelta(days=DAYS)
    usual = [_agreeing(one) for one in views.usual(since)]
    st.markdown(f"**{t.say('sp_sources')}**")
    if house().settings.demo:
        st.caption(t.say("sp_sources_demo"))
    if usual:
        rows = "".join(map(_row, usual))
        st.html(f'<div class="keeper-wide"><table class="keeper-table">{_head()}{rows}</table></div>')
    _hint(usual)
    providers = [_provider(provider, ability) for provider, ability in house().speed.providers()]
    troubles = [_trouble(*row) for row in views.troubles(since) if row[1] not in NO_TROUBLE]
    st.html(f'<ul class="keeper-notes">{"".join(providers + troubles)}</ul>')


def _agreeing(found: SpeedUsual) -> SpeedUsual:
    """What is usual where the last result comes from stands in other places as well: one figure for all."""
    usual = speed_usual.of(house().speed.views.latest())
    if usual is None or not usual.values or not usual.is_of(found.provider, found.server):
        return found
    values = usual.values
    ping, download, upload = values[Aspect.PING], values[Aspect.DOWNLOAD], values[Aspect.UPLOAD]
    return replace(found, ping_ms=ping, download_mbps=download, upload_mbps=upload)


def _head() -> str:
    t = tongue()
    return f"<thead><tr>{''.join(f'<th>{escape(t.say(name))}</th>' for name in COLUMNS)}</tr></thead>"


def _row(usual: SpeedUsual) -> str:
    t = tongue()
    name = f"{escape(t.word(usual.provider))}<small>{escape(usual.server_name or usual.server)}</small>"
    cells = (
        escape(t.number(usual.results)),
        escape(rates.bare(usual.download_mbps)),
        escape(rates.bare(usual.upload_mbps)),
        escape(rates.bare(usual.ping_ms)),
        parts.time_said(usual.last_at),
    )
    named = zip(COLUMNS[1:], cells, strict=True)
    shown = "".join(f'<td data-name="{escape(t.say(column), quote=True)}">{cell}</td>' for column, cell in named)
    return f"<tr><td>{name}</td>{shown}</tr>"


def _hint(usual: Sequence[SpeedUsual]) -> None:
    """Each server has a usual value of its own: with one server there is one, and it is known sooner."""
    t = tongue()
    counts = Counter(one.provider for one in usual)
    pinnable = [one for one in usual if one.provider in PINNED_BY_SETTING and one.server.isdecimal()]
    several = [one for one in pinnable if counts[one.provider] > 1]
    if not several or house().settings.speed_test_server:
        return
    most, number = several[0], counts[several[0].provider]
    name = parts.plain(most.server_name or most.server)
    st.caption(f":material/push_pin: {t.say('sp_pin', n=number, server=most.server, name=name)}")


def _provider(provider: SpeedProvider, ability: Ability) -> str:
    """Whether it can be used, and why not. The reason is in English, as whoever looked wrote it."""
    t = tongue()
    look, phrase = {True: ("ok", "sp_usable"), False: ("no", "sp_unusable"), None: ("no", "sp_usable_unknown")}[
        ability.can
    ]
    why = "" if ability.can else " ".join(filter(None, (ability.sentence, ability.mend)))
    small = f"<small>{escape(why)}</small>" if why else ""
    return f'<li class="{look}"><b>{escape(t.word(provider))}</b> {escape(t.say(phrase))}{small}</li>'


def _trouble(provider: SpeedProvider, flaw: Flaw, number: int, last: datetime) -> str:
    """'the provider refused (403), 3 times, last 1 d ago'."""
    t = tongue()
    times = escape(t.say("sp_trouble", n=number, days=DAYS))
    name, what = escape(t.word(provider)), escape(t.word(flaw))
    return f'<li class="trouble"><b>{name}</b>: {what}<small>{times} {parts.time_said(last)}</small></li>'
