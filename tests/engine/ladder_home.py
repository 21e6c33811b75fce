"""What runs at home in the ladder's lab: the real watchdog, a simulated Plex, a network manager, a local resolver.

A process of its own inside the network namespace, asked by lines of JSON, with a /run of its own. Looks, commands, the
manager (systemd-networkd with its bus, or ifupdown) and the data file are real. Only two things are pretended: the
clock, which moves when it is told to, and the service manager, for which `systemctl` below stands in.
"""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jobs import Brake
from keeper.demo.process import DemoPlex
from keeper.ports import Clock
from keeper.rules.types import Acted, Armed, Moment, Ran, WatchLimits
from keeper.store.db import Database
from keeper.store.runs import Runs
from keeper.store.watching import StoredWatch
from keeper.world.clock import SystemClock
from keeper.world.commands import SystemCommands
from keeper.world.eyes import Eyes
from keeper.world.hosts.linux import LinuxMachine
from keeper.world.hosts.settings import HostSettings
from keeper.world.links import Links
from keeper.world.network import NetworkLook
from keeper.world.plex import PlexClient
from keeper.world.probe import PlexLook
from monitor import Monitor, Senses

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADDRESS, ROUTER = "192.168.77.10/24", "192.168.77.1"
RUN, UNITS = Path("/run"), Path("/run/units")
NETWORKD, BUS = "/lib/systemd/systemd-networkd", "/run/dbus/system_bus_socket"
PATIENCE = 15.0  # seconds for anything to come about

#: A unit is a folder: `start` is a program that returns when the service is ready, `pid` its main process.
SYSTEMCTL = """#!/bin/sh
units=/run/units
lives() {
    pid=$(cat "$units/$1/pid" 2>/dev/null) && state=$(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null) && [ "$state" != Z ]
}
case $1 in
show)
    shift 3
    for unit; do
        load=not-found active=inactive result=success
        [ -d "$units/$unit" ] && load=loaded
        [ -e "$units/$unit/failed" ] && active=failed result=signal
        lives "$unit" && active=active result=success
        printf 'Id=%s\\nLoadState=%s\\nActiveState=%s\\nResult=%s\\n\\n' "$unit" "$load" "$active" "$result"
    done ;;
restart)
    lives "$2" && kill -KILL "$(cat "$units/$2/pid")"
    while lives "$2"; do :; done
    exec "$units/$2/start" ;;
*) echo "this stand-in knows no $1" >&2; exit 64 ;;
esac
"""
NETWORK = (
    "[Match]\nName=h0\n[Link]\nActivationPolicy={policy}\n[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n{how}"
)
STATIC = f"Address={ADDRESS}\nGateway={ROUTER}\n"
#: Managers of h0 by name, and what their file about it says.
FILES = {
    "networkd": NETWORK.format(policy="up", how=STATIC),
    "networkd that leaves links alone": NETWORK.format(
        policy="manual", how=f"Address={ADDRESS}\n[Route]\nGateway={ROUTER}\nGatewayOnLink=yes\n"
    ),
    "networkd with dhcp": NETWORK.format(policy="up", how="DHCP=ipv4\n"),
    "ifupdown": f"iface h0 inet static\n  address {ADDRESS}\n  gateway {ROUTER}\n",
}
#: It goes into the background once it listens, so that whoever starts it knows.
RESOLVER = """#!/bin/sh
exec dnsmasq --conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces --listen-address={address} --cache-size=0 \\
    --user=root --server=192.168.77.1 --pid-file={pid}
"""
BUS_RULES = (
    f"<busconfig><type>system</type><listen>unix:path={BUS}</listen><auth>EXTERNAL</auth><policy context='default'>"
    "<allow user='*'/><allow own='*'/><allow send_destination='*'/><allow eavesdrop='true'/></policy></busconfig>"
)


class Time:
    """The clock of the watchdog. Commands and looks have the real one."""

    seconds = 10 * 86_400.0

    def moment(self) -> Moment:
        return Moment(NOON + timedelta(seconds=self.seconds), "boot 1", self.seconds)


