"""From facts to one root cause."""

import pytest

from keeper.rules.causes import GRACE_SECONDS, HIDDEN, SENTENCES, diagnose, hidden
from keeper.rules.types import Cause, Fact

FINE = {"port": Fact(True), "identity": Fact(True), "claimed": Fact(True), "token": Fact(True), "count": Fact(True)}


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({}, Cause.OK),
        ({"count": Fact(None)}, Cause.OK),
        ({"port": Fact(False, "refused")}, Cause.DOWN),
        ({"port": Fact(False, "no_name")}, Cause.NO_NAME),
        ({"port": Fact(None, "TimeoutError"), "identity": Fact(None)}, Cause.UNKNOWN),
        ({"identity": Fact(False, "starting")}, Cause.STARTING),
        ({"identity": Fact(False, "silent")}, Cause.HUNG),
        ({"identity": Fact(False, "overloaded")}, Cause.OVERLOADED),
        ({"identity": Fact(False, "garbled")}, Cause.NOT_PLEX),
        ({"same_server": Fact(False, "other")}, Cause.NOT_PLEX),
        ({"same_server": Fact(False, "unknown")}, Cause.OK),
        ({"claimed": Fact(False)}, Cause.UNCLAIMED),
        ({"token": Fact(False, "unauthorized")}, Cause.UNAUTHORIZED),
        ({"token": Fact(False, "starting")}, Cause.STARTING),
        ({"token": Fact(None)}, Cause.UNKNOWN),
        ({"token": Fact(False, "garbled")}, Cause.NOT_PLEX),
        ({"token": Fact(False, "overloaded")}, Cause.OVERLOADED),
        ({"token": Fact(False, "silent")}, Cause.DB_TROUBLE),
        ({"identity": Fact(None, "plex_rejected")}, Cause.NOT_PLEX),
        ({"identity": Fact(False, "unauthorized")}, Cause.NOT_PLEX),
        ({"identity": Fact(None, "unreachable")}, Cause.NOT_PLEX),  # it drops what it accepts: perhaps a proxy
        ({"identity": Fact(None, "dropped")}, Cause.NOT_PLEX),
        ({"identity": Fact(None, "dropped"), "crashing": Fact(True)}, Cause.CRASHING),
        ({"identity": Fact(False, "silent"), "crashing": Fact(True), "plex_age_s": Fact(5)}, Cause.CRASHING),
        ({"plex_updating": Fact(True), "mounts": Fact(False)}, Cause.MOUNT_MISSING),
        ({"port": Fact(None, "no_way"), "gateway": Fact(True)}, Cause.MOVED),
        ({"port": Fact(None, "no_way"), "process": Fact(True)}, Cause.MOVED),
        ({"port": Fact(None, "no_way"), "address": Fact(False)}, Cause.NO_ADDRESS),
        ({"port": Fact(None, "TimeoutError"), "identity": Fact(None), "gateway": Fact(True)}, Cause.UNREACHABLE),
        ({"port": Fact(None, "OSError"), "identity": Fact(None), "internet": Fact(True)}, Cause.UNREACHABLE),
        ({"port": Fact(None, "OSError"), "identity": Fact(None), "gateway": Fact(False)}, Cause.GATEWAY_DOWN),
        ({"identity": Fact(None, "unreachable"), "plex_age_s": Fact(9)}, Cause.STARTING),
        ({"identity": Fact(False, "silent"), "plex_age_s": Fact(9)}, Cause.STARTING),
        (
            {"identity": Fact(False, "silent"), "plex_age_s": Fact(9), "process": Fact(True, "stopped_by_signal")},
            Cause.HUNG,
        ),
        ({"count": Fact(None, "unreachable")}, Cause.DB_TROUBLE),
        ({"count": Fact(False, "unauthorized")}, Cause.UNAUTHORIZED),
        ({"count_in_time": Fact(False)}, Cause.DB_TROUBLE),
        ({"plex_updating": Fact(True)}, Cause.UPDATING),
        ({"asked_over": Fact("loopback")}, Cause.MOVED),
        ({"asked_over": Fact("loopback"), "address": Fact(False)}, Cause.NO_ADDRESS),
        ({"asked_over": Fact(None, "other")}, Cause.OK),
        ({"count": Fact(False, "silent")}, Cause.DB_TROUBLE),
        ({"count": Fact(False, "failed")}, Cause.DB_TROUBLE),
        ({"count": Fact(False, "overloaded")}, Cause.DB_TROUBLE),
    ],
)
def test_the_first_fact_that_explains_the_rest_is_the_cause(changed, cause):
    assert diagnose({**FINE, **changed}) is cause


def test_without_facts_nothing_is_claimed():
    assert diagnose({}) is Cause.UNKNOWN


