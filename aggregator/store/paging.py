"""Where a page of events ends, as a cursor that is given out and comes back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aggregator.store.errors import SenselessError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CursorError(SenselessError):
    """The cursor is not one that was given out."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The last event of a page, by its place in time and its number."""

    event_at: datetime
    producer_id: int
    lane: int
    seq: int

    def __str__(self) -> str:
        micros = round((self.event_at - EPOCH) / timedelta(microseconds=1))
        return f"{micros:x}.{self.producer_id:x}.{self.lane:x}.{self.seq:x}"

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Cut":
        """That of a row with these columns."""
        return cls(row["event_at"], row["producer_id"], row["lane"], row["seq"])

    @classmethod
    def read(cls, text: str) -> "Cut":
        """Read a cursor.

        Raises:
            CursorError: it makes no sense.
        """
        try:
            micros, producer, lane, seq = (int(part, 16) for part in text.split("."))
            if not (0 <= producer < 2**31 and 0 <= lane < 2**15 and 0 <= seq < 2**63):
                raise ValueError
            return cls(EPOCH + timedelta(microseconds=micros), producer, lane, seq)
        except (ValueError, OverflowError):
            raise CursorError(f"after {text!r}: expected `next` of the page before") from None
