"""What the network sees in one crop: for each of eight places, how likely every character is."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.plate.finder import Found, Picture, Quad, Session

SIZE = 128, 48
"""Width and height of a crop."""

_GROWN = 1.06, 1.08
"""Along and across the plate."""

LogChances = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CharacterScores:
    """One look at one plate, as logarithms of probabilities.

    Attributes:
        characters: shape (8, 74): of every character of the alphabet at every place; the last one is "nothing".
        colours: shape (6,), in the order of `COLOURS`.
        layouts: shape (2,): one row, two rows.
    """

    characters: LogChances
    colours: LogChances
    layouts: LogChances


def cut(picture: Picture, corners: Quad) -> Picture:
    """A plate's crop, shape (48, 128, 3): straightened, whatever its own aspect."""
    width, height = SIZE
    left, top = (max(0, int(v) - 2) for v in corners.min(0))
    right, bottom = (max(0, int(v) + 3) for v in corners.max(0))
    part = picture[top:bottom, left:right]
    if part.size == 0:
        return np.zeros((height, width, 3), np.uint8)
    corners = np.asarray(corners - np.array([left, top]), np.float32)
    shrink = max(1.0, part.shape[1] / width / 1.5)
    if shrink > 1:
        size = round(part.shape[1] / shrink), max(1, round(part.shape[0] / shrink))
        corners = np.asarray(corners * size / [part.shape[1], part.shape[0]], np.float32)
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    homography = cv2.getPerspectiveTransform(corners, target)
    return np.asarray(cv2.warpPerspective(part, homography, SIZE, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def mean(scores: Sequence[CharacterScores]) -> CharacterScores:
    """Several cuts of one plate from one picture as one."""
    parts = zip(*((one.characters, one.colours, one.layouts) for one in scores), strict=True)
    return CharacterScores(*(np.asarray(np.mean(part, axis=0), np.float32) for part in parts))


def cuts(picture: Picture, found: Found) -> list[Picture]:
    """Two crops of a plate, for corners are never quite right: as found in the end and at first, a little grown."""
    if found.rough is None:
        return [cut(picture, found.corners), cut(picture, _grown(found.corners))]
    return [cut(picture, _grown(found.corners)), cut(picture, _grown(found.rough))]


def _grown(corners: Quad) -> Quad:
    middle = corners.mean(0)
    return np.asarray(middle + (corners - middle) * np.array(_GROWN), np.float32)


class Recogniser:
    """Looks at crops with the model `plate-recogniser`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def look(self, crops: Sequence[Picture]) -> list[CharacterScores]:
        """One scores a crop; crops may have any size and are resized."""
        if not crops:
            return []
        batch = cv2.dnn.blobFromImages([cv2.resize(crop, SIZE) for crop in crops], 1 / 255)
        parts = self._session.run(None, {"crop": batch})
        return [CharacterScores(*of_one) for of_one in zip(*parts, strict=True)]
