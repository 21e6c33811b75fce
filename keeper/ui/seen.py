"""What a look saw, in a person's words: grouped, each value with its unit, nothing that only programs understand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from keeper.rules.types import Fact
from keeper.ui.lexicon import ERRORS
from keeper.ui.lexicon_facts import BEGINNINGS, DETAILS, FACTS, PLACES, UNSHOWN, UNTOLD, FactWord, Place, Unit
from keeper.ui.state import house, tongue


class Row(NamedTuple):
    """Plain text: whoever shows it escapes it."""

    name: str
    value: str
    detail: str = ""


def grouped(facts: Mapping[str, Fact]) -> list[tuple[str, list[Row]]]:
    """(name of the group, its rows), without empty groups."""
    t, found = tongue(), dict[Place, list[Row]]((place, []) for place in Place)
    for name, fact in facts.items():
        if name not in UNSHOWN:
            place, row = _row(name, fact)
            found[place].append(row)
    return [(t.of(PLACES[place]), rows) for place, rows in found.items() if rows]


def _row(name: str, fact: Fact) -> tuple[Place, Row]:
    t, (kind, _, which) = tongue(), name.partition(":")
    word = FACTS.get(kind)
    if kind.startswith("late_"):
        return Place.OTHER, Row(t.say("seen_late"), t.say("no"), detail(fact.detail))
    if word is None:  # of a newer program
        return Place.OTHER, Row(name.replace("_", " "), value(fact), detail(fact.detail))
    named = t.of(word.words).replace("{which}", which)
    return word.place, Row(named, value(fact, word), "" if kind in UNTOLD and fact.value else detail(fact.detail))


def value(fact: Fact, word: FactWord | None = None) -> str:
    """'yes', '12 ms', '3 h 5 min', '2,4 GB'."""
    t, given = tongue(), fact.value
    if given is None:
        return t.say("unknown")
    if isinstance(given, bool):
        return t.say("yes" if given else "no")
    if isinstance(given, str):
        return detail(given)
    return _measured(given, word.unit if word else Unit.PLAIN)


def _measured(given: float, unit: Unit) -> str:
    t = tongue()
    if unit is Unit.SPAN:
        return t.duration(given)
    if unit is Unit.MOMENT:
        return t.moment(datetime.fromtimestamp(given, UTC), house().clock.now())
    digits = 0 if given == int(given) else 1
    ending = {Unit.MS: " ms", Unit.PERCENT: " %", Unit.GB: " GB", Unit.MB: " MB", Unit.CELSIUS: " °C"}.get(unit, "")
    return t.number(given, digits) + ending


def detail(text: str) -> str:
    """What a fact's small print means; a name, a path or a size stays as it is."""
    t = tongue()
    if text in DETAILS:
        return t.of(DETAILS[text])
    if text in ERRORS:
        return t.error(text)
    for beginning, pair in BEGINNINGS.items():
        if text.startswith(beginning):
            return t.of(pair).replace("{rest}", text.removeprefix(beginning))
    return text.replace("_", " ") if "/" not in text else text
