"""Listings: rows, pages, orders, filters, and what is absent when it is missing."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from demo_client import LEGACY, MOVIES, MUSIC, NONE, SHOWS

ALL = f"/library/sections/{MOVIES}/all"
SINGLE = {"UltraBlurColors", "Meta", "User", "Player", "Session", "TranscodeSession", "Context"}


def keys(root: ET.Element) -> list[str]:
    return [row.get("ratingKey", "") for row in root]


def as_text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def of_json(name: str, data: dict[str, Any]) -> list[Any]:
    """(attributes, children) of a JSON object, children as (name, ...) in a sorted list."""
    plain = {key: as_text(value) for key, value in data.items() if not isinstance(value, dict | list)}
    inside = [(key, value if isinstance(value, list) else [value]) for key, value in data.items()]
    children = [of_json(key, one) for key, many in inside for one in many if isinstance(one, dict)]
    return [name, plain, sorted(children, key=repr)]


def of_xml(node: ET.Element) -> list[Any]:
    name = "Metadata" if node.get("ratingKey") and node.tag in {"Video", "Directory", "Track", "Photo"} else node.tag
    return [name, dict(node.attrib), sorted((of_xml(child) for child in node), key=repr)]


@pytest.mark.parametrize(
    "path",
    [
        "/identity",
        "/library/sections",
        f"{ALL}?type=1&includeGuids=1&X-Plex-Container-Start=0&X-Plex-Container-Size=20",
        f"{ALL}?includeMeta=1&X-Plex-Container-Start=0&X-Plex-Container-Size=0",
        f"/library/sections/{SHOWS}/all?type=4&includeGuids=1",
        f"/library/sections/{MUSIC}/all?type=10",
        f"{ALL}?type=1&excludeElements=Media,Role&excludeFields=summary",
        "/library/metadata/1001,1002,1003?skipRefresh=1",
        "/library/sections/1/timeline",
        "/library/metadata/1001/posters",
        "/library/metadata/1001/matches",
        "/butler",
        "/:/prefs",
        "/myplex/account",
        "/activities",
    ],
)
def test_json_and_xml_say_the_same(owner, path):
    [(name, data)] = owner.json(path).items()
    assert of_json(name, data) == of_xml(owner.xml(path))


def test_without_paging_there_is_no_total(owner):
    root = owner.xml(f"{ALL}?type=1")
    assert root.get("totalSize") is root.get("offset") is None
    assert len(root) == int(root.get("size"))


@pytest.mark.parametrize("how", ["params", "headers"])
def test_paging_works_by_query_and_by_header(owner, how):
    page = {"X-Plex-Container-Start": "10", "X-Plex-Container-Size": "5"}
    answer = owner(f"{ALL}?type=1", **{how: page})
    root = ET.fromstring(answer.content)
    assert (root.get("offset"), root.get("size"), len(root)) == ("10", "5", 5)
    assert int(root.get("totalSize")) >= 60
    assert answer.headers["X-Plex-Container-Start"] == "10"
    assert answer.headers["X-Plex-Container-Total-Size"] == root.get("totalSize")


def test_size_zero_is_a_count(owner):
    root = owner.xml(f"{ALL}?type=1&X-Plex-Container-Start=0&X-Plex-Container-Size=0")
    assert len(root) == 0
    assert int(root.get("totalSize")) >= 60


def test_a_cap_returns_short_pages_and_plexapi_loses_rows_by_it(owner, plex, api):
    plex.set(page_cap=7)
    root = owner.xml(f"{ALL}?type=1&X-Plex-Container-Start=0&X-Plex-Container-Size=20")
    assert len(root) == int(root.get("size")) == 7
    assert len(api.fetchItems(f"{ALL}?type=1", container_size=20)) < int(root.get("totalSize"))


def test_rows_do_not_repeat_their_section_but_the_detail_does(owner):
    root = owner.xml(f"{ALL}?type=1")
    assert root.get("librarySectionID") == "1"
    assert all(row.get("librarySectionID") is None for row in root)
    assert owner.row(1001).get("librarySectionID") == "1"


@pytest.mark.parametrize(
    ("flaw", "attribute"), [("no_thumb", "thumb"), ("no_art", "art"), ("no_year", "year"), ("no_guid", "rating")]
)
def test_what_is_missing_is_absent(owner, broken, flaw, attribute):
    assert owner.row(broken()).get(attribute)
    assert owner.row(broken(flaw)).get(attribute) is None


def test_a_missing_summary_is_there_but_empty(owner, broken):
    assert owner.row(broken("no_summary")).get("summary") == ""


def test_guids_come_in_listings_only_when_asked_for_and_in_the_detail_always(owner):
    key = owner.xml(f"{ALL}?type=1&includeGuids=1&sort=id:asc").find("Video[Guid]").get("ratingKey")
    assert owner.xml(f"{ALL}?type=1").find("Video/Guid") is None
    assert len(owner.row(key).findall("Guid")) == 3


def test_episodes_have_guids_too(owner):
    rows = owner.xml(f"/library/sections/{SHOWS}/all?type=4&includeGuids=1")
    assert all(row.find("Guid") is not None for row in rows)


@pytest.mark.parametrize(
    ("section", "start"), [(LEGACY, "com.plexapp.agents.imdb://tt"), (NONE, "com.plexapp.agents.none://")]
)
def test_old_agents_and_no_agent_never_have_guids(owner, section, start):
    rows = owner.xml(f"/library/sections/{section}/all?includeGuids=1")
    assert all(row.get("guid").startswith(start) for row in rows)
    assert rows.find("Video/Guid") is None
    assert owner.row(rows[0].get("ratingKey")).find("Guid") is None


def test_a_matched_item_has_a_plex_guid_and_an_unmatched_one_a_local_guid(owner, broken):
    assert owner.row(broken()).get("guid").startswith("plex://movie/")
    key = broken("unmatched")
    assert owner.row(key).get("guid") == f"local://{key}"
    assert owner.row(key).find("Guid") is None


def test_unmatched_and_trash_are_counters(owner, plex, broken):
    def count(name: str) -> int:
        return int(
            owner.xml(f"{ALL}?type=1&{name}=1&X-Plex-Container-Start=0&X-Plex-Container-Size=0").get("totalSize")
        )

    before = count("unmatched"), count("trash")
    key = broken("unmatched")
    plex.change([key], trashed=True)
    assert (count("unmatched"), count("trash")) == (before[0] + 1, before[1] + 1)


def test_new_items_come_first_by_date(owner, broken):
    key = broken()
    dates = [int(row.get("addedAt")) for row in owner.xml(f"{ALL}?type=1&sort=addedAt:desc")]
    assert dates == sorted(dates, reverse=True)
    assert keys(owner.xml(f"{ALL}?type=1&sort=addedAt:desc"))[0] == key
    assert keys(owner.xml(f"{ALL}?type=1&sort=addedAt:asc"))[-1] == key


def test_titles_are_sorted_without_their_article(owner):
    titles = [row.get("titleSort") or row.get("title") for row in owner.xml(f"{ALL}?type=1")]
    assert titles == sorted(titles, key=str.casefold)


@pytest.mark.parametrize("cutoff", ["-30d", str(int(time.time()) - 30 * 86400)], ids=["relative", "absolute"])
def test_dates_filter_relative_and_absolute(owner, cutoff):
    every = owner.xml(f"{ALL}?type=1")
    young = owner.xml(f"{ALL}?type=1&addedAt>>={cutoff}")
    old = owner.xml(f"{ALL}?type=1&addedAt%3C%3C={cutoff}")
    assert len(young) > 0
    assert len(old) > 0
    assert sorted(keys(young) + keys(old)) == sorted(keys(every))


def test_an_unknown_filter_is_refused_and_remembered(owner, plex):
    assert owner(f"{ALL}?type=1&thumb=0").status_code == 400
    assert plex.stats()["unknown_filters"] == ["thumb"]


def test_the_wrong_type_for_a_section_is_an_empty_list(owner):
    assert len(owner.xml(f"{ALL}?type=4")) == 0


def test_limit_gives_no_true_total(owner):
    root = owner.xml(f"{ALL}?type=1&limit=3")
    assert len(root) == 3
    assert root.get("totalSize") is None


def test_elements_and_fields_can_be_left_out(owner):
    root = owner.xml(f"{ALL}?type=1&includeGuids=1&excludeElements=Media,Role,Genre&excludeFields=summary")
    assert {child.tag for row in root for child in row}.isdisjoint({"Media", "Role", "Genre"})
    assert root.find("Video/Guid") is not None
    assert all(row.get("summary") is None for row in root)


def test_include_meta_serves_what_plexapi_needs_to_search(api):
    section = api.library.sectionByID(MOVIES)
    assert {"addedAt", "unmatched", "trash"} <= {field.key for field in section.listFields()}
    assert (
        section.search(sort="addedAt:desc", maxresults=3)[0].addedAt >= section.search(sort="addedAt:desc")[3].addedAt
    )
    assert all(item.guid.startswith("local://") for item in section.search(unmatched=True))
    assert section.search(**{"addedAt>>": "-30d"})
    title = section.all()[0].title
    assert title in [item.title for item in section.search(title=title)]


def test_many_items_in_one_request_leave_out_the_unknown(owner, plex):
    root = owner.xml("/library/metadata/1002,999999,1001?skipRefresh=1")
    assert keys(root) == ["1002", "1001"]
    assert owner("/library/metadata/999998,999999").status_code == 404
    stats = plex.stats()
    assert (stats["multi_reads"], stats["multi_read_items"]) == (2, 5)


def test_behind_nginx_a_long_request_line_is_a_414(owner, plex):
    path = "/library/metadata/1001," + ",".join(["999999"] * 1500)
    assert owner(path).status_code == 200
    plex.set(behind_nginx=True)
    assert owner(path).status_code == 414


def test_shows_know_their_seasons_and_episodes(api):
    show = api.library.sectionByID(SHOWS).all()[0]
    assert len(show.seasons()) == show.childCount == 2
    assert len(show.episodes()) == show.leafCount == 12
    episode = show.episodes()[0]
    assert (episode.grandparentTitle, episode.seasonNumber, episode.index) == (show.title, 1, 1)
    assert episode.summary


def test_seasons_albums_and_tracks_have_no_summary_and_that_is_normal(owner):
    for section, kind in ((SHOWS, 3), (MUSIC, 9), (MUSIC, 10)):
        rows = owner.xml(f"/library/sections/{section}/all?type={kind}")
        assert {row.get("summary") for row in rows} == {""}


def test_a_track_shows_the_picture_of_its_album(owner):
    track = owner.xml(f"/library/sections/{MUSIC}/all?type=10")[0]
    assert track.get("thumb") == track.get("parentThumb")
    assert f"/{track.get('parentRatingKey')}/" in track.get("thumb")


def test_deleted_items_are_gone(owner, plex, broken):
    key = broken()
    assert plex.delete(key) == [int(key)]
    assert owner(f"/library/metadata/{key}").status_code == 404
    assert keys(owner.xml(f"/library/metadata/1001,{key}")) == ["1001"]
    assert key not in keys(owner.xml(f"{ALL}?type=1"))


def test_the_files_can_be_checked(owner):
    part = owner.xml("/library/metadata/1001?checkFiles=1&skipRefresh=1").find("Video/Media/Part")
    assert (part.get("accessible"), part.get("exists")) == ("1", "1")
