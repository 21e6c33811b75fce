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
from collections.abc import AsyncIterator, Iterator
from itertools import chain
from pathlib import Path
from types import FrameType
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from keeper.errors import KeeperError

GRACEFUL_SECONDS = 3
MANY_FILES = 8192
STREAMLIT = Path(st.__file__).parent


def serve() -> dict[str, Any]:
    """What stands around Streamlit: the gate before it, a few routes beside it, the engine's life in the lifespan."""
    import anyio
    from starlette.middleware import Middleware
    from streamlit import config as server_config
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    import auth
    from keeper.wiring import open_house

    house, doorkeeper = open_house()
    base = "/" + base if (base := server_config.get_option("server.baseUrlPath").strip("/")) else ""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        await anyio.to_thread.run_sync(house.engine.start)
        answer_without_delay()
        believe_only_named_proxies()
        close_what_asks_nothing()
        bound_shutdown(house.engine.announce_stop)
        preload_and_freeze()
        try:
            yield
        finally:
            await anyio.to_thread.run_sync(house.engine.stop)
            house.close()

    proxies = house.settings.proxies
    gate = Middleware(
        auth.Gate,
        doorkeeper=doorkeeper,
        base=base,
        policy=auth.page_policy(STREAMLIT / "static" / "index.html"),
        farewell=farewell(base),
        proxies=proxies,
    )
    return {
        "lifespan": lifespan,
        "routes": [*figures(house, base), *takeaways(house, base), *auth.routes(doorkeeper, base)],
        "middleware": [Middleware(ProxyHeadersMiddleware, trusted_hosts=proxies), gate],
    }


def figures(house: Any, base: str) -> list[Any]:
    """/healthz for everybody: does it work, and no more. /metrics for Prometheus, by token or from this machine."""
    import anyio
    from starlette.requests import Request
    from starlette.responses import JSONResponse, PlainTextResponse, Response
    from starlette.routing import Route

    import auth
    from keeper import metrics

    async def healthz(_request: Request) -> Response:
        health = await anyio.to_thread.run_sync(house.health)
        return JSONResponse(health, 200 if health["ok"] else 503)

    async def prometheus(request: Request) -> Response:
        peer = request.client.host if request.client else None
        if not auth.may_read(peer, request.headers, house.settings.metrics_token.get_secret_value()):
            return PlainTextResponse(
                "Please send METRICS_TOKEN as a bearer token.", 401, {"WWW-Authenticate": "Bearer"}
            )
        try:
            page = await anyio.to_thread.run_sync(metrics.exposition, house)
        except KeeperError as problem:
            return PlainTextResponse(problem.sentence, 503)
        return Response(page, headers={"Cache-Control": "no-store"}, media_type=metrics.CONTENT_TYPE)

    return [Route(base + "/healthz", healthz), Route(base + "/metrics", prometheus)]


def takeaways(house: Any, base: str) -> list[Any]:
    """/export/events.csv and .json, and /export/speed.csv, for whoever has logged in: the gate stands before them.
    Handed out piece by piece, so that a million events take no more memory than ten."""
    import anyio
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse, Response, StreamingResponse
    from starlette.routing import Route

    book = house.eventbook
    written = {"csv": (book.csv, "text/csv; charset=utf-8"), "json": (book.json, "application/json")}

    async def events(request: Request) -> Response:
        form = request.path_params["form"]
        if form not in written:
            return PlainTextResponse("Please ask for events.csv or events.json.", 404)
        write, kind = written[form]
        query = {name: request.query_params.getlist(name) for name in request.query_params}
        return await handed_out(write(query), f"events_{house.clock.now():%Y-%m-%d}.{form}", kind)

    async def speed(_request: Request) -> Response:
        name = f"speed_{house.clock.now():%Y-%m-%d}.csv"
        return await handed_out(house.speed.csv(), name, "text/csv; charset=utf-8")

    async def handed_out(pieces: Iterator[str], name: str, kind: str) -> Response:
        try:
            first = await anyio.to_thread.run_sync(next, pieces)
        except KeeperError as problem:
            return PlainTextResponse(problem.sentence, 503)
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return StreamingResponse(chain((first,), pieces), headers=headers, media_type=kind)

    return [Route(f"{base}/export/events.{{form}}", events), Route(f"{base}/export/speed.csv", speed)]


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


def close_what_asks_nothing() -> None:
    """Half a request is closed after some seconds, and there is room for many of them until then."""
    import resource

    import auth

    settings = uvicorn_config()
    if settings is not None:
        settings.http_protocol_class = auth.bounded(settings.http_protocol_class)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else min(MANY_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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
    """The message that sends a live page away, in the words in which Streamlit's own st.logout() does."""
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    message = ForwardMsg()
    message.auth_redirect.url = f"{base}/login"  # which leads whoever has logged in again meanwhile home
    return bytes(message.SerializeToString())


def preload_and_freeze() -> None:
    """Streamlit collects garbage after every fragment run; what is frozen need not be walked each time."""
    import pandas  # noqa: F401
    import pyarrow  # noqa: F401
    import streamlit.elements.arrow  # noqa: F401

    gc.collect()
    gc.freeze()


if get_script_run_ctx(suppress_warning=True) is None:
    # Streamlit finds the app by reading this file, and knows it only as a literal call of st.App.
    app = st.App(__file__, **serve())
    if __name__ == "__main__":
        app.run()
else:
    from keeper.ui import frame

    frame.main()
