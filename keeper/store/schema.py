"""The tables as SQLAlchemy sees them. The truth about columns is migrations/*.sql; a test holds the two together."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Float, Integer, MetaData, String, Table, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

log = logging.getLogger(__name__)

#: What stands for a time that cannot be read: long ago, so whatever waited until then waits no longer.
SPOILED = datetime(1970, 1, 1, tzinfo=UTC)
MOST_COMPLAINTS = 20  # spoiled times that are named in the log
_complained: set[str] = set()
CLEAN = "keeper_clean"  # where an engine's dialect carries what takes the secrets out of a sentence


def utc_text(moment: datetime) -> str:
    """An aware datetime as it stands in the file. The year has four digits always, which %Y does not see to."""
    utc = moment.astimezone(UTC)
    return f"{utc.year:04d}-{utc:%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def read_utc(text: str) -> datetime:
    """The time that stands in the file. One that was spoiled there is SPOILED and said in the log, once: a single row
    must not stop a list or a queue."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is UTC:
            return moment
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        if text not in _complained and len(_complained) < MOST_COMPLAINTS:
            _complained.add(text)
            log.error("a time in the data file cannot be read (%.40r): it counts as %s", text, SPOILED.date())
        return SPOILED


class UtcText(TypeDecorator[datetime]):
    """Aware datetimes as UTC text with milliseconds: sorts as text, readable in the sqlite3 shell."""

    impl = String(24)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else utc_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else read_utc(str(value))


