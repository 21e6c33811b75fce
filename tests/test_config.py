"""Settings: what is accepted, and the sentence for what is not."""

from pathlib import Path

import pytest

from keeper import config
from keeper.errors import SettingsError
from keeper.rules.types import SpeedProvider


def load(monkeypatch, **values):
    monkeypatch.setenv("KEEPER_ENV_FILE", "/dev/null")
    for key, value in values.items():
        monkeypatch.setenv(key, value)
    return config.load(_env_file=None)


def test_without_an_address_it_is_a_demo_with_a_file_of_its_own(monkeypatch):
    settings = load(monkeypatch)
    assert settings.demo
    assert settings.db_path.name == "demo_state.db"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:32400", "https://plex.example.org/", "http://[::1]:32400", "HTTP://nas"]
)
def test_addresses_of_servers_are_accepted(monkeypatch, url):
    settings = load(monkeypatch, PLEX_URL=url, PLEX_TOKEN="t0ken")
    assert not settings.demo
    assert settings.plex_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:32400", "ftp://nas", "http://", "http://nas:99999", "http://nas:abc", "http://u:p4ss@nas", "http://:p4ss@nas",
     "http://a b", "http://nas#x", "http://nas?x=1", "http://.:9", "http://ä..x"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_showing_a_password(monkeypatch, url):
    with pytest.raises(SettingsError, match="PLEX_URL") as caught:
        load(monkeypatch, PLEX_URL=url, PLEX_TOKEN="t0ken")
    assert "p4ss" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"), [("PLEX_TIMEOUT", "soon"), ("CHECK_INTERVAL", "1"), ("PSR_COOKIE_NAME", "a;b")]
)
def test_a_wrong_value_names_key_and_value(monkeypatch, key, value):
    with pytest.raises(SettingsError, match=key) as caught:
        load(monkeypatch, **{key: value})
    assert value in str(caught.value)


def test_a_server_without_a_token_is_refused(monkeypatch):
    with pytest.raises(SettingsError, match="PLEX_TOKEN"):
        load(monkeypatch, PLEX_URL="http://nas:32400")


def test_a_named_settings_file_that_is_missing_is_no_demo(monkeypatch):
    monkeypatch.setenv("KEEPER_ENV_FILE", "/nowhere/.env")
    with pytest.raises(SettingsError, match="KEEPER_ENV_FILE"):
        config.load()


def test_home_folders_are_understood_and_secrets_never_shown(monkeypatch):
    settings = load(monkeypatch, PSR_DB_PATH="~/keeper.db", PLEX_URL="http://nas", PLEX_TOKEN="t0ken")
    assert settings.db_path == Path.home() / "keeper.db"
    assert "t0ken" not in repr(settings)
    assert settings.secrets == ["t0ken"]


def write_env(tmp_path, *lines):
    file = tmp_path / ".env"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("AIRTABLE_TOKEN=pat123456\nAIRTABLE_BASE=app1", "pat123456"),
        ("TELEGRAM_BOT_TOKEN='12:ab c'\nTELEGRAM_CHAT_ID=4711", "12:ab c"),
        ("telegram_chat_id=-100200300\nTELEGRAM_BOT_TOKEN=12:ab", "-100200300"),
        ("HEALTH_PING_URL=https://hc.example/ping/0a1b2c3d-uuid", "0a1b2c3d-uuid"),
        ("SMTP_PASS=p4ssw0rd", "p4ssw0rd"),
        ("SOME_API_KEY=k3y", "k3y"),
        ("DISCORD_WEBHOOK_URL=https://h.example/api/1/tok-5678", "https://h.example/api/1/tok-5678"),
        ("DISCORD_WEBHOOK_URL=https://h.example/api/1/tok-5678?w=1", "/api/1/tok-5678"),
        ("DISCORD_WEBHOOK_URL=https://h.example/api/1/tok-5678", "tok-5678"),
        ("DATABASE_URL=postgresql://keeper:p%40ss@db/keeper", "p@ss"),
        ("METRICS_TOKEN=0123456789abcdef", "0123456789abcdef"),
    ],
)
def test_whatever_the_settings_file_calls_a_secret_is_one(monkeypatch, tmp_path, line, secret):
    monkeypatch.delenv("KEEPER_ENV_FILE", raising=False)
    settings = config.load(_env_file=write_env(tmp_path, line))
    assert secret in settings.secrets
    assert secret not in repr(settings)


