"""Subjects and signals: what something can be said of, and a judge's word about it."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from aggregator.signals.occurrence import Member

Detail = Mapping[str, str | int | float | list[int]]
"""What else is known, by name, for a page that shows an alert; nothing is decided by it."""


class Subject(msgspec.Struct, frozen=True, array_like=True, order=True):
    """What something can be said of: a line, zone, camera, sensor, box, service, webhook.

    What does not apply is empty: a box has no camera, a service of the aggregator no site. A camera's own name is
    `camera`, of all that has another name it is `name`.
    """

    kind: str
    site: str = ""
    agent: str = ""
    camera: str = ""
    name: str = ""


class Signal(msgspec.Struct, frozen=True, array_like=True):
    """A judge's word: this condition of this subject is there, or is over.

    Of a condition that clears itself each word counts by itself (a silent box is back). Of all others each occurrence
    is held until a person clears it.
    """

    subject: Subject
    condition: str
    active: bool
    at: datetime
    """When it became so, as far as we trust the box's clock; of what cannot be trusted the receipt."""
    priority: int = 0
    """1 is the most urgent, to 4; 0: the condition's own."""
    occurrence: str = ""
    """What is the same again when it happens again, such as a track; only of conditions that are held."""
    confirmed_at: datetime | None = None
    """When it was certain; None: at once."""
    member: Member | None = None
    """The event that becomes a member of its alert."""
    origin: Member | None = None
    """The event that it was read from, of a condition that clears itself: what a box said later counts, whatever its
    clock says."""
    detail: Detail = {}
    asked: bool = False
    """A person asked for its event to be read again: it uses no allowance of its box."""
    reason: str = ""
    """Why its event belongs to the alert; empty: the condition's name says it."""
    again: str = ""
    """Why it does where it joined an alert that was there."""
