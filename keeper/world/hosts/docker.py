"""Plex in a container: its state by `docker inspect`, its restart by `docker restart`.

Who may talk to Docker may do everything with it, so there is nothing to find out about rights beyond one answer. The
machine around the container (its processes, network and power) is that of linux.py or macos.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import psutil

from keeper.ports import Commands
from keeper.rules.types import Ability, Acted, Action, Fact, Ran
from keeper.world.hosts.linux import SET_COMMAND, unseen
from keeper.world.hosts.recipes import Doer, Recipe, Step, refused
from keeper.world.hosts.rights import Rights
from keeper.world.hosts.settings import HostSettings, is_service_name
from keeper.world.hosts.units import read_cgroup

_SECONDS = 5.0
_FORMAT = (
    '{"name":{{json .Name}},"image":{{json .Config.Image}},"state":{{json .State}},"restarts":{{json .RestartCount}},'
    '"policy":{{json .HostConfig.RestartPolicy.Name}}}'
)
_USUAL_NAME = "plex"
_IMAGE = re.compile(r"(^|/)(plexinc/pms-docker|linuxserver/plex|hotio/plex|binhex/arch-plex(pass)?)(:|@|$)")
_SCOPE = re.compile(r"(?:docker[-/]|libpod-)([0-9a-f]{64})")
_ENDED_BY_WISH = (0, 137, 143)  # by itself, SIGKILL (what `docker stop` does after its patience), SIGTERM

Container = Mapping[str, Any]


class Unknown(NamedTuple):
    """Why nothing is known of the container: a word for the fact, a sentence for people."""

    word: str
    sentence: str


class Ground(Protocol):
    """The machine around the container."""

    def boot_facts(self) -> dict[str, Fact]: ...

    def process_facts(self) -> dict[str, Fact]: ...

    def updating(self, image: str) -> Fact: ...

    def main_process(self) -> psutil.Process | None: ...

    def recipe(self, action: Action, interface: str) -> Recipe: ...


class DockerMachine:
    """The Machine port."""

    name = "docker"

    def __init__(
        self,
        commands: Commands,
        settings: HostSettings,
        around: Ground,
        root: Path = Path("/"),
        rights: Rights | None = None,
    ) -> None:
        self._commands, self._settings, self._around, self._root = commands, settings, around, root
        self._doer = Doer(commands, rights or Rights(commands))
        self._container = settings.plex_service

    # ---- looking -------------------------------------------------------------------------------------

    def look(self) -> dict[str, Fact]:
        """Facts of the container, of Plex in it as far as it can be seen from here, and of the machine around it.

        Runs `docker inspect`, at most 5 s; as long as no container is known also `docker ps`.
        """
        if not self._settings.is_local():
            return unseen() | self._around.boot_facts()
        found = self._inspect()
        facts = self._around.boot_facts() | self._around.process_facts()
        if isinstance(found, Unknown):
            return facts | {"service": Fact(None, found.word), "updating": self._around.updating("")}
        return facts | container_facts(found) | {"updating": self._around.updating(str(found.get("image") or ""))}

    def _inspect(self) -> Container | Unknown:
        self._container = self._container or self._find() or _USUAL_NAME
        if not is_service_name(self._container):
            return Unknown("unknown_container", f"{self._container!r} cannot be the name of a container.")
        ran = ask_container(self._commands, self._container)
        if ran.code == 0 and (found := parse_inspect(ran.out)):
            self._container = found["name"]  # an update makes a new container of the same name
            return found
        return self._why(ran)

    def _why(self, ran: Ran) -> Unknown:
        said = ran.err.lower()
        if ran.code is None:
            return Unknown("no_answer" if ran.timed_out else "no_docker", f"Docker cannot be asked: {ran.err}.")
        if "no such" in said:
            name, self._container = self._container, self._settings.plex_service
            return Unknown("unknown_container", f"Docker knows no container {name!r}.")
        if "permission denied" in said:
            return Unknown("no_rights", "This user may not talk to Docker.")
        return Unknown("no_docker", "Docker does not answer.")

    def _find(self) -> str:
        """The container that the running Plex is in, else the only one made of a known image of Plex; '' = none."""
        return container_of(self._around.main_process(), self._root) or find_container(self._commands)

    # ---- acting --------------------------------------------------------------------------------------

    def abilities(self) -> dict[Action, Ability]:
        """What can be done and why not; asks Docker and what the machine around asks."""
        return self._doer.abilities(self.recipe)

    def act(self, action: Action, interface: str) -> Acted:
        """Does it, within the limits of its steps."""
        return self._doer.carry_out(self.recipe(action, interface))

    def recipe(self, action: Action, interface: str) -> Recipe:
        if action is not Action.RESTART_PLEX or self._settings.restart_command or not self._settings.is_local():
            return self._around.recipe(action, interface)
        found = self._inspect()
        if isinstance(found, Unknown):
            lost = found.word == "unknown_container"
            mend = "Set PLEX_SERVICE to a name of `docker ps -a`." if lost else "Let this program use Docker."
            return refused(found.sentence, f"{mend} Or: {SET_COMMAND}")
        return (Step(("docker", "restart", "-t", "30", str(found["name"])), 75, root=False),)


def container_of(process: psutil.Process | None, root: Path) -> str:
    """The number of the container that a process of this machine is in; '' = in none."""
    within = _SCOPE.search(read_cgroup(root, process.pid)) if process else None
    return within[1] if within else ""


def ask_container(commands: Commands, name: str) -> Ran:
    """`docker inspect` of one container, in the format that `parse_inspect` reads; at most 5 s."""
    return commands.run(("docker", "inspect", "--type", "container", "--format", _FORMAT, name), _SECONDS)


def find_container(commands: Commands) -> str:
    """The name of the only container made of a known image of Plex, running or not; '' = none, or several."""
    ran = commands.run(("docker", "ps", "-a", "--no-trunc", "--format", "{{.Names}}\t{{.Image}}"), _SECONDS)
    rows = [row.split("\t") for row in ran.out.splitlines()] if ran.code == 0 else []
    names = [row[0] for row in rows if len(row) == 2 and _IMAGE.search(row[1])]
    return names[0] if len(names) == 1 else ""


def parse_inspect(text: str) -> Container | None:
    """The answer of `docker inspect` in our own format; None when it is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("state"), dict):
        return None
    return found | {"name": str(found.get("name", "")).lstrip("/")}


