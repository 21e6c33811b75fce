"""The command `ledger`: starts and stops of Plex and our own actions on one line of time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from keeper.__main__ import main
from keeper.rules.types import (
    Action,
    Agent,
    Cause,
    Check,
    Decision,
    Moment,
    Reason,
    Step,
    StepKind,
    Taken,
    Tick,
    Turn,
    Turning,
    Watch,
)
from keeper.store.db import Database
from keeper.store.watching import StoredWatch

START = datetime(2026, 3, 28, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def ledger(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `python -m keeper ledger ...` in this process; what it printed."""
    monkeypatch.setenv("PSR_DB_PATH", str(path))
    monkeypatch.setenv("PSR_AUTH_CONFIG", str(path.with_name("auth.yaml")))
    monkeypatch.delenv("PLEX_URL", raising=False)

    def run(*words: str) -> str:
        assert main(["ledger", *words]) == 0
        return capsys.readouterr().out

    return run


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def act(minutes: float, action: Action = Action.RESTART_PLEX, **known: Any) -> Taken:
    return Taken(action, Moment(at(minutes), "boot", 1_000 + minutes), 0, **known)


def write(path: Path, turns: tuple[Turn, ...], *deeds: tuple[Taken, str]) -> None:
    """As the watchdog does: a look that noticed the turns, then what became of each action."""
    database = Database(path)
    database.migrate()
    store, taken = StoredWatch(database), tuple(each for each, _ in deeds)
    watch = replace(store.load(), taken=taken)
    check = Check(START, Cause.OK, "Fine.", {}, {}, None)
    store.remember(Tick(check, watch, Decision(Action.NONE, Action.NONE, Reason.FINE), turns=turns), None)
    for number, (_, said) in enumerate(deeds, 1):
        store.concluded(Watch(taken=taken[:number]), Step(StepKind.ACTED, START, Cause.OK, {"said": said}), ())
    database.close()


def test_an_empty_ledger_says_what_may_be_the_reason(ledger: Any) -> None:
    assert "Is the service running?" in ledger()
    assert json.loads(ledger("--json")) == []


def test_both_ledgers_stand_on_one_line_of_time(path: Path, ledger: Any) -> None:
    turns = (
        Turn(at(0), Turning.STOPPED, Agent.CRASH, 10_800.0),
        Turn(at(20), Turning.STARTED, Agent.US),
        Turn(at(50), Turning.STOPPED, Agent.US, 1_800.0, "ada"),
        Turn(at(60), Turning.STARTED, Agent.OWNER),
    )
    restarts = (act(10, done=True, helped=False), act(49, by="ada", done=True, helped=True))
    write(path, turns, (restarts[0], "systemctl restart: exit 0"), (restarts[1], ""), (act(70, Action.REBOOT), ""))
    assert ledger().splitlines() == [
        "2026-03-28T13:10:00+00:00  reboot        us         whether it was carried out is not known",
        "2026-03-28T13:00:00+00:00  started       owner",
        "2026-03-28T12:50:00+00:00  stopped       ada        after 30 min",
        "2026-03-28T12:49:00+00:00  restart_plex  ada        carried out, helped",
        "2026-03-28T12:20:00+00:00  started       us",
        "2026-03-28T12:10:00+00:00  restart_plex  us         carried out, did not help: systemctl restart: exit 0",
        "2026-03-28T12:00:00+00:00  stopped       crash      after 3 h",
    ]
    assert ledger("--limit", "2").splitlines() == ledger().splitlines()[:2]
    assert json.loads(ledger("--limit", "0", "--json")) == []


def test_the_document_tells_the_same_to_programs(path: Path, ledger: Any) -> None:
    turn = Turn(at(1), Turning.STOPPED, Agent.US, 90.5, "ada")
    write(path, (turn,), (act(0, Action.NET_HARD, done=False), "ip: not permitted"))
    stopped, refused = json.loads(ledger("--json"))
    assert stopped == {
        "at": "2026-03-28T12:01:00+00:00", "what": "stopped", "by": "us", "person": "ada", "lived_seconds": 90.5,
        "done": None, "helped": None, "said": "",
    }  # fmt: skip
    assert refused == {
        "at": "2026-03-28T12:00:00+00:00", "what": "net_hard", "by": "us", "person": None, "lived_seconds": None,
        "done": False, "helped": None, "said": "ip: not permitted",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0 s"), (89, "89 s"), (90, "2 min"), (5_400, "2 h"), (172_799, "48 h"), (172_800, "2 d")]
)
def test_how_long_it_had_lived_is_told_in_one_unit(seconds: float, told: str, path: Path, ledger: Any) -> None:
    write(path, (Turn(START, Turning.STOPPED, Agent.UNKNOWN, seconds),))
    assert ledger() == f"2026-03-28T12:00:00+00:00  stopped       unknown    after {told}\n"


def test_what_a_command_answered_cannot_move_the_cursor(path: Path, ledger: Any) -> None:
    write(path, (), (act(0, done=True), "first\r\nsecond \x1b[2Jthird\x07"))
    assert ledger().endswith("carried out: first second [2Jthird\n")


def test_a_clock_that_was_set_back_does_not_mix_up_what_followed_what(path: Path, ledger: Any) -> None:
    turns = (Turn(at(60), Turning.STOPPED, Agent.CRASH), Turn(at(0), Turning.STARTED, Agent.CRASH))
    write(path, turns)
    assert [line.split()[1] for line in ledger().splitlines()] == ["started", "stopped"]
