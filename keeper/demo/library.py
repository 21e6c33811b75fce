"""The model: sections with items, and sorted views on them that stay fast with 100,000 items."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

KINDS = {
    "movie": 1,
    "show": 2,
    "season": 3,
    "episode": 4,
    "artist": 8,
    "album": 9,
    "track": 10,
    "photo": 13,
    "clip": 12,
}
KIND_BY_NUMBER = {number: kind for kind, number in KINDS.items()}
CONTAINERS = {"show", "season", "artist", "album"}
VIEWS_KEPT = 24

Test = Callable[["Item"], bool]


@dataclass(slots=True)
class Section:
    """A library as Plex calls it: 'Movies', 'TV Shows', ..."""

    key: int
    kind: str
    title: str
    agent: str
    scanner: str
    language: str
    uuid: str
    paths: list[str]
    created_at: int
    updated_at: int
    scanned_at: int
    content_changed_at: int = 1
    refreshing: bool = False

    @property
    def is_modern(self) -> bool:
        """Only the new agents give an item the external ids that Guid children show."""
        return self.agent.startswith("tv.plex.agents.") and self.agent != "tv.plex.agents.none"

    @property
    def has_agent(self) -> bool:
        return not self.agent.endswith(".none")


@dataclass(slots=True, eq=False)
class Item:
    """One movie, show, season, episode, artist, album or track.

    `cure` holds what a broken item lacks; a refresh that helps puts it back. A `hopeless` item is processed
    like any other and nothing comes of it, because its provider has no data.
    """

    key: int
    section: Section
    kind: str
    title: str
    guid: str
    summary: str
    added_at: int
    updated_at: int
    year: int | None = None
    released: str | None = None
    index: int | None = None
    duration: int | None = None
    studio: str | None = None
    thumb: int | None = None  # the epoch in the address of the picture
    art: int | None = None
    borrows_thumb: bool = False  # shows its parent's picture instead of an own one
    frame_grab: bool = False  # the poster was cut out of the video
    flat: bool = False  # a show with hidden seasons
    guids: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()
    trashed: bool = False
    flaws: tuple[str, ...] = ()
    cure: dict[str, Any] = field(default_factory=dict)
    hopeless: bool = False
    parent: Item | None = None
    children: list[Item] = field(default_factory=list)

    @property
    def unmatched(self) -> bool:
        return self.guid.startswith("local://")

    @property
    def path(self) -> str:
        return f"/library/metadata/{self.key}"

    def family(self) -> Iterator[Item]:
        """The item, its children, and theirs."""
        yield self
        for child in self.children:
            yield from child.family()

    def leaves(self) -> list[Item]:
        return [item for item in self.family() if not item.children]


@dataclass(slots=True)
class View:
    """A sorted, filtered list of items, and the state of the section it was made from."""

    stamp: int
    items: list[Item]


class Library:
    """All sections and items, with the numbers that tell when a view on them is out of date."""

    def __init__(self) -> None:
        self.sections: dict[int, Section] = {}
        self.items: dict[int, Item] = {}
        self.members: dict[tuple[int, str], dict[int, Item]] = {}
        self.on_change: list[Callable[[Item], None]] = []
        self._views: OrderedDict[tuple[Any, ...], View] = OrderedDict()
        self._shape: dict[int, int] = {}  # moves when items come or go
        self._content: dict[int, int] = {}  # moves when anything of an item moves

    def add_section(self, section: Section) -> Section:
        self.sections[section.key] = section
        self._shape[section.key] = self._content[section.key] = 0
        return section

    def add(self, item: Item) -> Item:
        self.items[item.key] = item
        self.members.setdefault((item.section.key, item.kind), {})[item.key] = item
        if item.parent is not None:
            item.parent.children.append(item)
        self._moved(item.section, shape=True)
        return item

    def delete(self, key: int) -> list[Item]:
        """Take an item and all below it away; returns what is gone."""
        item = self.items.get(key)
        if item is None:
            return []
        gone = list(item.family())
        for one in gone:
            del self.items[one.key]
            del self.members[one.section.key, one.kind][one.key]
        if item.parent is not None:
            item.parent.children.remove(item)
        self._moved(item.section, shape=True)
        return gone

    def changed(self, item: Item) -> None:
        """Tell everybody who keeps something about this item; its children show parts of it, too."""
        self._moved(item.section, shape=False)
        for one in item.family():
            for tell in self.on_change:
                tell(one)

    def next_key(self) -> int:
        return max(self.items, default=1000) + 1

    def view(self, section: Section, kind: str, sort: Sort, tests: Tests) -> list[Item]:
        """The items of one kind in one order; kept until something moves that the view depends on."""
        volatile = sort.volatile or tests.volatile
        stamp = (self._content if volatile else self._shape)[section.key]
        name = (section.key, kind, sort.name, tests.name)
        view = self._views.get(name)
        if view is None or view.stamp != stamp:
            view = View(stamp, self._look(section, kind, sort, tests))
            self._views[name] = view
        self._views.move_to_end(name)
        while len(self._views) > VIEWS_KEPT:
            self._views.popitem(last=False)
        return view.items

    def _look(self, section: Section, kind: str, sort: Sort, tests: Tests) -> list[Item]:
        if tests.all:
            rows = self.view(section, kind, sort, NO_TESTS)
            return [item for item in rows if all(test(item) for test in tests.all)]
        return sort.apply(list(self.members.get((section.key, kind), {}).values()))

    def _moved(self, section: Section, *, shape: bool) -> None:
        section.content_changed_at += 1
        self._content[section.key] += 1
        if shape:
            self._shape[section.key] += 1


@dataclass(frozen=True)
class Sort:
    """One order: keys from the most to the least significant, each with its direction."""

    name: str
    keys: tuple[tuple[Callable[[Item], Any], bool], ...]
    volatile: bool = False

    def apply(self, items: list[Item]) -> list[Item]:
        for key, descending in reversed(self.keys):
            items.sort(key=key, reverse=descending)
        return items


@dataclass(frozen=True)
class Tests:
    """What an item must pass to be in a view."""

    name: str = ""
    all: tuple[Test, ...] = ()
    volatile: bool = False


NO_TESTS = Tests()
