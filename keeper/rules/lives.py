"""Who started and who stopped Plex, as two looks in a row tell it; and whether it crashes in a loop.

Nobody has to be caught in the act: what the service manager counts, what the watchdog itself did a moment ago, and
whether an updater was at work are evidence enough. Where there is none, the answer is 'unknown'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from keeper.rules.elapsed import elapsed
from keeper.rules.types import Action, Agent, Fact, Life, Moment, Taken, Turn, Turning

KEPT = 20
OURS_SECONDS = 180.0  # a restart of ours shows itself within this time
REBOOT_SECONDS = 3600.0  # and a reboot of ours within this: the most that a machine takes to stop what runs on it
SAME_BIRTH = 30.0  # seconds; age and uptime are not read at the same instant
MOST_CRASHES = 10  # told of one look
LOOP_LIVES, LOOP_SECONDS, SHORT_LIFE = 3, 1800.0, 300.0
SHORTEST_LIFE = 60.0  # seconds; where nobody can be asked, an owner who tries things out looks like a crash
_PEOPLE = (Agent.US, Agent.OWNER, Agent.UPDATER, Agent.MACHINE)
_SILENT = ("no_answer", "activating", "deactivating", "maintenance")  # of a service manager that is there


def observe(
    before: Life | None, facts: Mapping[str, Fact], taken: Sequence[Taken], now: Moment
) -> tuple[Life | None, tuple[Turn, ...]]:
    """(the life as it is known now, what happened since the look before). Unknown changes nothing."""
    after = _life(before, facts, now)
    if before is None or after is None or after is before:
        return after, ()
    if not (before.running or after.running):
        return after, ()
    if before.running and after.running and _is_same(before, after):
        return after, ()
    after = _new_life(before, after, facts)
    ours = _ours(taken, before, now)
    if ours is not None and after.running:
        after = replace(after, explained=ours.at)
    agent, person = (Agent.US, ours.by) if ours else (_agent(before, after, facts), "")
    times = _crashes(before, after) if agent is Agent.CRASH else 1
    started = Turn(now.at, Turning.STARTED, agent, None, person, now)
    lived = _lived(before, after, times)
    stopped = [replace(started, what=Turning.STOPPED, lived=seconds) for seconds in lived]
    news = [turn for each in stopped for turn in (each, started)]
    if not before.running:
        news.insert(0, started)
    return after, tuple(news if after.running else news[:-1])


def is_looping(turns: Sequence[Turn], now: Moment, service: Fact | None) -> bool:
    """Whether it lived only shortly, several times of late, and nobody wanted it so. `service` as it is seen now.

    Who starts it by hand, or has it started, begins anew: what was before is mended, as far as anybody can tell.
    """
    guesses = _nobody_to_ask(service)
    short = [turn for turn in _since_a_hand(turns) if _is_short(turn, guesses) and 0 <= _ago(turn, now) < LOOP_SECONDS]
    return len(short) >= LOOP_LIVES


def is_reboot_of_ours(taken: Taken, last: Moment, now: Moment) -> bool:
    """Whether it explains that this boot is not the one of the `last` look.

    A reboot that was ordered and did nothing explains none that comes days later.
    """
    if taken.action is not Action.REBOOT or taken.done is False or not taken.at.boot == last.boot != now.boot:
        return False
    went_on = elapsed(taken.at, last)  # beyond doubt: so long the machine ran on after that
    return went_on < REBOOT_SECONDS and elapsed(taken.at, now) - now.uptime < REBOOT_SECONDS


def remember(turns: Sequence[Turn], news: Sequence[Turn]) -> tuple[Turn, ...]:
    """The latest ones."""
    return tuple(chain(turns, news))[-KEPT:]


def _life(before: Life | None, facts: Mapping[str, Fact], now: Moment) -> Life | None:
    """What is known now. Where processes are hidden from us, the service manager's word counts instead."""
    updating = any(_value(facts, name) is True for name in ("updating", "plex_updating"))
    restarts = _number(facts, "service_restarts")
    if restarts is None and before is not None and before.seen.boot == now.boot:
        restarts = before.restarts  # one look without an answer must not make the next crash uncountable
    running = _value(facts, "process")
    if running is None:
        running = _value(facts, "service")
    if running is True:
        age, pid = _number(facts, "plex_age_s"), _number(facts, "plex_pid")
        born = None if age is None else now.uptime - age
        earliest = before.earliest if before and before.running and before.seen.boot == now.boot else None
        number = None if pid is None else int(pid)
        return Life(True, now, born, number, restarts, updating, earliest, explained=_explained(before))
    if running is False:
        rises = _rises(before, facts.get("service"))
        return Life(
            False,
            now,
            before.born if before else None,
            None,
            restarts,
            updating,
            rising=rises,
            explained=_explained(before),
        )
    return before


def _explained(before: Life | None) -> Moment | None:
    return before.explained if before else None


