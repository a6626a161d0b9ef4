"""The wire: what goes out comes back, and what is no wire is named."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.envelope import (
    HEADER_BYTES,
    MAX_BATCH_BYTES,
    Acknowledgement,
    Header,
    decode_event,
    decode_header,
    decode_message,
    decode_rows,
    encode_batch,
    encode_event,
    encode_message,
    split_contiguous,
)
from shared.errors import WireError
from shared.events import (
    CameraChanged,
    CameraState,
    ConfigApplied,
    Direction,
    Event,
    EvidenceReady,
    Lane,
    LineCrossed,
    LineSpec,
    LossReason,
    RangeLost,
)
from shared.objects import ObjectClass

CROSSED = LineCrossed(1_790_000_000_123, 3, 17, Direction.LEFT_TO_RIGHT, 41, 260, 2, 480, ObjectClass.PERSON, 87)
EVENTS: list[Event] = [
    CROSSED,
    CameraChanged(1, 1, 0, CameraState.STALLED, "no frame for 4 s"),
    ConfigApplied(1, 1, ("gate",), (LineSpec(0, "大门", ((0.1, 0.5), (0.9, 0.5)), "both", 2),)),
    EvidenceReady(1, Lane.ALARM, 7, b"\x01" * 32, 50_000),
    RangeLost(1, Lane.BULK, 5, 9, LossReason.EVICTED),
]
HEADER = Header(Lane.ALARM, 0xDEADBEEF, 100, 2, 90, 1_790_000_001_000)

# Bytes of wire version 1 as first written. They must decode for ever.
RECORDED_EVENT = "9901cf000001a0c4506c7b03110129cd010402cd01e0"
RECORDED_BATCH = (
    "01000002deadbeef0000000000000064000000000000005a000001a0c4506fe8abec89b092" + RECORDED_EVENT + RECORDED_EVENT
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_event_comes_back(event: Event) -> None:
    assert decode_event(encode_event(event)) == event


def test_tripwire_event_is_small() -> None:
    assert len(encode_event(CROSSED)) <= 25


@pytest.mark.parametrize("said", [(), (ObjectClass.UNKNOWN, 0), (ObjectClass.BUS, 0), (ObjectClass.BUS, 100)])
def test_what_says_nothing_at_the_end_is_left_off_and_comes_back(said: tuple[ObjectClass, int]) -> None:
    event = LineCrossed(1_790_000_000_123, 3, 17, Direction.LEFT_TO_RIGHT, 41, 260, 2, 0, *said)
    wire = encode_event(event)
    assert decode_event(wire) == event
    fields = msgspec.msgpack.decode(wire)
    assert fields[8] == 0, "a field without a default stays"
    assert len(fields) == 9 + sum(1 for part in said if part)


def test_batch_of_twenty_is_small() -> None:
    rows = [encode_event(CROSSED)] * 20
    header = Header(Lane.BULK, 1, 1, 20, 1, 0)
    assert len(encode_batch(header, rows)) / 20 <= 35


@pytest.mark.parametrize("count", [1, 15, 16, 17, 300])
def test_batch_comes_back(count: int) -> None:
    rows = [encode_event(CROSSED)] * count
    header = Header(Lane.BULK, 7, 1, count, 1, -5)
    payload = encode_batch(header, rows)
    assert decode_header(payload) == header
    assert decode_rows(header, payload) == rows


def good() -> bytes:
    return encode_batch(HEADER, [encode_event(CROSSED)] * 2)


def with_header(**changes: int) -> bytes:
    fields = {"lane": Lane.ALARM, "epoch": 1, "first": 1, "count": 1, "low": 1, "sent_at_ms": 0} | changes
    return encode_batch(Header(**fields), [encode_event(CROSSED)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "payload"),
    [
        ("truncated", b""),
        ("truncated", good()[: HEADER_BYTES - 1]),
        ("oversized", good() + b"\0" * MAX_BATCH_BYTES),
        ("version", b"\x09" + good()[1:]),
        ("lane", good()[:1] + b"\x07" + good()[2:]),
        ("checksum", good()[:-1] + b"\xff"),
        ("checksum", good()[:20] + b"\xff" + good()[21:]),
        ("sequence", with_header(first=0)),
        ("sequence", with_header(low=0)),
        ("sequence", with_header(first=2**63)),
        ("sequence", with_header(low=2**63)),
    ],
)
def test_bad_header_is_named(reason: str, payload: bytes) -> None:
    with pytest.raises(WireError) as caught:
        decode_header(payload)
    assert caught.value.reason == reason


def test_count_that_does_not_fit_the_body_is_named() -> None:
    header = Header(Lane.ALARM, 1, 1, 3, 1, 0)
    payload = encode_batch(header, [encode_event(CROSSED)])
    with pytest.raises(WireError) as caught:
        decode_rows(decode_header(payload), payload)
    assert caught.value.reason == "body"


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(payload: bytes) -> None:
    for decode in (decode_header, decode_event, lambda data: decode_message(data, Acknowledgement)):
        with contextlib.suppress(WireError):
            decode(payload)


@given(st.recursive(st.none() | st.integers(-(2**63), 2**64 - 1) | st.binary() | st.text() | st.floats(), st.lists))
def test_no_messagepack_raises_anything_else(value: object) -> None:
    with contextlib.suppress(WireError):
        decode_event(msgspec.msgpack.encode([1, value]))


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(WireError):
        decode_event(b"\x91" * 100_000 + b"\x01")


def test_newer_box_may_append_fields() -> None:
    # Fields that say nothing are left off, so a newer one stands behind all that this version knows.
    grown = [*msgspec.msgpack.decode(encode_event(CROSSED)), "something new"]
    assert decode_event(msgspec.msgpack.encode(grown)) == CROSSED


def test_acknowledgement_comes_back() -> None:
    ack = Acknowledgement(1, 7, Lane.BULK, 100, ((105, 110), (120, 120)), 8)
    assert decode_message(encode_message(ack), Acknowledgement) == ack


def test_recorded_bytes_of_version_1_decode() -> None:
    before = msgspec.structs.replace(CROSSED, object=ObjectClass.UNKNOWN, score=0)
    assert decode_event(bytes.fromhex(RECORDED_EVENT)) == before
    payload = bytes.fromhex(RECORDED_BATCH)
    assert decode_header(payload) == HEADER
    assert [decode_event(row) for row in decode_rows(HEADER, payload)] == [before, before]


def test_split_contiguous() -> None:
    rows = [(1, b"a"), (2, b"b"), (4, b"c")]
    assert split_contiguous(rows) == [[(1, b"a"), (2, b"b")], [(4, b"c")]]
    assert split_contiguous([]) == []
