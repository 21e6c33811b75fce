"""Made-up titles, names and sentences. Some titles are hostile on purpose: a page must survive them."""

from __future__ import annotations

from random import Random


def _many(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ADJECTIVES = _many(
    "Amber Ancient Blue Borrowed Broken Brave Bright Burning Careless Copper Crooked Distant Drowsy Electric Empty "
    "Faithful Fallen Forgotten Frozen Gentle Gilded Golden Hidden Hollow Honest Invisible Iron Ivory Lonely Lost "
    "Lucky Midnight Narrow Nameless Northern Paper Patient Perfect Quiet Restless Rusty Salted Scarlet Second Secret "
    "Silent Silver Sleeping Slow Stubborn Sudden Tangled Thirsty Untamed Velvet Wandering Weightless Wicked Winter"
)
NOUNS = _many(
    "Alphabet Apprentice Archive Astronomer Balloon Beekeeper Bridge Cartographer Carousel Clock Comet Compass "
    "Conductor Courier Crown Detective Diary Engine Escape Falcon Feast Ferryman Forecast Fortune Garden Ghost "
    "Glacier Harbour Harvest Heist Horizon Hurricane Island Journey Kingdom Kite Labyrinth Lantern Letter Lighthouse "
    "Locksmith Machine Magician Melody Mirror Monsoon Mountain Observatory Orchard Orchestra Parade Pilot Planet "
    "Postcard Promise Puzzle Radio Railway Reckoning River Rumour Satellite Sculptor Shadow Sparrow Station Storm "
    "Summer Symphony Telescope Theatre Thief Tide Tower Umbrella Valley Voyage Waltz Watchmaker Whale Window"
)
PLACES = _many(
    "Aldermoor Arbon Bellavista Bergen Brindle Cadiz Calloway Carrow Delft Dunmore Eastwick Fairhaven Galway Granada "
    "Halden Harrowgate Innsbruck Kestrel Kyoto Lindau Lisbon Malmo Marrow Nantes Oslo Palermo Portofino Quebec "
    "Ravenna Rosewood Salzburg Sienna Skagen Tallinn Trieste Tromso Umbria Valparaiso Windermere"
)
FIRST_NAMES = _many(
    "Ada Amara Anouk Arlo Beatrix Bruno Cassia Clement Dara Edgar Elif Emil Esme Farid Greta Hugo Ines Ivo Jonas June "
    "Kenji Lena Leo Mabel Maya Milo Nadia Nils Noor Olga Otis Petra Quinn Rafael Rosa Samir Selma Tariq Thea Viggo"
)
LAST_NAMES = _many(
    "Abernathy Albrecht Bellamy Brandt Castellan Corbin Delacroix Dragan Eklund Fairweather Fontaine Grimaldi "
    "Hallberg Haverford Ibsen Jansen Kowal Lindqvist Lockhart Marchetti Montague Nakata Novak Okafor Pemberton Petrov "
    "Quill Ravenscroft Reyes Rosenthal Sorensen Sterling Szabo Thackeray Valente Vance Whitlock Winterbourne Yilmaz"
)
GENRES = _many("Action Adventure Animation Comedy Crime Documentary Drama Family Fantasy Mystery")
COUNTRIES = ("United States of America", "United Kingdom", "Germany", "France", "Japan", "Norway", "Spain", "Canada")
STUDIOS = ("Paper Moon Pictures", "Lantern Works", "Halcyon & Sons", "Northlight Films", "Two Rivers", "Copper Kettle")
RATINGS = _many("G PG PG-13 R TV-14 TV-MA")

HOSTILE_TITLES = (
    "\"Quoted\" & 'Unquoted'",
    "<b>Bold</b> <script>alert('boo')</script>",
    "🎬 Popcorn 🍿 & Circumstance",
    "مدينة الضوء الأخيرة",
    ":material/delete: costs $E=mc^2$ and **two** [links](https://example.invalid)",
    "Robert'); DROP TABLE items;--",
    "100% Wool \\ Back\\slash {braces} `ticks` #1",
    "Ça, où? Ñandú, Übermäßig, Жизнь, 静かな海",
    "The Exceedingly Long and Wholly Unabridged Chronicle of the Clockmaker's Nephew Who Mislaid His Uncle's "
    "Umbrella on the Night Train to Valparaiso and of Everybody Who Afterwards Claimed to Have Found It in the "
    "Left-Luggage Office of a Station That Had Been Closed for Eleven Years",
    "=SUM(A1:A9)",
)
PLACEHOLDERS = ("TBA", "Episode 5", "Episode 6", "TBD")

_PATTERNS = (
    "The {a} {n}",
    "{n} of {p}",
    "{a} {n}",
    "One {n} for {f}",
    "The {n} and the {m}",
    "Last {n} to {p}",
    "{f}'s {n}",
    "The {a} {n} of {p}",
    "{a} {n}, {b} {m}",
)
_LONG_PATTERNS = _PATTERNS[-2:]  # enough words for hundreds of thousands of titles
_SUMMARIES = (
    "When the {n} of {p} disappears, {f} {l} has three days to find it before everybody learns what it was for.",
    "{f} {l} comes home to {p} for one {a} summer and finds a {n} nobody wants to talk about.",
    "A {a} {n} brings together two strangers, {f} and {g}, on the slowest journey of their lives.",
    "After the {a} {n}, nothing in {p} is as it was; only {f} {l} remembers why.",
    "{g} never believed in the {n} of {p}. Then it started to write back.",
)
_SECOND = (
    "What begins as a favour soon becomes a {a} affair.",
    "Nobody expected the {m} to answer.",
    "Old friends, a {b} plan and a {m} that will not start.",
    "The {m} is the least of their worries.",
    "",
)


def _draw(rng: Random) -> dict[str, str]:
    """One word for each letter the patterns use."""
    pick = rng.choice
    return {
        "a": pick(ADJECTIVES),
        "b": pick(ADJECTIVES),
        "n": pick(NOUNS),
        "m": pick(NOUNS),
        "p": pick(PLACES),
        "f": pick(FIRST_NAMES),
        "g": pick(FIRST_NAMES),
        "l": pick(LAST_NAMES),
    }


class Writer:
    """Writes titles that do not repeat, and texts to go with them."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._used: set[str] = set()

    def title(self) -> str:
        for attempt in range(100):
            patterns = _PATTERNS if attempt < 3 else _LONG_PATTERNS
            title = self._rng.choice(patterns).format_map(_draw(self._rng))
            if title not in self._used:
                self._used.add(title)
                return title
        raise RuntimeError("the word lists are too short for so many titles")

    def summary(self) -> str:
        words = {name: word if name in "flgp" else word.lower() for name, word in _draw(self._rng).items()}
        first = self._rng.choice(_SUMMARIES).format_map(words)
        return f"{first} {self._rng.choice(_SECOND).format_map(words)}".strip()

    def person(self) -> str:
        return f"{self._rng.choice(FIRST_NAMES)} {self._rng.choice(LAST_NAMES)}"
