"""Many connections on one thread: what a simulated district needs, where a thread a box would be a thousand.

The protocol is our own (docs/adr/0001), as small as boxes need it; the broker contract suite is asked through it too.
"""

import logging
import random
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from shared.mqtt import packets
from shared.mqtt.message import Message, Will
from shared.mqtt.packets import ProtocolError, Stream

log = logging.getLogger(__name__)

_MISC_S = 1.0
_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.5, 8.0
_CONNECT_S = 5.0
_PIECE_BYTES = 64 * 1024
_KEEP_BYTES = 512 * 1024
_HELD = 256
"""Messages at QoS 1 that wait until the broker takes more."""


class Loop:
    """Serves connections. Not for several threads, but for `wake`."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._connections = set["LoopConnection"]()
        self._away = set["LoopConnection"]()
        """Those without a socket, which try again."""
        self._misc_s = 0.0
        self._woken, self._bell = socket.socketpair()
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, None)

    def turn(self, wait_s: float) -> None:
        """Wait for something to happen, at most so long, and serve it."""
        for key, events in self._selector.select(max(0.0, wait_s)):
            connection: LoopConnection | None = key.data
            if connection is None:
                self._drain()
                continue
            if events & selectors.EVENT_WRITE:
                connection.writable()
            if events & selectors.EVENT_READ:
                connection.readable()
        now_s = time.monotonic()
        if now_s >= self._misc_s:
            self._misc_s = now_s + _MISC_S
            for connection in list(self._connections):
                connection.keep_alive(now_s)
        for connection in [one for one in self._away if one.due_s <= now_s]:
            connection.connect(now_s)

    def wake(self) -> None:
        """End a waiting turn, from any thread."""
        self._bell.send(b"\0")

    def close(self) -> None:
        """Serve no connection any more."""
        self._selector.close()
        self._woken.close()
        self._bell.close()

    def add(self, connection: "LoopConnection") -> None:
        """Serve a connection; the first try is made by the next turn."""
        self._connections.add(connection)
        self._away.add(connection)

    def remove(self, connection: "LoopConnection") -> None:
        """Serve it no more; it does not come back."""
        self._connections.discard(connection)
        self._away.discard(connection)

    def opened(self, connection: "LoopConnection", end: socket.socket) -> None:
        """It has a socket."""
        self._away.discard(connection)
        self._selector.register(end, selectors.EVENT_READ, connection)

    def closed(self, connection: "LoopConnection", end: socket.socket) -> None:
        """Its socket is about to be closed."""
        self._selector.unregister(end)
        if connection in self._connections:
            self._away.add(connection)

    def want(self, connection: "LoopConnection", end: socket.socket, *, writing: bool) -> None:
        """Whether it has more to write than the socket took."""
        self._selector.modify(end, selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0), connection)

    def _drain(self) -> None:
        try:
            while self._woken.recv(4096):
                pass
        except BlockingIOError:
            pass


class LoopConnection:
    """What `Connection` is, on a loop: it connects, subscribes anew after each connect, and comes back by itself.

    Not for several threads. What was under way when a connection broke is not sent again by itself: the caller who
    sent it has no acknowledgement and does. The arguments are those of `Connection`.
    """

    def __init__(
        self,
        loop: Loop,
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
    ) -> None:
        self._loop, self._broker = loop, (host, port)
        self._subscriptions, self._keepalive_s = list(subscriptions), keepalive_s
        self._on_message, self._on_up, self._on_down = on_message, on_up, on_down
        self._on_delivered = on_delivered
        self._greeting = packets.connect(client_id, keepalive_s, will=will, session_expiry_s=session_expiry_s)
        self._socket: socket.socket | None = None
        self._stream = Stream(_KEEP_BYTES)
        self._unwritten = b""
        self._packet = 0
        self._quota = self._quota_at_first = 0
        """Messages at QoS 1 that the broker still takes before it confirms one."""
        self._held = deque[bytes]()
        self._pause_s = _FIRST_PAUSE_S
        self._heard_s = self._pinged_s = 0.0
        self._up = self._complained = False
        self.due_s = 0.0
        """When it tries again."""

    @property
    def is_up(self) -> bool:
        """Whether the broker has accepted us and not gone since."""
        return self._up

    def start(self) -> None:
        """Connect with the next turn, and go on trying for ever."""
        self._loop.add(self)

    def stop(self, farewell: tuple[str, bytes] | None = None) -> None:
        """Leave in order: an optional last retained message, then DISCONNECT."""
        self._loop.remove(self)
        if self._socket is None:
            return
        if self._up:
            last = packets.publish(*farewell, retain=True) if farewell else b""
            # The few bytes of a farewell fit into any buffer but one that the other side does not empty.
            self._write(last + packets.GOODBYE)
        self._close("left")

    @property
    def undelivered(self) -> int:
        """Messages of QoS 1 that the broker has not confirmed."""
        return len(self._held) + self._quota_at_first - self._quota

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool = False) -> int | None:
        """Hand a message to the broker.

        Returns:
            The packet id that `on_delivered` will name (0 at QoS 0), or None when we are not connected, or when too
            many wait: then nothing was queued.
        """
        if not self._up or len(self._held) >= _HELD:
            return None
        if not qos:
            self._write(packets.publish(topic, payload, retain=retain))
            return 0 if self._up else None
        self._packet = self._packet % 65_000 + 1
        message = packets.publish(topic, payload, retain=retain, packet=self._packet)
        if self._quota:
            self._quota -= 1
            self._write(message)
        else:
            self._held.append(message)
        return self._packet if self._up else None

    # What the loop calls ----------------------------------------------------------------------------------------------

    def connect(self, now_s: float) -> None:
        """Try to connect."""
        self.due_s = now_s + self._pause_s * random.uniform(0.5, 1.0)
        self._pause_s = min(_LAST_PAUSE_S, 2 * self._pause_s)
        try:
            end = socket.create_connection(self._broker, _CONNECT_S)
        except OSError as error:
            if not self._complained:
                log.warning("broker %s:%d: %s; trying on", *self._broker, error)
                self._complained = True
            return
        send_at_once(end)
        end.setblocking(False)
        self._socket, self._stream, self._unwritten = end, Stream(_KEEP_BYTES), b""
        self._heard_s = self._pinged_s = now_s
        self._loop.opened(self, end)
        self._write(self._greeting)

    def readable(self) -> None:
        """Take what came."""
        if self._socket is None:
            return
        try:
            piece = self._socket.recv(_PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._close(str(error))
            return
        if not piece:
            self._close("the broker has closed it")
            return
        self._heard_s = time.monotonic()
        try:
            self._take(piece)
        except ProtocolError as error:
            self._close(str(error))

    def writable(self) -> None:
        """Go on writing."""
        rest, self._unwritten = self._unwritten, b""
        self._write(rest)
        if self._socket and not self._unwritten:
            self._loop.want(self, self._socket, writing=False)

    def keep_alive(self, now_s: float) -> None:
        """Ping, and notice when the broker does not answer."""
        if self._socket is None:
            return
        if self._keepalive_s and now_s - self._heard_s > 2 * self._keepalive_s:
            self._close("the broker is silent")
        elif self._keepalive_s and now_s - self._pinged_s > self._keepalive_s / 2:
            self._pinged_s = now_s
            self._write(packets.PINGREQ)

    def _take(self, piece: bytes) -> None:
        received = self._stream.feed(piece, time.time())
        for kind, body in received.others:
            if kind == packets.PUBACK:
                self._confirmed(int.from_bytes(body[:2], "big"))
            elif kind == packets.CONNACK:
                self._greeted(body)
            elif kind in (packets.SUBACK, packets.DISCONNECT):
                _raise_refusal(kind, body)
        if received.confirmations:
            self._write(bytes(received.confirmations))
        if self._on_message:
            for message in received.messages:
                self._on_message(message)

    def _greeted(self, body: bytes) -> None:
        _raise_refusal(packets.CONNACK, body)
        terms = packets.terms(body)
        self._quota = self._quota_at_first = terms.receive_maximum
        if terms.keepalive_s is not None:
            self._keepalive_s = terms.keepalive_s
        self._held.clear()
        if self._subscriptions:
            self._write(packets.subscribe(self._subscriptions))
        self._up, self._complained, self._pause_s = True, False, _FIRST_PAUSE_S
        if self._on_up:
            self._on_up()

    def _confirmed(self, packet: int) -> None:
        if self._held:
            self._write(self._held.popleft())
        else:
            self._quota += 1
        if self._on_delivered:
            self._on_delivered(packet)

    def _write(self, content: bytes) -> None:
        if self._socket is None or not content:
            return
        if self._unwritten:
            self._unwritten += content
            return
        try:
            sent = self._socket.send(content)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._close(str(error))
            return
        if sent < len(content):
            self._unwritten = content[sent:]
            self._loop.want(self, self._socket, writing=True)

    def _close(self, reason: str) -> None:
        end, self._socket = self._socket, None
        was_up, self._up = self._up, False
        self._held.clear()
        if end:
            self._loop.closed(self, end)
            end.close()
        if was_up:
            log.info("connection to broker %s:%d ended: %s", *self._broker, reason)
            if self._on_down:
                self._on_down(reason)


def send_at_once(end: Any) -> None:
    """No waiting for more to send: with Nagle's algorithm an alarm behind a PUBACK comes 40 ms later."""
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _raise_refusal(kind: int, body: bytes) -> None:
    code = packets.refusal(kind, body)
    if code is not None:
        raise ProtocolError(f"the broker says no, reason code 0x{code:02x}")