def container_facts(found: Container) -> dict[str, Fact]:
    """service and service_restarts (how often Docker brought the container back since it was made)."""
    facts = {"service": _service(found["state"], str(found.get("policy") or ""))}
    if isinstance(found.get("restarts"), int):
        facts["service_restarts"] = Fact(float(found["restarts"]))
    return facts


def _service(state: Mapping[str, Any], policy: str) -> Fact:
    status = state.get("Status")
    if status == "running":
        health = (state.get("Health") or {}).get("Status")
        return Fact(True, "unhealthy" if health == "unhealthy" else "active")
    if status == "paused":
        return Fact(False, "paused")
    if status == "created":
        return Fact(False, "inactive")
    if status == "exited":
        return Fact(False, "inactive" if _was_wanted(state, policy) else "failed")
    return Fact(False, "failed") if status == "dead" else Fact(None, str(status))


def _was_wanted(state: Mapping[str, Any], policy: str) -> bool:
    """Whether somebody stopped the container.

    With these policies Docker itself brings back whatever ran and was not stopped on purpose, unless it could not be
    started; otherwise the exit code tells.
    """
    if state.get("Error"):
        return False
    if policy in ("always", "unless-stopped"):
        return True
    return state.get("ExitCode") in _ENDED_BY_WISH and not state.get("OOMKilled")
