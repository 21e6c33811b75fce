"""The real service as a child process: `streamlit run app.py`, as systemd would start it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery"
START_SECONDS = 60


class Service:
    """One running service; `settings` are settings of the program."""

    def __init__(self, home: Path, **settings: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home, self.port = home, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.store = Path(settings.get("PSR_DB_PATH", home / "state.db"))
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PLEX_", "PSR_", "STREAMLIT_"))}
        mine = {
            "KEEPER_ENV_FILE": os.devnull,
            "PSR_DB_PATH": str(self.store),
            "PSR_AUTH_CONFIG": str(home / "auth.yaml"),
            "GUI_PASSWORD": PASSWORD,
            "NETWORK_TEST_ENDPOINTS": "none",  # the network of the machine that tests is not the one under test
            "STREAMLIT_SERVER_PORT": str(self.port),
        }
        self.environment = kept | mine | settings
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        command = [sys.executable, "-m", "streamlit", "run", "app.py"]
        with (self.home / "service.out").open("ab") as out:
            self.child = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=out, stderr=out)
        until(self.is_up, START_SECONDS, self.said)
        return self

    def is_up(self) -> bool:
        assert self.child is not None and self.child.poll() is None, self.said()
        try:
            return self.health()["ok"] is True
        except (URLError, OSError):
            return False

    def health(self) -> dict[str, Any]:
        with urlopen(self.address + "/healthz", timeout=2) as answer:
            health: dict[str, Any] = json.loads(answer.read())
            return health

    def said(self) -> str:
        return (self.home / "service.out").read_text(errors="replace")[-3000:]

    def stop(self) -> float:
        """Ends it as systemd would; the seconds that took."""
        began = time.monotonic()
        if self.child is not None and self.child.poll() is None:
            self.child.terminate()
            self.child.wait(30)
        return time.monotonic() - began

    def kill(self) -> None:
        assert self.child is not None
        self.child.kill()
        self.child.wait()

    def __enter__(self) -> Self:
        self.start()
        until(lambda: self.health()["last_tick_seconds"] is not None, START_SECONDS, self.said)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Any, seconds: float, told: Any = lambda: "") -> None:
    """Asks again and again, with a pause that is a bounded wait for a connection nobody makes."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s\n{told()}"
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            nobody.listen()
            nobody.settimeout(0.05)
            try:
                nobody.accept()
            except TimeoutError:
                continue
