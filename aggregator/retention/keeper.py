"""Keeps the record in shape: packs counts, compresses days, and deletes the oldest when nothing speaks against it.

A clock a year ahead must not empty the record.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aggregator.domains.lines.packing import due, pack_counts
from aggregator.retention.forgetting import drop_pictures, sweep
from aggregator.store import audit
from aggregator.store.database import Connection, Database
from aggregator.store.keep import Keep
from aggregator.store.pictures import PictureStore
from aggregator.store.queries import load_queries
from shared.trouble_log import TroubleLog

log = logging.getLogger(__name__)
SQL = load_queries(__package__)

COMPRESS_AFTER = timedelta(days=4)
"""Younger days still get rows of backlogs."""
_SILENCE = timedelta(days=2)
_JUMP_S = 600.0
_AT_ONCE = 2
_LOOK_S = 3600.0
_SWEEP_S = 86_400.0


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
        newest: when the newest event, or heartbeat, was received.
        jump_s: by how much the wall clock was set since this was looked at last.
    """
    if abs(jump_s) > _JUMP_S:
        return f"the clock was set by {jump_s:.0f} s"
    if newest is None or abs(now - newest) > _SILENCE:
        return f"the newest news came at {newest}, and it is {now:%Y-%m-%d %H:%M} now: is the clock right?"
    if len(days) > _AT_ONCE:
        return f"{len(days)} days would go at once ({days[0].day} to {days[-1].day})"
    return None


@dataclass(frozen=True, slots=True)
class Expired:
    """What of one kind has expired.

    Attributes:
        kind: such as events or health samples.
        keep: how long it is kept.
        days: oldest first.
        newest: when the newest news of this kind came.
    """

    kind: str
    keep: timedelta
    days: Sequence[Day]
    newest: datetime | None


_QUERIES = {
    "events": ("newest_received", "drop_day"),
    "coverage": ("newest_heartbeat", "drop_day_of_coverage"),
    "health samples": ("newest_heartbeat", "drop_day_of_health"),
    "alerts": ("newest_heartbeat", "drop_day_of_alerts"),
    "pictures": ("newest_heartbeat", ""),
    "dead letters": ("newest_heartbeat", "drop_day_of_dead"),
    "deliveries": ("newest_heartbeat", "drop_day_of_deliveries"),
    "gaps": ("newest_heartbeat", "drop_day_of_gaps"),
    "audit": ("newest_heartbeat", ""),
}


def all_expired(connection: Connection, keep: Keep, now: datetime) -> list[Expired]:
    """What has expired of each kind, if anything."""
    found = []
    first = (keep.events, keep.coverage, keep.health)
    kept_for = (*first, keep.alerts, keep.pictures, keep.dead_letters, keep.deliveries, keep.events, keep.audit)
    for kind, kept in zip(_QUERIES, kept_for, strict=True):
        if kind == "events":
            days = expired(kept_days(connection), now, kept)
        else:
            rows = connection.execute(SQL[f"old_days_of_{kind.split()[0]}"], {"before": (now - kept).date()})
            days = [Day(row["day"], 0, False) for row in rows]
        newest = connection.execute(SQL[_QUERIES[kind][0]]).fetchone()
        found.append(Expired(kind, kept, days, newest["at"] if newest else None))
    return found


def drop(
    connection: Connection, what: Expired, key: Callable[[], Ed25519PrivateKey], pictures: PictureStore
) -> list[date]:
    """Delete it, day by day; returns the days that are gone.

    Args:
        connection: in autocommit mode.
        key: signs where the audit goes on.
        pictures: where their files are.
    """
    gone = []
    for day in what.days:
        try:
            if what.kind == "pictures":
                drop_pictures(connection, pictures, day.day)
                gone.append(day.day)
                continue
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '2s'")
                if what.kind == "audit":
                    if not audit.prune(connection, day.day, key()):
                        break  # a younger entry stands before it
                else:
                    connection.execute(SQL[_QUERIES[what.kind][1]], {"day": day.day})
        except psycopg.errors.LockNotAvailable:
            break  # another process reads for long; the next look comes
        log.info("retention: deleted the %s of %s", what.kind, day.day)
        gone.append(day.day)
    return gone


class RetentionKeeper:
    """Looks every hour; the first look only learns what the clocks say.

    Args:
        key: signs where the audit goes on when its beginning is deleted.
        pictures: where their files are.
        clocks: our wall clock (Unix, seconds) and one that is never set.
    """

    def __init__(
        self,
        database: Database,
        keep: Keep,
        key: Callable[[], Ed25519PrivateKey],
        pictures: PictureStore,
        clocks: tuple[Callable[[], float], Callable[[], float]] = (time.time, time.monotonic),
    ) -> None:
        self._database, self._keep, self._key, self._pictures = database, keep, key, pictures
        self._clocks = clocks
        self._wall_s, self._steady_s = (clock() for clock in clocks)
        self._sweep_s = self._steady_s + _SWEEP_S
        self._complaints = {kind: TroubleLog(log) for kind in _QUERIES}

    def run(self) -> None:
        """For ever."""
        self._database.keep_serving("retention", self._serve, autocommit=True)

    def _serve(self, connection: Connection) -> None:
        connection.execute("SET statement_timeout = 0")  # compressing a large day takes its time
        while True:
            time.sleep(_LOOK_S)
            self.look(connection)

    def look(self, connection: Connection) -> list[date]:
        """Pack and compress what is old enough, delete what has expired.

        Args:
            connection: in autocommit mode.

        Returns:
            The days of events that are gone.
        """
        wall_s, steady_s = (clock() for clock in self._clocks)
        jump_s = (wall_s - self._wall_s) - (steady_s - self._steady_s)
        self._wall_s, self._steady_s = wall_s, steady_s
        now = datetime.fromtimestamp(wall_s, tz=UTC)
        pack_counts(connection, due(now))
        if newest := audit.head(connection):
            log.info("audit: %s", newest)
        gone = {
            what.kind: self._drop(connection, what, now, jump_s) for what in all_expired(connection, self._keep, now)
        }
        connection.execute(SQL["forget_conditions"])
        self._sweep(connection, now, jump_s)
        for day in kept_days(connection):
            if not day.compressed and day.day < (now - COMPRESS_AFTER).date():
                connection.execute(SQL["compress_day"], {"day": day.day})
        return gone["events"]

    def _sweep(self, connection: Connection, now: datetime, jump_s: float) -> None:
        """Files that no row knows, once a day, under the same guard."""
        newest = connection.execute(SQL["newest_heartbeat"]).fetchone()
        if self._steady_s >= self._sweep_s and objection([], now, newest["at"] if newest else None, jump_s) is None:
            sweep(connection, self._pictures, now - self._keep.pictures)
            self._sweep_s = self._steady_s + _SWEEP_S

    def _drop(self, connection: Connection, what: Expired, now: datetime, jump_s: float) -> list[date]:
        if not what.days:
            return []
        if against := objection(what.days, now, what.newest, jump_s):
            self._complaints[what.kind].tell(
                f"retention: no {what.kind} are deleted: {against}; `hawkline aggregator retention` can delete them"
            )
            return []
        self._complaints[what.kind].over(f"retention: {what.kind}: goes on")
        return drop(connection, what, self._key, self._pictures)
