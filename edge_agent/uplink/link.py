"""A box's one connection to the aggregator: who it is, what it sends, and what it is told.

Will, birth and farewell say whether it is there; the aggregator's marker says whether the aggregator listens;
acknowledgements say what is stored.
"""

import logging
import random
import ssl
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from edge_agent.uplink.publisher import EventQueue, Publisher
from shared.clock import Clock, to_ms
from shared.desired import DesiredState
from shared.envelope import Acknowledgement, decode_message, encode_message
from shared.errors import WireError
from shared.events import AggregatorState, BoxState, Health
from shared.mqtt import Connection, Loop, LoopConnection, Message, Will
from shared.topics import AGGREGATOR_STATE, Address, Channel

log = logging.getLogger(__name__)

_SESSION_EXPIRY_S = 7 * 86400


class Outbox(EventQueue, Protocol):
    """What is used of an outbox: what the publisher does, and which life of the box this is."""

    session: int


class Link:
    """Connection and publisher of one life of a box.

    Callbacks run on the connection's thread.

    Args:
        broker: host and port.
        outbox: what is to be sent.
        rng: consumed.
        version: of the software, for the birth.
        on_listening: an aggregator is there.
        on_desired: gets what the centre wants of the box, as far as it can be read.
        on_acknowledged: gets every acknowledgement after the outbox has heard of it.
        on_change: something was heard or delivered; for those who run no thread for the publisher.
        loop: serves the connection in place of a thread of its own.
        tls: what we show, and whom we believe; None speaks in plain text. Not with a loop.
        more: other sources under epochs of their own, sent beside the outbox.
    """

    def __init__(
        self,
        address: Address,
        broker: tuple[str, int],
        outbox: Outbox,
        clock: Clock,
        rng: random.Random,
        *,
        version: str,
        health_interval_s: float,
        on_listening: Callable[[], None] | None = None,
        on_desired: Callable[[DesiredState], None] | None = None,
        on_acknowledged: Callable[[Acknowledgement], None] | None = None,
        on_change: Callable[[], None] | None = None,
        loop: Loop | None = None,
        tls: ssl.SSLContext | None = None,
        more: Sequence[EventQueue] = (),
    ) -> None:
        self._address, self._broker, self._outbox, self._clock = address, broker, outbox, clock
        self._version, self._health_interval_s = version, health_interval_s
        self._on_listening, self._on_desired = on_listening, on_desired
        self._on_acknowledged, self._on_change = on_acknowledged, on_change
        self._loop, self._tls = loop, tls
        self._starting = threading.Lock()
        self._connection: Connection | LoopConnection | None = None
        self.publisher = Publisher(outbox, address, self.send, clock, rng)
        self.publishers = [self.publisher, *(Publisher(each, address, self.send, clock, rng) for each in more)]

    @property
    def is_up(self) -> bool:
        """Whether the broker has us."""
        connection = self._connection
        return connection is not None and connection.is_up

    def start(self) -> None:
        """Connect, and go on trying; where that was done, nothing happens."""
        with self._starting:
            if self._connection is None:
                self._connection = self._connect()
                self._connection.start()

    def stop(self) -> None:
        """Leave the broker with a farewell, so that the centre does not take us for lost."""
        self._stop((self._address.topic(Channel.STATE), encode_message(self._state(alive=False))))

    def cut_off(self) -> None:
        """Go without a word, until `start`."""
        self._stop(None)
        self._set_listening(False)

    def reconnect(self) -> None:
        """Connect anew, as when our certificate is another one; the session and what it holds stay."""
        if self._connection is not None:
            self.cut_off()
            self.start()

    def send(self, topic: str, payload: bytes) -> int | None:
        """What the publisher sends with: QoS 1; returns the packet id, or None when there is no connection."""
        connection = self._connection  # `stop` may come between, from another thread
        return connection.publish(topic, payload, qos=1) if connection else None

    def beat(self, health: Health) -> None:
        """Send a heartbeat, if there is a connection; an old one is worth nothing."""
        if connection := self._connection:
            connection.publish(self._address.topic(Channel.HEALTH), encode_message(health), qos=0)

    def _stop(self, farewell: tuple[str, bytes] | None) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.stop(farewell)

    def _connect(self) -> Connection | LoopConnection:
        state = self._address.topic(Channel.STATE)
        subscriptions = [(self._address.topic(Channel.ACK), 0), (AGGREGATOR_STATE, 1)]
        if self._on_desired:
            subscriptions.append((self._address.topic(Channel.COMMAND), 1))
        make = partial(LoopConnection, self._loop) if self._loop else partial(Connection, tls=self._tls)
        return make(
            f"{self._address.site}.{self._address.agent}",
            *self._broker,
            subscriptions=subscriptions,
            on_message=self._heard,
            on_up=self._came_up,
            on_down=lambda _reason: self._set_listening(False),
            on_delivered=self._delivered,
            # Without a time: it is told when we cannot tell it.
            will=Will(state, encode_message(BoxState(self._outbox.session, alive=False))),
            session_expiry_s=_SESSION_EXPIRY_S,
        )

    def _state(self, *, alive: bool) -> BoxState:
        at_ms = to_ms(self._clock.now_s())
        if not alive:
            return BoxState(self._outbox.session, alive=False, at_ms=at_ms)
        return BoxState(
            self._outbox.session,
            alive=True,
            at_ms=at_ms,
            version=self._version,
            health_interval_s=self._health_interval_s,
            epoch=self._outbox.epoch,
        )

    def _came_up(self) -> None:
        if connection := self._connection:
            birth = encode_message(self._state(alive=True))
            connection.publish(self._address.topic(Channel.STATE), birth, qos=1, retain=True)

    def _set_listening(self, listening: bool) -> None:
        for publisher in self.publishers:
            publisher.set_listening(listening)

    def _delivered(self, packet: int) -> None:
        for publisher in self.publishers:
            publisher.delivered(packet)
        if self._on_change:
            self._on_change()

    def _heard(self, message: Message) -> None:
        try:
            if message.topic == AGGREGATOR_STATE:
                self._marked(bool(message.payload) and decode_message(message.payload, AggregatorState).alive)
            elif message.topic == self._address.topic(Channel.COMMAND):
                if message.payload and self._on_desired:
                    self._on_desired(decode_message(message.payload, DesiredState))
            else:
                self._acknowledged(decode_message(message.payload, Acknowledgement))
        except WireError as error:
            log.warning("%s: %s", message.topic, error)
        if self._on_change:
            self._on_change()

    def _marked(self, alive: bool) -> None:
        self._set_listening(alive)
        if alive and self._on_listening:
            self._on_listening()

    def _acknowledged(self, acknowledgement: Acknowledgement) -> None:
        # Who acknowledges listens: brokers have been seen to keep the retained marker back when a session is resumed
        # with messages in its queue.
        self._set_listening(True)
        for publisher in self.publishers:
            publisher.acknowledged(acknowledgement)
        if self._on_acknowledged:
            self._on_acknowledged(acknowledgement)
