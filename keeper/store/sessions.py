"""sessions and login_failures: who is logged in from which browser, and who tried in vain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from keeper.rules.types import Notice, SessionRow, Tally
from keeper.store.db import Database
from keeper.store.events import write_notice
from keeper.store.schema import login_failures, sessions

#: How long ended sessions and failed logins stay after they stopped mattering; longer than any lockout.
KEPT = timedelta(days=2)


class StoredSessions:
    """The Sessions port on the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, session: SessionRow) -> None:
        """Stores a session; one of the same id is replaced. Clears away long-ended ones on the way."""
        with self._database.write() as connection:
            self._store(connection, session)

    def get(self, session_id: str) -> SessionRow | None:
        with self._database.read() as connection:
            row = connection.execute(select(sessions).where(sessions.c.id == session_id)).first()
        return _session(row) if row else None

    def touch(self, session_id: str, now: datetime, expires_at: datetime) -> None:
        """Seen again. An ended session stays ended, whoever comes late."""
        self._change(sessions.c.id == session_id, last_seen_at=now, expires_at=expires_at)

    def revoke(self, session_id: str, now: datetime) -> None:
        self._change(sessions.c.id == session_id, revoked_at=now)

    def revoke_all(self, username: str, now: datetime, keep: str = "") -> int:
        """Ends all sessions of that user except `keep`; the number ended."""
        return self._change(sessions.c.username == username, sessions.c.id != keep, revoked_at=now)

    def active(self, username: str, now: datetime) -> list[SessionRow]:
        """Sessions that are neither revoked nor expired, the latest seen first."""
        wanted = select(sessions).where(
            sessions.c.username == username, sessions.c.revoked_at.is_(None), sessions.c.expires_at > now
        )
        with self._database.read() as connection:
            return [_session(row) for row in connection.execute(wanted.order_by(sessions.c.last_seen_at.desc()))]

    def attempt(
        self,
        place: str,
        stranger: bool,
        username: str,
        now: datetime,
        windows: tuple[timedelta, timedelta],
        pause: Callable[[Tally], float],
    ) -> tuple[int, Tally, float]:
        """Claims the right to look at one password, in one transaction with the counting. See the port."""
        with self._database.write() as connection:
            # A clock that was ahead left failures of a time that is still to come; nobody waits for that.
            connection.execute(update(login_failures).where(login_failures.c.at > now).values(at=now))
            tally = _tally(connection, place, now, *windows)
            seconds = pause(tally)
            if seconds > 0:
                return 0, tally, seconds
            connection.execute(delete(login_failures).where(login_failures.c.at < now - KEPT))
            row = {"at": now, "place": place, "stranger": int(stranger), "username": username}
            claimed = connection.execute(insert(login_failures).values(**row)).inserted_primary_key
            return int(claimed[0]) if claimed else 0, tally, 0.0

    def failed(self, now: datetime, notices: Sequence[Notice]) -> None:
        """The attempt stays counted; writes what is told about it."""
        with self._database.write() as connection:
            for notice in notices:
                write_notice(connection, now, notice)

    def admitted(
        self, place: str, username: str, now: datetime, notice: Notice, session: SessionRow | None = None
    ) -> None:
        """Forgives the failures of that user at that place, stores the session and its event, all or nothing."""
        with self._database.write() as connection:
            mine = login_failures.c.place == place, login_failures.c.username == username
            connection.execute(delete(login_failures).where(*mine))
            if session:
                self._store(connection, session)
            write_notice(connection, now, notice)

    def note(self, now: datetime, notice: Notice) -> None:
        with self._database.write() as connection:
            write_notice(connection, now, notice)

    def failures(self, since: datetime) -> int:
        """How many failed logins since then."""
        wanted = select(func.count(login_failures.c.id)).where(login_failures.c.at >= since)
        with self._database.read() as connection:
            return int(connection.execute(wanted).scalar_one())

    def forget_failures(self) -> int:
        """Forgives all; the number of failures forgotten."""
        with self._database.write() as connection:
            return connection.execute(delete(login_failures)).rowcount

    def _store(self, connection: Connection, session: SessionRow) -> None:
        row = asdict(session)
        past = session.last_seen_at - KEPT
        ended = or_(sessions.c.expires_at < past, sessions.c.revoked_at < past)
        connection.execute(delete(sessions).where(ended))
        self._database.upsert(connection, sessions, [row], update=[name for name in row if name != "id"])

    def _change(self, *which: Any, **values: datetime) -> int:
        """Changes sessions that have not been ended yet; the number changed."""
        with self._database.write() as connection:
            living = update(sessions).where(sessions.c.revoked_at.is_(None), *which)
            return connection.execute(living.values(**values)).rowcount


def _tally(
    connection: Connection, place: str, now: datetime, place_window: timedelta, crowd_window: timedelta
) -> Tally:
    def counted(*which: Any) -> tuple[int, datetime | None]:
        wanted = select(func.count(login_failures.c.id), func.max(login_failures.c.at)).where(*which)
        count, last = connection.execute(wanted).one()
        return count, last

    here = counted(login_failures.c.place == place, login_failures.c.at >= now - place_window)
    crowd = counted(login_failures.c.stranger == 1, login_failures.c.at >= now - crowd_window)
    return Tally(*here, *crowd)


def _session(row: Any) -> SessionRow:
    return SessionRow(**row._mapping)
