"""From facts to one root cause. What is told first explains what stands below it; unknown proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from keeper.rules.types import Cause, Fact

GRACE_SECONDS = 300.0  # a closed port or silence this soon after a start is 'starting'

SENTENCES: Mapping[Cause, str] = {
    Cause.OK: "Plex answers and accepts the token.",
    Cause.STARTING: "Plex is starting or migrating its database; it says so itself. Nothing to do but wait.",
    Cause.UPDATING: "Plex is being updated. Everything else waits until that is over.",
    Cause.DOWN: "Nothing listens at the address of Plex.",
    Cause.STOPPED_BY_OWNER: "Plex was stopped in good order. It stays stopped until its owner starts it.",
    Cause.NO_NAME: "The name in PLEX_URL is not known: a typo, or the name service of this network is down.",
    Cause.HUNG: "Plex accepts connections but does not answer.",
    Cause.OVERLOADED: "Plex, or a proxy in front of it, says that it is overloaded.",
    Cause.DB_TROUBLE: "Plex answers, but its library does not: the database is busy or damaged.",
    Cause.UNAUTHORIZED: "Plex does not accept the token. Put a new one into PLEX_TOKEN.",
    Cause.UNCLAIMED: "The server belongs to nobody: sign in to it once at its own address and claim it.",
    Cause.NOT_PLEX: (
        "Something answers at PLEX_URL, but not (or no longer) the Plex server: http or https, no /web, the right port?"
    ),
    Cause.MOUNT_MISSING: "A folder of the library is missing, empty or does not answer. Do not empty the trash.",
    Cause.DISK_FULL: "A disk that Plex needs is nearly full.",
    Cause.LINK_ADMIN_DOWN: "The network interface is switched off.",
    Cause.LINK_DOWN: "The network interface has no link: cable, switch or access point.",
    Cause.NO_ADDRESS: "The network interface has no usable address.",
    Cause.NO_ROUTE: "There is no way out of this machine: the default route is missing.",
    Cause.GATEWAY_DOWN: "The router does not answer.",
    Cause.DNS_STUB: "The name service of this machine is dead, while the name servers answer.",
    Cause.DNS_DOWN: "The configured name servers do not answer.",
    Cause.CAPTIVE_PORTAL: "Somebody else answers for plex.tv: a login page of the network, or an interception.",
    Cause.CLOCK_WRONG: "The clock of this machine is wrong: certificates are not valid at its time.",
    Cause.INTERNET_DOWN: "The router answers, but nothing beyond it does.",
    Cause.PLEX_TV_DOWN: "All is well here; only plex.tv does not answer.",
    Cause.REMOTE_ACCESS_LOST: "Plex cannot be reached from outside any more.",
    Cause.CRASHING: "Plex keeps ending shortly after its start. Its own log says why; a restart would not help.",
    Cause.UNREACHABLE: "The network is well, but the machine of Plex does not answer: is it switched off?",
    Cause.MOVED: "Plex is well, but PLEX_URL names an address that this machine no longer has.",
    Cause.UNKNOWN: "The look itself failed; nothing is known for sure.",
}

#: While one of these reigns, a scan of ours waits: it would make things worse, or take what is hidden for gone.
HOLDS_SCANS = frozenset({
    Cause.UPDATING, Cause.MOUNT_MISSING, Cause.DB_TROUBLE, Cause.HUNG, Cause.OVERLOADED, Cause.CRASHING,
})  # fmt: skip

#: While one of these reigns, nothing beyond this house can be reached.
NO_LINE = frozenset({
    Cause.INTERNET_DOWN, Cause.GATEWAY_DOWN, Cause.LINK_ADMIN_DOWN, Cause.LINK_DOWN, Cause.NO_ADDRESS, Cause.NO_ROUTE,
    Cause.DNS_STUB, Cause.DNS_DOWN, Cause.CAPTIVE_PORTAL,
})  # fmt: skip

#: Causes in which Plex itself does not serve; the network is not judged then, save where it is the way to Plex.
_PLEX_SILENT = ("port", "identity", "token", "count", "sessions", "mapping")
#: What is unknown because of the cause, and must not be read as told.
HIDDEN: Mapping[Cause, tuple[str, ...]] = {
    **dict.fromkeys((Cause.UPDATING, Cause.DOWN, Cause.STOPPED_BY_OWNER), _PLEX_SILENT[1:]),
    **dict.fromkeys((Cause.HUNG, Cause.STARTING, Cause.OVERLOADED), _PLEX_SILENT[2:]),
    **dict.fromkeys(
        (Cause.LINK_ADMIN_DOWN, Cause.LINK_DOWN, Cause.NO_ADDRESS, Cause.NO_ROUTE),
        ("gateway", "internet", "dns", "dns_local", "dns_servers", "dns_public", "plex_tv", "mapping"),
    ),
    Cause.GATEWAY_DOWN: ("internet", "dns", "dns_servers", "dns_public", "plex_tv", "mapping"),
    **dict.fromkeys((Cause.DNS_STUB, Cause.DNS_DOWN), ("plex_tv", "mapping")),
    Cause.INTERNET_DOWN: ("dns_public", "plex_tv", "mapping"),
}


class _Seen:
    """Facts with short questions."""

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        self._facts = facts

    def yes(self, name: str) -> bool:
        fact = self._facts.get(name)
        return fact is not None and fact.value is True

    def no(self, name: str, *details: str) -> bool:
        """Told to be false, in one of these words when some are named."""
        fact = self._facts.get(name)
        return fact is not None and fact.value is False and (not details or fact.detail in details)

    def unsure(self, name: str, *details: str) -> bool:
        """Unknown, for one of these reasons."""
        fact = self._facts.get(name)
        return fact is not None and fact.value is None and fact.detail in details

    def told(self, name: str, detail: str) -> bool:
        """Whatever its value."""
        fact = self._facts.get(name)
        return fact is not None and fact.detail == detail

    def says(self, name: str, value: str) -> bool:
        fact = self._facts.get(name)
        return fact is not None and fact.value == value

    def drops(self) -> bool:
        """It accepts connections and ends them without an answer. That is no silence: a proxy, a tunnel or the wrong
        scheme does so in front of a Plex that is well."""
        return self.yes("port") and self.unsure("identity", "unreachable", "dropped")

    def mute(self) -> bool:
        """It accepts connections, and then says nothing or drops them."""
        return self.no("identity", "silent") or self.drops()

    def unreachable(self) -> bool:
        """The port could not even be tried: the way to it may be broken."""
        fact = self._facts.get("port")
        return fact is not None and fact.value is None

    def undecided(self) -> bool:
        """The service manager could not be asked, or packages are being changed: perhaps it has to be so."""
        failed = self.no("service", "failed")  # that needs no guessing
        return self.unsure("service", "no_answer") or (self.unsure("updating", "packages") and not failed)

    def young(self) -> bool:
        """Plex, or the whole machine, started a short while ago."""
        ages = (self._facts.get("plex_age_s"), self._facts.get("uptime_s"))
        return any(fact and isinstance(fact.value, float | int) and fact.value < GRACE_SECONDS for fact in ages)


Rung = tuple[Callable[[_Seen], bool], Cause]

#: The service manager is at it: a stop in good order takes a while, and must not be undone half way.
_IN_BETWEEN = ("activating", "deactivating", "maintenance")

_PLEX: tuple[Rung, ...] = (
    (lambda f: f.yes("updating"), Cause.UPDATING),
    (lambda f: f.no("port", "refused") and f.no("service", "inactive"), Cause.STOPPED_BY_OWNER),
    (lambda f: f.no("service", "paused"), Cause.STOPPED_BY_OWNER),
    (lambda f: f.no("port", "refused") and f.yes("crashing"), Cause.DOWN),  # it would be 'starting' for ever
    (lambda f: f.no("port", "refused") and f.unsure("service", *_IN_BETWEEN), Cause.STARTING),
    (lambda f: f.no("identity", "silent") and f.told("process", "stopped_by_signal"), Cause.HUNG),
    (lambda f: f.mute() and f.yes("crashing"), Cause.CRASHING),
    (lambda f: (f.no("port", "refused") or f.mute()) and f.young(), Cause.STARTING),
    (lambda f: f.no("port", "refused") and f.undecided(), Cause.UNKNOWN),
    (lambda f: f.no("port", "refused"), Cause.DOWN),
    # A process that accepts nothing any more fills its backlog, and then even connecting takes for ever.
    (lambda f: f.unsure("port", "TimeoutError") and f.yes("process"), Cause.HUNG),
    (lambda f: f.no("port", "no_name") and not f.no("dns"), Cause.NO_NAME),
    (lambda f: f.no("identity", "starting"), Cause.STARTING),
    (lambda f: f.no("identity", "silent"), Cause.HUNG),
    (lambda f: f.drops(), Cause.NOT_PLEX),
    (lambda f: f.no("identity", "overloaded"), Cause.OVERLOADED),
    # Plex says who it is to everybody: whoever wants a password for that, or refuses it, is not Plex.
    (lambda f: f.no("identity") or f.unsure("identity", "plex_rejected"), Cause.NOT_PLEX),
    (lambda f: f.no("token", "garbled") or f.no("same_server", "other"), Cause.NOT_PLEX),
    (lambda f: f.no("claimed"), Cause.UNCLAIMED),
    (lambda f: f.no("token", "unauthorized") or f.no("count", "unauthorized"), Cause.UNAUTHORIZED),
    (lambda f: f.no("token", "starting") or f.no("count", "starting"), Cause.STARTING),
    (lambda f: f.no("token", "overloaded"), Cause.OVERLOADED),
    (lambda f: f.no("token", "silent") or f.no("count") or f.unsure("count", "unreachable"), Cause.DB_TROUBLE),
    (lambda f: f.no("count_in_time"), Cause.DB_TROUBLE),
    (lambda f: f.yes("crashing"), Cause.CRASHING),
    (lambda f: f.no("in_time"), Cause.OVERLOADED),
)
_FILES: tuple[Rung, ...] = (
    (lambda f: f.no("mounts"), Cause.MOUNT_MISSING),
    (lambda f: f.no("disk"), Cause.DISK_FULL),
    # What Plex says of its own update, while it serves: it may wait there for days, and must hide nothing else.
    (lambda f: f.yes("plex_updating"), Cause.UPDATING),
)
_NETWORK: tuple[Rung, ...] = (
    (lambda f: f.no("link_up"), Cause.LINK_ADMIN_DOWN),
    (lambda f: f.no("carrier"), Cause.LINK_DOWN),
    (lambda f: f.no("address"), Cause.NO_ADDRESS),
    (lambda f: f.no("route"), Cause.NO_ROUTE),
    (lambda f: f.no("gateway") and not f.yes("internet"), Cause.GATEWAY_DOWN),
    (lambda f: f.no("plex_tv", "clock"), Cause.CLOCK_WRONG),
    (lambda f: f.no("plex_tv", "certificate") or f.yes("captive"), Cause.CAPTIVE_PORTAL),
    (lambda f: f.no("dns_local") and f.yes("dns_servers"), Cause.DNS_STUB),
    (lambda f: f.no("internet"), Cause.INTERNET_DOWN),
    (lambda f: f.no("dns_local") and (f.yes("dns_public") or f.yes("internet")), Cause.DNS_DOWN),
    (lambda f: f.no("dns") and f.yes("internet"), Cause.DNS_DOWN),
    (lambda f: f.no("plex_tv"), Cause.PLEX_TV_DOWN),
    (lambda f: f.says("asked_over", "loopback") or f.unsure("port", "no_way"), Cause.MOVED),
    (lambda f: f.no("mapping"), Cause.REMOTE_ACCESS_LOST),
)
#: What is left when Plex is asked over the network and neither explains it.
_BEYOND: tuple[Rung, ...] = (
    (
        lambda f: f.unsure("port", "TimeoutError", "OSError") and (f.yes("gateway") or f.yes("internet")),
        Cause.UNREACHABLE,
    ),
)


def diagnose(facts: Mapping[str, Fact]) -> Cause:
    """The first cause that explains everything below it.

    Plex itself comes first, because it can be judged over this machine's own address however dead the line is; where
    the way to Plex leads over a network that is broken, the network is the cause.
    """
    seen = _Seen(facts)
    over_the_network = seen.unreachable() and not seen.yes("process") and not seen.yes("updating")
    ladders = (_NETWORK, _PLEX, _BEYOND) if over_the_network else (_PLEX, _FILES, _NETWORK)
    for ladder in ladders:
        for told, cause in ladder:
            if told(seen):
                return cause
    fine = seen.yes("identity") and seen.yes("token") and not seen.no("count")
    return Cause.OK if fine else Cause.UNKNOWN


def hidden(cause: Cause, facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """The facts, where those that the cause hides are unknown because of it."""
    names = HIDDEN.get(cause, ())
    return {
        name: Fact(None, f"because of {cause.value}") if name in names and fact.value is not True else fact
        for name, fact in facts.items()
    }
