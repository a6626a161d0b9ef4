"""Passages: each vehicle that meets a lane's line, once, with what its plate says together over all looks at it.

A plate is followed instead of what moves: a lorry, its shadow and the car behind it are one moving thing or seven, and
have two plates.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.plate.approach import Approach, Ignored
from edge_agent.vision.plate.tracks import PlateTrack, PlateTracks, Spot
from edge_agent.vision.tripwire.geometry import Point, crossing_parameter, side
from models.objects import Region
from models.plate.decoding import Calibration, Plate, Reading
from models.plate.finder import Picture, Quad
from shared.events import Direction
from shared.scene import Lane

_MOVED = 1.0
"""In its own breadths: a plate that went less far stood, or is a sign."""
_UNSEEN_S = 0.45
"""A plate that is first seen so soon behind a line, or last so soon before it, has met it, by its own pace."""
_HEADWAY_S = 0.45
"""Two vehicles do not meet the line of one lane in less: two plates that do are one, seen twice."""
_SETTLES_S = 1.2
"""After its vehicle has met the line and its plate has gone, other findings of it are there, too."""
_REMEMBERED = 64
_LEAST_LOOKS, _LEAST_SCORE = 3, 0.2
"""What was seen less often and says nothing was a light, a grille, a sign."""
_OVER_END = 0.06
"""Part of a line's length by which a vehicle may miss its end: it drives where it likes."""


class Reader(Protocol):
    """What is used of a plate reader."""

    @property
    def calibration(self) -> Calibration:
        """Of its scores."""

    def read(self, picture: Picture) -> Sequence[Plate]:
        """All plates of a picture."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One vehicle that has gone by.

    Attributes:
        track: its number, counted from 1.
        lane: whose line it met; empty where there are no lanes.
        direction: in which; None where there are no lanes.
        met_s: media time when it met the line; without lanes, when it was seen last.
        from_s: of the first look at its plate.
        to_s: of the last one.
        looks: in how many the plate was seen.
        score: of what they say together.
        seen: what they say, sure or not.
        reading: the same, None where it is not sure enough and the vehicle is unread.
        corners: of its plate at the last look, in pixels of the whole picture, shape (4, 2).
    """

    track: int
    lane: str
    direction: Direction | None
    met_s: float
    from_s: float
    to_s: float
    looks: int
    score: float
    seen: Reading
    reading: Reading | None
    corners: Quad = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Met:
    lane: str
    direction: Direction
    time_s: float


