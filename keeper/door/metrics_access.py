"""Who may read /metrics: programs on this machine, and whoever knows METRICS_TOKEN. No cookie opens it."""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

#: What a proxy adds. Whoever it speaks for is not on this machine, though the proxy itself may be.
_FORWARDED = {"forwarded", "via", "x-real-ip"}
_FORWARDED_START = "x-forwarded-"
_BLANK = " \t"
_HOST = re.compile(r"(?:(?P<name>[a-z0-9.-]+)|\[(?P<six>[0-9a-f:.]+)\])(?::[0-9]{1,5})?")


def may_read(scope_client_host: str | None, headers: Mapping[str, str], token: str) -> bool:
    """Whether this request may see the figures: the token from anywhere, or no token straight from this machine.

    `scope_client_host` is the peer's address as the server knows it, `headers` those of the request (names in any
    case), `token` is METRICS_TOKEN, '' for none. Raises nothing.
    """
    sent: dict[str, list[str]] = {}
    for name, value in headers.items():
        sent.setdefault(name.lower(), []).append(value)
    return _knows(token, sent.get("authorization", [])) or _is_program_here(scope_client_host, sent)


def _knows(token: str, authorizations: list[str]) -> bool:
    right = token.strip(_BLANK).encode()
    if not right or len(authorizations) != 1:
        return False
    scheme, _, said = authorizations[0].partition(" ")
    # A header arrives as bytes, and is shown as if they were Latin-1.
    same = secrets.compare_digest(right, said.strip(_BLANK).encode("latin-1", "replace"))
    return same and scheme.lower() == "bearer"


def _is_program_here(peer: str | None, sent: dict[str, list[str]]) -> bool:
    """A direct caller on this machine who is no web page: neither one of another site, nor one that pretends by its
    name server to live here (then the Host is the name of that site)."""
    forwarded = any(name in _FORWARDED or name.startswith(_FORWARDED_START) for name in sent)
    hosts = sent.get("host", [])
    if forwarded or not _is_loopback(peer or "") or len(hosts) != 1 or not _names_this_machine(hosts[0]):
        return False
    origins, sites = sent.get("origin", []), sent.get("sec-fetch-site", [])
    return all(_place(origin) == hosts[0].lower() for origin in origins) and set(sites) <= {"none", "same-origin"}


def _place(origin: str) -> str:
    """host:port of an Origin; '' for 'null' and for what is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _names_this_machine(host: str) -> bool:
    """A Host header such as localhost:8501, 127.0.0.1 or [::1]:8501."""
    found = _HOST.fullmatch(host.lower())
    return found is not None and (found["name"] == "localhost" or _is_loopback(found["name"] or found["six"]))


def _is_loopback(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
