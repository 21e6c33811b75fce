"""What the engine needs from outside, as small Protocols. `wiring` says which real thing stands behind each.

The doors (logic, jobs, monitor) know only these, so every one of them can be run on a fake clock against
a fake or simulated world. Errors raised through a port are those of `keeper.errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta, tzinfo
from typing import Protocol

from keeper.rules.types import (
    Ability,
    Acted,
    Action,
    Answer,
    Armed,
    Check,
    Event,
    Fact,
    Flawed,
    Hint,
    Item,
    Kind,
    Known,
    Lease,
    Moment,
    Notice,
    Owner,
    Page,
    Parcel,
    Phase,
    Preferences,
    Progress,
    Ran,
    Run,
    RunStatus,
    ScanOptions,
    Section,
    Server,
    SessionRow,
    Source,
    SpeedBook,
    SpeedDay,
    SpeedEnd,
    SpeedProgress,
    SpeedProvider,
    SpeedRun,
    SpeedSource,
    SpeedTest,
    SpeedWishes,
    Stats,
    Step,
    Stream,
    Suspect,
    Tally,
    Telling,
    Tick,
    Verdict,
    Watch,
)


class Clock(Protocol):
    """Wall clock for what people read, monotonic clock for how long things take."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds since some fixed point; never jumps."""

    def local_zone(self) -> tzinfo:
        """The zone of this machine."""


class Stop(Protocol):
    """The brake of a running piece of work. All waiting goes through it, so all waiting can be ended."""

    def check(self) -> None:
        """Raises Cancelled or Interrupted once somebody pulled the brake."""

    def wait(self, seconds: float) -> None:
        """Lets time pass; raises like `check` as soon as the brake is pulled."""


class Hints(Protocol):
    """Push messages of the server. They may be lost, late or absent; nothing may depend on them alone."""

    @property
    def alive(self) -> bool:
        """Whether the stream is connected now."""

    def take(self, seconds: float) -> list[Hint]:
        """What came in since the last call; waits up to `seconds` for the first one."""


class Plex(Protocol):
    """One connection to the server. Not shared between threads."""

    def server(self) -> Server:
        """Who is there; proves the token. Raises PlexError."""

    def sections(self) -> list[Section]:
        """All libraries. Never empty because of a fault: faults raise PlexError."""

    def page(self, section: Section, kind: Kind, start: int, size: int) -> Page:
        """Rows of the listing, newest first, from the offset `start`. It may hold fewer rows than asked for."""

    def read(self, keys: Sequence[str]) -> dict[str, Item]:
        """Details of up to 100 items in one request; what is gone is left out."""

    def refresh(self, key: str) -> None:
        """Asks the server to refresh one item; the work itself happens later over there."""

    def queue_size(self, section_key: str) -> int | None:
        """How many items of the section the server is still working on; None = unknown."""

    def hints(self) -> AbstractContextManager[Hints]:
        """Opens the push channel."""

    def close(self) -> None:
        """Drops connections."""


class PlexProbe(Protocol):
    """Cheap, bounded looks at the server, for the watchdog."""

    def look(self) -> dict[str, Fact]:
        """Facts by name (see rules.causes); every probe has its own deadline, none raises."""

    def sections(self) -> tuple[int, list[Section]] | None:
        """The server's number and its libraries as of now; None = unknown."""

    def watching(self) -> tuple[tuple[Stream, ...] | None, int | None]:
        """(streams, recordings) of the last look; None = could not be asked."""


class Commands(Protocol):
    """The one way to run another program."""

    def run(self, argv: Sequence[str], seconds: float) -> Ran:
        """Runs argv (never a shell); after `seconds` its whole process group is killed. Never raises."""


class Machine(Protocol):
    """The host of Plex: what can be seen of its process, and what can be done to it. No method raises."""

    @property
    def name(self) -> str:
        """linux, docker, macos or none."""

    def look(self) -> dict[str, Fact]:
        """The facts process, service, updating, uptime_s; bounded, nothing shelled out where it can be read."""

    def abilities(self) -> dict[Action, Ability]:
        """What can be done here and why not, found out without trying."""

    def act(self, action: Action, interface: str) -> Acted:
        """Does it. `interface` is the one that carried the default route while all was well; '' = unknown."""


