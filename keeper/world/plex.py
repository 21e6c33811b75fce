"""Plex, through plexapi, without its traps: rows are judged as plain records, so nothing ever reloads by itself."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar, cast
from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError  # nosec B405  # for their types; it is plexapi that parses

from plexapi.exceptions import PlexApiException
from plexapi.server import PlexServer
from plexapi.utils import parseXMLString

from keeper.errors import KeeperError, PlexGarbled, PlexNotFound, PlexOtherServer
from keeper.ports import Clock, Hints, Stop
from keeper.rules.types import Item, Kind, Page, Section, Server, Stream
from keeper.world import plex_state
from keeper.world.http import Answer, BoundedSession
from keeper.world.notifications import Notifications
from keeper.world.plex_rows import to_item, to_section, whole_number
from keeper.world.redactor import Redactor

#: What a scan does not look at; a hint for the server to leave it out. It halves the work of both sides.
NOT_NEEDED = "Media,Genre,Country,Director,Writer,Role,Producer,Collection,Rating,Image,UltraBlurColors"
ONE_ROW = "X-Plex-Container-Start=0&X-Plex-Container-Size=1"
ODD_ROW = (KeyError, TypeError, AttributeError, ValueError)
VOUCH_SECONDS = 2.0  # how long a proof of identity holds on the same connection

T = TypeVar("T")
Container = dict[str, Any]
log = logging.getLogger(__name__)
logging.getLogger("plexapi").setLevel(logging.WARNING)


class PlexClient:
    """The Plex port. One per thread; `stop` ends any call within a fraction of a second."""

    def __init__(self, url: str, token: str, deadline: float, clock: Clock, stop: Stop) -> None:
        self._url, self._token = url, token
        self._clock, self._stop = clock, stop
        self._session = BoundedSession(clock, stop, deadline, Redactor([token]).clean_bytes)
        self._api: PlexServer | None = None
        self._vouched = (-1, 0.0)  # connections opened by then, and when
        self._ahead: tuple[str, Answer[Container]] | None = None

    def server(self) -> Server:
        self._drop_ahead()
        self._api = None  # asked anew each time: another server may have taken the address
        api = self._connected()
        if not getattr(api, "machineIdentifier", None):  # plexapi takes an empty answer for a server
            self._api = None
            raise PlexGarbled("What answers at PLEX_URL is not a Plex server: it does not say who it is.")
        return Server(api.machineIdentifier, api.friendlyName or "Plex", api.version or "?")

    def identity(self) -> dict[str, str]:
        """id, version, claimed, and the server's date ('' = not told): the one question that needs no token."""
        answer = self._session.get(f"{self._url}/identity", headers={"Accept": "application/xml"})
        root = self._guarded(lambda: parseXMLString(answer.text))
        if root is None or not root.get("machineIdentifier"):
            raise PlexGarbled("What answers at PLEX_URL is not a Plex server: it does not say who it is.")
        return {
            "id": root.get("machineIdentifier", ""),
            "version": root.get("version", ""),
            "claimed": root.get("claimed", "1"),
            "date": answer.headers.get("Date", ""),
        }

    def sections(self) -> list[Section]:
        return [to_section(row) for row in self._ask("/library/sections") if row.tag == "Directory"]

    def page(self, section: Section, kind: Kind, start: int, size: int) -> Page:
        """One page; while the caller judges it, the next one is already on its way."""
        path = listing_path(section, kind, start, size)
        page = self._guarded(lambda: self._page(path, section))
        if page.rows and (page.total is None or start + page.rows < page.total):
            self._fetch_ahead(listing_path(section, kind, start + page.rows, size))
        return page

    def read(self, keys: Sequence[str]) -> dict[str, Item]:
        path = f"/library/metadata/{_ids(keys)}?skipRefresh=1&excludeElements={NOT_NEEDED}"
        try:
            found = self._guarded(lambda: _details(self._rows(path)))
        except PlexNotFound:  # none of them exists any more, if it is Plex who says so
            found = {}
        if len(found) < len(set(keys)):
            self._vouch()
        if not found:
            self._vouch_for_reading()
        return found

    def refresh(self, key: str) -> None:
        api = self._connected()
        connections, proved_at = self._vouched
        if connections != self._session.connections or self._clock.monotonic() - proved_at >= VOUCH_SECONDS:
            self._vouch()
        self._guarded(lambda: api.query(f"/library/metadata/{_ids([key])}/refresh", method=api._session.put))

    def queue_size(self, section_key: str) -> int | None:
        try:
            root = self._ask(f"/library/sections/{section_key}/timeline")
        except PlexNotFound:  # a server without that address
            return None
        return whole_number(root.get("updateQueueSize"))

    def count(self, section: Section) -> int | None:
        """How many items the section says it has: a cheap question that needs the database."""
        root = self._ask(f"/library/sections/{section.key}/all?X-Plex-Container-Start=0&X-Plex-Container-Size=0")
        return whole_number(root.get("totalSize") or root.get("size"))

    def streams(self) -> tuple[Stream, ...]:
        """What is being played now."""
        return plex_state.streams(self._ask("/status/sessions"))

    def recordings(self) -> int:
        """How many recordings are under way."""
        return plex_state.recordings(self._ask("/activities"))

    def is_updating(self, running: str) -> bool:
        return plex_state.is_updating(self._ask("/updater/status"), running)

    def is_reachable(self) -> bool | None:
        """Whether Plex can be reached from outside; None when that is not wanted or not said."""
        return plex_state.is_reachable(self._ask("/myplex/account"))

    def map_port_again(self) -> None:
        """Asks Plex to try once more to be reachable from outside."""
        api = self._connected()
        self._guarded(lambda: api.query("/myplex/refreshReachability", method=api._session.put))

    @contextmanager
    def hints(self) -> Iterator[Hints]:
        channel = Notifications(self._url, self._token)
        try:
            yield channel
        finally:
            channel.close()

    def close(self) -> None:
        self._session.cut()
        self._session.close()

    def _vouch(self) -> None:
        """Proves that it is still the same server, before it is told to do something or an absence is believed.

        Raises PlexOtherServer; PlexGarbled when not even /identity is known there.
        """
        try:
            identity = self.identity()["id"]
        except PlexNotFound as problem:
            raise PlexGarbled("What answers at PLEX_URL does not behave like a Plex server any more.") from problem
        if self._api is not None and identity != self._api.machineIdentifier:
            raise PlexOtherServer(
                "Another Plex server answers at this address now. If that is right: "
                "python -m keeper doctor --trust-server"
            )
        self._vouched = (self._session.connections, self._clock.monotonic())

    def _vouch_for_reading(self) -> None:
        """Proves that items can be read at all, by one that is listed: a server that knows nothing any more is
        no proof that everything is gone. Raises PlexGarbled."""
        try:
            for section in self.sections():
                listed = self._rows(f"/library/sections/{section.key}/all?{ONE_ROW}").get("Metadata", ())
                if listed:
                    _details(self._rows(f"/library/metadata/{_ids([str(listed[0]['ratingKey'])])}?skipRefresh=1"))
                    return
        except (PlexNotFound, KeyError, TypeError) as problem:
            raise PlexGarbled("Plex lists items and then does not know them: is a proxy in between?") from problem

    def _connected(self) -> PlexServer:
        """plexapi's own connection: one GET / that proves address and token."""
        if self._api is None:
            self._api = self._guarded(lambda: PlexServer(self._url, self._token, session=self._session))
        return self._api

    def _ask(self, path: str) -> Element:
        """A small answer, the way plexapi asks: as XML."""
        self._drop_ahead()
        api = self._connected()
        root = self._guarded(lambda: api.query(path))
        if root is None or root.tag.lower() == "html":
            raise PlexGarbled(
                "A web page or nothing at all came back instead of an answer of Plex: is a proxy between?"
            )
        return cast("Element", root)

    def _rows(self, path: str) -> Container:
        """A large answer: as JSON, with plexapi's address and headers."""
        self._drop_ahead()
        return self._session.bounded(partial(self._fetch, self._connected(), path))

    def _fetch(self, api: PlexServer, path: str) -> Container:
        headers = {**api._headers(), "Accept": "application/json"}
        return _container(self._session.exchange("GET", api.url(path), headers=headers).content)

    def _page(self, path: str, section: Section) -> Page:
        if self._ahead and self._ahead[0] == path:
            answer, self._ahead = self._ahead[1], None
            container = self._session.await_answer(answer)
        else:
            container = self._rows(path)
        rows = container.get("Metadata", ())
        items = _usable(rows, section.key)
        return Page(items, whole_number(container.get("totalSize")), len(rows))

    def _fetch_ahead(self, path: str) -> None:
        self._ahead = (path, Answer(partial(self._fetch, self._connected(), path)))

    def _drop_ahead(self) -> None:
        """Nobody wants the page that is on its way any more; the session is needed for something else."""
        if self._ahead:
            answer, self._ahead = self._ahead[1], None
            if not answer.done.is_set():
                self._session.cut()
                answer.done.wait(1.0)

    def _guarded(self, call: Callable[[], T]) -> T:
        """plexapi's own complaints in our words; ours pass."""
        try:
            return call()
        except KeeperError:
            raise
        except (
            ParseError,
            PlexApiException,
            AttributeError,
            TypeError,
            KeyError,
            ValueError,
            RecursionError,
        ) as problem:
            raise PlexGarbled("What came back from PLEX_URL is not an answer of a Plex server.") from problem


