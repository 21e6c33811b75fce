"""Settings: read once from the environment and `.env`, typed, validated.

A wrong value stops the start with a sentence naming the key, the value and the accepted form.
Secrets are `SecretStr`: printing a Settings object never shows one.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from keeper.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent

#: What is accepted, by key, for the error sentence; .env.example and README describe the same keys.
ACCEPTED = {
    "PLEX_URL": "the address of the server, such as http://127.0.0.1:32400 (leave it out for demo mode)",
    "PLEX_TOKEN": "the X-Plex-Token of the server's owner",  # nosec B105  # a sentence, no secret
    "PLEX_TIMEOUT": "seconds from 1 to 120",
    "PSR_COOKIE_EXPIRY_DAYS": "a number of days, more than 0 and up to 3650",
    "PSR_SESSION_MAX_DAYS": "a number of days, more than 0 and up to 3650",
    "PSR_ORPHAN_GRACE_MINUTES": "a number of minutes from 0.05 to 1440",
    "PSR_LOG_RETENTION_DAYS": "a whole number of days from 1 to 3650",
    "PSR_SCAN_RUN_RETENTION_DAYS": "a whole number of days from 1 to 3650",
    "PSR_SCAN_RUN_RETENTION_COUNT": "a whole number from 1 to 100000",
    "MAX_LOGIN_ATTEMPTS": "a whole number from 1 to 100",
    "LOGIN_LOCKOUT_MINUTES": "a number of minutes, more than 0 and up to 1440",
    "CHECK_INTERVAL": "a number of seconds from 5 to 86400",
    "PLEX_SLOW_SECONDS": "a number of seconds, more than 0 and up to 5",
    "MAX_RETRIES": "a whole number from 0 to 10",
    "NETWORK_RESTART_ATTEMPTS": "a whole number from 0 to 10",
    "MAX_REBOOT_ATTEMPTS": "a whole number from 0 to 10",
    "REBOOT_CYCLE_PAUSE": "a number of seconds from 3600 to 2592000",
    "METRICS_TOKEN": "at least 16 characters, such as: openssl rand -hex 24",  # nosec B105  # a sentence, no secret
    "SPEED_TEST_TIMEZONE": "an IANA time zone such as Europe/Berlin, or local for the one of this machine",
    "SPEED_TEST_HOUR": "a whole number from 0 to 23",
    "SPEED_TEST_RETRY_DELAY": "a number of seconds from 3600 to 43200",
    "MAX_SPEED_TEST_ATTEMPTS": "a whole number from 1 to 4",
    "SPEED_TEST_SERVER": "the number of a server, as speedtest-cli --list shows it; empty = the nearest one",
    "SPEED_TEST_PROVIDERS": "some of speedtest-cli, ookla, librespeed and http, with commas between",
    "SPEED_TEST_DOWNLOAD_URL": "an address such as https://example.org/down?bytes={bytes}, without a password in it",
    "SPEED_TEST_UPLOAD_URL": "an address such as https://example.org/up, without a password in it",
    "SPEED_TEST_HTTP_MB": "a whole number from 1 to 1000",
    "SPEED_TEST_MONTHLY_MB": "a whole number of megabytes a month; 0 = without limit",
    "AIRTABLE_ENDPOINT_URL": "an address such as https://api.airtable.com, without a password in it",
    "AIRTABLE_MONTHLY_CALLS": "a whole number of calls a month; 0 = without limit",
    "TELEGRAM_ENDPOINT_URL": "an address such as https://api.telegram.org, without a password in it",
    "WEBHOOK_URL": "an address that begins with http:// or https://",
    "WEBHOOK_SECRET": "at least 16 characters, such as: openssl rand -hex 24",  # nosec B105  # a sentence, no secret
    "HEALTH_PING_URL": "an address that begins with http:// or https://, such as https://hc-ping.com/your-check",
    "NETWORK_TEST_ENDPOINTS": "addresses outside with commas between, such as 1.1.1.1,9.9.9.9:443",
    "HOST_KIND": "auto, linux, docker, macos or none",
    "PLEX_RESTART_COMMAND": "a command with its arguments, such as: sudo -n systemctl restart plexmediaserver",
    "TRUSTED_PROXIES": "addresses or networks with commas between, such as 127.0.0.1,172.18.0.0/16",
    "PSR_DB_PATH": "the path of a file in a writable folder",
}

#: Parts of a name that say: this is a secret. The first may stand anywhere in it, the others are whole words.
_SECRET_PARTS = ("TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "WEBHOOK", "CREDENTIAL", "APIKEY", "CHAT_ID")
_SECRET_WORDS = {"KEY", "PASS", "PAT"}
#: With these at its end a name speaks of a secret, but its value is none.
_NO_SECRET_AT_END = {"FILE", "PATH", "DIR", "NAME", "DAYS", "HOURS", "MINUTES", "SECONDS", "TIMEOUT", "LENGTH"}
#: Beginnings of the names by which the environment means us, or those we send messages to.
_OURS = (
    "PLEX", "PSR_", "KEEPER_", "GUI_", "METRICS_", "AIRTABLE", "TELEGRAM", "DISCORD", "SLACK", "SMTP", "WEBHOOK",
    "HEALTH_PING",
)  # fmt: skip
#: Settings that are only of use together; what is said when the second one is missing.
TOGETHER = (
    ("PLEX_URL", "PLEX_TOKEN", "the X-Plex-Token of the server's owner"),
    ("AIRTABLE_TOKEN", "AIRTABLE_BASE", "the id of the base, which begins with app"),
    ("AIRTABLE_BASE", "AIRTABLE_TOKEN", "a personal access token of Airtable, which begins with pat"),
    ("TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID", "the number of the chat, or @name of a channel"),
    ("TELEGRAM_CHAT_ID", "TELEGRAM_BOT_TOKEN", "the token that @BotFather gave the bot"),
    ("WEBHOOK_URL", "WEBHOOK_SECRET", "the secret with which messages are signed (openssl rand -hex 24)"),
    ("WEBHOOK_SECRET", "WEBHOOK_URL", "the address that messages are sent to"),
)
#: Who can measure the line; the same words as in the glossary, in the order in which they are asked.
SPEED_PROVIDERS = ("speedtest-cli", "ookla", "librespeed", "http")
MEGABYTE = 1_000_000
DEMO_INTERVAL = 20.0  # seconds between two looks in the demo, unless CHECK_INTERVAL is set
_LONG_ENOUGH = 8  # of a part of an address, to be a secret by itself


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
    metrics_token: SecretStr = SecretStr("")
    check_interval: float = Field(300.0, ge=5, le=86_400)
    plex_slow_seconds: float = Field(2.5, gt=0, le=5)
    max_retries: int = Field(2, ge=0, le=10)
    network_restart_attempts: int = Field(3, ge=0, le=10)
    max_reboot_attempts: int = Field(1, ge=0, le=10)
    reboot_cycle_pause: float = Field(86_400.0, ge=3600, le=30 * 86_400)
    network_test_endpoints: str = "1.1.1.1,8.8.8.8,208.67.222.222,9.9.9.9"
    network_interface: str = ""
    host_kind: str = Field("auto", pattern="^(auto|linux|docker|macos|none)$")
    plex_service: str = ""
    plex_restart_command: str = ""
    reboot_command: str = ""
    plex_data_dir: Path | None = None
    plex_transcode_dir: Path | None = None
    mount_anchor: str = ""
    mount_map: str = ""
    airtable_token: SecretStr = SecretStr("")
    airtable_base: str = ""
    airtable_table: str = "Server Reboots"
    airtable_endpoint_url: str = ""
    airtable_monthly_calls: int = Field(1000, ge=0, le=10_000_000)
    telegram_bot_token: SecretStr = SecretStr("")
    telegram_chat_id: SecretStr = SecretStr("")
    telegram_endpoint_url: str = ""
    webhook_url: SecretStr = SecretStr("")
    webhook_secret: SecretStr = SecretStr("")
    health_ping_url: SecretStr = SecretStr("")
    speed_test_timezone: str = "America/New_York"
    speed_test_hour: int = Field(2, ge=0, le=23)
    speed_test_retry_delay: float = Field(3600.0, ge=3600, le=43_200)
    max_speed_test_attempts: int = Field(4, ge=1, le=4)
    speed_test_server: str = Field("", pattern="^[0-9]{0,10}$")
    speed_test_providers: str = ",".join(SPEED_PROVIDERS)
    speed_test_download_url: str = "https://speed.cloudflare.com/__down?bytes={bytes}"
    speed_test_upload_url: str = "https://speed.cloudflare.com/__up"
    speed_test_http_mb: int = Field(100, ge=1, le=1000)
    speed_test_monthly_mb: int = Field(0, ge=0, le=100_000_000)

    _named_secrets: tuple[str, ...] = PrivateAttr(())

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._named_secrets = tuple(_named_secrets(given.get("_env_file", _env_file())))

    @field_validator("plex_url")
    @classmethod
    def _address(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if value and not _is_address(value):
            raise ValueError(ACCEPTED["PLEX_URL"])
        return value

    @field_validator("airtable_endpoint_url", "telegram_endpoint_url")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if value and not _is_address(value):
            raise ValueError(ACCEPTED["AIRTABLE_ENDPOINT_URL"])
        return value

    @field_validator("webhook_url", "health_ping_url")
    @classmethod
    def _secret_address(cls, value: SecretStr) -> SecretStr:
        """Its path, its query and a password in it are the secret of whoever gave it out."""
        address = value.get_secret_value().strip()
        if address and not _is_address(address.partition("?")[0].replace(_userinfo(address), "", 1)):
            raise ValueError(ACCEPTED["WEBHOOK_URL"])
        return SecretStr(address)

    @field_validator("speed_test_timezone")
    @classmethod
    def _zone_name(cls, value: str) -> str:
        if value != "local" and value not in available_timezones():
            raise ValueError(ACCEPTED["SPEED_TEST_TIMEZONE"])
        return value

    @field_validator("speed_test_providers")
    @classmethod
    def _providers(cls, value: str) -> str:
        named = _parts(value.lower())
        if not named or not set(named) <= set(SPEED_PROVIDERS):
            raise ValueError(ACCEPTED["SPEED_TEST_PROVIDERS"])
        return value

    @field_validator("speed_test_download_url", "speed_test_upload_url")
    @classmethod
    def _speed_address(cls, value: str) -> str:
        """Such an address may ask something: a query is part of it."""
        value = value.strip()
        if not _is_address(value.replace("{bytes}", "1").partition("?")[0]) or any(map(str.isspace, value)):
            raise ValueError(ACCEPTED["SPEED_TEST_UPLOAD_URL"])
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: str) -> str:
        for part in _parts(value):
            ip_network(part)  # a ValueError says what is wrong
        return value

    @field_validator("metrics_token", "webhook_secret")
    @classmethod
    def _long(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < 16:
            raise ValueError(ACCEPTED["METRICS_TOKEN"])
        return value

    @field_validator("network_test_endpoints")
    @classmethod
    def _endpoints(cls, value: str) -> str:
        if not any(part.strip() for part in value.split(",")):
            raise ValueError(ACCEPTED["NETWORK_TEST_ENDPOINTS"])
        return value

    @field_validator("plex_restart_command", "reboot_command")
    @classmethod
    def _command(cls, value: str) -> str:
        try:
            shlex.split(value)
        except ValueError:
            raise ValueError(ACCEPTED["PLEX_RESTART_COMMAND"]) from None
        return value

    @field_validator("psr_auth_config", "psr_db_path", "psr_log_dir", "plex_data_dir", "plex_transcode_dir")
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
        return _parts(self.trusted_proxies)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Whom the watchdog asks whether there is an internet; nobody when it is told not to look."""
        if self.network_test_endpoints.strip().lower() == "none":
            return ()
        return tuple(_parts(self.network_test_endpoints))

    @property
    def restart_command(self) -> tuple[str, ...]:
        """The owner's own way to restart Plex, as an argument list; empty = the host's way."""
        return tuple(shlex.split(self.plex_restart_command))

    @property
    def reboot_argv(self) -> tuple[str, ...]:
        """The owner's own way to reboot; empty = the host's way."""
        return tuple(shlex.split(self.reboot_command))

    @property
    def airtable_zone(self) -> ZoneInfo | None:
        """The zone of the times in the base of the older watchdog, and of the speed test; None = this machine's."""
        return None if self.speed_test_timezone == "local" else ZoneInfo(self.speed_test_timezone)

    @property
    def speed_providers(self) -> tuple[str, ...]:
        """Who measures the line, first the one that is asked first; each once."""
        return tuple(dict.fromkeys(_parts(self.speed_test_providers.lower())))

    @property
    def speed_budget(self) -> int:
        """Bytes that all speed tests of a month may cost; 0 = without limit."""
        return self.speed_test_monthly_mb * MEGABYTE

    @property
    def demo(self) -> bool:
        """Without an address of a server there is nothing to keep: show the simulated one."""
        return not self.plex_url

    @property
    def watch_interval(self) -> float:
        """Seconds between two looks while all is well. Nobody who tries the demo waits for five minutes."""
        chosen = "check_interval" in self.model_fields_set or not self.demo
        return self.check_interval if chosen else DEMO_INTERVAL

    @property
    def db_path(self) -> Path:
        """The one data file. The demo has its own, so that trying it out leaves nothing behind."""
        return (self.psr_db_path or ROOT / ("demo_state.db" if self.demo else "refresh_state.db")).absolute()

    @property
    def log_dir(self) -> Path:
        return (self.psr_log_dir or self.db_path.parent / "logs").absolute()

    @property
    def secrets(self) -> list[str]:
        """Every value that must never be written or shown: the secret settings, and what `.env` calls a secret.

        The latter also when no setting has that name (yet): a file made for a later version, or with a slip of the
        pen, is read by us all the same. Of the environment, which belongs to everybody, only names that mean us: the
        other secrets of a shell are none of our business, and nothing here ever touches them.
        """
        values = [v.get_secret_value() for v in self.__dict__.values() if isinstance(v, SecretStr)]
        in_addresses = [part for value in values if "://" in value for part in _secrets_of_address(value, True)]
        found = (*values, *in_addresses, *self._named_secrets)
        return list(dict.fromkeys(value for value in found if value))


