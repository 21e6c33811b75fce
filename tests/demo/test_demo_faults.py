"""Everything that can go wrong, as seen by `requests` with a timeout."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from demo_client import until
from plexapi.exceptions import BadRequest
from plexapi.server import PlexServer

from keeper.demo.faults import MODES

ALL = "/library/sections/1/all"


def test_refused_closes_the_port_and_ready_opens_the_same_one(stranger, plex):
    plex.mode("refused")
    with pytest.raises(requests.ConnectionError, match="refused"):
        stranger("/identity")
    plex.mode("ready")
    assert stranger("/identity").status_code == 200


@pytest.mark.parametrize("path", ["/identity", "/", ALL, "/nothing"])
def test_starting_is_503_maintenance_on_every_path(stranger, plex, path):
    plex.mode("starting")
    answer = stranger(path)
    assert answer.status_code == 503
    assert re.search(r'<Response code="503" title="Maintenance" status="Plex Media Server is', answer.text)


def test_starting_speaks_json_to_those_who_want_it(stranger, plex):
    plex.set(starting_reason="database migrations")
    plex.mode("starting")
    answer = stranger("/identity", headers={"Accept": "application/json"})
    assert answer.json() == {
        "code": 503,
        "title": "Maintenance",
        "status": "Plex Media Server is currently running database migrations.",
    }


def test_readonly_reads_but_does_not_write(owner, plex):
    plex.mode("readonly")
    assert owner(ALL).status_code == 200
    for answer in (owner.put("/library/metadata/1001/refresh"), owner("/library/sections/1/refresh")):
        assert answer.status_code == 400
        assert "Please retry later" in answer.text


@pytest.mark.parametrize(("mode", "status"), [("overload", 503), ("proxy502", 502)])
def test_an_overload_is_html_and_says_nothing_of_maintenance(stranger, plex, mode, status):
    plex.mode(mode)
    answer = stranger("/identity")
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "Maintenance" not in answer.text


def test_hang_accepts_and_never_answers(stranger, plex):
    plex.mode("hang")
    with pytest.raises(requests.ReadTimeout):
        stranger("/identity", timeout=0.2)


def test_hung_requests_are_closed_when_the_mode_is_switched_away(stranger, plex):
    plex.mode("hang")
    with ThreadPoolExecutor(1) as pool:
        hung = pool.submit(stranger, "/identity")
        until(lambda: plex.stats()["faulted"].get("hang"))
        plex.mode("ready")
        with pytest.raises(requests.ConnectionError):
            hung.result(5)


def test_only_one_page_can_be_made_to_hang(owner, plex):
    plex.mode("hang", paths=r"/all.* start=20$")
    size = {"X-Plex-Container-Size": "20"}
    assert owner(ALL, headers={**size, "X-Plex-Container-Start": "0"}).status_code == 200
    with pytest.raises(requests.ReadTimeout):
        owner(ALL, headers={**size, "X-Plex-Container-Start": "20"}, timeout=0.2)
    with pytest.raises(requests.ReadTimeout):
        owner(f"{ALL}?X-Plex-Container-Start=20", timeout=0.2)


def test_a_fault_can_be_limited_to_the_next_few_requests(stranger, plex):
    plex.mode("status", code=500, count=2)
    assert [stranger("/identity").status_code for _ in range(4)] == [500, 500, 200, 200]


def test_a_fault_can_be_limited_to_refreshes(owner, plex):
    plex.mode("status", code=500, paths=r"^PUT .*/refresh$")
    assert owner(ALL).status_code == 200
    assert owner.put("/library/metadata/1001/refresh").status_code == 500


def test_a_fault_can_be_limited_in_time(stranger, plex):
    def play(seconds):
        plex.mode("status", code=500, seconds=seconds)

    assert_seen_in_turn([500, 200], play, lambda: stranger("/identity").status_code)


def test_a_trickle_holds_a_call_much_longer_than_its_timeout(stranger, plex):
    plex.mode("trickle", pause=0.003)
    started = time.monotonic()
    answer = stranger("/identity", timeout=0.1)
    assert answer.status_code == 200
    assert b"machineIdentifier" in answer.content
    assert time.monotonic() - started > 0.4


def test_reset_sends_a_rst(stranger, plex):
    plex.mode("reset")
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        stranger("/identity")


def test_cut_promises_more_than_it_sends(owner, plex):
    plex.mode("cut")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        owner(ALL)


def test_an_empty_200_makes_plexapi_believe_it_is_connected(plex):
    plex.mode("empty200")
    assert not hasattr(PlexServer(plex.url, plex.token), "machineIdentifier")


def test_html_200_and_bad_xml_cannot_be_parsed(owner, plex):
    plex.mode("html200")
    assert "guest network" in owner("/").text
    plex.mode("badxml")
    with pytest.raises(SyntaxError):
        PlexServer(plex.url, plex.token)


def test_slow_adds_latency(stranger, plex):
    plex.mode("slow", delay=0.15)
    started = time.monotonic()
    assert stranger("/identity").status_code == 200
    assert time.monotonic() - started >= 0.15


@pytest.mark.parametrize(("mode", "claimed"), [("unauthorized", "1"), ("unclaimed", "0")])
def test_a_revoked_token_is_401_for_everything_but_identity(owner, plex, mode, claimed):
    plex.mode(mode)
    assert owner("/").status_code == 401
    assert owner(ALL).status_code == 401
    assert owner.xml("/identity").get("claimed") == claimed


@pytest.mark.parametrize("code", [403, 404, 599])
def test_any_status_can_be_had(stranger, plex, code):
    plex.mode("status", code=code)
    assert stranger("/identity").status_code == code


def test_plexapi_stumbles_over_an_unknown_status(plex):
    plex.mode("status", code=599)
    with pytest.raises(TypeError):
        PlexServer(plex.url, plex.token)
    plex.mode("overload")
    with pytest.raises(BadRequest, match="503"):
        PlexServer(plex.url, plex.token)


def test_another_server_answers_in_the_place_of_ours(stranger, owner, plex):
    plex.mode("other_server")
    other = stranger.xml("/identity").get("machineIdentifier")
    assert other != plex.machine_identifier
    assert owner.xml("/").get("machineIdentifier") == other
    assert owner(ALL).status_code == 200


def test_a_busy_database_fails_where_it_is_needed_and_nowhere_else(owner, plex):
    plex.mode("dbslow", delay=0.05, code=500)
    assert owner("/identity").status_code == 200
    assert owner("/library/sections").status_code == 200
    assert owner(f"{ALL}?X-Plex-Container-Start=0&X-Plex-Container-Size=0").status_code == 500
    plex.mode("dbslow", delay=5)
    with pytest.raises(requests.ReadTimeout):
        owner(ALL, timeout=0.2)


def test_too_many_requests_at_once_first_get_slow_and_then_503(plex, owner):
    plex.set(latency=0.25, busy_from=2, busy_step=0.05, busy_limit=5)
    with ThreadPoolExecutor(8) as pool:
        ask = [pool.submit(requests.get, plex.url + "/identity", timeout=5) for _ in range(8)]
        answers = [one.result() for one in ask]
    codes = [answer.status_code for answer in answers]
    assert codes.count(503) >= 1
    assert codes.count(200) >= 4
    assert max(answer.elapsed.total_seconds() for answer in answers if answer.status_code == 200) >= 0.35
    assert plex.stats()["max_parallel"] >= 5
    assert owner("/identity").status_code == 200


def test_faults_reach_the_push_channel_too(plex, owner):
    for mode, status in (("starting", 503), ("unauthorized", 401)):
        plex.mode(mode)
        assert owner("/:/eventsource/notifications").status_code == status
    plex.mode("trickle")
    with pytest.raises(requests.ConnectionError):
        owner("/:/eventsource/notifications")


def test_a_script_plays_one_fault_after_the_other(stranger, plex):
    def play(seconds):
        plex.script([{"mode": "status", "code": code, "seconds": seconds} for code in (500, 404)])

    assert_seen_in_turn([500, 404, 200], play, lambda: stranger("/identity").status_code)


def test_a_restart_is_refused_then_starting_then_ready_and_forgets_its_queue(owner, plex, broken):
    plex.set(refresh_seconds=[5, 5])
    key = broken("no_thumb")

    def restart(seconds):
        owner.put(f"/library/metadata/{key}/refresh")
        plex.sessions("movie")
        with owner.news() as news:
            plex.restart(down_seconds=seconds, starting_seconds=seconds, readonly_seconds=seconds)
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                list(news)

    assert_seen_in_turn(["refused", "starting", "readonly", "ready"], restart, lambda: _state(plex))
    assert plex.queue() == {"waiting": 0, "in_flight": 0}
    assert owner.row(key).get("thumb") is None
    assert owner.xml("/status/sessions").get("size") == "0"


def assert_seen_in_turn(states, play, look):
    """`play` begins phases of so many seconds each, `look` says which one it is: all are seen, and in this order.
    Longer ones are played only where this machine was too busy to look once in each of the short ones."""
    found = []
    for seconds in (0.15, 0.6, 2.4):
        began = time.monotonic()
        play(seconds)
        seen, times = _looks(look, states[-1], 5 + 4 * seconds)
        found = list(dict.fromkeys(seen))
        assert found == [state for state in states if state in found]
        if found == states:
            return
        # Each look tells of one moment within it: so far apart may the moments of two looks have been.
        times = [began, *times]
        assert max(late - early for early, late in zip(times, times[2:] or times[1:], strict=False)) >= seconds, found
    raise AssertionError(f"only {found} was ever seen")


def _looks(look, last, seconds):
    """What was seen, and when, until it was the last of all."""
    seen, times = [], []

    def is_last():
        seen.append(look())
        times.append(time.monotonic())
        return seen[-1] == last

    until(is_last, seconds)
    return seen, times


def _state(plex):
    try:
        answer = requests.put(plex.url + "/library/optimize", headers={"X-Plex-Token": plex.token}, timeout=5)
    except requests.ConnectionError:
        return "refused"
    return {503: "starting", 400: "readonly", 200: "ready"}[answer.status_code]


def test_an_unknown_mode_or_knob_is_refused_with_words(plex):
    with pytest.raises(ValueError, match="unknown mode"):
        plex.mode("sunny")
    with pytest.raises(ValueError, match="colour"):
        plex.set(colour="blue")
    with pytest.raises(ValueError, match="nonsense"):
        plex.mode("hang", nonsense=1)


def test_an_echo_repeats_the_request_with_its_token(owner, plex):
    plex.mode("echo", code=502)
    answer = owner(ALL)
    assert answer.status_code == 502
    assert f"x-plex-token: {plex.token}" in answer.text


def test_a_parrot_puts_the_token_into_every_title(owner, plex):
    plex.mode("parrot")
    rows = owner(ALL, headers={"Accept": "application/json"}).json()["MediaContainer"]["Metadata"]
    assert rows
    assert all(row["title"].startswith(f"{plex.token} ") for row in rows)
    assert f'friendlyName="{plex.token} ' in owner("/").text


def test_every_mode_can_be_switched_on_and_away(plex, stranger):
    for mode in MODES:
        plex.mode(mode)
    plex.mode("ready")
    assert stranger("/identity").status_code == 200
    assert threading.active_count() < 50


def test_requests_that_met_a_fault_are_counted(stranger, plex):
    plex.mode("overload", count=1)
    stranger("/identity")
    stranger("/identity")
    stats = plex.stats()
    assert stats["faulted"] == {"overload": 1}
    assert stats["not_ready"] == 2
    assert stats["requests"]["GET /identity"] == 2