def _rises(before: Life | None, service: Fact | None) -> bool:
    """Whether the service manager, which found it dead, will bring it back. A start by hand looks alike for a moment,
    but it begins with one that is stopped."""
    coming = service is not None and service.value is None and service.detail == "activating"
    return coming and before is not None and (before.running or before.rising)


def _new_life(before: Life, after: Life, facts: Mapping[str, Fact]) -> Life:
    """The one that began between two looks. How often the one before was brought back says nothing about it."""
    if not after.running:
        return after
    if after.seen.boot == before.seen.boot:
        after = replace(after, earliest=before.seen.uptime)
    return after if _number(facts, "service_restarts") is not None else replace(after, restarts=None)


def _is_same(before: Life, after: Life) -> bool:
    """Whether it is the same process still. What nobody can tell apart is the same.

    The number of a process is told by the kernel; its age may be told wrongly after a correction of the clock.
    """
    if before.seen.boot != after.seen.boot or _crashes(before, after, least=0):
        return False
    if before.pid is not None and after.pid is not None:
        return before.pid == after.pid
    return before.born is None or after.born is None or abs(after.born - before.born) <= SAME_BIRTH


def _agent(before: Life, after: Life, facts: Mapping[str, Fact]) -> Agent:
    """Who it was when it was not us."""
    if before.seen.boot != after.seen.boot:
        return Agent.MACHINE
    if before.updating or after.updating:
        return Agent.UPDATER
    if _crashes(before, after, least=0) or (before.rising and after.running):
        return Agent.CRASH
    return _by_service(after, facts.get("service"))


def _by_service(after: Life, service: Fact | None) -> Agent:
    """What the service manager says when it did not bring Plex back by itself."""
    if service is None:
        return Agent.UNKNOWN
    if after.running:
        return Agent.OWNER if service.value is True and after.restarts is not None else Agent.UNKNOWN
    told = {"inactive": Agent.OWNER, "deactivating": Agent.OWNER, "failed": Agent.CRASH, "activating": Agent.CRASH}
    return told.get(service.detail, Agent.UNKNOWN)


def _ours(taken: Sequence[Taken], before: Life, now: Moment) -> Taken | None:
    """The action of ours that explains it, if there is one."""
    for each in reversed(taken):
        if each.done is False or each.at == before.explained:
            continue
        if is_reboot_of_ours(each, before.seen, now):
            return each
        if each.action is Action.RESTART_PLEX and each.at.boot == now.boot and elapsed(each.at, now) < OURS_SECONDS:
            return each
    return None


def _crashes(before: Life, after: Life, least: int = 1) -> int:
    """How often the service manager had to bring it back in between. It counts from zero after a start by hand."""
    if before.restarts is None or after.restarts is None or before.seen.boot != after.seen.boot:
        return least
    return min(MOST_CRASHES, max(least, int(after.restarts - before.restarts)))


def _lived(before: Life, after: Life, times: int) -> list[float | None]:
    """Seconds that each of the lives which ended took, as far as it can be told; the true ones may be shorter."""
    ends = times if before.running else times - 1
    if before.seen.boot != after.seen.boot:
        return [None] * ends
    begun = (before.earliest if before.born is None else before.born) if before.running else before.seen.uptime
    ended = after.seen.uptime if after.born is None or not after.running else after.born
    whole = None if begun is None else max(0.0, ended - begun)
    if times == 1:
        return [whole] * ends
    # All but the first began after the look before. The first one may have lived for months.
    bound = (after.seen.uptime - before.seen.uptime) / (times - 1)
    if whole is None or whole / times > bound:
        return [None, *[bound] * (ends - 1)]
    return [whole / times] * ends


def _since_a_hand(turns: Sequence[Turn]) -> Sequence[Turn]:
    """What happened after the last start that somebody wanted."""
    wanted = (n for n, turn in enumerate(turns, 1) if turn.what is Turning.STARTED and turn.by in _PEOPLE)
    return turns[max(wanted, default=0) :]


def _is_short(turn: Turn, guesses: bool) -> bool:
    """Whether it is a life that ended too soon, and not by anybody's wish. `guesses` = the unknown count as well."""
    if turn.what is not Turning.STOPPED or turn.lived is None:
        return False
    limit = {Agent.CRASH: SHORT_LIFE, Agent.UNKNOWN: SHORTEST_LIFE if guesses else 0.0}
    return turn.lived < limit.get(turn.by, 0.0)


def _nobody_to_ask(service: Fact | None) -> bool:
    """Whether no service manager knows Plex at all, now and a moment ago."""
    return service is None or (service.value is None and service.detail not in _SILENT)


def _ago(turn: Turn, now: Moment) -> float:
    """Seconds; below zero when the wall clock, which alone tells it, was set back."""
    return (now.at - turn.at).total_seconds() if turn.seen is None else elapsed(turn.seen, now)


def _value(facts: Mapping[str, Fact], name: str) -> object:
    fact = facts.get(name)
    return None if fact is None else fact.value


def _number(facts: Mapping[str, Fact], name: str) -> float | None:
    value = _value(facts, name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
