"""The words of the house: every kind, state, outcome and record that more than one room speaks of.

Imports nothing of the project. Each member carries the sentence that explains it, so this file is
also the glossary. Times are aware UTC datetimes; durations are seconds as float.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple


class Kind(StrEnum):
    """What sort of thing a library item is. `number` is the `type=` argument of Plex's listings."""

    MOVIE = "movie"
    SHOW = "show"
    SEASON = "season"
    EPISODE = "episode"
    ARTIST = "artist"
    ALBUM = "album"

    @property
    def number(self) -> int:
        return {"movie": 1, "show": 2, "season": 3, "episode": 4, "artist": 8, "album": 9}[self.value]


#: Which kinds live in a section of which type; the first one is the section's own.
KINDS_OF_SECTION: Mapping[str, tuple[Kind, ...]] = {
    "movie": (Kind.MOVIE,),
    "show": (Kind.SHOW, Kind.SEASON, Kind.EPISODE),
    "artist": (Kind.ARTIST, Kind.ALBUM),
}


class Missing(StrEnum):
    """What an item lacks that its agent and kind normally provide."""

    POSTER = "poster"  # no thumb attribute at all
    SUMMARY = "summary"  # summary is empty where a summary is normal
    MATCH = "match"  # guid is local://: Plex does not know what this is
    IDS = "ids"  # matched by a new agent, but without imdb/tmdb/tvdb ids
    YEAR = "year"  # optional rule: no year
    ART = "art"  # optional rule: no background picture


class AgentFamily(StrEnum):
    """Metadata agents behave in four ways; what an item owes depends on it."""

    NEW = "new"  # tv.plex.agents.movie / series / music: provides ids
    LEGACY = "legacy"  # com.plexapp.agents.*: never shows ids
    NONE = "none"  # personal media: no provider at all
    CUSTOM = "custom"  # tv.plex.agents.custom.*, hama and friends: never shows ids


class Outcome(StrEnum):
    """The one verdict that a scan gives on an item it touched. No verdict (NULL) = not reached yet."""

    FIXED = "fixed"  # asked, and everything that was missing is there now
    STILL_MISSING = "still_missing"  # Plex worked on it, something is missing still
    GONE = "gone"  # the item is no longer in the library
    SKIPPED = "skipped"  # deliberately left alone; `why` says the reason
    ERROR = "error"  # Plex refused or lost the request twice; `why` says how
    WOULD_FIX = "would_fix"  # dry run: this one would have been refreshed


class Why(StrEnum):
    """Reason codes behind SKIPPED, STILL_MISSING and ERROR."""

    IGNORED = "ignored"  # the owner said: leave this one alone
    LOCKED = "locked"  # what is missing is locked by hand, or an unmatched item was edited by hand
    RESTING = "resting"  # failed lately; tried again when its rest is over
    HEALED = "healed"  # whole again before anything was asked
    NOTHING_CAME = "nothing_came"  # the server processed it and had nothing to add
    TOO_SLOW = "too_slow"  # the server began and was not done within the limit
    LOST_TWICE = "lost_twice"  # asked twice, and the server never began
    STUCK_QUEUE = "stuck_queue"  # the server's own queue did not move
    REFUSED = "refused"  # the server answered the refresh with an error


