"""Quick looks at Plex for the watchdog: facts of three values, each with its own deadline, none raises."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from keeper.errors import (
    KeeperError,
    PlexError,
    PlexForbidden,
    PlexGarbled,
    PlexNotFound,
    PlexOverloaded,
    PlexSilent,
    PlexStarting,
    PlexUnauthorized,
    PlexUnreachable,
)
from keeper.ports import Clock, Stop
from keeper.rules.types import Fact, Section, Server, Stream
from keeper.world import loopback
from keeper.world.loopback import OwnAddress
from keeper.world.plex import PlexClient

LONG = 8.0  # seconds after which a look asks nothing more; one question may take another deadline
T = TypeVar("T")
_WORDS: tuple[tuple[type[PlexError], str], ...] = (
    (PlexStarting, "starting"),
    (PlexSilent, "silent"),
    (PlexOverloaded, "overloaded"),
    (PlexGarbled, "garbled"),
    (PlexNotFound, "garbled"),
    (PlexUnauthorized, "unauthorized"),
    (PlexForbidden, "unauthorized"),
)
OTHER_SECONDS = 1.0  # for connecting, and again for the answer


@dataclass(frozen=True, slots=True)
class Loopback:
    """The other way to a Plex whose address is this machine's own, for when that address is lost."""

    own: OwnAddress
    open_client: Callable[[str, float], PlexClient]  # at that address, with that deadline per call
    pinned: Callable[[], str]  # id of the server that is known at PLEX_URL; '' = none was seen there yet


