"""Plex among real processes: programs that carry its name, are killed, stopped, left uncollected, imitated."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from machine_rig import FakeCommands, make_root, program, start

from keeper.world.clock import SystemClock
from keeper.world.hosts import processes
from keeper.world.hosts.linux import LinuxMachine
from keeper.world.hosts.packages import lock_is_held, updating
from keeper.world.hosts.processes import Processes, program_of
from keeper.world.hosts.settings import HostSettings

MAIN = "Plex Media Server"


@pytest.fixture
def run(tmp_path) -> Iterator:
    """Starts programs that end with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(name: str = MAIN, *arguments: str, called: str = "") -> subprocess.Popen[bytes]:
        child = start(program(tmp_path / "lib", name), *arguments, called=called)
        started.append(child)
        end = time.monotonic() + 5  # until the new program has taken over the copy of ours
        while psutil.Process(child.pid).exe() != str(tmp_path / "lib" / name) and time.monotonic() < end:
            time.sleep(0.01)
        return child

    yield begin
    for child in started:
        with suppress(ProcessLookupError):
            child.send_signal(signal.SIGKILL)
        child.wait()


@pytest.fixture
def machine() -> LinuxMachine:
    return LinuxMachine(FakeCommands(), HostSettings())


def state(machine: LinuxMachine) -> tuple[object, str]:
    fact = machine.process_facts()["process"]
    return fact.value, fact.detail


@pytest.fixture(autouse=True)
def only_ours(monkeypatch) -> None:
    """Tests run side by side, and perhaps beside a real Plex: the list of processes is that of our own children."""
    monkeypatch.setattr(psutil, "process_iter", lambda: iter(psutil.Process().children(recursive=True)))


def test_the_running_server_is_seen_with_its_memory_and_age(machine, run):
    assert state(machine) == (False, "gone")
    before = time.time()
    child = run()
    facts = machine.process_facts()
    assert facts["process"] == (True, "running")
    assert 0 < facts["plex_memory_mb"].value < 100
    assert abs(facts["plex_started"].value - before) < 5
    assert 0 <= facts["plex_age_s"].value < 10
    assert machine.main_process().pid == child.pid


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the age is reckoned from times of day")
@pytest.mark.parametrize("step", [3600.0, -21_600.0])
def test_a_clock_that_was_set_changes_no_age(monkeypatch, step):
    eldest, uptime = psutil.Process(1), SystemClock().uptime()
    before = processes.facts_of(eldest, uptime)["plex_age_s"].value
    real = psutil.boot_time()
    monkeypatch.setattr(psutil, "boot_time", lambda: real + step)  # the kernel's time of the boot moves with the clock
    assert processes.facts_of(eldest, uptime)["plex_age_s"].value == before > 0


def test_an_age_that_no_process_of_this_machine_can_have_is_unknown(run):
    process = psutil.Process(run().pid)
    assert processes.facts_of(process, 1.0)["plex_age_s"] == (None, "clock")  # of a container that started just now
    assert processes._age(500.0, 400.0) == (None, "clock")
    assert processes._age(-0.01, 400.0) == (0.0, "")


def test_one_that_ends_while_its_age_is_read_is_gone(run, monkeypatch):
    process = psutil.Process(run().pid)
    monkeypatch.setattr(processes, "_born", lambda _: int(Path("/proc/0/stat").read_text()))
    assert processes.facts_of(process, 400.0) == {"process": (False, "gone")}


def test_killed_it_is_gone_at_once_also_while_nobody_has_collected_it(machine, run):
    child = run()
    assert state(machine) == (True, "running")
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    assert state(machine) == (False, "gone")
    child.wait()
    assert state(machine) == (False, "gone")


def test_stopped_by_a_signal_it_is_there_but_the_word_tells(machine, run):
    child = run()
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    assert state(machine) == (True, "stopped_by_signal")
    child.send_signal(signal.SIGCONT)
    os.waitid(os.P_PID, child.pid, os.WCONTINUED | os.WNOWAIT)
    assert state(machine) == (True, "running")


def test_in_a_crash_loop_every_new_process_is_found(machine, run):
    pids = []
    for _ in range(5):
        child = run()
        pids.append(machine.main_process().pid)
        assert pids[-1] == child.pid and state(machine) == (True, "running")
        child.kill()
        child.wait()
        assert state(machine) == (False, "gone")
    assert len(set(pids)) == 5


def test_while_it_lives_the_list_of_processes_is_not_read_again(machine, run, monkeypatch):
    run()
    assert state(machine) == (True, "running")
    monkeypatch.setattr(processes, "listed", lambda _names: pytest.fail("read the list"))
    assert state(machine) == (True, "running")


def test_another_process_under_the_old_number_is_not_taken_for_it(run):
    seen = Processes()
    child = run()
    assert seen.main().pid == child.pid
    seen._main._ident = (child.pid, 1.0)  # as if the number had been given to this process later on
    seen._main._create_time = 1.0
    assert not processes._lives(seen._main)


