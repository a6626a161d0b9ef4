"""Where in time a row belongs. A box's clock may be a year off; the record must not be."""

from datetime import UTC, datetime, timedelta
from enum import IntEnum

from shared.clock import QUARTER_S, from_ms

RETENTION = timedelta(days=400)
"""How long events are kept where nothing else is configured."""
AHEAD = timedelta(minutes=2)
"""A clock this far from ours is still believed."""
_AHEAD_MS = 120_000
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


class Receipt:
    """A moment at which batches came, and the times that their events may have by it.

    Args:
        recv_at: ours when they came.
        retention: how long events are kept.
    """

    def __init__(self, recv_at: datetime, retention: timedelta = RETENTION) -> None:
        self.recv_at, self.retention = recv_at, retention
        self.recv_ms = int(recv_at.timestamp() * 1000)
        # A second within the bounds, so that no rounding decides.
        self.from_ms = self.recv_ms - int(retention.total_seconds() * 1000) + 86_401_000
        self.until_ms = self.recv_ms + _AHEAD_MS - 1000

    def placing(self, sent_ms: int) -> "Placing":
        """Of the events of one batch.

        Args:
            sent_ms: the box's time when it sent.
        """
        return Placing(self, sent_ms)


class Placing:
    """Where the events of one batch belong: what `place` says, quick for those of a good clock."""

    __slots__ = ("_agrees", "_receipt", "_sent_ms")

    def __init__(self, receipt: Receipt, sent_ms: int) -> None:
        self._receipt, self._sent_ms = receipt, sent_ms
        self._agrees = abs(sent_ms - receipt.recv_ms) < _AHEAD_MS - 1000

    def place(self, device_ms: int) -> tuple[datetime, datetime | None, TimeQuality]:
        """One event's time."""
        receipt = self._receipt
        if self._agrees and receipt.from_ms <= device_ms <= receipt.until_ms:
            at = from_ms(device_ms)
            return at, at, TimeQuality.DEVICE
        return place(device_ms, self._sent_ms, receipt.recv_at, receipt.retention)


def quarter(number: int) -> datetime:
    """Start of a quarter-hour, counted from the Unix epoch."""
    return datetime.fromtimestamp(number * QUARTER_S, tz=UTC)


def _calendar(milliseconds: int) -> datetime | None:
    try:
        moment = from_ms(milliseconds)
    except (OverflowError, ValueError, OSError):
        return None
    # Far from the calendar's ends, so that adding a time zone or an age never leaves it.
    return moment if 1971 <= moment.year <= 9990 else None