@pytest.mark.parametrize(
    "line",
    ["PLEX_URL=http://nas:32400", "MONKEY=banana", "TOKEN_FILE=/run/token", "PSR_COOKIE_NAME=door", "SECRET_DAYS=30",
     "AIRTABLE_TOKEN=", "WEB_ADDRESS=https://nas/some/long/path"],
)  # fmt: skip
def test_what_is_no_secret_stays_readable(monkeypatch, tmp_path, line):
    monkeypatch.setenv("PLEX_TOKEN", "t0ken")
    monkeypatch.delenv("KEEPER_ENV_FILE", raising=False)
    assert config.load(_env_file=write_env(tmp_path, line)).secrets == ["t0ken"]


def test_of_the_environment_only_names_that_mean_us_count(monkeypatch):
    settings = load(monkeypatch, AIRTABLE_API_KEY="keyABC", GRAFANA_WEBHOOK="https://h/x", AWS_SECRET_KEY="foreign")
    assert "keyABC" in settings.secrets and "https://h/x" in settings.secrets
    assert "foreign" not in settings.secrets


def test_a_short_token_for_the_figures_is_refused_and_not_shown(monkeypatch):
    with pytest.raises(SettingsError, match=r"METRICS_TOKEN.*at least 16") as caught:
        load(monkeypatch, METRICS_TOKEN="sh0rt")
    assert "sh0rt" not in str(caught.value)
    assert load(monkeypatch, METRICS_TOKEN="long-enough-0123").metrics_token.get_secret_value() == "long-enough-0123"


@pytest.mark.parametrize("key", ["PLEX_URL", "PLEX_TIMEOUT", "TRUSTED_PROXIES"])
def test_a_secret_on_the_wrong_line_is_not_shown(monkeypatch, key):
    with pytest.raises(SettingsError, match=key) as caught:
        load(monkeypatch, PLEX_TOKEN="xK7vQ2mZ9", **{key: "xK7vQ2mZ9"})
    assert "xK7vQ2mZ9" not in str(caught.value)


def test_an_address_copied_with_its_token_is_not_shown(monkeypatch):
    with pytest.raises(SettingsError, match="PLEX_URL") as caught:
        load(monkeypatch, PLEX_URL="http://nas:32400/?X-Plex-Token=xK7vQ2mZ9", PLEX_TOKEN="other")
    assert "xK7vQ2mZ9" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ({"AIRTABLE_TOKEN": "pat123"}, "AIRTABLE_BASE"),
        ({"AIRTABLE_BASE": "app123"}, "AIRTABLE_TOKEN"),
        ({"TELEGRAM_BOT_TOKEN": "12:ab"}, "TELEGRAM_CHAT_ID"),
        ({"TELEGRAM_CHAT_ID": "4711"}, "TELEGRAM_BOT_TOKEN"),
        ({"WEBHOOK_URL": "https://h.example/secret-path"}, "WEBHOOK_SECRET"),
        ({"WEBHOOK_SECRET": "0123456789abcdef"}, "WEBHOOK_URL"),
    ],
)
def test_half_of_a_way_to_the_outside_is_refused_and_the_other_half_named(monkeypatch, given, needed):
    with pytest.raises(SettingsError, match=f"{needed} is ''.*needed with {next(iter(given))}") as caught:
        load(monkeypatch, **given)
    assert next(iter(given.values())) not in str(caught.value)


@pytest.mark.parametrize("key", ["WEBHOOK_URL", "HEALTH_PING_URL"])
def test_a_secret_address_that_is_none_is_refused_and_not_shown(monkeypatch, key):
    with pytest.raises(SettingsError, match=f"{key}.*http") as caught:
        load(monkeypatch, **{key: "h.example/private-path", "WEBHOOK_SECRET": "0123456789abcdef"})
    assert "private-path" not in str(caught.value)


def test_of_a_secret_address_the_path_alone_is_a_secret_too(monkeypatch):
    settings = load(
        monkeypatch, WEBHOOK_URL="https://me:p4ssw0rd@h.example/in/private-path?key=k3y-k3y", WEBHOOK_SECRET="s" * 20
    )
    assert {"private-path", "p4ssw0rd", "key=k3y-k3y", "s" * 20} <= set(settings.secrets)
    assert not any(word in repr(settings) for word in ("private-path", "p4ssw0rd", "k3y-k3y"))


def test_a_short_secret_for_the_webhook_is_refused(monkeypatch):
    with pytest.raises(SettingsError, match=r"WEBHOOK_SECRET.*at least 16") as caught:
        load(monkeypatch, WEBHOOK_URL="https://h.example/x", WEBHOOK_SECRET="sh0rt")
    assert "sh0rt" not in str(caught.value)


