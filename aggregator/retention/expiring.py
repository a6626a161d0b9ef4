"""What has expired, and how it is deleted."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import psycopg

from aggregator.retention.guard import newest_heartbeat
from aggregator.retention.retention_context import RetentionContext
from aggregator.signals.declarations import Retained, domains
from aggregator.store.database import Connection
from aggregator.store.retention_periods import RetentionPeriods

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Expired:
    """What of one thing that is kept has expired.

    Attributes:
        what: as a domain declares it.
        keep: how long it is kept.
        days: oldest first.
        newest: when the newest news of it came.
    """

    what: Retained
    keep: timedelta
    days: Sequence[date]
    newest: datetime | None


def first_kept(now: datetime, keep: timedelta) -> date:
    """The first day (UTC) of which anything is kept: only days that lie wholly before have expired."""
    return (now - keep).date()


def expired(connection: Connection, what: Retained, periods: RetentionPeriods, now: datetime) -> Expired:
    """What has expired of one thing, if anything: days that lie wholly before."""
    kept = what.keep(periods)
    days = what.old_days(connection, first_kept(now, kept))
    return Expired(what, kept, days, (what.newest or newest_heartbeat)(connection))


def all_expired(connection: Connection, periods: RetentionPeriods, now: datetime) -> list[Expired]:
    """What has expired of each thing that is kept."""
    return [expired(connection, what, periods, now) for what in domains().retained]


def drop(connection: Connection, expired: Expired, means: RetentionContext) -> list[date]:
    """Delete it, day by day; returns the days that are gone.

    Args:
        connection: in autocommit mode.
    """
    gone = []
    connection.execute("SET lock_timeout = '2s'")
    try:
        for day in expired.days:
            if not expired.what.drop(connection, day, means):
                break
            log.info("retention: deleted the %s of %s", expired.what.name, day)
            gone.append(day)
    except psycopg.errors.LockNotAvailable:
        log.info("retention: %s wait: another process reads for long", expired.what.name)
    finally:
        if not connection.closed:
            connection.execute("SET lock_timeout = 0")  # as `store.session_settings` has it
    return gone
