"""Encodes pictures as surveillance cameras do: H.264, one slice a picture, key frames at a fixed distance, no delay."""

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray


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

    def encode(self, picture: NDArray[np.uint8], number: int) -> Iterator[bytes]:
        """A picture as packets of an Annex B stream, one as a rule.

        Args:
            picture: shape (height, width, 3), BGR; what is larger than the stream is cut off.
            number: of the picture, which tells its time.
        """
        width, height = self._size
        cut = np.ascontiguousarray(picture[:height, :width])
        frame = av.VideoFrame.from_ndarray(cut, format="bgr24").reformat(format="yuv420p")
        frame.pts, frame.time_base = round(number * 1000 / self._fps), Fraction(1, 1000)
        yield from (bytes(packet) for packet in self._encoder.encode(frame))
