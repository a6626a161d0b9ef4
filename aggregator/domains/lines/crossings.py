"""What crossed lines, counted by the quarter-hour."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from aggregator.ingest.event_time import quarter
from aggregator.store import arrays
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from shared.clock import QUARTER_S
from shared.events import Lane, LineCrossed
from shared.topics import Address

SQL = load_queries(__package__)

Count = tuple[int, int, int, int, int, int]
"""Producer, revision, line, `ObjectClass`, direction, and quarter-hour since 1970."""


class Crossings:
    """Counts of lines, by what crossed, direction and quarter-hour."""

    def __init__(self) -> None:
        self._counts = Counter[Count]()

    def take(self, event: LineCrossed, producer: int, _lane: Lane, event_at: datetime, _address: Address) -> None:
        of_quarter = int(event_at.timestamp()) // QUARTER_S
        # Plain numbers: an enum's hash is made in Python, and every crossing goes through here.
        object_class, direction = int(event.object), int(event.direction)
        self._counts[producer, event.revision, event.line, object_class, direction, of_quarter] += 1

    def write(self, connection: Connection, _counters: Counter[tuple[str, str]]) -> None:
        write_counts(connection, self._counts)


def write_counts(connection: Connection, counts: Mapping[Count, int]) -> None:
    """Add to what was counted."""
    producers, revisions, lines, objects, directions, quarters = zip(*counts, strict=True)
    connection.execute(
        SQL["add_counts"],
        {
            "producer_ids": arrays.of_ints(producers),
            "revisions": arrays.of_ints(revisions),
            "lines": arrays.of_ints(lines),
            "objects": arrays.of_ints(objects),
            "directions": arrays.of_ints(directions),
            "quarters": arrays.of_plain(quarter(number).isoformat() for number in quarters),
            "crossings": arrays.of_ints(counts.values()),
        },
    )
