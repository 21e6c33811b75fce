"""What a person wants told, as JSON: every part that can be read counts, the others are named instead of guessed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import time
from typing import Any

from keeper.rules.types import Choice, Group, Severity, Telling

DIGESTS = ("", "daily", "weekly")


def write_telling(telling: Telling) -> str:
    tree = {field.name: getattr(telling, field.name) for field in fields(Telling)}
    return json.dumps(tree | {"choices": {name: _plain(choice) for name, choice in telling.choices.items()}})


def read_telling(text: str) -> tuple[Telling, list[str]]:
    """(what could be read, the names of the parts that count as not set). Never raises."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        tree = None
    if not isinstance(tree, dict):
        return Telling(), ["all of it"]
    spoiled: list[str] = []
    good = _parts(_READERS, tree, "", spoiled)
    told = tree.get("choices", {})
    if isinstance(told, dict):
        good["choices"] = {name: _choice(name, each, spoiled) for name, each in told.items()}
    else:
        spoiled.append("choices")
    return Telling(**good), spoiled


def _plain(choice: Choice) -> dict[str, object]:
    groups = None if choice.groups is None else sorted(choice.groups)
    return {"enabled": choice.enabled, "groups": groups, "least": choice.least.value, "quiet": choice.quiet}


def _choice(name: str, tree: Any, spoiled: list[str]) -> Choice:
    if isinstance(tree, dict):
        return Choice(**_parts(_CHOICE_READERS, tree, f"choices.{name}.", spoiled))
    spoiled.append(f"choices.{name}")
    return Choice()


def _parts(
    readers: Mapping[str, Callable[[Any], Any]], tree: Mapping[str, Any], path: str, spoiled: list[str]
) -> dict[str, Any]:
    good = {}
    for name in readers.keys() & tree.keys():
        try:
            good[name] = readers[name](tree[name])
        except (ValueError, TypeError):
            spoiled.append(path + name)
    return good


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return value


def _groups(value: Any) -> frozenset[Group] | None:
    """Groups of a newer program are left out."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise TypeError("no list")
    known = {group.value for group in Group}
    return frozenset(Group(word) for word in value if word in known)


def _hour(value: Any) -> str:
    """'HH:MM'; whoever decides by it relies on that."""
    if not isinstance(value, str) or len(value) != len("HH:MM") or value[2] != ":":
        raise ValueError("no time of day")
    time.fromisoformat(value)
    return value


def _hour_or_none(value: Any) -> str:
    return "" if value == "" else _hour(value)


def _digest(value: Any) -> str:
    if value not in DIGESTS:
        raise ValueError("no kind of digest")
    return str(value)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "quiet_from": _hour_or_none, "quiet_to": _hour_or_none, "digest": _digest, "digest_at": _hour,
}  # fmt: skip
_CHOICE_READERS: Mapping[str, Callable[[Any], Any]] = {
    "enabled": _yes_or_no, "groups": _groups, "least": Severity, "quiet": _yes_or_no,
}  # fmt: skip
