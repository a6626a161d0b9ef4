"""One lane's ingest: its own broker connection, its own database connection, its own thread."""

import logging
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
from msgspec.structs import replace

from aggregator.ingest.arrivals import Arrivals
from aggregator.ingest.box_quota import BoxQuota
from aggregator.ingest.commit import Committer
from aggregator.ingest.event_time import RETENTION
from aggregator.ingest.reading import DeadLetter, Reading, read
from aggregator.store import Database, telemetry
from aggregator.store.database import Connection as DatabaseConnection
from aggregator.store.database import tried
from shared.envelope import Acknowledgement, encode_message
from shared.events import Lane
from shared.mqtt import Message, Receiver
from shared.threads import start_vital
from shared.topics import Address, Channel, every_box, shared_by

log = logging.getLogger(__name__)

_TAKE = {Lane.ALARM: 500, Lane.BULK: 4000}
_TAKE_BYTES = 512 * 1024
"""In one transaction: many events that come alone, or some full batches; a longer one makes others wait too long."""
_TURN_BYTES = {Lane.ALARM: 16 * 1024, Lane.BULK: 128 * 1024}
"""Of one box in one transaction, at least a message: the others wait behind it. Sixteen kilobytes are 500 alarms."""
_FLOOD = {Lane.ALARM: 2, Lane.BULK: 16}
_GATHER_S = {Lane.ALARM: 0.01, Lane.BULK: 0.05}
"""After a transaction of so many messages more are gathered for the next: in a flood large ones carry further."""
_BEAT_S = 2.0
_ACK_S = {Lane.ALARM: 0.0, Lane.BULK: 0.25}
_CHANNEL = {Lane.ALARM: Channel.ALARM, Lane.BULK: Channel.BULK}


class IngestWorker:
    """Receives, commits, acknowledges.

    Args:
        name: unique among all workers of the deployment; client id and counter label.
        wake_alerting: called after a commit that left something in the inbox.
        retention: how long events are kept.
        quota: bounds what one box may send; lasts as long as the worker.
    """

    def __init__(
        self,
        name: str,
        lane: Lane,
        database: Database,
        broker: tuple[str, int],
        wake_alerting: Callable[[], None],
        retention: timedelta = RETENTION,
        tls: ssl.SSLContext | None = None,
        quota: BoxQuota | None = None,
    ) -> None:
        self._name, self._lane, self._database, self._wake_alerting = name, lane, database, wake_alerting
        self._arrivals = Arrivals(turn_bytes=_TURN_BYTES[lane])
        self._stopping = threading.Event()
        self._unsent: dict[Address, dict[tuple[int, Lane], Acknowledgement]] = {}
        self._ack_due_s = 0.0
        self._retention = retention
        self._quota = quota or BoxQuota()
        self._committer = Committer(name, retention, self._quota)
        group = shared_by(f"ingest-{lane.label}", every_box(_CHANNEL[lane]))
        self._since: datetime | None = None
        self._beat_s = 0.0
        self._broker = Receiver(
            name,
            *broker,
            subscriptions=[(group, 1)],
            on_messages=self._arrivals.put,
            on_up=self._came_up,
            on_down=self._went_down,
            tls=tls,
        )

    def start(self) -> None:
        """Begin on a thread of its own."""
        self._broker.start()
        start_vital(self._name, self._run)

    def stop(self) -> None:
        """Leave the broker and let the thread end; what was not committed is sent again, to others."""
        self._stopping.set()
        self._broker.stop()

    def _came_up(self) -> None:
        self._since = datetime.now(UTC)

    def _went_down(self, _reason: str) -> None:
        self._since = None

    def _run(self) -> None:
        self._database.keep_serving(self._name, self._serve, stopping=self._stopping, steady=True)

    def _serve(self, connection: DatabaseConnection) -> None:
        """Until the database fails. What was in hand then is not acknowledged, so the boxes send it again."""
        self._committer = Committer(self._name, self._retention, self._quota)
        while not self._stopping.is_set():
            self._step(connection)

    def _step(self, connection: DatabaseConnection) -> None:
        messages = self._arrivals.take(_TAKE[self._lane], 0.25, _TAKE_BYTES)
        self._arrivals.note_beyond(connection)
        if messages:
            self._commit(connection, messages)
        if len(messages) >= _FLOOD[self._lane]:
            time.sleep(_GATHER_S[self._lane])
        self._acknowledge()
        if self._since and time.monotonic() >= self._beat_s:  # who has no broker leaves the lane to the others
            self._beat_s = time.monotonic() + _BEAT_S
            with connection.transaction():
                telemetry.beat(connection, f"ingest-{self._lane.label}", self._since)

    def _commit(self, connection: DatabaseConnection, messages: list[Message]) -> None:
        """Commit messages; where the database refuses a value, halve until the one is found that carries it."""
        try:
            reading = read(messages, self._lane)
            outcome = tried(lambda: self._committer.commit(connection, reading, self._arrivals.load))
        except (psycopg.DataError, psycopg.IntegrityError, OverflowError, ValueError) as error:
            if len(messages) == 1:
                self._bury(connection, messages[0], error)
                return
            middle = len(messages) // 2
            self._commit(connection, messages[:middle])
            self._commit(connection, messages[middle:])
            return
        for address, acks in outcome.acknowledgements.items():
            self._unsent.setdefault(address, {}).update(acks)
        for letter in outcome.dead[:1]:
            log.warning(
                "%s: %d dead letters; the first from %s: %s", self._name, len(outcome.dead), letter.topic, letter.detail
            )
        if outcome.for_alerting:
            self._wake_alerting()
        self._acknowledge()

    def _bury(self, connection: DatabaseConnection, message: Message, error: Exception) -> None:
        detail = str(error).replace("\0", "\\0")[:500]
        log.error("%s: the database refuses a value of %s: %s", self._name, message.topic, detail)
        whole = read([message], self._lane)
        recv_at = datetime.fromtimestamp(message.received_at_s, tz=UTC)
        letter = DeadLetter(recv_at, message.topic.replace("\0", "\\0")[:500], "value", detail, message.payload)
        # Its numbers count as received, so that the box does not send for ever what the database never takes.
        emptied = [replace(arrival, rows=(), fault=letter) for arrival in whole.arrivals]
        reading = Reading(emptied, [] if emptied else [letter])
        outcome = tried(lambda: self._committer.commit(connection, reading))
        for address, acks in outcome.acknowledgements.items():
            self._unsent.setdefault(address, {}).update(acks)

    def _acknowledge(self) -> None:
        if not self._unsent or time.monotonic() < self._ack_due_s:
            return
        self._ack_due_s = time.monotonic() + _ACK_S[self._lane]
        self._broker.publish(
            (address.topic(Channel.ACK), encode_message(ack))
            for address, acks in self._unsent.items()
            for ack in acks.values()
        )
        self._unsent = {}
