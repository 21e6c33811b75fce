"""The ledger of starts and stops of Plex: written with the look that noticed them, read page by page, kept for long."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from watch_rig import START, moment, quiet, restart, rows

from keeper.rules.types import Agent, Life, Turn, Turning, Watch
from keeper.store import cleaner, db
from keeper.store.db import Database
from keeper.store.schema import plex_turns
from keeper.store.watch_json import write_watch
from keeper.store.watch_views import WatchViews
from keeper.store.watching import StoredWatch
from keeper.world.clock import SystemClock

CRASHED = Turn(START, Turning.STOPPED, Agent.CRASH, 10_800.5)
BROUGHT_BACK = Turn(START, Turning.STARTED, Agent.CRASH)
BY_ADA = Turn(START + timedelta(hours=1), Turning.STOPPED, Agent.US, 0.0, "ada")


@pytest.fixture
def store(database: Database) -> StoredWatch:
    return StoredWatch(database)


@pytest.fixture
def views(database: Database) -> WatchViews:
    return WatchViews(database, SystemClock(), 300.0)


def notice(store: StoredWatch, *turns: Turn, seconds: float = 0) -> None:
    """A look that noticed these starts and stops."""
    store.remember(replace(quiet(seconds, store.load()), turns=turns), None)


def some(count: int) -> list[Turn]:
    return [replace(CRASHED, at=START + timedelta(seconds=number), lived=float(number)) for number in range(count)]


def test_what_a_look_noticed_is_read_newest_first(store: StoredWatch, views: WatchViews) -> None:
    assert views.turns(5) == []
    notice(store, CRASHED, BROUGHT_BACK)
    notice(store, seconds=20)
    notice(store, BY_ADA, seconds=40)
    assert [each.turn for each in views.turns(5)] == [BY_ADA, BROUGHT_BACK, CRASHED]
    assert [each.id for each in views.turns(5)] == [3, 2, 1]


@pytest.mark.parametrize("by", Agent)
@pytest.mark.parametrize("what", Turning)
def test_every_start_and_stop_comes_back_as_it_was(
    what: Turning, by: Agent, store: StoredWatch, views: WatchViews
) -> None:
    turn = Turn(START, what, by, None if what is Turning.STARTED else 0.25)
    notice(store, turn)
    assert [each.turn for each in views.turns(5)] == [turn]


def test_they_are_read_page_by_page(store: StoredWatch, views: WatchViews) -> None:
    notice(store, *some(7))
    first = views.turns(3)
    second = views.turns(3, before=first[-1].id)
    assert [each.turn.lived for each in (*first, *second)] == [6, 5, 4, 3, 2, 1]
    assert [each.turn.lived for each in views.turns(3, before=second[-1].id)] == [0]
    assert views.turns(3, before=1) == []


def test_rows_spoiled_by_hand_neither_stop_a_page_nor_make_it_look_like_the_last(
    database: Database, store: StoredWatch, views: WatchViews
) -> None:
    notice(store, *some(6))
    with database.write() as connection:
        connection.exec_driver_sql("update plex_turns set what = 'dances' where id in (3, 5)")
        connection.exec_driver_sql("update plex_turns set by_agent = 'of_a_newer_program' where id = 6")
    shown = views.turns(3)
    assert [each.id for each in shown] == [6, 4, 2]
    assert shown[0].turn.by is Agent.UNKNOWN


def test_a_memory_that_is_gone_knows_the_latest_ones_again(database: Database, store: StoredWatch) -> None:
    notice(store, *some(30))
    with database.write() as connection:
        connection.exec_driver_sql("delete from watch_memory")
    assert store.load().turns == tuple(some(30)[-20:])


def test_what_can_be_read_of_a_damaged_memory_goes_before_the_ledger(database: Database, store: StoredWatch) -> None:
    watch = replace(store.load(), turns=(BY_ADA,), life=Life(True, moment(0)))
    store.remember(replace(quiet(0, watch), turns=(CRASHED, BY_ADA)), None)
    tree = json.loads(write_watch(watch)) | {"cause": "of a newer program"}
    with database.write() as connection:
        connection.exec_driver_sql("update watch_memory set watch_json = ?", (json.dumps(tree),))
    assert store.load() == watch


def test_the_newest_five_thousand_are_kept(
    database: Database, store: StoredWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dict(cleaner.KEPT)[plex_turns] == 5_000
    monkeypatch.setattr(cleaner, "KEPT", ((plex_turns, 4),))
    notice(store, *some(11))
    clean = cleaner.StoredCleaner(database)
    gone = [clean.prune(START, 90, 500, batch=5) for _ in range(3)]
    assert gone == [5, 2, 0]
    assert rows(database, "select id from plex_turns order by id") == [(8,), (9,), (10,), (11,)]


# ------------------------------------------------------------------------------------------------ files of before


@pytest.fixture
def of_version_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data file of a program that knew no starts and stops, in the middle of an incident."""
    path, first_two = tmp_path / "older.db", db._steps()[:2]
    with monkeypatch.context() as older:
        older.setattr(db, "_steps", lambda: first_two)
        database = Database(path)
        assert database.migrate() == 2
    StoredWatch(database).remember(replace(restart(0, Watch()), turns=()), None)
    unknown_then = ("life", "turns", "paces", "levels")
    with database.write() as connection:
        (text,) = connection.exec_driver_sql("select watch_json from watch_memory").one()
        older_text = json.dumps({name: value for name, value in json.loads(text).items() if name not in unknown_then})
        connection.exec_driver_sql("update watch_memory set watch_json = ?", (older_text,))
    database.close()
    return path


def test_a_file_of_version_two_is_brought_up_to_date_and_forgets_nothing(of_version_two: Path, caplog) -> None:
    database = Database(of_version_two)
    assert database.migrate() >= 3
    assert database.integrity() == "ok"
    store = StoredWatch(database)
    watch = store.load()
    assert watch == restart(0, Watch()).watch
    assert "cannot be read" not in caplog.text
    notice(store, CRASHED, seconds=20)
    views = WatchViews(database, SystemClock(), 300.0)
    assert [each.turn for each in views.turns(5)] == [CRASHED]
    assert [each.taken for each in views.actions(5)] == list(watch.taken)
    database.close()
