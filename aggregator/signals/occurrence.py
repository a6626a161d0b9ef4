"""What ingest leaves for judges: an event with its number and its place in time."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from shared.envelope import decode_event
from shared.events import Lane

if TYPE_CHECKING:
    from shared.events import Event
else:
    Event = Any  # of any kind, those from outside among them


class Occurrence(msgspec.Struct, frozen=True, array_like=True):
    """An event of the inbox. `(producer_id, lane, sequence)` names it for good."""

    producer_id: int
    lane: Lane
    sequence: int
    event_at: datetime
    event: Event
    asked: bool = False
    """A person asked for it to be read again: it uses no allowance of its box."""

    @property
    def member(self) -> "Member":
        """Its name."""
        return self.producer_id, self.lane, self.sequence


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """The same, whose event is not read yet."""

    producer_id: int
    lane: Lane
    sequence: int
    event_at: datetime
    event: msgspec.Raw
    asked: bool = False


def read_occurrence(row: bytes | msgspec.Raw) -> Occurrence:
    """What lies in the inbox.

    Raises:
        msgspec.DecodeError: it is something else.
        WireError: its event is of no kind that is known.
    """
    kept = msgspec.msgpack.decode(row, type=_Kept)
    event = decode_event(bytes(kept.event))
    return Occurrence(kept.producer_id, kept.lane, kept.sequence, kept.event_at, event, kept.asked)


Member = tuple[int, Lane, int]
"""Producer, lane and number of an event."""
