"""How long a stream may be silent: by how far apart its pictures usually come. Pure: times are passed in.

A camera that sends ten pictures a second and none for five has stalled; one that sends a picture every eight has not.
"""

from collections import deque
from itertools import pairwise

SHORTEST_S, LONGEST_S = 4.5, 60.0
"""Silence within these bounds is taken for a stall: the first for every usual camera, the last for the slowest."""
_TIMES = 2.5
"""So many usual distances without a picture are a stall."""
_PICTURES = 25
"""The mean over a whole burst: within one, pictures come at no distance."""
_GOOD_S = 10.0
"""A connection that gave pictures over so long was good, and its distances are no chance."""
_TOO_FAR_S, _NEAR_ENOUGH_S = 1.5, 1.25
"""A walker crosses a line between two pictures that are so far apart."""
LEAST_FPS = 5
"""Pictures a second that a camera is to be set to."""


class StallDetector:
    """Watches how the pictures of one stream arrive, through all its connections.

    A stall soon after the start may be a slow camera's pause: nothing can be known of distances before the second
    picture. So every such connection is given twice the time of the one before.
    """

    def __init__(self) -> None:
        self._arrived_s: deque[float] = deque(maxlen=_PICTURES)
        self._first_s: float | None = None
        self._apart_s, self._granted_s, self._slow_s = 0.0, SHORTEST_S, 0.0

    @property
    def stall_s(self) -> float:
        """Silence that is told as a stall."""
        return _bounded(self._apart_s)

    @property
    def leave_s(self) -> float:
        """Silence after which the connection is given up; no shorter than `stall_s`."""
        return max(self._granted_s, self.stall_s)

    @property
    def is_slow(self) -> bool:
        """Whether a pause of two seconds is usual for this camera."""
        return self._apart_s > _NEAR_ENOUGH_S

    @property
    def read_s(self) -> float:
        """How long one read is to wait: one that times out as a picture begins to arrive costs the connection."""
        return (self.stall_s if self._apart_s else self._granted_s) / 2

    @property
    def complaint(self) -> str:
        """What is wrong with the distance of the pictures and what to do; empty where nothing is."""
        if not self._slow_s:
            return ""
        return (
            f"a picture only every {self._slow_s:.1f} s, too few to see who crosses; "
            f"set the camera to {LEAST_FPS} pictures/s or more"
        )

    def begin(self) -> None:
        """A new connection; what was known of the distances holds until it shows others."""
        self._arrived_s.clear()
        self._first_s = None

    def note(self, arrived_s: float) -> None:
        """A picture has arrived, by a clock that only grows."""
        self._first_s = arrived_s if self._first_s is None else self._first_s
        self._arrived_s.append(arrived_s)
        if len(self._arrived_s) < 2:
            return
        span_s = arrived_s - self._arrived_s[0]
        self._apart_s = span_s / (len(self._arrived_s) - 1)
        if arrived_s - self._first_s < _GOOD_S:
            return
        # By the longest pause: a relay that begins with a burst makes the mean of a slow camera short.
        self._granted_s = _bounded(max(after - before for before, after in pairwise(self._arrived_s)))
        self._slow_s = self._apart_s if self._apart_s > (_NEAR_ENOUGH_S if self._slow_s else _TOO_FAR_S) else 0.0

    def left(self) -> None:
        """The connection was given up because of its silence."""
        if self._first_s is None or self._arrived_s[-1] - self._first_s < _GOOD_S:
            self._granted_s = min(LONGEST_S, 2 * self._granted_s)


def _bounded(apart_s: float) -> float:
    return min(LONGEST_S, max(SHORTEST_S, _TIMES * apart_s))