class Sight(Protocol):
    """One part of the look: the network, the files, this host. Bounded by its own deadline; never raises."""

    def look(self) -> dict[str, Fact]: ...


OpenPlex = Callable[[Stop], AbstractContextManager[Plex]]


class ScanLog(Protocol):
    """The log of one run: human, greppable, one line each."""

    def __call__(self, text: str) -> None: ...


class RunLogs(Protocol):
    def open(self, job_id: str) -> AbstractContextManager[ScanLog]:
        """The log file of a run, appended to."""

    def remove_older_than(self, moment: datetime) -> int:
        """Deletes scan logs last written before `moment`; the number removed."""


class Host(Protocol):
    def me(self) -> Owner:
        """Identity of this process."""

    def describe(self) -> str:
        """This process for people: 'pid 4711 on nas'."""

    def is_alive(self, owner: Owner) -> bool | None:
        """Whether that very process lives; None when it belongs to another machine or cannot be told."""


class ItemStore(Protocol):
    """What a scan remembers, item by item."""

    def known(self, server_id: int, keys: Sequence[str]) -> dict[str, Known]: ...

    def note_flawed(self, server_id: int, flawed: Sequence[Flawed], job_id: str) -> dict[str, Known]:
        """Keeps the latest word on lacking items, writing only what changed; what was known of them before."""

    def note_whole(self, server_id: int, items: Sequence[Item], job_id: str) -> None:
        """The same for items that lack nothing."""

    def note_sections(self, server_id: int, sections: Sequence[Section]) -> None:
        """The libraries the server shows now."""

    def already_touched(self, job_id: str, keys: Sequence[str]) -> set[str]:
        """Of `keys`, those this run has a row for already (found, asked or judged)."""

    def found(self, job_id: str, suspects: Sequence[Suspect]) -> None: ...

    def open_suspects(self, job_id: str, after: int, limit: int) -> list[Suspect]:
        """Rows without a verdict, in the order found, after position `after`."""

    def count(self, job_id: str) -> tuple[int, int]:
        """(rows, rows without a verdict) of one run."""

    def asked(self, job_id: str, key: str) -> None:
        """Written before the request is sent, so that a crash cannot forget it."""

    def judge(self, job_id: str, server_id: int, verdicts: Sequence[Verdict]) -> int:
        """Stores verdicts; a row that has one keeps it. The number newly stored."""

    def due_again(self, server_id: int, section_keys: Sequence[str], now: datetime, limit: int) -> list[str]:
        """The retry pool: keys of items that failed earlier and have rested long enough."""

    def outcome_counts(self, job_id: str) -> dict[str, dict[str, int]]:
        """{section title: {outcome: number}} of one run."""


class RunStore(Protocol):
    def enqueue(self, source: Source, options: ScanOptions, by: str) -> str:
        """A new queued run; its job id."""

    def claim_next(self, owner: Owner, holder: str, lease_seconds: float) -> Run | None:
        """Oldest queued run becomes running; None when there is none or another one runs."""

    def start(
        self, source: Source, options: ScanOptions, by: str, owner: Owner, holder: str, lease_seconds: float
    ) -> Run:
        """A new run that is running at once. Raises RunError naming who is in the way."""

    def pulse(self, job_id: str, owner: Owner, progress: Progress, stats: Stats, lease_seconds: float) -> bool | None:
        """Renews lease and progress. True = cancel was asked for; None = the run is no longer ours."""

    def finish(
        self,
        job_id: str,
        owner: Owner,
        status: RunStatus,
        stats: Stats,
        seconds: float,
        error: str | None = None,
        error_code: str | None = None,
    ) -> bool:
        """Ends a run and writes its event in the same transaction; False when it was not ours any more."""

    def requeue(self, job_id: str, by: str) -> None:
        """Interrupted, failed or cancelled -> queued again. Raises RunError."""

    def request_cancel(self, job_id: str) -> None: ...

    def cancel_queued(self) -> int: ...

    def interrupt_orphans(self, is_alive: Callable[[Owner], bool | None]) -> list[str]: ...

    def get(self, job_id: str) -> Run | None: ...

    def active(self) -> Run | None: ...

    def latest(self, limit: int, offset: int = 0) -> list[Run]: ...

    def pin_server(self, url: str, server: Server) -> int:
        """The store's number of that server; pins it to the address when none was. Raises PlexOtherServer."""


