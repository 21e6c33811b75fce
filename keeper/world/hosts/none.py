"""No machine that anything is known of: nothing is seen, and only the owner's own commands can be run."""

from __future__ import annotations

from keeper.ports import Commands
from keeper.rules.types import Ability, Acted, Action, Fact
from keeper.world.hosts.linux import SET_COMMAND
from keeper.world.hosts.recipes import Doer, Recipe, not_known, own_command, refused
from keeper.world.hosts.rights import Rights
from keeper.world.hosts.settings import HostSettings

_SENTENCE = "This program does not know how to do that on this machine."


class NoMachine:
    """The Machine port."""

    name = "none"

    def __init__(self, commands: Commands, settings: HostSettings) -> None:
        self._settings = settings
        self._doer = Doer(commands, Rights(commands))

    def look(self) -> dict[str, Fact]:
        """Everything is unknown."""
        return dict.fromkeys(("process", "service", "updating", "uptime_s", "boot_id"), Fact(None, "no_host"))

    def abilities(self) -> dict[Action, Ability]:
        return self._doer.abilities(self.recipe)

    def act(self, action: Action, interface: str) -> Acted:
        return self._doer.carry_out(self.recipe(action, interface))

    def recipe(self, action: Action, _interface: str) -> Recipe:
        own = {Action.RESTART_PLEX: self._settings.restart_command, Action.REBOOT: self._settings.reboot_command}
        if command := own.get(action):
            return own_command(command, 120)
        if action is Action.RESTART_PLEX:
            return refused(_SENTENCE, SET_COMMAND)
        if action is Action.REBOOT:
            return refused(_SENTENCE, "Set REBOOT_COMMAND.")
        if action in (Action.NET_SOFT, Action.NET_HARD, Action.DNS_RESET):
            return refused(_SENTENCE)
        return not_known(action)
