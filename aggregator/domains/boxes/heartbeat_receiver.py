"""Births and heartbeats, and what they cover. Keeps the marker that tells boxes that the aggregator listens."""

import contextlib
import logging
import ssl
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from aggregator.domains.boxes.coverage_accumulator import SLOT_MS, Beat, Coverage, Slot
from aggregator.domains.boxes.two_lives import Lives
from aggregator.ingest import dead_letters as letters
from aggregator.ingest import heartbeat_parsing
from aggregator.ingest.arrivals import Arrivals
from aggregator.ingest.box_quota import Bill, BoxQuota
from aggregator.ingest.commit import acknowledge
from aggregator.ingest.cursor import Cursor, from_text
from aggregator.ingest.reading import DeadLetter
from aggregator.store import Database, load_queries, telemetry
from aggregator.store.database import Connection as DatabaseConnection
from shared.clock import to_ms
from shared.envelope import decode_message, encode_message
from shared.errors import WireError
from shared.events import AggregatorState, BoxState, Health, Lane
from shared.mqtt import Connection, Message, Receiver, Will
from shared.threads import start_vital
from shared.topics import AGGREGATOR_STATE, Address, Channel, every_box, parse

log = logging.getLogger(__name__)
SQL = load_queries(__package__)
COVERAGE = load_queries(__package__, "coverage_queries.sql")

_BEAT_S = 2.0
_BURST_BYTES, _PACE_BYTES_S = 1024 * 1024, 16 * 1024
"""Of one box: a heartbeat of 64 cameras every second for ever, and what was sent while the database was away."""
_COVERAGE_S = 20.0
"""Coverage is written this often; what a crash loses of it counts as not covered."""
_INTERVAL_S = 30.0
_LEAVE_S = 5.0
_EPOCH = date(1970, 1, 1)
_MOST_SMALL, _MOST_BIG = 2**15 - 1, 2**63 - 1


