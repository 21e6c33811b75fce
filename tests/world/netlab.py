"""A home with its line, in real network namespaces: home -- switch -- router -- internet, and what breaks in between.

    home (h0) --- switch (bridge) --- router (lan0 | wan0; dnsmasq, nftables) --- internet (1.1.1.1, plex.tv, ...)

Needs root, and `ip`, `nft`, `dnsmasq` (packages iproute2, nftables, dnsmasq-base). Everything carries the number of
this process, so that labs can stand side by side, and what a killed process left behind is cleared by the next one.
What answers and looks inside is netlab_inside.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, NamedTuple

from netlab_inside import ANCHOR_V6, ANCHORS, ZONE

ROOT = Path(__file__).resolve().parents[2]
INSIDE = str(Path(__file__).with_name("netlab_inside.py"))
TOOLS = ("ip", "nft", "dnsmasq", "setpriv")
ETC = Path("/etc/netns")
NAMES = ("home", "switch", "router", "internet")
PREFIX = "keeperlab"
ROUTER, HOME = "192.168.77.1", "192.168.77.10"

FILTER = """
flush ruleset
table inet lab {
  chain through { type filter hook forward priority 0; }
  chain here { type filter hook input priority 0; }
  chain before { type nat hook prerouting priority -100; }
}
"""


class Seen(NamedTuple):
    """What a look came to: its facts as (value, detail), its seconds, threads of it that were left, capabilities."""

    facts: dict[str, tuple[Any, str]]
    seconds: float
    threads: int
    capabilities: str


def why_not() -> str:
    """Why no lab can stand here; '' = it can."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return f"{' and '.join(missing)} not found: install iproute2, nftables, dnsmasq-base and util-linux"
    trial = f"{PREFIX}-{os.getpid()}-trial"
    made = subprocess.run(["ip", "netns", "add", trial], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "del", trial], capture_output=True)
    return f"network namespaces cannot be made ({made.stderr.strip()}): run as root" if made.returncode else ""


