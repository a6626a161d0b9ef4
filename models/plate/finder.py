"""Where plates are in a picture: the network's heat and corners, read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""Shape (height, width, 3), blue, green, red."""
Quad = NDArray[np.float32]
"""Corners of a plate, shape (4, 2): x and y in pixels, from the upper left one clockwise as its text runs."""


class Session(Protocol):
    """What is used of an ONNX Runtime session."""

    def run(self, output_names: Sequence[str] | None, input_feed: dict[str, Any]) -> Sequence[Any]:
        """Run the model."""


_AREA_PX = 512 * 288
"""Pictures are scaled to this many pixels: the network's time is the same for every camera."""
_SIDE, _LONGEST = 32, 1536
_PART = 0.6
"""Of each side, what a quarter of a picture has: the quarters overlap, so that one of them holds a plate whole."""
_STRIDE = 8
_UNIT = 4.0
_NEAR, _NEAR_PLATES = (256, 128), 3.0
"""Size of the second look, and how many plates would stand in it side by side."""
_NEIGHBOUR = 0.25
"""Where the second look finds a plate this part of its breadth away, the first one saw something else."""
_SURE = 0.5
"""From near a plate is seen at least so surely."""
_OVERLAP = 0.3
"""Of two findings whose boxes share more than this, the surer one stays."""


@dataclass(frozen=True, slots=True)
class Found:
    """One plate, not yet read.

    Attributes:
        score: how sure it is that this is a plate, 0 to 1.
        corners: where it is.
    """

    score: float
    corners: Quad
    rough: Quad | None = None
    """Where it was at the first look, if that saw the same: it says what the second may be wrong in."""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        left, top = self.corners.min(0).tolist()
        right, bottom = self.corners.max(0).tolist()
        return left, top, right, bottom

    @property
    def area(self) -> float:
        """Square pixels within the corners."""
        return abs(float(cv2.contourArea(self.corners)))


