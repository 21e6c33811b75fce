"""The strip of half-hours and the sparkline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from keeper.ui import charts

NOW = datetime(2026, 11, 21, 12, 34, 56, tzinfo=UTC)


def test_a_half_hour_without_a_look_is_unknown_not_fine() -> None:
    row = charts.slots([(NOW, "ok", 1.0), (NOW - timedelta(hours=1), "down", None)], NOW)
    assert len(row) == 48
    assert row[-1].state == "ok"
    assert row[-1].start == NOW.replace(minute=30, second=0)
    assert row[-2].state == "unknown"
    assert row[-3].state == "trouble"


def test_a_failed_look_says_nothing_about_plex() -> None:
    assert charts.slots([(NOW, "unknown", None)], NOW)[-1].state == "unknown"


def test_looks_outside_the_day_are_left_out() -> None:
    row = charts.slots([(NOW - timedelta(hours=25), "down", None), (NOW + timedelta(hours=1), "down", None)], NOW)
    assert {slot.state for slot in row} == {"unknown"}


def test_words_in_pictures_are_escaped() -> None:
    drawn = charts.strip([("ok", '<b>"x"')], '<i>"', ("<", ">"), [("ok", "<u>")])
    assert "<b>" not in drawn and "<u>" not in drawn and '<i>"' not in drawn
    assert "&quot;x&quot;" in drawn


def test_sparkline_draws_gaps_and_survives_nothing() -> None:
    assert charts.spark([1.0, None, 3.0, 2.0], "x").count("M") >= 1
    assert "path" not in charts.spark([], "x")
    assert "path" not in charts.spark([None, None], "x")
    assert charts.spark([0, 0, 0], "x", kind="bar").count("%3Crect") == 3


def test_share_is_a_width() -> None:
    assert "width:94.50%" in charts.share(0.945, "x")