def _parts(text: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _env_file() -> Any:
    return Settings.model_config.get("env_file")


def _named_secrets(env_file: Any) -> Iterator[str]:
    """Values whose name says that they are secret, whether the program knows the setting or not."""
    in_file = DotEnvSettingsSource(Settings, env_file=env_file, env_ignore_empty=True).env_vars
    ours = {name: value for name, value in os.environ.items() if name.upper().startswith(_OURS) or "WEBHOOK" in name}
    for name, value in (*in_file.items(), *ours.items()):
        secret = _names_a_secret(name)
        if value and secret:
            yield value.strip()
        if value and "://" in value:
            yield from _secrets_of_address(value.strip(), secret)


def _names_a_secret(name: str) -> bool:
    """AIRTABLE_TOKEN, SMTP_PASS, MY_WEBHOOK_URL; but not TOKEN_FILE, and no MONKEY."""
    name = name.upper()
    if name == "HEALTH_PING_URL":
        return True
    words = name.split("_")
    says = any(part in name for part in _SECRET_PARTS) or not _SECRET_WORDS.isdisjoint(words)
    return says and words[-1] not in _NO_SECRET_AT_END


def _secrets_of_address(address: str, is_secret: bool) -> Iterator[str]:
    """The password in any address; of a secret one also what opens the door wherever it is quoted without the rest."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return
    if parts.password:
        yield from {parts.password, unquote(parts.password)}
    if is_secret:
        tail = address.partition(parts.netloc)[2]
        pieces = (tail, parts.path, parts.path.strip("/"), parts.path.rpartition("/")[2], parts.query)
        yield from (piece for piece in pieces if len(piece) >= _LONG_ENOUGH)


def _userinfo(address: str) -> str:
    """'user:password@' of an address; '' = there is none."""
    before, at, _ = address.partition("://")[2].partition("/")[0].rpartition("@")
    return before + at


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
        settings = Settings(**overrides)
    except UnicodeDecodeError:
        raise SettingsError(".env", "(not UTF-8)", "a text file in UTF-8") from None
    except ValidationError as problem:
        first = problem.errors()[0]
        key = str(first["loc"][0]).upper() if first["loc"] else "settings"
        shown = str(first.get("input", ""))
        if "@" in shown or _names_a_secret(key) or _holds_a_secret(shown, overrides.get("_env_file", _env_file())):
            shown = "(hidden)"
        accepted = ACCEPTED.get(key, first["msg"].removeprefix("Value error, ").lower())
        raise SettingsError(key, shown, accepted) from None
    _check_pairs(settings)
    return settings


def _check_pairs(settings: Settings) -> None:
    """Half a configuration would silently tell nobody anything."""
    for given, needed, what in TOGETHER:
        if _is_set(settings, given) and not _is_set(settings, needed):
            raise SettingsError(needed, "", f"{what}, needed with {given}")


def _is_set(settings: Settings, key: str) -> bool:
    value = getattr(settings, key.lower())
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)


def _holds_a_secret(text: str, env_file: Any) -> bool:
    """Two lines of `.env` are easily swapped, and an address is easily copied with its token."""
    return "token" in text.lower() or any(secret in text for secret in _named_secrets(env_file) if len(secret) > 3)


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
