"""What an object detector recognised in a picture."""

from dataclasses import dataclass

from edge_agent.vision.track.bounding_boxes import Box
from shared.objects import ObjectClass


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
