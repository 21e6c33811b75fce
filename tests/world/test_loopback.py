"""Plex on this machine, asked over the loopback while its address is lost: in a network namespace, and by itself."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs import Brake
from keeper.errors import StoreError
from keeper.world.clock import SystemClock
from keeper.world.loopback import OwnAddress, is_own, over_loopback
from keeper.world.probe import Loopback, PlexLook

ROOT = Path(__file__).resolve().parents[2]
INSIDE = Path(__file__).with_name("loopback_inside.py")
NOBODY = "255.255.255.255"  # TCP to it ends at once, in this machine's own kernel


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each step came to, see loopback_inside."""
    if not shutil.which("ip") or subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode:
        pytest.skip("network namespaces cannot be made here")
    command = ["unshare", "-rn", sys.executable, str(INSIDE), str(tmp_path_factory.mktemp("house"))]
    ran = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                         capture_output=True, text=True, timeout=120)  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2000:]
    return dict(json.loads(ran.stdout))


def test_while_the_address_is_there_plex_is_asked_at_it(told: dict[str, Any]) -> None:
    for step in ("well", "back"):
        assert told[step]["port"] == [True, ""]
        assert "asked_over" not in told[step]


def test_when_the_address_is_lost_plex_says_over_the_loopback_who_watches(told: dict[str, Any]) -> None:
    seen = told["lost"]
    assert seen["address"][0] is False
    assert seen["asked_over"][0] == "loopback"
    assert (seen["port"][0], seen["same_server"][0], seen["sessions"][0]) == (True, True, 1.0)
    assert seen["cause"] == "no_address", "Plex is well, so the network is the cause"


def test_the_doctor_names_the_lost_address_and_a_way_out_of_it(told: dict[str, Any]) -> None:
    """In a real network that has lost it: (name, ok, sentence, mend) of each finding."""
    _, plex_ok, sentence, mend = told["doctor"]["plex address"]
    assert plex_ok is False
    assert "has lost the address in PLEX_URL" in sentence
    assert mend.startswith("Put PLEX_URL=http://127.0.0.1:")
    _, interface_ok, sentence, _ = told["doctor"]["network interface"]
    assert (interface_ok, sentence) == (False, "d0 has no usable address.")
    assert told["doctor"]["endpoints"][1] is None, "behind a broken step nothing is called broken"


def test_that_the_address_was_its_own_outlasts_a_restart_of_the_service(told: dict[str, Any]) -> None:
    assert told["lost, and the service was restarted"] == told["lost"]


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ("gone", "refused"), ("another server", "other"), ("somebody else is there", "garbled"),
        ("silent", "silent"), ("starting", "starting"),
    ],
)  # fmt: skip
def test_who_is_not_the_known_server_proves_nothing_about_plex(told: dict[str, Any], step: str, why: str) -> None:
    seen = told[step]
    assert seen["asked_over"] == [None, why]
    assert seen["port"] == [None, "no_way"]
    assert not {"identity", "same_server"} & seen.keys()
    assert seen["cause"] == "no_address"


def test_the_token_is_not_shown_to_a_server_with_another_id(told: dict[str, Any]) -> None:
    assert told["another server"]["asked"] == ["GET /identity"]


# ------------------------------------------------------------------------------------------------ by itself


class Notes:
    """The note in the store."""

    def __init__(self, text: str = "", broken: bool = False) -> None:
        self.text, self.broken, self.written = text, broken, 0

    def read(self) -> str:
        if self.broken:
            raise StoreError("The data file is busy.")
        return self.text

    def write(self, text: str) -> None:
        self.read()
        self.text, self.written = text, self.written + 1

    def own(self) -> OwnAddress:
        return OwnAddress(self.read, self.write)


def look_at(address: str, own: OwnAddress) -> PlexLook:
    def never(*_: object) -> Any:
        raise AssertionError("nobody is to be asked")

    return PlexLook(lambda: address, SystemClock(), Brake(), never, never, loopback=Loopback(own, never, never))


