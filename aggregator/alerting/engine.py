"""Takes the inbox and raises alerts: crash, replay and a second engine change nothing but the time it takes."""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from aggregator.alerting.alerts import SQL, Publishing
from aggregator.alerting.raising import carry_out
from aggregator.rules import watches
from aggregator.rules.occurrence import Occurrence
from aggregator.rules.watches import RaiseOrJoin
from aggregator.store import Database, load_queries
from aggregator.store.allowance import Allowance, Spending
from aggregator.store.database import Connection, tried
from aggregator.store.waker import FEED, INBOX, Waker, wakes
from shared.threads import start_vital
from shared.topics import Address

log = logging.getLogger(__name__)
INGEST = load_queries("ingest.sql")

_BEAT_S = 2.0
ALERTS_A_DAY = 20_000
"""That a box may raise. A line that is crossed every five seconds, day and night, stays below; a busy gate far below.
It is there for the disk: an alert with its member, its message to pages and a delivery takes some kilobytes."""
_BATCH = 5
"""Inbox rows (of at most 100 events) in one transaction: it holds the feed's lock, and operators wait behind it."""
_occurrences = msgspec.msgpack.Decoder(list[Occurrence])


class AlertingEngine:
    """Runs on a thread of its own until the process ends.

    Args:
        join_window: for so long the same joins an alert.
        alerts_a_day: of one box.
        now: the wall clock.
    """

    def __init__(
        self,
        database: Database,
        publishing: Publishing,
        join_window: timedelta,
        alerts_a_day: int = ALERTS_A_DAY,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database, self._publishing, self._window, self._now = database, publishing, join_window, now
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
        return tried(lambda: self._take(connection))

    def _take(self, connection: Connection) -> int:
        with Spending() as spending, connection.transaction():
            rows = connection.execute(SQL["take_inbox"], {"limit": _BATCH}).fetchall()
            decided = [
                (occurrence, decision)
                for row in sorted(rows, key=lambda row: (row["late"], row["id"]))
                for occurrence in self._decode(connection, row["body"])
                for decision in watches.evaluate(occurrence, self._window)
            ]
            boxes = _boxes(connection, {occurrence.producer_id for occurrence, _ in decided})
            bounds = _Bounds(self._allowance, spending, boxes, self._now())
            carry_out(connection, decided, self._publishing, bounds=bounds)
            for box in sorted(bounds.exceeded):
                over = {"site": box.site, "agent": box.agent, "what": "alerts_per_day"}
                connection.execute(INGEST["note_over_limits"], over)
        return len(rows)

    def _decode(self, connection: Connection, body: bytes) -> list[Occurrence]:
        """What ingest left; a row that an older version wrote and this one cannot read becomes a dead letter."""
        try:
            return _occurrences.decode(body)
        except msgspec.DecodeError as error:
            log.error("alerting: an inbox row cannot be read: %s", error)
            connection.execute(SQL["bury_inbox"], {"detail": str(error)[:500], "payload": body})
            return []


class _Bounds:
    """Of one box so many alerts a day, whatever outboxes it sends from, and what is beyond joins a few.

    It shall not fill disk and page with alerts, which stay for as long as nobody clears them.
    """

    def __init__(
        self, allowance: Allowance, spending: Spending, boxes: Mapping[int, Address], now: datetime
    ) -> None:
        self._allowance, self._spending, self._boxes, self._now = allowance, spending, boxes, now
        self.exceeded = set[Address]()

    def instead(self, occurrence: Occurrence, decision: RaiseOrJoin) -> RaiseOrJoin | None:
        box = self._boxes[occurrence.producer_id]
        if occurrence.asked or self._spending.take(self._allowance, box, 1):
            return None
        self.exceeded.add(box)
        return watches.flooding(decision, box, self._now)


def _boxes(connection: Connection, producers: Collection[int]) -> dict[int, Address]:
    if not producers:
        return {}
    rows = connection.execute(SQL["boxes_of"], {"producer_ids": list(producers)})
    return {row["id"]: Address(row["site"], row["agent"]) for row in rows}
