"""Encodes pictures as surveillance cameras do: H.264, one slice a picture, key frames at a fixed distance, no delay."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from edge_agent.camera.sources.file import FileSource
from edge_agent.frames import Frame

Picture = NDArray[np.uint8]
"""Shape (height, width, 3), BGR."""


class CameraEncoder:
    """One stream.

    Args:
        size: width and height of its pictures, even.
        fps: pictures a second.
        key_every: pictures from one key frame to the next.
    """

    def __init__(self, size: tuple[int, int], fps: float, key_every: int) -> None:
        encoder = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
        encoder.framerate, encoder.time_base = Fraction(fps).limit_denominator(1000), Fraction(1, 1000)
        one = f"scenecut=0:keyint={key_every}:min-keyint={key_every}:repeat-headers=1:slices=1:threads=1:bframes=0"
        encoder.options = {"preset": "veryfast", "tune": "zerolatency", "x264-params": one}
        self._encoder, self._size, self._fps = encoder, size, fps

    def encode(self, picture: Picture, number: int) -> Iterator[bytes]:
        """A picture as packets of an Annex B stream, one as a rule.

        Args:
            picture: what is larger than the stream is cut off.
            number: of the picture, which tells its time.
        """
        width, height = self._size
        cut = np.ascontiguousarray(picture[:height, :width])
        frame = av.VideoFrame.from_ndarray(cut, format="bgr24").reformat(format="yuv420p")
        frame.pts, frame.time_base = round(number * 1000 / self._fps), Fraction(1, 1000)
        yield from (bytes(packet) for packet in self._encoder.encode(frame))


def pictures_of(path: Path) -> tuple[float, Iterator[Picture]]:
    """Pictures a second of a video, and its pictures."""
    source = FileSource(path, realtime=False)
    return source.fps, (frame.colour() for frame in source.frames() if isinstance(frame, Frame))


def encoded(pictures: Iterator[Picture], fps: float, key_every: int) -> Iterator[bytes]:
    """Pictures as packets, one each."""
    encoder = None
    for number, picture in enumerate(pictures):
        if encoder is None:
            height, width = (side & ~1 for side in picture.shape[:2])
            encoder = CameraEncoder((width, height), fps, key_every)
        yield from encoder.encode(picture, number)


def write(path: Path, packets: Iterable[bytes | None], fps: float) -> None:
    """What is left of the packets, in a Matroska file, each with the stamp of its picture.

    Args:
        path: of the file.
        packets: one a picture; None where it is missing.
        fps: pictures a second.
    """
    raw = path.with_suffix(".h264")
    kept = [(number, packet) for number, packet in enumerate(packets) if packet is not None]
    raw.write_bytes(b"".join(packet for _, packet in kept))
    with av.open(str(path), "w") as container, av.open(str(raw), format="h264") as template:
        stream = container.add_stream_from_template(template.streams.video[0])
        for number, content in kept:
            packet = av.Packet(content)
            packet.stream, packet.time_base = stream, Fraction(1, 1000)
            packet.pts = packet.dts = round(number * 1000 / fps)
            container.mux(packet)
    raw.unlink()


def write_anew(video: Path, path: Path, key_every: int) -> None:
    """Encode a video anew, with a key frame every so many pictures."""
    fps, pictures = pictures_of(video)
    write(path, encoded(pictures, fps, key_every), fps)
