"""The words themselves."""

from hypothesis import given
from hypothesis import strategies as st

from keeper.rules.types import KINDS_OF_SECTION, Kind, Owner, RunStatus


def test_kinds_carry_the_numbers_of_plex_listings():
    assert [kind.number for kind in Kind] == [1, 2, 3, 4, 8, 9]
    assert {kind for kinds in KINDS_OF_SECTION.values() for kind in kinds} == set(Kind)


def test_only_queued_and_running_have_not_ended():
    assert {status for status in RunStatus if not status.ended} == {RunStatus.QUEUED, RunStatus.RUNNING}


@given(st.text(max_size=30), st.integers(0, 2**31), st.integers(0, 2**50))
def test_an_owner_survives_being_written_down(boot, pid, started):
    owner = Owner(boot, pid, started)
    assert Owner.parse(str(owner)) == owner
