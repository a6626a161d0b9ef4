"""What ingest leaves for alerting: an event with its number and its place in time."""

from datetime import datetime

import msgspec

from shared.events import Lane, LineCrossed, ListHit, ZoneAlarm

Alarming = LineCrossed | ZoneAlarm | ListHit
"""Events that may raise alerts: those with a priority."""


class Occurrence(msgspec.Struct, frozen=True, array_like=True):
    """An event of the inbox. `(producer_id, lane, sequence)` names it for good."""

    producer_id: int
    lane: Lane
    sequence: int
    event_at: datetime
    event: Alarming
    asked: bool = False
    """A person asked for it to be read again: it uses no allowance of its box."""
