"""Speaking to a person: words, numbers and times in their language and time zone. Pure; no page in here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from keeper.ui.lexicon import ADVICE, ERRORS, STATES, WORDS
from keeper.ui.lexicon_events import KINDS_GERMAN
from keeper.ui.lexicon_watch import EVIDENCE, Pair
from keeper.ui.phrases import PHRASES

LANGUAGES = ("en", "de")

MONTHS: Pair = (
    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    "Jan. Feb. März Apr. Mai Juni Juli Aug. Sep. Okt. Nov. Dez.",
)
WEEKDAYS: Pair = ("Mon Tue Wed Thu Fri Sat Sun", "Mo Di Mi Do Fr Sa So")

MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Tongue:
    """One person's language and zone."""

    lang: str
    zone: ZoneInfo

    def of(self, pair: Pair) -> str:
        return pair[LANGUAGES.index(self.lang)]

    def say(self, phrase: str, **values: object) -> str:
        """The phrase of that name. With n=1 its singular '<name>.one', where there is one."""
        name = f"{phrase}.one" if values.get("n") == 1 and f"{phrase}.one" in PHRASES else phrase
        spoken = {key: self.number(v) if isinstance(v, int) else v for key, v in values.items()}
        return self.of(PHRASES[name]).format(**spoken)

    def has(self, phrase: str) -> bool:
        """Whether there is a phrase of that name: for names that come from elsewhere."""
        return phrase in PHRASES

    def word(self, member: StrEnum) -> str:
        return self.of(WORDS[type(member)][member.value])

    def known(self, kind: type[StrEnum], value: str) -> str:
        """The word for a stored value; a value from a newer program is shown as it is."""
        pair = WORDS[kind].get(value)
        return self.of(pair) if pair else value

    def kind(self, name: str) -> str:
        """What a kind of event is called; one of a person's own is called what they called it."""
        return KINDS_GERMAN.get(name, name) if self.lang == "de" else name

    def state(self, value: str) -> str:
        pair = STATES.get(value)
        return self.of(pair) if pair else value

    def advice(self, cause: StrEnum) -> str:
        return self.of(ADVICE[cause.value])

    def evidence(self, fact: str) -> str:
        """What it means that this is not so; 'mount:/films' is a fact about that folder."""
        name, _, which = fact.partition(":")
        if name not in EVIDENCE:
            return fact.replace("_", " ")
        return f"{which}: {self.of(EVIDENCE[name])}" if which else self.of(EVIDENCE[name])

    def error(self, code: str | None) -> str:
        return self.of(ERRORS.get(code or "error", ERRORS["error"]))

    def number(self, value: float, digits: int = 0) -> str:
        text = f"{value:,.{digits}f}"
        return text if self.lang == "en" else text.translate(str.maketrans(",.", ".,"))

    def percent(self, part: int, whole: int) -> str:
        """Rounded towards 'not all': 100 % is said only when it is all of them."""
        tenths = 1000 * part // whole if whole else 0
        digits = 0 if tenths % 10 == 0 else 1
        return f"{self.number(tenths / 10, digits)} %"

    def duration(self, seconds: float) -> str:
        """Two units at most: '45 s', '3 min 20 s', '2 h 5 min', '3 d 4 h'."""
        whole = max(0, round(seconds))
        if whole < MINUTE:
            return f"{whole} s"
        if whole < HOUR:
            return _two(whole, MINUTE, "min", 1, "s")
        if whole < DAY:
            return _two(whole, HOUR, self.say("unit_h"), MINUTE, "min")
        return _two(whole, DAY, self.say("unit_d"), HOUR, self.say("unit_h"))

    def rough(self, seconds: float) -> str:
        """One unit, as one says it: '40 s', '5 min', '3 h', '2 d'."""
        whole = max(0, round(seconds))
        if whole < 90:
            return f"{whole} s"
        if whole < 90 * MINUTE:
            return f"{round(whole / MINUTE)} min"
        if whole < 2 * DAY:
            return f"{round(whole / HOUR)} {self.say('unit_h')}"
        return f"{round(whole / DAY)} {self.say('unit_d')}"

    def ago(self, then: datetime, now: datetime) -> str:
        """'5 min ago', 'in 3 h', 'just now'."""
        seconds = (now - then).total_seconds()
        if abs(seconds) < 5:
            return self.say("just_now")
        return self.say("time_ago" if seconds > 0 else "time_ahead", span=self.rough(abs(seconds)))

    def clock(self, then: datetime) -> str:
        return then.astimezone(self.zone).strftime("%H:%M")

    def moment(self, then: datetime, now: datetime) -> str:
        """The time of day, with as much of the date as is needed to be clear."""
        return f"{self.day(then, now)}, {self.clock(then)}"

    def by(self, then: datetime, now: datetime) -> str:
        """The time of day, with the day only when it is another one: '14:32', 'tomorrow, 04:12'."""
        near = then.astimezone(self.zone).date() == now.astimezone(self.zone).date()
        return self.clock(then) if near else self.moment(then, now)

    def day(self, then: datetime, now: datetime) -> str:
        """'today', 'tomorrow', '19 Nov', '3 Jan 2025'."""
        day, today = then.astimezone(self.zone).date(), now.astimezone(self.zone).date()
        near = {today: "today", today - timedelta(days=1): "yesterday", today + timedelta(days=1): "tomorrow"}
        return self.say(near[day]) if day in near else self.date(then, with_year=day.year != today.year)

    def date(self, then: datetime, with_year: bool = True) -> str:
        local = then.astimezone(self.zone)
        month = self.of(MONTHS).split()[local.month - 1]
        day = f"{local.day}. {month}" if self.lang == "de" else f"{local.day} {month}"
        return f"{day} {local.year}" if with_year else day

    def exact(self, then: datetime) -> str:
        """The whole truth, for hovering: 'Sat, 21 Nov 2026, 03:30:12 CET'."""
        local = then.astimezone(self.zone)
        weekday = self.of(WEEKDAYS).split()[local.weekday()]
        return f"{weekday}, {self.date(then)}, {local:%H:%M:%S} {local.tzname() or ''}".strip()


def _two(whole: int, big: int, big_name: str, small: int, small_name: str) -> str:
    first, rest = divmod(whole, big)
    second = rest // small
    return f"{first} {big_name} {second} {small_name}" if second else f"{first} {big_name}"


def language_of(locale: str | None) -> str:
    """German for every German-speaking browser, English for all others."""
    return "de" if (locale or "").lower().replace("_", "-").split("-")[0] == "de" else "en"
