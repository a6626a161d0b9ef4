"""What ingest writes down besides rows: numbers that hold no event, and who sent too many."""

from collections import Counter
from collections.abc import Collection, Iterable

from aggregator.ingest.cursor import Range
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from shared.events import Lane
from shared.topics import Address

SQL = load_queries("ingest.sql")
Gap = tuple[int, Lane, Range, str]
"""Producer, lane, the numbers and why."""


def gaps(connection: Connection, lost: Iterable[Gap], counters: Counter[tuple[str, str]]) -> None:
    """Numbers that hold no event, and why."""
    for producer, lane, (first, last), reason in lost:
        which = {"producer_id": producer, "lane": lane, "first": first, "last": last, "reason": reason}
        connection.execute(SQL["add_gap"], which)
        counters["gaps", reason] += 1


def exceeded(connection: Connection, over: Collection[tuple[Address, str]]) -> None:
    """Boxes that were over their bounds just now, and over which."""
    # In one order everywhere, so that two that note the same do not wait for each other.
    for box, what in sorted(over):
        connection.execute(SQL["note_over_limits"], {"site": box.site, "agent": box.agent, "what": what})
