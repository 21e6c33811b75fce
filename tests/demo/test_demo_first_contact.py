"""Coming in: tokens, roles, languages, error pages."""

from __future__ import annotations

import pytest
from demo_client import Client

JSON = {"Accept": "application/json"}
ADMIN_CALLS = [
    "/status/sessions",
    "/activities",
    "/butler",
    "/updater/status",
    "/:/prefs",
    "/library/sections/1/refresh",
]


def test_identity_needs_no_token(stranger, plex):
    root = stranger.xml("/identity")
    assert root.tag == "MediaContainer"
    assert root.get("machineIdentifier") == plex.machine_identifier
    assert root.get("claimed") == "1"
    assert root.get("version").startswith("1.43.")


@pytest.mark.parametrize("path", ["/", "/library/sections", "/library/metadata/1001", "/nothing/here"])
def test_everything_else_without_a_token_is_the_page_of_193_bytes(stranger, path):
    answer = stranger(path)
    assert answer.status_code == 401
    assert len(answer.content) == 193
    assert b"<title>Unauthorized</title>" in answer.content
    assert answer.headers["X-Plex-Protocol"] == "1.0"
    assert answer.headers["Connection"] == "close"
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_wrong_token_is_as_good_as_none(plex):
    assert Client(plex, "wrong")("/").status_code == 401


def test_the_token_may_come_in_the_query(stranger, plex):
    assert stranger(f"/library/sections?X-Plex-Token={plex.token}").status_code == 200


@pytest.mark.parametrize("path", ADMIN_CALLS)
def test_a_shared_user_may_read_the_library_but_not_do_admin_calls(shared, path):
    assert shared("/library/sections").status_code == 200
    assert shared(path).status_code == 403


def test_a_shared_user_may_not_refresh(shared):
    assert shared.put("/library/metadata/1001/refresh").status_code == 403


def test_answers_are_xml_unless_json_is_asked_for(stranger):
    assert stranger("/identity").headers["Content-Type"].startswith("text/xml")
    answer = stranger("/identity", headers=JSON)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json()["MediaContainer"]["claimed"] is True


@pytest.mark.parametrize(("path", "status"), [("/", 401), ("/library/metadata/999999", 404), ("/nothing", 404)])
def test_error_pages_are_html_even_for_those_who_want_json(plex, path, status):
    client = Client(plex, plex.token if status == 404 else None)
    answer = client(path, headers=JSON)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<html>")


def test_an_item_refresh_is_put_and_a_get_of_it_is_405(owner):
    assert owner("/library/metadata/1001/refresh").status_code == 405
    assert owner.put("/library/metadata/1001/refresh").status_code == 200


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("PUT", 404), ("POST", 404)])
def test_a_section_refresh_is_get_and_all_else_is_404(owner, method, status):
    assert owner("/library/sections/1/refresh", method).status_code == status


def test_an_action_answers_with_an_empty_html_page(owner):
    answer = owner.put("/library/metadata/1001/refresh")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"].startswith("text/html")


def test_an_older_server_answers_an_action_with_an_empty_container(owner, plex):
    plex.set(old_action_bodies=True)
    answer = owner.put("/library/metadata/1001/refresh")
    assert b'<MediaContainer size="0"' in answer.content


def test_the_host_guard_lets_addresses_pass_and_refuses_unknown_names(owner, plex):
    plex.set(host_guard=True, claimed=False)
    assert owner("/").status_code == 200
    assert owner("/", headers={"Host": "plex.example.org"}).status_code == 401
    assert owner("/identity", headers={"Host": "plex.example.org"}).status_code == 401
    assert owner("/identity", headers={"Host": "localhost:32400"}).status_code == 200


def test_plexapi_connects_and_finds_the_sections(api, plex):
    assert api.machineIdentifier == plex.machine_identifier
    assert (api.myPlexMappingState, api.myPlexSigninState) == ("mapped", "ok")
    assert not api.allowMediaDeletion, "flags that are off are absent"
    sections = api.library.sections()
    assert [section.type for section in sections] == ["movie", "show", "movie", "movie", "artist"]
    assert [section.agent for section in sections] == [
        "tv.plex.agents.movie",
        "tv.plex.agents.series",
        "com.plexapp.agents.imdb",
        "com.plexapp.agents.none",
        "tv.plex.agents.music",
    ]
    assert all(section.uuid and section.locations for section in sections)
    assert sections[3].scanner == "Plex Video Files Scanner"
    assert sections[3].language == "xn"


def test_pictures_can_be_shown(owner, plex):
    thumb = owner.row(1001).get("thumb") or owner.row(1002).get("thumb")
    answer = owner(thumb)
    assert answer.headers["Content-Type"].startswith("image/svg")
    assert owner("/library/metadata/1001/thumb/x").status_code in {200, 404}
