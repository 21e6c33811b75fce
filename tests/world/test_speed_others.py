"""Ookla's program and librespeed-cli, with small programs of those names on a path; and what all children share.

The forms of their answers are those that their documentation, their source and reports of their users show.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time

import pytest

from keeper.rules.belief import flaw_of
from keeper.rules.types import Flaw, Measured, SpeedProvider, SpeedRun
from keeper.world.clock import SystemClock
from keeper.world.commands import SystemCommands
from keeper.world.speed import SpeedOptions, meters, ookla
from keeper.world.speed.child import one_line
from keeper.world.speed.librespeed import LibreSpeed
from keeper.world.speed.ookla import Ookla
from keeper.world.speed.traffic import Count
from tests.world.speed_rig import Brake, Progress, bench, is_gone, nothing_left, put_program

IT_IS_OOKLAS = (
    "import sys",
    "if '--version' in sys.argv:",
    "    sys.exit(print('Speedtest by Ookla 1.2.0.84 (ea6b6773cf) Linux/x86_64-linux-musl'))",
)
OOKLA_RESULT = {
    "type": "result", "timestamp": "2026-11-20T00:52:18Z",
    "ping": {"jitter": 0.829, "latency": 18.662, "low": 17.9, "high": 19.3},
    "download": {"bandwidth": 33664374, "bytes": 332488596, "elapsed": 10914, "latency": {"iqm": 39.5}},
    "upload": {"bandwidth": 5250000, "bytes": 52500000, "elapsed": 10001, "latency": {"iqm": 40.1}},
    "isp": "An ISP", "interface": {"externalIp": "203.0.113.7"},
    "server": {"id": 8864, "host": "a.test", "port": 8080, "name": "A Sponsor", "location": "Seattle, WA",
               "country": "United States", "ip": "203.0.113.9"},
    "result": {"id": "1", "url": "https://www.speedtest.net/result/c/1", "persisted": True},
}  # fmt: skip
OOKLA_MEASURED = Measured(
    "8864", "A Sponsor, Seattle, WA, United States", 18.662, 269.314992, 42.0, 332488596, 52500000
)
LIBRE_RESULT = {
    "timestamp": "2026-11-20T02:00:00Z", "server": {"name": "Frankfurt, Germany", "url": "https://fra.example.test/backend/"},
    "client": {"ip": "203.0.113.7"}, "bytes_sent": 78643200, "bytes_received": 176947200,
    "ping": 12.3, "jitter": 0.4, "upload": 41.9, "download": 94.3, "share": "",
}  # fmt: skip
LIBRE_MEASURED = Measured("fra.example.test", "Frankfurt, Germany", 12.3, 94.3, 41.9, 176947200, 78643200)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder of programs that is the first of the path."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def says(out: object = "", err: str = "", code: int = 0) -> tuple[str, ...]:
    text = out if isinstance(out, str) else json.dumps(out)
    return ("import sys", f"print({text!r})", f"sys.stderr.write({err!r})", f"sys.exit({code})")


def measure(meter, brake=None, most_bytes=None, report=None):
    with nothing_left():
        return meter.measure(brake or Brake(), most_bytes, Progress() if report is None else report)


# ------------------------------------------------------------------------------------------------ Ookla


def test_the_answer_of_ooklas_program_is_understood(programs):
    put_program(programs, "speedtest", *IT_IS_OOKLAS, *says(OOKLA_RESULT))
    run = measure(Ookla(bench()))
    assert run.measured == OOKLA_MEASURED and run.flaw is None
    assert run.provider is SpeedProvider.OOKLA and run.bytes == 332488596 + 52500000


def test_the_first_time_it_prints_its_licence_as_well(programs):
    licence = (
        "=" * 78 + "\nYou may only use this {Speedtest} software for personal use.\nLicense acceptance recorded.\n"
    )
    put_program(programs, "speedtest", *IT_IS_OOKLAS, *says(licence + json.dumps(OOKLA_RESULT)))
    assert measure(Ookla(bench())).measured == OOKLA_MEASURED


def test_it_accepts_the_licence_and_gets_the_pinned_server(programs, tmp_path):
    told = tmp_path / "told"
    note = f"open({str(told)!r}, 'w').write(' '.join(sys.argv[1:]))"
    put_program(programs, "speedtest", *IT_IS_OOKLAS, note, *says(OOKLA_RESULT))
    assert measure(Ookla(bench(), "8864")).measured == OOKLA_MEASURED
    assert told.read_text() == "--format=json --progress=no --accept-license --accept-gdpr --server-id=8864"


def test_another_server_than_the_pinned_one_is_no_result(programs):
    put_program(programs, "speedtest", *IT_IS_OOKLAS, *says(OOKLA_RESULT))
    run = measure(Ookla(bench(), "4711"))
    assert run.flaw is Flaw.NO_SERVER and run.measured is None and "8864 instead of 4711" in run.said


LOG = '{{"type":"log","timestamp":"2026-11-20T18:42:58Z","message":"{}","level":"error"}}'


@pytest.mark.parametrize(
    ("out", "err", "code", "flaw", "words"),
    [
        ("", LOG.format("Configuration - Could not retrieve or read configuration (ConfigurationError)"), 2,
         Flaw.BROKEN, "Could not retrieve"),
        (LOG.format("Configuration - Could not retrieve or read configuration (ConfigurationError)"),
         "[2026-11-20 18:42:58.418] [error] Configuration - Cannot retrieve configuration document (403)", 2,
         Flaw.BLOCKED, "Could not retrieve"),
        (LOG.format("Configuration - No servers defined (NoServersException)"), "", 2, Flaw.NO_SERVER, "No servers"),
        ("", LOG.format("Server Selection - Failed to find a working test server. (NoServers)"), 2,
         Flaw.NO_SERVER, "no server"),
        ("", "[2026-08-19 12:21:51.588] [error] Limit reached: Speedtest CLI. Too many requests received.", 173,
         Flaw.BLOCKED, "Limit reached"),
        ("", "terminate called after throwing an instance of 'std::logic_error'", -6, Flaw.BROKEN, "logic_error"),
        ('{"error":"Cannot read: "}', "", 0, Flaw.BROKEN, "Cannot read"),
        ("", "", 0, Flaw.GARBLED, "nothing"),
        ("Download: very fast", "", 0, Flaw.GARBLED, "very fast"),
        (json.dumps(OOKLA_RESULT | {"download": {"bandwidth": "fast", "bytes": 1}}), "", 0, Flaw.GARBLED, "cannot be"),
        (json.dumps(OOKLA_RESULT).replace("33664374", "NaN"), "", 0, Flaw.GARBLED, "cannot be"),
        (json.dumps(OOKLA_RESULT)[:200], "", 0, Flaw.GARBLED, "cannot be"),
        ("[" * 100_000, "", 0, Flaw.GARBLED, "cannot be"),
    ],
)  # fmt: skip
def test_every_complaint_of_ooklas_program_has_its_flaw(programs, out, err, code, flaw, words):
    put_program(programs, "speedtest", *IT_IS_OOKLAS, *says(out, err, code))
    run = measure(Ookla(bench()))
    assert run.flaw is flaw and words in run.said and run.measured is None, run


def test_a_pinned_server_that_ookla_does_not_know_is_named_with_what_to_do(programs):
    complaint = LOG.format("Configuration - No servers defined (NoServersException)")
    put_program(programs, "speedtest", *IT_IS_OOKLAS, *says("", complaint, 2))
    run = measure(Ookla(bench(), "31337"))
    assert run.flaw is Flaw.NO_SERVER and "31337" in run.said and "SPEED_TEST_SERVER" in run.said


def known(meter, seconds: float = 5.0):
    """What it says once it has found out."""
    ends = time.monotonic() + seconds
    while (ability := meter.ready()).can is None and time.monotonic() < ends:
        threading.Event().wait(0.02)
    return ability


def test_the_script_of_the_python_package_is_not_taken_for_ooklas(programs, tmp_path, monkeypatch):
    script = put_program(programs, "speedtest", "import speedtest", "speedtest.main()")
    monkeypatch.setenv("PATH", str(programs))
    assert "speedtest-cli" in SystemCommands(SystemClock()).run((str(script), "--version"), 10).out
    assert known(Ookla(bench())).can is False
    assert measure(Ookla(bench())).flaw is Flaw.NOT_INSTALLED

    behind = put_program(tmp_path / "behind", "speedtest", *IT_IS_OOKLAS, *says(OOKLA_RESULT))
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{behind.parent}")
    assert str(behind) in known(Ookla(bench())).sentence, "one that stands in front hides it"
    assert measure(Ookla(bench())).measured == OOKLA_MEASURED


def test_the_script_of_the_python_package_need_not_even_be_asked(programs, tmp_path, monkeypatch):
    asked = tmp_path / "asked"
    put_program(programs, "speedtest", f"open({str(asked)!r}, 'w')", "from speedtest import main", "main()")
    monkeypatch.setenv("PATH", str(programs))
    assert measure(Ookla(bench())).flaw is Flaw.NOT_INSTALLED and not asked.exists()


def test_a_program_is_asked_once_who_it_is_and_again_when_it_is_another(programs, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(programs))
    asked = tmp_path / "asked"
    note = f"open({str(asked)!r}, 'a').write('x')"
    put_program(programs, "speedtest", note, "print('something else')")
    meter = Ookla(bench())
    assert [known(meter).can for _ in range(3)] == [False] * 3 and asked.read_text() == "x"
    put_program(programs, "speedtest", note, *IT_IS_OOKLAS)
    assert [known(meter).can for _ in range(3)] == [True] * 3 and asked.read_text() == "xx"


DEAF = ("import signal, time", "signal.signal(signal.SIGTERM, signal.SIG_IGN)", "time.sleep(60)")


def test_one_that_does_not_say_who_it_is_keeps_no_page_waiting_and_is_not_asked_again(programs, monkeypatch):
    monkeypatch.setenv("PATH", str(programs))
    put_program(programs, "speedtest", *DEAF)
    meter = Ookla(bench())
    began = time.monotonic()
    assert [meter.ready().can for _ in range(20)] == [None] * 20 and time.monotonic() - began < 0.3
    assert sum(thread.name == "speed-ookla" for thread in threading.enumerate()) == 1
    assert known(meter).can is False and 1 <= time.monotonic() - began < 2
    assert measure(meter).flaw is Flaw.NOT_INSTALLED and time.monotonic() - began < 2.5


def test_one_that_does_not_say_who_it_is_does_not_keep_a_cancel_waiting(programs, monkeypatch):
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(ookla, "PATIENCE", 30.0)
    put_program(programs, "speedtest", *DEAF)
    brake = Brake()
    reports = Progress(brake)
    run = measure(Ookla(bench()), brake, report=reports)
    assert run.flaw is Flaw.STOPPED and run.bytes == 0 and reports.seconds_since() < 1


# ------------------------------------------------------------------------------------------------ LibreSpeed


@pytest.mark.parametrize("answer", [LIBRE_RESULT, [LIBRE_RESULT]], ids=["up to 1.0.9", "later"])
def test_the_answer_of_librespeed_is_understood(programs, answer):
    put_program(programs, "librespeed-cli", *says(answer))
    meter = LibreSpeed(bench())
    run = measure(meter)
    assert run.measured == LIBRE_MEASURED and run.flaw is None
    assert meter.ready().can and str(programs) in meter.ready().sentence


@pytest.mark.parametrize(
    ("out", "err", "code", "flaw", "words"),
    [
        ("null", "", 0, Flaw.NO_SERVER, "does not answer"),
        ("", "", 0, Flaw.NO_SERVER, "does not answer"),
        ("", 'time="..." level=fatal msg="No server is currently available, please try again later."', 1,
         Flaw.NO_SERVER, "None of LibreSpeed's servers"),
        ("", "Error when fetching server list: Get https://librespeed.org/: dial tcp: i/o timeout\n"
             "Terminated due to error", 1, Flaw.BROKEN, "i/o timeout"),
        ("", "Terminated due to error: Get https://a.test/?x=hush: 403 Forbidden", 1, Flaw.BLOCKED, "403"),
        ("[{}]", "", 0, Flaw.GARBLED, "cannot be read"),
        (json.dumps([LIBRE_RESULT | {"server": {"name": "x", "url": ""}}]), "", 0, Flaw.GARBLED, "cannot be read"),
        (json.dumps([LIBRE_RESULT | {"upload": None}]), "", 0, Flaw.GARBLED, "cannot be read"),
    ],
)  # fmt: skip
def test_every_complaint_of_librespeed_has_its_flaw(programs, out, err, code, flaw, words):
    put_program(programs, "librespeed-cli", *says(out, err, code))
    run = measure(LibreSpeed(bench()))
    assert run.flaw is flaw and words in run.said and "hush" not in run.said and run.measured is None, run


def test_where_it_is_not_installed_it_says_how_to_change_that(programs, monkeypatch):
    if shutil.which("librespeed-cli"):
        pytest.skip("librespeed-cli is really installed here")
    ability = LibreSpeed(bench()).ready()
    assert ability.can is False and "Install" in ability.mend
    run = measure(LibreSpeed(bench()))
    assert run.flaw is Flaw.NOT_INSTALLED and run.bytes == 0


# ------------------------------------------------------------------------------------------------ any child


def passing(received: int, sent: int):
    """An interface over which so many bytes a second pass."""
    began = time.monotonic()
    return lambda: {"eth0": Count(*(round((time.monotonic() - began) * rate) for rate in (received, sent)))}


STUBBORN = (
    "import os, signal, sys, time",
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "family = [os.getpid()]",
    "for _ in range(2):",
    "    born = os.fork()",
    "    if born == 0:",
    "        os.fork()",
    "        open(os.path.dirname(sys.argv[0]) + f'/pid-{os.getpid()}', 'w')",
    "        time.sleep(60)",
    "open(os.path.dirname(sys.argv[0]) + f'/pid-{os.getpid()}', 'w')",
    "time.sleep(60)",
)


def family(folder) -> list[int]:
    return [int(file.name.removeprefix("pid-")) for file in folder.glob("pid-*")]


def gone(pids: list[int], seconds: float = 1.0) -> bool:
    """The system needs a moment to put away what was killed."""
    ends = time.monotonic() + seconds
    while not (all_gone := all(map(is_gone, pids))) and time.monotonic() < ends:
        threading.Event().wait(0.02)
    return all_gone


def test_at_its_deadline_a_stubborn_child_is_killed_with_its_whole_family(programs):
    put_program(programs, "librespeed-cli", *STUBBORN)
    began = time.monotonic()
    run = measure(LibreSpeed(bench(), seconds=1.5))
    assert run.flaw is Flaw.TOO_LATE and time.monotonic() - began < 2.6
    pids = family(programs)
    assert len(pids) == 5 and gone(pids), f"alive: {[pid for pid in pids if not is_gone(pid)]}"


def test_even_a_stubborn_child_ends_within_a_second_when_it_is_told_to(programs):
    put_program(programs, "librespeed-cli", *STUBBORN)
    brake = Brake()
    reports = Progress(brake, lambda _: len(family(programs)) == 5)
    run = measure(LibreSpeed(bench()), brake, report=reports)
    assert reports.seconds_since() < 1.0, "it took too long"
    assert run.flaw is Flaw.STOPPED and gone(family(programs))


def test_whoever_breaks_down_while_watching_leaves_no_child(programs):
    put_program(programs, "librespeed-cli", *STUBBORN)

    def report(_progress) -> None:
        if family(programs):
            raise RuntimeError("the store is gone")

    with pytest.raises(RuntimeError, match="the store is gone"):
        measure(LibreSpeed(bench()), report=report)
    assert gone(family(programs))


def test_progress_comes_four_times_a_second_with_the_rates_of_this_machine(programs):
    put_program(programs, "librespeed-cli", "import time", "time.sleep(2)", *says(LIBRE_RESULT))
    reports = Progress()
    measure(LibreSpeed(bench(passing(1_250_000, 250_000))), report=reports)
    assert 6 <= len(reports) <= 10 and reports[-1].seconds == pytest.approx(2, abs=0.4)
    assert {progress.provider for progress in reports} == {SpeedProvider.LIBRESPEED}
    assert reports[-1].receiving_mbps == pytest.approx(10, rel=0.1)
    assert reports[-1].sending_mbps == pytest.approx(2, rel=0.1)


def test_a_child_that_wants_too_many_bytes_is_ended_before_it_has_them(programs):
    put_program(programs, "librespeed-cli", "import time", "time.sleep(30)")
    run = measure(LibreSpeed(bench(passing(10_000_000, 0))), most_bytes=20_000_000)
    assert run.flaw is Flaw.TOO_MANY_BYTES and 10_000_000 < run.bytes <= 20_000_000


@pytest.mark.parametrize("which", ["the brake", "the one who shows it"])
def test_whoever_hangs_while_asked_or_told_delays_neither_limit_nor_deadline(programs, which):
    """A data file that is locked keeps them for ten seconds and more."""
    put_program(programs, "librespeed-cli", "import time", "time.sleep(30)")
    lock, brake = threading.Event(), Brake()
    report = Progress()
    if which == "the brake":
        brake.check = lambda: lock.wait(20)
    else:
        report = lambda _: lock.wait(20)  # noqa: E731
    began = time.monotonic()
    late = measure(LibreSpeed(bench(), seconds=1.0), brake, report=report)
    took = time.monotonic() - began
    greedy = measure(LibreSpeed(bench(passing(10_000_000, 0))), brake, 12_000_000, report)
    lock.set()
    assert late.flaw is Flaw.TOO_LATE and took < 2
    assert greedy.flaw is Flaw.TOO_MANY_BYTES and greedy.bytes <= 12_000_000 and greedy.seconds < 2


def test_one_who_hangs_while_told_does_not_delay_the_brake(programs):
    put_program(programs, "librespeed-cli", "import time", "time.sleep(30)")
    lock, told, brake = threading.Event(), threading.Event(), Brake()

    def report(_progress) -> None:
        brake.pulled.set()
        told.set()
        lock.wait(20)

    began = time.monotonic()
    run = measure(LibreSpeed(bench()), brake, report=report)
    took = time.monotonic() - began
    lock.set()
    assert told.is_set() and run.flaw is Flaw.STOPPED and took < 1.2


def test_at_the_end_of_the_service_a_measurement_is_stopped_and_not_broken(programs):
    put_program(programs, "librespeed-cli", *STUBBORN)
    tools = bench()

    def report(_progress) -> None:
        if len(family(programs)) == 5:
            tools.commands.end_all()

    run = measure(LibreSpeed(tools), report=report)
    assert run.flaw is Flaw.STOPPED and gone(family(programs))


def jumping(received: int):
    """An interface over which that many bytes have passed a moment after the first look."""
    looks: list[int] = []

    def look() -> dict[str, Count]:
        looks.append(received if looks else 0)
        return {"eth0": Count(looks[-1], 0)}

    return look


def told_by(programs, counters, most_bytes=None, **changed):
    put_program(programs, "librespeed-cli", *says(LIBRE_RESULT | changed))
    return measure(LibreSpeed(bench(counters)), most_bytes=most_bytes)


def test_one_that_tells_fewer_bytes_than_its_rates_need_is_charged_what_was_seen(programs):
    assert told_by(programs, jumping(499_000_000), bytes_received=1, bytes_sent=1).bytes == 499_000_000
    honest = told_by(programs, jumping(10**9))
    own = LIBRE_MEASURED.received + LIBRE_MEASURED.sent
    assert honest.bytes == round(own * 1.25), "what is beyond its overhead belongs to others"


def test_one_that_tells_bytes_that_cannot_be_is_cut_to_what_can(programs):
    run = told_by(programs, None, bytes_received=10**16, bytes_sent=1e300)
    assert run.measured.received == run.measured.sent == run.bytes == 10**12


def test_one_that_was_not_let_in_is_not_charged_what_others_moved_meanwhile(programs):
    put_program(programs, "librespeed-cli", *says("", "fatal: 403 Forbidden", 1))
    run = measure(LibreSpeed(bench(jumping(551_000_000))))
    assert run.flaw is Flaw.BLOCKED and run.bytes == 25_000_000


def test_one_that_failed_is_charged_no_more_than_it_was_given(programs):
    put_program(programs, "librespeed-cli", *says("", "the server hung up", 1))
    assert measure(LibreSpeed(bench(jumping(551_000_000))), most_bytes=90_000_000).bytes == 90_000_000
    assert measure(LibreSpeed(bench(jumping(551_000_000)))).bytes == 551_000_000


def test_a_busier_interface_in_the_middle_makes_no_rate_negative(programs):
    put_program(programs, "librespeed-cli", "import time", "time.sleep(1.5)", *says(LIBRE_RESULT))
    began, reports, looks = time.monotonic(), Progress(), list[int]()

    def counters() -> dict[str, Count]:
        looks.append(5_000_000 if looks else 0)
        changed = time.monotonic() - began > 0.7
        return {"eth0": Count(looks[-1], 0),
                "wlan0": Count(0, 9_000_000 if changed else 0)}  # fmt: skip

    measure(LibreSpeed(bench(counters)), report=reports)
    rates = [rate for each in reports for rate in (each.receiving_mbps, each.sending_mbps)]
    assert max(rates) > 1 and min(rates) >= 0


def test_what_is_sent_in_bursts_is_shown_as_an_average(programs):
    """1.25 MB at the full second, and nothing between: ten Mbit/s, and not forty, and not nothing."""
    put_program(programs, "librespeed-cli", "import time", "time.sleep(3.5)", *says(LIBRE_RESULT))
    began, reports = time.monotonic(), Progress()
    bursts = lambda: {"eth0": Count(0, int(time.monotonic() - began) * 1_250_000)}  # noqa: E731
    measure(LibreSpeed(bench(bursts)), report=reports)
    late = [each.sending_mbps for each in reports if each.seconds > 2.6]
    assert len(late) >= 2 and min(late) > 6 and max(late) < 14, late


def test_the_name_that_a_provider_gives_its_server_is_cut(programs):
    put_program(programs, "speedtest", *IT_IS_OOKLAS,
                *says(OOKLA_RESULT | {"server": {"id": "A" * 5_000, "name": "x"}}))  # fmt: skip
    assert len(measure(Ookla(bench())).measured.server) == 64


def test_a_child_that_was_killed_by_somebody_is_broken(programs):
    put_program(programs, "librespeed-cli", "import os, signal", "os.kill(os.getpid(), signal.SIGKILL)")
    assert measure(LibreSpeed(bench())).flaw is Flaw.BROKEN


def test_nothing_secret_of_an_address_is_in_what_is_said():
    said = one_line("Get \x1b[31mhttps://me:hush@a.test:1/list.php?token=hush&x=1 :\n failed, really?")
    assert "hush" not in said and "https://a.test:1/list.php : failed, really?" in said and "\x1b" not in said


def test_the_providers_come_in_the_order_of_the_setting_and_once_each():
    commands = SystemCommands(SystemClock())
    made = meters(("http", "ookla", "speedtest-cli", "http", "librespeed"), SpeedOptions(), commands, SystemClock())
    assert [meter.provider for meter in made] == ["http", "ookla", "speedtest-cli", "librespeed"]
    assert all(meter.most_bytes > 0 for meter in made)
    assert made[0].most_bytes == 200_000_000, "twice what SPEED_TEST_HTTP_MB allows, and not more"


@pytest.mark.parametrize(
    ("provider", "measured"), [(SpeedProvider.OOKLA, OOKLA_MEASURED), (SpeedProvider.LIBRESPEED, LIBRE_MEASURED)]
)
def test_what_is_understood_is_believed(provider, measured):
    assert flaw_of(SpeedRun(provider, measured, seconds=40)) is None