class RunStatus(StrEnum):
    """Life of a scan: queued -> running -> one of the four ends. Interrupted runs can go back to queued."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        return self not in (RunStatus.QUEUED, RunStatus.RUNNING)


class Source(StrEnum):
    """Who asked for a scan."""

    MANUAL = "manual"  # a click
    SCHEDULER = "scheduler"  # the daily time
    CLI = "cli"  # python -m keeper scan
    RETRY = "retry"  # 'try again' on chosen items


class Phase(StrEnum):
    """Where a running scan is."""

    QUEUED = "queued"
    CONNECTING = "connecting"
    COLLECTING = "collecting"
    CONFIRMING = "confirming"
    REPAIRING = "repairing"
    WAITING = "waiting"  # Plex is away or busy; the scan goes on by itself when it is back
    DONE = "done"


class Cause(StrEnum):
    """The one root cause that a look comes to. What stands below it is unknown because of it."""

    OK = "ok"
    STARTING = "starting"  # 503 'Maintenance', or the port closed within the grace after a start
    UPDATING = "updating"  # an updater or package manager is at work on Plex
    DOWN = "down"  # nothing listens on the port
    STOPPED_BY_OWNER = "stopped_by_owner"  # stopped in good order: not ours to start
    NO_NAME = "no_name"  # the name in PLEX_URL is not known
    HUNG = "hung"  # the connection is accepted, then silence
    OVERLOADED = "overloaded"  # 503 without 'Maintenance', or a proxy's 502
    DB_TROUBLE = "db_trouble"  # identity is fine, a count call fails or crawls
    UNAUTHORIZED = "unauthorized"  # the token is not accepted
    UNCLAIMED = "unclaimed"  # the server belongs to nobody
    NOT_PLEX = "not_plex"  # something answers, but it is not this Plex server
    MOUNT_MISSING = "mount_missing"  # a library path is missing, empty or hanging
    DISK_FULL = "disk_full"  # too little space on a disk that Plex needs
    LINK_ADMIN_DOWN = "link_admin_down"  # the interface is switched off
    LINK_DOWN = "link_down"  # no carrier: cable, switch, access point
    NO_ADDRESS = "no_address"  # no usable address
    NO_ROUTE = "no_route"  # no default route
    GATEWAY_DOWN = "gateway_down"  # the router does not answer
    DNS_STUB = "dns_stub"  # the resolver of this machine is dead while its servers answer
    DNS_DOWN = "dns_down"  # the configured name servers are silent
    CAPTIVE_PORTAL = "captive_portal"  # somebody else answers for plex.tv
    CLOCK_WRONG = "clock_wrong"  # certificates are not valid at the time of this machine
    INTERNET_DOWN = "internet_down"  # the router answers, nothing beyond it does
    PLEX_TV_DOWN = "plex_tv_down"  # only plex.tv is silent
    REMOTE_ACCESS_LOST = "remote_access_lost"  # Plex is not reachable from outside any more
    CRASHING = "crashing"  # it answers now and then, but ends shortly after every start
    UNREACHABLE = "unreachable"  # the network is well, but the machine of Plex does not answer
    MOVED = "moved"  # Plex is well, but PLEX_URL names an address that this machine has no more
    UNKNOWN = "unknown"  # the look itself failed


class Action(StrEnum):
    """What the watchdog may do. Everything but NONE is disruptive and needs to be armed, allowed and verified."""

    NONE = "none"
    RESTART_PLEX = "restart_plex"
    NET_SOFT = "net_soft"  # have the network manager configure the interface again
    NET_HARD = "net_hard"  # take the interface down and up again
    DNS_RESET = "dns_reset"  # flush, restart the local resolver, take back wrong servers
    REBOOT = "reboot"
    REACHABILITY = "reachability"  # ask Plex to map its port again


class Armed(StrEnum):
    """What the owner has allowed, each by itself."""

    RESTART = "restart"
    NETWORK = "network"
    DNS = "dns"
    REBOOT = "reboot"
    OUTAGE_REBOOT = "outage_reboot"  # a reboot also when only the line or the router is dead


class Reason(StrEnum):
    """Why the watchdog does what it does, or does nothing."""

    FINE = "fine"
    NOTHING_HELPS = "nothing_helps"  # no action of ours can mend this; it is told
    ACT = "act"  # everything allows it: it is done now
    CONFIRMING = "confirming"  # seen, but not long or often enough yet
    OWNER = "owner"  # the owner did this: respected
    HELD = "held"  # the owner said: hands off until then
    NOT_ARMED = "not_armed"  # would have been done if the owner had allowed it
    NOT_ABLE = "not_able"  # this machine cannot do it, or not without more rights
    VERIFYING = "verifying"  # something was done; its effect is awaited
    IN_USE = "in_use"  # somebody is watching
    IN_USE_UNKNOWN = "in_use_unknown"  # cannot tell whether somebody is watching
    PAUSE = "pause"  # a pause between two tries
    DAY_LIMIT = "day_limit"  # done often enough within a day
    GAVE_UP = "gave_up"  # tried, did not help; next try much later
    TRIED = "tried"  # done once in this incident, did not help; not done again
    NEVER_SEEN = "never_seen"  # Plex never answered at this address, so the address may be wrong
    JUST_BOOTED = "just_booted"  # this machine started a short while ago
    REBOOT_LIMIT = "reboot_limit"  # as many reboots today as allowed
    REBOOT_PAUSE = "reboot_pause"  # the last reboot is too recent
    ONLOOKER = "onlooker"  # another watchdog of the same store acts; this one only looks


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Item(NamedTuple):
    """One library item as a listing or a multi-id read shows it. Absent attributes are '' or 0."""

    key: str
    kind: str
    title: str
    parent: str  # 'Show · Season 1' for an episode, else ''
    guid: str
    has_ids: bool
    thumb: str
    art: str
    summary: str
    year: int
    added_at: int  # epoch seconds; 0 = not said
    updated_at: int
    section_key: str = ""  # listings say it once for all rows, details say it each
    hidden_season: bool = False
    locked: frozenset[str] = frozenset()  # names of locked fields; only a detail read shows them


class Section(NamedTuple):
    """One library of the server."""

    key: str
    type: str
    title: str
    agent: str
    uuid: str = ""
    locations: tuple[str, ...] = ()
    refreshing: bool = False


class Server(NamedTuple):
    """Who answers at PLEX_URL."""

    id: str
    name: str
    version: str


class Page(NamedTuple):
    """One page of a listing. `total` is None when the server did not say; `rows` counts odd rows too."""

    items: list[Item]
    total: int | None
    rows: int


class Hint(NamedTuple):
    """A push message about one item: 'began' or 'processed'. Never the truth, only a reason to look."""

    key: str
    what: str


class Fact(NamedTuple):
    """One observation of three values: True, False, None = unknown (or a number or text)."""

    value: bool | float | str | None
    detail: str = ""


class Ran(NamedTuple):
    """How a command ended. `code` None = it was not found, could not be started, or was killed at its time limit."""

    code: int | None
    out: str = ""
    err: str = ""
    seconds: float = 0.0
    timed_out: bool = False


class Ability(NamedTuple):
    """Whether this machine can do an action, found out without trying. `mend` says how to make it possible."""

    can: bool | None  # None = cannot be told without trying
    sentence: str
    mend: str = ""


class Acted(NamedTuple):
    """What became of an action's command. It is no evidence that anything was mended: only another look is."""

    done: bool | None  # None = not known (killed at the time limit)
    said: str  # one line for the log: command and answer


