"""What the screens show and do, on a fake house."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from streamlit.testing.v1 import AppTest
from ui_house import HOSTILE, NOW, REFUSAL, FakeHouse, Open, running

from keeper.rules.types import Cause, ItemFilter, Preferences, RunStatus, ScanOptions
from keeper.ui.parts import plain


def text_of(page: AppTest) -> str:
    """Everything a person can read."""
    kinds = (page.title, page.markdown, page.caption, page.text, page.error, page.warning, page.html, page.metric)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


# --- frame ---


def test_language_follows_the_browser(fake: FakeHouse, open_page: Open) -> None:
    assert open_page(locale="de-DE").title[0].value.endswith("Plex läuft")
    assert open_page(locale="en-US").title[0].value.endswith("Plex is fine")
    assert open_page(locale="fr-FR").title[0].value.endswith("Plex is fine")


def test_every_run_of_a_page_is_counted(fake: FakeHouse, open_page: Open) -> None:
    open_page().run()
    assert fake.page_runs == 2


def test_a_chosen_language_beats_the_browser(fake: FakeHouse, open_page: Open) -> None:
    fake.saved = Preferences(language="de")
    assert open_page(locale="en-GB").title[0].value.endswith("Plex läuft")
    assert open_page(locale="de-DE", lang="en").title[0].value.endswith("Plex is fine")


def test_switching_the_language_is_remembered(fake: FakeHouse, open_page: Open) -> None:
    page = open_page()
    page.segmented_control(key="language").set_value("de").run()
    assert page.title[0].value.endswith("Plex läuft")
    assert fake.saved.language == "de"
    assert fake.acts[0][2] == "ada"


def test_demo_says_so_and_how_to_leave_it(fake: FakeHouse, open_page: Open) -> None:
    assert "PLEX_URL" in text_of(open_page())
    fake.settings.demo = False
    assert "PLEX_URL" not in text_of(open_page())


def test_another_process_with_the_engine_is_named(fake: FakeHouse, open_page: Open) -> None:
    fake.holder = "pid 4711 on nas"
    assert "pid 4711 on nas" in text_of(open_page())


def test_a_strange_time_zone_does_no_harm(fake: FakeHouse, open_page: Open) -> None:
    assert not open_page(zone="Mars/Olympus").exception
    assert not open_page(zone="../etc/passwd").exception


# --- overview ---


def test_overview_in_the_first_minute(bare: FakeHouse, open_page: Open) -> None:
    page = open_page()
    assert not page.exception
    assert page.title[0].value.endswith("Plex has not been looked at yet")
    assert "not scanned yet" in text_of(page)
    assert "not monitored" in text_of(page)


def test_an_old_look_is_unknown_not_fine(fake: FakeHouse, open_page: Open) -> None:
    assert fake.views.check
    fake.views.check = replace(fake.views.check, at=NOW - timedelta(hours=3))
    page = open_page()
    assert page.title[0].value.endswith("State of Plex unknown")
    assert "Plex is fine" in text_of(page)  # what the old look said is still told
    assert ":green[" not in page.title[0].value


def test_each_cause_has_a_headline_and_advice(fake: FakeHouse, open_page: Open) -> None:
    assert fake.views.check
    for cause in Cause:
        fake.views.check = replace(fake.views.check, cause=cause)
        assert not open_page().exception


def test_look_now_asks_the_engine(fake: FakeHouse, open_page: Open) -> None:
    page = open_page()
    page.button(key="look-now").click().run()
    assert fake.acts == [("check", "ada")]
    assert page.toast


def test_start_takes_the_saved_wishes(fake: FakeHouse, open_page: Open) -> None:
    fake.saved = Preferences(libraries=("2",), days=7, kinds=("show",), refresh_parallel=3)
    open_page().button(key="start").click().run()
    assert fake.acts == [("start", ScanOptions(libraries=("2",), days=7, kinds=("show",), refresh_parallel=3), "ada")]


def test_a_refused_start_says_why_and_escapes_it(fake: FakeHouse, open_page: Open) -> None:
    fake.refuse = REFUSAL
    page = open_page()
    page.button(key="start").click().run()
    assert page.error[0].value == plain(REFUSAL.sentence)


def test_a_running_scan_shows_progress_and_asks_before_it_cancels(fake: FakeHouse, open_page: Open) -> None:
    busy = running(fake)
    page = open_page()
    assert page.progress[0].value == 39
    assert "34 of 87" in page.progress[0].text
    assert "about 2 min left" in text_of(page)
    page.button(key=f"cancel-{busy.job_id}").click().run()
    assert fake.acts == []
    page.button(key="cancel-yes").click().run()
    assert fake.acts == [("cancel", busy.job_id, "ada")]


def test_a_run_that_is_being_cancelled_cannot_be_cancelled_again(fake: FakeHouse, open_page: Open) -> None:
    busy = running(fake)
    fake.views.run_list[0] = replace(busy, cancel_requested=True)
    page = open_page()
    assert page.button(key=f"cancel-{busy.job_id}").disabled
    assert "Cancelling" in text_of(page)


def test_hostile_titles_stay_text(fake: FakeHouse, open_page: Open) -> None:
    running(fake)
    for name in ("overview", "library", "runs"):
        page = open_page(name)
        assert not page.exception
        read = [e.value for kind in (page.markdown, page.caption, page.title) for e in kind]
        assert any("bold" in said for said in read) or name == "runs"
        assert not any(re.search(r":material/home:|\*\*bold|(?<!\\)<img|(?<!\\)\[click|www\.", said) for said in read)


# --- library ---


def test_library_in_the_first_minute_offers_a_scan(bare: FakeHouse, open_page: Open) -> None:
    page = open_page("library")
    assert not page.exception
    assert "Nothing is known of your libraries yet" in text_of(page)
    page.button(key="scan-start").click().run()
    assert bare.acts == [("start", ScanOptions(), "ada")]


def test_a_count_opens_its_list(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("library")
    page.button(key="count-1-resting").click().run()
    assert fake.views.asked[-1] == ItemFilter(state="resting", section_key="1")
    assert [text.value for text in page.text] == ["Resting one (2021)"]


def test_search_and_filter(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("library")
    page.text_input(key="find-search").set_value("film 42").run()
    assert [text.value for text in page.text] == ["The Long Film 42 (2021)"]
    page.selectbox(key="find-missing").set_value("year").run()
    assert "No item fits this filter" in text_of(page)
    page.button(key="find-clear").click().run()
    assert fake.views.asked[-1] == ItemFilter()


def test_the_second_page_and_a_list_that_became_shorter(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("library")
    page.pagination(key="find-page").set_value(3).run()
    assert page.text[0].value == "The Long Film 51 (2021)"
    del fake.views.rows[30:]
    page.run()
    assert page.text[0].value == "The Long Film 26 (2021)"


def test_a_tick_belongs_to_the_item_not_to_its_place(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("library")
    page.checkbox(key="pick-5").check().run()
    fake.views.rows.pop(0)  # everything moves up
    page.run()
    page.button(key="do-try_again").click().run()
    assert fake.acts == [("retry", ("5",), "ada")]
    assert not page.checkbox(key="pick-5").value


def test_ignore_and_stop_ignoring(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("library")
    page.checkbox(key="pick-5").check().run()
    page.button(key="do-ignore").click().run()
    page.checkbox(key="pick-2").check().run()
    page.button(key="do-unignore").click().run()
    assert fake.acts == [("ignore", ("5",), True, "ada"), ("ignore", ("2",), False, "ada")]


def test_all_on_this_page(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("library")
    page.checkbox(key="pick-page").check().run()
    page.button(key="do-try_again").click().run()
    assert len(fake.acts[0][1]) == 25


def test_a_refused_retry_keeps_the_ticks(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("library")
    page.checkbox(key="pick-5").check().run()
    fake.refuse = REFUSAL
    page.button(key="do-try_again").click().run()
    assert page.error
    assert page.checkbox(key="pick-5").value


def scan_view(open_page: Open, **more: str) -> AppTest:
    page = open_page("library", **more)
    return page.segmented_control(key="library-view").set_value("scan").run()


def test_looking_at_the_page_saves_nothing_while_plex_is_down(fake: FakeHouse, open_page: Open) -> None:
    assert fake.views.check
    fake.views.check = replace(fake.views.check, cause=Cause.DOWN)
    fake.views.section_list = []
    before = fake.saved
    page = scan_view(open_page)
    assert not page.exception
    page.segmented_control(key="library-view").set_value("daily").run()
    assert fake.acts == []
    assert fake.saved == before
    assert fake.saved.libraries == ("1", "4", "9")


def test_libraries_not_seen_now_are_grey_and_keep_their_tick(fake: FakeHouse, open_page: Open) -> None:
    page = scan_view(open_page)
    labels = {box.key: box.label for box in page.checkbox}
    assert "not seen since" in labels["wish-library-4"]
    assert labels["wish-library-9"].startswith(":gray[")
    assert not labels["wish-library-1"].startswith(":gray[")
    assert all(page.checkbox(key=f"wish-library-{key}").value for key in ("1", "4", "9"))


def test_wishes_are_kept_only_by_the_save_button(fake: FakeHouse, open_page: Open) -> None:
    page = scan_view(open_page)
    assert page.button(key="wish-save").disabled
    page.checkbox(key="wish-library-2").check().run()
    page.number_input(key="wish-days").set_value(90).run()
    assert "Not saved yet" in text_of(page)
    assert fake.acts == []
    page.button(key="wish-save").click().run()
    assert set(fake.saved.libraries) == {"1", "2", "4", "9"}
    assert fake.saved.days == 90
    assert fake.saved.schedule_enabled
    assert "Not saved yet" not in text_of(page)


def test_discard_goes_back_to_what_is_saved(fake: FakeHouse, open_page: Open) -> None:
    page = scan_view(open_page)
    page.number_input(key="wish-days").set_value(90).run()
    page.button(key="wish-discard").click().run()
    assert page.number_input(key="wish-days").value == 30
    assert fake.acts == []


def test_a_scan_can_differ_from_the_default_without_changing_it(fake: FakeHouse, open_page: Open) -> None:
    page = scan_view(open_page)
    page.segmented_control(key="wish-all").set_value("all").run()
    page.number_input(key="wish-max").set_value(50).run()
    page.button(key="scan-dry").click().run()
    assert fake.acts == [("start", ScanOptions(libraries=(), max_items=50, dry_run=True), "ada")]
    assert fake.saved.libraries == ("1", "4", "9")


def test_no_library_is_not_all_libraries(fake: FakeHouse, open_page: Open) -> None:
    page = scan_view(open_page)
    for key in ("1", "4", "9"):
        page.checkbox(key=f"wish-library-{key}").uncheck()
    page.run()
    assert page.button(key="scan-start").disabled
    assert page.button(key="wish-save").disabled
    assert "Choose at least one library" in text_of(page)


def daily_view(open_page: Open, **more: str) -> AppTest:
    page = open_page("library", **more)
    return page.segmented_control(key="library-view").set_value("daily").run()


def test_the_schedule_is_kept_only_by_its_button(fake: FakeHouse, open_page: Open) -> None:
    page = daily_view(open_page)
    assert "tomorrow, 04:29" in text_of(page)
    page.segmented_control(key="daily-how").set_value("cron").run()
    page.text_input(key="daily-cron").set_value("0 5 * * 1-5").run()
    assert fake.acts == []
    page.button(key="daily-save").click().run()
    assert (fake.saved.schedule, fake.saved.schedule_enabled) == ("0 5 * * 1-5", True)
    assert fake.saved.libraries == ("1", "4", "9")


def test_a_wrong_schedule_says_so_and_is_not_saved(fake: FakeHouse, open_page: Open) -> None:
    fake.refuse = REFUSAL
    page = daily_view(open_page, locale="de-DE")
    page.toggle(key="daily-on").set_value(False).run()
    page.button(key="daily-save").click().run()
    assert page.error[0].value == "Das geht bei diesem Scan gerade nicht."
    assert fake.saved.schedule_enabled


# --- runs ---


def test_runs_in_the_first_minute(bare: FakeHouse, open_page: Open) -> None:
    page = open_page("runs")
    assert not page.exception
    assert "No scan has run yet" in text_of(page)


def test_runs_are_listed_with_status_and_figures(fake: FakeHouse, open_page: Open) -> None:
    said = text_of(open_page("runs"))
    for words in ("Done", "Failed", "Cancelled", "Interrupted", "75 mended", "3 min 20 s", "Daily scan"):
        assert words in said


def test_a_link_opens_a_run(fake: FakeHouse, open_page: Open) -> None:
    job_id = fake.views.run_list[1].job_id
    page = open_page("runs", job=job_id)
    assert page.title[0].value == "Scan: Movies, Shows"
    assert "did not answer" in page.error[0].value
    page.button(key="resume").click().run()
    assert fake.acts == [("resume", job_id, "ada")]


def test_a_run_that_is_not_there_is_said_to_be_gone(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("runs", job="<b>nonsense")
    assert not page.exception
    assert "no run with this number" in text_of(page)


def test_items_of_a_run(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("runs", job=fake.views.run_list[0].job_id)
    assert page.text[0].value == f"{HOSTILE} (2021)"
    page.selectbox(key="run-outcome").set_value("open").run()
    assert fake.views.asked[-1].outcome == "open"
    assert "Not reached yet" in text_of(page)


def test_log_shows_its_end_only(fake: FakeHouse, open_page: Open, tmp_path: object) -> None:
    from pathlib import Path

    fake.log_path = Path(str(tmp_path)) / "scan.log"
    fake.log_path.write_text(fake.log)
    page = open_page("runs", job=fake.views.run_list[0].job_id)
    page.session_state["run-tab"] = "Log"
    page.run()
    tail = page.text[-1].value
    assert tail.count("\n") == 199
    assert tail.endswith(fake.log[-40:])
    assert "KB" in text_of(page)


def test_facts_of_a_run(fake: FakeHouse, open_page: Open) -> None:
    page = open_page("runs", job=fake.views.run_list[2].job_id)
    page.session_state["run-tab"] = "Facts"
    page.run()
    assert not page.exception
    assert page.table


def test_only_unfinished_runs_can_be_resumed(fake: FakeHouse, open_page: Open) -> None:
    for run in fake.views.run_list:
        page = open_page("runs", job=run.job_id)
        offered = any(button.key == "resume" for button in page.button)
        assert offered == (run.status is not RunStatus.SUCCESS)
