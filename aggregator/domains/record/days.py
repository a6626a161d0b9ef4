"""Days of events: what there is room for, how it is compressed, and how the oldest go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from aggregator.store.database import Connection
from aggregator.store.queries import load_queries

if TYPE_CHECKING:
    from aggregator.jobs.job_context import JobContext, Turn
    from aggregator.retention.retention_context import RetentionContext

SQL = load_queries(__package__, "days.sql")

COMPRESS_AFTER = timedelta(days=4)
"""Younger days still get rows of backlogs."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of events (UTC) and what it takes on disk."""

    day: date
    bytes: int
    compressed: bool


def kept_days(connection: Connection) -> list[Day]:
    """All days that there is room for, oldest first."""
    return [Day(row["day"], row["bytes"], row["compressed"]) for row in connection.execute(SQL["kept_days"])]


def old_days(connection: Connection, before: date) -> Sequence[date]:
    """Those before a day."""
    return [day.day for day in kept_days(connection) if day.day < before]


def drop_day(connection: Connection, day: date, _means: "RetentionContext") -> bool:
    """Delete one."""
    connection.execute(SQL["drop_day"], {"day": day})
    return True


def newest_received(connection: Connection) -> datetime | None:
    """When the newest event came."""
    row = connection.execute(SQL["newest_received"]).fetchone()
    return row["at"] if row else None


def compress_old(connection: Connection, now: datetime) -> int:
    """Compress days that get no more rows; returns how many."""
    due = [day for day in kept_days(connection) if not day.compressed and day.day < (now - COMPRESS_AFTER).date()]
    for day in due:
        connection.execute(SQL["compress_day"], {"day": day.day})
    return len(due)


def compressing(_work: "JobContext") -> "Turn":
    """The job."""

    def turn(connection: Connection) -> None:
        compress_old(connection, datetime.now(UTC))

    return turn