def _container(body: bytes) -> Container:
    """The MediaContainer of a JSON answer. Raises PlexGarbled, ValueError."""
    document = json.loads(body.decode("utf-8", "replace"), strict=False) if body.strip() else None
    container = document.get("MediaContainer") if isinstance(document, dict) else None
    if not isinstance(container, dict):
        raise PlexGarbled("What came back from PLEX_URL is not an answer of a Plex server.")
    return container


def _details(container: Container) -> dict[str, Item]:
    rows = container.get("Metadata", ())
    if not rows:
        raise PlexGarbled("Plex answered a question about items with nothing at all.")
    return {item.key: item for item in _usable(rows, str(container.get("librarySectionID", "")))}


def _usable(rows: Sequence[Any], section_key: str) -> list[Item]:
    """The rows that are items: one odd row must not cost the others. Raises PlexGarbled when all are odd.

    Rows that know their section (details do) say it themselves.
    """
    try:
        return [to_item(row, section_key) for row in rows]
    except ODD_ROW:
        items = [item for row in rows if (item := _item_or_none(row, section_key))]
    if rows and not items:
        raise PlexGarbled("What came back from PLEX_URL are no items of a Plex server.")
    return items


def _item_or_none(row: Any, section_key: str) -> Item | None:
    try:
        return to_item(row, section_key)
    except ODD_ROW as problem:
        log.warning("a row of Plex is left out: %s", type(problem).__name__)
        return None


def _ids(keys: Sequence[str]) -> str:
    return ",".join(quote(key, safe="") for key in keys)


def listing_path(section: Section, kind: Kind, start: int, size: int) -> str:
    return (
        f"/library/sections/{section.key}/all?type={kind.number}&includeGuids=1&sort=addedAt:desc"
        f"&excludeElements={NOT_NEEDED}&X-Plex-Container-Start={start}&X-Plex-Container-Size={size}"
    )
