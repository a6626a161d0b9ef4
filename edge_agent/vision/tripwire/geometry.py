"""Segments and points in a plane whose y grows downwards, as pictures have it."""

from collections.abc import Sequence

Point = tuple[float, float]


def side(a: Point, b: Point, p: Point) -> float:
    """Twice the area of a-b-p: negative when p lies to the left of the walk from a to b, positive to the right."""
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def crossing_parameter(start: Point, end: Point, a: Point, b: Point) -> float | None:
    """Where on the step from `start` (0) to `end` (1) the segment a-b is crossed, or None.

    A point exactly on the segment's line counts as lying to its right, so that a path that touches the line and
    goes on crosses it once, and one that touches it and goes back crosses it not at all or there and back.
    """
    before, after = side(a, b, start), side(a, b, end)
    if (before >= 0) == (after >= 0):
        return None
    along = before / (before - after)
    met = start[0] + along * (end[0] - start[0]), start[1] + along * (end[1] - start[1])
    length = (b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2
    place = ((met[0] - a[0]) * (b[0] - a[0]) + (met[1] - a[1]) * (b[1] - a[1])) / length
    return along if 0 <= place <= 1 else None


def distance(a: Point, b: Point, p: Point) -> float:
    """From p to the nearest point of the segment a-b."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    place = max(0.0, min(1.0, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / (dx * dx + dy * dy)))
    return float(((p[0] - a[0] - place * dx) ** 2 + (p[1] - a[1] - place * dy) ** 2) ** 0.5)


def contains(corners: Sequence[Point], p: Point) -> bool:
    """Whether p lies in a polygon, by the even-odd rule."""
    inside = False
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (ay > p[1]) != (by > p[1]) and p[0] < ax + (p[1] - ay) * (bx - ax) / (by - ay):
            inside = not inside
    return inside
