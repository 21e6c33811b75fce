"""The numbers of this host."""

import os

import psutil
import pytest

from keeper.rules.types import Fact
from keeper.world import vitals
from keeper.world.clock import SystemClock
from keeper.world.vitals import HostLook


@pytest.fixture
def chips(tmp_path):
    """A /sys/class with sensors by name."""

    def make(**degrees):
        for number, (name, value) in enumerate(degrees.items()):
            folder = tmp_path / "hwmon" / f"hwmon{number}"
            folder.mkdir(parents=True)
            (folder / "name").write_text(name + "\n")
            (folder / "temp1_input").write_text(f"{value * 1000:.0f}\n")
        return tmp_path

    return make


def test_the_numbers_are_those_of_the_system():
    look = HostLook(SystemClock(), "machine:boot")
    facts = look.look()
    assert facts["cpu_percent"] == Fact(None, "not yet known")
    assert facts["memory_percent"].value == pytest.approx(psutil.virtual_memory().percent, abs=5)
    assert facts["load1"].value == pytest.approx(os.getloadavg()[0], abs=1)
    assert facts["uptime_s"].value == pytest.approx(SystemClock().now().timestamp() - psutil.boot_time(), abs=5)
    assert facts["boot_id"] == Fact("machine:boot")


def test_work_of_the_processor_since_the_last_look_is_seen(monkeypatch):
    times = iter([(100.0, 900.0), (130.0, 970.0), (130.0, 970.0)])

    class Times(tuple):
        idle = property(lambda self: self[1])

    monkeypatch.setattr(psutil, "cpu_times", lambda: Times(next(times)))
    look = HostLook(SystemClock(), "b")
    assert [look.look()["cpu_percent"].value for _ in range(3)] == [None, 30.0, None]


def test_the_warmth_is_that_of_the_processor_and_no_other_sensor_is_read(chips):
    where = chips(drivetemp=30, acpitz=20, coretemp=61.5)
    (where / "hwmon/hwmon0/temp1_input").unlink()
    (where / "hwmon/hwmon0/temp1_input").mkdir()  # reading it would be an error
    assert HostLook(SystemClock(), "b", where).look()["temperature_c"] == Fact(61.5)


def test_a_sensor_with_a_new_number_is_found_again(chips):
    where = chips(coretemp=50)
    look = HostLook(SystemClock(), "b", where)
    assert look.look()["temperature_c"] == Fact(50.0)
    (where / "hwmon/hwmon0").rename(where / "hwmon/hwmon7")
    assert look.look()["temperature_c"].value is None
    assert look.look()["temperature_c"] == Fact(50.0)


def test_without_a_sensor_there_is_no_temperature(tmp_path):
    assert HostLook(SystemClock(), "b", tmp_path).look()["temperature_c"] == Fact(None, "no sensor")


def test_what_the_system_does_not_tell_spoils_one_number_only(monkeypatch):
    def refused():
        raise PermissionError

    monkeypatch.setattr(vitals.psutil, "virtual_memory", refused)
    facts = HostLook(SystemClock(), "b").look()
    assert facts["memory_percent"] == Fact(None, "PermissionError")
    assert facts["load1"].value is not None
