"""Refreshing: asked for at once, done later, and not always of use."""

from __future__ import annotations

import pytest
from demo_client import LEGACY, NONE, SHOWS, until


def refresh(owner, key):
    assert owner.put(f"/library/metadata/{key}/refresh").status_code == 200


def test_a_refresh_is_accepted_at_once_and_helps_later(owner, plex, broken):
    key = broken("no_thumb", "no_summary")
    plex.set(refresh_seconds=[0.2, 0.2])
    refresh(owner, key)
    assert owner.row(key).get("thumb") is None
    assert plex.queue(wait=5) == {"waiting": 0, "in_flight": 0}
    assert owner.row(key).get("thumb")
    assert owner.row(key).get("summary")


def test_the_work_waits_in_a_queue_for_a_few_agents(owner, plex, broken):
    plex.set(refresh_seconds=[0.05, 0.05])
    many = [broken("no_summary") for _ in range(9)]
    assert owner.put(f"/library/metadata/{','.join(many)}/refresh").status_code == 200
    plex.queue(wait=5)
    stats = plex.stats()
    assert stats["max_in_flight"] == 3
    assert stats["max_waiting"] >= 6
    assert stats["processed"] == 9
    assert stats["busy_seconds"] >= 9 * 0.05
    assert 0 < stats["first_agent_at"] < stats["last_agent_at"]
    assert stats["refreshes"] == dict.fromkeys(many, 1)


def test_a_lost_refresh_is_accepted_and_forgotten_but_only_the_first_time(owner, plex, broken):
    key = broken("no_thumb")
    plex.set(lose_keys=[int(key)])
    refresh(owner, key)
    assert plex.queue() == {"waiting": 0, "in_flight": 0}
    assert plex.stats()["lost"] == 1
    refresh(owner, key)
    plex.queue(wait=5)
    assert owner.row(key).get("thumb")


def test_a_hopeless_item_is_processed_and_nothing_came(owner, plex, broken):
    key = broken("no_thumb")
    plex.change([key], hopeless=True)
    before = owner.row(key).attrib
    with owner.news("filters=timeline") as news:
        refresh(owner, key)
        assert any(entry["TimelineEntry"]["state"] == 5 for _, entry in news)
    assert owner.row(key).attrib == before


def test_a_placeholder_never_mends(owner, plex, broken):
    key = broken("placeholder")
    refresh(owner, key)
    plex.queue(wait=5)
    row = owner.row(key)
    assert row.get("title") in {"TBA", "TBD", "Episode 5", "Episode 6"}
    assert row.get("summary") == ""


def test_locked_fields_survive_a_refresh(owner, plex, broken):
    key = broken("no_thumb", "no_summary")
    plex.change([key], lock=["thumb"])
    refresh(owner, key)
    plex.queue(wait=5)
    row = owner.row(key)
    assert row.get("thumb") is None
    assert row.get("summary")
    assert [(field.get("name"), field.get("locked")) for field in row.findall("Field")] == [("thumb", "1")]


def test_locks_show_in_listings_only_where_the_server_is_so_inclined(owner, plex, broken):
    key = broken("locked_thumb")
    path = f"/library/sections/1/all?type=1&id={key}"
    assert owner.xml(path).find("Video/Field") is None
    plex.set(fields_in_rows=True)
    assert owner.xml(path).find("Video/Field").get("name") == "thumb"


def test_the_address_of_a_picture_ends_in_an_epoch_that_changes_with_it(owner, plex, broken):
    key = broken("generated_poster")
    before = owner.row(key).get("thumb")
    refresh(owner, key)
    plex.queue(wait=5)
    after = owner.row(key).get("thumb")
    assert before.rpartition("/")[0] == after.rpartition("/")[0]
    assert int(after.rpartition("/")[2]) > int(before.rpartition("/")[2])


