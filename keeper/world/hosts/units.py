"""systemd units: what `systemctl show` says of them, and which one Plex belongs to.

All of it is unprivileged. `systemctl show` answers 0 for a unit that does not exist, with ActiveState=inactive, which
is also what a unit says that its owner stopped: only LoadState tells them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from keeper.ports import Commands
from keeper.rules.types import Fact

#: Where Plex lives when nobody said so: the package of Plex, the snap, names that distributions and people use.
USUAL_UNITS = (
    "plexmediaserver.service",
    "snap.plexmediaserver.plexmediaserver.service",
    "plex-media-server.service",
    "plex.service",
)
_PROPERTIES = "Id,LoadState,UnitFileState,ActiveState,SubState,Result,NRestarts,MainPID,ExecMainStatus,Job"
_SECONDS = 3.0

Unit = dict[str, str]


def ask_units(commands: Commands, names: Sequence[str]) -> list[Unit] | None:
    """What systemd says of these units, in their order; None when it does not answer within 3 s."""
    ran = commands.run(("systemctl", "show", "-p", _PROPERTIES, *names), _SECONDS)
    return parse_show(ran.out) if ran.code == 0 and ran.out else None


def parse_show(text: str) -> list[Unit]:
    """'Id=a.service\\nActiveState=active\\n\\nId=b.service…' -> one dictionary for each unit. Values may hold '='."""
    blocks = (block.splitlines() for block in text.split("\n\n"))
    units = [dict(line.split("=", 1) for line in block if "=" in line) for block in blocks]
    return [unit for unit in units if unit]


def is_known(unit: Unit) -> bool:
    return unit.get("LoadState") in ("loaded", "masked")


def service_facts(unit: Unit) -> dict[str, Fact]:
    """service and service_restarts: how often systemd itself brought it back since it was last started by somebody.

    A clean exit looks like a stop by the owner; systemd cannot tell them apart afterwards, and both are respected.
    """
    facts = {"service": _service(unit)}
    if unit.get("NRestarts", "").isdigit():
        facts["service_restarts"] = Fact(float(unit["NRestarts"]))
    return facts


def _service(unit: Unit) -> Fact:
    if not is_known(unit):
        return Fact(None, "unknown_unit")
    state = unit.get("ActiveState", "")
    if state in ("active", "reloading"):
        return Fact(True, "active")
    if state in ("activating", "deactivating", "maintenance"):
        return Fact(None, state)
    if unit.get("Job", "0") not in ("", "0"):  # queued, waiting for what it depends on
        return Fact(None, "activating")
    if state == "failed":
        return Fact(False, "failed")
    return Fact(False, "inactive") if state == "inactive" else Fact(None, "unknown_unit")


def is_of_plex(unit: Unit, pid: int) -> bool:
    """Whether the unit that the process was found in is Plex's own. Started by cron, Plex is in cron.service."""
    return "plex" in unit.get("Id", "").lower() or unit.get("MainPID") == str(pid)


def unit_of(cgroup: str) -> str:
    """The system unit in the text of /proc/PID/cgroup; '' = it belongs to none.

    '0::/system.slice/plexmediaserver.service', with version 1 of cgroups a line for each controller. What belongs to a
    login or to the service manager of a user cannot be asked of the system's manager.
    """
    for line in cgroup.splitlines():
        _, _, path = line.partition("::") if line.startswith("0::") else line.partition("name=systemd:")
        parts = path.split("/")
        services = [part for part in parts if part.endswith(".service")]
        if services and "user.slice" not in parts:
            return services[-1]
    return ""


def read_cgroup(root: Path, pid: int) -> str:
    """The text of /proc/PID/cgroup; '' when the process has gone."""
    try:
        return (root / "proc" / str(pid) / "cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
