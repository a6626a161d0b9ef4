"""Plates of what drives by: looked at while a track moves, voted over its time, told once when it has gone.

A plate that keeps its place while the track around it moves is of something that stands there, and belongs to no track.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edge_agent.vision.plate.votes import PlateVotes
from models.plate.decoding import Calibration, Plate, Reading
from models.plate.finder import Picture

_PACE_S = 0.1
"""Between two looks: frames that lie closer tell the same."""
_GONE_S = 1.5
"""After so long without its track a vehicle has passed."""
_QUIET_S = 10.0
"""A vehicle whose plate was not seen for so long is told, though it stands there still; nothing is kept longer."""
_MOVED = 0.5
"""In its own widths: a plate that went less far stood."""
_GROWN = 0.1
"""A track's box may miss the bumper: it is grown by so much on every side before plates are given to it."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom; a part of the picture's width and height."""


class Mover(Protocol):
    """What is used of a track."""

    @property
    def track_id(self) -> int:
        """Its number."""

    @property
    def box(self) -> Box:
        """Where it is."""

    @property
    def confirmed(self) -> bool:
        """Whether it is believed."""

    @property
    def travelling(self) -> bool:
        """Whether it has gone somewhere."""


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
        track: its number.
        from_s: media time of the first look.
        to_s: of the last one.
        looks: in how many a plate was seen.
        score: of what they say together.
        reading: what they say; None where it is not sure enough, and the vehicle is unread.
    """

    track: int
    from_s: float
    to_s: float
    looks: int
    score: float
    reading: Reading | None


@dataclass(slots=True)
class _Watched:
    from_s: float
    seen_s: float
    looked_s: float
    first: tuple[float, float]
    """Where the plate was first, in pixels."""
    way: float = 0.0
    """How far it went from there, in its own widths."""
    looks: int = 0
    travelling: bool = False


class PassageReader:
    """Reads plates on moving tracks of one camera, a look every tenth of a second at most."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._votes = PlateVotes(reader.calibration)
        self._watched: dict[int, _Watched] = {}
        self._looked_s = self._now_s = -np.inf

    def wants(self, tracks: Sequence[Mover], time_s: float) -> bool:
        """Whether a picture of now is worth its cost."""
        due = time_s < self._now_s or time_s - self._looked_s >= _PACE_S
        return due and any(track.confirmed for track in tracks)

    def step(self, picture: Picture | None, tracks: Sequence[Mover], time_s: float) -> list[Passage]:
        """Take in one frame.

        Args:
            picture: shape (height, width, 3); None where `wants` said no.
            tracks: of that frame.
            time_s: media time that only grows, as a pipeline gives it; where it does not, everybody is gone.

        Returns:
            Vehicles that have gone since.
        """
        told = self.end() if time_s < self._now_s else []
        self._now_s = time_s
        for track in tracks:
            if track.track_id in self._watched:
                watched = self._watched[track.track_id]
                watched.seen_s, watched.travelling = time_s, watched.travelling or track.travelling
        if picture is not None:
            self._looked_s = time_s
            self._look(picture, tracks, time_s)
        return told + self._gone(time_s)

    def end(self) -> list[Passage]:
        """The vehicles that are still there, at the end of a video."""
        self._looked_s = self._now_s = -np.inf
        return self._gone(np.inf)

    def _look(self, picture: Picture, tracks: Sequence[Mover], time_s: float) -> None:
        high, wide = picture.shape[:2]
        taken = set[int]()
        for plate in self._reader.read(picture):  # the surest and nearest first: one plate a track and look
            owner = _owner(plate, tracks, (wide, high))
            if owner is None or owner.track_id in taken:
                continue
            taken.add(owner.track_id)
            x, y = plate.found.corners.mean(0).tolist()
            watched = self._watched.setdefault(owner.track_id, _Watched(time_s, time_s, time_s, (x, y)))
            width = max(1.0, float(np.ptp(plate.found.corners[:, 0])))
            watched.way = max(watched.way, float(np.hypot(x - watched.first[0], y - watched.first[1])) / width)
            watched.looks += 1
            watched.looked_s = time_s
            watched.travelling = watched.travelling or owner.travelling
            self._votes.add(owner.track_id, plate.scores)

    def _gone(self, time_s: float) -> list[Passage]:
        passages = []
        for track, watched in list(self._watched.items()):
            if time_s - watched.seen_s <= _GONE_S and time_s - watched.looked_s <= _QUIET_S:
                continue
            del self._watched[track]
            voted = self._votes.reading(track)
            reading = self._votes.take(track)
            if voted is not None and watched.travelling and watched.way >= _MOVED:
                passages.append(Passage(track, watched.from_s, watched.looked_s, watched.looks, voted.score, reading))
        return passages


def _owner(plate: Plate, tracks: Sequence[Mover], size: tuple[int, int]) -> Mover | None:
    """The smallest believed track that a plate lies in."""
    x, y = (plate.found.corners.mean(0) / np.array(size)).tolist()
    best: tuple[float, Mover] | None = None
    for track in tracks:
        left, top, right, bottom = track.box
        wide, high = right - left, bottom - top
        inside = (
            left - _GROWN * wide <= x <= right + _GROWN * wide and top - _GROWN * high <= y <= bottom + _GROWN * high
        )
        if track.confirmed and inside and (best is None or wide * high < best[0]):
            best = wide * high, track
    return best[1] if best else None
