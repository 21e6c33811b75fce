"""Speed: what the page shows and asks for in all its states, its part of the Overview, its events, its chart."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest
from ui_house import HOSTILE, NOW, REFUSAL, FakeHouse, Open
from ui_speed import BERLIN, run_of, running, speed_test

from keeper.errors import StoreError
from keeper.rules.types import (
    Ability,
    Aspect,
    Event,
    Flaw,
    Hindrance,
    Severity,
    SpeedDay,
    SpeedPlan,
    SpeedProvider,
    SpeedRun,
    SpeedSource,
    SpeedStatus,
    SpeedWishes,
)
from keeper.ui import plots, rates
from keeper.ui.screens.speed_days import Span


def read(page: AppTest) -> str:
    """Everything a person can read, without the backslashes that keep it from being markdown."""
    assert not page.exception
    kinds = (page.title, page.markdown, page.caption, page.text, page.error, page.warning, page.html, page.metric)
    said = "\n".join(str(element.value) for kind in kinds for element in kind)
    return re.sub(r"\\(?=[^\w\s])", "", said.replace(rates.JOIN, " "))


def words(page: AppTest) -> str:
    """The same without what is HTML."""
    return re.sub(r"<[^>]+>", " ", read(page))


def buttons(page: AppTest) -> dict[str, AppTest]:
    return {str(button.key): button for button in page.button}


def low(page: AppTest) -> list[str]:
    """What is marked as too slow among the big figures."""
    return re.findall(r"<div class=low><span>\S+ (\w+)</span>", read(page))


def again(house: FakeHouse, **changes: object) -> None:
    """The newest result is another one."""
    tests = house.speed.views.tests_of
    tests[0] = replace(tests[0], **changes)  # type: ignore[arg-type]


# --- the last result ---


def test_the_last_result_is_told_with_what_it_is_judged_by(fake: FakeHouse, open_page: Open) -> None:
    fake.speed.wished = SpeedWishes(least_download=50, most_ping=40.5)
    said = words(open_page("speed"))
    assert re.search(r"93\.0\s+Mbit/s\s+usually 95\.0 · at least 50 ", said)
    assert re.search(r"11\.0\s+ms\s+usually 12\.0 · at most 40\.5 ", said)
    assert "speedtest-cli · Telekom, Berlin · Daily test · " in said and "12 h ago" in said
    assert "No alarm: none of the last 3 results was too slow. You are told when 2 of 3 are." in said


def test_in_german(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("speed", locale="de-DE")
    said = words(page)
    assert page.title[0].value == "Tempo"
    assert re.search(r"93,0\s+Mbit/s\s+sonst 95,0", said)
    assert "Täglicher Test" in said and "Kein Alarm: Keines der letzten 3" in said
    assert "Nächster: morgen, 01:59 (in 12 Std.)" not in said and "Nächster: morgen, 02:00 (in 12 Std.)" in said
    assert "Kostet etwa 142 MB · noch 2,4 GB von 4,0 GB in diesem Monat" in said


def test_what_is_low_is_marked_by_word_and_not_by_colour_alone(fake: FakeHouse, open_page: Open) -> None:
    fake.speed.wished = SpeedWishes(least_upload=50, most_ping=5)
    again(fake, low=(Aspect.UPLOAD, Aspect.PING))
    page = open_page("speed")
    assert low(page) == ["Upload", "Ping"]
    assert read(page).count("<em>Too slow</em>") == 2


def test_what_was_too_slow_by_a_limit_that_has_changed_is_only_noted(fake: FakeHouse, open_page: Open) -> None:
    fake.speed.wished = SpeedWishes(least_download=90, least_upload=50, share=0)
    again(fake, low=(Aspect.DOWNLOAD, Aspect.UPLOAD))
    page = open_page("speed")
    assert low(page) == ["Upload"]
    assert "usually 95.0 · at least 90 · too slow by the limit of that time" in words(page)
    assert words(page).count("by the limit of that time") == 1


def test_a_few_results_do_not_make_anything_usual(fake: FakeHouse, open_page: Open) -> None:
    fake.speed.views.tests_of = fake.speed.views.tests_of[:4]
    said = words(open_page("speed"))
    assert "usually" not in said
    assert "What is usual with this server is known after one more result" in said
    fake.speed.views.tests_of = fake.speed.views.tests_of[:3]
    assert "steht nach 2 weiteren Ergebnissen fest" in words(open_page("speed", locale="de-DE"))
    fake.speed.wished = SpeedWishes(share=0)
    assert "known after" not in words(open_page("speed"))


def test_there_is_one_usual_value_on_the_page_that_of_the_last_result(fake: FakeHouse, open_page: Open) -> None:
    """Others measure in other ways: neither what they found nor the line of their days is called usual."""
    tests = fake.speed.views.tests_of
    for number in range(25):
        if number % 3:
            tests[number] = replace(tests[number], result=run_of(500, 200, 3, SpeedProvider.HTTP, "h"))
    page = open_page("speed")
    usual = re.findall(r"usually ([\d.]+)", read(page))
    assert len(usual) == 6 and usual[:3] == usual[3:]
    assert '<td data-name="Download, Mbit/s">' + usual[0] in read(page)
    drawn = [way.count("M") for way in re.findall(r"<path d='([^']*)' stroke='#80848c' stroke-width='1.2'", flat(page))]
    assert len(drawn) == 3 and min(drawn) > 1


def test_an_alarm_is_said_with_its_end(fake: FakeHouse, open_page: Open) -> None:
    again(fake, low=(Aspect.DOWNLOAD,))
    assert "No alarm yet: one of the last 3 results was too slow." in words(open_page("speed"))
    fake.speed.store.marks["alarm"] = "1"
    said = words(open_page("speed"))
    assert "Line slow" in said
    assert "Alarm: one of the last 3 results was too slow. It ends when 2 in a row are fine." in said
    fake.speed.wished = SpeedWishes(alarm_after=1, alarm_of=1)
    assert "Alarm: the last result was too slow. It ends with the next fine one." in words(open_page("speed"))
    german = words(open_page("speed", locale="de-DE"))
    assert "Alarm: Das letzte Ergebnis war zu langsam. Er endet mit dem nächsten guten." in german
    again(fake, low=())
    assert "Alarm: the line was too slow. It ends" in words(open_page("speed"))


def test_an_alarm_at_the_first_slow_result_is_said_in_good_grammar(fake: FakeHouse, open_page: Open) -> None:
    fake.speed.wished = SpeedWishes(alarm_after=1, alarm_of=1)
    said = words(open_page("speed"))
    assert "No alarm: the last result was not too slow. You are told of each slow one." in said
    fake.speed.wished = SpeedWishes(alarm_after=1, alarm_of=4)
    assert "You are told when one of 4 is." in words(open_page("speed"))
    assert "Gemeldet wird ab einem von 4." in words(open_page("speed", locale="de-DE"))


def test_before_the_first_test_the_page_says_what_will_be_there(bare: FakeHouse, open_page: Open) -> None:
    bare.speed.upcoming = NOW + timedelta(hours=13)
    bare.speed.able = [(SpeedProvider.HTTP, Ability(True, "Yes."))]
    page = open_page("speed")
    said = words(page)
    assert "The line has not been measured yet" in said and "when nobody is watching" in said
    assert "Costs 216 MB at the most" in said
    assert not buttons(page)["speed-start"].disabled
    for later in ('keeper-plot"', 'keeper-tests"', "export/speed.csv"):
        assert later not in read(page)
    bare.speed.wished = SpeedWishes(daily=False)
    assert "switch the daily test on below" in words(open_page("speed"))
    assert "Der tägliche Test ist aus." in words(open_page("speed", locale="de-DE"))


def test_a_data_file_that_does_not_answer_is_said_in_its_place(fake: FakeHouse, open_page: Open) -> None:
    fake.speed.views.broken = StoreError("The data file is locked.")
    page = open_page("speed")
    assert "The data file is locked." in read(page)
    assert "What the line should bring" in read(page)
    assert "Die Datendatei ist gerade nicht benutzbar." in read(open_page("speed", locale="de-DE"))


# --- the next test ---


def test_why_the_daily_test_waits_is_said(fake: FakeHouse, open_page: Open) -> None:
    fake.speed.upcoming = NOW + timedelta(minutes=8)
    today = NOW.astimezone(BERLIN).date().isoformat()
    fake.speed.store.days = {today: SpeedDay(today, "", Hindrance.IN_USE)}
    said = words(open_page("speed"))
    assert "Next one: today, 13:42 (in 8 min)" in said
    assert "Today's test was put off: somebody is watching." in said


@pytest.mark.parametrize("hindrance", Hindrance)
def test_only_what_hinders_every_test_is_said_beforehand(
    hindrance: Hindrance, fake: FakeHouse, open_page: Open
) -> None:
    fake.speed.hindered = hindrance
    page = open_page("speed")
    is_said = "Nothing can be measured now: " in words(page)
    assert is_said == (hindrance in (Hindrance.NO_LINE, Hindrance.UPDATING, Hindrance.ACTING))
    assert buttons(page)["speed-start"].disabled == is_said


def test_a_daily_test_that_is_off_or_due_is_said(fake: FakeHouse, open_page: Open) -> None:
    fake.speed.upcoming = NOW - timedelta(seconds=1)
    assert "The next one is due now." in words(open_page("speed"))
    fake.speed.wished, fake.speed.upcoming = SpeedWishes(daily=False), None
    assert "The daily test is off." in words(open_page("speed"))


# --- measuring now ---


def test_while_nobody_watches_a_click_measures(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("speed")
    page.button(key="speed-start").click().run()
    assert fake.acts == [("speed", "ada", False)]


@pytest.mark.parametrize(("watched", "sentence"), [(True, "Somebody is watching"), (None, "It cannot be told")])
def test_while_somebody_watches_or_nobody_knows_it_is_asked_first(
    watched: bool | None, sentence: str, fake: FakeHouse, open_page: Open
) -> None:
    fake.speed.watched = watched
    page = open_page("speed")
    page.button(key="speed-start").click().run()
    assert fake.acts == []
    assert sentence in words(page) and "may see the picture stop" in words(page)
    assert words(page).count("Costs about 142 MB · 2.4 GB of 4.0 GB left this month") == 2
    page.button(key="speed-yes").click().run()
    assert fake.acts == [("speed", "ada", True)]


def test_a_refusal_is_shown_where_it_was_asked(fake: FakeHouse, open_page: Open) -> None:
    fake.refuse = REFUSAL
    page = open_page("speed")
    page.button(key="speed-start").click().run()
    assert [error.value for error in page.error] == [
        "Another scan is running\\: \\<b\\>wait\\</b\\> for it, or cancel it\\."
    ]


def test_in_german_a_refusal_has_a_sentence_of_its_own_before_the_english_one(fake: FakeHouse, open_page: Open) -> None:
    fake.refuse = REFUSAL
    page = open_page("speed", locale="de-DE")
    page.button(key="speed-start").click().run()
    assert [error.value for error in page.error] == ["Das geht gerade nicht."]
    assert "Another scan is running" in read(page)


def test_with_an_empty_budget_nothing_can_be_clicked(fake: FakeHouse, open_page: Open) -> None:
    fake.speed.used = fake.speed.plan.budget - 105_000_000
    page = open_page("speed")
    assert buttons(page)["speed-start"].disabled
    sentence = "105 MB left, a test may need up to 216 MB: possible again on 1 Dec, or raise `SPEED_TEST_MONTHLY_MB`."
    assert sentence in words(page) and "Next one: on 1 Dec at the earliest" in words(page)
    german = words(open_page("speed", locale="de-DE"))
    assert "Noch 105 MB übrig, ein Test kann bis zu 216 MB brauchen: wieder möglich am 1. Dez." in german
    assert "Nächster: frühestens am 1. Dez." in german


def test_a_budget_that_no_test_ever_fits_into_promises_nothing(fake: FakeHouse, open_page: Open) -> None:
    fake.speed.plan, fake.speed.used = SpeedPlan(budget=100_000_000), 0
    page = open_page("speed")
    assert buttons(page)["speed-start"].disabled
    assert "A test may need up to 216 MB, and 100 MB a month are allowed" in words(page)
    assert "possible again" not in words(page)


def test_where_nobody_can_measure_the_budget_is_not_blamed(fake: FakeHouse, open_page: Open) -> None:
    fake.speed.need, fake.speed.used = 0, fake.speed.plan.budget + 1
    assert "may need up to" not in words(open_page("speed"))


# --- a test that waits or runs ---


def test_a_running_test_shows_who_measures_how_far_it_is_and_what_flows(fake: FakeHouse, open_page: Open) -> None:
    running(fake.speed, NOW)
    page = open_page("speed")
    said = words(page)
    assert "Speed test** · speedtest-cli" in said and ":blue-badge" in said
    assert page.get("progress")[0].proto.text == "12 s of about 30 s"
    assert page.get("progress")[0].proto.value == 41
    assert re.search(r"91\.7\s+Mbit/s.*1\.2\s+Mbit/s", said, re.DOTALL)
    assert "speed-start" not in buttons(page)
    page.button(key="speed-cancel").click().run()
    assert fake.acts == [("speed-cancel", "ada")]


def test_the_second_measurement_says_why_there_is_one(fake: FakeHouse, open_page: Open) -> None:
    running(fake.speed, NOW, confirming=True, expected=0.0)
    page = open_page("speed")
    assert "Second measurement" in words(page) and "The first result was slow." in words(page)
    assert page.get("progress")[0].proto.text == ":shimmer[12 s …]"


def test_a_test_that_waits_and_one_that_is_being_cancelled(fake: FakeHouse, open_page: Open) -> None:
    busy = running(fake.speed, NOW, provider=None, seconds=0.0, expected=0.0)
    fake.speed.views.tests_of[0] = replace(busy, status=SpeedStatus.QUEUED, began_at=None)
    page = open_page("speed")
    assert page.get("progress")[0].proto.text == ":shimmer[Waiting for its turn …]"
    assert "Speed test** · Started by hand" in words(page)
    fake.speed.views.tests_of[0] = replace(busy, cancel_requested=True)
    page = open_page("speed")
    assert buttons(page)["speed-cancel"].disabled and "Cancelling" in words(page)


def ended(house: FakeHouse, status: SpeedStatus, ago: timedelta = timedelta(minutes=2), **more: object) -> None:
    house.speed.views.tests_of.insert(0, speed_test(901, NOW - ago - timedelta(seconds=31), status, **more))


@pytest.mark.parametrize(
    ("status", "more", "sentence"),
    [
        (SpeedStatus.SUCCESS, {}, "Measured: download 93.4 and upload 24.1 Mbit/s, ping 12.3 ms."),
        (SpeedStatus.SUCCESS, {"low": (Aspect.UPLOAD,)}, "ping 12.3 ms. Upload too slow."),
        (SpeedStatus.FAILED, {"error_code": "blocked"}, "brought no result: the provider refused (403)."),
        (SpeedStatus.FAILED, {"error_code": "unconfirmed"}, "the second measurement could not be believed."),
        (SpeedStatus.FAILED, {"error": "The moon was full."}, "brought no result: The moon was full."),
        (SpeedStatus.FAILED, {}, "The last test brought no result."),
        (SpeedStatus.PUT_OFF, {"error_code": "in_use"}, "Not measured: somebody is watching."),
        (SpeedStatus.CANCELLED, {}, "The last test was cancelled."),
        (SpeedStatus.INTERRUPTED, {}, "Plex Keeper was stopped in the middle of it."),
    ],
)
def test_how_it_ended_is_one_sentence(
    status: SpeedStatus, more: dict[str, object], sentence: str, fake: FakeHouse, open_page: Open
) -> None:
    ended(fake, status, **more)
    said = words(open_page("speed"))
    assert sentence in said and "ended 2 min ago" in said
    read(open_page("speed", locale="de-DE"))


def test_what_ended_well_is_no_news_for_long_but_a_failure_is(fake: FakeHouse, open_page: Open) -> None:
    ended(fake, SpeedStatus.SUCCESS, timedelta(hours=1))
    assert "Measured: " not in words(open_page("speed"))
    ended(fake, SpeedStatus.FAILED, timedelta(minutes=50), error_code="too_late")
    assert "brought no result: it was not done in time." in words(open_page("speed"))


# --- history ---


def picture(page: AppTest) -> str:
    return next(str(html.value) for html in page.html if "keeper-plot" in str(html.value))


def spots(page: AppTest) -> list[str]:
    return [said.replace(rates.JOIN, " ") for said in re.findall(r'data-words="([^"]*)"', picture(page))]


def flat(page: AppTest) -> str:
    """The picture with its lines, as a browser decodes it."""
    return unquote(picture(page)).replace(rates.JOIN, " ")


def test_each_result_says_its_figures_when_it_is_pointed_at(fake: FakeHouse, open_page: Open) -> None:
    said = spots(open_page("speed"))
    assert said[-1].splitlines() == [
        "Sat, 21 Nov 2026, 02:00:20 CET",
        "Download 93.0 Mbit/s",
        "Upload 24.0 Mbit/s",
        "Ping 11.0 ms",
        "speedtest-cli · Daily test",
    ]
    assert sum("Upload too slow" in each for each in said) == 2


def test_days_without_a_result_say_why_and_neighbours_are_one(fake: FakeHouse, open_page: Open) -> None:
    gaps = [each.splitlines() for each in spots(open_page("speed")) if "Mbit" not in each]
    assert gaps == [
        ["7 Nov", "All tests of the day failed"],
        ["14 Nov to 15 Nov", "Left out: somebody is watching"],
    ]
    german = [each for each in spots(open_page("speed", locale="de-DE")) if "Mbit" not in each]
    assert german[1] == "14. Nov. bis 15. Nov.\nAusgelassen: es schaut jemand"


def test_a_day_that_nobody_knows_of_is_a_gap_and_today_is_none_yet(fake: FakeHouse, open_page: Open) -> None:
    del fake.speed.views.tests_of[0]  # today's
    del fake.speed.views.tests_of[1], fake.speed.views.day_list["2026-11-19"]
    gaps = [each for each in spots(open_page("speed")) if "Mbit" not in each]
    assert gaps[-1].startswith("19 Nov\nNo test was made")


def test_all_results_of_a_day_are_told_together(fake: FakeHouse, open_page: Open) -> None:
    at = NOW - timedelta(hours=2)
    for number in range(6):
        more = speed_test(500 + number, at + timedelta(minutes=10 * number), source=SpeedSource.MANUAL, low=("upload",))
        fake.speed.views.tests_of.insert(0, more)
    page = open_page("speed")
    told = spots(page)[-1].splitlines()
    assert told[:2] == ["21 Nov 2026", "2 more before these"]
    assert told[-1] == "12:24 ↓ 93.4 ↑ 24.1 Mbit/s ⇄ 12.3 ms · speedtest-cli · Started by hand · ↑ too slow"
    assert len(told) == 7 and sum("Mbit" in each for each in spots(page)) == 27


def hatches(page: AppTest) -> list[tuple[float, float]]:
    """Of the first panel: from where to where."""
    first = picture(page).split("<img")[0]
    found = re.findall(r'<u style="left:([\d.]+)%;width:([\d.]+)%"', first)
    return [(float(left), float(left) + float(width)) for left, width in found]


def test_a_hatch_leads_from_one_result_to_the_next(fake: FakeHouse, open_page: Open) -> None:
    """Nothing between two dots is left blank."""
    page = open_page("speed")
    first = flat(page).split("<svg")[1]
    dots = sorted(float(x) / 10 for x in re.findall(r"M([\d.]+) [\d.]+h\.1", first))
    for begins, ends in hatches(page):
        assert min(abs(dot - begins) for dot in dots) < 0.1
        assert min(abs(dot - ends) for dot in dots) < 0.1
    assert len(hatches(page)) == 2


def test_another_provider_is_marked_and_said_and_is_no_gap(fake: FakeHouse, open_page: Open) -> None:
    assert "another provider" not in picture(open_page("speed"))
    other = run_of(provider=SpeedProvider.HTTP)
    fake.speed.views.tests_of[2] = replace(fake.speed.views.tests_of[2], result=other)
    page = open_page("speed")
    assert len(hatches(page)) == 2 and picture(page).count("<s ") == 2 * 3
    assert "another provider</span>" in picture(page)
    assert sum("Measured by another provider than the one before" in each for each in spots(page)) == 2


def lines(page: AppTest) -> list[int]:
    """How many results each line of the first panel joins."""
    first = unquote(picture(page)).split("<svg")[1]
    return [way.count("L") + 1 for way in re.findall(r"<path d='(M[\d.]+ [\d.]+L[^']*)' stroke='#4084d6'", first)]


def test_a_line_never_leads_over_a_gap_nor_from_one_provider_to_another(fake: FakeHouse, open_page: Open) -> None:
    assert lines(open_page("speed")) == [15, 6, 6]
    other = run_of(provider=SpeedProvider.HTTP)
    fake.speed.views.tests_of[2] = replace(fake.speed.views.tests_of[2], result=other)
    assert lines(open_page("speed")) == [15, 6, 3, 2]


@pytest.mark.parametrize(("days", "results"), [(7, 6), (30, 27), (90, 37), (365, 37)])
def test_the_period_can_be_chosen(days: int, results: int, fake: FakeHouse, open_page: Open) -> None:
    page = open_page("speed")
    page.segmented_control(key="speed-range").set_value(days).run()
    assert sum("Mbit" in each for each in spots(page)) == results
    assert f"Line speed of {days} days, {results} results." in picture(page)


def test_limits_by_hand_and_gaps_are_explained_only_where_they_are(fake: FakeHouse, open_page: Open) -> None:
    plain = picture(open_page("speed"))
    assert "too slow</span>" in plain and "no result</span>" in plain
    assert "your limit" not in plain and "asked for by hand" not in plain and "dasharray" not in unquote(plain)
    fake.speed.wished = SpeedWishes(least_download=50)
    again(fake, source=SpeedSource.MANUAL)
    more = picture(open_page("speed"))
    assert "your limit</span>" in more and "asked for by hand</span>" in more
    assert plots.HAND in unquote(more) and plots.HAND not in unquote(plain)
    assert unquote(more).count("stroke-dasharray") == 1


def test_the_picture_is_told_in_words(fake: FakeHouse, open_page: Open) -> None:
    label = re.search(r'role="img" aria-label="([^"]*)"', picture(open_page("speed")))
    assert label and label[1].replace(rates.JOIN, " ") == (
        "Line speed of 30 days, 27 results. Download from 93.0 Mbit/s to 97.0 Mbit/s, too slow: 0. "
        "Upload from 9.5 Mbit/s to 26.0 Mbit/s, too slow: 2. Ping from 11.0 ms to 14.0 ms, too slow: 0. "
        "3 days without a result."
    )


def test_a_month_is_cut_into_days_by_the_clocks_of_the_speed_test() -> None:
    """Also where one of them has 23 or 25 hours."""
    span = Span(date(2026, 11, 2), 7, ZoneInfo("America/New_York"))
    assert span.midnight(date(2026, 11, 1)) == datetime(2026, 11, 1, 4, tzinfo=UTC)
    assert span.ends == datetime(2026, 11, 3, 5, tzinfo=UTC)
    assert span.day(datetime(2026, 11, 2, 4, 59, tzinfo=UTC)) == date(2026, 11, 1)
    assert 0 < span.place(span.midnight(span.first)) < 0.02 and span.place(NOW) == 1


@pytest.mark.parametrize(
    ("values", "others", "top"),
    [([], (), 0.0012), ([93.0], (), 100), ([97.0, 50.0], (), 120), ([40.0], (300.0,), 400), ([0.0], (), 0.0012)],
)
def test_the_scale_ends_at_a_round_figure(values: list[float], others: tuple[float, ...], top: float) -> None:
    assert plots.ceiling(values, *others) == pytest.approx(top)


@pytest.mark.parametrize("value", [0.0012, 0.3, 1.1, 9.4, 11.4, 13.0, 19.5, 24.0, 42.0, 93.0, 142.0, 247.0, 940.0])
def test_the_middle_of_a_scale_is_labelled_exactly(value: float) -> None:
    half = plots.ceiling([value]) / 2
    assert float(f"{half:.{plots.decimals(half)}f}") == pytest.approx(half)
    assert plots.decimals(half) == 0 or half < 5


def test_one_outlier_does_not_flatten_all_others() -> None:
    assert plots.ceiling([12.0] * 30 + [1800.0]) <= 40


# --- who measures ---


def test_every_provider_and_server_has_its_own_figures(fake: FakeHouse, open_page: Open) -> None:
    tests = fake.speed.views.tests_of
    tests[1] = replace(tests[1], result=run_of(60, 10, 30, server="5678"))
    page = open_page("speed")
    table = next(str(html.value) for html in page.html if "keeper-table" in str(html.value))
    rows = [re.sub(r"<[^>]+>", " ", row).split() for row in re.findall(r"<tr><td>.*?</tr>", table)]
    assert " ".join(rows[0]) == "speedtest-cli Telekom, Berlin 36 95.0 25.0 12.0 12 h ago"
    assert " ".join(rows[1]) == "speedtest-cli Vodafone, Hamburg 1 60.0 10.0 30.0 36 h ago"
    assert "Results come from 2 servers" in read(page) and "`SPEED_TEST_SERVER=1234`" in read(page)
    fake.settings.speed_test_server = "1234"
    assert "Results come from" not in read(open_page("speed"))


def test_the_demo_says_that_its_line_is_none(fake: FakeHouse, open_page: Open) -> None:
    assert "a pretended line is measured" in read(open_page("speed"))
    fake.settings.demo = False
    assert "a pretended line is measured" not in read(open_page("speed"))


def test_what_went_wrong_and_who_cannot_be_used_here_is_told(fake: FakeHouse, open_page: Open) -> None:
    fake.speed.views.trouble_list.append((SpeedProvider.HTTP, Flaw.STOPPED, 1, NOW))
    said = words(open_page("speed"))
    assert re.search(r"Ookla Speedtest : the provider refused \(403\)\s+3 times in 90 days, last\s+24 h ago", said)
    assert re.search(r"LibreSpeed\s+cannot be used here\s+librespeed-cli is not installed\. Install librespeed", said)
    assert "ended before it was done" not in said


# --- all tests ---


def test_each_test_opens_to_its_measurements_and_all_can_be_taken_away(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("speed")
    table = next(str(html.value) for html in page.html if "keeper-tests" in str(html.value))
    first = table.split("</details>")[0]
    figures = "\u2193 93.0 \u2191 24.0 Mbit/s \u21c4 11.0 ms"
    assert row(page).startswith(f"today, 02:00 Measured {figures} Daily test 142 MB took 31 s ")
    assert "The provider refused (403)" in first and "HTTP Error 403" in first
    assert table.count("<details>") == 25 and "1 to 25 of 38" in words(page)
    assert 'href="export/speed.csv"' in read(page)
    page.session_state["speed-page"] = 2
    page.run()
    assert "26 to 38 of 38" in words(page)


def test_a_test_without_a_result_says_why_in_its_row(fake: FakeHouse, open_page: Open) -> None:
    assert '<span class="why">The provider refused (403)</span>' in read(open_page("speed"))
    assert '<span class="why">Der Anbieter hat abgelehnt (403)</span>' in read(open_page("speed", locale="de-DE"))


def row(page: AppTest) -> str:
    """The newest test in the list, opened."""
    table = next(str(html.value) for html in page.html if "keeper-tests" in str(html.value))
    return " ".join(re.sub(r"<[^>]+>", " ", table.split("</details>")[0]).split())


def test_what_we_wrote_in_english_is_told_in_the_readers_words(fake: FakeHouse, open_page: Open) -> None:
    stopped = SpeedRun(SpeedProvider.HTTP, None, Flaw.TOO_LATE, "It was not done after 120 s.", 1200, 120.0)
    refused = SpeedRun(SpeedProvider.OOKLA, None, Flaw.BROKEN, "Configuration - Could not connect", 0, 2.0)
    ended(fake, SpeedStatus.FAILED, error="HTTP was not done in time.", error_code="too_late")
    fake.speed.views.runs[901] = [stopped, refused]
    german = row(open_page("speed", locale="de-DE"))
    assert "Es wurde nicht rechtzeitig fertig" in german and "not done" not in german
    assert "Es endete mit einem Fehler" in german and "Configuration - Could not connect" in german


def test_a_test_that_never_began_says_nothing_of_how_it_went(fake: FakeHouse, open_page: Open) -> None:
    never = {"source": SpeedSource.MANUAL, "requested_by": "ada", "seconds": 0.02, "anyway": True}
    ended(fake, SpeedStatus.PUT_OFF, error_code="no_line", error="There is no internet.", **never)
    said = row(open_page("speed", locale="de-DE"))
    assert "Nicht gemessen Es gibt kein Internet Von Hand gestartet" in said
    assert "ada" in said and "0 s" not in said and "schaute" not in said and "There is" not in said


def test_words_from_the_internet_do_nothing(fake: FakeHouse, open_page: Open) -> None:
    evil = run_of(server='"><img src=x onerror=alert(1)>')
    again(fake, result=replace(evil, said=HOSTILE), requested_by=HOSTILE)
    fake.speed.views.runs[400] = [replace(evil, flaw=Flaw.GARBLED, said=HOSTILE)]
    ended(fake, SpeedStatus.FAILED, error=HOSTILE, requested_by=HOSTILE)
    fake.speed.able = [(SpeedProvider.OOKLA, Ability(False, HOSTILE, HOSTILE))]
    page = open_page("speed")
    assert "<img src=x" not in "".join(str(html.value) for html in page.html)
    shown = [element.value for kind in (page.markdown, page.caption) for element in kind]
    assert any(r"\<img" in text for text in shown)
    assert not any(re.search(r"(?<!\\)<img", text) for text in shown)


# --- wishes ---


def test_wishes_are_saved_by_the_button_alone(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("speed")
    assert buttons(page)["speed-save"].disabled
    page.number_input(key="speed-down").set_value(50.0).run()
    page.toggle(key="speed-daily").set_value(False).run()
    page.slider(key="speed-share").set_value(70).run()
    assert fake.acts == [] and "Not saved yet" in read(page)
    page.button(key="speed-save").click().run()
    assert fake.acts == [("speed-wishes", SpeedWishes(daily=False, least_download=50.0, share=70), "ada")]
    assert "Not saved yet" not in read(page) and buttons(page)["speed-save"].disabled


def test_what_was_saved_is_seen_at_once_on_the_whole_page(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("speed")
    page.toggle(key="speed-daily").set_value(False).run()
    page.number_input(key="speed-down").set_value(50.0).run()
    page.button(key="speed-save").click().run()
    said = words(page)
    assert "usually 95.0 · at least 50" in said and "your limit" in said and "The daily test is off." in said
    assert [toast.value for toast in page.toast] == ["Saved."]


def test_the_hour_of_the_daily_test_is_told_by_the_readers_clocks_too(fake: FakeHouse, open_page: Open) -> None:
    said = words(open_page("speed"))
    assert "From 02:00 (Europe/Berlin) on" in said
    assert "`SPEED_TEST_HOUR` and `SPEED_TEST_TIMEZONE`" in said
    fake.speed.zone = ZoneInfo("America/Chicago")
    assert "From 02:00 (America/Chicago), where you are 09:00 on" in words(open_page("speed"))
    assert "Ab 02:00 Uhr (America/Chicago), bei dir 09:00 Uhr," in words(open_page("speed", locale="de-DE"))


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("speed-down", -3.0, "Least download, Mbit/s: a number from 0 to 1,000,000."),
        ("speed-up", 2e6, "Least upload, Mbit/s: a number from 0 to 1,000,000."),
        ("speed-ping", 60_001.0, "Most ping, ms: a number from 0 to 60,000."),
        ("speed-after", 0, "Alarm after … slow results: a number from 1 to 100."),
        ("speed-of", 101, "among the latest …: a number from 1 to 100."),
    ],
)
def test_nonsense_is_answered_with_what_is_accepted_and_can_be_taken_back(
    key: str, value: float, sentence: str, fake: FakeHouse, open_page: Open
) -> None:
    page = open_page("speed")
    page.number_input(key=key).set_value(value).run()
    assert sentence in words(page) and buttons(page)["speed-save"].disabled
    assert not buttons(page)["speed-discard"].disabled
    page.button(key="speed-discard").click().run()
    assert sentence not in words(page) and fake.acts == []


def test_changes_can_be_taken_back(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("speed")
    page.number_input(key="speed-ping").set_value(40.0).run()
    page.button(key="speed-discard").click().run()
    assert page.number_input(key="speed-ping").value == 0 and fake.acts == []


def test_what_cannot_be_meant_cannot_be_saved_and_a_refusal_is_told(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("speed")
    page.number_input(key="speed-after").set_value(5).run()
    assert "There cannot be more slow results than are looked at." in read(page)
    assert buttons(page)["speed-save"].disabled
    page.number_input(key="speed-of").set_value(6).run()
    fake.refuse = REFUSAL
    page.button(key="speed-save").click().run()
    assert "Another scan is running" in read(page) and "Not saved yet" in read(page)


def test_who_asks_for_nothing_is_told_what_that_means(fake: FakeHouse, open_page: Open) -> None:
    fake.speed.wished = SpeedWishes(share=0)
    assert "no result can be too slow, and there will be no alarm" in read(open_page("speed"))


def test_the_month_is_a_bar_with_what_is_left(fake: FakeHouse, open_page: Open) -> None:
    said = read(open_page("speed"))
    assert "1.6 GB of 4.0 GB used by speed tests" in said and "width:40.0%" in said
    assert "2.4 GB left · begins anew on 1 Dec" in said
    assert "A test costs about 142 MB: 4.3 GB a month" in said
    fake.speed.plan = SpeedPlan()
    assert "**1.6 GB** used by speed tests" in read(open_page("speed")) and "There is no limit." in read(
        open_page("speed")
    )


# --- elsewhere ---


def test_the_overview_has_the_line_in_a_tile(fake: FakeHouse, open_page: Open) -> None:
    page = open_page()
    tile = next(metric for metric in page.metric if metric.label == "Line speed")
    assert tile.value == "93\u00a0Mbit/s"
    links = [link.proto.label.replace(rates.JOIN, " ") for link in page.get("page_link")]
    assert "\u2191 24.0 · 11.0 ms" in links
    assert "Download of the latest results" in read(page)
    again(fake, low=(Aspect.DOWNLOAD,))
    assert ":orange[\u2193 too slow]" in [link.proto.label for link in open_page().get("page_link")]


def test_the_overview_is_calm_about_a_line_that_was_never_measured(bare: FakeHouse, open_page: Open) -> None:
    page = open_page(locale="de-DE")
    tile = next(metric for metric in page.metric if metric.label == "Leitung")
    assert tile.value == "—"
    assert "noch nicht gemessen" in [link.proto.label for link in page.get("page_link")]


MEASURED = {"download_mbps": 93.4, "upload_mbps": 24, "ping_ms": 12.3, "provider": "http", "low": [], "source": "cli"}


@pytest.mark.parametrize(
    ("kind", "data", "english", "german"),
    [
        (
            "Network Speed Test",
            MEASURED,
            "Line measured: download 93.4 and upload 24.0 Mbit/s, ping 12.3 ms · Own HTTP test",
            "Leitung gemessen: Download 93,4 und Upload 24,0 Mbit/s, Ping 12,3 ms · Eigener HTTP-Test",
        ),
        (
            "Network Speed Test",
            MEASURED | {"low": ["upload", "ping"]},
            "12.3 ms · upload and ping too slow · Own HTTP test",
            "12,3 ms · Upload und Ping zu langsam · Eigener HTTP-Test",
        ),
        ("Network Speed Test", {"download_mbps": "fast"}, "As it was written", "As it was written"),
        (
            "Speed Test Failed",
            {"attempts": 4, "error_code": "too_late", "source": "schedule", "date": "2026-11-20"},
            "No speed of the line for 20 Nov after 4 tries · it was not done in time",
            "Kein Messwert der Leitung für 20. Nov. nach 4 Versuchen · es wurde nicht rechtzeitig fertig",
        ),
        (
            "Speed Test Failed",
            {"attempts": 1, "error_code": "unconfirmed", "source": "manual", "date": "2026-11-20"},
            "The speed test failed: it was slow, and the second",
            "Der Tempotest ist fehlgeschlagen: es war langsam, und die zweite",
        ),
        ("Speed Test Failed", {"error_code": "moon"}, "As it was written", "As it was written"),
        (
            "Speed Test Skipped",
            {"date": "2026-11-20", "hindrance": "in_use"},
            "No speed test on 20 Nov: somebody is watching",
            "Kein Tempotest am 20. Nov.: es schaut jemand",
        ),
        (
            "Line Slow",
            {"low_count": 2, "of": 3, "aspects": ["download"]},
            "The line is slow: 2 of the last 3 results were too slow · download too slow",
            "Die Leitung ist langsam: 2 der letzten 3 Ergebnisse waren zu langsam · Download zu langsam",
        ),
        (
            "Line Slow",
            {"low_count": 1, "of": 1, "aspects": ["upload"]},
            "The line is slow: the last result was too slow · upload too slow",
            "Die Leitung ist langsam: Das letzte Ergebnis war zu langsam · Upload zu langsam",
        ),
        (
            "Line Slow",
            {"low_count": 1, "of": 3},
            "one of the last 3 results was too slow",
            "Eines der letzten 3 Ergebnisse war zu langsam",
        ),
        (
            "New Usual Speed",
            {
                "low_count": 3,
                "of": 3,
                "download_mbps": 50,
                "upload_mbps": 10.2,
                "before_download_mbps": 250.4,
                "before_upload_mbps": 40,
                "before_ping_ms": 11,
            },
            "This speed is usual now: download 50.0 and upload 10.2 Mbit/s. It was download 250 and upload 40.0 Mbit/s",
            "Dieses Tempo ist nun üblich: Download 50,0 und Upload 10,2 Mbit/s. Es war Download 250 und Upload 40,0",
        ),
        ("No Speed Results", {"days": 1}, "For one day no speed test", "Seit einem Tag hat kein Tempotest"),
        ("Line Fine Again", {"low_count": 0, "of": 3}, "The line is fast again", "Die Leitung ist wieder schnell"),
        ("No Speed Results", {"days": 3}, "For 3 days no speed test", "Seit 3 Tagen hat kein Tempotest"),
        (
            "Speed Test Budget",
            {"used_mb": 1650, "budget_mb": 2000, "month": "2026-11"},
            "nearly used up: 1,650 of 2,000 MB in Nov 2026",
            "fast aufgebraucht: 1.650 von 2.000 MB im Nov. 2026",
        ),
        ("Speed Wishes Changed", {"by": "ada"}, "ada changed what", "ada hat geändert, was"),
        (
            "Speed Wishes Changed",
            {"by": "ada", "changed": [["daily", True, False], ["least_download", 0.0, 62.5], ["share", 50, 0]]},
            "ada changed: daily test off instead of on · least download 62.5 Mbit/s instead of not asked for"
            " · share of the usual value not asked for instead of 50 %",
            "ada hat geändert: täglicher Test aus statt an · Mindest-Download 62,5 Mbit/s statt egal"
            " · Anteil am üblichen Wert egal statt 50 %",
        ),
        (
            "Speed Wishes Changed",
            {"by": "ada", "changed": [["alarm_after", 2, 1], ["most_ping", 40, 30.5], ["alarm_of", 3, 10]]},
            "slow results for an alarm 1 instead of 2 · most ping 30.5 ms instead of 40 ms · results looked at",
            "langsame Ergebnisse für einen Alarm 1 statt 2 · höchster Ping 30,5 ms statt 40 ms · für einen Alarm",
        ),
        (
            "Speed Wishes Changed",
            {"by": "ada", "changed": [["daily", True, False], ["moon", 1, 2]]},
            "ada changed what the line should bring",
            "ada hat geändert, was die Leitung bringen soll",
        ),
        ("Speed Wishes Changed", {"by": "ada", "changed": "all"}, "ada changed what", "ada hat geändert, was"),
    ],
)
def test_events_of_the_line_are_told_in_the_persons_language(
    kind: str, data: dict[str, object], english: str, german: str, fake: FakeHouse, open_page: Open
) -> None:
    fake.views.event_list = [Event(1, NOW, kind, Severity.INFO, "As it was written", data)]
    assert english in read(open_page())
    assert german in read(open_page(locale="de-DE"))
