"""The push channels: the same news in two spellings, with some noise."""

from __future__ import annotations

import json
from itertools import islice, takewhile

import pytest
from demo_client import NONE, until
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

LIBRARY = "com.plexapp.plugins.library"


def steps(news, key, count):
    """The next timeline entries of the library about one item."""
    entries = (entry["TimelineEntry"] for kind, entry in news if kind == "timeline")
    mine = (one for one in entries if one["identifier"] == LIBRARY and str(one["itemID"]) == key)
    return list(islice(mine, count))


def socket(plex, query=""):
    address = plex.url.replace("http", "ws") + f"/:/websockets/notifications?X-Plex-Token={plex.token}{query}"
    return connect(address, proxy=None)


def test_a_refresh_is_told_step_by_step_and_ends_with_a_plain_state_5(owner, broken):
    key = broken("no_thumb")
    with owner.news("filters=timeline") as news:
        owner.put(f"/library/metadata/{key}/refresh")
        told = steps(news, key, 8)
    assert [one["state"] for one in told] == [1, 2, 3, 4, 5, 5, 5, 5]
    assert [one.get("metadataState") for one in told[:4]] == ["processing", "matching", "downloading", "loading"]
    assert [one.get("mediaState") for one in told[4:]] == [None, "analyzing", "thumbnailing", None]
    for plain in (told[4], told[7]):
        assert not {"metadataState", "mediaState", "queueSize"} & set(plain)
    assert told[4]["sectionID"] == 1
    assert told[4]["type"] == 1


def test_nothing_is_told_while_an_item_only_waits(owner, plex, broken):
    first, second = broken("no_thumb"), broken("no_thumb")
    busy = [broken() for _ in range(3)]
    plex.set(refresh_seconds=[0.15, 0.15])
    with owner.news("filters=timeline") as news:
        owner.put(f"/library/metadata/{','.join(busy)},{first},{second}/refresh")
        entries = (entry["TimelineEntry"] for _, entry in news)
        early = list(takewhile(lambda one: one["state"] < 4 or one["identifier"] != LIBRARY, entries))
    begun = {one["itemID"] for one in early if one["identifier"] == LIBRARY}
    assert len(begun) == 3
    assert plex.queue(wait=5) == {"waiting": 0, "in_flight": 0}


def test_an_item_without_an_agent_ends_at_state_1(owner, plex, broken):
    key, other = broken(section=NONE), broken()
    with owner.news("filters=timeline") as news:
        owner.put(f"/library/metadata/{key}/refresh")
        plex.queue(wait=5)
        owner.put(f"/library/metadata/{other}/refresh")
        entries = (entry["TimelineEntry"] for _, entry in news)
        told = list(takewhile(lambda one: str(one["itemID"]) != other or one["state"] != 5, entries))
    assert [one["state"] for one in told if str(one["itemID"]) == key and one["identifier"] == LIBRARY] == [1]


def test_programme_guides_make_noise_of_the_same_shape(owner, broken):
    key = broken()
    with owner.news("filters=timeline") as news:
        owner.put(f"/library/metadata/{key}/refresh")
        entries = [entry["TimelineEntry"] for _, entry in islice(news, 4)]
    noise = [one for one in entries if one["identifier"] != LIBRARY]
    assert noise
    assert noise[0]["identifier"].startswith("tv.plex.providers.epg.")
    assert noise[0]["state"] == 5


def test_newer_servers_send_ids_as_strings(owner, plex, broken):
    key = broken()
    plex.set(string_ids=True)
    with owner.news("filters=timeline") as news:
        owner.put(f"/library/metadata/{key}/refresh")
        told = steps(news, key, 1)
    assert (told[0]["itemID"], told[0]["sectionID"]) == (key, "1")


def test_added_and_deleted_items_are_told(owner, plex, broken):
    with owner.news("filters=timeline") as news:
        key = broken()
        assert [one["state"] for one in steps(news, key, 3)] == [0, 1, 5]
        plex.delete(key)
        [gone] = steps(news, key, 1)
    assert (gone["state"], gone["metadataState"]) == (9, "deleted")


def test_a_websocket_carries_lists_in_a_container(owner, plex, broken):
    key = broken()
    with socket(plex, "&filters=timeline") as channel:
        owner.put(f"/library/metadata/{key}/refresh")
        container = json.loads(channel.recv(timeout=5))["NotificationContainer"]
    assert (container["type"], container["size"]) == ("timeline", 1)
    assert isinstance(container["TimelineEntry"], list)


def test_an_event_source_carries_single_objects(owner, broken):
    key = broken()
    with owner.news() as news:
        owner.put(f"/library/metadata/{key}/refresh")
        kind, data = next(news for news in news if news[0] == "activity")
    assert kind == "activity"
    assert isinstance(data["ActivityNotification"], dict)
    assert data["ActivityNotification"]["Activity"]["type"] == "library.update.item.metadata"


def test_filters_choose_the_types(owner, plex):
    with owner.news("filters=playing") as news:
        plex.push("status", {"title": "not wanted"})
        plex.sessions("movie")
        kind, data = next(news)
    assert kind == "playing"
    assert data["PlaySessionStateNotification"]["state"] == "playing"


def test_any_news_can_be_told_by_hand(owner, plex):
    with owner.news("filters=update.statechange") as news:  # an item that was refreshed just now may have its news, too
        plex.push("update.statechange", {"key": "", "version": "", "state": "done"})
        assert next(news) == (
            "update.statechange",
            {"AutoUpdateNotification": {"key": "", "version": "", "state": "done"}},
        )


def test_a_bad_token_gets_a_401_on_both_channels(plex, stranger):
    assert stranger("/:/eventsource/notifications").status_code == 401
    with pytest.raises(InvalidStatus) as refused:
        connect(plex.url.replace("http", "ws") + "/:/websockets/notifications?X-Plex-Token=bad", proxy=None)
    assert refused.value.response.status_code == 401


def test_opening_an_item_shows_as_an_activity_unless_told_to_skip_it(owner, plex):
    with owner.news("filters=activity") as news:
        owner("/library/metadata/1001?skipRefresh=1")
        owner("/library/metadata/1002")
        heard = (one["ActivityNotification"] for _, one in news)  # of refreshes that go on from before as well
        told = list(islice((one for one in heard if one["Activity"]["type"] == "library.refresh.items"), 5))
    assert [one["event"] for one in told] == ["started", "updated", "updated", "updated", "ended"]
    assert told[-1]["Activity"]["Context"]["key"] == "/library/metadata/1002"
    plex.set(open_activity=False)


def test_a_listener_that_goes_is_forgotten(owner, plex):
    with owner.news():
        assert plex.stats()["listeners"] == 1
    with socket(plex):
        until(lambda: plex.stats()["listeners"] == 1)
    until(lambda: plex.stats()["listeners"] == 0)
