"""scan_items (the work of one run, item by item) and media_state (the latest word on every item)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.engine import Connection

from keeper.ports import Clock
from keeper.rules.types import Flawed, Item, ItemFilter, ItemRow, Known, Outcome, Section, Suspect, Verdict, Why
from keeper.store.checks import note_sections
from keeper.store.db import Database
from keeper.store.schema import library_sections as named
from keeper.store.schema import media_state as media
from keeper.store.schema import scan_items as work
from keeper.store.schema import utc_text

KEYS_AT_ONCE = 500  # databases bound the number of parameters of one statement
OK, FLAWED, GONE = "ok", "flawed", "gone"
_FAILURES = (Outcome.STILL_MISSING, Outcome.ERROR)
_SAME_SECTION = and_(named.c.server_id == media.c.server_id, named.c.section_key == media.c.section_key)
_REFRESHED = ("section_key", "kind", "title", "parent", "year", "state", "missing", "why", "failed_count",
              "next_try_at", "changed_at", "job_id")  # fmt: skip
_WHOLE = ("server_id", "rating_key", "section_key", "kind", "title", "parent", "year", "changed_at", "job_id")
#: What a whole item has besides: the defaults of the table, so that a large library is quick to write down.
_NO_DEBTS = {"state": OK, "missing": "", "why": "", "failed_count": 0, "next_try_at": None}


class Items:
    """The ItemStore on the database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def known(self, server_id: int, keys: Sequence[str]) -> dict[str, Known]:
        with self._database.read() as connection:
            return {key: _to_known(row) for key, row in _rows_of(connection, server_id, keys).items()}

    def note_flawed(self, server_id: int, flawed: Sequence[Flawed], job_id: str) -> dict[str, Known]:
        before: dict[str, Any] = {}
        with self._database.read() as connection:
            for start in range(0, len(flawed), KEYS_AT_ONCE):
                keys = [item.key for _, item, _ in flawed[start : start + KEYS_AT_ONCE]]
                before |= _rows_of(connection, server_id, keys)
        now = self._clock.now()
        changed = [
            _flawed_row(server_id, section, item, missing, before.get(item.key), job_id, now)
            for section, item, missing in flawed
            if _differs(item, missing, section, before.get(item.key))
        ]
        if changed:
            with self._database.write() as connection:
                self._database.upsert(connection, media, changed, _REFRESHED)
        return {key: _to_known(row) for key, row in before.items()}

    def note_whole(self, server_id: int, items: Sequence[Item], job_id: str) -> None:
        now = utc_text(self._clock.now())
        rows = [(server_id, i.key, i.section_key, i.kind, i.title, i.parent, i.year, now, job_id) for i in items]
        changed = media.c.state != literal_column(repr(OK))
        with self._database.write() as connection:
            self._database.upsert_changed(
                connection, media, _WHOLE, rows, also=_NO_DEBTS, when_differs=("title", "section_key"), or_when=changed
            )

    def note_sections(self, server_id: int, sections: Sequence[Section]) -> None:
        with self._database.write() as connection:
            note_sections(self._database, connection, server_id, sections, self._clock.now())

    def already_touched(self, job_id: str, keys: Sequence[str]) -> set[str]:
        found: set[str] = set()
        with self._database.read() as connection:
            for start in range(0, len(keys), KEYS_AT_ONCE):
                some = work.c.rating_key.in_(keys[start : start + KEYS_AT_ONCE])
                found |= set(
                    connection.execute(select(work.c.rating_key).where(work.c.job_id == job_id, some)).scalars()
                )
        return found

    def found(self, job_id: str, suspects: Sequence[Suspect]) -> None:
        now = self._clock.now()
        rows = [_work_row(job_id, suspect, now) for suspect in suspects]
        with self._database.write() as connection:
            self._database.upsert(connection, work, rows, update=[])

    def open_suspects(self, job_id: str, after: int, limit: int) -> list[Suspect]:
        wanted = (
            select(work)
            .where(work.c.job_id == job_id, work.c.outcome.is_(None), work.c.position > after)
            .order_by(work.c.position)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [_to_suspect(row) for row in connection.execute(wanted)]

    def count(self, job_id: str) -> tuple[int, int]:
        unjudged = func.coalesce(func.sum(case((work.c.outcome.is_(None), 1), else_=0)), 0)
        with self._database.read() as connection:
            total, still_open = connection.execute(select(func.count(), unjudged).where(work.c.job_id == job_id)).one()
        return int(total), int(still_open)

    def asked(self, job_id: str, key: str) -> None:
        change = (
            update(work)
            .where(work.c.job_id == job_id, work.c.rating_key == key)
            .values(asks=work.c.asks + 1, asked_at=self._clock.now())
        )
        with self._database.write() as connection:
            connection.execute(change)

    def judge(self, job_id: str, server_id: int, verdicts: Sequence[Verdict]) -> int:
        """One verdict a run and item: a row that has one keeps it, and only first verdicts change the latest word."""
        now = self._clock.now()
        with self._database.write() as connection:
            judged = _judged_keys(connection, job_id, [verdict.key for verdict in verdicts])
            first = [verdict for verdict in verdicts if verdict.key not in judged]
            if first:
                connection.execute(_STORE_VERDICT, [_verdict_row(job_id, verdict, now) for verdict in first])
            for change, chosen in _latest_words(first):
                keys = [{"item": verdict.key} | _word_row(server_id, job_id, verdict, now) for verdict in chosen]
                connection.execute(change, keys)
        return len(first)

    def due_again(self, server_id: int, section_keys: Sequence[str], now: datetime, limit: int) -> list[str]:
        wanted = select(media.c.rating_key).where(
            media.c.server_id == server_id,
            media.c.next_try_at <= now,
            media.c.state == FLAWED,
            media.c.ignored == 0,
            media.c.section_key.in_(section_keys),
        )
        with self._database.read() as connection:
            return list(connection.execute(wanted.order_by(media.c.next_try_at).limit(limit)).scalars())

    def outcome_counts(self, job_id: str) -> dict[str, dict[str, int]]:
        wanted = (
            select(work.c.section_title, work.c.outcome, func.count())
            .where(work.c.job_id == job_id, work.c.outcome.is_not(None))
            .group_by(work.c.section_title, work.c.outcome)
        )
        counts: dict[str, dict[str, int]] = {}
        with self._database.read() as connection:
            for title, outcome, number in connection.execute(wanted):
                counts.setdefault(title, {})[outcome] = int(number)
        return counts

    def ignore(self, server_id: int, keys: Sequence[str], on: bool) -> int:
        """Marks items to be left alone, or no longer; the number changed."""
        change = (
            update(media)
            .where(media.c.server_id == server_id, media.c.rating_key.in_(keys), media.c.ignored != int(on))
            .values(ignored=int(on), changed_at=self._clock.now())
        )
        with self._database.write() as connection:
            return connection.execute(change).rowcount

    def state_rows(self, server_id: int, wanted: ItemFilter, limit: int, offset: int) -> tuple[list[ItemRow], int]:
        """The latest words on items, flawed ones by library and title, and how many there are in all."""
        conditions = [media.c.server_id == server_id, *_media_conditions(wanted, self._clock.now())]
        order = (media.c.section_key, media.c.title, media.c.rating_key)
        with self._database.read() as connection:
            total = connection.execute(select(func.count()).select_from(media).where(*conditions)).scalar_one()
            titled = select(media, named.c.title.label("section_title")).join(named, _SAME_SECTION, isouter=True)
            rows = connection.execute(titled.where(*conditions).order_by(*order).limit(limit).offset(offset))
            return [_media_item(row) for row in rows], int(total)

    def work_rows(self, job_id: str, wanted: ItemFilter, limit: int, offset: int) -> tuple[list[ItemRow], int]:
        """What one run did, item by item in the order found, and how many rows there are in all."""
        conditions = [work.c.job_id == job_id, *_work_conditions(wanted)]
        with self._database.read() as connection:
            total = connection.execute(select(func.count()).select_from(work).where(*conditions)).scalar_one()
            page = select(work).where(*conditions).order_by(work.c.position).limit(limit).offset(offset)
            rows = connection.execute(page)
            return [_work_item(row) for row in rows], int(total)


def _rows_of(connection: Connection, server_id: int, keys: Sequence[str]) -> dict[str, Any]:
    wanted = select(
        media.c.rating_key, media.c.state, media.c.missing, media.c.title, media.c.section_key, media.c.failed_count,
        media.c.next_try_at, media.c.ignored,
    ).where(media.c.server_id == server_id, media.c.rating_key.in_(keys))  # fmt: skip
    return {row.rating_key: row for row in connection.execute(wanted)}


def _to_known(row: Row[Any]) -> Known:
    return Known(row.failed_count, row.next_try_at, bool(row.ignored))


def _differs(item: Item, missing: tuple[str, ...], section: Section, before: Any) -> bool:
    if before is None:
        return True
    return (FLAWED, ",".join(missing), item.title, section.key) != (
        before.state, before.missing, before.title, before.section_key,
    )  # fmt: skip


def _flawed_row(
    server_id: int, section: Section, item: Item, missing: tuple[str, ...], before: Any, job_id: str, now: datetime
) -> dict[str, Any]:
    return {
        "server_id": server_id,
        "rating_key": item.key,
        "section_key": section.key,
        "kind": item.kind,
        "title": item.title,
        "parent": item.parent,
        "year": item.year,
        "state": FLAWED,
        "missing": ",".join(missing),
        "why": "",
        "failed_count": before.failed_count if before else 0,
        "next_try_at": before.next_try_at if before else None,
        "ignored": before.ignored if before else 0,
        "changed_at": now,
        "job_id": job_id,
    }


def _work_row(job_id: str, suspect: Suspect, now: datetime) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "rating_key": suspect.key,
        "position": suspect.position,
        "section_key": suspect.section_key,
        "section_title": suspect.section_title,
        "kind": suspect.kind,
        "title": suspect.title,
        "parent": suspect.parent,
        "year": suspect.year,
        "found_missing": ",".join(suspect.missing),
        "missing": ",".join(suspect.missing),
        "found_at": now,
    }


