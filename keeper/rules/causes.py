"""From facts to one root cause. So far the Plex part: port, identity, token, count call."""

from __future__ import annotations

from collections.abc import Mapping

from keeper.rules.types import Cause, Fact

SENTENCES: Mapping[Cause, str] = {
    Cause.OK: "Plex answers and accepts the token.",
    Cause.STARTING: "Plex is starting or migrating its database; it says so itself. Nothing to do but wait.",
    Cause.DOWN: "Nothing listens at the address of Plex.",
    Cause.NO_NAME: "The name in PLEX_URL is not known: a typo, or the name service of this network is down.",
    Cause.HUNG: "Plex accepts connections but does not answer.",
    Cause.OVERLOADED: "Plex, or a proxy in front of it, says that it is overloaded.",
    Cause.DB_TROUBLE: "Plex answers, but its library does not: the database is busy or damaged.",
    Cause.UNAUTHORIZED: "Plex does not accept the token. Put a new one into PLEX_TOKEN.",
    Cause.UNCLAIMED: "The server belongs to nobody: sign in to it once at its own address and claim it.",
    Cause.NOT_PLEX: (
        "Something answers at PLEX_URL, but not (or no longer) the Plex server: http or https, no /web, the right port?"
    ),
    Cause.UNKNOWN: "The look itself failed; nothing is known for sure.",
}

#: Names of the facts a look delivers. port, identity, root, count: True = fine, False = told otherwise, None = unknown.
FACTS = ("port", "identity", "claimed", "token", "count", "same_server", "response_ms", "version", "sessions")


def diagnose(facts: Mapping[str, Fact]) -> Cause:
    """The first cause that explains everything below it; a fact that is unknown proves nothing."""

    def said(name: str, word: str) -> bool:
        fact = facts.get(name)
        return fact is not None and fact.value is False and fact.detail == word

    ladder = (
        (said("port", "refused"), Cause.DOWN),
        (said("port", "no_name"), Cause.NO_NAME),
        (said("identity", "starting"), Cause.STARTING),
        (said("identity", "silent"), Cause.HUNG),
        (said("identity", "overloaded"), Cause.OVERLOADED),
        (said("identity", "garbled") or said("same_server", "other"), Cause.NOT_PLEX),
        (_is(facts, "claimed", False), Cause.UNCLAIMED),
        (said("token", "unauthorized"), Cause.UNAUTHORIZED),
        (said("token", "starting") or said("count", "starting"), Cause.STARTING),
        (said("count", "silent") or said("count", "failed") or said("count", "overloaded"), Cause.DB_TROUBLE),
        (_is(facts, "identity", True) and _is(facts, "token", True) and not _is(facts, "count", False), Cause.OK),
    )
    return next((cause for told, cause in ladder if told), Cause.UNKNOWN)


def _is(facts: Mapping[str, Fact], name: str, value: bool) -> bool:
    fact = facts.get(name)
    return fact is not None and fact.value is value
