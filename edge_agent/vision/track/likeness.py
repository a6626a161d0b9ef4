"""How a track looked when it was last seen alone, to find it again in a crowd for a few seconds.

A patch of some 30 by 40 pixels at the most: enough to tell a dark coat from a pale one and nothing that could name
a person. It lives with its track and never leaves the process.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

PART = 0.65
"""The upper part of a box: heads and roofs stay as they are while legs and wheels move."""
_MOST_PX = 28, 38
_LEAST_PX = 6, 8
_FILLED = 0.3
"""Part of the patch that is foreground, or it is not the track's."""
_PLAIN = 4.0
"""Grey levels of spread below which a patch matches everything."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """A patch, and where it belongs.

    Attributes:
        patch: shape (height, width) or with a third axis of grey and two colours.
        scale: of the patch, 1 or less.
        size: width and height that it stands for, in pixels of the analysed picture.
        at: from its upper left corner to the track's ground point.
    """

    patch: NDArray[np.uint8] = field(repr=False)
    scale: float
    size: tuple[int, int]
    at: tuple[float, float]

    def match(self, shown: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """How much each place of a part of the picture looks like it.

        Returns:
            -1 to 1 for each upper left corner, shape (height - own height + 1, width - own width + 1); None where it
            does not fit in or one of the two has no colour.
        """
        wide, high = self.size
        if shown.ndim != self.patch.ndim or shown.shape[0] < high or shown.shape[1] < wide:
            return None
        out = shown.shape[1] - wide + 1, shown.shape[0] - high + 1
        if self.scale == 1.0:
            return np.asarray(cv2.matchTemplate(shown, self.patch, cv2.TM_CCOEFF_NORMED), np.float32)
        small_size = (
            max(self.patch.shape[1], round(shown.shape[1] * self.scale)),
            max(self.patch.shape[0], round(shown.shape[0] * self.scale)),
        )
        small = cv2.resize(shown, small_size, interpolation=cv2.INTER_AREA)
        alike = cv2.matchTemplate(small, self.patch, cv2.TM_CCOEFF_NORMED)
        return np.asarray(cv2.resize(alike, out, interpolation=cv2.INTER_LINEAR), np.float32)


def look(shown: NDArray[np.uint8], bodies: NDArray[np.bool_], at: tuple[float, float]) -> Likeness | None:
    """Take a likeness.

    Args:
        shown: the upper part of a track's box, all else painted out.
        bodies: where it is foreground.
        at: from its upper left corner to the ground point.

    Returns:
        None where too little of it is seen to be told from others.
    """
    high, wide = shown.shape[:2]
    if wide < _LEAST_PX[0] or high < _LEAST_PX[1] or np.count_nonzero(bodies) < _FILLED * bodies.size:
        return None
    if float(shown.std()) < _PLAIN:
        return None
    scale = min(1.0, _MOST_PX[0] / wide, _MOST_PX[1] / high)
    patch = shown
    if scale < 1.0:
        size = max(1, round(wide * scale)), max(1, round(high * scale))
        patch = np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_AREA), np.uint8)
    return Likeness(patch.copy(), scale, (wide, high), at)
