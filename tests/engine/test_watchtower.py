"""What the watchdog is built of: where Plex is can change while the service runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from pydantic import SecretStr

from keeper.config import Settings
from keeper.demo.process import DemoPlex
from keeper.rules.types import Action, Server
from keeper.wiring import House

ADDRESS = "192.0.2.77"
LOOPBACK = {"lo": [SimpleNamespace(address="127.0.0.1")]}
WITH_IT = {**LOOPBACK, "eth0": [SimpleNamespace(address=ADDRESS)]}


def settings(folder: Path, url: str) -> Settings:
    return Settings(
        _env_file=None, plex_url=url, plex_token=SecretStr("a-token-of-20-letters"), psr_db_path=folder / "keeper.db",
        host_kind="linux", network_test_endpoints="none",
    )  # fmt: skip


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Built before the network of this machine was up."""
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: LOOPBACK)
    with closing(House(settings(tmp_path, f"http://{ADDRESS}:32400"))) as built:
        yield built


def is_seen(house: House) -> bool:
    """Whether Plex is looked for on this machine."""
    machine = house.watchtower.machine
    told = [machine.look()["process"].detail == "elsewhere"]
    told.append("another machine" in machine.abilities()[Action.RESTART_PLEX].sentence)
    assert told[0] is told[1], "looking and acting agree"
    return not told[0]


def test_plex_is_here_as_soon_as_this_machine_has_its_address(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service may start before the network does; it is not restarted for that."""
    assert not is_seen(house)
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: WITH_IT)
    assert is_seen(house)


def test_plex_stays_here_while_this_machine_has_lost_its_address(house: House) -> None:
    assert not is_seen(house)
    house.memory.note("watch.own_address", ADDRESS, "watchdog")
    with closing(House(house.settings)) as restarted:
        assert is_seen(restarted)


def test_the_limits_are_counted_by_the_boot_and_not_by_the_name_of_the_machine(house: House) -> None:
    boot = house.watchtower.moment().boot
    assert boot
    assert house.host.me().boot.endswith(f":{boot}")


def test_a_stranger_at_the_address_is_not_asked_to_map_a_port(tmp_path: Path) -> None:
    with DemoPlex(library="small") as plex, closing(House(settings(tmp_path, plex.url))) as house:
        house.pin_server(Server("of another server", "Plex", "1"))
        acted = house.watchtower._map_port_again()
        asked = list(plex.stats()["requests"])
    assert (acted.done, asked) == (False, ["GET /identity"])
