"""Parts of pictures as a detector takes them: cut out, and no larger than is of use."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from models.objects.layouts import STRIDES, Picture

Region = tuple[float, float, float, float]
"""left, top, right, bottom, as parts of the picture's sides"""
WHOLE: Region = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a picture, and where it lies, to the pixel."""

    picture: Picture
    region: Region


@dataclass(frozen=True, slots=True)
class Lens:
    """What a model needs.

    Attributes:
        side_px: the longer side of what goes in for a whole picture.
        fixed: whatever goes in, it is made as large: a part costs as much as the whole.
    """

    side_px: int
    fixed: bool

    def cost(self, size: tuple[int, int], region: Region) -> float:
        """What a look at a part costs, where one at the whole costs 1: it goes by the pixels that go in.

        Args:
            size: width and height of the picture.
            region: the part.
        """
        if self.fixed:
            return 1.0
        scale = self.side_px / max(size)
        left, top, right, bottom = region
        part = _filled((right - left) * size[0] * scale) * _filled((bottom - top) * size[1] * scale)
        return part / (_filled(size[0] * scale) * _filled(size[1] * scale))

    def cut(self, picture: Picture, region: Region) -> Part:
        """A part of a picture, as large as the model sees it.

        Args:
            picture: the whole.
            region: the part; where it does not fall on pixels, it is the next larger. Where a part costs as much as the
                whole, it is the whole.
        """
        height, width = picture.shape[:2]
        region = WHOLE if self.fixed else region
        left, top = math.floor(region[0] * width), math.floor(region[1] * height)
        right, bottom = min(width, math.ceil(region[2] * width)), min(height, math.ceil(region[3] * height))
        part = picture[top:bottom, left:right]
        scale = self.side_px / max(height, width)  # as large as it would be in the whole
        if scale < 1 or not self.fixed:
            size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
            way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            part = np.asarray(cv2.resize(part, size, interpolation=way), np.uint8)
        exact = left / width, top / height, right / width, bottom / height
        return Part(np.ascontiguousarray(part), exact)


def _filled(side_px: float) -> int:
    """Models fill up a side to a multiple of what their coarsest cell is."""
    return math.ceil(side_px / STRIDES[-1]) * STRIDES[-1]
