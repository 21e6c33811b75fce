"""A whole day with a prepared .env, many faults and many visitors: no secret in anything written, shown or sent."""

from __future__ import annotations

import base64
import contextlib
import html
import io
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import quote

import bcrypt
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

import auth
from jobs import Brake
from keeper import config, metrics
from keeper.__main__ import main
from keeper.demo.process import DemoPlex
from keeper.rules.types import RunStatus, ScanOptions
from keeper.ui import frame
from keeper.wiring import House, open_door
from keeper.world.clock import SystemClock
from tests import leaks

MORNING = datetime(2026, 4, 14, tzinfo=UTC)
LOOK_EVERY = timedelta(minutes=5)
SPEED = 20  # seconds on the clock of this world for one of ours: deadlines are real, and soon over
LISTING = "GET /library/sections/1/all"
#: One fault an hour: (mode, its parameters). The server hangs, lies, breaks off, and repeats the token it was told.
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("refused", {}), ("unauthorized", {}), ("overload", {}), ("hang", {}), ("reset", {}), ("html200", {}),
    ("cut", {}), ("echo", {}), ("parrot", {}), ("echo", {"code": 401}), ("badxml", {}), ("echo", {"code": 503}),
    ("parrot", {"paths": LISTING}), ("starting", {}), ("empty200", {}), ("status", {"code": 599}),
    ("echo", {"code": 200}), ("proxy502", {}), ("echo", {"paths": LISTING}), ("unclaimed", {}),
    ("parrot", {"paths": "/library/metadata"}), ("cut", {"paths": LISTING}), ("readonly", {}),
    ("trickle", {"pause": 0.01}),
)  # fmt: skip
FAULTY_LOOKS = range(2, 5)  # of the twelve of an hour
NEW_PASSWORD = "nP3 'quiet<Moon>\\9z"
SCREENS = [name for name, *_ in frame.SCREENS]
COMMANDS = (
    "runs", "runs --json", "runs --limit 3", "check", "check --json", "doctor", "doctor --json",
    "doctor --trust-server", "scan --dry-run --days 0", "scan --json --library Movies", "scan --library Nowhere",
    "cancel nothing", "resume nothing", "set-password", "unlock", "scan --days soon", "runs --limit x",
    "nonsense", "--help",
)  # fmt: skip


class DayClock(SystemClock):
    """Runs quickly, and is put forward where nothing happens."""

    def __init__(self) -> None:
        self._began, self._ahead = time.monotonic(), 0.0

    def monotonic(self) -> float:
        return (time.monotonic() - self._began) * SPEED + self._ahead

    def now(self) -> datetime:
        return MORNING + timedelta(seconds=self.monotonic())

    def uptime(self) -> float:
        return self.monotonic() + 86_400

    def local_zone(self) -> tzinfo:
        return UTC

    def forward_to(self, moment: datetime) -> None:
        self._ahead += max(0.0, (moment - self.now()).total_seconds())


@dataclass
class Day:
    """One house through a day, and everything that came out of it."""

    folder: Path
    house: House
    plex: DemoPlex
    clock: DayClock
    came_out: list[tuple[str, bytes]] = field(default_factory=list)

    def live(self, visits: dict[int, Callable[[Day], None]]) -> None:
        """288 looks, a scan every hour, one at its daily time, and whoever comes at which hour."""
        self.house.set_up_logging()  # on the terminal of the test, which is another than that of its preparations
        for number in range(288):
            self.clock.forward_to(MORNING + number * LOOK_EVERY)
            hour, look = divmod(number, 12)
            if look == FAULTY_LOOKS.start:
                mode, more = FAULTS[hour % len(FAULTS)]
                self.plex.mode(mode, **more)
            if look == FAULTY_LOOKS.start + 1:
                self._scan(hour)
            self.house.jobs.tick()
            self.house.jobs.work()
            self.house.monitor.tick()
            if look == FAULTY_LOOKS.stop:
                _a_round_fails()
                visits.get(hour, lambda day: None)(self)  # the fault is still on
                self.plex.mode("ready")

    def _scan(self, hour: int) -> None:
        """Every third is cancelled, some are asked for things that do not exist, one for a secret."""
        options = ScanOptions(days=0, plex_wait_minutes=0.2, refresh_wait_total_seconds=30, failed_backoff_hours=2)
        if hour % 5 == 4:
            options = replace(options, libraries=(leaks.SECRETS["PLEX_TOKEN"],))
        if hour % 3 == 2:
            brake = Brake()
            brake.cancel()
            self.house.jobs.start_now(options, "test", brake)
        else:
            self.house.start_scan(options, "test")

    def leaks(self) -> list[str]:
        """Where the secrets turned up. Two files may hold some: .env all of them, auth.yaml the key of the cookies."""
        wanted = leaks.wanted(leaks.SECRETS | {"the new password": NEW_PASSWORD})
        env, door = self.folder / ".env", self.folder / "auth.yaml"
        everything = [*self.came_out, *leaks.files(self.folder, env, door)]
        without_key = {name: secret for name, secret in wanted.items() if name != "PSR_COOKIE_KEY"}
        return leaks.found(everything, wanted) + leaks.found([("auth.yaml", door.read_bytes())], without_key)