class Owner(NamedTuple):
    """Identity of a process that outlives pid reuse and reboots: boot id, pid and start time."""

    boot: str
    pid: int
    started: int

    def __str__(self) -> str:
        return f"{self.boot}/{self.pid}/{self.started}"

    @classmethod
    def parse(cls, text: str) -> Owner:
        boot, pid, started = text.rsplit("/", 2)
        return cls(boot, int(pid), int(started))


class Lease(NamedTuple):
    """Who holds a named right, and until when."""

    name: str
    owner: str
    holder: str  # for people: 'pid 4711 on nas'
    until: datetime


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What one scan is to do; stored with the run, so that resuming does the same."""

    libraries: tuple[str, ...] = ()  # section keys; empty = all that can be judged
    kinds: tuple[str, ...] = ("movie", "show")
    days: int = 30  # newest first until this age; 0 = no cutoff
    max_items: int = 0  # per library and kind; 0 = no limit
    dry_run: bool = False
    keys: tuple[str, ...] = ()  # only these items (retry); no listing then
    refresh_parallel: int = 4
    refresh_wait_total_seconds: float = 20.0
    failed_backoff_hours: float = 24.0
    plex_wait_minutes: float = 15.0
    optional_rules: tuple[str, ...] = ()  # of 'year', 'art'


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a person changes while the program runs; kept in the store, saved by an explicit act only."""

    libraries: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("movie", "show")
    days: int = 30
    max_items: int = 0
    refresh_parallel: int = 4
    refresh_wait_total_seconds: float = 20.0
    failed_backoff_hours: float = 24.0
    plex_wait_minutes: float = 15.0
    optional_rules: tuple[str, ...] = ()
    schedule_enabled: bool = False
    schedule: str = "03:30"  # 'HH:MM' or a cron line
    zone: str = ""  # IANA name; empty = the zone of this machine
    language: str = ""  # 'de', 'en' or '' = the browser's


