"""What an object detector recognised in a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.vision.track.bounding_boxes import Box
from shared.objects import ObjectClass

_MARGIN = 0.1
"""Of a box's sides: a detector's box may reach further than the track's, and what the border cuts is not told."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """One thing.

    Attributes:
        box: in pixels of the analysed picture.
        score: how sure the detector is, 0 to 1.
        object_class: what it is.
        masked: it stands on a place that is not analysed.
    """

    box: Box
    score: float
    object_class: ObjectClass
    masked: bool = False


@dataclass(frozen=True, slots=True)
class Sight:
    """What was recognised in a part of a picture, in pixels of the analysed one; outside it nothing is said.

    Where the part ends with the picture it has no end.
    """

    things: Sequence[Recognised]
    region: Box

    def holds(self, box: Box) -> bool:
        """Whether it says something of a place: all of it was looked at, and a little around it."""
        mx, my = _MARGIN * (box[2] - box[0]), _MARGIN * (box[3] - box[1])
        left, top, right, bottom = self.region
        return left <= box[0] - mx and top <= box[1] - my and box[2] + mx <= right and box[3] + my <= bottom
