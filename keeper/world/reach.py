"""Single questions to the network, each answered with one word before its deadline. No ICMP: it needs privileges.

open, refused (somebody is there and says no), silent, unreachable (the network says that the way ends), no_route (this
machine says so), blocked (this machine's own rules forbid asking), failed (nothing can be concluded).
"""

from __future__ import annotations

import errno
import socket
import ssl
from urllib.parse import urlsplit

from keeper.world.patience import Deadline

_WORDS = {
    errno.EHOSTUNREACH: "unreachable",
    errno.EHOSTDOWN: "unreachable",
    errno.ENETUNREACH: "no_route",
    errno.ENETDOWN: "no_route",
    errno.EADDRNOTAVAIL: "no_route",
    errno.EACCES: "blocked",
    errno.EPERM: "blocked",
}
#: X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL's x509_vfy.h.
_CLOCK_CODES = {9, 10}
_BIGGEST_HEAD = 8192  # bytes


def word_of(problem: OSError) -> str:
    """What an error of a socket tells about the one at the other end."""
    if isinstance(problem, TimeoutError):
        return "silent"
    if isinstance(problem, ConnectionError):
        return "refused"
    return _WORDS.get(problem.errno or 0, "failed")


def is_numeric(host: str) -> bool:
    """Whether this is an address, and no name that somebody would have to be asked about."""
    return _numeric(host, 0) is not None


def is_v6(host: str) -> bool:
    return ":" in host


def open_socket(host: str, port: int, kind: socket.SocketKind, deadline: Deadline) -> socket.socket:
    """A connected socket to a numeric address, scope included ('fe80::1%eth0'). Raises OSError."""
    found = _numeric(host, port, kind)
    if found is None:
        raise OSError(f"{host} is no address")
    family, address = found
    opened = socket.socket(family, kind)
    try:
        opened.settimeout(deadline.timeout())
        opened.connect(address)
    except BaseException:
        opened.close()
        raise
    return opened


def _numeric(
    host: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM
) -> tuple[int, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]] | None:
    try:
        rows = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST)
    except (OSError, ValueError):
        return None
    return rows[0][0], rows[0][4]


def tcp(host: str, port: int, deadline: Deadline) -> str:
    """Knocks at a port of a numeric address."""
    try:
        open_socket(host, port, socket.SOCK_STREAM, deadline).close()
    except OSError as problem:
        return word_of(problem)
    return "open"


def tls(host: str, port: int, name: str, context: ssl.SSLContext, deadline: Deadline) -> str:
    """A verified handshake: 'open'; 'certificate' = somebody else answers; 'clock' = not valid at our time."""
    try:
        with open_socket(host, port, socket.SOCK_STREAM, deadline) as opened:
            opened.settimeout(deadline.timeout())  # Python counts it for the handshake as a whole
            context.wrap_socket(opened, server_hostname=name).close()
    except ssl.SSLCertVerificationError as problem:
        return "clock" if problem.verify_code in _CLOCK_CODES else "certificate"
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        return "refused"
    except ssl.SSLError as problem:  # an alert is a word of a real TLS server, anything else is none of its
        return "refused" if "ALERT" in (problem.reason or "") else "certificate"
    except OSError as problem:
        return word_of(problem)
    return "open"


def http(host: str, port: int, name: str, deadline: Deadline) -> str:
    """Asks for the start page: own = sent on to the name's own pages, foreign = somebody else answers, '' = unclear."""
    try:
        with open_socket(host, port, socket.SOCK_STREAM, deadline) as opened:
            opened.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
            head = b""
            while b"\r\n\r\n" not in head and len(head) < _BIGGEST_HEAD and deadline.left():
                opened.settimeout(deadline.timeout())
                more = opened.recv(2048)
                if not more:
                    break
                head += more
    except OSError:
        return ""
    return page_word(head.decode("latin-1"), name)


def page_word(head: str, name: str) -> str:
    """plex.tv sends everybody on to its https; a portal sends them to itself, or shows its page (511: RFC 6585)."""
    first, *fields = head.split("\r\n\r\n")[0].split("\r\n")
    status = first[9:12]
    if not first.startswith("HTTP/") or not status.isdigit():
        return ""
    if status.startswith("2") or status == "511":
        return "foreign"
    if not status.startswith("3"):
        return ""
    location = next((f.partition(":")[2].strip() for f in fields if f.lower().startswith("location:")), "")
    try:
        goal = urlsplit(location).hostname or ""
    except ValueError:
        return ""
    if not goal:
        return ""
    return "own" if goal == name or goal.endswith(f".{name}") else "foreign"
