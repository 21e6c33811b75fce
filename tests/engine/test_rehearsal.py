"""Rehearsals: scripts of outages, played by the command and by the page."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from jobs import ENGINE
from keeper.__main__ import main
from keeper.commands import watchdog
from keeper.doctor.outlets import as_one
from keeper.doctor.watchdog import Finding
from keeper.errors import RunError
from keeper.house.rehearsal import EXAMPLES, rehearse
from keeper.rules.types import Action, Armed, WatchLimits
from keeper.rules.watch import Host
from keeper.store.db import Database
from keeper.store.memory import StoredMemory
from keeper.world.clock import SystemClock
from keeper.world.host import LocalHost

ABLE = Host(dict.fromkeys(Action, True))
REBOOTS = frozenset({Armed.RESTART, Armed.NETWORK, Armed.REBOOT})


def play(text: str, armed: frozenset[Armed] | None = None) -> dict[str, Any]:
    return rehearse(text, WatchLimits(), ABLE, armed)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `python -m keeper ...` in this process, on a data file of its own; (exit code, output, errors)."""
    monkeypatch.setenv("PSR_DB_PATH", str(tmp_path / "state.db"))
    monkeypatch.setenv("PSR_AUTH_CONFIG", str(tmp_path / "auth.yaml"))
    monkeypatch.delenv("PLEX_URL", raising=False)

    def run(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_four_day_outage_gives_a_reboot_a_day_when_armed_and_none_when_not() -> None:
    script = EXAMPLES["four_days_without_a_route"]
    reboots = [each for each in play(script, REBOOTS)["actions"] if each["action"] == "reboot"]
    assert len(reboots) == 4
    assert play(script)["actions"] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_can_be_played(name: str) -> None:
    played = play(EXAMPLES[name], frozenset(Armed))
    assert played["incidents"]
    assert played["longest_gap_seconds"] <= 300


def test_somebody_watching_holds_everything_back_until_they_stop() -> None:
    played = play(EXAMPLES["somebody_watches"], REBOOTS)
    assert [each["action"] for each in played["actions"]] == ["net_soft"]
    assert played["actions"][0]["at"] >= "2026-03-01T14:00:00+00:00"


def test_what_a_script_arms_counts() -> None:
    assert play("days: 1\narmed: []\ntroubles: [{at: 1h, for: 2h, cause: down}]")["actions"] == []
    assert play("days: 1\ntroubles: [{at: 1h, for: 2h, cause: down, mended_by: [restart_plex]}]")["incidents"] == [
        {"cause": "down", "began_at": "2026-03-01T13:00:20+00:00", "closed_at": "2026-03-01T13:01:00+00:00"}
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not valid YAML"),
        ("just words", "name: value"),
        ("troubles: []", "how long to play"),
        ("days: 61", "at most 60 days"),
        ("days: many", "no number"),
        ("days: 1\ntroubles: x", "troubles: is a list"),
        ("days: 1\ntroubles: [{at: soon, for: 1h, cause: down}]", "'soon' is no time span"),
        ("days: 1\ntroubles: [{at: 1h, for: 1h, cause: sunspots}]", "'sunspots' is unknown; known are ok, starting"),
        ("days: 1\ntroubles: [{at: 1h, for: 1h, cause: down, mended_by: prayer}]", "mended_by: is a list"),
        ("days: 1\narmed: everything", "armed: is a list"),
        ("days: 1\nstart: tomorrow", "'tomorrow' is no time"),
    ],
)
def test_a_script_that_cannot_be_read_is_told_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(RunError, match=said):
        play(text)


def test_the_command_plays_a_file(command: Any, tmp_path: Path) -> None:
    script = tmp_path / "outage.yaml"
    script.write_text("days: 1\ntroubles: [{at: 1h, for: 2h, cause: hung}]", encoding="utf-8")
    code, out, _ = command("simulate", str(script), "--json")
    document = json.loads(out)
    assert code == 0
    assert {"ticks", "actions", "incidents"} <= set(document)
    assert document["actions"][0] == {
        "at": "2026-03-01T13:05:00+00:00", "action": "restart_plex", "reason": "act",
    }  # fmt: skip
    told = command("simulate", str(script))[1].splitlines()
    assert told[0].split("  ")[-1].startswith("Plex ") and "after 1 h" in told[0]
    assert any("after 1 h 5 min" in line and line.endswith("(restart_plex).") for line in told)
    assert not any("2026" in line and "UTC" not in line for line in told)


