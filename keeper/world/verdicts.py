"""From words to facts: what the answers of the network mean. Nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from keeper.rules.types import Fact
from keeper.world.patience import Answer

#: The steps out of this machine, in order. Behind the first one that is broken, no 'no' means anything.
LADDER = ("link_up", "carrier", "address", "route", "gateway", "internet")
_BEHIND = (*LADDER, "dns", "dns_local", "dns_servers", "dns_public", "plex_tv")
_ALIVE = {"open", "refused", "answers", "failing"}
_NOT_ASKED = {"blocked", "no_route", "failed", "no_name", "late", ""}
#: Someone did answer, only it was the wrong one or at the wrong time: true whatever else is broken.
_STANDS = {"certificate", "clock"}


def gateway_fact(words: Iterable[str], known: bool | None) -> Fact:
    """`known` = its hardware address is; then an 'unreachable' was said by the router itself, which lives."""
    heard = set(words)
    if heard & _ALIVE or ("unreachable" in heard and known):
        return Fact(True)
    if "unreachable" in heard:
        return Fact(False, "unreachable")
    if known is False:
        return Fact(False, "no_arp")
    return Fact(None, "silent" if "silent" in heard else "unknown")


def internet_fact(words: Iterable[str]) -> Fact:
    """One answer is enough, a refusal too. Routers ration their 'my line is down', so one such word says it for all."""
    heard = set(words)
    if "open" in heard:
        return Fact(True)
    if "refused" in heard:
        return Fact(True, "refused")
    if heard & {"unreachable", "no_route"}:
        return Fact(False, "unreachable")
    if "silent" in heard:
        return Fact(False, "silent")
    return Fact(None, next(iter(sorted(heard)), "unknown"))


def dns_fact(neutral: Answer | None, plex: Answer | None) -> Fact:
    """What the system itself says. A name that is hidden on purpose shows that the name service works."""
    words = [answer.word if answer else "late" for answer in (neutral, plex)]
    if "known" in words or "hidden" in words:
        return Fact(True) if words[1] == "known" else Fact(True, "plex_tv_unknown")
    for word in ("silent", "failed", "no_name"):
        if word in words:
            return Fact(False, word)
    return Fact(None, "late")


def servers_fact(words: Iterable[str], one_is_enough: bool = False) -> Fact:
    """Name servers asked directly. 'partly' = one of several does not answer, which makes every program wait."""
    heard = [word for word in words if word not in _NOT_ASKED]
    if "answers" in heard:
        return Fact(True) if one_is_enough or set(heard) == {"answers"} else Fact(True, "partly")
    for word in ("failing", "refused", "silent", "unreachable"):
        if word in heard:
            return Fact(False, word)
    return Fact(None, "unknown")


def plex_fact(words: Iterable[str], fair: bool) -> Fact:
    """plex.tv behind a verified handshake. `fair` = there was time enough to call it silent."""
    heard = set(words)
    if "open" in heard:
        return Fact(True)
    for word in ("certificate", "clock"):
        if word in heard:
            return Fact(False, word)
    if "silent" in heard or not heard:
        return Fact(False, "silent") if fair else Fact(None, "late")
    return Fact(False, "refused") if heard & {"refused", "unreachable"} else Fact(None, min(heard))


def settled(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """What answers beats what was inferred, and a 'no' behind a broken step becomes unknown."""
    done = dict(facts)
    if done["plex_tv"].value is True and done["internet"].value is not True:
        done["internet"] = Fact(True, "plex_tv")
    if done["internet"].value is True:
        for name in LADDER:
            if done[name].value is False:
                done[name] = Fact(None, "internet answers")
    broken = next((name for name in LADDER if done[name].value is False), "")
    for name in _BEHIND[LADDER.index(broken) + 1 :] if broken else ():
        if done[name].value is False and done[name].detail not in _STANDS:
            done[name] = Fact(None, f"behind {broken}")
    if done["internet"].value is not True and done["plex_tv"].value is False and done["plex_tv"].detail not in _STANDS:
        done["plex_tv"] = Fact(None, "behind internet")
    return done