class Traced(SystemCommands):
    """Runs everything, and keeps what was no question."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.ran: list[str] = []

    def run(self, argv: Sequence[str], seconds: float) -> Ran:
        if argv[:2] != ("systemctl", "show"):
            self.ran.append(" ".join(argv))
        return super().run(argv, seconds)


class Home:
    """Every method without underscore is one word of the conversation; what it returns is the answer."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._clock = folder, SystemClock()
        self._manager: subprocess.Popen[bytes] | None = None
        self._database: Database | None = None
        self._context = ssl.create_default_context(cafile=folder / "ca.pem")
        _own_run(folder)
        _program(folder / "programs/systemctl", SYSTEMCTL)
        bus = ["dbus-daemon", f"--config-file={RUN}/bus.conf", "--nofork", "--nopidfile"]
        self._bus = subprocess.Popen(bus, stdout=sys.stderr)
        _until(Path(BUS).exists, "the bus does not start")
        self._plex = DemoPlex(library="small").start()

    def begin(self, folder: str, manager: str, armed: list[str], probe_seconds: float) -> None:
        """A new watchdog on a sound network, whose interface is managed like that, and its first look."""
        self._end()
        _manage_nothing()
        self._manage(manager)
        self._time, self._commands = Time(), Traced(self._clock)
        self._data, self._probe_seconds = Path(folder) / "keeper.db", probe_seconds
        self._open().arm(frozenset(map(Armed, armed)), "test", self._time.moment().at)
        self.tick()

    def restart_service(self) -> None:
        """Another watchdog on the same data file, which knows nothing but what stands there."""
        self._end_watchdog()
        self._open()

    def _open(self) -> StoredWatch:
        database = self._database = Database(self._data)
        database.migrate()
        store = StoredWatch(database)
        self._monitor = Monitor(self._senses(database, store), WatchLimits(interval=300), UTC)
        return store

    def tick(self, after: float | None = None) -> dict[str, Any]:
        """One look of the watchdog, that much later (as it asked for itself, if nothing is said), and what it did."""
        ran = len(self._commands.ran)
        check = self._monitor.tick()
        self._time.seconds += self._monitor.interval if after is None else after
        decided = {name: check.decision[name] for name in ("reason", "wanted")}
        return {"cause": check.cause, **decided, "ran": self._commands.ran[ran:]}

    def ran(self) -> list[str]:
        """Every command since the beginning that was no question."""
        return self._commands.ran

    def await_address(self) -> None:
        """Until the manager has brought the interface up and leaves it so: it answers before it has even begun."""
        _until(_is_configured, "the interface does not come back", times=30)

    def resolver(self, unit: str, address: str) -> None:
        """A service of this machine that asks the router for names, and tells whom it asks as systemd-resolved does."""
        folder = UNITS / unit
        folder.mkdir()
        _program(folder / "start", RESOLVER.format(address=address, pid=folder / "pid"))
        subprocess.run([folder / "start"], check=True, timeout=PATIENCE)
        if unit == "systemd-resolved.service":
            (RUN / "systemd/resolve/resolv.conf").write_text(f"nameserver {ROUTER}\n")

    def signal(self, name: str, sign: str) -> None:
        """Sends a signal to the process of a service. The service manager takes a killed one for failed."""
        subprocess.run(["kill", f"-{sign}", (UNITS / name / "pid").read_text().strip()], check=True)
        if sign == "KILL":
            (UNITS / name / "failed").touch()

    # ------------------------------------------------------------------ the parts

    def _senses(self, database: Database, store: StoredWatch) -> Senses:
        runs = Runs(database, self._clock)
        plex = PlexLook(
            lambda: self._plex.url, self._clock, Brake(),
            lambda seconds: PlexClient(self._plex.url, self._plex.token, seconds, self._clock, Brake()),
            lambda server: runs.pin_server(self._plex.url, server),
        )  # fmt: skip
        machine = LinuxMachine(self._commands, HostSettings(), remembered=lambda: self._monitor.known_interface())
        network = NetworkLook(
            links=Links(remembered=lambda: self._monitor.known_interface()), tls_context=lambda: self._context,
            probe_seconds=self._probe_seconds, look_seconds=self._probe_seconds + 0.3,
        )  # fmt: skip
        eyes = Eyes({"plex": plex, "machine": machine, "network": network}, self._clock)
        return Senses(eyes, plex, machine, store, self._time.moment, lambda: Acted(True, "asked"))

    def _manage(self, manager: str) -> None:
        if manager.startswith("networkd"):
            (RUN / "systemd/network/h0.network").write_text(FILES[manager])
            _ip("link", "set", "h0", "up")
            self._manager = subprocess.Popen([NETWORKD], stdout=sys.stderr)
            (UNITS / "systemd-networkd.service").mkdir()
            (UNITS / "systemd-networkd.service/pid").write_text(str(self._manager.pid))
        elif manager == "ifupdown":
            Path("/etc/network/interfaces").write_text(FILES[manager])
            subprocess.run(["ifup", "h0"], check=True, timeout=PATIENCE)
        else:
            _ip("link", "set", "h0", "up")
            _ip("addr", "add", ADDRESS, "dev", "h0")
            _ip("route", "add", "default", "via", ROUTER)
        self.await_address()

    def _end_watchdog(self) -> None:
        if self._database:
            self._database.close()

    def _end(self) -> None:
        self._end_watchdog()
        if self._manager:
            self._manager.kill()
            self._manager.wait()
            self._manager = None
        for pid in UNITS.glob("*/pid"):
            subprocess.run(["kill", "-KILL", pid.read_text().strip()], capture_output=True)


