"""The login page: a plain form made by the server, for every browser and password manager, with or without scripts."""

from __future__ import annotations

import html
import logging
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from string import Template
from typing import Protocol
from urllib.parse import parse_qs, urlencode

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from keeper.door import desk as front
from keeper.door.desk import Desk, address_of, is_foreign
from keeper.door.headers import digest
from keeper.door.login_words import WORDS
from keeper.errors import KeeperError

log = logging.getLogger(__name__)

MAX_BODY = 4096
BODY_SECONDS = 10.0
MAX_QUEUE = 8  # logins waiting for their turn; one bcrypt takes 0.3 s
_ASSETS = Path(__file__).parent / "assets"
_PAGE = Template((_ASSETS / "login.html").read_text(encoding="utf-8"))
_STYLE = (_ASSETS / "login.css").read_text(encoding="utf-8")
_LOGO = (_ASSETS / "logo.svg").read_text(encoding="utf-8")
PAGE_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src {digest(_STYLE)}; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Vary": "Accept-Language",
}


class Entry(Protocol):
    """The doorkeeper's answer to a login."""

    @property
    def token(self) -> str: ...

    @property
    def device(self) -> str: ...

    @property
    def wait(self) -> float: ...


class Doorkeeper(front.Doorkeeper, Protocol):
    def log_in(self, username: str, password: str, address: str, browser: str, device: str = "") -> Entry: ...

    def log_out(self, token: str) -> None: ...

    def knows(self, device: str, username: str) -> bool: ...


def routes(doorkeeper: Doorkeeper, base: str = "") -> list[Route]:
    """GET and POST {base}/login, GET {base}/auth/logout (the address st.logout() sends the browser to)."""
    pages = _LoginPages(doorkeeper, Desk(doorkeeper, base))
    login, logout = f"{pages.desk.base}/login", f"{pages.desk.base}/auth/logout"
    return [
        Route(login, pages.show, methods=["GET"]),
        Route(login, pages.enter, methods=["POST"]),
        Route(logout, pages.leave, methods=["GET"]),
    ]


