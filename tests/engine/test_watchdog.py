"""The watchdog at work: a real data file, a real simulated Plex over HTTP, and time that only moves when told to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs import Brake
from keeper.demo.process import DemoPlex
from keeper.errors import StoreError
from keeper.rules.types import Ability, Acted, Action, Armed, Cause, Fact, Moment, StepKind, Tick, WatchLimits
from keeper.store.checks import Checks
from keeper.store.db import Database
from keeper.store.events import Events
from keeper.store.runs import Runs
from keeper.store.watch_views import WatchViews
from keeper.store.watching import StoredWatch
from keeper.world.clock import SystemClock
from keeper.world.eyes import Eyes
from keeper.world.plex import PlexClient
from keeper.world.probe import PlexLook
from monitor import Monitor, Senses

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Time:
    """The clock of this world."""

    seconds: float = 10 * 86_400.0
    boot: str = "boot 1"
    booted: float = 0.0

    def moment(self) -> Moment:
        return Moment(NOON + timedelta(seconds=self.seconds), self.boot, self.seconds - self.booted)

    def now(self) -> datetime:
        return self.moment().at


@dataclass
class Tower:
    """The host of Plex: tells what it is told to tell, and restarts the simulated server for real."""

    plex: DemoPlex
    facts: dict[str, Fact] = field(default_factory=dict)
    able: bool = True
    helps: bool = True
    acted: list[Action] = field(default_factory=list)
    name: str = "linux"

    def look(self) -> dict[str, Fact]:
        return dict(self.facts) or {"process": Fact(True, "running")}

    def abilities(self) -> dict[Action, Ability]:
        return {action: Ability(self.able, "as the test says") for action in Action}

    def act(self, action: Action, interface: str) -> Acted:
        self.acted.append(action)
        if action is Action.RESTART_PLEX and self.helps:
            self.plex.mode("ready")
        return Acted(True, f"{action.value} {interface}".strip())


class World:
    def __init__(self, folder: Path, plex: DemoPlex) -> None:
        self.plex, self.time, self.clock = plex, Time(), SystemClock()
        self.folder, self.tower = folder, Tower(plex)
        self.limits = WatchLimits(interval=300)
        self.open()

    def open(self) -> None:
        """A watchdog on these files, as after a start of the service."""
        self.database = Database(self.folder / "keeper.db")
        self.database.migrate()
        self.store = StoredWatch(self.database)
        runs = Runs(self.database, self.clock)
        probe = PlexLook(
            lambda: self.plex.url, self.clock, Brake(),
            lambda seconds: PlexClient(self.plex.url, self.plex.token, seconds, self.clock, Brake()),
            lambda server: runs.pin_server(self.plex.url, server), deadline=0.6,
        )  # fmt: skip
        eyes = Eyes({"plex": probe, "machine": self.tower}, self.clock)
        senses = Senses(eyes, probe, self.tower, self.store, self.time.moment, lambda: Acted(True, "asked"))
        self.monitor = Monitor(senses, self.limits, UTC)

    def restart_service(self) -> None:
        self.database.close()
        self.open()

    def ticks(self, seconds: float) -> list[Cause]:
        """Looks as the engine would for so long."""
        causes, end = [], self.time.seconds + seconds
        while self.time.seconds < end:
            causes.append(self.monitor.tick().cause)
            self.time.seconds += self.monitor.interval
        return causes

    @property
    def views(self) -> WatchViews:
        return WatchViews(self.database, self.time, 300)

    def kinds(self) -> list[str]:
        return [event.kind for event in reversed(Events(self.database).latest(200))]


@pytest.fixture(scope="module")
def plex() -> Iterator[DemoPlex]:
    with DemoPlex(library="small") as running:
        yield running


@pytest.fixture
def world(tmp_path: Path, plex: DemoPlex) -> Iterator[World]:
    plex.mode("ready")
    plex.sessions(clear=True)
    here = World(tmp_path, plex)
    here.tower.helps = True
    yield here
    plex.mode("ready")
    here.database.close()


@pytest.mark.parametrize(
    ("mode", "cause"),
    [
        ("ready", Cause.OK), ("refused", Cause.DOWN), ("starting", Cause.STARTING), ("hang", Cause.HUNG),
        ("overload", Cause.OVERLOADED), ("proxy502", Cause.OVERLOADED), ("unauthorized", Cause.UNAUTHORIZED),
        ("html200", Cause.NOT_PLEX), ("empty200", Cause.NOT_PLEX), ("unclaimed", Cause.UNCLAIMED),
    ],
)  # fmt: skip
def test_each_way_of_being_ill_has_its_name(world: World, mode: str, cause: Cause) -> None:
    world.plex.mode(mode)
    check = world.monitor.look()
    assert check.cause is cause
    assert world.store.load().looks == 0, "a look by hand leaves nothing behind"


def test_a_dead_plex_is_restarted_once_proved_and_told(world: World) -> None:
    world.ticks(300)
    world.plex.mode("refused")
    causes = world.ticks(200)
    assert world.tower.acted == [Action.RESTART_PLEX]
    assert causes[-1] is Cause.OK
    assert world.store.load().incident is None
    assert world.kinds() == ["Trouble", "Plex Restart", "Plex Restart Success", "Trouble Over"]
    (incident,) = world.views.incidents(10)
    assert (incident.cause, incident.actions) == (Cause.DOWN, (Action.RESTART_PLEX,))
    story = [step.kind for step in world.views.story(incident.number)]
    assert story[0] is StepKind.OPENED
    assert story[-1] is StepKind.CLOSED
    assert StepKind.ACTED in story
    (taken,) = world.store.load().taken
    assert (taken.done, taken.helped) == (True, True)


def test_a_hung_plex_is_restarted_after_the_override_once(world: World) -> None:
    world.plex.mode("hang")
    world.ticks(280)
    assert world.tower.acted == []
    world.ticks(60)
    assert world.tower.acted == [Action.RESTART_PLEX]
    world.ticks(600)
    assert world.tower.acted == [Action.RESTART_PLEX]


def test_what_does_not_help_ends_in_giving_up_said_once_and_recovery_is_noticed(world: World) -> None:
    world.tower.helps = False
    world.plex.mode("refused")
    world.ticks(3600)
    assert world.tower.acted == [Action.RESTART_PLEX] * 2
    assert world.kinds().count("Gave Up") == 1
    world.plex.mode("ready")
    world.ticks(60)
    assert world.kinds().count("Trouble Over") == 1
    assert world.kinds()[-1] == "Trouble Over"


def test_a_stop_by_hand_is_respected_for_days(world: World) -> None:
    world.tower.facts = {"process": Fact(False, "gone"), "service": Fact(False, "inactive")}
    world.plex.mode("refused")
    world.monitor.tick()
    for _ in range(3 * 24):
        world.time.seconds += 3600
        assert world.monitor.tick().cause is Cause.STOPPED_BY_OWNER
    assert world.tower.acted == []


def test_nothing_is_done_while_somebody_watches_the_hung_rule_apart(world: World) -> None:
    world.store.arm(frozenset({Armed.RESTART, Armed.NETWORK}), "test", world.time.now())
    world.plex.sessions("movie")
    world.tower.facts = {"route": Fact(False, "none"), "address": Fact(True), "carrier": Fact(True)}
    world.ticks(600)
    assert world.tower.acted == []
    assert world.views.decisions(1)[0].decision["reason"] == "in_use"
    world.plex.sessions(clear=True)
    world.ticks(20)
    assert world.tower.acted == [Action.NET_SOFT]


def test_what_is_not_armed_is_told_and_not_done(world: World) -> None:
    world.store.arm(frozenset(), "test", world.time.now())
    world.plex.mode("refused")
    world.ticks(900)
    assert world.tower.acted == []
    assert world.kinds().count("Would Have Acted") == 1


def test_a_plex_that_never_answered_here_is_not_restarted_for_a_typo_in_the_address(world: World) -> None:
    world.limits = WatchLimits(interval=300, address=world.plex.url)
    world.open()
    world.plex.mode("refused")
    world.ticks(600)
    assert world.tower.acted == []
    assert world.views.decisions(1)[0].decision["reason"] == "never_seen"
    world.plex.mode("ready")
    world.ticks(60)
    world.plex.mode("refused")
    world.ticks(400)
    assert world.tower.acted == [Action.RESTART_PLEX]


def test_scans_are_told_to_wait_while_something_would_be_made_worse(world: World) -> None:
    world.monitor.tick()
    assert world.monitor.obstacle == ""
    world.tower.facts = {"mounts": Fact(False, "/films missing")}
    assert world.ticks(20)[-1] is Cause.MOUNT_MISSING
    assert "Do not empty the trash" in world.monitor.obstacle
    world.tower.facts = {}
    world.ticks(20)
    assert world.monitor.obstacle == ""
    world.monitor.do(Action.RESTART_PLEX, "ada")
    assert world.monitor.obstacle == "The watchdog is at work: restart of Plex."
    world.ticks(20)
    assert world.monitor.obstacle == ""


def test_hands_off_means_hands_off(world: World) -> None:
    world.plex.mode("refused")
    world.store.hold(world.time.now() + timedelta(hours=1), "test", world.time.now())
    world.ticks(3500)
    assert world.tower.acted == []
    world.ticks(200)
    assert world.tower.acted == [Action.RESTART_PLEX]


def test_an_end_between_remembering_and_acting_does_it_at_most_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 after the decision was written: nobody knows whether it was done, so it counts as tried."""
    world.tower.helps = False

    def killed(action: Action, interface: str) -> Acted:
        raise SystemExit

    monkeypatch.setattr(world.tower, "act", killed)
    world.plex.mode("refused")
    with pytest.raises(SystemExit):
        world.ticks(100)
    monkeypatch.undo()
    world.restart_service()
    (taken,) = world.store.load().taken
    assert taken.done is None
    world.ticks(200)
    assert world.tower.acted == [], "its effect is awaited, then a pause is kept"
    world.ticks(400)
    assert world.tower.acted == [Action.RESTART_PLEX]


