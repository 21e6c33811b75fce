"""Cron lines, by cronsim (Debian's rules, also on DST nights)."""

from __future__ import annotations

from datetime import datetime

from cronsim import CronSim, CronSimError

from keeper.errors import SettingsError


class CronLines:
    """The Cron port."""

    def next_after(self, line: str, moment: datetime) -> datetime | None:
        """Raises SettingsError for what is neither a cron line nor possible."""
        try:
            return next(CronSim(line, moment), None)
        except CronSimError as problem:
            raise SettingsError("schedule", line, f"a time such as 03:30, or a cron line ({problem})") from None
