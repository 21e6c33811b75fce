"""What the pages say, in English and German; one file per screen, merged here."""

from __future__ import annotations

from keeper.ui.phrases import account, common, demo, events, library, overview, runs, speed, watchdog

PHRASES: dict[str, tuple[str, str]] = {
    **common.PHRASES,
    **overview.PHRASES,
    **watchdog.PHRASES,
    **library.PHRASES,
    **runs.PHRASES,
    **account.PHRASES,
    **demo.PHRASES,
    **events.PHRASES,
    **speed.PHRASES,
}
