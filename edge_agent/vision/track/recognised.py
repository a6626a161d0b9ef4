"""What an object detector recognised in a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.vision.track import bounding_boxes
from edge_agent.vision.track.bounding_boxes import Box
from shared.objects import ObjectClass

_LOOKED_AT = 0.9
"""Part of a box that must have been looked at."""


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
        """Whether it says something of a place: nearly all of it was looked at."""
        return bounding_boxes.within(box, self.region) > _LOOKED_AT
