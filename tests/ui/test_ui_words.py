"""Every state, outcome, cause and error has a word in both languages, and numbers and times sound right."""

from __future__ import annotations

import re
import string
from collections import Counter
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

import keeper.ui
from keeper import errors
from keeper.rules import types
from keeper.rules.kinds import GROUPS
from keeper.ui import phrases
from keeper.ui.frame import SCREENS
from keeper.ui.lexicon import ADVICE, ERRORS, STATES, WORDS
from keeper.ui.lexicon_events import KINDS_GERMAN
from keeper.ui.lexicon_facts import DETAILS, FACTS, PLACES, UNSHOWN, Place
from keeper.ui.lexicon_watch import EVIDENCE
from keeper.ui.phrases import PHRASES
from keeper.ui.words import LANGUAGES, Tongue, language_of

BERLIN = ZoneInfo("Europe/Berlin")
EN, DE = Tongue("en", BERLIN), Tongue("de", BERLIN)
NOW = datetime(2026, 11, 21, 12, 34, 56, tzinfo=UTC)
SHOWN = (
    types.Kind,
    types.Missing,
    types.Outcome,
    types.Why,
    types.RunStatus,
    types.Source,
    types.Phase,
    types.Cause,
    types.Severity,
    types.Action,
    types.Armed,
    types.Reason,
    types.StepKind,
    types.Group,
    types.DeliveryStatus,
    types.SpeedProvider,
    types.SpeedSource,
    types.SpeedStatus,
    types.Hindrance,
    types.Flaw,
    types.Aspect,
)


@pytest.mark.parametrize("kind", SHOWN, ids=lambda kind: kind.__name__)
def test_every_member_has_a_word_in_both_languages(kind: type[StrEnum]) -> None:
    assert set(WORDS[kind]) == set(kind)
    assert all(len(pair) == 2 and all(pair) for pair in WORDS[kind].values())


def test_every_kind_of_event_has_a_german_name_and_its_own_in_english() -> None:
    assert set(KINDS_GERMAN) == set(GROUPS)
    assert (EN.kind("Login Failed"), DE.kind("Login Failed")) == ("Login Failed", "Anmeldung fehlgeschlagen")
    assert DE.kind("Backup Done") == "Backup Done"


def test_every_fact_that_a_look_can_bring_has_words() -> None:
    """Every name that the eyes give to a fact, wherever it stands in their code."""
    root = Path(keeper.ui.__file__).parents[1]
    eyes = [*root.glob("world/**/*.py"), root / "demo/machine.py", root / "rules/recall.py"]
    named = re.compile(r'"([a-z_0-9]+)": (?:Fact\(|_number\(|address_fact|servers_fact)')
    found = {name for path in eyes for name in named.findall(path.read_text(encoding="utf-8"))}
    assert len(found) > 30
    assert found | set(EVIDENCE) <= set(FACTS) | set(UNSHOWN)
    assert all(all(word.words) for word in FACTS.values()) and set(PLACES) == set(Place)
    assert all(len(pair) == 2 and bool(pair[0]) == bool(pair[1]) for pair in DETAILS.values())


def test_every_cause_has_advice() -> None:
    assert set(ADVICE) == set(types.Cause)
    assert all(all(pair) for cause, pair in ADVICE.items() if cause != types.Cause.OK)


def test_every_error_code_has_a_sentence() -> None:
    family = [errors.KeeperError]
    for error in family:
        family.extend(error.__subclasses__())
    codes = {error.code for error in family if error.__module__ == errors.__name__}
    assert codes <= set(ERRORS)


def test_every_state_of_the_filter_has_a_word() -> None:
    from keeper.ui.items import STATES as filtered

    assert set(filtered) - {""} <= set(STATES)


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("name", PHRASES)
def test_a_phrase_says_the_same_things_in_both_languages(name: str) -> None:
    english, german = PHRASES[name]
    assert english and german
    assert _fields(english) == _fields(german) or name.endswith(".one")


