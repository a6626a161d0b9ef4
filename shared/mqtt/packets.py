"""The few MQTT 5 packets that boxes and aggregator need (OASIS MQTT 5.0, chapters 2 and 3).

Bytes in, packets out; no sockets.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.mqtt.message import Message, Will

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP, DISCONNECT = 2, 3, 4, 9, 13, 14
PINGREQ = b"\xc0\x00"
GOODBYE = b"\xe0\x00"
_CONFIRMATION = struct.Struct(">BBH")
_SUBSCRIBED = 65_535
"""Packet id of the one SUBSCRIBE; publications have lower ones."""
_RECEIVE_MAXIMUM, _SERVER_KEEPALIVE = 0x21, 0x13
_PROPERTY_BYTES = {
    **dict.fromkeys((0x11, 0x27), (4,)),
    **dict.fromkeys((_SERVER_KEEPALIVE, _RECEIVE_MAXIMUM, 0x22), (2,)),
    **dict.fromkeys((0x24, 0x25, 0x28, 0x29, 0x2A), (1,)),
    **dict.fromkeys((0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F), (0,)),
    0x26: (0, 0),
}
"""Bytes of what a CONNACK may bring besides; 0 is a text with its length before it."""
_TOPICS, _TOPIC_BYTES = 16_384, 256
"""Names of topics kept decoded, and how long they may be for that."""


class ProtocolError(Exception):
    """The other side sent what MQTT does not allow, or what was not asked for."""


@dataclass(slots=True)
class Received:
    """What a piece of the stream held."""

    messages: list[Message] = field(default_factory=list)
    confirmations: bytearray = field(default_factory=bytearray)
    """PUBACKs that are owed for the messages."""
    others: list[tuple[int, bytes]] = field(default_factory=list)
    """Kind and body of the packets that are no PUBLISH."""


class Stream:
    """Cuts a stream of bytes into packets.

    Args:
        keep: of a longer packet only so many bytes are kept, so that no peer fills the memory with one. A topic has at
            most 64 KiB, so what is cut is the payload.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._rest = b""
        self._skip = 0
        """Bytes still to come of a packet that was too long."""
        self._topics: dict[bytes, str] = {}

    def feed(self, piece: bytes, received_at_s: float) -> Received:
        """Take the next bytes.

        Raises:
            ProtocolError: from here on the stream makes no sense.
        """
        data = self._rest + piece if self._rest else piece
        found, size = Received(), len(data)
        at = min(self._skip, size)
        self._skip -= at
        messages, confirmations = found.messages, found.confirmations
        while size - at >= 2:
            length, body = data[at + 1], at + 2
            if length & 0x80:
                measured = self._length(data, at + 1)
                if measured is None:
                    break
                length, body = measured
            end = whole = body + length
            if length > self._keep:
                end = body + self._keep
            if end > size:
                break
            flags, kind = data[at], data[at] >> 4
            if kind != PUBLISH:
                found.others.append((kind, data[body:end]))
                at = min(whole, size)
                self._skip = whole - at
                continue
            name_end = body + 2 + (data[body] << 8 | data[body + 1]) if length >= 2 else end + 1
            at = name_end
            if flags & 0x06 == 0x02:
                confirmations += _CONFIRMATION.pack(0x40, 2, int.from_bytes(data[at : at + 2], "big"))
                at += 2
            elif flags & 0x06:
                raise ProtocolError("a message at QoS 2, which we did not subscribe to")
            if at >= end:
                raise ProtocolError("a message that is shorter than its topic")
            if data[at]:
                measured = self._length(data, at)
                if measured is None or (at := sum(measured)) > whole:
                    raise ProtocolError("properties that are longer than their message")
            else:
                at += 1
            name = data[body + 2 : name_end]
            topic = self._topics.get(name)
            if topic is None:
                topic = self._topic(name)
            messages.append(Message(topic, data[at:end], bool(flags & 1), received_at_s))
            at = end
            if whole > end:
                at = min(whole, size)
                self._skip = whole - at
        self._rest = data[at:]
        return found

    def _topic(self, name: bytes) -> str:
        try:
            topic = name.decode()
        except UnicodeDecodeError:
            raise ProtocolError("a topic that is not UTF-8") from None
        if len(name) <= _TOPIC_BYTES:  # ours are; a stranger's long ones are not kept
            if len(self._topics) >= _TOPICS:
                self._topics.clear()
            self._topics[name] = topic
        return topic

    @staticmethod
    def _length(data: bytes, at: int) -> tuple[int, int] | None:
        """A variable byte integer and where it ends; None while it is not whole."""
        value = 0
        for place in range(4):
            if at + place >= len(data):
                return None
            byte = data[at + place]
            value |= (byte & 0x7F) << 7 * place
            if not byte & 0x80:
                return value, at + place + 1
        raise ProtocolError("a length of more than four bytes")


