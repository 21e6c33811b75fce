"""The folders of the library: real folders, really broken, and mounts that really hang."""

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from fuse_mounts import Mount, need_fuse, until

from keeper.errors import StoreError
from keeper.rules.types import Fact
from keeper.world import lookout as lookout_module
from keeper.world import lookout_child
from keeper.world.clock import SystemClock
from keeper.world.files import FilesLook, Known, path_map, too_little
from keeper.world.lookout import _COMMAND, Lookout

ROOT = Path(__file__).resolve().parents[2]
CLOCK = SystemClock()
NO_RIGHTS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()


@pytest.fixture
def looks():
    """Opens looks at folders and ends their children."""
    opened = []

    def open_look(*folders, disks=None, patience=2.0, command=_COMMAND, **more):
        paths = [str(folder) for folder in folders]
        lookout = Lookout(CLOCK, patience, command)
        look = FilesLook(lambda: paths, lambda: disks or {}, CLOCK, lookout=lookout, **more)
        opened.append(look)
        return look

    yield open_look
    for look in opened:
        look.close()


@pytest.fixture
def films(tmp_path):
    return library(tmp_path / "films")


@pytest.fixture
def mounts():
    need_fuse()
    mounted = []

    def mount(source, target):
        mounted.append(Mount(source, target))
        return mounted[-1]

    yield mount
    for one in mounted:
        one.go()  # all of them first: one may hang at the other
    for one in reversed(mounted):
        one.unmount()


def library(folder):
    folder.mkdir(parents=True)
    (folder / "Film (1999).mkv").touch()
    return folder


def children():
    return psutil.Process().children(recursive=True)


def empty(folder):
    for entry in folder.iterdir():
        entry.unlink()


def replace_by_file(folder):
    shutil.rmtree(folder)
    folder.touch()


def restore(folder):
    if folder.is_file():
        folder.unlink()
    folder.mkdir(exist_ok=True)
    (folder / "Film (1999).mkv").touch()


# ---------------------------------------------------------------------------- folders


def test_folders_with_films_in_them_are_well(looks, films, tmp_path):
    shows = library(tmp_path / "shows")
    facts = looks(films, f"{shows}/").look()
    assert facts["mounts"] == Fact(True)
    assert facts[f"mount:{films}"] == facts[f"mount:{shows}"] == Fact(True)


@pytest.mark.parametrize(
    ("breaking", "word"), [(shutil.rmtree, "missing"), (empty, "empty"), (replace_by_file, "not_a_folder")]
)
def test_what_became_of_a_folder_is_seen_within_one_look_and_so_is_its_return(looks, films, tmp_path, breaking, word):
    shows = library(tmp_path / "shows")
    look = looks(shows, films)
    assert look.look()["mounts"].value is True
    breaking(films)
    facts = look.look()
    assert facts["mounts"] == Fact(False, f"{word}: {films}")
    assert (facts[f"mount:{films}"], facts[f"mount:{shows}"]) == (Fact(False, word), Fact(True))
    restore(films)
    assert look.look()["mounts"] == Fact(True)


def test_a_new_library_may_be_empty_and_one_that_held_films_may_not(looks, tmp_path):
    folder = tmp_path / "new"
    folder.mkdir()
    look = looks(folder)
    assert look.look()["mounts"] == look.look()["mounts"] == Fact(True)
    (folder / ".DS_Store").touch()
    assert look.look()[f"mount:{folder}"] == Fact(True, "new and empty")
    (folder / "Film.mkv").touch()
    look.look()
    (folder / "Film.mkv").unlink()
    assert look.look()["mounts"] == Fact(False, f"empty: {folder}")


def test_what_was_known_before_a_restart_still_counts_and_can_be_forgiven(looks, films):
    memory: dict[str, Known] = {}
    looks(films, memory=memory).look()
    empty(films)
    look = looks(films, memory=memory)
    assert look.look()["mounts"].detail == f"empty: {films}"
    del memory[str(films)]
    assert look.look()["mounts"].value is True


def test_the_memory_is_written_only_when_something_is_new(looks, films):
    written = []

    class Memory(dict):
        def __setitem__(self, path, known):
            written.append(known)
            super().__setitem__(path, known)

    look = looks(films, memory=Memory())
    for _ in range(3):
        look.look()
    assert [known.filled for known in written] == [True]


