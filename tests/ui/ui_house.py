"""A house without an engine, for the pages' tests: every view is a plain attribute a test can set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from streamlit.testing.v1 import AppTest
from ui_speed import FakeSpeed, measured_for_a_month

from keeper.errors import KeeperError, PasswordRefused, RunError
from keeper.rules.types import (
    Ability,
    Action,
    Agent,
    Armed,
    Budget,
    Cause,
    Check,
    Choice,
    Event,
    Fact,
    Hour,
    IncidentSeen,
    ItemFilter,
    ItemRow,
    LibraryHealth,
    Moment,
    OutletState,
    Phase,
    Preferences,
    Progress,
    Receipt,
    Result,
    Run,
    RunStatus,
    ScanOptions,
    SectionSeen,
    SessionRow,
    Severity,
    Source,
    Stats,
    Step,
    StepKind,
    Taken,
    Telling,
    Turn,
    Turning,
)
from keeper.wiring import OutletCard

Open = Callable[..., AppTest]

PASSWORD = "correct horse battery"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/19.1 Mobile/15E148 Safari/604.1"
)

NOW = datetime(2026, 11, 21, 12, 34, 56, tzinfo=UTC)
HOSTILE = (
    ":material/home: **bold** $x$ <img src=x onerror=alert(1)> [click](https://evil.example) `code`"
    " -> :tada: www.evil.example"
)


@dataclass
class FakeViews:
    now: Callable[[], datetime]
    check: Check | None = None
    looks: list[tuple[datetime, str, float | None]] = field(default_factory=list)
    name: str | None = None
    section_list: list[SectionSeen] = field(default_factory=list)
    health_list: list[LibraryHealth] = field(default_factory=list)
    rows: list[ItemRow] = field(default_factory=list)
    run_list: list[Run] = field(default_factory=list)
    event_list: list[Event] = field(default_factory=list)
    door_list: list[Event] = field(default_factory=list)
    work: list[ItemRow] = field(default_factory=list)
    asked: list[ItemFilter] = field(default_factory=list)

    def last_check(self) -> Check | None:
        return self.check

    def recent_checks(self, hours: float = 24) -> list[tuple[datetime, str, float | None]]:
        return [look for look in self.looks if look[0] >= self.now() - timedelta(hours=hours)]

    def server_name(self) -> str | None:
        return self.name

    def sections(self) -> list[SectionSeen]:
        return self.section_list

    def health(self) -> list[LibraryHealth]:
        return self.health_list

    def items(self, wanted: ItemFilter, limit: int, offset: int) -> tuple[list[ItemRow], int]:
        self.asked.append(wanted)
        return _page(self.rows, wanted, limit, offset)

    def active_run(self) -> Run | None:
        return next((run for run in self.run_list if not run.status.ended), None)

    def run(self, job_id: str) -> Run | None:
        return next((run for run in self.run_list if run.job_id == job_id), None)

    def runs(self, limit: int, offset: int = 0) -> list[Run]:
        return self.run_list[offset : offset + limit]

    def run_count(self) -> int:
        return len(self.run_list)

    def run_items(self, job_id: str, wanted: ItemFilter, limit: int, offset: int) -> tuple[list[ItemRow], int]:
        self.asked.append(wanted)
        return _page(self.work, wanted, limit, offset)

    def events(self, limit: int) -> list[Event]:
        return self.event_list[:limit]

    def door_events(self, limit: int) -> list[Event]:
        return self.door_list[:limit]

    def mended_per_day(self, days: int = 14, zone: object = None) -> list[tuple[str, int]]:
        today = self.now().date()
        return [((today - timedelta(days=back)).isoformat(), back * 3 % 11) for back in reversed(range(days))]


def _page(rows: list[ItemRow], wanted: ItemFilter, limit: int, offset: int) -> tuple[list[ItemRow], int]:
    fitting = [row for row in rows if _fits(row, wanted)]
    return fitting[offset : offset + limit], len(fitting)


def _fits(row: ItemRow, wanted: ItemFilter) -> bool:
    states = {"": True, "ignored": row.ignored, "resting": row.next_try_at is not None}
    return (
        states.get(wanted.state, row.state == wanted.state)
        and wanted.section_key in ("", row.section_key)
        and (not wanted.missing or wanted.missing in row.missing)
        and wanted.outcome in ("", row.outcome or "open")
        and wanted.search.lower() in row.title.lower()
    )


@dataclass
class FakeDoor:
    """Who is logged in. `act` writes down what was asked for, or refuses."""

    act: Callable[..., None]
    living: list[SessionRow] = field(default_factory=list)
    password: str = PASSWORD
    wait: float = 0.0

    def sessions_of(self, user: str) -> list[SessionRow]:
        mine = [session for session in self.living if session.username == user]
        return sorted(mine, key=lambda session: session.last_seen_at, reverse=True)

    def end_session(self, session_id: str, by: str) -> bool:
        self.act("end", session_id, by)
        return bool(self._keep(lambda session: session.id != session_id))

    def log_out_everywhere(self, user: str, keep: str = "") -> int:
        self.act("everywhere", user, keep)
        return self._keep(lambda session: session.username != user or session.id == keep)

    def change_password(self, session_id: str, old: str, new: str) -> None:
        if self.wait:
            raise PasswordRefused("Too many failed attempts.", "password_wait", self.wait)
        if old != self.password:
            raise PasswordRefused("The current password is wrong.", "password_wrong")
        for code, refused in (("short", len(new) < 8), ("long", len(new.encode()) > 72)):
            if refused:
                raise PasswordRefused("This password cannot be used.", f"password_{code}")
        self.act("password", session_id, new)
        self.password = new
        self._keep(lambda session: session.id == session_id)

    def _keep(self, wanted: Callable[[SessionRow], bool]) -> int:
        """The number that did not stay."""
        before, self.living = len(self.living), [session for session in self.living if wanted(session)]
        return before - len(self.living)


class Deed(NamedTuple):
    """A row of the ledger, as the store tells it."""

    id: int
    taken: Taken
    said: str


class Turned(NamedTuple):
    """A row of the ledger of starts and stops, as the store tells it."""

    id: int
    turn: Turn


@dataclass
class FakeWatch:
    """What the watchdog remembers, and what its owner allows it."""

    allowed: frozenset[Armed] = frozenset({Armed.RESTART})
    until: datetime | None = None
    incident_list: list[IncidentSeen] = field(default_factory=list)
    stories: dict[int, list[Step]] = field(default_factory=dict)
    deeds: list[Deed] = field(default_factory=list)
    turn_list: list[Turned] = field(default_factory=list)
    hour_list: list[Hour] = field(default_factory=list)
    day_list: list[Hour] = field(default_factory=list)

    def armed(self) -> frozenset[Armed]:
        return self.allowed

    def held_until(self) -> datetime | None:
        return self.until

    def incidents(self, limit: int, before: int | None = None) -> list[IncidentSeen]:
        return [seen for seen in self.incident_list if before is None or seen.number < before][:limit]

    def incident(self, number: int) -> IncidentSeen | None:
        return next((seen for seen in self.incident_list if seen.number == number), None)

    def story(self, number: int) -> list[Step]:
        return self.stories.get(number, [])

    def actions(self, limit: int) -> list[Deed]:
        return self.deeds[:limit]

    def turns(self, limit: int, before: int | None = None) -> list[Turned]:
        return [turned for turned in self.turn_list if before is None or turned.id < before][:limit]

    def hours(self, since: datetime) -> list[Hour]:
        return [hour for hour in self.hour_list if hour.begins >= since]

    def days(self, since: datetime) -> list[Hour]:
        return [day for day in self.day_list if day.begins >= since]


@dataclass
class FakePostroom:
    """Outlets and what is told. `act` writes down what was asked for, or refuses; `receipt` is what a test comes to."""

    act: Callable[..., None]
    cards: list[OutletCard] = field(default_factory=list)
    wish: Telling = field(default_factory=Telling)
    receipt: Receipt = field(default_factory=lambda: Receipt(0, Result.DONE))

    def outlets(self) -> list[OutletCard]:
        return [card._replace(choice=self.wish.choices.get(card.state.name, Choice())) for card in self.cards]

    def telling(self) -> Telling:
        return self.wish

    def tell(self, telling: Telling, by: str) -> None:
        self.act("tell", telling, by)
        self.wish = telling

    def add_target(self, url: str, by: str) -> str:
        self.act("add", url, by)
        self.cards.append(outlet("chat-0001", "ntfy: ntfys://ntfy.sh/***"))
        return "chat-0001"

    def remove_target(self, name: str, by: str) -> None:
        self.act("remove", name, by)
        self.cards = [card for card in self.cards if card.state.name != name]

    def test_outlet(self, name: str, by: str) -> Receipt:
        self.act("test", name, by)
        return self.receipt

    def retry(self, event_id: int, outlet: str) -> bool:
        self.act("again", event_id, outlet)
        return True

    def retry_failed(self, outlet: str) -> int:
        self.act("again", outlet)
        return 3

    def unblock(self, outlet: str) -> None:
        self.act("unblock", outlet)


def outlet(name: str, label: str, budget: int = 0, **state: Any) -> OutletCard:
    """Those added in the page are called chat-…"""
    seen = OutletState(name, **{"pending": 0, **state})
    return OutletCard(seen, label, name.partition("-")[0], Choice(), budget, name.startswith("chat"))


#: The settings that tell others, as they are when none of them is set.
SILENT = dict.fromkeys(
    (
        "airtable_token", "airtable_base", "telegram_bot_token", "telegram_chat_id", "webhook_url", "webhook_secret",
        "health_ping_url",
    ),
    "",
)  # fmt: skip


@dataclass
class FakeHouse:
    """Clicks are written down in `acts`; `refuse` makes the next ones fail."""

    at: datetime = NOW
    demo: bool = True
    acts: list[tuple[Any, ...]] = field(default_factory=list)
    refuse: KeeperError | None = None
    saved: Preferences = field(default_factory=Preferences)
    upcoming: datetime | None = None
    holder: str | None = None
    log: str = ""
    log_path: Path | None = None
    page_runs: int = 0
    folder_list: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = SimpleNamespace(now=lambda: self.at)
        self.settings = SimpleNamespace(demo=self.demo, plex_url="", watch_interval=300.0, max_retries=2, **SILENT)
        self.settings.speed_test_server = ""
        self.views = FakeViews(lambda: self.at)
        self.memory = SimpleNamespace(preferences=lambda: self.saved)
        self.doorkeeper: FakeDoor | None = FakeDoor(self._act)
        self.watch = FakeWatch()
        self.speed = FakeSpeed(self._act)
        self.postroom = FakePostroom(self._act)
        self.eventbook: Any = None  # a real one, in tests of events
        self.broken = dict.fromkeys(("crash", "hang", "starting", "database", "film", "folder"), False)
        self.able: Mapping[Action, Ability] | None = None
        self.budget_list: list[Budget] = []
        self.simulated: dict[str, Any] = {"ticks": 12, "actions": [], "incidents": [], "entries": []}

    def _act(self, *act: Any) -> None:
        if self.refuse:
            raise self.refuse
        self.acts.append(act)

    def count_page_run(self) -> None:
        self.page_runs += 1

    def next_scan(self) -> datetime | None:
        return self.upcoming

    def engine_holder(self) -> str | None:
        return self.holder

    def log_tail(self, job_id: str, lines: int = 200) -> str:
        return "\n".join(self.log.splitlines()[-lines:])

    def log_file(self, job_id: str) -> Path | None:
        return self.log_path

    def log_size(self, job_id: str) -> int:
        return len(self.log)

    def run_items_csv(self, job_id: str) -> str:
        return "key\n"

    def save_preferences(self, prefs: Preferences, by: str) -> None:
        self._act("save", prefs, by)
        self.saved = prefs

    def folders(self) -> list[Any]:
        return self.folder_list

    def accept_folder(self, path: str, by: str) -> str:
        self._act("accept_folder", path, by)
        return path

    def start_scan(self, options: ScanOptions, by: str, source: str = "manual") -> str:
        self._act("start", options, by)
        return "20261121-123456-abcdef"

    def cancel(self, job_id: str, by: str) -> None:
        self._act("cancel", job_id, by)

    def resume(self, job_id: str, by: str) -> None:
        self._act("resume", job_id, by)

    def retry(self, keys: tuple[str, ...], by: str) -> str:
        self._act("retry", tuple(keys), by)
        return "20261121-123457-abcdef"

    def ignore(self, keys: tuple[str, ...], on: bool, by: str) -> int:
        self._act("ignore", tuple(keys), on, by)
        return len(keys)

    def check_now(self, by: str) -> None:
        self._act("check", by)

    def arm(self, armed: frozenset[Armed], by: str) -> None:
        self._act("arm", armed, by)
        self.watch.allowed = armed

    def hold(self, until: datetime | None, by: str) -> None:
        self._act("hold", until, by)
        self.watch.until = until

    def act(self, action: Action, by: str) -> None:
        self._act("act", action, by)

    def demo_faults(self) -> dict[str, bool]:
        return dict(self.broken) if self.demo else {}

    def demo_break(self, name: str, by: str) -> None:
        self._act("break", name, by)
        self.broken = dict.fromkeys(self.broken, False) if name == "mend" else {**self.broken, name: True}

    def abilities(self) -> Mapping[Action, Ability] | None:
        return self.able

    def budgets(self) -> list[Budget]:
        return self.budget_list

    def simulate(self, script: str, armed: frozenset[Armed]) -> dict[str, Any]:
        self._act("simulate", script, armed)
        return self.simulated

    def simulation_examples(self) -> dict[str, str]:
        return {"plex_hangs_for_a_day": "days: 2\n", "brand_new": "hours: 3\n"}

    def plex_web_link(self, item_key: str) -> str | None:
        return f"https://app.plex.tv/desktop/#!/server/x/details?key=%2Flibrary%2Fmetadata%2F{item_key}"


def run(job_id: str, status: RunStatus = RunStatus.SUCCESS, begun: datetime = NOW, **more: Any) -> Run:
    """A run with plausible figures."""
    base = Run(
        job_id=job_id,
        status=status,
        source=Source.MANUAL,
        options=ScanOptions(libraries=("1", "2")),
        created_at=begun,
        started_at=begun,
        finished_at=begun + timedelta(seconds=200) if status.ended else None,
        cancel_requested=False,
        error=None,
        error_code=None,
        progress=Progress(Phase.DONE, 87, 87),
        progress_at=begun,
        stats=Stats(
            1240,
            75,
            0,
            9,
            3,
            0,
            {"Movies": {"checked": 800, "fixed": 50, "failed": 6}, "Shows": {"checked": 440, "fixed": 25}},
        ),
        owner=None,
        holder="pid 4711 on nas",
        lease_until=None,
        resumes=0,
        seconds=200.0,
        requested_by="admin",
    )
    return replace(base, **more)


def item(key: str, title: str, **more: Any) -> ItemRow:
    base = ItemRow(
        key=key,
        section_key="1",
        section_title="Movies",
        kind="movie",
        title=title,
        parent="",
        year=2021,
        state="flawed",
        missing=("poster", "summary"),
        outcome="still_missing",
        why="nothing_came",
        failed_count=2,
        next_try_at=None,
        ignored=False,
        changed_at=NOW,
        job_id="20261121-030000-aaaaaa",
    )
    return replace(base, **more)


def session(key: str, browser: str = FIREFOX, **more: Any) -> SessionRow:
    """A living login of ada."""
    base = SessionRow(
        id=key,
        username="ada",
        password_mark="",
        created_at=NOW - timedelta(days=2),
        last_seen_at=NOW - timedelta(minutes=5),
        expires_at=NOW + timedelta(days=28),
        address="192.168.1.20",
        browser=browser,
        revoked_at=None,
    )
    return replace(base, **more)


def incident(number: int, cause: Cause = Cause.HUNG, ago: timedelta = timedelta(hours=5), **more: Any) -> IncidentSeen:
    """An incident of 40 minutes that is over."""
    began = NOW - ago
    base = IncidentSeen(number, began, began + timedelta(minutes=40), cause, (cause,), (), False)
    return replace(base, **more)


def deed(number: int, action: Action, ago: timedelta, said: str = "", **more: Any) -> Deed:
    return Deed(number, Taken(action, Moment(NOW - ago, "boot", 1000.0 - number), 7, **more), said)


def turned(number: int, what: Turning, by: Agent, ago: timedelta, **more: Any) -> Turned:
    return Turned(number, Turn(NOW - ago, what, by, **more))


def in_trouble(house: FakeHouse) -> IncidentSeen:
    """Plex has been hung for a while: it was restarted once, which did not help, and somebody may be watching."""
    began = NOW - timedelta(minutes=12)
    seen = IncidentSeen(7, began, None, Cause.HUNG, (Cause.DOWN, Cause.HUNG), (Action.RESTART_PLEX,), False)
    house.watch.incident_list.insert(0, seen)
    house.watch.stories[7] = story(began)
    decision = {
        "action": "none", "wanted": "restart_plex", "reason": "pause",
        "until": (NOW + timedelta(seconds=180)).isoformat(), "seconds": 180.0, "count": 1, "sentence": "In English.",
        "next_look": (NOW + timedelta(seconds=12)).isoformat(),
    }  # fmt: skip
    house.views.looks += [(NOW - timedelta(minutes=m), "down" if m > 10 else "hung", None) for m in range(12, -1, -1)]
    facts = {"port": Fact(True), "identity": Fact(False, "silent"), "sessions": Fact(None, "plex_silent")}
    house.views.check = Check(NOW - timedelta(seconds=8), Cause.HUNG, "Plex is silent.", facts, decision, None)
    house.watch.deeds.insert(0, deed(9, Action.RESTART_PLEX, timedelta(minutes=9), "systemctl: ok", done=True))
    return seen


def story(began: datetime) -> list[Step]:
    """One step of every kind, and more."""

    def step(kind: StepKind, minutes: float, cause: Cause = Cause.HUNG, **data: Any) -> Step:
        return Step(kind, began + timedelta(minutes=minutes), cause, data)

    until = (began + timedelta(minutes=3)).isoformat()
    down = {"process": "gone", "port": "refused", "updating": "no", "mount:/films": "missing", "new_fact": "no"}
    return [
        step(StepKind.OPENED, 0.3, Cause.DOWN, facts=down),
        step(StepKind.DECIDED, 0.3, Cause.DOWN, action="none", wanted="restart_plex", reason="confirming", until=until),
        step(StepKind.CHANGED, 2, **{"from": "down"}, facts={"identity": "silent"}),
        step(StepKind.DECIDED, 3, action="restart_plex", wanted="restart_plex", reason="act"),
        step(StepKind.ACTED, 3.2, action="restart_plex", done=True, said="systemctl restart plex: ok in 1.2 s"),
        step(StepKind.PROVED, 6, action="restart_plex", helped=False),
        step(StepKind.OWNER, 6.5, did="Watchdog Held", by="ada", until=until),
        step(StepKind.OWNER, 7, did="Watchdog Released", by="ada"),
        step(StepKind.OWNER, 8, did="Watchdog Armed", by="ada", armed=["network", "restart"]),
        step(StepKind.OWNER, 9, action="dns_reset", by="ada"),
        step(StepKind.ACTED, 9.1, action="dns_reset", done=None, said="killed at its limit"),
        step(StepKind.CLOSED, 12, cause=Cause.OK),
    ]


def watched(hours: int, bad: tuple[int, ...] = (), unseen: tuple[int, ...] = (), seconds: float = 3600.0) -> list[Hour]:
    """Hours (or days) up to now, oldest first; the numbers count backwards from the present one. An unseen one is
    left out, as the store does."""
    step = timedelta(seconds=seconds)
    last = NOW.replace(minute=0, second=0) if seconds == 3600.0 else NOW.replace(hour=0, minute=0, second=0)
    found = []
    for back in range(hours - 1, -1, -1):
        length = min(seconds, (NOW - (last - back * step)).total_seconds())
        poor = length * 0.2 if back in bad else 0.0
        if back not in unseen:
            causes = {"hung": poor} if poor else {}
            found.append(Hour(last - back * step, length, length - poor, poor, 12, causes, 20.0))
    return found


def at_the_door(kind: str, ago: timedelta = timedelta(minutes=9), **data: object) -> Event:
    calm = kind not in ("Login Failed", "Login Locked")
    said = {"username": "ada", "address": "192.168.1.20", "browser": FIREFOX, **data}
    return Event(1, NOW - ago, kind, Severity.INFO if calm else Severity.WARNING, f"{kind}, in English.", said)


def lived_in() -> FakeHouse:
    """A house where things have happened."""
    house = FakeHouse()
    views = house.views
    views.name = "Home Server"
    facts = {
        "identity": Fact(True, "answered in 21 ms"),
        "token": Fact(True),
        "libraries": Fact(4.0),
        "database": Fact(None),
    }
    calm = {"action": "none", "wanted": "none", "reason": "fine", "next_look": (NOW + timedelta(minutes=4)).isoformat()}
    views.check = Check(NOW - timedelta(seconds=40), Cause.OK, "Plex answers.", facts, calm, 21.4)
    views.looks = [
        (
            NOW - timedelta(minutes=5 * back),
            "down" if 100 < back < 108 else "ok",
            None if 100 < back < 108 else 20.0 + back % 7,
        )
        for back in range(230, -1, -1)
        if not 150 < back < 170
    ]
    views.section_list = [
        SectionSeen("1", "movie", "Movies", "tv.plex.agents.movie", ("/media/movies",), NOW - timedelta(seconds=40)),
        SectionSeen("2", "show", "Shows", "tv.plex.agents.series", ("/media/shows",), NOW - timedelta(seconds=40)),
        SectionSeen("3", "artist", "Music", "tv.plex.agents.music", ("/media/music",), NOW - timedelta(seconds=40)),
        SectionSeen("4", "movie", "Old disk", "tv.plex.agents.movie", ("/mnt/old",), NOW - timedelta(days=9)),
    ]
    views.health_list = [
        LibraryHealth("1", "Movies", 812, 780, 32, 12, 2, {"poster": 20, "summary": 15}),
        LibraryHealth("2", "Shows", 431, 431, 0, 0, 0, {}),
        LibraryHealth("3", HOSTILE, 2310, 2188, 122, 4, 1, {"poster": 100, "summary": 25}),
    ]
    views.rows = [item(str(n), f"The Long Film {n}") for n in range(1, 61)]
    views.rows[0] = item("1", HOSTILE)
    views.rows[1] = item("2", "Pilot", parent="Some Show · Season 1", kind="episode", ignored=True)
    views.rows[2] = item("3", "Resting one", next_try_at=NOW + timedelta(hours=5), failed_count=4)
    views.work = [
        replace(row, outcome=outcome, why="")
        for row, outcome in zip(views.rows, ["fixed", "still_missing", "error", None] * 15, strict=True)
    ]
    views.run_list = [
        run("20261121-100000-000001", begun=NOW - timedelta(hours=2)),
        run(
            "20261120-033000-000002",
            RunStatus.FAILED,
            NOW - timedelta(hours=9),
            error="Plex did not answer.",
            error_code="plex_silent",
            source=Source.SCHEDULER,
        ),
        run(
            "20261119-033000-000003",
            RunStatus.CANCELLED,
            NOW - timedelta(days=2),
            options=ScanOptions(dry_run=True),
            stats=Stats(300, 0, 12),
        ),
        run(
            "20261118-033000-000004",
            RunStatus.INTERRUPTED,
            NOW - timedelta(days=3),
            error="The program ended while this scan was running.",
            error_code="interrupted",
        ),
    ]
    views.event_list = [
        Event(
            5,
            NOW - timedelta(minutes=2),
            "Scan Success",
            Severity.INFO,
            "Scan done.",
            {"job_id": "x", "status": "success", "stats": {"fixed": 75, "failed": 9}},
        ),
        Event(4, NOW - timedelta(hours=8), "Plex", Severity.ERROR, HOSTILE, {}),
        Event(3, NOW - timedelta(days=1), "Plex", Severity.WARNING, "Plex did not answer for 35 minutes.", {}),
    ]
    _watched_over(house)
    measured_for_a_month(house.speed, NOW)
    house.saved = Preferences(schedule_enabled=True, schedule="03:30", libraries=("1", "4", "9"))
    house.upcoming = NOW + timedelta(hours=14, minutes=55)
    house.log = "\n".join(
        f"2026-11-21 12:{n // 60:02}:{n % 60:02} info  looked at The Long Film {n}, poster missing, asked Plex"
        for n in range(600)
    )
    return house


def _watched_over(house: FakeHouse) -> None:
    """A watchdog that has seen something: two troubles that are over, one of which it ended."""
    restarted = incident(6, actions=(Action.RESTART_PLEX, Action.RESTART_PLEX))
    line = incident(5, Cause.INTERNET_DOWN, timedelta(days=3), causes=(Cause.GATEWAY_DOWN, Cause.INTERNET_DOWN))
    house.watch.incident_list = [restarted, line]
    house.watch.stories = {6: story(restarted.began_at), 5: []}
    house.watch.deeds = [
        deed(
            8, Action.RESTART_PLEX, timedelta(hours=4, minutes=30), "systemctl restart plex: ok", done=True, helped=True
        ),
        deed(7, Action.RESTART_PLEX, timedelta(hours=5), "systemctl restart plex: ok", done=True, helped=False),
        deed(6, Action.DNS_RESET, timedelta(days=2), HOSTILE, by="ada", done=False),
        deed(5, Action.REBOOT, timedelta(days=9), by="ada"),
    ]
    day = timedelta(days=1)
    house.watch.turn_list = [
        turned(6, Turning.STARTED, Agent.US, timedelta(hours=4, minutes=30)),
        turned(5, Turning.STOPPED, Agent.US, timedelta(hours=4, minutes=30), lived=0.8 * 86_400),
        turned(4, Turning.STARTED, Agent.CRASH, day),
        turned(3, Turning.STOPPED, Agent.CRASH, day, lived=3 * 3600.0),
        turned(2, Turning.STARTED, Agent.US, 2 * day, person=HOSTILE),
        turned(1, Turning.STOPPED, Agent.US, 2 * day, lived=9 * 86_400.0, person=HOSTILE),
    ]
    house.watch.hour_list = watched(7 * 24, bad=(4, 5, 60), unseen=(20, 21, 100, 101))
    house.watch.day_list = watched(60, bad=(0, 2, 30), unseen=(10, 11, 12), seconds=86_400.0)
    house.able = {
        Action.RESTART_PLEX: Ability(True, "systemctl --no-block restart plexmediaserver.service (by sudo)."),
        Action.NET_SOFT: Ability(False, "networkctl renew: this needs the rights of root.", "With visudo, allow ..."),
        Action.NET_HARD: Ability(False, "ip link set: this needs the rights of root.", "With visudo, allow ..."),
        Action.DNS_RESET: Ability(None, HOSTILE, "With visudo, allow ..."),
        Action.REBOOT: Ability(True, "systemctl reboot (by sudo)."),
    }
    house.budget_list = [
        Budget(Action.RESTART_PLEX, 2, 6, None),
        Budget(Action.NET_SOFT, 0, 6, None),
        Budget(Action.REBOOT, 1, 1, NOW + timedelta(hours=11)),
    ]


def running(house: FakeHouse) -> Run:
    """Adds a scan in the middle of its work."""
    busy = run(
        "20261121-123000-000009",
        RunStatus.RUNNING,
        NOW - timedelta(minutes=3),
        progress=Progress(Phase.REPAIRING, 34, 87, HOSTILE, 145.0),
        stats=Stats(1240, 30, 0, 4),
    )
    house.views.run_list.insert(0, busy)
    return busy


REFUSAL = RunError("Another scan is running: <b>wait</b> for it, or cancel it.")
