"""The audit finds what it is there for: shown with made-up packages, and an answer of pip-audit that is made up too."""

from __future__ import annotations

import json
from pathlib import Path

import audit
import pytest

LEAKY = {
    "leaky": [
        {"id": "made-up-1", "specs": ["<1.2", ">=2.0,<2.1.3"], "advisory": "It tells everybody everything."},
        {"id": "made-up-2", "specs": ["==3.0rc1"], "advisory": "It forgets to look."},
    ]
}


@pytest.mark.parametrize("version", ["0.9", "1.1.9", "2.0", "2.1.2"])
def test_a_version_with_a_known_flaw_is_found(version: str) -> None:
    (said,) = audit.listed_flaws({"solid": "1.0", "leaky": version}, LEAKY)
    assert said.startswith(f"leaky {version}: made-up-1 ")
    assert "It tells everybody everything." in said


@pytest.mark.parametrize("version", ["1.2", "1.9", "2.1.3", "3.0", "3.0.post1"])
def test_a_version_without_one_is_not(version: str) -> None:
    assert audit.listed_flaws({"solid": "1.0", "leaky": version}, LEAKY) == []


def test_every_flaw_of_a_version_is_told() -> None:
    assert len(audit.listed_flaws({"leaky": "3.0rc1"}, {"leaky": [*LEAKY["leaky"], *LEAKY["leaky"]]})) == 2


def test_an_entry_that_cannot_be_read_is_never_taken_for_harmless() -> None:
    odd = {"leaky": [{"id": "made-up-3", "specs": ["<0.33.0rc1a"], "advisory": ""}]}
    assert audit.listed_flaws({"leaky": "9"}, odd) != []


def test_the_list_that_is_installed_knows_an_old_flaw() -> None:
    date, advisories = audit.safety_db()
    assert date.startswith("20")
    assert audit.listed_flaws({"pyyaml": "5.3"}, advisories), "names are those of PyPI, in lower case"
    assert audit.listed_flaws({"jinja2": "2.10"}, advisories)


# ------------------------------------------------------------------------------------------------ pip-audit


def answer(*packages: dict[str, object]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


LOOKED_UP = {"name": "Leaky_Thing", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
CLEAN = {"name": "solid", "version": "1.0", "vulns": []}
SKIPPED = {"name": "remote", "skip_reason": "not found on PyPI"}


def test_what_pip_audit_finds_is_told() -> None:
    assert audit.read_answer(answer(LOOKED_UP, CLEAN)) == ({"leaky-thing", "solid"}, ["Leaky_Thing 1.0: PYSEC-1"], "")


def test_what_pip_audit_skipped_does_not_count_as_looked_up() -> None:
    assert audit.read_answer(answer(CLEAN, SKIPPED)) == ({"solid"}, [], "not found on PyPI")


@pytest.mark.parametrize("text", ["", "No known vulnerabilities found", "{}"])
def test_silence_is_no_answer(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        audit.read_answer(text)


def offline(monkeypatch: pytest.MonkeyPatch, looked_up: set[str], said: list[str]) -> None:
    monkeypatch.setattr(audit, "ask_pip_audit", lambda lock: (looked_up, said, "no network"))


def test_the_last_line_says_who_was_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    offline(monkeypatch, set(), [])
    audit.main()
    *_, why, last = capsys.readouterr().out.splitlines()
    number = len(audit.pinned(audit.LOCK))
    assert why == f"audit: PyPI could not be asked about {number} of {number} packages (no network)"
    assert f" findings in {number} packages; asked pip-audit about 0, the offline list of 2021-" in last


def test_the_audit_fails_when_pip_audit_finds_something(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offline(monkeypatch, set(audit.pinned(audit.LOCK)), ["streamlit 1.67.0: PYSEC-2"])
    assert audit.main() == 1
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first == "audit: streamlit 1.67.0: PYSEC-2"
    assert "the offline list" in last
    assert "about 0 (" in last


def test_the_audit_fails_when_the_list_finds_something(monkeypatch: pytest.MonkeyPatch) -> None:
    offline(monkeypatch, set(), [])
    everything = {"starlette": [{"id": "made-up-4", "specs": [">=0"], "advisory": ""}]}
    monkeypatch.setattr(audit, "safety_db", lambda: ("2021-07-01", everything))
    assert audit.main() == 1


# ------------------------------------------------------------------------------------------------ pins


@pytest.mark.parametrize("line", ["solid", "solid>=1", "solid==1.*", "solid==1.0,<2", "solid @ https://example.com/x"])
def test_a_line_that_is_no_pin_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text(f"# why\nfine==1.0  # for this\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"r\.txt: "):
        audit.pinned(tmp_path / "r.txt")


def test_included_requirements_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "run.txt").write_text("PyYAML==6.0.3  # auth.yaml\n", encoding="utf-8")
    (tmp_path / "dev.txt").write_text("-r run.txt\n\nboolean.py==5.0\n", encoding="utf-8")
    assert audit.pinned(tmp_path / "dev.txt") == {"pyyaml": "6.0.3", "boolean-py": "5.0"}


@pytest.mark.parametrize(
    ("pins", "lock", "installed", "said"),
    [
        ({"a": "1"}, {"a": "1", "b": "2"}, {"a": "1", "b": "2"}, ""),
        ({"a": "1"}, {"a": "1", "only-elsewhere": "3"}, {"a": "1"}, ""),
        ({"a": "1"}, {"a": "1"}, {"a": None}, "a is needed and not installed"),
        ({"a": "1"}, {"a": "1"}, {"a": "2"}, "a 2 is installed, but 1 is pinned"),
        ({"a": "1"}, {"a": "1"}, {"a": "1", "b": "2"}, "b 2 is installed, but constraints.txt has none; make lock"),
        ({"a": "1"}, {"a": "2"}, {"a": "1"}, "a 1 is installed, but constraints.txt has 2; make lock"),
    ],
)
def test_requirements_lock_and_environment_must_be_the_same(
    pins: dict[str, str], lock: dict[str, str], installed: dict[str, str | None], said: str
) -> None:
    assert audit.differences(pins, lock, installed) == ([said] if said else [])


def test_what_comes_along_is_found_through_extras_and_markers() -> None:
    found = audit.brought_along(["httpx2", "packaging"])
    assert {"httpx2", "httpcore2", "h11", "packaging"} <= set(found)
    assert "socksio" not in found, "only with the extra that nobody asked for"


def test_a_package_that_is_not_here_is_said_to_be_missing() -> None:
    assert audit.brought_along(["no-such-package-anywhere"]) == {"no-such-package-anywhere": None}


def test_everything_that_is_pinned_is_locked_at_the_same_version() -> None:
    lock = audit.pinned(audit.LOCK)
    assert {name: lock.get(name) for name in audit.pinned(audit.REQUIREMENTS)} == audit.pinned(audit.REQUIREMENTS)
