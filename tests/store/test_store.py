"""The store: migrations, damage, item states, preferences, checks."""

import sqlite3
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keeper.errors import PlexOtherServer, StoreDamaged, StoreError, StoreNewer
from keeper.rules.types import (
    Cause,
    Check,
    Fact,
    Item,
    ItemFilter,
    Outcome,
    Preferences,
    Section,
    Server,
    Severity,
    Suspect,
    Verdict,
)
from keeper.store import schema
from keeper.store.checks import Checks
from keeper.store.db import Database
from keeper.store.events import write_event
from keeper.store.items import Items
from keeper.store.memory import StoredMemory
from keeper.store.runs import Runs
from keeper.store.schema import read_utc, utc_text
from keeper.store.views import Views
from keeper.world.clock import SystemClock

MOVIES = Section("1", "movie", "Movies", "tv.plex.agents.movie")


@pytest.fixture
def items(database):
    return Items(database, SystemClock())


def movie(key="7", title="Alien", **changes):
    return Item(key, "movie", title, "", "plex://m/1", True, "/t", "/a", "S.", 1979, 1, 1, "1")._replace(**changes)


def flawed(items, *keys, job="run"):
    items.note_flawed(1, [(MOVIES, movie(key, f"Title {key}"), ("poster",)) for key in keys], job)
    suspects = [
        Suspect(key, "1", "Movies", "movie", f"Title {key}", "", 1979, ("poster",), position=n)
        for n, key in enumerate(keys)
    ]
    items.found(job, suspects)


def state(database, key="7"):
    with database.read() as connection:
        statement = "select state, missing, outcome, failed_count, next_try_at from media_state where rating_key=?"
        return tuple(connection.exec_driver_sql(statement, (key,)).one())


def test_migrating_twice_changes_nothing(database):
    assert database.migrate() == database.migrate()
    assert database.integrity() == "ok"


def test_a_file_of_a_newer_program_is_refused_and_left_alone(database):
    with database.write() as connection:
        connection.exec_driver_sql("insert into schema_version values (999, 'now')")
    with pytest.raises(StoreNewer, match="newer"):
        database.migrate()


def test_a_damaged_file_is_told_with_what_to_do(tmp_path):
    path = tmp_path / "keeper.db"
    path.write_bytes(b"this is no database, " * 500)
    with pytest.raises(StoreDamaged, match="Move it aside"):
        Database(path).migrate()


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="folder"):
        Database(tmp_path / "file" / "below" / "keeper.db")


def test_two_programs_may_migrate_at_the_same_moment(tmp_path):
    errors = []

    def migrate():
        try:
            Database(tmp_path / "keeper.db").migrate()
        except StoreError as problem:
            errors.append(problem)

    threads = [threading.Thread(target=migrate) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_full_disk_is_told_and_nothing_stored_so_far_is_lost(database, items):
    flawed(items, "1")
    with database.engine.connect() as connection:
        pages = connection.exec_driver_sql("pragma page_count").scalar()
    raw = database.engine.raw_connection()
    raw.execute(f"pragma max_page_count={pages}")
    raw.close()
    with pytest.raises(StoreError, match="full"):
        for number in range(5000):
            flawed(items, *[f"{number}-{n}" for n in range(50)], job=f"run{number}")
    assert state(database, "1")[0] == "flawed"


@given(st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)), st.integers(-12, 12))  # noqa: DTZ001 - made aware below
def test_times_sort_as_text_and_come_back_as_utc(moment, hours):
    aware = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    text = utc_text(aware)
    assert len(text) == 24
    assert abs(datetime.fromisoformat(text) - aware) < timedelta(milliseconds=1)
    assert (utc_text(aware + timedelta(seconds=1)) > text) is True


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)))  # noqa: DTZ001 - made aware below
def test_times_of_any_year_come_back_as_they_were(moment):
    aware = moment.replace(tzinfo=UTC)
    assert len(utc_text(aware)) == 24 and abs(read_utc(utc_text(aware)) - aware) < timedelta(milliseconds=1)


@pytest.mark.parametrize("text", ["24-11-21T10:00:00.000Z", "", "yesterday", "0001-01-01T00:00:00+05:00", "2026-13-01"])
def test_a_time_that_was_spoiled_in_the_file_counts_as_long_ago_and_is_said_once(text, caplog, monkeypatch):
    monkeypatch.setattr(schema, "_complained", set())
    assert read_utc(text) == read_utc(text) == datetime(1970, 1, 1, tzinfo=UTC)
    assert len([record for record in caplog.records if "cannot be read" in record.getMessage()]) == 1


