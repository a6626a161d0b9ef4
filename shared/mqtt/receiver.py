"""A connection for a program that receives much: a reader of our own, several times as quick as paho's (docs/adr/0001).

It starts clean each time, subscribes, confirms and hands over what arrived by the handful; it publishes at QoS 0 only.
"""

import logging
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from shared.mqtt import packets
from shared.mqtt.loop import send_at_once
from shared.mqtt.message import Message
from shared.mqtt.packets import ProtocolError, Stream
from shared.mqtt.pipe import Pipe
from shared.threads import start_vital

log = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LAST_PAUSE_S = 1.0, 30.0
_ANSWER_S = 5.0
_PIECE_BYTES = 256 * 1024
_KEEP_BYTES = 512 * 1024


class Receiver:
    """Connects on a thread of its own and comes back by itself.

    Callbacks run on that thread: they hand over and return.

    Args:
        subscriptions: `(filter, qos)` pairs, QoS 0 or 1.
        on_messages: gets what one read from the socket brought; of a message beyond 512 KiB its beginning.
        tls: what we show and whom we believe; None speaks in plain text.
    """

    def __init__(
        self,
        client_id: str,
        host: str,
        port: int,
        *,
        subscriptions: Sequence[tuple[str, int]],
        on_messages: Callable[[list[Message]], None],
        on_up: Callable[[], None] | None = None,
        on_down: Callable[[str], None] | None = None,
        keepalive_s: int = 15,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._client_id, self._broker, self._subscriptions = client_id, (host, port), list(subscriptions)
        self._tls = tls
        self._on_messages, self._on_up, self._on_down = on_messages, on_up, on_down
        self._keepalive_s = keepalive_s
        self._stopping = threading.Event()
        self._pipe: Pipe | None = None
        self._up = False
        self._thread: threading.Thread | None = None

    @property
    def is_up(self) -> bool:
        """Whether the broker has accepted us and our subscriptions and not gone since."""
        return self._up

    def start(self) -> None:
        """Connect, and go on trying for ever."""
        self._thread = start_vital(f"receiver-{self._client_id}", self._run)

    def stop(self) -> None:
        """Leave in order."""
        self._stopping.set()
        self._send(packets.GOODBYE)
        pipe = self._pipe
        if pipe:
            pipe.shut()
        if self._thread:
            self._thread.join(2 * _ANSWER_S)

    def publish(self, messages: Iterable[tuple[str, bytes]]) -> bool:
        """Send topics and payloads at QoS 0, all in one go; False when there is no connection: then nothing went."""
        return self._up and self._send(b"".join(packets.publish(topic, payload) for topic, payload in messages))

    def _run(self) -> None:
        pause_s, complained = _FIRST_PAUSE_S, False
        while not self._stopping.is_set():
            try:
                with self._connected() as end:
                    pipe = self._pipe = Pipe(end)
                    stream = self._greet(pipe)
                    pause_s, complained = _FIRST_PAUSE_S, False
                    self._listen(pipe, stream)
            except (OSError, ProtocolError) as error:
                if self._stopping.is_set():
                    return
                if self._up:
                    log.info("connection to broker %s:%d ended: %s", *self._broker, error)
                elif not complained:
                    log.warning("broker %s:%d: %s; trying on", *self._broker, error)
                    complained = True
            finally:
                self._leave()
            self._stopping.wait(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(_LAST_PAUSE_S, 2 * pause_s)

    def _connected(self) -> socket.socket:
        end = socket.create_connection(self._broker, _ANSWER_S)
        send_at_once(end)
        if self._tls is None:
            return end
        try:
            return self._tls.wrap_socket(end, server_hostname=self._broker[0])
        except BaseException:
            end.close()
            raise

    def _leave(self) -> None:
        was_up, self._up, self._pipe = self._up, False, None
        if was_up and self._on_down:
            self._on_down("the connection ended")

    def _greet(self, pipe: Pipe) -> Stream:
        """CONNECT and SUBSCRIBE; what the broker sends at once is handed over."""
        stream = Stream(_KEEP_BYTES)
        self._send(packets.connect(self._client_id, self._keepalive_s))
        self._await(pipe, stream, packets.CONNACK)
        self._send(packets.subscribe(self._subscriptions))
        self._await(pipe, stream, packets.SUBACK)
        self._up = True
        log.info("connected to broker %s:%d", *self._broker)
        if self._on_up:
            self._on_up()
        return stream

    def _await(self, pipe: Pipe, stream: Stream, kind: int) -> None:
        deadline_s = time.monotonic() + _ANSWER_S
        while (left_s := deadline_s - time.monotonic()) > 0:
            if kind in self._take(stream, pipe.receive(_PIECE_BYTES, left_s)):
                return
        raise ProtocolError("the broker does not answer")

    def _listen(self, pipe: Pipe, stream: Stream) -> None:
        """Until the connection fails. Twice the keepalive without a byte is a failure."""
        heard_s = pinged_s = time.monotonic()
        while not self._stopping.is_set():
            try:
                self._take(stream, pipe.receive(_PIECE_BYTES, self._keepalive_s / 4))
                heard_s = time.monotonic()
            except TimeoutError:
                if time.monotonic() - heard_s > 2 * self._keepalive_s:
                    raise ProtocolError("the broker is silent") from None
            if time.monotonic() - pinged_s >= self._keepalive_s / 4:
                pinged_s = time.monotonic()
                self._send(packets.PINGREQ)

    def _take(self, stream: Stream, piece: bytes) -> set[int]:
        """Hand over what a piece holds and confirm it; returns the kinds of the other packets."""
        if not piece:
            raise ProtocolError("the broker has closed it")
        received = stream.feed(piece, time.time())
        if received.messages:
            self._on_messages(received.messages)
            if received.confirmations:
                self._send(bytes(received.confirmations))
        for kind, body in received.others:
            if kind in (packets.CONNACK, packets.SUBACK, packets.DISCONNECT):
                code = packets.refusal(kind, body)
                if code is not None:
                    raise ProtocolError(f"the broker says no, reason code 0x{code:02x}")
            if kind == packets.CONNACK:
                self._keepalive_s = packets.terms(body).keepalive_s or self._keepalive_s
        return {kind for kind, _ in received.others}

    def _send(self, content: bytes) -> bool:
        """From any thread, whole packets only."""
        pipe = self._pipe
        if pipe is None:
            return False
        try:
            pipe.send(content)
        except OSError:
            # Half a packet may be out: the reader finds it closed and comes back.
            pipe.shut()
            return False
        return True