class _LoginPages:
    def __init__(self, doorkeeper: Doorkeeper, desk: Desk) -> None:
        self.doorkeeper, self.desk = doorkeeper, desk
        # One password at a time: bcrypt cannot eat the machine. Known browsers queue apart, so that no crowd stands in
        # their way.
        self._turnstiles = {known: anyio.CapacityLimiter(1) for known in (False, True)}

    async def show(self, request: Request) -> Response:
        with suppress(KeeperError):  # who cannot be recognised now gets the form
            if await self.desk.visitor(request):
                target = self.desk.target(request.query_params.get("next", ""))
                return RedirectResponse(target, 303, {"Cache-Control": "no-store"})
        return self._page(request, request.query_params.get("next", ""))

    async def enter(self, request: Request) -> Response:
        """1. From our own page? 2. Small and complete? 3. Ask the doorkeeper, one at a time."""
        if is_foreign(request):
            return PlainTextResponse("This form was sent from another site.", 403)
        form = await _form(request)
        if isinstance(form, Response):
            return form
        turnstile = self._turnstiles[self.doorkeeper.knows(self.desk.device(request), form.get("username", ""))]
        if turnstile.statistics().tasks_waiting >= MAX_QUEUE:
            return self._page(request, form.get("next", ""), 429, "crowd", wait=5)
        try:
            return await self._answer(request, form, turnstile)
        except KeeperError as problem:
            log.error("login impossible: %s", problem.sentence)
            return self._page(request, form.get("next", ""), 503, "trouble")

    async def leave(self, request: Request) -> Response:
        if is_foreign(request):
            return PlainTextResponse("This link came from another site.", 403)
        await self._end_old(request)
        answer = RedirectResponse(f"{self.desk.base}/login", 303, {"Cache-Control": "no-store"})
        answer.headers.append("set-cookie", self.desk.cookie(request, ""))
        return answer

    async def _answer(self, request: Request, form: Mapping[str, str], turnstile: anyio.CapacityLimiter) -> Response:
        name, wanted = form.get("username", ""), form.get("next", "")
        entry = await anyio.to_thread.run_sync(
            self.doorkeeper.log_in,
            name,
            form.get("password", ""),
            address_of(request),
            request.headers.get("user-agent", ""),
            self.desk.device(request),
            limiter=turnstile,
        )
        if entry.wait > 0:
            return self._page(request, wanted, 429, "wait", name, math.ceil(entry.wait))
        if not entry.token:
            return self._page(request, wanted, 401, "wrong", name)
        await self._end_old(request)
        answer = RedirectResponse(self.desk.target(wanted), 303, {"Cache-Control": "no-store"})
        answer.headers.append("set-cookie", self.desk.cookie(request, entry.token))
        answer.headers.append("set-cookie", self.desk.device_cookie(request, entry.device))
        return answer

    async def _end_old(self, request: Request) -> None:
        """What this browser was logged in as before is over, wherever the old cookie was copied to."""
        for token in self.desk.tokens(request):
            await anyio.to_thread.run_sync(self.doorkeeper.log_out, token)

    def _page(
        self, request: Request, wanted: str, status: int = 200, problem: str = "", name: str = "", wait: int = 0
    ) -> Response:
        language = _language(request)
        words, other = WORDS[language], "en" if language == "de" else "de"
        login, chosen = f"{self.desk.base}/login", request.query_params.get("lang") == language
        sentence = words[problem].format(wait=_duration(wait, words)) if problem else ""
        shown = {
            **words,
            "language": language,
            "action": login + (f"?lang={language}" if chosen else ""),
            "next": self.desk.target(wanted),
            "username": name[:80],
            "sentence": sentence,
            "switch": f"{login}?{urlencode({'lang': other, 'next': self.desk.target(wanted)})}",
            "other": other,
            "invalid": "true" if problem == "wrong" else "false",
        }
        safe = {key: html.escape(text, quote=True) for key, text in shown.items()}
        alert = f'<p class="problem" role="alert" id="problem">{safe["sentence"]}</p>' if sentence else ""
        focus = {"focus_name": "" if name else " autofocus", "focus_password": " autofocus" if name else ""}
        body = _PAGE.substitute(safe, alert=alert, style=_STYLE, logo=_LOGO, **focus)
        headers = {**PAGE_HEADERS, "Content-Language": language}
        if status in (429, 503):
            headers["Retry-After"] = str(wait or 5)
        return HTMLResponse(body, status, headers)


async def _form(request: Request) -> dict[str, str] | Response:
    """The fields of a small urlencoded form, or the refusal."""
    try:
        with anyio.fail_after(BODY_SECONDS):
            body = await _body(request)
        if body is None:
            return PlainTextResponse("That is too much for a login.", 413, {"Connection": "close"})
        fields = parse_qs(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=10)
    except (ValueError, ClientDisconnect, TimeoutError):
        return PlainTextResponse("That is not a login form.", 400, {"Connection": "close"})
    return {name: values[0] for name, values in fields.items()}


async def _body(request: Request) -> bytes | None:
    """None when it is too large; the rest of it is never read."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return body


def _language(request: Request) -> str:
    """?lang= wins; then what the browser prefers; then English."""
    asked = request.query_params.get("lang", "")
    if asked in WORDS:
        return asked
    ranked: list[tuple[float, str]] = []
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, quality = part.strip().partition(";q=")
        with suppress(ValueError):
            ranked.append((-float(quality or 1), tag[:2].lower()))
    ranked.sort(key=lambda pair: pair[0])
    return next((tag for weight, tag in ranked if tag in WORDS and weight < 0), "en")


def _duration(seconds: int, words: Mapping[str, str]) -> str:
    amount, unit = (math.ceil(seconds / 60), "minute") if seconds > 90 else (seconds, "second")
    return f"{amount} {words[unit if amount == 1 else unit + 's']}"
