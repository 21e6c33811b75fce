"""A look in the middle of our own speed test: a full line is nobody's trouble."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from keeper.rules.causes import diagnose
from keeper.rules.own_load import DETAIL, excused, weighed
from keeper.rules.types import Cause, Fact, Incident, Moment, Watch

SLOW = 2.5
WELL = {
    "port": Fact(True), "identity": Fact(True, "id"), "token": Fact(True), "count": Fact(True),
    "response_ms": Fact(40.0), "count_ms": Fact(60.0), "mapping": Fact(True),
    "link_up": Fact(True), "carrier": Fact(True), "address": Fact(True), "route": Fact(True), "gateway": Fact(True),
    "internet": Fact(True), "dns": Fact(True), "dns_local": Fact(True), "dns_servers": Fact(True),
    "dns_public": Fact(True), "plex_tv": Fact(True), "captive": Fact(False),
}  # fmt: skip
NOON = Moment(datetime(2026, 3, 1, 12, tzinfo=UTC), "boot", 9_000.0)
CALM = Watch()


def test_a_look_at_a_sound_house_is_left_as_it_is() -> None:
    assert excused(WELL, SLOW) == WELL


@pytest.mark.parametrize("name", ["internet", "dns", "dns_local", "dns_servers", "dns_public", "plex_tv", "mapping"])
def test_a_silent_line_is_unknown_and_no_cause(name: str) -> None:
    facts = WELL | {name: Fact(False, "silent")}
    assert excused(facts, SLOW)[name] == Fact(None, DETAIL)
    assert diagnose(excused(facts, SLOW)) is Cause.OK


def test_a_line_that_is_full_altogether_is_no_outage() -> None:
    dead = {name: Fact(False, "silent") for name in ("internet", "dns", "dns_local", "dns_public", "plex_tv")}
    assert diagnose(WELL | dead) is not Cause.OK, "without our test it would be one"
    assert diagnose(excused(WELL | dead, SLOW)) is Cause.OK


@pytest.mark.parametrize(
    ("name", "fact", "cause"),
    [
        ("carrier", Fact(False, "eth0"), Cause.LINK_DOWN), ("route", Fact(False), Cause.NO_ROUTE),
        ("plex_tv", Fact(False, "certificate"), Cause.CAPTIVE_PORTAL),
        ("plex_tv", Fact(False, "clock"), Cause.CLOCK_WRONG),
        ("port", Fact(False, "refused"), Cause.DOWN), ("token", Fact(False, "unauthorized"), Cause.UNAUTHORIZED),
        ("identity", Fact(False, "starting"), Cause.STARTING),
        ("dns_local", Fact(False, "not_configured"), Cause.DNS_STUB),
    ],
)  # fmt: skip
def test_what_no_full_line_explains_is_named_all_the_same(name: str, fact: Fact, cause: Cause) -> None:
    assert diagnose(excused(WELL | {name: fact}, SLOW)) is cause


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("port", Fact(None, "TimeoutError")), ("port", Fact(False, "no_name")), ("identity", Fact(False, "silent")),
        ("identity", Fact(None, "dropped")), ("count", Fact(None, "unreachable")), ("token", Fact(False, "silent")),
    ],
)  # fmt: skip
def test_a_plex_behind_the_full_line_is_not_called_hung(name: str, fact: Fact) -> None:
    facts = WELL | {"process": Fact(True), name: fact}
    assert diagnose(facts) not in (Cause.OK, Cause.UNKNOWN), "without our test it would be a trouble"
    assert diagnose(excused(facts, SLOW)) in (Cause.OK, Cause.UNKNOWN)


def test_slow_answers_are_not_entered_in_the_books_and_quick_ones_are() -> None:
    seen = excused(WELL | {"response_ms": Fact(2501.0), "count_ms": Fact(2499.0)}, SLOW)
    assert (seen["response_ms"], seen["count_ms"]) == (Fact(None, DETAIL), Fact(2499.0))


def test_a_time_that_is_not_known_stays_as_it_is() -> None:
    assert excused({"response_ms": Fact(None, "too late")}, SLOW) == {"response_ms": Fact(None, "too late")}


def test_an_incident_is_not_closed_by_a_look_that_had_to_excuse_something() -> None:
    """Else a speed test would tell that remote access is back, and that it is lost again."""
    troubled = replace(CALM, incident=Incident(1, Cause.REMOTE_ACCESS_LOST, NOON))
    facts = excused(WELL | {"mapping": Fact(False)}, SLOW)
    assert weighed(diagnose(facts), facts, troubled) is Cause.UNKNOWN
    assert weighed(diagnose(facts), facts, replace(CALM, bad_looks=1)) is Cause.UNKNOWN
    assert weighed(diagnose(facts), facts, CALM) is Cause.OK


def test_an_incident_is_closed_by_a_look_that_saw_all_to_be_well() -> None:
    troubled = replace(CALM, incident=Incident(1, Cause.INTERNET_DOWN, NOON))
    assert weighed(Cause.OK, excused(WELL, SLOW), troubled) is Cause.OK


def test_another_cause_is_never_made_unknown() -> None:
    facts = {"internet": Fact(None, DETAIL)}
    assert weighed(Cause.DOWN, facts, replace(CALM, bad_looks=1)) is Cause.DOWN
