"""What is told of an incident: each thing once, in words a person can act on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from keeper.rules.story import ACTION_WORDS, BEGUN, decided, seen, sentence, tell
from keeper.rules.types import (
    Action,
    Cause,
    Decision,
    Fact,
    Hour,
    Incident,
    Moment,
    Reason,
    Severity,
    StepKind,
    Taken,
    Watch,
)
from keeper.rules.watch import Look

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOTHING = Decision(Action.NONE, Action.NONE, Reason.FINE)


def at(seconds: float, boot: str = "a") -> Moment:
    return Moment(NOON + timedelta(seconds=seconds), boot, 10_000 + seconds)


def trouble(cause: Cause = Cause.DOWN, **more: object) -> Watch:
    return Watch(incident=Incident(3, cause, at(0)), incidents=3, last=at(0), **more)


def told(before: Watch, watch: Watch, cause: Cause, decision: Decision = NOTHING, seconds: float = 20, news=True):
    return tell(before, watch, Look(at(seconds), cause), decision, {"port": Fact(False, "refused")}, news)


def test_an_incident_opens_with_its_evidence():
    story = told(Watch(last=at(0)), trouble(), Cause.DOWN)
    assert [step.kind for step in story.steps] == [StepKind.OPENED, StepKind.DECIDED]
    assert story.steps[0].data == {"facts": {"port": "refused"}}
    assert [(n.kind, n.severity) for n in story.notices] == [("Trouble", Severity.ERROR)]


@pytest.mark.parametrize(
    ("cause", "kind"),
    [(Cause.UPDATING, "Plex Update"), (Cause.STARTING, "Trouble"), (Cause.STOPPED_BY_OWNER, "Trouble")],
)
def test_nobody_is_called_for_what_is_in_order(cause: Cause, kind: str):
    (notice,) = told(Watch(last=at(0)), trouble(cause), cause).notices
    assert (notice.kind, notice.severity) == (kind, Severity.INFO)


def test_another_cause_in_the_same_incident_is_a_change_and_each_trouble_is_told_once():
    story = told(trouble(), trouble(Cause.HUNG), Cause.HUNG, news=False)
    assert [step.kind for step in story.steps] == [StepKind.CHANGED]
    assert story.steps[0].data["from"] == "down"
    assert [(n.kind, n.data["cause"]) for n in story.notices] == [("Trouble", "hung")]
    known = story.watch.incident
    assert known is not None
    back = replace(story.watch, incident=replace(known, cause=Cause.DOWN))
    there = told(back, story.watch, Cause.HUNG, news=False)
    assert there.notices == () and len(there.steps) == 1


def test_a_start_that_follows_a_trouble_is_no_trouble_of_its_own():
    opened = told(Watch(last=at(0)), trouble(), Cause.DOWN).watch
    assert opened.incident is not None
    starting = replace(opened, incident=replace(opened.incident, cause=Cause.STARTING))
    assert told(opened, starting, Cause.STARTING, news=False).notices == ()


def test_a_decision_is_written_once_as_long_as_it_stays_the_same():
    waiting = Decision(Action.NONE, Action.RESTART_PLEX, Reason.PAUSE, NOON)
    assert [s.kind for s in told(trouble(), trouble(), Cause.DOWN, waiting).steps] == [StepKind.DECIDED]
    assert told(trouble(), trouble(), Cause.DOWN, waiting, news=False).steps == ()


def test_an_action_is_told_under_the_name_that_automations_know():
    for action, name in BEGUN.items():
        story = told(trouble(), trouble(), Cause.DOWN, Decision(action, action, Reason.ACT))
        assert [n.kind for n in story.notices] == [name]


def test_what_did_not_help_in_its_time_is_judged_and_what_may_still_help_is_not():
    taken = (Taken(Action.RESTART_PLEX, at(0), 3),)
    story = told(trouble(), trouble(taken=taken), Cause.DOWN, seconds=130, news=False)
    assert story.watch.taken[0].helped is False
    assert story.steps[0].data == {"action": "restart_plex", "helped": False}
    assert told(trouble(), trouble(taken=taken), Cause.DOWN, seconds=60).watch.taken == taken
    assert told(trouble(), trouble(taken=taken), Cause.UNKNOWN, seconds=900).watch.taken == taken
    assert told(Watch(last=at(0)), Watch(taken=taken), Cause.DOWN, seconds=900).watch.taken == taken


def test_the_end_is_told_with_what_helped():
    taken = (Taken(Action.RESTART_PLEX, at(0), 3, helped=True),)
    story = told(trouble(taken=taken), Watch(taken=taken), Cause.OK, seconds=300)
    assert [step.kind for step in story.steps] == [StepKind.PROVED, StepKind.CLOSED]
    assert [n.kind for n in story.notices] == ["Plex Restart Success", "Trouble Over"]
    assert story.notices[0].message == "It worked: all is well again after 5 min."


def test_an_end_without_an_action_is_told_plainly_and_an_update_as_an_update():
    assert [n.kind for n in told(trouble(), Watch(), Cause.OK).notices] == ["Trouble Over"]
    (notice,) = told(trouble(Cause.UPDATING), Watch(), Cause.OK, seconds=3 * 3600).notices
    assert (notice.kind, notice.message) == ("Plex Update", "The update of Plex is over after 3.0 h.")


def test_an_action_of_another_incident_is_not_praised():
    taken = (Taken(Action.RESTART_PLEX, at(0), 2, helped=True),)
    assert [n.kind for n in told(trouble(taken=taken), Watch(taken=taken), Cause.OK).notices] == ["Trouble Over"]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (Reason.GAVE_UP, "Gave Up"), (Reason.NOT_ARMED, "Would Have Acted"), (Reason.NOT_ABLE, "Cannot Act"),
        (Reason.REBOOT_PAUSE, "Reboot Cycle"),
    ],
)  # fmt: skip
def test_a_refusal_worth_telling_is_told_once_in_an_incident(reason: Reason, kind: str):
    refused = Decision(Action.NONE, Action.RESTART_PLEX, reason, NOON)
    story = told(trouble(), trouble(), Cause.DOWN, refused)
    assert [n.kind for n in story.notices] == [kind]
    assert story.watch.incident and story.watch.incident.gave_up is (reason is Reason.GAVE_UP)
    assert told(story.watch, story.watch, Cause.DOWN, refused).notices == ()


def test_a_start_of_the_machine_is_told_once_with_who_asked_for_it():
    reboot = (Taken(Action.REBOOT, at(0), 3),)
    before = trouble(taken=reboot)
    look = Look(Moment(NOON, "b", 40), Cause.OK)
    (notice, *_) = tell(before, before, look, NOTHING, {}, False).notices
    assert (notice.kind, notice.data["ours"]) == ("System Startup", True)
    assert "as the watchdog asked" in notice.message
    days_later = Look(Moment(NOON + timedelta(days=20), "b", 400), Cause.OK)
    (notice, *_) = tell(before, before, days_later, NOTHING, {}, False).notices  # it did nothing then
    assert notice.data["ours"] is False and notice.message == "This machine started 400 s ago."
    later = replace(before, last=Moment(NOON, "b", 50))
    (notice, *_) = tell(later, later, Look(Moment(NOON, "c", 40), Cause.OK), NOTHING, {}, False).notices
    assert notice.data["ours"] is False
    assert tell(later, later, Look(Moment(NOON, "b", 70), Cause.OK), NOTHING, {}, False).notices == ()


def test_every_reason_has_a_sentence_that_names_the_action():
    for reason in Reason:
        said = sentence(Cause.DOWN, Decision(Action.NONE, Action.RESTART_PLEX, reason, NOON))
        assert said.endswith(".") or said.endswith("?")
        assert "{" not in said
    assert "2026-03-01 12:00:00 UTC" in sentence(
        Cause.DOWN, Decision(Action.NONE, Action.REBOOT, Reason.REBOOT_PAUSE, NOON)
    )
    assert set(ACTION_WORDS) == set(Action)


def test_a_single_bad_look_and_an_unknown_one_have_their_own_words():
    once = Decision(Action.NONE, Action.NONE, Reason.CONFIRMING)
    assert sentence(Cause.DOWN, once).startswith("Seen once")
    assert "nothing is known" in sentence(Cause.UNKNOWN, once)


def test_a_decision_as_plain_data_says_until_when():
    data = decided(Decision(Action.NONE, Action.REBOOT, Reason.REBOOT_PAUSE, NOON, {"seconds": 5.0}))
    assert data == {
        "action": "none", "wanted": "reboot", "reason": "reboot_pause", "until": "2026-03-01T12:00:00+00:00",
        "seconds": 5.0,
    }  # fmt: skip


def test_evidence_is_what_is_told_to_be_wrong():
    assert seen({"updating": Fact(False), "captive": Fact(True)}) == {"captive": "yes"}
    assert seen({"a": Fact(False), "b": Fact(False, "refused"), "c": Fact(None), "d": Fact(True)}) == {
        "a": "no", "b": "refused",
    }  # fmt: skip


def test_time_in_which_nobody_looked_is_neither_good_nor_bad():
    assert Hour(NOON, 3600, 3000, 300, 12, {}).unknown == 300
    assert Hour(NOON, 3600, 3600, 300, 12, {}).unknown == 0


@pytest.mark.parametrize(("cause", "minutes"), [(Cause.STARTING, 30), (Cause.UPDATING, 45)])
def test_what_should_pass_by_itself_and_does_not_is_told_once(cause: Cause, minutes: int):
    watch = replace(trouble(cause, since=at(0)), cause=cause)
    assert told(watch, watch, cause, seconds=60 * minutes - 1, news=False).notices == ()
    story = told(watch, watch, cause, seconds=60 * minutes, news=False)
    (notice,) = story.notices
    assert (notice.kind, notice.severity) == ("Takes Long", Severity.WARNING)
    assert f"{minutes} min" in notice.message
    assert told(story.watch, story.watch, cause, seconds=60 * minutes + 20, news=False).notices == ()


def test_trouble_of_unknown_age_does_not_take_long():
    watch = trouble(Cause.STARTING)
    assert told(watch, watch, Cause.STARTING, seconds=9_000, news=False).notices == ()


def test_that_nothing_can_be_told_for_long_is_told_once_and_so_is_its_end():
    watch = Watch(last=at(0), blind=at(0))
    assert told(watch, watch, Cause.UNKNOWN, seconds=1799).notices == ()
    story = told(watch, watch, Cause.UNKNOWN, seconds=1800)
    assert [(n.kind, n.severity) for n in story.notices] == [("Watchdog Blind", Severity.WARNING)]
    assert "30 min" in story.notices[0].message
    assert told(story.watch, story.watch, Cause.UNKNOWN, seconds=9000).notices == ()
    again = told(story.watch, Watch(), Cause.OK, seconds=9020)
    assert [n.kind for n in again.notices] == ["Watchdog Sees Again"]


def test_while_an_effect_is_awaited_it_is_said_even_when_nothing_else_is_wanted():
    waiting = Decision(Action.NONE, Action.NONE, Reason.VERIFYING, NOON)
    assert (
        sentence(Cause.STARTING, waiting) == "The effect of the last action is awaited, until 2026-03-01 12:00:00 UTC."
    )


def test_what_would_not_be_done_anyway_is_not_announced():
    barred = Decision(Action.NONE, Action.RESTART_PLEX, Reason.CONFIRMING, NOON, {"barred": "not_armed"})
    assert sentence(Cause.HUNG, barred).startswith("Would have done: restart of Plex. It is not allowed")
