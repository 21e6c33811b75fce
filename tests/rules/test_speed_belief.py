"""Which measurements are believed, which are low, and when that is an alarm."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from keeper.rules import belief
from keeper.rules.types import Aspect, Flaw, Measured, SpeedProvider, SpeedRun, SpeedWishes

CLI, HTTP = SpeedProvider.SPEEDTEST_CLI, SpeedProvider.HTTP
MB = 1_000_000
FINE = Measured("4711", "A place", 12.0, 98.8, 19.9, 120 * MB, 27 * MB)
RATES = st.floats(0.1, 10_000)
PINGS = st.floats(0.1, 5_000)
RESULTS = st.lists(st.tuples(PINGS, RATES, RATES), max_size=40)
WISHES = st.builds(
    SpeedWishes,
    least_download=st.sampled_from([0.0, 50.0, 900.0]),
    least_upload=st.sampled_from([0.0, 10.0]),
    most_ping=st.sampled_from([0.0, 30.0, 300.0]),
    share=st.integers(0, 100),
    alarm_after=st.integers(0, 6),
    alarm_of=st.integers(1, 8),
)
ALARMS = st.tuples(st.integers(1, 5), st.integers(1, 8)).map(
    lambda two: SpeedWishes(alarm_after=two[0], alarm_of=two[1])
)


def run(told: Measured | None = FINE, provider: SpeedProvider = CLI, seconds: float = 25.0) -> SpeedRun:
    return SpeedRun(provider, told, seconds=seconds)


def flaw(told: Measured | None, provider: SpeedProvider = CLI, seconds: float = 25.0) -> Flaw | None:
    found = belief.flaw_of(run(told, provider, seconds))
    return found[0] if found else None


def test_a_measurement_like_any_other_is_believed():
    assert flaw(FINE) is None
    assert flaw(Measured("1", "", 4.0, 498.0, 50.0, 409 * MB, 84 * MB), seconds=21) is None
    assert flaw(Measured("1", "", 2.0, 940.0, 930.0, 409 * MB, 152 * MB), seconds=12) is None


#: What speedtest-cli was seen to say with exit code 0, and what that was in truth.
SEEN = {
    "a dead server, or one that answers 503": (Measured("1", "", 1_800_000.0, 0.0, 0.0, 0, 0), Flaw.NO_PING),
    "five servers that swallow the connection": (Measured("1", "", 1_800_000.0, 0.0, 0.0, 0, 0), Flaw.NO_PING),
    "the server refuses the upload": (Measured("1", "", 12.0, 98.0, 2077.0, 120 * MB, 27 * MB), Flaw.ABSURD),
    "the server refuses the download": (Measured("1", "", 12.0, 0.0, 20.0, 0, 27 * MB), Flaw.NO_DOWNLOAD),
    "the line dies in the middle of the download": (Measured("1", "", 12.0, 31.0, 0.0, 60 * MB, 0), Flaw.NO_UPLOAD),
}


@pytest.mark.parametrize("what", SEEN)
def test_each_lie_that_was_seen_is_refused(what):
    told, why = SEEN[what]
    found = belief.flaw_of(run(told, seconds=170))
    assert found is not None and found[0] is why and found[1].startswith("It says")


NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ping_ms": 0.0}, Flaw.NO_PING), ({"ping_ms": -1.0}, Flaw.NO_PING), ({"ping_ms": 10_000.0}, Flaw.NO_PING),
        ({"ping_ms": NAN}, Flaw.NO_PING), ({"ping_ms": INFINITE}, Flaw.NO_PING), ({"ping_ms": 9_999.0}, None),
        ({"download_mbps": -1.0}, Flaw.NO_DOWNLOAD), ({"download_mbps": -INFINITE}, Flaw.NO_DOWNLOAD),
        ({"upload_mbps": 0.0}, Flaw.NO_UPLOAD), ({"download_mbps": NAN}, Flaw.ABSURD),
        ({"upload_mbps": INFINITE}, Flaw.ABSURD), ({"download_mbps": 100_001.0}, Flaw.ABSURD),
        ({"received": 0}, Flaw.ABSURD), ({"sent": 0}, Flaw.ABSURD), ({"sent": -5}, Flaw.ABSURD),
        ({"sent": 2_400_000}, Flaw.ABSURD), ({"sent": 2_600_000}, None), ({"sent": 75 * MB}, Flaw.ABSURD),
    ],
)  # fmt: skip
def test_figures_that_no_line_has_are_refused(changes, why):
    assert flaw(FINE._replace(**changes)) is why


def test_who_says_nothing_did_not_measure():
    assert flaw(None) is Flaw.GARBLED


def test_how_long_it_may_send_is_known_of_speedtest_cli_alone():
    told = FINE._replace(sent=2_000_000)
    assert flaw(told, CLI) is Flaw.ABSURD and flaw(told, HTTP) is None


def test_bytes_that_take_longer_than_the_measurement_took_are_a_contradiction():
    told = Measured("1", "", 12.0, 10.0, 10.0, 100 * MB, 10 * MB)  # 88 s at those rates
    assert flaw(told, HTTP, seconds=20) is Flaw.ABSURD
    assert flaw(told, HTTP, seconds=80) is None
    assert flaw(told, HTTP, seconds=0) is None  # how long it took is not known


#: What was seen to be believed: figures of a transfer that never was one, or was cut short.
TOO_LITTLE = {
    "40 kB of a captive portal": (CLI, FINE._replace(download_mbps=1.6, received=40_000)),
    "one byte at 90 Gbit/s": (CLI, FINE._replace(download_mbps=90_000.0, received=1)),
    "one byte each": (SpeedProvider.OOKLA, Measured("1", "", 10.0, 99_000.0, 99_000.0, 1, 1)),
    "9 kB and no time": (SpeedProvider.LIBRESPEED, Measured("1", "", 1.0, 80_000.0, 80_000.0, 9_000, 9_000)),
    "9 kB of our own": (HTTP, Measured("1", "", 1.0, 1.0, 1.0, 9_000, 100_000)),
    "an upload that was cut": (SpeedProvider.OOKLA, FINE._replace(sent=200_000)),
    "an answer before it was asked": (SpeedProvider.LIBRESPEED, FINE._replace(ping_ms=1e-9)),
}


@pytest.mark.parametrize("what", TOO_LITTLE)
def test_a_transfer_that_was_none_is_not_believed(what):
    provider, told = TOO_LITTLE[what]
    found = belief.flaw_of(run(told, provider))
    assert found is not None and found[0] is Flaw.ABSURD and found[1].startswith("It says")


def test_a_throttled_line_a_very_fast_one_and_a_small_transfer_of_ours_are_believed():
    throttled = Measured("1", "", 300.0, 0.032, 0.032, 40_000, 40_000)
    fast = Measured("1", "", 0.02, 9_500.0, 9_500.0, 409 * MB, 10_000 * MB)
    assert flaw(throttled, SpeedProvider.OOKLA) is None and flaw(fast, SpeedProvider.OOKLA) is None
    assert flaw(Measured("1", "", 0.2, 900.0, 900.0, MB, MB), HTTP, seconds=1) is None


@given(st.sampled_from(SpeedProvider), PINGS, RATES, RATES, st.integers(-5, 10**9), st.integers(-5, 10**9))
def test_whatever_is_believed_was_a_transfer(provider, ping, down, up, received, sent):
    if flaw(Measured("1", "", ping, down, up, received, sent), provider) is None:
        assert min(received, sent) >= belief.LEAST_BYTES
        shortest = belief.OWN_SECONDS if provider is HTTP else belief.LEAST_SECONDS
        assert min(received / down, sent / up) * 8 / MB >= shortest * 0.999


# ---------------------------------------------------------------------------- what is usual


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_a_median_lies_in_the_middle(values):
    middle = belief.median(values)
    assert min(values) <= middle <= max(values)
    assert 2 * sum(value < middle for value in values) <= len(values)
    assert 2 * sum(value > middle for value in values) <= len(values)


def test_before_five_results_nothing_is_usual():
    assert belief.usual([(10.0, 100.0, 20.0)] * 4) is None
    assert belief.usual([(10.0, 100.0, 20.0)] * 5) == (10.0, 100.0, 20.0)


def test_a_few_slow_nights_do_not_change_what_is_usual():
    nights = [(10.0, 100.0, 20.0)] * 16 + [(900.0, 1.0, 0.1)] * 14
    assert belief.usual(nights) == (10.0, 100.0, 20.0)


def test_what_lies_far_back_does_not_count():
    assert belief.usual([(10.0, 100.0, 20.0)] * 30 + [(10.0, 900.0, 20.0)] * 90) == (10.0, 100.0, 20.0)


# ---------------------------------------------------------------------------- what is low

USUAL = [(12.0, 100.0, 20.0)] * 10
WITHOUT = SpeedWishes(share=0)


@pytest.mark.parametrize(
    ("wishes", "results", "changes", "low"),
    [
        (WITHOUT, USUAL, {"download_mbps": 0.1, "upload_mbps": 0.1, "ping_ms": 900.0}, ()),
        (SpeedWishes(), [], {"download_mbps": 0.1, "upload_mbps": 0.1, "ping_ms": 900.0}, ()),
        (SpeedWishes(), USUAL, {"download_mbps": 49.9}, (Aspect.DOWNLOAD,)),
        (SpeedWishes(), USUAL, {"download_mbps": 50.0}, ()),
        (SpeedWishes(), USUAL, {"upload_mbps": 9.9}, (Aspect.UPLOAD,)),
        (SpeedWishes(share=90), USUAL, {"download_mbps": 89.0, "upload_mbps": 17.0}, (Aspect.DOWNLOAD, Aspect.UPLOAD)),
        (SpeedWishes(), USUAL, {"ping_ms": 36.1}, (Aspect.PING,)),
        (SpeedWishes(), USUAL, {"ping_ms": 35.9}, ()),
        (SpeedWishes(), [(2.0, 100.0, 20.0)] * 5, {"ping_ms": 21.0}, ()),  # many times as long, but short
        (SpeedWishes(), [(2.0, 100.0, 20.0)] * 5, {"ping_ms": 22.1}, (Aspect.PING,)),
        (SpeedWishes(), [(200.0, 100.0, 20.0)] * 5, {"ping_ms": 500.0}, ()),  # much longer, but usual is long
        (replace(WITHOUT, least_download=95.0), [], {"download_mbps": 94.0}, (Aspect.DOWNLOAD,)),
        (replace(WITHOUT, least_upload=20.0), [], {"upload_mbps": 19.9}, (Aspect.UPLOAD,)),
        (replace(WITHOUT, most_ping=30.0), [], {"ping_ms": 30.1}, (Aspect.PING,)),
        (SpeedWishes(most_ping=30.0), USUAL, {"ping_ms": 31.0}, (Aspect.PING,)),
        (SpeedWishes(least_download=10.0), USUAL, {"download_mbps": 40.0}, (Aspect.DOWNLOAD,)),
    ],
)  # fmt: skip
def test_low_is_what_a_person_did_not_ask_for_or_what_is_far_from_usual(wishes, results, changes, low):
    assert belief.low(FINE._replace(**changes), wishes, results) == low


@given(WISHES, RESULTS, PINGS, RATES, RATES, st.floats(1.0, 50.0))
def test_what_is_faster_is_never_low_where_the_slower_is_not(wishes, results, ping, down, up, times):
    slower = Measured("1", "", ping, down, up, 1, 1)
    faster = Measured("1", "", ping / times, down * times, up * times, 1, 1)
    assert set(belief.low(faster, wishes, results)) <= set(belief.low(slower, wishes, results))


@given(WISHES, RESULTS, PINGS, RATES, RATES, st.integers(0, 100))
def test_who_asks_for_more_never_finds_less_that_is_low(wishes, results, ping, down, up, share):
    told = Measured("1", "", ping, down, up, 1, 1)
    assume(share >= wishes.share)
    more = replace(
        wishes, share=share, least_download=wishes.least_download + 10, least_upload=wishes.least_upload + 10
    )
    assert set(belief.low(told, wishes, results)) <= set(belief.low(told, more, results))


@given(RESULTS, st.integers(1, 100))
def test_what_is_usual_is_not_low(results, share):
    known = belief.usual(results)
    assume(known is not None)
    assert belief.low(Measured("1", "", *known, 1, 1), SpeedWishes(share=share), results) == ()


# ---------------------------------------------------------------------------- clear


@pytest.mark.parametrize(
    ("wishes", "known", "changes", "clear"),
    [
        (SpeedWishes(), USUAL, {"download_mbps": 54.9}, False),
        (SpeedWishes(), USUAL, {"download_mbps": 55.1}, True),
        (SpeedWishes(), USUAL, {"upload_mbps": 10.5}, False),
        (SpeedWishes(), USUAL, {"ping_ms": 35.0}, False),
        (SpeedWishes(), USUAL, {"ping_ms": 32.0}, True),
        (SpeedWishes(share=95), USUAL, {"download_mbps": 97.4}, False),
        (SpeedWishes(share=95), USUAL, {"download_mbps": 97.6}, True),  # 104.5 would never come
        (replace(WITHOUT, least_download=90.0), [], {"download_mbps": 98.0}, False),
        (replace(WITHOUT, least_download=90.0), [], {"download_mbps": 99.1}, True),
        (replace(WITHOUT, least_download=98.0), USUAL, {"download_mbps": 99.1}, True),
        (replace(WITHOUT, least_download=120.0), USUAL, {"download_mbps": 119.0}, False),
        (replace(WITHOUT, most_ping=30.0), [], {"ping_ms": 28.0}, False),
        (replace(WITHOUT, most_ping=30.0), [], {"ping_ms": 27.0}, True),
        (replace(WITHOUT, most_ping=12.5), USUAL, {"ping_ms": 12.2}, True),
        (WITHOUT, [], {"download_mbps": 0.1, "ping_ms": 900.0}, True),
    ],
)  # fmt: skip
def test_clear_is_what_is_better_than_its_limits_by_a_margin(wishes, known, changes, clear):
    assert belief.is_clear(FINE._replace(**changes), wishes, belief.usual(known)) is clear


@given(WISHES, RESULTS, PINGS, RATES, RATES, st.floats(1.0, 50.0))
def test_what_is_clear_is_not_low_and_nor_is_what_is_better(wishes, results, ping, down, up, times):
    told, known = Measured("1", "", ping, down, up, 1, 1), belief.usual(results)
    better = Measured("1", "", ping / times, down * times, up * times, 1, 1)
    if belief.is_clear(told, wishes, known):
        assert belief.low(told, wishes, results) == () and belief.is_clear(better, wishes, known)


@given(RESULTS, st.integers(1, 100))
def test_what_is_usual_is_clear(results, share):
    known = belief.usual(results)
    assume(known is not None)
    assert belief.is_clear(Measured("1", "", *known, 1, 1), SpeedWishes(share=share), known)


# ---------------------------------------------------------------------------- confirmed

DOWN, UP, PING = Aspect.DOWNLOAD, Aspect.UPLOAD, Aspect.PING


def told(down: float) -> SpeedRun:
    return run(FINE._replace(download_mbps=down))


@pytest.mark.parametrize(
    ("first_low", "second_low", "first_down", "second_down", "counts", "low"),
    [
        ((DOWN,), (), 10.0, 90.0, 90.0, ()),
        ((UP,), (), 90.0, 80.0, 80.0, ()),  # a fine one counts, also where its download is less
        ((DOWN,), (DOWN,), 10.0, 12.0, 12.0, (DOWN,)),
        ((DOWN,), (DOWN,), 12.0, 10.0, 12.0, (DOWN,)),
        ((DOWN, PING), (DOWN,), 12.0, 10.0, 10.0, (DOWN,)),
        ((DOWN,), (DOWN, UP), 10.0, 12.0, 10.0, (DOWN,)),
        ((DOWN,), (UP,), 10.0, 90.0, 90.0, ()),
    ],
)
def test_only_what_both_measurements_say_is_low(first_low, second_low, first_down, second_down, counts, low):
    chosen, both = belief.agreed(told(first_down), first_low, told(second_down), second_low)
    assert (chosen.measured.download_mbps, both) == (counts, low)


# ---------------------------------------------------------------------------- the alarm


def states(lows: list[bool], wishes: SpeedWishes) -> list[bool]:
    """Whether there is an alarm after each result; `lows` in the order in which they came. What is not low is clear."""
    on, seen, clear = False, [], 0
    for number, is_low in enumerate(lows, 1):
        clear = clear + 1 if on and not is_low else 0
        on = belief.alarm(lows[:number][::-1], wishes, on, clear)
        seen.append(on)
    return seen


def test_two_of_three_low_results_are_an_alarm_and_two_fine_ones_end_it():
    lows = [True, False, True, False, True, False, False, False]
    assert states(lows, SpeedWishes()) == [False, False, True, True, True, True, False, False]


def test_one_low_result_is_no_alarm():
    assert not any(states([True, False, False] * 10, SpeedWishes()))


@given(st.lists(st.booleans(), max_size=60), ALARMS)
def test_an_alarm_begins_with_a_low_result_and_ends_after_enough_fine_ones(lows, wishes):
    on = [False, *states(lows, wishes)]
    for number, (before, now) in enumerate(pairwise(on)):
        latest = lows[: number + 1][::-1]
        if now and not before:
            assert latest[0] and sum(latest[: wishes.alarm_of]) >= wishes.alarm_after
        if before and not now:
            assert not any(latest[: wishes.alarm_after]) and len(latest) >= wishes.alarm_after


@given(st.lists(st.booleans(), max_size=60), ALARMS, st.integers(1, 30))
def test_an_alarm_does_not_flap_while_the_line_stays_as_it_is(lows, wishes, more):
    """Once the line is fine, or low, and stays so, the state changes once at the most."""
    for stays in (False, True):
        on = states(lows + [stays] * more, wishes)[max(0, len(lows) - 1) :]
        assert sum(before != now for before, now in pairwise(on)) <= 1


@given(st.lists(st.booleans(), max_size=40), ALARMS)
def test_a_low_result_more_never_leaves_less_alarm(lows, wishes):
    for number, each in enumerate(lows):
        if not each:
            worse = [*lows[:number], True, *lows[number + 1 :]]
            assert belief.alarm(worse, wishes, False) >= belief.alarm(lows, wishes, False)
            break


@given(WISHES, st.lists(st.booleans(), max_size=20), st.booleans())
def test_whatever_a_person_wishes_there_is_an_answer(wishes, lows, on):
    assert belief.alarm(lows, wishes, on) in (True, False)
    assert not belief.alarm([], wishes, False)
