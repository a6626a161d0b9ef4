"""Files as people have them: turned, oblong, with a cover, cut short, with stamps that jump and pictures that break."""

import gc
import os
import time
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.camera.sources.decoder import PictureDecoder, choose_video
from edge_agent.camera.sources.file import FileSource
from edge_agent.frames import Doubt, Frame, SourceEvent
from shared.errors import ConfigError
from shared.events import CameraState

Picture = NDArray[np.uint8]
GOP = 10


def scene(number: int = 0, width: int = 96, height: int = 64) -> Picture:
    """Four quarters of four shades, so that every posture is another picture; a mark walks along."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2], picture[: height // 2, width // 2 :] = 40, 90
    picture[height // 2 :, : width // 2], picture[height // 2 :, width // 2 :] = 150, 220
    cv2.rectangle(picture, (number % width, 28), (number % width + 6, 36), (255, 255, 255), -1)
    return picture


def write(
    path: Path,
    pictures: Iterable[Picture],
    stamp: Callable[[int], int] = lambda number: number * 100,
    adjust: Callable[[av.VideoStream], None] = lambda _stream: None,
    harm: Callable[[int, bytes], bytes | None] = lambda _number, packet: packet,
) -> Path:
    """A clip of H.264, ten pictures a second, a key frame every ten.

    Args:
        path: where to; its suffix names the container.
        pictures: BGR.
        stamp: of each picture, milliseconds.
        adjust: sets what the container is to say.
        harm: what becomes of each packet; None where it never comes.
    """
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        one = f"keyint={GOP}:min-keyint={GOP}:scenecut=0:bframes=0:threads=1"
        stream.options = {"preset": "veryfast", "tune": "zerolatency", "x264-params": one}
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", Fraction(1, 1000)
        packets = []
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.width, stream.height = picture.shape[1], picture.shape[0]
                adjust(stream)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = stamp(number), Fraction(1, 1000)
            packets += stream.encode(frame)
        for number, packet in enumerate([*packets, *stream.encode(None)]):
            content = harm(number, bytes(packet))
            if content is None:
                continue
            harmed = av.Packet(content)
            harmed.pts, harmed.dts, harmed.time_base = packet.pts, packet.dts, packet.time_base
            harmed.stream, harmed.is_keyframe = stream, packet.is_keyframe
            out.mux(harmed)
    return path


def read(source: FileSource) -> tuple[list[Frame], list[SourceEvent]]:
    items = list(source.frames())
    return [i for i in items if isinstance(i, Frame)], [i for i in items if isinstance(i, SourceEvent)]


def first_of(path: Path) -> Frame:
    return next(item for item in FileSource(path, realtime=False).frames() if isinstance(item, Frame))


def unlike(a: Picture, b: Picture) -> float:
    return float(np.abs(a.astype(int) - b).mean())


@pytest.mark.parametrize(
    ("degrees", "stored"),
    [
        (0, lambda upright: upright),
        (90, lambda upright: cv2.rotate(upright, cv2.ROTATE_90_CLOCKWISE)),
        (180, lambda upright: cv2.rotate(upright, cv2.ROTATE_180)),
        (-90, lambda upright: cv2.rotate(upright, cv2.ROTATE_90_COUNTERCLOCKWISE)),
    ],
)
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_picture_is_held_as_the_container_says(
    tmp_path: Path, degrees: int, mirrored: bool, stored: Callable[[Picture], Picture]
) -> None:
    """`degrees` counterclockwise turn upright what is stored, as FFmpeg counts them; a mirrored one is flipped then."""
    kept = stored(np.asarray(cv2.flip(scene(), 1), np.uint8) if mirrored else scene())

    def adjust(stream: av.VideoStream) -> None:
        stream.set_display_rotation(degrees, hflip=mirrored)

    frame = first_of(write(tmp_path / "turned.mp4", [np.ascontiguousarray(kept)] * 3, adjust=adjust))
    assert frame.grey.shape == (64, 96)
    assert unlike(frame.grey, cv2.cvtColor(scene(), cv2.COLOR_BGR2GRAY)) < 15
    assert unlike(frame.colour(), scene()) < 8
    assert frame.chroma is not None
    assert frame.chroma[0].shape == (32, 48)


def test_oblong_pixels_are_made_square(tmp_path: Path) -> None:
    def adjust(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)

    frame = first_of(write(tmp_path / "half.mkv", [cv2.resize(scene(), (48, 64))] * 3, adjust=adjust))
    assert frame.grey.shape == (64, 96)


def test_an_hour_between_stamps_is_not_waited_for(tmp_path: Path) -> None:
    clip = write(tmp_path / "jump.mkv", [scene(n) for n in range(12)], lambda n: n * 100 + (3_600_000 if n >= 8 else 0))
    began_s = time.monotonic()
    frames, (ended,) = read(FileSource(clip, realtime=True))
    assert (len(frames), ended.state) == (12, CameraState.ENDED)
    assert time.monotonic() - began_s < 60
    assert frames[-1].time_s < 10


def test_what_an_earlier_life_has_seen_is_passed_over(tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.mp4", [scene(n) for n in range(30)])
    whole, _ = read(FileSource(clip, realtime=False))
    rest, _ = read(FileSource(clip, realtime=False, after=20))
    assert [frame.number for frame in rest] == list(range(21, 31))
    assert [frame.time_s for frame in rest] == [frame.time_s for frame in whole[20:]]


@pytest.mark.parametrize("name", ["16:38:41.mp4", "录像.mp4", os.fsdecode(b"\xbe\xa9.mp4"), "a?b#c%20.mp4"])
def test_a_path_is_a_path(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "clip.mp4", [scene(n) for n in range(3)]).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    frames, _ = read(FileSource(Path(name), realtime=False))
    assert len(frames) == 3


def zeroed(packet: bytes) -> bytes:
    """What is drawn is gone; start and length of the packet are sound."""
    return packet[:6] + bytes(len(packet) - 6)


@pytest.mark.parametrize("every", [30, 10, 3])
def test_broken_pictures_are_skipped_and_counted(tmp_path: Path, every: int) -> None:
    clip = write(
        tmp_path / "broken.mp4",
        [scene(n) for n in range(120)],
        harm=lambda number, packet: zeroed(packet) if number % every == every // 2 else packet,
    )
    source = FileSource(clip, realtime=False)
    frames, events = read(source)
    assert source.damaged >= 120 // every - 1
    assert len(frames) >= 120 - 3 * (120 // every)
    assert events[-1].state is CameraState.ENDED
    assert f"{source.damaged} damaged" in events[-1].detail
    assert (CameraState.DEGRADED in {event.state for event in events}) == (every < 27)


def test_pictures_behind_a_broken_one_are_doubtful_to_the_next_key_frame(tmp_path: Path) -> None:
    clip = write(
        tmp_path / "one.mp4",
        [scene(n) for n in range(40)],
        harm=lambda number, packet: zeroed(packet) if number == 14 else packet,
    )
    frames, _ = read(FileSource(clip, realtime=False))
    assert {frame.number for frame in frames if frame.doubt is not Doubt.NONE} == set(range(16, 21))


def test_pictures_behind_a_gap_are_doubtful_from_the_first_one_on(tmp_path: Path) -> None:
    pictures = [scene(n) for n in range(60)]
    clip = write(tmp_path / "gap.mkv", pictures, harm=lambda number, packet: None if number == 34 else packet)
    frames, _ = read(FileSource(clip, realtime=False))
    doubtful = [round(frame.time_s, 1) for frame in frames if frame.doubt is Doubt.GAP]
    assert doubtful == [3.5, 3.6, 3.7, 3.8, 3.9]


def test_a_key_frame_makes_good_what_was_missing_before_it(tmp_path: Path) -> None:
    pictures = [scene(n) for n in range(60)]
    clip = write(tmp_path / "gap.mkv", pictures, harm=lambda number, packet: None if number == 39 else packet)
    source = FileSource(clip, realtime=False)
    frames, _ = read(source)
    assert source.lost == 1
    assert not [frame for frame in frames if frame.doubt is not Doubt.NONE]


def test_a_broken_key_frame_does_not_silence_what_follows(tmp_path: Path) -> None:
    clip = write(
        tmp_path / "key.mp4",
        [scene(n) for n in range(40)],
        harm=lambda number, packet: zeroed(packet) if number == 20 else packet,
    )
    frames, _ = read(FileSource(clip, realtime=False))
    seen = {frame.number for frame in frames}
    assert len(seen & set(range(22, 31))) >= 6


def test_a_file_that_is_cut_short_says_so(tmp_path: Path) -> None:
    whole = tmp_path / "whole.mp4"
    with av.open(str(whole), "w", options={"movflags": "faststart"}) as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        rng = np.random.default_rng(1)
        for _ in range(60):
            noise = rng.integers(0, 255, (64, 96, 3), np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="bgr24")))
        out.mux(stream.encode(None))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    source = FileSource(cut, realtime=False)
    frames, events = read(source)
    assert 10 < len(frames) < 50
    assert not source.is_whole
    assert "cut short" in events[-1].detail or "cannot be read" in events[-1].detail


def test_a_matroska_file_that_is_cut_short_says_so(tmp_path: Path) -> None:
    """It counts no pictures, and tells how long it lasts."""
    whole = write(tmp_path / "whole.mkv", [scene(n) for n in range(120)])
    source = FileSource(whole, realtime=False)
    read(source)
    assert source.is_whole
    half = tmp_path / "half.mkv"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    source = FileSource(half, realtime=False)
    frames, events = read(source)
    assert 10 < len(frames) < 100
    assert not source.is_whole
    assert "it is cut short" in events[-1].detail


def test_the_cover_of_a_file_is_not_what_the_camera_saw(tmp_path: Path) -> None:
    path = tmp_path / "covered.mp4"
    with av.open(str(path), "w") as out:
        cover = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 640, 480, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        film = out.add_stream("libx264", rate=10)
        film.width, film.height, film.pix_fmt = 96, 64, "yuv420p"
        out.mux(cover.encode(av.VideoFrame.from_ndarray(scene(0, 640, 480), format="bgr24")))
        for number in range(10):
            out.mux(film.encode(av.VideoFrame.from_ndarray(scene(number), format="bgr24")))
        out.mux(film.encode(None))
    with av.open(str(path)) as opened:
        assert choose_video(opened.streams.video).codec_context.name == "h264"
    frames, _ = read(FileSource(path, realtime=False))
    assert {frame.grey.shape for frame in frames} == {(64, 96)}


def test_a_file_without_a_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        out.mux(stream.encode(sound))
    with pytest.raises(ConfigError, match="holds no video"):
        FileSource(path, realtime=False)


def test_nothing_counts_as_damaged_before_the_first_key_frame(tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.mp4", [scene(n) for n in range(20)])
    with av.open(str(clip)) as opened:
        stream = choose_video(opened.streams.video)
        decoder = PictureDecoder(stream, threads=False)
        for number, packet in enumerate(opened.demux(stream)):
            if number >= 5 and packet.size:
                decoder.decode(packet, number / 10)
    assert decoder.damaged == 0


def test_a_title_that_is_not_utf_8_hides_no_video(tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.mkv", [scene(n) for n in range(5)])
    titled = tmp_path / "titled.mkv"
    with av.open(str(clip)) as source, av.open(str(titled), "w") as out:
        out.metadata["title"] = "a title "
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    titled.write_bytes(titled.read_bytes().replace(b"a title ", "北门主道".encode("gbk")))
    frames, _ = read(FileSource(titled, realtime=False))
    assert len(frames) == 5


def test_a_stream_that_refreshes_bit_by_bit_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "refresh.ts"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.options = {"tune": "zerolatency", "x264-params": "intra-refresh=1:keyint=25:bframes=0"}
        for number in range(150):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(scene(number), format="bgr24")))
        out.mux(stream.encode(None))
    source = FileSource(path, realtime=False)
    frames, _ = read(source)
    assert (len(frames), source.damaged) == (150, 0)
    assert not [frame for frame in frames if frame.doubt is not Doubt.NONE]


def test_pictures_go_when_they_are_done_with(tmp_path: Path) -> None:
    """Without waiting for the garbage to be collected: a minute of pictures is a gigabyte."""
    clip = write(tmp_path / "clip.mp4", [scene(n) for n in range(60)])
    gc.collect()
    gc.disable()
    try:
        for item in FileSource(clip, realtime=False).frames():
            if isinstance(item, Frame):
                item.colour()
        del item
        held = [thing for thing in gc.get_objects() if type(thing) is av.VideoFrame]
        assert sum(thing.width == scene().shape[1] for thing in held) <= 3  # other tests' threads may still film
    finally:
        gc.enable()