class PlateFinder:
    """Finds plates with the model `plate-detector`.

    Args:
        session: of the model.
        least: what is less sure at the first look gets no second one.
    """

    def __init__(self, session: Session, least: float = 0.3) -> None:
        self._session, self._least = session, least

    def find(self, picture: Picture) -> list[Found]:
        """All plates of a picture, the surest first."""
        looked_at = [again for one in self._look(picture) if (again := self._looked_at(picture, one))]
        found = list[Found]()
        for one in sorted(looked_at, key=lambda one: -one.score):  # from near, two may be the same plate
            if all(_shared(one.box, other.box) < _OVERLAP for other in found):
                found.append(one)
        return found

    def suspect(self, picture: Picture) -> list[Found]:
        """Whatever may be a plate, for those who must miss none and may take a sign for one: several a plate.

        The whole is looked at, and each of its quarters as large as the whole; nothing is looked at again.
        """
        high, wide = picture.shape[:2]
        tall, broad = math.ceil(_PART * high), math.ceil(_PART * wide)
        suspected = self._look(picture)
        for top in (0, high - tall):
            for left in (0, wide - broad):
                for one in self._look(picture[top : top + tall, left : left + broad]):
                    suspected.append(replace(one, corners=one.corners + np.array([left, top], np.float32)))
        return suspected

    def _look(self, picture: Picture) -> list[Found]:
        """The first look."""
        high, wide = picture.shape[:2]
        scale = (_AREA_PX / (high * wide)) ** 0.5
        size = _fed(wide * scale), _fed(high * scale)
        small = picture
        # Halving by area first is quick and leaves nothing for the linear step to skip.
        while small.shape[1] >= 2 * size[0] and small.shape[0] >= 2 * size[1]:
            small = _halved(small)
        scene = cv2.dnn.blobFromImage(small, 1 / 255, size)
        heat, corners = self._session.run(None, {"scene": scene})
        return self._decode(heat[0, 0], corners[0], (wide / size[0], high / size[1]))

    def _looked_at(self, picture: Picture, found: Found) -> Found | None:
        """A second look from near: a finding fills a third of the breadth, and its corners become as exact as that.

        Returns:
            None where nothing is seen from near: what looked like a plate from afar was not a plate.
        """
        quad = found.corners
        along, across = np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[3] - quad[0])
        breadth = _NEAR_PLATES * max(float(along), 1.5 * float(across), 1.0)
        scale = _NEAR[0] / breadth
        middle = quad.mean(0)
        reach = np.array([breadth, breadth * _NEAR[1] / _NEAR[0]]) / 2 + 4
        left, top = (max(0, int(v)) for v in middle - reach)
        right, bottom = (max(0, int(v)) for v in middle + reach)
        part = picture[top:bottom, left:right]
        if not part.size:
            return None
        shift = np.array(_NEAR) / 2 - scale * (middle - [left, top])
        small, factor = part, scale
        while factor < 0.5 and min(small.shape[:2]) >= 2:
            small, factor = _halved(small), 2 * factor
        matrix = np.array([[factor, 0, shift[0]], [0, factor, shift[1]]])
        near = cv2.warpAffine(small, matrix, _NEAR, borderMode=cv2.BORDER_REPLICATE)
        heat, corners = self._session.run(None, {"scene": cv2.dnn.blobFromImage(near, 1 / 255)})
        half = _NEAR[0] / _NEAR_PLATES / 2
        again = [
            one
            for one in self._decode(heat[0, 0], corners[0], (1.0, 1.0))
            if one.score >= _SURE and float(np.abs(one.corners.mean(0) - np.array(_NEAR) / 2).max()) < half
        ]
        if not again:
            return None
        exact = np.asarray((again[0].corners - shift) / scale + [left, top], np.float32)
        off = float(np.abs(exact.mean(0) - middle).max())
        return Found(again[0].score, exact, quad if off < _NEIGHBOUR * breadth / _NEAR_PLATES else None)

    def _decode(
        self, heat: NDArray[np.float32], corners: NDArray[np.float32], scale: tuple[float, float]
    ) -> list[Found]:
        chances = 1 / (1 + np.exp(-heat))
        peaks = (chances >= self._least) & (chances >= cv2.dilate(chances, np.ones((3, 3), np.uint8)))
        rows, columns = chances.shape
        found: list[Found] = []
        for row, column in sorted(np.argwhere(peaks).tolist(), key=lambda cell: -chances[cell[0], cell[1]]):
            # The cells around a middle tell the corners too; each counts by its heat.
            top, bottom = max(0, row - 1), min(rows, row + 2)
            left, right = max(0, column - 1), min(columns, column + 2)
            weight = np.where(chances[top:bottom, left:right] > 0.3 * chances[row, column], 1.0, 0.0)
            weight = weight * chances[top:bottom, left:right]
            ys, xs = np.mgrid[top:bottom, left:right] + 0.5
            told = corners[:, top:bottom, left:right].reshape(4, 2, bottom - top, right - left) * _UNIT
            points = ((told + np.stack([xs, ys])) * weight).sum((2, 3)) / weight.sum()
            quad = np.asarray(points * _STRIDE * np.array(scale), np.float32)
            one = Found(float(chances[row, column]), quad)
            if all(_shared(one.box, other.box) < _OVERLAP for other in found):
                found.append(one)
        return found


def _halved(picture: Picture) -> Picture:
    """Exactly by two, for which OpenCV has a quick way; an odd last row or column goes."""
    size = picture.shape[1] // 2, picture.shape[0] // 2
    even = picture[: 2 * size[1], : 2 * size[0]]
    return np.asarray(cv2.resize(even, size, interpolation=cv2.INTER_AREA), np.uint8)


def _fed(side: float) -> int:
    """A side as the network takes it; of a picture that is all breadth, no more than is of use."""
    return min(_LONGEST, max(_SIDE, round(side / _SIDE) * _SIDE))


def _shared(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over the smaller of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return wide * high / max(1e-6, smaller)
