"""What the watchdog remembers: exactly, all or nothing, and over kills, damage and power cuts."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError
from watch_rig import START, TABLES, check, everything, moment, over, quiet, restart, rows

from keeper.errors import StoreError
from keeper.rules.types import (
    Action,
    Agent,
    Armed,
    Cause,
    Fact,
    Incident,
    Level,
    Life,
    Moment,
    Section,
    Step,
    StepKind,
    Taken,
    Turn,
    Turning,
    Watch,
    Watched,
)
from keeper.store.checks import Checks
from keeper.store.db import Database
from keeper.store.events import Events
from keeper.store.schema import settings as settings_table
from keeper.store.watch_json import read_watch, write_watch
from keeper.store.watch_views import WatchViews
from keeper.store.watching import StoredWatch
from keeper.world.clock import SystemClock

HERE = Path(__file__).parent
FULL, NORMAL = 2, 1
KILLS = 8


@pytest.fixture
def store(database: Database) -> StoredWatch:
    return StoredWatch(database)


@pytest.fixture
def views(database: Database) -> WatchViews:
    return WatchViews(database, SystemClock(), 300.0)


# ------------------------------------------------------------------------------------------------ exactness

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=ZONES)  # noqa: DTZ001 - the zones come along
UPTIMES = st.floats(0, 1e9) | st.integers(0, 10**9).map(float)
COUNTS = st.integers(-(2**52), 2**52)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
BOOTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=":"), max_size=40)
MOMENTS = st.builds(Moment, at=TIMES, boot=BOOTS, uptime=UPTIMES)
WATCHES = st.builds(
    Watch,
    incident=st.none() | st.builds(Incident, number=COUNTS, began=MOMENTS),
    since=st.none() | MOMENTS,
    last=st.none() | MOMENTS,
    taken=st.lists(st.builds(Taken, at=MOMENTS, incident=COUNTS), max_size=6, unique_by=lambda t: (t.at, t.action)).map(
        tuple
    ),
    streams=st.lists(st.builds(Watched, TEXTS, TEXTS, COUNTS, MOMENTS), max_size=4).map(tuple),
    life=st.none() | st.builds(Life, seen=MOMENTS, born=st.none() | UPTIMES, restarts=st.none() | UPTIMES),
    turns=st.lists(st.builds(Turn, at=TIMES, lived=st.none() | UPTIMES), max_size=4).map(tuple),
    levels=st.lists(st.builds(Level, disk=TEXTS, at=TIMES, free=UPTIMES), max_size=4).map(tuple),
)


@settings(deadline=None)
@given(WATCHES)
def test_what_is_read_is_what_was_written(watch: Watch) -> None:
    text = write_watch(watch)
    assert read_watch(text) == ({field.name: getattr(watch, field.name) for field in fields(Watch)}, [])
    assert text.isascii()


@settings(deadline=None)
@given(WATCHES, st.sampled_from([field.name for field in fields(Watch)]), st.sampled_from([[7], {"a": 1}, "x", 1.5]))
def test_what_is_spoiled_is_named_and_the_rest_is_read(watch: Watch, name: str, rubbish: object) -> None:
    tree = json.loads(write_watch(watch))
    if type(tree[name]) is type(rubbish) and name in (
        "interface",
        "served",
        "taken",
        "streams",
        "turns",
        "paces",
        "levels",
    ):
        rubbish = 99
    good, spoiled = read_watch(json.dumps(tree | {name: rubbish}))
    assert spoiled == [name]
    assert good == {field.name: getattr(watch, field.name) for field in fields(Watch) if field.name != name}


@settings(deadline=None)
@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_no_text_whatever_makes_reading_fail(text: str) -> None:
    good, spoiled = read_watch(text)
    assert good == {}
    assert spoiled or text.strip() == "{}"


def test_a_memory_of_a_newer_program_is_read_as_far_as_it_is_known() -> None:
    watch = restart(0, Watch()).watch
    tree = json.loads(write_watch(watch))
    tree["mood"] = "fine"
    tree["taken"][0]["certainty"] = 0.5
    good, spoiled = read_watch(json.dumps(tree))
    assert (good["taken"], spoiled) == (watch.taken, [])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(watch=WATCHES)
def test_what_is_loaded_is_what_was_remembered(database: Database, watch: Watch) -> None:
    incident = watch.incident and replace(watch.incident, number=abs(watch.incident.number) % 10**6)
    wanted = replace(watch, incident=incident, taken=tuple(_storable(each) for each in watch.taken))
    store = StoredWatch(database)
    store.load()
    store.remember(quiet(0, wanted), None)
    assert store.load() == wanted
    assert StoredWatch(database).load() == wanted


def _storable(taken: Taken) -> Taken:
    """SQLite holds numbers of 64 bits, and text without lone surrogates."""
    boot = taken.at.boot.encode("utf-8", "replace").decode()
    by = taken.by.encode("utf-8", "replace").decode()
    return replace(taken, incident=taken.incident % 2**31, by=by, at=replace(taken.at, boot=boot))


def test_the_first_memory_is_a_fresh_one(store: StoredWatch) -> None:
    assert store.load() == Watch()


# ------------------------------------------------------------------------------------------------ one transaction


def test_a_look_leaves_everything_behind(database: Database, store: StoredWatch, views: WatchViews) -> None:
    sections = [Section("1", "movie", "Movies", "agent")]
    tick = restart(0, store.load())
    store.remember(tick, (1, sections))
    assert store.load() == tick.watch
    assert Checks(database).last() == tick.check
    assert [section.title for section in Checks(database).sections(1)] == ["Movies"]
    assert [step.kind for step in views.story(1)] == [StepKind.OPENED, StepKind.DECIDED]
    assert views.story(1) == list(tick.steps)
    assert [event.kind for event in Events(database).latest(5)] == ["Plex Restart"]
    (deed,) = views.actions(5)
    assert (deed.taken, deed.said) == (tick.watch.taken[0], "")


@pytest.mark.parametrize("table", TABLES)
def test_a_failure_in_the_middle_leaves_nothing(database: Database, store: StoredWatch, table: str) -> None:
    first = restart(0, store.load())
    store.remember(first, None)
    before = everything(database)
    _refuse(database, table)
    with pytest.raises((StoreError, IntegrityError)):
        store.remember(restart(20, replace(first.watch, incident=None), number=2), None)
    assert everything(database) == before
    _refuse(database, table, "drop trigger no_{what}")
    store.remember(restart(40, replace(first.watch, incident=None), number=2), None)
    assert len(store.load().taken) == 2


def _refuse(
    database: Database, table: str, statement: str = "create trigger no_{what} before {what} on {table} begin {no} end"
) -> None:
    with database.write() as connection:
        for what in ("insert", "update"):
            connection.exec_driver_sql(statement.format(what=what, table=table, no="select raise(abort, 'no');"))


def test_what_limits_us_survives_a_power_cut_and_the_rest_is_quick(database: Database, store: StoredWatch) -> None:
    levels: list[int] = []

    @event.listens_for(database.engine, "commit")
    def look(connection) -> None:
        if connection.get_execution_options().get("keeper_write"):
            levels.append(connection.exec_driver_sql("pragma synchronous").scalar())

    watch = store.load()
    store.remember(quiet(0, watch), None)
    store.remember(quiet(300, replace(watch, looks=2)), None)
    tick = restart(600, watch)
    store.remember(tick, None)
    store.remember(quiet(620, tick.watch), None)
    store.concluded(tick.watch, Step(StepKind.ACTED, START, Cause.DOWN, {}), ())
    closing_tick = over(640, tick.watch)
    store.remember(closing_tick, None)
    store.remember(quiet(660, closing_tick.watch), None)
    store.arm(frozenset(), "ada", START)
    store.hold(None, "ada", START)
    assert levels == [NORMAL, NORMAL, FULL, NORMAL, FULL, FULL, NORMAL, FULL, FULL]
    with closing(database.engine.raw_connection()) as raw:
        assert raw.execute("pragma synchronous").fetchone() == (NORMAL,)


def test_the_level_goes_back_after_a_failure_too(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write(lasting=True) as connection:
        assert connection.exec_driver_sql("pragma synchronous").scalar() == FULL
        assert connection.exec_driver_sql("pragma fullfsync").scalar() == 1
        raise ZeroDivisionError
    with database.write() as connection:
        assert connection.exec_driver_sql("pragma synchronous").scalar() == NORMAL
        assert connection.exec_driver_sql("pragma fullfsync").scalar() == 0


# ------------------------------------------------------------------------------------------------ incidents


def test_an_incident_opens_changes_and_closes(store: StoredWatch, views: WatchViews) -> None:
    tick = restart(0, store.load())
    store.remember(tick, None)
    acted = replace(tick.watch, taken=(replace(tick.watch.taken[0], done=True),))
    store.concluded(acted, Step(StepKind.ACTED, START, Cause.DOWN, {"action": "restart_plex", "said": "exit 0"}), ())
    for seconds, cause in ((20, Cause.HUNG), (40, Cause.DOWN), (60, Cause.HUNG)):
        acted = replace(acted, incident=replace(acted.incident, cause=cause))
        store.remember(quiet(seconds, acted), None)
    seen = views.incident(1)
    assert (seen.cause, seen.causes, seen.closed_at) == (Cause.HUNG, (Cause.DOWN, Cause.HUNG), None)
    gave_up = replace(acted, incident=replace(acted.incident, gave_up=True))
    store.remember(quiet(80, gave_up), None)
    last = over(100, gave_up)
    store.remember(last, None)
    seen = views.incident(1)
    assert (seen.closed_at, seen.gave_up) == (moment(100).at, True)
    assert seen.began_at == moment(-20).at
    assert seen.actions == (Action.RESTART_PLEX,)
    assert [step.kind for step in views.story(1)][-2:] == [StepKind.ACTED, StepKind.CLOSED]
    (deed,) = views.actions(5)
    assert (deed.taken.done, deed.taken.helped, deed.said) == (True, True, "exit 0")
    assert store.load() == last.watch


def test_what_was_not_carried_out_is_no_action_of_the_incident(store: StoredWatch, views: WatchViews) -> None:
    tick = restart(0, store.load())
    store.remember(tick, None)
    refused = replace(tick.watch, taken=(replace(tick.watch.taken[0], done=False),))
    store.concluded(refused, Step(StepKind.ACTED, START, Cause.DOWN, {"said": "denied"}), ())
    assert views.incident(1).actions == ()
    assert views.actions(1)[0].taken.done is False


def test_an_action_while_nothing_is_wrong_has_its_story_too(store: StoredWatch, views: WatchViews) -> None:
    taken = Taken(Action.RESTART_PLEX, moment(0), 0, "ada", True)
    store.load()
    store.concluded(Watch(taken=(taken,)), Step(StepKind.ACTED, START, Cause.OK, {"said": "ok"}), ())
    assert [step.data["said"] for step in views.story(0)] == ["ok"]
    assert views.incidents(5) == []
    assert views.actions(5)[0].taken == taken


def test_a_story_is_told_whatever_stands_in_it(store: StoredWatch, views: WatchViews) -> None:
    data = {"at": START, "armed": frozenset({Armed.DNS, Armed.REBOOT}), "fact": Fact(None, "?"), "path": Path("/tmp")}
    tick = replace(restart(0, Watch()), steps=(Step(StepKind.OPENED, START, Cause.DOWN, data),))
    store.remember(tick, None)
    (step,) = views.story(1)
    assert step.data == {
        "at": START.isoformat(), "armed": ["dns", "reboot"], "fact": [None, "?"], "path": "/tmp",
    }  # fmt: skip


def test_incidents_and_actions_are_read_page_by_page(store: StoredWatch, views: WatchViews) -> None:
    watch = store.load()
    for number in range(1, 8):
        tick = restart(100 * number, replace(watch, incident=None), number)
        store.remember(tick, None)
        watch = tick.watch
    first = views.incidents(3)
    assert [each.number for each in first] == [7, 6, 5]
    assert [each.number for each in views.incidents(3, before=5)] == [4, 3, 2]
    assert [each.number for each in views.incidents(3, before=2)] == [1]
    assert views.incidents(3, before=1) == []
    assert all(each.actions == (Action.RESTART_PLEX,) for each in first)
    assert [bool(each.closed_at) for each in first] == [False, True, True]
    ids = [deed.id for deed in views.actions(4)]
    assert [deed.taken.incident for deed in views.actions(4, before=ids[-1])] == [3, 2, 1]
    assert views.incident(99) is None
    assert len(views.story(7, limit=1)) == 1


def test_why_tells_when_the_decision_became_what_it_is(store: StoredWatch, views: WatchViews) -> None:
    assert views.decisions(5) == []
    looks = [("ok", "fine")] * 600 + [("down", "confirming")] + [("down", "act")] + [("ok", "fine")] * 3
    for number, (cause, reason) in enumerate(looks):
        made = check(number, Cause(cause), action="none", reason=reason, next_look=f"at {number}")
        store.remember(replace(quiet(number), check=made), None)
    told = views.decisions(10)
    assert [(each.cause, each.decision["reason"]) for each in told] == [
        (Cause.OK, "fine"), (Cause.DOWN, "act"), (Cause.DOWN, "confirming"), (Cause.OK, "fine"),
    ]  # fmt: skip
    assert told[0].at == START + timedelta(seconds=602)
    assert told[0].decision["next_look"] == "at 602"
    assert told[-1].at == START
    assert views.decisions(2) == told[:2]


# ------------------------------------------------------------------------------------------------ damage


@pytest.mark.parametrize("damage", ["'{'", "'{}'", "'[]'", "''", "x'00ff'", "7", "'{\"taken\": 5}'"])
def test_a_damaged_memory_frees_of_no_limit(database: Database, store: StoredWatch, damage: str, caplog) -> None:
    tick = restart(0, store.load(), number=4)
    store.remember(tick, None)
    more = restart(600, tick.watch)
    store.remember(more, None)
    with database.write() as connection:
        connection.exec_driver_sql(f"update watch_memory set watch_json = {damage}")
    found = StoredWatch(database).load()
    assert found.taken == more.watch.taken
    assert found.incidents == 4
    assert found.incident == more.watch.incident
    assert found.since is None
    assert ("cannot be read" in caplog.text) == (damage != "'{}'")
    StoredWatch(database).remember(quiet(620, found), None)
    assert StoredWatch(database).load() == found


def test_what_can_be_read_of_a_damaged_memory_counts(database: Database, store: StoredWatch, caplog) -> None:
    watch = replace(restart(0, store.load()).watch, looks=7, interface="eth0")
    store.remember(replace(restart(0, Watch()), watch=watch), None)
    tree = json.loads(write_watch(watch)) | {"cause": "of a newer program", "taken": [{"action": "dance"}]}
    with database.write() as connection:
        connection.exec_driver_sql("update watch_memory set watch_json = ?", (json.dumps(tree),))
    assert store.load() == replace(watch, cause=Cause.UNKNOWN)
    assert "(cause, taken)" in caplog.text


def test_a_memory_that_is_gone_is_rebuilt(database: Database, store: StoredWatch) -> None:
    tick = restart(0, store.load())
    store.remember(tick, None)
    closing_tick = over(100, tick.watch)
    store.remember(closing_tick, None)
    with database.write() as connection:
        connection.exec_driver_sql("delete from watch_memory")
        connection.exec_driver_sql("update actions set action = 'dance' where id = 0")
    found = store.load()
    assert (found.incident, found.incidents, found.taken) == (None, 1, closing_tick.watch.taken)


def _everything(seconds: float) -> Watch:
    """A memory in which every kind of record stands."""
    now = moment(seconds)
    return replace(
        restart(seconds, Watch()).watch, since=now, life=Life(True, now, 1.0, 7, 0.0), levels=(Level("/", START, 5.0),),
        turns=(Turn(START, Turning.STOPPED, Agent.CRASH, 1.0),), streams=(Watched("1", "playing", 5, now),),
    )  # fmt: skip


@pytest.mark.parametrize("absurd", ["NaN", "Infinity", "-Infinity", "1" + "0" * 400, "1e999", "9e18"])
@pytest.mark.parametrize("field", ["restarts", "born", "free", "lived", "uptime", "offset", "number"])
def test_a_number_that_nothing_can_have_is_spoiled(field: str, absurd: str) -> None:
    """Left in the memory, it would end every look from then on."""
    text = re.sub(rf'"{field}": [\d.]+', f'"{field}": {absurd}', write_watch(_everything(0)))
    good, spoiled = read_watch(text)
    assert spoiled
    assert not set(spoiled) & set(good)
    assert absurd not in write_watch(Watch(**good))


@pytest.mark.parametrize(
    "absurd",
    ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+00:00", "2026-01-01T00:00:00"],
)
def test_a_time_that_cannot_have_been_is_spoiled(absurd: str) -> None:
    tree = json.loads(write_watch(_everything(0)))
    tree["levels"][0]["at"] = tree["last"]["at"] = absurd
    assert read_watch(json.dumps(tree))[1] == ["last", "levels"]


def test_half_a_character_is_spoiled() -> None:
    assert read_watch(json.dumps(json.loads(write_watch(Watch())) | {"interface": "\ud800"}))[1] == ["interface"]


SPOILING = [
    "update incidents set cause = 'zzz'", "update incidents set began_at = 'zz'",
    "update incidents set began_uptime = 'zz'", "update incidents set opened_at = 'zz'",
    "update actions set at = 'zz'", "update actions set at = '2026-01-01'", "update actions set uptime = 'abc'",
    "update actions set uptime = 1e300", "update actions set action = 'dance'", "update actions set incident = 'abc'",
    "update plex_turns set at = 'x'", "update plex_turns set at = '0001-01-01T00:00:00+05:00'",
    "update plex_turns set lived = 'abc'", "update plex_turns set by_agent = 'alien'",
]  # fmt: skip


@pytest.mark.parametrize("sql", SPOILING)
def test_a_row_spoiled_by_hand_is_left_out_and_the_others_count(
    database: Database, store: StoredWatch, sql: str
) -> None:
    """Of two of each the older one is spoiled; then it can be loaded, gone on with, and loaded again."""
    first = restart(0, store.load())
    store.remember(first, None)
    with database.write() as connection:
        connection.exec_driver_sql(sql)
    second = restart(400, replace(first.watch, incident=None), number=2)
    store.remember(second, None)
    with database.write() as connection:
        connection.exec_driver_sql("update watch_memory set watch_json = '{}'")
    fresh = StoredWatch(database)
    found = fresh.load()
    assert found.taken[-1] == second.watch.taken[-1]
    assert found.turns[-1] == second.turns[0]
    assert (found.incident, found.incidents) == (second.watch.incident, 2)
    fresh.remember(restart(800, found, number=2), None)
    assert fresh.load().taken[-1].at == moment(800)
    fresh.hold(START, "ada", START)


def test_a_spoiled_incident_that_is_open_is_closed_by_the_next_look(database: Database, store: StoredWatch) -> None:
    store.remember(restart(0, store.load()), None)
    with database.write() as connection:
        connection.exec_driver_sql("update incidents set cause = 'zzz', began_at = 'zz'")
        connection.exec_driver_sql("update watch_memory set watch_json = '{}'")
    store.hold(START, "ada", START)
    assert store.load().incident is None
    store.remember(quiet(20, store.load()), None)
    assert rows(database, "select count(*) from incidents where closed_at is null") == [(0,)]


def test_what_an_earlier_version_wrote_of_this_boot_still_counts_in_it(database: Database, store: StoredWatch) -> None:
    """It wrote 'machine:boot': without the machine it is the boot of today, whatever the machine was called."""
    tick = restart(0, store.load())
    store.remember(tick, None)
    with database.write() as connection:
        connection.exec_driver_sql("update actions set boot = 'box:' || boot")
        connection.exec_driver_sql("update incidents set began_boot = 'box:' || began_boot")
        connection.exec_driver_sql("update watch_memory set watch_json = replace(watch_json, 'boot 1', 'box:boot 1')")
    upgraded = StoredWatch(database)
    assert upgraded.load() == tick.watch
    done = replace(tick.watch, taken=(replace(tick.watch.taken[0], done=True),))
    upgraded.concluded(done, Step(StepKind.ACTED, START, Cause.DOWN, {"said": "ok"}), ())
    assert rows(database, "select done, said from actions") == [(1, "ok")], "the same action, and no second one"
    with database.write() as connection:
        connection.exec_driver_sql("delete from watch_memory")
    rebuilt = upgraded.load()
    assert (rebuilt.taken, rebuilt.incident) == (done.taken, tick.watch.incident)


# ------------------------------------------------------------------------------------------------ others beside us


def test_an_action_of_another_process_is_not_forgotten(tmp_path: Path, database: Database) -> None:
    """Ours was suspended while the other took over: its memory is old, and still must not undo the other's."""
    other = Database(tmp_path / "keeper.db")
    ours, theirs = StoredWatch(database), StoredWatch(other)
    old = ours.load()
    theirs.load()
    tick = restart(0, Watch())
    theirs.remember(tick, None)
    ours.remember(quiet(20, old), None)
    assert ours.load().taken == tick.watch.taken
    late = ours.load()
    again = restart(600, replace(late, incident=tick.watch.incident))
    ours.remember(again, None)
    theirs.remember(replace(quiet(620, tick.watch)), None)
    theirs.remember(restart(640, tick.watch), None)
    assert [each.at.uptime for each in theirs.load().taken] == [10_000, 10_600, 10_640]
    assert len(rows(database, "select * from actions")) == 3
    other.close()