@pytest.mark.parametrize("own", [Notes(), Notes("192.0.2.1"), Notes(NOBODY, broken=True)])
def test_another_machine_is_not_looked_for_on_this_one(own: Notes) -> None:
    assert look_at(f"http://{NOBODY}:32400", own.own()).look().keys() == {"port"}


def test_https_is_not_tried_because_its_certificate_is_for_another_name() -> None:
    assert look_at(f"https://{NOBODY}:32400", Notes(NOBODY).own()).look().keys() == {"port"}


class NoWay:
    """The socket module for a probe whose connecting takes for ever."""

    gaierror = socket.gaierror

    @staticmethod
    def create_connection(*_: object, **__: object) -> socket.socket:
        raise TimeoutError


@pytest.mark.parametrize(
    ("host", "noted", "detail"),
    [
        ("192.0.2.5", "192.0.2.5", "no_way"), ("192.0.2.5", "", "TimeoutError"),  # it was ours; it never was
        ("nas.invalid", "nas.invalid", "no_way"), ("localhost", "localhost", "TimeoutError"),  # it is ours still
    ],
)  # fmt: skip
def test_silence_at_an_address_that_was_lost_is_no_silence_of_plex(
    monkeypatch: pytest.MonkeyPatch, host: str, noted: str, detail: str
) -> None:
    """Else a Plex that is well would be taken for hung, and started again all day long."""
    monkeypatch.setattr("keeper.world.probe.socket", NoWay)
    facts = look_at(f"https://{host}:32400", Notes(noted).own()).look()
    assert facts["port"] == (None, detail)


def test_an_address_that_cannot_be_compared_is_not_called_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keeper.world.loopback.own_addresses", set)
    assert not Notes("192.0.2.5").own().is_lost("192.0.2.5")


def test_nobody_at_the_loopback_is_told_with_the_reason() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # bound and not listening: refused
        facts = look_at(f"http://{NOBODY}:{free.getsockname()[1]}", Notes(NOBODY).own()).look()
    assert facts["asked_over"] == (None, "refused")
    assert facts["port"] == (None, "no_way")


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("http://192.168.1.5:32400", "http://127.0.0.1:32400"), ("http://nas", "http://127.0.0.1:80"),
        ("http://[fd00::5]:32400/plex", "http://127.0.0.1:32400/plex"), ("https://192.168.1.5:32400", ""),
        ("http://127.0.0.1:32400", ""), ("http://localhost:32400", ""), ("http://[::1]:32400", ""),
    ],
)  # fmt: skip
def test_the_same_address_on_the_loopback(address: str, near: str) -> None:
    assert over_loopback(address) == near


def test_what_is_known_is_written_once_and_forgotten_when_another_machine_answers_there() -> None:
    notes = Notes()
    own = notes.own()
    for _ in range(3):
        own.learn("192.0.2.5", own=True)
    assert (notes.text, notes.written) == ("192.0.2.5", 1)
    assert notes.own().was("192.0.2.5"), "another process reads it in the store"
    own.learn("192.0.2.5", own=None)
    assert own.was("192.0.2.5"), "a connection that told nothing changes nothing"
    own.learn("192.0.2.5", own=False)
    assert not own.was("192.0.2.5")
    assert notes.text == ""


def test_an_address_of_another_server_does_not_make_it_forget() -> None:
    notes = Notes("192.0.2.5")
    notes.own().learn("192.0.2.9", own=False)
    assert notes.text == "192.0.2.5"


def test_what_cannot_be_written_now_is_written_later() -> None:
    notes = Notes(broken=True)
    own = notes.own()
    own.learn("192.0.2.5", own=True)
    notes.broken = False
    own.learn("192.0.2.5", own=True)
    assert notes.text == "192.0.2.5"


def test_both_ends_of_a_connection_to_oneself_have_one_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        with socket.create_connection(door.getsockname()) as opened:
            assert is_own(opened) is True
        with socket.socket() as unconnected:
            assert is_own(unconnected) is None
