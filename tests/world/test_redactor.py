"""Everything that is logged is born without secrets, whoever logs it and wherever it goes."""

from __future__ import annotations

import base64
import html
import io
import json
import logging
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from keeper.rules.types import Cause, Kind, RunStatus
from keeper.world.logs import set_up_logging
from keeper.world.redactor import Redactor, can_be_hidden
from tests import leaks

SECRET = "s3cr/t & tök+en"
KNOWN = [*leaks.SECRETS.values(), SECRET, "s3cret-token", "another-Secret-9"]
TOKEN = leaks.SECRETS["PLEX_TOKEN"]


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(KNOWN)


@pytest.fixture
def folder(tmp_path: Path, redactor: Redactor) -> Iterator[Path]:
    """Logging as the service sets it up, with nothing on the terminal."""
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    set_up_logging(tmp_path, redactor, quiet=True)
    yield tmp_path
    set_up_logging(tmp_path / "afterwards", Redactor([]), quiet=True)
    logging.setLogRecordFactory(logging.LogRecord)
    logging.captureWarnings(False)
    sys.excepthook, sys.unraisablehook, threading.excepthook = hooks


def written(folder: Path) -> str:
    return "".join(file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.log")))


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="").lower(),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        repr("\n" + SECRET)[3:-1],
        html.escape(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_every_spelling_of_a_secret_is_blackened(redactor: Redactor, form: str) -> None:
    cleaned = redactor.clean(f"before {form} after")
    assert cleaned.startswith("before ***") and cleaned.endswith(" after")
    assert leaks.found([("the text", cleaned.encode())], {"SECRET": SECRET}) == []


@pytest.mark.parametrize("before", ["", "a", "ab", "admin:"])
def test_a_secret_within_a_longer_base64_text_is_blackened(redactor: Redactor, before: str) -> None:
    header = base64.b64encode(f"{before}{TOKEN}".encode()).decode()
    assert leaks.found([("the header", redactor.clean(header).encode())], {"TOKEN": TOKEN}) == []


@pytest.mark.parametrize(
    "text",
    [
        "http://plex/?X-Plex-Token=abcdefgh&x=1",
        "{'X-Plex-Token': 'abcdefgh'} x=1",
        "X-Plex-Token%3Dabcdefgh&x=1",
        '"authToken": "abcdefgh", x=1',
        "/video?token=abcdefgh&x=1",
    ],
)
def test_what_looks_like_a_token_is_blackened_though_nobody_knows_it(text: str) -> None:
    cleaned = Redactor([]).clean(text)
    assert "abcdefgh" not in cleaned
    assert "x=1" in cleaned


@pytest.mark.parametrize("common", ["abc", "admin", "True", "movie", "cancelled", "2026", "1234567", "your-token"])
def test_short_and_common_words_stay_readable(common: str) -> None:
    assert not can_be_hidden(common)
    assert Redactor([common]).clean(f"{common} of 2026: movie") == f"{common} of 2026: movie"


def test_no_word_of_our_own_is_ever_blackened() -> None:
    ours = [word.value for kind in (Cause, Kind, RunStatus) for word in kind]
    assert not any(can_be_hidden(word) for word in ours)
    assert Redactor(ours).clean(" ".join(ours)) == " ".join(ours)


def test_a_secret_that_is_a_part_of_another_leaves_nothing_of_it() -> None:
    assert Redactor(["secret-1", "secret-1-and-more"]).clean("secret-1-and-more secret-1") == "*** ***"


def test_half_a_character_in_a_secret_keeps_no_later_one_from_being_hidden() -> None:
    redactor = Redactor([])
    redactor.learn(["half \ud800 secret"])
    redactor.learn(["a-later-secret"])
    assert redactor.clean("half \ud800 secret, a-later-secret") == "***, ***"


def test_a_secret_that_cannot_be_prepared_is_not_taken_for_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    redactor = Redactor(["first-secret"])

    def broken(_secret: str) -> set[str]:
        raise MemoryError

    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr("keeper.world.redactor.spellings", broken)
        redactor.learn(["second-secret"])
    redactor.learn(["second-secret"])
    assert redactor.clean("first-secret second-secret") == "*** ***"


def test_an_answer_of_the_server_loses_the_token_and_nothing_else(redactor: Redactor) -> None:
    body = f'{{"title": "{TOKEN} Film", "year": 2026, "summary": "token=5"}}'.encode()
    assert redactor.clean_bytes(body) == b'{"title": "*** Film", "year": 2026, "summary": "token=5"}'


def test_a_line_costs_less_than_50_microseconds(redactor: Redactor) -> None:
    line = "asked section 3 for page 4 (The Long Winter, 1999) and got 200 rows in 0.31 s from 192.0.2.1 " * 2
    rounds = []
    for _ in range(10):
        began = time.thread_time()
        for _ in range(500):
            redactor.record("keeper", logging.INFO, __file__, 1, line + "%s", ("x",), None)
        rounds.append((time.thread_time() - began) / 500)
    assert len(KNOWN) == 11
    assert min(rounds) < 50e-6


# ---------------------------------------------------------------------------- logging


def test_messages_arguments_and_chained_exceptions_are_blackened(folder: Path) -> None:
    log = logging.getLogger("keeper.test")
    log.info("asking http://plex/?X-Plex-Token=abcdefgh&x=1 with %s", "s3cret-token")
    try:
        try:
            raise KeyError("s3cret-token")
        except KeyError as problem:
            raise ValueError(f"broke with {SECRET}") from problem
    except ValueError:
        log.exception("it broke", stack_info=True)
    text = written(folder)
    assert "it broke" in text and "x=1" in text and "ValueError" in text and "Stack (most" in text
    assert "abcdefgh" not in text
    assert leaks.found([("the logs", text.encode())], {"one": SECRET, "two": "s3cret-token"}) == []


def test_a_line_that_cannot_be_formatted_is_written_all_the_same(folder: Path) -> None:
    logging.getLogger("keeper.test").info("%d rows", "s3cret-token")
    assert "%d rows ('***',)" in written(folder)


def test_loggers_that_write_to_the_terminal_by_themselves_are_blackened_too(folder: Path) -> None:
    """Streamlit's and uvicorn's loggers have handlers of their own and tell nobody above them."""
    terminal = io.StringIO()
    apart = logging.getLogger("keeper_test_apart")
    apart.propagate = False
    apart.addHandler(logging.StreamHandler(terminal))
    apart.error("GET /x?q=%s", TOKEN, exc_info=ValueError(f"page says {TOKEN}"))
    assert terminal.getvalue() == "GET /x?q=***\nValueError: page says ***\n"


def test_the_access_log_of_uvicorn_keeps_its_form(folder: Path) -> None:
    from uvicorn.logging import AccessFormatter

    terminal = io.StringIO()
    handler = logging.StreamHandler(terminal)
    handler.setFormatter(AccessFormatter("%(client_addr)s %(request_line)s %(status_code)s", use_colors=False))
    access = logging.Logger("uvicorn.access")
    access.addHandler(handler)
    access.info('%s - "%s %s HTTP/%s" %d', "192.0.2.1:5", "GET", f"/x?q={TOKEN}", "1.1", 404)
    assert terminal.getvalue() == "192.0.2.1:5 GET /x?q=*** HTTP/1.1 404 Not Found\n"


def test_what_breaks_in_a_page_is_in_our_log_without_secrets_and_not_painted_on_the_terminal(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from streamlit.error_util import handle_user_script_exception

    handle_user_script_exception(RuntimeError(f"page says {TOKEN}"), lambda _problem: True)
    assert "RuntimeError: page says ***" in (folder / "keeper_error.log").read_text()
    said = capfd.readouterr()
    assert leaks.found([("the terminal", (said.out + said.err).encode())], {"TOKEN": TOKEN}) == []


def test_warnings_are_logged_and_blackened(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn(f"unverified request to ?q={TOKEN}", stacklevel=1)
    text = written(folder)
    assert "unverified request to ?q=***" in text
    assert TOKEN not in text


UNCAUGHT = """
import sys, threading
from pathlib import Path
from keeper.world.logs import set_up_logging
from keeper.world.redactor import Redactor
token = "".join(("xK7v", "Q2-mZ9tR4"))
set_up_logging(Path(sys.argv[1]), Redactor([token]), quiet=sys.argv[2] == "quiet")
def broken():
    raise ValueError("thread " + token)
class Broken:
    def __del__(self):
        raise ValueError("object " + token)
thread = threading.Thread(target=broken); thread.start(); thread.join()
Broken()
raise RuntimeError("main " + token)
"""


@pytest.mark.parametrize("way", ["quiet", "loud"])
def test_what_nobody_caught_is_logged_and_shown_without_secrets(tmp_path: Path, way: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", UNCAUGHT, tmp_path, way], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert ended.returncode == 1
    for text in (ended.stderr, (tmp_path / "keeper_error.log").read_text()):
        assert [text.count(f"Error: {where} ***") for where in ("thread", "object", "main")] == [1, 1, 1]
        assert "xK7vQ2" not in text


def test_the_hook_of_somebody_else_is_still_called(
    folder: Path, redactor: Redactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[object] = []
    monkeypatch.setattr(threading, "excepthook", heard.append)
    set_up_logging(folder, redactor, quiet=True)
    set_up_logging(folder, redactor, quiet=True)
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    assert len(heard) == 1
    assert (folder / "keeper_error.log").read_text().count("ZeroDivisionError:") == 1
