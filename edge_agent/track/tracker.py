"""Greedy nearest-neighbour tracking with a constant-velocity prediction."""

from dataclasses import dataclass, field

from edge_agent.motion import Blob

_CONFIRM_FRAMES = 3
"""Sightings before a track is believed."""
_LOST_S = 1.0
"""A track unseen for this long is over."""
_FOLLOW = 0.7
"""Weight of the measured against the predicted box."""
_STEER = 0.4
"""Weight of the measured against the known velocity."""


@dataclass(slots=True)
class Track:
    """A moving thing. Box and velocity are normalised (per second); `seen_s` is its newest sighting."""

    track_id: int
    box: tuple[float, float, float, float]
    seen_s: float
    velocity: tuple[float, float] = (0.0, 0.0)
    sightings: int = 1
    seen_now: bool = field(default=True)

    @property
    def confirmed(self) -> bool:
        return self.sightings >= _CONFIRM_FRAMES

    @property
    def ground(self) -> tuple[float, float]:
        """Where it stands: the middle of the box's lower edge."""
        left, _, right, bottom = self.box
        return (left + right) / 2, bottom

    def predicted(self, time_s: float) -> tuple[float, float, float, float]:
        """The box at a later time, at constant velocity."""
        dt_s = time_s - self.seen_s
        dx, dy = self.velocity[0] * dt_s, self.velocity[1] * dt_s
        left, top, right, bottom = self.box
        return left + dx, top + dy, right + dx, bottom + dy


class Tracker:
    """Holds the tracks of one camera. Ids count from 1 and are not used again."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._next_id = 1

    def step(self, blobs: list[Blob], time_s: float) -> list[Track]:
        """Match blobs to tracks.

        Returns:
            The tracks believed and seen in this frame.
        """
        self._tracks = [track for track in self._tracks if time_s - track.seen_s <= _LOST_S]
        for track in self._tracks:
            track.seen_now = False
        free = list(blobs)
        for _, track, blob in self._pairs(blobs, time_s):
            if not track.seen_now and blob in free:
                free.remove(blob)
                _update(track, blob, time_s)
        for blob in free:
            self._tracks.append(Track(self._next_id, (blob.left, blob.top, blob.right, blob.bottom), time_s))
            self._next_id += 1
        return [track for track in self._tracks if track.seen_now and track.confirmed]

    def living(self) -> set[int]:
        """Ids that may still be seen; state kept for others can go."""
        return {track.track_id for track in self._tracks}

    def _pairs(self, blobs: list[Blob], time_s: float) -> list[tuple[float, Track, Blob]]:
        pairs = []
        for track in self._tracks:
            expected = track.predicted(time_s)
            for blob in blobs:
                cost = _distance(expected, blob)
                if cost < 1.0:
                    pairs.append((cost, track, blob))
        return sorted(pairs, key=lambda pair: (pair[0], -pair[1].sightings))


def _distance(box: tuple[float, float, float, float], blob: Blob) -> float:
    """Distance of centres in units of the larger size: below 1 they touch or nearly do."""
    wide = max(box[2] - box[0], blob.right - blob.left, 0.03)
    high = max(box[3] - box[1], blob.bottom - blob.top, 0.03)
    dx = (box[0] + box[2] - blob.left - blob.right) / 2 / wide
    dy = (box[1] + box[3] - blob.top - blob.bottom) / 2 / high
    return float((dx * dx + dy * dy) ** 0.5)


def _update(track: Track, blob: Blob, time_s: float) -> None:
    dt_s = max(1e-3, time_s - track.seen_s)
    seen = (blob.left, blob.top, blob.right, blob.bottom)
    expected = track.predicted(time_s)
    moved = (
        (seen[0] + seen[2] - track.box[0] - track.box[2]) / 2 / dt_s,
        (seen[1] + seen[3] - track.box[1] - track.box[3]) / 2 / dt_s,
    )
    track.velocity = (
        _STEER * moved[0] + (1 - _STEER) * track.velocity[0],
        _STEER * moved[1] + (1 - _STEER) * track.velocity[1],
    )
    left, top, right, bottom = (_FOLLOW * s + (1 - _FOLLOW) * e for s, e in zip(seen, expected, strict=True))
    track.box = (left, top, right, bottom)
    track.seen_s, track.seen_now = time_s, True
    track.sightings += 1
