"""What every process writes down of its own work: counters, its heartbeat, and boxes that were beyond their bounds."""

from collections.abc import Collection, Mapping
from datetime import datetime

from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from shared.topics import Address

SQL = load_queries(__package__, "sql/telemetry.sql")


def count(connection: Connection, worker: str, counters: Mapping[tuple[str, str], int]) -> None:
    """Add to counters; they are as exact as the transaction that they stand in.

    Args:
        worker: whose they are, so that two processes do not wait for each other.
        counters: by name and label; what is 0 is left out.
    """
    told = {key: value for key, value in counters.items() if value}
    if told:
        values = {
            "worker": worker,
            "names": [name for name, _ in told],
            "labels": [label for _, label in told],
            "values": list(told.values()),
        }
        connection.execute(SQL["add_counters"], values)


def beat(connection: Connection, name: str, broker_since: datetime | None) -> None:
    """Write down that a service does its work now.

    Args:
        broker_since: since when it has its connection to the broker; None while it has none.
    """
    connection.execute(SQL["note_service"], {"name": name, "broker_since": broker_since})


def exceeded(connection: Connection, over: Collection[tuple[Address, str]]) -> None:
    """Write down boxes that were beyond their bounds just now, and beyond which, as `[limits]` calls it."""
    # In one order everywhere, so that two that note the same do not wait for each other.
    for box, what in sorted(over):
        connection.execute(SQL["note_over_limits"], {"site": box.site, "agent": box.agent, "what": what})
