"""One scan from first to last line: collect, judge, confirm, repair, verify, report.

    connect     who is there, is the token good, which libraries are chosen
    collect     page through the listings newest first; judge every row locally; no request per item
    confirm     one multi-id read per 100 suspects: locks, ids, and who is whole or gone by now
    repair      ask for refreshes, a few in flight; push messages are hints, batched reads are the truth
    report      figures per library, one verdict per touched item

What may pass (a restart of Plex, an overload, a cut line) is waited out; what may not ends the run with
a sentence. Whatever was judged stays judged: a later run, or resuming this one, does only the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TypeVar, cast

from keeper.errors import (
    PlexError,
    PlexGarbled,
    PlexNotFound,
    PlexOverloaded,
    PlexRejected,
    PlexStarting,
    PlexUnreachable,
    RunError,
    StoreError,
)
from keeper.ports import Clock, Hints, ItemStore, Plex, ScanLog, Stop
from keeper.rules import library
from keeper.rules.pace import Pace, remaining_seconds
from keeper.rules.repair import Discharge, Seen, Ward
from keeper.rules.types import (
    KINDS_OF_SECTION,
    Flawed,
    Item,
    Kind,
    Known,
    Missing,
    Outcome,
    Page,
    Phase,
    Progress,
    Run,
    Section,
    Server,
    Stats,
    Suspect,
    Verdict,
    Why,
)

PAGE_ROWS = 200
STALE_PAGES = 3  # so many pages in a row without a new item: the server repeats itself
NOTE_ROWS = 5_000
BATCH = 100  # ids of one multi-id read
FIRST_TRIES = 3  # at the very start: an address where nothing answers is a failure, not a restart
BAD_ANSWER_TRIES = 4
REFRESH_TRIES = 2
REFUSALS_IN_A_ROW = 5
LONGEST_PAUSE = 10.0
OBSTACLE_PAUSE = 1.0  # seconds between two questions whether a scan may go on
HINT_WAIT = 0.25
STORE_PAUSE = 2.0

T = TypeVar("T")


@dataclass(slots=True)
class Board:
    """What the scan shows while it works; the pulse of jobs.py copies it to the store."""

    progress: Progress = field(default_factory=Progress)
    stats: Stats = field(default_factory=Stats)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything a scan touches."""

    plex: Plex
    items: ItemStore
    clock: Clock
    stop: Stop
    log: ScanLog
    pin_server: Callable[[Server], int]
    obstacle: Callable[[], str] = lambda: ""  # why the watchdog wants scans to wait; '' = it does not


def scan(run: Run, around: Surroundings, board: Board) -> None:
    """Runs one scan to its end. Raises KeeperError (PlexError, RunError, Stopped); returning means success."""
    work = _Scan(run, around, board)
    work.connect()
    work.collect()
    work.treat()
    work.report()


