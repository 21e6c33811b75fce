"""The child of `http`: takes so many bytes from one address and gives so many to another, and says how long that took.

A program of its own, started by its path: standard library only. One object of JSON comes in, {"download", "upload",
"most": bytes of each direction, "seconds": of each direction}; lines of JSON go out: {"received", "sent"} ten times
a second, and in the end {"result": ...} or {"flaw", "said"}. What is said names hosts, and nothing else of an address.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import sys
import threading
from collections.abc import Callable
from timeit import default_timer as stopwatch
from typing import Any

if __name__ == "__main__":  # started with -I, nothing of ours is in the path; behind all else, for `http` is there too
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    from http_place import Fault, Line, Place, named  # type: ignore[import-not-found]
else:
    from keeper.world.speed.http_place import Fault, Line, Place, named

CONNECTIONS = 4
PINGS = 5
MOST_AT_ONCE = 25_000_000  # bytes of one request
BLOCK = 1 << 16
FIRST_UPLOAD = 1 << 14  # bytes of the first request of each connection; the next are greater while they are quick
MOST_UPLOAD = 8 << 20
QUICK = 0.8  # seconds
STALL = 4.0  # seconds without a byte on any connection
LULL = 1.5  # the same of a download when its time is up: what came before it would be taken for the whole
TELL_EVERY = 0.1
SMALL_WINDOW = 16_384  # bytes, of which the system makes a few more
FREE_WINDOW = 1 << 20
_TAIL = 2.0  # seconds before the end from which no upload is begun, so that those under way can be answered


class Tally:
    """The bytes of one direction, counted by all its connections."""

    def __init__(self, most: int) -> None:
        self._left, self._lock = most, threading.Lock()
        self.passed = 0  # in and out of our sockets
        self.counted = 0  # of those, what certainly went over the line
        self.first = self.last = 0.0

    def claim(self, wanted: int) -> int:
        """How many bytes may be moved now, at the most `wanted`; 0 = no more."""
        with self._lock:
            granted = min(wanted, self._left)
            self._left -= granted
            return granted

    def give_back(self, number: int) -> None:
        with self._lock:
            self._left += number

    def pass_on(self, number: int) -> None:
        with self._lock:
            self.passed += number

    def count(self, number: int) -> None:
        with self._lock:
            self.counted += number
            self.last = stopwatch()
            self.first = self.first or self.last


class Phase:
    """One direction under way on several connections."""

    def __init__(self, place: Place, most: int, seconds: float) -> None:
        self.place, self.seconds, self.began = place, seconds, stopwatch()
        self.tally = Tally(most)
        self.share = max(1, min(MOST_AT_ONCE, -(-most // CONNECTIONS)))
        self.over = threading.Event()  # no more bytes: done, out of time, or failed
        self.fault: Fault | None = None
        self._lines: list[Line] = []
        self._at_work, self._lock = CONNECTIONS, threading.Lock()

    def run(self, work: Callable[[Phase, Line], None], tell: Callable[[], None]) -> float:
        """Seconds from the first byte to the last; of an upload only what was answered counts. Raises Fault."""
        for _ in range(CONNECTIONS):
            line = Line(self.place, self._window(work))
            self._lines.append(line)
            threading.Thread(target=self._work, args=(work, line), daemon=True).start()
        out_of_time = self._wait(tell, LULL if work is download else STALL)
        self.over.set()
        for line in self._lines:
            line.cut()
        if self.fault:
            raise self.fault
        if not self.tally.counted:
            raise Fault("too_late", f"Nothing got through to or from {self.place.host} in {self.seconds:g} seconds.")
        ended = stopwatch() if out_of_time and work is download else self.tally.last
        return max(ended - (self.tally.first or self.began), 1e-3)

    def _window(self, work: Callable[[Phase, Line], None]) -> int:
        """Bytes that may come unread. A place that sends more than it is asked for, and goes on until we hang up, may
        be a few of them too far; one that keeps to what is asked is measured without any bound of ours."""
        if work is upload:
            return SMALL_WINDOW
        if self.share < FREE_WINDOW:
            return max(self.share, SMALL_WINDOW)
        return FREE_WINDOW // 4 if self.place.sends_more else 0

    def left(self) -> float:
        return self.seconds - (stopwatch() - self.began)

    def _wait(self, tell: Callable[[], None], lull: float) -> bool:
        """Until it is over by itself; True = its time is up, and it was at work all the time."""
        moved, since = -1, stopwatch()
        while not self.over.wait(min(TELL_EVERY, max(self.left(), 0.001))):
            tell()
            if self.tally.passed != moved:
                moved, since = self.tally.passed, stopwatch()
            late = self.left() <= 0
            if stopwatch() - since > (lull if late else STALL):
                raise Fault("too_late", f"In the middle no more bytes came from or went to {self.place.host}.")
            if late:
                return True
        return False

    def _work(self, work: Callable[[Phase, Line], None], line: Line) -> None:
        try:
            work(self, line)
        except (Fault, OSError, http.client.HTTPException, ValueError) as problem:
            if not self.over.is_set():  # what breaks because we cut it is no fault
                self.fault = named(problem, self.place)
                self.over.set()
        finally:
            line.close()
            with self._lock:
                self._at_work -= 1
                if not self._at_work:
                    self.over.set()


def ping(line: Line) -> float:
    """Milliseconds from a small question to the beginning of its answer, the connection being there already."""
    took = []
    for _ in range(PINGS):
        line.open()
        began = stopwatch()
        answer = line.get(1)
        took.append(stopwatch() - began)
        line.finish(answer, 1024)
    return statistics.median(took) * 1000


def download(phase: Phase, line: Line) -> None:
    """Fetches as long as bytes are wanted. What was claimed and did not come is given back."""
    while not phase.over.is_set() and (size := phase.tally.claim(phase.share)):
        answer, got = line.get(size), 0
        while got < size and (piece := answer.read1(min(BLOCK, size - got))):  # readinto would wait for a whole block
            got += len(piece)
            phase.tally.pass_on(len(piece))
            phase.tally.count(len(piece))
        if phase.over.is_set():
            return
        line.check_amount(answer, size, got)
        line.finish(answer, 0)
        phase.tally.give_back(size - got)


def upload(phase: Phase, line: Line) -> None:
    """A request counts when it is answered: what our socket has taken is not yet over the line."""
    block, wanted = os.urandom(BLOCK), FIRST_UPLOAD
    while phase.left() > _TAIL and not phase.over.is_set() and (size := phase.tally.claim(wanted)):
        began = stopwatch()
        phase.tally.first = phase.tally.first or began
        line.post(_blocks(block, size, phase), size)
        phase.tally.count(size)
        if stopwatch() - began < QUICK:
            wanted = min(2 * wanted, MOST_UPLOAD)


def _blocks(block: bytes, size: int, phase: Phase) -> Any:
    """The body of one request, piece by piece."""
    while size > 0 and not phase.over.is_set():
        piece = block[:size]
        yield piece
        size -= len(piece)
        phase.tally.pass_on(len(piece))


class Measurement:
    """The whole measurement."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._most, self._seconds = int(given["most"]), float(given["seconds"])
        self._from = Place(given["download"], "SPEED_TEST_DOWNLOAD_URL")
        self._to = Place(given["upload"], "SPEED_TEST_UPLOAD_URL")
        self._down: Phase | None = None
        self._up: Phase | None = None

    def run(self) -> dict[str, Any]:
        """What is said last."""
        try:
            return {"result": self._measured()}
        except Fault as fault:
            return {"flaw": fault.flaw, "said": fault.said}

    def tell(self) -> None:
        phases = {"received": self._down, "sent": self._up}
        _say({name: phase.tally.passed if phase else 0 for name, phase in phases.items()})

    def _measured(self) -> dict[str, float]:
        latency = self._ping()
        self._down = Phase(self._from, self._most, self._seconds)
        took_down = self._down.run(download, self.tell)
        self._up = Phase(self._to, self._most, self._seconds)
        took_up = self._up.run(upload, self.tell)
        received, sent = self._down.tally.counted, self._up.tally.counted
        rates = {"download_mbps": received * 8e-6 / took_down, "upload_mbps": sent * 8e-6 / took_up}
        return {"ping_ms": latency, "received": received, "sent": sent, **rates}

    def _ping(self) -> float:
        line = Line(self._from, SMALL_WINDOW)
        try:
            return ping(line)
        except (OSError, http.client.HTTPException, ValueError) as problem:
            raise named(problem, self._from) from problem
        finally:
            line.close()


def _say(words: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Leaves without waiting for connections that hang."""
    measurement = Measurement(json.load(sys.stdin))
    measurement.tell()
    last = measurement.run()
    measurement.tell()
    _say(last)
    os._exit(0)


if __name__ == "__main__":
    main()
