"""How the audit's beginning goes."""

from datetime import date
from typing import TYPE_CHECKING

from aggregator.store.database import Connection
from aggregator.store.queries import load_queries

if TYPE_CHECKING:
    from aggregator.retention.retention_context import RetentionContext

SQL = load_queries(__package__)


def drop_day(connection: Connection, day: date, means: "RetentionContext") -> bool:
    """Delete the entries up to the end of a day; False while a younger one stands before them."""
    from aggregator.store import audit  # with its cryptography, which ingest does without

    with connection.transaction():
        return audit.prune(connection, day, means.key())
