"""Whether what is done by the clock is done. The watch is a job itself: without its beat the centre is not ready."""

from datetime import UTC, datetime

from aggregator.alerting import inbox
from aggregator.feed import log as feed_log
from aggregator.jobs.work import Turn, Work
from aggregator.signals.signal import Signal, Subject
from aggregator.store import load_queries, telemetry
from aggregator.store.database import Connection
from aggregator.store.waker import INBOX, Waker

SQL = load_queries(__package__)


def look(connection: Connection) -> int:
    """Say which jobs fail or are late, and which no longer are; returns how many signals that were."""
    with connection.transaction():
        signals = [
            Signal(
                Subject("job", name=row["name"]),
                "job_failed",
                row["active"],
                row["since"],
                detail={"why": row["why"][:200]} if row["why"] else {},
            )
            for row in connection.execute(SQL["job_troubles"])
        ]
        inbox.put(connection, signals)
    return len(signals)


def turns(work: Work) -> Turn:
    """The job."""
    waker, since = Waker(work.database, INBOX), datetime.now(UTC)

    def turn(connection: Connection) -> None:
        telemetry.beat(connection, "jobs", since)
        if look(connection):
            waker.wake()

    return turn


def pruning_feed(_work: Work) -> Turn:
    """The job that keeps the feed's log short."""
    return feed_log.prune