class NetLab:
    """All of it; `with NetLab(folder) as lab`. `mend` undoes every fault."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mine = f"{PREFIX}-{os.getpid()}"
        self.behind_stub = ETC / self._ns("home") / "behind-the-stub"
        self._children: list[subprocess.Popen[str]] = []
        self._dns: dict[str, subprocess.Popen[str]] = {}

    # ------------------------------------------------------------------ up and down

    def __enter__(self) -> NetLab:
        _clear_the_dead()
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe:
                    pipe.close()
        _remove(self._mine)

    def _build(self) -> None:
        make_certificates(self.folder)
        for name in NAMES:
            _run("ip", "netns", "add", self._ns(name))
            self._inside(name, "sh", "-c", "echo 0 | tee /proc/sys/net/ipv6/conf/*/accept_dad >/dev/null")
            self._ip(name, "link set lo up")
        self._ip("switch", "link add br0 type bridge", "link set br0 up")
        for near, here, far, there in (
            ("h0", "home", "port-home", "switch"),
            ("lan0", "router", "port-router", "switch"),
            ("wan0", "router", "isp0", "internet"),
        ):
            self._ip(here, f"link add {near} type veth peer name {far} netns {self._ns(there)}")
        self._ip("switch", "link set port-home master br0 up", "link set port-router master br0 up")
        addresses = [f"addr add {one}/32 dev lo" for one in (*ANCHORS, *ZONE.values())]
        self._ip(
            "internet", "link set isp0 up", "addr add 100.64.0.1/30 dev isp0", "addr add fd64::1/64 dev isp0 nodad",
            "route add 192.168.77.0/24 via 100.64.0.2", "route add fd77::/64 via fd64::2",
            f"addr add {ANCHOR_V6}/128 dev lo nodad", *addresses,
        )  # fmt: skip
        forward = "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding"
        self._inside("router", "sh", "-c", forward)
        etc = ETC / self._ns("home")
        etc.mkdir(parents=True)
        (etc / "nsswitch.conf").write_text("hosts: files dns\n")
        (etc / "resolv.conf").touch()
        self.mend()
        for place, role in (("internet", "internet"), ("router", "portal")):
            helper = self.spawn(place, sys.executable, INSIDE, role, str(self.folder))
            assert helper.stdout and helper.stdout.readline() == "up\n", f"{role} does not start"

    def mend(self) -> None:
        """Everything as it should be, from whatever state."""
        self.mend_line()
        self._ip(
            "home", "link set h0 down", "link set h0 up", "addr flush dev h0 scope global",
            f"addr add {HOME}/24 dev h0", f"route replace default via {ROUTER}", "neigh flush all",
        )  # fmt: skip

    def mend_line(self) -> None:
        """The same for all but the interface at home, which may have a manager that brings it back."""
        self.certificate("good")
        self.resolvers(ROUTER)
        for name in ("router", "internet"):
            _run("ip", "netns", "exec", self._ns(name), "nft", "-f", "-", text=FILTER)
        self._ip("switch", "link set port-home up", "link set port-router up")
        self._ip(
            "router", "link set lan0 up", "link set wan0 up", f"addr replace {ROUTER}/24 dev lan0",
            "addr replace 100.64.0.2/30 dev wan0", "route replace default via 100.64.0.1",
            "addr replace fd77::1/64 dev lan0 nodad", "addr replace fe80::77/64 dev lan0 nodad",
            "addr replace fd64::2/64 dev wan0 nodad", "route replace default via fd64::1", "neigh flush all",
        )  # fmt: skip
        self.name_server()

    # ------------------------------------------------------------------ faults

    def ip(self, place: str, *lines: str) -> None:
        """Lines for `ip -batch` in that place."""
        self._ip(place, *lines)

    def filter(self, place: str, *rules: str) -> None:
        """nftables rules, each beginning with its chain: through, here or before."""
        text = "\n".join(f"add rule inet lab {rule}" for rule in rules)
        _run("ip", "netns", "exec", self._ns(place), "nft", "-f", "-", text=text)

    def resolvers(self, *servers: str) -> None:
        """What resolv.conf of the home names; a resolver of our own that gives up soon."""
        lines = "".join(f"nameserver {server}\n" for server in servers)
        (ETC / self._ns("home") / "resolv.conf").write_text(f"{lines}options timeout:1 attempts:1\n")

    def name_server(self, *options: str) -> None:
        """The router's, started anew."""
        self._name_server("router", ROUTER, *(f"--server={one}" for one in ANCHORS[:2]), *options)

    def local_stub(self) -> None:
        """A resolver at home that asks the router, as systemd-resolved does, with a file that tells so."""
        self._name_server("home", "127.0.0.53", f"--server={ROUTER}")
        self.resolvers("127.0.0.53")
        self.behind_stub.write_text(f"nameserver {ROUTER}\n")

    def stop_name_server(self, place: str) -> None:
        """It ends: its port is closed."""
        server = self._dns.pop(place)
        server.kill()
        server.wait()

    def freeze_name_server(self, place: str) -> None:
        """It hangs: its port is open, and silent."""
        self._dns[place].send_signal(signal.SIGSTOP)

    def certificate(self, kind: str) -> None:
        """What plex.tv shows from now on: good, not_yet, expired or stranger."""
        shutil.copy(self.folder / f"{kind}.pem", self.folder / "shown.pem")

    # ------------------------------------------------------------------ looking

    def look(self, **options: Any) -> Seen:
        """Looks from the home as an ordinary user without capabilities. Options: see `netlab_inside.look`."""
        argv = ["ip", "netns", "exec", self._ns("home"), sys.executable, INSIDE, "look", str(self.folder)]
        ran = subprocess.run(
            [*argv, json.dumps(options)], capture_output=True, text=True, timeout=30,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        said = json.loads(ran.stdout)
        return Seen({name: (value, detail) for name, (value, detail) in said.pop("facts").items()}, **said)

    # ------------------------------------------------------------------ tools

    def _ns(self, name: str) -> str:
        return f"{self._mine}-{name}"

    def _ip(self, name: str, *lines: str) -> None:
        _run("ip", "-n", self._ns(name), "-batch", "-", text="\n".join(lines) + "\n")

    def _inside(self, name: str, *argv: str) -> None:
        _run("ip", "netns", "exec", self._ns(name), *argv)

    def spawn(self, place: str, *argv: str, errors: IO[str] | int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """A helper in that place, asked and answering in lines, that dies with this process, even with a killed one."""
        inside = ("ip", "netns", "exec", self._ns(place), "setpriv", "--pdeathsig", "KILL", *argv)
        pipe = subprocess.PIPE
        child = subprocess.Popen(inside, stdin=pipe, stdout=pipe, stderr=errors, text=True)
        self._children.append(child)
        return child

    def _name_server(self, place: str, address: str, *options: str) -> None:
        if place in self._dns:
            self.stop_name_server(place)
        self._dns[place] = self.spawn(
            place, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
            "--bind-interfaces", f"--listen-address={address}", "--cache-size=0", "--user=root", "--pid-file=",
            *options,
        )  # fmt: skip
        packed = socket.inet_aton(address)[::-1].hex().upper()
        until = time.monotonic() + 5
        while f"{packed}:0035" not in Path(f"/proc/{self._dns[place].pid}/net/udp").read_text():
            assert time.monotonic() < until, "dnsmasq does not start"
            time.sleep(0.01)


def _run(*argv: str, text: str = "") -> None:
    ran = subprocess.run(argv, input=text, capture_output=True, text=True)
    assert ran.returncode == 0, f"{' '.join(argv)}\n{text}{ran.stderr}"


def _remove(mine: str) -> None:
    """Every namespace of that lab, with whatever still runs in it."""
    for name in NAMES:
        pids = subprocess.run(["ip", "netns", "pids", f"{mine}-{name}"], capture_output=True, text=True).stdout
        for pid in pids.split():
            os.kill(int(pid), signal.SIGKILL)
        subprocess.run(["ip", "netns", "del", f"{mine}-{name}"], capture_output=True)
        shutil.rmtree(ETC / f"{mine}-{name}", ignore_errors=True)


def _clear_the_dead() -> None:
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    for pid in set(re.findall(rf"^{PREFIX}-(\d+)-", listed, re.MULTILINE)):
        if not Path(f"/proc/{pid}").exists():
            _remove(f"{PREFIX}-{pid}")


# ---------------------------------------------------------------------- certificates


def make_certificates(folder: Path) -> None:
    """ca.pem, and one file with key and certificate of plex.tv for every kind `certificate` knows."""
    now, year = datetime.now(UTC), timedelta(days=365)
    ca = _key_and_certificate("Lab CA", None, now - 3 * year, now + 3 * year)
    strange = _key_and_certificate("Somebody else", None, now - year, now + year)
    (folder / "ca.pem").write_bytes(_pem(*ca))
    for kind, issuer, begin in (
        ("good", ca, now - timedelta(days=1)),
        ("not_yet", ca, now + timedelta(days=30)),
        ("expired", ca, now - 2 * year),
        ("stranger", strange, now - timedelta(days=1)),
    ):
        (folder / f"{kind}.pem").write_bytes(_pem(*_key_and_certificate("plex.tv", issuer, begin, begin + year)))


def _key_and_certificate(name: str, issuer: Any, begin: datetime, end: datetime) -> tuple[Any, Any]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    above, above_key = (issuer[1].subject, issuer[0]) if issuer else (subject, key)
    builder = (
        x509.CertificateBuilder(above, subject, key.public_key(), x509.random_serial_number(), begin, end)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above_key.public_key()), critical=False)
    )
    if issuer:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return key, builder.sign(above_key, hashes.SHA256())


def _pem(key: Any, certificate: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    written: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return written + certificate.public_bytes(Encoding.PEM)