class PlexLook:
    """The PlexProbe port. `open_client(seconds)` opens a client with that deadline per call.

    The token goes to nobody whose id is not that of the server that is known at PLEX_URL, where `loopback` tells it:
    another machine may have got the address meanwhile.
    """

    def __init__(
        self,
        address: Callable[[], str],
        clock: Clock,
        stop: Stop,
        open_client: Callable[[float], PlexClient],
        pin_server: Callable[[Server], int],
        deadline: float = 5.0,
        loopback: Loopback | None = None,
    ) -> None:
        self._address, self._clock, self._stop = address, clock, stop
        self._open_client, self._pin, self._deadline = open_client, pin_server, deadline
        self._loopback = loopback
        self._sections: tuple[int, list[Section]] | None = None
        self._watching: tuple[tuple[Stream, ...] | None, int | None] = (None, None)
        self._began = 0.0

    def look(self) -> dict[str, Fact]:
        """port -> identity -> token -> count; what stands behind a failed step stays unknown.

        `asked_over` is there when the address of Plex could not be reached and is this machine's own: 'loopback', or
        None with the reason why that told nothing either. The `port` is None 'no_way' then when this machine has lost
        that address: silence there says nothing about Plex.
        """
        self._sections, self._watching = None, (None, None)
        self._began = self._clock.monotonic()
        address = self._address()
        port = self._port(address, min(3.0, self._deadline))
        if port.value is True:
            return {"port": port} | self._asked_by(self._open_client(self._deadline), address)
        if port.value is None and self._loopback:
            lost = self._loopback.own.is_lost(loopback.place(address).host)
            told = Fact(None, "no_way") if lost else port
            return {"port": told} | self._over_loopback(address, self._loopback, port.detail)
        return {"port": port}

    def _asked_by(self, client: PlexClient, address: str) -> dict[str, Fact]:
        try:
            facts = self._identity(client)
            if facts["identity"].detail == "unreachable":  # it accepted, and then broke off
                return {"identity": Fact(False, "garbled") if _other_scheme(address) else Fact(None, "dropped")}
            if facts["identity"].value is not True:
                return facts
            stranger = self._stranger(facts["identity"])
            return facts | ({"same_server": stranger} if stranger else self._behind_the_token(client))
        finally:
            client.close()

    def _stranger(self, identity: Fact) -> Fact | None:
        """Why the one who said this is shown no token; None = the known server, or the first that was ever seen."""
        try:
            pinned = self._loopback.pinned() if self._loopback else ""
        except KeeperError as problem:
            return Fact(None, problem.code)
        return Fact(False, "other") if pinned and pinned != identity.detail else None

    def _over_loopback(self, address: str, way: Loopback, why: str) -> dict[str, Fact]:
        """The same look by the loopback. It counts only when our server says there who it is: whoever is silent may
        be anybody, and Plex may well listen elsewhere."""
        near = loopback.over_loopback(address)
        if not near or not way.own.was(loopback.place(address).host):
            return {}
        port = self._port(near, loopback.SECONDS)
        if port.value is not True:  # a container may listen at the lost address alone
            return {"asked_over": Fact(None, port.detail)}
        client = way.open_client(near, self._deadline)
        try:
            facts = self._identity(client)
            word = self._is_ours(facts["identity"], way)
            if word:
                return {"asked_over": Fact(None, word)}
            facts |= {"port": port, "asked_over": Fact("loopback", why)}
            return facts | self._behind_the_token(client)
        finally:
            client.close()

    @staticmethod
    def _is_ours(identity: Fact, way: Loopback) -> str:
        """'' = it is. The token goes to nobody who has not the id of the server that is known."""
        if identity.value is not True:
            return identity.detail
        try:
            return "" if identity.detail == way.pinned() else "other"
        except KeeperError as problem:
            return problem.code

    def was_here(self, host: str) -> bool:
        """Whether that is this machine's own address, or was when somebody answered there last."""
        return self._loopback is not None and self._loopback.own.was(host)

    def is_known(self, client: PlexClient) -> bool:
        """Whether the server that is known at PLEX_URL answers there now; asked without the token."""
        identity = self._identity(client)["identity"]
        return identity.value is True and self._stranger(identity) is None

    def sections(self) -> tuple[int, list[Section]] | None:
        """What the last look saw; None = it could not."""
        return self._sections

    def watching(self) -> tuple[tuple[Stream, ...] | None, int | None]:
        """(streams, recordings) of the last look; None = could not be asked."""
        return self._watching

    def _port(self, address: str, seconds: float) -> Fact:
        where = loopback.place(address)
        try:
            with socket.create_connection(where, timeout=seconds) as opened:
                self._learn(where.host, opened)
                return Fact(True)
        except ConnectionRefusedError:
            return Fact(False, "refused")
        except socket.gaierror:
            return Fact(False, "no_name")
        except OSError as problem:
            return Fact(None, type(problem).__name__)

    def _learn(self, host: str, opened: socket.socket) -> None:
        if self._loopback and not loopback.is_loopback(host):
            self._loopback.own.learn(host, loopback.is_own(opened))

    def _identity(self, client: PlexClient) -> dict[str, Fact]:
        began = self._clock.monotonic()
        try:
            identity = client.identity()
        except KeeperError as problem:
            return {"identity": _told(problem)}
        milliseconds = round((self._clock.monotonic() - began) * 1000, 1)
        return {
            "identity": Fact(True, identity["id"]),
            "claimed": Fact(identity["claimed"] != "0"),
            "version": Fact(identity["version"]),
            "response_ms": Fact(milliseconds),
        }

    def _behind_the_token(self, client: PlexClient) -> dict[str, Fact]:
        try:
            server = client.server()
        except KeeperError as problem:
            return {"token": _told(problem)}
        facts = {"token": Fact(True), "name": Fact(server.name)}
        try:
            server_id = self._pin(server)
        except KeeperError as problem:
            return facts | {"same_server": Fact(False, "other" if isinstance(problem, PlexError) else "unknown")}
        facts |= {"same_server": Fact(True)} | self._library(client, server_id)
        return facts | self._of_itself(client, server.version)

    def _library(self, client: PlexClient, server_id: int) -> dict[str, Fact]:
        began = self._clock.monotonic()
        try:
            sections = client.sections()
            if sections:
                client.count(sections[0])
        except KeeperError as problem:
            return {"count": _told(problem, otherwise="failed")}
        self._sections = (server_id, sections)
        return {"count": Fact(True), "count_ms": Fact(round((self._clock.monotonic() - began) * 1000, 1))}

    def _of_itself(self, client: PlexClient, version: str) -> dict[str, Fact]:
        """Who watches, what is recorded, updates, remote access. Not being able to ask is not 'nobody' or 'no'."""
        streams, why = self._asked(client.streams)
        recordings, _ = self._asked(client.recordings)
        updating, _ = self._asked(lambda: client.is_updating(version))
        reachable, _ = self._asked(client.is_reachable)
        self._watching = (streams, recordings)
        return {
            "sessions": Fact(float(len(streams)) if streams is not None else None, why),
            "recordings": Fact(float(recordings) if recordings is not None else None),
            "plex_updating": Fact(updating),
            "mapping": Fact(reachable),
        }

    def _asked(self, question: Callable[[], T]) -> tuple[T | None, str]:
        """The answer, or None and why. Once the look has taken long, nothing more is asked."""
        if self._clock.monotonic() - self._began > LONG:
            return None, "too late"
        try:
            return question(), ""
        except KeeperError as problem:
            return None, problem.code


def _other_scheme(url: str) -> bool:
    """Whether that port speaks https where http was asked for, or the other way round. No certificate is checked,
    and nothing secret is said."""
    try:
        with socket.create_connection(loopback.place(url), timeout=OTHER_SECONDS) as opened:
            opened.settimeout(OTHER_SECONDS)
            return _speaks_http(opened) if url.startswith("https:") else _speaks_tls(opened)
    except OSError:
        return False


def _speaks_tls(opened: socket.socket) -> bool:
    any_certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    any_certificate.check_hostname, any_certificate.verify_mode = False, ssl.CERT_NONE
    try:
        any_certificate.wrap_socket(opened).close()
    except ssl.SSLError as problem:
        return "ALERT" in (problem.reason or "")  # refused, but in the right language
    return True


def _speaks_http(opened: socket.socket) -> bool:
    opened.sendall(b"GET /identity HTTP/1.0\r\nConnection: close\r\n\r\n")
    return opened.recv(64).split(b" ")[:2] in ([b"HTTP/1.0", b"200"], [b"HTTP/1.1", b"200"])


def _told(problem: KeeperError, otherwise: str = "") -> Fact:
    """False with a word when the server told us so; None when nothing can be concluded."""
    for kind, word in _WORDS:
        if isinstance(problem, kind):
            return Fact(False, word)
    if isinstance(problem, PlexUnreachable):
        return Fact(None, "unreachable")
    return Fact(False, otherwise) if otherwise else Fact(None, problem.code)
