"""One scan, from collecting to the report."""

from dataclasses import replace

import pytest
from rig import EVERYTHING, Rig

from keeper.demo.process import DemoPlex
from keeper.rules.types import Phase, RunStatus, ScanOptions


def flawed(plex):
    return {str(item["ratingKey"]) for item in plex.items(flawed=True)}


def test_every_broken_item_is_mended_with_one_request_each(tmp_path, serve):
    rig = Rig(tmp_path, serve("movies:200:60", never_mend=0))
    broken = {str(item["ratingKey"]) for item in rig.plex.items(flawed=True) if not item["never_mends"]}
    run = rig.scan()
    assert run.status is RunStatus.SUCCESS
    mended = {key for key, outcome in rig.outcomes(run).items() if outcome == "fixed"}
    assert mended and mended <= broken
    assert run.stats.fixed == len(mended)
    assert set(rig.puts()) >= mended and set(rig.puts().values()) == {1}
    assert run.stats.checked == 200


def test_items_are_read_together_and_not_one_by_one(tmp_path, serve):
    rig = Rig(tmp_path, serve("movies:200:60", never_mend=0))
    run = rig.scan()
    stats = rig.plex.stats()
    assert sum(stats["single_reads"].values()) + stats["multi_reads"] < run.stats.fixed / 2


def test_a_second_scan_finds_the_library_whole_and_asks_for_nothing(rig):
    rig.scan()
    rig.plex.reset_stats()
    again = rig.scan()
    assert again.stats.fixed == 0
    assert rig.puts() == {}


def test_a_dry_run_tells_what_it_would_do_and_does_nothing(rig):
    run = rig.scan(ScanOptions(days=0, dry_run=True))
    assert run.stats.would_fix == len(rig.outcomes(run)) - run.stats.skipped > 0
    assert rig.puts() == {}
    assert rig.sql("select count(*) from media_state where failed_count > 0") == [(0,)]


def test_what_never_mends_is_still_missing_and_rests_longer_each_time(tmp_path, serve):
    rig = Rig(tmp_path, serve(never_mend=1.0))
    run = rig.scan()
    failed = {key for key, outcome in rig.outcomes(run).items() if outcome == "still_missing"}
    assert failed and run.stats.failed == len(failed)
    assert set(rig.whys(run).values()) <= {"nothing_came", "locked"}
    again = rig.scan()
    assert {outcome for key, outcome in rig.outcomes(again).items() if key in failed} == {"skipped"}
    assert {why for key, why in rig.whys(again).items() if key in failed} == {"resting"}
    rested = "update media_state set next_try_at='2000-01-01T00:00:00.000Z' where next_try_at is not null"
    rig.sql(rested)
    rig.scan()
    assert rig.sql("select distinct failed_count from media_state where next_try_at is not null") == [(2,)]


def test_agents_without_ids_seasons_without_summary_and_personal_media_are_never_mended_for_ever(tmp_path, serve):
    rig = Rig(tmp_path, serve("shows:4:0,legacy:20:0,none:15:0,music:3:0"))
    run = rig.scan()
    assert run.stats.checked > 60
    assert rig.outcomes(run) == {}
    assert rig.puts() == {}


def without_poster(plex):
    """Items that lack a poster and nothing else: what they lack can be locked."""
    return [item["ratingKey"] for item in plex.items(flawed=True) if item["missing"] == ["thumb"]]


def test_locked_and_ignored_items_are_left_alone(rig):
    locked, ignored = without_poster(rig.plex)[:2]
    rig.scan(ScanOptions(days=0, dry_run=True))
    rig.items.ignore(1, [ignored], on=True)
    rig.plex.change([int(locked)], lock=["thumb"])
    run = rig.scan()
    assert (rig.outcomes(run)[ignored], rig.whys(run)[ignored]) == ("skipped", "ignored")
    assert (rig.outcomes(run)[locked], rig.whys(run)[locked]) == ("skipped", "locked")
    assert {locked, ignored}.isdisjoint(rig.puts())
    assert set(rig.outcomes(run)) <= flawed(rig.plex) | set(rig.puts())


def test_trying_a_locked_item_again_leaves_it_alone_and_flawed(rig):
    key = without_poster(rig.plex)[0]
    rig.scan(ScanOptions(days=0, dry_run=True))
    rig.plex.change([int(key)], lock=["thumb"])
    run = rig.scan(ScanOptions(keys=(key,)))
    assert (rig.outcomes(run)[key], rig.whys(run)[key]) == ("skipped", "locked")
    assert rig.sql(f"select state from media_state where rating_key='{key}'") == [("flawed",)]
    assert rig.puts() == {}


def test_a_silently_lost_refresh_is_asked_for_once_more(tmp_path, serve):
    rig = Rig(tmp_path, serve("movies:20:3", never_mend=0, lost=1.0))
    run = rig.scan()
    asked = rig.puts()
    assert run.stats.fixed > 0
    assert set(asked.values()) == {2}


def test_without_push_messages_everything_is_mended_all_the_same(rig):
    rig.plex.mode("status", code=404, paths="eventsource")
    run = rig.scan()
    assert run.status is RunStatus.SUCCESS
    assert run.stats.fixed > 0 and "fixed" in rig.outcomes(run).values()