def _to_suspect(row: Row[Any]) -> Suspect:
    return Suspect(
        key=row.rating_key,
        section_key=row.section_key,
        section_title=row.section_title,
        kind=row.kind,
        title=row.title,
        parent=row.parent,
        year=row.year,
        missing=_split(row.found_missing),
        position=row.position,
        asks=row.asks,
    )


def _judged_keys(connection: Connection, job_id: str, keys: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(keys), KEYS_AT_ONCE):
        some = work.c.rating_key.in_(keys[start : start + KEYS_AT_ONCE])
        judged = select(work.c.rating_key).where(work.c.job_id == job_id, work.c.outcome.is_not(None), some)
        found |= set(connection.execute(judged).scalars())
    return found


_STORE_VERDICT = (
    update(work)
    .where(work.c.job_id == bindparam("run"), work.c.rating_key == bindparam("item"), work.c.outcome.is_(None))
    .values(
        outcome=bindparam("verdict"), missing=bindparam("lacks"), why=bindparam("reason"), judged_at=bindparam("at")
    )
)
_OF_ITEM = update(media).where(media.c.server_id == bindparam("server"), media.c.rating_key == bindparam("item"))
_WORD: dict[str, Any] = {
    "outcome": bindparam("verdict"), "why": bindparam("reason"), "changed_at": bindparam("at"),
    "job_id": bindparam("run"),
}  # fmt: skip
_WHOLE_AGAIN = _OF_ITEM.values(state=OK, missing="", failed_count=0, next_try_at=None, **_WORD)
_FAILED = _OF_ITEM.values(
    state=FLAWED,
    missing=bindparam("lacks"),
    failed_count=media.c.failed_count + 1,
    next_try_at=bindparam("rest"),
    **_WORD,
)
_LEFT = _OF_ITEM.values(state=GONE, next_try_at=None, **_WORD)


