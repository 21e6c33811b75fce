"""From facts to one root cause."""

import pytest

from keeper.rules.causes import SENTENCES, diagnose
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
