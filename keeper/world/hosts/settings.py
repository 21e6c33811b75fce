"""What the owner said about the machine that Plex runs on; the rest is found out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

KINDS = ("auto", "linux", "docker", "macos", "none")

_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.@\\-]{0,127}")
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,14}")


@dataclass(frozen=True, slots=True)
class HostSettings:
    """Everything may be left out."""

    kind: str = "auto"  # one of KINDS
    local: bool = True  # False = PLEX_URL leads to another machine: nothing here can tell of Plex, or restart it
    plex_service: str = ""  # name of the unit, the container or the launchd label; '' = find it
    restart_command: tuple[str, ...] = ()  # argv, run as it stands; wins over everything else
    interface: str = ""  # '' = the one with the default route
    reboot_command: tuple[str, ...] = ()  # argv, run as it stands
    helper_socket: str = ""  # path of the privileged helper; '' = there is none. Not used yet
    ask_local: Callable[[], bool] | None = None  # wins over `local`: an address may come after we have started

    def is_local(self) -> bool:
        """Whether PLEX_URL leads to this machine, as far as that is known now."""
        return self.ask_local() if self.ask_local else self.local


def is_service_name(name: str) -> bool:
    """Whether a name can be one of a unit, container or label, and not an option of the program that gets it."""
    return bool(_SERVICE.fullmatch(name))


def is_interface_name(name: str) -> bool:
    """The same for a network interface; 15 characters are the limit of the kernel."""
    return bool(_INTERFACE.fullmatch(name))
