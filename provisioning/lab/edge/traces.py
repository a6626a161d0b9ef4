"""Generated tracks with every hazard that trackers and people bring, and what a line must report of them.

Each trace is scripted by its signed distance from the line, so its truth is known and not computed: over, back,
lingering, straddling, round the end, starting on the line, in and out at the picture's edge. Then a tracker's failings
are laid over it: jitter, changed ids, swapped ids, ids of -1, gaps, lost frames.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from edge_agent.vision.tripwire.geometry import Point
from edge_agent.vision.tripwire.sighting import Sighting
from provisioning.lab.edge.scoring import LineEvent
from shared.events import Direction
from shared.scene import Tripwire

ASPECT = 16 / 9
LR, RL = Direction.LEFT_TO_RIGHT, Direction.RIGHT_TO_LEFT
_TOUCH = 0.008
"""Distance from the line, in picture heights, at which a trace lingers: within the jitter of a good tracker."""


@dataclass(slots=True)
class Trace:
    """One trial: a line, what a tracker says frame by frame, and the truth."""

    name: str
    fps: float
    line: Tripwire
    frames: list[list[Sighting]] = field(default_factory=list)
    truth: list[LineEvent] = field(default_factory=list)
    slack_frames: float = 0.0
    """How long it lingered on the line: any of these frames is when it was met."""


@dataclass(frozen=True, slots=True)
class _Leg:
    """Go to a signed distance from the line (left is positive) and a place along it, in picture heights."""

    distance: float
    along: float
    speed: float
    crosses: Direction | None = None


@dataclass(slots=True)
class _Frame:
    """The line as a coordinate system: origin in its middle, x along it, y to its left."""

    line: Tripwire
    middle: Point
    length: float
    angle: float
    height: float = 0.1
    """Of the person who walks here, in picture heights: it tells how fast a walk looks."""

    def place(self, distance: float, along: float) -> Point:
        """In picture heights."""
        tangent = math.cos(self.angle), math.sin(self.angle)
        left = tangent[1], -tangent[0]  # y grows downwards
        return (
            self.middle[0] + along * tangent[0] + distance * left[0],
            self.middle[1] + along * tangent[1] + distance * left[1],
        )


def generate(seed: int) -> Trace:
    """The trace of a seed."""
    rng = random.Random(seed)
    name = rng.choice(list(_SCRIPTS))
    fps = rng.choice((5.0, 8.0, 10.0, 12.5, 15.0, 25.0))
    frame = _edge_line(rng) if name.startswith("edge") else _inner_line(rng, bent=name in _BENT)
    trace = Trace(name, fps, frame.line)
    height = frame.height = rng.uniform(0.06, 0.3)
    points = _walk(frame, _SCRIPTS[name](rng, frame), trace)
    people = [points]
    if name not in ("starts_on", "along") and not name.startswith("edge") and rng.random() < 0.3:
        people.append(_companion(rng, points))
    _observe(rng, trace, people, height)
    return trace


def _inner_line(rng: random.Random, *, bent: bool) -> _Frame:
    length = rng.uniform(0.35, 0.6)
    angle = rng.uniform(-math.pi, math.pi)
    middle = rng.uniform(0.6, ASPECT - 0.6), rng.uniform(0.42, 0.58)
    bend = rng.uniform(-0.05, 0.05) if bent and rng.random() < 0.5 else 0.0
    return _line(middle, length, angle, bend)


def _edge_line(rng: random.Random) -> _Frame:
    """A line along a side of the picture, with the inside on its left."""
    off = rng.uniform(0.02, 0.035)
    side = rng.randrange(4)
    length = rng.uniform(0.5, 0.8)
    middle, angle = (
        ((ASPECT / 2, 1 - off), 0.0),
        ((ASPECT - off, 0.5), -math.pi / 2),
        ((ASPECT / 2, off), math.pi),
        ((off, 0.5), math.pi / 2),
    )[side]
    return _line(middle, length, angle, 0.0)


def _line(middle: Point, length: float, angle: float, bend: float) -> _Frame:
    frame = _Frame(Tripwire("line", [(0.0, 0.0), (1.0, 1.0)]), middle, length, angle)
    corners = [frame.place(0, -length / 2), frame.place(0, length / 2)]
    if bend:
        # The corner lies beside the straight line, where the trace passes; distances there shift by the bend.
        corners = [frame.place(bend, -length / 2), frame.place(0, -length / 4), frame.place(0, length / 4)]
        corners.append(frame.place(bend, length / 2))
    points = [(min(1.0, max(0.0, x / ASPECT)), min(1.0, max(0.0, y))) for x, y in corners]
    frame.line = Tripwire("line", points)
    return frame


def _speed(rng: random.Random, frame: _Frame) -> float:
    """Strolling to running: 0.7 to 3 m/s of a person 1.7 m tall."""
    return rng.uniform(0.4, 1.8) * frame.height


def _drift(rng: random.Random, frame: _Frame) -> float:
    return rng.uniform(-0.2, 0.2) * frame.length


def _over(rng: random.Random, frame: _Frame) -> list[_Leg]:
    way = rng.choice((1, -1))
    along, speed = _drift(rng, frame), _speed(rng, frame)
    return [
        _Leg(way * rng.uniform(0.1, 0.28), along, speed),
        _Leg(-way * rng.uniform(0.1, 0.28), along + 0.3 * _drift(rng, frame), speed, LR if way > 0 else RL),
    ]


def _there_and_back(rng: random.Random, frame: _Frame) -> list[_Leg]:
    legs = _over(rng, frame)
    back = RL if legs[1].crosses is LR else LR
    return [*legs, _Leg(legs[0].distance, legs[0].along, legs[0].speed, back)]


def _linger_then_over(rng: random.Random, frame: _Frame) -> list[_Leg]:
    legs = _over(rng, frame)
    return [
        legs[0],
        *_dawdle(rng, legs[0].along),
        _Leg(legs[1].distance, legs[1].along, legs[1].speed, legs[1].crosses),
    ]


def _linger_then_back(rng: random.Random, frame: _Frame) -> list[_Leg]:
    legs = _over(rng, frame)
    return [legs[0], *_dawdle(rng, legs[0].along), _Leg(legs[0].distance, legs[0].along, legs[0].speed)]


def _dawdle(rng: random.Random, along: float) -> list[_Leg]:
    return [
        _Leg(rng.uniform(-_TOUCH, _TOUCH), along + rng.uniform(-0.01, 0.01), 0.03) for _ in range(rng.randint(2, 12))
    ]


def _along(rng: random.Random, frame: _Frame) -> list[_Leg]:
    legs = _over(rng, frame)
    far = 0.3 * frame.length * rng.choice((1, -1))
    steps = [_Leg(rng.uniform(-_TOUCH, _TOUCH), -far + 2 * far * n / 8, 0.15) for n in range(9)]
    return [_Leg(legs[0].distance, -far, legs[0].speed), *steps, _Leg(legs[0].distance, far, legs[0].speed)]


def _starts_on(rng: random.Random, frame: _Frame) -> list[_Leg]:
    legs = _over(rng, frame)
    return [*_dawdle(rng, legs[0].along), legs[0]]


def _round_the_end(rng: random.Random, frame: _Frame) -> list[_Leg]:
    way, end = rng.choice((1, -1)), rng.choice((1, -1))
    beyond = end * (frame.length / 2 + rng.uniform(0.06, 0.12))
    speed = _speed(rng, frame)
    return [
        _Leg(way * 0.15, end * frame.length * 0.35, speed),
        _Leg(way * 0.12, beyond, speed),
        _Leg(-way * 0.12, beyond, speed),
        _Leg(-way * 0.15, end * frame.length * 0.35, speed),
    ]


def _edge_out(rng: random.Random, frame: _Frame) -> list[_Leg]:
    along, speed = _drift(rng, frame), _speed(rng, frame)
    return [_Leg(rng.uniform(0.15, 0.3), along, speed), _Leg(-0.013, along, speed, LR)]


def _edge_in(rng: random.Random, frame: _Frame) -> list[_Leg]:
    out = _edge_out(rng, frame)
    return [_Leg(out[1].distance, out[1].along, out[1].speed), _Leg(out[0].distance, out[0].along, out[0].speed, RL)]


_SCRIPTS: dict[str, Callable[[random.Random, _Frame], list[_Leg]]] = {
    "over": _over,
    "there_and_back": _there_and_back,
    "linger_then_over": _linger_then_over,
    "linger_then_back": _linger_then_back,
    "along": _along,
    "starts_on": _starts_on,
    "round_the_end": _round_the_end,
    "edge_out": _edge_out,
    "edge_in": _edge_in,
}
_BENT = {"over", "there_and_back", "round_the_end"}
"""Scripts that pass a corner without lingering at it, where the distance from the line would not be what they say."""


def _walk(frame: _Frame, legs: list[_Leg], trace: Trace) -> list[Point]:
    """Ground points, one a frame, in picture heights; fills in the truth."""
    distance, along = legs[0].distance, legs[0].along
    points = [frame.place(distance, along)] * (1 + int(0.4 * trace.fps))
    touched: int | None = None
    for leg in legs[1:]:
        span = math.hypot(leg.distance - distance, leg.along - along)
        count = max(1, round(span / leg.speed * trace.fps))
        for step in range(1, count + 1):
            part = step / count
            here = distance + part * (leg.distance - distance)
            if abs(here) <= 2 * _TOUCH and touched is None:
                touched = len(points)
            points.append(frame.place(here, along + part * (leg.along - along)))
        if leg.crosses is not None:
            met = len(points) - count * abs(leg.distance) / max(1e-6, abs(leg.distance - distance)) + 1
            first = met if touched is None else min(met, float(touched))
            trace.truth.append(LineEvent((met + first) / 2, leg.crosses))
            trace.slack_frames = max(trace.slack_frames, (met - first) / 2)
            touched = None
        distance, along = leg.distance, leg.along
    if abs(legs[-1].distance) > 2 * _TOUCH:
        points += [points[-1]] * int(0.4 * trace.fps)
    return points


def _companion(rng: random.Random, points: list[Point]) -> list[Point]:
    """A companion who stands where the first one began, near enough for a tracker to swap the two."""
    away, reach = rng.uniform(0, 2 * math.pi), rng.uniform(0.02, 0.05)
    place = points[0][0] + reach * math.cos(away), points[0][1] + reach * math.sin(away)
    return [place] * len(points)


def _observe(rng: random.Random, trace: Trace, people: list[list[Point]], height: float) -> None:
    """What a tracker with failings says of people."""
    count = max(len(points) for points in people)
    ids = [1 + n for n in range(len(people))]
    changes = {rng.randrange(3, max(4, count - 3)) for _ in range(rng.choice((0, 0, 1, 2)))}
    gap_length = max(1, int(trace.fps * rng.uniform(0.2, 0.7)))
    gap = rng.randrange(count) if rng.random() < 0.35 else count + 1
    unknown = rng.randrange(count) if rng.random() < 0.25 else count + 1
    lossy = rng.choice((0.0, 0.0, 0.1, 0.25))
    swap = rng.randrange(2, max(3, int(0.3 * trace.fps) + 2)) if len(people) > 1 and rng.random() < 0.7 else -1
    edge = trace.name.startswith("edge")
    newest = len(people)
    for index in range(count):
        if index in changes and not edge:
            newest += 1
            ids[0] = newest
        if index == swap:
            ids[0], ids[1] = ids[1], ids[0]
        lost = rng.random() < lossy and 0 < index < count - 2 and not edge
        sightings = []
        for person, points in enumerate(people):
            hidden = person == 0 and gap <= index < gap + gap_length and not edge
            if lost or hidden or index >= len(points):
                continue
            number = -1 if person == 0 and unknown <= index < unknown + 2 and not edge else ids[person]
            sightings.append(_box(rng, points[index], height, number))
        trace.frames.append(sightings)
    trace.frames += [[] for _ in range(int(4 * trace.fps))]


def _box(rng: random.Random, point: Point, height: float, number: int) -> Sighting:
    x = point[0] + max(-0.004, min(0.004, rng.gauss(0, 0.0015)))
    y = point[1] + max(-0.004, min(0.004, rng.gauss(0, 0.0015)))
    high = height * rng.uniform(0.97, 1.03)
    wide = high * 0.4 / ASPECT
    return Sighting(number, x / ASPECT - wide / 2, y - high, x / ASPECT + wide / 2, y)