def _own_run(folder: Path) -> None:
    """An empty /run, and a /sys that cannot be written: so networkd waits for no udev, as in a container."""
    for mount in (
        ("-t", "tmpfs", "tmpfs", "/run"),
        ("-o", "remount,ro,bind", "/sys"),
        ("--bind", _empty(folder / "network"), "/etc/network"),
    ):
        subprocess.run(["mount", *mount], check=True)
    for name in ("systemd/system", "systemd/network", "systemd/resolve", "dbus", "network", "units"):
        (RUN / name).mkdir(parents=True)
    for hook in ("if-pre-up.d", "if-up.d", "if-down.d", "if-post-down.d"):
        Path("/etc/network", hook).mkdir()
    (RUN / "bus.conf").write_text(BUS_RULES)


def _manage_nothing() -> None:
    """Nobody manages h0, and it is down and bare."""
    for leftover in (UNITS, RUN / "systemd/netif"):
        shutil.rmtree(leftover, ignore_errors=True)
    UNITS.mkdir()
    for file in (*RUN.glob("network/*"), *RUN.glob("systemd/resolve/*"), *RUN.glob("systemd/network/*")):
        file.unlink()
    Path("/etc/network/interfaces").write_text("")
    _ip("addr", "flush", "dev", "h0")
    _ip("link", "set", "h0", "down")


def _is_configured() -> bool:
    """A default route over h0, and networkd, if it is the manager, done with it."""
    rows = [line.split() for line in Path("/proc/net/route").read_text().splitlines()[1:]]
    states = [file.read_text() for file in RUN.glob("systemd/netif/links/[!.]*")]  # a dot: it is being written
    done = not states or any("ADMIN_STATE=configured" in state for state in states)
    return done and any(row[0] == "h0" and row[1] == "00000000" for row in rows)


def _empty(folder: Path) -> str:
    folder.mkdir()
    return str(folder)


def _program(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


def _ip(*argv: str) -> None:
    subprocess.run(["ip", *argv], check=True)


def _until(holds: Callable[[], bool], otherwise: str, times: int = 1) -> None:
    """Until it holds so many times in a row, a hundredth of a second apart."""
    end, row = time.monotonic() + PATIENCE, 0
    while row < times:
        row = row + 1 if holds() else 0
        assert time.monotonic() < end, otherwise
        time.sleep(0.01)


def _answer(home: Home, word: str, arguments: dict[str, Any]) -> tuple[Any, str]:
    try:
        return getattr(home, word)(**arguments), ""
    except (AssertionError, OSError, subprocess.SubprocessError):
        return None, traceback.format_exc()


def main(folder: Path) -> None:
    """Answers one line for each line, until there are no more: [answer, what went wrong]."""
    home = Home(folder)
    sys.stdout.write("up\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(home, *json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
