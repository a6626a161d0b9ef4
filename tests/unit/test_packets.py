"""The reader's own MQTT: however the stream is cut, the same packets; nonsense is a named error."""

import random

import pytest

from shared.mqtt import Message, Will, packets
from shared.mqtt.packets import PUBLISH, SUBACK, ProtocolError, Received, Stream, Terms

PUBACK_7 = b"\x40\x02\x00\x07"


def quality_one(topic: bytes, payload: bytes, packet: int = 7, properties: bytes = b"") -> bytes:
    body = len(topic).to_bytes(2, "big") + topic + packet.to_bytes(2, "big") + packets._sized(properties) + payload
    return b"\x32" + packets._sized(body)


def fed(stream: Stream, data: bytes, *cuts: int) -> Received:
    whole = Received()
    for begin, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        part = stream.feed(data[begin:end], 1.0)
        whole.messages += part.messages
        whole.confirmations += part.confirmations
        whole.others += part.others
    return whole


def test_stream_is_the_same_however_it_is_cut() -> None:
    data = (
        b"\xd0\x00"
        + packets.publish("a/b", b"zero")
        + quality_one("c/岗".encode(), b"x" * 300, properties=b"\x02\x00\x00\x00\x09")
        + b"\x90\x04\x00\x01\x00\x01"
        + packets.publish("a/b", b"", retain=True)
    )
    messages = [
        Message("a/b", b"zero", False, 1.0),
        Message("c/岗", b"x" * 300, False, 1.0),
        Message("a/b", b"", True, 1.0),
    ]
    rng = random.Random(3)
    for _ in range(500):
        cuts = sorted(rng.sample(range(len(data)), rng.randrange(12)))
        found = fed(Stream(1000), data, *cuts)
        assert found.messages == messages
        assert found.confirmations == PUBACK_7
        assert [kind for kind, _ in found.others] == [packets.PINGRESP, SUBACK]


def test_of_a_packet_beyond_all_measure_its_beginning_is_kept() -> None:
    long, after = quality_one(b"t", b"y" * 5000), packets.publish("t", b"after")
    for piece in (1, 7, 100, 10_000):
        found = fed(Stream(100), long + after, *range(piece, len(long + after), piece))
        assert [len(message.payload) for message in found.messages] == [100 - 3 - 2 - 1, 5]
        assert found.confirmations == PUBACK_7


def test_properties_beyond_all_measure_leave_an_empty_message() -> None:
    found = Stream(100).feed(quality_one(b"t", b"lost", properties=b"\x26" * 500) + packets.publish("t", b"after"), 1.0)
    assert [message.payload for message in found.messages] == [b"", b"after"]
    assert found.confirmations == PUBACK_7


def test_long_topics_are_not_kept() -> None:
    stream = Stream(100_000)
    for n in range(50):
        name = f"{n:03}" + "x" * 60_000
        assert stream.feed(packets.publish(name, b""), 1.0).messages[0].topic == name
    assert not stream._topics


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x30\xff\xff\xff\xff\x01", "four bytes"),
        (b"\x30\x01\x00", "shorter than its topic"),
        (b"\x30\x04\x00\x09ab", "shorter than its topic"),
        (b"\x30\x03\x00\x01a", "shorter than its topic"),
        (b"\x32\x05\x00\x01a\x00\x07", "shorter than its topic"),
        (b"\x34\x06\x00\x01a\x00\x07\x00", "QoS 2"),
        (b"\x30\x04\x00\x01a\x09", "properties"),
        (b"\x30\x04\x00\x01\xff\x00", "UTF-8"),
    ],
)
def test_nonsense_is_named(data: bytes, what: str) -> None:
    with pytest.raises(ProtocolError, match=what):
        Stream(1000).feed(data, 1.0)


def test_noise_is_refused_or_waited_for_and_never_anything_else() -> None:
    rng = random.Random(5)
    for _ in range(20_000):
        stream = Stream(200)
        try:
            for _ in range(3):
                found = stream.feed(rng.randbytes(rng.randrange(40)), 1.0)
                for kind, body in found.others:
                    if kind in (packets.CONNACK, SUBACK, packets.DISCONNECT):
                        packets.refusal(kind, body)
        except ProtocolError:
            continue


def test_refusals() -> None:
    assert packets.refusal(packets.CONNACK, b"\x00\x00\x00") is None
    assert packets.refusal(packets.CONNACK, b"\x00\x87\x00") == 0x87
    assert packets.refusal(SUBACK, b"\x00\x01\x00\x01\x01") is None
    assert packets.refusal(SUBACK, b"\x00\x01\x00\x01\x83") == 0x83
    assert packets.refusal(packets.DISCONNECT, b"\x8b") == 0x8B
    assert packets.refusal(packets.DISCONNECT, b"") == 0
    for wrong in (b"\x00", b"\x00\x01\x00", b"\x00\x01\x05\x00"):
        with pytest.raises(ProtocolError):
            packets.refusal(SUBACK, wrong)


def test_what_is_written_is_what_paho_would_read() -> None:
    assert packets.publish("a", b"b" * 200)[:3] == bytes((PUBLISH << 4, 0xCC, 0x01))
    assert packets.subscribe([("a/+", 1)]) == b"\x82\x09\xff\xff\x00\x00\x03a/+\x01"
    assert packets.connect("me", 15) == b"\x10\x0f\x00\x04MQTT\x05\x02\x00\x0f\x00\x00\x02me"
    assert packets.publish("a", b"b", packet=258) == b"\x32\x07\x00\x01a\x01\x02\x00b"
    box = packets.connect("me", 15, will=Will("w", b"gone"), session_expiry_s=256)
    assert box == (
        b"\x10\x1e\x00\x04MQTT\x05\x2c\x00\x0f\x05\x11\x00\x00\x01\x00\x00\x02me" + b"\x00\x00\x01w\x00\x04gone"
    )


def test_terms_are_found_among_all_properties() -> None:
    def connack(properties: bytes) -> bytes:
        return b"\x00\x00" + packets._sized(properties)

    others = b"\x11\x00\x00\x00\x01\x12\x00\x03abc\x24\x01\x26\x00\x01a\x00\x02bc\x22\x00\x0a"
    assert packets.terms(connack(b"")) == Terms()
    assert packets.terms(connack(b"\x21\x00\x14")) == Terms(20)
    assert packets.terms(connack(others + b"\x21\x01\x00\x25\x01\x13\x00\x05")) == Terms(256, 5)
    assert packets.terms(connack(others)) == Terms()
    for wrong in (b"\x00\x00", b"\x00\x00\x05\x11", connack(b"\x7e")):
        with pytest.raises(ProtocolError):
            packets.terms(wrong)
