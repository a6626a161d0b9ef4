"""Boxes: left, top, right, bottom, in pixels of the analysed picture."""

from edge_agent.vision.motion import Blob

Box = tuple[float, float, float, float]
"""left, top, right, bottom"""


def of(blob: Blob) -> Box:
    """left, top, right, bottom"""
    return blob.left, blob.top, blob.right, blob.bottom


def union(a: Box, b: Box) -> Box:
    """The smallest box that holds both."""
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def within(a: Box, b: Box) -> float:
    """Part of a that lies in b, 0 to 1."""
    wide = (a[2] if a[2] < b[2] else b[2]) - (a[0] if a[0] > b[0] else b[0])
    if wide <= 0:
        return 0.0
    high = (a[3] if a[3] < b[3] else b[3]) - (a[1] if a[1] > b[1] else b[1])
    return wide * high / max(1e-6, (a[2] - a[0]) * (a[3] - a[1])) if high > 0 else 0.0


def overlap(a: Box, b: Box) -> float:
    """What two boxes share, as a part of what they cover together, 0 to 1."""
    first, second = (a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])
    common = within(a, b) * first
    return common / max(1e-6, first + second - common)


def gap(a: Box, b: Box) -> float:
    """Pixels between two boxes."""
    return max(a[0] - b[2], b[0] - a[2], a[1] - b[3], b[1] - a[3], 0.0)


def apart_squared(point: tuple[float, float], blob: Blob) -> float:
    """Distance of a point from the middle of a blob, squared."""
    return ((blob.left + blob.right) / 2 - point[0]) ** 2 + ((blob.top + blob.bottom) / 2 - point[1]) ** 2
