"""What nears a line or the border of a zone: there looks are worth most."""

from collections.abc import Sequence
from itertools import pairwise

import cv2

from edge_agent.vision.motion import Foreground
from edge_agent.vision.tripwire.geometry import Point
from models.objects import WHOLE, Region
from shared.scene import Scene, Tripwire

Borders = Sequence[tuple[Point, Point]]
"""Straight parts of lines and outlines, normalised."""

_BESIDE, _ABOVE = 1.0, 0.5
"""Parts of its own width and height that something is away when it nears."""
_LEAST_PX = 4
_LEAST_SIDE = 0.3
"""Of a part that is looked at: a detector wants to see what is around a thing, and a whole group."""
_NEARLY_WHOLE = 0.7
"""A part that is so large is not worth being one."""


def borders_of(scene: Scene) -> Borders:
    """All lines and outlines of zones."""
    corners = [
        list(watch.points) if isinstance(watch, Tripwire) else [*watch.points, watch.points[0]]
        for watch in scene.watches
    ]
    return [part for points in corners for part in pairwise(points)]


def nearing(borders: Borders, seen: Foreground) -> Region | None:
    """The part of the picture that holds all that moves and nears one of them; None where nothing does."""
    height, width = seen.labels.shape
    parts = [
        ((round(a[0] * width), round(a[1] * height)), (round(b[0] * width), round(b[1] * height))) for a, b in borders
    ]
    found = []
    for blob in seen.blobs:
        wide, high = blob.right - blob.left, blob.bottom - blob.top
        mx, my = _BESIDE * wide + _LEAST_PX, _ABOVE * high + _LEAST_PX
        around = round(blob.left - mx), round(blob.top - my), round(wide + 2 * mx), round(high + 2 * my)
        if any(cv2.clipLine(around, a, b)[0] for a, b in parts):
            found.append((blob.left - mx, blob.top - my, blob.right + mx, blob.bottom + my))
    if not found:
        return None
    lefts, tops, rights, bottoms = zip(*found, strict=True)
    left, right = _side(min(lefts) / width, max(rights) / width)
    top, bottom = _side(min(tops) / height, max(bottoms) / height)
    return WHOLE if (right - left) * (bottom - top) > _NEARLY_WHOLE else (left, top, right, bottom)


def _side(first: float, last: float) -> tuple[float, float]:
    """Within the picture, and of the least length at least."""
    lacking = max(0.0, _LEAST_SIDE - (last - first)) / 2
    first, last = first - lacking, last + lacking
    shift = max(0.0, -first) - max(0.0, last - 1)
    return max(0.0, first + shift), min(1.0, last + shift)
