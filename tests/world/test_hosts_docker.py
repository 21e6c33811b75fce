"""Plex in a container, with commands that only pretend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil
import pytest
from machine_rig import FakeCommands, make_root

from keeper.rules.types import Action
from keeper.world.hosts import HostSettings
from keeper.world.hosts.docker import DockerMachine, container_facts, container_of, find_container, parse_inspect
from keeper.world.hosts.linux import LinuxMachine
from keeper.world.hosts.rights import Rights


@pytest.fixture(autouse=True)
def no_processes(monkeypatch) -> None:
    """Only processes that a test starts itself count."""
    monkeypatch.setattr(psutil, "process_iter", lambda: iter(psutil.Process().children()))


@pytest.fixture
def fake() -> FakeCommands:
    return FakeCommands()


# ---------------------------------------------------------------------------------------------- Docker


def inspected(name: str = "plex", policy: str = "unless-stopped", restarts: int = 0, **state: Any) -> str:
    known = {"Status": "running", "ExitCode": 0, "OOMKilled": False, "Error": "", "Pid": 7} | state
    return json.dumps(
        {"name": f"/{name}", "image": "plexinc/pms-docker", "state": known, "restarts": restarts, "policy": policy}
    )


def docker(fake: FakeCommands, root: Path, inside: bool = False, **settings: Any) -> DockerMachine:
    chosen, rights = HostSettings(**settings), Rights(fake, lambda: True)
    return DockerMachine(fake, chosen, LinuxMachine(fake, chosen, root, rights, inside=inside), root, rights)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        (inspected(), (True, "active")),
        (inspected(Health={"Status": "healthy"}), (True, "active")),
        (inspected(Health={"Status": "unhealthy"}), (True, "unhealthy")),
        (inspected(Status="exited", policy="no"), (False, "inactive")),
        (inspected(Status="exited", policy="no", ExitCode=143), (False, "inactive")),
        (inspected(Status="exited", policy="no", ExitCode=137), (False, "inactive")),
        (inspected(Status="exited", policy="no", ExitCode=137, OOMKilled=True), (False, "failed")),
        (inspected(Status="exited", policy="no", ExitCode=1), (False, "failed")),
        (inspected(Status="exited", policy="on-failure", ExitCode=1), (False, "failed")),
        (inspected(Status="exited", ExitCode=1), (False, "inactive")),  # Docker brings back what nobody stopped
        (inspected(Status="exited", ExitCode=128, Error="port is already allocated"), (False, "failed")),
        (inspected(Status="created"), (False, "inactive")),
        (inspected(Status="paused"), (False, "paused")),
        (inspected(Status="restarting"), (None, "restarting")),
        (inspected(Status="removing"), (None, "removing")),
        (inspected(Status="dead"), (False, "failed")),
    ],
)
def test_the_state_of_a_container_becomes_a_fact(text, fact):
    found = parse_inspect(text)
    assert found is not None and container_facts(found)["service"] == fact


def test_what_docker_did_not_say_is_no_container():
    assert all(parse_inspect(text) is None for text in ("", "[]", "{}", '{"state": 3}', "Error"))
    found = parse_inspect(inspected(restarts=4))
    assert found is not None and container_facts(found)["service_restarts"].value == 4.0


def test_the_look_asks_docker_and_not_systemd(fake, tmp_path):
    fake.on("docker inspect", inspected("media"))
    facts = docker(fake, make_root(tmp_path), plex_service="media").look()
    assert facts["service"] == (True, "active") and facts["updating"] == (False, "")
    assert facts["process"] == (False, "gone") and facts["boot_id"].value == "c0ffee"
    assert len(fake.ran) == 1 and fake.ran[0][-1] == "media" and fake.limits == [5.0]


def test_from_inside_a_container_what_is_not_seen_is_unknown(fake, tmp_path):
    machine = docker(fake, make_root(tmp_path, "eth0", route="eth0"), inside=True)
    facts = machine.look()
    assert facts["process"] == (None, "hidden") and facts["updating"] == (None, "hidden")
    assert facts["service"] == (None, "no_docker")
    can = machine.abilities()
    assert not any(ability.can for ability in can.values())
    assert "PLEX_RESTART_COMMAND" in can[Action.RESTART_PLEX].mend and "container" in can[Action.REBOOT].sentence


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ({"code": 1, "err": "Error: No such container: plex"}, "unknown_container"),
        ({"code": 1, "err": "permission denied while trying to connect to the Docker daemon socket"}, "no_rights"),
        ({"code": 1, "err": "Cannot connect to the Docker daemon"}, "no_docker"),
        ({"code": None, "err": "docker is not installed"}, "no_docker"),
        ({"code": None, "timed_out": True}, "no_answer"),
        ({"code": 0, "out": "not json"}, "no_docker"),
    ],
)
def test_why_a_container_is_not_known(fake, tmp_path, answer, word):
    fake.on("docker", **answer)
    machine = docker(fake, make_root(tmp_path), plex_service="plex")
    assert machine.look()["service"] == (None, word)
    can = machine.abilities()[Action.RESTART_PLEX]
    assert can.can is False and can.sentence.endswith(".") and can.mend
    assert machine.act(Action.RESTART_PLEX, "").done is False
    assert not any("restart" in argv for argv in fake.ran)


def test_a_container_is_restarted_by_docker(fake, tmp_path):
    fake.on("docker inspect", inspected())
    fake.on("docker restart", "plex")
    machine = docker(fake, make_root(tmp_path), plex_service="plex")
    assert machine.abilities()[Action.RESTART_PLEX].can is True
    assert machine.act(Action.RESTART_PLEX, "").done is True
    assert fake.lines[-1] == "docker restart -t 30 plex" and fake.limits[-1] > 30


def test_the_container_is_found_by_image_and_followed_by_name(fake, tmp_path):
    fake.on("docker ps", "web\tnginx\nmedia\tlscr.io/linuxserver/plex:latest\nexporter\tme/plex-exporter\n")
    fake.on("docker inspect", inspected("media"))
    machine = docker(fake, make_root(tmp_path))
    machine.look()
    machine.look()
    assert [argv[1] for argv in fake.ran] == ["ps", "inspect", "inspect"] and fake.ran[-1][-1] == "media"
    fake.on("docker inspect", code=1, err="No such container: media")
    machine.look()
    machine.look()
    assert [argv[1] for argv in fake.ran][-2:] == ["ps", "inspect"]  # gone: looked for again


@pytest.mark.parametrize(
    ("image", "is_plex"),
    [
        ("plexinc/pms-docker", True),
        ("docker.io/plexinc/pms-docker:plexpass", True),
        ("ghcr.io/hotio/plex@sha256:1", True),
        ("binhex/arch-plexpass:latest", True),
        ("linuxserver/plex-meta-manager", False),
        ("ghcr.io/me/plex", False),
    ],
)
def test_known_images_are_those_of_plex(fake, image, is_plex):
    fake.on("docker ps", f"it\t{image}\n")
    assert find_container(fake) == ("it" if is_plex else "")
    fake.on("docker ps", f"it\t{image}\nother\tplexinc/pms-docker\n")
    assert find_container(fake) == ("" if is_plex else "other")


def test_a_process_tells_which_container_it_is_in(tmp_path):
    me, number = psutil.Process(), "0123456789abcdef" * 4
    (tmp_path / f"proc/{me.pid}").mkdir(parents=True)
    for path in (f"/system.slice/docker-{number}.scope", f"/docker/{number}", f"/machine.slice/libpod-{number}.scope"):
        (tmp_path / f"proc/{me.pid}/cgroup").write_text(f"0::{path}\n")
        assert container_of(me, tmp_path) == number
    (tmp_path / f"proc/{me.pid}/cgroup").write_text("0::/system.slice/plexmediaserver.service\n")
    assert container_of(me, tmp_path) == "" == container_of(None, tmp_path)
