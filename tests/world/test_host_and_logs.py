"""This host, its clock and its log files."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil
import pytest

from keeper.errors import SettingsError, StoreError
from keeper.rules.types import Hint, Owner
from keeper.world.clock import SystemClock
from keeper.world.cron import CronLines
from keeper.world.host import LocalHost, boot_alone, boot_of
from keeper.world.logs import ScanLogs
from keeper.world.notifications import hints_in
from keeper.world.plex_rows import to_item
from keeper.world.redactor import Redactor


def test_this_process_is_alive_and_one_with_another_start_time_is_not():
    host = LocalHost()
    me = host.me()
    assert me.pid == os.getpid()
    assert host.is_alive(me) is True
    assert host.is_alive(me._replace(started=me.started - 50_000)) is False


def test_a_process_that_ended_is_dead_also_while_nobody_has_collected_it():
    host = LocalHost()
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert host.is_alive(host.me()._replace(pid=child.pid)) is False
    child.wait()
    assert host.is_alive(host.me()._replace(pid=child.pid)) is False


def test_an_earlier_boot_is_dead_and_another_machine_is_unknown():
    host = LocalHost()
    me = host.me()
    machine = me.boot.partition(":")[0]
    assert host.is_alive(me._replace(boot=f"{machine}:earlier")) is False
    assert host.is_alive(Owner("another:boot", me.pid, me.started)) is None


def test_a_machine_that_changes_its_name_within_a_boot_stays_in_that_boot():
    """A container that is made anew, a Mac that gets another host name from the network: the limits hold on."""
    assert boot_alone(Owner("box:4f0c", 1, 1)) == boot_alone(Owner("other-box:4f0c", 2, 2)) == "4f0c"
    assert boot_alone(Owner("4f0c", 1, 1)) == "4f0c"


def test_a_mac_is_known_by_the_session_of_its_kernel_however_its_clock_is_corrected(monkeypatch):
    asked = []
    monkeypatch.setattr(psutil, "boot_time", lambda: 1_750_000_000.0)
    before = boot_of("darwin", lambda name: asked.append(name) or "6E8B1C2D-0000-4000-8000-0123456789AB")
    monkeypatch.setattr(psutil, "boot_time", lambda: 1_750_003_600.0)
    assert boot_of("darwin", lambda name: "6E8B1C2D-0000-4000-8000-0123456789AB") == before
    assert asked == ["kern.bootsessionuuid"]


def test_without_a_word_of_the_kernel_the_time_of_the_boot_has_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(psutil, "boot_time", lambda: 1_750_000_000.9)
    assert boot_of("darwin", lambda name: "") == "1750000000"
    assert boot_of("freebsd14", boot_id=tmp_path / "not there") == "1750000000"


def test_a_c_library_without_sysctl_is_no_accident(monkeypatch):
    """The real reader says nothing then, instead of failing."""
    if sys.platform == "darwin":
        pytest.skip("this is a Mac, and it has one")
    monkeypatch.setattr(psutil, "boot_time", lambda: 1_750_000_000.0)
    assert boot_of("darwin") == "1750000000"


def test_the_boot_of_linux_is_what_its_kernel_says():
    if sys.platform != "linux":
        pytest.skip("not Linux")
    assert LocalHost().me().boot.endswith(":" + Path("/proc/sys/kernel/random/boot_id").read_text().strip())


def test_the_clock_tells_aware_utc_and_a_named_zone(monkeypatch):
    assert SystemClock().now().tzinfo is UTC
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert SystemClock().local_zone() == ZoneInfo("Europe/Berlin")
    monkeypatch.setenv("TZ", "Nowhere/Land")
    assert SystemClock().local_zone() is not None


def test_cron_lines_know_the_next_time_and_refuse_nonsense():
    moment = datetime(2026, 5, 5, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    assert CronLines().next_after("30 3 * * *", moment) == moment.replace(day=6, hour=3, minute=30)
    with pytest.raises(SettingsError, match="03:30"):
        CronLines().next_after("every day", moment)


def logs_in(folder):
    return ScanLogs(folder, SystemClock(), Redactor(["hush-hush"]))


def test_a_scan_log_is_one_line_each_and_keeps_no_secret(tmp_path):
    logs = logs_in(tmp_path)
    with logs.open("20260101-000000-abcdef") as line:
        line("fixed: Title with\nnew line and \r hush-hush")
    (text,) = logs.path("20260101-000000-abcdef").read_text().splitlines()
    assert text.endswith("fixed: Title with new line and   ***")


@pytest.mark.parametrize("job_id", ["../../etc/passwd", "", "a/b", "x" * 50])
def test_what_is_no_job_id_names_no_file(tmp_path, job_id):
    with pytest.raises(StoreError):
        logs_in(tmp_path).path(job_id)


def test_the_tail_of_a_huge_log_reads_only_its_end(tmp_path):
    logs = logs_in(tmp_path)
    path = logs.path("big")
    with path.open("wb") as file:
        file.truncate(200 << 20)  # 200 MB of nothing
        file.seek(0, 2)
        file.write(b"\n" + b"\n".join(b"line %d" % number for number in range(1000)) + b"\n")
    read = []
    real_open = type(path).open

    class Counting:
        def __init__(self, file):
            self._file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self._file.close()

        def seek(self, *where):
            return self._file.seek(*where)

        def read(self, size):
            read.append(size)
            return self._file.read(size)

    try:
        type(path).open = lambda self, mode="r", **more: Counting(real_open(self, mode, **more))
        tail = logs.tail("big", 3)
    finally:
        type(path).open = real_open
    assert tail == "line 997\nline 998\nline 999"
    assert sum(read) <= 1 << 16


def test_an_absent_log_has_an_empty_tail_and_old_logs_go(tmp_path):
    logs = logs_in(tmp_path)
    assert logs.tail("nothing", 5) == ""
    with logs.open("old") as line:
        line("x")
    os.utime(logs.path("old"), (0, 0))
    assert logs.remove_older_than(datetime.now(UTC) - timedelta(days=1)) == 1


@pytest.mark.parametrize(
    ("entry", "hints"),
    [
        ({"itemID": 7, "state": 5}, [Hint("7", "processed")]),
        ({"itemID": "7", "state": "5"}, [Hint("7", "processed")]),
        ({"itemID": 7, "state": 5, "mediaState": "analyzing"}, []),
        ({"itemID": 7, "state": 5, "metadataState": "loading"}, []),
        ({"itemID": 7, "state": 3, "metadataState": "loading"}, [Hint("7", "began")]),
        ({"itemID": 7, "state": 9}, []),
        ({"itemID": 7, "state": "odd"}, []),
        ({"state": 5}, []),
        ({"itemID": 7, "state": 5, "identifier": "tv.plex.providers.epg.onconnect:4"}, []),
    ],
)
def test_timeline_entries_become_hints(entry, hints):
    entry = {"identifier": "com.plexapp.plugins.library"} | entry
    assert hints_in({"TimelineEntry": entry}) == hints
    assert hints_in({"NotificationContainer": {"type": "timeline", "TimelineEntry": [entry, entry]}}) == hints * 2


@pytest.mark.parametrize("odd", [None, [], "x", {}, {"NotificationContainer": 3}, {"TimelineEntry": [1]}])
def test_odd_messages_are_no_hints(odd):
    assert hints_in(odd) == []


def test_odd_rows_of_a_server_become_items_with_gaps():
    item = to_item({"ratingKey": 7, "title": None, "year": "odd", "addedAt": "12", "Guid": [], "summary": None}, "1")
    assert (item.key, item.title, item.year, item.added_at, item.has_ids, item.summary) == ("7", "", 0, 12, False, "")
    with pytest.raises(KeyError):
        to_item({"title": "no key"}, "1")


def test_a_clock_that_is_set_makes_no_living_process_a_dead_one(monkeypatch):
    host = LocalHost()
    real = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: real(self) + 3600)
    assert host.is_alive(host.me()) is True


@pytest.mark.parametrize("odd", [{"year": 10**30}, {"title": "\ud800x"}, {"Field": None}, {"title": ["a"]}])
def test_values_no_store_could_keep_are_made_harmless(odd):
    item = to_item({"ratingKey": "7"} | odd, "1")
    item.title.encode()
    assert item.year < 1 << 53
