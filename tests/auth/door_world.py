"""What the tests of the door stand on: a clock that only moves when told to, and one house with its files."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import bcrypt
import yaml

import auth
from keeper.config import Settings
from keeper.rules.types import Event
from keeper.store.events import Events
from keeper.store.sessions import StoredSessions

PASSWORD = "open sesame"
KEY = "k" * 64
HEARD: list[str] = []  # what the application behind the gate was told by websocket


@dataclass
class FakeClock:
    present: datetime = field(default_factory=lambda: datetime(2026, 3, 1, 12, tzinfo=UTC))

    def now(self) -> datetime:
        return self.present

    def monotonic(self) -> float:
        return self.present.timestamp()

    def local_zone(self) -> tzinfo:
        return UTC

    def forward(self, **amount: float) -> None:
        self.present += timedelta(**amount)


@dataclass
class World:
    """One house with its files; `doorkeeper()` makes another one on the same files, as a restart would."""

    folder: Path
    clock: FakeClock
    sessions: StoredSessions

    @property
    def file(self) -> Path:
        return self.folder / "auth.yaml"

    def events(self) -> list[Event]:
        """What was told, newest first."""
        return Events(self.sessions._database).latest(100)

    def settings(self, **more: Any) -> Settings:
        given = {"psr_auth_config": self.file, "max_login_attempts": 3, "login_lockout_minutes": 15, **more}
        return Settings(_env_file=None, **given)

    def doorkeeper(self, **more: Any) -> auth.Doorkeeper:
        return auth.Doorkeeper(self.settings(**more), self.sessions, self.clock)

    def write(self, *names: str, **cookie: Any) -> None:
        """An auth.yaml whose users all have PASSWORD."""
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        users = {name: {"name": name, "password": hashed} for name in names or ("admin",)}
        document = {
            "credentials": {"usernames": users},
            "cookie": {"name": "door", "key": KEY, "expiry_days": 30, **cookie},
        }
        self.file.touch(mode=0o600)
        self.file.write_text(yaml.safe_dump(document))
