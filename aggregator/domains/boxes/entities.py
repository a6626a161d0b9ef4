"""Boxes and their cameras, as the API returns and the feed carries them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, computed_field

from aggregator.store.entity import Entity, PresenceState

Trouble = Literal["two_lives", "card_refuses", "disk_full", "over_limits", "no_looks"]


class Box(Entity):
    """A box and what is known of it. `silent` and `unknown` both mean: cannot confirm that nothing happens."""

    site: str
    agent: str
    state: PresenceState
    state_since: datetime
    last_seen_at: datetime | None
    born_at: datetime | None
    session: int
    version: str
    health_interval_s: float
    health: dict[str, Any] | None
    clock_off_s: float | None = None
    """Seconds by which the box's clock was ahead at its last heartbeat."""
    lost: int = 0
    """Numbers of the last seven days that stand for events which will not come; /api/v1/gaps says why."""
    two_lives: bool = False
    """Two boxes use this name: neither can confirm that nothing happens."""
    over_limits: list[str] = Field(default_factory=list)
    """Which bounds of a day ([limits]) it exceeded in the last ten minutes. What is beyond waits in the box; what is
    beyond `alerts_per_day` joins other alerts."""
    maintenance: str | None = None
    """Why it, or its place, is under maintenance now: what rings there rings nobody."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def troubles(self) -> list[Trouble]:
        """What is wrong with it besides its state; of `card_refuses` the heartbeat's `outbox` says why, of
        `over_limits` the list of this name, of `no_looks` the heartbeat's `looks`."""
        beat = self.health or {}
        found: dict[Trouble, bool] = {
            "two_lives": self.two_lives,
            "card_refuses": bool(beat.get("outbox")),
            "disk_full": bool(beat.get("disk_full")),
            "over_limits": bool(self.over_limits),
            "no_looks": bool((beat.get("looks") or {}).get("why")),
        }
        return [name for name, is_so in found.items() if is_so]


class DesiredSection(Entity):
    """What is wanted of a box in one section of its desired state, and whether it obeys."""

    section: str
    version: int
    wanted_at: datetime
    sent_at: datetime | None
    """When it was sent last; null while it has yet to be."""
    state: Literal["waiting", "obeyed", "refused"]
    error: str
    """Why the box cannot obey it, or does not yet."""


class LaneAccount(Entity):
    """What was received of one lane of one outbox. `stored` above `distinct_stored` would be a duplicate."""

    site: str
    agent: str
    epoch: int
    lane: int
    contiguous: int
    above: str
    missing: str
    stored: int
    distinct_stored: int
    alarms: int
    """Stored events that want an alert."""
    in_alerts: int
    """Those that are in one; a moment later than `stored`, for alerting comes after storing."""


class Gap(Entity):
    """Numbers that hold no event, and why."""

    site: str
    agent: str
    epoch: int
    lane: int
    first: int
    last: int
    reason: str
    recorded_at: datetime


class Availability(Entity):
    """For how long a box, or one of its cameras, was known to be well between two moments."""

    site: str
    agent: str
    camera: str | None
    since: datetime
    until: datetime
    covered_s: int
    uncovered_s: int
    share: float
    """Covered, of the whole."""


class Uncovered(Entity):
    """A stretch of quarter-hours, in each of which a box or camera was for some time not known to be well."""

    site: str
    agent: str
    camera: str | None
    since: datetime
    until: datetime
    uncovered_s: int


class HealthSample(Entity):
    """A heartbeat in numbers."""

    at: datetime
    cameras: int
    watching: int
    dropped: int
    """Frames that analysis was too slow for, since the cameras started."""
    waiting: int
    """Events in the outbox."""
    pictures: int
    """Pictures that wait to be sent."""
    disk_free: int
    """Bytes."""
    temperature_c: float | None
    load_1m: float
    clock_off_s: float
    """Seconds by which the box's clock was ahead."""
