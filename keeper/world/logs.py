"""Log files, and the filter that keeps secrets out of every one of them."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

from keeper.errors import StoreError
from keeper.ports import Clock, ScanLog

log = logging.getLogger(__name__)

MEGABYTE = 1 << 20
_BLOCK = 1 << 16
_TOKEN_IN_TEXT = re.compile(r"(?i)(x-plex-token[=:]\s*|authtoken[\"']?[=:]\s*[\"']?|token=)[^\s&\"'<>,]+")


class Redactor(logging.Filter):
    """Replaces known secrets, and whatever looks like a Plex token, in messages and tracebacks."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = [secret for secret in secrets if len(secret) >= 4]

    def clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return _TOKEN_IN_TEXT.sub(r"\1***", text)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.clean(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self.clean(record.exc_text)
        return True


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
    """logs/keeper.log, logs/keeper_error.log (10 MB, five kept) and stderr, whichever of them can be written."""
    handlers: list[logging.Handler] = [] if quiet else [logging.StreamHandler(sys.stderr)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handlers.append(_rotating(folder / "keeper.log", logging.INFO))
        handlers.append(_rotating(folder / "keeper_error.log", logging.ERROR))
    except OSError as problem:
        sys.stderr.write(f"keeper: the log folder {folder} cannot be written ({problem.strerror}); no log files.\n")
    form = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if getattr(handler, "of_keeper", False)]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.setFormatter(form)
        handler.addFilter(redactor)
        handler.of_keeper = True  # type: ignore[attr-defined]
        root.addHandler(handler)
    logging.getLogger("keeper").setLevel(logging.INFO)


def _rotating(path: Path, level: int) -> RotatingFileHandler:
    handler = RotatingFileHandler(path, maxBytes=10 * MEGABYTE, backupCount=5, encoding="utf-8", delay=True)
    handler.setLevel(level)
    return handler
