"""Whether a measurement can be believed, whether it is low, and when many low ones are an alarm.

A provider may say that it measured although it never reached its server; that is no slow line. Each result is compared
with what is usual for that very provider and server, because each measures in its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite

from keeper.rules.types import Aspect, Flaw, Measured, SpeedProvider, SpeedRun, SpeedWishes

NEEDED = 5  # results of a provider and server, before anything is called usual
KEPT = 30  # of the latest results that tell what is usual

NO_PING_MS = 10_000.0  # speedtest-cli says 1,800,000 for a server that never answered
LEAST_PING_MS = 0.01  # the fastest answer of the same machine
MOST_MBPS = 100_000.0
#: Less in one direction tells nothing of a line: an error page, or a connection that was cut. A line that is throttled
#: to 32 kbit/s still brings more. Ours counts for itself, and may be given a single megabyte.
LEAST_BYTES = 10_000
LEAST_SECONDS, OWN_SECONDS = 0.3, 0.005
#: Seconds in which speedtest-cli sends. Less: the server refused, and what counts is how fast it refused.
SENDING_SECONDS = (1.0, 30.0)
SLACK, EXTRA_SECONDS = 1.5, 5.0  # transfers at the rates told may take so much more than the whole measurement took
PING_TIMES, PING_MORE = 3.0, 20.0  # a ping is low when it is so many times as long, and so many ms longer, as usual
CLEAR = 1.1  # so many times better than its limit a result has to be, to count against an alarm

_MEGABIT = 1_000_000.0

Figures = tuple[float, float, float]  # ping, download, upload
#: What is usual: those of earlier results, as the store tells them.
Usual = Sequence[Figures]


def flaw_of(run: SpeedRun) -> tuple[Flaw, str] | None:
    """What is wrong with a measurement that its provider calls good, and in one line; None = it can be believed."""
    told = run.measured
    if told is None:
        return Flaw.GARBLED, "It says that it measured, but not what."
    if not isfinite(told.ping_ms) or not 0 < told.ping_ms < NO_PING_MS:
        return Flaw.NO_PING, f"It says a ping of {told.ping_ms:g} ms: its server was never reached."
    if told.ping_ms < LEAST_PING_MS:
        return Flaw.ABSURD, f"It says a ping of {told.ping_ms:g} ms; no line has that."
    for flaw, name, rate in (
        (Flaw.NO_DOWNLOAD, "download", told.download_mbps),
        (Flaw.NO_UPLOAD, "upload", told.upload_mbps),
    ):
        if rate <= 0:
            return flaw, f"It says {name} {rate:g} Mbit/s."
        if not rate <= MOST_MBPS:
            return Flaw.ABSURD, f"It says {name} {rate:g} Mbit/s; no line has that."
    return _contradiction(run, told)


def _contradiction(run: SpeedRun, told: Measured) -> tuple[Flaw, str] | None:
    """Bytes and rates together say how long it took. What cannot be is not true."""
    if min(told.received, told.sent) < LEAST_BYTES:
        return Flaw.ABSURD, f"It says rates, but {told.received} bytes received and {told.sent} sent."
    receiving = told.received * 8 / _MEGABIT / told.download_mbps
    sending = told.sent * 8 / _MEGABIT / told.upload_mbps
    if min(receiving, sending) < (OWN_SECONDS if run.provider is SpeedProvider.HTTP else LEAST_SECONDS):
        return Flaw.ABSURD, f"It says that it received for {receiving:.3f} s and sent for {sending:.3f} s: too short."
    least, most = SENDING_SECONDS
    if run.provider is SpeedProvider.SPEEDTEST_CLI and not least <= sending <= most:
        return Flaw.ABSURD, f"It says {told.upload_mbps:g} Mbit/s, and {told.sent} bytes sent: {sending:.2f} s."
    if run.seconds > 0 and receiving + sending > run.seconds * SLACK + EXTRA_SECONDS:
        took = f"{receiving + sending:.0f} s at those rates, and it was done after {run.seconds:.0f} s"
        return Flaw.ABSURD, f"The bytes it tells take {took}."
    return None


def median(values: Sequence[float]) -> float:
    """Of at least one value."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def usual(results: Usual) -> Figures | None:
    """The medians of the latest results (newest first); None = too few to call anything usual."""
    if len(results) < NEEDED:
        return None
    pings, downloads, uploads = zip(*results[:KEPT], strict=True)
    return median(pings), median(downloads), median(uploads)


def low(told: Measured, wishes: SpeedWishes, results: Usual) -> tuple[Aspect, ...]:
    """What is too slow: less than a person asked for, or far less than is usual there."""
    return _beyond(told, _limits(wishes, usual(results)))


def is_clear(told: Measured, wishes: SpeedWishes, known: Figures | None) -> bool:
    """Whether it is so much better than the limits that it counts against an alarm: a line that wavers about its limit
    would else begin and end one each time. `known` = what is usual there. Where a limit is so close to it that nothing
    usual would ever be clear, half of the way to it is enough."""
    ping, down, up = limits = _limits(wishes, known)
    most, least_down, least_up = ping / CLEAR, down * CLEAR, up * CLEAR
    if known is not None:
        most = max(most, (ping + known[0]) / 2)
        least_down, least_up = min(least_down, (down + known[1]) / 2), min(least_up, (up + known[2]) / 2)
    return not _beyond(told, limits) and not _beyond(told, (most, least_down, least_up))


def _limits(wishes: SpeedWishes, known: Figures | None) -> Figures:
    """(most ping, least download, least upload): what a person asked for, or what follows from the usual one."""
    ping, down, up = wishes.most_ping or inf, wishes.least_download, wishes.least_upload
    if known is None or wishes.share <= 0:
        return ping, down, up
    usually, share = known[0], wishes.share / 100
    most = max(usually * PING_TIMES, usually + PING_MORE)
    return min(ping, most), max(down, known[1] * share), max(up, known[2] * share)


def _beyond(told: Measured, limits: Figures) -> tuple[Aspect, ...]:
    most_ping, least_down, least_up = limits
    found = (
        (Aspect.DOWNLOAD, told.download_mbps < least_down),
        (Aspect.UPLOAD, told.upload_mbps < least_up),
        (Aspect.PING, told.ping_ms > most_ping),
    )
    return tuple(aspect for aspect, is_low in found if is_low)


def agreed(
    first: SpeedRun, first_low: Sequence[Aspect], second: SpeedRun, second_low: Sequence[Aspect]
) -> tuple[SpeedRun, tuple[Aspect, ...]]:
    """Which of two measurements counts, the first of which is low, and what is too slow by the word of both."""
    both = tuple(aspect for aspect in first_low if aspect in second_low)
    return (first if _rank(first, first_low) > _rank(second, second_low) else second), both


def _rank(run: SpeedRun, is_low: Sequence[Aspect]) -> tuple[int, float]:
    return -len(is_low), run.measured.download_mbps if run.measured else 0.0


def alarm(lows: Sequence[bool], wishes: SpeedWishes, on: bool, clear: int = 0) -> bool:
    """Whether there is an alarm after the latest of these results (newest first). It begins with a low one; it ends
    with so many in a row (`clear`, the latest included) that are clearly better than the limits."""
    after = max(1, wishes.alarm_after)
    if on:
        return clear < after
    return lows[:1] == [True] and sum(lows[: wishes.alarm_of]) >= after
