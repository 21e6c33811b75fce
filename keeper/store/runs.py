"""scan_runs: queue, claim, lease, pulse, end. Every change is one conditional UPDATE whose row count tells."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, Update, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from keeper.errors import PlexOtherServer, RunError
from keeper.ports import Clock
from keeper.rules.types import (
    Owner,
    Phase,
    Progress,
    Run,
    RunStatus,
    ScanOptions,
    Server,
    Severity,
    Source,
    Stats,
)
from keeper.store.db import Database
from keeper.store.events import write_event
from keeper.store.schema import UtcText, addresses, servers
from keeper.store.schema import scan_runs as runs

W = TypeVar("W", bound=StrEnum)
RUNNING, QUEUED = RunStatus.RUNNING.value, RunStatus.QUEUED.value
_END_SEVERITY = {
    RunStatus.SUCCESS: Severity.INFO,
    RunStatus.CANCELLED: Severity.INFO,
    RunStatus.INTERRUPTED: Severity.WARNING,
    RunStatus.FAILED: Severity.ERROR,
}


class Runs:
    """The RunStore on the database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def enqueue(self, source: Source, options: ScanOptions, by: str) -> str:
        with self._database.write() as connection:
            return insert_queued(connection, self._clock.now(), source, options, by)

    def enqueue_when_idle(self, source: Source, options: ScanOptions, by: str) -> str:
        """The same, but only when no run is queued or running. Raises RunError naming the one that is."""
        waiting = select(runs.c.job_id, runs.c.status).where(runs.c.status.in_([RUNNING, QUEUED]))
        with self._database.write() as connection:
            found = connection.execute(waiting.limit(1)).first()
            if found:
                raise RunError(f"A scan is {found.status} already ({found.job_id}). Wait for it, or cancel it.")
            return insert_queued(connection, self._clock.now(), source, options, by)

    def claim_next(self, owner: Owner, holder: str, lease_seconds: float) -> Run | None:
        oldest = select(runs.c.job_id).where(runs.c.status == QUEUED, runs.c.cancel_requested == 0)
        with self._database.read() as connection:
            job_id = connection.execute(oldest.order_by(runs.c.created_at, runs.c.job_id).limit(1)).scalar()
        return self._claim(job_id, owner, holder, lease_seconds) if job_id else None

    def start(
        self, source: Source, options: ScanOptions, by: str, owner: Owner, holder: str, lease_seconds: float
    ) -> Run:
        now = self._clock.now()
        try:
            with self._database.write() as connection:
                job_id = insert_queued(connection, now, source, options, by)
                connection.execute(_claiming(job_id, now, owner, holder, lease_seconds))
                return to_run(connection.execute(select(runs).where(runs.c.job_id == job_id)).one())
        except IntegrityError:  # the partial unique index: another run is running
            raise RunError(self._who_is_in_the_way()) from None

    def pulse(self, job_id: str, owner: Owner, progress: Progress, stats: Stats, lease_seconds: float) -> bool | None:
        now = self._clock.now()
        change = (
            update(runs)
            .where(runs.c.job_id == job_id, runs.c.owner == str(owner), runs.c.status == RUNNING)
            .values(
                **_progress_columns(progress, now), stats_json=_dump_stats(stats), lease_until=_in(now, lease_seconds)
            )
        )
        with self._database.write() as connection:
            if connection.execute(change).rowcount == 0:
                return None
            wanted = select(runs.c.cancel_requested).where(runs.c.job_id == job_id)
            return bool(connection.execute(wanted).scalar())

    def finish(
        self,
        job_id: str,
        owner: Owner,
        status: RunStatus,
        stats: Stats,
        seconds: float,
        error: str | None = None,
        error_code: str | None = None,
    ) -> bool:
        now = self._clock.now()
        mine = (runs.c.job_id == job_id, runs.c.owner == str(owner), runs.c.status == RUNNING)
        change = (
            update(runs)
            .where(*mine)
            .values(
                **_ended(status, now, error, error_code),
                stats_json=_dump_stats(stats),
                seconds=runs.c.seconds + seconds,
            )
        )
        with self._database.write() as connection:
            if connection.execute(change).rowcount == 0:
                return False
            _tell_end(connection, now, job_id, status, stats, error, error_code)
        return True

    def requeue(self, job_id: str, by: str) -> None:
        resumable = [RunStatus.INTERRUPTED.value, RunStatus.FAILED.value, RunStatus.CANCELLED.value]
        change = (
            update(runs)
            .where(runs.c.job_id == job_id, runs.c.status.in_(resumable))
            .values(
                status=QUEUED, phase=Phase.QUEUED.value, cancel_requested=0, error=None, error_code=None,
                finished_at=None, note="", resumes=runs.c.resumes + 1, requested_by=by,
            )
        )  # fmt: skip
        with self._database.write() as connection:
            if connection.execute(change).rowcount == 0:
                raise RunError(_why_not(connection, job_id, "resumed: it is not interrupted, failed or cancelled"))

    def request_cancel(self, job_id: str) -> None:
        active = runs.c.status.in_([RUNNING, QUEUED])
        change = update(runs).where(runs.c.job_id == job_id, active).values(cancel_requested=1)
        with self._database.write() as connection:
            if connection.execute(change).rowcount == 0:
                raise RunError(_why_not(connection, job_id, "cancelled: it is not queued or running"))

    def cancel_queued(self) -> int:
        unwanted = (runs.c.status == QUEUED, runs.c.cancel_requested == 1)
        with self._database.read() as connection:  # looked at every second: no write lock without a reason
            if connection.execute(select(runs.c.job_id).where(*unwanted).limit(1)).first() is None:
                return 0
        change = update(runs).where(*unwanted).values(**_ended(RunStatus.CANCELLED, self._clock.now(), None, None))
        with self._database.write() as connection:
            return connection.execute(change).rowcount

    def interrupt_orphans(self, is_alive: Callable[[Owner], bool | None]) -> list[str]:
        """Running runs whose owner is gone, or whose lease ran out, become interrupted."""
        with self._database.read() as connection:
            held = connection.execute(
                select(runs.c.job_id, runs.c.owner, runs.c.lease_until).where(runs.c.status == RUNNING)
            )
            candidates = [row for row in held if self._is_orphan(row, is_alive)]
        return [row.job_id for row in candidates if self._interrupt(row.job_id, row.owner)]

    def get(self, job_id: str) -> Run | None:
        with self._database.read() as connection:
            row = connection.execute(select(runs).where(runs.c.job_id == job_id)).first()
        return to_run(row) if row else None

    def active(self) -> Run | None:
        """The running one, else the oldest queued one."""
        wanted = select(runs).where(runs.c.status.in_([RUNNING, QUEUED]))
        with self._database.read() as connection:
            row = connection.execute(wanted.order_by(runs.c.status.desc(), runs.c.created_at).limit(1)).first()
        return to_run(row) if row else None

    def latest(self, limit: int, offset: int = 0) -> list[Run]:
        wanted = select(runs).order_by(runs.c.created_at.desc(), runs.c.job_id).limit(limit).offset(offset)
        with self._database.read() as connection:
            return [to_run(row) for row in connection.execute(wanted)]

    def count(self) -> int:
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(runs)).scalar_one())

    def pin_server(self, url: str, server: Server) -> int:
        """The server's number. Raises PlexOtherServer when another one answered at this address before."""
        known = self.pinned_server(url)
        if known and known[1].id == server.id:  # as at every look but the first: no write lock for that
            return known[0]
        with self._database.write() as connection:
            number = self._number_of(connection, server)
            row = {"url": url, "server_id": number, "pinned_at": self._clock.now()}
            self._database.upsert(connection, addresses, [row], update=[])
            pinned = connection.execute(_at_address(url)).one()
        if pinned.id != number:
            raise PlexOtherServer(
                f"Another Plex server answers at this address now: '{server.name}' instead of '{pinned.name}'. "
                "If that is right, run: python -m keeper doctor --trust-server"
            )
        return number

    def forget_server(self, url: str) -> None:
        with self._database.write() as connection:
            connection.execute(addresses.delete().where(addresses.c.url == url))

    def pinned_server(self, url: str) -> tuple[int, Server] | None:
        """Number and identity of the server known at that address."""
        with self._database.read() as connection:
            row = connection.execute(_at_address(url)).first()
        return (row.id, Server(row.machine_id, row.name, "")) if row else None

    def _number_of(self, connection: Connection, server: Server) -> int:
        same = select(servers.c.id).where(servers.c.machine_id == server.id)
        number = connection.execute(same).scalar()
        if number is None:
            connection.execute(insert(servers).values(machine_id=server.id, name=server.name))
            number = connection.execute(same).scalar_one()
        return int(number)

    def _claim(self, job_id: str, owner: Owner, holder: str, lease_seconds: float) -> Run | None:
        try:
            with self._database.write() as connection:
                change = _claiming(job_id, self._clock.now(), owner, holder, lease_seconds)
                if connection.execute(change).rowcount == 0:
                    return None
                return to_run(connection.execute(select(runs).where(runs.c.job_id == job_id)).one())
        except IntegrityError:  # the partial unique index: another run is running
            return None

    def _who_is_in_the_way(self) -> str:
        active = self.active()
        if active is None or active.status is not RunStatus.RUNNING:
            return "The scan could not be started: it is no longer waiting in the queue."
        return f"Another scan is running: {active.job_id}, by {active.holder}. Wait for it, or cancel it."

    def _is_orphan(self, row: Any, is_alive: Callable[[Owner], bool | None]) -> bool:
        try:
            alive = is_alive(Owner.parse(row.owner or ""))
        except ValueError:  # spoiled by hand: nobody can be its owner
            return True
        if alive is None:  # another machine or unreadable: only the lease can tell
            return row.lease_until is None or bool(row.lease_until < self._clock.now())
        return not alive

    def _interrupt(self, job_id: str, owner: str) -> bool:
        now = self._clock.now()
        sentence = "The program ended while this scan was running. Resume it to do the rest."
        change = (
            update(runs)
            .where(runs.c.job_id == job_id, runs.c.status == RUNNING, runs.c.owner == owner)
            .values(**_ended(RunStatus.INTERRUPTED, now, sentence, "interrupted"))
        )
        with self._database.write() as connection:
            if connection.execute(change).rowcount == 0:
                return False
            _tell_end(connection, now, job_id, RunStatus.INTERRUPTED, None, sentence, "interrupted")
        return True


