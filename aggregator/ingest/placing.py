"""Where in time a row belongs. A box's clock may be a year off; the record must not be."""

from datetime import UTC, datetime, timedelta
from enum import IntEnum

from shared.clock import from_ms

RETENTION = timedelta(days=400)
"""How long events are kept where nothing else is configured."""
AHEAD = timedelta(minutes=2)
"""A clock this far from ours is still believed."""
_OLDEST_AGE_MS = 3 * 86_400_000


class TimeQuality(IntEnum):
    """How `event_at` was found."""

    DEVICE = 1
    AGE = 2
    RECEIVED = 3


def place(
    device_ms: int, sent_ms: int, recv_at: datetime, retention: timedelta = RETENTION
) -> tuple[datetime, datetime | None, TimeQuality]:
    """Find an event's time.

    The box's time where its clock agrees with ours; else the event's age by the box's own clock, counted back from
    the receipt; else the receipt.

    Returns:
        `event_at`, `device_at` (None where it lies outside of all calendars) and how it was found.
    """
    device_at, sent_at = _calendar(device_ms), _calendar(sent_ms)
    if sent_at is not None and device_at is not None:
        clock_agrees = abs(sent_at - recv_at) <= AHEAD
        if clock_agrees and recv_at - retention + timedelta(days=1) <= device_at <= recv_at + AHEAD:
            return device_at, device_at, TimeQuality.DEVICE
    # A box tells both times by one clock, whatever that clock says: even one that began in 1970 knows an age.
    if 0 <= sent_ms - device_ms <= _OLDEST_AGE_MS:
        return recv_at - timedelta(milliseconds=sent_ms - device_ms), device_at, TimeQuality.AGE
    return recv_at, device_at, TimeQuality.RECEIVED


def quarter_of(moment: datetime) -> datetime:
    """Start of the quarter-hour that holds a moment."""
    moment = moment.astimezone(UTC)
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)


def _calendar(milliseconds: int) -> datetime | None:
    try:
        moment = from_ms(milliseconds)
    except (OverflowError, ValueError, OSError):
        return None
    # Far from the calendar's ends, so that adding a time zone or an age never leaves it.
    return moment if 1971 <= moment.year <= 9990 else None
