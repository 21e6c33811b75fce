"""Events: everything that was told, newest first, and what became of it on its way out.

What is shown stands in the address (`?q=disk&least=warning&before=4711`), so that a view can be kept and shared. The
address is the memory; the fields of the filter follow it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from typing import NamedTuple
from urllib.parse import urlencode

import streamlit as st

from keeper.rules.types import DeliverySeen, DeliveryStatus, Event, Group, Severity
from keeper.ui import parts, state, tales
from keeper.ui.state import house, tongue

PAGE = 25
SEVERAL = ("group", "kind")
NAMES = ("q", "least", *SEVERAL, "from", "to", "outlet", "state")
_BEFORE = "before"  # the event that the page shown stands before
_AGAIN = (DeliveryStatus.FAILED, DeliveryStatus.DROPPED)

Labels = Mapping[str, str]


class Ways(NamedTuple):
    """What the list needs to know of the outlets: what each is called in few words, and which take nothing."""

    names: Labels
    blocked: frozenset[str]

    def name(self, outlet: str) -> str:
        return parts.plain(self.names.get(outlet, outlet))


def show() -> None:
    t = tongue()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title(t.say("events"), anchor=False, width="content")
        parts.link("outlets", t.say("outlets"))
    labels = {outlet.state.name: outlet.label for outlet in house().postroom.outlets()}
    _filter(labels)
    with parts.card("event-list"):
        st.fragment(_list, run_every=10)()
    _take_away()


# --- the address ---


def _asked() -> dict[str, list[str]]:
    """What the address narrows the list to; no key = everything."""
    found = {name: st.query_params.get_all(name) for name in NAMES}
    return {name: values for name, values in found.items() if any(values)}


def _before() -> int | None:
    text = st.query_params.get(_BEFORE, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _one(name: str) -> str:
    return next(iter(_asked().get(name, ())), "")


def _key(name: str) -> str:
    return f"events-{name}"


def _keep(name: str) -> None:
    """A field was changed: the address says so, and the list begins at its newest end."""
    value = st.session_state[_key(name)]
    st.query_params.pop(_BEFORE, None)
    if not value:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = [str(each) for each in value] if name in SEVERAL else str(value)


def _clear() -> None:
    for name in (*NAMES, _BEFORE):
        st.query_params.pop(name, None)


def _turn(before: int | None) -> None:
    if before is None:
        st.query_params.pop(_BEFORE, None)
    else:
        st.query_params[_BEFORE] = str(before)


# --- the filter ---


def _follow(name: str, value: object) -> str:
    """Lets a field show what the address says; touches it only when it says something else, so that nobody who is
    typing is disturbed. Returns its key."""
    key = _key(name)
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return key


def _filter(labels: Labels) -> None:
    """Words and severity in sight, the rest behind one button that counts what it narrows."""
    t, asked = tongue(), _asked()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(
            t.say("ev_search"),
            key=_follow("q", _one("q")),
            type="search",
            icon=":material/search:",
            live=True,
            placeholder=t.say("ev_search"),
            label_visibility="collapsed",
            on_change=_keep,
            args=("q",),
            max_chars=200,
            width=260,
        )
        _choice("least", t.say("ev_least"), _severities(), width=210)
        narrowed = len(asked.keys() - {"q", "least"})
        with st.popover(t.say("filter") + (f" ({narrowed})" if narrowed else ""), icon=":material/filter_list:"):
            _more(labels)
        if asked:
            st.button(t.say("filter_clear"), key="events-clear", icon=":material/filter_list_off:", on_click=_clear)


def _severities() -> dict[str, str]:
    t = tongue()
    words = {Severity.INFO: "ev_all", Severity.WARNING: "ev_warnings", Severity.ERROR: "ev_errors"}
    return {"" if one is Severity.INFO else one.value: t.say(phrase) for one, phrase in words.items()}


def _more(labels: Labels) -> None:
    t, asked = tongue(), _asked()
    known = [group.value for group in Group]
    st.pills(
        t.say("ev_groups"),
        known,
        selection_mode="multi",
        format_func=lambda name: t.known(Group, name),
        key=_follow("group", [name for name in asked.get("group", []) if name in known]),
        on_change=_keep,
        args=("group",),
    )
    kinds = asked.get("kind", [])
    st.multiselect(
        t.say("ev_kinds"),
        sorted({*house().eventbook.kinds(), *kinds}),
        format_func=t.kind,
        key=_follow("kind", kinds),
        placeholder=t.say("ev_kinds_all"),
        on_change=_keep,
        args=("kind",),
    )
    _days()
    outlets = {"": t.say("all"), **labels}
    if (named := _one("outlet")) and named not in outlets:
        outlets[named] = named
    _choice("outlet", t.say("ev_outlet"), outlets, labelled=True)
    states = {"": t.say("all"), **{one.value: t.word(one) for one in DeliveryStatus}}
    _choice("state", t.say("ev_state"), states, labelled=True)


def _days() -> None:
    t, columns = tongue(), st.columns(2)
    for column, name, phrase in zip(columns, ("from", "to"), ("ev_from", "ev_to"), strict=True):
        column.date_input(
            t.say(phrase),
            value=None,
            key=_follow(name, _day(_one(name))),
            format="DD.MM.YYYY" if t.lang == "de" else "YYYY-MM-DD",
            on_change=_keep,
            args=(name,),
        )


def _day(text: str) -> date | None:
    """Years that no field can show count as none."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year < 2100 else None


