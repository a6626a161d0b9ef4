"""Where something drives at a checkpoint: the part of the picture that is worth a look for plates.

A background model is not needed: what stands has been read, and what drives differs from the look before.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from models.objects import Region

_WIDE_PX = 160
_DIFFERS = 10
"""Grey levels, of pixels that are the mean of many: rain and grain are below it."""
_AROUND = 0.04
"""Of the picture's breadth, what is looked at around what moves: a plate needs its surroundings."""
_LEAST_PX = 4
_STIRS_S = 1.0
"""So long after something moved it is looked at though it stands: a vehicle may stop before the line."""


Ignored = Callable[[int, int], NDArray[np.uint8] | None]
"""Gives a mask of shape (height, width), 255 where nothing is analysed; None where there is none."""


class Approach:
    """Compares each look with the one before."""

    def __init__(self) -> None:
        self._before: NDArray[np.int16] | None = None
        self._latest: tuple[float, Region] | None = None

    def moving(self, grey: NDArray[np.uint8], time_s: float, ignored: Ignored | None = None) -> Region | None:
        """The part in which something moves.

        Args:
            grey: luma, shape (height, width).
            time_s: media time.
            ignored: what of a picture of some width and height is not analysed.

        Returns:
            None where nothing does, and at the first picture.
        """
        high, wide = grey.shape
        size = _WIDE_PX, max(8, round(_WIDE_PX * high / wide))
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.int16)
        before, self._before = self._before, small
        if before is None or before.shape != small.shape:
            return None
        differs = (np.abs(small - before) > _DIFFERS).astype(np.uint8)
        hidden = ignored(*size) if ignored is not None else None
        if hidden is not None:
            differs[hidden > 0] = 0
        left, top, broad, tall = cv2.boundingRect(cv2.erode(differs, np.ones((2, 2), np.uint8)))
        if broad < _LEAST_PX or tall < _LEAST_PX // 2:
            latest = self._latest
            return latest[1] if latest is not None and 0 <= time_s - latest[0] < _STIRS_S else None
        around = _AROUND * size[0]
        region = (
            max(0.0, (left - around) / size[0]),
            max(0.0, (top - around) / size[1]),
            min(1.0, (left + broad + around) / size[0]),
            min(1.0, (top + tall + around) / size[1]),
        )
        self._latest = time_s, region
        return region