@pytest.mark.parametrize("key", ["AIRTABLE_ENDPOINT_URL", "TELEGRAM_ENDPOINT_URL"])
def test_an_endpoint_is_an_address_without_a_password(monkeypatch, key):
    assert getattr(load(monkeypatch, **{key: "http://127.0.0.1:8080/"}), key.lower()) == "http://127.0.0.1:8080"
    with pytest.raises(SettingsError, match=key):
        load(monkeypatch, **{key: "http://me:p4ss@127.0.0.1"})


def test_the_zone_of_the_speed_test_is_a_name_or_that_of_this_machine(monkeypatch):
    assert str(load(monkeypatch).airtable_zone) == "America/New_York"
    assert load(monkeypatch, SPEED_TEST_TIMEZONE="local").airtable_zone is None
    with pytest.raises(SettingsError, match=r"SPEED_TEST_TIMEZONE.*Mars/Olympus.*IANA"):
        load(monkeypatch, SPEED_TEST_TIMEZONE="Mars/Olympus")


# ------------------------------------------------------------------------------------------------ the speed of the line


def test_without_a_word_about_it_the_line_is_measured_at_two_by_whoever_can(monkeypatch):
    monkeypatch.delenv("SPEED_TEST_PROVIDERS", raising=False)  # that of the tests stays on this machine
    settings = load(monkeypatch)
    assert (settings.speed_test_hour, settings.max_speed_test_attempts, settings.speed_test_retry_delay) == (2, 4, 3600)
    assert settings.speed_providers == tuple(SpeedProvider), "the words of the glossary, all of them, in its order"
    assert settings.speed_budget == 0


def test_providers_are_asked_in_the_order_of_the_setting_and_each_once(monkeypatch):
    settings = load(monkeypatch, SPEED_TEST_PROVIDERS=" HTTP, ookla,,http ")
    assert settings.speed_providers == ("http", "ookla")


def test_the_monthly_budget_is_counted_in_bytes(monkeypatch):
    assert load(monkeypatch, SPEED_TEST_MONTHLY_MB="2000").speed_budget == 2_000_000_000


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SPEED_TEST_HOUR", "24"), ("SPEED_TEST_HOUR", "-1"), ("SPEED_TEST_HOUR", "2:30"), ("SPEED_TEST_HOUR", "night"),
        ("MAX_SPEED_TEST_ATTEMPTS", "0"), ("MAX_SPEED_TEST_ATTEMPTS", "5"), ("MAX_SPEED_TEST_ATTEMPTS", "1.5"),
        ("SPEED_TEST_RETRY_DELAY", "3599"), ("SPEED_TEST_RETRY_DELAY", "43201"), ("SPEED_TEST_RETRY_DELAY", "1h"),
        ("SPEED_TEST_RETRY_DELAY", "nan"),
        ("SPEED_TEST_SERVER", "nearest"), ("SPEED_TEST_SERVER", "12 34"), ("SPEED_TEST_SERVER", "--list"),
        ("SPEED_TEST_PROVIDERS", "fast.com"), ("SPEED_TEST_PROVIDERS", "http;ookla"), ("SPEED_TEST_PROVIDERS", ","),
        ("SPEED_TEST_DOWNLOAD_URL", "speed.example.org"), ("SPEED_TEST_DOWNLOAD_URL", "ftp://h/{bytes}"),
        ("SPEED_TEST_UPLOAD_URL", "https://"), ("SPEED_TEST_UPLOAD_URL", "https://h/a b"),
        ("SPEED_TEST_HTTP_MB", "0"), ("SPEED_TEST_HTTP_MB", "1001"), ("SPEED_TEST_HTTP_MB", "lots"),
        ("SPEED_TEST_MONTHLY_MB", "-1"), ("SPEED_TEST_MONTHLY_MB", "2GB"),
    ],
)  # fmt: skip
def test_nonsense_about_speed_tests_is_refused_with_what_is_accepted(monkeypatch, key, value):
    with pytest.raises(SettingsError) as caught:
        load(monkeypatch, **{key: value})
    assert str(caught.value) == f"{key} is {value!r}; accepted is {config.ACCEPTED[key]}."


@pytest.mark.parametrize("key", ["SPEED_TEST_DOWNLOAD_URL", "SPEED_TEST_UPLOAD_URL"])
def test_an_address_to_measure_with_may_ask_something_but_holds_no_password(monkeypatch, key):
    address = "http://127.0.0.1:8080/speed?n={bytes}&once=1"
    assert getattr(load(monkeypatch, **{key: f" {address} "}), key.lower()) == address
    with pytest.raises(SettingsError, match=key) as caught:
        load(monkeypatch, **{key: "https://me:p4ss@h.example/x"})
    assert "p4ss" not in str(caught.value)
