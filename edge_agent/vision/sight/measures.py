"""Figures of one picture that need no other."""

from dataclasses import dataclass

import cv2
import numpy as np

from edge_agent.vision.sight.picture import WIDTH_PX, Picture, SightPicture

_LEVELS = 4
_NOISE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
"""Takes edges and slopes away, and leaves noise as it is (Immerkær, 1996)."""
_CLIPPED = 250


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a whole picture.

    Attributes:
        level: mean luma.
        brightest: luma that 5 % of the picture are brighter than.
        clipped: part of the picture that is white.
        colour: mean distance of U and V from grey; 0 from a camera without colour.
        noise: standard deviation of the noise where nothing else is, in levels.
        stripes: standard deviation of whole rows or columns beside their neighbours, in levels.
    """

    level: float
    brightest: float
    clipped: float
    colour: float
    noise: float
    stripes: float


@dataclass(frozen=True, slots=True)
class Grain:
    """What a sensor or a cable adds.

    Attributes:
        noise, stripes: as of `Figures`.
    """

    noise: float
    stripes: float


def grain(grey: Picture) -> Grain:
    """Measure a picture; it takes as long as all other figures, and what it tells of lasts."""
    return Grain(_noise(grey), max(_stripes(grey, 1), _stripes(grey, 0)))


def figures(picture: SightPicture, small: Picture, added: Grain) -> Figures:
    """Measure a picture, and the same at a quarter of its size, whose grain is known."""
    colour = 0.0 if picture.chroma is None else float(np.abs(picture.chroma - 128).mean())
    return Figures(
        level=float(small.mean()),
        brightest=float(np.partition(small, -small.size // 20, axis=None)[-small.size // 20]),
        clipped=float(np.count_nonzero(small >= _CLIPPED)) / small.size,
        colour=colour,
        noise=added.noise,
        stripes=added.stripes,
    )


def _noise(grey: Picture) -> float:
    """Where least else is, in the middle half of the picture."""
    middle = grey[:, WIDTH_PX // 4 : 3 * WIDTH_PX // 4]
    off = cv2.convertScaleAbs(cv2.filter2D(middle, cv2.CV_16S, _NOISE), alpha=_LEVELS)
    cells = np.sort(cv2.resize(off, (10, 12), interpolation=cv2.INTER_AREA), axis=None) / (_LEVELS * 6)
    return float(cells[cells.size // 4] * np.sqrt(np.pi / 2))


def _stripes(grey: Picture, axis: int) -> float:
    means = cv2.reduce(grey, axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
    smooth = np.convolve(means, np.full(9, 1 / 9, np.float32), "valid")
    return float(np.median(np.abs(means[4:-4] - smooth)) * 1.48)
