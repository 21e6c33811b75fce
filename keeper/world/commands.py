"""Running another program: the one place where the service starts any (the simulated server has its own).

Bounded in every direction: an argument list and never a shell, a line of input at the most, 64 KiB of each output, a
time limit for all of it, and an environment without secrets. Whatever goes wrong comes back as a Ran; nothing is
raised.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess  # nosec B404  # this is the place
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from keeper.ports import Clock
from keeper.rules.types import Ran

KEPT_BYTES = 64 * 1024  # of each output; the rest is read and thrown away, so that the program never blocks
GRACE = 2.0  # seconds between asking a group to end and killing it, and again until it is given up
_LAST_WORDS = 0.5  # seconds to read what a program that has ended left in the pipes
_POLL = 0.05
_WATCH = 0.1  # seconds between two looks at whether it shall end early
_SECRET = ("TOKEN", "PASS", "KEY", "SECRET", "CREDENTIAL", "CLAIM")
#: All that a guest gets to see of the environment, in any case of letters.
_FOR_GUESTS = frozenset(
    {"path", "home", "user", "lang", "lc_all", "tz", "tmpdir", "pythonpath", "ssl_cert_file", "ssl_cert_dir",
     "requests_ca_bundle", "http_proxy", "https_proxy", "all_proxy", "no_proxy"}
)  # fmt: skip
_TRY = 1.0  # seconds for a program that does nothing
_BOUND = ("setpriv", "--pdeathsig", "KILL", "--")  # of util-linux: what follows dies with the thread that started it
_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/snap/bin")


class SystemCommands:
    """The Commands port."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._live: dict[int, None] = {}  # the numbers of the groups that run now; changed and copied in one step each
        self._over = False
        self._bound: tuple[str, ...] | None = None  # what makes a guest die with us; None = not looked yet

    @property
    def is_over(self) -> bool:
        """Whether `end_all` was called."""
        return self._over

    def end_all(self) -> None:
        """Kills all that runs now, with its group, and starts nothing any more. For the end of the service: from any
        thread and from within a signal handler, for it waits for nothing and takes no lock."""
        self._over = True
        for group in list(self._live):
            _signal(group, signal.SIGKILL)

    def run(
        self,
        argv: Sequence[str],
        seconds: float,
        watch: Callable[[], bool] | None = None,
        grace: float = GRACE,
        *,
        given: str = "",
        hear: Callable[[str], None] | None = None,
        guest: bool = False,
    ) -> Ran:
        """Runs argv and waits for it, at most `seconds` and grace + GRACE for ending it. Never raises by itself.

        `watch` is asked every 0.1 s, in this thread; True = the program is ended at once. `hear` gets before that what
        it has said so far. Both have to be quick, for the time limit waits behind them. `given` is what it can read:
        short, for what nobody shall see in the list of processes.

        What the program leaves behind in good order goes on living and may go on writing: a start script hands its
        output down to what it starts, and a closed pipe would kill that. Only at the time limit, and when it is ended
        early, the whole process group is ended: asked first, and killed after `grace` seconds. A program that made its
        own session, or belongs to root when we do not, escapes that.

        A `guest` works for us for a while and for nobody else: it sees little of the environment, nothing of its group
        outlives it, and where the system can see to that (Linux) it does not outlive us, whatever ends us.
        """
        began = self._clock.monotonic()
        child = self._started(argv, given, guest)
        if isinstance(child, str):
            return Ran(None, err=child)
        self._live[child.pid] = None
        try:
            outputs = [_Drain(pipe) for pipe in (child.stdout, child.stderr) if pipe is not None]
            over = self._over_by(child, seconds, _watcher(watch, hear, outputs[0]), grace, guest)
        finally:
            del self._live[child.pid]
        out, err = (drain.so_far().strip() if over == "early" else drain.text() for drain in outputs)
        took = self._clock.monotonic() - began
        if over == "late":
            return Ran(None, out, f"not finished after {seconds:g} seconds. {err}".strip(), took, timed_out=True)
        if over:
            return Ran(None, out, f"ended early, after {took:.1f} seconds. {err}".strip(), took)
        return Ran(child.returncode, out, err, took)

    def _started(self, argv: Sequence[str], given: str, guest: bool) -> subprocess.Popen[bytes] | str:
        if self._over:
            return "nothing is started any more"
        environment = clean_environment(os.environ)
        if not guest:
            return _started(argv, environment, given)
        return _started(argv, for_guests(environment), given, self._binding())

    def _binding(self) -> tuple[str, ...]:
        """What makes the system kill a guest when we die; nothing where that does not work. Tried once."""
        if self._bound is None:
            works = sys.platform == "linux" and self.run((*_BOUND, "true"), _TRY).code == 0
            self._bound = _BOUND if works else ()
        return self._bound

    def _over_by(
        self, child: subprocess.Popen[bytes], seconds: float, watch: Callable[[], bool] | None, grace: float,
        guest: bool,
    ) -> str:  # fmt: skip
        """Waits until it is over, and ends what has to be ended. What `_awaited` says."""
        try:
            over = self._awaited(child, seconds, watch) or ("early" if self._over else "")
        except BaseException:  # of watch or hear: theirs to know, but the program is ours
            _end_group(child, grace)
            raise
        if over:
            _end_group(child, 0.0 if self._over else grace)
        elif guest:
            _signal(child.pid, signal.SIGKILL)
        return over

    def _awaited(self, child: subprocess.Popen[bytes], seconds: float, watch: Callable[[], bool] | None) -> str:
        """'' = it has ended by itself; else why it has to be ended: late, or early."""
        if self._over:  # `end_all` did not know of it yet
            return "early"
        if watch is None:
            return "late" if _still_runs(child, seconds) else ""
        ends = self._clock.monotonic() + seconds
        while _still_runs(child, min(_WATCH, ends - self._clock.monotonic())):
            if self._clock.monotonic() >= ends:
                return "late"
            if watch():
                return "early"
        return ""


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a program gets to see: no secrets, untranslated messages, the folders where system programs live, and a
    home, for want of which some break down."""
    kept = {name: text for name, text in environment.items() if not any(word in name.upper() for word in _SECRET)}
    path = [folder for folder in kept.get("PATH", "").split(os.pathsep) if folder]
    path += [folder for folder in _FOLDERS if folder not in path]
    kept.setdefault("HOME", os.path.expanduser("~"))
    return kept | {"PATH": os.pathsep.join(path), "LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}


def for_guests(environment: Mapping[str, str]) -> dict[str, str]:
    """What a guest sees: not the addresses that we tell things to, nor whatever else a person put into .env."""
    return {name: text for name, text in environment.items() if name.lower() in _FOR_GUESTS}


def _started(
    argv: Sequence[str], environment: Mapping[str, str], given: str, binding: Sequence[str] = ()
) -> subprocess.Popen[bytes] | str:
    """The running program, or a sentence why there is none."""
    if not argv:
        return "no command was given"
    if binding and shutil.which(argv[0], path=environment["PATH"]) is None:
        binding = ()  # so that why it cannot be started is told as ever
    try:
        child = subprocess.Popen(  # nosec B603  # an argument list, no shell
            [*binding, *argv],
            stdin=subprocess.PIPE if given else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env=environment,
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError):  # a folder of the path that is closed to us also says: permission
        there = os.path.exists(argv[0]) if "/" in argv[0] else shutil.which(argv[0], os.F_OK, environment["PATH"])
        return (
            f"{argv[0]} may not be executed" if there else f"{argv[0]} is not installed, or not in the path of programs"
        )
    except (OSError, ValueError, subprocess.SubprocessError) as problem:  # no memory, no processes, a zero byte
        return f"{argv[0]} could not be started: {problem}"
    if child.stdin is not None:
        _give(child.stdin, given)
    return child


def _give(pipe: IO[bytes], text: str) -> None:
    """Short enough to fit into the pipe, so nobody waits for a reader. How a program ends that did not want it, and
    closed the pipe, is told by the program itself."""
    with contextlib.suppress(BrokenPipeError), pipe:
        pipe.write(text.encode())


def _watcher(
    watch: Callable[[], bool] | None, hear: Callable[[str], None] | None, output: _Drain
) -> Callable[[], bool] | None:
    """Hearing and watching as one."""
    if hear is None:
        return watch

    def look() -> bool:
        hear(output.so_far())
        return watch is not None and watch()

    return look


class _Drain:
    """Reads one output to its end in a thread of its own, keeping the first KEPT_BYTES."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe, self._kept = pipe, bytearray()
        self._thread = threading.Thread(target=self._read, name="command output", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no more threads: the program runs without anybody listening
            pipe.close()

    def _read(self) -> None:
        with self._pipe:
            while chunk := os.read(self._pipe.fileno(), 65536):
                self._kept += chunk[: KEPT_BYTES - len(self._kept)]

    def text(self) -> str:
        """What has come so far, once the end was reached or a short while has passed."""
        if self._thread.ident is not None:
            self._thread.join(_LAST_WORDS)
        return self.so_far().strip()

    def so_far(self) -> str:
        return bytes(self._kept).decode("utf-8", "replace")


def _still_runs(child: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        child.wait(max(seconds, 0.0))
    except subprocess.TimeoutExpired:
        return True
    return False


def _end_group(child: subprocess.Popen[bytes], grace: float) -> None:
    """SIGTERM to the whole group, SIGKILL to what is left of it; what even survives that is left to the system."""
    _signal(child.pid, signal.SIGTERM)
    _signal(child.pid, signal.SIGCONT)  # a stopped one would not hear it
    if not _group_ended(child, grace):
        _signal(child.pid, signal.SIGKILL)
        _still_runs(child, GRACE)


def _signal(group: int, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # gone already, or root's, as sudo is
        os.killpg(group, sign)


def _group_ended(child: subprocess.Popen[bytes], grace: float) -> bool:
    pause = threading.Event()
    for _ in range(round(grace / _POLL)):
        child.poll()
        try:
            os.killpg(child.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # somebody is there
        pause.wait(_POLL)
    return False