def test_a_folder_never_seen_here_proves_nothing_unless_another_one_is(looks, films, tmp_path):
    """Plex may run on another machine, or in a container with names of its own."""
    absent, bare = tmp_path / "absent", tmp_path / "bare"
    bare.mkdir()  # such as /media, which every Debian has
    assert looks(absent, bare).look()["mounts"] == Fact(None, f"never_seen: {absent}")
    assert looks(absent, films).look()["mounts"] == Fact(False, f"missing: {absent}")


@pytest.mark.parametrize("path", ["C:\\Media", r"\\nas\media", "media"])
def test_a_path_of_another_kind_of_machine_is_not_asked(looks, path):
    assert looks(path).look()[f"mount:{path}"] == Fact(None, "elsewhere")


def test_a_name_with_odd_signs_is_asked_as_it_is(looks, tmp_path):
    odd = library(tmp_path / "Füme\n\udcff 電影")
    assert looks(odd, "/no\0path").look()[f"mount:{odd}"] == Fact(True)


def test_an_anchor_that_was_there_must_stay(looks, films):
    (films / ".anchor").touch()
    memory: dict[str, Known] = {}
    look = looks(films, memory=memory, anchor=".anchor")
    assert look.look()["mounts"].value is True
    (films / ".anchor").unlink()
    assert look.look()["mounts"] == Fact(False, f"anchor_gone: {films}")
    assert looks(films, memory=memory, anchor=".other").look()["mounts"].value is True  # the setting was changed
    assert looks(films, memory=memory).look()["mounts"].value is True  # or taken out


def test_with_its_anchor_a_folder_may_become_empty(looks, films):
    look = looks(films, anchor=".anchor")
    look.look()
    empty(films)
    (films / ".anchor").touch()
    assert look.look()["mounts"].value is True


def test_a_folder_we_may_not_read_is_unknown(looks, films):
    """Plex runs as another user. Root, whom no right stops, gives its powers up for this."""
    look = looks(films, command=(*NO_RIGHTS, *_COMMAND))
    assert look.look()["mounts"].value is True
    try:
        for mode in (0o000, 0o111):
            films.chmod(mode)
            assert look.look()["mounts"] == Fact(None, f"denied: {films}")
    finally:
        films.chmod(0o755)


@pytest.mark.parametrize(
    ("number", "word"),
    [(errno.ESTALE, "stale"), (errno.EIO, "broken"), (errno.EHOSTDOWN, "broken"), (errno.ENOMEM, "failed")],
)
def test_errors_that_no_test_can_cause_have_their_words(monkeypatch, films, number, word):
    def broken(_path):
        raise OSError(number, "")

    monkeypatch.setattr(lookout_child.os, "statvfs", broken)
    assert lookout_child.see(str(films), "") == {"word": word, "why": errno.errorcode[number]}


def test_a_data_file_that_is_gone_leaves_everything_unknown():
    def gone():
        raise StoreError("gone")

    facts = FilesLook(gone, dict, CLOCK).look()
    assert {name: fact.value for name, fact in facts.items()} == {"mounts": None, "disk": None}


def test_no_library_is_no_trouble(looks):
    assert looks().look() == {"mounts": Fact(None, "no folder is known"), "disk": Fact(None, "no folder is named")}


def test_names_of_a_container_become_those_of_this_machine():
    ours = path_map("/data=/mnt/nas/, /data/tv = /srv/tv,/=/")
    assert [ours(path) for path in ("/data", "/data/films", "/data/tv/a", "/data2")] == [
        "/mnt/nas", "/mnt/nas/films", "/srv/tv/a", "/data2",
    ]  # fmt: skip
    assert path_map("")("/x") == "/x"
    for wrong in ("/data", "data=/x", "/data="):
        with pytest.raises(ValueError, match="/data=/mnt/nas"):
            path_map(wrong)


# ---------------------------------------------------------------------------- disks


def test_room_is_told_as_the_system_tells_it(looks, films):
    truth = os.statvfs(films)
    facts = looks(films, disks={"data": str(films)}).look()
    assert facts["disk"].value is not None
    assert facts["disk_free_gb:data"].value == pytest.approx(truth.f_bavail * truth.f_frsize / 1e9, abs=0.5)
    assert facts["disk_free_gb:data"].detail.startswith("of ")


