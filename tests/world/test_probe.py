"""The look at Plex through what is in between: it drops connections, speaks another scheme, or took the address."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from jobs import Brake
from keeper.errors import StoreError
from keeper.rules.causes import diagnose
from keeper.rules.types import Cause, Fact
from keeper.world.clock import SystemClock
from keeper.world.loopback import OwnAddress
from keeper.world.plex import PlexClient
from keeper.world.probe import Loopback, PlexLook

TOKEN = "a-token-of-20-letters"
STRANGER = b'<MediaContainer machineIdentifier="stranger" friendlyName="s" version="1" claimed="1"/>'


@contextmanager
def door(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a server that does this with every connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            with suppress(OSError):  # closed: the test is over
                while True:
                    opened, _ = listening.accept()
                    with closing(opened), suppress(OSError):
                        serve(opened)

        thread = threading.Thread(target=accept)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def look(url: str, pinned: Callable[[], str] = lambda: "") -> dict[str, Fact]:
    clock, brake = SystemClock(), Brake()

    def open_client(address: str, seconds: float) -> PlexClient:
        return PlexClient(address, TOKEN, seconds, clock, brake)

    way = Loopback(OwnAddress(lambda: "", lambda host: None), open_client, pinned)
    return PlexLook(
        lambda: url, clock, brake, lambda seconds: open_client(url, seconds), lambda server: 1, 1.0, way
    ).look()


def answer(opened: socket.socket, body: bytes) -> bytes:
    """Answers one request with this; what was asked."""
    asked = opened.recv(9999)
    opened.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    return asked


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder: Path = tmp_path_factory.mktemp("tls")
    key, cert = str(folder / "k.pem"), str(folder / "c.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "3"]
    subprocess.run([*command, "-subj", "/CN=x"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


@pytest.mark.parametrize("before", [lambda opened: None, lambda opened: opened.recv(999)], ids=["at once", "asked"])
@pytest.mark.parametrize(("scheme", "told"), [("http", (None, "dropped")), ("https", (False, "garbled"))])
def test_whoever_drops_what_it_accepts_is_not_taken_for_a_silent_plex(
    scheme: str, told: tuple[bool | None, str], before: Callable[[Any], None]
) -> None:
    """A proxy or tunnel that is broken, with a Plex behind it that may be well."""
    with door(before) as port:
        facts = look(f"{scheme}://127.0.0.1:{port}")
    assert facts["identity"] == told
    assert diagnose(facts | {"process": Fact(True)}) is not Cause.HUNG


def test_a_port_of_https_that_is_asked_in_http_is_not_plex(certificate: ssl.SSLContext) -> None:
    def serve(opened: socket.socket) -> None:
        certificate.wrap_socket(opened, server_side=True).close()

    with door(serve) as port:
        facts = look(f"http://127.0.0.1:{port}")
    assert facts["identity"] == (False, "garbled")
    assert diagnose(facts | {"process": Fact(True)}) is Cause.NOT_PLEX, "its sentence says: http or https?"


def test_a_port_of_http_that_is_asked_in_https_is_not_plex() -> None:
    def serve(opened: socket.socket) -> None:
        if opened.recv(1, socket.MSG_PEEK) == b"G":  # in its own language; anything else is reset, being unread
            answer(opened, STRANGER)

    with door(serve) as port:
        facts = look(f"https://127.0.0.1:{port}")
    assert facts["identity"] == (False, "garbled")


def test_a_server_with_another_id_is_not_shown_the_token() -> None:
    asked: list[bytes] = []
    with door(lambda opened: asked.append(answer(opened, STRANGER))) as port:
        facts = look(f"http://127.0.0.1:{port}", lambda: "ours")
    assert facts["same_server"] == (False, "other")
    assert "token" not in facts
    assert [each.split()[1] for each in asked if each] == [b"/identity"]
    assert not any(TOKEN.encode() in each for each in asked)
    assert diagnose(facts) is Cause.NOT_PLEX


def test_while_the_data_file_cannot_say_which_server_is_known_nobody_is_shown_the_token() -> None:
    def busy() -> str:
        raise StoreError("The data file is busy.")

    asked: list[bytes] = []
    with door(lambda opened: asked.append(answer(opened, STRANGER))) as port:
        facts = look(f"http://127.0.0.1:{port}", busy)
    assert facts["same_server"] == (None, "store")
    assert not any(TOKEN.encode() in each for each in asked)


@pytest.mark.parametrize("pinned", ["", "stranger"])
def test_the_known_server_and_the_first_one_are_shown_it(pinned: str) -> None:
    asked: list[bytes] = []
    with door(lambda opened: asked.append(answer(opened, STRANGER))) as port:
        facts = look(f"http://127.0.0.1:{port}", lambda: pinned)
    assert facts["token"].value is True
    assert any(TOKEN.encode() in each for each in asked)
