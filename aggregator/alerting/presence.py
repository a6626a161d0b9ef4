"""Judges every second who is silent. A heartbeat that expired decides, nothing else."""

import logging
import time

from psycopg.rows import class_row

from aggregator.alerting.alerts import SQL
from aggregator.feed import log as feed_log
from aggregator.store import Database
from aggregator.store.database import Connection
from aggregator.store.entities import Box
from aggregator.store.waker import FEED, Waker
from shared.threads import start_vital

log = logging.getLogger(__name__)

_INTERVAL_S = 1.0


class PresenceJudge:
    """Runs on a thread of its own until the process ends."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._feed = Waker(database, FEED)

    def start(self) -> None:
        """Begin."""
        start_vital("presence-judge", self._run)

    def _run(self) -> None:
        self._database.keep_serving("presence-judge", self._serve)

    def _serve(self, connection: Connection) -> None:
        while True:
            if self.judge(connection):
                self._feed.wake()
            time.sleep(_INTERVAL_S)

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
            feed_log.append(connection, feed_log.BOX, [box.model_dump_json() for box in boxes])
        return len(changed)
