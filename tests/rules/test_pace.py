"""How many refreshes at once."""

from hypothesis import given
from hypothesis import strategies as st

from keeper.rules.pace import QUICK_SECONDS, SLOW_SECONDS, Pace, remaining_seconds


def test_it_starts_at_two_and_grows_to_the_limit_while_answers_are_quick():
    pace = Pace(4)
    assert pace.limit == 2
    for _ in range(20):
        pace.answered(0.05)
    assert pace.limit == 4


def test_it_never_starts_above_the_limit():
    assert Pace(1).limit == 1


def test_a_slow_answer_halves_it():
    pace = Pace(8, limit=2)
    for _ in range(12):
        pace.answered(0.05)
    assert pace.limit == 8
    pace.answered(SLOW_SECONDS)
    assert pace.limit == 4


def test_an_answer_in_between_only_stops_the_growth():
    pace = Pace(4)
    pace.answered(0.05)
    pace.answered((QUICK_SECONDS + SLOW_SECONDS) / 2)
    pace.answered(0.05)
    assert pace.limit == 2


@given(st.integers(1, 16), st.lists(st.one_of(st.floats(0, 30), st.none())))
def test_it_stays_between_one_and_the_limit(most, answers):
    pace = Pace(most)
    for seconds in answers:
        pace.strained() if seconds is None else pace.answered(seconds)
        assert 1 <= pace.limit <= most


def test_remaining_time_is_plain_extrapolation():
    assert remaining_seconds(50, 200, 10.0) == 30.0


def test_there_is_no_remaining_time_without_experience_or_at_the_end():
    assert remaining_seconds(2, 200, 10.0) is None
    assert remaining_seconds(50, 200, 0.5) is None
    assert remaining_seconds(200, 200, 10.0) is None
