"""What is usual follows the line, but not down: a line that became slow is not fine again for having been so long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from speed_store_rig import DAY, HTTP, START

from keeper.rules import belief, speed_story
from keeper.rules.types import (
    Aspect,
    Measured,
    SpeedBook,
    SpeedPlan,
    SpeedProgress,
    SpeedRun,
    SpeedSource,
    SpeedStatus,
    SpeedTest,
    SpeedWishes,
)
from keeper.store.speed_book import LEARNT, baseline

TEST = SpeedTest(
    1, SpeedStatus.RUNNING, SpeedSource.MANUAL, "ada", DAY, False, START, START, None, False, None, (), 0, 0.0, "", "",
    SpeedProgress(), None,
)  # fmt: skip
SLOW, FINE, NEW = "Line Slow", "Line Fine Again", "New Usual Speed"


@dataclass
class Line:
    """A line that is measured once a day, always with the same server."""

    wishes: SpeedWishes = field(default_factory=SpeedWishes)
    history: list[tuple[belief.Figures, bool]] = field(default_factory=list)  # newest first, and whether each is low
    marks: dict[str, str] = field(default_factory=dict)
    told: list[tuple[int, str]] = field(default_factory=list)  # day and event
    began: belief.Figures | None = None  # what was usual when the alarm began

    @property
    def known(self) -> belief.Figures | None:
        return belief.usual(self.usual)

    @property
    def usual(self) -> list[belief.Figures]:
        return baseline(self.history, belief.KEPT)

    def day(self, down: float) -> str:
        """What is told of the line that day; '' = nothing."""
        told = Measured("7", "Town", 10.0, down, 20.0, 10**8, 10**8)
        low = belief.low(told, self.wishes, self.usual)
        lows = [is_low for _, is_low in self.history]
        outcome = speed_story.succeeded(SpeedRun(HTTP, told, seconds=20.0), low)
        book = SpeedBook(marks=dict(self.marks))
        end = speed_story.end_of(TEST, outcome, SpeedPlan(), self.wishes, book, lows, 20.0, self.usual)
        kinds = [notice.kind for notice in end.notices if notice.kind in (SLOW, FINE, NEW)]
        if kinds == [SLOW]:
            self.began = self.known
        self.marks |= end.marks
        self.history.insert(0, ((10.0, down, 20.0), bool(low)))
        self.told += [(len(self.history), kind) for kind in kinds]
        return kinds[0] if kinds else ""

    def days(self, downs: Sequence[float]) -> list[str]:
        return [kind for down in downs if (kind := self.day(down))]


def test_a_line_that_stays_slow_is_learnt_after_a_month_and_never_called_fine() -> None:
    line = Line()
    assert line.days([100.0] * 40) == []
    assert line.days([40.0] * 300) == [SLOW, NEW]
    assert line.told == [(42, SLOW), (40 + LEARNT + 2, NEW)]
    assert line.marks == {"alarm": "", "clear": "", "before": ""}
    assert line.known == (10.0, 40.0, 20.0)


def test_what_was_learnt_is_the_measure_of_the_next_alarm() -> None:
    line = Line()
    line.days([100.0] * 40 + [40.0] * 60)
    assert line.days([10.0] * 5 + [40.0] * 5) == [SLOW, FINE]


def test_a_line_that_becomes_as_fast_as_it_was_is_fine_again() -> None:
    line = Line()
    line.days([100.0] * 40)
    assert line.days([40.0] * 29 + [100.0, 100.0]) == [SLOW, FINE]


def test_a_line_that_becomes_faster_for_good_tells_nothing() -> None:
    assert Line().days([40.0] * 40 + [100.0] * 100) == []


@pytest.mark.parametrize("wishes", [SpeedWishes(), SpeedWishes(share=0, least_download=50.0)])
def test_a_line_that_wavers_about_its_limit_does_not_flap(wishes: SpeedWishes) -> None:
    line = Line(wishes)
    line.days([100.0] * 40)
    assert line.days([49.0, 49.0, 51.0, 51.0] * 6) == [SLOW]
    assert line.days([100.0, 100.0]) == [FINE]


def test_low_results_between_fine_ones_are_left_out() -> None:
    assert baseline([(1, True), (2, False), (3, True), (4, False), (5, False)], 2) == [2, 4]
    assert baseline([], 30) == []


def test_a_row_of_low_ones_counts_and_nothing_before_it() -> None:
    row = [(number, True) for number in range(LEARNT)]
    assert baseline([(-1, False), *row, (99, False)], 99) == [-1, *range(LEARNT)]
    assert baseline([(-1, False), *row[1:], (99, False)], 99) == [-1, 99]
    assert baseline([*row[1:], (-1, False), (98, True), (99, False)], 99) == [-1, 99]


@given(st.lists(st.booleans(), max_size=120), st.integers(1, 40))
def test_whatever_came_before_a_result_that_is_usual_is_fine_or_one_of_a_long_row(lows: list[bool], limit: int) -> None:
    found = baseline(list(enumerate(lows)), limit)
    assert found == sorted(set(found)) and len(found) <= limit
    if len(found) < min(limit, lows.count(False)):
        assert any(all(lows[at : at + LEARNT]) for at in range(len(lows) - LEARNT + 1))
    if any(lows[each] for each in found):
        first = next(each for each in found if lows[each])
        assert all(lows[first : first + LEARNT])


LEVELS = st.sampled_from([10.0, 40.0, 49.0, 51.0, 54.0, 56.0, 80.0, 100.0, 200.0])
STRETCHES = st.lists(st.tuples(LEVELS, st.integers(1, 45)), min_size=1, max_size=8)
WISHES = st.builds(
    SpeedWishes, least_download=st.sampled_from([0.0, 50.0]), share=st.sampled_from([0, 50, 95]),
    alarm_after=st.integers(1, 3), alarm_of=st.just(3),
)  # fmt: skip


@hypothesis(deadline=None)
@given(STRETCHES, WISHES)
def test_fine_again_is_told_only_of_a_line_that_is_clearly_better_than_its_limits(
    stretches: list[tuple[float, int]], wishes: SpeedWishes
) -> None:
    """Than those of today, and than those of the day on which the alarm began. Beginnings and ends take turns."""
    line = Line(wishes)
    for down in (level for level, days in stretches for _ in range(days)):
        known, told = line.known, line.day(down)
        figures = Measured("7", "Town", 10.0, down, 20.0, 1, 1)
        if told in (FINE, NEW):
            assert belief.is_clear(figures, wishes, known)
            assert (told == FINE) is (line.began is None or belief.is_clear(figures, wishes, line.began))
    assert all((one == SLOW) is not (other == SLOW) for (_, one), (_, other) in pairwise(line.told))
    assert not line.told or line.told[0][1] == SLOW


@hypothesis(deadline=None)
@given(STRETCHES, LEVELS.filter(lambda down: down >= 56.0))
def test_no_alarm_lasts_for_ever(stretches: list[tuple[float, int]], down: float) -> None:
    """However slow a line becomes by its own measure: once it stays as it is, that is usual some day."""
    line = Line(replace(SpeedWishes(), least_download=50.0))
    line.days([level for level, days in stretches for _ in range(days)])
    line.days([down] * (2 * LEARNT + 20))
    assert not line.marks.get("alarm") and Aspect.DOWNLOAD not in belief.low(
        Measured("7", "Town", 10.0, down, 20.0, 1, 1), line.wishes, line.usual
    )
