"""Whether something nears a line or the border of a zone: then looks are worth most."""

from collections.abc import Sequence
from itertools import pairwise

import cv2

from edge_agent.vision.motion import Foreground
from edge_agent.vision.tripwire.geometry import Point
from shared.scene import Scene, Tripwire

Borders = Sequence[tuple[Point, Point]]
"""Straight parts of lines and outlines, normalised."""

_BESIDE, _ABOVE = 1.0, 0.5
"""Parts of its own width and height that something is away when it nears."""
_LEAST_PX = 4


def borders_of(scene: Scene) -> Borders:
    """All lines and outlines of zones."""
    corners = [
        list(watch.points) if isinstance(watch, Tripwire) else [*watch.points, watch.points[0]]
        for watch in scene.watches
    ]
    return [part for points in corners for part in pairwise(points)]


def nears(borders: Borders, seen: Foreground) -> bool:
    """Whether anything that moves does."""
    height, width = seen.labels.shape
    parts = [
        ((round(a[0] * width), round(a[1] * height)), (round(b[0] * width), round(b[1] * height))) for a, b in borders
    ]
    for blob in seen.blobs:
        wide, high = blob.right - blob.left, blob.bottom - blob.top
        mx, my = _BESIDE * wide + _LEAST_PX, _ABOVE * high + _LEAST_PX
        around = round(blob.left - mx), round(blob.top - my), round(wide + 2 * mx), round(high + 2 * my)
        if any(cv2.clipLine(around, a, b)[0] for a, b in parts):
            return True
    return False