def _at_address(url: str) -> Select[Any]:
    return select(servers).join(addresses, addresses.c.server_id == servers.c.id).where(addresses.c.url == url)


def _why_not(connection: Connection, job_id: str, reason: str) -> str:
    exists = connection.execute(select(runs.c.job_id).where(runs.c.job_id == job_id)).first()
    return f"Run {job_id} cannot be {reason}." if exists else f"There is no run {job_id}."


def insert_queued(connection: Connection, now: datetime, source: Source, options: ScanOptions, by: str) -> str:
    """Adds a queued run inside the caller's transaction; its job id sorts by time."""
    job_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    connection.execute(
        insert(runs).values(
            job_id=job_id, status=QUEUED, source=source.value, requested_by=by, dry_run=int(options.dry_run),
            options_json=json.dumps(asdict(options)), created_at=now, phase=Phase.QUEUED.value,
        )
    )  # fmt: skip
    return job_id


def _claiming(job_id: str, now: datetime, owner: Owner, holder: str, lease_seconds: float) -> Update:
    """queued -> running; matches nothing when the run is not waiting any more."""
    return (
        update(runs)
        .where(runs.c.job_id == job_id, runs.c.status == QUEUED, runs.c.cancel_requested == 0)
        .values(
            status=RUNNING, owner=str(owner), holder=holder, lease_until=_in(now, lease_seconds),
            started_at=func.coalesce(runs.c.started_at, literal(now, UtcText)), phase=Phase.CONNECTING.value,
            progress_at=now,
        )
    )  # fmt: skip


