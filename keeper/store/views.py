"""What the pages read: quick questions to the store, never to Plex."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Select, case, func, literal_column, select

from keeper.ports import Clock
from keeper.rules.types import Check, Event, ItemFilter, ItemRow, LibraryHealth, Run, RunStatus, SectionSeen, Server
from keeper.store.checks import Checks
from keeper.store.db import Database
from keeper.store.events import Events
from keeper.store.items import FLAWED, GONE, OK, Items
from keeper.store.runs import Runs
from keeper.store.schema import events, scan_runs, sessions
from keeper.store.schema import media_state as media

#: What the door tells.
DOOR_EVENTS = (
    "Login", "Login Failed", "Login Locked", "Login Unlocked", "Password Changed", "Logged Out Everywhere",
    "Logged Out Elsewhere",
)  # fmt: skip

LATEST_RUNS = 20


class Views:
    """Read-only. `server` tells number and identity of the server at PLEX_URL; None before first contact."""

    def __init__(self, database: Database, clock: Clock, server: Callable[[], tuple[int, Server] | None]) -> None:
        self._database = database
        self._clock = clock
        self._server = server
        self._runs = Runs(database, clock)
        self._items = Items(database, clock)
        self._checks = Checks(database)
        self._events = Events(database)

    def last_check(self) -> Check | None:
        return self._checks.last()

    def recent_checks(self, hours: float = 24) -> list[tuple[datetime, str, float | None]]:
        return self._checks.since(self._clock.now() - timedelta(hours=hours))

    def server_name(self) -> str | None:
        server = self._server()
        return server[1].name if server else None

    def server_id(self) -> int:
        """0 before the first contact: no server has that number."""
        server = self._server()
        return server[0] if server else 0

    def sections(self) -> list[SectionSeen]:
        return self._checks.sections(self.server_id())

    def health(self) -> list[LibraryHealth]:
        """One line per library that any scan has looked at."""
        server_id, now = self.server_id(), self._clock.now()
        resting = case((media.c.next_try_at > now, 1), else_=0)
        counts = (
            select(
                media.c.section_key, media.c.state, media.c.missing, media.c.ignored, func.count(), func.sum(resting)
            )
            .where(media.c.server_id == server_id, media.c.state != GONE)
            .group_by(media.c.section_key, media.c.state, media.c.missing, media.c.ignored)
        )
        titles = {section.key: section.title for section in self.sections()}
        groups: dict[str, list[tuple[str, str, str, int, int, int]]] = defaultdict(list)
        with self._database.read() as connection:
            for key, state, missing, ignored, number, rest in connection.execute(counts):
                groups[key].append((titles.get(key, key), state, missing, ignored, number, int(rest)))
        return sorted((_health(key, rows) for key, rows in groups.items()), key=lambda library: library.title)

    def lacking(self) -> list[tuple[str, str, int]]:
        """(section key, title, items known to lack something), without walking through the whole library as `health`
        does. 0 only where one of the latest runs has looked; a library that nobody looked at is left out."""
        server_id = self.server_id()
        # Written out, not bound: SQLite uses the index of flawed items only when it sees the word.
        flawed = media.c.state == literal_column(f"'{FLAWED}'")
        counts = select(media.c.section_key, func.count()).where(media.c.server_id == server_id, flawed)
        with self._database.read() as connection:
            lacks = connection.execute(counts.group_by(media.c.section_key)).all()
            known = connection.execute(select(media.c.kind).where(media.c.server_id == server_id).limit(1)).first()
        if known is None:
            return []
        found: dict[str, int] = {row[0]: row[1] for row in lacks}
        looked_at = {title for run in self._runs.latest(LATEST_RUNS) for title in run.stats.libraries}
        titles = {section.key: section.title for section in self.sections()}
        whole = {key: 0 for key, title in titles.items() if title in looked_at}
        return [(key, titles.get(key, key), number) for key, number in sorted((whole | found).items())]

    def items(self, wanted: ItemFilter, limit: int, offset: int) -> tuple[list[ItemRow], int]:
        return self._items.state_rows(self.server_id(), wanted, limit, offset)

    def active_run(self) -> Run | None:
        return self._runs.active()

    def run(self, job_id: str) -> Run | None:
        return self._runs.get(job_id)

    def runs(self, limit: int, offset: int = 0) -> list[Run]:
        return self._runs.latest(limit, offset)

    def run_count(self) -> int:
        return self._runs.count()

    def run_counts(self) -> dict[RunStatus, int]:
        """How many runs are kept, for every status. How many there can be is a setting."""
        wanted = select(scan_runs.c.status, func.count()).group_by(scan_runs.c.status)
        with self._database.read() as connection:
            found = {status: int(number) for status, number in connection.execute(wanted)}
        return {status: found.get(status.value, 0) for status in RunStatus}

    def run_items(self, job_id: str, wanted: ItemFilter, limit: int, offset: int) -> tuple[list[ItemRow], int]:
        return self._items.work_rows(job_id, wanted, limit, offset)

    def events(self, limit: int) -> list[Event]:
        return self._events.latest(limit)

    def door_events(self, limit: int) -> list[Event]:
        """Logins and what else happened at the door, newest first."""
        return self._events.latest(limit, DOOR_EVENTS)

    def session_count(self) -> int:
        """Browsers that are logged in."""
        living = (sessions.c.revoked_at.is_(None), sessions.c.expires_at > self._clock.now())
        return self._count(select(func.count()).select_from(sessions).where(*living))

    def failed_logins(self, hours: float) -> int:
        """Passwords that were looked at and were wrong. Told by the events: the door's own count forgives."""
        since = self._clock.now() - timedelta(hours=hours)
        failed = (events.c.at >= since, events.c.kind == "Login Failed")
        return self._count(select(func.count()).select_from(events).where(*failed))

    def mended_per_day(self, days: int = 14, zone: ZoneInfo | None = None) -> list[tuple[str, int]]:
        """(local date, items mended) for each of the last days, oldest first."""
        now = self._clock.now().astimezone(zone)
        dates = [(now - timedelta(days=back)).date().isoformat() for back in reversed(range(days))]
        sums = dict.fromkeys(dates, 0)
        ended = scan_runs.c.status.in_([status.value for status in RunStatus if status.ended])
        recent = scan_runs.c.finished_at >= now - timedelta(days=days + 1)
        with self._database.read() as connection:
            for finished, stats in connection.execute(
                select(scan_runs.c.finished_at, scan_runs.c.stats_json).where(ended, recent)
            ):
                date = finished.astimezone(zone).date().isoformat()
                if date in sums:
                    sums[date] += json.loads(stats).get("fixed", 0)
        return list(sums.items())

    def _count(self, wanted: Select[int]) -> int:
        with self._database.read() as connection:
            return int(connection.execute(wanted).scalar_one())


def _health(key: str, rows: list[tuple[str, str, str, int, int, int]]) -> LibraryHealth:
    """Sums the groups (title, state, missing, ignored, number, resting) of one library."""
    missing: dict[str, int] = defaultdict(int)
    for _, state, lacks, _, number, _ in rows:
        for name in filter(None, lacks.split(",")) if state == FLAWED else ():
            missing[name] += number
    flawed = [row for row in rows if row[1] == FLAWED]
    return LibraryHealth(
        section_key=key,
        title=rows[0][0],
        known=sum(row[4] for row in rows),
        ok=sum(row[4] for row in rows if row[1] == OK),
        flawed=sum(row[4] for row in flawed),
        resting=sum(row[5] for row in flawed),
        ignored=sum(row[4] for row in flawed if row[3]),
        missing=dict(missing),
    )
