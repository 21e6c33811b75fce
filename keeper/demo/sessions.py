"""Who is watching: scripted sessions for /status/sessions, moving, paused, or frozen ghosts."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from keeper.demo import attributes, elements
from keeper.demo.library import Item, Library
from keeper.demo.nodes import Attrs, Node
from keeper.demo.push import Push

KINDS = ("movie", "episode", "track", "photo", "preroll", "livetv", "ghost", "paused", "transcode")


@dataclass(eq=False)
class Session:
    """One client. `frozen` is a ghost: it says 'playing' but its offset does not move."""

    key: int
    kind: str
    item: Item | None
    state: str = "playing"
    frozen: bool = False
    local: bool = True
    user: str = "viewer"
    offset: int = 60000
    started: float = field(default_factory=time.monotonic)

    def view_offset(self) -> int:
        moving = self.state == "playing" and not self.frozen
        return self.offset + (int((time.monotonic() - self.started) * 1000) if moving else 0)


class Sessions:
    """Session keys count from 1 and start again with the server."""

    def __init__(self, library: Library, push: Push) -> None:
        self._library, self._push = library, push
        self._next = 1
        self.all: dict[int, Session] = {}

    def restart(self) -> None:
        self.all.clear()
        self._next = 1

    def start(self, kind: str, *, item: int | None = None, local: bool = True, user: str = "viewer") -> Session:
        """Begin a session of one of the KINDS; without an item one of the right type is chosen."""
        if kind not in KINDS:
            raise ValueError(f"unknown kind of session {kind!r}; known are {', '.join(KINDS)}")
        session = Session(self._next, kind, self._item(kind, item), local=local, user=user)
        session.state = "paused" if kind == "paused" else "playing"
        session.frozen = kind == "ghost"
        self._next += 1
        self.all[session.key] = session
        self._tell(session, session.state)
        return session

    def stop(self, key: int) -> bool:
        session = self.all.pop(key, None)
        if session is not None:
            self._tell(session, "stopped")
        return session is not None

    def clear(self) -> None:
        for key in list(self.all):
            self.stop(key)

    def tell_progress(self) -> None:
        """What Plex says every few seconds about each client."""
        for session in self.all.values():
            self._tell(session, session.state)

    def nodes(self) -> list[Node]:
        return [node(session) for session in self.all.values()]

    def live_nodes(self) -> list[Node]:
        return [node(session) for session in self.all.values() if session.kind == "livetv"]

    def transcodes(self) -> list[Node]:
        return [_transcode(session) for session in self.all.values() if session.kind in {"transcode", "livetv"}]

    def _item(self, kind: str, key: int | None) -> Item | None:
        if kind in {"preroll", "livetv", "photo"}:
            return None
        if key is not None:
            return self._library.items[key]
        wanted = kind if kind in {"episode", "track"} else "movie"
        return next((item for item in self._library.items.values() if item.kind == wanted), None)

    def _tell(self, session: Session, state: str) -> None:
        key = str(session.item.key) if session.item else str(900000 + session.key)
        news = {
            "sessionKey": str(session.key),
            "guid": "",
            "ratingKey": key,
            "url": "",
            "key": f"/library/metadata/{key}",
        }
        self._push.tell("playing", news | {"viewOffset": session.view_offset(), "state": state})


# ---- how a session looks; in JSON most numbers are strings here ----------------------------------------------


def node(session: Session) -> Node:
    if session.kind == "livetv":
        return _live_tv(session)
    if session.kind == "preroll":
        shown = _preroll(session)
    elif session.kind == "photo" or session.item is None:
        shown = _photo(session)
    else:
        shown = _of_item(session, session.item)
    shown.attrs |= {"sessionKey": str(session.key), "viewOffset": session.view_offset()}
    shown.children += _around(session)
    return shown


def _of_item(session: Session, item: Item) -> Node:
    home: Attrs = {
        "librarySectionID": str(item.section.key),
        "librarySectionKey": f"/library/sections/{item.section.key}",
        "librarySectionTitle": item.section.title,
    }
    inside = elements.media(item, {"hasVoiceActivity": "0", "id": str(100000 + item.key)}, streams=True)
    for part in [part for one in inside for part in one.children]:
        part.attrs |= {"id": str(part.attrs["id"]), "decision": "directplay"}
        for stream in part.children:
            stream.attrs["id"] = str(stream.attrs["id"])
    inside += [Node(one.tag, one.attrs) for one in elements.elements(item, frozenset()) if one.tag == "UltraBlurColors"]
    inside += [Node("Rating", one.attrs | {"value": str(one.attrs["value"])}) for one in elements.rating_nodes(item)]
    inside += elements.fields(item)
    return Node(attributes.tag_of(item), attributes.head(item) | home, inside, name="Metadata")


def _preroll(session: Session) -> Node:
    key = 900000 + session.key
    attrs: Attrs = {
        "addedAt": 1719533889,
        "duration": 6000,
        "guid": f"analyzed.prerolls://{key:040x}",
        "index": 1,
        "key": f"/library/metadata/{key}",
        "librarySectionID": "-2",
        "ratingKey": str(key),
        "summary": "",
        "thumb": f"/library/metadata/{key}/thumb/1719533890",
        "title": "before_the_film",
        "type": "clip",
    }
    return Node("Video", attrs, [_plain_media(key)], name="Metadata")


def _photo(session: Session) -> Node:
    key = 900000 + session.key
    attrs: Attrs = {
        "addedAt": 1719533889,
        "guid": f"local://{key}",
        "key": f"/library/metadata/{key}",
        "librarySectionID": "9",
        "librarySectionTitle": "Photos",
        "ratingKey": str(key),
        "summary": "",
        "title": "Harbour at dusk",
        "type": "photo",
        "year": 2020,
    }
    return Node("Photo", attrs, [_plain_media(key)], name="Metadata")


def _live_tv(session: Session) -> Node:
    """Live television: from no library, and with neither User nor Player."""
    attrs: Attrs = {
        "ratingKey": str(900000 + session.key),
        "guid": "plex://episode/6083460000000000002d1e00",
        "type": "episode",
        "title": "The Evening Quiz",
        "summary": "",
        "index": 105,
        "year": 2021,
        "addedAt": 1719538677,
        "grandparentTitle": "The Evening Quiz",
        "key": "/livetv/sessions/live_tv_1",
        "live": "1",
        "parentIndex": 49,
        "sessionKey": str(session.key),
    }
    media = _plain_media(900000 + session.key)
    media.attrs |= {"origin": "livetv", "protocol": "hls", "uuid": "live_tv_1"}
    media.children.append(_transcode(session))
    return Node("Video", attrs, [media], name="Metadata")


def _plain_media(key: int) -> Node:
    part = Node("Part", {"id": str(key + 2), "container": "mp4", "duration": 6016, "decision": "transcode"})
    return Node("Media", {"id": str(key + 1), "container": "mp4", "duration": 6016, "bitrate": 1886}, [part])


def _around(session: Session) -> list[Node]:
    """User, Player and Session of a client; the addresses are from the blocks kept for documentation."""
    player: Attrs = {
        "address": "192.0.2.10" if session.local else "198.51.100.7",
        "machineIdentifier": f"demo-player-{session.key}",
        "product": "Plex for Demo (TV)",
        "platform": "Demo",
        "remotePublicAddress": "203.0.113.10",
        "state": session.state,
        "title": "Living Room",
        "local": session.local,
        "relayed": False,
        "secure": True,
        "userID": 1,
    }
    place = "lan" if session.local else "wan"
    around = [
        Node("User", {"id": "1", "thumb": "", "title": session.user}, single=True),
        Node("Player", player, single=True),
        Node(
            "Session",
            {"id": f"demo-session-{session.key}", "bandwidth": 5212, "location": place},
            single=True,
        ),
    ]
    return around + ([_transcode(session)] if session.kind == "transcode" else [])


def _transcode(session: Session) -> Node:
    attrs: Attrs = {
        "key": f"/transcode/sessions/demo-{session.key}",
        "throttled": False,
        "complete": False,
        "progress": -1 if session.kind == "livetv" else 12.5,
        "size": -22,
        "speed": 1.4,
        "duration": 7200000,
        "context": "streaming",
        "videoDecision": "transcode",
        "audioDecision": "copy",
        "protocol": "hls",
        "container": "mpegts",
        "transcodeHwRequested": True,
        "timeStamp": time.time(),
        "maxOffsetAvailable": 314.7,
        "minOffsetAvailable": 0,
    }
    return Node("TranscodeSession", attrs, single=session.kind != "livetv")
