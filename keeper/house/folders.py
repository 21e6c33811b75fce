"""The folders of the libraries, for people: what is known of each and seen of it, and 'this is right as it is'.

Part of the wiring. What a folder was like while it was well is remembered, so that a mount that is gone is no new
library. Who emptied or moved a folder on purpose says so here; then it is learnt anew.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from keeper.errors import RunError, WrongUse
from keeper.ports import Clock
from keeper.rules.types import Fact, Notice, SectionSeen, Severity
from keeper.store.folders import Row, StoredFolders
from keeper.world.files import Known

NOT_LOOKED_AT, NO_LIBRARY = "not_looked_at", "no_library"
ACCEPT = "If that is right, run: python -m keeper folders --accept {path}"

#: By the word a look has for a folder: what it means, and how it is mended.
_WORDS: Mapping[str, tuple[str, str]] = {
    "": ("It is there and has something in it.", ""),
    "new and empty": ("It is empty, and never had anything in it.", ""),
    "empty": ("It is empty, and had something in it before.", f"Mount it again. {ACCEPT}"),
    "unmounted": ("Its disk is not mounted where it was.", f"Mount it again. {ACCEPT}"),
    "anchor_gone": ("The file named in MOUNT_ANCHOR is not in it any more.", f"Mount it again. {ACCEPT}"),
    "missing": ("It is missing.", "Mount it again, or take it out of its library in Plex."),
    "not_a_folder": ("It is no folder any more.", "Put the folder back, or take it out of its library in Plex."),
    "stale": ("Its server has lost it.", "Unmount it and mount it again."),
    "broken": ("Its server is gone.", "Unmount it and mount it again."),
    "hanging": ("It does not answer.", "Look after the disk or the server it is on."),
    "never_seen": (
        "It was never seen on this machine.", "If Plex runs elsewhere or in a container, tell where it is: MOUNT_MAP.",
    ),
    "elsewhere": ("It is no path of this machine.", "Tell where it is on this machine: MOUNT_MAP."),
    "denied": ("This program may not look into it.", "Let the user of this program read the folder."),
    "failed": ("Looking at it failed.", "Look after the disk it is on."),
    "not_asked": ("There was no time to look at it.", ""),
    NOT_LOOKED_AT: ("It was not looked at yet.", ""),
    NO_LIBRARY: ("No library of Plex has it any more.", ""),
}  # fmt: skip


#: A folder that is not there, or does not answer, is not right as it is: forgetting it would only hide that.
_NOT_THERE = ("missing", "not_a_folder", "stale", "broken", "hanging", "failed")


class Folder(NamedTuple):
    """One folder of the libraries, by its name on this machine."""

    path: str
    libraries: tuple[str, ...]  # titles; empty = Plex does not name it any more
    ok: bool | None
    seen: str  # a word of the look; '' = there and filled
    known: Known | None  # None = nothing is known of it yet

    @property
    def sentence(self) -> str:
        return self._told()[0]

    @property
    def mend(self) -> str:
        return self._told()[1].replace("{path}", self.path)

    def _told(self) -> tuple[str, str]:
        word, _, why = self.seen.partition(" ")
        return _WORDS.get(self.seen) or _WORDS.get(word) or (f"It cannot be told: {word} {why}".strip() + ".", "")


class Folders:
    """`sections` are those that Plex showed last, `ours` turns a path of Plex into that of this machine.

    It is the FolderMemory of the look too: read anew each time, because a command changes it beside the service.
    """

    def __init__(
        self,
        stored: StoredFolders,
        clock: Clock,
        sections: Callable[[], Sequence[SectionSeen]],
        ours: Callable[[str], str],
    ) -> None:
        self._stored, self._clock, self._sections, self._ours = stored, clock, sections, ours

    def get(self, path: str, /) -> Known | None:
        return _known(self._stored.all().get(path))

    def __setitem__(self, path: str, known: Known, /) -> None:
        self._stored.learn(path, known, self._clock.now())

    def paths(self) -> list[str]:
        """Of the libraries that Plex showed when it last showed any: one that was deleted there is missed by nobody."""
        return list(self._libraries())

    def show(self, facts: Mapping[str, Fact]) -> list[Folder]:
        """All that Plex names or something is known of. `facts` are those of a look."""
        libraries, rows = self._libraries(), self._stored.all()
        return [
            Folder(path, libraries.get(path, ()), *_seen(facts, path, path in libraries), _known(rows.get(path)))
            for path in dict.fromkeys((*libraries, *rows))
        ]

    def accept(self, path: str, by: str, facts: Mapping[str, Fact]) -> str:
        """Forgets what is known of it, on somebody's word; the path as it is called here. `facts` are those of a look
        of now. Raises RunError for one that no library has, and for one that is not there or does not answer."""
        named = dict.fromkeys((*self._libraries(), *self._stored.all()))
        asked = (os.path.normpath(path), os.path.normpath(self._ours(path)))
        found = next((each for each in asked if each in named), None)
        if found is None:
            raise WrongUse(f"{path} is no folder of a library. Those are: {', '.join(named) or 'none yet'}.")
        seen = next(each for each in self.show(facts) if each.path == found)
        if seen.seen.partition(" ")[0] in _NOT_THERE:
            raise RunError(f"{found} cannot be accepted as it is. {seen.sentence} {seen.mend}")
        message = f"{by} says that {found} is right as it is now: what was known of it is forgotten, and learnt anew."
        notice = Notice("Folder Accepted", Severity.INFO, message, {"by": by, "path": found})
        self._stored.forget(found, notice, self._clock.now())
        return found

    def _libraries(self) -> dict[str, tuple[str, ...]]:
        """Folder -> titles of the libraries it belongs to."""
        titles: dict[str, tuple[str, ...]] = {}
        for path, title in _places(self._sections()):
            name = os.path.normpath(self._ours(path))
            titles[name] = tuple(dict.fromkeys((*titles.get(name, ()), title)))
        return titles


def _places(sections: Sequence[SectionSeen]) -> Iterator[tuple[str, str]]:
    """(path, title) of the libraries seen last; all libraries that are there are seen at once."""
    last = max((section.seen_at for section in sections), default=None)
    for section in sections:
        if section.seen_at == last:
            yield from ((path, section.title) for path in section.locations if path)


def _seen(facts: Mapping[str, Fact], path: str, named: bool) -> tuple[bool | None, str]:
    fact = facts.get(f"mount:{path}", Fact(None, NOT_LOOKED_AT)) if named else Fact(None, NO_LIBRARY)
    return (fact.value if isinstance(fact.value, bool) else None), fact.detail


def _known(row: Row | None) -> Known | None:
    """None also for a row of another program's shape, or edited by hand: it is learnt anew."""
    try:
        known = Known(*row) if row is not None else None
    except TypeError:
        return None
    return known if known is None or tuple(map(type, known)) == (bool, str, str) else None