def test_the_command_reads_standard_input_and_says_what_it_cannot_read(
    command: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hours: 1"))
    assert command("simulate", "-")[0] == 0
    code, _, err = command("simulate", str(tmp_path / "nowhere.yaml"))
    assert (code, "cannot be read: No such file" in err) == (2, True)
    bad = tmp_path / "bad.yaml"
    bad.write_text("days: 61", encoding="utf-8")
    code, _, err = command("simulate", str(bad))
    assert (code, "together at most 60 days" in err) == (2, True)


def test_what_is_allowed_is_changed_by_command_and_shown(command: Any) -> None:
    assert json.loads(command("limits", "--json")[1])["armed"] == ["restart"]
    assert "network, restart" in command("arm", "network")[1]
    assert "Allowed now: network." in command("disarm", "restart")[1]
    assert "Hands off until" in command("hold", "2")[1]
    shown = command("limits")[1]
    assert "Allowed: network." in shown
    assert "Hands off until" in shown
    assert "may act again" in command("hold", "0")[1]
    assert "restart_plex: 0 of 6 used" in command("limits")[1]
    assert command("limits", "--reset")[0] == 0


def test_wrong_use_is_told_with_exit_code_2(command: Any) -> None:
    for words in (["hold", "soon"], ["hold", "-1"], ["arm", "lasers"]):
        with pytest.raises(SystemExit) as ended:
            command(*words)
        assert ended.value.code == 2


def test_what_cannot_be_meant_ends_with_2(command: Any) -> None:
    assert command("deliver", "--test", "pigeon")[0] == 2
    assert command("folders", "--accept", "/nowhere/at/all")[0] == 2


def test_in_the_demo_it_is_said_that_a_command_sees_a_plex_of_its_own(command: Any) -> None:
    for words in (["check"], ["folders"]):
        _, out, err = command(*words)
        assert "simulated Plex server of its own" in err and "of its own" not in out


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"cause": "ok", "sentence": "All is well."}, "All is well."),
        ({"cause": "hung", "reason": "in_use", "wanted": "restart_plex"}, "somebody is watching"),
        ({"cause": "down", "reason": "verifying", "wanted": "none"}, "The effect of the last action is awaited."),
        ({"cause": "down", "reason": "confirming", "wanted": "restart_plex", "barred": "not_armed",
          "sentence": "Not yet, until 16:35."}, "not allowed"),
        ({"cause": "down", "reason": "gave_up", "wanted": "restart_plex"}, "it did not help."),
        ({"cause": "down", "reason": "moon_phase"}, "What was decided is not known here."),
    ],
)  # fmt: skip
def test_every_row_of_why_has_a_sentence(row: dict[str, Any], said: str) -> None:
    told = watchdog._because(row)
    assert said in told and not told.endswith("Next try.") and "16:35" not in told


def test_who_runs_the_engine_is_named_where_it_matters(command: Any, tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    database.migrate()
    memory = StoredMemory(database, SystemClock())
    assert memory.take_lease(ENGINE, LocalHost().me(), "pid 4711 on nas", 60.0, lambda _: True)
    database.close()
    for words in ("why", "ledger"):
        out = command(words)[1]
        assert "The engine is running (pid 4711 on nas)" in out and "Is the service running?" not in out


def test_why_tells_the_latest_decisions(command: Any) -> None:
    assert "Nothing was decided yet. Is the service running?" in command("why")[1]
    assert json.loads(command("why", "--json")[1]) == []


def test_check_names_cause_decision_and_facts(command: Any) -> None:
    code, out, _ = command("check", "--json")
    document = json.loads(out)
    assert (code, document["cause"]) == (0, "ok")
    assert document["decision"]["reason"] == "fine"
    assert document["facts"]["identity"]["value"] is True


@pytest.mark.parametrize(
    ("key", "value", "accepted"),
    [
        ("CHECK_INTERVAL", "abc", "a number of seconds from 5 to 86400"),
        ("MAX_RETRIES", "2.5", "a whole number from 0 to 10"),
        ("PSR_LOG_RETENTION_DAYS", "0", "a whole number of days from 1 to 3650"),
    ],
)
def test_a_number_that_is_none_is_told_with_what_is_accepted(
    command: Any, monkeypatch: pytest.MonkeyPatch, key: str, value: str, accepted: str
) -> None:
    monkeypatch.setenv(key, value)
    code, _, err = command("why")
    assert (code, f"{key} is {value!r}; accepted is {accepted}." in err) == (2, True)


def test_the_doctor_says_one_thing_of_an_outlet() -> None:
    blocked = Finding("outlet airtable", False, "Airtable: the token is not accepted (401).", "Repair it.")
    fine = Finding("outlet airtable", True, "The table has all fields.")
    unsure = Finding("outlet airtable", None, "The token may not read the schema.", "Add a scope.")
    told = as_one([blocked, fine, blocked._replace(sentence="The base is not found."), unsure])
    assert (told.ok, told.mend) == (False, "Repair it.")
    assert told.sentence == "Airtable: the token is not accepted (401). The base is not found."
    assert as_one([fine, unsure]) == unsure and as_one([fine]) == fine