def test_a_page_that_reads_the_memory_does_not_make_the_watchdog_know_more(tmp_path: Path, database: Database) -> None:
    ours, theirs = StoredWatch(database), StoredWatch(Database(tmp_path / "keeper.db"))
    old = ours.load()
    tick = restart(0, theirs.load())
    theirs.remember(tick, None)
    page = threading.Thread(target=ours.load)
    page.start()
    page.join()
    ours.remember(quiet(20, old), None)
    assert ours.load().taken == tick.watch.taken


def test_what_is_known_of_an_action_is_not_made_unknown_again(database: Database, store: StoredWatch) -> None:
    tick = restart(0, store.load())
    store.remember(tick, None)
    done = replace(tick.watch, taken=(replace(tick.watch.taken[0], done=True),))
    store.concluded(done, Step(StepKind.ACTED, START, Cause.DOWN, {}), ())
    StoredWatch(database).remember(quiet(20, tick.watch), None)
    assert rows(database, "select done, helped from actions") == [(1, None)]


def test_what_the_rules_forgot_for_its_age_stays_forgotten(database: Database, store: StoredWatch) -> None:
    tick = restart(0, store.load())
    store.remember(tick, None)
    later = quiet(50 * 86_400, replace(tick.watch, taken=(), incident=None))
    store.remember(later, None)
    store.remember(quiet(50 * 86_400 + 300, later.watch), None)
    assert store.load().taken == ()
    assert len(rows(database, "select * from actions")) == 1


