"""One picture of a second, as the judge of sight takes it, and its edges at two scales."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.frames import Frame

WIDTH_PX, HEIGHT_PX = 480, 288
"""Every picture is judged at this size, whatever its aspect is. Fine edges are those at this scale: a blur of 3 pixels
takes three quarters of them."""
_COARSER: Final = 4
"""Coarse ones at a quarter of that, where the same blur takes a quarter."""
ROWS, COLUMNS = 9, 15
"""Cells of a picture. All sizes divide each other: an area resize by a broken ratio takes ten times as long."""

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Edges:
    """Slopes of luma, in levels a pixel, shape (height, width)."""

    across: Floats
    down: Floats


@dataclass(frozen=True, slots=True)
class SightPicture:
    """What is judged.

    Attributes:
        grey: luma, shape (HEIGHT_PX, WIDTH_PX), not blurred.
        chroma: mean U and V of each cell, shape (2, rows, columns); None from a camera without colour.
    """

    grey: Picture
    chroma: Floats | None


def sight_picture(frame: Frame) -> SightPicture:
    """A frame as it is judged."""
    grey = frame.grey
    if grey.shape != (HEIGHT_PX, WIDTH_PX):
        grey = cv2.resize(grey, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    chroma = None
    if frame.chroma is not None:
        chroma = np.stack([by_cell(_enlarged(plane)) for plane in frame.chroma])
    return SightPicture(grey, chroma)


def _enlarged(plane: Picture) -> Picture:
    """Something whose size is a multiple of the cells', by the pixels next to them."""
    return cv2.resize(plane, (4 * COLUMNS, 4 * ROWS), interpolation=cv2.INTER_NEAREST)  # type: ignore[return-value]


def by_cell(plane: Picture | Floats) -> Floats:
    """The mean of each cell, shape (rows, columns), of a plane whose size is a multiple of that."""
    return cv2.resize(plane, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)


def fine_edges(grey: Picture) -> Edges:
    """Edges at the picture's own scale, those of every second row: they tell as much as all."""
    full = edges_of(grey)
    return Edges(full.across[::2].copy(), full.down[::2].copy())


def edges_of(grey: Picture) -> Edges:
    """Edges between each pixel and the next ones."""
    return Edges(
        cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8),  # type: ignore[arg-type]
        cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8),  # type: ignore[arg-type]
    )


def coarse(grey: Picture) -> Picture:
    """The picture at a quarter of its size."""
    size = WIDTH_PX // _COARSER, HEIGHT_PX // _COARSER
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def doubled(edges: Edges) -> Edges:
    """The same edges at twice their angle, as long as they were.

    So an edge is the same whichever of its sides is the brighter one, by day and by lamp light, and noise, which has no
    direction, still adds up to nothing.
    """
    length = cv2.magnitude(edges.across, edges.down) + np.float32(1e-3)
    across = (edges.across**2 - edges.down**2) / length
    return Edges(across, 2 * edges.across * edges.down / length)


def product(one: Edges, other: Edges) -> Floats:
    """By cell, the mean product of edges that stand in one place and direction."""
    both = cv2.multiply(one.across, other.across)
    cv2.accumulateProduct(one.down, other.down, both)
    return by_cell(both)  # type: ignore[arg-type]


def energy(edges: Edges) -> Floats:
    """By cell, the mean square of its edges."""
    return product(edges, edges)
