"""Settings: what is accepted, and the sentence for what is not."""

from pathlib import Path

import pytest

from keeper import config
from keeper.errors import SettingsError


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
