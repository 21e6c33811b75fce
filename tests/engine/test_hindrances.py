"""Why no speed test is made: the last look, whoever looked, and Plex asked afresh."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from keeper.house.hindrances import Hindrances, Signs
from keeper.rules.types import Action, Cause, Check, Fact, Hindrance, Moment, Reason, Stream, Watch, Watched
from keeper.world.usage import Usage

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = Moment(NOON, "boot", 50_000.0)
NOBODY = Usage((), 0)
FILM = Stream("7", "playing", 60_000)
LIVE = Stream("8", "playing", 0, live=True)


def stood_still(seconds: float, stream: Stream = FILM) -> Watch:
    since = Moment(NOON - timedelta(seconds=seconds), "boot", NOW.uptime - seconds)
    return Watch(streams=(Watched(stream.key, stream.state, stream.offset, since),))


@dataclass
class Sight:
    """What there is to be seen, and how often Plex was asked."""

    check: Check | None = None
    stale: bool = False
    watch: Watch = field(default_factory=Watch)
    own: tuple[Stream, ...] | None = None
    scanning: bool = False
    usage: Usage = NOBODY
    asked: int = 0

    def ask(self) -> Usage:
        self.asked += 1
        return self.usage

    @property
    def hindrances(self) -> Hindrances:
        return Hindrances(
            Signs(
                lambda: NOW, lambda: self.check, lambda _check: self.stale, lambda: self.watch, lambda: self.own,
                lambda: self.scanning, self.ask,
            )
        )  # fmt: skip


def look(
    cause: Cause = Cause.OK, sessions: float | None = 0.0, recordings: float | None = 0.0, **said: object
) -> Check:
    facts = {"sessions": Fact(sessions), "recordings": Fact(recordings)}
    return Check(NOON, cause, "", facts, {"action": Action.NONE.value, "wanted": Action.NONE.value, **said}, None)


# ------------------------------------------------------------------------------------------------ asked afresh


def test_nothing_hinders_when_all_is_well_and_nobody_watches() -> None:
    assert Sight(look()).hindrances.afresh(anyway=False) is None


def test_nobody_looked_yet_and_plex_says_that_nobody_watches() -> None:
    assert Sight(None).hindrances.afresh(anyway=False) is None


@pytest.mark.parametrize(
    ("cause", "hindrance"),
    [
        (Cause.INTERNET_DOWN, Hindrance.NO_LINE), (Cause.NO_ROUTE, Hindrance.NO_LINE),
        (Cause.UPDATING, Hindrance.UPDATING), (Cause.STARTING, Hindrance.UPDATING),
    ],
)  # fmt: skip
def test_what_the_last_look_saw_hinders_even_anyway_and_plex_need_not_be_asked(
    cause: Cause, hindrance: Hindrance
) -> None:
    sight = Sight(look(cause))
    assert sight.hindrances.afresh(anyway=False) is sight.hindrances.afresh(anyway=True) is hindrance
    assert sight.asked == 0


def test_a_look_that_is_too_old_hinders_nothing() -> None:
    assert Sight(look(Cause.INTERNET_DOWN), stale=True).hindrances.afresh(anyway=False) is None


@pytest.mark.parametrize(
    "said",
    [
        {"action": "restart_plex", "wanted": "restart_plex", "reason": Reason.ACT.value},
        {"reason": Reason.VERIFYING.value},
        {"wanted": "net_soft", "reason": Reason.CONFIRMING.value},
    ],
    ids=["it acts", "it verifies", "it is about to"],
)
def test_the_watchdog_at_work_is_left_alone(said: dict[str, object]) -> None:
    assert Sight(look(Cause.HUNG, **said)).hindrances.afresh(anyway=True) is Hindrance.ACTING


@pytest.mark.parametrize(
    "said",
    [
        {"wanted": "net_soft", "reason": Reason.CONFIRMING.value, "barred": "not_armed"},
        {"wanted": "net_soft", "reason": Reason.NOT_ARMED.value},
        {"reason": Reason.CONFIRMING.value},
    ],
    ids=["it would not be allowed", "it is not allowed", "there is nothing to do"],
)
def test_a_watchdog_that_will_do_nothing_hinders_nothing(said: dict[str, object]) -> None:
    assert Sight(look(Cause.MOUNT_MISSING, **said)).hindrances.afresh(anyway=False) is None


@pytest.mark.parametrize(
    ("usage", "hindrance"),
    [
        (Usage((FILM,), 0), Hindrance.IN_USE), (Usage((), 1), Hindrance.IN_USE), (Usage((LIVE,), 0), Hindrance.IN_USE),
        (Usage((FILM,), None), Hindrance.IN_USE), (Usage(None, 0), Hindrance.IN_USE_UNKNOWN),
        (Usage((), None), Hindrance.IN_USE_UNKNOWN), (Usage(), Hindrance.IN_USE_UNKNOWN),
        (Usage(refused=True), Hindrance.IN_USE_UNKNOWN),
    ],
)  # fmt: skip
def test_who_watches_now_counts_and_not_to_know_it_counts_too(usage: Usage, hindrance: Hindrance) -> None:
    sight = Sight(look(), usage=usage)
    assert sight.hindrances.afresh(anyway=False) is hindrance
    assert sight.hindrances.afresh(anyway=True) is None


def test_somebody_who_began_since_the_last_look_is_seen() -> None:
    assert Sight(look(sessions=0.0), usage=Usage((FILM,), 0)).hindrances.afresh(anyway=False) is Hindrance.IN_USE


def test_a_ghost_and_a_long_pause_are_told_by_the_memory_of_the_watchdog() -> None:
    ghost = Sight(look(), watch=stood_still(61), usage=Usage((FILM,), 0))
    assert ghost.hindrances.afresh(anyway=False) is None
    paused = Stream("7", "paused", 60_000)
    left = Sight(look(), watch=stood_still(601, paused), usage=Usage((paused,), 0))
    assert left.hindrances.afresh(anyway=False) is None
    moved = Sight(look(), watch=stood_still(61), usage=Usage((Stream("7", "playing", 60_500),), 0))
    assert moved.hindrances.afresh(anyway=False) is Hindrance.IN_USE


@pytest.mark.parametrize("cause", [Cause.DOWN, Cause.STOPPED_BY_OWNER, Cause.CRASHING])
def test_nobody_watches_a_plex_that_is_gone(cause: Cause) -> None:
    """Known to be gone, and its port refuses at this moment: either alone proves nothing."""
    assert Sight(look(cause, None, None), usage=Usage(refused=True)).hindrances.afresh(anyway=False) is None
    silent = Sight(look(cause, None, None), usage=Usage())
    assert silent.hindrances.afresh(anyway=False) is Hindrance.IN_USE_UNKNOWN
    long_ago = Sight(look(cause, None, None), stale=True, usage=Usage(refused=True))
    assert long_ago.hindrances.afresh(anyway=False) is Hindrance.IN_USE_UNKNOWN


def test_a_running_scan_hinders_unless_it_has_to_be_now() -> None:
    sight = Sight(look(), scanning=True)
    assert sight.hindrances.afresh(anyway=False) is Hindrance.SCANNING
    assert sight.hindrances.afresh(anyway=True) is None


# ------------------------------------------------------------------------------------------------ as last seen


def test_the_page_learns_from_the_last_look_alone() -> None:
    sight = Sight(look(sessions=1.0), own=(FILM,), usage=NOBODY)
    assert sight.hindrances.in_use_as_last_seen() is True
    assert sight.hindrances.as_last_seen() is Hindrance.IN_USE
    assert sight.asked == 0


@pytest.mark.parametrize(
    ("check", "stale"),
    [(None, False), (look(), True), (look(Cause.HUNG, None, None), False), (look(recordings=None), False)],
)
def test_no_look_an_old_one_or_one_that_was_told_nothing_is_unknown(check: Check | None, stale: bool) -> None:
    assert Sight(check, stale=stale).hindrances.in_use_as_last_seen() is None


def test_a_recording_is_use() -> None:
    assert Sight(look(recordings=1.0)).hindrances.in_use_as_last_seen() is True


def test_a_ghost_is_nobody_where_this_process_looked() -> None:
    assert Sight(look(sessions=1.0), watch=stood_still(61), own=(FILM,)).hindrances.in_use_as_last_seen() is False


def test_what_stands_still_in_the_look_of_another_process_may_be_television() -> None:
    sight = Sight(look(sessions=1.0), watch=stood_still(61), own=None)
    assert sight.hindrances.in_use_as_last_seen() is None
    assert Sight(look(sessions=1.0), watch=stood_still(5), own=None).hindrances.in_use_as_last_seen() is True
    assert Sight(look(sessions=0.0), own=None).hindrances.in_use_as_last_seen() is False