def test_short_pages_lose_nobody(tmp_path, serve):
    rig = Rig(tmp_path, serve("movies:300:0", page_cap=40))
    assert rig.scan(ScanOptions(days=0, dry_run=True)).stats.checked == 300


def test_items_added_and_deleted_while_paging_are_counted_once(tmp_path, serve):
    rig = Rig(tmp_path, serve("movies:700:0"))
    plex, pages = rig.plex, []

    def page(client_page):
        def with_changes(section, kind, start, size):
            found = client_page(section, kind, start, size)
            pages.append(start)
            if len(pages) == 1:
                plex.add(section=1, count=5)
                plex.delete(int(found.items[0].key), int(found.items[1].key))
            return found

        return with_changes

    from keeper.world.plex import PlexClient

    original = PlexClient.page
    try:
        PlexClient.page = lambda self, *asked: page(original.__get__(self))(*asked)
        run = rig.scan(ScanOptions(days=0, dry_run=True))
    finally:
        PlexClient.page = original
    assert 695 <= run.stats.checked <= 705
    assert run.stats.checked == rig.sql("select count(*) from media_state")[0][0]


def test_the_cutoff_and_the_limit_end_the_listing_early(tmp_path, serve):
    rig = Rig(tmp_path, serve("movies:500:0"))
    recent = rig.scan(ScanOptions(days=30, dry_run=True)).stats.checked
    assert 0 < recent < 250
    assert rig.scan(ScanOptions(days=0, max_items=17, dry_run=True)).stats.checked == 17


def test_chosen_items_are_tried_whether_they_have_rested_or_not(tmp_path, serve):
    rig = Rig(tmp_path, serve(never_mend=1.0))
    failed = [key for key, outcome in rig.outcomes(rig.scan()).items() if outcome == "still_missing"]
    rig.plex.reset_stats()
    run = rig.scan(ScanOptions(keys=(failed[0], "999999")))
    assert rig.outcomes(run) == {failed[0]: "still_missing", "999999": "gone"}
    assert rig.puts() == {failed[0]: 1}


def test_an_item_that_leaves_before_its_turn_is_gone(rig):
    wanted = rig.outcomes(rig.scan(ScanOptions(days=0, dry_run=True)))
    key = next(key for key, outcome in wanted.items() if outcome == "would_fix")
    rig.plex.delete(int(key))
    run = rig.scan(ScanOptions(keys=tuple(wanted)))
    assert rig.outcomes(run)[key] == "gone"
    assert rig.sql(f"select state from media_state where rating_key='{key}'") == [("gone",)]


def test_a_library_that_is_chosen_but_not_there_is_a_failure_with_a_sentence(rig):
    run = rig.scan(ScanOptions(libraries=("Films of tomorrow",)))
    assert run.status is RunStatus.FAILED
    assert "nothing to scan" in run.error


def test_choosing_one_library_leaves_the_others_alone(tmp_path, serve):
    rig = Rig(tmp_path, serve("movies:10:0,legacy:12:0"))
    run = rig.scan(ScanOptions(days=0, libraries=("Old Movies",)))
    assert list(run.stats.libraries) == ["Old Movies"]
    assert run.stats.checked == 12


def test_hostile_titles_stay_one_line_in_the_log(rig):
    run = rig.scan(EVERYTHING)
    lines = rig.log(run).splitlines()
    assert all(line[:4] == "2026" or line[4] == "-" for line in lines)


@pytest.mark.parametrize("string_ids", [False, True])
def test_numbers_as_text_are_understood(tmp_path, serve, string_ids):
    rig = Rig(tmp_path, serve(never_mend=0))
    rig.plex.set(string_ids=string_ids)
    assert rig.scan().stats.fixed > 0


def test_the_demo_server_comes_with_no_dependency_on_the_network(tmp_path):
    with DemoPlex(library="movies:3:1") as plex:
        assert plex.url.startswith("http://127.0.0.1:")


def test_a_scan_gives_way_to_the_watchdog_and_goes_on_where_it_was(rig):
    rig.obstacle = "A folder of the library is missing."
    scan = rig.start()
    waiting = scan.until(lambda run: run.progress.phase is Phase.WAITING)
    assert waiting.progress.note == "A folder of the library is missing."
    assert rig.plex.stats()["refreshes"] == {}
    rig.obstacle = ""
    run = scan.end()
    assert run.status is RunStatus.SUCCESS
    assert "the watchdog lets scans go on" in rig.log(run)


def test_a_scan_that_waits_for_the_watchdog_can_be_cancelled(rig):
    rig.obstacle = "Plex is being updated."
    scan = rig.start()
    scan.until(lambda run: run.progress.phase is Phase.WAITING)
    rig.runs.request_cancel(scan.job_id)
    assert scan.end().status is RunStatus.CANCELLED


def test_a_scan_does_not_wait_for_the_watchdog_for_ever(rig):
    rig.obstacle = "A folder of the library is missing."
    run = rig.scan(replace(EVERYTHING, plex_wait_minutes=0))
    assert run.status is RunStatus.FAILED
    assert "waited 0 min and gave up: A folder" in run.error
    assert rig.puts() == {}
