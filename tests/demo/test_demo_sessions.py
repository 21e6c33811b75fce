"""Who is watching."""

from __future__ import annotations

from demo_client import until


def test_nobody_watching_is_a_container_of_size_0_without_rows(owner):
    root = owner.xml("/status/sessions")
    assert (root.get("size"), len(root)) == ("0", 0)
    assert owner.json("/status/sessions") == {"MediaContainer": {"size": 0}}


def test_a_movie_that_is_played_moves(owner, plex):
    plex.sessions("movie")
    before = int(owner.xml("/status/sessions")[0].get("viewOffset"))
    until(lambda: int(owner.xml("/status/sessions")[0].get("viewOffset")) > before)
    row = owner.xml("/status/sessions")[0]
    assert row.tag == "Video"
    assert row.find("Player").get("state") == "playing"
    assert row.find("User").get("title") == "viewer"


def test_a_ghost_says_playing_but_stands_still(owner, plex):
    plex.sessions("ghost", "movie")
    ghost, movie = owner.xml("/status/sessions")
    assert ghost.find("Player").get("state") == "playing"
    until(lambda: owner.xml("/status/sessions")[1].get("viewOffset") != movie.get("viewOffset"))
    assert owner.xml("/status/sessions")[0].get("viewOffset") == ghost.get("viewOffset")


def test_a_paused_client_says_so(owner, plex):
    plex.sessions("paused")
    assert owner.xml("/status/sessions").find("Video/Player").get("state") == "paused"


def test_all_kinds_of_rows_can_appear(owner, plex):
    plex.sessions("movie", "episode", "track", "photo", "preroll", "transcode")
    rows = list(owner.xml("/status/sessions"))
    assert [row.tag for row in rows] == ["Video", "Video", "Track", "Photo", "Video", "Video"]
    assert (rows[4].get("type"), rows[4].get("librarySectionID")) == ("clip", "-2")
    assert rows[5].find("TranscodeSession") is not None
    assert owner.xml("/transcode/sessions").get("size") == "1"
    assert owner.xml("/").get("transcoderActiveVideoSessions") == "1"


def test_live_tv_has_neither_user_nor_player(owner, plex):
    plex.sessions("livetv")
    for path in ("/status/sessions", "/livetv/sessions"):
        [row] = owner.xml(path)
        assert row.get("live") == "1"
        assert row.find("User") is row.find("Player") is None


def test_numbers_in_json_are_strings_here_and_there_are_no_guids(owner, plex):
    plex.sessions("movie")
    [row] = owner.json("/status/sessions")["MediaContainer"]["Metadata"]
    assert row["librarySectionID"] == "1"
    assert row["sessionKey"].isdigit()
    assert isinstance(row["Media"][0]["id"], str)
    assert row["Media"][0]["hasVoiceActivity"] == "0"
    assert isinstance(row["Rating"][0]["value"], str)
    assert isinstance(row["UltraBlurColors"], list)
    assert isinstance(row["User"], dict)
    assert "Guid" not in row


def test_plexapi_reads_the_sessions(api, plex):
    plex.sessions("movie", "track")
    movie, track = api.sessions()
    assert (movie.type, track.type) == ("movie", "track")
    assert movie.usernames == ["viewer"]
    assert movie.players[0].state == "playing"


def test_a_session_can_be_terminated(owner, plex):
    plex.sessions("movie")
    session = owner.xml("/status/sessions").find("Video/Session").get("id")
    assert owner("/status/sessions/terminate?sessionId=nobody").status_code == 404
    assert owner(f"/status/sessions/terminate?sessionId={session}&reason=bye").status_code == 200
    assert owner.xml("/status/sessions").get("size") == "0"


def test_session_keys_start_again_with_the_server(owner, plex):
    plex.sessions("movie", "movie")
    before = owner.xml("/activities")[0].get("uuid")
    plex.restart(down_seconds=0.01, starting_seconds=0)
    until(lambda: plex.control("GET", "/mode")["mode"] == "ready" and plex.sessions() == [])
    assert plex.sessions("movie")[0]["sessionKey"] == 1
    assert owner.xml("/activities")[0].get("uuid") != before