def test_a_time_without_a_zone_is_utc():
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert read_utc("2026-07-01 12:00:00") == read_utc("2026-07-01T14:00:00+02:00") == noon


def test_the_latest_word_follows_listing_and_verdicts(database, items):
    flawed(items, "7")
    assert state(database)[:2] == ("flawed", "poster")
    rest = datetime(2030, 1, 1, tzinfo=UTC)
    items.judge("run", 1, [Verdict("7", Outcome.STILL_MISSING, ("poster",), "nothing_came", rest)])
    assert state(database) == ("flawed", "poster", "still_missing", 1, utc_text(rest))
    flawed(items, "7", job="later")
    assert state(database)[3] == 1
    items.judge("later", 1, [Verdict("7", Outcome.FIXED)])
    assert state(database) == ("ok", "", "fixed", 0, None)


def test_an_item_found_whole_owes_its_failures_nothing(database, items):
    flawed(items, "7")
    items.judge("run", 1, [Verdict("7", Outcome.ERROR, ("poster",), "refused", datetime(2030, 1, 1, tzinfo=UTC))])
    items.note_whole(1, [movie()], "next")
    assert state(database)[0] == "ok"
    assert state(database)[3:] == (0, None)


def test_what_did_not_change_is_not_written_again(database, items):
    items.note_whole(1, [movie()], "first")
    items.note_whole(1, [movie()], "second")
    with database.read() as connection:
        assert connection.exec_driver_sql("select job_id from media_state").scalars().all() == ["first"]


def test_the_first_verdict_stays(database, items):
    flawed(items, "7")
    assert items.judge("run", 1, [Verdict("7", Outcome.FIXED)]) == 1
    assert items.judge("run", 1, [Verdict("7", Outcome.ERROR, ("poster",), "refused")]) == 0
    assert items.outcome_counts("run") == {"Movies": {"fixed": 1}}
    assert state(database)[0] == "ok"


def test_leaving_an_item_alone_changes_no_latest_word(database, items):
    flawed(items, "7")
    before = state(database)
    items.judge("run", 1, [Verdict("7", Outcome.SKIPPED, ("poster",), "locked")])
    assert state(database) == before


def test_ignored_items_stay_ignored_through_listings(items):
    flawed(items, "7")
    assert items.ignore(1, ["7"], on=True) == 1
    flawed(items, "7", job="later")
    assert items.known(1, ["7"])["7"].ignored
    assert items.due_again(1, ["1"], datetime(2099, 1, 1, tzinfo=UTC), 10) == []


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(search=st.text(max_size=12))
def test_any_search_text_is_harmless(items, search):
    flawed(items, "7")
    rows, total = items.state_rows(1, ItemFilter(search=search), 10, 0)
    assert len(rows) == min(total, 10)


def test_filters_narrow_lists(database, items):
    flawed(items, "1", "2", "3")
    items.note_whole(1, [movie("9", "Whole")], "run")
    items.note_flawed(1, [(MOVIES, movie("4", "100% _odd_"), ("summary", "ids"))], "run")
    assert items.state_rows(1, ItemFilter(state="flawed"), 10, 0)[1] == 4
    assert items.state_rows(1, ItemFilter(state="ok"), 10, 0)[1] == 1
    assert items.state_rows(1, ItemFilter(missing="ids"), 10, 0)[1] == 1
    assert items.state_rows(1, ItemFilter(missing="id"), 10, 0)[1] == 0
    assert items.state_rows(1, ItemFilter(search="100% _ODD"), 10, 0)[1] == 1
    assert items.state_rows(1, ItemFilter(search="title 2"), 10, 0)[1] == 1
    assert items.work_rows("run", ItemFilter(outcome="open"), 2, 2)[1] == 3


def test_health_counts_what_is_known(database, items):
    runs = Runs(database, SystemClock())
    number = runs.pin_server("here", Server("abc", "Home", "1"))
    items.note_sections(number, [MOVIES])
    items.note_whole(number, [movie("9", "Whole")], "run")
    flawed(items, "1", "2")
    items.ignore(number, ["2"], on=True)
    (library,) = Views(database, SystemClock(), lambda: runs.pinned_server("here")).health()
    assert (library.title, library.known, library.ok, library.flawed, library.ignored) == ("Movies", 3, 1, 2, 1)
    assert library.missing == {"poster": 2}


