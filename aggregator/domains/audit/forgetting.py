"""How the audit's beginning goes, and what keeps it from being rewritten unseen."""

import logging
from datetime import date
from typing import TYPE_CHECKING

from aggregator.store.database import Connection
from aggregator.store.queries import load_queries

if TYPE_CHECKING:
    from aggregator.jobs.job_context import JobContext, Turn
    from aggregator.retention.retention_context import RetentionContext

log = logging.getLogger(__name__)
SQL = load_queries(__package__)


def drop_day(connection: Connection, day: date, means: "RetentionContext") -> bool:
    """Delete the entries up to the end of a day; False while a younger one stands before them."""
    from aggregator.store import audit  # with its cryptography, which ingest does without

    with connection.transaction():
        return audit.prune(connection, day, means.key())


def logging_head(_work: "JobContext") -> "Turn":
    """The job that puts the newest entry into the log, which others keep: a rewritten audit does not match it."""
    from aggregator.store import audit

    def turn(connection: Connection) -> None:
        if newest := audit.head(connection):
            log.info("audit: %s", newest)

    return turn
