"""Every knob of the simulated server that may be turned while it runs, with its default."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

Seconds = tuple[float, float]


@dataclass
class Settings:
    """What the server does when nothing is wrong with it. Faults are a matter of `faults.py`."""

    token: str = "demo-token"  # noqa: S105 - made up, it opens nothing
    shared_tokens: tuple[str, ...] = ("demo-shared-token",)

    # The agents that fetch metadata.
    refresh_seconds: Seconds = (0.5, 1.5)
    child_share: float = 0.25  # an episode takes this part of what its show takes
    lost: float = 0.002  # share of items whose first refresh is accepted and forgotten
    lose_keys: tuple[int, ...] = ()  # items whose first refresh is certainly lost
    touch_unchanged: bool = False  # does updatedAt move when a refresh changed nothing?
    refresh_matches: bool = True  # may a refresh match an unmatched item that has an evident match?
    section_refreshing_seconds: float = 0.2
    media_tail_seconds: float = 0.2  # pause before each of the mediaState frames after state 5
    poster_delay: float = 0.3

    # How answers look.
    page_cap: int = 0  # never more rows in one page than this; 0 = as asked
    old_action_bodies: bool = False
    behind_nginx: bool = False  # request lines above 8190 characters get a 414
    fields_in_rows: bool = False  # are locked fields shown in listings, too?

    # What the push channels say.
    string_ids: bool = False
    epg_noise: bool = True
    open_activity: bool = True  # opening an item without skipRefresh=1 shows as an activity
    playing_seconds: float = 10.0

    # Load: from `busy_from` parallel requests on each more costs `busy_step` seconds, from `busy_limit` on it is 503.
    latency: float = 0.0
    busy_from: int = 0
    busy_step: float = 0.05
    busy_limit: int = 0

    # The line that a speed test of the demo measures: Mbit/s and seconds.
    line_down: float = 90.0
    line_up: float = 24.0
    line_ping: float = 0.011

    # The server about itself.
    host_guard: bool = False
    claimed: bool = True
    update: str = "none"  # none | same | newer
    can_install: bool = False
    update_state: str = "notify"
    apply_status: int = 200
    mapping_state: str = "mapped"
    mapping_error: str = ""
    signin_state: str = "ok"
    starting_reason: str = "startup maintenance tasks"

    def change(self, name: str, value: Any) -> None:
        """Turn one knob; the value is brought to the type the knob has."""
        if name not in {field.name for field in fields(self)}:
            raise KeyError(name)
        setattr(self, name, _like(getattr(self, name), value))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _like(old: Any, value: Any) -> Any:
    if isinstance(old, bool):
        return value if isinstance(value, bool) else str(value).lower() in {"1", "true", "yes", "on"}
    if not isinstance(old, tuple):
        return type(old)(value)
    items = value if isinstance(value, list | tuple) else str(value).replace("-", ",").split(",")
    members = tuple(_member(old, item) for item in items if item != "")
    is_range = bool(old) and isinstance(old[0], float)
    return (members[0], members[-1]) if is_range else members


def _member(old: tuple[Any, ...], item: Any) -> Any:
    """Members of an empty tuple are numbers when they look like numbers."""
    if old:
        return type(old[0])(item)
    return int(item) if str(item).isdigit() else item
