"""Nobody may hold a connection for long without asking anything whole; the server itself knows no such limit."""

from __future__ import annotations

import asyncio
from typing import Any

SECONDS = 10.0


def bounded(protocol: type[Any], seconds: float = SECONDS) -> type[Any]:
    """uvicorn's HTTP protocol, which then closes a connection whose request line and headers are not complete in time,
    and a websocket whose handshake is not answered in time. Bodies and answers have limits of their own."""

    class Bounded(protocol):  # type: ignore[misc]
        _over: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._begin()

        def data_received(self, data: bytes) -> None:
            if self._over is None and (self.cycle is None or self.cycle.response_complete):
                self._begin()
            super().data_received(data)

        def connection_lost(self, exc: Exception | None) -> None:
            if self._over is not None:
                self._over.cancel()
            super().connection_lost(exc)

        def _begin(self) -> None:
            self._over = self.loop.call_later(seconds, self._end)

        def _end(self) -> None:
            self._over = None
            speaks = self.transport.get_protocol()
            if speaks is not self:  # a websocket by now
                asked_in_vain = not getattr(speaks, "handshake_complete", True)
            else:
                asked_in_vain = self.cycle is None or self.cycle.response_complete
            if asked_in_vain and not self.transport.is_closing():
                self.transport.close()

    return Bounded
