"""Rows as typed things: what the API returns and the feed carries."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, computed_field

Verdict = Literal["true", "false", "test"]
PresenceState = Literal["online", "silent", "unknown"]
Trouble = Literal["two_lives", "card_refuses", "disk_full", "over_limits"]


Priority = Literal[1, 2, 3, 4]
"""1 is the most urgent."""
Detail = dict[str, str | int | float | list[int]]


class _Entity(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Alert(_Entity):
    """An alert as people see it: what (`condition`) is the matter with what (`subject` and where it is).

    A line's, zone's or sensor's own name is `name`, a camera's is `camera`; of a box both are empty; of our own
    services and webhooks `site` and `agent` are, too. An alert of many subjects that have one cause names none.

    `evidence` lists SHA-256 hashes of pictures that have arrived, in the order in which they were taken: the first and
    the newest, at most 20. `members` and `pictures` say how many there are in all, and routes of their own list them.
    """

    id: int
    condition: str
    priority: Priority
    subject: str
    site: str
    agent: str
    camera: str
    name: str
    detail: Detail
    """What else is known, such as the `direction` of a crossing, or `why` a camera does not see."""
    first_at: datetime
    last_at: datetime
    confirmed_at: datetime
    raised_at: datetime
    ended_at: datetime | None
    """When a condition that clears itself was over; None: it is not, or it is one that a person clears."""
    quiet: bool
    """Its subject was under maintenance: it rang nobody; `detail` says why (`maintenance`)."""
    members: int
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    cleared_at: datetime | None
    cleared_by: str | None
    verdict: Verdict | None
    evidence: list[str]
    corrected_at: datetime | None
    """When the verdict was corrected last, by whom and why; None: it is the first."""
    corrected_by: str | None
    corrected_why: str | None
    pictures: int
    """How many have come; those that are kept no more among them."""


class Member(_Entity):
    """An event that an alert is made of; `number` is its own in its lane."""

    at: datetime
    site: str
    agent: str
    epoch: int
    lane: str
    number: int
    reason: str
    """Why it belongs to the alert."""


class MemberPage(_Entity):
    """Members in the order in which they happened. `next` asks for the page after; null at the end."""

    members: list[Member]
    next: str | None


class AlertPicture(_Entity):
    """A picture of an alert, which has arrived."""

    sha256: str
    taken_at: datetime


class PicturePage(_Entity):
    """Pictures in the order in which they were taken. `next` asks for the page after; null at the end."""

    pictures: list[AlertPicture]
    next: str | None


class AffectedSubject(_Entity):
    """A subject of an alert whose condition clears itself; one that has ended for all names none any more."""

    subject: str
    site: str
    agent: str
    camera: str
    name: str
    active: bool
    since: datetime
    """When it became so."""
    detail: dict[str, Any]


class GivenVerdict(_Entity):
    """What was said of an alert at one time; None: the verdict before was taken back."""

    at: datetime
    by: str
    verdict: Verdict | None
    why: str


class Box(_Entity):
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
    over_limits: list[str] = []
    """Which bounds of a day ([limits]) it exceeded in the last ten minutes. What is beyond waits in the box; what is
    beyond `alerts_per_day` joins other alerts."""
    maintenance: str | None = None
    """Why it, or its place, is under maintenance now: what rings there rings nobody."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def troubles(self) -> list[Trouble]:
        """What is wrong with it besides its state; of `card_refuses` the heartbeat's `outbox` says why, of
        `over_limits` the list of this name."""
        beat = self.health or {}
        found: dict[Trouble, bool] = {
            "two_lives": self.two_lives,
            "card_refuses": bool(beat.get("outbox")),
            "disk_full": bool(beat.get("disk_full")),
            "over_limits": bool(self.over_limits),
        }
        return [name for name, is_so in found.items() if is_so]


class DesiredSection(_Entity):
    """What is wanted of a box in one section of its desired state, and whether it obeys."""

    section: str
    version: int
    wanted_at: datetime
    sent_at: datetime | None
    """When it was sent last; null while it has yet to be."""
    state: Literal["waiting", "obeyed", "refused"]
    error: str
    """Why the box cannot obey it."""


