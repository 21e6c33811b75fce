"""The ward: who is asked, read, asked again, and discharged with which verdict."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeper.rules.repair import LOST_AFTER, SETTLE, STALE_READ_GAP, STUCK_AFTER, Seen, Ward
from keeper.rules.types import Hint, Outcome, Suspect, Why

LACKS, WHOLE = Seen(("poster",), False), Seen((), True)


def suspect(key="7", asks=0):
    return Suspect(key, "1", "Movies", "movie", f"Title {key}", "", 2000, ("poster",), asks=asks)


def asked_ward(key="7", wait_total=20.0):
    ward = Ward(wait_total)
    ward.admit(suspect(key), 0.0)
    assert ward.next().key == key
    ward.asked(0.0)
    return ward


def only(ends):
    (end,) = ends
    return end


def test_an_empty_ward_calls_nobody_and_has_nothing_to_read():
    ward = Ward(20)
    assert ward.empty and ward.waiting == 0
    assert ward.next() is None
    assert ward.to_read(100.0, pushed=False) == []
    with pytest.raises(ValueError, match="nobody"):
        ward.asked(0.0)


def test_a_processed_item_that_is_whole_is_fixed():
    ward = asked_ward()
    assert ward.to_read(0.6, pushed=True) == []
    ward.hint(Hint("7", "began"), 1.0)
    ward.hint(Hint("7", "processed"), 2.0)
    assert ward.busy == 0
    assert ward.to_read(2.0, pushed=True) == ["7"]
    assert only(ward.read(2.0, ["7"], {"7": WHOLE})).outcome is Outcome.FIXED
    assert ward.empty


def test_a_processed_item_gets_a_second_look_before_it_is_given_up():
    ward = asked_ward()
    ward.hint(Hint("7", "processed"), 2.0)
    assert ward.read(2.0, ["7"], {"7": LACKS}) == []
    assert ward.to_read(2.6, pushed=True) == []
    assert ward.to_read(2.0 + SETTLE, pushed=True) == ["7"]
    end = only(ward.read(2.0 + SETTLE, ["7"], {"7": LACKS}))
    assert (end.outcome, end.why) == (Outcome.STILL_MISSING, Why.NOTHING_CAME)


def test_the_server_gets_its_time_from_when_it_began_not_from_when_it_was_asked():
    ward = asked_ward(wait_total=20.0)
    ward.hint(Hint("7", "began"), 100.0)
    assert ward.read(119.0, ["7"], {"7": LACKS}) == []
    end = only(ward.read(120.0, ["7"], {"7": LACKS}))
    assert (end.outcome, end.why, end.missing) == (Outcome.STILL_MISSING, Why.TOO_SLOW, ("poster",))


def test_an_item_that_is_left_out_of_the_answer_is_gone():
    assert only(asked_ward().read(1.0, ["7"], {})).outcome is Outcome.GONE


def test_an_answer_about_somebody_already_discharged_means_nothing():
    ward = asked_ward()
    assert ward.read(1.0, ["9"], {"9": WHOLE}) == []


def test_messages_about_strangers_mean_nothing():
    ward = asked_ward()
    ward.hint(Hint("8", "processed"), 1.0)
    assert ward.busy == 1
    assert set(ward.suspects(["7", "8"])) == {"7"}


def idle(ward, now, pushed):
    """The item is still lacking, the server says it has nothing to do, and one more look changes nothing."""
    assert ward.read(now, ["7"], {"7": LACKS}) == []
    assert ward.sections_to_ask(now + 1) == {"1"}
    assert ward.queue_told("1", 0, now + 1, pushed) == []
    assert "7" in ward.to_read(now + 3, pushed)
    return ward.read(now + 3, ["7"], {"7": LACKS})


def test_a_lost_refresh_is_asked_once_more_and_only_once():
    ward = asked_ward()
    assert ward.sections_to_ask(LOST_AFTER + 1) == set()  # not read yet: it may be whole
    assert idle(ward, LOST_AFTER + 1, pushed=True) == []
    assert ward.next().key == "7"
    ward.asked(10.0)
    end = only(idle(ward, 20.0, pushed=True))
    assert (end.outcome, end.why) == (Outcome.ERROR, Why.LOST_TWICE)


def test_without_push_messages_twice_nothing_is_called_nothing_came():
    ward = asked_ward()
    idle(ward, 5.0, pushed=False)
    ward.next()
    ward.asked(10.0)
    end = only(idle(ward, 20.0, pushed=False))
    assert (end.outcome, end.why) == (Outcome.STILL_MISSING, Why.NOTHING_CAME)


def test_what_was_mended_since_the_last_read_is_not_lost():
    ward = asked_ward()
    ward.read(5.0, ["7"], {"7": LACKS})
    ward.queue_told("1", 0, 5.0, pushed=True)
    assert only(ward.read(6.0, ["7"], {"7": WHOLE})).outcome is Outcome.FIXED


def test_what_begins_after_all_is_not_lost():
    ward = asked_ward()
    ward.read(5.0, ["7"], {"7": LACKS})
    ward.queue_told("1", 0, 5.0, pushed=True)
    ward.hint(Hint("7", "began"), 5.5)
    assert ward.read(6.0, ["7"], {"7": LACKS}) == []
    assert ward.busy == 1 and ward.waiting == 0


@pytest.mark.parametrize("size", [5, None])
def test_while_the_server_is_busy_or_does_not_say_nobody_is_lost(size):
    ward = asked_ward()
    ward.read(5.0, ["7"], {"7": LACKS})
    assert ward.queue_told("1", size, 5.0, pushed=True) == []
    assert ward.busy == 1
    assert ward.sections_to_ask(5.5) == set()  # not more often than every two seconds


def test_where_nobody_tells_anything_the_time_counts_from_the_request():
    ward = asked_ward(wait_total=20.0)
    ward.read(5.0, ["7"], {"7": LACKS})
    assert ward.queue_told("1", None, 6.0, pushed=False) == []
    assert ward.read(19.0, ["7"], {"7": LACKS}) == []
    assert ward.queue_told("1", None, 20.0, pushed=False) == []
    assert only(ward.read(22.0, ["7"], {"7": LACKS})).why == Why.TOO_SLOW


def test_a_queue_that_never_moves_ends_the_waiting():
    ward = asked_ward()
    ward.read(5.0, ["7"], {"7": LACKS})
    end = only(ward.queue_told("1", 3, STUCK_AFTER + 1, pushed=True))
    assert (end.outcome, end.why) == (Outcome.ERROR, Why.STUCK_QUEUE)


def test_a_library_without_an_agent_never_says_done_but_its_empty_queue_does():
    ward = asked_ward()
    ward.hint(Hint("7", "began"), 1.0)
    assert ward.sections_to_ask(1.0 + LOST_AFTER) == {"1"}
    assert ward.queue_told("1", 0, 6.0, pushed=True) == []
    assert ward.busy == 0
    end = only(ward.read(6.0 + SETTLE, ["7"], {"7": LACKS}))
    assert (end.outcome, end.why) == (Outcome.STILL_MISSING, Why.NOTHING_CAME)


def test_without_push_messages_everybody_is_read_every_two_seconds():
    ward = asked_ward()
    assert ward.to_read(0.0, pushed=False) == ["7"]
    ward.read(0.0, ["7"], {"7": LACKS})
    assert ward.to_read(1.9, pushed=False) == []
    assert ward.to_read(2.0, pushed=False) == ["7"]


def test_without_push_messages_a_touched_item_counts_as_begun_when_it_was_asked():
    ward = asked_ward(wait_total=20.0)
    ward.read(3.0, ["7"], {"7": Seen(("poster",), True)})
    end = only(ward.read(20.0, ["7"], {"7": LACKS}))
    assert end.why == Why.TOO_SLOW


def test_with_push_messages_nobody_goes_unread_for_long():
    ward = asked_ward()
    assert ward.to_read(STALE_READ_GAP - 0.1, pushed=True) == []
    assert ward.to_read(STALE_READ_GAP, pushed=True) == ["7"]


def test_who_was_asked_for_before_a_crash_is_looked_at_first():
    ward = Ward(20)
    ward.admit(suspect(asks=1), 50.0)
    assert ward.next() is None and ward.busy == 1
    assert ward.to_read(50.0, pushed=False) == ["7"]
    assert only(ward.read(50.0, ["7"], {"7": WHOLE})).outcome is Outcome.FIXED


def test_after_a_restart_of_plex_everybody_it_owed_work_is_asked_for_again_without_counting():
    ward = asked_ward()
    ward.admit(suspect("8"), 0.0)
    ward.next()
    ward.asked(0.0)
    ward.hint(Hint("8", "processed"), 1.0)
    ward.server_restarted()
    assert ward.waiting == 1 and ward.next().key == "7"
    ward.asked(60.0)
    assert idle(ward, 70.0, pushed=True) == []
    assert ward.next().key == "7"  # its first real try was lost: once more


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 12), st.randoms(use_true_random=False), st.booleans())
def test_whatever_the_server_does_everybody_gets_exactly_one_verdict(number, chance, pushed):
    """A server that loses, delays, never mends and forgets, with and without push messages."""
    ward, verdicts, now = Ward(20.0), [], 0.0
    for key in range(number):
        ward.admit(suspect(str(key), asks=chance.choice([0, 0, 1])), now)
    fate = {str(key): chance.choice(["mend", "never", "lost", "lost once"]) for key in range(number)}
    done_at: dict[str, float] = {}
    for _ in range(20_000):
        if ward.empty:
            break
        now += 0.3
        _serve(ward, fate, done_at, chance, now, pushed)
        verdicts += _look(ward, fate, done_at, now, pushed)
    assert ward.empty
    assert sorted(end.suspect.key for end in verdicts) == sorted(str(key) for key in range(number))
    assert all((end.outcome is Outcome.FIXED) == (fate[end.suspect.key] in ("mend", "lost once")) for end in verdicts)


def _serve(ward, fate, done_at, chance: random.Random, now, pushed):
    if (called := ward.next() if ward.busy < 3 else None) is not None:
        ward.asked(now)
        if fate[called.key] == "lost once" and called.key not in done_at:
            done_at[called.key] = float("inf")
        elif fate[called.key] != "lost":
            done_at[called.key] = now + chance.uniform(0.2, 4)
    for key, moment in done_at.items():
        if pushed and moment <= now and chance.random() < 0.8:
            ward.hint(Hint(key, "processed"), now)


def _look(ward, fate, done_at, now, pushed):
    ends = []
    if keys := ward.to_read(now, pushed):

        def whole(key):
            return done_at.get(key, float("inf")) <= now and fate[key] in ("mend", "lost once")

        ends += ward.read(now, keys, {key: WHOLE if whole(key) else LACKS for key in keys})
    for section in ward.sections_to_ask(now):
        size = sum(now < moment < float("inf") for moment in done_at.values())
        ends += ward.queue_told(section, size, now, pushed)
    return ends