def test_every_cause_has_its_sentence():
    assert set(SENTENCES) == set(Cause)


REFUSED, SILENT, NO = Fact(False, "refused"), Fact(False, "silent"), Fact(False)
YES, UNSURE = Fact(True), Fact(None)
NETWORK = {
    "link_up": YES, "carrier": YES, "address": YES, "route": YES, "gateway": YES, "internet": YES, "dns": YES,
    "dns_local": YES, "dns_servers": YES, "dns_public": YES, "plex_tv": YES, "captive": NO, "mapping": YES,
}  # fmt: skip
WHOLE = {**FINE, **NETWORK, "mounts": YES, "disk": YES, "updating": NO, "in_time": YES}
DEAF = {"plex_tv": NO, "mapping": NO}


def test_with_everything_known_and_well_all_is_well():
    assert diagnose(WHOLE) is Cause.OK


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"updating": YES, "port": REFUSED}, Cause.UPDATING),
        ({"updating": YES, "identity": Fact(False, "starting")}, Cause.UPDATING),
        ({"updating": YES, "port": UNSURE, "route": NO}, Cause.UPDATING),
        ({"port": REFUSED, "service": Fact(False, "inactive")}, Cause.STOPPED_BY_OWNER),
        ({"port": REFUSED, "service": Fact(False, "failed")}, Cause.DOWN),
        ({"port": REFUSED, "service": Fact(None, "unknown_unit")}, Cause.DOWN),
        ({"port": REFUSED, "service": Fact(None, "deactivating")}, Cause.STARTING),
        ({"port": REFUSED, "service": Fact(None, "activating")}, Cause.STARTING),
        ({"service": Fact(False, "inactive")}, Cause.OK),
        ({"port": REFUSED, "crashing": YES, "plex_age_s": Fact(3)}, Cause.DOWN),
        ({"port": REFUSED, "crashing": YES, "service": Fact(None, "activating")}, Cause.DOWN),
        ({"port": REFUSED, "crashing": YES, "service": Fact(False, "inactive")}, Cause.STOPPED_BY_OWNER),
        ({"crashing": YES}, Cause.CRASHING),
        ({"port": REFUSED, "updating": Fact(None, "packages")}, Cause.UNKNOWN),
        ({"port": REFUSED, "updating": Fact(None, "packages"), "service": Fact(False, "failed")}, Cause.DOWN),
        ({"port": Fact(False, "no_name"), "dns": NO, "dns_local": NO}, Cause.DNS_STUB),
        ({"in_time": NO}, Cause.OVERLOADED),
        ({"mounts": NO}, Cause.MOUNT_MISSING),
        ({"disk": NO}, Cause.DISK_FULL),
        ({"mounts": NO, "disk": NO, "internet": NO}, Cause.MOUNT_MISSING),
        ({"link_up": NO, "carrier": NO, "address": NO, "route": NO}, Cause.LINK_ADMIN_DOWN),
        ({"carrier": NO, "address": NO, "route": NO, "internet": NO}, Cause.LINK_DOWN),
        ({"address": NO, "route": NO, "internet": NO, **DEAF}, Cause.NO_ADDRESS),
        ({"route": NO, "internet": NO, "dns": NO, **DEAF}, Cause.NO_ROUTE),
        ({"gateway": NO, "internet": NO, "dns": NO, **DEAF}, Cause.GATEWAY_DOWN),
        ({"gateway": NO, "internet": UNSURE}, Cause.GATEWAY_DOWN),
        ({"gateway": NO}, Cause.OK),
        ({"plex_tv": Fact(False, "clock")}, Cause.CLOCK_WRONG),
        ({"plex_tv": Fact(False, "certificate")}, Cause.CAPTIVE_PORTAL),
        ({"captive": YES, "internet": NO}, Cause.CAPTIVE_PORTAL),
        ({"dns_local": NO, "dns": NO, **DEAF}, Cause.DNS_STUB),
        ({"dns_local": NO, "dns_servers": NO, "dns": NO, **DEAF}, Cause.DNS_DOWN),
        ({"dns_local": NO, "dns_servers": NO, "internet": UNSURE, **DEAF}, Cause.DNS_DOWN),
        ({"dns": NO, **DEAF}, Cause.DNS_DOWN),
        ({"internet": NO, "dns": NO, "dns_servers": NO, "dns_public": NO, **DEAF}, Cause.INTERNET_DOWN),
        (DEAF, Cause.PLEX_TV_DOWN),
        ({"mapping": NO}, Cause.REMOTE_ACCESS_LOST),
    ],
)
def test_what_is_told_first_explains_what_stands_below_it(changed, cause):
    assert diagnose({**WHOLE, **changed}) is cause


