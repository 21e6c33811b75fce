"""Disks that fill up: what is a trend, what is none, and whom the memory has room for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from keeper.rules import filling
from keeper.rules.types import Fact, Level, Notice

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def told(free: Callable[[float], float], hours: int, every: float = 1.0) -> list[tuple[float, Notice]]:
    """(hour, what was told) of a disk that has `free` GB left at each hour, seen every so many hours."""
    levels: tuple[Level, ...] = ()
    news: list[tuple[float, Notice]] = []
    for number in range(int(hours / every)):
        hour = number * every
        facts = {"disk_free_gb:films": Fact(max(0.0, free(hour)))}
        levels, notices = filling.observe(levels, facts, NOON + timedelta(hours=hour))
        news += [(hour, notice) for notice in notices]
    return news


@pytest.mark.parametrize("disks", [12, 13, 40])
def test_however_many_disks_there_are_some_have_a_forecast(disks: int):
    levels: tuple[Level, ...] = ()
    warned = set()
    for hour in range(96):
        facts = {f"disk_free_gb:{n}": Fact(100.0 - hour * 20 / 24) for n in range(disks)}
        levels, notices = filling.observe(levels, facts, NOON + timedelta(hours=hour))
        warned |= {str(notice.data["disk"]) for notice in notices}
    assert warned == {str(n) for n in range(filling.DISKS)}


def test_a_disk_that_is_gone_for_long_makes_room_for_another_one():
    old = tuple(Level(str(n), NOON, 50.0) for n in range(filling.DISKS))
    new = {"disk_free_gb:new": Fact(9.0)}
    assert filling.observe(old, new, NOON + timedelta(days=13))[0] == old
    levels, _ = filling.observe(old, new, NOON + timedelta(days=14))
    assert [level.disk for level in levels] == ["new"]


@pytest.mark.parametrize("every", [0.25, 1.0, 6.0])
def test_two_big_films_within_two_days_are_no_trend(every: float):
    assert told(lambda hour: 150 - 45 * (hour >= 20) - 45 * (hour >= 30), 144, every) == []


def test_what_a_backup_takes_and_gives_back_is_no_trend():
    assert told(lambda hour: 60 - 40 * (hour % 24 >= 18), 144) == []


def test_a_flood_is_told_within_hours_and_by_its_own_pace():
    """30 GB an hour: days of evidence are not to be had."""
    (hour, notice), *_ = told(lambda hour: 500 - 30 * max(0, hour - 48), 66)
    assert hour == 55
    assert "has 290 GB left and loses 720 GB a day: it will be full in about 10 hours." in notice.message


def test_a_large_copy_onto_a_disk_with_room_is_no_flood():
    assert told(lambda hour: 9000 - 200 * min(10, max(0, hour - 30)), 60) == []


def test_a_pace_that_changes_is_no_flood():
    assert told(lambda hour: 300 - 40 * (hour > 25) - 1 * max(0, hour - 30), 32, 0.5) == []


def test_it_never_says_that_nothing_is_lost():
    (_, notice), *_ = told(lambda hour: 2 - hour / 48, 144)
    assert "has 1.5 GB left and loses 0.5 GB a day: it will be full in about 3 days." in notice.message
    (_, notice), *_ = told(lambda hour: 0.1 - hour / 1000, 144)
    assert "loses less than 0.1 GB a day" in notice.message and notice.data["gb_a_day"] == 0.024
    (_, notice), *_ = told(lambda hour: 300 - 100 * hour / 96, 480, 96)
    assert notice.message.endswith("in about an hour.")
