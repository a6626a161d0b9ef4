"""Births and heartbeats. Keeps the marker that tells boxes that somebody listens."""

import logging
import threading
import time
from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from aggregator.ingest.arrivals import Arrivals
from aggregator.ingest.commit import SQL, acknowledge
from aggregator.ingest.cursor import Cursor, from_text, to_text
from aggregator.store import Database
from aggregator.store.database import Connection as DatabaseConnection
from shared.envelope import decode_message, encode_message
from shared.errors import WireError
from shared.events import AggregatorState, BoxState, Health, Lane
from shared.mqtt import Connection, Message, Will
from shared.threads import start_vital
from shared.topics import AGGREGATOR_STATE, Address, Channel, every_box, parse

log = logging.getLogger(__name__)

_BEAT_S = 2.0


class PresenceWorker:
    """Records who is there, and answers births with the cursors."""

    def __init__(self, database: Database, broker: tuple[str, int]) -> None:
        self._database = database
        self._arrivals = Arrivals()
        self._since: datetime | None = None
        self._stopping = threading.Event()
        session = uuid4().hex
        self._alive = encode_message(AggregatorState(session, alive=True))
        self._gone = encode_message(AggregatorState(session, alive=False))
        self._broker = Connection(
            f"presence-{session[:8]}",
            *broker,
            subscriptions=[(every_box(Channel.STATE), 1), (every_box(Channel.HEALTH), 0), (AGGREGATOR_STATE, 1)],
            on_message=self._receive,
            on_up=self._came_up,
            on_down=self._went_down,
            will=Will(AGGREGATOR_STATE, self._gone),
        )

    def start(self) -> None:
        """Begin on a thread of its own."""
        self._broker.start()
        start_vital("presence", self._run)

    def stop(self) -> None:
        """Tell the boxes to wait."""
        self._stopping.set()
        self._broker.stop((AGGREGATOR_STATE, self._gone))

    def _came_up(self) -> None:
        self._since = datetime.now(UTC)
        self._broker.publish(AGGREGATOR_STATE, self._alive, qos=1, retain=True)

    def _went_down(self, _reason: str) -> None:
        self._since = None

    def _receive(self, message: Message) -> None:
        if message.topic == AGGREGATOR_STATE:
            # The will of a predecessor may come after our birth; it must not silence the boxes.
            if not self._stopping.is_set() and not self._is_alive(message.payload):
                self._broker.publish(AGGREGATOR_STATE, self._alive, qos=1, retain=True)
            return
        self._arrivals.put((message,))

    @staticmethod
    def _is_alive(payload: bytes) -> bool:
        try:
            return bool(payload) and decode_message(payload, AggregatorState).alive
        except WireError:
            return False

    def _run(self) -> None:
        self._database.keep_serving("presence", self._serve, autocommit=True, stopping=self._stopping)

    def _serve(self, connection: DatabaseConnection) -> None:
        beat_s = 0.0
        while not self._stopping.is_set():
            if time.monotonic() >= beat_s:
                beat_s = time.monotonic() + _BEAT_S
                connection.execute(SQL["note_service"], {"name": "presence", "broker_since": self._since})
            for message in self._arrivals.take(100, wait_s=max(0.0, beat_s - time.monotonic())):
                self._note(connection, message)

    def _note(self, connection: DatabaseConnection, message: Message) -> None:
        try:
            address, channel = parse(message.topic)
            if channel is Channel.HEALTH:
                self._note_health(connection, address, decode_message(message.payload, Health), message)
            elif message.payload:
                self._note_state(connection, address, decode_message(message.payload, BoxState))
        except (WireError, psycopg.DataError) as error:
            reason = error.reason if isinstance(error, WireError) else "value"
            connection.execute(
                SQL["add_dead_letter"],
                {
                    "recv_at": datetime.fromtimestamp(message.received_at_s, tz=UTC),
                    "payload": message.payload,
                    "topic": message.topic.replace("\0", "\\0")[:500],
                    "reason": reason,
                    "detail": str(error).replace("\0", "\\0")[:500],
                    "producer_id": None,
                    "lane": None,
                    "numbers": to_text(()),
                },
            )
            connection.execute(
                SQL["add_counters"],
                {
                    "worker": "presence",
                    "names": ["dead_letters"],
                    "labels": [reason],
                    "values": [1],
                },
            )

    def _note_health(self, connection: DatabaseConnection, address: Address, health: Health, message: Message) -> None:
        connection.execute(
            SQL["note_health"],
            {
                "site": address.site,
                "agent": address.agent,
                "epoch": health.epoch,
                "session": health.session,
                "seen_at": datetime.fromtimestamp(message.received_at_s, tz=UTC),
                "health": Jsonb(msgspec.to_builtins(health)),
            },
        )

    def _note_state(self, connection: DatabaseConnection, address: Address, state: BoxState) -> None:
        if not state.alive:
            return  # wills race with births; only the heartbeat's expiry decides
        connection.execute(
            SQL["note_birth"],
            {
                "site": address.site,
                "agent": address.agent,
                "epoch": state.epoch,
                "session": state.session,
                "version": state.version[:64],
                "health_interval_s": state.health_interval_s,
                "born_at": datetime.now(UTC),
            },
        )
        rows = connection.execute(
            SQL["cursors_of"],
            {
                "site": address.site,
                "agent": address.agent,
                "epoch": state.epoch,
            },
        )
        known = {Lane(row["lane"]): Cursor(row["contiguous"], from_text(row["above"])) for row in rows}
        # An unknown box is answered too: it learns that somebody listens, even where its broker keeps the marker back.
        for lane in Lane:
            ack = acknowledge(state.epoch, lane, known.get(lane, Cursor()))
            self._broker.publish(address.topic(Channel.ACK), encode_message(ack), qos=0)