def _choice(name: str, label: str, words: Labels, labelled: bool = False, width: int | None = None) -> None:
    """`words`: what each value is called; '' stands for everything."""
    st.selectbox(
        label,
        list(words),
        key=_follow(name, _one(name) if _one(name) in words else ""),
        format_func=lambda value: words.get(value, value),
        on_change=_keep,
        args=(name,),
        label_visibility="visible" if labelled else "collapsed",
        width=width or "stretch",
    )


# --- the list ---


def _list() -> None:
    state.show_toasts()
    parts.show_error("retry")
    asked, before, book = _asked(), _before(), house().eventbook
    page = book.page(asked, tongue().zone, PAGE, before)
    told = book.deliveries([event.id for event in page.events])
    ways = _ways()
    for event in page.events:
        _row(event, told.get(event.id, []), ways)
    if not page.events:
        _nothing(bool(asked), page.before_id is not None or before is not None)
    _leaf(before, page.before_id, len(page.events))


def _ways() -> Ways:
    """'Airtable (Server Reboots)' is Airtable here, unless there are two of that name."""
    outlets = house().postroom.outlets()
    bare = Counter(outlet.label.partition(" (")[0] for outlet in outlets)
    names = {}
    for outlet in outlets:
        first = outlet.label.partition(" (")[0]
        names[outlet.state.name] = first if bare[first] == 1 else outlet.label
    return Ways(names, frozenset(outlet.state.name for outlet in outlets if outlet.state.blocked))


def _nothing(narrowed: bool, further: bool) -> None:
    t = tongue()
    if further:
        parts.empty(t.say("ev_none_here"), t.say("ev_none_here_text"), ":material/search:")
    elif narrowed:
        parts.empty(t.say("ev_none_fits"), t.say("ev_none_fits_text"), ":material/filter_list:")
    else:
        parts.empty(t.say("ev_none"), t.say("ev_none_text"), ":material/notifications_none:")


def _leaf(before: int | None, older: int | None, shown: int) -> None:
    """Further back, and to the newest again. A search that has found few so far says that it goes on."""
    if before is None and older is None:
        return
    t = tongue()
    more = t.say("older") if shown == PAGE or older is None else t.say("ev_further")
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.button(
            t.say("newest"),
            icon=":material/first_page:",
            key="events-newest",
            disabled=before is None,
            on_click=_turn,
            args=(None,),
        )
        st.button(
            more,
            icon=":material/chevron_right:",
            icon_position="right",
            key="events-older",
            disabled=older is None,
            on_click=_turn,
            args=(older,),
        )