class HeartbeatReceiver:
    """Records who is there, and answers births with the cursors."""

    def __init__(self, database: Database, broker: tuple[str, int], tls: ssl.SSLContext | None = None) -> None:
        self._database = database
        self._arrivals = Arrivals(burst_bytes=_BURST_BYTES, pace_bytes_s=_PACE_BYTES_S, turn_bytes=0)
        self._coverage, self._quota = Coverage(), BoxQuota()
        self._lives = Lives()
        self._intervals: dict[Address, float] = {}
        self._sampled: dict[Address, int] = {}
        """Quarter-hour of the newest sample of each box."""
        self._rows = set[tuple[int, Address, str]]()
        """Rows of coverage that are known to be there, of the newest days."""
        self._since: datetime | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        session = uuid4().hex
        self._alive = encode_message(AggregatorState(session, alive=True))
        self._gone = encode_message(AggregatorState(session, alive=False))
        self._broker = Connection(
            f"presence-{session[:8]}",
            *broker,
            subscriptions=[(every_box(Channel.STATE), 1), (AGGREGATOR_STATE, 1)],
            on_message=self._receive,
            on_up=self._came_up,
            on_down=self._went_down,
            will=Will(AGGREGATOR_STATE, self._gone),
            tls=tls,
        )

        # Heartbeats come by a reader of their own, several times as quick: what one box sends without end must not
        # make the broker drop what others say.
        self._heartbeats = Receiver(
            f"heartbeats-{session[:8]}",
            *broker,
            subscriptions=[(every_box(Channel.HEALTH), 0)],
            on_messages=self._hear,
            on_up=self._came_up,
            on_down=self._went_down,
            tls=tls,
        )

    def start(self) -> None:
        """Begin on a thread of its own."""
        self._broker.start()
        self._heartbeats.start()
        self._thread = start_vital("presence", self._run)

    def stop(self) -> None:
        """Tell the boxes to wait, and write down what was covered."""
        self._stopping.set()
        self._broker.stop((AGGREGATOR_STATE, self._gone))
        self._heartbeats.stop()
        if self._thread:
            self._thread.join(_LEAVE_S)

    def _came_up(self) -> None:
        """One of the two connections: we listen when both are there, and boxes are told only then."""
        if self._broker.is_up and self._heartbeats.is_up:
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

    def _hear(self, messages: list[Message]) -> None:
        # A retained one is of any time, and a live box sends its next one soon; an empty one takes a retained one away.
        self._arrivals.put(message for message in messages if message.payload and not message.retained)

    @staticmethod
    def _is_alive(payload: bytes) -> bool:
        try:
            return bool(payload) and decode_message(payload, AggregatorState).alive
        except WireError:
            return False

    def _run(self) -> None:
        self._database.keep_serving("presence", self._serve, autocommit=True, stopping=self._stopping)

    def _serve(self, connection: DatabaseConnection) -> None:
        self._remember(connection)
        beat_s, coverage_s = 0.0, time.monotonic() + _COVERAGE_S
        while not self._stopping.is_set():
            if time.monotonic() >= coverage_s:
                coverage_s = time.monotonic() + _COVERAGE_S
                self._write_coverage(connection)
            if time.monotonic() >= beat_s:
                beat_s = time.monotonic() + _BEAT_S
                telemetry.beat(connection, "presence", self._since)
            # One of each box at most: it is a transaction, and the others wait behind it.
            for message in self._arrivals.take(100, wait_s=max(0.0, beat_s - time.monotonic())):
                self._note(connection, message)
            self._arrivals.note_beyond(connection)
        self._write_coverage(connection)

    def _remember(self, connection: DatabaseConnection) -> None:
        """Go on where a predecessor ended: the newest heartbeats are in the database."""
        for row in connection.execute(SQL["newest_beats"]):
            address = Address(row["site"], row["agent"])
            self._intervals[address] = row["health_interval_s"]
            if row["doubled_at"]:
                self._lives.remember(address, to_ms(row["doubled_at"].timestamp()))
            if address not in self._coverage.beats and row["health"]:
                with contextlib.suppress(msgspec.ValidationError):  # of another version
                    health = msgspec.convert(row["health"], Health)
                    self._coverage.beats[address] = Beat.of(health, to_ms(row["last_seen_at"].timestamp()))

    def _write_coverage(self, connection: DatabaseConnection) -> None:
        taken = self._coverage.take()
        if not taken:
            return
        try:
            with connection.transaction():
                rows = {(day, *piece) for (day, _), pieces in taken.items() for piece in pieces}
                self._add_rows(connection, rows - self._rows)
                for slot, pieces in taken.items():
                    self._add_coverage(connection, slot, pieces)
        except psycopg.Error:
            self._coverage.give_back(taken)
            raise
        newest = max(day for day, _ in taken)
        self._rows = {row for row in self._rows | rows if row[0] >= newest - 1}

    @staticmethod
    def _add_rows(connection: DatabaseConnection, rows: Collection[tuple[int, Address, str]]) -> None:
        for day in {day for day, _, _ in rows}:
            pieces = [(address, camera) for of, address, camera in rows if of == day]
            connection.execute(COVERAGE["add_coverage_rows"], {"day": _EPOCH + timedelta(days=day), **_names(pieces)})

    @staticmethod
    def _add_coverage(connection: DatabaseConnection, slot: Slot, pieces: Mapping[tuple[Address, str], int]) -> None:
        day, place = slot
        values = {"day": _EPOCH + timedelta(days=day), "place": place + 1, "covered": list(pieces.values())}
        connection.execute(COVERAGE["add_coverage"], {**values, **_names(list(pieces))})

    def _note(self, connection: DatabaseConnection, message: Message) -> None:
        try:
            address, channel = parse(message.topic)
            if channel is Channel.HEALTH:
                self._note_health(connection, address, heartbeat_parsing.heartbeat(message.payload), message)
            elif message.payload:
                self._note_state(connection, address, heartbeat_parsing.birth(message.payload), message)
        except (WireError, psycopg.DataError, psycopg.IntegrityError, ValueError, OverflowError) as error:
            reason = error.reason if isinstance(error, WireError) else "value"
            recv_at, topic = (
                datetime.fromtimestamp(message.received_at_s, tz=UTC),
                heartbeat_parsing.text(message.topic, 500),
            )
            letter = DeadLetter(recv_at, topic, reason, heartbeat_parsing.text(str(error), 500), message.payload)
            counters = Counter[tuple[str, str]]()
            with Bill(self._quota) as bill, connection.transaction():
                letters.keep(connection, [letter], bill, counters)
                telemetry.exceeded(connection, bill.exceeded)
                telemetry.count(connection, "presence", counters)

    def _note_health(self, connection: DatabaseConnection, address: Address, health: Health, message: Message) -> None:
        at_ms = to_ms(message.received_at_s)
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
        self._note_life(connection, address, health, message)
        beat = Beat.of(health, at_ms)
        if self._lives.are_two(address, at_ms):
            self._coverage.beats.pop(address, None)  # which of them watches what is not known
        else:
            self._coverage.note(address, beat, self._intervals.get(address, _INTERVAL_S))
        if self._sampled.get(address) != at_ms // SLOT_MS:
            self._sampled[address] = at_ms // SLOT_MS
            connection.execute(SQL["add_health_sample"], _sample(address, health, beat))

    def _note_life(
        self, connection: DatabaseConnection, address: Address, told: Health | BoxState, message: Message
    ) -> None:
        """A retained birth may be of long ago."""
        life, at_ms = (told.epoch, told.session), to_ms(message.received_at_s)
        if message.retained or not self._lives.note(address, life, at_ms):
            return
        log.warning("box %s/%s: two boxes use this name; neither is counted on", address.site, address.agent)
        at = datetime.fromtimestamp(message.received_at_s, tz=UTC)
        connection.execute(SQL["note_two_lives"], {"site": address.site, "agent": address.agent, "at": at})

    def _note_state(self, connection: DatabaseConnection, address: Address, state: BoxState, message: Message) -> None:
        if not state.alive:
            return  # wills race with births; only the heartbeat's expiry decides
        self._intervals[address] = state.health_interval_s
        connection.execute(
            SQL["note_birth"],
            {
                "site": address.site,
                "agent": address.agent,
                "epoch": state.epoch,
                "session": state.session,
                "version": state.version,
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
        self._note_life(connection, address, state, message)
        known = {Lane(row["lane"]): Cursor(row["contiguous"], from_text(row["above"])) for row in rows}
        # An unknown box is answered too: it learns that we listen, even where its broker keeps the marker back.
        for lane in Lane:
            ack = acknowledge(state.epoch, lane, known.get(lane, Cursor()))
            self._broker.publish(address.topic(Channel.ACK), encode_message(ack), qos=0)


def _names(pieces: Sequence[tuple[Address, str]]) -> dict[str, list[str]]:
    return {
        "sites": [address.site for address, _ in pieces],
        "agents": [address.agent for address, _ in pieces],
        "cameras": [camera for _, camera in pieces],
    }


def _sample(address: Address, health: Health, beat: Beat) -> dict[str, object]:
    """The numbers of a heartbeat, within what columns hold."""
    return {
        "site": address.site,
        "agent": address.agent,
        "at": datetime.fromtimestamp(beat.at_ms / 1000, tz=UTC),
        "cameras": min(len(health.cameras), _MOST_SMALL),
        "watching": min(len(beat.watched), _MOST_SMALL),
        "dropped": _big(sum(camera.dropped for camera in health.cameras)),
        "waiting": _big(health.waiting_alarm + health.waiting_bulk),
        "pictures": _big(health.pictures_waiting),
        "disk_free": _big(health.disk_free_bytes),
        "temperature_c": health.cpu_temperature_c,
        "load_1m": health.load_1m,
        "clock_off_s": round((health.at_ms - beat.at_ms) / 1000, 1),
    }


def _big(number: int) -> int:
    return max(-_MOST_BIG, min(number, _MOST_BIG))
