"""What an armed line or zone saw raises an alert; the same track at the same place joins it for a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from aggregator.rules.occurrence import Occurrence
from shared.events import LineCrossed, WatchRule


class Reason(StrEnum):
    """Why an event became a member of an alert."""

    LINE_CROSSED = "line_crossed"
    ZONE_ALARM = "zone_alarm"
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
    reason: Reason


def evaluate(occurrence: Occurrence, window: timedelta) -> list[RaiseOrJoin]:
    """Decide on one event. Lines and zones that are not armed (priority 0) decide nothing."""
    event = occurrence.event
    if event.priority <= 0:
        return []
    if isinstance(event, LineCrossed):
        rule, reason, after_ms = WatchRule.TRIPWIRE, Reason.LINE_CROSSED, event.confirm_ms
    else:
        rule, reason, after_ms = event.rule, Reason.ZONE_ALARM, 0
    key = ":".join(str(part) for part in (occurrence.producer_id, event.revision, event.line, event.run, event.track))
    confirm_ms = min(max(after_ms, 0), 3_600_000)
    return [
        RaiseOrJoin(
            key=f"{rule.label}:{key}",
            kind=rule.label,
            priority=event.priority,
            at=occurrence.event_at,
            confirmed_at=occurrence.event_at + timedelta(milliseconds=confirm_ms),
            window=window,
            reason=reason,
        )
    ]
