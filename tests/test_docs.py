"""The documents say what the program does: settings, commands, queries, tables, requirements, rooms."""

from __future__ import annotations

import argparse
import re
import sqlite3
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine

from keeper.__main__ import _parser
from keeper.config import Settings
from keeper.store.db import Database
from keeper.store.schema import metadata

ROOT = Path(__file__).resolve().parents[1]
KEEPER = ROOT / "keeper"
FIELDS = {name.upper(): field for name, field in Settings.model_fields.items()}
MARKDOWN = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "keeper/README.md", "deploy/README.md")
#: keeper/demo has a README of its own.
LISTED_FOLDERS = ("", "rules", "store", "world", "ui", "house", "commands", "doctor")
JOB_ID = "20261121-033000-a1b2c3"
LAST_RUNS = (
    "SELECT job_id,status,started_at,finished_at,cancel_requested,error "
    "FROM scan_runs ORDER BY started_at DESC LIMIT 10;"
)
BIGGEST_PICTURE = 200_000


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


# ------------------------------------------------------------------------------------------------ settings


def example_values() -> dict[str, str]:
    """Key -> value of every `# KEY=value` line of .env.example."""
    return dict(re.findall(r"^# ?([A-Z][A-Z_]+)=(.*)$", text(".env.example"), re.MULTILINE))


def readme_settings() -> dict[str, str]:
    """Key -> default of every row of the settings table."""
    return dict(re.findall(r"^\| `([A-Z][A-Z_]+)` \| ([^|]+?) \|", text("README.md"), re.MULTILINE))


def as_written(key: str) -> str | None:
    """The default as a person would write it; None where it is no plain value."""
    default = FIELDS[key].default
    if isinstance(default, int | float):
        return f"{default:g}"
    return default or None if isinstance(default, str) else None


def test_every_setting_stands_in_env_example() -> None:
    assert set(example_values()) == set(FIELDS)


def test_every_setting_stands_in_the_readme() -> None:
    assert set(readme_settings()) == set(FIELDS)


@pytest.mark.parametrize("key", [key for key in FIELDS if as_written(key)])
def test_documented_defaults_are_the_real_ones(key: str) -> None:
    assert example_values()[key] == as_written(key), ".env.example"
    assert readme_settings()[key].strip("`") == as_written(key), "README.md"


def test_every_setting_of_env_example_is_explained() -> None:
    """The line above a key is a sentence, not another key."""
    lines = text(".env.example").splitlines()
    for number, line in enumerate(lines):
        if re.match(r"# ?[A-Z][A-Z_]+=", line):
            above = lines[number - 1]
            assert above.startswith("# ") and "=" not in above.split()[1], f".env.example:{number + 1}: {line}"


def test_env_example_sets_nothing_as_it_stands() -> None:
    """Copying it to .env must not change how the program behaves, until a line is switched on."""
    on = [line for line in text(".env.example").splitlines() if line.strip() and not line.startswith("#")]
    assert on == []


def test_env_example_is_accepted_with_every_line_switched_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in FIELDS:
        monkeypatch.delenv(key, raising=False)
    file = tmp_path / ".env"
    file.write_text("\n".join(f"{key}={value}" for key, value in example_values().items()), encoding="utf-8")
    read, usual = Settings(_env_file=file), Settings(_env_file=None)
    assert not read.demo, "the example shows how to connect a server"
    assert read.model_dump(exclude={"plex_url", "plex_token"}) == usual.model_dump(exclude={"plex_url", "plex_token"})


def test_env_example_holds_no_secret() -> None:
    secret = [key for key, field in FIELDS.items() if isinstance(field.default, SecretStr)]
    assert {key: value for key in secret if (value := example_values()[key])} in ({}, {"PLEX_TOKEN": "your-token"})


# ------------------------------------------------------------------------------------------------ commands


def commands() -> dict[str, argparse.ArgumentParser]:
    groups = (action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(next(groups).choices)


@pytest.mark.parametrize("name", commands())
def test_every_command_stands_in_the_readme(name: str) -> None:
    readme = text("README.md")
    assert re.search(rf"python -m keeper {re.escape(name)}\b", readme), f"python -m keeper {name}"
    options = [option for action in commands()[name]._actions for option in action.option_strings]
    missing = [option for option in options if option.startswith("--") and option != "--help" and option not in readme]
    assert not missing, f"options of {name} that README.md does not name"


def test_the_readme_names_no_command_that_does_not_exist() -> None:
    named = set(re.findall(r"python -m keeper ([a-z][a-z-]+)", text("README.md")))
    assert named <= set(commands())


def test_make_targets_of_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE))
    named = {t for name in MARKDOWN for t in re.findall(r"`make ([a-z]+)`|^make ([a-z]+)", text(name), re.MULTILINE)}
    assert {first or second for first, second in named} <= targets


# ------------------------------------------------------------------------------------------------ the data file


@pytest.fixture
def fresh(tmp_path: Path) -> sqlite3.Connection:
    """A new data file, opened the way the sqlite3 command would."""
    database = Database(tmp_path / "fresh.db")
    database.migrate()
    database.close()
    return sqlite3.connect(tmp_path / "fresh.db")