@pytest.mark.parametrize("age", ["plex_age_s", "uptime_s"])
@pytest.mark.parametrize("broken", [{"port": REFUSED}, {"identity": SILENT}])
def test_shortly_after_a_start_a_closed_port_or_silence_is_starting(age, broken):
    later = {"port": Cause.DOWN, "identity": Cause.HUNG}[next(iter(broken))]
    assert diagnose({**WHOLE, **broken, age: Fact(GRACE_SECONDS - 1)}) is Cause.STARTING
    assert diagnose({**WHOLE, **broken, age: Fact(GRACE_SECONDS)}) is later
    assert diagnose({**WHOLE, **broken, age: UNSURE}) is later


def test_plex_at_this_machine_is_judged_however_dead_the_line_is():
    dead = {"internet": NO, "gateway": NO}
    assert diagnose({**WHOLE, **dead, "port": REFUSED}) is Cause.DOWN
    assert diagnose({**WHOLE, **dead, "identity": SILENT}) is Cause.HUNG


def test_where_the_way_to_plex_is_broken_the_network_is_the_cause():
    assert diagnose({**NETWORK, "port": UNSURE, "route": NO}) is Cause.NO_ROUTE
    assert diagnose({**NETWORK, "port": UNSURE}) is Cause.UNKNOWN


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_one_unknown_fact_never_accuses_anybody(name):
    assert diagnose({**WHOLE, name: UNSURE}) in (Cause.OK, Cause.UNKNOWN)


def test_what_a_cause_hides_is_unknown_because_of_it():
    seen = hidden(Cause.NO_ROUTE, {**WHOLE, "route": NO, "internet": NO, "dns": YES})
    assert seen["internet"] == Fact(None, "because of no_route")
    assert seen["dns"] == YES  # what is told to be well stays told
    assert seen["route"] == NO


def test_most_causes_hide_nothing():
    facts = {**WHOLE, "disk": NO}
    assert hidden(Cause.DISK_FULL, facts) == facts
    assert Cause.DISK_FULL not in HIDDEN


@pytest.mark.parametrize("cause", HIDDEN)
def test_no_cause_hides_what_told_it(cause):
    """Judged again without what it hides, it is the same cause still."""
    telling = {
        Cause.UPDATING: {"updating": YES, "port": REFUSED},
        Cause.DOWN: {"port": REFUSED, "identity": NO},
        Cause.STOPPED_BY_OWNER: {"port": REFUSED, "service": Fact(False, "inactive")},
        Cause.HUNG: {"identity": SILENT, "token": NO},
        Cause.STARTING: {"identity": Fact(False, "starting"), "token": NO},
        Cause.OVERLOADED: {"identity": Fact(False, "overloaded"), "token": NO},
        Cause.LINK_ADMIN_DOWN: {"link_up": NO, "internet": NO, **DEAF},
        Cause.LINK_DOWN: {"carrier": NO, "internet": NO, **DEAF},
        Cause.NO_ADDRESS: {"address": NO, "internet": NO, **DEAF},
        Cause.NO_ROUTE: {"route": NO, "internet": NO, **DEAF},
        Cause.GATEWAY_DOWN: {"gateway": NO, "internet": NO, **DEAF},
        Cause.DNS_STUB: {"dns_local": NO, **DEAF},
        Cause.DNS_DOWN: {"dns_local": NO, "dns_servers": NO, **DEAF},
        Cause.INTERNET_DOWN: {"internet": NO, "dns_public": NO, **DEAF},
    }[cause]
    facts = {**WHOLE, **telling}
    assert diagnose(facts) is cause
    assert diagnose(hidden(cause, facts)) is cause


def test_a_full_backlog_of_a_process_here_is_a_hung_plex_and_elsewhere_nothing_is_known():
    stuck = {"port": Fact(None, "TimeoutError")}
    assert diagnose({**stuck, "process": Fact(True, "running"), "internet": Fact(False)}) is Cause.HUNG
    assert diagnose(stuck) is Cause.UNKNOWN
    assert diagnose({**stuck, "internet": Fact(False)}) is Cause.INTERNET_DOWN


@pytest.mark.parametrize("unsure", [{"service": Fact(None, "no_answer")}, {"updating": Fact(None, "packages")}])
def test_what_may_have_to_be_so_is_not_called_down(unsure: dict[str, Fact]):
    assert diagnose({"port": Fact(False, "refused"), **unsure}) is Cause.UNKNOWN
    assert diagnose({"port": Fact(False, "refused"), "service": Fact(None, "unknown_unit")}) is Cause.DOWN


def test_a_container_that_its_owner_paused_is_not_hung():
    assert diagnose({"service": Fact(False, "paused"), "identity": Fact(False, "silent")}) is Cause.STOPPED_BY_OWNER
