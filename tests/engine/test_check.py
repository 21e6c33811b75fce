"""`python -m keeper check --json` against the simulated server in every one of its modes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from command_rig import Looked, check_apart, check_here, run, settings_of

from keeper import config
from keeper.__main__ import main
from keeper.demo.faults import MODES
from keeper.demo.process import DemoPlex
from keeper.rules.causes import SENTENCES
from keeper.rules.types import Action, Cause, Reason
from keeper.wiring import House


@dataclass(frozen=True)
class Case:
    """A mode as it is switched on, and what one look at it has to name."""

    cause: Cause
    because: str = ""  # the fact that tells it
    more: dict[str, Any] = field(default_factory=dict)


#: Every mode of the simulated server, with its usual parameters or such that it shows itself soon.
MODE_CASES = {
    "ready": Case(Cause.OK),
    "refused": Case(Cause.DOWN, "port"),
    "starting": Case(Cause.STARTING, "identity"),
    "readonly": Case(Cause.OK),  # only a write would show it, and a look writes nothing
    "overload": Case(Cause.OVERLOADED, "identity"),
    "proxy502": Case(Cause.OVERLOADED, "identity"),
    "hang": Case(Cause.HUNG, "identity"),
    "slow": Case(Cause.OK, more={"delay": 0.3}),  # one late answer is nobody's trouble; see below for several
    "dbslow": Case(Cause.DB_TROUBLE, "count", {"delay": 0, "code": 500}),
    "trickle": Case(Cause.HUNG, "identity"),  # the whole answer has a deadline
    "reset": Case(Cause.NOT_PLEX, "identity"),  # drops every connection, as a proxy in front of a sound Plex would
    "cut": Case(Cause.NOT_PLEX, "identity"),
    "empty200": Case(Cause.NOT_PLEX, "identity"),
    "html200": Case(Cause.NOT_PLEX, "identity"),
    "badxml": Case(Cause.NOT_PLEX, "identity"),
    "echo": Case(Cause.NOT_PLEX, "identity"),  # Plex says who it is to everybody: an error there is somebody else's
    "parrot": Case(Cause.OK),  # odd names are no trouble
    "status": Case(Cause.NOT_PLEX, "identity"),
    "unauthorized": Case(Cause.UNAUTHORIZED, "token"),
    "unclaimed": Case(Cause.UNCLAIMED, "claimed"),
    "other_server": Case(Cause.NOT_PLEX, "same_server"),
}

ROOT_PAGE, LIBRARY = r"^GET /( |$|\?)", "/library"
#: Faults of one part only: (mode, its parameters, the cause).
PARTS = [
    ("hang", {"paths": ROOT_PAGE}, Cause.DB_TROUBLE),
    ("overload", {"paths": ROOT_PAGE}, Cause.OVERLOADED),
    ("starting", {"paths": ROOT_PAGE}, Cause.STARTING),
    ("hang", {"paths": LIBRARY}, Cause.DB_TROUBLE),
    ("starting", {"paths": LIBRARY}, Cause.STARTING),
    ("reset", {"paths": LIBRARY}, Cause.DB_TROUBLE),
    ("cut", {"paths": LIBRARY}, Cause.DB_TROUBLE),
    ("status", {"code": 500, "paths": LIBRARY}, Cause.DB_TROUBLE),
    ("status", {"code": 404}, Cause.NOT_PLEX),
    ("status", {"code": 401}, Cause.NOT_PLEX),  # a proxy that wants a password of its own
    ("status", {"code": 429}, Cause.OVERLOADED),
    ("status", {"code": 503}, Cause.OVERLOADED),
]

#: What the server says of itself: (knobs, the cause).
KNOBS = [
    ({"claimed": False}, Cause.UNCLAIMED),
    ({"token": "another-token"}, Cause.UNAUTHORIZED),
    ({"update": "newer", "update_state": "downloading"}, Cause.UPDATING),
    ({"update": "newer", "update_state": "installing"}, Cause.UPDATING),
    ({"update": "newer", "update_state": "notify"}, Cause.OK),
    ({"mapping_state": "failed", "mapping_error": "unreachable"}, Cause.REMOTE_ACCESS_LOST),
    ({"mapping_state": "unknown"}, Cause.OK),
    ({"busy_limit": 1}, Cause.OVERLOADED),
    ({"signin_state": "none"}, Cause.OK),
    ({"host_guard": True}, Cause.OK),
]


@pytest.fixture(scope="module")
def plex() -> Iterator[DemoPlex]:
    with DemoPlex(library="small") as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, plex: DemoPlex) -> Iterator[dict[str, str]]:
    yield settings_of(plex.url, plex.token, tmp_path / "keeper.db")
    plex.mode("ready")


@pytest.fixture
def check(monkeypatch, capsys, settings) -> Callable[[], Looked]:
    return lambda: check_here(monkeypatch, capsys, settings)


def test_every_mode_of_the_simulated_server_is_in_the_table() -> None:
    assert set(MODE_CASES) == set(MODES)


@pytest.mark.parametrize("mode", MODE_CASES)
def test_every_mode_gets_its_cause_and_says_which_fact_tells_it(plex: DemoPlex, check, mode: str) -> None:
    wanted = MODE_CASES[mode]
    assert check().cause == "ok"  # which also learns who this server is
    plex.mode(mode, **wanted.more)
    looked = check()
    assert (looked.cause, looked.code) == (wanted.cause.value, int(wanted.cause is not Cause.OK)), looked.told
    if wanted.because:
        assert looked.fact(wanted.because)[0] is not True
    assert_is_whole(looked)


@pytest.mark.parametrize(("mode", "more", "cause"), PARTS)
def test_a_fault_of_one_part_is_not_taken_for_another(plex: DemoPlex, check, mode, more, cause) -> None:
    plex.mode(mode, **more)
    looked = check()
    assert (looked.cause, looked.code) == (cause.value, 1), looked.told


@pytest.mark.parametrize(("knobs", "cause"), KNOBS)
def test_what_the_server_says_of_itself_is_believed(plex: DemoPlex, check, knobs, cause) -> None:
    before = plex.settings()
    plex.set(**knobs)
    try:
        looked = check()
    finally:
        plex.set(**{name: before[name] for name in knobs})
    assert (looked.cause, looked.code) == (cause.value, int(cause is not Cause.OK)), looked.told


@pytest.mark.parametrize(("part", "cause"), [("/identity", Cause.OVERLOADED), ("Container-Size=0", Cause.DB_TROUBLE)])
def test_late_answers_count_when_most_of_several_looks_saw_them(
    plex: DemoPlex, check, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, part: str, cause: Cause
) -> None:
    settings["PLEX_SLOW_SECONDS"] = "0.5"
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    plex.mode("slow", delay=0.7, paths=part)
    house = House(config.load())
    try:
        causes = [house.monitor.tick().cause for _ in range(2)]
    finally:
        house.close()
    assert causes == [Cause.OK, Cause.OK]
    looked = check()
    assert looked.cause == cause.value, looked.told


def test_a_look_by_command_changes_nothing_that_the_service_remembers(check, settings, plex: DemoPlex) -> None:
    plex.mode("refused")
    for _ in range(3):
        assert check().cause == "down"
    ran = run(settings, "why", "--json")
    assert json.loads(ran.stdout) == []


@pytest.mark.parametrize(("mode", "cause", "code"), [("ready", "ok", 0), ("overload", "overloaded", 1)])
def test_the_real_command_answers_so_that_programs_understand_it(
    plex: DemoPlex, settings: dict[str, str], mode: str, cause: str, code: int
) -> None:
    plex.mode(mode)
    looked = check_apart(settings)
    assert (looked.cause, looked.code) == (cause, code)
    assert_is_whole(looked)


def test_without_json_it_is_one_sentence_for_people(plex: DemoPlex, settings: dict[str, str]) -> None:
    plex.mode("unauthorized")
    ran = run(settings, "check")
    assert (ran.returncode, ran.stdout.strip()) == (1, f"unauthorized: {SENTENCES[Cause.UNAUTHORIZED]}")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"PLEX_URL": "32400"}, "PLEX_URL"),
        ({"PLEX_TOKEN": ""}, "PLEX_TOKEN"),
        ({"PLEX_TIMEOUT": "soon"}, "PLEX_TIMEOUT"),
    ],
)
def test_wrong_settings_are_no_answer_about_plex(monkeypatch, capsys, settings, wrong, said) -> None:
    for name, value in (settings | wrong).items():
        monkeypatch.setenv(name, value)
    assert main(["check", "--json"]) == 2
    spoken = capsys.readouterr()
    assert spoken.out == ""
    assert said in spoken.err


def test_a_name_that_nobody_knows_is_told_as_such(check, settings: dict[str, str]) -> None:
    settings["PLEX_URL"] = "http://nobody-is-called-so.invalid:32400"
    assert check().cause == "no_name"


def test_http_where_https_is_meant_is_not_taken_for_a_dead_plex(
    check, settings: dict[str, str], plex: DemoPlex
) -> None:
    settings["PLEX_URL"] = plex.url.replace("http:", "https:")
    assert check().cause == "not_plex"


def assert_is_whole(looked: Looked) -> None:
    """The document has everything that is promised, in the words that are promised."""
    document = looked.document
    assert {"at", "cause", "sentence", "facts", "decision"} <= document.keys()
    assert datetime.fromisoformat(document["at"]).utcoffset() is not None
    assert document["sentence"] == SENTENCES[Cause(document["cause"])]
    assert document["facts"]
    for name, fact in document["facts"].items():
        assert fact.keys() == {"value", "detail"}, name
        assert fact["value"] is None or isinstance(fact["value"], bool | int | float | str), name
        assert isinstance(fact["detail"], str), name
    decision = document["decision"]
    assert {"action", "reason", "sentence", "next_look"} <= decision.keys()
    assert Action(decision["action"]) is Action.NONE
    assert Reason(decision["reason"]) is (Reason.FINE if looked.code == 0 else Reason.CONFIRMING)
    assert decision["sentence"]
    assert datetime.fromisoformat(decision["next_look"]) > datetime.fromisoformat(document["at"])