def connect(client_id: str, keepalive_s: int, *, will: Will | None = None, session_expiry_s: int = 0) -> bytes:
    """CONNECT, without topic aliases; no expiry means a clean start and no session to come back to."""
    flags = (0 if session_expiry_s else 0x02) | (0x2C if will else 0)
    properties = b"\x11" + session_expiry_s.to_bytes(4, "big") if session_expiry_s else b""
    head = b"\x00\x04MQTT\x05" + bytes((flags,)) + keepalive_s.to_bytes(2, "big")
    last = b"\x00" + _text(will.topic) + len(will.payload).to_bytes(2, "big") + will.payload if will else b""
    return _packet(0x10, head + _sized(properties) + _text(client_id) + last)


def subscribe(subscriptions: Sequence[tuple[str, int]]) -> bytes:
    """SUBSCRIBE to filters, each with its QoS."""
    filters = b"".join(_text(name) + bytes((qos,)) for name, qos in subscriptions)
    return _packet(0x82, _SUBSCRIBED.to_bytes(2, "big") + b"\x00" + filters)


def publish(topic: str, payload: bytes, *, retain: bool = False, packet: int | None = None) -> bytes:
    """PUBLISH: at QoS 1 with a packet id, else at QoS 0."""
    name = topic.encode()
    head = len(name).to_bytes(2, "big") + name
    if packet is None:
        return _packet(0x31 if retain else 0x30, head + b"\x00" + payload)
    return _packet(0x33 if retain else 0x32, head + packet.to_bytes(2, "big") + b"\x00" + payload)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the broker asks of a client in its CONNACK."""

    receive_maximum: int = 65_535
    """How many publications at QoS 1 it takes before it confirms one."""
    keepalive_s: int | None = None
    """In place of the keepalive that the client asked for."""


def terms(connack: bytes) -> Terms:
    """Read the properties of a CONNACK.

    Raises:
        ProtocolError: they make no sense.
    """
    measured = Stream._length(connack, 2)
    if measured is None or sum(measured) > len(connack):
        raise ProtocolError("an answer that is cut short")
    length, at = measured
    end, found = at + length, dict[int, int]()
    while at < end:
        kind = connack[at]
        at += 1
        if kind not in _PROPERTY_BYTES:
            raise ProtocolError(f"an unknown property 0x{kind:02x}")
        found[kind] = int.from_bytes(connack[at : at + 2], "big")
        for size in _PROPERTY_BYTES[kind]:
            at += size or 2 + int.from_bytes(connack[at : at + 2], "big")
    return Terms(found.get(_RECEIVE_MAXIMUM, 65_535), found.get(_SERVER_KEEPALIVE))


def refusal(kind: int, body: bytes) -> int | None:
    """The first reason code of a CONNACK, SUBACK or DISCONNECT that says no.

    Raises:
        ProtocolError: the packet is too short to say anything.
    """
    if kind == DISCONNECT:
        return body[0] if body else 0
    if len(body) < 3:
        raise ProtocolError("an answer that is cut short")
    if kind == CONNACK:
        return body[1] if body[1] >= 0x80 else None
    measured = Stream._length(body, 2)
    codes = body[sum(measured) :] if measured else b""
    if not codes:
        raise ProtocolError("an answer that is cut short")
    return next((code for code in codes if code >= 0x80), None)


def _packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + _sized(body)


def _sized(content: bytes) -> bytes:
    length, head = len(content), bytearray()
    while True:
        length, low = divmod(length, 128)
        head.append(low | 0x80 if length else low)
        if not length:
            return bytes(head) + content


def _text(text: str) -> bytes:
    content = text.encode()
    return len(content).to_bytes(2, "big") + content
