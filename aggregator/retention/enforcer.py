"""Deletes every hour what has expired, when nothing speaks against it."""

import logging
from collections import defaultdict
from datetime import date

from aggregator.jobs.work import Turn, Work
from aggregator.retention.expiring import Expired, all_expired, drop
from aggregator.retention.guard import ClockWatch, objection
from aggregator.retention.means import Means, means
from aggregator.store.database import Connection
from aggregator.store.retention_periods import RetentionPeriods
from shared.trouble_log import TroubleLog

log = logging.getLogger(__name__)


class RetentionEnforcer:
    """Looks at what domains keep for some days only.

    Args:
        watch: over the clocks.
    """

    def __init__(self, periods: RetentionPeriods, means: Means, watch: ClockWatch) -> None:
        self._periods, self._means, self._watch = periods, means, watch
        self._complaints = defaultdict[str, TroubleLog](lambda: TroubleLog(log))

    def look(self, connection: Connection) -> dict[str, list[date]]:
        """Delete what has expired.

        Args:
            connection: in autocommit mode.

        Returns:
            The days that are gone, by what it is that was kept.
        """
        now, jump_s = self._watch.look()
        return {
            expired.what.name: self._drop(
                connection, expired, objection(expired.days, now, expired.newest, jump_s) if expired.days else None
            )
            for expired in all_expired(connection, self._periods, now)
        }

    def _drop(self, connection: Connection, expired: Expired, against: str | None) -> list[date]:
        name = expired.what.name
        if against:
            self._complaints[name].tell(
                f"retention: no {name} are deleted: {against}; `hawkline aggregator retention` can delete them"
            )
            return []
        self._complaints[name].over(f"retention: {name}: goes on")
        return drop(connection, expired, self._means)


def turns(work: Work) -> Turn:
    """The job."""
    enforcer = RetentionEnforcer(work.settings.retention.periods, means(work.settings), ClockWatch())

    def turn(connection: Connection) -> None:
        enforcer.look(connection)

    return turn
