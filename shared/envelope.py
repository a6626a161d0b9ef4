"""The wire: a fixed batch header in front of MessagePack, and acknowledgements (docs/adr/0003).

    0  version u8    1  lane u8   2  count u16   4  epoch u32
    8  first u64    16  low u64  24  sent_at i64 (ms)   32  crc32 u32, of everything but itself
    36 body: a MessagePack array of `count` events

The header alone is enough to account for a batch whose body is damaged beyond the checksum.
"""

import struct
import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, TypeVar, Union

import msgspec

from shared.errors import WireError
from shared.events import Event, Lane, kinds

VERSION: Final = 1
_HEADER = struct.Struct(">BBHIQQqI")
HEADER_BYTES: Final = _HEADER.size
_CRC_AT: Final = HEADER_BYTES - 4
MAX_BATCH_BYTES: Final = 64 * 1024
MAX_BATCH_ROWS: Final = 1024
MAX_SEQUENCE: Final = 2**62
"""Sequences stay far below bigint, so that no range arithmetic of the database can overflow."""

_SHORT_ARRAY = 15
"""Elements that a MessagePack array of one byte's header may have, its tag among them."""

M = TypeVar("M", bound=msgspec.Struct)
_encoder = msgspec.msgpack.Encoder()
_raw_rows = msgspec.msgpack.Decoder(list[msgspec.Raw])


class Header(msgspec.Struct, frozen=True, gc=False):
    """What accounts for a batch: events `first` to `last` of one lane.

    `low` is the oldest number that the box can still send; `sent_at_ms` its wall clock when it sent.
    """

    lane: Lane
    epoch: int
    first: int
    count: int
    low: int
    sent_at_ms: int

    @property
    def last(self) -> int:
        return self.first + self.count - 1


def encode_event(event: Event) -> bytes:
    """One event as it lies in the outbox, on the wire and in the store.

    Fields behind its last one that says anything are left off: readers fill them in.
    """
    body = _encoder.encode(event)
    silent = _silent(event)
    return bytes([body[0] - silent]) + body[1:-silent] if silent else body


def _silent(event: Event) -> int:
    """How many fields at its end are as if they were not there, each of a byte."""
    silent = 0
    for name in _may_be_silent(type(event)):
        if getattr(event, name):
            break
        silent += 1
    return silent


@cache
def _may_be_silent(kind: type[Any]) -> tuple[str, ...]:
    """The fields that are left off where they say nothing, the last one first."""
    names, defaults = kind.__struct_fields__, kind.__struct_defaults__
    if len(names) >= _SHORT_ARRAY:
        return ()
    found = []
    for name, default in zip(reversed(names), reversed(defaults), strict=False):
        # 0, false, "" and an enum's 0 are a byte each; a float's 0 is nine.
        if not isinstance(default, int | str) or default:
            break
        found.append(name)
    return tuple(found)


@cache
def _decoder() -> "msgspec.msgpack.Decoder[Any]":
    return msgspec.msgpack.Decoder(Union[tuple(kinds())])  # noqa: UP007 - they are known when it runs


def decode_event(row: bytes) -> Event:
    """The event behind the bytes.

    Raises:
        WireError: unknown kind, missing fields, wrong types, or no MessagePack at all.
    """
    try:
        event: Event = _decoder().decode(row)
    except msgspec.ValidationError as error:
        raise WireError("event", f"event does not fit its kind: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError("event", f"event is not MessagePack: {error}") from None
    if len(row) > event.most_bytes:
        raise WireError("event", f"event of {len(row)} bytes, its kind has {event.most_bytes} at most")
    return event


def row_crc(row: bytes) -> int:
    """Checksum that tells a true duplicate from a number used twice."""
    return zlib.crc32(row)


def encode_batch(header: Header, rows: Sequence[bytes]) -> bytes:
    """Header and body, ready to publish."""
    body = b"".join((_array_head(header.count), *rows))
    head = _HEADER.pack(
        VERSION, header.lane, header.count, header.epoch, header.first, header.low, header.sent_at_ms, 0
    )[:_CRC_AT]
    crc = zlib.crc32(body, zlib.crc32(head))
    return head + crc.to_bytes(4, "big") + body


def decode_header(payload: bytes) -> Header:
    """Read and check the header of a published payload.

    Raises:
        WireError: with the named reason `oversized`, `truncated`, `version`, `lane`, `checksum` or `sequence`.
    """
    if len(payload) > MAX_BATCH_BYTES:
        raise WireError("oversized", f"{len(payload)} bytes, at most {MAX_BATCH_BYTES} are accepted")
    if len(payload) < HEADER_BYTES:
        raise WireError("truncated", f"{len(payload)} bytes, the header alone has {HEADER_BYTES}")
    version, lane, count, epoch, first, low, sent_at_ms, crc = _HEADER.unpack_from(payload)
    if version != VERSION:
        raise WireError("version", f"wire version {version}, this side reads {VERSION}")
    if lane not in (Lane.ALARM, Lane.BULK):
        raise WireError("lane", f"lane {lane} does not exist")
    if zlib.crc32(payload[HEADER_BYTES:], zlib.crc32(payload[:_CRC_AT])) != crc:
        raise WireError("checksum", "checksum does not match")
    if not (first >= 1 and 1 <= low <= MAX_SEQUENCE and 1 <= count <= MAX_BATCH_ROWS and first + count <= MAX_SEQUENCE):
        raise WireError("sequence", f"impossible numbers: first {first}, count {count}, low {low}")
    return Header(Lane(lane), epoch, first, count, low, sent_at_ms)


def decode_rows(header: Header, payload: bytes) -> list[bytes]:
    """The events of a payload whose header was read, each still encoded.

    Raises:
        WireError: with the reason `body`; the header still says which numbers these were.
    """
    try:
        rows = _raw_rows.decode(payload[HEADER_BYTES:])
    except (msgspec.DecodeError, RecursionError) as error:
        raise WireError("body", f"body is not a MessagePack array: {error}") from None
    if len(rows) != header.count:
        raise WireError("body", f"header says {header.count} events, body holds {len(rows)}")
    return [bytes(row) for row in rows]


def _array_head(length: int) -> bytes:
    if length < 16:
        return bytes((0x90 | length,))
    return b"\xdc" + length.to_bytes(2, "big")


class Acknowledgement(msgspec.Struct, frozen=True, array_like=True):
    """Sent after the database commit: everything up to `contiguous` and within `ranges` is stored for good.

    `credit`: how many batches the box may have under way. Also the answer to a birth, so that a box whose own
    numbers lie below the cursor knows that its outbox is a copy.
    """

    version: int
    epoch: int
    lane: Lane
    contiguous: int
    ranges: tuple[tuple[int, int], ...]
    credit: int


def encode_message(message: msgspec.Struct) -> bytes:
    """Health, state and acknowledgement share one way onto the wire."""
    return _encoder.encode(message)


def decode_message(payload: bytes, kind: type[M]) -> M:
    """The message behind the bytes.

    Raises:
        WireError: the payload is something else.
    """
    try:
        return msgspec.msgpack.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(kind.__name__.lower(), f"payload is no {kind.__name__}: {error}") from None


def split_contiguous(rows: Sequence[tuple[int, bytes]]) -> list[list[tuple[int, bytes]]]:
    """Cut `(sequence, row)` pairs in ascending order wherever a number is missing."""
    runs: list[list[tuple[int, bytes]]] = []
    for row in rows:
        if runs and runs[-1][-1][0] + 1 == row[0]:
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs
