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
    assert [turn.lived for turn in turns[::2]] == [None, 100, 100, 100]  # the first may have lived for months
    assert two(alive(age=20), alive(age=10, pid=9, restarts=3))[0].lived == pytest.approx((300 + 20 - 10) / 3)
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


def seen(*looks: dict[str, Fact] | None, taken: tuple[Taken, ...] = (), every: float = 60.0) -> tuple[Turn, ...]:
    """The turns that so many looks notice."""
    life: Life | None = None
    turns: tuple[Turn, ...] = ()
    for number, look in enumerate(looks):
        life, news = lives.observe(life, look or {}, taken, at(every * number))
        turns += news
    return turns


def test_one_look_without_the_service_manager_does_not_make_a_crash_the_owner_s_doing():
    mute = alive(service=Fact(None, "no_answer"), restarts=None)
    assert told(seen(alive(), mute, alive(age=20, pid=8, restarts=1))) == [
        (STOPPED, Agent.CRASH),
        (STARTED, Agent.CRASH),
    ]


def test_a_crash_during_a_look_without_the_service_manager_is_counted_once():
    mute = alive(age=20, pid=8, service=Fact(None, "no_answer"), restarts=None)
    turns = seen(alive(), mute, alive(age=80, pid=8, restarts=1))
    assert told(turns) == [(STOPPED, Agent.UNKNOWN), (STARTED, Agent.UNKNOWN)]


def test_a_clock_that_was_set_makes_no_other_process_of_the_same_one():
    assert seen(alive(age=5000), alive(age=8660), alive(age=0), alive(age=5180)) == ()


def test_what_its_service_manager_brings_back_after_a_crash_is_a_crash_all_the_way():
    coming = Fact(None, "activating")
    turns = seen(alive(), gone(coming, 1), gone(coming, 1), alive(age=5, pid=8, restarts=1))
    assert told(turns) == [(STOPPED, Agent.CRASH), (STARTED, Agent.CRASH)]
    by_hand = seen(alive(), gone(Fact(False, "failed")), gone(coming), alive(age=5, pid=8))
    assert told(by_hand) == [(STOPPED, Agent.CRASH), (STARTED, Agent.OWNER)]


@pytest.mark.parametrize(
    ("ordered", "last", "now", "ours"),
    [
        (at(0), at(60), at(300, "b", -200), True),
        (at(0), at(0), at(7200, "b", -60), True),  # it was hours until this program started again
        (at(0), at(3600), at(7200, "b", -7100), False),  # the machine went on for an hour after that
        (at(0), at(60), at(20 * 86_400, "b", -20 * 86_400 + 100), False),  # nobody looked, but that is too long
        (at(0), at(60), at(-9000, "b", 9100), True),  # without a battery its clock starts in the past
        (at(0), at(60, "b"), at(300, "c"), False),  # it had started anew already
    ],
)
def test_a_reboot_of_ours_explains_only_the_start_that_follows_it(
    ordered: Moment, last: Moment, now: Moment, ours: bool
):
    assert lives.is_reboot_of_ours(Taken(Action.REBOOT, ordered, 1), last, now) is ours
    assert not lives.is_reboot_of_ours(Taken(Action.REBOOT, ordered, 1, done=False), last, now)
    assert not lives.is_reboot_of_ours(Taken(Action.NET_HARD, ordered, 1), last, now)


def ended(seconds: float, by: Agent = Agent.CRASH, lived: float | None = 10.0) -> Turn:
    return Turn(NOON + timedelta(seconds=seconds), STOPPED, by, lived, seen=at(seconds))


def begun(seconds: float, by: Agent) -> Turn:
    return Turn(NOON + timedelta(seconds=seconds), STARTED, by, seen=at(seconds))


UNKNOWN = Agent.UNKNOWN


