"""Says which boxes' disks will be full within days, from what heartbeats said of them over the last ones."""

from datetime import UTC, datetime

from aggregator.alerting import inbox
from aggregator.jobs.job_context import JobContext, Turn
from aggregator.signals.signal import Signal, Subject
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries

SQL = load_queries(__package__, "storage.sql")
CONDITION = "disk_fills"
_SOON_DAYS, _LATER_DAYS = 7.0, 14.0
"""Told when a disk is full within so many days; over when it has so many, or fills no more."""


def look(connection: Connection, now: datetime) -> int:
    """Say it, and where it is over; returns how many signals that were.

    Args:
        connection: in autocommit mode, or in a transaction.
    """
    with connection.transaction():
        full_in = {
            Subject("box", row["site"], row["agent"]): float(row["days"])
            for row in connection.execute(SQL["full_in_days"], {"now": now})
        }
        said = {
            Subject("box", row["site"], row["agent"])
            for row in connection.execute(SQL["said_to_fill"], {"condition": CONDITION})
        }
        filling = {box: days for box, days in full_in.items() if days < _SOON_DAYS and box not in said}
        over = {box for box in said if full_in.get(box, _LATER_DAYS) >= _LATER_DAYS}
        signals = [Signal(box, CONDITION, False, now) for box in over]
        for box, days in filling.items():
            signals.append(Signal(box, CONDITION, True, now, detail={"full_in_days": round(days, 1)}))
        inbox.put(connection, signals)
    return len(signals)


def turns(_work: JobContext) -> Turn:
    """The job."""

    def turn(connection: Connection) -> None:
        look(connection, datetime.now(UTC))

    return turn
