"""Running other programs, with real ones that behave badly."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from keeper.world import commands
from keeper.world.clock import SystemClock
from keeper.world.commands import KEPT_BYTES, SystemCommands, clean_environment


@pytest.fixture
def seam() -> SystemCommands:
    return SystemCommands(SystemClock())


def python(*lines: str) -> tuple[str, ...]:
    return (sys.executable, "-c", "\n".join(lines))


def wait_for(what, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def test_the_answer_holds_code_and_both_outputs(seam):
    ran = seam.run(("sh", "-c", "echo told; echo complained >&2; exit 3"), 10)
    assert (ran.code, ran.out, ran.err, ran.timed_out) == (3, "told", "complained", False)
    assert 0 <= ran.seconds < 5


def test_arguments_reach_the_program_as_they_are(seam):
    assert seam.run(("printf", "%s|", "a b", "$(id)", "; reboot", "*"), 10).out == "a b|$(id)|; reboot|*|"


def test_it_reads_nothing_and_runs_in_a_group_of_its_own(seam):
    ran = seam.run(
        python("import os, sys", "print(sys.stdin.read() == '', os.getpgrp() == os.getpid(), os.getcwd())"), 10
    )
    assert ran.out == "True True /"


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (("no-such-program-here",), "not installed"),
        (("/etc/passwd",), "may not be executed"),
        (("/etc",), "may not be executed"),
        (("echo", "a\0b"), "could not be started"),
        ((), "no command"),
    ],
)
def test_what_cannot_be_started_is_told_in_a_sentence(seam, argv, sentence):
    ran = seam.run(argv, 10)
    assert ran.code is None and not ran.timed_out and sentence in ran.err


def test_a_machine_without_memory_or_processes_is_told_too(seam, monkeypatch):
    def refuse(*_arguments, **_options):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(commands.subprocess, "Popen", refuse)
    assert seam.run(("true",), 1) == commands.Ran(
        None, err="true could not be started: [Errno 11] Resource temporarily unavailable"
    )


def test_a_flood_of_output_is_cut_and_does_not_block(seam):
    flood = python("import sys", "for s in (sys.stdout, sys.stderr):", "    s.write('x' * 20_000_000)", "print('end')")
    ran = seam.run(flood, 30)
    assert ran.code == 0 and len(ran.out) == KEPT_BYTES and len(ran.err) == KEPT_BYTES


def test_an_endless_flood_ends_at_the_limit(seam):
    ran = seam.run(("yes",), 0.3)
    assert ran.code is None and ran.timed_out and len(ran.out) <= KEPT_BYTES


def test_bytes_that_are_no_text_do_no_harm(seam):
    assert "\N{REPLACEMENT CHARACTER}" in seam.run(("printf", "\\377ok"), 10).out


def test_at_its_limit_it_may_clean_up(seam, tmp_path):
    mark = tmp_path / "cleaned"
    ran = seam.run(("sh", "-c", f"trap 'touch {mark}; exit 0' TERM; while :; do sleep 0.05; done"), 0.3)
    assert ran.timed_out and ran.code is None and "0.3 seconds" in ran.err and ran.seconds < 2
    assert mark.exists()


def test_one_that_ignores_the_request_is_killed(seam):
    deaf = python("import os, signal, time", "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
                  "print(os.getpid(), flush=True)", "time.sleep(60)")  # fmt: skip
    ran = seam.run(deaf, 0.6)
    assert ran.timed_out and 2 <= ran.seconds < 5
    assert not psutil.pid_exists(int(ran.out))


def test_grandchildren_end_with_it(seam):
    family = python(
        "import os, signal, time",
        "for deaf in (False, True):",
        "    if os.fork() == 0:",
        "        signal.signal(signal.SIGTERM, signal.SIG_IGN if deaf else signal.SIG_DFL)",
        "        os.write(1, f'{os.getpid()} '.encode())",
        "        time.sleep(60)",
        "time.sleep(60)",
    )
    ran = seam.run(family, 1)
    pids = [int(line) for line in ran.out.split()]
    assert len(pids) == 2 and ran.timed_out
    assert wait_for(lambda: all(_is_gone(pid) for pid in pids))


def test_a_stopped_program_is_ended_too(seam):
    ran = seam.run(
        python("import os, signal", "print(os.getpid(), flush=True)", "os.kill(os.getpid(), signal.SIGSTOP)"), 0.6
    )
    assert ran.timed_out and not psutil.pid_exists(int(ran.out))


def test_what_a_start_script_leaves_behind_lives_and_may_write(seam, tmp_path):
    """Restarting Plex by a script of its owner: the new Plex inherits the output of the script."""
    notes = tmp_path / "notes"
    server = f"for i in 1 2 3 4 5 6 7 8 9 10; do echo talking; sleep 0.1; done; echo survived > {notes}; sleep 30"
    ran = seam.run(("sh", "-c", f"({server}) & echo $!"), 10)
    assert ran.code == 0 and ran.seconds < 5
    assert wait_for(notes.exists)
    os.killpg(os.getpgid(int(ran.out.split()[0])), signal.SIGKILL)


def test_no_secret_gets_into_the_environment(seam, monkeypatch):
    for name in ("PLEX_TOKEN", "GUI_PASSWORD", "PSR_COOKIE_KEY", "my_secret", "PLEX_CLAIM", "DB_PASSWD"):
        monkeypatch.setenv(name, "hush-hush")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    seen = seam.run(("env",), 10).out
    assert "hush-hush" not in seen and "LC_ALL=C\n" in seen and "HOME=" in seen


def test_programs_of_root_are_found_with_a_poor_path():
    path = clean_environment({"PATH": "/opt/mine::/usr/bin"})["PATH"].split(":")
    assert path[:2] == ["/opt/mine", "/usr/bin"] and "/usr/sbin" in path and "" not in path
    assert clean_environment({})["PATH"]


def test_nothing_is_left_behind(seam):
    me = psutil.Process()
    open_before = me.num_fds()
    for _ in range(20):
        seam.run(("true",), 5)
    seam.run(("sleep", "30"), 0.1)
    assert wait_for(lambda: me.num_fds() <= open_before)
    assert wait_for(lambda: not any(thread.name == "command output" for thread in threading.enumerate()))
    assert not [child for child in me.children() if child.status() == psutil.STATUS_ZOMBIE]


def test_many_threads_may_run_programs_at_once(seam):
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(seam.run(("echo", str(n)), 20).out)) for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, answers)) == list(range(20))


def test_without_threads_it_still_runs(seam, monkeypatch):
    monkeypatch.setattr(threading.Thread, "start", _no_more_threads)
    assert seam.run(("sleep", "0.01"), 5).code == 0


def _no_more_threads(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def _is_gone(pid: int) -> bool:
    """Ended; in a container nobody may collect an orphan, so a zombie counts as gone."""
    stat = Path(f"/proc/{pid}/stat")
    if sys.platform == "linux":
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"
    return not psutil.pid_exists(pid)


# ------------------------------------------------------------------------------------------------ ended early


def test_whoever_watches_may_end_it_at_once(seam):
    looks: list[float] = []

    def enough() -> bool:
        looks.append(time.monotonic())
        return len(looks) == 3

    ran = seam.run(python("print('begun', flush=True)", "import time", "time.sleep(60)"), 30, enough)
    assert (ran.code, ran.timed_out, ran.out) == (None, False, "begun") and "ended early" in ran.err
    assert len(looks) == 3 and 0.2 <= ran.seconds < 1


def test_one_that_is_watched_ends_by_itself_and_at_its_limit_all_the_same(seam):
    assert seam.run(("sh", "-c", "sleep 0.3; exit 4"), 10, lambda: False).code == 4
    ran = seam.run(("sleep", "60"), 0.4, lambda: False)
    assert ran.timed_out and ran.seconds < 1.5


def test_the_grace_of_one_that_does_not_want_to_end_can_be_short(seam):
    deaf = python("import signal, time", "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
                  "print('deaf', flush=True)", "time.sleep(60)")  # fmt: skip
    heard: list[str] = []
    began = time.monotonic()
    ran = seam.run(deaf, 30, lambda: "deaf" in "".join(heard), 0.3, hear=heard.append)
    assert ran.code is None and "ended early" in ran.err and 0.3 < time.monotonic() - began < 1.5


def test_what_it_has_said_so_far_can_be_heard(seam):
    heard: list[str] = []
    ran = seam.run(("sh", "-c", "echo one; sleep 0.4; echo two; sleep 0.4"), 10, hear=heard.append)
    assert ran.out == "one\ntwo" and "one\n" in heard and heard[-1] == "one\ntwo\n"


def test_what_nobody_else_shall_see_is_given_to_it(seam):
    assert seam.run(("cat",), 10, given='{"token": "hush ü"}').out == '{"token": "hush ü"}'
    assert seam.run(("true",), 10, given="nobody reads this").code == 0


def test_when_the_watcher_breaks_down_nothing_is_left_running(seam):
    def broken() -> bool:
        raise RuntimeError("no more")

    before = len(psutil.Process().children())
    with pytest.raises(RuntimeError, match="no more"):
        seam.run(("sleep", "60"), 30, broken)
    assert len(psutil.Process().children()) == before


def test_the_way_to_the_outside_reaches_the_program():
    way = {"http_proxy": "http://p:3128", "HTTPS_PROXY": "http://p:3128", "no_proxy": "localhost", "ALL_PROXY": "x",
           "SSL_CERT_FILE": "/ca.pem", "SSL_CERT_DIR": "/cas", "REQUESTS_CA_BUNDLE": "/ca.pem"}  # fmt: skip
    assert way.items() <= clean_environment(way).items()


def test_every_program_has_a_home():
    assert clean_environment({})["HOME"] and clean_environment({"HOME": "/mine"})["HOME"] == "/mine"


# ------------------------------------------------------------------------------------------------ guests, and the end


def test_whatever_runs_is_killed_from_another_thread_and_nothing_is_started_any_more(seam, tmp_path):
    mark = tmp_path / "began"
    deaf = f"trap '' TERM; sleep 60 & touch {mark}; echo $!; wait; sleep 60"
    answers: list[commands.Ran] = []
    thread = threading.Thread(target=lambda: answers.append(seam.run(("sh", "-c", deaf), 30)))
    thread.start()
    assert wait_for(mark.exists)
    began = time.monotonic()
    seam.end_all()
    assert time.monotonic() - began < 0.1, "it waited for something"
    thread.join(5)
    assert seam.is_over and time.monotonic() - began < 1
    assert answers[0].code is None and "ended early" in answers[0].err
    assert wait_for(lambda: _is_gone(int(answers[0].out)))
    assert seam.run(("true",), 5) == commands.Ran(None, err="nothing is started any more")


def test_a_program_that_was_just_started_when_all_are_ended_is_ended_too(seam, monkeypatch):
    start = commands._started

    def start_and_be_overtaken(*given):
        child = start(*given)
        seam.end_all()
        return child

    monkeypatch.setattr(commands, "_started", start_and_be_overtaken)
    ran = seam.run(("sleep", "60"), 30)
    assert ran.code is None and ran.seconds < 1


def test_a_guest_dies_with_us_even_when_we_are_killed():
    if sys.platform != "linux" or not shutil.which("setpriv"):
        pytest.skip("only Linux with util-linux can do that")
    us = "\n".join((
        "from keeper.world.clock import SystemClock", "from keeper.world.commands import SystemCommands",
        "say = lambda text: print(text, end='', flush=True)",
        "SystemCommands(SystemClock()).run(('sh', '-c', 'echo $$; exec sleep 60'), 30, hear=say, guest=True)",
    ))  # fmt: skip
    host = subprocess.Popen((sys.executable, "-c", us), stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    guest = int(host.stdout.readline())
    host.kill()
    host.wait(5)
    host.stdout.close()
    assert wait_for(lambda: _is_gone(guest)), "it went on without us"


def test_without_a_way_to_bind_it_a_guest_runs_all_the_same(seam, monkeypatch):
    monkeypatch.setattr(commands, "_BOUND", ("no-such-program-here",))
    assert seam.run(("echo", "here"), 10, guest=True).out == "here"


@pytest.mark.parametrize(("argv", "words"), [(("no-such-program",), "not installed"), ((), "no command")])
def test_a_guest_that_is_not_there_is_told_as_ever(seam, argv, words):
    ran = seam.run(argv, 5, guest=True)
    assert ran.code is None and words in ran.err


def test_nothing_of_a_guest_outlives_it(seam):
    ran = seam.run(("sh", "-c", "sleep 60 & echo $!"), 10, guest=True)
    assert ran.code == 0 and wait_for(lambda: _is_gone(int(ran.out)), 1)


def test_a_guest_sees_only_what_it_needs(seam, monkeypatch):
    for name in ("WEBHOOK_URL", "HEALTH_PING_URL", "SPEED_TEST_DOWNLOAD_URL", "TELEGRAM_CHAT_ID", "PLEX_URL"):
        monkeypatch.setenv(name, "hush-hush")
    monkeypatch.setenv("https_proxy", "http://p:3128")
    monkeypatch.setenv("SSL_CERT_FILE", "/ca.pem")
    seen = seam.run(("env",), 10, guest=True).out
    assert "hush-hush" not in seen and "https_proxy=http://p:3128" in seen and "SSL_CERT_FILE=/ca.pem" in seen
    assert "PATH=" in seen and "HOME=" in seen and "LC_ALL=C" in seen
    assert "hush-hush" in seam.run(("env",), 10).out, "a script of the owner may need it"


def test_ending_early_does_not_wait_for_one_who_left_the_group_and_holds_the_output(seam, tmp_path):
    note = tmp_path / "pid"
    ran = seam.run(("sh", "-c", f"setsid sh -c 'echo $$ > {note}; exec sleep 60' & sleep 60"), 30, note.exists, 0.2)
    os.kill(int(note.read_text()), signal.SIGKILL)
    assert ran.code is None and ran.seconds < 0.8