class Sensor(_Entity):
    """An alarm sensor in its newest state. Only `normal` of a box that is online confirms that nothing happens."""

    site: str
    agent: str
    sensor: str
    what: str
    """Such as infrared, door, button."""
    box: PresenceState
    state: str
    since: datetime
    """From when on it was told to be so."""
    told_at: datetime
    detail: str


class Device(_Entity):
    """A box, or what may become one."""

    site: str
    agent: str
    serial: str
    """Of the machine."""
    state: Literal["claimed", "lapsed", "locked", "enrolled", "expired", "revoked"]
    """Lapsed: its claim was not used in time; locked: too many machines tried it; expired: away for too long."""
    claimed_at: datetime | None
    claim_expires_at: datetime | None
    enrolled_at: datetime | None
    renewed_at: datetime | None
    expires_at: datetime | None
    """Of its newest certificate."""
    revoked_at: datetime | None
    revoked_by: str | None
    revoked_why: str | None


class AuditEntry(_Entity):
    """Who changed or looked at what."""

    number: int
    at: datetime
    who: str
    origin: str
    """Address from where."""
    what: str
    subject: str
    why: str
    detail: str


class Maintenance(_Entity):
    """Work on everything in a place, a box of a site, or one of its cameras: what rings there rings nobody."""

    id: int
    place: str
    agent: str
    """Empty: all boxes of the place."""
    camera: str
    """Empty: the whole box."""
    reason: str
    by: str
    since: datetime
    until: datetime
    """When it ends by itself."""
    ended_at: datetime | None
    """When it was ended before."""
    ended_by: str | None
    active: bool


class LineVerdicts(_Entity):
    """How alerts of one line were judged when they were cleared."""

    site: str
    agent: str
    camera: str
    line: str
    true_alarms: int
    false_alarms: int
    tests: int
    open: int


class LaneAccount(_Entity):
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


class Gap(_Entity):
    """Numbers that hold no event, and why."""

    site: str
    agent: str
    epoch: int
    lane: int
    first: int
    last: int
    reason: str
    recorded_at: datetime


class DeadLetterSummary(_Entity):
    """A payload that could not be understood."""

    id: int
    recv_at: datetime
    topic: str
    reason: str
    detail: str
    size: int


class LineCount(_Entity):
    """Crossings of one line one way within one step of time, which begins at `since`."""

    site: str
    agent: str
    camera: str
    line: str
    direction: str
    since: datetime
    crossings: int


class CountSeries(_Entity):
    """Crossings of many lines over the same steps of time."""

    step: str
    starts: list[int]
    """Seconds since 1970 at which each step begins."""
    lines: list["LineSeries"]
    """The busiest first."""


class LineSeries(_Entity):
    """Crossings of one line, a number for each step."""

    site: str
    agent: str
    camera: str
    line: str
    left_to_right: list[int]
    right_to_left: list[int]


class Place(_Entity):
    """A site, or what lies above sites. `boxes` are those of all sites within."""

    name: str
    above: str | None
    title: str
    boxes: int


class Availability(_Entity):
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


class Uncovered(_Entity):
    """A stretch of quarter-hours, in each of which a box or camera was for some time not known to be well."""

    site: str
    agent: str
    camera: str | None
    since: datetime
    until: datetime
    uncovered_s: int


class HealthSample(_Entity):
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


class DeliverySummary(_Entity):
    """A webhook delivery and how it goes."""

    id: str
    webhook: str
    alert_id: int
    attempts: int
    next_at: datetime
    delivered_at: datetime | None
    given_up_at: datetime | None
    last_error: str
    """Why the last try failed; empty where none did, or it was delivered since."""


class StoredEvent(_Entity):
    """An event as it was received. `clock` says how `at` was found: the box's time, its age, or the receipt."""

    at: datetime
    device_at: datetime | None
    received_at: datetime
    clock: str
    site: str
    agent: str
    camera: str | None
    line: str | None
    kind: str
    priority: int | None
    epoch: int
    lane: str
    number: int
    detail: dict[str, Any]
    """What else it says, by kind."""


class EventPage(_Entity):
    """Events, newest first. `next` asks for the page after; null at the end."""

    events: list[StoredEvent]
    next: str | None