def test_a_full_disk_is_named_with_its_figures(looks, films, tmp_path):
    disks = {"data": str(films), "transcode": str(tmp_path)}
    facts = looks(disks=disks, is_full=lambda free, size: True).look()
    assert facts["disk"].value is False
    assert facts["disk"].detail.startswith(f"full: {films} ") and facts["disk"].detail.endswith(" free")


def test_a_disk_that_cannot_be_seen_is_unknown(looks, films):
    facts = looks(disks={"data": str(films), "transcode": f"{films}/absent"}).look()
    assert facts["disk"] == Fact(None, f"missing: {films}/absent")
    assert "disk_free_gb:data" in facts and "disk_free_gb:transcode" not in facts


@pytest.mark.parametrize(
    ("free", "size", "full"),
    [
        (4.9, 500, True), (5.1, 500, False),  # 1 %
        (4.9, 20_000, True), (6, 20_000, False),  # never more than 5 GB
        (0.9, 32, True), (1.1, 32, False),  # never less than 1 GB
        (0.1, 2, True), (0.3, 2, False),  # but of a small one a tenth
    ],
)  # fmt: skip
def test_too_little_depends_on_the_size(free, size, full):
    assert too_little(free * 1e9, size * 1e9) is full


# ---------------------------------------------------------------------------- the child


def test_the_child_is_kept_while_all_is_well_and_gone_after_close(looks, films):
    look = looks(films)
    seen = set()
    for _ in range(5):
        look.look()
        seen |= {child.pid for child in children()}
    assert len(seen) == 1
    look.close()
    assert not children()


def test_a_child_that_somebody_killed_is_replaced_within_the_look(looks, films):
    look = looks(films)
    look.look()
    (child,) = children()
    child.kill()
    assert look.look()["mounts"].value is True


def test_a_child_that_is_itself_stopped_accuses_no_folder(looks, films):
    look = looks(films, disks={"data": str(films)})
    look.look()
    (child,) = children()
    child.suspend()
    began = time.monotonic()
    facts = look.look()
    assert time.monotonic() - began < 3
    assert (facts["mounts"], facts["disk"]) == (Fact(None, f"not_asked: {films}"), Fact(None, f"not_asked: {films}"))
    until(lambda: look.look()["mounts"].value is True)
    assert len(children()) == 1


