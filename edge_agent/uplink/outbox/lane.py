"""One lane in memory: its numbers, and the rows that are not on disk yet or have only just got there."""

from edge_agent.uplink.outbox.store import LaneRecord

RECENT_ROWS = 1024


class LaneNumbers:
    """Gives numbers and remembers rows. Guarded by the outbox's lock.

    Args:
        record: what the file knows; without a clean end the numbers that may have been used are skipped.
    """

    def __init__(self, record: LaneRecord) -> None:
        self.clean = record.clean_next is not None
        self.next = record.clean_next if record.clean_next is not None else record.reserved_to + 1
        self.lost: tuple[int, int] | None = None
        if not self.clean and record.durable_to < record.reserved_to:
            self.lost = (record.durable_to + 1, record.reserved_to)
        self.reserved_to = self.next - 1
        self.durable_to = self.next - 1
        self.pending: dict[int, bytes] = {}
        """Numbered, not yet on disk, in order."""
        self.recent: dict[int, bytes] = {}
        """On disk and not acknowledged: the newest of them, so that the publisher need not read the disk."""
        self.gone: list[tuple[int, int]] = []
        """Acknowledged ranges that still have to leave the disk."""
        self.waiting = 0
        """Rows on disk."""

    def take(self, row: bytes) -> int:
        """Give a row the next number."""
        sequence = self.next
        self.next += 1
        self.pending[sequence] = row
        return sequence

    def acknowledge(self, first: int, last: int) -> None:
        """Forget a range; the disk follows with the next commit."""
        for known in (self.pending, self.recent):
            for sequence in [sequence for sequence in known if first <= sequence <= last]:
                del known[sequence]
        self.gone.append((first, last))

    def join_gone(self) -> None:
        """Make one of neighbouring ranges: while the card refuses, they only become more."""
        joined: list[tuple[int, int]] = []
        for first, last in sorted(self.gone):
            if joined and first <= joined[-1][1] + 1:
                joined[-1] = joined[-1][0], max(joined[-1][1], last)
            else:
                joined.append((first, last))
        self.gone = joined

    def without_gone(self, rows: dict[int, bytes]) -> dict[int, bytes]:
        """Of rows that were read from disk those that are not acknowledged."""
        return {sequence: row for sequence, row in rows.items() if not _within(sequence, self.gone)}

    def settle(self, written: dict[int, bytes], gone: int, evicted: list[tuple[int, int]], waiting: int) -> None:
        """Bring memory in line with what has just been committed.

        Args:
            written: rows that are on disk now.
            gone: how many of the oldest entries of `gone` have left it.
            evicted: ranges that were given up.
            waiting: rows on disk.
        """
        for sequence, row in written.items():
            if self.pending.pop(sequence, None) is not None:
                self.recent[sequence] = row
        if written:
            self.durable_to = max(written)
        del self.gone[:gone]
        for sequence in [sequence for sequence in self.recent if _within(sequence, evicted)]:
            del self.recent[sequence]
        while len(self.recent) > RECENT_ROWS:
            del self.recent[next(iter(self.recent))]
        self.waiting = waiting


def _within(sequence: int, ranges: list[tuple[int, int]]) -> bool:
    return any(first <= sequence <= last for first, last in ranges)
