"""A list of library items: filter, page, one row each. Used by the Library and by every run."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from keeper.rules.types import ItemFilter, ItemRow, Kind, Missing, Outcome, Why
from keeper.ui import parts
from keeper.ui.state import house, tongue

STATES = ("", "flawed", "resting", "ignored", "ok", "gone")


@dataclass(frozen=True, slots=True)
class Filter:
    """The filter widgets of one list; `prefix` keeps their memory apart from that of other lists."""

    prefix: str
    states: bool  # media_state has states, the items of a run have none
    outcomes: tuple[str, ...]

    def key(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    def set(self, **values: str) -> None:
        """Narrows the list to exactly this; to be called in callbacks only."""
        for name in ("state", "section", "missing", "outcome", "search"):
            st.session_state[self.key(name)] = values.get(name, "")
        st.session_state[self.key("page")] = 1

    def wanted(self) -> ItemFilter:
        memory = st.session_state
        return ItemFilter(
            state=memory.get(self.key("state")) or "",
            section_key=memory.get(self.key("section")) or "",
            missing=memory.get(self.key("missing")) or "",
            outcome=memory.get(self.key("outcome")) or "",
            search=(memory.get(self.key("search")) or "").strip(),
        )

    def first_page(self) -> None:
        st.session_state[self.key("page")] = 1

    def show(self) -> None:
        """Search and state in sight, the rest behind one button that counts what it narrows."""
        t = tongue()
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            st.text_input(
                t.say("search_titles"),
                key=self.key("search"),
                type="search",
                icon=":material/search:",
                live=True,
                placeholder=t.say("search_titles"),
                label_visibility="collapsed",
                on_change=self.first_page,
                persist_state="session",
                max_chars=200,
                width=260,
            )
            if self.states:
                self._choice("state", t.say("state"), STATES, t.state, width=200)
            narrowed = sum(bool(st.session_state.get(self.key(name))) for name in ("section", "missing", "outcome"))
            with st.popover(
                t.say("filter") + (f" ({narrowed})" if narrowed else ""),
                icon=":material/filter_list:",
                key=self.key("more"),
            ):
                self._more()

    def _more(self) -> None:
        t = tongue()
        titles = {section.key: section.title for section in house().views.sections()}
        titles |= {library.section_key: library.title for library in house().views.health()}
        self._choice("section", t.say("library_name"), ("", *titles), lambda key: titles.get(key, key), labelled=True)
        self._choice("missing", t.say("missing_what"), ("", *Missing), lambda m: t.known(Missing, m), labelled=True)
        self._choice("outcome", t.say("last_outcome"), ("", *self.outcomes), _outcome_word, labelled=True)
        st.button(t.say("filter_clear"), key=self.key("clear"), on_click=self.set, icon=":material/filter_list_off:")

    def _choice(
        self,
        name: str,
        label: str,
        options: Sequence[str],
        word: Callable[[str], str],
        labelled: bool = False,
        width: int | Literal["stretch"] = "stretch",
    ) -> None:
        everything = label if not labelled else tongue().say("all")
        key = self.key(name)
        if st.session_state.get(key) not in options:  # a library that is gone, or nothing yet
            st.session_state[key] = ""
        st.selectbox(
            label,
            [str(option) for option in options],
            key=key,
            format_func=lambda o: word(o) if o else f"{everything}",
            on_change=self.first_page,
            persist_state="session",
            width=width,
            label_visibility="visible" if labelled else "collapsed",
        )


def _outcome_word(outcome: str) -> str:
    return tongue().say("outcome_open") if outcome == "open" else tongue().known(Outcome, outcome)


def row(item: ItemRow, verdict: bool) -> None:
    """What it is, what it lacks, what became of it. `verdict` shows the outcome as a badge (items of a run)."""
    with st.container(gap=None):
        st.text(_title(item))
        if item.parent:
            st.caption(parts.plain(item.parent))
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            if verdict:
                parts.outcome_badge(item.outcome)
            if item.missing:
                st.markdown(_badges(item), width="content")
            st.caption(parts.plain(" · ".join(_story(item, verdict))), width="content")


def _title(item: ItemRow) -> str:
    """With its year, unless the title (of a file nobody recognised) ends with one already."""
    return f"{item.title} ({item.year})" if item.year and not re.search(r"\(\d{4}\)$", item.title) else item.title


def _badges(item: ItemRow) -> str:
    t = tongue()
    healed = item.outcome == Outcome.FIXED
    colour = "gray" if item.ignored or healed else "orange"
    return " ".join(f":{colour}-badge[{parts.plain(t.known(Missing, name))}]" for name in item.missing)


def _story(item: ItemRow, verdict: bool) -> list[str]:
    """The small print of a row."""
    t = tongue()
    said = [t.known(Kind, item.kind), item.section_title]
    if item.ignored:
        said.append(t.say("ignored"))
    if item.outcome and not verdict:
        said.append(t.known(Outcome, item.outcome))
    if item.why:
        said.append(t.known(Why, item.why))
    if item.failed_count and not verdict:
        said.append(t.say("tried_times", n=item.failed_count))
    if item.next_try_at and not item.ignored:
        said.append(t.say("next_try", when=t.ago(item.next_try_at, house().clock.now())))
    return said
