"""Who may read /metrics: this machine's own programs without a token, everybody else with it."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from keeper.door.metrics_access import may_read

TOKEN = "a-long-metrics-token-4711"
HERE = {"host": "127.0.0.1:8501", "user-agent": "Prometheus/3.5.0"}
LOOPBACK = ("127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1")
STRANGERS = ("192.168.1.20", "10.0.0.1", "2001:db8::1", "::ffff:192.168.1.20", "0.0.0.0", "testclient", "localhost")
OF_A_PROXY = (
    "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "x-forwarded-server", "Forwarded",
    "X-Real-IP", "Via",
)  # fmt: skip

peers = st.sampled_from((*LOOPBACK, *STRANGERS, None, ""))
in_headers = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40)
headers = st.dictionaries(
    st.sampled_from(("host", "Host", "Origin", "Sec-Fetch-Site", "Cookie", *OF_A_PROXY)),
    in_headers | st.sampled_from(("127.0.0.1:8501", "localhost", "[::1]", "http://localhost", "none", "same-origin")),
)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


# ------------------------------------------------------------------------------------------------ without a token


@pytest.mark.parametrize("peer", LOOPBACK)
@pytest.mark.parametrize("token", ["", TOKEN])
def test_a_program_on_this_machine_may_read_without_a_token(peer: str, token: str) -> None:
    assert may_read(peer, HERE, token)


@pytest.mark.parametrize("host", ["localhost", "LocalHost:8501", "127.0.0.1", "[::1]", "[::1]:8501"])
def test_every_name_of_this_machine_is_known(host: str) -> None:
    assert may_read("127.0.0.1", {"Host": host}, "")


@pytest.mark.parametrize("peer", [*STRANGERS, "", None])
def test_nobody_else_may_read_without_a_token(peer: str | None) -> None:
    assert not may_read(peer, HERE, "")
    assert not may_read(peer, HERE, TOKEN)


@pytest.mark.parametrize("name", OF_A_PROXY)
def test_a_proxy_on_this_machine_lends_nobody_its_address(name: str) -> None:
    assert not may_read("127.0.0.1", {**HERE, name: "127.0.0.1"}, "")
    assert not may_read("127.0.0.1", {**HERE, name: ""}, ""), "an empty header was sent by a proxy too"


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example", "rebound.example:8501", "127.0.0.1.rebound.example", "localhost.rebound.example",
        "rebound.example#localhost", "me@localhost", "[::1]rebound.example", "192.168.1.20", "[2001:db8::1]",
        "[localhost", "localhost:", "localhost:port", " localhost", "",
    ],
)  # fmt: skip
def test_a_web_page_whose_name_was_turned_to_this_machine_reads_nothing(host: str) -> None:
    assert not may_read("127.0.0.1", {"host": host}, "")


def test_a_request_that_names_no_host_or_two_reads_nothing() -> None:
    twice = Headers(raw=[(b"host", b"rebound.example"), (b"host", b"127.0.0.1")])
    assert not may_read("127.0.0.1", {}, "")
    assert not may_read("127.0.0.1", twice, "")


@pytest.mark.parametrize(
    "sent",
    [
        {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:3000"}, {"Origin": ""},
        {"Origin": "http://[evil"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
        {"sec-fetch-site": "something new"},
    ],
)  # fmt: skip
def test_another_site_in_the_owners_browser_reads_nothing(sent: dict[str, str]) -> None:
    assert not may_read("127.0.0.1", {**HERE, **sent}, "")


@pytest.mark.parametrize(
    "sent", [{"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://127.0.0.1:8501"}]
)
def test_the_owner_at_this_machine_may_look_with_a_browser(sent: dict[str, str]) -> None:
    assert may_read("127.0.0.1", {**HERE, **sent}, "")


def test_the_same_name_in_other_letters_is_the_same_site() -> None:
    assert may_read("127.0.0.1", {"Host": "LocalHost:8501", "Origin": "http://localhost:8501"}, "")


# ------------------------------------------------------------------------------------------------ with a token


@pytest.mark.parametrize("peer", [*LOOPBACK, *STRANGERS, None])
def test_the_token_opens_from_everywhere(peer: str | None) -> None:
    through_a_proxy = {"host": "keeper.example", "x-forwarded-for": "198.51.100.7", "via": "1.1 proxy"}
    assert may_read(peer, {**through_a_proxy, **bearer(TOKEN)}, TOKEN)
    assert may_read(peer, {"Authorization": f"bearer {TOKEN}"}, TOKEN), "the scheme's name is written in any case"


@pytest.mark.parametrize(
    "said", [TOKEN, f"Basic {TOKEN}", f"Bearer{TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer", "", " "]
)
def test_nothing_but_the_token_opens(said: str) -> None:
    assert not may_read("192.168.1.20", {**HERE, "authorization": said}, TOKEN)


@pytest.mark.parametrize("said", [("wrong", TOKEN), (TOKEN, "wrong"), (TOKEN, TOKEN)])
def test_two_tokens_are_not_tried_one_after_the_other(said: tuple[str, str]) -> None:
    twice = Headers(raw=[(b"authorization", f"Bearer {token}".encode()) for token in said])
    assert not may_read("192.168.1.20", twice, TOKEN)


@pytest.mark.parametrize("token", ["", " "])
def test_no_token_set_means_that_none_opens(token: str) -> None:
    assert not may_read("192.168.1.20", {**HERE, **bearer(token)}, token)


def test_a_token_with_other_letters_is_compared_as_it_was_sent() -> None:
    sent = Headers(raw=[(b"authorization", "Bearer schlüssel".encode())])
    assert may_read("192.168.1.20", sent, "schlüssel")


# ------------------------------------------------------------------------------------------------ the laws


@given(peers, headers, in_headers)
def test_whoever_may_read_without_the_token_sits_at_this_machine(
    peer: str | None, sent: dict[str, str], token: str
) -> None:
    if may_read(peer, sent, token):
        assert peer in LOOPBACK
        assert not {name.lower() for name in sent} & {name.lower() for name in OF_A_PROXY}
        assert any(
            "127.0.0.1" in sent.get(name, "") or sent.get(name) in ("localhost", "[::1]") for name in ("host", "Host")
        )


@given(peers, headers, in_headers, in_headers)
def test_a_wrong_token_is_as_good_as_none(peer: str | None, sent: dict[str, str], token: str, said: str) -> None:
    assume(said.strip(" ").encode("latin-1") != token.strip(" ").encode())
    assert may_read(peer, {**sent, **bearer(said)}, token) == may_read(peer, sent, token)


@given(peers, headers, in_headers)
def test_the_right_token_never_fails(peer: str | None, sent: dict[str, str], token: str) -> None:
    assume(token.strip(" "))
    as_sent = token.encode().decode("latin-1")
    assert may_read(peer, {**sent, **bearer(as_sent)}, token)