class _Scan:
    def __init__(self, run: Run, around: Surroundings, board: Board) -> None:
        self.run, self.options = run, run.options
        self.plex, self.clock = around.plex, around.clock
        self.items = cast("ItemStore", _Patient(around.items, self._wait_for_store))
        self.stop, self.log, self._pin = around.stop, around.log, around.pin_server
        self._obstacle = around.obstacle
        self.board = board
        self.server_id = 0
        self._sections: list[Section] = []
        self._seen = library.SeenKeys()
        self._whole: list[Item] = []
        self._flawed: list[Flawed] = []
        self._found, _ = self.items.count(run.job_id)
        self._touched_before = self._found > 0  # a resumed run
        self._in_touch = False  # Plex answered at least once
        self._was_away = False
        self._may_have_restarted = False

    # ---------------------------------------------------------------- connect

    def connect(self) -> None:
        """1. Who is there; which libraries."""
        self._phase(Phase.CONNECTING)
        server = self.patiently(self.plex.server)
        self.server_id = self._pin(server)
        self.log(f"connected to {server.name} (Plex {server.version})")
        everything = self.patiently(self.plex.sections)
        self.items.note_sections(self.server_id, everything)
        self._sections = self._chosen(everything)
        if self._touched_before:
            self._take_over_figures()

    def _chosen(self, everything: list[Section]) -> list[Section]:
        judgeable = [section for section in everything if library.can_be_judged(section)]
        wanted = set(self.options.libraries)
        chosen = [section for section in judgeable if not wanted or {section.key, section.title} & wanted]
        for name in sorted(wanted - {name for section in chosen for name in (section.key, section.title)}):
            self.log(f"library {name!r} is chosen, but the server does not show it now")
        if not chosen:
            names = ", ".join(section.title for section in judgeable) or "none"
            raise RunError(
                f"There is nothing to scan: the server shows none of the chosen libraries. Those it shows: {names}."
            )
        return chosen

    def _take_over_figures(self) -> None:
        for title, outcomes in self.items.outcome_counts(self.run.job_id).items():
            for outcome, number in outcomes.items():
                self._count(title, Outcome(outcome), number)
        self.log(f"resumed: {self._found} items found before, {self.board.stats.fixed} of them mended")

    # ---------------------------------------------------------------- collect

    def collect(self) -> None:
        """2. Judge what is listed; remember who lacks something."""
        self._phase(Phase.COLLECTING)
        if self.options.keys:
            self._collect_by_key(list(self.options.keys))
            self._note()
            return
        for section, kind in self._listings():
            try:
                self._collect_listing(section, kind)
            except PlexNotFound:
                self._lost(section)
        due = self.items.due_again(self.server_id, [s.key for s in self._sections], self.clock.now(), 10_000)
        again = [key for key in due if self._seen.add(key)]
        if again:
            self.log(f"{len(again)} items failed earlier and have rested long enough")
            self._collect_by_key(again)
        self._note()

    def _lost(self, section: Section) -> None:
        """A library that left the server since it was listed. Raises RunError when it was the last one."""
        self.log(f"library {section.title!r} is not there any more")
        self._sections = [other for other in self._sections if other.key != section.key]
        if not self._sections:
            raise RunError("The server does not know its own libraries any more. Look at Plex, then scan again.")

    def _listings(self) -> Iterator[tuple[Section, Kind]]:
        for section in list(self._sections):
            for kind in KINDS_OF_SECTION[section.type]:
                if kind in self.options.kinds or self._is_music_by_name(section, kind):
                    yield section, kind

    def _is_music_by_name(self, section: Section, kind: Kind) -> bool:
        """Artists are not among the default kinds; a music library chosen by name means them all the same."""
        return kind is Kind.ARTIST and bool({section.key, section.title} & set(self.options.libraries))

    def _collect_listing(self, section: Section, kind: Kind) -> None:
        cutoff = self._cutoff()
        most = self.options.max_items
        start, taken, total_before, stale_pages = 0, 0, None, 0
        base = self.board.progress.total
        self.log(f"listing {section.title} ({kind.value})")
        while True:
            size = min(PAGE_ROWS, most - taken) if most else PAGE_ROWS
            page = self.patiently(partial(self.plex.page, section, kind, start, size))
            fresh = [item for item in page.items if item.added_at >= cutoff or not item.added_at]
            stale_pages = 0 if self._collect_rows(section, fresh) else stale_pages + 1
            taken += len(fresh)
            self.board.progress.total = base + _expected(page, taken, most)
            start = max(0, start + page.rows - _shrunk(total_before, page.total))
            total_before = page.total
            reached_cutoff = len(fresh) < len(page.items)
            at_end = not page.rows or (page.total is not None and start >= page.total)
            if at_end or reached_cutoff or (most and taken >= most) or stale_pages >= STALE_PAGES:
                break
        self.board.progress.total = base + taken

    def _cutoff(self) -> int:
        if not self.options.days:
            return 0
        return int((self.clock.now() - timedelta(days=self.options.days)).timestamp())

    def _collect_rows(self, section: Section, rows: Sequence[Item]) -> int:
        """Judges rows of one section; how many of them were new. What is found is noted many rows at a time."""
        family = library.agent_family(section.agent)
        optional = self.options.optional_rules
        new = [item for item in rows if self._seen.add(item.key)]
        for item in new:
            if missing := library.gaps(item, family, optional):
                self._flawed.append((section, item, missing))
            else:
                self._whole.append(item)
        self.board.stats.checked += len(new)
        self._of_library(section.title)["checked"] += len(new)
        self.board.progress.done += len(new)
        if len(self._whole) + len(self._flawed) >= NOTE_ROWS:
            self._note()
        return len(new)

    def _note(self) -> None:
        """Writes down what was found since the last time. A crash in between only means to find it again."""
        if self._whole:
            self.items.note_whole(self.server_id, self._whole, self.run.job_id)
        if self._flawed:
            self._remember(self._flawed)
        self._whole, self._flawed = [], []

    def _remember(self, flawed: Sequence[Flawed]) -> None:
        known = self.items.note_flawed(self.server_id, flawed, self.run.job_id)
        touched: set[str] = set()
        if self._touched_before:
            touched = self.items.already_touched(self.run.job_id, [item.key for _, item, _ in flawed])
        suspects, skips = [], []
        for section, item, missing in flawed:
            if item.key in touched:
                continue
            suspects.append(_suspect(section, item, missing, self._found))
            self._found += 1
            if why := self._rests(item, missing, known.get(item.key)):
                skips.append(Verdict(item.key, Outcome.SKIPPED, missing, why.value))
        self.items.found(self.run.job_id, suspects)
        self.judge(skips, {suspect.key: suspect for suspect in suspects})

    def _rests(self, item: Item, missing: tuple[Missing, ...], known: Known | None) -> Why | None:
        why = library.reason_to_rest(item, missing, known, self.clock.now())
        return None if why is Why.RESTING and self.options.keys else why

    def _collect_by_key(self, keys: list[str]) -> None:
        """The retry pool, or items chosen by hand: read by id, by section."""
        self.board.progress.total += len(keys)
        sections = {section.key: section for section in self._sections}
        for batch in _batches(keys, BATCH):
            details = self.patiently(partial(self.plex.read, batch))
            self._forget_gone([key for key in batch if key not in details])
            by_section: dict[str, list[Item]] = {}
            for item in details.values():
                by_section.setdefault(item.section_key, []).append(item)
            for section_key, rows in by_section.items():
                if section_key in sections:
                    self._collect_rows(sections[section_key], rows)

    def _forget_gone(self, keys: list[str]) -> None:
        rows = [_stranger(key, self._found + number) for number, key in enumerate(keys)]
        self._found += len(rows)
        self.items.found(self.run.job_id, rows)
        self.judge([Verdict(key, Outcome.GONE) for key in keys], {row.key: row for row in rows})

    # ---------------------------------------------------------------- treat

    def treat(self) -> None:
        """3. to 5. Confirm suspects batch by batch, and (not in a dry run) have them mended."""
        rows, still_open = self.items.count(self.run.job_id)
        progress = self.board.progress
        progress.done, progress.total = rows - still_open, rows
        self.log(f"{rows} items lack something, {still_open} to do" + (" (dry run)" if self.options.dry_run else ""))
        if not still_open:
            return
        self._phase(Phase.CONFIRMING if self.options.dry_run else Phase.REPAIRING)
        self._began, self._done_at_begin = self.clock.monotonic(), progress.done
        if self.options.dry_run:
            for batch in self.open_batches():
                self.confirm(batch)
            return
        with self.plex.hints() as hints:
            _Treatment(self, hints).run()

    def open_batches(self) -> Iterator[list[Suspect]]:
        position = -1
        while batch := self.items.open_suspects(self.run.job_id, position, BATCH):
            position = batch[-1].position
            yield batch

    def confirm(self, batch: list[Suspect]) -> list[Suspect]:
        """Reads the suspects once; those who are still to be treated."""
        details = self.patiently(partial(self.plex.read, [suspect.key for suspect in batch]))
        known = self.items.known(self.server_id, [suspect.key for suspect in batch])
        verdicts, treat = [], []
        for suspect in batch:
            item = details.get(suspect.key)
            if suspect.asks:  # asked for before a crash: the ward looks at it
                treat.append(suspect)
            elif verdict := self._first_verdict(suspect, item, known.get(suspect.key)):
                verdicts.append(verdict)
            elif item:
                treat.append(_renewed(suspect, item, self.lacks(suspect, item)))
        self.judge(verdicts, {suspect.key: suspect for suspect in batch})
        return treat

    def _first_verdict(self, suspect: Suspect, item: Item | None, known: Known | None) -> Verdict | None:
        if item is None:
            return Verdict(suspect.key, Outcome.GONE)
        missing = self.lacks(suspect, item)
        if why := self._rests(item, missing, known):
            return Verdict(suspect.key, Outcome.SKIPPED, suspect.missing, why.value)
        if not missing:
            return Verdict(suspect.key, Outcome.SKIPPED, (), Why.HEALED.value)
        return Verdict(suspect.key, Outcome.WOULD_FIX, missing) if self.options.dry_run else None

    def lacks(self, suspect: Suspect, item: Item) -> tuple[Missing, ...]:
        agent = next((s.agent for s in self._sections if s.key == suspect.section_key), "")
        return library.lacks(item, library.agent_family(agent), self.options.optional_rules)

    # ---------------------------------------------------------------- report

    def report(self) -> None:
        """6. The last figures."""
        stats = self.board.stats
        self.log(
            f"checked {stats.checked}, fixed {stats.fixed}, would fix {stats.would_fix}, failed {stats.failed}, "
            f"skipped {stats.skipped}, gone {stats.gone}"
        )

    # ---------------------------------------------------------------- shared

    def judge(self, verdicts: Sequence[Verdict], suspects: dict[str, Suspect]) -> None:
        """Stores verdicts and counts them where a person looks."""
        if not verdicts:
            return
        self.items.judge(self.run.job_id, self.server_id, verdicts)
        for verdict in verdicts:
            suspect = suspects[verdict.key]
            self._count(suspect.section_title, verdict.outcome)
            why = f" ({verdict.why})" if verdict.why else ""
            lacking = f", lacks {' '.join(verdict.missing)}" if verdict.missing else ""
            self.log(f"{verdict.outcome.value}{why}: {suspect.title} [{verdict.key}]{lacking}")
        if self.board.progress.phase in (Phase.REPAIRING, Phase.CONFIRMING):
            self._advance(len(verdicts), suspects[verdicts[-1].key].title)

    def _advance(self, number: int, title: str) -> None:
        progress = self.board.progress
        progress.done += number
        progress.title = title
        done = progress.done - self._done_at_begin
        elapsed = self.clock.monotonic() - self._began
        progress.eta_seconds = remaining_seconds(done, progress.total - self._done_at_begin, elapsed)

    def _count(self, title: str, outcome: Outcome, number: int = 1) -> None:
        name = {Outcome.STILL_MISSING: "failed", Outcome.ERROR: "failed"}.get(outcome, outcome.value)
        setattr(self.board.stats, name, getattr(self.board.stats, name) + number)
        if title:  # of what is gone, the library may be unknown
            self._of_library(title)[name] += number

    def _of_library(self, title: str) -> dict[str, int]:
        libraries = self.board.stats.libraries
        if title not in libraries:
            # A new dict, not a new key: the pulse reads the board from another thread.
            empty = dict.fromkeys(("checked", "fixed", "would_fix", "failed", "skipped", "gone"), 0)
            libraries = self.board.stats.libraries = {**libraries, title: empty}
        return libraries[title]

    def _phase(self, phase: Phase) -> None:
        self.stop.check()
        self.board.progress.phase = phase
        self.board.progress.eta_seconds = None

    def patiently(self, call: Callable[[], T], bad_answers: int = BAD_ANSWER_TRIES) -> T:
        """Makes one call; waits out what may pass. Raises the PlexError that does not, RunError for an obstacle."""
        self._give_way()
        started = self.clock.monotonic()
        phase = self.board.progress.phase
        tries = 0
        while True:
            self.stop.check()
            try:
                if tries and self._was_away:
                    self._pin(self.plex.server())  # who is back must be who went
                    self._was_away = False
                answer = call()
            except PlexError as problem:
                tries += 1
                self._bear(problem, tries, self.clock.monotonic() - started, bad_answers)
                continue
            self._in_touch = True
            if tries:
                self.board.progress.phase, self.board.progress.note = phase, ""
                self.log("Plex answers again")
            return answer

    def _give_way(self) -> None:
        """Waits while the watchdog says so: an update, a missing folder, a struggling server, an action of its own."""
        started, phase, why = self.clock.monotonic(), self.board.progress.phase, self._obstacle()
        if not why:
            return
        self.log(f"waiting for the watchdog: {why}")
        while why:
            if self.clock.monotonic() - started >= self.options.plex_wait_minutes * 60:
                raise RunError(f"The scan waited {self.options.plex_wait_minutes:g} min and gave up: {why}")
            progress = self.board.progress
            progress.phase, progress.note, progress.eta_seconds = Phase.WAITING, why, None
            self.stop.wait(OBSTACLE_PAUSE)
            why = self._obstacle()
        self.board.progress.phase, self.board.progress.note = phase, ""
        self.log("the watchdog lets scans go on")

    def _bear(self, problem: PlexError, tries: int, waited: float, bad_answers: int) -> None:
        """Waits a little before the next try, or raises when there is none."""
        bad = isinstance(problem, PlexGarbled | PlexRejected)
        worth_it = tries < bad_answers if bad else self._worth_waiting(problem, tries, waited)
        if not (problem.retry and worth_it):
            raise problem
        self._was_away = True
        self._may_have_restarted |= isinstance(problem, PlexUnreachable | PlexStarting)
        progress = self.board.progress
        progress.phase, progress.note, progress.eta_seconds = Phase.WAITING, problem.sentence, None
        pause = min(LONGEST_PAUSE, 0.5 * 2 ** min(tries, 6))
        self.log(f"waiting {pause:g} s: {problem.sentence}")
        self.stop.wait(pause)

    def _worth_waiting(self, problem: PlexError, tries: int, waited: float) -> bool:
        if not self._in_touch and not isinstance(problem, PlexStarting | PlexOverloaded):
            return tries < FIRST_TRIES
        return waited < self.options.plex_wait_minutes * 60

    def _wait_for_store(self, problem: StoreError, waited: float) -> None:
        """A locked file or a full disk may pass; raises when it does not."""
        if not problem.retry or waited >= self.options.plex_wait_minutes * 60:
            raise problem
        self.log(f"waiting {STORE_PAUSE:g} s: {problem.sentence}")
        self.stop.wait(STORE_PAUSE)

    def plex_may_have_restarted(self) -> bool:
        """Whether Plex was gone since the last question: then its queue may be lost."""
        gone, self._may_have_restarted = self._may_have_restarted, False
        return gone


