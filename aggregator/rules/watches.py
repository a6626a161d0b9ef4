"""What an armed line, zone or list saw raises an alert; the same thing at the same place joins it for a while."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from aggregator.rules.occurrence import Occurrence
from shared.events import LineCrossed, WatchRule, ZoneAlarm
from shared.topics import Address


class Reason(StrEnum):
    """Why an event became a member of an alert."""

    LINE_CROSSED = "line_crossed"
    ZONE_ALARM = "zone_alarm"
    LIST_HIT = "list_hit"
    SAME_ENTRY = "same_entry_within_window"
    SAME_TRACK = "same_track_within_window"
    FLOOD = "more_than_one_box_may_raise"


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
    join_reason: Reason


def evaluate(occurrence: Occurrence, window: timedelta) -> list[RaiseOrJoin]:
    """Decide on one event. Lines and zones that are not armed (priority 0) decide nothing."""
    event = occurrence.event
    if event.priority <= 0:
        return []
    after_ms = 0 if isinstance(event, ZoneAlarm) else event.confirm_ms
    what: tuple[int, ...] = (event.run, event.track)
    again = Reason.SAME_TRACK
    if isinstance(event, LineCrossed):
        kind, reason = WatchRule.TRIPWIRE.label, Reason.LINE_CROSSED
    elif isinstance(event, ZoneAlarm):
        kind, reason = event.rule.label, Reason.ZONE_ALARM
    else:
        # The same entry at the same place is one alert, whatever its track was called.
        kind, reason, again = "list_hit", Reason.LIST_HIT, Reason.SAME_ENTRY
        what = (event.list_number, event.list_version, event.entry)
    key = ":".join(str(part) for part in (occurrence.producer_id, event.revision, event.line, *what))
    confirm_ms = min(max(after_ms, 0), 3_600_000)
    return [
        RaiseOrJoin(
            key=f"{kind}:{key}",
            kind=kind,
            priority=event.priority,
            at=occurrence.event_at,
            confirmed_at=occurrence.event_at + timedelta(milliseconds=confirm_ms),
            window=window,
            reason=reason,
            join_reason=again,
        )
    ]


def flooding(decision: RaiseOrJoin, box: Address, now: datetime) -> RaiseOrJoin:
    """The same where its box has raised too many alerts already: one alert takes all of this priority and this hour.

    So nobody who watches goes without news: what is more urgent than all before raises one, and every hour begins anew.

    Args:
        now: by our clock; times that a box tells would make as many alerts as it likes.
    """
    key = f"flood:{box.site}/{box.agent}:{decision.priority}:{now:%Y-%m-%dT%H}"
    return replace(decision, key=key, window=_FLOOD, reason=Reason.FLOOD, join_reason=Reason.FLOOD)


_FLOOD = timedelta(days=400)