def _row(event: Event, told: Sequence[DeliverySeen], ways: Ways) -> None:
    t, said = tongue(), tales.told(event)
    colour, icon = parts.SEVERITY_LOOK[event.severity]
    with st.container(gap=None, key=f"event-{event.id}"):
        with st.container(horizontal=True, vertical_alignment="top", gap="small", wrap=False):
            st.markdown(f":{colour}[{icon}] {parts.plain(tales.short(said))}", width="stretch")
            parts.when(event.at)
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"line-event-{event.id}"):
            word = "" if event.severity is Severity.INFO else f"{t.word(event.severity)} · "
            st.caption(word + parts.plain(t.kind(event.kind)), width="content")
            if told:
                st.markdown(" ".join(_chip(event, seen, ways) for seen in told), width="content")
            if (tales.short(said) != said or "\n" in event.message) and st.button(
                t.say("ev_whole"), key=f"whole-{event.id}", type="tertiary"
            ):
                st.dialog(parts.plain(t.kind(event.kind)), width="large")(_whole)(event)
        for seen in told:
            _obstacle(event, seen, ways)


def _whole(event: Event) -> None:
    """As it was written, with its lines."""
    parts.when(event.at)
    st.text(event.message)


def _chip(event: Event, seen: DeliverySeen, ways: Ways) -> str:
    """'Telegram: sent', as markdown."""
    colour, icon = parts.DELIVERY_LOOK[seen.status]
    fate = parts.plain(_fate(event, seen, seen.outlet in ways.blocked))
    return f":{colour}-badge[{icon} {ways.name(seen.outlet)}: {fate}]"


def _fate(event: Event, seen: DeliverySeen, blocked: bool) -> str:
    """What became of one delivery, in few words."""
    t, now = tongue(), house().clock.now()
    if seen.status is DeliveryStatus.SENT:
        return t.say("ev_sent")
    if seen.status is not DeliveryStatus.PENDING:
        return t.word(seen.status).lower()
    waits = t.say("ev_waits", span=t.rough((now - event.at).total_seconds()))
    if blocked:
        return f"{waits}, {t.say('ev_blocked')}"
    if seen.next_at and seen.next_at > now:
        return f"{waits}, {t.say('ev_next' if seen.attempts else 'ev_held', when=t.ago(seen.next_at, now))}"
    return waits


def _obstacle(event: Event, seen: DeliverySeen, ways: Ways) -> None:
    """Why it has not arrived, and a way to try again. What was never tried has nothing to be said of."""
    waits = seen.status is DeliveryStatus.PENDING and seen.next_at and seen.next_at > house().clock.now()
    if seen.status not in _AGAIN and not waits:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"line-{event.id}-{seen.outlet}"):
        if seen.why:
            st.caption(f"{ways.name(seen.outlet)}: {parts.plain(seen.why)}", width="content")
        st.button(
            tongue().say("try_again"),
            icon=":material/refresh:",
            type="tertiary",
            key=f"again-{event.id}-{seen.outlet}",
            on_click=_again,
            args=(event.id, seen.outlet),
        )


def _again(event_id: int, outlet: str) -> None:
    t, post = tongue(), house().postroom
    state.attempt("retry", lambda: post.retry(event_id, outlet), lambda done: t.say("ev_again" if done else "ev_late"))


# --- files ---


def _take_away() -> None:
    """Plain links, so that the browser takes the file piece by piece as it is made."""
    t = tongue()
    query = urlencode({**_asked(), "zone": [t.zone.key]}, doseq=True)
    links = "".join(
        f'<a class="keeper-take" href="export/events.{form}?{escape(query, quote=True)}" download>{escape(label)}</a>'
        for form, label in (("csv", t.say("ev_csv")), ("json", t.say("ev_json")))
    )
    st.html(f'<div class="keeper-takes"><span>{escape(t.say("ev_take"))}</span>{links}</div>')