def readme_queries() -> list[str]:
    return re.findall(r"^sqlite3 [^\"\n]*\"([^\"]+)\"", text("README.md"), re.MULTILINE)


def test_the_readme_shows_the_latest_runs() -> None:
    assert LAST_RUNS in readme_queries()


@pytest.mark.parametrize("query", readme_queries())
def test_every_query_of_the_readme_works_on_a_fresh_data_file(query: str, fresh: sqlite3.Connection) -> None:
    fresh.execute(query).fetchall()


def test_the_cancel_of_the_readme_reaches_the_run_it_names(fresh: sqlite3.Connection) -> None:
    cancel = next(query for query in readme_queries() if query.startswith("UPDATE") and JOB_ID in query)
    columns = "(job_id, status, source, requested_by, dry_run, options_json, created_at, phase)"
    for job_id in (JOB_ID, "another"):
        fresh.execute(
            f"INSERT INTO scan_runs {columns} VALUES (?, ?, 'cli', 'me', 0, '{{}}', '2026-11-21T03:30:00.000Z', 'x')",
            (job_id, "running" if job_id == JOB_ID else "success"),
        )
    fresh.execute(cancel)
    asked = dict(fresh.execute("SELECT job_id, cancel_requested FROM scan_runs"))
    assert asked == {JOB_ID: 1, "another": 0}


def shape(connection: sqlite3.Connection, table: str) -> list[tuple[str, str, bool, int]]:
    """(name, affinity, may not be NULL, place in the primary key) of every column, in order."""
    rows = connection.execute(f"PRAGMA table_info({table})").fetchall()
    return [(name, affinity(kind), bool(not_null or key), key) for _, name, kind, not_null, _, key in rows]


def affinity(declared: str) -> str:
    """SQLite's own rules, in their order (the BLOB one does not occur)."""
    for word, kind in (("INT", "integer"), ("CHAR", "text"), ("TEXT", "text"), ("REAL", "real"), ("FLOA", "real")):
        if word in declared.upper():
            return kind
    return f"unknown ({declared})"


def tables(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return {name for (name,) in rows}


def test_the_migrations_make_the_tables_the_program_knows(fresh: sqlite3.Connection) -> None:
    assert tables(fresh) == set(metadata.tables)


@pytest.mark.parametrize("table", metadata.tables)
def test_the_migrated_table_is_the_one_in_schema_py(table: str, fresh: sqlite3.Connection, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'declared.db'}")
    metadata.create_all(engine)
    engine.dispose()
    assert shape(fresh, table) == shape(sqlite3.connect(tmp_path / "declared.db"), table)


def test_migrations_are_numbered_without_a_gap() -> None:
    numbers = [int(file.name[:4]) for file in sorted((KEEPER / "store/migrations").glob("*.sql"))]
    assert numbers == list(range(1, len(numbers) + 1))


# ------------------------------------------------------------------------------------------------ the rest


def requirement_lines(name: str) -> list[str]:
    lines = text(name).splitlines()
    return [line for line in lines if line.strip() and not line.startswith(("#", "-r "))]


@pytest.mark.parametrize("line", requirement_lines("requirements.txt"))
def test_every_requirement_is_pinned_and_says_why_it_is_here(line: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._-]+==[^\s*]+\s+# \S.+", line), line


@pytest.mark.parametrize("line", requirement_lines("requirements-dev.txt"))
def test_every_requirement_of_the_tests_is_pinned(line: str) -> None:
    assert re.match(r"[A-Za-z0-9._-]+==[^\s*]+(\s+#.+)?$", line), line


@pytest.mark.parametrize("folder", LISTED_FOLDERS)
def test_the_rooms_are_described_file_by_file(folder: str) -> None:
    entries = [entry for entry in (KEEPER / folder).iterdir() if not entry.name.startswith("__py")]
    names = {entry.name for entry in entries if entry.is_dir() or entry.suffix == ".py"} - {"__init__.py"}
    described = text("keeper/README.md")
    missing = {
        name for name in names if not re.search(rf"(?<![\w/]){re.escape(name.removesuffix('.py'))}\b", described)
    }
    assert not missing, f"keeper/README.md does not name them (keeper/{folder})"


def test_the_simulated_server_is_described_file_by_file() -> None:
    described = text("keeper/demo/README.md")
    files = {file.name for file in (KEEPER / "demo").glob("*.py")} - {"__init__.py"}
    assert {name for name in files if name not in described and not name.startswith("routes_")} == set()


@pytest.mark.parametrize("name", MARKDOWN)
def test_links_and_pictures_lead_somewhere(name: str) -> None:
    found = re.findall(r"(?:\]\(|src=\")([^)\"\s]+)", text(name))
    for link in (link for link in found if not re.match(r"https?:|#", link)):
        target = (ROOT / name).parent / link.partition("#")[0]
        assert target.exists(), f"{name}: {link}"
        assert target.suffix != ".png" or target.stat().st_size < BIGGEST_PICTURE, f"{link} is too big"
