"""Looks become hours and days: nothing is counted twice, nothing unseen is called good, and the file stays small."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select
from watch_rig import rows

from keeper.rules.types import Cause, Hour
from keeper.store import cleaner as retention
from keeper.store.cleaner import StoredCleaner
from keeper.store.db import Database
from keeper.store.hours import SERVES, hour_of, touched
from keeper.store.rollup import Rollup
from keeper.store.schema import (
    actions,
    check_days,
    check_hours,
    checks,
    incident_steps,
    incidents,
    plex_turns,
    utc_text,
)
from keeper.store.watch_views import WatchViews

START = datetime(2026, 3, 28, 22, tzinfo=UTC)
INTERVAL, PATIENCE, CELL = 300.0, 750, 30  # seconds
MB = 1_000_000


class Seen(NamedTuple):
    """A look, `at` seconds after START."""

    at: int
    cause: str = "ok"
    identity: bool | None = True
    milliseconds: float | None = 10.0
    cpu: object = 50.0


def put(database: Database, looks: Sequence[Seen]) -> None:
    with database.write() as connection:
        for look in looks:
            facts = {"identity": look.identity, "cpu_percent": look.cpu, "plex_memory_mb": 300.0, "name": "x"}
            told = json.dumps({name: {"value": value, "detail": ""} for name, value in facts.items()})
            connection.execute(
                insert(checks).values(
                    at=START + timedelta(seconds=look.at), cause=look.cause, sentence="", facts_json=told,
                    decision_json="{}", milliseconds=look.milliseconds,
                )
            )  # fmt: skip


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def tables(database: Database) -> tuple[list, list]:
    return rows(database, "select * from check_hours order by 1"), rows(database, "select * from check_days order by 1")


class Clock:
    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now


# ------------------------------------------------------------------------------------------------ the law of sums

CAUSES = ["ok", "ok", "ok", "down", "internet_down", "updating", "unknown", "nonsense"]
LOOKS = st.lists(
    st.builds(
        Seen,
        at=st.integers(0, 7 * 120).map(lambda cell: cell * CELL),
        cause=st.sampled_from(CAUSES),
        identity=st.sampled_from([True, False, None]),
        milliseconds=st.none() | st.floats(0.1, 1000),
        cpu=st.none() | st.floats(0, 100) | st.just("much") | st.just(True),
    ),
    max_size=40,
)  # in any order: clocks jump


def oracle(looks: Sequence[Seen], until: float = float("inf")) -> dict[datetime, tuple[float, float]]:
    """{hour: (good, bad)} by asking every half-minute which look stands for it."""
    sums: dict[datetime, tuple[float, float]] = {}
    for at in range(0, 9 * 3600, CELL):
        standing = [each for each in looks if each.at <= at < each.at + PATIENCE and each.at < until and at < until]
        if not standing:
            continue
        look = max(reversed(standing), key=lambda each: each.at)  # the last one written, of those at the same time
        serves = {"ok": True, "down": False, "internet_down": look.identity or None}.get(look.cause)
        hour = hour_of(after(at))
        good, bad = sums.get(hour, (0.0, 0.0))
        sums[hour] = (good + CELL * (serves is True), bad + CELL * (serves is False))
    return {hour: both for hour, both in sums.items() if any(both)}


def told(hours: Sequence[Hour]) -> dict[datetime, tuple[float, float]]:
    return {hour.begins: (hour.good, hour.bad) for hour in hours if hour.good or hour.bad}


def empty(database: Database) -> None:
    with database.write() as connection:
        for table in ("checks", "check_hours", "check_days", "settings"):
            connection.exec_driver_sql(f"delete from {table}")


ON_ONE_FILE = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@ON_ONE_FILE
@given(looks=LOOKS, sizes=st.lists(st.integers(1, 9), min_size=1), cut=st.integers(0, 40))
def test_hours_are_what_the_looks_say_however_they_are_summed_up(database, looks, sizes, cut) -> None:
    empty(database)
    rollup = Rollup(database, INTERVAL)
    put(database, looks[:cut])
    for size in sizes:
        rollup.batch(size)
    put(database, looks[cut:])
    while rollup.batch(sizes[0]):
        pass
    stored = rollup.hours(START, after(10 * 3600))
    assert told(stored) == oracle(looks)
    assert sum(hour.looks for hour in stored) == len(looks)
    for hour in [*stored, *rollup.days(START, after(30 * 3600))]:
        assert hour.good + hour.bad + hour.unknown == pytest.approx(hour.seconds, abs=1e-6)
        assert hour.good + hour.bad <= hour.seconds
        assert sum(spent for cause, spent in hour.causes.items() if cause == "down") == hour.bad
    before = tables(database)
    with database.write() as connection:
        connection.exec_driver_sql("delete from settings")
    while rollup.batch(7):
        pass
    assert tables(database) == before


@ON_ONE_FILE
@given(looks=LOOKS, summed=st.integers(0, 40), now=st.integers(1, 8 * 120).map(lambda cell: cell * CELL))
def test_a_page_sees_the_present_hour_whether_it_was_summed_up_or_not(database, looks, summed, now) -> None:
    empty(database)
    rollup = Rollup(database, INTERVAL)
    past = [look for look in looks if look.at < now]
    put(database, past)
    if summed:
        rollup.batch(summed)
    hours = rollup.hours(START, after(now))
    assert told(hours) == oracle(past, until=now)
    assert all(hour.begins + timedelta(seconds=hour.seconds) <= after(now) for hour in hours)
    days = rollup.days(START, after(now))
    assert sum(day.good for day in days) == sum(hour.good for hour in hours)
    assert sum(day.looks for day in days) == sum(hour.looks for hour in hours) == len(past)


# ------------------------------------------------------------------------------------------------ single cases


def test_every_cause_says_whether_plex_serves() -> None:
    assert set(SERVES) == set(Cause)


def test_a_look_stands_until_the_next_and_not_for_long(database: Database) -> None:
    put(database, [Seen(0), Seen(300, "down"), Seen(320, "down"), Seen(340), Seen(3590, "updating", cpu=10)])
    rollup = Rollup(database, INTERVAL)
    rollup.batch(100)
    first, second = rollup.hours(START, after(7200))
    assert (first.good, first.bad, first.looks) == (300 + PATIENCE, 40, 5)
    assert first.causes == {"down": 40, "updating": 10}
    assert first.unknown == 3600 - 300 - PATIENCE - 40
    assert (second.good, second.bad, second.looks, second.causes) == (0, 0, 0, {"updating": PATIENCE - 10})
    assert first.figures == {"cpu_percent": 42.0, "plex_memory_mb": 300.0}
    assert first.response_ms == 10


def test_means_of_a_day_are_those_of_its_looks(database: Database) -> None:
    put(
        database,
        [Seen(0, cpu=10), Seen(3600, cpu=40), Seen(3900, cpu=70, milliseconds=40), Seen(4200, "down", cpu=None)],
    )
    rollup = Rollup(database, INTERVAL)
    rollup.batch(100)
    (day,) = rollup.days(START, after(7200))
    assert (day.figures["cpu_percent"], day.response_ms, day.looks) == (40, 17.5, 4)
    assert day.begins == datetime(2026, 3, 28, tzinfo=UTC)


def test_a_dead_line_counts_as_good_only_where_plex_was_seen(database: Database) -> None:
    put(database, [Seen(0, "link_down", identity=True), Seen(300, "link_down", identity=None)])
    (hour,) = Rollup(database, INTERVAL).hours(START, after(3600))
    assert (hour.good, hour.bad, hour.causes) == (300, 0, {"link_down": 300 + PATIENCE})


def test_spoiled_looks_do_no_harm(database: Database) -> None:
    put(database, [Seen(0), Seen(300)])
    with database.write() as connection:
        connection.exec_driver_sql("update checks set facts_json = 'nonsense' where id = 1")
        connection.exec_driver_sql("update checks set facts_json = '[1]' where id = 2")
    (hour,) = Rollup(database, INTERVAL).hours(START, after(3600))
    assert (hour.good, hour.looks, hour.figures) == (300 + PATIENCE, 2, {})


def test_a_long_interval_reaches_over_hours() -> None:
    at = datetime(2026, 1, 1, 10, 59, tzinfo=UTC)
    assert [hour.hour for hour in touched(at, timedelta(hours=2))] == [10, 11, 12]


def test_a_table_that_was_emptied_by_hand_is_counted_from_the_start(database: Database) -> None:
    put(database, [Seen(number * 300) for number in range(12)])
    rollup = Rollup(database, INTERVAL)
    assert rollup.batch(100) == 12
    with database.write() as connection:
        connection.exec_driver_sql("delete from checks")
    put(database, [Seen(7200), Seen(7500)])
    assert rollup.batch(100) == 2
    assert [hour.looks for hour in rollup.hours(START, after(4 * 3600))] == [12, 0, 2]


# ------------------------------------------------------------------------------------------------ retention


def clean(database: Database, now: datetime, batch: int = 500) -> int:
    """Until nothing is left to do; the number of calls."""
    cleaner, calls = StoredCleaner(database, INTERVAL), 1
    while cleaner.prune(now, 90, 500, batch):
        calls += 1
    return calls


def test_looks_go_after_three_days_and_what_they_said_stays(database: Database) -> None:
    put(database, [Seen(number * 300) for number in range(5 * 288)])
    assert clean(database, after(5 * 86_400), batch=100) > 5 * 288 / 100
    (left,) = rows(database, "select count(*), min(at) from checks")
    assert left == (3 * 288, utc_text(after(2 * 86_400)))
    hours = WatchViews(database, Clock(after(5 * 86_400)), INTERVAL).hours(START)
    assert [(hour.good, hour.looks) for hour in hours] == [(3600, 12)] * 120
    days = WatchViews(database, Clock(after(5 * 86_400)), INTERVAL).days(START)
    assert [day.good for day in days] == [7200, *[86_400] * 4, 79_200]


def test_a_service_that_was_away_for_days_counts_first_and_cleans_then(database: Database) -> None:
    put(database, [Seen(number * 300) for number in range(700)])
    clean(database, after(30 * 86_400))
    assert rows(database, "select count(*), max(id) from checks") == [(1, 700)]
    put(database, [Seen(30 * 86_400)])
    clean(database, after(30 * 86_400 + 60))
    views = WatchViews(database, Clock(after(30 * 86_400 + 60)), INTERVAL)
    assert sum(hour.looks for hour in views.hours(START)) == 701
    assert sum(day.looks for day in views.days(START)) == 701
    assert len(views.days(START)) == 5


def test_a_clock_years_ahead_for_an_hour_costs_nothing_that_counts(database: Database) -> None:
    usual = [Seen(number * 300) for number in range(600)]
    ahead = [Seen(4 * 365 * 86_400 + number * 300) for number in range(12)]
    put(database, usual[:596] + ahead)
    clean(database, after(4 * 365 * 86_400 + 3600))
    put(database, usual[596:])
    clean(database, after(600 * 300))
    hours = WatchViews(database, Clock(after(600 * 300)), INTERVAL).hours(START)
    assert [hour.begins for hour in hours] == [START + timedelta(hours=number) for number in range(50)]
    assert all(hour.good == 3600 for hour in hours[:49])
    assert hours[-1].looks == 8  # of the twelve: the others cannot be added to looks that are gone


def test_only_so_many_rows_of_each_table_stay(database: Database, monkeypatch) -> None:
    now = after(0)
    with database.write() as connection:
        for number in range(1, 21):
            at = START + timedelta(days=number)
            taken = {
                "action": "restart_plex",
                "at": at,
                "boot": "b",
                "uptime": number,
                "incident": number,
                "by_whom": "",
            }
            step = {"incident": number, "at": at, "kind": "opened", "cause": "down", "data_json": "{}"}
            opened = {
                "number": number, "cause": "down", "causes": "down", "began_at": at, "began_boot": "b",
                "began_uptime": 1, "opened_at": at,
            }  # fmt: skip
            summed = {
                "begins_at": at, "seconds": 1, "good": 0, "bad": 0, "looks": 1, "causes_json": "{}", "answered": 0,
                "figures_json": "{}",
            }  # fmt: skip
            turned = {"at": at, "what": "stopped", "by_agent": "crash"}
            lots = (
                (actions, taken), (incident_steps, step), (incidents, opened), (plex_turns, turned),
                (check_hours, summed),
            )  # fmt: skip
            for table, row in (*lots, (check_days, summed)):
                connection.execute(insert(table).values(**row))
    monkeypatch.setattr(retention, "KEPT", tuple((table, 3) for table, _ in retention.KEPT))
    assert clean(database, now, batch=4) > 6 * 17 / 4
    with database.read() as connection:
        for table, _ in retention.KEPT:
            (key,) = table.primary_key
            left = connection.execute(select(key).order_by(key)).scalars().all()
            assert len(left) == 3
            assert left[-1] in (20, START + timedelta(days=20))


# ------------------------------------------------------------------------------------------------ a year


def _facts(chance: random.Random) -> str:
    """Forty facts, 2.5 KB, as a real look has them."""
    facts: dict[str, object] = {"identity": True, "token": True, "count": True, "plex_memory_mb": 412.4}
    facts |= {"cpu_percent": round(chance.uniform(1, 60), 1), "memory_percent": round(chance.uniform(20, 70), 1)}
    facts |= {f"mount:/srv/media/library-{number}": True for number in range(34)}
    return json.dumps({name: {"value": value, "detail": "there"} for name, value in facts.items()})


def _day(connection, day: int, facts: Sequence[str]) -> None:
    """288 looks with two outages, each with its story."""
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    looks = [
        (
            utc_text(start + timedelta(seconds=300 * number)),
            "down" if number in (100, 200) else "ok",
            facts[number % 50],
        )
        for number in range(288)
    ]
    sentence = "Plex answers and accepts the token."
    decision = json.dumps({"action": "none", "reason": "fine", "sentence": "All is well.", "next_look": looks[0][0]})
    connection.exec_driver_sql(
        "insert into checks (at, cause, sentence, facts_json, decision_json, milliseconds) values (?, ?, ?, ?, ?, 4.5)",
        [(at, cause, sentence, told, decision) for at, cause, told in looks],
    )
    at, data = looks[100][0], json.dumps({"action": "restart_plex", "reason": "act", "port": "refused"})
    numbers = [2 * day + 1, 2 * day + 2]
    connection.exec_driver_sql(
        "insert into incidents values (?, 'down', 'down', ?, 'boot', 1.0, ?, ?, 0)", [(n, at, at, at) for n in numbers]
    )
    steps = [
        (number, at, kind, data) for number in numbers for kind in ("opened", "decided", "decided", "acted", "closed")
    ]
    connection.exec_driver_sql("insert into incident_steps values (null, ?, ?, ?, 'down', ?)", steps)
    ledger = [(at, f"{day}", float(number), number) for number in numbers]
    connection.exec_driver_sql(
        "insert into actions values (null, 'restart_plex', ?, ?, ?, ?, '', 1, 1, 'systemctl restart: exit 0')", ledger
    )
    told = [(at, kind, "Restart of Plex: nothing listens.", data) for kind in ("Trouble", "Plex Restart", "Over") * 2]
    connection.exec_driver_sql("insert into events values (null, ?, ?, 'warning', ?, ?)", told)


def test_a_year_of_looks_stays_small(database: Database) -> None:
    chance = random.Random(1)
    facts = [_facts(chance) for _ in range(50)]
    assert 2400 < len(facts[0]) < 2900
    empty_size = _size(database)
    for day in range(365):
        with database.write() as connection:
            _day(connection, day, facts)
        clean(database, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day + 1))
    database.give_back(10**6)
    grown = _size(database) - empty_size
    assert grown < 10 * MB, f"{grown / MB:.1f} MB"
    end = datetime(2027, 1, 1, tzinfo=UTC)
    days = WatchViews(database, Clock(end), INTERVAL).days(end - timedelta(days=400))
    assert [(day.good, day.bad, day.looks) for day in days] == [(86_400 - 600, 600, 288)] * 365
    assert len(WatchViews(database, Clock(end), INTERVAL).hours(end - timedelta(days=100))) == 2_400


def _size(database: Database) -> int:
    """Bytes on disk, with everything that is in the WAL written back."""
    with database.read() as connection:
        connection.exec_driver_sql("select 1")
    raw = database.engine.raw_connection()
    raw.execute("pragma wal_checkpoint(truncate)").fetchall()
    raw.close()
    return sum(file.stat().st_size for file in database.path.parent.glob(f"{database.path.name}*"))