class Memory(Protocol):
    """Settings a person makes, leases, and what was done on which local date."""

    def preferences(self) -> Preferences: ...

    def save_preferences(self, preferences: Preferences, by: str) -> None: ...

    def take_lease(
        self, name: str, owner: Owner, holder: str, seconds: float, is_alive: Callable[[Owner], bool | None]
    ) -> bool: ...

    def release_lease(self, name: str, owner: Owner) -> None: ...

    def lease(self, name: str) -> Lease | None: ...

    def marks(self, name: str, dates: Sequence[str]) -> set[str]:
        """Which of these local dates (ISO) have seen the named daily thing."""

    def mark(self, name: str, local_date: str) -> None:
        """The named daily thing counts as done on that date."""

    def mark_and_enqueue(self, name: str, local_date: str, options: ScanOptions, by: str) -> str | None:
        """Marks the date and queues the daily scan in one transaction; None when the date was marked already."""


class CheckStore(Protocol):
    def remember(self, check: Check, sections: tuple[int, list[Section]] | None) -> None: ...

    def last(self) -> Check | None: ...


class WatchStore(Protocol):
    """What the watchdog remembers. What limits it (decisions with an action, results) survives a power cut."""

    def load(self) -> Watch:
        """The memory as it was last stored; a fresh one the first time."""

    def remember(self, tick: Tick, sections: tuple[int, list[Section]] | None) -> None:
        """Check, memory, story and events of one look, in one transaction."""

    def concluded(self, watch: Watch, step: Step, notices: Sequence[Notice]) -> None:
        """What became of an action: the memory with its result, and the line of the story."""

    def armed(self) -> frozenset[Armed]: ...

    def arm(self, armed: frozenset[Armed], by: str, now: datetime) -> None:
        """What the owner allows, as a whole; told as an event."""

    def held_until(self) -> datetime | None: ...

    def hold(self, until: datetime | None, by: str, now: datetime) -> None:
        """Hands off until then; None ends it. Told as an event."""


class Outlet(Protocol):
    """A way to the outside: Airtable, a chat, a webhook. Used by one thread at a time."""

    @property
    def name(self) -> str:
        """Stable and unique: 'airtable', 'webhook', 'telegram', 'chat-3f2a'."""

    @property
    def label(self) -> str:
        """For people: what it is and where, with every secret masked."""

    @property
    def fingerprint(self) -> str:
        """A hash of all its settings; another one means that a person changed something."""

    @property
    def batch(self) -> int:
        """How many parcels one call takes."""

    @property
    def pace(self) -> float:
        """The least seconds between two calls."""

    @property
    def local(self) -> bool:
        """Whether it can be reached without the internet."""

    def send(self, parcels: Sequence[Parcel], stop: Stop) -> Answer:
        """One delivery of up to `batch` parcels. Raises nothing but Cancelled and Interrupted. Stopped in the middle of
        a batch, an outlet may answer instead, with the receipts of what was finished; the rest has none."""

    def examine(self) -> list[tuple[bool | None, str, str]]:
        """(ok, sentence, how to mend) of everything that can be asked without writing anything there. The attribute
        `examined_calls` says how many calls of a counting service the last one cost."""