class PassageReader:
    """Reads the plates of one camera.

    Args:
        reader: finds and reads plates.
        lanes: whose lines make a passage; without any, every plate that drives by is one.
        per_second: looks at most.
    """

    def __init__(self, reader: Reader, lanes: Sequence[Lane] = (), per_second: float = 12.0) -> None:
        self._reader, self._lanes, self._pace_s = reader, lanes, 1 / per_second
        self._approach = Approach()
        self._size = (1, 1)
        self._tracks = PlateTracks(reader.calibration)
        self._begin()

    def _begin(self) -> None:
        self._met: dict[int, _Met] = {}
        self._waiting: list[Passage] = []
        self._told: deque[Passage] = deque(maxlen=_REMEMBERED)
        """The latest that were told. One plate may be found in two pieces, and the second told much later."""
        self._looked_s = self._now_s = -np.inf

    def wants(self, grey: NDArray[np.uint8], time_s: float, ignored: Ignored | None = None) -> Region | None:
        """Which part of a picture is worth its cost, if any.

        Args:
            grey: luma, shape (height, width).
            time_s: media time.
            ignored: what of a picture of some width and height is not analysed.
        """
        # A little early is in time: the next picture would be late.
        if self._now_s <= time_s < self._looked_s + 0.9 * self._pace_s:
            return None
        self._looked_s = time_s
        return self._approach.moving(grey, time_s, ignored)

    def step(self, picture: Picture | None, part: Region | None, time_s: float) -> list[Passage]:
        """Take in one frame.

        Args:
            picture: shape (height, width, 3); None where `wants` said no.
            part: of it, as `wants` said.
            time_s: media time that only grows, as a pipeline gives it; where it does not, everybody is gone.

        Returns:
            Vehicles that have gone since.
        """
        told = []
        if time_s < self._now_s:
            told = self.end()
            self._looked_s = time_s
        self._now_s = time_s
        if picture is not None and part is not None:
            self._look(picture, part, time_s)
        self._end_tracks(time_s)
        return told + self._settled(time_s)

    def end(self) -> list[Passage]:
        """The vehicles that are still there, at the end of a video."""
        self._end_tracks(np.inf)
        told = self._settled(np.inf)
        self._begin()
        return told

    def under_way(self) -> list[Passage]:
        """Vehicles that have met their line and are still in sight, as far as they are known; nobody was told of them.

        What is told of one of them now (`told`) is not told again when it has gone.
        """
        found = []
        for track in self._tracks.living:
            met, seen = self._met.get(track.number), self._tracks.votes.reading(track.number)
            if met is None or seen is None or track.last.time_s < self._looked_s or not _is_plate(track, seen):
                continue
            passage = self._passage(track, met, seen, self._sure(seen))
            if not any(_is_same(passage, one) for one in self._told):
                found.append(passage)
        return found

    @property
    def held(self) -> set[int]:
        """Numbers of all vehicles of which something may still be told."""
        return {track.number for track in self._tracks.living} | {passage.track for passage in self._waiting}

    def told(self, passage: Passage) -> None:
        """A vehicle that is under way is told: it, and whatever else is found of it, is no passage more."""
        self._told.append(passage)

    def _sure(self, seen: Reading) -> Reading | None:
        return seen if seen.score >= self._reader.calibration.threshold else None

    @staticmethod
    def _passage(track: PlateTrack, met: _Met | None, seen: Reading, reading: Reading | None) -> Passage:
        return Passage(
            track.number,
            met.lane if met else "",
            met.direction if met else None,
            met.time_s if met else track.last.time_s,
            track.first.time_s,
            track.last.time_s,
            track.looks,
            seen.score,
            seen,
            reading,
            track.corners,
        )

    def _look(self, picture: Picture, part: Region, time_s: float) -> None:
        high, wide = picture.shape[:2]
        left, top = int(part[0] * wide), int(part[1] * high)
        right, bottom = int(np.ceil(part[2] * wide)), int(np.ceil(part[3] * high))
        if right - left < 8 or bottom - top < 8:
            return
        shift = np.array([left, top], np.float32)
        plates = [
            replace(plate, found=replace(plate.found, corners=plate.found.corners + shift, rough=None))
            for plate in self._reader.read(np.ascontiguousarray(picture[top:bottom, left:right]))
        ]
        self._tracks.look(plates, time_s)
        for track in self._tracks.living:
            if track.number not in self._met and track.before is not None:
                met = self._meets(track.before, track.last, (wide, high))
                if met is not None:
                    self._met[track.number] = met
        self._size = wide, high

    def _end_tracks(self, time_s: float) -> None:
        for track in self._tracks.ended(time_s):
            seen = self._tracks.votes.reading(track.number)
            reading = self._tracks.votes.take(track.number)
            met = self._met.pop(track.number, None) or self._must_have_met(track)
            if seen is None or not _is_plate(track, seen) or (self._lanes and met is None):
                continue
            self._waiting.append(self._passage(track, met, seen, reading))

    def _settled(self, time_s: float) -> list[Passage]:
        """Those that no other finding of the same vehicle can join any more; of one vehicle the surest."""
        told = list[Passage]()
        while due := [one for one in self._waiting if time_s - one.to_s >= _SETTLES_S]:
            first = min(due, key=lambda one: one.met_s)
            of_one = [one for one in self._waiting if one is first or (self._lanes and _is_same(one, first))]
            surest = max(of_one, key=_weight)
            if surest is first and not any(self._lanes and _is_same(one, first) for one in self._told):
                told.append(first)
                self._told.append(first)
            # What is left of them may be due later; what is less sure than another is no vehicle.
            gone = of_one if surest is first else [first]
            self._waiting = [one for one in self._waiting if not any(one is other for other in gone)]
        return told

    def _meets(self, before: Spot, after: Spot, size: tuple[int, int]) -> _Met | None:
        """The line that a plate's vehicle met on a step, and when."""
        for lane in self._lanes:
            for a, b in _segments(lane, size):
                along = crossing_parameter((before.x, before.y), (after.x, after.y), a, b)
                if along is None:
                    continue
                to_right = side(a, b, (after.x, after.y)) >= 0
                direction = Direction.LEFT_TO_RIGHT if to_right else Direction.RIGHT_TO_LEFT
                if lane.counts(direction):
                    return _Met(lane.name, direction, before.time_s + along * (after.time_s - before.time_s))
        return None

    def _must_have_met(self, track: PlateTrack) -> _Met | None:
        """The line that it met out of sight, before the first look or after the last one, by its own pace."""
        if track.second is None:
            return None
        (first, last), (vx, vy) = (track.first, track.last), (track.vx, track.vy)
        behind = Spot(last.time_s + _UNSEEN_S, last.x + _UNSEEN_S * vx, last.y + _UNSEEN_S * vy)
        dt_s = max(1e-3, track.second.time_s - first.time_s)
        ux, uy = (track.second.x - first.x) / dt_s, (track.second.y - first.y) / dt_s
        ahead = Spot(first.time_s - _UNSEEN_S, first.x - _UNSEEN_S * ux, first.y - _UNSEEN_S * uy)
        return self._meets(last, behind, self._size) or self._meets(ahead, first, self._size)


def _segments(lane: Lane, size: tuple[int, int]) -> list[tuple[Point, Point]]:
    """Of a lane's line in pixels, longer at both ends by a little."""
    points = [(x * size[0], y * size[1]) for x, y in lane.line]
    whole = sum(np.hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points))
    for end, inner in ((0, 1), (-1, -2)):
        dx, dy = points[end][0] - points[inner][0], points[end][1] - points[inner][1]
        more = _OVER_END * whole / max(1e-6, float(np.hypot(dx, dy)))
        points[end] = points[end][0] + more * dx, points[end][1] + more * dy
    return list(pairwise(points))


def _is_plate(track: PlateTrack, seen: Reading) -> bool:
    """Whether it drove, and is no other thing that looks like a plate."""
    often = track.looks >= _LEAST_LOOKS or seen.score >= _LEAST_SCORE
    return track.way >= _MOVED and track.looks > 1 and often


def _is_same(one: Passage, other: Passage) -> bool:
    return one.lane == other.lane and abs(one.met_s - other.met_s) < _HEADWAY_S


def _weight(passage: Passage) -> float:
    return passage.looks * (0.05 + passage.score)