class _Patient:
    """A store whose calls are made again when the file was locked or the disk full; all of them may be repeated."""

    def __init__(self, store: object, wait: Callable[[StoreError, float], None]) -> None:
        self._store, self._wait = store, wait

    def __getattr__(self, name: str) -> Callable[..., object]:
        return partial(self._call, getattr(self._store, name))

    def _call(self, method: Callable[..., object], *args: object) -> object:
        waited = 0.0
        while True:
            try:
                return method(*args)
            except StoreError as problem:
                self._wait(problem, waited)
                waited += STORE_PAUSE


class _Treatment:
    """The repair loop: one step at a time, whichever is due."""

    def __init__(self, work: _Scan, hints: Hints) -> None:
        self.work, self._hints = work, hints
        self.plex, self.items, self.clock = work.plex, work.items, work.clock
        self.options, self._job_id = work.options, work.run.job_id
        self._pace = Pace(self.options.refresh_parallel)
        self._ward = Ward(self.options.refresh_wait_total_seconds)
        self._supply = work.open_batches()
        self._refusals = 0

    def run(self) -> None:
        """Until everybody is discharged and nobody waits outside."""
        while self._admit() or not self._ward.empty:
            self.work.stop.check()
            self._take_hints(0.0)
            self._notice_restart()
            if not (self._ask() or self._read() or self._ask_for_queues()):
                self._take_hints(HINT_WAIT)

    def _notice_restart(self) -> None:
        if self.work.plex_may_have_restarted():
            self._pace.strained()
            self._ward.server_restarted()

    def _admit(self) -> bool:
        """Fetches the next batch when nobody is waiting any more."""
        if self._ward.waiting:
            return True
        batch = next(self._supply, None)
        if batch is None:
            return False
        for suspect in self.work.confirm(batch):
            self._ward.admit(suspect, self.clock.monotonic())
        return True

    def _take_hints(self, seconds: float) -> None:
        if self._hints.alive:
            for hint in self._hints.take(seconds):
                self._ward.hint(hint, self.clock.monotonic())
        elif seconds:
            self.work.stop.wait(seconds)

    def _ask(self) -> bool:
        """Asks for one refresh when the pace allows it."""
        suspect = self._ward.next() if self._ward.busy < self._pace.limit else None
        if suspect is None:
            return False
        self.work.board.progress.title = suspect.title
        self.items.asked(self._job_id, suspect.key)
        started = self.clock.monotonic()
        try:
            self.work.patiently(partial(self.plex.refresh, suspect.key), bad_answers=REFRESH_TRIES)
        except PlexNotFound as problem:
            if self.work.patiently(partial(self.plex.read, [suspect.key])):
                self._refused(suspect, problem)
            else:
                self._discharge([Discharge(suspect, Outcome.GONE)])
        except PlexRejected as problem:
            self._refused(suspect, problem)
        else:
            self._refusals = 0
            self._notice_restart()  # before this one counts as asked: it was taken by the server that is there now
            self._ward.asked(self.clock.monotonic())
            self._pace.answered(self.clock.monotonic() - started)
        return True

    def _refused(self, suspect: Suspect, problem: PlexError) -> None:
        self._discharge([Discharge(suspect, Outcome.ERROR, suspect.missing, Why.REFUSED.value)])
        self._refusals += 1
        if self._refusals >= REFUSALS_IN_A_ROW:
            raise problem

    def _read(self) -> bool:
        """One batched read for everybody who is due."""
        keys = self._ward.to_read(self.clock.monotonic(), self._hints.alive)[:BATCH]
        if not keys:
            return False
        details = self.work.patiently(partial(self.plex.read, keys))
        in_care = self._ward.suspects(keys)
        seen = {key: self._seen(in_care[key], item) for key, item in details.items() if key in in_care}
        self._discharge(self._ward.read(self.clock.monotonic(), keys, seen))
        return True

    def _seen(self, suspect: Suspect, item: Item) -> Seen:
        touched = suspect.updated_at not in (0, item.updated_at)
        return Seen(self.work.lacks(suspect, item), touched)

    def _ask_for_queues(self) -> bool:
        """Asks how busy the server is about libraries whose patients were not taken up."""
        sections = self._ward.sections_to_ask(self.clock.monotonic())
        for key in sections:
            size = self.work.patiently(partial(self.plex.queue_size, key))
            self._discharge(self._ward.queue_told(key, size, self.clock.monotonic(), self._hints.alive))
        return bool(sections)

    def _discharge(self, ended: Iterable[Discharge]) -> None:
        ended = list(ended)
        known = self.items.known(self.work.server_id, [end.suspect.key for end in ended]) if ended else {}
        verdicts = [self._verdict(end, known.get(end.suspect.key, Known())) for end in ended]
        self.work.judge(verdicts, {end.suspect.key: end.suspect for end in ended})

    def _verdict(self, end: Discharge, known: Known) -> Verdict:
        failed = end.outcome in (Outcome.STILL_MISSING, Outcome.ERROR)
        rest = library.rest_until(self.clock.now(), known.failed_count, self.options.failed_backoff_hours, end.suspect)
        return Verdict(end.suspect.key, end.outcome, end.missing, end.why, rest if failed else None)


def _expected(page: Page, taken: int, most: int) -> int:
    total = page.total if page.total is not None else taken
    return min(total, most) if most else total


def _shrunk(before: int | None, now: int | None) -> int:
    """How many rows left the listing since the last page: the offset moves back by as many, so none is jumped over."""
    return max(0, before - now) if before is not None and now is not None else 0


def _suspect(section: Section, item: Item, missing: tuple[str, ...], position: int) -> Suspect:
    return Suspect(
        key=item.key, section_key=section.key, section_title=section.title, kind=item.kind, title=item.title,
        parent=item.parent, year=item.year, missing=missing, updated_at=item.updated_at,
        position=position,
    )  # fmt: skip


def _stranger(key: str, position: int) -> Suspect:
    """An item that is asked about by id alone and does not exist any more."""
    return Suspect(key, "", "", "", key, "", 0, (), position=position)


def _renewed(suspect: Suspect, item: Item, missing: tuple[str, ...]) -> Suspect:
    return replace(suspect, missing=missing, updated_at=item.updated_at)


def _batches(keys: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(keys), size):
        yield list(keys[start : start + size])