def test_every_phrase_that_is_said_exists_and_every_phrase_is_said() -> None:
    folder = Path(keeper.ui.__file__).parent
    code = "\n".join(path.read_text() for path in folder.rglob("*.py") if "phrases" not in path.parts)
    said = set(re.findall(r"""\bsay\(\s*["']([a-z_]+)["']""", code))
    assert said <= set(PHRASES)
    families = tuple(re.findall(r'\bsay\(\s*f"([a-z_]+)\{', code))
    names = {name.removesuffix(".one") for name in PHRASES}
    unsaid = {name for name in names if not re.search(f"""["']{name}["']""", code) and not name.startswith(families)}
    assert unsaid - {f"{screen}_help" for screen, *_ in SCREENS} == set()


def test_singular_and_plural() -> None:
    assert EN.say("card_flawed", n=1) == "1 lacks something"
    assert EN.say("card_flawed", n=1234) == "1,234 lack something"
    assert DE.say("card_flawed", n=1234) == "1.234 mit Lücken"


@pytest.mark.parametrize(
    ("seconds", "english", "german"),
    [
        (0, "0 s", "0 s"),
        (45.4, "45 s", "45 s"),
        (200, "3 min 20 s", "3 min 20 s"),
        (3600, "1 h", "1 Std."),
        (7500, "2 h 5 min", "2 Std. 5 min"),
        (3 * 86400 + 4 * 3600, "3 d 4 h", "3 Tg. 4 Std."),
    ],
)
def test_durations(seconds: float, english: str, german: str) -> None:
    assert EN.duration(seconds) == english
    assert DE.duration(seconds) == german


@pytest.mark.parametrize(
    ("seconds", "english", "german"),
    [
        (-2, "just now", "gerade eben"),
        (-300, "5 min ago", "vor 5 min"),
        (-7200, "2 h ago", "vor 2 Std."),
        (-5 * 86400, "5 d ago", "vor 5 Tg."),
        (3 * 3600, "in 3 h", "in 3 Std."),
    ],
)
def test_relative_times(seconds: int, english: str, german: str) -> None:
    then = NOW + timedelta(seconds=seconds)
    assert EN.ago(then, NOW) == english
    assert DE.ago(then, NOW) == german


def test_times_are_in_the_zone_of_the_person() -> None:
    assert EN.moment(NOW, NOW) == "today, 13:34"
    assert EN.moment(NOW + timedelta(hours=11), NOW) == "tomorrow, 00:34"
    assert DE.moment(NOW - timedelta(days=2), NOW) == "19. Nov., 13:34"
    assert EN.moment(NOW - timedelta(days=400), NOW) == "17 Oct 2025, 14:34"
    assert EN.exact(NOW) == "Sat, 21 Nov 2026, 13:34:56 CET"


def test_percent_says_hundred_only_for_all() -> None:
    assert EN.percent(9999, 10000) == "99.9 %"
    assert DE.percent(9999, 10000) == "99,9 %"
    assert EN.percent(10, 10) == "100 %"
    assert EN.percent(0, 0) == "0 %"


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de-DE", "de"), ("de_AT", "de"), ("de", "de"), ("en-US", "en"), ("fr-FR", "en"), (None, "en"), ("", "en")],
)
def test_language_of_a_browser(locale: str | None, language: str) -> None:
    assert language_of(locale) == language
    assert language in LANGUAGES


def test_unknown_values_from_a_newer_program_are_shown_as_they_are() -> None:
    assert EN.known(types.Outcome, "teleported") == "teleported"
    assert EN.state("frozen") == "frozen"
    assert EN.error("brand_new") == EN.error(None)


def test_no_screen_takes_the_word_of_another() -> None:
    """The phrases of all files are merged, and the last of two with the same name would win in silence."""
    named = Counter(name for part in vars(phrases).values() if isinstance(part, ModuleType) for name in part.PHRASES)
    assert [name for name, count in named.items() if count > 1] == []
