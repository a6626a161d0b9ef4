"""Plates that hit no list are made unreadable before a picture leaves the box: whatever may be a plate is blurred.

A detector that must miss none takes some signs, grilles and windows for plates, and those are blurred as well: a sign
too many costs a little of a picture, a plate too few breaks a promise.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from models.plate.finder import Picture, PlateFinder, Quad
from models.plate.reader import DETECTOR
from models.registry import Registry

_GROWN = np.array([1.3, 1.6], np.float32)
"""Of a plate's breadth and height, what is blurred: corners are off by a tenth, and its frame may say more."""
_LEANS_MORE = 1.2
"""Of its height, times the sine of its lean, is blurred besides: how far a plate leans is what corners are wrong in."""
_CELLS = 1, 1
"""A plate is left with one colour: nothing remains of its characters, whatever sharpens it."""
_SCREEN_FROM, _SCREEN_TO, _SCREEN_SIDE = 0.8, 7.0, 2.6
"""In breadths of a plate, 0.44 m: from a bonnet on to the roof of a lorry, and as far aside as a lorry is wide."""
_SCREEN_CELLS = 5, 6
"""A face is half as large as one of them."""
_OWN = 0.3
"""A finding is the spared plate itself where the two share so much."""


class PlateVeil:
    """Makes plates unreadable.

    Args:
        finder: finds them.
    """

    def __init__(self, finder: PlateFinder) -> None:
        self._finder = finder

    @classmethod
    def shipped(cls, registry: Registry | None = None) -> "PlateVeil":
        """With the detector of the registry.

        Raises:
            ConfigError: the model is missing.
            TamperedModelError: its file is not the one that the registry names.
        """
        return cls(PlateFinder((registry or Registry()).open(DETECTOR)))

    def cover(self, picture: Picture, spared: Sequence[Quad] = ()) -> Picture:
        """A picture in which no plate can be read but those that are named, and nobody is seen who sits behind these.

        Args:
            picture: shape (height, width, 3); stays as it is.
            spared: corners of plates that hit a list, from the upper left one on, clockwise.

        Returns:
            The same picture where nothing looked like a plate.
        """
        quads = [one.corners for one in self._finder.suspect(picture)]
        quads = [quad for quad in quads if not any(_is_of(quad, other) for other in spared)]
        if not quads and not spared:
            return picture
        kept = [(_bounds(quad, picture), quad) for quad in spared]
        covered = picture.copy()
        for quad in quads:
            _blur(covered, _grown(quad), _CELLS)
        for quad in spared:
            _blur(covered, _screen(quad), _SCREEN_CELLS)
        for (left, top, right, bottom), quad in kept:  # what was blurred beside it may reach into it
            part = np.s_[top:bottom, left:right]
            mask = _mask(quad - np.array([left, top], np.float32), (bottom - top, right - left))
            covered[part][mask > 0] = picture[part][mask > 0]
        return covered


def _grown(quad: Quad) -> Quad:
    """What of a picture is blurred for a plate with these corners."""
    middle, across = quad.mean(0), (quad[1] + quad[2] - quad[0] - quad[3]) / 2
    lean = abs(float(across[1])) / max(1e-6, float(np.linalg.norm(across)))
    breadth, height = across / 2, (quad[2] + quad[3] - quad[0] - quad[1]) / 4
    right, down = _GROWN[0] * breadth, (_GROWN[1] + _LEANS_MORE * lean) * height
    turned = (quad - middle) - np.array([-breadth - height, breadth - height, breadth + height, height - breadth])
    corners = np.array([-right - down, right - down, right + down, down - right])
    return np.asarray(middle + corners + turned, np.float32)


def _screen(quad: Quad) -> Quad:
    """Where the windscreen is of the vehicle whose plate this is: everything over it, as far as a lorry is high."""
    upper = (quad[0] + quad[1]) / 2
    right = (quad[1] + quad[2] - quad[0] - quad[3]) / 2
    up = np.array([right[1], -right[0]], np.float32)
    ends = [(-side, high) for side, high in ((_SCREEN_SIDE, _SCREEN_TO), (-_SCREEN_SIDE, _SCREEN_TO))]
    ends += [(side, _SCREEN_FROM) for side in (_SCREEN_SIDE, -_SCREEN_SIDE)]
    return np.array([upper + side * right + high * up for side, high in ends], np.float32)


def _blur(picture: Picture, quad: Quad, cells: tuple[int, int]) -> None:
    """Leave a few colours, in place: so many across and down."""
    left, top, right, bottom = _bounds(quad, picture)
    if right <= left or bottom <= top:
        return
    part = picture[top:bottom, left:right]
    size = part.shape[1], part.shape[0]
    few = cv2.resize(part, (min(cells[0], size[0]), min(cells[1], size[1])), interpolation=cv2.INTER_AREA)
    blurred = cv2.resize(few, size, interpolation=cv2.INTER_CUBIC)
    mask = _mask(quad - np.array([left, top], np.float32), part.shape[:2])
    part[mask > 0] = blurred.reshape(part.shape)[mask > 0]


def _mask(quad: Quad, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    mask = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(mask, np.round(quad).astype(np.int32), 255)
    return mask


def _bounds(quad: Quad, picture: Picture) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what lies in the picture."""
    high, wide = picture.shape[:2]
    left, top = np.floor(quad.min(0)).astype(int).tolist()
    right, bottom = np.ceil(quad.max(0)).astype(int).tolist()
    return max(0, left), max(0, top), min(wide, right + 1), min(high, bottom + 1)


def _is_of(quad: Quad, other: Quad) -> bool:
    """Whether two findings are of one plate."""
    shared, _ = cv2.intersectConvexConvex(cv2.convexHull(quad), cv2.convexHull(other))
    smaller = min(cv2.contourArea(cv2.convexHull(quad)), cv2.contourArea(cv2.convexHull(other)))
    return float(shared) > _OWN * max(1.0, smaller)
