"""In a picture that leaves the centre nobody can be recognised: whatever may be a person is left in coarse squares.

What a person does stays to be seen, who it is does not. As with plates, a detector that must miss none takes posts and
trees for persons, and those are blurred as well.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from models.objects.coco import COCO
from models.objects.finder import MODEL
from models.objects.layouts import NanoDet, Picture
from models.objects.lens import Region
from models.onnx_session import CPU
from models.registry import Registry
from shared.objects import ObjectClass

_SIDES_PX = 416, 640, 960
"""The picture is looked at in these sizes: in one persons near the camera are found, in another those far away."""
_MIN_SCORE = 0.1
"""Chosen with the sizes on two of three clips with truth: of twelve pairs that which left fewest heads, at the least
cost (docs/benchmarks.md)."""
_PERSONS = [number for number, what in COCO.items() if what in (ObjectClass.PERSON, ObjectClass.TWO_WHEELER)]
"""Who rides is often found as what they ride."""
_GROWN = 0.1, 0.06
"""Of a finding's width and height, on each side."""
_CELLS = 4
"""So many squares across a person: a head is one or two of them."""
_LEAST_CELL_PX = 6


class PeopleVeil:
    """Makes people unrecognisable.

    Args:
        model: finds them.
    """

    def __init__(self, model: NanoDet) -> None:
        self._model = model

    @classmethod
    def shipped(cls, registry: Registry | None = None) -> "PeopleVeil":
        """With the object detector of the registry, whatever looks for the box's cameras.

        Raises:
            TamperedModelError: the file is not the one that the registry names, or was not built.
        """
        return cls(NanoDet((registry or Registry()).open(MODEL, CPU, "people"), f"model {MODEL}"))

    def cover(self, picture: Picture, areas: Sequence[Region] = ()) -> Picture:
        """A picture in which nobody is recognised.

        Args:
            picture: shape (height, width, 3); stays as it is.
            areas: what is blurred besides, 0 to 1 of its sides; what reaches beyond them is cut.
        """
        covered = picture.copy()
        # The wider ones over the narrower: of somebody near, a hand may be found as a person of its own.
        for region in sorted([*map(grown, self.suspect(picture)), *areas], key=lambda region: region[2] - region[0]):
            _coarsen(picture, covered, region)
        return covered

    def suspect(self, picture: Picture) -> list[Region]:
        """Whatever may be a person; one of them may be there twice."""
        found = [self._model.find_only(_PERSONS, picture, _MIN_SCORE, side) for side in _SIDES_PX]
        boxes = np.clip(np.concatenate(found)[:, :4], 0, 1).tolist()
        return [(left, top, right, bottom) for left, top, right, bottom in boxes]


def grown(region: Region) -> Region:
    """What of a picture is blurred for a finding."""
    left, top, right, bottom = region
    aside, above = _GROWN[0] * (right - left), _GROWN[1] * (bottom - top)
    return left - aside, top - above, right + aside, bottom + above


def _coarsen(picture: Picture, covered: Picture, region: Region) -> None:
    """Leave a few colours of a region, in place."""
    high, wide = picture.shape[:2]
    left, top, right, bottom = np.clip(np.multiply(region, (wide, high, wide, high)), 0, (wide, high, wide, high))
    part = np.s_[int(np.floor(top)) : int(np.ceil(bottom)), int(np.floor(left)) : int(np.ceil(right))]
    height, width = picture[part].shape[:2]
    if not height or not width:
        return
    cell = max(_LEAST_CELL_PX, width / _CELLS)
    few = max(1, round(width / cell)), max(1, round(height / cell))
    coarse = cv2.resize(picture[part], few, interpolation=cv2.INTER_AREA)
    covered[part] = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
