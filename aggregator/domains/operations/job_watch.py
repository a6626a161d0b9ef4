"""Whether what is done by the clock is done. The watch is a job itself: without its beat the centre is not ready."""

from datetime import UTC, datetime

from aggregator.alerting import inbox
from aggregator.feed import log as feed_log
from aggregator.jobs.job_context import JobContext, Turn
from aggregator.signals.signal import Signal, Subject
from aggregator.store import load_queries, telemetry
from aggregator.store.database import Connection, Row
from aggregator.store.waker import INBOX, Waker

SQL = load_queries(__package__)


def look(connection: Connection) -> int:
    """Say which jobs fail or are late, and which no longer are; returns how many signals that were."""
    now = datetime.now(UTC)
    with connection.transaction():
        signals = [
            Signal(
                Subject("job", name=row["name"]),
                "job_failed",
                row["active"],
                now,
                detail=_detail(row),
            )
            for row in connection.execute(SQL["job_troubles"])
        ]
        inbox.put(connection, signals)
    return len(signals)


def _detail(row: Row) -> dict[str, str | int | float | list[int]]:
    if not row["active"]:
        return {}
    return {"since": row["since"].isoformat(), **({"why": row["why"][:200]} if row["why"] else {})}


def turns(work: JobContext) -> Turn:
    """The job."""
    waker, since = Waker(work.database, INBOX), datetime.now(UTC)

    def turn(connection: Connection) -> None:
        if look(connection):
            waker.wake()
        telemetry.beat(connection, "jobs", since)  # behind the look: without one the centre is not ready

    return turn


def pruning_feed(_work: JobContext) -> Turn:
    """The job that keeps the feed's log short."""
    return feed_log.prune
