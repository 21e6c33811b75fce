"""Who started and who stopped Plex, as two looks in a row tell it; and whether it crashes in a loop.

Nobody has to be caught in the act: what the service manager counts, what the watchdog itself did a moment ago, and
whether an updater was at work are evidence enough. Where there is none, the answer is 'unknown'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain

from keeper.rules.elapsed import elapsed
from keeper.rules.types import Action, Agent, Fact, Life, Moment, Taken, Turn, Turning

KEPT = 20
OURS_SECONDS = 180.0  # a restart of ours shows itself within this time
SAME_BIRTH = 30.0  # seconds; age and uptime are not read at the same instant
MOST_CRASHES = 10  # told of one look
LOOP_LIVES, LOOP_SECONDS, SHORT_LIFE = 3, 1800.0, 300.0


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
    agent, person = _agent(before, after, facts, taken)
    times = _crashes(before, after) if agent is Agent.CRASH else 1
    lived = _lived(before, after, times)
    stopped = Turn(now.at, Turning.STOPPED, agent, lived, person)
    started = Turn(now.at, Turning.STARTED, agent, None, person)
    if not before.running:
        return after, (*[started, stopped] * (times - 1), started)
    if not after.running:
        return after, (*[stopped, started] * (times - 1), stopped)
    return after, (stopped, started) * times


def is_looping(turns: Sequence[Turn], now: datetime) -> bool:
    """Whether it lived only shortly, several times of late, and nobody wanted it so."""
    short = [
        turn
        for turn in turns
        if turn.what is Turning.STOPPED
        and turn.by in (Agent.CRASH, Agent.UNKNOWN)
        and turn.lived is not None
        and turn.lived < SHORT_LIFE
        and abs((now - turn.at).total_seconds()) < LOOP_SECONDS
    ]
    return len(short) >= LOOP_LIVES


def remember(turns: Sequence[Turn], news: Sequence[Turn]) -> tuple[Turn, ...]:
    """The latest ones."""
    return tuple(chain(turns, news))[-KEPT:]


def _life(before: Life | None, facts: Mapping[str, Fact], now: Moment) -> Life | None:
    """What is known now. Where processes are hidden from us, the service manager's word counts instead."""
    updating = any(_value(facts, name) is True for name in ("updating", "plex_updating"))
    restarts = _number(facts, "service_restarts")
    running = _value(facts, "process")
    if running is None:
        running = _value(facts, "service")
    if running is True:
        age, pid = _number(facts, "plex_age_s"), _number(facts, "plex_pid")
        uptime = _number(facts, "uptime_s") or now.uptime
        born = None if age is None else uptime - age
        return Life(True, now, born, None if pid is None else int(pid), restarts, updating)
    if running is False:
        return Life(False, now, before.born if before else None, None, restarts, updating)
    return before


def _is_same(before: Life, after: Life) -> bool:
    """Whether it is the same process still. What nobody can tell apart is the same."""
    if before.seen.boot != after.seen.boot or _crashes(before, after, least=0):
        return False
    if before.pid is not None and after.pid is not None and before.pid != after.pid:
        return False
    return before.born is None or after.born is None or abs(after.born - before.born) <= SAME_BIRTH


def _agent(before: Life, after: Life, facts: Mapping[str, Fact], taken: Sequence[Taken]) -> tuple[Agent, str]:
    """(who, and the person who asked us for it)."""
    ours = _ours(taken, before, after.seen)
    if ours is not None:
        return Agent.US, ours.by
    if before.seen.boot != after.seen.boot:
        return Agent.MACHINE, ""
    if before.updating or after.updating:
        return Agent.UPDATER, ""
    if _crashes(before, after, least=0):
        return Agent.CRASH, ""
    return _by_service(after, facts.get("service")), ""


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
        if each.done is False:
            continue
        if each.action is Action.REBOOT and each.at.boot == before.seen.boot != now.boot:
            return each
        if each.action is Action.RESTART_PLEX and each.at.boot == now.boot and elapsed(each.at, now) < OURS_SECONDS:
            return each
    return None


def _crashes(before: Life, after: Life, least: int = 1) -> int:
    """How often the service manager had to bring it back in between. It counts from zero after a start by hand."""
    if before.restarts is None or after.restarts is None or before.seen.boot != after.seen.boot:
        return least
    return min(MOST_CRASHES, max(least, int(after.restarts - before.restarts)))


def _lived(before: Life, after: Life, times: int) -> float | None:
    """Seconds that each of the lives which ended took, as far as it can be told."""
    if not before.running and times < 2:
        return None
    same_boot = before.seen.boot == after.seen.boot
    begun = before.born if before.running else before.seen.uptime
    if begun is None or not same_boot:
        return None
    ended = after.seen.uptime if after.born is None or not after.running else after.born
    return max(0.0, ended - begun) / times


def _value(facts: Mapping[str, Fact], name: str) -> object:
    fact = facts.get(name)
    return None if fact is None else fact.value


def _number(facts: Mapping[str, Fact], name: str) -> float | None:
    value = _value(facts, name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
