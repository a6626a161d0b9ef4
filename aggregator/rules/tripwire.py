"""A crossing of an armed line raises an alert; the same track on the same line joins it for a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from aggregator.rules.occurrence import Occurrence


class Reason(StrEnum):
    """Why an event became a member of an alert."""

    LINE_CROSSED = "line_crossed"
    SAME_TRACK = "same_track_within_window"


@dataclass(frozen=True, slots=True)
class RaiseOrJoin:
    """Join the open alert of this key when there is one within the window, else raise one."""

    key: str
    kind: str
    priority: int
    at: datetime
    confirmed_at: datetime
    window: timedelta


def evaluate(occurrence: Occurrence, window: timedelta) -> list[RaiseOrJoin]:
    """Decide on one crossing. Lines that are not armed (priority 0) decide nothing."""
    event = occurrence.event
    if event.priority <= 0:
        return []
    key = ":".join(str(part) for part in (occurrence.producer_id, event.revision, event.line, event.run, event.track))
    confirm_ms = min(max(event.confirm_ms, 0), 3_600_000)
    return [
        RaiseOrJoin(
            key=f"tripwire:{key}",
            kind="tripwire",
            priority=event.priority,
            at=occurrence.event_at,
            confirmed_at=occurrence.event_at + timedelta(milliseconds=confirm_ms),
            window=window,
        )
    ]
