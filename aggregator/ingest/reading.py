"""From messages to arrivals: everything that can be decided about bytes before the database is asked."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from shared.envelope import Header, decode_event, decode_header, decode_rows, row_crc
from shared.errors import WireError
from shared.events import Event, Lane
from shared.mqtt import Message
from shared.topics import Address, parse


class ReadRow(msgspec.Struct, frozen=True, gc=False):
    """One event: its number, its bytes, what they mean and their checksum."""

    sequence: int
    row: bytes
    event: Event
    crc: int


class DeadLetter(msgspec.Struct, frozen=True):
    """What could not be understood, kept whole so that a later version can try again."""

    recv_at: datetime
    topic: str
    reason: str
    detail: str
    payload: bytes
    producer_id: int | None = None
    lane: Lane | None = None
    numbers: tuple[tuple[int, int], ...] = ()
    """Settled without their events, which a replay may still store."""


class Arrival(msgspec.Struct, frozen=True):
    """One batch whose header made sense. `fault` is what did not, to be kept when its numbers are new."""

    address: Address
    header: Header
    recv_at: datetime
    rows: tuple[ReadRow, ...]
    topic: str
    payload: bytes
    fault: DeadLetter | None = None


@dataclass(slots=True)
class Reading:
    """What a handful of messages came to."""

    arrivals: list[Arrival] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)


def read(messages: list[Message], lane: Lane) -> Reading:
    """Decode messages of one lane.

    A header that makes no sense leaves a dead letter and no acknowledgement. A body or a row that makes none is a fault
    of the arrival: its numbers count as received, so that the box does not send it for ever, and the whole payload
    becomes one dead letter.
    """
    reading = Reading()
    recv_s, recv_at = -1.0, datetime.min
    for message in messages:
        if message.received_at_s != recv_s:  # many come with one read of the socket
            recv_s, recv_at = message.received_at_s, datetime.fromtimestamp(message.received_at_s, tz=UTC)
        try:
            address, _ = parse(message.topic)
            header = decode_header(message.payload)
            if header.lane is not lane:
                raise WireError("lane", f"lane {header.lane.label} on the topic of {lane.label}")
        except WireError as error:
            reading.dead.append(_dead(message, recv_at, error, message.payload))
            continue
        rows, wrong = _read_rows(header, message.payload)
        fault = _dead(message, recv_at, wrong, message.payload) if wrong else None
        reading.arrivals.append(Arrival(address, header, recv_at, rows, message.topic, message.payload, fault))
    return reading


def _read_rows(header: Header, payload: bytes) -> tuple[tuple[ReadRow, ...], WireError | None]:
    """The rows that make sense, and the first reason why one does not."""
    try:
        rows = decode_rows(header, payload)
    except WireError as error:
        return (), error
    read_rows, fault = [], None
    for sequence, row in enumerate(rows, start=header.first):
        try:
            read_rows.append(ReadRow(sequence, row, decode_event(row), row_crc(row)))
        except WireError as error:
            fault = fault or WireError(error.reason, f"number {sequence}: {error}")
    return tuple(read_rows), fault


def _dead(message: Message, recv_at: datetime, error: WireError, payload: bytes) -> DeadLetter:
    # PostgreSQL's text holds no NUL: one such byte must not take a whole transaction of many boxes with it.
    topic, detail = (text.replace("\0", "\\0")[:500] for text in (message.topic, str(error)))
    return DeadLetter(recv_at, topic, error.reason, detail, payload)
