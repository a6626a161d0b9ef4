"""What geometry needs of a track."""

from dataclasses import dataclass

from edge_agent.vision.tripwire.geometry import Point
from shared.scene import Anchor


@dataclass(frozen=True, slots=True)
class Sighting:
    """A track seen in a frame: its id and its normalised box; -1 where the tracker gave it none."""

    track: int
    left: float
    top: float
    right: float
    bottom: float

    def place(self, anchor: Anchor, aspect: float) -> Point:
        """The point that counts, in picture heights."""
        x = (self.left + self.right) / 2 * aspect
        if anchor == "ground":
            return x, self.bottom
        return (x, self.top) if anchor == "top" else (x, (self.top + self.bottom) / 2)
