"""The folders of the library and the disks that Plex needs: there, mounted, filled, and with room left?

A mount that is gone leaves an empty folder behind, and Plex takes what was in it for deleted. What a folder was like
while it was well is therefore remembered: a new library may be empty, one that held films may not.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from keeper.errors import KeeperError
from keeper.ports import Clock
from keeper.rules.types import Fact
from keeper.world.lookout import Lookout, Seen

SECONDS = 2.8  # for asking; the whole look stays below 3
GB = 1e9  # bytes, as disks are sold

#: Words that condemn a folder whether it was ever seen well or not.
_BAD = ("not_a_folder", "stale", "broken", "hanging")


class Known(NamedTuple):
    """What is remembered of a folder from when it was well."""

    filled: bool = False
    anchor: str = ""  # the name of the anchor file that was in it
    mount: str = ""  # where its file system was mounted


class FolderMemory(Protocol):
    """What is known of each folder, by its path. A dict is one; may raise KeeperError."""

    def get(self, path: str, /) -> Known | None: ...

    def __setitem__(self, path: str, known: Known, /) -> None: ...


def too_little(free: float, size: float) -> bool:
    """1 % of the disk, but 1 GB at least and 5 GB at most; of a small one (a RAM disk) a tenth. In bytes."""
    return free < min(0.1 * size, max(1 * GB, min(0.01 * size, 5 * GB)))


def path_map(text: str) -> Callable[[str], str]:
    """'/data=/mnt/nas, /tv=/mnt/tv': how paths of Plex are called here, where it runs in a container.

    Raises ValueError. The longest beginning counts, and only whole names: '/data' says nothing about '/data2'.
    """
    pairs = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    if not all(theirs.strip().startswith("/") and ours.strip().startswith("/") for theirs, _, ours in pairs):
        raise ValueError("pairs such as /data=/mnt/nas with commas between")
    table = sorted(((theirs.strip().rstrip("/"), ours.strip().rstrip("/")) for theirs, _, ours in pairs), reverse=True)

    def ours_of(path: str) -> str:
        for theirs, ours in table:
            if path == theirs or path.startswith(f"{theirs}/"):
                return (ours + path[len(theirs) :]) or "/"
        return path

    return ours_of


class FilesLook:
    """The Sight port for files.

    `paths` tells the folders of the libraries by their names on this machine, `disks` the folders whose disks must not
    run full, by label. `memory` keeps what is known of each folder; give one that outlasts the process, or a mount that
    is missing after a reboot looks like a new library. It is asked anew at each look: whoever takes an entry out of it,
    in this process or in another, forgives what the folder has become since.
    """

    def __init__(
        self,
        paths: Callable[[], Sequence[str]],
        disks: Callable[[], Mapping[str, str]],
        clock: Clock,
        memory: FolderMemory | None = None,
        anchor: str = "",
        is_full: Callable[[float, float], bool] = too_little,
        lookout: Lookout | None = None,
    ) -> None:
        self._paths, self._disks, self._anchor, self._is_full = paths, disks, anchor, is_full
        nothing: dict[str, Known] = {}
        self._memory: FolderMemory = nothing if memory is None else memory
        self._lookout = lookout or Lookout(clock)

    def look(self) -> dict[str, Fact]:
        """`mounts` and `disk` (the first bad one named), `mount:<path>` in a word, `disk_free_gb:<label or mount>`."""
        try:
            folders = list(dict.fromkeys(os.path.normpath(path) for path in self._paths() if path))
            disks = {label: os.path.normpath(path) for label, path in self._disks().items() if path}
            local = [path for path in (*folders, *disks.values()) if path.startswith("/")]
            seen = self._lookout.ask(local, self._anchor, SECONDS)
            mounts = self._mounts(folders, seen)
        except KeeperError as problem:  # the data file knows the paths and keeps the memory
            return {"mounts": Fact(None, problem.code), "disk": Fact(None, problem.code)}
        spaces = {seen[path].mount: seen[path] for path in folders if path in seen and seen[path].size}
        return mounts | self._disk(disks, seen) | _free(spaces)

    def close(self) -> None:
        """Ends the child process that looks."""
        self._lookout.close()

    # ------------------------------------------------------------------ folders

    def _mounts(self, folders: Sequence[str], seen: Mapping[str, Seen]) -> dict[str, Fact]:
        known = {path: self._memory.get(path) for path in folders}
        facts = {
            path: self._folder(seen[path], known[path]) if path in seen else Fact(None, "elsewhere") for path in folders
        }
        self._remember(facts, seen, known)
        # Plex may run elsewhere or name things otherwise. One folder with films in it shows that we see its disks.
        same_disks = any(_was_filled(known[path]) or _is_filled(seen.get(path)) for path in folders)
        for path, fact in facts.items():
            if fact.detail == "missing":
                facts[path] = Fact(False, "missing") if known[path] or same_disks else Fact(None, "never_seen")
        return {"mounts": _summary(facts)} | {f"mount:{path}": fact for path, fact in facts.items()}

    def _folder(self, seen: Seen, known: Known | None) -> Fact:
        """One folder by itself. An anchor that is there proves its mount, whatever else may have changed."""
        if seen.word != "folder":
            why = f" {seen.why}" if seen.word in ("broken", "failed") else ""
            return Fact(False if seen.word in _BAD else None, seen.word + why)
        if seen.anchor:
            return Fact(True)
        known = known or Known()
        if _is_above(seen.mount, known.mount):
            return Fact(False, "unmounted")
        if self._anchor and known.anchor == self._anchor and seen.anchor is False:
            return Fact(False, "anchor_gone")
        if seen.filled is None:
            return Fact(None, "denied")
        if known.filled and not seen.filled:
            return Fact(False, "empty")
        return Fact(True, "" if seen.filled else "new and empty")

    def _remember(self, facts: Mapping[str, Fact], seen: Mapping[str, Seen], known: Mapping[str, Known | None]) -> None:
        """Only of folders that are well, and only what is new: the memory may be a file."""
        for path, fact in facts.items():
            if fact.value is not True:
                continue
            before, now = known[path] or Known(), seen[path]
            anchor = self._anchor if now.anchor else before.anchor
            after = Known(before.filled or bool(now.filled), anchor, now.mount)
            if after != known[path]:
                self._memory[path] = after

    # ------------------------------------------------------------------ disks

    def _disk(self, disks: Mapping[str, str], seen: Mapping[str, Seen]) -> dict[str, Fact]:
        facts = {path: self._room(path, seen.get(path, Seen("elsewhere"))) for path in disks.values()}
        spaces = {label: seen[path] for label, path in disks.items() if path in seen and seen[path].size}
        return {"disk": _first(list(facts.values()), "no folder is named")} | _free(spaces)

    def _room(self, path: str, seen: Seen) -> Fact:
        if not seen.size:  # not seen, or a file system without a size
            return Fact(None, f"{seen.word}: {path}")
        if seen.no_inodes:
            return Fact(False, f"full: {path} has room for no more files")
        if self._is_full(seen.free, seen.size):
            return Fact(False, f"full: {path} {_size(seen.free)} of {_size(seen.size)} free")
        return Fact(True)


def _summary(facts: Mapping[str, Fact]) -> Fact:
    return _first(
        [fact._replace(detail=f"{fact.detail}: {path}") for path, fact in facts.items()], "no folder is known"
    )


def _first(facts: Sequence[Fact], none: str) -> Fact:
    """The first bad one, else the first unknown one, else all is well."""
    worst = [fact for value in (False, None) for fact in facts if fact.value is value]
    if worst:
        return worst[0]
    return Fact(True) if facts else Fact(None, none)


def _was_filled(known: Known | None) -> bool:
    return known is not None and (known.filled or bool(known.anchor))


def _is_filled(seen: Seen | None) -> bool:
    return seen is not None and (bool(seen.filled) or bool(seen.anchor))


def _is_above(mount: str, known: str) -> bool:
    """Whether the file system that was mounted at `known` gave way to the one beneath it."""
    return bool(known) and mount != known and known.startswith(mount.rstrip("/") + "/")


def _free(spaces: Mapping[str, Seen]) -> dict[str, Fact]:
    return {
        f"disk_free_gb:{label}": Fact(round(space.free / GB, 1), f"of {_size(space.size)}")
        for label, space in spaces.items()
    }


def _size(count: float) -> str:
    """Bytes for people: '1.2 GB', '500 GB', '3.6 TB'."""
    number, unit = (count / GB, "GB") if count < 1000 * GB else (count / GB / 1000, "TB")
    return f"{number:.1f} {unit}" if number < 10 else f"{number:.0f} {unit}"
