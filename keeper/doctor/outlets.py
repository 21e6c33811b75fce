"""What `doctor` asks about telling: which outlets there are, whether they take anything, what is missing over there."""

from __future__ import annotations

from collections.abc import Iterator

from keeper.doctor.watchdog import Finding
from keeper.rules.types import Check
from keeper.wiring import House


def outlets(house: House, _check: Check) -> Iterator[Finding]:
    """Asks each of them what can be asked without writing anything there."""
    post = house.postroom
    if post.targets.trouble:
        yield Finding("targets", False, post.targets.trouble, "Mend it, or add the targets in the page again.")
    cards = post.outlets()
    if not cards:
        mend = "Set Airtable, Telegram or a webhook in .env, or add a target in the page."
        yield Finding("outlets", None, "No outlet is set up: nobody is told anything.", mend)
    found: dict[str, list[Finding]] = {card.state.name: [] for card in cards}
    for card in cards:
        if card.state.blocked:
            name = card.state.name
            mend = f"Repair it, then: python -m keeper deliver --test {name}"
            found[name].append(Finding(f"outlet {name}", False, f"{card.label}: {card.state.blocked}", mend))
    for name, ok, sentence, mend in post.examine():
        found.setdefault(name, []).append(Finding(f"outlet {name}", ok, sentence, "" if ok else mend))
    yield from (as_one(findings) for findings in found.values() if findings)


def as_one(findings: list[Finding]) -> Finding:
    """One line for an outlet: all that is wrong with it, else what is not certain, else that it is well."""
    worst = next((ok for ok in (False, None) if any(each.ok is ok for each in findings)), True)
    said = [each for each in findings if each.ok is worst]
    sentences = " ".join(dict.fromkeys(each.sentence for each in said))
    return Finding(said[0].name, worst, sentences, " ".join(dict.fromkeys(each.mend for each in said if each.mend)))
