"""Looking at paths that may hang for ever, without ever hanging oneself.

stat, scandir and statvfs on a dead mount wait in the kernel and know no timeout. A thread that waits there is lost, and
so is a process, sometimes even to SIGKILL (when the request had been handed to the dead server already). So a child
asks (`lookout_child`): kept between looks while all is well, killed and left to itself when a path hangs.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess  # nosec B404  # this is the place
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from keeper.ports import Clock
from keeper.world.patience import Deadline

log = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds a path has for its answer; a disk that is just waking up may be late for one look
_SPARE = 0.4  # seconds before the deadline by which the child has spoken: it may have to be started first
_MOST_STUCK = 16  # children; whoever names new paths all the time does not fill the machine with them
# -X utf8: Plex knows file names as UTF-8, whatever the locale of this service is.
_COMMAND = (sys.executable, "-I", "-S", "-X", "utf8", str(Path(__file__).with_name("lookout_child.py")))


class Seen(NamedTuple):
    """What a path looks like now. Sizes in bytes.

    `word`: folder, missing, not_a_folder, denied, stale, broken (its server is gone and the system says so), failed,
    hanging (no answer within the patience, told by a child that was well itself), not_asked (nothing can be concluded).
    """

    word: str
    mount: str = ""  # where its file system is mounted
    filled: bool | None = None
    anchor: bool | None = None
    free: int = 0
    size: int = 0
    no_inodes: bool = False
    why: str = ""  # the name of the error


class _Child:
    """A process of its own session at the other end of a socket, where sending and receiving have a timeout."""

    def __init__(self, command: Sequence[str]) -> None:
        self._ours, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(  # nosec B603  # an argument list, no shell
                command, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.DEVNULL,
                cwd="/", start_new_session=True,
            )  # fmt: skip
        except OSError:
            self._ours.close()
            raise
        finally:
            theirs.close()

    @property
    def gone(self) -> bool:
        """Ended and collected."""
        return self._process.poll() is not None

    def exchange(self, question: bytes, deadline: Deadline) -> bytes:
        """One line for one line. Raises OSError when it is dead or says nothing in time."""
        answer = b""
        self._ours.settimeout(deadline.timeout())
        self._ours.sendall(question)
        while not answer.endswith(b"\n"):
            if not deadline.left():
                raise TimeoutError("the child is too slow")
            self._ours.settimeout(deadline.timeout())
            more = self._ours.recv(1 << 16)
            if not more:
                raise ConnectionError("the child has ended")
            answer += more
        return answer

    def kill(self) -> None:
        """Does not wait: in the kernel's deepest sleep it dies only when its mount lives again."""
        self._ours.close()
        if not self.gone:
            os.killpg(self._process.pid, signal.SIGKILL)

    def collect(self, seconds: float) -> None:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            log.warning("A child that looks at a dead mount cannot be ended (pid %d).", self._process.pid)


class Lookout:
    """Keeps the child and those that are stuck. Not for two threads at once."""

    def __init__(self, clock: Clock, patience: float = PATIENCE, command: Sequence[str] = _COMMAND) -> None:
        self._clock, self._patience, self._command = clock, patience, command
        self._child: _Child | None = None
        self._stuck: list[tuple[_Child, Mapping[str, str]]] = []  # with the word on each path it hangs at

    def ask(self, paths: Sequence[str], anchor: str, seconds: float) -> dict[str, Seen]:
        """Every path with what was seen, within `seconds`. One with a stuck child is not asked before that is gone."""
        deadline = Deadline(self._clock, seconds)
        self._stuck = [(child, words) for child, words in self._stuck if not child.gone]
        told = {path: word for _, words in self._stuck for path, word in words.items()}
        wanted = [path for path in dict.fromkeys(paths) if path not in told]
        seen = self._asked(wanted, anchor, deadline) if wanted and len(self._stuck) < _MOST_STUCK else {}
        return {path: seen.get(path) or Seen(told.get(path, "not_asked")) for path in paths}

    def close(self) -> None:
        """Ends the child. One that is stuck ends by itself when its mount lives again."""
        child, self._child = self._child, None
        if child:
            child.kill()
            child.collect(1.0)

    @property
    def stuck(self) -> int:
        """How many children could not be ended so far."""
        return sum(not child.gone for child, _ in self._stuck)

    def _asked(self, paths: list[str], anchor: str, deadline: Deadline) -> dict[str, Seen]:
        """A child that was ended by somebody is replaced, once."""
        for _ in range(2):
            patience = min(self._patience, deadline.left() - _SPARE)
            if patience <= 0:
                break
            question = {"paths": paths, "anchor": anchor, "patience": patience}
            try:
                self._child = self._child or _Child(self._command)
                answer = self._child.exchange(json.dumps(question).encode() + b"\n", deadline)
                rows = {str(path): Seen(**row) for path, row in json.loads(answer).items()}
            except (OSError, ValueError, TypeError):
                self._give_up_child(dict.fromkeys(paths, "not_asked"))
                continue
            hanging = dict.fromkeys((path for path in paths if path not in rows), "hanging")
            if hanging:
                self._give_up_child(hanging)
            return rows | {path: Seen(word) for path, word in hanging.items()}
        return {}

    def _give_up_child(self, words: Mapping[str, str]) -> None:
        child, self._child = self._child, None
        if child:
            child.kill()
            self._stuck.append((child, words))