def to_run(row: Row[Any]) -> Run:
    """A row of scan_runs as the rooms see it."""
    return Run(
        job_id=row.job_id,
        status=_word(RunStatus, row.status, RunStatus.FAILED),
        source=_word(Source, row.source, Source.MANUAL),
        options=_load_options(row.options_json),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        cancel_requested=bool(row.cancel_requested),
        error=row.error,
        error_code=row.error_code,
        progress=Progress(
            _word(Phase, row.phase, Phase.DONE), row.done, row.total, row.current_title, row.eta_seconds, row.note
        ),
        progress_at=row.progress_at,
        stats=_load_stats(row.stats_json),
        owner=row.owner,
        holder=row.holder,
        lease_until=row.lease_until,
        resumes=row.resumes,
        seconds=row.seconds,
        requested_by=row.requested_by,
    )


def _word(kind: type[W], text: str, otherwise: W) -> W:
    """The file can be edited with the sqlite3 command; a word nobody knows must not break every page."""
    return kind(text) if text in [member.value for member in kind] else otherwise


def _load_stats(text: str) -> Stats:
    return Stats(**_known_keys(Stats, text))


def _load_options(text: str) -> ScanOptions:
    raw = _known_keys(ScanOptions, text)
    for key, value in raw.items():
        raw[key] = tuple(value) if isinstance(value, list) else value
    return ScanOptions(**raw)


def _known_keys(kind: type[Stats] | type[ScanOptions], text: str) -> dict[str, Any]:
    """What the text says about the fields of that record; spoiled text says nothing."""
    try:
        raw = json.loads(text)
    except ValueError:
        return {}
    names = {field.name for field in fields(kind)}
    return {key: value for key, value in raw.items() if key in names} if isinstance(raw, dict) else {}


def _progress_columns(progress: Progress, now: datetime) -> dict[str, Any]:
    return {
        "phase": progress.phase.value,
        "done": progress.done,
        "total": progress.total,
        "current_title": progress.title,
        "eta_seconds": progress.eta_seconds,
        "note": progress.note,
        "progress_at": now,
    }


def _dump_stats(stats: Stats) -> str:
    return json.dumps(asdict(stats), ensure_ascii=False)


def _in(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)


def _ended(status: RunStatus, now: datetime, error: str | None, code: str | None) -> dict[str, Any]:
    return {
        "status": status.value,
        "finished_at": now,
        "error": error,
        "error_code": code,
        "phase": Phase.DONE.value,
        "eta_seconds": None,
        "note": "",
        "current_title": "",
        "lease_until": None,
    }


def _tell_end(
    connection: Connection, now: datetime, job_id: str, status: RunStatus, stats: Stats | None, error: str | None,
    code: str | None,
) -> None:  # fmt: skip
    figures = asdict(stats) if stats else {}
    summary = ", ".join(
        f"{figures[name]} {name}" for name in ("checked", "fixed", "would_fix", "failed") if figures.get(name)
    )
    message = " ".join(
        part for part in (f"Scan {job_id}: {status.value}.", summary and summary + ".", error or "") if part
    )
    data = {"job_id": job_id, "status": status.value, "stats": figures, "error_code": code}
    write_event(connection, now, f"Scan {status.value.capitalize()}", _END_SEVERITY[status], message, data)