def _verdict_row(job_id: str, verdict: Verdict, now: datetime) -> dict[str, Any]:
    return {
        "run": job_id, "item": verdict.key, "verdict": verdict.outcome.value, "lacks": ",".join(verdict.missing),
        "reason": verdict.why, "at": now,
    }  # fmt: skip


def _word_row(server_id: int, job_id: str, verdict: Verdict, now: datetime) -> dict[str, Any]:
    row = _verdict_row(job_id, verdict, now) | {"server": server_id}
    return row | {"rest": verdict.rest_until} if verdict.outcome in _FAILURES else row


def _latest_words(verdicts: Sequence[Verdict]) -> Iterable[tuple[Update, list[Verdict]]]:
    """What verdicts change in media_state; deliberately leaving an item alone changes nothing there."""
    kinds: tuple[tuple[Update, Callable[[Verdict], bool]], ...] = (
        (_WHOLE_AGAIN, lambda v: v.outcome is Outcome.FIXED or v.why == Why.HEALED),
        (_FAILED, lambda v: v.outcome in _FAILURES),
        (_LEFT, lambda v: v.outcome is Outcome.GONE),
    )
    for change, belongs in kinds:
        if chosen := [verdict for verdict in verdicts if belongs(verdict)]:
            yield change, chosen


