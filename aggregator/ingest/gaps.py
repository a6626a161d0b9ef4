"""Numbers that hold no event, and why."""

from collections import Counter
from collections.abc import Iterable

from aggregator.ingest.cursor import Range
from aggregator.store import arrays
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from shared.events import Lane

SQL = load_queries(__package__)
Gap = tuple[int, Lane, Range, str]
"""Producer, lane, the numbers and why."""


def record(connection: Connection, lost: Iterable[Gap], counters: Counter[tuple[str, str]]) -> None:
    """Write them down; a range that ends before it begins is none."""
    if not (gaps := [gap for gap in lost if gap[2][0] <= gap[2][1]]):
        return
    connection.execute(
        SQL["add_gaps"],
        {
            "producer_ids": arrays.of_ints(producer for producer, _, _, _ in gaps),
            "lanes": arrays.of_ints(lane for _, lane, _, _ in gaps),
            "firsts": arrays.of_ints(first for _, _, (first, _), _ in gaps),
            "lasts": arrays.of_ints(last for _, _, (_, last), _ in gaps),
            "reasons": arrays.of_plain(reason for _, _, _, reason in gaps),
        },
    )
    counters.update(Counter(("gaps", reason) for _, _, _, reason in gaps))
