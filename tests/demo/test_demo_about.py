"""What the server tells about itself: work, updates, account, preferences, posters."""

from __future__ import annotations

import pytest
from demo_client import NONE, until


def test_the_butler_stands_in_the_activities_for_ever(owner, plex, broken):
    [butler] = owner.xml("/activities")
    assert (butler.get("type"), butler.get("progress")) == ("butler", "100")
    plex.set(refresh_seconds=[0.3, 0.3])
    key = broken("no_thumb")
    owner.put(f"/library/metadata/{key}/refresh")
    rows = until(lambda: owner.xml("/activities")[1:])
    assert (rows[0].get("type"), rows[0].get("progress")) == ("library.update.item.metadata", "-1")
    assert rows[0].find("Context").get("key") == f"/library/metadata/{key}"
    plex.queue(wait=5)
    assert len(owner.xml("/activities")) == 1


def test_plexapi_reads_activities_butler_resources_and_settings(api):
    assert [one.type for one in api.activities] == ["butler"]
    assert "BackupDatabase" in {task.name for task in api.butlerTasks()}
    assert api.resources()[0].hostCpuUtilization > 0
    assert api.settings.get("autoEmptyTrash").value is True


def test_the_root_of_the_butler_is_no_media_container(owner):
    assert owner.xml("/butler").tag == "ButlerTasks"
    assert owner.json("/butler")["ButlerTasks"]["ButlerTask"][0]["name"] == "AutomaticUpdates"
    assert owner("/butler/BackupDatabase", "POST").status_code == 200
    assert owner("/butler/DanceTheTango", "POST").status_code == 404


def test_no_update_is_an_empty_container_or_the_running_version(owner, plex):
    assert owner.xml("/updater/status").get("size") == "0"
    plex.set(update="same")
    assert owner.xml("/updater/status")[0].get("version") == owner.xml("/identity").get("version")


@pytest.mark.parametrize("can", [True, False])
def test_a_newer_release_can_or_cannot_be_installed_and_carries_a_token(owner, api, plex, can):
    plex.set(update="newer", can_install=can)
    root = owner.xml("/updater/status")
    assert root.get("canInstall") == str(int(can))
    assert root[0].get("version") > owner.xml("/identity").get("version")
    assert "X-Plex-Token=" in root.get("downloadURL")
    assert api.checkForUpdate().version == root[0].get("version")
    assert bool(api.canInstallUpdate()) is can


@pytest.mark.parametrize("status", [200, 400, 500])
def test_applying_an_update_can_work_or_fail(owner, plex, status):
    plex.set(apply_status=status)
    assert owner.put("/updater/apply").status_code == status


def test_the_account_holds_a_secret_and_the_mapping_state(owner, plex):
    plex.set(mapping_state="failed", mapping_error="unreachable")
    account = owner.xml("/myplex/account")
    assert account.get("authToken")
    assert (account.get("mappingState"), account.get("mappingError")) == ("failed", "unreachable")
    assert owner.put("/myplex/refreshReachability").status_code == 200


def test_an_unknown_preference_is_accepted_and_not_kept(owner):
    def value(name):
        found = owner.xml("/:/prefs").find(f"Setting[@id='{name}']")
        return None if found is None else found.get("value")

    assert owner.put("/:/prefs?noSuchThing=1").status_code == 200
    assert value("noSuchThing") is None
    assert owner.put("/:/prefs?autoEmptyTrash=0").status_code == 200
    assert value("autoEmptyTrash") == "false"
    owner.put("/:/prefs?autoEmptyTrash=1")


def test_one_poster_is_selected_and_a_frame_grab_can_be_told_by_its_name(owner, broken):
    def selected(key):
        rows = owner.xml(f"/library/metadata/{key}/posters").findall("Photo[@selected='1']")
        return [row.get("ratingKey") for row in rows]

    assert selected(broken())[0].startswith("metadata://posters/")
    assert selected(broken("generated_poster"))[0].startswith("media://")
    assert selected(broken(section=NONE))[0].startswith("media://")
    assert selected(broken("no_thumb")) == []


def test_choosing_and_uploading_move_the_selection_a_moment_later(owner, plex, broken):
    key = broken("no_thumb")
    path = f"/library/metadata/{key}/posters"

    def selected():
        row = owner.xml(path).find("Photo[@selected='1']")
        return None if row is None else row.get("ratingKey")

    plex.set(poster_delay=0.2)
    first = owner.xml(path)[0].get("ratingKey")
    assert owner.put(f"/library/metadata/{key}/poster", params={"url": first}).status_code == 200
    assert selected() is None
    until(lambda: selected() == first)
    assert owner.row(key).get("thumb")
    assert owner(path, "POST", data=b"a picture").status_code == 200
    until(lambda: (selected() or "").startswith("upload://posters/"))


def test_deleting_media_is_switched_off(owner):
    assert owner("/library/metadata/1001", "DELETE").status_code == 403
