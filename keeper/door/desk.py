"""Where requests and cookies meet: which cookie is ours, who sent it, where it came from, how it is set and cleared."""

from __future__ import annotations

import ipaddress
import re
from typing import Protocol
from urllib.parse import unquote, urlsplit

import anyio
from starlette.requests import HTTPConnection, Request

from keeper.rules.types import SessionRow

DEVICE_SECONDS = 365 * 86400


class Doorkeeper(Protocol):
    """What the gate asks; auth.Doorkeeper answers."""

    @property
    def cookie_name(self) -> str: ...

    @property
    def cookie_seconds(self) -> int: ...

    def who(self, token: str) -> SessionRow | None: ...

    def renewed(self, token: str, row: SessionRow) -> str: ...

    def is_alive(self, session_id: str) -> bool: ...


class Desk:
    """The cookies of one site: that of a session, and that of a browser which logged in before."""

    def __init__(self, doorkeeper: Doorkeeper, base: str) -> None:
        self.doorkeeper = doorkeeper
        self.base = "/" + base.strip("/") if base.strip("/") else ""

    def tokens(self, connection: HTTPConnection) -> list[str]:
        """All values of our cookie: a neighbour on the same host may have set one of the same name."""
        return self._values(connection, self._name(connection))

    def device(self, connection: HTTPConnection) -> str:
        """What this browser got when it logged in before; '' for a new one."""
        return next(iter(self._values(connection, self._name(connection, "_device"))), "")

    def _values(self, connection: HTTPConnection, name: str) -> list[str]:
        prefix = name + "="
        pairs = (pair.strip() for line in connection.headers.getlist("cookie") for pair in line.split(";"))
        return [pair.removeprefix(prefix) for pair in pairs if pair.startswith(prefix)][:16]

    async def visitor(self, connection: HTTPConnection) -> tuple[SessionRow, str] | None:
        """(session, token) of who is asking. Asked anew for every request: an ended session ends at once."""
        for token in self.tokens(connection):
            row = await anyio.to_thread.run_sync(self.doorkeeper.who, token)
            if row:
                return row, token
        return None

    def cookie(self, connection: HTTPConnection, token: str) -> str:
        """The Set-Cookie line of a session; an empty token clears it."""
        return self._line(connection, self._name(connection), token, self.doorkeeper.cookie_seconds if token else 0)

    def device_cookie(self, connection: HTTPConnection, token: str) -> str:
        return self._line(connection, self._name(connection, "_device"), token, DEVICE_SECONDS)

    def _line(self, connection: HTTPConnection, name: str, token: str, age: int) -> str:
        """Lax, not Strict: links in mails must lead inside."""
        secure = "; Secure" if is_secure(connection) else ""
        return f"{name}={token}; Path={self.base or '/'}; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"

    def target(self, wanted: str) -> str:
        """Where to go after login: a path of this site, or home. Never another host, never straight out again."""
        # Browsers drop tabs and newlines and read a backslash as a slash, so '/\t/evil' would be '//evil'.
        clean = len(wanted) <= 2000 and not re.search(r"[\x00-\x20\x7f\\]", wanted)
        inside = wanted.startswith(f"{self.base}/") and not wanted.startswith("//")
        path = unquote(re.split(r"[?#]", wanted)[0]).rstrip("/")
        doors = (f"{self.base}/login", f"{self.base}/auth/logout")
        return wanted if clean and inside and path not in doors else f"{self.base}/"

    def _name(self, connection: HTTPConnection, ending: str = "") -> str:
        """With __Host- the browser itself refuses a cookie planted over plain http or by a subdomain."""
        name = self.doorkeeper.cookie_name + ending
        return f"__Host-{name}" if is_secure(connection) and not self.base else name


def is_secure(connection: HTTPConnection) -> bool:
    return connection.scope.get("scheme") in ("https", "wss")


def address_of(request: HTTPConnection) -> str:
    """Who is counted: the IPv4 address, or the /64 an IPv6 subscriber owns (he can use any address in it)."""
    host = request.client.host if request.client else ""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return "unknown"  # what cannot be an address is not kept: anybody could have written it
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))


def is_foreign(request: Request) -> bool:
    """Whether another site made the browser send this. Programs without a browser send neither header."""
    origin = request.headers.get("origin")
    if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return True
    try:
        return origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    except ValueError:  # what is no address comes from no page of ours
        return True
