"""What items owe, by agent and kind."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.rules import library
from keeper.rules.types import AgentFamily, Item, Kind, Known, Missing, Section, Suspect, Why

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def item(**changes):
    whole = Item(
        key="1", kind="movie", title="Alien", parent="", guid="plex://movie/5d77", has_ids=True, thumb="/t/1",
        art="/a/1", summary="In space.", year=1979, added_at=1, updated_at=1,
    )  # fmt: skip
    return whole._replace(**changes)


def suspect(title="Alien"):
    return Suspect("1", "1", "Movies", "movie", title, "", 1979, ("poster",))


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        ("tv.plex.agents.movie", AgentFamily.NEW),
        ("tv.plex.agents.none", AgentFamily.NONE),
        ("com.plexapp.agents.none", AgentFamily.NONE),
        ("com.plexapp.agents.imdb", AgentFamily.LEGACY),
        ("tv.plex.agents.custom.some.one", AgentFamily.CUSTOM),
        ("hama", AgentFamily.CUSTOM),
    ],
)
def test_agents_fall_into_four_families(agent, family):
    assert library.agent_family(agent) is family


@pytest.mark.parametrize("family", AgentFamily)
def test_a_whole_item_lacks_nothing_under_any_agent(family):
    assert library.lacks(item(), family, ("year", "art")) == ()


@pytest.mark.parametrize("family", AgentFamily)
def test_a_poster_is_owed_under_every_agent(family):
    assert library.lacks(item(thumb=""), family) == (Missing.POSTER,)


@pytest.mark.parametrize("kind", [Kind.SEASON, Kind.ARTIST, Kind.ALBUM])
def test_an_empty_summary_is_normal_for_seasons_artists_and_albums(kind):
    assert library.lacks(item(kind=kind.value, summary=""), AgentFamily.NEW) == ()


def test_an_empty_summary_is_normal_for_personal_media():
    assert library.lacks(item(summary="", guid="com.plexapp.agents.none://1", has_ids=False), AgentFamily.NONE) == ()


@pytest.mark.parametrize("family", [AgentFamily.LEGACY, AgentFamily.CUSTOM])
def test_agents_that_never_show_ids_never_owe_them(family):
    assert library.lacks(item(has_ids=False, guid="com.plexapp.agents.imdb://tt1?lang=en"), family) == ()


def test_a_legacy_guid_in_a_library_of_a_new_agent_owes_no_ids_either():
    assert library.lacks(item(has_ids=False, guid="com.plexapp.agents.imdb://tt1"), AgentFamily.NEW) == ()


def test_a_new_agent_owes_ids_for_what_it_matched():
    assert library.lacks(item(has_ids=False), AgentFamily.NEW) == (Missing.IDS,)


def test_music_of_a_new_agent_owes_no_ids():
    assert library.lacks(item(kind="album", has_ids=False), AgentFamily.NEW) == ()


@pytest.mark.parametrize("family", [AgentFamily.NEW, AgentFamily.LEGACY, AgentFamily.CUSTOM])
def test_a_local_guid_means_unmatched(family):
    assert library.lacks(item(guid="local://1", has_ids=False), family) == (Missing.MATCH,)


def test_personal_media_are_never_unmatched():
    assert library.lacks(item(guid="local://1", has_ids=False), AgentFamily.NONE) == ()


def test_year_and_art_are_owed_only_when_asked_for():
    bare = item(year=0, art="")
    assert library.lacks(bare, AgentFamily.NEW) == ()
    assert library.lacks(bare, AgentFamily.NEW, ("year", "art")) == (Missing.YEAR, Missing.ART)
    assert library.lacks(bare._replace(kind="episode"), AgentFamily.NEW, ("year", "art")) == ()


def test_hidden_seasons_owe_nothing():
    assert library.lacks(item(kind="season", thumb="", hidden_season=True), AgentFamily.NEW) == ()


def test_a_locked_field_is_nobodys_debt():
    bare = item(thumb="", summary="", locked=frozenset({"thumb"}))
    assert library.lacks(bare, AgentFamily.NEW) == (Missing.SUMMARY,)


def test_ignored_items_rest_before_anything_else():
    known = Known(ignored=True, next_try_at=NOW + timedelta(days=1))
    assert library.reason_to_rest(item(thumb=""), ("poster",), known, NOW) is Why.IGNORED


def test_an_unmatched_item_that_was_edited_by_hand_is_left_alone():
    edited = item(guid="local://1", locked=frozenset({"title"}))
    assert library.reason_to_rest(edited, (Missing.MATCH,), None, NOW) is Why.LOCKED


def test_an_item_whose_every_gap_is_locked_is_left_alone():
    assert library.reason_to_rest(item(thumb="", locked=frozenset({"thumb"})), (), None, NOW) is Why.LOCKED


def test_a_failed_item_rests_until_its_time_and_not_longer():
    known = Known(failed_count=1, next_try_at=NOW)
    assert library.reason_to_rest(item(thumb=""), ("poster",), known, NOW - timedelta(seconds=1)) is Why.RESTING
    assert library.reason_to_rest(item(thumb=""), ("poster",), known, NOW) is None


def test_an_item_nobody_knows_may_be_refreshed():
    assert library.reason_to_rest(item(thumb=""), ("poster",), None, NOW) is None


@pytest.mark.parametrize("title", ["TBA", "tbd", "Episode 5", "episode 12"])
def test_placeholder_titles_are_recognised(title):
    assert library.is_placeholder(title)


@pytest.mark.parametrize("title", ["Alien", "Episode Five", "Episode 5 of 6", ""])
def test_other_titles_are_no_placeholders(title):
    assert not library.is_placeholder(title)


def test_rest_doubles_and_placeholders_rest_three_times_as_long():
    hours = [(library.rest_until(NOW, failed, 24, suspect()) - NOW) / timedelta(hours=1) for failed in range(4)]
    assert hours == [24, 48, 96, 192]
    assert library.rest_until(NOW, 0, 24, suspect("Episode 5")) == NOW + timedelta(hours=72)


@given(st.integers(0, 10_000), st.floats(0.1, 1000))
def test_rest_grows_and_never_exceeds_thirty_days(failed, hours):
    first = library.rest_until(NOW, failed, hours, suspect())
    assert NOW < first <= library.rest_until(NOW, failed + 1, hours, suspect()) <= NOW + library.LONGEST_REST


@pytest.mark.parametrize(("kind", "can"), [("movie", True), ("show", True), ("artist", True), ("photo", False)])
def test_photos_are_not_judged(kind, can):
    assert library.can_be_judged(Section("1", kind, "X", "a")) is can


@given(st.lists(st.one_of(st.integers(0, 10**13).map(str), st.text(max_size=6), st.just("007"))))
def test_seen_keys_say_new_exactly_once(keys):
    seen, reference = library.SeenKeys(), set()
    for key in keys:
        assert seen.add(key) is (key not in reference)
        reference.add(key)
