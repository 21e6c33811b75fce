"""'This folder is right as it is': by a command, beside a service that knew it otherwise."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from command_rig import run, settings_of
from pydantic import SecretStr

from jobs import Brake
from keeper.config import Settings
from keeper.demo.generate import folder_of
from keeper.errors import RunError, SettingsError
from keeper.house.folders import Folder, Folders
from keeper.rules.types import Cause, Fact, SectionSeen, StepKind
from keeper.store.checks import note_sections
from keeper.store.db import Database
from keeper.store.events import Events
from keeper.store.folders import KEY, StoredFolders
from keeper.store.memory import StoredMemory
from keeper.wiring import House
from keeper.world.clock import SystemClock
from keeper.world.files import Known
from keeper.world.plex import PlexClient

THEIRS = folder_of("Movies")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "Film (1999).mkv").touch()
    return folder


@pytest.fixture
def plex(serve):
    return serve("movies:5:0")


@pytest.fixture
def house(tmp_path: Path, plex, films: Path) -> Iterator[House]:
    """The service, whose looks this test has it make."""
    house = House(
        Settings(
            _env_file=None, plex_url=plex.url, plex_token=SecretStr(plex.token), psr_db_path=tmp_path / "keeper.db",
            host_kind="none", network_test_endpoints="none", mount_map=f"{THEIRS}={films}",
        )
    )  # fmt: skip
    yield house
    house.close()


@pytest.fixture
def environment(tmp_path: Path, plex, films: Path) -> dict[str, str]:
    """The same for a command in a process of its own."""
    return settings_of(plex.url, plex.token, tmp_path / "keeper.db", MOUNT_MAP=f"{THEIRS}={films}")


def look(house: House, times: int = 2) -> Cause:
    for _ in range(times):
        house.watchtower.tick()
    last = house.checks.last()
    assert last is not None
    return last.cause


def empty(films: Path) -> None:
    for entry in films.iterdir():
        entry.unlink()


def test_a_folder_emptied_on_purpose_is_right_at_the_next_look_of_the_service(
    house: House, environment: dict[str, str], films: Path
) -> None:
    assert look(house, 3) is Cause.OK
    empty(films)
    assert look(house) is Cause.MOUNT_MISSING
    listed = run(environment, "folders", "--json")
    (row,) = json.loads(listed.stdout)
    assert listed.returncode == 1
    assert (row["path"], row["libraries"], row["ok"], row["seen"]) == (str(films), ["Movies"], False, "empty")
    assert row["known"]["filled"] is True
    assert row["mend"].endswith(f"python -m keeper folders --accept {films}")
    accepted = run(environment, "folders", "--accept", f"{films}/")
    assert accepted.returncode == 0, accepted.stderr
    assert f"{films}: what was known of it is forgotten" in accepted.stdout
    assert look(house, 1) is Cause.OK
    assert run(environment, "folders").returncode == 0


def test_who_accepted_a_folder_is_told_as_an_event_and_in_the_story_of_the_open_incident(
    house: House, films: Path
) -> None:
    look(house, 3)
    empty(films)
    look(house)
    house.accept_folder(str(films), "ada")
    (event,) = Events(house.database).latest(10, ["Folder Accepted"])
    assert event.data == {"by": "ada", "path": str(films)}
    assert str(films) in event.message
    incident = house.watch_memory.load().incident
    assert incident is not None
    step = next(each for each in house.watch.story(incident.number) if each.kind is StepKind.OWNER)
    assert dict(step.data) == {"did": "Folder Accepted", "by": "ada", "path": str(films)}


def test_a_folder_that_is_missing_cannot_be_accepted_and_stays_missed(
    house: House, environment: dict[str, str], films: Path
) -> None:
    """It is the only one: were it forgotten, it would look like one that was never on this machine."""
    look(house, 3)
    empty(films)
    films.rmdir()
    refused = run(environment, "folders", "--accept", str(films))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"keeper: {films} cannot be accepted as it is. It is missing. Mount it again, or ")
    assert look(house, 1) is Cause.MOUNT_MISSING


@pytest.mark.parametrize("word", ["missing", "hanging", "stale", "broken EIO", "not_a_folder", "failed EIO"])
def test_what_does_not_answer_is_not_accepted(database: Database, word: str) -> None:
    folders = folders_of(database, library("Films", "/films"))
    folders["/films"] = Known(filled=True)
    with pytest.raises(RunError, match="cannot be accepted"):
        folders.accept("/films", "ada", {"mount:/films": Fact(False, word)})
    assert folders.get("/films") == Known(filled=True)


@pytest.mark.parametrize(
    "row", [[True, "", 5], [True, "", None], ["x", 1, "/"], [True, "", "/", 9], "abc", {"a": 1, "b": 2, "c": 3}]
)
def test_what_was_edited_by_hand_is_learnt_anew(database: Database, row: object) -> None:
    """A number in place of a path would end the look of all folders, for ever."""
    StoredMemory(database, SystemClock()).note(KEY, json.dumps({"/films": row}), "somebody")
    assert folders_of(database, library("Films", "/films")).get("/films") is None


def test_while_nothing_is_wrong_it_is_told_as_an_event_alone(house: House, films: Path) -> None:
    look(house, 3)
    house.accept_folder(THEIRS, "ada")
    assert [event.kind for event in Events(house.database).latest(10, ["Folder Accepted"])] == ["Folder Accepted"]
    assert house.watch.incidents(10) == []


def test_an_unknown_folder_is_refused_with_the_names_of_the_known_ones(
    house: House, environment: dict[str, str], films: Path
) -> None:
    with pytest.raises(RunError, match="none yet"):
        house.accept_folder("/films", "ada")
    look(house, 1)
    refused = run(environment, "folders", "--accept", "/flims")
    assert refused.returncode == 2
    assert refused.stderr == f"keeper: /flims is no folder of a library. Those are: {films}.\n"


def test_the_page_gets_the_folders_as_the_last_look_saw_them(house: House, films: Path) -> None:
    assert house.folders() == []
    look(house, 3)
    assert [(each.path, each.ok) for each in house.folders()] == [(str(films), True)]
    empty(films)
    assert house.folders()[0].ok is True, "nobody looked since"
    assert house.folders(look=True)[0].seen == "empty"
    assert look(house, 1) is Cause.MOUNT_MISSING
    (folder,) = house.folders()
    assert (folder.ok, folder.sentence) == (False, "It is empty, and had something in it before.")


def test_a_wrong_map_of_folders_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="MOUNT_MAP is 'films'"):
        House(Settings(_env_file=None, psr_db_path=tmp_path / "keeper.db", mount_map="films"))


# ------------------------------------------------------------------------------------------------ the memory


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "store.db")
    database.migrate()
    yield database
    database.close()


def folders_of(database: Database, *sections: SectionSeen) -> Folders:
    return Folders(StoredFolders(database), SystemClock(), lambda: sections, str)


def library(title: str, *paths: str, seen: datetime = NOW) -> SectionSeen:
    return SectionSeen(title, "movie", title, "", paths, seen)


def test_what_a_look_learns_of_one_folder_does_not_bring_back_another_that_was_forgotten(database: Database) -> None:
    service = folders_of(database, library("Films", "/films", "/more"))
    command = folders_of(database, library("Films", "/films", "/more"))
    service["/films"] = Known(filled=True)
    assert service.get("/films") == Known(filled=True)
    command.accept("/films", "ada", {})
    service["/more"] = Known(filled=True)
    assert (service.get("/films"), service.get("/more")) == (None, Known(filled=True))


def test_a_library_that_was_deleted_in_plex_is_watched_no_longer(database: Database) -> None:
    old, new = library("Old", "/old", seen=NOW - timedelta(days=1)), library("Films", "/films")
    folders = folders_of(database, old, new)
    assert folders.paths() == ["/films"]
    folders["/old"] = Known(filled=True)
    gone = next(each for each in folders.show({}) if each.path == "/old")
    assert (gone.ok, gone.libraries, gone.sentence) == (None, (), "No library of Plex has it any more.")
    folders.accept("/old", "ada", {})
    assert [each.path for each in folders.show({})] == ["/films"]


def test_all_libraries_that_plex_shows_are_seen_at_the_same_time(house: House, serve) -> None:
    """The rule above rests on it."""
    many = serve("small")
    client = PlexClient(many.url, many.token, 5.0, SystemClock(), Brake())
    shown = client.sections()
    client.close()
    look(house, 1)
    server, later = house.views.server_id(), NOW + timedelta(days=9999)
    with house.database.write() as connection:
        note_sections(house.database, connection, server, shown, later)
    assert len(shown) > 1
    assert {each.title for each in house.checks.sections(server) if each.seen_at == later} == {s.title for s in shown}


@pytest.mark.parametrize("text", ["{", "[1]", '{"/films": 3}', '{"/films": [1, 2, 3, 4, 5]}', "null"])
def test_what_cannot_be_read_is_learnt_anew_and_told_once(
    database: Database, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    StoredMemory(database, SystemClock()).note(KEY, text, "somebody")
    folders = folders_of(database, library("Films", "/films"))
    with caplog.at_level(logging.ERROR):
        assert [folders.get("/films") for _ in range(3)] == [None] * 3
    assert len(caplog.records) <= 1
    folders["/films"] = Known(filled=True, mount="/")
    assert folders.get("/films") == Known(filled=True, mount="/")


FACTS: Mapping[str, Fact] = {
    "mount:/a": Fact(False, "broken ENOTCONN"), "mount:/b": Fact(None, "late"), "mount:/c": Fact(True),
}  # fmt: skip


def test_each_folder_is_told_in_a_sentence_with_its_mend(database: Database) -> None:
    shown = folders_of(database, library("Films", "/a", "/b", "/c", "/d"), library("Kids", "/c")).show(FACTS)
    assert [(each.path, each.ok, each.sentence, each.mend) for each in shown] == [
        ("/a", False, "Its server is gone.", "Unmount it and mount it again."),
        ("/b", None, "It cannot be told: late.", ""),
        ("/c", True, "It is there and has something in it.", ""),
        ("/d", None, "It was not looked at yet.", ""),
    ]
    assert shown[2] == Folder("/c", ("Films", "Kids"), True, "", None)
