"""Keeps the record in shape: packs counts, compresses days, and deletes the oldest when nothing speaks against it.

A clock a year ahead must not empty the record.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import psycopg

from aggregator.store.database import Connection, Database
from aggregator.store.packing import due, pack_counts
from aggregator.store.queries import load_queries
from shared.telling import Complaint

log = logging.getLogger(__name__)
SQL = load_queries("record.sql")

COMPRESS_AFTER = timedelta(days=4)
"""Younger days still get rows of backlogs."""
_SILENCE = timedelta(days=2)
_JUMP_S = 600.0
_AT_ONCE = 2
_LOOK_S = 3600.0


@dataclass(frozen=True, slots=True)
class Day:
    """A day of events (UTC) and what it takes on disk."""

    day: date
    bytes: int
    compressed: bool


def kept_days(connection: Connection) -> list[Day]:
    """All days that there is room for, oldest first."""
    return [Day(row["day"], row["bytes"], row["compressed"]) for row in connection.execute(SQL["kept_days"])]


def expired(days: Sequence[Day], now: datetime, keep: timedelta) -> list[Day]:
    """Days that lie wholly before the time that is kept."""
    return [day for day in days if day.day < (now - keep).date()]


def objection(days: Sequence[Day], now: datetime, newest: datetime | None, jump_s: float) -> str | None:
    """Why these days must not be deleted now, if anything speaks against it.

    Args:
        days: what would go.
        now: by our wall clock, which may be wrong.
        newest: when the newest event was received.
        jump_s: by how much the wall clock was set since this was looked at last.
    """
    if abs(jump_s) > _JUMP_S:
        return f"the clock was set by {jump_s:.0f} s"
    if newest is None or abs(now - newest) > _SILENCE:
        return f"the newest event was received at {newest}, and it is {now:%Y-%m-%d %H:%M} now: is the clock right?"
    if len(days) > _AT_ONCE:
        return f"{len(days)} days would go at once ({days[0].day} to {days[-1].day})"
    return None


@dataclass(frozen=True, slots=True)
class Keep:
    """For how long what is kept."""

    events: timedelta
    coverage: timedelta
    health: timedelta


class RetentionKeeper:
    """Looks every hour; the first look only learns what the clocks say."""

    def __init__(self, database: Database, keep: Keep) -> None:
        self._database, self._keep = database, keep
        self._wall_s, self._steady_s = time.time(), time.monotonic()
        self._complaints = {kind: Complaint(log) for kind in ("events", "coverage", "health samples")}

    def run(self) -> None:
        """For ever."""
        self._database.keep_serving("retention", self._serve, autocommit=True)

    def _serve(self, connection: Connection) -> None:
        while True:
            time.sleep(_LOOK_S)
            self.look(connection)

    def look(self, connection: Connection) -> list[date]:
        """Delete what has expired, compress and pack what is old enough.

        Args:
            connection: in autocommit mode.

        Returns:
            The days of events that are gone.
        """
        wall_s, steady_s = time.time(), time.monotonic()
        jump_s = (wall_s - self._wall_s) - (steady_s - self._steady_s)
        self._wall_s, self._steady_s = wall_s, steady_s
        now = datetime.fromtimestamp(wall_s, tz=UTC)
        days = kept_days(connection)
        gone = self._drop(connection, "events", "drop_day", expired(days, now, self._keep.events), now, jump_s)
        for kind, keep in (("coverage", self._keep.coverage), ("health samples", self._keep.health)):
            name = kind.split()[0]
            rows = connection.execute(SQL[f"old_days_of_{name}"], {"before": (now - keep).date()})
            old = [Day(row["day"], 0, False) for row in rows]
            self._drop(connection, kind, f"drop_day_of_{name}", old, now, jump_s)
        for day in days:
            if not day.compressed and day.day not in gone and day.day < (now - COMPRESS_AFTER).date():
                connection.execute(SQL["compress_day"], {"day": day.day})
        pack_counts(connection, due(now))
        return gone

    def _drop(
        self, connection: Connection, kind: str, query: str, days: Sequence[Day], now: datetime, jump_s: float
    ) -> list[date]:
        if not days:
            return []
        row = connection.execute(SQL["newest_received"]).fetchone()
        if against := objection(days, now, row["recv_at"] if row else None, jump_s):
            self._complaints[kind].tell(f"retention: no {kind} are deleted: {against}")
            return []
        self._complaints[kind].over(f"retention: {kind}: goes on")
        gone = []
        for day in days:
            try:
                with connection.transaction():
                    connection.execute("SET LOCAL lock_timeout = '2s'")
                    connection.execute(SQL[query], {"day": day.day})
            except psycopg.errors.LockNotAvailable:
                break  # somebody reads for long; the next look comes
            log.info("retention: deleted the %s of %s", kind, day.day)
            gone.append(day.day)
        return gone
