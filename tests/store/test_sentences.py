"""What is stored for people to read holds no secret, whoever wrote it; what the program compares is left alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Text

from keeper.rules.types import Cause, Check, Fact, RunStatus, ScanOptions, Severity, Source, Stats
from keeper.store.checks import Checks
from keeper.store.db import Database
from keeper.store.events import Events, write_event
from keeper.store.runs import Runs
from keeper.store.schema import Sentence, metadata
from keeper.world.clock import SystemClock
from keeper.world.host import LocalHost
from keeper.world.redactor import Redactor

NOW = datetime(2026, 5, 5, tzinfo=UTC)
SECRET, NUMBER = 'qu"ote-&-secret', "-1001234567890"
#: Text that is read again and compared, comes in bulk from answers that were cleaned as they came (world/http), or
#: holds nothing but our own words and numbers.
LEFT_ALONE = {
    "settings.value", "scan_runs.stats_json", "scan_items.section_title", "scan_items.title", "scan_items.parent",
    "media_state.title", "media_state.parent", "library_sections.title", "library_sections.locations_json",
    "watch_memory.watch_json", "check_hours.causes_json", "check_hours.figures_json", "check_days.causes_json",
    "check_days.figures_json", "speed_tests.progress_json",
}  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "keeper.db", Redactor([SECRET, NUMBER]).clean)
    database.migrate()
    yield database
    database.close()


def test_every_column_of_text_is_a_sentence_or_has_a_reason_not_to_be() -> None:
    columns = {f"{table.name}.{column.name}": column.type for table in metadata.tables.values() for column in table.c}
    texts = {name for name, kind in columns.items() if isinstance(kind, Text)}
    sentences = {name for name, kind in columns.items() if isinstance(kind, Sentence)}
    assert texts == LEFT_ALONE
    assert {"events.message", "events.data_json", "scan_runs.error", "scan_runs.note", "checks.sentence"} <= sentences


def test_events_hold_no_secret(database: Database) -> None:
    data = {"why": f"said {SECRET}", "deep": [{SECRET: SECRET}], "chat": int(NUMBER), "n": 5, "none": None, "yes": True}
    with database.write() as connection:
        write_event(connection, NOW, "Test", Severity.INFO, f"It said {SECRET}.", data)
    (event,) = Events(database).latest(5)
    assert event.message == "It said ***."
    assert event.data == {
        "why": "said ***", "deep": [{"***": "***"}], "chat": "***", "n": 5, "none": None, "yes": True,
    }  # fmt: skip


def test_looks_hold_no_secret(database: Database) -> None:
    look = Check(NOW, Cause.OK, f"Fine {SECRET}.", {"name": Fact(SECRET)}, {"reason": SECRET}, 4.5)
    Checks(database).remember(look, None)
    kept = Checks(database).last()
    assert kept is not None
    assert (kept.sentence, kept.facts["name"].value, kept.decision["reason"]) == ("Fine ***.", "***", "***")


def test_runs_hold_no_secret_and_keep_their_names(database: Database) -> None:
    runs, host = Runs(database, SystemClock()), LocalHost()
    run = runs.start(Source.CLI, ScanOptions(libraries=(SECRET,)), SECRET, host.me(), "here", 60)
    runs.finish(run.job_id, host.me(), RunStatus.FAILED, Stats(), 1.0, f"There is no {SECRET}.", "run")
    kept = runs.get(run.job_id)
    assert kept is not None
    assert (kept.error, kept.options.libraries, kept.status) == ("There is no ***.", ("***",), RunStatus.FAILED)
    assert kept.requested_by == SECRET  # a name is compared, and a person's name that is a secret is no secret


def test_what_holds_no_secret_is_stored_as_it_is(database: Database) -> None:
    data = {"a": 1.50, "ü": "\n"}
    with database.write() as connection:
        write_event(connection, NOW, "Test", Severity.INFO, "plain", data)
        stored = connection.exec_driver_sql("select data_json from events").scalar()
    assert stored == json.dumps(data)
