"""Alerts and what belongs to them, as the API returns and the feed carries them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import computed_field

from aggregator.signals.alert_policy import LATE
from aggregator.signals.declarations import domains
from aggregator.store.entity import Entity

Verdict = Literal["true", "false", "test"]
Priority = Literal[1, 2, 3, 4]
"""1 is the most urgent."""
Detail = dict[str, str | int | float | list[int]]


class Alert(Entity):
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
    """Of an alert of many subjects, not all of them theirs who ask: 0."""
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

    @computed_field  # type: ignore[prop-decorator]
    @property
    def words(self) -> dict[Literal["zh", "en"], str]:
        """What people call the condition, by language."""
        words = domains().words(self.condition)
        return {"zh": words["zh"], "en": words["en"]}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def over_when(self) -> str:
        """What it waits for where no verdict clears it now, in English; empty: a verdict does."""
        known = domains().conditions.get(self.condition)
        return known.over_when if known and not (self.ended_at or self.cleared_at) else ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def late_s(self) -> float:
        """By how much it was heard of too late, in seconds: its age when it was raised, where it was late; else 0."""
        age = self.raised_at - self.first_at
        return age.total_seconds() if age > LATE else 0.0

    def cut(self) -> "Alert":
        """For those to whom not all of its subjects belong: without their number."""
        return self.model_copy(update={"members": 0})


class Member(Entity):
    """An event that an alert is made of; `number` is its own in its lane."""

    at: datetime
    site: str
    agent: str
    epoch: int
    lane: str
    number: int
    reason: str
    """Why it belongs to the alert."""


class MemberPage(Entity):
    """Members in the order in which they happened. `next` asks for the page after; null at the end."""

    members: list[Member]
    next: str | None


class AlertPicture(Entity):
    """A picture of an alert, which has arrived."""

    sha256: str
    taken_at: datetime


class PicturePage(Entity):
    """Pictures in the order in which they were taken. `next` asks for the page after; null at the end."""

    pictures: list[AlertPicture]
    next: str | None


class AffectedSubject(Entity):
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


class GivenVerdict(Entity):
    """What was said of an alert at one time; None: the verdict before was taken back."""

    at: datetime
    by: str
    verdict: Verdict | None
    why: str


class Maintenance(Entity):
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