def _split(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))


def _media_conditions(wanted: ItemFilter, now: datetime) -> Iterable[ColumnElement[bool]]:
    resting = media.c.next_try_at > now
    states: dict[str, list[ColumnElement[bool]]] = {
        "ok": [media.c.state == OK],
        "flawed": [media.c.state == FLAWED],
        "gone": [media.c.state == GONE],
        "ignored": [media.c.state == FLAWED, media.c.ignored == 1],
        "resting": [media.c.state == FLAWED, resting],
    }
    yield from states.get(wanted.state, [])
    if wanted.section_key:
        yield media.c.section_key == wanted.section_key
    if wanted.missing:
        yield (literal_list(media.c.missing)).contains(f",{wanted.missing},", autoescape=True)
    if wanted.outcome:
        yield media.c.outcome == wanted.outcome
    if wanted.search:
        yield _matches(media.c.title, media.c.parent, wanted.search)


def _work_conditions(wanted: ItemFilter) -> Iterable[ColumnElement[bool]]:
    if wanted.section_key:
        yield work.c.section_key == wanted.section_key
    if wanted.outcome == "open":
        yield work.c.outcome.is_(None)
    elif wanted.outcome:
        yield work.c.outcome == wanted.outcome
    if wanted.missing:
        yield literal_list(work.c.found_missing).contains(f",{wanted.missing},", autoescape=True)
    if wanted.search:
        yield _matches(work.c.title, work.c.parent, wanted.search)


def literal_list(column: ColumnElement[str]) -> ColumnElement[str]:
    """',a,b,' so that one word can be looked for between commas."""
    return "," + column + ","


def _matches(title: ColumnElement[str], parent: ColumnElement[str], search: str) -> ColumnElement[bool]:
    words = search.split()[:8]
    return and_(
        true(),
        *(or_(title.icontains(word, autoescape=True), parent.icontains(word, autoescape=True)) for word in words),
    )


def _media_item(row: Row[Any]) -> ItemRow:
    return ItemRow(
        row.rating_key, row.section_key, row.section_title or row.section_key, row.kind, row.title, row.parent,
        row.year, row.state, _split(row.missing), row.outcome, row.why, row.failed_count, row.next_try_at,
        bool(row.ignored), row.changed_at, row.job_id,
    )  # fmt: skip


def _work_item(row: Row[Any]) -> ItemRow:
    state = FLAWED if row.outcome != Outcome.FIXED.value else OK
    return ItemRow(
        row.rating_key, row.section_key, row.section_title, row.kind, row.title, row.parent, row.year,
        state, _split(row.found_missing), row.outcome, row.why, row.asks, None, False, row.judged_at or row.found_at,
        row.job_id,
    )  # fmt: skip
