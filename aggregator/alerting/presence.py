"""Judges every second who is silent. A heartbeat that expired decides, nothing else."""

import logging
import time

import psycopg
from psycopg.rows import class_row

from aggregator.alerting.alerts import SQL
from aggregator.feed import log as feed_log
from aggregator.store import Database
from aggregator.store.entities import Box
from aggregator.store.waker import FEED, Waker
from shared.errors import UnavailableError
from shared.threads import start_vital

log = logging.getLogger(__name__)

_INTERVAL_S = 1.0
_PRUNE_S = 3600.0


class PresenceJudge:
    """Runs on a thread of its own until the process ends."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._feed = Waker(database, FEED)

    def start(self) -> None:
        """Begin."""
        start_vital("presence-judge", self._run)

    def _run(self) -> None:
        prune_s = 0.0
        while True:
            try:
                with self._database.connect("presence-judge") as connection:
                    while True:
                        if self.judge(connection):
                            self._feed.wake()
                        if time.monotonic() > prune_s:
                            prune_s = time.monotonic() + _PRUNE_S
                            with connection.transaction():
                                connection.execute(SQL["prune_feed"])
                        time.sleep(_INTERVAL_S)
            except (UnavailableError, psycopg.Error) as error:
                log.warning("presence judge: %s; trying again", str(error).strip().splitlines()[0])
                time.sleep(1.0)

    def judge(self, connection: "psycopg.Connection[dict[str, object]]") -> int:
        """Write down whose state changed and put it on the feed.

        Returns:
            How many boxes changed.
        """
        with connection.transaction(), connection.cursor(row_factory=class_row(Box)) as cursor:
            changed = cursor.execute(SQL["judge_presence"]).fetchall()
            for box in changed:
                log.info("box %s/%s is %s", box.site, box.agent, box.state)
                feed_log.append(connection, feed_log.BOX, box.model_dump_json())
        return len(changed)