class DeliveryStore(Protocol):
    """Which event has to go where, and what became of it. All methods raise StoreError."""

    def telling(self) -> Telling: ...

    def tell(self, telling: Telling, by: str, now: datetime) -> None:
        """Saves what a person wants told; told as an event."""

    def register(self, name: str, fingerprint: str, now: datetime) -> None:
        """The outlet is there. A new one gets no events of the past; one whose fingerprint changed is unblocked, and
        what had to wait is due at once."""

    def fan_out(self, name: str, wants: Callable[[Event], datetime | bool], limit: int) -> int:
        """A delivery for each event since the last call, in one transaction; the number of events looked at.
        `wants` answers False = not for this outlet, True = as soon as possible, a time = not before then."""

    def due(self, name: str, now: datetime, limit: int) -> list[Parcel]:
        """The next parcels in the order of the events, none while the first of them has to wait. What is held until
        later (quiet hours) lets the others pass. Empty while the outlet is blocked or paused."""

    def begin(self, name: str, parcels: Sequence[Parcel], now: datetime) -> None:
        """Written before anything is sent: should the process die now, these are uncertain."""

    def conclude(self, name: str, answer: Answer, next_at: Mapping[int, datetime], now: datetime) -> None:
        """What became of a call. `next_at` by parcel, for those that are tried again; BLOCKED blocks the outlet."""

    def pause(self, name: str, until: datetime) -> None:
        """The service asked for silence."""

    def calls(self, name: str, month: str) -> int:
        """Calls counted in a month, 'YYYY-MM' of UTC."""

    def next_due(self, name: str, now: datetime) -> datetime | None:
        """When something is due next; None = nothing is waiting."""

    def count_pending(self, name: str) -> int: ...

    def count_since(self, name: str, since: datetime) -> int:
        """How many events since then were to go there, whatever became of them."""

    def is_blocked(self, name: str) -> bool: ...

    def unblock(self, name: str) -> None:
        """What is waiting there is due at once."""

    def line_is_back(self, now: datetime) -> None:
        """What failed for want of a line is due at once."""

    def note(self, notice: Notice, now: datetime) -> None:
        """Writes an event."""

    def note_once(self, name: str, label: str, notice: Notice, now: datetime) -> bool:
        """Writes an event unless one was written under this name and label (a local date, a month) before."""

    def noted(self, name: str) -> str:
        """The latest label under that name; '' = there is none."""


class SpeedMeter(Protocol):
    """One way to measure the line. Used by one thread at a time."""

    @property
    def provider(self) -> SpeedProvider: ...

    @property
    def most_bytes(self) -> int:
        """What one measurement may cost where nothing is known of earlier ones."""

    def ready(self) -> Ability:
        """Whether it can be used here, found out without touching the line."""

    def measure(self, stop: Stop, most_bytes: int | None, report: Callable[[SpeedProgress], None]) -> SpeedRun:
        """One measurement, in a child that is ended at its deadline, within a second of `stop`, and before it costs
        more than `most_bytes` (None = without limit). Never raises; being stopped is a flaw like others. `report` is
        called a few times a second."""


