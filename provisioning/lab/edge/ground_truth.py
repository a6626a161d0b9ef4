"""Ground-truth tracks in the format of the MOTChallenge, and what they cross."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from edge_agent.vision.tripwire.geometry import Point, crossing_parameter, side
from provisioning.lab.edge.scoring import LineEvent
from shared.events import Direction

_FLICKER_FRAMES = 10
"""Over and back within so many frames is no crossing, but a person who stands on the line."""

Paths = dict[int, list[tuple[int, Point]]]
"""Frame and normalised ground point, by person."""


Box = tuple[float, float, float, float]
"""Left, top, width and height, normalised."""


def read(path: Path, width_px: int, height_px: int) -> Paths:
    """Tracks of a file whose lines are `frame, id, left, top, width, height, …` in pixels of the given picture."""
    paths: Paths = {}
    for frame, person, (left, top, wide, high) in _lines(path, width_px, height_px):
        paths.setdefault(person, []).append((frame, (left + wide / 2, top + high)))
    return {person: sorted(path) for person, path in paths.items()}


def boxes(path: Path, width_px: int, height_px: int) -> dict[int, list[Box]]:
    """The boxes of such a file, by frame."""
    found = dict[int, list[Box]]()
    for frame, _, box in _lines(path, width_px, height_px):
        found.setdefault(frame, []).append(box)
    return found


def _lines(path: Path, width_px: int, height_px: int) -> Iterator[tuple[int, int, Box]]:
    for line in path.read_text().splitlines():
        frame, person, left, top, wide, high = (float(value) for value in line.split(",")[:6])
        yield int(frame), int(person), (left / width_px, top / height_px, wide / width_px, high / height_px)


def crossings(paths: Paths, a: Point, b: Point) -> list[LineEvent]:
    """What crosses the line from a to b."""
    found: list[LineEvent] = []
    for path in paths.values():
        own: list[LineEvent] = []
        for (frame, start), (later, end) in pairwise(path):
            along = crossing_parameter(start, end, a, b)
            if along is None:
                continue
            way = Direction.LEFT_TO_RIGHT if side(a, b, end) >= 0 else Direction.RIGHT_TO_LEFT
            met = frame + along * (later - frame)
            if own and own[-1].direction is not way and met - own[-1].frame <= _FLICKER_FRAMES:
                own.pop()
            else:
                own.append(LineEvent(met, way))
        found += own
    return sorted(found, key=lambda event: event.frame)
