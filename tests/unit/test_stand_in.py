"""Pictures that never came: the next one stands in for them, and none of those that came is lost."""

import io
from collections.abc import Callable
from typing import cast

import av
import cv2
import numpy as np
import pytest

from edge_agent.camera.sources.decoder import PictureDecoder, choose_video
from edge_agent.camera.sources.gop_buffer import Past
from edge_agent.camera.sources.nal_units import Bitstream
from edge_agent.camera.sources.stand_in import StandIns

COUNT, GROUP = 160, 40
_GROUPS = f"keyint={GROUP}:min-keyint={GROUP}:scenecut=0:repeat-headers=1:bframes={{}}"
PLAIN = {
    "h264": ("libx264", "x264-params", f"{_GROUPS}:threads=1:slices={{}}"),
    "hevc": ("libx265", "x265-params", f"{_GROUPS}:log-level=none"),
}
CONTAINERS = ["mpegts", "mp4"]
"""Units behind start codes, and units behind their length."""


def clip(
    codec: str,
    container: str,
    gone: Callable[[int], bool] = lambda _: False,
    between: int = 0,
    slices: int = 1,
    harm: Callable[[int, bytes], bytes] = lambda _, packet: packet,
) -> io.BytesIO:
    """A mark walks through a still scene, and some packets never come.

    Args:
        codec: `h264` or `hevc`.
        container: by FFmpeg's name.
        gone: tells of a packet's number whether it never comes.
        between: B-pictures between two others.
        slices: of each picture.
        harm: what becomes of each packet.
    """
    encoder, option, value = PLAIN[codec]
    content = io.BytesIO()
    with av.open(content, "w", format=container) as out:
        stream = out.add_stream(encoder, rate=10, options={option: value.format(between, slices), "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        packets = []
        for number in range(COUNT):
            picture = np.full((96, 160, 3), 90, np.uint8)
            cv2.rectangle(picture, (number, 40), (number + 12, 56), (230, 230, 230), -1)
            packets += stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24"))
        for number, packet in enumerate([*packets, *stream.encode(None)]):
            if not gone(number):
                harmed = av.Packet(harm(number, bytes(packet)))
                harmed.pts, harmed.dts, harmed.time_base = packet.pts, packet.dts, packet.time_base
                harmed.stream, harmed.is_keyframe = stream, packet.is_keyframe
                out.mux(harmed)
    content.seek(0)
    return content


def packets_of(codec: str, between: int = 0, slices: int = 1) -> tuple[bytes, list[bytes]]:
    """What the container says of the stream, and its packets."""
    with av.open(clip(codec, "mpegts", between=between, slices=slices)) as opened:
        video = choose_video(opened.streams.video)
        packets = [bytes(packet) for packet in opened.demux(video) if packet.size]
        return video.codec_context.extradata or b"", packets


def shown(content: io.BytesIO) -> list[int]:
    """Numbers of the pictures that are shown."""
    numbers, begin = [], None
    with av.open(content) as opened:
        video = choose_video(opened.streams.video)
        decoder = PictureDecoder(video, threads=False)
        for packet in opened.demux(video):
            for picture in decoder.decode(packet, 0.0):
                assert picture.stamp_s is not None
                begin = picture.stamp_s if begin is None else begin
                numbers.append(round((picture.stamp_s - begin) * 10))
    return numbers


@pytest.mark.parametrize("codec", PLAIN)
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("lost", [1, 2, 5])
def test_every_picture_that_came_is_shown(codec: str, container: str, lost: int) -> None:
    """Wherever the gap is: H.264's numbers wrap after 16 pictures here, and a loss at the wrap cost 14 more.

    From the third group on: then it is known of H.265 by what steps it counts, and when a key frame is to come.
    """

    def gone(number: int) -> bool:
        return number >= 2 * GROUP and any(begin <= number % GROUP < begin + lost for begin in (5, 15, 28))

    assert shown(clip(codec, container, gone)) == [number for number in range(COUNT) if not gone(number)]


@pytest.mark.parametrize("codec", PLAIN)
def test_a_stand_in_moves_what_moves(codec: str) -> None:
    """The mark is where it belongs behind the gap, and nowhere else: it leaves nothing of itself behind."""
    setup, packets = packets_of(codec)
    whole, harmed = (cast("av.VideoCodecContext", av.CodecContext.create(codec, "r")) for _ in range(2))
    for decoder in (whole, harmed):
        decoder.thread_count = 1
    stand_ins = StandIns(codec, Bitstream(codec, setup))
    unlike = []
    lost = 2 * GROUP + 10
    for number, content in enumerate(packets):
        true = whole.decode(av.Packet(content))
        if number == lost:
            continue
        for stand_in in stand_ins.before(content, unseen=False):
            harmed.decode(av.Packet(stand_in))
        stand_ins.took(content, sound=True)
        found = harmed.decode(av.Packet(content))
        unlike += [
            float(np.abs(a.to_ndarray(format="gray").astype(int) - b.to_ndarray(format="gray")).mean())
            for a, b in zip(true, found, strict=True)
        ]
    assert max(unlike[:lost]) == 0.0
    mark = 12 * 16 * (230 - 90) / (160 * 96)
    assert max(unlike[lost:]) < mark / 3


@pytest.mark.parametrize("codec", PLAIN)
def test_pictures_that_build_on_later_ones_get_no_stand_in(codec: str) -> None:
    """Their numbers go up and down: nothing tells whether one is missing. All that the decoder shows is taken."""
    setup, packets = packets_of(codec, between=2)
    stand_ins = StandIns(codec, Bitstream(codec, setup))
    made = []
    for number, packet in enumerate(packets):
        if number % 17 != 1:
            made += stand_ins.before(packet, unseen=False)
            stand_ins.took(packet, sound=True)
    assert made == []
    assert shown(clip(codec, "mpegts", between=2)) == list(range(COUNT))


@pytest.mark.parametrize("codec", PLAIN)
def test_noise_is_no_number(codec: str) -> None:
    """What a broken packet says of itself is nonsense, and makes up little."""
    setup, packets = packets_of(codec)
    noise = np.random.default_rng(7)
    stand_ins = StandIns(codec, Bitstream(codec, setup))
    for number, packet in enumerate(packets):
        content = packet
        if number % 5 == 2:
            content = content[:5] + noise.bytes(max(1, len(content) - 5))
        elif number % 5 == 3:
            content = content[: len(content) // 2]
        assert len(stand_ins.before(content, unseen=number % 7 == 3)) <= 8
        stand_ins.took(content, sound=number % 5 not in (2, 3))


@pytest.mark.parametrize("codec", ["mjpeg", "mpeg4", "vp8"])
def test_other_streams_are_left_alone(codec: str) -> None:
    bitstream = Bitstream(codec, b"\x01" * 40)
    stand_ins = StandIns(codec, bitstream)
    packet = b"\x00\x00\x01\x65" + bytes(40)
    assert not bitstream.begins_anew(packet)
    assert not stand_ins.took(packet, sound=True)
    assert stand_ins.before(packet, unseen=True) == []


@pytest.mark.parametrize("codec", PLAIN)
@pytest.mark.parametrize("setup", [b"", b"\x01", b"\x01" * 30, b"\x01" + b"\xff" * 30, b"\x00\x00\x01"])
@pytest.mark.parametrize("packet", [b"", b"\0\0\1", b"\0\0\0\x05\x65", b"\xff" * 9, b"\0\0\1\x65\x80"])
def test_broken_records_and_packets_are_borne(codec: str, setup: bytes, packet: bytes) -> None:
    bitstream = Bitstream(codec, setup)
    stand_ins = StandIns(codec, bitstream)
    bitstream.begins_anew(packet)
    stand_ins.took(packet, sound=False)
    assert stand_ins.before(packet, unseen=True) == []


def marks(content: io.BytesIO) -> dict[int, int]:
    """Where the mark is seen in each picture: its left edge, pixels."""
    found, begin = {}, None
    with av.open(content) as opened:
        video = choose_video(opened.streams.video)
        decoder = PictureDecoder(video, threads=False)
        for packet in opened.demux(video):
            for seen in decoder.decode(packet, 0.0):
                assert seen.stamp_s is not None
                begin = seen.stamp_s if begin is None else begin
                row = seen.picture.to_ndarray(format="gray")[48]
                found[round((seen.stamp_s - begin) * 10)] = int(np.argmax(row > 160))
    return found


@pytest.mark.parametrize("harm", ["gone", "noise"])
def test_behind_a_lost_key_frame_nothing_moves_that_does_not(harm: str) -> None:
    """H.265 takes motion from the pictures before: built upon other ones it goes astray up to the next key frame."""
    key, noise = 2 * GROUP, np.random.default_rng(3)

    def harmed(number: int, packet: bytes) -> bytes:
        return packet[:6] + noise.bytes(len(packet) - 6) if harm == "noise" and number == key else packet

    seen = marks(clip("hevc", "mpegts", lambda number: number == key and harm == "gone", harm=harmed))
    assert set(range(key)) <= set(seen)
    astray = {number: at for number, at in seen.items() if abs(at - number) > 4}
    assert not astray


@pytest.mark.parametrize("every", [30, 10])
def test_behind_a_ruin_all_is_decoded_anew_without_it(every: int) -> None:
    """What a picture that was decoded in part leaves behind stayed to the next key frame."""
    noise = np.random.default_rng(5)

    def harmed(number: int, packet: bytes) -> bytes:
        if number % every != every // 2:
            return packet
        middle = len(packet) * 2 // 3
        return packet[:middle] + noise.bytes(len(packet) - middle)

    seen = marks(clip("h264", "mpegts", harm=harmed))
    broken = set(range(every // 2, COUNT, every))
    assert set(range(COUNT)) - broken <= set(seen)
    assert max(abs(at - number) for number, at in seen.items() if number not in broken) <= 1


@pytest.mark.parametrize("codec", PLAIN)
def test_sets_beyond_the_standard_take_no_memory(codec: str) -> None:
    """Lengths of up to 32 bits were shifted by."""
    noise = np.random.default_rng(11)
    head = b"\0\0\1\x67" if codec == "h264" else b"\0\0\1\x42\1"
    for _ in range(20_000):
        bitstream = Bitstream(codec, head + noise.bytes(8) + bytes(4) + noise.bytes(24))
        assert bitstream.wrap <= 1 << 16
        assert bitstream._numbering
        assert bitstream._numbering.bits <= 16


def test_a_picture_without_its_first_slice_has_come_all_the_same() -> None:
    setup, packets = packets_of("h264", slices=4)
    bitstream = Bitstream("h264", setup)
    stand_ins = StandIns("h264", bitstream)
    slices = [unit for unit in bitstream._units(packets[30]) if unit[0] & 31 == 1]
    assert len(slices) == 4
    packets[30] = b"".join(b"\0\0\1" + unit for unit in slices[1:])
    assert not bitstream.is_ruin(packets[30])
    for number, packet in enumerate(packets[:40]):
        assert stand_ins.before(packet, unseen=False) == []
        stand_ins.took(packet, sound=number != 30)


@pytest.mark.parametrize("length", [20, 400])
def test_what_is_decoded_anew_is_bounded(length: int) -> None:
    _, packets = packets_of("h264")
    past = Past(Bitstream("h264", b""))
    key, other = packets[0], packets[1]
    past.went(key, sound=True, spoils=True)
    for _ in range(length):
        past.went(other, sound=True, spoils=True)
    again = 0
    for _ in range(3_000):  # every packet is a ruin
        if past.may_be_mended(other):
            for packet in past.again():
                again += 1
                past.went(packet, sound=True, spoils=True)
        past.went(other, sound=False, spoils=True)
    assert again <= 4 * 3_000
    assert bool(again) == (length == 20)


@pytest.mark.parametrize("codec", PLAIN)
def test_noise_that_looks_like_a_slice_is_not_shown(codec: str) -> None:
    """Its number is not the one that was to come, though by the stamps nothing is missing."""

    def harmed(number: int, packet: bytes) -> bytes:
        # Another picture of the same stream under a wrong number is the best disguise.
        return disguised[number] if number >= 2 * GROUP and number % GROUP in (9, 21) else packet

    setup, packets = packets_of(codec)
    bitstream = Bitstream(codec, setup)
    disguised = {}
    for number, packet in enumerate(packets):
        told = bitstream.told(packet)
        assert told
        if not told.begins_anew:
            disguised[number] = bitstream.renumbered(packet, (told.number + 7) % bitstream.wrap)
    seen = shown(clip(codec, "mpegts", harm=harmed))
    broken = {number for number in range(2 * GROUP, COUNT) if number % GROUP in (9, 21)}
    assert seen == sorted(set(range(COUNT)) - broken)


def test_noise_in_what_is_probed_delays_nothing() -> None:
    """FFmpeg guesses from the first pictures that the stream shows them in another order, and holds one back."""
    noise = np.random.default_rng(2)

    def harmed(number: int, packet: bytes) -> bytes:
        return packet[:5] + noise.bytes(len(packet) - 5) if number % 10 == 7 else packet

    with av.open(clip("h264", "mpegts", harm=harmed)) as opened:
        video = choose_video(opened.streams.video)
        decoder = PictureDecoder(video, threads=False)
        for packet in opened.demux(video):
            for picture in decoder.decode(packet, 0.0):
                assert picture.picture.pts == packet.pts
