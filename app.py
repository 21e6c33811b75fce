"""Front door. The server imports this file once and gets the st.App; each session runs it as its page script.

The engine starts with the service, before any browser comes, and stops with it.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from types import FrameType
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

GRACEFUL_SECONDS = 3
STREAMLIT = Path(st.__file__).parent


def serve() -> dict[str, Any]:
    """What stands around Streamlit: the gate before it, a few routes beside it, the engine's life in the lifespan."""
    import anyio
    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route
    from streamlit import config as server_config
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    import auth
    from keeper.wiring import open_house

    house, doorkeeper = open_house()
    base = "/" + base if (base := server_config.get_option("server.baseUrlPath").strip("/")) else ""

    async def healthz(_request: Request) -> JSONResponse:
        health = await anyio.to_thread.run_sync(house.health)
        return JSONResponse(health, 200 if health["ok"] else 503)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        await anyio.to_thread.run_sync(house.engine.start)
        answer_without_delay()
        believe_only_named_proxies()
        bound_shutdown(house.engine.announce_stop)
        preload_and_freeze()
        try:
            yield
        finally:
            await anyio.to_thread.run_sync(house.engine.stop)
            house.close()

    routes = [Route(base + "/healthz", healthz), *auth.routes(doorkeeper, base)]
    policy = auth.page_policy(STREAMLIT / "static" / "index.html")
    middleware = [
        Middleware(ProxyHeadersMiddleware, trusted_hosts=house.settings.proxies),
        Middleware(auth.Gate, doorkeeper=doorkeeper, base=base, policy=policy, farewell=farewell(base)),
    ]
    return {"lifespan": lifespan, "routes": routes, "middleware": middleware}


def answer_without_delay() -> None:
    """Streamlit's listening socket lacks TCP_NODELAY, which costs 44 ms an answer; accepted sockets inherit it."""
    import psutil

    for connection in psutil.Process().net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.fd >= 0:
            with contextlib.closing(socket.socket(fileno=os.dup(connection.fd))) as listener:
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def uvicorn_config() -> Any:
    """The settings of the server that runs us, found by its signal handler; None under any other server."""
    return getattr(getattr(signal.getsignal(signal.SIGTERM), "__self__", None), "config", None)


def believe_only_named_proxies() -> None:
    """By itself uvicorn lets every program on this machine say from where a request comes; only TRUSTED_PROXIES may."""
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    settings = uvicorn_config()
    if settings is None:
        logging.getLogger("keeper").warning(
            "cannot see the web server: make sure that it does not believe X-Forwarded-For"
        )
    elif isinstance(settings.loaded_app, ProxyHeadersMiddleware):
        settings.loaded_app = settings.loaded_app.app


def bound_shutdown(announce_stop: Any) -> None:
    """On SIGTERM and SIGINT tell the engine at once, and keep the server from waiting for half-sent requests."""
    settings = uvicorn_config()
    if settings is not None:
        settings.timeout_graceful_shutdown = GRACEFUL_SECONDS
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)
        if not callable(before):
            continue

        def on_signal(signum: int, frame: FrameType | None, before: Any = before) -> None:
            announce_stop()
            before(signum, frame)

        signal.signal(number, on_signal)


def farewell(base: str) -> bytes:
    """The message that sends a live page to the way out, as Streamlit itself words it for st.logout()."""
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    message = ForwardMsg()
    message.auth_redirect.url = f"{base}/auth/logout"
    return bytes(message.SerializeToString())


def preload_and_freeze() -> None:
    """Streamlit collects garbage after every fragment run; what is frozen need not be walked each time."""
    import pandas  # noqa: F401
    import pyarrow  # noqa: F401
    import streamlit.elements.arrow  # noqa: F401

    gc.collect()
    gc.freeze()


if get_script_run_ctx(suppress_warning=True) is None:
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # Streamlit finds the app by reading this file, and knows it only as a literal call of st.App.
    app = st.App(__file__, **serve())
    if __name__ == "__main__":
        app.run()
else:
    from keeper.ui import frame

    frame.main()
