"""The name of a browser, for people."""

from __future__ import annotations

from functools import lru_cache

from ua_parser import parse


@lru_cache(maxsize=256)
def browser_name(user_agent: str) -> str:
    """'Firefox 153 on Linux' from a User-Agent line; 'Unknown browser' when it says nothing known."""
    found = parse(user_agent[:500])
    browser, system = found.user_agent, found.os
    name = " ".join(part for part in (browser.family, browser.major) if part) if browser else "Unknown browser"
    return f"{name} on {system.family}" if system else name