def _a_round_fails() -> None:
    """A fault in the program itself, whose traceback has all the secrets in it."""
    try:
        try:
            raise KeyError(leaks.SECRETS)
        except KeyError as problem:
            raise ConnectionError(f"POST {leaks.WEBHOOK_PATH} with {quote(str(leaks.SECRETS))}") from problem
    except ConnectionError:
        logging.getLogger("keeper.engine").exception("monitor: this round failed; the next one comes")


# ---------------------------------------------------------------------------- who comes along


def reader(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who is logged in opens every screen, in both languages, and one run."""
    monkeypatch.setattr("keeper.ui.state.current_house", lambda: day.house)
    job_id = day.house.runs.latest(1)[0].job_id
    visits = [(name, language, {}) for name in SCREENS for language in ("en", "de")]
    for name, language, query in [*visits, ("runs", "en", {"job": job_id})]:
        page = AppTest.from_function(_screen, args=(name,), default_timeout=30)
        page.user = {"name": "admin", "sid": "s1"}
        page.context = {"locale": language, "timezone": "Europe/Berlin"}
        page.query_params.update({key: [value] for key, value in query.items()})
        page.run()
        assert not page.exception
        day.came_out += [(f"the page {name} ({language})", shown) for shown in _shown(page)]
    day.came_out.append(("the log of a run", day.house.log_tail(job_id).encode()))
    day.came_out.append(("the table of a run", day.house.run_items_csv(job_id).encode()))


def _screen(name: str) -> None:
    from keeper.ui import frame

    frame.main(name)


def _shown(page: AppTest) -> Iterator[bytes]:
    for node in page._tree:
        proto = getattr(node, "proto", None)
        if proto is not None:
            yield proto.SerializeToString() if hasattr(proto, "SerializeToString") else str(proto).encode()


def commander(day: Day, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner on the machine types every command, right and wrong."""
    for line in COMMANDS:
        monkeypatch.setattr("sys.stdin", io.StringIO(NEW_PASSWORD + "\n"))
        day.came_out.append(("the service's terminal", str(capsys.readouterr()).encode()))
        try:
            main(line.split())
        except SystemExit as end:
            assert end.code in (0, 2)
        said = capsys.readouterr()
        assert said.out or said.err, line
        day.came_out += [(f"keeper {line}: stdout", said.out.encode()), (f"keeper {line}: stderr", said.err.encode())]
    day.house.set_up_logging()


def stranger(day: Day) -> None:
    """Somebody from outside tries every door, logs in wrongly, and types secrets where names belong."""
    visitor = _visitor(day)
    paths = ("/", "/login", "/login?lang=de", "/healthz", "/metrics", "/auth/logout", "/runs?job=1", "/_stcore/health",
             "/_stcore/upload_file/1/2", "/media/x", "/login/../etc", "/%00", "/.env", "/auth.yaml")  # fmt: skip
    for path in paths:
        for method in ("GET", "POST", "PUT"):
            answer = visitor.request(method, path, content=b"x=1")
            day.came_out.append((f"{method} {path}", _whole(answer)))
    for secret in leaks.SECRETS.values():
        _types_it_where_names_belong(day, secret)
        headers = {
            "user-agent": secret.encode(),
            "x-plex-token": secret.encode(),
            "authorization": b"Basic " + _basic(secret),
        }
        visitor.get("/runs", params={"token": secret}, headers=headers)
        visitor.post("/login", data={"username": "admin", "password": "wrong"}, headers=headers)
    _types_it_where_names_belong(day, NEW_PASSWORD)


def _types_it_where_names_belong(day: Day, secret: str) -> None:
    """What somebody typed comes back to himself, like any other text; it must not be told from any other text."""
    other = "".join("x" if sign.isalnum() else sign for sign in secret)
    answers = []
    for name in (secret, other):
        day.house.doorkeeper.unlock()
        answer = _visitor(day).post("/login", data={"username": name, "password": name, "next": "/"})
        answers.append(answer.text.replace(html.escape(name, quote=True), "<the name>"))
    assert answers[0] == answers[1]
    assert "<the name>" in answers[0]


def _basic(secret: str) -> bytes:
    return base64.b64encode(f"admin:{secret}".encode())


def _whole(answer: Any) -> bytes:
    return str(answer.headers.multi_items()).encode() + answer.content


def _visitor(day: Day) -> TestClient:
    async def figures(_request: Request) -> Response:
        return Response(metrics.exposition(day.house))

    async def health(_request: Request) -> Response:
        return JSONResponse(day.house.health())

    routes = [*auth.routes(day.house.doorkeeper), Route("/healthz", health), Route("/metrics", figures)]
    app = Starlette(routes=routes, middleware=[Middleware(auth.Gate, doorkeeper=day.house.doorkeeper)])
    return TestClient(app, follow_redirects=False, client=("192.0.2.7", 40000), raise_server_exceptions=False)


# ---------------------------------------------------------------------------- the day


@pytest.fixture
def day(tmp_path: Path, serve: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Day]:
    """A house of the prepared .env in a folder of its own, in front of a server whose token is the secret one."""
    plex, clock = serve("movies:40:8,shows:1,music:1", token=leaks.SECRETS["PLEX_TOKEN"]), DayClock()
    env = leaks.env_file(
        tmp_path / ".env", PLEX_URL=plex.url, PLEX_TIMEOUT="6", PSR_DB_PATH=str(tmp_path / "state.db"),
        PSR_AUTH_CONFIG=str(tmp_path / "auth.yaml"), NETWORK_TEST_ENDPOINTS="none", HOST_KIND="none",
    )  # fmt: skip
    for name in config.Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("KEEPER_ENV_FILE", str(env))
    monkeypatch.setitem(config.Settings.model_config, "env_file", env)
    monkeypatch.setattr("keeper.wiring.SystemClock", lambda: clock)
    monkeypatch.setattr(Brake, "wait", lambda brake, seconds: _wait_quickly(brake, clock, seconds))
    real = bcrypt.gensalt
    monkeypatch.setattr(bcrypt, "gensalt", lambda rounds=4, prefix=b"2b": real(4, prefix))
    house = House(config.load())
    house.set_up_logging()
    open_door(house)
    house.save_preferences(replace(house.memory.preferences(), schedule_enabled=True, zone="UTC"), "test")
    yield Day(tmp_path, house, plex, clock)
    house.close()


def _wait_quickly(brake: Brake, clock: DayClock, seconds: float) -> None:
    brake.check()
    clock.forward_to(clock.now() + timedelta(seconds=seconds))


def test_a_day_of_faults_and_visitors_lets_no_secret_out(
    day: Day, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_of_them(day: Day) -> None:
        _hear(day, capsys)
        reader(day, monkeypatch)
        stranger(day)
        commander(day, capsys, monkeypatch)

    day.live(dict.fromkeys((7, 8, 20), all_of_them))
    _hear(day, capsys)
    assert day.leaks() == []
    assert _much_has_happened(day)


def _hear(day: Day, capsys: pytest.CaptureFixture[str]) -> None:
    said = capsys.readouterr()
    assert "keeper.jobs: scan" in said.err
    day.came_out.append(("the service's terminal", (said.out + said.err).encode()))


def _much_has_happened(day: Day) -> bool:
    """A search in silence would prove nothing."""
    ended = day.house.runs.latest(100)
    assert {RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.CANCELLED} <= {run.status for run in ended}
    assert len({run.error for run in ended}) > 6
    assert len(day.house.views.recent_checks(24)) >= 280
    masked = {place for place, text in leaks.files(day.folder) if b"***" in text}
    assert {"state.db", "logs/keeper.log"} <= {place.removesuffix("-wal") for place in masked}
    return len(day.came_out) > 200


# ---------------------------------------------------------------------------- the search itself


def _log_past_the_redactor(day: Day) -> None:
    with (day.folder / "logs" / "keeper.log").open("a", encoding="utf-8") as file:
        file.write(f"GET /?X-Plex-Token={leaks.SECRETS['PLEX_TOKEN']}\n")


def _store_past_the_seam(day: Day) -> None:
    with contextlib.closing(sqlite3.connect(day.folder / "state.db")) as connection, connection:
        row = (leaks.SECRETS["GUI_PASSWORD"], json.dumps({"why": leaks.SECRETS["GUI_PASSWORD"]}))
        connection.execute("insert into events (at, kind, severity, message, data_json) values ('', '', '', ?, ?)", row)


def _show_it_in_colours(day: Day) -> None:
    token = leaks.SECRETS["METRICS_TOKEN"]
    day.came_out.append(("the terminal", f"{token[:9]}\x1b[1;36m{token[9:]}\x1b[0m".encode()))


def _send_it_encoded(day: Day) -> None:
    day.came_out.append(("a header", b"Basic " + _basic(leaks.SECRETS["AIRTABLE_TOKEN"])))
    day.came_out.append(("an address", quote(leaks.SECRETS["PSR_COOKIE_KEY"]).encode()))


def _quote_a_part_of_the_address(day: Day) -> None:
    day.came_out.append(("an error", f"POST {leaks.WEBHOOK_PATH} failed".encode()))


@pytest.mark.parametrize(
    ("leak", "told"),
    [
        (_log_past_the_redactor, ["PLEX_TOKEN in logs/keeper.log"]),
        (_store_past_the_seam, ["GUI_PASSWORD in state.db-wal"]),
        (_show_it_in_colours, ["METRICS_TOKEN in the terminal"]),
        (_send_it_encoded, ["AIRTABLE_TOKEN in a header", "PSR_COOKIE_KEY in an address"]),
        (_quote_a_part_of_the_address, ["the webhook's path in an error"]),
    ],
)
def test_a_planted_leak_is_found(day: Day, leak: Callable[[Day], None], told: list[str]) -> None:
    logging.getLogger("keeper.test").warning("the log exists")
    assert day.leaks() == []
    leak(day)
    assert day.leaks() == told
