"""What stands in the cookies: signed, in the token format of streamlit-authenticator (a JWT, HS256).

A session's token opens the door as long as the store knows its secret's digest; a device's token opens nothing and
only tells a browser that logged in before from strangers.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import NamedTuple

import jwt


class Claims(NamedTuple):
    username: str
    expires: float  # epoch seconds
    secret: str

    @property
    def session_id(self) -> str:
        return digest(self.secret)


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def of_session(key: str, username: str, secret: str, expires: datetime) -> str:
    return jwt.encode({"username": username, "exp_date": expires.timestamp(), "sid": secret}, key, algorithm="HS256")


def read_session(key: str, token: str) -> Claims | None:
    """What a session's token says if we signed it, expired or not."""
    said = _verified(key, token)
    name, expires, secret = said.get("username"), said.get("exp_date"), said.get("sid")
    if not isinstance(name, str) or not isinstance(secret, str) or not isinstance(expires, int | float):
        return None
    return Claims(name, expires, secret)


def of_device(key: str, username: str, mark: str) -> str:
    """`mark` is the fingerprint of the password's hash: with another password the device is a stranger again."""
    claims = {"username": username, "mark": mark, "device": secrets.token_urlsafe(32)}
    return jwt.encode(claims, key, algorithm="HS256")


def read_device(key: str, token: str, username: str, mark: str) -> str:
    """Digest of a device which this user has logged in with, with this password; '' for any other."""
    said = _verified(key, token)
    secret = said.get("device")
    same = said.get("username") == username and said.get("mark") == mark
    return digest(secret) if isinstance(secret, str) and mark and same else ""


def _verified(key: str, token: str) -> dict[str, object]:
    """What a token says if we signed it; nothing otherwise."""
    try:
        said: dict[str, object] = jwt.decode(token, key, algorithms=["HS256"])
    except jwt.PyJWTError:
        return {}
    return said
