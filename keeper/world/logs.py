"""Log files, and the one way by which everything that is logged gets into them."""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

from keeper.errors import StoreError
from keeper.ports import Clock, ScanLog
from keeper.world.redactor import Redactor

log = logging.getLogger(__name__)

MEGABYTE = 1 << 20
_BLOCK = 1 << 16
#: Loggers that keep to themselves what broke in a page or in a request; it belongs into our files too.
APART = ("streamlit.error_util", "uvicorn.error")


class ScanLogs:
    """The RunLogs port: one file per run."""

    def __init__(self, folder: Path, clock: Clock, redactor: Redactor) -> None:
        self._folder, self._clock, self._redactor = folder, clock, redactor

    def path(self, job_id: str) -> Path:
        """Where the log of a run lies. Raises StoreError for what is not a job id."""
        if not re.fullmatch(r"[0-9A-Za-z-]{1,40}", job_id):
            raise StoreError(f"{job_id!r} is not the id of a run.")
        return self._folder / f"scan_{job_id}.log"

    @contextmanager
    def open(self, job_id: str) -> Iterator[ScanLog]:
        """The log of a run. A folder that cannot be written costs the log, never the scan."""
        file = self._opened(job_id)

        def write(text: str) -> None:
            line = self._redactor.clean(text).replace("\r", " ").replace("\n", " ")
            try:
                if file:
                    file.write(f"{self._clock.now():%Y-%m-%d %H:%M:%S}Z {line}\n")
            except OSError as problem:
                log.error("a line of the log of scan %s is lost: %s", job_id, problem.strerror)

        try:
            yield write
        finally:
            _close(file)

    def _opened(self, job_id: str) -> TextIO | None:
        path = self.path(job_id)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            return path.open("a", encoding="utf-8", errors="replace", buffering=1)
        except OSError as problem:
            log.error("scan %s goes on without a log: %s cannot be written (%s)", job_id, path, problem.strerror)
            return None

    def remove_older_than(self, moment: datetime) -> int:
        removed = 0
        for file in self._folder.glob("scan_*.log"):
            if datetime.fromtimestamp(file.stat().st_mtime, UTC) < moment:
                file.unlink(missing_ok=True)
                removed += 1
        return removed

    def tail(self, job_id: str, lines: int) -> str:
        """The last lines, at a cost that does not grow with the file: read backwards in blocks."""
        path = self.path(job_id)
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            position = file.seek(0, 2)
            data = b""
            while position > 0 and data.count(b"\n") <= lines and len(data) < MEGABYTE:
                step = min(_BLOCK, position)
                position -= step
                file.seek(position)
                data = file.read(step) + data
        return "\n".join(data.decode("utf-8", "replace").splitlines()[-lines:])


def _close(file: TextIO | None) -> None:
    with suppress(OSError):  # what could not be written has been told already
        if file:
            file.close()


def set_up_logging(folder: Path, redactor: Redactor, quiet: bool = False) -> None:
    """logs/keeper.log, logs/keeper_error.log (10 MB, five kept) and stderr, whichever of them can be written.

    Whatever is logged in this process passes the redactor, also what goes to handlers of others: Streamlit's and
    uvicorn's loggers write to stderr themselves. Warnings and what nobody caught are logged as well.
    """
    logging.setLogRecordFactory(redactor.record)
    logging.captureWarnings(True)
    files = _files(folder)
    _replace_handlers(logging.getLogger(), files if quiet else [logging.StreamHandler(sys.stderr), *files])
    for name in APART:
        _replace_handlers(logging.getLogger(name), files)
    logging.getLogger("keeper").setLevel(logging.INFO)
    for place, hook in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        _log_what_nobody_caught(place, hook, redactor if quiet else None)


def _files(folder: Path) -> list[logging.Handler]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_rotating(folder / "keeper.log", logging.INFO), _rotating(folder / "keeper_error.log", logging.ERROR)]
    except OSError as problem:
        sys.stderr.write(f"keeper: the log folder {folder} cannot be written ({problem.strerror}); no log files.\n")
        return []


def _rotating(path: Path, level: int) -> RotatingFileHandler:
    handler = RotatingFileHandler(path, maxBytes=10 * MEGABYTE, backupCount=5, encoding="utf-8", delay=True)
    handler.setLevel(level)
    return handler


def _replace_handlers(logger: logging.Logger, handlers: list[logging.Handler]) -> None:
    """Ours only: those of a test, or of the web server, stay."""
    form = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    for old in [handler for handler in logger.handlers if getattr(handler, "of_keeper", False)]:
        logger.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.setFormatter(form)
        handler.of_keeper = True  # type: ignore[attr-defined]
        logger.addHandler(handler)


def _log_what_nobody_caught(place: Any, hook: str, terminal: Redactor | None) -> None:
    """Python writes such a traceback to stderr as it is; here it is logged. A command, which logs to files only, shows
    it on the terminal as well. Somebody else's hook (pytest's) is still called."""
    before, usual = getattr(place, hook), getattr(place, f"__{hook}__")
    before = getattr(before, "instead_of", before)

    def told(*given: Any) -> None:
        kind, error, trace = given if len(given) == 3 else given[0][:3]
        if not issubclass(kind, Exception):  # Ctrl-C and SystemExit are no accidents
            before(*given)
            return
        log.critical("nobody caught this", exc_info=(kind, error, trace))
        if terminal:
            sys.stderr.write(terminal.clean("".join(traceback.format_exception(kind, error, trace))))
        if before is not usual:
            before(*given)

    told.instead_of = before  # type: ignore[attr-defined]
    setattr(place, hook, told)
