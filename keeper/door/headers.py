"""What every answer tells the browser to refuse: foreign scripts, frames, sniffing, tracking."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: with that, browsers send the login form's own POST with 'Origin: null'.
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "x-robots-tag": "noindex",
}
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def page_policy(index: Path) -> str:
    """The CSP of the pages: what `index` (Streamlit's own page) holds inline is allowed by its hash, nothing else is.

    Styles stay open, because Streamlit writes them while it runs. Raises OSError.
    """
    inline = [digest(script) for script in _INLINE_SCRIPT.findall(index.read_text(encoding="utf-8"))]
    return (
        f"default-src 'self'; script-src 'self' {' '.join(inline)}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    )


def digest(text: str) -> str:
    """The text of an inline script or style, as a CSP names it."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def hardened(send: Send, policy: str) -> Send:
    """A sender that adds the headers; an answer that has one of them already keeps its own."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in ALWAYS.items():
                headers.setdefault(name, value)
            if policy:
                headers.setdefault("content-security-policy", policy)
        await send(message)

    return sending
