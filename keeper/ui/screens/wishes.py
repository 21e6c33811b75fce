"""What a scan looks at: chosen here, started from here, kept for the daily scan only when told so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import streamlit as st

from keeper.rules.types import KINDS_OF_SECTION, Cause, Kind, Missing, Preferences, SectionSeen
from keeper.ui import jobcard, parts, state
from keeper.ui.state import house, tongue

OPTIONAL_RULES = (Missing.YEAR, Missing.ART)
_ALL, _KINDS, _DAYS, _MAX, _RULES = "wish-all", "wish-kinds", "wish-days", "wish-max", "wish-rules"
_FIELDS = ("libraries", "kinds", "days", "max_items", "optional_rules")


def show() -> None:
    saved = house().memory.preferences()
    if _KINDS not in st.session_state:
        _fill_in(saved)
    with parts.card("wishes"):
        _libraries(saved)
        _rest()
        _start(_wished(saved))
    with parts.card("default"):
        _keep(saved, _wished(saved))


def _fill_in(saved: Preferences) -> None:
    """The widgets show what is saved."""
    memory = st.session_state
    memory[_ALL] = "all" if not saved.libraries else "some"
    memory[_KINDS], memory[_RULES] = list(saved.kinds), list(saved.optional_rules)
    memory[_DAYS], memory[_MAX] = saved.days, saved.max_items
    for key in _choices(saved):
        memory[_tick(key)] = key in saved.libraries


def _choices(saved: Preferences) -> dict[str, SectionSeen | None]:
    """Libraries that can be judged, and those that were chosen once and are not known any more."""
    seen: dict[str, SectionSeen | None] = {
        section.key: section for section in house().views.sections() if section.type in KINDS_OF_SECTION
    }
    return seen | {key: None for key in saved.libraries if key not in seen}


def _tick(key: str) -> str:
    return f"wish-library-{key}"


def _wished(saved: Preferences) -> Preferences:
    """What the widgets say now."""
    memory = st.session_state
    ticked = tuple(key for key in _choices(saved) if memory.get(_tick(key)))
    return replace(
        saved,
        libraries=() if memory[_ALL] == "all" else ticked,
        kinds=tuple(kind.value for kind in Kind if kind.value in memory[_KINDS]),
        days=int(memory[_DAYS] or 0),
        max_items=int(memory[_MAX] or 0),
        optional_rules=tuple(rule.value for rule in OPTIONAL_RULES if rule.value in memory[_RULES]),
    )


# --- the widgets ---


def _libraries(saved: Preferences) -> None:
    t, choices = tongue(), _choices(saved)
    which = st.segmented_control(
        t.say("which_libraries"),
        ["all", "some"],
        format_func=lambda name: t.say(f"libraries_{name}"),
        key=_ALL,
        required=True,
        persist_state="page",
    )
    if not choices:
        st.caption(t.say("libraries_unseen"))
    elif which == "some":
        newest = max((seen.seen_at for seen in choices.values() if seen), default=None)
        check = house().views.last_check()
        if newest and check and check.cause is not Cause.OK:
            st.caption(t.say("libraries_aged", when=t.ago(newest, house().clock.now())))
        with st.grid(3, min_column_width=240, gap="small"):
            for key, section in choices.items():
                gone = section is None or newest is None or newest - section.seen_at > timedelta(minutes=1)
                st.checkbox(_label(key, section, gone), key=_tick(key), persist_state="page")


def _label(key: str, section: SectionSeen | None, gone: bool) -> str:
    t = tongue()
    if section is None:
        return f":gray[{parts.plain(t.say('never_seen', key=key))}]"
    if not gone:
        return parts.plain(section.title)
    since = t.say("not_seen_since", when=t.moment(section.seen_at, house().clock.now()))
    return f":gray[{parts.plain(section.title)} · {since}]"


def _rest() -> None:
    t = tongue()
    st.pills(
        t.say("which_kinds"),
        [kind.value for kind in Kind],
        selection_mode="multi",
        key=_KINDS,
        persist_state="page",
        format_func=lambda kind: t.known(Kind, kind),
    )
    days, limit = st.columns(2)
    days.number_input(
        t.say("days"),
        0,
        36_500,
        step=1,
        key=_DAYS,
        help=t.say("days_help"),
        persist_state="page",
    )
    limit.number_input(
        t.say("max_items"),
        0,
        1_000_000,
        step=100,
        key=_MAX,
        help=t.say("max_items_help"),
        persist_state="page",
    )
    st.pills(
        t.say("rules"),
        [rule.value for rule in OPTIONAL_RULES],
        selection_mode="multi",
        key=_RULES,
        persist_state="page",
        format_func=lambda rule: t.known(Missing, rule),
    )


def _start(wished: Preferences) -> None:
    t = tongue()
    problem = _problem(wished)
    if problem:
        st.caption(f":orange[{problem}]")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            t.say("start_scan"),
            type="primary",
            icon=":material/play_arrow:",
            key="scan-start",
            disabled=bool(problem),
            on_click=_begin,
            args=(False,),
        )
        st.button(
            t.say("start_dry"),
            icon=":material/visibility:",
            key="scan-dry",
            help=t.say("dry_help"),
            disabled=bool(problem),
            on_click=_begin,
            args=(True,),
        )
    parts.show_error("scan")


def _problem(wished: Preferences) -> str:
    if st.session_state[_ALL] == "some" and not wished.libraries:
        return tongue().say("choose_one")
    return "" if wished.kinds else tongue().say("choose_kind")


def _begin(dry_run: bool) -> None:
    """A callback: it reads the widgets as they stand at the click."""
    keeper, said = house(), tongue().say("scan_started")
    wished = _wished(keeper.memory.preferences())
    if _problem(wished):
        return
    options = jobcard.options_of(wished, dry_run)
    state.attempt("scan", lambda: keeper.start_scan(options, state.user()), lambda _: said)


# --- saving, by an explicit act only ---


def _keep(saved: Preferences, wished: Preferences) -> None:
    t, changed = tongue(), _changed(saved, wished)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            t.say("save_default"),
            icon=":material/save:",
            key="wish-save",
            on_click=_save,
            disabled=not changed or bool(_problem(wished)),
        )
        if changed:
            st.button(t.say("discard"), type="tertiary", key="wish-discard", on_click=_discard)
            st.badge(t.say("unsaved"), color="orange", icon=":material/edit:")
        else:
            st.caption(t.say("is_saved"), width="content")
    parts.show_error("wishes")


def _changed(saved: Preferences, wished: Preferences) -> bool:
    """Order does not matter."""

    def essence(wishes: Preferences) -> list[object]:
        values = [getattr(wishes, name) for name in _FIELDS]
        return [frozenset(value) if isinstance(value, tuple) else value for value in values]

    return essence(saved) != essence(wished)


def _save() -> None:
    keeper, said = house(), tongue().say("saved")
    wished = _wished(keeper.memory.preferences())
    if not _problem(wished):
        state.attempt("wishes", lambda: keeper.save_preferences(wished, state.user()), lambda _: said)


def _discard() -> None:
    _fill_in(house().memory.preferences())
