"""One way each to show a state, a time, a figure, an empty place, an error.

Titles come from the internet by way of Plex: hostile text. They are shown by `st.text`, or pass
through `plain` before they stand in anything that reads markdown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from html import escape
from typing import Literal, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from keeper.rules.types import Cause, DeliveryStatus, Outcome, Run, RunStatus, Severity, Stats
from keeper.ui.state import error_at, house, page, tongue

Colour = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray", "primary"]

R = TypeVar("R")

PAGE_SIZE = 25

_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=])")
#: Streamlit looks for icons, emoji, arrows and bare links after backslashes are gone: an invisible joiner breaks them.
_JOINER = "\u2060"
_BEFORE_JOINER = re.compile(r"(:(?=[^\s\d])|@|www(?=\.)|[<>~-](?=[-=>]))", re.IGNORECASE)

RUN_LOOK: dict[RunStatus, tuple[Colour, str]] = {
    RunStatus.QUEUED: ("gray", ":material/hourglass_empty:"),
    RunStatus.RUNNING: ("blue", ":material/sync:"),
    RunStatus.SUCCESS: ("green", ":material/check_circle:"),
    RunStatus.FAILED: ("red", ":material/error:"),
    RunStatus.CANCELLED: ("gray", ":material/cancel:"),
    RunStatus.INTERRUPTED: ("orange", ":material/power_settings_new:"),
}
OUTCOME_LOOK: dict[str, tuple[Colour, str | None]] = {
    Outcome.FIXED: ("green", ":material/check_circle:"),
    Outcome.STILL_MISSING: ("orange", ":material/hourglass_disabled:"),
    Outcome.GONE: ("gray", ":material/delete:"),
    Outcome.SKIPPED: ("gray", ":material/skip_next:"),
    Outcome.ERROR: ("red", ":material/error:"),
    Outcome.WOULD_FIX: ("blue", ":material/visibility:"),
}
CAUSE_LOOK: dict[Cause, tuple[Colour, str]] = {
    Cause.OK: ("green", "check_circle"),
    Cause.STARTING: ("blue", "hourglass_top"),
    Cause.UPDATING: ("blue", "system_update_alt"),
    Cause.DOWN: ("red", "error"),
    Cause.STOPPED_BY_OWNER: ("gray", "stop_circle"),
    Cause.NO_NAME: ("red", "help"),
    Cause.HUNG: ("red", "error"),
    Cause.OVERLOADED: ("orange", "speed"),
    Cause.DB_TROUBLE: ("orange", "database"),
    Cause.UNAUTHORIZED: ("orange", "key_off"),
    Cause.UNCLAIMED: ("orange", "person_off"),
    Cause.NOT_PLEX: ("red", "help"),
    Cause.MOUNT_MISSING: ("red", "folder_off"),
    Cause.DISK_FULL: ("orange", "hard_drive"),
    Cause.LINK_ADMIN_DOWN: ("red", "lan"),
    Cause.LINK_DOWN: ("red", "lan"),
    Cause.NO_ADDRESS: ("red", "lan"),
    Cause.NO_ROUTE: ("red", "lan"),
    Cause.GATEWAY_DOWN: ("orange", "router"),
    Cause.DNS_STUB: ("orange", "dns"),
    Cause.DNS_DOWN: ("orange", "dns"),
    Cause.CAPTIVE_PORTAL: ("orange", "gpp_maybe"),
    Cause.CLOCK_WRONG: ("orange", "schedule"),
    Cause.INTERNET_DOWN: ("orange", "public_off"),
    Cause.PLEX_TV_DOWN: ("orange", "cloud_off"),
    Cause.REMOTE_ACCESS_LOST: ("orange", "public_off"),
    Cause.CRASHING: ("red", "replay_circle_filled"),
    Cause.UNREACHABLE: ("red", "desktop_access_disabled"),
    Cause.MOVED: ("orange", "wrong_location"),
    Cause.UNKNOWN: ("gray", "help"),
}
SEVERITY_LOOK: dict[Severity, tuple[Colour, str]] = {
    Severity.INFO: ("gray", ":material/info:"),
    Severity.WARNING: ("orange", ":material/warning:"),
    Severity.ERROR: ("red", ":material/error:"),
}

DELIVERY_LOOK: dict[DeliveryStatus, tuple[Colour, str]] = {
    DeliveryStatus.PENDING: ("blue", ":material/schedule_send:"),
    DeliveryStatus.SENT: ("green", ":material/check:"),
    DeliveryStatus.FAILED: ("red", ":material/error:"),
    DeliveryStatus.DROPPED: ("gray", ":material/delete:"),
}


def plain(text: str) -> str:
    """Text that stands for itself in markdown: nothing in it becomes an icon, a link, a formula or a picture."""
    one_line = " ".join(text.split())
    joined = _BEFORE_JOINER.sub(rf"\1{_JOINER}", one_line)
    return _PUNCTUATION.sub(r"\\\1", joined)


def spoken(text: str) -> str:
    """Text for a label that screen readers read out as it is written: letters and a few signs, no markdown at all."""
    return " ".join(re.sub(r"[^\w\s,'()-]|_", " ", text).split())


def run_badge(run: Run) -> None:
    if run.cancel_requested and not run.status.ended:
        st.badge(tongue().say("cancelling"), color="orange", icon=":material/stop_circle:")
        return
    colour, icon = RUN_LOOK[run.status]
    st.badge(tongue().word(run.status), color=colour, icon=icon)


def outcome_badge(outcome: str | None) -> None:
    """The verdict on an item; None = not reached yet."""
    t = tongue()
    colour, icon = OUTCOME_LOOK.get(outcome or "", ("gray", None))
    label = t.known(Outcome, outcome) if outcome else t.say("outcome_open")
    st.badge(plain(label), color=colour, icon=icon)


def card(key: str, height: Literal["content", "stretch"] = "content") -> DeltaGenerator:
    """A bordered box; its key lets the style sheet give it a ground of its own."""
    return st.container(border=True, height=height, key=f"card-{key}", gap="small")


def when(then: datetime, prefix: str = "") -> None:
    """A time as one says it; the exact one on hover."""
    st.html(time_said(then, prefix), width="content")


def time_said(then: datetime, prefix: str = "") -> str:
    """The same as HTML, to stand among other words."""
    t = tongue()
    said = escape(prefix + t.ago(then, house().clock.now()))
    return f'<time class="keeper-time" datetime="{then.isoformat()}" title="{escape(t.exact(then))}">{said}</time>'


def link(screen: str, label: str, **query: str) -> None:
    """A way to another screen."""
    st.page_link(
        page(screen),
        label=label,
        icon=":material/chevron_right:",
        icon_position="right",
        query_params=query or None,
        width="content",
    )


def figures(stats: Stats) -> str:
    """'12 mended · 3 still open'; what is zero is not said, '' when all is zero."""
    t = tongue()
    counts = (
        ("n_mended", stats.fixed),
        ("n_would_fix", stats.would_fix),
        ("n_failed", stats.failed),
        ("n_skipped", stats.skipped),
        ("n_gone", stats.gone),
        ("n_checked", stats.checked),
    )
    return " · ".join(t.say(name, n=number) for name, number in counts if number)


def result(run: Run) -> str:
    """What came of a run that ended, in few words; markdown."""
    t = tongue()
    said = figures(run.stats)
    if run.status is RunStatus.FAILED:
        return " · ".join(filter(None, (plain(_error_of(run)), said)))
    return said or (t.say("nothing_done") if run.status is RunStatus.SUCCESS else "")


def _error_of(run: Run) -> str:
    t = tongue()
    return run.error if run.error and t.lang == "en" else t.error(run.error_code)


def empty(headline: str, text: str = "", icon: str = ":material/inbox:") -> None:
    """A place without content says why, and what to do."""
    with st.container(horizontal_alignment="center", gap="xsmall"):
        st.markdown(f":gray[{icon}] **{headline}**", text_alignment="center")
        if text:
            st.caption(text, text_alignment="center")


def show_error(place: str, otherwise: str = "") -> None:
    """What went wrong when a person last tried something here. The sentence itself is English; in other languages
    `otherwise`, or the words for its code, stand before it."""
    problem = error_at(place)
    if problem is None:
        return
    t = tongue()
    if t.lang == "en":
        st.error(plain(problem.sentence), icon=":material/error:")
    else:
        st.error(otherwise or t.error(problem.code), icon=":material/error:")
        st.caption(plain(problem.sentence))


def run_error(run: Run) -> None:
    """Why a run did not end well."""
    if not run.error or run.status is RunStatus.SUCCESS:
        return
    t = tongue()
    box = st.error if run.status is RunStatus.FAILED else st.warning
    box(plain(_error_of(run)), icon=":material/info:")
    if t.lang != "en":
        st.caption(plain(run.error))


def live(body: Callable[[], None], busy: Callable[[], bool], quick: float, calm: float | None) -> None:
    """Shows `body` as a fragment that renews itself: every `quick` seconds while busy, else every `calm`.

    The pace of a fragment is set by a full run; when busy changes, one full run sets it anew.
    """
    at_start = busy()

    def paced() -> None:
        if busy() != at_start:
            st.rerun(scope="app")
        body()

    paced.__qualname__ = f"live.{body.__qualname__}"  # the fragment's identity
    paced.__module__ = body.__module__
    st.fragment(paced, run_every=quick if at_start else calm)()


def pages(total: int, key: str) -> None:
    """Page numbers below a list that has more than one page."""
    count = math.ceil(total / PAGE_SIZE)
    if count < 2:
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        chosen = st.pagination(count, key=key)
        first = (chosen - 1) * PAGE_SIZE + 1
        last = min(total, chosen * PAGE_SIZE)
        st.caption(tongue().say("page_of_items", first=first, last=last, total=total), width="content")


def fetch(key: str, ask: Callable[[int, int], tuple[list[R], int]]) -> tuple[list[R], int]:
    """The rows of the page chosen in the page numbers `key`, which stand below the list, and how many there are.

    When the list became shorter than the page that was open, its last page is shown.
    """
    rows, total = ask(PAGE_SIZE, PAGE_SIZE * ((st.session_state.get(key) or 1) - 1))
    if rows or not total:
        return rows, total
    st.session_state[key] = math.ceil(total / PAGE_SIZE)
    return ask(PAGE_SIZE, PAGE_SIZE * (st.session_state[key] - 1))


def leaf(name: str, place: str, older: int | None) -> None:
    """Buttons below a list that is read from its newest end: further back, and to the newest again.

    The tab remembers at `place` which row the page shown stands before; None = it is the newest page. `older` is the
    row that the next page stands before, None = there is none. One page alone needs no buttons.
    """
    t, at_newest = tongue(), st.session_state.get(place) is None
    if at_newest and older is None:
        return

    def turn(before: int | None) -> None:
        st.session_state[place] = before

    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.button(
            t.say("newest"),
            icon=":material/first_page:",
            key=f"{name}-newest",
            disabled=at_newest,
            on_click=turn,
            args=(None,),
        )
        st.button(
            t.say("older"),
            icon=":material/chevron_right:",
            icon_position="right",
            key=f"{name}-older",
            disabled=older is None,
            on_click=turn,
            args=(older,),
        )


def size(count: int) -> str:
    """Bytes as one says them: '640 B', '12 KB', '3.4 MB', '1.2 GB'."""
    if count < 1000:
        return f"{count} B"
    unit, value = next((unit, count / size) for unit, size in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)) if count >= size)
    return f"{tongue().number(value, 0 if value >= 10 else 1)} {unit}"
