"""A folder of the library that is lost: the next look names it, scans wait and say why, and nothing ever hangs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from command_rig import check_apart, settings_of

from keeper import config
from keeper.demo.generate import folder_of
from keeper.rules.types import Cause, Check, Phase, RunStatus, ScanOptions
from keeper.wiring import House
from tests.world import fuse_mounts
from tests.world.fuse_mounts import Mount, need_fuse

until = partial(fuse_mounts.until, seconds=30.0)  # by then it has happened on a busy machine too
WHOLE = 15.0  # seconds that a look may take at the very worst
FOLDER = folder_of("Movies")


class Shelf:
    """The folder with the films, as this machine names it, and what can become of it."""

    def __init__(self, tmp_path: Path) -> None:
        self.path, self._kept = tmp_path / "films", tmp_path / "kept"
        self._kept.mkdir()
        (self._kept / "Film (1999).mkv").touch()
        self._mount: Mount | None = None

    def fill(self, *, mounted: bool) -> None:
        if mounted:
            need_fuse()
            self._mount = Mount(self._kept, self.path)
        else:
            shutil.copytree(self._kept, self.path, dirs_exist_ok=True)

    def lose(self, how: str) -> None:
        if self._mount is not None:
            self._mount.stop()
        else:
            shutil.rmtree(self.path)
            if how == "emptied":
                self.path.mkdir()

    def bring_back(self) -> None:
        if self._mount is not None:
            self._mount.go()
        else:
            self.fill(mounted=False)

    def close(self) -> None:
        if self._mount is not None:
            self._mount.unmount()


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path)
    yield made
    made.close()


@pytest.fixture
def settings(tmp_path: Path, plex) -> dict[str, str]:
    where = {"MOUNT_MAP": f"{FOLDER}={tmp_path / 'films'}", "PSR_LOG_DIR": str(tmp_path / "logs")}
    return settings_of(plex.url, plex.token, tmp_path / "keeper.db", **where)


@pytest.fixture
def plex(serve):
    return serve("movies:30:6", never_mend=0)


@pytest.fixture
def house(monkeypatch, settings) -> Iterator[House]:
    """The service without a window: engine and all."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    built = House(config.load())
    built.engine.start()
    yield built
    built.engine.stop()
    built.close()


def look(house: House) -> Check:
    """The next look of the engine's own loop, asked for as a person would; it takes no longer than it may."""
    before = house.checks.last()
    began = time.monotonic()
    house.check_now("test")
    until(lambda: _at(house) != (before and before.at))
    assert time.monotonic() - began < WHOLE
    check = house.checks.last()
    assert check is not None
    return check


def _at(house: House) -> object:
    last = house.checks.last()
    return last and last.at


@pytest.mark.parametrize(("how", "word"), [("removed", "missing"), ("emptied", "empty"), ("hanging", "hanging")])
def test_a_lost_folder_is_named_by_the_next_look_and_scans_wait_for_it(
    house: House, shelf: Shelf, settings: dict[str, str], plex, how: str, word: str
) -> None:
    shelf.fill(mounted=how == "hanging")
    until(lambda: _at(house) is not None)  # the first look learns the libraries, the second one their folders
    assert look(house).facts["mounts"].value is True

    shelf.lose(how)
    check = look(house)
    assert check.cause is Cause.MOUNT_MISSING, check.facts
    assert check.facts["mounts"] == (False, f"{word}: {shelf.path}")
    until(lambda: "Do not empty the trash" in house.obstacle())

    job = house.start_scan(ScanOptions(days=0), "test")
    until(lambda: house.runs.get(job).progress.phase is Phase.WAITING)
    assert house.runs.get(job).progress.note == house.obstacle()
    assert look(house).cause is Cause.MOUNT_MISSING, "the loop goes on while it is lost"
    apart = check_apart(settings)
    assert (apart.cause, apart.code, apart.fact(f"mount:{shelf.path}")) == ("mount_missing", 1, (False, word))
    assert plex.stats()["refreshes"] == {}, "nothing was asked of Plex meanwhile"

    shelf.bring_back()
    until(lambda: look(house).cause is Cause.OK)
    until(lambda: house.runs.get(job).status.ended)
    run = house.runs.get(job)
    assert (run.status, run.stats.fixed) == (RunStatus.SUCCESS, 6)


def test_a_folder_lost_in_the_middle_of_a_scan_stops_it_before_the_next_item(house: House, shelf: Shelf, plex) -> None:
    plex.set(refresh_seconds=[2, 2])
    shelf.fill(mounted=False)
    until(lambda: _at(house) is not None)
    look(house)
    job = house.start_scan(ScanOptions(days=0, refresh_parallel=1), "test")
    until(lambda: house.runs.get(job).stats.fixed >= 1)
    shelf.lose("emptied")
    assert look(house).cause is Cause.MOUNT_MISSING
    until(lambda: house.runs.get(job).progress.phase is Phase.WAITING)
    asked = sum(plex.stats()["refreshes"].values())
    assert asked < 6
    look(house)
    assert sum(plex.stats()["refreshes"].values()) == asked
    plex.set(refresh_seconds=[0.05, 0.1])
    shelf.bring_back()
    until(lambda: look(house).cause is Cause.OK)
    until(lambda: house.runs.get(job).status.ended)
    run = house.runs.get(job)
    assert (run.status, run.stats.fixed) == (RunStatus.SUCCESS, 6)
