"""A connection that comes back by itself: one MQTT 5 client with named callbacks."""

import logging
import random
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from shared.mqtt.loop import send_at_once
from shared.mqtt.message import Message, Will
from shared.mqtt.pauses import TAKEN_OVER, Pauses
from shared.mqtt.pipe import shut
from shared.threads import run_vital

log = logging.getLogger(__name__)

_LONGEST_S = 30
"""Between two tries of a broker that does not answer."""


class _Client(paho.Client):
    """Its thread must not end unnoticed: a box without one would never connect again."""

    def _thread_main(self) -> None:
        run_vital("mqtt", super()._thread_main)


class Connection:
    """Connects in the background, subscribes anew after each connect, and reports both.

    Callbacks run on the network thread: they hand over and return.

    Args:
        session_expiry_s: 0 starts clean each time (ingest); more keeps the session at the broker (boxes).
        subscriptions: `(filter, qos)` pairs. Refused ones are asked for again with a new connection.
        tls: what we show and whom we believe; None speaks in plain text.
        username: where the broker asks for one; empty: it does not.
        password: likewise.
    """

    def __init__(
        self,
        client_id: str,
        host: str,
        port: int,
        *,
        subscriptions: Sequence[tuple[str, int]] = (),
        on_message: Callable[[Message], None] | None = None,
        on_up: Callable[[], None] | None = None,
        on_down: Callable[[str], None] | None = None,
        on_delivered: Callable[[int], None] | None = None,
        will: Will | None = None,
        session_expiry_s: int = 0,
        keepalive_s: int = 15,
        tls: ssl.SSLContext | None = None,
        username: str = "",
        password: str = "",
    ) -> None:
        self.where = f"{host}:{port}"
        self._subscriptions = list(subscriptions)
        self._on_message, self._on_up, self._on_down = on_message, on_up, on_down
        self._on_delivered = on_delivered
        self._up = False
        self._complained = self._leaving = False
        self._name, self._pauses = client_id, Pauses(random.Random())
        self._client = _Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)
        self._client.max_inflight_messages_set(64)
        self._client.max_queued_messages_set(256)
        self._client.reconnect_delay_set(min_delay=1, max_delay=_LONGEST_S)
        if tls:
            self._client.tls_set_context(tls)
        if username:
            self._client.username_pw_set(username, password)
        if will:
            self._client.will_set(will.topic, will.payload, qos=1, retain=True)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_connect_fail = self._failed
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._arrived
        self._client.on_publish = self._published
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = session_expiry_s
        self._client.connect_async(
            host, port, keepalive=keepalive_s, clean_start=session_expiry_s == 0, properties=properties
        )

    @property
    def is_up(self) -> bool:
        """Whether the broker has accepted us and not gone since."""
        return self._up

    def start(self) -> None:
        """Connect, and go on trying for ever."""
        self._client.on_socket_open = lambda _client, _data, end: send_at_once(end)
        self._client.loop_start()

    def stop(self, farewell: tuple[str, bytes] | None = None) -> None:
        """Leave in order: an optional last retained message, then DISCONNECT."""
        self._leaving = True
        if farewell and self._up:
            info = self._client.publish(*farewell, qos=1, retain=True)
            deadline = time.monotonic() + 2
            while not info.is_published() and time.monotonic() < deadline:
                time.sleep(0.01)
        self._client.disconnect()
        self._client.loop_stop()
        # It would do so when it is collected: where it was just connecting anew, or waits in a cycle, that is late.
        self._client._reset_sockets()

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool = False) -> int | None:
        """Hand a message to the broker.

        Returns:
            The packet id that `on_delivered` will name, or None when we are not connected: then nothing was queued.
        """
        if not self._up:
            return None
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        return info.mid if info.rc == paho.MQTT_ERR_SUCCESS else None

    def _connected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            log.warning("broker %s refused the connection: %s", self.where, reason)
            return
        for topic_filter, qos in self._subscriptions:
            self._client.subscribe(topic_filter, qos)
        self._up, self._complained = True, False
        self._pauses.up(time.monotonic())
        log.info("connected to broker %s", self.where)
        if self._on_up:
            self._on_up()

    def _subscribed(self, client: paho.Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        """Who hears nothing would never know: rather no connection than half a one."""
        refused = next((reason for reason in reasons if reason.is_failure), None)
        end: Any = client.socket()
        if refused and end:
            if not self._complained:
                log.warning("broker %s lets us connect and not listen (%s); trying on", self.where, refused)
                self._complained = True
            shut(end)

    def _disconnected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        was_up, self._up = self._up, False
        if was_up:
            if self._leaving:
                log.info("left broker %s", self.where)
            else:
                self._pause(reason)
            if self._on_down:
                self._on_down(str(reason))
        elif not self._complained:
            log.warning(
                "broker %s ends our connections at once (%s); it may not let us in, trying on", self.where, reason
            )
            self._complained = True

    def _pause(self, reason: Any) -> None:
        taken_over = reason.value == TAKEN_OVER
        pause_s = self._pauses.down(time.monotonic(), taken_over=taken_over)
        self._client.reconnect_delay_set(min_delay=pause_s, max_delay=max(_LONGEST_S, pause_s))  # type: ignore[arg-type]
        if taken_over:
            log.error(
                "broker %s: another client has connected under our name %s (reason code 0x8E, session taken over); "
                "two of one name cannot work: give each a name of its own. Next try in %.0f s",
                self.where,
                self._name,
                pause_s,
            )
        elif self._pauses.is_suspicious:
            log.warning(
                "broker %s lets us in and ends our connections soon (%s); perhaps another client has our name %s: "
                "two of one name cannot work. Next try in %.0f s",
                self.where,
                reason,
                self._name,
                pause_s,
            )
        else:
            log.info("connection to broker %s ended: %s; next try in %.0f s", self.where, reason, pause_s)

    def _failed(self, _client: Any, _data: Any) -> None:
        if not self._complained:
            log.warning("broker %s does not answer; events wait in the outbox, trying on", self.where)
            self._complained = True

    def _arrived(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        if self._on_message:
            self._on_message(Message(message.topic, bytes(message.payload), message.retain, time.time()))

    def _published(self, _client: Any, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        if self._on_delivered:
            self._on_delivered(mid)
