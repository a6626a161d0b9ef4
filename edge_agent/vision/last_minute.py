"""What moved in the last minute, as tracking saw it: a scene that is being drawn is tried on that. Pure.

It is kept only while lines of a camera are drawn, in memory, and holds no picture.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge_agent.vision.judging import Found, Judging, Moment, Uncounted
from edge_agent.vision.track import Track
from edge_agent.vision.tripwire.geometry import contains
from shared.scene import Scene

SPAN_S = 60.0
_MOST_TRACKS = 20_000
"""Of all moments together: 24 MB at most. On a crowded square that is less than a minute."""

_INSIDE = 0.999


@dataclass(frozen=True, slots=True)
class Trial:
    """What a scene would have made of the last minute.

    Attributes:
        watched_s: what there was of it.
        moved: things that went somewhere.
        found: events.
        uncounted: what met a line or zone and is no event, and why.
    """

    watched_s: float
    moved: int
    found: Sequence[Found]
    uncounted: Sequence[Uncounted]


@dataclass(frozen=True, slots=True)
class Recorded:
    """Moments in their order, and the width of their picture in its heights."""

    moments: Sequence[Moment]
    aspect: float

    def tried(self, scene: Scene) -> Trial:
        """Judge them by a scene.

        Masks leave out what stands in them. What is seen beside them stays as it was, which it may not in a real life.
        """
        judging = Judging(scene, self.aspect)
        found, uncounted, moved = list[Found](), list[Uncounted](), set[int]()
        for moment in self.moments:
            seen = [track for track in moment.tracks if not _is_masked(track, scene)]
            moved |= {track.track_id for track in seen if track.travelling}
            found += judging.step(replace(moment, tracks=seen))
            uncounted += judging.uncounted
        uncounted += judging.held_back()
        span_s = self.moments[-1].time_s - self.moments[0].time_s if self.moments else 0.0
        return Trial(span_s, len(moved), found, uncounted)


class LastMinute:
    """Keeps the last minute of one camera.

    Args:
        aspect: width of the picture in its heights.
    """

    def __init__(self, aspect: float) -> None:
        self._aspect = aspect
        self._moments: deque[Moment] = deque()
        self._tracks = 0
        self._known: set[int] = set()

    def take(self, moment: Moment) -> None:
        """Keep a moment; what is older than a minute goes."""
        kept = [track.kept(with_past=track.track_id not in self._known) for track in moment.tracks]
        self._known = (self._known | {track.track_id for track in kept}) & moment.living
        self._moments.append(replace(moment, tracks=kept, living=frozenset(moment.living)))
        self._tracks += len(kept)
        while self._moments[0].time_s < moment.time_s - SPAN_S or self._tracks > _MOST_TRACKS:
            self._tracks -= len(self._moments.popleft().tracks)

    def recorded(self) -> Recorded:
        """What there is; it does not change."""
        return Recorded(tuple(self._moments), self._aspect)


def _is_masked(track: Track, scene: Scene) -> bool:
    """What stands beyond the picture's edge, or on it, is masked where the picture ends."""
    x, y = (min(_INSIDE, max(1 - _INSIDE, value)) for value in track.ground)
    return any(contains(mask.points, (x, y)) for mask in scene.masks)