class Sentence(TypeDecorator[str]):
    """Text for people: it passes the engine's `clean` on its way in, which takes the secrets out.

    Here, and not where such texts are made, because no writer can go around the column. What the program itself
    compares (names, keys, states) must stay as it is, and is none.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        clean: Callable[[str], str] = getattr(dialect, CLEAN, str)
        return None if value is None else self._cleaned(value, clean)

    def _cleaned(self, value: str, clean: Callable[[str], str]) -> str:
        return clean(value)


class Facts(Sentence):
    """The same for JSON, which it still is afterwards, even when the secret was a number."""

    cache_ok = True

    def _cleaned(self, value: str, clean: Callable[[str], str]) -> str:
        return value if clean(value) == value else json.dumps(_without_secrets(json.loads(value), clean))


def _without_secrets(tree: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(tree, dict):
        return {clean(key): _without_secrets(value, clean) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_without_secrets(value, clean) for value in tree]
    return tree if tree is None or clean(str(tree)) == str(tree) else clean(str(tree))


metadata = MetaData()


def _text(name: str, **more: Any) -> Column[str]:
    return Column(name, Text, nullable=False, **more)


def _sentence(name: str, **more: Any) -> Column[str]:
    more.setdefault("nullable", False)
    return Column(name, Sentence, **more)


def _facts(name: str) -> Column[str]:
    return Column(name, Facts, nullable=False)


def _name(name: str, length: int = 80, **more: Any) -> Column[str]:
    more.setdefault("nullable", False)
    return Column(name, String(length), **more)


def _count(name: str, **more: Any) -> Column[int]:
    more.setdefault("nullable", False)
    return Column(name, Integer, **more)


def _when(name: str, nullable: bool = False) -> Column[datetime]:
    return Column(name, UtcText, nullable=nullable)


def _identity() -> Column[int]:
    return Column("id", Integer, primary_key=True, autoincrement=True)


schema_version = Table("schema_version", metadata, _count("version", primary_key=True), _name("applied_at", 24))

settings = Table(
    "settings", metadata, _name("key", primary_key=True), _text("value"), _when("changed_at"), _name("changed_by")
)

leases = Table(
    "leases", metadata, _name("name", 40, primary_key=True), _name("owner", 120), _name("holder", 200), _when("until")
)

day_marks = Table(
    "day_marks",
    metadata,
    _name("name", 40, primary_key=True),
    _name("local_date", 10, primary_key=True),
    _when("marked_at"),
    _name("job_id", 40, nullable=True),
)

servers = Table(
    "servers",
    metadata,
    _identity(),
    _name("machine_id", 120, unique=True),
    _name("name", 200),
)

addresses = Table("addresses", metadata, _name("url", 400, primary_key=True), _count("server_id"), _when("pinned_at"))

scan_runs = Table(
    "scan_runs",
    metadata,
    _name("job_id", 40, primary_key=True),
    _name("status", 12),
    _name("source", 12),
    _name("requested_by"),
    _count("dry_run"),
    _facts("options_json"),
    _when("created_at"),
    _when("started_at", nullable=True),
    _when("finished_at", nullable=True),
    _count("cancel_requested", default=0),
    _sentence("error", nullable=True),
    _name("error_code", 40, nullable=True),
    _name("phase", 12),
    _count("done", default=0),
    _count("total", default=0),
    _sentence("current_title", default=""),
    Column("eta_seconds", Float),
    _sentence("note", default=""),
    _when("progress_at", nullable=True),
    _text("stats_json", default="{}"),
    _name("owner", 120, nullable=True),
    _name("holder", 200, nullable=True),
    _when("lease_until", nullable=True),
    _count("resumes", default=0),
    Column("seconds", Float, nullable=False, default=0.0),
)

scan_items = Table(
    "scan_items",
    metadata,
    _name("job_id", 40, primary_key=True),
    _name("rating_key", 40, primary_key=True),
    _count("position"),
    _name("section_key", 20),
    _text("section_title"),
    _name("kind", 12),
    _text("title"),
    _text("parent"),
    _count("year"),
    _name("found_missing"),
    _name("missing"),
    _count("asks", default=0),
    _when("found_at"),
    _when("asked_at", nullable=True),
    _when("judged_at", nullable=True),
    _name("outcome", 16, nullable=True),
    _name("why", 40, default=""),
)

media_state = Table(
    "media_state",
    metadata,
    _count("server_id", primary_key=True, autoincrement=False),
    _name("rating_key", 40, primary_key=True),
    _name("section_key", 20),
    _name("kind", 12),
    _text("title"),
    _text("parent"),
    _count("year"),
    _name("state", 12, server_default="ok"),
    _name("missing", server_default=""),
    _name("outcome", 16, nullable=True),
    _name("why", 40, server_default=""),
    _count("failed_count", server_default="0"),
    _when("next_try_at", nullable=True),
    _count("ignored", server_default="0"),
    _when("changed_at"),
    _name("job_id", 40),
)

library_sections = Table(
    "library_sections",
    metadata,
    _count("server_id", primary_key=True, autoincrement=False),
    _name("section_key", 20, primary_key=True),
    _name("type", 20),
    _text("title"),
    _name("agent", 120),
    _name("uuid"),
    _text("locations_json"),
    _when("seen_at"),
)

checks = Table(
    "checks",
    metadata,
    _identity(),
    _when("at"),
    _name("cause", 24),
    _sentence("sentence"),
    _facts("facts_json"),
    _facts("decision_json"),
    Column("milliseconds", Float),
)

events = Table(
    "events",
    metadata,
    _identity(),
    _when("at"),
    _name("kind", 60),
    _name("severity", 12),
    _sentence("message"),
    _facts("data_json"),
)

sessions = Table(
    "sessions",
    metadata,
    _name("id", 64, primary_key=True),
    _name("username"),
    _name("password_mark", 64),
    _when("created_at"),
    _when("last_seen_at"),
    _when("expires_at"),
    _name("address"),
    _name("browser", 200),
    _when("revoked_at", nullable=True),
)

login_failures = Table(
    "login_failures",
    metadata,
    _identity(),
    _when("at"),
    _name("place"),
    _count("stranger"),
    _name("username"),
)

incidents = Table(
    "incidents",
    metadata,
    _count("number", primary_key=True, autoincrement=False),
    _name("cause", 24),
    _name("causes", 600),
    _when("began_at"),
    _name("began_boot"),
    Column("began_uptime", Float, nullable=False),
    _when("opened_at"),
    _when("closed_at", nullable=True),
    _count("gave_up", default=0),
)

incident_steps = Table(
    "incident_steps",
    metadata,
    _identity(),
    _count("incident"),
    _when("at"),
    _name("kind", 12),
    _name("cause", 24),
    _facts("data_json"),
)

actions = Table(
    "actions",
    metadata,
    _identity(),
    _name("action", 16),
    _when("at"),
    _name("boot"),
    Column("uptime", Float, nullable=False),
    _count("incident"),
    _name("by_whom"),
    _count("done", nullable=True),
    _count("helped", nullable=True),
    _sentence("said", default=""),
)

plex_turns = Table(
    "plex_turns",
    metadata,
    _identity(),
    _when("at"),
    _name("what", 12),
    _name("by_agent", 12),
    Column("lived", Float),
    _name("person", default=""),
)

outlets = Table(
    "outlets",
    metadata,
    _name("name", primary_key=True),
    _name("fingerprint", 120),
    _count("cursor"),
    _when("registered_at"),
    _sentence("blocked", default=""),
    _when("blocked_at", nullable=True),
    _when("paused_until", nullable=True),
    _when("last_sent_at", nullable=True),
)

deliveries = Table(
    "deliveries",
    metadata,
    _identity(),
    _count("event_id"),
    _name("outlet"),
    _name("status", 12),
    _count("attempts", default=0),
    _when("begun_at", nullable=True),
    _when("held_until", nullable=True),
    _when("next_at", nullable=True),
    _when("sent_at", nullable=True),
    _name("remote_id", 200, default=""),
    _sentence("why", default=""),
    _count("uncertain", default=0),
)

outlet_calls = Table(
    "outlet_calls",
    metadata,
    _name("name", primary_key=True),
    _name("month", 7, primary_key=True),
    _count("calls", default=0),
)

speed_tests = Table(
    "speed_tests",
    metadata,
    _identity(),
    _name("status", 12),
    _name("source", 12),
    _name("requested_by"),
    _name("local_date", 10),
    _count("anyway", default=0),
    _when("created_at"),
    _when("began_at", nullable=True),
    _name("boot", default=""),
    Column("uptime", Float, nullable=False, default=0.0),
    _when("finished_at", nullable=True),
    _count("cancel_requested", default=0),
    _name("provider", 20, nullable=True),
    _name("server", 200, default=""),
    _name("server_name", 200, default=""),
    Column("ping_ms", Float),
    Column("download_mbps", Float),
    Column("upload_mbps", Float),
    _name("low", 40, default=""),
    _count("bytes", default=0),
    Column("seconds", Float, nullable=False, default=0.0),
    _sentence("error", default=""),
    _name("error_code", 20, default=""),
    _text("progress_json", default="{}"),
    _when("progress_at", nullable=True),
    _name("owner", 120, nullable=True),
    _name("holder", 200, nullable=True),
)

speed_runs = Table(
    "speed_runs",
    metadata,
    _identity(),
    _count("test_id"),
    _when("at"),
    _name("provider", 20),
    _name("server", 200, default=""),
    _name("server_name", 200, default=""),
    Column("ping_ms", Float),
    Column("download_mbps", Float),
    Column("upload_mbps", Float),
    _name("flaw", 20, nullable=True),
    _sentence("said", default=""),
    _count("bytes", default=0),
    Column("seconds", Float, nullable=False, default=0.0),
)

speed_days = Table(
    "speed_days",
    metadata,
    _name("local_date", 10, primary_key=True),
    _name("outcome", 12, default=""),
    _name("hindrance", 20, nullable=True),
    _when("again_at", nullable=True),
    _name("again_boot", default=""),
    Column("again_uptime", Float, nullable=False, default=0.0),
    _when("settled_at", nullable=True),
)

watch_memory = Table(
    "watch_memory",
    metadata,
    _count("id", primary_key=True, autoincrement=False),
    _when("saved_at"),
    _text("watch_json"),
)


def _rolled_up(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("begins_at", UtcText, primary_key=True),
        Column("seconds", Float, nullable=False),
        Column("good", Float, nullable=False),
        Column("bad", Float, nullable=False),
        _count("looks"),
        _text("causes_json"),
        Column("response_ms", Float),
        _count("answered"),
        _text("figures_json"),
    )


check_hours = _rolled_up("check_hours")
check_days = _rolled_up("check_days")
