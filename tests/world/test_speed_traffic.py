"""Counting what passes this machine's interfaces."""

from __future__ import annotations

import psutil
import pytest

from keeper.world.speed.traffic import Count, Traffic


class Interfaces:
    """Counters that a test turns."""

    def __init__(self, **counts: Count) -> None:
        self.counts = counts

    def __call__(self) -> dict[str, Count]:
        return dict(self.counts)

    def add(self, name: str, received: int, sent: int) -> None:
        before = self.counts.get(name, Count())
        self.counts[name] = Count(before.received + received, before.sent + sent)


@pytest.fixture
def net(tmp_path):
    """The system's folder of interfaces; `device` says that there is hardware behind one."""
    for name in ("eth0", "br0", "wg0"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_it_counts_from_the_beginning_on(net):
    interfaces = Interfaces(eth0=Count(1000, 500))
    meter = Traffic(interfaces, net).meter()
    assert meter.count() == Count(0, 0)
    interfaces.add("eth0", 70, 7)
    assert meter.count() == Count(70, 7) and meter.count().all == 77


def test_what_goes_through_a_bridge_or_a_tunnel_is_not_counted_twice(net):
    interfaces = Interfaces(eth0=Count(), br0=Count(), wg0=Count())
    meter = Traffic(interfaces, net).meter()
    for name, received in (("eth0", 1040), ("br0", 1000), ("wg0", 990)):
        interfaces.add(name, received, 10)
    assert meter.count() == Count(1040, 10)


def test_where_hardware_is_known_only_hardware_counts(net):
    (net / "eth0" / "device").mkdir()
    interfaces = Interfaces(eth0=Count(), br0=Count())
    meter = Traffic(interfaces, net).meter()
    interfaces.add("br0", 10**9, 10**9)  # containers among themselves
    interfaces.add("eth0", 5, 5)
    assert meter.count() == Count(5, 5)


def test_what_stays_within_this_machine_does_not_count(net):
    interfaces = Interfaces(lo=Count(), lo0=Count(), eth0=Count())
    meter = Traffic(interfaces, net).meter()
    interfaces.add("lo", 10**9, 10**9)
    interfaces.add("lo0", 10**9, 10**9)
    assert meter.count() == Count(0, 0)


def test_an_interface_that_is_new_or_was_made_anew_counts_from_zero(net):
    interfaces = Interfaces(eth0=Count(10**6, 10**6))
    meter = Traffic(interfaces, net).meter()
    interfaces.counts = {"eth0": Count(300, 20), "wwan0": Count(100, 10)}
    assert meter.count() == Count(300, 20)
    interfaces.add("wwan0", 900, 0)
    assert meter.count() == Count(1000, 10)


def test_what_is_not_told_is_unknown_and_not_zero(net):
    assert Traffic(dict, net).meter().count() is None
    assert Traffic(lambda: {"lo": Count(1, 1)}, net).meter().count() is None

    def closed():
        raise PermissionError("/proc/net/dev")

    assert Traffic(closed, net).meter().count() is None


def test_what_became_unknown_in_the_middle_is_unknown(net):
    interfaces = Interfaces(eth0=Count())
    meter = Traffic(interfaces, net).meter()
    interfaces.counts = {}
    assert meter.count() is None


def test_the_counters_of_this_very_machine_can_be_read():
    outside = [name for name in psutil.net_io_counters(pernic=True) if not name.startswith("lo")]
    count = Traffic().meter().count()
    assert (count is not None) is bool(outside)
    assert count is None or count.all >= 0
