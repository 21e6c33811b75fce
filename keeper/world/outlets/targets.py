"""outlets.json: the chat, mail and push targets that a person added in the page.

The addresses hold tokens and passwords, so the file is private from its first byte, and written all or nothing. One
that cannot be read is kept aside under another name, never overwritten.
"""

from __future__ import annotations

import json
import logging
import os
import re
import stat
import tempfile
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from keeper.errors import KeeperError
from keeper.ports import Clock
from keeper.world.outlets.chat import TargetRefused, chat_name, instantiate, secrets_in
from keeper.world.outlets.places import tidy

log = logging.getLogger(__name__)

LONGEST = 2000  # characters of an address
MOST = 50  # targets
_NAME = re.compile(r"chat-[0-9a-z]{1,32}")


class TargetError(KeeperError):
    """A target cannot be added, or the file cannot be used."""

    code = "target"


@dataclass(frozen=True, slots=True)
class Target:
    """One receiver. `added_by` says who put it there."""

    name: str
    url: str = field(repr=False)
    added_by: str = ""
    added_at: str = ""


class Targets:
    """The file, read again when somebody changed it. `learn` is told every secret in it before anybody can quote it."""

    def __init__(self, path: Path, clock: Clock, learn: Callable[[Iterable[str]], None]) -> None:
        self.path, self._clock, self._learn = path, clock, learn
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] | None = None
        self._known: tuple[Target, ...] = ()
        self.trouble = ""  # a sentence about a file that could not be read

    def all(self) -> tuple[Target, ...]:
        """As the file says now. When it cannot be read, the log and `trouble` say so, and the last good one counts."""
        with self._lock:
            return self._current()

    def add(self, url: str, by: str) -> Target:
        """Checks the address, and keeps it. Raises TargetError, with a sentence that does not quote it."""
        url = url.strip()
        if "://" in url:  # else it is no address but a word, and no secret
            self._learn([url])
        _check(url)
        with self._lock:
            known = self._current()
            if any(target.url == url for target in known):
                raise TargetError("That target is there already.")
            if len(known) >= MOST:
                raise TargetError(f"There are {MOST} targets already. Remove one first.")
            target = Target(_free_name(url, known), url, by, self._clock.now().isoformat(timespec="seconds"))
            self._learn(secrets_in(url))
            self._save((*known, target))
        return target

    def remove(self, name: str) -> None:
        """Raises TargetError when there is none of that name."""
        with self._lock:
            known = self._current()
            left = tuple(target for target in known if target.name != name)
            if len(left) == len(known):
                raise TargetError(f"There is no target called {name!r}.")
            self._save(left)

    # ------------------------------------------------------------------ the file

    def _current(self) -> tuple[Target, ...]:
        stamp = _stamp(self.path)
        if stamp != self._stamp:
            self._stamp = stamp
            self._known = self._read() if stamp else ()
        return self._known

    def _read(self) -> tuple[Target, ...]:
        try:
            raw = self.path.read_bytes()
            found = self.path.stat()
        except OSError as problem:
            self._tell(f"{self.path} cannot be read ({problem.strerror}). It must belong to the service's user.")
            return self._known
        if stat.S_IMODE(found.st_mode) & 0o077:
            self._tell(f"{self.path} can be read by other users. Run: chmod 600 {self.path}")
        else:
            self.trouble = ""
        try:
            targets = _parsed(raw)
        except ValueError:
            self._tell(f"{self.path} is not what it should be. It is kept aside when a target is added or removed.")
            return self._known
        for target in targets:
            self._learn(secrets_in(target.url))
        sound = _sound(targets)
        self._tell_of_the_rest(sound, len(targets))
        return sound

    def _tell_of_the_rest(self, sound: tuple[Target, ...], written: int) -> None:
        """What the file holds and cannot be used, and what can be used but takes no message."""
        if len(sound) < written:
            self._tell(
                f"{written - len(sound)} of {written} targets in {self.path} cannot be used. Each needs a name of its "
                f"own like 'chat-3f2a' and an address of one line, up to {LONGEST} characters."
            )
        for target in sound:
            try:
                instantiate(target.url)
            except TargetRefused as problem:
                self._tell(f"The target {target.name} in {self.path} cannot be used: {problem}")

    def _tell(self, sentence: str) -> None:
        self.trouble = sentence
        log.error("%s", sentence)

    def _save(self, targets: tuple[Target, ...]) -> None:
        self._keep_aside_if_broken()
        rows = [{"name": t.name, "url": t.url, "added_by": t.added_by, "added_at": t.added_at} for t in targets]
        _write(self.path, json.dumps({"targets": rows}, ensure_ascii=False, indent=1) + "\n")
        self._known, self._stamp, self.trouble = targets, _stamp(self.path), ""

    def _keep_aside_if_broken(self) -> None:
        try:
            written = _parsed(self.path.read_bytes())
            if _sound(written) != written:
                raise ValueError("some of them cannot be used")
        except FileNotFoundError:
            return
        except OSError as problem:
            raise TargetError(f"{self.path} cannot be read ({problem.strerror}); nothing was changed.") from None
        except ValueError:
            aside = self.path.with_name(f"{self.path.name}.broken-{self._clock.now():%Y%m%d-%H%M%S-%f}")
            os.rename(self.path, aside)
            log.error("%s could not be read as a whole; it is kept as %s", self.path, aside.name)


def _check(url: str) -> None:
    if not _is_one_line(url):
        raise TargetError(f"An address has 1 to {LONGEST} characters, on one line.")
    try:
        instantiate(url)
    except TargetRefused as problem:
        raise TargetError(str(problem)) from None


def _is_one_line(url: str) -> bool:
    return 0 < len(url) <= LONGEST and url.isprintable()


def _sound(targets: Iterable[Target]) -> tuple[Target, ...]:
    """Those with a name and an address that can be; of several with the same name the first one. A name of another
    form could be that of an outlet of the settings, and take its place."""
    found: dict[str, Target] = {}
    for target in targets:
        if _NAME.fullmatch(target.name) and _is_one_line(target.url):
            found.setdefault(target.name, target)
    return tuple(found.values())


def _free_name(url: str, known: Iterable[Target]) -> str:
    """Four digits of a hash; more where two targets share them."""
    taken = {target.name for target in known}
    return next(name for digits in range(4, 25) if (name := chat_name(url, digits)) not in taken)


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def _parsed(raw: bytes) -> tuple[Target, ...]:
    """Raises ValueError for what is not of this form; the parser's own words would quote it."""
    try:
        rows = json.loads(raw)["targets"]
        targets = tuple(
            Target(row["name"], row["url"], tidy(str(row.get("added_by", ""))), tidy(str(row.get("added_at", ""))))
            for row in rows
        )
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise ValueError("no list of targets") from None
    if not all(isinstance(each.name, str) and isinstance(each.url, str) and each.name and each.url for each in targets):
        raise ValueError("a target without name or address")
    return targets


def _write(path: Path, text: str) -> None:
    """mkstemp makes the file 0600, the rename is atomic."""
    path = path.resolve()
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as problem:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)
        raise TargetError(f"{path} cannot be written ({problem.strerror}). Check the rights of its folder.") from None
