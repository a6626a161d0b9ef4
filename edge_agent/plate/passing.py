"""Plates of what drives by: looked at while a track moves, voted over its time, told once when it has gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edge_agent.plate.finder import Picture
from edge_agent.plate.spelling import Calibration, Plate, Reading
from edge_agent.plate.votes import PlateVotes

_PACE_S = 0.1
"""Between two looks: frames that lie closer tell the same."""
_GONE_S = 1.5
"""After so long without its track a vehicle has passed."""
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
    def purposeful(self) -> bool:
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
        reading: what they say together; below the threshold the vehicle is unread, and this is for tests only.
        read: whether the reading is sure enough.
    """

    track: int
    from_s: float
    to_s: float
    looks: int
    reading: Reading
    read: bool


@dataclass(slots=True)
class _Watched:
    from_s: float
    seen_s: float
    looked_s: float
    looks: int = 0
    purposeful: bool = False


class PlatePassing:
    """Reads plates on moving tracks of one camera, a look every tenth of a second at most."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._votes = PlateVotes(reader.calibration)
        self._watched: dict[int, _Watched] = {}
        self._looked_s = -np.inf

    def wants(self, tracks: Sequence[Mover], time_s: float) -> bool:
        """Whether a picture of now is worth its cost."""
        return time_s - self._looked_s >= _PACE_S and any(track.confirmed for track in tracks)

    def step(self, picture: Picture | None, tracks: Sequence[Mover], time_s: float) -> list[Passage]:
        """Take in one frame.

        Args:
            picture: shape (height, width, 3); None where `wants` said no.
            tracks: of that frame.
            time_s: media time.

        Returns:
            Vehicles that have gone since.
        """
        for track in tracks:
            if track.track_id in self._watched:
                watched = self._watched[track.track_id]
                watched.seen_s, watched.purposeful = time_s, watched.purposeful or track.purposeful
        if picture is not None:
            self._looked_s = time_s
            high, wide = picture.shape[:2]
            for plate in self._reader.read(picture):
                owner = _owner(plate, tracks, (wide, high))
                if owner is None:
                    continue
                fresh = _Watched(time_s, time_s, time_s)
                watched = self._watched.setdefault(owner.track_id, fresh)
                watched.looks += 1
                watched.looked_s = time_s
                watched.purposeful = watched.purposeful or owner.purposeful
                self._votes.add(owner.track_id, plate.glimpse, time_s)
        return self._gone(time_s)

    def end(self) -> list[Passage]:
        """Whoever is still there, at the end of a video."""
        return self._gone(np.inf)

    def _gone(self, time_s: float) -> list[Passage]:
        gone = [track for track, watched in self._watched.items() if time_s - watched.seen_s > _GONE_S]
        passages = []
        for track in gone:
            watched = self._watched.pop(track)
            reading = self._votes.reading(track)
            read = self._votes.take(track) is not None
            # What stands was there before; what never goes anywhere is no vehicle that passes.
            if reading is not None and watched.purposeful:
                passages.append(Passage(track, watched.from_s, watched.looked_s, watched.looks, reading, read))
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
