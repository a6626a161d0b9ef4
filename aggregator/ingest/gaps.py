"""Numbers that hold no event, and why."""

from collections import Counter
from collections.abc import Iterable

from aggregator.ingest.cursor import Range
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from shared.events import Lane

SQL = load_queries(__package__)
Gap = tuple[int, Lane, Range, str]
"""Producer, lane, the numbers and why."""


def record(connection: Connection, lost: Iterable[Gap], counters: Counter[tuple[str, str]]) -> None:
    """Write them down."""
    for producer, lane, (first, last), reason in lost:
        which = {"producer_id": producer, "lane": lane, "first": first, "last": last, "reason": reason}
        connection.execute(SQL["add_gap"], which)
        counters["gaps", reason] += 1