@pytest.mark.parametrize(
    ("turns", "looping"),
    [
        ([ended(0), ended(60), ended(120)], True),
        ([ended(0), ended(60), ended(120, UNKNOWN)], False),  # somebody could be asked who did it
        ([ended(0), ended(60)], False),
        ([ended(0), ended(60), ended(120, Agent.OWNER)], False),
        ([ended(0), ended(60), ended(120, Agent.US)], False),
        ([ended(0), ended(60), ended(120, lived=400.0)], False),
        ([ended(0), ended(60), ended(120, lived=None)], False),
        ([ended(-1800), ended(60), ended(120)], False),
        ([begun(0, Agent.OWNER), ended(10), begun(20, Agent.CRASH), ended(60), ended(120)], True),
        ([ended(0), ended(60), ended(110), begun(120, Agent.OWNER)], False),  # repaired and started again
        ([ended(0), ended(60), ended(110), begun(120, Agent.US)], False),
        ([ended(0), ended(60), ended(110), begun(120, Agent.UPDATER), ended(125)], False),
        ([ended(0), ended(60), ended(110), begun(120, Agent.MACHINE)], False),
        ([each for n in range(0, 120, 30) for each in (ended(n), begun(n + 10, Agent.OWNER))], False),  # stop: 'failed'
        ([Turn(NOON, STARTED, Agent.CRASH)] * 5, False),
    ],
)
def test_three_short_lives_within_half_an_hour_are_a_loop(turns: list[Turn], looping: bool):
    assert lives.is_looping(turns, at(130), ACTIVE) is looping
    assert lives.is_looping(turns, at(130), Fact(None, "activating")) is looping


def test_where_nobody_can_be_asked_only_very_short_lives_are_a_loop():
    quick = [ended(0, UNKNOWN), ended(60, UNKNOWN), ended(120, UNKNOWN)]
    restarted = [ended(n, UNKNOWN, lived=130.0) for n in range(0, 600, 130)]
    for nobody in (None, Fact(None, "no_service_manager"), Fact(None, "unknown_unit")):
        assert lives.is_looping(quick, at(130), nobody)
        assert not lives.is_looping(restarted, at(600), nobody)
    for somebody in (ACTIVE, INACTIVE, Fact(None, "no_answer")):
        assert not lives.is_looping(quick, at(130), somebody)


def test_a_clock_that_was_set_back_does_not_bring_a_loop_back():
    turns = [ended(0), ended(60), ended(120)]
    an_hour_later = Moment(NOON + timedelta(seconds=130), "a", 10_000 + 3730)
    assert not lives.is_looping(turns, an_hour_later, ACTIVE)
    from_the_ledger = [Turn(turn.at, turn.what, turn.by, turn.lived) for turn in turns]
    assert lives.is_looping(from_the_ledger, at(130), ACTIVE)
    assert not lives.is_looping(from_the_ledger, at(-10), ACTIVE)


def test_where_no_age_is_shown_a_life_is_no_longer_than_the_time_since_the_look_before_its_start():
    there = [{"process": Fact(None, "hidden"), "service": ACTIVE, "service_restarts": Fact(n)} for n in (0, 1, 2, 2, 3)]
    turns = [turn for turn in seen(*there) if turn.what is STOPPED]
    assert [turn.lived for turn in turns] == [None, 120.0, 180.0]  # nobody knows how long the first one had lived


def test_a_loop_inside_a_container_that_hides_all_processes_is_a_loop():
    there = [{"process": Fact(None, "hidden"), "service": ACTIVE, "service_restarts": Fact(5 * n)} for n in range(3)]
    turns = seen(*there, every=300)
    assert [turn.lived for turn in turns if turn.what is STOPPED] == [None, *[75.0] * 4] * 2
    assert lives.is_looping(turns, at(600), ACTIVE)


def test_crashes_while_it_was_gone_lived_within_that_time():
    started, stopped, again = two(gone(), alive(age=60, restarts=2))
    assert (started.lived, stopped.lived, again.lived) == (None, 120.0, None)
    both = two(alive(age=None), gone(Fact(False, "failed"), restarts=2))
    assert [turn.lived for turn in both if turn.what is STOPPED] == [None, 300.0]


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


def test_a_restart_of_ours_explains_one_stop_and_one_start_and_no_crash_after_it():
    taken = (restart(0),)
    life, _ = lives.observe(None, alive(), (), at(-20))
    life, stopped = lives.observe(life, gone(Fact(None, "activating")), taken, at(5))
    life, started = lives.observe(life, alive(age=5, pid=8), taken, at(20))
    assert told(stopped) == [(STOPPED, Agent.US)] and told(started) == [(STARTED, Agent.US)]
    _, crashed = lives.observe(life, gone(Fact(False, "failed")), taken, at(40))
    assert told(crashed) == [(STOPPED, Agent.CRASH)]