class SpeedStore(Protocol):
    """What is remembered of speed tests. All methods raise StoreError."""

    def wishes(self) -> SpeedWishes: ...

    def save_wishes(self, wishes: SpeedWishes, by: str, now: datetime) -> None:
        """Told as an event with each [part, before, after] in data["changed"]; not where nothing is changed."""

    def book(self, dates: Sequence[str]) -> SpeedBook:
        """What the rules need to know of these local dates (ISO) and of what is not over yet."""

    def enqueue(self, source: SpeedSource, by: str, local_date: str, anyway: bool, now: datetime) -> int:
        """A new queued test; its id. Raises RunError when one is queued or running."""

    def claim_next(self, owner: Owner, holder: str, now: Moment) -> SpeedTest | None:
        """The oldest queued test becomes running; None when there is none or another one runs. One that was cancelled
        while it waited ends, and so does one that waited for more than ten minutes."""

    def start(
        self, source: SpeedSource, by: str, local_date: str, anyway: bool, owner: Owner, holder: str, now: Moment
    ) -> SpeedTest:
        """A new test that is running at once, and opens its day when it is scheduled; on the disk before this returns.
        Raises RunError naming who is in the way."""

    def pulse(self, test_id: int, progress: SpeedProgress, now: datetime) -> bool | None:
        """Writes the progress. True = cancel was asked for; None = the test is no longer ours."""

    def note_run(self, test_id: int, run: SpeedRun, now: datetime) -> None:
        """A measurement and what it cost."""

    def finish(self, test_id: int, end: SpeedEnd, now: datetime) -> bool:
        """Ends a running test with all that follows, in one transaction; False when it had ended already."""

    def put_off(self, day: SpeedDay) -> None:
        """The daily test of that date has to wait."""

    def settle(self, day: SpeedDay, notices: Sequence[Notice], marks: Mapping[str, str], now: datetime) -> bool:
        """A date is over; with its events, in one transaction. False when it was over before; then nothing is told."""

    def note(self, notices: Sequence[Notice], marks: Mapping[str, str], now: datetime) -> None:
        """Tells something, and that it was told."""

    def request_cancel(self, test_id: int) -> bool:
        """False = it has ended already."""

    def interrupt_orphans(self, is_alive: Callable[[Owner], bool | None], now: datetime) -> list[int]:
        """Running tests whose process is gone, has been silent for three minutes, or cannot be told from its row; each
        ends as interrupted, and its next pulse says so."""

    def active(self) -> SpeedTest | None:
        """The one that is running, else the oldest queued one."""

    def get(self, test_id: int) -> SpeedTest | None: ...

    def bytes_between(self, since: datetime, until: datetime) -> int:
        """What all measurements in that time cost."""

    def costs(self, provider: SpeedProvider, limit: int) -> list[tuple[int, float]]:
        """(bytes, seconds) of its latest believable measurements, newest first."""

    def usual(self, provider: SpeedProvider, server: str, limit: int) -> list[tuple[float, float, float]]:
        """(ping, download, upload) of the latest results of that provider and server, newest first. Low ones are left
        out; thirty of them in a row count instead of whatever was before."""

    def lows(self, limit: int) -> list[bool]:
        """Of the latest results, newest first: was anything too slow?"""


class Cleaner(Protocol):
    def prune(self, now: datetime, run_days: int, run_count: int, batch: int) -> int:
        """Deletes one small batch of what is too old; the number of rows gone, 0 = nothing left to do."""


class Cron(Protocol):
    def next_after(self, line: str, moment: datetime) -> datetime | None:
        """First time the cron line names after the aware local `moment`."""


class Sessions(Protocol):
    """Logged-in browsers and failed logins."""

    def create(self, session: SessionRow) -> None: ...

    def get(self, session_id: str) -> SessionRow | None: ...

    def touch(self, session_id: str, now: datetime, expires_at: datetime) -> None: ...

    def revoke(self, session_id: str, now: datetime) -> None: ...

    def revoke_all(self, username: str, now: datetime, keep: str = "") -> int: ...

    def active(self, username: str, now: datetime) -> list[SessionRow]: ...

    def attempt(
        self,
        place: str,
        stranger: bool,
        username: str,
        now: datetime,
        windows: tuple[timedelta, timedelta],
        pause: Callable[[Tally], float],
    ) -> tuple[int, Tally, float]:
        """Claims the right to look at one password: (attempt, tally before it, 0.0), or (0, tally, seconds to wait).

        `windows` say how long failures of one place and of all strangers count.
        In one transaction, so that no two guesses slip past the same count. An attempt counts as a failure from its
        first moment, so that ending the program in the middle buys nothing.
        """

    def failed(self, now: datetime, notices: Sequence[Notice]) -> None:
        """The attempt stays counted; writes what is told about it."""

    def admitted(
        self, place: str, username: str, now: datetime, notice: Notice, session: SessionRow | None = None
    ) -> None:
        """The password was right: forgives that user's failures at that place, stores session and event."""

    def note(self, now: datetime, notice: Notice) -> None:
        """Writes an event of the door."""

    def failures(self, since: datetime) -> int:
        """How many failed logins since then."""

    def forget_failures(self) -> int:
        """Forgives all; the number of failures forgotten."""


__all__ = [
    "Check", "CheckStore", "Cleaner", "Clock", "Cron", "Hints", "Host", "ItemStore", "Memory", "OpenPlex", "Phase",
    "Plex", "PlexProbe", "RunLogs", "RunStore", "ScanLog", "Sessions", "Stop",
]  # fmt: skip
