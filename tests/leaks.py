"""The search for secrets in whatever was written, shown or sent. It knows nothing of how the program hides them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

#: A prepared .env: each of them in no other place than there. Some have characters that look different elsewhere.
SECRETS = {
    "PLEX_TOKEN": "xK7vQ2-mZ9tR4_wLpB3d",
    "GUI_PASSWORD": 'gW5 "rain&Tea/=+ü!9c',
    "PSR_COOKIE_KEY": "cK0f7a1be2d94c8365fa0be17d2c4986ab53ef10",
    "METRICS_TOKEN": "mT/4u8Jq+Zs1YwPx0o==",
    "AIRTABLE_TOKEN": "patQ9wE2rT5yU8iO1p.0c3f5a7e9b1d",
    "TELEGRAM_BOT_TOKEN": "7316204958:AAFx9-kLmN0pQrStUvWxYz12345_abcde",
    "TELEGRAM_CHAT_ID": "-1004815162342108",
    "DISCORD_WEBHOOK_URL": "https://hooks.example.test/api/webhooks/1184467/Jd8sKq-Wm3_xZt6Rv0",
}
#: What belongs to them, so that messages are really sent, to where nobody listens.
WITH_THEM = {
    "AIRTABLE_BASE": "appKeeperLeaks00",
    "AIRTABLE_ENDPOINT_URL": "http://127.0.0.1:9",
    "TELEGRAM_ENDPOINT_URL": "http://127.0.0.1:9",
}
WEBHOOK_PATH = "/api/webhooks/1184467/Jd8sKq-Wm3_xZt6Rv0"
_COLOURS = re.compile(rb"\x1b\[[0-9;]*m")  # a coloured secret is read by people all the same


def env_file(path: Path, **more: str) -> Path:
    """The prepared .env with further settings."""
    lines = [f"{name}='{value}'\n" for name, value in (SECRETS | WITH_THEM | more).items()]
    path.write_text("".join(lines), encoding="utf-8")
    path.chmod(0o600)
    return path


def wanted(secrets: Mapping[str, str] = SECRETS) -> dict[str, str]:
    """What is searched for; of the address also its path alone."""
    return {**secrets, "the webhook's path": WEBHOOK_PATH}


def forms(secret: str) -> Iterator[bytes]:
    raw = secret.encode()
    yield from (raw, raw[::-1], escape(secret).encode(), escape(secret, {'"': "&quot;"}).encode())
    yield from (quote(secret, safe="").encode(), quote(secret).encode(), quote_plus(secret).encode())
    yield from (
        json.dumps(secret)[1:-1].encode(),
        json.dumps(json.dumps(secret))[3:-3].encode(),
        repr(secret)[1:-1].encode(),
    )
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in (b"", b"?", b"??"):  # wherever it stands in a longer text, these characters are the same
            yield encode(before + raw)[4 if before else 0 : -4]


def found(texts: Iterable[tuple[str, bytes]], secrets: Mapping[str, str]) -> list[str]:
    """'PLEX_TOKEN in logs/keeper.log' for each secret that stands in a text, in whatever form."""
    searched = {name: set(forms(secret)) for name, secret in secrets.items()}
    hits = []
    for place, text in texts:
        plain = _COLOURS.sub(b"", text)
        hits += [f"{name} in {place}" for name, shapes in searched.items() if any(shape in plain for shape in shapes)]
    return hits


def files(folder: Path, *but: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below, as it lies there: the data file with its -wal, logs, whatever somebody left behind."""
    for file in folder.rglob("*"):
        if file.is_file() and file not in but:
            yield str(file.relative_to(folder)), file.read_bytes()