@pytest.mark.parametrize("moves", [False, True])
def test_whether_updated_at_moves_when_nothing_changed_is_a_switch(owner, plex, moves):
    plex.set(touch_unchanged=moves)
    key = owner.xml("/library/sections/1/all?type=1&sort=id:asc")[0].get("ratingKey")
    plex.queue(wait=5)
    refresh(owner, key)
    plex.queue(wait=5)
    before = owner.row(key).get("updatedAt")
    refresh(owner, key)
    plex.queue(wait=5)
    assert (owner.row(key).get("updatedAt") != before) is moves


def test_a_refresh_of_a_show_walks_down_to_its_episodes(owner, plex, broken):
    key = broken(section=SHOWS)
    episodes = owner.xml(f"/library/metadata/{key}/allLeaves")
    broken_one = episodes[0].get("ratingKey")
    plex.change([broken_one], flaws=["no_summary"])
    refresh(owner, key)
    plex.queue(wait=5)
    assert owner.row(broken_one).get("summary")
    assert plex.stats()["processed"] == 1 + 1 + len(episodes)


def test_an_item_of_a_legacy_agent_mends_but_never_gets_guids(owner, plex, broken):
    key = broken("no_thumb", section=LEGACY)
    refresh(owner, key)
    plex.queue(wait=5)
    assert owner.row(key).get("thumb")
    assert owner.row(key).find("Guid") is None


def test_without_an_agent_a_refresh_changes_nothing_but_an_analysis_cuts_a_frame(owner, plex, broken):
    key = broken("no_thumb", section=NONE)
    refresh(owner, key)
    plex.queue(wait=5)
    assert owner.row(key).get("thumb") is None
    assert owner.put(f"/library/metadata/{key}/analyze").status_code == 200
    plex.queue(wait=5)
    assert owner.row(key).get("thumb")


def test_the_section_stops_refreshing_long_before_the_queue_is_empty(owner, plex, api):
    plex.set(refresh_seconds=[0.02, 0.02], section_refreshing_seconds=0.05)
    section = api.library.sectionByID(1)
    section.refresh()
    until(lambda: _refreshing(owner) == "1")
    until(lambda: _refreshing(owner) == "0")
    assert section.timeline().updateQueueSize > 0
    assert plex.stats()["waiting"] > 0
    plex.queue(wait=10)
    assert section.timeline().updateQueueSize == 0


def _refreshing(owner):
    return owner.xml("/library/sections")[0].get("refreshing")


def test_a_deleted_item_is_not_refreshed_any_more(owner, plex, broken):
    key = broken("no_thumb")
    plex.set(refresh_seconds=[0.1, 0.1])
    refresh(owner, key)
    plex.delete(key)
    plex.queue(wait=5)
    assert plex.stats()["processed"] == 0
    assert owner.put(f"/library/metadata/{key}/refresh").status_code == 404


def test_an_unmatched_item_can_be_matched_by_hand(api, owner, plex, broken):
    plex.set(refresh_matches=False)
    key = broken("unmatched", "no_summary")
    refresh(owner, key)
    plex.queue(wait=5)
    item = api.fetchItem(int(key))
    assert item.guid == f"local://{key}"
    match = item.matches()[0]
    assert match.guid.startswith("plex://movie/")
    item.fixMatch(match)
    plex.queue(wait=5)
    assert owner.row(key).get("guid") == match.guid
    assert len(owner.row(key).findall("Guid")) == 3
    item.unmatch()
    assert owner.row(key).get("guid") == f"local://{key}"


def test_manual_matches_have_a_score_only_with_legacy_agents(owner, broken):
    modern = owner.xml(f"/library/metadata/{broken()}/matches?manual=1")
    legacy = owner.xml(f"/library/metadata/{broken(section=LEGACY)}/matches?manual=1")
    assert modern[0].get("score") is None
    assert legacy[0].get("score") == "106"


def test_emptying_the_trash_takes_the_trashed_items_away(owner, plex, broken):
    key = broken()
    plex.change([key], trashed=True)
    assert owner.put("/library/sections/2/emptyTrash").status_code == 200
    assert owner(f"/library/metadata/{key}").status_code == 200
    assert owner.put("/library/sections/1/emptyTrash").status_code == 200
    assert owner(f"/library/metadata/{key}").status_code == 404