def test_restarts_of_the_service_between_any_two_looks_change_nothing(world: World) -> None:
    world.tower.helps = False
    world.plex.mode("refused")
    for _ in range(60):
        world.monitor.tick()
        world.time.seconds += 20
        world.restart_service()
    assert world.tower.acted == [Action.RESTART_PLEX] * 2


def test_when_nothing_can_be_written_it_goes_on_looking_and_does_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise StoreError("The disk of the data file is full.")

    world.monitor.tick()
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "remember", full)
        world.plex.mode("refused")
        assert world.ticks(400)[-1] is Cause.DOWN
        assert world.tower.acted == []
        assert "nothing is done" in caplog.text
    world.ticks(60)
    assert world.tower.acted == [Action.RESTART_PLEX]


def _refuse(*_: object) -> None:
    raise StoreError("The data file is locked by a backup.")


@pytest.mark.parametrize("looks", [1, 3])
def test_what_a_look_that_could_not_be_stored_had_to_tell_is_told_by_the_next_one(
    world: World, monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    """The look that opened the incident was not stored; what the watchdog said in it, it says only once."""
    world.monitor.tick()
    world.tower.facts = {"process": Fact(True), "mounts": Fact(False, "missing: /films")}
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "remember", _refuse)
        for _ in range(looks + 1):
            world.monitor.tick()
            world.time.seconds += 20
    assert world.kinds() == []
    world.ticks(600)
    assert world.kinds() == ["Trouble"]
    (incident,) = world.views.incidents(10)
    assert [step.kind for step in world.views.story(incident.number)].count(StepKind.OPENED) == 1


