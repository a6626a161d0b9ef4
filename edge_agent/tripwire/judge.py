"""Decides when a track has crossed a line.

A track is *clear* of a line when it stands further from it than the margin. Between two clear places its path may meet
the line any number of times: what counts is the sum, +1 a meeting left to right and -1 back. So flicker, lingering and
straddling end in nothing, walking round the line's end never meets it, and a track that starts on the line has no
clear place behind it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from edge_agent.tripwire.geometry import Point, crossing_parameter, distance
from shared.events import Direction
from shared.scene import Tripwire

_MARGIN = 0.015
"""How far beyond the line, in picture heights, a ground point must be to be clear of it."""


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


@dataclass(slots=True)
class _Meeting:
    frame: float
    time_s: float
    way: int


@dataclass(slots=True)
class _Path:
    """What is remembered of one track at one line."""

    point: Point
    frame: int
    time_s: float
    was_clear: bool = False
    meetings: list[_Meeting] = field(default_factory=list)


class TripwireJudge:
    """Judges all lines of one camera.

    Args:
        aspect: the picture's width divided by its height, so that distances are the same in both directions.
    """

    def __init__(self, tripwires: Sequence[Tripwire], aspect: float) -> None:
        self._aspect = aspect
        self._lines = [(line, [(x * aspect, y) for x, y in line.points]) for line in tripwires]
        self._paths: dict[tuple[str, int], _Path] = {}

    def step(self, places: dict[int, Point], frame: int, time_s: float) -> list[Crossing]:
        """Crossings that this frame confirms.

        Args:
            places: track id to normalised ground point, of tracks seen in this frame.
            frame: its number, counted from 1.
            time_s: its media time.
        """
        found = []
        for track_id, (x, y) in places.items():
            here = (x * self._aspect, y)
            for line, points in self._lines:
                crossing = self._judge(line, points, track_id, here, frame, time_s)
                if crossing and line.counts(crossing.direction):
                    found.append(crossing)
        return found

    def forget(self, living: Collection[int]) -> None:
        """Drop what is remembered of tracks that are over."""
        self._paths = {key: path for key, path in self._paths.items() if key[1] in living}

    def _judge(
        self, line: Tripwire, points: list[Point], track_id: int, here: Point, frame: int, time_s: float
    ) -> Crossing | None:
        clear = min(distance(a, b, here) for a, b in pairwise(points)) > _MARGIN
        path = self._paths.get((line.name, track_id))
        if path is None:
            self._paths[line.name, track_id] = _Path(here, frame, time_s, was_clear=clear)
            return None
        for a, b in pairwise(points):
            along = crossing_parameter(path.point, here, a, b)
            if along is not None:
                way = 1 if _goes_right(a, b, path.point, here) else -1
                path.meetings.append(
                    _Meeting(
                        path.frame + along * (frame - path.frame), path.time_s + along * (time_s - path.time_s), way
                    )
                )
        path.point, path.frame, path.time_s = here, frame, time_s
        if not clear:
            return None
        meeting = _decisive(path.meetings) if path.was_clear else None
        path.meetings.clear()
        path.was_clear = True
        if meeting is None:
            return None
        direction = Direction.LEFT_TO_RIGHT if meeting.way > 0 else Direction.RIGHT_TO_LEFT
        return Crossing(line.name, direction, round(meeting.frame), meeting.time_s, track_id, frame, time_s)


def _goes_right(a: Point, b: Point, start: Point, end: Point) -> bool:
    return (b[0] - a[0]) * (end[1] - start[1]) - (b[1] - a[1]) * (end[0] - start[0]) > 0


def _decisive(meetings: list[_Meeting]) -> _Meeting | None:
    """The meeting after which the sum of ways left zero for good, or None when it ended at zero."""
    total, last = 0, None
    for meeting in meetings:
        if total == 0:
            last = meeting
        total += meeting.way
    return last if total else None
