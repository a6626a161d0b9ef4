"""Decides when something has crossed a line.

A thing is *clear* of a line when it stands further from it than the margin. Between two clear places its path may meet
the line any number of times: what counts is the sum, +1 a meeting left to right and -1 back. So flicker, lingering and
straddling end in nothing, walking round the line's end never meets it, and what starts on the line has no clear place
behind it. Only at the picture's edge, where a thing appears or goes for good, a lesser distance is enough: there is no
room to be clear.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from edge_agent.vision.tripwire.continuity import KEEP_S, Continuity
from edge_agent.vision.tripwire.geometry import Point, crossing_parameter, distance
from edge_agent.vision.tripwire.reasons import Why
from edge_agent.vision.tripwire.sighting import Sighting
from shared.events import Direction
from shared.objects import ObjectClass
from shared.scene import Tripwire

_MARGIN = 0.015
"""How far beyond the line, in picture heights, a place must be to be clear of it."""
_SWAY = 0.05
"""And this part of its own height: the middle of something large sways as it strides."""
_EDGE = 0.04
"""So near to the picture's edge things appear and go."""
_EDGE_MARGIN = 0.003


@dataclass(frozen=True, slots=True)
class Crossing:
    """A track crossed a line: met at `frame` and `time_s`, confirmed later."""

    line: str
    direction: Direction
    frame: int
    time_s: float
    track: int
    confirmed_frame: int
    confirmed_time_s: float
    object: ObjectClass = ObjectClass.UNKNOWN
    """What it was, as far as looks tell when the event is told."""
    score: float = 0.0
    """How sure that is, 0 to 1."""

    @property
    def watch(self) -> str:
        """Name of the line."""
        return self.line


@dataclass(slots=True)
class _Meeting:
    frame: float
    time_s: float
    way: int


@dataclass(slots=True)
class _Path:
    """What is remembered of one thing at one line."""

    track: int
    point: Point
    frame: int
    time_s: float
    height: float
    was_clear: bool = False
    sum: int = 0
    """Meetings since it was clear: +1 left to right, -1 back."""
    decisive: _Meeting | None = None
    """The meeting after which the sum left zero."""
    counted_s: float | None = None

    def meet(self, meeting: _Meeting) -> None:
        """Take in a meeting."""
        if self.sum == 0:
            self.decisive = meeting
        self.sum += meeting.way


class TripwireJudge:
    """Judges all lines of one camera.

    Args:
        aspect: the picture's width divided by its height, so that distances are the same in both directions.

    Attributes:
        refused: crossings that the line's own settings leave out; the pipeline takes them away.
    """

    def __init__(self, tripwires: Sequence[Tripwire], aspect: float) -> None:
        self._aspect = aspect
        self._lines = [(line, [(x * aspect, y) for x, y in line.points]) for line in tripwires]
        self._continuity = Continuity()
        self._paths: dict[tuple[str, int], _Path] = {}
        self.refused: list[tuple[Crossing, Why]] = []

    def step(self, sightings: Sequence[Sighting], frame: int, time_s: float) -> list[Crossing]:
        """Crossings that this frame confirms.

        Args:
            sightings: the tracks seen in this frame.
            frame: its number, counted from 1.
            time_s: its media time.
        """
        numbers = self._continuity.follow(sightings, self._aspect, time_s)
        found = self._gone(frame, time_s)
        for sighting, number in zip(sightings, numbers, strict=True):
            for line, points in self._lines:
                crossing = self._judge(line, points, number, sighting, frame, time_s)
                if crossing:
                    found.append(crossing)
        return found

    def replay(self, path: Sequence[tuple[Sighting, int, float]]) -> list[Crossing]:
        """Crossings of a track that is believed only now, on the way it had come before."""
        return [crossing for sighting, frame, time_s in path for crossing in self._judge_one(sighting, frame, time_s)]

    def _judge_one(self, sighting: Sighting, frame: int, time_s: float) -> list[Crossing]:
        number = self._continuity.follow([sighting], self._aspect, time_s)[0]
        found = (self._judge(*line, number, sighting, frame, time_s) for line in self._lines)
        return [crossing for crossing in found if crossing]

    def _gone(self, frame: int, time_s: float) -> list[Crossing]:
        """Drop what is over; what went over a line at the picture's edge on its way out has crossed it."""
        found = []
        living = self._continuity.living()
        lines = {line.name: (line, points) for line, points in self._lines}
        for key in [key for key in self._paths if key[1] not in living]:
            path = self._paths.pop(key)
            line, points = lines[key[0]]
            if path.was_clear and path.sum and self._at_edge(path.point) and _off(points, path.point, _EDGE_MARGIN):
                crossing = self._count(line, path, frame, time_s)
                if crossing:
                    found.append(crossing)
        return found

    def _judge(
        self, line: Tripwire, points: list[Point], number: int, sighting: Sighting, frame: int, time_s: float
    ) -> Crossing | None:
        here = sighting.place(line.anchor, self._aspect)
        height = sighting.bottom - sighting.top
        clear = _off(points, here, max(_MARGIN, _SWAY * height))
        path = self._paths.get((line.name, number))
        if path is None or time_s - path.time_s > KEEP_S:
            appeared = clear or (self._at_edge(here) and _off(points, here, _EDGE_MARGIN))
            self._paths[line.name, number] = _Path(sighting.track, here, frame, time_s, height, was_clear=appeared)
            return None
        for a, b in pairwise(points):
            along = crossing_parameter(path.point, here, a, b)
            if along is not None:
                way = 1 if _goes_right(a, b, path.point, here) else -1
                path.meet(
                    _Meeting(
                        path.frame + along * (frame - path.frame), path.time_s + along * (time_s - path.time_s), way
                    )
                )
        path.track, path.point, path.frame, path.time_s, path.height = sighting.track, here, frame, time_s, height
        if not clear:
            return None
        crossing = self._count(line, path, frame, time_s) if path.was_clear else None
        path.sum, path.decisive = 0, None
        path.was_clear = True
        return crossing

    def _count(self, line: Tripwire, path: _Path, frame: int, time_s: float) -> Crossing | None:
        meeting = path.decisive if path.sum else None
        if meeting is None:
            return None
        direction = Direction.LEFT_TO_RIGHT if meeting.way > 0 else Direction.RIGHT_TO_LEFT
        crossing = Crossing(line.name, direction, round(meeting.frame), meeting.time_s, path.track, frame, time_s)
        bounced = path.counted_s is not None and meeting.time_s - path.counted_s < line.debounce_s
        if not line.fits(path.height):
            self.refused.append((crossing, Why.SIZE))
        elif not line.counts(direction):
            self.refused.append((crossing, Why.DIRECTION))
        elif bounced:
            self.refused.append((crossing, Why.DEBOUNCE))
        else:
            path.counted_s = meeting.time_s
            return crossing
        return None

    def _at_edge(self, point: Point) -> bool:
        return min(point[0], self._aspect - point[0], point[1], 1 - point[1]) < _EDGE


def _off(points: list[Point], here: Point, margin: float) -> bool:
    return min(distance(a, b, here) for a, b in pairwise(points)) > margin


def _goes_right(a: Point, b: Point, start: Point, end: Point) -> bool:
    return (b[0] - a[0]) * (end[1] - start[1]) - (b[1] - a[1]) * (end[0] - start[0]) > 0
