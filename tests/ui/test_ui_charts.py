"""Bars of availability, lines of time, stories and sparklines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ui_house import watched

from keeper.rules.types import Hour
from keeper.ui import charts
from keeper.ui.screens.availability import SPANS

NOW = datetime(2026, 11, 21, 12, 34, 56, tzinfo=UTC)
DAY, WEEK, QUARTER = SPANS


def seconds(bar: charts.Bar) -> tuple[int, int, int]:
    return round(bar.good), round(bar.bad), round(bar.unknown)


def test_an_hour_that_nobody_saw_is_unknown_not_fine() -> None:
    bars = charts.spans(watched(24, bad=(2,), unseen=(3,)), DAY.ends(NOW), NOW)
    assert len(bars) == 24
    assert seconds(bars[-1]) == (34 * 60 + 56, 0, 0)  # the present one, as far as it has come
    assert seconds(bars[-3]) == (2880, 720, 0)
    assert seconds(bars[-4]) == (0, 0, 3600)


def test_a_week_comes_in_quarters_of_a_day_and_a_quarter_of_a_year_in_days() -> None:
    week = charts.spans(watched(7 * 24, bad=(30,)), WEEK.ends(NOW), NOW)
    assert (len(week), sum(bool(bar.bad) for bar in week)) == (28, 1)
    assert sum(sum(bar[:3]) for bar in week) == 7 * 86400 - (3600 - 34 * 60 - 56)
    days = charts.spans(watched(60, seconds=86400.0), QUARTER.ends(NOW), NOW)
    assert [bool(bar.good) for bar in days] == [False] * 30 + [True] * 60
    assert seconds(days[0]) == (0, 0, 86400)


def test_what_lies_outside_is_left_out() -> None:
    early = Hour(NOW - timedelta(days=2), 3600, 3600, 0, 1, {})
    late = Hour(NOW + timedelta(days=2), 3600, 3600, 0, 1, {})
    assert not any(bar.good for bar in charts.spans([early, late], DAY.ends(NOW), NOW))


def test_a_second_of_trouble_can_be_seen() -> None:
    drawn = charts.availability([charts.Bar(3599, 1, 0), charts.Bar(0, 0, 0)], "x")
    assert 'class="trouble" style="height:14.0%"' in drawn
    assert 'class="unknown" style="height:100%"' in drawn


def test_words_in_pictures_are_escaped() -> None:
    evil = '<b>"x"'
    drawn = charts.availability([charts.Bar(1, 0, 0, evil)], evil) + charts.legend([("ok", evil)])
    pin, part = charts.Pin(0.5, 1, "did", evil), charts.Stretch(0, 1, "red", evil)
    drawn += charts.timeline([part], [pin], evil, (evil, evil))
    drawn += charts.story([charts.Line(1, "did", evil, "", evil, evil)])
    assert '<b>"' not in drawn and "<b>&" not in drawn
    assert drawn.count("&lt;b&gt;") == 12


def test_pins_are_numbered_where_there_is_room() -> None:
    pins = [charts.Pin(at, number, "did", "") for number, at in enumerate((0.1, 0.11, 0.5), 1)]
    drawn = charts.timeline([], pins, "x", ("", ""))
    assert ">1</b>" in drawn and ">3</b>" in drawn
    assert ">2</b>" not in drawn and 'class="did small"' in drawn


def test_sparkline_draws_gaps_and_survives_nothing() -> None:
    assert charts.spark([1.0, None, 3.0, 2.0], "x").count("M") >= 1
    assert "path" not in charts.spark([], "x")
    assert "path" not in charts.spark([None, None], "x")
    assert charts.spark([0, 0, 0], "x", kind="bar").count("%3Crect") == 3


def test_share_is_a_width() -> None:
    assert "width:94.50%" in charts.share(0.945, "x")
