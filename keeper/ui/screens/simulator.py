"""The simulator: the watchdog's own rules on a made-up outage, drawn and told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import streamlit as st

from keeper.rules.types import Action, Armed, Cause, Reason
from keeper.ui import charts, parts, state, thoughts
from keeper.ui.state import house, tongue

OWN = "own"
SCRIPT, EXAMPLE, HOW, ALLOWED = "sim-script", "sim-example", "sim-how", "sim-allowed"
PAGE, _RESULT = "sim-page", "sim-result"
LONGEST = 20_000  # characters of a script

Told = Mapping[str, Any]


def show() -> None:
    t, examples = tongue(), house().simulation_examples()
    st.caption(t.say("sim_text"))
    _choose(examples)
    st.text_area(t.say("sim_script"), key=SCRIPT, height=150, max_chars=LONGEST, on_change=_edited)
    _permissions()
    if st.button(t.say("sim_play"), icon=":material/play_arrow:", type="primary", key="sim-play"):
        with st.spinner(t.say("sim_playing")):
            _play()
    parts.show_error("sim", t.say("sim_refused"))
    if result := st.session_state.get(_RESULT):
        _result(*result)


def _choose(examples: Mapping[str, str]) -> None:
    t, names = tongue(), [*examples, OWN]
    if st.session_state.get(EXAMPLE) not in names:
        st.session_state[EXAMPLE] = names[0]
        st.session_state[SCRIPT] = examples.get(names[0], "")
    words = {name: _name(name) for name in names}
    st.selectbox(
        t.say("sim_example"),
        names,
        key=EXAMPLE,
        format_func=words.__getitem__,
        on_change=_chosen,
        args=(dict(examples),),
    )


def _name(example: str) -> str:
    """An example that these pages do not know yet is called what it is called."""
    t = tongue()
    return t.say(f"sim_{example}") if t.has(f"sim_{example}") else example.replace("_", " ")


def _chosen(examples: Mapping[str, str]) -> None:
    name = st.session_state[EXAMPLE]
    st.session_state[SCRIPT] = examples.get(name, st.session_state.get(SCRIPT) or "")
    st.session_state.pop(_RESULT, None)


def _edited() -> None:
    st.session_state[EXAMPLE] = OWN


def _permissions() -> None:
    t = tongue()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        words = {"now": t.say("sim_as_now"), "choose": t.say("sim_choose")}
        how = st.segmented_control(
            t.say("sim_allowed"), list(words), format_func=words.__getitem__, default="now", required=True, key=HOW
        )
        if how == "choose":
            st.pills(
                t.say("sim_allowed"),
                list(Armed),
                selection_mode="multi",
                default=sorted(house().watch.armed()),
                format_func=t.word,
                key=ALLOWED,
                label_visibility="collapsed",
                wrap=True,
            )


def _play() -> None:
    keeper, memory = house(), st.session_state
    armed = keeper.watch.armed() if memory.get(HOW) != "choose" else frozenset(memory.get(ALLOWED) or ())
    script = memory.get(SCRIPT) or ""
    memory.pop(_RESULT, None)
    memory.pop(PAGE, None)

    def play() -> None:
        memory[_RESULT] = (keeper.simulate(script, armed), armed)

    state.attempt("sim", play)


# --- what came of it ---


def _result(told: Told, armed: frozenset[Armed]) -> None:
    t = tongue()
    names = ", ".join(t.word(name) for name in Armed if name in armed) or t.say("sim_nothing_allowed")
    st.markdown(parts.plain(t.say("sim_result", looks=told["ticks"], acts=len(told["actions"]), allowed=names)))
    lines: Sequence[Told] = [entry for entry in told["entries"] if entry["reason"] != Reason.VERIFYING]
    if not lines:
        parts.empty(t.say("sim_calm"), icon=":material/bedtime:")
        return
    start = _at(told.get("start") or lines[0]["at"])
    folded = _folded(lines)
    st.html(_drawn(folded, told, start))
    numbered = list(enumerate(folded, 1))
    shown, total = parts.fetch(PAGE, lambda limit, skip: (numbered[skip : skip + limit], len(numbered)))
    st.html(charts.story([_line(number, fold, start) for number, fold in shown]))
    parts.pages(total, PAGE)


class Fold(NamedTuple):
    """Lines that say the same, one after the other, as one: the first of them, how many, and when the last one was."""

    entry: Told
    times: int
    last: str


def _folded(lines: Sequence[Told]) -> list[Fold]:
    """A sentence that comes again right away, or in turn with another one, is told once with its count."""
    folds: list[Fold] = []
    for entry in lines:
        back = next((n for n in (1, 2) if len(folds) >= n and _same(folds[-n].entry, entry)), 0)
        if back:
            old = folds[-back]
            folds[-back] = Fold(old.entry, old.times + 1, entry["at"])
        else:
            folds.append(Fold(entry, 1, entry["at"]))
    return folds


def _same(one: Told, other: Told) -> bool:
    if "closed" in (one["what"], other["what"]) or "opened" in (one["what"], other["what"]):
        return False
    return all(one[name] == other[name] for name in ("cause", "action", "wanted", "reason"))


def _drawn(folds: Sequence[Fold], told: Told, start: datetime) -> str:
    t = tongue()
    first, last = _at(folds[0].entry["at"]), max(_at(fold.last) for fold in folds)
    length = max(1.0, (last - first).total_seconds())

    def place(at: str) -> float:
        return min(1.0, max(0.0, (_at(at) - first).total_seconds() / length))

    stretches = [
        charts.Stretch(
            place(each["began_at"]),
            place(each["closed_at"]) if each["closed_at"] else 1.0,
            _tone(each["cause"]),
            t.known(Cause, each["cause"]),
        )
        for each in told["incidents"]
    ]
    pins = [
        charts.Pin(
            place(fold.entry["at"]),
            number,
            "did",
            f"{_after(fold.entry['at'], start)}: {t.known(Action, fold.entry['action'])}",
        )
        for number, fold in enumerate(folds, 1)
        if fold.entry["action"] != Action.NONE
    ]
    label = t.say("timeline_label", causes=", ".join(part.word for part in stretches), n=len(pins))
    return charts.timeline(stretches, pins, label, (_after(first.isoformat(), start), _after(last.isoformat(), start)))


def _line(number: int, fold: Fold, start: datetime) -> charts.Line:
    t, entry = tongue(), fold.entry
    when = _after(entry["at"], start)
    if entry["what"] == "closed":
        return charts.Line(number, "good", t.say("is_over"), when, t.say("told_closed"))
    cause = thoughts.member(Cause, entry["cause"]) or Cause.UNKNOWN
    look = "did" if entry["action"] != Action.NONE else ""
    said = thoughts.sentence(cause, entry)
    if fold.times > 1:
        said = t.say("sim_times", sentence=said, count=fold.times, span=_span(fold.last, start))
    return charts.Line(number, look, t.word(cause), when, said)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _after(text: str, start: datetime) -> str:
    """'after 1 h 10 min': a time of the simulation is no time of ours, so it is told from its start."""
    t = tongue()
    return t.say("sim_after", span=_span(text, start)) if _at(text) > start else t.say("sim_at_start")


def _span(text: str, start: datetime) -> str:
    return tongue().duration((_at(text) - start).total_seconds())


def _tone(cause: str) -> str:
    return parts.CAUSE_LOOK[thoughts.member(Cause, cause) or Cause.UNKNOWN][0]