def test_an_address_stays_with_its_server_until_the_owner_agrees(database):
    runs = Runs(database, SystemClock())
    first = runs.pin_server("here", Server("abc", "Home", "1"))
    assert runs.pin_server("there", Server("abc", "Home", "1")) == first
    with pytest.raises(PlexOtherServer, match="trust-server"):
        runs.pin_server("here", Server("xyz", "Other", "1"))
    runs.forget_server("here")
    assert runs.pin_server("here", Server("xyz", "Other", "1")) != first


def test_preferences_come_back_as_they_were_saved_and_unknown_ones_do_no_harm(database):
    memory = StoredMemory(database, SystemClock())
    assert memory.preferences() == Preferences()
    wanted = Preferences(
        libraries=("1", "2"), days=7, schedule_enabled=True, schedule="0 3 * * 1", zone="Europe/Berlin"
    )
    memory.save_preferences(wanted, "me")
    with database.write() as connection:
        connection.exec_driver_sql("insert into settings values ('of_a_later_version', '1', 'now', 'me')")
    assert memory.preferences() == wanted


def test_a_setting_spoiled_by_hand_counts_as_not_set(database, caplog):
    memory = StoredMemory(database, SystemClock())
    memory.save_preferences(Preferences(days=7, max_items=9), "me")
    with database.write() as connection:
        connection.exec_driver_sql("update settings set value='seven', changed_at='just now' where key='days'")
    assert memory.preferences() == Preferences(max_items=9)
    assert "days" in caplog.text


def test_a_look_that_saw_no_libraries_forgets_none(database):
    checks = Checks(database)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    fine = Check(now, Cause.OK, "fine", {"port": Fact(True), "sessions": Fact(2.0)}, {"action": "none"}, 3.5)
    checks.remember(fine, (1, [MOVIES]))
    down = Check(now + timedelta(minutes=5), Cause.DOWN, "down", {"port": Fact(False, "refused")}, {}, None)
    checks.remember(down, None)
    assert checks.last() == down
    assert [section.title for section in checks.sections(1)] == ["Movies"]
    assert [cause for _, cause, _ in checks.since(now)] == ["ok", "down"]


def test_a_reader_is_never_held_up_by_a_writer(database):
    with database.write() as connection:
        connection.exec_driver_sql("insert into settings values ('k', '1', 'now', 'me')")
        quick = sqlite3.connect(database.path, timeout=0)
        assert quick.execute("select count(*) from settings").fetchone() == (0,)
        quick.close()


def test_a_file_that_was_removed_or_replaced_while_in_use_is_noticed(database):
    assert database.in_place
    database.path.rename(database.path.with_suffix(".away"))
    assert not database.in_place
    Database(database.path).migrate()
    assert not database.in_place


def test_what_happened_at_the_door_is_found_among_everything_else(database):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with database.write() as connection:
        for kind in ("Login", "Scan Success", "Login Failed", "Plex", "Password Changed"):
            write_event(connection, now, kind, Severity.INFO, f"{kind}.", {"username": "ada"})
    views = Views(database, SystemClock(), lambda: None)
    assert [event.kind for event in views.door_events(10)] == ["Password Changed", "Login Failed", "Login"]
    assert [event.kind for event in views.door_events(1)] == ["Password Changed"]
    assert views.door_events(1)[0].data == {"username": "ada"}
    assert len(views.events(10)) == 5


@pytest.mark.parametrize("table", ["settings", "events"])
def test_a_text_that_is_none_is_shown_as_far_as_it_goes(table: str, database: Database) -> None:
    """One such cell made every page that reads its table fail, for good."""
    with database.write() as connection:
        if table == "settings":
            connection.exec_driver_sql("insert into settings values ('x', cast(x'41ff42' as text), '2026-01-01', 'me')")
            column = "value"
        else:
            connection.exec_driver_sql(
                "insert into events (at, kind, severity, message, data_json)"
                " values ('2026-01-01', 'Login', 'info', cast(x'41ff42' as text), '{}')"
            )
            column = "message"
    with database.read() as connection:
        assert connection.exec_driver_sql(f"select {column} from {table}").scalar() == "A\ufffdB"


def test_what_cannot_be_decoded_is_not_asked_again(database: Database) -> None:
    with pytest.raises(StoreDamaged, match="cannot be read") as raised, database.read() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.text_factory = str
        connection.exec_driver_sql("select cast(x'ff' as text)").scalar()
    assert not raised.value.retry
