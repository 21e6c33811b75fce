"""Settings: read once from the environment and `.env`, typed, validated.

A wrong value stops the start with a sentence naming the key, the value and the accepted form.
Secrets are `SecretStr`: printing a Settings object never shows one.
"""

from __future__ import annotations

import os
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from keeper.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent

#: What is accepted, by key, for the error sentence; .env.example and README describe the same keys.
ACCEPTED = {
    "PLEX_URL": "the address of the server, such as http://127.0.0.1:32400 (leave it out for demo mode)",
    "PLEX_TOKEN": "the X-Plex-Token of the server's owner",
    "PLEX_TIMEOUT": "seconds from 1 to 120",
    "SPEED_TEST_TIMEZONE": "an IANA time zone such as Europe/Berlin",
    "TRUSTED_PROXIES": "addresses or networks with commas between, such as 127.0.0.1,172.18.0.0/16",
    "PSR_DB_PATH": "the path of a file in a writable folder",
}


class Settings(BaseSettings):
    """One field per key of `.env`; the field's name is the key in lower case."""

    model_config = SettingsConfigDict(
        env_file=os.environ.get("KEEPER_ENV_FILE", ROOT / ".env"), env_ignore_empty=True, extra="ignore", frozen=True
    )

    plex_url: str = ""
    plex_token: SecretStr = SecretStr("")
    plex_timeout: float = Field(10.0, ge=1, le=120)
    gui_password: SecretStr = SecretStr("")
    psr_auth_config: Path = ROOT / "auth.yaml"
    psr_auth_username: str = "admin"
    psr_cookie_name: str = "plex_keeper"
    psr_cookie_expiry_days: float = Field(30.0, gt=0, le=3650)
    psr_cookie_key: SecretStr = SecretStr("")
    psr_db_path: Path | None = None
    psr_log_dir: Path | None = None
    psr_orphan_grace_minutes: float = Field(1.0, ge=0.05, le=1440)
    psr_log_retention_days: int = Field(30, ge=1, le=3650)
    psr_scan_run_retention_days: int = Field(90, ge=1, le=3650)
    psr_scan_run_retention_count: int = Field(500, ge=1, le=100_000)
    psr_session_max_days: float = Field(90.0, gt=0, le=3650)
    max_login_attempts: int = Field(5, ge=1, le=100)
    login_lockout_minutes: float = Field(15.0, gt=0, le=1440)
    trusted_proxies: str = ""
    check_interval: float = Field(300.0, ge=5, le=86_400)

    @field_validator("plex_url")
    @classmethod
    def _address(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if value and not _is_address(value):
            raise ValueError(ACCEPTED["PLEX_URL"])
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: str) -> str:
        for part in filter(None, (part.strip() for part in value.split(","))):
            ip_network(part)  # a ValueError says what is wrong
        return value

    @field_validator("psr_auth_config", "psr_db_path", "psr_log_dir")
    @classmethod
    def _home(cls, value: Path | None) -> Path | None:
        return value.expanduser() if value else value

    @field_validator("psr_cookie_name")
    @classmethod
    def _cookie_name(cls, value: str) -> str:
        if not value.replace("_", "").replace("-", "").isalnum():
            raise ValueError("letters, digits, - and _")
        return value

    @property
    def proxies(self) -> list[str]:
        """Addresses and networks whose X-Forwarded-For and -Proto are believed."""
        return [part.strip() for part in self.trusted_proxies.split(",") if part.strip()]

    @property
    def demo(self) -> bool:
        """Without an address of a server there is nothing to keep: show the simulated one."""
        return not self.plex_url

    @property
    def db_path(self) -> Path:
        """The one data file. The demo has its own, so that trying it out leaves nothing behind."""
        return (self.psr_db_path or ROOT / ("demo_state.db" if self.demo else "refresh_state.db")).absolute()

    @property
    def log_dir(self) -> Path:
        return (self.psr_log_dir or self.db_path.parent / "logs").absolute()

    @property
    def secrets(self) -> list[str]:
        """Every secret value that must never be written or shown."""
        values = (v for v in self.__dict__.values() if isinstance(v, SecretStr))
        return [s for s in (v.get_secret_value() for v in values) if s]


def _is_address(text: str) -> bool:
    """http(s)://host[:port][/path] and nothing else; a password in an address would be shown everywhere."""
    try:
        parts = urlsplit(text)
        host, _port = (parts.hostname or "").encode("idna"), parts.port
    except ValueError:  # no port number, no possible name
        return False
    clean = not (parts.query or parts.fragment or "@" in parts.netloc or any(sign.isspace() for sign in text))
    return parts.scheme in ("http", "https") and bool(host.strip(b".")) and clean


def load(**overrides: object) -> Settings:
    """Reads the settings. Raises SettingsError for the first wrong one."""
    _check_env_file()
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]
    except UnicodeDecodeError:
        raise SettingsError(".env", "(not UTF-8)", "a text file in UTF-8") from None
    except ValidationError as problem:
        first = problem.errors()[0]
        key = str(first["loc"][0]).upper() if first["loc"] else "settings"
        shown = str(first.get("input", ""))
        if "@" in shown or any(word in key for word in ("TOKEN", "KEY", "PASSWORD")):
            shown = "(hidden)"
        accepted = ACCEPTED.get(key, first["msg"].removeprefix("Value error, ").lower())
        raise SettingsError(key, shown, accepted) from None
    if settings.plex_url and not settings.plex_token.get_secret_value():
        raise SettingsError("PLEX_TOKEN", "", "the X-Plex-Token of the server's owner, needed with PLEX_URL")
    return settings


def _check_env_file() -> None:
    """A file that is named but missing would silently mean demo mode."""
    named = os.environ.get("KEEPER_ENV_FILE")
    if named and not Path(named).exists():
        raise SettingsError("KEEPER_ENV_FILE", named, "an existing file (/dev/null for none)")


def zone(name: str) -> ZoneInfo:
    """The zone of that IANA name. Raises SettingsError."""
    if name not in available_timezones():
        raise SettingsError("time zone", name, "an IANA name such as Europe/Berlin")
    return ZoneInfo(name)
