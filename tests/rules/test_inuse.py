"""Whether somebody is watching: who counts, who does not, and when nobody can tell."""

import pytest
from lifetime import moment

from keeper.rules.inuse import GHOST_SECONDS, LEFT_SECONDS, in_use, remember
from keeper.rules.types import Stream

PLAYING, PAUSED = Stream("1", "playing", 5000), Stream("1", "paused", 5000)
LIVE = Stream("1", "playing", 0, live=True)


def after(seconds: float, stream: Stream, recordings: int | None = 0) -> bool | None:
    """Seen first at 0, and again, unmoved, so many seconds later."""
    known = remember((), [stream], moment(0))
    known = remember(known, [stream], moment(seconds))
    return in_use([stream], recordings, known, moment(seconds))


@pytest.mark.parametrize(
    ("stream", "seconds", "used"),
    [
        (PLAYING, 0, True),
        (PLAYING, GHOST_SECONDS - 1, True),
        (PLAYING, GHOST_SECONDS, False),
        (Stream("1", "buffering", 0), GHOST_SECONDS - 1, True),
        (Stream("1", "buffering", 0), GHOST_SECONDS, False),
        (PAUSED, GHOST_SECONDS, True),
        (PAUSED, LEFT_SECONDS - 1, True),
        (PAUSED, LEFT_SECONDS, False),
        (LIVE, 100 * LEFT_SECONDS, True),
    ],
)
def test_a_stream_counts_while_it_moves_or_has_just_stopped(stream: Stream, seconds: float, used: bool):
    assert after(seconds, stream) is used


def test_a_stream_seen_for_the_first_time_is_alive():
    assert in_use([PLAYING], 0, (), moment(0)) is True


def test_a_stream_that_moves_is_never_a_ghost():
    known = ()
    for seconds in range(0, 3600, 300):
        streams = [Stream("1", "playing", seconds * 1000)]
        known = remember(known, streams, moment(seconds))
        assert in_use(streams, 0, known, moment(seconds)) is True


def test_one_living_stream_among_ghosts_is_enough():
    ghost, viewer = Stream("1", "playing", 7), Stream("2", "playing", 100)
    known = remember(remember((), [ghost], moment(0)), [ghost, viewer], moment(90))
    assert in_use([ghost, viewer], 0, known, moment(90)) is True
    assert in_use([ghost], 0, known, moment(90)) is False


def test_who_goes_on_after_a_pause_starts_afresh():
    known = remember((), [PAUSED], moment(0))
    known = remember(known, [PLAYING], moment(LEFT_SECONDS))
    assert in_use([PLAYING], 0, known, moment(LEFT_SECONDS)) is True


def test_nobody_is_nobody():
    assert in_use([], 0, (), moment(0)) is False


def test_a_recording_counts_without_any_stream():
    assert in_use([], 1, (), moment(0)) is True


def test_what_cannot_be_asked_is_unknown_and_not_no():
    assert in_use(None, None, (), moment(0)) is None
    assert in_use(None, 0, (), moment(0)) is None
    assert in_use([], None, (), moment(0)) is None


def test_somebody_who_watches_is_known_even_if_recordings_are_not():
    assert in_use([PLAYING], None, (), moment(0)) is True


def test_a_look_that_could_not_ask_forgets_nobody():
    known = remember((), [PAUSED], moment(0))
    known = remember(known, None, moment(300))
    known = remember(known, [PAUSED], moment(LEFT_SECONDS))
    assert in_use([PAUSED], 0, known, moment(LEFT_SECONDS)) is False


def test_who_has_left_is_forgotten():
    assert remember(remember((), [PAUSED], moment(0)), [], moment(20)) == ()


def test_stillness_before_a_boot_says_nothing_about_the_time_after_it():
    known = remember((), [PLAYING], moment(0, "a"))
    now = moment(5000, "b", booted=4000)
    known = remember(known, [PLAYING], now)
    assert in_use([PLAYING], 0, known, now) is True
