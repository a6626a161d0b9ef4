"""Pieces of one thing that cross after it.

Where a picture is missing, what moved leaves pieces of itself behind; some go on for a while as things of their own.
And motion alone takes the beam, the shadow or the load of a vehicle for a thing of its own, which looks do not know.
"""

from collections import deque
from dataclasses import dataclass

from edge_agent.vision.tripwire.geometry import Point
from edge_agent.vision.tripwire.judge import Crossing

_KEPT_S = 2.0
_SIZES = 1.5
"""No further from the thing than this, in its own size."""


@dataclass(frozen=True, slots=True)
class Crosser:
    """Who crossed.

    Attributes:
        place: where it is, in picture heights.
        size: its larger side, in picture heights.
    """

    place: Point
    size: float


class Echoes:
    """Remembers the latest crossings of each line."""

    def __init__(self) -> None:
        self._latest: deque[tuple[str, float, Crosser]] = deque()

    def is_echo(self, crossing: Crossing, crosser: Crosser, within_s: float) -> bool:
        """Whether a crossing, told in the order of time, is that of a piece of what has just crossed.

        Args:
            crossing: the next one.
            crosser: its track.
            within_s: pieces follow the thing within this time; 0 where it cannot be one.
        """
        now_s = crossing.confirmed_time_s
        while self._latest and now_s - self._latest[0][1] > _KEPT_S:
            self._latest.popleft()
        echo = any(
            line == crossing.line
            and abs(now_s - at_s) < within_s
            and _distance(before.place, crosser.place) < _SIZES * max(before.size, crosser.size)
            for line, at_s, before in self._latest
        )
        self._latest.append((crossing.line, now_s, crosser))
        return echo


def _distance(a: Point, b: Point) -> float:
    return float(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5)