@dataclass(slots=True)
class Stats:
    """The figures of a run. `libraries` holds the same figures by section title."""

    checked: int = 0
    fixed: int = 0
    would_fix: int = 0
    failed: int = 0
    skipped: int = 0
    gone: int = 0
    libraries: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Progress:
    """What page and CLI show of a running scan."""

    phase: Phase = Phase.QUEUED
    done: int = 0
    total: int = 0
    title: str = ""
    eta_seconds: float | None = None
    note: str = ""  # sentence while waiting


@dataclass(frozen=True, slots=True)
class Suspect:
    """An item found to lack something, on its way to a verdict."""

    key: str
    section_key: str
    section_title: str
    kind: str
    title: str
    parent: str
    year: int
    missing: tuple[str, ...]
    updated_at: int = 0
    position: int = 0  # order in which the run found it
    asks: int = 0  # how often a refresh was asked for in this run


#: A listed item that lacks something: its section, its row, what it lacks.
Flawed = tuple[Section, Item, tuple[Missing, ...]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one suspect."""

    key: str
    outcome: Outcome
    missing: tuple[str, ...] = ()
    why: str = ""
    rest_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the store remembers of an item before this run looks at it."""

    failed_count: int = 0
    next_try_at: datetime | None = None
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One row of scan_runs as the rooms see it."""

    job_id: str
    status: RunStatus
    source: Source
    options: ScanOptions
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested: bool
    error: str | None
    error_code: str | None
    progress: Progress
    progress_at: datetime | None
    stats: Stats
    owner: str | None
    holder: str | None
    lease_until: datetime | None
    resumes: int
    seconds: float
    requested_by: str


@dataclass(frozen=True, slots=True)
class Check:
    """One finished look at Plex with its diagnosis."""

    at: datetime
    cause: Cause
    sentence: str
    facts: Mapping[str, Fact]
    decision: Mapping[str, Any]
    milliseconds: float | None


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time that survives jumps of the wall clock: within one boot the uptime (seconds) tells the truth."""

    at: datetime
    boot: str
    uptime: float


@dataclass(frozen=True, slots=True)
class Stream:
    """One thing somebody plays, as the server tells it."""

    key: str
    state: str  # playing, paused, buffering
    offset: int  # milliseconds into it
    live: bool = False


@dataclass(frozen=True, slots=True)
class Watched:
    """What is remembered of a stream between looks: since when it has not moved."""

    key: str
    state: str
    offset: int
    since: Moment


class Turning(StrEnum):
    """What happened to the process of Plex."""

    STARTED = "started"
    STOPPED = "stopped"


class Agent(StrEnum):
    """Who started or stopped Plex."""

    US = "us"  # the watchdog, or a person through it
    OWNER = "owner"  # somebody, by the service manager
    UPDATER = "updater"
    CRASH = "crash"  # nobody: it ended by itself, or was brought back by its service manager after that
    MACHINE = "machine"  # the machine stopped or started
    UNKNOWN = "unknown"  # no service manager could be asked


@dataclass(frozen=True, slots=True)
class Turn:
    """A start or a stop of Plex as it was noticed. `lived` = how long it had run, in seconds; None = unknown."""

    at: datetime
    what: Turning
    by: Agent
    lived: float | None = None
    person: str = ""  # who asked us for it; '' = the watchdog by itself, or it was not us
    seen: Moment | None = None  # `at`, with the uptime; None = from the ledger, which keeps the wall clock alone


@dataclass(frozen=True, slots=True)
class Life:
    """The process of Plex as last seen."""

    running: bool
    seen: Moment
    born: float | None = None  # uptime of the machine, in seconds, when it started; None = not known
    pid: int | None = None
    restarts: float | None = None  # how often the service manager brought it back; None = it does not say
    updating: bool = False
    earliest: float | None = None  # like `born`, when that is not known: before this uptime it did not start
    rising: bool = False  # it is gone, and its service manager is about to bring it back
    explained: Moment | None = None  # the action of ours that brought it up; it explains no later end


@dataclass(frozen=True, slots=True)
class Level:
    """Room on a disk at some time."""

    disk: str
    at: datetime
    free: float  # GB
    warned: bool = False  # it was told that this disk is filling up


@dataclass(frozen=True, slots=True)
class Taken:
    """An action that was decided, and what is known of it. Written before it is done."""

    action: Action
    at: Moment
    incident: int
    by: str = ""  # '' = the watchdog, else the person who asked
    done: bool | None = None  # None = not known whether it was carried out
    helped: bool | None = None  # None = not yet verified


@dataclass(frozen=True, slots=True)
class Incident:
    """One episode of trouble: from the first bad look to the second good one. `told` = what was said once already."""

    number: int
    cause: Cause
    began: Moment
    gave_up: bool = False
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Watch:
    """Everything the watchdog remembers between two looks. All of it is in the store."""

    incident: Incident | None = None
    incidents: int = 0
    cause: Cause = Cause.UNKNOWN  # of the present unbroken run of looks
    since: Moment | None = None
    looks: int = 0
    bad_looks: int = 0  # in a row, of whatever cause, before an incident opens
    good_looks: int = 0  # in a row, while an incident is open
    last: Moment | None = None  # of the last look
    taken: tuple[Taken, ...] = ()
    streams: tuple[Watched, ...] = ()
    told: Moment | None = None  # of the last look that told anything, which UNKNOWN does not
    served: str = ""  # the address at which Plex last told who watches
    interface: str = ""  # the one that carried the default route while there was one
    life: Life | None = None
    turns: tuple[Turn, ...] = ()  # the latest starts and stops of Plex
    paces: tuple[bool, ...] = ()  # of the latest answers of Plex, oldest first: was it too slow?
    counts: tuple[bool, ...] = ()  # the same of its library
    blind: Moment | None = None  # since when no look could name a cause
    blind_told: bool = False
    levels: tuple[Level, ...] = ()  # of the disks, a few of each, oldest first


@dataclass(frozen=True, slots=True)
class WatchLimits:
    """What the owner allows. Durations in seconds."""

    armed: frozenset[Armed] = frozenset({Armed.RESTART})
    held_until: datetime | None = None
    interval: float = 300.0
    max_restarts: int = 2  # MAX_RETRIES, per incident
    network_rounds: int = 3  # NETWORK_RESTART_ATTEMPTS, per incident
    reboots_a_day: int = 1  # MAX_REBOOT_ATTEMPTS
    reboot_pause: float = 86_400.0  # REBOOT_CYCLE_PAUSE
    address: str = ""  # of Plex; '' = not to be proved, as in a rehearsal
    slow: float = 2.5  # PLEX_SLOW_SECONDS: an answer that takes longer is too late


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done now (`action`), what would have been (`wanted`), why, and until when that stands at the least."""

    action: Action
    wanted: Action
    reason: Reason
    until: datetime | None = None
    data: Mapping[str, str | float] = field(default_factory=dict)


class StepKind(StrEnum):
    """The parts of an incident's story."""

    OPENED = "opened"  # with the facts that were seen
    CHANGED = "changed"  # another cause now
    DECIDED = "decided"  # what is done or not done, and why
    ACTED = "acted"  # what became of the command
    PROVED = "proved"  # whether the check that failed is fine again
    OWNER = "owner"  # a person did something: hold, arm, an action by hand
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of an incident's story; `data` holds what its sentence needs in any language."""

    kind: StepKind
    at: datetime
    cause: Cause
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class IncidentSeen:
    """An incident as the store tells it. `causes` in the order they came; `actions` as they were carried out."""

    number: int
    began_at: datetime
    closed_at: datetime | None
    cause: Cause
    causes: tuple[Cause, ...]
    actions: tuple[Action, ...]
    gave_up: bool


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of an action's limit is used, and when it is possible again; None = now, as far as the limit goes."""

    action: Action
    used: int
    allowed: int
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Tick:
    """Everything one look leaves behind; stored in one transaction, before anything is done."""

    check: Check
    watch: Watch
    decision: Decision
    steps: tuple[Step, ...] = ()
    notices: tuple[Notice, ...] = ()
    turns: tuple[Turn, ...] = ()  # noticed by this look, oldest first


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour, or a day, of looks. Seconds in which nobody looked are neither good nor bad."""

    begins: datetime
    seconds: float  # length of the period so far
    good: float
    bad: float
    looks: int
    causes: Mapping[str, float]  # seconds of each bad cause
    response_ms: float | None = None  # mean of those that answered
    figures: Mapping[str, float] = field(default_factory=dict)  # means of the host's figures: cpu, memory ...

    @property
    def unknown(self) -> float:
        return max(0.0, self.seconds - self.good - self.bad)


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth telling, written in the transaction of what it tells."""

    id: int
    at: datetime
    kind: str
    severity: Severity
    message: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SectionSeen:
    """A library as last seen; `seen_at` tells how old that knowledge is."""

    key: str
    type: str
    title: str
    agent: str
    locations: tuple[str, ...]
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class LibraryHealth:
    """Counts of the latest words on the items of one library. `known` = ok + flawed + gone not counted."""

    section_key: str
    title: str
    known: int
    ok: int
    flawed: int
    resting: int  # of the flawed: failed lately, not due yet
    ignored: int  # of the flawed
    missing: Mapping[str, int]  # how many lack what


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """What a list of items is narrowed to; empty = everything."""

    state: str = ""  # 'ok', 'flawed', 'ignored', 'resting', 'gone'
    section_key: str = ""
    missing: str = ""
    outcome: str = ""
    search: str = ""  # part of the title or the parent's title


@dataclass(frozen=True, slots=True)
class ItemRow:
    """The latest word on one item (media_state), or what one run did with it (scan_items)."""

    key: str
    section_key: str
    section_title: str
    kind: str
    title: str
    parent: str
    year: int
    state: str
    missing: tuple[str, ...]
    outcome: str | None
    why: str
    failed_count: int
    next_try_at: datetime | None
    ignored: bool
    changed_at: datetime | None
    job_id: str


@dataclass(frozen=True, slots=True)
class Notice:
    """An event that is about to be written."""

    kind: str
    severity: Severity
    message: str
    data: Mapping[str, Any]


class DeliveryStatus(StrEnum):
    """What has become of one event on its way to one outlet."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"  # the service does not take this event, now or ever; a person may try again
    DROPPED = "dropped"  # given up on purpose; `why` says by whom or what


class Result(StrEnum):
    """What became of one try to deliver."""

    DONE = "done"
    LATER = "later"  # the service, or the line, cannot just now; nothing arrived
    UNCERTAIN = "uncertain"  # it may have arrived: no answer came
    REFUSED = "refused"  # this event never; the next one may be taken
    BLOCKED = "blocked"  # nothing at all is taken until a person repairs something


class Group(StrEnum):
    """Kinds of events as people choose them for an outlet."""

    TROUBLE = "trouble"  # incidents: opened, over, given up
    ACTION = "action"  # what the watchdog did, or would have done
    UPDATE = "update"  # updates and starts of Plex and of the machine
    SCAN = "scan"
    SPEED = "speed"
    DOOR = "door"  # logins
    OWNER = "owner"  # what a person changed
    OWN = "own"  # written by the person's own scripts
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Parcel:
    """One event on its way to one outlet."""

    id: int
    event: Event
    attempts: int = 0  # tries that were begun before this one
    uncertain: bool = False  # an earlier try may have arrived


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one parcel. `why` is a sentence for people, without secrets."""

    parcel: int
    result: Result
    why: str = ""
    remote_id: str = ""
    after: float | None = None  # seconds that the service asks us to be silent; None = our own back-off


@dataclass(frozen=True, slots=True)
class Answer:
    """Of one call to an outlet: a receipt for each parcel, in their order, and how many calls the service counts. Those
    that were not finished when it was stopped are left out."""

    receipts: tuple[Receipt, ...]
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person wants one outlet to tell. `groups` None = what fits the kind of outlet."""

    enabled: bool = True
    groups: frozenset[Group] | None = None
    least: Severity = Severity.INFO
    quiet: bool = True  # quiet hours count for it: only errors are told then, the rest afterwards


@dataclass(frozen=True, slots=True)
class Telling:
    """What a person wants told, when and where. Kept in the store."""

    choices: Mapping[str, Choice] = field(default_factory=dict)  # by the name of the outlet
    quiet_from: str = ""  # 'HH:MM' in the person's zone; '' = no quiet hours
    quiet_to: str = ""
    digest: str = ""  # '', 'daily' or 'weekly'
    digest_at: str = "08:00"  # weekly on Mondays


@dataclass(frozen=True, slots=True)
class OutletState:
    """What the store knows of one outlet."""

    name: str
    pending: int
    blocked: str = ""  # why nothing is taken at present; '' = it is
    blocked_at: datetime | None = None
    paused_until: datetime | None = None  # the service asked for silence
    last_sent_at: datetime | None = None
    failed: int = 0
    calls: int = 0  # of this month (UTC)


@dataclass(frozen=True, slots=True)
class DeliverySeen:
    """A delivery as people see it."""

    outlet: str
    status: DeliveryStatus
    attempts: int
    next_at: datetime | None
    sent_at: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What a list of events is narrowed to; empty = everything."""

    kinds: tuple[str, ...] = ()
    least: Severity = Severity.INFO
    search: str = ""  # part of the message
    since: datetime | None = None
    until: datetime | None = None
    outlet: str = ""
    status: DeliveryStatus | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """Failed logins that still count: from one place, and of all strangers together; and when the last ones were."""

    place: int = 0
    place_last: datetime | None = None
    crowd: int = 0
    crowd_last: datetime | None = None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One logged-in browser. `id` is the hash of the secret in its cookie."""

    id: str
    username: str
    password_mark: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    browser: str
    revoked_at: datetime | None


# ---------------------------------------------------------------------------- the speed of the line


class SpeedProvider(StrEnum):
    """Who can measure the line. Their results are never mixed: each measures in its own way."""

    SPEEDTEST_CLI = "speedtest-cli"  # the Python package; comes with this program
    OOKLA = "ookla"  # Ookla's own program `speedtest`, where it is installed
    LIBRESPEED = "librespeed"  # `librespeed-cli`, where it is installed
    HTTP = "http"  # our own: so many bytes from one address and to another


class SpeedSource(StrEnum):
    """Who asked for a speed test."""

    SCHEDULE = "schedule"  # the daily hour
    MANUAL = "manual"  # a click
    CLI = "cli"  # python -m keeper speedtest


class SpeedStatus(StrEnum):
    """Life of a speed test: queued -> running -> one of the five ends."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"  # a result that can be believed; whether the line is slow is another matter
    FAILED = "failed"  # nobody brought a result that can be believed
    PUT_OFF = "put_off"  # something more important came up; what was measured so far does not count
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # the service ended in the middle

    @property
    def ended(self) -> bool:
        return self not in (SpeedStatus.QUEUED, SpeedStatus.RUNNING)


class Hindrance(StrEnum):
    """Why no speed test is made just now. None of these is a failure."""

    IN_USE = "in_use"  # somebody is watching, or something is being recorded
    IN_USE_UNKNOWN = "in_use_unknown"  # cannot tell whether somebody is watching
    UPDATING = "updating"  # Plex is being updated, or is just starting
    NO_LINE = "no_line"  # the last look says that there is no internet
    ACTING = "acting"  # the watchdog is about to do something, or verifies what it did
    SCANNING = "scanning"  # a scan is running
    BUDGET = "budget"  # the bytes of this month, or of the days so far, are used up
    FAILED = "failed"  # only of a day that ended: tests were made, and none could be believed


class Flaw(StrEnum):
    """Why a measurement does not count."""

    NOT_INSTALLED = "not_installed"
    BROKEN = "broken"  # it ended with an error
    BLOCKED = "blocked"  # the provider answers 403
    NO_SERVER = "no_server"  # the pinned server is not known there, or none could be reached
    TOO_LATE = "too_late"  # not done within its time; ended by us
    GARBLED = "garbled"  # what it said cannot be read
    NO_PING = "no_ping"  # it says that it measured, but never reached its server
    NO_DOWNLOAD = "no_download"  # zero
    NO_UPLOAD = "no_upload"
    ABSURD = "absurd"  # figures that no line has, or that contradict each other
    STOPPED = "stopped"  # ended by us before it was done
    TOO_MANY_BYTES = "too_many_bytes"  # ended by us: more bytes than it was given


class Aspect(StrEnum):
    """What of a line can be too slow."""

    DOWNLOAD = "download"
    UPLOAD = "upload"
    PING = "ping"


class Measured(NamedTuple):
    """What a provider found out. Mbit/s, milliseconds and bytes."""

    server: str  # its id with that provider, or its address: part of what a baseline belongs to
    server_name: str
    ping_ms: float
    download_mbps: float
    upload_mbps: float
    received: int
    sent: int


@dataclass(frozen=True, slots=True)
class SpeedRun:
    """One measurement by one provider. `flaw` None = it can be believed, and `measured` is there."""

    provider: SpeedProvider
    measured: Measured | None = None
    flaw: Flaw | None = None
    said: str = ""  # one line of the provider's own words, or ours, on what went wrong
    bytes: int = 0  # what it cost, at the most: counted by the provider, else on this machine's interfaces
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeedProgress:
    """What page and CLI show of a running test. Rates are those of the whole machine, Mbit/s."""

    provider: SpeedProvider | None = None
    confirming: bool = False  # the first result was low: measured once more
    seconds: float = 0.0  # of this measurement
    expected: float = 0.0  # seconds that it took lately; 0 = unknown
    receiving_mbps: float = 0.0
    sending_mbps: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeedTest:
    """One row of speed_tests: a test that was asked for, and what came of it."""

    id: int
    status: SpeedStatus
    source: SpeedSource
    requested_by: str
    local_date: str  # ISO, in the zone of the speed test
    anyway: bool  # also while somebody is watching
    created_at: datetime
    began_at: datetime | None
    finished_at: datetime | None
    cancel_requested: bool
    result: SpeedRun | None  # of SUCCESS: the measurement that counts
    low: tuple[Aspect, ...]  # of SUCCESS: what is too slow, confirmed by a second measurement
    bytes: int  # of all its measurements
    seconds: float
    error: str  # a sentence; '' = none
    error_code: str  # a Flaw, a Hindrance, or 'unconfirmed'
    progress: SpeedProgress
    progress_at: datetime | None


@dataclass(frozen=True, slots=True)
class SpeedPlan:
    """What the settings say about the daily test."""

    hour: int = 2  # SPEED_TEST_HOUR, in SPEED_TEST_TIMEZONE
    attempts: int = 4  # MAX_SPEED_TEST_ATTEMPTS per local date
    retry_delay: float = 3600.0  # SPEED_TEST_RETRY_DELAY, seconds from one attempt's beginning to the next
    budget: int = 0  # SPEED_TEST_MONTHLY_MB in bytes per calendar month of that zone; 0 = without limit


@dataclass(frozen=True, slots=True)
class SpeedWishes:
    """What a person wants of the line; changed in the page. 0 = not asked for."""

    daily: bool = True
    least_download: float = 0.0  # Mbit/s
    least_upload: float = 0.0
    most_ping: float = 0.0  # milliseconds
    share: int = 50  # percent of what is usual for that provider and server
    alarm_after: int = 2  # so many low results ...
    alarm_of: int = 3  # ... among so many of the latest


class SpeedAttempt(NamedTuple):
    """A scheduled test that was begun, whatever became of it."""

    date: str
    began: Moment
    status: SpeedStatus


@dataclass(frozen=True, slots=True)
class SpeedDay:
    """What is known of one local date. `outcome` '' = not over yet."""

    date: str
    outcome: str = ""  # success, failed or skipped
    hindrance: Hindrance | None = None  # why it was put off last, or skipped
    again: Moment | None = None  # it was put off: not looked at again before this


@dataclass(frozen=True, slots=True)
class SpeedBook:
    """What the store remembers for the next decision about the daily test."""

    attempts: tuple[SpeedAttempt, ...] = ()  # scheduled: of the dates around today, and the newest of all
    days: Mapping[str, SpeedDay] = field(default_factory=dict)  # the dates around today, and all that are not over
    barren: int = 0  # days in a row that ended without a result, those for want of budget left out
    marks: Mapping[str, str] = field(default_factory=dict)  # what was told already, and what the alarm needs


@dataclass(frozen=True, slots=True)
class SpeedEnd:
    """How a test ends, with everything that follows from it."""

    status: SpeedStatus
    result: SpeedRun | None = None
    low: tuple[Aspect, ...] = ()
    seconds: float = 0.0
    error: str = ""
    error_code: str = ""
    day: SpeedDay | None = None  # what this means for the day of a scheduled test
    notices: tuple[Notice, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpeedPoint:
    """A result in the history."""

    at: datetime
    provider: SpeedProvider
    server: str
    ping_ms: float
    download_mbps: float
    upload_mbps: float
    low: tuple[Aspect, ...]
    source: SpeedSource


@dataclass(frozen=True, slots=True)
class SpeedUsual:
    """What is usual for one provider and server: medians of those results with which a new one is compared. Where all
    are low, there are none yet; then of the latest ones."""

    provider: SpeedProvider
    server: str
    server_name: str
    results: int  # in the time that was asked for
    ping_ms: float
    download_mbps: float
    upload_mbps: float
    last_at: datetime
    compared: int = 0  # results that a new one is compared with; fewer than five are none
