"""The demo as a visitor sees it: the real watchdog, the real simulated server, its machine; only time is made up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from demo_client import until

from jobs import Brake
from keeper.demo.breaking import DemoHost
from keeper.demo.machine import DemoMachine
from keeper.demo.process import DemoPlex
from keeper.rules.types import Acted, Action, Cause, Moment, Taken, WatchLimits
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
LOOK = 20  # seconds between two looks in the demo


class Demo:
    """What `House` builds in demo mode, on a clock of its own. Restarts of the server take a moment of real time."""

    def __init__(self, folder: Path, plex: DemoPlex) -> None:
        self.plex, self.seconds = plex, 10 * 86_400.0
        clock = SystemClock()
        self.host = DemoHost(lambda: plex, lambda: self.now().timestamp(), lambda: self.seconds)
        self.host.machine = DemoMachine(lambda: plex, lambda: self.now().timestamp(), lambda: self.seconds, 0.1, 0.2)
        self.database = Database(folder / "demo.db")
        self.database.migrate()
        self.store, runs = StoredWatch(self.database), Runs(self.database, clock)
        probe = PlexLook(
            lambda: plex.url, clock, Brake(),
            lambda seconds: PlexClient(plex.url, plex.token, seconds, clock, Brake()),
            lambda server: runs.pin_server("demo", server), deadline=0.6,
        )  # fmt: skip
        eyes = Eyes({"plex": probe, "machine": self.host.machine, "folders": self.host.folders}, clock)
        senses = Senses(eyes, probe, self.host.machine, self.store, self.moment, lambda: Acted(True, "asked"))
        self.monitor = Monitor(senses, WatchLimits(interval=LOOK, address="demo"), UTC)
        self.views = WatchViews(self.database, self, LOOK)
        self.look()

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def moment(self) -> Moment:
        return Moment(self.now(), "boot", self.seconds)

    def look(self) -> Cause:
        """One look; the next one is due LOOK seconds later, when a restart has run its course."""
        cause = self.monitor.tick().cause
        self.seconds += LOOK
        if self.restarts():
            until(lambda: not self.plex.control("GET", "/mode")["passing"])
        return cause

    def looks(self, seconds: float) -> list[Cause]:
        return [self.look() for _ in range(int(seconds / LOOK))]

    def restarts(self) -> list[Taken]:
        return [taken for taken in self.store.load().taken if taken.action is Action.RESTART_PLEX]

    def reason(self) -> object:
        return self.views.decisions(1)[0].decision["reason"]

    def kinds(self) -> list[str]:
        return [event.kind for event in reversed(Events(self.database).latest(200))]


@pytest.fixture(scope="module")
def plex() -> Iterator[DemoPlex]:
    with DemoPlex(library="small", items=20) as running:
        yield running


@pytest.fixture
def demo(plex: DemoPlex, tmp_path: Path) -> Iterator[Demo]:
    made = Demo(tmp_path, plex)
    made.looks(60)  # the head start of the process is over
    assert made.monitor.look().cause is Cause.OK
    yield made
    made.host.break_("mend")
    made.database.close()


def test_a_crash_is_confirmed_mended_by_one_restart_proved_and_over(demo: Demo) -> None:
    demo.host.break_("crash")
    assert demo.look() is Cause.DOWN
    assert demo.restarts() == [], "one look is no proof"
    assert demo.look() is Cause.DOWN
    assert len(demo.restarts()) == 1
    assert demo.looks(60)[-2:] == [Cause.OK, Cause.OK]
    assert demo.store.load().incident is None
    demo.looks(300)
    (taken,) = demo.restarts()
    assert (taken.done, taken.helped) == (True, True)
    told = [
        kind for kind in demo.kinds() if kind in ("Trouble", "Plex Restart", "Plex Restart Success", "Trouble Over")
    ]
    assert told == ["Trouble", "Plex Restart", "Plex Restart Success", "Trouble Over"]
    (incident,) = demo.views.incidents(10)
    assert (incident.cause, incident.actions) == (Cause.DOWN, (Action.RESTART_PLEX,))


def test_a_hang_must_last_and_is_mended_by_one_restart(demo: Demo) -> None:
    """Confirmed by looks over three minutes; then who watches cannot be asked, so it waits for the fifth."""
    demo.host.break_("hang")
    assert set(demo.looks(180)) == {Cause.HUNG}
    assert demo.reason() == "confirming"
    demo.looks(120)
    assert demo.reason() == "in_use_unknown" and demo.restarts() == []
    demo.look()
    assert len(demo.restarts()) == 1
    assert demo.looks(300)[-1] is Cause.OK
    assert len(demo.restarts()) == 1 and demo.restarts()[0].helped
    assert demo.store.load().incident is None
    assert demo.kinds()[-1] == "Trouble Over"


def test_somebody_who_watches_is_cut_off_only_after_five_minutes_of_silence(demo: Demo) -> None:
    demo.host.break_("film")
    demo.looks(60)
    assert demo.store.load().streams != ()
    demo.host.break_("hang")
    demo.looks(300)
    assert demo.restarts() == [] and demo.reason() == "in_use_unknown"
    demo.look()
    assert len(demo.restarts()) == 1
    demo.looks(60)
    assert demo.plex.sessions() == [] and demo.monitor.look().cause is Cause.OK


def test_a_plex_that_crashed_is_restarted_at_once_whoever_watched_it(demo: Demo) -> None:
    demo.host.break_("film")
    demo.look()
    demo.host.break_("crash")
    demo.looks(40)
    assert len(demo.restarts()) == 1


@pytest.mark.parametrize(
    ("fault", "cause"),
    [("starting", Cause.STARTING), ("database", Cause.DB_TROUBLE), ("folder", Cause.MOUNT_MISSING)],
)
def test_what_no_restart_can_mend_is_named_and_left_alone(demo: Demo, fault: str, cause: Cause) -> None:
    demo.host.break_(fault)
    assert set(demo.looks(160)) == {cause}
    assert demo.restarts() == []
    demo.host.break_("mend")
    assert demo.looks(60)[-1] is Cause.OK
    assert demo.store.load().incident is None


def test_a_folder_that_is_gone_keeps_scans_away(demo: Demo) -> None:
    demo.host.break_("folder")
    demo.look()
    assert "Do not empty the trash" in demo.monitor.obstacle
    demo.host.break_("mend")
    demo.look()
    assert demo.monitor.obstacle == ""


def test_a_visitor_may_restart_plex_by_hand_and_nothing_else(demo: Demo) -> None:
    assert demo.monitor.do(Action.RESTART_PLEX, "ada").done is True
    assert demo.monitor.do(Action.REBOOT, "ada").done is False
    assert demo.looks(40)[-1] is Cause.OK


def test_a_hang_soon_after_a_restart_is_no_start_for_long(demo: Demo) -> None:
    """On a real machine it would count as starting for five minutes; a visitor waits for half a minute at most."""
    demo.host.break_("crash")
    demo.looks(60)
    demo.host.break_("hang")
    assert demo.looks(60)[-1] is Cause.HUNG
