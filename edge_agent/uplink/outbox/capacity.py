"""How much may wait: as much as is configured, and on a full disk no more than what is there."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.uplink.outbox.ballast import BALLAST_BYTES, Ballast
from edge_agent.uplink.outbox.store import ROW_OVERHEAD_BYTES, delete_range, oldest_run
from shared.events import Lane

LEAST_BYTES = BALLAST_BYTES // 2
"""However full the disk is, so much may wait: the ballast made room for it."""

Victim = tuple[Lane, int, int]
"""Lane and closed range of numbers."""


class Room:
    """The bound on waiting rows.

    Args:
        ballast: path of the file that is given up when the disk is full; None where there is no disk.
        max_bytes: as configured.
    """

    def __init__(self, ballast: Path | None, max_bytes: int) -> None:
        self._ballast, self._max_bytes = Ballast(ballast) if ballast else None, max_bytes
        self._full_bytes: int | None = None
        """The bound while the disk is full: what waits may be exchanged, not grow."""
        self.used_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether the disk was found full, and has no room for the ballast yet."""
        return self._full_bytes is not None

    @property
    def bound_bytes(self) -> int:
        """So much may wait now."""
        return self._max_bytes if self._full_bytes is None else min(self._max_bytes, self._full_bytes)

    def begin(self, used_bytes: int) -> None:
        """So much waits at the start, which we did not know while the file was opened."""
        self.used_bytes = used_bytes
        self._full_bytes = None if self._hold() else max(used_bytes, LEAST_BYTES)

    def settle(self, used_bytes: int) -> None:
        """What waits takes so much; where the disk is roomy again the ballast is laid down, and the bound lifted."""
        self.used_bytes = used_bytes
        if self._hold():
            self._full_bytes = None

    def give(self) -> bool:
        """The disk is full: nothing grows from now on. Returns whether there was ballast to make room with."""
        self._full_bytes = max(self.used_bytes, LEAST_BYTES)
        return self._ballast is not None and self._ballast.release()

    def _hold(self) -> bool:
        return self._ballast is None or self._ballast.hold()


@dataclass(slots=True)
class Change:
    """What one transaction does to the rows on disk. Rolled back with it, it is dropped."""

    size: int
    waiting: dict[Lane, int]
    evicted: list[Victim] = field(default_factory=list)
    reports: dict[int, bytes] = field(default_factory=dict)
    """Rows of the alarm lane that tell of evictions."""

    def add(self, db: sqlite3.Connection, lane: Lane, rows: dict[int, bytes]) -> None:
        """Write rows."""
        values = [(lane, number, row) for number, row in rows.items()]
        db.executemany("INSERT INTO events VALUES (?, ?, ?)", values)
        self.waiting[lane] += len(rows)
        self.size += sum(len(row) + ROW_OVERHEAD_BYTES for row in rows.values())

    def delete(self, db: sqlite3.Connection, lane: Lane, first: int, last: int) -> None:
        """Delete rows."""
        count, freed = delete_range(db, lane, first, last)
        self.waiting[lane] -= count
        self.size -= freed

    def evict(
        self, db: sqlite3.Connection, bound_bytes: int, alarms: tuple[int, int], number_of: Callable[[], int | None],
        report_of: Callable[[Victim], bytes],
    ) -> None:  # fmt: skip
        """Give up the oldest, bulk before alarms, until the rest fits; report it in the same transaction.

        Args:
            bound_bytes: what may wait.
            alarms: only those between these two numbers are given up.
            number_of: gives a number of the alarm lane; None where none is reserved: then the aggregator sees the gap
                and records it as never come.
            report_of: the report's row.
        """
        while self.size > bound_bytes and (victim := oldest_run(db, *alarms)):
            self.delete(db, *victim)
            self.evicted.append(victim)
            sequence = number_of()
            if sequence is not None:
                self.reports[sequence] = report_of(victim)
                self.add(db, Lane.ALARM, {sequence: self.reports[sequence]})
