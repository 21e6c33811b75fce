"""sessions and login_failures: who is logged in from which browser, and who tried in vain."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update

from keeper.rules.types import SessionRow
from keeper.store.db import Database
from keeper.store.schema import login_failures, sessions

#: How long ended sessions and failed logins stay after they stopped mattering; longer than any lockout.
KEPT = timedelta(days=2)


class StoredSessions:
    """The Sessions port on the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, session: SessionRow) -> None:
        """Stores a session; one of the same id is replaced. Clears away long-ended ones on the way."""
        row = asdict(session)
        past = session.last_seen_at - KEPT
        ended = or_(sessions.c.expires_at < past, sessions.c.revoked_at < past)
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(ended))
            self._database.upsert(connection, sessions, [row], update=[name for name in row if name != "id"])

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

    def note_failure(self, address: str, username: str, now: datetime) -> None:
        with self._database.write() as connection:
            connection.execute(delete(login_failures).where(login_failures.c.at < now - KEPT))
            connection.execute(insert(login_failures).values(at=now, address=address, username=username))

    def failures(self, since: datetime, address: str | None = None) -> tuple[int, datetime | None]:
        """How many failed logins since then (from one address or all), and when the last one was."""
        wanted = select(func.count(login_failures.c.id), func.max(login_failures.c.at))
        wanted = wanted.where(login_failures.c.at >= since)
        if address is not None:
            wanted = wanted.where(login_failures.c.address == address)
        with self._database.read() as connection:
            count, last = connection.execute(wanted).one()
        return count, last

    def forget_failures(self, address: str | None = None) -> int:
        """Forgives one address, or all; the number of failures forgotten."""
        unwanted = delete(login_failures)
        if address is not None:
            unwanted = unwanted.where(login_failures.c.address == address)
        with self._database.write() as connection:
            return connection.execute(unwanted).rowcount

    def _change(self, *which: Any, **values: datetime) -> int:
        """Changes sessions that have not been ended yet; the number changed."""
        with self._database.write() as connection:
            living = update(sessions).where(sessions.c.revoked_at.is_(None), *which)
            return connection.execute(living.values(**values)).rowcount


def _session(row: Any) -> SessionRow:
    return SessionRow(**row._mapping)