def test_the_child_ends_with_its_parent_however_that_ends(films):
    program = (
        "import sys; from keeper.world.clock import SystemClock; from keeper.world.lookout import Lookout; "
        f"look = Lookout(SystemClock()); print(look.ask([{str(films)!r}], '', 2.8), flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert "word='folder'" in parent.stdout.readline()
    (child,) = psutil.Process(parent.pid).children()
    parent.kill()
    parent.communicate()
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_children_that_cannot_be_killed_are_few_whatever_is_asked(monkeypatch, tmp_path):
    started = []

    class Immortal:
        gone = False

        def __init__(self, command):
            started.append(command)

        def exchange(self, question, deadline):
            return json.dumps({}).encode() + b"\n"

        def kill(self):
            pass

    monkeypatch.setattr(lookout_module, "_Child", Immortal)
    lookout = Lookout(CLOCK)
    words = [lookout.ask([f"/gone/{number}"], "", 2.8)[f"/gone/{number}"].word for number in range(100)]
    assert len(started) == lookout.stuck == words.count("hanging") == 16
    assert words[-1] == "not_asked"


def test_the_child_is_up_in_a_moment(looks, films):
    """A look that has to start it first still answers; the figure is measured elsewhere, this is a far limit."""
    began = time.monotonic()
    assert looks(films).look()["mounts"].value is True
    assert time.monotonic() - began < 2


# ---------------------------------------------------------------------------- mounts that hang


@pytest.fixture(params=["killable", "unkillable"])
def dead(request, mounts, films, tmp_path):
    """A mount with films, and what hangs and mends it.

    A request that the stopped server has not fetched yet can be killed. One that it has fetched cannot: there the inner
    one of two mounts is stopped, and the outer one, which waits for it, has our request in its hands.
    """
    inner = mounts(films, tmp_path / "inner")
    outer = mounts(inner.target, tmp_path / "outer") if request.param == "unkillable" else inner
    return outer.target, inner, request.param


def test_a_hanging_mount_is_seen_in_one_look_and_its_neighbours_too(looks, dead, tmp_path):
    target, server, kind = dead
    shows = library(tmp_path / "shows")
    look = looks(shows, target, disks={"data": str(shows), "transcode": str(target)})
    assert look.look()["mounts"] == Fact(True)
    server.stop()
    began = time.monotonic()
    facts = look.look()
    assert time.monotonic() - began < 3
    assert facts["mounts"] == Fact(False, f"hanging: {target}")
    assert facts[f"mount:{shows}"] == Fact(True)
    assert facts["disk"] == Fact(None, f"hanging: {target}")
    began = time.monotonic()
    assert look.look()["mounts"] == Fact(False, f"hanging: {target}")
    assert time.monotonic() - began < (3 if kind == "killable" else 1)  # a stuck child is not joined by another
    server.go()
    until(lambda: look.look()["mounts"].value is True)
    assert look.look()[f"mount:{target}"] == Fact(True)
    until(lambda: look.look() and len(lookers()) == 1)


def lookers():
    return [child for child in children() if "bindfs" not in child.name()]


def test_fifty_looks_at_a_hanging_mount_leave_nothing_behind(looks, dead, tmp_path):
    target, server, kind = dead
    look = looks(target, library(tmp_path / "shows"), patience=0.1)
    until(lambda: look.look()["mounts"].value is True)
    threads, files = threading.active_count(), psutil.Process().num_fds()
    server.stop()
    most = 0
    for _ in range(50):
        assert look.look()["mounts"] == Fact(False, f"hanging: {target}")
        most = max(most, len(lookers()))
    assert most <= 2  # the one that hangs or is about to die, and the one that is kept
    assert threading.active_count() == threads
    assert psutil.Process().num_fds() <= files
    if kind == "unkillable":
        assert psutil.STATUS_DISK_SLEEP in {state for child in lookers() for state in states(child)}
    server.go()
    until(lambda: look.look()["mounts"].value is True)


def states(process):
    """Of all threads: the one that hangs is not the first one."""
    names = {"D": psutil.STATUS_DISK_SLEEP}
    found = []
    for stat in Path(f"/proc/{process.pid}/task").glob("*/stat"):
        try:
            letter = stat.read_text().rpartition(")")[2].split()[0]
        except OSError:  # ended meanwhile
            continue
        found.append(names.get(letter, letter))
    return found


def test_closing_does_not_wait_for_a_stuck_child(looks, dead):
    target, server, _ = dead
    look = looks(target, patience=0.2)
    look.look()
    server.stop()
    look.look()
    began = time.monotonic()
    look.close()
    assert time.monotonic() - began < 1.5


def test_a_mount_that_went_away_is_noticed_though_something_lies_beneath(looks, mounts, films, tmp_path):
    beneath = library(tmp_path / "nas" / "films").parent  # written by a program that did not notice
    (films / "films").mkdir()
    (films / "films" / "Film.mkv").touch()
    mount = mounts(films, beneath)
    memory: dict[str, Known] = {}
    look = looks(beneath, beneath / "films", memory=memory)
    assert look.look()["mounts"].value is True
    assert memory[str(beneath / "films")].mount == str(beneath)
    mount.unmount()
    facts = look.look()
    assert facts["mounts"] == Fact(False, f"unmounted: {beneath}")
    assert facts[f"mount:{beneath / 'films'}"] == Fact(False, "unmounted")
    mounts(films, beneath)
    assert look.look()["mounts"].value is True


def test_a_mount_whose_program_has_crashed_is_broken(looks, mounts, films, tmp_path):
    mount = mounts(films, tmp_path / "nas")
    look = looks(mount.target)
    look.look()
    mount.crash()
    assert look.look()["mounts"] == Fact(False, f"broken ENOTCONN: {mount.target}")


def test_looking_does_not_keep_a_mount_busy(looks, mounts, films, tmp_path):
    """Whoever wants to unmount must not fail because of us."""
    mount = mounts(films, tmp_path / "nas")
    look = looks(mount.target)
    look.look()
    assert subprocess.run(["fusermount3", "-u", str(mount.target)], capture_output=True).returncode == 0
    assert lookers()  # it lives, and holds nothing open between looks
