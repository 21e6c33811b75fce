"""Whether Plex is being installed or updated right now, on Linux.

Two things together are evidence: the lock of the package manager is held, and a process of it names Plex. A lock alone
may be for anything (an upgrade of everything names no package on its command line), so it means: not known.
"""

from __future__ import annotations

from pathlib import Path

from keeper.rules.types import Fact
from keeper.world.hosts.processes import arguments_of, listed, updaters

PACKAGE = "plexmediaserver"
_LOCKS = (
    "var/lib/dpkg/lock-frontend",
    "var/lib/dpkg/lock",
    "var/lib/rpm/.rpm.lock",
    "usr/lib/sysimage/rpm/.rpm.lock",
)
_MANAGERS = (
    "dpkg", "apt", "apt-get", "aptitude", "unattended-upgr", "rpm", "dnf", "dnf5", "yum", "zypper", "snap",
    "sh", "bash", "python3",  # the scripts of a package, and managers written in Python
    PACKAGE,  # such a script under its own name: plexmediaserver.postinst, as far as the kernel keeps it
)  # fmt: skip
_DOCKER = ("docker", "docker-compose", "podman")


def updating(root: Path, image: str = "") -> Fact:
    """The fact `updating`. `image` is that of Plex's container, '' = it runs in none. Reads the list of processes."""
    if found := updaters():
        return Fact(True, found[0])
    if image and _is_pulled(image):
        return Fact(True, "docker pull")
    locked = lock_is_held(root)
    if locked or image:  # the lock of a container's own package manager cannot be seen from outside
        for seen in listed(_MANAGERS if locked else ("dpkg",)):
            if any(_names_plex(argument) for argument in arguments_of(seen.process)):
                return Fact(True, seen.name)
    return Fact(None, "packages") if locked else Fact(False)


def lock_is_held(root: Path) -> bool:
    """Whether a package manager is at work: its lock file stands among the write locks in /proc/locks.

    The lock itself cannot be tried without the rights of root. Of the number in /proc/locks only the inode is compared,
    because some file systems show another device there than stat does.
    """
    try:
        rows = (root / "proc/locks").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return False
    held = {row.split()[5].rpartition(":")[2] for row in rows if " WRITE " in row and "->" not in row}
    return any(str(inode) in held for inode in map(_inode, (root / lock for lock in _LOCKS)))


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return -1


def _names_plex(argument: str) -> bool:
    """'plexmediaserver', 'plexmediaserver=1.40', './plexmediaserver_1.40_amd64.deb', '…/plexmediaserver.postinst'."""
    return argument.rpartition("/")[2].startswith(PACKAGE)


def _is_pulled(image: str) -> bool:
    name = image.partition("@")[0]
    bare = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
    for seen in listed(_DOCKER):
        arguments = arguments_of(seen.process)
        if "pull" in arguments and any(argument.split(":")[0] in (name, bare) for argument in arguments):
            return True
    return False