def test_what_only_carries_the_name_is_not_the_server(machine, run, tmp_path):
    log = tmp_path / f"{MAIN}.log"
    log.touch()
    tail = subprocess.Popen(["tail", "-f", str(log)])
    script = tmp_path / MAIN
    script.write_text("#!/bin/sh\nread line\n")
    script.chmod(0o755)
    imitation = subprocess.Popen([str(script)], stdin=subprocess.PIPE)
    run("Plex Media Scanner")
    run("Plex Media Server Updater")
    run("Plex Script Host", called="Plex Plug-in [com.plexapp.system]")
    run("Plex Transcoder", called=f"/usr/lib/plexmediaserver/{MAIN}")
    time.sleep(0.1)
    assert state(machine) == (False, "gone")
    for child in (tail, imitation):
        child.kill()
        child.communicate()


def test_the_server_is_recognised_whatever_it_calls_itself(machine, run):
    run(called="pms")
    assert state(machine) == (True, "running")


def test_a_file_replaced_by_an_update_does_not_hide_the_running_server(machine, run, tmp_path):
    run()
    (tmp_path / "lib" / MAIN).unlink()
    assert state(machine) == (True, "running")


def test_of_several_the_oldest_is_the_server(machine, run):
    first = run()
    time.sleep(0.05)
    run()
    assert machine.main_process().pid == first.pid


def test_where_the_file_is_hidden_the_name_it_gives_itself_counts(monkeypatch):
    class Hidden:
        def exe(self):
            raise psutil.AccessDenied(1)

        def cmdline(self):
            return [f"/usr/lib/plexmediaserver/{MAIN}", "--x"]

    assert program_of(Hidden()) == MAIN

    class Secret(Hidden):
        cmdline = Hidden.exe

    assert program_of(Secret()) == ""


def test_where_other_users_are_hidden_absence_proves_nothing(tmp_path, run):
    root = make_root(tmp_path / "root", seen=False)
    machine = LinuxMachine(FakeCommands(), HostSettings(), root)
    assert state(machine) == (None, "hidden")
    assert machine.updating("") == (None, "hidden")
    child = run()
    assert state(machine) == (True, "running")
    child.kill()
    child.wait()
    assert state(machine) == (False, "gone")  # this one was ours to see


# ---------------------------------------------------------------------------------------------- updates


def hold_lock(root: Path, file: str = "var/lib/dpkg/lock-frontend") -> subprocess.Popen[bytes]:
    """A process that holds the lock as dpkg does, and the kernel's own list of locks within the made-up root."""
    lock = root / file
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    code = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, 2); print(1, flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", code, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline()
    (root / "proc/locks").unlink(missing_ok=True)
    (root / "proc/locks").symlink_to("/proc/locks")
    return child


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/locks")
def test_a_held_package_lock_is_seen_without_the_rights_to_try_it(tmp_path):
    root = make_root(tmp_path)
    assert not lock_is_held(root)
    holder = hold_lock(root)
    assert lock_is_held(root) and updating(root) == (None, "packages")
    holder.communicate()
    assert not lock_is_held(root) and updating(root) == (False, "")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/locks")
def test_the_lock_together_with_a_package_process_that_names_plex_is_an_update(tmp_path, run):
    root = make_root(tmp_path / "root")
    run("dpkg", "300", called="dpkg")
    holder = hold_lock(root)
    assert updating(root) == (None, "packages")  # some other package
    script = tmp_path / "plexmediaserver.postinst"
    script.write_text("#!/bin/sh\nread line\n")
    script.chmod(0o755)
    postinst = subprocess.Popen([str(script), "configure"], stdin=subprocess.PIPE)
    assert _soon(lambda: updating(root).value is True)
    holder.communicate()
    assert updating(root) == (False, "")  # without the lock: somebody looks at the script
    postinst.communicate()


@pytest.mark.parametrize("name", ["Plex Updater", "Plex Media Server Updater"])
def test_plex_s_own_updater_at_work_is_an_update(tmp_path, run, name):
    root = make_root(tmp_path / "root")
    child = run(name)
    assert updating(root) == (True, name)
    child.kill()
    child.wait()
    assert updating(root) == (False, "")


def test_a_pull_of_the_image_is_an_update(tmp_path):
    root = make_root(tmp_path / "root")
    docker = tmp_path / "docker"
    docker.symlink_to(sys.executable)
    wait = "import sys; sys.stdin.read()"
    pull = subprocess.Popen(
        [str(docker), "-c", wait, "pull", "plexinc/pms-docker:latest"],
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONHOME": sys.base_prefix},
    )
    try:
        if not _soon(lambda: psutil.Process(pull.pid).name() == "docker"):
            pytest.skip("the name of a process is that of its file here")
        assert _soon(lambda: updating(root, "plexinc/pms-docker:latest").value is True)
        assert updating(root, "plexinc/pms-docker").value is True
        assert updating(root, "linuxserver/plex").value is False
    finally:
        pull.communicate()


def _soon(what) -> bool:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False