def test_two_processes_that_remember_at_once_lose_nothing(tmp_path: Path, database: Database) -> None:
    def act(number: int) -> None:
        with closing(Database(tmp_path / "keeper.db")) as mine:
            store = StoredWatch(mine)
            for turn in range(20):
                watch = store.load()
                now = Moment(START + timedelta(seconds=turn), f"boot {number}", float(turn))
                taken = (*watch.taken, Taken(Action.RESTART_PLEX, now, 1))
                store.remember(replace(restart(turn, watch), watch=replace(watch, taken=taken)), None)

    threads = [threading.Thread(target=act, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = StoredWatch(database).load().taken
    assert len(found) == len({(each.at.boot, each.at.uptime) for each in found}) == 60


def test_kills_lose_no_action_and_leave_no_half_look(tmp_path: Path, database: Database) -> None:
    chance = random.Random(4)
    known = 0
    for _ in range(KILLS):
        known = max(known, _run_and_kill(database.path, chance.randrange(3, 12), chance.uniform(0, 0.03)))
        assert rows(database, "pragma integrity_check") == [("ok",)]
        watch = StoredWatch(database).load()
        ledger = rows(database, "select uptime from actions order by id")
        assert len(watch.taken) == len(ledger) >= known
        assert [(each.at.uptime,) for each in watch.taken] == ledger
        assert sum(each.done is None for each in watch.taken) <= KILLS
        open_now = rows(database, "select number from incidents where closed_at is null")
        assert open_now == ([(watch.incident.number,)] if watch.incident else [])
        assert len(rows(database, "select * from events where kind = 'Plex Restart'")) == len(ledger)
        assert len(rows(database, "select * from incident_steps where kind = 'decided'")) == len(ledger)
        assert len(rows(database, "select * from plex_turns")) == len(ledger)
        known = len(ledger)
    assert known >= KILLS * 3


def _run_and_kill(path: Path, looks: int, seconds: float) -> int:
    """Lets the other process remember so much and a moment longer; the number of the last look it said it had."""
    command = [sys.executable, str(HERE / "watch_process.py"), str(path)]
    environment = {"PYTHONPATH": str(HERE.parents[1])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
        said = [child.stdout.readline() for _ in range(looks)]
        time.sleep(seconds)
        child.kill()
        said += child.stdout.read().splitlines()
    return max(int(line) for line in said if line)


# ------------------------------------------------------------------------------------------------ the owner


def test_a_restart_is_armed_from_the_start_and_nothing_else(store: StoredWatch) -> None:
    assert store.armed() == {Armed.RESTART}


def test_what_the_owner_allows_is_told_with_his_name(database: Database, store: StoredWatch) -> None:
    store.arm(frozenset({Armed.RESTART, Armed.REBOOT}), "ada", START)
    assert StoredWatch(database).armed() == {Armed.RESTART, Armed.REBOOT}
    store.arm(frozenset(), "bob", START)
    assert store.armed() == frozenset()
    none, both = Events(database).latest(2)
    assert (both.kind, both.message) == ("Watchdog Armed", "ada allows the watchdog: reboot, restart.")
    assert both.data == {"by": "ada", "armed": ["reboot", "restart"], "more": ["reboot"], "less": []}
    assert none.message == "bob allows the watchdog: nothing."
    assert rows(database, "select value, changed_by from settings where key = 'watch.armed'") == [("[]", "bob")]


def test_hands_off_until_then(database: Database, store: StoredWatch) -> None:
    assert store.held_until() is None
    until = datetime(2026, 3, 28, 14, tzinfo=timezone(timedelta(hours=1)))
    store.hold(until, "ada", START)
    assert StoredWatch(database).held_until() == until
    store.hold(None, "ada", START)
    assert store.held_until() is None
    released, held = Events(database).latest(2)
    assert (held.kind, released.kind) == ("Watchdog Held", "Watchdog Released")
    assert held.message == "ada tells the watchdog to do nothing until 2026-03-28 13:00 UTC."


def test_what_the_owner_says_stands_in_the_story_of_the_open_incident(store: StoredWatch, views: WatchViews) -> None:
    store.hold(START, "ada", START)
    store.remember(restart(0, store.load()), None)
    store.arm(frozenset({Armed.DNS}), "ada", START)
    step = views.story(1)[-1]
    assert (step.kind, step.cause, step.data["by"], step.data["did"]) == (
        StepKind.OWNER, Cause.DOWN, "ada", "Watchdog Armed",
    )  # fmt: skip
    assert views.story(0) == []


def test_spoiled_orders_do_the_least_and_say_so_once(database: Database, store: StoredWatch, caplog) -> None:
    _set(database, "watch.armed", "reboot")
    _set(database, "watch.held_until", "tomorrow")
    assert [store.armed() for _ in range(3)] == [frozenset()] * 3
    assert [store.held_until() for _ in range(3)] == [None] * 3
    assert caplog.text.count("watch.armed") == caplog.text.count("watch.held_until") == 1
    _set(database, "watch.armed", '["dns", "of_a_newer_program"]')
    _set(database, "watch.held_until", "2026-03-28T14:00:00")
    assert store.armed() == {Armed.DNS}
    assert store.held_until() == datetime(2026, 3, 28, 14, tzinfo=UTC)


def _set(database: Database, key: str, value: str) -> None:
    row = {"key": key, "value": value, "changed_at": START, "changed_by": "sqlite3"}
    with database.write() as connection:
        database.upsert(connection, settings_table, [row], update=["value"])
