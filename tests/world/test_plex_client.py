"""The Plex client against the simulated server: deadlines, the brake, errors by name, rows as records."""

import threading
import time

import pytest
from plexapi.exceptions import PlexApiException

from jobs import Brake
from keeper.demo.process import DemoPlex
from keeper.errors import (
    Cancelled,
    PlexForbidden,
    PlexGarbled,
    PlexNotFound,
    PlexOverloaded,
    PlexRejected,
    PlexSilent,
    PlexStarting,
    PlexUnauthorized,
    PlexUnreachable,
)
from keeper.rules.causes import diagnose
from keeper.rules.types import Cause, Kind
from keeper.world.clock import SystemClock
from keeper.world.plex import PlexClient
from keeper.world.probe import PlexLook


@pytest.fixture(scope="module")
def plex():
    with DemoPlex(library="movies:30:4,shows:2:0", lost=0) as server:
        yield server


@pytest.fixture(autouse=True)
def ready(request):
    yield
    if "plex" in request.fixturenames:
        request.getfixturevalue("plex").mode("ready")


def client_of(plex, deadline=0.6, stop=None, token=None):
    return PlexClient(plex.url, token or plex.token, deadline, SystemClock(), stop or Brake())


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("refused", PlexUnreachable),
        ("reset", PlexUnreachable),
        ("hang", PlexSilent),
        ("trickle", PlexSilent),
        ("starting", PlexStarting),
        ("overload", PlexOverloaded),
        ("proxy502", PlexOverloaded),
        ("cut", PlexGarbled),
        ("empty200", PlexGarbled),
        ("html200", PlexGarbled),
        ("badxml", PlexGarbled),
        ("unauthorized", PlexUnauthorized),
        ("status", PlexRejected),
    ],
)
@pytest.mark.parametrize("question", ["sections", "read", "page"])
def test_every_fault_has_its_own_error_and_never_one_of_plexapi(plex, fault, error, question):
    client = client_of(plex)
    section = client.sections()[0]
    ask = {
        "sections": client.sections,
        "read": lambda: client.read(["1001"]),
        "page": lambda: client.page(section, Kind.MOVIE, 0, 50),
    }[question]
    plex.mode(fault, code=599)
    with pytest.raises(error) as caught:
        ask()
    assert not isinstance(caught.value, PlexApiException)
    assert plex.token not in str(caught.value)


def test_a_server_that_trickles_is_given_up_at_the_total_deadline(plex):
    client = client_of(plex, deadline=1.0)
    client.sections()
    plex.mode("trickle")
    began = time.monotonic()
    with pytest.raises(PlexSilent):
        client.sections()
    assert time.monotonic() - began < 2.0


def test_the_brake_ends_a_hanging_call_at_once_and_its_helper_thread_too(plex):
    brake = Brake()
    client = client_of(plex, deadline=60, stop=brake)
    client.sections()
    plex.mode("hang")
    threading.Timer(0.2, brake.cancel).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        client.sections()
    assert time.monotonic() - began < 1.0
    helpers = [thread for thread in threading.enumerate() if thread.name == "plex-call"]
    for helper in helpers:
        helper.join(2.0)
    assert not any(helper.is_alive() for helper in helpers)


def test_a_shared_users_token_is_forbidden_to_refresh(plex):
    with pytest.raises(PlexForbidden, match="owner"):
        client_of(plex, token="demo-shared-token").refresh("1001")


def test_what_does_not_exist_is_not_found_or_left_out(plex):
    client = client_of(plex)
    with pytest.raises(PlexNotFound):
        client.refresh("987654")
    assert set(client.read(["1001", "987654"])) == {"1001"}
    assert client.read(["987654"]) == {}


def test_details_know_their_section_and_their_locks(plex):
    plex.change([1002], lock=["thumb"])
    detail = client_of(plex).read(["1001", "1002"])
    assert {item.section_key for item in detail.values()} == {"1"}
    assert "thumb" in detail["1002"].locked
    assert detail["1001"].kind == "movie" and detail["1001"].added_at > 0


def test_episodes_say_which_show_they_belong_to(plex):
    client = client_of(plex)
    shows = next(section for section in client.sections() if section.type == "show")
    episode = client.page(shows, Kind.EPISODE, 0, 5).items[0]
    assert " · " in episode.parent


def test_a_page_ahead_that_nobody_takes_disturbs_nothing(plex):
    client = client_of(plex)
    section = client.sections()[0]
    first = client.page(section, Kind.MOVIE, 0, 10)
    assert client.queue_size(section.key) == 0
    assert [item.key for item in client.page(section, Kind.MOVIE, 0, 10).items] == [item.key for item in first.items]


def test_push_messages_arrive_as_hints(plex):
    client = client_of(plex)
    with client.hints() as hints:
        assert hints.alive
        client.refresh("1003")
        told = []
        for _ in range(60):
            told += hints.take(0.25)
            if ("1003", "processed") in told:
                break
        assert ("1003", "began") in told and ("1003", "processed") in told
    assert hints.take(0) == []


@pytest.mark.parametrize(
    ("mode", "cause"),
    [
        ("ready", Cause.OK),
        ("refused", Cause.DOWN),
        ("hang", Cause.HUNG),
        ("trickle", Cause.HUNG),
        ("starting", Cause.STARTING),
        ("overload", Cause.OVERLOADED),
        ("proxy502", Cause.OVERLOADED),
        ("html200", Cause.NOT_PLEX),
        ("empty200", Cause.NOT_PLEX),
        ("badxml", Cause.NOT_PLEX),
        ("unauthorized", Cause.UNAUTHORIZED),
        ("unclaimed", Cause.UNCLAIMED),
    ],
)
def test_a_look_names_the_cause_in_every_mode_of_the_server(plex, mode, cause):
    look = look_at(plex)
    plex.mode(mode)
    facts = look.look()
    assert diagnose(facts) is cause, facts
    if mode != "ready":
        assert look.sections() is None
        assert "sessions" not in facts or facts["sessions"].value is None


def test_a_busy_database_is_told_from_a_hung_server(plex):
    look = look_at(plex)
    plex.mode("status", code=500, paths="/all")
    assert diagnose(look.look()) is Cause.DB_TROUBLE


def test_not_being_able_to_ask_who_watches_is_unknown_and_never_nobody(plex):
    look = look_at(plex)
    plex.mode("hang", paths="/status/sessions")
    facts = look.look()
    assert facts["sessions"].value is None
    assert diagnose(facts) is Cause.OK


def test_sessions_of_every_kind_are_counted(plex):
    plex.sessions("movie", "ghost", "track")
    try:
        assert look_at(plex).look()["sessions"].value == 3
    finally:
        plex.sessions(clear=True)


def look_at(plex):
    brake = Brake()
    return PlexLook(
        lambda: plex.url,
        SystemClock(),
        brake,
        lambda seconds: client_of(plex, seconds, brake),
        lambda server: 1,
        deadline=0.5,
    )
