"""Plates followed from look to look: a vehicle has one, and it does not break into pieces as what moves does.

Between two looks a plate at 80 km/h goes several of its own breadths. Where it is expected, and what it says, tell
together which one it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edge_agent.vision.plate.votes import PlateVotes, differences
from models.plate.decoding import Calibration, Plate
from models.plate.finder import Quad

_GONE_S = 0.8
"""After so long without being seen a plate has gone."""
_STANDS_S, _STANDS = 10.0, 0.5
"""One that went less far than so many of its own breadths in so long stands, and is forgotten, though it is there."""
_FIRST_REACH, _REACH, _REACH_OF_WAY = 3.2, 1.0, 0.5
"""How far from where it is expected a plate may be, in its own breadths: at its second look, and later; and as a part
of the way that it went since."""
_SIZES = 1.7
"""From look to look it does not grow or shrink by more."""
_OTHER = 5
"""Texts that differ in so many places are of two plates, where both are read well."""
_WELL = 0.6
_PLACE_COSTS = 0.25
"""A place that reads differently counts as much as so many breadths of distance."""
_NEW = 0.5
"""Of a measured speed, what counts of the newest one."""
_ABOVE_ROAD = 0.95
"""A plate hangs as high over the road as it is broad, and is seen a little from above."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a plate was, in pixels: `x` of its middle, `y` where its vehicle meets the road below it."""

    time_s: float
    x: float
    y: float


@dataclass(slots=True)
class PlateTrack:
    """One plate.

    Attributes:
        number: counted from 1, not used again.
        first: where it was at the first look.
        last: at the newest one.
        second: at the second; None until then.
        before: at the one before the newest; None until there are two.
        looks: in how many it was seen.
        broad: its breadth at the last look, in pixels.
        corners: at the last look, in pixels, shape (4, 2).
        vx, vy: pixels a second.
        text: what it said last, for those who look again; goes with it.
    """

    number: int
    first: Spot
    last: Spot
    broad: float
    corners: Quad = field(repr=False)
    second: Spot | None = None
    before: Spot | None = None
    looks: int = 1
    vx: float = 0.0
    vy: float = 0.0
    text: str = field(default="", repr=False)
    score: float = 0.0

    @property
    def way(self) -> float:
        """How far it went, in its own breadths."""
        return float(np.hypot(self.last.x - self.first.x, self.last.y - self.first.y)) / max(1.0, self.broad)

    def at(self, time_s: float) -> tuple[float, float]:
        """Where it is expected."""
        dt_s = time_s - self.last.time_s
        return self.last.x + self.vx * dt_s, self.last.y + self.vy * dt_s


class PlateTracks:
    """Follows all plates of one camera, and votes on what each says.

    Args:
        calibration: of the recogniser.
    """

    def __init__(self, calibration: Calibration) -> None:
        self.votes = PlateVotes(calibration)
        self.living: list[PlateTrack] = []
        self._next = 1

    def look(self, plates: Sequence[Plate], time_s: float) -> None:
        """Take what one look found.

        Args:
            plates: with corners in pixels of the whole picture.
            time_s: media time.
        """
        fits = []
        for i, track in enumerate(self.living):
            for j, plate in enumerate(plates):
                cost = _cost(track, plate, time_s)
                if cost is not None:
                    fits.append((cost, i, j))
        tracks, found = set[int](), set[int]()
        for _, i, j in sorted(fits):
            if i not in tracks and j not in found:
                tracks.add(i)
                found.add(j)
                self._goes_on(self.living[i], plates[j], time_s)
        for j, plate in enumerate(plates):
            if j not in found:
                spot = _spot(plate, time_s)
                self.living.append(PlateTrack(self._next, spot, spot, _breadth(plate), plate.found.corners))
                self._next += 1
                self._vote(self.living[-1], plate)

    def ended(self, time_s: float) -> list[PlateTrack]:
        """Those that have gone, or stood too long; their votes are still there, and the caller takes them."""
        gone = [
            track
            for track in self.living
            if time_s - track.last.time_s > _GONE_S or (time_s - track.first.time_s > _STANDS_S and track.way < _STANDS)
        ]
        self.living = [track for track in self.living if not any(track is other for other in gone)]
        return gone

    def _goes_on(self, track: PlateTrack, plate: Plate, time_s: float) -> None:
        spot, before = _spot(plate, time_s), track.last
        dt_s = max(1e-3, time_s - before.time_s)
        vx, vy = (spot.x - before.x) / dt_s, (spot.y - before.y) / dt_s
        part = 1.0 if track.looks == 1 else _NEW
        track.vx += part * (vx - track.vx)
        track.vy += part * (vy - track.vy)
        track.before, track.last, track.second = before, spot, track.second or spot
        track.looks += 1
        track.broad, track.corners = _breadth(plate), plate.found.corners
        self._vote(track, plate)

    def _vote(self, track: PlateTrack, plate: Plate) -> None:
        self.votes.add(track.number, plate.scores)
        if plate.reading.score >= track.score * 0.8:
            track.text, track.score = plate.reading.text, plate.reading.score


def _breadth(plate: Plate) -> float:
    corners = plate.found.corners
    return max(4.0, float(np.linalg.norm(corners[1] - corners[0]) + np.linalg.norm(corners[2] - corners[3])) / 2)


def _spot(plate: Plate, time_s: float) -> Spot:
    lower = plate.found.corners[2:].mean(0)
    return Spot(time_s, float(lower[0]), float(lower[1]) + _ABOVE_ROAD * _breadth(plate))


def _cost(track: PlateTrack, plate: Plate, time_s: float) -> float | None:
    """How ill a plate fits a track; None where it is another one."""
    spot, broad = _spot(plate, time_s), _breadth(plate)
    grown = broad / track.broad
    if not 1 / _SIZES < grown < _SIZES:
        return None
    x, y = track.at(time_s)
    off = float(np.hypot(spot.x - x, spot.y - y)) / max(broad, track.broad)
    if track.looks == 1:
        reach = _FIRST_REACH
    else:
        way = float(np.hypot(track.vx, track.vy)) * (time_s - track.last.time_s) / track.broad
        reach = _REACH + _REACH_OF_WAY * way
    if off > reach:
        return None
    differ = differences(track.text, plate.reading.text)
    if differ >= _OTHER and min(track.score, plate.reading.score) >= _WELL:
        return None
    return off + _PLACE_COSTS * differ
