"""An outbox in memory, for boxes whose card does not matter: the same numbers and batches, nothing on disk."""

import itertools
from collections.abc import Callable

from shared.clock import Clock, to_ms
from shared.envelope import encode_event
from shared.events import Event, Lane, LossReason, RangeLost
from shared.ids import new_epoch


class _Lane:
    def __init__(self) -> None:
        self.next = 1
        self.rows: dict[int, bytes] = {}


class MemoryOutbox:
    """Numbers events and keeps them until they are acknowledged.

    Args:
        clock: whose wall clock is never set.
        note: hears of every row in the order of its numbers.
    """

    def __init__(self, clock: Clock, note: Callable[[Lane, bytes], None] = lambda _lane, _row: None) -> None:
        self._clock, self._note = clock, note
        self.epoch = new_epoch()
        self.session = 1
        self._lanes = {lane: _Lane() for lane in Lane}

    def append(self, lane: Lane, event: Event) -> int:
        """Number an event."""
        kept, row = self._lanes[lane], encode_event(event)
        self._note(lane, row)
        sequence = kept.next
        kept.next += 1
        kept.rows[sequence] = row
        return sequence

    def next_batch(self, lane: Lane, after: int, max_rows: int, max_bytes: int) -> tuple[int, list[bytes]] | None:
        """The first rows above `after` whose numbers follow on each other."""
        kept = self._lanes[lane]
        first = next((number for number in range(after + 1, kept.next) if number in kept.rows), None)
        if first is None:
            return None
        rows: list[bytes] = []
        size = 0
        for number in itertools.count(first):
            row = kept.rows.get(number)
            if row is None or len(rows) >= max_rows or (rows and size + len(row) > max_bytes):
                return first, rows
            rows.append(row)
            size += len(row)
        return None

    def waiting_between(self, lane: Lane, first: int, last: int) -> list[tuple[int, bytes]]:
        """Rows of a range that are unacknowledged."""
        rows = self._lanes[lane].rows
        return [(number, rows[number]) for number in range(first, last + 1) if number in rows]

    def sent_at_ms(self, lane: Lane, first: int, last: int) -> int:  # noqa: ARG002 - one clock stamps all
        """Now."""
        return to_ms(self._clock.now_s())

    def low(self, lane: Lane) -> int:
        """The oldest number that can still be sent."""
        kept = self._lanes[lane]
        return next(iter(kept.rows), kept.next)

    def high(self, lane: Lane) -> int:
        """The highest number used."""
        return self._lanes[lane].next - 1

    def acknowledge(self, lane: Lane, contiguous: int, ranges: tuple[tuple[int, int], ...]) -> None:
        """Forget what the aggregator has."""
        rows = self._lanes[lane].rows
        while rows and (oldest := next(iter(rows))) <= contiguous:
            del rows[oldest]
        for first, last in ranges:
            for number in range(first, last + 1):
                rows.pop(number, None)

    def quarantine(self, lane: Lane, sequence: int) -> None:
        """Give up one event, and say so."""
        if self._lanes[lane].rows.pop(sequence, None) is not None:
            now_ms = to_ms(self._clock.now_s())
            self.append(Lane.ALARM, RangeLost(now_ms, lane, sequence, sequence, LossReason.QUARANTINED))

    def waiting(self) -> dict[Lane, int]:
        """Unacknowledged events by lane."""
        return {lane: len(kept.rows) for lane, kept in self._lanes.items()}
