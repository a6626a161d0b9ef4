"""Takes the inbox and raises alerts: crash, replay and a second engine change nothing but the time it takes."""

import logging
import time
from datetime import UTC, datetime, timedelta

import msgspec

from aggregator.alerting.alerts import SQL, Publishing
from aggregator.alerting.raising import carry_out
from aggregator.rules import watches
from aggregator.rules.occurrence import Occurrence
from aggregator.rules.watches import RaiseOrJoin
from aggregator.store import Database, load_queries
from aggregator.store.allowance import Allowance
from aggregator.store.database import Connection
from aggregator.store.waker import FEED, INBOX, Waker, wakes
from shared.threads import start_vital

log = logging.getLogger(__name__)
INGEST = load_queries("ingest.sql")

_BEAT_S = 2.0
ALERTS_A_DAY = 5_000
_BATCH = 5
"""Inbox rows (of at most 100 events) in one transaction: it holds the feed's lock, and operators wait behind it."""
_occurrences = msgspec.msgpack.Decoder(list[Occurrence])


class AlertingEngine:
    """Runs on a thread of its own until the process ends."""

    def __init__(
        self, database: Database, publishing: Publishing, join_window: timedelta, alerts_a_day: int = ALERTS_A_DAY
    ) -> None:
        self._database, self._publishing, self._window = database, publishing, join_window
        self._allowance = Allowance(alerts_a_day)
        self._feed = Waker(database, FEED)
        self._since = datetime.now(UTC)

    def start(self) -> None:
        """Begin."""
        start_vital("alerting", self._run)

    def _run(self) -> None:
        self._database.keep_serving("alerting", self._serve)

    def _serve(self, connection: Connection) -> None:
        beat_s = 0.0
        with self._database.connect("alerting-listen", autocommit=True) as listener:
            for _ in wakes(listener, INBOX):
                while self.take(connection):
                    self._feed.wake()
                    beat_s = self._beat(connection, beat_s)
                beat_s = self._beat(connection, beat_s)

    def _beat(self, connection: Connection, due_s: float) -> float:
        """Say that alerts are raised, where it is due: only after rows were taken, or none was there to be taken.

        Returns:
            When the next is due.
        """
        if time.monotonic() < due_s:
            return due_s
        with connection.transaction():
            connection.execute(INGEST["note_service"], {"name": "alerting", "broker_since": self._since})
        return time.monotonic() + _BEAT_S

    def take(self, connection: Connection) -> int:
        """Work off some inbox rows in one transaction.

        Returns:
            How many rows were taken; 0 means that none waits.
        """
        with connection.transaction():
            rows = connection.execute(SQL["take_inbox"], {"limit": _BATCH}).fetchall()
            decided = [
                (occurrence, decision)
                for row in sorted(rows, key=lambda row: (row["late"], row["id"]))
                for occurrence in self._decode(connection, row["body"])
                for decision in self._evaluate(occurrence)
            ]
            carry_out(connection, decided, self._publishing)
        return len(rows)

    def _evaluate(self, occurrence: Occurrence) -> list[RaiseOrJoin]:
        """Decide. Of one box so many alarms a day may raise alerts of their own, and what is beyond joins one: it shall
        not fill disk and page with alerts, which stay for as long as nobody clears them."""
        decided = watches.evaluate(occurrence, self._window)
        if not decided or self._allowance.take(occurrence.producer_id, 1):
            return decided
        return [watches.flooding(occurrence, decision) for decision in decided]

    def _decode(self, connection: Connection, body: bytes) -> list[Occurrence]:
        """What ingest left; a row that an older version wrote and this one cannot read becomes a dead letter."""
        try:
            return _occurrences.decode(body)
        except msgspec.DecodeError as error:
            log.error("alerting: an inbox row cannot be read: %s", error)
            connection.execute(SQL["bury_inbox"], {"detail": str(error)[:500], "payload": body})
            return []
