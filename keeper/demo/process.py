"""The simulated server as a child process: what tests, benchmarks and the demo use."""

from __future__ import annotations

import json
import select
import subprocess  # nosec B404  # the simulated server is a program of its own
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

ROOT = Path(__file__).resolve().parents[2]


class DemoPlex:
    """A running server. Options are those of `python -m keeper.demo --help`, with underscores.

    with DemoPlex(library="small", items=50, seed=7, refresh_seconds="0.1-0.2") as plex:
        requests.get(plex.url + "/identity")
        plex.mode("hang", paths="/refresh", count=1)
    """

    def __init__(self, library: str = "small", *, start_timeout: float = 60.0, **options: Any) -> None:
        self._options = {"library": library, **options}
        self._start_timeout = start_timeout
        self._child: subprocess.Popen[bytes] | None = None
        self._opener = build_opener(ProxyHandler({}))
        self.url = self.token = self.control_url = self.machine_identifier = ""  # nosec B105  # until it runs
        self.pid = 0

    # ---- life ----------------------------------------------------------------------------------------

    def start(self) -> Self:
        command = [
            sys.executable,
            "-m",
            "keeper.demo",
            "--print-json",
            "--exit-with-parent",
            *_flags(self._options),
        ]
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=ROOT)  # nosec B603  # ourselves, no shell
        facts = json.loads(self._first_line())
        self.url, self.control_url, self.token = facts["url"], facts["control"], facts["token"]
        self.pid, self.machine_identifier = facts["pid"], facts["machine_identifier"]
        return self

    def start_again(self) -> Self:
        """After it has ended: a fresh one at the same addresses, with the same library as at its first start."""
        self.stop()
        self._options |= {"port": urlsplit(self.url).port, "control_port": urlsplit(self.control_url).port}
        return self.start()

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def stop(self) -> None:
        """Ask it to end, and make it end if it does not."""
        child, self._child = self._child, None
        if child is None:
            return
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _first_line(self) -> bytes:
        stdout = self._child.stdout if self._child else None
        if stdout is None:
            raise RuntimeError("the demo server was not started")
        ready, _, _ = select.select([stdout], [], [], self._start_timeout)
        line = stdout.readline() if ready else b""
        if not line:
            self.stop()
            raise RuntimeError("the demo server did not start; what it said stands above")
        return line

    # ---- control -------------------------------------------------------------------------------------

    def mode(self, mode: str, **params: Any) -> dict[str, Any]:
        """Switch a fault on, or 'ready'. Parameters: paths, count, seconds, delay, code, pause."""
        answer: dict[str, Any] = self.control("POST", "/mode", {"mode": mode, **params})
        return answer

    def script(self, steps: list[dict[str, Any]]) -> None:
        """Play faults one after the other: [{'mode': 'refused', 'seconds': 2}, ...]; then it is ready again."""
        self.control("POST", "/script", steps)

    def restart(self, down_seconds: float = 0.5, starting_seconds: float = 0.5, readonly_seconds: float = 0.0) -> None:
        wanted = {
            "down_seconds": down_seconds,
            "starting_seconds": starting_seconds,
            "readonly_seconds": readonly_seconds,
        }
        self.control("POST", "/restart", wanted)

    def set(self, **knobs: Any) -> dict[str, Any]:
        """Turn knobs of settings.py; answers with all of them."""
        answer: dict[str, Any] = self.control("POST", "/set", knobs)
        return answer

    def settings(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.control("GET", "/set")
        return answer

    def stats(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.control("GET", "/stats")
        return answer

    def reset_stats(self) -> None:
        self.control("POST", "/stats/reset", {})

    def items(self, *, flawed: bool = False, keys: list[int | str] | None = None) -> list[dict[str, Any]]:
        """The truth about the items, which no client of Plex can see."""
        wanted = [f"keys={','.join(map(str, keys))}"] if keys else []
        answer: list[dict[str, Any]] = self.control("GET", "/items?" + "&".join([*wanted, f"flawed={int(flawed)}"]))
        return answer

    def change(self, keys: list[int | str], **changes: Any) -> list[dict[str, Any]]:
        """change([1001], flaws=['no_thumb'], hopeless=False, lock=['thumb'], trashed=True); keys, then any of these."""
        answer: list[dict[str, Any]] = self.control("POST", "/change", {"keys": keys, **changes})
        return answer

    def add(self, section: int = 1, count: int = 1, flaws: list[str] | None = None) -> list[dict[str, Any]]:
        """New items at the top, as if somebody had just put them there."""
        answer: list[dict[str, Any]] = self.control(
            "POST", "/add", {"section": section, "count": count, "flaws": flaws or []}
        )
        return answer

    def delete(self, *keys: int | str) -> list[int]:
        """Take items away, with all below them; answers with what is gone."""
        answer: list[int] = self.control("POST", "/delete", {"keys": keys})
        return answer

    def sessions(
        self, *start: str | dict[str, Any], stop: tuple[int, ...] = (), clear: bool = False
    ) -> list[dict[str, Any]]:
        """Start sessions by kind ('movie', 'ghost', 'livetv', ...), stop some, or clear all first."""
        wanted = {"start": start, "stop": stop, "clear": clear}
        answer: list[dict[str, Any]] = self.control("POST", "/sessions", wanted)
        return answer

    def queue(self, wait: float = 0) -> dict[str, int]:
        """How many refreshes wait and are under way; with `wait` it comes back when there are none."""
        answer: dict[str, int] = self.control("GET", f"/queue?wait={wait}", timeout=wait + 10)
        return answer

    def push(self, kind: str, news: dict[str, Any]) -> None:
        """Tell all listeners anything: push('update.statechange', {'state': 'done'})."""
        self.control("POST", "/push", {"type": kind, "news": news})

    def warm(self, **exclude: str) -> None:
        """Write all rows once: warm(excludeElements='Media,Role')."""
        self.control("POST", "/warm", exclude, timeout=120)

    def control(self, method: str, path: str, body: Any = None, timeout: float = 20) -> Any:
        """One call to the back door. A refusal is a ValueError with the server's words."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.control_url + path, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310
        try:
            with self._opener.open(request, timeout=timeout) as answer:
                return json.load(answer)
        except HTTPError as refused:
            raise ValueError(refused.read().decode()) from None


def _flags(options: dict[str, Any]) -> list[str]:
    """{'page_cap': 40, 'old_action_bodies': True} -> ['--page-cap', '40', '--old-action-bodies']."""
    flags = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            flags.append(flag)
        elif value is not None and value is not False:
            flags += [flag, str(value)]
    return flags
