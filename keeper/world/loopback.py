"""The way to Plex that no network fault can cut: this machine's loopback, where PLEX_URL is its own address.

While that address is lost, Plex on the same machine is as well as ever, but cannot be asked there who watches. What is
remembered is that the address was this machine's own; that it still is cannot be read then.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

import psutil

from keeper.errors import KeeperError

HERE = "127.0.0.1"
SECONDS = 1.0  # for connecting: nobody is nearer


class Place(NamedTuple):
    """Where Plex listens."""

    host: str
    port: int


def place(url: str) -> Place:
    parts = urlsplit(url)
    return Place(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))


def over_loopback(url: str) -> str:
    """The same address on this machine's loopback; '' for https, whose certificate is for another name."""
    parts, (host, port) = urlsplit(url), place(url)
    if parts.scheme != "http" or is_loopback(host):
        return ""
    return parts._replace(netloc=f"{HERE}:{port}").geturl()


def is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def is_own(opened: socket.socket) -> bool | None:
    """Whether a connection leads to this very machine: then both of its ends have the same address, mostly.

    None when the other side has left already.
    """
    try:
        near, far = opened.getsockname()[0], opened.getpeername()[0]
    except OSError:
        return None
    return near == far or far.partition("%")[0] in own_addresses()


class OwnAddress:
    """Whether the host of PLEX_URL is this machine's own. `noted` and `note` keep the one that was, over restarts."""

    def __init__(self, noted: Callable[[], str], note: Callable[[str], None]) -> None:
        self._noted, self._note = noted, note
        self._known: str | None = None

    def learn(self, host: str, own: bool | None) -> None:
        """What a connection that worked has shown. Written only when it is new; unwritten, it is shown again."""
        try:
            if own is not None and own != (self._remembered() == host):
                self._note(host if own else "")
                self._known = host if own else ""
        except KeeperError:
            self._known = None

    def was(self, host: str) -> bool:
        """Whether it is, or was when somebody answered there last."""
        try:
            return host in own_addresses() or self._remembered() == host
        except KeeperError:
            return False

    def is_lost(self, host: str) -> bool:
        """Whether it was this machine's own and is it no more. Asks the name service when `host` is a name."""
        own = own_addresses()
        return (
            bool(own)
            and not is_loopback(host)
            and self.was(host)
            and not any(is_loopback(each) or each in own for each in _addresses(host))
        )

    def _remembered(self) -> str:
        if self._known is None:
            self._known = self._noted()
        return self._known


def _addresses(host: str) -> set[str]:
    """What a name stands for now; empty when nobody knows."""
    try:
        return {str(found[4][0]).partition("%")[0] for found in socket.getaddrinfo(host, None)}
    except OSError:
        return set()


def own_addresses() -> set[str]:
    """This machine's own; empty when it may not read them."""
    try:
        rows = [row for found in psutil.net_if_addrs().values() for row in found]
    except (OSError, psutil.Error):
        return set()
    return {row.address.partition("%")[0] for row in rows}
