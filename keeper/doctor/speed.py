"""What `doctor` asks about the speed test: who can measure here, whether results can be compared, the last one, the
bytes of this month. Nothing is measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from keeper.config import MEGABYTE
from keeper.doctor.watchdog import Finding
from keeper.rules.types import Ability, Check, SpeedPoint, SpeedProvider, SpeedTest
from keeper.wiring import House

LATELY = timedelta(days=30)
MANY_SERVERS = 3  # of one provider: then results say more about servers than about the line
OLD = timedelta(days=3)
NEARLY = 0.8  # of the bytes of a month
PINNABLE = (SpeedProvider.SPEEDTEST_CLI, SpeedProvider.OOKLA)


def speed(house: House, _check: Check) -> Iterator[Finding]:
    """All findings about it."""
    room, now = house.speed, house.clock.now()
    yield providers_finding(room.providers())
    yield from server_findings(room.views.points(now - LATELY), house.settings.speed_test_server)
    yield result_finding(room.views.latest(), room.wishes().daily, now)
    used, allowed = room.budget()
    if allowed:
        yield budget_finding(used, allowed, room.fits()[1])


def providers_finding(providers: Sequence[tuple[SpeedProvider, Ability]]) -> Finding:
    """One that works is enough; the others are tried when it brings nothing."""
    fine = [provider.value for provider, able in providers if able.can is not False]
    odd = [(provider.value, able) for provider, able in providers if able.can is False]
    why = " ".join(f"{name} cannot: {able.sentence}" for name, able in odd)
    if not fine:
        mend = " ".join(able.mend for _, able in odd if able.mend) or "Name one that works in SPEED_TEST_PROVIDERS."
        return Finding("speed providers", False, f"Nobody can measure the line here. {why}".strip(), mend)
    return Finding("speed providers", True, f"The line can be measured by {', '.join(fine)}. {why}".strip())


def server_findings(points: Sequence[SpeedPoint], pinned: str) -> Iterator[Finding]:
    """A new server at each test makes the line look faster and slower than it is."""
    servers: dict[SpeedProvider, list[str]] = defaultdict(list)
    for point in points:
        servers[point.provider].append(point.server)
    for provider, named in servers.items():
        different = set(named)
        if provider in PINNABLE and not pinned and len(different) >= MANY_SERVERS:
            usual = max(sorted(different), key=named.count)
            yield Finding(
                "speed server", None,
                f"The last {len(named)} results of {provider} come from {len(different)} servers: they can hardly be "
                "compared with each other.",
                f"SPEED_TEST_SERVER={usual} in .env measures with the same one each time.",
            )  # fmt: skip


def result_finding(latest: SpeedTest | None, daily: bool, now: datetime) -> Finding:
    """The age of the last result that could be believed."""
    if latest is None or latest.finished_at is None:
        mend = "Make one: python -m keeper speedtest"
        return Finding("speed result", None, "The line was not measured yet.", mend)
    age = max(timedelta(), now - latest.finished_at)
    sentence = f"The last result is {_old(age)}."
    if daily and age > OLD:
        mend = "python -m keeper speedtest --history says what came of the tests."
        return Finding("speed result", False, sentence, mend)
    return Finding("speed result", True, sentence if daily else f"{sentence} The daily test is switched off.")


def _old(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    if minutes < 2:
        return "from just now"
    if minutes < 90:
        return f"{minutes} minutes old"
    hours = round(minutes / 60)
    return f"{hours} h old" if hours < 72 else f"{age.days} days old"


def budget_finding(used: int, allowed: int, needed: int) -> Finding:
    """Only where a budget is set. `needed` = bytes that the cheapest test may need."""
    most, need, left = allowed // MEGABYTE, -(-needed // MEGABYTE), max(0, allowed - used) // MEGABYTE
    mend = "Raise SPEED_TEST_MONTHLY_MB, or lower SPEED_TEST_HTTP_MB; until then tests may be put off."
    if needed > allowed:
        sentence = f"A test may need up to {need} MB, and {most} MB are allowed a month: none is ever made."
        return Finding("speed budget", False, sentence, f"Raise SPEED_TEST_MONTHLY_MB to {need} at least.")
    if used + needed > allowed:
        sentence = f"{left} of {most} MB are left this month, and a test may need up to {need} MB: none is made."
        return Finding("speed budget", None, sentence, mend)
    sentence = f"{used / MEGABYTE:.0f} of {allowed / MEGABYTE:.0f} MB of this month are used."
    nearly = used >= NEARLY * allowed
    return Finding("speed budget", None if nearly else True, sentence, mend if nearly else "")
