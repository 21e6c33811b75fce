"""The Watchdog screen: what it thinks, what it may do, what it did, what it would do; and the Overview with it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest
from test_ui_pages import text_of
from ui_house import HOSTILE, NOW, REFUSAL, FakeHouse, Open, deed, in_trouble, incident, turned

from keeper.errors import RunError
from keeper.rules.types import (
    Action,
    Agent,
    Armed,
    Cause,
    Event,
    Fact,
    Hour,
    Reason,
    Severity,
    Step,
    StepKind,
    Turning,
)
from keeper.ui import thoughts
from keeper.ui.lexicon_watch import WATCH_WORDS
from keeper.ui.parts import plain


@pytest.fixture
def trouble(fake: FakeHouse) -> FakeHouse:
    """Plex is hung, was restarted once, and may be restarted again in three minutes."""
    in_trouble(fake)
    return fake


def decide(house: FakeHouse, cause: Cause = Cause.HUNG, **decision: object) -> None:
    assert house.views.check
    house.views.check = replace(house.views.check, at=NOW - timedelta(seconds=5), cause=cause, decision=decision)


def labels(page: AppTest) -> dict[str, str]:
    return {str(button.key): button.label for button in page.button}


def read(page: AppTest) -> str:
    """Everything, without the backslashes that keep it from being markdown."""
    return re.sub(r"\\(?=[^\w\s])", "", text_of(page))


# --- what it thinks ---


def test_in_trouble_it_says_what_why_and_when(trouble: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    assert page.subheader[0].value.endswith("Plex does not answer")
    said = read(page)
    assert "for 12 min" in said and "Looked 8 s ago" in said
    assert "Restart of Plex: not yet, there is a pause between two tries, until 13:37." in said
    assert "Restart of Plex possible in 3 min · next look in 12 s" in said
    assert labels(page)["do-now"] == "Do it now: Restart of Plex"


def test_fine_again_counts_the_time_that_was_fine_and_not_the_trouble(trouble: FakeHouse, open_page: Open) -> None:
    assert trouble.views.check
    trouble.views.check = replace(trouble.views.check, at=NOW - timedelta(seconds=7), cause=Cause.OK)
    trouble.views.looks.append((NOW - timedelta(seconds=7), "ok", 12.0))
    shown = [caption.value for caption in open_page("watchdog").caption]
    assert "for 7 s" in shown and "for 12 min" not in shown


def test_in_german(trouble: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog", locale="de-DE")
    said = read(page)
    assert page.title[0].value == "Wächter"
    assert page.subheader[0].value.endswith("Plex antwortet nicht")
    assert "Neustart von Plex: noch nicht, zwischen zwei Versuchen liegt eine Pause, bis 13:37." in said
    assert "Neustart von Plex möglich in 3 min · nächster Blick in 12 s" in said
    assert "noch 4 von 6 in 24 Stunden" in said and "getan: Neustart von Plex" in said
    assert "hat geholfen" in said and "Wächter" in said


def test_all_is_well_is_said_too(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    assert "All is well, nothing is to be done." in read(page)
    assert "next look in 4 min" in read(page)
    assert "do-now" not in labels(page)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_whole_sentence(reason: Reason, fake: FakeHouse, open_page: Open) -> None:
    decide(fake, wanted="reboot", reason=reason.value, until=(NOW + timedelta(days=1)).isoformat())
    for locale in ("en-GB", "de-DE"):
        page = open_page("watchdog", locale=locale)
        assert not page.exception
        assert not re.search(r"{(wanted|until)}", read(page))
    english, german = WATCH_WORDS[Reason][reason]
    assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", german)) <= {"{wanted}", "{until}"}
    assert english.endswith((".", "?")) and german.endswith((".", "?"))


def test_a_decision_of_another_program_is_shown_as_it_was_written(fake: FakeHouse, open_page: Open) -> None:
    decide(fake, reason="moon_phase", wanted="teleport", sentence=HOSTILE, until="tomorrow", next_look=5)
    page = open_page("watchdog", locale="de-DE")
    assert plain(HOSTILE) in text_of(page)
    assert "do-now" not in labels(page)


def test_one_bad_look_counts_for_nothing_yet(fake: FakeHouse, open_page: Open) -> None:
    decide(fake, Cause.DOWN, wanted="none", reason="confirming")
    assert "Seen once; it has to be seen again" in read(open_page("watchdog"))
    decide(fake, Cause.UNKNOWN, wanted="none", reason="confirming")
    assert "The look itself failed" in read(open_page("watchdog"))


def test_what_is_not_allowed_is_not_promised_while_it_is_confirmed(fake: FakeHouse, open_page: Open) -> None:
    soon = {"until": (NOW + timedelta(seconds=55)).isoformat(), "next_look": (NOW + timedelta(seconds=20)).isoformat()}
    for barred, english, german in (
        ("not_armed", "Restart of Plex: would be done, but it is not allowed", "wäre jetzt dran, ist aber"),
        ("not_able", "this machine cannot do it, or not without", "aber dieser Rechner kann es nicht"),
        ("held", "somebody told the watchdog to keep its hands off.", "jemand hat dem Wächter gesagt, nichts zu tun."),
    ):
        decide(fake, wanted="restart_plex", reason="confirming", barred=barred, **soon)
        said = read(open_page("watchdog"))
        assert english in said and "possible in" not in said and "next look in" in said
        assert german in read(open_page("watchdog", locale="de-DE"))


def test_an_action_under_way_is_called_by_its_name_and_not_offered_again(trouble: FakeHouse, open_page: Open) -> None:
    until = (NOW + timedelta(seconds=100)).isoformat()
    for decision in (
        {"wanted": "restart_plex", "reason": "act"},
        {"wanted": "restart_plex", "reason": "verifying", "until": until},
        {"wanted": "none", "reason": "verifying", "until": until},
    ):
        decide(trouble, Cause.STARTING, **decision)
        page = open_page("watchdog")
        assert "Restart of Plex is under way." in read(page) and "possible in" not in read(page)
        assert "do-now" not in labels(page)
    assert "Neustart von Plex ist im Gange." in read(open_page(locale="de-DE"))
    trouble.watch.deeds = []
    assert "The last action gets time to show its effect, until" in read(open_page("watchdog"))


def test_what_passes_by_itself_calls_for_nobody(fake: FakeHouse, open_page: Open) -> None:
    decide(fake, Cause.STARTING, wanted="none", reason="nothing_helps")
    said = read(open_page("watchdog"))
    assert "This usually passes by itself." in said and "somebody to look after it" not in said


def test_an_old_look_decides_nothing(trouble: FakeHouse, open_page: Open) -> None:
    assert trouble.views.check
    trouble.views.check = replace(trouble.views.check, at=NOW - timedelta(hours=3))
    page = open_page("watchdog")
    assert page.subheader[0].value.endswith("State of Plex unknown")
    assert "possible in" not in read(page) and "do-now" not in labels(page)


def test_a_look_that_is_overdue(fake: FakeHouse, open_page: Open) -> None:
    decide(fake, Cause.OK, reason="fine", wanted="none", next_look=(NOW - timedelta(seconds=3)).isoformat())
    assert "a look is due" in read(open_page("watchdog"))


# --- hold and act ---


def test_hold_and_release(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    page.button(key="hold-1").click().run()
    assert fake.acts == [("hold", NOW + timedelta(hours=1), "ada")]
    assert page.toast[0].value == "The watchdog does nothing until 14:34."
    page = open_page("watchdog")
    assert "hold-1" not in labels(page) and not page.menu_button
    page.button(key="release").click().run()
    assert fake.acts[-1] == ("hold", None, "ada")
    assert "hold-1" in labels(page)


def test_hold_for_longer(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    page.menu_button(key="hold-longer").click(4).run()
    assert fake.acts[-1] == ("hold", NOW + timedelta(hours=4), "ada")
    fake.watch.until = None
    page = open_page("watchdog")
    page.menu_button(key="hold-longer").click(0).run()
    assert fake.acts[-1] == ("hold", datetime(2026, 11, 22, 7, tzinfo=UTC), "ada")  # eight o'clock in Berlin


def test_a_hold_that_is_over_holds_nothing(fake: FakeHouse, open_page: Open) -> None:
    fake.watch.until = NOW - timedelta(minutes=1)
    assert "hold-1" in labels(open_page("watchdog"))


def test_check_now(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    page.button(key="check-now").click().run()
    assert fake.acts == [("check", "ada")]
    assert page.toast


def test_doing_it_now_asks_first_and_says_what_breaks(trouble: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    page.button(key="do-now").click().run()
    said = read(page)
    assert "stopped and started again" in said and "Everybody who watches is cut off" in said
    assert "Whether somebody is watching right now is not known" in said
    assert trouble.acts == []
    page.button(key="act-yes").click().run()
    assert trouble.acts == [("act", Action.RESTART_PLEX, "ada")]
    assert "Restart of Plex" in page.toast[0].value


def test_changing_ones_mind_does_nothing(trouble: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    page.button(key="do-now").click().run()
    page.button(key="act-no").click().run()
    assert trouble.acts == []


def test_who_watches_is_said_before_it_is_ended(fake: FakeHouse, open_page: Open) -> None:
    assert fake.views.check
    for number, words in ((2.0, "2 people are watching"), (1.0, "somebody is watching"), (0.0, "")):
        fake.views.check = replace(fake.views.check, facts={"sessions": Fact(number)})
        page = open_page("watchdog")
        page.button(key="act-reboot").click().run()
        assert ("Right now" in read(page)) == bool(words)
        assert words in read(page)


def test_a_refused_action_says_why(trouble: FakeHouse, open_page: Open) -> None:
    for locale, headline in (("en-GB", plain(REFUSAL.sentence)), ("de-DE", "Das ging nicht.")):
        trouble.refuse = None
        page = open_page("watchdog", locale=locale)
        page.button(key="do-now").click().run()
        trouble.refuse = REFUSAL
        page.button(key="act-yes").click().run()
        assert [error.value for error in page.error] == [headline]
        assert plain(REFUSAL.sentence) in text_of(page)


@pytest.mark.parametrize("action", [action for action in Action if action is not Action.NONE])
def test_every_action_can_be_asked_for_by_hand(action: Action, fake: FakeHouse, open_page: Open) -> None:
    fake.able = None
    page = open_page("watchdog", locale="de-DE")
    page.button(key=f"act-{action.value}").click().run()
    page.button(key="act-yes").click().run()
    assert fake.acts == [("act", action, "ada")]
    assert not page.exception


def test_what_this_machine_cannot_do_cannot_be_clicked(fake: FakeHouse, open_page: Open) -> None:
    disabled = {str(button.key) for button in open_page("watchdog").button if button.disabled}
    assert disabled == {"act-net_soft", "act-net_hard"}


# --- what it may do ---


def test_each_permission_tells_what_can_be_done_and_what_is_left(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    assert [toggle.key for toggle in page.toggle] == [f"arm-{name.value}" for name in Armed]
    assert [toggle.value for toggle in page.toggle] == [True, False, False, False, False]
    said = read(page)
    assert "4 of 6 left within 24 hours · last one 4 h ago" in said
    assert "0 of 1 left today · possible again in 11 h · last one 9 d ago" in said
    assert "6 of 6 tries left in an incident" in said
    assert said.count("This machine cannot do it") == 1 and said.count("Only trying tells") == 1
    assert "With visudo, allow ..." in [text.value for text in page.text]


def test_what_is_left_in_this_incident(trouble: FakeHouse, open_page: Open) -> None:
    assert "1 of 2 tries left in this incident · 4 of 6 left within 24 hours" in read(open_page("watchdog"))


def test_what_this_machine_cannot_do_does_not_shine_as_allowed(fake: FakeHouse, open_page: Open) -> None:
    fake.watch.allowed = frozenset({Armed.NETWORK, Armed.RESTART})
    said = read(open_page("watchdog"))
    assert said.count("Allowed, but without effect: this machine cannot do it") == 1
    assert "Erlaubt, aber wirkungslos" in read(open_page("watchdog", locale="de-DE"))


def test_arming_is_asked_again(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    page.toggle(key="arm-network").set_value(True).run()
    assert fake.acts == []
    assert not page.toggle(key="arm-network").value  # off until it is confirmed
    assert "cannot be reached from afar" in read(page)
    page.button(key="arm-yes").click().run()
    assert fake.acts == [("arm", frozenset({Armed.RESTART, Armed.NETWORK}), "ada")]
    assert page.toggle(key="arm-network").value
    assert page.toast[0].value == "Allowed: Reset the network."


def test_arming_can_be_left_alone(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    page.toggle(key="arm-reboot").set_value(True).run()
    page.button(key="arm-no").click().run()
    assert fake.acts == []
    assert not page.toggle(key="arm-reboot").value


def test_disarming_is_done_at_once(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    page.toggle(key="arm-restart").set_value(False).run()
    assert fake.acts == [("arm", frozenset(), "ada")]
    assert not page.toggle(key="arm-restart").value


def test_a_permission_changed_elsewhere_is_not_put_back(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    page.toggle(key="arm-dns").set_value(True).run()
    fake.watch.allowed = frozenset({Armed.NETWORK})  # meanwhile, in another tab
    page.button(key="arm-yes").click().run()
    assert fake.watch.allowed == {Armed.NETWORK, Armed.DNS}


def test_a_refused_permission_stays_off_and_says_why(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    page.toggle(key="arm-dns").set_value(True).run()
    fake.refuse = REFUSAL
    page.button(key="arm-yes").click().run()
    assert plain(REFUSAL.sentence) in [error.value for error in page.error]
    assert not page.toggle(key="arm-dns").value


@pytest.mark.parametrize("name", Armed)
def test_every_permission_explains_its_risk(name: Armed, fake: FakeHouse, open_page: Open) -> None:
    fake.watch.allowed = frozenset()
    page = open_page("watchdog", locale="de-DE")
    page.toggle(key=f"arm-{name.value}").set_value(True).run()
    assert not page.exception
    assert "Der Wächter" in read(page)


# --- incidents ---


def test_incidents_are_listed_the_open_one_first(trouble: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    assert [key for key in labels(page) if key.startswith("open-")] == ["open-7", "open-6", "open-5"]
    said = read(page)
    assert "for 12 min · then: Plex does not answer · done: Restart of Plex" in said
    assert "today, 08:34 · lasted 40 min · over after: 2 × Restart of Plex" in said
    assert "18 Nov, 13:34 · lasted 40 min · then: The internet line is down · over by itself" in said
    assert labels(page)["open-5"] == "The router does not answer"  # named by what it began with
    assert "Going on" in said


def test_older_incidents_page_by_page(fake: FakeHouse, open_page: Open) -> None:
    fake.watch.incident_list = [incident(number, ago=timedelta(days=30 - number)) for number in range(14, 0, -1)]

    def shown(page: AppTest) -> list[int]:
        return [int(key.removeprefix("open-")) for key in labels(page) if key.startswith("open-")]

    page = open_page("watchdog")
    assert shown(page) == [14, 13, 12, 11, 10, 9]
    page.button(key="incidents-older").click().run()
    page.button(key="incidents-older").click().run()
    assert shown(page) == [2, 1]
    assert page.button(key="incidents-older").disabled
    page.button(key="incidents-newest").click().run()
    assert shown(page)[0] == 14


def test_a_story_has_every_kind_of_step_as_a_sentence(trouble: FakeHouse, open_page: Open) -> None:
    assert {step.kind for step in trouble.watch.stories[7]} == set(StepKind)
    page = open_page("watchdog", incident="7")
    assert page.title[0].value.endswith("Plex is down")  # what it began with
    said = read(page)
    for words in (
        "Plex is down.",
        "the process of Plex is not there (gone) · nothing listens on its port (refused)",
        "/films: this folder is missing (missing) · new fact",
        "Restart of Plex: not yet, the trouble has to be seen for longer, until 13:25.",
        "Now: Plex does not answer. Before: Plex is down.",
        "Restart of Plex: everything allows it, it is done now.",
        "Restart of Plex: carried out.",
        "ok in 1.2 s",
        "Restart of Plex: it did not help.",
        "ada told the watchdog to do nothing, until 13:25.",
        "ada let the watchdog act again.",
        "Allowed now: Reset the network, Restart Plex.",
        "ada asked for: Name service reset.",
        "Name service reset: whether it was carried out is not known.",
        "All is well again, seen twice.",
    ):
        assert words in said, words
    assert "updating" not in said  # not being updated is no evidence of trouble


def test_a_story_in_german_leaves_no_english_sentence(trouble: FakeHouse, open_page: Open) -> None:
    said = read(open_page("watchdog", locale="de-DE", incident="7"))
    for words in (
        "der Prozess von Plex fehlt",
        "Jetzt: Plex antwortet nicht. Vorher: Plex läuft nicht.",
        "Neustart von Plex: Es hat nicht geholfen.",
        "ada erlaubt jetzt: Netzwerk zurücksetzen, Plex neu starten.",
        "Alles ist wieder gut, zweimal gesehen.",
    ):
        assert words in said, words


def test_the_line_of_time_shows_causes_and_numbered_deeds(trouble: FakeHouse, open_page: Open) -> None:
    line = next(html.value for html in open_page("watchdog", incident="7").html if "keeper-line" in html.value)
    assert line.count("<span class=") == 2  # down, then hung
    assert '<b class="did" style="left:26.67%"' in line and ">5</b>" in line
    assert 'aria-label="Plex is down, Plex does not answer; 7 marks"' in line


def test_a_long_story_comes_in_pages_and_keeps_its_numbers(fake: FakeHouse, open_page: Open) -> None:
    data = {"action": "none", "wanted": "reboot", "reason": "in_use"}
    fake.watch.stories[6] = [Step(StepKind.DECIDED, NOW, Cause.HUNG, data) for _ in range(60)]
    page = open_page("watchdog", incident="6")
    page.pagination(key="story-page").set_value(3).run()
    story = next(html.value for html in page.html if "keeper-story" in html.value)
    assert story.count("<li>") == 10
    assert ">51</b>" in story


def test_a_story_without_lines_and_an_incident_that_is_not_there(fake: FakeHouse, open_page: Open) -> None:
    assert "Nothing has been written down yet" in read(open_page("watchdog", incident="5"))
    for nonsense in ("99", "<b>", "-1", "9" * 40, "٣"):
        page = open_page("watchdog", incident=nonsense)
        assert not page.exception
        assert "no incident with this number" in read(page)


def test_one_that_gave_up_says_so(fake: FakeHouse, open_page: Open) -> None:
    fake.watch.incident_list = [incident(6, gave_up=True, closed_at=None)]
    assert "Gave up" in read(open_page("watchdog"))
    fake.watch.incident_list = [incident(6, gave_up=True)]
    assert "Gave up" in read(open_page("watchdog", incident="6"))


# --- ledger ---


def test_the_ledger_tells_who_and_whether_it_helped(fake: FakeHouse, open_page: Open) -> None:
    said = read(open_page("watchdog"))
    assert "**Restart of Plex** · watchdog · helped" in said
    assert "**Restart of Plex** · watchdog · did not help" in said
    assert "**Name service reset** · ada · not carried out" in said
    assert "**Reboot of this machine** · ada · carried out? not known" in said
    fake.watch.deeds = [deed(1, Action.NET_HARD, timedelta(seconds=20), done=True)]
    assert "**Hard network reset** · watchdog · carried out" in read(open_page("watchdog"))


# --- starts and stops of Plex ---


def test_starts_and_stops_are_told_with_who_did_it(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    said = read(page)
    for words in (
        ":green[:material/play_circle:] Started by the watchdog",
        ":gray[:material/stop_circle:] Stopped by the watchdog after 19 h",
        ":green[:material/play_circle:] Brought back by its service manager after a crash",
        ":red[:material/error:] Crashed after 3 h",
    ):
        assert words in said, words
    assert "turns-older" not in labels(page)
    german = read(open_page("watchdog", locale="de-DE"))
    for words in (
        "Starts und Stopps von Plex",
        "Abgestürzt nach 3 Std.",
        "Nach einem Absturz von der Dienstverwaltung wieder gestartet",
        "über den Wächter beendet nach 9 Tg.",
    ):
        assert words in german, words


def test_who_asked_the_watchdog_for_it_is_named_as_plain_text(fake: FakeHouse, open_page: Open) -> None:
    shown = [element.value for element in open_page("watchdog").markdown]
    assert any(plain(f"Stopped by {HOSTILE}, through the watchdog after 9 d") in said for said in shown)
    assert not any(HOSTILE in said for said in shown)


@pytest.mark.parametrize("by", Agent)
@pytest.mark.parametrize("what", Turning)
def test_every_start_and_stop_is_a_whole_sentence(what: Turning, by: Agent, fake: FakeHouse, open_page: Open) -> None:
    for lived, person in ((None, ""), (40.0, "ada")):
        fake.watch.turn_list = [turned(1, what, by, timedelta(hours=1), lived=lived, person=person)]
        for locale, after in (("en-GB", "after 40 s"), ("de-DE", "nach 40 s")):
            page = open_page("watchdog", locale=locale)
            (said,) = (
                line.value
                for line in page.markdown
                if re.search("material/(play|stop)_circle|material/error:", line.value)
            )
            assert not page.exception and "{" not in said
            assert (after in said) == (lived is not None and what is Turning.STOPPED)
            assert ("ada" in said) == (by is Agent.US and person == "ada")


def test_older_starts_and_stops_page_by_page(fake: FakeHouse, open_page: Open) -> None:
    ages = {number: timedelta(days=40 - number) for number in range(20, 0, -1)}
    fake.watch.turn_list = [turned(n, Turning.STOPPED, Agent.CRASH, ago, lived=n * 86_400.0) for n, ago in ages.items()]

    def shown(page: AppTest) -> list[int]:
        return [int(days) for days in re.findall(r"Crashed after (\d+) [dh]", read(page))]

    page = open_page("watchdog")
    assert shown(page) == [20, 19, 18, 17, 16, 15, 14, 13]
    page.button(key="turns-older").click().run()
    page.button(key="turns-older").click().run()
    assert page.button(key="turns-older").disabled and not page.button(key="turns-newest").disabled
    page.button(key="turns-newest").click().run()
    assert shown(page)[0] == 20 and page.button(key="turns-newest").disabled


def test_turning_one_list_leaves_the_other_where_it_was(fake: FakeHouse, open_page: Open) -> None:
    fake.watch.incident_list = [incident(number, ago=timedelta(days=30 - number)) for number in range(14, 0, -1)]
    fake.watch.turn_list = [turned(n, Turning.STARTED, Agent.OWNER, timedelta(days=40 - n)) for n in range(20, 0, -1)]
    page = open_page("watchdog")
    page.button(key="turns-older").click().run()
    assert not page.button(key="turns-newest").disabled
    assert page.button(key="incidents-newest").disabled


# --- simulator ---


def test_an_outage_is_played_and_told(fake: FakeHouse, open_page: Open) -> None:
    began = "2026-03-01T12:00:00+00:00"
    entry = {"at": began, "what": "opened", "cause": "hung", "action": "none", "wanted": "restart_plex"}
    acted = {"at": "2026-03-01T12:05:00+00:00", "what": "decided", "action": "restart_plex", "reason": "act"}
    fake.simulated = {
        "ticks": 4609,
        "actions": [{"at": acted["at"], "action": "restart_plex", "reason": "act"}],
        "incidents": [{"cause": "hung", "began_at": began, "closed_at": "2026-03-02T12:00:00+00:00"}],
        "entries": [
            {**entry, "reason": "confirming"},
            {**entry, **acted},
            {**entry, "what": "decided", "reason": "verifying"},
            {**entry, "at": "2026-03-02T12:00:00+00:00", "what": "closed", "cause": "ok", "reason": "fine"},
        ],
    }
    page = open_page("watchdog")
    page.button(key="sim-play").click().run()
    assert fake.acts == [("simulate", "days: 2\n", frozenset({Armed.RESTART}))]
    said = read(page)
    assert "4,609 looks · 1 actions · allowed: Restart Plex" in said
    story = next(html.value for html in page.html if "keeper-story" in html.value)
    assert story.count("<li>") == 3  # waiting for the effect of an action is no line of its own
    assert "Restart of Plex: everything allows it" in story and "after 5 min" in story
    assert "keeper-line" in said


def test_lines_that_say_the_same_are_told_once_with_their_number(fake: FakeHouse, open_page: Open) -> None:
    began = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def entry(minutes: int, reason: str, what: str = "decided") -> dict[str, str]:
        at = (began + timedelta(minutes=minutes)).isoformat()
        return {"at": at, "what": what, "cause": "hung", "action": "none", "wanted": "reboot", "reason": reason}

    lines = [entry(70, "confirming", "opened"), *(entry(m, "reboot_pause") for m in range(80, 90))]
    lines += [entry(90 + m, ("in_use", "reboot_pause")[m % 2]) for m in range(6)]
    fake.simulated = {"start": began.isoformat(), "ticks": 20, "actions": [], "incidents": [], "entries": lines}
    page = open_page("watchdog")
    page.button(key="sim-play").click().run()
    told = next(html.value for html in page.html if "keeper-story" in html.value)
    assert told.count("<li>") == 3
    assert "after 1 h 10 min" in told and "(13 times, the last one after 1 h 35 min)" in told
    assert "(3 times, the last one after 1 h 34 min)" in told


def test_another_example_and_other_permissions(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog")
    page.selectbox(key="sim-example").set_value("brand_new").run()
    assert page.text_area(key="sim-script").value == "hours: 3\n"
    page.segmented_control(key="sim-how").set_value("choose").run()
    page.pills(key="sim-allowed").set_value([Armed.NETWORK, Armed.REBOOT]).run()
    page.button(key="sim-play").click().run()
    assert fake.acts == [("simulate", "hours: 3\n", frozenset({Armed.NETWORK, Armed.REBOOT}))]
    assert "Nothing happened that is worth a line" in read(page)


def test_a_script_of_ones_own(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("watchdog", locale="de-DE")
    page.text_area(key="sim-script").set_value("days: 1").run()
    assert page.selectbox(key="sim-example").value == "own"
    page.button(key="sim-play").click().run()
    assert fake.acts[0][1] == "days: 1"


def test_a_script_that_cannot_be_read_says_why(fake: FakeHouse, open_page: Open) -> None:
    fake.refuse = RunError("This is not valid YAML (line 3).")
    page = open_page("watchdog")
    page.button(key="sim-play").click().run()
    assert page.error[0].value == plain("This is not valid YAML (line 3).")
    page = open_page("watchdog", locale="de-DE")
    page.button(key="sim-play").click().run()
    assert page.error[0].value.startswith("Dieses Drehbuch lässt sich nicht spielen.")
    assert plain("This is not valid YAML (line 3).") in text_of(page)


# --- the page itself ---


def test_before_anything_has_happened(bare: FakeHouse, open_page: Open) -> None:
    for locale in ("en-GB", "de-DE"):
        assert not open_page("watchdog", locale=locale).exception
    said = read(open_page("watchdog"))
    for words in ("State of Plex unknown", "No trouble so far", "Nothing has been done yet", "has not been asked yet",
        "None seen so far",
    ):  # fmt: skip
        assert words in said


def test_what_strangers_wrote_stays_text(trouble: FakeHouse, open_page: Open) -> None:
    facts = {HOSTILE: HOSTILE, "port": HOSTILE}
    trouble.watch.stories[7] = [
        Step(StepKind.OPENED, NOW, Cause.DOWN, {"facts": facts}),
        Step(StepKind.ACTED, NOW, Cause.DOWN, {"action": HOSTILE, "said": HOSTILE}),
        Step(StepKind.OWNER, NOW, Cause.DOWN, {"did": "Watchdog Held", "by": HOSTILE, "until": HOSTILE}),
        Step(StepKind.OWNER, NOW, Cause.DOWN, {"did": HOSTILE}),
    ]
    trouble.watch.deeds = [deed(1, Action.REBOOT, timedelta(1), HOSTILE, by=HOSTILE)]
    for query in ({}, {"incident": "7"}):
        page = open_page("watchdog", **query)
        assert not page.exception
        seen = [element.value for kind in (page.markdown, page.caption, page.title) for element in kind]
        assert not any(re.search(r":material/home:|\*\*bold|(?<!\\)<img|(?<!\\)\[click|www\.", said) for said in seen)
        assert not any("<img" in html.value for html in page.html)
        assert any("bold" in said for said in seen) or any("**bold" in html.value for html in page.html)


# --- the overview with it ---


def test_the_overview_says_why_nothing_is_done_and_what_comes(trouble: FakeHouse, open_page: Open) -> None:
    said = read(open_page())
    assert "Restart of Plex: not yet, there is a pause between two tries, until 13:37." in said
    assert "Restart of Plex possible in 3 min · next look in 12 s" in said
    assert "**Trouble** · Plex is down" in said
    assert "then: Plex does not answer · for 12 min · done so far: Restart of Plex" in said


def test_what_was_seen_is_told_in_words_with_units(fake: FakeHouse, open_page: Open) -> None:
    assert fake.views.check
    facts = {
        "identity": Fact(True, "7b175b4b3d688d2d7be815efb92c436298e1f311"),
        "response_ms": Fact(10.6), "memory_percent": Fact(4.3), "swap_percent": Fact(None, "no swap"),
        "uptime_s": Fact(17760.5), "boot_id": Fact("10628b99"), "disk_free_gb:data": Fact(1234.5, "of 2.0 TB"),
        "mount:/films": Fact(False, "unmounted"), "gateway": Fact(False, "no_arp"), "token": Fact(None, "plex_silent"),
        "dns": Fact(None, "behind gateway"), "late_network": Fact(None, "no answer within 15 s"),
        "new_fact": Fact(HOSTILE, HOSTILE),
    }  # fmt: skip
    fake.views.check = replace(fake.views.check, facts=facts)

    def told(locale: str) -> str:
        return next(html.value for html in open_page(locale=locale).html if 'class="keeper-seen"' in html.value)

    english, german = told("en-GB"), told("de-DE")
    for words in ("Response time</span><b>10.6 ms", "Switched on for</span><b>4 h 56 min", "4.3 %", "1,234.5 GB"):
        assert words in english, words
    for words in ("Antwortzeit</span><b>10,6 ms", "<b>4 Std. 56 min", "4,3 %", "/films ist da</span><b>nein",
        "sein Datenträger ist nicht eingehängt", "Router antwortet</span><b>nein</b><small>schweigt",
        "von einer anderen Störung verdeckt", "es gibt keine", "Plex hat nicht rechtzeitig geantwortet", "von 2.0 TB",
        "<h4>Netzwerk</h4>", "<h4>Dieser Rechner</h4>",
    ):  # fmt: skip
        assert words in german, words
    for raw in ("7b175b", "10628b99", "boot", "_ms", "no_arp", "<img"):
        assert raw not in german


def test_while_all_is_well_there_is_nothing_to_explain(fake: FakeHouse, open_page: Open) -> None:
    said = read(open_page())
    assert "nothing is to be done" not in said and "done so far" not in said


def test_availability_shows_what_nobody_saw(fake: FakeHouse, open_page: Open) -> None:
    said = read(open_page())
    assert "98.1 %" in said and "too little data" not in said and "24 min of trouble · 2 h not monitored" in said
    assert said.count('class="keeper-bars"') == 3
    assert "Plex does not answer" in said  # the reason, on hovering
    german = read(open_page(locale="de-DE"))
    assert "24 min Störung · 2 Std. nicht überwacht" in german and "90 Tage" in german


def test_a_percentage_needs_an_hour_and_a_fiftieth_of_the_time(bare: FakeHouse, open_page: Open) -> None:
    bare.watch.hour_list = [Hour(NOW.replace(minute=0, second=0), 2096.0, 1000.0, 200.0, 9, {"hung": 200.0})]
    bare.watch.day_list = [Hour(NOW.replace(hour=0, minute=0, second=0), 45296.0, 40_000.0, 200.0, 9, {"hung": 200.0})]
    said = read(open_page())
    assert said.count("<b>too little data yet</b>") == 3 and "3 min 20 s of trouble · 23 h" in said
    assert "noch zu wenig Daten" in read(open_page(locale="de-DE"))
    bare.watch.hour_list = [replace(bare.watch.hour_list[0], begins=NOW - timedelta(hours=3), good=3500.0)]
    assert read(open_page()).count("<b>too little data yet</b>") == 2


def test_one_odd_look_or_a_failed_one_does_not_end_the_time_that_was_fine(fake: FakeHouse, open_page: Open) -> None:
    causes = {3: "db_trouble", 6: "unknown", 40: "down", 41: "down"}
    fake.views.looks = [(NOW - timedelta(minutes=m), causes.get(m, "ok"), 20.0) for m in range(60, -1, -1)]
    assert "for 39 min" in [caption.value for caption in open_page().caption]


def test_availability_before_anybody_looked(bare: FakeHouse, open_page: Open) -> None:
    said = read(open_page())
    assert said.count("<b>not monitored</b>") == 3
    assert "100 %" not in said


EVENTS = (
    ("Limits Reset", {"by": "ada", "count": 3}, "ada set back the limits: 3", "ada hat die Grenzen zurückgesetzt: 3"),
    ("Outlet Added", {"by": "ada"}, "ada added a target", "ada hat ein Ziel hinzugefügt"),
    ("Outlet Removed", {"by": "ada"}, "ada removed a target", "ada hat ein Ziel entfernt"),
    ("Outlet Removed", {"outlet": "chat-1"}, "chat-1 has not been set up for long", "chat-1 ist schon lange nicht"),
    ("Trouble", {"cause": "hung"}, "Plex does not answer", "Plex antwortet nicht"),
    ("Trouble Over", {"cause": "hung", "seconds": 2400.0, "incident": 3}, "again after 40 min", "Nach 40 min ist"),
    ("Plex Update", {"cause": "updating"}, "Plex is being updated", "Plex wird aktualisiert"),
    ("Plex Update", {"cause": "updating", "seconds": 90.0}, "update of Plex is over", "Aktualisierung von Plex ist"),
    ("System Startup", {"ours": True, "uptime": 40.0}, "as the watchdog asked", "wie vom Wächter verlangt"),
    ("System Startup", {"ours": False, "uptime": 40.0}, "This machine was started", "Rechner wurde gestartet"),
    (
        "Plex Restart",
        {"cause": "hung", "action": "restart_plex", "wanted": "restart_plex", "reason": "act"},
        "Restart of Plex, because: Plex does not answer",
        "Neustart von Plex, weil: Plex antwortet nicht",
    ),
    (
        "Plex Restart Success",
        {"cause": "hung", "action": "restart_plex", "seconds": 9.0},
        "Restart of Plex: it helped.",
        "Neustart von Plex: Es hat geholfen.",
    ),
    (
        "Would Have Acted",
        {"cause": "no_route", "action": "none", "wanted": "net_soft", "reason": "not_armed"},
        "not allowed on the page Watchdog",
        "auf der Seite Wächter nicht erlaubt",
    ),
    ("Takes Long", {"cause": "starting", "seconds": 1900.0}, "gone on for 32 min", "dauert nun schon 32 min"),
    ("Watchdog Blind", {"seconds": 1900.0}, "For 32 min the watchdog", "Seit 32 min kann der Wächter nicht"),
    ("Watchdog Sees Again", {"cause": "ok"}, "can see again: Plex", "sieht wieder: Plex"),
    ("Plex Crash", {"count": 1}, "Plex crashed; its service manager", "Plex ist abgestürzt; sein"),
    ("Plex Crash", {"count": 3}, "Plex crashed 3 times", "Plex ist 3 Mal abgestürzt"),
    ("Disk Filling", {"disk": "/mnt/films", "days": 2.0}, "/mnt/films is filling up", "von /mnt/films läuft voll"),
    ("Watchdog Armed", {"by": "ada", "armed": []}, "ada allows nothing any more", "ada erlaubt nichts mehr"),
    ("Watchdog Released", {"by": "ada"}, "ada let the watchdog act again", "ada lässt den Wächter wieder"),
)


@pytest.mark.parametrize(("kind", "data", "english", "german"), EVENTS)
def test_what_the_watchdog_told_is_told_in_both_languages(
    kind: str, data: dict[str, object], english: str, german: str, fake: FakeHouse, open_page: Open
) -> None:
    fake.views.event_list = [Event(1, NOW, kind, Severity.INFO, "As it was written.", data)]
    for locale, words in (("en-GB", english), ("de-DE", german)):
        said = read(open_page(locale=locale))
        assert words in said and "As it was written" not in said


@pytest.mark.parametrize(
    ("good", "german"),
    [
        (86000.0, "Plex war 99,5 % der Zeit da · 2 Störungen · 5 Titel ergänzt"),
        (0.0, "Niemand hat nach Plex gesehen"),
    ],
)
def test_a_digest_is_told_in_german_too(good: float, german: str, fake: FakeHouse, open_page: Open) -> None:
    data = {"good": good, "bad": 400.0 if good else 0.0, "incidents": 2, "fixed": 5}
    fake.views.event_list = [Event(1, NOW, "Daily Digest", Severity.INFO, "As it was written.", data)]
    assert "As it was written." in read(open_page())
    said = read(open_page(locale="de-DE"))
    assert german in said and "As it was written" not in said


def test_an_event_that_is_not_understood_is_shown_as_it_was_written(fake: FakeHouse, open_page: Open) -> None:
    for kind, data in (("Trouble", {}), ("Gave Up", {"cause": "?"}), ("Watchdog Fed", {"by": "ada"})):
        fake.views.event_list = [Event(1, NOW, kind, Severity.INFO, "As it was written.", data)]
        assert "As it was written" in read(open_page(locale="de-DE"))


def test_times_that_are_none_are_none() -> None:
    assert thoughts.moment("2026-11-21T12:00:00") is None  # without a zone
    assert thoughts.moment("soon") is None and thoughts.moment(None) is None and thoughts.moment(7) is None


# --- folders ---


def folder(path: str, seen: str, ok: bool | None = False) -> SimpleNamespace:
    return SimpleNamespace(path=path, libraries=("Films",), ok=ok, seen=seen)


def test_folders_that_are_well_need_no_place(fake: FakeHouse, open_page: Open) -> None:
    fake.folder_list = [folder("/films", "", ok=True), folder("/shows", "elsewhere", ok=None)]
    assert "Library folders" not in read(open_page("watchdog"))


def test_a_folder_that_was_emptied_on_purpose_can_be_declared_right(fake: FakeHouse, open_page: Open) -> None:
    fake.folder_list = [folder("/films", "empty"), folder("/shows", "broken EIO")]
    page = open_page("watchdog")
    assert "It is empty, and had something in it before. Films" in read(page)
    assert "Its server is gone." in read(page)
    assert [button.key for button in page.button if (button.key or "").startswith("accept-")] == ["accept-0"]
    page.button(key="accept-0").click().run()
    assert fake.acts == [] and "on purpose" in read(page)
    page.button(key="accept-yes").click().run()
    assert fake.acts == [("accept_folder", "/films", "ada")]


def test_a_folder_nobody_has_words_for_is_told_all_the_same(fake: FakeHouse, open_page: Open) -> None:
    fake.folder_list = [folder("/films", "bewitched")]
    assert "Er ist nicht, wie er sein soll." in read(open_page("watchdog", locale="de-DE"))
