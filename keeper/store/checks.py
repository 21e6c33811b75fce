"""checks: every look at Plex, and the libraries as last seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select

from keeper.rules.types import Cause, Check, Fact, Section, SectionSeen
from keeper.store.db import Database
from keeper.store.schema import checks, library_sections


class Checks:
    """The CheckStore on the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remember(self, check: Check, sections: tuple[int, list[Section]] | None) -> None:
        """Stores a look, see note_check."""
        with self._database.write() as connection:
            note_check(self._database, connection, check, sections)

    def last(self) -> Check | None:
        with self._database.read() as connection:
            row = connection.execute(select(checks).order_by(checks.c.id.desc()).limit(1)).first()
        if row is None:
            return None
        facts = {name: Fact(fact["value"], fact["detail"]) for name, fact in json.loads(row.facts_json).items()}
        return Check(row.at, Cause(row.cause), row.sentence, facts, json.loads(row.decision_json), row.milliseconds)

    def since(self, moment: datetime) -> list[tuple[datetime, str, float | None]]:
        """(when, cause, milliseconds) of every look since then, oldest first."""
        wanted = select(checks.c.at, checks.c.cause, checks.c.milliseconds).where(checks.c.at >= moment)
        with self._database.read() as connection:
            return [(row.at, row.cause, row.milliseconds) for row in connection.execute(wanted.order_by(checks.c.at))]

    def sections(self, server_id: int) -> list[SectionSeen]:
        wanted = select(library_sections).where(library_sections.c.server_id == server_id)
        with self._database.read() as connection:
            rows = connection.execute(wanted.order_by(library_sections.c.title)).all()
        return [
            SectionSeen(
                row.section_key, row.type, row.title, row.agent, tuple(json.loads(row.locations_json)), row.seen_at
            )
            for row in rows
        ]


def note_check(
    database: Database, connection: Connection, check: Check, sections: tuple[int, list[Section]] | None
) -> None:
    """A look. Libraries are only ever added or renewed: not seeing one is no reason to forget it."""
    facts = {name: {"value": fact.value, "detail": fact.detail} for name, fact in check.facts.items()}
    connection.execute(
        insert(checks).values(
            at=check.at, cause=check.cause.value, sentence=check.sentence, facts_json=json.dumps(facts),
            decision_json=json.dumps(dict(check.decision), default=str), milliseconds=check.milliseconds,
        )
    )  # fmt: skip
    if sections:
        note_sections(database, connection, sections[0], sections[1], check.at)


def note_sections(
    database: Database, connection: Connection, server_id: int, sections: Sequence[Section], at: datetime
) -> None:
    """Adds or renews the libraries seen just now."""
    rows = [_section_row(server_id, section, at) for section in sections]
    renewed = ["type", "title", "agent", "uuid", "locations_json", "seen_at"]
    database.upsert(connection, library_sections, rows, renewed)


def _section_row(server_id: int, section: Section, at: datetime) -> dict[str, object]:
    return {
        "server_id": server_id,
        "section_key": section.key,
        "type": section.type,
        "title": section.title,
        "agent": section.agent,
        "uuid": section.uuid,
        "locations_json": json.dumps(section.locations),
        "seen_at": at,
    }
