"""The list behind /activities: what the server says it is working on."""

from __future__ import annotations

from typing import Any

from keeper.demo.nodes import Attrs, Node, as_json
from keeper.demo.push import Push


class Activities:
    """Running activities. The butler's row stays at 100 for ever; never wait for an empty list."""

    def __init__(self, push: Push) -> None:
        self._push = push
        self._started = 0
        self._boot = 0
        self._running: dict[str, Node] = {}
        self.restart()

    def restart(self) -> None:
        """A new start of the server: new identifiers, nothing running but the butler."""
        self._boot += 1
        self._running.clear()
        self._add("butler", "Butler", "Finished", 100)

    def start(self, kind: str, title: str, subtitle: str, progress: int = 0, context: Attrs | None = None) -> str:
        node = self._add(kind, title, subtitle, progress, context)
        self._push.activity("started", as_json(node))
        return str(node.attrs["uuid"])

    def update(self, uuid: str, progress: int, subtitle: str | None = None, context: Attrs | None = None) -> None:
        node = self._running.get(uuid)
        if node is not None:
            self._set(node, progress, subtitle, context)
            self._push.activity("updated", as_json(node))

    def end(self, uuid: str, context: Attrs | None = None) -> None:
        node = self._running.pop(uuid, None)
        if node is not None:
            self._set(node, 100, None, context)
            self._push.activity("ended", as_json(node))

    def nodes(self) -> list[Node]:
        return list(self._running.values())

    def as_list(self) -> list[dict[str, Any]]:
        return [as_json(node) for node in self.nodes()]

    def _add(self, kind: str, title: str, subtitle: str, progress: int, context: Attrs | None = None) -> Node:
        self._started += 1
        uuid = f"{self._boot:08x}-0000-4000-8000-{self._started:012x}"
        attrs: Attrs = {"uuid": uuid, "type": kind, "cancellable": False, "userID": 1}
        node = Node("Activity", attrs | {"title": title, "subtitle": subtitle, "progress": progress})
        self._set(node, progress, None, context)
        self._running[uuid] = node
        return node

    @staticmethod
    def _set(node: Node, progress: int, subtitle: str | None, context: Attrs | None) -> None:
        node.attrs["progress"] = progress
        if subtitle is not None:
            node.attrs["subtitle"] = subtitle
        if context is not None:
            node.children = [Node("Context", {**context}, single=True)]
