"""Fills libraries: the pretty one for the demo, small ones for tests, big ones for benchmarks. All by seed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from random import Random

from keeper.demo import flaws
from keeper.demo.dice import chance, digits, shaker
from keeper.demo.library import Item, Library, Section
from keeper.demo.words import HOSTILE_TITLES, STUDIOS, Writer

DAY = 86400
Flaw = tuple[str, ...]  # everything that is wrong with one item
KINDS_OF_SECTION = {
    "movies": ("movie", "Movies", "tv.plex.agents.movie", "Plex Movie", "en-US"),
    "shows": ("show", "TV Shows", "tv.plex.agents.series", "Plex TV Series", "en-US"),
    "legacy": ("movie", "Old Movies", "com.plexapp.agents.imdb", "Plex Movie Scanner", "en"),
    "none": ("movie", "Home Videos", "com.plexapp.agents.none", "Plex Video Files Scanner", "xn"),
    "music": ("artist", "Music", "tv.plex.agents.music", "Plex Music", "en-US"),
}


@dataclass(frozen=True)
class Plan:
    """What is asked for on the command line."""

    library: str = "demo"
    items: int = 0
    broken: int = -1  # -1 = as many as the library has by nature
    section_items: tuple[int, ...] = ()
    seed: int = 7
    never_mend: float = 0.1


class Maker:
    """Makes items one after the other and puts them into the library."""

    def __init__(self, plan: Plan, now: int) -> None:
        self.plan, self.now = plan, now
        self.library = Library()
        self.rng: Random = shaker(plan.seed, "library")
        self.writer = Writer(self.rng)
        self._next_key = 1000

    def go_on(self, rng: Random) -> None:
        """Make more items for a library that is already there."""
        self.rng, self.writer = rng, Writer(rng)
        self._next_key = self.library.next_key() - 1

    def section(self, style: str, title: str = "") -> Section:
        kind, usual, agent, scanner, language = KINDS_OF_SECTION[style]
        key = len(self.library.sections) + 1
        born = self.now - 500 * DAY
        title = title or usual
        raw = digits(self.plan.seed, "section", key, 32)
        uuid = f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
        paths = [folder_of(title)]
        stamps = (born, self.now - 3 * DAY, self.now - 3600)
        return self.library.add_section(Section(key, kind, title, agent, scanner, language, uuid, paths, *stamps))

    def item(self, section: Section, kind: str, title: str, **more: object) -> Item:
        """One whole and healthy item."""
        self._next_key += 1
        key = self._next_key
        added = self.added_at(section)
        parent = more.get("parent")
        item = Item(key, section, kind, title, self._guid(section, kind, key), "", added, added + 60)
        item.thumb = added + 60
        item.art = added + 60 if kind in {"movie", "show", "artist"} else None
        item.guids = self._guids(section, kind, key)
        for name, value in more.items():
            setattr(item, name, value)
        if isinstance(parent, Item):
            item.added_at = min(parent.added_at + item.key % 3600, self.now)
        return self.library.add(item)

    def added_at(self, section: Section) -> int:
        """One item in five is at most 30 days old; in a bench library all are at most 20 days old."""
        if self.plan.library == "bench":
            return self._added_in_turn()
        if self.rng.random() < 0.2:
            return self.now - self.rng.randrange(600, 30 * DAY - 7200)
        return self.now - self.rng.randrange(30 * DAY, 400 * DAY)

    def _added_in_turn(self) -> int:
        """As on a server that fills up: numbers grow with time, though not strictly, for scans overlap."""
        turn = min(1.0, (self._next_key - 1000) / max(self.plan.items, 1))
        return self.now - 60 - int((1 - turn) * 19 * DAY) - self.rng.randrange(12 * 3600)

    def _guid(self, section: Section, kind: str, key: int) -> str:
        if section.is_modern:
            return f"plex://{kind}/{digits(self.plan.seed, 'guid', key, 24)}"
        if section.has_agent:
            return f"{section.agent}://tt{1000000 + key}?lang=en"
        return f"{section.agent}://{digits(self.plan.seed, 'guid', key, 40)}?lang=xn"

    def _guids(self, section: Section, kind: str, key: int) -> tuple[str, ...]:
        if not section.is_modern:
            return ()
        if kind in {"artist", "album", "track"}:
            return (f"mbid://{digits(self.plan.seed, 'mbid', key, 32)}",)
        return (f"imdb://tt{2000000 + key}", f"tmdb://{30000 + key}", f"tvdb://{400000 + key}")

    # ---- what belongs into which section ----------------------------------------------------------

    def movie(self, section: Section, title: str = "") -> Item:
        rng = self.rng
        year = rng.randint(1950, 2025)
        item = self.item(section, "movie", title or self.writer.title(), year=year, summary=self.writer.summary())
        item.released = f"{year}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        item.duration = rng.randint(78, 165) * 60000
        item.studio = rng.choice(STUDIOS)
        return item

    def home_video(self, section: Section) -> Item:
        """Personal media: a frame of the video is its poster, nobody wrote a summary."""
        item = self.movie(section, f"{self.writer.title()} ({self.rng.randint(2009, 2024)})")
        item.summary, item.studio, item.art, item.frame_grab = "", None, None, True
        return item

    def show(self, section: Section, seasons: int, episodes: int, title: str = "") -> Item:
        year = self.rng.randint(1990, 2024)
        show = self.item(section, "show", title or self.writer.title(), year=year, summary=self.writer.summary())
        show.released, show.studio, show.duration = f"{year}-03-01", self.rng.choice(STUDIOS), 45 * 60000
        show.index, show.flat = 1, show.key % 7 == 0
        for number in range(1, seasons + 1):
            season = self.item(section, "season", f"Season {number}", parent=show, index=number)
            season.borrows_thumb = season.key % 3 == 0
            for place in range(1, episodes + 1):
                self._episode(season, place, year + number - 1)
        return show

    def _episode(self, season: Item, place: int, year: int) -> Item:
        title, summary = self.writer.title(), self.writer.summary()
        episode = self.item(season.section, "episode", title, parent=season, index=place, summary=summary)
        episode.year, episode.duration = year, self.rng.randint(40, 55) * 60000
        episode.released = f"{year}-{1 + place % 12:02}-{1 + place % 28:02}"
        return episode

    def artist(self, section: Section, albums: int, tracks: int) -> Item:
        artist = self.item(section, "artist", self.writer.person(), summary=self.writer.summary(), index=1)
        for number in range(1, albums + 1):
            year = self.rng.randint(1965, 2025)
            album = self.item(section, "album", self.writer.title(), parent=artist, index=number, year=year)
            album.studio, album.released = self.rng.choice(STUDIOS), f"{year}-05-01"
            for place in range(1, tracks + 1):
                track = self.item(section, "track", self.writer.title(), parent=album, index=place)
                track.thumb, track.duration = None, self.rng.randint(120, 420) * 1000
        return artist

    # ---- breaking ----------------------------------------------------------------------------------

    def break_some(self, items: list[Item], names: list[Flaw]) -> None:
        """Break as many different items as there are names; which ones is a matter of the seed."""
        for item, flaw in zip(self._victims(items), names, strict=False):
            flaws.break_item(item, *flaw)
            item.hopeless |= chance(self.plan.seed, "never mend", item.key) < self.plan.never_mend
            if "unmatched" in flaw:
                item.hopeless |= item.key % 2 == 0

    def _victims(self, items: list[Item]) -> list[Item]:
        """In random order, but first the young ones and a third of the old: young items are broken more often."""
        rng = shaker(self.plan.seed, f"flaws:{len(items)}")
        month = self.now - 30 * DAY
        return sorted(rng.sample(items, len(items)), key=lambda item: item.added_at < month and item.key % 3 > 0)


def folder_of(title: str) -> str:
    """Where the files of a section with that title are said to be."""
    return f"/media/{title.lower().replace(' ', '-')}"


def understood(library: str) -> str:
    """The name of a library or a specification, if it makes sense."""
    wanted = {part.partition(":")[0] for part in library.split(",")}
    if library not in LIBRARIES and not wanted <= set(KINDS_OF_SECTION):
        styles = ", ".join(KINDS_OF_SECTION)
        raise ValueError(f"{library!r} is neither demo, small, bench nor a list like movies:100:5,none:20 of {styles}")
    return library


def build(plan: Plan, now: int | None = None) -> Library:
    """The library the plan asks for."""
    maker = Maker(plan, int(time.time()) if now is None else now)
    LIBRARIES.get(plan.library, _by_spec)(maker)
    return maker.library


def _demo(maker: Maker) -> None:
    movies = maker.section("movies")
    films = [maker.movie(movies, title) for title in HOSTILE_TITLES]
    films += [maker.movie(movies) for _ in range(380)]
    films[-1].trashed = True
    shows = maker.section("shows")
    series = [maker.show(shows, 1 + number % 3, 6 + number % 4) for number in range(22)]
    episodes = [leaf for show in series for leaf in show.leaves()]
    _old_and_private(maker)
    music = maker.section("music")
    artists = [maker.artist(music, 2, 7) for _ in range(12)]
    maker.break_some(films, _demo_movie_flaws())
    maker.break_some(series, [("no_thumb",), ("no_summary",), ("no_guid",)])
    maker.break_some(episodes, _times({("no_summary",): 4, ("no_thumb", "no_summary"): 3, ("placeholder",): 4}))
    maker.break_some(artists, [("no_thumb",), ("no_summary",), ("unmatched",)])


def _demo_movie_flaws() -> list[Flaw]:
    counts: dict[Flaw, int] = {
        ("no_thumb",): 7,
        ("no_summary",): 6,
        ("no_thumb", "no_summary"): 4,
        ("no_guid",): 5,
        ("unmatched", "no_summary"): 6,
        ("no_year",): 2,
        ("no_art",): 2,
        ("generated_poster",): 2,
        ("locked_thumb",): 2,
        ("locked_summary",): 1,
        ("placeholder",): 1,
    }
    return _times(counts)


def _times(counts: dict[Flaw, int]) -> list[Flaw]:
    return [flaw for flaw, count in counts.items() for _ in range(count)]


def _old_and_private(maker: Maker) -> None:
    legacy = maker.section("legacy")
    old = [maker.movie(legacy) for _ in range(110)]
    maker.break_some(old, _times({("no_thumb",): 3, ("no_summary",): 2, ("unmatched",): 1}))
    private = maker.section("none")
    homemade = [maker.home_video(private) for _ in range(48)]
    maker.break_some(homemade, _times({("no_thumb",): 3}))


def _small(maker: Maker) -> None:
    """`items` rows in all: films, and shows of ten rows each (a show, two seasons, seven episodes)."""
    items = maker.plan.items or 50
    shows = items * 2 // 5 // 10
    films = _films(maker, items - shows * 10)
    section = maker.section("shows")
    for _ in range(shows):
        show = maker.show(section, 2, 3)
        maker._episode(show.children[-1], 4, show.year or 2000)
    maker.break_some(films, mixed_flaws(_broken(maker, max(4, items // 10))))


def _bench(maker: Maker) -> None:
    """One section of films, more of them with --section-items; all young, with a given number broken."""
    films = _films(maker, maker.plan.items or 1000)
    for number, count in enumerate(maker.plan.section_items, start=2):
        films += _films(maker, count, f"Movies {number}")
    maker.break_some(films, mixed_flaws(_broken(maker, max(1, len(films) // 100))))


def _by_spec(maker: Maker) -> None:
    """'movies:100:5,shows:3,none:20' = style:count:broken, in this order."""
    for part in maker.plan.library.split(","):
        style, count, broken, *_ = (*part.split(":"), "", "")
        section = maker.section(style)
        made = [_one(maker, style, section) for _ in range(int(count or 10))]
        maker.break_some(made, mixed_flaws(int(broken or 0)))


def _one(maker: Maker, style: str, section: Section) -> Item:
    if style == "shows":
        return maker.show(section, 2, 6)
    if style == "music":
        return maker.artist(section, 2, 6)
    return maker.home_video(section) if style == "none" else maker.movie(section)


def _films(maker: Maker, count: int, title: str = "") -> list[Item]:
    section = maker.section("movies", title)
    return [maker.movie(section) for _ in range(count)]


def _broken(maker: Maker, usual: int) -> int:
    return usual if maker.plan.broken < 0 else maker.plan.broken


def mixed_flaws(count: int) -> list[Flaw]:
    kinds: list[Flaw] = [("no_thumb",), ("no_summary",), ("no_thumb", "no_summary"), ("no_guid",)]
    return [kinds[number % len(kinds)] for number in range(count)]


LIBRARIES = {"demo": _demo, "small": _small, "bench": _bench}
