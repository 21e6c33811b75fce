"""What `doctor` asks about the network: step by step to plex.tv, what stands in between, and the clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from keeper.doctor.watchdog import Finding
from keeper.errors import KeeperError
from keeper.house.watchtower import is_here
from keeper.rules.types import Check, Fact
from keeper.wiring import House

MOST_SECONDS_APART = 60.0  # between two clocks that count as right
SET_CLOCK = "Let this machine set its clock by the network: timedatectl set-ntp true (macOS: General, Date & Time)."

#: Of the machine's own side, in order: what a 'no' means, and how it is mended.
_OWN_SIDE: Mapping[str, tuple[str, str]] = {
    "link_up": ("is switched off", "Switch it on, for example: ip link set dev {interface} up"),
    "carrier": ("has no link", "Look after the cable, the switch or the access point."),
    "address": ("has no usable address", "Look after the router that gives out addresses (DHCP), or set one by hand."),
    "route": ("has no default route", "Look after the router that gives out addresses (DHCP), or set one by hand."),
}
#: Further steps: fact, name, what yes means, what no means, how it is mended.
_STEPS = (
    ("gateway", "router", "The router answers.", "The router does not answer.", "Look after the router."),
    ("internet", "endpoints", "At least one of {endpoints} answers.", "None of {endpoints} answers.",
     "Look after the line; where only other addresses may be reached, name those in NETWORK_TEST_ENDPOINTS."),
    ("dns", "name service", "Names are found.", "Names are not found.",
     "Look after the name servers in /etc/resolv.conf, or those that the router gives out."),
    ("dns_local", "name servers", "The configured name servers answer.", "The configured name servers do not answer.",
     "Look after the name servers in /etc/resolv.conf, or those that the router gives out."),
    ("plex_tv", "plex.tv", "plex.tv answers with its own certificate.", "plex.tv does not answer as it should.",
     "If all else is well, wait: it is not in your house."),
)  # fmt: skip


def network(house: House, check: Check) -> Iterator[Finding]:
    """The steps of the network look, each with what it came to."""
    if "interface" not in check.facts:
        yield Finding("network", None, "The network is not looked at (demo, or NETWORK_TEST_ENDPOINTS=none).")
        return
    yield _own_side(check.facts)
    endpoints = ", ".join(house.settings.endpoints)
    for fact, name, yes, no, mend in _STEPS:
        seen = check.facts.get(fact, Fact(None, "nobody looked"))
        if seen.value is True:
            yield Finding(name, True, yes.format(endpoints=endpoints))
        elif seen.value is False:
            yield Finding(name, False, f"{no.format(endpoints=endpoints)} ({seen.detail})", mend)
        else:
            yield Finding(name, None, f"Cannot be told: {seen.detail}.")


def _own_side(facts: Mapping[str, Fact]) -> Finding:
    interface = str(facts["interface"].value or "The interface (it is not known which one)")
    for name, (is_wrong, mend) in _OWN_SIDE.items():
        if facts.get(name, Fact(None)).value is False:
            return Finding("network interface", False, f"{interface} {is_wrong}.", mend.format(interface=interface))
    if all(facts.get(name, Fact(None)).value is True for name in _OWN_SIDE):
        return Finding("network interface", True, f"{interface}: up, with a link, an address and a default route.")
    unknown = [name for name in _OWN_SIDE if facts.get(name, Fact(None)).value is None]
    return Finding("network interface", None, f"{interface}: cannot be told: {', '.join(unknown)}.")


def address(house: House, check: Check) -> Iterator[Finding]:
    """Plex on this machine whose address is lost: it is well, and yet nothing reaches it at PLEX_URL."""
    over = check.facts.get("asked_over")
    if over is not None and over.value == "loopback":
        port = urlsplit(house.settings.plex_url).port or 80
        yield Finding(
            "plex address", False,
            f"This machine has lost the address in PLEX_URL ({over.detail}); Plex answers on its loopback.",
            f"Put PLEX_URL=http://127.0.0.1:{port} into .env: that works however the network is.",
        )  # fmt: skip


# ---------------------------------------------------------------------------- proxies


def proxies(house: House, check: Check) -> Iterator[Finding]:
    """Proxies of the environment. Plex Keeper goes past them; programs that it starts may not."""
    found = {scheme: where for scheme, where in getproxies_environment().items() if scheme in ("http", "https", "all")}
    if not found:
        yield Finding("proxies", True, "The environment names no proxy.")
        return
    named = ", ".join(f"{scheme.upper()}_PROXY ({_host_and_port(where)})" for scheme, where in found.items())
    direct = check.facts.get("internet", Fact(None)).value
    if direct is False:
        ways = ",".join(dict.fromkeys(map(_host_and_port, found.values())))
        yield Finding(
            "proxies", False, f"{named} is set, and nothing outside answers without it: perhaps nothing is meant to.",
            f"Then let the watchdog ask the proxy: NETWORK_TEST_ENDPOINTS={ways}",
        )  # fmt: skip
        return
    swallowed = [host for host in _called(house) if not proxy_bypass(host)]
    if swallowed:
        yield Finding(
            "proxies", None,
            f"{named} would take calls to {' and '.join(swallowed)}. Plex Keeper goes past it; commands of yours that "
            "it starts may not.",
            f"Add {','.join(swallowed)} to NO_PROXY.",
        )  # fmt: skip
    else:
        past = " and ".join(_called(house))
        yield Finding("proxies", True, f"{named} is set, and NO_PROXY lets calls to {past} past.")


def _called(house: House) -> list[str]:
    return [host for host in (urlsplit(house.settings.plex_url).hostname, "plex.tv") if host]


def _host_and_port(proxy: str) -> str:
    """Without the password that may stand in it."""
    netloc = urlsplit(proxy if "://" in proxy else f"//{proxy}").netloc
    return netloc.rpartition("@")[2] or "no address"


# ---------------------------------------------------------------------------- the clock


def clock(house: House, check: Check) -> Iterator[Finding]:
    """Whether this machine knows what time it is, and who says so."""
    certificate = check.facts.get("plex_tv", Fact(None))
    apart = None if is_here(urlsplit(house.settings.plex_url).hostname or "") else _seconds_apart(house)
    yield clock_finding(certificate, apart)


def clock_finding(certificate: Fact, apart: float | None) -> Finding:
    """`apart` = seconds that Plex on another machine is ahead of this one; None = not known, or it is this machine."""
    if certificate.detail == "clock":
        said = "The certificate of plex.tv is not valid at the time of this machine."
        return Finding("clock", False, said, SET_CLOCK)
    if apart is not None:
        wrong = abs(apart) > MOST_SECONDS_APART
        ahead = "ahead of" if apart > 0 else "behind"
        sentence = f"By the Date it sends, Plex is {abs(apart):.0f} s {ahead} this machine."
        if not wrong:
            return Finding("clock", True, sentence)
        return Finding("clock", False, f"{sentence} One of the two clocks is wrong.", SET_CLOCK)
    if certificate.value is True:
        return Finding("clock", True, "Roughly right: the certificate of plex.tv is valid at the time of this machine.")
    return Finding("clock", None, "Nobody could be asked for the time: Plex has the same clock, or does not tell it.")


def _seconds_apart(house: House) -> float | None:
    """None when Plex cannot be asked or sends no Date; to the second, which is what that header tells."""
    client = house.open_client(house.settings.plex_timeout, house.probe_brake)
    try:
        began = house.clock.now()
        date = client.identity()["date"]
        return seconds_ahead(date, began + (house.clock.now() - began) / 2)
    except KeeperError:
        return None
    finally:
        client.close()


def seconds_ahead(date: str, now: datetime) -> float | None:
    """How far a Date header (RFC 9110) is ahead of `now`; None when it is none."""
    try:
        told = parsedate_to_datetime(date)
    except ValueError:
        return None
    told = told if told.tzinfo else told.replace(tzinfo=UTC)
    return (told - now).total_seconds()
