"""Deletes every hour what has expired, when nothing speaks against it."""

import logging
from collections import defaultdict
from datetime import date

from aggregator.jobs.job_context import JobContext, Turn
from aggregator.retention.expiring import Expired, drop, expired
from aggregator.retention.guard import ClockWatch, objection
from aggregator.retention.retention_context import RetentionContext, means
from aggregator.signals.declarations import domains
from aggregator.store.database import Connection, first_line
from aggregator.store.retention_periods import RetentionPeriods
from shared.trouble_log import TroubleLog

log = logging.getLogger(__name__)


class RetentionEnforcer:
    """Looks at what domains keep for some days only.

    Args:
        watch: over the clocks.
    """

    def __init__(self, periods: RetentionPeriods, means: RetentionContext, watch: ClockWatch) -> None:
        self._periods, self._means, self._watch = periods, means, watch
        self._complaints = defaultdict[str, TroubleLog](lambda: TroubleLog(log))

    def look(self, connection: Connection) -> dict[str, list[date]]:
        """Delete what has expired. Where one thing cannot be asked for or deleted, the others are all the same.

        Args:
            connection: in autocommit mode.

        Returns:
            The days that are gone, by what it is that was kept.

        Raises:
            Exception: the first that kept something from being deleted.
        """
        now, jump_s = self._watch.look()
        gone, failed = dict[str, list[date]](), list[Exception]()
        for what in domains().retained:
            try:
                found = expired(connection, what, self._periods, now)
                against = objection(found.days, now, found.newest, jump_s) if found.days else None
                gone[what.name] = self._drop(connection, found, against)
            except Exception as error:  # it may be another distribution's
                if connection.closed:
                    raise
                log.warning("retention: %s: %s", what.name, first_line(error))
                failed.append(error)
        if failed:
            raise failed[0]
        return gone

    def _drop(self, connection: Connection, found: Expired, against: str | None) -> list[date]:
        name = found.what.name
        if against:
            self._complaints[name].tell(
                f"retention: no {name} are deleted: {against}; `hawkline aggregator retention` can delete them"
            )
            return []
        self._complaints[name].over(f"retention: {name}: goes on")
        return drop(connection, found, self._means)


def turns(work: JobContext) -> Turn:
    """The job."""
    enforcer = RetentionEnforcer(work.settings.retention.periods, means(work.settings), ClockWatch())

    def turn(connection: Connection) -> None:
        enforcer.look(connection)

    return turn