def test_an_action_that_was_not_stored_is_not_done_and_not_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.monitor.tick()
    world.plex.mode("refused")
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "remember", _refuse)
        world.ticks(100)
    world.plex.mode("ready")
    world.ticks(100)
    assert world.tower.acted == []
    assert "Plex Restart" not in world.kinds()
    assert world.kinds()[0] == "Trouble"
    assert world.views.actions(10) == []


def test_what_waits_to_be_told_does_not_grow_without_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.MOST_UNTOLD", 10)
    world.monitor.tick()
    kept: list[int] = []

    def refuse(tick: Tick, _: object) -> None:
        kept.append(len(tick.steps))
        raise StoreError("The disk of the data file is full.")

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "remember", refuse)
        for number in range(40):
            world.tower.facts = {"process": Fact(True), "mounts": Fact(number % 8 > 3, "missing: /films")}
            world.ticks(20)
    assert 10 < max(kept) < 15


def test_a_person_may_act_by_the_same_way(world: World) -> None:
    world.monitor.tick()
    acted = world.monitor.do(Action.RESTART_PLEX, "ada")
    assert acted.done
    (deed,) = world.views.actions(10)
    assert (deed.taken.action, deed.taken.by, deed.taken.done) == (Action.RESTART_PLEX, "ada", True)
    assert world.kinds() == ["Plex Restart"]


def test_the_start_of_the_machine_is_told_with_who_asked_for_it(world: World) -> None:
    world.monitor.tick()
    world.monitor.do(Action.REBOOT, "ada")
    world.time.seconds += 60
    world.time.boot, world.time.booted = "boot 2", world.time.seconds - 30
    world.restart_service()
    world.monitor.tick()
    world.time.seconds += 3600
    world.time.boot, world.time.booted = "boot 3", world.time.seconds - 30
    world.restart_service()
    world.monitor.tick()
    starts = [e for e in reversed(Events(world.database).latest(50)) if e.kind == "System Startup"]
    assert [e.data["ours"] for e in starts] == [True, False]


def test_the_interface_with_the_way_out_is_remembered_for_when_it_is_gone(world: World) -> None:
    world.store.arm(frozenset({Armed.NETWORK}), "test", world.time.now())
    world.tower.facts = {"route": Fact(True), "interface": Fact("eth7", "route")}
    world.monitor.tick()
    world.restart_service()
    world.tower.facts = {"route": Fact(False, "none"), "interface": Fact(None)}
    world.ticks(700)
    assert world.views.actions(10)[-1].said == "net_soft eth7"


def test_every_look_is_stored_with_its_decision(world: World) -> None:
    world.monitor.tick()
    check = Checks(world.database).last()
    assert check and json.loads(json.dumps(dict(check.decision)))["reason"] == "fine"
    assert check.milliseconds and check.milliseconds > 0
