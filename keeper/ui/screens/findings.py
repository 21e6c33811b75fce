"""The list of items with search, filter, choice by item and actions on the chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from keeper.rules.types import ItemRow, Outcome
from keeper.ui import items, jobcard, parts, state
from keeper.ui.state import house, tongue

FILTER = items.Filter("find", states=True, outcomes=tuple(o.value for o in Outcome if o is not Outcome.WOULD_FIX))
PAGE = FILTER.key("page")
ALL = "pick-page"


def show() -> None:
    st.session_state.setdefault(FILTER.key("state"), "flawed")
    parts.live(_list, jobcard.is_active, quick=5, calm=None)


def _list() -> None:
    state.show_toasts()
    FILTER.show()
    wanted = FILTER.wanted()
    rows, total = parts.fetch(PAGE, lambda limit, skip: house().views.items(wanted, limit, skip))
    parts.show_error("findings")
    if not rows:
        _nothing(wanted.state == "flawed" and not wanted.search)
        return
    _actions(rows)
    with parts.card("findings"):
        for item in rows:
            _row(item)
    parts.pages(total, PAGE)


def _nothing(nothing_missing: bool) -> None:
    t = tongue()
    with parts.card("findings-none"):
        if nothing_missing:
            parts.empty(t.say("items_none_flawed"), icon=":material/task_alt:")
        else:
            parts.empty(t.say("items_none"), icon=":material/search_off:")


def _row(item: ItemRow) -> None:
    t = tongue()
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        st.checkbox(
            t.say("select_item", title=parts.spoken(item.title)), key=_pick(item.key), label_visibility="collapsed"
        )
        items.row(item, verdict=False)
        link = house().plex_web_link(item.key)
        if link:
            st.link_button(":material/open_in_new:", link, type="tertiary", help=t.say("open_in_plex"))


def _pick(key: str) -> str:
    """A tick belongs to the item, not to its place in the list."""
    return f"pick-{key}"


def _actions(rows: Sequence[ItemRow]) -> None:
    t = tongue()
    keys = tuple(item.key for item in rows)
    chosen = tuple(key for key in keys if st.session_state.get(_pick(key)))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="actions"):
        st.checkbox(t.say("select_page"), key=ALL, on_change=_pick_page, args=(keys,))
        if not chosen:
            st.caption(t.say("choose_hint"), width="content")
            return
        st.caption(t.say("n_selected", n=len(chosen)), width="content")
        _action("try_again", ":material/refresh:", _retry, chosen)
        if any(not item.ignored for item in rows if item.key in chosen):
            _action("ignore", ":material/visibility_off:", _ignore, chosen, True)
        if any(item.ignored for item in rows if item.key in chosen):
            _action("unignore", ":material/visibility:", _ignore, chosen, False)


def _action(phrase: str, icon: str, does: Callable[..., None], *args: object) -> None:
    st.button(tongue().say(phrase), icon=icon, key=f"do-{phrase}", on_click=does, args=args)


def _pick_page(keys: tuple[str, ...]) -> None:
    for key in keys:
        st.session_state[_pick(key)] = st.session_state[ALL]


def _untick(keys: tuple[str, ...]) -> None:
    for key in keys:
        st.session_state[_pick(key)] = False
    st.session_state[ALL] = False


def _retry(keys: tuple[str, ...]) -> None:
    keeper, said = house(), tongue().say("retry_done", n=len(keys))
    if state.attempt("findings", lambda: keeper.retry(keys, state.user()), lambda _: said):
        _untick(keys)


def _ignore(keys: tuple[str, ...], on: bool) -> None:
    keeper, t = house(), tongue()
    phrase = "ignore_done" if on else "unignore_done"
    if state.attempt("findings", lambda: keeper.ignore(keys, on, state.user()), lambda n: t.say(phrase, n=n)):
        _untick(keys)
