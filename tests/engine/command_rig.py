"""The commands as a person runs them: `python -m keeper ...`, in this process or in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from keeper.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 60.0  # seconds; a command that hangs is a failed test


class Looked(NamedTuple):
    """What `check --json` answered."""

    code: int
    document: dict[str, Any]

    @property
    def cause(self) -> str:
        return str(self.document["cause"])

    def fact(self, name: str) -> tuple[Any, str]:
        """(value, detail)."""
        fact = self.document["facts"][name]
        return fact["value"], fact["detail"]

    @property
    def told(self) -> str:
        """Everything that was seen to be bad or unknown, for the message of a failed test."""
        bad = {name: fact for name, fact in self.document["facts"].items() if fact["value"] in (False, None)}
        return f"{self.cause}: {json.dumps(bad)}"


def settings_of(url: str, token: str, store: Path, **more: str) -> dict[str, str]:
    """The environment of a command that looks at Plex and at nothing beyond this machine."""
    here = {"KEEPER_ENV_FILE": os.devnull, "PLEX_URL": url, "PLEX_TOKEN": token, "PSR_DB_PATH": str(store)}
    return here | {"NETWORK_TEST_ENDPOINTS": "none", "HOST_KIND": "none"} | more


def check_here(monkeypatch: Any, capsys: Any, settings: Mapping[str, str]) -> Looked:
    """In this process: quicker by the start of a Python."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    capsys.readouterr()
    code = main(["check", "--json"])
    return Looked(code, json.loads(capsys.readouterr().out))


def run(settings: Mapping[str, str], *arguments: str, inside: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """In a process of its own; `inside` = the words before it that lead into another place."""
    command = [*inside, sys.executable, "-m", "keeper", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT)


def check_apart(settings: Mapping[str, str], inside: Sequence[str] = ()) -> Looked:
    ran = run(settings, "check", "--json", inside=inside)
    assert ran.stdout, f"it said nothing on its output, but: {ran.stderr}"
    return Looked(ran.returncode, json.loads(ran.stdout))
