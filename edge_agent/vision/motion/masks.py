"""Parts of the picture that are not analysed, and those that no viewer may see."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.scene import Mask


class Masks:
    """The masks of one camera, drawn for the sizes that are asked for."""

    def __init__(self, masks: Sequence[Mask]) -> None:
        self._masks = list(masks)
        self._drawn: dict[tuple[int, int, bool], NDArray[np.uint8]] = {}

    def ignored(self, width: int, height: int) -> NDArray[np.uint8] | None:
        """255 where nothing is analysed, shape (height, width); None where there are no masks."""
        return self._draw(width, height, privacy_only=False) if self._masks else None

    def blacken(self, picture: NDArray[np.uint8], *, ignored: bool = False) -> NDArray[np.uint8]:
        """The picture, shape (height, width, 3), with what is private painted black; a copy where anything is.

        Args:
            picture: stays as it is.
            ignored: also what is not analysed.
        """
        if not any(mask.privacy or ignored for mask in self._masks):
            return picture
        height, width = picture.shape[:2]
        painted = picture.copy()
        painted[self._draw(width, height, privacy_only=not ignored) > 0] = 0
        return painted

    def _draw(self, width: int, height: int, *, privacy_only: bool) -> NDArray[np.uint8]:
        key = width, height, privacy_only
        if key not in self._drawn:
            drawn = np.zeros((height, width), np.uint8)
            for mask in self._masks:
                if mask.privacy or not privacy_only:
                    # Outwards to whole pixels: half a pixel of what is private is too much.
                    corners = np.array([(x * width, y * height) for x, y in mask.points])
                    cv2.fillPoly(drawn, [np.round(corners).astype(np.int32)], 255)
                    cv2.polylines(drawn, [np.round(corners).astype(np.int32)], True, 255, 2)
            self._drawn = {**self._drawn, key: drawn} if len(self._drawn) < 8 else {key: drawn}
        return self._drawn[key]
