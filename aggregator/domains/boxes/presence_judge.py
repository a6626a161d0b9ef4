"""Judges who is silent. A heartbeat that expired decides, nothing else.

Every few seconds it says of all boxes what is the matter with them, in the inbox.
"""

import logging
import time

from psycopg.rows import class_row

from aggregator.alerting import inbox
from aggregator.domains.boxes import domain as boxes
from aggregator.domains.boxes.entities import Box
from aggregator.feed import log as feed_log
from aggregator.feed.log import Told
from aggregator.jobs.job_context import JobContext, Turn
from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries
from aggregator.store.waker import FEED, INBOX, Waker

log = logging.getLogger(__name__)
SQL = load_queries(__package__)

_LOOK_S, _LOST_S = 5.0, 60.0
"""How often troubles of boxes are looked for, and lost events, of which the sum takes longer."""


class PresenceJudge:
    """Wakes those who wait for what it finds."""

    def __init__(self, database: Database) -> None:
        self._feed, self._inbox = Waker(database, FEED), Waker(database, INBOX)
        self._look_s = self._lost_s = 0.0

    def turn(self, connection: Connection) -> None:
        """Judge all, and now and then look for troubles."""
        if self.judge(connection):
            self._feed.wake()
        now_s = time.monotonic()
        if now_s >= self._look_s:
            lost_too = now_s >= self._lost_s
            if self.look(connection, lost_too=lost_too):
                self._inbox.wake()
            self._look_s = now_s + _LOOK_S
            self._lost_s = now_s + _LOST_S if lost_too else self._lost_s

    def judge(self, connection: Connection) -> int:
        """Write down whose state changed and put it on the feed.

        Returns:
            How many boxes changed.
        """
        with connection.transaction(), connection.cursor(row_factory=class_row(Box)) as cursor:
            changed = connection.execute(SQL["judge_presence"]).fetchall()
            boxes = [box for which in changed for box in cursor.execute(SQL["agent"], which).fetchall()]
            for box in boxes:
                log.info("box %s/%s is %s", box.site, box.agent, box.state)
            feed_log.append(connection, feed_log.BOX, [Told(box.model_dump_json(), [box.site]) for box in boxes])
        return len(changed)

    def look(self, connection: Connection, *, lost_too: bool = True) -> int:
        """Say what is the matter with boxes, and what no longer is.

        Returns:
            How many signals that were.
        """
        with connection.transaction():
            signals = boxes.look(connection, lost_too=lost_too)
            inbox.put(connection, signals)
        return len(signals)


def turns(work: JobContext) -> Turn:
    """The job."""
    return PresenceJudge(work.database).turn
