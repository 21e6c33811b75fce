"""outlets.json: private from its first byte, all or nothing, never overwritten when it cannot be read."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from keeper.world.clock import SystemClock
from keeper.world.outlets import targets as module
from keeper.world.outlets.targets import TargetError, Targets
from keeper.world.redactor import MASK, Redactor

URL = "tgram://7316204958:AAFx9-kLmN0pQrStUvWxYz12345_abcde/4711"
OTHER = "json://127.0.0.1:8080/secret-path-here"


@pytest.fixture
def redactor() -> Redactor:
    return Redactor([])


@pytest.fixture
def targets(tmp_path: Path, redactor: Redactor) -> Targets:
    return Targets(tmp_path / "outlets.json", SystemClock(), redactor.learn)


def again(targets: Targets, learn=lambda _: None) -> Targets:
    return Targets(targets.path, SystemClock(), learn)


def test_what_is_added_is_there_after_a_restart_until_it_is_removed(targets):
    first, second = targets.add(URL, "me"), targets.add(f"  {OTHER} ", "me")
    assert [(t.name, t.url, t.added_by) for t in again(targets).all()] == [
        (first.name, URL, "me"), (second.name, OTHER, "me")
    ]  # fmt: skip
    targets.remove(first.name)
    assert [t.name for t in again(targets).all()] == [second.name]
    assert first.name.startswith("chat-") and len(first.name) == len("chat-3f2a")


def test_the_file_is_private_from_its_first_byte(targets, monkeypatch):
    seen = []
    write = os.fsync

    def look(handle):
        seen.append(stat.S_IMODE(os.fstat(handle).st_mode))
        write(handle)

    monkeypatch.setattr(module.os, "fsync", look)
    old = os.umask(0)
    try:
        targets.add(URL, "me")
    finally:
        os.umask(old)
    assert seen == [0o600] and stat.S_IMODE(targets.path.stat().st_mode) == 0o600


def test_a_full_disk_leaves_the_old_file_as_it_was(targets, monkeypatch):
    targets.add(URL, "me")
    before = targets.path.read_bytes()

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(TargetError, match="No space left"):
        targets.add(OTHER, "me")
    assert targets.path.read_bytes() == before
    assert [file.name for file in targets.path.parent.iterdir()] == ["outlets.json"]
    assert [t.url for t in targets.all()] == [URL]


@pytest.mark.parametrize("broken", [b"{", b"[]", b'{"targets": [{"name": "x"}]}', b"\xff\xfe", b'{"targets": 3}', b""])
def test_a_file_that_cannot_be_read_is_told_and_kept_aside(targets, broken, caplog):
    targets.path.write_bytes(broken)
    targets.path.chmod(0o600)
    assert targets.all() == () and "is not what it should be" in targets.trouble
    assert targets.path.read_bytes() == broken, "reading changes nothing"
    targets.add(URL, "me")
    assert [t.url for t in targets.all()] == [URL] and targets.trouble == ""
    (aside,) = targets.path.parent.glob("outlets.json.broken-*")
    assert aside.read_bytes() == broken
    assert any("kept as" in record.getMessage() for record in caplog.records)


def test_a_file_that_breaks_while_in_use_takes_no_target_away(targets):
    targets.add(URL, "me")
    targets.path.write_text("half")
    assert [t.url for t in targets.all()] == [URL] and targets.trouble


def test_a_change_by_hand_is_seen(targets):
    targets.add(URL, "me")
    document = json.loads(targets.path.read_text())
    document["targets"].append({"name": "chat-0000", "url": OTHER})
    targets.path.write_text(json.dumps(document))
    assert [t.name for t in targets.all()][1:] == ["chat-0000"]


def put(targets: Targets, rows: list[dict[str, str]]) -> None:
    targets.path.write_text(json.dumps({"targets": rows}))
    targets.path.chmod(0o600)


@pytest.mark.parametrize(
    "row",
    [
        {"name": "airtable", "url": OTHER}, {"name": "chat\ud800", "url": OTHER}, {"name": "chat-1\n", "url": OTHER},
        {"name": "chat-0000", "url": OTHER}, {"name": "chat-1", "url": "json://127.0.0.1:9/\ud800"},
        {"name": "chat-1", "url": "json://" + "x" * 3000}, {"name": "chat-1", "url": "json://a\nb"},
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_a_target_is_left_out_and_told(targets, redactor, row):
    put(targets, [{"name": "chat-0000", "url": URL}, row])
    assert [(t.name, t.url) for t in targets.all()] == [("chat-0000", URL)]
    assert "1 of 2 targets" in targets.trouble
    targets.add("json://127.0.0.1:8080/another-path-here", "me")
    (aside,) = targets.path.parent.glob("outlets.json.broken-*")
    assert json.loads(aside.read_text())["targets"][1] == row, "what was left out is lost"
    assert len(targets.all()) == 2 and targets.trouble == ""


def test_an_address_that_takes_no_message_stays_and_is_told(targets):
    put(targets, [{"name": "chat-0000", "url": "nonsense://x"}])
    assert [t.name for t in targets.all()] == ["chat-0000"]
    assert "chat-0000" in targets.trouble and "No service is called 'nonsense'" in targets.trouble


def test_one_address_with_half_a_character_keeps_no_other_secret_from_being_hidden(targets, redactor):
    put(targets, [{"name": "chat-1", "url": "json://127.0.0.1:9/\ud800"}, {"name": "chat-2", "url": OTHER}])
    assert [t.name for t in targets.all()] == ["chat-2"]
    assert redactor.clean("POST /secret-path-here") == f"POST /{MASK}"


def test_who_added_it_can_be_written_again_whatever_the_file_says(targets):
    put(targets, [{"name": "chat-1", "url": OTHER, "added_by": "me\ud800\x1b"}])
    targets.add(URL, "me")
    assert [t.added_by for t in again(targets).all()] == ["me", "me"]


@pytest.mark.parametrize("typed", ["Telegram", "synology", "My NAS"])
def test_a_word_that_was_typed_instead_of_an_address_stays_readable(targets, redactor, typed):
    with pytest.raises(TargetError):
        targets.add(typed, "me")
    assert redactor.clean(f"{typed} is slow") == f"{typed} is slow"


def test_a_file_that_others_may_read_is_told(targets):
    targets.add(URL, "me")
    targets.path.chmod(0o644)
    assert [t.url for t in targets.all()] == [URL]
    assert "chmod 600" in targets.trouble


def test_a_file_that_was_deleted_means_no_targets(targets):
    targets.add(URL, "me")
    targets.path.unlink()
    assert targets.all() == ()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "1 to 2000 characters"),
        ("json://x/" + "y" * 3000, "1 to 2000 characters"),
        ("json://x/\ny", "on one line"),
        ("hello", "begins with the service's name"),
        ("gopher://somewhere/t0ken-t0ken", "No service is called 'gopher'"),
        ("tgram://t0ken-t0ken", "not complete"),
    ],
)
def test_what_apprise_cannot_use_is_refused_with_a_sentence_and_not_quoted(targets, url, sentence):
    with pytest.raises(TargetError, match=sentence) as caught:
        targets.add(url, "me")
    assert "t0ken-t0ken" not in str(caught.value)
    assert not targets.path.exists()


def test_the_same_target_is_there_once(targets):
    targets.add(URL, "me")
    with pytest.raises(TargetError, match="there already"):
        targets.add(URL, "me")


def test_there_is_a_limit(targets, monkeypatch):
    monkeypatch.setattr(module, "MOST", 1)
    targets.add(URL, "me")
    with pytest.raises(TargetError, match="Remove one first"):
        targets.add(OTHER, "me")


def test_two_whose_hashes_begin_alike_have_names_of_their_own(targets, monkeypatch):
    monkeypatch.setattr(module, "chat_name", lambda url, digits: "chat-" + ("a" * 30)[:digits])
    assert targets.add(URL, "me").name != targets.add(OTHER, "me").name


def test_what_is_not_there_cannot_be_removed(targets):
    with pytest.raises(TargetError, match="no target called 'chat-1'"):
        targets.remove("chat-1")


def test_the_redactor_knows_every_secret_as_soon_as_it_is_typed(targets, redactor):
    said = f"{URL} and AAFx9-kLmN0pQrStUvWxYz12345_abcde"
    assert redactor.clean(said) == said
    with pytest.raises(TargetError):
        targets.add(f"nonsense{URL}", "me")
    assert f"nonsense{URL}" not in redactor.clean(f"what was typed: nonsense{URL}")
    targets.add(URL, "me")
    assert redactor.clean(said) == f"{MASK} and {MASK}"


def test_the_redactor_knows_them_after_a_restart(targets):
    targets.add(OTHER, "me")
    fresh = Redactor(["one-known-before"])
    again(targets, fresh.learn).all()
    assert fresh.clean("POST /secret-path-here one-known-before") == f"POST /{MASK} {MASK}"


def test_two_that_add_at_once_both_stay(targets):
    urls = [f"json://127.0.0.1/path-number-{number}" for number in range(8)]
    threads = [threading.Thread(target=targets.add, args=(url, "me")) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(t.url for t in again(targets).all()) == sorted(urls)


def test_printing_a_target_shows_no_address(targets):
    assert "secret-path" not in repr(targets.add(OTHER, "me"))
