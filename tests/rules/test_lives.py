"""Who started and stopped Plex, told from two looks in a row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.rules import lives
from keeper.rules.types import Action, Agent, Fact, Life, Moment, Taken, Turn, Turning

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STOPPED, STARTED = Turning.STOPPED, Turning.STARTED


def at(seconds: float, boot: str = "a", uptime: float = 10_000) -> Moment:
    return Moment(NOON + timedelta(seconds=seconds), boot, uptime + seconds)


ACTIVE, INACTIVE = Fact(True, "active"), Fact(False, "inactive")


def alive(
    age: float | None = 500,
    pid: int | None = 7,
    service: Fact | None = ACTIVE,
    restarts: float | None = 0,
    **more: Fact,
) -> dict[str, Fact]:
    facts = {"process": Fact(True, "running"), **more}
    for name, value in (("plex_age_s", age), ("plex_pid", pid), ("service_restarts", restarts)):
        facts |= {name: Fact(value)} if value is not None else {}
    return facts | ({"service": service} if service else {})


def gone(service: Fact | None = INACTIVE, restarts: float | None = 0, **more: Fact) -> dict[str, Fact]:
    facts = {"process": Fact(False, "gone"), **more}
    facts |= {"service_restarts": Fact(restarts)} if restarts is not None else {}
    return facts | ({"service": service} if service else {})


def two(first: dict[str, Fact], second: dict[str, Fact], taken: tuple[Taken, ...] = (), later: Moment | None = None):
    life, news = lives.observe(None, first, taken, at(0))
    assert news == ()  # nobody can say when that began
    return lives.observe(life, second, taken, later or at(300))[1]


def told(turns: tuple[Turn, ...]) -> list[tuple[Turning, Agent]]:
    return [(turn.what, turn.by) for turn in turns]


def restart(seconds: float, done: bool | None = True, by: str = "") -> Taken:
    return Taken(Action.RESTART_PLEX, at(seconds), 1, by, done)


BACK = alive(age=20, pid=8)


@pytest.mark.parametrize(
    ("first", "second", "agent"),
    [
        (alive(), BACK, Agent.OWNER),  # the service manager did not count a restart of its own
        (alive(), alive(age=20, pid=8, restarts=1), Agent.CRASH),
        (alive(restarts=3), alive(age=20, pid=8, restarts=0), Agent.OWNER),  # it counts anew after a start by hand
        (alive(updating=Fact(True)), BACK, Agent.UPDATER),
        (alive(), alive(age=20, pid=8, plex_updating=Fact(True)), Agent.UPDATER),
        (alive(service=None, restarts=None), alive(age=20, pid=8, service=None, restarts=None), Agent.UNKNOWN),
        (alive(pid=None), alive(age=20, pid=None), Agent.OWNER),  # told apart by its birth alone
        (alive(age=None), alive(age=None, pid=8), Agent.OWNER),  # and by its number alone
    ],
)
def test_another_process_is_a_stop_and_a_start(first: dict[str, Fact], second: dict[str, Fact], agent: Agent):
    assert told(two(first, second)) == [(STOPPED, agent), (STARTED, agent)]


@pytest.mark.parametrize(
    ("second", "agent"),
    [
        (gone(), Agent.OWNER),
        (gone(Fact(None, "deactivating")), Agent.OWNER),
        (gone(Fact(False, "failed")), Agent.CRASH),
        (gone(Fact(None, "activating")), Agent.CRASH),  # the service manager waits before it brings it back
        (gone(Fact(True, "active")), Agent.UNKNOWN),
        (gone(None), Agent.UNKNOWN),
        (gone(updating=Fact(True)), Agent.UPDATER),
    ],
)
def test_a_process_that_is_gone_was_stopped(second: dict[str, Fact], agent: Agent):
    (turn,) = two(alive(age=500), second)
    assert (turn.what, turn.by, turn.lived) == (STOPPED, agent, 800.0)


@pytest.mark.parametrize(
    ("second", "agent"),
    [
        (alive(age=20), Agent.OWNER),
        (alive(age=20, restarts=1), Agent.CRASH),
        (alive(age=20, service=Fact(True, "active"), restarts=None), Agent.UNKNOWN),
        (alive(age=20, service=Fact(None, "no_answer")), Agent.UNKNOWN),
    ],
)
def test_a_process_that_is_there_again_was_started(second: dict[str, Fact], agent: Agent):
    assert told(two(gone(), second)) == [(STARTED, agent)]


def test_what_we_did_ourselves_is_ours_and_names_who_asked():
    stopped, started = two(alive(), alive(age=20, pid=8), (restart(250, by="ada"),))
    assert (stopped.by, started.by, stopped.person) == (Agent.US, Agent.US, "ada")


@pytest.mark.parametrize("not_ours", [restart(250, done=False), restart(10), Taken(Action.NET_SOFT, at(250), 1)])
def test_what_was_not_done_or_long_ago_explains_nothing(not_ours: Taken):
    assert told(two(alive(), BACK, (not_ours,))) == [(STOPPED, Agent.OWNER), (STARTED, Agent.OWNER)]


def test_a_boot_of_the_machine_stops_and_starts_it():
    later = at(300, boot="b", uptime=-200)
    assert told(two(alive(), alive(age=60, pid=7), (), later)) == [(STOPPED, Agent.MACHINE), (STARTED, Agent.MACHINE)]
    reboot = Taken(Action.REBOOT, at(100), 1)
    assert told(two(alive(), alive(age=60), (reboot,), later)) == [(STOPPED, Agent.US), (STARTED, Agent.US)]
    assert two(alive(), alive(age=60), (), later)[0].lived is None


def test_crashes_between_two_looks_are_counted_by_the_service_manager():
    turns = two(alive(age=500), alive(age=10, pid=9, restarts=4))
    assert told(turns) == [(STOPPED, Agent.CRASH), (STARTED, Agent.CRASH)] * 4
    assert turns[0].lived == pytest.approx((300 + 500 - 10) / 4)
    assert len(two(alive(), alive(age=1, pid=9, restarts=4000))) == 2 * lives.MOST_CRASHES
    assert told(two(gone(), alive(age=1, restarts=2))) == [(STARTED, Agent.CRASH), (STOPPED, Agent.CRASH),
                                                           (STARTED, Agent.CRASH)]  # fmt: skip
    ended = two(alive(), gone(Fact(False, "failed"), restarts=1))
    assert told(ended) == [(STOPPED, Agent.CRASH)]


def test_the_same_process_is_no_news():
    hidden = {"process": Fact(None, "hidden")}
    assert two(alive(age=500), alive(age=785)) == ()  # 15 s late in reading
    assert two(gone(), gone()) == ()
    assert two(alive(), hidden) == () and two(hidden, alive()) == ()
    assert two(alive(age=None, pid=None), alive(age=None, pid=None)) == ()
    assert two(alive(), {"process": Fact(None, "hidden"), "service": Fact(True, "active")}) == ()


def test_where_processes_are_hidden_the_service_manager_tells():
    there = {"process": Fact(None, "hidden"), "service": Fact(True, "active"), "service_restarts": Fact(0)}
    crashed = there | {"service_restarts": Fact(1)}
    assert told(two(there, crashed)) == [(STOPPED, Agent.CRASH), (STARTED, Agent.CRASH)]
    stopped = {"process": Fact(None, "hidden"), "service": Fact(False, "inactive")}
    assert told(two(there, stopped)) == [(STOPPED, Agent.OWNER)]


def ended(seconds: float, by: Agent = Agent.CRASH, lived: float | None = 10.0) -> Turn:
    return Turn(NOON + timedelta(seconds=seconds), STOPPED, by, lived)


@pytest.mark.parametrize(
    ("turns", "looping"),
    [
        ([ended(0), ended(60), ended(120)], True),
        ([ended(0), ended(60), ended(120, Agent.UNKNOWN)], True),
        ([ended(0), ended(60)], False),
        ([ended(0), ended(60), ended(120, Agent.OWNER)], False),
        ([ended(0), ended(60), ended(120, Agent.US)], False),
        ([ended(0), ended(60), ended(120, lived=400.0)], False),
        ([ended(0), ended(60), ended(120, lived=None)], False),
        ([ended(-1800), ended(60), ended(120)], False),
        ([Turn(NOON, STARTED, Agent.CRASH)] * 5, False),
    ],
)
def test_three_short_lives_within_half_an_hour_are_a_loop(turns: list[Turn], looping: bool):
    assert lives.is_looping(turns, NOON + timedelta(seconds=130)) is looping


def test_only_the_latest_are_remembered():
    turns = tuple(ended(n) for n in range(30))
    assert lives.remember(turns, (ended(99),)) == (*turns[-19:], ended(99))


facts = st.sampled_from(
    [alive(), BACK, gone(), gone(None), {}, alive(restarts=2, pid=9, age=5), {"service": Fact(True, "active")}]
)


@given(st.lists(facts, max_size=12))
def test_starts_and_stops_take_turns_whatever_is_seen(looks: list[dict[str, Fact]]):
    life: Life | None = None
    whats: list[Turning] = []
    for number, look in enumerate(looks):
        life, news = lives.observe(life, look, (), at(300 * number))
        whats += [turn.what for turn in news]
    assert all(first is not second for first, second in pairwise(whats))
